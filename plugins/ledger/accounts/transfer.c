/* SPDX-License-Identifier: MIT */

#include "transfer.h"

enum {
    TRANSFER_SIZE = QN_KEY_SIZE + 8, /* of a payload */
    AHEAD = 16, /* transactions whose slots are fetched before they are executed */
    ENTRY_SIZE = 8 + SLOT_SIZE,
    UNDO_HEAD_SIZE = QN_HASH_SIZE + HEAD_SIZE,
    SUM_SIZE = 8,
};

/* A transaction and where its accounts are; NO_SLOT: nowhere yet. */
struct transfer {
    const struct qn_ledger_transaction *tx;
    uint64_t amount;
    uint64_t from_hash, to_hash;
    uint32_t from, to;
    bool is_transfer;
};

/* A block in hand. */
struct run {
    struct state *state;
    const struct qn_ledger_block *block;
    struct head before;
    uint8_t *entries; /* of the undo */
    uint32_t entries_count;
};

/* --- one transaction --- */

static bool is_transfer(const struct qn_ledger_transaction *tx)
{
    return tx->kind == 0 && tx->reserved == 0 && tx->payload.size == TRANSFER_SIZE;
}

static const uint8_t *receiver_of(const struct qn_ledger_transaction *tx)
{
    return tx->payload.data;
}

/* `height` is that of the block in which it would stand. */
static uint32_t judge(const struct state *state, const struct transfer *it, uint64_t height)
{
    const struct qn_ledger_transaction *tx = it->tx;
    const uint8_t *from = it->from != NO_SLOT ? slot_at(state, it->from) : NULL;
    uint64_t next = from != NULL ? qn_le64_read(from + SLOT_NONCE) : 0;

    if (!it->is_transfer || tx->fee < state->head.fee_min || tx->nonce == UINT64_MAX) {
        return TRANSFER_WRONG;
    }
    if (tx->nonce < next || tx->valid_until < height) {
        return TRANSFER_STALE;
    }
    if (from == NULL) {
        return TRANSFER_POOR;
    }

    uint64_t balance = qn_le64_read(from + SLOT_BALANCE);

    /* Before all that may be otherwise later: what waits must be paid for by what is there. */
    if (balance < tx->fee || balance - tx->fee < it->amount) {
        return TRANSFER_POOR;
    }
    if (tx->nonce > next || tx->valid_until - height >= AHEAD_MAX) {
        return TRANSFER_EARLY;
    }

    bool may_open = it->amount >= state->head.account_min && state->head.slots < SLOTS_MAX;

    return it->to == NO_SLOT && !may_open ? TRANSFER_POOR : TRANSFER_OK;
}

/* Fee per byte, in 1,024ths. */
static uint64_t priority_of(const struct qn_ledger_transaction *tx)
{
    if (tx->fee >> 54 != 0) {
        return UINT64_MAX;
    }
    return (tx->fee << 10) / (tx->size > 0 ? tx->size : 1);
}

static void transfer_read(struct transfer *it, const struct qn_ledger_transaction *tx)
{
    it->tx = tx;
    it->is_transfer = is_transfer(tx);
    it->from = it->to = NO_SLOT;
    it->amount = it->is_transfer ? qn_le64_read(tx->payload.data + QN_KEY_SIZE) : 0;
}

/* Looks for the accounts of some transactions, each step for all of them before the next, so that
 * the memory is on its way when it is needed. */
static void fetch(const struct state *state, const struct qn_ledger_transaction *txs,
                  uint32_t count, struct transfer *these)
{
    for (uint32_t i = 0; i < count; i++) {
        struct transfer *it = &these[i];

        transfer_read(it, &txs[i]);
        it->from_hash = key_hash(state, txs[i].from);
        it->to_hash = it->is_transfer ? key_hash(state, receiver_of(&txs[i])) : it->from_hash;
        index_prefetch(state, it->from_hash);
        index_prefetch(state, it->to_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        slot_prefetch(state, these[i].from_hash);
        slot_prefetch(state, these[i].to_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct transfer *it = &these[i];

        it->from = slot_find_hashed(state, txs[i].from, it->from_hash);
        if (it->is_transfer) {
            it->to = slot_find_hashed(state, receiver_of(&txs[i]), it->to_hash);
        }
    }
}

static void verdict_give(const struct state *state, const struct transfer *it,
                         struct qn_ledger_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->priority = priority_of(it->tx);
    verdict->code = judge(state, it, state->head.height + 1);
    if (it->from != NO_SLOT) {
        const uint8_t *slot = slot_at(state, it->from);

        verdict->next = qn_le64_read(slot + SLOT_NONCE);
        verdict->key_known = (qn_le32_read(slot + SLOT_FLAGS) & SLOT_FLAG_KEY_KNOWN) != 0;
    }
}

void transfers_check(const struct state *state, const struct qn_ledger_transaction *txs,
                     uint32_t count, struct qn_ledger_verdict *verdicts)
{
    struct transfer these[AHEAD];

    for (uint32_t at = 0; at < count; at += AHEAD) {
        uint32_t some = count - at < AHEAD ? count - at : AHEAD;

        fetch(state, txs + at, some, these);
        for (uint32_t i = 0; i < some; i++) {
            verdict_give(state, &these[i], &verdicts[at + i]);
        }
    }
}

/* --- doing it --- */

/* The slot is about to change: what it was goes into the undo, once. */
static void touch(struct run *run, uint32_t slot)
{
    if (!tree_touch(&run->state->tree, slot)) {
        return;
    }
    slot_mark(run->state, slot);
    if (slot < run->before.slots) {
        uint8_t *entry = run->entries + (uint64_t)run->entries_count++ * ENTRY_SIZE;

        qn_le64_write(entry, slot);
        memcpy(entry + 8, slot_at(run->state, slot), SLOT_SIZE);
    }
}

static void number_add(uint8_t *at, uint64_t value)
{
    qn_le64_write(at, qn_le64_read(at) + value);
}

/* What judge() found good. */
static void execute(struct run *run, struct transfer *it)
{
    struct state *state = run->state;
    uint8_t *from, *to;

    if (it->to == NO_SLOT) {
        it->to = slot_open(state, receiver_of(it->tx));
    }
    touch(run, it->from);
    touch(run, it->to);
    from = slot_at(state, it->from);
    to = slot_at(state, it->to);
    qn_le64_write(from + SLOT_BALANCE,
                  qn_le64_read(from + SLOT_BALANCE) - it->amount - it->tx->fee);
    number_add(from + SLOT_NONCE, 1);
    qn_le32_write(from + SLOT_FLAGS, qn_le32_read(from + SLOT_FLAGS) | SLOT_FLAG_KEY_KNOWN);
    number_add(to + SLOT_BALANCE, it->amount);
    state->head.fees += it->tx->fee;
}

static int32_t receipt_push(struct qn_effects *out, uint32_t index, uint64_t fee)
{
    struct qn_ledger_effect_receipt receipt = {.index = index, .code = TRANSFER_OK, .fee = fee};

    return qn_ledger_effect_receipt_push(out, &receipt);
}

static int32_t skipped_push(struct qn_effects *out, uint32_t index, uint32_t code)
{
    struct qn_ledger_effect_skipped skipped = {.index = index, .code = code};

    return qn_ledger_effect_skipped_push(out, &skipped);
}

/* The account may have been opened since it was looked for. */
static uint32_t find_again(const struct state *state, uint32_t slot, const uint8_t *key,
                           uint64_t hash)
{
    return slot != NO_SLOT ? slot : slot_find_hashed(state, key, hash);
}

static int32_t step(struct run *run, struct transfer *it, uint32_t index, struct qn_effects *out)
{
    const struct state *state = run->state;

    it->from = find_again(state, it->from, it->tx->from, it->from_hash);
    if (it->is_transfer) {
        it->to = find_again(state, it->to, receiver_of(it->tx), it->to_hash);
    }

    uint32_t code = judge(state, it, run->block->height);

    if (code == TRANSFER_OK) {
        execute(run, it);
        return receipt_push(out, index, it->tx->fee);
    }
    return (run->block->flags & BLOCK_FLAG_BUILD) != 0 ? skipped_push(out, index, code)
                                                       : QN_INVALID;
}

static int32_t run_all(struct run *run, const struct qn_ledger_transaction *txs, uint32_t count,
                       struct qn_effects *out)
{
    struct transfer these[AHEAD];

    for (uint32_t at = 0; at < count; at += AHEAD) {
        uint32_t some = count - at < AHEAD ? count - at : AHEAD;

        fetch(run->state, txs + at, some, these);
        for (uint32_t i = 0; i < some; i++) {
            int32_t status = step(run, &these[i], at + i, out);

            if (status != QN_OK) {
                return status;
            }
        }
    }
    return QN_OK;
}

/* --- what changed --- */

/* H("qnet/effects", count u32, (slot number u64, slot 64) of every touched slot, ascending, then
 * SHA-256(0x00, page 0)). */
static void effects_hash(struct state *state, uint8_t *digest)
{
    static const uint8_t tag[] = {'q', 'n', 'e', 't', '/', 'e', 'f', 'f', 'e', 'c', 't', 's'};
    uint32_t slots = (uint32_t)state->head.slots;
    uint32_t count = 0;
    uint8_t *at = state->scratch + 4;
    uint8_t page_hash[QN_HASH_SIZE];
    struct qn_span parts[2] = {{state->scratch, 0}, {page_hash, QN_HASH_SIZE}};

    for (uint32_t slot = tree_touched_next(&state->tree, 0, slots); slot < slots;
         slot = tree_touched_next(&state->tree, slot + 1, slots)) {
        at = qn_writer_u64(at, slot);
        at = qn_writer_fixed(at, slot_at(state, slot), SLOT_SIZE);
        count++;
    }
    qn_le32_write(state->scratch, count);
    parts[0].size = (uint64_t)(at - state->scratch);
    QN_ASSERT(parts[0].size <= state->scratch_size);
    head_hash(state, page_hash);
    state->host->hash((struct qn_span){tag, sizeof tag}, parts, 2, digest);
}

/* The slots and the head are as they were before. */
static void restore(struct state *state, const uint8_t *entries, uint32_t count,
                    const struct head *before)
{
    while (state->head.slots > before->slots) {
        slot_close_last(state);
    }
    tree_cut(&state->tree, (uint32_t)before->slots);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = entries + (uint64_t)i * ENTRY_SIZE;
        uint32_t slot = (uint32_t)qn_le64_read(entry);

        memcpy(slot_at(state, slot), entry + 8, SLOT_SIZE);
        slot_mark(state, slot);
    }
    state->head = *before;
    head_store(state);
}

/* Tells a damaged undo from a whole one; nobody forges what the node keeps for itself. */
static uint64_t checksum(const uint8_t *from, uint64_t size)
{
    uint64_t sum = size;

    for (uint64_t i = 0; i < size; i += 8) {
        sum = (sum ^ qn_le64_read(from + i)) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 32;
    }
    return sum;
}

_Static_assert(UNDO_HEAD_SIZE % 8 == 0 && ENTRY_SIZE % 8 == 0, "an undo is made of words");

int32_t block_apply(struct state *state, const struct qn_ledger_block *block,
                    const struct qn_ledger_transaction *txs, uint32_t txs_count, uint8_t *digest,
                    struct qn_effects *out, struct qn_sink *undo)
{
    uint64_t room = UNDO_HEAD_SIZE + (uint64_t)txs_count * 2 * ENTRY_SIZE + SUM_SIZE;
    uint64_t slots = state->head.slots + txs_count;
    int32_t status =
        state_reserve(state, slots < SLOTS_MAX ? slots : SLOTS_MAX, state->head.members);
    struct run run = {.state = state, .block = block, .before = state->head};
    uint8_t *kept;

    if (status == QN_OK) {
        status = state_scratch(state, 4 + (uint64_t)txs_count * 2 * ENTRY_SIZE);
    }
    if (status != QN_OK) {
        return status;
    }
    kept = state->host->sink_room(undo, room);
    if (kept == NULL) {
        return QN_NO_SPACE;
    }
    run.entries = kept + UNDO_HEAD_SIZE;
    status = run_all(&run, txs, txs_count, out);
    if (status != QN_OK) {
        tree_touched_clear(&state->tree);
        restore(state, run.entries, run.entries_count, &run.before);
        return status;
    }
    state->head.height = block->height;
    head_store(state);
    effects_hash(state, digest);
    tree_touched_clear(&state->tree);

    uint64_t size = UNDO_HEAD_SIZE + (uint64_t)run.entries_count * ENTRY_SIZE;

    memcpy(kept, digest, QN_HASH_SIZE);
    head_encode(&run.before, kept + QN_HASH_SIZE);
    qn_le64_write(kept + size, checksum(kept, size));
    state->host->sink_commit(undo, size + SUM_SIZE);
    return QN_OK;
}

/* Marks what the block touched, as its undo tells. False: it cannot be of this state. */
static bool entries_touch(struct state *state, const uint8_t *entries, uint64_t count,
                          const struct head *before)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t slot = qn_le64_read(entries + i * ENTRY_SIZE);

        if (slot >= before->slots || !tree_touch(&state->tree, (uint32_t)slot)) {
            return false;
        }
    }
    for (uint64_t slot = before->slots; slot < state->head.slots; slot++) {
        (void)tree_touch(&state->tree, (uint32_t)slot);
    }
    return true;
}

int32_t block_undo(struct state *state, struct qn_span undo)
{
    uint64_t size = undo.size - SUM_SIZE;
    uint8_t digest[QN_HASH_SIZE];
    struct head before;

    if (undo.size < UNDO_HEAD_SIZE + SUM_SIZE || (size - UNDO_HEAD_SIZE) % ENTRY_SIZE != 0 ||
        qn_le64_read(undo.data + size) != checksum(undo.data, size) ||
        head_decode(undo.data + QN_HASH_SIZE, &before) != QN_OK ||
        before.slots > state->head.slots || before.members != state->head.members) {
        return QN_CORRUPT;
    }

    const uint8_t *entries = undo.data + UNDO_HEAD_SIZE;
    uint64_t count = (size - UNDO_HEAD_SIZE) / ENTRY_SIZE;
    int32_t status =
        state_scratch(state, 4 + (count + state->head.slots - before.slots) * ENTRY_SIZE);

    if (status != QN_OK) {
        return status;
    }

    bool is_last = entries_touch(state, entries, count, &before);

    if (is_last) {
        effects_hash(state, digest);
    }
    tree_touched_clear(&state->tree);
    if (!is_last || memcmp(digest, undo.data, QN_HASH_SIZE) != 0) {
        return QN_CORRUPT;
    }
    restore(state, entries, (uint32_t)count, &before);
    return QN_OK;
}
