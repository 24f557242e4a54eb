/* SPDX-License-Identifier: MIT */
#pragma once

/* twins_machine.h: one validator's machine as the twins enumerator drives it: the engine under
 * test, the kernel's own guard and ballot, and between them the rules of kernel/node/vote.c, with
 * no network, clock, disk or signature. What is told is told at once, a tick lets running timers
 * run out, and a crash leaves the guard's records and nothing else. -DTWINS_BFT puts the engine bft
 * in the place of commit-reveal.
 *
 * Each place of a process has one engine instance: beginning a machine there opens its window anew,
 * so the one that was there before is over.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   values are 1 and 2, both valid; 0 is nil; votes are numbers from twins_vote()
 *   threads  one
 *   errors   a broken promise of engine, guard or ballot ends the process
 */

#include <stdbool.h>

#include "kernel/chain/vote.h"

enum {
    TWINS_MEMBERS = 4,
    TWINS_MACHINES = 5,
    TWINS_QUORUM = 3, /* of the members' weight, 1 each: not asked of the code under test */
    TWINS_VOTES_MAX = 1024,
    TWINS_OWN_MAX = 64, /* votes and records of one machine */
};

/* The engine under test: the first round that has a leader, and those of its timers, a bit each,
 * that run out in a round's first half too. */
#ifdef TWINS_BFT
enum { TWINS_FIRST_LED = 0, TWINS_EARLY_TIMERS = 1 << 1 }; /* delta: the leader proposes */
#else
enum { TWINS_FIRST_LED = 1, TWINS_EARLY_TIMERS = 0xff };
#endif

/* A vote that was cast, and the certificate that goes with it; each different pair once. */
struct twins_vote {
    struct qnk_vote vote;
    struct qn_buf *justified; /* NULL: none */
    uint8_t value;            /* of a commit: nil, since nobody sees it */
};

struct twins_machine;

void twins_open(void);
void twins_close(void);

const struct twins_vote *twins_vote(uint32_t number);

/* A machine whose window has opened and whose candidate has come. */
struct twins_machine *twins_begin(uint32_t place, uint32_t member, uint8_t candidate,
                                  uint64_t seed);
void twins_end(struct twins_machine *machine);

void twins_hear(struct twins_machine *machine, uint32_t vote);
void twins_tick(struct twins_machine *machine, bool is_second_half);
void twins_crash(struct twins_machine *machine);

/* What it cast, in order, also what it forgot. */
uint32_t twins_cast_count(const struct twins_machine *machine);
uint32_t twins_cast(const struct twins_machine *machine, uint32_t index);

/* The value that is final here, or 0; in which round the machine is; how often the guard had to
 * refuse what the engine asked for. */
uint8_t twins_final(const struct twins_machine *machine);
uint32_t twins_round(const struct twins_machine *machine);
uint32_t twins_refused(const struct twins_machine *machine);

/* Who leads `round` of a run with this seed: finality.md 7.1, for equal weights. */
uint32_t twins_leader(uint64_t seed, uint32_t round);
