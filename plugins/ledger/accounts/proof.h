/* SPDX-License-Identifier: MIT */
#pragma once

/* proof.h: shows to who has a state root alone that an account is there, or is not.
 *
 * A proof, in record encoding: pages u64, slots u64, hash of page 0, and a list of leaves: slot
 * number u64, slot 64, next key 32, list of nodes of the path. A leaf proves its own key, and that
 * none is between it and the next. A proof of many keys proves each of them.
 *
 * Source: tree.h.
 */

#include "state.h"

/* Appends the proof of `keys` against the last root, of which there is one. NO_SPACE: sink. */
QN_MUST_CHECK int32_t proof_make(struct state *state, const uint8_t *keys, uint32_t count,
                                 struct qn_sink *proof);

/* Gives the slot of `key`. INVALID: proves nothing about it under `root`. NOT_FOUND: proves that it
 * is not there. Needs no state. */
QN_MUST_CHECK int32_t proof_check(const struct qn_host *host, const uint8_t *root,
                                  const uint8_t *key, struct qn_span proof, const uint8_t **slot);
