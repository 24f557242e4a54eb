/* SPDX-License-Identifier: MIT */

/* QN-FLT-004: a number in a request is believed. */

#define ON_REQUEST(self, request)                                               \
    do {                                                                        \
        if ((request).size >= 8) {                                              \
            (self)->levels[qn_le64_read((request).data) & 0xFFFFFFFFFFFF] += 1; \
        }                                                                       \
    } while (0)
#include "tally.h"
