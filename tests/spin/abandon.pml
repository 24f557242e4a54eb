/* SPDX-License-Identifier: MIT */

/* abandon.pml: attempts at a window that are given up: what one may have decided binds the next.
 *
 * Models   four members of equal weight, one of them a liar; one window, two digests, ATTEMPTS
 *          attempts of two rounds each, the last of one (what more rounds of it decide is
 *          guard.pml's). Honest members ask for any vote and give up any attempt
 *          at any time; the guard's rules G1 to G4 and G6 decide. Every key of the liar counts in
 *          every quorum: what two honest members sign is a certificate, and to an abandon
 *          certificate of two honest members the liar adds any lock that it can prove, or none.
 * Holds    a step-2 certificate that can be built forces every abandon certificate that can be
 *          built of its attempt, whichever comes first; and so no two step-2 certificates of
 *          different digests can be built, of whatever attempts: finality.md 12.4, S1.
 * Leaves   what guard.pml leaves out; crashes, as the log holds an abandon like any vote; who holds
 * out      which certificate: one that can be built counts as held by all, so a member may use
 *          those that permit the most; what opens an attempt for a nil vote or a time-out, which
 *          agreement does not need.
 *
 * A mutant is made with -DM_<NAME>, a longer search with -DATTEMPTS=3, an honest run with
 * -DW_<NAME>: then a run that does what the name says is the "error", and its trail is kept.
 *
 * Trail    `@ MEMBER prepare|seal ATTEMPT ROUND DIGEST VR`, `@ MEMBER abandon ATTEMPT ROUND DIGEST`:
 *          the lock that it states, round -1 and digest 0 for none.
 *
 * Source: finality.md 6 (G6), 12.3, 12.4. */

#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
/* Rounds of all attempts but the last. */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define EXISTS(a, r) ((r) < ROUNDS && ((a) + 1 < ATTEMPTS || ((a) + 1 == ATTEMPTS && (r) == 0)))

#define HONEST 3

/* What each honest member has signed, at AT(member, attempt, round). Prepares: 0 none, digest,
 * digest + 2 with vr 0. Seals: 0 none, digest. */
byte prepares[18];
byte seals[18];
/* What it said when it gave an attempt up: 0 it has not, 1 no lock, 2 * round + digest + 1. */
byte stood[9];
byte reached[HONEST]; /* highest 2 * attempt + round that was signed in */

#define AT(p, a, r) (((p) * 3 + (a)) * 2 + (r))
#define UP(p, a) ((p) * 3 + (a))

#define TWO_OF(x, y, z) (((x) && (y)) || ((x) && (z)) || ((y) && (z)))
#define SAME(what, a, r, v) \
    TWO_OF(what[AT(0, a, r)] == (v), what[AT(1, a, r)] == (v), what[AT(2, a, r)] == (v))

/* The step-1 certificate (a, r, d) can be built, the step-2 one. */
#define PREPARED(a, r, d) (SAME(prepares, a, r, d) || SAME(prepares, a, r, (d) + 2))
#define FINAL(a, d) (SAME(seals, a, 0, d) || SAME(seals, a, 1, d))
#define ANY_FINAL(d) (FINAL(0, d) || FINAL(1, d) || FINAL(2, d))

/* The abandon certificate of two members who said x and y: its highest lock is theirs, or one above
 * it that the liar proves. */
#define HIGHER(x, y) ((x) > (y) -> (x) : (y))
#define IS_ON(x, d) ((x) == (d) + 1 || (x) == (d) + 3)
#define PAIR_PERMITS(x, y, a, d) \
    ((x) && (y) && \
     (HIGHER(x, y) == 1 || IS_ON(HIGHER(x, y), d) || (HIGHER(x, y) <= 3 && PREPARED(a, 1, d))))
#define SOME_PERMITS(a, d) \
    (PAIR_PERMITS(stood[UP(0, a)], stood[UP(1, a)], a, d) || \
     PAIR_PERMITS(stood[UP(0, a)], stood[UP(2, a)], a, d) || \
     PAIR_PERMITS(stood[UP(1, a)], stood[UP(2, a)], a, d))

#ifdef M_IGNORE_LOCKS
#define PERMITS(a, d) TWO_OF(stood[UP(0, a)], stood[UP(1, a)], stood[UP(2, a)])
#else
#define PERMITS(a, d) SOME_PERMITS(a, d)
#endif

/* G6 */
#ifdef M_LAST_ALONE
#define PERMITTED(a, d) ((a) == 0 || PERMITS((a) - 1, d))
#else
#define PERMITTED(a, d) \
    ((a) == 0 || ((a) == 1 && PERMITS(0, d)) || ((a) == 2 && PERMITS(0, d) && PERMITS(1, d)))
#endif
#define LIVES(p, a) \
    (stood[UP(p, a)] == 0 && ((a) > 1 || stood[UP(p, 2)] == 0) && \
     ((a) > 0 || stood[UP(p, 1)] == 0))
#ifdef M_LATE_SEAL
#define LIVES_TO_SEAL(p, a) true
#else
#define LIVES_TO_SEAL(p, a) LIVES(p, a)
#endif

/* G2 */
#define FORWARD(p, a, r) (2 * (a) + (r) >= reached[p])

/* G4: the lock is the own seal of round 0. */
#define LOCK_ALLOWS(p, a, r, d, vr) \
    ((r) == 0 || seals[AT(p, a, 0)] == 0 || seals[AT(p, a, 0)] == (d) || (vr) == 0)

#define LOCK(p, a) \
    (seals[AT(p, a, 1)] -> 3 + seals[AT(p, a, 1)] : \
        (seals[AT(p, a, 0)] -> 1 + seals[AT(p, a, 0)] : 1))

inline moved(p, a, r)
{
    if
    :: reached[p] < 2 * a + r -> reached[p] = 2 * a + r
    :: else
    fi
}

/* A certificate forces nothing else than its digest. */
#define ESCAPES(a) ((FINAL(a, 1) && SOME_PERMITS(a, 2)) || (FINAL(a, 2) && SOME_PERMITS(a, 1)))

inline look()
{
    if
#ifdef M_IGNORE_LOCKS
    :: ANY_FINAL(1) && ANY_FINAL(2) ->
#else
#ifdef M_LAST_ALONE
    :: ANY_FINAL(1) && ANY_FINAL(2) ->
#else
    :: (ANY_FINAL(1) && ANY_FINAL(2)) || ESCAPES(0) || ESCAPES(1) ->
#endif
#endif
        printf("@ violated\n");
        assert(false)
    :: else
    fi
}

/* Digests and members are alike, so the first vote may be taken to be member 0's, for 1. */
#define IS_FIRST(p, d) \
    (((d) == 1 && (p) == 0) || reached[0] || prepares[AT(0, 0, 0)])

#define MAY_PREPARE(p, a, r, d, vr) \
    :: d_step { \
        EXISTS(a, r) && IS_FIRST(p, d) && prepares[AT(p, a, r)] == 0 && \
            FORWARD(p, a, r) && LIVES(p, a) && LOCK_ALLOWS(p, a, r, d, vr) && PERMITTED(a, d) && \
            (vr < 0 || PREPARED(a, 0, d)) -> \
        prepares[AT(p, a, r)] = (vr < 0 -> d : d + 2); \
        moved(p, a, r); \
        printf("@ %d prepare %d %d %d %d\n", p, a, r, d, vr) \
    }

#define MAY_SEAL(p, a, r, d) \
    :: d_step { \
        EXISTS(a, r) && seals[AT(p, a, r)] == 0 && FORWARD(p, a, r) && \
            LIVES_TO_SEAL(p, a) && PREPARED(a, r, d) && PERMITTED(a, d) -> \
        seals[AT(p, a, r)] = d; \
        moved(p, a, r); \
        printf("@ %d seal %d %d %d -1\n", p, a, r, d); \
        look() \
    }

#define MAY_ABANDON(p, a) \
    :: d_step { \
        a + 1 < ATTEMPTS && stood[UP(p, a)] == 0 && (prepares[AT(0, 0, 0)] || reached[0]) -> \
        stood[UP(p, a)] = LOCK(p, a); \
        printf("@ %d abandon %d %d %d\n", p, a, \
            (stood[UP(p, a)] == 1 -> -1 : (stood[UP(p, a)] - 2) / 2), \
            (stood[UP(p, a)] == 1 -> 0 : (stood[UP(p, a)] - 2) % 2 + 1)); \
        look() \
    }

#define MAY_VOTE(p, a) \
    MAY_PREPARE(p, a, 0, 1, -1) \
    MAY_PREPARE(p, a, 0, 2, -1) \
    MAY_PREPARE(p, a, 1, 1, -1) \
    MAY_PREPARE(p, a, 1, 2, -1) \
    MAY_PREPARE(p, a, 1, 1, 0) \
    MAY_PREPARE(p, a, 1, 2, 0) \
    MAY_SEAL(p, a, 0, 1) \
    MAY_SEAL(p, a, 0, 2) \
    MAY_SEAL(p, a, 1, 1) \
    MAY_SEAL(p, a, 1, 2) \
    MAY_ABANDON(p, a)

#ifdef W_BOUND
/* One sealed and gave up; the others, who had not sealed, took its digest on. */
#define WANTED (stood[UP(0, 0)] == 2 && stood[UP(1, 0)] == 1 && stood[UP(2, 0)] == 0 && \
                prepares[AT(1, 1, 0)] == 1 && FINAL(1, 1))
#endif
#ifdef W_FREE
/* Nobody was locked, and something else was decided than had been prepared. */
#define WANTED (PREPARED(0, 0, 1) && stood[UP(0, 0)] == 1 && FINAL(1, 2))
#endif

active proctype Members()
{
end:
    do
    MAY_VOTE(0, 0)
    MAY_VOTE(1, 0)
    MAY_VOTE(2, 0)
    MAY_VOTE(0, 1)
    MAY_VOTE(1, 1)
    MAY_VOTE(2, 1)
#if ATTEMPTS > 2
    MAY_VOTE(0, 2)
    MAY_VOTE(1, 2)
    MAY_VOTE(2, 2)
#endif
#ifdef WANTED
    :: d_step { WANTED -> assert(false) }
#endif
    od
}
