/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* realpath */

/* load.c: level 1, a plugin mapped and made instances of, and nothing asked of them yet. */

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/check/case.h"
#include "kernel/check/child.h"
#include "kernel/check/exported.h"
#include "kernel/check/stand.h"

enum {
    CREATE_MAX_MS = 100,
    TRIES = 10,      /* creations of which the fastest counts: the machine may be busy */
    INSTANCES = 100, /* side by side */
};

static void is_mapped(struct qnk_subject *subject, uint32_t arg)
{
    char path[PATH_MAX];

    (void)arg;
    if (realpath(subject->path, path) == NULL || dlopen(path, RTLD_NOW | RTLD_LOCAL) == NULL) {
        const char *words = dlerror();

        qnk_verdict_fail("it cannot be mapped: %s", words != NULL ? words : "no reason given");
    }
}

static void loads_twice(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_subject other = *subject;
    struct qnk_stand a, b;

    (void)arg;
    qnk_subject_load(subject);
    qnk_subject_load(&other);
    qnk_stand_init(&a, subject, &subject->plugin);
    qnk_stand_init(&b, &other, &other.plugin);
    qnk_stand_start(&a);
    qnk_stand_start(&b);
    qnk_stand_stop(&a);
    qnk_stand_stop(&b);
    qnk_stand_done(&a);
    qnk_stand_done(&b);
}

static void is_created(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    if (qn_check_node_peak(stand.node) > subject->memory) {
        qnk_verdict_fail("it takes more than the memory of its manifest");
    }
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void is_created_in_time(struct qnk_subject *subject, uint32_t arg)
{
    uint64_t best_us = UINT64_MAX;

    (void)arg;
    qnk_subject_load(subject);
    for (uint32_t i = 0; i < TRIES && best_us > CREATE_MAX_MS * 1000; i++) {
        struct qnk_stand stand;

        qnk_stand_init(&stand, subject, &subject->plugin);

        uint64_t from_us = now_us();
        int32_t status = qnk_stand_create(&stand);
        uint64_t took_us = now_us() - from_us;

        best_us = took_us < best_us ? took_us : best_us;
        if (status == QN_OK) {
            stand.plugin->life->destroy(stand.inst);
        }
        qnk_stand_done(&stand);
    }
    if (best_us > CREATE_MAX_MS * 1000) {
        qnk_verdict_fail("create() took %llu ms in the best of %d tries, and %d are allowed",
                         (unsigned long long)(best_us / 1000), TRIES, CREATE_MAX_MS);
    }
    qnk_verdict_note("%llu us", (unsigned long long)best_us);
}

static void prints_nothing(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
    if (qnk_child_printed() > 0) {
        qnk_verdict_fail("it prints %llu bytes by itself", (unsigned long long)qnk_child_printed());
    }
}

/* Sanitizers have a thread of their own, so what counts is that none is added. */
static void starts_no_thread(struct qnk_subject *subject, uint32_t arg)
{
    uint64_t before = qnk_child_count("task");
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    if (qnk_stand_create(&stand) == QN_OK) {
        if (qnk_child_count("task") > before) {
            qnk_verdict_fail("loading or create() starts a thread");
        }
        if (stand.plugin->life->activate(stand.inst) == QN_OK && !subject->spawns_threads &&
            qnk_child_count("task") > before) {
            qnk_verdict_fail("activate() starts a thread, and the manifest does not say so");
        }
    }
}

static void hundred_instances(struct qnk_subject *subject, uint32_t arg)
{
    static struct qnk_stand stands[INSTANCES];

    (void)arg;
    qnk_subject_load(subject);
    for (uint32_t i = 0; i < INSTANCES; i++) {
        int32_t status;

        qnk_stand_init(&stands[i], subject, &subject->plugin);
        status = qnk_stand_create(&stands[i]);
        if (status != QN_OK) {
            qnk_verdict_fail("instance %u: create() answers %s: %s", i + 1, qnk_status_word(status),
                             qnk_stand_words(&stands[i]));
        }
        for (uint32_t j = 0; j < i; j++) {
            if (stands[j].inst == stands[i].inst) {
                qnk_verdict_fail("instances %u and %u are the same", j + 1, i + 1);
            }
        }
    }
    for (uint32_t i = 0; i < INSTANCES; i++) {
        uint32_t at = i % 2 == 0 ? i : INSTANCES - i;

        stands[at].plugin->life->destroy(stands[at].inst);
        qnk_stand_done(&stands[at]);
    }
}

void qnk_load_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-LOA-001", 1, QNK_CASE_NEEDS, "is_mapped", is_mapped, 0},
        {"QN-LOA-002", 1, QNK_CASE_NEEDS, "constant_is_as_the_manifest", qnk_exported_constant, 0},
        {"QN-LOA-003", 1, QNK_CASE_NEEDS, "required_slots_are_there", qnk_exported_slots, 0},
        {"QN-LOA-004", 1, QNK_CASE_NEEDS, "is_created_with_defaults", is_created, 0},
        {"QN-LOA-005", 1, 0, "is_created_in_time", is_created_in_time, 0},
        {"QN-LOA-006", 1, 0, "prints_nothing", prints_nothing, 0},
        {"QN-LOA-007", 1, 0, "starts_no_thread", starts_no_thread, 0},
        {"QN-LOA-008", 1, QNK_CASE_ROOMY, "hundred_instances_side_by_side", hundred_instances, 0},
        {"QN-LOA-009", 1, 0, "loads_twice", loads_twice, 0},
    };

    (void)subject;
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
