/* SPDX-License-Identifier: MIT */
#pragma once

/* macro.h: the header of a macroblock, 328 bytes. Its digest is a pure function of the chain up to
 * the window's last block, so that every attempt and every engine votes on the same value.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian, in the order of the struct
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * Source: finality.md section 4.
 */

#include "kernel/base/hash.h"

enum { QNK_MACRO_SIZE = 328, QNK_MACRO_VERSION = 1 };

struct qnk_macro {
    uint16_t version;
    uint16_t flags;        /* 0 */
    uint32_t blocks_count; /* n */
    uint64_t window;
    uint64_t height; /* of the last microblock: window * n */
    uint64_t time_ms;
    uint64_t tx_total;        /* transactions since genesis */
    struct qnk_hash previous; /* digest of the window before; of window 1: chain_id */
    struct qnk_hash history;  /* tree over the digests of windows 1 .. window - 1 */
    struct qnk_hash blocks;   /* tree over the ids of the window's microblocks */
    struct qnk_hash last;     /* id of the last microblock */
    struct qnk_hash state;    /* ledger root after it */
    struct qnk_hash control;  /* H("qnet/control", control record) after it */
    struct qnk_hash set;      /* of this window */
    struct qnk_hash next_set; /* of window + 3 */
    struct qnk_hash beacon;
};

QN_MUST_CHECK int32_t qnk_macro_decode(struct qn_span from, struct qnk_macro *macro);
void qnk_macro_encode(const struct qnk_macro *macro, uint8_t to[QNK_MACRO_SIZE]);

/* D = H("qnet/macro", header). */
void qnk_macro_digest(const struct qnk_macro *macro, struct qnk_hash *digest);
