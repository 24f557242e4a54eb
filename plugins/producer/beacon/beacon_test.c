/* SPDX-License-Identifier: MIT */

/* beacon_test.c: the contract of every producer, then what is peculiar to drawing turns. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "beacon.manifest.h"
#include "sdk/check/producer.h"

enum { TURN = 30, TURNS = 20000, RANKS = 8 };

static struct qn_check_given given(void)
{
    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = beacon_config_default(),
        .memory = BEACON_MEMORY,
        .lanes = BEACON_LANES,
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

/* --- the draw, computed anew --- */

static void hash(const char *tag, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                 uint8_t *digest)
{
    struct qn_check_sha256 sha;

    qn_check_sha256_init(&sha);
    qn_check_sha256_add(&sha, (struct qn_span){(const uint8_t *)tag, strlen(tag)});
    qn_check_sha256_add(&sha, (struct qn_span){a, a_size});
    qn_check_sha256_add(&sha, (struct qn_span){b, b_size});
    qn_check_sha256_done(&sha, digest);
}

/* x * weight / 2^64, bit by bit. */
static uint64_t share(uint64_t x, uint64_t weight)
{
    uint64_t high = 0, low = 0;

    for (int bit = 63; bit >= 0; bit--) {
        high = high << 1 | low >> 63;
        low <<= 1;
        if ((x >> bit & 1) != 0) {
            low += weight;
            high += low < weight;
        }
    }
    return high;
}

/* Ranks of a turn of window 1 by walking all weights, as the specification has it. The beacon is
 * that of the contract's contexts. Gives how many were drawn. */
static uint32_t walk(const uint64_t *weights, uint32_t count, uint32_t turn, uint32_t *ranks)
{
    uint8_t beacon[QN_HASH_SIZE] = {2}, window[8] = {1}, place[8], seed[QN_HASH_SIZE];
    uint8_t draw[QN_HASH_SIZE];
    bool *is_out = calloc(count, sizeof *is_out);
    uint64_t left = 0;
    uint32_t rank = 0;

    assert_non_null(is_out);
    for (uint32_t i = 0; i < count; i++) {
        left += weights[i];
    }
    hash("qnet/schedule", beacon, sizeof beacon, window, sizeof window, seed);
    for (rank = 0; rank < RANKS && left > 0; rank++) {
        uint64_t sum = 0;
        uint32_t member = 0;

        qn_le32_write(place, turn);
        qn_le32_write(place + 4, rank);
        hash("qnet/draw", seed, sizeof seed, place, sizeof place, draw);
        for (uint64_t target = share(qn_le64_read(draw), left);; member++) {
            sum += is_out[member] ? 0 : weights[member];
            if (sum > target) {
                break;
            }
        }
        is_out[member] = true;
        left -= weights[member];
        ranks[rank] = member;
    }
    free(is_out);
    return rank;
}

static void draws_match(struct qn_check_producer *it, const uint64_t *weights, uint32_t count,
                        uint32_t turns)
{
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window window = {1, 1, (uint64_t)turns * TURN, weights, NULL, count};

    assert_int_equal(qn_check_producer_open(it, inst, &window), QN_OK);
    for (uint32_t turn = 0; turn < turns; turn++) {
        uint64_t first = 1 + (uint64_t)turn * TURN;
        uint32_t ranks[RANKS];
        uint32_t drawn = walk(weights, count, turn, ranks);

        assert_int_equal(qn_check_producer_turn(it, inst, first + TURN - 1, 0), ranks[0]);
        for (uint32_t view = 0; view < 64; view++) {
            uint32_t want = view < drawn ? ranks[view] : (ranks[0] + view) % count;

            assert_int_equal(qn_check_producer_turn(it, inst, first, view), want);
        }
    }
    qn_check_producer_end(it, inst);
}

static void ranks_are_drawn_as_specified(void **subject)
{
    static const uint64_t few[] = {3, 0, 1, 5};
    static const uint64_t ten[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    uint64_t *many = calloc(QN_PRODUCER_MEMBERS_MAX, sizeof *many);
    uint64_t random = 3;

    assert_non_null(many);
    for (uint32_t i = 0; i < QN_PRODUCER_MEMBERS_MAX; i++) {
        many[i] = qn_check_random(&random) >> (24 + i % 30);
    }
    draws_match(*subject, few, 4, 200);
    draws_match(*subject, ten, 10, 200);
    draws_match(*subject, many, QN_PRODUCER_MEMBERS_MAX, 20);
    free(many);
}

/* --- what a draw is worth --- */

/* Chance within five standard deviations: sqrt(n p (1 - p)) each, computed in whole numbers. */
static void is_by_chance(uint64_t count, uint64_t of, uint64_t weight, uint64_t total)
{
    uint64_t fair = of * weight / total;
    uint64_t off = count > fair ? count - fair : fair - count;

    assert_true(off * off <= 25 * (fair * (total - weight) / total + 1));
}

static void every_rank_follows_the_weights(void **subject)
{
    static const uint64_t weights[] = {1, 2, 3, 4, 10, 20};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    struct qn_check_window window = {1, 1, (uint64_t)TURNS * TURN, weights, NULL, 6};
    uint64_t primary[6] = {0}, second[6][6] = {{0}};

    assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint64_t first = 1 + (uint64_t)turn * TURN;
        uint32_t a = qn_check_producer_turn(*subject, inst, first, 0);
        uint32_t b = qn_check_producer_turn(*subject, inst, first, 1);

        assert_int_not_equal(a, b);
        primary[a]++;
        second[a][b]++;
    }
    for (uint32_t a = 0; a < 6; a++) {
        is_by_chance(primary[a], TURNS, weights[a], 40);
        for (uint32_t b = 0; b < 6; b++) {
            if (a != b) {
                is_by_chance(second[a][b], primary[a], weights[b], 40 - weights[a]);
            }
        }
    }
    qn_check_producer_end(*subject, inst);
}

/* The next primary does not depend on the present one. */
static void turns_do_not_foretell_each_other(void **subject)
{
    static const uint64_t weights[] = {1, 1, 1, 1};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    struct qn_check_window window = {1, 1, (uint64_t)TURNS * TURN, weights, NULL, 4};
    uint64_t pairs[4][4] = {{0}};
    uint32_t before = 0;

    assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t now = qn_check_producer_turn(*subject, inst, 1 + (uint64_t)turn * TURN, 0);

        pairs[before][now]++;
        before = now;
    }
    for (uint32_t i = 0; i < 16; i++) {
        is_by_chance(pairs[i / 4][i % 4], TURNS, 1, 16);
    }
    qn_check_producer_end(*subject, inst);
}

/* Other windows have other schedules, even of the same beacon. */
static void windows_differ(void **subject)
{
    static const uint64_t weights[] = {1, 1, 1, 1};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    uint32_t same = 0;

    for (uint64_t number = 1; number <= 2; number++) {
        struct qn_check_window window = {
            number, 1 + (number - 1) * 90000, number * 90000, weights, NULL, 4};

        assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    }
    for (uint64_t turn = 0; turn < 3000; turn++) {
        same += qn_check_producer_turn(*subject, inst, 1 + turn * TURN, 0) ==
                qn_check_producer_turn(*subject, inst, 90001 + turn * TURN, 0);
    }
    is_by_chance(same, 3000, 1, 4);
    qn_check_producer_end(*subject, inst);
}

/* What an earlier window of this number drew is forgotten. */
static void a_window_that_is_opened_anew_is_drawn_anew(void **subject)
{
    static const uint64_t weights[] = {1, 1, 1};
    static const uint8_t excluded[] = {1, 1, 0};
    struct qn_inst *inst = qn_check_producer_inst(*subject);
    struct qn_check_window window = {1, 1, 90, weights, NULL, 3};

    assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    for (uint64_t height = 1; height <= 90; height++) {
        assert_in_range(qn_check_producer_turn(*subject, inst, height, 0), 0, 2);
    }
    window.excluded = excluded;
    assert_int_equal(qn_check_producer_open(*subject, inst, &window), QN_OK);
    for (uint64_t height = 1; height <= 90; height++) {
        assert_int_equal(qn_check_producer_turn(*subject, inst, height, 0), 2);
    }
    qn_check_producer_end(*subject, inst);
}

static void windows_that_overlap_are_refused(void **subject)
{
    qn_check_producer_overlaps(*subject);
}

/* --- life --- */

static uint8_t *config_write(struct qn_span intervals, uint32_t count, uint8_t *to)
{
    struct beacon_config values = {
        .turn = 3,
        .intervals = intervals,
        .intervals_count = count,
        .net_budget = BEACON_NET_BUDGET_MIN,
    };

    assert_true(beacon_config_size(&values) <= QN_CHECK_CONFIG_MAX);
    return beacon_config_write(&values, to);
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
        cmocka_unit_test(ranks_are_drawn_as_specified),
        cmocka_unit_test(every_rank_follows_the_weights),
        cmocka_unit_test(turns_do_not_foretell_each_other),
        cmocka_unit_test(windows_differ),
        cmocka_unit_test(a_window_that_is_opened_anew_is_drawn_anew),
        cmocka_unit_test(windows_that_overlap_are_refused),
        cmocka_unit_test(four_falling_intervals_are_wanted),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
