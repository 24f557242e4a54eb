/* SPDX-License-Identifier: MIT */
#pragma once

/* genesis.h: what the network file says, in the core's words.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 */

#include "kernel/config/network.h"
#include "kernel/node/setup.h"
#include "kernel/plugin/manifest.h"

/* The chain id: the hash of the network file's canonical form. */
void qnk_genesis_chain_id(const struct qnk_network *network, struct qnk_hash *chain_id);

/* Parameters, with the engine's steps from its manifest. QN_INVALID: a plugin's config is too long
 * for the control record. */
QN_MUST_CHECK int32_t qnk_genesis_params(const struct qnk_network *network,
                                         const struct qnk_manifest *consensus,
                                         struct qnk_params *params);

/* The beacon tip of each member of `set`, into `tips`. QN_INVALID: a member that is not in the
 * file. */
QN_MUST_CHECK int32_t qnk_genesis_tips(const struct qnk_network *network, const struct qnk_set *set,
                                       struct qnk_hash *tips);

/* The first members in the ledger's order, from an instance that has no state yet. Errors: the
 * ledger's. */
QN_MUST_CHECK int32_t qnk_genesis_set(struct qnk_plugged ledger, struct qn_span genesis,
                                      struct qnk_budget *budget, struct qnk_set **set);
