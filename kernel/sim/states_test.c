/* SPDX-License-Identifier: MIT */

/* Seats of shared states beside the ledger `accounts` itself: whatever is done to both, both answer
 * alike. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/buf.h"
#include "kernel/base/random.h"
#include "kernel/base/sink.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/stage.h"
#include "kernel/sim/states.h"
#include "plugins/ledger/accounts/accounts.manifest.h"

enum {
    ACCOUNTS = 6, /* that pay */
    MEMBERS = 3,
    TXS_MAX = 5,
    PAIRS = 5,
    DEPTH_MAX = 400, /* blocks that a pair may undo */
    WINDOW = 4,
    BUILD = 1,
    TOTALS = 2,
    FEE = 1000,
    LEAST = 1000000,
    LANE = 0,
    STEPS = 1500,
    SEEDS = 4,
};

static struct qnk_budget budget = {.limit = (size_t)4 << 30};
static const struct qn_plugin *plugin;
static const struct qn_ledger_1 *slots; /* of the ledger itself */

/* --- the ledger itself --- */

static uint8_t record[4 + MEMBERS * 40 + 4 + ACCOUNTS * 40 + 16];

static void key_fill(uint8_t *key, uint32_t i)
{
    memset(key, (int)(0x11 * (i % 13) + 7), 32);
    qn_le32_write(key + 8, i * 2654435761u);
}

static void record_fill(void)
{
    uint8_t *to = qn_writer_u32(record, MEMBERS);

    for (uint32_t i = 0; i < MEMBERS; i++, to += 40) {
        key_fill(to, 100 + i);
        qn_le64_write(to + 32, 1);
    }
    to = qn_writer_u32(to, ACCOUNTS);
    for (uint32_t i = 0; i < ACCOUNTS; i++, to += 40) {
        key_fill(to, i);
        qn_le64_write(to + 32, (uint64_t)1 << 40);
    }
    to = qn_writer_u64(to, FEE);
    to = qn_writer_u64(to, LEAST);
    assert_int_equal(to - record, sizeof record);
}

static struct qn_span genesis(void)
{
    return (struct qn_span){record, sizeof record};
}

static struct qnk_player *player_new(void)
{
    struct qnk_player *player = qnk_player_make(&budget, plugin, accounts_config_default());

    assert_non_null(player);
    return player;
}

static bool ledger_make(void *ctx, struct qnk_plugged *ledger, void **handle)
{
    struct qnk_player *player = player_new();
    const struct qn_ledger_1 *other = ctx;

    *ledger = qnk_player_plugged(player);
    if (other != NULL) {
        ledger->table = other;
    }
    *handle = player;
    return true;
}

static void ledger_give(void *ctx, void *handle)
{
    (void)ctx;
    qnk_player_give(handle);
}

/* `other`: instead of the ledger's own slots. */
static struct qnk_states *states_new(const struct qn_ledger_1 *other)
{
    const struct qnk_states_maker maker = {(void *)(uintptr_t)other, ledger_make, ledger_give};
    struct qnk_states *states = qnk_states_create(&budget, &maker);

    assert_non_null(states);
    return states;
}

static struct qnk_states_counts counts_of(const struct qnk_states *states)
{
    struct qnk_states_counts counts;

    qnk_states_count(states, &counts);
    return counts;
}

static void states_end(struct qnk_states *states)
{
    qnk_states_destroy(states);
    assert_int_equal(budget.used, 0);
}

/* --- blocks --- */

struct block {
    struct qn_ledger_block head;
    struct qn_ledger_transaction txs[TXS_MAX];
    uint8_t keys[TXS_MAX][32], payloads[TXS_MAX][40];
    uint32_t count;
};

/* What a call gave, as one row of bytes. */
struct outcome {
    int32_t status;
    struct qn_sink bytes;
};

static const struct qn_ledger_1 *slots_of(struct qnk_plugged ledger)
{
    return ledger.table;
}

static uint64_t next_nonce(struct qnk_plugged ledger, uint8_t *key)
{
    struct qn_ledger_verdict verdict = {0};
    const struct qn_ledger_transaction tx = {.from = key, .size = 166, .valid_until = 1};

    assert_int_equal(slots_of(ledger)->check(ledger.inst, LANE, &tx, 1, &verdict), QN_OK);
    return verdict.next;
}

/* Block `variant` of this height on this ledger's state; some are wrong here and there. */
static void block_make(struct block *block, struct qnk_plugged ledger, uint64_t height,
                       uint32_t variant)
{
    static const uint8_t producer[32] = {3};
    struct qnk_random random = {0};

    qnk_random_init(&random, height * 31 + variant);
    *block = (struct block){.head = {.height = height,
                                     .window = (height + WINDOW - 1) / WINDOW,
                                     .time_ms = height * 10 + variant,
                                     .producer = producer,
                                     .flags = variant % 2 == 1 ? BUILD : 0}};
    block->count = (uint32_t)qnk_random_below(&random, TXS_MAX + 1);
    for (uint32_t i = 0; i < block->count; i++) {
        uint32_t payer = ((uint32_t)height + i) % ACCOUNTS;
        bool is_wrong = qnk_random_below(&random, variant % 2 == 1 ? 4 : 40) == 0;

        key_fill(block->keys[i], payer);
        key_fill(block->payloads[i], (uint32_t)qnk_random_below(&random, 200) + ACCOUNTS);
        qn_le64_write(block->payloads[i] + 32, LEAST + qnk_random_below(&random, 9));
        block->txs[i] = (struct qn_ledger_transaction){
            .from = block->keys[i],
            .payload = {block->payloads[i], 40},
            .nonce = next_nonce(ledger, block->keys[i]) + (is_wrong ? 5 : 0),
            .fee = FEE,
            .valid_until = height + 1,
            .size = 166,
            .kind = QNK_TX_TRANSFER,
            .key_known = 1,
        };
    }
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_sink *sink = ctx;
    uint8_t head[4];

    assert_null(payload);
    qn_le32_write(head, type);
    assert_int_equal(qnk_sink_append(sink, head, sizeof head), QN_OK);
    return qnk_sink_append(sink, body.data, body.size);
}

/* `bytes` of the outcome: effects and digest. */
static void apply(struct qnk_plugged ledger, const struct block *block, struct outcome *outcome,
                  struct qn_sink *undo)
{
    struct qn_effects out = {.ctx = &outcome->bytes, .push = push};
    uint8_t digest[32] = {0};

    qnk_sink_cut(undo, 0);
    qnk_sink_cut(&outcome->bytes, 0);
    outcome->status = slots_of(ledger)->apply(ledger.inst, LANE, &block->head, NULL, 0, block->txs,
                                              block->count, digest, &out, undo);
    if (outcome->status != QN_OK) {
        qnk_sink_cut(&outcome->bytes, 0); /* what was pushed counts for nothing then */
    }
    assert_int_equal(qnk_sink_append(&outcome->bytes, digest, sizeof digest), QN_OK);
}

static void outcomes_init(struct outcome outcomes[2])
{
    for (int i = 0; i < 2; i++) {
        qnk_sink_init(&outcomes[i].bytes, &budget, 64 << 20);
    }
}

static void outcomes_done(struct outcome outcomes[2])
{
    for (int i = 0; i < 2; i++) {
        qnk_sink_done(&outcomes[i].bytes);
    }
}

static void are_alike(const struct outcome outcomes[2])
{
    assert_int_equal(outcomes[0].status, outcomes[1].status);
    assert_int_equal(outcomes[0].bytes.size, outcomes[1].bytes.size);
    assert_memory_equal(outcomes[0].bytes.data, outcomes[1].bytes.data, outcomes[0].bytes.size);
}

/* --- a ledger of its own and a seat, to which the same is done --- */

struct pair {
    struct qnk_states *states;
    struct qnk_player *player;
    struct qnk_plugged ledgers[2]; /* itself, the seat */
    uint64_t height, base;         /* base: nothing is undone below */
    struct qn_buf *undos[DEPTH_MAX];
    uint64_t stored_height; /* pages of a window's end, as they lie on a disk */
    struct qn_buf *stored;
};

static void pair_open(struct pair *pair)
{
    pair->player = player_new();
    pair->ledgers[0] = qnk_player_plugged(pair->player);
    pair->ledgers[1] = qnk_states_take(pair->states);
}

static void pair_close(struct pair *pair)
{
    qnk_player_give(pair->player);
    qnk_states_give(pair->states, pair->ledgers[1]);
    while (pair->height > pair->base) {
        qnk_buf_unref(pair->undos[--pair->height - pair->base]);
    }
}

static void pair_genesis(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        struct qnk_plugged ledger = pair->ledgers[i];
        uint8_t root[32];

        assert_int_equal(slots_of(ledger)->root(ledger.inst, LANE, root), QN_BUG);
        assert_int_equal(slots_of(ledger)->genesis(ledger.inst, LANE, genesis()), QN_OK);
        assert_int_equal(slots_of(ledger)->genesis(ledger.inst, LANE, genesis()), QN_EXISTS);
    }
    pair->height = pair->base = 0;
}

static void pair_init(struct pair *pair, struct qnk_states *states)
{
    *pair = (struct pair){.states = states};
    pair_open(pair);
    pair_genesis(pair);
}

static void pair_done(struct pair *pair)
{
    pair_close(pair);
    qnk_buf_unref(pair->stored);
}

/* False: the block cannot be executed. */
static bool pair_apply(struct pair *pair, uint32_t variant)
{
    struct outcome outcomes[2];
    struct qn_sink undos[2];
    struct block block;
    bool is_good;

    assert_true(pair->height - pair->base < DEPTH_MAX);
    block_make(&block, pair->ledgers[0], pair->height + 1, variant);
    outcomes_init(outcomes);
    for (int i = 0; i < 2; i++) {
        qnk_sink_init(&undos[i], &budget, 1 << 20);
        apply(pair->ledgers[i], &block, &outcomes[i], &undos[i]);
    }
    are_alike(outcomes);
    is_good = outcomes[0].status == QN_OK;
    assert_true(is_good || outcomes[0].status == QN_INVALID);
    assert_int_equal(undos[0].size, undos[1].size);
    if (is_good) {
        assert_memory_equal(undos[0].data, undos[1].data, undos[0].size);
        pair->undos[pair->height++ - pair->base] = qnk_buf_copy(&budget, qnk_sink_span(&undos[0]));
    }
    qnk_sink_done(&undos[0]);
    qnk_sink_done(&undos[1]);
    outcomes_done(outcomes);
    return is_good;
}

static void pair_undo(struct pair *pair)
{
    struct qn_buf *undo;

    if (pair->height == pair->base) {
        return;
    }
    undo = pair->undos[--pair->height - pair->base];
    for (int i = 0; i < 2; i++) {
        struct qnk_plugged ledger = pair->ledgers[i];

        undo->data[0] ^= 1;
        assert_int_equal(slots_of(ledger)->undo(ledger.inst, LANE, qnk_buf_span(undo)), QN_CORRUPT);
        undo->data[0] ^= 1;
        assert_int_equal(slots_of(ledger)->undo(ledger.inst, LANE, qnk_buf_span(undo)), QN_OK);
    }
    qnk_buf_unref(undo);
}

static uint64_t pages_of(struct qnk_plugged ledger, struct qn_sink *sink)
{
    uint64_t pages;

    qnk_sink_cut(sink, 0);
    assert_int_equal(slots_of(ledger)->dirty(ledger.inst, LANE, sink), QN_OK);
    pages = qn_le64_read(sink->data);
    return pages;
}

static void pages_read(struct qnk_plugged ledger, uint64_t pages, struct qn_sink *sink)
{
    uint64_t indexes[64];

    assert_true(pages <= 64);
    for (uint64_t i = 0; i < pages; i++) {
        indexes[i] = i;
    }
    assert_int_equal(
        slots_of(ledger)->read_pages(ledger.inst, LANE, indexes, (uint32_t)pages, sink), QN_OK);
}

/* As a node does at a window's end; and the pages are kept as on its disk. */
static void pair_end(struct pair *pair)
{
    struct outcome outcomes[2];

    outcomes_init(outcomes);
    for (int i = 0; i < 2; i++) {
        struct qnk_plugged ledger = pair->ledgers[i];
        struct qn_sink *sink = &outcomes[i].bytes;
        uint64_t pages = pages_of(ledger, sink);
        uint8_t root[32] = {0};

        outcomes[i].status = slots_of(ledger)->root(ledger.inst, LANE, root);
        assert_int_equal(qnk_sink_append(sink, root, sizeof root), QN_OK);
        assert_int_equal(slots_of(ledger)->members(ledger.inst, LANE, sink), QN_OK);
        if (i == 1) {
            qnk_buf_unref(pair->stored);
            pair->stored = qnk_buf_new(&budget, pages * QN_LEDGER_PAGE_SIZE);
        }
        pages_read(ledger, pages, sink);
        if (i == 1) {
            memcpy(pair->stored->data, sink->data + sink->size - pair->stored->size,
                   pair->stored->size);
        }
    }
    pair->stored_height = pair->height;
    are_alike(outcomes);
    outcomes_done(outcomes);
}

static void pair_ask(struct pair *pair, uint32_t about)
{
    struct outcome outcomes[2];
    uint8_t keys[2][32];

    key_fill(keys[0], about % ACCOUNTS);
    key_fill(keys[1], about);
    outcomes_init(outcomes);
    for (int i = 0; i < 2; i++) {
        struct qnk_plugged ledger = pair->ledgers[i];
        struct qn_sink *sink = &outcomes[i].bytes;
        struct qn_ledger_verdict verdict = {0};
        const struct qn_ledger_transaction tx = {.from = keys[1], .size = 166, .fee = about};

        assert_int_equal(slots_of(ledger)->check(ledger.inst, LANE, &tx, 1, &verdict), QN_OK);
        assert_int_equal(qnk_sink_append(sink, &verdict, sizeof verdict), QN_OK);
        assert_int_equal(
            slots_of(ledger)->query(ledger.inst, LANE, TOTALS, (struct qn_span){NULL, 0}, sink),
            QN_OK);
        assert_int_equal(slots_of(ledger)->query(ledger.inst, LANE, 99, genesis(), sink),
                         QN_UNSUPPORTED);
        outcomes[i].status = slots_of(ledger)->prove(ledger.inst, LANE, keys[0], 2, sink);
        assert_int_equal(
            slots_of(ledger)->read_pages(ledger.inst, LANE, &(uint64_t){1000}, 1, sink),
            QN_NOT_FOUND);
    }
    are_alike(outcomes);
    outcomes_done(outcomes);
}

/* Starts again from the disk, whose pages come in `parts`. False: there are none. */
static bool pair_restart(struct pair *pair, uint64_t parts)
{
    if (pair->stored == NULL) {
        return false;
    }
    pair_close(pair);
    pair_open(pair);
    for (int i = 0; i < 2; i++) {
        struct qnk_plugged ledger = pair->ledgers[i];
        uint64_t pages = pair->stored->size / QN_LEDGER_PAGE_SIZE;
        uint64_t step = (pages + parts - 1) / parts;

        for (uint64_t at = 0; at < pages; at += step) {
            uint64_t some = pages - at < step ? pages - at : step;
            struct qn_span bytes = {pair->stored->data + at * QN_LEDGER_PAGE_SIZE,
                                    some * QN_LEDGER_PAGE_SIZE};

            assert_int_equal(
                slots_of(ledger)->load_pages(ledger.inst, LANE, at, bytes, at + some == pages),
                QN_OK);
        }
    }
    pair->height = pair->base = pair->stored_height;
    return true;
}

static void pair_wipe(struct pair *pair)
{
    pair_close(pair);
    qnk_buf_unref(pair->stored);
    pair->stored = NULL;
    pair_open(pair);
    pair_genesis(pair);
}

/* --- cases --- */

static void pair_step(struct pair *pair, struct qnk_random *random)
{
    uint64_t lot = qnk_random_below(random, 100);

    if (lot < 55) {
        (void)pair_apply(pair, (uint32_t)qnk_random_below(random, 3));
    } else if (lot < 75) {
        /* no deeper than a node goes back, which is three windows */
        if (pair->height - pair->base > 0 && qnk_random_below(random, 3) > 0) {
            pair_undo(pair);
        }
    } else if (lot < 85) {
        pair_end(pair);
    } else if (lot < 96) {
        pair_ask(pair, (uint32_t)qnk_random_below(random, 300));
    } else if (lot < 99) {
        (void)pair_restart(pair, 1 + qnk_random_below(random, 3));
    } else if (qnk_random_below(random, 4) == 0) {
        pair_wipe(pair);
    }
}

static void a_seat_answers_as_an_instance_of_its_own(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct qnk_states *states = states_new(NULL);
        struct pair pairs[PAIRS];
        struct qnk_random random = {0};
        struct qnk_states_counts counts;

        qnk_random_init(&random, seed);
        for (uint32_t i = 0; i < PAIRS; i++) {
            pair_init(&pairs[i], states);
        }
        for (uint32_t i = 0; i < STEPS; i++) {
            struct pair *pair = &pairs[qnk_random_below(&random, PAIRS)];

            if (pair->height - pair->base == DEPTH_MAX) {
                pair_wipe(pair);
            }
            pair_step(pair, &random);
        }
        counts = counts_of(states);
        assert_true(counts.applied > STEPS / 3 && counts.executed > 0 && counts.undone > 0);
        for (uint32_t i = 0; i < PAIRS; i++) {
            pair_done(&pairs[i]);
        }
        states_end(states);
    }
}

static void a_block_is_executed_once_for_all_who_apply_it(void **state)
{
    struct qnk_states *states = states_new(NULL);
    struct pair pairs[PAIRS];
    uint32_t blocks = 0;

    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++) {
        pair_init(&pairs[i], states);
    }
    while (blocks < 30) {
        bool is_good = pair_apply(&pairs[0], 1);

        for (uint32_t i = 1; i < PAIRS; i++) {
            assert_int_equal(pair_apply(&pairs[i], 1), is_good);
        }
        blocks += is_good;
    }
    assert_int_equal(counts_of(states).executed, blocks);
    assert_int_equal(counts_of(states).applied, PAIRS * blocks);
    for (uint32_t i = 0; i < PAIRS; i++) {
        pair_done(&pairs[i]);
    }
    states_end(states);
}

static void who_builds_a_block_and_who_executes_it_come_to_one_state(void **state)
{
    struct qnk_states *states = states_new(NULL);
    struct pair pairs[2];
    struct outcome outcomes[2];
    struct qn_sink undo;
    struct block block;
    uint64_t positions;

    (void)state;
    pair_init(&pairs[0], states);
    pair_init(&pairs[1], states);
    outcomes_init(outcomes);
    qnk_sink_init(&undo, &budget, 1 << 20);
    block_make(&block, pairs[0].ledgers[0], 1, 0);
    assert_true(block.count >= 2);
    block.txs[block.count - 1].nonce += 9; /* it is left out */
    block.head.flags = BUILD;
    apply(pairs[0].ledgers[1], &block, &outcomes[0], &undo);
    positions = counts_of(states).positions;
    block.head.flags = 0;
    block.count--;
    apply(pairs[1].ledgers[1], &block, &outcomes[1], &undo);
    assert_int_equal(outcomes[0].status, QN_OK);
    assert_int_equal(outcomes[1].status, QN_OK);
    assert_memory_equal(outcomes[0].bytes.data + outcomes[0].bytes.size - 32,
                        outcomes[1].bytes.data + outcomes[1].bytes.size - 32, 32);
    assert_int_equal(counts_of(states).executed, 2);
    assert_int_equal(counts_of(states).positions, positions);
    qnk_sink_done(&undo);
    outcomes_done(outcomes);
    pair_done(&pairs[0]);
    pair_done(&pairs[1]);
    states_end(states);
}

static void blocks_apply(struct pair *pair, uint32_t count)
{
    while (count > 0) {
        count -= pair_apply(pair, 1);
    }
}

static void what_is_loaded_is_the_state_that_others_are_in(void **state)
{
    struct qnk_states *states = states_new(NULL);
    struct pair pairs[2];
    uint64_t positions, executed;

    (void)state;
    pair_init(&pairs[0], states);
    pair_init(&pairs[1], states);
    blocks_apply(&pairs[0], WINDOW);
    blocks_apply(&pairs[1], WINDOW);
    pair_end(&pairs[0]);
    pair_end(&pairs[1]);
    blocks_apply(&pairs[0], WINDOW);
    positions = counts_of(states).positions;
    executed = counts_of(states).executed;
    assert_true(pair_restart(&pairs[1], 2));
    blocks_apply(&pairs[1], WINDOW);
    assert_int_equal(counts_of(states).positions, positions);
    assert_int_equal(counts_of(states).executed, executed);
    pair_done(&pairs[0]);
    pair_done(&pairs[1]);
    states_end(states);
}

/* One begins anew when nobody remembers how it began, and takes up with the others at an end of a
 * window from where both lead back alike. */
static void trees_that_come_to_one_state_are_joined(void **state)
{
    struct qnk_states *states = states_new(NULL);
    struct pair pairs[2];
    uint64_t positions;

    (void)state;
    pair_init(&pairs[0], states);
    blocks_apply(&pairs[0], 30 * WINDOW);
    pair_init(&pairs[1], states);
    assert_int_equal(counts_of(states).reals, 4);
    blocks_apply(&pairs[1], 30 * WINDOW);
    for (uint32_t i = 0; i < 2; i++) {
        blocks_apply(&pairs[0], WINDOW);
        blocks_apply(&pairs[1], WINDOW);
        pair_end(&pairs[0]);
        pair_end(&pairs[1]);
    }
    blocks_apply(&pairs[0], WINDOW);
    assert_int_equal(counts_of(states).reals, 2);
    positions = counts_of(states).positions;
    blocks_apply(&pairs[1], WINDOW);
    assert_int_equal(counts_of(states).positions, positions);
    for (uint32_t i = 0; i < 8 * WINDOW; i++) {
        pair_undo(&pairs[1]);
    }
    pair_ask(&pairs[1], 1);
    pair_done(&pairs[0]);
    pair_done(&pairs[1]);
    states_end(states);
}

static void what_nobody_comes_back_to_is_forgotten(void **state)
{
    struct qnk_states *states = states_new(NULL);
    struct pair pair;

    (void)state;
    pair_init(&pair, states);
    for (uint32_t i = 0; i < 80; i++) {
        blocks_apply(&pair, WINDOW);
        pair_end(&pair);
    }
    assert_in_range(counts_of(states).positions, 8 * WINDOW, 11 * WINDOW);
    assert_in_range(counts_of(states).reals, 1, 2);
    for (uint32_t i = 0; i < 7 * WINDOW; i++) {
        pair_undo(&pair);
    }
    pair_done(&pair);
    assert_int_equal(counts_of(states).positions, 0);
    assert_int_equal(counts_of(states).reals, 0);
    states_end(states);
}

/* Each time it executes something its digest is another. */
static int32_t apply_moodily(struct qn_inst *inst, uint32_t lane,
                             const struct qn_ledger_block *block, const uint32_t *offenders,
                             uint32_t offenders_count,
                             const struct qn_ledger_transaction *transactions,
                             uint32_t transactions_count, uint8_t *digest, struct qn_effects *out,
                             struct qn_sink *undo)
{
    static uint8_t mood;
    int32_t status = slots->apply(inst, lane, block, offenders, offenders_count, transactions,
                                  transactions_count, digest, out, undo);

    digest[0] ^= ++mood;
    return status;
}

static void a_ledger_that_does_not_repeat_itself_is_found_out(void **state)
{
    struct qn_ledger_1 moody = *slots;
    struct qnk_states *states;
    struct pair pair;
    struct outcome outcomes[2];
    struct qn_sink undo;
    struct qnk_plugged seat;
    struct block block;
    struct qn_ledger_verdict verdict;

    (void)state;
    moody.apply = apply_moodily;
    states = states_new(&moody);
    pair_init(&pair, states);
    seat = pair.ledgers[1];
    outcomes_init(outcomes);
    qnk_sink_init(&undo, &budget, 1 << 20);
    block_make(&block, pair.ledgers[0], 1, 0);
    apply(seat, &block, &outcomes[0], &undo);
    assert_int_equal(outcomes[0].status, QN_OK);
    assert_int_equal(slots_of(seat)->undo(seat.inst, LANE, qnk_sink_span(&undo)), QN_OK);
    apply(seat, &block, &outcomes[1], &undo); /* as it is known */
    are_alike(outcomes);
    assert_int_equal(slots_of(seat)->check(seat.inst, LANE, block.txs, 1, &verdict), QN_BUG);
    qnk_sink_done(&undo);
    outcomes_done(outcomes);
    pair_done(&pair);
    states_end(states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seat_answers_as_an_instance_of_its_own),
        cmocka_unit_test(a_block_is_executed_once_for_all_who_apply_it),
        cmocka_unit_test(who_builds_a_block_and_who_executes_it_come_to_one_state),
        cmocka_unit_test(what_is_loaded_is_the_state_that_others_are_in),
        cmocka_unit_test(trees_that_come_to_one_state_are_joined),
        cmocka_unit_test(what_nobody_comes_back_to_is_forgotten),
        cmocka_unit_test(a_ledger_that_does_not_repeat_itself_is_found_out),
    };
    const char *root = getenv("top_builddir");

    plugin = qnk_stage_map(root == NULL ? "." : root, "ledger", "accounts");
    if (plugin == NULL) {
        return 1;
    }
    slots = (const void *)plugin->slots;
    record_fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
