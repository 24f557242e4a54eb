/* SPDX-License-Identifier: MIT */

/* lmdb.c: storage on disk: maps in LMDB (maps.h), and logs in segment files of their own (log.h),
 * in the instance's folder. One instance at a time owns the folder, by a lock on a file in it; a
 * second one, in this process or another, is DENIED.
 *
 * An erase_range without `value` goes to the end, as the `to` of a range does. */

#define _DEFAULT_SOURCE /* flock */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <qnet/assert.h>
#include <qnet/storage.h>

#include "crc32c.h"
#include "lmdb.manifest.h"
#include "log.h"
#include "maps.h"

enum {
    SPACES = QN_STORAGE_SPACES_MAX,
    MAP = 1,
    LOG = 2,
    PUT = 1,
    ERASE = 2,
    ERASE_RANGE = 3,
    LEVEL_MAX = 1,
    WARN = 1,
    RANGE_FLAGS = 3,
    OWNER_MODE = 0600,
    MAP_UNIT = 1 << 16, /* a map's size is a multiple of any page's */
    LANES = LMDB_LANES,
};

_Static_assert(LMDB_LANES == (int)MAPS_LANES, "each lane has its transaction");

struct space {
    char name[QN_STORAGE_NAME_MAX + 1];
    uint32_t type;
    struct log log;
};

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    struct lmdb_config config;
    bool is_fast; /* crc32c */
    int folder;
    int owner;
    struct maps maps;
    struct space spaces[SPACES];
    _Atomic uint32_t spaces_count; /* grows when a space is ready */
};

/* --- life --- */

static int32_t fail(struct qn_inst *self, int32_t status, const char *why)
{
    struct qn_span words = {(const uint8_t *)why, strlen(why)};

    return self->host->fail(self->node, status, words);
}

static int32_t lmdb_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct lmdb_config values = lmdb_config_read(config);
    struct qn_inst *self = host->take(node, sizeof *self);
    int32_t status;

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    self->config = values;
    self->is_fast = lmdb_crc32c_is_fast();
    self->folder = -1;
    self->owner = -1;
    if (values.map_size > values.map_max) {
        return fail(self, QN_INVALID, "'map_size' is above 'map_max'");
    }
    status = lmdb_maps_init(&self->maps, host, node, values.map_size / MAP_UNIT * MAP_UNIT,
                            values.map_max / MAP_UNIT * MAP_UNIT);
    if (status != QN_OK) {
        return status;
    }
    *inst = self;
    return QN_OK;
}

static bool is_there(const struct qn_inst *self, const char *name)
{
    int fd = openat(self->folder, name, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

/* `was_used`: whether it was owned before. */
static int32_t folder_own(struct qn_inst *self, const char *path, bool *was_used)
{
    self->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->folder < 0) {
        return fail(self, QN_IO, "the storage folder cannot be opened");
    }
    *was_used = is_there(self, "owner");
    self->owner = openat(self->folder, "owner", O_RDWR | O_CREAT | O_CLOEXEC, OWNER_MODE);
    if (self->owner < 0) {
        return fail(self, QN_IO, "the storage folder cannot be written to");
    }
    if (flock(self->owner, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? fail(self, QN_DENIED, "the storage folder is in use by another node")
                   : fail(self, QN_IO, "the storage folder cannot be locked");
    }
    return QN_OK;
}

/* A folder that was used before has maps: they were lost, and begin empty, but not silently. */
static void maps_miss(const struct qn_inst *self)
{
    static const char words[] = "'data.mdb' is missing: all maps begin empty";

    if (!is_there(self, "data.mdb")) {
        self->host->log(self->node, WARN,
                        (struct qn_span){(const uint8_t *)words, sizeof words - 1});
    }
}

static int32_t lmdb_activate(struct qn_inst *self)
{
    const struct qn_files_1 *files = self->host->extension(self->node, "qnet.files/1");
    const char *path = files == NULL ? NULL : files->folder(self->node);
    bool was_used = false;
    int32_t status;

    if (path == NULL) {
        return fail(self, QN_IO, "there is no storage folder");
    }
    status = folder_own(self, path, &was_used);
    if (status != QN_OK) {
        return status;
    }
    if (was_used) {
        maps_miss(self);
    }
    status = lmdb_maps_open(&self->maps, path);
    switch (status) {
    case QN_OK:
        return QN_OK;
    case QN_CORRUPT:
        return fail(self, QN_CORRUPT, "'data.mdb' is damaged");
    default:
        return fail(self, QN_IO, "'data.mdb' cannot be opened");
    }
}

static void lmdb_destroy(struct qn_inst *self)
{
    for (uint32_t i = 0; i < SPACES; i++) {
        lmdb_log_close(&self->spaces[i].log);
    }
    lmdb_maps_done(&self->maps);
    if (self->owner >= 0) {
        (void)close(self->owner);
    }
    if (self->folder >= 0) {
        (void)close(self->folder);
    }
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

static int32_t map_open(struct qn_inst *self, const char *name, uint32_t space)
{
    uint32_t map = lmdb_maps_find(&self->maps, name);
    bool is_log = false;
    int32_t status = QN_OK;

    if (map == MAPS_MAX) {
        status = lmdb_log_exists(self->folder, name, &is_log);
        if (status == QN_OK) {
            status = is_log ? QN_INVALID : lmdb_maps_make(&self->maps, name, &map);
        }
    }
    if (status == QN_OK) {
        lmdb_maps_bind(&self->maps, space, map);
    }
    return status;
}

static int32_t log_open(struct qn_inst *self, struct space *space)
{
    const struct log_setup setup = {
        .host = self->host,
        .node = self->node,
        .folder = self->folder,
        .is_fast = self->is_fast,
        .segment_size = self->config.segment / RECORD_ALIGN * RECORD_ALIGN,
    };

    if (lmdb_maps_find(&self->maps, space->name) < MAPS_MAX) {
        return QN_INVALID;
    }
    return lmdb_log_open(&space->log, &setup, space->name);
}

static int32_t lmdb_space(struct qn_inst *self, struct qn_span name, uint32_t type, uint32_t *space)
{
    uint32_t count = self->spaces_count;
    struct space *it;
    int32_t status;

    if (!is_name(name) || (type != MAP && type != LOG)) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        it = &self->spaces[i];
        if (strlen(it->name) == name.size && memcmp(it->name, name.data, name.size) == 0) {
            if (it->type != type) {
                return QN_INVALID;
            }
            *space = i;
            return QN_OK;
        }
    }
    if (count == SPACES) {
        return QN_NO_SPACE;
    }
    it = &self->spaces[count];
    *it = (struct space){.type = type, .log.fd = -1};
    memcpy(it->name, name.data, name.size);
    status = type == MAP ? map_open(self, it->name, count) : log_open(self, it);
    if (status == QN_OK) {
        *space = count;
        self->spaces_count = count + 1;
    }
    return status;
}

static bool is_space(const struct qn_inst *self, uint32_t space, uint32_t type)
{
    return space < self->spaces_count && self->spaces[space].type == type;
}

/* --- maps --- */

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

static int32_t lmdb_write(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                          uint32_t ops_count, uint32_t level)
{
    QN_ASSERT(lane < LANES);
    if (level > LEVEL_MAX || !are_ops(self, ops, ops_count)) {
        return QN_INVALID;
    }
    int32_t status = lmdb_maps_write(&self->maps, ops, ops_count, level);

    if (status == QN_IO || status == QN_CORRUPT) {
        char why[160];

        (void)snprintf(why, sizeof why, "'data.mdb' takes no write: %.120s",
                       mdb_strerror(self->maps.error));
        return fail(self, status, why);
    }
    return status;
}

static int32_t lmdb_get(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                        const struct qn_storage_address *keys, uint32_t keys_count,
                        struct qn_storage_found *found, struct qn_sink *values)
{
    QN_ASSERT(lane < LANES);
    if (keys_count > QN_STORAGE_OPS_MAX) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < keys_count; i++) {
        if (!is_space(self, keys[i].space, MAP)) {
            return QN_INVALID;
        }
    }
    return lmdb_maps_get(&self->maps, lane, snapshot, keys, keys_count, found, values);
}

static int32_t lmdb_scan(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                         const struct qn_storage_range *range, uint32_t items_max,
                         uint64_t bytes_max, struct qn_sink *pairs)
{
    QN_ASSERT(lane < LANES);
    if (!is_space(self, range->space, MAP) || range->flags > RANGE_FLAGS ||
        range->from.size > QN_STORAGE_KEY_MAX || range->to.size > QN_STORAGE_KEY_MAX) {
        return QN_INVALID;
    }
    return lmdb_maps_scan(&self->maps, lane, snapshot, range, items_max, bytes_max, pairs);
}

static int32_t lmdb_snapshot(struct qn_inst *self, uint32_t lane, uint64_t *snapshot)
{
    QN_ASSERT(lane < LANES);
    return lmdb_maps_snapshot(&self->maps, snapshot);
}

static int32_t lmdb_release(struct qn_inst *self, uint32_t lane, uint64_t snapshot)
{
    QN_ASSERT(lane < LANES);
    return lmdb_maps_release(&self->maps, snapshot);
}

/* --- logs --- */

static int32_t lmdb_append(struct qn_inst *self, uint32_t lane, uint32_t log,
                           const struct qn_span *records, uint32_t records_count, uint32_t level,
                           uint64_t *places)
{
    QN_ASSERT(lane < LANES);
    if (!is_space(self, log, LOG)) {
        return QN_INVALID;
    }
    return lmdb_log_append(&self->spaces[log].log, records, records_count, level, places);
}

static int32_t lmdb_read(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place,
                         uint64_t bytes_max, struct qn_sink *entries)
{
    QN_ASSERT(lane < LANES);
    if (!is_space(self, log, LOG)) {
        return QN_INVALID;
    }
    return lmdb_log_read(&self->spaces[log].log, place, bytes_max, entries);
}

static int32_t lmdb_trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    QN_ASSERT(lane < LANES);
    if (!is_space(self, log, LOG)) {
        return QN_INVALID;
    }
    return lmdb_log_trim(&self->spaces[log].log, place);
}

/* --- upkeep --- */

/* Each step is short; which ones are due, they know themselves. */
static int32_t lmdb_maintain(struct qn_inst *self, uint32_t lane, uint32_t budget_ms,
                             uint64_t *left)
{
    int32_t status = lmdb_maps_prepare(&self->maps);

    (void)budget_ms;
    QN_ASSERT(lane < LANES);
    for (uint32_t i = 0; i < self->spaces_count && status == QN_OK; i++) {
        if (self->spaces[i].type == LOG) {
            status = lmdb_log_prepare(&self->spaces[i].log);
        }
    }
    if (status == QN_OK) {
        *left = 0;
    }
    return status;
}

static int32_t space_stats(struct qn_inst *self, uint32_t lane, uint32_t i,
                           struct qn_storage_space_stats *stats)
{
    struct space *it = &self->spaces[i];

    *stats = (struct qn_storage_space_stats){
        .name = {(const uint8_t *)it->name, strlen(it->name)},
        .type = it->type,
    };
    if (it->type == MAP) {
        return lmdb_maps_count(&self->maps, lane, i, &stats->keys, &stats->bytes);
    }
    lmdb_log_count(&it->log, &stats->keys, &stats->bytes);
    return QN_OK;
}

static int32_t lmdb_stats(struct qn_inst *self, uint32_t lane, struct qn_sink *sink)
{
    uint8_t bytes[SPACES * (28 + QN_STORAGE_NAME_MAX)];
    uint8_t *end = bytes;
    struct qn_storage_stats stats = {.spaces_count = self->spaces_count};

    QN_ASSERT(lane < LANES);
    lmdb_maps_stats(&self->maps, &stats);
    for (uint32_t i = 0; i < stats.spaces_count; i++) {
        struct qn_storage_space_stats space;
        int32_t status = space_stats(self, lane, i, &space);

        if (status != QN_OK) {
            return status;
        }
        end = qn_storage_space_stats_write(&space, end);
    }
    stats.spaces = (struct qn_span){bytes, (uint64_t)(end - bytes)};

    uint64_t size = qn_storage_stats_size(&stats);
    uint8_t *room = self->host->sink_room(sink, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    (void)qn_storage_stats_write(&stats, room);
    self->host->sink_commit(sink, size);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = lmdb_create,
    .activate = lmdb_activate,
    .destroy = lmdb_destroy,
};

static const struct qn_storage_1 slots = {
    .head = QN_STORAGE_1_HEAD,
    .space = lmdb_space,
    .write = lmdb_write,
    .get = lmdb_get,
    .scan = lmdb_scan,
    .snapshot = lmdb_snapshot,
    .release = lmdb_release,
    .append = lmdb_append,
    .read = lmdb_read,
    .trim = lmdb_trim,
    .maintain = lmdb_maintain,
    .stats = lmdb_stats,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = LMDB_MANIFEST_PRINT,
    .kind = LMDB_KIND,
    .name = LMDB_NAME,
    .version = LMDB_VERSION,
    .life = &life,
    .slots = &slots.head,
};
