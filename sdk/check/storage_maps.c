/* SPDX-License-Identifier: MIT */

/* storage_maps.c: the contract of maps. Most cases hold a plugin against a model: a sorted row of
 * keys, each with the stamp that its value is made from. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/check/storage_subject.h"

enum {
    KEY_MAX = QN_STORAGE_KEY_MAX,
    ROWS_MAX = 2048, /* keys of one model */
    BATCHES = 300,
    BATCH_MAX = 24, /* operations in a batch of the random cases */
    VALUE_LONG = 6000,
    MODELS = 2,
    READERS_MAX = 4,
    READER_WRITES = 400,
};

/* --- the model --- */

struct row {
    uint8_t key[KEY_MAX];
    uint32_t key_size;
    uint64_t stamp;
    uint64_t size;
};

struct model {
    struct row rows[ROWS_MAX]; /* ascending */
    uint32_t count;
};

static int key_compare(struct qn_span a, struct qn_span b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

static struct qn_span row_key(const struct row *row)
{
    return (struct qn_span){row->key, row->key_size};
}

/* The first row that is not below the key. */
static uint32_t model_seek(const struct model *model, struct qn_span key)
{
    uint32_t i = 0;

    while (i < model->count && key_compare(row_key(&model->rows[i]), key) < 0) {
        i++;
    }
    return i;
}

static bool model_has(const struct model *model, struct qn_span key, uint32_t *at)
{
    *at = model_seek(model, key);
    return *at < model->count && key_compare(row_key(&model->rows[*at]), key) == 0;
}

static void model_cut(struct model *model, uint32_t from, uint32_t to)
{
    memmove(&model->rows[from], &model->rows[to], (model->count - to) * sizeof model->rows[0]);
    model->count -= to - from;
}

static void model_put(struct model *model, struct qn_span key, uint64_t stamp, uint64_t size)
{
    uint32_t at;

    if (!model_has(model, key, &at)) {
        QN_CHECK(model->count < ROWS_MAX);
        memmove(&model->rows[at + 1], &model->rows[at],
                (model->count - at) * sizeof model->rows[0]);
        model->count++;
        memcpy(model->rows[at].key, key.data, key.size);
        model->rows[at].key_size = (uint32_t)key.size;
    }
    model->rows[at].stamp = stamp;
    model->rows[at].size = size;
}

static void model_erase(struct model *model, struct qn_span key)
{
    uint32_t at;

    if (model_has(model, key, &at)) {
        model_cut(model, at, at + 1);
    }
}

static void model_erase_range(struct model *model, struct qn_span from, struct qn_span to)
{
    uint32_t first = model_seek(model, from);
    uint32_t end = to.size == 0 ? model->count : model_seek(model, to);

    if (end > first) {
        model_cut(model, first, end);
    }
}

static void value_fill(uint8_t *to, uint64_t stamp, uint64_t size)
{
    uint64_t seed = stamp * 2 + 1;

    for (uint64_t i = 0; i < size; i++) {
        to[i] = i % 8 == 0 ? (uint8_t)(qn_check_random(&seed) >> 32) : (uint8_t)(to[i - 1] + 1);
    }
}

static bool value_is(struct qn_span value, const struct row *row)
{
    uint8_t expected[VALUE_LONG];

    QN_CHECK(row->size <= sizeof expected);
    value_fill(expected, row->stamp, row->size);
    return qn_check_storage_equal(value, (struct qn_span){expected, row->size});
}

/* --- a plugin against a model --- */

/* Makes the key, of `size` bytes, the next one that there can be, and gives that one's size. */
static uint64_t key_after(uint8_t *key, uint64_t size)
{
    if (size < KEY_MAX) {
        key[size] = 0;
        return size + 1;
    }
    while (size > 0 && key[size - 1] == 0xff) {
        size--;
    }
    QN_CHECK(size > 0); /* no case has the very last key */
    key[size - 1]++;
    return size;
}

/* One scan of the whole map in pieces, each of at most `items` and `bytes`. */
static void scan_equals(struct qn_check_storage *it, uint64_t snapshot, uint32_t space,
                        const struct model *model, uint32_t flags, uint32_t items, uint64_t bytes)
{
    struct qn_storage_range range = {.space = space, .flags = flags};
    uint8_t last[KEY_MAX] = {0};
    uint32_t seen = 0;
    int32_t status = QN_AGAIN;

    while (status == QN_AGAIN) {
        struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_ROOM);
        uint32_t seen_before = seen;

        status = it->slots->scan(it->inst, 0, snapshot, &range, items, bytes, &sink);
        QN_CHECK(status == QN_OK || status == QN_AGAIN);

        struct qn_span rest = {sink.data, sink.size};

        while (rest.size > 0) {
            struct qn_storage_pair pair;
            const struct row *row;

            qn_storage_pair_next(&rest, &pair);
            QN_CHECK(seen < model->count);
            row = &model->rows[flags & QN_STORAGE_REVERSE ? model->count - 1 - seen : seen];
            QN_CHECK(qn_check_storage_equal(pair.key, row_key(row)));
            QN_CHECK(flags & QN_STORAGE_KEYS_ONLY ? pair.value.size == 0
                                                  : value_is(pair.value, row));
            seen++;
            memcpy(last, pair.key.data, pair.key.size);
            if (flags & QN_STORAGE_REVERSE) {
                range.to = (struct qn_span){last, pair.key.size};
            } else {
                range.from = (struct qn_span){last, key_after(last, pair.key.size)};
            }
        }
        QN_CHECK(status == QN_OK || (seen > seen_before && seen - seen_before <= items));
    }
    QN_CHECK(seen == model->count);
}

/* Asks for every key of the model and for one that is not there. */
static void get_equals(struct qn_check_storage *it, uint64_t snapshot, uint32_t space,
                       const struct model *model)
{
    struct qn_storage_address *keys = calloc(ROWS_MAX + 1, sizeof *keys);
    struct qn_storage_found *found = calloc(ROWS_MAX + 1, sizeof *found);
    struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_ROOM);

    QN_CHECK(keys != NULL && found != NULL);
    for (uint32_t i = 0; i < model->count; i++) {
        keys[i] = (struct qn_storage_address){.key = row_key(&model->rows[i]), .space = space};
    }
    keys[model->count] =
        (struct qn_storage_address){.key = qn_check_storage_text("never"), .space = space};
    QN_CHECK(it->slots->get(it->inst, 0, snapshot, keys, model->count + 1, found, &sink) == QN_OK);
    for (uint32_t i = 0; i < model->count; i++) {
        QN_CHECK(found[i].status == QN_OK);
        QN_CHECK(found[i].offset + found[i].size <= sink.size);
        QN_CHECK(value_is((struct qn_span){sink.data + found[i].offset, found[i].size},
                          &model->rows[i]));
    }
    QN_CHECK(found[model->count].status == QN_NOT_FOUND);
    free(keys);
    free(found);
}

static void map_equals(struct qn_check_storage *it, uint64_t snapshot, uint32_t space,
                       const struct model *model)
{
    scan_equals(it, snapshot, space, model, 0, UINT32_MAX, UINT64_MAX);
    scan_equals(it, snapshot, space, model, QN_STORAGE_REVERSE, 7, UINT64_MAX);
    scan_equals(it, snapshot, space, model, QN_STORAGE_KEYS_ONLY, UINT32_MAX, 100);
    get_equals(it, snapshot, space, model);
}

/* --- random batches --- */

/* A batch with its bytes, of which the model holds what they are made from. */
struct batch {
    struct qn_storage_op ops[BATCH_MAX];
    uint8_t keys[BATCH_MAX][2][KEY_MAX];
    uint8_t values[BATCH_MAX][VALUE_LONG];
    uint32_t count;
};

/* Few different keys, so that they meet again; some long, some the prefix of others. */
static struct qn_span key_random(uint8_t *to, uint64_t *seed)
{
    uint64_t lot = qn_check_random(seed) >> 16;
    uint64_t size = lot % 64 == 0 ? KEY_MAX : 1 + lot / 64 % 4;

    for (uint64_t i = 0; i < size; i++) {
        to[i] = i < 3 ? (uint8_t)((qn_check_random(seed) >> 24) % 6 * 51) : 'x';
    }
    return (struct qn_span){to, size};
}

static void op_random(struct batch *batch, const uint32_t *spaces, struct model *models,
                      uint64_t *seed)
{
    uint32_t i = batch->count++;
    uint64_t lot = qn_check_random(seed) >> 16;
    struct model *model = &models[lot % MODELS];
    struct qn_storage_op *op = &batch->ops[i];
    uint64_t stamp = qn_check_random(seed);
    uint64_t size = lot / 8 % 10 == 0 ? lot / 128 % VALUE_LONG : lot / 128 % 40;

    *op = (struct qn_storage_op){.space = spaces[lot % MODELS]};
    op->key = key_random(batch->keys[i][0], seed);
    if (lot / 1024 % 16 < 11) {
        op->what = QN_STORAGE_PUT;
        value_fill(batch->values[i], stamp, size);
        op->value = (struct qn_span){batch->values[i], size};
        model_put(model, op->key, stamp, size);
    } else if (lot / 1024 % 16 < 15) {
        op->what = QN_STORAGE_ERASE;
        model_erase(model, op->key);
    } else {
        op->what = QN_STORAGE_ERASE_RANGE;
        op->value = key_random(batch->keys[i][1], seed);
        op->key.size = lot % 3 == 0 ? 1 : op->key.size;
        model_erase_range(model, op->key, op->value);
    }
}

static void batch_random(struct batch *batch, const uint32_t *spaces, struct model *models,
                         uint64_t *seed)
{
    uint32_t count = (uint32_t)(qn_check_random(seed) >> 32) % BATCH_MAX;

    batch->count = 0;
    while (batch->count < count) {
        op_random(batch, spaces, models, seed);
    }
}

static void spaces_open(struct qn_check_storage *it, uint32_t *spaces)
{
    spaces[0] = qn_check_storage_space(it, "first", QN_STORAGE_MAP);
    spaces[1] = qn_check_storage_space(it, "second", QN_STORAGE_MAP);
}

void qn_check_storage_maps_equal_a_reference(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    struct model *models = calloc(MODELS, sizeof *models);
    struct batch *batch = malloc(sizeof *batch);
    uint64_t seed = 0x5eed;
    uint32_t spaces[MODELS];

    QN_CHECK(models != NULL && batch != NULL);
    spaces_open(it, spaces);
    for (uint32_t i = 0; i < BATCHES; i++) {
        batch_random(batch, spaces, models, &seed);
        QN_CHECK(qn_check_storage_write(it, batch->ops, batch->count, i % 16 == 0) == QN_OK);
        if (i % 15 == 14) {
            map_equals(it, 0, spaces[0], &models[0]);
            map_equals(it, 0, spaces[1], &models[1]);
        }
        if (i % 60 == 59) {
            qn_check_storage_reopen(it);
            spaces_open(it, spaces);
        }
    }
    free(batch);
    free(models);
    qn_check_storage_stop(it);
}

/* --- ranges --- */

static void put_text(struct qn_check_storage *it, uint32_t space, const char *key,
                     const char *value)
{
    struct qn_storage_op op = {
        .what = QN_STORAGE_PUT,
        .space = space,
        .key = qn_check_storage_text(key),
        .value = qn_check_storage_text(value),
    };

    QN_CHECK(qn_check_storage_write(it, &op, 1, QN_STORAGE_ORDERED) == QN_OK);
}

/* Whether a scan gives just these keys, with a blank between; all values are "v". */
static bool keys_are(struct qn_check_storage *it, struct qn_storage_range range,
                     const char *expected)
{
    struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_ROOM);
    char text[256] = "";
    uint64_t used = 0;

    QN_CHECK(it->slots->scan(it->inst, 0, 0, &range, UINT32_MAX, UINT64_MAX, &sink) == QN_OK);
    for (struct qn_span rest = {sink.data, sink.size}; rest.size > 0;) {
        struct qn_storage_pair pair;

        qn_storage_pair_next(&rest, &pair);
        QN_CHECK(used + pair.key.size + 2 < sizeof text);
        memcpy(text + used, pair.key.data, pair.key.size);
        used += pair.key.size;
        text[used++] = ' ';
    }
    text[used] = '\0';
    return strcmp(text, expected) == 0;
}

static struct qn_storage_range range_of(uint32_t space, const char *from, const char *to,
                                        uint32_t flags)
{
    return (struct qn_storage_range){
        .from = qn_check_storage_text(from),
        .to = qn_check_storage_text(to),
        .space = space,
        .flags = flags,
    };
}

static void limits_of_a_scan(struct qn_check_storage *it, uint32_t space)
{
    struct qn_storage_range all = {.space = space};
    struct qn_sink sink = qn_check_storage_sink(it, 9);

    QN_CHECK(it->slots->scan(it->inst, 0, 0, &all, 9, 999, &sink) == QN_NO_SPACE);
    sink = qn_check_storage_sink(it, 10);
    QN_CHECK(it->slots->scan(it->inst, 0, 0, &all, 9, 999, &sink) == QN_AGAIN);
    QN_CHECK(sink.size == 10);
    sink = qn_check_storage_sink(it, 999);
    QN_CHECK(it->slots->scan(it->inst, 0, 0, &all, 1, 999, &sink) == QN_AGAIN);
    QN_CHECK(sink.size == 10);
    sink = qn_check_storage_sink(it, 999);
    QN_CHECK(it->slots->scan(it->inst, 0, 0, &all, 9, 1, &sink) == QN_AGAIN);
    QN_CHECK(sink.size == 10);
}

void qn_check_storage_ranges_and_order(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    uint32_t map = qn_check_storage_space(it, "map", QN_STORAGE_MAP);
    static const char *const keys[] = {"b", "abc", "\xff", "a", "ab", "\xff\xff", "c"};
    const uint32_t reverse = QN_STORAGE_REVERSE;

    QN_CHECK(keys_are(it, range_of(map, "", "", 0), ""));
    QN_CHECK(keys_are(it, range_of(map, "", "", reverse), ""));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put_text(it, map, keys[i], "v");
    }
    QN_CHECK(keys_are(it, range_of(map, "", "", 0), "a ab abc b c \xff \xff\xff "));
    QN_CHECK(keys_are(it, range_of(map, "", "", reverse), "\xff\xff \xff c b abc ab a "));
    QN_CHECK(keys_are(it, range_of(map, "ab", "c", 0), "ab abc b "));
    QN_CHECK(keys_are(it, range_of(map, "ab", "c", reverse), "b abc ab "));
    QN_CHECK(keys_are(it, range_of(map, "aa", "bb", 0), "ab abc b "));
    QN_CHECK(keys_are(it, range_of(map, "aa", "bb", reverse), "b abc ab "));
    QN_CHECK(keys_are(it, range_of(map, "\xff\xff", "", 0), "\xff\xff "));
    QN_CHECK(keys_are(it, range_of(map, "", "a", 0), ""));
    QN_CHECK(keys_are(it, range_of(map, "", "a", reverse), ""));
    QN_CHECK(keys_are(it, range_of(map, "c", "b", 0), ""));
    QN_CHECK(keys_are(it, range_of(map, "c", "b", reverse), ""));
    QN_CHECK(keys_are(it, range_of(map, "b", "", 2), "b c \xff \xff\xff "));
    limits_of_a_scan(it, map);

    struct qn_storage_op erase = {
        .what = QN_STORAGE_ERASE_RANGE, .space = map, .key = qn_check_storage_text("abc")};

    erase.value = qn_check_storage_text("c");
    QN_CHECK(qn_check_storage_write(it, &erase, 1, 0) == QN_OK);
    QN_CHECK(keys_are(it, range_of(map, "", "", 0), "a ab c \xff \xff\xff "));
    erase.value = (struct qn_span){0};
    QN_CHECK(qn_check_storage_write(it, &erase, 1, 0) == QN_OK);
    QN_CHECK(keys_are(it, range_of(map, "", "", 0), "a ab "));
    qn_check_storage_stop(it);
}

/* --- batches --- */

void qn_check_storage_batches_are_atomic(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    uint32_t one = qn_check_storage_space(it, "one", QN_STORAGE_MAP);
    uint32_t two = qn_check_storage_space(it, "two", QN_STORAGE_MAP);
    struct qn_span key = qn_check_storage_text("k"), value = qn_check_storage_text("v");
    struct qn_storage_op ops[] = {
        {QN_STORAGE_PUT, one, qn_check_storage_text("a"), value},
        {QN_STORAGE_PUT, two, key, value},
        {QN_STORAGE_ERASE, two, key, {0}},
        {QN_STORAGE_PUT, one, key, value},
        {QN_STORAGE_PUT, one, qn_check_storage_text("z"), value},
        {QN_STORAGE_ERASE_RANGE, one, qn_check_storage_text("l"), {0}},
        {99, one, key, value},
    };

    QN_CHECK(qn_check_storage_write(it, ops, 7, QN_STORAGE_DURABLE) == QN_INVALID);
    QN_CHECK(keys_are(it, range_of(one, "", "", 0), ""));
    QN_CHECK(keys_are(it, range_of(two, "", "", 0), ""));
    QN_CHECK(qn_check_storage_write(it, ops, 6, QN_STORAGE_DURABLE) == QN_OK);
    QN_CHECK(keys_are(it, range_of(one, "", "", 0), "a k "));
    QN_CHECK(keys_are(it, range_of(two, "", "", 0), ""));
    QN_CHECK(qn_check_storage_write(it, NULL, 0, QN_STORAGE_DURABLE) == QN_OK);
    QN_CHECK(qn_check_storage_write(it, NULL, 0, QN_STORAGE_ORDERED) == QN_OK);
    QN_CHECK(keys_are(it, range_of(one, "", "", 0), "a k "));
    qn_check_storage_stop(it);
}

/* --- snapshots --- */

void qn_check_storage_snapshots_are_frozen(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    enum { MANY = QN_STORAGE_SNAPSHOTS_MAX };
    struct model *models = calloc(MODELS, sizeof *models);
    struct model *seen = calloc(MANY, sizeof *seen);
    struct batch *batch = malloc(sizeof *batch);
    uint64_t ids[MANY], id = 0, seed = 77;
    uint32_t spaces[MODELS];

    QN_CHECK(models != NULL && seen != NULL && batch != NULL);
    spaces_open(it, spaces);
    for (uint32_t i = 0; i < MANY; i++) {
        QN_CHECK(it->slots->snapshot(it->inst, 0, &ids[i]) == QN_OK);
        QN_CHECK(ids[i] != 0);
        seen[i] = models[0];
        batch_random(batch, spaces, models, &seed);
        QN_CHECK(qn_check_storage_write(it, batch->ops, batch->count, 0) == QN_OK);
    }
    QN_CHECK(it->slots->snapshot(it->inst, 0, &id) == QN_NO_SPACE);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t at = i * 29 % MANY;

        map_equals(it, ids[at], spaces[0], &seen[at]);
        QN_CHECK(it->slots->release(it->inst, 0, ids[at]) == QN_OK);
        QN_CHECK(it->slots->release(it->inst, 0, ids[at]) == QN_NOT_FOUND);
        batch_random(batch, spaces, models, &seed);
        QN_CHECK(qn_check_storage_write(it, batch->ops, batch->count, 0) == QN_OK);
    }
    QN_CHECK(it->slots->release(it->inst, 0, 0) == QN_NOT_FOUND);
    map_equals(it, 0, spaces[0], &models[0]);
    QN_CHECK(it->slots->snapshot(it->inst, 0, &id) == QN_OK);

    uint32_t late = qn_check_storage_space(it, "late", QN_STORAGE_MAP);

    put_text(it, late, "k", "v");
    scan_equals(it, id, late, &(struct model){.count = 0}, 0, 9, 9);
    QN_CHECK(it->slots->release(it->inst, 0, id) == QN_OK);
    free(batch);
    free(seen);
    free(models);
    qn_check_storage_stop(it);
}

/* --- what is refused --- */

static int32_t write_one(struct qn_check_storage *it, uint32_t what, uint32_t space,
                         uint64_t key_size, uint64_t value_size)
{
    struct qn_storage_op op = {what, space, {it->room, key_size}, {it->room, value_size}};

    return qn_check_storage_write(it, &op, 1, QN_STORAGE_ORDERED);
}

static void limits_of_a_map(struct qn_check_storage *it, uint32_t map, uint32_t log)
{
    struct qn_storage_address address = {.key = qn_check_storage_text("k"), .space = log};
    struct qn_storage_range range = {.space = log};
    struct qn_storage_found found;
    struct qn_sink sink = qn_check_storage_sink(it, 100);
    struct qn_storage_op op = {QN_STORAGE_PUT, map, address.key, address.key};

    memset(it->room, 'k', QN_STORAGE_ROOM);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, map, 0, 1) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, map, KEY_MAX + 1, 1) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, map, 1, QN_STORAGE_VALUE_MAX + 1) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, log, 1, 1) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, 99, 1, 1) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_ERASE, map, 0, 0) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_ERASE, map, KEY_MAX + 1, 0) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_ERASE_RANGE, map, KEY_MAX + 1, 0) == QN_INVALID);
    QN_CHECK(write_one(it, 0, map, 1, 1) == QN_INVALID);
    QN_CHECK(it->slots->write(it->inst, 0, &op, 1, 2) == QN_INVALID);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, map, KEY_MAX, QN_STORAGE_VALUE_MAX) == QN_OK);
    QN_CHECK(write_one(it, QN_STORAGE_PUT, map, 1, 0) == QN_OK);
    QN_CHECK(it->slots->get(it->inst, 0, 0, &address, 1, &found, &sink) == QN_INVALID);
    QN_CHECK(it->slots->scan(it->inst, 0, 0, &range, 1, 1, &sink) == QN_INVALID);
    address.space = range.space = 99;
    QN_CHECK(it->slots->get(it->inst, 0, 0, &address, 1, &found, &sink) == QN_INVALID);
    QN_CHECK(it->slots->scan(it->inst, 0, 0, &range, 1, 1, &sink) == QN_INVALID);
    address.space = range.space = map;
    QN_CHECK(it->slots->get(it->inst, 0, 999, &address, 1, &found, &sink) == QN_NOT_FOUND);
    QN_CHECK(it->slots->scan(it->inst, 0, 999, &range, 1, 1, &sink) == QN_NOT_FOUND);
    QN_CHECK(sink.size == 0);
    QN_CHECK(it->slots->get(it->inst, 0, 0, &address, 1, &found, &sink) == QN_OK);
    QN_CHECK(found.status == QN_OK && found.size == 0);
    address.key = (struct qn_span){it->room + 200, KEY_MAX};
    QN_CHECK(it->slots->get(it->inst, 0, 0, &address, 1, &found, &sink) == QN_NO_SPACE);
    address.key.size = KEY_MAX + 1;
    QN_CHECK(it->slots->get(it->inst, 0, 0, &address, 1, &found, &sink) == QN_OK);
    QN_CHECK(found.status == QN_NOT_FOUND);
}

static void limits_of_a_log(struct qn_check_storage *it, uint32_t map, uint32_t log)
{
    struct qn_span records[] = {{it->room, 1}, {it->room, 0}};
    struct qn_sink sink = qn_check_storage_sink(it, 100);
    uint64_t places[2];

    QN_CHECK(it->slots->append(it->inst, 0, log, records, 2, 0, places) == QN_INVALID);
    records[1].size = QN_STORAGE_RECORD_MAX + 1;
    QN_CHECK(it->slots->append(it->inst, 0, log, records, 2, 0, places) == QN_INVALID);
    QN_CHECK(it->slots->append(it->inst, 0, map, records, 1, 0, places) == QN_INVALID);
    QN_CHECK(it->slots->append(it->inst, 0, 99, records, 1, 0, places) == QN_INVALID);
    QN_CHECK(it->slots->append(it->inst, 0, log, records, 1, 2, places) == QN_INVALID);
    QN_CHECK(it->slots->read(it->inst, 0, log, 0, 100, &sink) == QN_NOT_FOUND);
    QN_CHECK(it->slots->trim(it->inst, 0, map, 1) == QN_INVALID);
    QN_CHECK(it->slots->trim(it->inst, 0, 99, 1) == QN_INVALID);
}

static void limits_of_names(struct qn_check_storage *it)
{
    static const char *const wrong[] = {"", "A", "a b", "a-b", "a1", "\xc3\xa4", "../a", "a.b"};
    char name[QN_STORAGE_NAME_MAX + 2];
    uint32_t space;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        QN_CHECK(it->slots->space(it->inst, qn_check_storage_text(wrong[i]), QN_STORAGE_MAP,
                                  &space) == QN_INVALID);
    }
    memset(name, 'n', sizeof name);
    name[QN_STORAGE_NAME_MAX + 1] = '\0';
    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text(name), QN_STORAGE_MAP, &space) ==
             QN_INVALID);
    name[QN_STORAGE_NAME_MAX] = '\0';
    (void)qn_check_storage_space(it, name, QN_STORAGE_LOG);
    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("a"), 0, &space) == QN_INVALID);
    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("a"), 3, &space) == QN_INVALID);
}

void qn_check_storage_limits_are_refused(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    uint32_t map = qn_check_storage_space(it, "map", QN_STORAGE_MAP);
    uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    uint32_t space;

    limits_of_a_map(it, map, log);
    limits_of_a_log(it, map, log);
    limits_of_names(it);
    for (uint32_t i = 3; i < QN_STORAGE_SPACES_MAX; i++) {
        const char name[] = {'m', (char)('a' + i % 26), i < 26 ? '_' : 'x', '\0'};

        (void)qn_check_storage_space(it, name, QN_STORAGE_MAP);
    }
    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("full"), QN_STORAGE_MAP, &space) ==
             QN_NO_SPACE);
    QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("full"), QN_STORAGE_LOG, &space) ==
             QN_NO_SPACE);
    QN_CHECK(qn_check_storage_space(it, "map", QN_STORAGE_MAP) == map);
    qn_check_storage_stop(it);
}

void qn_check_storage_spaces_are_apart(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    uint32_t one = qn_check_storage_space(it, "one", QN_STORAGE_MAP);
    uint32_t two = qn_check_storage_space(it, "two", QN_STORAGE_MAP);
    uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    uint32_t space;

    QN_CHECK(one != two && one != log && two != log);
    for (uint32_t round = 0; round < 2; round++) {
        QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("one"), QN_STORAGE_LOG, &space) ==
                 QN_INVALID);
        QN_CHECK(it->slots->space(it->inst, qn_check_storage_text("log"), QN_STORAGE_MAP, &space) ==
                 QN_INVALID);
        one = qn_check_storage_space(it, "one", QN_STORAGE_MAP);
        two = qn_check_storage_space(it, "two", QN_STORAGE_MAP);
        QN_CHECK(qn_check_storage_space(it, "one", QN_STORAGE_MAP) == one);
        put_text(it, one, "a", "v");
        put_text(it, two, "b", "v");
        QN_CHECK(keys_are(it, range_of(one, "", "", 0), "a "));
        QN_CHECK(keys_are(it, range_of(two, "", "", 0), "b "));
        QN_CHECK(qn_check_storage_write(it, NULL, 0, QN_STORAGE_DURABLE) == QN_OK);
        qn_check_storage_reopen(it);
    }
    qn_check_storage_stop(it);
}

void qn_check_storage_reopen_keeps_what_was_durable(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    struct model *models = calloc(MODELS, sizeof *models);
    struct batch *batch = malloc(sizeof *batch);
    uint64_t seed = 4711;
    uint32_t spaces[MODELS];

    QN_CHECK(models != NULL && batch != NULL);
    for (uint32_t round = 0; round < 6; round++) {
        spaces_open(it, spaces);
        map_equals(it, 0, spaces[0], &models[0]);
        map_equals(it, 0, spaces[1], &models[1]);
        for (uint32_t i = 0; i < 10; i++) {
            batch_random(batch, spaces, models, &seed);
            QN_CHECK(qn_check_storage_write(it, batch->ops, batch->count, 0) == QN_OK);
        }
        if (round % 2 == 0) {
            batch_random(batch, spaces, models, &seed);
        } else {
            batch->count = 0;
        }
        QN_CHECK(qn_check_storage_write(it, batch->ops, batch->count, QN_STORAGE_DURABLE) == QN_OK);
        qn_check_storage_reopen(it);
    }
    free(batch);
    free(models);
    qn_check_storage_stop(it);
}

/* --- readers beside a writer --- */

struct reader {
    struct qn_check_storage *it;
    atomic_bool *is_over;
    uint32_t lane, map, log;
    bool is_right;
};

/* "left" and "right" are always written together, with one value. */
static bool pair_is_whole(const struct reader *reader, uint64_t snapshot, uint64_t *value)
{
    struct qn_storage_address keys[] = {
        {.key = qn_check_storage_text("left"), .space = reader->map},
        {.key = qn_check_storage_text("right"), .space = reader->map},
    };
    struct qn_storage_found found[2];
    uint64_t bytes[2] = {0, 1};
    struct qn_sink sink = {.data = (uint8_t *)bytes, .cap = sizeof bytes};
    const struct qn_check_storage *it = reader->it;

    if (it->slots->get(it->inst, reader->lane, snapshot, keys, 2, found, &sink) != QN_OK) {
        return false;
    }
    *value = bytes[0];
    return sink.size == sizeof bytes && bytes[0] == bytes[1];
}

/* Places ascend, and records are what was appended: the same byte all over. */
static bool log_is_whole(const struct reader *reader, uint8_t *room)
{
    const struct qn_check_storage *it = reader->it;
    struct qn_sink sink = {.data = room, .cap = 1 << 16};
    int32_t status = it->slots->read(it->inst, reader->lane, reader->log, 0, 1 << 16, &sink);
    uint64_t place = 0;

    for (struct qn_span rest = {room, sink.size}; rest.size > 0;) {
        struct qn_storage_entry entry;

        qn_storage_entry_next(&rest, &entry);
        if (entry.place <= place || entry.content.size == 0) {
            return false;
        }
        for (uint64_t i = 0; i < entry.content.size; i++) {
            if (entry.content.data[i] != entry.content.data[0]) {
                return false;
            }
        }
        place = entry.place;
    }
    return status == QN_OK || status == QN_AGAIN;
}

static bool snapshot_stands_still(const struct reader *reader)
{
    const struct qn_check_storage *it = reader->it;
    uint64_t snapshot, first, then;

    if (it->slots->snapshot(it->inst, reader->lane, &snapshot) != QN_OK) {
        return false;
    }

    bool is_right = pair_is_whole(reader, snapshot, &first) &&
                    pair_is_whole(reader, snapshot, &then) && first == then;

    return it->slots->release(it->inst, reader->lane, snapshot) == QN_OK && is_right;
}

static void *reader_run(void *context)
{
    struct reader *reader = context;
    uint8_t *room = malloc(1 << 16);
    uint64_t last = 0, value = 0;

    reader->is_right = room != NULL;
    while (!atomic_load(reader->is_over) && reader->is_right) {
        reader->is_right = pair_is_whole(reader, 0, &value) && value >= last &&
                           snapshot_stands_still(reader) && log_is_whole(reader, room);
        last = value;
    }
    free(room);
    return NULL;
}

static void write_both(struct qn_check_storage *it, uint32_t map, uint32_t log, uint64_t value)
{
    struct qn_span bytes = {(const uint8_t *)&value, sizeof value};
    struct qn_storage_op ops[] = {
        {QN_STORAGE_PUT, map, qn_check_storage_text("left"), bytes},
        {QN_STORAGE_PUT, map, qn_check_storage_text("right"), bytes},
    };
    struct qn_span record = {it->room, 1 + value % 500};
    uint64_t place;

    memset(it->room, (int)(value % 200), 500);
    QN_CHECK(qn_check_storage_write(it, ops, 2, QN_STORAGE_ORDERED) == QN_OK);
    QN_CHECK(it->slots->append(it->inst, 0, log, &record, 1, QN_STORAGE_ORDERED, &place) == QN_OK);
    if (value % 50 == 0) {
        QN_CHECK(it->slots->trim(it->inst, 0, log, place) == QN_OK);
    }
}

void qn_check_storage_concurrent_readers(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    uint32_t map = qn_check_storage_space(it, "map", QN_STORAGE_MAP);
    uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    struct reader readers[READERS_MAX];
    pthread_t threads[READERS_MAX];
    uint32_t count = 0;
    atomic_bool is_over = false;

    write_both(it, map, log, 1);
    for (; count < READERS_MAX && count + 1 < it->given.lanes; count++) {
        readers[count] = (struct reader){it, &is_over, count + 1, map, log, false};
        QN_CHECK(pthread_create(&threads[count], NULL, reader_run, &readers[count]) == 0);
    }
    for (uint64_t i = 2; i < READER_WRITES; i++) {
        write_both(it, map, log, i);
    }
    atomic_store(&is_over, true);
    for (uint32_t i = 0; i < count; i++) {
        QN_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        QN_CHECK(readers[i].is_right);
    }
    qn_check_storage_stop(it);
}
