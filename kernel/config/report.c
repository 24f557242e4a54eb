/* SPDX-License-Identifier: MIT */

#include "kernel/config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

enum {
    COLUMNS_SHOWN = 100, /* of a long line, around what is meant */
    COLUMNS_BEFORE = 40,
};

static const char *const code_names[QNK_FINDING_CODE_COUNT] = {
    "E101", "E102", "E103", "E104", "E105", "E106", "E107", "E108", "E109",
    "E110", "E111", "E112", "E113", "E114", "E120", "W201", "W202", "W203",
};

void qnk_report_init(struct qnk_report *report, struct qnk_arena *arena)
{
    report->arena = arena;
    report->count = 0;
    report->errors = 0;
    report->warnings = 0;
}

const char *qnk_finding_code_name(enum qnk_finding_code code)
{
    QN_ASSERT(code < QNK_FINDING_CODE_COUNT);
    return code_names[code];
}

bool qnk_finding_is_warning(enum qnk_finding_code code)
{
    return code >= QNK_W201;
}

/* What a terminal might obey becomes '?', byte by byte: C0, DEL, and C1 (U+0080..U+009F). */
static void disarm(char *text)
{
    for (char *at = text; *at != 0; at++) {
        uint8_t first = (uint8_t)at[0];
        uint8_t second = (uint8_t)at[1];

        if (first < 32 || first == 127) {
            *at = '?';
        } else if (first == 0xc2 && second >= 0x80 && second < 0xa0) {
            *at++ = '?';
            *at = '?';
        }
    }
}

static bool is_continuation(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

/* Takes the last character off a text that was cut in its middle. */
static void trim_character(char *text)
{
    size_t size = strlen(text);

    while (size > 0 && is_continuation(text[size - 1])) {
        size--;
    }
    text[size > 0 ? size - 1 : 0] = 0;
}

__attribute__((format(printf, 2, 0))) static const char *print_text(struct qnk_arena *arena,
                                                                    const char *format,
                                                                    va_list args)
{
    char text[QNK_REPORT_TEXT_MAX];
    int size = vsnprintf(text, sizeof text, format, args);

    QN_ASSERT(size >= 0);
    if ((size_t)size >= sizeof text) {
        trim_character(text);
    }
    disarm(text);

    size_t kept_size = strlen(text) + 1;
    char *kept = qnk_arena_take(arena, kept_size);

    if (kept == NULL) {
        return "";
    }
    memcpy(kept, text, kept_size);
    return kept;
}

void qnk_report_add(struct qnk_report *report, enum qnk_finding_code code,
                    struct qnk_config_place place, const char *format, ...)
{
    va_list args;

    if (qnk_finding_is_warning(code)) {
        report->warnings++;
    } else {
        report->errors++;
    }
    if (report->count == QNK_REPORT_FINDINGS_MAX) {
        return;
    }
    va_start(args, format);
    report->findings[report->count++] = (struct qnk_finding){
        .code = code,
        .place = place,
        .text = print_text(report->arena, format, args),
        .hint = "",
    };
    va_end(args);
}

void qnk_report_hint(struct qnk_report *report, const char *format, ...)
{
    va_list args;

    QN_ASSERT(report->count > 0);
    if (report->errors + report->warnings > QNK_REPORT_FINDINGS_MAX) {
        return; /* its finding was not kept */
    }
    va_start(args, format);
    report->findings[report->count - 1].hint = print_text(report->arena, format, args);
    va_end(args);
}

void qnk_report_denied(struct qnk_report *report)
{
    QN_ASSERT(report->count > 0);
    if (report->errors + report->warnings <= QNK_REPORT_FINDINGS_MAX) {
        report->findings[report->count - 1].is_denied = true;
    }
}

/* Whether `a` stands before `b`. Files come in the order in which they were found at fault. */
static bool is_before(const struct qnk_report *report, const struct qnk_finding *a,
                      const struct qnk_finding *b)
{
    if (a->place.source != b->place.source) {
        for (uint32_t i = 0; i < report->count; i++) {
            if (report->findings[i].place.source == a->place.source) {
                return true;
            }
            if (report->findings[i].place.source == b->place.source) {
                return false;
            }
        }
    }
    if (a->place.mark.line != b->place.mark.line) {
        return a->place.mark.line < b->place.mark.line;
    }
    return a->place.mark.column < b->place.mark.column;
}

/* By insertion: there are at most 100, nearly in order, and equal ones must stay as they are. */
void qnk_report_sort(struct qnk_report *report)
{
    for (uint32_t i = 1; i < report->count; i++) {
        struct qnk_finding moved = report->findings[i];
        uint32_t at = i;

        while (at > 0 && is_before(report, &moved, &report->findings[at - 1])) {
            report->findings[at] = report->findings[at - 1];
            at--;
        }
        report->findings[at] = moved;
    }
}

/* Appends to a sink, unless it was full before. */
struct output {
    struct qn_sink *sink;
    int32_t status;
};

static void put_bytes(struct output *out, const char *bytes, size_t size)
{
    if (out->status == QN_OK) {
        out->status = qnk_sink_append(out->sink, bytes, size);
    }
}

__attribute__((format(printf, 2, 3))) static void put(struct output *out, const char *format, ...)
{
    char text[QNK_REPORT_TEXT_MAX + 128];
    va_list args;

    va_start(args, format);

    int size = vsnprintf(text, sizeof text, format, args);

    va_end(args);
    QN_ASSERT(size >= 0);
    put_bytes(out, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

/* The bytes of a line without its end; empty beyond the last line. */
static struct qn_span line_of(struct qn_span bytes, uint32_t line)
{
    uint64_t from = 0;
    uint64_t to;

    for (uint32_t i = 1; i < line; i++) {
        while (from < bytes.size && bytes.data[from] != '\n') {
            from++;
        }
        from += from < bytes.size ? 1 : 0;
    }
    to = from;
    while (to < bytes.size && bytes.data[to] != '\n' && bytes.data[to] != '\r') {
        to++;
    }
    return (struct qn_span){bytes.data + from, to - from};
}

/* Appends the line from column `first` on, as far as it is shown. What is no character of a text
 * that may be shown becomes '?', one for each character. */
static void put_line(struct output *out, struct qn_span line, uint32_t first)
{
    const char *at = (const char *)line.data;
    const char *end = at + line.size;

    for (uint32_t column = 1; at < end && column < first + COLUMNS_SHOWN; column++) {
        char character[5] = {*at++};

        for (uint32_t i = 1; i < 4 && at < end && is_continuation(*at); i++) {
            character[i] = *at++;
        }
        disarm(character);
        if (character[0] == '?' || ((uint8_t)character[0] >= 128 && character[1] == 0)) {
            memcpy(character, "?", sizeof "?"); /* disarmed, or not UTF-8 */
        }
        if (column >= first) {
            put(out, "%s", character);
        }
    }
    if (at < end) {
        put(out, "...");
    }
}

static void put_excerpt(struct output *out, const struct qnk_finding *finding)
{
    const struct qnk_config_mark *mark = &finding->place.mark;
    struct qn_span line = line_of(finding->place.source->bytes, mark->line);
    bool is_far = mark->column > COLUMNS_SHOWN - COLUMNS_BEFORE;
    uint32_t first = is_far ? mark->column - COLUMNS_BEFORE : 1;
    uint32_t width =
        mark->width < COLUMNS_SHOWN - COLUMNS_BEFORE ? mark->width : COLUMNS_SHOWN - COLUMNS_BEFORE;

    put(out, "%5u | %s", mark->line, is_far ? "..." : "");
    put_line(out, line, first);
    put(out, "\n      | %*s^", (int)(mark->column - first + (is_far ? 3 : 0)), "");
    for (uint32_t i = 1; i < width; i++) {
        put(out, "~");
    }
    put(out, "%s%s\n", *finding->hint != 0 ? " " : "", finding->hint);
}

static void put_finding(struct output *out, const struct qnk_finding *finding)
{
    const struct qnk_config_place *place = &finding->place;

    if (place->source != NULL) {
        put(out, "%s:", place->source->name);
        if (place->mark.line > 0) {
            put(out, "%u:%u:", place->mark.line, place->mark.column);
        }
        put(out, " ");
    }
    put(out, "%s[%s]: %s\n", qnk_finding_is_warning(finding->code) ? "warning" : "error",
        code_names[finding->code], finding->text);
    if (place->source != NULL && place->mark.line > 0) {
        put_excerpt(out, finding);
    } else if (*finding->hint != 0) {
        put(out, "      | %s\n", finding->hint);
    }
}

int32_t qnk_report_print(const struct qnk_report *report, struct qn_sink *out)
{
    struct output output = {.sink = out, .status = QN_OK};
    uint32_t all = report->errors + report->warnings;

    for (uint32_t i = 0; i < report->count; i++) {
        put_finding(&output, &report->findings[i]);
    }
    if (all > report->count) {
        put(&output, "... and %u more\n", all - report->count);
    }
    if (report->errors > 0) {
        put(&output, "%u error%s%s", report->errors, report->errors == 1 ? "" : "s",
            report->warnings > 0 ? ", " : "\n");
    }
    if (report->warnings > 0) {
        put(&output, "%u warning%s\n", report->warnings, report->warnings == 1 ? "" : "s");
    }
    return output.status;
}
