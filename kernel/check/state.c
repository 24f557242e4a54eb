/* SPDX-License-Identifier: MIT */

/* state.c: level 6, what an instance hands over to the next one, and what happens when that is
 * broken off. A plugin without qn_state is swapped at boundaries only, and says so here. */

#include <stdlib.h>
#include <string.h>

#include "kernel/check/case.h"
#include "kernel/check/verdict.h"
#include "kernel/check/worked.h"

enum {
    PARTS = 2, /* portable, and its own */
    CHUNKS_MAX = 256,
    CHUNK_MAX = 1 << 20,
    STATE_MAX = 8 << 20,
    SPOILS = 40,
};

/* A state as it was exported. */
struct exported {
    uint32_t chunks[PARTS];
    uint8_t hashes[PARTS][QN_HASH_SIZE];
    struct qn_span pieces[PARTS][CHUNKS_MAX];
    uint64_t size;
    uint8_t bytes[STATE_MAX];
};

static const struct qn_state *state_of(const struct qnk_stand *stand)
{
    return stand->plugin->state;
}

/* The first case says it for all. */
static void state_need(struct qnk_subject *subject, bool is_first)
{
    qnk_subject_load(subject);
    if (!subject->has_state && is_first) {
        qnk_verdict_skip("it has no state to hand over, and is swapped at boundaries only");
    }
    if (!subject->has_state) {
        qnk_verdict_skip("not run: it has no state to hand over");
    }
}

/* One part of a frozen instance. A part that it does not have has no chunk. */
static void part_export(struct qnk_stand *stand, uint32_t part, struct exported *to)
{
    int32_t status = QN_OK;
    uint32_t chunk = 0;

    for (; status == QN_OK; chunk++) {
        struct qn_sink sink = {.data = to->bytes + to->size,
                               .cap = CHUNK_MAX < STATE_MAX - to->size ? CHUNK_MAX
                                                                       : STATE_MAX - to->size};

        status = state_of(stand)->export_part(stand->inst, part + 1, chunk, &sink);
        if (status == QN_OK && chunk == CHUNKS_MAX) {
            qnk_verdict_fail("part %u has more than %d chunks: export_part() must answer "
                             "NOT_FOUND after the last",
                             part + 1, CHUNKS_MAX);
        }
        if (status == QN_OK) {
            to->pieces[part][chunk] = (struct qn_span){sink.data, sink.size};
            to->size += sink.size;
        } else if (status != QN_NOT_FOUND || sink.size != 0) {
            qnk_verdict_fail("export_part(%u, %u) answers %s", part + 1, chunk,
                             qnk_status_word(status));
        }
    }
    to->chunks[part] = chunk - 1;
    if (to->chunks[part] > 0 &&
        state_of(stand)->hash_part(stand->inst, part + 1, to->hashes[part]) != QN_OK) {
        qnk_verdict_fail("it exports part %u and does not hash it", part + 1);
    }
}

static void state_export(struct qnk_stand *stand, struct exported *to)
{
    memset(to->chunks, 0, sizeof to->chunks);
    memset(to->hashes, 0, sizeof to->hashes);
    to->size = 0;
    for (uint32_t part = 0; part < PARTS; part++) {
        part_export(stand, part, to);
    }
    if (to->chunks[0] + to->chunks[1] == 0) {
        qnk_verdict_fail("it has a table for its state and exports nothing");
    }
}

/* Into an instance that was created; gives the first status that is not OK. */
static int32_t state_import(struct qnk_stand *stand, const struct exported *from, uint32_t limit)
{
    int32_t status = QN_OK;

    for (uint32_t part = 0; part < PARTS && status == QN_OK; part++) {
        for (uint32_t chunk = 0; chunk < from->chunks[part] && status == QN_OK; chunk++) {
            if (limit-- == 0) {
                return QN_OK;
            }
            status = state_of(stand)->import_part(stand->inst, part + 1, chunk,
                                                  from->pieces[part][chunk],
                                                  chunk + 1 == from->chunks[part]);
        }
    }
    return status;
}

/* An instance that did some work, frozen, and its state. */
static struct exported *source_make(struct qnk_subject *subject, struct qnk_stand *stand)
{
    struct qnk_worked worked = {.rounds = 2};
    static struct exported exported;

    qnk_stand_init(stand, subject, &subject->plugin);
    qnk_stand_start(stand);
    qnk_worked_run(subject, stand, &worked);
    if (qnk_stand_freeze(stand) != QN_OK) {
        qnk_verdict_fail("freeze() does not become OK");
    }
    state_export(stand, &exported);
    return &exported;
}

static void target_make(struct qnk_subject *subject, struct qnk_stand *stand)
{
    qnk_stand_init(stand, subject, &subject->plugin);
    if (qnk_stand_create(stand) != QN_OK) {
        qnk_verdict_fail("create() fails: %s", qnk_stand_words(stand));
    }
}

/* Ends an instance in whatever state. */
static void stand_drop(struct qnk_stand *stand)
{
    stand->is_active = false;
    stand->plugin->life->destroy(stand->inst);
    stand->inst = NULL;
    qnk_stand_done(stand);
}

static void hashes_check(const struct exported *a, struct qnk_stand *stand)
{
    for (uint32_t part = 0; part < PARTS; part++) {
        uint8_t hash[QN_HASH_SIZE];

        if (a->chunks[part] == 0) {
            continue;
        }
        if (state_of(stand)->hash_part(stand->inst, part + 1, hash) != QN_OK ||
            memcmp(hash, a->hashes[part], sizeof hash) != 0) {
            qnk_verdict_fail("the hash of part %u is another one after import", part + 1);
        }
    }
}

static void state_round_trips(struct qnk_subject *subject, uint32_t arg)
{
    static struct exported again;
    struct qnk_stand a, b;
    struct exported *first;

    (void)arg;
    state_need(subject, true);
    first = source_make(subject, &a);
    target_make(subject, &b);
    if (state_import(&b, first, UINT32_MAX) != QN_OK) {
        qnk_verdict_fail("it does not import what it exported");
    }
    hashes_check(first, &b);
    if (b.plugin->life->activate(b.inst) != QN_OK || qnk_stand_freeze(&b) != QN_OK) {
        qnk_verdict_fail("after import it does not become active and frozen");
    }
    state_export(&b, &again);
    if (again.size != first->size || memcmp(again.bytes, first->bytes, again.size) != 0) {
        qnk_verdict_fail("what it exports after import are other bytes");
    }
    stand_drop(&a);
    stand_drop(&b);
}

/* The old instance thawed, and the new one, do the same work with the same answers. */
static void work_goes_on(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked[2] = {{.rounds = 2}, {.rounds = 2}};
    struct qnk_stand stands[2];
    struct exported *state;

    (void)arg;
    state_need(subject, false);
    state = source_make(subject, &stands[0]);
    target_make(subject, &stands[1]);
    if (state_import(&stands[1], state, UINT32_MAX) != QN_OK ||
        stands[1].plugin->life->activate(stands[1].inst) != QN_OK ||
        stands[0].plugin->life->thaw(stands[0].inst) != QN_OK) {
        qnk_verdict_fail("one of import, activate() and thaw() fails");
    }
    for (int i = 0; i < 2; i++) {
        stands[i].is_active = true;
        qnk_worked_run(subject, &stands[i], &worked[i]);
    }
    if (memcmp(worked[0].hash, worked[1].hash, QN_HASH_SIZE) != 0) {
        qnk_verdict_fail("the instance that took over answers otherwise than the one before");
    }
    stand_drop(&stands[0]);
    stand_drop(&stands[1]);
}

/* Chunks that are cut, changed or noise: refused, or taken with another hash; never a crash. */
static void garbage_state_is_refused(struct qnk_subject *subject, uint32_t arg)
{
    struct qn_check_work drawing = {.seed = subject->seed * 2 + 1};
    static uint8_t bytes[CHUNK_MAX];
    struct qnk_stand a;
    struct exported *state;

    (void)arg;
    state_need(subject, false);
    state = source_make(subject, &a);
    for (uint32_t i = 0; i < SPOILS; i++) {
        uint32_t part = state->chunks[i % PARTS] > 0 ? i % PARTS : (i + 1) % PARTS;
        struct qn_span piece = state->pieces[part][i % state->chunks[part]];
        struct qnk_stand b;
        uint64_t size;
        int32_t status;

        memcpy(bytes, piece.data, piece.size);
        size = qn_check_work_spoil(&drawing, bytes, piece.size);
        target_make(subject, &b);
        status = state_of(&b)->import_part(b.inst, part + 1, i % state->chunks[part],
                                           (struct qn_span){bytes, size}, 1);
        if (status != QN_OK && status != QN_INVALID) {
            qnk_verdict_fail("import_part() of spoilt bytes answers %s", qnk_status_word(status));
        }
        stand_drop(&b);
    }
    stand_drop(&a);
}

static void unknown_parts_are_not_found(struct qnk_subject *subject, uint32_t arg)
{
    static uint8_t bytes[CHUNK_MAX];
    struct qn_sink sink = {.data = bytes, .cap = sizeof bytes};
    uint8_t hash[QN_HASH_SIZE];
    struct qnk_stand a;

    (void)arg;
    state_need(subject, false);
    (void)source_make(subject, &a);
    if (state_of(&a)->export_part(a.inst, PARTS + 1, 0, &sink) != QN_NOT_FOUND ||
        state_of(&a)->export_part(a.inst, 0, 0, &sink) != QN_NOT_FOUND ||
        state_of(&a)->hash_part(a.inst, PARTS + 1, hash) != QN_NOT_FOUND || sink.size != 0) {
        qnk_verdict_fail("a part that there is not is not NOT_FOUND");
    }
    stand_drop(&a);
}

/* A swap may be abandoned after any step: the old one goes on, the new one goes away. */
static void swap_can_be_abandoned(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_worked worked = {.rounds = 1};
    struct qnk_stand a;
    struct exported *state;
    uint32_t steps;

    (void)arg;
    state_need(subject, false);
    state = source_make(subject, &a);
    steps = state->chunks[0] + state->chunks[1];
    for (uint32_t step = 0; step <= steps; step++) {
        struct qnk_stand b;

        target_make(subject, &b);
        if (state_import(&b, state, step) != QN_OK) {
            qnk_verdict_fail("import of chunk %u fails", step);
        }
        stand_drop(&b);
    }
    if (a.plugin->life->thaw(a.inst) != QN_OK) {
        qnk_verdict_fail("after an export thaw() fails");
    }
    a.is_active = true;
    qnk_worked_run(subject, &a, &worked);
    stand_drop(&a);
}

void qnk_state_cases(const struct qnk_subject *subject, struct qnk_cases *cases)
{
    static const struct qnk_case all[] = {
        {"QN-SWP-001", 6, 0, "state_round_trips", state_round_trips, 0},
        {"QN-SWP-002", 6, 0, "work_goes_on_after_a_swap", work_goes_on, 0},
        {"QN-SWP-003", 6, QNK_CASE_FUZZED, "garbage_state_is_refused", garbage_state_is_refused, 0},
        {"QN-SWP-004", 6, 0, "unknown_parts_are_not_found", unknown_parts_are_not_found, 0},
        {"QN-SWP-005", 6, 0, "swap_can_be_abandoned", swap_can_be_abandoned, 0},
    };

    (void)subject;
    qnk_cases_add(cases, all, sizeof all / sizeof *all);
}
