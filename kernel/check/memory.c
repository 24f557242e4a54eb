/* SPDX-License-Identifier: MIT */

/* memory.c: level 7, the contract once more with somebody watching every access: the guard at
 * `full`, and valgrind where there is one. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "kernel/check/case.h"
#include "kernel/check/contract.h"
#include "kernel/check/elsewhere.h"
#include "kernel/check/guarded.h"
#include "kernel/check/verdict.h"
#include "kernel/check/worked.h"

enum { NOT_THERE = 127, HAS_ERRORS = 99, VALGRIND_CPU_S = 100 };

/* One of the contract's cases. */
static void contract_under_guard(struct qnk_subject *subject, uint32_t arg)
{
    qnk_subject_load(subject);
    qnk_contract_run(subject, qnk_guarded_plugin(subject), arg);
    if (qnk_guarded_words()[0] != 0) {
        qnk_verdict_fail("%s", qnk_guarded_words());
    }
}

/* The kind's work: kinds without a contract have it too. */
static void work_under_guard(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = qnk_worked_rounds(subject)};
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, qnk_guarded_plugin(subject));
    qnk_stand_start(&stand);
    qnk_worked_run(subject, &stand, &worked);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
    if (qnk_guarded_words()[0] != 0) {
        qnk_verdict_fail("%s", qnk_guarded_words());
    }
}

/* A case of another level in a process that valgrind runs. */
static void under_valgrind(const struct qnk_subject *subject, const char *rule)
{
    static const char *const words[] = {"valgrind", "--quiet", "--error-exitcode=99",
                                        "--leak-check=no", NULL};
    const struct qnk_elsewhere how = {.wrapper = words, .rule = rule, .cpu_s = VALGRIND_CPU_S};
    struct qnk_elsewhere_end end;

    qnk_elsewhere_run(subject, &how, &end);
    if (WIFSIGNALED(end.status) &&
        (WTERMSIG(end.status) == SIGXCPU || WTERMSIG(end.status) == SIGKILL)) {
        qnk_verdict_skip("too slow under valgrind");
    }
    if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == NOT_THERE) {
        qnk_verdict_skip("there is no valgrind");
    }
    if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) == HAS_ERRORS) {
        qnk_verdict_fail("valgrind sees it use memory wrongly: qnet plugin check ... --case %s "
                         "--here, under valgrind",
                         rule);
    }
    if (WEXITSTATUS(end.status) != 0) { /* of valgrind itself, or of what is broken without it */
        qnk_verdict_skip("does not come to its end under valgrind: status %d",
                         WEXITSTATUS(end.status));
    }
}

static void work_under_valgrind(struct qnk_subject *subject, uint32_t arg)
{
    (void)arg;
    under_valgrind(subject, "trace");
}

static void garbage_under_valgrind(struct qnk_subject *subject, uint32_t arg)
{
    (void)arg;
    under_valgrind(subject, "QN-FLT-004");
}

void qnk_memory_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-MEM-002", 7, 0, "work_under_guard", work_under_guard, 0},
        {"QN-MEM-003", 7, QNK_CASE_SLOW | QNK_CASE_ROOMY, "work_under_valgrind",
         work_under_valgrind, 0},
        {"QN-MEM-004", 7, QNK_CASE_SLOW | QNK_CASE_ROOMY, "garbage_under_valgrind",
         garbage_under_valgrind, 0},
    };
    const struct qnk_contract *contract = qnk_contract_find(subject->kind);

    for (uint32_t i = 0; contract != NULL && i < contract->count; i++) {
        const struct qnk_case it = {
            "QN-MEM-001", 7, QNK_CASE_FOLLOWS, "contract_under_guard", contract_under_guard, i};

        qnk_cases_add(cases, &it, 1);
    }
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
