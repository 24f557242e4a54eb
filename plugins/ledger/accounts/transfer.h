/* SPDX-License-Identifier: MIT */
#pragma once

/* transfer.h: what a transaction may do, and a block of them done and taken back.
 *
 * A transfer takes amount and fee from the sender and gives the amount to the receiver, who is
 * opened if need be, and then with at least account_min. The fee stays in the head. The codes, in
 * the order in which they are looked for:
 *
 *   wrong  not a transfer of 40 bytes, a fee below fee_min, or a sender without nonces
 *   stale  its nonce is below the next, or valid_until is behind
 *   early  its nonce is above the next, or valid_until is over 5,400 blocks above the head
 *   poor   the sender is unknown or has too little, or the receiver would open with too little
 *
 * All but wrong and stale may become good later. A sender that is unknown is poor whatever its
 * nonce: nobody fills a mempool for free. Offenders lose nothing in this ledger.
 *
 * What undo() takes: digest 32, head before 104, (slot number u64, slot before 64) of each changed
 * slot that was there before, checksum u64.
 */

#include "state.h"

enum transfer_code {
    TRANSFER_OK = 0, /* as in qn_ledger_verdict */
    TRANSFER_EARLY = 1,
    TRANSFER_STALE = 2,
    TRANSFER_POOR = 3,
    TRANSFER_WRONG = 4,
};

enum {
    AHEAD_MAX = 5400,     /* chain.md, "Transaction": valid_until above the head */
    BLOCK_FLAG_BUILD = 1, /* ledger.yaml, block.flags */
};

/* The verdict on each against the state, as the only one of the next block. */
void transfers_check(const struct state *state, const struct qn_ledger_transaction *txs,
                     uint32_t count, struct qn_ledger_verdict *verdicts);

/* As the slots apply and undo of ledger/1. */
QN_MUST_CHECK int32_t block_apply(struct state *state, const struct qn_ledger_block *block,
                                  const struct qn_ledger_transaction *txs, uint32_t txs_count,
                                  uint8_t *digest, struct qn_effects *out, struct qn_sink *undo);
QN_MUST_CHECK int32_t block_undo(struct state *state, struct qn_span undo);
