/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/ledger.yaml:
 * edit that, then `make generate`. */

#include <qnet/ledger.h>

#include "kernel/plugin/guard_own.h"

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

/* clang-format off */
static const struct qn_ledger_transaction *transaction_copy(struct qnk_guarded_call *call,
    const struct qn_ledger_transaction *from, uint32_t count)
{
    struct qn_ledger_transaction *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].from = qnk_guarded_bytes(call, from[i].from, 32);
        to[i].payload = qnk_guarded_span(call, from[i].payload);
    }
    return to != NULL ? to : from;
}

static const struct qn_ledger_block *block_copy(struct qnk_guarded_call *call,
    const struct qn_ledger_block *from, uint32_t count)
{
    struct qn_ledger_block *to = qnk_guarded_room(call, from, count * sizeof *to);

    for (uint32_t i = 0; to != NULL && i < count; i++) {
        to[i].producer = qnk_guarded_bytes(call, from[i].producer, 32);
    }
    return to != NULL ? to : from;
}

static bool effect_is_valid(uint32_t type, struct qn_span body, bool has_payload)
{
    switch (type) {
    case QN_LEDGER_EFFECT_RECEIPT: {
        struct qn_ledger_effect_receipt it;

        return qn_ledger_effect_receipt_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_LEDGER_EFFECT_SKIPPED: {
        struct qn_ledger_effect_skipped it;

        return qn_ledger_effect_skipped_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_LEDGER_EFFECT_HAPPENED: {
        struct qn_ledger_effect_happened it;

        return qn_ledger_effect_happened_read(body, &it) == QN_OK && !has_payload;
    }
    default:
        return false;
    }
}

static int32_t ledger_1_genesis_guard(struct qn_inst *inst, uint32_t lane, struct qn_span record)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[0], lane)) {
        return QN_BUG;
    }
    record = qnk_guarded_span(&call, record);
    slots = qnk_guarded_ready(&call);
    result = slots->genesis(call.inst, lane, record);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_check_guard(struct qn_inst *inst, uint32_t lane,
                                    const struct qn_ledger_transaction *transactions,
                                    uint32_t transactions_count, struct qn_ledger_verdict *verdicts)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[1], lane)) {
        return QN_BUG;
    }
    transactions = transaction_copy(&call, transactions, transactions_count);
    slots = qnk_guarded_ready(&call);
    result = slots->check(call.inst, lane, transactions, transactions_count, verdicts);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_apply_guard(struct qn_inst *inst, uint32_t lane,
                                    const struct qn_ledger_block *block, const uint32_t *offenders,
                                    uint32_t offenders_count,
                                    const struct qn_ledger_transaction *transactions,
                                    uint32_t transactions_count, uint8_t *digest,
                                    struct qn_effects *out, struct qn_sink *undo)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[2], lane)) {
        return QN_BUG;
    }
    block = block_copy(&call, block, 1);
    offenders = qnk_guarded_bytes(&call, offenders, (uint64_t)offenders_count * 4);
    transactions = transaction_copy(&call, transactions, transactions_count);
    qnk_guarded_out(&call, digest, 32);
    out = qnk_guarded_effects(&call, out, effect_is_valid);
    qnk_guarded_sink(&call, undo);
    slots = qnk_guarded_ready(&call);
    result = slots->apply(call.inst, lane, block, offenders, offenders_count, transactions,
                          transactions_count, digest, out, undo);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_undo_guard(struct qn_inst *inst, uint32_t lane, struct qn_span undo)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[3], lane)) {
        return QN_BUG;
    }
    undo = qnk_guarded_span(&call, undo);
    slots = qnk_guarded_ready(&call);
    result = slots->undo(call.inst, lane, undo);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_root_guard(struct qn_inst *inst, uint32_t lane, uint8_t *root)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[4], lane)) {
        return QN_BUG;
    }
    qnk_guarded_out(&call, root, 32);
    slots = qnk_guarded_ready(&call);
    result = slots->root(call.inst, lane, root);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_prove_guard(struct qn_inst *inst, uint32_t lane, const uint8_t *keys,
                                    uint32_t keys_count, struct qn_sink *proof)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[5], lane)) {
        return QN_BUG;
    }
    keys = qnk_guarded_bytes(&call, keys, (uint64_t)keys_count * 32);
    qnk_guarded_sink(&call, proof);
    slots = qnk_guarded_ready(&call);
    result = slots->prove(call.inst, lane, keys, keys_count, proof);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_check_proof_guard(struct qn_inst *inst, uint32_t lane, const uint8_t *root,
                                          const uint8_t *key, struct qn_span proof,
                                          struct qn_sink *value)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[6], lane)) {
        return QN_BUG;
    }
    root = qnk_guarded_bytes(&call, root, 32);
    key = qnk_guarded_bytes(&call, key, 32);
    proof = qnk_guarded_span(&call, proof);
    qnk_guarded_sink(&call, value);
    slots = qnk_guarded_ready(&call);
    result = slots->check_proof(call.inst, lane, root, key, proof, value);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_members_guard(struct qn_inst *inst, uint32_t lane, struct qn_sink *members)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[7], lane)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, members);
    slots = qnk_guarded_ready(&call);
    result = slots->members(call.inst, lane, members);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_dirty_guard(struct qn_inst *inst, uint32_t lane, struct qn_sink *changed)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[8], lane)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, changed);
    slots = qnk_guarded_ready(&call);
    result = slots->dirty(call.inst, lane, changed);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_read_pages_guard(struct qn_inst *inst, uint32_t lane,
                                         const uint64_t *indexes, uint32_t indexes_count,
                                         struct qn_sink *pages)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[9], lane)) {
        return QN_BUG;
    }
    indexes = qnk_guarded_bytes(&call, indexes, (uint64_t)indexes_count * 8);
    qnk_guarded_sink(&call, pages);
    slots = qnk_guarded_ready(&call);
    result = slots->read_pages(call.inst, lane, indexes, indexes_count, pages);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_load_pages_guard(struct qn_inst *inst, uint32_t lane, uint64_t first,
                                         struct qn_span pages, uint8_t last)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[10], lane)) {
        return QN_BUG;
    }
    pages = qnk_guarded_span(&call, pages);
    slots = qnk_guarded_ready(&call);
    result = slots->load_pages(call.inst, lane, first, pages, last);
    return qnk_guarded_leave(&call, result);
}

static int32_t ledger_1_query_guard(struct qn_inst *inst, uint32_t lane, uint32_t what,
                                    struct qn_span arg, struct qn_sink *answer)
{
    const struct qn_ledger_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &ledger_1_slots[11], lane)) {
        return QN_BUG;
    }
    arg = qnk_guarded_span(&call, arg);
    qnk_guarded_sink(&call, answer);
    slots = qnk_guarded_ready(&call);
    result = slots->query(call.inst, lane, what, arg, answer);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_ledger_1 ledger_1_guarded = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = ledger_1_genesis_guard,
    .check = ledger_1_check_guard,
    .apply = ledger_1_apply_guard,
    .undo = ledger_1_undo_guard,
    .root = ledger_1_root_guard,
    .prove = ledger_1_prove_guard,
    .check_proof = ledger_1_check_proof_guard,
    .members = ledger_1_members_guard,
    .dirty = ledger_1_dirty_guard,
    .read_pages = ledger_1_read_pages_guard,
    .load_pages = ledger_1_load_pages_guard,
    .query = ledger_1_query_guard,
};

const struct qnk_kind qnk_kind_ledger = {
    .table.name = "ledger",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &ledger_1_stubs.head,
    .table.slots = ledger_1_slots,
    .table.slots_count = 12,
    .class = QNK_CLASS_DETERMINISTIC,
    .guarded = &ledger_1_guarded.head,
};
