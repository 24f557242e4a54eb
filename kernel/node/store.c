/* SPDX-License-Identifier: MIT */

#include "kernel/node/store.h"

#include <qnet/assert.h>
#include <qnet/ledger.h>
#include <qnet/storage.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/merkle.h"
#include "kernel/node/guard.h"

enum {
    MAP = 1,
    LOG = 2,
    PUT = 1,
    ERASE = 2,
    ORDERED = 0,
    DURABLE = 1,
    OPS_FIXED = 16, /* operations of a batch besides blocks, pages and the index */
    NUMBER_SIZE = 8,
    FINAL_SIZE = 32,
    MICRO_VALUE = 8 + QNK_MICRO_SIZE,
    BLOCK_HEAD = QNK_MICRO_SIZE + 1, /* header, verified */
    INDEX_VALUE = 12,
    SEAL_SIZE = 4,        /* after each value of a map but a page: its checksum */
    READ_BYTES = 4 << 20, /* of a log at once */
    RECENT = 32,          /* headers that pace looks at */
    NOTHING_SIZE = 1,     /* of the record of an empty mempool: no transaction is this short */
    SERVE_HEADERS = 1024,
    SERVE_BODIES = 16,
    SERVE_MACROS = 16,
    VALUE_CAP = 17 << 20,
};

static const struct qn_storage_1 *plugin_of(const struct qnk_store *store)
{
    return store->storage.table;
}

static int32_t corrupt(struct qnk_store *store, const char *what, uint64_t where)
{
    qnk_text(store->why, sizeof store->why, "%s %llu is damaged", what, (unsigned long long)where);
    store->peers_have_it = false;
    return QN_CORRUPT;
}

/* --- opening --- */

static int32_t open_space(struct qnk_store *store, const char *name, uint32_t type, uint32_t *space)
{
    struct qn_span span = {(const uint8_t *)name, strlen(name)};
    int32_t status = plugin_of(store)->space(store->storage.inst, span, type, space);

    if (status != QN_OK) {
        qnk_text(store->why, sizeof store->why, "space '%s' cannot be opened", name);
    }
    return status;
}

int32_t qnk_store_open(struct qnk_store *store, struct qnk_budget *budget,
                       struct qnk_plugged storage, bool index_tx)
{
    const struct {
        const char *name;
        uint32_t type;
        uint32_t *space;
    } spaces[] = {
        {"log", LOG, &store->log},         {"guard", LOG, &store->guard},
        {"mempool", LOG, &store->mempool}, {"micro", MAP, &store->micro},
        {"macro", MAP, &store->macro},     {"page", MAP, &store->page},
        {"meta", MAP, &store->meta},       {"index_tx", MAP, &store->index_tx},
    };
    int32_t status = QN_OK;

    *store = (struct qnk_store){.budget = budget, .storage = storage, .has_index_tx = index_tx};
    for (uint32_t i = 0; status == QN_OK && i < sizeof spaces / sizeof *spaces; i++) {
        status = open_space(store, spaces[i].name, spaces[i].type, spaces[i].space);
    }
    return status;
}

/* --- keys --- */

/* A number as a key. */
struct number {
    uint8_t bytes[NUMBER_SIZE];
};

static struct number number_of(uint64_t value)
{
    struct number number;

    for (uint32_t i = 0; i < NUMBER_SIZE; i++) {
        number.bytes[i] = (uint8_t)(value >> (8 * (NUMBER_SIZE - 1 - i)));
    }
    return number;
}

static uint64_t number_read(struct qn_span key)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < key.size && i < NUMBER_SIZE; i++) {
        value = value << 8 | key.data[i];
    }
    return value;
}

/* What `meta` holds of a window: a letter and its number. */
struct meta_key {
    uint8_t bytes[1 + NUMBER_SIZE];
};

enum meta_kind { META_CONTROL = 'c', META_SET = 's', META_FRONTIER = 'h' };

static struct meta_key meta_key_of(enum meta_kind kind, uint64_t window)
{
    struct meta_key key = {.bytes = {(uint8_t)kind}};
    struct number number = number_of(window);

    memcpy(key.bytes + 1, number.bytes, NUMBER_SIZE);
    return key;
}

static const uint8_t final_key[] = {'f'};
static const uint8_t owner_key[] = {'n'};

/* --- values and their checksums --- */

/* Of a value and of what it belongs to: the storage has checksums for its logs, none for maps. */
static uint32_t seal_of(struct qn_span key, struct qn_span value)
{
    return qnk_crc32c(qnk_crc32c(0, key.data, key.size), value.data, value.size);
}

/* Takes the checksum off the value that begins at `start`. */
static int32_t seal_check(struct qn_span key, uint64_t start, struct qn_sink *out)
{
    struct qn_span value = {out->data + start, out->size - start - SEAL_SIZE};

    if (out->size - start < SEAL_SIZE ||
        seal_of(key, value) != qn_le32_read(value.data + value.size)) {
        qnk_sink_cut(out, start);
        return QN_CORRUPT;
    }
    qnk_sink_cut(out, start + value.size);
    return QN_OK;
}

/* QN_CORRUPT: it is not what was stored; nothing is appended, and the caller says what it was. */
static int32_t get(struct qnk_store *store, uint32_t lane, uint32_t space, struct qn_span key,
                   struct qn_sink *out)
{
    struct qn_storage_address address = {.key = key, .space = space};
    struct qn_storage_found found = {0};
    uint64_t start = out->size;
    int32_t status =
        plugin_of(store)->get(store->storage.inst, lane, store->snapshot, &address, 1, &found, out);

    status = status == QN_OK ? found.status : status;
    return status == QN_OK ? seal_check(key, start, out) : status;
}

/* --- writing blocks, guard records, transactions --- */

int32_t qnk_store_block(struct qnk_store *store, uint32_t lane, const uint8_t *header,
                        struct qn_span body, bool verified, uint64_t *place)
{
    struct qn_buf *record = qnk_buf_new(store->budget, BLOCK_HEAD + body.size);
    struct qn_span span;
    int32_t status;

    if (record == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(record->data, header, QNK_MICRO_SIZE);
    record->data[QNK_MICRO_SIZE] = verified;
    if (body.size > 0) {
        memcpy(record->data + BLOCK_HEAD, body.data, body.size);
    }
    span = qnk_buf_span(record);
    status =
        plugin_of(store)->append(store->storage.inst, lane, store->log, &span, 1, DURABLE, place);
    qnk_buf_unref(record);
    return status;
}

int32_t qnk_store_place(struct qnk_store *store, uint32_t lane, const uint8_t *header,
                        uint64_t place)
{
    struct qnk_micro micro;
    uint8_t value[MICRO_VALUE + SEAL_SIZE];
    int32_t status = qnk_micro_decode((struct qn_span){header, QNK_MICRO_SIZE}, &micro);

    if (status != QN_OK) {
        return status;
    }

    struct number key = number_of(micro.height);
    struct qn_storage_op op = {
        .what = PUT,
        .space = store->micro,
        .key = {key.bytes, sizeof key.bytes},
        .value = {value, sizeof value},
    };

    qn_le64_write(value, place);
    memcpy(value + 8, header, QNK_MICRO_SIZE);
    qn_le32_write(value + MICRO_VALUE, seal_of(op.key, (struct qn_span){value, MICRO_VALUE}));
    return plugin_of(store)->write(store->storage.inst, lane, &op, 1, DURABLE);
}

/* Appends records that have a u32 size before each; gives the place of the first. */
static int32_t append_list(struct qnk_store *store, uint32_t lane, uint32_t log,
                           struct qn_span records, uint64_t *first)
{
    struct qnk_reader from = qnk_reader_init(records);
    uint32_t count = 0;

    for (struct qnk_reader at = from; at.left > 0; count++) {
        (void)qnk_reader_span(&at, qnk_reader_u32(&at));
        QN_ASSERT(!at.failed);
    }

    struct qn_span *spans = qnk_memory_take(store->budget, count * sizeof *spans);
    uint64_t *places = qnk_memory_take(store->budget, count * sizeof *places);
    int32_t status = QN_NO_SPACE;

    if (spans != NULL && places != NULL && count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            spans[i] = qnk_reader_span(&from, qnk_reader_u32(&from));
        }
        status =
            plugin_of(store)->append(store->storage.inst, lane, log, spans, count, DURABLE, places);
        *first = status == QN_OK ? places[0] : 0;
    }
    qnk_memory_give(store->budget, spans, count * sizeof *spans);
    qnk_memory_give(store->budget, places, count * sizeof *places);
    return status;
}

/* Records of the guard, durable and known to be: should they be damaged one day, the storage must
 * not take them for a write that was torn, which it would if they were the last thing it did. */
static int32_t append_sealed(struct qnk_store *store, uint32_t lane, struct qn_span records,
                             uint64_t *first)
{
    int32_t status = append_list(store, lane, store->guard, records, first);

    return status == QN_OK ? plugin_of(store)->append(store->storage.inst, lane, store->guard, NULL,
                                                      0, DURABLE, NULL)
                           : status;
}

int32_t qnk_store_guard(struct qnk_store *store, uint32_t lane, struct qn_span records)
{
    uint64_t first;

    return append_sealed(store, lane, records, &first);
}

int32_t qnk_store_guard_trim(struct qnk_store *store, uint32_t lane, struct qn_span records)
{
    uint64_t first;
    int32_t status = append_sealed(store, lane, records, &first);

    return status == QN_OK ? plugin_of(store)->trim(store->storage.inst, lane, store->guard, first)
                           : status;
}

int32_t qnk_store_txs(struct qnk_store *store, uint32_t lane, struct qn_span rows, bool replaces)
{
    static const uint8_t nothing[NOTHING_SIZE] = {0};
    uint64_t place;
    int32_t status;

    if (rows.size == 0 && !replaces) {
        return QN_OK;
    }
    if (rows.size == 0) {
        rows = (struct qn_span){nothing, sizeof nothing};
    }
    status = plugin_of(store)->append(store->storage.inst, lane, store->mempool, &rows, 1, ORDERED,
                                      &place);
    if (status == QN_OK && replaces) {
        status = plugin_of(store)->trim(store->storage.inst, lane, store->mempool, place);
    }
    return status;
}

/* --- a final window --- */

/* A batch on its way: operations, and the keys and values that they point to. */
struct batch {
    struct qn_storage_op *ops;
    uint8_t *bytes;
    uint32_t count, room;
    uint64_t used, bytes_room;
};

static uint8_t *batch_bytes(struct batch *batch, uint64_t size)
{
    uint8_t *at = batch->bytes + batch->used;

    batch->used += size;
    QN_ASSERT(batch->used <= batch->bytes_room);
    return at;
}

static void batch_put(struct batch *batch, uint32_t space, struct qn_span key, struct qn_span value)
{
    QN_ASSERT(batch->count < batch->room);
    batch->ops[batch->count++] =
        (struct qn_storage_op){.what = PUT, .space = space, .key = key, .value = value};
}

/* A value whose checksum follows it, in `size` + SEAL_SIZE bytes. */
static void batch_seal(struct batch *batch, uint32_t space, struct qn_span key, uint8_t *value,
                       uint64_t size)
{
    qn_le32_write(value + size, seal_of(key, (struct qn_span){value, size}));
    batch_put(batch, space, key, (struct qn_span){value, size + SEAL_SIZE});
}

/* A key that lasts as long as the batch. */
static struct qn_span batch_key(struct batch *batch, const void *key, uint64_t size)
{
    uint8_t *at = batch_bytes(batch, size);

    memcpy(at, key, size);
    return (struct qn_span){at, size};
}

static struct qn_span batch_number(struct batch *batch, uint64_t value)
{
    struct number number = number_of(value);

    return batch_key(batch, number.bytes, sizeof number.bytes);
}

/* --- parts of the batch --- */

static void put_macro(struct qnk_store *store, struct batch *batch, const struct qnk_final *final)
{
    uint64_t size = QNK_MACRO_SIZE + final->certificate->size;
    uint8_t *value = batch_bytes(batch, size + SEAL_SIZE);

    qnk_macro_encode(&final->macro, value);
    memcpy(value + QNK_MACRO_SIZE, final->certificate->data, final->certificate->size);
    batch_seal(batch, store->macro, batch_number(batch, final->macro.window), value, size);
}

static void put_meta(struct qnk_store *store, struct batch *batch, enum meta_kind kind,
                     uint64_t window, const struct qn_buf *content)
{
    struct meta_key key = meta_key_of(kind, window);
    uint8_t *value = batch_bytes(batch, content->size + SEAL_SIZE);

    if (content->size > 0) {
        memcpy(value, content->data, content->size);
    }
    batch_seal(batch, store->meta, batch_key(batch, key.bytes, sizeof key.bytes), value,
               content->size);
    if (window > QNK_STORE_FINALS) {
        key = meta_key_of(kind, window - QNK_STORE_FINALS);
        batch->ops[batch->count++] = (struct qn_storage_op){
            .what = ERASE,
            .space = store->meta,
            .key = batch_key(batch, key.bytes, sizeof key.bytes),
        };
    }
}

static struct qnk_final_block block_at(const struct qnk_final *final, uint32_t i)
{
    struct qnk_final_block block;

    memcpy(&block, final->blocks->data + i * sizeof block, sizeof block);
    return block;
}

static void put_final(struct qnk_store *store, struct batch *batch, const struct qnk_final *final)
{
    uint8_t *value = batch_bytes(batch, FINAL_SIZE + SEAL_SIZE);

    qn_le64_write(value, final->macro.window);
    qn_le64_write(value + 8, final->macro.height);
    qn_le64_write(value + 16, final->blocks == NULL ? 0 : block_at(final, 0).place);
    qn_le64_write(value + 24, final->pages.pages);
    batch_seal(batch, store->meta, (struct qn_span){final_key, sizeof final_key}, value,
               FINAL_SIZE);
}

static void put_blocks(struct qnk_store *store, struct batch *batch, const struct qnk_final *final)
{
    uint64_t first = final->macro.height - final->macro.blocks_count + 1;

    for (uint32_t i = 0; i < final->macro.blocks_count; i++) {
        uint8_t *value = batch_bytes(batch, MICRO_VALUE + SEAL_SIZE);

        qn_le64_write(value, block_at(final, i).place);
        memcpy(value + 8, final->headers->data + (uint64_t)i * QNK_MICRO_SIZE, QNK_MICRO_SIZE);
        batch_seal(batch, store->micro, batch_number(batch, first + i), value, MICRO_VALUE);
    }
}

static void put_index(struct qnk_store *store, struct batch *batch, const struct qnk_final *final)
{
    uint64_t height = final->macro.height - final->macro.blocks_count + 1;
    const uint8_t *id = final->ids->data;

    for (uint32_t i = 0; i < final->macro.blocks_count; i++, height++) {
        uint32_t count = qn_le32_read(final->counts->data + (uint64_t)i * 4);

        for (uint32_t j = 0; j < count; j++, id += QN_HASH_SIZE) {
            uint8_t *value = batch_bytes(batch, INDEX_VALUE + SEAL_SIZE);

            qn_le64_write(value, height);
            qn_le32_write(value + 8, j);
            batch_seal(batch, store->index_tx, (struct qn_span){id, QN_HASH_SIZE}, value,
                       INDEX_VALUE);
        }
    }
}

static void put_pages(struct qnk_store *store, struct batch *batch, const struct qnk_final *final)
{
    for (uint32_t i = 0; i < final->pages.count; i++) {
        struct qn_span page = {
            final->pages.bytes->data + (uint64_t)i * QN_LEDGER_PAGE_SIZE,
            QN_LEDGER_PAGE_SIZE,
        };

        batch_put(batch, store->page, batch_number(batch, final->pages.indexes[i]), page);
    }
}

int32_t qnk_store_window(struct qnk_store *store, uint32_t lane, const struct qnk_final *final)
{
    bool is_light = final->blocks == NULL;
    uint64_t txs = store->has_index_tx && !is_light ? final->ids->size / QN_HASH_SIZE : 0;
    uint32_t n = is_light ? 0 : final->macro.blocks_count;
    struct batch batch = {
        .room = (uint32_t)(OPS_FIXED + n + final->pages.count + txs),
        .bytes_room = 4096 + final->certificate->size + final->control->size +
                      final->next_set->size + final->frontier->size +
                      (uint64_t)n * (MICRO_VALUE + SEAL_SIZE + NUMBER_SIZE) +
                      (uint64_t) final->pages.count * NUMBER_SIZE + txs * (INDEX_VALUE + SEAL_SIZE),
    };
    uint64_t window = final->macro.window;
    int32_t status = QN_NO_SPACE;

    batch.ops = qnk_memory_take(store->budget, batch.room * sizeof *batch.ops);
    batch.bytes = qnk_memory_take(store->budget, batch.bytes_room);
    if (batch.ops != NULL && batch.bytes != NULL) {
        put_macro(store, &batch, final);
        put_meta(store, &batch, META_CONTROL, window, final->control);
        put_meta(store, &batch, META_SET, window, final->next_set);
        put_meta(store, &batch, META_FRONTIER, window, final->frontier);
        put_final(store, &batch, final);
        if (!is_light) {
            put_blocks(store, &batch, final);
        }
        put_pages(store, &batch, final);
        if (txs > 0) {
            put_index(store, &batch, final);
        }
        status =
            plugin_of(store)->write(store->storage.inst, lane, batch.ops, batch.count, DURABLE);
    }
    qnk_memory_give(store->budget, batch.ops, batch.room * sizeof *batch.ops);
    qnk_memory_give(store->budget, batch.bytes, batch.bytes_room);
    return status;
}

/* --- the last final window --- */

int32_t qnk_store_final(struct qnk_store *store, uint32_t lane, struct qnk_store_final *final)
{
    struct qn_sink out;
    int32_t status;

    *final = (struct qnk_store_final){0};
    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = get(store, lane, store->meta, (struct qn_span){final_key, sizeof final_key}, &out);
    if (status == QN_CORRUPT || (status == QN_OK && out.size != FINAL_SIZE)) {
        status = corrupt(store, "the record of the last final window, of size", out.size);
    } else if (status == QN_OK) {
        final->window = qn_le64_read(out.data);
        final->height = qn_le64_read(out.data + 8);
        final->place = qn_le64_read(out.data + 16);
        final->pages = qn_le64_read(out.data + 24);
    }
    qnk_sink_done(&out);
    return status == QN_NOT_FOUND ? QN_OK : status;
}

int32_t qnk_store_macro(struct qnk_store *store, uint32_t lane, uint64_t window,
                        struct qn_sink *out)
{
    struct number key = number_of(window);

    int32_t status =
        get(store, lane, store->macro, (struct qn_span){key.bytes, sizeof key.bytes}, out);

    return status == QN_CORRUPT ? corrupt(store, "macroblock", window) : status;
}

int32_t qnk_store_header(struct qnk_store *store, uint32_t lane, uint64_t height,
                         struct qnk_micro *header, uint64_t *place)
{
    struct number key = number_of(height);
    struct qn_sink out;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = get(store, lane, store->micro, (struct qn_span){key.bytes, sizeof key.bytes}, &out);
    if (status == QN_OK) {
        struct qn_span bytes = {out.data + 8, QNK_MICRO_SIZE};

        if (out.size != MICRO_VALUE || qnk_micro_decode(bytes, header) != QN_OK ||
            header->height != height) {
            status = corrupt(store, "the header of block", height);
        } else {
            *place = qn_le64_read(out.data);
        }
    } else if (status == QN_CORRUPT) {
        status = corrupt(store, "the header of block", height);
    }
    qnk_sink_done(&out);
    return status;
}

/* --- whose it is --- */

/* The oldest record of a log. QN_NOT_FOUND: it has none. */
static int32_t log_oldest(struct qnk_store *store, uint32_t lane, uint32_t log, struct qn_sink *out,
                          struct qn_storage_entry *entry)
{
    struct qn_span rest;
    int32_t status;

    status = plugin_of(store)->read(store->storage.inst, lane, log, 0, 1, out);
    if (status != QN_OK && status != QN_AGAIN) {
        return status;
    }
    rest = qnk_sink_span(out);
    if (rest.size == 0) {
        return QN_NOT_FOUND;
    }
    qn_storage_entry_next(&rest, entry);
    return QN_OK;
}

static int32_t is_log_empty(struct qnk_store *store, uint32_t lane, uint32_t log, bool *is_empty)
{
    struct qn_sink out;
    struct qn_storage_entry entry;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = log_oldest(store, lane, log, &out, &entry);
    qnk_sink_done(&out);
    *is_empty = status == QN_NOT_FOUND;
    return status == QN_NOT_FOUND || status == QN_CORRUPT ? QN_OK : status;
}

/* Of before there was a record: the parent of the first block is the network's id. */
static int32_t owner_of_log(struct qnk_store *store, uint32_t lane, struct qnk_store_owner *owner)
{
    struct qn_sink out;
    struct qn_storage_entry entry;
    struct qnk_micro header;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = log_oldest(store, lane, store->log, &out, &entry);
    if (status == QN_OK && entry.content.size >= BLOCK_HEAD &&
        qnk_micro_decode((struct qn_span){entry.content.data, QNK_MICRO_SIZE}, &header) == QN_OK &&
        header.height == 1) {
        owner->chain_id = header.parent;
        owner->is_known = true;
    }
    qnk_sink_done(&out);
    return status == QN_NOT_FOUND || status == QN_CORRUPT ? QN_OK : status;
}

/* And so is what the first macroblock names as the one before it. */
static int32_t owner_of_macro(struct qnk_store *store, uint32_t lane, struct qnk_store_owner *owner)
{
    struct qn_sink out;
    struct qnk_macro macro;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = qnk_store_macro(store, lane, 1, &out);
    if (status == QN_OK && out.size >= QNK_MACRO_SIZE &&
        qnk_macro_decode((struct qn_span){out.data, QNK_MACRO_SIZE}, &macro) == QN_OK &&
        macro.window == 1) {
        owner->chain_id = macro.previous;
        owner->is_known = true;
    }
    qnk_sink_done(&out);
    return status == QN_NOT_FOUND || status == QN_CORRUPT ? QN_OK : status;
}

static int32_t owner_recorded(struct qnk_store *store, uint32_t lane, struct qnk_store_owner *owner)
{
    struct qn_sink out;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = get(store, lane, store->meta, (struct qn_span){owner_key, sizeof owner_key}, &out);
    if (status == QN_CORRUPT || (status == QN_OK && out.size != QN_HASH_SIZE)) {
        status = corrupt(store, "the record of the network, of size", out.size);
    } else if (status == QN_OK) {
        memcpy(owner->chain_id.bytes, out.data, QN_HASH_SIZE);
        owner->is_known = true;
        owner->is_recorded = true;
    }
    qnk_sink_done(&out);
    return status == QN_NOT_FOUND ? QN_OK : status;
}

int32_t qnk_store_owner(struct qnk_store *store, uint32_t lane, struct qnk_store_owner *owner)
{
    struct qnk_store_owner it = {0};
    struct qnk_store_final final;
    bool has_no_guard = false;
    bool has_no_block = false;
    bool is_rotten = false;
    int32_t status = qnk_store_final(store, lane, &final);

    if (status == QN_OK) {
        status = is_log_empty(store, lane, store->guard, &has_no_guard);
    }
    if (status == QN_OK) {
        status = is_log_empty(store, lane, store->log, &has_no_block);
    }
    if (status == QN_OK) {
        status = owner_recorded(store, lane, &it);
        is_rotten = status == QN_CORRUPT;
    }
    if (is_rotten || (status == QN_OK && !it.is_known)) {
        status =
            final.window > 0 ? owner_of_macro(store, lane, &it) : owner_of_log(store, lane, &it);
    }
    if (status == QN_OK && is_rotten && !it.is_known) {
        status = corrupt(store, "the record of the network, of size", QN_HASH_SIZE);
    }
    if (status == QN_OK) {
        it.is_empty = final.window == 0 && has_no_guard && has_no_block;
        *owner = it;
    }
    return status;
}

int32_t qnk_store_own(struct qnk_store *store, uint32_t lane, const struct qnk_hash *chain_id)
{
    uint8_t value[QN_HASH_SIZE + SEAL_SIZE];
    struct qn_storage_op op = {
        .what = PUT,
        .space = store->meta,
        .key = {owner_key, sizeof owner_key},
        .value = {value, sizeof value},
    };

    memcpy(value, chain_id->bytes, QN_HASH_SIZE);
    qn_le32_write(value + QN_HASH_SIZE,
                  seal_of(op.key, (struct qn_span){chain_id->bytes, QN_HASH_SIZE}));
    return plugin_of(store)->write(store->storage.inst, lane, &op, 1, DURABLE);
}

/* --- pages --- */

/* Gives the ledger what one scan brought; `next` is the page that must come next. */
static int32_t load_some(struct qnk_store *store, uint32_t lane, struct qnk_plugged ledger,
                         struct qn_span pairs, uint64_t *next, uint64_t pages)
{
    const struct qn_ledger_1 *slots = ledger.table;
    struct qn_sink content;
    uint64_t first = *next;
    int32_t status = QN_OK;

    qnk_sink_init(&content, store->budget, (uint64_t)READ_BYTES * 2);
    while (status == QN_OK && pairs.size > 0) {
        struct qn_storage_pair pair;

        qn_storage_pair_next(&pairs, &pair);
        if (number_read(pair.key) != *next || pair.value.size != QN_LEDGER_PAGE_SIZE) {
            status = corrupt(store, "the ledger's page", *next);
        } else {
            status = qnk_sink_append(&content, pair.value.data, pair.value.size);
            (*next)++;
        }
    }
    if (status == QN_OK && *next > first) {
        status =
            slots->load_pages(ledger.inst, lane, first, qnk_sink_span(&content), *next == pages);
        if (status == QN_INVALID) {
            status = corrupt(store, "the ledger's page", first);
        }
    }
    qnk_sink_done(&content);
    return status;
}

static int32_t load_pages(struct qnk_store *store, uint32_t lane, struct qnk_plugged ledger,
                          uint64_t pages)
{
    struct qn_sink pairs;
    uint64_t next = 0;
    int32_t status = QN_OK;

    qnk_sink_init(&pairs, store->budget, (uint64_t)READ_BYTES * 2);
    while ((status == QN_OK || status == QN_AGAIN) && next < pages) {
        struct number from = number_of(next);
        struct qn_storage_range range = {
            .from = {from.bytes, sizeof from.bytes},
            .space = store->page,
        };
        uint64_t before = next;

        qnk_sink_cut(&pairs, 0);
        status = plugin_of(store)->scan(store->storage.inst, lane, store->snapshot, &range, 512,
                                        READ_BYTES, &pairs);
        if (status == QN_OK || status == QN_AGAIN) {
            int32_t loaded = load_some(store, lane, ledger, qnk_sink_span(&pairs), &next, pages);

            status = loaded != QN_OK ? loaded : status;
        }
        if ((status == QN_OK || status == QN_AGAIN) && next == before) {
            status = corrupt(store, "the ledger's page", next);
        }
    }
    qnk_sink_done(&pairs);
    return status == QN_AGAIN ? QN_OK : status;
}

static int32_t check_root(struct qnk_store *store, uint32_t lane, struct qnk_plugged ledger,
                          uint64_t window)
{
    const struct qn_ledger_1 *slots = ledger.table;
    struct qn_sink out;
    struct qnk_macro macro;
    struct qnk_hash root;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = qnk_store_macro(store, lane, window, &out);
    if (status == QN_OK &&
        (out.size < QNK_MACRO_SIZE ||
         qnk_macro_decode((struct qn_span){out.data, QNK_MACRO_SIZE}, &macro) != QN_OK)) {
        status = corrupt(store, "macroblock", window);
    }
    if (status == QN_OK) {
        status = slots->root(ledger.inst, lane, root.bytes);
        if (status == QN_CORRUPT || (status == QN_OK && !qnk_hash_equal(&root, &macro.state))) {
            status = corrupt(store, "the ledger's state of window", window);
        }
    } else if (status == QN_NOT_FOUND) {
        status = corrupt(store, "macroblock", window);
    }
    qnk_sink_done(&out);
    return status;
}

int32_t qnk_store_load_ledger(struct qnk_store *store, uint32_t lane, struct qnk_plugged ledger,
                              struct qn_span genesis)
{
    const struct qn_ledger_1 *slots = ledger.table;
    struct qnk_store_final final;
    int32_t status = qnk_store_final(store, lane, &final);

    if (status != QN_OK) {
        return status;
    }
    if (final.window == 0) {
        return slots->genesis(ledger.inst, lane, genesis);
    }
    if (final.pages == 0) {
        return QN_OK; /* of a light node */
    }
    status = load_pages(store, lane, ledger, final.pages);
    return status == QN_OK ? check_root(store, lane, ledger, final.window) : status;
}

/* --- restoring a node --- */

/* Each header names the one before it; `last` is the id of the last one. */
static int32_t restore_recent(struct qnk_store *store, uint32_t lane, uint64_t height,
                              qnk_restored *restored, void *ctx, struct qnk_hash *last)
{
    uint64_t first = height > RECENT ? height - RECENT + 1 : 1;
    int32_t status = QN_OK;

    for (uint64_t at = first; status == QN_OK && at <= height; at++) {
        struct qnk_micro header;
        uint8_t bytes[QNK_MICRO_SIZE];
        uint64_t place;

        status = qnk_store_header(store, lane, at, &header, &place);
        if (status == QN_NOT_FOUND ||
            (status == QN_OK && at > first && !qnk_hash_equal(&header.parent, last))) {
            status = corrupt(store, "the header of block", at);
        }
        if (status == QN_OK) {
            struct qnk_event event = {.type = QNK_EVENT_RESTORE_RECENT};

            qnk_micro_id(&header, last);
            qnk_micro_encode(&header, bytes);
            event.recent = (struct qn_span){bytes, sizeof bytes};
            restored(ctx, &event);
        }
    }
    return status;
}

static int32_t get_meta(struct qnk_store *store, uint32_t lane, enum meta_kind kind,
                        uint64_t window, struct qn_sink *out)
{
    struct meta_key key = meta_key_of(kind, window);
    int32_t status =
        get(store, lane, store->meta, (struct qn_span){key.bytes, sizeof key.bytes}, out);

    return status == QN_NOT_FOUND || status == QN_CORRUPT
               ? corrupt(store, "what belongs to window", window)
               : status;
}

/* Whether the certificate is one of this macroblock. Its signatures were verified before it was
 * stored. */
static bool is_certified(const struct qnk_macro *macro, struct qn_span certificate)
{
    struct qnk_certificate cert;
    struct qnk_hash digest;

    qnk_macro_digest(macro, &digest);
    return qnk_certificate_decode(certificate, &cert) == QN_OK && cert.window == macro->window &&
           qnk_hash_equal(&cert.digest, &digest);
}

/* Whether the parts of a stored window belong together: the certificate names the header, which
 * names the hashes of the rest, and the last one that of the last block, NULL: there is none to
 * compare. A light node has only the control record of genesis. */
static bool fits_together(struct qnk_store *store, uint64_t window, struct qn_span value,
                          struct qn_span control, struct qn_span set, bool is_light,
                          const struct qnk_hash *block)
{
    struct qnk_macro macro;
    struct qnk_hash hash;
    struct qnk_set *members = NULL;
    bool fits = value.size > QNK_MACRO_SIZE &&
                qnk_macro_decode((struct qn_span){value.data, QNK_MACRO_SIZE}, &macro) == QN_OK &&
                is_certified(&macro, (struct qn_span){value.data + QNK_MACRO_SIZE,
                                                      value.size - QNK_MACRO_SIZE});

    qnk_hash_tagged("qnet/control", control.data, control.size, &hash);
    fits = fits && macro.window == window && (is_light || qnk_hash_equal(&hash, &macro.control)) &&
           (block == NULL || qnk_hash_equal(block, &macro.last)) &&
           qnk_set_decode(store->budget, set, &members) == QN_OK &&
           qnk_hash_equal(&members->hash, &macro.next_set);
    qnk_set_unref(members);
    return fits;
}

static int32_t restore_final(struct qnk_store *store, uint32_t lane, uint64_t window,
                             const struct qnk_store_final *last, const struct qnk_hash *block,
                             qnk_restored *restored, void *ctx)
{
    bool is_light = last->pages == 0;
    bool is_last = window == last->window;
    struct qn_sink macro;
    struct qn_sink control;
    struct qn_sink set;
    struct qn_sink frontier;
    int32_t status;

    qnk_sink_init(&macro, store->budget, VALUE_CAP);
    qnk_sink_init(&control, store->budget, VALUE_CAP);
    qnk_sink_init(&set, store->budget, VALUE_CAP);
    qnk_sink_init(&frontier, store->budget, VALUE_CAP);
    status = qnk_store_macro(store, lane, window, &macro);
    if (status == QN_OK) {
        status = get_meta(store, lane, META_CONTROL, window, &control);
    }
    if (status == QN_OK) {
        status = get_meta(store, lane, META_SET, window, &set);
    }
    if (status == QN_OK) {
        status = get_meta(store, lane, META_FRONTIER, window, &frontier);
    }
    if (status == QN_NOT_FOUND ||
        (status == QN_OK &&
         !fits_together(store, window, qnk_sink_span(&macro), qnk_sink_span(&control),
                        qnk_sink_span(&set), is_light, is_last && !is_light ? block : NULL))) {
        status = corrupt(store, "macroblock", window);
    }
    if (status == QN_OK) {
        struct qnk_event event = {.type = QNK_EVENT_RESTORE_FINAL};

        event.final.macro = (struct qn_span){macro.data, QNK_MACRO_SIZE};
        event.final.certificate =
            (struct qn_span){macro.data + QNK_MACRO_SIZE, macro.size - QNK_MACRO_SIZE};
        event.final.control = qnk_sink_span(&control);
        event.final.next_set = qnk_sink_span(&set);
        event.final.frontier = qnk_sink_span(&frontier);
        event.final.is_last = is_last;
        restored(ctx, &event);
    }
    qnk_sink_done(&frontier);
    qnk_sink_done(&set);
    qnk_sink_done(&control);
    qnk_sink_done(&macro);
    return status;
}

static int32_t restore_finals(struct qnk_store *store, uint32_t lane,
                              const struct qnk_store_final *last, const struct qnk_hash *block,
                              qnk_restored *restored, void *ctx)
{
    uint64_t first = last->window >= QNK_STORE_FINALS ? last->window - QNK_STORE_FINALS + 1 : 1;
    int32_t status = QN_OK;

    for (uint64_t window = first; status == QN_OK && window <= last->window; window++) {
        status = restore_final(store, lane, window, last, block, restored, ctx);
    }
    return status;
}

/* What is done with each record of a log. */
typedef int32_t on_entry(struct qnk_store *store, const struct qn_storage_entry *entry, void *ctx);

static const char *record_of(const struct qnk_store *store, uint32_t log)
{
    return log == store->guard     ? "the sign guard's record at place"
           : log == store->mempool ? "the mempool's copy at place"
                                   : "the block in the log at place";
}

/* Reads a log from `place` on. A damaged record is reported through `why` and left out. */
static int32_t read_log(struct qnk_store *store, uint32_t lane, uint32_t log, uint64_t place,
                        on_entry *visit, void *ctx, bool *is_damaged)
{
    struct qn_sink entries;
    int32_t status = QN_AGAIN;

    *is_damaged = false;
    qnk_sink_init(&entries, store->budget, (uint64_t)VALUE_CAP * 2);
    while (status == QN_AGAIN) {
        struct qn_span rest;
        int32_t visited = QN_OK;
        int32_t read;

        qnk_sink_cut(&entries, 0);
        read = plugin_of(store)->read(store->storage.inst, lane, log, place, READ_BYTES, &entries);
        if (read == QN_NOT_FOUND) {
            status = QN_OK;
            break;
        }
        if (read != QN_OK && read != QN_AGAIN && read != QN_CORRUPT) {
            status = read;
            break;
        }
        rest = qnk_sink_span(&entries);
        if (rest.size == 0) {
            status = read == QN_CORRUPT ? QN_CORRUPT : QN_OK;
            break;
        }
        while (visited == QN_OK && rest.size > 0) {
            struct qn_storage_entry entry;

            qn_storage_entry_next(&rest, &entry);
            place = entry.place + 1;
            if (entry.content.size == 0) {
                *is_damaged = true;
                (void)corrupt(store, record_of(store, log), entry.place);
                store->peers_have_it = log == store->log;
            } else {
                visited = visit(store, &entry, ctx);
            }
        }
        status = visited == QN_OK ? QN_AGAIN : visited;
    }
    qnk_sink_done(&entries);
    return status;
}

struct restoring {
    qnk_restored *restored;
    void *ctx;
    bool any;
    bool has_floor;  /* of the guard's records */
    uint64_t oldest; /* its place */
};

static int32_t restore_guard(struct qnk_store *store, const struct qn_storage_entry *entry,
                             void *ctx)
{
    struct restoring *to = ctx;
    struct qnk_event event = {.type = QNK_EVENT_RESTORE_GUARD, .guard = entry->content};

    (void)store;
    to->oldest = to->any ? to->oldest : entry->place;
    to->has_floor = to->has_floor || qnk_guard_is_floor(entry->content);
    to->any = true;
    to->restored(to->ctx, &event);
    return QN_OK;
}

/* Whether records at the beginning are gone. A log that lost its oldest segment does not know it:
 * those that were trimmed are gone too. But the guard's begins with a floor, and is trimmed up to
 * one. Place 1: a log of before that was so. */
static bool is_guard_short(const struct restoring *to)
{
    return to->any && !to->has_floor && to->oldest > 1;
}

static int32_t restore_block(struct qnk_store *store, const struct qn_storage_entry *entry,
                             void *ctx)
{
    struct restoring *to = ctx;
    struct qnk_event event = {.type = QNK_EVENT_RESTORE_BLOCK};
    struct qnk_micro header;
    struct qn_buf *body;

    if (entry->content.size < BLOCK_HEAD ||
        qnk_micro_decode((struct qn_span){entry->content.data, QNK_MICRO_SIZE}, &header) != QN_OK ||
        entry->content.size != BLOCK_HEAD + (uint64_t)header.body_size) {
        (void)corrupt(store, "the block in the log at place", entry->place);
        store->peers_have_it = true;
        return QN_OK;
    }
    body = qnk_buf_copy(store->budget, (struct qn_span){entry->content.data + BLOCK_HEAD,
                                                        entry->content.size - BLOCK_HEAD});
    if (body == NULL) {
        return QN_NO_SPACE;
    }
    event.block.header = (struct qn_span){entry->content.data, QNK_MICRO_SIZE};
    event.block.body = body;
    event.block.place = entry->place;
    event.block.verified = entry->content.data[QNK_MICRO_SIZE] != 0;
    to->restored(to->ctx, &event);
    qnk_buf_unref(body);
    return QN_OK;
}

/* Says it if the log of blocks does not reach up to what is final: the log cannot know itself that
 * it was cut or lost. */
static void restore_check(struct qnk_store *store, uint32_t lane, uint64_t height)
{
    char before[QNK_STORE_WHY];
    struct qnk_micro header;
    struct qn_buf *body = NULL;

    qnk_text(before, sizeof before, "%s", store->why);
    if (qnk_store_body(store, lane, height, &header, &body) != QN_OK) {
        qnk_text(store->why, sizeof store->why,
                 "the log of blocks lacks block %llu, the last final one,",
                 (unsigned long long)height);
    } else {
        qnk_text(store->why, sizeof store->why, "%s", before);
    }
    qnk_buf_unref(body);
}

int32_t qnk_store_restore(struct qnk_store *store, uint32_t lane, qnk_restored *restored, void *ctx,
                          bool *has_guard)
{
    struct restoring to = {.restored = restored, .ctx = ctx};
    struct qnk_store_final final;
    struct qnk_hash block;
    bool is_damaged = false;
    int32_t status = qnk_store_final(store, lane, &final);

    store->why[0] = '\0';
    if (status == QN_OK && final.pages > 0) {
        status = restore_recent(store, lane, final.height, restored, ctx, &block);
    }
    if (status == QN_OK) {
        status = restore_finals(store, lane, &final, &block, restored, ctx);
    }
    if (status != QN_OK) {
        return status; /* nothing stands without what is final */
    }
    status = read_log(store, lane, store->guard, 0, restore_guard, &to, &is_damaged);
    if (status == QN_CORRUPT || is_damaged || is_guard_short(&to)) {
        /* The node hears of a record that it cannot read, and signs nothing. */
        struct qnk_event event = {.type = QNK_EVENT_RESTORE_GUARD};

        to.any = true;
        restored(ctx, &event);
        status = QN_OK;
        store->why[0] = '\0'; /* the node says it, and no peer has it */
    }
    *has_guard = to.any;
    if (status == QN_OK) {
        status = read_log(store, lane, store->log, final.place, restore_block, &to, &is_damaged);
        if ((status == QN_OK || status == QN_CORRUPT) && final.pages > 0) {
            restore_check(store, lane, final.height);
        }
    }
    return status == QN_CORRUPT ? QN_OK : status;
}

static int32_t restore_txs(struct qnk_store *store, const struct qn_storage_entry *entry, void *ctx)
{
    struct restoring *to = ctx;
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT};
    struct qn_span rest = entry->content;

    if (rest.size == NOTHING_SIZE) {
        return QN_OK;
    }
    /* In pieces that fit a message. */
    while (rest.size > 0) {
        struct qn_span start = rest;
        uint32_t count = 0;
        uint64_t size = 0;
        struct qnk_tx tx;

        while (rest.size > 0 && size < READ_BYTES / 8 && qnk_tx_next(&rest, &tx) == QN_OK) {
            size = start.size - rest.size;
            count++;
        }
        if (count == 0) {
            (void)corrupt(store, "the mempool's copy at place", entry->place);
            return QN_OK; /* whoever sent it still has it */
        }

        struct qn_buf *body = qnk_buf_new(store->budget, 4 + size);

        if (body == NULL) {
            return QN_NO_SPACE;
        }
        qn_le32_write(body->data, count);
        memcpy(body->data + 4, start.data, size);
        event.submit.txs = body;
        to->restored(to->ctx, &event);
        qnk_buf_unref(body);
    }
    return QN_OK;
}

int32_t qnk_store_restore_txs(struct qnk_store *store, uint32_t lane, qnk_restored *restored,
                              void *ctx)
{
    struct restoring to = {.restored = restored, .ctx = ctx};
    bool is_damaged;
    int32_t status = read_log(store, lane, store->mempool, 0, restore_txs, &to, &is_damaged);

    return status == QN_CORRUPT ? QN_OK : status;
}

/* --- reading for peers and people --- */

/* The body of this block is not what it should be. */
static int32_t rotten(struct qnk_store *store, const struct qnk_micro *header, const char *how)
{
    if (!store->has_rotten) {
        store->has_rotten = true;
        qnk_micro_encode(header, store->rotten);
    }
    qnk_text(store->why, sizeof store->why, "the body of block %llu is %s",
             (unsigned long long)header->height, how);
    store->peers_have_it = true;
    return QN_CORRUPT;
}

bool qnk_store_rotten(struct qnk_store *store, uint8_t header[QNK_MICRO_SIZE])
{
    bool has_rotten = store->has_rotten;

    if (has_rotten) {
        memcpy(header, store->rotten, QNK_MICRO_SIZE);
        store->has_rotten = false;
    }
    return has_rotten;
}

int32_t qnk_store_body(struct qnk_store *store, uint32_t lane, uint64_t height,
                       struct qnk_micro *header, struct qn_buf **body)
{
    struct qn_sink entries;
    uint64_t place;
    int32_t status = qnk_store_header(store, lane, height, header, &place);

    if (status != QN_OK) {
        return status;
    }
    qnk_sink_init(&entries, store->budget, (uint64_t)VALUE_CAP * 2);
    status = plugin_of(store)->read(store->storage.inst, lane, store->log, place, 1, &entries);
    if (status == QN_OK || status == QN_AGAIN) {
        struct qn_span rest = qnk_sink_span(&entries);
        struct qn_storage_entry entry;
        uint8_t bytes[QNK_MICRO_SIZE];

        qn_storage_entry_next(&rest, &entry);
        qnk_micro_encode(header, bytes);
        if (entry.place != place ||
            entry.content.size != BLOCK_HEAD + (uint64_t)header->body_size ||
            memcmp(entry.content.data, bytes, QNK_MICRO_SIGNED_SIZE) != 0) {
            status = rotten(store, header, "damaged");
        } else {
            *body = qnk_buf_copy(store->budget, (struct qn_span){entry.content.data + BLOCK_HEAD,
                                                                 entry.content.size - BLOCK_HEAD});
            status = *body == NULL ? QN_NO_SPACE : QN_OK;
        }
    } else if (status == QN_CORRUPT || status == QN_NOT_FOUND) {
        status = rotten(store, header, status == QN_CORRUPT ? "damaged" : "missing");
    }
    qnk_sink_done(&entries);
    return status;
}

/* Whether the rows are the transactions that the header names. QN_CORRUPT: they are not. */
static int32_t rows_check(struct qnk_store *store, const struct qnk_micro *header,
                          struct qn_span rows)
{
    uint64_t size = ((uint64_t)header->tx_count + 1) * sizeof(struct qnk_hash);
    bool can_be = header->tx_count <= rows.size / QNK_TX_SIZE_MIN;
    struct qnk_hash *ids = can_be ? qnk_memory_take(store->budget, size) : NULL;
    struct qnk_hash root;
    uint32_t count = 0;
    struct qnk_tx tx;

    if (can_be && ids == NULL) {
        return QN_NO_SPACE;
    }
    while (can_be && count < header->tx_count && qnk_tx_next(&rows, &tx) == QN_OK) {
        qnk_tx_id(&tx, &ids[count++]);
    }
    if (can_be) {
        qnk_merkle_fold(ids, count, &root);
        qnk_memory_give(store->budget, ids, size);
    }
    return can_be && rows.size == 0 && count == header->tx_count &&
                   qnk_hash_equal(&root, &header->tx_root)
               ? QN_OK
               : rotten(store, header, "not that of its header");
}

int32_t qnk_store_check(struct qnk_store *store, uint32_t lane, uint64_t height, uint32_t count,
                        uint64_t *next)
{
    uint64_t bytes = 0;
    int32_t status = QN_OK;
    uint64_t at = height;

    for (uint32_t i = 0; status == QN_OK && at > 0 && i < count && bytes < READ_BYTES; i++) {
        struct qnk_micro header;
        struct qn_buf *body = NULL;

        status = qnk_store_body(store, lane, at, &header, &body);
        if (status == QN_OK) {
            bytes += header.body_size;
            status = rows_check(store, &header, qnk_buf_span(body));
            qnk_buf_unref(body);
        }
        at -= status == QN_OK || status == QN_CORRUPT;
    }
    *next = status == QN_NOT_FOUND ? 0 : at;
    return status;
}

int32_t qnk_store_tx(struct qnk_store *store, uint32_t lane, const struct qnk_hash *id,
                     uint64_t *height, uint32_t *index)
{
    struct qn_sink out;
    int32_t status;

    qnk_sink_init(&out, store->budget, VALUE_CAP);
    status = get(store, lane, store->index_tx, (struct qn_span){id->bytes, QN_HASH_SIZE}, &out);
    if (status == QN_CORRUPT || (status == QN_OK && out.size != INDEX_VALUE)) {
        status = corrupt(store, "an index entry, of size", out.size);
    } else if (status == QN_OK) {
        *height = qn_le64_read(out.data);
        *index = qn_le32_read(out.data + 8);
    }
    qnk_sink_done(&out);
    return status;
}

/* --- serving --- */

static void send_sink(const struct qnk_store *store, const struct qn_sink *body, uint8_t type,
                      qnk_store_send *send, void *ctx)
{
    struct qn_buf *buf = qnk_buf_copy(store->budget, qnk_sink_span(body));

    if (buf != NULL) {
        send(ctx, type, buf, (struct qn_slice){0});
        qnk_buf_unref(buf);
    }
}

static int32_t serve_macros(struct qnk_store *store, uint32_t lane, const struct qnk_fetch *fetch,
                            qnk_store_send *send, void *ctx)
{
    uint32_t wanted = fetch->count < SERVE_MACROS ? fetch->count : SERVE_MACROS;
    struct qn_sink body;
    struct qn_sink value;
    uint32_t count = 0;
    uint8_t head[12] = {0};
    int32_t status;

    qnk_sink_init(&body, store->budget, QNK_FRAME_PLAIN_MAX);
    qnk_sink_init(&value, store->budget, VALUE_CAP);
    status = qnk_sink_append(&body, head, 4);
    for (uint32_t i = 0; status == QN_OK && i < wanted; i++) {
        qnk_sink_cut(&value, 0);
        status = qnk_store_macro(store, lane, fetch->first + i, &value);
        if (status != QN_OK || body.size + 8 + value.size > QNK_FRAME_PLAIN_MAX ||
            value.size <= QNK_MACRO_SIZE) {
            break;
        }
        /* size u32, header size u32, header, certificate */
        qn_le32_write(head, (uint32_t)(4 + value.size));
        qn_le32_write(head + 4, QNK_MACRO_SIZE);
        status = qnk_sink_append(&body, head, 8);
        if (status == QN_OK) {
            status = qnk_sink_append(&body, value.data, value.size);
        }
        count++;
    }
    if (count > 0) {
        qn_le32_write(body.data, count);
        send_sink(store, &body, QNK_WIRE_MACROS, send, ctx);
    }
    qnk_sink_done(&value);
    qnk_sink_done(&body);
    return count > 0 && status != QN_CORRUPT ? QN_OK : status;
}

static int32_t serve_headers(struct qnk_store *store, uint32_t lane, const struct qnk_fetch *fetch,
                             qnk_store_send *send, void *ctx)
{
    uint32_t wanted = fetch->count < SERVE_HEADERS ? fetch->count : SERVE_HEADERS;
    struct qn_sink body;
    uint32_t count = 0;
    uint8_t bytes[QNK_MICRO_SIZE] = {0};
    int32_t status;

    qnk_sink_init(&body, store->budget, QNK_FRAME_PLAIN_MAX);
    status = qnk_sink_append(&body, bytes, 4);
    for (uint32_t i = 0; status == QN_OK && i < wanted; i++) {
        struct qnk_micro header;
        uint64_t place;

        status = qnk_store_header(store, lane, fetch->first + i, &header, &place);
        if (status == QN_OK) {
            qnk_micro_encode(&header, bytes);
            status = qnk_sink_append(&body, bytes, sizeof bytes);
            count++;
        }
    }
    if (count > 0) {
        qn_le32_write(body.data, count);
        send_sink(store, &body, QNK_WIRE_RANGE, send, ctx);
    }
    qnk_sink_done(&body);
    return count > 0 && status != QN_CORRUPT ? QN_OK : status;
}

/* Each part has its own copy of its bytes: what waits for a slow peer keeps no whole body. */
static bool send_parts(const struct qnk_store *store, const struct qnk_micro *header,
                       struct qn_span body, qnk_store_send *send, void *ctx)
{
    struct qnk_body_part part = {.body_size = header->body_size};

    qnk_micro_id(header, &part.id);
    part.count = (header->body_size + QNK_WIRE_PART_SIZE - 1) / QNK_WIRE_PART_SIZE;
    for (part.index = 0; part.index < part.count; part.index++) {
        uint64_t at = (uint64_t)part.index * QNK_WIRE_PART_SIZE;
        uint64_t left = body.size - at;
        uint64_t size = left < QNK_WIRE_PART_SIZE ? left : QNK_WIRE_PART_SIZE;
        struct qn_buf *buf = qnk_buf_new(store->budget, QNK_BODY_PART_HEAD_SIZE + size);

        if (buf == NULL) {
            return false;
        }
        part.bytes = (struct qn_span){body.data + at, size};
        qnk_body_part_head(&part, buf->data);
        memcpy(buf->data + QNK_BODY_PART_HEAD_SIZE, part.bytes.data, size);
        send(ctx, QNK_WIRE_BODY_PART, buf, (struct qn_slice){0});
        qnk_buf_unref(buf);
    }
    return true;
}

/* Sends the first body that is left. */
static int32_t serve_body(struct qnk_store *store, uint32_t lane, uint64_t height,
                          qnk_store_send *send, void *ctx, uint64_t *bytes)
{
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    int32_t status = qnk_store_body(store, lane, height, &header, &body);

    if (status == QN_OK) {
        *bytes += header.body_size;
        status = send_parts(store, &header, qnk_buf_span(body), send, ctx) ? QN_OK : QN_NO_SPACE;
        qnk_buf_unref(body);
    }
    return status;
}

static int32_t serve_bodies(struct qnk_store *store, uint32_t lane, struct qnk_fetch *fetch,
                            qnk_store_send *send, void *ctx)
{
    int32_t rotten_status = QN_OK;
    int32_t status = QN_OK;
    uint64_t bytes = 0;

    fetch->count = fetch->count < SERVE_BODIES ? fetch->count : SERVE_BODIES;
    while (status == QN_OK && fetch->count > 0 && bytes < READ_BYTES) {
        status = serve_body(store, lane, fetch->first, send, ctx, &bytes);
        fetch->first++;
        fetch->count--;
        if (status == QN_CORRUPT && store->peers_have_it) {
            rotten_status = status;
            status = QN_OK;
        }
    }
    if (status != QN_OK) {
        fetch->count = 0;
    }
    return status == QN_OK ? rotten_status : status;
}

int32_t qnk_store_serve(struct qnk_store *store, uint32_t lane, uint8_t type,
                        struct qnk_fetch *fetch, qnk_store_send *send, void *ctx)
{
    int32_t status;

    if (type != QNK_WIRE_FETCH_MACROS && fetch->what != 0) {
        return serve_bodies(store, lane, fetch, send, ctx);
    }
    status = type == QNK_WIRE_FETCH_MACROS ? serve_macros(store, lane, fetch, send, ctx)
                                           : serve_headers(store, lane, fetch, send, ctx);
    fetch->count = 0; /* one frame, and that is all */
    return status;
}
