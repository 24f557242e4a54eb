/* SPDX-License-Identifier: MIT */

/* QN-STA-015: a variable for each thread. */

static __thread unsigned int calls;

#define ON_PACK(self, plain) calls++
#define TAG(self)            (unsigned char)(calls & 0)
#include "packer.h"
