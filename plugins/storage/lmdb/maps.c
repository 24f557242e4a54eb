/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* a lock that prefers writers */

#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "pages.h"

enum {
    PUT = 1,
    ERASE = 2,
    REVERSE = 1,
    KEYS_ONLY = 2,
    PAIR_HEAD = 8, /* bytes of an encoded pair besides key and value */
    FILE_MODE = 0600,
    FULL = 64 << 10,    /* bytes: a disk with less left is full */
    READERS_SPARE = 16, /* slots besides those of lanes and snapshots */
    PATH_MAX_SIZE = 4096,
    ERROR_LEVEL = 0, /* of the log, and the next */
    WARN_LEVEL = 1,
};

/* --- statuses --- */

static uint64_t free_on_disk(const struct maps *maps)
{
    struct statvfs disk;

    return statvfs(maps->folder, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

/* LMDB says EIO when it could write only a part, which is how a full disk begins. */
static bool is_disk_full(const struct maps *maps)
{
    char path[PATH_MAX_SIZE];
    struct stat stat_of;
    struct rlimit limit;

    if (free_on_disk(maps) < FULL) {
        return true;
    }
    (void)snprintf(path, sizeof path, "%s/data.mdb", maps->folder);
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           stat(path, &stat_of) == 0 && (uint64_t)stat_of.st_size + FULL > limit.rlim_cur;
}

static int32_t status_of(const struct maps *maps, int error)
{
    switch (error) {
    case MDB_SUCCESS:
        return QN_OK;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_DBS_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
        return QN_NO_SPACE;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PAGE_FULL: /* this and the next cannot be but in pages that contradict themselves */
    case MDB_CURSOR_FULL:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return QN_CORRUPT;
    default:
        return error == EIO && is_disk_full(maps) ? QN_NO_SPACE : QN_IO;
    }
}

/* What became of a write. After a flush that failed nobody knows what is on the disk. */
static int32_t written(struct maps *maps, int error)
{
    int32_t status = status_of(maps, error);

    maps->is_failed = maps->is_failed || status == QN_IO || error == MDB_PANIC;
    maps->error = error;
    return status;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- locks --- */

static void lock(struct maps *maps)
{
    int error = pthread_mutex_lock(&maps->lock);

    QN_ASSERT(error == 0);
}

static void unlock(struct maps *maps)
{
    int error = pthread_mutex_unlock(&maps->lock);

    QN_ASSERT(error == 0);
}

static void growth_wait(struct maps *maps)
{
    int error = pthread_rwlock_rdlock(&maps->growth);

    QN_ASSERT(error == 0);
}

static void growth_allow(struct maps *maps)
{
    int error = pthread_rwlock_unlock(&maps->growth);

    QN_ASSERT(error == 0);
}

/* --- life --- */

/* A growth does not wait for ever behind readers that overlap. */
static int growth_init(struct maps *maps)
{
    pthread_rwlockattr_t how;
    int error = pthread_rwlockattr_init(&how);

    if (error == 0) {
        (void)pthread_rwlockattr_setkind_np(&how, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        error = pthread_rwlock_init(&maps->growth, &how);
        (void)pthread_rwlockattr_destroy(&how);
    }
    return error;
}

int32_t lmdb_maps_init(struct maps *maps, const struct qn_host *host, struct qn_node *node,
                       uint64_t size, uint64_t size_max)
{
    *maps = (struct maps){.host = host, .node = node, .size = size, .size_max = size_max};
    if (growth_init(maps) != 0) {
        return QN_NO_SPACE;
    }
    if (pthread_mutex_init(&maps->lock, NULL) != 0) {
        (void)pthread_rwlock_destroy(&maps->growth);
        return QN_NO_SPACE;
    }
    return QN_OK;
}

void lmdb_maps_done(struct maps *maps)
{
    for (uint32_t i = 0; i < MAPS_SNAPSHOTS; i++) {
        if (maps->snapshots[i].id != 0) {
            mdb_txn_abort(maps->snapshots[i].txn);
        }
    }
    for (uint32_t i = 0; i < MAPS_LANES; i++) {
        mdb_txn_abort(maps->readers[i]);
    }
    if (maps->env != NULL) {
        mdb_env_close(maps->env);
    }
    (void)pthread_mutex_destroy(&maps->lock);
    (void)pthread_rwlock_destroy(&maps->growth);
}

/* --- opening --- */

/* Remembers a map under the next number. */
static void map_add(struct maps *maps, struct qn_span name, MDB_dbi dbi)
{
    lock(maps);

    struct map *map = &maps->maps[maps->maps_count++];

    memcpy(map->name, name.data, name.size);
    map->name[name.size] = '\0';
    map->dbi = dbi;
    unlock(maps);
}

/* The main database holds the names of the maps. */
static int maps_list(struct maps *maps, MDB_txn *txn)
{
    MDB_val name, content;
    MDB_cursor *cursor;
    MDB_dbi top;
    int error = mdb_dbi_open(txn, NULL, 0, &top);

    if (error != 0) {
        return error;
    }
    error = mdb_cursor_open(txn, top, &cursor);
    if (error != 0) {
        return error;
    }
    while ((error = mdb_cursor_get(cursor, &name, &content, MDB_NEXT)) == 0) {
        char text[QN_STORAGE_NAME_MAX + 1] = "";
        MDB_dbi dbi;

        if (name.mv_size > QN_STORAGE_NAME_MAX || maps->maps_count == MAPS_MAX) {
            error = MDB_INCOMPATIBLE; /* not of our making */
            break;
        }
        memcpy(text, name.mv_data, name.mv_size);
        error = mdb_dbi_open(txn, text, 0, &dbi);
        if (error != 0) {
            break;
        }
        map_add(maps, (struct qn_span){name.mv_data, name.mv_size}, dbi);
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* A file that was cut would be a fault of the bus when it is read. */
static bool is_whole(const struct maps *maps)
{
    struct stat file;
    MDB_envinfo info;
    MDB_stat top;
    int fd;

    return mdb_env_get_fd(maps->env, &fd) == 0 && fstat(fd, &file) == 0 &&
           mdb_env_info(maps->env, &info) == 0 && mdb_env_stat(maps->env, &top) == 0 &&
           (info.me_last_txnid == 0 ||
            (uint64_t)file.st_size >= (info.me_last_pgno + 1) * (uint64_t)top.ms_psize);
}

/* Where its pages contradict themselves the library may end the process: not without words. */
static void contradicted(MDB_env *env, const char *assertion)
{
    const struct maps *maps = mdb_env_get_userctx(env);
    char words[400];
    int size = snprintf(words, sizeof words,
                        "'%.150s/data.mdb' is damaged (%.100s): keep a copy of the folder, then "
                        "start with an empty folder",
                        maps->folder, assertion);

    maps->host->log(maps->node, ERROR_LEVEL,
                    (struct qn_span){(const uint8_t *)words, (uint64_t)size});
}

static int env_open(struct maps *maps)
{
    const unsigned int readers = MAPS_LANES + MAPS_SNAPSHOTS + READERS_SPARE;
    int error = mdb_env_create(&maps->env);

    if (error == 0) {
        error = mdb_env_set_userctx(maps->env, maps);
    }
    if (error == 0) {
        error = mdb_env_set_assert(maps->env, contradicted);
    }
    if (error == 0) {
        error = mdb_env_set_maxdbs(maps->env, MAPS_MAX);
    }
    if (error == 0) {
        error = mdb_env_set_maxreaders(maps->env, readers);
    }
    if (error == 0) {
        error = mdb_env_set_mapsize(maps->env, maps->size);
    }
    if (error == 0) {
        error = mdb_env_open(maps->env, maps->folder, MDB_NOTLS, FILE_MODE);
    }
    return error;
}

/* An empty environment at `path`, flushed. */
static int empty_write(const char *path, uint64_t size)
{
    MDB_env *env = NULL;
    int error = mdb_env_create(&env);

    if (error != 0) {
        return error;
    }
    error = mdb_env_set_mapsize(env, size);
    if (error == 0) {
        error = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, FILE_MODE);
    }
    if (error == 0) {
        error = mdb_env_sync(env, 1);
    }
    mdb_env_close(env);
    return error;
}

static int names_flush(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

/* LMDB does not flush the first pages of a new file: a power failure would leave one that is torn,
 * which is not to be told from damage. So the file gets its name when it is whole. */
static int file_make(const struct maps *maps)
{
    char path[PATH_MAX_SIZE], new_path[PATH_MAX_SIZE];
    int error;

    (void)snprintf(path, sizeof path, "%s/data.mdb", maps->folder);
    (void)snprintf(new_path, sizeof new_path, "%s/data.new", maps->folder);
    if (access(path, F_OK) == 0) {
        return 0;
    }
    if (unlink(new_path) != 0 && errno != ENOENT) {
        return errno;
    }
    error = empty_write(new_path, maps->size);
    if (error == 0 && rename(new_path, path) != 0) {
        error = errno;
    }
    return error == 0 ? names_flush(maps->folder) : error;
}

/* Whether all pages in use agree; which does not is said. */
static int32_t pages_check(struct maps *maps, uint64_t last)
{
    struct lmdb_pages_found found;
    char words[200];
    int fd, size;
    int32_t status = mdb_env_get_fd(maps->env, &fd) == 0 ? QN_OK : QN_IO;

    if (status == QN_OK) {
        status = lmdb_pages_check(maps->host, maps->node, fd, last, &found);
    }
    if (status == QN_CORRUPT) {
        size = snprintf(words, sizeof words, "'data.mdb': page %llu %s",
                        (unsigned long long)found.page, found.why);
        maps->host->log(maps->node, WARN_LEVEL,
                        (struct qn_span){(const uint8_t *)words, (uint64_t)size});
    }
    return status;
}

int32_t lmdb_maps_open(struct maps *maps, const char *folder)
{
    MDB_envinfo info;
    MDB_txn *txn;
    int32_t status;
    int error;

    maps->folder = folder;
    error = file_make(maps);
    if (error == 0) {
        error = env_open(maps);
    }
    if (error == 0 && !is_whole(maps)) {
        error = MDB_CORRUPTED;
    }
    if (error == 0) {
        error = mdb_env_info(maps->env, &info);
    }
    if (error != 0) {
        return status_of(maps, error);
    }
    status = pages_check(maps, info.me_last_txnid);
    if (status != QN_OK) {
        return status;
    }
    maps->size = info.me_mapsize; /* what is stored may need more than was asked for */
    maps->size_max = maps->size_max > maps->size ? maps->size_max : maps->size;
    error = mdb_txn_begin(maps->env, NULL, MDB_RDONLY, &txn);
    if (error == 0) {
        error = maps_list(maps, txn);
        if (error == 0) {
            error = mdb_txn_commit(txn); /* so that the handles stay */
        } else {
            mdb_txn_abort(txn);
        }
    }
    return status_of(maps, error);
}

uint32_t lmdb_maps_find(struct maps *maps, const char *name)
{
    uint32_t found = MAPS_MAX;

    lock(maps);
    for (uint32_t i = 0; i < maps->maps_count; i++) {
        if (strcmp(maps->maps[i].name, name) == 0) {
            found = i;
        }
    }
    unlock(maps);
    return found;
}

void lmdb_maps_bind(struct maps *maps, uint32_t space, uint32_t map)
{
    QN_ASSERT(space < QN_STORAGE_SPACES_MAX);
    QN_ASSERT(map < maps->maps_count);
    maps->of_space[space] = map;
}

/* --- growing --- */

/* The library lets the old map go before it makes the new one, and cannot go back: so it is not
 * asked for what the system does not give. */
static int growth_try(const struct maps *maps, uint64_t more)
{
    uint64_t size = more - maps->size;
    void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED) {
        return errno;
    }
    return munmap(room, size) == 0 ? 0 : errno;
}

/* Alone with the map. What was tried may be gone by the time it is asked for: then there is no map
 * at all, and the library would read it all the same. */
static int32_t growth_do(struct maps *maps, uint64_t more)
{
    int error = growth_try(maps, more);

    if (error != 0) {
        maps->error = error;
        return status_of(maps, error);
    }
    error = mdb_env_set_mapsize(maps->env, more);
    if (error != 0) {
        maps->error = error;
        maps->is_failed = true;
        maps->is_unmapped = true;
        return QN_IO;
    }
    maps->size = more;
    return QN_OK;
}

/* A larger map, if no snapshot is open. BUSY: one is. NO_SPACE: it has its full size, or memory
 * has no room for more. IO: it is lost. */
static int32_t map_grow(struct maps *maps)
{
    uint64_t more = maps->size < maps->size_max / 2 ? maps->size * 2 : maps->size_max;
    int32_t status = QN_BUSY;
    int error;

    if (maps->size >= maps->size_max) {
        return QN_NO_SPACE;
    }
    error = pthread_rwlock_wrlock(&maps->growth);
    QN_ASSERT(error == 0);
    if (maps->snapshots_count == 0) {
        status = growth_do(maps, more);
    }
    growth_allow(maps);
    return status;
}

int32_t lmdb_maps_prepare(struct maps *maps)
{
    struct qn_storage_stats stats = {0};
    int32_t status = QN_OK;

    if (maps->is_failed) {
        return QN_OK; /* the next write says so */
    }
    lmdb_maps_stats(maps, &stats);
    if (stats.bytes_used > maps->size / 5 * 4) {
        status = map_grow(maps);
    }
    return status == QN_IO ? QN_IO : QN_OK; /* a write will say what else there is to say */
}

static int make_once(struct maps *maps, const char *name, MDB_dbi *dbi)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(maps->env, NULL, 0, &txn);

    if (error != 0) {
        return error;
    }
    error = mdb_dbi_open(txn, name, MDB_CREATE, dbi);
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

int32_t lmdb_maps_make(struct maps *maps, const char *name, uint32_t *map)
{
    MDB_dbi dbi;
    int error;

    if (maps->maps_count == MAPS_MAX) {
        return QN_NO_SPACE;
    }
    if (maps->is_failed) {
        return QN_IO;
    }
    error = make_once(maps, name, &dbi);
    while (error == MDB_MAP_FULL) {
        int32_t status = map_grow(maps);

        if (status != QN_OK) {
            return status == QN_BUSY ? QN_NO_SPACE : status;
        }
        error = make_once(maps, name, &dbi);
    }
    if (error != 0) {
        return written(maps, error);
    }
    map_add(maps, (struct qn_span){(const uint8_t *)name, strlen(name)}, dbi);
    *map = maps->maps_count - 1;
    return QN_OK;
}

/* --- write --- */

/* LMDB only reads what it is given, but its type does not say so. */
static MDB_val val_of(struct qn_span from)
{
    MDB_val val = {.mv_size = from.size};

    memcpy(&val.mv_data, &from.data, sizeof val.mv_data);
    return val;
}

static struct qn_span span_of(const MDB_val *from)
{
    return (struct qn_span){from->mv_data, from->mv_size};
}

static int key_compare(struct qn_span a, struct qn_span b)
{
    uint64_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

/* Whether `key` lies below `to`, of which empty is the end of all keys. */
static bool is_below(struct qn_span key, struct qn_span to)
{
    return to.size == 0 || key_compare(key, to) < 0;
}

/* The first key at or after `from`. */
static int cursor_seek(MDB_cursor *cursor, struct qn_span from, MDB_val *key, MDB_val *value)
{
    if (from.size == 0) {
        return mdb_cursor_get(cursor, key, value, MDB_FIRST);
    }
    *key = val_of(from);
    return mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
}

static int range_erase(MDB_txn *txn, MDB_dbi dbi, struct qn_span from, struct qn_span to)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int error;

    if (from.size == 0 && to.size == 0) {
        return mdb_drop(txn, dbi, 0);
    }
    error = mdb_cursor_open(txn, dbi, &cursor);
    if (error != 0) {
        return error;
    }
    error = cursor_seek(cursor, from, &key, &value);
    while (error == 0 && is_below(span_of(&key), to)) {
        error = mdb_cursor_del(cursor, 0);
        if (error == 0) {
            error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

static int op_apply(MDB_txn *txn, MDB_dbi dbi, const struct qn_storage_op *op)
{
    MDB_val key = val_of(op->key), value = val_of(op->value);
    int error;

    if (op->what == PUT) {
        return mdb_put(txn, dbi, &key, &value, 0);
    }
    if (op->what == ERASE) {
        error = mdb_del(txn, dbi, &key, NULL);
        return error == MDB_NOTFOUND ? 0 : error;
    }
    return range_erase(txn, dbi, op->key, op->value);
}

static MDB_dbi dbi_of(const struct maps *maps, uint32_t space)
{
    return maps->maps[maps->of_space[space]].dbi;
}

static int write_once(struct maps *maps, const struct qn_storage_op *ops, uint32_t count)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(maps->env, NULL, 0, &txn);

    if (error != 0) {
        return error;
    }
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = op_apply(txn, dbi_of(maps, ops[i].space), &ops[i]);
    }
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

int32_t lmdb_maps_write(struct maps *maps, const struct qn_storage_op *ops, uint32_t count,
                        uint32_t level)
{
    int error = 0;

    if (maps->is_failed) {
        return QN_IO;
    }
    if (count == 0 && level == 0) {
        return QN_OK;
    }
    if (count == 0) {
        error = mdb_env_sync(maps->env, 1);
        maps->is_failed = error != 0; /* another try could find pages that only seem clean */
        return status_of(maps, error);
    }
    error = mdb_env_set_flags(maps->env, MDB_NOMETASYNC, level == 0);
    QN_ASSERT(error == 0);
    error = write_once(maps, ops, count);
    while (error == MDB_MAP_FULL) {
        int32_t status = map_grow(maps);

        if (status != QN_OK) {
            return status;
        }
        error = write_once(maps, ops, count);
    }
    return written(maps, error);
}

/* --- reading --- */

/* A transaction to read in, and what must be done after it. */
struct view {
    MDB_txn *txn;
    uint32_t maps_count;
};

static struct maps_snapshot *snapshot_find(struct maps *maps, uint64_t id)
{
    for (uint32_t i = 0; i < MAPS_SNAPSHOTS; i++) {
        if (maps->snapshots[i].id == id) {
            return &maps->snapshots[i];
        }
    }
    return NULL;
}

static int32_t view_snapshot(struct maps *maps, uint64_t id, struct view *view)
{
    const struct maps_snapshot *snapshot;

    lock(maps);
    snapshot = snapshot_find(maps, id);
    if (snapshot != NULL) {
        *view = (struct view){snapshot->txn, snapshot->maps_count};
    }
    unlock(maps);
    return snapshot == NULL ? QN_NOT_FOUND : QN_OK;
}

/* The lane's own transaction, at the newest state. */
static int32_t view_newest(struct maps *maps, uint32_t lane, struct view *view)
{
    int error;

    view->maps_count = MAPS_MAX;
    if (maps->readers[lane] == NULL) {
        error = mdb_txn_begin(maps->env, NULL, MDB_RDONLY, &maps->readers[lane]);
        if (error != 0) {
            maps->readers[lane] = NULL;
        }
    } else {
        error = mdb_txn_renew(maps->readers[lane]);
    }
    view->txn = maps->readers[lane];
    return status_of(maps, error);
}

static int32_t view_open(struct maps *maps, uint32_t lane, uint64_t snapshot, struct view *view)
{
    int32_t status = QN_IO;

    QN_ASSERT(lane < MAPS_LANES);
    growth_wait(maps);
    if (!maps->is_unmapped) {
        status =
            snapshot == 0 ? view_newest(maps, lane, view) : view_snapshot(maps, snapshot, view);
    }
    if (status != QN_OK) {
        growth_allow(maps);
    }
    return status;
}

static void view_close(struct maps *maps, uint64_t snapshot, struct view *view)
{
    if (snapshot == 0) {
        mdb_txn_reset(view->txn);
    }
    growth_allow(maps);
}

/* --- get --- */

static int value_find(struct maps *maps, const struct view *view,
                      const struct qn_storage_address *address, MDB_val *value)
{
    MDB_val key = val_of(address->key);

    if (maps->of_space[address->space] >= view->maps_count || address->key.size == 0 ||
        address->key.size > QN_STORAGE_KEY_MAX) {
        return MDB_NOTFOUND;
    }
    return mdb_get(view->txn, dbi_of(maps, address->space), &key, value);
}

static int32_t values_size(struct maps *maps, const struct view *view,
                           const struct qn_storage_address *keys, uint32_t count, uint64_t *size)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        MDB_val value;
        int error = value_find(maps, view, &keys[i], &value);

        if (error != 0 && error != MDB_NOTFOUND) {
            return status_of(maps, error);
        }
        sum += error == 0 ? value.mv_size : 0;
    }
    *size = sum;
    return QN_OK;
}

static void values_copy(struct maps *maps, const struct view *view,
                        const struct qn_storage_address *keys, uint32_t count,
                        struct qn_storage_found *found, uint8_t *to)
{
    uint64_t offset = 0;

    for (uint32_t i = 0; i < count; i++) {
        MDB_val value;
        int error = value_find(maps, view, &keys[i], &value);

        found[i] = (struct qn_storage_found){.offset = offset, .status = QN_NOT_FOUND};
        if (error == 0) {
            found[i].status = QN_OK;
            found[i].size = value.mv_size;
            if (value.mv_size > 0) {
                memcpy(to + offset, value.mv_data, value.mv_size);
            }
            offset += value.mv_size;
        }
    }
}

int32_t lmdb_maps_get(struct maps *maps, uint32_t lane, uint64_t snapshot,
                      const struct qn_storage_address *keys, uint32_t count,
                      struct qn_storage_found *found, struct qn_sink *values)
{
    struct view view;
    uint8_t *room = NULL;
    uint64_t size = 0;
    int32_t status = view_open(maps, lane, snapshot, &view);

    if (status != QN_OK) {
        return status;
    }
    status = values_size(maps, &view, keys, count, &size);
    if (status == QN_OK && size > 0) {
        room = maps->host->sink_room(values, size);
        status = room == NULL ? QN_NO_SPACE : QN_OK;
    }
    if (status == QN_OK) {
        values_copy(maps, &view, keys, count, found, room);
    }
    if (status == QN_OK && size > 0) {
        maps->host->sink_commit(values, size);
    }
    view_close(maps, snapshot, &view);
    return status;
}

/* --- scan --- */

/* The last key below `to`. */
static int cursor_seek_down(MDB_cursor *cursor, struct qn_span to, MDB_val *key, MDB_val *value)
{
    int error = MDB_NOTFOUND;

    if (to.size > 0) {
        error = cursor_seek(cursor, to, key, value);
    }
    if (error == MDB_NOTFOUND) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    return error == 0 ? mdb_cursor_get(cursor, key, value, MDB_PREV) : error;
}

/* Appends pairs until a limit: AGAIN is that there are more. */
static int32_t pairs_append(struct maps *maps, MDB_cursor *cursor,
                            const struct qn_storage_range *range, uint32_t items_max,
                            uint64_t bytes_max, struct qn_sink *pairs)
{
    bool is_down = (range->flags & REVERSE) != 0;
    uint32_t items = 0;
    uint64_t bytes = 0;
    MDB_val key, value;
    int error = is_down ? cursor_seek_down(cursor, range->to, &key, &value)
                        : cursor_seek(cursor, range->from, &key, &value);

    for (; error == 0;
         error = mdb_cursor_get(cursor, &key, &value, is_down ? MDB_PREV : MDB_NEXT)) {
        struct qn_storage_pair pair = {.key = span_of(&key)};

        if (is_down ? key_compare(pair.key, range->from) < 0 : !is_below(pair.key, range->to)) {
            return QN_OK;
        }
        if ((range->flags & KEYS_ONLY) == 0) {
            pair.value = span_of(&value);
        }

        uint64_t size = PAIR_HEAD + pair.key.size + pair.value.size;

        if (items > 0 && (items >= items_max || bytes + size > bytes_max)) {
            return QN_AGAIN;
        }

        uint8_t *room = maps->host->sink_room(pairs, size);

        if (room == NULL) {
            return items > 0 ? QN_AGAIN : QN_NO_SPACE;
        }
        (void)qn_storage_pair_write(&pair, room);
        maps->host->sink_commit(pairs, size);
        items++;
        bytes += size;
    }
    return error == MDB_NOTFOUND ? QN_OK : status_of(maps, error);
}

int32_t lmdb_maps_scan(struct maps *maps, uint32_t lane, uint64_t snapshot,
                       const struct qn_storage_range *range, uint32_t items_max, uint64_t bytes_max,
                       struct qn_sink *pairs)
{
    struct view view;
    MDB_cursor *cursor;
    int32_t status = view_open(maps, lane, snapshot, &view);

    if (status != QN_OK) {
        return status;
    }
    if (maps->of_space[range->space] < view.maps_count) {
        int error = mdb_cursor_open(view.txn, dbi_of(maps, range->space), &cursor);

        status = status_of(maps, error);
        if (error == 0) {
            status = pairs_append(maps, cursor, range, items_max, bytes_max, pairs);
            mdb_cursor_close(cursor);
        }
    }
    view_close(maps, snapshot, &view);
    return status;
}

/* --- snapshots --- */

int32_t lmdb_maps_snapshot(struct maps *maps, uint64_t *snapshot)
{
    struct maps_snapshot *it;
    int32_t status = QN_NO_SPACE;

    growth_wait(maps);
    lock(maps);
    it = snapshot_find(maps, 0);
    if (maps->is_unmapped) {
        status = QN_IO;
    } else if (it != NULL) {
        status = status_of(maps, mdb_txn_begin(maps->env, NULL, MDB_RDONLY, &it->txn));
    }
    if (status == QN_OK) {
        it->id = ++maps->snapshots_last;
        it->taken_ms = now_ms();
        it->maps_count = maps->maps_count;
        maps->snapshots_count++;
        *snapshot = it->id;
    }
    unlock(maps);
    growth_allow(maps);
    return status;
}

int32_t lmdb_maps_release(struct maps *maps, uint64_t snapshot)
{
    struct maps_snapshot *it;

    growth_wait(maps);
    lock(maps);
    it = snapshot == 0 ? NULL : snapshot_find(maps, snapshot);
    if (it != NULL) {
        mdb_txn_abort(it->txn);
        it->id = 0;
        maps->snapshots_count--;
    }
    unlock(maps);
    growth_allow(maps);
    return it == NULL ? QN_NOT_FOUND : QN_OK;
}

/* --- figures --- */

int32_t lmdb_maps_count(struct maps *maps, uint32_t lane, uint32_t space, uint64_t *keys,
                        uint64_t *bytes)
{
    struct view view;
    MDB_stat stat_of;
    int32_t status = view_open(maps, lane, 0, &view);

    if (status != QN_OK) {
        return status;
    }
    status = status_of(maps, mdb_stat(view.txn, dbi_of(maps, space), &stat_of));
    if (status == QN_OK) {
        *keys = stat_of.ms_entries;
        *bytes = stat_of.ms_psize *
                 (stat_of.ms_branch_pages + stat_of.ms_leaf_pages + stat_of.ms_overflow_pages);
    }
    view_close(maps, 0, &view);
    return status;
}

void lmdb_maps_stats(struct maps *maps, struct qn_storage_stats *stats)
{
    uint64_t now = now_ms(), oldest = 0;
    MDB_envinfo info = {0};
    MDB_stat top = {0};

    growth_wait(maps);
    lock(maps);
    for (uint32_t i = 0; i < MAPS_SNAPSHOTS; i++) {
        const struct maps_snapshot *it = &maps->snapshots[i];

        if (it->id != 0 && now - it->taken_ms > oldest) {
            oldest = now - it->taken_ms;
        }
    }
    if (!maps->is_unmapped) {
        (void)mdb_env_info(maps->env, &info);
        (void)mdb_env_stat(maps->env, &top);
    }
    unlock(maps);
    growth_allow(maps);
    stats->bytes_used = (info.me_last_pgno + 1) * (uint64_t)top.ms_psize;
    stats->bytes_capacity = maps->size_max;
    stats->bytes_free_on_disk = free_on_disk(maps);
    stats->oldest_snapshot_ms = oldest;
}
