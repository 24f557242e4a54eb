/* SPDX-License-Identifier: MIT */
#pragma once

/* load.h: where a state comes from: the genesis record, or pages that were kept.
 *
 * The genesis record: list of (member key 32, weight u64), list of (account key 32, balance u64),
 * then fee_min u64 and account_min u64, which from then on stand in page 0: they are rules of the
 * network, and a state says itself by which rules it was made.
 */

#include "state.h"

/* INVALID: not a first state: no members or accounts twice, a weight of 0, sums over 64 bits, an
 * account below account_min, or no such record. There is no state. */
QN_MUST_CHECK int32_t genesis_load(struct state *state, struct qn_span record);

/* Takes some pages, in order; page 0 begins anew and forgets what there was. INVALID: these pages
 * do not come next, and nothing happened; or they are not those of a state, then there is none and
 * page 0 comes next. NO_SPACE: as the latter. */
QN_MUST_CHECK int32_t pages_load(struct state *state, uint64_t first, struct qn_span pages,
                                 bool is_last);
