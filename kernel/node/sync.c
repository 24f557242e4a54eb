/* SPDX-License-Identifier: MIT */

/* sync.c: catching up with peers that are final further than we are: one window after another, its
 * macroblock with certificate first, then the blocks behind it. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum { DOUBTS_MAX = 6 };

uint64_t qnk_sync_target(const struct qnk_node *node)
{
    uint64_t target = 0;

    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && peer->has_status && node->now_us >= peer->doubted_until_us &&
            peer->status.final_window > target) {
            target = peer->status.final_window;
        }
    }
    return target;
}

bool qnk_is_syncing(const struct qnk_node *node)
{
    return node->certificate != NULL || qnk_sync_target(node) > node->final_window + 1;
}

static void fetch(struct qnk_node *node, uint32_t peer, uint8_t type, const struct qnk_fetch *what)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, QNK_FETCH_SIZE);

    if (body != NULL) {
        qnk_fetch_encode(what, body->data);
        qnk_send(node, peer, type, 0, body);
    }
}

/* A peer claimed a window and did not show it. It is not believed for a while, each time twice as
 * long, or else whoever claims enough would keep this node from making blocks. */
static void doubt(struct qnk_node *node, struct qnk_peer *peer)
{
    peer->doubted_until_us = node->now_us + ((uint64_t)QNK_RETRY_US << peer->doubts);
    peer->doubts += peer->doubts < DOUBTS_MAX;
    if (peer->status.final_window > node->final_window + 1) {
        qnk_claim_broken(node);
    }
}

/* Asks for the next macroblock. */
static void macros_ask(struct qnk_node *node)
{
    struct qnk_fetch what = {.first = node->final_window + 1, .count = 1};
    struct qnk_peer *last = qnk_peer_find(node, node->macros_peer);

    if (node->macros_asked_us != 0 && node->macros_window == what.first) {
        if (node->now_us < node->macros_asked_us + QNK_RETRY_US) {
            return;
        }
        if (last != NULL && (last->is_proving || last->proof != NULL)) {
            return; /* the answer is here */
        }
        if (last != NULL) {
            doubt(node, last);
            qnk_peer_silent(node, last->id);
            qnk_peer_fault(node, last->id, QNK_FAULT_SLOW);
        }
    }
    node->macros_window = what.first;
    node->macros_peer = qnk_peer_for(node, what.first, 0);
    node->macros_asked_us = node->now_us;
    if (node->macros_peer != 0) {
        fetch(node, node->macros_peer, QNK_WIRE_FETCH_MACROS, &what);
    }
}

/* Asks for the headers of the certified window, of which the last is not here. */
static void headers_ask(struct qnk_node *node)
{
    uint64_t first = qnk_tree_root(node->tree)->header.height + 1;
    struct qnk_fetch what = {
        .first = first,
        .count = (uint32_t)(node->certified_macro.height + 1 - first),
    };

    if (node->range_asked_us != 0 && node->range_window == what.first) {
        if (node->now_us < node->range_asked_us + QNK_RETRY_US) {
            return;
        }
        qnk_peer_silent(node, node->range_peer);
    }
    node->range_asked_us = node->now_us;
    node->range_window = what.first;
    node->range_peer = qnk_peer_for(node, node->final_window + 1, 0);
    if (node->range_peer != 0) {
        fetch(node, node->range_peer, QNK_WIRE_FETCH_RANGE, &what);
        qnk_chain_fetch(node, node->range_peer, &node->certified_macro.last);
    }
}

/* Asks for the header behind a certificate that came, or was made here, without it. */
static void macro_ask(struct qnk_node *node)
{
    struct qn_buf *body;

    if (node->macro_asked_us != 0 && node->now_us < node->macro_asked_us + QNK_RETRY_US) {
        return;
    }
    body = qnk_buf_new(&node->budget, 4 + QN_HASH_SIZE);
    if (body != NULL) {
        node->macro_asked_us = node->now_us;
        qn_le32_write(body->data, 1);
        memcpy(body->data + 4, node->certified.bytes, QN_HASH_SIZE);
        qnk_send_all(node, QNK_WIRE_FETCH_MACRO, body, 0);
    }
}

void qnk_sync_look(struct qnk_node *node)
{
    if (!node->is_started || node->is_halted) {
        return;
    }
    qnk_claims_look(node);
    if (node->certificate == NULL) {
        if (qnk_sync_target(node) > node->final_window) {
            macros_ask(node);
        }
        return;
    }
    if (!node->has_certified_macro && qnk_tree_find_known(node->tree, &node->certified) == NULL) {
        macro_ask(node);
        if (qnk_sync_target(node) > node->final_window) {
            macros_ask(node); /* peers find headers of long ago by their window alone */
        }
    }
    if (node->has_certified_macro && node->setup.type != QNK_NODE_LIGHT &&
        qnk_tree_find(node->tree, &node->certified_macro.last) == NULL) {
        headers_ask(node);
    }
    qnk_fetch_look(node);
}

void qnk_sync_forget(struct qnk_node *node, uint32_t peer)
{
    if (node->macros_peer == peer) {
        node->macros_peer = 0;
        node->macros_asked_us = 0;
    }
    if (node->range_peer == peer) {
        node->range_peer = 0;
        node->range_asked_us = 0;
    }
}

void qnk_sync_forged(struct qnk_node *node, uint32_t id)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);

    if (peer != NULL) {
        doubt(node, peer);
    }
    if (node->macros_peer == id) {
        node->macros_asked_us = 0;
        qnk_sync_look(node);
    }
}

void qnk_macros_take(struct qnk_node *node, uint32_t peer, struct qn_span body)
{
    struct qnk_items items;

    if (qnk_items_decode(body, QNK_WIRE_MACROS_MAX, &items) != QN_OK) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        return;
    }
    for (uint32_t i = 0; i < items.count; i++) {
        struct qnk_certified certified;
        struct qnk_macro macro;

        if (qnk_macros_next(&items.items, &certified) != QN_OK ||
            qnk_macro_decode(certified.header, &macro) != QN_OK) {
            qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
            return;
        }
        if (macro.window == node->final_window + 1) {
            qnk_certificate_take(node, peer, &certified);
        }
    }
}
