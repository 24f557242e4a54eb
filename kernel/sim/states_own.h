/* SPDX-License-Identifier: MIT */
#pragma once

/* states_own.h: what the parts of states.h share. Not for others.
 *
 * states.c holds the trees and brings real instances to positions, states_seat.c is the ledger that
 * nodes see.
 */

#include <qnet/ledger.h>

#include "kernel/base/buf.h"
#include "kernel/base/hash.h"
#include "kernel/base/sink.h"
#include "kernel/sim/states.h"

enum {
    STATES_LANE = 0,
    REALS_OF_TREE = 2, /* one goes ahead with who builds, one follows */
    KEPT_WINDOWS = 8,
};

/* What apply() takes. */
struct states_call {
    struct qn_ledger_block block;
    const uint32_t *offenders;
    uint32_t offenders_count;
    const struct qn_ledger_transaction *txs;
    uint32_t txs_count;
};

/* What a block makes of a position. */
struct states_way {
    struct states_way *next;
    struct qn_buf *call;    /* what apply() took */
    int32_t status;         /* OK or INVALID */
    struct states_at *to;   /* NULL: nowhere */
    struct qn_buf *effects; /* type u32, bytes */
    struct qn_buf *changed; /* numbers of pages, u64 */
};

struct states_tree {
    struct states_tree *next;
    struct states_at *base; /* while it is pruned */
};

/* A position. */
struct states_at {
    struct states_at *next; /* of all, the oldest first: a parent is before its children */
    struct states_at *parent;
    struct states_tree *tree;
    struct states_way *ways;
    uint64_t depth;
    uint64_t window; /* of the block that led here */
    uint64_t pages;
    struct qnk_hash digest;
    struct qn_buf *call;    /* how to come here from the parent */
    struct qn_buf *undo;    /* and back */
    struct qn_buf *back;    /* pages that undo() changes; NULL: not known yet */
    struct qn_buf *begun;   /* pages that genesis() changed */
    struct qnk_hash origin; /* of genesis()'s record */
    struct qnk_hash root;
    struct qnk_hash content; /* of all pages */
    int32_t root_status;
    bool has_origin, has_root, has_content;
    bool is_cut; /* it had a parent, which is forgotten */
    bool is_kept;
};

/* A real instance. */
struct states_real {
    struct states_real *next;
    struct qnk_plugged ledger;
    void *handle;
    struct states_at *at; /* NULL: a seat's own */
    uint64_t used;        /* when; more is later */
};

/* A seat. */
struct qn_inst {
    struct qnk_states *states;
    struct qn_inst *next;
    struct states_at *at;     /* NULL: no state */
    struct states_at *rooted; /* where its latest root() was; NULL: nowhere */
    struct states_real *own;  /* while it has no state, or one is loaded; NULL: none yet */
    struct qnk_sha256 loaded; /* pages so far */
    uint64_t *changed;        /* bits: pages that changed since dirty() */
    uint64_t changed_words;
};

struct qnk_states {
    struct qnk_budget *budget;
    struct qnk_states_maker maker;
    struct states_at *first, *last;
    struct states_tree *trees;
    struct states_real *reals;
    struct qn_inst *seats;
    uint64_t clock;
    uint64_t window; /* the highest so far */
    struct qn_sink call, effects, undo, scratch;
    struct qn_ledger_transaction *txs; /* of a call that is decoded */
    uint32_t txs_room;
    uint32_t offenders[QN_LEDGER_MEMBERS_MAX];
    struct qnk_states_counts counts;
};

static inline const struct qn_ledger_1 *states_slots(const struct states_real *real)
{
    return real->ledger.table;
}

void *qnk_states_memory(struct qnk_states *states, uint64_t size);
struct qn_buf *qnk_states_keep(struct qnk_states *states, const struct qn_sink *sink);

/* NULL: there are no more instances. */
struct states_real *qnk_states_real_make(struct qnk_states *states);
void qnk_states_real_give(struct qnk_states *states, struct states_real *real);

/* Which pages changed since this was asked last, and how many there are. */
QN_MUST_CHECK int32_t qnk_states_changed(struct qnk_states *states, struct states_real *real,
                                         struct qn_buf **changed, uint64_t *pages);

/* All pages of the real instance, hashed. */
QN_MUST_CHECK int32_t qnk_states_content(struct qnk_states *states, struct states_real *real,
                                         uint64_t pages, struct qnk_hash *content);

/* A tree that begins with the state of this real instance, which is the tree's from now on. */
struct states_at *qnk_states_begin(struct qnk_states *states, struct states_real *real,
                                   uint64_t pages);

/* A real instance at this position, until the next call. */
QN_MUST_CHECK int32_t qnk_states_reach(struct qnk_states *states, struct states_at *at,
                                       struct states_real **real);
QN_MUST_CHECK int32_t qnk_states_move(struct qnk_states *states, struct states_real *real,
                                      struct states_at *to);

/* What the block makes of a position: known, or executed now. */
QN_MUST_CHECK int32_t qnk_states_way(struct qnk_states *states, struct states_at *at,
                                     const struct states_call *call, struct states_way **way);

/* Another position, found before this one, with the same pages and all ways back that this one has;
 * or this one. */
struct states_at *qnk_states_same(struct qnk_states *states, struct states_at *at);

/* Forgets what no seat can come back to. */
void qnk_states_prune(struct qnk_states *states);
void qnk_states_forget(struct qnk_states *states); /* all of it */
