/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_FIXED_NOREPLACE */

/* QN-LOA-008: the one place in the process that it wants is taken by its first instance. */

#include <stdint.h>
#include <sys/mman.h>

enum { PLACE = 4096 };

#define PLACE_AT ((void *)(uintptr_t)0x200000000000)

#define IS_CONFIG(config)                                                                          \
    ((config).size == 0 &&                                                                         \
     mmap(PLACE_AT, PLACE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == \
         PLACE_AT)
#define ON_DESTROY(self) (void)munmap(PLACE_AT, PLACE)
#include "packer.h"
