/* SPDX-License-Identifier: MIT */
#pragma once

/* leader.h: who leads a round: drawn by weight from the seed that `open` brings. For engines, and
 * its product for whoever draws by weight; no part of the ABI, as nothing here crosses it.
 *
 *   threads  any
 *   cost     one hash, and linear in the members
 *
 * Source: finality.md, section 7.1.
 */

#include <qnet/consensus.h>

/* The high half of a * b. */
static inline uint64_t qn_product_high(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32;
    uint64_t b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);

    return a_high * b_high + (middle >> 32) + (((uint32_t)middle + a_low * b_high) >> 32);
}

/* The index of the leader among `count` members whose weights sum up to `total`, above 0. */
static inline uint32_t qn_leader_draw(const struct qn_host *host, const uint8_t *seed,
                                      uint64_t window, uint32_t round, const uint64_t *weights,
                                      uint32_t count, uint64_t total)
{
    static const uint8_t tag[] = {'q', 'n', 'e', 't', '/', 'l', 'e', 'a', 'd', 'e', 'r'};
    uint8_t place[QN_HASH_SIZE + 12];
    uint8_t draw[QN_HASH_SIZE];
    struct qn_span tag_span, part;
    uint64_t target, sum = 0;
    uint32_t member = 0;

    memcpy(place, seed, QN_HASH_SIZE);
    qn_le64_write(place + QN_HASH_SIZE, window);
    qn_le32_write(place + QN_HASH_SIZE + 8, round);
    tag_span.data = tag;
    tag_span.size = sizeof tag;
    part.data = place;
    part.size = sizeof place;
    host->hash(tag_span, &part, 1, draw);
    target = qn_product_high(qn_le64_read(draw), total);
    while (member < count && (sum += weights[member]) <= target) {
        member++;
    }
    QN_ASSERT(member < count);
    return member;
}
