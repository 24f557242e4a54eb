/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/compression.yaml:
 * edit that, then `make generate`. */

#include <qnet/compression.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0xd79b73ff944644f9), "0.1"},
};
/* clang-format on */

static uint64_t compression_1_bound_stub(struct qn_inst *inst, uint64_t plain_size)
{
    (void)inst;
    (void)plain_size;
    return 0;
}

static int32_t compression_1_pack_stub(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                                       struct qn_sink *packed)
{
    (void)inst;
    (void)lane;
    (void)plain;
    (void)packed;
    return QN_UNSUPPORTED;
}

static int32_t compression_1_unpack_stub(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                                         uint64_t plain_size, struct qn_sink *plain)
{
    (void)inst;
    (void)lane;
    (void)packed;
    (void)plain_size;
    (void)plain;
    return QN_UNSUPPORTED;
}

static const struct qn_compression_1 compression_1_stubs = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = compression_1_bound_stub,
    .pack = compression_1_pack_stub,
    .unpack = compression_1_unpack_stub,
};

/* clang-format off */
static const struct qnk_slot compression_1_slots[] = {
    {"bound", 0, QNK_THREAD_ANY, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"pack", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"unpack", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static uint64_t compression_1_bound_guard(struct qn_inst *inst, uint64_t plain_size)
{
    const struct qn_compression_1 *slots;
    struct qnk_guarded_call call;
    uint64_t result;

    if (!qnk_guarded_enter(&call, inst, &compression_1_slots[0], 0)) {
        return 0;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->bound(call.inst, plain_size);
    qnk_guarded_end(&call);
    return result;
}

static int32_t compression_1_pack_guard(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                                        struct qn_sink *packed)
{
    const struct qn_compression_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &compression_1_slots[1], lane)) {
        return QN_BUG;
    }
    plain = qnk_guarded_span(&call, plain);
    qnk_guarded_sink(&call, packed);
    slots = qnk_guarded_ready(&call);
    result = slots->pack(call.inst, lane, plain, packed);
    return qnk_guarded_leave(&call, result);
}

static int32_t compression_1_unpack_guard(struct qn_inst *inst, uint32_t lane,
                                          struct qn_span packed, uint64_t plain_size,
                                          struct qn_sink *plain)
{
    const struct qn_compression_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &compression_1_slots[2], lane)) {
        return QN_BUG;
    }
    packed = qnk_guarded_span(&call, packed);
    qnk_guarded_sink(&call, plain);
    slots = qnk_guarded_ready(&call);
    result = slots->unpack(call.inst, lane, packed, plain_size, plain);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_compression_1 compression_1_guarded = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = compression_1_bound_guard,
    .pack = compression_1_pack_guard,
    .unpack = compression_1_unpack_guard,
};

const struct qnk_kind qnk_kind_compression = {
    .table.name = "compression",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &compression_1_stubs.head,
    .table.slots = compression_1_slots,
    .table.slots_count = 3,
    .class = QNK_CLASS_PURE,
    .guarded = &compression_1_guarded.head,
};
