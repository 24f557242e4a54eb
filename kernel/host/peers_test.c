/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/compression.h>

#include "kernel/base/bytes.h"
#include "kernel/base/sink.h"
#include "kernel/host/contacts.h"
#include "kernel/host/fake_net.h"
#include "kernel/host/session.h"

#define START_US UINT64_C(1767268800000000)
#define STEP_US  UINT64_C(50000)

enum { NODES = 3, MALLORY = 3, PEERS_SEEN = 64 };

/* What the host saw of one node's peers. */
struct node {
    struct qnk_peers *peers;
    struct qnk_budget budget;
    struct qnk_hash key;
    uint8_t seed[32];
    uint32_t now_up[PEERS_SEEN]; /* numbers */
    uint32_t now_up_count;
    uint32_t ups, downs;
    struct qnk_hash validator; /* of who came up last */
    uint32_t frames[QNK_LANES];
    uint64_t bytes;
    uint8_t order[256]; /* lanes, as frames came */
    uint32_t order_count;
    struct qnk_frame last;
    uint8_t last_body[8];
    uint8_t last_end;
    bool bans_in_frame; /* the callback scores the sender */
    bool stops_in_up, stops_in_frame, stops_in_down;
};

static struct fake_net *net;
static struct node nodes[NODES];
static uint64_t now_us;
static const struct qnk_hash network = {.bytes = {0x5b, 0x1f}};

static struct qnk_log_part part = {.name = "kernel/host"}; /* of no log: silent */

/* --- a compressor that packs equal bytes only --- */

static uint64_t same_bound(struct qn_inst *inst, uint64_t plain_size)
{
    (void)inst;
    return plain_size;
}

static int32_t same_pack(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                         struct qn_sink *packed)
{
    (void)inst;
    assert_int_equal(lane, 3);
    for (uint64_t i = 1; i < plain.size; i++) {
        if (plain.data[i] != plain.data[0]) {
            return qnk_sink_append(packed, plain.data, plain.size);
        }
    }
    return qnk_sink_append(packed, plain.data, 1);
}

static uint32_t unpacked; /* calls */

static int32_t same_unpack(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                           uint64_t plain_size, struct qn_sink *plain)
{
    uint8_t *room = qnk_sink_room(plain, plain_size);

    (void)inst;
    (void)lane;
    unpacked++;
    if (packed.size != 1 || room == NULL) {
        return QN_INVALID;
    }
    memset(room, packed.data[0], plain_size);
    qnk_sink_commit(plain, plain_size);
    return QN_OK;
}

static const struct qn_compression_1 same_table = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = same_bound,
    .pack = same_pack,
    .unpack = same_unpack,
};

/* --- nodes --- */

static void on_up(void *ctx, uint32_t peer, const struct qnk_session_peer *is, bool outgoing)
{
    struct node *node = ctx;

    (void)outgoing;
    node->validator = is->validator;
    assert_true(node->now_up_count < PEERS_SEEN);
    node->now_up[node->now_up_count++] = peer;
    node->ups++;
    if (node->stops_in_up) {
        qnk_peers_stop(node->peers, now_us);
    }
}

static void on_down(void *ctx, uint32_t peer)
{
    struct node *node = ctx;

    for (uint32_t i = 0; i < node->now_up_count; i++) {
        if (node->now_up[i] == peer) {
            node->now_up[i] = node->now_up[--node->now_up_count];
            node->downs++;
            if (node->stops_in_down) {
                qnk_peers_stop(node->peers, now_us);
            }
            return;
        }
    }
    fail_msg("a peer went down that was not up");
}

static void on_frame(void *ctx, uint32_t peer, const struct qnk_frame *head, struct qn_buf *buf)
{
    struct node *node = ctx;

    assert_int_equal(head->packing, 0);
    assert_int_equal(head->body.size, head->plain_size);
    if (head->body.size > 0) {
        assert_true(head->body.data >= buf->data &&
                    head->body.data + head->body.size <= buf->data + buf->size);
        node->last_end = head->body.data[head->body.size - 1];
        memcpy(node->last_body, head->body.data,
               head->body.size < sizeof node->last_body ? head->body.size : sizeof node->last_body);
    }
    node->last = *head;
    node->frames[head->lane]++;
    node->bytes += head->body.size;
    if (node->order_count < sizeof node->order) {
        node->order[node->order_count++] = head->lane;
    }
    if (node->bans_in_frame) {
        qnk_peers_score(node->peers, peer, QNK_FAULT_BAD_RANGE);
    }
    if (node->stops_in_frame) {
        qnk_peers_stop(node->peers, now_us);
    }
}

static void address_of(uint32_t index, char address[64])
{
    (void)snprintf(address, 64, "fake://10.0.0.%u:9876", index);
}

static struct qnk_peers_setup setup_of(uint32_t index)
{
    static char listen[NODES][64];

    address_of(index, listen[index]);
    return (struct qnk_peers_setup){
        .budget = &nodes[index].budget,
        .log = &part,
        .transport = {&fake_table, &net->nodes[index]},
        .compression = {&same_table, NULL},
        .compression_lane = 3,
        .compressor = "same",
        .chain_id = network,
        .node_seed = nodes[index].seed,
        .listen = listen[index],
        .node_type = QNK_NODE_FULL,
        .peers_max = 8,
        .peers_per_address = 4,
        .ctx = &nodes[index],
        .up = on_up,
        .down = on_down,
        .frame = on_frame,
    };
}

static void node_start(uint32_t index, const struct qnk_peers_setup *setup)
{
    struct node *node = &nodes[index];

    net->nodes[index].is_listening = false;
    assert_int_equal(qnk_peers_create(setup, &node->peers), QN_OK);
    assert_int_equal(qnk_peers_start(node->peers, now_us), QN_OK);
}

static void nodes_start(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct qnk_peers_setup setup = setup_of(i);

        node_start(i, &setup);
    }
}

/* Makes `to` known to `from`. */
static void introduce(uint32_t from, uint32_t to)
{
    char address[64];

    address_of(to, address);
    assert_int_equal(qnk_peers_add(nodes[from].peers, &nodes[to].key, address), QN_OK);
}

static void pump_all(void)
{
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < NODES; i++) {
            if (nodes[i].peers != NULL) {
                (void)qnk_peers_pump(nodes[i].peers, now_us);
            }
        }
    }
}

static void run_us(uint64_t us)
{
    for (uint64_t end = now_us + us; now_us < end; now_us += STEP_US) {
        for (uint32_t i = 0; i < NODES; i++) {
            if (nodes[i].peers != NULL) {
                qnk_peers_tick(nodes[i].peers, now_us);
            }
        }
        pump_all();
    }
}

static struct qnk_peer_view view_of(uint32_t index, const struct qnk_hash *key)
{
    struct qnk_peer_view views[32];
    uint32_t count = qnk_peers_list(nodes[index].peers, views, 32);

    for (uint32_t i = 0; i < count; i++) {
        if (qnk_hash_equal(&views[i].key, key)) {
            return views[i];
        }
    }
    return (struct qnk_peer_view){.state = QNK_PEER_AWAY};
}

/* Two nodes that are connected; gives node 0's number for the other. */
static uint32_t connect_two(void)
{
    nodes_start(2);
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 1);
    assert_int_equal(nodes[1].now_up_count, 1);
    return nodes[0].now_up[0];
}

static void send_bytes(uint32_t from, uint32_t peer, uint8_t lane, uint64_t size, uint8_t value)
{
    struct qn_buf *buf = qnk_buf_new(&nodes[from].budget, size);

    assert_non_null(buf);
    memset(buf->data, value, size);
    qnk_peers_send(nodes[from].peers, peer, lane, QNK_WIRE_TXS, 0, buf, (struct qn_slice){0});
    qnk_buf_unref(buf);
}

/* Node 0's wire to the other, and node 1's side of it. */
static struct fake_way *way_to(uint32_t index)
{
    for (uint32_t i = net->wires_count; i-- > 0;) {
        for (uint32_t end = 0; end < 2; end++) {
            if (net->wires[i].ends[end] == index && net->wires[i].is_open[0] &&
                net->wires[i].is_open[1]) {
                return &net->wires[i].ways[end];
            }
        }
    }
    fail_msg("no wire");
    return NULL;
}

static int world_start(void **state)
{
    (void)state;
    now_us = START_US;
    unpacked = 0;
    net = calloc(1, sizeof *net);
    fake_net_init(net);
    memset(nodes, 0, sizeof nodes);
    for (uint32_t i = 0; i < NODES; i++) {
        uint8_t secret[crypto_sign_SECRETKEYBYTES];

        nodes[i].budget.limit = 512 << 20;
        memset(nodes[i].seed, (int)(i + 1), 32);
        (void)crypto_sign_seed_keypair(nodes[i].key.bytes, secret, nodes[i].seed);
    }
    return 0;
}

static int world_end(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NODES; i++) {
        qnk_peers_destroy(nodes[i].peers);
        assert_int_equal(nodes[i].now_up_count, 0); /* each up had its down */
        assert_int_equal(nodes[i].budget.used, 0);
    }
    fake_net_done(net);
    assert_int_equal(net->budget.used, 0);
    free(net);
    return 0;
}

/* --- connecting --- */

static void a_validators_key_is_proven_to_its_peers(void **state)
{
    struct qnk_budget budget = {.limit = 1 << 20};
    struct qnk_peers_setup setup = setup_of(0), other = setup_of(1);
    struct qnk_signer *signer;
    struct qnk_key key;

    (void)state;
    assert_int_equal(qnk_key_make(QNK_KEY_VALIDATOR, NULL, &key), QN_OK);
    assert_int_equal(qnk_signer_create(&budget, &key, &signer), QN_OK);
    setup.signer = signer;
    setup.validator = key.public;
    node_start(0, &setup);
    node_start(1, &other);
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[1].now_up_count, 1);
    assert_true(qnk_hash_equal(&nodes[1].validator, &key.public));
    assert_true(qnk_hash_is_zero(&nodes[0].validator));
    qnk_key_done(&key);
    qnk_signer_destroy(signer);
}

static void a_known_peer_is_dialled_and_frames_pass(void **state)
{
    uint32_t peer = connect_two();
    struct qnk_peer_view view;
    uint8_t borrowed[4] = {1, 2, 3, 4};

    (void)state;
    qnk_peers_send(nodes[0].peers, peer, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, 42, NULL,
                   (struct qn_slice){NULL, borrowed, sizeof borrowed});
    memset(borrowed, 0, sizeof borrowed);
    run_us(100000);
    assert_int_equal(nodes[1].frames[QNK_LANE_CONSENSUS], 1);
    assert_int_equal(nodes[1].last.type, QNK_WIRE_VOTES);
    assert_int_equal(nodes[1].last.request, 42);
    assert_int_equal(nodes[1].last_body[3], 4);
    view = view_of(0, &nodes[1].key);
    assert_int_equal(view.state, QNK_PEER_UP);
    assert_true(view.is_outgoing);
    assert_true(view.is_packing);
    assert_true(view.is_known);
    assert_int_equal(view.frames_out, 1);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->plain_out[QNK_LANE_CONSENSUS], 4);
    assert_int_equal(view.node_type, QNK_NODE_FULL);
    view = view_of(1, &nodes[0].key);
    assert_false(view.is_known);
    assert_int_equal(view.frames_in, 1);
}

static void dial_at_once(void)
{
    bool is_0_smaller = memcmp(nodes[0].key.bytes, nodes[1].key.bytes, QN_KEY_SIZE) < 0;

    nodes_start(2);
    introduce(0, 1);
    introduce(1, 0);
    pump_all();
    run_us(STEP_US);
    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_peer_view view = view_of(i, &nodes[1 - i].key);

        assert_int_equal(nodes[i].now_up_count, 1);
        assert_true(nodes[i].ups <= 2);
        assert_int_equal(view.is_outgoing, (i == 0) == is_0_smaller);
        assert_string_equal(view.reason, ""); /* nothing is wrong with it */
    }
    /* And it is the same one: frames pass. */
    send_bytes(0, nodes[0].now_up[0], QNK_LANE_TXS, 10, 1);
    send_bytes(1, nodes[1].now_up[0], QNK_LANE_TXS, 10, 1);
    run_us(100000);
    assert_int_equal(nodes[0].frames[QNK_LANE_TXS], 1);
    assert_int_equal(nodes[1].frames[QNK_LANE_TXS], 1);
}

static void both_sides_dial_at_once_and_one_link_stays(void **state)
{
    (void)state;
    dial_at_once();
}

static void it_is_the_same_if_the_other_has_the_smaller_key(void **state)
{
    struct node swap = nodes[0];

    (void)state;
    memcpy(nodes[0].seed, nodes[1].seed, sizeof swap.seed);
    nodes[0].key = nodes[1].key;
    memcpy(nodes[1].seed, swap.seed, sizeof swap.seed);
    nodes[1].key = swap.key;
    dial_at_once();
}

static void three_nodes_that_all_know_all_are_connected_once_each(void **state)
{
    (void)state;
    nodes_start(3);
    for (uint32_t i = 0; i < 3; i++) {
        introduce(i, (i + 1) % 3);
        introduce(i, (i + 2) % 3);
    }
    run_us(8000000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(nodes[i].now_up_count, 2);
    }
    uint64_t dials = net->nodes[0].dials;

    run_us(30000000);
    assert_int_equal(net->nodes[0].dials, dials); /* nobody dials whom it has */
}

static void a_peer_that_does_not_answer_is_dialled_less_and_less(void **state)
{
    struct qnk_peers_setup setup = setup_of(0);
    uint64_t first, second;

    (void)state;
    node_start(0, &setup);
    introduce(0, 1);
    run_us(2000000);
    first = net->nodes[0].dials;
    assert_in_range(first, 2, 5);
    run_us(120000000);
    second = net->nodes[0].dials - first;
    assert_in_range(second, 8, 16); /* at most every 11 to 19 s in the end */
    assert_int_equal(view_of(0, &nodes[1].key).state, QNK_PEER_AWAY);
    assert_string_equal(view_of(0, &nodes[1].key).reason, "refused");

    setup = setup_of(1);
    node_start(1, &setup);
    run_us(20000000);
    assert_int_equal(nodes[0].now_up_count, 1);
}

static void a_dropped_link_comes_back(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    run_us(12000000);
    fake_cut(net, 0);
    pump_all();
    assert_int_equal(nodes[0].now_up_count, 0);
    assert_int_equal(nodes[1].now_up_count, 0);
    assert_string_equal(view_of(0, &nodes[1].key).reason, "reset");
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 1);
    assert_true(nodes[0].now_up[0] != peer);
    /* Frames to the number of old go nowhere. */
    send_bytes(0, peer, QNK_LANE_TXS, 10, 1);
    run_us(100000);
    assert_int_equal(nodes[1].frames[QNK_LANE_TXS], 0);
}

/* A node dies without a word: its link stays, as the other sees it. */
static void die_silently(uint32_t index)
{
    uint32_t end = net->wires[0].ends[0] == index ? 0 : 1;

    net->wires[0].ways[1 - end].is_stuck = true; /* the farewell never arrives */
    qnk_peers_destroy(nodes[index].peers);
    nodes[index].peers = NULL;
    net->wires[0].is_open[end] = true;
    net->wires[0].ends[end] = MALLORY;
    net->nodes[index].count = 0;
}

static void restart_of(uint32_t index, uint64_t after_us, uint32_t dialler)
{
    struct qnk_peers_setup setup = setup_of(index);
    uint32_t other = 1 - index;

    nodes_start(2);
    introduce(dialler, 1 - dialler);
    run_us(500000);
    assert_int_equal(nodes[other].now_up_count, 1);
    run_us(after_us);
    die_silently(index);
    node_start(index, &setup);
    introduce(index, other);
    run_us(STEP_US * 2);
    assert_int_equal(nodes[index].now_up_count, 1);
    assert_int_equal(nodes[other].now_up_count, 1);
    assert_int_equal(nodes[other].ups, 2);
    assert_int_equal(nodes[other].downs, 1);
}

static void a_peer_that_restarts_takes_the_place_of_its_dead_link(void **state)
{
    (void)state;
    restart_of(1, 5000000, 0);
}

static void so_does_the_other_with_the_other_key(void **state)
{
    (void)state;
    restart_of(0, 5000000, 1);
}

static void who_dialled_before_and_dials_again_is_let_in_at_once(void **state)
{
    (void)state;
    restart_of(1, 0, 1);
}

static void so_is_the_other_with_the_other_key(void **state)
{
    (void)state;
    restart_of(0, 0, 0);
}

static void a_silent_peer_is_dropped(void **state)
{
    (void)state;
    (void)connect_two();
    qnk_peers_destroy(nodes[1].peers);
    nodes[1].peers = NULL;
    net->wires[0].is_open[1] = true;
    net->wires[0].ends[1] = MALLORY;
    fake_way_clear(&net->wires[0].ways[0]);
    run_us(25000000);
    assert_int_equal(nodes[0].now_up_count, 0);
}

static void round_trips_are_measured(void **state)
{
    (void)state;
    (void)connect_two();
    run_us(6000000);
    assert_true(view_of(0, &nodes[1].key).rtt_us <= STEP_US);
    assert_true(view_of(0, &nodes[1].key).frames_out == 0); /* pings are no frames */
}

static void another_network_is_named_on_both_sides(void **state)
{
    struct qnk_peers_setup setup = setup_of(1);

    (void)state;
    nodes_start(1);
    setup.chain_id.bytes[0] = 0x7c;
    node_start(1, &setup);
    introduce(0, 1);
    introduce(1, 0);
    run_us(1000000);
    assert_int_equal(nodes[0].ups + nodes[1].ups, 0);
    assert_non_null(strstr(view_of(0, &nodes[1].key).reason, "the network files differ"));
    assert_non_null(strstr(view_of(1, &nodes[0].key).reason, "the network files differ"));
}

static void a_pinned_key_is_not_replaced_by_another(void **state)
{
    char address[64];

    (void)state;
    nodes_start(2);
    address_of(1, address);
    assert_int_equal(qnk_peers_add(nodes[0].peers, &nodes[2].key, address), QN_OK);
    run_us(1000000);
    assert_int_equal(nodes[0].ups, 0);
    assert_non_null(strstr(view_of(0, &nodes[2].key).reason, "another node key is pinned"));
}

static void our_own_entry_in_the_list_of_all_is_skipped(void **state)
{
    struct qnk_peers_setup setup = setup_of(0);
    struct qnk_node_peer known[2] = {{nodes[0].key, "fake://10.0.0.0:9876"},
                                     {nodes[1].key, "fake://10.0.0.1:9876"}};

    (void)state;
    setup.known = known;
    setup.known_count = 2;
    node_start(0, &setup);
    run_us(1000000);
    assert_true(net->nodes[0].dials > 0);
    assert_int_equal(nodes[0].ups, 0);
    assert_int_equal(qnk_peers_add(nodes[0].peers, &nodes[0].key, "fake://x:1"), QN_INVALID);
    setup.known = (struct qnk_node_peer[2]){known[1], known[1]};
    assert_int_equal(qnk_peers_create(&setup, &nodes[2].peers), QN_INVALID);
}

/* --- lanes --- */

static void urgent_frames_overtake_what_waits(void **state)
{
    uint32_t peer = connect_two();
    struct fake_way *way = way_to(1);

    (void)state;
    way->is_stuck = true;
    for (uint32_t i = 0; i < 30; i++) {
        send_bytes(0, peer, QNK_LANE_SYNC, 100, 1);
    }
    send_bytes(0, peer, QNK_LANE_TXS, 100, 1);
    send_bytes(0, peer, QNK_LANE_BLOCKS, 100, 1);
    send_bytes(0, peer, QNK_LANE_CONSENSUS, 100, 1);
    assert_int_equal(view_of(0, &nodes[1].key).queued[QNK_LANE_CONSENSUS], 1);
    way->is_stuck = false;
    run_us(200000);
    assert_int_equal(nodes[1].order_count, 33);
    /* One was sealed already, and could not be overtaken. */
    assert_int_equal(nodes[1].order[0], QNK_LANE_SYNC);
    assert_int_equal(nodes[1].order[1], QNK_LANE_CONSENSUS);
    assert_int_equal(nodes[1].order[2], QNK_LANE_BLOCKS);
    assert_int_equal(nodes[1].order[3], QNK_LANE_TXS);
    assert_int_equal(nodes[1].order[4], QNK_LANE_SYNC);
}

static void a_slow_peer_loses_transactions_and_keeps_its_votes(void **state)
{
    uint32_t peer = connect_two();
    struct fake_way *way = way_to(1);
    struct qnk_peer_view view;

    (void)state;
    way->is_stuck = true;
    for (uint32_t i = 0; i < 100; i++) {
        send_bytes(0, peer, QNK_LANE_TXS, 65536, 1);
        send_bytes(0, peer, QNK_LANE_CONSENSUS, 200, 1);
    }
    view = view_of(0, &nodes[1].key);
    assert_int_equal(view.state, QNK_PEER_UP);
    assert_true(view.dropped[QNK_LANE_TXS] >= 60);
    assert_true(view.queued_bytes[QNK_LANE_TXS] <= 2097152);
    assert_int_equal(view.dropped[QNK_LANE_CONSENSUS], 0);
    assert_false(qnk_peers_has_room(nodes[0].peers, peer, QNK_LANE_TXS));
    assert_true(qnk_peers_has_room(nodes[0].peers, peer, QNK_LANE_CONSENSUS));
    way->is_stuck = false;
    run_us(2000000);
    assert_int_equal(nodes[1].frames[QNK_LANE_CONSENSUS], 100);
    assert_int_equal(nodes[1].frames[QNK_LANE_TXS] + view.dropped[QNK_LANE_TXS], 100);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->dropped[QNK_LANE_TXS],
                     view.dropped[QNK_LANE_TXS]);
}

static void a_peer_whose_votes_do_not_fit_is_dropped(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    way_to(1)->is_stuck = true;
    for (uint32_t i = 0; i < 2000; i++) {
        send_bytes(0, peer, QNK_LANE_CONSENSUS, 200, 1);
    }
    assert_int_equal(nodes[0].now_up_count, 1); /* down is told by pump or tick only */
    run_us(STEP_US);
    assert_int_equal(nodes[0].downs, 1);
}

static void a_node_takes_no_more_for_itself_than_it_says(void **state)
{
    size_t before;

    (void)state;
    nodes_start(2);
    before = nodes[0].budget.used;
    assert_true(before <= QNK_PEERS_MEMORY(0));
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 1);
    assert_true(nodes[0].budget.used > before);
    assert_true(nodes[0].budget.used <= before + QNK_PEERS_MEMORY(1) - QNK_PEERS_MEMORY(0));
}

static void ten_thousand_frames_leave_no_memory_behind(void **state)
{
    uint32_t peer = connect_two();
    size_t before = nodes[0].budget.used;

    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        send_bytes(0, peer, (uint8_t)(i % QNK_LANES), 10 + i % 3000, 1);
        if (i % 50 == 0) {
            run_us(STEP_US);
        }
    }
    run_us(1000000);
    assert_int_equal(
        nodes[1].frames[0] + nodes[1].frames[1] + nodes[1].frames[2] + nodes[1].frames[3], 10000);
    assert_true(nodes[0].budget.used <= before + 32768); /* what the packer keeps */
}

/* --- packing --- */

static void bulk_is_packed_where_that_is_smaller(void **state)
{
    uint32_t peer = connect_two();
    const struct qnk_peers_counters *counters = qnk_peers_counters(nodes[0].peers);
    struct qn_buf *head = qnk_buf_new(&nodes[0].budget, 100);
    struct qn_buf *body = qnk_buf_new(&nodes[0].budget, 262144);

    (void)state;
    memset(head->data, 7, head->size);
    memset(body->data, 7, body->size);
    qnk_peers_send(nodes[0].peers, peer, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, 0, head,
                   (struct qn_slice){body, body->data, body->size});
    run_us(100000);
    assert_int_equal(nodes[1].last.plain_size, 262244);
    assert_int_equal(nodes[1].last_end, 7);
    assert_int_equal(counters->packed_plain, 262244);
    assert_int_equal(counters->packed_size, 1);

    body->data[5] = 8; /* does not pack; nobody holds it now */
    qnk_peers_send(nodes[0].peers, peer, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, 0, NULL,
                   (struct qn_slice){body, body->data, body->size});
    send_bytes(0, peer, QNK_LANE_TXS, 4096, 7);  /* not bulk */
    send_bytes(0, peer, QNK_LANE_SYNC, 1023, 7); /* too small */
    send_bytes(0, peer, QNK_LANE_SYNC, QNK_FRAME_PLAIN_MAX, 9);
    run_us(100000);
    assert_int_equal(nodes[1].last.plain_size, QNK_FRAME_PLAIN_MAX);
    assert_int_equal(nodes[1].last_end, 9);
    assert_int_equal(counters->packed_size, 2);
    assert_int_equal(unpacked, 2);
    qnk_buf_unref(head);
    qnk_buf_unref(body);
}

/* As the parts of one block's body are: one buf, equal sizes, other bytes. */
static void parts_of_one_buf_are_not_taken_for_each_other(void **state)
{
    uint32_t peer = connect_two();
    struct qn_buf *body = qnk_buf_new(&nodes[0].budget, 8192);

    (void)state;
    memset(body->data, 7, 4096);
    memset(body->data + 4096, 8, 4096);
    for (uint32_t i = 0; i < 4; i++) {
        const uint8_t *part_of = body->data + i % 2 * 4096;

        qnk_peers_send(nodes[0].peers, peer, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, 0, NULL,
                       (struct qn_slice){body, part_of, 4096});
        pump_all();
        assert_int_equal(nodes[1].last_end, 7 + i % 2);
    }
    qnk_buf_unref(body);
}

static void without_an_agreed_compressor_all_is_plain(void **state)
{
    struct qnk_peers_setup setup = setup_of(1);
    uint8_t *large = calloc(1, QNK_FRAME_PLAIN_MAX);

    (void)state;
    nodes_start(1);
    setup.compressor = "other";
    node_start(1, &setup);
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 1);
    qnk_peers_send(nodes[0].peers, nodes[0].now_up[0], QNK_LANE_SYNC, QNK_WIRE_RANGE, 0, NULL,
                   (struct qn_slice){NULL, large, QNK_FRAME_PLAIN_MAX});
    run_us(100000);
    assert_int_equal(nodes[1].last.plain_size, QNK_FRAME_PLAIN_MAX);
    assert_int_equal(unpacked, 0);
    free(large);
}

/* --- another compressor while links are open --- */

static uint32_t other_unpacked;

static int32_t other_pack(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                          struct qn_sink *packed)
{
    const uint8_t pair[2] = {plain.data[0], 0xee};

    (void)inst;
    (void)lane;
    return qnk_sink_append(packed, pair, sizeof pair);
}

static int32_t other_unpack(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                            uint64_t plain_size, struct qn_sink *plain)
{
    uint8_t *room = qnk_sink_room(plain, plain_size);

    (void)inst;
    (void)lane;
    other_unpacked++;
    if (packed.size != 2 || packed.data[1] != 0xee || room == NULL) {
        return QN_INVALID;
    }
    memset(room, packed.data[0], plain_size);
    qnk_sink_commit(plain, plain_size);
    return QN_OK;
}

static const struct qn_compression_1 other_table = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = same_bound,
    .pack = other_pack,
    .unpack = other_unpack,
};
static const struct qnk_plugged other = {&other_table, NULL};
static const struct qnk_plugged same = {&same_table, NULL};

/* Sends 64 KiB each way and says how they came. */
static void exchange(uint32_t same_calls, uint32_t other_calls)
{
    unpacked = 0;
    other_unpacked = 0;
    nodes[0].last_end = 0;
    nodes[1].last_end = 0;
    send_bytes(0, nodes[0].now_up[0], QNK_LANE_BLOCKS, 65536, 5);
    send_bytes(1, nodes[1].now_up[0], QNK_LANE_BLOCKS, 65536, 6);
    run_us(200000);
    assert_int_equal(nodes[1].last_end, 5);
    assert_int_equal(nodes[0].last_end, 6);
    assert_int_equal(unpacked, same_calls);
    assert_int_equal(other_unpacked, other_calls);
}

static void another_compressor_is_used_by_open_links(void **state)
{
    (void)state;
    (void)connect_two();
    exchange(2, 0);
    assert_int_equal(qnk_peers_compress(nodes[0].peers, "other", &other, now_us), QN_OK);
    exchange(1, 0); /* node 1 lacks it: to it all is plain, and what it sends is still read */
    assert_false(view_of(0, &nodes[1].key).is_packing);
    assert_int_equal(qnk_peers_compress(nodes[1].peers, "other", &other, now_us), QN_OK);
    run_us(200000);
    exchange(0, 2);
    assert_true(view_of(0, &nodes[1].key).is_packing);
    assert_int_equal(qnk_peers_compress(nodes[0].peers, "same", &same, now_us), QN_OK);
    exchange(1, 1); /* back on one side alone */
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->malformed, 0);
    assert_int_equal(qnk_peers_counters(nodes[1].peers)->malformed, 0);
}

static void a_new_link_offers_all_compressors(void **state)
{
    (void)state;
    nodes_start(2);
    assert_int_equal(qnk_peers_compress(nodes[0].peers, "other", &other, now_us), QN_OK);
    assert_int_equal(qnk_peers_compress(nodes[1].peers, "other", &other, now_us), QN_OK);
    assert_int_equal(qnk_peers_compress(nodes[1].peers, "same", &same, now_us), QN_OK);
    introduce(0, 1);
    run_us(1000000);
    exchange(1, 1);
}

static void a_compressor_may_come_while_links_shake_hands(void **state)
{
    (void)state;
    nodes_start(2);
    introduce(0, 1);
    for (uint32_t i = 0; i < 200; i++) { /* at some of them one hello is sent, the other not yet */
        qnk_peers_tick(nodes[0].peers, now_us);
        (void)qnk_peers_pump(nodes[0].peers, now_us);
        if (i == 1) {
            assert_int_equal(qnk_peers_compress(nodes[0].peers, "other", &other, now_us), QN_OK);
        }
        (void)qnk_peers_pump(nodes[1].peers, now_us);
        now_us += STEP_US;
    }
    assert_int_equal(qnk_peers_compress(nodes[1].peers, "other", &other, now_us), QN_OK);
    run_us(1000000);
    exchange(0, 2);
}

static void too_many_compressors_are_refused(void **state)
{
    char name[16];

    (void)state;
    (void)connect_two();
    for (uint32_t i = 1; i < QNK_SESSION_COMPRESSORS_MAX; i++) {
        (void)snprintf(name, sizeof name, "other%u", i);
        assert_int_equal(qnk_peers_compress(nodes[0].peers, name, &other, now_us), QN_OK);
    }
    assert_int_equal(qnk_peers_compress(nodes[0].peers, "more", &other, now_us), QN_NO_SPACE);
    assert_int_equal(qnk_peers_compress(nodes[0].peers, "same", &same, now_us), QN_OK);
    exchange(2, 0);
}

/* --- Mallory: a transport of the net without peers on it --- */

struct mallory {
    struct qnk_session_identity identity;
    struct qnk_session session;
    uint64_t link;
    bool is_down;
    uint32_t frames;
};

static int32_t mallory_push(void *ctx, uint32_t type, struct qn_span body,
                            const struct qn_slice *payload)
{
    struct mallory *mallory = ctx;
    struct qnk_session_frame answer;
    struct qn_transport_effect_up up;
    uint8_t plain[4096];
    enum qnk_session_kind kind;
    uint32_t accepted;

    if (type == QN_TRANSPORT_EFFECT_UP && qn_transport_effect_up_read(body, &up) == QN_OK) {
        mallory->link = up.link;
    }
    if (type == QN_TRANSPORT_EFFECT_DOWN) {
        mallory->is_down = true;
    }
    if (type != QN_TRANSPORT_EFFECT_FRAME) {
        return QN_OK;
    }
    struct qn_span frame = {payload->data, payload->size};

    mallory->frames++;
    if (mallory->session.state == QNK_SESSION_OPEN) {
        assert_in_range(frame.size, 1, sizeof plain);
        assert_int_equal(qnk_session_open(&mallory->session, frame, plain, &kind), QN_OK);
    } else if (mallory->session.state != QNK_SESSION_OVER &&
               qnk_session_take(&mallory->session, frame, &answer) == QN_OK && answer.size > 0) {
        struct qn_slice slice = {NULL, answer.bytes, answer.size};

        (void)fake_send(&net->nodes[MALLORY], mallory->link, &slice, 1, &accepted);
    }
    return QN_OK;
}

static void mallory_pump(struct mallory *mallory)
{
    struct qn_effects out = {.ctx = mallory, .push = mallory_push};

    (void)fake_pump(&net->nodes[MALLORY], 64, &out);
}

/* A link to node 0; what is said on it is up to the test. */
static void mallory_dial(struct mallory *mallory)
{
    char address[64];

    mallory->is_down = false;
    mallory->link = 0;
    address_of(0, address);
    assert_int_equal(fake_dial(&net->nodes[MALLORY], 1,
                               (struct qn_span){(const uint8_t *)address, strlen(address)}),
                     QN_OK);
    while (net->nodes[MALLORY].count > 0) {
        mallory_pump(mallory);
    }
    assert_true(mallory->link != 0);
    assert_int_equal(fake_credit(&net->nodes[MALLORY], mallory->link, 1 << 30), QN_OK);
    pump_all();
}

static void mallory_say(struct mallory *mallory, const void *bytes, uint64_t size)
{
    struct qn_slice slice = {NULL, bytes, size};
    uint32_t accepted;

    (void)fake_send(&net->nodes[MALLORY], mallory->link, &slice, 1, &accepted);
    pump_all();
    mallory_pump(mallory);
}

/* An honest handshake with a key of her own. */
static void mallory_enter(struct mallory *mallory, uint8_t key)
{
    uint8_t seed[32], chance[32];

    memset(seed, key, sizeof seed);
    qnk_random_system(chance, sizeof chance);
    qnk_session_identity_init(&mallory->identity, &network, seed, 2, "same");
    qnk_session_init(&mallory->session, &mallory->identity, true, NULL, chance);
    mallory_dial(mallory);
    mallory_say(mallory, mallory->session.hello.bytes, mallory->session.hello.size);
    for (uint32_t i = 0; i < 4; i++) {
        mallory_pump(mallory);
        pump_all();
    }
}

static void mallory_seal(struct mallory *mallory, const void *bytes, uint64_t size)
{
    static uint8_t frame[1048576];

    memcpy(frame + 1, bytes, size);
    qnk_session_seal(&mallory->session, QNK_SESSION_DATA, frame, size);
    mallory_say(mallory, frame, size + QNK_SESSION_SEAL);
}

static struct qnk_hash mallory_key(const struct mallory *mallory)
{
    struct qnk_hash key;

    memcpy(key.bytes, mallory->identity.key, QN_KEY_SIZE);
    return key;
}

/* She goes on talking, so she is not silent; but reads nothing. */
static void a_peer_that_takes_nothing_is_dropped_in_the_end(void **state)
{
    struct mallory mallory = {0};

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    way_to(MALLORY)->is_stuck = true;
    send_bytes(0, nodes[0].now_up[0], QNK_LANE_TXS, 200, 1);
    for (uint32_t second = 0; second < 35; second++) {
        uint8_t pong[9 + QNK_SESSION_SEAL] = {0, 2};

        qnk_session_seal(&mallory.session, QNK_SESSION_SIGNAL, pong, 9);
        mallory_say(&mallory, pong, sizeof pong);
        run_us(1000000);
        assert_int_equal(nodes[0].downs, second < 30 ? 0 : 1);
    }
}

static void garbage_before_the_handshake_ends_the_link(void **state)
{
    struct mallory mallory = {.session.state = QNK_SESSION_OVER};
    uint8_t large[4096] = {1};

    (void)state;
    nodes_start(1);
    mallory_dial(&mallory);
    mallory_say(&mallory, "GET / HTTP/1.1", 14);
    mallory_pump(&mallory);
    assert_true(mallory.is_down);
    mallory_dial(&mallory);
    mallory_say(&mallory, large, sizeof large);
    mallory_pump(&mallory);
    assert_true(mallory.is_down);
    assert_int_equal(nodes[0].ups, 0);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->handshakes_failed, 2);
}

static void an_address_that_only_sends_garbage_is_not_heard_for_a_while(void **state)
{
    struct mallory mallory = {.session.state = QNK_SESSION_OVER};
    const struct qnk_peers_counters *counters;

    (void)state;
    nodes_start(1);
    counters = qnk_peers_counters(nodes[0].peers);
    for (uint32_t i = 0; i < 30; i++) {
        mallory_dial(&mallory);
        mallory_say(&mallory, "garbage", 7);
    }
    assert_true(counters->refused >= 15);
    assert_true(counters->handshakes_failed <= QNK_HOST_FAILURES_MAX + 1);
    run_us(QNK_HOST_FAILURES_US + 1000000);
    mallory_enter(&mallory, 9);
    assert_int_equal(nodes[0].ups, 1);
}

static void who_says_nothing_is_dropped(void **state)
{
    struct mallory mallory = {.session.state = QNK_SESSION_OVER};

    (void)state;
    nodes_start(1);
    mallory_dial(&mallory);
    run_us(QNK_PEERS_HANDSHAKE_US + 500000);
    mallory_pump(&mallory);
    assert_true(mallory.is_down);
}

static void silent_links_of_one_address_are_few(void **state)
{
    struct mallory mallory = {.session.state = QNK_SESSION_OVER};

    (void)state;
    nodes_start(1);
    for (uint32_t i = 0; i < 20; i++) {
        mallory_dial(&mallory);
    }
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->accepts, 4);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->refused, 16);
}

static void silent_links_are_few_in_all(void **state)
{
    struct mallory mallory = {.session.state = QNK_SESSION_OVER};
    struct qnk_peers_setup setup = setup_of(0);

    (void)state;
    setup.peers_per_address = 1000;
    node_start(0, &setup);
    for (uint32_t i = 0; i < 70; i++) {
        mallory_dial(&mallory);
    }
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->accepts, 64);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->refused, 6);
}

static void peers_of_one_address_are_few(void **state)
{
    static struct mallory crowd[6];

    (void)state;
    memset(crowd, 0, sizeof crowd);
    nodes_start(1);
    for (uint8_t i = 0; i < 6; i++) {
        mallory_enter(&crowd[i], (uint8_t)(20 + i));
    }
    assert_int_equal(nodes[0].now_up_count, 4);
    assert_int_equal(crowd[5].session.state, QNK_SESSION_OVER);
    assert_int_equal(crowd[5].session.end.code, QNK_SESSION_FULL);
}

static void a_known_peer_gets_the_place_of_a_stranger(void **state)
{
    static struct mallory strangers[3];
    struct qnk_peers_setup setup = setup_of(0);

    (void)state;
    memset(strangers, 0, sizeof strangers);
    setup.peers_max = 2;
    node_start(0, &setup);
    for (uint8_t i = 0; i < 3; i++) {
        mallory_enter(&strangers[i], (uint8_t)(20 + i));
    }
    assert_int_equal(nodes[0].now_up_count, 2);
    setup = setup_of(1);
    node_start(1, &setup);
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 2);
    assert_int_equal(view_of(0, &nodes[1].key).state, QNK_PEER_UP);
}

static void a_host_may_stop_while_a_place_is_made(void **state)
{
    static struct mallory stranger;
    struct qnk_peers_setup setup = setup_of(0);

    (void)state;
    memset(&stranger, 0, sizeof stranger);
    setup.peers_max = 1;
    node_start(0, &setup);
    mallory_enter(&stranger, 20);
    nodes[0].stops_in_down = true;
    setup = setup_of(1);
    node_start(1, &setup);
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[0].downs, 1);
    assert_int_equal(nodes[1].now_up_count, 0);
}

static void garbage_inside_a_session_is_scored_and_then_banned(void **state)
{
    struct mallory mallory = {0};
    struct qnk_hash key;

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    key = mallory_key(&mallory);
    assert_int_equal(nodes[0].now_up_count, 1);
    mallory_seal(&mallory, "xx", 2);
    assert_int_equal(view_of(0, &key).score, 25);
    assert_int_equal(view_of(0, &key).state, QNK_PEER_UP);
    for (uint32_t i = 0; i < 3; i++) {
        mallory_seal(&mallory, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
    }
    assert_int_equal(nodes[0].now_up_count, 0);
    assert_int_equal(view_of(0, &key).state, QNK_PEER_BANNED);
    assert_string_equal(view_of(0, &key).reason, "malformed frames");
    assert_int_equal(mallory.session.end.code, QNK_SESSION_BANNED);
    assert_string_equal(mallory.session.end.text, "banned: malformed frames");

    /* She is told so again when she comes back, until the hour is over. */
    mallory_enter(&mallory, 9);
    assert_int_equal(nodes[0].now_up_count, 0);
    assert_int_equal(mallory.session.end.code, QNK_SESSION_BANNED);
    now_us += QNK_BAN_STRANGER_S * UINT64_C(1000000);
    run_us(1000000);
    mallory_enter(&mallory, 9);
    assert_int_equal(nodes[0].now_up_count, 1);
}

static void garbage_instead_of_a_sealed_frame_ends_the_link(void **state)
{
    struct mallory mallory = {0};

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    assert_int_equal(nodes[0].now_up_count, 1);
    mallory_say(&mallory, "this was never sealed by anybody", 32);
    assert_int_equal(nodes[0].now_up_count, 0);
}

static void a_score_falls_with_time(void **state)
{
    struct mallory mallory = {0};
    struct qnk_hash key;

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    key = mallory_key(&mallory);
    qnk_peers_score(nodes[0].peers, nodes[0].now_up[0], QNK_FAULT_BAD_BLOCK);
    assert_int_equal(view_of(0, &key).score, 50);
    now_us += 60 * UINT64_C(1000000);
    (void)qnk_peers_pump(nodes[0].peers, now_us);
    assert_int_equal(view_of(0, &key).score, 40);
}

static void zip_bombs_are_refused_before_they_are_unpacked(void **state)
{
    static const uint32_t sizes[] = {QNK_FRAME_PLAIN_MAX + 1, UINT32_MAX, 1, 0};
    struct mallory mallory = {0};
    uint8_t frame[13] = {QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, 1, 0};

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    for (uint32_t i = 0; i < 3; i++) {
        qn_le32_write(frame + 8, sizes[i]);
        mallory_seal(&mallory, frame, sizeof frame);
    }
    assert_int_equal(unpacked, 0);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->malformed, 3);
    assert_int_equal(nodes[0].frames[QNK_LANE_BLOCKS], 0);
    /* The largest that may be is let through. */
    qn_le32_write(frame + 8, QNK_FRAME_PLAIN_MAX);
    mallory_seal(&mallory, frame, sizeof frame);
    assert_int_equal(nodes[0].last.plain_size, QNK_FRAME_PLAIN_MAX);
}

static void packing_that_was_not_agreed_on_is_malformed(void **state)
{
    struct mallory mallory = {0};
    uint8_t frame[13] = {QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, 2, 0};

    (void)state;
    nodes_start(1);
    mallory_enter(&mallory, 9);
    qn_le32_write(frame + 8, 5000);
    mallory_seal(&mallory, frame, sizeof frame);
    frame[0] = QNK_LANE_CONSENSUS;
    frame[2] = 1;
    mallory_seal(&mallory, frame, sizeof frame);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->malformed, 2);
    assert_int_equal(unpacked, 0);
}

/* --- limits --- */

static void requests_over_the_limit_are_refused_in_words(void **state)
{
    struct qnk_peers_setup setup = setup_of(1);
    uint32_t peer;

    (void)state;
    setup.requests_per_second = 10;
    nodes_start(1);
    node_start(1, &setup);
    introduce(0, 1);
    run_us(1000000);
    peer = nodes[0].now_up[0];
    for (uint32_t i = 0; i < 50; i++) {
        qnk_peers_send(nodes[0].peers, peer, QNK_LANE_SYNC, QNK_WIRE_FETCH_RANGE, 100 + i, NULL,
                       (struct qn_slice){0});
    }
    pump_all();
    assert_int_equal(nodes[1].frames[QNK_LANE_SYNC], 20);
    assert_int_equal(nodes[0].frames[QNK_LANE_SYNC], 30);
    assert_int_equal(nodes[0].last.type, QNK_WIRE_REFUSAL);
    assert_int_equal(nodes[0].last.request, 149);
    assert_int_equal(view_of(1, &nodes[0].key).refused, 30);
    run_us(1000000);
    for (uint32_t i = 0; i < 50; i++) {
        qnk_peers_send(nodes[0].peers, peer, QNK_LANE_SYNC, QNK_WIRE_FETCH_RANGE, i, NULL,
                       (struct qn_slice){0});
    }
    pump_all();
    assert_in_range(nodes[1].frames[QNK_LANE_SYNC], 29, 32);
}

static void what_is_read_from_a_peer_keeps_to_its_rate(void **state)
{
    struct qnk_peers_setup setup = setup_of(1);
    uint32_t peer;
    uint64_t before;

    (void)state;
    setup.bytes_per_second = 1048576;
    nodes_start(1);
    node_start(1, &setup);
    introduce(0, 1);
    run_us(1000000);
    peer = nodes[0].now_up[0];
    before = nodes[1].bytes;
    for (uint32_t i = 0; i < 200; i++) {
        while (qnk_peers_has_room(nodes[0].peers, peer, QNK_LANE_TXS)) {
            send_bytes(0, peer, QNK_LANE_TXS, 60000, 1);
        }
        run_us(STEP_US);
    }
    /* Ten seconds, and what may come at once; nobody was dropped for it, and nothing lost. */
    assert_in_range(nodes[1].bytes - before, 9 * 1048576, 14 * 1048576);
    assert_int_equal(nodes[0].downs, 0);
    assert_int_equal(qnk_peers_counters(nodes[0].peers)->dropped[QNK_LANE_TXS], 0);
}

static void credit_comes_back_as_fast_as_frames_are_read(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        while (qnk_peers_has_room(nodes[0].peers, peer, QNK_LANE_TXS)) {
            send_bytes(0, peer, QNK_LANE_TXS, 60000, 1);
        }
        pump_all(); /* and no tick */
    }
    assert_true(nodes[1].bytes > UINT64_C(5) * 2097152);
}

static void a_node_without_memory_drops_the_link_and_says_so(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    nodes[1].budget.limit = nodes[1].budget.used + 1000;
    send_bytes(0, peer, QNK_LANE_TXS, 60000, 1);
    pump_all();
    assert_int_equal(qnk_peers_counters(nodes[1].peers)->no_memory, 1);
    assert_int_equal(nodes[1].now_up_count, 0);
    nodes[1].budget.limit = 512 << 20;
}

/* --- bans and the operator --- */

static void a_peer_scored_inside_its_own_frame_goes_down_after_it(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    nodes[1].bans_in_frame = true;
    send_bytes(0, peer, QNK_LANE_TXS, 10, 1);
    send_bytes(0, peer, QNK_LANE_TXS, 10, 1);
    pump_all();
    assert_int_equal(nodes[1].frames[QNK_LANE_TXS], 1);
    assert_int_equal(nodes[1].downs, 1);
    assert_int_equal(nodes[0].downs, 1);
    assert_non_null(strstr(view_of(0, &nodes[1].key).reason, "it said: banned: sync data"));
}

static void a_known_peer_is_back_after_a_minute(void **state)
{
    uint32_t peer = connect_two();

    (void)state;
    qnk_peers_score(nodes[0].peers, peer, QNK_FAULT_BAD_RANGE);
    run_us(1000000);
    assert_int_equal(view_of(0, &nodes[1].key).state, QNK_PEER_BANNED);
    run_us(QNK_BAN_KNOWN_S * UINT64_C(1000000) + 16000000);
    assert_int_equal(view_of(0, &nodes[1].key).state, QNK_PEER_UP);
}

static void the_operator_bans_and_lifts_bans(void **state)
{
    (void)state;
    (void)connect_two();
    assert_int_equal(qnk_peers_ban(nodes[0].peers, &nodes[1].key, 0, "I say so"), QN_OK);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 0);
    assert_int_equal(view_of(0, &nodes[1].key).banned_until_us, UINT64_MAX);
    assert_string_equal(view_of(0, &nodes[1].key).reason, "I say so");
    run_us(100000000);
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(qnk_peers_unban(nodes[0].peers, &nodes[1].key), QN_OK);
    assert_int_equal(qnk_peers_unban(nodes[0].peers, &nodes[1].key), QN_NOT_FOUND);
    run_us(1000000);
    assert_int_equal(nodes[0].now_up_count, 1);
    assert_int_equal(qnk_peers_ban(nodes[0].peers, &nodes[0].key, 0, "oneself"), QN_INVALID);
}

static void the_operator_removes_a_peer(void **state)
{
    uint64_t dials;

    (void)state;
    (void)connect_two();
    assert_int_equal(qnk_peers_remove(nodes[0].peers, &nodes[1].key), QN_OK);
    assert_int_equal(qnk_peers_remove(nodes[0].peers, &nodes[1].key), QN_NOT_FOUND);
    dials = net->nodes[0].dials;
    run_us(20000000);
    assert_int_equal(nodes[0].now_up_count, 0);
    assert_int_equal(net->nodes[0].dials, dials);
}

static void stopping_is_said_and_both_sides_know(void **state)
{
    (void)state;
    (void)connect_two();
    qnk_peers_stop(nodes[0].peers, now_us);
    assert_int_equal(nodes[0].now_up_count, 0);
    pump_all();
    assert_int_equal(nodes[1].now_up_count, 0);
    run_us(1000000);
    assert_int_equal(nodes[0].ups, 1);
}

static void a_host_may_stop_from_within_what_it_is_told(void **state)
{
    (void)state;
    nodes_start(2);
    nodes[0].stops_in_up = true;
    nodes[1].stops_in_frame = true;
    introduce(0, 1);
    run_us(1000000);
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[0].downs, 1);
    assert_int_equal(nodes[1].now_up_count, 0);
    qnk_peers_destroy(nodes[0].peers);

    struct qnk_peers_setup setup = setup_of(0);

    nodes[0].stops_in_up = false;
    node_start(0, &setup);
    introduce(0, 1);
    run_us(1000000);
    send_bytes(0, nodes[0].now_up[0], QNK_LANE_TXS, 10, 1);
    send_bytes(0, nodes[0].now_up[0], QNK_LANE_TXS, 10, 1);
    run_us(1000000);
    assert_int_equal(nodes[1].frames[QNK_LANE_TXS], 1);
    assert_int_equal(nodes[0].now_up_count, 0);
}

static void the_real_address_of_listening_is_shown(void **state)
{
    char address[QNK_PEER_ADDRESS_SIZE];
    struct qnk_peers_setup setup = setup_of(2);

    (void)state;
    nodes_start(1);
    assert_int_equal(qnk_peers_listening(nodes[0].peers, address), QN_AGAIN);
    pump_all();
    assert_int_equal(qnk_peers_listening(nodes[0].peers, address), QN_OK);
    assert_string_equal(address, "fake://10.0.0.0:9876");
    setup.listen = NULL;
    node_start(2, &setup);
    assert_int_equal(qnk_peers_listening(nodes[2].peers, address), QN_NOT_FOUND);
}

/* Every allocation of a node's start and first link fails once. */
static void the_nth_allocation_fails_and_nothing_leaks(void **state)
{
    struct qnk_peers_setup setup = setup_of(0);
    bool is_up = false;

    (void)state;
    for (size_t limit = 0; !is_up && limit < 8 << 20; limit += 20011) {
        nodes[0].budget.limit = limit;
        if (qnk_peers_create(&setup, &nodes[0].peers) == QN_OK) {
            struct mallory mallory = {0};

            assert_int_equal(qnk_peers_start(nodes[0].peers, now_us), QN_OK);
            mallory_enter(&mallory, 9);
            is_up = nodes[0].now_up_count == 1;
            qnk_peers_destroy(nodes[0].peers);
        }
        nodes[0].peers = NULL;
        net->nodes[0].count = 0;
        assert_int_equal(nodes[0].budget.used, 0);
        assert_int_equal(nodes[0].now_up_count, 0);
    }
    assert_true(is_up);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_validators_key_is_proven_to_its_peers),
        TEST(a_known_peer_is_dialled_and_frames_pass),
        TEST(both_sides_dial_at_once_and_one_link_stays),
        TEST(it_is_the_same_if_the_other_has_the_smaller_key),
        TEST(three_nodes_that_all_know_all_are_connected_once_each),
        TEST(a_peer_that_does_not_answer_is_dialled_less_and_less),
        TEST(a_dropped_link_comes_back),
        TEST(a_peer_that_restarts_takes_the_place_of_its_dead_link),
        TEST(so_does_the_other_with_the_other_key),
        TEST(who_dialled_before_and_dials_again_is_let_in_at_once),
        TEST(so_is_the_other_with_the_other_key),
        TEST(a_silent_peer_is_dropped),
        TEST(round_trips_are_measured),
        TEST(another_network_is_named_on_both_sides),
        TEST(a_pinned_key_is_not_replaced_by_another),
        TEST(our_own_entry_in_the_list_of_all_is_skipped),
        TEST(urgent_frames_overtake_what_waits),
        TEST(a_slow_peer_loses_transactions_and_keeps_its_votes),
        TEST(a_peer_whose_votes_do_not_fit_is_dropped),
        TEST(a_peer_that_takes_nothing_is_dropped_in_the_end),
        TEST(a_node_takes_no_more_for_itself_than_it_says),
        TEST(ten_thousand_frames_leave_no_memory_behind),
        TEST(bulk_is_packed_where_that_is_smaller),
        TEST(parts_of_one_buf_are_not_taken_for_each_other),
        TEST(without_an_agreed_compressor_all_is_plain),
        TEST(another_compressor_is_used_by_open_links),
        TEST(a_new_link_offers_all_compressors),
        TEST(a_compressor_may_come_while_links_shake_hands),
        TEST(too_many_compressors_are_refused),
        TEST(garbage_before_the_handshake_ends_the_link),
        TEST(an_address_that_only_sends_garbage_is_not_heard_for_a_while),
        TEST(who_says_nothing_is_dropped),
        TEST(silent_links_of_one_address_are_few),
        TEST(silent_links_are_few_in_all),
        TEST(peers_of_one_address_are_few),
        TEST(a_known_peer_gets_the_place_of_a_stranger),
        TEST(a_host_may_stop_while_a_place_is_made),
        TEST(garbage_inside_a_session_is_scored_and_then_banned),
        TEST(garbage_instead_of_a_sealed_frame_ends_the_link),
        TEST(a_score_falls_with_time),
        TEST(zip_bombs_are_refused_before_they_are_unpacked),
        TEST(packing_that_was_not_agreed_on_is_malformed),
        TEST(requests_over_the_limit_are_refused_in_words),
        TEST(what_is_read_from_a_peer_keeps_to_its_rate),
        TEST(credit_comes_back_as_fast_as_frames_are_read),
        TEST(a_node_without_memory_drops_the_link_and_says_so),
        TEST(a_peer_scored_inside_its_own_frame_goes_down_after_it),
        TEST(a_known_peer_is_back_after_a_minute),
        TEST(the_operator_bans_and_lifts_bans),
        TEST(the_operator_removes_a_peer),
        TEST(stopping_is_said_and_both_sides_know),
        TEST(a_host_may_stop_from_within_what_it_is_told),
        TEST(the_real_address_of_listening_is_shown),
        TEST(the_nth_allocation_fails_and_nothing_leaks),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
