/* SPDX-License-Identifier: MIT */

/* guard.pml: the sign guard over crashes: whatever engines ask, no two certificates can be built.
 *
 * Models   four members of equal weight, one of them a liar; one window, two digests, ROUNDS
 *          rounds. Honest members ask for any vote at any time; the guard's rules G1 to G4 decide.
 *          A crash leaves what the log holds. Every key of the liar counts in every quorum: a
 *          certificate can be built as soon as two honest members have signed for it, of one round,
 *          digest and vr.
 * Holds    no two step-2 certificates of different digests can be built, ever: finality.md 14.2,
 *          S1. With -DS6 also: no two votes of an honest member prove that it left a lock.
 * Leaves   commits, nil, proposals and time-outs: each only forbids something to who has signed it,
 * out      so leaving them out allows more. What is delivered to whom: any certificate that can be
 *          built counts as held by all. A crash between a record's flush and its vote's departure:
 *          the vote is repeated after the restart, so it counts as sent at once; one before the
 *          flush leaves no trace. G5 and G7, which agreement does not need; G6, which comes with
 *          the swap; weights that differ.
 *
 * A mutant is made with -DM_<NAME>, a shorter search with -DROUNDS=2, an honest run with
 * -DW_<NAME>: then a run that does what the name says is the "error", and its trail is kept.
 *
 * Trail    `@ MEMBER prepare|seal ROUND DIGEST VR`, `@ MEMBER crash`.
 *
 * Source: finality.md 6, 8. */

#ifndef ROUNDS
#define ROUNDS 3
#endif

#define HONEST 3
#define NEEDED 2 /* honest votes in a quorum of 3 that the liar joins */

/* What one member has signed in one round: bit (digest - 1) * ROUNDS + vr + 1 of prepares, bit
 * digest - 1 of seals. `out` has left and is in the log; `mem` is what the guard knows of it. */
byte out_prepares[9];
byte out_seals[9];
byte mem_prepares[9];
byte mem_seals[9];
byte reached[HONEST]; /* highest round that was signed in */

#define AT(p, r) ((p) * 3 + (r))
#define BIT(x, i) (((x) >> (i)) & 1)
#define PREPARE_BIT(d, vr) (((d) - 1) * 3 + (vr) + 1)

#define COUNT(what, r, i) \
    (BIT(what[AT(0, r)], i) + BIT(what[AT(1, r)], i) + BIT(what[AT(2, r)], i))
#define PREPARED_BY(r, d, vr) (COUNT(out_prepares, r, PREPARE_BIT(d, vr)) >= NEEDED)

/* The step-1 certificate (r, d) can be built. */
#define PREPARED(r, d) (PREPARED_BY(r, d, -1) || PREPARED_BY(r, d, 0) || PREPARED_BY(r, d, 1))

#define FINAL(d) \
    (COUNT(out_seals, 0, (d) - 1) >= NEEDED || COUNT(out_seals, 1, (d) - 1) >= NEEDED || \
     COUNT(out_seals, 2, (d) - 1) >= NEEDED)

/* The highest seal for something else than d. */
#define RIVAL(seals, p, d) \
    (BIT(seals[AT(p, 2)], 2 - (d)) -> 2 : \
        (BIT(seals[AT(p, 1)], 2 - (d)) -> 1 : (BIT(seals[AT(p, 0)], 2 - (d)) -> 0 : -1)))

/* The own highest seal. */
#define LOCK_BITS(p) \
    (mem_seals[AT(p, 2)] -> mem_seals[AT(p, 2)] : \
        (mem_seals[AT(p, 1)] -> mem_seals[AT(p, 1)] : mem_seals[AT(p, 0)]))

/* G1 */
#define G1_PREPARE(p, r) (mem_prepares[AT(p, r)] == 0)
#define G1_SEAL(p, r) (mem_seals[AT(p, r)] == 0)

/* G2 */
#define G2(p, r) (r >= reached[p])
#ifdef M_LATE_SEAL
#define G2_SEAL(p, r) true
#else
#define G2_SEAL(p, r) G2(p, r)
#endif

/* G3 */
#ifdef M_NO_PREPARE
#define G3(r, d) true
#else
#define G3(r, d) PREPARED(r, d)
#endif

/* G4 */
#define JUSTIFIED(r, d, vr) (vr < 0 || (vr < r && PREPARED((vr < 0 -> 0 : vr), d)))
#ifdef M_NO_LOCK
#define G4(p, r, d, vr) JUSTIFIED(r, d, vr)
#else
#ifdef M_ANY_UNLOCKS
#define G4(p, r, d, vr) (JUSTIFIED(r, d, vr) && (RIVAL(mem_seals, p, d) < 0 || vr >= 0))
#else
#ifdef M_HIGHEST_LOCK
#define G4(p, r, d, vr) \
    (JUSTIFIED(r, d, vr) && (LOCK_BITS(p) == (d) || vr >= RIVAL(mem_seals, p, d)))
#else
#define G4(p, r, d, vr) (JUSTIFIED(r, d, vr) && vr >= RIVAL(mem_seals, p, d))
#endif
#endif
#endif

/* What a crash leaves of the guard's memory: all that is in the log. */
#ifdef M_FORGET_LOCK
#define SEAL_LEFT(p, r) 0
#define CRASHES
#else
#define SEAL_LEFT(p, r) out_seals[AT(p, r)]
#endif
#ifdef M_FORGET_VOTE
#define PREPARE_LEFT(p, r) 0
#define CRASHES
#else
#define PREPARE_LEFT(p, r) out_prepares[AT(p, r)]
#endif

#ifdef W_CRASH
#define CRASHES
bit crashed[HONEST];
#endif

inline raise(p, r)
{
    if
    :: reached[p] < r -> reached[p] = r
    :: else
    fi
}

inline prepare(p, r, d, vr)
{
    mem_prepares[AT(p, r)] = mem_prepares[AT(p, r)] | (1 << PREPARE_BIT(d, vr));
    out_prepares[AT(p, r)] = out_prepares[AT(p, r)] | (1 << PREPARE_BIT(d, vr));
    raise(p, r);
    printf("@ %d prepare %d %d %d\n", p, r, d, vr);
#ifdef S6
    if
    :: vr < RIVAL(out_seals, p, d) ->
        printf("@ violated\n");
        assert(false)
    :: else
    fi
#endif
}

inline seal(p, r, d)
{
    mem_seals[AT(p, r)] = mem_seals[AT(p, r)] | (1 << ((d) - 1));
    out_seals[AT(p, r)] = out_seals[AT(p, r)] | (1 << ((d) - 1));
    raise(p, r);
    printf("@ %d seal %d %d -1\n", p, r, d);
    if
    :: FINAL(1) && FINAL(2) ->
        printf("@ violated\n");
        assert(false)
    :: else
    fi
}

inline crash(p)
{
    mem_seals[AT(p, 0)] = SEAL_LEFT(p, 0);
    mem_seals[AT(p, 1)] = SEAL_LEFT(p, 1);
    mem_seals[AT(p, 2)] = SEAL_LEFT(p, 2);
    mem_prepares[AT(p, 0)] = PREPARE_LEFT(p, 0);
    mem_prepares[AT(p, 1)] = PREPARE_LEFT(p, 1);
    mem_prepares[AT(p, 2)] = PREPARE_LEFT(p, 2);
    printf("@ %d crash\n", p)
}

/* The two digests are alike, so the first vote may be taken to be for 1. */
#define IS_FIRST_OF_2(d) \
    ((d) == 1 || out_prepares[0] || out_prepares[3] || out_prepares[6] || out_prepares[1] || \
     out_prepares[4] || out_prepares[7] || out_prepares[2] || out_prepares[5] || out_prepares[8])

#define MAY_PREPARE(p, r, d, vr) \
    :: d_step { \
        r < ROUNDS && G1_PREPARE(p, r) && G2(p, r) && IS_FIRST_OF_2(d) && G4(p, r, d, vr) -> \
        prepare(p, r, d, vr) \
    }

#define MAY_SEAL(p, r, d) \
    :: d_step { \
        r < ROUNDS && G1_SEAL(p, r) && G2_SEAL(p, r) && G3(r, d) -> \
        seal(p, r, d) \
    }

proctype Member(byte p)
{
end:
    do
    MAY_PREPARE(p, 0, 1, -1)
    MAY_PREPARE(p, 0, 2, -1)
    MAY_PREPARE(p, 1, 1, -1)
    MAY_PREPARE(p, 1, 2, -1)
    MAY_PREPARE(p, 1, 1, 0)
    MAY_PREPARE(p, 1, 2, 0)
    MAY_PREPARE(p, 2, 1, -1)
    MAY_PREPARE(p, 2, 2, -1)
    MAY_PREPARE(p, 2, 1, 0)
    MAY_PREPARE(p, 2, 2, 0)
    MAY_PREPARE(p, 2, 1, 1)
    MAY_PREPARE(p, 2, 2, 1)
    MAY_SEAL(p, 0, 1)
    MAY_SEAL(p, 0, 2)
    MAY_SEAL(p, 1, 1)
    MAY_SEAL(p, 1, 2)
    MAY_SEAL(p, 2, 1)
    MAY_SEAL(p, 2, 2)
    :: d_step {
        crash(p);
#ifdef W_CRASH
        crashed[p] = 1
#endif
    }
    od
}

#ifdef W_RELOCK
/* Sealed one digest, and later prepared and sealed the other: a newer certificate said so. */
#define WANTED (BIT(out_seals[AT(0, 0)], 0) && BIT(out_prepares[AT(0, 2)], PREPARE_BIT(2, 1)) && \
                BIT(out_seals[AT(0, 2)], 1) && FINAL(2))
#endif
#ifdef W_CRASH
/* Sealed, crashed, and kept to its lock. */
#define WANTED (crashed[0] && crashed[1] && BIT(out_seals[AT(0, 0)], 0) && \
                out_prepares[AT(0, 1)] && out_prepares[AT(1, 1)] && out_seals[AT(1, 1)] && FINAL(1))
#endif

init
{
    atomic {
        run Member(0);
        run Member(1);
        run Member(2)
    }
#ifdef WANTED
    WANTED;
    assert(false)
#endif
}
