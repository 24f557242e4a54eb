/* SPDX-License-Identifier: MIT */

#include <qnet/assert.h>
#include <qnet/storage.h>

#include "kernel/base/buf.h"
#include "kernel/base/sink.h"
#include "kernel/sim/fake.h"

enum { SPACES_MAX = 16, FIRST_ROOM = 64 };

/* A key and its value, or a record of a log, whose key is empty. */
struct item {
    struct qn_buf *key;
    struct qn_buf *value;
    uint64_t place; /* of a record, from 1 on */
};

/* Maps are sorted by key, logs by place. */
struct space {
    char name[QN_STORAGE_NAME_MAX + 1];
    uint32_t type;
    struct item *items;
    uint32_t count, room;
    uint64_t last_place;
};

struct qn_inst {
    struct qnk_budget *budget;
    struct space spaces[SPACES_MAX];
    uint32_t spaces_count;
};

static void item_give(const struct item *item)
{
    qnk_buf_unref(item->key);
    qnk_buf_unref(item->value);
}

static void make_room(struct qn_inst *self, struct space *space)
{
    uint32_t room = space->room == 0 ? FIRST_ROOM : space->room * 2;
    struct item *items;

    if (space->count < space->room) {
        return;
    }
    items = qnk_memory_take(self->budget, room * sizeof *items);
    QN_ASSERT(items != NULL);
    if (space->count > 0) {
        memcpy(items, space->items, space->count * sizeof *items);
    }
    qnk_memory_give(self->budget, space->items, space->room * sizeof *items);
    space->items = items;
    space->room = room;
}

static struct qn_buf *copy_of(struct qn_inst *self, struct qn_span from)
{
    struct qn_buf *copy = qnk_buf_copy(self->budget, from);

    QN_ASSERT(copy != NULL);
    return copy;
}

static int compare(struct qn_span a, struct qn_span b)
{
    uint64_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* The first item whose key is not below `key`. */
static uint32_t find(const struct space *space, struct qn_span key)
{
    uint32_t low = 0;
    uint32_t high = space->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (compare(qnk_buf_span(space->items[middle].key), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_there(const struct space *space, uint32_t at, struct qn_span key)
{
    return at < space->count && compare(qnk_buf_span(space->items[at].key), key) == 0;
}

static int32_t space_open(struct qn_inst *self, struct qn_span name, uint32_t type,
                          uint32_t *number)
{
    for (uint32_t i = 0; i < self->spaces_count; i++) {
        if (strlen(self->spaces[i].name) == name.size &&
            memcmp(self->spaces[i].name, name.data, name.size) == 0) {
            *number = i;
            return self->spaces[i].type == type ? QN_OK : QN_INVALID;
        }
    }
    QN_ASSERT(self->spaces_count < SPACES_MAX && name.size <= QN_STORAGE_NAME_MAX);
    memcpy(self->spaces[self->spaces_count].name, name.data, name.size);
    self->spaces[self->spaces_count].type = type;
    *number = self->spaces_count++;
    return QN_OK;
}

static void put(struct qn_inst *self, struct space *space, struct qn_span key, struct qn_span value)
{
    uint32_t at = find(space, key);

    if (is_there(space, at, key)) {
        qnk_buf_unref(space->items[at].value);
        space->items[at].value = copy_of(self, value);
        return;
    }
    make_room(self, space);
    memmove(space->items + at + 1, space->items + at, (space->count - at) * sizeof *space->items);
    space->items[at] = (struct item){.key = copy_of(self, key), .value = copy_of(self, value)};
    space->count++;
}

static void erase(struct space *space, struct qn_span key)
{
    uint32_t at = find(space, key);

    if (is_there(space, at, key)) {
        item_give(&space->items[at]);
        space->count--;
        memmove(space->items + at, space->items + at + 1,
                (space->count - at) * sizeof *space->items);
    }
}

static int32_t write_batch(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                           uint32_t count, uint32_t level)
{
    (void)lane;
    (void)level;
    for (uint32_t i = 0; i < count; i++) {
        struct space *space = &self->spaces[ops[i].space];

        if (ops[i].what == 1) {
            put(self, space, ops[i].key, ops[i].value);
        } else {
            erase(space, ops[i].key);
        }
    }
    return QN_OK;
}

static int32_t get(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                   const struct qn_storage_address *keys, uint32_t count,
                   struct qn_storage_found *found, struct qn_sink *values)
{
    uint64_t offset = 0;

    (void)lane;
    QN_ASSERT(snapshot == 0);
    for (uint32_t i = 0; i < count; i++) {
        const struct space *space = &self->spaces[keys[i].space];
        uint32_t at = find(space, keys[i].key);
        struct qn_span value;

        found[i] = (struct qn_storage_found){.status = QN_NOT_FOUND};
        if (!is_there(space, at, keys[i].key)) {
            continue;
        }
        value = qnk_buf_span(space->items[at].value);
        if (qnk_sink_append(values, value.data, value.size) != QN_OK) {
            return QN_NO_SPACE;
        }
        found[i] = (struct qn_storage_found){.offset = offset, .size = value.size};
        offset += value.size;
    }
    return QN_OK;
}

static int32_t scan(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                    const struct qn_storage_range *range, uint32_t items_max, uint64_t bytes_max,
                    struct qn_sink *pairs)
{
    const struct space *space = &self->spaces[range->space];
    uint32_t given = 0;

    (void)lane;
    (void)bytes_max;
    QN_ASSERT(snapshot == 0 && range->flags == 0 && range->to.size == 0);
    for (uint32_t at = find(space, range->from); at < space->count; at++) {
        struct qn_storage_pair pair = {
            .key = qnk_buf_span(space->items[at].key),
            .value = qnk_buf_span(space->items[at].value),
        };
        uint64_t size = qn_storage_pair_size(&pair);
        uint8_t *room;

        if (given++ == items_max) {
            return QN_AGAIN;
        }
        room = qnk_sink_room(pairs, size);
        if (room == NULL) {
            return QN_NO_SPACE;
        }
        (void)qn_storage_pair_write(&pair, room);
        qnk_sink_commit(pairs, size);
    }
    return QN_OK;
}

static int32_t append(struct qn_inst *self, uint32_t lane, uint32_t log,
                      const struct qn_span *records, uint32_t count, uint32_t level,
                      uint64_t *places)
{
    struct space *space = &self->spaces[log];

    (void)lane;
    (void)level;
    for (uint32_t i = 0; i < count; i++) {
        make_room(self, space);
        places[i] = ++space->last_place;
        space->items[space->count++] =
            (struct item){.value = copy_of(self, records[i]), .place = places[i]};
    }
    return QN_OK;
}

static int32_t read_log(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place,
                        uint64_t bytes_max, struct qn_sink *entries)
{
    const struct space *space = &self->spaces[log];
    uint64_t given = 0;

    (void)lane;
    for (uint32_t at = 0; at < space->count; at++) {
        struct qn_storage_entry entry = {
            .place = space->items[at].place,
            .content = qnk_buf_span(space->items[at].value),
        };
        uint64_t size = qn_storage_entry_size(&entry);
        uint8_t *room;

        if (entry.place < place) {
            continue;
        }
        if (given > 0 && given + size > bytes_max) {
            return QN_AGAIN;
        }
        room = qnk_sink_room(entries, size);
        if (room == NULL) {
            return QN_NO_SPACE;
        }
        (void)qn_storage_entry_write(&entry, room);
        qnk_sink_commit(entries, size);
        given += size;
    }
    return given > 0 ? QN_OK : QN_NOT_FOUND;
}

static int32_t trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    struct space *space = &self->spaces[log];
    uint32_t gone = 0;

    (void)lane;
    while (gone < space->count && space->items[gone].place < place) {
        item_give(&space->items[gone++]);
    }
    space->count -= gone;
    memmove(space->items, space->items + gone, space->count * sizeof *space->items);
    return QN_OK;
}

/* Slots that store.h does not use are left out: calling one is a bug. */
static const struct qn_storage_1 slots = {
    .head = QN_STORAGE_1_HEAD,
    .space = space_open,
    .write = write_batch,
    .get = get,
    .scan = scan,
    .append = append,
    .read = read_log,
    .trim = trim,
};

struct qnk_plugged qnk_fake_storage_make(struct qnk_budget *budget)
{
    struct qn_inst *self = qnk_memory_take(budget, sizeof *self);

    QN_ASSERT(self != NULL);
    self->budget = budget;
    return (struct qnk_plugged){.table = &slots, .inst = self};
}

void qnk_fake_storage_rot(struct qnk_plugged storage, uint32_t log, uint64_t place, bool is_seen)
{
    struct qn_inst *self = storage.inst;
    struct space *space = &self->spaces[log];

    for (uint32_t i = 0; i < space->count; i++) {
        struct item *item = &space->items[i];

        if (item->place == place && is_seen) {
            qnk_buf_unref(item->value);
            item->value = copy_of(self, (struct qn_span){0});
        } else if (item->place == place) {
            item->value->data[item->value->size - 1] ^= 1;
        }
    }
}

void qnk_fake_storage_flip(struct qnk_plugged storage, uint32_t map, uint32_t index, uint64_t bit)
{
    struct qn_inst *self = storage.inst;
    struct qn_buf *value = self->spaces[map].items[index].value;

    QN_ASSERT(index < self->spaces[map].count);
    bit %= value->size * 8;
    value->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

void qnk_fake_storage_give(struct qnk_plugged storage)
{
    struct qn_inst *self = storage.inst;

    for (uint32_t i = 0; i < self->spaces_count; i++) {
        struct space *space = &self->spaces[i];

        for (uint32_t j = 0; j < space->count; j++) {
            item_give(&space->items[j]);
        }
        qnk_memory_give(self->budget, space->items, space->room * sizeof *space->items);
    }
    qnk_memory_give(self->budget, self, sizeof *self);
}
