/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/sim/links.h"

enum { NODES = 4, FRAMES = 10000, NOW_US = 1000000, SIZE = 1000 };

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_links *make(const struct qnk_links_setup *setup)
{
    struct qnk_links_setup whole = *setup;
    struct qnk_links *links;

    whole.nodes = NODES;
    links = qnk_links_create(&budget, &whole);
    assert_non_null(links);
    assert_true(qnk_links_up(links, NOW_US, 0, 1));
    return links;
}

static void drop(struct qnk_links *links)
{
    qnk_links_destroy(links);
    assert_int_equal(budget.used, 0);
}

static struct qnk_passage pass(struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to)
{
    struct qnk_passage passage = {0};

    qnk_links_send(links, now_us, from, to, SIZE, &passage);
    return passage;
}

static void frames_arrive_in_order_within_their_delay(void **state)
{
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 1, .delay_us = 5000});
    uint64_t last_us = 0;

    (void)state;
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint64_t now_us = NOW_US + i * 100;
        struct qnk_passage passage = pass(links, now_us, 0, 1);

        assert_int_equal(passage.what, QNK_PASSING_ARRIVES);
        assert_true(passage.at_us >= now_us + 5000 && passage.at_us < now_us + 10100);
        assert_true(passage.at_us > last_us);
        assert_int_equal(passage.again_us, 0);
        assert_false(passage.is_mangled);
        last_us = passage.at_us;
    }
    assert_int_equal(qnk_links_sent(links, 0), (uint64_t)FRAMES * SIZE);
    assert_int_equal(qnk_links_sent(links, 1), 0);
    drop(links);
}

static void chance_on_a_link_does_not_depend_on_other_links(void **state)
{
    const struct qnk_links_setup setup = {.seed = 2, .delay_us = 5000};
    struct qnk_links *alone = make(&setup);
    struct qnk_links *busy = make(&setup);

    (void)state;
    assert_true(qnk_links_up(busy, NOW_US, 2, 3));
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t now_us = NOW_US + i * 20000;

        (void)pass(busy, now_us, 2, 3);
        assert_int_equal(pass(alone, now_us, 0, 1).at_us, pass(busy, now_us, 0, 1).at_us);
        (void)pass(busy, now_us, 1, 0);
    }
    qnk_links_destroy(busy);
    drop(alone);
}

static void regions_are_as_far_apart_as_the_table_says(void **state)
{
    static const uint8_t regions[NODES] = {QNK_REGION_EUC1, QNK_REGION_APSE2, QNK_REGION_EUC1,
                                           QNK_REGION_USE1};
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 3, .regions = regions});

    (void)state;
    assert_true(qnk_links_up(links, NOW_US, 0, 2));
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t now_us = NOW_US + i * 1000000;
        uint64_t far_us = pass(links, now_us, 0, 1).at_us - now_us;
        uint64_t near_us = pass(links, now_us, 0, 2).at_us - now_us;

        assert_true(far_us >= 125000 && far_us <= 125000 * 5 / 4); /* 250 ms there and back */
        assert_true(near_us >= 1000 && near_us <= 1250);
    }
    drop(links);
}

static void regions_by_lot_have_their_shares(void **state)
{
    uint32_t counts[QNK_REGIONS] = {0};

    (void)state;
    for (uint64_t lot = 0; lot < 1000; lot++) {
        counts[qnk_region_by_lot(lot)]++;
    }
    assert_int_equal(counts[QNK_REGION_USE1], 220);
    assert_int_equal(counts[QNK_REGION_APSE2], 30);
}

static void bandwidth_sends_one_frame_after_another(void **state)
{
    /* 8 Mbit/s: a frame of 1,000 bytes takes a millisecond. */
    static const struct qnk_bandwidth bandwidths[NODES] = {{8000000, 0}, {0, 8000000}};
    struct qnk_links *links =
        make(&(struct qnk_links_setup){.seed = 4, .delay_us = 1, .bandwidths = bandwidths});

    (void)state;
    assert_true(qnk_links_up(links, NOW_US, 0, 2));
    for (uint32_t i = 1; i <= 10; i++) {
        uint64_t at_us = pass(links, NOW_US, 0, i % 2 + 1).at_us;

        assert_true(at_us >= NOW_US + i * 1000 && at_us <= NOW_US + i * 1000 + 2);
    }
    assert_int_equal(qnk_links_receive(links, NOW_US, 1, SIZE), NOW_US + 1000);
    assert_int_equal(qnk_links_receive(links, NOW_US, 1, SIZE), NOW_US + 2000);
    assert_int_equal(qnk_links_receive(links, NOW_US, 2, SIZE), NOW_US); /* has no limit */
    (void)qnk_links_faults(links, NOW_US, &(struct qnk_link_faults){.bandwidth_divisor = 10});
    assert_int_equal(qnk_links_receive(links, NOW_US, 1, SIZE), NOW_US + 12000);
    assert_false(qnk_links_is_jammed(links, NOW_US, 0, 2));
    for (uint32_t i = 0; i < 200; i++) {
        (void)pass(links, NOW_US, 0, 2);
    }
    assert_true(qnk_links_is_jammed(links, NOW_US, 0, 2));
    assert_true(qnk_links_faults(links, NOW_US, &(struct qnk_link_faults){0}));
    assert_int_equal(qnk_links_receive(links, NOW_US, 1, SIZE), NOW_US + 1000);
    drop(links);
}

static void faults_happen_as_often_as_asked(void **state)
{
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 5, .delay_us = 10});
    uint32_t twice = 0, late = 0, mangled = 0, overtaken = 0;
    uint64_t last_us = 0;

    (void)state;
    (void)qnk_links_faults(links, NOW_US,
                           &(struct qnk_link_faults){
                               .duplicate_permille = 100,
                               .reorder_permille = 100,
                               .reorder_us = 100000,
                               .mangle_permille = 100,
                           });
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct qnk_passage passage = pass(links, NOW_US + i * 100, 0, 1);

        twice += passage.again_us != 0;
        late += passage.at_us > NOW_US + i * 100 + 100;
        mangled += passage.is_mangled;
        overtaken += passage.at_us < last_us;
        last_us = passage.at_us;
        assert_true(passage.again_us == 0 || passage.again_us > NOW_US + i * 100);
    }
    assert_true(twice > 800 && twice < 1200);
    assert_true(late > 800 && late < 1200);
    assert_true(mangled > 800 && mangled < 1200);
    assert_true(overtaken > 500);
    drop(links);
}

static void a_spike_holds_up_all_that_is_behind_it(void **state)
{
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 6, .delay_us = 10});
    uint64_t last_us = 0, most_us = 0;

    (void)state;
    (void)qnk_links_faults(links, NOW_US,
                           &(struct qnk_link_faults){.spike_permille = 10, .spike_us = 1000000});
    for (uint32_t i = 0; i < FRAMES; i++) {
        uint64_t at_us = pass(links, NOW_US + i * 100, 0, 1).at_us;

        assert_true(at_us > last_us);
        last_us = at_us;
        most_us = at_us - NOW_US - i * 100 > most_us ? at_us - NOW_US - i * 100 : most_us;
    }
    assert_true(most_us > 500000 && most_us < 1000100);
    drop(links);
}

static void what_is_lost_breaks_the_link_and_what_was_under_way_is_of_an_older_one(void **state)
{
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 7, .delay_us = 10});
    uint32_t breaks = 0;
    uint64_t number;

    (void)state;
    (void)qnk_links_faults(links, NOW_US, &(struct qnk_link_faults){.loss_permille = 100});
    for (uint32_t i = 0; i < FRAMES; i++) {
        breaks += pass(links, NOW_US + i * 100, 0, 1).what == QNK_PASSING_BREAKS;
    }
    assert_true(breaks > 800 && breaks < 1200);
    number = qnk_links_number(links, 0, 1);
    assert_int_equal(qnk_links_down(links, NOW_US, 0, 1), number);
    assert_int_equal(qnk_links_down(links, NOW_US, 0, 1), 0);
    assert_false(qnk_links_up(links, NOW_US, 0, 1)); /* the way back is still up */
    assert_true(qnk_links_down(links, NOW_US, 1, 0) != 0);
    assert_int_equal(pass(links, NOW_US, 0, 1).what, QNK_PASSING_NOWHERE);
    assert_false(qnk_links_up(links, NOW_US, 1, 0)); /* nobody has heard of the break yet */
    assert_true(qnk_links_up(links, NOW_US + 1, 1, 0));
    assert_true(qnk_links_number(links, 0, 1) > number);
    drop(links);
}

static void a_way_that_is_cut_swallows_and_says_so_once(void **state)
{
    struct qnk_links *links = make(&(struct qnk_links_setup){.seed = 8, .delay_us = 10});

    (void)state;
    qnk_links_cut(links, 0, 1, true);
    assert_false(qnk_links_is_gapped(links, 0, 1));
    assert_int_equal(pass(links, NOW_US, 0, 1).what, QNK_PASSING_GAP);
    assert_int_equal(pass(links, NOW_US, 0, 1).what, QNK_PASSING_LOST);
    assert_true(qnk_links_is_gapped(links, 0, 1));
    assert_int_equal(pass(links, NOW_US, 1, 0).what, QNK_PASSING_ARRIVES); /* the other way */
    (void)qnk_links_down(links, NOW_US, 0, 1);
    (void)qnk_links_down(links, NOW_US, 1, 0);
    assert_false(qnk_links_up(links, NOW_US, 0, 1));
    qnk_links_cut(links, 0, 1, false);
    assert_true(qnk_links_up(links, NOW_US + 1, 0, 1));
    assert_false(qnk_links_is_gapped(links, 0, 1));
    drop(links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_in_order_within_their_delay),
        cmocka_unit_test(chance_on_a_link_does_not_depend_on_other_links),
        cmocka_unit_test(regions_are_as_far_apart_as_the_table_says),
        cmocka_unit_test(regions_by_lot_have_their_shares),
        cmocka_unit_test(bandwidth_sends_one_frame_after_another),
        cmocka_unit_test(faults_happen_as_often_as_asked),
        cmocka_unit_test(a_spike_holds_up_all_that_is_behind_it),
        cmocka_unit_test(what_is_lost_breaks_the_link_and_what_was_under_way_is_of_an_older_one),
        cmocka_unit_test(a_way_that_is_cut_swallows_and_says_so_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
