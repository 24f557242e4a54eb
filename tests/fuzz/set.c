/* SPDX-License-Identifier: MIT */

/* set.c: a list of members, as a ledger, a snapshot or a peer gives it. */

#include "kernel/chain/set.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 4 + QNK_SET_MEMBERS_MAX * 40 };

static struct qnk_budget budget = {.limit = 1 << 22};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[ROOM];
    static const uint8_t all[QNK_SET_MEMBERS_MAX / 8] = {0xff};
    struct qn_span span = {data, size};
    struct qnk_set *set;

    if (qnk_set_decode(&budget, span, &set) == QN_OK) {
        QN_ASSERT(qnk_set_size(set) == size && size <= sizeof again);
        qnk_set_encode(set, again);
        QN_ASSERT(fuzz_is_same(span, again, size));
        QN_ASSERT(set->count > 0 && set->total <= UINT64_C(1) << 53);
        QN_ASSERT(qnk_set_quorum(set) <= set->total);
        QN_ASSERT(qnk_set_weight(set, all) <= set->total);
        QN_ASSERT(qnk_set_find(set, &set->members[set->count - 1].key) == set->count - 1);
        qnk_set_unref(set);
    }
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    uint8_t bytes[4 + 5 * 40];
    uint8_t *at = qn_writer_u32(bytes, 5);

    for (uint8_t i = 0; i < 5; i++) {
        uint8_t key[QN_KEY_SIZE] = {i};

        at = qn_writer_fixed(at, key, sizeof key);
        at = qn_writer_u64(at, i == 4 ? (UINT64_C(1) << 53) - 6 : 1 + (uint64_t)(i % 2));
    }
    take(bytes, sizeof bytes);
    take(bytes, 0);
}
