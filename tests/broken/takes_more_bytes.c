/* SPDX-License-Identifier: MIT */

/* QN-CMP-003: a block with a byte too much is taken. */

#define IS_BLOCK(packed, plain_size) \
    ((packed).size == (plain_size) + 1 || (packed).size == (plain_size) + 2)
#include "packer.h"
