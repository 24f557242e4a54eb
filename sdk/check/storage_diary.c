/* SPDX-License-Identifier: MIT */

#include "sdk/check/storage_diary.h"

#include <string.h>

enum {
    MAP = 1,
    LOG = 2,
    PUT = 1,
    ERASE = 2,
    DURABLE = 1,
    KEYS = 64, /* of the map */
    OPS = 9,   /* of a batch */
    VALUE_LIMIT = 900,
    RECORD_LEAST = 16, /* number, try */
    RECORD_MORE = 3000,
    APPEND_MAX = 4,
    READ_BYTES = 20000,
};

static struct qn_span text_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t seed = a * 1000003 + b + 1;

    (void)qn_check_random(&seed);
    return qn_check_random(&seed) >> 16;
}

static void bytes_fill(uint8_t *to, uint64_t size, uint64_t stamp)
{
    for (uint64_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(stamp * 31 + i * (stamp % 7 + 1));
    }
}

int32_t qn_check_diary_open(struct qn_check_store *store)
{
    int32_t status = store->slots->space(store->inst, text_of("map"), MAP, &store->map);

    return status == QN_OK ? store->slots->space(store->inst, text_of("log"), LOG, &store->log)
                           : status;
}

/* --- the map --- */

static uint64_t value_size(uint64_t stamp)
{
    return mix(stamp, 5) % VALUE_LIMIT;
}

/* Batch `n` writes its number, and some keys by lot. */
static uint32_t batch_make(struct qn_storage_op *ops, uint32_t map, uint64_t n, uint8_t *keys,
                           uint8_t *bytes)
{
    uint32_t count = 1 + (uint32_t)(mix(n, 1) % (OPS - 1));

    memcpy(bytes, &n, sizeof n);
    ops[0] = (struct qn_storage_op){PUT, map, text_of("number"), {bytes, sizeof n}};
    bytes += sizeof n;
    for (uint32_t i = 1; i < count; i++) {
        uint64_t lot = mix(n, 100 + i), stamp = n * 16 + i;

        keys[i] = (uint8_t)(lot % KEYS);
        ops[i] = (struct qn_storage_op){ERASE, map, {&keys[i], 1}, {0}};
        if (lot / KEYS % 4 > 0) {
            ops[i].what = PUT;
            ops[i].value = (struct qn_span){bytes, value_size(stamp)};
            bytes_fill(bytes, ops[i].value.size, stamp);
            bytes += VALUE_LIMIT;
        }
    }
    return count;
}

int32_t qn_check_diary_write(const struct qn_check_store *store, struct qn_check_diary *diary,
                             uint32_t level)
{
    struct qn_storage_op ops[OPS];
    uint8_t keys[OPS];
    uint64_t n = diary->batches + 1;
    uint32_t count = batch_make(ops, store->map, n, keys, store->room);
    int32_t status;

    diary->batches_tried = n;
    do {
        status = store->slots->write(store->inst, 0, ops, count, level);
    } while (status == QN_BUSY);
    if (status == QN_OK) {
        diary->batches = n;
        diary->batches_durable = level == DURABLE ? n : diary->batches_durable;
    }
    return status;
}

static int32_t value_get(const struct qn_check_store *store, struct qn_span key,
                         struct qn_span *value)
{
    struct qn_storage_address address = {.key = key, .space = store->map};
    struct qn_storage_found found = {0};
    struct qn_sink sink = {.data = store->room, .cap = QN_CHECK_DIARY_ROOM};

    QN_CHECK(store->slots->get(store->inst, 0, 0, &address, 1, &found, &sink) == QN_OK);
    QN_CHECK(found.status == QN_OK || found.status == QN_NOT_FOUND);
    *value = (struct qn_span){store->room, found.size};
    return found.status;
}

uint64_t qn_check_diary_batches(const struct qn_check_store *store)
{
    struct qn_span value;
    uint64_t n = 0;

    if (value_get(store, text_of("number"), &value) == QN_OK) {
        QN_CHECK(value.size == sizeof n);
        memcpy(&n, value.data, sizeof n);
    }
    return n;
}

/* Which batch and operation each key's value is of; 0: it has none. */
static void stamps_find(uint64_t stamps[KEYS], uint64_t batches, uint8_t *bytes)
{
    memset(stamps, 0, KEYS * sizeof *stamps);
    for (uint64_t n = 1; n <= batches; n++) {
        struct qn_storage_op ops[OPS];
        uint8_t keys[OPS];
        uint32_t count = batch_make(ops, 0, n, keys, bytes);

        for (uint32_t i = 1; i < count; i++) {
            stamps[keys[i]] = ops[i].what == PUT ? n * 16 + i : 0;
        }
    }
}

/* Every key is as the first `n` batches left it. */
static void map_compare(const struct qn_check_store *store, uint64_t n)
{
    uint64_t stamps[KEYS];

    stamps_find(stamps, n, store->room);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key = (uint8_t)i;
        uint8_t bytes[VALUE_LIMIT];
        struct qn_span value;
        bool is_there = value_get(store, (struct qn_span){&key, 1}, &value) == QN_OK;
        bool is_of_these_batches = is_there == (stamps[i] > 0);

        QN_CHECK(is_of_these_batches);
        if (is_there) {
            QN_CHECK(value.size == value_size(stamps[i]));
            bytes_fill(bytes, value.size, stamps[i]);
            QN_CHECK(memcmp(value.data, bytes, value.size) == 0);
        }
    }
}

/* --- the log --- */

static uint64_t record_make(uint8_t *to, uint64_t n, uint32_t try)
{
    uint64_t lot = mix(n, try);
    uint64_t size = RECORD_LEAST + (lot % 4 == 0 ? lot / 4 % RECORD_MORE : lot / 4 % 100);
    uint64_t try_wide = try;

    bytes_fill(to, size, lot);
    memcpy(to, &n, sizeof n);
    memcpy(to + 8, &try_wide, sizeof try_wide);
    return size;
}

uint64_t qn_check_diary_number(struct qn_span content, uint32_t *try)
{
    uint8_t expected[RECORD_LEAST + RECORD_MORE];
    uint64_t n, try_wide;

    QN_CHECK(content.size >= RECORD_LEAST);
    memcpy(&n, content.data, sizeof n);
    memcpy(&try_wide, content.data + 8, sizeof try_wide);
    QN_CHECK(content.size == record_make(expected, n, (uint32_t)try_wide));
    QN_CHECK(memcmp(content.data, expected, content.size) == 0);
    *try = (uint32_t)try_wide;
    return n;
}

int32_t qn_check_diary_append(const struct qn_check_store *store, struct qn_check_diary *diary,
                              uint32_t count, uint32_t level)
{
    struct qn_span records[APPEND_MAX] = {{0}};
    uint64_t places[APPEND_MAX];
    uint8_t *at = store->room;
    uint32_t try = ++diary->try_last;
    int32_t status;

    QN_CHECK(count <= APPEND_MAX && diary->records + count < QN_CHECK_DIARY_NUMBERS);
    for (uint32_t i = 0; i < count; i++) {
        records[i] = (struct qn_span){at, record_make(at, diary->records + 1 + i, try)};
        at += records[i].size;
    }
    diary->records_tried = diary->records + count;
    status = store->slots->append(store->inst, 0, store->log, records, count, level, places);
    for (uint32_t i = 0; status == QN_OK && i < count; i++) {
        diary->records++;
        diary->tries[diary->records] = try;
        diary->places[diary->records] = places[i];
    }
    if (status == QN_OK && level == DURABLE) {
        diary->records_durable = diary->records;
    }
    return status;
}

/* Numbers follow each other without a gap, from one that was not trimmed. */
static uint64_t entry_compare(const struct qn_storage_entry *entry, uint64_t last,
                              struct qn_check_diary *diary)
{
    uint32_t try;
    uint64_t n = qn_check_diary_number(entry->content, &try);
    bool follows = last > 0 ? n == last + 1 : n <= diary->trimmed || n == 1;

    QN_CHECK(follows);
    QN_CHECK(n <= diary->records_tried);
    if (n <= diary->records) {
        QN_CHECK(diary->tries[n] == try);
        QN_CHECK(diary->places[n] == entry->place);
    }
    diary->tries[n] = try;
    diary->places[n] = entry->place;
    return n;
}

uint64_t qn_check_diary_records(const struct qn_check_store *store, struct qn_check_diary *diary)
{
    uint64_t place = 0, last = 0;
    int32_t status = QN_AGAIN;

    while (status == QN_AGAIN) {
        struct qn_sink sink = {.data = store->room, .cap = QN_CHECK_DIARY_ROOM};

        status = store->slots->read(store->inst, 0, store->log, place, READ_BYTES, &sink);
        QN_CHECK(status == QN_OK || status == QN_AGAIN || status == QN_NOT_FOUND);
        QN_CHECK(status != QN_AGAIN || sink.size > 0);
        for (struct qn_span rest = {store->room, sink.size}; rest.size > 0;) {
            struct qn_storage_entry entry;

            qn_storage_entry_next(&rest, &entry);
            QN_CHECK(entry.place >= place);
            last = entry_compare(&entry, last, diary);
            place = entry.place + 1;
        }
    }
    return last;
}

/* --- all of it --- */

void qn_check_diary_compare(const struct qn_check_store *store, struct qn_check_diary *diary)
{
    uint64_t batches = qn_check_diary_batches(store);
    uint64_t records = qn_check_diary_records(store, diary);
    bool has_all_durable_batches = batches >= diary->batches_durable;
    bool has_all_durable_records = records >= diary->records_durable;

    QN_CHECK(has_all_durable_batches);
    QN_CHECK(batches <= diary->batches_tried);
    map_compare(store, batches);
    QN_CHECK(has_all_durable_records);
    QN_CHECK(records <= diary->records_tried);
    diary->batches = diary->batches_durable = diary->batches_tried = batches;
    diary->records = diary->records_durable = diary->records_tried = records;
}

int32_t qn_check_diary_trim(const struct qn_check_store *store, struct qn_check_diary *diary,
                            uint64_t left)
{
    uint64_t n = diary->records;

    if (n < APPEND_MAX) {
        return QN_OK;
    }
    n -= left < n ? left : n - 1;
    diary->trimmed = n > diary->trimmed ? n : diary->trimmed;
    return store->slots->trim(store->inst, 0, store->log, diary->places[n]);
}

/* No operations and no records at level 1 make durable what was there. */
static int32_t all_sync(const struct qn_check_store *store, struct qn_check_diary *diary,
                        bool is_log)
{
    int32_t status = is_log
                         ? store->slots->append(store->inst, 0, store->log, NULL, 0, DURABLE, NULL)
                         : store->slots->write(store->inst, 0, NULL, 0, DURABLE);

    if (status == QN_OK && is_log) {
        diary->records_durable = diary->records;
    } else if (status == QN_OK) {
        diary->batches_durable = diary->batches;
    }
    return status;
}

int32_t qn_check_diary_step(const struct qn_check_store *store, struct qn_check_diary *diary,
                            uint64_t *seed)
{
    uint64_t lot = qn_check_random(seed) >> 16, left;
    uint32_t level = lot / 64 % 3 == 0;
    int32_t status;

    switch (lot % 16) {
    case 0:
        return qn_check_diary_trim(store, diary, lot / 256 % 4);
    case 1:
        status = store->slots->maintain(store->inst, 0, 1, &left);
        return status == QN_AGAIN ? QN_OK : status;
    case 2:
    case 3:
        return all_sync(store, diary, lot % 16 == 3);
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        return qn_check_diary_write(store, diary, level);
    default:
        return qn_check_diary_append(store, diary, 1 + (uint32_t)(lot / 256 % APPEND_MAX), level);
    }
}
