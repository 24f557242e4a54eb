/* SPDX-License-Identifier: MIT */

/* same.c: level 5, equal calls give equal answers, wherever they are made. Edge kinds promise no
 * such thing. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "kernel/check/case.h"
#include "kernel/check/elsewhere.h"
#include "kernel/check/trace.h"
#include "kernel/check/verdict.h"
#include "kernel/check/worked.h"
#include "kernel/plugin/kind.h"

enum { HEX = 2 * QN_HASH_SIZE, STACK = 1 << 17, CPU_S = 100 };

static void hex_make(const uint8_t hash[QN_HASH_SIZE], char hex[HEX + 1])
{
    for (int i = 0; i < QN_HASH_SIZE; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
}

/* Leaves bytes on the stack for whoever reads what he did not write. */
__attribute__((noinline)) static void stack_fill(uint8_t with)
{
    volatile uint8_t bytes[STACK];

    for (int i = 0; i < STACK; i++) {
        bytes[i] = with;
    }
    (void)bytes[with];
}

void qnk_trace_print(struct qnk_subject *subject)
{
    const char *fill = getenv("MALLOC_PERTURB_");
    struct qnk_worked worked = {.rounds = qnk_worked_rounds(subject)};
    struct qnk_stand stand;
    char hex[HEX + 1];

    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    stack_fill(fill != NULL ? (uint8_t)strtoul(fill, NULL, 10) : 0);
    qnk_worked_run(subject, &stand, &worked);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
    hex_make(worked.hash, hex);
    printf("%s\n", hex);
}

static void trace_at(const struct qnk_subject *subject, const struct qnk_elsewhere *how,
                     char hex[HEX + 1])
{
    struct qnk_elsewhere_end end;

    qnk_elsewhere_run(subject, how, &end);
    if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0 || strlen(end.output) < HEX) {
        qnk_verdict_fail("the work fails in another process, where it went well in this one");
    }
    memcpy(hex, end.output, HEX);
    hex[HEX] = 0;
}

static void equal_check(const char *a, const char *b, const char *where)
{
    if (strcmp(a, b) != 0) {
        qnk_verdict_fail("%s: the answers' hash is %.16s, and %.16s otherwise", where, b, a);
    }
}

static void work_hash(const struct qnk_subject *subject, uint32_t batch, char hex[HEX + 1])
{
    struct qnk_worked worked = {.rounds = qnk_worked_rounds(subject), .batch = batch};

    qnk_worked_alone(subject, &worked);
    hex_make(worked.hash, hex);
}

/* Two instances that are made in one order and asked in the other. */
static void same_in_any_instance(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = qnk_worked_rounds(subject)};
    struct qnk_stand stands[2];
    char hex[2][HEX + 1];

    (void)arg;
    qnk_subject_load(subject);
    for (int i = 0; i < 2; i++) {
        qnk_stand_init(&stands[i], subject, &subject->plugin);
        qnk_stand_start(&stands[i]);
    }
    for (int i = 1; i >= 0; i--) {
        qnk_worked_run(subject, &stands[i], &worked);
        hex_make(worked.hash, hex[i]);
    }
    for (int i = 0; i < 2; i++) {
        qnk_stand_stop(&stands[i]);
        qnk_stand_done(&stands[i]);
    }
    equal_check(hex[0], hex[1], "in the second instance");
}

static void same_in_any_batches(struct qnk_subject *subject, uint32_t arg)
{
    static const uint32_t batches[] = {1, 3, 7};
    char whole[HEX + 1], split[HEX + 1], where[32];

    (void)arg;
    qnk_subject_load(subject);
    work_hash(subject, 0, whole);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        work_hash(subject, batches[i], split);
        (void)snprintf(where, sizeof where, "in batches of %u", batches[i]);
        equal_check(whole, split, where);
    }
}

static void same_at_any_address(struct qnk_subject *subject, uint32_t arg)
{
    const struct qnk_elsewhere fixed = {.is_fixed = true, .cpu_s = CPU_S};
    const struct qnk_elsewhere drawn = {.cpu_s = CPU_S};
    char a[HEX + 1], b[HEX + 1];

    (void)arg;
    trace_at(subject, &fixed, a);
    trace_at(subject, &drawn, b);
    equal_check(a, b, "at other addresses");
}

static void same_over_any_memory(struct qnk_subject *subject, uint32_t arg)
{
    const struct qnk_elsewhere low = {.is_fixed = true, .fill = "1", .cpu_s = CPU_S};
    const struct qnk_elsewhere high = {.is_fixed = true, .fill = "170", .cpu_s = CPU_S};
    char a[HEX + 1], b[HEX + 1];

    (void)arg;
    trace_at(subject, &low, a);
    trace_at(subject, &high, b);
    equal_check(a, b, "over other bytes in memory that nobody wrote");
}

static void same_in_any_place(struct qnk_subject *subject, uint32_t arg)
{
    const struct qnk_elsewhere here = {
        .is_fixed = true, .zone = "UTC", .locale = "C", .cpu_s = CPU_S};
    const struct qnk_elsewhere there = {.is_fixed = true,
                                        .is_alone = true,
                                        .zone = "Pacific/Kiritimati",
                                        .locale = "tr_TR.UTF-8",
                                        .cpu_s = CPU_S};
    char a[HEX + 1], b[HEX + 1];

    (void)arg;
    trace_at(subject, &here, a);
    trace_at(subject, &there, b);
    equal_check(a, b, "with another time zone and locale, on one processor");
}

void qnk_same_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-DET-001", 5, QNK_CASE_FUZZED, "same_in_any_instance", same_in_any_instance, 0},
        {"QN-DET-002", 5, QNK_CASE_FUZZED, "same_in_any_batches", same_in_any_batches, 0},
        {"QN-DET-003", 5, 0, "same_at_any_address", same_at_any_address, 0},
        {"QN-DET-004", 5, 0, "same_over_any_memory", same_over_any_memory, 0},
        {"QN-DET-005", 5, 0, "same_in_any_place", same_in_any_place, 0},
    };

    if (subject->class != QNK_CLASS_EDGE) {
        qnk_cases_add(cases, all, sizeof all / sizeof *all);
    }
}
