/* SPDX-License-Identifier: MIT */

/* exec.c: moves the ledger along the tree, one job at a time, towards where it should stand: the
 * chain that a certificate names, else a chain that the engine wants checked, else the best one. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum { LACK_SAY_US = 60000000 }; /* that memory lacks is said once in this time */

struct qnk_block *qnk_head(struct qnk_node *node)
{
    return node->exec.at;
}

bool qnk_exec_is_settled(struct qnk_node *node)
{
    return node->exec.state == QNK_EXEC_IDLE && node->exec.at == qnk_tree_best(node->tree);
}

/* --- where to --- */

/* The best block on the chain that is certified, if all of that is ready. */
static struct qnk_block *certified_target(struct qnk_node *node)
{
    struct qnk_block *last = NULL;

    if (node->certificate == NULL) {
        return NULL;
    }
    if (node->has_certified_macro) {
        last = qnk_tree_find(node->tree, &node->certified_macro.last);
    } else {
        last = qnk_tree_find_known(node->tree, &node->certified);
    }
    return last == NULL ? NULL : qnk_tree_best_above(node->tree, last);
}

static struct qnk_block *target_of(struct qnk_node *node)
{
    struct qnk_block *target = certified_target(node);

    if (target == NULL) {
        target = qnk_check_target(node);
    }
    return target == NULL ? qnk_tree_best(node->tree) : target;
}

/* --- memory that is short for a while --- */

void qnk_exec_lack_say(struct qnk_node *node, const char *what)
{
    if (node->exec.lack_us != 0 && node->now_us - node->exec.lack_us < LACK_SAY_US) {
        return;
    }
    node->exec.lack_us = node->now_us;
    qnk_note(node, QNK_LOG_WARN, "memory-lacks",
             "there is no memory to %s: it is tried again each second; limits.memory of the node "
             "file, or what the plugin for it may take, may be too small",
             what);
}

void qnk_exec_lack(struct qnk_node *node, struct qnk_job *job, const char *what)
{
    node->exec.state = QNK_EXEC_LACK;
    node->exec.again = job;
    qnk_exec_lack_say(node, what);
}

static const char *what_of(uint32_t kind)
{
    return kind == QNK_JOB_APPLY  ? "apply a block"
           : kind == QNK_JOB_UNDO ? "take a block back"
                                  : "end a window";
}

static uint32_t state_of(uint32_t kind)
{
    return kind == QNK_JOB_APPLY   ? QNK_EXEC_APPLY
           : kind == QNK_JOB_UNDO  ? QNK_EXEC_UNDO
           : kind == QNK_JOB_BUILD ? QNK_EXEC_BUILD
                                   : QNK_EXEC_END;
}

void qnk_exec_again(struct qnk_node *node)
{
    struct qnk_job *job = node->exec.again;

    if (node->exec.state != QNK_EXEC_LACK || node->is_halted) {
        return;
    }
    node->exec.again = NULL;
    if (job != NULL) {
        node->exec.state = state_of(job->kind);
        qnk_job_start(node, job);
    } else if (node->build.state == QNK_BUILD_BACK) {
        qnk_build_back(node);
    } else {
        node->exec.state = QNK_EXEC_IDLE;
    }
}

/* --- one step --- */

/* NULL: memory lacks, and the next tick looks again. */
static struct qnk_job *exec_job(struct qnk_node *node, uint32_t kind)
{
    struct qnk_job *job = qnk_job_new(node, kind, QNK_PURPOSE_EXEC);

    if (job == NULL) {
        qnk_exec_lack(node, NULL, what_of(kind));
        return NULL;
    }
    node->exec.state = state_of(kind);
    node->exec.started_us = node->now_us;
    return job;
}

static void undo_start(struct qnk_node *node)
{
    struct qnk_job *job = exec_job(node, QNK_JOB_UNDO);

    QN_ASSERT(node->exec.at->undo != NULL);
    if (job != NULL) {
        job->buf = qnk_buf_ref(node->exec.at->undo);
        qnk_job_start(node, job);
    }
}

/* What the block's kernel transactions do to the control record. QN_INVALID: one is not valid. */
static int32_t control_after(struct qnk_node *node, struct qnk_block *block, struct qnk_job *job)
{
    uint64_t window = qnk_window_of(block->header.height, node->setup.params.window);
    struct qnk_set *set = qnk_schedule_set(node->schedule, window);
    struct qnk_transition transition;
    struct qn_span rows = qnk_buf_span(block->body);
    uint32_t primary;
    int32_t status = qnk_schedule_primary(node->schedule, block->header.height, &primary);

    if (status == QN_OK) {
        struct qnk_transition_block facts = {
            .height = block->header.height,
            .view = block->header.view,
            .primary = primary,
            .producer = block->header.producer,
        };

        status = qnk_transition_begin(&transition, block->parent->control, set, &node->setup.params,
                                      &facts);
    }
    if (status != QN_OK) {
        return status == QN_INVALID ? QN_BUG : status;
    }
    for (uint32_t i = 0; status == QN_OK && i < block->header.tx_count; i++) {
        struct qnk_tx tx;
        int32_t decoded = qnk_tx_next(&rows, &tx);

        QN_ASSERT(decoded == QN_OK);
        if (qnk_tx_is_kernel(&tx)) {
            status = qnk_transition_tx(&transition, &tx);
        }
    }
    if (status != QN_OK) {
        qnk_transition_drop(&transition);
        return status;
    }
    job->offenders_count = transition.offenders_count;
    memcpy(job->offenders, transition.offenders, sizeof job->offenders);
    return qnk_transition_end(&transition, &node->exec.control);
}

static void stuck(struct qnk_node *node, const char *what, int32_t status)
{
    node->exec.state = QNK_EXEC_STUCK;
    qnk_note(node, QNK_LOG_ERROR, "ledger-stuck",
             "the ledger cannot %s (status %d): this node follows no further", what, status);
}

/* False: the block is invalid, so the target has changed. */
static bool apply_start(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_job *job = exec_job(node, QNK_JOB_APPLY);
    uint64_t window = qnk_window_of(block->header.height, node->setup.params.window);

    if (job == NULL) {
        return true;
    }

    int32_t status = control_after(node, block, job);

    if (status != QN_OK) {
        qnk_job_destroy(job);
        node->exec.state = QNK_EXEC_IDLE;
        if (status == QN_INVALID) {
            qnk_block_bad(node, block, "a kernel transaction that is not valid here");
            return false;
        }
        if (status == QN_NO_SPACE) {
            qnk_exec_lack(node, NULL, what_of(QNK_JOB_APPLY));
        } else {
            stuck(node, "follow the schedule", status);
        }
        return true;
    }
    job->buf = qnk_buf_ref(block->body);
    job->txs_max = block->header.tx_count;
    job->height = block->header.height;
    job->window = window;
    job->time_ms = block->header.time_ms;
    job->producer = qnk_schedule_set(node->schedule, window)->members[block->header.producer].key;
    node->exec.working = block;
    block->working = true;
    qnk_job_start(node, job);
    return true;
}

static bool is_window_end(const struct qnk_node *node, const struct qnk_block *block)
{
    return block->header.height % node->setup.params.window == 0;
}

static void end_start(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_job *job = exec_job(node, QNK_JOB_END);

    if (job == NULL) {
        return;
    }
    memcpy(job->more, node->exec.lost, sizeof job->more);
    job->more_count = node->exec.lost_count;
    node->exec.lost_count = 0;
    node->exec.working = block;
    qnk_job_start(node, job);
}

/* The ledger stands still where it should: what waited for that goes on. */
static void settled(struct qnk_node *node)
{
    qnk_checks_look(node);
    qnk_final_look(node);
    qnk_candidate_look(node);
    qnk_produce_look(node);
    qnk_peers_tell(node);
}

/* Whether the producer of this height is not here: nobody can say whose turn it was, so the ledger
 * stays where it is until the plugin comes. */
static bool is_held(const struct qnk_node *node, uint64_t height)
{
    return qnk_schedule_is_held(node->schedule, qnk_window_of(height, node->setup.params.window));
}

void qnk_exec_look(struct qnk_node *node)
{
    if (node->exec.state != QNK_EXEC_IDLE || !node->is_started || node->is_halted) {
        return;
    }
    /* A window's end that was applied while memory was short. */
    if (is_window_end(node, node->exec.at) && node->exec.at->end == NULL &&
        node->exec.at->state == QNK_BLOCK_READY && node->exec.at != qnk_tree_root(node->tree)) {
        end_start(node, node->exec.at);
        return;
    }
    for (;;) {
        struct qnk_block *target = target_of(node);
        struct qnk_block *fork = qnk_tree_fork(node->exec.at, target);

        if (node->exec.at == target) {
            settled(node);
            return;
        }
        if (node->exec.at != fork) {
            undo_start(node);
            return;
        }
        if (is_held(node, fork->header.height + 1) ||
            apply_start(node, qnk_tree_ancestor(target, fork->header.height + 1))) {
            return;
        }
        if (node->exec.state != QNK_EXEC_IDLE) {
            return; /* whoever heard of the bad block has gone on already */
        }
    }
}

/* --- what came of it --- */

static void note_block(struct qnk_node *node, const struct qnk_block *block, uint32_t what)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_NOTE);

    effect->note.what = what;
    effect->note.height = block->header.height;
    effect->note.id = block->id;
    effect->note.ids = qnk_buf_ref(block->ids);
}

/* The ledger stands on `block` now. */
static void joined(struct qnk_node *node, struct qnk_block *block)
{
    node->exec.at = block;
    node->exec.working = NULL;
    node->exec.state = QNK_EXEC_IDLE;
    qnk_pool_included(node, block);
    note_block(node, block, QNK_NOTE_MICROBLOCK);
    qnk_block_store(node, block);
    if (is_window_end(node, block) && block->end == NULL) {
        end_start(node, block);
    } else {
        qnk_exec_look(node);
    }
}

static void applied(struct qnk_node *node, struct qnk_block *block, struct qnk_job *job)
{
    struct qnk_control *control = node->exec.control;

    node->exec.control = NULL;
    block->undo = qnk_buf_ref(job->undo);
    qnk_control_unref(block->control);
    block->control = control;
    block->tx_total = block->parent->tx_total + block->header.tx_count;
    if (!qnk_hash_equal(&job->effects, &block->header.effects)) {
        /* The ledger stands on it all the same: taking it back is the next step. */
        node->exec.at = block;
        node->exec.state = QNK_EXEC_IDLE;
        block->is_foreign = true;
        qnk_block_bad(node, block, "its effects are not ours");
        qnk_exec_look(node);
        return;
    }
    if (!block->executed) {
        block->executed = true;
        node->counters.blocks_accepted++;
        node->counters.txs_included += block->header.tx_count;
    }
    joined(node, block);
}

static void apply_done(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_block *block = node->exec.working;

    block->working = false;
    if (job->status == QN_OK) {
        applied(node, block, job);
        return;
    }
    qnk_control_unref(node->exec.control);
    node->exec.control = NULL;
    node->exec.working = NULL;
    if (job->status == QN_INVALID) {
        qnk_block_bad(node, block, "a transaction in it cannot be executed");
        qnk_exec_look(node);
    } else if (job->status == QN_NO_SPACE) {
        qnk_exec_lack(node, NULL, what_of(job->kind)); /* another block may be better by then */
    } else {
        stuck(node, what_of(job->kind), job->status);
    }
}

_Static_assert((int)QNK_JOB_MORE_MAX == (int)QNK_TREE_WINDOWS, "an end can take what all lost");

/* Pages of a window end that comes to nothing: the next one must read them besides what changed
 * since, as the ledger says once what it changed. Of each window above the root there is one at
 * most: before the ledger comes to the end of such a window again, the next one has been asked. */
static void pages_lose(struct qnk_node *node, struct qnk_page_set *pages)
{
    QN_ASSERT(node->exec.lost_count < QNK_JOB_MORE_MAX);
    node->exec.lost[node->exec.lost_count++] =
        (struct qnk_page_list){.indexes = pages->indexes, .count = pages->count};
    pages->indexes = NULL;
    pages->count = 0;
}

static void undone(struct qnk_node *node)
{
    struct qnk_block *block = node->exec.at;

    node->exec.at = block->parent;
    qnk_buf_unref(block->undo);
    block->undo = NULL;
    qnk_control_unref(block->control);
    block->control = NULL;
    if (block->end != NULL) {
        pages_lose(node, &block->end->pages);
        qnk_window_end_destroy(&node->budget, block->end);
        block->end = NULL;
    }
    if (!block->is_foreign) {
        node->counters.undone++;
        qnk_pool_undone(node, block);
        note_block(node, block, QNK_NOTE_UNDONE);
    }
    qnk_exec_look(node);
}

/* False: memory lacks for the macroblock. */
static bool ended(struct qnk_node *node, struct qnk_job *job)
{
    if (!qnk_end_done(node, node->exec.working, job)) {
        return false;
    }
    node->exec.working = NULL;
    qnk_exec_look(node);
    return true;
}

/* Whether a job that memory lacked for must go on as it is: the ledger has acted for it, or it has
 * pages that are said once. */
static bool is_kept(const struct qnk_job *job)
{
    return job->status == QN_NO_SPACE && (job->has_acted || job->kind == QNK_JOB_END);
}

void qnk_exec_done(struct qnk_node *node, struct qnk_job *job)
{
    uint32_t kind = job->kind;

    QN_ASSERT(node->exec.state == state_of(kind));
    if (is_kept(job)) {
        qnk_exec_lack(node, job, what_of(kind));
        return;
    }
    node->exec.state = QNK_EXEC_IDLE;
    if (kind == QNK_JOB_APPLY) {
        apply_done(node, job);
    } else if (job->status == QN_NO_SPACE) {
        qnk_exec_lack(node, NULL, what_of(kind)); /* it may be wrong to take it back by then */
    } else if (job->status != QN_OK) {
        stuck(node, what_of(kind), job->status);
    } else if (kind == QNK_JOB_UNDO && node->build.state == QNK_BUILD_BACK) {
        qnk_build_undone(node);
    } else if (kind == QNK_JOB_UNDO) {
        undone(node);
    } else if (!ended(node, job)) {
        qnk_exec_lack(node, job, what_of(kind)); /* its answers are kept */
        return;
    }
    qnk_job_destroy(job);
}

void qnk_exec_joined_own(struct qnk_node *node, struct qnk_block *block)
{
    joined(node, block);
}
