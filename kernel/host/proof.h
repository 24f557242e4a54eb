/* SPDX-License-Identifier: MIT */
#pragma once

/* proof.h: whether a plugin that shall take another's place does on live data what that one does.
 *
 *   compression  a sample and the node's last blocks are packed and come back as they were; if
 *                both have one name, each unpacks what the other packed
 *   signature    the signatures of the node's last blocks, good ones and spoilt ones, get the same
 *                verdict from both, and some are good
 *
 * Both run: the old one goes on with its work meanwhile.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a proof is its maker's; plugins and set outlive it
 *   threads  one at a time, of class pool; of the old one only `old_lane` is used
 *   cost     run() reads at most BLOCKS_MAX blocks and BYTES_MAX bytes
 *   errors   what does not hold is `is_good` false and `words`
 */

#include <stdbool.h>

#include "kernel/base/hash.h"
#include "kernel/chain/set.h"
#include "kernel/host/host.h"

enum {
    QNK_PROOF_BLOCKS_MAX = 32,
    QNK_PROOF_BYTES_MAX = 4 << 20,
    QNK_PROOF_ITEMS_MAX = 512, /* signatures of one block that are looked at */
    QNK_PROOF_WORDS = 240,
};

struct qnk_proof {
    uint32_t kind; /* QNK_HOST_COMPRESSION or QNK_HOST_SIGNATURE */
    struct qnk_plugged old;
    struct qnk_plugged fresh;
    uint32_t old_lane;
    uint32_t fresh_lane;
    bool is_same_name;
    struct qnk_budget *budget;
    struct qnk_hash chain_id;
    const struct qnk_set *set; /* whose members sign headers */
    uint64_t height;           /* of the last block */
    bool is_good;
    char words[QNK_PROOF_WORDS]; /* what was found, or what was shown */
    uint32_t blocks;
    uint64_t plain, packed; /* bytes */
    uint64_t good, bad;     /* signatures, by both */
};

/* Of blocks from `height` down. */
void qnk_proof_run(struct qnk_proof *proof, const struct qnk_reach *reach);

/* The same of some bytes, and of a block's header and rows. False: it does not hold. */
bool qnk_proof_compress(struct qnk_proof *proof, struct qn_span plain);
bool qnk_proof_verify(struct qnk_proof *proof, const struct qnk_micro *header, struct qn_span rows);

/* Sums up: `is_good` and `words`, unless something was found before. */
void qnk_proof_end(struct qnk_proof *proof);
