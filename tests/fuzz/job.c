/* SPDX-License-Identifier: MIT */

/* job.c: the two jobs that take what peers send: transactions on their way, and a block's body. The
 * first byte is the kind, the second how many rows the header of a body promises. */

#include "kernel/node/job.h"
#include "kernel/chain/merkle.h"
#include "tests/fuzz/fuzz.h"

static struct qnk_budget budget = {.limit = 1 << 24};

static void refs_run(const struct qnk_job *job, struct qn_span rows)
{
    uint64_t at = (uint64_t)(rows.data - job->buf->data);

    for (uint32_t i = 0; i < job->refs_count; i++) {
        const struct qnk_tx_ref *ref = &job->refs[i];
        struct qnk_hash id;
        struct qnk_tx tx;

        QN_ASSERT(ref->buf == job->buf && ref->offset == at);
        QN_ASSERT(qnk_tx_decode((struct qn_span){job->buf->data + at, ref->size}, &tx) == QN_OK);
        qnk_tx_id(&tx, &id);
        QN_ASSERT(qnk_hash_equal(&id, &ref->id) && ref->is_kernel == qnk_tx_is_kernel(&tx));
        at += ref->size;
    }
    QN_ASSERT(at == job->buf->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qnk_job_host host;

    if (size < 2) {
        return 0;
    }

    bool is_body = data[0] % 2 == 1;
    struct qnk_job *job = qnk_job_create(&budget, is_body ? QNK_JOB_BODY : QNK_JOB_INTAKE, 1);

    QN_ASSERT(job != NULL);
    job->buf = qnk_buf_copy(&budget, (struct qn_span){data + 2, size - 2});
    QN_ASSERT(job->buf != NULL);
    job->txs_max = data[1];
    job->bytes_max = UINT32_MAX;
    qnk_job_run(job, &host, 0);
    QN_ASSERT(job->status == QN_OK || job->status == QN_INVALID);
    if (job->status == QN_OK) {
        QN_ASSERT(!is_body || job->refs_count == job->txs_max);
        refs_run(job, (struct qn_span){job->buf->data + (is_body ? 0 : 4), 0});
    }
    qnk_job_destroy(job);
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t from[QN_KEY_SIZE] = {3}, signature[QN_SIG_SIZE] = {4}, payload[40];
    struct qnk_tx tx = {.from = from, .signature = signature, .valid_until = 9, .fee = 1000};
    uint8_t bytes[6 + 2 * QNK_TX_TRANSFER_SIZE] = {1, 2};

    tx.payload = (struct qn_span){payload, sizeof payload};
    qnk_tx_encode(&tx, bytes + 2);
    qnk_tx_encode(&tx, bytes + 2 + QNK_TX_TRANSFER_SIZE);
    take(bytes, sizeof bytes - 4);
    take((const uint8_t[]){1, 0}, 2);
    take((const uint8_t[]){0, 0, 0, 0, 0, 0}, 6);
    bytes[0] = 0;
    qn_le32_write(bytes + 2, 2);
    qnk_tx_encode(&tx, bytes + 6);
    qnk_tx_encode(&tx, bytes + 6 + QNK_TX_TRANSFER_SIZE);
    take(bytes, sizeof bytes);
}
