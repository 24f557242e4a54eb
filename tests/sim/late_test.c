/* SPDX-License-Identifier: MIT */

/* What a node that comes late, or a light one, is told by one that lies: it gets where the others
 * are. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/wire.h"
#include "kernel/node/core.h"
#include "tests/sim/net.h"

enum { MEMBERS = 4, FULL = MEMBERS, LIGHT, NODES };

/* --- windows --- */

/* Peer 1 answers with certificates that are good, and keeps back what they are for. */
struct stripper {
    struct net *net;
    struct qn_buf *kept; /* until the step is over */
    uint32_t count;
};

static bool is_whole(const struct qnk_frame *head, struct qnk_certified *certified)
{
    struct qn_span items = {head->body.data + 4, head->body.size - 4};
    int32_t status = head->type == QNK_WIRE_MACROS ? qnk_macros_next(&items, certified)
                                                   : qnk_certified_decode(head->body, certified);

    return status == QN_OK && certified->header.size > 0;
}

static bool header_strip(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct stripper *it = ctx;
    struct qnk_frame *head = &event->frame.head;
    struct qnk_certified certified;

    if (node < MEMBERS || event->type != QNK_EVENT_FRAME || event->frame.peer != 0 + 1 ||
        (head->type != QNK_WIRE_MACROS && head->type != QNK_WIRE_CERTIFICATE) ||
        !is_whole(head, &certified)) {
        return true;
    }
    certified.header = (struct qn_span){NULL, 0};
    it->kept = qnk_buf_new(&it->net->budget, qnk_certified_size(&certified));
    assert_non_null(it->kept);
    qnk_certified_encode(&certified, it->kept->data);
    event->frame.buf = it->kept;
    head->type = QNK_WIRE_CERTIFICATE;
    head->lane = QNK_LANE_CONSENSUS;
    head->body = qnk_buf_span(it->kept);
    it->count++;
    return true;
}

static void header_stripped(void *ctx, uint32_t node, const struct qnk_event *event,
                            const struct qnk_effects *effects)
{
    struct stripper *it = ctx;

    (void)node;
    (void)event;
    (void)effects;
    qnk_buf_unref(it->kept);
    it->kept = NULL;
}

/* The others remember the headers of their last windows alone. */
static void a_certificate_without_its_header_stops_nobody(void **state)
{
    struct net *net = net_make(MEMBERS, NODES, 61);
    struct stripper stripper = {.net = net};
    const struct qnk_watch watch = {
        .ctx = &stripper, .event = header_strip, .stepped = header_stripped};
    uint64_t window;

    (void)state;
    net->types[LIGHT] = QNK_NODE_LIGHT;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, MEMBERS);
    while (look(net, 1).final_window < 2 * QNK_FINALS) {
        net_run_ms(net, 100);
    }
    window = look(net, 1).final_window;
    net_start(net, FULL, NODES);
    net_run_ms(net, 20000);
    assert_true(stripper.count > 1);
    assert_true(look(net, FULL).final_window > window);
    assert_true(look(net, LIGHT).final_window > window);
    assert_agreement(net);
    net_drop(net);
}

/* A folder in which a full node kept blocks above what is final. */
static void a_full_node_goes_on_as_a_light_one(void **state)
{
    struct net *net = net_make(MEMBERS, NODES, 64);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, NODES);
    do {
        net_run_ms(net, 50);
    } while (look(net, FULL).head_height < look(net, FULL).final_window * WINDOW + 5);
    net_run_ms(net, 50);
    window = look(net, FULL).final_window;
    qnk_world_crash(net->world, FULL);
    net->types[FULL] = QNK_NODE_LIGHT;
    qnk_world_start(net->world, FULL);
    net_run_ms(net, 5000);
    assert_true(look(net, FULL).final_window > window + 1);
    assert_int_equal(look(net, FULL).head_height, look(net, FULL).final_window * WINDOW);
    assert_agreement(net);
    net_drop(net);
}

/* --- transactions --- */

static uint64_t bad_signatures(struct net *net)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        count += qnk_node_counters(qnk_world_node(net->world, i))->faults[QNK_FAULT_BAD_SIGNATURE];
    }
    return count;
}

/* A client's of the light node, some of whose signatures are bad. */
static void client_acts(struct net *net, uint32_t sender)
{
    uint8_t body[4 + 20 * QNK_TX_TRANSFER_SIZE];
    uint64_t size = txs_make(net, sender, 0, 20, body);

    for (uint32_t i = 10; i < 20; i++) {
        body[4 + (i + 1) * QNK_TX_TRANSFER_SIZE - 1] ^= 1;
    }
    qnk_world_submit(net->world, LIGHT, (struct qn_span){body, size});
    net_run_ms(net, 2000);
}

/* Its peers would ban it for signatures that are bad. It has no state after a start, and that of
 * genesis before the first one. */
static void a_light_node_passes_on_what_is_signed_alone(void **state)
{
    struct net *net = net_make(MEMBERS, NODES, 62);
    const struct qnk_node_counters *counters;

    (void)state;
    net->types[LIGHT] = QNK_NODE_LIGHT;
    net_open(net);
    net_start(net, 0, NODES);
    net_run_ms(net, 2000);
    for (uint32_t sender = 0; sender < 2; sender++) {
        client_acts(net, sender);
        counters = qnk_node_counters(qnk_world_node(net->world, LIGHT));
        assert_int_equal(counters->txs_accepted, 10);
        assert_int_equal(counters->txs_refused[QNK_TX_BAD_SIGNATURE], 10);
        assert_int_equal(bad_signatures(net), 0);
        assert_int_equal(next_nonce(net, 0, sender), 10);
        qnk_world_crash(net->world, LIGHT);
        qnk_world_start(net->world, LIGHT);
        net_run_ms(net, 1000);
    }
    assert_agreement(net);
    net_drop(net);
}

static bool verify_count(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    uint32_t *count = ctx;

    *count +=
        node == LIGHT && (effect->type == QNK_EFFECT_STORE_TXS ||
                          (effect->type == QNK_EFFECT_JOB && effect->job->kind == QNK_JOB_VERIFY));
    return true;
}

/* It cannot judge them, and blocks would never take them out again. */
static void a_light_node_takes_no_transactions_of_peers(void **state)
{
    struct net *net = net_make(MEMBERS, NODES, 63);
    uint8_t body[4 + 20 * QNK_TX_TRANSFER_SIZE];
    uint32_t count = 0;
    const struct qnk_watch watch = {.ctx = &count, .effect = verify_count};

    (void)state;
    net->types[LIGHT] = QNK_NODE_LIGHT;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, NODES);
    net_run_ms(net, 2000);
    for (uint32_t sender = 0; sender < 2; sender++) {
        uint64_t size = txs_make(net, sender, 0, 20, body);

        qnk_world_say(net->world, 0, LIGHT, QNK_LANE_TXS, QNK_WIRE_TXS,
                      (struct qn_span){body, size});
        net_run_ms(net, 1000);
        assert_int_equal(look(net, LIGHT).mempool.txs, 0);
        qnk_world_crash(net->world, LIGHT);
        qnk_world_start(net->world, LIGHT);
        net_run_ms(net, 1000);
    }
    assert_int_equal(count, 0);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_without_its_header_stops_nobody),
        cmocka_unit_test(a_full_node_goes_on_as_a_light_one),
        cmocka_unit_test(a_light_node_passes_on_what_is_signed_alone),
        cmocka_unit_test(a_light_node_takes_no_transactions_of_peers),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
