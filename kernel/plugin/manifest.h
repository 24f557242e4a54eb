/* SPDX-License-Identifier: MIT */
#pragma once

/* manifest.h: the content of a plugin's note, decoded, and looked things up in.
 *
 * One manifest has one byte string, so what is out of order, repeated where it may not be, padded
 * with anything but zero or unknown is refused. Nothing of a plugin runs for it.
 *
 * Unless a function's own comment says otherwise:
 *   owns     texts and arrays lie in the arena; nothing points into the bytes that were read
 *   threads  any; nothing changes once it is read
 *   cost     linear, but keys and bytes are compared with their neighbours
 *   errors   QN_INVALID: `why` says in words what is wrong
 *
 * Source: abi.md 3, sdk/abi/manifest.yaml.
 */

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"
#include "kernel/plugin/kind.h"

/* Bytes for a refusal's words, as kernel/config asks for them. */
#define QNK_PLUGIN_WHY_MAX QNK_REPORT_TEXT_MAX

/* What an arena needs for the manifest of `size` bytes: the most that a field grows by is an empty
 * choice, 4 bytes, which becomes a pointer and a text, 24. */
#define QNK_MANIFEST_ROOM(size) ((size_t)(size)*8 + 4096)

enum qnk_manifest_flag {
    QNK_MANIFEST_SPAWNS = 1,       /* threads */
    QNK_MANIFEST_PROCESS_ONLY = 2, /* not in the node's own process */
    QNK_MANIFEST_MID_WINDOW = 4,   /* hands over in the middle of a window */
};

enum qnk_manifest_metric_type {
    QNK_MANIFEST_COUNTER = 1,
    QNK_MANIFEST_GAUGE = 2,
};

struct qnk_manifest_extension {
    const char *id; /* "qnet.watch/1" */
    uint16_t minor;
};

struct qnk_manifest_metric {
    uint16_t id;
    uint8_t type; /* enum qnk_manifest_metric_type */
    const char *name;
    const char *unit;
    const char *doc;
};

struct qnk_manifest_step {
    uint16_t id;
    const char *name;
};

struct qnk_manifest_query {
    uint32_t id;
    const char *name;
    const char *doc;
};

struct qnk_manifest_route {
    uint16_t id;
    const char *method;
    const char *path;
    const char *doc;
};

/* Texts are never NULL; "" where the note has none. */
struct qnk_manifest {
    const struct qnk_kind *kind; /* NULL: of a kind or major that this kernel does not have */
    const char *kind_text;       /* "compression/1" */
    const char *kind_name;       /* "compression" */
    const char *name;
    uint16_t version[3];
    const char *version_text; /* "1.0.0" */
    const char *license;
    const char *summary;
    const char *publisher;
    const char *tool;
    const char *schema; /* of the state that it exports */
    uint16_t table_major;
    uint16_t table_minor;
    uint64_t table_print;
    const char *newest;  /* slot of its table */
    const char *release; /* the first one that has that minor */
    uint16_t host_major;
    uint16_t host_minor;
    uint64_t host_print;
    uint64_t flags; /* of enum qnk_manifest_flag */
    uint32_t lanes;
    uint64_t memory; /* bytes that one instance may take */
    uint64_t print;  /* FNV-1a 64 of the note's content */
    uint32_t needs_count;
    uint32_t wants_count;
    uint32_t imports_count;
    uint32_t metrics_count;
    uint32_t steps_count;
    uint32_t rules_count;
    uint32_t queries_count;
    uint32_t routes_count;
    uint32_t topics_count;
    const struct qnk_manifest_extension *needs;
    const struct qnk_manifest_extension *wants;
    const char *const *imports; /* schemas of state */
    const struct qnk_manifest_metric *metrics;
    const struct qnk_manifest_step *steps;    /* of a consensus */
    const char *const *rules;                 /* of a signature: what it accepts */
    const struct qnk_manifest_query *queries; /* of a ledger */
    const struct qnk_manifest_route *routes;  /* of a service */
    const char *const *topics;                /* of a service */
    struct qnk_config_schema config;          /* title "compression zstd 1.0.0" */
};

/* Decodes a note's content. A kind that is unknown here is no error of its own: so that a refusal
 * can name it. QN_UNSUPPORTED: a field that this kernel must know and does not; QN_NO_SPACE: the
 * arena is below MANIFEST_ROOM. */
QN_MUST_CHECK int32_t qnk_manifest_read(struct qn_span content, struct qnk_arena *arena,
                                        struct qnk_manifest *manifest,
                                        char why[QNK_PLUGIN_WHY_MAX]);

/* Whether this kernel can run it: kind, majors, minors, prints, extensions. QN_UNSUPPORTED, and
 * `why` names what is needed and what there is. */
QN_MUST_CHECK int32_t qnk_manifest_fits(const struct qnk_manifest *manifest,
                                        char why[QNK_PLUGIN_WHY_MAX]);

/* Whether a signature plugin implements this acceptance rule. */
bool qnk_manifest_has_rule(const struct qnk_manifest *manifest, const char *rule);

/* The name of a consensus step, or NULL: steps 0 to 5 have names of their own (abi.md 2.3). */
const char *qnk_manifest_step_name(const struct qnk_manifest *manifest, uint16_t id);

/* The question called `name` of a ledger, or NULL. */
const struct qnk_manifest_query *qnk_manifest_query_find(const struct qnk_manifest *manifest,
                                                         const char *name);

/* Its entry in `needs` or `wants`, or NULL. */
const struct qnk_manifest_extension *qnk_manifest_extension_find(
    const struct qnk_manifest *manifest, const char *id);

/* The record of a config that leaves out every key, in the arena. QN_INVALID: a key is required,
 * and `why` names it. */
QN_MUST_CHECK int32_t qnk_manifest_default(const struct qnk_manifest *manifest,
                                           struct qnk_arena *arena, struct qn_span *record,
                                           char why[QNK_PLUGIN_WHY_MAX]);
