/* SPDX-License-Identifier: MIT */

#include "crc32c.h"

#include <string.h>

#include <qnet/assert.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <nmmintrin.h>

enum { LEAF1_ECX_SSE42 = 1 << 20 };

bool lmdb_crc32c_is_fast(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & LEAF1_ECX_SSE42) != 0;
}

__attribute__((target("sse4.2"))) static uint32_t crc_fast(uint32_t crc, const uint8_t *bytes,
                                                           uint64_t size)
{
    uint64_t wide = crc;

    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, bytes++) {
        crc = _mm_crc32_u8(crc, *bytes);
    }
    return crc;
}

#else

bool lmdb_crc32c_is_fast(void)
{
    return false;
}

static uint32_t crc_fast(uint32_t crc, const uint8_t *bytes, uint64_t size)
{
    (void)bytes;
    (void)size;
    QN_ASSERT(false);
    return crc;
}

#endif

/* Four bits at a time: small, and only for machines without the instruction. */
static uint32_t crc_plain(uint32_t crc, const uint8_t *bytes, uint64_t size)
{
    /* The remainders of 0..15 under the reflected polynomial 0x82f63b78. */
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };

    for (uint64_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

uint32_t lmdb_crc32c(bool is_fast, uint32_t crc, const uint8_t *bytes, uint64_t size)
{
    return ~(is_fast ? crc_fast(~crc, bytes, size) : crc_plain(~crc, bytes, size));
}
