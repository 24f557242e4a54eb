/* SPDX-License-Identifier: MIT */

/* exchange.pml: rounds that fail, with a liar that gives its votes to whom it likes: every honest
 * member leaves every round, and none runs away from the others.
 *
 * Models   four members, one of them a liar; ROUNDS rounds and what comes after them. Messages
 *          between honest members arrive, at any time. The liar gives each of its votes to all
 *          members, to some or to none, at any time, and may stop. Timers run from when a quorum is
 *          heard, and fire at any time later. The exchange: an honest member may at any time get
 *          what another has of the liar's and it lacks, of its own round, of the one before, and of
 *          the other's round if that is higher.
 * Holds    1. Every honest member leaves every round. What honest members and the net do is owed
 *             (weakly fair), what the liar does is not. Every action takes something away for good,
 *             so every run ends, and weak fairness says that it ends only where nothing that is
 *             owed is left. So what is searched for is a state without a step in which somebody has
 *             not left; with -DLTL it is `<> all have left` under spin's own weak fairness, which
 *             must agree.
 *          2. A member enters a round only when two honest members have sealed the one before: so
 *             nobody is more than one round ahead of the second honest.
 * Leaves   what votes say, since U8 and U10 count any: a decision or a nil quorum only helps. Who
 * out      has heard which honest vote: rules wait for more votes, never for fewer, and act at any
 *          time later, so a vote that was not heard yet is the same as a member that was not quick
 *          yet. Commits: round 0 begins where they are over. Crashes and losses.
 *
 * Mutants by -DM_<NAME>: no exchange; timers that run from entering a step.
 *
 * Trail    `@ MEMBER timer propose|reveal|seal ROUND`, `@ MEMBER reveal|seal ROUND`,
 *          `@ MEMBER enter ROUND`, `@ MEMBER lie reveal|seal ROUND`, `@ MEMBER asks OTHER ROUND`.
 *
 * Source: finality.md 5.3, 7.1, 8. */

#ifndef ROUNDS
#define ROUNDS 2
#endif

mtype = { PROPOSE, REVEAL, SEAL };

/* Whether a member has voted in a round, and whether it holds the liar's vote of that round. */
bit revealed[9];
bit sealed[9];
bit lie_revealed[9];
bit lie_sealed[9];
byte round[3];
mtype step[3];

#define AT(p, r) ((p) * 3 + (r))
#define HONEST(votes, r) (votes[AT(0, r)] + votes[AT(1, r)] + votes[AT(2, r)])

#define HEARS_REVEALS(p, r) (HONEST(revealed, r) + lie_revealed[AT(p, r)] >= 3)
#define HEARS_SEALS(p, r) (HONEST(sealed, r) + lie_sealed[AT(p, r)] >= 3)

/* Members of whom p hears that they have voted in round r. */
#define VOTED(q, r) (revealed[AT(q, r)] || sealed[AT(q, r)])
#define VOTERS(p, r) \
    (VOTED(0, r) + VOTED(1, r) + VOTED(2, r) + (lie_revealed[AT(p, r)] || lie_sealed[AT(p, r)]))

#ifdef M_TIMERS
#define REVEAL_RUNS(p, r) true
#define SEAL_RUNS(p, r) (step[p] == SEAL || HEARS_SEALS(p, r))
#else
#define REVEAL_RUNS(p, r) HEARS_REVEALS(p, r)
#define SEAL_RUNS(p, r) HEARS_SEALS(p, r)
#endif

#define HAVE_LEFT (round[0] == ROUNDS && round[1] == ROUNDS && round[2] == ROUNDS)

inline enter(p, r)
{
    printf("@ %d enter %d\n", p, r);
    round[p] = r;
    step[p] = PROPOSE;
    if
    :: HONEST(sealed, (r) - 1) >= 2
    :: else ->
        printf("@ violated\n");
        assert(false)
    fi
}

#ifdef M_NO_EXCHANGE
#define MAY_ASK(q, r)
#else
#define LACKS(p, q, r) \
    ((lie_revealed[AT(q, r)] && !lie_revealed[AT(p, r)]) || \
     (lie_sealed[AT(q, r)] && !lie_sealed[AT(p, r)]))
#define IS_ASKED(p, q, r) (r == round[p] || r + 1 == round[p] || (r == round[q] && r > round[p]))
#define MAY_ASK(q, r) \
    :: d_step { \
        q != p && r < ROUNDS && IS_ASKED(p, q, r) && LACKS(p, q, r) -> \
        lie_revealed[AT(p, r)] = lie_revealed[AT(p, r)] | lie_revealed[AT(q, r)]; \
        lie_sealed[AT(p, r)] = lie_sealed[AT(p, r)] | lie_sealed[AT(q, r)]; \
        printf("@ %d asks %d %d\n", p, q, r) \
    }
#endif

#define RULES(r) \
    /* U5, and in round 0 T_own; or what is there to be revealed. */ \
    :: d_step { \
        r < ROUNDS && round[p] == r && step[p] == PROPOSE -> \
        printf("@ %d timer propose %d\n@ %d reveal %d\n", p, r, p, r); \
        revealed[AT(p, r)] = 1; \
        step[p] = REVEAL \
    } \
    /* U8 */ \
    :: d_step { \
        r < ROUNDS && round[p] == r && step[p] == REVEAL && REVEAL_RUNS(p, r) -> \
        printf("@ %d timer reveal %d\n@ %d seal %d\n", p, r, p, r); \
        sealed[AT(p, r)] = 1; \
        step[p] = SEAL \
    } \
    /* U10, in any step. */ \
    :: d_step { \
        r < ROUNDS && round[p] == r && SEAL_RUNS(p, r) -> \
        printf("@ %d timer seal %d\n", p, r); \
        enter(p, r + 1) \
    }

/* U1: a third of the weight, and so an honest member, has voted in a later round. */
#define MAY_FOLLOW(r) \
    :: d_step { \
        r < ROUNDS && round[p] < r && VOTERS(p, r) >= 2 -> \
        enter(p, r) \
    }

proctype Member(byte p)
{
end:
    do
    RULES(0)
    RULES(1)
    RULES(2)
    MAY_FOLLOW(1)
    MAY_FOLLOW(2)
    MAY_ASK(0, 0)
    MAY_ASK(1, 0)
    MAY_ASK(2, 0)
    MAY_ASK(0, 1)
    MAY_ASK(1, 1)
    MAY_ASK(2, 1)
    MAY_ASK(0, 2)
    MAY_ASK(1, 2)
    MAY_ASK(2, 2)
    od
}

#define MAY_LIE(p, r) \
    :: d_step { \
        r < ROUNDS && !lie_revealed[AT(p, r)] -> \
        lie_revealed[AT(p, r)] = 1; \
        printf("@ %d lie reveal %d\n", p, r) \
    } \
    :: d_step { \
        r < ROUNDS && !lie_sealed[AT(p, r)] -> \
        lie_sealed[AT(p, r)] = 1; \
        printf("@ %d lie seal %d\n", p, r) \
    }

proctype Liar()
{
end:
    do
    MAY_LIE(0, 0)
    MAY_LIE(1, 0)
    MAY_LIE(2, 0)
    MAY_LIE(0, 1)
    MAY_LIE(1, 1)
    MAY_LIE(2, 1)
    MAY_LIE(0, 2)
    MAY_LIE(1, 2)
    MAY_LIE(2, 2)
    :: break
    od
}

#ifdef LTL
ltl all_leave { <> HAVE_LEFT }
#endif

init
{
    atomic {
        step[0] = PROPOSE;
        step[1] = PROPOSE;
        step[2] = PROPOSE;
        run Member(0);
        run Member(1);
        run Member(2);
        run Liar()
    }
#ifndef LTL
end:
    timeout;
    if
    :: HAVE_LEFT
    :: else ->
        printf("@ violated\n");
        assert(false)
    fi
#endif
}
