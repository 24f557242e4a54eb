/* SPDX-License-Identifier: MIT */
#pragma once

/* keyfile.h: the text file that holds a secret key, and who may read it.
 *
 *     qnet-key 1
 *     purpose validator
 *     public qnv1...
 *     kdf none                            or: argon2id OPS MEMORY_KIB SALT
 *     secret BASE64                       of the seed, or of nonce and XChaCha20-Poly1305 box
 *     check 1a2b3c4d                      crc32c of all lines before
 *
 * Created with O_EXCL and mode 0600. A file of another owner, a wider mode or another purpose is
 * refused. Seeds lie in guarded memory that no core dump shows; nothing here logs.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   seeds and public keys are 32 bytes; the process has called sodium_init()
 *   owns     a key owns its seed until done()
 *   threads  any
 *   cost     touches the disk; with a passphrase about a second and 256 MiB
 *
 * Source: operations.md 5; RFC 8032, RFC 9106 (Argon2), draft-irtf-cfrg-xchacha.
 */

#include <qnet/types.h>

#include "kernel/base/hash.h"

enum { QNK_KEYFILE_SIZE_MAX = 4096, QNK_KEYFILE_WHY = 300, QNK_SEED_SIZE = 32 };

enum qnk_key_purpose { QNK_KEY_NODE, QNK_KEY_VALIDATOR, QNK_KEY_ACCOUNT, QNK_KEY_PURPOSES };

struct qnk_key {
    enum qnk_key_purpose purpose;
    struct qnk_hash public;
    uint8_t *seed; /* QNK_SEED_SIZE bytes of sodium_malloc, read only */
};

/* "node", "validator", "account"; and "qnp", "qnv", "qn". */
const char *qnk_key_purpose_name(enum qnk_key_purpose purpose);
const char *qnk_key_prefix(enum qnk_key_purpose purpose);

/* A key from a seed, or from chance if `seed` is NULL. QN_NO_SPACE: no guarded memory. */
QN_MUST_CHECK int32_t qnk_key_make(enum qnk_key_purpose purpose, const uint8_t *seed,
                                   struct qnk_key *key);
void qnk_key_done(struct qnk_key *key); /* also of a zeroed one */

/* Writes a new file, durable. With a passphrase the secret is in a box. QN_EXISTS: there is a file;
 * QN_DENIED, QN_IO: as the system says; `why` says it. */
QN_MUST_CHECK int32_t qnk_keyfile_create(const char *path, const struct qnk_key *key,
                                         struct qn_span passphrase, char why[QNK_KEYFILE_WHY]);

/* Reads a key for `purpose`. `path` is a file or "credential:NAME" (systemd's LoadCredential=).
 * QN_NOT_FOUND, QN_IO: no file; QN_DENIED: of another owner, mode or purpose, or a passphrase that
 * is missing or wrong; QN_CORRUPT: no key file, or damaged. `why` says what and what to do. */
QN_MUST_CHECK int32_t qnk_keyfile_read(const char *path, enum qnk_key_purpose purpose,
                                       struct qn_span passphrase, struct qnk_key *key,
                                       char why[QNK_KEYFILE_WHY]);
