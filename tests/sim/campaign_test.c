/* SPDX-License-Identifier: MIT */

/* Plans, runs, campaigns and shrinking themselves: a bug that is planted in a network of shipped
 * plugins must be found, shrunk to what it needs, and repeated; and nothing else may fail. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "kernel/qnet/sim_files.h"
#include "kernel/sim/shrink.h"

enum { NODES = 4, PLANTED = 1, SEEDS = 8, VERDICTS_MAX = 64, WINDOW = 10 };

static struct qnk_budget budget = {.limit = (size_t)16 << 30};
static struct qnk_cast *casts[2]; /* by level */

/* --- the bed --- */

static struct qnk_cast_file file_of(const char *text)
{
    return (struct qnk_cast_file){"test.yaml", {(const uint8_t *)text, strlen(text)}};
}

static struct qnk_cast *cast_make(struct qnk_loader *loader, uint32_t level)
{
    const struct qnk_cast_setup setup = {
        .budget = &budget,
        .loader = loader,
        .network = file_of(qnk_sim_network),
        .node = file_of(qnk_sim_node),
        .nodes = NODES,
        .validators = NODES,
        .spare = 1,
        .level = level,
    };
    struct qnk_cast *cast = NULL;
    char why[QNK_CAST_WHY] = "";

    if (qnk_cast_create(&setup, &cast, why) != QN_OK) {
        fprintf(stderr, "# %s\n", why);
    }
    return cast;
}

static bool bed_make(void)
{
    const char *root = getenv("top_builddir");
    char search[1024], why[QNK_PLUGIN_WHY_MAX] = "";
    const struct qnk_loader_options options = {
        .budget = &budget, .search = search, .trust = QNK_TRUST_OFF};
    struct qnk_loader *loader;

    snprintf(search, sizeof search, "%s/plugins", root == NULL ? "." : root);
    if (sodium_init() < 0 || qnk_loader_create(&options, &loader, why) != QN_OK) {
        fprintf(stderr, "# %s\n", why);
        return false;
    }
    casts[0] = cast_make(loader, QNK_CAST_L0);
    casts[1] = cast_make(loader, QNK_CAST_L1);
    return casts[0] != NULL && casts[1] != NULL;
}

/* --- campaigns --- */

struct results {
    struct qnk_verdict verdicts[VERDICTS_MAX]; /* by seed */
    uint32_t count;
};

static void came(void *ctx, const struct qnk_verdict *verdict)
{
    struct results *results = ctx;

    assert_true(verdict->seed < VERDICTS_MAX);
    results->verdicts[verdict->seed] = *verdict;
    results->count++;
}

static struct qnk_campaign_setup campaign_of(struct qnk_cast *cast, struct results *results)
{
    *results = (struct results){0};
    return (struct qnk_campaign_setup){
        .budget = &budget,
        .cast = cast,
        .plan =
            {
                .mode = QNK_PLAN_LIVENESS,
                .nodes = NODES,
                .validators = NODES,
                .senders = QNK_CAST_SENDERS,
                .window = WINDOW,
                .liars = 1,
                .weak = 1,
                .kinds = UINT64_MAX,
                .quiet_us = 300000,
                .length_us = 3500000,
            },
        .first = 1,
        .last = SEEDS,
        .jobs = 2,
        .limit_ms = 600000,
        .ctx = results,
        .came = came,
    };
}

/* --- planted bugs --- */

/* A node that lost its power once hears nothing any more. */
static bool is_deaf;

static void planted_stopped(void *ctx, uint32_t node)
{
    (void)ctx;
    is_deaf = is_deaf || node == PLANTED;
}

static bool planted_event(void *ctx, uint32_t node, struct qnk_event *event)
{
    (void)ctx;
    return !is_deaf || node != PLANTED || event->type != QNK_EVENT_FRAME;
}

static void deafness_plant(void *ctx, struct qnk_world *world)
{
    const struct qnk_watch watch = {.stopped = planted_stopped, .event = planted_event};

    (void)ctx;
    is_deaf = false;
    qnk_world_watch(world, &watch);
}

/* The process itself dies of it. */
static void deadly_stopped(void *ctx, uint32_t node)
{
    (void)ctx;
    if (node == PLANTED) {
        _Exit(7);
    }
}

static void death_plant(void *ctx, struct qnk_world *world)
{
    const struct qnk_watch watch = {.stopped = deadly_stopped};

    (void)ctx;
    qnk_world_watch(world, &watch);
}

/* --- cases --- */

static struct qnk_plan *plan_of(const struct qnk_plan_setup *setup, uint64_t seed)
{
    struct qnk_plan *plan = calloc(1, sizeof *plan);
    struct qnk_plan_setup wanted = *setup;

    assert_non_null(plan);
    wanted.seed = seed;
    qnk_plan_draw(plan, &wanted);
    return plan;
}

/* By fields: between them lies what was in memory before. */
static void assert_same_plan(const struct qnk_plan *a, const struct qnk_plan *b)
{
    assert_int_equal(a->harms_count, b->harms_count);
    assert_int_equal(a->pays_count, b->pays_count);
    for (uint32_t i = 0; i < a->harms_count; i++) {
        const struct qnk_harm *one = &a->harms[i], *other = &b->harms[i];

        assert_int_equal(one->number, other->number);
        assert_int_equal(one->kind, other->kind);
        assert_int_equal(one->a, other->a);
        assert_int_equal(one->b, other->b);
        assert_int_equal(one->from_us, other->from_us);
        assert_int_equal(one->until_us, other->until_us);
        assert_int_equal(one->height, other->height);
        assert_int_equal(one->value, other->value);
    }
    for (uint32_t i = 0; i < a->pays_count; i++) {
        const struct qnk_pay *one = &a->pays[i], *other = &b->pays[i];

        assert_int_equal(one->at_us, other->at_us);
        assert_int_equal(one->node, other->node);
        assert_int_equal(one->sender, other->sender);
        assert_int_equal(one->count, other->count);
    }
}

static void a_seed_is_a_plan_and_masking_leaves_the_rest_of_it(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[0], &results);
    uint32_t harms = 0;

    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed), *again = plan_of(&setup.plan, seed);

        assert_same_plan(plan, again);
        assert_true(plan->harms_count < QNK_PLAN_HARMS_MAX);
        qnk_plan_mask(again, (uint32_t[]){2}, 1);
        for (uint32_t i = 0; i < plan->harms_count; i++) {
            assert_int_equal(again->harms[i].is_off, i != 1);
            assert_true(plan->harms[i].from_us <= plan->harms[i].until_us);
        }
        assert_same_plan(plan, again);
        harms += plan->harms_count;
        free(plan);
        free(again);
    }
    assert_true(harms > 300);
}

static void every_kind_of_harm_comes_and_can_be_left_out(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[0], &results);
    uint64_t seen = 0;

    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);

        for (uint32_t i = 0; i < plan->harms_count; i++) {
            seen |= UINT64_C(1) << plan->harms[i].kind;
        }
        free(plan);
    }
    seen |= UINT64_C(1) << QNK_HARM_LOOP; /* which comes as crashes */
    assert_int_equal(seen, (UINT64_C(1) << QNK_HARMS) - 1);
    setup.plan.kinds = 1u << QNK_HARM_LINK;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);

        for (uint32_t i = 0; i < plan->harms_count; i++) {
            assert_int_equal(plan->harms[i].kind, QNK_HARM_LINK);
        }
        free(plan);
    }
}

static uint32_t harms_of(const struct qnk_plan *plan, uint32_t kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < plan->harms_count; i++) {
        count += plan->harms[i].kind == kind;
    }
    return count;
}

/* The swap that a sick engine is of begins where the sickness does, and before it. */
static void assert_has_swap(const struct qnk_plan *plan, const struct qnk_harm *sick)
{
    bool is_there = false;

    for (uint32_t i = 0; i + 1 < sick->number; i++) {
        const struct qnk_harm *harm = &plan->harms[i];

        is_there = is_there || (harm->kind == QNK_HARM_SWAP && harm->from_us == sick->from_us &&
                                harm->height == sick->height);
    }
    assert_true(is_there);
    assert_true(sick->a < plan->setup.validators && sick->b < QNK_SICKNESSES);
}

static void swaps_are_to_sick_engines_or_to_lockless_ones_where_nobody_lies(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[0], &results);
    uint32_t sick = 0, lockless = 0;

    (void)state;
    setup.plan.always = UINT64_C(1) << QNK_HARM_SWAP;
    for (uint64_t seed = 1; seed < 200; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);
        bool may_be = plan->liars == 0 && harms_of(plan, QNK_HARM_SICK) == 0;

        assert_true(harms_of(plan, QNK_HARM_SWAP) > 0);
        sick += harms_of(plan, QNK_HARM_SICK) > 0;
        lockless += may_be;
        for (uint32_t i = 0; i < plan->harms_count; i++) {
            const struct qnk_harm *harm = &plan->harms[i];

            if (harm->kind == QNK_HARM_SICK) {
                assert_has_swap(plan, harm);
            } else if (harm->kind == QNK_HARM_SWAP) {
                assert_int_equal((harm->value & QNK_HARM_LOCKLESS) != 0, may_be);
            }
        }
        free(plan);
    }
    assert_in_range(sick, 60, 180);
    assert_in_range(lockless, 10, 100);
    setup.plan.is_lockless = true;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);

        assert_int_equal(harms_of(plan, QNK_HARM_SICK), 0);
        free(plan);
    }
}

/* Whom a harm begins for, and with which block. */
struct told {
    uint64_t height; /* the highest so far */
    uint32_t pinned; /* harms that began with a block, */
    uint32_t early;  /* and those of them that began before it */
};

static void tell(void *ctx, uint64_t at_us, uint32_t node, const char *what, const char *text)
{
    struct told *told = ctx;
    const char *from = strstr(text, " from block ");

    (void)at_us;
    (void)node;
    if (strcmp(what, "block") == 0 && strtoull(text, NULL, 10) > told->height) {
        told->height = strtoull(text, NULL, 10);
    } else if (strcmp(what, "fault") == 0 && from != NULL && strstr(text, ": over") == NULL) {
        told->pinned++;
        told->early += strtoull(from + strlen(" from block "), NULL, 10) > told->height;
    }
}

static void harms_of_some_seeds_begin_at_the_ends_of_windows(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    struct told told = {0};
    const struct qnk_teller teller = {.ctx = &told, .tell = tell};
    uint32_t seeds = 0;

    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);
        struct qnk_verdict verdict;
        uint32_t count = 0;

        for (uint32_t i = 0; i < plan->harms_count; i++) {
            uint64_t beside = (plan->harms[i].height + 1) % WINDOW;

            assert_true(plan->harms[i].height <= 1 || beside < 3);
            count += plan->harms[i].height > 0;
        }
        free(plan);
        seeds += count > 0;
        if (count > 0 && seeds <= 6) {
            told.height = 0;
            qnk_campaign_seed(&setup, seed, &teller, &verdict);
            assert_string_equal(verdict.words, "");
        }
    }
    assert_in_range(seeds, 10, 40);
    assert_true(told.pinned > 10);
    assert_int_equal(told.early, 0);
}

static void the_weak_weigh_less_than_a_third(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    struct qnk_set_member members[NODES] = {{{{0}}, 0}};
    struct qnk_set *set = NULL;
    uint32_t counts[3] = {0};

    (void)state;
    for (uint32_t i = 0; i < NODES; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = i + 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, NODES, &set), QN_OK);
    setup.plan.set = set;
    setup.plan.weak = setup.plan.liars = 2;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);
        uint64_t weight = 0;

        for (uint32_t i = 0; i < plan->weak_count; i++) {
            weight += set->members[plan->weak[i]].weight;
        }
        assert_true(weight <= 3 && plan->liars <= plan->weak_count);
        counts[plan->weak_count]++;
        free(plan);
    }
    assert_true(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
    qnk_set_unref(set);
}

static void a_seed_is_one_run_at_either_level_in_any_process(void **state)
{
    struct results first, second;
    struct qnk_campaign_setup setup = campaign_of(casts[0], &first);
    struct qnk_verdict here;

    (void)state;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    setup = campaign_of(casts[1], &second);
    setup.jobs = 1;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    assert_int_equal(first.count, SEEDS);
    assert_int_equal(second.count, SEEDS);
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        assert_string_equal(first.verdicts[seed].words, "");
        assert_true(first.verdicts[seed].is_good && second.verdicts[seed].is_good);
        assert_memory_equal(&first.verdicts[seed].trace, &second.verdicts[seed].trace,
                            QN_HASH_SIZE);
        assert_true(first.verdicts[seed].windows >= 3 && first.verdicts[seed].txs > 0);
    }
    qnk_campaign_seed(&setup, 2, NULL, &here);
    assert_memory_equal(&here.trace, &first.verdicts[2].trace, QN_HASH_SIZE);
    assert_memory_not_equal(&here.trace, &first.verdicts[3].trace, QN_HASH_SIZE);
}

/* The first seed of the planted campaign that fails; 0: none does. */
static uint64_t first_failing(const struct results *results)
{
    uint64_t seed = 1;

    while (seed < VERDICTS_MAX && results->verdicts[seed].oracle[0] == 0) {
        seed++;
    }
    return seed < VERDICTS_MAX ? seed : 0;
}

static void a_planted_bug_is_found_shrunk_and_repeated(void **state)
{
    struct results results, again;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    struct qnk_shrunk shrunk;
    struct qnk_plan *plan;
    uint64_t seed;
    uint32_t kind;

    (void)state;
    setup.opened = deafness_plant;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    seed = first_failing(&results);
    assert_true(seed > 0);
    assert_string_equal(results.verdicts[seed].oracle, "V1");

    assert_int_equal(qnk_shrink(&setup, seed, NULL, NULL, &shrunk), QN_OK);
    assert_false(shrunk.verdict.is_good);
    assert_int_equal(shrunk.after, 1);
    assert_true(shrunk.before > 1 && shrunk.is_whole);
    plan = plan_of(&setup.plan, seed);
    kind = plan->harms[shrunk.numbers[0] - 1].kind;
    assert_true(kind == QNK_HARM_POWER || plan->harms[shrunk.numbers[0] - 1].a == PLANTED);
    free(plan);

    setup = campaign_of(casts[1], &again);
    setup.opened = deafness_plant;
    setup.first = setup.last = seed;
    setup.only = shrunk.numbers;
    setup.only_count = 1;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    assert_string_equal(again.verdicts[seed].oracle, "V1");
    setup.only_count = 0;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    assert_string_equal(again.verdicts[seed].oracle, "");
}

static void a_worker_that_dies_is_a_failed_seed_and_the_rest_is_run(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    uint32_t died = 0;

    (void)state;
    setup.opened = death_plant;
    setup.plan.mode = QNK_PLAN_SAFETY;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    assert_int_equal(results.count, SEEDS);
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        died += !results.verdicts[seed].is_good;
        if (!results.verdicts[seed].is_good) {
            assert_string_equal(results.verdicts[seed].oracle, "P0");
            assert_string_equal(results.verdicts[seed].words, "the process ended with 7");
        }
    }
    assert_true(died > 0 && died < SEEDS);
}

/* Only the longest step counts, so a bound that every step keeps is broken by none. */
static void a_step_that_takes_too_long_breaks_r1(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    struct qnk_verdict verdict;

    (void)state;
    setup.plan.kinds = 0;
    setup.plan.mode = QNK_PLAN_SAFETY;
    qnk_campaign_seed(&setup, 3, NULL, &verdict);
    assert_true(verdict.is_good && verdict.step_max_us > 0);
    setup.step_us = 1;
    qnk_campaign_seed(&setup, 3, NULL, &verdict);
    assert_false(verdict.is_good);
    assert_string_equal(verdict.oracle, "R1");
    assert_non_null(strstr(verdict.words, "processor time, of 1 at most"));
}

static void liars_tell_what_they_may_alone(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    const uint32_t may = 1u << QNK_LIE_GARBAGE | 1u << QNK_LIE_DOUBLE_VOTE;
    uint32_t seen = 0;

    (void)state;
    setup.plan.kinds = setup.plan.always = UINT64_C(1) << QNK_HARM_LIE;
    setup.plan.lies = may;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct qnk_plan *plan = plan_of(&setup.plan, seed);

        assert_true(plan->harms_count > 0);
        for (uint32_t i = 0; i < plan->harms_count; i++) {
            assert_int_equal(plan->harms[i].kind, QNK_HARM_LIE);
            seen |= 1u << plan->harms[i].b;
        }
        free(plan);
    }
    assert_int_equal(seen, may);
}

static volatile sig_atomic_t is_stopped;

static void came_once(void *ctx, const struct qnk_verdict *verdict)
{
    came(ctx, verdict);
    is_stopped = 1;
}

static void a_campaign_that_is_stopped_gives_up_what_runs(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);

    (void)state;
    setup.last = 60;
    setup.came = came_once;
    setup.stop = &is_stopped;
    assert_int_equal(qnk_campaign(&setup), QN_CANCELLED);
    assert_in_range(results.count, 1, 50);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
}

static void seeds_that_are_done_are_not_run_again(void **state)
{
    struct results results;
    struct qnk_campaign_setup setup = campaign_of(casts[1], &results);
    const uint8_t done[] = {0xef}; /* all but seed 5 */

    (void)state;
    setup.done = done;
    setup.plan.mode = QNK_PLAN_SAFETY;
    assert_int_equal(qnk_campaign(&setup), QN_OK);
    assert_int_equal(results.count, 1);
    assert_true(results.verdicts[5].is_good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_is_a_plan_and_masking_leaves_the_rest_of_it),
        cmocka_unit_test(every_kind_of_harm_comes_and_can_be_left_out),
        cmocka_unit_test(swaps_are_to_sick_engines_or_to_lockless_ones_where_nobody_lies),
        cmocka_unit_test(harms_of_some_seeds_begin_at_the_ends_of_windows),
        cmocka_unit_test(the_weak_weigh_less_than_a_third),
        cmocka_unit_test(a_seed_is_one_run_at_either_level_in_any_process),
        cmocka_unit_test(a_planted_bug_is_found_shrunk_and_repeated),
        cmocka_unit_test(a_worker_that_dies_is_a_failed_seed_and_the_rest_is_run),
        cmocka_unit_test(a_step_that_takes_too_long_breaks_r1),
        cmocka_unit_test(liars_tell_what_they_may_alone),
        cmocka_unit_test(a_campaign_that_is_stopped_gives_up_what_runs),
        cmocka_unit_test(seeds_that_are_done_are_not_run_again),
    };

    if (!bed_make()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
