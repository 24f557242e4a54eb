/* SPDX-License-Identifier: MIT */

#include "kernel/sim/harm.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/sim/swaps.h"

enum {
    USUAL = 1000,     /* permille */
    AMONG = 64,       /* newest records of a space, of which one rots */
    LATE_US = 200000, /* of a frame that is overtaken, at most */
    SPIKE_US = 500000,
};

struct machine {
    uint32_t downs;   /* harms that keep it off */
    uint64_t cpu;     /* permille over USUAL */
    uint64_t disk;    /* the same */
    uint32_t refuses; /* harms that make its disk say no */
    bool is_rotten;   /* its disk lost something, perhaps */
};

struct qnk_harms {
    struct qnk_harms_setup setup;
    struct machine *machines;
    uint16_t *links; /* [a * nodes + b]: a < b: harms that keep the link down */
    uint16_t *ways;  /* [from * nodes + to]: the same of one way */
    uint32_t *far;   /* [from * nodes + to]: added delay */
    struct qnk_link_faults faults;
    struct qnk_swaps *swaps;
};

/* --- life --- */

struct qnk_harms *qnk_harms_create(const struct qnk_harms_setup *setup)
{
    struct qnk_harms *harms = qnk_memory_take(setup->budget, sizeof *harms);
    uint64_t n = setup->nodes;

    if (harms == NULL) {
        return NULL;
    }
    harms->setup = *setup;
    harms->machines = qnk_memory_take(setup->budget, n * sizeof *harms->machines);
    harms->links = qnk_memory_take(setup->budget, n * n * sizeof *harms->links);
    harms->ways = qnk_memory_take(setup->budget, n * n * sizeof *harms->ways);
    harms->far = qnk_memory_take(setup->budget, n * n * sizeof *harms->far);
    harms->swaps = qnk_swaps_create(setup->budget, setup->world, setup->cast);
    if (harms->machines == NULL || harms->links == NULL || harms->ways == NULL ||
        harms->far == NULL || harms->swaps == NULL) {
        qnk_harms_destroy(harms);
        return NULL;
    }
    return harms;
}

void qnk_harms_destroy(struct qnk_harms *harms)
{
    struct qnk_budget *budget = harms->setup.budget;
    uint64_t n = harms->setup.nodes;

    qnk_memory_give(budget, harms->machines, n * sizeof *harms->machines);
    qnk_memory_give(budget, harms->links, n * n * sizeof *harms->links);
    qnk_memory_give(budget, harms->ways, n * n * sizeof *harms->ways);
    qnk_memory_give(budget, harms->far, n * n * sizeof *harms->far);
    qnk_swaps_destroy(harms->swaps);
    qnk_memory_give(budget, harms, sizeof *harms);
}

void qnk_harms_world(const struct qnk_plan *plan, struct qnk_world_setup *setup)
{
    for (uint32_t i = 0; i < plan->harms_count; i++) {
        const struct qnk_harm *harm = &plan->harms[i];

        if (harm->is_off) {
            continue;
        }
        if (harm->kind == QNK_HARM_JITTER) {
            setup->jitter_us = (uint32_t)harm->value;
        } else if (harm->kind == QNK_HARM_MAPS) {
            setup->maps_us = (uint32_t)harm->value;
        } else if (harm->kind == QNK_HARM_ORDER) {
            setup->order = harm->value;
        }
    }
}

/* --- power and operators --- */

bool qnk_harms_is_on(const struct qnk_harms *harms, uint32_t node)
{
    return harms->machines[node].downs == 0;
}

/* A rotten disk is replaced by an empty one; the key then waits for its operator's word. */
static void start_anew(struct qnk_harms *harms, uint32_t node)
{
    struct qnk_world *world = harms->setup.world;

    qnk_oracle_disk_lost(harms->setup.oracle, node);
    qnk_world_wipe(world, node);
    harms->machines[node].is_rotten = false;
    if (qnk_world_start(world, node)) {
        qnk_world_control(world, node, QNK_CONTROL_RESUME);
    }
}

static void power_on(struct qnk_harms *harms, uint32_t node)
{
    struct qnk_world *world = harms->setup.world;

    if (!qnk_world_start(world, node) && harms->machines[node].is_rotten) {
        qnk_world_crash(world, node);
        start_anew(harms, node);
    }
}

void qnk_harms_off(struct qnk_harms *harms, uint32_t node)
{
    if (harms->machines[node].downs++ == 0) {
        qnk_world_crash(harms->setup.world, node);
    }
}

void qnk_harms_on(struct qnk_harms *harms, uint32_t node)
{
    QN_ASSERT(harms->machines[node].downs > 0);
    if (--harms->machines[node].downs == 0) {
        power_on(harms, node);
    }
}

static void restart(struct qnk_harms *harms, uint32_t node)
{
    if (qnk_harms_is_on(harms, node)) {
        qnk_world_crash(harms->setup.world, node);
        power_on(harms, node);
    }
}

void qnk_harms_tend(struct qnk_harms *harms, uint32_t node)
{
    struct qnk_world *world = harms->setup.world;
    struct qnk_node_view view = {0};

    if (!qnk_harms_is_on(harms, node)) {
        return;
    }
    if (qnk_world_node(world, node) == NULL) {
        qnk_world_crash(world, node);
        if (harms->machines[node].is_rotten) {
            start_anew(harms, node);
        } else {
            power_on(harms, node);
        }
    }
    if (qnk_world_node(world, node) != NULL) {
        qnk_node_look(qnk_world_node(world, node), &view);
        if (strstr(view.not_signing, "`qnet key resume`") != NULL) {
            qnk_world_control(world, node, QNK_CONTROL_RESUME);
        }
    }
}

/* --- links --- */

static void way_set(struct qnk_harms *harms, uint32_t from, uint32_t to, int32_t change)
{
    uint32_t n = harms->setup.nodes;
    uint16_t *ways = &harms->ways[from * n + to];
    bool was_cut = *ways > 0;

    *ways = (uint16_t)(*ways + change);
    if (was_cut != (*ways > 0) &&
        harms->links[(from < to ? from : to) * n + (from < to ? to : from)] == 0) {
        qnk_world_cut_way(harms->setup.world, from, to, *ways == 0);
    }
}

/* A link that is up again may still have a way that is cut. */
static void link_set(struct qnk_harms *harms, uint32_t a, uint32_t b, int32_t change)
{
    uint32_t n = harms->setup.nodes;
    uint16_t *links = &harms->links[(a < b ? a : b) * n + (a < b ? b : a)];
    bool was_cut = *links > 0;

    *links = (uint16_t)(*links + change);
    if (was_cut != (*links > 0)) {
        qnk_world_link(harms->setup.world, a, b, *links == 0);
        if (*links == 0 && harms->ways[a * n + b] > 0) {
            qnk_world_cut_way(harms->setup.world, a, b, false);
        }
        if (*links == 0 && harms->ways[b * n + a] > 0) {
            qnk_world_cut_way(harms->setup.world, b, a, false);
        }
    }
}

static void split_set(struct qnk_harms *harms, uint64_t side, int32_t change)
{
    for (uint32_t a = 0; a < harms->setup.nodes; a++) {
        for (uint32_t b = a + 1; b < harms->setup.nodes; b++) {
            if ((side >> a % 63 & 1) != (side >> b % 63 & 1)) {
                link_set(harms, a, b, change);
            }
        }
    }
}

static void far_set(struct qnk_harms *harms, const struct qnk_harm *harm, int32_t change)
{
    uint32_t *far = &harms->far[harm->a * harms->setup.nodes + harm->b];

    *far += (uint32_t)harm->value * (uint32_t)change;
    qnk_world_slow_way(harms->setup.world, harm->a, harm->b, *far);
}

static void faults_set(struct qnk_harms *harms, const struct qnk_harm *harm, int32_t change)
{
    struct qnk_link_faults *faults = &harms->faults;
    uint32_t value = (uint32_t)harm->value * (uint32_t)change; /* wraps back to what it was */

    faults->reorder_us = LATE_US;
    faults->spike_us = SPIKE_US;
    switch (harm->kind) {
    case QNK_HARM_LOSS:
        faults->loss_permille += value;
        break;
    case QNK_HARM_TWICE:
        faults->duplicate_permille += value;
        break;
    case QNK_HARM_REORDER:
        faults->reorder_permille += value;
        break;
    case QNK_HARM_SPIKE:
        faults->spike_permille += value;
        break;
    case QNK_HARM_MANGLE:
        faults->mangle_permille += value;
        break;
    default:
        faults->bandwidth_divisor += value;
        break;
    }
    qnk_world_faults(harms->setup.world, faults);
}

/* --- machines --- */

static void slow_set(struct qnk_harms *harms, const struct qnk_harm *harm, bool begins)
{
    struct machine *machine = &harms->machines[harm->a];
    uint64_t *place = harm->kind == QNK_HARM_CPU ? &machine->cpu : &machine->disk;

    *place = begins ? *place + harm->value : *place - harm->value;
    qnk_world_slow(harms->setup.world, harm->a, (uint32_t)(USUAL + machine->cpu),
                   (uint32_t)(USUAL + machine->disk));
}

/* The node stops when it next writes; once there is room it is started again. */
static void disk_refuse(struct qnk_harms *harms, const struct qnk_harm *harm, bool begins)
{
    struct machine *machine = &harms->machines[harm->a];
    struct qnk_drive *drive = qnk_world_drive(harms->setup.world, harm->a);

    machine->refuses += begins ? 1 : UINT32_MAX;
    if (drive != NULL) {
        qnk_drive_fail(drive, machine->refuses == 0         ? QN_OK
                              : harm->kind == QNK_HARM_FULL ? QN_NO_SPACE
                                                            : QN_IO);
    }
    if (machine->refuses == 0 && qnk_harms_is_on(harms, harm->a) &&
        qnk_world_node(harms->setup.world, harm->a) == NULL) {
        restart(harms, harm->a);
    }
}

static void disk_rot(struct qnk_harms *harms, const struct qnk_harm *harm)
{
    struct qnk_drive *drive = qnk_world_drive(harms->setup.world, harm->a);

    if (drive != NULL && qnk_drive_rot(drive, qnk_harm_space(harm->value), AMONG)) {
        harms->machines[harm->a].is_rotten = true;
        qnk_oracle_disk_lost(harms->setup.oracle, harm->a);
    }
}

static void disk_lose(struct qnk_harms *harms, uint32_t node)
{
    qnk_harms_off(harms, node);
    qnk_oracle_disk_lost(harms->setup.oracle, node);
    qnk_world_wipe(harms->setup.world, node);
    harms->machines[node].is_rotten = false;
}

static void disk_give(struct qnk_harms *harms, const struct qnk_harm *harm)
{
    qnk_harms_on(harms, harm->a);
    if (harm->value != 0 && qnk_world_node(harms->setup.world, harm->a) != NULL) {
        qnk_world_control(harms->setup.world, harm->a, QNK_CONTROL_RESUME);
    }
}

static void disk_tear(struct qnk_harms *harms, const struct qnk_harm *harm)
{
    struct qnk_drive *drive = qnk_world_drive(harms->setup.world, harm->a);

    if (drive != NULL && qnk_harms_is_on(harms, harm->a)) {
        qnk_drive_tear(drive, (uint32_t)harm->value);
    }
}

static void clock_set(struct qnk_harms *harms, const struct qnk_harm *harm, bool begins)
{
    int64_t offset_us;
    int32_t drift_ppm;

    qnk_harm_clock(harm->value, &offset_us, &drift_ppm);
    qnk_world_clock(harms->setup.world, harm->a, begins ? offset_us : 0, begins ? drift_ppm : 0);
}

/* --- all of them --- */

static void power_set(struct qnk_harms *harms, bool begins)
{
    for (uint32_t i = 0; i < harms->setup.nodes; i++) {
        (begins ? qnk_harms_off : qnk_harms_on)(harms, i);
    }
}

static void apply(struct qnk_harms *harms, const struct qnk_harm *harm, bool begins)
{
    int32_t change = begins ? 1 : -1;

    switch ((enum qnk_harm_kind)harm->kind) {
    case QNK_HARM_CRASH:
    case QNK_HARM_LOOP:
        (begins ? qnk_harms_off : qnk_harms_on)(harms, harm->a);
        break;
    case QNK_HARM_CUT:
        if (begins && qnk_harms_is_on(harms, harm->a)) {
            qnk_world_cut(harms->setup.world, harm->a, (uint32_t)harm->value);
        } else if (!begins) {
            restart(harms, harm->a);
        }
        break;
    case QNK_HARM_TEAR:
        if (begins) {
            disk_tear(harms, harm);
        } else {
            restart(harms, harm->a);
        }
        break;
    case QNK_HARM_POWER:
        power_set(harms, begins);
        break;
    case QNK_HARM_LINK:
        link_set(harms, harm->a, harm->b, change);
        break;
    case QNK_HARM_WAY:
        way_set(harms, harm->a, harm->b, change);
        break;
    case QNK_HARM_SPLIT:
        split_set(harms, harm->value, change);
        break;
    case QNK_HARM_FAR:
        far_set(harms, harm, change);
        break;
    case QNK_HARM_LOSS:
    case QNK_HARM_TWICE:
    case QNK_HARM_REORDER:
    case QNK_HARM_SPIKE:
    case QNK_HARM_MANGLE:
    case QNK_HARM_NARROW:
        faults_set(harms, harm, change);
        break;
    case QNK_HARM_CPU:
    case QNK_HARM_DISK:
        slow_set(harms, harm, begins);
        break;
    case QNK_HARM_FULL:
    case QNK_HARM_FAIL:
        disk_refuse(harms, harm, begins);
        break;
    case QNK_HARM_ROT:
        if (begins) {
            disk_rot(harms, harm);
        }
        break;
    case QNK_HARM_LOST:
        if (begins) {
            disk_lose(harms, harm->a);
        } else {
            disk_give(harms, harm);
        }
        break;
    case QNK_HARM_CLOCK:
        clock_set(harms, harm, begins);
        break;
    case QNK_HARM_SWAP:
        if (begins) {
            qnk_swaps_begin(harms->swaps, harm->a, harm->b, harm->value);
        } else {
            qnk_swaps_end(harms->swaps, harm->b);
        }
        break;
    case QNK_HARM_SICK:
        if (begins) {
            qnk_swaps_sicken(harms->swaps, harm);
        }
        break;
    case QNK_HARM_JITTER:
    case QNK_HARM_MAPS:
    case QNK_HARM_ORDER: /* of the world's setup */
    case QNK_HARM_LIE:   /* the liars' */
    case QNK_HARMS:
        break;
    }
}

void qnk_harms_begin(struct qnk_harms *harms, const struct qnk_harm *harm)
{
    apply(harms, harm, true);
}

void qnk_harms_end(struct qnk_harms *harms, const struct qnk_harm *harm)
{
    apply(harms, harm, false);
}
