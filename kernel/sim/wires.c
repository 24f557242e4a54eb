/* SPDX-License-Identifier: MIT */

/* wires.c: frames between machines, and links that break and are made again. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/sim/inside.h"

/* --- who links with whom --- */

/* Validators link with each other: a new one signs only after a quorum has told it itself that
 * the network is at genesis. Besides, each node links with those at some distances from its number,
 * both ways round: the next one, so that all hang together, and others by lot, so that nobody is
 * far. */
void qnk_wires_plan(struct qnk_world *world)
{
    uint32_t nodes = world->setup.nodes;
    uint32_t wanted = world->setup.degree;
    struct qnk_random random;

    if (wanted == 0 || wanted + 1 >= nodes) {
        memset(world->is_near, 1, nodes);
        return;
    }
    qnk_stream_init(&random, world->setup.seed, "topology", 0);
    for (uint32_t place = 1; wanted >= 2;) {
        if (world->is_near[place] == 0 && place * 2 != nodes) {
            world->is_near[place] = world->is_near[nodes - place] = 1;
            wanted -= 2;
        }
        place = 1 + (uint32_t)qnk_random_below(&random, nodes - 1);
    }
}

bool qnk_wires_are_near(const struct qnk_world *world, uint32_t a, uint32_t b)
{
    uint32_t nodes = world->setup.nodes;

    return a != b && ((a < world->setup.set->count && b < world->setup.set->count) ||
                      world->is_near[(a + nodes - b) % nodes] != 0);
}

/* --- links --- */

void qnk_wires_break(struct qnk_world *world, uint32_t a, uint32_t b, uint64_t again_us)
{
    for (uint32_t way = 0; way < 2; way++) {
        uint32_t from = way == 0 ? a : b;
        uint32_t to = way == 0 ? b : a;
        uint64_t link = qnk_links_down(world->links, world->now_us, from, to);

        if (link != 0) {
            struct happening *down = qnk_happening_new(world, to, ACT_DOWN, world->now_us);

            down->from = from;
            down->frame.link = link;
            qnk_happening_push(world, down);
        }
    }
    if (again_us != 0) {
        struct happening *up = qnk_happening_new(world, a, ACT_UP, world->now_us + again_us);

        up->from = b;
        qnk_happening_push(world, up);
    }
}

void qnk_wires_drop(struct qnk_world *world, uint32_t node)
{
    for (uint32_t other = 0; other < world->setup.nodes; other++) {
        if (other != node) {
            qnk_wires_break(world, node, other, 0);
        }
    }
}

/* One side hears of the other. */
static void peer_up(struct qnk_world *world, uint32_t node, uint32_t other)
{
    const uint32_t *types = world->setup.types;
    struct qnk_event event = {.type = QNK_EVENT_PEER_UP};

    event.peer.peer = other + 1;
    event.peer.key = world->machines[other].peer_key;
    if (types == NULL || types[other] == QNK_NODE_SUPER) {
        event.peer.validator = world->machines[other].public;
    }
    event.peer.outgoing = other > node;
    qnk_machine_step(world, node, &event);
}

/* Both ways are up before either side hears of it: it may speak at once. */
void qnk_wires_up(struct qnk_world *world, uint32_t a, uint32_t b)
{
    if (qnk_wires_are_near(world, a, b) && is_alive(&world->machines[a]) &&
        is_alive(&world->machines[b]) && qnk_links_up(world->links, world->now_us, a, b)) {
        peer_up(world, a, b);
        peer_up(world, b, a);
    }
}

void qnk_world_link(struct qnk_world *world, uint32_t a, uint32_t b, bool is_up)
{
    qnk_links_cut(world->links, a, b, !is_up);
    qnk_links_cut(world->links, b, a, !is_up);
    if (!is_up) {
        qnk_wires_break(world, a, b, 0);
    } else if (world->machines[a].is_on && world->machines[b].is_on) {
        qnk_wires_break(world, a, b, HELLO_US);
    }
}

void qnk_world_cut_way(struct qnk_world *world, uint32_t from, uint32_t to, bool is_up)
{
    bool is_gapped = qnk_links_is_gapped(world->links, from, to);

    qnk_links_cut(world->links, from, to, !is_up);
    if (is_up && (is_gapped || qnk_links_number(world->links, from, to) == 0) &&
        world->machines[from].is_on && world->machines[to].is_on) {
        qnk_wires_break(world, from, to, HELLO_US);
    }
}

void qnk_world_slow_way(struct qnk_world *world, uint32_t from, uint32_t to, uint32_t extra_us)
{
    qnk_links_slow(world->links, from, to, extra_us);
}

void qnk_world_rough_way(struct qnk_world *world, uint32_t from, uint32_t to, uint32_t jitter_us,
                         uint32_t loss_ppm)
{
    qnk_links_rough(world->links, from, to, jitter_us, loss_ppm);
}

void qnk_world_faults(struct qnk_world *world, const struct qnk_link_faults *faults)
{
    uint32_t nodes = world->setup.nodes;

    if (!qnk_links_faults(world->links, world->now_us, faults)) {
        return;
    }
    for (uint32_t a = 0; a < nodes; a++) {
        for (uint32_t b = a + 1; b < nodes; b++) {
            if (qnk_links_is_jammed(world->links, world->now_us, a, b) ||
                qnk_links_is_jammed(world->links, world->now_us, b, a)) {
                qnk_wires_break(world, a, b, HELLO_US);
            }
        }
    }
}

/* --- frames --- */

static uint64_t lot(struct qnk_world *world, uint64_t below)
{
    return qnk_random_below(&world->mangle, below);
}

static void digest_of(const struct qn_buf *buf, struct qnk_hash *digest)
{
    qnk_hash_tagged("", buf->data, buf->size, digest);
}

/* What a stranger might make of a message: other bytes, fewer or more, another type. */
static void mangle(struct qnk_world *world, struct happening *frame)
{
    const struct qn_buf *from = frame->frame.buf;
    uint64_t cut = lot(world, 4) == 0 ? lot(world, from->size + 1) : from->size;
    uint64_t more = lot(world, 4) == 0 ? lot(world, 40) : 0;
    uint32_t hits = (uint32_t)lot(world, 4);
    struct qn_buf *copy = qnk_buf_new(world->budget, cut + more);

    QN_ASSERT(copy != NULL);
    if (cut > 0) {
        memcpy(copy->data, from->data, cut);
    }
    for (uint64_t at = cut; at < cut + more; at++) {
        copy->data[at] = (uint8_t)lot(world, 256);
    }
    for (uint32_t hit = 0; hit < hits && cut + more > 0; hit++) {
        /* Counts and sizes stand in front, so half of the hits go there. */
        uint64_t front = cut + more < 48 ? cut + more : 48;
        uint64_t at = lot(world, lot(world, 2) == 0 ? front : cut + more);

        copy->data[at] = (uint8_t)lot(world, 256);
    }
    if (lot(world, 8) == 0) {
        frame->frame.head.type = (uint8_t)lot(world, 32);
        frame->frame.head.lane = (uint8_t)lot(world, QNK_LANES);
    }
    qnk_buf_unref(frame->frame.buf);
    frame->frame.buf = copy;
    digest_of(copy, &frame->frame.digest);
}

/* One arrival of what was sent. */
static void frame_push(struct qnk_world *world, uint32_t from, uint32_t to,
                       const struct qnk_frame *head, uint64_t link, uint64_t at_us, bool is_mangled)
{
    struct happening *frame = qnk_happening_new(world, to, ACT_FRAME, at_us);

    frame->from = from;
    frame->frame.link = link;
    frame->frame.head = *head;
    frame->frame.buf = qnk_buf_ref(world->parcel.buf);
    frame->frame.digest = world->parcel.digest;
    frame->frame.is_mangled = is_mangled;
    if (is_mangled) {
        mangle(world, frame);
    }
    frame->frame.head.plain_size = (uint32_t)frame->frame.buf->size;
    frame->frame.head.body = qnk_buf_span(frame->frame.buf);
    qnk_happening_push(world, frame);
}

void qnk_wires_forget(struct qnk_world *world)
{
    qnk_buf_unref(world->parcel.buf);
    qnk_buf_unref(world->parcel.first);
    qnk_buf_unref(world->parcel.second.owner);
    world->parcel = (struct parcel){0};
}

/* The content becomes the parcel, unless it is that already. A frame outlives its sender, so its
 * bytes are the world's. */
static void parcel_fill(struct qnk_world *world, struct qn_buf *first, struct qn_slice second)
{
    struct parcel *parcel = &world->parcel;
    uint64_t first_size = first == NULL ? 0 : first->size;

    if (parcel->buf != NULL && parcel->first == first && parcel->second.owner == second.owner &&
        parcel->second.data == second.data && parcel->second.size == second.size) {
        return;
    }
    QN_ASSERT(second.size == 0 || second.owner != NULL);
    qnk_wires_forget(world);
    *parcel = (struct parcel){
        .first = qnk_buf_ref(first),
        .second = {qnk_buf_ref(second.owner), second.data, second.size},
        .buf = qnk_buf_new(world->budget, first_size + second.size),
    };
    QN_ASSERT(parcel->buf != NULL);
    if (first_size > 0) {
        memcpy(parcel->buf->data, first->data, first_size);
    }
    if (second.size > 0) {
        memcpy(parcel->buf->data + first_size, second.data, second.size);
    }
    digest_of(parcel->buf, &parcel->digest);
}

/* What is lost on a link that stays up is noticed after a while. */
static void silence(struct qnk_world *world, uint32_t from, uint32_t to)
{
    struct happening *silent = qnk_happening_new(world, to, ACT_SILENT, world->now_us + SILENCE_US);

    silent->from = from;
    silent->frame.link = qnk_links_number(world->links, from, to);
    qnk_happening_push(world, silent);
}

void qnk_wires_send(struct qnk_world *world, uint32_t from, uint32_t to, struct qnk_frame head,
                    struct qn_buf *first, struct qn_slice second)
{
    uint64_t size = (first == NULL ? 0 : first->size) + second.size + QNK_FRAME_HEAD_SIZE;
    struct qnk_passage passage;

    qnk_links_send(world->links, world->now_us, from, to, size, &passage);
    switch ((enum qnk_passing)passage.what) {
    case QNK_PASSING_NOWHERE:
    case QNK_PASSING_LOST:
        break;
    case QNK_PASSING_GAP:
        silence(world, from, to);
        break;
    case QNK_PASSING_BREAKS:
        qnk_wires_break(world, from, to, AGAIN_US);
        break;
    case QNK_PASSING_ARRIVES:
        parcel_fill(world, first, second);
        if (passage.is_mangled) {
            frame_push(world, from, to, &head, passage.link, passage.at_us, true);
        }
        frame_push(world, from, to, &head, passage.link, passage.at_us, false);
        if (passage.again_us != 0) {
            frame_push(world, from, to, &head, passage.link, passage.again_us, false);
        }
        break;
    }
}

bool qnk_wires_receive(struct qnk_world *world, struct happening *frame)
{
    uint64_t at_us;

    if (frame->frame.is_received) {
        return true;
    }
    frame->frame.is_received = true;
    at_us = qnk_links_receive(world->links, world->now_us, frame->node,
                              frame->frame.buf->size + QNK_FRAME_HEAD_SIZE);
    if (at_us == world->now_us) {
        return true;
    }
    frame->queued.at_us = at_us;
    qnk_queue_push(&world->queue, &frame->queued);
    return false;
}

void qnk_world_send(struct qnk_world *world, uint32_t from, uint32_t to, struct qnk_frame head,
                    struct qn_span body)
{
    struct qn_buf *bytes = qnk_buf_copy(world->budget, body);

    QN_ASSERT(bytes != NULL);
    qnk_wires_send(world, from, to, head, bytes, (struct qn_slice){0});
    qnk_wires_forget(world);
    qnk_buf_unref(bytes);
}

void qnk_world_say(struct qnk_world *world, uint32_t from, uint32_t to, uint8_t lane, uint8_t type,
                   struct qn_span body)
{
    qnk_world_send(world, from, to, (struct qnk_frame){.lane = lane, .type = type}, body);
}

uint64_t qnk_world_sent(const struct qnk_world *world, uint32_t node)
{
    return qnk_links_sent(world->links, node);
}

uint64_t qnk_world_worked_us(const struct qnk_world *world, uint32_t node)
{
    return world->machines[node].worked_us;
}
