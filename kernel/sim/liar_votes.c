/* SPDX-License-Identifier: MIT */

/* liar_votes.c: what becomes of own votes on their way out. */

#include <qnet/assert.h>

#include "kernel/sim/liar_own.h"

enum {
    WILL = 250, /* permille of duties, for each kind that a vote may suffer */
    LATE_LEAST_US = 100000,
    LATE_MORE_US = 3000000,
};

/* --- making votes --- */

void qnk_liar_vote_sign(struct qnk_liar *liar, struct qnk_vote *vote,
                        const struct qnk_hash *chain_id)
{
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    qnk_vote_open(vote, &vote->open);
    qnk_vote_message(vote, chain_id, message);
    qnk_liar_sign(liar, (struct qn_span){message, sizeof message}, vote->signature);
}

static struct qn_buf *vote_bytes(struct qnk_liar *liar, const struct qnk_vote *vote)
{
    struct qn_buf *bytes = qnk_buf_new(liar->all->budget, qnk_vote_size(vote));

    QN_ASSERT(bytes != NULL);
    qnk_vote_encode(vote, bytes->data);
    return bytes;
}

/* A VOTES body of one encoded vote. */
static struct qn_buf *votes_body(struct qnk_liar *liar, struct qn_span vote)
{
    struct qn_buf *body = qnk_buf_new(liar->all->budget, 4 + vote.size);

    QN_ASSERT(body != NULL);
    qn_le32_write(body->data, 1);
    memcpy(body->data + 4, vote.data, vote.size);
    return body;
}

void qnk_liar_vote_say(struct qnk_liar *liar, uint32_t to, const struct qnk_vote *vote)
{
    struct qn_buf *bytes = vote_bytes(liar, vote);
    struct qn_buf *body = votes_body(liar, qnk_buf_span(bytes));

    qnk_liar_say(liar, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, qnk_buf_span(body));
    qnk_buf_unref(body);
    qnk_buf_unref(bytes);
}

struct qnk_hash qnk_liar_digest(struct qnk_liar *liar, uint32_t lie, const struct qnk_hash *digest)
{
    struct qnk_hash other = liar->digests[qnk_liar_lot(liar, lie, QNK_LIAR_KEPT)];
    uint64_t which = qnk_liar_lot(liar, lie, 3);

    if (which == 0) {
        other = (struct qnk_hash){{0}};
    }
    return which == 1 || qnk_hash_equal(&other, digest) ? qnk_liar_hash(liar, lie) : other;
}

/* Another header in the tail of a proposal, and its digest: a state that nobody computed. */
static bool header_change(struct qnk_liar *liar, uint32_t lie, struct qnk_vote *vote, uint8_t *tail)
{
    struct qnk_macro macro;

    if (qnk_macro_decode((struct qn_span){tail, QNK_MACRO_SIZE}, &macro) != QN_OK) {
        return false;
    }
    if (qnk_liar_lot(liar, lie, 2) == 0) {
        macro.state = qnk_liar_hash(liar, lie);
    } else {
        macro.last = qnk_liar_hash(liar, lie);
    }
    qnk_macro_encode(&macro, tail);
    qnk_macro_digest(&macro, &vote->digest);
    return true;
}

/* Another vote for the same duty; NULL: there is none. */
static struct qn_buf *vote_other(struct qnk_liar *liar, uint32_t lie, const struct qnk_vote *vote)
{
    uint8_t tail[QNK_MACRO_SIZE + QNK_VOTE_BODY_MAX];
    struct qnk_vote other = *vote;

    if (vote->tail.size > sizeof tail) {
        return NULL;
    }
    if (vote->tail.size > 0) {
        memcpy(tail, vote->tail.data, vote->tail.size);
    }
    other.tail.data = tail;
    qnk_liar_bind(liar, &other);
    if (vote->step == QNK_STEP_PROPOSE) {
        if (!header_change(liar, lie, &other, tail)) {
            return NULL;
        }
    } else {
        other.digest = lie == QNK_LIE_WRONG_REVEAL ? qnk_liar_hash(liar, lie)
                                                   : qnk_liar_digest(liar, lie, &vote->digest);
    }
    qnk_liar_vote_sign(liar, &other, &liar->all->chain_id);
    return vote_bytes(liar, &other);
}

/* --- own votes on their way --- */

static struct qnk_hash place_of(const struct qnk_vote *vote)
{
    struct qnk_hash place = {{0}};

    place.bytes[0] = 1; /* not zero, which is no place */
    qn_le16_write(place.bytes + 2, vote->step);
    qn_le32_write(place.bytes + 4, vote->era);
    qn_le64_write(place.bytes + 8, vote->window);
    qn_le32_write(place.bytes + 16, vote->round);
    return place;
}

static void late_add(struct qnk_liar *liar, uint32_t lie, struct qn_span vote)
{
    uint64_t at_us =
        qnk_world_now(liar->all->world) + LATE_LEAST_US + qnk_liar_lot(liar, lie, LATE_MORE_US);

    for (uint32_t i = 0; i < QNK_LIAR_LATE; i++) {
        if (liar->late[i].body == NULL) {
            liar->late[i] = (struct qnk_liar_late){at_us, votes_body(liar, vote)};
            return;
        }
    }
}

/* Another share in a reveal's tail, which nothing signs: none, or nonsense. */
static void share_change(struct qnk_liar *liar, uint32_t lie, uint8_t *vote)
{
    uint8_t *share = vote + QNK_VOTE_WIRE_SIZE + QN_HASH_SIZE;

    if (qnk_liar_lot(liar, lie, 2) == 0) {
        memset(share, 0, QN_HASH_SIZE);
    } else {
        qnk_liar_bytes(liar, lie, share, QN_HASH_SIZE);
    }
}

static bool is_reveal(const struct qnk_vote *vote)
{
    return vote->step == QNK_STEP_PREPARE && vote->round == 0;
}

/* A lie that only a reveal can suffer. */
static bool reveal_way(struct qnk_liar *liar, struct qnk_liar_duty *duty,
                       const struct qnk_vote *vote, struct qn_span bytes)
{
    if (qnk_liar_will(liar, QNK_LIE_WITHHOLD_REVEAL, WILL)) {
        duty->way = QNK_WAY_NONE;
        if (qnk_liar_lot(liar, QNK_LIE_WITHHOLD_REVEAL, 3) == 0) { /* only of its share */
            duty->way = QNK_WAY_OTHER;
            duty->other = qnk_buf_copy(liar->all->budget, bytes);
            QN_ASSERT(duty->other != NULL);
            share_change(liar, QNK_LIE_WITHHOLD_REVEAL, duty->other->data);
        }
        qnk_liar_told(liar, QNK_LIE_WITHHOLD_REVEAL);
    } else if (qnk_liar_will(liar, QNK_LIE_LATE_REVEAL, WILL)) {
        duty->way = QNK_WAY_NONE;
        late_add(liar, QNK_LIE_LATE_REVEAL, bytes);
        qnk_liar_told(liar, QNK_LIE_LATE_REVEAL);
    } else if (!qnk_hash_is_zero(&vote->digest) &&
               qnk_liar_will(liar, QNK_LIE_WRONG_REVEAL, WILL)) {
        duty->way = QNK_WAY_OTHER;
        duty->other = vote_other(liar, QNK_LIE_WRONG_REVEAL, vote);
        qnk_liar_told(liar, QNK_LIE_WRONG_REVEAL);
    }
    return duty->way != QNK_WAY_TRUE;
}

/* The lots of a vote that is sent for the first time. */
static void vote_way(struct qnk_liar *liar, struct qnk_liar_duty *duty, const struct qnk_vote *vote,
                     struct qn_span bytes)
{
    if (vote->step == QNK_STEP_PREPARE && vote->round == 0 && reveal_way(liar, duty, vote, bytes)) {
        return;
    }
    if (qnk_liar_will(liar, QNK_LIE_DOUBLE_VOTE, WILL)) {
        duty->salt = qnk_liar_lot(liar, QNK_LIE_DOUBLE_VOTE, UINT64_MAX);
        duty->other = vote_other(liar, QNK_LIE_DOUBLE_VOTE, vote);
        if (duty->other != NULL) {
            duty->way = duty->salt % 3 == 0 ? QNK_WAY_BOTH : QNK_WAY_SPLIT;
            qnk_liar_told(liar, QNK_LIE_DOUBLE_VOTE);
        }
    } else if (vote->step == QNK_STEP_PROPOSE && qnk_liar_will(liar, QNK_LIE_WRONG_STATE, WILL)) {
        duty->other = vote_other(liar, QNK_LIE_WRONG_STATE, vote);
        if (duty->other != NULL) {
            duty->way = QNK_WAY_OTHER;
            qnk_liar_told(liar, QNK_LIE_WRONG_STATE);
        }
    } else if (qnk_liar_will(liar, QNK_LIE_WITHHOLD_VOTES, WILL)) {
        duty->way = QNK_WAY_NONE;
        if (qnk_liar_lot(liar, QNK_LIE_WITHHOLD_VOTES, 2) == 0) {
            late_add(liar, QNK_LIE_WITHHOLD_VOTES, bytes);
        }
        qnk_liar_told(liar, QNK_LIE_WITHHOLD_VOTES);
    } else if (qnk_liar_will(liar, QNK_LIE_SELECTIVE_VOTES, WILL)) {
        duty->way = QNK_WAY_ONE;
        duty->salt = qnk_liar_somebody(liar, QNK_LIE_SELECTIVE_VOTES);
        qnk_liar_told(liar, QNK_LIE_SELECTIVE_VOTES);
    }
}

static struct qnk_liar_duty *duty_of(struct qnk_liar *liar, const struct qnk_vote *vote,
                                     struct qn_span bytes)
{
    struct qnk_hash place = place_of(vote);
    struct qnk_liar_duty *duty = qnk_liar_duty_find(liar, &place);

    if (duty == NULL) {
        duty = qnk_liar_duty_new(liar, &place);
        vote_way(liar, duty, vote, bytes);
        if (vote->tail.size == 0) {
            memcpy(liar->old_vote, bytes.data, sizeof liar->old_vote);
        }
    }
    return duty;
}

static void digest_keep(struct qnk_liar *liar, const struct qnk_vote *vote)
{
    const struct qnk_hash *last =
        &liar->digests[(liar->digests_next + QNK_LIAR_KEPT - 1) % QNK_LIAR_KEPT];

    if (vote->step != QNK_STEP_COMMIT && !qnk_hash_is_zero(&vote->digest) &&
        !qnk_hash_equal(last, &vote->digest)) {
        liar->digests[liar->digests_next++ % QNK_LIAR_KEPT] = vote->digest;
    }
}

/* A VOTES body that is being written. */
struct votes {
    uint8_t *at;
    uint32_t count;
};

static void votes_put(struct votes *votes, struct qn_span vote)
{
    memcpy(votes->at, vote.data, vote.size);
    votes->at += vote.size;
    votes->count++;
}

/* What `to` gets of one own vote; false: just what it is. */
static bool vote_put(struct qnk_liar *liar, uint32_t to, const struct qnk_vote *vote,
                     struct qn_span bytes, struct votes *votes)
{
    struct qnk_liar_duty *duty = duty_of(liar, vote, bytes);
    struct qn_span other = {NULL, 0};
    bool is_other = false;

    if (duty->other != NULL) {
        other = qnk_buf_span(duty->other);
    }
    switch ((enum qnk_liar_way)duty->way) {
    case QNK_WAY_TRUE:
        votes_put(votes, bytes);
        return false;
    case QNK_WAY_NONE:
        return true;
    case QNK_WAY_ONE:
        if (duty->salt == to) {
            votes_put(votes, bytes);
        }
        return true;
    case QNK_WAY_OTHER:
        is_other = true;
        break;
    case QNK_WAY_SPLIT:
        is_other = qnk_liar_duty_side(duty, to);
        break;
    case QNK_WAY_BOTH:
        votes_put(votes, bytes);
        is_other = true;
        break;
    }
    votes_put(votes, is_other ? other : bytes);
    return true;
}

bool qnk_liar_votes_effect(struct qnk_liar *liar, const struct qnk_effect *effect)
{
    struct qn_span body = qnk_liar_said(liar, effect);
    struct qn_span rest = {body.data + 4, body.size - 4};
    struct qn_buf *out = qnk_buf_new(liar->all->budget, 2 * body.size); /* each may be two */
    struct votes votes;
    bool is_changed = false;

    QN_ASSERT(out != NULL && body.size >= 4);
    votes = (struct votes){.at = out->data + 4};
    while (rest.size > 0) {
        struct qn_span bytes = rest;
        struct qnk_vote vote;
        int32_t status = qnk_vote_next(&rest, &vote);

        QN_ASSERT(status == QN_OK);
        bytes.size -= rest.size;
        digest_keep(liar, &vote);
        if (vote.member == liar->member && !liar->all->is_over) {
            is_changed |= vote_put(liar, effect->send.peer - 1, &vote, bytes, &votes);
        } else {
            votes_put(&votes, bytes);
        }
        /* What others reveal passes through its hands too. */
        if (vote.member != liar->member && is_reveal(&vote) &&
            qnk_liar_will(liar, QNK_LIE_LYING_SYNC, WILL)) {
            share_change(liar, QNK_LIE_LYING_SYNC, votes.at - bytes.size);
            is_changed = true;
            qnk_liar_told(liar, QNK_LIE_LYING_SYNC);
        }
    }
    if (is_changed && votes.count > 0) {
        qn_le32_write(out->data, votes.count);
        qnk_liar_say_instead(liar, effect,
                             (struct qn_span){out->data, (uint64_t)(votes.at - out->data)});
    }
    qnk_buf_unref(out);
    return !is_changed;
}

/* --- own votes that come back --- */

bool qnk_liar_votes_hear(struct qnk_liar *liar, struct qnk_event *event)
{
    struct qn_span body = event->frame.head.body;
    struct qnk_items items;
    struct votes votes;
    uint32_t own = 0;

    if (qnk_items_decode(body, QNK_WIRE_VOTES_MAX, &items) != QN_OK) {
        return true;
    }
    qnk_buf_unref(liar->heard);
    liar->heard = qnk_buf_new(liar->all->budget, body.size);
    QN_ASSERT(liar->heard != NULL);
    votes = (struct votes){.at = liar->heard->data + 4};
    for (struct qn_span rest = items.items; rest.size > 0;) {
        struct qn_span bytes = rest;
        struct qnk_vote vote;

        if (qnk_vote_next(&rest, &vote) != QN_OK) {
            return true; /* its node says what it thinks of that */
        }
        bytes.size -= rest.size;
        digest_keep(liar, &vote);
        if (vote.member == liar->member) {
            own++;
        } else {
            votes_put(&votes, bytes);
        }
    }
    if (own == 0) {
        return true;
    }
    if ((liar->kinds >> QNK_LIE_TWIN & 1) != 0) {
        qnk_liar_told(liar, QNK_LIE_TWIN);
    }
    qn_le32_write(liar->heard->data, votes.count);
    event->frame.buf = liar->heard;
    event->frame.head.body =
        (struct qn_span){liar->heard->data, (uint64_t)(votes.at - liar->heard->data)};
    event->frame.head.plain_size = (uint32_t)event->frame.head.body.size;
    return votes.count > 0;
}

/* --- late votes --- */

void qnk_liar_votes_tick(struct qnk_liar *liar)
{
    uint64_t now_us = qnk_world_now(liar->all->world);

    for (uint32_t i = 0; i < QNK_LIAR_LATE; i++) {
        struct qnk_liar_late *late = &liar->late[i];

        if (late->body != NULL && late->at_us <= now_us) {
            qnk_liar_say_all(liar, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, qnk_buf_span(late->body));
            qnk_buf_unref(late->body);
            late->body = NULL;
        }
    }
}

void qnk_liar_votes_done(struct qnk_liar *liar)
{
    for (uint32_t i = 0; i < QNK_LIAR_LATE; i++) {
        qnk_buf_unref(liar->late[i].body);
    }
}
