/* SPDX-License-Identifier: MIT */
#pragma once

/* beacon.h: chain randomness from hash chains, stage 1.
 *
 * Each member has links L_0, L_{j+1} = H("qnet/link", L_j) and publishes the tip L_{2^20}. Its
 * share for a window is the next link down. The beacon orders producers and leaders and chooses
 * nothing else: whoever sees the others' shares may withhold its own.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any: nothing is kept between calls
 *
 * Source: finality.md section 9.
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum {
    QNK_BEACON_LINKS = 1 << 20,
    QNK_BEACON_STEPS_MAX = 4096, /* windows that a member may miss before it needs a new tip */
};

/* `steps` links up from `link`. */
void qnk_beacon_climb(const struct qnk_hash *link, uint32_t steps, struct qnk_hash *top);

/* Whether `link`, shown for `window`, descends from `last`, which was shown for `last_window`. */
bool qnk_beacon_share_fits(const struct qnk_hash *last, uint64_t last_window,
                           const struct qnk_hash *link, uint64_t window);

/* The beacon of genesis: H("qnet/beacon", chain_id). */
void qnk_beacon_first(const struct qnk_hash *chain_id, struct qnk_hash *beacon);

struct qnk_beacon_share {
    uint32_t member;
    struct qnk_hash link;
};

/* H("qnet/beacon", previous || le64 window || (le32 member || link)...), shares in member order. */
void qnk_beacon_next(const struct qnk_hash *previous, uint64_t window,
                     const struct qnk_beacon_share *shares, uint32_t count,
                     struct qnk_hash *beacon);
