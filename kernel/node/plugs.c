/* SPDX-License-Identifier: MIT */

/* plugs.c: which plugins serve which windows, and which of them are here. The chain says the first
 * (chain/control.h), three windows before; the host the second. What is bound and not here is asked
 * for once; what no window needs any more is given back.
 *
 * A node without the engine of a window is held: it follows certificates, executes, makes blocks
 * and serves, and signs no vote of the engine's. One without the producer of a window cannot tell
 * whose turn a block was, and what the control record counts of turns neither: it takes no block of
 * such a window and stays at the last one that it can check. Both go on when the plugin comes. */

#include <qnet/assert.h>

#include "kernel/chain/tx.h"
#include "kernel/node/core.h"
#include "kernel/node/swap.h"

/* Whether this node has a use for engines. */
bool qnk_takes_votes(const struct qnk_node *node)
{
    return node->setup.type == QNK_NODE_SUPER &&
           (node->setup.consensus.table != NULL || node->setup.has_validator);
}

/* The place of a binding's plugin; QNK_PLUGS_MAX: it has none. */
static uint32_t plug_place(const struct qnk_node *node, uint32_t kind, uint32_t number)
{
    uint32_t i = 0;

    while (i < QNK_PLUGS_MAX && !(node->plugs[i].is_used && node->plugs[i].kind == kind &&
                                  node->plugs[i].number == number)) {
        i++;
    }
    return i;
}

static struct qnk_plug *plug_find(struct qnk_node *node, uint32_t kind, uint32_t number)
{
    uint32_t place = plug_place(node, kind, number);

    return place < QNK_PLUGS_MAX ? &node->plugs[place] : NULL;
}

static struct qnk_plug *plug_new(struct qnk_node *node, uint32_t kind, uint32_t number)
{
    for (uint32_t i = 0; i < QNK_PLUGS_MAX; i++) {
        struct qnk_plug *plug = &node->plugs[i];

        if (!plug->is_used) {
            *plug = (struct qnk_plug){.is_used = true, .kind = kind, .number = number};
            return plug;
        }
    }
    return NULL;
}

/* An instance comes into its place. */
static int32_t plug_in(struct qnk_node *node, struct qnk_plug *plug, struct qnk_plugged instance)
{
    int32_t status = QN_OK;

    if (plug->kind == QNK_BINDING_CONSENSUS) {
        plug->engine = qnk_engine_create(&node->budget, instance, qnk_engine_effect_do, node);
        status = plug->engine == NULL ? QN_NO_SPACE : QN_OK;
    } else if (plug->number != 0) { /* the schedule was made with the first one */
        status = qnk_schedule_plug(node->schedule, plug->number, instance);
    }
    plug->is_here = status == QN_OK;
    return status;
}

int32_t qnk_plugs_create(struct qnk_node *node)
{
    const struct qnk_plugged *given[] = {
        [QNK_BINDING_CONSENSUS] = &node->setup.consensus,
        [QNK_BINDING_PRODUCER] = &node->setup.producer,
    };
    int32_t status = QN_OK;

    for (uint32_t kind = 0; status == QN_OK && kind < 2; kind++) {
        if (given[kind]->table != NULL) {
            struct qnk_plug *plug = plug_new(node, kind, 0);

            QN_ASSERT(plug != NULL); /* there are places for all */
            plug->is_asked = true;
            status = plug_in(node, plug, *given[kind]);
        }
    }
    return status;
}

void qnk_plugs_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_PLUGS_MAX; i++) {
        qnk_engine_destroy(node->plugs[i].engine);
    }
}

const struct qnk_binding *qnk_window_binding(const struct qnk_node *node, uint32_t kind,
                                             uint64_t window, uint32_t attempt)
{
    const struct qnk_known_final *basis =
        window == 0 ? NULL : qnk_final_of(node, (int64_t)window - QNK_SWAP_LAG);

    return basis == NULL || basis->control == NULL
               ? NULL
               : qnk_bindings_attempt(basis->control->bindings[kind], window, attempt);
}

struct qnk_engine *qnk_window_engine(struct qnk_node *node, uint64_t window, uint32_t attempt)
{
    const struct qnk_binding *binding =
        qnk_window_binding(node, QNK_BINDING_CONSENSUS, window, attempt);
    const struct qnk_plug *plug =
        binding == NULL ? NULL : plug_find(node, QNK_BINDING_CONSENSUS, binding->number);

    return plug == NULL ? NULL : plug->engine;
}

/* --- what is needed --- */

/* What the record after the last final window binds from the next one on. */
static const struct qnk_bindings *bindings_of(const struct qnk_node *node, uint32_t kind)
{
    return qnk_final_of(node, (int64_t)node->final_window)->control->bindings[kind];
}

static uint32_t in_force(const struct qnk_node *node, uint32_t kind)
{
    const struct qnk_binding *binding = qnk_window_binding(node, kind, node->final_window + 1, 0);

    QN_ASSERT(binding != NULL); /* what follows the last final window is always bound */
    return binding->number;
}

/* Whether one from `least` on falls back to it. */
static bool is_fallen_to(const struct qnk_bindings *list, uint32_t least, uint32_t number)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->list[i].number >= least && list->list[i].fallback == number) {
            return true;
        }
    }
    return false;
}

/* Whether some later window is served by the binding, or, if that comes to nothing, by it: of the
 * next windows older records say what they fall back to. */
static bool is_needed(const struct qnk_node *node, uint32_t kind, uint32_t number,
                      bool *is_fallback)
{
    uint32_t least = in_force(node, kind);

    *is_fallback = number < least;
    if (number >= least) {
        return qnk_bindings_find(bindings_of(node, kind), number) != NULL;
    }
    for (int64_t back = 0; kind == QNK_BINDING_CONSENSUS && back < QNK_SWAP_LAG; back++) {
        const struct qnk_known_final *final =
            qnk_final_of(node, (int64_t)node->final_window - back);

        if (final != NULL && final->control != NULL &&
            is_fallen_to(final->control->bindings[kind], least, number)) {
            return true;
        }
    }
    return false;
}

static void need(struct qnk_node *node, uint32_t kind, const struct qnk_binding *binding,
                 bool is_fallback)
{
    struct qnk_plug *plug = plug_find(node, kind, binding->number);
    struct qnk_need *want;

    if (plug == NULL) {
        plug = plug_new(node, kind, binding->number);
    }
    if (plug == NULL || plug->is_asked) {
        return;
    }
    want = qnk_memory_take(&node->budget, sizeof *want);
    if (want == NULL) {
        return; /* the next window asks again */
    }
    *want = (struct qnk_need){
        .kind = kind,
        .first = is_fallback ? UINT64_MAX : binding->first,
        .is_fallback = is_fallback,
        .binding = *binding,
        .budget = &node->budget,
    };
    plug->is_asked = true;
    qnk_effects_push(node->out, QNK_EFFECT_NEED)->need = want;
}

static void unplug(struct qnk_node *node, uint32_t kind, uint32_t number)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_UNPLUG);

    effect->unplug.kind = kind;
    effect->unplug.number = number;
}

/* An engine that is still on the stack goes with a later window. */
static void plug_drop(struct qnk_node *node, struct qnk_plug *plug)
{
    if (plug->engine != NULL &&
        (qnk_engine_is_running(plug->engine) || plug->engine == node->engine)) {
        return;
    }
    qnk_engine_destroy(plug->engine);
    if (plug->kind == QNK_BINDING_PRODUCER) {
        qnk_schedule_unplug(node->schedule, plug->number);
    }
    if (plug->is_asked) { /* also what never came: the host must not keep a place for it */
        unplug(node, plug->kind, plug->number);
    }
    *plug = (struct qnk_plug){0};
}

/* What an older record falls back to may be gone from the last one. */
static void needs_look(struct qnk_node *node, uint32_t kind, int64_t window)
{
    const struct qnk_known_final *final = qnk_final_of(node, window);
    const struct qnk_bindings *list =
        final == NULL || final->control == NULL ? NULL : final->control->bindings[kind];
    bool is_fallback;

    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (is_needed(node, kind, list->list[i].number, &is_fallback)) {
            need(node, kind, &list->list[i], is_fallback);
        }
    }
}

void qnk_plugs_look(struct qnk_node *node)
{
    bool is_fallback;

    for (uint32_t i = 0; i < QNK_PLUGS_MAX; i++) {
        struct qnk_plug *plug = &node->plugs[i];

        if (plug->is_used && !is_needed(node, plug->kind, plug->number, &is_fallback)) {
            plug_drop(node, plug);
        }
    }
    for (uint32_t kind = 0; kind < 2; kind++) {
        bool has_use = kind == QNK_BINDING_CONSENSUS ? qnk_takes_votes(node)
                                                     : node->setup.type != QNK_NODE_LIGHT;

        for (int64_t back = 0; has_use && back < QNK_SWAP_LAG; back++) {
            needs_look(node, kind, (int64_t)node->final_window - back);
        }
    }
}

/* --- what comes --- */

static void refused(struct qnk_node *node, struct qnk_plug *plug, struct qn_span words)
{
    uint64_t size = words.size < sizeof plug->words ? words.size : sizeof plug->words - 1;

    memset(plug->words, 0, sizeof plug->words);
    if (size > 0) {
        memcpy(plug->words, words.data, size);
    }
    qnk_note(node, QNK_LOG_WARN, "plugin-missing", "binding %u of %s: %s", plug->number,
             plug->kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer", plug->words);
}

/* What waited for the plugin goes on. */
static void go_on(struct qnk_node *node, uint32_t kind)
{
    if (kind == QNK_BINDING_CONSENSUS) {
        qnk_instance_open(node);
        return;
    }
    if (!qnk_windows_follow(node)) {
        return;
    }
    qnk_shelf_look(node);
    qnk_resign_look(node);
    qnk_room_look(node);
    qnk_exec_look(node);
    qnk_final_look(node);
    qnk_sync_look(node);
    qnk_produce_look(node);
}

void qnk_windows_again(struct qnk_node *node)
{
    bool is_wanted = false;

    for (uint64_t i = 1; i <= QNK_TREE_WINDOWS; i++) {
        is_wanted = is_wanted || qnk_schedule_wants(node->schedule, node->final_window + i);
    }
    if (is_wanted && !node->is_halted) {
        go_on(node, QNK_BINDING_PRODUCER);
    }
}

void qnk_plugged(struct qnk_node *node, const struct qnk_event *event)
{
    uint32_t kind = event->plugged.kind;
    struct qnk_plug *plug = plug_find(node, kind, event->plugged.number);
    bool is_wanted = plug != NULL && !plug->is_here;
    int32_t status = event->plugged.status;

    if (status == QN_OK && event->plugged.instance.table == NULL) {
        status = QN_INVALID;
    }
    if (is_wanted && status == QN_OK) {
        status = plug_in(node, plug, event->plugged.instance);
    }
    if (is_wanted && status == QN_OK) {
        qnk_note(node, QNK_LOG_INFO, "plugin-plugged", "binding %u of %s is served from here on",
                 plug->number, kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer");
        if (node->is_started) {
            go_on(node, kind);
        } else if (kind == QNK_BINDING_PRODUCER && qnk_windows_follow(node)) {
            qnk_shelf_look(node);
        }
        return;
    }
    if (is_wanted) {
        refused(node, plug, event->plugged.words);
    }
    if (event->plugged.status == QN_OK) {
        unplug(node, kind, event->plugged.number);
    }
}

/* --- what is shown --- */

static void lack_look(const struct qnk_node *node, uint32_t kind, uint64_t window,
                      struct qnk_lack *lack)
{
    const struct qnk_bindings *list = bindings_of(node, kind);
    uint32_t least = in_force(node, kind);

    *lack = (struct qnk_lack){0};
    for (uint32_t i = 0; i < list->count && !lack->is_lacking; i++) {
        const struct qnk_binding *it = &list->list[i];
        uint32_t place = plug_place(node, kind, it->number);

        if (it->number < least || place == QNK_PLUGS_MAX || node->plugs[place].is_here) {
            continue;
        }
        lack->is_lacking = true;
        lack->is_held = it->first <= window;
        lack->number = it->number;
        lack->first = it->first;
        memcpy(lack->name, it->name, sizeof lack->name);
        memcpy(lack->version, it->version, sizeof lack->version);
        memcpy(lack->words, node->plugs[place].words, sizeof lack->words);
    }
}

void qnk_plugs_show(const struct qnk_node *node, struct qnk_node_view *view)
{
    uint64_t next = node->final_window + 1;
    uint64_t head = qnk_window_of(node->exec.at->header.height + 1, node->setup.params.window);

    lack_look(node, QNK_BINDING_CONSENSUS, next, &view->lacks[QNK_BINDING_CONSENSUS]);
    lack_look(node, QNK_BINDING_PRODUCER, head, &view->lacks[QNK_BINDING_PRODUCER]);
    view->is_held = view->lacks[0].is_held || view->lacks[1].is_held;
    view->numbers[QNK_BINDING_CONSENSUS] = in_force(node, QNK_BINDING_CONSENSUS);
    view->numbers[QNK_BINDING_PRODUCER] = in_force(node, QNK_BINDING_PRODUCER);
    view->era = node->ballot == NULL ? qnk_era(view->numbers[QNK_BINDING_CONSENSUS], 0)
                                     : qnk_ballot_place(node->ballot)->era;
}

/* --- what the operator proposes --- */

static const char *propose_fault(struct qnk_node *node, const struct qnk_event *event)
{
    const struct qnk_block *head = qnk_head(node);
    uint64_t window = qnk_window_of(head->header.height + 1, node->setup.params.window);
    struct qnk_swap_place place = {
        .set = qnk_schedule_set(node->schedule, node->final_window + 1),
        .rules = &node->setup.params.swap,
        .window = window,
        .sender = QNK_SET_NOBODY,
    };

    if (!node->setup.has_validator || place.set == NULL) {
        return "this node has no validator key";
    }
    place.sender = qnk_set_find(place.set, &node->setup.validator);
    if (!qnk_may_sign(node)) {
        return node->not_signing;
    }
    return qnk_swap_tx_fault(head->control, &place, event->propose.kind, event->propose.payload);
}

void qnk_propose(struct qnk_node *node, const struct qnk_event *event)
{
    const char *fault = propose_fault(node, event);
    struct qnk_effect *effect;

    if (fault == NULL && !qnk_kernel_make(node, event->propose.kind, event->propose.payload)) {
        fault = "no memory, or too much waits to be signed";
    }
    effect = qnk_effects_push(node->out, QNK_EFFECT_PROPOSED);
    effect->proposed.token = event->propose.token;
    effect->proposed.status = fault == NULL ? QN_OK : QN_DENIED;
    qnk_text(effect->proposed.text, sizeof effect->proposed.text, "%s", fault == NULL ? "" : fault);
    if (event->propose.kind == QNK_TX_PLAN) {
        qnk_swap_id(event->propose.payload, &effect->proposed.plan);
    }
}
