/* SPDX-License-Identifier: MIT */

#include "kernel/sim/rehearsal.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/chain/swap.h"
#include "kernel/node/copy.h"
#include "kernel/node/guard.h"
#include "kernel/plugin/loader.h"
#include "kernel/sim/run.h"

enum {
    LANE = 0,
    LOOK_US = 50000,
    NODES_MAX = QNK_REHEARSAL_NODES_MAX,
    PLUGGED_MAX = 4, /* instances of a node that came by bindings: the plan's, and the copy's */
    SENDERS = 4,
    BEFORE = 2,     /* windows that are final before the plan comes */
    PACES = 3,      /* times the slowest window that each may take */
    DARK_LOOKS = 8, /* that the node without power stays off */
    LOSS_PERMILLE = 2,
    MANGLE_PERMILLE = 2,
    PART = 1, /* of a state: the portable one */
    CHUNKS_MAX = 1024,
    CHUNK_CAP = 1 << 20,
};

struct plugged {
    struct qnk_instance *instance; /* NULL: a free place */
    uint32_t kind, number;         /* of its binding */
};

struct rehearsing {
    const struct qnk_rehearsal_setup *setup;
    struct qnk_rehearsal *out;
    struct qnk_world_maker cast; /* that makes all but the plan's plugin */
    struct plugged plugged[NODES_MAX][PLUGGED_MAX];
    struct qnk_world *world;
    struct qnk_params params;
    const struct qnk_set *set;
    struct qnk_copy copy; /* what it is one of */
    uint32_t nodes;
    uint64_t until_us; /* the next window has to be final by then */
    uint64_t final_us; /* when the last became it, on node 0 */
    uint64_t final;    /* window, on node 0 */
    uint64_t nonces[SENDERS];
    bool pays[SENDERS];
};

/* --- plugins --- */

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct rehearsing *it = ctx;

    return it->cast.make(it->cast.ctx, node, is_first, plugins);
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    struct rehearsing *it = ctx;

    for (uint32_t i = 0; i < PLUGGED_MAX; i++) {
        qnk_instance_destroy(it->plugged[node][i].instance);
        it->plugged[node][i].instance = NULL;
    }
    it->cast.give(it->cast.ctx, node, is_last, plugins);
}

/* The plan's plugin, or one that the copy's chain has bound before. */
static struct qnk_plugin *plugin_for(const struct rehearsing *it, const struct qnk_need *need)
{
    const struct qnk_swap_plan *plan = it->setup->plan;
    struct qnk_plugin *plugin = NULL;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (need->kind == plan->kind && strcmp(need->binding.name, plan->engine.name) == 0 &&
        strcmp(need->binding.version, plan->engine.version) == 0) {
        return it->setup->plugin;
    }
    return it->setup->loader != NULL &&
                   qnk_loader_find(it->setup->loader, qnk_binding_kind_name(need->kind),
                                   need->binding.name, "", &plugin, why) == QN_OK
               ? plugin
               : NULL;
}

static bool instance_make(struct qnk_plugin *plugin, struct qn_span config,
                          struct qnk_instance **instance)
{
    const struct qnk_instance_options options = {.guard = QNK_GUARD_CLASS};
    char why[QNK_PLUGIN_WHY_MAX] = "";

    return qnk_instance_create(plugin, config, &options, instance, why) == QN_OK;
}

static bool plug(void *ctx, uint32_t node, const struct qnk_need *need,
                 struct qnk_plugged *instance)
{
    struct rehearsing *it = ctx;
    const struct qn_span config = {need->binding.config, need->binding.config_size};
    struct qnk_plugin *plugin = plugin_for(it, need);
    struct plugged *at = it->plugged[node];
    struct qnk_instance *made;

    while (at < it->plugged[node] + PLUGGED_MAX && at->instance != NULL) {
        at++;
    }
    if (plugin == NULL || at == it->plugged[node] + PLUGGED_MAX ||
        !instance_make(plugin, config, &made)) {
        return false;
    }
    if (qnk_instance_activate(made) != QN_OK) {
        qnk_instance_destroy(made);
        return false;
    }
    *at = (struct plugged){made, need->kind, need->binding.number};
    *instance = qnk_instance_plugged(made);
    return true;
}

static void unplug(void *ctx, uint32_t node, uint32_t kind, uint32_t number)
{
    struct rehearsing *it = ctx;

    for (uint32_t i = 0; i < PLUGGED_MAX; i++) {
        struct plugged *at = &it->plugged[node][i];

        if (at->instance != NULL && at->kind == kind && at->number == number) {
            qnk_instance_destroy(at->instance);
            at->instance = NULL;
        }
    }
}

/* --- from a copy --- */

/* A sign record that begins where the copy ends: without any a key past genesis does not sign. */
static int32_t guard_begin(struct rehearsing *it, struct qnk_store *store)
{
    struct qnk_guard *guard = qnk_guard_create(it->setup->budget);
    struct qn_buf *records = NULL;
    int32_t status = QN_NO_SPACE;

    if (guard != NULL) {
        qnk_guard_forget(guard, it->copy.window, it->copy.height);
        records = qnk_guard_records(guard);
    }
    if (records != NULL) {
        status = qnk_store_guard(store, LANE, qnk_buf_span(records));
        qnk_buf_unref(records);
    }
    qnk_guard_destroy(guard);
    return status;
}

static int32_t furnish(void *ctx, uint32_t node, struct qnk_store *store)
{
    struct rehearsing *it = ctx;
    int32_t status = qnk_copy_fill(it->setup->copy, store, LANE);

    (void)node;
    return status == QN_OK ? guard_begin(it, store) : status;
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

/* Who has something to pay with, as the first node's ledger says. */
static void senders_look(struct rehearsing *it)
{
    uint32_t count = qnk_cast_senders(it->setup->cast);

    for (uint32_t i = 0; i < SENDERS && i < count; i++) {
        uint64_t balance = 0;

        it->pays[i] =
            qnk_cast_account(it->setup->cast, 0, i, &balance, &it->nonces[i]) && balance > 0;
    }
}

static void pay(struct rehearsing *it)
{
    uint8_t body[4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE];
    struct qnk_node_view view;

    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        uint32_t node = sender % it->nodes;

        if (it->pays[sender] && look(it, node, &view)) { /* else the next would wait for ever */
            uint64_t nonce = it->nonces[sender]++;
            uint64_t until = view.head_height + QNK_TX_AHEAD_MAX / 2;
            uint64_t size = qnk_cast_txs(it->setup->cast, sender, nonce, nonce + 1, until, body);

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

/* A plan that the copy has open is taken back, by all. */
static bool plan_clear(struct rehearsing *it)
{
    uint8_t payload[QNK_SWAP_CANCEL_SIZE];

    if (!qnk_swap_is_open(swap_of(it)->life)) {
        return true;
    }
    if (swap_of(it)->life != QNK_SWAP_PROPOSED) {
        return fail(it, "a plan is bound or on probation there: ask again when it is settled");
    }
    qnk_swap_cancel_encode(&swap_of(it)->planned->id, payload);
    for (uint32_t i = 0; i < it->nodes; i++) {
        qnk_world_propose(it->world, i, QNK_TX_CANCEL, (struct qn_span){payload, sizeof payload});
    }
    while (qnk_swap_is_open(swap_of(it)->life)) {
        if (!go_on(it)) {
            return false;
        }
    }
    return until_final(it, final_of_all(it) + 1);
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

/* The lightest member but the first, which is looked at; and whether the others are a quorum. */
static uint32_t lightest(const struct rehearsing *it, bool *is_spare)
{
    uint32_t least = it->nodes - 1;

    for (uint32_t i = 1; i < it->nodes; i++) {
        least = it->set->members[i].weight < it->set->members[least].weight ? i : least;
    }
    *is_spare = it->set->total - it->set->members[least].weight >= qnk_set_quorum(it->set);
    return least;
}

/* A node loses its power before the first window, and is back in it; at once, if it has to be. */
static bool cross(struct rehearsing *it)
{
    bool is_spare;
    uint32_t node = lightest(it, &is_spare);

    if (!until_final(it, it->out->first - 2)) {
        return false;
    }
    qnk_world_crash(it->world, node);
    for (uint32_t i = 0; is_spare && (i < DARK_LOOKS || it->final + 1 < it->out->first); i++) {
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

/* --- the portable state --- */

/* Chunk by chunk from one to the other. */
static bool state_move(struct rehearsing *it, struct qnk_instance *from, struct qnk_instance *to,
                       uint32_t *chunks)
{
    struct qn_sink content, next;
    int32_t status;
    bool is_taken = true;

    qnk_sink_init(&content, it->setup->budget, CHUNK_CAP);
    qnk_sink_init(&next, it->setup->budget, CHUNK_CAP);
    status = qnk_instance_export(from, PART, 0, &content);
    for (*chunks = 0; status == QN_OK && is_taken && *chunks < CHUNKS_MAX; (*chunks)++) {
        struct qn_sink spare = content;

        qnk_sink_cut(&next, 0);
        status = qnk_instance_export(from, PART, *chunks + 1, &next);
        is_taken = (status == QN_OK || status == QN_NOT_FOUND) &&
                   qnk_instance_import(to, PART, *chunks, qnk_sink_span(&content),
                                       status == QN_NOT_FOUND) == QN_OK;
        content = next;
        next = spare;
    }
    qnk_sink_done(&content);
    qnk_sink_done(&next);
    return is_taken && (status == QN_NOT_FOUND || status == QN_UNSUPPORTED);
}

/* What the first node's instance exports, a fresh one takes, with the same hash. Plugins without a
 * portable state have nothing to be asked. */
static bool state_check(struct rehearsing *it)
{
    const struct plugged *at = it->plugged[0];
    struct qnk_hash left, right;
    struct qnk_instance *fresh;
    uint32_t chunks = 0;
    bool is_equal;

    while (at < it->plugged[0] + PLUGGED_MAX &&
           (at->instance == NULL || at->number != swap_of(it)->number ||
            at->kind != it->setup->plan->kind)) {
        at++;
    }
    if (at == it->plugged[0] + PLUGGED_MAX || qnk_instance_freeze(at->instance) != QN_OK) {
        return fail(it, "it cannot be frozen in the midst of its work");
    }
    if (!instance_make(
            it->setup->plugin,
            (struct qn_span){it->setup->plan->engine.config, it->setup->plan->engine.config_size},
            &fresh)) {
        return fail(it, "a second instance cannot be made");
    }
    is_equal = state_move(it, at->instance, fresh, &chunks);
    if (is_equal && chunks > 0) {
        is_equal = qnk_instance_hash(at->instance, PART, &left) == QN_OK &&
                   qnk_instance_hash(fresh, PART, &right) == QN_OK && qnk_hash_equal(&left, &right);
    }
    qnk_instance_destroy(fresh);
    return is_equal || fail(it, "its state is not the same after export and import");
}

static bool rehearse(struct rehearsing *it)
{
    uint64_t begun;

    for (uint32_t i = 0; i < it->nodes; i++) {
        if (!qnk_world_start(it->world, i)) {
            char words[QNK_REHEARSAL_WORDS];

            qnk_text(words, sizeof words, "a node does not start: %s", qnk_world_why(it->world, i));
            return fail(it, words);
        }
    }
    if (it->setup->copy.size > 0 && final_of_all(it) != it->copy.window) {
        return fail(it, "a node does not begin where the copy ends");
    }
    senders_look(it);
    it->out->begun = it->final = begun = final_of_all(it);
    it->final_us = qnk_world_now(it->world);
    it->until_us = it->final_us + PACES * qnk_run_pace(it->setup->cast);
    return until_final(it, begun + BEFORE) && plan_clear(it) && plan_propose(it) &&
           ready_propose(it) && cross(it) &&
           until_final(it, it->out->first + QNK_REHEARSAL_WINDOWS - 1) && served(it) &&
           state_check(it);
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
    it.set = play.set;
    play.maker = (struct qnk_world_maker){&it, make, give, plug, unplug, NULL};
    if (setup->copy.size > 0) {
        if (qnk_copy_look(setup->copy, &it.copy) != QN_OK ||
            !qnk_hash_equal(&it.copy.chain_id, &play.params.chain_id)) {
            (void)fail(&it, "the copy is of another network than the file");
            return;
        }
        play.start_us = it.copy.time_ms * 1000 + LOOK_US;
        play.maker.furnish = furnish;
    }
    it.world = qnk_world_create(setup->budget, &play);
    if (it.world == NULL) {
        (void)fail(&it, "the virtual network cannot be made");
        return;
    }
    rehearsal->is_good = rehearse(&it);
    rehearsal->final = final_of_all(&it);
    qnk_world_destroy(it.world);
    if (rehearsal->is_good) {
        qnk_text(rehearsal->words, sizeof rehearsal->words,
                 "%u nodes from macro %llu, %llu to %llu final, longest wait %llu.%llu s "
                 "(%llu.%llu s before)",
                 it.nodes, (unsigned long long)rehearsal->begun,
                 (unsigned long long)rehearsal->first, (unsigned long long)rehearsal->final,
                 (unsigned long long)(rehearsal->gap_us / 1000000),
                 (unsigned long long)(rehearsal->gap_us / 100000 % 10),
                 (unsigned long long)(rehearsal->calm_us / 1000000),
                 (unsigned long long)(rehearsal->calm_us / 100000 % 10));
    }
}
