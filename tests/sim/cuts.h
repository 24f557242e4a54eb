/* SPDX-License-Identifier: MIT */
#pragma once

/* cuts.h: the same moment of a network again and again, each time with the power cut at another
 * write: every try is a process of its own, a copy of this one.
 *
 * QNET_TEST_STRIDE=1 tries every write, which `make check` has no time for. */

#include "tests/sim/net.h"

/* What a cut left. NEITHER ends the test, with what was said on stderr; NEVER: nothing was left to
 * be cut, which ends the sweep. */
enum cut { CUT_NEW, CUT_OLD, CUT_NEITHER, CUT_NEVER, CUT_SORTS };

/* Cuts node 0 after so many writes more, and everybody with it. */
typedef enum cut cut_try(struct net *net, uint32_t writes);

/* How often each came. */
struct cuts {
    uint32_t of[CUT_SORTS];
};

struct cuts cuts_sweep(struct net *net, uint32_t stride, cut_try *try);

/* Whether node 0 is at its end; then all nodes lost their power, and are on again. */
bool cuts_power(struct net *net, uint32_t nodes);

/* Runs until all are final up to `window`. False: not in `ms`. */
bool cuts_wait(struct net *net, uint32_t nodes, uint64_t window, uint64_t ms);

/* Whether nodes that are final equally far are so on one chain. */
bool cuts_agree(struct net *net, uint32_t nodes);
