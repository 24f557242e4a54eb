/* SPDX-License-Identifier: MIT */
#pragma once

/* signer.h: the validator's key at work: signatures, and the secrets that come from its seed.
 *
 * It signs what it is told: the core's sign guard decides, and disk.h sees to it that the guard's
 * record is durable first. Key and secrets lie in guarded memory.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any: calls that compute secrets wait for one another
 *   cost     a signature 20 us; secrets up to 2^20 hashes (0.1 s) when a beacon chain changes
 *
 * Source: finality.md 5.1, 6, 9; RFC 8032.
 */

#include "kernel/base/memory.h"
#include "kernel/host/keyfile.h"
#include "kernel/node/event.h"

struct qnk_signer;

/* Takes what it needs of the key, which stays the caller's. QN_NO_SPACE: no memory. */
QN_MUST_CHECK int32_t qnk_signer_create(struct qnk_budget *budget, const struct qnk_key *key,
                                        struct qnk_signer **signer);
void qnk_signer_destroy(struct qnk_signer *signer); /* NULL is allowed */

void qnk_signer_sign(const struct qnk_signer *signer, struct qn_span message,
                     uint8_t signature[QN_SIG_SIZE]);

/* The tip of the first beacon chain: what stands in a network file. */
void qnk_signer_tip(struct qnk_signer *signer, struct qnk_hash *tip);

/* What a SECRETS effect asks. */
struct qnk_secrets_asked {
    uint32_t era;
    uint64_t window;
    struct qnk_hash last_share;
    uint64_t last_window;
};

/* The answer: all but the token of a SECRETS event. */
void qnk_signer_secrets(struct qnk_signer *signer, const struct qnk_secrets_asked *asked,
                        struct qnk_event *event);
