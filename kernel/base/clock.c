/* SPDX-License-Identifier: MIT */

#include "kernel/base/clock.h"

void qnk_clock_init(struct qnk_clock *clock, uint64_t monotonic_us, uint64_t real_us)
{
    *clock = (struct qnk_clock){
        .monotonic_us = monotonic_us,
        .now_us = real_us,
        .is_steady = true,
    };
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

uint64_t qnk_clock_now(struct qnk_clock *clock, uint64_t monotonic_us, uint64_t real_us)
{
    uint64_t passed = monotonic_us - clock->monotonic_us;
    uint64_t expected = clock->now_us + passed;
    uint64_t slew = passed * QNK_CLOCK_SLEW_PERMILLE / 1000;
    uint64_t ahead = real_us > expected ? real_us - expected : 0;
    uint64_t behind = expected > real_us ? expected - real_us : 0;

    if (ahead > QNK_CLOCK_STEP_US || behind > QNK_CLOCK_STEP_US) {
        clock->is_steady = false;
        clock->stepped_us = monotonic_us;
    } else if (!clock->is_steady && monotonic_us - clock->stepped_us >= QNK_CLOCK_STEADY_US) {
        clock->is_steady = true;
    }
    if (ahead > QNK_CLOCK_STEP_US) {
        clock->now_us = real_us;
    } else {
        clock->now_us = expected + at_most(ahead, slew) - at_most(behind, slew);
    }
    clock->monotonic_us = monotonic_us;
    return clock->now_us;
}
