/* SPDX-License-Identifier: MIT */
#pragma once

/* world.h: many nodes in one thread under a virtual clock: the shipped core and the shipped
 * deterministic plugins behind virtual edges.
 *
 * Whatever happens is an event with a time; equal seeds give equal events, and the trace hash over
 * them says so. Links (links.h) have a delay and may lose, repeat and reorder; nodes crash, which
 * costs them all that was not durable, and start again from their disks (drive.h). Work takes the
 * virtual time that it costs on a machine, whatever it takes here. Nothing waits for a real clock.
 *
 * A disk that says no ends a node as it ends a live one (kernel/host/disk.c): its host stops it,
 * says why, and an operator starts it again.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time; nodes are numbered from 0
 *   threads  one
 *   errors   a node that halts says why in its note; the world goes on without it
 *
 * Source: scale.md 1.
 */

#include <stdbool.h>

#include "kernel/node/node.h"
#include "kernel/node/secret.h"
#include "kernel/node/store.h"
#include "kernel/sim/drive.h"
#include "kernel/sim/links.h"
#include "kernel/sim/watch.h"

enum { QNK_WORLD_NODES_MAX = 1100, QNK_WORLD_WHY = QNK_STORE_WHY };

/* The plugins of one node; the caller makes and destroys the instances. */
struct qnk_world_plugins {
    struct qnk_plugged producer;
    struct qnk_plugged consensus;
    struct qnk_plugged ledger;
    struct qnk_plugged signature;
    struct qnk_plugged storage;
};

/* How the world gets fresh instances for a node that starts, and gives them back. Storage outlives
 * a crash: `storage` is only made for the first start. */
struct qnk_world_maker {
    void *ctx;
    bool (*make)(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins);
    void (*give)(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins);
    /* An instance for a binding that a running node needs, which lives until `unplug` or `give`.
     * False: there is none yet; qnk_world_plug asks again. `unplug` comes also for what never
     * came. Either may be NULL. */
    bool (*plug)(void *ctx, uint32_t node, const struct qnk_need *need,
                 struct qnk_plugged *instance);
    void (*unplug)(void *ctx, uint32_t node, uint32_t kind, uint32_t number);
    /* Fills the disk of a node that is switched on for the first time, which else begins at
     * genesis; may be NULL. */
    int32_t (*furnish)(void *ctx, uint32_t node, struct qnk_store *store);
};

struct qnk_world_setup {
    uint64_t seed;
    uint32_t nodes;
    struct qnk_params params;
    struct qnk_limits limits;
    uint32_t resend_ms;
    uint64_t start_us;        /* the clock's first time */
    uint32_t delay_us;        /* of a link, at least; the same again at most on top, by lot */
    uint32_t jitter_us;       /* jobs, disks and keys take up to this much longer, by lot */
    uint32_t mangle_permille; /* of frames: a mangled copy comes before it, as if sent too */
    uint32_t maps_us;         /* final windows are durable up to this much later, by lot */
    uint32_t loss_permille;   /* of frames: such a link breaks and is made again */
    const uint8_t *regions;   /* enum qnk_region of each node, instead of delay_us; NULL: none */
    const struct qnk_bandwidth *bandwidths; /* of each node; NULL: no limits */
    uint32_t degree; /* others that each links with besides validators with each other; 0: all */
    uint64_t order;  /* of what happens at one time: 0 as it came, else fuzzed by this */
    struct qn_span genesis; /* the ledger's record */
    /* Of the nodes' keys; the first are the set's, in its order. Two nodes may have the same:
     * twins, with one validator's key on two machines. */
    const uint8_t (*seeds)[32];
    /* What others know each node by; NULL: the public keys of the seeds. Of another one the seed's
     * signatures are no good, unless the signature plugin knows of it (standin.h). */
    const struct qnk_hash *names;
    const struct qnk_secret *secrets; /* made from the seeds; NULL: they are made, 0.1 s each */
    const uint32_t *types;            /* enum qnk_node_type of each node; NULL: all super */
    const struct qnk_set *set;
    const struct qnk_hash *tips;
    struct qnk_world_maker maker;
    void (*note)(void *ctx, uint32_t node, const struct qnk_effect *note); /* NULL: dropped */
    void *note_ctx;
};

struct qnk_world;

/* NULL: memory, or a plugin, says no. All nodes are off. */
QN_MUST_CHECK struct qnk_world *qnk_world_create(struct qnk_budget *budget,
                                                 const struct qnk_world_setup *setup);
void qnk_world_destroy(struct qnk_world *world);

/* Switches a node on: it restores what it stored and connects to all that are on. False: its disk
 * says no, and it is halted (qnk_world_status): it can be crashed, its disk mended or wiped. */
bool qnk_world_start(struct qnk_world *world, uint32_t node);

/* What its node has of these from its next start on. */
void qnk_world_set(struct qnk_world *world, uint32_t node, const struct qnk_limits *limits,
                   uint32_t resend_ms);

/* The power goes: jobs, frames and what was not durable are lost. */
void qnk_world_crash(struct qnk_world *world, uint32_t node);

/* Its disk is empty again, as new, when it starts next. The node is off. */
void qnk_world_wipe(struct qnk_world *world, uint32_t node);

/* The power goes between two writes: the node's disk takes `writes` more, and with the next one the
 * node is dead, in the midst of what it does. qnk_world_crash then makes that known. */
void qnk_world_cut(struct qnk_world *world, uint32_t node, uint32_t writes);

/* Whether a cut node has come to its end. */
bool qnk_world_is_cut(const struct qnk_world *world, uint32_t node);

/* When a mangled frame last came to it; 0: never. */
uint64_t qnk_world_mangled_us(const struct qnk_world *world, uint32_t node);

/* Faults of all links, of a way (everything takes so much longer), of a machine (1000: as it is,
 * 10000: ten times slower) from now on. Faults of disks: drive.h. */
void qnk_world_faults(struct qnk_world *world, const struct qnk_link_faults *faults);
void qnk_world_slow_way(struct qnk_world *world, uint32_t from, uint32_t to, uint32_t extra_us);
void qnk_world_slow(struct qnk_world *world, uint32_t node, uint32_t cpu_permille,
                    uint32_t disk_permille);

/* One way has a jitter and a loss of its own (links.h). */
void qnk_world_rough_way(struct qnk_world *world, uint32_t from, uint32_t to, uint32_t jitter_us,
                         uint32_t loss_ppm);

/* The node's process stands still until then, and does not know: what happens to it waits. */
void qnk_world_pause(struct qnk_world *world, uint32_t node, uint64_t until_us);

/* Cuts or mends both ways between two nodes. */
void qnk_world_link(struct qnk_world *world, uint32_t a, uint32_t b, bool is_up);

/* Cuts or mends one way: what goes there vanishes while the link stays up. It breaks when the other
 * side has heard nothing for 20 s, or when the way is mended and something was lost. */
void qnk_world_cut_way(struct qnk_world *world, uint32_t from, uint32_t to, bool is_up);

/* Sets a machine's clock: its difference from the true time, and how many microseconds it gains a
 * second from then on. Its host follows as live hosts do (kernel/base/clock.h). */
void qnk_world_clock(struct qnk_world *world, uint32_t node, int64_t offset_us, int32_t drift_ppm);

/* Adds one who watches: watch.h. What is on already is not told of. */
void qnk_world_watch(struct qnk_world *world, const struct qnk_watch *watch);

/* Calls back at a virtual time, between two events and as part of the trace. The callee may do all
 * but run and destroy the world. */
typedef void qnk_world_call(void *ctx, struct qnk_world *world);
void qnk_world_at(struct qnk_world *world, uint64_t at_us, qnk_world_call *call, void *ctx);

/* Runs until this virtual time. */
void qnk_world_run(struct qnk_world *world, uint64_t until_us);

/* Gives transactions (a TXS body) to a node as its client would. */
void qnk_world_submit(struct qnk_world *world, uint32_t node, struct qn_span txs);

/* A frame to `to` as `from` would send it: in order, with the link's delay, or not at all. Of the
 * head, lane, type and request count. */
void qnk_world_send(struct qnk_world *world, uint32_t from, uint32_t to, struct qnk_frame head,
                    struct qn_span body);

/* A message to `to` as if `from` had sent it, with whatever its keeper wants to say. */
void qnk_world_say(struct qnk_world *world, uint32_t from, uint32_t to, uint8_t lane, uint8_t type,
                   struct qn_span body);

/* A secret key as libsodium has it, for liars; what they sign with it they tell those who watch. */
const uint8_t *qnk_world_key(const struct qnk_world *world, uint32_t node);
void qnk_world_signed(struct qnk_world *world, uint32_t node, struct qn_span message,
                      const uint8_t signature[QN_SIG_SIZE]);

/* What its operator says: enum qnk_control_what. */
void qnk_world_control(struct qnk_world *world, uint32_t node, uint32_t what);

/* What its operator proposes: a plan, ready or cancel of a swap. */
void qnk_world_propose(struct qnk_world *world, uint32_t node, uint8_t kind,
                       struct qn_span payload);

/* Its operator gives the attempt at the open window up. */
void qnk_world_abandon(struct qnk_world *world, uint32_t node);

/* The maker may have what the node needs: it is asked again. */
void qnk_world_plug(struct qnk_world *world, uint32_t node);

uint64_t qnk_world_now(const struct qnk_world *world);
uint64_t qnk_world_events(const struct qnk_world *world);

/* Processor time of the longest step of any node so far, and whose it was: the one figure here that
 * is not of the seed. */
uint64_t qnk_world_step_max_ns(const struct qnk_world *world, uint32_t *node);

/* Over all that happened so far: time, node, its life, kind and what tells it from others; of
 * frames the payload as well. */
void qnk_world_trace(const struct qnk_world *world, struct qnk_hash *trace);

/* NULL: it is off, or halted. */
struct qnk_node *qnk_world_node(struct qnk_world *world, uint32_t node);
struct qnk_store *qnk_world_store(struct qnk_world *world, uint32_t node);

/* Its disk, to be broken; NULL: it was never on. */
struct qnk_drive *qnk_world_drive(struct qnk_world *world, uint32_t node);

/* What its disk said when its host stopped the node, and what that was; QN_OK: it did not. */
int32_t qnk_world_status(const struct qnk_world *world, uint32_t node);
const char *qnk_world_why(const struct qnk_world *world, uint32_t node);

/* Bytes that it sent so far; and the time that its processors worked at jobs, as the model has
 * it. */
uint64_t qnk_world_sent(const struct qnk_world *world, uint32_t node);
uint64_t qnk_world_worked_us(const struct qnk_world *world, uint32_t node);
