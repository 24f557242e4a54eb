/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/log.h"

/* 2026-01-01T12:00:01.204117Z */
#define NOON_US (UINT64_C(1767268801) * 1000000 + 204117)

static struct qnk_log journal;
static uint64_t now_us;
static int pipe_ends[2];
static char written[8192];

static uint64_t test_now_us(void *clock)
{
    return *(uint64_t *)clock;
}

static struct qnk_log_part part = {.name = "consensus/commit-reveal"};

static void start_with(enum qnk_log_format format, enum qnk_log_level level)
{
    const struct qnk_log_options options = {.fd = pipe_ends[1],
                                            .format = format,
                                            .level = level,
                                            .now_us = test_now_us,
                                            .clock = &now_us};

    now_us = NOON_US;
    qnk_log_init(&journal, &options);
    assert_int_equal(qnk_log_add(&journal, &part), QN_OK);
}

/* Everything written since the last call. */
static const char *read_all(void)
{
    ssize_t size = read(pipe_ends[0], written, sizeof written - 1);

    written[size < 0 ? 0 : size] = 0;
    return written;
}

static int open_pipe(void **subject)
{
    (void)subject;
    return pipe(pipe_ends) == 0 && fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -1;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_log_done(&journal);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
    return 0;
}

static void say_final(void)
{
    qnk_log(&part, QNK_LOG_INFO, "window-final",
            "window %u is final | window=%u blocks=%u-%u signed=%u/%u took=%" PRIu64 "ms", 31u, 31u,
            2701u, 2790u, 4u, 4u, UINT64_C(410));
}

static void a_terminal_gets_time_words_and_fields(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_TEXT, QNK_LOG_INFO);
    say_final();
    assert_string_equal(read_all(), "12:00:01.204 info  consensus/commit-reveal  window 31 is final"
                                    "       window=31 blocks=2701-2790 signed=4/4 took=410ms\n");
    qnk_log(&part, QNK_LOG_ERROR, "none", "only words");
    assert_string_equal(read_all(), "12:00:01.204 error consensus/commit-reveal  only words\n");
}

static void logfmt_has_the_event_and_no_words(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    say_final();
    assert_string_equal(
        read_all(),
        "ts=2026-01-01T12:00:01.204117Z level=info part=consensus/commit-reveal event=window-final "
        "window=31 blocks=2701-2790 signed=4/4 took=410ms\n");
}

static void json_is_an_object_with_numbers(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_JSON, QNK_LOG_INFO);
    say_final();
    assert_string_equal(
        read_all(),
        "{\"ts\":\"2026-01-01T12:00:01.204117Z\",\"level\":\"info\",\"part\":\"consensus/"
        "commit-reveal\",\"event\":\"window-final\",\"window\":31,\"blocks\":\"2701-2790\","
        "\"signed\":\"4/4\",\"took\":\"410ms\"}\n");
}

static void the_journal_gets_a_priority_and_no_time(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_JOURNAL, QNK_LOG_TRACE);
    qnk_log(&part, QNK_LOG_ERROR, "e", "w | a=%d", 1);
    qnk_log(&part, QNK_LOG_WARN, "e", "w | a=%d", -1);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%d", 0);
    qnk_log(&part, QNK_LOG_TRACE, "e", "no fields");
    assert_string_equal(read_all(), "<3>level=error part=consensus/commit-reveal event=e a=1\n"
                                    "<4>level=warn part=consensus/commit-reveal event=e a=-1\n"
                                    "<6>level=info part=consensus/commit-reveal event=e a=0\n"
                                    "<7>level=trace part=consensus/commit-reveal event=e "
                                    "text=\"no fields\"\n");
}

/* What stands behind event=e in a logfmt line. */
static const char *fields_of_line(void)
{
    const char *at = strstr(read_all(), "event=e");

    assert_non_null(at);
    written[strlen(written) - 1] = 0;
    return at + strlen("event=e");
}

static void conversions_are_those_of_printf(void **subject)
{
    (void)subject;
    char expected[256];

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%d b=%i c=%u d=%x e=%c f=%s g=%%", INT32_MIN, 7,
            UINT32_MAX, 0xbeefu, 'x', "text");
    (void)snprintf(expected, sizeof expected, " a=%d b=%i c=%u d=%x e=%c f=%s g=%%", INT32_MIN, 7,
                   UINT32_MAX, 0xbeefu, 'x', "text");
    assert_string_equal(fields_of_line(), expected);
    qnk_log(&part, QNK_LOG_INFO, "e",
            "w | a=%ld b=%lld c=%lu d=%llx e=%zu f=%jd g=%td h=%hhu i=%hd", -1L, LLONG_MIN, 3UL,
            0xffffffffffffffffULL, (size_t)5, (intmax_t)-6, (ptrdiff_t)-7, (unsigned char)8,
            (short)-9);
    assert_string_equal(fields_of_line(), " a=-1 b=-9223372036854775808 c=3 d=ffffffffffffffff e=5 "
                                          "f=-6 g=-7 h=8 i=-9");
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%04x b=%.3s c=%.*s d=%.*s e=%08d", 0xau, "abcdef", 2,
            "xyz", -1, "all", 42);
    assert_string_equal(fields_of_line(), " a=000a b=abc c=xy d=all e=00000042");
}

static void a_made_line_is_words_and_fields(void **subject)
{
    static struct qnk_log_site site;

    (void)subject;
    start_with(QNK_LOG_JSON, QNK_LOG_INFO);
    qnk_log_text(&site, &part, QNK_LOG_INFO, "made", "100 % | window=31 signed=4/4");
    assert_non_null(strstr(read_all(), "\"event\":\"made\",\"window\":31,\"signed\":\"4/4\"}"));
    qnk_log_text(&site, &part, QNK_LOG_INFO, "made", "50 %s\n | no fields | k=v");
    assert_non_null(strstr(read_all(), "\"k\":\"v\"}"));
    qnk_log_text(&site, &part, QNK_LOG_INFO, "made", "50 %s\n | no fields");
    assert_non_null(strstr(read_all(), "\"text\":\"50 %s?  no fields\"}"));
}

static void an_unknown_conversion_ends_the_format(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%g b=%s", 1.5, "never");
    assert_string_equal(fields_of_line(), " a=%?");
    qnk_log(&part, QNK_LOG_INFO, "e", "w %g | b=%s", 1.5, "never");
    assert_string_equal(fields_of_line(), " text=\"w %?\"");
}

static void outside_bytes_cannot_fake_anything(void **subject)
{
    (void)subject;
    const char *volatile nothing = NULL; /* unknown to the compiler's own check */

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s b=%s c=%s d=%s e=%s", "x\nlevel=error", "\x1b[31m",
            "q\"\\", "", "caf\xc3\xa9");
    assert_string_equal(fields_of_line(), " a=\"x\\\\x0alevel=error\" b=\"\\\\x1b[31m\" "
                                          "c=\"q\\\"\\\\\" d=\"\" e=\"caf\\\\xc3\\\\xa9\"");
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s b=%d", "x>", 1);
    assert_string_equal(fields_of_line(), " a=x> b=1");
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s", nothing);
    assert_string_equal(fields_of_line(), " a=(null)");
}

static void outside_bytes_cannot_break_json(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_JSON, QNK_LOG_INFO);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s b=%s c=%u", "\"},{\"", "\n\\", 5u);
    assert_non_null(strstr(read_all(), "\"a\":\"\\\"},{\\\"\",\"b\":\"\\\\x0a\\\\\",\"c\":5}\n"));
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s b=%04d c=x%d", "12", 7, 8);
    assert_non_null(strstr(read_all(), "\"a\":\"12\",\"b\":\"0007\",\"c\":\"x8\"}\n"));
}

static void long_lines_are_cut_at_a_field(void **subject)
{
    (void)subject;
    char text[601];

    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    start_with(QNK_LOG_JSON, QNK_LOG_INFO);
    qnk_log(&part, QNK_LOG_INFO, "e", "w | a=%s b=%s c=%s d=%s e=%s", text, text, text, text, text);

    const char *line = read_all();

    assert_true(strlen(line) <= QNK_LOG_LINE_MAX);
    assert_non_null(strstr(line, "\"c\":\"yyy"));
    assert_null(strstr(line, "\"d\""));
    assert_string_equal(line + strlen(line) - strlen("yyy...\",\"cut\":1}\n"),
                        "yyy...\",\"cut\":1}\n");
}

static void what_is_below_the_level_is_not_written(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_LOGFMT, QNK_LOG_WARN);
    qnk_log(&part, QNK_LOG_INFO, "e", "no");
    assert_string_equal(read_all(), "");
    qnk_log(&part, QNK_LOG_WARN, "e", "yes");
    assert_string_not_equal(read_all(), "");
    assert_true(qnk_log_is_on(&part, QNK_LOG_ERROR));
    assert_false(qnk_log_is_on(&part, QNK_LOG_DEBUG));
}

static void a_part_without_a_log_is_silent(void **subject)
{
    (void)subject;
    struct qnk_log_part alone = {.name = "alone"};
    struct qnk_log_site site = {0};

    start_with(QNK_LOG_LOGFMT, QNK_LOG_TRACE);
    assert_false(qnk_log_is_on(&alone, QNK_LOG_ERROR));
    qnk_log_write(&site, &alone, QNK_LOG_ERROR, "e", "no");
    qnk_log_remove(&alone);
    qnk_log_remove(&part);
    qnk_log(&part, QNK_LOG_ERROR, "e", "no");
    assert_string_equal(read_all(), "");
    assert_int_equal(qnk_log_add(&journal, &part), QN_OK);
    qnk_log(&part, QNK_LOG_ERROR, "e", "yes");
    assert_string_not_equal(read_all(), "");
}

static void a_noisy_call_site_is_held_to_its_limit(void **subject)
{
    (void)subject;
    uint32_t lines = 0;

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    for (uint32_t second = 0; second < 2; second++) {
        for (uint32_t i = 0; i < 100; i++) {
            if (second == 1 && i == 1) {
                break;
            }
            qnk_log(&part, QNK_LOG_INFO, "noise", "w | i=%u", i);
        }
        now_us += 1000000;
    }
    (void)read_all();
    for (const char *at = written; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, QNK_LOG_SITE_MAX + 1);
    assert_non_null(strstr(written, "event=noise i=9\n"));
    assert_null(strstr(written, "i=10\n"));
    assert_non_null(strstr(written, "event=noise suppressed=90 i=0\n"));
}

static void levels_are_set_by_part_kind_or_all(void **subject)
{
    (void)subject;
    struct qnk_log_part other = {.name = "consensus/bft"};
    struct qnk_log_part host = {.name = "kernel/host"};
    struct qnk_log_part late = {.name = "late"};

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    assert_int_equal(qnk_log_add(&journal, &other), QN_OK);
    assert_int_equal(qnk_log_add(&journal, &host), QN_OK);

    assert_int_equal(qnk_log_level_set(&journal, "consensus/bft", QNK_LOG_TRACE, 0), QN_OK);
    assert_true(qnk_log_is_on(&other, QNK_LOG_TRACE));
    assert_false(qnk_log_is_on(&part, QNK_LOG_DEBUG));

    assert_int_equal(qnk_log_level_set(&journal, "consensus", QNK_LOG_DEBUG, 0), QN_OK);
    assert_true(qnk_log_is_on(&part, QNK_LOG_DEBUG));
    assert_false(qnk_log_is_on(&other, QNK_LOG_TRACE));
    assert_false(qnk_log_is_on(&host, QNK_LOG_DEBUG));

    assert_int_equal(qnk_log_level_set(&journal, "", QNK_LOG_ERROR, 0), QN_OK);
    assert_false(qnk_log_is_on(&host, QNK_LOG_WARN));
    assert_int_equal(qnk_log_add(&journal, &late), QN_OK);
    assert_false(qnk_log_is_on(&late, QNK_LOG_WARN));

    assert_int_equal(qnk_log_level_set(&journal, "cons", QNK_LOG_DEBUG, 0), QN_NOT_FOUND);
    assert_int_equal(qnk_log_level_set(&journal, "consensus/", QNK_LOG_DEBUG, 0), QN_NOT_FOUND);
    assert_int_equal(qnk_log_level_set(&journal, "storage", QNK_LOG_DEBUG, 5), QN_NOT_FOUND);
}

static void a_bounded_level_goes_back_by_itself(void **subject)
{
    (void)subject;
    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    assert_int_equal(qnk_log_level_set(&journal, "consensus", QNK_LOG_DEBUG, 600), QN_OK);
    assert_int_equal(qnk_log_level_set(&journal, "consensus", QNK_LOG_TRACE, 1000), QN_OK);
    now_us += 999;
    qnk_log_tick(&journal);
    assert_true(qnk_log_is_on(&part, QNK_LOG_TRACE));
    now_us += 1;
    qnk_log_tick(&journal);
    assert_true(qnk_log_is_on(&part, QNK_LOG_INFO));
    assert_false(qnk_log_is_on(&part, QNK_LOG_DEBUG));

    /* A level for good ends the bound. */
    assert_int_equal(qnk_log_level_set(&journal, "consensus", QNK_LOG_TRACE, 10), QN_OK);
    assert_int_equal(qnk_log_level_set(&journal, "consensus", QNK_LOG_DEBUG, 0), QN_OK);
    now_us += 100;
    qnk_log_tick(&journal);
    assert_true(qnk_log_is_on(&part, QNK_LOG_DEBUG));
}

static void levels_have_names(void **subject)
{
    (void)subject;
    enum qnk_log_level level = QNK_LOG_ERROR;

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    assert_int_equal(qnk_log_level_read("trace", &level), QN_OK);
    assert_int_equal(level, QNK_LOG_TRACE);
    assert_int_equal(qnk_log_level_read("loud", &level), QN_NOT_FOUND);
    assert_int_equal(level, QNK_LOG_TRACE);
}

static void a_full_log_refuses_parts(void **subject)
{
    (void)subject;
    static struct qnk_log_part many[QNK_LOG_PARTS_MAX];

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    for (uint32_t i = 0; i < QNK_LOG_PARTS_MAX; i++) {
        many[i].name = "many";
        assert_int_equal(qnk_log_add(&journal, &many[i]),
                         i < QNK_LOG_PARTS_MAX - 1 ? QN_OK : QN_NO_SPACE);
    }
    assert_false(qnk_log_is_on(&many[QNK_LOG_PARTS_MAX - 1], QNK_LOG_ERROR));
}

static void a_closed_end_loses_lines_and_nothing_else(void **subject)
{
    (void)subject;
    int devnull = open("/dev/null", O_RDONLY); /* not for writing */

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    journal.fd = devnull;
    qnk_log(&part, QNK_LOG_INFO, "e", "lost");
    (void)close(devnull);
    journal.fd = pipe_ends[1];
    qnk_log(&part, QNK_LOG_INFO, "e", "found");
    assert_string_equal(fields_of_line(), " text=found");
}

static void the_journal_is_recognised(void **subject)
{
    (void)subject;
    struct stat file;
    char stream[64];

    start_with(QNK_LOG_LOGFMT, QNK_LOG_INFO);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    assert_int_equal(qnk_log_format_for(pipe_ends[1]), QNK_LOG_LOGFMT);
    assert_int_equal(fstat(pipe_ends[1], &file), 0);
    (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)file.st_dev,
                   (uintmax_t)file.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    assert_int_equal(qnk_log_format_for(pipe_ends[1]), QNK_LOG_JOURNAL);
    assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
    assert_int_equal(qnk_log_format_for(pipe_ends[1]), QNK_LOG_LOGFMT);
}

static void the_systems_clock_is_the_usual_one(void **subject)
{
    (void)subject;
    const struct qnk_log_options options = {
        .fd = pipe_ends[1], .format = QNK_LOG_LOGFMT, .level = QNK_LOG_INFO};

    qnk_log_init(&journal, &options);
    assert_int_equal(qnk_log_add(&journal, &part), QN_OK);
    qnk_log(&part, QNK_LOG_INFO, "e", "now");
    assert_memory_equal(read_all(), "ts=20", 5);
}

enum { THREADS = 4, LINES = 8 };

static void *say_lines(void *number)
{
    for (uint32_t i = 0; i < LINES; i++) {
        struct qnk_log_site site = {0};

        qnk_log_write(&site, &part, QNK_LOG_INFO, "e", "w | from=%u", *(uint32_t *)number);
    }
    return NULL;
}

static void threads_write_whole_lines(void **subject)
{
    (void)subject;
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    uint32_t lines = 0;

    start_with(QNK_LOG_JOURNAL, QNK_LOG_INFO);
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, say_lines, &numbers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (const char *at = read_all(); *at != 0; at = strchr(at, '\n') + 1) {
        assert_memory_equal(at, "<6>level=info", 13);
        lines++;
    }
    assert_int_equal(lines, THREADS * LINES);
}

static char heard[256];

static void hear(void *ctx, const char *name, struct qn_span line)
{
    assert_ptr_equal(ctx, &journal);
    snprintf(heard, sizeof heard, "%s: %.*s", name, (int)line.size, (const char *)line.data);
}

static void whoever_listens_hears_each_line(void **subject)
{
    const struct qnk_log_options options = {.fd = pipe_ends[1],
                                            .format = QNK_LOG_LOGFMT,
                                            .level = QNK_LOG_INFO,
                                            .now_us = test_now_us,
                                            .clock = &now_us,
                                            .heard = hear,
                                            .heard_ctx = &journal};

    (void)subject;
    qnk_log_init(&journal, &options);
    assert_int_equal(qnk_log_add(&journal, &part), QN_OK);
    say_final();

    const char *line = read_all();

    assert_int_equal(strncmp(heard, "consensus/commit-reveal: ts=", 28), 0);
    assert_int_equal(strlen(heard + 25), strlen(line) - 1);
    assert_memory_equal(heard + 25, line, strlen(line) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_terminal_gets_time_words_and_fields, open_pipe, stop),
        cmocka_unit_test_setup_teardown(logfmt_has_the_event_and_no_words, open_pipe, stop),
        cmocka_unit_test_setup_teardown(json_is_an_object_with_numbers, open_pipe, stop),
        cmocka_unit_test_setup_teardown(the_journal_gets_a_priority_and_no_time, open_pipe, stop),
        cmocka_unit_test_setup_teardown(conversions_are_those_of_printf, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_made_line_is_words_and_fields, open_pipe, stop),
        cmocka_unit_test_setup_teardown(an_unknown_conversion_ends_the_format, open_pipe, stop),
        cmocka_unit_test_setup_teardown(outside_bytes_cannot_fake_anything, open_pipe, stop),
        cmocka_unit_test_setup_teardown(outside_bytes_cannot_break_json, open_pipe, stop),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_at_a_field, open_pipe, stop),
        cmocka_unit_test_setup_teardown(whoever_listens_hears_each_line, open_pipe, stop),
        cmocka_unit_test_setup_teardown(what_is_below_the_level_is_not_written, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_part_without_a_log_is_silent, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_noisy_call_site_is_held_to_its_limit, open_pipe, stop),
        cmocka_unit_test_setup_teardown(levels_are_set_by_part_kind_or_all, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_bounded_level_goes_back_by_itself, open_pipe, stop),
        cmocka_unit_test_setup_teardown(levels_have_names, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_full_log_refuses_parts, open_pipe, stop),
        cmocka_unit_test_setup_teardown(a_closed_end_loses_lines_and_nothing_else, open_pipe, stop),
        cmocka_unit_test_setup_teardown(the_journal_is_recognised, open_pipe, stop),
        cmocka_unit_test_setup_teardown(the_systems_clock_is_the_usual_one, open_pipe, stop),
        cmocka_unit_test_setup_teardown(threads_write_whole_lines, open_pipe, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
