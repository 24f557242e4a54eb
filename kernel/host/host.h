/* SPDX-License-Identifier: MIT */
#pragma once

/* host.h: the live host of one node: real time, disk, threads and peers around the core.
 *
 * It turns what happens into events, steps the core, and performs the effects; it decides nothing
 * about the chain. qnetd makes one, the admin socket and the queries look at it.
 *
 *     create -> start -> (uv_run) -> stop, by anyone, at any time -> closed -> destroy
 *
 * A host whose input log is full ends by itself, in order, so that another can begin the log anew:
 * what is recorded can be replayed from its beginning on only. That is for owners who say that they
 * make another (`begins_anew`).
 *
 * Unless a function's own comment says otherwise:
 *   owns     what is given out by pointer lives as long as the host
 *   threads  the loop's
 *   errors   of a start: qnk_host_ending() says what, where and what to do
 *
 * Source: architecture.md, performance.md section 4, operations.md 3 and 8.
 */

#include <stdbool.h>

#include "kernel/base/log.h"
#include "kernel/base/metrics.h"
#include "kernel/config/config.h"
#include "kernel/host/pool.h"
#include "kernel/node/node.h"
#include "kernel/node/store.h"
#include "kernel/plugin/plugin.h"

enum {
    QNK_HOST_SUBMITS_MAX = 4096, /* that wait for an answer; more: QN_BUSY */
    QNK_HOST_ASKS_MAX = 1024,    /* reads that wait; more: QN_BUSY */
    QNK_HOST_WHY = 400,
};

/* How qnetd ends, so that systemd can tell whether to start it again. */
enum qnk_exit {
    QNK_EXIT_OK = 0,
    QNK_EXIT_USAGE = 64,
    QNK_EXIT_CORRUPT = 65,    /* stored data */
    QNK_EXIT_INTERNAL = 70,   /* going on would be wrong */
    QNK_EXIT_IO = 74,         /* disk full, or failing */
    QNK_EXIT_LOCKED = 75,     /* the data folder is in use */
    QNK_EXIT_PERMISSION = 77, /* a key file that others can read, a folder that we may not use */
    QNK_EXIT_CONFIG = 78,     /* configuration or plugin refused */
};

struct qnk_host;
struct qnk_lines;
struct qnk_peers;
struct uv_loop_s;

struct qnk_host_setup {
    const struct qnk_config *config; /* of a node, without errors */
    const char *config_path;         /* as it was given, for messages and reloads */
    struct qnk_loader *loader;       /* of plugins */
    struct qnk_shared *shared;       /* what instances of this process share */
    struct qnk_log *log;
    struct qnk_lines *lines; /* that hear of the log, for the input log; NULL: none */
    struct uv_loop_s *loop;
    bool begins_anew;           /* once closed, the owner looks at qnk_host_is_again() */
    uint64_t anew_us;           /* when it last began anew, monotonic; 0: never */
    void (*running)(void *ctx); /* the node runs: sockets bound, what was stored is restored */
    void (*closed)(void *ctx);  /* all is given back to the loop; the host may be destroyed */
    void *ctx;
};

QN_MUST_CHECK int32_t qnk_host_create(const struct qnk_host_setup *setup, struct qnk_host **host);

/* Makes and locks the folders, so that the socket can be opened; the rest follows from the loop:
 * keys, plugins, what is stored, peers. Not QN_OK: it has stopped itself, as by stop(), with the
 * exit code that fits; so it does when a later step fails. The loop must run in any case. */
QN_MUST_CHECK int32_t qnk_host_start(struct qnk_host *host);

/* The node stops: what is on its way to the disk gets there, links close, `closed` is called. A
 * plain end, with QNK_EXIT_OK, first lets what is being signed and stored come to its end. The
 * first code that is not QNK_EXIT_OK counts, with its words. */
void qnk_host_stop(struct qnk_host *host, enum qnk_exit code, const char *why);
void qnk_host_destroy(struct qnk_host *host);

/* How it ended, or began to: code and words. */
enum qnk_exit qnk_host_ending(const struct qnk_host *host, const char **why);

/* Whether it ended, or began to, for another to begin anew. Any stop() ends that, too. */
bool qnk_host_is_again(const struct qnk_host *host);

/* Reads the node file again and applies what may change in a running node: levels of the log, known
 * peers. `text` gets lines: what has changed since the last time, and which keys have since the
 * start and need a restart; or what is wrong, and then it did nothing but read who vouches for
 * plugins. QN_INVALID: the files; QN_AGAIN: the node does not run; QN_NO_SPACE: no memory. */
QN_MUST_CHECK int32_t qnk_host_reload(struct qnk_host *host, struct qn_sink *text);

/* --- looking --- */

enum qnk_host_phase {
    QNK_HOST_STARTING, /* no node yet: look at nothing below but names, keys and configuration */
    QNK_HOST_RUNNING,
    QNK_HOST_STOPPING,
};

struct qnk_host_view {
    uint32_t phase;    /* enum qnk_host_phase */
    const char *doing; /* while starting: "loading the ledger" */
    uint64_t now_us;   /* since 1970, never falling: the node's clock */
    uint64_t start_us; /* when it was created */
    const char *name;  /* from the node file */
    const char *network;
    const char *data;    /* folder */
    const char *runtime; /* folder of the admin socket */
    const char *socket;  /* its path; "" before the folders are there */
    const char *config;  /* path of the node file */
    uint32_t type;       /* enum qnk_node_type */
    uint32_t workers;
    struct qnk_hash chain_id;
    struct qnk_hash node_key; /* public; zero before the keys were read */
    bool has_validator;
    struct qnk_hash validator_key;
    uint64_t head_us;  /* when the best block became that here; 0: not since the start */
    const char *clock; /* "" or what is wrong with it */
    uint64_t memory_used, memory_limit;
};

void qnk_host_look(const struct qnk_host *host, struct qnk_host_view *view);

/* NULL while starting, and after the end. */
struct qnk_node *qnk_host_node(struct qnk_host *host);
struct qnk_peers *qnk_host_peers(struct qnk_host *host);

/* Whose memory answers may take. */
struct qnk_budget *qnk_host_budget(struct qnk_host *host);
struct uv_loop_s *qnk_host_loop(struct qnk_host *host);
struct qnk_log *qnk_host_log(struct qnk_host *host);
struct qnk_metrics *qnk_host_metrics(struct qnk_host *host); /* brought up to date by this call */
const struct qnk_config *qnk_host_config(const struct qnk_host *host);

/* The plugins of a running node; NULL while starting. Consensus is NULL on a node that does not
 * vote. */
enum qnk_host_kind {
    QNK_HOST_TRANSPORT,
    QNK_HOST_STORAGE,
    QNK_HOST_COMPRESSION,
    QNK_HOST_SIGNATURE,
    QNK_HOST_LEDGER,
    QNK_HOST_PRODUCER,
    QNK_HOST_CONSENSUS,
    QNK_HOST_KINDS,
};

struct qnk_instance *qnk_host_instance(struct qnk_host *host, uint32_t kind);
const struct qnk_plugin *qnk_host_plugin(struct qnk_host *host, uint32_t kind);

/* --- asking --- */

/* What a read may use on its thread. */
struct qnk_reach {
    struct qnk_store *store; /* of this thread alone */
    uint32_t store_lane;
    struct qnk_plugged ledger; /* with the state at the head; slots of class `shared` only */
    uint32_t ledger_lane;
};

/* A question that waits for the disk or looks into the ledger. The asker's, and stays where it is
 * until `done`; `run` touches nothing of the loop's. The ledger does not change meanwhile, and what
 * was final when it was asked is on the disk. */
struct qnk_ask {
    void (*run)(struct qnk_ask *ask, const struct qnk_reach *reach); /* on the reads thread */
    void (*done)(struct qnk_ask *ask);                               /* on the loop */
    struct qnk_task task;                                            /* the host's, and below */
    struct qnk_host *host;
    uint64_t windows;
    bool goes_on;    /* the asker's: it reads a snapshot that it has, and waits for no window */
    bool has_rotten; /* it met a stored body that cannot be read, of this header */
    uint8_t rotten[QNK_MICRO_SIZE];
};

/* QN_BUSY: ASKS_MAX wait; QN_AGAIN: the node is starting or stopping. `done` is then not called. */
QN_MUST_CHECK int32_t qnk_host_ask(struct qnk_host *host, struct qnk_ask *ask);

/* The verdict on transactions: `codes` has for each its id and u8 enum qnk_tx_code, and is empty if
 * the node stopped first. */
typedef void qnk_host_submitted(void *ctx, struct qn_span codes);

/* Gives a TXS body (count and rows) to the node. QN_BUSY: SUBMITS_MAX wait; QN_AGAIN: the node is
 * starting or stopping. `done` is then not called. */
QN_MUST_CHECK int32_t qnk_host_submit(struct qnk_host *host, struct qn_buf *txs,
                                      qnk_host_submitted *done, void *ctx);

/* From the operator or a criterion of the host's own: enum qnk_control_what. */
void qnk_host_control(struct qnk_host *host, uint32_t what);

/* Who hears of every NOTE effect, one listener; NULL ends it. It is called within a step: it looks
 * at nothing and submits nothing. */
typedef void qnk_host_noted(void *ctx, const struct qnk_effect *note);
void qnk_host_watch(struct qnk_host *host, qnk_host_noted *noted, void *ctx);
