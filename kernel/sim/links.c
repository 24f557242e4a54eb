/* SPDX-License-Identifier: MIT */

#include "kernel/sim/links.h"

#include <qnet/assert.h>

#include "kernel/sim/stream.h"

/* Milliseconds between regions and back, and percent of the nodes in each: scale.md 1.5. */
static const uint16_t rtt_ms[QNK_REGIONS][QNK_REGIONS] = {
    {2, 65, 15, 115, 70, 90, 190, 215, 150, 200},
    {65, 2, 60, 175, 125, 145, 220, 165, 97, 140},
    {15, 60, 2, 125, 70, 92, 190, 210, 145, 198},
    {115, 175, 125, 2, 178, 200, 300, 325, 255, 310},
    {70, 125, 70, 178, 2, 22, 125, 175, 200, 255},
    {90, 145, 92, 200, 22, 2, 112, 160, 225, 250},
    {190, 220, 190, 300, 125, 112, 2, 60, 128, 150},
    {215, 165, 210, 325, 175, 160, 60, 2, 70, 92},
    {150, 97, 145, 255, 200, 225, 128, 70, 2, 110},
    {200, 140, 198, 310, 255, 250, 150, 92, 110, 2},
};
static const uint8_t share_percent[QNK_REGIONS] = {22, 10, 4, 3, 17, 22, 5, 8, 6, 3};

enum { JAM_US = 1000000 };

/* One way of a link. */
struct wire {
    uint64_t link;    /* number; 0: down */
    uint64_t last_us; /* when the last one in order arrives */
    uint64_t down_us; /* when it broke last */
    uint64_t frames;  /* asked about so far: chance goes by it */
    uint32_t extra_us;
    uint32_t jitter_us; /* of this way alone, as is the next */
    uint32_t loss_ppm;
    bool is_cut;
    bool is_gapped;
};

struct port {
    uint64_t up_free_us, down_free_us;
    uint64_t sent;
};

struct qnk_links {
    struct qnk_budget *budget;
    struct qnk_links_setup setup;
    struct qnk_link_faults faults;
    uint64_t key; /* of all chance */
    uint64_t made;
    struct wire *wires; /* [from * nodes + to] */
    struct port *ports;
};

/* What chance is for, so that one frame's draws differ. */
enum draw { DRAW_DELAY, DRAW_LOSS, DRAW_TWICE, DRAW_REORDER, DRAW_SPIKE, DRAW_MANGLE, DRAWS };

uint8_t qnk_region_by_lot(uint64_t lot)
{
    uint64_t left = lot % 100;
    uint8_t region = 0;

    while (left >= share_percent[region]) {
        left -= share_percent[region++];
    }
    return region;
}

static uint64_t wires_size(const struct qnk_links *links)
{
    return (uint64_t)links->setup.nodes * links->setup.nodes * sizeof *links->wires;
}

struct qnk_links *qnk_links_create(struct qnk_budget *budget, const struct qnk_links_setup *setup)
{
    struct qnk_links *links = qnk_memory_take(budget, sizeof *links);
    struct qnk_random random;

    if (links == NULL) {
        return NULL;
    }
    links->budget = budget;
    links->setup = *setup;
    qnk_stream_init(&random, setup->seed, "links", 0);
    links->key = qnk_random_u64(&random);
    links->wires = qnk_memory_take(budget, wires_size(links));
    links->ports = qnk_memory_take(budget, setup->nodes * sizeof *links->ports);
    if (links->wires == NULL || links->ports == NULL) {
        qnk_links_destroy(links);
        return NULL;
    }
    return links;
}

void qnk_links_destroy(struct qnk_links *links)
{
    if (links != NULL) {
        qnk_memory_give(links->budget, links->wires, wires_size(links));
        qnk_memory_give(links->budget, links->ports, links->setup.nodes * sizeof *links->ports);
        qnk_memory_give(links->budget, links, sizeof *links);
    }
}

static struct wire *wire_of(const struct qnk_links *links, uint32_t from, uint32_t to)
{
    QN_ASSERT(from < links->setup.nodes && to < links->setup.nodes);
    return &links->wires[(uint64_t)from * links->setup.nodes + to];
}

/* --- links --- */

bool qnk_links_is_jammed(const struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to)
{
    const struct wire *wire = wire_of(links, from, to);

    return wire->link != 0 && wire->last_us > now_us + JAM_US;
}

bool qnk_links_faults(struct qnk_links *links, uint64_t now_us,
                      const struct qnk_link_faults *faults)
{
    bool are_wider = faults->bandwidth_divisor < links->faults.bandwidth_divisor;

    links->faults = *faults;
    for (uint32_t i = 0; are_wider && i < links->setup.nodes; i++) {
        struct port *port = &links->ports[i];

        port->up_free_us = port->up_free_us < now_us ? port->up_free_us : now_us;
        port->down_free_us = port->down_free_us < now_us ? port->down_free_us : now_us;
    }
    return are_wider;
}

void qnk_links_slow(struct qnk_links *links, uint32_t from, uint32_t to, uint32_t extra_us)
{
    wire_of(links, from, to)->extra_us = extra_us;
}

void qnk_links_rough(struct qnk_links *links, uint32_t from, uint32_t to, uint32_t jitter_us,
                     uint32_t loss_ppm)
{
    wire_of(links, from, to)->jitter_us = jitter_us;
    wire_of(links, from, to)->loss_ppm = loss_ppm;
}

void qnk_links_cut(struct qnk_links *links, uint32_t from, uint32_t to, bool is_cut)
{
    wire_of(links, from, to)->is_cut = is_cut;
}

bool qnk_links_is_gapped(const struct qnk_links *links, uint32_t from, uint32_t to)
{
    return wire_of(links, from, to)->is_gapped;
}

bool qnk_links_up(struct qnk_links *links, uint64_t now_us, uint32_t a, uint32_t b)
{
    struct wire *there = wire_of(links, a, b);
    struct wire *back = wire_of(links, b, a);

    if (there->link != 0 || back->link != 0 || there->is_cut || back->is_cut ||
        there->down_us == now_us || back->down_us == now_us) {
        return false;
    }
    there->link = ++links->made;
    back->link = ++links->made;
    there->last_us = back->last_us = now_us;
    return true;
}

uint64_t qnk_links_down(struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to)
{
    struct wire *wire = wire_of(links, from, to);
    uint64_t link = wire->link;

    wire->down_us = link == 0 ? wire->down_us : now_us;
    wire->link = 0;
    wire->is_gapped = false;
    return link;
}

uint64_t qnk_links_number(const struct qnk_links *links, uint32_t from, uint32_t to)
{
    return wire_of(links, from, to)->link;
}

/* --- frames --- */

/* What one frame on one way has of chance. */
struct chance {
    uint64_t base;
};

static struct chance chance_of(const struct qnk_links *links, const struct wire *wire)
{
    uint64_t place = (uint64_t)(wire - links->wires);

    return (struct chance){qnk_mix(links->key ^ qnk_mix(place)) + wire->frames * DRAWS};
}

static uint64_t draw(struct chance chance, enum draw what, uint64_t below)
{
    return below == 0 ? 0 : qnk_mix(chance.base + what) % below;
}

static uint64_t delay_of(const struct qnk_links *links, uint32_t from, uint32_t to,
                         struct chance chance)
{
    const uint8_t *regions = links->setup.regions;
    uint64_t half_us;

    if (regions == NULL) {
        return links->setup.delay_us + draw(chance, DRAW_DELAY, links->setup.delay_us);
    }
    half_us = (uint64_t)rtt_ms[regions[from]][regions[to]] * 500;
    return half_us * (1024 + draw(chance, DRAW_DELAY, 256)) / 1024;
}

/* When a port that sends one frame after another is through with this one. */
static uint64_t port_pass(const struct qnk_links *links, uint64_t *free_us, uint64_t now_us,
                          uint64_t bps, uint64_t size)
{
    uint64_t rate =
        bps / (links->faults.bandwidth_divisor > 1 ? links->faults.bandwidth_divisor : 1);

    if (bps == 0) {
        return now_us;
    }
    *free_us = (*free_us > now_us ? *free_us : now_us) + (size * 8 * 1000000 + rate - 1) / rate;
    return *free_us;
}

/* For what single ways have of their own: apart from the draws that all have. */
enum own { OWN_JITTER = 0x6a17, OWN_LOSS };

static uint64_t own_draw(struct chance chance, enum own what, uint64_t below)
{
    return qnk_mix(qnk_mix(chance.base) + what) % below;
}

static bool happens(struct chance chance, enum draw what, uint32_t permille)
{
    return permille > 0 && draw(chance, what, 1000) < permille;
}

/* The rest of a draw, for how much. */
static uint64_t amount(struct chance chance, enum draw what, uint64_t below)
{
    return below == 0 ? 0 : qnk_mix(~(chance.base + what)) % below;
}

static void arrive(struct qnk_links *links, struct wire *wire, struct chance chance,
                   uint64_t sent_us, struct qnk_passage *passage)
{
    const struct qnk_link_faults *faults = &links->faults;
    uint64_t at_us = sent_us;

    if (happens(chance, DRAW_SPIKE, faults->spike_permille)) {
        at_us += amount(chance, DRAW_SPIKE, faults->spike_us);
    }
    at_us = at_us > wire->last_us ? at_us : wire->last_us + 1;
    passage->again_us = 0;
    if (happens(chance, DRAW_TWICE, faults->duplicate_permille)) {
        passage->again_us = at_us + 1 + amount(chance, DRAW_TWICE, faults->reorder_us);
    }
    if (happens(chance, DRAW_REORDER, faults->reorder_permille)) {
        at_us += amount(chance, DRAW_REORDER, faults->reorder_us);
    } else {
        wire->last_us = at_us;
    }
    passage->what = QNK_PASSING_ARRIVES;
    passage->at_us = at_us;
    passage->link = wire->link;
    passage->is_mangled = happens(chance, DRAW_MANGLE, faults->mangle_permille);
}

void qnk_links_send(struct qnk_links *links, uint64_t now_us, uint32_t from, uint32_t to,
                    uint64_t size, struct qnk_passage *passage)
{
    struct wire *wire = wire_of(links, from, to);
    struct port *port = &links->ports[from];
    uint64_t bps = links->setup.bandwidths == NULL ? 0 : links->setup.bandwidths[from].up_bps;
    struct chance chance;

    if (wire->link == 0) {
        passage->what = QNK_PASSING_NOWHERE;
        return;
    }
    wire->frames++;
    chance = chance_of(links, wire);
    port->sent += size;
    if (wire->is_cut) {
        passage->what = wire->is_gapped ? QNK_PASSING_LOST : QNK_PASSING_GAP;
        wire->is_gapped = true;
    } else if (happens(chance, DRAW_LOSS, links->faults.loss_permille) ||
               (wire->loss_ppm > 0 && own_draw(chance, OWN_LOSS, 1000000) < wire->loss_ppm)) {
        passage->what = QNK_PASSING_BREAKS;
    } else {
        uint64_t out_us = port_pass(links, &port->up_free_us, now_us, bps, size);

        out_us += delay_of(links, from, to, chance) + wire->extra_us;
        out_us += wire->jitter_us > 0 ? own_draw(chance, OWN_JITTER, wire->jitter_us) : 0;
        arrive(links, wire, chance, out_us, passage);
    }
}

uint64_t qnk_links_receive(struct qnk_links *links, uint64_t now_us, uint32_t to, uint64_t size)
{
    uint64_t bps = links->setup.bandwidths == NULL ? 0 : links->setup.bandwidths[to].down_bps;

    return port_pass(links, &links->ports[to].down_free_us, now_us, bps, size);
}

uint64_t qnk_links_sent(const struct qnk_links *links, uint32_t node)
{
    return links->ports[node].sent;
}
