/* SPDX-License-Identifier: MIT */

/* tx.c: rows of transactions, and the payloads that the kernel itself reads. */

#include "kernel/chain/tx.h"
#include "kernel/chain/abandon.h"
#include "kernel/chain/kernel_tx.h"
#include "tests/fuzz/fuzz.h"

static uint8_t again[QNK_TX_SIZE_MAX];

static void evidence_run(struct qn_span payload)
{
    struct qnk_evidence evidence;
    struct qnk_hash place;

    if (qnk_evidence_decode(payload, &evidence) == QN_OK) {
        QN_ASSERT(fuzz_is_same(payload, again, qnk_evidence_encode(&evidence, again)));
        (void)qnk_evidence_proves(&evidence);
        qnk_evidence_place(&evidence, &place);
    }
}

static void payload_run(uint8_t kind, struct qn_span payload)
{
    struct qnk_transfer transfer;
    struct qnk_share share;
    struct qnk_tip tip;

    if (kind == QNK_TX_TRANSFER && qnk_transfer_decode(payload, &transfer) == QN_OK) {
        qnk_transfer_encode(&transfer, again);
        QN_ASSERT(fuzz_is_same(payload, again, 40));
    } else if (kind == QNK_TX_SHARE && qnk_share_decode(payload, &share) == QN_OK) {
        qnk_share_encode(&share, again);
        QN_ASSERT(fuzz_is_same(payload, again, QNK_SHARE_SIZE));
    } else if (kind == QNK_TX_TIP && qnk_tip_decode(payload, &tip) == QN_OK) {
        qnk_tip_encode(&tip, again);
        QN_ASSERT(fuzz_is_same(payload, again, QNK_TIP_SIZE));
    } else if (kind == QNK_TX_EVIDENCE) {
        evidence_run(payload);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    static const struct qnk_hash chain_id = {.bytes = {1}};
    struct qn_span rest = {data, size};
    struct qnk_tx tx;
    struct qnk_hash id;

    while (qnk_tx_next(&rest, &tx) == QN_OK) {
        QN_ASSERT(tx.bytes.size == qnk_tx_size((uint32_t)tx.payload.size));
        qnk_tx_encode(&tx, again);
        memcpy(again + tx.bytes.size - QN_SIG_SIZE, tx.signature, QN_SIG_SIZE);
        QN_ASSERT(fuzz_is_same(tx.bytes, again, tx.bytes.size));
        qnk_tx_id(&tx, &id);
        QN_ASSERT(qnk_tx_message(&tx, &chain_id, message) <= sizeof message);
        payload_run(tx.kind, tx.payload);
        if (!qnk_tx_is_kernel(&tx)) {
            for (uint8_t kind = QNK_TX_TRANSFER; kind <= QNK_TX_KERNEL_LAST; kind++) {
                payload_run(kind, tx.payload);
            }
        }
    }
    QN_ASSERT(rest.data + rest.size == data + size);
    return 0;
}

/* Evidence of one type that proves something. */
static uint32_t evidence_make(uint8_t type, uint8_t *to)
{
    struct qnk_evidence evidence = {.type = type, .member = 2, .window = 7};

    for (int i = 0; i < 2; i++) {
        struct qnk_vote *vote = &evidence.votes[i];

        evidence.blocks[i] =
            (struct qnk_micro){.version = QNK_MICRO_VERSION, .producer = 2, .height = 70};
        evidence.blocks[i].time_ms = (uint64_t)i;
        *vote = (struct qnk_vote){.window = 7, .member = 2, .vr = -1, .round = 1};
        vote->step = type == QNK_EVIDENCE_DOUBLE_VOTE ? QNK_STEP_PREPARE : QNK_STEP_FINAL;
        vote->digest.bytes[0] = (uint8_t)(i + 1);
    }
    if (type == QNK_EVIDENCE_FALSE_OPENING) {
        evidence.votes[0].step = QNK_STEP_COMMIT;
        evidence.votes[1].step = QNK_STEP_PREPARE;
        evidence.votes[0].round = evidence.votes[1].round = 0;
        evidence.votes[1].open.bytes[0] = 9;
    }
    if (type == QNK_EVIDENCE_LOCK_VIOLATION) {
        evidence.votes[1].step = QNK_STEP_PREPARE;
        evidence.votes[1].round = 3;
    }
    if (type == QNK_EVIDENCE_AFTER_ABANDON) {
        static uint8_t words[QNK_STANDING_SIZE];
        struct qnk_standing stood = {.lock_round = -1, .round = 1};

        qnk_standing_encode(&stood, words);
        qnk_standing_digest(words, &evidence.votes[0].digest);
        evidence.votes[0].step = QNK_STEP_ABANDON;
        evidence.votes[0].round = 0;
        evidence.votes[0].tail = (struct qn_span){words, sizeof words};
    }
    return qnk_evidence_encode(&evidence, to);
}

static size_t tx_make(uint8_t kind, struct qn_span payload, uint8_t *to)
{
    static const uint8_t from[QN_KEY_SIZE] = {3}, signature[QN_SIG_SIZE] = {4};
    struct qnk_tx tx = {.kind = kind, .payload = payload, .from = from, .signature = signature};

    tx.valid_until = 100;
    tx.nonce = kind == QNK_TX_TRANSFER ? 5 : 0;
    tx.fee = kind == QNK_TX_TRANSFER ? 1000 : 0;
    qnk_tx_encode(&tx, to);
    return qnk_tx_size((uint32_t)payload.size);
}

void fuzz_seeds(fuzz_take *take)
{
    static uint8_t rows[4 * QNK_TX_USER_SIZE_MAX];
    uint8_t payload[QNK_EVIDENCE_MAX];
    struct qnk_share share = {.window = 3, .member = 1};
    struct qnk_tip tip = {.window = 9};
    size_t size = tx_make(QNK_TX_TRANSFER, (struct qn_span){payload, 40}, rows);

    qnk_share_encode(&share, payload);
    size += tx_make(QNK_TX_SHARE, (struct qn_span){payload, QNK_SHARE_SIZE}, rows + size);
    qnk_tip_encode(&tip, payload);
    size += tx_make(QNK_TX_TIP, (struct qn_span){payload, QNK_TIP_SIZE}, rows + size);
    size += tx_make(QNK_TX_REJOIN, (struct qn_span){payload, 0}, rows + size);
    take(rows, size);
    for (uint8_t type = QNK_EVIDENCE_DOUBLE_BLOCK; type <= QNK_EVIDENCE_AFTER_ABANDON; type++) {
        struct qn_span bytes = {payload, evidence_make(type, payload)};

        take(rows, tx_make(QNK_TX_EVIDENCE, bytes, rows));
    }
}
