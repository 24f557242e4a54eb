/* SPDX-License-Identifier: MIT */
#pragma once

/* store.h: what of the chain is stored, under which names, and how a node comes back from it.
 *
 * Both hosts turn the core's STORE effects into calls of this module, and a start into its restore:
 * so what the simulator crashes and restarts is what ships. It does no I/O itself: it calls the
 * storage plugin, on whatever thread the host gives it.
 *
 * Spaces: logs `log` (blocks), `guard`, `mempool`; maps `micro` (height -> place, header), `macro`
 * (window -> header, certificate), `page`, `meta` (the network's id; the last final window; control
 * record, set and history of the last final windows), `index_tx` (transaction id -> height, place
 * in the block).
 * Integers in keys are big-endian, so that they order as numbers; in values little-endian. A u32
 * checksum (crc32c) of key and value ends each value of a map but a page, which the state's root
 * covers: what rotted is not read as something else, however old it is.
 *
 * Unless a function's own comment says otherwise:
 *   threads  calls that write maps, and calls that append, one at a time each; reads from anywhere
 *   cost     waits for the disk
 *   errors   as the storage plugin's, and QN_CORRUPT: what is stored contradicts itself; `why` says
 *            what and where
 *
 * Source: chain.md "Storage".
 */

#include "kernel/base/sink.h"
#include "kernel/node/effect.h"

enum { QNK_STORE_FINALS = 8, QNK_STORE_WHY = 160 };

struct qnk_store {
    struct qnk_budget *budget;
    struct qnk_plugged storage;
    uint32_t log, guard, mempool;                /* logs */
    uint32_t micro, macro, page, meta, index_tx; /* maps */
    bool has_index_tx;
    uint64_t snapshot;       /* of the storage, that maps are read of; 0: as they are now */
    char why[QNK_STORE_WHY]; /* of the last QN_CORRUPT */
    bool peers_have_it;      /* that was of a block in the log */
    bool has_rotten;         /* a body could not be read, since qnk_store_rotten() last said so */
    uint8_t rotten[QNK_MICRO_SIZE]; /* the header of the first such */
};

/* What is final, as stored; window 0: nothing yet. */
struct qnk_store_final {
    uint64_t window;
    uint64_t height;
    uint64_t place; /* of the window's first block in the log */
    uint64_t pages; /* of the ledger's state; 0: none, as a light node stored it */
};

/* Which network all of it is of. */
struct qnk_store_owner {
    struct qnk_hash chain_id;
    bool is_known;    /* the record says it, or in a store of before there was one the first
                       * macroblock, or the first block */
    bool is_recorded; /* the record does */
    bool is_empty;    /* nothing final, no block, nothing signed: it may become another's */
};

/* Opens all spaces. */
QN_MUST_CHECK int32_t qnk_store_open(struct qnk_store *store, struct qnk_budget *budget,
                                     struct qnk_plugged storage, bool index_tx);

/* --- writing --- */

/* A block, durable. `header` is 200 bytes; an own block's is stored before it is signed, with zeros
 * for the signature, which makes the same one again at any time. */
QN_MUST_CHECK int32_t qnk_store_block(struct qnk_store *store, uint32_t lane, const uint8_t *header,
                                      struct qn_span body, bool verified, uint64_t *place);

/* A final window: one atomic durable batch. */
QN_MUST_CHECK int32_t qnk_store_window(struct qnk_store *store, uint32_t lane,
                                       const struct qnk_final *final);

/* A final block was stored anew, at `place`: that is where its body is found from now on. Durable.
 * QN_BUSY: as the storage plugin's. */
QN_MUST_CHECK int32_t qnk_store_place(struct qnk_store *store, uint32_t lane, const uint8_t *header,
                                      uint64_t place);

/* Records of the sign guard, each with a u32 size before it, durable, and known to be: damage to
 * them is seen at the next start, even to the last one. It costs two flushes. */
QN_MUST_CHECK int32_t qnk_store_guard(struct qnk_store *store, uint32_t lane,
                                      struct qn_span records);

/* The same, after which all records before them go. */
QN_MUST_CHECK int32_t qnk_store_guard_trim(struct qnk_store *store, uint32_t lane,
                                           struct qn_span records);

/* The mempool's copy grows by these rows; with `replaces`, they are all there is. Ordered, not
 * durable: it survives the process, not the power. */
QN_MUST_CHECK int32_t qnk_store_txs(struct qnk_store *store, uint32_t lane, struct qn_span rows,
                                    bool replaces);

/* --- starting --- */

/* Nothing else that is stored carries the network's id: so this is asked before anything is
 * restored. */
QN_MUST_CHECK int32_t qnk_store_owner(struct qnk_store *store, uint32_t lane,
                                      struct qnk_store_owner *owner);

/* Records the network that all which is stored is of. Durable. */
QN_MUST_CHECK int32_t qnk_store_own(struct qnk_store *store, uint32_t lane,
                                    const struct qnk_hash *chain_id);

QN_MUST_CHECK int32_t qnk_store_final(struct qnk_store *store, uint32_t lane,
                                      struct qnk_store_final *final);

/* Loads the ledger's pages, or with nothing final its genesis record, and compares the root. */
QN_MUST_CHECK int32_t qnk_store_load_ledger(struct qnk_store *store, uint32_t lane,
                                            struct qnk_plugged ledger, struct qn_span genesis);

/* Where restored events go: to a node's step. */
typedef void qnk_restored(void *ctx, struct qnk_event *event);

/* Everything for the node but START: recent headers, final windows, guard records, blocks above. A
 * block that cannot be read is left out and named through `why` with QN_OK: peers have it.
 * `has_guard`: whether the guard's log holds anything. */
QN_MUST_CHECK int32_t qnk_store_restore(struct qnk_store *store, uint32_t lane,
                                        qnk_restored *restored, void *ctx, bool *has_guard);

/* The mempool's copy as SUBMIT events without a token, after START. */
QN_MUST_CHECK int32_t qnk_store_restore_txs(struct qnk_store *store, uint32_t lane,
                                            qnk_restored *restored, void *ctx);

/* --- reading for peers and people --- */

/* QN_NOT_FOUND: not final here. QN_CORRUPT: it rotted, which `why` says. The sink gets header and
 * certificate. */
QN_MUST_CHECK int32_t qnk_store_macro(struct qnk_store *store, uint32_t lane, uint64_t window,
                                      struct qn_sink *out);

/* QN_NOT_FOUND: not final here. A body that the log lacks is as good as a damaged one. */
QN_MUST_CHECK int32_t qnk_store_header(struct qnk_store *store, uint32_t lane, uint64_t height,
                                       struct qnk_micro *header, uint64_t *place);
QN_MUST_CHECK int32_t qnk_store_body(struct qnk_store *store, uint32_t lane, uint64_t height,
                                     struct qnk_micro *header, struct qn_buf **body);

/* Whether a body was found rotten; its header as indexed, and that is forgotten. */
bool qnk_store_rotten(struct qnk_store *store, uint8_t header[QNK_MICRO_SIZE]);

/* Reads the bodies of final blocks from `height` down, `count` or some megabytes at most, and holds
 * them against their headers. `next` is where to go on, 0 at the end. QN_CORRUPT: the last that was
 * read is damaged, the body if qnk_store_rotten() says so, else the header. QN_NOT_FOUND: so is
 * nothing from there on. Others: nothing is known of `next`. */
QN_MUST_CHECK int32_t qnk_store_check(struct qnk_store *store, uint32_t lane, uint64_t height,
                                      uint32_t count, uint64_t *next);

/* QN_NOT_FOUND: not in a final block, or there is no index. */
QN_MUST_CHECK int32_t qnk_store_tx(struct qnk_store *store, uint32_t lane,
                                   const struct qnk_hash *id, uint64_t *height, uint32_t *index);

/* A peer's request, answered by frames through `send`: bodies of MACROS, RANGE or BODY_PART
 * messages, head and slice as in the SEND effect; the callee takes references of its own. Rotten
 * bodies are left out, and macroblocks and headers from a rotten one on; QN_CORRUPT afterwards says
 * that there were any. Of bodies some megabytes are read at most, or one if it has more, so that no
 * request is a claim on memory; `fetch` says afterwards what is left, `count` 0: nothing. */
typedef void qnk_store_send(void *ctx, uint8_t type, struct qn_buf *head, struct qn_slice body);
QN_MUST_CHECK int32_t qnk_store_serve(struct qnk_store *store, uint32_t lane, uint8_t type,
                                      struct qnk_fetch *fetch, qnk_store_send *send, void *ctx);
