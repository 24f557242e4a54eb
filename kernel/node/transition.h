/* SPDX-License-Identifier: MIT */
#pragma once

/* transition.h: how one block changes the control record: turns, exclusion, shares, tips, rejoins,
 * evidence, and by swap.h the plan of a swap.
 *
 * Pure: the record before, the block and the facts that its kernel transactions need give the
 * record after, or say that the block is invalid. Signatures were checked before.
 *
 * Unless a function's own comment says otherwise:
 *   owns     records are counted; what is given out is the caller's reference
 *   threads  the core's
 *   errors   QN_INVALID: a kernel transaction that is not valid here; QN_NO_SPACE: over the budget
 *
 * Source: finality.md 3.5, 5.4, 5.5, 9, 12.
 */

#include <stdbool.h>

#include "kernel/chain/beacon.h"
#include "kernel/chain/control.h"
#include "kernel/chain/kernel_tx.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tx.h"
#include "kernel/node/setup.h"

enum {
    QNK_BLOCK_KERNEL_TXS_MAX = 64, /* kernel transactions of a block */
    QNK_MISSED_MAX = 10,           /* of the last QNK_CONTROL_TURNS turns; more exclude a member */
    QNK_TIP_NOTICE = 3,            /* windows after which a tip is in force */
    /* Windows that a block may bring evidence of. While one is not final blocks reach two further,
     * so what is learned at its end comes in the third. Who judges a block of window w, with w - 1
     * final, takes the set of w - 3 from the final window w - 6: of QNK_FINALS the sixth. */
    QNK_EVIDENCE_BACK = QNK_CONTROL_EVIDENCE_WINDOWS,
};

/* The record of genesis: bindings from the parameters, tips as the first links of window 0. */
QN_MUST_CHECK int32_t qnk_transition_genesis(struct qnk_budget *budget,
                                             const struct qnk_params *params,
                                             const struct qnk_set *set, const struct qnk_hash *tips,
                                             struct qnk_control **control);

struct qnk_transition {
    struct qnk_control *control; /* being changed, refs 1 */
    const struct qnk_set *set;   /* of the block's window */
    const struct qnk_params *params;
    uint64_t window;
    uint32_t kernel_txs; /* so far */
    uint32_t n;          /* blocks of a window */
    uint64_t height;
    uint32_t offenders[QNK_BLOCK_KERNEL_TXS_MAX]; /* whom this block convicts */
    uint32_t offenders_count;
};

/* What a block is to the record beside its transactions. */
struct qnk_transition_block {
    uint64_t height;
    uint32_t view;     /* its rank */
    uint32_t primary;  /* member that rank 0 of this height belongs to */
    uint32_t producer; /* member that made it */
};

/* Takes a copy of `before` and counts the block's turn. `params` is borrowed until the end. */
QN_MUST_CHECK int32_t qnk_transition_begin(struct qnk_transition *transition,
                                           const struct qnk_control *before,
                                           const struct qnk_set *set,
                                           const struct qnk_params *params,
                                           const struct qnk_transition_block *block);

/* One kernel transaction, in the block's order. Its signature, and those inside evidence, are good;
 * its sender and valid_until were not looked at. */
QN_MUST_CHECK int32_t qnk_transition_tx(struct qnk_transition *transition, const struct qnk_tx *tx);

/* Whether no block of `height` or above can take a kernel transaction, on no chain that goes on
 * from this record: it has expired, or its word has been said. A rejoin besides that was made when
 * its sender was in. Looks at no signature. */
bool qnk_transition_is_over(const struct qnk_control *control, const struct qnk_set *set,
                            uint32_t n, uint64_t height, const struct qnk_tx *tx);

/* Whether evidence with this payload has been on the chain, so that no block can bring it again. */
bool qnk_transition_knows(const struct qnk_control *control, struct qn_span payload);

/* The record after the block; the transition is over, whatever comes of it. QN_NO_SPACE alone. */
QN_MUST_CHECK int32_t qnk_transition_end(struct qnk_transition *transition,
                                         struct qnk_control **control);

/* Ends a transition whose block is invalid. */
void qnk_transition_drop(struct qnk_transition *transition);

/* The beacon after `window`: over the shares of the window before that blocks of this one
 * brought. */
QN_MUST_CHECK int32_t qnk_transition_beacon(const struct qnk_control *control,
                                            const struct qnk_hash *previous, uint64_t window,
                                            struct qnk_hash *beacon);

/* Whether `link` is a share of `member` for `window` that a block of window + 1 may bring. */
bool qnk_transition_share_fits(const struct qnk_control *control, uint32_t member, uint64_t window,
                               const struct qnk_hash *link);
