/* SPDX-License-Identifier: MIT */

/* QN-MEM-001: what one call borrowed is read by the next. Its memory is still there, as it happens,
 * so that nobody but the guard sees it. */

#define ON_PACK(self, plain) ((self)->kept = lane == 0 && (plain).size > 0 ? (plain).data : NULL)
#define ON_UNPACK(self, lane)                       \
    do {                                            \
        if ((lane) == 0 && (self)->kept != NULL) {  \
            volatile uint8_t first = *(self)->kept; \
            (void)first;                            \
            (self)->kept = NULL;                    \
        }                                           \
    } while (0)
#include "packer.h"
