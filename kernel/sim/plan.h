/* SPDX-License-Identifier: MIT */
#pragma once

/* plan.h: from a seed to everything that will happen in a run: a list of numbered harms, each with
 * a beginning and an end, and of payments.
 *
 * Each seed draws a random subset of the kinds of harm and how often each comes (swarm testing), so
 * that some runs suffer one thing alone and some all at once. A plan is drawn whole, then masked:
 * with harms left out the others stay as they were, which is what makes a failing plan shrinkable.
 * The same setup and seed give the same plan on every machine.
 *
 * In one seed of four most harms begin not at a time but when the first node has a block of some
 * height: 1, or the last of a window, or one beside it, where what is final, scheduled and
 * certified changes hands.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds since the start of the run; nodes from 0
 *   threads  any: a plan is plain data
 *
 * Source: scale.md 1.6; Groce et al., "Swarm Testing", ISSTA 2012.
 */

#include <stdbool.h>

#include "kernel/base/random.h"
#include "kernel/chain/set.h"
#include "kernel/sim/sick.h"

enum {
    QNK_PLAN_HARMS_MAX = 128, /* more are not drawn */
    QNK_PLAN_PAYS_MAX = 4096, /* the same */
    QNK_PLAN_WEAK_MAX = 333,
    QNK_HARM_TEXT = 120,
};

/* What can be done to a network; the order of draws is that of this list. */
enum qnk_harm_kind {
    QNK_HARM_CRASH, /* a's power goes, and comes back at the end */
    QNK_HARM_LOOP,  /* the same several times in a row: drawn as crashes */
    QNK_HARM_CUT,   /* the power goes in the midst of writes: `value` more are done */
    QNK_HARM_TEAR,  /* in the midst of an append, of which `value` records are left */
    QNK_HARM_POWER, /* everybody's at once */
    QNK_HARM_LINK,  /* nothing between a and b */
    QNK_HARM_WAY,   /* nothing from a to b */
    QNK_HARM_SPLIT, /* nothing between the nodes in `value`, a bitmap, and the others */
    QNK_HARM_FAR,   /* from a to b all takes `value` longer */
    /* Of 1000 frames `value` ... */
    QNK_HARM_LOSS,    /* break their link */
    QNK_HARM_TWICE,   /* come twice */
    QNK_HARM_REORDER, /* are overtaken by others */
    QNK_HARM_SPIKE,   /* come late, with all that is behind them */
    QNK_HARM_MANGLE,  /* come mangled, too */
    QNK_HARM_NARROW,  /* links have a `value`th of their bandwidth */
    QNK_HARM_CPU,     /* a takes `value` permille of the time it takes else */
    QNK_HARM_DISK,    /* a's disk does */
    QNK_HARM_FULL,    /* a's disk is full */
    QNK_HARM_FAIL,    /* a's disk fails */
    QNK_HARM_ROT,     /* something on a's disk rots: what, `value` says */
    QNK_HARM_CLOCK,   /* a's clock is wrong: `value` says how */
    QNK_HARM_JITTER,  /* jobs, disks and keys take up to `value` longer; all the time */
    QNK_HARM_MAPS,    /* final windows are durable up to `value` later; all the time */
    QNK_HARM_ORDER,   /* what happens at one time comes in another order; all the time */
    QNK_HARM_SWAP,    /* a plans another engine or producer, by `value`; b lacks it until the end */
    QNK_HARM_LOST, /* a's power goes, and its whole disk; `value`: its operator soon says resume */
    QNK_HARM_SICK, /* the swap that begins with it is to an engine that is sick: b is how */
                   /* (sick.h), `value` says when, and in whose hands, from a on */
    QNK_HARM_LIE,  /* a lies: b is what (liar.h); from the beginning */
    QNK_HARMS
};

/* In `value` of CLOCK: by no more than clocks may differ. */
#define QNK_HARM_SMALL (UINT64_C(1) << 32)

/* In `value` of SWAP: to an engine without locks, too. Such a one is stopped by liars, and nothing
 * leads back to or from it but a plan, so only where nobody lies and no engine is sick. */
#define QNK_HARM_LOCKLESS (UINT64_C(1) << 32)

/* In `value` of SICK: whose engine is, an enum qnk_whose; the rest is a lot. */
static inline uint32_t qnk_harm_whose(uint64_t value)
{
    return (uint32_t)(value % QNK_WHOSE);
}

/* What the `value` of a CLOCK says, and that of a ROT: the space of the store that it is in. */
void qnk_harm_clock(uint64_t value, int64_t *offset_us, int32_t *drift_ppm);
const char *qnk_harm_space(uint64_t value);

/* "crash" */
const char *qnk_harm_name(uint32_t kind);

struct qnk_harm {
    uint32_t number; /* from 1: what --only names */
    uint32_t kind;
    uint32_t a, b;
    uint64_t from_us, until_us;
    uint64_t height; /* not 0: it begins with the first block of this height, and lasts as long */
    uint64_t value;
    bool is_off; /* masked out */
};

/* "crash v3 for 0.412 s", "crash v3 for 0.412 s from block 29 on" */
void qnk_harm_text(const struct qnk_harm *harm, char text[QNK_HARM_TEXT]);

struct qnk_pay {
    uint64_t at_us;
    uint32_t node, sender, count;
};

enum qnk_plan_mode {
    QNK_PLAN_SAFETY,   /* harm to the end */
    QNK_PLAN_LIVENESS, /* at `heal_us` a core of more than two thirds is healed, and must go on */
};

struct qnk_plan_setup {
    uint64_t seed;
    uint32_t mode; /* enum qnk_plan_mode */
    uint32_t nodes, validators;
    uint32_t senders;
    uint32_t window;  /* microblocks, for heights at which harms begin; 0: none does */
    bool has_regions; /* nodes stand in the ten of links.h, by lot, not all 5 ms from each other */
    uint32_t liars;   /* that the seed may choose, at most */
    uint32_t weak;    /* nodes that lie or whose disks rot, at most, */
    const struct qnk_set *set; /* and below a third of its weight; NULL: no such limit */
    uint64_t kinds;            /* bitmap of the kinds that may come, */
    uint64_t always;           /* and of those of them that come in every seed */
    uint32_t lies;             /* bitmap of what liars may do (liar.h); 0: anything */
    bool is_lockless;   /* the engine of genesis has no locks: none is swapped to that is sick */
    uint64_t quiet_us;  /* nothing happens before */
    uint64_t length_us; /* of the time of harm, with that */
};

struct qnk_plan {
    struct qnk_plan_setup setup;
    uint32_t harms_count, pays_count;
    uint32_t liars; /* how many lie, if none is masked out: the first of `weak` */
    uint32_t weak_count;
    uint32_t weak[QNK_PLAN_WEAK_MAX];
    struct qnk_harm harms[QNK_PLAN_HARMS_MAX]; /* by number */
    struct qnk_pay pays[QNK_PLAN_PAYS_MAX];    /* by time */
};

void qnk_plan_draw(struct qnk_plan *plan, const struct qnk_plan_setup *setup);

/* Leaves only the harms whose numbers are among these. */
void qnk_plan_mask(struct qnk_plan *plan, const uint32_t *numbers, uint32_t count);
