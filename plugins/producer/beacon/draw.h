/* SPDX-License-Identifier: MIT */
#pragma once

/* draw.h: who produces the first ranks of a turn, drawn by weight without replacement.
 *
 * Rank k takes a number from the window's seed, the turn and k, and walks the weights of the seats
 * that ranks before it did not take. So each seat is the primary as often as it weighs, whoever it
 * is that fell out; and nobody knows a turn before the beacon behind the seed is known.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     a hash and a binary search for each rank; allocates nothing
 *
 * Integers only: every machine draws the same.
 * Source: the design's finality.md, section 3.1
 */

#include <qnet/schedule.h>

enum { DRAW_RANKS = 8 }; /* all down by chance if a third is: 1.5e-4; later ranks rotate */

/* H("qnet/schedule", beacon, window). */
void draw_seed(const struct qn_host *host, const uint8_t *beacon, uint64_t window, uint8_t *seed);

/* Seats of the first ranks into `ranks`. Gives how many: DRAW_RANKS, or all seats that weigh. */
uint32_t draw_ranks(const struct qn_host *host, const uint8_t *seed, uint64_t turn,
                    const struct qn_schedule_window *window, uint16_t *ranks);
