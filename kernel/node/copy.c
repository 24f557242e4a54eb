/* SPDX-License-Identifier: MIT */

#include "kernel/node/copy.h"

#include <string.h>

#include <qnet/assert.h>
#include <qnet/ledger.h>
#include <qnet/storage.h>

#include "kernel/base/bytes.h"

enum {
    RECORD_HEAD = 9,
    NUMBER_SIZE = 8,
    ITEMS = 256, /* of a scan, and of a batch */
    RECENT = 32, /* headers, as many as a start looks at */
    PUT = 1,
    ORDERED = 0,
};

static const uint8_t magic[12] = "qnet-copy/1";

/* What is copied, in this order; a record's first byte names it. */
enum part { PART_META, PART_MACRO, PART_MICRO, PART_PAGE, PARTS };

static const struct qn_storage_1 *plugin_of(const struct qnk_store *store)
{
    return store->storage.table;
}

static uint32_t space_of(const struct qnk_store *store, uint32_t part)
{
    const uint32_t spaces[PARTS] = {store->meta, store->macro, store->micro, store->page};

    return spaces[part];
}

/* --- taking one --- */

static int32_t head_append(const struct qnk_copy *copy, struct qn_sink *out)
{
    uint8_t head[QNK_COPY_HEAD_SIZE];

    memcpy(head, magic, sizeof magic);
    memcpy(head + sizeof magic, copy->chain_id.bytes, QN_HASH_SIZE);
    qn_le64_write(head + 44, copy->window);
    qn_le64_write(head + 52, copy->height);
    qn_le64_write(head + 60, copy->time_ms);
    qn_le64_write(head + 68, copy->pages);
    return qnk_sink_append(out, head, sizeof head);
}

static int32_t facts_read(struct qnk_copier *copier, uint32_t lane)
{
    struct qnk_store_final final;
    struct qnk_micro header;
    uint64_t place;
    int32_t status = qnk_store_final(&copier->store, lane, &final);

    if (status == QN_OK && (final.window == 0 || final.pages == 0)) {
        return QN_NOT_FOUND;
    }
    if (status == QN_OK && final.pages > QNK_COPY_PAGES_MAX) {
        return QN_NO_SPACE;
    }
    if (status == QN_OK) {
        status = qnk_store_header(&copier->store, lane, final.height, &header, &place);
    }
    if (status == QN_OK) {
        copier->copy.window = final.window;
        copier->copy.height = final.height;
        copier->copy.time_ms = header.time_ms;
        copier->copy.pages = final.pages;
    }
    return status == QN_NOT_FOUND ? QN_CORRUPT : status;
}

int32_t qnk_copier_begin(struct qnk_copier *copier, const struct qnk_store *store, uint32_t lane,
                         const struct qnk_hash *chain_id, struct qn_sink *out)
{
    struct qnk_copier it = {.store = *store, .copy = {.chain_id = *chain_id}};
    int32_t status = plugin_of(store)->snapshot(store->storage.inst, lane, &it.store.snapshot);

    if (status != QN_OK) {
        return status;
    }
    status = facts_read(&it, lane);
    if (status == QN_OK) {
        status = head_append(&it.copy, out);
    }
    if (status != QN_OK) {
        qnk_copier_end(&it, lane);
        return status;
    }
    *copier = it;
    return QN_OK;
}

void qnk_copier_end(struct qnk_copier *copier, uint32_t lane)
{
    const struct qnk_store *store = &copier->store;
    int32_t status = plugin_of(store)->release(store->storage.inst, lane, store->snapshot);

    (void)status; /* it was there, and is not now */
}

static uint64_t above(uint64_t last, uint64_t count)
{
    return last > count ? last - count + 1 : 1;
}

/* The numbers of a part that are copied, as its keys; of `meta` everything is. */
static void bounds(const struct qnk_copy *copy, uint32_t part, uint64_t *first, uint64_t *end)
{
    *first = part == PART_MACRO   ? above(copy->window, QNK_STORE_FINALS)
             : part == PART_MICRO ? above(copy->height, RECENT)
                                  : 0;
    *end = part == PART_MACRO   ? copy->window + 1
           : part == PART_MICRO ? copy->height + 1
                                : copy->pages;
}

static void number_write(uint8_t to[NUMBER_SIZE], uint64_t value)
{
    for (uint32_t i = 0; i < NUMBER_SIZE; i++) {
        to[i] = (uint8_t)(value >> (8 * (NUMBER_SIZE - 1 - i)));
    }
}

static int32_t record_append(uint32_t part, const struct qn_storage_pair *pair, struct qn_sink *out)
{
    uint8_t head[RECORD_HEAD] = {(uint8_t)part};
    int32_t status;

    qn_le32_write(head + 1, (uint32_t)pair->key.size);
    qn_le32_write(head + 5, (uint32_t)pair->value.size);
    status = qnk_sink_append(out, head, sizeof head);
    if (status == QN_OK) {
        status = qnk_sink_append(out, pair->key.data, pair->key.size);
    }
    return status == QN_OK ? qnk_sink_append(out, pair->value.data, pair->value.size) : status;
}

/* One scan of a part. QN_AGAIN: there is more of it. */
static int32_t scan(struct qnk_copier *copier, uint32_t lane, struct qn_sink *pairs,
                    struct qn_sink *out)
{
    struct qnk_store *store = &copier->store;
    uint8_t from[NUMBER_SIZE], to[NUMBER_SIZE];
    struct qn_storage_range range = {.space = space_of(store, copier->part)};
    uint64_t first, end;
    int32_t status;

    bounds(&copier->copy, copier->part, &first, &end);
    number_write(from, first + copier->next);
    number_write(to, end);
    if (copier->part != PART_META) {
        range.from = (struct qn_span){from, sizeof from};
        range.to = (struct qn_span){to, sizeof to};
    }
    status =
        plugin_of(store)->scan(store->storage.inst, lane, store->snapshot, &range, ITEMS,
                               copier->part == PART_META ? QNK_COPY_RECORD : QNK_COPY_SOME, pairs);
    if (status != QN_OK && status != QN_AGAIN) {
        return status;
    }
    for (struct qn_span rest = qnk_sink_span(pairs); rest.size > 0; copier->next++) {
        struct qn_storage_pair pair;
        int32_t appended;

        qn_storage_pair_next(&rest, &pair);
        appended = record_append(copier->part, &pair, out);
        if (appended != QN_OK) {
            return appended;
        }
    }
    /* What belongs to some windows fits one scan; all others have numbers, without a gap. */
    if (copier->part == PART_META ? status == QN_AGAIN
                                  : status == QN_OK && first + copier->next != end) {
        return QN_CORRUPT;
    }
    return status;
}

int32_t qnk_copier_some(struct qnk_copier *copier, uint32_t lane, struct qn_sink *out)
{
    struct qn_sink pairs;
    int32_t status;

    qnk_sink_init(&pairs, copier->store.budget, 2 * QNK_COPY_RECORD);
    status = scan(copier, lane, &pairs, out);
    qnk_sink_done(&pairs);
    if (status == QN_OK) {
        copier->part++;
        copier->next = 0;
        status = copier->part == PARTS ? QN_OK : QN_AGAIN;
    }
    return status;
}

uint64_t qnk_copier_size(const struct qnk_copier *copier)
{
    return copier->copy.pages * (RECORD_HEAD + NUMBER_SIZE + QN_LEDGER_PAGE_SIZE) + QNK_COPY_SOME;
}

/* --- beginning from one --- */

int32_t qnk_copy_look(struct qn_span bytes, struct qnk_copy *copy)
{
    if (bytes.size < QNK_COPY_HEAD_SIZE || memcmp(bytes.data, magic, sizeof magic) != 0) {
        return QN_INVALID;
    }
    memcpy(copy->chain_id.bytes, bytes.data + sizeof magic, QN_HASH_SIZE);
    copy->window = qn_le64_read(bytes.data + 44);
    copy->height = qn_le64_read(bytes.data + 52);
    copy->time_ms = qn_le64_read(bytes.data + 60);
    copy->pages = qn_le64_read(bytes.data + 68);
    return QN_OK;
}

struct record {
    uint8_t part;
    struct qn_span key, value;
};

/* False: it is none. */
static bool record_next(struct qnk_reader *reader, struct record *record)
{
    record->part = qnk_reader_u8(reader);

    uint32_t key_size = qnk_reader_u32(reader);
    uint32_t value_size = qnk_reader_u32(reader);

    record->key = qnk_reader_span(reader, key_size);
    record->value = qnk_reader_span(reader, value_size);
    return !reader->failed && record->part < PARTS && key_size > 0;
}

static bool is_above(struct qn_span key, struct qn_span than)
{
    uint64_t common = key.size < than.size ? key.size : than.size;
    int order = common == 0 ? 0 : memcmp(key.data, than.data, common);

    return order > 0 || (order == 0 && key.size > than.size);
}

/* Whether it is the one that comes after `count` others of its part; `last` is the key of those. */
static bool is_in_turn(const struct qnk_copy *copy, const struct record *record, uint64_t count,
                       struct qn_span last)
{
    uint8_t wanted[NUMBER_SIZE];
    uint64_t first, end;

    if (record->part == PART_META) {
        return is_above(record->key, last); /* count == 0: above none at all */
    }
    bounds(copy, record->part, &first, &end);
    number_write(wanted, first + count);
    return count < end - first && record->key.size == sizeof wanted &&
           memcmp(record->key.data, wanted, sizeof wanted) == 0;
}

static bool part_is_whole(const struct qnk_copy *copy, uint32_t part, uint64_t count)
{
    uint64_t first, end;

    bounds(copy, part, &first, &end);
    return part == PART_META ? count > 0 : count == end - first;
}

/* Whether there are all the records that the head promises, each once and in order, and no more. */
static bool is_whole(struct qn_span records, const struct qnk_copy *copy)
{
    struct qnk_reader reader = qnk_reader_init(records);
    struct qn_span last = {0};
    uint32_t part = PART_META;
    uint64_t count = 0;

    while (reader.left > 0) {
        struct record record;

        if (!record_next(&reader, &record) || record.part < part) {
            return false;
        }
        for (; part < record.part; part++, count = 0) {
            if (!part_is_whole(copy, part, count)) {
                return false;
            }
        }
        if (!is_in_turn(copy, &record, count++, last)) {
            return false;
        }
        last = record.key;
    }
    return part == PART_PAGE && part_is_whole(copy, part, count);
}

int32_t qnk_copy_fill(struct qn_span bytes, struct qnk_store *store, uint32_t lane)
{
    struct qn_storage_op ops[ITEMS];
    struct qnk_copy copy;
    struct qnk_reader reader;
    struct qn_span records;
    int32_t status = qnk_copy_look(bytes, &copy);

    if (status != QN_OK) {
        return status;
    }
    records = (struct qn_span){bytes.data + QNK_COPY_HEAD_SIZE, bytes.size - QNK_COPY_HEAD_SIZE};
    if (copy.window == 0 || copy.pages == 0 || copy.pages > QNK_COPY_PAGES_MAX ||
        !is_whole(records, &copy)) {
        return QN_INVALID;
    }
    reader = qnk_reader_init(records);
    while (status == QN_OK && reader.left > 0) {
        uint32_t count = 0;

        for (struct record record; count < ITEMS && reader.left > 0; count++) {
            bool is_one = record_next(&reader, &record);

            QN_ASSERT(is_one); /* as it was before */
            ops[count] = (struct qn_storage_op){.what = PUT,
                                                .space = space_of(store, record.part),
                                                .key = record.key,
                                                .value = record.value};
        }
        status = plugin_of(store)->write(store->storage.inst, lane, ops, count, ORDERED);
    }
    return status;
}
