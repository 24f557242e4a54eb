/* SPDX-License-Identifier: MIT */
#pragma once

/* oracle_own.h: what the parts of the oracle share. Not for others.
 *
 * oracle.c looks at nodes and tells the parts. Each part is a file and owns the struct that it
 * makes: oracle_votes.c what was signed, oracle_chain.c the one final chain and its second
 * execution, oracle_stored.c what disks have of it, oracle_book.c the second book of amounts,
 * oracle_txs.c what clients were told, oracle_evidence.c who was convicted, oracle_seen.c who
 * should have been, oracle_blame.c who was charged, oracle_bounds.c limits and recovery.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 */

#include <qnet/assert.h>

#include "kernel/base/index.h"
#include "kernel/base/text.h"
#include "kernel/chain/kernel_tx.h"
#include "kernel/chain/macro.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/oracle.h"

enum { QNK_ORACLE_STORES_MAX = 16 }; /* final windows of a node on their way to its disk */

/* What is known of a machine, of its present life unless said otherwise. */
struct qnk_oracle_node {
    bool is_liar;
    bool is_light;
    bool is_core;  /* shall recover since healing */
    bool has_lost; /* its disk, ever: qnk_oracle_disk_lost */
    bool is_on;
    bool is_started; /* all that was stored is restored */
    bool has_head;
    uint32_t member;       /* of its key, or QNK_SET_NOBODY */
    uint32_t lives;        /* ended so far */
    uint64_t final_window; /* as it said */
    uint64_t final_height;
    uint64_t head;    /* height of its best chain, as it said */
    uint64_t durable; /* final window that was durable in any life */
    struct {
        uint64_t token; /* 0: a free place */
        uint64_t window;
    } stores[QNK_ORACLE_STORES_MAX];
};

struct qnk_oracle {
    struct qnk_budget *budget;
    struct qnk_world *world;
    uint32_t nodes_count;
    struct qnk_oracle_node *nodes;
    struct qnk_params params;
    struct qnk_limits limits;
    struct qnk_set *set;
    bool *liars; /* of each member */
    uint64_t liars_weight;
    uint32_t looks_every, signatures_every, books_every;
    uint32_t query_totals, query_accounts;
    uint64_t steps;
    uint64_t healed_us; /* 0: not yet */
    struct qnk_oracle_broken first;
    uint64_t broken_count;
    uint64_t checked[QNK_ORACLES];
    uint64_t broken[QNK_ORACLES];
    struct qnk_oracle_figures figures;
    struct qnk_oracle_votes *votes;
    struct qnk_oracle_chain *chain; /* its finals are always there */
    struct qnk_oracle_book *book;   /* NULL: C1 is not checked */
    struct qnk_oracle_txs *txs;
    struct qnk_oracle_evidence *evidence;
    struct qnk_oracle_seen *seen;
    struct qnk_oracle_bounds *bounds;
};

/* Q, by the oracle's own arithmetic: the smallest weight above two thirds. */
static inline uint64_t qnk_oracle_quorum(const struct qnk_oracle *oracle)
{
    uint64_t third = oracle->set->total / 3;
    uint64_t rest = oracle->set->total % 3;

    return 2 * third + (rest == 2 ? 1 : 0) + 1;
}

/* Something does not hold. */
__attribute__((format(printf, 4, 5))) void qnk_oracle_break(struct qnk_oracle *oracle, uint32_t id,
                                                            uint32_t node, const char *format, ...);

static inline void qnk_oracle_count(struct qnk_oracle *oracle, uint32_t id)
{
    oracle->checked[id]++;
}

uint64_t qnk_oracle_now(const struct qnk_oracle *oracle);

/* Memory that must be there. */
void *qnk_oracle_take(struct qnk_oracle *oracle, uint64_t size);

/* An array with room for one more than `count`; it may move. `*room` and the result replace the old
 * ones. */
void *qnk_oracle_grow(struct qnk_oracle *oracle, void *items, uint32_t count, uint32_t *room,
                      uint64_t item_size);

/* The node as it can be looked at: on, honest, not halted; or NULL. */
struct qnk_node *qnk_oracle_at(const struct qnk_oracle *oracle, uint32_t node);

/* --- oracle_votes.c --- */

struct qnk_oracle_votes *qnk_oracle_votes_create(struct qnk_oracle *oracle);
void qnk_oracle_votes_destroy(struct qnk_oracle *oracle);

/* Reads a signed record. False: it is none, or of another binding than votes must have. */
bool qnk_oracle_vote_read(const struct qnk_oracle *oracle, struct qn_span record,
                          struct qnk_vote *vote);

/* An honest key signed a vote's record, or a header. */
void qnk_oracle_vote(struct qnk_oracle *oracle, uint32_t node, struct qn_span record);
void qnk_oracle_header(struct qnk_oracle *oracle, uint32_t node, struct qn_span header);

/* Whether this honest member signed a prepare of round 0 of the window, which carries its share. */
bool qnk_oracle_has_revealed(const struct qnk_oracle *oracle, uint64_t window, uint32_t member);

/* An honest node says that a window is final; `certificate` is why. */
void qnk_oracle_certified(struct qnk_oracle *oracle, uint32_t node, uint64_t window,
                          const struct qnk_hash *digest, struct qn_span certificate);

/* --- oracle_chain.c --- */

/* The engines that the chain binds to a window; NULL: that is not known, or not any more. */
struct qnk_bindings *qnk_oracle_engines(const struct qnk_oracle *oracle, uint64_t window);

QN_MUST_CHECK struct qnk_oracle_chain *qnk_oracle_chain_create(
    struct qnk_oracle *oracle, const struct qnk_oracle_setup *setup);
void qnk_oracle_chain_destroy(struct qnk_oracle *oracle);

/* An honest node stores a block: header of QNK_MICRO_SIZE, rows. */
void qnk_oracle_body(struct qnk_oracle *oracle, uint32_t node, const uint8_t *header,
                     struct qn_span rows);

/* An honest node makes a window final. False: it is not the one that others have. */
bool qnk_oracle_finalized(struct qnk_oracle *oracle, uint32_t node, const struct qnk_final *final);

/* An honest node has this macroblock of old; whether it is that of the final chain. */
bool qnk_oracle_is_known(struct qnk_oracle *oracle, uint64_t window, const struct qnk_hash *digest);

/* Windows that are final somewhere. */
uint64_t qnk_oracle_final_windows(const struct qnk_oracle *oracle);

/* The height up to which blocks were executed again. */
uint64_t qnk_oracle_height(const struct qnk_oracle *oracle);

/* --- oracle_book.c --- */

/* From the ledger's genesis state. NULL: the ledger does not answer such questions. */
struct qnk_oracle_book *qnk_oracle_book_create(struct qnk_oracle *oracle,
                                               struct qnk_plugged ledger);
void qnk_oracle_book_destroy(struct qnk_oracle *oracle);

/* A transaction is final. */
void qnk_oracle_book_tx(struct qnk_oracle *oracle, const struct qnk_tx *tx);

/* The ledger stands at a final window's end. */
void qnk_oracle_book_compare(struct qnk_oracle *oracle, struct qnk_plugged ledger, uint64_t window);

/* The next nonce of a sender by the final chain; false: not known. */
bool qnk_oracle_book_nonce(const struct qnk_oracle *oracle, const struct qnk_hash *from,
                           uint64_t *nonce);

/* --- oracle_txs.c --- */

struct qnk_oracle_txs *qnk_oracle_txs_create(struct qnk_oracle *oracle);
void qnk_oracle_txs_destroy(struct qnk_oracle *oracle);
void qnk_oracle_submitted(struct qnk_oracle *oracle, struct qn_span txs);
void qnk_oracle_answered(struct qnk_oracle *oracle, uint32_t node, struct qn_span codes);
void qnk_oracle_tx_final(struct qnk_oracle *oracle, const struct qnk_hash *id, uint64_t height);

/* --- oracle_evidence.c --- */

struct qnk_oracle_evidence *qnk_oracle_evidence_create(struct qnk_oracle *oracle);
void qnk_oracle_evidence_destroy(struct qnk_oracle *oracle);

/* An honest key signs a kernel transaction, given without its signature. */
void qnk_oracle_kernel_tx(struct qnk_oracle *oracle, uint32_t node, struct qn_span tx);

/* Evidence is final. */
void qnk_oracle_convicted(struct qnk_oracle *oracle, const struct qnk_evidence *evidence,
                          uint64_t window);

/* Whether evidence of the same place was made or is final, or so much of the same member and window
 * that nodes need make no more. */
bool qnk_oracle_is_accused(const struct qnk_oracle *oracle, const struct qnk_evidence *evidence);

/* --- oracle_seen.c --- */

struct qnk_oracle_seen *qnk_oracle_seen_create(struct qnk_oracle *oracle, uint32_t jitter_us);
void qnk_oracle_seen_destroy(struct qnk_oracle *oracle);

/* A liar signed this; with its signature and member. */
void qnk_oracle_lied_vote(struct qnk_oracle *oracle, const struct qnk_vote *vote);
void qnk_oracle_lied_header(struct qnk_oracle *oracle, const struct qnk_micro *header);

/* An honest node gets a VOTES message. */
void qnk_oracle_heard(struct qnk_oracle *oracle, uint32_t node, struct qn_span body);

/* The node ended, and what it had heard is gone: votes of others are in no disk. */
void qnk_oracle_forgot(struct qnk_oracle *oracle, uint32_t node);

/* An honest node is looked at. */
void qnk_oracle_seen_look(struct qnk_oracle *oracle, uint32_t node, const struct qnk_node *at);

/* --- oracle_blame.c --- */

/* An honest node gets a frame of a peer. */
void qnk_oracle_came(struct qnk_oracle *oracle, uint32_t node, uint32_t peer);

/* An honest node charges a peer with an enum qnk_fault. */
void qnk_oracle_charged(struct qnk_oracle *oracle, uint32_t node, uint32_t peer, uint32_t fault);

/* --- oracle_bounds.c --- */

struct qnk_oracle_bounds *qnk_oracle_bounds_create(struct qnk_oracle *oracle);
void qnk_oracle_bounds_destroy(struct qnk_oracle *oracle);

/* A node stepped: it is looked at. */
void qnk_oracle_look(struct qnk_oracle *oracle, uint32_t node, const struct qnk_effects *effects);
