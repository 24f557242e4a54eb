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

/* A number spread over all 64 bits, one to one: chance by place instead of by order, where a stream
 * for each place would be too large. Known to nobody only as far as what goes in is. */
static inline uint64_t qnk_mix(uint64_t number)
{
    number += UINT64_C(0x9E3779B97F4A7C15);
    number = (number ^ number >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    number = (number ^ number >> 27) * UINT64_C(0x94D049BB133111EB);
    return number ^ number >> 31;
}
