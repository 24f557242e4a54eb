/* SPDX-License-Identifier: MIT */

/* storage.c: an exhibit of storage/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/storage.h>

#include "museum.h"
#include "storage.manifest.h"

static int32_t old_space(struct qn_inst *self, struct qn_span name, uint32_t type, uint32_t *space)
{
    (void)name;
    (void)type;
    (void)space;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_write(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                         uint32_t ops_count, uint32_t level)
{
    (void)lane;
    (void)ops;
    (void)ops_count;
    (void)level;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_get(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                       const struct qn_storage_address *keys, uint32_t keys_count,
                       struct qn_storage_found *found, struct qn_sink *values)
{
    (void)lane;
    (void)snapshot;
    (void)keys;
    (void)keys_count;
    (void)found;
    return museum_answer(self, values);
}

static int32_t old_scan(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                        const struct qn_storage_range *range, uint32_t items_max,
                        uint64_t bytes_max, struct qn_sink *pairs)
{
    (void)lane;
    (void)snapshot;
    (void)range;
    (void)items_max;
    (void)bytes_max;
    return museum_answer(self, pairs);
}

static int32_t old_snapshot(struct qn_inst *self, uint32_t lane, uint64_t *snapshot)
{
    (void)lane;
    (void)snapshot;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_release(struct qn_inst *self, uint32_t lane, uint64_t snapshot)
{
    (void)lane;
    (void)snapshot;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_append(struct qn_inst *self, uint32_t lane, uint32_t log,
                          const struct qn_span *records, uint32_t records_count, uint32_t level,
                          uint64_t *places)
{
    (void)lane;
    (void)log;
    (void)records;
    (void)records_count;
    (void)level;
    (void)places;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_read(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place,
                        uint64_t bytes_max, struct qn_sink *entries)
{
    (void)lane;
    (void)log;
    (void)place;
    (void)bytes_max;
    return museum_answer(self, entries);
}

static int32_t old_trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    (void)lane;
    (void)log;
    (void)place;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_maintain(struct qn_inst *self, uint32_t lane, uint32_t budget_ms, uint64_t *left)
{
    (void)lane;
    (void)budget_ms;
    (void)left;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_stats(struct qn_inst *self, uint32_t lane, struct qn_sink *stats)
{
    (void)lane;
    return museum_answer(self, stats);
}

static const struct qn_storage_1 slots = {
    .head = QN_STORAGE_1_HEAD,
    .space = old_space,
    .write = old_write,
    .get = old_get,
    .scan = old_scan,
    .snapshot = old_snapshot,
    .release = old_release,
    .append = old_append,
    .read = old_read,
    .trim = old_trim,
    .maintain = old_maintain,
    .stats = old_stats,
};

MUSEUM_PLUGIN(OLD_STORAGE);
