/* SPDX-License-Identifier: MIT */
#pragma once

/* virtual_own.h: what the parts of the virtual provider share. Not for others.
 *
 * virtual.c makes the world and runs the course, virtual_acts.c does what the timeline says,
 * virtual_load.c pays, virtual_export.c reads the chains at the end.
 */

#include "kernel/base/hex.h"
#include "kernel/net/virtual.h"
#include "kernel/sim/harm.h"

enum { QNK_PLAY_SWAPS_MAX = QNK_CAST_OTHERS_MAX, QNK_PLAY_LINE = 1000 };

/* What a validator's operator said of a plan. */
struct qnk_said {
    struct qnk_hash plan;
    uint64_t at_us;
};

/* What a sender of a load did so far. */
struct qnk_payer {
    uint64_t made;    /* nonces below were sent */
    uint64_t sent_ms; /* when the last one was */
    uint64_t looked_ms;
    uint64_t next; /* nonces below are in blocks, as was seen at the last look */
};

struct qnk_play {
    struct qnk_budget *budget;
    struct qnk_story *story;
    const struct qnk_spec *spec;
    struct qnk_cast *cast;
    struct qnk_world *world;
    struct qnk_world_setup world_setup;
    struct qnk_oracle *oracle;
    struct qnk_witness witness;
    struct qnk_harms *harms;
    struct qnk_liars *liars;
    uint64_t start_us;
    uint32_t types[QNK_SPEC_NODES_MAX];
    bool is_waiting[QNK_SPEC_NODES_MAX]; /* for its start */
    uint64_t paused_until_us[QNK_SPEC_NODES_MAX];
    /* What the timeline swaps to: "kind=plugin" of each, and its line of a network file. */
    const struct qnk_spec_event *swap_events[QNK_PLAY_SWAPS_MAX];
    char swap_lines[QNK_PLAY_SWAPS_MAX][QNK_PLAY_LINE];
    const char *swap_texts[QNK_PLAY_SWAPS_MAX];
    uint32_t swaps_count;
    struct qnk_said said[QNK_SPEC_NODES_MAX];
    struct qnk_act *swap;        /* that is under way; NULL: none */
    bool is_proposed, has_shown; /* on a chain */
    uint64_t proposed_us;
    bool was_held[QNK_SPEC_NODES_MAX];
    uint64_t load_end_ms;
    struct qnk_payer payers[QNK_CAST_SENDERS];
    uint64_t due[QNK_SPEC_LOADS_MAX]; /* transfers that each load should have made */
    uint32_t next_payer[QNK_SPEC_LOADS_MAX];
};

uint64_t qnk_play_now_us(const struct qnk_play *play);

/* Whether a node has power, and is not paused, cut or halted. */
bool qnk_play_is_up(const struct qnk_play *play, uint32_t node);
void qnk_play_switch(struct qnk_play *play, uint32_t node, bool is_on);

/* Begins and ends what is due. */
void qnk_play_acts(struct qnk_play *play);

/* Before the cast is made: what it may swap to. False: no room, or no memory. */
bool qnk_play_swaps_find(struct qnk_play *play, struct qnk_spec *spec);

/* Once it is made: who lacks what. */
void qnk_play_lacks(struct qnk_play *play);
void qnk_play_swap_begin(struct qnk_play *play, struct qnk_act *act);
void qnk_play_install(struct qnk_play *play, uint32_t node);

/* Proposes, says ready, and sees whether it came into use. */
void qnk_play_swaps(struct qnk_play *play);

/* Whether a swap is under way. */
bool qnk_play_is_swapping(const struct qnk_play *play);

/* Makes the transfers that are due, and again those that were lost. */
void qnk_play_load(struct qnk_play *play);
void qnk_play_export(struct qnk_play *play, const struct qnk_virtual_setup *setup);
