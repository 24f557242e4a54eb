/* SPDX-License-Identifier: MIT */
#pragma once

/* tree.h: the microblocks above the last final one, and which chain of them is best.
 *
 * A block passes through these states, each of which needs the one before in its parent too:
 * header good (schedule, time, signature) -> ready (body here, its signatures good) -> executed
 * (once, with the header's effects) -> durable. A block that fails is bad, and so is all above it;
 * bad ones are remembered by id until their height is final.
 *
 * The root is the last final block. The best chain is that of the greatest sum of scores among
 * those that are ready throughout; ties go to the smaller id of the first differing block. No vote
 * enters.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the tree owns its blocks; a pointer to one is good until the block is pruned
 *   threads  the core's
 *   cost     constant, or linear in the blocks above the root
 *
 * Source: finality.md 3.4, 3.5.
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/chain/control.h"
#include "kernel/chain/macro.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/set.h"
#include "kernel/node/job.h"

enum {
    QNK_PEERS_MAX = 256,     /* places of peers, of which a block remembers who was asked */
    QNK_TREE_TWINS_MAX = 4,  /* blocks of one producer at one height; for more one gives way */
    QNK_TREE_BRANCHES = 8,   /* blocks in the tree for each height above the root, on average */
    QNK_TREE_WINDOWS = 3,    /* windows above the root: production pauses before there are more */
    QNK_TREE_BAD_MAX = 4096, /* ids of bad blocks that are remembered */
    QNK_TREE_BODIES_MAX = 1 << 27, /* bytes of bodies off the best chain, never executed */
    QNK_SCORE_PRIMARY = 16,        /* of a primary's block; each rank below it costs one */
    QNK_SCORE_LATE = 2,            /* what it costs to have come late */
};

/* What is known when a window's last block was executed: the macroblock that would close it. */
struct qnk_window_end {
    struct qnk_macro macro;
    struct qnk_hash digest;
    struct qnk_frontier history; /* of all digests up to and with this one */
    struct qnk_set *members;     /* of window + 3 */
    struct qnk_page_set pages;
};

/* The macroblock that a window's last block would close, known for good once it was executed here,
 * also after the ledger moved to another chain: votes and locks may be on it. */
struct qnk_known_end {
    struct qnk_macro macro;
    struct qnk_hash digest;
};

enum qnk_block_state {
    QNK_BLOCK_HEADER, /* its header is good */
    QNK_BLOCK_READY,  /* body and signatures too */
    QNK_BLOCK_BAD,
};

struct qnk_block {
    struct qnk_micro header;
    struct qnk_hash id;
    struct qnk_block *parent; /* NULL: the root */
    struct qnk_block *child;  /* the first */
    struct qnk_block *sibling;
    uint32_t state; /* enum qnk_block_state */
    bool executed;  /* once, and its effects were right */
    bool stored;    /* durable */
    bool storing;
    bool working; /* a job on it is under way: it must stay */
    bool late;    /* came later than interval + backup after it was due */
    bool twin;    /* its producer made another one on the same parent */
    bool own;
    bool is_unsigned; /* an own one of before a restart: it is being signed again */
    bool is_restored; /* it was stored before the restart */
    bool is_foreign;  /* its effects are not ours: it is being taken back */
    bool announced;
    uint64_t total;              /* sum of scores from the root up to this one */
    uint64_t due_ms;             /* when its rank was due on its parent */
    uint64_t arrival_us;         /* when its header was good */
    uint64_t held_us;            /* when it was ready here */
    uint64_t place;              /* in the block log */
    struct qn_buf *body;         /* rows; NULL: not here */
    struct qn_buf *ids;          /* of its transactions, QN_HASH_SIZE each; NULL until read */
    struct qn_buf *undo;         /* while the ledger stands on it or above */
    struct qnk_control *control; /* after it, once executed */
    uint64_t tx_total;           /* transactions since genesis, once executed */
    struct qnk_window_end *end;  /* of a window's last block, while the ledger stands on it */
    struct qnk_known_end *known; /* of a window's last block, since it was executed */
    uint8_t *parts;              /* bitmap of the parts of the body that are here */
    uint32_t parts_left;
    uint32_t parts_size;              /* bytes of `parts` */
    uint32_t body_peer;               /* who sent it, or is sending it; 0: nobody */
    uint32_t checks_left;             /* jobs on its signatures that are under way */
    bool was_verified;                /* before the restart */
    uint32_t asked_peer;              /* who was asked for the body, 0 nobody */
    uint32_t rounds;                  /* in which all that may have it were asked in vain */
    uint8_t asked[QNK_PEERS_MAX / 8]; /* bitmap of the places of those asked in this round */
    uint64_t asked_us;                /* when it was asked for last; 0: not yet */
    uint64_t due_us; /* when it is asked for elsewhere; 0: soon after its header came */
    bool is_vain;    /* the body was asked for, and did not come in time */
};

struct qnk_tree;

/* A tree whose only block is the root, with what is final known of it. `windows_n` blocks make a
 * window. NULL: over the budget. */
QN_MUST_CHECK struct qnk_tree *qnk_tree_create(struct qnk_budget *budget, uint32_t window,
                                               uint64_t seed);
void qnk_tree_destroy(struct qnk_tree *tree);

/* Makes `header` (id `id`) the root of an empty tree. Takes a reference of control. */
void qnk_tree_root_set(struct qnk_tree *tree, const struct qnk_micro *header,
                       const struct qnk_hash *id, struct qnk_control *control, uint64_t tx_total);

struct qnk_block *qnk_tree_root(const struct qnk_tree *tree);
uint32_t qnk_tree_count(const struct qnk_tree *tree);

/* NULL: not in the tree. */
struct qnk_block *qnk_tree_find(const struct qnk_tree *tree, const struct qnk_hash *id);

bool qnk_tree_is_bad(const struct qnk_tree *tree, const struct qnk_hash *id);

/* Adds a block whose header is good on `parent`. In a full tree the lowest block gives way on which
 * nothing stands; of too many of one producer at one height, the one on which least stands, with
 * that. NULL: all are in use. Marks twins. */
QN_MUST_CHECK struct qnk_block *qnk_tree_add(struct qnk_tree *tree, struct qnk_block *parent,
                                             const struct qnk_micro *header,
                                             const struct qnk_hash *id);

/* Whether bodies are too many, once that of `coming` is here too: NULL if not, else the block whose
 * body gives way, which may be `coming`. It is one of the producer whose bodies hold most, so that
 * a liar's twins only push out each other; of those the one on which least stands, then the oldest.
 * The best chain, what was executed, and own and restored blocks neither count nor give way; what
 * is in use does not give way. Linear in the tree, and in its square if bodies are too many. */
QN_MUST_CHECK struct qnk_block *qnk_tree_crowd(struct qnk_tree *tree, struct qnk_block *coming);

/* The other block of the same producer on the same parent, or NULL. */
struct qnk_block *qnk_tree_twin(const struct qnk_block *block);

/* Marks a block, and all above it, as bad. */
void qnk_tree_bad(struct qnk_tree *tree, struct qnk_block *block);

/* The best block: ready from the root up. The root itself if there is none. */
struct qnk_block *qnk_tree_best(const struct qnk_tree *tree);

/* As best, but within what stands on `base` (itself included), which need not be on the best chain;
 * NULL if `base` is not ready up to the root. */
struct qnk_block *qnk_tree_best_above(const struct qnk_tree *tree, struct qnk_block *base);

/* Whether all from the root up to `block` is ready. */
bool qnk_tree_is_ready(const struct qnk_tree *tree, const struct qnk_block *block);

/* The ancestor of `block` at `height`, or itself; NULL if that is below the root. */
struct qnk_block *qnk_tree_ancestor(struct qnk_block *block, uint64_t height);

/* The last block that both chains share. */
struct qnk_block *qnk_tree_fork(struct qnk_block *a, struct qnk_block *b);

/* Any window end of the tree with this macroblock digest, or NULL: on which the ledger stands, or
 * that it has ever executed. */
struct qnk_block *qnk_tree_find_end(const struct qnk_tree *tree, const struct qnk_hash *digest);
struct qnk_block *qnk_tree_find_known(const struct qnk_tree *tree, const struct qnk_hash *digest);

/* A ready window end at `height` that was never executed, or NULL. */
struct qnk_block *qnk_tree_find_unknown(const struct qnk_tree *tree, uint64_t height);

/* Remembers what `block`, a window's last, would close. Without memory it is forgotten with the
 * end. */
void qnk_tree_know(struct qnk_tree *tree, struct qnk_block *block,
                   const struct qnk_window_end *end);

/* Makes `block`, which is final, the root: all that does not stand on it goes. The blocks between
 * are forgotten too, but not the new root. */
void qnk_tree_finalize(struct qnk_tree *tree, struct qnk_block *block);

/* Calls `visit` for every block but the root, parents first, until it gives false. */
void qnk_tree_walk(const struct qnk_tree *tree, bool (*visit)(void *ctx, struct qnk_block *block),
                   void *ctx);

/* Forgets a window end, and gives its pages' indexes to `more` for whoever reads pages next. */
void qnk_window_end_destroy(struct qnk_budget *budget, struct qnk_window_end *end);
