/* SPDX-License-Identifier: MIT */

#include "kernel/node/ballot.h"

#include <qnet/assert.h>

/* All votes of one round and step, by member. */
struct cell {
    uint32_t round;
    uint32_t step;
    struct qnk_ballot_vote **votes; /* set->count places */
};

struct qnk_ballot {
    struct qnk_budget *budget;
    struct qnk_set *set;
    struct qnk_ballot_place place;
    uint32_t round;
    uint32_t cells_count;
    struct cell cells[QNK_BALLOT_CELLS]; /* ascending by (round, step) */
    struct qnk_ballot_vote **far;        /* each member's highest vote beyond the limit */
    struct qnk_ballot_certificate certificates[QNK_BALLOT_CERTIFICATES];
    uint32_t certificates_count;
};

/* --- life --- */

struct qnk_ballot *qnk_ballot_create(struct qnk_budget *budget, struct qnk_set *set,
                                     const struct qnk_ballot_place *place)
{
    struct qnk_ballot *ballot = qnk_memory_take(budget, sizeof *ballot);

    if (ballot == NULL) {
        return NULL;
    }
    ballot->budget = budget;
    ballot->far = qnk_memory_take(budget, set->count * sizeof(void *));
    if (ballot->far == NULL) {
        qnk_memory_give(budget, ballot, sizeof *ballot);
        return NULL;
    }
    ballot->set = qnk_set_ref(set);
    ballot->place = *place;
    return ballot;
}

static void vote_destroy(struct qnk_ballot *ballot, struct qnk_ballot_vote *vote)
{
    if (vote != NULL) {
        qnk_memory_give(ballot->budget, vote, sizeof *vote + vote->tail_size);
    }
}

static void cell_done(struct qnk_ballot *ballot, struct cell *cell)
{
    for (uint32_t i = 0; i < ballot->set->count; i++) {
        vote_destroy(ballot, cell->votes[i]);
    }
    qnk_memory_give(ballot->budget, cell->votes, ballot->set->count * sizeof(void *));
}

void qnk_ballot_destroy(struct qnk_ballot *ballot)
{
    if (ballot == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ballot->cells_count; i++) {
        cell_done(ballot, &ballot->cells[i]);
    }
    for (uint32_t i = 0; i < ballot->set->count; i++) {
        vote_destroy(ballot, ballot->far[i]);
    }
    for (uint32_t i = 0; i < ballot->certificates_count; i++) {
        qnk_buf_unref(ballot->certificates[i].bytes);
    }
    qnk_memory_give(ballot->budget, ballot->far, ballot->set->count * sizeof(void *));
    qnk_set_unref(ballot->set);
    qnk_memory_give(ballot->budget, ballot, sizeof *ballot);
}

struct qnk_set *qnk_ballot_set(const struct qnk_ballot *ballot)
{
    return ballot->set;
}

const struct qnk_ballot_place *qnk_ballot_place(const struct qnk_ballot *ballot)
{
    return &ballot->place;
}

uint32_t qnk_ballot_round(const struct qnk_ballot *ballot)
{
    return ballot->round;
}

/* --- cells --- */

static bool is_within(const struct qnk_ballot *ballot, uint32_t round)
{
    uint64_t last = (uint64_t)ballot->round + QNK_BALLOT_AHEAD;

    return round <= last && (uint64_t)round + QNK_BALLOT_BEHIND >= ballot->round;
}

static const struct cell *cell_find(const struct qnk_ballot *ballot, uint32_t round, uint32_t step)
{
    for (uint32_t i = 0; i < ballot->cells_count; i++) {
        if (ballot->cells[i].round == round && ballot->cells[i].step == step) {
            return &ballot->cells[i];
        }
    }
    return NULL;
}

/* NULL: over the limit or the budget. */
static struct cell *cell_make(struct qnk_ballot *ballot, uint32_t round, uint32_t step)
{
    uint32_t at = ballot->cells_count;

    if (at == QNK_BALLOT_CELLS) {
        return NULL;
    }

    struct qnk_ballot_vote **votes =
        qnk_memory_take(ballot->budget, ballot->set->count * sizeof(void *));

    if (votes == NULL) {
        return NULL;
    }
    while (at > 0 &&
           (ballot->cells[at - 1].round > round ||
            (ballot->cells[at - 1].round == round && ballot->cells[at - 1].step > step))) {
        ballot->cells[at] = ballot->cells[at - 1];
        at--;
    }
    ballot->cells[at] = (struct cell){.round = round, .step = step, .votes = votes};
    ballot->cells_count++;
    return &ballot->cells[at];
}

/* Far votes that the new round brings within the limit take their places among the others, where
 * they count. The engine heard of them only to know how far their members are: it is told again. */
static void far_move(struct qnk_ballot *ballot)
{
    for (uint32_t i = 0; i < ballot->set->count; i++) {
        struct qnk_ballot_vote *vote = ballot->far[i];

        if (vote == NULL ||
            (vote->vote.round > ballot->round && !is_within(ballot, vote->vote.round))) {
            continue;
        }

        const struct cell *cell = cell_find(ballot, vote->vote.round, vote->vote.step);

        if (cell == NULL && is_within(ballot, vote->vote.round)) {
            cell = cell_make(ballot, vote->vote.round, vote->vote.step);
        }
        if (cell != NULL && cell->votes[i] == NULL) {
            vote->delivered = false;
            cell->votes[i] = vote;
        } else {
            vote_destroy(ballot, vote);
        }
        ballot->far[i] = NULL;
    }
}

void qnk_ballot_round_set(struct qnk_ballot *ballot, uint32_t round)
{
    uint32_t kept = 0;

    QN_ASSERT(round >= ballot->round);
    ballot->round = round;
    for (uint32_t i = 0; i < ballot->cells_count; i++) {
        if (is_within(ballot, ballot->cells[i].round)) {
            ballot->cells[kept++] = ballot->cells[i];
        } else {
            cell_done(ballot, &ballot->cells[i]);
        }
    }
    ballot->cells_count = kept;
    far_move(ballot);
}

struct qnk_ballot_vote *qnk_ballot_find(const struct qnk_ballot *ballot, uint32_t round,
                                        uint32_t step, uint32_t member)
{
    const struct cell *cell = cell_find(ballot, round, step);

    QN_ASSERT(member < ballot->set->count);
    return cell == NULL ? NULL : cell->votes[member];
}

/* --- taking votes --- */

static bool is_same(const struct qnk_vote *a, const struct qnk_vote *b)
{
    return a->vr == b->vr && qnk_hash_equal(&a->digest, &b->digest) &&
           qnk_hash_equal(&a->open, &b->open);
}

bool qnk_ballot_wants(const struct qnk_ballot *ballot, const struct qnk_vote *vote)
{
    const struct qnk_ballot_place *place = &ballot->place;

    if (vote->lane != place->lane || vote->era != place->era || vote->window != place->window ||
        vote->member >= ballot->set->count || vote->step == QNK_STEP_ABANDON) {
        return false;
    }
    if (!is_within(ballot, vote->round)) {
        const struct qnk_ballot_vote *far = ballot->far[vote->member];

        return vote->round > ballot->round && (far == NULL || far->vote.round < vote->round);
    }

    const struct qnk_ballot_vote *held =
        qnk_ballot_find(ballot, vote->round, vote->step, vote->member);

    return held == NULL || (!held->contradicted && !is_same(&held->vote, vote));
}

static struct qnk_ballot_vote *vote_copy(struct qnk_ballot *ballot, const struct qnk_vote *vote)
{
    struct qnk_ballot_vote *copy = qnk_memory_take(ballot->budget, sizeof *copy + vote->tail.size);

    if (copy != NULL) {
        copy->vote = *vote;
        copy->tail_size = vote->tail.size;
        if (vote->tail.size > 0) {
            memcpy(copy->tail, vote->tail.data, vote->tail.size);
        }
        copy->vote.tail = (struct qn_span){copy->tail, copy->tail_size};
    }
    return copy;
}

/* Compares a prepare of round 0 with the commit of the same member, if both are held. */
static void match_opening(const struct qnk_ballot *ballot, uint32_t member)
{
    const struct qnk_ballot_vote *commit = qnk_ballot_find(ballot, 0, QNK_STEP_COMMIT, member);
    struct qnk_ballot_vote *prepare = qnk_ballot_find(ballot, 0, QNK_STEP_PREPARE, member);
    struct qnk_hash commitment;

    if (commit == NULL || prepare == NULL || qnk_hash_is_zero(&prepare->vote.digest)) {
        return;
    }
    qnk_vote_commitment(&prepare->vote, &prepare->vote.digest, prepare->vote.open.bytes,
                        &commitment);
    prepare->opened = qnk_hash_equal(&commitment, &commit->vote.digest);
    prepare->false_opening = !prepare->opened;
}

static uint32_t add_far(struct qnk_ballot *ballot, const struct qnk_vote *vote,
                        struct qnk_ballot_vote **held)
{
    struct qnk_ballot_vote **far = &ballot->far[vote->member];

    if (vote->round < ballot->round || (*far != NULL && (*far)->vote.round >= vote->round)) {
        return QNK_BALLOT_OVER;
    }

    struct qnk_ballot_vote *copy = vote_copy(ballot, vote);

    if (copy == NULL) {
        return QNK_BALLOT_OVER;
    }
    vote_destroy(ballot, *far);
    *far = *held = copy;
    return QNK_BALLOT_NEW;
}

uint32_t qnk_ballot_add(struct qnk_ballot *ballot, const struct qnk_vote *vote,
                        struct qnk_ballot_vote **held)
{
    QN_ASSERT(vote->window == ballot->place.window && vote->era == ballot->place.era);
    QN_ASSERT(vote->member < ballot->set->count);
    if (!is_within(ballot, vote->round)) {
        return add_far(ballot, vote, held);
    }

    const struct cell *cell = cell_find(ballot, vote->round, vote->step);

    if (cell == NULL) {
        cell = cell_make(ballot, vote->round, vote->step);
    }
    if (cell == NULL) {
        return QNK_BALLOT_OVER;
    }

    struct qnk_ballot_vote **place = &cell->votes[vote->member];

    if (*place != NULL) {
        *held = *place;
        if (is_same(&(*place)->vote, vote)) {
            return QNK_BALLOT_KNOWN;
        }
        if ((*place)->contradicted) {
            return QNK_BALLOT_OVER;
        }
        (*place)->contradicted = true;
        return QNK_BALLOT_DOUBLE;
    }
    *place = vote_copy(ballot, vote);
    if (*place == NULL) {
        return QNK_BALLOT_OVER;
    }
    if (vote->round == 0 && vote->step <= QNK_STEP_PREPARE) {
        match_opening(ballot, vote->member);
    }
    *held = *place;
    return QNK_BALLOT_NEW;
}

/* --- evidence --- */

/* finality.md 5.4, type 3. */
static bool is_lock_violation(const struct qnk_vote *final, const struct qnk_vote *prepare)
{
    return final->step == QNK_STEP_FINAL && prepare->step == QNK_STEP_PREPARE &&
           !qnk_hash_is_zero(&final->digest) && !qnk_hash_is_zero(&prepare->digest) &&
           prepare->round > final->round && !qnk_hash_equal(&final->digest, &prepare->digest) &&
           prepare->vr < (int64_t) final->round;
}

const struct qnk_ballot_vote *qnk_ballot_lock_violation(const struct qnk_ballot *ballot,
                                                        const struct qnk_vote *vote)
{
    for (uint32_t i = 0; i < ballot->cells_count; i++) {
        const struct qnk_ballot_vote *other = ballot->cells[i].votes[vote->member];

        if (other != NULL &&
            (is_lock_violation(&other->vote, vote) || is_lock_violation(vote, &other->vote))) {
            return other;
        }
    }
    return NULL;
}

/* --- certificates --- */

/* A false opening does not count, unless its commit came only after the engine had counted it: what
 * a node saw first must not decide agreement. */
static bool counts(const struct qnk_ballot_vote *held)
{
    return !held->false_opening || held->delivered;
}

static uint64_t weight_of(const struct qnk_ballot *ballot, const struct cell *cell,
                          const struct qnk_hash *digest, int32_t vr)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < ballot->set->count; i++) {
        const struct qnk_ballot_vote *held = cell->votes[i];

        if (held != NULL && counts(held) && held->vote.vr == vr &&
            qnk_hash_equal(&held->vote.digest, digest)) {
            weight += ballot->set->members[i].weight;
        }
    }
    return weight;
}

/* The vr under which this digest has a quorum, if there is one. */
static bool find_quorum(const struct qnk_ballot *ballot, const struct cell *cell,
                        const struct qnk_hash *digest, int32_t *vr)
{
    uint64_t quorum = qnk_set_quorum(ballot->set);

    for (uint32_t i = 0; i < ballot->set->count; i++) {
        const struct qnk_ballot_vote *held = cell->votes[i];

        if (held != NULL && qnk_hash_equal(&held->vote.digest, digest) &&
            weight_of(ballot, cell, digest, held->vote.vr) >= quorum) {
            *vr = held->vote.vr;
            return true;
        }
    }
    return false;
}

static struct qn_buf *certificate_of(const struct qnk_ballot *ballot, const struct cell *cell,
                                     const struct qnk_hash *digest, int32_t vr)
{
    uint64_t list_size = ballot->set->count * sizeof(void *);
    const struct qnk_vote **votes = qnk_memory_take(ballot->budget, list_size);
    uint32_t count = 0;

    if (votes == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < ballot->set->count; i++) {
        const struct qnk_ballot_vote *held = cell->votes[i];

        if (held != NULL && counts(held) && held->vote.vr == vr &&
            qnk_hash_equal(&held->vote.digest, digest)) {
            votes[count++] = &held->vote;
        }
    }

    uint8_t form = cell->step == QNK_STEP_PREPARE && cell->round == 0 ? QNK_CERTIFICATE_BLINDS
                                                                      : QNK_CERTIFICATE_PLAIN;
    struct qn_buf *bytes =
        qnk_buf_new(ballot->budget, qnk_certificate_size(form, ballot->set->count, count));

    if (bytes != NULL) {
        qnk_certificate_encode(votes, count, ballot->set->count, bytes->data);
    }
    qnk_memory_give(ballot->budget, (void *)(uintptr_t)votes, list_size);
    return bytes;
}

struct qn_buf *qnk_ballot_certify(const struct qnk_ballot *ballot, uint32_t round, uint32_t step,
                                  const struct qnk_hash *digest)
{
    const struct cell *cell = cell_find(ballot, round, step);
    int32_t vr = -1;

    if (cell == NULL || qnk_hash_is_zero(digest) || !find_quorum(ballot, cell, digest, &vr)) {
        return NULL;
    }
    return certificate_of(ballot, cell, digest, vr);
}

/* The place of a new certificate of `round`: a free one, or that of the lowest round below it,
 * since locks and justifications go up. NULL: all that is held is of this round or later. */
static struct qnk_ballot_certificate *certificate_place(struct qnk_ballot *ballot, uint32_t round)
{
    struct qnk_ballot_certificate *lowest = &ballot->certificates[0];

    if (ballot->certificates_count < QNK_BALLOT_CERTIFICATES) {
        return &ballot->certificates[ballot->certificates_count++];
    }
    for (uint32_t i = 1; i < QNK_BALLOT_CERTIFICATES; i++) {
        if (ballot->certificates[i].view.round < lowest->view.round) {
            lowest = &ballot->certificates[i];
        }
    }
    if (lowest->view.round >= round) {
        return NULL;
    }
    qnk_buf_unref(lowest->bytes);
    return lowest;
}

bool qnk_ballot_certificate_add(struct qnk_ballot *ballot, struct qn_buf *bytes)
{
    struct qnk_certificate view;
    int32_t status = qnk_certificate_decode(qnk_buf_span(bytes), &view);

    QN_ASSERT(status == QN_OK);
    if (qnk_ballot_certificate_find(ballot, view.round, &view.digest) != NULL) {
        return false;
    }

    struct qnk_ballot_certificate *place = certificate_place(ballot, view.round);

    if (place != NULL) {
        *place = (struct qnk_ballot_certificate){.view = view, .bytes = qnk_buf_ref(bytes)};
    }
    return place != NULL;
}

const struct qnk_ballot_certificate *qnk_ballot_certificate_find(const struct qnk_ballot *ballot,
                                                                 uint32_t round,
                                                                 const struct qnk_hash *digest)
{
    for (uint32_t i = 0; i < ballot->certificates_count; i++) {
        const struct qnk_ballot_certificate *held = &ballot->certificates[i];

        if (held->view.round == round &&
            (digest == NULL || qnk_hash_equal(&held->view.digest, digest))) {
            return held;
        }
    }
    return NULL;
}

const struct qnk_ballot_certificate *qnk_ballot_certificate_at(const struct qnk_ballot *ballot,
                                                               uint32_t index)
{
    return index < ballot->certificates_count ? &ballot->certificates[index] : NULL;
}

/* --- walking and the exchange --- */

void qnk_ballot_walk(const struct qnk_ballot *ballot,
                     void (*visit)(void *ctx, struct qnk_ballot_vote *vote), void *ctx)
{
    for (uint32_t i = 0; i < ballot->cells_count; i++) {
        for (uint32_t j = 0; j < ballot->set->count; j++) {
            if (ballot->cells[i].votes[j] != NULL) {
                visit(ctx, ballot->cells[i].votes[j]);
            }
        }
    }
    for (uint32_t j = 0; j < ballot->set->count; j++) {
        if (ballot->far[j] != NULL) {
            visit(ctx, ballot->far[j]);
        }
    }
}

void qnk_ballot_bitmap(const struct qnk_ballot *ballot, uint32_t round, uint32_t step,
                       uint8_t *bitmap)
{
    const struct cell *cell = cell_find(ballot, round, step);

    memset(bitmap, 0, (ballot->set->count + 7) / 8);
    for (uint32_t i = 0; cell != NULL && i < ballot->set->count; i++) {
        if (cell->votes[i] != NULL) {
            qnk_bit_set(bitmap, i);
        }
    }
}

enum { HELD_STEPS = QNK_HELD_BITMAPS / 2 }; /* steps 0..5 of two rounds */

/* The round a HELD message's i-th half is about; false: there is none before round 0. */
static bool held_round(uint32_t round, uint32_t half, uint32_t *which)
{
    *which = round - half;
    return half <= round;
}

struct qn_buf *qnk_ballot_held(const struct qnk_ballot *ballot)
{
    uint32_t row = (ballot->set->count + 7) / 8;
    uint64_t bitmaps_size = (uint64_t)row * HELD_STEPS * 2;
    struct qn_buf *body = qnk_buf_new(ballot->budget, qnk_held_size(ballot->set->count));
    uint8_t *bitmaps = qnk_memory_take(ballot->budget, bitmaps_size);
    struct qnk_held held = {
        .window = ballot->place.window,
        .era = ballot->place.era,
        .round = ballot->round,
        .members = ballot->set->count,
        .bitmaps = bitmaps,
    };

    if (body == NULL || bitmaps == NULL) {
        qnk_buf_unref(body);
        qnk_memory_give(ballot->budget, bitmaps, bitmaps_size);
        return NULL;
    }
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t round;

        if (!held_round(ballot->round, half, &round)) {
            continue;
        }
        if (qnk_ballot_certificate_find(ballot, round, NULL) != NULL) {
            held.certificates = (uint8_t)(held.certificates | 1u << half);
        }
        for (uint32_t step = 0; step < HELD_STEPS; step++) {
            qnk_ballot_bitmap(ballot, round, step, bitmaps + (half * HELD_STEPS + step) * row);
        }
    }
    qnk_held_encode(&held, body->data);
    qnk_memory_give(ballot->budget, bitmaps, bitmaps_size);
    return body;
}

void qnk_ballot_lacking(const struct qnk_ballot *ballot, const struct qnk_held *held,
                        void (*visit)(void *ctx, struct qnk_ballot_vote *vote), void *ctx)
{
    uint32_t row = (ballot->set->count + 7) / 8;

    QN_ASSERT(held->members == ballot->set->count);
    for (uint32_t half = 0; half < 2; half++) {
        for (uint32_t step = 0; step < HELD_STEPS; step++) {
            const uint8_t *has = held->bitmaps + (half * HELD_STEPS + step) * row;
            uint32_t round;
            const struct cell *cell =
                held_round(held->round, half, &round) ? cell_find(ballot, round, step) : NULL;

            for (uint32_t i = 0; cell != NULL && i < ballot->set->count; i++) {
                if (cell->votes[i] != NULL && !qnk_bit(has, i)) {
                    visit(ctx, cell->votes[i]);
                }
            }
        }
    }
}
