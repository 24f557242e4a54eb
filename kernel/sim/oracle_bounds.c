/* SPDX-License-Identifier: MIT */

/* oracle_bounds.c: R1, V1 and V2: what a node holds, and whether it goes on. */

#include "kernel/node/tree.h"
#include "kernel/sim/oracle_own.h"

struct recovery {
    bool is_back; /* has a new final window */
    uint64_t head;
};

struct qnk_oracle_bounds {
    struct recovery *recoveries; /* of each node */
    uint64_t base;               /* the highest final window of the core at healing */
    uint32_t left;               /* of the core that have no new final window yet */
};

struct qnk_oracle_bounds *qnk_oracle_bounds_create(struct qnk_oracle *oracle)
{
    struct qnk_oracle_bounds *bounds = qnk_oracle_take(oracle, sizeof *bounds);

    bounds->recoveries = qnk_oracle_take(oracle, oracle->nodes_count * sizeof *bounds->recoveries);
    return bounds;
}

void qnk_oracle_bounds_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_bounds *bounds = oracle->bounds;

    if (bounds != NULL) {
        qnk_memory_give(oracle->budget, bounds->recoveries,
                        oracle->nodes_count * sizeof *bounds->recoveries);
        qnk_memory_give(oracle->budget, bounds, sizeof *bounds);
    }
}

/* --- limits --- */

static void look_memory(struct qnk_oracle *oracle, uint32_t node, struct qnk_node *at)
{
    uint64_t used = qnk_node_budget(at)->used;

    if (used > oracle->limits.memory) {
        qnk_oracle_break(oracle, QNK_ORACLE_R1, node, "it holds %llu bytes of %llu",
                         (unsigned long long)used, (unsigned long long)oracle->limits.memory);
    }
}

static void look_mempool(struct qnk_oracle *oracle, uint32_t node,
                         const struct qnk_mempool_stats *mempool)
{
    const struct qnk_limits *limits = &oracle->limits;

    if (mempool->txs > limits->mempool_txs || mempool->bytes > limits->mempool_bytes ||
        mempool->senders > limits->mempool_senders) {
        qnk_oracle_break(oracle, QNK_ORACLE_R1, node,
                         "its mempool holds %u transactions of %u senders, %llu bytes",
                         mempool->txs, mempool->senders, (unsigned long long)mempool->bytes);
    }
}

/* Its view is what it said, and at most three windows wait. */
static void look_chain(struct qnk_oracle *oracle, uint32_t node, const struct qnk_node_view *view)
{
    const struct qnk_oracle_node *self = &oracle->nodes[node];
    uint64_t last = qnk_window_last(view->final_window + QNK_TREE_WINDOWS, oracle->params.window);

    qnk_oracle_count(oracle, QNK_ORACLE_S3);
    if (view->final_window != self->final_window ||
        (view->final_window > 0 &&
         !qnk_oracle_is_known(oracle, view->final_window, &view->final))) {
        qnk_oracle_break(oracle, QNK_ORACLE_S3, node,
                         "it shows window %llu as final, which is not what it said last",
                         (unsigned long long)view->final_window);
    }
    if (view->head_height > last || view->lag > QNK_TREE_WINDOWS) {
        qnk_oracle_break(oracle, QNK_ORACLE_R1, node, "its head is at %llu, window %llu is final",
                         (unsigned long long)view->head_height,
                         (unsigned long long)view->final_window);
    }
}

static void look_effects(struct qnk_oracle *oracle, uint32_t node,
                         const struct qnk_effects *effects)
{
    if (effects->count > QNK_ORACLE_EFFECTS_MAX) {
        qnk_oracle_break(oracle, QNK_ORACLE_R1, node, "one step had %u effects", effects->count);
    }
}

/* --- recovery --- */

static void look_recovery(struct qnk_oracle *oracle, uint32_t node,
                          const struct qnk_node_view *view)
{
    struct qnk_oracle_bounds *bounds = oracle->bounds;
    struct recovery *recovery = &bounds->recoveries[node];

    if (oracle->healed_us == 0 || !oracle->nodes[node].is_core || recovery->is_back ||
        view->final_window <= bounds->base) {
        return;
    }
    recovery->is_back = true;
    if (--bounds->left == 0) {
        oracle->figures.healed_us = qnk_oracle_now(oracle) - oracle->healed_us;
    }
}

void qnk_oracle_look(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effects *effects)
{
    struct qnk_node *at = qnk_oracle_at(oracle, node);
    struct qnk_node_view view;

    look_effects(oracle, node, effects);
    if (at == NULL || oracle->steps % oracle->looks_every != 0) {
        return;
    }
    qnk_node_look(at, &view);
    qnk_oracle_count(oracle, QNK_ORACLE_R1);
    look_memory(oracle, node, at);
    look_mempool(oracle, node, &view.mempool);
    look_chain(oracle, node, &view);
    look_recovery(oracle, node, &view);
    qnk_oracle_seen_look(oracle, node, at);
}

void qnk_oracle_healed(struct qnk_oracle *oracle, const bool *core)
{
    struct qnk_oracle_bounds *bounds = oracle->bounds;

    oracle->healed_us = qnk_oracle_now(oracle);
    oracle->figures.healed_us = 0;
    bounds->base = 0;
    bounds->left = 0;
    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        struct qnk_oracle_node *self = &oracle->nodes[i];

        self->is_core = !self->is_liar && (core == NULL || core[i]);
        bounds->left += self->is_core;
        bounds->recoveries[i] = (struct recovery){.head = self->head};
        if (self->is_core && self->final_window > bounds->base) {
            bounds->base = self->final_window;
        }
    }
}

/* --- what a run asks --- */

/* The view of a node of the core; false: it is off or halted. */
static bool core_view(struct qnk_oracle *oracle, uint32_t node, struct qnk_node_view *view)
{
    struct qnk_node *at = qnk_oracle_at(oracle, node);

    if (at != NULL) {
        qnk_node_look(at, view);
    }
    return at != NULL;
}

bool qnk_oracle_final_within(struct qnk_oracle *oracle, uint64_t windows)
{
    uint64_t wanted = oracle->bounds->base + windows;
    uint64_t before = oracle->broken_count;

    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        struct qnk_node_view view = {0};

        if (!oracle->nodes[i].is_core) {
            continue;
        }
        qnk_oracle_count(oracle, QNK_ORACLE_V1);
        if (!core_view(oracle, i, &view)) {
            qnk_oracle_break(oracle, QNK_ORACLE_V1, i, "it is of the core, and off or halted");
        } else if (view.final_window < wanted) {
            qnk_oracle_break(oracle, QNK_ORACLE_V1, i,
                             "window %llu is its last, and %llu was to be final by now: round %u, "
                             "phase %u, %llu of %llu, %s",
                             (unsigned long long)view.final_window, (unsigned long long)wanted,
                             view.round, view.vote_phase, (unsigned long long)view.have,
                             (unsigned long long)view.need,
                             view.not_signing[0] == '\0' ? "signing" : view.not_signing);
        }
    }
    return oracle->broken_count == before;
}

bool qnk_oracle_producing(struct qnk_oracle *oracle)
{
    uint64_t before = oracle->broken_count;

    for (uint32_t i = 0; i < oracle->nodes_count; i++) {
        struct qnk_node_view view = {0};

        if (!oracle->nodes[i].is_core) {
            continue;
        }
        qnk_oracle_count(oracle, QNK_ORACLE_V2);
        if (!core_view(oracle, i, &view) ||
            view.head_height <= oracle->bounds->recoveries[i].head ||
            view.phase == QNK_PHASE_PAUSED) {
            qnk_oracle_break(oracle, QNK_ORACLE_V2, i, "its head is at %llu since healing%s",
                             (unsigned long long)view.head_height,
                             view.phase == QNK_PHASE_PAUSED ? ", paused" : "");
        }
    }
    return oracle->broken_count == before;
}
