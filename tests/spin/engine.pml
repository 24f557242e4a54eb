/* SPDX-License-Identifier: MIT */

/* engine.pml: the rules U0 to U10 of commit-reveal, over crashes: agreement, an engine that is
 * never refused, and an honest leader after quiet who decides.
 *
 * Models   four members of equal weight, one of them a liar; one window, two digests, both valid.
 *          Rounds 0 and 1 are chaos: a member takes any step that some choice of the votes sent so
 *          far would let it take, at any time; timers fire when they like; the liar leads round 1
 *          and proposes anything to anyone; members crash and come back with what the guard kept.
 *          At any moment quiet may begin: all honest members are in round 2, whose leader is honest
 *          and knows every certificate that locks an honest member (exchange.pml says why), and
 *          maybe others that the liar has let out. Or the liar leads round 2, too, and one member
 *          answers.
 * Holds    1. No two step-2 certificates of different digests can be built.
 *          2. The guard refuses nothing of what the engine asks for, but the opening of a commit
 *             that the engine forgot in a crash (G5); then it reveals nil.
 *          3. In the quiet round every honest member reveals the leader's digest, and it is
 *             decided.
 * Leaves   what was heard: a member's choice of votes is made anew at each step, which allows more
 * out      than memory does. Candidates: any digest may be one at any moment. Marks of the chain,
 *          which end waits that may end at any time here. Digests that are invalid. Rounds that
 *          stay chaotic for longer; guard.pml has three of them for any engine. That quiet brings
 *          all into one round is exchange.pml's.
 *
 * Mutants by -DM_<NAME>, honest runs by -DW_<NAME>, as in guard.pml.
 *
 * Trail    `@ MEMBER commit|reveal|seal ROUND DIGEST VR`: its engine asked, and the guard signed.
 *          `@ MEMBER timer commit`, `@ MEMBER quorum reveal|seal ROUND`: two honest members' votes
 *          and a nil of the liar are heard, and the timer that follows fires.
 *          `@ MEMBER certificate ROUND DIGEST`, `@ MEMBER proposal ROUND DIGEST VR`,
 *          `@ MEMBER enter ROUND`, `@ MEMBER crash`, `@ MEMBER leads ROUND`.
 *
 * Source: finality.md 7.1, 8. */

#define HONEST 3
#define NEEDED 2 /* honest votes in a quorum of 3 that the liar joins */

mtype = { COMMIT, REVEAL, SEAL, PROPOSE };

/* Votes as one number: 0 none, 1 nil, else 2 + 2 * (vr + 1) + digest - 1. */
#define NIL 1
#define VOTE(d, vr) (2 + 2 * ((vr) + 1) + (d) - 1)
#define DIGEST_OF(v) ((v) < 2 -> 0 : 1 + (v) % 2)

byte reveals[9]; /* durable, and out */
byte seals[9];
byte commits[HONEST]; /* digest; 0 once it was opened, or did not come to that */
byte round[HONEST];
mtype step[HONEST];
bit quiet;
#ifdef W_CRASH
bit crashed;
#endif

#define AT(p, r) ((p) * 3 + (r))
#define COUNT(what, r, v) \
    ((what[AT(0, r)] == (v)) + (what[AT(1, r)] == (v)) + (what[AT(2, r)] == (v)))
#define HEARD(what, r) \
    ((what[AT(0, r)] != 0) + (what[AT(1, r)] != 0) + (what[AT(2, r)] != 0))

/* The step-1 certificate (r, d) can be built; r < 2. */
#define PREPARED(r, d) \
    (COUNT(reveals, r, VOTE(d, -1)) >= NEEDED || COUNT(reveals, r, VOTE(d, 0)) >= NEEDED)

#define FINAL_IN(r, d) (COUNT(seals, r, VOTE(d, -1)) >= NEEDED)
#define FINAL(d) (FINAL_IN(0, d) || FINAL_IN(1, d) || FINAL_IN(2, d))

/* The own highest seal that is not nil: the guard's lock, and the engine's. */
#define LOCK_ROUND(p) (seals[AT(p, 1)] > NIL -> 1 : (seals[AT(p, 0)] > NIL -> 0 : -1))
#define LOCK(p) \
    (seals[AT(p, 1)] > NIL -> DIGEST_OF(seals[AT(p, 1)]) : \
        (seals[AT(p, 0)] > NIL -> DIGEST_OF(seals[AT(p, 0)]) : 0))

/* The own highest seal for something else than d. */
#define RIVAL(p, d) \
    (DIGEST_OF(seals[AT(p, 1)]) == 3 - (d) -> 1 : (DIGEST_OF(seals[AT(p, 0)]) == 3 - (d) -> 0 : -1))

/* Highest round in which it has voted. */
#define REACHED(p) (reveals[AT(p, 1)] || seals[AT(p, 1)] -> 1 : 0)

/* U4 */
#ifdef M_NO_RELOCK
#define ACCEPTS(p, d, vr) (LOCK_ROUND(p) < 0 || LOCK(p) == (d))
#else
#ifdef M_ANY_UNLOCKS
#define ACCEPTS(p, d, vr) (LOCK_ROUND(p) < 0 || LOCK(p) == (d) || (vr) >= 0)
#else
#define ACCEPTS(p, d, vr) ((vr) >= RIVAL(p, d))
#endif
#endif

/* G4 for a reveal; its certificate was there when the proposal came. */
#define G4(p, d, vr) ((vr) >= RIVAL(p, d))

#define MUST(holds) \
    if \
    :: holds \
    :: else -> \
        printf("@ violated\n"); \
        assert(false) \
    fi

/* The engine asks for a reveal; nil: d is 0. The guard's rules are asserted: G1, G2, G4. */
inline reveal(p, r, d, vr)
{
    printf("@ %d reveal %d %d %d\n", p, r, d, vr);
    MUST(reveals[AT(p, r)] == 0 && r >= REACHED(p) && (d == 0 || G4(p, d, vr)));
    reveals[AT(p, r)] = ((d) == 0 -> NIL : VOTE(d, vr));
    commits[p] = 0;
    step[p] = REVEAL
}

/* G1, G2, G3 */
inline seal(p, r, d)
{
    printf("@ %d seal %d %d -1\n", p, r, d);
    MUST(seals[AT(p, r)] == 0 && r >= REACHED(p) && (d == 0 || PREPARED(r, d)));
    seals[AT(p, r)] = ((d) == 0 -> NIL : VOTE(d, -1));
    step[p] = SEAL;
    MUST(!(FINAL(1) && FINAL(2)))
}

/* Who comes to seal in round 0 and has not revealed does so now; G5 may make it nil. */
inline reveal_late(p, d)
{
    if
    :: round[p] == 0 && reveals[AT(p, 0)] == 0 && d != 0 && (commits[p] == 0 || commits[p] == d) ->
        reveal(p, 0, d, -1)
    :: round[p] == 0 && reveals[AT(p, 0)] == 0 &&
            (d == 0 || (commits[p] != 0 && commits[p] != d)) ->
        reveal(p, 0, 0, -1)
    :: else
    fi
}

inline enter(p, r)
{
    round[p] = r;
    step[p] = PROPOSE;
    printf("@ %d enter %d\n", p, r)
}

/* Replay of the own votes: the highest round, the last step there. */
inline crash(p)
{
    round[p] = REACHED(p);
    if
    :: seals[AT(p, round[p])] -> step[p] = SEAL
    :: else ->
        if
        :: reveals[AT(p, round[p])] -> step[p] = REVEAL
        :: else -> step[p] = (round[p] == 0 -> COMMIT : PROPOSE)
        fi
    fi;
    printf("@ %d crash\n", p)
}

/* The two digests are alike, so the first vote may be taken to be for 1. */
#define USES_1(v) ((v) > NIL && (v) % 2 == 0)
#define IS_FIRST_OF_2(d) \
    ((d) == 1 || commits[0] == 1 || commits[1] == 1 || commits[2] == 1 || USES_1(reveals[0]) || \
     USES_1(reveals[1]) || USES_1(reveals[3]) || USES_1(reveals[4]) || USES_1(reveals[6]) || \
     USES_1(reveals[7]))

#define MAY(when, then) :: d_step { !quiet && (when) -> then }

/* U3 */
#define MAY_COMMIT(d) \
    MAY(step[p] == COMMIT && commits[p] == 0 && IS_FIRST_OF_2(d), \
        commits[p] = d; printf("@ %d candidate %d\n@ %d commit 0 %d -1\n", p, d, p, d))
#define MAY_REVEAL(d) \
    MAY(step[p] == REVEAL && round[p] == 0 && reveals[AT(p, 0)] == 0 && \
            (commits[p] == 0 || commits[p] == d) && IS_FIRST_OF_2(d), \
        printf("@ %d candidate %d\n", p, d); reveal(p, 0, d, -1))

/* U4, U5 */
#define IS_PROPOSAL(d, vr) \
    (step[p] == PROPOSE && round[p] == 1 && ((vr) < 0 || PREPARED(0, d)) && IS_FIRST_OF_2(d))
#define MAY_ACCEPT(d, vr) \
    MAY(IS_PROPOSAL(d, vr), \
        printf("@ %d proposal 1 %d %d\n", p, d, vr); \
        if \
        :: ACCEPTS(p, d, vr) -> reveal(p, 1, d, vr) \
        :: else -> reveal(p, 1, 0, -1) \
        fi)

/* U6 */
#ifdef M_OLD_SEAL
#define MAY_SEAL(r, d) \
    MAY(step[p] == REVEAL && r <= round[p] && PREPARED(r, d), \
        printf("@ %d certificate %d %d\n", p, r, d); reveal_late(p, d); seal(p, round[p], d))
#else
#ifdef M_TWO_SEALS
#define MAY_SEAL(r, d) \
    MAY((step[p] == REVEAL || (step[p] == SEAL && seals[AT(p, r)] == NIL)) && round[p] == r && \
            PREPARED(r, d), \
        printf("@ %d certificate %d %d\n", p, r, d); reveal_late(p, d); seal(p, r, d))
#else
#define MAY_SEAL(r, d) \
    MAY(step[p] == REVEAL && round[p] == r && PREPARED(r, d), \
        printf("@ %d certificate %d %d\n", p, r, d); reveal_late(p, d); seal(p, r, d))
#endif
#endif

/* U7, U8 */
#define MAY_SEAL_NIL(r) \
    MAY(step[p] == REVEAL && round[p] == r && HEARD(reveals, r) >= NEEDED, \
        printf("@ %d quorum reveal %d\n", p, r); reveal_late(p, 0); seal(p, r, 0))

proctype Member(byte p)
{
end:
    do
    MAY_COMMIT(1)
    MAY_COMMIT(2)
    MAY(step[p] == COMMIT, step[p] = REVEAL; printf("@ %d timer commit\n", p))
    MAY_REVEAL(1)
    MAY_REVEAL(2)
    /* No candidate in time; or the guard refuses to open a commit that a crash made forgotten. */
    MAY(step[p] == REVEAL && round[p] == 0 && reveals[AT(p, 0)] == 0,
        printf("@ %d timer own\n", p); reveal(p, 0, 0, -1))
    MAY_ACCEPT(1, -1)
    MAY_ACCEPT(2, -1)
    MAY_ACCEPT(1, 0)
    MAY_ACCEPT(2, 0)
    MAY(step[p] == PROPOSE, printf("@ %d timer propose\n", p); reveal(p, round[p], 0, -1))
    MAY_SEAL(0, 1)
    MAY_SEAL(0, 2)
    MAY_SEAL(1, 1)
    MAY_SEAL(1, 2)
    MAY_SEAL_NIL(0)
    MAY_SEAL_NIL(1)
    /* U9, U10; U1 */
    MAY(round[p] == 0 && HEARD(seals, 0) >= NEEDED, printf("@ %d quorum seal 0\n", p); enter(p, 1))
    MAY(round[p] == 0 && HEARD(reveals, 1) + HEARD(seals, 1) > 0, enter(p, 1))
#ifdef W_CRASH
    MAY(p == 0 && seals[AT(0, 0)] > NIL, crash(p); crashed = 1)
#else
    MAY(true, crash(p))
#endif
    od
}

/* --- quiet --- */

#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define HIGHEST_LOCK MAX(LOCK_ROUND(0), MAX(LOCK_ROUND(1), LOCK_ROUND(2)))

/* What a member is locked on when the quiet round's proposal comes. */
#ifdef M_LOCK_ON_ANY
/* By any certificate that it was shown, of whatever round. */
#define ACCEPTS_QUIET(p, d, vr) \
    (ACCEPTS(p, d, vr) && !(PREPARED(1, 3 - (d)) && (vr) < 1) && \
     !(PREPARED(0, 3 - (d)) && (vr) < 0))
#define SHOW_OTHERS(p, d) \
    if \
    :: PREPARED(0, 3 - (d)) -> printf("@ %d certificate 0 %d\n", p, 3 - (d)) \
    :: else \
    fi; \
    if \
    :: PREPARED(1, 3 - (d)) -> printf("@ %d certificate 1 %d\n", p, 3 - (d)) \
    :: else \
    fi;
#else
#define ACCEPTS_QUIET(p, d, vr) ACCEPTS(p, d, vr)
#define SHOW_OTHERS(p, d)
#endif

#define REVEAL_QUIET(p, d, vr) \
    SHOW_OTHERS(p, d) \
    printf("@ %d proposal 2 %d %d\n", p, d, vr); \
    if \
    :: ACCEPTS_QUIET(p, d, vr) -> reveal(p, 2, d, vr) \
    :: else -> \
        printf("@ %d reveal 2 0 -1\n@ violated\n", p); \
        assert(false) \
    fi

#define SEAL_QUIET(p, d) \
    seals[AT(p, 2)] = VOTE(d, -1); \
    printf("@ %d certificate 2 %d\n@ %d seal 2 %d -1\n", p, d, p, d)

/* Member 0 leads and proposes; all reveal, and seal what three have revealed. */
#define DECIDE(d, vr) \
    quiet = 1; \
    printf("@ 0 leads 2 %d %d\n", d, vr); \
    REVEAL_QUIET(0, d, vr); \
    REVEAL_QUIET(1, d, vr); \
    REVEAL_QUIET(2, d, vr); \
    SEAL_QUIET(0, d); \
    SEAL_QUIET(1, d); \
    SEAL_QUIET(2, d); \
    MUST(!(FINAL(1) && FINAL(2)))

/* The leader's highest certificate: that of the highest lock, or a higher one. */
#define MAY_PROPOSE(r, d) \
    :: d_step { r >= HIGHEST_LOCK && PREPARED(r, d) -> DECIDE(d, r) }
#ifdef M_VALID_FORGOTTEN
#define MAY_PROPOSE_NEW(d) :: d_step { IS_FIRST_OF_2(d) -> DECIDE(d, -1) }
#else
#define MAY_PROPOSE_NEW(d) :: d_step { HIGHEST_LOCK < 0 && IS_FIRST_OF_2(d) -> DECIDE(d, -1) }
#endif

/* The liar proposes to member 0. It is like the others, so one is enough. */
#define MAY_LIE(r, d) \
    :: d_step { \
        PREPARED(r, d) -> \
        quiet = 1; \
        printf("@ 0 enter 2\n@ 0 proposal 2 %d %d\n", d, r); \
        if \
        :: ACCEPTS(0, d, r) -> reveal(0, 2, d, r) \
        :: else -> reveal(0, 2, 0, -1) \
        fi \
    }

#ifdef W_RELOCK
/* Locked on one digest in round 0, and moved to another by a newer certificate of round 1. */
#define WANTED (quiet && DIGEST_OF(seals[AT(0, 0)]) == 1 && DIGEST_OF(seals[AT(1, 1)]) == 2)
#endif
#ifdef W_CRASH
/* Committed, locked, crashed, and kept to its lock when the liar proposed something else. */
#define WANTED \
    (quiet && crashed && DIGEST_OF(seals[AT(0, 0)]) == 1 && reveals[AT(0, 1)] == NIL && \
     DIGEST_OF(reveals[AT(1, 1)]) == 2 && FINAL(1))
#endif

proctype Quiet()
{
end:
    if
    MAY_PROPOSE(1, 1)
    MAY_PROPOSE(1, 2)
    MAY_PROPOSE(0, 1)
    MAY_PROPOSE(0, 2)
    MAY_PROPOSE_NEW(1)
    MAY_PROPOSE_NEW(2)
    MAY_LIE(0, 1)
    MAY_LIE(0, 2)
    MAY_LIE(1, 1)
    MAY_LIE(1, 2)
    fi;
#ifdef WANTED
end_wanted:
    WANTED;
    assert(false)
#endif
}

init
{
    atomic {
        step[0] = COMMIT;
        step[1] = COMMIT;
        step[2] = COMMIT;
        run Member(0);
        run Member(1);
        run Member(2);
        run Quiet()
    }
}
