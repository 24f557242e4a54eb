/* SPDX-License-Identifier: MIT */

/* vote.c: votes in a row, as they travel. */

#include "kernel/chain/vote.h"
#include "kernel/chain/macro.h"
#include "tests/fuzz/fuzz.h"

static void tail_run(const struct qnk_vote *vote)
{
    struct qnk_vote_tail parts = qnk_vote_tail(vote);
    uint64_t fixed = parts.blind != NULL ? 2 * QN_HASH_SIZE : parts.header.size;

    QN_ASSERT(parts.body.size <= QNK_VOTE_BODY_MAX);
    QN_ASSERT(vote->step == QNK_STEP_ABANDON || fixed + parts.body.size == vote->tail.size);
    QN_ASSERT(parts.header.size == 0 || parts.header.size == QNK_MACRO_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[QNK_VOTE_WIRE_SIZE + QNK_VOTE_TAIL_MAX];
    static const struct qnk_hash chain_id = {.bytes = {1}};
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];
    struct qn_span rest = {data, size};
    struct qnk_vote vote;
    struct qnk_hash hash;

    for (;;) {
        struct qn_span before = rest;

        if (qnk_vote_next(&rest, &vote) != QN_OK) {
            QN_ASSERT(rest.data == before.data && rest.size == before.size);
            return 0;
        }
        before.size -= rest.size;
        QN_ASSERT(before.size == qnk_vote_size(&vote) && before.size <= sizeof again);
        qnk_vote_encode(&vote, again);
        QN_ASSERT(fuzz_is_same(before, again, before.size));
        tail_run(&vote);
        vote.binding = chain_id;
        qnk_vote_message(&vote, &chain_id, message);
        qnk_vote_commitment(&vote, &vote.digest, vote.open.bytes, &hash);
    }
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t tail[QNK_MACRO_SIZE + 8];
    static const struct {
        uint16_t step;
        uint32_t round;
        uint64_t tail;
    } kinds[] = {
        {QNK_STEP_COMMIT, 0, 0},    {QNK_STEP_PREPARE, 0, 64}, {QNK_STEP_PREPARE, 2, 0},
        {QNK_STEP_FINAL, 0, 0},     {QNK_STEP_TIMEOUT, 1, 8},  {QNK_STEP_ABANDON, 0, 40},
        {QNK_STEP_PROPOSE, 0, 336}, {QNK_STEP_OWN, 0, 5},
    };
    static uint8_t bytes[8192];
    size_t size = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct qnk_vote vote = {.step = kinds[i].step, .round = kinds[i].round, .vr = -1};

        vote.window = 3;
        vote.member = 2;
        vote.vr = vote.step == QNK_STEP_PREPARE && vote.round == 2 ? 1 : -1;
        vote.tail = (struct qn_span){tail, kinds[i].tail};
        qnk_vote_encode(&vote, bytes + size);
        take(bytes + size, qnk_vote_size(&vote));
        size += qnk_vote_size(&vote);
    }
    take(bytes, size);
}
