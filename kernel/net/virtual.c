/* SPDX-License-Identifier: MIT */

#include "kernel/net/virtual.h"

#include <string.h>

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "kernel/base/text.h"
#include "kernel/chain/tx.h"
#include "kernel/net/presets.h"
#include "kernel/net/virtual_own.h"

enum {
    RULES_CAP = 1 << 20,
    WAY_US = 1000, /* least delay; by lot as much again */
    MS = 1000,
    LOOKS_EVERY = 16, /* steps of the world between the oracle's looks at a node */
    SIGNATURES_EVERY = 16,
    SETTLE_MS = 60000, /* for transfers to become final when all else is over */
    SETTLE_LOOK_MS = 1000,
    VIEW_LAG_BLOCKS = 3, /* a node that knows of so many windows more is not ready */
};

uint64_t qnk_play_now_us(const struct qnk_play *play)
{
    return qnk_world_now(play->world) - play->start_us;
}

bool qnk_play_is_up(const struct qnk_play *play, uint32_t node)
{
    return qnk_harms_is_on(play->harms, node) && !qnk_world_is_cut(play->world, node) &&
           qnk_world_node(play->world, node) != NULL &&
           play->paused_until_us[node] <= qnk_play_now_us(play);
}

/* --- what nodes do and say --- */

static void final_stored(struct qnk_play *play, uint32_t node, const struct qnk_final *final)
{
    const struct qnk_hash *ids = NULL;
    uint32_t count = 0;

    if (final->ids != NULL) {
        ids = (const void *) final->ids->data;
        count = (uint32_t)(final->ids->size / QN_HASH_SIZE);
    }
    qnk_story_final(play->story, node, qnk_play_now_us(play), final->macro.window, &final->digest,
                    ids, count);
}

static void answered(struct qnk_play *play, struct qn_span codes)
{
    for (uint64_t at = 0; at + QN_HASH_SIZE < codes.size; at += QN_HASH_SIZE + 1) {
        uint8_t code = codes.data[at + QN_HASH_SIZE];
        struct qnk_hash id;

        memcpy(id.bytes, codes.data + at, QN_HASH_SIZE);
        if (code == QNK_TX_OK || code == QNK_TX_KNOWN) {
            qnk_story_accept(play->story, qnk_play_now_us(play), &id);
        }
    }
}

static void sent(struct qnk_story *story, const struct qnk_effect *effect)
{
    story->sent_messages++;
    if (effect->send.lane == QNK_LANE_CONSENSUS) {
        story->vote_bytes +=
            (effect->send.head == NULL ? 0 : effect->send.head->size) + effect->send.body.size;
    }
}

static void stepped(void *ctx, uint32_t node, const struct qnk_event *event,
                    const struct qnk_effects *effects)
{
    struct qnk_play *play = ctx;

    (void)event;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct qnk_effect *effect = &effects->list[i];

        if (effect->type == QNK_EFFECT_STORE_FINAL && effect->final != NULL) {
            final_stored(play, node, effect->final);
        } else if (effect->type == QNK_EFFECT_REPLY && effect->reply.codes != NULL) {
            answered(play, qnk_buf_span(effect->reply.codes));
        } else if (effect->type == QNK_EFFECT_PROPOSED) {
            qnk_story_log(play->story, node, qnk_play_now_us(play), 2, "proposed",
                          effect->proposed.text);
        } else if (effect->type == QNK_EFFECT_SEND) {
            sent(play->story, effect);
        }
    }
}

static void signed_(void *ctx, uint32_t node, struct qn_span message, const uint8_t signature[64])
{
    struct qnk_play *play = ctx;

    (void)node;
    (void)signature;
    play->story->votes += message.size == QNK_VOTE_MESSAGE_SIZE;
}

static void noted(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    struct qnk_play *play = ctx;
    struct qnk_story *story = play->story;
    uint64_t now_us = play->world == NULL ? 0 : qnk_play_now_us(play);
    const struct qn_buf *ids;

    if (effect->type == QNK_EFFECT_HALT) {
        qnk_story_log(story, node, now_us, 0, "halt", effect->halt.text);
        return;
    }
    switch (effect->note.what) {
    case QNK_NOTE_MICROBLOCK:
        ids = effect->note.ids;
        qnk_story_micro(story, node, now_us, effect->note.height,
                        ids == NULL ? NULL : (const void *)ids->data,
                        ids == NULL ? 0 : (uint32_t)(ids->size / QN_HASH_SIZE));
        break;
    case QNK_NOTE_UNDONE:
        qnk_story_undone(story, node, now_us, effect->note.height);
        break;
    case QNK_NOTE_LOG:
        qnk_story_log(story, node, now_us, effect->note.level, effect->note.event,
                      effect->note.text);
        break;
    default:
        break;
    }
}

/* --- samples --- */

static void node_sample(struct qnk_play *play, uint32_t node)
{
    struct qnk_node *at =
        qnk_harms_is_on(play->harms, node) ? qnk_world_node(play->world, node) : NULL;
    struct qnk_sample sample = {.at_ms = (uint32_t)(qnk_play_now_us(play) / MS)};
    struct qnk_node_view view = {0};

    if (at != NULL) {
        qnk_node_look(at, &view);
        sample.is_on = true;
        sample.is_held = view.is_held;
        sample.is_ready =
            !view.is_held && (view.phase == QNK_PHASE_RUNNING || view.phase == QNK_PHASE_PAUSED);
        sample.head = (uint32_t)view.head_height;
        sample.window = (uint32_t)view.final_window;
        sample.final_height = (uint32_t)view.final_height;
        sample.mempool = view.mempool.txs;
        sample.round = (uint16_t)view.round;
        sample.peers = (uint16_t)view.peers;
        sample.behind =
            view.sync_target > view.final_window
                ? (uint32_t)(view.sync_target - view.final_window) * play->story->window_blocks
                : 0;
    }
    qnk_story_sample(play->story, node, &sample);
}

/* --- life --- */

void qnk_play_switch(struct qnk_play *play, uint32_t node, bool is_on)
{
    if (is_on) {
        qnk_harms_on(play->harms, node);
        qnk_story_started(play->story, node, qnk_play_now_us(play));
    } else {
        qnk_harms_off(play->harms, node);
        qnk_story_stopped(play->story, node, qnk_play_now_us(play), "");
    }
}

/* Those whose time has come. */
static void nodes_start(struct qnk_play *play)
{
    uint64_t now_ms = qnk_play_now_us(play) / MS;

    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        const struct qnk_spec_node *node = &play->spec->nodes[i];

        if (play->is_waiting[i] && now_ms >= node->start_ms &&
            play->story->windows >= node->start_macro) {
            play->is_waiting[i] = false;
            if (node->start_ms > 0 || node->start_macro > 0) {
                qnk_story_tell(play->story, qnk_play_now_us(play), "start", node->name);
            }
            qnk_play_switch(play, i, true);
        }
    }
}

static bool is_waited_for(const struct qnk_play *play)
{
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        if (play->is_waiting[i]) {
            return true;
        }
    }
    return false;
}

/* --- the world --- */

static const struct qnk_spec_link *link_find(const struct qnk_spec *spec, const char *a,
                                             const char *b)
{
    for (uint32_t i = 0; i < spec->links_count; i++) {
        const struct qnk_spec_link *it = &spec->links[i];

        if ((strcmp(it->a, a) == 0 && strcmp(it->b, b) == 0) ||
            (strcmp(it->a, b) == 0 && strcmp(it->b, a) == 0)) {
            return it;
        }
    }
    return NULL;
}

static void links_set(struct qnk_play *play)
{
    const struct qnk_spec *spec = play->spec;

    for (uint32_t a = 0; a < spec->nodes_count; a++) {
        for (uint32_t b = 0; b < spec->nodes_count; b++) {
            const struct qnk_spec_link *link =
                link_find(spec, spec->nodes[a].zone, spec->nodes[b].zone);

            if (a != b && link != NULL) {
                uint64_t delay_us = link->delay_ms * MS;

                qnk_world_slow_way(play->world, a, b,
                                   (uint32_t)(delay_us > WAY_US ? delay_us - WAY_US : 0));
                qnk_world_rough_way(play->world, a, b, (uint32_t)(link->jitter_ms * MS),
                                    link->loss);
            }
        }
    }
}

static void world_open(struct qnk_play *play)
{
    const struct qnk_watch watch = {.ctx = play, .stepped = stepped, .signed_ = signed_};
    struct qnk_world_setup *setup = &play->world_setup;

    qnk_cast_world(play->cast, setup);
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        static const uint32_t types[] = {QNK_NODE_SUPER, QNK_NODE_FULL, QNK_NODE_LIGHT};

        play->types[i] = types[play->spec->nodes[i].type];
    }
    setup->types = play->types;
    setup->seed = play->story->seed;
    setup->delay_us = WAY_US;
    setup->note = noted;
    setup->note_ctx = play;
    play->start_us = setup->start_us;
    play->world = qnk_world_create(play->budget, setup);
    QN_ASSERT(play->world != NULL);
    links_set(play);
    play->liars = qnk_liars_create(play->budget, play->world, setup);
    QN_ASSERT(play->liars != NULL);
    qnk_world_watch(play->world, &watch);
}

static void oracle_open(struct qnk_play *play)
{
    bool is_lying[QNK_SPEC_NODES_MAX] = {false};
    struct qnk_oracle_setup setup = {
        .liars = is_lying,
        .world = play->world,
        .network = &play->world_setup,
        .looks_every = LOOKS_EVERY,
        .signatures_every = SIGNATURES_EVERY,
    };
    int32_t status = qnk_cast_witness(play->cast, &play->witness);

    QN_ASSERT(status == QN_OK);
    for (uint32_t i = 0; i < play->story->course.count; i++) {
        const struct qnk_act *act = &play->story->course.acts[i];

        if (act->event->action == QNK_ACTION_LIE) {
            is_lying[act->node] = true;
        }
    }
    setup.ledger = play->witness.ledger;
    setup.producer = play->witness.producer;
    setup.plug = qnk_witness_plug;
    setup.plug_ctx = &play->witness;
    setup.query_totals = play->witness.query_totals;
    setup.query_accounts = play->witness.query_accounts;
    play->oracle = qnk_oracle_create(play->budget, &setup);
    QN_ASSERT(play->oracle != NULL);
}

static void harms_open(struct qnk_play *play)
{
    const struct qnk_harms_setup setup = {
        .budget = play->budget,
        .world = play->world,
        .oracle = play->oracle,
        .nodes = play->spec->nodes_count,
    };

    play->harms = qnk_harms_create(&setup);
    QN_ASSERT(play->harms != NULL);
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        qnk_harms_off(play->harms, i);
        play->is_waiting[i] = true;
    }
}

static int32_t cast_open(struct qnk_play *play, const struct qnk_virtual_setup *setup,
                         char why[QNK_CAST_WHY])
{
    const char *node = qnk_preset_node(play->spec->preset);
    struct qnk_cast_setup cast = {
        .budget = setup->budget,
        .loader = setup->loader,
        .node = {"node.yaml", {(const uint8_t *)node, strlen(node)}},
        .nodes = play->spec->nodes_count,
        .validators = play->spec->validators,
        .level = play->spec->is_real ? QNK_CAST_L0 : QNK_CAST_L1,
    };
    const struct qnk_spec_variant *variant = play->story->variant;
    struct qn_sink rules;
    int32_t status;

    if (!qnk_play_swaps_find(play, setup->spec)) {
        qnk_text(why, QNK_CAST_WHY, "more than %d plugins to swap to", QNK_PLAY_SWAPS_MAX);
        return QN_NO_SPACE;
    }
    cast.others = play->swap_texts;
    cast.others_count = play->swaps_count;
    qnk_sink_init(&rules, setup->budget, RULES_CAP);
    status = qnk_spec_rules(setup->spec, variant == NULL ? NULL : variant->network, &rules);
    if (status == QN_OK) {
        cast.network = (struct qnk_cast_file){"net.yaml", qnk_sink_span(&rules)};
        status = qnk_cast_create(&cast, &play->cast, why);
    }
    qnk_sink_done(&rules);
    if (status == QN_OK) {
        qnk_play_lacks(play);
    }
    return status;
}

/* --- the course --- */

static void tick(struct qnk_play *play, uint64_t now_ms)
{
    qnk_world_run(play->world, play->start_us + now_ms * MS);
    nodes_start(play);
    qnk_play_acts(play);
    qnk_play_swaps(play);
    qnk_play_load(play);
    if (now_ms % play->story->sample_ms < QNK_VIRTUAL_TICK_MS) {
        for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
            node_sample(play, i);
        }
    }
}

static bool is_good(struct qnk_play *play)
{
    return qnk_oracle_broken(play->oracle) == NULL;
}

static void course_run(struct qnk_play *play)
{
    struct qnk_story *story = play->story;
    uint64_t now_ms = 0, end_ms = story->course.end_ms, over_ms = 0;

    play->load_end_ms = end_ms;
    while (now_ms < play->spec->timeout_ms && is_good(play)) {
        bool is_over = now_ms >= end_ms && !is_waited_for(play) && !qnk_play_is_swapping(play);

        tick(play, now_ms);
        over_ms = is_over && over_ms == 0 ? now_ms : over_ms;
        if (is_over && now_ms % SETTLE_LOOK_MS == 0 && qnk_story_is_settled(story)) {
            story->is_settled = true;
            break;
        }
        if (over_ms != 0 && now_ms > over_ms + SETTLE_MS) {
            break;
        }
        now_ms += QNK_VIRTUAL_TICK_MS;
    }
    story->end_ms = now_ms;
    story->is_timed_out = now_ms >= play->spec->timeout_ms;
}

static void oracle_ask(struct qnk_play *play)
{
    struct qnk_story *story = play->story;
    const struct qnk_oracle_broken *broken;
    struct qnk_oracle_figures figures;

    if (is_good(play)) {
        (void)(qnk_oracle_stored(play->oracle) && qnk_oracle_accounted(play->oracle));
    }
    broken = qnk_oracle_broken(play->oracle);
    if (broken != NULL) {
        story->oracle.times = 1;
        qnk_text(story->oracle.words, sizeof story->oracle.words, "%s: %.180s",
                 qnk_oracle_name(broken->id), broken->words);
    }
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        story->checked += qnk_oracle_checked(play->oracle, id);
    }
    qnk_oracle_figures(play->oracle, &figures);
    story->evidence = figures.evidence_final;
}

static void figures_take(struct qnk_play *play)
{
    struct qnk_hash trace;

    qnk_world_trace(play->world, &trace);
    qnk_hex_encode(trace.bytes, QN_HASH_SIZE, play->story->event_hash);
    for (uint32_t i = 0; i < play->spec->nodes_count; i++) {
        play->story->sent_bytes += qnk_world_sent(play->world, i);
        play->story->cpu_us += qnk_world_worked_us(play->world, i);
    }
}

static void play_close(struct qnk_play *play)
{
    qnk_world_destroy(play->world);
    qnk_harms_destroy(play->harms);
    qnk_liars_destroy(play->liars);
    qnk_oracle_destroy(play->oracle);
    qnk_witness_give(&play->witness);
    qnk_cast_destroy(play->cast);
}

int32_t qnk_virtual_run(const struct qnk_virtual_setup *setup, char why[QNK_CAST_WHY])
{
    static struct qnk_play play;
    int32_t status;

    play = (struct qnk_play){
        .budget = setup->budget, .story = setup->story, .spec = setup->story->spec};
    status = cast_open(&play, setup, why);
    if (status != QN_OK) {
        return status;
    }
    play.story->window_blocks = qnk_cast_network(play.cast)->window;
    world_open(&play);
    oracle_open(&play);
    harms_open(&play);
    course_run(&play);
    oracle_ask(&play);
    figures_take(&play);
    qnk_play_export(&play, setup);
    play_close(&play);
    return QN_OK;
}
