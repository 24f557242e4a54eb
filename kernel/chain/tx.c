/* SPDX-License-Identifier: MIT */

#include "kernel/chain/tx.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/tags.h"

enum { TX_VERSION = 1, TRANSFER_SIZE = 40 };

_Static_assert(QNK_TX_HEAD_SIZE + TRANSFER_SIZE + QN_SIG_SIZE == QNK_TX_TRANSFER_SIZE, "size");

static bool is_known_kernel_kind(uint8_t kind)
{
    return kind >= QNK_TX_EVIDENCE && kind <= QNK_TX_FALLBACK;
}

/* Words on a plan are of one time: its nonce says which (node/swap.h). */
static bool has_nonce(uint8_t kind)
{
    return kind == QNK_TX_PLAN || kind == QNK_TX_READY || kind == QNK_TX_CANCEL;
}

/* What the ledger's and the kernel's transactions each allow. */
static bool is_allowed(const struct qnk_tx *tx)
{
    if (!qnk_tx_is_kernel(tx)) {
        return tx->payload.size <= QNK_TX_PAYLOAD_MAX;
    }
    return is_known_kernel_kind(tx->kind) && (tx->nonce == 0 || has_nonce(tx->kind)) &&
           tx->fee == 0 && tx->payload.size <= QNK_TX_KERNEL_PAYLOAD_MAX;
}

int32_t qnk_tx_next(struct qn_span *rest, struct qnk_tx *tx)
{
    struct qnk_reader in = qnk_reader_init(*rest);
    struct qnk_tx it;
    uint8_t version = qnk_reader_u8(&in);

    it.kind = qnk_reader_u8(&in);

    uint16_t reserved = qnk_reader_u16(&in);
    uint16_t payload_size = qnk_reader_u16(&in);

    it.nonce = qnk_reader_u64(&in);
    it.valid_until = qnk_reader_u64(&in);
    it.fee = qnk_reader_u64(&in);
    it.from = qnk_reader_bytes(&in, QN_KEY_SIZE);
    it.payload = qnk_reader_span(&in, payload_size);
    it.signature = qnk_reader_bytes(&in, QN_SIG_SIZE);
    if (in.failed || version != TX_VERSION || reserved != 0 || !is_allowed(&it)) {
        return QN_INVALID;
    }
    it.bytes = (struct qn_span){rest->data, rest->size - in.left};
    *tx = it;
    *rest = (struct qn_span){in.at, in.left};
    return QN_OK;
}

int32_t qnk_tx_decode(struct qn_span from, struct qnk_tx *tx)
{
    struct qnk_tx it;
    int32_t status = qnk_tx_next(&from, &it);

    if (status != QN_OK || from.size != 0) {
        return QN_INVALID;
    }
    *tx = it;
    return QN_OK;
}

void qnk_tx_encode(const struct qnk_tx *tx, uint8_t *to)
{
    QN_ASSERT(is_allowed(tx));

    struct qnk_writer out = qnk_writer_init(to, qnk_tx_size((uint32_t)tx->payload.size));

    qnk_writer_u8(&out, TX_VERSION);
    qnk_writer_u8(&out, tx->kind);
    qnk_writer_u16(&out, 0);
    qnk_writer_u16(&out, (uint16_t)tx->payload.size);
    qnk_writer_u64(&out, tx->nonce);
    qnk_writer_u64(&out, tx->valid_until);
    qnk_writer_u64(&out, tx->fee);
    qnk_writer_bytes(&out, tx->from, QN_KEY_SIZE);
    qnk_writer_bytes(&out, tx->payload.data, tx->payload.size);
    qnk_writer_zeros(&out, QN_SIG_SIZE);
    QN_ASSERT(out.room == 0);
}

void qnk_tx_id(const struct qnk_tx *tx, struct qnk_hash *id)
{
    qnk_hash_leaf(tx->bytes.data, tx->bytes.size, id);
}

uint32_t qnk_tx_message(const struct qnk_tx *tx, const struct qnk_hash *chain_id, uint8_t *to)
{
    struct qnk_writer out = qnk_writer_init(to, QNK_TX_MESSAGE_MAX);

    QN_ASSERT(tx->bytes.size >= QNK_TX_SIZE_MIN);
    qnk_writer_bytes(&out, QNK_TAG_TX, sizeof QNK_TAG_TX - 1);
    qnk_writer_bytes(&out, chain_id->bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, tx->bytes.data, tx->bytes.size - QN_SIG_SIZE);
    return (uint32_t)(QNK_TX_MESSAGE_MAX - out.room);
}

int32_t qnk_transfer_decode(struct qn_span payload, struct qnk_transfer *transfer)
{
    if (payload.size != TRANSFER_SIZE) {
        return QN_INVALID;
    }
    memcpy(transfer->to.bytes, payload.data, QN_KEY_SIZE);
    transfer->amount = qn_le64_read(payload.data + QN_KEY_SIZE);
    return QN_OK;
}

void qnk_transfer_encode(const struct qnk_transfer *transfer, uint8_t to[TRANSFER_SIZE])
{
    memcpy(to, transfer->to.bytes, QN_KEY_SIZE);
    qn_le64_write(to + QN_KEY_SIZE, transfer->amount);
}
