/* SPDX-License-Identifier: MIT */

/* QN-MEM-003: one byte behind what was taken, where nothing lies yet. */

#include <stdlib.h>

#define ON_CREATE(self)                                \
    do {                                               \
        (self)->own = malloc(17);                      \
        if ((self)->own != NULL) {                     \
            ((volatile uint8_t *)(self)->own)[17] = 1; \
        }                                              \
    } while (0)
#define ON_DESTROY(self) free((self)->own)
#include "packer.h"
