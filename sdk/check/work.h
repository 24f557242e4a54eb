/* SPDX-License-Identifier: MIT */
#pragma once

/* work.h: a kind's ordinary work in small, on one instance: everything that the plugin answers is
 * hashed, and nothing is asked of its meaning, which is the contract's matter.
 *
 * The same seed is the same calls. So the hash tells whether a plugin gives the same answers in
 * another process, at another address, in other batches; and the work may be done with too little
 * memory, too small sinks, or garbage for input.
 *
 * Unless a function's own comment says otherwise:
 *   owns     whoever does the work owns node and instance, which is active
 *   threads  the case's own
 *   errors   an answer that the slot may not give fails the case
 */

#include "sdk/check/check.h"

struct qn_check_work {
    const struct qn_check_given *given;
    struct qn_node *node;
    struct qn_inst *inst;
    uint64_t seed;
    uint32_t rounds;
    uint32_t batch;      /* items of one call; 0: as many as there are */
    bool squeezes;       /* offers every sink too small a room first */
    bool may_starve;     /* NO_SPACE ends the work, and is no failure */
    bool has_starved;    /* and it did */
    const uint32_t *ids; /* queries of a ledger, routes of a service */
    uint32_t ids_count;
    struct qn_check_sha256 hash;
    uint64_t calls; /* of slots */
};

struct qn_check_worker {
    const char *kind;
    /* Begins by itself, and may be repeated on one instance. */
    void (*work)(struct qn_check_work *work);
    /* Outside bytes of every sort: random, cut, changed, empty, huge. */
    void (*hostile)(struct qn_check_work *work);
};

/* NULL: there is none of that kind. */
const struct qn_check_worker *qn_check_worker_find(const char *kind);

extern const struct qn_check_worker qn_check_work_compression, qn_check_work_consensus,
    qn_check_work_ledger, qn_check_work_producer, qn_check_work_service, qn_check_work_signature,
    qn_check_work_storage, qn_check_work_transport;

/* --- for the kinds --- */

/* Adds to the hash. */
void qn_check_work_bytes(struct qn_check_work *work, const void *bytes, uint64_t size);
void qn_check_work_u64(struct qn_check_work *work, uint64_t value);

/* A number below `limit`, drawn. */
uint64_t qn_check_work_draw(struct qn_check_work *work, uint64_t limit);
void qn_check_work_fill(struct qn_check_work *work, uint8_t *to, uint64_t size);

/* Counts a call and its status. False: the work starved and is over. Any other failure fails. */
bool qn_check_work_ok(struct qn_check_work *work, int32_t status);

/* The same for a call that may answer any of the statuses whose bits are in `allowed`. */
void qn_check_work_may(struct qn_check_work *work, int32_t status, uint32_t allowed);

#define QN_CHECK_MAY(status) (UINT32_C(1) << (status))

/* Makes a call that fills a sink and changes nothing else, into the room of `to`; when squeezing
 * also into too little room, where it must be NO_SPACE (or AGAIN, if the slot knows that); what it
 * committed before is cut by its host. */
int32_t qn_check_work_sink(struct qn_check_work *work, int32_t (*call)(void *ctx, struct qn_sink *),
                           void *ctx, struct qn_sink *to);

/* Changes some bytes of `bytes`, or cuts them, or replaces them; gives the new size, at most
 * `size`. */
uint64_t qn_check_work_spoil(struct qn_check_work *work, uint8_t *bytes, uint64_t size);

/* The push() of effects that nobody looks at. */
int32_t qn_check_effect_drop(void *ctx, uint32_t type, struct qn_span body,
                             const struct qn_slice *payload);
