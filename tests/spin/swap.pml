/* SPDX-License-Identifier: MIT */

/* swap.pml: a plan to exchange the engine, from its count to its end: who runs which engine when.
 *
 * Models   three honest members and a liar, whose vote is in every quorum: what two honest members
 *          sign is a certificate. Windows are decided one after another; a member votes in the next
 *          one that it does not know final. Engine 0 is bound at first. At the end of window 1
 *          enough were ready or not, which its blocks say; if so, binding 1 serves from window 4
 *          on. Member 2 does not have that engine; it may get it at any time. A window of binding 1
 *          may be given up by anybody at any time, and attempt 1 at it is engine 0's. If window 4
 *          was decided so, blocks of window 5 may say that the plan failed, and binding 2, engine 0
 *          again, serves from window 8 on. Any member may restart, RESTARTS times in all: it keeps
 *          its guard's record and what it knows final, and starts engines anew. An engine may be
 *          started as soon as the window three before is known.
 * Holds    1. No window has certificates of two bindings.
 *          2. A member starts no other engine for a window than the one that is bound: so no
 *             restarted one starts the old engine again.
 *          3. Every member comes to know every window final, the one without the engine too: a
 *             search for a state without a step in which a window is left, as in window.pml.
 * Leaves   digests and rounds (guard.pml), what an abandoned attempt binds the next to
 * out      (abandon.pml), engines: every window with votes is decided at last (engine.pml).
 *
 * Mutants by -DM_<NAME>: after a restart the engine comes from the node's file; the count is taken
 * at the end of the window before, from the blocks that the member has, which may not be final.
 * Honest runs by -DW_<NAME>: the new engine decides all; the old one comes back.
 *
 * Trail    `@ MEMBER starts WINDOW BINDING`, `@ MEMBER votes WINDOW BINDING ATTEMPT`,
 *          `@ MEMBER abandons WINDOW`, `@ MEMBER restarts`, `@ MEMBER installs`,
 *          `@ certified WINDOW BINDING ATTEMPT`, `@ MEMBER learns WINDOW`.
 *
 * Source: finality.md 12.2, 12.3, 12.4. */

#ifndef WINDOWS
#define WINDOWS 8
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#define FIRST 4   /* window that binding 1 serves first */
#define RETURN 5  /* window whose blocks may say that the plan failed */
#define NOTICE 3

#ifdef M_COUNT_LATE
#define COUNT (FIRST - 1)
#else
#define COUNT (FIRST - 3)
#endif

/* What blocks say, once a window of them is certified: 0 not yet, 1 yes, 2 no. */
byte counted;
byte returned;
bool was_given_up; /* window FIRST was decided by attempt 1 */

byte decided; /* windows that have a certificate: all up to this one */
byte final[3];
byte runs[3];  /* binding + 1 whose engine is started for window final + 1 */
byte ahead[3]; /* for the one after it */
bool has[3];
byte restarts;

/* Of the windows that somebody does not know final yet, by window % 4 and member. */
byte signed_in[12]; /* bit: era, which is 2 * binding + attempt */
bool gave_up[12];

#define AT(w, p) (((w) % 4) * 3 + (p))
#define TWO_OF(x, y, z) (((x) && (y)) || ((x) && (z)) || ((y) && (z)))
#define SIGNED(w, p, e) ((signed_in[AT(w, p)] >> (e)) & 1)
#define CAN_BE(w, e) TWO_OF(SIGNED(w, 0, e), SIGNED(w, 1, e), SIGNED(w, 2, e))
#define IS_ABANDONED(w) TWO_OF(gave_up[AT(w, 0)], gave_up[AT(w, 1)], gave_up[AT(w, 2)])

/* G2: the era never goes back. */
#define FORWARD(w, p, e) (signed_in[AT(w, p)] < (2 << (e)))

/* The binding of window w, by what is certified. */
#define BOUND(w) ((w) < FIRST || counted != 1 -> 0 : ((w) >= RETURN + NOTICE && returned == 1 -> 2 : 1))

/* The windows above the last one that all know: no more than two above it (window.pml). */
#define LEAST (final[0] < final[1] -> \
    (final[0] < final[2] -> final[0] : final[2]) : (final[1] < final[2] -> final[1] : final[2]))

#define IS_SPLIT(w) \
    (((CAN_BE(w, 0) || CAN_BE(w, 1)) && (CAN_BE(w, 2) || CAN_BE(w, 3))) || \
     ((CAN_BE(w, 4) || CAN_BE(w, 5)) && \
      (CAN_BE(w, 0) || CAN_BE(w, 1) || CAN_BE(w, 2) || CAN_BE(w, 3))))

inline violated()
{
    printf("@ violated\n");
    assert(false)
}

/* Window w is known by all: what was signed in it matters no more. */
inline forget(w)
{
    signed_in[AT(w, 0)] = 0;
    signed_in[AT(w, 1)] = 0;
    signed_in[AT(w, 2)] = 0;
    gave_up[AT(w, 0)] = false;
    gave_up[AT(w, 1)] = false;
    gave_up[AT(w, 2)] = false
}

/* Starts the engine of window w, `place` of which it is. */
#ifdef M_COUNT_LATE
/* Blocks of the window before, as the member has them: they may be others than those that become
 * final. */
#define GUESS(p, w, place, when) \
    :: d_step { \
        (w) <= WINDOWS && place == 0 && when && (w) >= FIRST && final[p] < COUNT -> \
        place = 2; \
        printf("@ %d starts %d 1\n", p, w) \
    } \
    :: d_step { \
        (w) <= WINDOWS && place == 0 && when && (w) >= FIRST && final[p] < COUNT -> \
        place = 1; \
        printf("@ %d starts %d 0\n", p, w) \
    }
#define KNOWS(p, w) ((w) < FIRST || final[p] >= COUNT)
#define CHECK(p, w, place)
#else
#define GUESS(p, w, place, when)
#define KNOWS(p, w) ((w) <= NOTICE || final[p] + NOTICE >= (w))
#define CHECK(p, w, place) \
    if \
    :: place != BOUND(w) + 1 -> violated() \
    :: else \
    fi
#endif

#define MAY_START(p, w, place, when) \
    :: d_step { \
        (w) <= WINDOWS && place == 0 && when && KNOWS(p, w) -> \
        place = BOUND(w) + 1; \
        printf("@ %d starts %d %d\n", p, w, place - 1); \
        CHECK(p, w, place) \
    } \
    GUESS(p, w, place, when)

#define HAS(p, b) ((b) != 1 || has[p])

#define MAY_VOTE(p, a) \
    :: d_step { \
        runs[p] != 0 && final[p] < WINDOWS && \
            !SIGNED(final[p] + 1, p, 2 * (runs[p] - 1) + a) && \
            FORWARD(final[p] + 1, p, 2 * (runs[p] - 1) + a) && \
            ((a) == 0 -> HAS(p, runs[p] - 1) && !gave_up[AT(final[p] + 1, p)] : \
                runs[p] == 2 && IS_ABANDONED(final[p] + 1)) -> \
        signed_in[AT(final[p] + 1, p)] = \
            signed_in[AT(final[p] + 1, p)] | (1 << (2 * (runs[p] - 1) + a)); \
        printf("@ %d votes %d %d %d\n", p, final[p] + 1, runs[p] - 1, a); \
        if \
        :: IS_SPLIT(final[p] + 1) -> violated() \
        :: else \
        fi \
    }

/* Held members give up too: it is no engine's work. */
#define MAY_ABANDON(p) \
    :: d_step { \
        runs[p] == 2 && !gave_up[AT(final[p] + 1, p)] -> \
        gave_up[AT(final[p] + 1, p)] = true; \
        printf("@ %d abandons %d\n", p, final[p] + 1) \
    }

#ifdef M_CONFIG
#define AGAIN(p) (final[p] < WINDOWS -> 1 : 0)
#define RESTARTED(p) \
    if \
    :: final[p] + 1 >= FIRST && final[p] < WINDOWS && BOUND(final[p] + 1) != 0 -> \
        printf("@ %d starts %d 0\n", p, final[p] + 1); \
        violated() \
    :: else \
    fi
#else
#define AGAIN(p) 0
#define RESTARTED(p)
#endif

#define MAY_RESTART(p) \
    :: d_step { \
        restarts < RESTARTS && runs[p] != 0 -> \
        restarts++; \
        runs[p] = AGAIN(p); \
        ahead[p] = 0; \
        printf("@ %d restarts\n", p); \
        RESTARTED(p) \
    }

/* What the blocks of a window say is one thing once it is certified. */
#define CERTIFIES(e) \
    :: atomic { \
        decided < WINDOWS && CAN_BE(decided + 1, e) -> \
        decided++; \
        printf("@ certified %d %d %d\n", decided, (e) / 2, (e) % 2); \
        if \
        :: decided == COUNT -> counted = 1 \
        :: decided == COUNT -> counted = 2 \
        :: decided == RETURN && was_given_up -> returned = 1 \
        :: decided == RETURN -> returned = 2 \
        :: decided != COUNT && decided != RETURN \
        fi; \
        was_given_up = was_given_up || (decided == FIRST && (e) % 2 == 1) \
    }

#define MAY_LEARN(p) \
    :: d_step { \
        final[p] < decided && final[p] < LEAST + 2 -> \
        final[p]++; \
        runs[p] = ahead[p]; \
        ahead[p] = 0; \
        printf("@ %d learns %d\n", p, final[p]); \
        if \
        :: LEAST == final[p] -> forget(final[p]) \
        :: else \
        fi \
    }

/* For the window after the next one: only of the first one of the new engine. */
#define MAY(p) \
    MAY_START(p, final[p] + 1, runs[p], true) \
    MAY_START(p, FIRST, ahead[p], final[p] + 2 == FIRST) \
    MAY_VOTE(p, 0) \
    MAY_VOTE(p, 1) \
    MAY_ABANDON(p) \
    MAY_RESTART(p) \
    MAY_LEARN(p)

#ifdef W_SWAPPED
/* The new engine decides the last window, and member 2 votes with it. */
#define WANTED (decided == WINDOWS && CAN_BE(WINDOWS, 2) && SIGNED(WINDOWS, 2, 2))
#endif
#ifdef W_RETURNED
#define WANTED (decided == WINDOWS && CAN_BE(WINDOWS, 4))
#endif

active proctype Members()
{
    d_step {
        has[0] = true;
        has[1] = true
    }
    do
    MAY(0)
    MAY(1)
    MAY(2)
    :: d_step { !has[2] -> has[2] = true; printf("@ 2 installs\n") }
    CERTIFIES(0)
    CERTIFIES(1)
    CERTIFIES(2)
    CERTIFIES(3)
    CERTIFIES(4)
    :: LEAST == WINDOWS -> break
#ifdef WANTED
    :: d_step { WANTED -> assert(false) }
#endif
    od
}
