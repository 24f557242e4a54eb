/* SPDX-License-Identifier: MIT */
#pragma once

/* minisign.h: key files and detached signatures as the tool minisign has them, so that either reads
 * what the other wrote.
 *
 *     public key   an untrusted comment, then base64 of "Ed", id 8, key 32
 *     secret key   an untrusted comment, then base64 of "Ed", "Sc" or 0 0, "B2", salt 32,
 *                  operations u64, memory u64, (id 8, secret 64, check 32), the last in
 *                  brackets under scrypt's bytes unless it is 0 0
 *     signature    an untrusted comment, base64 of "ED", id 8, signature 64 of the file's
 *                  BLAKE2b-512, a trusted comment, base64 of the signature 64 of both of these
 *
 * Signatures of whole files ("Ed") are of minisign's old form, and are refused.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a comment is one line of text, at most COMMENT_MAX bytes
 *   owns     views lie in what was read
 *   threads  any; sodium_init() was called
 *   errors   `why` says what is wanted; nothing is written to outputs. QN_INVALID: not such a file
 *
 * Source: jedisct1.github.io/minisign, "Signature format" and "Secret key format"
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/plugin/manifest.h"

#define QNK_MINISIGN_COMMENT_MAX 512  /* bytes; more: refused */
#define QNK_MINISIGN_FILE_MAX    2048 /* bytes of any of the files; more: refused */
#define QNK_MINISIGN_ID_SIZE     8
#define QNK_MINISIGN_KEY_TEXT    57 /* room for a public key in base64, with its end */

/* scrypt may take this much; a key file that asks for more is refused. What minisign writes asks
 * for 1 GiB, what is written here for 128 MiB. */
#define QNK_MINISIGN_MEMORY_MAX (UINT64_C(1) << 30)

struct qnk_minisign_key {
    uint8_t id[QNK_MINISIGN_ID_SIZE];
    uint8_t key[QN_KEY_SIZE];
};

/* Forget it with qnk_minisign_forget(). */
struct qnk_minisign_secret {
    uint8_t id[QNK_MINISIGN_ID_SIZE];
    uint8_t secret[64];
};

struct qnk_minisign {
    uint8_t id[QNK_MINISIGN_ID_SIZE];
    uint8_t signature[QN_SIG_SIZE];
    uint8_t whole[QN_SIG_SIZE]; /* of signature and comment */
    struct qn_span comment;     /* the trusted one */
};

/* --- public keys --- */

/* A key file, or its second line alone. */
QN_MUST_CHECK int32_t qnk_minisign_key_read(struct qn_span text, struct qnk_minisign_key *key,
                                            char why[QNK_PLUGIN_WHY_MAX]);
void qnk_minisign_key_text(const struct qnk_minisign_key *key, char text[QNK_MINISIGN_KEY_TEXT]);

/* As minisign shows it: 16 digits, the last byte first. */
void qnk_minisign_id_text(const uint8_t id[QNK_MINISIGN_ID_SIZE], char text[17]);

/* --- signatures --- */

QN_MUST_CHECK int32_t qnk_minisign_read(struct qn_span text, struct qnk_minisign *signature,
                                        char why[QNK_PLUGIN_WHY_MAX]);

/* Whether the key made it of this file and this trusted comment. */
bool qnk_minisign_is_good(const struct qnk_minisign *signature, const struct qnk_minisign_key *key,
                          struct qn_span file);

/* The text of a signature into `text` of FILE_MAX bytes; its size. 0: a comment is too long, or no
 * line. */
size_t qnk_minisign_make(const struct qnk_minisign_secret *secret, struct qn_span file,
                         const char *untrusted, const char *trusted, char *text);

/* --- secret keys --- */

/* Whether it can be read only with a password. False too: no such file. */
bool qnk_minisign_is_locked(struct qn_span text);

/* `password` is not looked at if the file needs none. QN_DENIED: another password, or the file is
 * damaged: the check cannot tell. QN_NO_SPACE: no memory for scrypt. */
QN_MUST_CHECK int32_t qnk_minisign_secret_read(struct qn_span text, struct qn_span password,
                                               struct qnk_minisign_secret *secret,
                                               char why[QNK_PLUGIN_WHY_MAX]);

/* A new pair. */
void qnk_minisign_pair(struct qnk_minisign_secret *secret, struct qnk_minisign_key *key);

/* Key files into `text` of FILE_MAX bytes; their size. Without a password (data NULL) the secret
 * lies open in the file. 0: no memory for scrypt. */
size_t qnk_minisign_key_write(const struct qnk_minisign_key *key, char *text);
size_t qnk_minisign_secret_write(const struct qnk_minisign_secret *secret, struct qn_span password,
                                 char *text);

void qnk_minisign_forget(void *secret, size_t size);
