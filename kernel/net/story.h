/* SPDX-License-Identifier: MIT */
#pragma once

/* story.h: what was seen of one run, by whichever provider: nodes sampled, blocks and windows when
 * they came, transfers from submit to final, what was done when, and at the end every node's chain.
 * Assertions, figures and reports are made of nothing else.
 *
 * Times of a block, a window and a transfer are those at which the first node had it. The chain
 * that counts is the exported one of the node with the most final windows; the others are compared
 * with it.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds since the network's start; nodes as in the spec
 *   owns     a story owns all it holds until done(); the spec outlives it
 *   threads  one
 *   errors   no memory: false from init, else what does not fit is counted and left out
 *
 * Source: operations.md 13, 14.
 */

#include <stdio.h>

#include "kernel/base/hash.h"
#include "kernel/base/index.h"
#include "kernel/net/course.h"
#include "kernel/net/figures.h"

enum {
    QNK_STORY_SAMPLE_MS = 250,
    QNK_STORY_SAMPLES_MAX = 20000, /* of a node; in longer runs they are further apart */
    QNK_STORY_TXS_MAX = 1 << 19,
    QNK_STORY_HEIGHTS_MAX = 1 << 17,
    QNK_STORY_WINDOWS_MAX = 1 << 14,
    QNK_STORY_LOGS_MAX = 256, /* kinds of what nodes say */
    QNK_STORY_WORDS = 200,
    QNK_STORY_TOLD_MAX = 256, /* that the report repeats; more are in events.jsonl alone */
    QNK_STORY_PLUGINS_MAX = 32,
};

struct qnk_sample {
    uint32_t at_ms;
    uint32_t head, window, final_height;
    uint32_t mempool, behind;
    uint16_t round, peers;
    bool is_on, is_ready, is_held;
};

struct qnk_story_tx {
    struct qnk_hash id;
    uint64_t submit_us, accept_us, micro_us, final_us; /* 0: it was not */
    uint32_t height;
    uint32_t finals; /* in how many places of the chain that counts */
    uint32_t node;   /* that it was given to */
    bool is_refused;
};

struct qnk_story_node {
    struct qnk_sample *samples;
    uint32_t samples_count;
    uint64_t start_ms; /* first; UINT64_MAX: not yet */
    uint32_t starts;
    uint64_t windows; /* of its export */
    bool is_exported;
};

struct qnk_story_log {
    char event[48];
    uint64_t counts[QNK_SPEC_NODES_MAX];
};

/* What people were told as it went on. */
struct qnk_story_told {
    uint64_t at_us;
    char what[12], text[QNK_STORY_WORDS + 80];
};

struct qnk_story_plugin {
    char kind[16], name[64];
};

/* A disagreement; the first is kept in words. */
struct qnk_story_conflict {
    uint64_t times;
    char words[QNK_STORY_WORDS];
};

struct qnk_story {
    struct qnk_budget *budget;
    const struct qnk_spec *spec;
    const struct qnk_spec_variant *variant; /* NULL: none */
    struct qnk_course course;
    uint64_t seed;
    FILE *events; /* NULL: not written */
    FILE *told;   /* for people, as it goes on; NULL */

    uint32_t window_blocks;
    uint32_t sample_ms;
    struct qnk_story_node nodes[QNK_SPEC_NODES_MAX];
    struct qnk_story_tx *txs;
    uint32_t txs_count;
    struct qnk_index *txs_index;
    uint64_t txs_left_out, held_back, sent_again;
    uint64_t *micro_us;        /* [height]: 0: nobody had it */
    uint64_t *final_us;        /* [window] */
    struct qnk_hash *digests;  /* [window]: as first seen */
    struct qnk_hash *ids;      /* [height]: of the chain that counts */
    uint64_t heights, windows; /* the highest */
    uint64_t undone;
    struct qnk_story_log logs[QNK_STORY_LOGS_MAX];
    uint32_t logs_count;
    struct qnk_story_told *tellings;
    uint32_t tellings_count;
    struct qnk_story_plugin plugins[QNK_STORY_PLUGINS_MAX]; /* that took part */
    uint32_t plugins_count;

    struct qnk_story_conflict forked, reverted, oracle, died; /* died: a node by itself */
    uint64_t chain_heights, chain_windows;                    /* of the chain that counts */
    uint64_t chain_txs;                                       /* in it, of all kinds */
    uint64_t end_ms;                                          /* of the run */
    bool is_timed_out, is_settled, is_interrupted;

    /* What a provider knows besides. */
    uint64_t sent_bytes, sent_messages, vote_bytes, votes, evidence;
    uint64_t cpu_us, rss_max, disk_max;
    uint64_t real_ms;    /* that the run took */
    char event_hash[65]; /* "": not repeatable */
    uint64_t checked;    /* looks of oracles */
};

bool qnk_story_init(struct qnk_story *story, struct qnk_budget *budget, const struct qnk_spec *spec,
                    uint64_t seed, const struct qnk_spec_variant *variant);
void qnk_story_done(struct qnk_story *story);

/* --- while it runs --- */

void qnk_story_started(struct qnk_story *story, uint32_t node, uint64_t at_us);
void qnk_story_stopped(struct qnk_story *story, uint32_t node, uint64_t at_us, const char *why);
/* A node came to an end that nobody wished. */
void qnk_story_died(struct qnk_story *story, uint32_t node, uint64_t at_us, const char *why);
void qnk_story_sample(struct qnk_story *story, uint32_t node, const struct qnk_sample *sample);

/* A node has a new head, with these transactions; ids may be empty. */
void qnk_story_micro(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t height,
                     const struct qnk_hash *ids, uint32_t count);
void qnk_story_undone(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t height);

/* A window is final at a node; with its transactions, if they are known. */
void qnk_story_final(struct qnk_story *story, uint32_t node, uint64_t at_us, uint64_t window,
                     const struct qnk_hash *digest, const struct qnk_hash *ids, uint32_t count);
/* These transactions became final then, for a provider that learns of them apart. */
void qnk_story_txs_final(struct qnk_story *story, uint64_t at_us, const struct qnk_hash *ids,
                         uint32_t count);
void qnk_story_submit(struct qnk_story *story, uint32_t node, uint64_t at_us,
                      const struct qnk_hash *id);
void qnk_story_accept(struct qnk_story *story, uint64_t at_us, const struct qnk_hash *id);
void qnk_story_refuse(struct qnk_story *story, const struct qnk_hash *id);
void qnk_story_log(struct qnk_story *story, uint32_t node, uint64_t at_us, uint32_t level,
                   const char *event, const char *text);

/* An act begins or ends. */
void qnk_story_act(struct qnk_story *story, const struct qnk_act *act, uint64_t at_us, bool begins);
void qnk_story_tell(struct qnk_story *story, uint64_t at_us, const char *what, const char *text);

/* A plugin takes part; once is enough. */
void qnk_story_plugin(struct qnk_story *story, const char *kind, const char *name);

/* --- at the end: every node's chain, the one that counts first --- */

void qnk_story_chain_micro(struct qnk_story *story, uint32_t node, bool counts, uint64_t height,
                           const struct qnk_hash *id, const struct qnk_hash *ids, uint32_t count);
void qnk_story_chain_macro(struct qnk_story *story, uint32_t node, uint64_t window,
                           const struct qnk_hash *digest);
void qnk_story_chain_done(struct qnk_story *story, uint32_t node, uint64_t windows);

/* Whether all that was accepted is final. */
bool qnk_story_is_settled(const struct qnk_story *story);

/* --- figures --- */

/* Of a swap's act. False: it is not known. */
bool qnk_story_swap(const struct qnk_story *story, const struct qnk_act *act,
                    enum qnk_swap_figure figure, double *value);

/* Of the run, from `from_ms` on. */
bool qnk_story_measure(const struct qnk_story *story, enum qnk_measure measure, uint64_t from_ms,
                       double *value);
double qnk_sample_value(const struct qnk_sample *sample, enum qnk_gauge gauge);
