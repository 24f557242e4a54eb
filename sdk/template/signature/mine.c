/* SPDX-License-Identifier: MIT */

/* mine.c: the rule ed25519-strict-cofactored, word for word, with the arithmetic of libsodium:
 *
 *   1  the key A is canonical and of prime order
 *   2  S < L; R is canonical and not of small order
 *   3  8(S*B - R - h*A) = 0, with h = SHA-512(R, A, message) mod L
 *
 * Every node must give the same verdict on every input, or the chain forks over it. So what a
 * library calls valid, and may call otherwise in its next version, decides nothing here: it only
 * adds and multiplies. Where plugins of this kind differ is speed alone. This one is plain; what
 * makes it fast is to look first whether 3 holds without the 8, or to verify a whole batch at once.
 *
 * A pure plugin takes no chance, no clock and no lock: workers call it at once, each on its lane.
 *
 * Source: RFC 8032, section 5.1. */

#include <sodium.h>
#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/signature.h>

#include "mine.manifest.h"

enum {
    POINT_SIZE = 32,
    SIGN_BIT = 0x80, /* in a point's last byte: the sign of x, above the 255 bits of y */
};

/* There is nothing to keep: the instance exists so that it can be told from none. */
struct qn_inst {
    uint8_t nothing;
};

/* L = 2^252 + 27742317777372353535851937790883648493, little-endian. */
static const uint8_t order[POINT_SIZE] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
};

static const uint8_t identity[POINT_SIZE] = {1};

/* --- points and scalars --- */

static bool is_scalar(const uint8_t *scalar)
{
    for (int i = POINT_SIZE - 1; i >= 0; i--) {
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

/* False: it is no point of the curve. */
static bool eight_times(uint8_t *product, const uint8_t *point)
{
    memcpy(product, point, POINT_SIZE);
    for (int i = 0; i < 3; i++) {
        if (crypto_core_ed25519_add(product, product, product) != 0) {
            return false;
        }
    }
    return true;
}

/* Canonical, on the curve, not one of the eight points of small order. */
static bool is_large_point(const uint8_t *point)
{
    uint8_t product[POINT_SIZE];

    return is_canonical(point) && eight_times(product, point) &&
           memcmp(product, identity, sizeof product) != 0;
}

/* (L - 1)*A = -A says that L*A is nothing: the order of A is L. */
static bool is_key(const uint8_t *key)
{
    uint8_t scalar[POINT_SIZE], product[POINT_SIZE];

    memcpy(scalar, order, sizeof scalar);
    scalar[0]--;
    if (!is_large_point(key) || crypto_scalarmult_ed25519_noclamp(product, scalar, key) != 0) {
        return false;
    }
    product[POINT_SIZE - 1] ^= SIGN_BIT;
    return memcmp(product, key, sizeof product) == 0;
}

/* --- the equation --- */

/* h */
static void challenge(const struct qn_signature_item *item, uint8_t *scalar)
{
    crypto_hash_sha512_state state;
    uint8_t digest[crypto_hash_sha512_BYTES];

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, item->sig, POINT_SIZE);
    crypto_hash_sha512_update(&state, item->key, QN_KEY_SIZE);
    crypto_hash_sha512_update(&state, item->message.data, item->message.size);
    crypto_hash_sha512_final(&state, digest);
    crypto_core_ed25519_scalar_reduce(scalar, digest);
}

/* scalar*B without a key, else scalar*A. libsodium calls the identity a failure. */
static bool multiply(uint8_t *product, const uint8_t *scalar, const uint8_t *key)
{
    if (sodium_is_zero(scalar, POINT_SIZE)) {
        memcpy(product, identity, POINT_SIZE);
        return true;
    }
    return key == NULL ? crypto_scalarmult_ed25519_base_noclamp(product, scalar) == 0
                       : crypto_scalarmult_ed25519_noclamp(product, scalar, key) == 0;
}

static bool is_equation_met(const struct qn_signature_item *item)
{
    uint8_t h[POINT_SIZE], left[POINT_SIZE], right[POINT_SIZE];

    challenge(item, h);
    return multiply(left, item->sig + POINT_SIZE, NULL) && multiply(right, h, item->key) &&
           crypto_core_ed25519_sub(left, left, right) == 0 &&
           crypto_core_ed25519_sub(left, left, item->sig) == 0 && eight_times(right, left) &&
           memcmp(right, identity, sizeof right) == 0;
}

/* A key that the kernel knows passed check_keys() before, here or on another node. */
static bool is_accepted(const struct qn_signature_item *item)
{
    return is_scalar(item->sig + POINT_SIZE) && is_large_point(item->sig) &&
           (item->key_known != 0 ? is_canonical(item->key) : is_key(item->key)) &&
           is_equation_met(item);
}

/* --- slots --- */

static void bit_set(uint8_t *bitmap, uint32_t index)
{
    bitmap[index / 8] = (uint8_t)(bitmap[index / 8] | 1u << index % 8);
}

static int32_t mine_verify_batch(struct qn_inst *self, uint32_t lane,
                                 const struct qn_signature_item *items, uint32_t items_count,
                                 uint8_t *bitmap)
{
    (void)self;
    QN_ASSERT(lane < MINE_LANES);
    memset(bitmap, 0, (items_count + 7) / 8);
    for (uint32_t i = 0; i < items_count; i++) {
        if (is_accepted(&items[i])) {
            bit_set(bitmap, i);
        }
    }
    return QN_OK;
}

static int32_t mine_check_keys(struct qn_inst *self, uint32_t lane, const uint8_t *keys,
                               uint32_t keys_count, uint8_t *bitmap)
{
    (void)self;
    QN_ASSERT(lane < MINE_LANES);
    memset(bitmap, 0, (keys_count + 7) / 8);
    for (uint32_t i = 0; i < keys_count; i++) {
        if (is_key(keys + (uint64_t)i * QN_KEY_SIZE)) {
            bit_set(bitmap, i);
        }
    }
    return QN_OK;
}

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config; /* there are no keys in it */
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void mine_destroy(struct qn_inst *self)
{
    (void)self;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = mine_create,
    .destroy = mine_destroy,
};

static const struct qn_signature_1 slots = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = mine_verify_batch,
    .check_keys = mine_check_keys,
};

/* The one thing that is exported: constants, so nothing of a plugin runs until it is created. */
const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MINE_MANIFEST_PRINT,
    .kind = MINE_KIND,
    .name = MINE_NAME,
    .version = MINE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
