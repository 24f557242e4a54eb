/* SPDX-License-Identifier: MIT */

#include "kernel/base/hash.h"

#include <stdatomic.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/hash_blocks.h"

enum { BLOCK_SIZE = 64, LENGTH_AT = 56 };

enum { UNKNOWN, PLAIN, SHANI };

/* Asking the processor traps in a virtual machine (microseconds), so its answer is kept. Every
 * thread that asks gets the same one, hence no order is needed. */
static _Atomic int choice = UNKNOWN;

bool qnk_hash_is_accelerated(void)
{
    int chosen = atomic_load_explicit(&choice, memory_order_relaxed);

    if (chosen == UNKNOWN) {
        chosen = qnk_hash_blocks_can_shani() ? SHANI : PLAIN;
        atomic_store_explicit(&choice, chosen, memory_order_relaxed);
    }
    return chosen == SHANI;
}

static void add_blocks(uint32_t state[8], const uint8_t *blocks, uint64_t count)
{
    if (qnk_hash_is_accelerated()) {
        qnk_hash_blocks_shani(state, blocks, count);
    } else {
        qnk_hash_blocks_plain(state, blocks, count);
    }
}

void qnk_sha256_init(struct qnk_sha256 *sha)
{
    /* FIPS 180-4, 5.3.3 */
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(sha->state, start, sizeof start);
    sha->size = 0;
}

void qnk_sha256_add(struct qnk_sha256 *sha, const void *bytes, uint64_t size)
{
    const uint8_t *from = bytes;
    uint64_t held = sha->size % BLOCK_SIZE;

    sha->size += size;
    if (held > 0) {
        uint64_t part = size < BLOCK_SIZE - held ? size : BLOCK_SIZE - held;

        if (part > 0) {
            memcpy(sha->block + held, from, part);
            from += part;
            size -= part;
        }
        if (held + part < BLOCK_SIZE) {
            return;
        }
        add_blocks(sha->state, sha->block, 1);
    }

    uint64_t count = size / BLOCK_SIZE;

    if (count > 0) {
        add_blocks(sha->state, from, count);
        from += count * BLOCK_SIZE;
    }
    if (size % BLOCK_SIZE > 0) {
        memcpy(sha->block, from, size % BLOCK_SIZE);
    }
}

static void be32_write(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

/* Padding: a one bit, zeros, and the length in bits (FIPS 180-4, 5.1.1). */
void qnk_sha256_done(struct qnk_sha256 *sha, uint8_t digest[QN_HASH_SIZE])
{
    uint64_t held = sha->size % BLOCK_SIZE;

    sha->block[held++] = 0x80;
    if (held > LENGTH_AT) {
        memset(sha->block + held, 0, BLOCK_SIZE - held);
        add_blocks(sha->state, sha->block, 1);
        held = 0;
    }
    memset(sha->block + held, 0, LENGTH_AT - held);
    be32_write(sha->block + LENGTH_AT, (uint32_t)(sha->size >> 29));
    be32_write(sha->block + LENGTH_AT + 4, (uint32_t)(sha->size << 3));
    add_blocks(sha->state, sha->block, 1);
    for (size_t i = 0; i < 8; i++) {
        be32_write(digest + 4 * i, sha->state[i]);
    }
}

void qnk_hash_parts(const char *tag, const struct qn_span *parts, uint32_t count,
                    struct qnk_hash *hash)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, tag, strlen(tag));
    for (uint32_t i = 0; i < count; i++) {
        qnk_sha256_add(&sha, parts[i].data, parts[i].size);
    }
    qnk_sha256_done(&sha, hash->bytes);
}

void qnk_hash_tagged(const char *tag, const void *bytes, uint64_t size, struct qnk_hash *hash)
{
    struct qn_span part = {bytes, size};

    qnk_hash_parts(tag, &part, 1, hash);
}

void qnk_hash_leaf(const void *bytes, uint64_t size, struct qnk_hash *hash)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, "\x00", 1);
    qnk_sha256_add(&sha, bytes, size);
    qnk_sha256_done(&sha, hash->bytes);
}

void qnk_hash_node(const struct qnk_hash *left, const struct qnk_hash *right, struct qnk_hash *hash)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, "\x01", 1);
    qnk_sha256_add(&sha, left->bytes, QN_HASH_SIZE);
    qnk_sha256_add(&sha, right->bytes, QN_HASH_SIZE);
    qnk_sha256_done(&sha, hash->bytes);
}
