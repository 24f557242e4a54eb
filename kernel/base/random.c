/* SPDX-License-Identifier: MIT */

#include "kernel/base/random.h"

#include <sodium.h>
#include <string.h>

#include <qnet/assert.h>

_Static_assert(crypto_stream_chacha20_KEYBYTES == sizeof((struct qnk_random *)0)->key, "ChaCha20");

void qnk_random_system(void *bytes, uint64_t size)
{
    randombytes_buf(bytes, size);
}

void qnk_random_init(struct qnk_random *random, uint64_t seed)
{
    memset(random, 0, sizeof *random);
    qn_le64_write(random->key, seed);
}

/* The nonce counts the blocks, so that each block is ChaCha20's stream from its beginning. */
static void fill(struct qnk_random *random)
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

    _Static_assert(sizeof nonce == 8, "the nonce is a counter");
    qn_le64_write(nonce, random->blocks);
    (void)crypto_stream_chacha20(random->block, sizeof random->block, nonce, random->key);
    random->blocks++;
    random->left = sizeof random->block;
}

void qnk_random_bytes(struct qnk_random *random, void *bytes, uint64_t size)
{
    uint8_t *to = bytes;

    while (size > 0) {
        if (random->left == 0) {
            fill(random);
        }

        uint32_t part = size < random->left ? (uint32_t)size : random->left;

        memcpy(to, random->block + sizeof random->block - random->left, part);
        random->left -= part;
        to += part;
        size -= part;
    }
}

uint64_t qnk_random_u64(struct qnk_random *random)
{
    uint8_t bytes[8];

    qnk_random_bytes(random, bytes, sizeof bytes);
    return qn_le64_read(bytes);
}

uint64_t qnk_random_below(struct qnk_random *random, uint64_t limit)
{
    QN_ASSERT(limit > 0);

    /* 2^64 mod limit: what lies below it would come up once too often. */
    uint64_t uneven = (0 - limit) % limit;
    uint64_t value;

    do {
        value = qnk_random_u64(random);
    } while (value < uneven);
    return value % limit;
}
