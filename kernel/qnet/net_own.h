/* SPDX-License-Identifier: MIT */
#pragma once

/* net_own.h: what the parts of the process provider share. Not for others.
 *
 * net_process.c starts, watches and ends; net_acts.c does what the timeline says; net_export.c
 * reads chains, logs and figures at the end; net_swap.c plans swaps.
 */

#include <uv.h>

#include "kernel/qnet/load.h"
#include "kernel/qnet/net_process.h"

enum {
    QNK_NET_TICK_MS = 50,
    QNK_NET_SEEN = 256, /* heights of which it is known when the first node had them */
    QNK_NET_PATH = 700,
};

struct qnk_net;

/* What a node counts of its own work, as its metrics have it. */
struct qnk_net_counts {
    uint64_t votes, vote_bytes, sent_messages, sent_bytes;
};

struct qnk_net_child {
    uv_process_t process; /* first */
    struct qnk_net *net;
    struct qnk_dev_node *node;
    struct qnk_link link;
    struct qnk_dev_plugin plugins[QNK_DEV_KINDS];
    uint32_t index;
    uint32_t starts;
    uint64_t again_ms; /* when it starts again; 0: not by itself */
    int pid;           /* 0: it does not run */
    bool is_wanted;    /* it shall run, and starts again when it ends */
    bool is_waiting;   /* for its first start */
    bool is_paused;
    bool is_installed; /* it has what it lacked */
    bool serves, was_held;
    uint64_t ready_ms;                           /* when to say again that it is ready */
    bool is_answering;                           /* its last status was good */
    uint64_t cpu_ms, cpu_before_ms;              /* of the process, of those before it */
    struct qnk_net_counts counts, counts_before; /* the same */
    uint64_t window, head;
    struct qnk_sample last;
};

struct qnk_net {
    const struct qnk_process_setup *setup;
    struct qnk_spec *spec;
    struct qnk_story *story;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t interrupt, terminate, hangup;
    struct qnk_dev dev;
    struct qnk_net_child children[QNK_SPEC_NODES_MAX];
    struct qnk_load *load;
    struct qnk_link *load_links[QNK_SPEC_NODES_MAX];
    uint32_t load_nodes[QNK_SPEC_NODES_MAX];
    uint64_t start_ms, sample_ms, counts_ms, stop_ms, over_ms;
    struct {
        uint64_t height, at_us;
    } seen[QNK_NET_SEEN]; /* by height */
    uint64_t asked_height,
        counted; /* blocks whose transactions were asked for, and counted final */
    struct qnk_hash chain_id;
    uint64_t fee;
    struct qnk_act *swap; /* that is under way; NULL: none */
    uint64_t swap_look_ms;
    bool has_swaps, swap_is_planned, swap_is_asking;
    bool has_facts, is_asking_micro, is_asking_final, is_asking_facts;
    bool is_stopping, is_broken, is_ready_told;
    bool is_over; /* and they stay up */
};

uint64_t qnk_net_now_ms(const struct qnk_net *net);
bool qnk_net_child_start(struct qnk_net_child *child);

void qnk_net_acts(struct qnk_net *net);

/* Plans, says ready, and sees whether it came into use. */
void qnk_net_swap_begin(struct qnk_net *net, struct qnk_act *act);
void qnk_net_swaps(struct qnk_net *net);
bool qnk_net_is_swapping(const struct qnk_net *net);
void qnk_net_install(struct qnk_net_child *child, const struct qnk_spec_event *event);

/* What of `plan: KIND=PLUGIN` a node lacks is hidden from it: its own folder of plugins. False
 * after words. */
bool qnk_net_lacks_make(struct qnk_net_child *child);

/* While all still run. */
void qnk_net_export(struct qnk_net *net);
void qnk_net_usage(struct qnk_net_child *child);
void qnk_net_counts(struct qnk_net_child *child, const json_t *metrics);
void qnk_net_counts_keep(struct qnk_net_child *child); /* the process has ended */
void qnk_net_logs(struct qnk_net *net);
