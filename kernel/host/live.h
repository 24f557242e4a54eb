/* SPDX-License-Identifier: MIT */
#pragma once

/* live.h: what a running host is made of. For the files of this folder that make up host.h: life
 * (host.c), start (start.c), steps and effects (perform.c), metrics (gauges.c), reload (reload.c),
 * input log (record.c, anew.c).
 *
 * Unless a function's own comment says otherwise:
 *   threads  the loop's
 */

#include <uv.h>

#include "kernel/base/clock.h"
#include "kernel/host/bound.h"
#include "kernel/host/datadir.h"
#include "kernel/host/disk.h"
#include "kernel/host/gate.h"
#include "kernel/host/host.h"
#include "kernel/host/inputs.h"
#include "kernel/host/keyfile.h"
#include "kernel/host/kit.h"
#include "kernel/host/peers.h"
#include "kernel/host/refit.h"
#include "kernel/host/signer.h"
#include "kernel/host/watch.h"

enum {
    QNK_LIVE_TICK_MS = 100,
    QNK_LIVE_SITES = 64,
    QNK_LIVE_HANDLES = 3, /* of the loop: ending, timer, tick */
};

/* A submit that waits for its answer. Its token is `turn` and its place. */
struct qnk_live_submit {
    uint64_t token; /* 0: free */
    qnk_host_submitted *done;
    void *ctx;
};

/* Where lines of one event name are counted. */
struct qnk_live_site {
    const char *event;
    struct qnk_log_site site;
};

/* The ledger's state on its way from the disk. */
struct qnk_live_load {
    struct qnk_task task;
    struct qnk_host *host;
    int32_t status;
};

/* The input log, and the task that makes it or its next file. */
struct qnk_live_inputs {
    struct qnk_task task;
    struct qnk_host *host;
    struct qnk_inputs *inputs; /* NULL: nothing is recorded */
    int32_t status;
    bool has_kept;  /* the log of a node that died */
    bool has_told;  /* that recording has stopped */
    bool is_making; /* the next file: the pool has the task until the loop hears that it is done */
    uint32_t dropped;
    uint32_t segment; /* of a file of steps; 0: the usual; tests have it small */
    bool stays;       /* full or not, this host does not end for it */
    char why[QNK_INPUTS_WHY];
};

struct qnk_gauges;

struct qnk_host {
    struct qnk_host_setup setup;
    struct qnk_budget budget; /* of all but the core, its effects and tasks, and the plugins */
    struct qnk_log_part log;  /* kernel/host */
    struct qnk_log_part core_log;
    struct qnk_live_site sites[QNK_LIVE_SITES];

    uint32_t phase;
    const char *doing;
    uint32_t next_step; /* of the start */
    size_t refused;     /* by the budget, before that step */
    uint32_t drained;   /* ticks since a plain end began */
    bool is_ending;     /* no more events to the core */
    bool is_ended;
    bool is_again; /* it ends so that another begins anew */
    enum qnk_exit exit;
    char why[QNK_HOST_WHY];

    struct qnk_clock clock;
    uint64_t start_us;
    uint64_t running_us; /* since when it runs; 0: it starts */
    bool is_clock_held;
    uint64_t disk_free;      /* bytes; 0: not known yet */
    uint64_t room_told_us;   /* when it was last said that there is little; 0: there is enough */
    const char *not_signing; /* as the log has it; NULL: nothing yet */

    /* In the order of the start; the end goes backwards. */
    struct qnk_datadir dir;
    bool has_dir;
    char socket[QNK_DATADIR_SOCKET_MAX + 1];
    char storage_folder[QNK_DATADIR_PATH + 16];
    char transport_folder[QNK_DATADIR_PATH + 16];
    struct qnk_key node_key;
    struct qnk_key validator_key;
    struct qnk_hash node_public, validator_public;
    bool has_validator;
    bool is_marked; /* beside the validator's key file is its mark (mark.h), or can be none */
    struct qnk_metrics *metrics;
    struct qnk_gauges *gauges;
    struct qnk_watch *watch;
    struct qnk_kit kit;
    bool has_kit;
    struct qnk_params params;
    struct qnk_set *first_set;
    struct qnk_hash *tips;
    uint32_t tips_count;
    struct qnk_store store; /* of the start */
    struct qnk_live_load load;
    struct qnk_live_inputs inputs;
    uint64_t seed;     /* of the core */
    uint64_t jobs;     /* that the core gave so far */
    uint32_t jobs_out; /* that threads have, or wait in the pool's queues */
    bool is_holding;   /* jobs wait here instead: a plugin that they call is exchanged */
    struct qnk_task *held, *held_last;
    struct qnk_refit *refit; /* NULL while starting */
    struct qnk_bound *bound; /* NULL while starting */
    bool is_copying;         /* what is final, into a file */
    qnk_refit_heard *refit_heard;
    void *refit_heard_ctx;
    struct qnk_gate gate;
    struct qnk_job_host job_host;
    uint32_t workers;
    struct qnk_pool *pool;
    struct qnk_signer *signer;
    struct qnk_disk *disk;
    struct qnk_node *node;
    struct qnk_effects effects;
    struct qnk_budget effects_budget; /* their own: in a step memory cannot be waited for */
    struct qnk_budget tasks_budget;   /* of what those for the disk become, likewise */
    uint64_t votes_signed;            /* or given to be signed */
    uint64_t head_us;                 /* when the best block became that; 0: not since the start */
    bool is_performing;
    struct qnk_peers *peers;

    uint64_t timers[QNK_TIMERS]; /* when they are due; 0: not set */
    bool are_timers_moved;
    uint32_t ticks;

    struct qnk_live_submit *submits;
    uint32_t submits_count;
    uint32_t submits_next;       /* where a free place is looked for first */
    struct qnk_config *reloaded; /* the files as they were taken over last; NULL: at the start */
    struct qnk_budget reload_budget;
    uint64_t turn;
    uint32_t asks;
    uint64_t lists_text; /* bytes of lists that are begun and wait for their read */
    qnk_host_noted *noted;
    void *noted_ctx;

    uv_async_t ender;
    uv_timer_t timer;
    uv_timer_t tick;
    uint32_t handles;
};

/* --- start.c --- */

/* One step of the start after another, each from the loop. */
void qnk_live_start(struct qnk_host *host);

/* What the core is made from; borrows from the host. */
void qnk_live_core_setup(const struct qnk_host *host, struct qnk_setup *setup);

/* Makes the validator key's mark, once, and waits for the disk: nothing may be signed before. */
void qnk_live_mark(struct qnk_host *host);

/* --- record.c --- */

/* Begins the input log, if there shall be one. QN_AGAIN: it calls qnk_live_start(). */
QN_MUST_CHECK int32_t qnk_live_inputs_start(struct qnk_host *host);

/* What was stored is restored: from here on no event waits for the disk. */
void qnk_live_inputs_running(struct qnk_host *host);

/* Before a step, and after it with its effects. */
void qnk_live_inputs_event(struct qnk_host *host, const struct qnk_event *event);
void qnk_live_inputs_effects(struct qnk_host *host);
void qnk_live_inputs_end(struct qnk_host *host);

/* --- anew.c --- */

/* Every QNK_LIVE_TICK_MS of a running node: whether it ends, so that its input log begins anew. */
void qnk_live_anew_tick(struct qnk_host *host);

/* --- perform.c --- */

uint64_t qnk_live_now(struct qnk_host *host);

/* Takes an event to the core and does what follows. Nothing, once the node is ending. */
void qnk_live_event(struct qnk_host *host, struct qnk_event *event);

/* What the disk, the peers and the timer call. */
void qnk_live_disk_event(void *ctx, struct qnk_event *event);
void qnk_live_reply(void *ctx, uint64_t token, struct qn_span codes);
uint64_t qnk_live_disk_now(void *ctx);
bool qnk_live_has_room(void *ctx, uint32_t peer);
void qnk_live_send(void *ctx, uint32_t peer, uint8_t type, uint32_t request, struct qn_buf *head,
                   struct qn_slice body);
void qnk_live_failed(void *ctx, int32_t status, const char *what, const char *why);
void qnk_live_damaged(void *ctx, const char *why);
void qnk_live_timers_arm(struct qnk_host *host);
void qnk_live_timer_due(struct qnk_host *host);

/* Lets jobs wait, or gives those that waited to the pool. */
void qnk_live_jobs_hold(struct qnk_host *host, bool holds);

/* --- gauges.c --- */

QN_MUST_CHECK int32_t qnk_gauges_create(struct qnk_host *host);
void qnk_gauges_destroy(struct qnk_host *host);
void qnk_gauges_update(struct qnk_host *host);
void qnk_gauges_waited(void *ctx, enum qnk_disk_kind kind, uint64_t us);

/* --- host.c --- */

/* How a status ends the process. */
enum qnk_exit qnk_live_exit(int32_t status);

/* --- start.c --- */

/* Whether a step of the start failed as limits.memory is too small: the node stops for that. */
bool qnk_live_is_short(struct qnk_host *host, int32_t status);

/* --- reload.c --- */

/* Sets the log's levels as the file says. */
void qnk_live_levels(struct qnk_host *host, const struct qnk_node_file *file);

/* Gives up what reloads kept. */
void qnk_live_reload_done(struct qnk_host *host);
