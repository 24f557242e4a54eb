/* SPDX-License-Identifier: MIT */

/* commit-reveal_test.c: the contract of every engine, then what is peculiar to this one. */

#include "tests/test.h"

#include <string.h>

#include "commit-reveal.manifest.h"
#include "sdk/check/told.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = COMMIT_REVEAL_MEMORY,
    .lanes = COMMIT_REVEAL_LANES,
    .steps = 1 << WORLD_COMMIT | 1 << WORLD_PREPARE | 1 << WORLD_FINAL | 1 << WORLD_PROPOSE,
};

static struct qn_check_given whole(void)
{
    struct qn_check_given it = given;

    it.config = commit_reveal_config_default();
    return it;
}

static int start(void **subject)
{
    struct qn_check_given it = whole();

    *subject = qn_check_consensus_start(&it);
    return 0;
}

static int stop(void **subject)
{
    qn_check_consensus_stop(*subject);
    return 0;
}

/* --- times --- */

static void all_committed_ends_the_wait_for_commits(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 1000);
    assert_non_null(world_own(world, 0, 0, WORLD_COMMIT));
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_act_all(world, 0, WORLD_COMMIT, 1);
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* Two others of three commit: a quorum with the own, but not all. */
static void a_quorum_of_commits_is_enough_after_commit_min(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    for (uint8_t from = 1; from < 3; from++) {
        struct world_vote commit = {.from = from, .vr = -1, .digest = 1};

        world_inject(world, 0, &commit);
    }
    world_wait(world, 3900);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_wait(world, 200);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void alone_it_reveals_after_commit(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 59900);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_wait(world, 200);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* 60 of 90 blocks after the first head that was seen. */
static void two_thirds_of_a_window_of_blocks_end_the_wait_for_commits(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_head(world, 50);
    world_head(world, 109);
    world_head(world, 149);
    world_wait(world, 100);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_head(world, 150);
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void the_marks_count_from_a_head_beyond_the_window(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_head(world, 140);
    world_head(world, 199);
    world_wait(world, 100);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_head(world, 200);
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* Two digests of two members each: no more votes can help. */
static void a_hopeless_round_is_left_at_once(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        struct world_vote prepare = {
            .step = WORLD_PREPARE,
            .from = from,
            .vr = -1,
            .digest = from == 1 ? 1 : 2,
        };

        world_inject(world, 0, &prepare);
    }
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_FINAL));
    assert_int_equal(world_own(world, 0, 0, WORLD_FINAL)->digest, 0);
}

/* --- leaders --- */

static void leaders_are_drawn_from_the_seed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = world_one;
    uint32_t led = 0;

    for (plan.seed = 1; plan.seed <= 4; plan.seed++) {
        world_begin(world, &plan);
        world_wait(world, 100);
        for (uint32_t round = 1; round <= 10; round++) {
            bool is_own = world_leader(plan.seed, round) == 0;

            world_act_all(world, round - 1, WORLD_FINAL, 0);
            world_wait(world, 100);
            assert_int_equal(world_own(world, 0, round, WORLD_PROPOSE) != NULL, is_own);
            led += is_own;
        }
    }
    assert_in_range(led, 4, 20);
}

/* Its lock is older than the rounds that are kept, and its chain now ends otherwise. Only who
 * proposes what is locked, with its certificate, gets the others off theirs. */
static void what_was_prepared_long_before_a_restart_is_proposed_again(void **subject)
{
    enum { LEFT = 12 };
    struct world *world = qn_check_consensus_world(*subject);
    const struct world_vote *proposal = NULL;
    struct world_plan plan = world_one;
    uint32_t round = LEFT;

    plan.candidates[0] = 2;
    world_begin(world, &plan);
    world_wait(world, 100);
    world_act_all(world, 0, WORLD_PREPARE, 1);
    world_wait(world, 100);
    assert_int_equal(world_own(world, 0, 0, WORLD_FINAL)->digest, 1);
    for (uint32_t i = 0; i < LEFT; i++) {
        world_act_all(world, i, WORLD_FINAL, 0);
        world_wait(world, 30000); /* it says where it is */
    }
    world_crash(world, 0);
    world_restart(world, 0);
    for (; proposal == NULL && round < LEFT + 20; round++) {
        world_act_all(world, round, WORLD_FINAL, 0);
        world_wait(world, 100);
        proposal = world_own(world, 0, round + 1, WORLD_PROPOSE);
    }
    assert_non_null(proposal);
    assert_int_equal(proposal->digest, 1);
    assert_int_equal(proposal->vr, 0);
}

/* --- instances --- */

static void a_timer_of_a_round_that_is_over_means_nothing(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_timer timers[WORLD_TIMERS];
    struct told told = {.given = &given};
    uint32_t count = 0;

    world_begin(world, &world_one);
    world_act_all(world, 0, WORLD_FINAL, 0);
    memcpy(timers, world->nodes[0].timers, sizeof timers);
    world_act_all(world, 1, WORLD_FINAL, 0);
    told.inst = world->nodes[0].inst;
    for (uint32_t i = 0; i < WORLD_TIMERS; i++) {
        if (timers[i].is_set) {
            told_timer(&told, timers[i].id);
            count++;
        }
    }
    assert_true(count > 0);
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
}

static void who_does_not_vote_follows_and_asks_for_no_signature(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    told_without_a_vote(&it);
}

static void what_is_no_event_is_refused(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    told_no_event(&it);
}

static void what_it_answers_is_where_it_is(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    told_where_it_is(&it, "commit, window 1 round 0: 0 of 3", 1);
}

static int32_t create_with(struct commit_reveal_config *values)
{
    uint8_t config[128];
    struct qn_check_given it = given;

    it.config.data = config;
    it.config.size = (uint64_t)(commit_reveal_config_write(values, config) - config);
    return qn_check_create(&it);
}

static void times_that_contradict_each_other_are_refused(void **subject)
{
    struct commit_reveal_config values = commit_reveal_config_read(commit_reveal_config_default());

    (void)subject;
    assert_int_equal(create_with(&values), QN_OK);
    values.commit_min = values.commit + 1;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.commit_min = 0;
    values.base = values.reveal + 1;
    values.seal = values.reveal + 2;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.reveal = values.seal;
    assert_int_equal(create_with(&values), QN_OK);
    values.seal = values.base - 1;
    assert_int_equal(create_with(&values), QN_INVALID);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    qn_check_every_take_may_fail(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
        cmocka_unit_test(all_committed_ends_the_wait_for_commits),
        cmocka_unit_test(a_quorum_of_commits_is_enough_after_commit_min),
        cmocka_unit_test(alone_it_reveals_after_commit),
        cmocka_unit_test(two_thirds_of_a_window_of_blocks_end_the_wait_for_commits),
        cmocka_unit_test(the_marks_count_from_a_head_beyond_the_window),
        cmocka_unit_test(a_hopeless_round_is_left_at_once),
        cmocka_unit_test(leaders_are_drawn_from_the_seed),
        cmocka_unit_test(what_was_prepared_long_before_a_restart_is_proposed_again),
        cmocka_unit_test(a_timer_of_a_round_that_is_over_means_nothing),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_it_answers_is_where_it_is),
        cmocka_unit_test(times_that_contradict_each_other_are_refused),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
