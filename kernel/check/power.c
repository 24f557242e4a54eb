/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

/* power.c: level 4, a storage whose process ends before any of the calls by which it writes; with
 * the power, or without. Only of a storage that asks for its folder. */

#include <string.h>
#include <sys/mman.h>

#include "kernel/check/case.h"
#include "kernel/check/cut.h"
#include "kernel/check/stand.h"
#include "kernel/check/verdict.h"
#include "sdk/check/storage_diary.h"

enum { CUTS = 80, CUTS_FAST = 16, STEPS = 40, LIVES = 2 };

/* One storage on one folder, over several lives. */
struct lives {
    const struct qnk_subject *subject;
    struct qnk_stand stand;
    struct qn_check_store store;
    struct qn_check_diary *diary; /* shared with the process that is ended */
    uint64_t seed;                /* of this life's steps */
    bool is_closed;               /* the life comes to its own end */
};

static uint8_t room[QN_CHECK_DIARY_ROOM];

static void storage_open(struct lives *it)
{
    qnk_stand_start(&it->stand);
    it->store.inst = it->stand.inst;

    int32_t status = qn_check_diary_open(&it->store);

    if (status != QN_OK) {
        qnk_verdict_fail("space() answers %s: %s", qnk_status_word(status),
                         qnk_stand_words(&it->stand));
    }
}

static void life(void *ctx)
{
    struct lives *it = ctx;

    storage_open(it);
    for (uint32_t i = 0; i < STEPS; i++) {
        int32_t status = qn_check_diary_step(&it->store, it->diary, &it->seed);

        if (status != QN_OK) {
            qnk_verdict_fail("a write, append or trim answers %s: %s", qnk_status_word(status),
                             qnk_stand_words(&it->stand));
        }
    }
    if (it->is_closed) {
        qnk_stand_stop(&it->stand);
    }
}

static void lives_init(struct lives *it, const struct qnk_subject *subject)
{
    qnk_stand_init(&it->stand, subject, &subject->plugin);
    it->subject = subject;
    it->store = (struct qn_check_store){.slots = (const void *)subject->plugin.slots, .room = room};
    memset(it->diary, 0, sizeof *it->diary);
    it->diary->trimmed = 1;
}

/* One life, until the call before which it ends; how it ended is judged, but not what it left. */
static void life_cut(struct lives *it, struct qnk_cut *cut, uint64_t seed)
{
    int status = 0;
    enum qnk_traced_end end;

    it->seed = seed;
    it->is_closed = cut->at != 0;
    cut->folder = it->stand.folder;
    end = qnk_cut_run(cut, life, it, &status);
    if (end == QNK_TRACED_REFUSED) {
        qnk_verdict_skip("the system lets no process be traced here");
    }
    if (end == QNK_TRACED_DIED) {
        qnk_verdict_repeat(status);
    }
    if (cut->is_blind) {
        qnk_verdict_skip("its writes go where the system does not show them");
    }
}

/* What is there after it, in an instance that is new. */
static void rest_compare(struct lives *it)
{
    storage_open(it);
    qn_check_diary_compare(&it->store, it->diary);
    qnk_stand_stop(&it->stand);
    qnk_stand_renew(&it->stand);
}

/* Where a failure is told to have come up. */
static void place_say(const struct qnk_cut *cut, uint32_t life_number, bool has_power)
{
    const char *how = has_power ? "ended" : "power cut";
    const char *when = life_number > 0 ? " of its second life" : "";

    if (cut->at == 0) {
        qnk_verdict_at("%s after its last call", how);
    } else {
        qnk_verdict_at("%s before call %llu%s%s%s%s", how, (unsigned long long)cut->at,
                       cut->call != NULL ? " (" : "", cut->call != NULL ? cut->call : "",
                       cut->call != NULL ? ")" : "", when);
    }
}

/* Two lives on one folder: the first ends before call `at` of it, or after all of them, and the
 * second, which begins with what the first left, before a call by lot. */
static void folder_try(struct lives *it, uint64_t at, uint64_t calls, bool has_power)
{
    uint64_t seed = it->subject->seed * 2 + 1, lot = seed + at * 31 + 7;

    lives_init(it, it->subject);
    for (uint32_t i = 0; i < LIVES; i++) {
        struct qnk_cut cut = {.at = i == 0 ? at : 1 + (qn_check_random(&lot) >> 16) % calls};
        enum qnk_cut_loss loss =
            qn_check_random(&lot) >> 16 & 1 ? QNK_CUT_LOSES_ALL : QNK_CUT_LOSES_SOME;

        place_say(&cut, i, has_power);
        life_cut(it, &cut, seed + i * 2);
        place_say(&cut, i, has_power);
        qnk_cut_lose(has_power ? QNK_CUT_LOSES_NOTHING : loss, qn_check_random(&lot) >> 16);
        rest_compare(it);
    }
    qnk_stand_done(&it->stand);
}

/* How many calls there are in a life that comes to its end. Skips the case if nothing is kept. */
static uint64_t calls_count(struct lives *it)
{
    struct qnk_cut cut = {.at = UINT64_MAX};

    lives_init(it, it->subject);
    storage_open(it);
    if (!qn_check_node_asked_folder(it->stand.node)) {
        qnk_verdict_skip("it does not ask for its folder: it keeps nothing");
    }
    qnk_stand_stop(&it->stand);
    qnk_stand_done(&it->stand);
    lives_init(it, it->subject);
    life_cut(it, &cut, it->subject->seed * 2 + 1);
    rest_compare(it);
    qnk_stand_done(&it->stand);
    return cut.calls;
}

static void writes_cut(struct qnk_subject *subject, uint32_t has_power)
{
    static struct lives it;
    uint64_t cuts = subject->is_fast ? CUTS_FAST : CUTS, calls, step;

    qnk_subject_load(subject);
    it.subject = subject;
    it.diary =
        mmap(NULL, sizeof *it.diary, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (it.diary == MAP_FAILED) {
        qnk_verdict_skip("no memory for a diary");
    }
    calls = calls_count(&it);
    if (calls == 0) {
        qnk_verdict_fail("it asks for its folder, and writes nothing there");
    }
    cuts = cuts < calls ? cuts : calls;
    step = calls / cuts;
    folder_try(&it, 0, calls, has_power != 0);
    for (uint64_t i = 0; i < cuts; i++) {
        folder_try(&it, 1 + i * step + subject->seed % step, calls, has_power != 0);
    }
    qnk_verdict_at("%s", "");
    qnk_verdict_note("%llu of %llu calls", (unsigned long long)cuts, (unsigned long long)calls);
}

void qnk_power_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-FLT-006", 4, QNK_CASE_FUZZED, "an_end_keeps_what_was_durable", writes_cut, true},
        {"QN-FLT-007", 4, QNK_CASE_FUZZED, "a_power_cut_keeps_what_was_durable", writes_cut, false},
    };

    if (strcmp(subject->kind, "storage") == 0) {
        qnk_cases_add(cases, all, sizeof all / sizeof *all);
    }
}
