/* SPDX-License-Identifier: MIT */

/* exchange.c: what others lack of the open window: nodes say what they hold, and get the rest. */

#include "kernel/node/core.h"

enum {
    RESEND_GROWTH = 4,    /* the exchange slows down to so many times its period */
    VOTES_BYTES = 131072, /* of one message */
};

_Static_assert((int)QNK_BALLOT_CERTIFICATES <= 64, "each has a bit");

static uint64_t resend_period_us(const struct qnk_node *node)
{
    return (uint64_t)node->setup.resend_ms * 1000;
}

void qnk_resend_arm(struct qnk_node *node)
{
    node->resend_us = resend_period_us(node);
    qnk_timer_set(node, QNK_TIMER_RESEND, node->now_us + node->resend_us);
}

void qnk_certificate_tell(struct qnk_node *node, uint32_t peer, struct qn_span bytes)
{
    struct qnk_certified certified = {.certificate = bytes};
    struct qn_buf *body = qnk_buf_new(&node->budget, qnk_certified_size(&certified));

    if (body != NULL) {
        qnk_certified_encode(&certified, body->data);
        if (peer != 0) {
            qnk_send(node, peer, QNK_WIRE_CERTIFICATE, 0, body);
        } else {
            qnk_send_all(node, QNK_WIRE_CERTIFICATE, body, 0);
        }
    }
}

void qnk_answer_late(struct qnk_node *node, uint32_t from, uint64_t window)
{
    struct qnk_peer *peer = qnk_peer_find(node, from);

    if (peer != NULL && node->now_us >= peer->final_sent_us + resend_period_us(node) / 2) {
        peer->final_sent_us = node->now_us;
        qnk_certificate_send(node, from, window);
    }
}

void qnk_resend(struct qnk_node *node)
{
    struct qn_buf *body;

    if (node->instance != QNK_INSTANCE_OPEN && node->instance != QNK_INSTANCE_OVER) {
        return;
    }
    body = qnk_ballot_held(node->ballot);
    if (body != NULL) {
        qnk_abandon_held(node, body);
        qnk_send_all(node, QNK_WIRE_HELD, body, 0);
    }
    qnk_checks_look(node);
    node->resend_us += node->resend_us / 2;
    if (node->resend_us > RESEND_GROWTH * resend_period_us(node)) {
        node->resend_us = RESEND_GROWTH * resend_period_us(node);
    }
    qnk_timer_set(node, QNK_TIMER_RESEND, node->now_us + node->resend_us);
}

/* Votes on their way into messages for one peer, and the certificates that went before them. */
struct lacking {
    struct qnk_node *node;
    uint32_t peer;
    uint64_t told; /* a bit for each of the ballot's certificates */
    struct qn_buf *body;
    uint64_t size;
    uint32_t count;
};

static void lacking_flush(struct lacking *lacking)
{
    if (lacking->count > 0) {
        struct qn_slice slice = {
            .owner = lacking->body,
            .data = lacking->body->data,
            .size = lacking->size,
        };

        qn_le32_write(lacking->body->data, lacking->count);
        qnk_send_two(lacking->node, lacking->peer, QNK_WIRE_VOTES, 0, NULL, slice);
    }
    qnk_buf_unref(lacking->body);
    lacking->body = NULL;
    lacking->count = 0;
}

static void lacking_add(struct lacking *lacking, const struct qnk_vote *vote)
{
    uint64_t size = qnk_vote_size(vote);

    if (lacking->body != NULL &&
        (lacking->size + size > VOTES_BYTES || lacking->count == QNK_WIRE_VOTES_MAX)) {
        lacking_flush(lacking);
    }
    if (lacking->body == NULL) {
        lacking->body = qnk_buf_new(&lacking->node->budget, VOTES_BYTES);
        lacking->size = 4;
    }
    if (lacking->body != NULL && lacking->size + size <= VOTES_BYTES) {
        qnk_vote_encode(vote, lacking->body->data + lacking->size);
        lacking->size += size;
        lacking->count++;
    }
}

static void certificate_answer(struct lacking *lacking, uint32_t i)
{
    const struct qnk_ballot_certificate *cert = qnk_ballot_certificate_at(lacking->node->ballot, i);

    if ((lacking->told >> i & 1) == 0) {
        lacking->told |= UINT64_C(1) << i;
        qnk_certificate_tell(lacking->node, lacking->peer, cert->view.bytes);
    }
}

/* Nobody says whether it has what justifies a vote if that is rounds old. Without it the vote is
 * never told to an engine. */
static void justify_visit(void *ctx, struct qnk_ballot_vote *held)
{
    struct lacking *lacking = ctx;
    const struct qnk_vote *vote = &held->vote;
    const struct qnk_ballot_certificate *cert;

    for (uint32_t i = 0;
         vote->vr >= 0 && (cert = qnk_ballot_certificate_at(lacking->node->ballot, i)) != NULL;
         i++) {
        if (cert->view.round == (uint32_t)vote->vr &&
            qnk_hash_equal(&cert->view.digest, &vote->digest)) {
            certificate_answer(lacking, i);
        }
    }
}

static void lacking_visit(void *ctx, struct qnk_ballot_vote *held)
{
    lacking_add(ctx, &held->vote);
}

/* Certificates come first, or else the votes would wait for them. */
static void votes_answer(struct lacking *lacking, const struct qnk_held *held)
{
    qnk_ballot_lacking(lacking->node->ballot, held, justify_visit, lacking);
    qnk_ballot_lacking(lacking->node->ballot, held, lacking_visit, lacking);
}

/* What proves the highest lock of those who gave up this attempt. */
static void abandons_prove(struct qnk_node *node, uint32_t peer)
{
    struct qn_span prepared = qnk_attempts_prepared(node->attempts, node->ballot);

    if (prepared.size > 0) {
        qnk_certificate_tell(node, peer, prepared);
    }
}

/* Votes that give up this attempt, what proves their locks first. */
static void abandons_answer(struct lacking *lacking, const struct qnk_held *held)
{
    struct qnk_node *node = lacking->node;
    const uint8_t *has = held->bitmaps + (uint64_t)QNK_STEP_ABANDON * ((held->members + 7) / 8);
    bool is_first = true;

    for (uint32_t i = 0; node->attempts != NULL && i < held->members; i++) {
        const struct qnk_vote *vote = qnk_attempts_vote_of(node->attempts, i);

        if (vote == NULL || qnk_bit(has, i)) {
            continue;
        }
        if (is_first) {
            abandons_prove(node, lacking->peer);
            is_first = false;
        }
        lacking_add(lacking, vote);
    }
}

static void certificates_answer(struct lacking *lacking, const struct qnk_held *held)
{
    const struct qnk_ballot *ballot = lacking->node->ballot;
    const struct qnk_ballot_certificate *cert;

    for (uint32_t i = 0; (cert = qnk_ballot_certificate_at(ballot, i)) != NULL; i++) {
        uint32_t round = cert->view.round;
        bool lacks_this = round == held->round && (held->certificates & 1) == 0;
        bool lacks_last = round + 1 == held->round && (held->certificates & 2) == 0;

        /* Higher ones move it on; older ones may justify what it has. */
        if (lacks_this || lacks_last || round > held->round) {
            certificate_answer(lacking, i);
        }
    }
}

void qnk_held_take(struct qnk_node *node, uint32_t from, const struct qnk_held *held)
{
    struct qnk_peer *peer = qnk_peer_find(node, from);
    struct lacking lacking = {.node = node, .peer = from};

    if (held->window <= node->final_window) {
        qnk_answer_late(node, from, held->window);
        return;
    }
    if (node->ballot == NULL || held->window != qnk_ballot_place(node->ballot)->window ||
        held->era > qnk_ballot_place(node->ballot)->era ||
        held->members != qnk_ballot_set(node->ballot)->count ||
        node->now_us < peer->held_sent_us + resend_period_us(node) / 4) {
        return;
    }
    peer->held_sent_us = node->now_us;
    qnk_abandon_answer(node, from); /* it may be an attempt behind, or have others of these */
    if (held->era < qnk_ballot_place(node->ballot)->era) {
        return;
    }
    certificates_answer(&lacking, held);
    votes_answer(&lacking, held);
    abandons_answer(&lacking, held);
    lacking_flush(&lacking);

    /* Whoever is rounds behind gets this node's own round as well, which may move it on. */
    if (qnk_ballot_round(node->ballot) > held->round) {
        struct qnk_held nothing = *held;
        uint64_t size = (uint64_t)(held->members + 7) / 8 * 12;
        uint8_t *none = qnk_memory_take(&node->budget, size);

        nothing.round = qnk_ballot_round(node->ballot);
        nothing.bitmaps = none;
        if (none != NULL) {
            votes_answer(&lacking, &nothing);
            lacking_flush(&lacking);
        }
        qnk_memory_give(&node->budget, none, size);
    }
}
