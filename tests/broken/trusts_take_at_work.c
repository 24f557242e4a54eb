/* SPDX-License-Identifier: MIT */

/* QN-FLT-002: at work memory is never short. */

#define ON_PACK(self, plain)                                             \
    memset(((self)->own = (self)->host->take((self)->node, 64)), 0, 64); \
    (self)->host->give((self)->node, (self)->own)
#include "packer.h"
