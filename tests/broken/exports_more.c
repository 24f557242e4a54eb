/* SPDX-License-Identifier: MIT */

/* QN-STA-023: a function that anybody may call. */

int packer_helper(int value);

__attribute__((visibility("default"))) int packer_helper(int value)
{
    return value + 1;
}

#include "packer.h"
