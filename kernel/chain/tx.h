/* SPDX-License-Identifier: MIT */
#pragma once

/* tx.h: transactions. A decoded transaction is a view of its bytes, which stay where they are.
 *
 * Kinds 1 to 15 are the kernel's own (see kernel_tx.h); the rest is for the ledger, to which the
 * payload is opaque here but for its size.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian; amounts in nano
 *   owns     a view borrows the bytes it was decoded from
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing
 *   errors   QN_INVALID: not the one encoding of a transaction
 *
 * Source: chain.md "Transaction".
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum {
    QNK_TX_HEAD_SIZE = 62, /* bytes before the payload */
    QNK_TX_PAYLOAD_MAX = 1024,
    QNK_TX_KERNEL_PAYLOAD_MAX = 16384,
    QNK_TX_SIZE_MAX = QNK_TX_HEAD_SIZE + QNK_TX_KERNEL_PAYLOAD_MAX + QN_SIG_SIZE,
    QNK_TX_USER_SIZE_MAX = QNK_TX_HEAD_SIZE + QNK_TX_PAYLOAD_MAX + QN_SIG_SIZE,
    QNK_TX_SIZE_MIN = QNK_TX_HEAD_SIZE + QN_SIG_SIZE,
    QNK_TX_MESSAGE_MAX = 7 + QN_HASH_SIZE + QNK_TX_SIZE_MAX - QN_SIG_SIZE, /* what is signed */
    QNK_TX_AHEAD_MAX = 5400, /* microblocks that valid_until may lie above the head */
    QNK_TX_TRANSFER_SIZE = 166,
};

enum qnk_tx_kind {
    QNK_TX_TRANSFER = 0,
    QNK_TX_EVIDENCE = 1,
    QNK_TX_PLAN = 2, /* 2, 3, 4 and 8: swap.h */
    QNK_TX_READY = 3,
    QNK_TX_CANCEL = 4,
    QNK_TX_SHARE = 5,
    QNK_TX_TIP = 6,
    QNK_TX_REJOIN = 7,
    QNK_TX_FALLBACK = 8,
    QNK_TX_KERNEL_LAST = 15, /* 1 to 15: the kernel's */
};

struct qnk_tx {
    struct qn_span bytes; /* the whole */
    struct qn_span payload;
    const uint8_t *from; /* QN_KEY_SIZE */
    const uint8_t *signature;
    uint64_t nonce;       /* of the kernel's: 0, but for words on a plan (node/swap.h) */
    uint64_t valid_until; /* height */
    uint64_t fee;
    uint8_t kind;
};

static inline bool qnk_tx_is_kernel(const struct qnk_tx *tx)
{
    return tx->kind >= 1 && tx->kind <= QNK_TX_KERNEL_LAST;
}

/* Reads one transaction from the front of `rest` and moves `rest` behind it. Kernel kinds that are
 * not known are refused, as are reserved bits and a payload over its kind's limit. */
QN_MUST_CHECK int32_t qnk_tx_next(struct qn_span *rest, struct qnk_tx *tx);

/* As qnk_tx_next, for bytes that must be one whole transaction. */
QN_MUST_CHECK int32_t qnk_tx_decode(struct qn_span from, struct qnk_tx *tx);

/* Its size for a payload of `payload_size` bytes. */
static inline uint32_t qnk_tx_size(uint32_t payload_size)
{
    return QNK_TX_HEAD_SIZE + payload_size + QN_SIG_SIZE;
}

/* Writes all but the signature, from the fields but `bytes`, and 64 zero bytes for the
 * signature. */
void qnk_tx_encode(const struct qnk_tx *tx, uint8_t *to);

/* The transaction's name and Merkle leaf: SHA-256(0x00 || all bytes). */
void qnk_tx_id(const struct qnk_tx *tx, struct qnk_hash *id);

/* Writes "qnet/tx" || chain_id || bytes without the signature; at most QNK_TX_MESSAGE_MAX. Gives
 * its size. */
uint32_t qnk_tx_message(const struct qnk_tx *tx, const struct qnk_hash *chain_id, uint8_t *to);

/* The payload of a transfer, 40 bytes. */
struct qnk_transfer {
    struct qnk_hash to; /* public key */
    uint64_t amount;    /* nano */
};

QN_MUST_CHECK int32_t qnk_transfer_decode(struct qn_span payload, struct qnk_transfer *transfer);
void qnk_transfer_encode(const struct qnk_transfer *transfer, uint8_t to[40]);
