/* SPDX-License-Identifier: MIT */

/* chain.c: how a block comes into the tree: header, then body (fetch.c), then signatures. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum {
    KEEP_CHUNK = 1024,  /* transactions whose signatures one job checks */
    HEADERS_FIRST = 64, /* headers of a message whose signatures are checked at first */
    HEADERS_MORE = 256, /* and at once, when those were good */
    SHOWING_MAX = 8,    /* messages of headers of one peer that are looked at; others are dropped */
};

static uint64_t now_ms(const struct qnk_node *node)
{
    return node->now_us / 1000;
}

/* --- what a header must be --- */

uint64_t qnk_header_final(const struct qnk_node *node, const struct qnk_micro *header)
{
    uint64_t window = qnk_window_of(header->height, node->setup.params.window);
    uint64_t lag = header->flags & QNK_MICRO_LAG_MASK;

    return window > lag ? window - 1 - lag : 0;
}

bool qnk_block_limits(const struct qnk_node *node, uint64_t height, uint32_t lag, uint32_t *txs,
                      uint32_t *bytes)
{
    const struct qnk_params *params = &node->setup.params;
    uint64_t place = (height - 1) % params->window; /* in its window, from 0 */
    uint32_t part = lag >= 2 ? 4 : 1;

    *txs = params->block_txs / part;
    *bytes = params->block_bytes / part;
    return lag < 2 || place < params->window / 2;
}

/* Headers below `block` that pace looks at, newest first. */
static uint32_t recent_headers(const struct qnk_node *node, const struct qnk_block *block,
                               const struct qnk_micro *recent[QNK_SCHEDULE_RECENT])
{
    const struct qnk_block *root = qnk_tree_root(node->tree);
    uint32_t count = 0;

    for (; count < QNK_SCHEDULE_RECENT && block != NULL && block != root; block = block->parent) {
        recent[count++] = &block->header;
    }
    for (uint64_t i = 0; count < QNK_SCHEDULE_RECENT && i < node->recent_count; i++) {
        recent[count++] = &node->recent[(node->recent_last - i) % QNK_SCHEDULE_RECENT];
    }
    return count;
}

void qnk_recent_add(struct qnk_node *node, const struct qnk_micro *header)
{
    node->recent[header->height % QNK_SCHEDULE_RECENT] = *header;
    node->recent_last = header->height;
    if (node->recent_count < QNK_SCHEDULE_RECENT) {
        node->recent_count++;
    }
}

int32_t qnk_pace_after(struct qnk_node *node, const struct qnk_block *parent, struct qnk_pace *pace)
{
    const struct qnk_micro *recent[QNK_SCHEDULE_RECENT];
    uint32_t count = recent_headers(node, parent, recent);

    return qnk_schedule_pace(node->schedule, parent->header.height + 1, recent, count, pace);
}

/* When a block was due on its parent. */
struct turn {
    uint64_t due_ms;
    uint32_t patience_ms; /* after which it is late */
    uint32_t ahead_ms;    /* how far in the future its time may lie to be looked at now */
};

/* A backup's block before its time must not come before the primary's in time: half of the delay
 * between them is left to the primary. */
static uint32_t ahead_of(const struct qnk_pace *pace, uint16_t view)
{
    uint32_t half_ms = pace->backup_ms / 2;

    return view > 0 && half_ms < QNK_CLOCK_AHEAD_MS ? half_ms : QNK_CLOCK_AHEAD_MS;
}

/* What is wrong with a header whose parent is in the tree and whose windows are known; NULL:
 * nothing. */
static const char *header_fault(struct qnk_node *node, const struct qnk_micro *header,
                                const struct qnk_block *parent, struct turn *turn)
{
    uint32_t lag = header->flags & QNK_MICRO_LAG_MASK;
    uint32_t txs;
    uint32_t bytes;
    uint32_t producer;
    struct qnk_pace pace = {0};

    if (header->height != parent->header.height + 1) {
        return "height";
    }
    if (lag > 2 || lag >= qnk_window_of(header->height, node->setup.params.window) ||
        qnk_header_final(node, header) < qnk_header_final(node, &parent->header)) {
        return "lag";
    }
    (void)qnk_block_limits(node, header->height, lag, &txs, &bytes);
    if (header->tx_count > txs || header->body_size > bytes ||
        (uint64_t)header->tx_count * QNK_TX_SIZE_MIN > header->body_size) {
        return "limits";
    }
    if (header->backlog > QNK_BACKLOG_MAX) {
        return "backlog";
    }
    if (qnk_schedule_turn(node->schedule, header->height, header->view, &producer) != QN_OK ||
        producer != header->producer) {
        return "schedule";
    }
    if (header->view < QNK_SCHEDULE_VIEWS && qnk_pace_after(node, parent, &pace) != QN_OK) {
        return "pace";
    }
    pace = qnk_pace_of(&node->setup.params, &pace, header->view);
    if (header->class != pace.class) {
        return "class";
    }
    *turn = (struct turn){
        .due_ms =
            parent->header.time_ms + pace.interval_ms + (uint64_t)header->view * pace.backup_ms,
        .patience_ms = pace.interval_ms + pace.backup_ms,
        .ahead_ms = ahead_of(&pace, header->view),
    };
    return header->time_ms < turn->due_ms ? "time" : NULL;
}

/* --- the waiting room --- */

/* When a block of this time may be looked at; of a time that no clock will show, at the very end,
 * for what a header says is not bounded. */
static uint64_t room_due_us(uint64_t time_ms, uint32_t ahead_ms)
{
    uint64_t at_ms = time_ms - ahead_ms;

    return at_ms < UINT64_MAX / 1000 ? at_ms * 1000 : UINT64_MAX - 1;
}

static void room_add(struct qnk_node *node, uint32_t peer, const struct qnk_micro *header,
                     const struct qnk_hash *id, uint64_t at_us)
{
    struct qnk_waiting *place = &node->room[0];

    for (uint32_t i = 0; i < QNK_ROOM_MAX; i++) {
        if (node->room[i].at_us != 0 && qnk_hash_equal(&node->room[i].id, id)) {
            return;
        }
    }
    /* A free place, or that of the lowest block: it is the first to be fetched again. */
    for (uint32_t i = 0; i < QNK_ROOM_MAX && place->at_us != 0; i++) {
        if (node->room[i].at_us == 0 || node->room[i].header.height < place->header.height) {
            place = &node->room[i];
        }
    }
    *place = (struct qnk_waiting){.header = *header, .id = *id, .peer = peer, .at_us = at_us};
    if (at_us != UINT64_MAX) {
        qnk_timer_set(node, QNK_TIMER_ROOM, at_us);
    }
}

static void header_offer(struct qnk_node *node, uint32_t peer, const struct qnk_micro *header,
                         const struct qnk_hash *id);

/* Whether nothing can be said of a block yet: a window that it builds on is not final here, or its
 * window's producer is still on its way. */
static bool room_is_early(const struct qnk_node *node, const struct qnk_micro *header)
{
    return qnk_header_final(node, header) > node->final_window ||
           qnk_schedule_is_held(node->schedule,
                                qnk_window_of(header->height, node->setup.params.window));
}

/* Takes the lowest block out of the room that may be looked at again; height 0: none. */
static struct qnk_waiting room_take(struct qnk_node *node)
{
    struct qnk_waiting *found = NULL;
    struct qnk_waiting taken = {0};

    for (uint32_t i = 0; i < QNK_ROOM_MAX; i++) {
        struct qnk_waiting *place = &node->room[i];
        bool is_due =
            place->at_us != 0 && (place->at_us == UINT64_MAX ? !room_is_early(node, &place->header)
                                                             : place->at_us <= node->now_us);

        if (is_due && (found == NULL || place->header.height < found->header.height)) {
            found = place;
        }
    }
    if (found != NULL) {
        taken = *found;
        *found = (struct qnk_waiting){0};
    }
    return taken;
}

void qnk_room_look(struct qnk_node *node)
{
    uint64_t next_us = UINT64_MAX;

    for (struct qnk_waiting at = room_take(node); at.header.height != 0; at = room_take(node)) {
        header_offer(node, at.peer, &at.header, &at.id);
    }
    for (uint32_t i = 0; i < QNK_ROOM_MAX; i++) {
        if (node->room[i].at_us != 0 && node->room[i].at_us < next_us) {
            next_us = node->room[i].at_us;
        }
    }
    if (next_us != UINT64_MAX) {
        qnk_timer_set(node, QNK_TIMER_ROOM, next_us);
    }
    qnk_exec_look(node);
}

/* --- headers --- */

/* Whether it is known that this member made more than one block on `parent`. */
static bool has_twins(const struct qnk_block *parent, uint32_t producer)
{
    const struct qnk_block *at = parent->child;

    while (at != NULL && !(at->twin && at->header.producer == producer)) {
        at = at->sibling;
    }
    return at != NULL;
}

static void header_add(struct qnk_node *node, uint32_t peer, struct qnk_block *parent,
                       const struct qnk_micro *header, const struct qnk_hash *id)
{
    struct turn turn = {0};
    const char *fault = header_fault(node, header, parent, &turn);

    if (fault != NULL) {
        node->counters.blocks_refused++;
        qnk_note(node, QNK_LOG_WARN, "block-refused", "block %llu of member %u: wrong %s",
                 (unsigned long long)header->height, header->producer, fault);
        qnk_peer_fault(node, peer, QNK_FAULT_BAD_BLOCK);
        return;
    }
    if (header->time_ms > now_ms(node) + turn.ahead_ms) {
        room_add(node, peer, header, id, room_due_us(header->time_ms, turn.ahead_ms));
        return;
    }

    bool was_told = has_twins(parent, header->producer);
    struct qnk_block *block = qnk_tree_add(node->tree, parent, header, id);

    if (block == NULL) {
        qnk_note(node, QNK_LOG_WARN, "tree-full", "no room for block %llu",
                 (unsigned long long)header->height);
        return;
    }
    block->due_ms = turn.due_ms;
    block->late = now_ms(node) > turn.due_ms + turn.patience_ms;
    block->arrival_us = node->now_us;

    const struct qnk_block *twin = qnk_tree_twin(block);

    if (twin != NULL && !was_told) {
        node->counters.doubles_seen++;
        qnk_evidence_blocks(node, &twin->header, header);
    }
    if (block->state != QNK_BLOCK_BAD) {
        qnk_body_begin(node, block);
    }
}

/* An own block of before a restart has its signature again. */
static void signature_put(struct qnk_node *node, struct qnk_block *block, const uint8_t *signature)
{
    memcpy(block->header.signature, signature, QN_SIG_SIZE);
    block->is_unsigned = false;
    if (block->state != QNK_BLOCK_BAD) {
        qnk_body_whole(node, block);
    }
}

/* A header whose signature is good. */
static void header_offer(struct qnk_node *node, uint32_t peer, const struct qnk_micro *header,
                         const struct qnk_hash *id)
{
    struct qnk_block *parent = qnk_tree_find(node->tree, &header->parent);

    struct qnk_block *known = qnk_tree_find(node->tree, id);

    if (known != NULL && known->is_unsigned) {
        signature_put(node, known, header->signature);
        return;
    }
    if (known != NULL || qnk_tree_is_bad(node->tree, id) ||
        header->height <= qnk_tree_root(node->tree)->header.height) {
        return;
    }
    if (room_is_early(node, header)) {
        room_add(node, peer, header, id, UINT64_MAX);
        qnk_sync_look(node);
        return;
    }
    if (parent == NULL) {
        if (qnk_tree_is_bad(node->tree, &header->parent)) {
            qnk_peer_fault(node, peer, QNK_FAULT_BAD_BLOCK);
        } else {
            qnk_chain_fetch(node, peer, id);
        }
        return;
    }
    header_add(node, peer, parent, header, id);
}

/* Whether a header is worth checking its signature; its set must be known. */
static bool header_is_wanted(struct qnk_node *node, const struct qnk_micro *header,
                             const struct qnk_hash *id)
{
    uint64_t window = qnk_window_of(header->height, node->setup.params.window);
    const struct qnk_set *set = qnk_schedule_set(node->schedule, window);
    const struct qnk_block *known = qnk_tree_find(node->tree, id);

    return node->setup.type != QNK_NODE_LIGHT && set != NULL && header->producer < set->count &&
           !qnk_schedule_is_held(node->schedule, window) &&
           header->height > qnk_tree_root(node->tree)->header.height &&
           (known == NULL || known->is_unsigned) && !qnk_tree_is_bad(node->tree, id);
}

static void header_sig(struct qnk_node *node, struct qnk_job *job, uint32_t i,
                       const struct qnk_micro *header)
{
    uint64_t window = qnk_window_of(header->height, node->setup.params.window);
    const struct qnk_set *set = qnk_schedule_set(node->schedule, window);
    struct qnk_sig_item *item = &job->sigs[i];

    item->key = set->members[header->producer].key;
    memcpy(item->signature, header->signature, QN_SIG_SIZE);
    item->offset = i * QNK_MICRO_MESSAGE_SIZE;
    item->size = QNK_MICRO_MESSAGE_SIZE;
    qnk_micro_message(header, &node->setup.params.chain_id, job->messages->data + item->offset);
}

/* Has the signatures of the next headers of a message that are wanted checked, from `at` on. What
 * is behind them waits for that: whoever forged one of them has no more of it looked at. */
static void headers_go(struct qnk_node *node, struct qnk_peer *peer, struct qn_buf *all,
                       uint64_t at)
{
    uint64_t left = (all->size - at) / QNK_MICRO_SIZE;
    uint64_t most = at == 0 ? HEADERS_FIRST : HEADERS_MORE;
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_HEADERS);
    uint32_t count = 0;

    most = left < most ? left : most;
    if (job == NULL || !qnk_job_sigs(job, (uint32_t)most, most * QNK_MICRO_MESSAGE_SIZE) ||
        (job->buf = qnk_buf_new(&node->budget, most * QNK_MICRO_SIZE)) == NULL) {
        qnk_job_destroy(job);
        return;
    }
    for (; at < all->size && count < most; at += QNK_MICRO_SIZE) {
        struct qnk_micro header;
        struct qnk_hash id;

        if (qnk_micro_decode((struct qn_span){all->data + at, QNK_MICRO_SIZE}, &header) != QN_OK) {
            qnk_peer_fault(node, peer->id, QNK_FAULT_MALFORMED);
            at = all->size;
            break;
        }
        qnk_micro_id(&header, &id);
        if (header_is_wanted(node, &header, &id)) {
            memcpy(job->buf->data + (uint64_t)count * QNK_MICRO_SIZE, all->data + at,
                   QNK_MICRO_SIZE);
            header_sig(node, job, count++, &header);
        }
    }
    if (count == 0) {
        qnk_job_destroy(job);
        return;
    }
    qnk_job_sigs_cut(job, count);
    job->peer = peer->id;
    job->context = qnk_buf_ref(all);
    job->token = at;
    peer->showing++;
    qnk_job_start(node, job);
}

void qnk_headers_take(struct qnk_node *node, uint32_t id, struct qn_span body)
{
    struct qnk_peer *peer = qnk_peer_find(node, id);
    struct qnk_headers headers;
    struct qn_buf *all;

    if (qnk_headers_decode(body, &headers) != QN_OK) {
        qnk_peer_fault(node, id, QNK_FAULT_MALFORMED);
        return;
    }
    /* An honest peer's next status tells of what this leaves out. */
    if (peer == NULL || headers.count == 0 || peer->showing >= SHOWING_MAX) {
        return;
    }
    all = qnk_buf_copy(&node->budget,
                       (struct qn_span){headers.headers, (uint64_t)headers.count * QNK_MICRO_SIZE});
    if (all != NULL) {
        headers_go(node, peer, all, 0);
        qnk_buf_unref(all);
    }
}

void qnk_headers_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_peer *peer = qnk_peer_find(node, job->peer);
    bool is_good = job->status == QN_OK;

    for (uint32_t i = 0; job->status == QN_OK && i < job->sigs_count; i++) {
        struct qnk_micro header;
        struct qnk_hash id;
        struct qn_span bytes = {job->buf->data + (uint64_t)i * QNK_MICRO_SIZE, QNK_MICRO_SIZE};
        int32_t status = qnk_micro_decode(bytes, &header);

        QN_ASSERT(status == QN_OK);
        if (!qnk_bit(job->bitmap, i)) {
            qnk_peer_fault(node, job->peer, QNK_FAULT_BAD_SIGNATURE);
            is_good = false;
            continue;
        }
        qnk_micro_id(&header, &id);
        if (node->setup.has_validator && !qnk_guard_knows_block(node->guard, &header) &&
            qnk_hash_equal(&job->sigs[i].key, &node->setup.validator)) {
            qnk_key_abused(node, qnk_window_of(header.height, node->setup.params.window));
        }
        header_offer(node, job->peer, &header, &id);
    }
    if (peer != NULL) {
        peer->showing--;
    }
    if (peer != NULL && is_good && job->token < job->context->size) {
        headers_go(node, peer, job->context, job->token);
    }
    qnk_fetch_look(node);
    qnk_exec_look(node);
}

/* --- bodies --- */

static void block_ready(struct qnk_node *node, struct qnk_block *block)
{
    block->state = QNK_BLOCK_READY;
    block->working = false;
    block->held_us = node->now_us;
    qnk_exec_look(node);
}

void qnk_block_bad(struct qnk_node *node, struct qnk_block *block, const char *why)
{
    node->counters.blocks_refused++;
    qnk_note(node, QNK_LOG_WARN, "block-refused", "block %llu of member %u: %s",
             (unsigned long long)block->header.height, block->header.producer, why);
    qnk_tree_bad(node->tree, block);
    qnk_checks_look(node);
}

static void block_refuse(struct qnk_node *node, struct qnk_block *block, const char *why)
{
    block->working = false;
    qnk_block_bad(node, block, why);
    qnk_exec_look(node);
}

/* Keeps the ids of the block's transactions. */
static bool ids_keep(struct qnk_node *node, struct qnk_block *block, const struct qnk_job *job)
{
    block->ids = qnk_buf_new(&node->budget, (uint64_t)job->refs_count * QN_HASH_SIZE);
    for (uint32_t i = 0; block->ids != NULL && i < job->refs_count; i++) {
        memcpy(block->ids->data + (uint64_t)i * QN_HASH_SIZE, job->refs[i].id.bytes, QN_HASH_SIZE);
    }
    return block->ids != NULL;
}

/* Starts a job for the signatures of a block's kernel transactions. QN_INVALID: one is of nobody
 * known. */
static int32_t kernel_sigs_start(struct qnk_node *node, struct qnk_block *block,
                                 const struct qnk_job *read, uint32_t kernel_txs)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_BLOCK_SIGS);
    uint64_t messages = (uint64_t)kernel_txs * (QNK_TX_MESSAGE_MAX + 2 * QNK_VOTE_MESSAGE_SIZE);
    uint32_t at = 0;
    uint32_t message_at = 0;

    if (job == NULL || !qnk_job_sigs(job, kernel_txs * QNK_KERNEL_SIGS_MAX, messages)) {
        qnk_job_destroy(job);
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < read->refs_count; i++) {
        struct qn_span bytes = {read->refs[i].buf->data + read->refs[i].offset, read->refs[i].size};
        struct qnk_tx tx;

        if (!read->refs[i].is_kernel) {
            continue;
        }

        int32_t status = qnk_tx_decode(bytes, &tx);

        QN_ASSERT(status == QN_OK);
        if (!qnk_kernel_sigs(node, job, &tx, &at, &message_at)) {
            qnk_job_destroy(job);
            return QN_INVALID;
        }
    }
    qnk_job_sigs_cut(job, at);
    job->subject = block->id;
    block->checks_left++;
    qnk_job_start(node, job);
    return QN_OK;
}

/* Starts jobs for the signatures that were not found good before. False: no memory. */
static bool keep_start(struct qnk_node *node, struct qnk_block *block, const struct qnk_job *read)
{
    struct qnk_job *job = NULL;

    for (uint32_t i = 0; i < read->refs_count; i++) {
        const struct qnk_tx_ref *ref = &read->refs[i];

        if (ref->is_kernel || qnk_seen_has(node->verified, &ref->id)) {
            continue;
        }
        if (job == NULL) {
            job = qnk_job_new(node, QNK_JOB_KEEP, QNK_PURPOSE_KEEP);
            if (job == NULL || !qnk_job_refs(job, KEEP_CHUNK)) {
                qnk_job_destroy(job);
                return false;
            }
            job->refs_count = 0;
            job->chain_id = node->setup.params.chain_id;
            job->subject = block->id;
        }
        job->refs[job->refs_count++] = *ref;
        (void)qnk_buf_ref(ref->buf);
        if (job->refs_count == KEEP_CHUNK) {
            block->checks_left++;
            qnk_job_start(node, job);
            job = NULL;
        }
    }
    if (job != NULL) {
        block->checks_left++;
        qnk_job_start(node, job);
    }
    return true;
}

static int32_t checks_start(struct qnk_node *node, struct qnk_block *block,
                            const struct qnk_job *read, uint32_t kernel_txs)
{
    int32_t status = kernel_txs == 0 ? QN_OK : kernel_sigs_start(node, block, read, kernel_txs);

    if (status != QN_OK) {
        return status;
    }
    return keep_start(node, block, read) ? QN_OK : QN_NO_SPACE;
}

static uint32_t count_kernel(const struct qnk_job *read)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < read->refs_count; i++) {
        count += read->refs[i].is_kernel;
    }
    return count;
}

void qnk_body_read(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_block *block = qnk_tree_find(node->tree, &job->subject);
    uint32_t txs;
    uint32_t bytes;

    if (block == NULL || block->state != QNK_BLOCK_HEADER) {
        return; /* it was pruned, or is bad by now */
    }
    block->working = false;
    if (job->status == QN_NO_SPACE) {
        qnk_body_drop(node, block);
        return;
    }
    /* Bytes that do not hash to the header's root are the peer's fault, not the block's. */
    if (job->status != QN_OK || !qnk_hash_equal(&job->root, &block->header.tx_root)) {
        qnk_peer_fault(node, block->body_peer, QNK_FAULT_BAD_BLOCK);
        qnk_body_drop(node, block);
        return;
    }

    uint32_t kernel_txs = count_kernel(job);
    bool may_hold_all = qnk_block_limits(node, block->header.height,
                                         block->header.flags & QNK_MICRO_LAG_MASK, &txs, &bytes);

    if (kernel_txs > QNK_BLOCK_KERNEL_TXS_MAX || (!may_hold_all && kernel_txs < job->refs_count)) {
        block_refuse(node, block, "transactions that may not be in it");
        return;
    }
    if (!ids_keep(node, block, job)) {
        qnk_body_drop(node, block);
        return;
    }
    block->working = true;
    block->checks_left = 1; /* this one */

    int32_t status = block->was_verified ? QN_OK : checks_start(node, block, job, kernel_txs);

    if (status == QN_INVALID) {
        block_refuse(node, block, "a kernel transaction of nobody known");
    } else if (status != QN_OK) {
        block->working = false;
        qnk_body_drop(node, block);
    } else if (--block->checks_left == 0) {
        block_ready(node, block);
    }
}

static bool all_good(const struct qnk_node *node, const struct qnk_job *job)
{
    bool is_good = true;

    for (uint32_t i = 0; job->kind == QNK_JOB_SIGS && i < job->sigs_count; i++) {
        is_good = is_good && qnk_bit(job->bitmap, i);
    }
    for (uint32_t i = 0; job->kind == QNK_JOB_KEEP && i < job->refs_count; i++) {
        bool is_one = job->verdicts[i].code == QNK_TX_OK;

        if (is_one) {
            (void)qnk_seen_add(node->verified, &job->refs[i].id);
        }
        is_good = is_good && is_one;
    }
    return is_good;
}

void qnk_body_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_block *block = qnk_tree_find(node->tree, &job->subject);

    if (block == NULL || block->state != QNK_BLOCK_HEADER || !block->working) {
        return;
    }
    if (job->status != QN_OK) {
        block->working = false;
        qnk_body_drop(node, block);
        return;
    }
    if (!all_good(node, job)) {
        block_refuse(node, block, "a signature in it is not good");
        return;
    }
    if (--block->checks_left == 0) {
        block_ready(node, block);
    }
}

/* --- own and stored blocks --- */

struct qnk_block *qnk_block_add_own(struct qnk_node *node, const struct qnk_micro *header,
                                    struct qnk_block *parent, struct qnk_job *job)
{
    struct qnk_hash id;

    qnk_micro_id(header, &id);

    /* A machine with the same key may have made and told the same one meanwhile. */
    struct qnk_block *block = qnk_tree_find(node->tree, &id) != NULL
                                  ? NULL
                                  : qnk_tree_add(node->tree, parent, header, &id);

    if (block == NULL) {
        return NULL;
    }
    block->state = QNK_BLOCK_READY;
    block->own = true;
    block->executed = true;
    block->arrival_us = block->held_us = node->now_us;
    block->body = qnk_buf_ref(job->rows);
    block->undo = qnk_buf_ref(job->undo);
    block->tx_total = parent->tx_total + header->tx_count;
    block->ids = qnk_buf_ref(job->ids);
    return block;
}

void qnk_chain_done(struct qnk_node *node)
{
    qnk_fetch_done(node);
    for (uint32_t i = 0; i < node->shelf_count; i++) {
        qnk_buf_unref(node->shelf[i].body);
    }
    qnk_memory_give(&node->budget, node->shelf, node->shelf_room * sizeof *node->shelf);
}

/* As many blocks as the tree takes. What is not kept is asked of peers. */
static void shelf_add(struct qnk_node *node, const struct qnk_shelved *it)
{
    if (node->shelf == NULL) {
        uint32_t room = QNK_TREE_BRANCHES * QNK_TREE_WINDOWS * node->setup.params.window;

        node->shelf = qnk_memory_take(&node->budget, room * sizeof *node->shelf);
        node->shelf_room = node->shelf == NULL ? 0 : room;
    }
    if (node->shelf_count < node->shelf_room) {
        struct qnk_shelved *place = &node->shelf[node->shelf_count++];

        *place = *it;
        (void)qnk_buf_ref(it->body);
    }
}

void qnk_shelf_look(struct qnk_node *node)
{
    struct qnk_shelved *shelf = node->shelf;
    uint32_t count = node->shelf_count;
    uint32_t room = node->shelf_room;

    node->shelf = NULL;
    node->shelf_count = node->shelf_room = 0;
    for (uint32_t i = 0; i < count; i++) {
        qnk_block_restore(node, &shelf[i].header, shelf[i].body, shelf[i].place, shelf[i].verified);
        qnk_buf_unref(shelf[i].body);
    }
    qnk_memory_give(&node->budget, shelf, room * sizeof *shelf);
}

void qnk_block_restore(struct qnk_node *node, const struct qnk_micro *header, struct qn_buf *body,
                       uint64_t place, bool verified)
{
    struct qnk_hash id;
    struct turn turn;

    if (qnk_schedule_is_held(node->schedule,
                             qnk_window_of(header->height, node->setup.params.window))) {
        shelf_add(node, &(struct qnk_shelved){*header, body, place, verified});
        return;
    }
    qnk_micro_id(header, &id);

    struct qnk_block *parent = qnk_tree_find(node->tree, &header->parent);

    bool is_unsigned = qnk_micro_is_unsigned(header);

    /* What was stored before something else became final is not needed any more. An own block that
     * the guard does not know was never signed, or with another key. */
    if (parent == NULL || (is_unsigned && !qnk_guard_has_block(node->guard, header)) ||
        qnk_tree_find(node->tree, &id) != NULL ||
        qnk_header_final(node, header) > node->final_window ||
        header_fault(node, header, parent, &turn) != NULL) {
        return;
    }

    struct qnk_block *block = qnk_tree_add(node->tree, parent, header, &id);

    if (block == NULL) {
        return;
    }
    block->due_ms = turn.due_ms;
    block->arrival_us = node->now_us;
    block->stored = true;
    block->announced = true;
    block->place = place;
    block->body = qnk_buf_ref(body);
    block->was_verified = verified;
    block->is_restored = true;
    block->is_unsigned = is_unsigned;
    block->own = is_unsigned;
    node->is_restoring = true;
    if (!is_unsigned) {
        qnk_body_whole(node, block);
    }
}

static bool find_unsigned(void *ctx, struct qnk_block *block)
{
    struct qnk_block **found = ctx;

    *found = block->is_unsigned ? block : NULL;
    return *found == NULL;
}

void qnk_resign_look(struct qnk_node *node)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_block *block = NULL;

    qnk_tree_walk(node->tree, find_unsigned, &block);
    if (block == NULL || node->is_resigning) {
        return;
    }

    struct qnk_sign *sign = qnk_sign_new(node);

    if (sign != NULL) {
        node->is_resigning = true;
        node->resigning = block->id;
        qnk_micro_message(&block->header, &node->setup.params.chain_id, message);
        qnk_sign_start(node, sign, QNK_SIGN_BLOCK_AGAIN, NULL, NULL, message, sizeof message);
    }
}

/* It may be gone, or have got its signature from a peer, meanwhile. */
void qnk_resigned(struct qnk_node *node, int32_t status, const uint8_t *signature)
{
    struct qnk_block *block = qnk_tree_find(node->tree, &node->resigning);

    node->is_resigning = false;
    if (status == QN_OK && block != NULL && block->is_unsigned) {
        signature_put(node, block, signature);
    }
    if (status == QN_OK) {
        qnk_resign_look(node);
    }
}

/* Whether blocks that came back are still being read. */
static bool find_restoring(void *ctx, struct qnk_block *block)
{
    bool *found = ctx;

    *found = block->is_restored && block->state == QNK_BLOCK_HEADER &&
             (block->working || block->is_unsigned);
    return !*found;
}

bool qnk_is_restoring(struct qnk_node *node)
{
    bool found = false;

    if (node->is_restoring) {
        qnk_tree_walk(node->tree, find_restoring, &found);
        node->is_restoring = found;
    }
    return node->is_restoring;
}

void qnk_block_store(struct qnk_node *node, struct qnk_block *block)
{
    struct qnk_effect *effect;

    if (block->stored || block->storing || node->stores_count == QNK_STORES_MAX) {
        return;
    }
    block->storing = true;
    effect = qnk_effects_push(node->out, QNK_EFFECT_STORE_BLOCK);
    effect->block.token = qnk_token(node);
    effect->block.body = qnk_buf_ref(block->body);
    effect->block.verified = true;
    qnk_micro_encode(&block->header, effect->block.header);
    node->stores[node->stores_count].token = effect->block.token;
    node->stores[node->stores_count++].id = block->id;
}

void qnk_block_stored(struct qnk_node *node, uint64_t token, uint64_t place, int32_t status)
{
    for (uint32_t i = 0; i < node->stores_count; i++) {
        if (node->stores[i].token != token) {
            continue;
        }

        struct qnk_block *block = qnk_tree_find(node->tree, &node->stores[i].id);

        node->stores[i] = node->stores[--node->stores_count];
        if (status != QN_OK) {
            /* The host knows its disk and says more; nothing goes on that is not durable. */
            node->is_on_hold = true;
            qnk_note(node, QNK_LOG_ERROR, "block-not-stored", "a block could not be stored: %d",
                     status);
            return;
        }
        if (block == NULL) {
            return;
        }
        block->storing = false;
        block->stored = true;
        block->place = place;
        qnk_block_announce(node, block, block->own, block->body_peer);
        qnk_final_look(node);
        qnk_checks_look(node);
        qnk_candidate_look(node);
        qnk_produce_look(node);
        qnk_peers_tell(node);
        return;
    }
}
