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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_without_its_header_stops_nobody),
        cmocka_unit_test(a_full_node_goes_on_as_a_light_one),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
