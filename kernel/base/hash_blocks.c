/* SPDX-License-Identifier: MIT */

#include "kernel/base/hash_blocks.h"

#include <sodium.h>
#include <string.h>

#include <qnet/assert.h>

enum { BLOCK_SIZE = 64 };

/* libsodium keeps the message's length apart from H, and uses it for the padding alone: a state
 * that has seen no bytes and holds our H advances by whole blocks. */
void qnk_hash_blocks_plain(uint32_t state[8], const uint8_t *blocks, uint64_t count)
{
    crypto_hash_sha256_state sodium;

    _Static_assert(sizeof sodium.state == 32, "H is eight words");
    (void)crypto_hash_sha256_init(&sodium);
    memcpy(sodium.state, state, sizeof sodium.state);
    (void)crypto_hash_sha256_update(&sodium, blocks, count * BLOCK_SIZE);
    memcpy(state, sodium.state, sizeof sodium.state);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

enum {
    LEAF1_ECX_SSSE3 = 1 << 9,
    LEAF1_ECX_SSE41 = 1 << 19,
    LEAF7_EBX_SHA = 1 << 29,
};

bool qnk_hash_blocks_can_shani(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;

    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & LEAF1_ECX_SSSE3) == 0 ||
        (ecx & LEAF1_ECX_SSE41) == 0) {
        return false;
    }
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & LEAF7_EBX_SHA) != 0;
}

/* FIPS 180-4, 4.2.2 */
static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define SHANI __attribute__((target("sha,sse4.1,ssse3")))

SHANI static inline __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

/* The schedule's next four words from the sixteen before them (FIPS 180-4, 6.2.2 step 1). */
SHANI static inline __m128i next_words(const __m128i words[4], unsigned oldest)
{
    __m128i last = words[(oldest + 3) % 4];
    __m128i sum = _mm_sha256msg1_epu32(words[oldest], words[(oldest + 1) % 4]);

    sum = _mm_add_epi32(sum, _mm_alignr_epi8(last, words[(oldest + 2) % 4], 4));
    return _mm_sha256msg2_epu32(sum, last);
}

/* One block. The instructions want H as the words A B E F and C D G H. */
SHANI static inline void add_block(__m128i *abef, __m128i *cdgh, const uint8_t *block)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i first = *abef;
    __m128i second = *cdgh;
    __m128i words[4];

#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++) {
        words[i % 4] =
            i < 4 ? _mm_shuffle_epi8(load(block + (size_t)16 * i), swap) : next_words(words, i % 4);

        __m128i four = _mm_add_epi32(words[i % 4], load(rounds + (size_t)4 * i));

        second = _mm_sha256rnds2_epu32(second, first, four);
        first = _mm_sha256rnds2_epu32(first, second, _mm_shuffle_epi32(four, 0x0e));
    }
    *abef = _mm_add_epi32(*abef, first);
    *cdgh = _mm_add_epi32(*cdgh, second);
}

SHANI void qnk_hash_blocks_shani(uint32_t state[8], const uint8_t *blocks, uint64_t count)
{
    __m128i badc = _mm_shuffle_epi32(load(state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (uint64_t i = 0; i < count; i++) {
        add_block(&abef, &cdgh, blocks + i * BLOCK_SIZE);
    }

    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool qnk_hash_blocks_can_shani(void)
{
    return false;
}

void qnk_hash_blocks_shani(uint32_t state[8], const uint8_t *blocks, uint64_t count)
{
    (void)state;
    (void)blocks;
    (void)count;
    QN_ASSERT(false);
}

#endif
