/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/storage.yaml:
 * edit that, then `make generate`. */

#include <qnet/storage.h>

#include "kernel/plugin/kind.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0x0d3f9b45996d9d70), "0.1"},
};
/* clang-format on */

static int32_t storage_1_space_stub(struct qn_inst *inst, struct qn_span name, uint32_t type,
                                    uint32_t *space)
{
    (void)inst;
    (void)name;
    (void)type;
    (void)space;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_write_stub(struct qn_inst *inst, uint32_t lane,
                                    const struct qn_storage_op *ops, uint32_t ops_count,
                                    uint32_t level)
{
    (void)inst;
    (void)lane;
    (void)ops;
    (void)ops_count;
    (void)level;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_get_stub(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                  const struct qn_storage_address *keys, uint32_t keys_count,
                                  struct qn_storage_found *found, struct qn_sink *values)
{
    (void)inst;
    (void)lane;
    (void)snapshot;
    (void)keys;
    (void)keys_count;
    (void)found;
    (void)values;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_scan_stub(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                   const struct qn_storage_range *range, uint32_t items_max,
                                   uint64_t bytes_max, struct qn_sink *pairs)
{
    (void)inst;
    (void)lane;
    (void)snapshot;
    (void)range;
    (void)items_max;
    (void)bytes_max;
    (void)pairs;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_snapshot_stub(struct qn_inst *inst, uint32_t lane, uint64_t *snapshot)
{
    (void)inst;
    (void)lane;
    (void)snapshot;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_release_stub(struct qn_inst *inst, uint32_t lane, uint64_t snapshot)
{
    (void)inst;
    (void)lane;
    (void)snapshot;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_append_stub(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                     const struct qn_span *records, uint32_t records_count,
                                     uint32_t level, uint64_t *places)
{
    (void)inst;
    (void)lane;
    (void)log;
    (void)records;
    (void)records_count;
    (void)level;
    (void)places;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_read_stub(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                   uint64_t place, uint64_t bytes_max, struct qn_sink *entries)
{
    (void)inst;
    (void)lane;
    (void)log;
    (void)place;
    (void)bytes_max;
    (void)entries;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_trim_stub(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                   uint64_t place)
{
    (void)inst;
    (void)lane;
    (void)log;
    (void)place;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_maintain_stub(struct qn_inst *inst, uint32_t lane, uint32_t budget_ms,
                                       uint64_t *left)
{
    (void)inst;
    (void)lane;
    (void)budget_ms;
    (void)left;
    return QN_UNSUPPORTED;
}

static int32_t storage_1_stats_stub(struct qn_inst *inst, uint32_t lane, struct qn_sink *stats)
{
    (void)inst;
    (void)lane;
    (void)stats;
    return QN_UNSUPPORTED;
}

static const struct qn_storage_1 storage_1_stubs = {
    .head = QN_STORAGE_1_HEAD,
    .space = storage_1_space_stub,
    .write = storage_1_write_stub,
    .get = storage_1_get_stub,
    .scan = storage_1_scan_stub,
    .snapshot = storage_1_snapshot_stub,
    .release = storage_1_release_stub,
    .append = storage_1_append_stub,
    .read = storage_1_read_stub,
    .trim = storage_1_trim_stub,
    .maintain = storage_1_maintain_stub,
    .stats = storage_1_stats_stub,
};

/* clang-format off */
static const struct qnk_slot storage_1_slots[] = {
    {"space", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"write", 0, QNK_THREAD_POOL, QNK_OVERLAP_SERIAL, 1, 0x02, false},
    {"get", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"scan", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"snapshot", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"release", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"append", 0, QNK_THREAD_POOL, QNK_OVERLAP_SERIAL, 2, 0x02, false},
    {"read", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"trim", 0, QNK_THREAD_POOL, QNK_OVERLAP_SERIAL, 2, 0x02, false},
    {"maintain", 0, QNK_THREAD_POOL, QNK_OVERLAP_SERIAL, 1, 0x02, false},
    {"stats", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
};
/* clang-format on */

const struct qnk_kind qnk_kind_storage = {
    .table.name = "storage",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &storage_1_stubs.head,
    .table.slots = storage_1_slots,
    .table.slots_count = 11,
    .class = QNK_CLASS_EDGE,
};
