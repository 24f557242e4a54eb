/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/random.h"
#include "kernel/host/session.h"

/* Two nodes of one network and a session between them, from its first frame on. */
struct pair {
    struct qnk_session_identity alice_is, bob_is;
    struct qnk_session alice, bob; /* Alice has dialled */
    struct qnk_session_frame alice_proof, bob_proof;
};

static const struct qnk_hash network = {.bytes = {0x5b, 0x1f, 7}};

static void identity_make(struct qnk_session_identity *identity, uint8_t seed_byte,
                          const char *compressor)
{
    uint8_t seed[32];

    memset(seed, seed_byte, sizeof seed);
    qnk_session_identity_init(identity, &network, seed, 2, compressor);
}

static void start(struct qnk_session *session, const struct qnk_session_identity *identity,
                  bool is_dialler, const struct qnk_hash *expected)
{
    uint8_t chance[32];

    qnk_random_system(chance, sizeof chance);
    qnk_session_init(session, identity, is_dialler, expected, chance);
}

static struct qn_span span_of(const struct qnk_session_frame *frame)
{
    return (struct qn_span){frame->bytes, frame->size};
}

static void pair_start(struct pair *pair)
{
    identity_make(&pair->alice_is, 1, "zstd");
    identity_make(&pair->bob_is, 2, "zstd");
    start(&pair->alice, &pair->alice_is, true, NULL);
    start(&pair->bob, &pair->bob_is, false, NULL);
}

static void greet(struct pair *pair)
{
    start(&pair->alice, &pair->alice_is, true, NULL);
    start(&pair->bob, &pair->bob_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair->alice, span_of(&pair->bob.hello), &pair->alice_proof),
                     QN_OK);
    assert_int_equal(qnk_session_take(&pair->bob, span_of(&pair->alice.hello), &pair->bob_proof),
                     QN_OK);
}

static void pair_greet(struct pair *pair)
{
    pair_start(pair);
    greet(pair);
}

static void pair_open(struct pair *pair)
{
    struct qnk_session_frame answer;

    pair_greet(pair);
    assert_int_equal(qnk_session_take(&pair->alice, span_of(&pair->bob_proof), &answer), QN_OK);
    assert_int_equal(answer.size, 0);
    assert_int_equal(qnk_session_take(&pair->bob, span_of(&pair->alice_proof), &answer), QN_OK);
    assert_int_equal(answer.size, 0);
    assert_int_equal(pair->alice.state, QNK_SESSION_OPEN);
    assert_int_equal(pair->bob.state, QNK_SESSION_OPEN);
}

/* Seals `size` bytes of `value` into `frame`. */
static struct qn_span seal(struct qnk_session *session, uint8_t *frame, uint64_t size,
                           uint8_t value)
{
    memset(frame + 1, value, size);
    qnk_session_seal(session, QNK_SESSION_DATA, frame, size);
    return (struct qn_span){frame, size + QNK_SESSION_SEAL};
}

static void assert_opens(struct qnk_session *session, struct qn_span sealed, uint8_t value)
{
    static uint8_t plain[1048576];
    enum qnk_session_kind kind = QNK_SESSION_SIGNAL;

    assert_int_equal(qnk_session_open(session, sealed, plain, &kind), QN_OK);
    assert_int_equal(kind, QNK_SESSION_DATA);
    for (uint64_t i = 0; i < sealed.size - QNK_SESSION_SEAL; i++) {
        assert_int_equal(plain[i], value);
    }
}

static void assert_does_not_open(struct qnk_session *session, struct qn_span sealed)
{
    uint8_t plain[4096];
    enum qnk_session_kind kind;

    assert_int_equal(qnk_session_open(session, sealed, plain, &kind), QN_PEER);
    assert_int_equal(session->state, QNK_SESSION_OVER);
    assert_int_equal(session->end.code, QNK_SESSION_UNPROVEN);
}

/* --- good handshakes --- */

static void two_strangers_prove_their_keys(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair);
    assert_memory_equal(pair.alice.peer.key.bytes, pair.bob_is.key, QN_KEY_SIZE);
    assert_memory_equal(pair.bob.peer.key.bytes, pair.alice_is.key, QN_KEY_SIZE);
    assert_int_equal(pair.alice.peer.node_type, 2);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_NO_CODE);
}

/* A signer of the validator whose seed is this byte, and its key. */
static struct qnk_signer *signer_make(uint8_t seed_byte, struct qnk_hash *key)
{
    static struct qnk_budget budget = {.limit = 1 << 24};
    struct qnk_signer *signer;
    struct qnk_key validator;
    uint8_t seed[32];

    memset(seed, seed_byte, sizeof seed);
    assert_int_equal(qnk_key_make(QNK_KEY_VALIDATOR, seed, &validator), QN_OK);
    assert_int_equal(qnk_signer_create(&budget, &validator, &signer), QN_OK);
    *key = validator.public;
    qnk_key_done(&validator);
    return signer;
}

static void who_has_a_validators_key_proves_that_too(void **state)
{
    struct qnk_session_frame answer;
    struct qnk_hash key;
    struct qnk_signer *signer = signer_make(7, &key);
    struct pair pair;

    (void)state;
    pair_start(&pair);
    qnk_session_identity_validator(&pair.alice_is, signer, &key);
    greet(&pair);
    assert_true(qnk_hash_is_zero(&pair.bob.peer.validator));
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer), QN_OK);
    assert_true(qnk_hash_equal(&pair.bob.peer.validator, &key));
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob_proof), &answer), QN_OK);
    assert_true(qnk_hash_is_zero(&pair.alice.peer.validator));
    qnk_signer_destroy(signer);
}

static void who_claims_anothers_validator_key_is_refused(void **state)
{
    struct qnk_session_frame answer;
    struct qnk_hash key, other;
    struct qnk_signer *signer = signer_make(7, &key);
    struct pair pair;

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        if (i == 0) { /* a true signature, of another key; then one without a key */
            qnk_signer_destroy(signer_make(8, &other));
        } else {
            other = (struct qnk_hash){0};
        }
        pair_start(&pair);
        qnk_session_identity_validator(&pair.alice_is, signer, &other);
        greet(&pair);
        assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer), QN_PEER);
        assert_int_equal(pair.bob.end.code, QNK_SESSION_UNPROVEN);
    }
    qnk_signer_destroy(signer);
}

static void who_is_expected_is_let_in(void **state)
{
    struct pair pair;
    struct qnk_hash bob;
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    memcpy(bob.bytes, pair.bob_is.key, QN_KEY_SIZE);
    start(&pair.alice, &pair.alice_is, true, &bob);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_OK);
}

static void compressors_are_agreed_on_only_if_both_have_them(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair);
    assert_int_equal(pair.alice.peer.agreed_count, 1);
    assert_int_equal(pair.bob.peer.agreed_count, 1);

    pair_start(&pair);
    identity_make(&pair.bob_is, 2, "lz4");
    start(&pair.bob, &pair.bob_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &pair.alice_proof),
                     QN_OK);
    assert_int_equal(pair.alice.peer.agreed_count, 0);
}

static void the_diallers_order_of_compressors_counts(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    pair.alice_is.compressors_count = 3;
    pair.alice_is.compressors[0] = "a";
    pair.alice_is.compressors[1] = "b";
    pair.alice_is.compressors[2] = "c";
    pair.bob_is.compressors_count = 3;
    pair.bob_is.compressors[0] = "c";
    pair.bob_is.compressors[1] = "x";
    pair.bob_is.compressors[2] = "b";
    start(&pair.alice, &pair.alice_is, true, NULL);
    start(&pair.bob, &pair.bob_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_OK);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice.hello), &answer), QN_OK);
    assert_int_equal(pair.alice.peer.agreed_count, 2);
    assert_int_equal(pair.bob.peer.agreed_count, 2);
    assert_int_equal(pair.alice.peer.agreed[0], 1); /* b */
    assert_int_equal(pair.bob.peer.agreed[0], 2);
    assert_int_equal(pair.alice.peer.agreed[1], 2); /* c */
    assert_int_equal(pair.bob.peer.agreed[1], 0);
}

/* --- bad handshakes --- */

static void another_network_is_said_to_both_sides(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer, nothing;

    (void)state;
    pair_start(&pair);
    pair.bob_is.chain_id.bytes[0] = 0x7c;
    start(&pair.bob, &pair.bob_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_OTHER_CHAIN);
    assert_false(pair.alice.end.by_peer);
    assert_string_equal(pair.alice.end.text,
                        "is on network 7c1f0700, we are on 5b1f0700: the network files differ, "
                        "see qnet network diff");
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&answer), &nothing), QN_PEER);
    assert_int_equal(nothing.size, 0);
    assert_int_equal(pair.bob.end.code, QNK_SESSION_OTHER_CHAIN);
    assert_true(pair.bob.end.by_peer);
    assert_string_equal(pair.bob.end.text,
                        "you are on network 7c1f0700, we are on 5b1f0700: the network files "
                        "differ, see qnet network diff");
}

static void another_version_is_said_to_both_sides(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer, nothing;
    /* Of a later version we know no more than this: all that follows may be anything. */
    static const uint8_t later[] = {'q', 'n', 'e', 't', 1, 9, 0, 255, 255, 255};

    (void)state;
    pair_start(&pair);
    assert_int_equal(qnk_session_take(&pair.alice, (struct qn_span){later, sizeof later}, &answer),
                     QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_OTHER_VERSION);
    assert_string_equal(pair.alice.end.text, "speaks version 9, we speak 2");
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&answer), &nothing), QN_PEER);
    assert_string_equal(pair.bob.end.text, "you speak version 9, we speak 2");
}

static void another_key_than_the_pinned_one_is_refused(void **state)
{
    struct pair pair;
    struct qnk_hash carol = {.bytes = {3}};
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    start(&pair.alice, &pair.alice_is, true, &carol);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_OTHER_KEY);
}

static void our_own_key_is_refused(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    start(&pair.bob, &pair.alice_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_OURSELVES);
}

static void what_was_sent_cannot_be_sent_back(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.alice.hello), &answer), QN_PEER);

    pair_greet(&pair);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.alice_proof), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_UNPROVEN);

    /* Two diallers, or two listeners, with honest keys. */
    pair_start(&pair);
    start(&pair.bob, &pair.bob_is, true, NULL);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_MALFORMED);
}

static void frames_of_an_older_session_prove_nothing(void **state)
{
    struct pair older, pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_open(&older);
    pair_start(&pair);
    /* The hello may be repeated by anybody; the proof to it is of other ephemeral keys. */
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&older.alice.hello), &answer), QN_OK);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&older.alice_proof), &answer), QN_PEER);
    assert_int_equal(pair.bob.end.code, QNK_SESSION_UNPROVEN);
}

/* Mallory sits between both, with ephemeral keys of her own for each side. */
static void who_changes_ephemeral_keys_is_found_out(void **state)
{
    enum { EPHEMERAL_AT = 4 + 1 + 2 + 1 + 1 + 8 + 32 + 32 };
    struct pair pair;
    struct qnk_session_frame hello, answer, forged;
    uint8_t public[32], secret[32], rx[32], tx[32];
    uint8_t seed[32] = {9};
    crypto_secretstream_xchacha20poly1305_state push;

    (void)state;
    pair_start(&pair);
    crypto_kx_seed_keypair(public, secret, seed);
    hello = pair.bob.hello;
    memcpy(hello.bytes + EPHEMERAL_AT, public, sizeof public);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&hello), &answer), QN_OK);
    assert_int_equal(crypto_kx_server_session_keys(rx, tx, public, secret, pair.alice.ephemeral),
                     0);
    /* She can seal, as the keys are hers, but has no signature of Bob's. */
    memcpy(forged.bytes, answer.bytes, 5);
    crypto_secretstream_xchacha20poly1305_init_push(&push, forged.bytes + 5, tx);
    crypto_secretstream_xchacha20poly1305_push(&push, forged.bytes + 5 + 24, NULL, seed, 0, NULL, 0,
                                               0);
    uint8_t signature[64] = {1};

    crypto_secretstream_xchacha20poly1305_init_push(&push, forged.bytes + 5, tx);
    crypto_secretstream_xchacha20poly1305_push(&push, forged.bytes + 5 + 24, NULL, signature,
                                               sizeof signature, NULL, 0, 0);
    forged.size = answer.size;
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&forged), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_UNPROVEN);
}

static void a_weak_ephemeral_key_is_refused(void **state)
{
    enum { EPHEMERAL_AT = 4 + 1 + 2 + 1 + 1 + 8 + 32 + 32 };
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_start(&pair);
    memset(pair.bob.hello.bytes + EPHEMERAL_AT, 0, 32);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &answer), QN_PEER);
    assert_int_equal(pair.alice.end.code, QNK_SESSION_MALFORMED);
}

/* Whether Bob opens the session though one bit of Alice's hello, or of her proof, is another. */
static bool opens_in_spite_of(uint64_t hello_bit, uint64_t proof_bit)
{
    struct pair pair;
    struct qnk_session_frame answer;
    bool is_open;

    pair_start(&pair);
    assert_int_equal(qnk_session_take(&pair.alice, span_of(&pair.bob.hello), &pair.alice_proof),
                     QN_OK);
    if (hello_bit != UINT64_MAX) {
        pair.alice.hello.bytes[hello_bit / 8] ^= (uint8_t)(1u << hello_bit % 8);
    }
    if (proof_bit != UINT64_MAX) {
        pair.alice_proof.bytes[proof_bit / 8] ^= (uint8_t)(1u << proof_bit % 8);
    }
    is_open = qnk_session_take(&pair.bob, span_of(&pair.alice.hello), &answer) == QN_OK &&
              qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer) == QN_OK;
    assert_int_equal(pair.bob.state, is_open ? QNK_SESSION_OPEN : QNK_SESSION_OVER);
    return is_open;
}

static void any_flipped_bit_of_a_handshake_ends_it(void **state)
{
    struct pair pair;

    (void)state;
    pair_greet(&pair);
    assert_true(opens_in_spite_of(UINT64_MAX, UINT64_MAX));
    for (uint64_t bit = 0; bit < pair.alice.hello.size * 8; bit++) {
        assert_false(opens_in_spite_of(bit, UINT64_MAX));
    }
    for (uint64_t bit = 0; bit < pair.alice_proof.size * 8; bit++) {
        assert_false(opens_in_spite_of(UINT64_MAX, bit));
    }
}

static void a_handshake_cut_anywhere_is_refused(void **state)
{
    struct pair pair, cut;
    struct qnk_session_frame answer;

    (void)state;
    pair_greet(&pair);
    for (uint64_t size = 0; size < pair.alice.hello.size; size++) {
        cut = pair;
        start(&cut.bob, &cut.bob_is, false, NULL);
        cut.alice.hello.size = size;
        assert_int_equal(qnk_session_take(&cut.bob, span_of(&cut.alice.hello), &answer), QN_PEER);
        assert_int_equal(cut.bob.state, QNK_SESSION_OVER);
    }
    for (uint64_t size = 0; size < pair.alice_proof.size; size++) {
        cut = pair;
        cut.alice_proof.size = size;
        assert_int_equal(qnk_session_take(&cut.bob, span_of(&cut.alice_proof), &answer), QN_PEER);
    }
}

static void bytes_after_a_handshake_frame_are_refused(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_greet(&pair);
    pair.alice_proof.bytes[pair.alice_proof.size++] = 0;
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer), QN_PEER);
    start(&pair.bob, &pair.bob_is, false, NULL);
    pair.alice.hello.bytes[pair.alice.hello.size++] = 0;
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice.hello), &answer), QN_PEER);
}

static void an_oversize_frame_is_refused_unread(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;
    uint8_t *large = calloc(1, 1048576);

    (void)state;
    assert_non_null(large);
    pair_start(&pair);
    memcpy(large, pair.alice.hello.bytes, pair.alice.hello.size);
    assert_int_equal(qnk_session_take(&pair.bob, (struct qn_span){large, 1048576}, &answer),
                     QN_PEER);
    assert_int_equal(pair.bob.end.code, QNK_SESSION_MALFORMED);
    free(large);
}

static void frames_out_of_turn_are_refused(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;

    (void)state;
    pair_greet(&pair);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice.hello), &answer), QN_PEER);
    start(&pair.bob, &pair.bob_is, false, NULL);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer), QN_PEER);
}

static void random_bytes_never_open_a_session(void **state)
{
    struct qnk_random random;
    struct pair pair;
    struct qnk_session_frame answer;
    uint8_t bytes[QNK_SESSION_HANDSHAKE_MAX + 16];

    (void)state;
    qnk_random_init(&random, 7);
    for (uint32_t i = 0; i < 2000; i++) {
        uint64_t size = qnk_random_below(&random, sizeof bytes);

        qnk_random_bytes(&random, bytes, size);
        if (i % 2 == 0 && size > 7) {
            memcpy(bytes, "qnet\1\1\0", 7);
        }
        pair_start(&pair);
        assert_int_equal(qnk_session_take(&pair.bob, (struct qn_span){bytes, size}, &answer),
                         QN_PEER);
    }
}

/* --- messages --- */

static void messages_of_every_size_pass_both_ways(void **state)
{
    static const uint64_t sizes[] = {0, 1, 12, 4095, 1048576 - QNK_SESSION_SEAL};
    uint8_t *frame = malloc(1048576);
    struct pair pair;

    (void)state;
    assert_non_null(frame);
    pair_open(&pair);
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_opens(&pair.bob, seal(&pair.alice, frame, sizes[i], (uint8_t)i), (uint8_t)i);
        assert_opens(&pair.alice, seal(&pair.bob, frame, sizes[i], (uint8_t)(i + 9)),
                     (uint8_t)(i + 9));
    }
    free(frame);
}

static void a_message_twice_ends_the_session(void **state)
{
    struct pair pair;
    uint8_t frame[100];
    struct qn_span sealed;

    (void)state;
    pair_open(&pair);
    sealed = seal(&pair.alice, frame, 50, 1);
    assert_opens(&pair.bob, sealed, 1);
    assert_does_not_open(&pair.bob, sealed);
}

static void a_missing_message_ends_the_session(void **state)
{
    struct pair pair;
    uint8_t first[100], second[100];

    (void)state;
    pair_open(&pair);
    (void)seal(&pair.alice, first, 50, 1);
    assert_does_not_open(&pair.bob, seal(&pair.alice, second, 50, 2));
}

static void a_message_sent_back_ends_the_session(void **state)
{
    struct pair pair;
    uint8_t frame[100];

    (void)state;
    pair_open(&pair);
    assert_does_not_open(&pair.alice, seal(&pair.alice, frame, 50, 1));
}

static void a_changed_message_ends_the_session(void **state)
{
    struct pair pair, copy;
    uint8_t frame[64];
    struct qn_span sealed;

    (void)state;
    pair_open(&pair);
    sealed = seal(&pair.alice, frame, 40, 1);
    for (uint64_t bit = 0; bit < sealed.size * 8; bit++) {
        copy = pair;
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_does_not_open(&copy.bob, sealed);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint64_t size = 0; size < sealed.size; size++) {
        copy = pair;
        assert_does_not_open(&copy.bob, (struct qn_span){frame, size});
    }
    assert_opens(&pair.bob, sealed, 1);
}

static void keys_change_and_the_stream_goes_on(void **state)
{
    struct pair pair;
    uint8_t frame[32];
    uint8_t key[sizeof pair.alice.push.k];

    (void)state;
    pair_open(&pair);
    memcpy(key, pair.alice.push.k, sizeof key);
    for (uint32_t i = 0; i < QNK_SESSION_REKEY_MESSAGES + 10; i++) {
        struct qn_span sealed = seal(&pair.alice, frame, 8, 5);
        uint8_t plain[8];
        enum qnk_session_kind kind;

        assert_int_equal(qnk_session_open(&pair.bob, sealed, plain, &kind), QN_OK);
    }
    assert_memory_not_equal(key, pair.alice.push.k, sizeof key);
}

static void signals_are_told_from_data(void **state)
{
    struct pair pair;
    uint8_t frame[32] = {0};
    uint8_t plain[32];
    enum qnk_session_kind kind = QNK_SESSION_DATA;

    (void)state;
    pair_open(&pair);
    qnk_session_seal(&pair.alice, QNK_SESSION_SIGNAL, frame, 9);
    assert_int_equal(
        qnk_session_open(&pair.bob, (struct qn_span){frame, 9 + QNK_SESSION_SEAL}, plain, &kind),
        QN_OK);
    assert_int_equal(kind, QNK_SESSION_SIGNAL);
}

static void a_farewell_says_why_and_is_the_last(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer;
    uint8_t plain[QNK_SESSION_HANDSHAKE_MAX];
    enum qnk_session_kind kind = QNK_SESSION_DATA;

    (void)state;
    pair_open(&pair);
    qnk_session_refuse(&pair.alice, QNK_SESSION_BANNED, "banned: bad blocks", &answer);
    assert_int_equal(pair.alice.state, QNK_SESSION_OVER);
    assert_int_equal(qnk_session_open(&pair.bob, span_of(&answer), plain, &kind), QN_OK);
    assert_int_equal(kind, QNK_SESSION_FAREWELL);
    assert_int_equal(pair.bob.state, QNK_SESSION_OVER);
    assert_true(pair.bob.end.by_peer);
    assert_int_equal(pair.bob.end.code, QNK_SESSION_BANNED);
    assert_string_equal(pair.bob.end.text, "banned: bad blocks");
}

/* Its proof is on the way and is read first, so the refusal is the stream's second message. */
static void a_refusal_after_the_own_proof_is_sealed(void **state)
{
    struct pair pair;
    struct qnk_session_frame refusal, answer;
    uint8_t plain[QNK_SESSION_HANDSHAKE_MAX];
    enum qnk_session_kind kind = QNK_SESSION_DATA;

    (void)state;
    pair_greet(&pair);
    qnk_session_refuse(&pair.alice, QNK_SESSION_FULL, "full", &refusal);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&pair.alice_proof), &answer), QN_OK);
    assert_int_equal(qnk_session_open(&pair.bob, span_of(&refusal), plain, &kind), QN_OK);
    assert_int_equal(kind, QNK_SESSION_FAREWELL);
    assert_int_equal(pair.bob.end.code, QNK_SESSION_FULL);
}

static void a_long_reason_is_cut(void **state)
{
    char text[400];
    struct pair pair;
    struct qnk_session_frame answer, nothing;

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    pair_start(&pair);
    qnk_session_refuse(&pair.alice, QNK_SESSION_FULL, text, &answer);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&answer), &nothing), QN_PEER);
    assert_int_equal(strlen(pair.bob.end.text), QNK_SESSION_TEXT_MAX);
}

static void a_reason_from_outside_is_made_plain(void **state)
{
    struct pair pair;
    struct qnk_session_frame answer, nothing;

    (void)state;
    pair_start(&pair);
    qnk_session_refuse(&pair.alice, QNK_SESSION_FULL, "a\nlevel=error\x80\x1b[0m", &answer);
    assert_int_equal(qnk_session_take(&pair.bob, span_of(&answer), &nothing), QN_PEER);
    assert_string_equal(pair.bob.end.text, "a?level=error??[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_strangers_prove_their_keys),
        cmocka_unit_test(who_has_a_validators_key_proves_that_too),
        cmocka_unit_test(who_claims_anothers_validator_key_is_refused),
        cmocka_unit_test(who_is_expected_is_let_in),
        cmocka_unit_test(compressors_are_agreed_on_only_if_both_have_them),
        cmocka_unit_test(the_diallers_order_of_compressors_counts),
        cmocka_unit_test(another_network_is_said_to_both_sides),
        cmocka_unit_test(another_version_is_said_to_both_sides),
        cmocka_unit_test(another_key_than_the_pinned_one_is_refused),
        cmocka_unit_test(our_own_key_is_refused),
        cmocka_unit_test(what_was_sent_cannot_be_sent_back),
        cmocka_unit_test(frames_of_an_older_session_prove_nothing),
        cmocka_unit_test(who_changes_ephemeral_keys_is_found_out),
        cmocka_unit_test(a_weak_ephemeral_key_is_refused),
        cmocka_unit_test(any_flipped_bit_of_a_handshake_ends_it),
        cmocka_unit_test(a_handshake_cut_anywhere_is_refused),
        cmocka_unit_test(bytes_after_a_handshake_frame_are_refused),
        cmocka_unit_test(an_oversize_frame_is_refused_unread),
        cmocka_unit_test(frames_out_of_turn_are_refused),
        cmocka_unit_test(random_bytes_never_open_a_session),
        cmocka_unit_test(messages_of_every_size_pass_both_ways),
        cmocka_unit_test(a_message_twice_ends_the_session),
        cmocka_unit_test(a_missing_message_ends_the_session),
        cmocka_unit_test(a_message_sent_back_ends_the_session),
        cmocka_unit_test(a_changed_message_ends_the_session),
        cmocka_unit_test(keys_change_and_the_stream_goes_on),
        cmocka_unit_test(signals_are_told_from_data),
        cmocka_unit_test(a_farewell_says_why_and_is_the_last),
        cmocka_unit_test(a_refusal_after_the_own_proof_is_sealed),
        cmocka_unit_test(a_long_reason_is_cut),
        cmocka_unit_test(a_reason_from_outside_is_made_plain),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
