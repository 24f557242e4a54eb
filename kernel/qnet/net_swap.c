/* SPDX-License-Identifier: MIT */

/* net_swap.c: operators who swap, of real nodes: the first validator that answers and has the
 * plugin plans, all that have it say that they are ready when they see the plan, and again while it
 * asks. A swap is done when the new one serves on every node that runs and has it. */

#include <string.h>
#include <unistd.h>

#include "kernel/qnet/client.h"
#include "kernel/qnet/net_own.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/show.h"

enum { LOOK_MS = 500, AGAIN_MS = 3000, LINE_CAP = 4096 };

static bool lacks(const struct qnk_net *net, uint32_t node, const struct qnk_spec_event *event)
{
    char whole[2 * QNK_SPEC_NAME + 2];

    snprintf(whole, sizeof whole, "%s/%s", event->kind, event->plugin);
    for (uint32_t i = 0; net->spec->nodes[node].lacks[i] != NULL; i++) {
        if (strcmp(net->spec->nodes[node].lacks[i], whole) == 0) {
            return !net->children[node].is_installed;
        }
    }
    return false;
}

static bool is_there(const struct qnk_net *net, uint32_t node)
{
    const struct qnk_net_child *child = &net->children[node];

    return child->link.is_up && child->is_answering && !child->is_paused;
}

static void ignored(void *ctx, uint64_t tag, const json_t *answer)
{
    (void)ctx;
    (void)tag;
    (void)answer;
}

/* The plugin with the preset's settings, as one types it: {use: bft, ...}. */
static bool typed_make(struct qnk_net *net, const struct qnk_spec_event *event, char text[LINE_CAP])
{
    struct qn_sink line;
    size_t head = strlen(event->kind) + 2;
    bool is_done;

    qnk_sink_init(&line, &qnk_client_budget, LINE_CAP);
    is_done = qnk_spec_plugin_line(net->spec, event->kind, event->plugin, &line) == QN_OK &&
              line.size > head;
    if (is_done) {
        snprintf(text, LINE_CAP, "%.*s", (int)(line.size - head - 1),
                 (const char *)line.data + head);
    }
    qnk_sink_done(&line);
    return is_done;
}

static json_t *plugin_params(const struct qnk_spec_event *event, const char *typed)
{
    return json_pack("{s:s, s:s}", "kind", event->kind, "plugin", typed);
}

/* --- the plan --- */

static void planned(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;

    net->swap_is_asking = false;
    net->swap_is_planned = answer != NULL;
    if (answer != NULL && net->swap != NULL) {
        char text[200];

        net->swap->window = tag;
        snprintf(text, sizeof text, "%s=%s from window %llu on", net->swap->event->kind,
                 net->swap->event->plugin, (unsigned long long)tag);
        qnk_story_tell(net->story, qnk_net_now_ms(net) * 1000, "plan", text);
    }
}

static void plan_ask(struct qnk_net *net)
{
    const struct qnk_spec_event *event = net->swap->event;
    char typed[LINE_CAP];
    uint64_t first;
    json_t *params;

    if (net->swap_is_asking || !net->has_facts || !typed_make(net, event, typed)) {
        return;
    }
    for (uint32_t i = 0; i < net->spec->validators; i++) {
        if (!is_there(net, i) || lacks(net, i, event)) {
            continue;
        }
        /* The block that takes the plan may be of the next window. */
        first = net->children[i].head / net->story->window_blocks + 2 + event->windows_later;
        params = plugin_params(event, typed);
        json_object_set_new(params, "first", json_integer((json_int_t)first));
        net->swap_is_asking =
            qnk_link_ask(&net->children[i].link, "swap.plan", params, planned, net, first);
        return;
    }
}

void qnk_net_swap_begin(struct qnk_net *net, struct qnk_act *act)
{
    char typed[LINE_CAP];

    net->swap = act;
    net->swap_is_planned = net->swap_is_asking = false;
    if (!typed_make(net, act->event, typed)) {
        return;
    }
    for (uint32_t i = 0; i < net->dev.count; i++) {
        net->children[i].serves = false;
        if (is_there(net, i) && !lacks(net, i, act->event)) {
            (void)qnk_link_ask(&net->children[i].link, "plugin.load",
                               plugin_params(act->event, typed), ignored, NULL, 0);
        }
    }
}

/* --- what nodes say of it --- */

static void held_tell(struct qnk_net_child *child, bool is_held, const json_t *answer)
{
    const json_t *need = json_array_get(qnk_at(answer, "needs"), 0);
    char text[300];

    if (is_held == child->was_held) {
        return;
    }
    child->was_held = is_held;
    if (is_held) {
        snprintf(text, sizeof text,
                 "%s holds: window %llu needs %s %s: install it, then qnet plugin load %s=%s",
                 child->node->name, (unsigned long long)qnk_number(need, "first"),
                 qnk_string(need, "name"), qnk_string(need, "version"), qnk_string(need, "kind"),
                 qnk_string(need, "name"));
    } else {
        snprintf(text, sizeof text, "%s goes on", child->node->name);
    }
    qnk_story_tell(child->net->story, qnk_net_now_ms(child->net) * 1000, "held", text);
}

/* Whether the planned one serves. */
static bool serves(const struct qnk_net *net, const json_t *answer)
{
    const json_t *list = json_object_get(qnk_at(answer, "bindings"), net->swap->event->kind);
    size_t i;
    json_t *it;

    json_array_foreach((json_t *)(uintptr_t)list, i, it)
    {
        if (qnk_is_true(it, "serves") &&
            strcmp(qnk_string(it, "name"), net->swap->event->plugin) == 0) {
            return true;
        }
    }
    return false;
}

static void swap_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;
    struct qnk_net_child *child = &net->children[tag];
    uint64_t now_ms = qnk_net_now_ms(net);

    if (answer == NULL) {
        return;
    }
    held_tell(child, qnk_is_true(answer, "held"), answer);
    if (net->swap != NULL) {
        child->serves = serves(net, answer) && child->window >= net->swap->window;
    }
    if (net->swap != NULL && tag < net->spec->validators &&
        !lacks(net, (uint32_t)tag, net->swap->event) &&
        strcmp(qnk_string(answer, "plan.life"), "proposed") == 0 && now_ms >= child->ready_ms) {
        child->ready_ms = now_ms + AGAIN_MS;
        (void)qnk_link_ask(&child->link, "swap.ready", NULL, ignored, NULL, 0);
    }
}

static void end_look(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);

    for (uint32_t i = 0; i < net->dev.count; i++) {
        const struct qnk_net_child *child = &net->children[i];

        if (child->pid != 0 && child->node->type != QNK_DEV_LIGHT && !child->serves &&
            !lacks(net, i, net->swap->event)) {
            return;
        }
    }
    net->swap->done_ms = now_ms;
    net->swap = NULL;
    qnk_story_tell(net->story, now_ms * 1000, "swap", "in use");
}

void qnk_net_swaps(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);

    if (!net->has_swaps || now_ms < net->swap_look_ms) {
        return;
    }
    net->swap_look_ms = now_ms + LOOK_MS;
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (is_there(net, i)) {
            (void)qnk_link_ask(&net->children[i].link, "swap.status", NULL, swap_came, net, i);
        }
    }
    if (net->swap != NULL && !net->swap_is_planned) {
        plan_ask(net);
    } else if (net->swap != NULL) {
        end_look(net);
    }
}

bool qnk_net_is_swapping(const struct qnk_net *net)
{
    return net->swap != NULL;
}

/* --- a plugin that comes later --- */

void qnk_net_install(struct qnk_net_child *child, const struct qnk_spec_event *event)
{
    const char *from = qnk_place_search();
    char source[QNK_NET_PATH], target[QNK_NET_PATH];

    child->is_installed = true;
    snprintf(target, sizeof target, "%.400s/plugins/%s/%s.so", child->node->folder, event->kind,
             event->plugin);
    snprintf(source, sizeof source, "%.400s/%s/%s.so", from == NULL ? "" : from, event->kind,
             event->plugin);
    if (access(source, R_OK) != 0) {
        snprintf(source, sizeof source, "%.400s/%s/%s/.libs/%s.so", from == NULL ? "" : from,
                 event->kind, event->plugin, event->plugin);
    }
    if (symlink(source, target) != 0) {
        fprintf(stderr, "qnet: cannot make '%s'\n", target);
    }
    (void)qnk_link_ask(&child->link, "plugin.load", plugin_params(event, event->plugin), ignored,
                       NULL, 0);
}
