/* SPDX-License-Identifier: MIT */
#pragma once

/* swap.h: how a plan lives in the control record: proposed, bound, active, settled; or lapsed,
 * cancelled, failed.
 *
 * Pure and driven by blocks alone, as all of a transition (transition.h), whose part it is. What it
 * decides at the end of window w - 3 is all that says which plugin serves w: no clock, file or flag
 * of a node does.
 *
 * An engine fails by the word of a third of the weight: each member says by `fallback` once that a
 * window of the binding was decided by an attempt after the first, on probation or later. That it
 * may say so is no matter of time: a quorum gave such a window up, after probation by its
 * operators' word. While a plan waits to be bound, the engine before is bound anew as ever, and the
 * plan falls back to that. Once it is bound, words on the engine before it still count: then the
 * plan falls back to what was before that, from three windows later on. So nothing falls back to
 * what the record that decides on its window knew to have failed, if there is another one. What
 * fails in the last windows before a plan is known too late for the first windows of the plan.
 * (finality.md 12.4 has one such transaction, valid where the certificate is held: a block that
 * must wait for bytes that most nodes have in another form would stop who replays the chain; a
 * third holds an honest member, and what it says needs no certificate.)
 *
 * Readiness is counted with the set of the window that ends, as sets do not change yet; it is
 * set(H) that counts once they do.
 *
 * Unless a function's own comment says otherwise:
 *   units    windows
 *   owns     `control` is the caller's own copy (refs 1)
 *   threads  the core's
 *   errors   QN_INVALID: not valid here; QN_NO_SPACE: over the budget
 *
 * Source: finality.md 12.1, 12.2; abi.md 7.
 */

#include "kernel/chain/control.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tx.h"

enum { QNK_SWAP_LAG = 3 }; /* windows from what decides to what it decides on: finality.md 2 */

/* Where a transaction of a swap stands. */
struct qnk_swap_place {
    const struct qnk_set *set;
    const struct qnk_swap_rules *rules;
    uint64_t window; /* of the block */
    uint32_t sender; /* member */
};

/* Whether the last plan, which is past its probation, may still fail in a block of this window:
 * what says so may not be on the chain before the windows of its probation are final. A plan that
 * came before would fall back to an engine that does not work, so none is valid until then. */
bool qnk_swap_may_fail(const struct qnk_control *control, uint64_t window);

/* Why a plan, ready or cancel is not valid here, in words; NULL: it is. */
const char *qnk_swap_tx_fault(const struct qnk_control *control, const struct qnk_swap_place *place,
                              uint8_t kind, struct qn_span payload);

/* Whether no block that follows on this record can take it: its plan is over, or its member has
 * said so already. */
bool qnk_swap_tx_is_over(const struct qnk_control *control, uint32_t sender,
                         const struct qnk_tx *tx);

/* The nonce of a kernel transaction here: of a plan the window in which the life of the one before
 * changed last, of words on a plan that of the plan; 0 of others. So what was signed for a plan
 * that is over cannot be brought again by somebody else when another one is over too. */
uint64_t qnk_swap_nonce(const struct qnk_control *control, uint8_t kind);

/* Takes it; when that fails the record stays as it was. */
QN_MUST_CHECK int32_t qnk_swap_tx(struct qnk_control *control, const struct qnk_swap_place *place,
                                  uint8_t kind, struct qn_span payload);

/* The first block of a window begins; each block is in rank `view`; the last one of a window ends,
 * which had `n` blocks. */
void qnk_swap_begin(struct qnk_control *control, uint64_t window);
void qnk_swap_block(struct qnk_control *control, uint32_t view);
QN_MUST_CHECK int32_t qnk_swap_end(struct qnk_control *control, const struct qnk_set *set,
                                   uint64_t window, uint32_t n);

/* The plan's weight so far, for those who look on. */
uint64_t qnk_swap_weight(const struct qnk_control *control, const struct qnk_set *set,
                         uint8_t word);
