/* SPDX-License-Identifier: MIT */

/* QN-CST-002: each call takes memory and gives none back. */

#define ON_PACK(self, plain) ((self)->own = (self)->host->take((self)->node, 64))
#include "packer.h"
