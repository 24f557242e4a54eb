/* SPDX-License-Identifier: MIT */

/* fault.c: level 4, what a plugin does when memory, room or the input's sense run out. */

#include <string.h>

#include "kernel/check/case.h"
#include "kernel/check/verdict.h"
#include "kernel/check/worked.h"

enum { TAKES_MAX = 400, TAKES_FAST = 40, ROUNDS_STARVED = 2, ROUNDS_HOSTILE = 60 };

/* create() with the first take failing, then the second, until it succeeds. */
static void create_survives(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;
    int32_t status = QN_NO_SPACE;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    for (uint64_t count = 0; status != QN_OK; count++) {
        qn_check_node_starve(stand.node, count);
        status = qnk_stand_create(&stand);
        if (status != QN_OK && (status != QN_NO_SPACE || stand.inst != NULL)) {
            qnk_verdict_fail("with %llu takes left create() answers %s%s",
                             (unsigned long long)count, qnk_status_word(status),
                             stand.inst != NULL ? " and gives an instance" : "");
        }
        if (status == QN_OK) {
            stand.plugin->life->destroy(stand.inst);
        }
        stand.inst = NULL;
        qnk_stand_renew(&stand);
    }
    qnk_stand_done(&stand);
}

/* One take of the work fails, and all after it; the instance ends well all the same. True: no take
 * failed any more. */
static bool work_starve(const struct qnk_subject *subject, struct qnk_stand *stand, uint64_t count)
{
    struct qnk_worked worked = {.rounds = ROUNDS_STARVED, .may_starve = true};

    qnk_stand_start(stand);
    qn_check_node_starve(stand->node, count);
    qnk_worked_run(subject, stand, &worked);
    qn_check_node_starve(stand->node, UINT64_MAX);
    qnk_stand_stop(stand);
    return !worked.has_starved;
}

static void work_survives(struct qnk_subject *subject, uint32_t arg)
{
    uint64_t takes = subject->is_fast ? TAKES_FAST : TAKES_MAX;
    struct qnk_stand stand;
    bool is_over = false;
    uint64_t count = 0;

    (void)arg;
    qnk_subject_load(subject);
    for (; count < takes && !is_over; count++) {
        qnk_stand_init(&stand, subject, &subject->plugin);
        is_over = work_starve(subject, &stand, count);
        qnk_stand_done(&stand);
    }
    qnk_verdict_note("%s%llu takes", is_over ? "" : "the first ",
                     (unsigned long long)(is_over ? count - 1 : count));
}

static void full_sinks_are_no_space(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = ROUNDS_STARVED, .squeezes = true};

    (void)arg;
    qnk_subject_load(subject);
    qnk_worked_alone(subject, &worked);
}

static void garbage_is_refused(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = ROUNDS_HOSTILE};
    struct qnk_stand stand;

    (void)arg;
    if (strcmp(subject->kind, "consensus") == 0) {
        worked.rounds = qnk_worked_rounds(subject);
    }
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    qnk_worked_hostile(subject, &stand, &worked);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

/* A host may lack what is only wanted: the instance is made all the same, or says why not. */
static void bare_host_is_survived(struct qnk_subject *subject, uint32_t arg)
{
    struct qn_node *node;
    struct qn_inst *inst = NULL;
    int32_t status;

    (void)arg;
    qnk_subject_load(subject);
    node = qn_check_node_create(subject->memory);
    status = subject->plugin.life->create(&qn_check_host, node, subject->config, &inst);
    if (status < 0 || status >= QN_STATUS_COUNT || (status == QN_OK) != (inst != NULL)) {
        qnk_verdict_fail("without extensions create() answers %s and gives %s",
                         qnk_status_word(status), inst != NULL ? "an instance" : "none");
    }
    if (status == QN_OK) {
        subject->plugin.life->destroy(inst);
    }
    qn_check_node_destroy(node);
}

void qnk_fault_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-FLT-001", 4, 0, "create_survives_every_failed_take", create_survives, 0},
        {"QN-FLT-002", 4, 0, "work_survives_every_failed_take", work_survives, 0},
        {"QN-FLT-003", 4, 0, "full_sinks_are_no_space", full_sinks_are_no_space, 0},
        {"QN-FLT-004", 4, QNK_CASE_FUZZED, "garbage_is_refused", garbage_is_refused, 0},
        {"QN-FLT-005", 4, 0, "bare_host_is_survived", bare_host_is_survived, 0},
    };

    (void)subject;
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
