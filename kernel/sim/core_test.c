/* SPDX-License-Identifier: MIT */

/* The core among fakes: what it does for itself, whatever plugins are like. */

#include "tests/test.h"

#include "kernel/node/guard.h"
#include "kernel/sim/fake.h"
#include "tests/sim/net.h"
#include "tests/sim/promises.h"

/* The power goes between any two writes of a node, and it comes back: it loses no turn for ever. */
static void cut_and_start(struct net *net, uint32_t node, uint32_t writes)
{
    qnk_world_cut(net->world, node, writes);
    for (uint32_t i = 0; i < 100 && !qnk_world_is_cut(net->world, node); i++) {
        net_run_ms(net, 20);
    }
    assert_true(qnk_world_is_cut(net->world, node));
    qnk_world_crash(net->world, node);
    net_run_ms(net, 10);
    qnk_world_start(net->world, node);
}

static void a_network_of_one_survives_a_power_cut_between_any_two_writes(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 24; writes++) {
        struct net *net = net_make(1, 1, 100 + writes);
        uint64_t window;

        net_open(net);
        net_start(net, 0, 1);
        submit(net, 0, 1, 0, 30);
        net_run_ms(net, 1500);
        cut_and_start(net, 0, writes);
        window = look(net, 0).final_window;
        submit(net, 0, 1, 30, 40);
        net_run_ms(net, 3000);
        assert_all_final(net, 0, 1, window + 3);
        assert_true(look(net, 0).is_signing);
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 0))->sign_refused[1], 0);
        assert_int_equal(next_nonce(net, 0, 1), 40);
        net_drop(net);
    }
}

static void one_of_four_survives_a_power_cut_between_any_two_writes(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 24; writes++) {
        struct net *net = net_make(4, 4, 200 + writes);

        net_open(net);
        net_start(net, 0, 4);
        submit(net, 0, 1, 0, 30);
        net_run_ms(net, 1500);
        for (uint32_t node = 0; node < 4; node++) {
            cut_and_start(net, node, writes);
            net_run_ms(net, 1000);
        }
        net_run_ms(net, 2000);
        assert_all_final(net, 0, 4, 4);
        for (uint32_t node = 0; node < 4; node++) {
            const struct qnk_node_counters *counters =
                qnk_node_counters(qnk_world_node(net->world, node));

            assert_true(look(net, node).is_signing);
            assert_int_equal(counters->sign_refused[1], 0);
            assert_int_equal(counters->doubles_seen, 0);
        }
        net_drop(net);
    }
}

/* At each moment of a block's making: after its writes, before and after its signature. */
static void a_crash_at_any_moment_around_a_signature_costs_no_turn(void **state)
{
    struct net *net = net_make(1, 1, 300);

    (void)state;
    net_open(net);
    net_start(net, 0, 1);
    net_run_ms(net, 1000);
    for (uint32_t i = 0; i < 400; i++) {
        uint64_t head;

        qnk_world_run(net->world, qnk_world_now(net->world) + 150000 + i * 250);
        head = look(net, 0).head_height;
        qnk_world_crash(net->world, 0);
        qnk_world_start(net->world, 0);
        net_run_ms(net, 250);
        assert_true(look(net, 0).head_height > head);
    }
    assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 0))->doubles_seen, 0);
    assert_agreement(net);
    net_drop(net);
}

/* --- the record of what was signed --- */

enum { LOSER = 3 };

/* It comes back, follows for some windows, and signs nothing; nor after another start. */
static void assert_silent(struct net *net)
{
    for (uint32_t starts = 0; starts < 3; starts++) {
        uint64_t window = look(net, 0).final_window;

        qnk_world_start(net->world, LOSER);
        net_run_ms(net, 6000);
        assert_true(look(net, LOSER).final_window > window + 2);
        assert_false(look(net, LOSER).is_signing);
        qnk_world_crash(net->world, LOSER);
    }
}

static void assert_resumes(struct net *net)
{
    for (uint32_t starts = 0; starts < 2; starts++) {
        qnk_world_start(net->world, LOSER);
        net_run_ms(net, 2000);
        if (starts == 0) {
            qnk_world_control(net->world, LOSER, QNK_CONTROL_RESUME);
            net_run_ms(net, 10000);
        }
        assert_true(look(net, LOSER).is_signing);
        qnk_world_crash(net->world, LOSER);
    }
    for (uint32_t node = 0; node < LOSER; node++) {
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, node))->doubles_seen, 0);
    }
}

static void after_damage_to_the_last_sign_record_only_its_operator_lets_it_sign(void **state)
{
    struct net *net = net_make(4, 4, 310);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    assert_true(look(net, LOSER).is_signing);
    qnk_world_crash(net->world, LOSER);
    assert_true(qnk_drive_rot(qnk_world_drive(net->world, LOSER), "guard", 1));
    assert_silent(net);
    assert_resumes(net);
    net_drop(net);
}

static void a_key_without_a_record_gets_none_by_following(void **state)
{
    struct net *net = net_make(4, 4, 311);

    (void)state;
    net_open(net);
    net_start(net, 0, LOSER);
    net_run_ms(net, 6000);
    assert_silent(net);
    assert_resumes(net);
    net_drop(net);
}

/* --- comings and goings --- */

/* How many blocks in a row a node took back. */
struct depths {
    uint32_t undone[NODES_MAX];
    uint32_t deepest;
};

static void depth_note(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    struct depths *depths = ctx;

    if (effect->type != QNK_EFFECT_NOTE) {
        return;
    }
    if (effect->note.what == QNK_NOTE_UNDONE && ++depths->undone[node] > depths->deepest) {
        depths->deepest = depths->undone[node];
    } else if (effect->note.what == QNK_NOTE_MICROBLOCK) {
        depths->undone[node] = 0;
    }
}

/* Kills and starts nodes by lot; gives the most blocks that one of them took back. A node that
 * comes back hears of the others `apart_ms` later. */
static uint32_t kill_loop(uint64_t seed, uint64_t apart_ms)
{
    struct net *net = net_make(4, 4, seed);
    struct depths depths = {0};
    uint64_t lot = seed * 2654435761u;

    net->setup.note = depth_note;
    net->setup.note_ctx = &depths;
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t node;

        lot = lot * 6364136223846793005u + 1442695040888963407u;
        node = (uint32_t)(lot >> 40) % 4;
        net_run_ms(net, 100 + (lot >> 33) % 900);
        qnk_world_crash(net->world, node);
        net_run_ms(net, 50 + (lot >> 20) % 700);
        for (uint32_t other = 0; other < 4 && apart_ms > 0; other++) {
            if (other != node) {
                qnk_world_link(net->world, node, other, false);
            }
        }
        qnk_world_start(net->world, node);
        if (apart_ms > 0) {
            net_run_ms(net, apart_ms);
        }
        for (uint32_t other = 0; other < 4 && apart_ms > 0; other++) {
            if (other != node) {
                qnk_world_link(net->world, node, other, true);
            }
        }
    }
    net_run_ms(net, 5000);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
    return depths.deepest;
}

static void restarts_undo_a_block_or_none(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 9; seed++) {
        assert_true(kill_loop(seed, 0) <= 1);
        assert_true(kill_loop(seed, 600) <= 1);
    }
}

/* Whoever only claims to be ahead is not waited for again and again. */
static void a_peer_that_only_claims_blocks_holds_nobody_up(void **state)
{
    struct net *net = net_make(4, 5, 17);
    struct qnk_status claim = {.node_type = QNK_NODE_FULL, .serves = 1};
    uint8_t bytes[QNK_STATUS_SIZE];
    uint64_t head;

    (void)state;
    net_open(net);
    net_start(net, 0, 5);
    net_run_ms(net, 2000);
    head = look(net, 0).head_height;
    for (uint32_t i = 0; i < 400; i++) {
        claim.head_height = look(net, 0).head_height + 1 + i % 3;
        memset(claim.head.bytes, (int)(i + 1), QN_HASH_SIZE);
        qnk_status_encode(&claim, bytes);
        for (uint32_t node = 0; node < 4; node++) {
            qnk_world_say(net->world, 4, node, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                          (struct qn_span){bytes, sizeof bytes});
        }
        net_run_ms(net, 25);
    }
    assert_true(look(net, 0).head_height > head + 50); /* of 100 */
    assert_agreement(net);
    net_drop(net);
}

/* --- engines that ask for what no engine should --- */

static void assert_guarded(struct net *net, uint32_t wrongs)
{
    for (uint32_t i = 0; i < 4; i++) {
        const struct qnk_fake_engine_counts *counts =
            qnk_fake_engine_counts(net->plugins[i].consensus);

        assert_int_equal(counts->doubles, 0);
        assert_int_equal(counts->wrongs_signed, 0);
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, i))->doubles_seen, 0);
        if (wrongs != QNK_WRONG_BYTES && wrongs != QNK_WRONG_CERTIFY &&
            wrongs != QNK_WRONG_WINDOW) {
            assert_true(counts->refused + counts->signed_other > 0);
        }
    }
}

static void no_wrong_wish_of_an_engine_is_signed(void **state)
{
    (void)state;
    for (uint32_t wrong = 1; wrong <= QNK_WRONG_CERTIFY; wrong *= 2) {
        struct net *net = net_make(4, 4, 20 + wrong);

        for (uint32_t i = 0; i < 4; i++) {
            net->wrongs[i] = wrong; /* all of them at once */
        }
        net_open(net);
        net_start(net, 0, 4);
        net_run_ms(net, 6000);
        assert_guarded(net, wrong);
        assert_agreement(net);
        net_drop(net);
    }
}

/* Who got it would charge its honest sender with a malformed message. */
static void no_proposal_of_another_window_is_signed(void **state)
{
    struct net *net = net_make(4, 4, 23);
    struct qnk_binding *engine = &net->setup.params.bindings[QNK_BINDING_CONSENSUS];

    (void)state;
    engine->steps[engine->steps_count++] = QNK_STEP_PROPOSE;
    for (uint32_t i = 0; i < 4; i++) {
        net->wrongs[i] = QNK_WRONG_PROPOSAL;
    }
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 6000);
    assert_guarded(net, QNK_WRONG_PROPOSAL);
    for (uint32_t i = 0; i < 4; i++) {
        const struct qnk_node *node = qnk_world_node(net->world, i);

        assert_int_equal(qnk_node_counters(node)->faults[QNK_FAULT_MALFORMED], 0);
    }
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

static void wrong_engines_that_crash_are_guarded_by_the_log(void **state)
{
    struct net *net = net_make(4, 4, 21);

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        net->wrongs[i] = 2 * QNK_WRONG_CERTIFY - 1; /* everything wrong */
    }
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 20; i++) {
        net_run_ms(net, 211 + 37 * (i % 5));
        qnk_world_crash(net->world, i % 4);
        qnk_world_start(net->world, i % 4);
    }
    net_run_ms(net, 3000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, i))->doubles_seen, 0);
        assert_true(look(net, i).is_signing);
    }
    assert_agreement(net);
    net_drop(net);
}

static void one_wrong_engine_of_four_stops_nobody(void **state)
{
    struct net *net = net_make(4, 4, 22);

    (void)state;
    net->wrongs[2] = 2 * QNK_WRONG_CERTIFY - 1;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 6000);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

/* --- the mempool's copy --- */

static void restored_count(void *ctx, struct qnk_event *event)
{
    uint32_t *count = ctx;

    *count += event->type == QNK_EVENT_SUBMIT;
}

static uint32_t count_copies(struct qnk_store *store)
{
    uint32_t count = 0;

    assert_int_equal(qnk_store_restore_txs(store, 0, restored_count, &count), QN_OK);
    return count;
}

static void an_empty_mempool_replaces_its_copy_too(void **state)
{
    struct qnk_budget budget = {.limit = 1 << 24};
    struct qnk_plugged storage = qnk_fake_storage_make(&budget);
    struct qnk_store store;
    uint8_t key[QN_KEY_SIZE] = {1}, payload[40] = {1}, bytes[QNK_TX_TRANSFER_SIZE] = {0};
    struct qnk_tx tx = {.payload = {payload, sizeof payload}, .from = key, .kind = QNK_TX_TRANSFER};
    struct qn_span row = {bytes, sizeof bytes};
    struct qn_span none = {NULL, 0};

    (void)state;
    qnk_tx_encode(&tx, bytes);
    assert_int_equal(qnk_store_open(&store, &budget, storage, true), QN_OK);
    assert_int_equal(qnk_store_txs(&store, 0, row, false), QN_OK);
    assert_int_equal(count_copies(&store), 1);
    assert_int_equal(qnk_store_txs(&store, 0, none, true), QN_OK);
    assert_int_equal(count_copies(&store), 0);
    assert_int_equal(qnk_store_txs(&store, 0, row, false), QN_OK);
    assert_int_equal(count_copies(&store), 1);
    qnk_fake_storage_give(storage);
    assert_int_equal(budget.used, 0);
}

/* --- the sign guard's log --- */

struct guard_seen {
    struct qnk_guard *guard;
    uint32_t good, bad;
};

static void restored_guard(void *ctx, struct qnk_event *event)
{
    struct guard_seen *seen = ctx;

    if (event->type == QNK_EVENT_RESTORE_GUARD) {
        bool is_good = qnk_guard_restore(seen->guard, event->guard) == QN_OK;

        seen->good += is_good;
        seen->bad += !is_good;
    }
}

/* What a node hears of the guard's log: `good` records, and `bad` that make it sign nothing. */
static void assert_guard(struct qnk_store *store, uint32_t good, uint32_t bad)
{
    struct guard_seen seen = {.guard = qnk_guard_create(store->budget)};
    bool has_guard;

    assert_non_null(seen.guard);
    assert_int_equal(qnk_store_restore(store, 0, restored_guard, &seen, &has_guard), QN_OK);
    assert_int_equal(seen.good, good);
    assert_int_equal(seen.bad, bad);
    assert_int_equal(has_guard, good + bad > 0);
    qnk_guard_destroy(seen.guard);
}

static void guard_drop(struct qnk_store *store, uint64_t place)
{
    const struct qn_storage_1 *slots = store->storage.table;

    assert_int_equal(slots->trim(store->storage.inst, 0, store->guard, place), QN_OK);
}

static void keep(struct qnk_store *store, struct qn_buf *records, bool trims)
{
    assert_non_null(records);
    assert_int_equal(trims ? qnk_store_guard_trim(store, 0, qnk_buf_span(records))
                           : qnk_store_guard(store, 0, qnk_buf_span(records)),
                     QN_OK);
    qnk_buf_unref(records);
}

static void a_sign_record_whose_beginning_is_gone_is_not_trusted(void **state)
{
    static const uint8_t content[] = {1, 2, 3};
    struct qn_span saved = {content, sizeof content};
    struct qnk_budget budget = {.limit = 1 << 26};
    struct qnk_plugged storage = qnk_fake_storage_make(&budget);
    struct qnk_guard *guard = qnk_guard_create(&budget);
    struct qnk_store store;

    (void)state;
    assert_int_equal(qnk_store_open(&store, &budget, storage, true), QN_OK);
    assert_guard(&store, 0, 0);
    keep(&store, qnk_guard_records(guard), true); /* as a node begins it: place 1 */
    keep(&store, qnk_guard_saved(guard, 1, saved), false);
    keep(&store, qnk_guard_saved(guard, 2, saved), false);
    assert_guard(&store, 3, 0);
    qnk_guard_forget(guard, 1, 8);
    keep(&store, qnk_guard_records(guard), true); /* a floor and what is left: 4 and 5 */
    keep(&store, qnk_guard_saved(guard, 3, saved), false);
    assert_guard(&store, 3, 0);
    guard_drop(&store, 5); /* the segment that began with the floor is gone */
    assert_guard(&store, 2, 1);
    keep(&store, qnk_guard_records(guard), true); /* `qnet key resume` begins anew */
    assert_guard(&store, 2, 0);
    qnk_guard_destroy(guard);
    qnk_fake_storage_give(storage);
    assert_int_equal(budget.used, 0);
}

/* --- whose a store is --- */

static struct qnk_store_owner owner_of(struct net *net)
{
    struct qnk_store_owner owner;

    assert_int_equal(qnk_store_owner(qnk_world_store(net->world, 0), 0, &owner), QN_OK);
    return owner;
}

/* With a rotten record, which is that value of the store whose rot is no damage. */
static struct qnk_store_owner owner_rotten(struct net *net)
{
    struct qnk_store *store = qnk_world_store(net->world, 0);
    struct qnk_store_owner owner;

    for (uint32_t i = 0;; i++) {
        qnk_fake_storage_flip(net->plugins[0].storage, store->meta, i, 0);
        if (qnk_store_owner(store, 0, &owner) == QN_OK && !owner.is_recorded) {
            return owner;
        }
        qnk_fake_storage_flip(net->plugins[0].storage, store->meta, i, 0);
    }
}

/* One of before there was a record of the network names it by its first block or macroblock, and so
 * does one whose record is rotten. */
static void a_store_says_of_which_network_it_is(void **state)
{
    struct net *net = net_make(1, 1, 23);
    struct qnk_hash ours, other = {{7}};
    struct qnk_store_owner owner;

    (void)state;
    memset(ours.bytes, 0xC1, QN_HASH_SIZE); /* of tests/sim/net.c */
    net_open(net);
    net_start(net, 0, 1);
    owner = owner_of(net);
    assert_true(owner.is_empty && !owner.is_known && !owner.is_recorded);
    while (!owner_of(net).is_known) {
        net_run_ms(net, 1);
    }
    assert_int_equal(look(net, 0).final_window, 0);
    owner = owner_of(net);
    assert_true(owner.is_known && !owner.is_recorded && !owner.is_empty);
    assert_memory_equal(&owner.chain_id, &ours, QN_HASH_SIZE);
    while (look(net, 0).final_window < 2) {
        net_run_ms(net, 100);
    }
    owner = owner_of(net);
    assert_true(owner.is_known && !owner.is_recorded && !owner.is_empty);
    assert_memory_equal(&owner.chain_id, &ours, QN_HASH_SIZE);
    assert_int_equal(qnk_store_own(qnk_world_store(net->world, 0), 0, &other), QN_OK);
    owner = owner_of(net);
    assert_true(owner.is_known && owner.is_recorded && !owner.is_empty);
    assert_memory_equal(&owner.chain_id, &other, QN_HASH_SIZE);
    owner = owner_rotten(net);
    assert_true(owner.is_known && !owner.is_empty);
    assert_memory_equal(&owner.chain_id, &ours, QN_HASH_SIZE);
    net_drop(net);
}

/* --- a ledger that computes something else --- */

static void a_node_with_another_ledger_stops_alone(void **state)
{
    struct net *net = net_make(4, 4, 23);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_fake_ledger_spoil(net->plugins[3].ledger);
    net_run_ms(net, 10000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(look(net, i).final_window >= 6);
    }
    assert_null(qnk_world_node(net->world, 3)); /* it knows that it is wrong */
    assert_int_equal(net->halts, 1);
    net_drop(net);
}

/* --- a ledger that has no memory of its own now and then --- */

static void a_ledger_without_memory_now_and_then_stops_nobody_for_good(void **state)
{
    (void)state;
    for (uint32_t every = 2; every < 6; every++) {
        struct net *net = net_make(4, 4, 90 + every);

        net_open(net);
        net_start(net, 0, 4);
        qnk_fake_ledger_starve(net->plugins[3].ledger, every);
        submit(net, 3, 1, 0, 40);
        net_run_ms(net, 12000);
        assert_true(qnk_fake_ledger_refused(net->plugins[3].ledger) > 5);
        qnk_fake_ledger_starve(net->plugins[3].ledger, 0);
        net_run_ms(net, 10000);
        assert_int_equal(qnk_world_status(net->world, 3), QN_OK);
        assert_all_final(net, 0, 4, 12);
        assert_int_equal(next_nonce(net, 3, 1), 40);
        net_drop(net);
    }
}

/* Each window is opened by the second try: blocks of it come later, and nothing halts. */
static void a_producer_without_memory_now_and_then_stops_nobody_for_good(void **state)
{
    struct net *net = net_make(4, 4, 97);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 4; i++) {
        qnk_fake_producer_starve(net->plugins[i].producer);
    }
    submit(net, 3, 1, 0, 40);
    net_run_ms(net, 20000);
    assert_int_equal(net->halts, 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(qnk_fake_producer_refused(net->plugins[i].producer) > 5);
    }
    assert_all_final(net, 0, 4, 10);
    assert_int_equal(next_nonce(net, 3, 1), 40);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_of_one_survives_a_power_cut_between_any_two_writes),
        cmocka_unit_test(one_of_four_survives_a_power_cut_between_any_two_writes),
        cmocka_unit_test(a_crash_at_any_moment_around_a_signature_costs_no_turn),
        cmocka_unit_test(after_damage_to_the_last_sign_record_only_its_operator_lets_it_sign),
        cmocka_unit_test(a_key_without_a_record_gets_none_by_following),
        cmocka_unit_test(restarts_undo_a_block_or_none),
        cmocka_unit_test(a_peer_that_only_claims_blocks_holds_nobody_up),
        cmocka_unit_test(no_wrong_wish_of_an_engine_is_signed),
        cmocka_unit_test(no_proposal_of_another_window_is_signed),
        cmocka_unit_test(wrong_engines_that_crash_are_guarded_by_the_log),
        cmocka_unit_test(one_wrong_engine_of_four_stops_nobody),
        cmocka_unit_test(an_empty_mempool_replaces_its_copy_too),
        cmocka_unit_test(a_sign_record_whose_beginning_is_gone_is_not_trusted),
        cmocka_unit_test(a_store_says_of_which_network_it_is),
        cmocka_unit_test(a_node_with_another_ledger_stops_alone),
        cmocka_unit_test(a_ledger_without_memory_now_and_then_stops_nobody_for_good),
        cmocka_unit_test(a_producer_without_memory_now_and_then_stops_nobody_for_good),
    };

    return promises_run(tests, sizeof tests / sizeof *tests);
}
