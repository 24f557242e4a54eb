/* SPDX-License-Identifier: MIT */

#include "load.h"

/* --- members --- */

/* Whether the members in the pages are ones: each once, with a weight, and a sum of 64 bits. */
static bool members_are_good(const struct state *state)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < state->head.members; i++) {
        const uint8_t *member = member_at(state, i);
        uint64_t weight = qn_le64_read(member + QN_KEY_SIZE);

        if (weight == 0 || weight > UINT64_MAX - sum) {
            return false;
        }
        sum += weight;
        for (uint64_t j = 0; j < i; j++) {
            if (memcmp(member, member_at(state, j), QN_KEY_SIZE) == 0) {
                return false;
            }
        }
    }
    return state->head.members > 0;
}

/* --- genesis --- */

/* Opens one account of the record. */
static bool balance_load(struct state *state, const uint8_t *item)
{
    uint64_t amount = qn_le64_read(item + QN_KEY_SIZE);

    if (amount < state->head.account_min || amount > UINT64_MAX - state->head.issued ||
        slot_find(state, item) != NO_SLOT) {
        return false;
    }

    uint32_t slot = slot_open(state, item);

    qn_le64_write(slot_at(state, slot) + SLOT_BALANCE, amount);
    slot_mark(state, slot);
    state->head.issued += amount;
    return true;
}

static bool first_state(struct state *state, const uint8_t *members, const uint8_t *balances,
                        uint32_t balances_count)
{
    for (uint64_t i = 0; i < state->head.members; i++) {
        memcpy(member_at(state, i), members + i * MEMBER_SIZE, MEMBER_SIZE);
        page_mark(state, 1 + i / PAGE_MEMBERS);
    }
    if (!members_are_good(state)) {
        return false;
    }
    members_hash(state, state->head.members_hash);
    for (uint32_t i = 0; i < balances_count; i++) {
        if (!balance_load(state, balances + (uint64_t)i * MEMBER_SIZE)) {
            return false;
        }
    }
    head_store(state);
    return true;
}

int32_t genesis_load(struct state *state, struct qn_span record)
{
    struct qn_reader in = qn_reader_over(record);
    uint32_t members_count = qn_reader_count(&in, QN_LEDGER_MEMBERS_MAX);
    const uint8_t *members = qn_reader_fixed(&in, (uint64_t)members_count * MEMBER_SIZE);
    uint32_t count = qn_reader_count(&in, SLOTS_MAX);
    const uint8_t *balances = qn_reader_fixed(&in, (uint64_t)count * MEMBER_SIZE);
    uint64_t fee_min = qn_reader_u64(&in);
    uint64_t account_min = qn_reader_u64(&in);

    if (!qn_reader_is_done(&in) || members_count == 0) {
        return QN_INVALID;
    }
    state_clear(state);
    if (state_reserve(state, count, members_count) != QN_OK) {
        return QN_NO_SPACE;
    }
    state->head.members = members_count;
    state->head.fee_min = fee_min;
    state->head.account_min = account_min;
    if (!first_state(state, members, balances, count)) {
        state_clear(state);
        return QN_INVALID;
    }
    state->is_live = true;
    return QN_OK;
}

/* --- pages --- */

static bool is_zero(const uint8_t *from, uint64_t size)
{
    uint8_t all = 0;

    for (uint64_t i = 0; i < size; i++) {
        all |= from[i];
    }
    return all == 0;
}

/* What is behind the last item of `size` bytes on its page must be zero. */
static bool rest_is_zero(const struct state *state, uint64_t page, uint64_t used)
{
    return is_zero(page_at(state, page) + used, PAGE_SIZE - used);
}

static bool member_pages_are_good(const struct state *state)
{
    uint8_t hash[QN_HASH_SIZE];
    uint64_t pages = member_pages(state->head.members);

    for (uint64_t i = 0; i < pages; i++) {
        uint64_t left = state->head.members - i * PAGE_MEMBERS;

        if (!rest_is_zero(state, 1 + i,
                          (left < PAGE_MEMBERS ? left : PAGE_MEMBERS) * MEMBER_SIZE)) {
            return false;
        }
    }
    members_hash(state, hash);
    return memcmp(hash, state->head.members_hash, sizeof hash) == 0 && members_are_good(state);
}

static bool slots_are_good(const struct state *state)
{
    uint64_t left = state->head.issued - state->head.burnt - state->head.fees;
    uint32_t used = (uint32_t)(state->head.slots % PAGE_SLOTS);

    for (uint32_t slot = 0; slot < state->head.slots; slot++) {
        const uint8_t *bytes = slot_at(state, slot);
        uint64_t balance = qn_le64_read(bytes + SLOT_BALANCE);

        if (balance > left ||
            (qn_le32_read(bytes + SLOT_FLAGS) & ~(uint32_t)SLOT_FLAG_KEY_KNOWN) != 0 ||
            !is_zero(bytes + SLOT_RESERVED, SLOT_SIZE - SLOT_RESERVED)) {
            return false;
        }
        left -= balance;
    }
    return left == 0 && (used == 0 || rest_is_zero(state, pages_of(&state->head) - 1,
                                                   (uint64_t)used * SLOT_SIZE));
}

/* Begins with page 0. */
static int32_t load_begin(struct state *state, const uint8_t *page)
{
    struct head head;

    state_clear(state);
    if (head_decode(page, &head) != QN_OK || !is_zero(page + HEAD_SIZE, PAGE_SIZE - HEAD_SIZE)) {
        return QN_INVALID;
    }
    state->head = head;
    return QN_OK;
}

/* Room for the first `pages`: a page 0 that promises more than follows takes no memory for it. */
static int32_t load_reserve(struct state *state, uint64_t pages)
{
    uint64_t before = 1 + member_pages(state->head.members);
    uint64_t slots = pages > before ? (pages - before) * PAGE_SLOTS : 0;

    return state_reserve(state, slots < state->head.slots ? slots : state->head.slots,
                         state->head.members);
}

static int32_t load_end(struct state *state)
{
    if (state->loaded != pages_of(&state->head) || !member_pages_are_good(state) ||
        !slots_are_good(state) || index_fill(state) != QN_OK) {
        return QN_INVALID;
    }
    for (uint32_t slot = 0; slot < state->head.slots; slot++) {
        tree_mark(&state->tree, slot);
    }
    state->is_live = true;
    return QN_OK;
}

int32_t pages_load(struct state *state, uint64_t first, struct qn_span pages, bool is_last)
{
    uint64_t count = pages.size / PAGE_SIZE;
    int32_t status = QN_OK;

    if (pages.size % PAGE_SIZE != 0 || (first == 0 && count == 0) ||
        (first != 0 && (state->is_live || first != state->loaded))) {
        return QN_INVALID;
    }
    if (first == 0) {
        status = load_begin(state, pages.data);
    }
    if (status == QN_OK && count > pages_of(&state->head) - first) {
        status = QN_INVALID;
    }
    if (status == QN_OK) {
        status = load_reserve(state, first + count);
    }
    for (uint64_t i = 0; status == QN_OK && i < count; i++) {
        memcpy(page_at(state, first + i), pages.data + i * PAGE_SIZE, PAGE_SIZE);
        state->loaded = first + i + 1;
    }
    if (status == QN_OK && is_last) {
        status = load_end(state);
    }
    if (status != QN_OK) {
        state_clear(state);
    }
    return status;
}
