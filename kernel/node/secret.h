/* SPDX-License-Identifier: MIT */
#pragma once

/* secret.h: what is derived from a validator's seed besides signatures: the blinds of commits and
 * the links of its beacon chains. Held by hosts beside the key; the core asks for one window at a
 * time.
 *
 * k = H("qnet/secret", seed); blind = H("qnet/blind", k || le32 era || le64 window); L_0 of chain g
 * = H("qnet/link", k || le64 g), so a lost disk loses nothing.
 *
 * Unless a function's own comment says otherwise:
 *   owns     whoever holds one wipes it when done, with qnk_secret_done
 *   threads  one at a time
 *   cost     init and a change of chains: 2^20 hashes; else at most 2^10
 *
 * Source: finality.md 5.1, 9.
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum { QNK_SECRET_MARKS = 1024, QNK_SECRET_CHAINS_MAX = 16 };

struct qnk_secret {
    struct qnk_hash k;
    uint64_t chain;  /* g of the marks */
    uint64_t chains; /* that may have been begun: looking through all costs a second or more */
    struct qnk_hash marks[QNK_SECRET_MARKS + 1]; /* every 1,024th link, the tip last */
};

void qnk_secret_init(struct qnk_secret *secret, const uint8_t seed[32]);
void qnk_secret_done(struct qnk_secret *secret);

/* The tip of the first chain: what stands in a network file. */
void qnk_secret_tip(const struct qnk_secret *secret, struct qnk_hash *tip);

void qnk_secret_blind(const struct qnk_secret *secret, uint32_t era, uint64_t window,
                      struct qnk_hash *blind);

/* The own link for `window`, given the last one that the chain knows, shown for `last_window`.
 * False: none is left, or `last` is none of ours; `next_tip` is then the tip of a fresh chain. */
bool qnk_secret_share(struct qnk_secret *secret, const struct qnk_hash *last, uint64_t last_window,
                      uint64_t window, struct qnk_hash *share, struct qnk_hash *next_tip);
