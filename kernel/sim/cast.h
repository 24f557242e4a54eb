/* SPDX-License-Identifier: MIT */
#pragma once

/* cast.h: a network from two config files: their plugins, found and verified as a node does it,
 * with keys, funded senders and a genesis of its own.
 *
 * The rules come from a network file, the local kinds from a node file, so the kernel names no
 * plugin here either. Of the network file `genesis` is replaced, unless the cast stands in for a
 * network that exists: then all of the file counts, and who is named in it has a key of the cast's
 * beside the own one (standin.h). A cast is made once for a process
 * and plays in one world after another; what is the same for all of them, such as the validators'
 * beacon chains, which take a tenth of a second each, is made with it and shared by processes that
 * fork later.
 *
 * Unless a function's own comment says otherwise:
 *   units    nodes are numbered from 0, validators first, in the set's order; senders from 0
 *   owns     what is given out by pointer lives as long as the cast, which outlives its worlds
 *   threads  one
 *   errors   `why` says in words what is wrong
 *
 * Source: scale.md 1, operations.md 4.
 */

#include "kernel/config/config.h"
#include "kernel/plugin/plugin.h"
#include "kernel/sim/sick.h"
#include "kernel/sim/world.h"

enum {
    QNK_CAST_SENDERS = 40,
    QNK_CAST_WHY = 400,
    QNK_CAST_TXS_MAX = 64, /* of one call of qnk_cast_txs */
    QNK_CAST_OTHERS_MAX = 8,
    QNK_CAST_SICK_MAX = 8,     /* engines of one run */
    QNK_CAST_PLUGGED_MAX = 12, /* instances that a node got while it runs */
};

/* How much of a node is real (scale.md 1.4); a figure names its level. */
enum qnk_cast_level {
    QNK_CAST_L0, /* all of it */
    QNK_CAST_L1, /* a signature is verified (memo.h), a block executed (states.h) once for all */
};

struct qnk_cast_file {
    const char *name; /* as messages call it */
    struct qn_span text;
};

struct qnk_cast_setup {
    struct qnk_budget *budget;
    struct qnk_loader *loader;
    struct qnk_cast_file network, node;
    uint32_t nodes, validators;
    uint32_t spare;  /* machines more, for twins */
    uint32_t window; /* microblocks; 0: as the network file says */
    uint32_t level;  /* enum qnk_cast_level */
    bool stands_in;  /* for the members and the first accounts of the network file, all of them:
                      * `nodes` and `validators` are as many as there */
    bool is_uneven;  /* validators weigh 1, 2, 3, 4, 1, ...; else all 1 */
    /* What a network may swap to: each the lines of `consensus` or `producer` of a network file,
     * instead of those in `network`. */
    const char *const *others;
    uint32_t others_count;
};

struct qnk_cast;

QN_MUST_CHECK int32_t qnk_cast_create(const struct qnk_cast_setup *setup, struct qnk_cast **cast,
                                      char why[QNK_CAST_WHY]);
void qnk_cast_destroy(struct qnk_cast *cast); /* NULL is allowed */

/* Everything in `setup` that the files and the cast decide; the rest is zero. */
void qnk_cast_world(struct qnk_cast *cast, struct qnk_world_setup *setup);

/* Makes spare machine `spare`, node nodes + spare, a twin of a validator; a world with it has as
 * many nodes more. */
void qnk_cast_twin(struct qnk_cast *cast, uint32_t spare, uint32_t of);

/* A plan for one of `others`, without its first window, with the network's least share and
 * probation. False: there are none. */
bool qnk_cast_plan(const struct qnk_cast *cast, uint64_t lot, struct qnk_swap_plan *plan);

/* The same for one of some of them. */
enum qnk_cast_among {
    QNK_AMONG_ALL,
    QNK_AMONG_SAFE,   /* but for engines without locks */
    QNK_AMONG_LOCKED, /* engines with locks */
};
bool qnk_cast_plan_among(const struct qnk_cast *cast, uint32_t among, uint64_t lot,
                         struct qnk_swap_plan *plan);

/* Whether the network's own engine has no locks. */
bool qnk_cast_is_lockless(const struct qnk_cast *cast);

/* The engine that a plan for this first window binds is sick: everybody's, or that of validator
 * `node` and, of QNK_WHOSE_ENOUGH, of as many after it as it takes that the others are no quorum.
 * `course` but for its number. Beyond QNK_CAST_SICK_MAX of them none is. */
void qnk_cast_sicken(struct qnk_cast *cast, uint64_t first, const struct qnk_sick_course *course,
                     uint32_t whose, uint32_t node);

/* No engine is sick any more that is plugged in from now on. */
void qnk_cast_cure(struct qnk_cast *cast);

/* Whether a node's machine has the files of what is swapped to. All have when a cast is made. */
void qnk_cast_lack(struct qnk_cast *cast, uint32_t node, bool lacks);
bool qnk_cast_lacks(const struct qnk_cast *cast, uint32_t node);

const struct qnk_network *qnk_cast_network(const struct qnk_cast *cast);

/* The network file as it is played. */
struct qn_span qnk_cast_text(const struct qnk_cast *cast);

/* Senders that there are: SENDERS, or as many accounts as the file of a network that is stood in
 * for has, if that is fewer. */
uint32_t qnk_cast_senders(const struct qnk_cast *cast);

/* What a node's ledger knows of a sender's account. False: nothing. */
bool qnk_cast_account(const struct qnk_cast *cast, uint32_t node, uint32_t sender,
                      uint64_t *balance, uint64_t *nonce);

/* A node's plugins while it is on. */
const struct qnk_world_plugins *qnk_cast_plugins(const struct qnk_cast *cast, uint32_t node);

/* A TXS body of signed transfers to the next sender, one for each nonce from..to - 1, at `out`,
 * which has room for 4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE bytes. Gives its size. */
uint64_t qnk_cast_txs(const struct qnk_cast *cast, uint32_t sender, uint64_t from, uint64_t to,
                      uint64_t valid_until, uint8_t *out);

/* The next nonce of a sender, as a node's ledger has it that is on. `valid_until` is a height that
 * the ledger would take. */
uint64_t qnk_cast_next(const struct qnk_cast *cast, uint32_t node, uint32_t sender,
                       uint64_t valid_until);

/* A ledger and a producer without a state beside those of the nodes, for who looks on, and the
 * numbers of the ledger's questions for its totals and accounts; 0: it answers none such. */
struct qnk_witness {
    struct qnk_plugged ledger, producer;
    uint32_t query_totals, query_accounts;
    struct qnk_cast *cast;
    struct qnk_instance *instances[2];
    struct qnk_instance *more[QNK_CAST_PLUGGED_MAX]; /* producers that came by swaps */
};

/* As qnk_oracle_setup.plug wants it; `ctx` is the witness. */
bool qnk_witness_plug(void *ctx, const struct qnk_binding *binding, struct qnk_plugged *producer);

QN_MUST_CHECK int32_t qnk_cast_witness(struct qnk_cast *cast, struct qnk_witness *witness);
void qnk_witness_give(struct qnk_witness *witness);
