/* SPDX-License-Identifier: MIT */

/* look.c: what a node shows of itself between steps. Nothing here changes anything. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

static uint32_t count_signers(const struct qnk_known_final *final)
{
    struct qnk_certificate cert;
    uint32_t signers = 0;

    if (final->certificate == NULL ||
        qnk_certificate_decode(qnk_buf_span(final->certificate), &cert) != QN_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < cert.members; i++) {
        signers += qnk_bit(cert.bitmap, i);
    }
    return signers;
}

static uint32_t phase_of(const struct qnk_node *node, const struct qnk_node_view *view)
{
    if (!node->is_started) {
        return QNK_PHASE_STARTING;
    }
    if (qnk_is_syncing(node) && view->sync_target > view->final_window) {
        return QNK_PHASE_SYNCING;
    }
    return view->lag > 2 ? QNK_PHASE_PAUSED : QNK_PHASE_RUNNING;
}

static void look_votes(const struct qnk_node *node, struct qnk_node_view *view)
{
    const struct qnk_set *set = qnk_node_set(node);

    view->members = set->count;
    view->total = set->total;
    view->quorum = qnk_set_quorum(set);
    view->member =
        node->setup.has_validator ? qnk_set_find(set, &node->setup.validator) : QNK_SET_NOBODY;
    view->is_signing = node->instance != QNK_INSTANCE_NONE && node->not_signing[0] == '\0';
    view->not_signing = node->not_signing;
    if (node->engine != NULL && qnk_engine_status(node->engine) != QN_OK) {
        view->is_signing = false;
        view->not_signing = "the consensus plugin failed: this node follows and does not vote";
    }
    view->round = node->ballot == NULL ? 0 : qnk_ballot_round(node->ballot);
    view->vote_phase = node->vote_phase;
    view->have = node->vote_have;
    view->need = node->vote_need;
}

void qnk_node_look(const struct qnk_node *node, struct qnk_node_view *view)
{
    const struct qnk_known_final *final = qnk_final_of(node, (int64_t)node->final_window);
    const struct qnk_block *head = node->exec.at;
    uint64_t next = qnk_window_of(head->header.height + 1, node->setup.params.window);

    *view = (struct qnk_node_view){
        .lag = (uint32_t)(next - 1 - node->final_window),
        .head_height = head->header.height,
        .head_time_ms = head->header.time_ms,
        .head = head->id,
        .interval_ms = node->build.pace.interval_ms,
        .final_window = node->final_window,
        .final_height = qnk_tree_root(node->tree)->header.height,
        .final_time_us = node->final_us,
        .final = final->digest,
        .state = final->macro.state,
        .tx_total = final->macro.tx_total,
        .tx_head = head->tx_total,
        .signers = count_signers(final),
        .peers = node->peers_count,
        .sync_target = qnk_sync_target(node),
        .mempool = qnk_mempool_stats(node->mempool),
    };
    view->phase = phase_of(node, view);
    look_votes(node, view);
    qnk_plugs_show(node, view);
}

const struct qnk_node_counters *qnk_node_counters(const struct qnk_node *node)
{
    return &node->counters;
}

const struct qnk_set *qnk_node_set(const struct qnk_node *node)
{
    return qnk_schedule_set(node->schedule, node->final_window + 1);
}

const struct qnk_control *qnk_node_control(const struct qnk_node *node)
{
    return node->exec.at->control;
}

const struct qnk_control *qnk_node_control_final(const struct qnk_node *node)
{
    return qnk_final_of(node, (int64_t)node->final_window)->control;
}

static void view_of(const struct qnk_node *node, struct qnk_block *block,
                    struct qnk_block_view *view)
{
    *view = (struct qnk_block_view){
        .header = &block->header,
        .id = block->id,
        .is_best = qnk_tree_ancestor(node->exec.at, block->header.height) == block,
        .is_executed = block->executed,
    };
    if (block->body != NULL && block->parts == NULL && block->ids != NULL) {
        view->rows = qnk_buf_span(block->body);
        view->ids = qnk_buf_span(block->ids);
    }
}

bool qnk_node_block_at(const struct qnk_node *node, uint64_t height, struct qnk_block_view *view)
{
    struct qnk_block *block = qnk_tree_ancestor(node->exec.at, height);

    if (block == NULL || block == qnk_tree_root(node->tree)) {
        return false;
    }
    view_of(node, block, view);
    return true;
}

bool qnk_node_block(const struct qnk_node *node, const struct qnk_hash *id,
                    struct qnk_block_view *view)
{
    struct qnk_block *block = qnk_tree_find(node->tree, id);

    if (block == NULL || block == qnk_tree_root(node->tree)) {
        return false;
    }
    view_of(node, block, view);
    return true;
}

/* The row at `index` of a block. */
static struct qn_span row_at(const struct qnk_block *block, uint32_t index)
{
    struct qn_span rows = qnk_buf_span(block->body);
    struct qnk_tx tx = {0};

    for (uint32_t i = 0; i <= index; i++) {
        int32_t status = qnk_tx_next(&rows, &tx);

        QN_ASSERT(status == QN_OK);
    }
    return tx.bytes;
}

enum qnk_tx_place qnk_node_tx(const struct qnk_node *node, const struct qnk_hash *id,
                              uint64_t *height, uint32_t *index, struct qn_span *bytes)
{
    *bytes = qnk_mempool_find(node->mempool, id);
    if (bytes->size > 0) {
        return QNK_TX_WAITING;
    }
    for (const struct qnk_block *at = node->exec.at; at != qnk_tree_root(node->tree);
         at = at->parent) {
        for (uint32_t i = 0; i < at->header.tx_count; i++) {
            if (memcmp(at->ids->data + (uint64_t)i * QN_HASH_SIZE, id->bytes, QN_HASH_SIZE) == 0) {
                *height = at->header.height;
                *index = i;
                *bytes = row_at(at, i);
                return QNK_TX_INCLUDED;
            }
        }
    }
    return qnk_seen_has(node->pending, id) ? QNK_TX_JUDGED : QNK_TX_NOWHERE;
}

bool qnk_node_peer(const struct qnk_node *node, uint32_t peer, struct qnk_status *status,
                   uint32_t *member)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);

    for (uint32_t i = 0; peer != 0 && i < QNK_PEERS_MAX; i++) {
        if (node->peers[i].id == peer) {
            *status = node->peers[i].status;
            *member = set == NULL ? QNK_SET_NOBODY : qnk_set_find(set, &node->peers[i].validator);
            return node->peers[i].has_status;
        }
    }
    return false;
}
