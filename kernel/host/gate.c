/* SPDX-License-Identifier: MIT */

#include "kernel/host/gate.h"

#include <qnet/assert.h>

void qnk_gate_init(struct qnk_gate *gate)
{
    *gate = (struct qnk_gate){0};

    int error = pthread_mutex_init(&gate->lock, NULL);

    error |= pthread_cond_init(&gate->changed, NULL);
    QN_ASSERT(error == 0);
}

void qnk_gate_done(struct qnk_gate *gate)
{
    QN_ASSERT(gate->lookers == 0 && !gate->is_alone);
    (void)pthread_cond_destroy(&gate->changed);
    (void)pthread_mutex_destroy(&gate->lock);
}

/* Nobody changes it while somebody is inside, and the lock on the way in made it seen. */
uint64_t qnk_gate_turn(const struct qnk_gate *gate)
{
    return gate->turn;
}

void qnk_gate_enter(struct qnk_gate *gate, bool alone)
{
    (void)pthread_mutex_lock(&gate->lock);
    if (alone) {
        gate->waiting++;
        while (gate->is_alone || gate->lookers > 0) {
            (void)pthread_cond_wait(&gate->changed, &gate->lock);
        }
        gate->waiting--;
        gate->is_alone = true;
    } else {
        while (gate->is_alone || gate->waiting > 0) {
            (void)pthread_cond_wait(&gate->changed, &gate->lock);
        }
        gate->lookers++;
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

void qnk_gate_leave(struct qnk_gate *gate, bool alone)
{
    (void)pthread_mutex_lock(&gate->lock);
    if (alone) {
        QN_ASSERT(gate->is_alone);
        gate->is_alone = false;
        gate->turn++;
    } else {
        QN_ASSERT(gate->lookers > 0);
        gate->lookers--;
    }
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}
