/* SPDX-License-Identifier: MIT */

#include "kernel/chain/beacon.h"

#include <qnet/assert.h>

#include "kernel/chain/tags.h"

void qnk_beacon_climb(const struct qnk_hash *link, uint32_t steps, struct qnk_hash *top)
{
    *top = *link;
    for (uint32_t i = 0; i < steps; i++) {
        qnk_hash_tagged(QNK_TAG_LINK, top->bytes, QN_HASH_SIZE, top);
    }
}

bool qnk_beacon_share_fits(const struct qnk_hash *last, uint64_t last_window,
                           const struct qnk_hash *link, uint64_t window)
{
    struct qnk_hash top;

    if (window <= last_window || window - last_window > QNK_BEACON_STEPS_MAX) {
        return false;
    }
    qnk_beacon_climb(link, (uint32_t)(window - last_window), &top);
    return qnk_hash_equal(&top, last);
}

void qnk_beacon_first(const struct qnk_hash *chain_id, struct qnk_hash *beacon)
{
    qnk_hash_tagged(QNK_TAG_BEACON, chain_id->bytes, QN_HASH_SIZE, beacon);
}

void qnk_beacon_next(const struct qnk_hash *previous, uint64_t window,
                     const struct qnk_beacon_share *shares, uint32_t count, struct qnk_hash *beacon)
{
    struct qnk_sha256 sha;
    uint8_t number[8];

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, QNK_TAG_BEACON, sizeof QNK_TAG_BEACON - 1);
    qnk_sha256_add(&sha, previous->bytes, QN_HASH_SIZE);
    qn_le64_write(number, window);
    qnk_sha256_add(&sha, number, 8);
    for (uint32_t i = 0; i < count; i++) {
        QN_ASSERT(i == 0 || shares[i].member > shares[i - 1].member);
        qn_le32_write(number, shares[i].member);
        qnk_sha256_add(&sha, number, 4);
        qnk_sha256_add(&sha, shares[i].link.bytes, QN_HASH_SIZE);
    }
    qnk_sha256_done(&sha, beacon->bytes);
}
