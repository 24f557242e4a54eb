/* SPDX-License-Identifier: MIT */

#include "kernel/host/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"
#include "kernel/host/file.h"

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    BOX = NONCE + QNK_SEED_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SALT = crypto_pwhash_SALTBYTES,
    KDF_OPS = 3,
    KDF_KIB = 262144,
    KDF_OPS_MAX = 64, /* of a file: more is no key file but a way to keep us busy */
    KDF_KIB_MAX = 2097152,
    BASE64 = sodium_base64_VARIANT_ORIGINAL,
    BASE64_ROOM = 160,
    LINES = 6,
};
_Static_assert(sodium_base64_ENCODED_LEN(BOX, BASE64) <= BASE64_ROOM, "a box fits its line");

static const char *const names[QNK_KEY_PURPOSES] = {"node", "validator", "account"};
static const char *const prefixes[QNK_KEY_PURPOSES] = {
    QNK_PREFIX_NODE,
    QNK_PREFIX_VALIDATOR,
    QNK_PREFIX_ACCOUNT,
};

const char *qnk_key_purpose_name(enum qnk_key_purpose purpose)
{
    QN_ASSERT(purpose < QNK_KEY_PURPOSES);
    return names[purpose];
}

const char *qnk_key_prefix(enum qnk_key_purpose purpose)
{
    QN_ASSERT(purpose < QNK_KEY_PURPOSES);
    return prefixes[purpose];
}

/* --- keys --- */

static void public_of(const uint8_t seed[QNK_SEED_SIZE], struct qnk_hash *public)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(public->bytes, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

int32_t qnk_key_make(enum qnk_key_purpose purpose, const uint8_t *seed, struct qnk_key *key)
{
    uint8_t *own = sodium_malloc(QNK_SEED_SIZE);

    QN_ASSERT(purpose < QNK_KEY_PURPOSES);
    if (own == NULL) {
        return QN_NO_SPACE;
    }
    if (seed != NULL) {
        memcpy(own, seed, QNK_SEED_SIZE);
    } else {
        randombytes_buf(own, QNK_SEED_SIZE);
    }
    *key = (struct qnk_key){.purpose = purpose, .seed = own};
    public_of(own, &key->public);
    (void)sodium_mprotect_readonly(own);
    return QN_OK;
}

void qnk_key_done(struct qnk_key *key)
{
    sodium_free(key->seed); /* wipes it */
    *key = (struct qnk_key){0};
}

/* --- the secret's line --- */

/* The key of a box. False: no memory for it. */
static bool derive(uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES],
                   struct qn_span passphrase, const uint8_t salt[SALT], uint32_t ops, uint32_t kib)
{
    return crypto_pwhash(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
                         (const char *)passphrase.data, passphrase.size, salt, ops,
                         (size_t)kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* Gives `kdf` and `secret` lines. The public key is bound to the box. */
static bool seal(const struct qnk_key *key, struct qn_span passphrase, char *text, size_t room)
{
    uint8_t salt[SALT];
    uint8_t box[BOX];
    uint8_t box_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    char salt64[BASE64_ROOM];
    char box64[BASE64_ROOM];

    if (passphrase.size == 0) {
        sodium_bin2base64(box64, sizeof box64, key->seed, QNK_SEED_SIZE, BASE64);
        (void)snprintf(text, room, "kdf none\nsecret %s\n", box64);
        sodium_memzero(box64, sizeof box64);
        return true;
    }
    randombytes_buf(salt, sizeof salt);
    randombytes_buf(box, NONCE);
    if (!derive(box_key, passphrase, salt, KDF_OPS, KDF_KIB)) {
        return false;
    }
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, NULL, key->seed, QNK_SEED_SIZE,
                                                     key->public.bytes, QN_KEY_SIZE, NULL, box,
                                                     box_key);
    sodium_memzero(box_key, sizeof box_key);
    sodium_bin2base64(salt64, sizeof salt64, salt, sizeof salt, BASE64);
    sodium_bin2base64(box64, sizeof box64, box, sizeof box, BASE64);
    (void)snprintf(text, room, "kdf argon2id %d %d %s\nsecret %s\n", KDF_OPS, KDF_KIB, salt64,
                   box64);
    return true;
}

/* --- writing --- */

static int32_t refuse(char why[QNK_KEYFILE_WHY], const char *path, const char *words, int error)
{
    qnk_text(why, QNK_KEYFILE_WHY, "cannot %s '%s': %s", words, path, strerror(error));
    switch (error) {
    case ENOENT:
        return QN_NOT_FOUND;
    case EEXIST:
        return QN_EXISTS;
    case EACCES:
    case EPERM:
    case ELOOP:
        return QN_DENIED;
    default:
        return QN_IO;
    }
}

static int put_durably(int file, const char *text)
{
    int error = qnk_file_put(file, (struct qn_span){(const uint8_t *)text, strlen(text)});

    return error != 0 || fsync(file) == 0 ? error : errno;
}

static bool text_make(const struct qnk_key *key, struct qn_span passphrase, char *text, size_t room)
{
    char public[QNK_BECH32M_KEY_SIZE];
    size_t size;

    qnk_bech32m_encode(prefixes[key->purpose], key->public.bytes, public);
    (void)snprintf(text, room, "qnet-key 1\npurpose %s\npublic %s\n", names[key->purpose], public);
    size = strlen(text);
    if (!seal(key, passphrase, text + size, room - size)) {
        return false;
    }
    size = strlen(text);
    (void)snprintf(text + size, room - size, "check %08x\n", qnk_crc32c(0, text, size));
    return true;
}

int32_t qnk_keyfile_create(const char *path, const struct qnk_key *key, struct qn_span passphrase,
                           char why[QNK_KEYFILE_WHY])
{
    char text[1024];
    int file;
    int error;

    if (!text_make(key, passphrase, text, sizeof text)) {
        qnk_text(why, QNK_KEYFILE_WHY, "not enough memory to derive a key from the passphrase");
        return QN_NO_SPACE;
    }
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        error = errno;
        sodium_memzero(text, sizeof text);
        return refuse(why, path, "create", error);
    }
    error = fchmod(file, 0600) == 0 ? put_durably(file, text) : errno;
    sodium_memzero(text, sizeof text);
    if (close(file) != 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(path);
        return refuse(why, path, "write", error);
    }

    int flushed = qnk_file_folder_flush(path);

    (void)flushed; /* the key is there, at the latest at the next flush of the system's own */
    return QN_OK;
}

/* --- reading --- */

/* The file that a path or a credential's name means. */
static int32_t path_find(const char *path, char found[QNK_KEYFILE_SIZE_MAX],
                         char why[QNK_KEYFILE_WHY])
{
    static const char credential[] = "credential:";
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    const char *name = path + strlen(credential);

    if (strncmp(path, credential, strlen(credential)) != 0) {
        qnk_text(found, QNK_KEYFILE_SIZE_MAX, "%s", path);
        return QN_OK;
    }
    if (folder == NULL || *name == 0 || strchr(name, '/') != NULL) {
        qnk_text(
            why, QNK_KEYFILE_WHY,
            "'%s' needs a credential from systemd: LoadCredential=%s:/path/to/file in the unit",
            path, name);
        return QN_NOT_FOUND;
    }
    qnk_text(found, QNK_KEYFILE_SIZE_MAX, "%s/%s", folder, name);
    return QN_OK;
}

/* Whether the open file is a file, ours and ours alone. */
static int32_t check_access(int file, const char *path, char why[QNK_KEYFILE_WHY])
{
    struct stat status;

    if (fstat(file, &status) != 0) {
        return refuse(why, path, "look at", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        qnk_text(why, QNK_KEYFILE_WHY, "'%s' is not a file", path);
        return QN_CORRUPT;
    }
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        qnk_text(why, QNK_KEYFILE_WHY, "'%s' belongs to another user: chown %u '%s'", path,
                 (unsigned)geteuid(), path);
        return QN_DENIED;
    }
    if ((status.st_mode & 077) != 0) {
        qnk_text(why, QNK_KEYFILE_WHY, "others can read '%s' (mode %04o): chmod 600 '%s'", path,
                 (unsigned)(status.st_mode & 07777), path);
        return QN_DENIED;
    }
    return QN_OK;
}

static int32_t text_read(const char *path, char text[QNK_KEYFILE_SIZE_MAX],
                         char why[QNK_KEYFILE_WHY])
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t size = 0;
    int32_t status;

    if (file < 0) {
        return refuse(why, path, "open the key file", errno);
    }
    status = check_access(file, path, why);
    while (status == QN_OK && size < QNK_KEYFILE_SIZE_MAX - 1) {
        ssize_t got = read(file, text + size, QNK_KEYFILE_SIZE_MAX - 1 - size);

        if (got < 0 && errno != EINTR) {
            status = refuse(why, path, "read", errno);
        } else if (got == 0) {
            break;
        } else if (got > 0) {
            size += (size_t)got;
        }
    }
    (void)close(file);
    text[size] = 0;
    return status;
}

/* What stands on the lines of a key file, after their first words. */
struct fields {
    char *purpose;
    char *public;
    char *kdf;
    char *secret;
    char *check;
    uint32_t crc;
};

/* Cuts `text` into its lines. False: it is no key file. */
static bool fields_read(char *text, struct fields *fields)
{
    static const char *const words[LINES] = {"qnet-key ", "purpose ", "public ",
                                             "kdf ",      "secret ",  "check "};
    char *version;
    char **places[LINES] = {&version,     &fields->purpose, &fields->public,
                            &fields->kdf, &fields->secret,  &fields->check};
    char *check = strstr(text, "\ncheck ");

    if (check == NULL) {
        return false;
    }
    fields->crc = qnk_crc32c(0, text, (uint64_t)(check + 1 - text));
    for (uint32_t i = 0; i < LINES; i++) {
        char *end = strchr(text, '\n');

        if (end == NULL || strncmp(text, words[i], strlen(words[i])) != 0) {
            return false;
        }
        *end = 0;
        *places[i] = text + strlen(words[i]);
        text = end + 1;
    }
    return *text == 0 && strcmp(version, "1") == 0;
}

static bool check_fits(const struct fields *fields)
{
    char expected[16];

    (void)snprintf(expected, sizeof expected, "%08x", fields->crc);
    return strcmp(expected, fields->check) == 0;
}

/* Exactly `size` bytes out of base64. */
static bool base64_read(const char *text, uint8_t *bytes, size_t size)
{
    size_t got = 0;

    return sodium_base642bin(bytes, size, text, strlen(text), NULL, &got, NULL, BASE64) == 0 &&
           got == size;
}

static int32_t open_box(const struct fields *fields, struct qn_span passphrase,
                        const struct qnk_hash *public, uint8_t seed[QNK_SEED_SIZE], char *why)
{
    uint32_t ops;
    uint32_t kib;
    int at = 0;
    uint8_t salt[SALT];
    uint8_t box[BOX];
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];

    if (sscanf(fields->kdf, "argon2id %9u %9u %n", &ops, &kib, &at) != 2 || at == 0 || ops < 1 ||
        ops > KDF_OPS_MAX || kib < 8 || kib > KDF_KIB_MAX ||
        !base64_read(fields->kdf + at, salt, sizeof salt) ||
        !base64_read(fields->secret, box, sizeof box)) {
        return QN_CORRUPT;
    }
    if (passphrase.size == 0) {
        qnk_text(why, QNK_KEYFILE_WHY, "the key needs its passphrase");
        return QN_DENIED;
    }
    if (!derive(key, passphrase, salt, ops, kib)) {
        qnk_text(why, QNK_KEYFILE_WHY, "not enough memory to derive a key from the passphrase");
        return QN_NO_SPACE;
    }

    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        seed, NULL, NULL, box + NONCE, sizeof box - NONCE, public->bytes, QN_KEY_SIZE, box, key);

    sodium_memzero(key, sizeof key);
    if (opened != 0) {
        qnk_text(why, QNK_KEYFILE_WHY, "the passphrase is wrong");
        return QN_DENIED;
    }
    return QN_OK;
}

static int32_t key_read(const struct fields *fields, enum qnk_key_purpose purpose,
                        struct qn_span passphrase, struct qnk_key *key, char *why)
{
    struct qnk_hash public;
    uint8_t seed[QNK_SEED_SIZE];
    int32_t status;

    if (!check_fits(fields) ||
        qnk_bech32m_decode(prefixes[purpose], fields->public, public.bytes) != QN_OK) {
        return QN_CORRUPT;
    }
    if (strcmp(fields->kdf, "none") == 0) {
        status = base64_read(fields->secret, seed, sizeof seed) ? QN_OK : QN_CORRUPT;
    } else {
        status = open_box(fields, passphrase, &public, seed, why);
    }
    if (status == QN_OK) {
        status = qnk_key_make(purpose, seed, key);
    }
    sodium_memzero(seed, sizeof seed);
    if (status == QN_OK && !qnk_hash_equal(&public, &key->public)) {
        qnk_key_done(key);
        status = QN_CORRUPT;
    }
    return status;
}

int32_t qnk_keyfile_read(const char *path, enum qnk_key_purpose purpose, struct qn_span passphrase,
                         struct qnk_key *key, char why[QNK_KEYFILE_WHY])
{
    char found[QNK_KEYFILE_SIZE_MAX];
    char text[QNK_KEYFILE_SIZE_MAX];
    char detail[QNK_KEYFILE_WHY] = "it is damaged, or no key file: take the copy that you kept";
    struct fields fields;
    int32_t status = path_find(path, found, why);

    if (status == QN_OK) {
        status = text_read(found, text, why);
    }
    if (status != QN_OK) {
        return status;
    }
    if (!fields_read(text, &fields)) {
        status = QN_CORRUPT;
    } else if (strcmp(fields.purpose, names[purpose]) != 0) {
        qnk_text(detail, sizeof detail, "it is the key of a %.16s, and a %s's is needed",
                 fields.purpose, names[purpose]);
        status = QN_DENIED;
    } else {
        status = key_read(&fields, purpose, passphrase, key, detail);
    }
    sodium_memzero(text, sizeof text);
    if (status != QN_OK) {
        qnk_text(why, QNK_KEYFILE_WHY, "key file '%s': %s", found, detail);
    }
    return status;
}
