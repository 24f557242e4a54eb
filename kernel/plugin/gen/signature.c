/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/signature.yaml:
 * edit that, then `make generate`. */

#include <qnet/signature.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0x191c1d9059c6305d), "0.1"},
};
/* clang-format on */

static int32_t signature_1_verify_batch_stub(struct qn_inst *inst, uint32_t lane,
                                             const struct qn_signature_item *items,
                                             uint32_t items_count, uint8_t *bitmap)
{
    (void)inst;
    (void)lane;
    (void)items;
    (void)items_count;
    (void)bitmap;
    return QN_UNSUPPORTED;
}

static int32_t signature_1_check_keys_stub(struct qn_inst *inst, uint32_t lane, const uint8_t *keys,
                                           uint32_t keys_count, uint8_t *bitmap)
{
    (void)inst;
    (void)lane;
    (void)keys;
    (void)keys_count;
    (void)bitmap;
    return QN_UNSUPPORTED;
}

static const struct qn_signature_1 signature_1_stubs = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = signature_1_verify_batch_stub,
    .check_keys = signature_1_check_keys_stub,
};

/* clang-format off */
static const struct qnk_slot signature_1_slots[] = {
    {"verify_batch", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"check_keys", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static const struct qn_signature_item *item_copy(struct qnk_guarded_call *call,
    const struct qn_signature_item *from, uint32_t count)
{
    struct qn_signature_item *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].key = qnk_guarded_bytes(call, from[i].key, 32);
        to[i].sig = qnk_guarded_bytes(call, from[i].sig, 64);
        to[i].message = qnk_guarded_span(call, from[i].message);
    }
    return to != NULL ? to : from;
}

static int32_t signature_1_verify_batch_guard(struct qn_inst *inst, uint32_t lane,
                                              const struct qn_signature_item *items,
                                              uint32_t items_count, uint8_t *bitmap)
{
    const struct qn_signature_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &signature_1_slots[0], lane)) {
        return QN_BUG;
    }
    items = item_copy(&call, items, items_count);
    slots = qnk_guarded_ready(&call);
    result = slots->verify_batch(call.inst, lane, items, items_count, bitmap);
    return qnk_guarded_leave(&call, result);
}

static int32_t signature_1_check_keys_guard(struct qn_inst *inst, uint32_t lane,
                                            const uint8_t *keys, uint32_t keys_count,
                                            uint8_t *bitmap)
{
    const struct qn_signature_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &signature_1_slots[1], lane)) {
        return QN_BUG;
    }
    keys = qnk_guarded_bytes(&call, keys, (uint64_t)keys_count * 32);
    slots = qnk_guarded_ready(&call);
    result = slots->check_keys(call.inst, lane, keys, keys_count, bitmap);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_signature_1 signature_1_guarded = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = signature_1_verify_batch_guard,
    .check_keys = signature_1_check_keys_guard,
};

const struct qnk_kind qnk_kind_signature = {
    .table.name = "signature",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &signature_1_stubs.head,
    .table.slots = signature_1_slots,
    .table.slots_count = 2,
    .class = QNK_CLASS_PURE,
    .guarded = &signature_1_guarded.head,
};
