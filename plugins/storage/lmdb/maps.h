/* SPDX-License-Identifier: MIT */
#pragma once

/* maps.h: the maps of an instance: named databases of one LMDB environment.
 *
 * A write is one transaction. At level 0 its pages are flushed but the page that makes them count
 * is not (MDB_NOMETASYNC): a crash may take back the last writes, in order, and never half of one.
 * The map grows between transactions, which it can only while no snapshot is open. After a flush
 * that failed nothing more is written until the instance begins anew. A map that could not be made
 * larger stays as it is; should the library have let it go all the same, nothing is read either.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   owns     LMDB has memory of its own, outside the host's budget
 *   threads  write, open and maintain never overlap each other; the rest overlaps anything, yet
 *            never itself on one lane or one snapshot
 *   cost     waits for the disk
 *   errors   IO: the disk says no. CORRUPT: what is stored cannot be trusted
 *
 * Source: lmdb.h 0.9.24; performance.md 7.
 */

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>

#include <qnet/storage.h>

enum {
    MAPS_MAX = QN_STORAGE_SPACES_MAX,
    MAPS_LANES = 64,
    MAPS_SNAPSHOTS = QN_STORAGE_SNAPSHOTS_MAX,
};

struct map {
    char name[QN_STORAGE_NAME_MAX + 1];
    MDB_dbi dbi;
};

struct maps_snapshot {
    uint64_t id; /* 0: free */
    uint64_t taken_ms;
    uint32_t maps_count; /* those made later were empty then */
    MDB_txn *txn;
};

struct maps {
    const struct qn_host *host;
    struct qn_node *node;
    const char *folder; /* absolute path, the host's */
    MDB_env *env;
    uint64_t size, size_max;
    bool is_failed;               /* the writer's */
    int error;                    /* the same: what the last write ended with */
    MDB_txn *readers[MAPS_LANES]; /* reset while unused */
    pthread_rwlock_t growth;      /* shared by all that has a transaction; alone to grow */
    bool is_unmapped;             /* under `growth`: there is nothing to read */
    pthread_mutex_t lock;         /* for all below */
    struct map maps[MAPS_MAX];
    uint32_t maps_count;
    uint32_t of_space[QN_STORAGE_SPACES_MAX]; /* its map; set before the space is in use */
    struct maps_snapshot snapshots[MAPS_SNAPSHOTS];
    uint32_t snapshots_count;
    uint64_t snapshots_last; /* id */
};

/* Neither touches the disk. NO_SPACE: no memory. */
int32_t lmdb_maps_init(struct maps *maps, const struct qn_host *host, struct qn_node *node,
                       uint64_t size, uint64_t size_max);
void lmdb_maps_done(struct maps *maps);

/* Opens or makes the environment and all maps that there are. */
int32_t lmdb_maps_open(struct maps *maps, const char *folder);

/* The number of the map of that name, or MAPS_MAX. */
uint32_t lmdb_maps_find(struct maps *maps, const char *name);

/* Makes a map. NO_SPACE: too many, or the disk is full. */
int32_t lmdb_maps_make(struct maps *maps, const char *name, uint32_t *map);

/* From now on this map is meant by this number of a space. */
void lmdb_maps_bind(struct maps *maps, uint32_t space, uint32_t map);

/* As the slots; the caller checked that spaces are maps, and the sizes of what is written. */
int32_t lmdb_maps_write(struct maps *maps, const struct qn_storage_op *ops, uint32_t count,
                        uint32_t level);
int32_t lmdb_maps_get(struct maps *maps, uint32_t lane, uint64_t snapshot,
                      const struct qn_storage_address *keys, uint32_t count,
                      struct qn_storage_found *found, struct qn_sink *values);
int32_t lmdb_maps_scan(struct maps *maps, uint32_t lane, uint64_t snapshot,
                       const struct qn_storage_range *range, uint32_t items_max, uint64_t bytes_max,
                       struct qn_sink *pairs);
int32_t lmdb_maps_snapshot(struct maps *maps, uint64_t *snapshot);
int32_t lmdb_maps_release(struct maps *maps, uint64_t snapshot);

/* Grows the map ahead of need, if that can be now. */
int32_t lmdb_maps_prepare(struct maps *maps);

/* Keys and bytes of the map of one space. */
int32_t lmdb_maps_count(struct maps *maps, uint32_t lane, uint32_t space, uint64_t *keys,
                        uint64_t *bytes);

/* Fills in all but the spaces. */
void lmdb_maps_stats(struct maps *maps, struct qn_storage_stats *stats);
