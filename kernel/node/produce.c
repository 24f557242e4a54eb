/* SPDX-License-Identifier: MIT */

/* produce.c: makes a block when it is this node's turn: kernel transactions are signed, the ledger
 * builds, the host stores the block and the guard's record and signs the header, the block joins
 * the tree and is announced. The block is stored without its signature, before the record: whatever
 * of the two is on the disk after a crash, nothing is lost. A block without a record was never
 * signed; one with a record gets the same signature again (chain.c). */

#include <qnet/assert.h>

#include "kernel/node/core.h"

#define BUILDING "build a block"

static uint64_t window_of(const struct qnk_node *node, uint64_t height)
{
    return qnk_window_of(height, node->setup.params.window);
}

/* Own index among those who may make `height`; QNK_SET_NOBODY: none of them. */
static uint32_t own_member(const struct qnk_node *node, uint64_t height)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, window_of(node, height));

    if (set == NULL || !node->setup.has_validator) {
        return QNK_SET_NOBODY;
    }
    return qnk_set_find(set, &node->setup.validator);
}

/* Whether the next block on the head may be made here at all, now. */
static bool may_build(struct qnk_node *node)
{
    const struct qnk_block *head = node->exec.at;

    return node->is_started && !node->is_halted && !node->is_on_hold &&
           node->build.state == QNK_BUILD_NONE && qnk_exec_is_settled(node) && head->stored &&
           !qnk_hash_equal(&head->id, &node->build.spent) && !qnk_is_restoring(node) &&
           node->shelf_count == 0 && node->certificate == NULL &&
           !qnk_schedule_is_held(node->schedule, window_of(node, head->header.height + 1));
}

/* Full windows that are not final, were the next block made now. */
static uint64_t next_lag(const struct qnk_node *node)
{
    return window_of(node, node->exec.at->header.height + 1) - 1 - node->final_window;
}

/* The best rank of a member for the next block and the pace of the plugin's ranks. A plugin whose
 * turn or pace is none leaves the kernel's ranks, so that it cannot stop the chain. */
static int32_t turn_of(struct qnk_node *node, uint64_t height, uint32_t member, uint32_t *view,
                       struct qnk_pace *pace)
{
    int32_t status = qnk_schedule_rank(node->schedule, height, member, view);

    if (status == QN_OK && *view < QNK_SCHEDULE_VIEWS &&
        qnk_pace_after(node, node->exec.at, pace) != QN_OK) {
        status = qnk_schedule_last_rank(node->schedule, height, member, view);
    }
    return status;
}

void qnk_produce_look(struct qnk_node *node)
{
    const struct qnk_block *head = node->exec.at;
    uint64_t height = head->header.height + 1;
    uint32_t member = own_member(node, height);
    struct qnk_pace pace = {0};
    uint32_t view;

    if (!may_build(node) || next_lag(node) > 2 || member == QNK_SET_NOBODY || !qnk_may_sign(node)) {
        node->build.ready_us = 0;
        return;
    }

    uint64_t wait_us = qnk_wait_until(node);

    if (wait_us != 0) {
        node->build.ready_us = 0;
        if (wait_us != UINT64_MAX) {
            qnk_timer_set(node, QNK_TIMER_PRODUCE, wait_us);
        }
        return;
    }
    if (node->build.ready_us == 0 || !qnk_hash_equal(&node->build.parent_id, &head->id)) {
        node->build.ready_us = node->now_us;
        node->build.parent_id = head->id;
    }
    if (turn_of(node, height, member, &view, &pace) != QN_OK || view > UINT16_MAX) {
        node->build.ready_us = 0;
        qnk_note(node, QNK_LOG_ERROR, "no-schedule", "the producer plugin gives no turn for %llu",
                 (unsigned long long)height);
        return;
    }
    pace = qnk_pace_of(&node->setup.params, &pace, view);

    /* A rank waits its delays from when the block was due, or from when it could have been made
     * here: so after a pause not all ranks speak at once. */
    uint64_t due_us = (head->header.time_ms + pace.interval_ms) * 1000;
    uint64_t from_us = due_us > node->build.ready_us ? due_us : node->build.ready_us;

    node->build.view = view;
    node->build.pace = pace;
    node->build.due_us = from_us + (uint64_t)view * pace.backup_ms * 1000;
    qnk_timer_set(node, QNK_TIMER_PRODUCE, node->build.due_us);
}

/* --- kernel transactions of the block --- */

static bool has_share_tx(const struct qnk_node *node, const struct qnk_share *wanted)
{
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        struct qnk_tx tx;
        struct qnk_share share;

        if (node->kernel_txs[i].bytes != NULL &&
            qnk_tx_decode(qnk_buf_span(node->kernel_txs[i].bytes), &tx) == QN_OK &&
            tx.kind == QNK_TX_SHARE && qnk_share_decode(tx.payload, &share) == QN_OK &&
            share.member == wanted->member && share.window == wanted->window &&
            qnk_hash_equal(&share.link, &wanted->link)) {
            return true;
        }
    }
    return false;
}

/* Has transactions signed for the shares that were shown for the window before and that no block
 * has brought yet. */
static void shares_make(struct qnk_node *node)
{
    uint64_t window = window_of(node, node->exec.at->header.height + 1);
    const struct qnk_control *control = node->exec.at->control;

    if (window < 2 || node->shares_window != window - 1) {
        return;
    }
    for (uint32_t i = 0; i < control->members_count; i++) {
        struct qnk_share share = {.window = window - 1, .member = i, .link = node->shares[i]};
        uint8_t payload[QNK_SHARE_SIZE];

        if (qnk_hash_is_zero(&share.link) || has_share_tx(node, &share) ||
            !qnk_transition_share_fits(control, i, share.window, &share.link)) {
            continue;
        }
        qnk_share_encode(&share, payload);
        if (qnk_kernel_make(node, QNK_TX_SHARE, (struct qn_span){payload, sizeof payload})) {
            node->build.signs_left++;
        }
    }
}

/* Tries the pool's kernel transactions one after another on the head's control record, up to the
 * job's limits. Gives the control record after the block and the rows of those that are valid. */
static int32_t prefix_make(struct qnk_node *node, uint32_t member, struct qnk_job *job)
{
    const struct qnk_block *head = node->exec.at;
    uint64_t height = head->header.height + 1;
    struct qnk_transition transition;
    uint32_t primary;
    uint64_t size = 0;
    uint64_t size_max = job->bytes_max < QNK_PREFIX_MAX ? job->bytes_max : QNK_PREFIX_MAX;
    uint32_t count_max =
        job->txs_max < QNK_BLOCK_KERNEL_TXS_MAX ? job->txs_max : QNK_BLOCK_KERNEL_TXS_MAX;
    int32_t status = qnk_schedule_primary(node->schedule, height, &primary);

    if (status == QN_OK) {
        struct qnk_transition_block facts = {
            .height = height,
            .view = node->build.view,
            .primary = primary,
            .producer = member,
        };

        status = qnk_transition_begin(&transition, head->control,
                                      qnk_schedule_set(node->schedule, window_of(node, height)),
                                      &node->setup.params, &facts);
    }
    if (status != QN_OK) {
        return status;
    }
    job->prefix = qnk_buf_new(&node->budget, QNK_PREFIX_MAX);
    for (uint32_t i = 0; job->prefix != NULL && i < QNK_KERNEL_POOL_MAX; i++) {
        const struct qn_buf *bytes = node->kernel_txs[i].bytes;
        struct qnk_tx tx;

        if (bytes == NULL || job->prefix_count == count_max || size + bytes->size > size_max) {
            continue;
        }

        int32_t decoded = qnk_tx_decode(qnk_buf_span(bytes), &tx);

        QN_ASSERT(decoded == QN_OK);
        if (qnk_transition_tx(&transition, &tx) == QN_OK) {
            memcpy(job->prefix->data + size, bytes->data, bytes->size);
            size += bytes->size;
            job->prefix_count++;
        }
    }
    job->prefix_size = size;
    job->offenders_count = transition.offenders_count;
    memcpy(job->offenders, transition.offenders, sizeof job->offenders);
    status = qnk_transition_end(&transition, &node->build.control);
    return status == QN_OK && job->prefix == NULL ? QN_NO_SPACE : status;
}

/* --- building --- */

static void build_end(struct qnk_node *node)
{
    qnk_build_drop(node);
    qnk_exec_look(node);
}

void qnk_build_drop(struct qnk_node *node)
{
    qnk_job_destroy(node->build.job);
    qnk_control_unref(node->build.control);
    node->build.job = NULL;
    node->build.control = NULL;
    node->build.state = QNK_BUILD_NONE;
    node->build.signs_left = 0;
    node->build.ready_us = 0;
}

/* Not at once again: the turn is due, and memory is as short as it was. */
static void build_lack(struct qnk_node *node, struct qnk_job *job)
{
    qnk_job_destroy(job);
    qnk_build_drop(node);
    qnk_exec_lack(node, NULL, "make a block");
}

static void build_run(struct qnk_node *node)
{
    const struct qnk_block *head = node->exec.at;
    uint64_t height = head->header.height + 1;
    uint32_t lag = (uint32_t)next_lag(node);
    uint32_t member = own_member(node, height);
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_BUILD, QNK_PURPOSE_BUILD);
    uint64_t least_ms = head->header.time_ms + node->build.pace.interval_ms +
                        (uint64_t)node->build.view * node->build.pace.backup_ms;
    uint64_t now_ms = node->now_us / 1000;
    bool may_hold_all =
        job != NULL && qnk_block_limits(node, height, lag, &job->txs_max, &job->bytes_max);

    int32_t status = job == NULL                ? QN_NO_SPACE
                     : member == QNK_SET_NOBODY ? QN_NOT_FOUND
                                                : prefix_make(node, member, job);

    if (status == QN_NO_SPACE) {
        build_lack(node, job);
        return;
    }
    if (status != QN_OK) {
        qnk_job_destroy(job);
        build_end(node);
        return;
    }
    if (!may_hold_all) {
        job->txs_max = job->prefix_count;
    }
    if (!qnk_mempool_pick(node->mempool, job->txs_max - job->prefix_count,
                          job->bytes_max - (uint32_t)job->prefix_size, job)) {
        build_lack(node, job);
        return;
    }

    uint32_t waiting = qnk_mempool_stats(node->mempool).ready;

    node->build.header = (struct qnk_micro){
        .version = QNK_MICRO_VERSION,
        .view = (uint16_t)node->build.view,
        .producer = member,
        .height = height,
        .time_ms = now_ms > least_ms ? now_ms : least_ms,
        .parent = head->id,
        .backlog = waiting < QNK_BACKLOG_MAX ? waiting : QNK_BACKLOG_MAX,
        .class = node->build.pace.class,
        .flags = (uint8_t)lag,
    };
    job->height = height;
    job->window = window_of(node, height);
    job->time_ms = node->build.header.time_ms;
    job->producer = node->setup.validator;
    node->build.state = QNK_BUILD_RUN;
    node->exec.state = QNK_EXEC_BUILD;
    node->exec.started_us = node->now_us;
    qnk_job_start(node, job);
}

void qnk_produce_due(struct qnk_node *node)
{
    qnk_produce_look(node); /* the head may have moved, and with it everything */
    if (node->build.ready_us == 0 || !may_build(node) || node->now_us < node->build.due_us) {
        return;
    }
    qnk_timer_cancel(node, QNK_TIMER_PRODUCE);
    node->build.state = QNK_BUILD_KERNEL;
    shares_make(node);
    if (node->build.signs_left == 0) {
        build_run(node);
    }
}

void qnk_build_tx_signed(struct qnk_node *node)
{
    if (node->build.state != QNK_BUILD_KERNEL || node->build.signs_left == 0) {
        return;
    }
    if (--node->build.signs_left > 0) {
        return;
    }
    /* The head may have moved meanwhile. */
    if (node->exec.state == QNK_EXEC_IDLE && qnk_exec_is_settled(node) &&
        qnk_hash_equal(&node->exec.at->id, &node->build.parent_id)) {
        build_run(node);
    } else {
        build_end(node);
    }
}

static void refused_drop(struct qnk_node *node, const struct qnk_job *job)
{
    for (uint32_t i = 0; i < job->refs_count; i++) {
        if (job->codes[i] != QNK_TX_OK) {
            qnk_mempool_refused(node->mempool, &job->refs[i].id, job->codes[i]);
        }
    }
}

void qnk_build_back(struct qnk_node *node)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_UNDO, QNK_PURPOSE_EXEC);

    node->build.state = QNK_BUILD_BACK;
    if (job == NULL) {
        qnk_exec_lack(node, NULL, "take a block back");
        return;
    }
    node->exec.state = QNK_EXEC_UNDO;
    job->buf = qnk_buf_ref(node->build.job->undo);
    qnk_job_start(node, job);
}

void qnk_build_undone(struct qnk_node *node)
{
    build_end(node);
}

static void sign_block(struct qnk_node *node)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];
    struct qn_buf *records = NULL;
    uint64_t final_height = qnk_tree_root(node->tree)->header.height;
    struct qnk_sign *sign = qnk_sign_new(node);
    int32_t status =
        sign == NULL ? QN_NO_SPACE
                     : qnk_guard_block(node->guard, &node->build.header, final_height, &records);

    if (status == QN_OK) {
        sign->body = qnk_buf_ref(node->build.job->rows);
        qnk_micro_encode(&node->build.header, sign->header);
        qnk_micro_message(&node->build.header, &node->setup.params.chain_id, message);
        qnk_sign_start(node, sign, QNK_SIGN_BLOCK, NULL, records, message, sizeof message);
        node->build.state = QNK_BUILD_SIGN;
        node->build.is_full_said = false;
        return;
    }
    qnk_sign_destroy(sign);
    if (status == QN_NO_SPACE && !node->build.is_full_said) {
        node->build.is_full_said = true;
        qnk_note(node, QNK_LOG_WARN, "sign-full",
                 "block %llu is not signed: the sign guard holds %d blocks above the last final "
                 "one, or there is no memory; it goes on when a window is final",
                 (unsigned long long)node->build.header.height, QNK_GUARD_DUTIES_MAX);
    }
    if (status == QN_EXISTS) {
        /* After a restart: the block that was signed then may still come back from a peer. */
        node->counters.sign_refused[QNK_GUARD_G1]++;
        node->build.spent = node->build.header.parent;
        qnk_note(node, QNK_LOG_WARN, "sign-refused", "G1: another block %llu was signed before",
                 (unsigned long long)node->build.header.height);
    }
    qnk_build_back(node);
}

/* Nothing came of it, and the ledger is where it was. */
static void build_failed(struct qnk_node *node, int32_t status)
{
    node->exec.state = status == QN_NO_SPACE ? QNK_EXEC_IDLE : QNK_EXEC_STUCK;
    if (status == QN_NO_SPACE) {
        qnk_exec_lack_say(node, BUILDING);
    } else {
        qnk_note(node, QNK_LOG_ERROR, "build-failed",
                 "the ledger cannot build a block (status %d): this node follows no further",
                 status);
    }
    qnk_build_drop(node);
}

void qnk_build_done(struct qnk_node *node, struct qnk_job *job)
{
    QN_ASSERT(node->build.state == QNK_BUILD_RUN);
    if (job->status == QN_NO_SPACE && job->has_acted) {
        qnk_exec_lack(node, job, BUILDING);
        return;
    }
    if (job->status != QN_OK) {
        build_failed(node, job->status);
        qnk_job_destroy(job);
        return;
    }
    node->build.job = job;
    node->build.header.tx_root = job->root;
    node->build.header.effects = job->effects;
    node->build.header.tx_count = job->included;
    node->build.header.body_size = (uint32_t)job->rows->size;
    refused_drop(node, job);
    sign_block(node);
}

void qnk_block_signed(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_block *block;

    if (node->build.state != QNK_BUILD_SIGN) {
        return;
    }
    if (event->sign.status != QN_OK) {
        qnk_build_back(node);
        return;
    }
    memcpy(node->build.header.signature, event->sign.signature, QN_SIG_SIZE);
    block = qnk_block_add_own(node, &node->build.header, node->exec.at, node->build.job);
    if (block == NULL) {
        qnk_build_back(node);
        return;
    }
    node->counters.blocks_made++;
    node->counters.txs_included += block->header.tx_count;
    block->control = node->build.control;
    block->stored = true;
    block->place = event->sign.place;
    node->build.control = NULL;
    qnk_build_drop(node);
    qnk_block_announce(node, block, true, 0);
    qnk_exec_joined_own(node, block);
}
