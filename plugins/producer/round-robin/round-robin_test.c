/* SPDX-License-Identifier: MIT */

/* round-robin_test.c: the contract of every producer, then what is peculiar to taking turns. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "round-robin.manifest.h"
#include "sdk/check/producer.h"

enum { TURN = 30 };

static const struct qn_producer_1 *slots(void)
{
    return (const void *)qn_plugin_v1.slots;
}

static struct qn_check_given given(void)
{
    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = round_robin_config_default(),
        .memory = ROUND_ROBIN_MEMORY,
        .lanes = ROUND_ROBIN_LANES,
    };
}

static int start(void **subject)
{
    struct qn_check_given it = given();

    *subject = qn_check_producer_start(&it);
    return 0;
}

static int stop(void **subject)
{
    qn_check_producer_stop(*subject);
    return 0;
}

/* --- turns --- */

/* Opens heights 1..900000 with these weights; gives the primary of each turn. */
static void primaries(struct qn_check_producer *it, const uint64_t *weights, uint32_t count,
                      uint32_t *to, uint32_t turns)
{
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window window = {1, 1, 900000, weights, NULL, count};

    assert_int_equal(qn_check_producer_open(it, inst, &window), QN_OK);
    for (uint32_t i = 0; i < turns; i++) {
        uint64_t first = 1 + (uint64_t)i * TURN;

        to[i] = qn_check_producer_turn(it, inst, first, 0);
        assert_int_equal(qn_check_producer_turn(it, inst, first + TURN - 1, 0), to[i]);
    }
    qn_check_producer_end(it, inst);
}

static void equal_members_follow_each_other(void **subject)
{
    static const uint64_t weights[] = {50, 50, 50, 50};
    uint32_t got[12];

    primaries(*subject, weights, 4, got, 12);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(got[i], i % 4);
    }
}

static void heavy_members_are_spread_evenly(void **subject)
{
    static const uint64_t weights[] = {500, 100, 100};
    static const uint32_t want[] = {0, 0, 1, 0, 2, 0, 0};
    uint32_t got[14];

    primaries(*subject, weights, 3, got, 14);
    for (uint32_t i = 0; i < 14; i++) {
        assert_int_equal(got[i], want[i % 7]);
    }
}

/* Turn t of T belongs to member m about t * weight / W times, to within one. */
static void no_stretch_of_turns_is_unfair(void **subject)
{
    static const uint64_t weights[] = {13, 1, 7, 29, 50};
    uint32_t got[200];
    int64_t counts[5] = {0};

    primaries(*subject, weights, 5, got, 200);
    for (uint32_t i = 0; i < 200; i++) {
        counts[got[i]]++;
        for (uint32_t m = 0; m < 5; m++) {
            int64_t debt = (int64_t)((i + 1) * weights[m]) - 100 * counts[m];

            assert_true(debt > -200 && debt < 200);
        }
    }
    assert_int_equal(counts[1], 2);
}

static void the_next_ranks_are_the_next_members(void **subject)
{
    static const uint64_t weights[] = {1, 1, 1, 1, 1};
    static const uint8_t excluded[] = {0, 1, 0, 0, 0};
    static const uint32_t want[] = {2, 3, 4, 0, 2};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    struct qn_check_window window = {1, 1, 90, weights, excluded, 5};

    assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    for (uint32_t view = 0; view < 5; view++) {
        assert_int_equal(qn_check_producer_turn(*subject, inst, TURN + 1, view), want[view]);
    }
    qn_check_producer_end(*subject, inst);
}

/* Weights without a common measure, of the largest set there may be. */
static void the_largest_set_has_a_schedule(void **subject)
{
    uint64_t *weights = calloc(QN_PRODUCER_MEMBERS_MAX, sizeof *weights);
    uint32_t got[4096];
    uint32_t of_the_first = 0;

    assert_non_null(weights);
    weights[0] = UINT64_C(1) << 52;
    for (uint32_t i = 1; i < QN_PRODUCER_MEMBERS_MAX; i++) {
        weights[i] = (UINT64_C(1) << 39) + i;
    }
    primaries(*subject, weights, QN_PRODUCER_MEMBERS_MAX, got, 4096);
    for (uint32_t i = 0; i < 4096; i++) {
        of_the_first += got[i] == 0;
    }
    /* 2^52 of 2^52 + 4095 * 2^39, which is 2/3 of 4096 places */
    assert_in_range(of_the_first, 2729, 2733);
    free(weights);
}

static void windows_that_overlap_are_refused(void **subject)
{
    qn_check_producer_overlaps(*subject);
}

/* --- pace --- */

/* `count` headers of one class and backlog, newest first. */
static uint32_t class_after(struct qn_inst *inst, uint32_t class, uint32_t backlog,
                            uint32_t body_size, uint32_t count)
{
    struct qn_producer_recent recent[QN_PRODUCER_RECENT_MAX];
    uint8_t answer = 0xFF;
    uint32_t interval_ms, backup_ms;

    for (uint32_t i = 0; i < count; i++) {
        recent[i] = (struct qn_producer_recent){
            .height = 100 - i,
            .backlog = backlog,
            .body_size = body_size,
            .interval_class = class,
        };
    }
    assert_int_equal(slots()->pace(inst, recent, count, &answer, &interval_ms, &backup_ms), QN_OK);
    assert_int_equal(interval_ms, 2000u >> answer);
    assert_int_equal(backup_ms, answer == 0 ? 1000 : answer == 1 ? 500 : 300);
    return answer;
}

static void the_class_follows_the_median_backlog(void **subject)
{
    struct qn_inst *inst = qn_check_producer_inst(*subject);

    assert_int_equal(class_after(inst, 0, 0, 0, 0), 0);
    assert_int_equal(class_after(inst, 0, 100, 0, 7), 0);
    assert_int_equal(class_after(inst, 0, 101, 0, 7), 1);
    assert_int_equal(class_after(inst, 1, 1000, 0, 7), 1);
    assert_int_equal(class_after(inst, 1, 1001, 0, 7), 2);
    assert_int_equal(class_after(inst, 2, 5000, 0, 7), 2);
    assert_int_equal(class_after(inst, 2, 5001, 0, 7), 3);
    assert_int_equal(class_after(inst, 3, 0, 0, 7), 2);
    qn_check_producer_end(*subject, inst);
}

/* Blocks that are not there count as empty, and a class must have been seen for five. */
static void a_young_chain_stays_slow(void **subject)
{
    struct qn_inst *inst = qn_check_producer_inst(*subject);

    assert_int_equal(class_after(inst, 0, 9999, 0, 4), 0);
    assert_int_equal(class_after(inst, 0, 9999, 0, 5), 1);
    qn_check_producer_end(*subject, inst);
}

/* Of seven backlogs three may be lies. */
static void the_median_of_seven_is_taken(void **subject)
{
    static const uint32_t backlogs[] = {900000, 50, 60, 900000, 70, 900000, 80, 900000, 900000};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    struct qn_producer_recent recent[9] = {0};
    uint8_t class;
    uint32_t interval_ms, backup_ms;

    for (uint32_t i = 0; i < 9; i++) {
        recent[i].backlog = backlogs[i];
    }
    assert_int_equal(slots()->pace(inst, recent, 9, &class, &interval_ms, &backup_ms), QN_OK);
    assert_int_equal(class, 0);
    recent[6].backlog = 900;
    recent[4].backlog = 101;
    assert_int_equal(slots()->pace(inst, recent, 9, &class, &interval_ms, &backup_ms), QN_OK);
    assert_int_equal(class, 1);
    qn_check_producer_end(*subject, inst);
}

/* 20 MiB a second: 10 MiB a block in class 2, 5 MiB in class 3. */
static void fast_classes_stay_in_the_budget_of_the_net(void **subject)
{
    enum { MIB = 1 << 20 };
    struct qn_inst *inst = qn_check_producer_inst(*subject);

    assert_int_equal(class_after(inst, 1, 9999, 10 * MIB, 8), 2);
    assert_int_equal(class_after(inst, 1, 9999, 10 * MIB + 1, 8), 1);
    assert_int_equal(class_after(inst, 2, 9999, 5 * MIB, 8), 3);
    assert_int_equal(class_after(inst, 2, 9999, 5 * MIB + 1, 8), 2);
    assert_int_equal(class_after(inst, 3, 9999, 5 * MIB + 1, 8), 2);
    assert_int_equal(class_after(inst, 0, 9999, 1000 * MIB, 8), 1);
    qn_check_producer_end(*subject, inst);
}

/* --- life --- */

static uint8_t *config_write(struct qn_span intervals, uint32_t count, uint8_t *to)
{
    struct round_robin_config values = {
        .turn = 3,
        .intervals = intervals,
        .intervals_count = count,
        .net_budget = ROUND_ROBIN_NET_BUDGET_MIN,
    };

    assert_true(round_robin_config_size(&values) <= QN_CHECK_CONFIG_MAX);
    return round_robin_config_write(&values, to);
}

static void four_falling_intervals_are_wanted(void **subject)
{
    struct qn_check_given it = given();

    (void)subject;
    qn_check_producer_intervals(&it, config_write);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = given();

    (void)subject;
    qn_check_every_take_may_fail(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_PRODUCER(cmocka_unit_test),
        cmocka_unit_test(equal_members_follow_each_other),
        cmocka_unit_test(heavy_members_are_spread_evenly),
        cmocka_unit_test(no_stretch_of_turns_is_unfair),
        cmocka_unit_test(the_next_ranks_are_the_next_members),
        cmocka_unit_test(the_largest_set_has_a_schedule),
        cmocka_unit_test(windows_that_overlap_are_refused),
        cmocka_unit_test(the_class_follows_the_median_backlog),
        cmocka_unit_test(a_young_chain_stays_slow),
        cmocka_unit_test(the_median_of_seven_is_taken),
        cmocka_unit_test(fast_classes_stay_in_the_budget_of_the_net),
        cmocka_unit_test(four_falling_intervals_are_wanted),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
