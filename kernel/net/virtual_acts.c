/* SPDX-License-Identifier: MIT */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/config/config.h"
#include "kernel/net/presets.h"
#include "kernel/net/virtual_own.h"

enum { MS = 1000, PERMILLE = 1000, CUT_WRITES = 3, FILE_CAP = 1 << 20 };

/* --- harms --- */

static void harm_set(struct qnk_play *play, uint32_t kind, uint32_t a, uint32_t b, uint64_t value,
                     bool begins)
{
    const struct qnk_harm harm = {.kind = kind, .a = a, .b = b, .value = value};

    (begins ? qnk_harms_begin : qnk_harms_end)(play->harms, &harm);
}

static uint32_t group_of(const struct qnk_spec_event *event, uint32_t node)
{
    uint32_t group = 0;

    while (group < event->groups_count && (event->groups[group] >> node & 1) == 0) {
        group++;
    }
    return group;
}

/* Nothing between two nodes that stand in different groups. */
static void split_set(struct qnk_play *play, const struct qnk_act *act, bool begins)
{
    for (uint32_t a = 0; a < play->spec->nodes_count; a++) {
        for (uint32_t b = a + 1; b < play->spec->nodes_count; b++) {
            bool is_apart = act->event->action == QNK_ACTION_ISOLATE
                                ? a == act->node || b == act->node
                                : group_of(act->event, a) != group_of(act->event, b);

            if (is_apart) {
                harm_set(play, QNK_HARM_LINK, a, b, 0, begins);
            }
        }
    }
}

static const uint32_t harm_kinds[QNK_ACTIONS] = {
    [QNK_ACTION_LOSS] = QNK_HARM_LOSS,       [QNK_ACTION_DUPLICATE] = QNK_HARM_TWICE,
    [QNK_ACTION_REORDER] = QNK_HARM_REORDER, [QNK_ACTION_SPIKE] = QNK_HARM_SPIKE,
    [QNK_ACTION_MANGLE] = QNK_HARM_MANGLE,   [QNK_ACTION_NARROW] = QNK_HARM_NARROW,
    [QNK_ACTION_CPU] = QNK_HARM_CPU,         [QNK_ACTION_DISK_SLOW] = QNK_HARM_DISK,
    [QNK_ACTION_DISK_FULL] = QNK_HARM_FULL,  [QNK_ACTION_DISK_FAIL] = QNK_HARM_FAIL,
    [QNK_ACTION_POWER_CUT] = QNK_HARM_CUT,
};

static uint64_t harm_value(const struct qnk_spec_event *event)
{
    uint32_t takes = qnk_actions[event->action].takes;

    if (event->action == QNK_ACTION_POWER_CUT) {
        return CUT_WRITES;
    }
    if ((takes & QNK_TAKES_RATE) != 0) {
        return event->rate / 1000;
    }
    return event->action == QNK_ACTION_NARROW ? event->by : (event->by - 1) * PERMILLE;
}

static void lie_begin(struct qnk_play *play, const struct qnk_act *act)
{
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        if (strcmp(qnk_lie_name(lie), act->event->lie) == 0) {
            qnk_liars_add(play->liars, act->node, 1u << lie);
        }
    }
}

/* --- settings --- */

/* The node file with other keys, of which the simulator takes what it has. */
static void settings_set(struct qnk_play *play, uint32_t node, const struct qnk_tree *set)
{
    const char *base = qnk_preset_node(play->spec->preset);
    const struct qnk_config_options options = {.budget = play->budget};
    struct qnk_limits limits = play->world_setup.limits;
    static struct qnk_config config;
    struct qn_sink text;
    int32_t status;

    qnk_sink_init(&text, play->budget, FILE_CAP);
    status = qnk_spec_node_file(set, (struct qn_span){(const uint8_t *)base, strlen(base)}, &text);
    QN_ASSERT(status == QN_OK);
    status = qnk_config_init(&config, &options);
    QN_ASSERT(status == QN_OK);
    status = qnk_config_read_node(&config, "node.yaml", qnk_sink_span(&text));
    QN_ASSERT(status == QN_OK); /* it was checked with the spec */
    limits.mempool_txs = config.node.mempool_txs;
    limits.mempool_bytes = config.node.mempool_bytes;
    limits.mempool_senders = config.node.mempool_senders;
    qnk_world_set(play->world, node, &limits, config.node.resend_ms);
    qnk_config_done(&config);
    qnk_sink_done(&text);
}

/* --- power --- */

static void power_set(struct qnk_play *play, struct qnk_act *act, bool begins)
{
    bool is_on = qnk_harms_is_on(play->harms, act->node);

    if (play->is_waiting[act->node] || is_on != begins) {
        return; /* it was never on, or something else keeps it off */
    }
    if (!begins && act->event->set != NULL) {
        settings_set(play, act->node, act->event->set);
    }
    qnk_play_switch(play, act->node, !begins);
}

static void node_start(struct qnk_play *play, uint32_t node)
{
    if (play->is_waiting[node] || !qnk_harms_is_on(play->harms, node)) {
        play->is_waiting[node] = false;
        qnk_play_switch(play, node, true);
    }
}

static void pause_begin(struct qnk_play *play, const struct qnk_act *act)
{
    play->paused_until_us[act->node] = act->until_ms * MS;
    qnk_world_pause(play->world, act->node, play->start_us + act->until_ms * MS);
}

static void act_do(struct qnk_play *play, struct qnk_act *act, bool begins)
{
    enum qnk_action action = act->event->action;

    if (action == QNK_ACTION_KILL || action == QNK_ACTION_RESTART) {
        power_set(play, act, begins);
    } else if (action == QNK_ACTION_START) {
        node_start(play, act->node);
    } else if (action == QNK_ACTION_PAUSE && begins) {
        pause_begin(play, act);
    } else if (action == QNK_ACTION_PARTITION || action == QNK_ACTION_ISOLATE) {
        split_set(play, act, begins);
    } else if (action == QNK_ACTION_CLOCK) {
        qnk_world_clock(play->world, act->node, begins ? (int64_t)(act->event->offset_ms * MS) : 0,
                        0);
    } else if (action == QNK_ACTION_SWAP) {
        qnk_play_swap_begin(play, act);
    } else if (action == QNK_ACTION_INSTALL) {
        qnk_play_install(play, act->node);
    } else if (action == QNK_ACTION_LIE) {
        lie_begin(play, act);
    } else if (action >= QNK_ACTION_LOSS) {
        harm_set(play, harm_kinds[action], act->node == QNK_COURSE_NOBODY ? 0 : act->node, 0,
                 harm_value(act->event), begins);
    }
}

void qnk_play_acts(struct qnk_play *play)
{
    uint64_t now_ms = qnk_play_now_us(play) / MS;

    for (uint32_t i = 0; i < play->story->course.count; i++) {
        struct qnk_act *act = &play->story->course.acts[i];

        if (!act->has_begun && act->at_ms <= now_ms) {
            act->has_begun = true;
            qnk_story_act(play->story, act, qnk_play_now_us(play), true);
            act_do(play, act, true);
        }
        if (act->has_begun && !act->is_over && act->until_ms > act->at_ms &&
            act->until_ms <= now_ms) {
            act->is_over = true;
            act->done_ms = now_ms;
            qnk_story_act(play->story, act, qnk_play_now_us(play), false);
            act_do(play, act, false);
        }
    }
}
