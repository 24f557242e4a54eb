/* SPDX-License-Identifier: MIT */

/* QN-FLT-004: a loop that only good requests end. */

#define ON_REQUEST(self, request)                     \
    do {                                              \
        uint64_t left = (request).size;               \
        while (left != 0) {                           \
            left -= 2; /* of an odd size: for ever */ \
            __asm__ volatile("");                     \
            left += left % 2 != 0 ? 2 : 0;            \
        }                                             \
    } while (0)
#include "tally.h"
