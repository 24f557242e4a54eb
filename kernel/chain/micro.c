/* SPDX-License-Identifier: MIT */

#include "kernel/chain/micro.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/tags.h"

/* Lag 3 cannot be written: production has paused by then. */
static bool is_encoding(const struct qnk_micro *micro)
{
    return micro->version == QNK_MICRO_VERSION && micro->flags < QNK_MICRO_LAG_MASK &&
           micro->class <= QNK_MICRO_CLASS_MAX && micro->reserved == 0;
}

int32_t qnk_micro_decode(struct qn_span from, struct qnk_micro *micro)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_micro it;

    it.version = qnk_reader_u16(&in);
    it.view = qnk_reader_u16(&in);
    it.producer = qnk_reader_u32(&in);
    it.height = qnk_reader_u64(&in);
    it.time_ms = qnk_reader_u64(&in);
    qnk_reader_copy(&in, it.parent.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&in, it.tx_root.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&in, it.effects.bytes, QN_HASH_SIZE);
    it.tx_count = qnk_reader_u32(&in);
    it.body_size = qnk_reader_u32(&in);
    it.backlog = qnk_reader_u32(&in);
    it.class = qnk_reader_u8(&in);
    it.flags = qnk_reader_u8(&in);
    it.reserved = qnk_reader_u16(&in);
    qnk_reader_copy(&in, it.signature, QN_SIG_SIZE);
    if (!qnk_reader_done(&in) || !is_encoding(&it)) {
        return QN_INVALID;
    }
    *micro = it;
    return QN_OK;
}

static void signed_write(const struct qnk_micro *micro, uint8_t to[QNK_MICRO_SIGNED_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_MICRO_SIGNED_SIZE);

    QN_ASSERT(is_encoding(micro));
    qnk_writer_u16(&out, micro->version);
    qnk_writer_u16(&out, micro->view);
    qnk_writer_u32(&out, micro->producer);
    qnk_writer_u64(&out, micro->height);
    qnk_writer_u64(&out, micro->time_ms);
    qnk_writer_bytes(&out, micro->parent.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, micro->tx_root.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, micro->effects.bytes, QN_HASH_SIZE);
    qnk_writer_u32(&out, micro->tx_count);
    qnk_writer_u32(&out, micro->body_size);
    qnk_writer_u32(&out, micro->backlog);
    qnk_writer_u8(&out, micro->class);
    qnk_writer_u8(&out, micro->flags);
    qnk_writer_u16(&out, micro->reserved);
    QN_ASSERT(out.room == 0);
}

void qnk_micro_encode(const struct qnk_micro *micro, uint8_t to[QNK_MICRO_SIZE])
{
    signed_write(micro, to);
    memcpy(to + QNK_MICRO_SIGNED_SIZE, micro->signature, QN_SIG_SIZE);
}

bool qnk_micro_is_unsigned(const struct qnk_micro *micro)
{
    static const uint8_t none[QN_SIG_SIZE];

    return memcmp(micro->signature, none, sizeof none) == 0;
}

void qnk_micro_id(const struct qnk_micro *micro, struct qnk_hash *id)
{
    uint8_t bytes[QNK_MICRO_SIGNED_SIZE];

    signed_write(micro, bytes);
    qnk_hash_tagged(QNK_TAG_MICRO, bytes, QNK_MICRO_SIGNED_SIZE, id);
}

void qnk_micro_message(const struct qnk_micro *micro, const struct qnk_hash *chain_id,
                       uint8_t to[QNK_MICRO_MESSAGE_SIZE])
{
    enum { TAG = sizeof QNK_TAG_MICRO - 1 };
    _Static_assert(TAG + QN_HASH_SIZE + QNK_MICRO_SIGNED_SIZE == QNK_MICRO_MESSAGE_SIZE, "size");

    memcpy(to, QNK_TAG_MICRO, TAG);
    memcpy(to + TAG, chain_id->bytes, QN_HASH_SIZE);
    signed_write(micro, to + TAG + QN_HASH_SIZE);
}
