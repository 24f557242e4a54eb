/* SPDX-License-Identifier: MIT */

#include "kernel/check/worked.h"

#include <string.h>

#include "kernel/check/verdict.h"

enum { FAST_DIVISOR = 4 };

uint32_t qnk_worked_rounds(const struct qnk_subject *subject)
{
    uint32_t rounds = strcmp(subject->kind, "signature") == 0   ? 8
                      : strcmp(subject->kind, "consensus") == 0 ? 8
                                                                : 32;

    return subject->is_fast ? rounds / FAST_DIVISOR : rounds;
}

static void work_do(const struct qnk_subject *subject, struct qnk_stand *stand,
                    struct qnk_worked *worked, bool is_hostile)
{
    const struct qn_check_worker *worker = qn_check_worker_find(subject->kind);
    bool is_ledger = strcmp(subject->kind, "ledger") == 0;
    struct qn_check_work work = {
        .given = &stand->given,
        .node = stand->node,
        .inst = stand->inst,
        .seed = subject->seed * 2654435761u + 1,
        .rounds = worked->rounds,
        .batch = worked->batch,
        .squeezes = worked->squeezes,
        .may_starve = worked->may_starve,
        .ids = is_ledger ? subject->queries : subject->routes,
        .ids_count = is_ledger ? subject->queries_count : subject->routes_count,
    };

    if (worker == NULL) {
        qnk_verdict_skip("no work is known for the kind %s", subject->kind);
    }
    qn_check_sha256_init(&work.hash);
    if (is_hostile) {
        worker->hostile(&work);
    } else {
        worker->work(&work);
    }
    worked->has_starved = work.has_starved;
    worked->calls = work.calls;
    qn_check_sha256_done(&work.hash, worked->hash);
}

void qnk_worked_run(const struct qnk_subject *subject, struct qnk_stand *stand,
                    struct qnk_worked *worked)
{
    work_do(subject, stand, worked, false);
}

void qnk_worked_hostile(const struct qnk_subject *subject, struct qnk_stand *stand,
                        struct qnk_worked *worked)
{
    work_do(subject, stand, worked, true);
}

void qnk_worked_alone(const struct qnk_subject *subject, struct qnk_worked *worked)
{
    struct qnk_stand stand;

    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    qnk_worked_run(subject, &stand, worked);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}
