/* SPDX-License-Identifier: MIT */
#pragma once

/* gate.h: who is inside the ledger: many that only look, or one that changes it.
 *
 * Whoever wants to be alone goes before all who come after: a stream of lookers cannot keep a block
 * waiting. (The system's lock for readers and writers lets them.)
 *
 * Unless a function's own comment says otherwise:
 *   threads  any; not twice by the same
 *   cost     waits for those inside
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct qnk_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t lookers; /* inside */
    uint32_t waiting; /* to be alone */
    bool is_alone;    /* one is */
    uint64_t turn;    /* how often one was, and left */
};

void qnk_gate_init(struct qnk_gate *gate);
void qnk_gate_done(struct qnk_gate *gate);

/* From inside: how often somebody was alone before. */
uint64_t qnk_gate_turn(const struct qnk_gate *gate);

void qnk_gate_enter(struct qnk_gate *gate, bool alone);
void qnk_gate_leave(struct qnk_gate *gate, bool alone);
