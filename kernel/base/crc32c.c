/* SPDX-License-Identifier: MIT */

#include "kernel/base/crc32c.h"

#include <stdatomic.h>
#include <string.h>

#include <qnet/assert.h>

/* Four bits at a time: small, and only for machines without the instruction. */
uint32_t qnk_crc32c_plain(uint32_t crc, const void *bytes, uint64_t size)
{
    /* The remainders of 0..15 under the reflected polynomial 0x82f63b78. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *from = bytes;

    crc = ~crc;
    for (uint64_t i = 0; i < size; i++) {
        crc ^= from[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <nmmintrin.h>

enum { LEAF1_ECX_SSE42 = 1 << 20 };

bool qnk_crc32c_can_sse42(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & LEAF1_ECX_SSE42) != 0;
}

__attribute__((target("sse4.2"))) uint32_t qnk_crc32c_sse42(uint32_t crc, const void *bytes,
                                                            uint64_t size)
{
    const uint8_t *from = bytes;
    uint64_t wide = ~crc;

    for (; size >= 8; size -= 8, from += 8) {
        wide = _mm_crc32_u64(wide, qn_le64_read(from));
    }

    uint32_t narrow = (uint32_t)wide;

    for (; size > 0; size--, from++) {
        narrow = _mm_crc32_u8(narrow, *from);
    }
    return ~narrow;
}

#else

bool qnk_crc32c_can_sse42(void)
{
    return false;
}

uint32_t qnk_crc32c_sse42(uint32_t crc, const void *bytes, uint64_t size)
{
    (void)bytes;
    (void)size;
    QN_ASSERT(false);
    return crc;
}

#endif

enum { UNKNOWN, PLAIN, SSE42 };

/* As in hash.c: asking the processor is slow, and every thread gets the same answer. */
static _Atomic int choice = UNKNOWN;

uint32_t qnk_crc32c(uint32_t crc, const void *bytes, uint64_t size)
{
    int chosen = atomic_load_explicit(&choice, memory_order_relaxed);

    if (chosen == UNKNOWN) {
        chosen = qnk_crc32c_can_sse42() ? SSE42 : PLAIN;
        atomic_store_explicit(&choice, chosen, memory_order_relaxed);
    }
    return chosen == SSE42 ? qnk_crc32c_sse42(crc, bytes, size)
                           : qnk_crc32c_plain(crc, bytes, size);
}
