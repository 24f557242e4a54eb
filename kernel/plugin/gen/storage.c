/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/storage.yaml:
 * edit that, then `make generate`. */

#include <qnet/storage.h>

#include "kernel/plugin/guard_own.h"

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

/* clang-format off */
static const struct qn_storage_op *op_copy(struct qnk_guarded_call *call,
    const struct qn_storage_op *from, uint32_t count)
{
    struct qn_storage_op *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].key = qnk_guarded_span(call, from[i].key);
        to[i].value = qnk_guarded_span(call, from[i].value);
    }
    return to != NULL ? to : from;
}

static const struct qn_storage_address *address_copy(struct qnk_guarded_call *call,
    const struct qn_storage_address *from, uint32_t count)
{
    struct qn_storage_address *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].key = qnk_guarded_span(call, from[i].key);
    }
    return to != NULL ? to : from;
}

static const struct qn_storage_range *range_copy(struct qnk_guarded_call *call,
    const struct qn_storage_range *from, uint32_t count)
{
    struct qn_storage_range *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].from = qnk_guarded_span(call, from[i].from);
        to[i].to = qnk_guarded_span(call, from[i].to);
    }
    return to != NULL ? to : from;
}

static int32_t storage_1_space_guard(struct qn_inst *inst, struct qn_span name, uint32_t type,
                                     uint32_t *space)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[0], 0)) {
        return QN_BUG;
    }
    name = qnk_guarded_span(&call, name);
    qnk_guarded_out(&call, space, sizeof *space);
    slots = qnk_guarded_ready(&call);
    result = slots->space(call.inst, name, type, space);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_write_guard(struct qn_inst *inst, uint32_t lane,
                                     const struct qn_storage_op *ops, uint32_t ops_count,
                                     uint32_t level)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[1], lane)) {
        return QN_BUG;
    }
    ops = op_copy(&call, ops, ops_count);
    slots = qnk_guarded_ready(&call);
    result = slots->write(call.inst, lane, ops, ops_count, level);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_get_guard(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                   const struct qn_storage_address *keys, uint32_t keys_count,
                                   struct qn_storage_found *found, struct qn_sink *values)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[2], lane)) {
        return QN_BUG;
    }
    keys = address_copy(&call, keys, keys_count);
    qnk_guarded_sink(&call, values);
    slots = qnk_guarded_ready(&call);
    result = slots->get(call.inst, lane, snapshot, keys, keys_count, found, values);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_scan_guard(struct qn_inst *inst, uint32_t lane, uint64_t snapshot,
                                    const struct qn_storage_range *range, uint32_t items_max,
                                    uint64_t bytes_max, struct qn_sink *pairs)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[3], lane)) {
        return QN_BUG;
    }
    range = range_copy(&call, range, 1);
    qnk_guarded_sink(&call, pairs);
    slots = qnk_guarded_ready(&call);
    result = slots->scan(call.inst, lane, snapshot, range, items_max, bytes_max, pairs);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_snapshot_guard(struct qn_inst *inst, uint32_t lane, uint64_t *snapshot)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[4], lane)) {
        return QN_BUG;
    }
    qnk_guarded_out(&call, snapshot, sizeof *snapshot);
    slots = qnk_guarded_ready(&call);
    result = slots->snapshot(call.inst, lane, snapshot);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_release_guard(struct qn_inst *inst, uint32_t lane, uint64_t snapshot)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[5], lane)) {
        return QN_BUG;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->release(call.inst, lane, snapshot);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_append_guard(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                      const struct qn_span *records, uint32_t records_count,
                                      uint32_t level, uint64_t *places)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[6], lane)) {
        return QN_BUG;
    }
    records = qnk_guarded_spans(&call, records, records_count);
    slots = qnk_guarded_ready(&call);
    result = slots->append(call.inst, lane, log, records, records_count, level, places);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_read_guard(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                    uint64_t place, uint64_t bytes_max, struct qn_sink *entries)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[7], lane)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, entries);
    slots = qnk_guarded_ready(&call);
    result = slots->read(call.inst, lane, log, place, bytes_max, entries);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_trim_guard(struct qn_inst *inst, uint32_t lane, uint32_t log,
                                    uint64_t place)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[8], lane)) {
        return QN_BUG;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->trim(call.inst, lane, log, place);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_maintain_guard(struct qn_inst *inst, uint32_t lane, uint32_t budget_ms,
                                        uint64_t *left)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[9], lane)) {
        return QN_BUG;
    }
    qnk_guarded_out(&call, left, sizeof *left);
    slots = qnk_guarded_ready(&call);
    result = slots->maintain(call.inst, lane, budget_ms, left);
    return qnk_guarded_leave(&call, result);
}

static int32_t storage_1_stats_guard(struct qn_inst *inst, uint32_t lane, struct qn_sink *stats)
{
    const struct qn_storage_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &storage_1_slots[10], lane)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, stats);
    slots = qnk_guarded_ready(&call);
    result = slots->stats(call.inst, lane, stats);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_storage_1 storage_1_guarded = {
    .head = QN_STORAGE_1_HEAD,
    .space = storage_1_space_guard,
    .write = storage_1_write_guard,
    .get = storage_1_get_guard,
    .scan = storage_1_scan_guard,
    .snapshot = storage_1_snapshot_guard,
    .release = storage_1_release_guard,
    .append = storage_1_append_guard,
    .read = storage_1_read_guard,
    .trim = storage_1_trim_guard,
    .maintain = storage_1_maintain_guard,
    .stats = storage_1_stats_guard,
};

const struct qnk_kind qnk_kind_storage = {
    .table.name = "storage",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &storage_1_stubs.head,
    .table.slots = storage_1_slots,
    .table.slots_count = 11,
    .class = QNK_CLASS_EDGE,
    .guarded = &storage_1_guarded.head,
};
