/* SPDX-License-Identifier: MIT */

#include "kernel/chain/macro.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/tags.h"

static void hash_read(struct qnk_reader *reader, struct qnk_hash *hash)
{
    qnk_reader_copy(reader, hash->bytes, QN_HASH_SIZE);
}

static void hash_write(struct qnk_writer *writer, const struct qnk_hash *hash)
{
    qnk_writer_bytes(writer, hash->bytes, QN_HASH_SIZE);
}

int32_t qnk_macro_decode(struct qn_span from, struct qnk_macro *macro)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_macro it;

    it.version = qnk_reader_u16(&in);
    it.flags = qnk_reader_u16(&in);
    it.blocks_count = qnk_reader_u32(&in);
    it.window = qnk_reader_u64(&in);
    it.height = qnk_reader_u64(&in);
    it.time_ms = qnk_reader_u64(&in);
    it.tx_total = qnk_reader_u64(&in);
    hash_read(&in, &it.previous);
    hash_read(&in, &it.history);
    hash_read(&in, &it.blocks);
    hash_read(&in, &it.last);
    hash_read(&in, &it.state);
    hash_read(&in, &it.control);
    hash_read(&in, &it.set);
    hash_read(&in, &it.next_set);
    hash_read(&in, &it.beacon);
    if (!qnk_reader_done(&in) || it.version != QNK_MACRO_VERSION || it.flags != 0) {
        return QN_INVALID;
    }
    *macro = it;
    return QN_OK;
}

void qnk_macro_encode(const struct qnk_macro *macro, uint8_t to[QNK_MACRO_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_MACRO_SIZE);

    qnk_writer_u16(&out, macro->version);
    qnk_writer_u16(&out, macro->flags);
    qnk_writer_u32(&out, macro->blocks_count);
    qnk_writer_u64(&out, macro->window);
    qnk_writer_u64(&out, macro->height);
    qnk_writer_u64(&out, macro->time_ms);
    qnk_writer_u64(&out, macro->tx_total);
    hash_write(&out, &macro->previous);
    hash_write(&out, &macro->history);
    hash_write(&out, &macro->blocks);
    hash_write(&out, &macro->last);
    hash_write(&out, &macro->state);
    hash_write(&out, &macro->control);
    hash_write(&out, &macro->set);
    hash_write(&out, &macro->next_set);
    hash_write(&out, &macro->beacon);
    QN_ASSERT(out.room == 0);
}

void qnk_macro_digest(const struct qnk_macro *macro, struct qnk_hash *digest)
{
    uint8_t bytes[QNK_MACRO_SIZE];

    qnk_macro_encode(macro, bytes);
    qnk_hash_tagged(QNK_TAG_MACRO, bytes, QNK_MACRO_SIZE, digest);
}
