/* SPDX-License-Identifier: MIT */
#pragma once

/* verify.h: what can be checked without trusting any node: macroblocks against a network file's
 * validators, one after another, and transactions against a macroblock.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a verifier owns its set, until done()
 *   threads  one
 *   errors   NULL is good; a text says what is wrong, and is static
 *
 * Source: finality.md 13.
 */

#include <jansson.h>

#include "kernel/chain/macro.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tx.h"
#include "kernel/plugin/plugin.h"

struct qnk_verifier {
    struct qnk_hash chain_id;
    uint32_t window; /* blocks of a window */
    struct qnk_set *set;
    struct qnk_plugged signature;
    bool has_last;
    struct qnk_macro last; /* the macroblock that was found good last */
    struct qnk_hash last_digest;
};

/* For the network file at `path`, or if it is NULL the one that the node file `node_path` names.
 * False after words on stderr. */
bool qnk_verifier_init(struct qnk_verifier *it, const char *path, const char *node_path);
void qnk_verifier_done(struct qnk_verifier *it);

/* The next macroblock: window + 1 of the last one, or any to begin with (then its link to the one
 * before is not checked, unless it is window 1). */
const char *qnk_verify_macro(struct qnk_verifier *it, struct qn_span header,
                             struct qn_span certificate);

/* What a proof shows, which is all that may be shown of it. */
struct qnk_proven {
    struct qnk_hash id; /* of the transaction */
    bool is_transfer;
    struct qnk_hash from; /* of a transfer */
    struct qnk_transfer transfer;
    struct qnk_macro macro; /* in which it is final */
};

/* A proof document (qnet.proof/1) alone. */
const char *qnk_verify_proof(struct qnk_verifier *it, const json_t *proof,
                             struct qnk_proven *proven);
