/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/storage.yaml:
 * edit that, then `make generate`. */
#pragma once

/* storage.h: the contract of a storage plugin, storage/1.
 *
 * Ordered keys in named spaces, atomic batches, and append-only logs.
 *
 * A space is an ordered map or a log. Keys order by memcmp. A log takes one sequential write and
 * one flush, so a microblock never waits for a tree. After any crash the maps together, and each
 * log, equal a prefix of what was written that includes all that was durable; nothing is torn.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    bytes
 *   owns     arrays and spans are borrowed until the call returns; sinks are the caller's
 *   threads  pool: shared slots may overlap all others; serial slots of one group never overlap
 *   cost     may wait for the disk
 *   errors   nothing was written; what was committed to a sink is rolled back
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_STORAGE
#define QN_TARGET_STORAGE 0
#endif

/* In bytes. Beyond: invalid. Why: what the smallest engine can index. */
#define QN_STORAGE_KEY_MAX 255

/* In bytes. Beyond: invalid. Why: one value is held in memory. */
#define QN_STORAGE_VALUE_MAX 16777216

/* In bytes. Beyond: invalid. Why: a block's header and its largest body. */
#define QN_STORAGE_RECORD_MAX 17825792

/* In bytes. Beyond: invalid. Why: names may become file names. */
#define QN_STORAGE_NAME_MAX 32

/* In spaces. Beyond: no_space. Why: engines ask for their number at start. */
#define QN_STORAGE_SPACES_MAX 32

/* In operations. Beyond: invalid. Why: bounds one batch. */
#define QN_STORAGE_OPS_MAX 1048576

/* In snapshots. Beyond: no_space. Why: an old view keeps old pages alive. */
#define QN_STORAGE_SNAPSHOTS_MAX 64

/* `what` 1 put, 2 erase, 3 erase_range (from `key` up to and without `value`). */
struct qn_storage_op {
    uint32_t what;
    uint32_t space;
    struct qn_span key;
    struct qn_span value;
};
QN_SIZE_IS(struct qn_storage_op, 40);

/* Where a value lies. */
struct qn_storage_address {
    struct qn_span key;
    uint32_t space;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_storage_address, 24);

/* `status` OK or NOT_FOUND; the value lies in the sink at `offset` from where the call began. */
struct qn_storage_found {
    uint64_t offset;
    uint64_t size;
    int32_t status;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_storage_found, 24);

/* Keys from `from` on and below `to` (empty: to the end). Flags: 1 reverse (from the last one
 * down), 2 keys only. */
struct qn_storage_range {
    struct qn_span from;
    struct qn_span to;
    uint32_t space;
    uint32_t flags;
};
QN_SIZE_IS(struct qn_storage_range, 40);

/* One item of what scan() appends. */
struct qn_storage_pair {
    struct qn_span key;
    struct qn_span value;
};
QN_SIZE_IS(struct qn_storage_pair, 32);

/* One item of what read() appends. Empty content: the record at this place is damaged. */
struct qn_storage_entry {
    uint64_t place;
    struct qn_span content;
};
QN_SIZE_IS(struct qn_storage_entry, 24);

/* The answer of stats(); one `space_stats` per space. */
struct qn_storage_stats {
    uint64_t bytes_used;
    uint64_t bytes_capacity;
    uint64_t bytes_free_on_disk;
    uint64_t oldest_snapshot_ms;
    struct qn_span spaces; /* encoded, see qn_storage_space_stats_next() */
    uint32_t spaces_count;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_storage_stats, 56);

struct qn_storage_space_stats {
    struct qn_span name;
    uint64_t keys;
    uint64_t bytes;
    uint32_t type;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_storage_space_stats, 40);

struct qn_storage_1 {
    struct qn_head head;

    /* Opens or makes it: type 1 map, 2 log. A log's torn tail is cut here. `name` up to NAME_MAX.
     * Thread: control. INVALID: not [a-z_]{1,32}, or of the other type. NO_SPACE: over spaces_max.
     * IO: the disk says no. CORRUPT: what is stored cannot be trusted. */
    QN_MUST_CHECK int32_t (*space)(struct qn_inst *inst, struct qn_span name, uint32_t type,
                                   uint32_t *space);

    /* All or nothing. Level 0 ordered, 1 durable on return with all before it; no ops at level 1 is
     * a sync. `ops` up to OPS_MAX. Thread: pool, serial in group 1. INVALID: a key or value over
     * its limit or no such space. NO_SPACE: disk or map full. BUSY: close snapshots and repeat, the
     * map must grow. IO: the disk says no. CORRUPT: what is stored cannot be trusted. */
    QN_MUST_CHECK int32_t (*write)(struct qn_inst *inst, uint32_t lane,
                                   const struct qn_storage_op *ops, uint32_t ops_count,
                                   uint32_t level);

    /* Many reads; values lie in the sink one after another. Snapshot 0 is the newest state. `keys`
     * up to OPS_MAX. `found` has one for each of `keys`. Thread: pool, shared. INVALID: no such
     * space. NOT_FOUND: no such snapshot. NO_SPACE: the sink's cap. IO: the disk says no. CORRUPT:
     * what is stored cannot be trusted. */
    QN_MUST_CHECK int32_t (*get)(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                 const struct qn_storage_address *keys, uint32_t keys_count,
                                 struct qn_storage_found *found, struct qn_sink *values);

    /* Ordered `pair` records. At least one is given if there is one, unless the sink has no room
     * (NO_SPACE). Thread: pool, shared. AGAIN: a limit was reached: go on after the last key.
     * INVALID: no such space. NOT_FOUND: no such snapshot. IO: the disk says no. CORRUPT: what is
     * stored cannot be trusted. */
    QN_MUST_CHECK int32_t (*scan)(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                  const struct qn_storage_range *range, uint32_t items_max,
                                  uint64_t bytes_max, struct qn_sink *pairs);

    /* A frozen view of all maps. Calls on one snapshot never overlap. Thread: pool, shared.
     * NO_SPACE: over snapshots_max. */
    QN_MUST_CHECK int32_t (*snapshot)(struct qn_inst *inst, uint32_t lane, uint64_t *snapshot);

    /* Ends it. Thread: pool, shared. NOT_FOUND: no such snapshot. */
    QN_MUST_CHECK int32_t (*release)(struct qn_inst *inst, uint32_t lane, uint64_t snapshot);

    /* Each record whole or not at all; places ascend and are never 0; levels as in write(). No
     * records at level 1 are a sync. What was durable when an append at level 1 began is known to
     * be so when it returns: later damage to it is told by read(), and never cut as a torn tail.
     * `places` has one for each of `records`. Thread: pool, serial in group 2. INVALID: a record
     * over its limit or empty or no such log. NO_SPACE: disk full. IO: the disk says no. */
    QN_MUST_CHECK int32_t (*append)(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                    const struct qn_span *records, uint32_t records_count,
                                    uint32_t level, uint64_t *places);

    /* `entry` records from the first place at or after `place` on; place 0 is the oldest. At least
     * one is given if there is one, unless the sink has no room (NO_SPACE). A damaged record, and
     * only that, is an `entry` of empty content. Thread: pool, shared. NOT_FOUND: nothing at or
     * after place. AGAIN: the limit was reached: go on after the last place. CORRUPT: the log as a
     * whole cannot be trusted. IO: the disk says no. */
    QN_MUST_CHECK int32_t (*read)(struct qn_inst *inst, uint32_t lane, uint32_t log, uint64_t place,
                                  uint64_t bytes_max, struct qn_sink *entries);

    /* Records before `place` may be dropped; they need not be at once. Thread: pool, serial in
     * group 2. INVALID: no such log. IO: the disk says no. */
    QN_MUST_CHECK int32_t (*trim)(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                  uint64_t place);

    /* Bounded clean-up, compaction, growth. Thread: pool, serial in group 1. AGAIN: more is left.
     * IO: the disk says no. NO_SPACE: disk full. */
    QN_MUST_CHECK int32_t (*maintain)(struct qn_inst *inst, uint32_t lane, uint32_t budget_ms,
                                      uint64_t *left);

    /* The record `stats`. Thread: pool, shared. */
    QN_MUST_CHECK int32_t (*stats)(struct qn_inst *inst, uint32_t lane, struct qn_sink *stats);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_STORAGE == 0
#define QN_STORAGE_PRINT UINT64_C(0x0d3f9b45996d9d70)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_STORAGE_1_HEAD QN_HEAD(struct qn_storage_1, 1, QN_TARGET_STORAGE, QN_STORAGE_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_storage_op_take(struct qn_reader *in, struct qn_storage_op *out)
{
    memset(out, 0, sizeof *out);
    out->what = qn_reader_u32(in);
    out->space = qn_reader_u32(in);
    out->key = qn_reader_bytes(in, QN_STORAGE_KEY_MAX);
    out->value = qn_reader_bytes(in, QN_STORAGE_VALUE_MAX);
}

QN_MUST_CHECK static inline int32_t qn_storage_op_read(struct qn_span from,
                                                       struct qn_storage_op *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_op it;

    qn_storage_op_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_op_size(const struct qn_storage_op *from)
{
    return 16 + from->key.size + from->value.size;
}

static inline uint8_t *qn_storage_op_write(const struct qn_storage_op *from, uint8_t *to)
{
    to = qn_writer_u32(to, from->what);
    to = qn_writer_u32(to, from->space);
    to = qn_writer_bytes(to, from->key, QN_STORAGE_KEY_MAX);
    to = qn_writer_bytes(to, from->value, QN_STORAGE_VALUE_MAX);
    return to;
}

static inline struct qn_span qn_storage_op_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_op item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_op_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_op_next(struct qn_span *rest, struct qn_storage_op *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_op_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_address_take(struct qn_reader *in, struct qn_storage_address *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_bytes(in, QN_STORAGE_KEY_MAX);
    out->space = qn_reader_u32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_storage_address_read(struct qn_span from,
                                                            struct qn_storage_address *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_address it;

    qn_storage_address_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_address_size(const struct qn_storage_address *from)
{
    return 12 + from->key.size;
}

static inline uint8_t *qn_storage_address_write(const struct qn_storage_address *from, uint8_t *to)
{
    to = qn_writer_bytes(to, from->key, QN_STORAGE_KEY_MAX);
    to = qn_writer_u32(to, from->space);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_storage_address_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_address item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_address_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_address_next(struct qn_span *rest, struct qn_storage_address *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_address_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_found_take(struct qn_reader *in, struct qn_storage_found *out)
{
    memset(out, 0, sizeof *out);
    out->offset = qn_reader_u64(in);
    out->size = qn_reader_u64(in);
    out->status = qn_reader_i32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_storage_found_read(struct qn_span from,
                                                          struct qn_storage_found *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_found it;

    qn_storage_found_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_found_size(const struct qn_storage_found *from)
{
    (void)from;
    return 24;
}

static inline uint8_t *qn_storage_found_write(const struct qn_storage_found *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->offset);
    to = qn_writer_u64(to, from->size);
    to = qn_writer_i32(to, from->status);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_storage_found_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_found item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_found_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_found_next(struct qn_span *rest, struct qn_storage_found *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_found_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_range_take(struct qn_reader *in, struct qn_storage_range *out)
{
    memset(out, 0, sizeof *out);
    out->from = qn_reader_bytes(in, QN_STORAGE_KEY_MAX);
    out->to = qn_reader_bytes(in, QN_STORAGE_KEY_MAX);
    out->space = qn_reader_u32(in);
    out->flags = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_storage_range_read(struct qn_span from,
                                                          struct qn_storage_range *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_range it;

    qn_storage_range_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_range_size(const struct qn_storage_range *from)
{
    return 16 + from->from.size + from->to.size;
}

static inline uint8_t *qn_storage_range_write(const struct qn_storage_range *from, uint8_t *to)
{
    to = qn_writer_bytes(to, from->from, QN_STORAGE_KEY_MAX);
    to = qn_writer_bytes(to, from->to, QN_STORAGE_KEY_MAX);
    to = qn_writer_u32(to, from->space);
    to = qn_writer_u32(to, from->flags);
    return to;
}

static inline struct qn_span qn_storage_range_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_range item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_range_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_range_next(struct qn_span *rest, struct qn_storage_range *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_range_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_pair_take(struct qn_reader *in, struct qn_storage_pair *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_bytes(in, QN_STORAGE_KEY_MAX);
    out->value = qn_reader_bytes(in, QN_STORAGE_VALUE_MAX);
}

QN_MUST_CHECK static inline int32_t qn_storage_pair_read(struct qn_span from,
                                                         struct qn_storage_pair *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_pair it;

    qn_storage_pair_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_pair_size(const struct qn_storage_pair *from)
{
    return 8 + from->key.size + from->value.size;
}

static inline uint8_t *qn_storage_pair_write(const struct qn_storage_pair *from, uint8_t *to)
{
    to = qn_writer_bytes(to, from->key, QN_STORAGE_KEY_MAX);
    to = qn_writer_bytes(to, from->value, QN_STORAGE_VALUE_MAX);
    return to;
}

static inline struct qn_span qn_storage_pair_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_pair item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_pair_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_pair_next(struct qn_span *rest, struct qn_storage_pair *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_pair_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_entry_take(struct qn_reader *in, struct qn_storage_entry *out)
{
    memset(out, 0, sizeof *out);
    out->place = qn_reader_u64(in);
    out->content = qn_reader_bytes(in, QN_STORAGE_RECORD_MAX);
}

QN_MUST_CHECK static inline int32_t qn_storage_entry_read(struct qn_span from,
                                                          struct qn_storage_entry *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_entry it;

    qn_storage_entry_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_entry_size(const struct qn_storage_entry *from)
{
    return 12 + from->content.size;
}

static inline uint8_t *qn_storage_entry_write(const struct qn_storage_entry *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->place);
    to = qn_writer_bytes(to, from->content, QN_STORAGE_RECORD_MAX);
    return to;
}

static inline struct qn_span qn_storage_entry_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_entry item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_entry_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_entry_next(struct qn_span *rest, struct qn_storage_entry *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_entry_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_space_stats_take(struct qn_reader *in,
                                               struct qn_storage_space_stats *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, QN_STORAGE_NAME_MAX);
    out->keys = qn_reader_u64(in);
    out->bytes = qn_reader_u64(in);
    out->type = qn_reader_u32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_storage_space_stats_read(struct qn_span from,
                                                                struct qn_storage_space_stats *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_space_stats it;

    qn_storage_space_stats_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_space_stats_size(const struct qn_storage_space_stats *from)
{
    return 28 + from->name.size;
}

static inline uint8_t *qn_storage_space_stats_write(const struct qn_storage_space_stats *from,
                                                    uint8_t *to)
{
    to = qn_writer_text(to, from->name, QN_STORAGE_NAME_MAX);
    to = qn_writer_u64(to, from->keys);
    to = qn_writer_u64(to, from->bytes);
    to = qn_writer_u32(to, from->type);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_storage_space_stats_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_storage_space_stats item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_storage_space_stats_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_storage_space_stats_next(struct qn_span *rest,
                                               struct qn_storage_space_stats *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_storage_space_stats_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_storage_stats_take(struct qn_reader *in, struct qn_storage_stats *out)
{
    memset(out, 0, sizeof *out);
    out->bytes_used = qn_reader_u64(in);
    out->bytes_capacity = qn_reader_u64(in);
    out->bytes_free_on_disk = qn_reader_u64(in);
    out->oldest_snapshot_ms = qn_reader_u64(in);
    out->spaces_count = qn_reader_count(in, QN_STORAGE_SPACES_MAX);
    out->spaces = qn_storage_space_stats_list(in, out->spaces_count);
}

QN_MUST_CHECK static inline int32_t qn_storage_stats_read(struct qn_span from,
                                                          struct qn_storage_stats *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_storage_stats it;

    qn_storage_stats_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_storage_stats_size(const struct qn_storage_stats *from)
{
    return 36 + from->spaces.size;
}

static inline uint8_t *qn_storage_stats_write(const struct qn_storage_stats *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->bytes_used);
    to = qn_writer_u64(to, from->bytes_capacity);
    to = qn_writer_u64(to, from->bytes_free_on_disk);
    to = qn_writer_u64(to, from->oldest_snapshot_ms);
    to = qn_writer_list(to, from->spaces, from->spaces_count, QN_STORAGE_SPACES_MAX);
    return to;
}
