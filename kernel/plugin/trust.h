/* SPDX-License-Identifier: MIT */
#pragma once

/* trust.h: whether somebody who is trusted signed a plugin's file, and just this plugin.
 *
 * A plugin X.so is signed by X.so.minisig, in minisign's format. The trusted comment names it:
 *
 *     qnet-plugin:1 <kind> <name> <version> <SHA-256>
 *
 * and must be of this file, of the plugin that is asked for and of its manifest, so a signature
 * cannot be moved to another plugin. Who is trusted with what is in the trust file
 * (kernel/config/trust_file.h).
 *
 * Answers are of two sorts. QN_NOT_FOUND: nobody who is trusted with it signed it, which the policy
 * `warn` lets pass. QN_DENIED: what was signed or ruled out says no (revoked, older than the least
 * version, moved, not the bytes that were signed), which no policy but `off` lets pass.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a trust owns all that it read
 *   threads  any; nothing changes once it is read; sodium_init() was called
 *   errors   `why` says what is wrong, where, and what to do
 *
 * Source: abi.md 8.
 */

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"
#include "kernel/config/trust_file.h"
#include "kernel/plugin/manifest.h"
#include "kernel/plugin/minisign.h"

#define QNK_TRUST_SUFFIX ".minisig" /* behind a plugin's path: its signature */

struct qnk_trust;

/* The plugin that is asked about. */
struct qnk_trust_ask {
    struct qn_span file;
    const struct qnk_hash *hash;
    const char *kind, *name;
    struct qn_span signature; /* of the file beside it; data NULL: there is none */
    uint64_t now_ms;          /* since 1970 */
};

/* What a good signature says. */
struct qnk_trust_answer {
    char signer[17]; /* the key's id, as minisign shows it */
    char owner[65];  /* as the trust file has it, cut off */
    char version[18];
};

/* A trust file's bytes. `name` is how it is shown. QN_INVALID: `why` is the first finding. */
QN_MUST_CHECK int32_t qnk_trust_read(const char *name, struct qn_span bytes,
                                     struct qnk_budget *budget, struct qnk_trust **trust,
                                     char why[QNK_PLUGIN_WHY_MAX]);

/* The same from a file. QN_IO: it cannot be read. */
QN_MUST_CHECK int32_t qnk_trust_open(const char *path, struct qnk_budget *budget,
                                     struct qnk_trust **trust, char why[QNK_PLUGIN_WHY_MAX]);
void qnk_trust_destroy(struct qnk_trust *trust);

/* A trust in one key for everything, as `qnet plugin verify --key` wants it. */
QN_MUST_CHECK int32_t qnk_trust_of_key(const struct qnk_minisign_key *key,
                                       struct qnk_budget *budget, struct qnk_trust **trust);

/* QN_OK: signed. QN_NOT_FOUND, QN_DENIED: see above. The version is compared with the manifest's
 * by the caller, once that is read. */
QN_MUST_CHECK int32_t qnk_trust_check(const struct qnk_trust *trust,
                                      const struct qnk_trust_ask *ask,
                                      struct qnk_trust_answer *answer,
                                      char why[QNK_PLUGIN_WHY_MAX]);

/* Whether a plugin of this version is loaded at all, signed or not. QN_DENIED: it is older than the
 * least that the trust file takes. */
QN_MUST_CHECK int32_t qnk_trust_least_check(const struct qnk_trust *trust, const char *kind,
                                            const char *name, const char *version,
                                            char why[QNK_PLUGIN_WHY_MAX]);

/* The signature beside the plugin at `path` into `room` of QNK_MINISIGN_FILE_MAX + 1 bytes; data
 * NULL: there is none, or it cannot be read. */
struct qn_span qnk_trust_signature(const char *path, uint8_t *room);

/* The trusted comment of a plugin. */
void qnk_trust_comment(const char *kind, const char *name, const char *version,
                       const struct qnk_hash *hash, char comment[QNK_MINISIGN_COMMENT_MAX]);
