/* SPDX-License-Identifier: MIT */

/* Whole networks with the plugins that ship: what the pages promise of four validators. */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/tx.h"
#include "kernel/node/core.h"
#include "tests/sim/net.h"
#include "tests/sim/promises.h"

static void members_show_their_links_and_the_beacon_moves(void **state)
{
    struct net *net = net_make(4, 4, 16);
    const struct qnk_control *control;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 10000);
    control = qnk_node_control(qnk_world_node(net->world, 0));
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(control->members[i].share_window + 3 > look(net, 0).final_window);
        assert_false(qnk_hash_equal(&control->members[i].share, &net->tips[i]));
    }
    net_drop(net);
}

static void a_member_that_is_absent_loses_its_turns_until_it_rejoins(void **state)
{
    struct net *net = net_make(4, 4, 17);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    qnk_world_crash(net->world, 3);
    net_run_ms(net, 60000);
    assert_int_equal(qnk_node_control(qnk_world_node(net->world, 0))->members[3].excluded,
                     QNK_EXCLUDED_ABSENT);
    qnk_world_start(net->world, 3);
    net_run_ms(net, 40000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(qnk_node_control(qnk_world_node(net->world, i))->members[3].excluded, 0);
    }
    assert_true(qnk_node_counters(qnk_world_node(net->world, 3))->blocks_made > 10);
    assert_agreement(net);
    net_drop(net);
}

/* A vote of member 3 in the open window that its own node has not signed. */
static void say_vote(struct net *net, uint32_t to, int digest)
{
    uint8_t public[32], secret[64], message[QNK_VOTE_MESSAGE_SIZE], body[4 + QNK_VOTE_WIRE_SIZE];
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    uint32_t size = qnk_engine_record(&net->setup.params.bindings[QNK_BINDING_CONSENSUS], engine);
    struct qnk_vote vote = {
        .step = QNK_STEP_FINAL,
        .window = look(net, to).final_window + 1,
        .round = 3,
        .vr = -1,
        .member = 3,
    };

    vote.digest.bytes[0] = (uint8_t)digest;
    qnk_vote_binding(&net->set->hash, (struct qn_span){engine, size}, &vote.binding);
    qnk_vote_message(&vote, &net->setup.params.chain_id, message);
    crypto_sign_seed_keypair(public, secret, net->seeds[3]);
    crypto_sign_detached(vote.signature, NULL, message, sizeof message, secret);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    qnk_world_say(net->world, 1, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES,
                  (struct qn_span){body, sizeof body});
}

static void two_votes_of_one_member_are_evidence_on_the_chain(void **state)
{
    struct net *net = net_make(4, 4, 18);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 3); /* member 3 lies, its node is not even on */
    net_run_ms(net, 4000);
    say_vote(net, 0, 1);
    say_vote(net, 0, 2);
    window = look(net, 0).final_window;
    net_run_ms(net, 3000);
    for (uint32_t i = 0; i < 3; i++) {
        const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, i));

        assert_int_equal(control->evidence_count, 1);
        assert_true(control->evidence[0].window <= window + 3);
    }
    net_run_ms(net, 7000);
    assert_true(look(net, 0).final_window > window + 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, i));

        assert_true((control->members[3].excluded & QNK_EXCLUDED_OFFENCE) != 0);
    }
    assert_agreement(net);
    net_drop(net);
}

/* Each node's peers seem to say a mangled thing before every right one. */
static void mangled_messages_stop_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 30; seed < 33; seed++) {
        struct net *net = net_make(4, 5, seed);
        uint64_t faults = 0;

        net->setup.mangle_permille = 1000;
        net_open(net);
        net_start(net, 0, 5);
        for (uint32_t i = 0; i < 10; i++) {
            submit(net, i % 5, i, 0, 20);
            net_run_ms(net, 1500);
        }
        qnk_world_crash(net->world, 1);
        net_run_ms(net, 4000);
        qnk_world_start(net->world, 1);
        net_run_ms(net, 20000);
        for (uint32_t i = 0; i < 5; i++) {
            assert_true(look(net, i).final_window >= 6);
            for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
                faults += qnk_node_counters(qnk_world_node(net->world, i))->faults[fault];
            }
        }
        assert_true(faults > 100); /* they were noticed */
        assert_agreement(net);
        net_drop(net);
    }
}

static void large_bodies_travel_in_parts(void **state)
{
    struct net *net = net_make(4, 4, 24);
    uint32_t largest = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        submit(net, 0, sender, 0, 64);
    }
    net_run_ms(net, 8000);
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        assert_int_equal(next_nonce(net, 3, sender), 64);
    }
    for (uint64_t height = 1; height <= look(net, 3).final_height; height++) {
        struct qnk_micro header;
        uint64_t place;

        assert_int_equal(
            qnk_store_header(qnk_world_store(net->world, 3), 0, height, &header, &place), QN_OK);
        largest = header.body_size > largest ? header.body_size : largest;
    }
    assert_true(largest > QNK_WIRE_PART_SIZE);
    assert_agreement(net);
    net_drop(net);
}

/* Windows of 90 blocks, two seconds apart, with the limits of production. */
static void the_times_of_production_keep_their_promise(void **state)
{
    struct net *net;
    uint64_t ended_ms;

    (void)state;
    net_times(true);
    net = net_make(4, 4, 25);
    net->setup.params.window = 90;
    net->setup.params.interval_max_ms = 4000;
    net->setup.params.settle_ms = 10000;
    net->setup.params.settle_blocks = 3;
    net->setup.resend_ms = 2000;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 600000);
    assert_true(look(net, 0).final_window >= 3);
    ended_ms = look(net, 0).final_time_us / 1000 - 3 * 90 * 2000 - START_MS;
    assert_true(look(net, 0).final_window > 3 || ended_ms < 5000); /* all answer: at once */

    qnk_world_crash(net->world, 3);
    net_run_ms(net, 600000);
    assert_true(look(net, 0).final_window >= 5); /* one is silent: a few seconds more */
    assert_int_equal(look(net, 0).lag, 0);
    assert_agreement(net);
    net_drop(net);
    net_times(false);
}

/* Two nodes with the key of member 3, one on each side of a cut. */
static void twins_cannot_split_the_chain(void **state)
{
    struct net *net = net_make(4, 5, 26);
    static const uint8_t sides[] = {0, 0, 1, 0, 1};
    uint64_t window;

    (void)state;
    memcpy(net->seeds[4], net->seeds[3], sizeof net->seeds[4]);
    net->types[4] = QNK_NODE_SUPER;
    net_open(net);
    for (uint32_t a = 0; a < 5; a++) {
        for (uint32_t b = a + 1; b < 5; b++) {
            if (sides[a] != sides[b]) {
                qnk_world_link(net->world, a, b, false);
            }
        }
    }
    net_start(net, 0, 5);
    net_run_ms(net, 10000);
    window = look(net, 0).final_window;
    assert_true(window >= 3);
    assert_int_equal(look(net, 2).final_window, 0); /* two of four */
    for (uint32_t a = 0; a < 5; a++) {
        for (uint32_t b = a + 1; b < 5; b++) {
            qnk_world_link(net->world, a, b, true);
        }
    }
    net_run_ms(net, 20000);
    assert_true(look(net, 0).final_window > window + 3);
    for (uint32_t i = 1; i < 5; i++) {
        assert_true(look(net, i).final_window + 1 >= look(net, 0).final_window);
    }
    assert_agreement(net);
    net_drop(net);
}

static void a_key_that_signs_elsewhere_falls_silent_here(void **state)
{
    struct net *net = net_make(4, 4, 19);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 4000);
    assert_true(look(net, 3).is_signing);
    say_vote(net, 3, 1);
    net_run_ms(net, 1000);
    assert_false(look(net, 3).is_signing);
    net_run_ms(net, 9000);
    assert_true(look(net, 0).final_window > 5); /* the others go on */
    assert_agreement(net);
    net_drop(net);
}

static void halves_of_a_partition_wait_for_each_other(void **state)
{
    struct net *net = net_make(4, 4, 11);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2050);
    for (uint32_t i = 0; i < 2; i++) {
        qnk_world_link(net->world, i, 2, false);
        qnk_world_link(net->world, i, 3, false);
    }
    submit(net, 0, 1, 0, 20);
    submit(net, 2, 2, 0, 20);
    net_run_ms(net, 20000);
    window = look(net, 0).final_window;
    assert_agreement(net);
    for (uint32_t i = 0; i < 2; i++) {
        qnk_world_link(net->world, i, 2, true);
        qnk_world_link(net->world, i, 3, true);
    }
    net_run_ms(net, 20000);
    assert_all_final(net, 0, 4, window + 5);
    assert_int_equal(next_nonce(net, 0, 1), 20);
    assert_int_equal(next_nonce(net, 0, 2), 20); /* nothing was lost with a branch */
    net_drop(net);
}

/* --- those who watch --- */

struct seen {
    struct net *net;
    uint32_t started[NODES_MAX], stopped[NODES_MAX];
    uint64_t events, effects, steps, signatures;
    uint32_t mute; /* this node says nothing; NODES_MAX: none */
    uint32_t deaf; /* this node hears no frame */
    uint64_t called_us;
};

static void seen_started(void *ctx, uint32_t node)
{
    ((struct seen *)ctx)->started[node]++;
}

static void seen_stopped(void *ctx, uint32_t node)
{
    ((struct seen *)ctx)->stopped[node]++;
}

static bool seen_event(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct seen *seen = ctx;

    seen->events++;
    return node != seen->deaf || event->type != QNK_EVENT_FRAME;
}

static void seen_stepped(void *ctx, uint32_t node, const struct qnk_event *event,
                         const struct qnk_effects *effects)
{
    struct seen *seen = ctx;

    (void)node;
    seen->steps++;
    assert_true(event->now_us > 0 && effects->count <= effects->capacity);
}

static bool seen_effect(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct seen *seen = ctx;

    seen->effects++;
    if (node != seen->mute || effect->type != QNK_EFFECT_SEND) {
        return true;
    }
    qnk_buf_unref(effect->send.head);
    qnk_buf_unref(effect->send.body.owner);
    return false;
}

static void seen_signed(void *ctx, uint32_t node, struct qn_span message,
                        const uint8_t signature[64])
{
    struct seen *seen = ctx;
    uint8_t public[32], secret[64];

    crypto_sign_seed_keypair(public, secret, seen->net->seeds[node]);
    assert_int_equal(crypto_sign_verify_detached(signature, message.data, message.size, public), 0);
    seen->signatures++;
}

static struct qnk_watch watch_of(struct seen *seen)
{
    return (struct qnk_watch){seen,         seen_started, seen_stopped, seen_event,
                              seen_stepped, seen_effect,  seen_signed};
}

static void who_watches_sees_all_and_changes_nothing(void **state)
{
    struct qnk_hash traces[2];

    (void)state;
    for (uint32_t run = 0; run < 2; run++) {
        struct net *net = net_make(4, 4, 40);
        struct seen seen = {.net = net, .mute = NODES_MAX, .deaf = NODES_MAX};
        struct qnk_watch watch = watch_of(&seen);

        net_open(net);
        for (uint32_t i = 0; i < run; i++) {
            qnk_world_watch(net->world, &watch);
        }
        net_start(net, 0, 4);
        net_run_ms(net, 3000);
        qnk_world_crash(net->world, 2);
        net_run_ms(net, 1000);
        qnk_world_start(net->world, 2);
        net_run_ms(net, 1000);
        qnk_world_trace(net->world, &traces[run]);
        if (run == 1) {
            assert_int_equal(seen.started[2], 2);
            assert_int_equal(seen.stopped[2], 1);
            assert_int_equal(seen.started[1], 1);
            assert_int_equal(seen.stopped[1], 0);
            assert_int_equal(seen.steps, qnk_world_events(net->world));
            assert_int_equal(seen.events, seen.steps);
            assert_true(seen.effects > 100 && seen.signatures > 20);
        }
        net_drop(net);
    }
    assert_memory_equal(&traces[0], &traces[1], sizeof traces[0]);
}

static void who_watches_may_take_away_what_a_node_hears_and_says(void **state)
{
    struct net *net = net_make(4, 4, 41);
    struct seen seen = {.net = net, .mute = 1, .deaf = 2};
    struct qnk_watch watch = watch_of(&seen);

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 8000);
    assert_int_equal(look(net, 0).final_window, 0); /* two votes of four */
    assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 2))->votes_received, 0);
    seen.mute = NODES_MAX;
    net_run_ms(net, 8000);
    assert_true(look(net, 0).final_window > 0);
    net_drop(net);
}

/* --- calls, clocks, ways --- */

static void crash_and_note(void *ctx, struct qnk_world *world)
{
    struct seen *seen = ctx;

    seen->called_us = qnk_world_now(world);
    qnk_world_crash(world, 3);
}

static void a_call_comes_at_its_time_and_may_do_anything(void **state)
{
    struct net *net = net_make(4, 4, 42);
    struct seen seen = {.net = net};
    uint64_t at_us = (uint64_t)START_MS * 1000 + 1234567;

    (void)state;
    net_open(net);
    qnk_world_at(net->world, at_us, crash_and_note, &seen);
    net_start(net, 0, 4);
    net_run_ms(net, 1000);
    assert_non_null(qnk_world_node(net->world, 3));
    net_run_ms(net, 1000);
    assert_int_equal(seen.called_us, at_us);
    assert_null(qnk_world_node(net->world, 3));
    net_drop(net);
}

static void clocks_that_differ_a_little_stop_nobody(void **state)
{
    struct net *net = net_make(4, 4, 43);

    (void)state;
    net_open(net);
    qnk_world_clock(net->world, 0, 150000, 200);
    qnk_world_clock(net->world, 1, -150000, -200);
    net_start(net, 0, 4);
    net_run_ms(net, 20000);
    assert_true(look(net, 0).final_window > 5);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

static void who_s_clock_is_set_holds_until_it_is_steady(void **state)
{
    struct net *net = net_make(4, 4, 44);
    uint64_t made;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    qnk_world_clock(net->world, 3, 2000000, 0);
    net_run_ms(net, 100);
    made = qnk_node_counters(qnk_world_node(net->world, 3))->blocks_made;
    net_run_ms(net, 25000);
    assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 3))->blocks_made, made);
    qnk_world_clock(net->world, 3, 0, 0); /* set right; it goes slower until it is */
    net_run_ms(net, 120000);
    assert_true(qnk_node_counters(qnk_world_node(net->world, 3))->blocks_made > made);
    assert_agreement(net);
    net_drop(net);
}

static void a_way_that_is_cut_takes_the_link_down_after_a_while(void **state)
{
    struct net *net = net_make(4, 4, 45);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_world_cut_way(net->world, 3, 0, false);
    net_run_ms(net, 1000);
    assert_int_equal(look(net, 0).peers, 3);
    net_run_ms(net, 22000);
    assert_int_equal(look(net, 0).peers, 2);
    assert_int_equal(look(net, 3).peers, 2);
    qnk_world_cut_way(net->world, 3, 0, true);
    net_run_ms(net, 2000);
    assert_int_equal(look(net, 0).peers, 3);
    assert_all_final(net, 0, 4, 10);
    net_drop(net);
}

/* --- disks and links that fail --- */

static void a_full_disk_stops_its_node_alone_until_there_is_room(void **state)
{
    struct net *net = net_make(4, 4, 46);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_drive_room(qnk_world_drive(net->world, 3), 1000);
    net_run_ms(net, 5000);
    assert_null(qnk_world_node(net->world, 3));
    assert_int_equal(qnk_world_status(net->world, 3), QN_NO_SPACE);
    assert_non_null(strstr(qnk_world_why(net->world, 3), "cannot be stored"));
    assert_int_equal(look(net, 0).peers, 2);
    qnk_world_crash(net->world, 3);
    qnk_drive_room(qnk_world_drive(net->world, 3), UINT64_MAX);
    assert_true(qnk_world_start(net->world, 3));
    assert_int_equal(qnk_world_status(net->world, 3), QN_OK);
    net_run_ms(net, 15000);
    assert_all_final(net, 0, 4, 5);
    assert_true(look(net, 3).is_signing);
    net_drop(net);
}

/* --- memory that is short for a moment --- */

struct famine {
    struct qnk_world *world;
    size_t left;  /* bytes that there are when a window's end comes from the ledger */
    size_t limit; /* of before; 0: there is none now */
    uint32_t times;
    bool is_over;
};

static struct qnk_budget *budget_of(struct qnk_world *world, uint32_t node)
{
    return &qnk_world_node(world, node)->budget;
}

/* Each second end of a window of node 3 comes when nothing, or next to it, is left. */
static bool famine_begin(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct famine *famine = ctx;

    if (node == 3 && event->type == QNK_EVENT_JOB && event->job->kind == QNK_JOB_END &&
        famine->times++ % 2 == 0) {
        struct qnk_budget *budget = budget_of(famine->world, node);

        famine->limit = budget->limit;
        budget->limit = budget->used + famine->left;
    }
    return true;
}

static void famine_end(void *ctx, uint32_t node, const struct qnk_event *event,
                       const struct qnk_effects *effects)
{
    struct famine *famine = ctx;

    (void)event;
    (void)effects;
    if (node == 3 && famine->limit != 0) {
        budget_of(famine->world, node)->limit = famine->limit;
        famine->limit = 0;
    }
}

static void a_window_s_end_that_memory_lacks_for_loses_no_page(void **state)
{
    static const size_t left[] = {0, sizeof(struct qnk_window_end)};

    (void)state;
    for (uint32_t i = 0; i < sizeof left / sizeof *left; i++) {
        struct net *net = net_make(4, 4, 70 + i);
        struct famine famine = {.left = left[i]};
        const struct qnk_watch watch = {
            .ctx = &famine,
            .event = famine_begin,
            .stepped = famine_end,
        };

        net_open(net);
        famine.world = net->world;
        qnk_world_watch(net->world, &watch);
        net_start(net, 0, 4);
        submit(net, 3, 1, 0, 40);
        net_run_ms(net, 8000);
        assert_true(famine.times > 10);
        qnk_world_crash(net->world, 3);
        assert_true(qnk_world_start(net->world, 3));
        assert_int_equal(qnk_world_status(net->world, 3), QN_OK);
        net_run_ms(net, 3000);
        assert_all_final(net, 0, 4, 5);
        assert_int_equal(next_nonce(net, 3, 1), 40);
        net_drop(net);
    }
}

/* Now and then node 3 has nothing, or not much, left for a step. */
static bool want_begin(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct famine *famine = ctx;

    (void)event;
    if (node == 3 && !famine->is_over && famine->times++ % 7 == 0) {
        struct qnk_budget *budget = budget_of(famine->world, node);

        famine->limit = budget->limit;
        budget->limit = budget->used + (size_t)famine->times * 997 % 20000 * (famine->times & 1);
    }
    return true;
}

static void memory_that_is_short_now_and_then_stops_nobody_for_good(void **state)
{
    (void)state;
    for (uint32_t seed = 70; seed < 74; seed++) {
        struct net *net = net_make(4, 4, seed);
        struct famine famine = {.times = seed};
        const struct qnk_watch watch = {
            .ctx = &famine,
            .event = want_begin,
            .stepped = famine_end,
        };

        net_open(net);
        net_start(net, 0, 4);
        famine.world = net->world;
        qnk_world_watch(net->world, &watch);
        net_run_ms(net, 8000);
        famine.is_over = true;
        net_run_ms(net, 8000);
        assert_int_equal(qnk_world_status(net->world, 3), QN_OK);
        assert_all_final(net, 0, 4, 15);
        net_drop(net);
    }
}

/* Every third job of one kind of node 3's ledger has less than `most` bytes left while it runs. */
struct scarce {
    struct famine famine;
    uint32_t kind;
    size_t most;
    uint32_t fails; /* for want of memory */
};

static bool scarce_event(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct scarce *scarce = ctx;

    famine_end(&scarce->famine, 3, event, NULL);
    if (node == 3 && event->type == QNK_EVENT_JOB && event->job->kind == scarce->kind) {
        scarce->fails += event->job->status == QN_NO_SPACE;
    }
    return true;
}

static bool scarce_effect(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct scarce *scarce = ctx;
    struct famine *famine = &scarce->famine;

    famine_end(famine, 3, NULL, NULL);
    if (node == 3 && !famine->is_over && effect->type == QNK_EFFECT_JOB &&
        effect->job->kind == scarce->kind && famine->times++ % 3 == 0) {
        struct qnk_budget *budget = budget_of(famine->world, node);

        famine->limit = budget->limit;
        budget->limit = budget->used + (size_t)famine->times * 997 % scarce->most;
    }
    return true;
}

static void a_ledger_that_is_short_of_memory_goes_on_where_it_was(void **state)
{
    static const struct {
        uint32_t kind;
        size_t most;
    } cases[] = {{QNK_JOB_APPLY, 600}, {QNK_JOB_BUILD, 700}, {QNK_JOB_END, 14000}};

    (void)state;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net *net = net_make(4, 4, 74 + i);
        struct scarce scarce = {.kind = cases[i].kind, .most = cases[i].most};
        const struct qnk_watch watch = {
            .ctx = &scarce,
            .event = scarce_event,
            .effect = scarce_effect,
        };

        net_open(net);
        scarce.famine.world = net->world;
        qnk_world_watch(net->world, &watch);
        net_start(net, 0, 4);
        submit(net, 3, 1, 0, 40);
        net_run_ms(net, 15000);
        scarce.famine.is_over = true;
        net_run_ms(net, 10000);
        assert_true(scarce.fails > 5);
        assert_all_final(net, 0, 4, 15);
        qnk_world_crash(net->world, 3);
        assert_true(qnk_world_start(net->world, 3));
        assert_int_equal(qnk_world_status(net->world, 3), QN_OK); /* its pages are all there */
        net_run_ms(net, 3000);
        assert_all_final(net, 0, 4, 17);
        assert_int_equal(next_nonce(net, 3, 1), 40);
        net_drop(net);
    }
}

/* Whatever rots: the node notices and takes it from its peers, or does not start until its folder
 * is emptied. True: it did not start. */
static bool rot_and_start(struct net *net, const char *space)
{
    bool is_refused;

    qnk_world_crash(net->world, 4);
    assert_true(qnk_drive_rot(qnk_world_drive(net->world, 4), space, 16));
    is_refused = !qnk_world_start(net->world, 4) || qnk_world_node(net->world, 4) == NULL;
    if (is_refused) {
        assert_true(qnk_world_status(net->world, 4) == QN_CORRUPT || net->halts == 1);
        net->halts = 0;
        qnk_world_crash(net->world, 4);
        qnk_world_wipe(net->world, 4);
        assert_true(qnk_world_start(net->world, 4));
    }
    return is_refused;
}

static void what_rots_is_noticed_or_not_needed(void **state)
{
    static const char *const spaces[] = {"log",  "mempool", "page",  "micro",
                                         "meta", "meta",    "macro", "meta"};
    uint32_t refused = 0;

    (void)state;
    for (uint32_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        struct net *net = net_make(4, 5, 60 + i);

        net_open(net);
        net_start(net, 0, 5);
        submit(net, 4, 1, 0, 20);
        net_run_ms(net, 5000);
        refused += rot_and_start(net, spaces[i]);
        net_run_ms(net, 5000);
        assert_all_final(net, 0, 5, 8);
        assert_int_equal(next_nonce(net, 4, 1), 20);
        net_drop(net);
    }
    assert_true(refused >= 3);
}

static void a_wiped_disk_is_filled_from_peers(void **state)
{
    struct net *net = net_make(4, 5, 47);

    (void)state;
    net_open(net);
    net_start(net, 0, 5);
    net_run_ms(net, 8000);
    qnk_world_crash(net->world, 4);
    qnk_world_wipe(net->world, 4);
    assert_true(qnk_world_start(net->world, 4));
    assert_int_equal(look(net, 4).final_window, 0);
    net_run_ms(net, 8000);
    assert_all_final(net, 0, 5, 8);
    net_drop(net);
}

static void frames_that_come_twice_and_in_another_order_stop_nobody(void **state)
{
    static const struct qnk_link_faults faults = {
        .duplicate_permille = 200,
        .reorder_permille = 200,
        .reorder_us = 200000,
        .spike_permille = 5,
        .spike_us = 300000,
    };

    (void)state;
    for (uint64_t seed = 50; seed < 53; seed++) {
        struct net *net = net_make(4, 5, seed);

        net->setup.order = seed; /* and of equal times, whichever comes */
        net_open(net);
        qnk_world_faults(net->world, &faults);
        net_start(net, 0, 5);
        for (uint32_t i = 0; i < 10; i++) {
            submit(net, i % 5, i, 0, 20);
            net_run_ms(net, 2000);
        }
        qnk_world_faults(net->world, &(struct qnk_link_faults){0});
        net_run_ms(net, 10000);
        assert_all_final(net, 0, 5, 8);
        for (uint32_t i = 0; i < 10; i++) {
            assert_int_equal(next_nonce(net, i % 5, i), 20);
        }
        net_drop(net);
    }
}

static void far_regions_and_thin_lines_carry_a_network(void **state)
{
    static const uint8_t regions[NODES_MAX] = {QNK_REGION_EUC1, QNK_REGION_USE1, QNK_REGION_APNE1,
                                               QNK_REGION_SAE1};
    static const struct qnk_bandwidth thin[NODES_MAX] = {
        {20000000, 5000000}, {20000000, 5000000}, {20000000, 5000000}, {20000000, 5000000}};
    struct net *net = net_make(4, 4, 48);

    (void)state;
    net->setup.regions = regions;
    net->setup.bandwidths = thin;
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t sender = 0; sender < 20; sender++) {
        submit(net, 0, sender, 0, 64);
    }
    net_run_ms(net, 60000);
    for (uint32_t sender = 0; sender < 20; sender++) {
        assert_int_equal(next_nonce(net, 3, sender), 64);
    }
    assert_true(qnk_world_sent(net->world, 0) > 20 * 64 * QNK_TX_TRANSFER_SIZE);
    assert_all_final(net, 0, 4, 3);
    net_drop(net);
}

static void a_slow_machine_is_not_lost(void **state)
{
    struct net *net = net_make(4, 4, 49);

    (void)state;
    net_open(net);
    qnk_world_slow(net->world, 2, 10000, 5000);
    net_start(net, 0, 4);
    net_run_ms(net, 20000);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_show_their_links_and_the_beacon_moves),
        cmocka_unit_test(a_member_that_is_absent_loses_its_turns_until_it_rejoins),
        cmocka_unit_test(two_votes_of_one_member_are_evidence_on_the_chain),
        cmocka_unit_test(mangled_messages_stop_nobody),
        cmocka_unit_test(large_bodies_travel_in_parts),
        cmocka_unit_test(the_times_of_production_keep_their_promise),
        cmocka_unit_test(twins_cannot_split_the_chain),
        cmocka_unit_test(a_key_that_signs_elsewhere_falls_silent_here),
        cmocka_unit_test(halves_of_a_partition_wait_for_each_other),
        cmocka_unit_test(who_watches_sees_all_and_changes_nothing),
        cmocka_unit_test(who_watches_may_take_away_what_a_node_hears_and_says),
        cmocka_unit_test(a_call_comes_at_its_time_and_may_do_anything),
        cmocka_unit_test(clocks_that_differ_a_little_stop_nobody),
        cmocka_unit_test(who_s_clock_is_set_holds_until_it_is_steady),
        cmocka_unit_test(a_way_that_is_cut_takes_the_link_down_after_a_while),
        cmocka_unit_test(a_full_disk_stops_its_node_alone_until_there_is_room),
        cmocka_unit_test(a_window_s_end_that_memory_lacks_for_loses_no_page),
        cmocka_unit_test(memory_that_is_short_now_and_then_stops_nobody_for_good),
        cmocka_unit_test(a_ledger_that_is_short_of_memory_goes_on_where_it_was),
        cmocka_unit_test(what_rots_is_noticed_or_not_needed),
        cmocka_unit_test(a_wiped_disk_is_filled_from_peers),
        cmocka_unit_test(frames_that_come_twice_and_in_another_order_stop_nobody),
        cmocka_unit_test(far_regions_and_thin_lines_carry_a_network),
        cmocka_unit_test(a_slow_machine_is_not_lost),
    };

    return promises_run(tests, sizeof tests / sizeof *tests);
}
