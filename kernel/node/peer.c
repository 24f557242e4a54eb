/* SPDX-License-Identifier: MIT */

/* peer.c: who is connected, what each said of itself, and which part a frame is for. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

static const uint8_t lanes[] = {
    [QNK_WIRE_STATUS] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_VOTES] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_HELD] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_CERTIFICATE] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_HEADERS] = QNK_LANE_BLOCKS,
    [QNK_WIRE_FETCH_BODIES] = QNK_LANE_BLOCKS,
    [QNK_WIRE_BODY_PART] = QNK_LANE_BLOCKS,
    [QNK_WIRE_FETCH_CHAIN] = QNK_LANE_BLOCKS,
    [QNK_WIRE_TXS] = QNK_LANE_TXS,
    [QNK_WIRE_TX_IDS] = QNK_LANE_TXS,
    [QNK_WIRE_FETCH_TXS] = QNK_LANE_TXS,
    [QNK_WIRE_FETCH_MACROS] = QNK_LANE_SYNC,
    [QNK_WIRE_MACROS] = QNK_LANE_SYNC,
    [QNK_WIRE_FETCH_RANGE] = QNK_LANE_SYNC,
    [QNK_WIRE_RANGE] = QNK_LANE_SYNC,
    [QNK_WIRE_REFUSAL] = QNK_LANE_SYNC,
    [QNK_WIRE_FETCH_MACRO] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_MACRO] = QNK_LANE_CONSENSUS,
    [QNK_WIRE_ABANDON] = QNK_LANE_CONSENSUS,
};

/* --- sending --- */

void qnk_send_two(struct qnk_node *node, uint32_t peer, uint8_t type, uint32_t request,
                  struct qn_buf *head, struct qn_slice body)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_SEND);

    effect->send.peer = peer;
    effect->send.lane = lanes[type];
    effect->send.type = type;
    effect->send.request = request;
    effect->send.head = head;
    effect->send.body = body;
    (void)qnk_buf_ref(body.owner);
}

void qnk_send(struct qnk_node *node, uint32_t peer, uint8_t type, uint32_t request,
              struct qn_buf *body)
{
    if (body != NULL) {
        qnk_send_two(node, peer, type, request, body, (struct qn_slice){0});
    }
}

/* Whether a peer wants blocks and transactions as they come. */
static bool takes_all(const struct qnk_peer *peer)
{
    return peer->id != 0 && peer->has_status && peer->status.node_type != QNK_NODE_LIGHT;
}

void qnk_send_all(struct qnk_node *node, uint8_t type, struct qn_buf *body, uint32_t except)
{
    if (body == NULL) {
        return;
    }
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        if (takes_all(&node->peers[i]) && node->peers[i].id != except) {
            qnk_send(node, node->peers[i].id, type, 0, qnk_buf_ref(body));
        }
    }
    qnk_buf_unref(body);
}

/* --- peers --- */

struct qnk_peer *qnk_peer_find(struct qnk_node *node, uint32_t id)
{
    for (uint32_t i = 0; id != 0 && i < QNK_PEERS_MAX; i++) {
        if (node->peers[i].id == id) {
            return &node->peers[i];
        }
    }
    return NULL;
}

void qnk_peer_fault(struct qnk_node *node, uint32_t id, uint32_t fault)
{
    node->counters.faults[fault]++;
    if (id != 0) {
        struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_SCORE);

        effect->score.peer = id;
        effect->score.fault = fault;
    }
}

static struct qnk_status own_status(struct qnk_node *node)
{
    const struct qnk_known_final *final = qnk_final_of(node, (int64_t)node->final_window);
    const struct qnk_block *head = qnk_head(node);

    return (struct qnk_status){
        .node_type = (uint8_t)node->setup.type,
        .serves = node->setup.type == QNK_NODE_LIGHT ? 0 : 1,
        .head_height = head->header.height,
        .final_window = node->final_window,
        .head = head->id,
        .final = final->digest,
    };
}

static void status_send(struct qnk_node *node, uint32_t peer, const struct qnk_status *status)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, QNK_STATUS_SIZE);

    if (body != NULL) {
        qnk_status_encode(status, body->data);
        qnk_send(node, peer, QNK_WIRE_STATUS, 0, body);
    }
}

void qnk_peers_tell(struct qnk_node *node)
{
    struct qnk_status status = own_status(node);
    uint8_t now[QNK_STATUS_SIZE], told[QNK_STATUS_SIZE]; /* the struct has padding */

    qnk_status_encode(&status, now);
    qnk_status_encode(&node->told, told);
    if (memcmp(now, told, sizeof now) == 0) {
        return;
    }
    node->told = status;
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        if (node->peers[i].id != 0) {
            status_send(node, node->peers[i].id, &status);
        }
    }
}

void qnk_peer_up(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_status status = own_status(node);
    uint32_t id = event->peer.peer;

    QN_ASSERT(id != 0 && qnk_peer_find(node, id) == NULL);
    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        if (node->peers[i].id == 0) {
            node->peers[i] = (struct qnk_peer){.id = id,
                                               .key = event->peer.key,
                                               .validator = event->peer.validator,
                                               .outgoing = event->peer.outgoing};
            node->peers_count++;
            status_send(node, id, &status);
            return;
        }
    }
    QN_ASSERT(false); /* the host keeps to limits.peers, which is below QNK_PEERS_MAX */
}

void qnk_peer_down(struct qnk_node *node, uint32_t id)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);

    if (peer == NULL) {
        return;
    }
    qnk_claims_forget(node, peer);
    qnk_buf_unref(peer->proof);
    *peer = (struct qnk_peer){0};
    node->peers_count--;
    qnk_sync_forget(node, id);
    qnk_fetch_forget(node, id);
    qnk_mends_forget(node, id);
}

uint32_t qnk_peer_by_lot(struct qnk_node *node)
{
    uint64_t left = node->peers_count == 0 ? 0 : qnk_chance(node) % node->peers_count;
    uint32_t place = 0;

    while (place + 1 < QNK_PEERS_MAX && (node->peers[place].id == 0 || left > 0)) {
        left -= node->peers[place].id != 0;
        place++;
    }
    return place;
}

void qnk_peer_silent(struct qnk_node *node, uint32_t id)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);

    if (peer != NULL) {
        peer->silent_until_us = node->now_us + QNK_SILENCE_US;
    }
}

bool qnk_peer_is_silent(const struct qnk_node *node, const struct qnk_peer *peer)
{
    return node->now_us < peer->silent_until_us;
}

uint32_t qnk_peer_for(struct qnk_node *node, uint64_t window, uint32_t not )
{
    uint32_t start = qnk_peer_by_lot(node);
    uint32_t best = 0, best_rank = UINT32_MAX;

    for (uint32_t i = 0; i < QNK_PEERS_MAX && best_rank > 0; i++) {
        const struct qnk_peer *peer = &node->peers[(start + i) % QNK_PEERS_MAX];

        if (peer->id == 0 || !peer->has_status || (peer->status.serves & 1) == 0 ||
            peer->status.final_window < window) {
            continue;
        }

        bool is_avoided = node->now_us < peer->doubted_until_us || qnk_peer_is_silent(node, peer);
        uint32_t rank = (peer->id == not ? 2U : 0U) + (is_avoided ? 1U : 0U);

        if (rank < best_rank) {
            best = peer->id;
            best_rank = rank;
        }
    }
    return best;
}

/* --- what frames say --- */

static void status_take(struct qnk_node *node, struct qnk_peer *peer, struct qn_span body)
{
    struct qnk_status status;

    if (qnk_status_decode(body, &status) != QN_OK) {
        qnk_peer_fault(node, peer->id, QNK_FAULT_MALFORMED);
        return;
    }
    if (!peer->has_status && status.node_type != QNK_NODE_LIGHT) {
        qnk_pool_tell(node, peer->id);
    }
    qnk_claims_hear(node, peer, &status);
    peer->status = status;
    peer->has_status = true;
    qnk_claims_look(node);
    if (status.final_window > node->final_window) {
        qnk_sync_look(node);
    } else if (status.head_height > qnk_tree_root(node->tree)->header.height &&
               qnk_tree_find(node->tree, &status.head) == NULL) {
        /* Also one that is lower than ours: it may be better. */
        qnk_chain_fetch(node, peer->id, &status.head);
    }
    qnk_signing_look(node);
    qnk_produce_look(node);
}

static void refuse(struct qnk_node *node, const struct qnk_peer *peer, uint32_t request,
                   uint32_t code, const char *text)
{
    struct qnk_refusal refusal = {
        .code = code,
        .text = {(const uint8_t *)text, strlen(text)},
    };
    struct qn_buf *body = qnk_buf_new(&node->budget, qnk_refusal_size(&refusal));

    if (body != NULL) {
        qnk_refusal_encode(&refusal, body->data);
        qnk_send(node, peer->id, QNK_WIRE_REFUSAL, request, body);
    }
}

/* Headers from above a height up to a block of the tree. */
static void chain_serve(struct qnk_node *node, const struct qnk_peer *peer, uint32_t request,
                        const struct qnk_fetch_chain *fetch)
{
    struct qnk_block *block = qnk_tree_find(node->tree, &fetch->id);
    uint64_t above = qnk_tree_root(node->tree)->header.height;
    uint64_t count;

    above = fetch->above > above ? fetch->above : above;
    if (block == NULL || block->header.height <= above || qnk_is_restoring(node)) {
        refuse(node, peer, request, QN_NOT_FOUND, "no such block above that height");
        return;
    }
    count = block->header.height - above;
    if (count > QNK_WIRE_HEADERS_MAX) {
        block = qnk_tree_ancestor(block, above + QNK_WIRE_HEADERS_MAX);
        count = QNK_WIRE_HEADERS_MAX;
    }

    struct qn_buf *body = qnk_buf_new(&node->budget, 4 + count * QNK_MICRO_SIZE);

    if (body == NULL) {
        return;
    }
    qn_le32_write(body->data, (uint32_t)count);
    for (uint64_t i = count; i-- > 0; block = block->parent) {
        qnk_micro_encode(&block->header, body->data + 4 + i * QNK_MICRO_SIZE);
    }
    qnk_send(node, peer->id, QNK_WIRE_HEADERS, request, body);
}

/* Whether the block's body is here and known to be its own: no others' forgeries are passed on, and
 * nothing that is of no use to anybody. */
static bool is_served(const struct qnk_block *block)
{
    return block->state != QNK_BLOCK_BAD && block->body != NULL && block->ids != NULL;
}

static void bodies_serve(struct qnk_node *node, const struct qnk_peer *peer, uint32_t request,
                         const struct qnk_ids *ids)
{
    if (ids->count > QNK_ASKS_MAX) {
        qnk_peer_fault(node, peer->id, QNK_FAULT_MALFORMED);
        return;
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        struct qnk_hash id;

        memcpy(id.bytes, ids->ids + i * QN_HASH_SIZE, QN_HASH_SIZE);

        struct qnk_block *block = qnk_tree_find(node->tree, &id);

        if (block != NULL && is_served(block)) {
            qnk_body_send(node, block, peer->id, request);
        }
    }
}

static void serve(struct qnk_node *node, const struct qnk_peer *peer, const struct qnk_frame *head,
                  const struct qnk_fetch *fetch)
{
    struct qnk_effect *effect;

    if (node->setup.type == QNK_NODE_LIGHT && head->type == QNK_WIRE_FETCH_RANGE) {
        refuse(node, peer, head->request, QN_UNSUPPORTED, "a light node keeps no bodies");
        return;
    }
    /* The newest macroblocks may not be on the disk yet, but who claims them must show them. */
    if (head->type == QNK_WIRE_FETCH_MACROS && fetch->first > 0 && fetch->first <= INT64_MAX &&
        qnk_final_of(node, (int64_t)fetch->first) != NULL) {
        qnk_certificate_send(node, peer->id, fetch->first);
        return;
    }
    effect = qnk_effects_push(node->out, QNK_EFFECT_SERVE);
    effect->serve.peer = peer->id;
    effect->serve.request = head->request;
    effect->serve.type = head->type;
    effect->serve.fetch = *fetch;
}

/* The header behind a digest, of a final window or of a candidate. */
static void macro_serve(struct qnk_node *node, const struct qnk_peer *peer, uint32_t request,
                        const struct qnk_hash *digest)
{
    const struct qnk_block *end = qnk_tree_find_known(node->tree, digest);
    const struct qnk_macro *macro = end == NULL ? NULL : &end->known->macro;

    for (uint32_t i = 0; i < QNK_FINALS && macro == NULL; i++) {
        const struct qnk_known_final *final = &node->finals[i];

        macro = final->window > 0 && qnk_hash_equal(&final->digest, digest) ? &final->macro : NULL;
    }

    struct qn_buf *body = macro == NULL ? NULL : qnk_buf_new(&node->budget, QNK_MACRO_SIZE);

    if (body == NULL) {
        refuse(node, peer, request, QN_NOT_FOUND, "no window end with that digest");
        return;
    }
    qnk_macro_encode(macro, body->data);
    qnk_send(node, peer->id, QNK_WIRE_MACRO, request, body);
}

/* Frames about votes, certificates and where others stand. False: malformed. */
static bool consensus_frame(struct qnk_node *node, struct qnk_peer *peer,
                            const struct qnk_frame *head)
{
    struct qnk_certified certified;
    struct qnk_held held;
    struct qnk_ids ids;
    struct qnk_macro macro;
    struct qnk_hash digest;

    switch ((enum qnk_wire_type)head->type) {
    case QNK_WIRE_STATUS:
        status_take(node, peer, head->body);
        return true;
    case QNK_WIRE_VOTES:
        qnk_votes_take(node, peer->id, head->body);
        return true;
    case QNK_WIRE_HELD:
        if (qnk_held_decode(head->body, &held) != QN_OK) {
            return false;
        }
        qnk_held_take(node, peer->id, &held);
        return true;
    case QNK_WIRE_CERTIFICATE:
        if (qnk_certified_decode(head->body, &certified) != QN_OK) {
            return false;
        }
        qnk_certificate_take(node, peer->id, &certified);
        return true;
    case QNK_WIRE_FETCH_MACRO:
        if (qnk_ids_decode(head->body, &ids) != QN_OK || ids.count != 1) {
            return false;
        }
        memcpy(digest.bytes, ids.ids, QN_HASH_SIZE);
        macro_serve(node, peer, head->request, &digest);
        return true;
    case QNK_WIRE_MACRO:
        if (qnk_macro_decode(head->body, &macro) != QN_OK) {
            return false;
        }
        qnk_macro_known(node, &macro);
        qnk_certified_macro(node, &macro);
        return true;
    case QNK_WIRE_ABANDON:
        qnk_abandon_take(node, peer->id, head->body);
        return true;
    case QNK_WIRE_HEADERS:
    case QNK_WIRE_FETCH_BODIES:
    case QNK_WIRE_BODY_PART:
    case QNK_WIRE_FETCH_CHAIN:
    case QNK_WIRE_TXS:
    case QNK_WIRE_TX_IDS:
    case QNK_WIRE_FETCH_TXS:
    case QNK_WIRE_FETCH_MACROS:
    case QNK_WIRE_MACROS:
    case QNK_WIRE_FETCH_RANGE:
    case QNK_WIRE_RANGE:
    case QNK_WIRE_REFUSAL:
        break;
    }
    return false;
}

/* Frames about blocks, final or not. */
static bool block_frame(struct qnk_node *node, struct qnk_peer *peer, const struct qnk_frame *head)
{
    struct qnk_fetch_chain chain;
    struct qnk_fetch fetch;
    struct qnk_ids ids;

    switch ((enum qnk_wire_type)head->type) {
    case QNK_WIRE_HEADERS:
    case QNK_WIRE_RANGE:
        qnk_headers_take(node, peer->id, head->body);
        return true;
    case QNK_WIRE_BODY_PART:
        qnk_part_take(node, peer->id, head->body);
        return true;
    case QNK_WIRE_FETCH_BODIES:
        if (qnk_ids_decode(head->body, &ids) != QN_OK) {
            return false;
        }
        bodies_serve(node, peer, head->request, &ids);
        return true;
    case QNK_WIRE_FETCH_CHAIN:
        if (qnk_fetch_chain_decode(head->body, &chain) != QN_OK) {
            return false;
        }
        chain_serve(node, peer, head->request, &chain);
        return true;
    case QNK_WIRE_FETCH_MACROS:
    case QNK_WIRE_FETCH_RANGE:
        if (qnk_fetch_decode(head->body, &fetch) != QN_OK) {
            return false;
        }
        serve(node, peer, head, &fetch);
        return true;
    case QNK_WIRE_MACROS:
        qnk_macros_take(node, peer->id, head->body);
        return true;
    case QNK_WIRE_STATUS:
    case QNK_WIRE_VOTES:
    case QNK_WIRE_HELD:
    case QNK_WIRE_CERTIFICATE:
    case QNK_WIRE_FETCH_MACRO:
    case QNK_WIRE_MACRO:
    case QNK_WIRE_ABANDON:
    case QNK_WIRE_TXS:
    case QNK_WIRE_TX_IDS:
    case QNK_WIRE_FETCH_TXS:
    case QNK_WIRE_REFUSAL:
        break;
    }
    return false;
}

static bool tx_frame(struct qnk_node *node, struct qnk_peer *peer, const struct qnk_frame *head,
                     struct qn_buf *buf)
{
    struct qnk_ids ids;

    if (head->type == QNK_WIRE_TXS) {
        struct qn_buf *body = qnk_buf_copy(&node->budget, head->body);

        (void)buf;
        if (body != NULL) {
            qnk_txs_take(node, peer->id, body);
        }
        return true;
    }
    if (qnk_ids_decode(head->body, &ids) != QN_OK) {
        return false;
    }
    if (head->type == QNK_WIRE_TX_IDS) {
        qnk_ids_take(node, peer->id, &ids);
    } else {
        qnk_txs_serve(node, peer->id, &ids);
    }
    return true;
}

void qnk_peer_frame(struct qnk_node *node, uint32_t id, const struct qnk_frame *head,
                    struct qn_buf *buf)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);
    bool is_known = head->type < sizeof lanes && head->type >= QNK_WIRE_STATUS;
    bool is_good = false;

    if (peer == NULL) {
        return; /* it went down before its last frames were read */
    }
    if (is_known && (head->lane == lanes[head->type] || head->type == QNK_WIRE_BODY_PART)) {
        switch (lanes[head->type]) {
        case QNK_LANE_CONSENSUS:
            is_good = consensus_frame(node, peer, head);
            break;
        case QNK_LANE_TXS:
            is_good = tx_frame(node, peer, head, buf);
            break;
        default:
            is_good = head->type == QNK_WIRE_REFUSAL || block_frame(node, peer, head);
            break;
        }
    }
    if (!is_good) {
        qnk_peer_fault(node, id, QNK_FAULT_MALFORMED);
    }
}
