/* SPDX-License-Identifier: MIT */

#include "kernel/host/session.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/chain/tags.h"

enum {
    KIND_HELLO = 1,
    KIND_PROOF = 2,
    KIND_REFUSAL = 3,
    ROLE_DIALLER = 1,
    ROLE_LISTENER = 2,
    HELLO_FIXED = 4 + 1 + 2 + 1 + 1 + 8 + 32 + 32 + 32 + 1,
    STREAM_HEADER = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    PROOF_PLAIN = QN_SIG_SIZE + QN_KEY_SIZE + QN_SIG_SIZE,
    PROOF_SIZE = 4 + 1 + STREAM_HEADER + PROOF_PLAIN + QNK_SESSION_SEAL,
    NETWORK_DIGITS = 4, /* bytes of a chain id that people are shown */
};

_Static_assert(HELLO_FIXED + QNK_SESSION_COMPRESSORS_MAX * (1 + QNK_SESSION_NAME_MAX) <=
                   QNK_SESSION_HANDSHAKE_MAX,
               "a hello fits");
_Static_assert((int)PROOF_SIZE <= (int)QNK_SESSION_HANDSHAKE_MAX, "a proof fits");
_Static_assert(1 + QNK_SESSION_TEXT_MAX + 5 + QNK_SESSION_SEAL <= QNK_SESSION_HANDSHAKE_MAX,
               "a refusal fits");

static const uint8_t magic[4] = {'q', 'n', 'e', 't'};

/* --- identity --- */

void qnk_session_identity_init(struct qnk_session_identity *identity,
                               const struct qnk_hash *chain_id, const uint8_t *seed,
                               uint8_t node_type, const char *compressor)
{
    *identity = (struct qnk_session_identity){.chain_id = *chain_id, .node_type = node_type};
    (void)crypto_sign_seed_keypair(identity->key, identity->secret, seed);
    if (compressor != NULL && compressor[0] != 0) {
        QN_ASSERT(strlen(compressor) <= QNK_SESSION_NAME_MAX);
        identity->compressors[identity->compressors_count++] = compressor;
    }
}

void qnk_session_identity_validator(struct qnk_session_identity *identity,
                                    const struct qnk_signer *signer,
                                    const struct qnk_hash *validator)
{
    identity->signer = signer;
    identity->validator = signer != NULL ? *validator : (struct qnk_hash){0};
}

void qnk_session_identity_done(struct qnk_session_identity *identity)
{
    sodium_memzero(identity, sizeof *identity);
}

/* --- ends --- */

const char *qnk_session_code_text(enum qnk_session_code code)
{
    switch (code) {
    case QNK_SESSION_NO_CODE:
        return "";
    case QNK_SESSION_MALFORMED:
        return "malformed";
    case QNK_SESSION_OTHER_VERSION:
        return "another version";
    case QNK_SESSION_OTHER_CHAIN:
        return "another network";
    case QNK_SESSION_OTHER_KEY:
        return "another key";
    case QNK_SESSION_OURSELVES:
        return "ourselves";
    case QNK_SESSION_UNPROVEN:
        return "unproven";
    case QNK_SESSION_BANNED:
        return "banned";
    case QNK_SESSION_FULL:
        return "full";
    case QNK_SESSION_DUPLICATE:
        return "duplicate";
    case QNK_SESSION_SLOW:
        return "slow";
    case QNK_SESSION_STOPPING:
        return "stopping";
    case QNK_SESSION_REMOVED:
        return "removed";
    case QNK_SESSION_CODES:
        break;
    }
    return "unknown";
}

/* What code and text a refusal or a farewell has. False: it is none. */
static bool end_read(struct qnk_reader *reader, struct qnk_session_end *end)
{
    uint8_t code = qnk_reader_u8(reader);
    struct qn_span text = qnk_reader_span(reader, reader->left);

    if (reader->failed || text.size > QNK_SESSION_TEXT_MAX) {
        return false;
    }
    *end = (struct qnk_session_end){.by_peer = true};
    end->code = code < QNK_SESSION_CODES ? (enum qnk_session_code)code : QNK_SESSION_NO_CODE;
    for (uint64_t i = 0; i < text.size; i++) {
        /* It will stand in logs and answers: only what is plain ASCII there. */
        end->text[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? (char)text.data[i] : '?';
    }
    return true;
}

void qnk_session_refuse(struct qnk_session *session, enum qnk_session_code code, const char *text,
                        struct qnk_session_frame *answer)
{
    /* Once the proof is sent, which the peer reads first, all that follows is of the stream. */
    bool is_open = session->state == QNK_SESSION_PROVING || session->state == QNK_SESSION_OPEN;
    struct qnk_writer writer = qnk_writer_init(answer->bytes, sizeof answer->bytes);
    uint64_t size = strlen(text);

    QN_ASSERT(session->state != QNK_SESSION_OVER);
    size = size < QNK_SESSION_TEXT_MAX ? size : QNK_SESSION_TEXT_MAX;
    if (is_open) {
        qnk_writer_zeros(&writer, 1); /* the seal's tag comes here */
    } else {
        qnk_writer_bytes(&writer, magic, sizeof magic);
        qnk_writer_u8(&writer, KIND_REFUSAL);
    }
    qnk_writer_u8(&writer, (uint8_t)code);
    qnk_writer_bytes(&writer, text, size);
    answer->size = sizeof answer->bytes - writer.room;
    if (is_open) {
        qnk_session_seal(session, QNK_SESSION_FAREWELL, answer->bytes, answer->size - 1);
        answer->size += QNK_SESSION_SEAL - 1;
    }
    session->end = (struct qnk_session_end){.code = code};
    memcpy(session->end.text, text, size);
    session->state = QNK_SESSION_OVER;
}

/* Refuses, and says to us in `own` what to the peer is told as `text`. */
static int32_t refuse(struct qnk_session *session, enum qnk_session_code code, const char *text,
                      const char *own, struct qnk_session_frame *answer)
{
    qnk_session_refuse(session, code, text, answer);
    qnk_text(session->end.text, sizeof session->end.text, "%s", own);
    return QN_PEER;
}

/* --- hello --- */

static void hello_write(struct qnk_session *session)
{
    const struct qnk_session_identity *identity = session->identity;
    struct qnk_writer writer = qnk_writer_init(session->hello.bytes, sizeof session->hello.bytes);

    qnk_writer_bytes(&writer, magic, sizeof magic);
    qnk_writer_u8(&writer, KIND_HELLO);
    qnk_writer_u16(&writer, QNK_SESSION_VERSION);
    qnk_writer_u8(&writer, session->is_dialler ? ROLE_DIALLER : ROLE_LISTENER);
    qnk_writer_u8(&writer, identity->node_type);
    qnk_writer_u64(&writer, 0);
    qnk_writer_bytes(&writer, identity->chain_id.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&writer, identity->key, QN_KEY_SIZE);
    qnk_writer_bytes(&writer, session->ephemeral, sizeof session->ephemeral);
    qnk_writer_u8(&writer, identity->compressors_count);
    for (uint32_t i = 0; i < identity->compressors_count; i++) {
        uint64_t size = strlen(identity->compressors[i]);

        qnk_writer_u8(&writer, (uint8_t)size);
        qnk_writer_bytes(&writer, identity->compressors[i], size);
    }
    session->hello.size = sizeof session->hello.bytes - writer.room;
}

void qnk_session_init(struct qnk_session *session, const struct qnk_session_identity *identity,
                      bool is_dialler, const struct qnk_hash *expected, const uint8_t chance[32])
{
    *session = (struct qnk_session){
        .identity = identity,
        .is_dialler = is_dialler,
        .offered = identity->compressors_count,
    };
    if (expected != NULL) {
        session->has_expected = true;
        session->expected = *expected;
    }
    (void)crypto_kx_seed_keypair(session->ephemeral, session->ephemeral_secret, chance);
    hello_write(session);
}

void qnk_session_done(struct qnk_session *session)
{
    sodium_memzero(session, sizeof *session);
}

struct hello {
    uint16_t version;
    uint8_t role;
    uint8_t node_type;
    uint64_t features;
    struct qnk_hash chain_id;
    struct qnk_hash key;
    uint8_t ephemeral[crypto_kx_PUBLICKEYBYTES];
    uint32_t names_count;
    struct qn_span names[QNK_SESSION_COMPRESSORS_MAX];
};

/* What follows on magic and kind. Of another version only the version is read. */
static bool hello_read(struct qnk_reader *reader, struct hello *hello)
{
    hello->version = qnk_reader_u16(reader);
    if (!reader->failed && hello->version != QNK_SESSION_VERSION) {
        return true;
    }
    hello->role = qnk_reader_u8(reader);
    hello->node_type = qnk_reader_u8(reader);
    hello->features = qnk_reader_u64(reader);
    qnk_reader_copy(reader, hello->chain_id.bytes, QN_HASH_SIZE);
    qnk_reader_copy(reader, hello->key.bytes, QN_KEY_SIZE);
    qnk_reader_copy(reader, hello->ephemeral, sizeof hello->ephemeral);
    hello->names_count = qnk_reader_u8(reader);
    if (hello->names_count > QNK_SESSION_COMPRESSORS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < hello->names_count; i++) {
        uint8_t size = qnk_reader_u8(reader);

        if (size == 0 || size > QNK_SESSION_NAME_MAX) {
            return false;
        }
        hello->names[i] = qnk_reader_span(reader, size);
    }
    return qnk_reader_done(reader);
}

static int32_t chain_refuse(struct qnk_session *session, const struct hello *hello,
                            struct qnk_session_frame *answer)
{
    char theirs[QNK_HEX_SIZE(NETWORK_DIGITS)];
    char ours[QNK_HEX_SIZE(NETWORK_DIGITS)];
    char text[QNK_SESSION_TEXT_MAX + 1];
    char own[QNK_SESSION_TEXT_MAX + 1];

    qnk_hex_encode(hello->chain_id.bytes, NETWORK_DIGITS, theirs);
    qnk_hex_encode(session->identity->chain_id.bytes, NETWORK_DIGITS, ours);
    qnk_text(text, sizeof text,
             "you are on network %s, we are on %s: the network files differ, see qnet network diff",
             theirs, ours);
    qnk_text(own, sizeof own,
             "is on network %s, we are on %s: the network files differ, see qnet network diff",
             theirs, ours);
    return refuse(session, QNK_SESSION_OTHER_CHAIN, text, own, answer);
}

static int32_t version_refuse(struct qnk_session *session, uint16_t version,
                              struct qnk_session_frame *answer)
{
    char text[QNK_SESSION_TEXT_MAX + 1];
    char own[QNK_SESSION_TEXT_MAX + 1];

    qnk_text(text, sizeof text, "you speak version %u, we speak %u", (unsigned int)version,
             (unsigned int)QNK_SESSION_VERSION);
    qnk_text(own, sizeof own, "speaks version %u, we speak %u", (unsigned int)version,
             (unsigned int)QNK_SESSION_VERSION);
    return refuse(session, QNK_SESSION_OTHER_VERSION, text, own, answer);
}

/* Whether the hello is one that we go on with. */
static int32_t hello_check(struct qnk_session *session, const struct hello *hello,
                           struct qnk_session_frame *answer)
{
    const struct qnk_session_identity *identity = session->identity;

    if (hello->version != QNK_SESSION_VERSION) {
        return version_refuse(session, hello->version, answer);
    }
    if (!qnk_hash_equal(&hello->chain_id, &identity->chain_id)) {
        return chain_refuse(session, hello, answer);
    }
    if (memcmp(hello->key.bytes, identity->key, QN_KEY_SIZE) == 0) {
        return refuse(session, QNK_SESSION_OURSELVES, "your node key is ours",
                      "has our own node key: it is this node, or a copy of its key", answer);
    }
    if (hello->role != (session->is_dialler ? ROLE_LISTENER : ROLE_DIALLER)) {
        return refuse(session, QNK_SESSION_MALFORMED, "the wrong role", "claims the wrong role",
                      answer);
    }
    if (session->has_expected && !qnk_hash_equal(&session->expected, &hello->key)) {
        return refuse(session, QNK_SESSION_OTHER_KEY, "we expected another node key here",
                      "answers where another node key is pinned", answer);
    }
    return QN_OK;
}

/* --- what is agreed on --- */

static bool name_is(struct qn_span name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

static void agree_one(struct qnk_session *session, uint32_t own)
{
    struct qnk_session_peer *peer = &session->peer;

    for (uint32_t i = 0; i < peer->agreed_count; i++) {
        if (peer->agreed[i] == own) {
            return; /* named twice */
        }
    }
    peer->agreed[peer->agreed_count++] = (uint8_t)own;
}

/* The dialler's list without what the listener lacks. */
static void compressors_agree(struct qnk_session *session, const struct hello *hello)
{
    const struct qnk_session_identity *identity = session->identity;
    uint32_t outer = session->is_dialler ? session->offered : hello->names_count;
    uint32_t inner = session->is_dialler ? hello->names_count : session->offered;

    for (uint32_t i = 0; i < outer; i++) {
        for (uint32_t j = 0; j < inner; j++) {
            uint32_t own = session->is_dialler ? i : j;
            uint32_t theirs = session->is_dialler ? j : i;

            if (name_is(hello->names[theirs], identity->compressors[own])) {
                agree_one(session, own);
            }
        }
    }
}

static void transcript_make(struct qnk_session *session, struct qn_span theirs)
{
    struct qn_span ours = {session->hello.bytes, session->hello.size};
    struct qn_span hellos[2] = {session->is_dialler ? ours : theirs,
                                session->is_dialler ? theirs : ours};

    qnk_hash_parts(QNK_TAG_HANDSHAKE, hellos, 2, &session->transcript);
}

/* --- proof --- */

enum { TAG_MAX = 32, MESSAGE_MAX = TAG_MAX + QN_HASH_SIZE + 1 + QN_HASH_SIZE };

/* What a side signs: the tag of the key's purpose, the network, its role and both hellos. */
static struct qn_span message_write(const struct qnk_session *session, const char *tag,
                                    bool is_dialler, uint8_t message[MESSAGE_MAX])
{
    struct qnk_writer writer = qnk_writer_init(message, MESSAGE_MAX);

    qnk_writer_bytes(&writer, tag, strlen(tag));
    qnk_writer_bytes(&writer, session->identity->chain_id.bytes, QN_HASH_SIZE);
    qnk_writer_u8(&writer, is_dialler ? ROLE_DIALLER : ROLE_LISTENER);
    qnk_writer_bytes(&writer, session->transcript.bytes, QN_HASH_SIZE);
    return (struct qn_span){message, MESSAGE_MAX - writer.room};
}

/* False: the peer's ephemeral key is one of the few that give a known secret. */
static bool keys_make(struct qnk_session *session, const uint8_t *theirs,
                      uint8_t rx[crypto_kx_SESSIONKEYBYTES], uint8_t tx[crypto_kx_SESSIONKEYBYTES])
{
    int result = session->is_dialler
                     ? crypto_kx_client_session_keys(rx, tx, session->ephemeral,
                                                     session->ephemeral_secret, theirs)
                     : crypto_kx_server_session_keys(rx, tx, session->ephemeral,
                                                     session->ephemeral_secret, theirs);

    sodium_memzero(session->ephemeral_secret, sizeof session->ephemeral_secret);
    return result == 0;
}

static void proof_write(struct qnk_session *session, const uint8_t *tx,
                        struct qnk_session_frame *proof)
{
    const struct qnk_session_identity *identity = session->identity;
    struct qnk_writer writer = qnk_writer_init(proof->bytes, PROOF_SIZE);
    uint8_t message[MESSAGE_MAX];
    struct qn_span span;
    uint8_t *sealed, *plain;

    qnk_writer_bytes(&writer, magic, sizeof magic);
    qnk_writer_u8(&writer, KIND_PROOF);
    (void)crypto_secretstream_xchacha20poly1305_init_push(
        &session->push, qnk_writer_take(&writer, STREAM_HEADER), tx);
    sealed = qnk_writer_take(&writer, PROOF_PLAIN + QNK_SESSION_SEAL);
    plain = sealed + 1;
    memset(plain, 0, PROOF_PLAIN);
    span = message_write(session, QNK_TAG_HANDSHAKE, session->is_dialler, message);
    (void)crypto_sign_detached(plain, NULL, span.data, span.size, identity->secret);
    if (identity->signer != NULL) {
        span = message_write(session, QNK_TAG_MEMBER, session->is_dialler, message);
        memcpy(plain + QN_SIG_SIZE, identity->validator.bytes, QN_KEY_SIZE);
        qnk_signer_sign(identity->signer, span, plain + QN_SIG_SIZE + QN_KEY_SIZE);
    }
    qnk_session_seal(session, QNK_SESSION_DATA, sealed, PROOF_PLAIN);
    proof->size = PROOF_SIZE;
}

static int32_t hello_take(struct qnk_session *session, struct qn_span frame,
                          struct qnk_reader *reader, struct qnk_session_frame *answer)
{
    uint8_t rx[crypto_kx_SESSIONKEYBYTES];
    uint8_t tx[crypto_kx_SESSIONKEYBYTES];
    struct hello hello = {0};
    int32_t status;

    if (!hello_read(reader, &hello)) {
        return refuse(session, QNK_SESSION_MALFORMED, "that is no hello", "sent no valid hello",
                      answer);
    }
    session->peer = (struct qnk_session_peer){
        .key = hello.key, .node_type = hello.node_type, .features = hello.features};
    status = hello_check(session, &hello, answer);
    if (status != QN_OK) {
        return status;
    }
    if (!keys_make(session, hello.ephemeral, rx, tx)) {
        return refuse(session, QNK_SESSION_MALFORMED, "a weak ephemeral key",
                      "sent a weak ephemeral key", answer);
    }
    compressors_agree(session, &hello);
    transcript_make(session, frame);
    proof_write(session, tx, answer);
    /* The peer's stream header is not here yet: until then its key waits in the state. */
    memcpy(session->pull.k, rx, sizeof session->pull.k);
    sodium_memzero(rx, sizeof rx);
    sodium_memzero(tx, sizeof tx);
    session->state = QNK_SESSION_PROVING;
    return QN_OK;
}

static bool is_signed(const struct qnk_session *session, const char *tag, const uint8_t *signature,
                      const uint8_t *key)
{
    uint8_t message[MESSAGE_MAX];
    struct qn_span span = message_write(session, tag, !session->is_dialler, message);

    return crypto_sign_verify_detached(signature, span.data, span.size, key) == 0;
}

/* A key without a signature, or a signature without a key, is no proof. */
static bool validator_check(struct qnk_session *session, const uint8_t *key,
                            const uint8_t *signature)
{
    if (sodium_is_zero(key, QN_KEY_SIZE) && sodium_is_zero(signature, QN_SIG_SIZE)) {
        return true;
    }
    memcpy(session->peer.validator.bytes, key, QN_KEY_SIZE);
    return is_signed(session, QNK_TAG_MEMBER, signature, key);
}

/* False: wrong seal or wrong signature. */
static bool proof_check(struct qnk_session *session, const uint8_t *header, struct qn_span sealed)
{
    uint8_t rx[crypto_kx_SESSIONKEYBYTES];
    uint8_t plain[PROOF_PLAIN];
    enum qnk_session_kind kind;
    int32_t status;

    memcpy(rx, session->pull.k, sizeof rx);
    (void)crypto_secretstream_xchacha20poly1305_init_pull(&session->pull, header, rx);
    sodium_memzero(rx, sizeof rx);
    session->state = QNK_SESSION_OPEN; /* open() asks for it; the caller looks at the answer */
    status = qnk_session_open(session, sealed, plain, &kind);
    session->state = QNK_SESSION_PROVING;
    return status == QN_OK && kind == QNK_SESSION_DATA &&
           is_signed(session, QNK_TAG_HANDSHAKE, plain, session->peer.key.bytes) &&
           validator_check(session, plain + QN_SIG_SIZE, plain + QN_SIG_SIZE + QN_KEY_SIZE);
}

static int32_t proof_take(struct qnk_session *session, struct qnk_reader *reader,
                          struct qnk_session_frame *answer)
{
    const uint8_t *header = qnk_reader_bytes(reader, STREAM_HEADER);
    struct qn_span sealed = qnk_reader_span(reader, PROOF_PLAIN + QNK_SESSION_SEAL);

    if (!qnk_reader_done(reader)) {
        return refuse(session, QNK_SESSION_MALFORMED, "that is no proof", "sent no valid proof",
                      answer);
    }
    if (!proof_check(session, header, sealed)) {
        return refuse(session, QNK_SESSION_UNPROVEN, "your proof does not fit",
                      "did not prove its keys: a changed hello, or not its key", answer);
    }
    session->state = QNK_SESSION_OPEN;
    return QN_OK;
}

int32_t qnk_session_take(struct qnk_session *session, struct qn_span frame,
                         struct qnk_session_frame *answer)
{
    struct qnk_reader reader = qnk_reader_init(frame);
    const uint8_t *start = qnk_reader_bytes(&reader, sizeof magic);
    uint8_t kind = qnk_reader_u8(&reader);

    QN_ASSERT(session->state == QNK_SESSION_GREETING || session->state == QNK_SESSION_PROVING);
    answer->size = 0;
    if (frame.size > QNK_SESSION_HANDSHAKE_MAX || reader.failed ||
        memcmp(start, magic, sizeof magic) != 0) {
        return refuse(session, QNK_SESSION_MALFORMED, "that is no handshake of qnet",
                      "sent bytes that are no handshake of qnet", answer);
    }
    if (kind == KIND_REFUSAL && end_read(&reader, &session->end)) {
        session->state = QNK_SESSION_OVER;
        return QN_PEER;
    }
    if (kind == KIND_HELLO && session->state == QNK_SESSION_GREETING) {
        return hello_take(session, frame, &reader, answer);
    }
    if (kind == KIND_PROOF && session->state == QNK_SESSION_PROVING) {
        return proof_take(session, &reader, answer);
    }
    return refuse(session, QNK_SESSION_MALFORMED, "not now in a handshake",
                  "sent something else than its turn in the handshake", answer);
}

/* --- messages --- */

static uint8_t tag_for(struct qnk_session *session, enum qnk_session_kind kind, uint64_t size)
{
    switch (kind) {
    case QNK_SESSION_SIGNAL:
        return crypto_secretstream_xchacha20poly1305_TAG_PUSH;
    case QNK_SESSION_FAREWELL:
        return crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    case QNK_SESSION_DATA:
        break;
    }
    session->messages++;
    session->bytes += size;
    if (session->messages < QNK_SESSION_REKEY_MESSAGES &&
        session->bytes < QNK_SESSION_REKEY_BYTES) {
        return crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    }
    session->messages = 0;
    session->bytes = 0;
    return crypto_secretstream_xchacha20poly1305_TAG_REKEY;
}

void qnk_session_seal(struct qnk_session *session, enum qnk_session_kind kind, uint8_t *frame,
                      uint64_t size)
{
    uint8_t tag = tag_for(session, kind, size);

    QN_ASSERT(session->state != QNK_SESSION_OVER);
    /* In place: the stream cipher under it is one of xor, and session_test.c holds it to that. */
    (void)crypto_secretstream_xchacha20poly1305_push(&session->push, frame, NULL, frame + 1, size,
                                                     NULL, 0, tag);
}

static int32_t broken(struct qnk_session *session, enum qnk_session_code code, const char *text)
{
    session->end = (struct qnk_session_end){.code = code};
    qnk_text(session->end.text, sizeof session->end.text, "%s", text);
    session->state = QNK_SESSION_OVER;
    return QN_PEER;
}

/* The last message: why the peer ends the session. */
static int32_t farewell_take(struct qnk_session *session, struct qn_span plain)
{
    struct qnk_reader reader = qnk_reader_init(plain);

    if (!end_read(&reader, &session->end)) {
        return broken(session, QNK_SESSION_MALFORMED, "sent a farewell that is none");
    }
    session->state = QNK_SESSION_OVER;
    return QN_OK;
}

int32_t qnk_session_open(struct qnk_session *session, struct qn_span sealed, uint8_t *plain,
                         enum qnk_session_kind *kind)
{
    unsigned long long size = 0;
    uint8_t tag = 0;

    QN_ASSERT(session->state == QNK_SESSION_OPEN);
    if (sealed.size < QNK_SESSION_SEAL ||
        crypto_secretstream_xchacha20poly1305_pull(&session->pull, plain, &size, &tag, sealed.data,
                                                   sealed.size, NULL, 0) != 0) {
        return broken(session, QNK_SESSION_UNPROVEN, "sent a frame that is not its next");
    }
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
        *kind = QNK_SESSION_FAREWELL;
        return farewell_take(session, (struct qn_span){plain, size});
    }
    *kind = tag == crypto_secretstream_xchacha20poly1305_TAG_PUSH ? QNK_SESSION_SIGNAL
                                                                  : QNK_SESSION_DATA;
    return QN_OK;
}
