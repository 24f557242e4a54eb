/* SPDX-License-Identifier: MIT */

/* bft_test.c: the contract of every engine, then what is peculiar to this one. */

#include "tests/test.h"

#include <string.h>

#include "bft.manifest.h"
#include "sdk/check/told.h"

enum { ROUND_MS = 15000, DELTA_MS = 2000 };

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = BFT_MEMORY,
    .lanes = BFT_LANES,
    .steps = 1 << WORLD_PREPARE | 1 << WORLD_FINAL | 1 << WORLD_TIMEOUT | 1 << WORLD_PROPOSE,
};

static struct qn_check_given whole(void)
{
    struct qn_check_given it = given;

    it.config = bft_config_default();
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

/* The first seed, from `from` on, with which member 0 leads this round, or does not. */
static uint64_t seed_with(uint64_t from, uint32_t round, bool leads)
{
    uint64_t seed = from;

    while ((world_leader(seed, round) == 0) != leads) {
        seed++;
    }
    return seed;
}

static void begin(struct world *world, uint32_t round, bool leads)
{
    struct world_plan plan = world_one;

    plan.seed = seed_with(1, round, leads);
    world_begin(world, &plan);
    world_wait(world, 100);
}

/* --- rounds --- */

static void a_leader_proposes_what_it_has_at_once_in_round_0(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, true);
    assert_non_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 0, WORLD_PROPOSE)->digest, 1);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
    begin(world, 0, false);
    world_wait(world, ROUND_MS - 200);
    assert_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void only_the_leader_is_believed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = world_one;

    plan.seed = seed_with(1, 0, false);
    world_begin(world, &plan);
    world_wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        if (world_leader(plan.seed, 0) != from) {
            world_act(world, from, 0, WORLD_PROPOSE, -1, 1);
        }
    }
    world_wait(world, 1000);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_act(world, (uint8_t)world_leader(plan.seed, 0), 0, WORLD_PROPOSE, -1, 1);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* One member more is a liar at most, two hold an honest one, three are a quorum. */
static void only_a_quorum_of_time_outs_ends_a_round(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, false);
    world_act(world, 1, 1, WORLD_TIMEOUT, -1, 0);
    world_act(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    world_wait(world, 1000);
    assert_int_equal(world->nodes[0].round, 0);
    world_act(world, 3, 1, WORLD_TIMEOUT, -1, 0);
    world_wait(world, 1000);
    assert_int_equal(world->nodes[0].round, 1);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT)); /* it says what it knows */
}

static void an_own_time_out_alone_ends_nothing(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world_wait(world, ROUND_MS - 200);
    assert_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    world_wait(world, 400);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    world_wait(world, 10 * ROUND_MS);
    assert_null(world_own(world, 0, 2, WORLD_TIMEOUT));
}

static void who_has_timed_out_signs_nothing_more_in_that_round(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world_wait(world, ROUND_MS + 200);
    world_act_all(world, 0, WORLD_PROPOSE, 1);
    world_act_all(world, 0, WORLD_PREPARE, 1);
    world_wait(world, 5000);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    assert_null(world_own(world, 0, 0, WORLD_FINAL));
    world_check(world);
}

static void a_refused_time_out_is_tried_again_after_as_long(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world->nodes[0].refuse_from = world->nodes[0].requests;
    world->nodes[0].refuse_count = 1;
    world_wait(world, ROUND_MS + 200);
    assert_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    world_wait(world, ROUND_MS);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT));
}

/* --- leaders of later rounds --- */

static void a_leader_waits_delta_for_the_last_time_out(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    world_wait(world, ROUND_MS);
    world_act(world, 1, 1, WORLD_TIMEOUT, -1, 0);
    world_act(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    world_wait(world, DELTA_MS - 100);
    assert_int_equal(world->nodes[0].round, 1);
    assert_null(world_own(world, 0, 1, WORLD_PROPOSE));
    world_wait(world, 200);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
}

static void a_leader_that_has_heard_all_does_not_wait(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    world_wait(world, ROUND_MS);
    world_act_all(world, 1, WORLD_TIMEOUT, 0);
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
}

static void a_leader_with_the_last_rounds_certificate_does_not_wait(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    world_inject_certificate(world, 0, 0, -1, 1, 14);
    world_wait(world, ROUND_MS);
    world_act(world, 1, 1, WORLD_TIMEOUT, 0, 1);
    world_act(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    world_wait(world, 100);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 1, WORLD_PROPOSE)->vr, 0);
}

/* A time-out that comes within delta brings a certificate that was not known here. */
static void a_leader_proposes_the_highest_certificate_that_it_heard_of(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = world_one;

    plan.seed = seed_with(1, 2, true);
    world_begin(world, &plan);
    world_wait(world, 100);
    world_act_all(world, 1, WORLD_TIMEOUT, 0);
    world_wait(world, ROUND_MS * 2);
    world_act(world, 1, 2, WORLD_TIMEOUT, -1, 0);
    world_act(world, 2, 2, WORLD_TIMEOUT, -1, 0);
    world_wait(world, 500);
    assert_null(world_own(world, 0, 2, WORLD_PROPOSE));
    world_inject_certificate(world, 0, 0, -1, 2, 14);
    world_act(world, 3, 2, WORLD_TIMEOUT, 0, 2);
    world_wait(world, DELTA_MS);
    assert_non_null(world_own(world, 0, 2, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 2, WORLD_PROPOSE)->digest, 2);
    assert_int_equal(world_own(world, 0, 2, WORLD_PROPOSE)->vr, 0);
    world_check(world);
}

/* What the time-out says is what may unlock others. */
static void a_time_out_names_the_highest_certificate(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world_inject_certificate(world, 0, 0, -1, 2, 14);
    world_wait(world, ROUND_MS + 200);
    assert_int_equal(world_own(world, 0, 1, WORLD_TIMEOUT)->vr, 0);
    assert_int_equal(world_own(world, 0, 1, WORLD_TIMEOUT)->digest, 2);
    world_act_all(world, 1, WORLD_TIMEOUT, 0);
    world_inject_certificate(world, 0, 1, -1, 3, 14);
    world_wait(world, ROUND_MS * 2);
    assert_int_equal(world_own(world, 0, 2, WORLD_TIMEOUT)->vr, 1);
    assert_int_equal(world_own(world, 0, 2, WORLD_TIMEOUT)->digest, 3);
}

/* --- instances --- */

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
    told_where_it_is(&it, "propose, window 1 round 0: 0 of 3", 4);
}

/* And asks for nothing on the way. */
static void own_votes_of_before_bring_it_into_their_round(void **subject)
{
    enum { BEFORE = 3 };
    struct qn_check_given it = whole();
    struct told told;

    (void)subject;
    told_begin(&told, &it);
    told_open(&told, 1, 3, 0, 5);
    told_signed(&told, 2, WORLD_PREPARE, 5, BEFORE);
    assert_int_equal(told_status(&told).round, 2);
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
    told_end(&told);
}

static int32_t create_with(struct bft_config *values)
{
    uint8_t config[128];
    struct qn_check_given it = given;

    it.config.data = config;
    it.config.size = (uint64_t)(bft_config_write(values, config) - config);
    return qn_check_create(&it);
}

static void times_that_contradict_each_other_are_refused(void **subject)
{
    struct bft_config values = bft_config_read(bft_config_default());

    (void)subject;
    assert_int_equal(create_with(&values), QN_OK);
    values.delta = values.round / 2 + 1;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.delta = values.round / 2;
    assert_int_equal(create_with(&values), QN_OK);
    values.round_max = values.round - 1;
    assert_int_equal(create_with(&values), QN_INVALID);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    qn_check_every_take_may_fail(&it);
}

/* --- messages --- */

/* A prepare goes to the leader alone, and a proposal to all. */
static void votes_go_to_the_leader_alone(void **subject)
{
    struct qn_check_given it = whole();

    (void)subject;
    for (uint32_t leads = 0; leads < 2; leads++) {
        uint64_t seed = seed_with(1, 0, leads == 1);
        struct told told;

        told_begin(&told, &it);
        told.to = 7;
        told_open(&told, 4, 1, 0, seed);
        told_candidate(&told, 5);
        assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], leads);
        assert_int_equal(told.to, leads == 1 ? UINT32_MAX : 7);
        told_vote(&told, world_leader(seed, 0), WORLD_PROPOSE, 5);
        assert_int_equal(told.to, world_leader(seed, 0));
        told_end(&told);
    }
}

/* --- verdicts --- */

/* Member 0 of four, in a round 0 that another one leads. */
static uint32_t follower_begin(struct told *told, const struct qn_check_given *it)
{
    uint64_t seed = seed_with(1, 0, false);

    told_begin(told, it);
    told_open(told, 4, 1, 0, seed);
    return world_leader(seed, 0);
}

/* The kernel drops a check when there are too many, and says so, perhaps after the chain came. */
static void a_candidate_stays_valid_whatever_is_answered_of_it(void **subject)
{
    static const uint8_t verdicts[] = {2, 3};
    struct qn_check_given it = whole();

    (void)subject;
    for (uint32_t i = 0; i < sizeof verdicts; i++) {
        struct told told;
        uint32_t leader = follower_begin(&told, &it);

        told_vote(&told, leader == 1 ? 2 : 1, WORLD_PREPARE, 5);
        assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
        told_candidate(&told, 5);
        told_checked(&told, 5, verdicts[i]);
        told_vote(&told, leader, WORLD_PROPOSE, 5);
        assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
        assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 1);
        told_end(&told);
    }
}

/* Nobody names it again: prepares go to the leader. */
static void a_proposal_that_could_not_be_told_is_asked_for_again(void **subject)
{
    struct qn_check_given it = whole();
    struct told told;
    uint32_t leader = follower_begin(&told, &it);

    (void)subject;
    told_vote(&told, leader, WORLD_PROPOSE, 5);
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
    told_checked(&told, 5, 3);
    told_head(&told, 91);
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_CHECK], 2);
    told_checked(&told, 5, 1);
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 1);
    told_end(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
        cmocka_unit_test(a_leader_proposes_what_it_has_at_once_in_round_0),
        cmocka_unit_test(only_the_leader_is_believed),
        cmocka_unit_test(only_a_quorum_of_time_outs_ends_a_round),
        cmocka_unit_test(an_own_time_out_alone_ends_nothing),
        cmocka_unit_test(who_has_timed_out_signs_nothing_more_in_that_round),
        cmocka_unit_test(a_refused_time_out_is_tried_again_after_as_long),
        cmocka_unit_test(a_leader_waits_delta_for_the_last_time_out),
        cmocka_unit_test(a_leader_that_has_heard_all_does_not_wait),
        cmocka_unit_test(a_leader_with_the_last_rounds_certificate_does_not_wait),
        cmocka_unit_test(a_leader_proposes_the_highest_certificate_that_it_heard_of),
        cmocka_unit_test(a_time_out_names_the_highest_certificate),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_it_answers_is_where_it_is),
        cmocka_unit_test(own_votes_of_before_bring_it_into_their_round),
        cmocka_unit_test(times_that_contradict_each_other_are_refused),
        cmocka_unit_test(no_memory_is_no_space),
        cmocka_unit_test(votes_go_to_the_leader_alone),
        cmocka_unit_test(a_candidate_stays_valid_whatever_is_answered_of_it),
        cmocka_unit_test(a_proposal_that_could_not_be_told_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
