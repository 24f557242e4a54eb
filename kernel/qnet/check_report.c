/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/check_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/qnet/show.h"

static const char *const state_words[] = {"passed", "failed", "skipped"};

void qnk_check_report_start(struct qnk_check_report *report)
{
    report->results = json_array();
    if (report->format == QNK_CHECK_TEXT && !report->is_quiet) {
        printf("%s, seed %" PRIu64 "\n", report->path, report->seed);
    }
}

/* What was left out because something else failed says nothing of its own. */
static bool is_consequence(const struct qnk_check_result *result)
{
    return strncmp(result->end->words, "not run:", 8) == 0;
}

static void text_add(const struct qnk_check_report *report, const struct qnk_check_result *result)
{
    static const char *const marks[] = {"ok", "FAIL", "skip"};
    const struct qnk_child_end *end = result->end;

    if (is_consequence(result) || (report->is_quiet && end->state != QNK_CHILD_FAILED)) {
        return;
    }
    printf("L%u %-4s %s %s%s%s\n", result->of->level, marks[end->state], result->of->rule,
           result->of->name, end->words[0] != 0 ? ": " : "", end->words);
    if (end->state == QNK_CHILD_FAILED) {
        printf("        qnet plugin check %s --case %s --seed %" PRIu64 "\n", report->path,
               result->of->rule, result->seed);
    }
    (void)fflush(stdout);
}

static void tap_add(const struct qnk_check_report *report, const struct qnk_check_result *result)
{
    const struct qnk_child_end *end = result->end;

    printf("%sok %u - %s %s", end->state == QNK_CHILD_FAILED ? "not " : "", report->count,
           result->of->rule, result->of->name);
    if (end->state == QNK_CHILD_SKIPPED) {
        printf(" # SKIP %s", end->words);
    } else if (end->words[0] != 0) {
        printf("\n# %s", end->words);
    }
    printf("\n");
    (void)fflush(stdout);
}

void qnk_check_report_add(struct qnk_check_report *report, const struct qnk_check_result *result)
{
    const struct qnk_child_end *end = result->end;

    report->count++;
    if (report->format == QNK_CHECK_TEXT) {
        text_add(report, result);
    } else if (report->format == QNK_CHECK_TAP) {
        tap_add(report, result);
    }
    json_array_append_new(report->results,
                          json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I}", "rule", result->of->rule,
                                    "level", (int)result->of->level, "name", result->of->name,
                                    "state", state_words[end->state], "words", end->words, "ms",
                                    (json_int_t)end->took_ms, "seed", (json_int_t)result->seed));
}

static const char *text_of(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Text within an XML attribute. */
static void xml_put(const char *text)
{
    for (; *text != 0; text++) {
        switch (*text) {
        case '<':
            printf("&lt;");
            break;
        case '>':
            printf("&gt;");
            break;
        case '&':
            printf("&amp;");
            break;
        case '"':
            printf("&quot;");
            break;
        default:
            putchar((unsigned char)*text < ' ' ? '?' : *text);
            break;
        }
    }
}

static void junit_case(json_t *it)
{
    const char *state = text_of(it, "state");
    json_int_t ms = json_integer_value(json_object_get(it, "ms"));

    printf("  <testcase classname=\"L%" JSON_INTEGER_FORMAT "\" name=\"%s %s\" time=\"%.3f\"",
           json_integer_value(json_object_get(it, "level")), text_of(it, "rule"),
           text_of(it, "name"), (double)ms / 1000);
    if (strcmp(state, "passed") == 0) {
        printf("/>\n");
        return;
    }
    printf(">\n    <%s message=\"", strcmp(state, "failed") == 0 ? "failure" : "skipped");
    xml_put(text_of(it, "words"));
    printf("\"/>\n  </testcase>\n");
}

static void junit_print(const struct qnk_check_report *report,
                        const struct qnk_check_counts *counts)
{
    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
    xml_put(report->path);
    printf("\" tests=\"%u\" failures=\"%u\" skipped=\"%u\">\n", report->count, counts->failed,
           counts->skipped);
    printf("  <properties>\n    <property name=\"seed\" value=\"%" PRIu64 "\"/>\n  </properties>\n",
           report->seed);
    for (size_t i = 0; i < json_array_size(report->results); i++) {
        junit_case(json_array_get(report->results, i));
    }
    printf("</testsuite>\n");
}

static void json_print(const struct qnk_check_report *report, const struct qnk_check_counts *counts)
{
    json_t *answer = json_pack(
        "{s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:O}", "file", report->path, "kind", counts->kind,
        "name", counts->name, "seed", (json_int_t)report->seed, "passed", (int)counts->passed,
        "failed", (int)counts->failed, "skipped", (int)counts->skipped, "results", report->results);

    qnk_json_print(answer);
    json_decref(answer);
}

void qnk_check_report_end(struct qnk_check_report *report, const struct qnk_check_counts *counts)
{
    switch (report->format) {
    case QNK_CHECK_TEXT:
        printf("%s %s: %u passed, %u failed, %u skipped, seed %" PRIu64 "\n",
               counts->kind[0] != 0 ? counts->kind : "no plugin",
               counts->name[0] != 0 ? counts->name : report->path, counts->passed, counts->failed,
               counts->skipped, report->seed);
        break;
    case QNK_CHECK_TAP:
        printf("1..%u\n# seed %" PRIu64 "\n", report->count, report->seed);
        break;
    case QNK_CHECK_JUNIT:
        junit_print(report, counts);
        break;
    case QNK_CHECK_JSON:
        json_print(report, counts);
        break;
    }
    json_decref(report->results);
    report->results = NULL;
}
