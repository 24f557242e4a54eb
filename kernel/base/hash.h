/* SPDX-License-Identifier: MIT */
#pragma once

/* hash.h: SHA-256, the one hash of everything that is hashed in consensus bytes.
 *
 * On x86-64 with SHA instructions it uses these, elsewhere libsodium; the choice is made once for a
 * process and never changes a digest. H(tag, x) = SHA-256(tag || x); trees use the leaf and node
 * forms, which no tag can imitate.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   digests are QN_HASH_SIZE bytes
 *   owns     inputs are borrowed; outputs are the caller's, and may be one of the inputs
 *   threads  any
 *   cost     linear, about 1 ns a byte with SHA instructions; allocates nothing
 *
 * Source: FIPS 180-4.
 */

#include <stdbool.h>

#include <qnet/types.h>

/* A digest as a value, for what is kept and compared. */
struct qnk_hash {
    uint8_t bytes[QN_HASH_SIZE];
};

static inline bool qnk_hash_equal(const struct qnk_hash *a, const struct qnk_hash *b)
{
    return memcmp(a->bytes, b->bytes, QN_HASH_SIZE) == 0;
}

static inline bool qnk_hash_is_zero(const struct qnk_hash *hash)
{
    static const struct qnk_hash zero;

    return qnk_hash_equal(hash, &zero);
}

struct qnk_sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes added so far */
    uint8_t block[64];
};

void qnk_sha256_init(struct qnk_sha256 *sha);
void qnk_sha256_add(struct qnk_sha256 *sha, const void *bytes, uint64_t size);
void qnk_sha256_done(struct qnk_sha256 *sha, uint8_t digest[QN_HASH_SIZE]);

/* SHA-256(tag || parts...), the tag without its zero byte. */
void qnk_hash_parts(const char *tag, const struct qn_span *parts, uint32_t count,
                    struct qnk_hash *hash);

/* SHA-256(tag || bytes). */
void qnk_hash_tagged(const char *tag, const void *bytes, uint64_t size, struct qnk_hash *hash);

/* SHA-256(0x00 || bytes): the leaf of a tree. A transaction's id is its leaf. */
void qnk_hash_leaf(const void *bytes, uint64_t size, struct qnk_hash *hash);

/* SHA-256(0x01 || left || right): the inner node of a tree. */
void qnk_hash_node(const struct qnk_hash *left, const struct qnk_hash *right,
                   struct qnk_hash *hash);

/* Whether this processor's SHA instructions are in use. */
bool qnk_hash_is_accelerated(void);
