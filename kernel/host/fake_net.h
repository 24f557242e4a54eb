/* SPDX-License-Identifier: MIT */
#pragma once

/* fake_net.h: a transport/1 of the tests, in memory: a few nodes, the wires between them, and a
 * hand on each wire. Keeps to the contract: effects come from pump only, a frame needs credit, a
 * full wire says AGAIN and then `room`. */

#include <stdlib.h>

#include <qnet/transport.h>

#include "kernel/base/buf.h"
#include "kernel/host/peers.h"

enum { FAKE_NODES = 4, FAKE_WIRES = 512, FAKE_EVENTS = 4096, FAKE_DEPTH = 32 };

struct fake_event {
    uint32_t type;
    uint32_t reason;
    uint64_t token, listener, link;
    char address[64];
};

/* One direction: frames on their way to `end`. */
struct fake_way {
    struct qn_buf *frames[FAKE_DEPTH];
    uint32_t count;
    int64_t credit; /* of the reader */
    bool wants_room;
    bool is_stuck; /* takes nothing */
};

struct fake_wire {
    bool is_used;
    uint32_t ends[2]; /* nodes; 0 has dialled */
    bool is_open[2];
    struct fake_way ways[2]; /* [i]: to ends[i] */
};

struct qn_inst {
    struct fake_net *net;
    uint32_t index;
    bool is_listening;
    char listen[64];
    struct fake_event events[FAKE_EVENTS];
    uint32_t first, count;
    uint64_t dials;
    uint64_t credit_given;
};

struct fake_net {
    struct qnk_budget budget;
    struct qn_inst nodes[FAKE_NODES];
    struct fake_wire wires[FAKE_WIRES];
    uint32_t wires_count;
};

/* A link's number is its wire's place and its end. */
static inline uint64_t fake_link(uint32_t wire, uint32_t end)
{
    return 1 + wire * 2 + end;
}

static inline struct fake_wire *fake_wire(struct qn_inst *inst, uint64_t link, uint32_t *end)
{
    struct fake_wire *wire;

    if (link == 0 || link > FAKE_WIRES * 2) {
        return NULL;
    }
    wire = &inst->net->wires[(link - 1) / 2];
    *end = (uint32_t)((link - 1) % 2);
    return wire->is_used && wire->is_open[*end] && wire->ends[*end] == inst->index ? wire : NULL;
}

static inline void fake_event(struct qn_inst *inst, struct fake_event event)
{
    assert_true(inst->count < FAKE_EVENTS);
    inst->events[(inst->first + inst->count++) % FAKE_EVENTS] = event;
}

static inline void fake_text(char *to, struct qn_span from)
{
    assert_true(from.size < 64);
    memcpy(to, from.data, from.size);
    to[from.size] = 0;
}

static int32_t fake_listen(struct qn_inst *inst, uint64_t token, struct qn_span address)
{
    struct fake_event event = {.type = QN_TRANSPORT_EFFECT_LISTENING, .token = token};

    event.listener = 77;
    fake_text(inst->listen, address);
    fake_text(event.address, address);
    inst->is_listening = true;
    fake_event(inst, event);
    return QN_OK;
}

static int32_t fake_unlisten(struct qn_inst *inst, uint64_t listener)
{
    inst->is_listening = false;
    return listener == 77 ? QN_OK : QN_NOT_FOUND;
}

static int32_t fake_dial(struct qn_inst *inst, uint64_t token, struct qn_span address)
{
    struct fake_net *net = inst->net;
    char text[64];

    inst->dials++;
    fake_text(text, address);
    if (strncmp(text, "fake://", 7) != 0) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < FAKE_NODES; i++) {
        uint32_t place = net->wires_count;
        struct fake_event to = {.type = QN_TRANSPORT_EFFECT_UP, .token = token};
        struct fake_event from = {.type = QN_TRANSPORT_EFFECT_UP, .listener = 77};

        if (!net->nodes[i].is_listening || strcmp(net->nodes[i].listen, text) != 0) {
            continue;
        }
        assert_true(place < FAKE_WIRES);
        net->wires_count++;
        net->wires[place] =
            (struct fake_wire){.is_used = true, .ends = {inst->index, i}, .is_open = {true, true}};
        to.link = fake_link(place, 0);
        from.link = fake_link(place, 1);
        fake_text(to.address, address);
        (void)snprintf(from.address, sizeof from.address, "fake://10.0.0.%u:%u", inst->index,
                       40000 + place);
        fake_event(inst, to);
        fake_event(&net->nodes[i], from);
        return QN_OK;
    }
    fake_event(inst,
               (struct fake_event){.type = QN_TRANSPORT_EFFECT_DOWN, .token = token, .reason = 2});
    return QN_OK;
}

static int32_t fake_send(struct qn_inst *inst, uint64_t link, const struct qn_slice *frames,
                         uint32_t count, uint32_t *accepted)
{
    uint32_t end = 0;
    struct fake_wire *wire = fake_wire(inst, link, &end);
    uint32_t taken = 0;

    if (wire == NULL) {
        return QN_NOT_FOUND;
    }

    struct fake_way *way = &wire->ways[1 - end];

    for (; taken < count && way->count < FAKE_DEPTH && !way->is_stuck; taken++) {
        assert_in_range(frames[taken].size, 1, QN_TRANSPORT_FRAME_MAX);
        /* A copy into a budget of its own: what a transport of sockets would do. */
        way->frames[way->count] = qnk_buf_copy(
            &inst->net->budget, (struct qn_span){frames[taken].data, frames[taken].size});
        assert_non_null(way->frames[way->count]);
        way->count++;
    }
    *accepted = taken;
    way->wants_room = taken < count;
    return taken < count ? QN_AGAIN : QN_OK;
}

static int32_t fake_credit(struct qn_inst *inst, uint64_t link, uint64_t bytes)
{
    uint32_t end = 0;
    struct fake_wire *wire = fake_wire(inst, link, &end);

    if (wire == NULL) {
        return QN_NOT_FOUND;
    }
    wire->ways[end].credit += (int64_t)bytes;
    inst->credit_given += bytes;
    return QN_OK;
}

static void fake_close(struct qn_inst *inst, uint64_t link, uint32_t linger_ms)
{
    uint32_t end = 0;
    struct fake_wire *wire = fake_wire(inst, link, &end);

    (void)linger_ms;
    if (wire != NULL) {
        wire->is_open[end] = false; /* the other end reads what is on its way, and then goes down */
        fake_event(
            inst, (struct fake_event){.type = QN_TRANSPORT_EFFECT_DOWN, .link = link, .reason = 1});
    }
}

static inline void fake_way_clear(struct fake_way *way)
{
    for (uint32_t i = 0; i < way->count; i++) {
        qnk_buf_unref(way->frames[i]);
    }
    way->count = 0;
}

/* Cuts a wire: both ends go down, and what was on its way is lost. */
static inline void fake_cut(struct fake_net *net, uint32_t place)
{
    struct fake_wire *wire = &net->wires[place];

    for (uint32_t end = 0; end < 2; end++) {
        fake_way_clear(&wire->ways[end]);
        if (wire->is_open[end]) {
            wire->is_open[end] = false;
            fake_event(&net->nodes[wire->ends[end]],
                       (struct fake_event){.type = QN_TRANSPORT_EFFECT_DOWN,
                                           .link = fake_link(place, end),
                                           .reason = 6});
        }
    }
}

static inline int32_t fake_event_push(const struct fake_event *it, struct qn_effects *out)
{
    struct qn_span text = {(const uint8_t *)it->address, strlen(it->address)};
    struct qn_transport_effect_listening listening = {it->token, it->listener, text};
    struct qn_transport_effect_up up = {it->token, it->listener, it->link, text};
    struct qn_transport_effect_down down = {
        .token = it->token, .link = it->link, .reason = it->reason};

    switch (it->type) {
    case QN_TRANSPORT_EFFECT_LISTENING:
        return qn_transport_effect_listening_push(out, &listening);
    case QN_TRANSPORT_EFFECT_UP:
        return qn_transport_effect_up_push(out, &up);
    default:
        return qn_transport_effect_down_push(out, &down);
    }
}

/* Frames to one end; and that it went down when the other end closed and all is read. */
static inline void fake_way_pump(struct fake_net *net, uint32_t place, uint32_t end,
                                 uint32_t *budget, struct qn_effects *out)
{
    struct fake_wire *wire = &net->wires[place];
    struct fake_way *way = &wire->ways[end];

    while (way->count > 0 && way->credit > 0 && *budget > 0) {
        struct qn_buf *buf = way->frames[0];
        struct qn_slice payload = {buf, buf->data, buf->size};
        struct qn_transport_effect_frame frame = {fake_link(place, end)};

        way->credit -= (int64_t)buf->size;
        assert_int_equal(qn_transport_effect_frame_push(out, &frame, &payload), QN_OK);
        qnk_buf_unref(buf);
        way->count--;
        memmove(way->frames, way->frames + 1, way->count * sizeof way->frames[0]);
        --*budget;
    }
    if (way->count == 0 && !wire->is_open[1 - end] && *budget > 0) {
        wire->is_open[end] = false;
        --*budget;
        (void)fake_event_push(&(struct fake_event){.type = QN_TRANSPORT_EFFECT_DOWN,
                                                   .link = fake_link(place, end),
                                                   .reason = 1},
                              out);
    }
}

static int32_t fake_pump(struct qn_inst *inst, uint32_t budget, struct qn_effects *out)
{
    struct fake_net *net = inst->net;

    for (; inst->count > 0 && budget > 0; budget--) {
        assert_int_equal(fake_event_push(&inst->events[inst->first], out), QN_OK);
        inst->first = (inst->first + 1) % FAKE_EVENTS;
        inst->count--;
    }
    for (uint32_t i = 0; i < net->wires_count; i++) {
        for (uint32_t end = 0; end < 2; end++) {
            struct fake_wire *wire = &net->wires[i];
            struct fake_way *from = &wire->ways[1 - end];

            if (wire->ends[end] != inst->index || !wire->is_open[end]) {
                continue;
            }
            if (from->wants_room && from->count < FAKE_DEPTH && !from->is_stuck && budget > 0) {
                struct qn_transport_effect_room room = {fake_link(i, end)};

                from->wants_room = false;
                budget--;
                assert_int_equal(qn_transport_effect_room_push(out, &room), QN_OK);
            }
            fake_way_pump(net, i, end, &budget, out);
        }
    }
    return budget == 0 ? QN_AGAIN : QN_OK;
}

static int32_t fake_stats(struct qn_inst *inst, uint64_t link, struct qn_sink *stats)
{
    (void)inst;
    (void)link;
    (void)stats;
    return QN_NOT_FOUND;
}

static const struct qn_transport_1 fake_table = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = fake_listen,
    .unlisten = fake_unlisten,
    .dial = fake_dial,
    .send = fake_send,
    .credit = fake_credit,
    .close = fake_close,
    .pump = fake_pump,
    .stats = fake_stats,
};

static inline void fake_net_init(struct fake_net *net)
{
    memset(net, 0, sizeof *net);
    net->budget.limit = 256 << 20;
    for (uint32_t i = 0; i < FAKE_NODES; i++) {
        net->nodes[i].net = net;
        net->nodes[i].index = i;
    }
}

static inline void fake_net_done(struct fake_net *net)
{
    for (uint32_t i = 0; i < net->wires_count; i++) {
        fake_way_clear(&net->wires[i].ways[0]);
        fake_way_clear(&net->wires[i].ways[1]);
    }
}
