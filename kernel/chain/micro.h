/* SPDX-License-Identifier: MIT */
#pragma once

/* micro.h: the header of a microblock, 200 bytes, and its id.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian, in the order of the struct
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * Source: chain.md "Microblock", finality.md 3.3.
 */

#include "kernel/base/hash.h"

enum {
    QNK_MICRO_SIZE = 200,
    QNK_MICRO_SIGNED_SIZE = 136,
    QNK_MICRO_VERSION = 1,
    QNK_MICRO_LAG_MASK = 3,  /* flags: finality lag in windows, 0..2 */
    QNK_MICRO_CLASS_MAX = 3, /* interval classes 0..3 */
    QNK_MICRO_MESSAGE_SIZE = 10 + QN_HASH_SIZE + QNK_MICRO_SIGNED_SIZE,
    QNK_BACKLOG_MAX = 1000000,
};

struct qnk_micro {
    uint16_t version;
    uint16_t view;     /* the producer's rank for this height, 0 is the primary */
    uint32_t producer; /* index in the window's set */
    uint64_t height;
    uint64_t time_ms;
    struct qnk_hash parent;
    struct qnk_hash tx_root;
    struct qnk_hash effects; /* the ledger's digest of all that the block changed */
    uint32_t tx_count;
    uint32_t body_size; /* bytes, plain rows */
    uint32_t backlog;   /* transactions that wait at the producer, at most QNK_BACKLOG_MAX */
    uint8_t class;
    uint8_t flags;
    uint16_t reserved; /* 0 */
    uint8_t signature[QN_SIG_SIZE];
};

QN_MUST_CHECK int32_t qnk_micro_decode(struct qn_span from, struct qnk_micro *micro);
void qnk_micro_encode(const struct qnk_micro *micro, uint8_t to[QNK_MICRO_SIZE]);

/* Whether the signature is all zeros, which none is: an own block that is stored before it is
 * signed. */
bool qnk_micro_is_unsigned(const struct qnk_micro *micro);

/* H("qnet/micro", the 136 signed bytes). */
void qnk_micro_id(const struct qnk_micro *micro, struct qnk_hash *id);

/* What is signed: tag, chain id, the 136 bytes. */
void qnk_micro_message(const struct qnk_micro *micro, const struct qnk_hash *chain_id,
                       uint8_t to[QNK_MICRO_MESSAGE_SIZE]);

/* The window of a height, and a window's last height, for windows of `n` blocks. */
static inline uint64_t qnk_window_of(uint64_t height, uint32_t n)
{
    return height == 0 ? 0 : (height - 1) / n + 1;
}

static inline uint64_t qnk_window_last(uint64_t window, uint32_t n)
{
    return window * n;
}
