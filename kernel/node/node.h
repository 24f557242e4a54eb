/* SPDX-License-Identifier: MIT */
#pragma once

/* node.h: the deterministic core of a node: events in, effects out.
 *
 * It knows no clock, socket, file, thread or global; both hosts, live and simulated, drive the same
 * code. Between steps it can be looked at through the functions below, which change nothing.
 *
 * Unless a function's own comment says otherwise:
 *   owns     what is given out by pointer is borrowed until the next step
 *   threads  one at a time: the host's loop
 *   cost     a look is constant or linear in what it shows
 *
 * Source: architecture.md, scale.md 1.1.
 */

#include "kernel/node/effect.h"
#include "kernel/node/mempool.h"
#include "kernel/node/setup.h"

struct qnk_node;

/* QN_NO_SPACE: over setup->limits.memory; QN_INVALID: the producer cannot schedule this set. */
QN_MUST_CHECK int32_t qnk_node_create(const struct qnk_setup *setup, struct qnk_node **node);
void qnk_node_destroy(struct qnk_node *node);

/* Takes one event and appends what follows from it. */
void qnk_node_step(struct qnk_node *node, const struct qnk_event *event,
                   struct qnk_effects *effects);

/* The budget of everything the core and its jobs take. */
struct qnk_budget *qnk_node_budget(struct qnk_node *node);

/* --- looking --- */

enum qnk_phase {
    QNK_PHASE_STARTING,
    QNK_PHASE_SYNCING, /* peers are final further than we are */
    QNK_PHASE_RUNNING,
    QNK_PHASE_PAUSED, /* three windows wait for finality: no new block may be made */
};

/* A plugin that is bound and not here. */
struct qnk_lack {
    bool is_lacking;
    bool is_held; /* the window that is voted on, or that the next block is of, needs it already */
    uint32_t number;
    uint64_t first; /* window from which on it is needed */
    char name[33];
    char version[16];
    char words[QNK_NOTE_TEXT]; /* of the host, why it has none; "": it has not answered */
};

struct qnk_node_view {
    uint32_t phase; /* enum qnk_phase */
    uint32_t lag;   /* windows full but not final: 0.. */
    uint64_t head_height;
    uint64_t head_time_ms;
    struct qnk_hash head;
    uint32_t interval_ms; /* that follows on the head */
    uint64_t final_window;
    uint64_t final_height;
    uint64_t final_time_us; /* when it became final here; 0: before the start */
    struct qnk_hash final;  /* digest */
    struct qnk_hash state;  /* ledger root */
    uint64_t tx_total;      /* final */
    uint64_t tx_head;       /* transactions up to the head */
    uint32_t member;        /* own index, or QNK_SET_NOBODY */
    uint32_t members;
    uint64_t quorum, total;  /* weights */
    bool is_signing;         /* whether this node signs at all now */
    const char *not_signing; /* why not; "" otherwise */
    uint32_t round;          /* of the open window */
    uint32_t vote_phase;     /* as the engine reports it */
    uint64_t have, need;     /* weights */
    uint32_t signers; /* of the last final window: members whose vote is in its certificate */
    uint32_t peers;
    uint64_t sync_target; /* the highest final window that a peer claims */
    struct qnk_mempool_stats mempool;
    struct qnk_lack lacks[2]; /* by enum qnk_binding_kind: consensus, producer */
    bool is_held;             /* for one of them */
    uint32_t era;             /* of the votes on the next window */
    uint32_t numbers[2];      /* of the bindings that serve the next windows */
};

void qnk_node_look(const struct qnk_node *node, struct qnk_node_view *view);

/* Counters since the start, for metrics. */
struct qnk_node_counters {
    uint64_t blocks_made, blocks_accepted, blocks_refused, reorgs, undone;
    uint64_t txs_received, txs_accepted, txs_refused[QNK_TX_CODES], txs_included, txs_final;
    uint64_t votes_received, votes_sent, votes_invalid, doubles_seen;
    uint64_t rounds, windows, certificates_made, sign_refused[9];
    uint64_t attempts_given_up;            /* at windows, by this node */
    uint64_t bodies_rotten, bodies_mended; /* stored ones */
    uint64_t faults[QNK_FAULTS];
};

const struct qnk_node_counters *qnk_node_counters(const struct qnk_node *node);

/* A block above the last final one. */
struct qnk_block_view {
    const struct qnk_micro *header;
    struct qnk_hash id;
    bool is_best; /* on the chain of the head */
    bool is_executed;
    struct qn_span rows; /* empty: not here */
    struct qn_span ids;
};

/* By height on the best chain, or by id on any. False: not above the last final block. */
bool qnk_node_block_at(const struct qnk_node *node, uint64_t height, struct qnk_block_view *view);
bool qnk_node_block(const struct qnk_node *node, const struct qnk_hash *id,
                    struct qnk_block_view *view);

/* Where a transaction is: in an executed block of the best chain (height, index), waiting, or being
 * judged, as what came and what an undone block held; of the last `bytes` are not set. */
enum qnk_tx_place { QNK_TX_NOWHERE, QNK_TX_JUDGED, QNK_TX_WAITING, QNK_TX_INCLUDED };
enum qnk_tx_place qnk_node_tx(const struct qnk_node *node, const struct qnk_hash *id,
                              uint64_t *height, uint32_t *index, struct qn_span *bytes);

/* What a peer said last, and which member's key it proved to have, or QNK_SET_NOBODY. False: no
 * such peer, or it said nothing. */
bool qnk_node_peer(const struct qnk_node *node, uint32_t peer, struct qnk_status *status,
                   uint32_t *member);

/* The set and control record at the head. */
const struct qnk_set *qnk_node_set(const struct qnk_node *node);
const struct qnk_control *qnk_node_control(const struct qnk_node *node);

/* The control record after the last final window: bindings and plan as they count. */
const struct qnk_control *qnk_node_control_final(const struct qnk_node *node);
