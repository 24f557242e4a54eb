/* SPDX-License-Identifier: MIT */
#pragma once

/* job.h: work for the pool: pure functions of their input, bytes in and answers out.
 *
 * The core makes a job, an effect carries it to the host, any thread runs it by qnk_job_run, and an
 * event brings it back. What a job computes depends on its input and, for those of the ledger, on
 * the ledger's state alone: so thread, order and number of workers cannot change a result.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a job owns its bufs, by reference, and its answers; whoever holds the job owns it
 *   threads  one at a time for each job
 *   errors   a job that could not be done has a status; its answers are then not set. One of the
 *            ledger's that ends with QN_NO_SPACE may be run again, the ledger being as that run
 *            left it, and goes on where memory lacked: what changes the ledger is done once
 *
 * Source: performance.md section 4.
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/base/sink.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tx.h"
#include "kernel/node/setup.h"

enum qnk_job_kind {
    QNK_JOB_INTAKE, /* decode a frame's transactions and name them */
    QNK_JOB_VERIFY, /* transactions against ledger and signature rule */
    QNK_JOB_SIGS,   /* a few signatures: votes, headers, certificates. Urgent */
    QNK_JOB_BODY,   /* decode a block's body, name its transactions, compute its root */
    QNK_JOB_APPLY,  /* execute a block */
    QNK_JOB_KEEP,   /* signatures of a block's transactions, whatever the ledger thinks of them */
    QNK_JOB_BUILD,  /* execute what a new block shall hold, leaving out what is wrong */
    QNK_JOB_UNDO,   /* take the latest block back */
    QNK_JOB_END,    /* a window's end: root, members, changed pages */
};

enum {
    QNK_JOB_OFFENDERS_MAX = 64, /* as many as a block may have kernel transactions */
    QNK_JOB_MORE_MAX = 3,       /* as many as there are window ends in a tree's chain */
    QNK_JOB_ROOM = 6,           /* words that a host needs to hand a job to a thread */
};

/* Who runs it: jobs of the ledger one after another, in the order of their effects. */
enum qnk_job_class { QNK_JOB_POOL, QNK_JOB_URGENT, QNK_JOB_LEDGER };

/* One transaction inside a buf. */
struct qnk_tx_ref {
    struct qnk_hash id;
    struct qn_buf *buf; /* a reference of the job's for each */
    uint32_t offset;
    uint32_t size;
    bool is_verified; /* its signature was found good before */
    bool is_kernel;
    bool is_promised;  /* it was accepted before: of an undone block, or of before a restart */
    uint32_t peer;     /* who sent it; 0: nobody */
    uint32_t batch;    /* of a client; 0: none */
    uint32_t position; /* in the batch */
};

/* Verdicts on a transaction; 0 to 4 are the ledger's (qnet/ledger.h), then the kernel's. */
enum qnk_tx_code {
    QNK_TX_OK = 0,
    QNK_TX_EARLY = 1, /* of a newcomer: it is not kept, so far above the next nonce it is */
    QNK_TX_STALE = 2,
    QNK_TX_POOR = 3,
    QNK_TX_WRONG = 4,
    QNK_TX_BAD_SIGNATURE = 5, /* or its key can sign nothing */
    QNK_TX_EXPIRED = 6,       /* valid_until is below the next height, or too far above the head */
    QNK_TX_KNOWN = 7,         /* it waits here already, or is being judged */
    QNK_TX_FULL = 8,          /* the mempool holds better ones */
    QNK_TX_MALFORMED = 9,
    QNK_TX_UNDERPRICED = 10, /* same nonce again for less than 10 % more */
    QNK_TX_CODES
};

struct qnk_tx_verdict {
    uint64_t next; /* the sender's next nonce */
    uint64_t priority;
    uint32_t code; /* enum qnk_tx_code */
    bool key_known;
};

struct qnk_sig_item {
    struct qnk_hash key;
    uint8_t signature[QN_SIG_SIZE];
    uint32_t offset; /* of the message, in the job's `messages` */
    uint32_t size;
    bool key_known; /* set by qnk_job_start: one of its signatures was good before */
};

struct qnk_page_list {
    uint64_t *indexes; /* ascending */
    uint32_t count;
};

struct qnk_page_set {
    uint64_t pages; /* of the state */
    uint32_t count;
    uint64_t *indexes;    /* ascending */
    struct qn_buf *bytes; /* QN_LEDGER_PAGE_SIZE each, in the order of the indexes */
};

struct qnk_job {
    uint32_t kind;
    int32_t status;  /* of the run */
    uint64_t turn;   /* of the ledger when it was used: see struct qnk_job_host; 0: it was not */
    uint32_t digest; /* of the answers (tape.h), where the host asked for it */
    uint64_t serial; /* the host's: how many jobs there were up to this one */
    uint64_t room[QNK_JOB_ROOM]; /* the host's, on its way */
    struct qnk_budget *budget;

    /* What the core wants to find again; not read by the run. */
    uint32_t purpose;
    uint32_t peer;
    uint64_t token;
    struct qnk_hash subject;
    struct qn_buf *context;
    uint64_t context_size;

    /* In: what to work on. */
    struct qn_buf *buf;      /* INTAKE: a TXS body. BODY, APPLY: rows. UNDO: what apply gave */
    struct qnk_tx_ref *refs; /* in: VERIFY, BUILD. Out: INTAKE, BODY */
    uint32_t refs_count;
    uint32_t refs_room;        /* how many there is room for */
    struct qnk_sig_item *sigs; /* SIGS */
    uint32_t sigs_count;
    uint32_t sigs_room;
    struct qn_buf *messages;
    struct qnk_hash chain_id; /* VERIFY, KEEP */
    bool is_stateless;        /* VERIFY: signatures alone, as a light node has no ledger's state */
    struct qn_buf *prefix;    /* BUILD: kernel transactions that come first */
    uint64_t prefix_size;     /* bytes of it */
    uint32_t prefix_count;
    uint64_t height; /* APPLY, BUILD: of the block */
    uint64_t window;
    uint64_t time_ms;
    struct qnk_hash producer;
    uint32_t txs_max;                          /* BUILD, BODY: limits of the block */
    uint32_t bytes_max;                        /* BUILD, BODY */
    uint32_t offenders[QNK_JOB_OFFENDERS_MAX]; /* APPLY, BUILD: whom the block convicts */
    uint32_t offenders_count;
    struct qnk_page_list more[QNK_JOB_MORE_MAX]; /* END: pages to read besides what changed */
    uint32_t more_count;

    /* Out. */
    struct qnk_tx_verdict *verdicts; /* VERIFY, KEEP: one for each of refs */
    uint8_t *bitmap;                 /* SIGS: bit i is set if item i is good */
    struct qnk_hash root;            /* BODY, BUILD: tx_root. END: state root */
    struct qnk_hash effects;         /* APPLY, BUILD */
    struct qn_buf *undo;             /* APPLY, BUILD */
    struct qn_buf *rows;             /* BUILD: the block's body */
    struct qn_buf *ids;              /* BUILD: of the body's transactions, QN_HASH_SIZE each */
    uint8_t *codes;                  /* BUILD: enum qnk_tx_code of each of refs */
    uint32_t included;               /* BUILD: how many of refs are in the body */
    struct qnk_set *members;         /* END */
    struct qnk_page_set pages;       /* END */

    /* Of a job of the ledger's for which memory lacked, for its next run. */
    bool has_acted;      /* APPLY, BUILD: the ledger stands on it. END: it told what changed */
    struct qn_sink kept; /* what it gave for that */
};

/* What jobs need of the host. `ledger_enter` is called around each use of the ledger: with alone
 * nothing else may be inside. Both may be NULL where one thread runs all. */
struct qnk_job_host {
    struct qnk_plugged ledger;
    struct qnk_plugged signature;
    void *ctx;
    void (*ledger_enter)(void *ctx, bool alone);
    void (*ledger_leave)(void *ctx, bool alone);
    /* How often somebody was alone in the ledger before; asked from inside. What a job sees of the
     * ledger is told by it. NULL: nobody wants to know. */
    uint64_t (*ledger_turn)(void *ctx);
};

/* NULL: over the budget. Arrays are taken by the functions below. */
QN_MUST_CHECK struct qnk_job *qnk_job_create(struct qnk_budget *budget, uint32_t kind,
                                             uint64_t token);
void qnk_job_destroy(struct qnk_job *job); /* NULL is allowed */

/* Room for so many items; false: over the budget. */
QN_MUST_CHECK bool qnk_job_refs(struct qnk_job *job, uint32_t count);
QN_MUST_CHECK bool qnk_job_sigs(struct qnk_job *job, uint32_t count, uint64_t messages_size);

/* Fewer items than there is room for. */
void qnk_job_sigs_cut(struct qnk_job *job, uint32_t count);

uint32_t qnk_job_class(uint32_t kind);

/* Does the work on the pool's `lane`. */
void qnk_job_run(struct qnk_job *job, const struct qnk_job_host *host, uint32_t lane);
