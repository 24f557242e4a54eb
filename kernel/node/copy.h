/* SPDX-License-Identifier: MIT */
#pragma once

/* copy.h: what is final on a node as bytes from which another store begins: pages of the ledger,
 * control record, set and history, the last macroblocks and headers. So a rehearsal runs on the
 * state that a network has, and not on that of its genesis.
 *
 * It is taken from a snapshot of the storage and in small pieces, while the node goes on; blocks,
 * guard and mempool are not part of it. Whoever begins from it checks it as any node checks what it
 * stored: values by their checksums, pages by the root in the last macroblock (store.h).
 *
 * Unless a function's own comment says otherwise:
 *   shapes   head {"qnet-copy/1" and a 0, chain id 32, window u64, height u64, time u64,
 *            pages u64},
 *            then records {space u8, key size u32, value size u32, key, value}, of at most RECORD
 *            bytes, by space and key; integers little-endian. Head and numbers in keys say how many
 *            there are, so that what was cut off or added is seen
 *   owns     the store is its maker's
 *   threads  those of class pool that read, with a lane of their own
 *   cost     a piece reads and appends about SOME bytes
 *   errors   as the storage's; QN_CORRUPT: what is stored contradicts itself
 */

#include <stdbool.h>

#include "kernel/base/sink.h"
#include "kernel/node/store.h"

enum {
    QNK_COPY_SOME = 1 << 20,
    QNK_COPY_RECORD = 17 << 20,
    QNK_COPY_PAGES_MAX = 16384, /* 63 MiB; of a greater state none is taken */
    QNK_COPY_HEAD_SIZE = 12 + QN_HASH_SIZE + 4 * 8,
};

struct qnk_copy {
    struct qnk_hash chain_id;
    uint64_t window, height; /* final */
    uint64_t time_ms;        /* of the last final block */
    uint64_t pages;
};

/* --- taking one --- */

struct qnk_copier {
    struct qnk_store store; /* as the snapshot shows it */
    struct qnk_copy copy;
    uint32_t part; /* that comes next, and where in it */
    uint64_t next;
};

/* Takes a snapshot and appends the head. QN_NOT_FOUND: nothing is final yet, or it is a light
 * node's; QN_NO_SPACE: more than PAGES_MAX, or no memory, or too many snapshots. Only after QN_OK
 * is there something to end. */
QN_MUST_CHECK int32_t qnk_copier_begin(struct qnk_copier *copier, const struct qnk_store *store,
                                       uint32_t lane, const struct qnk_hash *chain_id,
                                       struct qn_sink *out);

/* Appends a piece. QN_AGAIN: more is left. */
QN_MUST_CHECK int32_t qnk_copier_some(struct qnk_copier *copier, uint32_t lane,
                                      struct qn_sink *out);
void qnk_copier_end(struct qnk_copier *copier, uint32_t lane);

/* About how many bytes all pieces will have, and rather more. */
uint64_t qnk_copier_size(const struct qnk_copier *copier);

/* --- beginning from one --- */

/* QN_INVALID: it is none. */
QN_MUST_CHECK int32_t qnk_copy_look(struct qn_span bytes, struct qnk_copy *copy);

/* Fills an empty store. QN_INVALID: it is no copy, or not a whole one: the store is as it was. */
QN_MUST_CHECK int32_t qnk_copy_fill(struct qn_span bytes, struct qnk_store *store, uint32_t lane);
