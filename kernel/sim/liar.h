/* SPDX-License-Identifier: MIT */
#pragma once

/* liar.h: members that lie: each is an honest node inside, and what it says is changed, added to or
 * dropped on its way out. Its node takes part all the time; a lie happens now and then, by lot.
 *
 * A liar signs with its own key whatever its guard would refuse, and tells the watchers of each
 * such signature. Its node must not find out: others answer with what it never signed, and an
 * honest node that sees its key abused signs no more. So its own votes are taken out of what it
 * hears, and its own blocks look to it as if nobody's. That is what a twin needs, a machine with
 * the key of another one, which is why twins are liars of QNK_LIE_TWIN: of both, which also miss
 * some of what they would hear, or else they would say the same.
 *
 * What becomes of one vote or block is drawn once, and kept to whenever it is sent again. Every
 * kind of every liar has a stream of its own, so leaving one out changes no other's lots.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time; nodes are numbered from 0
 *   owns     the liars watch the world: they are destroyed after it
 *   threads  one
 *   cost     one lot for each thing said; signatures only when lying
 *
 * Source: finality.md 14.2, scale.md 1.6.
 */

#include "kernel/sim/world.h"

enum qnk_lie {
    QNK_LIE_TWO_BLOCKS,         /* two blocks on one parent: to different peers, or both to all */
    QNK_LIE_TWIN,               /* the key signs on another machine too: the setup does that */
    QNK_LIE_DOUBLE_VOTE,        /* two votes for one duty: likewise */
    QNK_LIE_CONTRADICTORY_VOTE, /* old, far and unjustified rounds, broken locks, other places */
    QNK_LIE_WITHHOLD_VOTES,     /* none is sent; some come long after */
    QNK_LIE_SELECTIVE_VOTES,    /* one peer alone gets the vote */
    QNK_LIE_WITHHOLD_REVEAL,
    QNK_LIE_LATE_REVEAL,
    QNK_LIE_WRONG_REVEAL,       /* of another digest than was committed */
    QNK_LIE_WRONG_STATE,        /* blocks and proposals of what nobody's execution gives */
    QNK_LIE_WRONG_SCHEDULE,     /* blocks out of turn, of a wrong time, class or lag */
    QNK_LIE_STALE_CERTIFICATE,  /* good ones of before, also with the header of another window */
    QNK_LIE_FORGED_CERTIFICATE, /* too few, wrong or repeated signatures, another digest */
    QNK_LIE_GARBAGE,            /* random bytes, and mangled copies of what it says */
    QNK_LIE_FLOOD,              /* bursts of requests, claims, votes and transactions */
    QNK_LIE_LYING_SYNC,         /* false status; answers that are wrong or do not come */
    QNK_LIE_WITHHOLD_BODY,      /* of a block, from some or all; or of blocks that have none */
    QNK_LIE_WRONG_TXS,          /* bad signatures, forged evidence, what a block had before */
    QNK_LIES
};

#define QNK_LIES_ALL ((1u << QNK_LIES) - 1)

enum { QNK_LIARS_MAX = 333 };

/* The stable name, which `qnet sim run --faults` takes too; NULL: no such lie. */
const char *qnk_lie_name(uint32_t lie);

struct qnk_liars;

/* `setup` is the world's; its chain id, window, set and seed are copied. NULL: over the budget. */
QN_MUST_CHECK struct qnk_liars *qnk_liars_create(struct qnk_budget *budget, struct qnk_world *world,
                                                 const struct qnk_world_setup *setup);
void qnk_liars_destroy(struct qnk_liars *liars);

/* From now on this member lies, in `kinds` (bits of enum qnk_lie). */
void qnk_liars_add(struct qnk_liars *liars, uint32_t node, uint32_t kinds);

/* All lying ends: the liars go on as honest nodes do, of twins the first that was added, or say
 * nothing more. */
void qnk_liars_stop(struct qnk_liars *liars, bool silently);

/* Is called for each lie from now on, at the time at which it is told. */
typedef void qnk_liars_hear(void *ctx, uint32_t node, uint32_t lie);
void qnk_liars_told(struct qnk_liars *liars, qnk_liars_hear *told, void *ctx);

/* How often this lie was told so far. Of twins: how often one heard what the other had signed. */
uint64_t qnk_liars_count(const struct qnk_liars *liars, uint32_t lie);
