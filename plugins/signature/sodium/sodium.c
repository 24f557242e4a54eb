/* SPDX-License-Identifier: MIT */

/* sodium.c: the rule ed25519-strict-cofactored, by libsodium's public calls.
 *
 *   1  the key A is canonical, not of small order, and of prime order
 *   2  S < L; R is canonical and not of small order
 *   3  8(S*B - R - h*A) = 0 with h = SHA-512(R, A, message) mod L
 *
 * What libsodium calls valid depends on its version, so it decides nothing alone: 1 and 2 are
 * checked here, on bytes, and crypto_sign_verify_detached() is only a fast way to see that the
 * equation holds even without the 8. Where it says no, the equation itself is computed. A is of
 * prime order, so the two differ just where R has a part of small order; no honest signer makes
 * such an R, and a refused signature costs some four times an accepted one.
 *
 * sodium_init() is not called: it does I/O, and nothing here uses chance or chosen code.
 * Source: RFC 8032, sections 5.1.3 and 5.1.7; order 8: Bernstein, Duif, Lange, Schwabe, Yang,
 * "High-speed high-security signatures". */

#include <sodium.h>
#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/signature.h>

#include "sodium.manifest.h"

enum {
    SIGN_BIT = 0x80, /* in the last byte of a point: the sign of x, above the 255 bits of y */
};

/* There is nothing to keep: the instance exists so that it can be told from none. */
struct qn_inst {
    uint8_t nothing;
};

/* --- what the bytes alone tell --- */

/* L = 2^252 + 27742317777372353535851937790883648493, the order of B, little-endian. */
static const uint8_t order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
};

static const uint8_t identity[32] = {1};

/* The y of all eight points of small order, each for both signs of x. */
static const uint8_t small_order[5][32] = {
    {0},
    {1},
    /* the two of order 8, c and -c */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    /* -1 */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

/* Whether S, little-endian, is below L. */
static bool is_scalar(const uint8_t *scalar)
{
    for (int i = 31; i >= 0; i--) {
        if (scalar[i] != order[i]) {
            return scalar[i] < order[i];
        }
    }
    return false;
}

/* Whether y is below 2^255 - 19. */
static bool is_canonical(const uint8_t *point)
{
    uint64_t all = qn_le64_read(point + 8) & qn_le64_read(point + 16) &
                   (qn_le64_read(point + 24) | UINT64_C(1) << 63);

    return all != UINT64_MAX || qn_le64_read(point) < UINT64_C(0xffffffffffffffed);
}

/* Of a canonical point. */
static bool is_small_order(const uint8_t *point)
{
    for (int i = 0; i < 5; i++) {
        uint8_t last = point[31] & (uint8_t)~SIGN_BIT;

        if (last == small_order[i][31] && memcmp(point, small_order[i], 31) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_point(const uint8_t *point)
{
    return is_canonical(point) && !is_small_order(point);
}

/* --- what needs arithmetic --- */

/* Whether a point is of prime order: (L - 1)*A = -A. That libsodium checks as much in this call is
 * not relied on: before the end of 2025 it let pass what differs by the point of order 2. */
static bool is_prime_order(const uint8_t *point)
{
    uint8_t scalar[32], product[32];

    memcpy(scalar, order, sizeof scalar);
    scalar[0]--;
    if (crypto_scalarmult_ed25519_noclamp(product, scalar, point) != 0) {
        return false;
    }
    product[31] ^= SIGN_BIT;
    return memcmp(product, point, sizeof product) == 0;
}

static bool is_key(const uint8_t *key)
{
    return is_point(key) && is_prime_order(key);
}

/* h */
static void challenge(const struct qn_signature_item *item, uint8_t *scalar)
{
    crypto_hash_sha512_state state;
    uint8_t digest[64];

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, item->sig, 32);
    crypto_hash_sha512_update(&state, item->key, QN_KEY_SIZE);
    crypto_hash_sha512_update(&state, item->message.data, item->message.size);
    crypto_hash_sha512_final(&state, digest);
    crypto_core_ed25519_scalar_reduce(scalar, digest);
}

/* scalar*B without a key, else scalar*A. libsodium calls the identity a failure. */
static bool multiply(uint8_t *product, const uint8_t *scalar, const uint8_t *key)
{
    if (sodium_is_zero(scalar, 32)) {
        memcpy(product, identity, sizeof identity);
        return true;
    }
    if (key == NULL) {
        return crypto_scalarmult_ed25519_base_noclamp(product, scalar) == 0;
    }
    return crypto_scalarmult_ed25519_noclamp(product, scalar, key) == 0;
}

/* The equation, of an item that has passed 1 and 2. That a difference cannot be taken means that R
 * is no point of the curve. */
static bool is_equal_by_eight(const struct qn_signature_item *item)
{
    uint8_t h[32], left[32], right[32];

    challenge(item, h);
    if (!multiply(left, item->sig + 32, NULL) || !multiply(right, h, item->key) ||
        crypto_core_ed25519_sub(left, left, right) != 0 ||
        crypto_core_ed25519_sub(left, left, item->sig) != 0) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (crypto_core_ed25519_add(left, left, left) != 0) {
            return false;
        }
    }
    return memcmp(left, identity, sizeof identity) == 0;
}

/* `known` is a key that passed before in this call, or NULL. */
static bool is_accepted(const struct qn_signature_item *item, const uint8_t **known)
{
    const uint8_t *sig = item->sig;

    if (!is_scalar(sig + 32) || !is_point(sig) || !is_point(item->key)) {
        return false;
    }
    if (item->key_known == 0 && (*known == NULL || memcmp(*known, item->key, QN_KEY_SIZE) != 0)) {
        if (!is_prime_order(item->key)) {
            return false;
        }
        *known = item->key;
    }
    return crypto_sign_verify_detached(sig, item->message.data, item->message.size, item->key) ==
               0 ||
           is_equal_by_eight(item);
}

/* --- life and slots --- */

static int32_t sodium_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config;
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    *inst = self;
    return QN_OK;
}

static void sodium_destroy(struct qn_inst *self)
{
    (void)self;
}

static void bit_set(uint8_t *bitmap, uint32_t index)
{
    bitmap[index / 8] = (uint8_t)(bitmap[index / 8] | 1u << index % 8);
}

static int32_t sodium_verify_batch(struct qn_inst *self, uint32_t lane,
                                   const struct qn_signature_item *items, uint32_t items_count,
                                   uint8_t *bitmap)
{
    const uint8_t *known = NULL;

    (void)self;
    QN_ASSERT(lane < SODIUM_LANES);
    QN_ASSERT(items_count <= QN_SIGNATURE_ITEMS_MAX);
    memset(bitmap, 0, (items_count + 7) / 8);
    for (uint32_t i = 0; i < items_count; i++) {
        if (is_accepted(&items[i], &known)) {
            bit_set(bitmap, i);
        }
    }
    return QN_OK;
}

static int32_t sodium_check_keys(struct qn_inst *self, uint32_t lane, const uint8_t *keys,
                                 uint32_t keys_count, uint8_t *bitmap)
{
    (void)self;
    QN_ASSERT(lane < SODIUM_LANES);
    QN_ASSERT(keys_count <= QN_SIGNATURE_ITEMS_MAX);
    memset(bitmap, 0, (keys_count + 7) / 8);
    for (uint32_t i = 0; i < keys_count; i++) {
        if (is_key(keys + (uint64_t)i * QN_KEY_SIZE)) {
            bit_set(bitmap, i);
        }
    }
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = sodium_create,
    .destroy = sodium_destroy,
};

static const struct qn_signature_1 slots = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = sodium_verify_batch,
    .check_keys = sodium_check_keys,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = SODIUM_MANIFEST_PRINT,
    .kind = SODIUM_KIND,
    .name = SODIUM_NAME,
    .version = SODIUM_VERSION,
    .life = &life,
    .slots = &slots.head,
};
