/* SPDX-License-Identifier: MIT */

/* bft.pml: the rules H0 to H7 of the engine bft, over crashes: agreement, an engine that is never
 * refused, rounds that do not run free, and an honest leader after quiet who decides.
 *
 * Models   four members of equal weight, one of them a liar; one window, two digests, both valid.
 *          Rounds 0 and 1 are chaos: the liar leads both and proposes anything to anyone; a member
 *          takes any step that some choice of what was sent so far would let it take, at any time;
 *          its round's time is over when it likes; members crash and come back with what the guard
 *          kept. Quiet may begin once all honest members have sent their time-out for round 2,
 *          which delta waits for: its leader is honest, and proposes the highest certificate that
 *          these name, or a higher one that the liar has let out.
 * Holds    1. No two step-2 certificates of different digests can be built.
 *          2. The guard refuses nothing of what the engine asks for.
 *          3. Who is in a round was let there by two honest members who wanted to leave the one
 *             before: nobody runs ahead alone.
 *          4. In the quiet round every honest member prepares the leader's digest, and it is
 *             decided.
 * Leaves   what was heard: it is chosen anew at each step, which allows more than memory does. The
 * out      leader's part in collecting votes: anyone may make any certificate here. Marks of the
 *          chain, which end rounds that may end at any time. Digests that are invalid. That quiet
 *          brings all into one round, which is exchange.pml's.
 *
 * Mutants by -DM_<NAME>, honest runs by -DW_<NAME>, as in guard.pml.
 *
 * Trail    `@ MEMBER prepare|final ROUND DIGEST VR`, `@ MEMBER timeout ROUND VR`: its engine asked,
 *          and the guard signed. `@ MEMBER enter ROUND`, `@ MEMBER crash`, `@ 0 leads 2 DIGEST VR`.
 *
 * Source: finality.md 11, 8; Malkhi, Nayak, "HotStuff-2", 2023. */

#define NEEDED 2 /* honest votes in a quorum of 3 that the liar joins */

/* Votes as one number: 0 none, else 2 + 2 * (vr + 1) + digest - 1. */
#define VOTE(d, vr) (2 + 2 * ((vr) + 1) + (d) - 1)
#define DIGEST_OF(v) ((v) < 2 -> 0 : 1 + (v) % 2)

byte prepares[9]; /* durable, and out */
byte finals[9];
byte timeouts[9]; /* for this round: 0 none, 1 without certificate, else 2 + its round */
byte round[3];
bit quiet;

#define AT(p, r) ((p) * 3 + (r))
#define COUNT(what, r, v) \
    ((what[AT(0, r)] == (v)) + (what[AT(1, r)] == (v)) + (what[AT(2, r)] == (v)))
#define HEARD(what, r) \
    ((what[AT(0, r)] != 0) + (what[AT(1, r)] != 0) + (what[AT(2, r)] != 0))

/* The step-1 certificate (r, d) can be built; r < 2. Of each round there is one digest at most. */
#define PREPARED(r, d) \
    (COUNT(prepares, r, VOTE(d, -1)) >= NEEDED || COUNT(prepares, r, VOTE(d, 0)) >= NEEDED)
#define HAS_PREPARED(r) (PREPARED(r, 1) || PREPARED(r, 2))

#define FINAL_IN(r, d) (COUNT(finals, r, VOTE(d, -1)) >= NEEDED)
#define FINAL(d) (FINAL_IN(0, d) || FINAL_IN(1, d) || FINAL_IN(2, d))

/* The own highest final vote: the guard's lock, and the engine's. */
#define LOCK_ROUND(p) (finals[AT(p, 1)] -> 1 : (finals[AT(p, 0)] -> 0 : -1))
#define LOCK(p) \
    (finals[AT(p, 1)] -> DIGEST_OF(finals[AT(p, 1)]) : DIGEST_OF(finals[AT(p, 0)]))

/* The own highest final vote for something else than d. */
#define RIVAL(p, d) \
    (DIGEST_OF(finals[AT(p, 1)]) == 3 - (d) -> 1 : (DIGEST_OF(finals[AT(p, 0)]) == 3 - (d) -> 0 : -1))

/* It has said that it wants to leave its round. */
#define LEFT(p) (round[p] < 2 && timeouts[AT(p, round[p] + 1)] != 0)

/* Highest round that it has signed something of. */
#define REACHED(p) \
    (timeouts[AT(p, 2)] -> 2 : \
        (prepares[AT(p, 1)] || finals[AT(p, 1)] || timeouts[AT(p, 1)] -> 1 : 0))

/* Where it is for sure: a time-out for r shows it in r - 1. */
#define WAS_IN(p) \
    (prepares[AT(p, 1)] || finals[AT(p, 1)] || timeouts[AT(p, 2)] -> 1 : 0)

#define G4(p, d, vr) ((vr) >= RIVAL(p, d))

/* H5 */
#ifdef M_ANY_UNLOCKS
#define ACCEPTS(p, d, vr) (LOCK_ROUND(p) < 0 || LOCK(p) == (d) || (vr) >= 0)
#else
#ifdef M_NO_LOCK
#define ACCEPTS(p, d, vr) true
#else
#define ACCEPTS(p, d, vr) G4(p, d, vr)
#endif
#endif

#ifdef M_LATE_FINAL
#define MAY_VOTE(p) true
#else
#define MAY_VOTE(p) (!LEFT(p))
#endif

#define MUST(holds) \
    if \
    :: holds \
    :: else -> \
        printf("@ violated\n"); \
        assert(false) \
    fi

/* G1, G2, G4 */
inline prepare(p, r, d, vr)
{
    printf("@ %d prepare %d %d %d\n", p, r, d, vr);
    MUST(prepares[AT(p, r)] == 0 && r >= REACHED(p) && G4(p, d, vr));
    prepares[AT(p, r)] = VOTE(d, vr)
}

/* G1, G2, G3 */
inline finish(p, r, d)
{
    printf("@ %d final %d %d -1\n", p, r, d);
    MUST(finals[AT(p, r)] == 0 && r >= REACHED(p) && PREPARED(r, d));
    finals[AT(p, r)] = VOTE(d, -1);
    MUST(!(FINAL(1) && FINAL(2)))
}

/* G1, G2; the certificate that it names is never below the lock. */
inline timeout_for(p, r, vr)
{
    printf("@ %d timeout %d %d\n", p, r, vr);
    MUST(timeouts[AT(p, r)] == 0 && r >= REACHED(p));
    timeouts[AT(p, r)] = 2 + (vr)
}

/* H2, H3; its own time-out goes to the leader. */
inline enter(p, r)
{
    round[p] = r;
    printf("@ %d enter %d\n", p, r);
    MUST(HEARD(timeouts, r) >= NEEDED)
}

/* Replay of the own votes. */
#ifdef W_CRASH
bit has_crashed; /* a member that was locked, and had gone on */
#define CRASHED(p) has_crashed = has_crashed || finals[AT(p, 0)];
#else
#define CRASHED(p)
#endif
inline crash(p)
{
    CRASHED(p)
    round[p] = WAS_IN(p);
    printf("@ %d crash\n", p)
}

/* The two digests are alike, so the first vote may be taken to be for 1. */
#define USES_1(v) ((v) && (v) % 2 == 0)
#define IS_FIRST_OF_2(d) \
    ((d) == 1 || USES_1(prepares[0]) || USES_1(prepares[1]) || USES_1(prepares[3]) || \
     USES_1(prepares[4]) || USES_1(prepares[6]) || USES_1(prepares[7]))

#define MAY(when, then) :: d_step { !quiet && (when) -> then }

/* H5 */
#define MAY_PREPARE(r, d, vr) \
    MAY(round[p] == r && MAY_VOTE(p) && prepares[AT(p, r)] == 0 && IS_FIRST_OF_2(d) && \
            ((vr) < 0 || PREPARED(0, d)) && ACCEPTS(p, d, vr), \
        prepare(p, r, d, vr))

/* H6 */
#define MAY_FINISH(r, d) \
    MAY(round[p] == r && MAY_VOTE(p) && finals[AT(p, r)] == 0 && PREPARED(r, d), finish(p, r, d))

/* H7, and what entering sends: for the next round, or for the own one if it was not sent before.
 * The highest certificate that it has seen is that of its lock, or any that exists above it. */
#ifdef M_HIGH_FORGOTTEN
#define KNOWS(p, vr) ((vr) == -1)
#else
#define KNOWS(p, vr) ((vr) >= LOCK_ROUND(p))
#endif
#define MAY_TIME_OUT(vr) \
    MAY(round[p] >= 1 && timeouts[AT(p, 2)] == 0 && KNOWS(p, vr), timeout_for(p, 2, vr))

/* H3, H2 */
#ifdef M_ENTER_FREE
#define LETS_IN(p, r) (timeouts[AT(p, r)] != 0)
#else
#define LETS_IN(p, r) (HEARD(timeouts, r) >= NEEDED)
#endif

proctype Member(byte p)
{
end:
    do
    MAY_PREPARE(0, 1, -1)
    MAY_PREPARE(0, 2, -1)
    MAY_PREPARE(1, 1, -1)
    MAY_PREPARE(1, 2, -1)
    MAY_PREPARE(1, 1, 0)
    MAY_PREPARE(1, 2, 0)
    MAY_FINISH(0, 1)
    MAY_FINISH(0, 2)
    MAY_FINISH(1, 1)
    MAY_FINISH(1, 2)
    /* What a time-out for round 1 names matters to nobody: all leaders before quiet are liars. */
    MAY(round[p] <= 1 && REACHED(p) <= 1 && timeouts[AT(p, 1)] == 0, timeout_for(p, 1, -1))
    MAY_TIME_OUT(-1)
    MAY(round[p] >= 1 && timeouts[AT(p, 2)] == 0 && KNOWS(p, 0) && HAS_PREPARED(0),
        timeout_for(p, 2, 0))
    MAY(round[p] >= 1 && timeouts[AT(p, 2)] == 0 && KNOWS(p, 1) && HAS_PREPARED(1),
        timeout_for(p, 2, 1))
    MAY(round[p] == 0 && LETS_IN(p, 1), enter(p, 1))
    MAY(round[p] < 2 && LETS_IN(p, 2), enter(p, 2))
    MAY(round[p] != WAS_IN(p), crash(p))
    od
}

/* --- quiet --- */

#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* The highest that the time-outs for round 2 name. */
#ifdef M_NO_DELTA
#define IS_HEARD (timeouts[AT(0, 2)] && timeouts[AT(1, 2)])
#define HIGHEST (MAX(timeouts[AT(0, 2)], timeouts[AT(1, 2)]) - 2)
#else
#define IS_HEARD (timeouts[AT(0, 2)] && timeouts[AT(1, 2)] && timeouts[AT(2, 2)])
#define HIGHEST (MAX(timeouts[AT(0, 2)], MAX(timeouts[AT(1, 2)], timeouts[AT(2, 2)])) - 2)
#endif

#define PREPARE_QUIET(p, d, vr) \
    if \
    :: ACCEPTS(p, d, vr) -> prepare(p, 2, d, vr) \
    :: else -> \
        printf("@ %d prepare 2 0 -1\n@ violated\n", p); \
        assert(false) \
    fi

#define FINISH_QUIET(p, d) \
    finals[AT(p, 2)] = VOTE(d, -1); \
    printf("@ %d final 2 %d -1\n", p, d)

/* Member 0 leads and proposes; all prepare, and vote for what three have prepared. */
#define DECIDE(d, vr) \
    quiet = 1; \
    printf("@ 0 leads 2 %d %d\n", d, vr); \
    PREPARE_QUIET(0, d, vr); \
    PREPARE_QUIET(1, d, vr); \
    PREPARE_QUIET(2, d, vr); \
    FINISH_QUIET(0, d); \
    FINISH_QUIET(1, d); \
    FINISH_QUIET(2, d); \
    MUST(!(FINAL(1) && FINAL(2)))

#define MAY_PROPOSE(r, d) \
    :: d_step { IS_HEARD && r >= HIGHEST && PREPARED(r, d) -> DECIDE(d, r) }
#define MAY_PROPOSE_NEW(d) \
    :: d_step { IS_HEARD && HIGHEST < 0 && IS_FIRST_OF_2(d) -> DECIDE(d, -1) }

#ifdef W_RELOCK
/* Locked on one digest in round 0, and moved to another by a certificate of round 1. */
#define WANTED (quiet && DIGEST_OF(finals[AT(0, 0)]) == 1 && DIGEST_OF(finals[AT(1, 1)]) == 2 && \
                DIGEST_OF(finals[AT(0, 2)]) == 2)
#endif
#ifdef W_CRASH
#define WANTED (quiet && has_crashed && DIGEST_OF(finals[AT(0, 2)]) == 1)
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
        run Member(0);
        run Member(1);
        run Member(2);
        run Quiet()
    }
}
