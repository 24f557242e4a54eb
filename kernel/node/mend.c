/* SPDX-License-Identifier: MIT */

/* mend.c: bodies of final blocks that the own disk has lost: found, fetched from peers, held
 * against the header that is final, and stored anew.
 *
 * After a start all stored bodies are read once, from the last final block down, some megabytes a
 * second; besides, the host tells of those that it could not read for a peer or a person. Of such
 * at most QNK_MENDS_MAX are remembered, and ACTIVE_MAX fetched at a time. When there are more, the
 * reading waits, or goes back to them. What no peer gives in TRIES_MAX is given up until it is
 * found again. A transaction's id covers all of it, so a body that makes the header's root is the
 * one that was final, and no signature need be looked at.
 *
 * Bodies that are asked for by height come from a peer's disk in order, so parts are taken in order
 * only; whatever else happened on the way, the retry mends it. */

#include <qnet/assert.h>

#include "kernel/node/core.h"

enum {
    CHECK_COUNT = 256,   /* blocks that are read at once, at most */
    CHECK_US = 1000000,  /* from one reading to the next */
    AGAIN_US = 60000000, /* after one that the disk or the memory refused */
    ACTIVE_MAX = 4,
    TRIES_MAX = 10,  /* of which the last is made three minutes after the first */
    TRIES_QUICK = 3, /* after each of them the next one follows soon, elsewhere */
};

/* --- places --- */

static struct qnk_mend *find(struct qnk_node *node, const struct qnk_hash *id)
{
    for (uint32_t i = 0; i < QNK_MENDS_MAX; i++) {
        struct qnk_mend *mend = &node->mends[i];

        if (mend->state != QNK_MEND_NONE && qnk_hash_equal(&mend->id, id)) {
            return mend;
        }
    }
    return NULL;
}

static struct qnk_mend *find_free(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_MENDS_MAX; i++) {
        if (node->mends[i].state == QNK_MEND_NONE) {
            return &node->mends[i];
        }
    }
    return NULL;
}

static void body_drop(struct qnk_mend *mend)
{
    qnk_buf_unref(mend->body);
    mend->body = NULL;
    mend->parts = 0;
}

static void mend_end(struct qnk_mend *mend)
{
    body_drop(mend);
    *mend = (struct qnk_mend){0};
}

void qnk_mends_done(struct qnk_node *node)
{
    for (uint32_t i = 0; i < QNK_MENDS_MAX; i++) {
        mend_end(&node->mends[i]);
    }
}

static unsigned long long height_of(const struct qnk_mend *mend)
{
    return mend->header.height;
}

/* --- found --- */

void qnk_mend_add(struct qnk_node *node, struct qn_span bytes)
{
    struct qnk_micro header;
    struct qnk_hash id;

    if (qnk_micro_decode(bytes, &header) != QN_OK || node->setup.type == QNK_NODE_LIGHT ||
        header.height == 0 || header.height > qnk_tree_root(node->tree)->header.height ||
        header.body_size > node->setup.params.block_bytes) {
        return;
    }
    qnk_micro_id(&header, &id);
    if (find(node, &id) != NULL) {
        return;
    }

    struct qnk_mend *mend = find_free(node);

    if (mend == NULL) {
        node->check_next = header.height > node->check_next ? header.height : node->check_next;
        return;
    }
    *mend = (struct qnk_mend){
        .state = QNK_MEND_WAITING,
        .header = header,
        .id = id,
        .due_us = node->now_us,
    };
    node->was_rotten = true;
    node->counters.bodies_rotten++;
    qnk_note(node, QNK_LOG_WARN, "body-damaged",
             "the stored body of block %llu is damaged or missing: it is fetched from peers",
             height_of(mend));
}

/* --- asked for --- */

/* What was tried was in vain: again later, or not at all. */
static void mend_failed(struct qnk_node *node, struct qnk_mend *mend)
{
    uint32_t doublings = mend->tries > TRIES_QUICK ? mend->tries - TRIES_QUICK : 0;

    body_drop(mend);
    if (mend->tries >= TRIES_MAX) {
        qnk_note(node, QNK_LOG_ERROR, "body-lost",
                 "no peer gave the body of block %llu, which is damaged here: connect the node to "
                 "others, or start with an empty folder",
                 height_of(mend));
        mend_end(mend);
        return;
    }
    mend->state = QNK_MEND_WAITING;
    mend->due_us = node->now_us + ((uint64_t)QNK_RETRY_US << doublings);
}

/* All of the body is here: it is read on the pool. */
static void body_whole(struct qnk_node *node, struct qnk_mend *mend)
{
    struct qnk_job *job = qnk_job_new(node, QNK_JOB_BODY, QNK_PURPOSE_MEND);

    if (job == NULL) {
        mend_failed(node, mend);
        return;
    }
    job->buf = qnk_buf_ref(mend->body);
    job->txs_max = mend->header.tx_count;
    job->subject = mend->id;
    mend->state = QNK_MEND_READING;
    qnk_job_start(node, job);
}

static void empty_take(struct qnk_node *node, struct qnk_mend *mend)
{
    mend->tries++;
    mend->body = qnk_buf_new(&node->budget, 0);
    if (mend->body == NULL) {
        mend_failed(node, mend);
    } else {
        body_whole(node, mend);
    }
}

/* With nobody to ask it waits: that is no try. */
static void mend_ask(struct qnk_node *node, struct qnk_mend *mend)
{
    struct qnk_fetch fetch = {.first = mend->header.height, .count = 1, .what = 1};
    uint64_t window = qnk_window_of(mend->header.height, node->setup.params.window);

    if (mend->header.body_size == 0) {
        empty_take(node, mend);
        return;
    }

    uint32_t peer = qnk_peer_for(node, window, mend->peer);
    struct qn_buf *body = peer == 0 ? NULL : qnk_buf_new(&node->budget, QNK_FETCH_SIZE);

    mend->due_us = node->now_us + QNK_RETRY_US;
    if (body == NULL) {
        return;
    }
    mend->state = QNK_MEND_ASKED;
    mend->peer = peer;
    mend->tries++;
    qnk_fetch_encode(&fetch, body->data);
    qnk_send(node, peer, QNK_WIRE_FETCH_RANGE, 0, body);
}

/* --- what comes --- */

bool qnk_mend_part(struct qnk_node *node, uint32_t peer, const struct qnk_body_part *part)
{
    struct qnk_mend *mend = find(node, &part->id);

    if (mend == NULL) {
        return false;
    }
    /* What comes late, twice or from another is no fault. */
    if (mend->state != QNK_MEND_ASKED || mend->peer != peer || part->index != mend->parts) {
        return true;
    }
    if (!qnk_part_fits(&mend->header, part)) {
        qnk_peer_fault(node, peer, QNK_FAULT_MALFORMED);
        mend_failed(node, mend);
        return true;
    }
    if (mend->body == NULL) {
        mend->body = qnk_buf_new(&node->budget, mend->header.body_size);
    }
    if (mend->body == NULL) {
        mend_failed(node, mend);
        return true;
    }
    memcpy(mend->body->data + (uint64_t)part->index * QNK_WIRE_PART_SIZE, part->bytes.data,
           part->bytes.size);
    mend->parts++;
    mend->due_us = node->now_us + QNK_RETRY_US;
    if (mend->parts == part->count) {
        body_whole(node, mend);
    }
    return true;
}

static void body_store(struct qnk_node *node, struct qnk_mend *mend)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_STORE_BLOCK);

    mend->state = QNK_MEND_STORING;
    mend->token = effect->block.token = qnk_token(node);
    effect->block.body = qnk_buf_ref(mend->body);
    effect->block.verified = true;
    qnk_micro_encode(&mend->header, effect->block.header);
    body_drop(mend);
}

void qnk_mend_read(struct qnk_node *node, struct qnk_job *job)
{
    struct qnk_mend *mend = find(node, &job->subject);

    QN_ASSERT(mend != NULL && mend->state == QNK_MEND_READING);
    if (job->status == QN_OK && qnk_hash_equal(&job->root, &mend->header.tx_root)) {
        body_store(node, mend);
        return;
    }
    if (job->status != QN_NO_SPACE) {
        qnk_peer_fault(node, mend->peer, QNK_FAULT_BAD_BLOCK);
    }
    mend_failed(node, mend);
}

/* The body is durable, but found at its old place until the index says otherwise. */
static void body_place(struct qnk_node *node, struct qnk_mend *mend, uint64_t place)
{
    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_STORE_PLACE);

    mend->state = QNK_MEND_PLACING;
    mend->token = effect->place.token = qnk_token(node);
    effect->place.place = place;
    qnk_micro_encode(&mend->header, effect->place.header);
}

static void mended(struct qnk_node *node, struct qnk_mend *mend)
{
    node->counters.bodies_mended++;
    qnk_note(node, QNK_LOG_INFO, "body-mended", "the body of block %llu is stored again",
             height_of(mend));
    mend_end(mend);
    qnk_mends_look(node);
}

bool qnk_mend_stored(struct qnk_node *node, const struct qnk_event *event)
{
    struct qnk_mend *mend = NULL;

    for (uint32_t i = 0; i < QNK_MENDS_MAX && mend == NULL; i++) {
        mend = node->mends[i].token == event->stored.token ? &node->mends[i] : NULL;
    }
    if (event->stored.token == 0 || mend == NULL) {
        return false;
    }
    if (event->stored.status != QN_OK) {
        mend_end(mend); /* the host knows its disk, and ends */
    } else if (mend->state == QNK_MEND_STORING) {
        body_place(node, mend, event->stored.place);
    } else {
        mended(node, mend);
    }
    return true;
}

void qnk_mends_forget(struct qnk_node *node, uint32_t peer)
{
    for (uint32_t i = 0; i < QNK_MENDS_MAX; i++) {
        struct qnk_mend *mend = &node->mends[i];

        if (mend->state == QNK_MEND_ASKED && mend->peer == peer) {
            body_drop(mend);
            mend->state = QNK_MEND_WAITING;
            mend->due_us = node->now_us;
        }
    }
}

/* --- looking for more --- */

void qnk_mends_begin(struct qnk_node *node)
{
    if (node->setup.type != QNK_NODE_LIGHT) {
        node->check_next = qnk_tree_root(node->tree)->header.height;
    }
}

static void check(struct qnk_node *node)
{
    if (node->is_checking || node->check_next == 0 || node->now_us < node->check_us ||
        find_free(node) == NULL) {
        return;
    }

    struct qnk_effect *effect = qnk_effects_push(node->out, QNK_EFFECT_CHECK);

    node->is_checking = true;
    node->check_asked = node->check_next;
    effect->check.height = node->check_next;
    effect->check.count = CHECK_COUNT;
}

/* What else than a body is not as it should be. */
static void check_note(struct qnk_node *node, const struct qnk_event *event)
{
    unsigned long long next = event->checked.next;

    switch (event->checked.status) {
    case QN_OK:
        break;
    case QN_NOT_FOUND:
        qnk_note(node, QNK_LOG_WARN, "header-damaged",
                 "a stored header, of block %llu or below, is missing: see `qnet storage check`",
                 (unsigned long long)node->check_asked);
        break;
    case QN_CORRUPT:
        if (event->checked.header.size == 0) {
            qnk_note(node, QNK_LOG_WARN, "header-damaged",
                     "the stored header of block %llu is damaged: keep a copy of the folder, then "
                     "start with an empty one",
                     next + 1);
        }
        break;
    default:
        node->check_us = node->now_us + AGAIN_US;
        qnk_note(node, QNK_LOG_WARN, "body-unread", "block %llu cannot be read now (status %d)",
                 next, (int)event->checked.status);
        break;
    }
}

void qnk_bodies_checked(struct qnk_node *node, const struct qnk_event *event)
{
    bool is_rotten = event->checked.status == QN_CORRUPT && event->checked.header.size > 0;

    node->is_checking = false;
    node->check_us = is_rotten ? node->now_us : node->now_us + CHECK_US;
    /* Meanwhile it may have been told to go back. */
    if (node->check_next == node->check_asked) {
        node->check_next = event->checked.next;
    }
    check_note(node, event);
    if (is_rotten) {
        qnk_mend_add(node, event->checked.header);
    }
    if (node->check_next == 0) {
        qnk_note(node, node->was_rotten ? QNK_LOG_INFO : QNK_LOG_DEBUG, "bodies-checked",
                 "all stored bodies were looked at");
    }
    qnk_mends_look(node);
}

void qnk_mends_look(struct qnk_node *node)
{
    uint32_t active = 0;

    for (uint32_t i = 0; i < QNK_MENDS_MAX; i++) {
        struct qnk_mend *mend = &node->mends[i];

        if (mend->state == QNK_MEND_ASKED && node->now_us >= mend->due_us) {
            mend_failed(node, mend); /* its disk may be rotten too: that is no fault */
        }
        active += mend->state > QNK_MEND_WAITING;
    }
    for (uint32_t i = 0; i < QNK_MENDS_MAX && active < ACTIVE_MAX; i++) {
        struct qnk_mend *mend = &node->mends[i];

        if (mend->state == QNK_MEND_WAITING && node->now_us >= mend->due_us) {
            mend_ask(node, mend);
            active += mend->state > QNK_MEND_WAITING;
        }
    }
    check(node);
}
