/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/net/compare.h"

static struct qnk_budget budget = {.limit = SIZE_MAX};
static struct qnk_spec spec;
static struct qnk_story story;
static struct qnk_verdicts verdicts;

static const char text[] =
    "version: qnet.net/v1\n"
    "name: t\n"
    "provider: process\n"
    "nodes: [{name: v, count: 2, type: super}]\n"
    "load: [{rate: 1/s}]\n"
    "timeline:\n"
    "  - {id: crash, at: 10s, do: kill, node: v1, restart_after: 5s}\n"
    "  - {id: naps, every: 10s, jitter: 5s, from: 10s, until: 60s, do: pause, for: 1s,\n"
    "     node: {pick: random}}\n"
    "assert:\n"
    "  - {id: lag, always: \"finality_lag_blocks <= 5\", except: [crash], grace: 2s, from: 1s}\n"
    "  - {id: head, that: \"microblock_height >= 7\", nodes: v2, within: 3s}\n"
    "  - {id: fork, invariant: same_hash_at_height}\n"
    "  - {id: final, invariant: final_never_changes}\n"
    "  - {id: once, invariant: accepted_txs_final_once}\n"
    "  - {id: one, invariant: every_node_on_one_chain}\n"
    "  - {id: said, log: {event: trouble, count: 0}}\n"
    "  - {id: held, always: \"node_held == 0\"}\n";

static struct qnk_hash hash_of(uint8_t byte)
{
    struct qnk_hash hash = {.bytes = {byte, 1}};

    return hash;
}

/* A story in which all holds: one transfer, one window. */
static void story_begin(void)
{
    const struct qnk_spec_options options = {.budget = &budget};
    struct qnk_hash tx = hash_of(1), digest = hash_of(2), block = hash_of(3);

    assert_int_equal(qnk_spec_read(&spec, &options, "t.yaml",
                                   (struct qn_span){(const uint8_t *)text, sizeof text - 1}),
                     QN_OK);
    assert_true(qnk_story_init(&story, &budget, &spec, 7, NULL));
    for (uint32_t i = 0; i < 2; i++) {
        qnk_story_started(&story, i, 0);
    }
    qnk_story_submit(&story, 0, 1000000, &tx);
    qnk_story_accept(&story, 1100000, &tx);
    qnk_story_micro(&story, 0, 2000000, 10, &tx, 1);
    for (uint32_t i = 0; i < 2; i++) {
        qnk_story_final(&story, i, 3000000, 1, &digest, &tx, 1);
        qnk_story_chain_micro(&story, i, i == 0, 10, &block, &tx, 1);
        qnk_story_chain_macro(&story, i, 1, &digest);
        qnk_story_chain_done(&story, i, 1);
    }
    story.is_settled = true;
    story.end_ms = 4000;
}

static void sample(uint32_t node, uint32_t at_ms, uint32_t head, uint32_t final)
{
    const struct qnk_sample it = {
        .at_ms = at_ms, .head = head, .final_height = final, .is_on = true, .is_ready = true};

    qnk_story_sample(&story, node, &it);
}

static void samples_give(void)
{
    sample(0, 2000, 7, 4);
    sample(1, 2000, 7, 4);
}

/* Whether the assertion of this id holds. */
static bool holds(const char *id)
{
    for (uint32_t i = 0; i < verdicts.count; i++) {
        if (strcmp(verdicts.results[i].id, id) == 0) {
            return verdicts.results[i].is_good;
        }
    }
    fail_msg("%s was not judged", id);
    return false;
}

static void judge(void)
{
    qnk_judge(&story, NULL, NULL, &verdicts);
}

static void story_end(void)
{
    qnk_story_done(&story);
    qnk_spec_done(&spec);
    assert_int_equal(budget.used, 0);
}

static void a_good_run_is_good(void **subject)
{
    (void)subject;
    story_begin();
    samples_give();
    judge();
    assert_int_equal(verdicts.failed, 0);
    assert_int_equal(verdicts.count, 9);
    story_end();
}

static void what_is_lost_or_doubled_is_found(void **subject)
{
    struct qnk_hash lost = hash_of(9), tx = hash_of(1), block = hash_of(8);

    (void)subject;
    story_begin();
    samples_give();
    qnk_story_submit(&story, 0, 1, &lost);
    judge();
    assert_true(holds("once")); /* it was never accepted */
    qnk_story_accept(&story, 2, &lost);
    judge();
    assert_false(holds("once"));
    story_end();

    story_begin();
    samples_give();
    qnk_story_chain_micro(&story, 0, true, 11, &block, &tx, 1);
    judge();
    assert_false(holds("once"));
    story_end();
}

static void another_block_or_digest_is_found(void **subject)
{
    struct qnk_hash other = hash_of(77);

    (void)subject;
    story_begin();
    samples_give();
    qnk_story_chain_micro(&story, 1, false, 10, &other, NULL, 0);
    judge();
    assert_false(holds("fork"));
    assert_true(holds("final"));
    assert_false(holds("one"));
    qnk_story_final(&story, 1, 3500000, 1, &other, NULL, 0);
    judge();
    assert_false(holds("final"));
    story_end();
}

static void who_stays_behind_is_not_on_the_chain(void **subject)
{
    (void)subject;
    story_begin();
    samples_give();
    qnk_story_chain_done(&story, 0, 4);
    judge();
    assert_false(holds("one"));
    story_end();
}

static void planned_trouble_is_excepted_and_no_longer(void **subject)
{
    (void)subject;
    story_begin();
    samples_give();
    sample(0, 500, 90, 0);   /* before `from` */
    sample(0, 11000, 90, 4); /* while it is down */
    sample(1, 16900, 90, 4); /* in the grace */
    judge();
    assert_true(holds("lag"));
    sample(1, 17100, 90, 4);
    judge();
    assert_false(holds("lag"));
    story_end();
}

/* A node that holds is not ready, and is looked at nevertheless. */
static void who_holds_is_seen(void **subject)
{
    const struct qnk_sample it = {.at_ms = 2500, .is_on = true, .is_held = true};

    (void)subject;
    story_begin();
    samples_give();
    judge();
    assert_true(holds("held"));
    qnk_story_sample(&story, 1, &it);
    judge();
    assert_false(holds("held"));
    story_end();
}

/* What stood still before a swap began, and went on never, was without it all the time. */
static void a_stall_lasts_to_the_end(void **subject)
{
    static const struct qnk_spec_event event = {.action = QNK_ACTION_SWAP};
    const struct qnk_act act = {.event = &event, .at_ms = 10000, .has_begun = true};
    double value = 0;

    (void)subject;
    story_begin();
    story.end_ms = 90000;
    assert_true(qnk_story_swap(&story, &act, QNK_SWAP_FINALITY_GAP, &value));
    assert_true(value > 79.9 && value < 80.1);
    assert_true(qnk_story_swap(&story, &act, QNK_SWAP_MICRO_GAP, &value));
    assert_true(value > 79.9 && value < 80.1);
    story_end();
}

/* What no run could measure is not 0, which would be under any limit. */
static void what_was_not_measured_fails(void **subject)
{
    static struct qnk_compare compare;

    (void)subject;
    story_begin();
    samples_give();
    judge();
    spec.compare.variants_count = 2;
    spec.compare.variants[0].name = "a";
    spec.compare.variants[1].name = "b";
    spec.compare.fails[0] = (struct qnk_expr){.scope = "a",
                                              .name = "finality_p99",
                                              .op = QNK_EXPR_GT,
                                              .number = 1,
                                              .right_scope = "b",
                                              .right_name = "finality_p99"};
    compare.spec = &spec;
    qnk_compare_add(&compare, 0, 0, &story, &verdicts);
    qnk_compare_add(&compare, 1, 0, &story, &verdicts);
    assert_false(qnk_compare_fails(&compare, 0));
    story.txs[0].final_us = 0;
    qnk_compare_add(&compare, 0, 0, &story, &verdicts);
    assert_true(qnk_compare_fails(&compare, 0));
    story_end();
}

static void that_has_a_limit(void **subject)
{
    (void)subject;
    story_begin();
    sample(0, 100, 9, 9);
    sample(1, 2900, 6, 4);
    sample(1, 3100, 7, 4);
    judge();
    assert_false(holds("head"));
    assert_true(holds("said"));
    qnk_story_log(&story, 1, 0, 3, "trouble", "");
    judge();
    assert_false(holds("said"));
    story_end();
}

static void a_course_is_the_same_for_a_seed(void **subject)
{
    static struct qnk_course again, other;
    uint32_t different = 0;

    (void)subject;
    story_begin();
    assert_int_equal(story.course.count, 7);
    qnk_course_make(&again, &spec, 7, NULL);
    qnk_course_make(&other, &spec, 8, NULL);
    for (uint32_t i = 0; i < again.count; i++) {
        assert_int_equal(again.acts[i].at_ms, story.course.acts[i].at_ms);
        assert_int_equal(again.acts[i].node, story.course.acts[i].node);
        different += again.acts[i].at_ms != other.acts[i].at_ms;
        assert_true(i == 0 || again.acts[i].at_ms >= again.acts[i - 1].at_ms);
    }
    assert_true(different > 0);
    story_end();
}

static void who_dies_by_itself_is_the_verdicts_word(void **subject)
{
    const struct qnk_result *last;

    (void)subject;
    story_begin();
    samples_give();
    qnk_story_died(&story, 1, 3500000, "code 1, signal 0");
    story.is_settled = false;
    judge();
    assert_false(holds("ended"));
    last = &verdicts.results[verdicts.count - 1];
    assert_non_null(strstr(last->words, "v2 ended by itself: code 1, signal 0"));
    assert_string_equal(story.tellings[0].what, "died");
    story_end();
}

/* Ten blocks of 100 ms; one transfer final at once, one after three windows' time. */
static void a_swap_counts_rounds_and_what_it_delayed(void **subject)
{
    static const char swap[] = "version: qnet.net/v1\nname: t\nnodes: [{name: v, type: super}]\n"
                               "timeline: [{at: 1s, do: swap, plan: consensus=bft}]\n";
    const struct qnk_spec_options options = {.budget = &budget};
    struct qnk_hash soon = hash_of(1), late = hash_of(2);
    struct qnk_sample sample = {.at_ms = 1500, .is_on = true, .round = 3};
    double value;

    (void)subject;
    assert_int_equal(qnk_spec_read(&spec, &options, "t.yaml",
                                   (struct qn_span){(const uint8_t *)swap, sizeof swap - 1}),
                     QN_OK);
    assert_true(qnk_story_init(&story, &budget, &spec, 7, NULL));
    for (uint32_t i = 1; i <= 10; i++) {
        qnk_story_micro(&story, 0, 1000000 + i * 100000, i, NULL, 0);
    }
    qnk_story_submit(&story, 0, 1000000, &soon);
    qnk_story_submit(&story, 0, 1000000, &late);
    qnk_story_txs_final(&story, 2900000, &soon, 1);
    qnk_story_txs_final(&story, 3100000, &late, 1);
    qnk_story_sample(&story, 0, &sample);
    sample.at_ms = 500; /* before the plan */
    sample.round = 9;
    qnk_story_sample(&story, 0, &sample);
    story.end_ms = 4000;
    story.course.acts[0].has_begun = true;
    assert_true(qnk_story_swap(&story, &story.course.acts[0], QNK_SWAP_ROUNDS, &value));
    assert_true(value == 3);
    assert_true(qnk_story_swap(&story, &story.course.acts[0], QNK_SWAP_DELAYED, &value));
    assert_true(value == 1);
    story_end();
}

static void figure_is(enum qnk_measure measure, double value, const char *wanted)
{
    char shown[QNK_FIGURE_TEXT];

    qnk_figure_text(&qnk_measures[measure], value, shown);
    assert_string_equal(shown, wanted);
}

static void figures_are_shown_in_units_for_people(void **subject)
{
    (void)subject;
    figure_is(QNK_MEASURE_VOTE_BYTES_PER_MACRO, 1000, "1000 bytes");
    figure_is(QNK_MEASURE_VOTE_BYTES_PER_MACRO, 89344, "87.25 KiB");
    figure_is(QNK_MEASURE_RSS_MAX, 3.0 * 1073741824, "3 GiB");
    figure_is(QNK_MEASURE_WINDOW_P50, 0.156, "156 ms");
    figure_is(QNK_MEASURE_FINALITY_P99, 10.16, "10.16 s");
    figure_is(QNK_MEASURE_CPU_PER_MACRO, 3219, "3.219 s");
    figure_is(QNK_MEASURE_WINDOW_P50, 0, "0 s");
    figure_is(QNK_MEASURE_VOTES_PER_MACRO, 20.5, "20.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_run_is_good),
        cmocka_unit_test(what_is_lost_or_doubled_is_found),
        cmocka_unit_test(another_block_or_digest_is_found),
        cmocka_unit_test(who_stays_behind_is_not_on_the_chain),
        cmocka_unit_test(planned_trouble_is_excepted_and_no_longer),
        cmocka_unit_test(who_holds_is_seen),
        cmocka_unit_test(a_stall_lasts_to_the_end),
        cmocka_unit_test(what_was_not_measured_fails),
        cmocka_unit_test(that_has_a_limit),
        cmocka_unit_test(a_course_is_the_same_for_a_seed),
        cmocka_unit_test(who_dies_by_itself_is_the_verdicts_word),
        cmocka_unit_test(a_swap_counts_rounds_and_what_it_delayed),
        cmocka_unit_test(figures_are_shown_in_units_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
