/* SPDX-License-Identifier: MIT */

/* fetch.c: how bodies of blocks that are not final come: in parts, pushed or asked for, and of whom
 * what is missing is asked; and how blocks are told of.
 *
 * All parts of a body are one sender's, so that it is known whose fault it is if they are no body.
 * A sender has a time for its next part, and one for all of them, which grows with the size; then
 * another one is asked, and has the body to itself from its first part on. What was pushed by who
 * was not asked puts the asking off for as long, but not if it comes from one that began a body
 * lately and did not end it. So each of those who keep bodies back, or send them by drips, costs
 * one wait. If nobody was fast enough, all have twice the time in the next round. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum {
    FETCH_TICK_US = 100000,
    RUN_MAX = 16,    /* bodies of final blocks asked for in one range */
    COMING_MAX = 64, /* bodies waited for at once, and those asked for again in one look */
    LEAST_RATE = 4,  /* bytes a microsecond: who sends slower has no more time */
    ROUNDS_MAX = 3,  /* after which the time for a body doubles no more */
};

/* --- what comes --- */

static uint32_t parts_of(uint32_t body_size)
{
    return (body_size + QNK_WIRE_PART_SIZE - 1) / QNK_WIRE_PART_SIZE;
}

static void parts_end(struct qnk_node *node, struct qnk_block *block)
{
    qnk_memory_give(&node->budget, block->parts, block->parts_size);
    block->parts = NULL;
    block->parts_size = 0;
}

/* What came of a body is forgotten. */
static void parts_drop(struct qnk_node *node, struct qnk_block *block)
{
    parts_end(node, block);
    qnk_buf_unref(block->body);
    block->body = NULL;
}

void qnk_body_drop(struct qnk_node *node, struct qnk_block *block)
{
    if (block->parts != NULL) {
        parts_end(node, block);
    }
    qnk_buf_unref(block->body);
    qnk_buf_unref(block->ids);
    block->body = NULL;
    block->ids = NULL;
    block->asked_us = block->due_us = 0;
}

/* There are more bodies off the best chain than may be: this one's is not kept, and asked for again
 * later, by when it may be needed. */
static void body_give_way(struct qnk_node *node, struct qnk_block *block)
{
    qnk_body_drop(node, block);
    if (block->state == QNK_BLOCK_READY) {
        block->state = QNK_BLOCK_HEADER;
    }
    block->asked_peer = 0;
    block->asked_us = node->now_us;
    block->due_us = node->now_us + QNK_RETRY_US;
}

/* Makes room for this block's body. False: it is itself the one that gives way. */
static bool body_make_room(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_block *least;

    while ((least = qnk_tree_crowd(node->tree, block)) != NULL && least != block) {
        body_give_way(node, least);
    }
    if (least != NULL) {
        body_give_way(node, block);
    }
    return least == NULL;
}

void qnk_body_whole(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_BODY, QNK_PURPOSE_BODY);

    if (job == NULL) {
        qnk_body_drop(node, block);
        return;
    }
    job->buf = qnk_buf_ref(block->body);
    job->txs_max = block->header.tx_count;
    job->subject = block->id;
    block->working = true;
    qnk_job_start(node, job);
}

/* Room for a body that comes in parts. */
static bool parts_begin(struct qnk_node *node, struct qnk_block *block)
{
    uint32_t parts = parts_of(block->header.body_size);

    if (!body_make_room(node, block)) {
        return false;
    }
    block->body = qnk_buf_new(&node->budget, block->header.body_size);
    block->parts_size = (parts + 7) / 8;
    block->parts = qnk_memory_take(&node->budget, block->parts_size);
    if (block->body == NULL || block->parts == NULL) {
        qnk_memory_give(&node->budget, block->parts, block->parts_size);
        qnk_buf_unref(block->body);
        block->body = NULL;
        block->parts = NULL;
        block->parts_size = 0;
        return false;
    }
    block->parts_left = parts;
    return true;
}

bool qnk_part_fits(const struct qnk_micro *header, const struct qnk_body_part *part)
{
    uint32_t parts = parts_of(header->body_size);

    return part->body_size == header->body_size && part->count == parts && part->index < parts &&
           part->bytes.size ==
               (part->index + 1 < parts
                    ? QNK_WIRE_PART_SIZE
                    : header->body_size - (uint64_t)part->index * QNK_WIRE_PART_SIZE);
}

/* A producer pushes a body right behind its header, whose signature is checked meanwhile. What
 * nobody's header comes for is pushed out by what comes later. */
static void early_keep(struct qnk_node *node, uint32_t peer, const struct qnk_hash *id,
                       struct qn_span message)
{
    struct qnk_early *place = &node->early[node->early_next++ % QNK_EARLY_MAX];

    qnk_buf_unref(place->message);
    *place = (struct qnk_early){
        .id = *id,
        .peer = peer,
        .message = qnk_buf_copy(&node->budget, message),
    };
}

enum claim {
    CLAIM_BROKEN, /* began a body lately and did not end it, or kept one back */
    CLAIM_PUSH,   /* was not asked */
    CLAIM_ASKED,  /* it is its turn */
};

/* What right a peer has to be the one who sends this body. */
static enum claim claim_of(struct qnk_node *node, const struct qnk_block *block, uint32_t id)
{
    const struct qnk_peer *peer = qnk_peer_find(node, id);

    if (peer == NULL || id == block->asked_peer) {
        return peer == NULL ? CLAIM_BROKEN : CLAIM_ASKED;
    }
    return qnk_peer_is_silent(node, peer) ? CLAIM_BROKEN : CLAIM_PUSH;
}

/* Makes `peer` the one whose parts count. False: it is somebody else, or there is no room. */
static bool sender_is(struct qnk_node *node, struct qnk_block *block, uint32_t peer)
{
    if (block->body == NULL && !parts_begin(node, block)) {
        return false;
    }
    if (block->parts_left < parts_of(block->header.body_size) && block->body_peer != peer) {
        if (claim_of(node, block, peer) <= claim_of(node, block, block->body_peer)) {
            return false;
        }
        memset(block->parts, 0, block->parts_size);
        block->parts_left = parts_of(block->header.body_size);
    }
    block->body_peer = peer;
    return true;
}

/* A new part came from the sender: it has time for the next one, but not for ever. */
static void sender_wait(struct qnk_node *node, struct qnk_block *block)
{
    enum claim claim = claim_of(node, block, block->body_peer);
    uint64_t since_us = claim == CLAIM_ASKED ? block->asked_us : block->arrival_us;
    uint64_t patience_us = claim == CLAIM_ASKED ? QNK_RETRY_US : QNK_FETCH_US;
    uint64_t last_us = since_us + patience_us +
                       ((uint64_t)(block->header.body_size / LEAST_RATE) << block->rounds);

    if (claim == CLAIM_ASKED || (claim == CLAIM_PUSH && block->asked_us == 0)) {
        block->due_us = node->now_us + patience_us;
        block->due_us = block->due_us < last_us ? block->due_us : last_us;
    }
}

void qnk_part_take(struct qnk_node *node, uint32_t peer, struct qn_span body)
{
    struct qnk_body_part part;

    if (qnk_body_part_decode(body, &part) != QN_OK) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }

    if (qnk_mend_part(node, peer, &part)) {
        return;
    }

    struct qnk_block *block = qnk_tree_find(node->tree, &part.id);

    if (block == NULL && node->setup.type != QNK_NODE_LIGHT) {
        early_keep(node, peer, &part.id, body);
        return;
    }
    /* Late parts of what we have are no fault. */
    if (block == NULL || block->state != QNK_BLOCK_HEADER || block->working ||
        (block->body != NULL && block->parts == NULL)) {
        return;
    }
    if (!qnk_part_fits(&block->header, &part)) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }
    if (!sender_is(node, block, peer) || qnk_bit(block->parts, part.index)) {
        return;
    }
    qnk_bit_set(block->parts, part.index);
    memcpy(block->body->data + (uint64_t)part.index * QNK_WIRE_PART_SIZE, part.bytes.data,
           part.bytes.size);
    sender_wait(node, block);
    if (--block->parts_left == 0) {
        parts_end(node, block);
        qnk_body_whole(node, block);
    }
}

/* The parts that came before this block's header. */
static void early_take(struct qnk_node *node, const struct qnk_block *block)
{
    for (uint32_t i = 0; i < QNK_EARLY_MAX; i++) {
        struct qnk_early early = node->early[i];

        if (early.message != NULL && qnk_hash_equal(&early.id, &block->id)) {
            node->early[i] = (struct qnk_early){0};
            qnk_part_take(node, early.peer, qnk_buf_span(early.message));
            qnk_buf_unref(early.message);
        }
    }
}

void qnk_body_begin(struct qnk_node *node, struct qnk_block *block)
{
    if (block->header.body_size > 0) {
        early_take(node, block);
        return;
    }
    block->body = qnk_buf_new(&node->budget, 0);
    if (block->body != NULL) {
        qnk_body_whole(node, block);
    }
}

void qnk_fetch_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_EARLY_MAX; i++) {
        qnk_buf_unref(node->early[i].message);
    }
}

/* --- telling and asking --- */

void qnk_body_send(struct qnk_node *node, struct qnk_block *block, uint32_t peer, uint32_t request)
{
    uint32_t parts = parts_of(block->header.body_size);

    for (uint32_t i = 0; i < parts; i++) {
        uint64_t at = (uint64_t)i * QNK_WIRE_PART_SIZE;
        uint64_t left = block->body->size - at;
        struct qn_slice bytes = {
            .owner = block->body,
            .data = block->body->data + at,
            .size = left < QNK_WIRE_PART_SIZE ? left : QNK_WIRE_PART_SIZE,
        };
        struct qnk_body_part part = {
            .id = block->id,
            .index = i,
            .count = parts,
            .body_size = block->header.body_size,
            .bytes = {bytes.data, bytes.size},
        };
        struct qn_buf *head = qnk_buf_new(&node->budget, QNK_BODY_PART_HEAD_SIZE);

        if (head != NULL) {
            qnk_body_part_head(&part, head->data);
            qnk_send_two(node, peer, QNK_WIRE_BODY_PART, request, head, bytes);
        }
    }
}

void qnk_block_announce(struct qnk_node *node, struct qnk_block *block, bool with_body,
                        uint32_t except)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, 4 + QNK_MICRO_SIZE);
    uint32_t pushed = 0;

    if (body == NULL || block->announced) {
        qnk_buf_unref(body);
        return;
    }
    block->announced = true;
    qn_le32_write(body->data, 1);
    qnk_micro_encode(&block->header, body->data + 4);
    qnk_send_all(node, QNK_WIRE_HEADERS, body, except);

    /* With few peers the producer's own pushes are the fastest way; with many, those that got it
     * pass it on to whoever asks. */
    uint32_t start = qnk_peer_by_lot(node);

    for (uint32_t i = 0; with_body && i < QNK_PEERS_MAX && pushed < QNK_PUSH_PEERS; i++) {
        const struct qnk_peer *peer = &node->peers[(start + i) % QNK_PEERS_MAX];

        if (peer->id != 0 && peer->has_status && peer->status.node_type != QNK_NODE_LIGHT) {
            qnk_body_send(node, block, peer->id, 0);
            pushed++;
        }
    }
}

void qnk_chain_fetch(struct qnk_node *node, uint32_t peer, const struct qnk_hash *id)
{
    struct qnk_peer *from = qnk_peer_find(node, peer);
    struct qnk_fetch_chain fetch = {
        .above = qnk_tree_root(node->tree)->header.height,
        .id = *id,
    };

    if (from == NULL || node->setup.type == QNK_NODE_LIGHT ||
        node->now_us < from->chain_asked_us + QNK_FETCH_US) {
        return;
    }

    struct qn_buf *body = qnk_buf_new(&node->budget, QNK_FETCH_CHAIN_SIZE);

    if (body != NULL) {
        from->chain_asked_us = node->now_us;
        qnk_fetch_chain_encode(&fetch, body->data);
        qnk_send(node, peer, QNK_WIRE_FETCH_CHAIN, 0, body);
    }
}

/* Asks a peer for bodies of blocks that are final there, by height. */
static void range_ask(struct qnk_node *node, uint32_t peer, uint64_t first, uint32_t count)
{
    struct qnk_fetch fetch = {.first = first, .count = count, .what = 1};
    struct qn_buf *body = qnk_buf_new(&node->budget, QNK_FETCH_SIZE);

    if (body != NULL) {
        qnk_fetch_encode(&fetch, body->data);
        qnk_send(node, peer, QNK_WIRE_FETCH_RANGE, 0, body);
    }
}

static void body_ask(struct qnk_node *node, uint32_t peer, const struct qnk_hash *id)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, 4 + QN_HASH_SIZE);

    if (body != NULL) {
        qn_le32_write(body->data, 1);
        memcpy(body->data + 4, id->bytes, QN_HASH_SIZE);
        qnk_send(node, peer, QNK_WIRE_FETCH_BODIES, 0, body);
    }
}

static bool stands_on(const struct qnk_node *node, const struct qnk_peer *peer,
                      const struct qnk_block *block)
{
    if (block->child == NULL) {
        return qnk_hash_equal(&peer->status.head, &block->id);
    }
    return qnk_tree_ancestor(qnk_tree_find(node->tree, &peer->status.head), block->header.height) ==
           block;
}

/* Whether a peer says that it holds this block: it stands on it, or it is final there. Who is as
 * high on another branch need not have it, as after a partition. */
static bool is_shown(const struct qnk_node *node, const struct qnk_peer *peer,
                     const struct qnk_block *block)
{
    return block->header.height <=
               qnk_window_last(peer->status.final_window, node->setup.params.window) ||
           stands_on(node, peer, block);
}

static bool may_have(const struct qnk_peer *peer, const struct qnk_block *block)
{
    return peer->id != 0 && peer->has_status && (peer->status.serves & 1) != 0 &&
           peer->status.head_height >= block->header.height;
}

/* In which order peers are asked: first those that say that they hold the block. */
static uint32_t order_of(const struct qnk_node *node, const struct qnk_peer *peer,
                         const struct qnk_block *block)
{
    if (!is_shown(node, peer, block)) {
        return 2;
    }
    return qnk_peer_is_silent(node, peer) ? 1 : 0;
}

/* One by lot of the first of those that were not asked in this round. NULL: there is none. */
static struct qnk_peer *unasked_peer(struct qnk_node *node, const struct qnk_block *block)
{
    uint32_t start = qnk_peer_by_lot(node);
    uint32_t best_order = UINT32_MAX;
    struct qnk_peer *best = NULL;

    for (uint32_t i = 0; i < QNK_PEERS_MAX && best_order > 0; i++) {
        uint32_t place = (start + i) % QNK_PEERS_MAX;
        struct qnk_peer *peer = &node->peers[place];

        if (may_have(peer, block) && !qnk_bit(block->asked, place)) {
            uint32_t order = order_of(node, peer, block);

            best = order < best_order ? peer : best;
            best_order = order < best_order ? order : best_order;
        }
    }
    return best;
}

/* The peer whose turn it is to be asked for this block. All have their turn before one has it
 * again, whatever they say meanwhile of where they stand, or else a few that lack a body, or keep
 * it back, could be asked for it again and again. Who comes to the place of one that was asked
 * waits for the next round. */
static struct qnk_peer *body_peer(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_peer *peer = unasked_peer(node, block);

    if (peer == NULL) {
        memset(block->asked, 0, sizeof block->asked);
        peer = unasked_peer(node, block);
        block->rounds += peer != NULL && block->rounds < ROUNDS_MAX;
    }
    return peer;
}

/* What one look finds. Blocks whose body is due: those that have their place among the bodies that
 * are coming before them, which each has only once, as a member can sign more blocks than there are
 * places and keep all their bodies; and those that were asked for in vain, of which the ones that
 * were asked for longest ago go first, or else the same 64 would again and again. */
struct fetching {
    struct qnk_node *node;
    bool is_missing; /* any body */
    uint64_t behind; /* height below which nothing is on its way by itself */
    uint32_t coming; /* bodies that were asked for once, and may come */
    uint32_t firsts_count;
    uint32_t agains_count;
    struct qnk_block *firsts[COMING_MAX];
    struct qnk_block *agains[COMING_MAX];
    /* The run of heights that is being put into one request. */
    uint32_t run_peer;
    uint64_t run_first;
    uint32_t run_count;
};

static void run_flush(struct fetching *fetching)
{
    if (fetching->run_count > 0) {
        range_ask(fetching->node, fetching->run_peer, fetching->run_first, fetching->run_count);
        fetching->run_count = 0;
    }
}

static void run_add(struct fetching *fetching, uint32_t peer, uint64_t height)
{
    if (fetching->run_count > 0 && peer == fetching->run_peer &&
        height == fetching->run_first + fetching->run_count && fetching->run_count < RUN_MAX) {
        fetching->run_count++;
        return;
    }
    run_flush(fetching);
    fetching->run_peer = peer;
    fetching->run_first = height;
    fetching->run_count = 1;
}

static uint32_t place_of(const struct qnk_node *node, const struct qnk_peer *peer)
{
    return (uint32_t)(peer - node->peers);
}

static void ask_for(struct fetching *fetching, struct qnk_block *block)
{
    struct qnk_node *node = fetching->node;
    struct qnk_peer *peer = fetching->run_count > 0 && fetching->run_count < RUN_MAX
                                ? qnk_peer_find(node, fetching->run_peer)
                                : NULL;

    if (peer == NULL || qnk_bit(block->asked, place_of(node, peer)) ||
        !is_shown(node, peer, block)) {
        peer = body_peer(node, block);
    }
    if (peer == NULL) {
        return;
    }
    qnk_bit_set(block->asked, place_of(node, peer));
    block->asked_peer = peer->id;
    block->asked_us = node->now_us;
    block->due_us = node->now_us + QNK_RETRY_US;
    if (block->header.height <=
        qnk_window_last(peer->status.final_window, node->setup.params.window)) {
        run_add(fetching, peer->id, block->header.height);
    } else {
        body_ask(node, peer->id, &block->id);
    }
}

/* The last block of the chain that a certificate of the next window shows to be final, or NULL. */
static struct qnk_block *certified_last(const struct qnk_node *node)
{
    return node->certificate != NULL && node->has_certified_macro
               ? qnk_tree_find(node->tree, &node->certified_macro.last)
               : NULL;
}

/* A body was asked for and did not come. Who is final above the block has it if it is certified;
 * else only who stands on it owes it. */
static void body_missed(struct qnk_node *node, struct qnk_block *block, const struct qnk_peer *peer)
{
    struct qnk_block *last = certified_last(node);
    bool is_certified = last != NULL && qnk_tree_ancestor(last, block->header.height) == block;

    if (is_certified && peer->status.final_window > node->final_window) {
        qnk_peer_silent(node, peer->id);
    } else if (!stands_on(node, peer, block)) {
        return;
    }
    qnk_peer_fault(node, peer->id, QNK_FAULT_SLOW);
}

/* Asks for a body that is due, unless it would not be kept now. */
static void body_want(struct fetching *fetching, struct qnk_block *block)
{
    struct qnk_node *node = fetching->node;
    const struct qnk_peer *asked = qnk_peer_find(node, block->asked_peer);

    block->is_vain = block->asked_us != 0 || block->is_vain;
    if (block->parts != NULL) {
        qnk_peer_silent(node, block->body_peer);
    }
    if (block->asked_us != 0 && asked != NULL) {
        body_missed(node, block, asked);
    }
    if (qnk_tree_crowd(node->tree, block) == block) {
        body_give_way(node, block);
    } else {
        ask_for(fetching, block);
    }
}

static bool is_due(const struct fetching *fetching, const struct qnk_block *block)
{
    uint64_t patience_us = block->header.height < fetching->behind ? 0 : QNK_FETCH_US;

    return fetching->node->now_us >=
           (block->due_us != 0 ? block->due_us : block->arrival_us + patience_us);
}

static bool is_lacking(const struct qnk_block *block)
{
    bool is_whole = block->body != NULL && block->parts == NULL;

    return block->state == QNK_BLOCK_HEADER && !is_whole && !block->working;
}

static void again_add(struct fetching *fetching, struct qnk_block *block)
{
    uint32_t at = fetching->agains_count;

    if (at < COMING_MAX) {
        fetching->agains_count++;
    } else if (fetching->agains[--at]->asked_us <= block->asked_us) {
        return;
    }
    for (; at > 0 && fetching->agains[at - 1]->asked_us > block->asked_us; at--) {
        fetching->agains[at] = fetching->agains[at - 1];
    }
    fetching->agains[at] = block;
}

static bool fetch_visit(void *ctx, struct qnk_block *block)
{
    struct fetching *fetching = ctx;

    if (!is_lacking(block)) {
        return true;
    }
    fetching->is_missing = true;
    if (block->header.body_size == 0) {
        qnk_body_begin(fetching->node, block); /* memory was short */
    } else if (!is_due(fetching, block)) {
        fetching->coming += block->asked_us != 0 && !block->is_vain;
    } else if (block->asked_us != 0 || block->is_vain) {
        again_add(fetching, block);
    } else if (fetching->firsts_count < COMING_MAX) {
        fetching->firsts[fetching->firsts_count++] = block;
    }
    return true;
}

/* What is certified goes before all others: nobody can make too much of it. */
static void certified_want(struct fetching *fetching)
{
    struct qnk_block *last = certified_last(fetching->node);
    uint64_t height = qnk_tree_root(fetching->node->tree)->header.height;
    uint32_t coming = 0;

    while (last != NULL && height++ < last->header.height && coming < COMING_MAX) {
        struct qnk_block *block = qnk_tree_ancestor(last, height);

        if (!is_lacking(block) || block->header.body_size == 0) {
            continue;
        }
        coming += !block->is_vain;
        if (is_due(fetching, block)) {
            body_want(fetching, block);
        }
    }
}

static void fetching_want(struct fetching *fetching)
{
    certified_want(fetching);
    for (uint32_t i = 0; i < fetching->firsts_count && fetching->coming < COMING_MAX; i++) {
        if (is_due(fetching, fetching->firsts[i])) {
            fetching->coming++;
            body_want(fetching, fetching->firsts[i]);
        }
    }
    for (uint32_t i = 0; i < fetching->agains_count; i++) {
        if (is_due(fetching, fetching->agains[i])) {
            body_want(fetching, fetching->agains[i]);
        }
    }
    run_flush(fetching);
}

void qnk_fetch_look(struct qnk_node *node)
{
    struct fetching fetching = {.node = node};

    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && peer->has_status && peer->status.head_height > fetching.behind) {
            fetching.behind = peer->status.head_height;
        }
    }
    qnk_tree_walk(node->tree, fetch_visit, &fetching);
    fetching_want(&fetching);
    if (fetching.is_missing) {
        qnk_timer_set(node, QNK_TIMER_FETCH, node->now_us + FETCH_TICK_US);
    }
}

struct gone {
    struct qnk_node *node;
    uint32_t peer;
};

static bool forget_visit(void *ctx, struct qnk_block *block)
{
    const struct gone *gone = ctx;

    if (block->parts != NULL && block->body_peer == gone->peer) {
        parts_drop(gone->node, block);
    }
    if (block->asked_peer == gone->peer) {
        block->asked_peer = 0;
        block->asked_us = block->due_us = 0;
    }
    return true;
}

void qnk_fetch_forget(struct qnk_node *node, uint32_t peer)
{
    struct gone gone = {node, peer};

    qnk_tree_walk(node->tree, forget_visit, &gone);
}
