/* SPDX-License-Identifier: MIT */

/* oracle.c: the oracle's life, and what it makes of what the world tells: signatures, steps, and
 * comings and goings. S3 of single nodes and H1 are looked at here: they need nothing but this. */

#include "kernel/sim/oracle.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/chain/tags.h"
#include "kernel/sim/oracle_own.h"

enum { GROW_FIRST = 16 };

/* What each promises stands in oracle.h. */
static const char *const names[QNK_ORACLES] = {
    [QNK_ORACLE_S1] = "S1", [QNK_ORACLE_S1L] = "S1L", [QNK_ORACLE_S1P] = "S1P",
    [QNK_ORACLE_S2] = "S2", [QNK_ORACLE_S3] = "S3",   [QNK_ORACLE_S4] = "S4",
    [QNK_ORACLE_S5] = "S5", [QNK_ORACLE_S6] = "S6",   [QNK_ORACLE_B1] = "B1",
    [QNK_ORACLE_C1] = "C1", [QNK_ORACLE_H1] = "H1",   [QNK_ORACLE_P1] = "P1",
    [QNK_ORACLE_R1] = "R1", [QNK_ORACLE_V1] = "V1",   [QNK_ORACLE_V2] = "V2",
};

/* --- what all parts use --- */

uint64_t qnk_oracle_now(const struct qnk_oracle *oracle)
{
    return oracle->world == NULL ? 0 : qnk_world_now(oracle->world);
}

void qnk_oracle_break(struct qnk_oracle *oracle, uint32_t id, uint32_t node, const char *format,
                      ...)
{
    va_list list;

    oracle->broken[id]++;
    if (oracle->broken_count++ > 0) {
        return;
    }
    oracle->first = (struct qnk_oracle_broken){
        .id = id,
        .node = node,
        .at_us = qnk_oracle_now(oracle),
    };
    va_start(list, format);
    (void)vsnprintf(oracle->first.words, sizeof oracle->first.words, format, list);
    va_end(list);
}

void *qnk_oracle_take(struct qnk_oracle *oracle, uint64_t size)
{
    void *block = qnk_memory_take(oracle->budget, size);

    QN_ASSERT(block != NULL);
    return block;
}

void *qnk_oracle_grow(struct qnk_oracle *oracle, void *items, uint32_t count, uint32_t *room,
                      uint64_t item_size)
{
    uint32_t more = *room == 0 ? GROW_FIRST : *room * 2;
    void *moved;

    if (count < *room) {
        return items;
    }
    QN_ASSERT(more > *room);
    moved = qnk_oracle_take(oracle, more * item_size);
    if (count > 0) {
        memcpy(moved, items, count * item_size);
    }
    qnk_memory_give(oracle->budget, items, *room * item_size);
    *room = more;
    return moved;
}

struct qnk_node *qnk_oracle_at(const struct qnk_oracle *oracle, uint32_t node)
{
    const struct qnk_oracle_node *at = &oracle->nodes[node];

    return oracle->world == NULL || at->is_liar || !at->is_started
               ? NULL
               : qnk_world_node(oracle->world, node);
}

/* --- signatures --- */

/* Whether `message` is `tag`, this chain's id and `size` bytes; 0: any number. Gives them. */
static bool is_message(const struct qnk_oracle *oracle, struct qn_span message, const char *tag,
                       uint64_t size, struct qn_span *rest)
{
    uint64_t head = strlen(tag) + QN_HASH_SIZE;

    if (message.size < head || memcmp(message.data, tag, strlen(tag)) != 0 ||
        memcmp(message.data + strlen(tag), oracle->params.chain_id.bytes, QN_HASH_SIZE) != 0) {
        return false;
    }
    *rest = (struct qn_span){message.data + head, message.size - head};
    return size == 0 || rest->size == size;
}

/* A liar's is kept, with its signature, to be known again. */
static void on_lied(struct qnk_oracle *oracle, uint32_t node, struct qn_span message,
                    const uint8_t *signature)
{
    struct qn_span rest;

    if (is_message(oracle, message, QNK_TAG_VOTE, QNK_VOTE_RECORD_SIZE, &rest)) {
        struct qnk_vote vote;

        if (qnk_oracle_vote_read(oracle, rest, &vote)) {
            vote.member = oracle->nodes[node].member;
            memcpy(vote.signature, signature, sizeof vote.signature);
            qnk_oracle_lied_vote(oracle, &vote);
        }
    } else if (is_message(oracle, message, QNK_TAG_MICRO, QNK_MICRO_SIGNED_SIZE, &rest)) {
        uint8_t bytes[QNK_MICRO_SIZE];
        struct qnk_micro header;

        memcpy(bytes, rest.data, QNK_MICRO_SIGNED_SIZE);
        memcpy(bytes + QNK_MICRO_SIGNED_SIZE, signature, QN_SIG_SIZE);
        if (qnk_micro_decode((struct qn_span){bytes, sizeof bytes}, &header) == QN_OK) {
            qnk_oracle_lied_header(oracle, &header);
        }
    }
}

static void on_signed(void *ctx, uint32_t node, struct qn_span message, const uint8_t *signature)
{
    struct qnk_oracle *oracle = ctx;
    struct qn_span rest;

    if (oracle->nodes[node].is_liar) {
        on_lied(oracle, node, message, signature);
        return;
    }
    if (is_message(oracle, message, QNK_TAG_VOTE, QNK_VOTE_RECORD_SIZE, &rest)) {
        qnk_oracle_vote(oracle, node, rest);
    } else if (is_message(oracle, message, QNK_TAG_MICRO, QNK_MICRO_SIGNED_SIZE, &rest)) {
        qnk_oracle_header(oracle, node, rest);
    } else if (is_message(oracle, message, QNK_TAG_TX, 0, &rest)) {
        qnk_oracle_kernel_tx(oracle, node, rest);
    } else {
        qnk_oracle_break(oracle, QNK_ORACLE_S5, node,
                         "an honest key signed what is no vote, block or transaction of this "
                         "chain");
    }
}

/* --- comings and goings --- */

static void on_started(void *ctx, uint32_t node)
{
    struct qnk_oracle *oracle = ctx;

    oracle->nodes[node].is_on = true;
}

static void on_stopped(void *ctx, uint32_t node)
{
    struct qnk_oracle *oracle = ctx;
    struct qnk_oracle_node *at = &oracle->nodes[node];

    at->is_on = at->is_started = at->has_head = false;
    at->lives++;
    at->final_window = at->final_height = at->head = 0;
    memset(at->stores, 0, sizeof at->stores);
    qnk_oracle_forgot(oracle, node);
}

/* The last final window that was stored comes back. */
static void on_restored(struct qnk_oracle *oracle, uint32_t node, const struct qnk_event *event)
{
    struct qnk_oracle_node *at = &oracle->nodes[node];
    struct qnk_macro macro;
    struct qnk_hash digest;

    if (qnk_macro_decode(event->final.macro, &macro) != QN_OK) {
        if (!at->has_lost) {
            qnk_oracle_break(oracle, QNK_ORACLE_S3, node, "a stored macroblock is none");
        }
        return;
    }
    qnk_macro_digest(&macro, &digest);
    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (!qnk_oracle_is_known(oracle, macro.window, &digest)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "it comes back with another window %llu than is final",
                         (unsigned long long)macro.window);
    }
    if (event->final.is_last) {
        at->final_window = macro.window;
        at->final_height = at->head = macro.height;
    }
}

static void on_start(struct qnk_oracle *oracle, uint32_t node)
{
    struct qnk_oracle_node *at = &oracle->nodes[node];

    at->is_started = at->has_head = true;
    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (at->final_window < at->durable && !at->has_lost) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "it comes back at window %llu, and window %llu was durable",
                         (unsigned long long)at->final_window, (unsigned long long)at->durable);
    }
}

static void on_stored(struct qnk_oracle_node *at, const struct qnk_event *event)
{
    for (uint32_t i = 0; i < QNK_ORACLE_STORES_MAX; i++) {
        if (at->stores[i].token != 0 && at->stores[i].token == event->stored.token) {
            at->stores[i].token = 0;
            if (event->stored.status == QN_OK && at->stores[i].window > at->durable) {
                at->durable = at->stores[i].window;
            }
        }
    }
}

static void on_event(struct qnk_oracle *oracle, uint32_t node, const struct qnk_event *event)
{
    switch (event->type) {
    case QNK_EVENT_RESTORE_FINAL:
        on_restored(oracle, node, event);
        break;
    case QNK_EVENT_START:
        on_start(oracle, node);
        break;
    case QNK_EVENT_STORED:
        on_stored(&oracle->nodes[node], event);
        break;
    case QNK_EVENT_FRAME:
        qnk_oracle_came(oracle, node, event->frame.peer);
        if (event->frame.head.type == QNK_WIRE_VOTES) {
            qnk_oracle_heard(oracle, node, event->frame.head.body);
        }
        break;
    case QNK_EVENT_SUBMIT:
        if (event->submit.token != 0) {
            qnk_oracle_submitted(oracle, qnk_buf_span(event->submit.txs));
        }
        break;
    default:
        break;
    }
}

/* --- what a step did --- */

/* The best chain as the node tells of it: block by block, and never below what is final. */
static void on_head(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effect *effect)
{
    struct qnk_oracle_node *at = &oracle->nodes[node];
    bool joins = effect->note.what == QNK_NOTE_MICROBLOCK;
    uint64_t height = effect->note.height;

    if (at->is_light) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (at->has_head && height != at->head + joins) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node, "block %llu %s a chain of height %llu",
                         (unsigned long long)height, joins ? "joins" : "leaves",
                         (unsigned long long)at->head);
    }
    if (!joins && height <= at->final_height) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node, "block %llu is taken back, which is final",
                         (unsigned long long)height);
    }
    at->head = joins ? height : height - 1;
    at->has_head = true;
}

static void on_final(struct qnk_oracle *oracle, uint32_t node, const struct qnk_final *final)
{
    struct qnk_oracle_node *at = &oracle->nodes[node];

    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (final->macro.window != at->final_window + 1) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node, "window %llu is final after window %llu",
                         (unsigned long long) final->macro.window,
                         (unsigned long long)at->final_window);
    }
    if (!at->is_light && at->has_head && final->macro.height > at->head) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "window %llu is final above the best chain's height %llu",
                         (unsigned long long) final->macro.window, (unsigned long long)at->head);
    }
    at->final_window = final->macro.window;
    at->final_height = final->macro.height;
    for (uint32_t i = 0; i < QNK_ORACLE_STORES_MAX; i++) {
        if (at->stores[i].token == 0) { /* without a place it is not expected back, that is all */
            at->stores[i].token = final->token;
            at->stores[i].window = final->macro.window;
            break;
        }
    }
    if (qnk_oracle_finalized(oracle, node, final)) {
        qnk_oracle_certified(oracle, node, final->macro.window, &final->digest,
                             qnk_buf_span(final->certificate));
    }
}

static bool is_honest_member(const struct qnk_oracle *oracle, uint64_t member)
{
    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        if (oracle->nodes[i].member == member) {
            return !oracle->nodes[i].is_liar;
        }
    }
    return false;
}

/* "block 7 of member 2: wrong lag": its signature was good, so nothing but its maker made it so. */
static void on_refused(struct qnk_oracle *oracle, uint32_t node, const char *text)
{
    const char *member = strstr(text, "of member ");

    if (member != NULL && !oracle->nodes[node].has_lost &&
        is_honest_member(oracle, strtoul(member + strlen("of member "), NULL, 10))) {
        qnk_oracle_break(oracle, QNK_ORACLE_H1, node, "it refuses an honest %s", text);
    }
}

static void on_note(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effect *effect)
{
    switch (effect->note.what) {
    case QNK_NOTE_MICROBLOCK:
    case QNK_NOTE_UNDONE:
        on_head(oracle, node, effect);
        break;
    case QNK_NOTE_LOG:
        if (strcmp(effect->note.event, "key-abused") == 0 && !oracle->nodes[node].has_lost) {
            qnk_oracle_break(oracle, QNK_ORACLE_H1, node, "it gives its key up: %s",
                             effect->note.text);
        }
        if (strcmp(effect->note.event, "block-refused") == 0) {
            on_refused(oracle, node, effect->note.text);
        }
        break;
    default:
        break;
    }
}

static void on_halt(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effect *effect)
{
    if (!oracle->nodes[node].has_lost) {
        qnk_oracle_break(oracle, QNK_ORACLE_H1, node, "it halts: %s", effect->halt.text);
    }
}

static void on_effect(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effect *effect)
{
    switch (effect->type) {
    case QNK_EFFECT_STORE_BLOCK:
        qnk_oracle_body(oracle, node, effect->block.header, qnk_buf_span(effect->block.body));
        break;
    case QNK_EFFECT_SIGN:
        if (effect->sign->body != NULL) {
            qnk_oracle_body(oracle, node, effect->sign->header, qnk_buf_span(effect->sign->body));
        }
        break;
    case QNK_EFFECT_STORE_FINAL:
        on_final(oracle, node, effect->final);
        break;
    case QNK_EFFECT_REPLY:
        if (effect->reply.codes != NULL) {
            qnk_oracle_answered(oracle, node, qnk_buf_span(effect->reply.codes));
        }
        break;
    case QNK_EFFECT_SCORE:
        qnk_oracle_charged(oracle, node, effect->score.peer, effect->score.fault);
        break;
    case QNK_EFFECT_NOTE:
        on_note(oracle, node, effect);
        break;
    case QNK_EFFECT_HALT:
        on_halt(oracle, node, effect);
        break;
    default:
        break;
    }
}

static void on_stepped(void *ctx, uint32_t node, const struct qnk_event *event,
                       const struct qnk_effects *effects)
{
    struct qnk_oracle *oracle = ctx;

    oracle->steps++;
    if (oracle->nodes[node].is_liar) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_H1);
    on_event(oracle, node, event);
    for (uint32_t i = 0; i < effects->count; i++) {
        on_effect(oracle, node, &effects->list[i]);
    }
    qnk_oracle_look(oracle, node, effects);
}

void qnk_oracle_watch(struct qnk_oracle *oracle, struct qnk_watch *watch)
{
    *watch = (struct qnk_watch){
        .ctx = oracle,
        .started = on_started,
        .stopped = on_stopped,
        .stepped = on_stepped,
        .signed_ = on_signed,
    };
}

/* --- life --- */

/* Who is who: members by their keys, liars by name or as twins. */
static void nodes_make(struct qnk_oracle *oracle, const struct qnk_oracle_setup *setup)
{
    const struct qnk_world_setup *network = setup->network;

    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        struct qnk_oracle_node *at = &oracle->nodes[i];
        uint8_t secret[crypto_sign_SECRETKEYBYTES];
        struct qnk_hash key;
        bool votes = network->types == NULL || network->types[i] == QNK_NODE_SUPER;

        crypto_sign_seed_keypair(key.bytes, secret, network->seeds[i]);
        at->member = votes ? qnk_set_find(oracle->set, &key) : QNK_SET_NOBODY;
        at->is_light = network->types != NULL && network->types[i] == QNK_NODE_LIGHT;
        at->is_liar = setup->liars != NULL && setup->liars[i];
        for (uint32_t j = 0; j < i && at->member != QNK_SET_NOBODY; j++) {
            if (oracle->nodes[j].member == at->member) {
                at->is_liar = oracle->nodes[j].is_liar = true;
            }
        }
    }
    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        if (oracle->nodes[i].is_liar && oracle->nodes[i].member != QNK_SET_NOBODY) {
            oracle->liars[oracle->nodes[i].member] = true;
        }
    }
    for (uint32_t i = 0; i < oracle->set->count; i++) {
        oracle->liars_weight += oracle->liars[i] ? oracle->set->members[i].weight : 0;
    }
}

static bool parts_make(struct qnk_oracle *oracle, const struct qnk_oracle_setup *setup)
{
    oracle->votes = qnk_oracle_votes_create(oracle);
    oracle->txs = qnk_oracle_txs_create(oracle);
    oracle->evidence = qnk_oracle_evidence_create(oracle);
    oracle->seen = qnk_oracle_seen_create(oracle, setup->network->jitter_us);
    oracle->bounds = qnk_oracle_bounds_create(oracle);
    oracle->chain = qnk_oracle_chain_create(oracle, setup);
    if (oracle->chain == NULL) {
        return false;
    }
    if (setup->ledger.table != NULL && setup->query_totals != 0 && setup->query_accounts != 0) {
        oracle->book = qnk_oracle_book_create(oracle, setup->ledger);
    }
    return true;
}

struct qnk_oracle *qnk_oracle_create(struct qnk_budget *budget,
                                     const struct qnk_oracle_setup *setup)
{
    const struct qnk_world_setup *network = setup->network;
    struct qnk_oracle *oracle = qnk_memory_take(budget, sizeof *oracle);
    uint64_t set_size = qnk_set_size(network->set);

    if (oracle == NULL) {
        return NULL;
    }
    oracle->budget = budget;
    oracle->world = setup->world;
    oracle->nodes_count = network->nodes;
    oracle->params = network->params;
    oracle->limits = network->limits;
    oracle->looks_every = setup->looks_every == 0 ? 1 : setup->looks_every;
    oracle->signatures_every = setup->signatures_every == 0 ? 1 : setup->signatures_every;
    oracle->books_every = setup->books_every == 0 ? 1 : setup->books_every;
    oracle->query_totals = setup->query_totals;
    oracle->query_accounts = setup->query_accounts;

    uint8_t *record = qnk_oracle_take(oracle, set_size);

    qnk_set_encode(network->set, record);

    int32_t status = qnk_set_decode(budget, (struct qn_span){record, set_size}, &oracle->set);

    QN_ASSERT(status == QN_OK);
    qnk_memory_give(budget, record, set_size);
    oracle->nodes = qnk_oracle_take(oracle, network->nodes * sizeof *oracle->nodes);
    oracle->liars = qnk_oracle_take(oracle, oracle->set->count * sizeof *oracle->liars);
    nodes_make(oracle, setup);
    if (!parts_make(oracle, setup)) {
        qnk_oracle_destroy(oracle);
        return NULL;
    }
    if (oracle->world != NULL) {
        struct qnk_watch watch;

        qnk_oracle_watch(oracle, &watch);
        qnk_world_watch(oracle->world, &watch);
    }
    return oracle;
}

void qnk_oracle_destroy(struct qnk_oracle *oracle)
{
    if (oracle == NULL) {
        return;
    }
    qnk_oracle_book_destroy(oracle);
    qnk_oracle_chain_destroy(oracle);
    qnk_oracle_bounds_destroy(oracle);
    qnk_oracle_seen_destroy(oracle);
    qnk_oracle_evidence_destroy(oracle);
    qnk_oracle_txs_destroy(oracle);
    qnk_oracle_votes_destroy(oracle);
    qnk_memory_give(oracle->budget, oracle->liars, oracle->set->count * sizeof *oracle->liars);
    qnk_memory_give(oracle->budget, oracle->nodes, oracle->nodes_count * sizeof *oracle->nodes);
    qnk_set_unref(oracle->set);
    qnk_memory_give(oracle->budget, oracle, sizeof *oracle);
}

/* --- what came of it --- */

const struct qnk_oracle_broken *qnk_oracle_broken(const struct qnk_oracle *oracle)
{
    return oracle->broken_count == 0 ? NULL : &oracle->first;
}

uint64_t qnk_oracle_broken_times(const struct qnk_oracle *oracle, uint32_t id)
{
    QN_ASSERT(id < QNK_ORACLES);
    return oracle->broken[id];
}

uint64_t qnk_oracle_checked(const struct qnk_oracle *oracle, uint32_t id)
{
    QN_ASSERT(id < QNK_ORACLES);
    return oracle->checked[id];
}

const char *qnk_oracle_name(uint32_t id)
{
    QN_ASSERT(id < QNK_ORACLES);
    return names[id];
}

void qnk_oracle_figures(const struct qnk_oracle *oracle, struct qnk_oracle_figures *figures)
{
    *figures = oracle->figures;
}

void qnk_oracle_disk_lost(struct qnk_oracle *oracle, uint32_t node)
{
    oracle->nodes[node].has_lost = true;
}
