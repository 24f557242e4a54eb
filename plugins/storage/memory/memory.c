/* SPDX-License-Identifier: MIT */

/* memory.c: storage that lasts as long as its instance: maps as trees that share what did not
 * change, logs as rows of records. Every write is durable at once, in as far as anything here is;
 * a crash of the process loses all, a crash in a simulator nothing.
 *
 * The maps have one lock and the logs another: readers share it, a write or an append holds it
 * alone. No call waits for anything but that.
 *
 * An erase_range without `value` goes to the end, as the `to` of a range does. A trim drops at
 * once. Places are counted from 1. */

#define _GNU_SOURCE /* a lock that prefers writers */

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include <qnet/assert.h>
#include <qnet/storage.h>

#include "memory.manifest.h"
#include "tree.h"

enum {
    SPACES = QN_STORAGE_SPACES_MAX,
    SNAPSHOTS = QN_STORAGE_SNAPSHOTS_MAX,
    MAP = 1,
    LOG = 2,
    PUT = 1,
    ERASE = 2,
    ERASE_RANGE = 3,
    LEVEL_MAX = 1,
    REVERSE = 1,
    KEYS_ONLY = 2,
    RECORDS_LEAST = 16, /* of the row of a log */
    PAIR_HEAD = 8,      /* bytes of an encoded pair besides key and value */
    ENTRY_HEAD = 12,    /* and of an entry besides its content */
};

struct record {
    uint64_t size;
    uint8_t bytes[];
};

/* Records first .. first + count - 1 lie from rows[start] on. */
struct log {
    struct record **rows;
    uint64_t start, count, capacity;
    uint64_t first; /* place of the oldest record */
    uint64_t bytes;
};

struct space {
    uint8_t name[QN_STORAGE_NAME_MAX];
    uint32_t name_size;
    uint32_t type; /* 0: none yet */
    struct tree map;
    struct log log;
};

struct snapshot {
    uint64_t id; /* 0: free */
    uint64_t taken_ms;
    struct tree maps[SPACES];
};

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    pthread_rwlock_t maps_lock; /* spaces[].map, snapshots, pool */
    pthread_rwlock_t logs_lock; /* spaces[].log */
    struct tree_pool pool;
    struct space spaces[SPACES];
    uint32_t spaces_count; /* under both locks */
    struct snapshot snapshots[SNAPSHOTS];
    uint64_t snapshots_last; /* id */
};

/* --- life --- */

/* Whoever changes something does not wait for ever behind readers that overlap. */
static bool lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t how;

    if (pthread_rwlockattr_init(&how) != 0) {
        return false;
    }
    (void)pthread_rwlockattr_setkind_np(&how, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);

    bool is_made = pthread_rwlock_init(lock, &how) == 0;

    (void)pthread_rwlockattr_destroy(&how);
    return is_made;
}

static int32_t memory_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config;
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    self->pool.host = host;
    self->pool.node = node;
    if (!lock_init(&self->maps_lock)) {
        return QN_NO_SPACE;
    }
    if (!lock_init(&self->logs_lock)) {
        (void)pthread_rwlock_destroy(&self->maps_lock);
        return QN_NO_SPACE;
    }
    *inst = self;
    return QN_OK;
}

/* The host takes back the memory. */
static void memory_destroy(struct qn_inst *self)
{
    (void)pthread_rwlock_destroy(&self->maps_lock);
    (void)pthread_rwlock_destroy(&self->logs_lock);
}

static void lock_shared(pthread_rwlock_t *lock)
{
    int error = pthread_rwlock_rdlock(lock);

    QN_ASSERT(error == 0);
}

static void lock_alone(pthread_rwlock_t *lock)
{
    int error = pthread_rwlock_wrlock(lock);

    QN_ASSERT(error == 0);
}

static void unlock(pthread_rwlock_t *lock)
{
    int error = pthread_rwlock_unlock(lock);

    QN_ASSERT(error == 0);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- spaces --- */

static bool is_name(struct qn_span name)
{
    if (name.size == 0 || name.size > QN_STORAGE_NAME_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < name.size; i++) {
        if ((name.data[i] < 'a' || name.data[i] > 'z') && name.data[i] != '_') {
            return false;
        }
    }
    return true;
}

/* The space of that name, or where it would be. */
static uint32_t space_find(const struct qn_inst *self, struct qn_span name)
{
    uint32_t i = 0;

    while (i < self->spaces_count && (self->spaces[i].name_size != name.size ||
                                      memcmp(self->spaces[i].name, name.data, name.size) != 0)) {
        i++;
    }
    return i;
}

static int32_t space_open(struct qn_inst *self, struct qn_span name, uint32_t type, uint32_t *space)
{
    uint32_t i = space_find(self, name);
    struct space *it = &self->spaces[i];

    if (i == SPACES) {
        return QN_NO_SPACE;
    }
    if (i == self->spaces_count) {
        memcpy(it->name, name.data, name.size);
        it->name_size = (uint32_t)name.size;
        it->type = type;
        it->log.first = 1;
        self->spaces_count++;
    }
    if (it->type != type) {
        return QN_INVALID;
    }
    *space = i;
    return QN_OK;
}

static int32_t memory_space(struct qn_inst *self, struct qn_span name, uint32_t type,
                            uint32_t *space)
{
    int32_t status;

    if (!is_name(name) || (type != MAP && type != LOG)) {
        return QN_INVALID;
    }
    lock_alone(&self->maps_lock);
    lock_alone(&self->logs_lock);
    status = space_open(self, name, type, space);
    unlock(&self->logs_lock);
    unlock(&self->maps_lock);
    return status;
}

static bool is_space(const struct qn_inst *self, uint32_t space, uint32_t type)
{
    return space < self->spaces_count && self->spaces[space].type == type;
}

/* --- write --- */

static bool is_op(const struct qn_inst *self, const struct qn_storage_op *op)
{
    bool has_key = op->key.size >= 1 && op->key.size <= QN_STORAGE_KEY_MAX;

    if (!is_space(self, op->space, MAP)) {
        return false;
    }
    switch (op->what) {
    case PUT:
        return has_key && op->value.size <= QN_STORAGE_VALUE_MAX;
    case ERASE:
        return has_key;
    case ERASE_RANGE:
        return op->key.size <= QN_STORAGE_KEY_MAX && op->value.size <= QN_STORAGE_KEY_MAX;
    default:
        return false;
    }
}

static bool are_ops(const struct qn_inst *self, const struct qn_storage_op *ops, uint32_t count)
{
    if (count > QN_STORAGE_OPS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_op(self, &ops[i])) {
            return false;
        }
    }
    return true;
}

/* Whether `key` lies below `to`, of which empty is the end of all keys. */
static bool is_below(struct qn_span key, struct qn_span to)
{
    return to.size == 0 || memory_key_compare(key, to) < 0;
}

/* Each erase makes a new tree, so the cursor begins anew. */
static bool range_erase(struct tree_pool *pool, struct tree *map, struct qn_span from,
                        struct qn_span to)
{
    for (;;) {
        struct tree_cursor cursor;
        const struct tree_item *item;

        memory_tree_seek(map, from, false, &cursor);
        item = memory_tree_next(&cursor);
        if (item == NULL || !is_below(memory_item_key(item), to)) {
            return true;
        }
        if (!memory_tree_erase(pool, map, memory_item_key(item))) {
            return false;
        }
    }
}

static bool op_apply(struct tree_pool *pool, struct tree *map, const struct qn_storage_op *op)
{
    if (op->what == PUT) {
        return memory_tree_put(pool, map, op->key, op->value);
    }
    if (op->what == ERASE) {
        return memory_tree_erase(pool, map, op->key);
    }
    return range_erase(pool, map, op->key, op->value);
}

/* Works on copies of the maps: either they take the place of the maps, or they are dropped. */
static int32_t ops_apply(struct qn_inst *self, const struct qn_storage_op *ops, uint32_t count)
{
    struct tree maps[SPACES];
    bool fits = true;

    for (uint32_t i = 0; i < self->spaces_count; i++) {
        maps[i] = memory_tree_share(&self->spaces[i].map);
    }
    for (uint32_t i = 0; i < count && fits; i++) {
        fits = op_apply(&self->pool, &maps[ops[i].space], &ops[i]);
    }
    for (uint32_t i = 0; i < self->spaces_count; i++) {
        if (fits) {
            struct tree old = self->spaces[i].map;

            self->spaces[i].map = maps[i];
            maps[i] = old;
        }
        memory_tree_drop(&self->pool, &maps[i]);
    }
    return fits ? QN_OK : QN_NO_SPACE;
}

static int32_t memory_write(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                            uint32_t ops_count, uint32_t level)
{
    int32_t status = QN_INVALID;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_alone(&self->maps_lock);
    if (level <= LEVEL_MAX && are_ops(self, ops, ops_count)) {
        status = ops_apply(self, ops, ops_count);
    }
    unlock(&self->maps_lock);
    return status;
}

/* --- get and scan --- */

static struct snapshot *snapshot_find(struct qn_inst *self, uint64_t id)
{
    for (uint32_t i = 0; i < SNAPSHOTS && id != 0; i++) {
        if (self->snapshots[i].id == id) {
            return &self->snapshots[i];
        }
    }
    return NULL;
}

/* The map of a space as the snapshot saw it, 0 being now. A space made later was empty then. */
static int32_t map_find(struct qn_inst *self, uint64_t id, uint32_t space, const struct tree **map)
{
    const struct snapshot *snapshot = snapshot_find(self, id);

    if (id != 0 && snapshot == NULL) {
        return QN_NOT_FOUND;
    }
    if (!is_space(self, space, MAP)) {
        return QN_INVALID;
    }
    *map = snapshot == NULL ? &self->spaces[space].map : &snapshot->maps[space];
    return QN_OK;
}

/* Bytes of all values together. */
static int32_t values_size(struct qn_inst *self, uint64_t snapshot,
                           const struct qn_storage_address *keys, uint32_t count, uint64_t *size)
{
    uint64_t sum = 0;

    if (snapshot != 0 && snapshot_find(self, snapshot) == NULL) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct tree *map;
        const struct tree_item *item;
        int32_t status = map_find(self, snapshot, keys[i].space, &map);

        if (status != QN_OK) {
            return status;
        }
        item = memory_tree_find(map, keys[i].key);
        sum += item == NULL ? 0 : item->value_size;
    }
    *size = sum;
    return QN_OK;
}

static void values_copy(struct qn_inst *self, uint64_t snapshot,
                        const struct qn_storage_address *keys, uint32_t count,
                        struct qn_storage_found *found, uint8_t *to)
{
    uint64_t offset = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct tree *map = NULL;
        const struct tree_item *item;

        (void)map_find(self, snapshot, keys[i].space, &map);
        QN_ASSERT(map != NULL);
        item = memory_tree_find(map, keys[i].key);
        found[i] = (struct qn_storage_found){.offset = offset, .status = QN_NOT_FOUND};
        if (item != NULL) {
            found[i].status = QN_OK;
            found[i].size = item->value_size;
            if (item->value_size > 0) {
                memcpy(to + offset, memory_item_value(item).data, item->value_size);
            }
            offset += item->value_size;
        }
    }
}

static int32_t memory_get(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                          const struct qn_storage_address *keys, uint32_t keys_count,
                          struct qn_storage_found *found, struct qn_sink *values)
{
    uint64_t size = 0;
    uint8_t *room = NULL;
    int32_t status = QN_INVALID;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_shared(&self->maps_lock);
    if (keys_count <= QN_STORAGE_OPS_MAX) {
        status = values_size(self, snapshot, keys, keys_count, &size);
    }
    if (status == QN_OK && size > 0) {
        room = self->host->sink_room(values, size);
        status = room == NULL ? QN_NO_SPACE : QN_OK;
    }
    if (status == QN_OK) {
        values_copy(self, snapshot, keys, keys_count, found, room);
    }
    if (status == QN_OK && size > 0) {
        self->host->sink_commit(values, size);
    }
    unlock(&self->maps_lock);
    return status;
}

/* Appends pairs until a limit: AGAIN is that there are more. */
static int32_t pairs_append(struct qn_inst *self, const struct tree *map,
                            const struct qn_storage_range *range, uint32_t items_max,
                            uint64_t bytes_max, struct qn_sink *pairs)
{
    bool is_down = (range->flags & REVERSE) != 0;
    uint32_t items = 0;
    uint64_t bytes = 0;
    struct tree_cursor cursor;
    const struct tree_item *item;

    memory_tree_seek(map, is_down ? range->to : range->from, is_down, &cursor);
    while ((item = memory_tree_next(&cursor)) != NULL) {
        struct qn_storage_pair pair = {.key = memory_item_key(item)};

        if (is_down ? memory_key_compare(pair.key, range->from) < 0
                    : !is_below(pair.key, range->to)) {
            return QN_OK;
        }
        if ((range->flags & KEYS_ONLY) == 0) {
            pair.value = memory_item_value(item);
        }

        uint64_t size = PAIR_HEAD + pair.key.size + pair.value.size;

        if (items > 0 && (items >= items_max || bytes + size > bytes_max)) {
            return QN_AGAIN;
        }

        uint8_t *room = self->host->sink_room(pairs, size);

        if (room == NULL) {
            return items > 0 ? QN_AGAIN : QN_NO_SPACE;
        }
        (void)qn_storage_pair_write(&pair, room);
        self->host->sink_commit(pairs, size);
        items++;
        bytes += size;
    }
    return QN_OK;
}

static int32_t memory_scan(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                           const struct qn_storage_range *range, uint32_t items_max,
                           uint64_t bytes_max, struct qn_sink *pairs)
{
    const struct tree *map;
    int32_t status;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_shared(&self->maps_lock);
    status = map_find(self, snapshot, range->space, &map);
    if (status == QN_OK && range->flags > (REVERSE | KEYS_ONLY)) {
        status = QN_INVALID;
    }
    if (status == QN_OK) {
        status = pairs_append(self, map, range, items_max, bytes_max, pairs);
    }
    unlock(&self->maps_lock);
    return status;
}

/* --- snapshots --- */

static struct snapshot *snapshot_free(struct qn_inst *self)
{
    for (uint32_t i = 0; i < SNAPSHOTS; i++) {
        if (self->snapshots[i].id == 0) {
            return &self->snapshots[i];
        }
    }
    return NULL;
}

static int32_t memory_snapshot(struct qn_inst *self, uint32_t lane, uint64_t *snapshot)
{
    struct snapshot *it;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_alone(&self->maps_lock);
    it = snapshot_free(self);
    if (it != NULL) {
        it->id = ++self->snapshots_last;
        it->taken_ms = now_ms();
        for (uint32_t i = 0; i < self->spaces_count; i++) {
            it->maps[i] = memory_tree_share(&self->spaces[i].map);
        }
        *snapshot = it->id;
    }
    unlock(&self->maps_lock);
    return it == NULL ? QN_NO_SPACE : QN_OK;
}

static int32_t memory_release(struct qn_inst *self, uint32_t lane, uint64_t snapshot)
{
    struct snapshot *it;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_alone(&self->maps_lock);
    it = snapshot_find(self, snapshot);
    if (it != NULL) {
        it->id = 0;
        for (uint32_t i = 0; i < SPACES; i++) {
            memory_tree_drop(&self->pool, &it->maps[i]);
        }
    }
    unlock(&self->maps_lock);
    return it == NULL ? QN_NOT_FOUND : QN_OK;
}

/* --- logs --- */

/* Makes room for `more` records after the last one. */
static bool log_reserve(struct qn_inst *self, struct log *log, uint64_t more)
{
    uint64_t capacity = log->capacity > 0 ? log->capacity : RECORDS_LEAST;

    if (log->start + log->count + more <= log->capacity) {
        return true;
    }
    while (capacity < 2 * (log->count + more)) {
        capacity *= 2;
    }

    struct record **rows = self->host->take(self->node, capacity * sizeof(struct record *));

    if (rows == NULL) {
        return false;
    }
    if (log->count > 0) {
        memcpy(rows, log->rows + log->start, log->count * sizeof(struct record *));
    }
    self->host->give(self->node, log->rows);
    log->rows = rows;
    log->start = 0;
    log->capacity = capacity;
    return true;
}

/* Fills the row after the last record, and counts nothing yet. */
static bool records_copy(struct qn_inst *self, struct log *log, const struct qn_span *records,
                         uint32_t count)
{
    struct record **row = log->rows + log->start + log->count;

    for (uint32_t i = 0; i < count; i++) {
        row[i] = self->host->take(self->node, sizeof(struct record) + records[i].size);
        if (row[i] == NULL) {
            while (i > 0) {
                self->host->give(self->node, row[--i]);
            }
            return false;
        }
        row[i]->size = records[i].size;
        memcpy(row[i]->bytes, records[i].data, records[i].size);
    }
    return true;
}

static bool are_records(const struct qn_span *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].size == 0 || records[i].size > QN_STORAGE_RECORD_MAX) {
            return false;
        }
    }
    return true;
}

static int32_t log_append(struct qn_inst *self, struct log *log, const struct qn_span *records,
                          uint32_t count, uint64_t *places)
{
    if (!log_reserve(self, log, count) || !records_copy(self, log, records, count)) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < count; i++) {
        places[i] = log->first + log->count++;
        log->bytes += records[i].size;
    }
    return QN_OK;
}

static int32_t memory_append(struct qn_inst *self, uint32_t lane, uint32_t log,
                             const struct qn_span *records, uint32_t records_count, uint32_t level,
                             uint64_t *places)
{
    int32_t status = QN_INVALID;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_alone(&self->logs_lock);
    if (is_space(self, log, LOG) && level <= LEVEL_MAX && are_records(records, records_count)) {
        status = log_append(self, &self->spaces[log].log, records, records_count, places);
    }
    unlock(&self->logs_lock);
    return status;
}

/* Appends entries from `place` on, which the log has, until a limit: AGAIN is that there are
 * more. */
static int32_t entries_append(struct qn_inst *self, const struct log *log, uint64_t place,
                              uint64_t bytes_max, struct qn_sink *entries)
{
    uint64_t begin = place, bytes = 0;

    for (; place < log->first + log->count; place++) {
        const struct record *record = log->rows[log->start + (place - log->first)];
        struct qn_storage_entry entry = {place, {record->bytes, record->size}};
        uint64_t size = ENTRY_HEAD + record->size;

        if (place > begin && bytes + size > bytes_max) {
            return QN_AGAIN;
        }

        uint8_t *room = self->host->sink_room(entries, size);

        if (room == NULL) {
            return place > begin ? QN_AGAIN : QN_NO_SPACE;
        }
        (void)qn_storage_entry_write(&entry, room);
        self->host->sink_commit(entries, size);
        bytes += size;
    }
    return QN_OK;
}

static int32_t memory_read(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place,
                           uint64_t bytes_max, struct qn_sink *entries)
{
    int32_t status = QN_NOT_FOUND;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_shared(&self->logs_lock);
    if (!is_space(self, log, LOG)) {
        status = QN_INVALID;
    } else {
        const struct log *it = &self->spaces[log].log;
        uint64_t from = place > it->first ? place : it->first;

        if (from - it->first < it->count) {
            status = entries_append(self, it, from, bytes_max, entries);
        }
    }
    unlock(&self->logs_lock);
    return status;
}

static void log_trim(struct qn_inst *self, struct log *log, uint64_t place)
{
    while (log->count > 0 && log->first < place) {
        struct record *record = log->rows[log->start];

        log->bytes -= record->size;
        self->host->give(self->node, record);
        log->start++;
        log->first++;
        log->count--;
    }
}

static int32_t memory_trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    int32_t status = QN_INVALID;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_alone(&self->logs_lock);
    if (is_space(self, log, LOG)) {
        log_trim(self, &self->spaces[log].log, place);
        status = QN_OK;
    }
    unlock(&self->logs_lock);
    return status;
}

/* --- upkeep --- */

static int32_t memory_maintain(struct qn_inst *self, uint32_t lane, uint32_t budget_ms,
                               uint64_t *left)
{
    (void)self;
    (void)budget_ms;
    QN_ASSERT(lane < MEMORY_LANES);
    *left = 0;
    return QN_OK;
}

static uint64_t oldest_snapshot_ms(const struct qn_inst *self)
{
    uint64_t now = now_ms(), oldest = 0;

    for (uint32_t i = 0; i < SNAPSHOTS; i++) {
        const struct snapshot *it = &self->snapshots[i];

        if (it->id != 0 && now - it->taken_ms > oldest) {
            oldest = now - it->taken_ms;
        }
    }
    return oldest;
}

static int32_t stats_append(const struct qn_inst *self, struct qn_sink *sink)
{
    uint8_t bytes[SPACES * (28 + QN_STORAGE_NAME_MAX)];
    uint8_t *end = bytes;
    struct qn_storage_stats stats = {
        .bytes_capacity = MEMORY_MEMORY,
        .oldest_snapshot_ms = oldest_snapshot_ms(self),
        .spaces_count = self->spaces_count,
    };

    for (uint32_t i = 0; i < self->spaces_count; i++) {
        const struct space *it = &self->spaces[i];
        struct qn_storage_space_stats space = {
            .name = {it->name, it->name_size},
            .keys = it->type == MAP ? it->map.keys : it->log.count,
            .bytes = it->type == MAP ? it->map.bytes : it->log.bytes,
            .type = it->type,
        };

        stats.bytes_used += space.bytes;
        end = qn_storage_space_stats_write(&space, end);
    }
    stats.spaces = (struct qn_span){bytes, (uint64_t)(end - bytes)};
    stats.bytes_free_on_disk = stats.bytes_capacity - stats.bytes_used;

    uint64_t size = qn_storage_stats_size(&stats);
    uint8_t *room = self->host->sink_room(sink, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    (void)qn_storage_stats_write(&stats, room);
    self->host->sink_commit(sink, size);
    return QN_OK;
}

static int32_t memory_stats(struct qn_inst *self, uint32_t lane, struct qn_sink *stats)
{
    int32_t status;

    QN_ASSERT(lane < MEMORY_LANES);
    lock_shared(&self->maps_lock);
    lock_shared(&self->logs_lock);
    status = stats_append(self, stats);
    unlock(&self->logs_lock);
    unlock(&self->maps_lock);
    return status;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = memory_create,
    .destroy = memory_destroy,
};

static const struct qn_storage_1 slots = {
    .head = QN_STORAGE_1_HEAD,
    .space = memory_space,
    .write = memory_write,
    .get = memory_get,
    .scan = memory_scan,
    .snapshot = memory_snapshot,
    .release = memory_release,
    .append = memory_append,
    .read = memory_read,
    .trim = memory_trim,
    .maintain = memory_maintain,
    .stats = memory_stats,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MEMORY_MANIFEST_PRINT,
    .kind = MEMORY_KIND,
    .name = MEMORY_NAME,
    .version = MEMORY_VERSION,
    .life = &life,
    .slots = &slots.head,
};
