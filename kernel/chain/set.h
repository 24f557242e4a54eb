/* SPDX-License-Identifier: MIT */
#pragma once

/* set.h: the validators of a window in the ledger's order, and the arithmetic of quorums.
 *
 * A member's place is its index in votes and headers. A set is made once and shared by reference:
 * windows of one epoch have the same one.
 *
 * Unless a function's own comment says otherwise:
 *   units    weights; their sum is at most 2^53
 *   threads  one at a time
 *   errors   QN_INVALID: no member, a member twice, weight 0 or a sum over 2^53;
 *            QN_NO_SPACE: over the budget
 *
 * Source: finality.md "Words" and section 4 (set hash).
 */

#include <stdbool.h>

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"

enum { QNK_SET_MEMBERS_MAX = 4096 };
#define QNK_SET_NOBODY UINT32_MAX /* the index of who is no member */

struct qnk_set_member {
    struct qnk_hash key;
    uint64_t weight;
};

struct qnk_set {
    struct qnk_hash hash; /* H("qnet/set", le32 count || le64 total || tree over (key, weight)) */
    uint64_t total;       /* W */
    uint32_t count;
    uint32_t refs;
    struct qnk_budget *budget;
    struct qnk_set_member members[];
};

/* From members in order. */
QN_MUST_CHECK int32_t qnk_set_new(struct qnk_budget *budget, const struct qnk_set_member *members,
                                  uint32_t count, struct qnk_set **set);

/* From the list<member> record of a ledger, a snapshot or a peer. */
QN_MUST_CHECK int32_t qnk_set_decode(struct qnk_budget *budget, struct qn_span from,
                                     struct qnk_set **set);
uint64_t qnk_set_size(const struct qnk_set *set); /* bytes of the record */
void qnk_set_encode(const struct qnk_set *set, uint8_t *to);

struct qnk_set *qnk_set_ref(struct qnk_set *set);
void qnk_set_unref(struct qnk_set *set); /* NULL is allowed */

/* The index of the member with `key`, or QNK_SET_NOBODY. Linear. */
uint32_t qnk_set_find(const struct qnk_set *set, const struct qnk_hash *key);

/* Q = floor(2W/3) + 1: two quorums share an honest member. */
static inline uint64_t qnk_set_quorum(const struct qnk_set *set)
{
    return 2 * set->total / 3 + 1;
}

/* P = floor(W/3) + 1: holds an honest member. */
static inline uint64_t qnk_set_third(const struct qnk_set *set)
{
    return set->total / 3 + 1;
}

static inline bool qnk_bit(const uint8_t *bitmap, uint32_t i)
{
    return (bitmap[i / 8] >> i % 8 & 1) != 0;
}

static inline void qnk_bit_set(uint8_t *bitmap, uint32_t i)
{
    bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
}

/* The weight of the members whose bit is set. */
uint64_t qnk_set_weight(const struct qnk_set *set, const uint8_t *bitmap);
