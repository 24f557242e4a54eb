/* SPDX-License-Identifier: MIT */

/* QN-CMP-005: the instance remembers one block, and lanes come in between. */

#define _DEFAULT_SOURCE
#include <unistd.h>

#define ON_PACK(self, plain)         \
    do {                             \
        (self)->kept = (plain).data; \
        if (lane != 0) {             \
            (void)usleep(2000);      \
        }                            \
    } while (0)
#define FROM(self, plain) ((self)->kept)
#include "packer.h"
