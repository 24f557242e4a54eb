/* SPDX-License-Identifier: MIT */
#pragma once

/* stage.h: the three honest members of the models as C code, each a guard and maybe an engine
 * behind it, with the liar's key. The case is the rest of the world: it tells an engine what it has
 * heard, and looks at what it then gets signed.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is a number; 0 is nil
 *   owns     bufs that are given out are the caller's
 *   threads  one
 *   errors   fails the case
 */

#include <stdbool.h>

#include "kernel/node/ballot.h"
#include "kernel/node/guard.h"
#include "sdk/check/check.h"

enum {
    HONEST = 3,
    LIAR = 3,
    MEMBERS = 4,
    ROUNDS = 3,
    STEPS = 6,
    WINDOW = 1,
    LOG_MAX = 64,
    WANTS_MAX = 64,
    TIMER_IDS = 8 * (ROUNDS + 1),
    NONE = -1,
};

/* A vote as the trails have it. */
struct said {
    uint32_t step, round;
    int digest, vr;
};

struct want {
    uint32_t type;
    struct said said;
};

struct member {
    struct qnk_guard *guard;
    struct qn_buf *log[LOG_MAX];
    uint32_t log_count;
    struct qn_node *node;
    struct qn_inst *inst;
    uint32_t round;
    bool is_running[TIMER_IDS];
    struct want wants[WANTS_MAX]; /* that are not done yet */
    uint32_t wants_count;
    struct said done[WANTS_MAX]; /* signed, and not in the trail yet */
    uint32_t done_count;
    bool has_lie[ROUNDS][STEPS];
    bool has_heard[ROUNDS][STEPS][MEMBERS];
};

struct stage {
    struct member members[HONEST];
    struct said sent[ROUNDS][STEPS][HONEST];
    bool is_sent[ROUNDS][STEPS][HONEST];
    uint64_t seed;
    uint32_t rule; /* by which the guard refused last */
    bool has_engines;
};

extern struct stage stage;
extern struct qnk_budget stage_budget;
extern struct qn_check_given stage_given; /* the engine */

/* Maps the shipped engine; the rest of stage_given is the caller's. -1: it is not there. */
int stage_plugin_map(const char *name);

void stage_begin(uint64_t seed, bool has_engines);
void stage_end(void);

/* finality.md 7.1, of equal weights that sum up to 4. */
uint32_t stage_leader(uint64_t seed, uint32_t round);

/* --- votes and certificates --- */

struct qnk_hash stage_digest(int digest);
struct qnk_vote stage_vote(uint32_t member, const struct said *said);
struct qnk_set *stage_set(void);
struct qnk_ballot *stage_ballot(uint32_t era);
void stage_ballot_put(struct qnk_ballot *ballot, uint32_t member, const struct said *said);

/* The certificate that all votes ever sent and the liar's key make; NULL: they make none. */
struct qn_buf *stage_certificate(uint32_t step, uint32_t round, int digest);
bool stage_can_be_final(int digest);

/* --- members --- */

/* Asks the guard; what it allows is in the log. */
int32_t stage_guard_ask(uint32_t self, const struct qnk_vote *vote,
                        const struct qnk_guard_facts *facts);

/* The same with the facts that vote.c has; what it allows is out. */
int32_t stage_sign(uint32_t self, const struct said *said);

/* Begins with what the log holds; the engine with open, own votes, kept certificates, as vote.c has
 * it. */
void stage_guard_restart(struct member *member);
void stage_engine_start(uint32_t self);
void stage_engine_restart(uint32_t self);
void stage_crash(uint32_t self);

/* Tells an engine, and does what it then wants, until it wants nothing. */
void stage_tell_vote(uint32_t self, uint32_t from, const struct said *said);
void stage_tell_certificate(uint32_t self, uint32_t round, int digest); /* of step 1 */
void stage_tell_candidate(uint32_t self, int digest);
bool stage_tell_timer(uint32_t self, uint32_t round, uint32_t kind); /* false: it does not run */

/* The votes of one round and step that others have sent and it has not heard, and the liar's. */
void stage_hear_all(uint32_t self, uint32_t step, uint32_t round, bool has_lie);

/* Whether the engine's next signed vote is this one, which is then done. */
bool stage_has_done(uint32_t self, const struct said *said);
