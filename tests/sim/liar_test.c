/* SPDX-License-Identifier: MIT */

/* Each kind of lie, told by as many members as may lie: one of four, two of seven. The honest ones
 * agree, go on, and prove what they saw; nothing is ever proven of them; and the lie was told.
 *
 * QNET_SEED=n runs that seed and the next alone, QNET_SEEDS=n that many. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/random.h"
#include "kernel/sim/liar.h"
#include "kernel/sim/oracle.h"
#include "tests/sim/cast.h"

enum {
    SECONDS = 12,      /* of lying */
    AFTER_MS = 8000,   /* of honesty */
    WINDOWS_LEAST = 2, /* final while they lie: with all their turns wasted, a few */
    BATCH = 3,
    OWN = NODES_MAX - 1, /* the place of the oracle's own plugins in a net */
};

/* What is asked of the honest nodes about the liars. */
enum proof {
    PROOF_NONE,
    PROOF_CHAIN, /* an honest node saw a contradiction, and the chain has it */
};

struct kind {
    const char *name; /* of the case */
    uint32_t kinds;
    uint32_t proof; /* enum proof */
    bool has_storm; /* links break, ways are cut, nodes crash while they lie */
};

#define ONE(lie) (1u << (lie))

static const struct kind kinds[] = {
    {"two blocks for one turn are proven and stop nobody", ONE(QNK_LIE_TWO_BLOCKS), PROOF_CHAIN,
     false},
    {"twins are proven and stop nobody", ONE(QNK_LIE_TWIN), PROOF_CHAIN, false},
    {"double votes are proven and stop nobody", ONE(QNK_LIE_DOUBLE_VOTE), PROOF_CHAIN, false},
    {"contradictory votes are proven and stop nobody", ONE(QNK_LIE_CONTRADICTORY_VOTE), PROOF_CHAIN,
     false},
    {"withheld votes stop nobody", ONE(QNK_LIE_WITHHOLD_VOTES), PROOF_NONE, false},
    {"votes for one peer alone stop nobody", ONE(QNK_LIE_SELECTIVE_VOTES), PROOF_NONE, false},
    {"withheld reveals stop nobody", ONE(QNK_LIE_WITHHOLD_REVEAL), PROOF_NONE, false},
    {"late reveals stop nobody", ONE(QNK_LIE_LATE_REVEAL), PROOF_NONE, false},
    {"wrong reveals are seen and stop nobody", ONE(QNK_LIE_WRONG_REVEAL), PROOF_CHAIN, false},
    {"blocks of a wrong state stop nobody", ONE(QNK_LIE_WRONG_STATE), PROOF_NONE, false},
    {"blocks out of turn stop nobody", ONE(QNK_LIE_WRONG_SCHEDULE), PROOF_NONE, false},
    {"stale certificates stop nobody", ONE(QNK_LIE_STALE_CERTIFICATE), PROOF_NONE, false},
    {"forged certificates stop nobody", ONE(QNK_LIE_FORGED_CERTIFICATE), PROOF_NONE, false},
    {"garbage stops nobody", ONE(QNK_LIE_GARBAGE), PROOF_NONE, false},
    {"floods stop nobody", ONE(QNK_LIE_FLOOD), PROOF_NONE, false},
    {"lying sync stops nobody", ONE(QNK_LIE_LYING_SYNC), PROOF_NONE, false},
    {"withheld bodies stop nobody", ONE(QNK_LIE_WITHHOLD_BODY), PROOF_CHAIN, false},
    {"blocks with bad transactions stop nobody", ONE(QNK_LIE_WRONG_TXS), PROOF_NONE, false},
    {"all lies at once stop nobody", QNK_LIES_ALL & ~ONE(QNK_LIE_TWIN), PROOF_CHAIN, false},
    {"lies in a storm split nothing", QNK_LIES_ALL & ~ONE(QNK_LIE_TWIN), PROOF_NONE, true},
    {"twins in a storm split nothing", QNK_LIES_ALL, PROOF_NONE, true},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

struct trial {
    struct net *net;
    struct qnk_liars *liars;
    struct qnk_oracle *oracle;
    struct qnk_world_plugins own;
    uint32_t validators;
    uint32_t first_liar; /* the nodes from here on lie */
    bool lies[NODES_MAX];
    bool is_off[NODES_MAX];
    struct qnk_random storm;
    uint64_t sent[SENDERS];
};

/* --- setting up --- */

static struct qnk_secret secrets[NODES_MAX];

/* Of twins, a machine more for each liar, with its key and all that comes from it. */
static void twins_make(struct net *net, uint32_t first, uint32_t validators)
{
    memcpy(secrets, net->setup.secrets, sizeof secrets);
    for (uint32_t i = validators; i < net->setup.nodes; i++) {
        uint32_t liar = first + i - validators;

        memcpy(net->seeds[i], net->seeds[liar], sizeof net->seeds[i]);
        secrets[i] = secrets[liar];
        net->types[i] = QNK_NODE_SUPER;
    }
    net->setup.secrets = secrets;
}

static void oracle_make(struct trial *trial)
{
    struct net *net = trial->net;
    struct qnk_oracle_setup setup = {
        .world = net->world,
        .network = &net->setup,
        .liars = trial->lies,
        .query_totals = 2,
        .query_accounts = 3,
        .looks_every = 16,
    };

    assert_true(cast_make(net, OWN, true, &trial->own));
    setup.ledger = trial->own.ledger;
    setup.producer = trial->own.producer;
    trial->oracle = qnk_oracle_create(&net->budget, &setup);
    assert_non_null(trial->oracle);
}

static void trial_open(struct trial *trial, uint32_t lies, bool has_storm, uint64_t seed)
{
    uint32_t liars = (trial->validators - 1) / 3;
    bool has_twins = (lies & ONE(QNK_LIE_TWIN)) != 0;
    uint32_t nodes = trial->validators + (has_twins ? liars : 0);

    trial->net = net_make(trial->validators, nodes, seed);
    trial->first_liar = trial->validators - liars;
    twins_make(trial->net, trial->first_liar, trial->validators);
    if (has_storm) {
        trial->net->setup.loss_permille = 5;
        trial->net->setup.jitter_us = seed % 3 == 0 ? 20000 : 2000;
        trial->net->setup.maps_us = seed % 2 == 0 ? 1000000 : 20000;
    }
    qnk_random_init(&trial->storm, seed);
    net_open(trial->net);
    for (uint32_t i = trial->first_liar; i < nodes; i++) {
        trial->lies[i] = true;
    }
    oracle_make(trial);
    trial->liars = qnk_liars_create(&trial->net->budget, trial->net->world, &trial->net->setup);
    assert_non_null(trial->liars);
    for (uint32_t i = trial->first_liar; i < nodes; i++) {
        qnk_liars_add(trial->liars, i, lies);
    }
    net_start(trial->net, 0, nodes);
}

static void trial_close(struct trial *trial)
{
    struct qnk_liars *liars = trial->liars;
    struct qnk_world *world = trial->net->world;

    trial->net->world = NULL;
    qnk_world_destroy(world);
    qnk_liars_destroy(liars);
    qnk_oracle_destroy(trial->oracle);
    cast_give(trial->net, OWN, true, &trial->own);
    net_drop(trial->net);
}

/* --- what must hold --- */

static uint64_t least_final(struct trial *trial)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < trial->first_liar; i++) {
        uint64_t window = look(trial->net, i).final_window;

        least = window < least ? window : least;
    }
    return least;
}

/* Pieces that honest members made and final windows have. */
static uint64_t evidence_of(const struct trial *trial)
{
    struct qnk_oracle_figures figures;

    qnk_oracle_figures(trial->oracle, &figures);
    return figures.evidence_final;
}

static uint64_t doubles_of(struct trial *trial)
{
    uint64_t doubles = 0;

    for (uint32_t i = 0; i < trial->first_liar; i++) {
        doubles += qnk_node_counters(qnk_world_node(trial->net->world, i))->doubles_seen;
    }
    return doubles;
}

static void assert_whole(const struct trial *trial)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(trial->oracle);

    if (broken != NULL) {
        fprintf(stderr, "# %s at %.3f s, node %d: %s\n", qnk_oracle_name(broken->id),
                (double)broken->at_us / 1e6, (int)broken->node, broken->words);
    }
    assert_null(broken);
}

static void assert_proven(struct trial *trial, uint32_t proof)
{
    if (proof == PROOF_NONE) {
        return;
    }
    assert_true(doubles_of(trial) > 0);
    assert_true(proof != PROOF_CHAIN || evidence_of(trial) > 0);
}

static void told_add(struct trial *trial, uint64_t told[QNK_LIES])
{
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        told[lie] += qnk_liars_count(trial->liars, lie);
    }
}

/* What was to be tested was, over all runs of a case; of many kinds, most. */
static void assert_told(const uint64_t told[QNK_LIES], uint32_t lies)
{
    uint32_t wanted = 0, done = 0;

    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        if ((lies & ONE(lie)) == 0) {
            assert_int_equal(told[lie], 0);
            continue;
        }
        fprintf(stderr, "#   %s: %llu\n", qnk_lie_name(lie), (unsigned long long)told[lie]);
        wanted++;
        done += told[lie] > 0;
    }
    assert_true(done * 5 >= wanted * 4);
}

static void pay(struct trial *trial, uint32_t turn)
{
    uint32_t sender = turn % SENDERS;
    uint64_t from = trial->sent[sender];

    if (!trial->is_off[turn % trial->first_liar]) {
        submit(trial->net, turn % trial->first_liar, sender, from, from + BATCH);
        trial->sent[sender] = from + BATCH;
    }
}

/* --- storms --- */

static void toggle(struct trial *trial, uint32_t node)
{
    if (trial->is_off[node]) {
        qnk_world_start(trial->net->world, node);
    } else {
        qnk_world_crash(trial->net->world, node);
    }
    trial->is_off[node] = !trial->is_off[node];
}

/* A node crashes or comes back, or a way is cut, or all are mended. */
static void storm(struct trial *trial)
{
    uint32_t nodes = trial->net->setup.nodes;
    uint32_t from = (uint32_t)qnk_random_below(&trial->storm, nodes);
    uint32_t to = (uint32_t)qnk_random_below(&trial->storm, nodes);

    switch (qnk_random_below(&trial->storm, 6)) {
    case 0:
        toggle(trial, from);
        break;
    case 1:
        if (from != to) {
            qnk_world_cut_way(trial->net->world, from, to, false);
        }
        break;
    case 2:
        if (from != to) {
            qnk_world_link(trial->net->world, from, to, false);
        }
        break;
    default:
        break;
    }
}

static void storm_end(struct trial *trial)
{
    uint32_t nodes = trial->net->setup.nodes;

    for (uint32_t node = 0; node < nodes; node++) {
        if (trial->is_off[node]) {
            toggle(trial, node);
        }
    }
    for (uint32_t from = 0; from < nodes; from++) {
        for (uint32_t to = 0; to < nodes; to++) {
            if (from != to) {
                qnk_world_cut_way(trial->net->world, from, to, true);
                qnk_world_link(trial->net->world, from, to, true);
            }
        }
    }
}

static void try_kind(const struct kind *kind, uint32_t validators, uint64_t seed,
                     uint64_t told[QNK_LIES])
{
    struct trial trial = {.validators = validators};
    uint64_t window;

    trial_open(&trial, kind->kinds, kind->has_storm, seed);
    for (uint32_t half = 0; half < 2 * SECONDS; half++) {
        net_run_ms(trial.net, 500);
        pay(&trial, half);
        if (kind->has_storm && half > 2) {
            storm(&trial);
        }
        if (kind->has_storm && half % 8 == 7) {
            storm_end(&trial);
        }
    }
    storm_end(&trial);
    window = least_final(&trial);
    fprintf(stderr, "# %u validators, seed %llu: %llu windows, %llu doubles seen, %llu on chain\n",
            validators, (unsigned long long)seed, (unsigned long long)window,
            (unsigned long long)doubles_of(&trial), (unsigned long long)evidence_of(&trial));
    told_add(&trial, told);
    assert_whole(&trial);
    assert_true(kind->has_storm || window >= WINDOWS_LEAST);
    qnk_liars_stop(trial.liars, seed % 2 == 0);
    qnk_oracle_healed(trial.oracle, NULL);
    net_run_ms(trial.net, kind->has_storm ? 4 * AFTER_MS : AFTER_MS);
    (void)qnk_oracle_final_within(trial.oracle, 3);
    (void)qnk_oracle_producing(trial.oracle);
    (void)qnk_oracle_accounted(trial.oracle);
    (void)qnk_oracle_evidenced(trial.oracle);
    (void)qnk_oracle_stored(trial.oracle);
    assert_whole(&trial);
    assert_proven(&trial, kind->proof);
    trial_close(&trial);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void a_kind_of_lie(void **state)
{
    const struct kind *kind = *state;
    uint64_t first = number_of("QNET_SEED", 2);
    uint64_t count = getenv("QNET_SEED") != NULL ? 1 : number_of("QNET_SEEDS", 1);
    uint64_t told[QNK_LIES] = {0};

    for (uint64_t seed = first; seed < first + count; seed++) {
        try_kind(kind, 4, seed, told);
        try_kind(kind, 7, seed + 1, told);
    }
    assert_told(told, kind->kinds);
}

/* One seed is one run, liars and all. */
static struct qnk_hash trace_of(uint64_t seed)
{
    struct trial trial = {.validators = 4};
    struct qnk_hash trace;

    trial_open(&trial, QNK_LIES_ALL & ~ONE(QNK_LIE_TWIN), false, seed);
    net_run_ms(trial.net, 3000);
    qnk_world_trace(trial.net->world, &trace);
    trial_close(&trial);
    return trace;
}

static void equal_seeds_tell_equal_lies(void **state)
{
    struct qnk_hash first = trace_of(11);
    struct qnk_hash again = trace_of(11);
    struct qnk_hash other = trace_of(12);

    (void)state;
    assert_memory_equal(&first, &again, sizeof first);
    assert_memory_not_equal(&first, &other, sizeof first);
}

static void a_liar_that_stops_is_honest_or_silent(void **state)
{
    for (uint32_t silent = 0; silent < 2; silent++) {
        struct trial trial = {.validators = 4};
        uint64_t counts[QNK_LIES];

        (void)state;
        trial_open(&trial, QNK_LIES_ALL & ~ONE(QNK_LIE_TWIN), false, 21);
        net_run_ms(trial.net, 5000);
        qnk_liars_stop(trial.liars, silent == 1);
        for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
            counts[lie] = qnk_liars_count(trial.liars, lie);
        }
        net_run_ms(trial.net, 5000);
        for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
            assert_int_equal(qnk_liars_count(trial.liars, lie), counts[lie]);
        }
        qnk_world_crash(trial.net->world, 0); /* then the liar's vote is needed */

        uint64_t window = look(trial.net, 1).final_window;

        net_run_ms(trial.net, 10000);
        if (silent == 1) {
            assert_true(look(trial.net, 1).final_window <= window + 1);
        } else {
            assert_true(look(trial.net, 1).final_window > window + 2);
        }
        trial_close(&trial);
    }
}

static void of_twins_that_stop_one_goes_on(void **state)
{
    struct trial trial = {.validators = 4};
    uint64_t doubles, window;

    (void)state;
    trial_open(&trial, ONE(QNK_LIE_TWIN), false, 22);
    net_run_ms(trial.net, 6000);
    assert_true(doubles_of(&trial) > 0);
    qnk_liars_stop(trial.liars, false);
    net_run_ms(trial.net, 2000);
    doubles = doubles_of(&trial);
    net_run_ms(trial.net, 6000);
    assert_int_equal(doubles_of(&trial), doubles);
    qnk_world_crash(trial.net->world, 0); /* then the vote of the one is needed */
    window = look(trial.net, 1).final_window;
    net_run_ms(trial.net, 10000);
    assert_true(look(trial.net, 1).final_window > window + 2);
    trial_close(&trial);
}

int main(void)
{
    struct CMUnitTest tests[KINDS + 3] = {
        cmocka_unit_test(equal_seeds_tell_equal_lies),
        cmocka_unit_test(a_liar_that_stops_is_honest_or_silent),
        cmocka_unit_test(of_twins_that_stop_one_goes_on),
    };

    for (uint32_t i = 0; i < KINDS; i++) {
        tests[3 + i] = (struct CMUnitTest){
            .name = kinds[i].name,
            .test_func = a_kind_of_lie,
            .initial_state = (void *)(uintptr_t)&kinds[i],
        };
    }
    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
