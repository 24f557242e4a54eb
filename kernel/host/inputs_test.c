/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* nftw */

#include "tests/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/host/inputs_head.h"
#include "kernel/host/inputs_read.h"
#include "kernel/host/lines.h"

enum { SEGMENT = 65536, PATH = 400 };

static struct qnk_budget budget = {.limit = 1 << 26};
static char data[PATH];

/* --- a log and its making --- */

static int make_folder(void **state)
{
    (void)state;
    snprintf(data, sizeof data, "%s/qnet-inputs.XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(data) == NULL;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct qnk_inputs *opened(uint64_t bound, bool *has_kept)
{
    const struct qnk_inputs_setup setup = {
        .budget = &budget,
        .data = data,
        .bound = bound,
        .segment = SEGMENT,
        .has_kept = has_kept,
    };
    struct qnk_inputs *inputs = NULL;
    char why[QNK_INPUTS_WHY] = "";

    assert_int_equal(qnk_inputs_open(&setup, &inputs, why), QN_OK);
    return inputs;
}

static struct qnk_inputs *begun(uint64_t bound)
{
    bool has_kept;
    struct qnk_inputs *inputs = opened(bound, &has_kept);

    assert_int_equal(qnk_inputs_head(inputs, (struct qn_span){(const uint8_t *)"head", 4}), QN_OK);
    assert_int_equal(qnk_inputs_begin(inputs), QN_OK);
    return inputs;
}

/* A step: a SUBMIT of `size` bytes and a timer after it. */
static void step(struct qnk_inputs *inputs, uint64_t size)
{
    struct qn_buf *buf = qnk_buf_new(&budget, size);
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT, .submit = {.txs = buf}};
    struct qnk_effects effects;

    assert_non_null(buf);
    memset(buf->data, 0x5a, size);
    qnk_effects_init(&effects, &budget);
    qnk_effects_push(&effects, QNK_EFFECT_TIMER)->timer.id = 3;
    qnk_inputs_event(inputs, &event);
    qnk_inputs_effects(inputs, &effects);
    qnk_effects_done(&effects);
    qnk_buf_unref(buf);
}

static void event_alone(struct qnk_inputs *inputs)
{
    const struct qnk_event event = {.type = QNK_EVENT_TIMER, .timer = 1};

    qnk_inputs_event(inputs, &event);
}

/* What the reader says at its end, and how many steps and records of effects it read. */
struct reading {
    int32_t status;
    uint64_t steps, effects;
    bool has_stopped, has_ended;
    uint32_t oldest;
    int code;
    char why[QNK_INPUTS_WHY];
};

static struct reading reading_of(const char *folder)
{
    struct reading reading = {0};
    struct qnk_inputs_reader reader;
    struct qnk_inputs_record record;

    reading.status = qnk_inputs_reader_open(&reader, folder);
    while (reading.status == QN_OK) {
        reading.status = qnk_inputs_next(&reader, &record);
        if (reading.status == QN_OK) {
            reading.steps += record.type == QNK_INPUTS_EVENT;
            reading.effects += record.type == QNK_INPUTS_EFFECTS;
            reading.has_stopped |= record.type == QNK_INPUTS_STOPPED;
        }
    }
    reading.has_ended = reader.has_ended;
    reading.code = reader.code;
    reading.oldest = reader.oldest;
    memcpy(reading.why, reader.why, sizeof reading.why);
    qnk_inputs_reader_close(&reader);
    return reading;
}

static bool is_there(const char *name)
{
    char path[PATH + 64];

    snprintf(path, sizeof path, "%s/%s", data, name);
    return access(path, F_OK) == 0;
}

/* Changes one bit of a file. */
static void flip(const char *name, long at)
{
    char path[PATH + 64];
    FILE *file;
    int byte;

    snprintf(path, sizeof path, "%s/inputs/%s", data, name);
    file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_true(fputc(byte ^ 0x10, file) != EOF);
    assert_int_equal(fclose(file), 0);
}

/* --- cases --- */

static void what_is_recorded_is_read(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    struct reading reading;

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        step(inputs, i * 100);
    }
    qnk_inputs_close(inputs, 70, "it halts");
    reading = reading_of(data);
    assert_int_equal(reading.status, QN_NOT_FOUND);
    assert_int_equal(reading.steps, 20);
    assert_int_equal(reading.effects, 20);
    assert_true(reading.has_ended);
    assert_int_equal(reading.code, 70);
    assert_int_equal(budget.used, 0);
}

static void a_record_is_there_at_once(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    struct reading reading;

    (void)state;
    step(inputs, 10);
    event_alone(inputs);
    reading = reading_of(data); /* nothing was flushed or closed */
    assert_int_equal(reading.status, QN_NOT_FOUND);
    assert_int_equal(reading.steps, 2);
    assert_int_equal(reading.effects, 1);
    qnk_inputs_abandon(inputs);
    reading = reading_of(data);
    assert_int_equal(reading.steps, 2);
    assert_false(reading.has_ended);
}

static void the_log_of_who_died_is_kept_once(void **state)
{
    bool has_kept = false;
    struct qnk_inputs *inputs = begun(1 << 20);

    (void)state;
    step(inputs, 10);
    qnk_inputs_abandon(inputs);
    inputs = opened(1 << 20, &has_kept);
    assert_true(has_kept);
    assert_true(is_there("died/steps.000001"));
    assert_int_equal(qnk_inputs_begin(inputs), QN_OK);
    qnk_inputs_close(inputs, 0, "");
    inputs = opened(1 << 20, &has_kept);
    assert_false(has_kept); /* it ended in order, so that it goes */
    assert_false(is_there("inputs/steps.000001"));
    assert_true(is_there("died/steps.000001"));
    qnk_inputs_close(inputs, 0, "");
}

/* As the host does: the next file is made while the current one is written. */
static void prepared(struct qnk_inputs *inputs)
{
    if (qnk_inputs_wants(inputs)) {
        qnk_inputs_prepare(inputs);
    }
}

static void files_follow_each_other(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    struct reading reading;

    (void)state;
    qnk_inputs_running(inputs);
    for (uint32_t i = 0; i < 100; i++) {
        prepared(inputs);
        step(inputs, 5000);
    }
    assert_null(qnk_inputs_stopped(inputs));
    assert_true(is_there("inputs/steps.000008"));
    qnk_inputs_abandon(inputs);
    reading = reading_of(data);
    assert_int_equal(reading.status, QN_NOT_FOUND);
    assert_int_equal(reading.steps, 100);
}

static void beyond_the_bound_the_oldest_goes(void **state)
{
    struct qnk_inputs *inputs = begun((uint64_t)6 * SEGMENT);
    struct reading reading;

    (void)state;
    qnk_inputs_running(inputs);
    for (uint32_t i = 0; i < 100; i++) {
        prepared(inputs);
        step(inputs, 5000);
    }
    assert_true(qnk_inputs_dropped(inputs) > 0);
    assert_false(is_there("inputs/steps.000001"));
    qnk_inputs_close(inputs, 0, "");
    reading = reading_of(data);
    assert_int_equal(reading.status, QN_NOT_FOUND);
    assert_true(reading.oldest > 1);
    assert_true(reading.steps > 20 && reading.steps < 80);
}

/* Until `part` of the last file that fits are written; nothing is dropped up to there. */
static void fill(struct qnk_inputs *inputs, uint32_t part)
{
    while (!qnk_inputs_is_full(inputs, part)) {
        assert_int_equal(qnk_inputs_dropped(inputs), 0);
        prepared(inputs);
        step(inputs, 1000);
    }
    assert_int_equal(qnk_inputs_dropped(inputs), 0);
    assert_true(is_there("inputs/steps.000005"));
    assert_false(is_there("inputs/steps.000006"));
}

static void it_is_full_before_the_first_file_goes(void **state)
{
    struct qnk_inputs *inputs = begun((uint64_t)6 * SEGMENT); /* five, as the start is in it */

    (void)state;
    assert_false(qnk_inputs_is_full(inputs, 0));
    qnk_inputs_running(inputs);
    fill(inputs, 0);
    assert_false(qnk_inputs_is_full(inputs, 100));
    fill(inputs, 100);
    fill(inputs, QNK_INPUTS_LATE);
    prepared(inputs);
    assert_int_equal(qnk_inputs_dropped(inputs), 1);
    while (is_there("inputs/steps.000002")) {
        assert_true(qnk_inputs_is_full(inputs, QNK_INPUTS_LATE));
        prepared(inputs);
        step(inputs, 1000);
    }
    assert_true(qnk_inputs_is_full(inputs, QNK_INPUTS_PARTS));
    assert_null(qnk_inputs_stopped(inputs));
    qnk_inputs_close(inputs, 0, "");
}

static void a_large_record_does_not_wait_for_the_late_file(void **state)
{
    struct qnk_inputs *inputs = begun((uint64_t)6 * SEGMENT);

    (void)state;
    qnk_inputs_running(inputs);
    fill(inputs, QNK_INPUTS_PARTS / 2);
    step(inputs, SEGMENT / 4 * 3);
    assert_null(qnk_inputs_stopped(inputs));
    assert_int_equal(qnk_inputs_dropped(inputs), 1);
    assert_true(is_there("inputs/steps.000006"));
    qnk_inputs_close(inputs, 0, "");
}

static void without_a_next_file_recording_stops_and_says_so(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    struct reading reading;
    uint64_t steps = 0;

    (void)state;
    qnk_inputs_running(inputs);
    while (qnk_inputs_stopped(inputs) == NULL) { /* nobody prepares */
        step(inputs, 5000);
        steps++;
    }
    step(inputs, 10);
    qnk_inputs_close(inputs, 0, "");
    reading = reading_of(data);
    assert_int_equal(reading.status, QN_NOT_FOUND);
    assert_true(reading.has_stopped);
    assert_true(reading.steps + 1 == steps || reading.steps == steps);
}

static void a_record_that_is_too_large_stops_it(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);

    (void)state;
    step(inputs, SEGMENT);
    assert_non_null(qnk_inputs_stopped(inputs));
    assert_true(reading_of(data).has_stopped);
    qnk_inputs_close(inputs, 0, "");
}

static void the_state_must_leave_room_for_steps(void **state)
{
    static uint8_t page[4032];
    bool has_kept;
    struct qnk_inputs *inputs = opened((uint64_t)4 * SEGMENT, &has_kept);
    int32_t status = QN_OK;

    (void)state;
    for (uint64_t i = 0; i < 1000 && status == QN_OK; i++) {
        status = qnk_inputs_pages(inputs, i, (struct qn_span){page, sizeof page});
    }
    assert_int_equal(status, QN_NO_SPACE);
    qnk_inputs_close(inputs, 0, "");
}

static void any_flipped_bit_is_named(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    char place[64];

    (void)state;
    step(inputs, 100);
    step(inputs, 100);
    qnk_inputs_close(inputs, 0, "");
    assert_int_equal(reading_of(data).status, QN_NOT_FOUND);
    for (long at = 0; at < 400; at++) {
        struct reading reading;

        flip("steps.000001", at);
        reading = reading_of(data);
        assert_int_equal(reading.status, QN_CORRUPT);
        assert_non_null(strstr(reading.why, "steps.000001"));
        flip("steps.000001", at);
    }
    flip("start", 3);
    snprintf(place, sizeof place, "start', byte 0");
    assert_non_null(strstr(reading_of(data).why, place));
    flip("start", 3);
    assert_int_equal(reading_of(data).steps, 2);
}

static void a_missing_file_is_named(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    char path[PATH + 64];
    struct reading reading;

    (void)state;
    for (uint32_t i = 0; i < 50; i++) { /* it waits for files: the node restores */
        step(inputs, 5000);
    }
    qnk_inputs_close(inputs, 0, "");
    snprintf(path, sizeof path, "%s/inputs/steps.000002", data);
    assert_int_equal(unlink(path), 0);
    reading = reading_of(data);
    assert_int_equal(reading.status, QN_CORRUPT);
    assert_non_null(strstr(reading.why, "steps.000002"));
}

/* After an orderly end, the last ones too. */
static void steps_that_are_missing_at_the_end_are_noticed(void **state)
{
    struct qnk_inputs *inputs = begun(1 << 20);
    char path[PATH + 64];
    struct reading reading;

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        step(inputs, 5000);
    }
    qnk_inputs_close(inputs, 0, "");
    assert_int_equal(reading_of(data).status, QN_NOT_FOUND);
    for (uint32_t last = 5; last > 0; last--) {
        snprintf(path, sizeof path, "%s/inputs/steps.%06u", data, last);
        assert_int_equal(unlink(path), 0);
        reading = reading_of(data);
        assert_int_equal(reading.status, QN_CORRUPT);
        assert_non_null(strstr(reading.why, "the node recorded 50"));
    }
}

static void no_log_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(reading_of(data).status, QN_NOT_FOUND);
}

static void the_head_comes_back_as_it_was(void **state)
{
    const struct qnk_inputs_head head = {
        .program = {(const uint8_t *)"1.2.3", 5},
        .setup = {(const uint8_t *)"setup", 5},
        .pages = 9,
        .has_state = true,
        .guard = 1,
        .plugins_count = 1,
        .plugins = {{.kind = {(const uint8_t *)"ledger", 6}, .hash = {1}}},
    };
    struct qnk_inputs_head got;
    struct qn_sink out;

    (void)state;
    qnk_sink_init(&out, &budget, 4096);
    assert_int_equal(qnk_inputs_head_encode(&head, &out), QN_OK);
    assert_int_equal(qnk_inputs_head_decode(qnk_sink_span(&out), &got), QN_OK);
    assert_int_equal(got.pages, 9);
    assert_int_equal(got.plugins_count, 1);
    assert_memory_equal(got.plugins[0].kind.data, "ledger", 6);
    for (uint64_t size = 0; size < out.size; size++) {
        assert_int_equal(qnk_inputs_head_decode((struct qn_span){out.data, size}, &got),
                         QN_INVALID);
    }
    out.data[0]++;
    assert_int_equal(qnk_inputs_head_decode(qnk_sink_span(&out), &got), QN_UNSUPPORTED);
    qnk_sink_done(&out);
    assert_int_equal(budget.used, 0);
}

static void the_newest_lines_stay_in_the_file(void **state)
{
    static struct qnk_lines lines;
    static char kept[1024];

    (void)state;
    qnk_lines_init(&lines);
    qnk_lines_keep(&lines, kept, sizeof kept);
    for (uint32_t i = 0; i < 1000; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "line %u", i);

        qnk_lines_add(&lines, "part", (struct qn_span){(const uint8_t *)text, (uint64_t)size});
    }
    assert_null(strstr(kept, "line 1\n"));
    assert_non_null(strstr(kept, "line 998\nline 999\n"));
    assert_memory_equal(kept, "line ", 5);
    assert_int_equal(kept[sizeof kept - 1], 0);
    qnk_lines_keep(&lines, NULL, 0);
    qnk_lines_done(&lines);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_recorded_is_read),
        CASE(a_record_is_there_at_once),
        CASE(the_log_of_who_died_is_kept_once),
        CASE(files_follow_each_other),
        CASE(beyond_the_bound_the_oldest_goes),
        CASE(it_is_full_before_the_first_file_goes),
        CASE(a_large_record_does_not_wait_for_the_late_file),
        CASE(without_a_next_file_recording_stops_and_says_so),
        CASE(a_record_that_is_too_large_stops_it),
        CASE(the_state_must_leave_room_for_steps),
        CASE(any_flipped_bit_is_named),
        CASE(a_missing_file_is_named),
        CASE(steps_that_are_missing_at_the_end_are_noticed),
        CASE(no_log_is_no_error),
        CASE(the_head_comes_back_as_it_was),
        CASE(the_newest_lines_stay_in_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
