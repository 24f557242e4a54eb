/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* nftw */

#include "kernel/check/run.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/check/trace.h"

enum { PRIVATE_MAX_MB = 8192, FOLDERS_OPEN = 8 };

struct running {
    const struct qnk_check_options *options;
    struct qnk_subject subject;
    struct qnk_cases cases;
    bool has_failed[QNK_CASES_MAX];
    void (*take)(void *ctx, const struct qnk_check_result *result);
    void *ctx;
    struct qnk_check_counts *counts;
};

/* A case, and a copy of the subject that it may fill. */
struct job {
    const struct qnk_case *of;
    struct qnk_subject subject;
};

void qnk_cases_add(struct qnk_cases *cases, const struct qnk_case *of, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        QN_ASSERT(cases->count < QNK_CASES_MAX);
        cases->items[cases->count++] = of[i];
    }
}

static int entry_remove(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void job_run(void *ctx)
{
    struct job *job = ctx;

    job->of->run(&job->subject, job->of->arg);
}

static bool is_wanted(const struct running *it, const struct qnk_case *of)
{
    const struct qnk_check_options *options = it->options;

    if (options->only != NULL) {
        return strcmp(options->only, of->rule) == 0 || strcmp(options->only, of->name) == 0;
    }
    return of->level >= options->level_first && of->level <= options->level_last &&
           !(options->is_fast && (of->flags & QNK_CASE_SLOW) != 0);
}

/* Whether the contract's case that this one repeats failed plainly. */
static bool follows_failure(const struct running *it, const struct qnk_case *of)
{
    for (uint32_t i = 0; i < it->cases.count; i++) {
        const struct qnk_case *other = &it->cases.items[i];

        if (other->level == 3 && it->has_failed[i] && other->arg == of->arg) {
            return true;
        }
    }
    return false;
}

static enum qnk_child_state case_run(struct running *it, const struct qnk_case *of, uint64_t seed)
{
    static struct job job;
    struct qnk_child_limits limits = {
        .cpu_s = it->options->limit_s,
        .memory = (of->flags & QNK_CASE_ROOMY) != 0 ? 0 : (uint64_t)PRIVATE_MAX_MB * 1024 * 1024,
    };
    struct qnk_child_end end;

    job.of = of;
    job.subject = it->subject;
    job.subject.seed = seed;
    qnk_child_run(&limits, job_run, &job, &end);
    it->counts->passed += end.state == QNK_CHILD_PASSED;
    it->counts->failed += end.state == QNK_CHILD_FAILED;
    it->counts->skipped += end.state == QNK_CHILD_SKIPPED;
    it->take(it->ctx, &(struct qnk_check_result){.of = of, .end = &end, .seed = seed});
    return end.state;
}

/* A case that is left out as another failed. */
static void case_skip(struct running *it, const struct qnk_case *of, const char *why)
{
    struct qnk_child_end end = {.state = QNK_CHILD_SKIPPED};

    (void)snprintf(end.words, sizeof end.words, "%s", why);
    it->counts->skipped++;
    it->take(it->ctx, &(struct qnk_check_result){.of = of, .end = &end, .seed = it->options->seed});
}

/* Within a level all that needs nothing of each other is run; a level whose needs failed is the
 * last. */
static void cases_run(struct running *it)
{
    uint32_t refused_at = QNK_CHECK_LEVELS;

    for (uint32_t i = 0; i < it->cases.count; i++) {
        const struct qnk_case *of = &it->cases.items[i];

        if (!is_wanted(it, of)) {
            continue;
        }
        if (of->level > refused_at || (of->level == refused_at && of->level > 0)) {
            case_skip(it, of, "not run: what it needs failed");
        } else if ((of->flags & QNK_CASE_FOLLOWS) != 0 && follows_failure(it, of)) {
            case_skip(it, of, "not run: its rule is broken without a guard too");
        } else {
            it->has_failed[i] = case_run(it, of, it->options->seed) == QNK_CHILD_FAILED;
            if (it->has_failed[i] && (of->flags & QNK_CASE_NEEDS) != 0) {
                refused_at = of->level;
            }
        }
    }
}

/* Other seeds for the cases that draw, until the time is over or one fails. */
static void cases_fuzz(struct running *it)
{
    time_t until = time(NULL) + (time_t)it->options->fuzz_s;

    for (uint64_t seed = it->options->seed + 1; it->counts->failed == 0; seed++) {
        uint32_t found = 0;

        for (uint32_t i = 0; i < it->cases.count; i++) {
            const struct qnk_case *of = &it->cases.items[i];

            if (is_wanted(it, of) && (of->flags & QNK_CASE_FUZZED) != 0) {
                found++;
                if (time(NULL) >= until) {
                    return;
                }
                (void)case_run(it, of, seed);
            }
        }
        if (found == 0) {
            return;
        }
    }
}

void qnk_cases_plan(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    qnk_static_cases(subject, cases);
    qnk_load_cases(subject, cases);
    qnk_life_cases(subject, cases);
    qnk_contract_cases(subject, cases);
    qnk_fault_cases(subject, cases);
    qnk_power_cases(subject, cases);
    qnk_same_cases(subject, cases);
    qnk_state_cases(subject, cases);
    qnk_memory_cases(subject, cases);
    qnk_cost_cases(subject, cases);
}

/* In this process, where a debugger sees it; the process ends as the case does. */
static void case_here(struct running *it)
{
    if (strcmp(it->options->only, QNK_TRACE_NAME) == 0) {
        qnk_trace_print(&it->subject);
        it->counts->passed++;
    }
    for (uint32_t i = 0; i < it->cases.count; i++) {
        if (is_wanted(it, &it->cases.items[i])) {
            it->cases.items[i].run(&it->subject, it->cases.items[i].arg);
            it->counts->passed++;
        }
    }
}

bool qnk_check_run(const struct qnk_check_options *options,
                   void (*take)(void *ctx, const struct qnk_check_result *result), void *ctx,
                   struct qnk_check_counts *counts)
{
    static struct running it;
    const char *base = getenv("TMPDIR");
    char folder[96];

    memset(counts, 0, sizeof *counts);
    (void)snprintf(folder, sizeof folder, "%.60s/qnet-check-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return false;
    }
    (void)setenv("TMPDIR", folder, 1);
    it = (struct running){.options = options, .take = take, .ctx = ctx, .counts = counts};
    it.subject = (struct qnk_subject){
        .path = options->path,
        .self = options->self,
        .listen = options->listen,
        .nowhere = options->nowhere,
        .keys = options->keys,
        .seed = options->seed,
        .is_fast = options->is_fast,
    };
    qnk_subject_open(&it.subject);
    (void)snprintf(counts->kind, sizeof counts->kind, "%s", it.subject.kind);
    (void)snprintf(counts->name, sizeof counts->name, "%s", it.subject.name);
    qnk_cases_plan(&it.subject, &it.cases);
    if (options->is_here) {
        case_here(&it);
    } else {
        cases_run(&it);
        if (options->fuzz_s > 0) {
            cases_fuzz(&it);
        }
    }
    (void)nftw(folder, entry_remove, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
    return true;
}
