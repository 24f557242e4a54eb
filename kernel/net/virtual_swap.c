/* SPDX-License-Identifier: MIT */

/* virtual_swap.c: operators who swap. The first validator that is up proposes the plan; all others
 * that have the plugin say that they are ready as soon as they see it, and again if that was lost.
 * A swap is done when every node that is up runs what was planned, and has made a window final by
 * it. */

#include <string.h>

#include "kernel/base/text.h"
#include "kernel/chain/swap.h"
#include "kernel/chain/tx.h"
#include "kernel/net/virtual_own.h"
#include "kernel/node/swap.h"

enum { AGAIN_US = 2000000, LINES_CAP = 1 << 16, GIVE_UP_MS = 120000 };

/* --- before the world --- */

static uint32_t swap_find(const struct qnk_play *play, const struct qnk_spec_event *event)
{
    uint32_t at = 0;

    while (at < play->swaps_count && (strcmp(play->swap_events[at]->kind, event->kind) != 0 ||
                                      strcmp(play->swap_events[at]->plugin, event->plugin) != 0)) {
        at++;
    }
    return at;
}

static bool swap_add(struct qnk_play *play, struct qnk_spec *spec,
                     const struct qnk_spec_event *event)
{
    uint32_t at = swap_find(play, event);
    struct qn_sink line;
    bool is_done;

    if (at < play->swaps_count) {
        return true;
    }
    if (at == QNK_PLAY_SWAPS_MAX) {
        return false;
    }
    qnk_sink_init(&line, play->budget, LINES_CAP);
    is_done = qnk_spec_plugin_line(spec, event->kind, event->plugin, &line) == QN_OK &&
              line.size < QNK_PLAY_LINE;
    if (is_done) {
        memcpy(play->swap_lines[at], line.data, line.size);
        play->swap_lines[at][line.size] = 0;
        play->swap_texts[at] = play->swap_lines[at];
        play->swap_events[at] = event;
        play->swaps_count++;
    }
    qnk_sink_done(&line);
    return is_done;
}

bool qnk_play_swaps_find(struct qnk_play *play, struct qnk_spec *spec)
{
    for (uint32_t i = 0; i < play->story->course.count; i++) {
        const struct qnk_spec_event *event = play->story->course.acts[i].event;

        if (event->action == QNK_ACTION_SWAP && !swap_add(play, spec, event)) {
            return false;
        }
    }
    return true;
}

void qnk_play_lacks(struct qnk_play *play)
{
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        qnk_cast_lack(play->cast, i, play->spec->nodes[i].lacks[0] != NULL);
    }
}

/* --- while it runs --- */

void qnk_play_swap_begin(struct qnk_play *play, struct qnk_act *act)
{
    play->swap = act;
    play->is_proposed = play->has_shown = false;
}

void qnk_play_install(struct qnk_play *play, uint32_t node)
{
    qnk_cast_lack(play->cast, node, false);
    if (qnk_play_is_up(play, node)) {
        qnk_world_plug(play->world, node);
    }
}

static uint32_t maker_find(const struct qnk_play *play)
{
    for (uint32_t i = 0; i < play->spec->validators; i++) {
        if (qnk_play_is_up(play, i) && !qnk_cast_lacks(play->cast, i)) {
            return i;
        }
    }
    return QNK_COURSE_NOBODY;
}

/* Whether a plan in this node's next block would be the only one. */
static bool may_plan(const struct qnk_play *play, uint32_t maker)
{
    const struct qnk_node *node = qnk_world_node(play->world, maker);
    const struct qnk_control *control = qnk_node_control(node);
    struct qnk_node_view view;

    qnk_node_look(node, &view);
    return !qnk_swap_is_open(control->swap.life) &&
           !qnk_swap_may_fail(control,
                              qnk_window_of(view.head_height + 1, play->story->window_blocks));
}

/* The plan goes to a node that can take it now; if there is none, later. */
static void plan_propose(struct qnk_play *play)
{
    static uint8_t bytes[QNK_SWAP_PLAN_MAX];
    uint32_t maker = maker_find(play);
    struct qnk_node_view view;
    struct qnk_swap_plan plan;
    char text[100];
    uint64_t later;

    if (maker == QNK_COURSE_NOBODY || !may_plan(play, maker) ||
        !qnk_cast_plan(play->cast, swap_find(play, play->swap->event), &plan)) {
        return;
    }
    qnk_node_look(qnk_world_node(play->world, maker), &view);
    /* The plan's own block may be of the next window. */
    later = qnk_cast_network(play->cast)->swap_notice;
    later = later > play->swap->event->windows_later ? later : play->swap->event->windows_later;
    plan.engine.first = view.head_height / play->story->window_blocks + 2 + later;
    play->swap->window = plan.engine.first;
    play->is_proposed = true;
    play->proposed_us = qnk_play_now_us(play);
    qnk_world_propose(play->world, maker, QNK_TX_PLAN,
                      (struct qn_span){bytes, qnk_swap_plan_encode(&plan, bytes)});
    qnk_text(text, sizeof text, "%s plans %s=%s from window %llu on", play->spec->nodes[maker].name,
             play->swap->event->kind, play->swap->event->plugin,
             (unsigned long long)plan.engine.first);
    qnk_story_tell(play->story, qnk_play_now_us(play), "plan", text);
}

static void ready_say(struct qnk_play *play, uint32_t node)
{
    const struct qnk_control *control = qnk_node_control(qnk_world_node(play->world, node));
    uint64_t now_us = qnk_play_now_us(play);
    struct qnk_said *said = &play->said[node];
    struct qnk_swap_ready ready;
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    if (control->swap.life != QNK_SWAP_PROPOSED || control->members[node].swap != QNK_SWAP_SILENT ||
        qnk_cast_lacks(play->cast, node) ||
        (qnk_hash_equal(&said->plan, &control->swap.planned->id) &&
         now_us < said->at_us + AGAIN_US)) {
        return;
    }
    ready = (struct qnk_swap_ready){.plan = control->swap.planned->id};
    *said = (struct qnk_said){.plan = ready.plan, .at_us = now_us};
    qnk_swap_ready_encode(&ready, bytes);
    qnk_world_propose(play->world, node, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
}

/* A node that begins or ends to hold says so. */
static void held_tell(struct qnk_play *play, uint32_t node, const struct qnk_node_view *view)
{
    char text[200];

    if (view->is_held == play->was_held[node]) {
        return;
    }
    play->was_held[node] = view->is_held;
    qnk_text(text, sizeof text, "%s %s", play->spec->nodes[node].name,
             view->is_held ? "holds" : "goes on");
    for (uint32_t kind = 0; kind < 2 && view->is_held; kind++) {
        if (view->lacks[kind].is_held) {
            qnk_text(text, sizeof text,
                     "%s holds: window %llu needs %s %s: install it, then qnet plugin load %s=%s",
                     play->spec->nodes[node].name, (unsigned long long)view->lacks[kind].first,
                     view->lacks[kind].name, view->lacks[kind].version,
                     kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer",
                     view->lacks[kind].name);
        }
    }
    qnk_story_tell(play->story, qnk_play_now_us(play), "held", text);
}

/* Whether the planned window is final at a node. */
static bool is_in_use(struct qnk_play *play, uint32_t node)
{
    struct qnk_node_view view = {0};

    qnk_node_look(qnk_world_node(play->world, node), &view);
    return view.final_window >= play->swap->window && !view.is_held;
}

static bool is_bound(const struct qnk_play *play, const struct qnk_node *node)
{
    const struct qnk_control *control = qnk_node_control_final(node);
    uint32_t kind = strcmp(play->swap->event->kind, "consensus") == 0 ? QNK_BINDING_CONSENSUS
                                                                      : QNK_BINDING_PRODUCER;
    const struct qnk_binding *binding =
        qnk_bindings_at(control->bindings[kind], play->swap->window);

    return binding != NULL && strcmp(binding->name, play->swap->event->plugin) == 0;
}

/* A plan that no block took is proposed again. */
static bool is_forgotten(const struct qnk_play *play, uint32_t maker)
{
    const struct qnk_node *node;

    if (maker == QNK_COURSE_NOBODY || play->has_shown ||
        qnk_play_now_us(play) < play->proposed_us + AGAIN_US) {
        return false;
    }
    node = qnk_world_node(play->world, maker);
    return !qnk_swap_is_open(qnk_node_control(node)->swap.life) && !is_bound(play, node);
}

static void end_look(struct qnk_play *play)
{
    uint64_t now_ms = qnk_play_now_us(play) / 1000;
    uint32_t maker = maker_find(play);

    if (maker != QNK_COURSE_NOBODY &&
        qnk_swap_is_open(qnk_node_control(qnk_world_node(play->world, maker))->swap.life)) {
        play->has_shown = true;
    }
    if (is_forgotten(play, maker)) {
        play->is_proposed = false;
        return;
    }

    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        if (qnk_play_is_up(play, i) && !qnk_cast_lacks(play->cast, i) && !is_in_use(play, i)) {
            if (now_ms > play->swap->at_ms + GIVE_UP_MS) {
                qnk_story_tell(play->story, now_ms * 1000, "swap", "given up");
                play->swap = NULL;
            }
            return;
        }
    }
    if (maker != QNK_COURSE_NOBODY && is_bound(play, qnk_world_node(play->world, maker))) {
        play->swap->done_ms = now_ms;
        qnk_story_tell(play->story, now_ms * 1000, "swap", "in use");
    } else {
        qnk_story_tell(play->story, now_ms * 1000, "swap", "lapsed: nothing has changed");
    }
    play->swap = NULL;
}

void qnk_play_swaps(struct qnk_play *play)
{
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        if (qnk_play_is_up(play, i)) {
            struct qnk_node_view view = {0};

            qnk_node_look(qnk_world_node(play->world, i), &view);
            held_tell(play, i, &view);
            if (i < play->spec->validators) {
                ready_say(play, i);
            }
        }
    }
    if (play->swap != NULL && !play->is_proposed) {
        plan_propose(play);
    } else if (play->swap != NULL) {
        end_look(play);
    }
}

bool qnk_play_is_swapping(const struct qnk_play *play)
{
    return play->swap != NULL;
}
