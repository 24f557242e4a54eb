/* SPDX-License-Identifier: MIT */

/* life.c: level 2, instances led through their life in many ways, and what that leaves behind. */

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "kernel/check/case.h"
#include "kernel/check/child.h"
#include "kernel/check/stand.h"
#include "kernel/check/verdict.h"

enum {
    WALKS = 40,
    STEPS = 30,
    LIVES = 1000,
    LIVES_FAST = 100,
    WARM = 30,          /* lives before the first count */
    HEAP_SLACK = 4096,  /* bytes */
    PAGES_SLACK = 1024, /* pages that the heap may grow by without a leak */
    TURN_MS = 1,
};

enum { PREPARE = 1, COMMIT = 2, DROP = 3 };

static int32_t answer_check(const struct qnk_stand *stand, const char *slot, int32_t status)
{
    if (status < 0 || status >= QN_STATUS_COUNT || status == QN_BUG || status == QN_FATAL) {
        qnk_verdict_fail("%s() answers %s (%d): %s", slot, qnk_status_word(status), (int)status,
                         qnk_stand_words(stand));
    }
    return status;
}

static void ok_check(const struct qnk_stand *stand, const char *slot, int32_t status)
{
    if (answer_check(stand, slot, status) != QN_OK) {
        qnk_verdict_fail("%s() answers %s: %s", slot, qnk_status_word(status),
                         qnk_stand_words(stand));
    }
}

/* Prepare, and then commit or drop: a plugin without live keys is UNSUPPORTED throughout. */
static void reconfigure(struct qnk_stand *stand, uint32_t then)
{
    const struct qn_life *life = stand->plugin->life;
    int32_t status = answer_check(stand, "reconfigure",
                                  life->reconfigure(stand->inst, stand->given.config, PREPARE));

    if (status == QN_OK) {
        ok_check(stand, "reconfigure", life->reconfigure(stand->inst, stand->given.config, then));
    } else if (status != QN_UNSUPPORTED) {
        qnk_verdict_fail("reconfigure() to the values that it has answers %s",
                         qnk_status_word(status));
    }
}

/* One instance, moved at random as the kernel may, and destroyed in whatever state it is. */
static void walk(struct qnk_stand *stand, uint64_t *seed)
{
    const struct qn_life *life = stand->plugin->life;
    enum { CREATED, ACTIVE, FROZEN } at = CREATED;

    ok_check(stand, "create", qnk_stand_create(stand));
    for (uint64_t steps = qn_check_random(seed) % STEPS; steps > 0; steps--) {
        uint64_t dice = qn_check_random(seed) % 4;

        if (at == CREATED) {
            ok_check(stand, "activate", life->activate(stand->inst));
            at = ACTIVE;
            stand->is_active = true;
        } else if (at == FROZEN) {
            ok_check(stand, "thaw", life->thaw(stand->inst));
            at = ACTIVE;
            stand->is_active = true;
        } else if (dice == 0) {
            reconfigure(stand, qn_check_random(seed) % 2 == 0 ? COMMIT : DROP);
        } else if (dice == 1) {
            (void)qn_check_loop_turn(stand->loop, TURN_MS);
        } else {
            ok_check(stand, "freeze", qnk_stand_freeze(stand));
            at = FROZEN;
        }
    }
    stand->is_active = false;
    life->destroy(stand->inst);
    stand->inst = NULL;
}

static void random_walk(struct qnk_subject *subject, uint32_t arg)
{
    uint64_t seed = subject->seed * 2 + 1;
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    for (uint32_t i = 0; i < WALKS; i++) {
        walk(&stand, &seed);
        qnk_stand_renew(&stand);
    }
    qnk_stand_done(&stand);
}

/* What a process holds. */
struct holdings {
    uint64_t heap;
    uint64_t descriptors;
    uint64_t threads;
    uint64_t pages;
};

static struct holdings holdings_read(void)
{
    struct mallinfo2 heap = mallinfo2();
    struct holdings it = {
        .heap = heap.uordblks + heap.hblkhd,
        .descriptors = qnk_child_count("fd"),
        .threads = qnk_child_count("task"),
    };
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file != NULL) {
        it.pages = fscanf(file, "%lu", &pages) == 1 ? pages : 0;
        (void)fclose(file);
    }
    return it;
}

static void leak_check(const char *what, uint64_t before, uint64_t after, uint64_t slack,
                       uint32_t lives)
{
    if (after > before + slack) {
        qnk_verdict_fail("%u lives leave %llu %s behind", lives,
                         (unsigned long long)(after - before), what);
    }
}

static void lives_leave_nothing(struct qnk_subject *subject, uint32_t arg)
{
    uint32_t lives = subject->is_fast ? LIVES_FAST : LIVES;
    struct holdings before, after;
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    memset(&before, 0, sizeof before);
    for (uint32_t i = 0; i < WARM + lives; i++) {
        if (i == WARM) {
            before = holdings_read();
        }
        qnk_stand_start(&stand);
        qnk_stand_stop(&stand);
        qnk_stand_renew(&stand);
    }
    after = holdings_read();
    leak_check("bytes of heap", before.heap, after.heap, HEAP_SLACK, lives);
    leak_check("open descriptors", before.descriptors, after.descriptors, 0, lives);
    leak_check("threads", before.threads, after.threads, 0, lives);
    if (!qnk_child_has_shadow()) { /* a sanitizer keeps what was freed for a while */
        leak_check("pages of memory", before.pages, after.pages, lives + PAGES_SLACK, lives);
    }
    qnk_stand_done(&stand);
}

/* Whatever state it is destroyed in, nothing of it goes on: node_destroy() looks for bufs. */
static void any_state_can_be_destroyed(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    for (uint32_t moves = 0; moves < 3; moves++) {
        ok_check(&stand, "create", qnk_stand_create(&stand));
        if (moves > 0) {
            ok_check(&stand, "activate", stand.plugin->life->activate(stand.inst));
            stand.is_active = true;
            (void)qn_check_loop_turn(stand.loop, TURN_MS);
        }
        if (moves > 1) {
            ok_check(&stand, "freeze", qnk_stand_freeze(&stand));
        }
        stand.is_active = false;
        stand.plugin->life->destroy(stand.inst);
        stand.inst = NULL;
        qnk_stand_renew(&stand);
    }
    qnk_stand_done(&stand);
}

static void reconfigures_or_says_no(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    reconfigure(&stand, DROP);
    reconfigure(&stand, COMMIT);
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

static void unknown_extensions_are_null(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    if (stand.plugin->life->extension(stand.inst, "x.there-is-none/1") != NULL ||
        stand.plugin->life->extension(stand.inst, "") != NULL) {
        qnk_verdict_fail("extension() gives a table for an id that nobody has");
    }
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

/* Frozen, an instance holds nothing that goes on without it. */
static void frozen_runs_no_thread(struct qnk_subject *subject, uint32_t arg)
{
    uint64_t before;
    struct qnk_stand stand;

    (void)arg;
    qnk_subject_load(subject);
    before = qnk_child_count("task");
    qnk_stand_init(&stand, subject, &subject->plugin);
    qnk_stand_start(&stand);
    ok_check(&stand, "freeze", qnk_stand_freeze(&stand));
    if (qnk_child_count("task") > before && !subject->spawns_threads) {
        qnk_verdict_fail("freeze() is OK, and threads of it go on");
    }
    ok_check(&stand, "thaw", stand.plugin->life->thaw(stand.inst));
    qnk_stand_stop(&stand);
    qnk_stand_done(&stand);
}

void qnk_life_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-LIF-001", 2, QNK_CASE_FUZZED, "random_walk", random_walk, 0},
        {"QN-LIF-002", 2, 0, "lives_leave_nothing_behind", lives_leave_nothing, 0},
        {"QN-LIF-003", 2, 0, "any_state_can_be_destroyed", any_state_can_be_destroyed, 0},
        {"QN-LIF-004", 2, 0, "reconfigures_or_says_no", reconfigures_or_says_no, 0},
        {"QN-LIF-005", 2, 0, "unknown_extensions_are_null", unknown_extensions_are_null, 0},
        {"QN-LIF-006", 2, 0, "frozen_runs_no_thread", frozen_runs_no_thread, 0},
    };

    (void)subject;
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
