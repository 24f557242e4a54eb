/* SPDX-License-Identifier: MIT */

/* accounts.c: balances and transfers: the slots of ledger/1 over state.h, tree.h, transfer.h,
 * proof.h and load.h.
 *
 * All accounts are in memory, and it grows with them, in steps that are taken before a block is
 * begun: where the host has no more, apply() says NO_SPACE with nothing done. Nothing that a slot
 * answers depends on which calls of other slots there were before. */

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "accounts.manifest.h"
#include "load.h"
#include "proof.h"
#include "transfer.h"

enum {
    QUERY_ACCOUNT = 1, /* as in accounts.yaml */
    QUERY_TOTALS = 2,
    QUERY_ACCOUNTS = 3,
    QUERY_SLOTS_MAX = 1000,
};

_Static_assert(QUERY_SLOTS_MAX *SLOT_SIZE <= QN_LEDGER_ANSWER_MAX, "an answer is in bounds");

/* The first root after a start sorts all accounts at once: what runs must be able to do that. */
enum {
    SLOT_MEMORY = SLOT_SIZE + sizeof(struct leaf_chunk) / CHUNK_LEAVES + sizeof(uint32_t) +
                  2 * sizeof(uint64_t) + 2 * FRESH_SIZE, /* page, tree, order, index, sort */
    OTHER_MEMORY = 64 << 20,                             /* what is taken besides, or in steps */
};

_Static_assert((uint64_t)SLOTS_MAX *SLOT_MEMORY + OTHER_MEMORY <= ACCOUNTS_MEMORY,
               "all accounts fit in the manifest's memory");

struct qn_inst {
    struct state state;
};

/* --- life --- */

static int32_t accounts_create(const struct qn_host *host, struct qn_node *node,
                               struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)accounts_config_read(config); /* unit and decimals are for those who show amounts */
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    state_init(&self->state, host, node);
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void accounts_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- blocks --- */

static int32_t accounts_genesis(struct qn_inst *self, uint32_t lane, struct qn_span record)
{
    (void)lane;
    return self->state.is_live ? QN_EXISTS : genesis_load(&self->state, record);
}

static int32_t accounts_check(struct qn_inst *self, uint32_t lane,
                              const struct qn_ledger_transaction *transactions,
                              uint32_t transactions_count, struct qn_ledger_verdict *verdicts)
{
    (void)lane;
    QN_ASSERT(transactions_count <= QN_LEDGER_TXS_MAX);
    if (!self->state.is_live) {
        return QN_BUG;
    }
    transfers_check(&self->state, transactions, transactions_count, verdicts);
    return QN_OK;
}

static int32_t accounts_apply(struct qn_inst *self, uint32_t lane,
                              const struct qn_ledger_block *block, const uint32_t *offenders,
                              uint32_t offenders_count,
                              const struct qn_ledger_transaction *transactions,
                              uint32_t transactions_count, uint8_t *digest, struct qn_effects *out,
                              struct qn_sink *undo)
{
    (void)lane;
    (void)offenders;
    (void)offenders_count;
    QN_ASSERT(transactions_count <= QN_LEDGER_TXS_MAX);
    if (!self->state.is_live) {
        return QN_BUG;
    }
    return block_apply(&self->state, block, transactions, transactions_count, digest, out, undo);
}

static int32_t accounts_undo(struct qn_inst *self, uint32_t lane, struct qn_span undo)
{
    (void)lane;
    return self->state.is_live ? block_undo(&self->state, undo) : QN_CORRUPT;
}

/* --- roots and proofs --- */

static int32_t accounts_root(struct qn_inst *self, uint32_t lane, uint8_t *root)
{
    (void)lane;
    return self->state.is_live ? tree_root(&self->state, root) : QN_BUG;
}

static int32_t accounts_prove(struct qn_inst *self, uint32_t lane, const uint8_t *keys,
                              uint32_t keys_count, struct qn_sink *proof)
{
    (void)lane;
    QN_ASSERT(keys_count <= QN_LEDGER_KEYS_MAX);
    if (!self->state.tree.has_root) {
        return QN_NOT_FOUND;
    }
    return proof_make(&self->state, keys, keys_count, proof);
}

/* Appends `size` bytes. */
static int32_t answer_put(const struct state *state, struct qn_sink *sink, const uint8_t *from,
                          uint64_t size)
{
    uint8_t *to = state->host->sink_room(sink, size);

    if (to == NULL) {
        return QN_NO_SPACE;
    }
    (void)qn_writer_fixed(to, from, size);
    state->host->sink_commit(sink, size);
    return QN_OK;
}

static int32_t accounts_check_proof(struct qn_inst *self, uint32_t lane, const uint8_t *root,
                                    const uint8_t *key, struct qn_span proof, struct qn_sink *value)
{
    const uint8_t *slot = NULL;
    int32_t status = proof_check(self->state.host, root, key, proof, &slot);

    (void)lane;
    return status == QN_OK ? answer_put(&self->state, value, slot, SLOT_SIZE) : status;
}

static int32_t accounts_members(struct qn_inst *self, uint32_t lane, struct qn_sink *members)
{
    const struct state *state = &self->state;
    uint64_t count = state->head.members;
    uint64_t size = 4 + count * MEMBER_SIZE;
    uint8_t *to = state->is_live ? state->host->sink_room(members, size) : NULL;

    (void)lane;
    if (to == NULL) {
        return state->is_live ? QN_NO_SPACE : QN_BUG;
    }
    to = qn_writer_u32(to, (uint32_t)count);
    for (uint64_t i = 0; i < count; i++) {
        to = qn_writer_fixed(to, member_at(state, i), MEMBER_SIZE);
    }
    state->host->sink_commit(members, size);
    return QN_OK;
}

/* --- pages --- */

/* Whether page `index` changed since it was asked for. */
static bool is_dirty(const struct state *state, uint64_t index)
{
    const struct page_chunk *chunk = state->chunks[index / CHUNK_PAGES];

    return (chunk->dirty[index % CHUNK_PAGES / 64] >> index % 64 & 1) != 0;
}

static int32_t accounts_dirty(struct qn_inst *self, uint32_t lane, struct qn_sink *changed)
{
    struct state *state = &self->state;
    uint64_t pages = state->is_live ? pages_of(&state->head) : 0;
    uint32_t count = 0;
    uint8_t *to;

    (void)lane;
    for (uint64_t i = 0; i < pages; i++) {
        count += is_dirty(state, i);
    }
    to = state->host->sink_room(changed, 12 + (uint64_t)count * 8);
    if (to == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u64(to, pages);
    to = qn_writer_u32(to, count);
    for (uint64_t i = 0; i < pages; i++) {
        to = is_dirty(state, i) ? qn_writer_u64(to, i) : to;
    }
    state->host->sink_commit(changed, 12 + (uint64_t)count * 8);
    for (uint32_t i = 0; i < state->chunks_count; i++) {
        memset(state->chunks[i]->dirty, 0, sizeof state->chunks[i]->dirty);
    }
    return QN_OK;
}

static int32_t accounts_read_pages(struct qn_inst *self, uint32_t lane, const uint64_t *indexes,
                                   uint32_t indexes_count, struct qn_sink *pages)
{
    const struct state *state = &self->state;
    uint64_t end = state->is_live ? pages_of(&state->head) : 0;
    int32_t status = QN_OK;

    (void)lane;
    QN_ASSERT(indexes_count <= QN_LEDGER_PAGES_MAX);
    for (uint32_t i = 0; i < indexes_count; i++) {
        if (indexes[i] >= end) {
            return QN_NOT_FOUND;
        }
    }
    for (uint32_t i = 0; status == QN_OK && i < indexes_count; i++) {
        status = answer_put(state, pages, page_at(state, indexes[i]), PAGE_SIZE);
    }
    return status;
}

static int32_t accounts_load_pages(struct qn_inst *self, uint32_t lane, uint64_t first,
                                   struct qn_span pages, uint8_t last)
{
    (void)lane;
    return pages_load(&self->state, first, pages, last != 0);
}

/* --- questions --- */

static int32_t query_account(const struct state *state, struct qn_span arg, struct qn_sink *answer)
{
    if (arg.size != QN_KEY_SIZE) {
        return QN_INVALID;
    }

    uint32_t slot = slot_find(state, arg.data);

    return slot == NO_SLOT ? QN_NOT_FOUND
                           : answer_put(state, answer, slot_at(state, slot), SLOT_SIZE);
}

static int32_t query_totals(const struct state *state, struct qn_span arg, struct qn_sink *answer)
{
    const struct head *head = &state->head;
    const uint64_t totals[] = {head->issued, head->burnt,   head->fees,       head->slots,
                               head->height, head->fee_min, head->account_min};
    uint8_t bytes[sizeof totals];
    uint8_t *to = bytes;

    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        to = qn_writer_u64(to, totals[i]);
    }
    return arg.size == 0 ? answer_put(state, answer, bytes, sizeof bytes) : QN_INVALID;
}

static int32_t query_accounts(const struct state *state, struct qn_span arg, struct qn_sink *answer)
{
    uint64_t first = arg.size == 8 ? qn_le64_read(arg.data) : 0;
    int32_t status = arg.size == 8 ? QN_OK : QN_INVALID;

    for (uint64_t i = 0; status == QN_OK && i < QUERY_SLOTS_MAX; i++) {
        if (first >= state->head.slots || i >= state->head.slots - first) {
            break;
        }
        status = answer_put(state, answer, slot_at(state, (uint32_t)(first + i)), SLOT_SIZE);
    }
    return status;
}

static int32_t accounts_query(struct qn_inst *self, uint32_t lane, uint32_t what,
                              struct qn_span arg, struct qn_sink *answer)
{
    (void)lane;
    if (!self->state.is_live) {
        return QN_NOT_FOUND;
    }
    switch (what) {
    case QUERY_ACCOUNT:
        return query_account(&self->state, arg, answer);
    case QUERY_TOTALS:
        return query_totals(&self->state, arg, answer);
    case QUERY_ACCOUNTS:
        return query_accounts(&self->state, arg, answer);
    default:
        return QN_UNSUPPORTED;
    }
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = accounts_create,
    .destroy = accounts_destroy,
};

static const struct qn_ledger_1 slots = {
    .head = QN_LEDGER_1_HEAD,
    .genesis = accounts_genesis,
    .check = accounts_check,
    .apply = accounts_apply,
    .undo = accounts_undo,
    .root = accounts_root,
    .prove = accounts_prove,
    .check_proof = accounts_check_proof,
    .members = accounts_members,
    .dirty = accounts_dirty,
    .read_pages = accounts_read_pages,
    .load_pages = accounts_load_pages,
    .query = accounts_query,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = ACCOUNTS_MANIFEST_PRINT,
    .kind = ACCOUNTS_KIND,
    .name = ACCOUNTS_NAME,
    .version = ACCOUNTS_VERSION,
    .life = &life,
    .slots = &slots.head,
};
