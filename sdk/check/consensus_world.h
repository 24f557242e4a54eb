/* SPDX-License-Identifier: MIT */
#pragma once

/* consensus_world.h: some engines, the kernel's part of agreement around each, and a net between
 * them, all under a virtual clock and one seed.
 *
 * The model of the kernel is small and strict. It signs by the guard's rules G1 to G5 and G7, makes
 * certificates of what it holds, hides commits, holds back votes whose justification is missing,
 * exchanges what others lack, and replays after a restart. A right engine never asks it for what
 * must be refused: so refusals are counted, and are what gives most wrong engines away; the others
 * make no progress. The guard keeps agreement whatever an engine does, and the model proves it of
 * itself in the strong form: no two certificates can be built of all that honest members signed.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is a number below WORLD_DIGESTS, 0 is nil; sets of nodes are bit masks
 *   units    milliseconds of virtual time from the begin of a run
 *   owns     the world owns its engines and all they hold
 *   threads  the case's own
 *   errors   an engine that breaks its contract fails the case
 */

#include <stdbool.h>

#include <qnet/consensus.h>

#include "sdk/check/check.h"

enum {
    WORLD_NODES = 7,
    WORLD_ROUNDS = 40, /* a run that needs more makes no progress */
    WORLD_STEPS = 6,
    WORLD_DIGESTS = 4,
    WORLD_INVALID = 3, /* the digest that every check finds invalid */
    WORLD_WINDOW = 90, /* blocks; the run is about window 1, heights 1..90 */
    WORLD_OWN = 256,
    WORLD_TIMERS = QN_CONSENSUS_TIMERS_MAX,
    WORLD_QUEUE = 512,
    WORLD_BODY = 1280, /* bytes of an event or effect */
    WORLD_RESEND_MS = 2000,
    WORLD_NEVER = INT32_MAX,
};

enum {
    WORLD_COMMIT = 0,
    WORLD_PREPARE = 1,
    WORLD_FINAL = 2,
    WORLD_TIMEOUT = 3,
    WORLD_PROPOSE = 5,
};

enum world_role {
    WORLD_HONEST,
    WORLD_SILENT,      /* or acted by the case, through world_inject() */
    WORLD_EQUIVOCATOR, /* tells each node something else, in every round that is reached */
    WORLD_SELECTIVE,   /* has an engine, but each of its votes goes to some nodes only */
};

struct world_vote {
    uint32_t round;
    int32_t vr;
    uint8_t step;
    uint8_t from;
    uint8_t digest; /* of a commit: what it hides */
};

struct world_certificate {
    uint32_t round;
    int32_t vr;
    uint8_t digest; /* 0: there is none */
    uint8_t signers;
    uint8_t is_kept; /* with a vote, by the guard */
};

/* What a run is made of. */
struct world_plan {
    uint64_t seed;
    uint32_t nodes;
    uint64_t weights[WORLD_NODES]; /* 0: 1 */
    enum world_role roles[WORLD_NODES];
    uint8_t candidates[WORLD_NODES];     /* 0: none comes */
    uint32_t candidates_ms[WORLD_NODES]; /* when */
    uint32_t heal_ms;  /* what follows holds until then; after it the net is good */
    uint32_t delay_ms; /* the longest */
    uint32_t loss_percent;
    uint8_t group;       /* nodes that are cut off from all others */
    uint32_t crashes;    /* of honest nodes, at random moments */
    bool has_no_timers;  /* they are never due */
    bool has_no_commits; /* they are lost between nodes */
    bool is_recorded;    /* what node 0's engine is told and wants */
};

struct world_timer {
    bool is_set;
    uint32_t id;
    uint64_t due_ms;
};

struct world_message {
    uint16_t type;
    uint32_t size;
    uint8_t bytes[WORLD_BODY];
};

struct world_node {
    enum world_role role;
    struct qn_node *host;
    struct qn_inst *inst;
    bool is_up;
    uint32_t life;
    uint32_t round;
    uint64_t height;
    uint8_t has[WORLD_ROUNDS][WORLD_STEPS];  /* members whose vote is held */
    uint8_t told[WORLD_ROUNDS][WORLD_STEPS]; /* and was told to the engine */
    bool has_told_far[WORLD_ROUNDS][WORLD_NODES];
    struct world_vote votes[WORLD_ROUNDS][WORLD_STEPS][WORLD_NODES];
    struct world_certificate prepared[WORLD_ROUNDS];
    struct world_vote own[WORLD_OWN]; /* the guard's memory */
    bool is_durable[WORLD_OWN];
    uint32_t own_count;
    uint8_t valid; /* a bit for each digest */
    uint8_t candidate;
    uint8_t final;
    struct world_timer timers[WORLD_TIMERS];
    struct world_message queue[WORLD_QUEUE];
    uint32_t queue_count;
    uint32_t requests;
    uint32_t told_count;
    uint32_t refused;                   /* by a rule, without being asked to */
    uint32_t false_quorums;             /* certificates asked for without the votes */
    uint32_t crash_after;               /* events told; 0: not */
    uint32_t refuse_from, refuse_count; /* requests that are refused because the case wants it */
    uint64_t refuse_until_ms;           /* and all before this time */
};

struct world_item;

struct world {
    struct qn_check_given given;
    const struct qn_consensus_1 *slots;
    struct world_plan plan;
    uint64_t random;
    uint64_t now_ms;
    uint64_t seq;
    uint64_t total, quorum;
    bool is_lockless; /* step 2 without step 1: one round, whatever is approved stays so */
    struct world_node nodes[WORLD_NODES];
    struct world_item *items;
    uint32_t items_count;
    bool has_lied[WORLD_ROUNDS];
    struct world_message effects[WORLD_QUEUE];
    uint32_t effects_count;
    struct world_message *record; /* events of node 0, then nothing else */
    uint32_t record_count;
    uint8_t *wanted; /* its effects, one after another */
    uint64_t wanted_size;
};

struct world *world_create(const struct qn_check_given *given);
void world_destroy(struct world *world);

/* Begins a run: all engines are open, nothing is sent. Engines of the run before go on; others are
 * new. */
void world_begin(struct world *world, const struct world_plan *plan);

/* Goes on until `until_ms`, or until all honest nodes that are up are final. */
void world_run(struct world *world, uint64_t until_ms);

/* Whether every honest node that is up is final. */
bool world_is_final(const struct world *world);

/* What must hold after every run: one final digest, no second one possible, nothing refused, no
 * false quorum. */
void world_check(const struct world *world);

/* The member's own vote, or NULL. */
const struct world_vote *world_own(const struct world *world, uint32_t node, uint32_t round,
                                   uint32_t step);

/* Acts for others: a vote or a prepare certificate reaches node `to` now. Votes of steps that the
 * engine does not list are lost, as the kernel takes none. */
void world_inject(struct world *world, uint32_t to, const struct world_vote *vote);
void world_inject_certificate(struct world *world, uint32_t to, uint32_t round, int32_t vr,
                              uint8_t digest, uint8_t signers);

/* The chain of every node that is up reaches this height. */
void world_head(struct world *world, uint64_t height);

/* The node's chain ends the window in this digest now. */
void world_candidate(struct world *world, uint32_t node, uint8_t digest);

void world_crash(struct world *world, uint32_t node);
void world_restart(struct world *world, uint32_t node);

/* Tells a fresh engine what was recorded, in batches of random size up to `batch_max`, and checks
 * that it wants the same. */
void world_replay(struct world *world, uint32_t batch_max);

/* --- a world of one engine, member 0, whose three others are acted --- */

extern const struct world_plan world_one;

void world_wait(struct world *world, uint64_t time_ms);

/* A vote of `from`, or of all three with vr -1, reaches member 0. */
void world_act(struct world *world, uint8_t from, uint32_t round, uint8_t step, int32_t vr,
               uint8_t digest);
void world_act_all(struct world *world, uint32_t round, uint8_t step, uint8_t digest);

/* Who leads a round of four members of the same weight: finality.md 7.1, computed anew. */
uint32_t world_leader(uint64_t seed, uint32_t round);
