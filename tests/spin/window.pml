/* SPDX-License-Identifier: MIT */

/* window.pml: fork choice, finality lag and pause: the root never reverts, and production that
 * paused goes on.
 *
 * Models   three honest members and a liar. A window is one block, and so is its macroblock;
 *          HEIGHTS of them. The lag that may be written is at most 1 (2 in the node): a block says
 *          by it which window its producer knows final, and production pauses before a third one is
 *          unfinal. Windows of odd height have two rival blocks, those of even height one on each
 *          parent: so branches are two deep when one of them is certified. Any held block above the
 *          own root may be the best one. A window is certified at any time when two honest members
 *          hold its block and know the window before final: which of the rivals is the votes'
 *          choice, and never both (guard.pml). The liar makes any valid block, and gives it to whom
 *          it likes first.
 * Holds    1. What a member knows final only grows, and is always an ancestor of what it builds on.
 *          2. At most two blocks are above what is certified.
 *          3. Every member comes to know every window final: whatever waits, went astray or paused
 *             goes on. What honest members and the net do is owed, what the liar does is not; every
 *             action takes something away for good, so this is a search for a state without a step
 *             in which a window is left, as in exchange.pml.
 * Leaves   scores, times and lateness: any choice of the best block is allowed. The quarter of the
 * out      limits at lag 2. More rivals: they would be like these. Bodies, which come with headers
 *          here. Engines: a window with a held block is decided at last (engine.pml).
 *
 * Mutants by -DM_<NAME>: lag judged by the own view, and not by what the block says; building on
 * blocks that are not above the root; no pause.
 *
 * Trail    `@ MEMBER makes HEIGHT RIVAL`, `@ MEMBER gets HEIGHT RIVAL`, `@ MEMBER refuses HEIGHT
 *          RIVAL`,
 *          `@ MEMBER learns HEIGHT`, `@ certified HEIGHT RIVAL`.
 *
 * Source: finality.md 3.3, 3.4, 3.5. */

#ifndef HEIGHTS
#define HEIGHTS 4
#endif

#define LAG 1

/* By (height - 1) * 2 + rival: 0 there is none, else its lag + 1. */
byte lags[8];
byte certified[5]; /* rival + 1 of each height; 0 not yet */
byte final[3];
byte held[3]; /* bit: a block */
#ifdef M_LOCAL_LAG
byte bad[3];
#endif

#define AT(h, c) (((h) - 1) * 2 + (c))
#define HOLDS(p, h, c) ((held[p] >> AT(h, c)) & 1)
#define IS_ODD(h) ((h) % 2)

/* The rival on which (h, c) is built; meaningless for h = 1, which is built on genesis. */
#define PARENT(h, c) ((h) == 1 -> 0 : (IS_ODD(h) -> certified[(h) - 2] - 1 : (c)))

/* The block under (h, c) is p's root, or held and above it. */
#define IS_ROOT(p, h, c) \
    (final[p] == (h) - 1 && ((h) == 1 || certified[(h) - 1] - 1 == PARENT(h, c)))
#define IS_ABOVE(p, h, c) \
    (final[p] < (h) - 1 && (h) > 1 && HOLDS(p, (h) - 1, PARENT(h, c)))

/* What a valid block needs of the world: the window two below is certified, and odd heights know
 * their parent by it. */
#define CAN_BE(h) ((h) < 3 || certified[(h) - 2])

/* What is final for all needs no memory. */
inline forget()
{
    if
    :: final[0] > 1 && final[1] > 1 && final[2] > 1 && (lags[0] || lags[1]) ->
        lags[0] = 0;
        lags[1] = 0;
        held[0] = held[0] & 252;
        held[1] = held[1] & 252;
        held[2] = held[2] & 252
    :: else
    fi;
    if
    :: final[0] > 2 && final[1] > 2 && final[2] > 2 && (lags[2] || lags[3]) ->
        lags[2] = 0;
        lags[3] = 0;
        held[0] = held[0] & 243;
        held[1] = held[1] & 243;
        held[2] = held[2] & 243
    :: else
    fi
}

#define VIOLATED \
    printf("@ violated\n"); \
    assert(false)

#ifdef M_REORG
#define MAY_BUILD(p, h, c) (IS_ROOT(p, h, c) || ((h) > 1 && HOLDS(p, (h) - 1, PARENT(h, c))))
#else
#define MAY_BUILD(p, h, c) (IS_ROOT(p, h, c) || IS_ABOVE(p, h, c))
#endif

#ifdef M_NO_PAUSE
#define IS_PAUSED(p, h) false
#define CAN_BE_MADE(h) ((h) < 3 || certified[(h) - 2] || !IS_ODD(h))
#else
#define IS_PAUSED(p, h) ((h) - 1 - final[p] > LAG)
#define CAN_BE_MADE(h) CAN_BE(h)
#endif

#define MAKE(h, c) \
    :: d_step { \
        h <= HEIGHTS && lags[AT(h, c)] == 0 && final[p] < h && CAN_BE_MADE(h) && \
            MAY_BUILD(p, h, c) && !IS_PAUSED(p, h) -> \
        printf("@ %d makes %d %d\n", p, h, c); \
        if \
        :: IS_ROOT(p, h, c) || IS_ABOVE(p, h, c) \
        :: else -> VIOLATED \
        fi; \
        if \
        :: h < 3 || certified[((h) < 3 -> 0 : (h) - 2)] \
        :: else -> VIOLATED \
        fi; \
        lags[AT(h, c)] = h - final[p]; \
        held[p] = held[p] | (1 << AT(h, c)) \
    }

/* A liar's block of this lag comes to p first; l is lag. */
#define LIE(h, c, l) \
    :: d_step { \
        h <= HEIGHTS && lags[AT(h, c)] == 0 && final[p] < h && CAN_BE(h) && h > l && \
            (IS_ROOT(p, h, c) || IS_ABOVE(p, h, c)) && final[p] + l + 1 >= h && \
            (l == 1 || h == 1 || certified[(h) - 1] - 1 == PARENT(h, c)) && \
            IS_GOOD(p, h) && IS_OWED(h, c, l) -> \
        printf("@ %d gets %d %d\n", p, h, c); \
        lags[AT(h, c)] = l + 1; \
        held[p] = held[p] | (1 << AT(h, c)) \
    }

/* F never falls along a chain: the parent's lag is as great, or the own is 0. */
#define IS_OWED(h, c, l) \
    ((l) == 0 || (h) < 2 || lags[AT((h) - 1, PARENT(h, c))] != 1 || (h) - 1 - (l) >= (h) - 2)

/* A block waits for the certificate that its lag speaks of. */
#ifdef M_LOCAL_LAG
#define IS_KNOWN(p, h, c) true
#define IS_GOOD(p, h) ((h) - 1 - final[p] <= LAG)
#else
#define IS_KNOWN(p, h, c) (final[p] + lags[AT(h, c)] >= (h))
#define IS_GOOD(p, h) true
#endif

#define GET(h, c) \
    :: d_step { \
        h <= HEIGHTS && lags[AT(h, c)] != 0 && !HOLDS(p, h, c) && final[p] < h && \
            !IS_BAD(p, h, c) && (IS_ROOT(p, h, c) || IS_ABOVE(p, h, c)) && IS_KNOWN(p, h, c) -> \
        if \
        :: IS_GOOD(p, h) -> \
            printf("@ %d gets %d %d\n", p, h, c); \
            held[p] = held[p] | (1 << AT(h, c)) \
        :: else -> \
            printf("@ %d refuses %d %d\n", p, h, c); \
            REFUSE(p, h, c) \
        fi \
    }

#ifdef M_LOCAL_LAG
#define IS_BAD(p, h, c) ((bad[p] >> AT(h, c)) & 1)
#define REFUSE(p, h, c) bad[p] = bad[p] | (1 << AT(h, c))
#else
#define IS_BAD(p, h, c) false
#define REFUSE(p, h, c) skip
#endif

/* The certificate of the window after the own root comes, and its block with it. */
#define LEARN(h) \
    :: d_step { \
        h <= HEIGHTS && final[p] == h - 1 && certified[h] != 0 && \
            !IS_BAD(p, h, certified[h] - 1) -> \
        printf("@ %d learns %d\n", p, h); \
        if \
        :: IS_ROOT(p, h, (certified[h] - 1)) \
        :: else -> VIOLATED \
        fi; \
        final[p] = h; \
        held[p] = held[p] | (1 << AT(h, certified[h] - 1)); \
        forget() \
    }

#define VOTES(p, h, c) (HOLDS(p, h, c) && IS_ROOT(p, h, c))
#define CERTIFY(h, c) \
    :: d_step { \
        h <= HEIGHTS && certified[h] == 0 && \
            VOTES(0, h, c) + VOTES(1, h, c) + VOTES(2, h, c) >= 2 -> \
        printf("@ certified %d %d\n", h, c); \
        certified[h] = c + 1 \
    }

proctype Member(byte p)
{
end:
    do
    MAKE(1, 0)
    MAKE(1, 1)
    MAKE(2, 0)
    MAKE(2, 1)
    MAKE(3, 0)
    MAKE(3, 1)
    MAKE(4, 0)
    MAKE(4, 1)
    GET(1, 0)
    GET(1, 1)
    GET(2, 0)
    GET(2, 1)
    GET(3, 0)
    GET(3, 1)
    GET(4, 0)
    GET(4, 1)
    LEARN(1)
    LEARN(2)
    LEARN(3)
    LEARN(4)
    od
}

proctype Liar(byte p)
{
end:
    do
    LIE(1, 0, 0)
    LIE(1, 1, 0)
    LIE(2, 0, 0)
    LIE(2, 1, 0)
    LIE(2, 0, 1)
    LIE(2, 1, 1)
    LIE(3, 0, 0)
    LIE(3, 1, 0)
    LIE(3, 0, 1)
    LIE(3, 1, 1)
    LIE(4, 0, 0)
    LIE(4, 1, 0)
    LIE(4, 0, 1)
    LIE(4, 1, 1)
    od
}

proctype Votes()
{
end:
    do
    CERTIFY(1, 0)
    CERTIFY(1, 1)
    CERTIFY(2, 0)
    CERTIFY(2, 1)
    CERTIFY(3, 0)
    CERTIFY(3, 1)
    CERTIFY(4, 0)
    CERTIFY(4, 1)
    od
}

init
{
    atomic {
        run Member(0);
        run Member(1);
        run Member(2);
        run Liar(0);
        run Liar(1);
        run Liar(2);
        run Votes()
    }
end:
    timeout;
    if
    :: final[0] == HEIGHTS && final[1] == HEIGHTS && final[2] == HEIGHTS
    :: else -> VIOLATED
    fi
}
