/* SPDX-License-Identifier: MIT */
#pragma once

/* audit.h: everything that a stopped node stored, read and held against itself and against the
 * network file: macroblocks with links and certificates, headers, bodies with their transactions'
 * names, the ledger's pages against the state root, the sign guard's records, the mempool's copy.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   cost     reads all that is stored
 *
 * Source: chain.md "Storage", finality.md 6, 13.
 */

#include "kernel/node/store.h"
#include "kernel/qnet/verify.h"

enum { QNK_AUDIT_DAMAGES_SHOWN = 100, QNK_AUDIT_WORDS = 240 };

struct qnk_audit {
    struct qnk_store *store;         /* open */
    struct qnk_verifier *verifier;   /* of the node's network */
    struct qnk_plugged ledger;       /* in its first moment: it gets the pages */
    bool has_index;                  /* of transactions */
    struct qn_span genesis;          /* the ledger's record */
    uint64_t macros, blocks, bodies; /* that were read and found good, and so on */
    uint64_t txs, pages, guards, waiting;
    uint64_t height;
    uint64_t window;                    /* the last final one */
    uint64_t damages;                   /* all of them */
    uint64_t mendable;                  /* of these: a node that starts fetches them from peers */
    void (*damaged)(const char *words); /* the first QNK_AUDIT_DAMAGES_SHOWN of them */
};

/* QN_OK: all was read, `damages` says how it is. Others: the disk or the memory say no. */
QN_MUST_CHECK int32_t qnk_audit_run(struct qnk_audit *audit);
