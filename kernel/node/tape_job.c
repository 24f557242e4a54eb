/* SPDX-License-Identifier: MIT */

/* tape_job.c: a checksum of a job's answers, made where the job ran, so that no loop pays for it.
 */

#include "kernel/base/crc32c.h"
#include "kernel/node/tape.h"

static uint32_t add_number(uint32_t sum, uint64_t number)
{
    uint8_t bytes[8];

    qn_le64_write(bytes, number);
    return qnk_crc32c(sum, bytes, sizeof bytes);
}

static uint32_t add_buf(uint32_t sum, const struct qn_buf *buf)
{
    if (buf == NULL) {
        return sum;
    }
    return qnk_crc32c(add_number(sum, buf->size), buf->data, buf->size);
}

/* Transactions that INTAKE and BODY found. */
static uint32_t add_refs(uint32_t sum, const struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->refs_count; i++) {
        const struct qnk_tx_ref *ref = &job->refs[i];

        sum = qnk_crc32c(sum, ref->id.bytes, QN_HASH_SIZE);
        sum = add_number(sum, (uint64_t)ref->offset << 32 | ref->size);
    }
    return sum;
}

static uint32_t add_verdicts(uint32_t sum, const struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->refs_count; i++) {
        const struct qnk_tx_verdict *verdict = &job->verdicts[i];

        sum = add_number(sum, verdict->next);
        sum = add_number(sum, verdict->priority);
        sum = add_number(sum, (uint64_t)verdict->code << 1 | verdict->key_known);
    }
    return sum;
}

static uint32_t add_bits(uint32_t sum, const struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->sigs_count; i++) {
        sum = add_number(sum, qnk_bit(job->bitmap, i));
    }
    return sum;
}

static uint32_t add_pages(uint32_t sum, const struct qnk_page_set *pages)
{
    sum = add_number(sum, pages->pages);
    for (uint32_t i = 0; i < pages->count; i++) {
        sum = add_number(sum, pages->indexes[i]);
    }
    return add_buf(sum, pages->bytes);
}

static uint32_t add_built(uint32_t sum, const struct qnk_job *job)
{
    sum = add_buf(add_buf(sum, job->rows), job->ids);
    sum = qnk_crc32c(sum, job->codes, job->refs_count);
    return add_number(sum, job->included);
}

uint32_t qnk_tape_job_digest(const struct qnk_job *job)
{
    uint32_t sum = add_number(0, (uint64_t)job->kind << 32 | (uint32_t)job->status);

    if (job->status != QN_OK) {
        return sum;
    }
    sum = qnk_crc32c(sum, job->root.bytes, QN_HASH_SIZE);
    sum = qnk_crc32c(sum, job->effects.bytes, QN_HASH_SIZE);
    switch ((enum qnk_job_kind)job->kind) {
    case QNK_JOB_INTAKE:
    case QNK_JOB_BODY:
        return add_refs(sum, job);
    case QNK_JOB_VERIFY:
    case QNK_JOB_KEEP:
        return add_verdicts(sum, job);
    case QNK_JOB_SIGS:
        return add_bits(sum, job);
    case QNK_JOB_BUILD:
        return add_buf(add_built(sum, job), job->undo);
    case QNK_JOB_APPLY:
        return add_buf(sum, job->undo);
    case QNK_JOB_END:
        sum = qnk_crc32c(sum, job->members->hash.bytes, QN_HASH_SIZE);
        return add_pages(sum, &job->pages);
    case QNK_JOB_UNDO:
        break;
    }
    return sum;
}
