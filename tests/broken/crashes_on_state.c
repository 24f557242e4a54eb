/* SPDX-License-Identifier: MIT */

/* QN-SWP-003: a number in the state is believed. */

#define ON_IMPORT(self)                                         \
    do {                                                        \
        if ((self)->last > 1000000) {                           \
            (self)->levels[(self)->last & 0xFFFFFFFFFFFF] += 1; \
        }                                                       \
    } while (0)
#include "tally.h"
