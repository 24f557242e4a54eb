/* SPDX-License-Identifier: MIT */
#pragma once

/* clock.h: the node's time: microseconds since 1970 that never fall, whatever the machine's clock
 * does.
 *
 * It runs with the monotonic clock and follows the real one: small differences are made up slowly,
 * a step ahead at once, a step back slowly, too. After a step the node shall neither produce nor
 * vote until the clock was steady for a while: is_steady says so.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds
 *   threads  one at a time
 *   cost     constant; reads no clock itself
 *
 * Source: operations.md 9.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    QNK_CLOCK_STEP_US = 500000,     /* a difference from which on it is a step */
    QNK_CLOCK_STEADY_US = 30000000, /* without one: steady again */
    QNK_CLOCK_SLEW_PERMILLE = 50,   /* of the time that passes: how fast a difference goes */
};

struct qnk_clock {
    uint64_t monotonic_us; /* at the last look */
    uint64_t now_us;       /* at the last look */
    uint64_t stepped_us;   /* monotonic, of the last step */
    bool is_steady;
};

void qnk_clock_init(struct qnk_clock *clock, uint64_t monotonic_us, uint64_t real_us);

/* The node's time now, from both of the machine's clocks. */
uint64_t qnk_clock_now(struct qnk_clock *clock, uint64_t monotonic_us, uint64_t real_us);
