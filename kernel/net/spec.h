/* SPDX-License-Identifier: MIT */
#pragma once

/* spec.h: a testnet in one YAML file, qnet.net/v1: what the network is, what happens to it, what
 * must hold, and what is compared with what.
 *
 * Opening a spec reads and checks all of it, and keeps each thing with its place in the file. What
 * a provider cannot do is refused here (E120) and never skipped later. A spec with an error is good
 * for its report alone.
 *
 * Decided where operations.md 13 leaves it open: transfers have the size that they have (no
 * `bytes`); an `except` ends `grace` after the trouble, since a network needs time to be well
 * again; `install` is how a node that lacks a plugin gets it; a variant changes rules by `network`.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds since the network's start; nodes are numbered from 0 as the file has them
 *   shapes   sets of nodes are bitmaps
 *   owns     a spec owns all that it holds, until done()
 *   threads  one
 *   errors   QN_INVALID: the report has errors; QN_NO_SPACE: no memory; else as the file's reading
 *
 * Source: operations.md 13, 14.
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/base/memory.h"
#include "kernel/base/sink.h"
#include "kernel/config/checker.h"
#include "kernel/config/part.h"
#include "kernel/config/report.h"
#include "kernel/config/tree.h"
#include "kernel/net/action.h"
#include "kernel/net/expr.h"

enum {
    QNK_SPEC_NODES_MAX = 64,
    QNK_SPEC_EVENTS_MAX = 128, /* entries of the timeline */
    QNK_SPEC_ASSERTS_MAX = 64,
    QNK_SPEC_LOADS_MAX = 8,
    QNK_SPEC_LINKS_MAX = 64,
    QNK_SPEC_VARIANTS_MAX = 8,
    QNK_SPEC_DROPS_MAX = 32,
    QNK_SPEC_MEASURES_MAX = 16,
    QNK_SPEC_FAILS_MAX = 8,
    QNK_SPEC_GROUPS_MAX = 8,
    QNK_SPEC_EXCEPTS_MAX = 16,
    QNK_SPEC_LACKS_MAX = 4,
    QNK_SPEC_REPEATS_MAX = 100,
    QNK_SPEC_TIME_MAX_MS = 86400000, /* of any time of a spec; ways have less */
    QNK_SPEC_WAY_MAX_MS = 600000,
    QNK_SPEC_MEMORY = 33554432, /* bytes of a spec; pages are touched as they are used */
    QNK_SPEC_NAME = 33,
};

enum qnk_spec_type { QNK_SPEC_SUPER, QNK_SPEC_FULL, QNK_SPEC_LIGHT, QNK_SPEC_TYPES };

extern const char *const qnk_spec_types[QNK_SPEC_TYPES];

struct qnk_spec_node {
    char name[QNK_SPEC_NAME];
    enum qnk_spec_type type;
    const char *zone;
    uint64_t start_ms;    /* it is started then, */
    uint64_t start_macro; /* or when the network has this window final; 0: by time */
    const char *transport, *storage, *compression; /* "": the default */
    const char *lacks[QNK_SPEC_LACKS_MAX];         /* "kind/name" that it cannot load; NULL ends */
    struct qnk_config_place place;
};

struct qnk_spec_link {
    const char *a, *b; /* zones */
    uint64_t delay_ms, jitter_ms;
    uint32_t loss; /* millionths of frames */
};

struct qnk_spec_load {
    const char *name;
    uint64_t to;                /* bitmap */
    uint64_t rate;              /* transfers a second */
    uint64_t from_ms, until_ms; /* 0: to the end */
    struct qnk_config_place place;
};

struct qnk_spec_pick {
    bool is_random;
    uint64_t among; /* bitmap; of one that is not random a single bit */
};

struct qnk_spec_event {
    const char *id;
    enum qnk_action action;
    bool is_repeated;
    uint64_t at_ms; /* once */
    uint64_t every_ms, jitter_ms, from_ms, until_ms;
    uint64_t for_ms;
    uint64_t again_ms; /* restart_after; QNK_SPEC_NEVER: not given */
    struct qnk_spec_pick pick;
    uint64_t groups[QNK_SPEC_GROUPS_MAX];
    uint32_t groups_count;
    char kind[QNK_SPEC_NAME], plugin[QNK_SPEC_NAME]; /* of plan: kind=plugin */
    uint64_t windows_later;
    const struct qnk_tree *set; /* of restart: keys of the node file; NULL: none */
    uint32_t rate;              /* millionths */
    uint64_t by;
    uint64_t offset_ms;
    const char *lie;
    struct qnk_config_place place;
};

#define QNK_SPEC_NEVER UINT64_MAX

enum qnk_spec_assert_kind {
    QNK_ASSERT_THAT,
    QNK_ASSERT_ALWAYS,
    QNK_ASSERT_INVARIANT,
    QNK_ASSERT_LOG,
    QNK_ASSERT_RUN,
};

enum qnk_invariant {
    QNK_INVARIANT_SAME_HASH,   /* same_hash_at_height */
    QNK_INVARIANT_FINAL_STAYS, /* final_never_changes */
    QNK_INVARIANT_TXS_ONCE,    /* accepted_txs_final_once */
    QNK_INVARIANT_ONE_CHAIN,   /* every_node_on_one_chain: all are at the same final window */
    QNK_INVARIANT_PROVED,      /* oracles_hold: those of kernel/sim, virtual alone */
    QNK_INVARIANTS
};

extern const char *const qnk_invariant_names[QNK_INVARIANTS];

struct qnk_spec_assert {
    const char *id;
    enum qnk_spec_assert_kind kind;
    struct qnk_expr expr;
    const char *text; /* as written */
    uint64_t nodes;   /* bitmap */
    uint64_t within_ms;
    uint64_t from_ms, until_ms; /* 0: to the end */
    uint64_t grace_ms;
    const char *excepts[QNK_SPEC_EXCEPTS_MAX];
    uint32_t excepts_count;
    bool is_for_swaps;
    enum qnk_invariant invariant;
    const char *log_event;
    uint64_t count;
    uint64_t expect;
    struct qnk_config_place place;
};

struct qnk_spec_variant {
    const char *name;
    const char *drops[QNK_SPEC_DROPS_MAX]; /* ids of the timeline and of assertions */
    uint32_t drops_count;
    const struct qnk_tree *network; /* rules that are different; NULL: none */
};

struct qnk_spec_compare {
    struct qnk_spec_variant variants[QNK_SPEC_VARIANTS_MAX];
    uint32_t variants_count;
    uint32_t repeats;
    uint64_t warmup_ms;
    uint32_t baseline; /* place of the variant */
    struct qnk_expr fails[QNK_SPEC_FAILS_MAX];
    const char *fails_text[QNK_SPEC_FAILS_MAX];
    uint32_t fails_count;
    uint32_t measures[QNK_SPEC_MEASURES_MAX]; /* places in qnk_measures, figures.h */
    uint32_t measures_count;
};

struct qnk_spec {
    struct qnk_budget *budget;
    void *block;
    struct qnk_arena arena;
    struct qnk_report report;
    struct qnk_config_source source;
    struct qnk_tree *tree;
    struct qnk_checker checker;

    const char *name;
    const char *folder; /* of the file: `run` is started there */
    uint64_t seed;
    enum qnk_provider provider;
    uint64_t timeout_ms;
    bool is_real; /* level L0: every node verifies every signature itself */
    struct qnk_loader *loader;
    const struct qnk_tree *changes; /* network.set; NULL: none */
    const char *preset;
    const char *transport, *storage, *compression;
    struct qnk_spec_node nodes[QNK_SPEC_NODES_MAX]; /* validators first */
    uint32_t nodes_count, validators;
    struct qnk_spec_link links[QNK_SPEC_LINKS_MAX];
    uint32_t links_count;
    struct qnk_spec_load loads[QNK_SPEC_LOADS_MAX];
    uint32_t loads_count;
    struct qnk_spec_event events[QNK_SPEC_EVENTS_MAX];
    uint32_t events_count;
    struct qnk_spec_assert asserts[QNK_SPEC_ASSERTS_MAX];
    uint32_t asserts_count;
    bool has_compare;
    struct qnk_spec_compare compare;
};

struct qnk_loader;

struct qnk_spec_options {
    struct qnk_budget *budget;
    const char *provider; /* instead of the file's; NULL: as it says */
    struct qnk_loader
        *loader; /* knows plugins; NULL: their settings and versions are not checked */
};

/* Reads the file at `path`, or what is at hand. Done is owed whatever comes of it. */
QN_MUST_CHECK int32_t qnk_spec_open(struct qnk_spec *spec, const struct qnk_spec_options *options,
                                    const char *path);
QN_MUST_CHECK int32_t qnk_spec_read(struct qnk_spec *spec, const struct qnk_spec_options *options,
                                    const char *name, struct qn_span bytes);
void qnk_spec_done(struct qnk_spec *spec);

/* The rules as they are with a variant's changes: the text of a network file without genesis. */
QN_MUST_CHECK int32_t qnk_spec_rules(struct qnk_spec *spec, const struct qnk_tree *more,
                                     struct qn_sink *out);

/* The line of a network file that has this plugin for a network kind, with what the preset says of
 * it. */
QN_MUST_CHECK int32_t qnk_spec_plugin_line(struct qnk_spec *spec, const char *kind,
                                           const char *plugin, struct qn_sink *out);

/* The node file `base` with keys of `set` instead of its own: each is replaced as a whole. */
QN_MUST_CHECK int32_t qnk_spec_node_file(const struct qnk_tree *set, struct qn_span base,
                                         struct qn_sink *out);

/* The name of the plugin that a network kind begins with, with a variant's changes; "": unknown. */
const char *qnk_spec_plugin_name(struct qnk_spec *spec, const struct qnk_tree *more,
                                 const char *kind);

/* The node of this name, or NULL. */
const struct qnk_spec_node *qnk_spec_node_find(const struct qnk_spec *spec, const char *name);

/* "v1 v2 f1" of a bitmap. */
void qnk_spec_nodes_text(const struct qnk_spec *spec, uint64_t nodes, char *text, uint64_t room);
