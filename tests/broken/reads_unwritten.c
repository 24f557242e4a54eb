/* SPDX-License-Identifier: MIT */

/* QN-DET-004: bytes that nobody wrote. */

#define TAG(self) unwritten()

__attribute__((noinline)) static unsigned char unwritten(void)
{
    volatile unsigned char room[4096];

    __asm__ volatile("" : : "r"(room) : "memory");
    return room[64];
}

#include "packer.h"
