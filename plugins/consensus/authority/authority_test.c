/* SPDX-License-Identifier: MIT */

/* authority_test.c: the contract of every engine, then what is peculiar to one approval. */

#include "tests/test.h"

#include <string.h>

#include "authority.manifest.h"
#include "sdk/check/told.h"

enum { RETRY_MS = 2000, WAIT_MS = 5000 };

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = AUTHORITY_MEMORY,
    .lanes = AUTHORITY_LANES,
    .steps = 1 << WORLD_FINAL | 1 << WORLD_PROPOSE,
};

static struct qn_check_given whole(void)
{
    struct qn_check_given it = given;

    it.config = authority_config_default();
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

static uint8_t approved(struct world *world)
{
    const struct world_vote *own = world_own(world, 0, 0, WORLD_FINAL);

    return own != NULL ? own->digest : 0;
}

/* --- what is approved --- */

static void a_candidate_is_offered_and_not_approved_yet(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_act(world, 1, 0, WORLD_PROPOSE, -1, 1);
    world_wait(world, 600000);
    assert_non_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_int_equal(approved(world), 0);
}

static void what_a_quorum_offers_is_approved_at_once(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_act(world, 1, 0, WORLD_PROPOSE, -1, 1);
    world_act(world, 2, 0, WORLD_PROPOSE, -1, 1);
    world_wait(world, 100);
    assert_int_equal(approved(world), 1);
}

static void who_is_a_quorum_alone_needs_no_offers(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = {.seed = 1, .nodes = 1, .candidates = {1}};

    world_begin(world, &plan);
    world_wait(world, 100);
    assert_true(world_is_final(world));
    assert_null(world_own(world, 0, 0, WORLD_PROPOSE));

    plan = world_one;
    plan.weights[0] = 7;
    world_begin(world, &plan);
    world_wait(world, 100);
    assert_true(world_is_final(world));
}

/* Two offer 2, this one 1, the last is not heard: a quorum, and no digest has it. */
static void differing_offers_are_waited_for_then_the_heaviest_is_approved(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_act(world, 1, 0, WORLD_PROPOSE, -1, 2);
    world_act(world, 2, 0, WORLD_PROPOSE, -1, 2);
    world_wait(world, WAIT_MS - 100);
    assert_int_equal(approved(world), 0);
    world_wait(world, 200);
    assert_int_equal(approved(world), 2);
}

static void when_all_have_offered_nothing_is_waited_for(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_act(world, 1, 0, WORLD_PROPOSE, -1, 2);
    world_act(world, 2, 0, WORLD_PROPOSE, -1, 2);
    world_act(world, 3, 0, WORLD_PROPOSE, -1, 1);
    world_wait(world, 1500); /* the check takes a second */
    assert_int_equal(approved(world), 1);
}

static void what_a_third_has_approved_is_followed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_act(world, 1, 0, WORLD_FINAL, -1, 2);
    world_wait(world, 60000);
    assert_int_equal(approved(world), 0); /* it may be a liar */
    world_act(world, 2, 0, WORLD_FINAL, -1, 2);
    world_wait(world, 1500);
    assert_int_equal(approved(world), 2);
}

/* A liar's digest is invalid, whatever weight is behind it. */
static void what_is_invalid_is_passed_over(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        world_act(world, from, 0, WORLD_PROPOSE, -1, WORLD_INVALID);
        world_act(world, from, 0, WORLD_FINAL, -1, WORLD_INVALID);
    }
    assert_int_equal(approved(world), 0);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world_act(world, 1, 0, WORLD_PROPOSE, -1, WORLD_INVALID);
    world_act(world, 2, 0, WORLD_PROPOSE, -1, WORLD_INVALID);
    world_act(world, 3, 0, WORLD_PROPOSE, -1, 1);
    world_wait(world, 3000);
    assert_int_equal(approved(world), 1);
}

static void a_refusal_is_asked_again_after_retry(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    world->nodes[0].refuse_from = world->nodes[0].requests;
    world->nodes[0].refuse_count = 1;
    world_act(world, 1, 0, WORLD_PROPOSE, -1, 1);
    world_act(world, 2, 0, WORLD_PROPOSE, -1, 1);
    world_wait(world, RETRY_MS - 200);
    assert_int_equal(approved(world), 0);
    world_wait(world, 400);
    assert_int_equal(approved(world), 1);
}

static void only_round_0_counts(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &world_one);
    world_wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        struct world_vote it = {
            .round = 1,
            .vr = -1,
            .step = WORLD_PROPOSE,
            .from = from,
            .digest = 1,
        };

        world_inject(world, 0, &it);
        it.step = WORLD_FINAL;
        world_inject(world, 0, &it);
    }
    world_wait(world, 60000);
    assert_int_equal(approved(world), 0);
    world_check(world); /* no certificate was asked for */
}

/* Six members on a good net, two of them down, each of the others with one of two chains. */
static void members_on_two_branches_come_to_one(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world_plan plan = {.seed = seed, .nodes = 7, .roles = {WORLD_SILENT, WORLD_SILENT}};

        for (uint32_t i = 2; i < 7; i++) {
            plan.candidates[i] = (uint8_t)(1 + (seed >> i & 1));
            plan.candidates_ms[i] = (uint32_t)(seed * i * 37 % 3000);
        }
        world_begin(world, &plan);
        world_wait(world, 60000);
        world_check(world);
        assert_true(world_is_final(world));
    }
}

/* --- instances --- */

static bool has_words(const struct qn_node *node, const char *words)
{
    struct qn_span said = qn_check_node_words(node);
    char text[1024] = {0};

    assert_true(said.size < sizeof text);
    memcpy(text, said.data, said.size);
    return strstr(text, words) != NULL;
}

static void it_says_what_it_does_not_tolerate(void **subject)
{
    struct qn_check_given it = whole();
    struct told told;

    (void)subject;
    told_begin(&told, &it);
    assert_true(has_words(told.node, "tolerates crashes"));
    assert_true(has_words(told.node, "no liars"));
    assert_true(told_says(&told, "idle; tolerates crashes only, no liars"));
    told_end(&told);
}

static void approvals_that_differ_for_good_are_said_once(void **subject)
{
    struct qn_check_given it = whole();
    struct told told;

    (void)subject;
    told_begin(&told, &it);
    told_open(&told, 2, 3, UINT32_MAX, 5);
    told_vote(&told, 0, WORLD_FINAL, 5);
    assert_false(has_words(told.node, "differ for good"));
    told_vote(&told, 1, WORLD_FINAL, 6);
    assert_true(has_words(told.node, "differ for good"));
    assert_int_equal(told.counts[QN_CONSENSUS_EFFECT_CERTIFY], 0);
    told_end(&told);
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
    told_where_it_is(&it, "offer, window 1 round 0: 0 of 3; tolerates crashes only, no liars", 4);
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
        cmocka_unit_test(a_candidate_is_offered_and_not_approved_yet),
        cmocka_unit_test(what_a_quorum_offers_is_approved_at_once),
        cmocka_unit_test(who_is_a_quorum_alone_needs_no_offers),
        cmocka_unit_test(differing_offers_are_waited_for_then_the_heaviest_is_approved),
        cmocka_unit_test(when_all_have_offered_nothing_is_waited_for),
        cmocka_unit_test(what_a_third_has_approved_is_followed),
        cmocka_unit_test(what_is_invalid_is_passed_over),
        cmocka_unit_test(a_refusal_is_asked_again_after_retry),
        cmocka_unit_test(only_round_0_counts),
        cmocka_unit_test(members_on_two_branches_come_to_one),
        cmocka_unit_test(it_says_what_it_does_not_tolerate),
        cmocka_unit_test(approvals_that_differ_for_good_are_said_once),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_it_answers_is_where_it_is),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
