/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>
#include <qnet/record.h>

enum {
    ID = QNK_MINISIGN_ID_SIZE,
    KEY_BYTES = 2 + ID + QN_KEY_SIZE,
    SIGNATURE_BYTES = 2 + ID + QN_SIG_SIZE,
    SALT = 32,
    CHECK = 32,
    SEALED = ID + 64 + CHECK,             /* of a secret key, what scrypt's bytes lie on */
    SEALED_AT = 2 + 2 + 2 + SALT + 8 + 8, /* where that begins */
    SECRET_BYTES = SEALED_AT + SEALED,
    BASE64 = sodium_base64_VARIANT_ORIGINAL,
};

#define OPERATIONS UINT64_C(4194304)
#define MEMORY     UINT64_C(134217728)

static const char untrusted_prefix[] = "untrusted comment: ";
static const char trusted_prefix[] = "trusted comment: ";

_Static_assert(crypto_sign_SECRETKEYBYTES == 64, "secret keys");
_Static_assert(crypto_pwhash_scryptsalsa208sha256_SALTBYTES == SALT, "salts");

static int32_t refuse(const char *what, char why[QNK_PLUGIN_WHY_MAX])
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s", what);
    return QN_INVALID;
}

void qnk_minisign_forget(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

/* --- lines --- */

/* Takes a line off `rest`, without its end; the last one needs none. False: there is none. */
static bool line_take(struct qn_span *rest, struct qn_span *line)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    uint64_t size = end != NULL ? (uint64_t)(end - rest->data) : rest->size;
    uint64_t whole = end != NULL ? size + 1 : size;

    if (rest->size == 0) {
        return false;
    }
    *line = (struct qn_span){rest->data, size};
    rest->data += whole;
    rest->size -= whole;
    if (size > 0 && line->data[size - 1] == '\r') {
        line->size--;
    }
    return true;
}

static bool comment_take(struct qn_span *rest, const char *prefix, struct qn_span *comment)
{
    size_t size = strlen(prefix);
    struct qn_span line;

    if (!line_take(rest, &line) || line.size < size ||
        line.size > size + QNK_MINISIGN_COMMENT_MAX || memcmp(line.data, prefix, size) != 0 ||
        memchr(line.data, 0, line.size) != NULL) {
        return false;
    }
    *comment = (struct qn_span){line.data + size, line.size - size};
    return true;
}

/* A line of base64 that is just `size` bytes. */
static bool bytes_take(struct qn_span *rest, uint8_t *bytes, size_t size)
{
    struct qn_span line;
    size_t got = 0;

    return line_take(rest, &line) && line.size > 0 &&
           sodium_base642bin(bytes, size, (const char *)line.data, line.size, NULL, &got, NULL,
                             BASE64) == 0 &&
           got == size;
}

/* --- public keys --- */

int32_t qnk_minisign_key_read(struct qn_span text, struct qnk_minisign_key *key,
                              char why[QNK_PLUGIN_WHY_MAX])
{
    struct qn_span rest = text;
    struct qn_span comment;
    uint8_t bytes[KEY_BYTES];

    if (text.size > QNK_MINISIGN_FILE_MAX) {
        return refuse("too large for a public key of minisign", why);
    }
    if (!comment_take(&rest, untrusted_prefix, &comment)) {
        rest = text; /* the key alone */
    }
    if (!bytes_take(&rest, bytes, sizeof bytes) || rest.size != 0 || memcmp(bytes, "Ed", 2) != 0) {
        return refuse("no public key of minisign: 56 letters that begin with RW", why);
    }
    memcpy(key->id, bytes + 2, ID);
    memcpy(key->key, bytes + 2 + ID, QN_KEY_SIZE);
    return QN_OK;
}

void qnk_minisign_key_text(const struct qnk_minisign_key *key, char text[QNK_MINISIGN_KEY_TEXT])
{
    uint8_t bytes[KEY_BYTES] = {'E', 'd'};

    memcpy(bytes + 2, key->id, ID);
    memcpy(bytes + 2 + ID, key->key, QN_KEY_SIZE);
    (void)sodium_bin2base64(text, QNK_MINISIGN_KEY_TEXT, bytes, sizeof bytes, BASE64);
}

void qnk_minisign_id_text(const uint8_t id[QNK_MINISIGN_ID_SIZE], char text[17])
{
    (void)snprintf(text, 17, "%016llX", (unsigned long long)qn_le64_read(id));
}

size_t qnk_minisign_key_write(const struct qnk_minisign_key *key, char *text)
{
    char id[17], base64[QNK_MINISIGN_KEY_TEXT];

    qnk_minisign_id_text(key->id, id);
    qnk_minisign_key_text(key, base64);
    return (size_t)snprintf(text, QNK_MINISIGN_FILE_MAX, "%sminisign public key %s\n%s\n",
                            untrusted_prefix, id, base64);
}

/* --- signatures --- */

int32_t qnk_minisign_read(struct qn_span text, struct qnk_minisign *signature,
                          char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_minisign it;
    struct qn_span untrusted;
    uint8_t bytes[SIGNATURE_BYTES];

    if (text.size > QNK_MINISIGN_FILE_MAX) {
        return refuse("too large for a signature of minisign", why);
    }
    if (!comment_take(&text, untrusted_prefix, &untrusted) ||
        !bytes_take(&text, bytes, sizeof bytes) ||
        !comment_take(&text, trusted_prefix, &it.comment) ||
        !bytes_take(&text, it.whole, sizeof it.whole) || text.size != 0) {
        return refuse("no signature of minisign: an untrusted comment, a signature, a trusted "
                      "comment, a signature of both, a line each",
                      why);
    }
    if (memcmp(bytes, "ED", 2) != 0) {
        return refuse("not a signature of the file's hash: sign anew by `qnet plugin sign` or "
                      "`minisign -S -H`",
                      why);
    }
    memcpy(it.id, bytes + 2, ID);
    memcpy(it.signature, bytes + 2 + ID, QN_SIG_SIZE);
    *signature = it;
    return QN_OK;
}

static void file_hash(struct qn_span file, uint8_t hash[crypto_generichash_BYTES_MAX])
{
    int failed =
        crypto_generichash(hash, crypto_generichash_BYTES_MAX, file.data, file.size, NULL, 0);

    QN_ASSERT(failed == 0);
}

/* What the second signature is of. */
static size_t whole_join(const uint8_t *signature, struct qn_span comment,
                         uint8_t whole[QN_SIG_SIZE + QNK_MINISIGN_COMMENT_MAX])
{
    QN_ASSERT(comment.size <= QNK_MINISIGN_COMMENT_MAX);
    memcpy(whole, signature, QN_SIG_SIZE);
    memcpy(whole + QN_SIG_SIZE, comment.data, comment.size);
    return QN_SIG_SIZE + comment.size;
}

bool qnk_minisign_is_good(const struct qnk_minisign *signature, const struct qnk_minisign_key *key,
                          struct qn_span file)
{
    uint8_t hash[crypto_generichash_BYTES_MAX];
    uint8_t whole[QN_SIG_SIZE + QNK_MINISIGN_COMMENT_MAX];
    size_t size = whole_join(signature->signature, signature->comment, whole);

    file_hash(file, hash);
    return memcmp(signature->id, key->id, ID) == 0 &&
           crypto_sign_verify_detached(signature->signature, hash, sizeof hash, key->key) == 0 &&
           crypto_sign_verify_detached(signature->whole, whole, size, key->key) == 0;
}

static bool is_line(const char *comment)
{
    return strlen(comment) <= QNK_MINISIGN_COMMENT_MAX && strpbrk(comment, "\r\n") == NULL;
}

size_t qnk_minisign_make(const struct qnk_minisign_secret *secret, struct qn_span file,
                         const char *untrusted, const char *trusted, char *text)
{
    uint8_t hash[crypto_generichash_BYTES_MAX];
    uint8_t bytes[SIGNATURE_BYTES] = {'E', 'D'};
    uint8_t whole[QN_SIG_SIZE + QNK_MINISIGN_COMMENT_MAX], second[QN_SIG_SIZE];
    char first_text[sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    char second_text[sodium_base64_ENCODED_LEN(QN_SIG_SIZE, sodium_base64_VARIANT_ORIGINAL)];

    if (!is_line(untrusted) || !is_line(trusted)) {
        return 0;
    }
    file_hash(file, hash);
    memcpy(bytes + 2, secret->id, ID);
    (void)crypto_sign_detached(bytes + 2 + ID, NULL, hash, sizeof hash, secret->secret);

    struct qn_span comment = {(const uint8_t *)trusted, strlen(trusted)};
    size_t size = whole_join(bytes + 2 + ID, comment, whole);

    (void)crypto_sign_detached(second, NULL, whole, size, secret->secret);
    (void)sodium_bin2base64(first_text, sizeof first_text, bytes, sizeof bytes, BASE64);
    (void)sodium_bin2base64(second_text, sizeof second_text, second, sizeof second, BASE64);
    return (size_t)snprintf(text, QNK_MINISIGN_FILE_MAX, "%s%s\n%s\n%s%s\n%s\n", untrusted_prefix,
                            untrusted, first_text, trusted_prefix, trusted, second_text);
}

/* --- secret keys --- */

/* BLAKE2b-256 of "Ed" ‖ id ‖ secret. */
static void secret_check(const uint8_t *sealed, uint8_t check[CHECK])
{
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, CHECK);
    (void)crypto_generichash_update(&state, (const uint8_t *)"Ed", 2);
    (void)crypto_generichash_update(&state, sealed, ID + 64);
    (void)crypto_generichash_final(&state, check, CHECK);
}

/* Puts scrypt's bytes on the sealed ones, or takes them off. False: no memory. */
static bool seal_turn(uint8_t bytes[SECRET_BYTES], struct qn_span password)
{
    const uint8_t *salt = bytes + 6;
    uint8_t stream[SEALED];
    size_t memory = (size_t)qn_le64_read(bytes + 6 + SALT + 8);
    int failed = crypto_pwhash_scryptsalsa208sha256(stream, sizeof stream,
                                                    (const char *)password.data, password.size,
                                                    salt, qn_le64_read(bytes + 6 + SALT), memory);

    for (size_t i = 0; failed == 0 && i < SEALED; i++) {
        bytes[SEALED_AT + i] ^= stream[i];
    }
    sodium_memzero(stream, sizeof stream);
    return failed == 0;
}

static bool secret_bytes_read(struct qn_span text, uint8_t bytes[SECRET_BYTES])
{
    struct qn_span comment;

    return text.size <= QNK_MINISIGN_FILE_MAX && comment_take(&text, untrusted_prefix, &comment) &&
           bytes_take(&text, bytes, SECRET_BYTES) && text.size == 0 &&
           memcmp(bytes, "Ed", 2) == 0 && memcmp(bytes + 4, "B2", 2) == 0 &&
           (memcmp(bytes + 2, "Sc", 2) == 0 || memcmp(bytes + 2, "\0\0", 2) == 0);
}

static bool is_sealed(const uint8_t bytes[SECRET_BYTES])
{
    return bytes[2] != 0;
}

bool qnk_minisign_is_locked(struct qn_span text)
{
    uint8_t bytes[SECRET_BYTES];
    bool is_locked = secret_bytes_read(text, bytes) && is_sealed(bytes);

    sodium_memzero(bytes, sizeof bytes);
    return is_locked;
}

/* Whether the public half belongs to the secret one. */
static bool is_pair(const uint8_t secret[64])
{
    uint8_t seed[crypto_sign_SEEDBYTES], key[QN_KEY_SIZE], whole[64];

    (void)crypto_sign_ed25519_sk_to_seed(seed, secret);
    (void)crypto_sign_seed_keypair(key, whole, seed);

    bool is_equal = sodium_memcmp(whole, secret, sizeof whole) == 0;

    sodium_memzero(seed, sizeof seed);
    sodium_memzero(whole, sizeof whole);
    return is_equal;
}

/* The check is what tells a wrong password; an open key has none. */
static int32_t secret_open(uint8_t bytes[SECRET_BYTES], struct qn_span password,
                           struct qnk_minisign_secret *secret, char why[QNK_PLUGIN_WHY_MAX])
{
    uint8_t check[CHECK];

    if (is_sealed(bytes) && qn_le64_read(bytes + 6 + SALT + 8) > QNK_MINISIGN_MEMORY_MAX) {
        return refuse("the key file asks for more than 1 GiB to be opened", why);
    }
    if (is_sealed(bytes) && !seal_turn(bytes, password)) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory to open the key with its password");
        return QN_NO_SPACE;
    }
    secret_check(bytes + SEALED_AT, check);
    if (is_sealed(bytes) && sodium_memcmp(check, bytes + SEALED_AT + ID + 64, CHECK) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "another password, or a damaged key file");
        return QN_DENIED;
    }
    if (!is_pair(bytes + SEALED_AT + ID)) {
        return refuse("the key file is damaged", why);
    }
    memcpy(secret->id, bytes + SEALED_AT, ID);
    memcpy(secret->secret, bytes + SEALED_AT + ID, 64);
    return QN_OK;
}

int32_t qnk_minisign_secret_read(struct qn_span text, struct qn_span password,
                                 struct qnk_minisign_secret *secret, char why[QNK_PLUGIN_WHY_MAX])
{
    uint8_t bytes[SECRET_BYTES];
    int32_t status = secret_bytes_read(text, bytes) ? secret_open(bytes, password, secret, why)
                                                    : refuse("no secret key of minisign", why);

    sodium_memzero(bytes, sizeof bytes);
    return status;
}

void qnk_minisign_pair(struct qnk_minisign_secret *secret, struct qnk_minisign_key *key)
{
    (void)crypto_sign_keypair(key->key, secret->secret);
    randombytes_buf(key->id, ID);
    memcpy(secret->id, key->id, ID);
}

size_t qnk_minisign_secret_write(const struct qnk_minisign_secret *secret, struct qn_span password,
                                 char *text)
{
    uint8_t bytes[SECRET_BYTES] = {'E', 'd', 0, 0, 'B', '2'};
    char base64[sodium_base64_ENCODED_LEN(SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    size_t size = 0;
    bool is_done = true;

    memcpy(bytes + SEALED_AT, secret->id, ID);
    memcpy(bytes + SEALED_AT + ID, secret->secret, 64);
    if (password.data != NULL) {
        secret_check(bytes + SEALED_AT, bytes + SEALED_AT + ID + 64);
        memcpy(bytes + 2, "Sc", 2);
        randombytes_buf(bytes + 6, SALT);
        qn_le64_write(bytes + 6 + SALT, OPERATIONS);
        qn_le64_write(bytes + 6 + SALT + 8, MEMORY);
        is_done = seal_turn(bytes, password);
    }
    if (is_done) {
        (void)sodium_bin2base64(base64, sizeof base64, bytes, sizeof bytes, BASE64);
        size = (size_t)snprintf(text, QNK_MINISIGN_FILE_MAX, "%sminisign %s secret key\n%s\n",
                                untrusted_prefix, password.data != NULL ? "encrypted" : "open",
                                base64);
    }
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(base64, sizeof base64);
    return size;
}
