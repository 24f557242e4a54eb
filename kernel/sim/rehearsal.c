/* SPDX-License-Identifier: MIT */

#include "kernel/sim/rehearsal.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/chain/swap.h"
#include "kernel/sim/run.h"

enum {
    LOOK_US = 50000,
    NODES_MAX = 16,
    BEFORE = 2,     /* windows that are final before the plan comes */
    PACES = 3,      /* times the slowest window that each may take */
    DARK_LOOKS = 8, /* that the node without power stays off */
    LOSS_PERMILLE = 2,
    MANGLE_PERMILLE = 2,
    VALID_UNTIL = 100000,
};

struct rehearsing {
    const struct qnk_rehearsal_setup *setup;
    struct qnk_rehearsal *out;
    struct qnk_world_maker cast; /* that makes all but the plan's plugin */
    struct qnk_instance *plugged[NODES_MAX];
    uint32_t numbers[NODES_MAX]; /* of their bindings */
    struct qnk_world *world;
    struct qnk_params params;
    uint32_t nodes;
    uint64_t until_us; /* the next window has to be final by then */
    uint64_t final_us; /* when the last became it, on node 0 */
    uint64_t final;    /* window, on node 0 */
    uint64_t nonces[QNK_CAST_SENDERS];
};

/* --- plugins --- */

static void plugged_end(struct rehearsing *it, uint32_t node)
{
    qnk_instance_destroy(it->plugged[node]);
    it->plugged[node] = NULL;
}

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct rehearsing *it = ctx;

    return it->cast.make(it->cast.ctx, node, is_first, plugins);
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    struct rehearsing *it = ctx;

    plugged_end(it, node);
    it->cast.give(it->cast.ctx, node, is_last, plugins);
}

static bool plug(void *ctx, uint32_t node, const struct qnk_need *need,
                 struct qnk_plugged *instance)
{
    struct rehearsing *it = ctx;
    const struct qnk_instance_options options = {.guard = QNK_GUARD_CLASS};
    const struct qn_span config = {need->binding.config, need->binding.config_size};
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (strcmp(need->binding.name, it->setup->plan->engine.name) != 0 ||
        it->plugged[node] != NULL ||
        qnk_instance_create(it->setup->plugin, config, &options, &it->plugged[node], why) !=
            QN_OK) {
        return false;
    }
    if (qnk_instance_activate(it->plugged[node]) != QN_OK) {
        plugged_end(it, node);
        return false;
    }
    it->numbers[node] = need->binding.number;
    *instance = qnk_instance_plugged(it->plugged[node]);
    return true;
}

static void unplug(void *ctx, uint32_t node, uint32_t kind, uint32_t number)
{
    struct rehearsing *it = ctx;

    if (kind == it->setup->plan->kind && number == it->numbers[node]) {
        plugged_end(it, node);
    }
}

/* --- looking --- */

static bool fail(struct rehearsing *it, const char *words)
{
    if (it->out->words[0] == 0) {
        qnk_text(it->out->words, sizeof it->out->words, "%s", words);
    }
    return false;
}

/* False: the node is off. */
static bool look(const struct rehearsing *it, uint32_t node, struct qnk_node_view *view)
{
    const struct qnk_node *at = qnk_world_node(it->world, node);

    if (at != NULL) {
        qnk_node_look(at, view);
    }
    return at != NULL;
}

/* The window that is final on every node that is on, and the lowest of them. */
static uint64_t final_of_all(const struct rehearsing *it)
{
    uint64_t least = UINT64_MAX;
    struct qnk_node_view view;

    for (uint32_t i = 0; i < it->nodes; i++) {
        if (look(it, i, &view) && view.final_window < least) {
            least = view.final_window;
        }
    }
    return least == UINT64_MAX ? 0 : least;
}

static void finals_look(struct rehearsing *it)
{
    uint64_t now = qnk_world_now(it->world);
    struct qnk_node_view view;

    if (!look(it, 0, &view) || view.final_window <= it->final) {
        return;
    }
    if (it->final > 0) {
        uint64_t *longest = it->out->first == 0 ? &it->out->calm_us : &it->out->gap_us;
        uint64_t gap = now - it->final_us;

        *longest = gap > *longest ? gap : *longest;
    }
    it->final = view.final_window;
    it->final_us = now;
    it->until_us = now + PACES * qnk_run_pace(it->setup->cast);
}

/* Two nodes that are final equally far have the same chain. */
static bool chains_agree(struct rehearsing *it)
{
    for (uint32_t i = 0; i < it->nodes; i++) {
        for (uint32_t j = 0; j < i; j++) {
            struct qnk_node_view a, b;

            if (look(it, i, &a) && look(it, j, &b) && a.final_window == b.final_window &&
                !qnk_hash_equal(&a.final, &b.final)) {
                return fail(it, "two nodes have different final macroblocks: it is not safe");
            }
        }
    }
    return true;
}

/* --- going on --- */

static void pay(struct rehearsing *it)
{
    uint8_t body[4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE];

    for (uint32_t sender = 0; sender < 4; sender++) {
        uint32_t node = sender % it->nodes;

        if (qnk_world_node(it->world, node) != NULL) { /* else the next one would wait for ever */
            uint64_t nonce = it->nonces[sender]++;
            uint64_t size =
                qnk_cast_txs(it->setup->cast, sender, nonce, nonce + 1, VALID_UNTIL, body);

            qnk_world_submit(it->world, node, (struct qn_span){body, size});
        }
    }
}

/* One look further. False: nothing becomes final any more, or not the same everywhere. */
static bool go_on(struct rehearsing *it)
{
    qnk_world_run(it->world, qnk_world_now(it->world) + LOOK_US);
    finals_look(it);
    pay(it);
    if (qnk_world_now(it->world) > it->until_us) {
        char words[120];

        qnk_text(words, sizeof words, "macro %llu does not become final",
                 (unsigned long long)(it->final + 1));
        return fail(it, words);
    }
    return chains_agree(it);
}

static bool until_final(struct rehearsing *it, uint64_t window)
{
    while (final_of_all(it) < window) {
        if (!go_on(it)) {
            return false;
        }
    }
    return true;
}

/* --- the plan --- */

/* As the first node knows it; if that has halted, nothing. */
static const struct qnk_swap *swap_of(const struct rehearsing *it)
{
    static const struct qnk_swap none = {.life = QNK_SWAP_NONE};
    const struct qnk_node *node = qnk_world_node(it->world, 0);

    return node == NULL ? &none : &qnk_node_control(node)->swap;
}

static bool plan_propose(struct rehearsing *it)
{
    uint8_t payload[QNK_SWAP_PLAN_MAX];
    struct qnk_swap_plan plan = *it->setup->plan;
    struct qnk_node_view view;

    if (!look(it, 0, &view)) {
        return fail(it, "the node that proposes the plan has halted");
    }
    plan.percent = (uint8_t)it->params.swap.percent;
    plan.probation = it->params.swap.probation;
    plan.engine.first =
        qnk_window_of(view.head_height + 1, it->params.window) + it->params.swap.notice + 1;
    it->out->first = plan.engine.first;
    qnk_world_propose(it->world, 0, QNK_TX_PLAN,
                      (struct qn_span){payload, qnk_swap_plan_encode(&plan, payload)});
    while (swap_of(it)->life != QNK_SWAP_PROPOSED) {
        if (final_of_all(it) + 1 >= plan.engine.first || !go_on(it)) {
            return fail(it, "the network does not take the plan");
        }
    }
    return true;
}

static bool ready_propose(struct rehearsing *it)
{
    struct qnk_swap_ready ready = {
        .plan = swap_of(it)->planned->id,
        .code = it->setup->plugin->hash,
        .trace = it->setup->plan->trace,
    };
    uint8_t payload[QNK_SWAP_READY_SIZE];

    qnk_swap_ready_encode(&ready, payload);
    for (uint32_t i = 0; i < it->nodes; i++) {
        qnk_world_propose(it->world, i, QNK_TX_READY, (struct qn_span){payload, sizeof payload});
    }
    return true;
}

/* The last node loses its power before the first window, and is back in it. */
static bool cross(struct rehearsing *it)
{
    uint32_t node = it->nodes - 1;

    if (!until_final(it, it->out->first - 2)) {
        return false;
    }
    qnk_world_crash(it->world, node);
    for (uint32_t i = 0; i < DARK_LOOKS || it->final + 1 < it->out->first; i++) {
        if (!go_on(it)) {
            return false;
        }
    }
    return qnk_world_start(it->world, node) || fail(it, "a node does not start again");
}

/* That it is the plan's plugin that served, and not what is there for its failure. */
static bool served(struct rehearsing *it)
{
    const struct qnk_swap *swap = swap_of(it);

    for (uint32_t i = 0; i < it->nodes; i++) {
        struct qnk_node_view view;

        if (!look(it, i, &view) || view.is_held ||
            view.numbers[it->setup->plan->kind] != swap->number) {
            return fail(it, "a node does not run it: it cannot be made with this config");
        }
    }
    if (swap->life != QNK_SWAP_ACTIVE && swap->life != QNK_SWAP_SETTLED) {
        return fail(it, swap->life == QNK_SWAP_FAILED ? "it failed, and what was before came back"
                                                      : "the plan lapsed");
    }
    return true;
}

static bool rehearse(struct rehearsing *it)
{
    for (uint32_t i = 0; i < it->nodes; i++) {
        if (!qnk_world_start(it->world, i)) {
            return fail(it, "a node does not start");
        }
    }
    it->until_us = qnk_world_now(it->world) + PACES * qnk_run_pace(it->setup->cast);
    return until_final(it, BEFORE) && plan_propose(it) && ready_propose(it) && cross(it) &&
           until_final(it, it->out->first + QNK_REHEARSAL_WINDOWS - 1) && served(it);
}

void qnk_rehearse(const struct qnk_rehearsal_setup *setup, struct qnk_rehearsal *rehearsal)
{
    struct rehearsing it = {.setup = setup, .out = rehearsal};
    struct qnk_world_setup play;

    *rehearsal = (struct qnk_rehearsal){0};
    qnk_cast_world(setup->cast, &play);
    QN_ASSERT(play.nodes > 0 && play.nodes <= NODES_MAX);
    play.seed = setup->seed;
    play.delay_us = LOOK_US / 10;
    play.loss_permille = LOSS_PERMILLE;
    play.mangle_permille = MANGLE_PERMILLE;
    it.cast = play.maker;
    it.nodes = play.nodes;
    it.params = play.params;
    play.maker = (struct qnk_world_maker){&it, make, give, plug, unplug};
    it.world = qnk_world_create(setup->budget, &play);
    if (it.world == NULL) {
        (void)fail(&it, "the virtual network cannot be made");
        return;
    }
    rehearsal->is_good = rehearse(&it);
    rehearsal->final = final_of_all(&it);
    qnk_world_destroy(it.world);
    if (rehearsal->is_good) {
        qnk_text(
            rehearsal->words, sizeof rehearsal->words,
            "%u nodes, macro %llu to %llu final, longest wait %llu.%llu s (%llu.%llu s before)",
            it.nodes, (unsigned long long)rehearsal->first, (unsigned long long)rehearsal->final,
            (unsigned long long)(rehearsal->gap_us / 1000000),
            (unsigned long long)(rehearsal->gap_us / 100000 % 10),
            (unsigned long long)(rehearsal->calm_us / 1000000),
            (unsigned long long)(rehearsal->calm_us / 100000 % 10));
    }
}
