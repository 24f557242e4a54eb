/* SPDX-License-Identifier: MIT */

/* Each oracle fires on what it is for, made up or planted in a world, and none on honest nodes that
 * suffer. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/random.h"
#include "kernel/base/sink.h"
#include "kernel/chain/wire.h"
#include "kernel/node/transition.h"
#include "kernel/sim/liar.h"
#include "kernel/sim/oracle_own.h"
#include "tests/sim/cast.h"

enum { OWN = NODES_MAX - 1 }; /* the place of the oracle's own plugins in a net */

/* A net and the oracle that looks at it. */
struct seen {
    struct net *net;
    struct qnk_world_plugins own;
    struct qnk_oracle *oracle;
    struct qnk_watch watch;
};

static void assert_whole(const struct seen *seen)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(seen->oracle);

    if (broken != NULL) {
        fprintf(stderr, "# %s at %.3f s, node %d: %s\n", qnk_oracle_name(broken->id),
                (double)broken->at_us / 1e6, (int)broken->node, broken->words);
    }
    assert_null(broken);
}

/* This one broke, and what broke first has words and was looked at. */
static void assert_broken(const struct seen *seen, uint32_t id)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(seen->oracle);

    if (qnk_oracle_broken_times(seen->oracle, id) == 0 && broken != NULL) {
        assert_whole(seen); /* which says what broke instead */
    }
    assert_non_null(broken);
    assert_true(qnk_oracle_broken_times(seen->oracle, id) > 0);
    assert_true(strlen(broken->words) > 0);
}

/* With its own plugins, in a world that `before` sees first. */
static struct seen seen_among(struct net *net, const bool *liars, const struct qnk_watch *before,
                              struct qnk_oracle_setup setup)
{
    struct seen seen = {.net = net};

    net_open(net);
    assert_true(net->setup.nodes <= OWN);
    assert_true(cast_make(net, OWN, true, &seen.own));
    if (before != NULL) {
        qnk_world_watch(net->world, before);
    }
    setup.world = net->world;
    setup.network = setup.network == NULL ? &net->setup : setup.network;
    setup.liars = liars;
    setup.ledger = setup.ledger.table == NULL ? seen.own.ledger : setup.ledger;
    setup.ledger.inst = seen.own.ledger.inst;
    setup.producer = seen.own.producer;
    setup.query_totals = 2;
    setup.query_accounts = 3;
    seen.oracle = qnk_oracle_create(&net->budget, &setup);
    assert_non_null(seen.oracle);
    qnk_oracle_watch(seen.oracle, &seen.watch);
    return seen;
}

static struct seen seen_open(struct net *net, const bool *liars)
{
    return seen_among(net, liars, NULL, (struct qnk_oracle_setup){0});
}

/* Without a world or plugins: it sees what it is told. */
static struct seen seen_told(struct net *net, const bool *liars)
{
    struct seen seen = {.net = net};
    struct qnk_oracle_setup setup = {.network = &net->setup, .liars = liars};

    seen.oracle = qnk_oracle_create(&net->budget, &setup);
    assert_non_null(seen.oracle);
    qnk_oracle_watch(seen.oracle, &seen.watch);
    return seen;
}

static void seen_drop(struct seen *seen)
{
    qnk_oracle_destroy(seen->oracle);
    if (seen->own.ledger.table != NULL) {
        cast_give(seen->net, OWN, true, &seen->own);
    }
    net_drop(seen->net);
}

/* --- honest runs --- */

static void an_honest_network_breaks_nothing_and_everything_is_looked_at(void **state)
{
    struct seen seen = seen_open(net_make(4, 6, 1), NULL);
    struct qnk_oracle_figures figures;

    (void)state;
    net_start(seen.net, 0, 5);
    submit(seen.net, 0, 1, 0, 30);
    net_run_ms(seen.net, 3000);
    qnk_world_crash(seen.net->world, 2);
    submit(seen.net, 1, 2, 0, 30);
    net_run_ms(seen.net, 1000);
    qnk_world_start(seen.net->world, 2);
    qnk_world_start(seen.net->world, 5);
    qnk_oracle_healed(seen.oracle, NULL);
    net_run_ms(seen.net, 5000);
    assert_true(qnk_oracle_final_within(seen.oracle, 2));
    assert_true(qnk_oracle_producing(seen.oracle));
    assert_true(qnk_oracle_accounted(seen.oracle));
    assert_true(qnk_oracle_evidenced(seen.oracle));
    assert_true(qnk_oracle_stored(seen.oracle));
    assert_whole(&seen);
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        if (qnk_oracle_checked(seen.oracle, id) == 0) {
            fprintf(stderr, "# %s was never looked at\n", qnk_oracle_name(id));
        }
        assert_true(qnk_oracle_checked(seen.oracle, id) > 0);
    }
    qnk_oracle_figures(seen.oracle, &figures);
    assert_true(figures.windows >= 5);
    assert_int_equal(figures.blocks, figures.windows * WINDOW);
    assert_int_equal(figures.accepted, 60);
    assert_int_equal(figures.accepted_final, 60);
    assert_true(figures.healed_us > 0);
    seen_drop(&seen);
}

/* --- honest nodes that suffer --- */

struct suffering {
    struct seen seen;
    struct qnk_random random;
    bool is_on[NODES_MAX];
    uint64_t sent[SENDERS];
};

static uint32_t by_lot(struct suffering *run, uint32_t below)
{
    return (uint32_t)qnk_random_below(&run->random, below);
}

static void toggle(struct suffering *run, uint32_t node)
{
    if (run->is_on[node]) {
        qnk_world_crash(run->seen.net->world, node);
    } else {
        qnk_world_start(run->seen.net->world, node);
    }
    run->is_on[node] = !run->is_on[node];
}

/* Links between the nodes of `side` and the others. */
static void links(struct suffering *run, uint32_t side, bool are_up)
{
    uint32_t nodes = run->seen.net->setup.nodes;

    for (uint32_t a = 0; a < nodes; a++) {
        for (uint32_t b = a + 1; b < nodes; b++) {
            if (are_up || (side >> a & 1) != (side >> b & 1)) {
                qnk_world_link(run->seen.net->world, a, b, are_up);
            }
        }
    }
}

static void act(struct suffering *run)
{
    uint32_t nodes = run->seen.net->setup.nodes;
    uint32_t node = by_lot(run, nodes);
    uint32_t sender = by_lot(run, SENDERS);

    switch (by_lot(run, 8)) {
    case 0:
    case 1:
        toggle(run, node);
        break;
    case 2:
        links(run, by_lot(run, 1u << nodes), false);
        break;
    case 3:
    case 4:
        links(run, 0, true);
        break;
    default:
        if (run->is_on[node]) {
            submit(run->seen.net, node, sender, run->sent[sender], run->sent[sender] + 5);
            run->sent[sender] += 5;
        }
        break;
    }
    net_run_ms(run->seen.net, 20 + by_lot(run, 600));
}

/* All links and nodes are well from now on. */
static void heal(struct suffering *run)
{
    const struct qnk_link_faults none = {0};

    links(run, 0, true);
    qnk_world_faults(run->seen.net->world, &none);
    for (uint32_t i = 0; i < run->seen.net->setup.nodes; i++) {
        if (!run->is_on[i]) {
            toggle(run, i);
        }
    }
    qnk_oracle_healed(run->seen.oracle, NULL);
}

static void look_at_all(const struct suffering *run, uint64_t seed)
{
    struct qnk_oracle *oracle = run->seen.oracle;

    (void)qnk_oracle_final_within(oracle, 3);
    (void)qnk_oracle_producing(oracle);
    (void)qnk_oracle_accounted(oracle);
    (void)qnk_oracle_evidenced(oracle);
    (void)qnk_oracle_stored(oracle);
    if (qnk_oracle_broken(oracle) != NULL) {
        fprintf(stderr, "# seed %llu\n", (unsigned long long)seed);
    }
    assert_whole(&run->seen);
}

/* From 1 to `count`, or QNET_SEED alone. */
static void seeds(uint64_t count, uint64_t *first, uint64_t *last)
{
    const char *only = getenv("QNET_SEED");

    *first = only == NULL ? 1 : strtoull(only, NULL, 10);
    *last = only == NULL ? count : *first;
}

static void suffer(uint64_t seed)
{
    uint32_t validators = seed % 2 == 0 ? 4 : 6;
    struct suffering run = {0};
    struct net *net = net_make(validators, validators, seed);

    qnk_random_init(&run.random, seed);
    net->setup.jitter_us = seed % 5 == 0 ? 20000 : 2000;
    net->setup.maps_us = seed % 3 == 1 ? 2000000 : 20000;
    net->setup.loss_permille = seed % 4 == 0 ? 10 : 0;
    run.seen = seen_open(net, NULL);
    for (uint32_t i = 0; i < validators; i++) {
        toggle(&run, i);
    }
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 40; i++) {
        act(&run);
    }
    heal(&run);
    net_run_ms(net, 20000);
    look_at_all(&run, seed);
    seen_drop(&run.seen);
}

static void honest_nodes_that_suffer_break_nothing(void **state)
{
    uint64_t first, last;

    (void)state;
    seeds(10, &first, &last);
    for (uint64_t seed = first; seed <= last; seed++) {
        suffer(seed);
    }
}

/* --- among liars --- */

/* As many lie as may, or are twins, while the others are crashed and cut off; then all is well. */
static struct qnk_oracle_figures suffer_liars(uint64_t seed, uint32_t lies)
{
    struct qnk_oracle_figures figures;
    uint32_t validators = seed % 2 == 0 ? 4 : 6;
    bool has_twin = lies == 1u << QNK_LIE_TWIN;
    uint32_t liar = validators - 1;
    bool are_liars[NODES_MAX] = {false};
    struct suffering run = {0};
    struct net *net = net_make(validators, validators + has_twin, seed);
    struct qnk_secret *secrets = calloc(NODES_MAX, sizeof *secrets);
    struct qnk_liars *liars;

    assert_non_null(secrets);
    are_liars[liar] = true;
    qnk_random_init(&run.random, seed);
    if (has_twin) {
        memcpy(secrets, net->setup.secrets, NODES_MAX * sizeof *secrets);
        memcpy(net->seeds[validators], net->seeds[liar], sizeof net->seeds[liar]);
        secrets[validators] = secrets[liar];
        net->types[validators] = QNK_NODE_SUPER;
        net->setup.secrets = secrets;
    }
    run.seen = seen_open(net, has_twin ? NULL : are_liars);
    liars = qnk_liars_create(&net->budget, net->world, &net->setup);
    assert_non_null(liars);
    for (uint32_t i = liar; i < net->setup.nodes; i++) {
        qnk_liars_add(liars, i, lies);
    }
    for (uint32_t i = 0; i < net->setup.nodes; i++) {
        toggle(&run, i);
    }
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 30; i++) {
        act(&run);
    }
    heal(&run);
    qnk_liars_stop(liars, seed % 3 == 0);
    net_run_ms(net, 20000);
    look_at_all(&run, seed);
    qnk_oracle_figures(run.seen.oracle, &figures);
    free(secrets);
    qnk_oracle_destroy(run.seen.oracle);
    run.seen.oracle = NULL;
    qnk_world_destroy(net->world);
    net->world = NULL;
    qnk_liars_destroy(liars);
    seen_drop(&run.seen);
    return figures;
}

/* None may break, and what they said was seen and proven. */
static void suffer_all_liars(uint32_t lies)
{
    uint64_t first, last, proven = 0, due = 0;

    seeds(4, &first, &last);
    for (uint64_t seed = first; seed <= last; seed++) {
        struct qnk_oracle_figures figures = suffer_liars(seed, lies);

        proven += figures.evidence_final;
        due += figures.seen;
    }
    assert_true(first == last || (proven > 0 && due > 0));
}

static void liars_break_nothing(void **state)
{
    (void)state;
    suffer_all_liars(QNK_LIES_ALL & ~(1u << QNK_LIE_TWIN));
}

static void twins_break_nothing(void **state)
{
    (void)state;
    suffer_all_liars(1u << QNK_LIE_TWIN);
}

/* --- made-up signatures --- */

/* What a member is made to sign: window 1, era 0. */
struct said {
    uint32_t node, round, step;
    int32_t vr;
    uint8_t digest; /* all bytes of it; 0: nil */
    uint64_t window;
};

static struct qnk_vote vote_of(const struct net *net, struct said said)
{
    const struct qnk_binding *engine = &net->setup.params.bindings[QNK_BINDING_CONSENSUS];
    uint8_t record[QNK_ENGINE_RECORD_MAX];
    struct qn_span engine_record = {record, qnk_engine_record(engine, record)};
    struct qnk_vote vote = {
        .step = (uint16_t)said.step,
        .window = said.window == 0 ? 1 : said.window,
        .round = said.round,
        .vr = said.vr,
        .member = said.node,
    };

    memset(vote.digest.bytes, said.digest, QN_HASH_SIZE);
    qnk_vote_binding(&net->set->hash, engine_record, &vote.binding);
    return vote;
}

static void vote_sign(const struct seen *seen, const struct qnk_vote *vote, uint32_t node)
{
    static const uint8_t signature[QN_SIG_SIZE];
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    qnk_vote_message(vote, &seen->net->setup.params.chain_id, message);
    seen->watch.signed_(seen->watch.ctx, node, (struct qn_span){message, sizeof message},
                        signature);
}

static void say(const struct seen *seen, struct said said)
{
    struct qnk_vote vote = vote_of(seen->net, said);

    vote_sign(seen, &vote, said.node);
}

static void header_sign(const struct seen *seen, uint32_t node, uint64_t height, uint8_t parent,
                        uint64_t time_ms)
{
    static const uint8_t signature[QN_SIG_SIZE];
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_micro header = {
        .version = QNK_MICRO_VERSION,
        .producer = node,
        .height = height,
        .time_ms = time_ms,
    };

    memset(header.parent.bytes, parent, QN_HASH_SIZE);
    qnk_micro_message(&header, &seen->net->setup.params.chain_id, message);
    seen->watch.signed_(seen->watch.ctx, node, (struct qn_span){message, sizeof message},
                        signature);
}

/* What each case of votes breaks; QNK_ORACLES: nothing. */
struct votes_case {
    const char *name;
    uint32_t breaks;
    struct said said[12];
};

enum { P = QNK_STEP_PREPARE, F = QNK_STEP_FINAL, C = QNK_STEP_COMMIT };

static const struct votes_case votes_cases[] = {
    {"a window as it should be",
     QNK_ORACLES,
     {{0, 0, P, -1, 7, 0},
      {1, 0, P, -1, 7, 0},
      {2, 0, P, -1, 7, 0},
      {0, 0, F, -1, 7, 0},
      {1, 0, F, -1, 7, 0},
      {0, 0, F, -1, 7, 0},
      {2, 0, F, -1, 7, 0}}},
    {"a lock that a later certificate opens",
     QNK_ORACLES,
     {{0, 0, P, -1, 7, 0},
      {1, 0, P, -1, 7, 0},
      {2, 0, P, -1, 8, 0},
      {0, 0, F, -1, 7, 0},
      {1, 0, F, -1, 0, 0},
      {2, 0, F, -1, 0, 0},
      {1, 1, P, -1, 8, 0},
      {2, 1, P, -1, 8, 0},
      {0, 2, P, 1, 8, 0}}},
    {"what a liar signs twice", QNK_ORACLES, {{3, 0, P, -1, 7, 0}, {3, 0, P, -1, 8, 0}}},
    {"two votes for one duty", QNK_ORACLE_S5, {{0, 0, P, -1, 7, 0}, {0, 0, P, -1, 8, 0}}},
    {"the same with another vr", QNK_ORACLE_S5, {{0, 1, P, -1, 0, 0}, {0, 1, P, 0, 0, 0}}},
    {"a round that goes back", QNK_ORACLE_S5, {{0, 1, P, -1, 7, 0}, {0, 0, P, -1, 7, 0}}},
    {"a window that goes back", QNK_ORACLE_S5, {{0, 0, P, -1, 7, 2}, {0, 0, P, -1, 7, 1}}},
    {"a seal on nothing", QNK_ORACLE_S1P, {{0, 0, P, -1, 7, 0}, {0, 0, F, -1, 7, 0}}},
    {"a seal of another round's certificate",
     QNK_ORACLE_S1P,
     {{0, 0, P, -1, 7, 0}, {1, 0, P, -1, 7, 0}, {0, 1, F, -1, 7, 0}}},
    {"prepares of two vr that are added up",
     QNK_ORACLE_S1P,
     {{0, 0, P, -1, 7, 0},
      {1, 0, P, -1, 7, 0},
      {0, 1, P, -1, 7, 0},
      {1, 1, P, 0, 7, 0},
      {0, 1, F, -1, 7, 0}}},
    {"a vr without its certificate", QNK_ORACLE_S1P, {{0, 1, P, 0, 7, 0}}},
    {"a vr that is not below its round",
     QNK_ORACLE_S1P,
     {{0, 0, P, -1, 7, 0}, {1, 0, P, -1, 7, 0}, {0, 0, P, 0, 7, 2}}},
    {"two prepare certificates of a round",
     QNK_ORACLE_S1L,
     {{0, 0, P, -1, 7, 0}, {1, 0, P, -1, 7, 0}, {1, 0, P, -1, 8, 0}, {2, 0, P, -1, 8, 0}}},
    {"a lock that is forgotten",
     QNK_ORACLE_S6,
     {{0, 0, P, -1, 7, 0}, {1, 0, P, -1, 7, 0}, {0, 0, F, -1, 7, 0}, {0, 1, P, -1, 8, 0}}},
    {"a prepare certificate above a final one",
     QNK_ORACLE_S1L,
     {{0, 0, P, -1, 7, 0},
      {1, 0, P, -1, 7, 0},
      {0, 0, F, -1, 7, 0},
      {1, 0, F, -1, 7, 0},
      {1, 1, P, -1, 8, 0},
      {2, 1, P, -1, 8, 0}}},
    {"two final certificates",
     QNK_ORACLE_S1,
     {{0, 0, P, -1, 7, 0},
      {1, 0, P, -1, 7, 0},
      {0, 0, F, -1, 7, 0},
      {1, 0, F, -1, 7, 0},
      {1, 1, P, -1, 8, 0},
      {2, 1, P, -1, 8, 0},
      {1, 1, F, -1, 8, 0},
      {2, 1, F, -1, 8, 0}}},
    {"a reveal that is not of its commit",
     QNK_ORACLE_S6,
     {{0, 0, C, -1, 9, 0}, {0, 0, P, -1, 7, 0}}},
};

/* Three honest and one liar. */
static void votes_break_what_they_should(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};

    (void)state;
    for (uint32_t i = 0; i < sizeof votes_cases / sizeof *votes_cases; i++) {
        const struct votes_case *at = &votes_cases[i];
        struct seen seen = seen_told(net_make(4, 4, 1), liars);

        for (uint32_t j = 0; j < 12 && (j == 0 || at->said[j].vr != 0 || at->said[j].step != 0);
             j++) {
            say(&seen, at->said[j]);
        }
        if (at->breaks == QNK_ORACLES) {
            assert_whole(&seen);
        } else {
            assert_broken(&seen, at->breaks);
        }
        seen_drop(&seen);
    }
}

static void an_engine_without_prepares_is_held_to_its_seals(void **state)
{
    static const bool liars[NODES_MAX] = {[2] = true, [3] = true};
    struct net *net = net_make(4, 4, 1);
    struct qnk_binding *engine = &net->setup.params.bindings[QNK_BINDING_CONSENSUS];
    struct seen seen;

    (void)state;
    engine->steps_count = 1;
    engine->steps[0] = QNK_STEP_FINAL;
    seen = seen_told(net, liars);
    say(&seen, (struct said){0, 0, F, -1, 7, 0});
    assert_whole(&seen);
    say(&seen, (struct said){1, 0, F, -1, 8, 0});
    assert_broken(&seen, QNK_ORACLE_S1);
    seen_drop(&seen);
}

static void twins_are_liars(void **state)
{
    struct net *net = net_make(4, 5, 1);
    struct seen seen;

    (void)state;
    memcpy(net->seeds[4], net->seeds[3], sizeof net->seeds[4]);
    net->types[4] = QNK_NODE_SUPER;
    seen = seen_told(net, NULL);
    say(&seen, (struct said){3, 0, P, -1, 7, 0});
    say(&seen, (struct said){4, 0, P, -1, 8, 0});
    assert_whole(&seen);

    /* And their weight counts for anything: two honest votes are enough for a certificate. */
    say(&seen, (struct said){0, 0, P, -1, 7, 0});
    say(&seen, (struct said){1, 0, P, -1, 7, 0});
    say(&seen, (struct said){0, 0, F, -1, 7, 0});
    assert_whole(&seen);
    seen_drop(&seen);
}

static void a_vote_under_another_binding_breaks_s5(void **state)
{
    struct seen seen = seen_told(net_make(4, 4, 1), NULL);
    struct qnk_vote vote = vote_of(seen.net, (struct said){0, 0, P, -1, 7, 0});

    (void)state;
    vote.binding.bytes[0] ^= 1;
    vote_sign(&seen, &vote, 0);
    assert_broken(&seen, QNK_ORACLE_S5);
    seen_drop(&seen);
}

static void a_signature_for_another_chain_breaks_s5(void **state)
{
    struct seen seen = seen_told(net_make(4, 4, 1), NULL);

    (void)state;
    seen.net->setup.params.chain_id.bytes[0] ^= 1;
    say(&seen, (struct said){0, 0, P, -1, 7, 0});
    assert_broken(&seen, QNK_ORACLE_S5);
    seen_drop(&seen);
}

static void a_second_block_on_one_parent_breaks_s5(void **state)
{
    struct seen seen = seen_told(net_make(4, 4, 1), NULL);

    (void)state;
    header_sign(&seen, 0, 5, 1, 100);
    header_sign(&seen, 0, 5, 1, 100); /* again after a restart */
    header_sign(&seen, 0, 5, 2, 100); /* on another parent */
    header_sign(&seen, 1, 5, 1, 101); /* by another member */
    header_sign(&seen, 0, 6, 1, 101);
    assert_whole(&seen);
    header_sign(&seen, 0, 5, 1, 101);
    assert_broken(&seen, QNK_ORACLE_S5);
    seen_drop(&seen);
}

/* Evidence of `maker` that `member` voted twice in `window`. */
static struct qnk_evidence evidence_of(const struct net *net, uint32_t member, uint64_t window)
{
    struct qnk_evidence evidence = {
        .type = QNK_EVIDENCE_DOUBLE_VOTE,
        .member = member,
        .window = window,
    };

    evidence.votes[0] = vote_of(net, (struct said){member, 0, F, -1, 7, window});
    evidence.votes[1] = vote_of(net, (struct said){member, 0, F, -1, 8, window});
    return evidence;
}

static void evidence_sign(const struct seen *seen, uint32_t maker, uint32_t member, uint64_t window)
{
    struct qnk_evidence evidence = evidence_of(seen->net, member, window);
    uint8_t payload[QNK_EVIDENCE_VOTES_SIZE];
    uint8_t bytes[QNK_TX_HEAD_SIZE + sizeof payload + QN_SIG_SIZE];
    uint8_t message[QNK_TX_MESSAGE_MAX];
    struct qnk_tx tx = {
        .payload = {payload, qnk_evidence_encode(&evidence, payload)},
        .from = seen->net->set->members[maker].key.bytes,
        .kind = QNK_TX_EVIDENCE,
    };
    struct qnk_tx whole;
    uint32_t size;

    qnk_tx_encode(&tx, bytes);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, sizeof bytes}, &whole), QN_OK);
    size = qnk_tx_message(&whole, &seen->net->setup.params.chain_id, message);
    seen->watch.signed_(seen->watch.ctx, maker, (struct qn_span){message, size}, whole.signature);
}

static void evidence_against_an_honest_member_breaks_s6(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_told(net_make(4, 4, 1), liars);
    struct qnk_evidence evidence = evidence_of(seen.net, 2, 1);

    (void)state;
    evidence_sign(&seen, 0, 3, 1);
    evidence_sign(&seen, 3, 1, 1); /* what liars claim is checked by others */
    assert_whole(&seen);
    evidence_sign(&seen, 0, 1, 1);
    assert_int_equal(qnk_oracle_broken_times(seen.oracle, QNK_ORACLE_S6), 1);
    qnk_oracle_convicted(seen.oracle, &evidence, 1);
    assert_int_equal(qnk_oracle_broken_times(seen.oracle, QNK_ORACLE_S6), 2);
    seen_drop(&seen);
}

static void evidence_that_is_taken_twice_or_too_late_breaks_s6(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_told(net_make(4, 4, 1), liars);
    struct qnk_evidence evidence = evidence_of(seen.net, 3, 2);
    struct qnk_evidence other = evidence_of(seen.net, 3, 1);

    (void)state;
    qnk_oracle_convicted(seen.oracle, &evidence, 2 + QNK_EVIDENCE_BACK);
    assert_whole(&seen);
    qnk_oracle_convicted(seen.oracle, &evidence, 2 + QNK_EVIDENCE_BACK);
    assert_int_equal(qnk_oracle_broken_times(seen.oracle, QNK_ORACLE_S6), 1);
    qnk_oracle_convicted(seen.oracle, &other, 2 + QNK_EVIDENCE_BACK);
    assert_int_equal(qnk_oracle_broken_times(seen.oracle, QNK_ORACLE_S6), 2);
    seen_drop(&seen);
}

/* --- made-up steps --- */

static void step(const struct seen *seen, uint32_t node, const struct qnk_event *event,
                 const struct qnk_effect *effect)
{
    struct qnk_event nothing = {.type = QNK_EVENT_TIMER};
    struct qnk_effect copy = effect == NULL ? (struct qnk_effect){0} : *effect;
    struct qnk_effects effects = {.list = &copy, .count = effect != NULL};

    seen->watch.stepped(seen->watch.ctx, node, event == NULL ? &nothing : event, &effects);
}

static void tell_start(const struct seen *seen, uint32_t node)
{
    struct qnk_event event = {.type = QNK_EVENT_START};

    seen->watch.started(seen->watch.ctx, node);
    step(seen, node, &event, NULL);
}

static void tell_note(const struct seen *seen, uint32_t node, uint32_t what, uint64_t height)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_NOTE};

    effect.note.what = what;
    effect.note.height = height;
    step(seen, node, NULL, &effect);
}

static void tell_chain(const struct seen *seen, uint32_t node, uint64_t from, uint64_t to)
{
    for (uint64_t height = from; height <= to; height++) {
        tell_note(seen, node, QNK_NOTE_MICROBLOCK, height);
    }
}

/* A certificate of the first `signers` members. */
static struct qn_buf *certificate_make(const struct seen *seen, const struct qnk_final *final,
                                       uint32_t signers)
{
    struct qnk_vote votes[NODES_MAX];
    const struct qnk_vote *list[NODES_MAX];
    struct qn_buf *buf =
        qnk_buf_new(&seen->net->budget, qnk_certificate_size(QNK_CERTIFICATE_PLAIN, 4, signers));

    assert_non_null(buf);
    for (uint32_t i = 0; i < signers; i++) {
        votes[i] = vote_of(seen->net, (struct said){i, 0, F, -1, 0, final->macro.window});
        votes[i].digest = final->digest;
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, signers, 4, buf->data);
    return buf;
}

static void tell_final(const struct seen *seen, uint32_t node, uint64_t window, uint8_t state,
                       uint32_t signers)
{
    struct qnk_final final = {
        .token = window,
        .macro = {.version = QNK_MACRO_VERSION,
                  .blocks_count = WINDOW,
                  .window = window,
                  .height = window * WINDOW},
    };
    struct qnk_effect effect = {.type = QNK_EFFECT_STORE_FINAL, .final = &final};

    memset(final.macro.state.bytes, state, QN_HASH_SIZE);
    qnk_macro_digest(&final.macro, &final.digest);
    final.certificate = certificate_make(seen, &final, signers);
    step(seen, node, NULL, &effect);
    qnk_buf_unref(final.certificate);
}

/* Members 0, 1 and 2 sign what tell_final() says. */
static void tell_votes(const struct seen *seen, uint64_t window, uint8_t state)
{
    struct qnk_macro macro = {
        .version = QNK_MACRO_VERSION,
        .blocks_count = WINDOW,
        .window = window,
        .height = window * WINDOW,
    };
    struct qnk_hash digest;

    memset(macro.state.bytes, state, QN_HASH_SIZE);
    qnk_macro_digest(&macro, &digest);
    for (uint32_t i = 0; i < 6; i++) {
        struct qnk_vote vote =
            vote_of(seen->net, (struct said){i % 3, 0, i < 3 ? P : F, -1, 0, window});

        vote.digest = digest;
        vote_sign(seen, &vote, i % 3);
    }
}

static void tell_stored(const struct seen *seen, uint32_t node, uint64_t token)
{
    struct qnk_event event = {.type = QNK_EVENT_STORED};

    event.stored.token = token;
    step(seen, node, &event, NULL);
}

/* Two nodes with a chain and a final window. */
static struct seen seen_final(void)
{
    struct seen seen = seen_told(net_make(4, 4, 1), NULL);

    for (uint32_t node = 0; node < 2; node++) {
        tell_start(&seen, node);
        tell_chain(&seen, node, 1, WINDOW + 3);
    }
    tell_votes(&seen, 1, 5);
    tell_final(&seen, 0, 1, 5, 3);
    assert_whole(&seen);
    return seen;
}

static void a_chain_that_leaves_out_a_block_breaks_s3(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_note(&seen, 0, QNK_NOTE_UNDONE, WINDOW + 3);
    tell_note(&seen, 0, QNK_NOTE_MICROBLOCK, WINDOW + 3);
    assert_whole(&seen);
    tell_note(&seen, 0, QNK_NOTE_MICROBLOCK, WINDOW + 5);
    assert_broken(&seen, QNK_ORACLE_S3);
    seen_drop(&seen);
}

static void a_final_block_that_is_taken_back_breaks_s3(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    for (uint64_t height = WINDOW + 3; height > WINDOW; height--) {
        tell_note(&seen, 0, QNK_NOTE_UNDONE, height);
        tell_note(&seen, 1, QNK_NOTE_UNDONE, height);
    }
    tell_note(&seen, 1, QNK_NOTE_UNDONE, WINDOW); /* it is not final there */
    assert_whole(&seen);
    tell_note(&seen, 0, QNK_NOTE_UNDONE, WINDOW);
    assert_broken(&seen, QNK_ORACLE_S3);
    seen_drop(&seen);
}

static void another_final_window_breaks_s3(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_final(&seen, 1, 1, 6, 3);
    assert_broken(&seen, QNK_ORACLE_S3);
    seen_drop(&seen);
}

static void a_window_that_is_left_out_breaks_s3(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_final(&seen, 1, 2, 5, 3);
    assert_broken(&seen, QNK_ORACLE_S3);
    seen_drop(&seen);
}

static void a_durable_window_that_does_not_come_back_breaks_s3(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_final(&seen, 1, 1, 5, 3);
    tell_stored(&seen, 1, 1);
    for (uint32_t node = 0; node < 2; node++) {
        seen.watch.stopped(seen.watch.ctx, node);
    }
    tell_start(&seen, 0); /* what was on its way to the disk may be lost */
    assert_whole(&seen);
    tell_start(&seen, 1);
    assert_broken(&seen, QNK_ORACLE_S3);
    seen_drop(&seen);
}

static void of_a_disk_that_lost_everything_nothing_is_expected(void **state)
{
    struct seen seen = seen_final();
    struct qnk_effect halt = {.type = QNK_EFFECT_HALT};

    (void)state;
    tell_stored(&seen, 0, 1);
    seen.watch.stopped(seen.watch.ctx, 0);
    qnk_oracle_disk_lost(seen.oracle, 0);
    tell_start(&seen, 0);
    step(&seen, 0, NULL, &halt);
    assert_whole(&seen);
    seen_drop(&seen);
}

static void a_certificate_of_too_few_breaks_s1p(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_final(&seen, 1, 1, 5, 2);
    assert_broken(&seen, QNK_ORACLE_S1P);
    seen_drop(&seen);
}

static void a_certificate_of_votes_that_nobody_signed_breaks_s1p(void **state)
{
    struct seen seen = seen_final();

    (void)state;
    tell_final(&seen, 1, 1, 5, 4); /* member 3 has not */
    assert_broken(&seen, QNK_ORACLE_S1P);
    seen_drop(&seen);
}

static void an_honest_node_that_halts_breaks_h1(void **state)
{
    struct seen seen = seen_final();
    struct qnk_effect halt = {.type = QNK_EFFECT_HALT};

    (void)state;
    step(&seen, 0, NULL, &halt);
    assert_broken(&seen, QNK_ORACLE_H1);
    seen_drop(&seen);
}

static void an_honest_key_that_is_given_up_breaks_h1(void **state)
{
    struct seen seen = seen_final();
    struct qnk_effect note = {.type = QNK_EFFECT_NOTE};

    (void)state;
    note.note.what = QNK_NOTE_LOG;
    note.note.event = "key-abused";
    step(&seen, 0, NULL, &note);
    assert_broken(&seen, QNK_ORACLE_H1);
    seen_drop(&seen);
}

static void an_honest_block_that_is_refused_breaks_h1(void **state)
{
    const bool liars[4] = {false, false, false, true};
    struct net *net = net_make(4, 4, 1);
    struct seen seen = seen_told(net, liars);
    struct qnk_effect note = {.type = QNK_EFFECT_NOTE};

    (void)state;
    tell_start(&seen, 0);
    note.note.what = QNK_NOTE_LOG;
    note.note.event = "block-refused";
    snprintf(note.note.text, sizeof note.note.text, "block 7 of member 3: wrong lag");
    step(&seen, 0, NULL, &note);
    assert_whole(&seen);
    snprintf(note.note.text, sizeof note.note.text, "block 7 of member 2: wrong lag");
    step(&seen, 0, NULL, &note);
    assert_broken(&seen, QNK_ORACLE_H1);
    seen_drop(&seen);
}

static void a_step_of_too_many_effects_breaks_r1(void **state)
{
    struct seen seen = seen_final();
    struct qnk_event event = {.type = QNK_EVENT_TIMER};
    struct qnk_effects effects = {.count = QNK_ORACLE_EFFECTS_MAX + 1};

    (void)state;
    effects.list = calloc(effects.count, sizeof *effects.list); /* sends */
    assert_non_null(effects.list);
    seen.watch.stepped(seen.watch.ctx, 0, &event, &effects);
    free(effects.list);
    assert_broken(&seen, QNK_ORACLE_R1);
    seen_drop(&seen);
}

/* --- planted in a world --- */

/* Runs four nodes, with transfers, until a few windows are final. */
static void run_some(struct seen *seen)
{
    net_start(seen->net, 0, 4);
    net_run_ms(seen->net, 1000);
    submit(seen->net, 0, 1, 0, 30);
    net_run_ms(seen->net, 3000);
}

/* Changes what nodes make final, as all would if they all were wrong. */
struct spoiler {
    uint32_t node;   /* NODES_MAX: all */
    uint64_t offset; /* in the struct: of the hash that it changes */
};

static void spoil(void *ctx, uint32_t node, const struct qnk_event *event,
                  const struct qnk_effects *effects)
{
    const struct spoiler *spoiler = ctx;

    (void)event;
    for (uint32_t i = 0; i < effects->count; i++) {
        if (effects->list[i].type == QNK_EFFECT_STORE_FINAL &&
            (spoiler->node == NODES_MAX || spoiler->node == node)) {
            struct qnk_final *final = effects->list[i].final;
            uint8_t *hash = (uint8_t *)&final->macro + spoiler->offset;

            hash[0] ^= 1;
            qnk_macro_digest(&final->macro, &final->digest);
        }
    }
}

static void assert_spoiled(uint32_t node, uint64_t offset, uint32_t id)
{
    struct spoiler spoiler = {node, offset};
    struct qnk_watch watch = {.ctx = &spoiler, .stepped = spoil};
    struct seen seen = seen_among(net_make(4, 4, 1), NULL, &watch, (struct qnk_oracle_setup){0});

    run_some(&seen);
    assert_broken(&seen, id);
    seen_drop(&seen);
}

static void a_state_that_executing_does_not_give_breaks_s2(void **state)
{
    (void)state;
    assert_spoiled(NODES_MAX, offsetof(struct qnk_macro, state), QNK_ORACLE_S2);
    assert_spoiled(NODES_MAX, offsetof(struct qnk_macro, control), QNK_ORACLE_S2);
    assert_spoiled(NODES_MAX, offsetof(struct qnk_macro, history), QNK_ORACLE_S2);
}

static void a_beacon_that_the_shares_do_not_give_breaks_b1(void **state)
{
    (void)state;
    assert_spoiled(NODES_MAX, offsetof(struct qnk_macro, beacon), QNK_ORACLE_B1);
}

static void one_node_with_another_state_breaks_s3(void **state)
{
    (void)state;
    assert_spoiled(2, offsetof(struct qnk_macro, state), QNK_ORACLE_S3);
}

/* Node 2 never has a share to show. */
static bool share_hide(void *ctx, uint32_t node, struct qnk_event *event)
{
    (void)ctx;
    if (node == 2 && event->type == QNK_EVENT_SECRETS) {
        event->secrets.has_share = false;
        event->secrets.next_tip = (struct qnk_hash){{0}};
    }
    return true;
}

static void a_share_that_does_not_come_breaks_b1(void **state)
{
    struct qnk_watch watch = {.event = share_hide};
    struct seen seen = seen_among(net_make(4, 4, 1), NULL, &watch, (struct qnk_oracle_setup){0});

    (void)state;
    run_some(&seen);
    assert_whole(&seen); /* before healing there are reasons for it */
    qnk_oracle_healed(seen.oracle, NULL);
    net_run_ms(seen.net, 6000);
    assert_broken(&seen, QNK_ORACLE_B1);
    seen_drop(&seen);
}

/* Changes what a node stores and nobody else is told: the second id, or the first block's place. */
static void spoil_list(void *ctx, uint32_t node, const struct qnk_event *event,
                       const struct qnk_effects *effects)
{
    const struct spoiler *spoiler = ctx;

    (void)event;
    for (uint32_t i = 0; node == spoiler->node && i < effects->count; i++) {
        if (effects->list[i].type == QNK_EFFECT_STORE_FINAL) {
            uint8_t *final = (uint8_t *)effects->list[i].final;
            struct qn_buf *list;

            memcpy(&list, final + spoiler->offset, sizeof(void *));
            if (list->size > QN_HASH_SIZE) {
                list->data[QN_HASH_SIZE] ^= 1;
            }
        }
    }
}

static void a_store_that_finds_no_transaction_or_body_breaks_s3(void **state)
{
    const uint64_t lists[] = {offsetof(struct qnk_final, ids), offsetof(struct qnk_final, blocks)};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct spoiler spoiler = {2, lists[i]};
        struct qnk_watch watch = {.ctx = &spoiler, .stepped = spoil_list};
        struct seen seen =
            seen_among(net_make(4, 4, 1), NULL, &watch, (struct qnk_oracle_setup){0});

        run_some(&seen);
        assert_whole(&seen);
        assert_false(qnk_oracle_stored(seen.oracle));
        assert_broken(&seen, QNK_ORACLE_S3);
        seen_drop(&seen);
    }
}

/* Nodes store another body of their own blocks than they send. */
static void spoil_body(void *ctx, uint32_t node, const struct qnk_event *event,
                       const struct qnk_effects *effects)
{
    struct net *net = ctx;

    (void)node;
    (void)event;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct qnk_effect *effect = &effects->list[i];
        struct qn_buf *copy;

        if (effect->type != QNK_EFFECT_SIGN || effect->sign->body == NULL ||
            effect->sign->body->size == 0) {
            continue;
        }
        copy = qnk_buf_copy(&net->budget, qnk_buf_span(effect->sign->body));
        assert_non_null(copy);
        copy->data[copy->size - 1] ^= 1;
        qnk_buf_unref(effect->sign->body);
        effect->sign->body = copy;
    }
}

static void a_body_that_is_not_the_headers_breaks_s2(void **state)
{
    struct net *net = net_make(4, 4, 1);
    struct qnk_watch watch = {.ctx = net, .stepped = spoil_body};
    struct seen seen = seen_among(net, NULL, &watch, (struct qnk_oracle_setup){0});

    (void)state;
    run_some(&seen);
    assert_broken(&seen, QNK_ORACLE_S2);
    seen_drop(&seen);
}

/* --- a ledger that is wrong --- */

static const struct qn_ledger_1 *right_ledger;

static int32_t wrong_query(struct qn_inst *self, uint32_t lane, uint32_t what, struct qn_span arg,
                           struct qn_sink *answer)
{
    int32_t status = right_ledger->query(self, lane, what, arg, answer);

    if (what == 3 && answer->size >= 64 && qn_le64_read(answer->data + 40) > 0) {
        answer->data[32] ^= 1; /* a balance, once its account has sent something */
    }
    return status;
}

static void a_balance_that_the_transfers_do_not_give_breaks_c1(void **state)
{
    struct net *net = net_make(4, 4, 1);
    struct qnk_world_plugins any;
    struct qn_ledger_1 wrong;
    struct qnk_oracle_setup setup = {.ledger = {.table = &wrong}};
    struct seen seen;

    (void)state;
    assert_true(cast_make(net, OWN, true, &any));
    right_ledger = any.ledger.table;
    cast_give(net, OWN, true, &any);
    wrong = *right_ledger;
    wrong.query = wrong_query;
    seen = seen_among(net, NULL, NULL, setup);
    net_start(net, 0, 4);
    submit(net, 0, 0, 0, 30); /* of the first account */
    net_run_ms(net, 4000);
    assert_broken(&seen, QNK_ORACLE_C1);
    seen_drop(&seen);
}

static void a_transaction_that_is_final_twice_breaks_s4(void **state)
{
    struct seen seen = seen_open(net_make(4, 4, 1), NULL);
    uint8_t payload[40];
    struct qnk_transfer transfer = {.to = seen.net->senders[1], .amount = 7};
    struct qnk_tx tx = {
        .payload = {payload, sizeof payload},
        .from = seen.net->senders[0].bytes,
        .fee = FEE,
    };

    (void)state;
    qnk_transfer_encode(&transfer, payload);
    qnk_oracle_book_tx(seen.oracle, &tx);
    assert_whole(&seen);
    qnk_oracle_book_tx(seen.oracle, &tx);
    assert_broken(&seen, QNK_ORACLE_S4);
    seen_drop(&seen);
}

/* --- what clients are told --- */

enum { TRANSFER_BODY = 4 + QNK_TX_TRANSFER_SIZE };

/* A transfer that nobody signed, as a client would send it. */
static struct qnk_hash transfer_make(const struct seen *seen, uint64_t nonce,
                                     uint8_t body[TRANSFER_BODY])
{
    uint8_t payload[40];
    struct qnk_transfer transfer = {.to = seen->net->senders[1], .amount = 7};
    struct qnk_tx whole, tx = {
                             .payload = {payload, sizeof payload},
                             .from = seen->net->senders[0].bytes,
                             .nonce = nonce,
                             .valid_until = 4000,
                             .fee = FEE,
                         };
    struct qnk_hash id;

    qnk_transfer_encode(&transfer, payload);
    memset(body, 0, TRANSFER_BODY);
    qn_le32_write(body, 1);
    qnk_tx_encode(&tx, body + 4);
    assert_int_equal(qnk_tx_decode((struct qn_span){body + 4, QNK_TX_TRANSFER_SIZE}, &whole),
                     QN_OK);
    qnk_tx_id(&whole, &id);
    return id;
}

/* The node is said to have taken it. */
static struct qnk_hash tell_accepted(const struct seen *seen, uint32_t node, uint64_t nonce)
{
    uint8_t body[TRANSFER_BODY], code[QN_HASH_SIZE + 1] = {0};
    struct qnk_hash id = transfer_make(seen, nonce, body);
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT};
    struct qnk_effect reply = {.type = QNK_EFFECT_REPLY};

    memcpy(code, id.bytes, QN_HASH_SIZE);
    event.submit.token = 1;
    event.submit.txs = qnk_buf_copy(&seen->net->budget, (struct qn_span){body, sizeof body});
    reply.reply.codes = qnk_buf_copy(&seen->net->budget, (struct qn_span){code, sizeof code});
    step(seen, node, &event, &reply);
    qnk_buf_unref(event.submit.txs);
    qnk_buf_unref(reply.reply.codes);
    return id;
}

static void what_was_accepted_and_is_nowhere_breaks_s4(void **state)
{
    struct seen seen = seen_open(net_make(4, 4, 1), NULL);

    (void)state;
    net_start(seen.net, 0, 4);
    net_run_ms(seen.net, 1000);
    tell_accepted(&seen, 2, 5);
    qnk_world_crash(seen.net->world, 2);
    net_run_ms(seen.net, 500);
    assert_true(qnk_oracle_accounted(seen.oracle)); /* the power took it */
    tell_accepted(&seen, 1, 5);
    assert_whole(&seen);
    assert_false(qnk_oracle_accounted(seen.oracle));
    assert_broken(&seen, QNK_ORACLE_S4);
    seen_drop(&seen);
}

static void what_is_just_being_judged_is_not_lost(void **state)
{
    struct seen seen = seen_open(net_make(4, 4, 1), NULL);
    uint8_t body[TRANSFER_BODY];
    struct qnk_hash id = transfer_make(&seen, 5, body);
    struct qn_span bytes;
    uint64_t height;
    uint32_t index;
    enum qnk_tx_place place = QNK_TX_NOWHERE;

    (void)state;
    net_start(seen.net, 0, 4);
    net_run_ms(seen.net, 1000);
    qnk_world_submit(seen.net->world, 1, (struct qn_span){body, sizeof body});
    for (uint32_t i = 0; place == QNK_TX_NOWHERE && i < 100; i++) {
        qnk_world_run(seen.net->world, qnk_world_now(seen.net->world) + 100);
        place = qnk_node_tx(qnk_world_node(seen.net->world, 1), &id, &height, &index, &bytes);
    }
    assert_int_equal(place, QNK_TX_JUDGED);
    tell_accepted(&seen, 1, 5);
    assert_true(qnk_oracle_accounted(seen.oracle));
    seen_drop(&seen);
}

static void what_became_final_twice_breaks_s4(void **state)
{
    struct seen seen = seen_told(net_make(4, 4, 1), NULL);
    struct qnk_hash id;

    (void)state;
    tell_start(&seen, 0);
    id = tell_accepted(&seen, 0, 0);
    qnk_oracle_tx_final(seen.oracle, &id, 5);
    assert_whole(&seen);
    qnk_oracle_tx_final(seen.oracle, &id, 6);
    assert_broken(&seen, QNK_ORACLE_S4);
    seen_drop(&seen);
}

/* --- limits and recovery --- */

static void a_node_over_its_memory_breaks_r1(void **state)
{
    struct net *net = net_make(4, 4, 1);
    struct qnk_world_setup small = net->setup;
    struct seen seen;

    (void)state;
    small.limits.memory = 1 << 20;
    seen = seen_among(net, NULL, NULL, (struct qnk_oracle_setup){.network = &small});
    run_some(&seen);
    assert_broken(&seen, QNK_ORACLE_R1);
    seen_drop(&seen);
}

static void a_mempool_over_its_limit_breaks_r1(void **state)
{
    struct net *net = net_make(4, 4, 1);
    struct qnk_world_setup small = net->setup;
    struct seen seen;

    (void)state;
    small.limits.mempool_txs = 2;
    seen = seen_among(net, NULL, NULL, (struct qnk_oracle_setup){.network = &small});
    run_some(&seen);
    assert_broken(&seen, QNK_ORACLE_R1);
    seen_drop(&seen);
}

static void a_core_that_does_not_recover_breaks_v1_and_v2(void **state)
{
    struct seen seen = seen_open(net_make(4, 4, 1), NULL);
    static const bool core[NODES_MAX] = {true, true};

    (void)state;
    run_some(&seen);
    qnk_world_crash(seen.net->world, 2);
    qnk_world_crash(seen.net->world, 3);
    net_run_ms(seen.net, 20000); /* until it pauses */
    qnk_oracle_healed(seen.oracle, core);
    net_run_ms(seen.net, 5000);
    assert_whole(&seen);
    assert_false(qnk_oracle_final_within(seen.oracle, 1));
    assert_broken(&seen, QNK_ORACLE_V1);
    assert_false(qnk_oracle_producing(seen.oracle));
    assert_broken(&seen, QNK_ORACLE_V2);
    seen_drop(&seen);
}

static void evidence_that_never_comes_on_the_chain_breaks_s6(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_open(net_make(4, 4, 1), liars);

    (void)state;
    run_some(&seen);
    qnk_oracle_healed(seen.oracle, NULL);
    evidence_sign(&seen, 0, 3, look(seen.net, 0).final_window + 1);
    assert_true(qnk_oracle_evidenced(seen.oracle)); /* not due yet */
    net_run_ms(seen.net, 5000);
    assert_whole(&seen);
    assert_false(qnk_oracle_evidenced(seen.oracle));
    assert_broken(&seen, QNK_ORACLE_S6);
    seen_drop(&seen);
}

/* --- charges --- */

static void tell_charge(const struct seen *seen, uint32_t node, uint32_t charged, uint32_t fault)
{
    struct qnk_effect effect = {.type = QNK_EFFECT_SCORE};

    effect.score.peer = charged + 1;
    effect.score.fault = fault;
    step(seen, node, NULL, &effect);
}

static void a_charge_against_an_honest_node_breaks_p1(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_told(net_make(4, 4, 1), liars);
    uint64_t broken = 0;

    (void)state;
    for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
        tell_charge(&seen, 0, 3, fault);
        tell_charge(&seen, 3, 1, fault);
    }
    tell_charge(&seen, 0, 1, QNK_FAULT_SLOW); /* honest machines are slow, too */
    assert_whole(&seen);
    for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
        broken += fault != QNK_FAULT_SLOW;
        tell_charge(&seen, 0, 1, fault);
        assert_int_equal(qnk_oracle_broken_times(seen.oracle, QNK_ORACLE_P1), broken);
    }
    assert_broken(&seen, QNK_ORACLE_P1);
    seen_drop(&seen);
}

static void what_nodes_charge_each_other_with_in_a_world_is_seen(void **state)
{
    static const uint8_t garbage[] = "no votes";
    struct seen seen = seen_open(net_make(4, 4, 1), NULL);

    (void)state;
    net_start(seen.net, 0, 4);
    net_run_ms(seen.net, 2000);
    assert_whole(&seen);
    qnk_world_say(seen.net->world, 1, 2, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES,
                  (struct qn_span){garbage, sizeof garbage});
    net_run_ms(seen.net, 1000);
    assert_broken(&seen, QNK_ORACLE_P1);
    assert_int_equal(qnk_oracle_broken(seen.oracle)->node, 2);
    seen_drop(&seen);
}

static void a_sender_is_not_blamed_for_what_was_mangled_on_the_way(void **state)
{
    struct net *net = net_make(4, 4, 1);
    uint64_t charged = 0;
    struct seen seen;

    (void)state;
    net->setup.mangle_permille = 100;
    seen = seen_open(net, NULL);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    for (uint32_t i = 0; i < 4; i++) {
        charged += qnk_node_counters(qnk_world_node(net->world, i))->faults[QNK_FAULT_MALFORMED];
    }
    assert_true(charged > 0);
    assert_whole(&seen);
    seen_drop(&seen);
}

/* Node 0 is said to get these votes of member 3, 7 or 8, in one message, and never does. */
static void tell_of_votes(const struct seen *seen, uint64_t window, uint8_t first, uint8_t last)
{
    uint8_t body[4 + 2 * QNK_VOTE_WIRE_SIZE], message[QNK_VOTE_MESSAGE_SIZE];
    struct qnk_event event = {.type = QNK_EVENT_FRAME};
    uint64_t size = 4;

    qn_le32_write(body, last - first + 1u);
    for (uint8_t digest = first; digest <= last; digest++) {
        struct said said = {3, 0, F, -1, digest, window};
        struct qnk_vote vote = vote_of(seen->net, said);

        memset(vote.signature, digest, sizeof vote.signature);
        qnk_vote_message(&vote, &seen->net->setup.params.chain_id, message);
        seen->watch.signed_(seen->watch.ctx, 3, (struct qn_span){message, sizeof message},
                            vote.signature);
        qnk_vote_encode(&vote, body + size);
        size += QNK_VOTE_WIRE_SIZE;
    }
    event.frame.head.type = QNK_WIRE_VOTES;
    event.frame.head.body = (struct qn_span){body, size};
    step(seen, 0, &event, NULL);
}

static void a_contradiction_that_a_node_holds_and_does_not_tell_breaks_s6(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_open(net_make(4, 4, 1), liars);

    (void)state;
    run_some(&seen);
    qnk_world_crash(seen.net->world, 1); /* so that the window stays open */
    qnk_world_crash(seen.net->world, 2);
    net_run_ms(seen.net, 3000);
    tell_of_votes(&seen, look(seen.net, 0).final_window + 1, 7, 8);
    net_run_ms(seen.net, 200);
    assert_whole(&seen);
    net_run_ms(seen.net, 200);
    assert_broken(&seen, QNK_ORACLE_S6);
    seen_drop(&seen);
}

static void what_was_heard_before_a_crash_is_held_no_more(void **state)
{
    static const bool liars[NODES_MAX] = {[3] = true};
    struct seen seen = seen_open(net_make(4, 4, 1), liars);

    (void)state;
    run_some(&seen);
    qnk_world_crash(seen.net->world, 1);
    qnk_world_crash(seen.net->world, 2);
    net_run_ms(seen.net, 3000);
    tell_of_votes(&seen, look(seen.net, 0).final_window + 1, 7, 7);
    qnk_world_crash(seen.net->world, 0);
    net_start(seen.net, 0, 1);
    net_run_ms(seen.net, 1000);
    assert_true(look(seen.net, 0).is_signing);
    tell_of_votes(&seen, look(seen.net, 0).final_window + 1, 8, 8);
    net_run_ms(seen.net, 400);
    assert_whole(&seen);
    tell_of_votes(&seen, look(seen.net, 0).final_window + 1, 7, 7); /* now it holds both */
    net_run_ms(seen.net, 400);
    assert_broken(&seen, QNK_ORACLE_S6);
    seen_drop(&seen);
}

static const struct CMUnitTest cases[] = {
    cmocka_unit_test(an_honest_network_breaks_nothing_and_everything_is_looked_at),
    cmocka_unit_test(honest_nodes_that_suffer_break_nothing),
    cmocka_unit_test(liars_break_nothing),
    cmocka_unit_test(twins_break_nothing),
    cmocka_unit_test(votes_break_what_they_should),
    cmocka_unit_test(an_engine_without_prepares_is_held_to_its_seals),
    cmocka_unit_test(twins_are_liars),
    cmocka_unit_test(a_vote_under_another_binding_breaks_s5),
    cmocka_unit_test(a_signature_for_another_chain_breaks_s5),
    cmocka_unit_test(a_second_block_on_one_parent_breaks_s5),
    cmocka_unit_test(evidence_against_an_honest_member_breaks_s6),
    cmocka_unit_test(evidence_that_is_taken_twice_or_too_late_breaks_s6),
    cmocka_unit_test(a_chain_that_leaves_out_a_block_breaks_s3),
    cmocka_unit_test(a_final_block_that_is_taken_back_breaks_s3),
    cmocka_unit_test(another_final_window_breaks_s3),
    cmocka_unit_test(a_window_that_is_left_out_breaks_s3),
    cmocka_unit_test(a_durable_window_that_does_not_come_back_breaks_s3),
    cmocka_unit_test(of_a_disk_that_lost_everything_nothing_is_expected),
    cmocka_unit_test(a_certificate_of_too_few_breaks_s1p),
    cmocka_unit_test(a_certificate_of_votes_that_nobody_signed_breaks_s1p),
    cmocka_unit_test(an_honest_node_that_halts_breaks_h1),
    cmocka_unit_test(an_honest_key_that_is_given_up_breaks_h1),
    cmocka_unit_test(an_honest_block_that_is_refused_breaks_h1),
    cmocka_unit_test(a_step_of_too_many_effects_breaks_r1),
    cmocka_unit_test(a_state_that_executing_does_not_give_breaks_s2),
    cmocka_unit_test(a_beacon_that_the_shares_do_not_give_breaks_b1),
    cmocka_unit_test(one_node_with_another_state_breaks_s3),
    cmocka_unit_test(a_share_that_does_not_come_breaks_b1),
    cmocka_unit_test(a_store_that_finds_no_transaction_or_body_breaks_s3),
    cmocka_unit_test(a_body_that_is_not_the_headers_breaks_s2),
    cmocka_unit_test(a_balance_that_the_transfers_do_not_give_breaks_c1),
    cmocka_unit_test(a_transaction_that_is_final_twice_breaks_s4),
    cmocka_unit_test(what_was_accepted_and_is_nowhere_breaks_s4),
    cmocka_unit_test(what_is_just_being_judged_is_not_lost),
    cmocka_unit_test(what_became_final_twice_breaks_s4),
    cmocka_unit_test(a_node_over_its_memory_breaks_r1),
    cmocka_unit_test(a_mempool_over_its_limit_breaks_r1),
    cmocka_unit_test(a_core_that_does_not_recover_breaks_v1_and_v2),
    cmocka_unit_test(a_charge_against_an_honest_node_breaks_p1),
    cmocka_unit_test(what_nodes_charge_each_other_with_in_a_world_is_seen),
    cmocka_unit_test(a_sender_is_not_blamed_for_what_was_mangled_on_the_way),
    cmocka_unit_test(evidence_that_never_comes_on_the_chain_breaks_s6),
    cmocka_unit_test(a_contradiction_that_a_node_holds_and_does_not_tell_breaks_s6),
    cmocka_unit_test(what_was_heard_before_a_crash_is_held_no_more),
};

int main(void)
{
    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(cases, NULL, NULL);
}
