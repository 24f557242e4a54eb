/* SPDX-License-Identifier: MIT */
#pragma once

/* inside.h: what the parts of a world share. Not for others.
 *
 * world.c holds life and time, wires.c frames and links, perform.c steps and their effects,
 * writes.c disks. Calls go from what happens (world.c) to what it does (perform.c) to where it goes
 * (wires.c, writes.c).
 */

#include <sodium.h>

#include "kernel/base/clock.h"
#include "kernel/sim/drive.h"
#include "kernel/sim/links.h"
#include "kernel/sim/queue.h"
#include "kernel/sim/stream.h"
#include "kernel/sim/world.h"

enum {
    HELLO_US = 2000,                  /* until a link is up */
    AGAIN_US = 20000,                 /* until one that broke is made again */
    SILENCE_US = 20000000,            /* a host that hears nothing for so long drops the link */
    LANE = 0,                         /* of every plugin call: there is one thread */
    CPUS = 2,                         /* of a machine, for all but its ledger */
    NEEDS_MAX = 2 * QNK_BINDINGS_MAX, /* plugins that a node needs and has none of */
};

/* Instead of a node: the world itself. */
#define NOBODY UINT32_MAX

enum action {
    ACT_FRAME,
    ACT_TIMER,
    ACT_JOB,
    ACT_STORED,
    ACT_SIGNED,
    ACT_LOGGED, /* written, and nobody waits for it */
    ACT_WINDOW,
    ACT_SECRETS,
    ACT_CHECKED, /* or ROTTEN */
    ACT_UP,
    ACT_DOWN,
    ACT_SILENT, /* nothing was heard from the other for too long */
    ACT_CALL,   /* of whoever runs the world */
    ACT_PLUG,   /* a plugin that the node needs may be there */
};

/* A machine's writers, each of which does one thing after another. */
enum writer { WRITER_LOGS, WRITER_MAPS, WRITERS };

/* What a node waits for: the effect that is carried out when it happens, and the event then. */
struct deed {
    struct qnk_effect effect;
    struct qnk_event event;
    bool is_written;
    bool is_queued;  /* with a writer */
    bool has_rotten; /* CHECKED: a stored body that is, and its header */
    uint8_t rotten[QNK_MICRO_SIZE];
};

/* Something that will happen to a node. */
struct happening {
    struct qnk_queued queued;
    uint32_t what; /* enum action */
    uint32_t node;
    uint32_t life; /* of the node: an older one's happenings are void */
    uint32_t from; /* FRAME, UP, DOWN, SILENT: the other node */
    union {
        struct {
            uint64_t link; /* DOWN, SILENT: this too */
            struct qnk_frame head;
            struct qn_buf *buf;     /* NULL: no frame */
            struct qnk_hash digest; /* of its bytes */
            bool is_received;       /* it is through the downlink */
            bool is_mangled;        /* its sender never sent it */
        } frame;
        struct {
            uint64_t token;  /* its generation */
            uint64_t due_us; /* by the node's clock */
            uint32_t id;
        } timer;
        struct {
            qnk_world_call *call;
            void *ctx;
        } call;
        struct {
            uint32_t kind;
            uint32_t number;
        } plug;
        struct qnk_job *job;
        struct deed *deed;
    };
    /* Of a node: what holds its memory. And of its writers: what is to be written. */
    struct happening *mine_next, **mine_of;
    struct happening *write_next;
};

struct machine {
    bool is_on;
    bool was_on;
    bool is_halted;
    bool is_cut;          /* without power, and nobody knows yet */
    bool is_marked;       /* beside its key stands that it has signed: that outlives its disk */
    bool is_clock_held;   /* its clock was set: it was told to hold */
    uint32_t writes_left; /* until then; UINT32_MAX: no end */
    uint64_t paused_until_us;
    uint64_t mangled_us; /* when a mangled frame last came; 0: never */
    uint32_t life;
    int32_t status; /* of the disk, that ended it */
    char why[QNK_WORLD_WHY];
    struct qnk_node *node;
    struct qnk_world_plugins plugins;
    struct qnk_drive drive;
    struct qnk_store store;
    struct qnk_secret *secret;
    uint8_t key[crypto_sign_SECRETKEYBYTES];
    struct qnk_hash public;
    struct qnk_hash peer_key;
    struct qnk_clock clock;
    uint64_t oscillator_us; /* what its own oscillator counted, up to... */
    uint64_t counted_us;    /* ...this time of the world */
    int64_t offset_us;      /* of its real clock to what is counted */
    int32_t drift_ppm;
    uint64_t timers[QNK_TIMERS]; /* generation that counts */
    struct qnk_effects effects;
    struct happening *mine;
    struct happening *writes[WRITERS], *writes_last[WRITERS];
    uint64_t free_us[WRITERS]; /* when each writer is idle again */
    uint64_t cpu_free_us[CPUS];
    uint64_t ledger_free_us, ledger_last_us; /* idle again; its last job was done */
    uint32_t cpu_permille;                   /* of a job's time */
    uint64_t worked_us;                      /* that its jobs took */
    struct qnk_limits limits;                /* of its node; the world's own unless they were set */
    uint32_t resend_ms;
    struct qnk_need *needs[NEEDS_MAX]; /* that were not answered with an instance */
};

/* The content of the last frame that was sent in this step: most are sent to many. It holds what it
 * was made of, so equal places are equal bytes. */
struct parcel {
    struct qn_buf *first;
    struct qn_slice second;
    struct qn_buf *buf; /* NULL: none */
    struct qnk_hash digest;
};

struct qnk_world {
    struct qnk_budget *budget;
    struct qnk_world_setup setup;
    struct qnk_random random; /* of machines */
    struct qnk_random mangle;
    struct machine *machines;
    struct qnk_links *links;
    struct qnk_queue queue;
    uint8_t *is_near;        /* by how many places a node's number is behind another's: they link */
    struct happening *spare; /* of happenings, by mine_next */
    struct parcel parcel;
    uint64_t now_us;
    uint64_t generation;
    uint64_t events;
    uint64_t step_max_ns; /* processor time of the longest step, */
    uint32_t step_max_node;
    struct qnk_hash trace;
    struct qnk_watch watches[QNK_WATCHES_MAX];
    uint32_t watches_count;
    bool is_stepping;
};

static inline uint64_t by_lot(struct qnk_world *world, uint64_t below)
{
    return below == 0 ? 0 : qnk_random_below(&world->random, below);
}

static inline bool is_alive(const struct machine *machine)
{
    return machine->is_on && !machine->is_halted && !machine->is_cut;
}

/* --- happenings: world.c --- */

/* For `node` as it lives now; push it when it is whole. */
struct happening *qnk_happening_new(struct qnk_world *world, uint32_t node, uint32_t what,
                                    uint64_t at_us);
void qnk_happening_push(struct qnk_world *world, struct happening *happening);

/* What it holds of its node's memory: to be found when the node ends. */
void qnk_happening_own(struct qnk_world *world, struct happening *happening);

/* --- frames and links: wires.c --- */

/* Chooses who links with whom. */
void qnk_wires_plan(struct qnk_world *world);

void qnk_wires_send(struct qnk_world *world, uint32_t from, uint32_t to, struct qnk_frame head,
                    struct qn_buf *first, struct qn_slice second);

/* The step is over: what was sent in it is forgotten. */
void qnk_wires_forget(struct qnk_world *world);

/* Breaks a link both ways; it is made again after `again_us`, 0: not. */
void qnk_wires_break(struct qnk_world *world, uint32_t a, uint32_t b, uint64_t again_us);
void qnk_wires_drop(struct qnk_world *world, uint32_t node); /* all of one node */
bool qnk_wires_are_near(const struct qnk_world *world, uint32_t a, uint32_t b);
void qnk_wires_up(struct qnk_world *world, uint32_t a, uint32_t b);

/* False: it is not through the downlink yet, and comes again. */
bool qnk_wires_receive(struct qnk_world *world, struct happening *frame);

/* --- steps and effects: perform.c --- */

/* False: it is off, or ended before it could take the event. */
bool qnk_machine_step(struct qnk_world *world, uint32_t node, struct qnk_event *event);

/* Its key signs: all is durable that must be before. */
void qnk_machine_sign(struct qnk_world *world, uint32_t node, const struct qnk_sign *sign,
                      uint8_t signature[QN_SIG_SIZE]);

void qnk_machine_clock_start(const struct qnk_world *world, struct machine *machine);

/* False: by the node's clock it is too early; it waits on. */
bool qnk_machine_is_due(struct qnk_world *world, const struct happening *timer);

/* Its host stops the node, as the live one does. */
void qnk_machine_fail(struct qnk_world *world, uint32_t node, int32_t status, const char *what,
                      const char *why);

void qnk_watch_started(struct qnk_world *world, uint32_t node);
void qnk_watch_stopped(struct qnk_world *world, uint32_t node);

/* --- plugins: plug.c --- */

void qnk_machine_need(struct qnk_world *world, uint32_t node, const struct qnk_need *need);
void qnk_machine_unplug(struct qnk_world *world, uint32_t node, uint32_t kind, uint32_t number);
void qnk_machine_plug(struct qnk_world *world, const struct happening *at);
void qnk_machine_needs_drop(struct qnk_world *world, uint32_t node);

/* --- disks: writes.c --- */

/* Takes over an effect that is written later. */
void qnk_writes_take(struct qnk_world *world, uint32_t node, struct qnk_effect *effect);

/* Its time has come: it is written, if there is power. What the store said. */
int32_t qnk_writes_do(struct qnk_world *world, struct happening *at);

/* What a failed one was, in words. */
const char *qnk_writes_words(const struct happening *at);

/* The power goes: of what each writer was given, by lot, the first so many are durable. */
void qnk_writes_stop(struct qnk_world *world, uint32_t node);
