/* SPDX-License-Identifier: MIT */
#pragma once

/* kernel_tx.h: payloads of the kernel's own transactions: evidence, share, tip, rejoin.
 *
 * They have fee 0, and nonce 0 but for words on a plan (node/swap.h), are valid once by content and
 * until the height they name, and change only the control record.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian
 *   owns     decoded views borrow the payload
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * Source: finality.md 5.4 and 5.5.
 */

#include <stdbool.h>

#include "kernel/chain/micro.h"
#include "kernel/chain/vote.h"

enum qnk_evidence_type {
    QNK_EVIDENCE_DOUBLE_BLOCK = 1,
    QNK_EVIDENCE_DOUBLE_VOTE = 2,
    QNK_EVIDENCE_LOCK_VIOLATION = 3,
    QNK_EVIDENCE_FALSE_OPENING = 4,
    QNK_EVIDENCE_AFTER_ABANDON = 5,
};

enum {
    QNK_EVIDENCE_HEAD_SIZE = 16,
    QNK_EVIDENCE_BLOCKS_SIZE = QNK_EVIDENCE_HEAD_SIZE + 2 * QNK_MICRO_SIZE,
    QNK_EVIDENCE_VOTES_SIZE = QNK_EVIDENCE_HEAD_SIZE + 2 * QNK_VOTE_ITEM_SIZE,
    QNK_EVIDENCE_ABANDON_SIZE = QNK_EVIDENCE_VOTES_SIZE + QNK_STANDING_SIZE,
    QNK_EVIDENCE_MAX = QNK_EVIDENCE_BLOCKS_SIZE, /* of all of them */
    QNK_SHARE_SIZE = 48,
    QNK_TIP_SIZE = 40,
};

struct qnk_evidence {
    uint8_t type;
    uint32_t member;
    uint64_t window;
    struct qnk_micro blocks[2]; /* type 1 */
    /* The others; `binding` is not set, `open` is. Tails are empty but for the first of type 5,
     * which is the vote of step 4: its 40 bytes stand between the two items. */
    struct qnk_vote votes[2];
};

QN_MUST_CHECK int32_t qnk_evidence_decode(struct qn_span payload, struct qnk_evidence *evidence);
/* Gives the size, QNK_EVIDENCE_MAX at most. */
uint32_t qnk_evidence_encode(const struct qnk_evidence *evidence, uint8_t *to);

/* Whether the two items, if their signatures are good, prove what the type says of `member`. All
 * but signatures and bindings is checked; every item's member and window must be the evidence's. */
bool qnk_evidence_proves(const struct qnk_evidence *evidence);

/* What makes two pieces of evidence the same: H over member, type and window. Of each type one is
 * enough; a liar can sign as many as it likes, which would leave others no room in blocks. */
void qnk_evidence_place(const struct qnk_evidence *evidence, struct qnk_hash *place);

struct qnk_share {
    uint64_t window;
    uint32_t member;
    struct qnk_hash link;
};

QN_MUST_CHECK int32_t qnk_share_decode(struct qn_span payload, struct qnk_share *share);
void qnk_share_encode(const struct qnk_share *share, uint8_t to[QNK_SHARE_SIZE]);

struct qnk_tip {
    uint64_t window; /* from here on shares descend from this tip */
    struct qnk_hash tip;
};

QN_MUST_CHECK int32_t qnk_tip_decode(struct qn_span payload, struct qnk_tip *tip);
void qnk_tip_encode(const struct qnk_tip *tip, uint8_t to[QNK_TIP_SIZE]);
