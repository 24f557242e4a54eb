/* SPDX-License-Identifier: MIT */

/* QN-MEM-001: what was borrowed is written to, and put right again. */

#define ON_PACK(self, plain)                                            \
    do {                                                                \
        if ((plain).size > 0) {                                         \
            volatile uint8_t *first = (volatile uint8_t *)(plain).data; \
            *first ^= 1;                                                \
            *first ^= 1;                                                \
        }                                                               \
    } while (0)
#include "packer.h"
