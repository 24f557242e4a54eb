/* SPDX-License-Identifier: MIT */

/* Bodies that a node's storage has lost: found, fetched from peers, and served again. */

#include "tests/test.h"

#include <string.h>

#include "kernel/sim/fake.h"
#include "tests/sim/net.h"

enum { ROTTEN = 2, LANE = 0 };

static struct qnk_store *store_of(struct net *net, uint32_t node)
{
    struct qnk_store *store = qnk_world_store(net->world, node);

    assert_non_null(store);
    return store;
}

static const struct qnk_node_counters *counters_of(struct net *net, uint32_t node)
{
    return qnk_node_counters(qnk_world_node(net->world, node));
}

/* Four validators that made some windows final, with transfers in them, and perhaps others. */
static struct net *net_with_blocks(uint32_t nodes, uint64_t seed)
{
    struct net *net = net_make(4, nodes, seed);

    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 10; i++) {
        submit(net, i % 4, i, 0, 20);
        net_run_ms(net, 300);
    }
    net_run_ms(net, 1000);
    assert_true(look(net, ROTTEN).final_window >= 3);
    return net;
}

/* The first height from `from` on whose body has something in it. */
static uint64_t height_full(struct net *net, uint64_t from)
{
    struct qnk_micro header = {0};
    uint64_t place;

    for (; header.body_size == 0; from++) {
        assert_int_equal(qnk_store_header(store_of(net, 0), LANE, from, &header, &place), QN_OK);
    }
    return from - 1;
}

static void rot(struct net *net, uint32_t node, uint64_t height, bool is_seen)
{
    struct qnk_store *store = store_of(net, node);
    struct qnk_micro header;
    uint64_t place;

    assert_int_equal(qnk_store_header(store, LANE, height, &header, &place), QN_OK);
    qnk_fake_storage_rot(net->plugins[node].storage, store->log, place, is_seen);
}

static void restart(struct net *net, uint32_t node)
{
    qnk_world_crash(net->world, node);
    net_run_ms(net, 10);
    assert_true(qnk_world_start(net->world, node));
}

/* Both nodes have the same body of this height. */
static void assert_same_body(struct net *net, uint32_t a, uint32_t b, uint64_t height)
{
    struct qnk_micro header;
    struct qn_buf *one = NULL;
    struct qn_buf *other = NULL;

    assert_int_equal(qnk_store_body(store_of(net, a), LANE, height, &header, &one), QN_OK);
    assert_int_equal(qnk_store_body(store_of(net, b), LANE, height, &header, &other), QN_OK);
    assert_int_equal(one->size, other->size);
    assert_memory_equal(one->data, other->data, one->size);
    qnk_buf_unref(one);
    qnk_buf_unref(other);
}

static bool is_good(struct net *net, uint32_t node, uint64_t height)
{
    uint8_t header[QNK_MICRO_SIZE];
    uint64_t next;
    int32_t status = qnk_store_check(store_of(net, node), LANE, height, 1, &next);
    bool is_rotten = qnk_store_rotten(store_of(net, node), header);

    assert_int_equal(next, height - 1);
    assert_int_equal(status, is_rotten ? QN_CORRUPT : QN_OK);
    return status == QN_OK;
}

/* A newcomer whose only peer is this node gets all that is final. */
static void assert_serves(struct net *net, uint32_t node, uint32_t newcomer)
{
    for (uint32_t i = 0; i < newcomer; i++) {
        qnk_world_link(net->world, newcomer, i, i == node);
    }
    net_start(net, newcomer, newcomer + 1);
    net_run_ms(net, 5000);
    assert_true(look(net, newcomer).final_window + 1 >= look(net, node).final_window);
    assert_agreement(net);
}

static void a_body_that_rotted_is_found_at_a_start_mended_and_served_again(void **state)
{
    struct net *net = net_with_blocks(5, 51);
    uint64_t height = height_full(net, 2);

    (void)state;
    rot(net, ROTTEN, height, true);
    assert_false(is_good(net, ROTTEN, height));
    restart(net, ROTTEN);
    net_run_ms(net, 3000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_rotten, 1);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 1);
    assert_true(is_good(net, ROTTEN, height));
    assert_same_body(net, 0, ROTTEN, height);
    assert_serves(net, ROTTEN, 4);

    /* And it stays so. */
    restart(net, ROTTEN);
    net_run_ms(net, 3000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_rotten, 0);
    assert_agreement(net);
    net_drop(net);
}

static void a_flip_that_the_storage_does_not_see_is_found_by_the_root(void **state)
{
    struct net *net = net_with_blocks(4, 52);
    uint64_t height = height_full(net, 2);

    (void)state;
    rot(net, ROTTEN, height, false);
    restart(net, ROTTEN);
    net_run_ms(net, 3000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 1);
    assert_same_body(net, 0, ROTTEN, height);
    net_drop(net);
}

static void an_empty_body_needs_no_peer(void **state)
{
    struct net *net = net_make(1, 1, 53);
    struct qnk_micro header;
    struct qn_buf *body = NULL;
    uint64_t height = 0, place;

    (void)state;
    net_open(net);
    net_start(net, 0, 1);
    net_run_ms(net, 4000);
    do {
        height++;
        assert_int_equal(qnk_store_header(store_of(net, 0), LANE, height, &header, &place), QN_OK);
    } while (header.body_size > 0);
    rot(net, 0, height, true);
    restart(net, 0);
    net_run_ms(net, 3000);
    assert_int_equal(counters_of(net, 0)->bodies_mended, 1);
    assert_int_equal(qnk_store_body(store_of(net, 0), LANE, height, &header, &body), QN_OK);
    qnk_buf_unref(body);
    net_drop(net);
}

static void ask_for(struct net *net, uint32_t from, uint32_t to, uint64_t height)
{
    struct qnk_fetch fetch = {.first = height, .count = 1, .what = 1};
    uint8_t body[QNK_FETCH_SIZE];

    qnk_fetch_encode(&fetch, body);
    qnk_world_say(net->world, from, to, QNK_LANE_SYNC, QNK_WIRE_FETCH_RANGE,
                  (struct qn_span){body, sizeof body});
}

static void a_body_that_rots_meanwhile_is_mended_when_a_peer_asks_for_it(void **state)
{
    struct net *net = net_with_blocks(4, 54);
    uint64_t height = height_full(net, 2);

    (void)state;
    rot(net, ROTTEN, height, true);
    net_run_ms(net, 3000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_rotten, 0);
    ask_for(net, 0, ROTTEN, height);
    net_run_ms(net, 1000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 1);
    assert_same_body(net, 0, ROTTEN, height);
    net_drop(net);
}

/* More than are remembered at a time. */
static void all_bodies_are_mended_if_all_are_lost(void **state)
{
    struct net *net = net_with_blocks(5, 55);
    uint64_t last;

    (void)state;
    net_run_ms(net, 10000);
    last = look(net, ROTTEN).final_height - WINDOW;
    assert_true(last > 96);
    for (uint64_t height = 1; height <= last; height++) {
        rot(net, ROTTEN, height, true);
    }
    restart(net, ROTTEN);
    net_run_ms(net, 10000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_rotten, last);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, last);
    for (uint64_t height = 1; height <= last; height++) {
        assert_same_body(net, 0, ROTTEN, height);
    }
    assert_serves(net, ROTTEN, 4);
    net_drop(net);
}

static void wrong_bytes_from_a_peer_are_not_taken(void **state)
{
    struct net *net = net_with_blocks(4, 56);
    uint64_t height = height_full(net, 2);
    uint64_t faults = 0;

    (void)state;
    rot(net, 0, height, false);
    rot(net, 1, height, false);
    rot(net, ROTTEN, height, true);
    for (uint32_t i = 0; i < 6 && faults == 0; i++) {
        restart(net, ROTTEN);
        net_run_ms(net, 30000);
        assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 1);
        assert_same_body(net, 3, ROTTEN, height);
        faults = counters_of(net, ROTTEN)->faults[QNK_FAULT_BAD_BLOCK];
        rot(net, ROTTEN, height, true);
    }
    assert_true(faults > 0); /* so somebody was asked who had it wrong */
    net_drop(net);
}

/* Two of four are off, so nothing else happens meanwhile. */
static void what_no_peer_has_is_given_up_and_mended_once_one_has_it(void **state)
{
    struct net *net = net_with_blocks(4, 57);
    uint64_t height = height_full(net, 2);

    (void)state;
    qnk_world_crash(net->world, 0);
    qnk_world_crash(net->world, 1);
    /* A height that all have. */
    for (uint32_t node = 2; node < 4; node++) {
        struct qnk_micro header;
        uint64_t place;

        while (qnk_store_header(store_of(net, 3), LANE, height, &header, &place) == QN_OK &&
               header.body_size == 0) {
            height++;
        }
        rot(net, node, height, true);
    }
    restart(net, ROTTEN);
    net_run_ms(net, 600000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_rotten, 1);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 0);
    assert_false(is_good(net, ROTTEN, height));
    net_start(net, 0, 1);
    net_run_ms(net, 1000);
    ask_for(net, 3, ROTTEN, height);
    net_run_ms(net, 10000);
    assert_int_equal(counters_of(net, ROTTEN)->bodies_mended, 1);
    assert_same_body(net, 0, ROTTEN, height);
    net_drop(net);
}

static void a_power_cut_between_any_two_writes_of_a_mending_costs_nothing(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 24; writes++) {
        struct net *net = net_with_blocks(4, 60 + writes);
        uint64_t height = height_full(net, 2);

        rot(net, ROTTEN, height, true);
        restart(net, ROTTEN);
        net_run_ms(net, 980); /* the reading begins after a second */
        qnk_world_cut(net->world, ROTTEN, writes);
        net_run_ms(net, 1000);
        restart(net, ROTTEN);
        net_run_ms(net, 3000);
        assert_true(is_good(net, ROTTEN, height));
        assert_same_body(net, 0, ROTTEN, height);
        assert_agreement(net);
        net_drop(net);
    }
}

/* --- what maps hold: the storage has no checksums for it --- */

static void flip(struct net *net, uint32_t map, uint64_t number, uint64_t bit)
{
    qnk_fake_storage_flip(net->plugins[ROTTEN].storage, map, (uint32_t)(number - 1), bit);
}

static int32_t macro_status(struct net *net, uint64_t window)
{
    struct qn_sink out;
    int32_t status;

    qnk_sink_init(&out, &net->budget, QNK_FRAME_PLAIN_MAX);
    status = qnk_store_macro(store_of(net, ROTTEN), LANE, window, &out);
    qnk_sink_done(&out);
    return status;
}

static void served_count(void *ctx, uint8_t type, struct qn_buf *head, struct qn_slice body)
{
    uint64_t *served = ctx;

    (void)body;
    assert_int_equal(type, QNK_WIRE_MACROS);
    *served = qn_le32_read(head->data);
}

static void a_flipped_bit_of_a_macroblock_is_neither_read_nor_served(void **state)
{
    struct net *net = net_with_blocks(4, 90);

    (void)state;
    for (uint64_t bit = 0; bit < QNK_MACRO_SIZE * 8 + 4000; bit += 13) {
        struct qnk_fetch all = {.first = 1, .count = 3};
        uint64_t served = 0;

        flip(net, store_of(net, ROTTEN)->macro, 2, bit);
        assert_int_equal(macro_status(net, 1), QN_OK);
        assert_int_equal(macro_status(net, 2), QN_CORRUPT);
        assert_string_equal(store_of(net, ROTTEN)->why, "macroblock 2 is damaged");
        assert_int_equal(qnk_store_serve(store_of(net, ROTTEN), LANE, QNK_WIRE_FETCH_MACROS, &all,
                                         served_count, &served),
                         QN_CORRUPT);
        assert_int_equal(served, 1);
        flip(net, store_of(net, ROTTEN)->macro, 2, bit);
        assert_int_equal(macro_status(net, 2), QN_OK);
    }
    net_drop(net);
}

static void a_flipped_bit_of_a_macroblock_is_not_restored(void **state)
{
    struct net *net = net_with_blocks(4, 91);

    (void)state;
    for (uint64_t bit = 3; bit < QNK_MACRO_SIZE * 8 + 1000; bit += 211) {
        uint64_t last = look(net, ROTTEN).final_window - 1;
        uint64_t window = bit % 2 == 0 ? last : last - 1;
        uint32_t map = store_of(net, ROTTEN)->macro;

        flip(net, map, window, bit);
        qnk_world_crash(net->world, ROTTEN);
        assert_false(qnk_world_start(net->world, ROTTEN));
        assert_int_equal(qnk_world_status(net->world, ROTTEN), QN_CORRUPT);
        assert_non_null(strstr(qnk_world_why(net->world, ROTTEN), "macroblock"));
        qnk_world_crash(net->world, ROTTEN);
        flip(net, map, window, bit);
        assert_true(qnk_world_start(net->world, ROTTEN));
        net_run_ms(net, 300);
    }
    assert_agreement(net);
    net_drop(net);
}

static void a_flipped_bit_of_what_belongs_to_a_window_is_not_restored(void **state)
{
    struct net *net = net_with_blocks(4, 92);

    (void)state;
    for (uint64_t bit = 0; bit < 64; bit++) {
        uint32_t map = store_of(net, ROTTEN)->meta;

        /* Controls, the record of the last final window, histories and sets, in this order. */
        flip(net, map, bit % 10 + 1, bit * 37);
        qnk_world_crash(net->world, ROTTEN);
        assert_false(qnk_world_start(net->world, ROTTEN));
        assert_int_equal(qnk_world_status(net->world, ROTTEN), QN_CORRUPT);
        qnk_world_crash(net->world, ROTTEN);
        flip(net, map, bit % 10 + 1, bit * 37);
        assert_true(qnk_world_start(net->world, ROTTEN));
    }
    net_drop(net);
}

static void a_flipped_bit_of_a_header_or_its_place_is_seen(void **state)
{
    struct net *net = net_with_blocks(4, 58);
    uint32_t map = store_of(net, ROTTEN)->micro;
    struct qnk_micro header;
    uint64_t place;

    (void)state;
    for (uint64_t bit = 0; bit < (8 + QNK_MICRO_SIZE) * 8; bit += 7) {
        flip(net, map, 2, bit);
        assert_int_equal(qnk_store_header(store_of(net, ROTTEN), LANE, 2, &header, &place),
                         QN_CORRUPT);
        flip(net, map, 2, bit);
        assert_int_equal(qnk_store_header(store_of(net, ROTTEN), LANE, 2, &header, &place), QN_OK);
    }
    net_drop(net);
}

static void parts_count(void *ctx, uint8_t type, struct qn_buf *head, struct qn_slice body)
{
    (void)head;
    (void)body;
    assert_int_equal(type, QNK_WIRE_BODY_PART);
    ++*(uint32_t *)ctx;
}

/* A rotten body is left out, since peers have it; a damaged header behind it is another matter. */
static void a_damaged_header_is_told_behind_a_rotten_body_too(void **state)
{
    struct net *net = net_with_blocks(4, 59);
    struct qnk_store *store = store_of(net, ROTTEN);
    uint64_t first = height_full(net, 1);
    uint64_t second = height_full(net, first + 1);
    uint64_t third = height_full(net, second + 1);
    struct qnk_fetch some = {.what = 1, .first = first, .count = (uint32_t)(third - first + 1)};
    struct qnk_fetch again = some;
    uint8_t header[QNK_MICRO_SIZE];
    uint32_t parts = 0;

    (void)state;
    rot(net, ROTTEN, first, true);
    assert_int_equal(qnk_store_serve(store, LANE, QNK_WIRE_FETCH_RANGE, &some, parts_count, &parts),
                     QN_CORRUPT);
    assert_int_equal(parts, 2);
    assert_true(store->peers_have_it);
    flip(net, store->micro, second, 77);
    assert_int_equal(
        qnk_store_serve(store, LANE, QNK_WIRE_FETCH_RANGE, &again, parts_count, &parts),
        QN_CORRUPT);
    assert_int_equal(parts, 2); /* it ends there */
    assert_false(store->peers_have_it);
    assert_true(qnk_store_rotten(store, header));
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_rotted_is_found_at_a_start_mended_and_served_again),
        cmocka_unit_test(a_flip_that_the_storage_does_not_see_is_found_by_the_root),
        cmocka_unit_test(an_empty_body_needs_no_peer),
        cmocka_unit_test(a_body_that_rots_meanwhile_is_mended_when_a_peer_asks_for_it),
        cmocka_unit_test(all_bodies_are_mended_if_all_are_lost),
        cmocka_unit_test(wrong_bytes_from_a_peer_are_not_taken),
        cmocka_unit_test(what_no_peer_has_is_given_up_and_mended_once_one_has_it),
        cmocka_unit_test(a_power_cut_between_any_two_writes_of_a_mending_costs_nothing),
        cmocka_unit_test(a_flipped_bit_of_a_macroblock_is_neither_read_nor_served),
        cmocka_unit_test(a_flipped_bit_of_a_macroblock_is_not_restored),
        cmocka_unit_test(a_flipped_bit_of_what_belongs_to_a_window_is_not_restored),
        cmocka_unit_test(a_flipped_bit_of_a_header_or_its_place_is_seen),
        cmocka_unit_test(a_damaged_header_is_told_behind_a_rotten_body_too),
    };

    return net_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
