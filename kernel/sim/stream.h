/* SPDX-License-Identifier: MIT */
#pragma once

/* stream.h: chance for the parts of one run: each part draws from a stream of its own, so that what
 * one part does not draw (a fault that is masked out) changes nothing for the others.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any; a stream is used by one at a time
 *   cost     init: one hash
 */

#include "kernel/base/random.h"

/* The stream of (seed, tag, number): "plan", "links", "drive", "liar" with the node's number... */
void qnk_stream_init(struct qnk_random *random, uint64_t seed, const char *tag, uint64_t number);
