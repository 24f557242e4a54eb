/* SPDX-License-Identifier: MIT */

/* sha256.c: a second, plain SHA-256, so that no test host needs a library and the kernel's own has
 * something to differ from. Source: FIPS 180-4, section 6.2. */

#include "sdk/check/check.h"

enum { BLOCK = 64, ROUNDS = 64, LENGTH_AT = 56 };

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotated(uint32_t word, unsigned int by)
{
    return word >> by | word << (32 - by);
}

static uint32_t big_endian_read(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void big_endian_write(uint8_t *to, uint32_t word)
{
    for (unsigned int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(word >> (24 - 8 * i));
    }
}

static void block_add(uint32_t *state, const uint8_t *block)
{
    uint32_t w[ROUNDS];
    uint32_t s[8];

    for (int i = 0; i < 16; i++) {
        w[i] = big_endian_read(block + 4 * i);
    }
    for (int i = 16; i < ROUNDS; i++) {
        uint32_t low = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10;

        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < ROUNDS; i++) { /* words do not move: round i has word j at j - i */
        uint32_t a = s[-i & 7], b = s[(1 - i) & 7], c = s[(2 - i) & 7], e = s[(4 - i) & 7];
        uint32_t choice = (e & s[(5 - i) & 7]) ^ (~e & s[(6 - i) & 7]);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t first = s[(7 - i) & 7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                         choice + constants[i] + w[i];
        uint32_t second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + majority;

        s[(3 - i) & 7] += first;
        s[(7 - i) & 7] = first + second;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

void qn_check_sha256_init(struct qn_check_sha256 *sha)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memset(sha, 0, sizeof *sha);
    memcpy(sha->state, start, sizeof start);
}

void qn_check_sha256_add(struct qn_check_sha256 *sha, struct qn_span bytes)
{
    uint64_t done = 0;

    while (done < bytes.size) {
        if (sha->size % BLOCK == 0 && bytes.size - done >= BLOCK) {
            block_add(sha->state, bytes.data + done); /* a whole one, where it lies */
            sha->size += BLOCK;
            done += BLOCK;
            continue;
        }
        sha->block[sha->size++ % BLOCK] = bytes.data[done++];
        if (sha->size % BLOCK == 0) {
            block_add(sha->state, sha->block);
        }
    }
}

void qn_check_sha256_done(struct qn_check_sha256 *sha, uint8_t *digest)
{
    static const uint8_t one_bit[1] = {0x80}, zero[1] = {0};
    uint64_t bits = sha->size * 8;
    uint8_t length[8];

    qn_check_sha256_add(sha, (struct qn_span){one_bit, 1});
    while (sha->size % BLOCK != LENGTH_AT) {
        qn_check_sha256_add(sha, (struct qn_span){zero, 1});
    }
    big_endian_write(length, (uint32_t)(bits >> 32));
    big_endian_write(length + 4, (uint32_t)bits);
    qn_check_sha256_add(sha, (struct qn_span){length, sizeof length});
    for (int i = 0; i < 8; i++) {
        big_endian_write(digest + 4 * i, sha->state[i]);
    }
}
