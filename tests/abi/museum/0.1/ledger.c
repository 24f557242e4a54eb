/* SPDX-License-Identifier: MIT */

/* ledger.c: an exhibit of ledger/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/ledger.h>

#include "ledger.manifest.h"
#include "museum.h"

static int32_t old_genesis(struct qn_inst *self, uint32_t lane, struct qn_span record)
{
    (void)lane;
    (void)record;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_check(struct qn_inst *self, uint32_t lane,
                         const struct qn_ledger_transaction *transactions,
                         uint32_t transactions_count, struct qn_ledger_verdict *verdicts)
{
    (void)lane;
    (void)transactions;
    (void)transactions_count;
    (void)verdicts;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_apply(struct qn_inst *self, uint32_t lane, const struct qn_ledger_block *block,
                         const uint32_t *offenders, uint32_t offenders_count,
                         const struct qn_ledger_transaction *transactions,
                         uint32_t transactions_count, uint8_t *digest, struct qn_effects *out,
                         struct qn_sink *undo)
{
    (void)lane;
    (void)block;
    (void)offenders;
    (void)offenders_count;
    (void)transactions;
    (void)transactions_count;
    (void)digest;
    (void)out;
    return museum_answer(self, undo);
}

static int32_t old_undo(struct qn_inst *self, uint32_t lane, struct qn_span undo)
{
    (void)lane;
    (void)undo;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_root(struct qn_inst *self, uint32_t lane, uint8_t *root)
{
    (void)lane;
    (void)root;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_prove(struct qn_inst *self, uint32_t lane, const uint8_t *keys,
                         uint32_t keys_count, struct qn_sink *proof)
{
    (void)lane;
    (void)keys;
    (void)keys_count;
    return museum_answer(self, proof);
}

static int32_t old_check_proof(struct qn_inst *self, uint32_t lane, const uint8_t *root,
                               const uint8_t *key, struct qn_span proof, struct qn_sink *value)
{
    (void)lane;
    (void)root;
    (void)key;
    (void)proof;
    return museum_answer(self, value);
}

static int32_t old_members(struct qn_inst *self, uint32_t lane, struct qn_sink *members)
{
    (void)lane;
    return museum_answer(self, members);
}

static int32_t old_dirty(struct qn_inst *self, uint32_t lane, struct qn_sink *changed)
{
    (void)lane;
    return museum_answer(self, changed);
}

static int32_t old_read_pages(struct qn_inst *self, uint32_t lane, const uint64_t *indexes,
                              uint32_t indexes_count, struct qn_sink *pages)
{
    (void)lane;
    (void)indexes;
    (void)indexes_count;
    return museum_answer(self, pages);
}

static int32_t old_load_pages(struct qn_inst *self, uint32_t lane, uint64_t first,
                              struct qn_span pages, uint8_t last)
{
    (void)lane;
    (void)first;
    (void)pages;
    (void)last;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_query(struct qn_inst *self, uint32_t lane, uint32_t what, struct qn_span arg,
                         struct qn_sink *answer)
{
    (void)lane;
    (void)what;
    (void)arg;
    return museum_answer(self, answer);
}

static const struct qn_ledger_1 slots = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = old_genesis,
    .check = old_check,
    .apply = old_apply,
    .undo = old_undo,
    .root = old_root,
    .prove = old_prove,
    .check_proof = old_check_proof,
    .members = old_members,
    .dirty = old_dirty,
    .read_pages = old_read_pages,
    .load_pages = old_load_pages,
    .query = old_query,
};

MUSEUM_PLUGIN(OLD_LEDGER);
