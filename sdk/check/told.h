/* SPDX-License-Identifier: MIT */
#pragma once

/* told.h: one engine that a test tells events, one at a time, and what it asked for. For what a
 * world of engines does not bring about: events that are no records, answers that come late.
 *
 * Its window is the first one, of blocks 1 to 90. A digest is its first byte, as in a world.
 *
 * Unless a function's own comment says otherwise:
 *   owns     `given`, with its config, outlives what is told
 *   threads  one
 *   errors   fail the case
 */

#include "sdk/check/consensus.h"

/* In members of a window. Why: a set of four has a quorum that is not all. */
enum { TOLD_MEMBERS_MAX = 4 };

struct told {
    const struct qn_check_given *given;
    struct qn_node *node;
    struct qn_inst *inst;
    uint32_t counts[8]; /* of effects, by type */
    uint32_t to;        /* of the last request_sign */
};

void told_begin(struct told *told, const struct qn_check_given *given);
void told_end(struct told *told);

/* What step() gave to an event of this type and body. */
int32_t told_bytes(struct told *told, uint16_t type, const uint8_t *bytes, uint64_t size);

/* Events that have to be taken. Members all weigh the same; `self` is UINT32_MAX for who does not
 * vote. */
void told_open(struct told *told, uint32_t count, uint64_t weight, uint32_t self, uint64_t seed);
void told_candidate(struct told *told, uint8_t digest);
void told_vote(struct told *told, uint32_t from, uint16_t step, uint8_t digest);
void told_checked(struct told *told, uint8_t digest, uint8_t verdict);
void told_signed(struct told *told, uint32_t round, uint16_t step, uint8_t digest, uint8_t result);
void told_timer(struct told *told, uint32_t timer);
void told_head(struct told *told, uint64_t height);

/* What it answers. */
struct qn_consensus_status told_status(const struct told *told);
bool told_says(const struct told *told, const char *text);

/* Whole cases, which every engine has to stand: it refuses what is no event, asks for certificates
 * and for no signature where it does not vote, and says where it is once a window is open. */
void told_no_event(const struct qn_check_given *given);
void told_without_a_vote(const struct qn_check_given *given);
void told_where_it_is(const struct qn_check_given *given, const char *text, uint16_t phase);
