/* SPDX-License-Identifier: MIT */
#pragma once

/* trust_file.h: the file that says whose signatures of plugins count, as YAML:
 *
 *     version: qnet.trust/v1
 *     keys:
 *       - key: RWQ...                  # the second line of a minisign.pub
 *         owner: Ada                   # for people
 *         kinds: [consensus, producer] # that it may sign
 *         names: [bft]                 # of these kinds; without: any
 *         from: 2026-01-01T00:00:00Z   # without: always
 *         until: 2028-01-01T00:00:00Z
 *     least:                           # nothing older
 *       - {kind: consensus, name: bft, version: "1.2.0"}
 *     revoked: [SHA-256, ...]          # files that are never loaded
 *
 * What keys mean is the plugin floor's matter: here a key is a text.
 *
 * Unless a function's own comment says otherwise:
 *   owns     all lies in the arena
 *   threads  any; one at a time
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/base/hash.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"

#define QNK_TRUST_FILE_MAX    65536 /* bytes; more: refused */
#define QNK_TRUST_KEYS_MAX    64    /* more: refused */
#define QNK_TRUST_NAMES_MAX   64    /* of one key; more: refused */
#define QNK_TRUST_LEAST_MAX   256   /* more: refused */
#define QNK_TRUST_REVOKED_MAX 1024  /* more: refused */

/* Room in the arena; a file that needs more is refused. */
#define QNK_TRUST_ARENA 1048576

struct qnk_trust_file_key {
    const char *key;
    const char *owner;
    const char *const *kinds; /* kinds_count of them */
    const char *const *names;
    uint32_t kinds_count;
    uint32_t names_count;          /* 0: any */
    uint64_t from_ms, until_ms;    /* since 1970; until UINT64_MAX: for ever */
    struct qnk_config_place place; /* of the key */
};

struct qnk_trust_file_least {
    const char *kind;
    const char *name;
    uint32_t version[3];
};

struct qnk_trust_file {
    const struct qnk_trust_file_key *keys;
    uint32_t keys_count;
    const struct qnk_trust_file_least *least;
    uint32_t least_count;
    const struct qnk_hash *revoked;
    uint32_t revoked_count;
};

extern const struct qnk_config_schema qnk_trust_schema;

/* QN_INVALID: the report says all that is wrong. QN_NO_SPACE: the arena is full. */
QN_MUST_CHECK int32_t qnk_trust_file_read(const struct qnk_config_source *source,
                                          struct qnk_arena *arena, struct qnk_report *report,
                                          struct qnk_trust_file *file);

/* Three numbers apart by points, each below 2^16. False: it is none. */
bool qnk_trust_version_read(const char *text, uint32_t version[3]);

/* Below, equal, above: negative, 0, positive. */
int qnk_trust_version_compare(const uint32_t a[3], const uint32_t b[3]);
