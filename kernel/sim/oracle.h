/* SPDX-License-Identifier: MIT */
#pragma once

/* oracle.h: what must hold in a world, whatever happens in it: looked at from outside, through the
 * hooks of watch.h, after each step, signature and final window.
 *
 * It believes no honest node: it keeps every vote that honest keys ever signed, executes each final
 * block once more on a ledger of its own, and keeps a second book of all amounts. Liars are looked
 * at only as far as they sign. A node whose key another node has too is a twin, and a liar.
 *
 * It cannot follow a change of the validator set, which no ledger makes yet: that is said as S2.
 * Time that a step takes is nothing that one seed repeats: a run measures it (run.h).
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time, windows; nodes are numbered from 0
 *   owns     the oracle copies what it keeps, at the cost of its budget
 *   threads  one
 *   cost     constant for each step, linear in its effects; a final window costs what executing it
 *            costs, once for the whole world
 *   errors   the first thing that is broken is kept, the rest counted. A broken oracle is a result:
 *            nothing here stops a run. Memory that is not there is an assertion
 *
 * Source: finality.md 14.2.
 */

#include "kernel/sim/watch.h"
#include "kernel/sim/world.h"

enum qnk_oracle_id {
    QNK_ORACLE_S1,  /* no two final certificates of a window can be built */
    QNK_ORACLE_S1L, /* nor, above a final one, a prepare certificate for something else */
    QNK_ORACLE_S1P, /* nothing is sealed or final without the votes that it needs */
    QNK_ORACLE_S2,  /* every final window is what executing it again gives */
    QNK_ORACLE_S3,  /* the final chain only grows, and is one; also over restarts */
    QNK_ORACLE_S4,  /* what was accepted is final once, or waits, or was refused by a rule */
    QNK_ORACLE_S5,  /* no honest key signs two things for one duty, or goes back */
    QNK_ORACLE_S6,  /* no evidence is against an honest member; what evidence shows gets in, once */
    QNK_ORACLE_B1,  /* the beacon is what the shares on the chain give; after healing all are in */
    QNK_ORACLE_C1,  /* amounts are conserved, and are those of the second book */
    QNK_ORACLE_H1,  /* no honest node halts, gives its key up, or refuses an honest block */
    QNK_ORACLE_P1,  /* no honest node charges another with what only a liar does */
    QNK_ORACLE_R1,  /* memory and queues keep to their limits */
    QNK_ORACLE_V1,  /* after healing, windows become final in time */
    QNK_ORACLE_V2,  /* and blocks are made */
    QNK_ORACLES
};

enum {
    QNK_ORACLE_WORDS = 200,
    QNK_ORACLE_ACCOUNTS_MAX = 1 << 14, /* in the second book; then C1 stops being checked */
    QNK_ORACLE_TXS_MAX = 1 << 16,      /* submitted ones that S4 follows; later ones it does not */
    QNK_ORACLE_BODIES_MAX = 1 << 12,   /* above what is final; more break R1 */
    QNK_ORACLE_EFFECTS_MAX = 65536,    /* of one step; more break R1 */
};

#define QNK_ORACLE_NOBODY UINT32_MAX /* broken by no node in particular */

struct qnk_oracle_broken {
    uint32_t id; /* enum qnk_oracle_id */
    uint32_t node;
    uint64_t at_us;
    char words[QNK_ORACLE_WORDS];
};

struct qnk_oracle_setup {
    struct qnk_world *world;               /* NULL: what hooks are told is all there is */
    const struct qnk_world_setup *network; /* the world's; read by create alone */
    const bool *liars;                     /* of each node; NULL: none but twins */
    /* Instances of the oracle's own, without a state, that outlive it. Table NULL: S2, B1 and C1
     * are not checked. */
    struct qnk_plugged ledger, producer;
    /* Gives an instance of a producer that is bound by a swap. NULL, or false: S2 breaks at it. */
    bool (*plug)(void *ctx, const struct qnk_binding *binding, struct qnk_plugged *producer);
    void *plug_ctx;
    /* Of the ledger's manifest: totals and accounts, as docs/ledger-accounts.md and accounts.yaml
     * have them. 0: C1 is not checked. */
    uint32_t query_totals, query_accounts;
    uint32_t looks_every;      /* steps of the world between two looks at a node; 0: each */
    uint32_t signatures_every; /* of final transactions one in so many is verified; 0: all */
    uint32_t books_every;      /* final windows between two comparisons of all accounts; 0: each */
};

struct qnk_oracle;

/* Looks from now on, if there is a world, before which no node was on. NULL: over the budget, or
 * the plugins refuse the genesis. */
QN_MUST_CHECK struct qnk_oracle *qnk_oracle_create(struct qnk_budget *budget,
                                                   const struct qnk_oracle_setup *setup);

/* After the world, or before its end if nothing runs in it any more. NULL is allowed. */
void qnk_oracle_destroy(struct qnk_oracle *oracle);

/* The hooks, for who feeds them without a world. */
void qnk_oracle_watch(struct qnk_oracle *oracle, struct qnk_watch *watch);

/* --- what came of it --- */

/* The first that broke, or NULL. */
const struct qnk_oracle_broken *qnk_oracle_broken(const struct qnk_oracle *oracle);

/* How often this one broke. */
uint64_t qnk_oracle_broken_times(const struct qnk_oracle *oracle, uint32_t id);

/* How often it was looked at: 0 is no result. */
uint64_t qnk_oracle_checked(const struct qnk_oracle *oracle, uint32_t id);
const char *qnk_oracle_name(uint32_t id); /* "S1" */

struct qnk_oracle_figures {
    uint64_t windows;  /* final somewhere */
    uint64_t blocks;   /* executed again */
    uint64_t accepted; /* transactions that clients were told of */
    uint64_t accepted_final;
    uint64_t evidence_final; /* pieces that an honest node made and the chain has */
    uint64_t seen;           /* contradictions that a node held long enough to have to say so */
    uint64_t healed_us; /* from healing until the whole core had a new final window; 0: not yet */
};

void qnk_oracle_figures(const struct qnk_oracle *oracle, struct qnk_oracle_figures *figures);

/* --- what a run knows and an oracle cannot --- */

/* The node's disk lost what was durable: what it stored is not expected of it any more, and it may
 * halt over it. What it signed still counts. */
void qnk_oracle_disk_lost(struct qnk_oracle *oracle, uint32_t node);

/* All faults end now, and the honest ones of `core` (of each node; NULL: all) shall recover: the
 * last call counts. */
void qnk_oracle_healed(struct qnk_oracle *oracle, const bool *core);

/* --- what is asked at some time; false: it is broken --- */

/* Since healing the whole core has made `windows` windows more final than any of it had. (V1) */
bool qnk_oracle_final_within(struct qnk_oracle *oracle, uint64_t windows);

/* Since healing each of the core has a higher head, and is not paused. (V2) */
bool qnk_oracle_producing(struct qnk_oracle *oracle);

/* What was accepted is final, or waits, or was refused by a rule; lost is only what nobody had when
 * the power went. Linear in what was submitted. (S4) */
bool qnk_oracle_accounted(struct qnk_oracle *oracle);

/* What evidence honest nodes made since healing is on the chain, if there was time. (S6) */
bool qnk_oracle_evidenced(struct qnk_oracle *oracle);

/* All that honest nodes which are on have stored is the one final chain: macroblocks with good
 * certificates, blocks, and transactions where their ids say. Linear in it. (S3, S1P) */
bool qnk_oracle_stored(struct qnk_oracle *oracle);
