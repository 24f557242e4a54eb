/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/core.h"

enum { WINDOW = 10, WAIT_US = 2 * QNK_RETRY_US, TEN_MINUTES_US = 600000000 };

static struct qnk_node node;
static struct qnk_control *control;
static uint32_t ids;

static int setup(void **state)
{
    struct qnk_micro genesis = {.version = QNK_MICRO_VERSION};
    struct qnk_hash id = {{0xC1}};

    (void)state;
    memset(&node, 0, sizeof node);
    node.budget.limit = 1 << 24;
    node.now_us = 1000000;
    node.is_started = true;
    node.schedule = qnk_schedule_create(&node.budget, &node.setup.params, (struct qnk_plugged){0});
    assert_non_null(node.schedule);
    node.tree = qnk_tree_create(&node.budget, WINDOW, 7);
    assert_non_null(node.tree);
    assert_int_equal(qnk_control_new(&node.budget, 4, &control), QN_OK);
    qnk_tree_root_set(node.tree, &genesis, &id, control, 0);
    qnk_tree_root(node.tree)->state = QNK_BLOCK_READY;
    node.exec.at = qnk_tree_root(node.tree);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qnk_tree_destroy(node.tree);
    qnk_schedule_destroy(node.schedule);
    qnk_control_unref(control);
    assert_int_equal(node.budget.used, 0);
    return 0;
}

/* A peer with a key of its own that says this on a new link. */
static void says(uint32_t place, uint64_t final_window, uint64_t head_height)
{
    struct qnk_peer *peer = &node.peers[place];
    struct qnk_status status = {.final_window = final_window, .head_height = head_height};

    if (peer->id == 0) {
        *peer = (struct qnk_peer){.id = ++ids};
        node.peers_count++;
    }
    status.head.bytes[0] = (uint8_t)head_height;
    status.head.bytes[1] = head_height == 0 ? 0 : 0xEE;
    qnk_claims_hear(&node, peer, &status);
    peer->status = status;
    peer->has_status = true;
    qnk_claims_look(&node);
}

static void goes(uint32_t place)
{
    qnk_claims_forget(&node, &node.peers[place]);
    node.peers[place] = (struct qnk_peer){0};
    node.peers_count--;
    qnk_claims_look(&node);
}

static bool waits(void)
{
    uint64_t until_us = qnk_wait_until(&node);

    assert_true(until_us == 0 || until_us > node.now_us);
    return until_us != 0;
}

/* How much of the time from now on `act` keeps the node waiting. */
static uint64_t waited_us(void (*act)(uint64_t step), uint64_t whole_us, uint64_t step_us)
{
    uint64_t waited = 0;

    for (uint64_t step = 0; step < whole_us / step_us; step++) {
        act(step);
        waited += waits() ? step_us : 0;
        node.now_us += step_us;
    }
    return waited;
}

static void act_finals(uint64_t step)
{
    if (step % 7 == 6) {
        goes(1);
    } else {
        says(1, 1000 + step, 0);
    }
}

static void act_heads(uint64_t step)
{
    if (step % 7 == 6) {
        goes(1);
    } else {
        says(1, 0, 1000 + step);
    }
}

/* Each key says something else for as long as it is believed, and there are many. */
static void act_keys(uint64_t step)
{
    uint32_t place = 1 + (uint32_t)(step / 3 % 200);

    if (node.peers[place].id != 0) {
        goes(place);
    }
    says(place, step % 2 == 0 ? 5 + step : 0, step % 2 == 0 ? 0 : 5 + step);
}

static void act_withdraw(uint64_t step)
{
    says(1, step % 2 == 0 ? 1000 : 0, 0);
}

/* It is not waited for longer by who comes again: one wait in ten minutes. */
static void whoever_claims_and_however_often_costs_one_wait(void **state)
{
    static void (*const acts[])(uint64_t step) = {act_finals, act_heads, act_keys, act_withdraw};

    (void)state;
    for (uint32_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        uint64_t waited;

        says(0, 0, 0); /* an honest one stays */
        waited = waited_us(acts[i], 500000000, 100000);
        assert_in_range(waited, 100000, WAIT_US);
        waited = waited_us(acts[i], 3 * (uint64_t)TEN_MINUTES_US, 100000);
        assert_in_range(waited, 0, 3 * WAIT_US);
        (void)teardown(state);
        (void)setup(state);
    }
}

/* A liar that breaks its word at once does not cut the wait for others short. */
static void a_broken_claim_does_not_end_the_wait_for_another(void **state)
{
    (void)state;
    says(0, 1000, 0);
    says(1, 50, 0);
    node.now_us += 10000;
    goes(0);
    assert_true(waits());
    node.now_us += WAIT_US - 10001;
    assert_true(waits());
    node.now_us += 1;
    assert_false(waits());
    assert_false(qnk_is_held_back(&node));
    assert_true(qnk_is_syncing(&node)); /* it is asked for all the same */
}

/* A window became final of which it had not heard for `age_us`. */
static void is_final(uint64_t age_us)
{
    struct qn_buf *certificate = qnk_buf_new(&node.budget, 1);

    assert_non_null(certificate);
    node.certificate = certificate;
    node.has_certified_macro = true;
    node.certified_macro = (struct qnk_macro){.time_ms = (node.now_us - age_us) / 1000};
    node.certified_macro.last.bytes[0] = 0xAB;
    qnk_claims_look(&node);
    assert_true(qnk_is_held_back(&node));
    node.certificate = NULL;
    node.final_window++;
    qnk_claims_look(&node);
    qnk_buf_unref(certificate);
}

static void who_was_late_indeed_waits_again(void **state)
{
    (void)state;
    node.now_us = 100000000;
    says(0, 50, 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(waits());
        node.now_us += WAIT_US - 1;
        assert_true(waits());
        is_final(WAIT_US + i * 100000);
    }
    node.now_us += WAIT_US - 1;
    assert_true(waits());
    is_final(WAIT_US - 1000); /* that is no proof */
    node.now_us += 1;
    assert_false(waits());
    is_final(WAIT_US - 1000);
    assert_false(waits());
    is_final(WAIT_US);
    assert_true(waits());
}

static void nobody_builds_before_a_peer_was_heard_and_all_begins_anew_without_one(void **state)
{
    struct qnk_peer mute = {.id = 77};

    (void)state;
    node.peers[9] = mute;
    node.peers_count = 1;
    assert_int_equal(qnk_wait_until(&node), UINT64_MAX);
    says(0, 50, 0);
    node.now_us += WAIT_US;
    assert_false(waits());
    goes(9);
    says(0, 51, 0);
    assert_false(waits());
    goes(0);
    assert_int_equal(qnk_wait_until(&node), UINT64_MAX);
    says(0, 52, 0);
    assert_true(waits());
}

/* Blocks that are here as late as a member likes, after a stranger spoke of them. */
static uint64_t came;

static void act_true_but_late(uint64_t step)
{
    struct qnk_block *head = node.exec.at;
    struct qnk_micro header = {
        .version = QNK_MICRO_VERSION, .height = head->header.height + 1, .parent = head->id};
    struct qnk_hash id = {{(uint8_t)header.height, 0xEE}};

    if (step % 15 != 14) {
        says(1, 0, header.height);
        return;
    }
    node.exec.at = qnk_tree_add(node.tree, head, &header, &id);
    assert_non_null(node.exec.at);
    node.exec.at->state = QNK_BLOCK_READY;
    came++;
    qnk_claims_look(&node);
}

static void what_comes_late_is_waited_for_a_sixteenth_of_the_time(void **state)
{
    uint64_t waited;

    (void)state;
    came = 0;
    says(0, 0, 0);
    waited = waited_us(act_true_but_late, 240000000, 100000);
    assert_int_equal(came, 160);
    assert_in_range(waited, WAIT_US, WAIT_US + 240000000 / 16 + QNK_RETRY_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whoever_claims_and_however_often_costs_one_wait, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_broken_claim_does_not_end_the_wait_for_another, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_was_late_indeed_waits_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            nobody_builds_before_a_peer_was_heard_and_all_begins_anew_without_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_late_is_waited_for_a_sixteenth_of_the_time,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
