/* SPDX-License-Identifier: MIT */

/* pool.c: a transaction's way from a frame or a client to the mempool and on to peers; and the
 * small pool of the kernel's own transactions. */

#include <qnet/assert.h>

#include "kernel/node/core.h"
#include "kernel/node/swap.h"

enum {
    VERIFY_JOBS = 4,    /* under way at once */
    RECHECK_MAX = 1024, /* waiting transactions asked about a second */
    PUSH_SIZE = 65536,  /* bytes of a frame of transactions */
    PUSH_US = 5000,     /* or what came within this time */
    TELL_US = 300000,   /* by then most are in a block, and need not be announced */
    KERNEL_AGE_US = 600000000,
    KERNEL_BATCH = 16, /* kernel transactions whose signatures are checked at once */
    REJOIN_S = 10,
    CODE_SIZE = QN_HASH_SIZE + 1, /* of a reply: id, code */
};

/* --- batches of clients --- */

static uint32_t batch_take(struct qnk_node *node, uint64_t token, uint32_t count)
{
    for (uint32_t i = 0; i < QNK_BATCHES_MAX; i++) {
        struct qnk_batch *batch = &node->batches[i];

        if (batch->codes == NULL) {
            batch->codes = qnk_buf_new(&node->budget, (uint64_t)count * CODE_SIZE);
            batch->token = token;
            batch->left = count;
            return batch->codes == NULL ? 0 : i + 1;
        }
    }
    return 0;
}

static void reply(struct qnk_node *node, uint64_t token, struct qn_buf *codes)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_REPLY);

    effect->reply.token = token;
    effect->reply.codes = codes;
}

/* Decides one transaction: counted, and said to the client if one waits. */
static void decide(struct qnk_node *node, const struct qnk_tx_ref *ref, uint32_t code)
{
    if (code == QNK_TX_OK) {
        node->counters.txs_accepted++;
    } else {
        node->counters.txs_refused[code]++;
    }
    if (ref->batch == 0) {
        return;
    }

    struct qnk_batch *batch = &node->batches[ref->batch - 1];
    uint8_t *place = batch->codes->data + (uint64_t)ref->position * CODE_SIZE;

    memcpy(place, ref->id.bytes, QN_HASH_SIZE);
    place[QN_HASH_SIZE] = (uint8_t)code;
    if (--batch->left == 0) {
        reply(node, batch->token, batch->codes);
        *batch = (struct qnk_batch){0};
    }
}

/* --- intake --- */

static void intake(struct qnk_node *node, uint32_t peer, uint64_t token, struct qn_buf *body)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_INTAKE, QNK_PURPOSE_INTAKE);

    if (job == NULL) {
        qnk_buf_unref(body);
        if (token != 0) {
            reply(node, token, NULL);
        }
        return;
    }
    job->buf = body;
    job->peer = peer;
    job->token = token;
    qnk_job_start(node, job);
}

/* A light node has no state to judge them by, and no blocks that would take them out again: peers'
 * are not looked at, and of its clients' it passes on what is signed. */
static bool is_light(const struct qnk_node *node)
{
    return node->setup.type == QNK_NODE_LIGHT;
}

void qnk_txs_take(struct qnk_node *node, uint32_t peer, struct qn_buf *body)
{
    if (is_light(node)) {
        qnk_buf_unref(body);
        return;
    }
    intake(node, peer, 0, body);
}

void qnk_txs_submit(struct qnk_node *node, uint64_t token, struct qn_buf *body)
{
    intake(node, 0, token, qnk_buf_ref(body));
}

static struct qn_span bytes_of(const struct qnk_tx_ref *ref)
{
    return (struct qn_span){ref->buf->data + ref->offset, ref->size};
}

/* Whether something can be said of a transaction without looking at its signature. */
static uint32_t prefilter(const struct qnk_node *node, const struct qnk_tx_ref *ref)
{
    uint64_t head = node->exec.at->header.height;
    struct qnk_tx tx;
    int32_t status = qnk_tx_decode(bytes_of(ref), &tx);

    QN_ASSERT(status == QN_OK);
    if (qnk_seen_has(node->pending, &ref->id) ||
        qnk_mempool_find(node->mempool, &ref->id).size > 0) {
        return QNK_TX_KNOWN;
    }
    if (qnk_seen_has(node->rejected, &ref->id)) {
        return QNK_TX_BAD_SIGNATURE;
    }
    if (tx.valid_until <= head || (tx.valid_until > head + QNK_TX_AHEAD_MAX && !ref->is_promised)) {
        return QNK_TX_EXPIRED;
    }
    return node->queue_count < QNK_QUEUE_MAX ? QNK_TX_OK : QNK_TX_FULL;
}

static void verify_flush(struct qnk_node *node);

/* Puts one into the queue for verification; its buf gets a reference. */
static void queue_add(struct qnk_node *node, const struct qnk_tx_ref *ref)
{
    struct qnk_tx_ref *place = &node->queue[node->queue_count++];

    *place = *ref;
    (void)qnk_buf_ref(ref->buf);
    place->is_verified = place->is_verified || qnk_seen_has(node->verified, &ref->id);
    (void)qnk_seen_add(node->pending, &ref->id);
    if (node->queue_count == 1) {
        qnk_timer_set(node, QNK_TIMER_VERIFY, node->now_us + QNK_VERIFY_US);
    }
    if (node->queue_count >= QNK_VERIFY_BATCH) {
        verify_flush(node);
    }
}

/* --- what comes back --- */

/* What was accepted comes back when its block is undone, or at a start: then it is not refused for
 * want of room in the queue, nor for what may be otherwise in other blocks. False: memory lacks. */
static bool later_add(struct qnk_node *node, const struct qnk_tx_ref *ref)
{
    struct qnk_later *last = node->later_last;

    if (last == NULL || last->count == QNK_VERIFY_BATCH) {
        last = qnk_memory_take(&node->budget, sizeof *last);
        if (last == NULL) {
            return false;
        }
        *(node->later == NULL ? &node->later : &node->later_last->next) = last;
        node->later_last = last;
    }
    last->refs[last->count] = *ref;
    (void)qnk_buf_ref(ref->buf);
    last->count++;
    (void)qnk_seen_add(node->pending, &ref->id);
    qnk_timer_set(node, QNK_TIMER_VERIFY, node->now_us + QNK_VERIFY_US);
    return true;
}

static void later_first_give(struct qnk_node *node)
{
    struct qnk_later *first = node->later;

    for (uint32_t i = 0; i < first->count; i++) {
        qnk_buf_unref(first->refs[i].buf);
    }
    node->later = first->next;
    if (node->later == NULL) {
        node->later_last = NULL;
    }
    qnk_memory_give(&node->budget, first, sizeof *first);
}

void qnk_later_drop(struct qnk_node *node)
{
    while (node->later != NULL) {
        later_first_give(node);
    }
}

/* Into the queue, as far as there is room. */
static void later_go(struct qnk_node *node)
{
    while (node->later != NULL && node->queue_count + node->later->count <= QNK_QUEUE_MAX) {
        for (uint32_t i = 0; i < node->later->count; i++) {
            queue_add(node, &node->later->refs[i]);
        }
        later_first_give(node);
    }
}

/* Puts one on its way to verification, or says why not. */
static uint32_t take_in(struct qnk_node *node, const struct qnk_tx_ref *ref)
{
    uint32_t code = prefilter(node, ref);

    if (code == QNK_TX_OK) {
        queue_add(node, ref);
    } else if (code == QNK_TX_FULL && ref->is_promised && later_add(node, ref)) {
        return QNK_TX_OK;
    }
    return code;
}

/* --- what was read --- */

/* Starts a job for the signatures of the kernel transactions among these. */
static void kernel_check(struct qnk_node *node, const struct qnk_job *read);

void qnk_intake_done(struct qnk_node *node, struct qnk_job *job)
{
    uint32_t batch = 0;

    if (job->status != QN_OK) {
        if (job->token != 0) {
            reply(node, job->token, NULL);
        }
        if (job->status == QN_INVALID) {
            qnk_peer_fault(node, job->peer, QNK_FAULT_MALFORMED);
        }
        return;
    }
    if (job->token != 0 && job->refs_count > 0) {
        batch = batch_take(node, job->token, job->refs_count);
    }
    if (job->token != 0 && batch == 0) {
        reply(node, job->token, NULL);
        return;
    }
    node->counters.txs_received += job->refs_count;
    for (uint32_t i = 0; i < job->refs_count; i++) {
        struct qnk_tx_ref *ref = &job->refs[i];

        ref->peer = job->peer;
        ref->batch = batch;
        ref->position = i;
        ref->is_promised = job->peer == 0 && job->token == 0; /* of before the restart */
        if (ref->is_kernel) { /* for a client: taken, checked on its way */
            decide(node, ref, is_light(node) ? QNK_TX_WRONG : QNK_TX_OK);
            continue;
        }

        uint32_t code = take_in(node, ref);

        if (code != QNK_TX_OK) {
            decide(node, ref, code);
        }
    }
    if (!is_light(node)) {
        kernel_check(node, job);
    }
}

/* --- verification --- */

static void verify_flush(struct qnk_node *node)
{
    uint32_t done = 0;

    if (node->queue_count == 0) {
        return;
    }
    while (done < node->queue_count && node->verifying < VERIFY_JOBS) {
        uint32_t left = node->queue_count - done;
        uint32_t count = left < QNK_VERIFY_BATCH ? left : QNK_VERIFY_BATCH;
        struct qnk_job *job = qnk_job_new(node, QNK_JOB_VERIFY, QNK_PURPOSE_VERIFY);

        if (job == NULL || !qnk_job_refs(job, count)) {
            qnk_job_destroy(job);
            break;
        }
        memcpy(job->refs, node->queue + done, count * sizeof *job->refs);
        job->chain_id = node->setup.params.chain_id;
        job->is_stateless = is_light(node);
        job->token = node->counters.undone;
        node->verifying++;
        done += count;
        qnk_job_start(node, job);
    }
    node->queue_count -= done;
    memmove(node->queue, node->queue + done, node->queue_count * sizeof *node->queue);
    if (node->queue_count > 0) {
        qnk_timer_set(node, QNK_TIMER_VERIFY, node->now_us + QNK_VERIFY_US);
    }
}

void qnk_verify_due(struct qnk_node *node)
{
    later_go(node);
    verify_flush(node);
}

static void push_add(struct qnk_node *node, struct qn_span bytes);
static void tell_add(struct qnk_node *node, const struct qnk_hash *id, uint32_t from);

/* Puts a verified transaction into the mempool and on its way to peers. */
static uint32_t admit(struct qnk_node *node, const struct qnk_tx_ref *ref,
                      const struct qnk_tx_verdict *verdict)
{
    struct qnk_tx tx;
    int32_t status = qnk_tx_decode(bytes_of(ref), &tx);

    QN_ASSERT(status == QN_OK);
    (void)qnk_seen_add(node->verified, &ref->id);
    if (is_light(node)) {
        push_add(node, tx.bytes);
        return QNK_TX_OK;
    }

    uint32_t code = (ref->is_promised ? qnk_mempool_take_back : qnk_mempool_add)(
        node->mempool, &tx, &ref->id, verdict, node->now_us);

    if (code == QNK_TX_OK && ref->peer == 0 && ref->batch != 0) {
        push_add(node, tx.bytes);
    } else if (code == QNK_TX_OK && ref->peer != 0) {
        tell_add(node, &ref->id, ref->peer);
    }
    return code;
}

static uint32_t judge(struct qnk_node *node, const struct qnk_tx_ref *ref,
                      const struct qnk_tx_verdict *verdict)
{
    (void)qnk_seen_drop(node->pending, &ref->id);
    if (verdict->code == QNK_TX_OK || verdict->code == QNK_TX_EARLY ||
        (verdict->code == QNK_TX_POOR && ref->is_promised)) {
        return admit(node, ref, verdict);
    }
    if (verdict->code == QNK_TX_BAD_SIGNATURE) {
        (void)qnk_seen_add(node->rejected, &ref->id);
        qnk_peer_fault(node, ref->peer, QNK_FAULT_BAD_SIGNATURE);
    }
    return verdict->code;
}

/* Adds a row to what is written to the mempool's copy. */
static void copy_add(struct qn_buf *rows, uint64_t *size, const struct qnk_tx_ref *ref)
{
    if (rows != NULL) {
        memcpy(rows->data + *size, bytes_of(ref).data, ref->size);
        *size += ref->size;
    }
}

/* Blocks were undone since the ledger was asked: what it said is of a state that is no more, and a
 * transaction that was in one of them, and stale for that alone, would be lost. */
static bool is_outdated(const struct qnk_node *node, const struct qnk_job *job)
{
    return job->token != node->counters.undone;
}

/* Asks again about all of them; whoever waits for an answer goes on waiting. */
static bool verify_again(struct qnk_node *node, const struct qnk_job *job)
{
    if (job->status != QN_OK || node->queue_count + job->refs_count > QNK_QUEUE_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < job->refs_count; i++) {
        queue_add(node, &job->refs[i]);
    }
    return true;
}

void qnk_verify_done(struct qnk_node *node, struct qnk_job *job)
{
    bool is_judged = job->status == QN_OK && !is_outdated(node, job);
    uint64_t bytes = 0;
    uint64_t size = 0;

    node->verifying--;
    if (!is_judged && verify_again(node, job)) {
        qnk_verify_due(node);
        return;
    }
    for (uint32_t i = 0; i < job->refs_count; i++) {
        bytes += job->refs[i].size;
    }

    struct qn_buf *rows = qnk_buf_new(&node->budget, bytes);
    uint8_t *codes = qnk_memory_take(&node->budget, job->refs_count);

    for (uint32_t i = 0; i < job->refs_count; i++) {
        const struct qnk_tx_ref *ref = &job->refs[i];
        uint32_t code = QNK_TX_FULL;

        if (is_judged && rows != NULL && codes != NULL) {
            code = judge(node, ref, &job->verdicts[i]);
        } else if (!ref->is_promised || !later_add(node, ref)) {
            (void)qnk_seen_drop(node->pending, &ref->id);
        }
        if (code == QNK_TX_OK && !is_light(node)) {
            copy_add(rows, &size, ref);
        }
        if (codes != NULL) {
            codes[i] = (uint8_t)code;
        }
    }
    /* The copy comes before the answers: accepted means that a restart brings it back. */
    if (size > 0) {
        struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_STORE_TXS);

        effect->txs.rows = rows;
        effect->txs.size = size;
    } else {
        qnk_buf_unref(rows);
    }
    for (uint32_t i = 0; i < job->refs_count; i++) {
        decide(node, &job->refs[i], codes == NULL ? QNK_TX_FULL : codes[i]);
    }
    if (job->status == QN_OK && codes != NULL) {
        qnk_verify_due(node);
    } else { /* not at once again: memory is as short as it was */
        qnk_timer_set(node, QNK_TIMER_VERIFY, node->now_us + QNK_VERIFY_US);
    }
    qnk_memory_give(&node->budget, codes, job->refs_count);
}

void qnk_recheck_done(struct qnk_node *node, struct qnk_job *job)
{
    if (is_outdated(node, job)) {
        return; /* the next tick asks again */
    }
    for (uint32_t i = 0; job->status == QN_OK && i < job->refs_count; i++) {
        qnk_mempool_refresh(node->mempool, &job->refs[i].id, &job->verdicts[i]);
    }
}

/* --- what blocks say --- */

static void kernel_drop(struct qnk_node *node, const struct qnk_hash *id)
{
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        struct qnk_kernel_tx *place = &node->kernel_txs[i];

        if (place->bytes != NULL && qnk_hash_equal(&place->id, id)) {
            qnk_buf_unref(place->bytes);
            *place = (struct qnk_kernel_tx){0};
        }
    }
}

static struct qnk_hash id_at(const struct qnk_block *block, uint32_t i)
{
    struct qnk_hash id;

    memcpy(id.bytes, block->ids->data + (uint64_t)i * QN_HASH_SIZE, QN_HASH_SIZE);
    return id;
}

void qnk_pool_included(struct qnk_node *node, const struct qnk_block *block)
{
    struct qn_span rows = qnk_buf_span(block->body);

    for (uint32_t i = 0; i < block->header.tx_count; i++) {
        struct qnk_hash id = id_at(block, i);
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&rows, &tx);

        QN_ASSERT(status == QN_OK);
        if (qnk_tx_is_kernel(&tx)) {
            kernel_drop(node, &id);
        } else {
            (void)qnk_seen_add(node->verified, &id);
            qnk_mempool_included(node->mempool, tx.from, tx.nonce);
        }
    }
}

void qnk_pool_undone(struct qnk_node *node, const struct qnk_block *block)
{
    struct qn_span rows = qnk_buf_span(block->body);

    for (uint32_t i = 0; i < block->header.tx_count; i++) {
        struct qnk_tx tx;
        int32_t status = qnk_tx_next(&rows, &tx);

        QN_ASSERT(status == QN_OK);
        if (qnk_tx_is_kernel(&tx)) {
            qnk_kernel_add(node, tx.bytes, QNK_KERNEL_UNDONE);
            continue;
        }

        struct qnk_tx_ref ref = {
            .id = id_at(block, i),
            .buf = block->body,
            .offset = (uint32_t)(tx.bytes.data - block->body->data),
            .size = (uint32_t)tx.bytes.size,
            .is_verified = true,
            .is_promised = true,
        };

        qnk_mempool_undone(node->mempool, tx.from, tx.nonce);
        (void)take_in(node, &ref);
    }
}

/* --- to peers --- */

static void relay_arm(struct qnk_node *node)
{
    uint64_t at_us = UINT64_MAX;

    if (node->push != NULL) {
        at_us = node->push_us;
    }
    if (node->tell_count > 0 && node->tell_us < at_us) {
        at_us = node->tell_us;
    }
    if (at_us != UINT64_MAX) {
        qnk_timer_set(node, QNK_TIMER_RELAY, at_us);
    }
}

static void push_flush(struct qnk_node *node)
{
    struct qn_buf *body = node->push;

    if (body == NULL) {
        return;
    }
    node->push = NULL;
    qn_le32_write(body->data, node->push_count);

    struct qn_slice slice = {.owner = body, .data = body->data, .size = node->push_size};

    for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
        const struct qnk_peer *peer = &node->peers[i];

        if (peer->id != 0 && peer->has_status && peer->status.node_type != QNK_NODE_LIGHT) {
            qnk_send_two(node, peer->id, QNK_WIRE_TXS, 0, NULL, slice);
        }
    }
    qnk_buf_unref(body);
}

static void push_add(struct qnk_node *node, struct qn_span bytes)
{
    if (node->push != NULL && node->push_size + bytes.size > PUSH_SIZE) {
        push_flush(node);
    }
    if (node->push == NULL) {
        node->push = qnk_buf_new(&node->budget, PUSH_SIZE);
        node->push_size = 4;
        node->push_count = 0;
        node->push_us = node->now_us + PUSH_US;
        relay_arm(node);
    }
    if (node->push == NULL) {
        return;
    }
    memcpy(node->push->data + node->push_size, bytes.data, bytes.size);
    node->push_size += (uint32_t)bytes.size;
    node->push_count++;
}

static void tell_add(struct qnk_node *node, const struct qnk_hash *id, uint32_t from)
{
    if (node->tell_count == node->tell_room) {
        return; /* blocks bring them all the same */
    }
    node->tell[node->tell_count] = *id;
    node->tell_from[node->tell_count++] = from;
    if (node->tell_count == 1) {
        node->tell_us = node->now_us + TELL_US;
        relay_arm(node);
    }
}

/* Ids that still wait and did not come from this peer. */
static void tell_peer(struct qnk_node *node, const struct qnk_peer *peer)
{
    struct qn_buf *body = qnk_buf_new(&node->budget, 4 + (uint64_t)QNK_WIRE_IDS_MAX * QN_HASH_SIZE);
    uint32_t count = 0;

    if (body == NULL) {
        return;
    }
    for (uint32_t i = 0; i < node->tell_count && count < QNK_WIRE_IDS_MAX; i++) {
        if (node->tell_from[i] != peer->id &&
            qnk_mempool_find(node->mempool, &node->tell[i]).size > 0) {
            memcpy(body->data + 4 + (uint64_t)count++ * QN_HASH_SIZE, node->tell[i].bytes,
                   QN_HASH_SIZE);
        }
    }
    qn_le32_write(body->data, count);
    if (count > 0) {
        struct qn_slice slice = {
            .owner = body,
            .data = body->data,
            .size = 4 + (uint64_t)count * QN_HASH_SIZE,
        };

        qnk_send_two(node, peer->id, QNK_WIRE_TX_IDS, 0, NULL, slice);
    }
    qnk_buf_unref(body);
}

void qnk_relay_flush(struct qnk_node *node)
{
    if (node->push != NULL && node->now_us >= node->push_us) {
        push_flush(node);
    }
    if (node->tell_count > 0 && node->now_us >= node->tell_us) {
        for (uint32_t i = 0; i < QNK_PEERS_MAX; i++) {
            const struct qnk_peer *peer = &node->peers[i];

            if (peer->id != 0 && peer->has_status && peer->status.node_type != QNK_NODE_LIGHT) {
                tell_peer(node, peer);
            }
        }
        node->tell_count = 0;
    }
    relay_arm(node);
}

void qnk_pool_tell(struct qnk_node *node, uint32_t peer)
{
    uint32_t waiting = qnk_mempool_stats(node->mempool).txs;
    uint32_t count = waiting < QNK_WIRE_IDS_MAX ? waiting : QNK_WIRE_IDS_MAX;
    struct qn_buf *body =
        count == 0 ? NULL : qnk_buf_new(&node->budget, 4 + (uint64_t)count * QN_HASH_SIZE);

    if (body != NULL) {
        qn_le32_write(body->data, qnk_mempool_ids(node->mempool, count, body->data + 4));
        qnk_send(node, peer, QNK_WIRE_TX_IDS, 0, body);
    }
}

void qnk_ids_take(struct qnk_node *node, uint32_t peer, const struct qnk_ids *ids)
{
    struct qn_buf *body =
        is_light(node) ? NULL : qnk_buf_new(&node->budget, 4 + (uint64_t)ids->count * QN_HASH_SIZE);
    uint32_t count = 0;

    for (uint32_t i = 0; body != NULL && i < ids->count; i++) {
        struct qnk_hash id;

        memcpy(id.bytes, ids->ids + (uint64_t)i * QN_HASH_SIZE, QN_HASH_SIZE);
        if (!qnk_seen_has(node->verified, &id) && !qnk_seen_has(node->pending, &id) &&
            !qnk_seen_has(node->rejected, &id) && qnk_seen_add(node->asked, &id)) {
            memcpy(body->data + 4 + (uint64_t)count++ * QN_HASH_SIZE, id.bytes, QN_HASH_SIZE);
        }
    }
    if (count > 0) {
        struct qn_slice slice = {
            .owner = body,
            .data = body->data,
            .size = 4 + (uint64_t)count * QN_HASH_SIZE,
        };

        qn_le32_write(body->data, count);
        qnk_send_two(node, peer, QNK_WIRE_FETCH_TXS, 0, NULL, slice);
    }
    qnk_buf_unref(body);
}

void qnk_txs_serve(struct qnk_node *node, uint32_t peer, const struct qnk_ids *ids)
{
    struct qn_buf *body = NULL;
    uint32_t count = 0;
    uint64_t size = 4;

    for (uint32_t i = 0; i <= ids->count; i++) {
        struct qnk_hash id;
        struct qn_span bytes = {NULL, 0};

        if (i < ids->count) {
            memcpy(id.bytes, ids->ids + (uint64_t)i * QN_HASH_SIZE, QN_HASH_SIZE);
            bytes = qnk_mempool_find(node->mempool, &id);
        }
        if (body != NULL && (i == ids->count || size + bytes.size > PUSH_SIZE)) {
            struct qn_slice slice = {.owner = body, .data = body->data, .size = size};

            qn_le32_write(body->data, count);
            qnk_send_two(node, peer, QNK_WIRE_TXS, 0, NULL, slice);
            qnk_buf_unref(body);
            body = NULL;
        }
        if (bytes.size == 0) {
            continue;
        }
        if (body == NULL) {
            body = qnk_buf_new(&node->budget, PUSH_SIZE);
            count = 0;
            size = 4;
        }
        if (body == NULL) {
            return;
        }
        memcpy(body->data + size, bytes.data, bytes.size);
        size += bytes.size;
        count++;
    }
}

/* --- the kernel's own transactions --- */

static void sig_add(struct qnk_job *job, uint32_t *at, uint32_t *message_at,
                    const struct qnk_hash *key, const uint8_t *signature, uint32_t size)
{
    struct qnk_sig_item *item = &job->sigs[(*at)++];

    item->key = *key;
    memcpy(item->signature, signature, QN_SIG_SIZE);
    item->offset = *message_at;
    item->size = size;
    *message_at += size;
}

/* Signatures of the two things that a piece of evidence shows. */
static bool evidence_sigs(struct qnk_node *node, struct qnk_job *job,
                          const struct qnk_evidence *evidence, uint32_t *at, uint32_t *message_at)
{
    struct qnk_set *set;
    struct qnk_ballot_place place;

    bool are_votes = evidence->type != QNK_EVIDENCE_DOUBLE_BLOCK;
    uint32_t attempt = are_votes ? qnk_era_attempt(evidence->votes[1].era) : 0;

    if (!qnk_vote_context(node, evidence->window, attempt, &set, &place) ||
        evidence->member >= set->count) {
        return false;
    }

    const struct qnk_hash *key = &set->members[evidence->member].key;
    const struct qnk_hash *chain_id = &node->setup.params.chain_id;

    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *message = job->messages->data + *message_at;

        if (evidence->type == QNK_EVIDENCE_DOUBLE_BLOCK) {
            qnk_micro_message(&evidence->blocks[i], chain_id, message);
            sig_add(job, at, message_at, key, evidence->blocks[i].signature,
                    QNK_MICRO_MESSAGE_SIZE);
        } else {
            struct qnk_vote vote = evidence->votes[i];

            vote.binding = place.binding;
            qnk_vote_message(&vote, chain_id, message);
            sig_add(job, at, message_at, key, vote.signature, QNK_VOTE_MESSAGE_SIZE);
        }
    }
    return true;
}

bool qnk_kernel_sigs(struct qnk_node *node, struct qnk_job *job, const struct qnk_tx *tx,
                     uint32_t *at, uint32_t *message_at)
{
    struct qnk_hash from;
    struct qnk_evidence evidence;
    struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);

    memcpy(from.bytes, tx->from, QN_KEY_SIZE);
    if (set == NULL || qnk_set_find(set, &from) == QNK_SET_NOBODY) {
        return false;
    }

    uint32_t size =
        qnk_tx_message(tx, &node->setup.params.chain_id, job->messages->data + *message_at);

    sig_add(job, at, message_at, &from, tx->signature, size);
    if (tx->kind != QNK_TX_EVIDENCE) {
        return true;
    }
    return qnk_evidence_decode(tx->payload, &evidence) == QN_OK && qnk_evidence_proves(&evidence) &&
           evidence_sigs(node, job, &evidence, at, message_at);
}

static bool kernel_is_known(const struct qnk_node *node, const struct qnk_hash *id)
{
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        if (node->kernel_txs[i].bytes != NULL && qnk_hash_equal(&node->kernel_txs[i].id, id)) {
            return true;
        }
    }
    return qnk_seen_has(node->pending, id) || qnk_seen_has(node->rejected, id);
}

/* Whether no block of `height` or above can take it, by the record after a block below. */
static bool kernel_is_stale(const struct qnk_node *node, const struct qnk_control *control,
                            uint64_t height, const struct qnk_tx *tx)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);

    return set != NULL &&
           qnk_transition_is_over(control, set, node->setup.params.window, height, tx);
}

/* Too far ahead: not even one that was made at the highest block that may be there. */
static bool kernel_is_early(const struct qnk_node *node, const struct qnk_tx *tx)
{
    uint64_t above = (uint64_t)QNK_TREE_WINDOWS * node->setup.params.window;

    return tx->valid_until > node->exec.at->header.height + above + QNK_TX_AHEAD_MAX;
}

static uint64_t kernel_messages_size(const struct qnk_kernel_wait *wait)
{
    return wait->bytes->size + QNK_TX_MESSAGE_MAX - QNK_TX_SIZE_MAX + 2 * QNK_SIGN_MESSAGE_MAX;
}

/* The peer whose turn it is, of those of whom something waits: the next number above the last. */
static uint32_t kernel_turn(const struct qnk_node *node)
{
    uint32_t least = 0;
    uint32_t next = UINT32_MAX;

    for (uint32_t i = 0; i < node->kernel_waits_count; i++) {
        uint32_t peer = node->kernel_waits[i].peer;

        least = i == 0 || peer < least ? peer : least;
        next = peer > node->kernel_turn && peer < next ? peer : next;
    }
    return next != UINT32_MAX ? next : least;
}

/* Takes the first ones of a peer out of those that wait. Gives how many. */
static uint32_t kernel_waits_take(struct qnk_node *node, uint32_t peer, uint32_t count_max,
                                  struct qnk_kernel_wait *taken)
{
    uint32_t count = 0;
    uint32_t left = 0;

    for (uint32_t i = 0; i < node->kernel_waits_count; i++) {
        struct qnk_kernel_wait wait = node->kernel_waits[i];

        if (wait.peer == peer && count < count_max) {
            taken[count++] = wait;
        } else {
            node->kernel_waits[left++] = wait;
        }
    }
    node->kernel_waits_count = left;
    return count;
}

static void kernel_wait_end(struct qnk_node *node, struct qnk_kernel_wait *wait)
{
    (void)qnk_seen_drop(node->pending, &wait->id);
    qnk_buf_unref(wait->bytes);
    wait->bytes = NULL;
}

/* A job for the signatures of these. What has none that could be good is left out. NULL: nothing is
 * left, or memory lacks; `waits` without bytes are not in it. */
static struct qnk_job *kernel_job(struct qnk_node *node, struct qnk_kernel_wait *waits,
                                  uint32_t count)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_SIGS, QNK_PURPOSE_KERNEL_TXS);
    uint64_t messages_size = 0;
    uint64_t rows_size = 0;
    uint32_t message_at = 0;
    uint32_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        messages_size += kernel_messages_size(&waits[i]);
        rows_size += waits[i].bytes->size;
    }
    if (job == NULL || !qnk_job_sigs(job, count * QNK_KERNEL_SIGS_MAX, messages_size) ||
        (job->context = qnk_buf_new(&node->budget, rows_size)) == NULL) {
        qnk_job_destroy(job);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct qn_span bytes = qnk_buf_span(waits[i].bytes);
        uint32_t at_before = at;
        uint32_t message_before = message_at;
        struct qnk_tx tx;
        int32_t status = qnk_tx_decode(bytes, &tx);

        QN_ASSERT(status == QN_OK);
        if (qnk_kernel_sigs(node, job, &tx, &at, &message_at)) {
            memcpy(job->context->data + job->context_size, bytes.data, bytes.size);
            job->context_size += bytes.size;
            continue;
        }
        at = at_before;
        message_at = message_before;
        kernel_wait_end(node, &waits[i]);
    }
    qnk_job_sigs_cut(job, at);
    if (at == 0) {
        qnk_job_destroy(job);
        return NULL;
    }
    return job;
}

/* Has the signatures of some that wait checked, of one peer, and of the next only when that is
 * done: whoever sends thousands that are forged costs one such job. */
static void kernel_checks_go(struct qnk_node *node)
{
    while (!node->is_kernel_checking && node->kernel_waits_count > 0) {
        struct qnk_kernel_wait waits[KERNEL_BATCH];
        uint32_t peer = kernel_turn(node);
        uint32_t count = kernel_waits_take(node, peer, KERNEL_BATCH, waits);
        struct qnk_job *job = kernel_job(node, waits, count);

        node->kernel_turn = peer;
        node->is_kernel_checking = job != NULL;
        for (uint32_t i = 0; i < count; i++) {
            if (waits[i].bytes != NULL && job == NULL) {
                kernel_wait_end(node, &waits[i]);
            }
            qnk_buf_unref(waits[i].bytes);
        }
        if (job != NULL) {
            job->peer = peer;
            qnk_job_start(node, job);
        }
    }
}

static bool kernel_is_members(const struct qnk_node *node, const struct qnk_tx *tx)
{
    const struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);
    struct qnk_hash from;

    memcpy(from.bytes, tx->from, QN_KEY_SIZE);
    return set != NULL && qnk_set_find(set, &from) != QNK_SET_NOBODY;
}

/* Puts one among those that wait for their signatures to be checked, unless they were before. */
static void kernel_wait(struct qnk_node *node, const struct qnk_tx_ref *ref,
                        const struct qnk_tx *tx)
{
    struct qnk_kernel_wait wait = {.id = ref->id, .peer = ref->peer};
    uint32_t alike = 0;

    if (qnk_seen_has(node->verified, &ref->id)) {
        qnk_kernel_add(node, tx->bytes, QNK_KERNEL_TOLD);
        return;
    }
    for (uint32_t i = 0; i < node->kernel_waits_count; i++) {
        alike += node->kernel_waits[i].peer == ref->peer;
    }
    if (alike == QNK_KERNEL_POOL_MAX || node->kernel_waits_count == QNK_KERNEL_WAITS_MAX ||
        !kernel_is_members(node, tx)) {
        return;
    }
    wait.bytes = qnk_buf_copy(&node->budget, tx->bytes);
    if (wait.bytes != NULL) {
        (void)qnk_seen_add(node->pending, &ref->id);
        node->kernel_waits[node->kernel_waits_count++] = wait;
    }
}

/* What is known, over or too far ahead costs no signature: anybody may bring again what was once
 * signed. Nor do shares: nobody honest tells them, and a false one of a member that has shown none
 * for long costs thousands of hashes each time that a block is built. */
static void kernel_check(struct qnk_node *node, const struct qnk_job *read)
{
    const struct qnk_block *head = node->exec.at;

    for (uint32_t i = 0; i < read->refs_count; i++) {
        const struct qnk_tx_ref *ref = &read->refs[i];
        struct qnk_tx tx;
        int32_t status = qnk_tx_decode(bytes_of(ref), &tx);

        QN_ASSERT(status == QN_OK);
        if (ref->is_kernel && tx.kind != QNK_TX_SHARE && !kernel_is_known(node, &ref->id) &&
            !kernel_is_early(node, &tx) &&
            !kernel_is_stale(node, head->control, head->header.height + 1, &tx)) {
            kernel_wait(node, ref, &tx);
        }
    }
    kernel_checks_go(node);
}

/* What else waits of a peer that sent a forged one is not looked at. */
static void kernel_waits_drop(struct qnk_node *node, uint32_t peer)
{
    struct qnk_kernel_wait wait;

    while (kernel_waits_take(node, peer, 1, &wait) > 0) {
        kernel_wait_end(node, &wait);
    }
}

static uint32_t kernel_sigs_of(const struct qnk_tx *tx)
{
    return tx->kind == QNK_TX_EVIDENCE ? QNK_KERNEL_SIGS_MAX : 1;
}

void qnk_kernel_checked(struct qnk_node *node, struct qnk_job *job)
{
    struct qn_span rows = {job->context->data, job->context_size};
    struct qnk_tx tx;
    bool is_forged = false;
    uint32_t at = 0;

    while (rows.size > 0) {
        int32_t status = qnk_tx_next(&rows, &tx);
        bool is_good = job->status == QN_OK;
        struct qnk_hash id;

        QN_ASSERT(status == QN_OK);
        for (uint32_t i = 0; is_good && i < kernel_sigs_of(&tx); i++) {
            is_good = qnk_bit(job->bitmap, at + i);
        }
        at += kernel_sigs_of(&tx);
        qnk_tx_id(&tx, &id);
        (void)qnk_seen_drop(node->pending, &id);
        if (is_good) {
            (void)qnk_seen_add(node->verified, &id);
            qnk_kernel_add(node, tx.bytes, QNK_KERNEL_TOLD);
        } else if (job->status == QN_OK) {
            (void)qnk_seen_add(node->rejected, &id);
            is_forged = true;
        }
    }
    QN_ASSERT(at == job->sigs_count);
    node->is_kernel_checking = false;
    if (is_forged) {
        qnk_peer_fault(node, job->peer, QNK_FAULT_BAD_SIGNATURE);
    }
    if (is_forged && job->peer != 0) { /* clients are many, and nobody's but ours */
        kernel_waits_drop(node, job->peer);
    }
    kernel_checks_go(node);
}

/* How much a sender has in the pool, and how much of it is of one kind. */
struct held {
    uint32_t all;
    uint32_t alike;
};

static struct held held_by(const struct qnk_node *node, const struct qnk_hash *from, uint8_t kind)
{
    struct held held = {0, 0};

    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        const struct qnk_kernel_tx *place = &node->kernel_txs[i];

        if (place->bytes != NULL && qnk_hash_equal(&place->from, from)) {
            held.all++;
            held.alike += place->kind == kind;
        }
    }
    return held;
}

static bool is_more(const struct held *a, const struct held *b)
{
    return a->all != b->all ? a->all > b->all : a->alike > b->alike;
}

/* A free place for `tx`, or the oldest of what those who have most have most of: a signature is all
 * that lets somebody in, so nobody may drive out others. NULL: `tx` itself is of that. It is not
 * told on then; nodes that replaced one by the other would tell each other both for ever. What was
 * made here always enters, and leaves for others only if it is a share, which is made again. */
static struct qnk_kernel_tx *kernel_place(struct qnk_node *node, const struct qnk_kernel_tx *tx)
{
    struct held own = held_by(node, &tx->from, tx->kind);
    struct held most = {0, 0};
    struct qnk_kernel_tx *found = NULL;

    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        struct qnk_kernel_tx *place = &node->kernel_txs[i];

        if (place->bytes == NULL) {
            return place;
        }
        if (!tx->is_ours && place->is_ours && place->kind != QNK_TX_SHARE) {
            continue;
        }

        bool is_same = qnk_hash_equal(&place->from, &tx->from);
        struct held held = held_by(node, &place->from, place->kind);

        held.all += is_same; /* as if `tx` were in already */
        held.alike += is_same && place->kind == tx->kind;
        if (found == NULL || is_more(&held, &most) ||
            (!is_more(&most, &held) && place->added_us < found->added_us)) {
            most = held;
            found = place;
        }
    }
    own.all++;
    own.alike++;
    return tx->is_ours || is_more(&most, &own) ? found : NULL;
}

void qnk_kernel_add(struct qnk_node *node, struct qn_span bytes, enum qnk_kernel_origin origin)
{
    struct qnk_kernel_tx made = {
        .added_us = node->now_us,
        .is_ours = origin == QNK_KERNEL_OURS,
    };
    struct qnk_tx tx;
    int32_t status = qnk_tx_decode(bytes, &tx);

    QN_ASSERT(status == QN_OK);
    qnk_tx_id(&tx, &made.id);
    memcpy(made.from.bytes, tx.from, QN_KEY_SIZE);
    made.kind = tx.kind;

    /* A producer's shares are for its own block. */
    bool tell = origin == QNK_KERNEL_TOLD || (made.is_ours && tx.kind != QNK_TX_SHARE);

    if (tell && kernel_is_known(node, &made.id)) {
        return;
    }

    struct qnk_kernel_tx *place = kernel_place(node, &made);

    if (place == NULL) {
        return;
    }
    made.bytes = qnk_buf_copy(&node->budget, bytes);
    if (made.bytes == NULL) {
        return;
    }
    qnk_buf_unref(place->bytes);
    *place = made;
    if (tell) {
        push_add(node, bytes);
    }
}

bool qnk_kernel_make(struct qnk_node *node, uint8_t kind, struct qn_span payload)
{
    struct qnk_tx tx = {
        .payload = payload,
        .from = node->setup.validator.bytes,
        .nonce = qnk_swap_nonce(node->exec.at->control, kind),
        .valid_until = node->exec.at->header.height + QNK_TX_AHEAD_MAX,
        .kind = kind,
    };
    struct qn_buf *bytes = qnk_buf_new(&node->budget, qnk_tx_size((uint32_t)payload.size));

    if (bytes == NULL) {
        return false;
    }
    qnk_tx_encode(&tx, bytes->data);
    if (!qnk_sign_tx(node, bytes)) {
        qnk_buf_unref(bytes);
        return false;
    }
    return true;
}

/* Whether no block can bring it any more, whatever becomes of those that are not final. Evidence
 * has no age: while no window becomes final there may be no block that could. */
static bool kernel_is_over(struct qnk_node *node, const struct qnk_kernel_tx *place)
{
    const struct qnk_block *root = qnk_tree_root(node->tree);
    uint64_t window = qnk_window_of(node->exec.at->header.height + 1, node->setup.params.window);
    struct qnk_tx tx;
    struct qnk_share share;
    int32_t status = qnk_tx_decode(qnk_buf_span(place->bytes), &tx);

    QN_ASSERT(status == QN_OK);
    if (tx.kind != QNK_TX_EVIDENCE && node->now_us > place->added_us + KERNEL_AGE_US) {
        return true;
    }
    return kernel_is_stale(node, root->control, root->header.height + 1, &tx) ||
           (tx.kind == QNK_TX_SHARE && qnk_share_decode(tx.payload, &share) == QN_OK &&
            share.window + 1 < window);
}

static bool has_kernel_kind(const struct qnk_node *node, uint8_t kind)
{
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        struct qnk_tx tx;

        if (node->kernel_txs[i].bytes != NULL &&
            qnk_tx_decode(qnk_buf_span(node->kernel_txs[i].bytes), &tx) == QN_OK &&
            tx.kind == kind && memcmp(tx.from, node->setup.validator.bytes, QN_KEY_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* A member that was excluded for its absence says that it is back. */
static void rejoin_look(struct qnk_node *node)
{
    const struct qnk_control *control = node->exec.at->control;
    struct qnk_set *set = qnk_schedule_set(node->schedule, node->final_window + 1);
    uint32_t member = set == NULL || !node->setup.has_validator
                          ? QNK_SET_NOBODY
                          : qnk_set_find(set, &node->setup.validator);

    if (member != QNK_SET_NOBODY && control != NULL && member < control->members_count &&
        control->members[member].excluded == QNK_EXCLUDED_ABSENT &&
        !has_kernel_kind(node, QNK_TX_REJOIN) && !qnk_is_held_back(node) && qnk_may_sign(node)) {
        (void)qnk_kernel_make(node, QNK_TX_REJOIN, (struct qn_span){NULL, 0});
    }
}

void qnk_pool_tick(struct qnk_node *node)
{
    struct qnk_job *job;

    qnk_mempool_expire(node->mempool, node->exec.at->header.height + 1);
    for (uint32_t i = 0; i < QNK_KERNEL_POOL_MAX; i++) {
        if (node->kernel_txs[i].bytes != NULL && kernel_is_over(node, &node->kernel_txs[i])) {
            qnk_buf_unref(node->kernel_txs[i].bytes);
            node->kernel_txs[i] = (struct qnk_kernel_tx){0};
        }
    }
    if (++node->pool_tick % REJOIN_S == 0) {
        rejoin_look(node);
    }
    if (qnk_mempool_stats(node->mempool).txs == 0) {
        return;
    }
    job = qnk_job_new(node, QNK_JOB_VERIFY, QNK_PURPOSE_RECHECK);
    if (job == NULL || !qnk_mempool_pick_waiting(node->mempool, RECHECK_MAX, job) ||
        job->refs_count == 0) {
        qnk_job_destroy(job);
        return;
    }
    for (uint32_t i = 0; i < job->refs_count; i++) {
        job->refs[i].is_verified = true;
    }
    job->chain_id = node->setup.params.chain_id;
    job->token = node->counters.undone;
    qnk_job_start(node, job);
}
