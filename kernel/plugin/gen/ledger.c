/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/ledger.yaml:
 * edit that, then `make generate`. */

#include <qnet/ledger.h>

#include "kernel/plugin/kind.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0x5cf885d5ba9d701e), "0.1"},
};
/* clang-format on */

static int32_t ledger_1_genesis_stub(struct qn_inst *inst, uint32_t lane, struct qn_span record)
{
    (void)inst;
    (void)lane;
    (void)record;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_check_stub(struct qn_inst *inst, uint32_t lane,
                                   const struct qn_ledger_transaction *transactions,
                                   uint32_t transactions_count, struct qn_ledger_verdict *verdicts)
{
    (void)inst;
    (void)lane;
    (void)transactions;
    (void)transactions_count;
    (void)verdicts;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_apply_stub(struct qn_inst *inst, uint32_t lane,
                                   const struct qn_ledger_block *block, const uint32_t *offenders,
                                   uint32_t offenders_count,
                                   const struct qn_ledger_transaction *transactions,
                                   uint32_t transactions_count, uint8_t *digest,
                                   struct qn_effects *out, struct qn_sink *undo)
{
    (void)inst;
    (void)lane;
    (void)block;
    (void)offenders;
    (void)offenders_count;
    (void)transactions;
    (void)transactions_count;
    (void)digest;
    (void)out;
    (void)undo;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_undo_stub(struct qn_inst *inst, uint32_t lane, struct qn_span undo)
{
    (void)inst;
    (void)lane;
    (void)undo;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_root_stub(struct qn_inst *inst, uint32_t lane, uint8_t *root)
{
    (void)inst;
    (void)lane;
    (void)root;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_prove_stub(struct qn_inst *inst, uint32_t lane, const uint8_t *keys,
                                   uint32_t keys_count, struct qn_sink *proof)
{
    (void)inst;
    (void)lane;
    (void)keys;
    (void)keys_count;
    (void)proof;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_check_proof_stub(struct qn_inst *inst, uint32_t lane, const uint8_t *root,
                                         const uint8_t *key, struct qn_span proof,
                                         struct qn_sink *value)
{
    (void)inst;
    (void)lane;
    (void)root;
    (void)key;
    (void)proof;
    (void)value;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_members_stub(struct qn_inst *inst, uint32_t lane, struct qn_sink *members)
{
    (void)inst;
    (void)lane;
    (void)members;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_dirty_stub(struct qn_inst *inst, uint32_t lane, struct qn_sink *changed)
{
    (void)inst;
    (void)lane;
    (void)changed;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_read_pages_stub(struct qn_inst *inst, uint32_t lane,
                                        const uint64_t *indexes, uint32_t indexes_count,
                                        struct qn_sink *pages)
{
    (void)inst;
    (void)lane;
    (void)indexes;
    (void)indexes_count;
    (void)pages;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_load_pages_stub(struct qn_inst *inst, uint32_t lane, uint64_t first,
                                        struct qn_span pages, uint8_t last)
{
    (void)inst;
    (void)lane;
    (void)first;
    (void)pages;
    (void)last;
    return QN_UNSUPPORTED;
}

static int32_t ledger_1_query_stub(struct qn_inst *inst, uint32_t lane, uint32_t what,
                                   struct qn_span arg, struct qn_sink *answer)
{
    (void)inst;
    (void)lane;
    (void)what;
    (void)arg;
    (void)answer;
    return QN_UNSUPPORTED;
}

static const struct qn_ledger_1 ledger_1_stubs = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = ledger_1_genesis_stub,
    .check = ledger_1_check_stub,
    .apply = ledger_1_apply_stub,
    .undo = ledger_1_undo_stub,
    .root = ledger_1_root_stub,
    .prove = ledger_1_prove_stub,
    .check_proof = ledger_1_check_proof_stub,
    .members = ledger_1_members_stub,
    .dirty = ledger_1_dirty_stub,
    .read_pages = ledger_1_read_pages_stub,
    .load_pages = ledger_1_load_pages_stub,
    .query = ledger_1_query_stub,
};

/* clang-format off */
static const struct qnk_slot ledger_1_slots[] = {
    {"genesis", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"check", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"apply", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"undo", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"root", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"prove", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"check_proof", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"members", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"dirty", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"read_pages", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"load_pages", 0, QNK_THREAD_POOL, QNK_OVERLAP_ALONE, 0, 0x02, false},
    {"query", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
};
/* clang-format on */

const struct qnk_kind qnk_kind_ledger = {
    .table.name = "ledger",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &ledger_1_stubs.head,
    .table.slots = ledger_1_slots,
    .table.slots_count = 12,
    .class = QNK_CLASS_DETERMINISTIC,
};
