/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/signature.yaml:
 * edit that, then `make generate`. */

#include <qnet/signature.h>

#include "kernel/plugin/kind.h"

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

const struct qnk_kind qnk_kind_signature = {
    .table.name = "signature",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &signature_1_stubs.head,
    .table.slots = signature_1_slots,
    .table.slots_count = 2,
    .class = QNK_CLASS_PURE,
};
