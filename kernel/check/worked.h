/* SPDX-License-Identifier: MIT */
#pragma once

/* worked.h: an instance on a stand, and the kind's work on it (sdk/check/work.h).
 *
 * Unless a function's own comment says otherwise:
 *   threads  the case's own
 *   errors   what must not happen fails the case
 */

#include "kernel/check/stand.h"
#include "sdk/check/work.h"

/* How the work is done, and what came out. */
struct qnk_worked {
    uint32_t rounds;
    uint32_t batch;
    bool squeezes;
    bool may_starve;
    bool has_starved;
    uint64_t calls;
    uint8_t hash[QN_HASH_SIZE];
};

/* Does the work on the stand's instance, which is active. */
void qnk_worked_run(const struct qnk_subject *subject, struct qnk_stand *stand,
                    struct qnk_worked *worked);

/* The same with outside bytes of every sort. */
void qnk_worked_hostile(const struct qnk_subject *subject, struct qnk_stand *stand,
                        struct qnk_worked *worked);

/* Both on a stand of its own. */
void qnk_worked_alone(const struct qnk_subject *subject, struct qnk_worked *worked);

/* Rounds of the kind's work that take some tens of milliseconds. */
uint32_t qnk_worked_rounds(const struct qnk_subject *subject);
