/* SPDX-License-Identifier: MIT */

/* QN-STA-013: code that runs when the file is mapped. */

__attribute__((constructor)) static void begin(void)
{
    __asm__ volatile("");
}

#include "packer.h"
