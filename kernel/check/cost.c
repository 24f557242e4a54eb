/* SPDX-License-Identifier: MIT */

/* cost.c: level 8, what the work costs. Time is told and never fails: machines differ. Memory is
 * counted, and is the same on all of them. */

#include <malloc.h>
#include <string.h>
#include <time.h>

#include "kernel/check/case.h"
#include "kernel/check/verdict.h"
#include "kernel/check/worked.h"

/* The heap keeps some chunks of each size for itself: a leak grows beyond them, as it goes on. */
enum { TIMES = 40, WARM = 3, HEAP_SLACK = 12288, USED_SLACK = 8192 };

/* Rounds of the work that is done so often. */
static uint32_t rounds_short(const struct qnk_subject *subject)
{
    return strcmp(subject->kind, "consensus") == 0 || strcmp(subject->kind, "signature") == 0 ? 1
                                                                                              : 12;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What is held more after the same work was done again and again on one instance, once it is
 * warm. */
struct growth {
    int64_t host; /* of what the host gave */
    int64_t heap; /* that the host does not know of */
};

static int64_t heap_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return (int64_t)(info.uordblks + info.hblkhd);
}

static struct growth work_repeat(struct qnk_subject *subject)
{
    struct qnk_worked worked = {.rounds = rounds_short(subject)};
    struct qnk_stand stand;
    struct growth warm = {0, 0}, grown;

    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    for (uint32_t i = 0; i < WARM + TIMES; i++) {
        qnk_worked_run(subject, &stand, &worked);
        if (i < WARM) {
            warm.host = (int64_t)qn_check_node_used(stand.node);
            warm.heap = heap_used();
        }
    }
    grown.host = (int64_t)qn_check_node_used(stand.node) - warm.host;
    grown.heap = heap_used() - warm.heap;
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
    return grown;
}

static void work_holds_no_more(struct qnk_subject *subject, uint32_t arg)
{
    const struct growth grown = work_repeat(subject);

    (void)arg;
    if (grown.host > USED_SLACK) { /* an index may grow a little */
        qnk_verdict_fail("the same work done %d times more holds %lld bytes more", TIMES,
                         (long long)grown.host);
    }
}

/* Memory that the host does not know of is not in any budget. */
static void work_leaks_no_heap(struct qnk_subject *subject, uint32_t arg)
{
    const struct growth grown = work_repeat(subject);

    (void)arg;
    if (grown.host > USED_SLACK) { /* which lies on the heap, too */
        qnk_verdict_skip("not run: it takes more and more of its host");
    }
    if (grown.heap > HEAP_SLACK) {
        qnk_verdict_fail("the same work done %d times more leaves %lld bytes of heap more", TIMES,
                         (long long)grown.heap);
    }
}

/* What one instance takes for the work, against what its manifest says. */
static void memory_is_as_promised(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = qnk_worked_rounds(subject)};
    struct qnk_stand stand;
    uint64_t created, from_ns, took_ns;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    created = qn_check_node_used(stand.node);
    from_ns = now_ns();
    qnk_worked_run(subject, &stand, &worked);
    took_ns = now_ns() - from_ns;
    qnk_verdict_note("%llu bytes when created, %llu at most of %llu; %llu calls, %llu ns each with "
                     "the kit's own work",
                     (unsigned long long)created,
                     (unsigned long long)qn_check_node_peak(stand.node),
                     (unsigned long long)subject->memory, (unsigned long long)worked.calls,
                     (unsigned long long)(worked.calls > 0 ? took_ns / worked.calls : 0));
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

void qnk_cost_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-CST-001", 8, 0, "memory_is_as_promised", memory_is_as_promised, 0},
        {"QN-CST-002", 8, 0, "work_holds_no_more", work_holds_no_more, 0},
        {"QN-CST-003", 8, 0, "work_leaks_no_heap", work_leaks_no_heap, 0},
    };

    (void)subject;
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
