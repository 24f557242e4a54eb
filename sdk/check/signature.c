/* SPDX-License-Identifier: MIT */

#include "sdk/check/signature.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITEMS = 1024,
    ROOM = 64, /* bytes of a message in most cases */
    KNOWN = 64,
    LANES_MAX = 64,
    THREAD_BATCHES = 4, /* that each lane's thread verifies */
};

/* One key, signature and message, and what the rule says of them. */
struct trial {
    uint8_t key[32];
    uint8_t sig[64];
    uint8_t message[ROOM];
    uint8_t size;
};

/* An answer of is_prime_order(), which takes its time. */
struct known {
    uint8_t point[32];
    bool is_prime;
};

struct qn_check_signature {
    struct qn_check_given given;
    struct qn_node *node;
    const struct qn_signature_1 *slots;
    struct qn_inst *inst;
    struct trial *trials;
    uint32_t count; /* of the trials */
    struct known known[KNOWN];
    uint32_t known_next;
    uint64_t seed;
};

struct qn_check_signature *qn_check_signature_start(const struct qn_check_given *given)
{
    struct qn_check_signature *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    QN_CHECK(sodium_init() >= 0);
    it->given = *given;
    it->node = qn_check_node_create(given->memory);
    it->slots = (const void *)given->plugin->slots;
    it->trials = calloc(ITEMS, sizeof *it->trials);
    it->seed = 1;
    QN_CHECK(it->trials != NULL);
    it->inst = qn_check_inst_create(given, it->node);
    return it;
}

void qn_check_signature_stop(struct qn_check_signature *it)
{
    qn_check_inst_destroy(&it->given, it->inst);
    qn_check_node_destroy(it->node);
    free(it->trials);
    free(it);
}

/* --- the rule, slowly --- */

static const uint8_t identity[32] = {1};

static const uint8_t order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
};

/* 2^255 - 19 */
static const uint8_t prime[32] = {
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
};

/* Of little-endian numbers. */
static bool is_below(const uint8_t *number, const uint8_t *limit)
{
    int i = 31;

    while (i > 0 && number[i] == limit[i]) {
        i--;
    }
    return number[i] < limit[i];
}

static bool is_canonical(const uint8_t *point)
{
    uint8_t y[32];

    memcpy(y, point, sizeof y);
    y[31] &= 0x7f;
    return is_below(y, prime);
}

/* False: `a` or `b` is no point. */
static bool point_add(uint8_t *sum, const uint8_t *a, const uint8_t *b)
{
    return crypto_core_ed25519_add(sum, a, b) == 0;
}

static bool is_identity(const uint8_t *point)
{
    return memcmp(point, identity, sizeof identity) == 0;
}

/* Also of what is no point at all. */
static bool is_small_order(const uint8_t *point)
{
    uint8_t eight[32];

    memcpy(eight, point, sizeof eight);
    for (int i = 0; i < 3; i++) {
        if (!point_add(eight, eight, eight)) {
            return true;
        }
    }
    return is_identity(eight);
}

static bool is_prime_order_slowly(const uint8_t *point)
{
    uint8_t sum[32];

    memcpy(sum, identity, sizeof sum);
    for (int bit = 255; bit >= 0; bit--) {
        if (!point_add(sum, sum, sum) ||
            ((order[bit / 8] >> bit % 8 & 1) != 0 && !point_add(sum, sum, point))) {
            return false;
        }
    }
    return is_identity(sum);
}

static bool is_prime_order(struct qn_check_signature *it, const uint8_t *point)
{
    for (uint32_t i = 0; i < KNOWN; i++) {
        if (memcmp(it->known[i].point, point, 32) == 0) {
            return it->known[i].is_prime;
        }
    }

    struct known *known = &it->known[it->known_next++ % KNOWN];

    memcpy(known->point, point, 32);
    known->is_prime = is_prime_order_slowly(point);
    return known->is_prime;
}

static bool is_key(struct qn_check_signature *it, const uint8_t *key)
{
    return is_canonical(key) && !is_small_order(key) && is_prime_order(it, key);
}

static void challenge(const struct trial *trial, uint8_t *scalar)
{
    uint8_t text[32 + 32 + ROOM], digest[64];

    memcpy(text, trial->sig, 32);
    memcpy(text + 32, trial->key, 32);
    memcpy(text + 64, trial->message, trial->size);
    crypto_hash_sha512(digest, text, 64u + trial->size);
    crypto_core_ed25519_scalar_reduce(scalar, digest);
}

static void multiply_base(uint8_t *product, const uint8_t *scalar)
{
    memcpy(product, identity, sizeof identity);
    if (!sodium_is_zero(scalar, 32)) {
        QN_CHECK(crypto_scalarmult_ed25519_base_noclamp(product, scalar) == 0);
    }
}

static bool rule(struct qn_check_signature *it, const struct trial *trial)
{
    const uint8_t *r = trial->sig, *s = trial->sig + 32;
    uint8_t h[32], left[32], right[32];

    if (!is_key(it, trial->key) || !is_below(s, order) || !is_canonical(r) || is_small_order(r)) {
        return false;
    }
    challenge(trial, h);
    multiply_base(left, s);
    QN_CHECK(crypto_scalarmult_ed25519_noclamp(right, h, trial->key) == 0);
    QN_CHECK(point_add(right, right, r));
    for (int i = 0; i < 3; i++) {
        QN_CHECK(point_add(left, left, left) && point_add(right, right, right));
    }
    return memcmp(left, right, sizeof left) == 0;
}

/* --- trials --- */

static struct trial *trial_new(struct qn_check_signature *it)
{
    QN_CHECK(it->count < ITEMS);
    it->trials[it->count] = (struct trial){.size = 0};
    return &it->trials[it->count++];
}

static void bytes_fill(struct qn_check_signature *it, uint8_t *to, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(qn_check_random(&it->seed) >> 32);
    }
}

static void scalar_fill(struct qn_check_signature *it, uint8_t *scalar)
{
    uint8_t wide[64];

    bytes_fill(it, wide, sizeof wide);
    crypto_core_ed25519_scalar_reduce(scalar, wide);
}

static struct trial *honest(struct qn_check_signature *it, uint8_t size)
{
    struct trial *trial = trial_new(it);
    uint8_t seed[32], secret[64];

    bytes_fill(it, seed, sizeof seed);
    bytes_fill(it, trial->message, size);
    trial->size = size;
    crypto_sign_seed_keypair(trial->key, secret, seed);
    crypto_sign_detached(trial->sig, NULL, trial->message, size, secret);
    return trial;
}

/* What an owner of the secret `a` can make: A = a*B + `key_part`, R = r*B + `r_part`, and the S for
 * which the equation holds but for those parts. They are the points as they are where the scalar
 * is zero, also in an encoding that is not canonical. */
static void crafted(struct qn_check_signature *it, const uint8_t *a, const uint8_t *r,
                    const uint8_t *key_part, const uint8_t *r_part)
{
    struct trial *trial = trial_new(it);
    uint8_t h[32], product[32];

    trial->size = 8;
    bytes_fill(it, trial->message, trial->size);
    memcpy(trial->key, key_part, 32);
    memcpy(trial->sig, r_part, 32);
    if (!sodium_is_zero(a, 32)) {
        multiply_base(product, a);
        QN_CHECK(point_add(trial->key, product, key_part));
    }
    if (!sodium_is_zero(r, 32)) {
        multiply_base(product, r);
        QN_CHECK(point_add(trial->sig, product, r_part));
    }
    challenge(trial, h);
    crypto_core_ed25519_scalar_mul(product, h, a);
    crypto_core_ed25519_scalar_add(trial->sig + 32, product, r);
}

static struct qn_signature_item item_of(const struct trial *trial, uint8_t key_known)
{
    return (struct qn_signature_item){
        .key = trial->key,
        .sig = trial->sig,
        .message = {trial->message, trial->size},
        .key_known = key_known,
    };
}

static bool bit_is(const uint8_t *bitmap, uint32_t index)
{
    return (bitmap[index / 8] >> index % 8 & 1) != 0;
}

/* All trials in one batch, then again with every good key known; the plugin must say of each what
 * the rule says. Gives how many were accepted. */
static uint32_t judge(struct qn_check_signature *it)
{
    struct qn_signature_item *items = calloc(ITEMS, sizeof *items);
    uint8_t bitmap[ITEMS / 8], again[ITEMS / 8];
    uint32_t accepted = 0;

    QN_CHECK(items != NULL);
    for (uint32_t i = 0; i < it->count; i++) {
        items[i] = item_of(&it->trials[i], 0);
    }
    memset(bitmap, 0xa5, sizeof bitmap);
    QN_CHECK(it->slots->verify_batch(it->inst, 0, items, it->count, bitmap) == QN_OK);
    for (uint32_t i = 0; i < it->count; i++) {
        items[i].key_known = is_key(it, it->trials[i].key);
    }
    QN_CHECK(it->slots->verify_batch(it->inst, 0, items, it->count, again) == QN_OK);
    free(items);
    for (uint32_t i = 0; i < it->count; i++) {
        bool is_right = rule(it, &it->trials[i]);

        QN_CHECK(bit_is(bitmap, i) == is_right);
        QN_CHECK(bit_is(again, i) == is_right);
        accepted += is_right;
    }
    return accepted;
}

/* --- cases --- */

/* RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc). */
static const struct {
    const char *key, *message, *sig;
} published[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
     "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

enum { PUBLISHED = sizeof published / sizeof published[0] };

static size_t unhex(uint8_t *to, size_t room, const char *text)
{
    size_t size = 0;

    QN_CHECK(sodium_hex2bin(to, room, text, strlen(text), NULL, &size, NULL) == 0);
    return size;
}

void qn_check_signature_published_vectors(void **subject)
{
    struct qn_check_signature *it = *subject;

    it->count = 0;
    for (size_t i = 0; i < PUBLISHED; i++) {
        struct trial *trial = trial_new(it);

        QN_CHECK(unhex(trial->key, 32, published[i].key) == 32);
        QN_CHECK(unhex(trial->sig, 64, published[i].sig) == 64);
        trial->size = (uint8_t)unhex(trial->message, ROOM, published[i].message);
    }
    QN_CHECK(judge(it) == PUBLISHED);
}

void qn_check_signature_honest_signatures(void **subject)
{
    struct qn_check_signature *it = *subject;

    it->count = 0;
    for (uint8_t size = 0; size <= ROOM; size++) {
        (void)honest(it, size);
    }
    QN_CHECK(judge(it) == it->count);
}

/* The longest message that there may be. */
static void long_message(struct qn_check_signature *it)
{
    uint8_t *message = malloc(QN_SIGNATURE_MESSAGE_MAX);
    uint8_t key[32], secret[64], sig[64], seed[32] = {1}, bitmap = 0;
    struct qn_signature_item item = {
        .key = key, .sig = sig, .message = {message, QN_SIGNATURE_MESSAGE_MAX}};

    QN_CHECK(message != NULL);
    bytes_fill(it, message, QN_SIGNATURE_MESSAGE_MAX);
    crypto_sign_seed_keypair(key, secret, seed);
    crypto_sign_detached(sig, NULL, message, QN_SIGNATURE_MESSAGE_MAX, secret);
    QN_CHECK(it->slots->verify_batch(it->inst, 0, &item, 1, &bitmap) == QN_OK && bitmap == 1);
    message[QN_SIGNATURE_MESSAGE_MAX - 1] ^= 1;
    QN_CHECK(it->slots->verify_batch(it->inst, 0, &item, 1, &bitmap) == QN_OK && bitmap == 0);
    free(message);
}

void qn_check_signature_mutated_signatures(void **subject)
{
    struct qn_check_signature *it = *subject;

    it->count = 0;

    struct trial first = *honest(it, 12);

    for (uint32_t bit = 0; bit < 64 * 8; bit++) {
        struct trial *trial = trial_new(it);

        *trial = first;
        trial->sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 32 * 8; bit += 3) {
        struct trial *trial = trial_new(it);

        *trial = first;
        trial->key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 12 * 8; bit++) {
        struct trial *trial = trial_new(it);

        *trial = first;
        trial->message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    QN_CHECK(judge(it) == 1);
    long_message(it);
}

/* The multiples of a point of order 8. */
static void torsion_fill(uint8_t points[8][32])
{
    QN_CHECK(unhex(points[1], 32,
                   "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a") == 32);
    memcpy(points[0], identity, 32);
    for (int i = 2; i < 8; i++) {
        QN_CHECK(point_add(points[i], points[i - 1], points[1]));
    }
    QN_CHECK(is_small_order(points[1]) && memcmp(points[4], identity, 32) != 0);
}

void qn_check_signature_torsion_and_small_order(void **subject)
{
    struct qn_check_signature *it = *subject;
    uint8_t points[8][32], a[32], r[32], zero[32] = {0};

    it->count = 0;
    torsion_fill(points);
    scalar_fill(it, a);
    scalar_fill(it, r);
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            crafted(it, a, r, points[i], points[j]);
            crafted(it, a, zero, points[i], points[j]);
            crafted(it, zero, r, points[i], points[j]);
            crafted(it, zero, zero, points[i], points[j]);
        }
    }
    /* The key must be of prime order; R may have any part of small order, if it has another. */
    QN_CHECK(judge(it) == 8);
}

/* Puts S + `times`*L where S was; false: it has over 256 bits. */
static bool scalar_lift(uint8_t *s, int times)
{
    for (int i = 0; i < times; i++) {
        unsigned int carry = 0;

        for (int j = 0; j < 32; j++) {
            carry += (unsigned int)s[j] + order[j];
            s[j] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0) {
            return false;
        }
    }
    return true;
}

/* Points with y in 2^255 - 19 .. 2^255 - 1, and 1 and -1 with the sign of x where x is 0. Those of
 * small order pass the equation, so that only their encoding speaks against them. */
static void odd_encodings(struct qn_check_signature *it, const uint8_t *a, const uint8_t *r)
{
    static const uint8_t zero[32] = {0};
    uint8_t odd[32];

    for (unsigned int low = 0xec; low <= 0xff; low++) {
        for (unsigned int sign = 0; sign <= 0x80; sign += 0x80) {
            memcpy(odd, prime, sizeof odd);
            odd[0] = (uint8_t)low;
            odd[31] = (uint8_t)(0x7f | sign);
            crafted(it, zero, r, odd, identity);
            crafted(it, a, zero, identity, odd);
        }
    }
    memcpy(odd, identity, sizeof odd);
    odd[31] = 0x80;
    crafted(it, zero, r, odd, identity);
    crafted(it, a, zero, identity, odd);
}

void qn_check_signature_non_canonical_encodings(void **subject)
{
    struct qn_check_signature *it = *subject;
    uint8_t a[32], r[32];

    it->count = 0;
    scalar_fill(it, a);
    scalar_fill(it, r);
    odd_encodings(it, a, r);
    QN_CHECK(judge(it) == 0);

    it->count = 0;

    struct trial first = *honest(it, 4);

    for (int times = 1; times < 16; times++) {
        struct trial *trial = trial_new(it);

        *trial = first;
        if (!scalar_lift(trial->sig + 32, times)) {
            it->count--;
            break;
        }
    }
    QN_CHECK(it->count > 8);
    QN_CHECK(judge(it) == 1);
}

/* Good and bad ones of all sorts, in an order without pattern. */
static void mixture(struct qn_check_signature *it)
{
    uint8_t points[8][32], a[32], r[32];

    it->count = 0;
    torsion_fill(points);
    scalar_fill(it, a);
    scalar_fill(it, r);
    for (uint32_t i = 0; i < 61; i++) {
        uint64_t chance = qn_check_random(&it->seed) >> 32;

        if (chance % 4 == 0) {
            crafted(it, a, r, points[chance / 4 % 2], points[chance / 8 % 8]);
        } else {
            struct trial *trial = honest(it, (uint8_t)(i % ROOM));

            trial->sig[chance / 8 % 64] ^= (uint8_t)(chance % 4 == 1);
        }
    }
}

/* The trials from `first` up to `end` in one call; their bits go where they stand. */
static void verify_some(struct qn_check_signature *it, uint32_t first, uint32_t end,
                        uint8_t *verdicts)
{
    struct qn_signature_item items[ROOM] = {{.key = NULL}};
    uint8_t bitmap[ROOM / 8];

    for (uint32_t i = first; i < end; i++) {
        items[i - first] = item_of(&it->trials[i], 0);
    }
    QN_CHECK(it->slots->verify_batch(it->inst, 0, items, end - first, bitmap) == QN_OK);
    for (uint32_t i = first; i < end; i++) {
        verdicts[i] = bit_is(bitmap, i - first);
    }
}

void qn_check_signature_any_split_same_bitmap(void **subject)
{
    struct qn_check_signature *it = *subject;
    uint8_t whole[ROOM], parts[ROOM];

    mixture(it);
    QN_CHECK(it->count <= ROOM && judge(it) > 0);
    verify_some(it, 0, it->count, whole);
    for (uint32_t size = 1; size < it->count; size += 1 + size / 2) {
        for (uint32_t at = 0; at < it->count; at += size) {
            verify_some(it, at, at + size < it->count ? at + size : it->count, parts);
        }
        QN_CHECK(memcmp(whole, parts, it->count) == 0);
    }
    QN_CHECK(it->slots->verify_batch(it->inst, 0, NULL, 0, parts) == QN_OK);
}

void qn_check_signature_keys(void **subject)
{
    struct qn_check_signature *it = *subject;
    uint8_t points[8][32], keys[96][32], bitmap[12], a[32];
    uint32_t count = 0;

    torsion_fill(points);
    for (int i = 0; i < 8; i++) {
        memcpy(keys[count++], points[i], 32);
        scalar_fill(it, a);
        multiply_base(keys[count], a);
        QN_CHECK(point_add(keys[count], keys[count], points[i]));
        count++;
    }
    for (unsigned int low = 0xec; low <= 0xff; low++) {
        memcpy(keys[count], prime, 32);
        keys[count++][0] = (uint8_t)low;
    }
    while (count < 96) {
        bytes_fill(it, keys[count++], 32); /* half are no points, most others not of prime order */
    }
    memset(bitmap, 0xa5, sizeof bitmap);
    QN_CHECK(it->slots->check_keys(it->inst, 0, keys[0], count, bitmap) == QN_OK);
    QN_CHECK(bit_is(bitmap, 1));
    for (uint32_t i = 0; i < count; i++) {
        QN_CHECK(bit_is(bitmap, i) == is_key(it, keys[i]));
    }
}

/* One thread's lane, and whether all went well: only the case's own thread may fail it. */
struct worker {
    struct qn_check_signature *it;
    const uint8_t *expected; /* bitmap of the trials */
    uint32_t lane;
    bool is_right;
};

static void *lane_run(void *context)
{
    struct worker *worker = context;
    struct qn_check_signature *it = worker->it;
    struct qn_signature_item items[ROOM];
    uint8_t bitmap[ROOM / 8] = {0};

    worker->is_right = true;
    for (int round = 0; round < THREAD_BATCHES; round++) {
        for (uint32_t i = 0; i < it->count; i++) {
            items[i] = item_of(&it->trials[i], 0);
        }
        worker->is_right =
            worker->is_right &&
            it->slots->verify_batch(it->inst, worker->lane, items, it->count, bitmap) == QN_OK &&
            memcmp(bitmap, worker->expected, (it->count + 7) / 8) == 0;
    }
    return NULL;
}

void qn_check_signature_lanes_share_nothing(void **subject)
{
    struct qn_check_signature *it = *subject;
    struct worker workers[LANES_MAX];
    pthread_t threads[LANES_MAX];
    uint8_t expected[ROOM / 8] = {0};
    uint32_t lanes = it->given.lanes;

    QN_CHECK(lanes >= 1 && lanes <= LANES_MAX);
    mixture(it);
    it->count = 16;
    for (uint32_t i = 0; i < it->count; i++) {
        expected[i / 8] |= (uint8_t)(rule(it, &it->trials[i]) << i % 8);
    }
    for (uint32_t i = 0; i < lanes; i++) {
        workers[i] = (struct worker){it, expected, i, false};
        QN_CHECK(pthread_create(&threads[i], NULL, lane_run, &workers[i]) == 0);
    }
    for (uint32_t i = 0; i < lanes; i++) {
        QN_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < lanes; i++) {
        QN_CHECK(workers[i].is_right);
    }
}
