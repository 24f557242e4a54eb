/* SPDX-License-Identifier: MIT */

#include "kernel/sim/swaps.h"

#include <qnet/assert.h>

#include "kernel/chain/tx.h"
#include "kernel/node/swap.h"

enum {
    TICK_US = 150000,
    AGAIN_US = 2000000, /* until a word that is not on the chain is said again */
    TRIES = 40,         /* ticks in which a plan is proposed, if its maker can */
    AHEAD = 4,          /* windows that a plan's first one lies behind the soonest, less one */
    LOT_AHEAD = 16,     /* bits of the lot that choose the plugin */
    MUTE_WINDOWS = 2,   /* at the end of probation in which a sick engine does nothing */
    LATE_CALLS = 64,    /* of step in its first bad window, that may be good */
};

struct said {
    struct qnk_hash plan;
    uint64_t at_us;
};

struct qnk_swaps {
    struct qnk_budget *budget;
    struct qnk_world *world;
    struct qnk_cast *cast;
    uint32_t validators;
    uint32_t lacking[QNK_WORLD_NODES_MAX]; /* harms by which a node lacks files */
    struct said *said;                     /* by each validator */
    bool is_ticking;
    uint32_t tries; /* that the plan below still has */
    uint32_t maker;
    uint64_t lot;
    bool is_sick; /* what is planned is, by this: */
    struct qnk_harm sick;
};

struct qnk_swaps *qnk_swaps_create(struct qnk_budget *budget, struct qnk_world *world,
                                   struct qnk_cast *cast)
{
    struct qnk_swaps *swaps = qnk_memory_take(budget, sizeof *swaps);

    if (swaps == NULL) {
        return NULL;
    }
    *swaps = (struct qnk_swaps){.budget = budget, .world = world, .cast = cast};
    if (cast != NULL) {
        swaps->validators = qnk_cast_network(cast)->validators_count;
        swaps->said = qnk_memory_take(budget, swaps->validators * sizeof *swaps->said);
        qnk_cast_cure(cast);
        for (uint32_t i = 0; i < swaps->validators; i++) {
            qnk_cast_lack(cast, i, false);
        }
    }
    if (cast != NULL && swaps->said == NULL) {
        qnk_swaps_destroy(swaps);
        return NULL;
    }
    return swaps;
}

void qnk_swaps_destroy(struct qnk_swaps *swaps)
{
    if (swaps != NULL) {
        qnk_memory_give(swaps->budget, swaps->said, swaps->validators * sizeof *swaps->said);
        qnk_memory_give(swaps->budget, swaps, sizeof *swaps);
    }
}

/* The node, if it is on and knows where it stands. */
static const struct qnk_node *node_of(struct qnk_swaps *swaps, uint32_t i)
{
    return qnk_world_is_cut(swaps->world, i) ? NULL : qnk_world_node(swaps->world, i);
}

static bool plan_choose(const struct qnk_swaps *swaps, struct qnk_swap_plan *plan)
{
    uint32_t among = swaps->is_sick                          ? QNK_AMONG_LOCKED
                     : (swaps->lot & QNK_HARM_LOCKLESS) != 0 ? QNK_AMONG_ALL
                                                             : QNK_AMONG_SAFE;

    return qnk_cast_plan_among(swaps->cast, among, swaps->lot & ((1u << LOT_AHEAD) - 1), plan);
}

/* It shows in one of the windows of probation, and so early that it cannot pass them. */
static void plan_sicken(struct qnk_swaps *swaps, const struct qnk_swap_plan *plan)
{
    uint64_t value = swaps->sick.value, lot = value / QNK_WHOSE;
    uint64_t sound = plan->probation > MUTE_WINDOWS ? plan->probation - MUTE_WINDOWS : 0;
    struct qnk_sick_course course = {
        .sickness = swaps->sick.b,
        .from = plan->engine.first + lot % (sound + 1),
        .after = (lot >> 8 & 1) != 0 ? (lot >> 16) % LATE_CALLS : 0,
        .mute_from = plan->engine.first + sound,
        .seed = value,
    };

    qnk_cast_sicken(swaps->cast, plan->engine.first, &course, qnk_harm_whose(value), swaps->sick.a);
}

/* False: it cannot be proposed now. */
static bool plan_propose(struct qnk_swaps *swaps)
{
    static uint8_t bytes[QNK_SWAP_PLAN_MAX];
    const struct qnk_node *node = node_of(swaps, swaps->maker);
    struct qnk_swap_plan plan;
    struct qnk_node_view view = {0};
    uint64_t next;

    if (node == NULL) {
        return false;
    }
    qnk_node_look(node, &view);
    next = qnk_window_of(view.head_height + 1, qnk_cast_network(swaps->cast)->window);
    if (qnk_swap_is_open(qnk_node_control(node)->swap.life) ||
        qnk_swap_may_fail(qnk_node_control(node), next) || !plan_choose(swaps, &plan)) {
        return false;
    }
    plan.engine.first = view.head_height / qnk_cast_network(swaps->cast)->window + 2 +
                        qnk_cast_network(swaps->cast)->swap_notice +
                        (swaps->lot >> LOT_AHEAD) % AHEAD;
    if (swaps->is_sick) {
        plan_sicken(swaps, &plan);
    }
    qnk_world_propose(swaps->world, swaps->maker, QNK_TX_PLAN,
                      (struct qn_span){bytes, qnk_swap_plan_encode(&plan, bytes)});
    return true;
}

static void ready_say(struct qnk_swaps *swaps, uint32_t i)
{
    const struct qnk_node *node = node_of(swaps, i);
    const struct qnk_control *control = node == NULL ? NULL : qnk_node_control(node);
    uint64_t now_us = qnk_world_now(swaps->world);
    struct said *said = &swaps->said[i];

    if (control == NULL || control->swap.life != QNK_SWAP_PROPOSED ||
        control->members[i].swap != QNK_SWAP_SILENT || qnk_cast_lacks(swaps->cast, i) ||
        (qnk_hash_equal(&said->plan, &control->swap.planned->id) &&
         now_us < said->at_us + AGAIN_US)) {
        return;
    }

    struct qnk_swap_ready ready = {.plan = control->swap.planned->id};
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    *said = (struct said){.plan = ready.plan, .at_us = now_us};
    qnk_swap_ready_encode(&ready, bytes);
    qnk_world_propose(swaps->world, i, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
}

static void tick(void *ctx, struct qnk_world *world)
{
    struct qnk_swaps *swaps = ctx;

    if (swaps->tries > 0) {
        swaps->tries = plan_propose(swaps) ? 0 : swaps->tries - 1;
    }
    for (uint32_t i = 0; i < swaps->validators; i++) {
        ready_say(swaps, i);
    }
    qnk_world_at(world, qnk_world_now(world) + TICK_US, tick, swaps);
}

void qnk_swaps_begin(struct qnk_swaps *swaps, uint32_t maker, uint32_t without, uint64_t lot)
{
    struct qnk_swap_plan plan;

    if (swaps->cast == NULL || !qnk_cast_plan(swaps->cast, 0, &plan)) {
        return;
    }
    if (without != maker && without < swaps->validators) {
        swaps->lacking[without]++;
        qnk_cast_lack(swaps->cast, without, true);
    }
    swaps->maker = maker % swaps->validators;
    swaps->lot = lot;
    swaps->tries = TRIES;
    swaps->is_sick = false;
    if (!swaps->is_ticking) {
        swaps->is_ticking = true;
        qnk_world_at(swaps->world, qnk_world_now(swaps->world) + 1, tick, swaps); /* more is said */
    }
}

void qnk_swaps_sicken(struct qnk_swaps *swaps, const struct qnk_harm *harm)
{
    swaps->is_sick = true;
    swaps->sick = *harm;
}

void qnk_swaps_end(struct qnk_swaps *swaps, uint32_t without)
{
    if (swaps->cast == NULL || without >= swaps->validators || swaps->lacking[without] == 0) {
        return;
    }
    if (--swaps->lacking[without] == 0) {
        qnk_cast_lack(swaps->cast, without, false);
        if (qnk_world_node(swaps->world, without) != NULL) {
            qnk_world_plug(swaps->world, without);
        }
    }
}
