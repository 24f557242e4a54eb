/* SPDX-License-Identifier: MIT */
#pragma once

/* verdicts.h: what is known of the digests that others named: asked for, valid, invalid. For
 * engines; no part of the ABI, as nothing here crosses it.
 *
 * A bounded memory: when it is full, what matters least is forgotten first, an invalid digest
 * before one that is being asked for, and that before a valid one. Who forgets may ask again.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes and not nil
 *   threads  one at a time
 *   cost     linear in QN_VERDICTS_MAX; allocates nothing
 */

#include <stdbool.h>

#include <qnet/consensus.h>
#include <qnet/tally.h>
#include <qnet/window.h>

/* In digests. Why: a liar may name a new one in each vote, honest members name very few. */
enum { QN_VERDICTS_MAX = 64 };

/* In the order in which they are forgotten. */
enum qn_verdict {
    QN_VERDICT_NONE, /* never heard of: a free place */
    QN_VERDICT_INVALID,
    QN_VERDICT_LATER, /* could not be told: may be asked again */
    QN_VERDICT_ASKED,
    QN_VERDICT_VALID
};

struct qn_verdicts_item {
    uint8_t digest[QN_HASH_SIZE];
    enum qn_verdict verdict;
    uint32_t min_round; /* of VALID */
};

struct qn_verdicts {
    struct qn_verdicts_item items[QN_VERDICTS_MAX];
    uint32_t next; /* where the search for what to forget begins */
};

static inline void qn_verdicts_clear(struct qn_verdicts *verdicts)
{
    memset(verdicts, 0, sizeof *verdicts);
}

/* Its place, or QN_VERDICTS_MAX. */
static inline uint32_t qn_verdicts_find(const struct qn_verdicts *verdicts, const uint8_t *digest)
{
    uint32_t i = 0;

    while (i < QN_VERDICTS_MAX && (verdicts->items[i].verdict == QN_VERDICT_NONE ||
                                   memcmp(verdicts->items[i].digest, digest, QN_HASH_SIZE) != 0)) {
        i++;
    }
    return i;
}

/* A place for a new digest: the first of the least verdict, turn by turn. */
static inline uint32_t qn_verdicts_place(struct qn_verdicts *verdicts)
{
    uint32_t place = verdicts->next;

    for (uint32_t i = 1; i < QN_VERDICTS_MAX; i++) {
        uint32_t other = (verdicts->next + i) % QN_VERDICTS_MAX;

        if (verdicts->items[other].verdict < verdicts->items[place].verdict) {
            place = other;
        }
    }
    verdicts->next = (place + 1) % QN_VERDICTS_MAX;
    return place;
}

static inline void qn_verdicts_set(struct qn_verdicts *verdicts, const uint8_t *digest,
                                   enum qn_verdict verdict, uint32_t min_round)
{
    uint32_t place = qn_verdicts_find(verdicts, digest);

    QN_ASSERT(verdict != QN_VERDICT_NONE);
    if (place == QN_VERDICTS_MAX) {
        place = qn_verdicts_place(verdicts);
    }
    memcpy(verdicts->items[place].digest, digest, QN_HASH_SIZE);
    verdicts->items[place].verdict = verdict;
    verdicts->items[place].min_round = min_round;
}

/* NONE: never heard of, or forgotten. */
static inline enum qn_verdict qn_verdicts_of(const struct qn_verdicts *verdicts,
                                             const uint8_t *digest)
{
    uint32_t place = qn_verdicts_find(verdicts, digest);

    return place < QN_VERDICTS_MAX ? verdicts->items[place].verdict : QN_VERDICT_NONE;
}

/* Whether the digest was found valid, in this round already. */
static inline bool qn_verdicts_allow(const struct qn_verdicts *verdicts, const uint8_t *digest,
                                     uint32_t round)
{
    uint32_t place = qn_verdicts_find(verdicts, digest);

    return place < QN_VERDICTS_MAX && verdicts->items[place].verdict == QN_VERDICT_VALID &&
           verdicts->items[place].min_round <= round;
}

/* Asks for a digest's verdict on first sight, and again where it could not be told. */
static inline void qn_verdicts_ask(struct qn_verdicts *verdicts, struct qn_window *window,
                                   const uint8_t *digest)
{
    enum qn_verdict verdict = qn_verdicts_of(verdicts, digest);

    if (!qn_digest_is_nil(digest) && (verdict == QN_VERDICT_NONE || verdict == QN_VERDICT_LATER)) {
        qn_verdicts_set(verdicts, digest, QN_VERDICT_ASKED, 0);
        qn_window_check(window, digest);
    }
}

/* Takes the answer. What was valid stays so, whatever an answer that was under way says. */
static inline void qn_verdicts_told(struct qn_verdicts *verdicts,
                                    const struct qn_consensus_event_checked *event)
{
    static const enum qn_verdict told[] = {QN_VERDICT_NONE, QN_VERDICT_VALID, QN_VERDICT_INVALID,
                                           QN_VERDICT_LATER};
    enum qn_verdict verdict = event->verdict < 4 ? told[event->verdict] : QN_VERDICT_NONE;

    if (verdict != QN_VERDICT_NONE && !qn_digest_is_nil(event->digest) &&
        qn_verdicts_of(verdicts, event->digest) != QN_VERDICT_VALID) {
        qn_verdicts_set(verdicts, event->digest, verdict, event->min_round);
    }
}
