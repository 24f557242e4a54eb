/* SPDX-License-Identifier: MIT */

/* liar.c: who lies, by which lots, and what of a machine's life passes through the liar's hands. */

#include <sodium.h>

#include <qnet/assert.h>

#include "kernel/sim/liar_own.h"

enum {
    TICK_US = 50000,
    TWIN_MISSES = 250, /* permille of what a twin would hear */
    STREAMS = 64,      /* of a liar: one for each kind, and room for kinds to come */
};

static const char *const names[QNK_LIES] = {
    [QNK_LIE_TWO_BLOCKS] = "two_blocks",
    [QNK_LIE_TWIN] = "twin",
    [QNK_LIE_DOUBLE_VOTE] = "double_vote",
    [QNK_LIE_CONTRADICTORY_VOTE] = "contradictory_vote",
    [QNK_LIE_WITHHOLD_VOTES] = "withhold_votes",
    [QNK_LIE_SELECTIVE_VOTES] = "selective_votes",
    [QNK_LIE_WITHHOLD_REVEAL] = "withhold_reveal",
    [QNK_LIE_LATE_REVEAL] = "late_reveal",
    [QNK_LIE_WRONG_REVEAL] = "wrong_reveal",
    [QNK_LIE_WRONG_STATE] = "wrong_state",
    [QNK_LIE_WRONG_SCHEDULE] = "wrong_schedule",
    [QNK_LIE_STALE_CERTIFICATE] = "stale_certificate",
    [QNK_LIE_FORGED_CERTIFICATE] = "forged_certificate",
    [QNK_LIE_GARBAGE] = "garbage",
    [QNK_LIE_FLOOD] = "flood",
    [QNK_LIE_LYING_SYNC] = "lying_sync",
    [QNK_LIE_WITHHOLD_BODY] = "withhold_body",
    [QNK_LIE_WRONG_TXS] = "wrong_txs",
};

const char *qnk_lie_name(uint32_t lie)
{
    return lie < QNK_LIES ? names[lie] : NULL;
}

/* --- lots and words --- */

uint64_t qnk_liar_lot(struct qnk_liar *liar, uint32_t lie, uint64_t below)
{
    return qnk_random_below(&liar->chance[lie], below);
}

bool qnk_liar_will(struct qnk_liar *liar, uint32_t lie, uint32_t permille)
{
    return !liar->all->is_over && (liar->kinds >> lie & 1) != 0 &&
           qnk_liar_lot(liar, lie, 1000) < permille;
}

void qnk_liar_told(struct qnk_liar *liar, uint32_t lie)
{
    struct qnk_liars *liars = liar->all;

    liars->counts[lie]++;
    if (liars->hear != NULL) {
        liars->hear(liars->hear_ctx, liar->node, lie);
    }
}

void qnk_liar_bytes(struct qnk_liar *liar, uint32_t lie, void *to, uint64_t size)
{
    qnk_random_bytes(&liar->chance[lie], to, size);
}

struct qnk_hash qnk_liar_hash(struct qnk_liar *liar, uint32_t lie)
{
    struct qnk_hash hash;

    qnk_liar_bytes(liar, lie, hash.bytes, sizeof hash.bytes);
    return hash;
}

void qnk_liar_say(struct qnk_liar *liar, uint32_t to, uint8_t lane, uint8_t type,
                  struct qn_span body)
{
    struct qnk_frame head = {.lane = lane, .type = type};

    qnk_world_send(liar->all->world, liar->node, to, head, body);
}

void qnk_liar_say_all(struct qnk_liar *liar, uint8_t lane, uint8_t type, struct qn_span body)
{
    for (uint32_t to = 0; to < liar->all->nodes; to++) {
        if (to != liar->node) {
            qnk_liar_say(liar, to, lane, type, body);
        }
    }
}

uint32_t qnk_liar_somebody(struct qnk_liar *liar, uint32_t lie)
{
    uint32_t others = liar->all->nodes - 1;
    uint32_t at = others == 0 ? 0 : (uint32_t)qnk_liar_lot(liar, lie, others);

    return at < liar->node ? at : at + (others > 0);
}

struct qn_span qnk_liar_said(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    const struct qn_buf *head = effect->send.head;
    const struct qn_slice *body = &effect->send.body;
    uint64_t size = head == NULL ? 0 : head->size;

    qnk_buf_unref(liar->said);
    liar->said = qnk_buf_new(liar->all->budget, size + body->size);
    QN_ASSERT(liar->said != NULL);
    if (size > 0) {
        memcpy(liar->said->data, head->data, size);
    }
    if (body->size > 0) {
        memcpy(liar->said->data + size, body->data, body->size);
    }
    return qnk_buf_span(liar->said);
}

void qnk_liar_say_instead(struct qnk_liar *liar, const struct qnk_effect *effect,
                          struct qn_span body)
{
    struct qnk_frame head = {
        .lane = effect->send.lane,
        .type = effect->send.type,
        .request = effect->send.request,
    };

    qnk_world_send(liar->all->world, liar->node, effect->send.peer - 1, head, body);
}

void qnk_liar_sign(struct qnk_liar *liar, struct qn_span message, uint8_t signature[QN_SIG_SIZE])
{
    struct qnk_world *world = liar->all->world;

    crypto_sign_detached(signature, NULL, message.data, message.size,
                         qnk_world_key(world, liar->node));
    qnk_world_signed(world, liar->node, message, signature);
}

/* --- duties --- */

struct qnk_liar_duty *qnk_liar_duty_find(struct qnk_liar *liar, const struct qnk_hash *place)
{
    for (uint32_t i = 0; i < QNK_LIAR_DUTIES; i++) {
        if (qnk_hash_equal(&liar->duties[i].place, place)) {
            return &liar->duties[i];
        }
    }
    return NULL;
}

struct qnk_liar_duty *qnk_liar_duty_new(struct qnk_liar *liar, const struct qnk_hash *place)
{
    struct qnk_liar_duty *duty = &liar->duties[liar->duties_next++ % QNK_LIAR_DUTIES];

    qnk_buf_unref(duty->other);
    qnk_buf_unref(duty->body);
    *duty = (struct qnk_liar_duty){.place = *place};
    return duty;
}

bool qnk_liar_look(const struct qnk_liar *liar, struct qnk_node_view *view)
{
    const struct qnk_node *node = qnk_world_node(liar->all->world, liar->node);

    if (node != NULL) {
        qnk_node_look(node, view);
    }
    return node != NULL;
}

/* --- hooks --- */

static struct qnk_liar *liar_of(const struct qnk_liars *liars, uint32_t node)
{
    for (uint32_t i = 0; i < liars->count; i++) {
        if (liars->list[i]->node == node) {
            return liars->list[i];
        }
    }
    return NULL;
}

/* Twins that hear the same would say the same: each misses some of it. */
static bool is_missed(struct qnk_liar *liar, const struct qnk_event *event)
{
    if (event->type != QNK_EVENT_FRAME) {
        return false;
    }
    switch (event->frame.head.type) {
    case QNK_WIRE_VOTES:
    case QNK_WIRE_TXS:
    case QNK_WIRE_HEADERS:
        return qnk_liar_will(liar, QNK_LIE_TWIN, TWIN_MISSES);
    default:
        return false;
    }
}

static bool hear(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct qnk_liar *liar = liar_of(ctx, node);

    if (liar == NULL) {
        return true;
    }
    if (is_missed(liar, event)) {
        return false;
    }
    if (event->type == QNK_EVENT_JOB) {
        qnk_liar_blocks_hear(liar, event->job);
    } else if (event->type == QNK_EVENT_FRAME && event->frame.head.type == QNK_WIRE_VOTES) {
        return qnk_liar_votes_hear(liar, event);
    } else if (event->type == QNK_EVENT_FRAME && event->frame.head.type == QNK_WIRE_CERTIFICATE) {
        qnk_liar_certificate_keep(liar, event->frame.head.body);
    }
    return true;
}

static bool say(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    switch (effect->send.type) {
    case QNK_WIRE_VOTES:
        return qnk_liar_votes_effect(liar, effect);
    case QNK_WIRE_CERTIFICATE:
        qnk_liar_certificate_keep(liar, qnk_liar_said(liar, effect));
        return true;
    case QNK_WIRE_HEADERS:
    case QNK_WIRE_BODY_PART:
        return qnk_liar_blocks_effect(liar, effect);
    default:
        return true;
    }
}

static bool speak(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct qnk_liars *liars = ctx;
    struct qnk_liar *liar = liar_of(liars, node);

    if (liar == NULL || (effect->type != QNK_EFFECT_SEND && effect->type != QNK_EFFECT_SERVE)) {
        return true;
    }

    bool is_silent = liars->is_silent || (liars->is_over && liar->is_copy);
    bool is_said = !is_silent && (effect->type == QNK_EFFECT_SERVE || say(liar, effect)) &&
                   qnk_liar_noise_effect(liar, effect);

    if (!is_said) {
        struct qnk_effects one = {.list = effect, .count = 1};

        qnk_effects_reset(&one);
    }
    return is_said;
}

static void tick(void *ctx, struct qnk_world *world)
{
    struct qnk_liar *liar = ctx;
    struct qnk_liars *liars = liar->all;

    (void)world;

    if (liars->is_over) {
        return;
    }
    if (qnk_world_node(liars->world, liar->node) != NULL) {
        qnk_liar_votes_tick(liar);
        qnk_liar_contradict_tick(liar);
        qnk_liar_blocks_tick(liar);
        qnk_liar_certificates_tick(liar);
        qnk_liar_noise_tick(liar);
        qnk_liar_txs_tick(liar);
    }
    qnk_world_at(liars->world, qnk_world_now(liars->world) + TICK_US, tick, liar);
}

/* --- engines --- */

void qnk_liar_bind(struct qnk_liar *liar, struct qnk_vote *vote)
{
    const struct qnk_node *node = qnk_world_node(liar->all->world, liar->node);
    const struct qnk_bindings *list =
        node == NULL ? NULL : qnk_node_control_final(node)->bindings[QNK_BINDING_CONSENSUS];
    const struct qnk_binding *engine;
    struct qnk_node_view view;
    uint8_t record[QNK_ENGINE_RECORD_MAX];

    vote->binding = liar->all->binding;
    if (node == NULL) {
        return;
    }
    if (vote->era == 0) {
        qnk_node_look(node, &view);
        vote->era = view.era;
    }
    engine = qnk_bindings_find(list, vote->era >> 8);
    if (engine != NULL && (vote->era & 0xff) != 0) {
        engine = qnk_bindings_find(list, engine->fallback);
    }
    if (engine != NULL) {
        struct qn_span bytes = {record, qnk_engine_record(engine, record)};

        qnk_vote_binding(&liar->all->set->hash, bytes, &vote->binding);
    }
}

/* --- life --- */

static void binding_set(struct qnk_liars *liars, const struct qnk_params *params)
{
    uint8_t *record = qnk_memory_take(liars->budget, QNK_ENGINE_RECORD_MAX);

    QN_ASSERT(record != NULL);

    uint32_t size = qnk_engine_record(&params->bindings[QNK_BINDING_CONSENSUS], record);

    qnk_vote_binding(&liars->set->hash, (struct qn_span){record, size}, &liars->binding);
    qnk_memory_give(liars->budget, record, QNK_ENGINE_RECORD_MAX);
}

struct qnk_liars *qnk_liars_create(struct qnk_budget *budget, struct qnk_world *world,
                                   const struct qnk_world_setup *setup)
{
    struct qnk_liars *liars = qnk_memory_take(budget, sizeof *liars);
    struct qnk_watch watch = {.ctx = liars, .event = hear, .effect = speak};

    if (liars == NULL) {
        return NULL;
    }
    liars->budget = budget;
    liars->world = world;
    liars->chain_id = setup->params.chain_id;
    liars->window = setup->params.window;
    liars->seed = setup->seed;
    liars->nodes = setup->nodes;
    if (qnk_set_new(budget, setup->set->members, setup->set->count, &liars->set) != QN_OK) {
        qnk_memory_give(budget, liars, sizeof *liars);
        return NULL;
    }
    binding_set(liars, &setup->params);
    qnk_world_watch(world, &watch);
    return liars;
}

static void liar_destroy(struct qnk_liar *liar)
{
    for (uint32_t i = 0; i < QNK_LIAR_DUTIES; i++) {
        qnk_buf_unref(liar->duties[i].other);
        qnk_buf_unref(liar->duties[i].body);
    }
    qnk_liar_votes_done(liar);
    qnk_liar_certificates_done(liar);
    qnk_liar_txs_done(liar);
    qnk_buf_unref(liar->heard);
    qnk_buf_unref(liar->said);
    qnk_memory_give(liar->all->budget, liar, sizeof *liar);
}

void qnk_liars_destroy(struct qnk_liars *liars)
{
    if (liars == NULL) {
        return;
    }
    for (uint32_t i = 0; i < liars->count; i++) {
        liar_destroy(liars->list[i]);
    }
    qnk_set_unref(liars->set);
    qnk_memory_give(liars->budget, liars, sizeof *liars);
}

void qnk_liars_add(struct qnk_liars *liars, uint32_t node, uint32_t kinds)
{
    struct qnk_liar *liar = qnk_memory_take(liars->budget, sizeof *liar);

    QN_ASSERT(liar != NULL && liars->count < QNK_LIARS_MAX && liar_of(liars, node) == NULL);
    liar->all = liars;
    liar->node = node;
    liar->kinds = kinds;
    /* The second half of a secret key is the public one. */
    memcpy(liar->key.bytes, qnk_world_key(liars->world, node) + crypto_sign_SEEDBYTES,
           sizeof liar->key.bytes);
    liar->member = qnk_set_find(liars->set, &liar->key);
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        qnk_stream_init(&liar->chance[lie], liars->seed, "liar", (uint64_t)node * STREAMS + lie);
    }
    for (uint32_t i = 0; i < liars->count; i++) {
        liar->is_copy = liar->is_copy || qnk_hash_equal(&liars->list[i]->key, &liar->key);
    }
    liars->list[liars->count++] = liar;
    qnk_world_at(liars->world, qnk_world_now(liars->world) + TICK_US, tick, liar);
}

void qnk_liars_stop(struct qnk_liars *liars, bool silently)
{
    liars->is_over = true;
    liars->is_silent = silently;
}

void qnk_liars_told(struct qnk_liars *liars, qnk_liars_hear *told, void *ctx)
{
    liars->hear = told;
    liars->hear_ctx = ctx;
}

uint64_t qnk_liars_count(const struct qnk_liars *liars, uint32_t lie)
{
    QN_ASSERT(lie < QNK_LIES);
    return liars->counts[lie];
}
