/* SPDX-License-Identifier: MIT */

#include "kernel/node/attempts.h"

#include <qnet/assert.h>

struct said {
    bool is_here;
    bool is_contradicted; /* by another one, which was told once */
    bool is_broken;       /* likewise: by what was signed in spite of it */
    struct qnk_vote vote; /* its tail is `words` */
    struct qnk_standing standing;
    uint8_t words[QNK_STANDING_SIZE];
};

struct kept {
    struct qnk_abandon view; /* of `bytes` */
    struct qn_buf *bytes;
};

struct attempt {
    uint32_t count;
    struct kept kept[QNK_ATTEMPTS_KEPT];
};

struct qnk_attempts {
    struct qnk_budget *budget;
    struct qnk_set *set;
    uint64_t window;
    uint32_t number; /* of the engine's binding */
    uint32_t now;
    struct said *said; /* for each member */
    struct attempt earlier[QNK_ATTEMPTS_MAX];
};

/* --- life --- */

struct qnk_attempts *qnk_attempts_create(struct qnk_budget *budget, struct qnk_set *set,
                                         uint64_t window, uint32_t binding_number)
{
    struct qnk_attempts *attempts = qnk_memory_take(budget, sizeof *attempts);

    if (attempts == NULL) {
        return NULL;
    }
    attempts->budget = budget;
    attempts->set = qnk_set_ref(set);
    attempts->window = window;
    attempts->number = binding_number;
    attempts->said = qnk_memory_take(budget, set->count * sizeof *attempts->said);
    if (attempts->said == NULL) {
        qnk_attempts_destroy(attempts);
        return NULL;
    }
    return attempts;
}

void qnk_attempts_destroy(struct qnk_attempts *attempts)
{
    if (attempts == NULL) {
        return;
    }
    for (uint32_t i = 0; i < attempts->now; i++) {
        for (uint32_t j = 0; j < attempts->earlier[i].count; j++) {
            qnk_buf_unref(attempts->earlier[i].kept[j].bytes);
        }
    }
    qnk_memory_give(attempts->budget, attempts->said,
                    attempts->set->count * sizeof *attempts->said);
    qnk_set_unref(attempts->set);
    qnk_memory_give(attempts->budget, attempts, sizeof *attempts);
}

uint32_t qnk_attempts_now(const struct qnk_attempts *attempts)
{
    return attempts->now;
}

/* --- votes --- */

bool qnk_attempts_wants_vote(const struct qnk_attempts *attempts, const struct qnk_vote *vote)
{
    struct qnk_standing standing;

    if (vote->window != attempts->window || vote->era != qnk_era(attempts->number, attempts->now) ||
        vote->member >= attempts->set->count || attempts->now + 1 >= QNK_ATTEMPTS_MAX ||
        qnk_standing_of(vote, &standing) != QN_OK) {
        return false;
    }

    const struct said *said = &attempts->said[vote->member];

    return !said->is_here ||
           (!said->is_contradicted && !qnk_hash_equal(&said->vote.digest, &vote->digest));
}

enum qnk_ballot_result qnk_attempts_vote(struct qnk_attempts *attempts, const struct qnk_vote *vote)
{
    struct said *said;

    if (!qnk_attempts_wants_vote(attempts, vote)) {
        return QNK_BALLOT_OVER;
    }
    said = &attempts->said[vote->member];
    if (said->is_here) {
        said->is_contradicted = true;
        return QNK_BALLOT_DOUBLE;
    }
    said->is_here = true;
    said->vote = *vote;
    memcpy(said->words, vote->tail.data, sizeof said->words);
    said->vote.tail = (struct qn_span){said->words, sizeof said->words};

    int32_t status = qnk_standing_of(&said->vote, &said->standing);

    QN_ASSERT(status == QN_OK);
    return QNK_BALLOT_NEW;
}

bool qnk_attempts_broken(struct qnk_attempts *attempts, uint32_t member)
{
    bool is_first = !attempts->said[member].is_broken;

    attempts->said[member].is_broken = true;
    return is_first;
}

const struct qnk_vote *qnk_attempts_vote_of(const struct qnk_attempts *attempts, uint32_t member)
{
    QN_ASSERT(member < attempts->set->count);
    return attempts->said[member].is_here ? &attempts->said[member].vote : NULL;
}

/* --- making a certificate --- */

/* The highest lock that somebody states and a prepare certificate proves. */
static struct qnk_standing highest_proved(const struct qnk_attempts *attempts,
                                          const struct qnk_ballot *ballot, struct qn_span *prepared)
{
    struct qnk_standing highest = {.lock_round = -1};

    *prepared = (struct qn_span){NULL, 0};
    for (uint32_t i = 0; i < attempts->set->count; i++) {
        const struct qnk_standing *it = &attempts->said[i].standing;
        const struct qnk_ballot_certificate *held;

        if (!attempts->said[i].is_here || it->lock_round <= highest.lock_round) {
            continue;
        }
        held = qnk_ballot_certificate_find(ballot, (uint32_t)it->lock_round, &it->lock);
        if (held != NULL) {
            highest = *it;
            *prepared = held->view.bytes;
        }
    }
    return highest;
}

struct qn_span qnk_attempts_prepared(const struct qnk_attempts *attempts,
                                     const struct qnk_ballot *ballot)
{
    struct qn_span prepared;

    (void)highest_proved(attempts, ballot, &prepared);
    return prepared;
}

static bool lies_within(const struct qnk_standing *standing, const struct qnk_standing *highest)
{
    return standing->lock_round < highest->lock_round || standing->lock_round < 0 ||
           (standing->lock_round == highest->lock_round &&
            qnk_hash_equal(&standing->lock, &highest->lock));
}

struct qn_buf *qnk_attempts_certify(const struct qnk_attempts *attempts,
                                    const struct qnk_ballot *ballot)
{
    const struct qnk_set *set = attempts->set;
    uint64_t room = set->count * sizeof(const struct qnk_vote *);
    const struct qnk_vote **list = qnk_memory_take(attempts->budget, room);
    struct qn_buf *out = NULL;
    struct qn_span prepared;
    struct qnk_standing highest = highest_proved(attempts, ballot, &prepared);
    uint32_t count = 0;
    uint64_t weight = 0;

    if (list == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct said *said = &attempts->said[i];

        if (said->is_here && lies_within(&said->standing, &highest)) {
            list[count++] = &said->vote;
            weight += set->members[i].weight;
        }
    }
    if (weight >= qnk_set_quorum(set)) {
        out = qnk_buf_new(attempts->budget, qnk_abandon_size(count, prepared.size));
    }
    if (out != NULL) {
        qnk_abandon_encode(list, count, prepared, out->data);
    }
    qnk_memory_give(attempts->budget, list, room);
    return out;
}

/* --- certificates --- */

/* The attempt of this window that it gives up; UINT32_MAX: none that was or goes on. */
static uint32_t attempt_of(const struct qnk_attempts *attempts, const struct qnk_abandon *abandon)
{
    uint32_t attempt = qnk_era_attempt(abandon->era);

    return abandon->window == attempts->window && attempt <= attempts->now &&
                   attempt + 1 < QNK_ATTEMPTS_MAX &&
                   abandon->era == qnk_era(attempts->number, attempt)
               ? attempt
               : UINT32_MAX;
}

bool qnk_attempts_wants(const struct qnk_attempts *attempts, const struct qnk_abandon *abandon)
{
    uint32_t attempt = attempt_of(attempts, abandon);
    const struct attempt *at;

    if (attempt == UINT32_MAX) {
        return false;
    }
    at = &attempts->earlier[attempt];
    for (uint32_t i = 0; i < at->count; i++) {
        const struct qnk_abandon *kept = &at->kept[i].view;

        if (kept->highest.lock_round < 0 ||
            (abandon->highest.lock_round >= 0 &&
             qnk_hash_equal(&kept->highest.lock, &abandon->highest.lock))) {
            return false;
        }
    }
    return at->count < QNK_ATTEMPTS_KEPT || abandon->highest.lock_round < 0;
}

void qnk_attempts_add(struct qnk_attempts *attempts, struct qn_buf *bytes)
{
    struct qnk_abandon view;
    struct attempt *at;
    uint32_t attempt;
    int32_t status = qnk_abandon_decode(qnk_buf_span(bytes), &view);

    QN_ASSERT(status == QN_OK);
    if (!qnk_attempts_wants(attempts, &view)) {
        return;
    }
    attempt = attempt_of(attempts, &view);
    at = &attempts->earlier[attempt];
    if (view.highest.lock_round < 0) { /* it permits what all others do, and more */
        for (uint32_t i = 0; i < at->count; i++) {
            qnk_buf_unref(at->kept[i].bytes);
        }
        at->count = 0;
    }
    at->kept[at->count++] = (struct kept){.view = view, .bytes = qnk_buf_ref(bytes)};
    if (attempt == attempts->now) {
        attempts->now++;
        memset(attempts->said, 0, attempts->set->count * sizeof *attempts->said);
    }
}

struct qn_span qnk_attempts_at(const struct qnk_attempts *attempts, uint32_t index)
{
    for (uint32_t i = 0; i < attempts->now; i++) {
        const struct attempt *at = &attempts->earlier[i];

        if (index < at->count) {
            return qnk_buf_span(at->kept[index].bytes);
        }
        index -= at->count;
    }
    return (struct qn_span){NULL, 0};
}

bool qnk_attempts_permit(const struct qnk_attempts *attempts, const struct qnk_hash *digest,
                         struct qn_span to[QNK_ATTEMPTS_MAX])
{
    for (uint32_t i = 0; i < attempts->now; i++) {
        const struct attempt *at = &attempts->earlier[i];
        uint32_t found = 0;

        while (found < at->count && !qnk_abandon_permits(&at->kept[found].view, digest)) {
            found++;
        }
        if (found == at->count) {
            return false;
        }
        if (to != NULL) {
            to[i] = qnk_buf_span(at->kept[found].bytes);
        }
    }
    return true;
}

uint32_t qnk_attempts_choice(const struct qnk_attempts *attempts, struct qnk_hash *digest)
{
    bool is_any = true;

    for (uint32_t i = attempts->now; i-- > 0;) {
        const struct attempt *at = &attempts->earlier[i];
        const struct qnk_standing *best = NULL;

        for (uint32_t j = 0; j < at->count; j++) {
            const struct qnk_standing *it = &at->kept[j].view.highest;

            is_any = is_any && it->lock_round < 0;
            if (it->lock_round >= 0 && (best == NULL || it->lock_round > best->lock_round) &&
                qnk_attempts_permit(attempts, &it->lock, NULL)) {
                best = it;
            }
        }
        if (best != NULL) {
            *digest = best->lock;
            return QNK_CHOICE_ONE;
        }
    }
    return is_any ? QNK_CHOICE_ANY : QNK_CHOICE_NONE;
}
