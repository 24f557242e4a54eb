/* SPDX-License-Identifier: MIT */

/* run_check.c: the conformance kit: whether a plugin keeps what its kind promises. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/sink.h"
#include "kernel/check/keys.h"
#include "kernel/check/rule.h"
#include "kernel/qnet/check_report.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/runs.h"

enum { PATH = 4096, LIMIT_MAX_S = 3600, FUZZ_MAX_S = 366 * 24 * 3600, TEXT_CAP = 1 << 20 };

/* "L3" or "L0..L4"; false: no such levels. */
static bool levels_read(const char *text, uint32_t *first, uint32_t *last)
{
    unsigned int from = 0, to = 0;
    int end = 0;

    if (sscanf(text, "L%1u..L%1u%n", &from, &to, &end) != 2 || text[end] != 0) {
        end = 0;
        if (sscanf(text, "L%1u%n", &from, &end) != 1 || text[end] != 0) {
            return false;
        }
        to = from;
    }
    *first = from;
    *last = to;
    return from <= to && to < QNK_CHECK_LEVELS;
}

static int explain(const char *id)
{
    const struct qnk_rule *rule = qnk_rule_find(id);

    if (strcmp(id, "list") == 0) {
        for (uint32_t i = 0; (rule = qnk_rule_at(i)) != NULL; i++) {
            printf("%s %s %s\n", rule->id, rule->level, rule->name);
        }
        return QNK_CLI_OK;
    }
    if (rule == NULL) {
        fprintf(stderr, "qnet: there is no rule '%s'; --explain list shows all\n", id);
        return QNK_CLI_USAGE;
    }
    qnk_rule_print(rule, stdout);
    return QNK_CLI_OK;
}

static enum qnk_check_format format_read(const struct qnk_call *call)
{
    static const char *const words[] = {"text", "tap", "junit", "json"};
    const char *word = qnk_call_text(call, "format");

    if (call->json) {
        return QNK_CHECK_JSON;
    }
    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum qnk_check_format)i;
        }
    }
    return QNK_CHECK_TEXT;
}

static bool options_read(const struct qnk_call *call, struct qnk_check_options *options)
{
    static char self[PATH];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    uint64_t limit_s = qnk_call_number(call, "limit");
    uint64_t fuzz_s = qnk_call_number(call, "fuzz");

    self[size > 0 ? size : 0] = 0;
    *options = (struct qnk_check_options){
        .path = call->operands[0],
        .self = self,
        .listen = qnk_call_text(call, "listen"),
        .nowhere = qnk_call_text(call, "nowhere"),
        .keys = qnk_call_text(call, "config"),
        .only = qnk_call_text(call, "case"),
        .seed = qnk_call_number(call, "seed"),
        .limit_s = (uint32_t)limit_s,
        .fuzz_s = (uint32_t)fuzz_s,
        .is_fast = qnk_call_flag(call, "fast"),
        .is_here = qnk_call_flag(call, "here"),
    };
    if (!levels_read(qnk_call_text(call, "level"), &options->level_first, &options->level_last)) {
        fprintf(stderr, "qnet: --level is one of L0 to L8, or a range such as L0..L4\n");
        return false;
    }
    if (limit_s < 1 || limit_s > LIMIT_MAX_S || fuzz_s > FUZZ_MAX_S) {
        fprintf(stderr, "qnet: --limit is 1 to %d seconds, and --fuzz at most %d\n", LIMIT_MAX_S,
                FUZZ_MAX_S);
        return false;
    }
    if (options->is_here && options->only == NULL) {
        fprintf(stderr, "qnet: --here runs one case: say which by --case\n");
        return false;
    }
    return true;
}

/* Where the plugin's keys come from, and whether they can be used; else it is said. */
static bool keys_open(struct qnk_check_options *options)
{
    static struct qnk_report report;
    struct qn_sink text;

    if (options->keys != NULL && strcmp(options->keys, "-") == 0) {
        options->keys = qnk_keys_copy(STDIN_FILENO);
        if (options->keys == NULL) {
            fprintf(stderr, "qnet: no keys of at most %d bytes on standard input\n",
                    QNK_KEYS_FILE_MAX);
            return false;
        }
    }
    if (options->keys == NULL || qnk_subject_keys(options->path, options->keys, &report)) {
        return true;
    }
    if (report.errors == 0) {
        fprintf(stderr, "qnet: cannot read '%s'\n", options->keys);
    }
    qnk_sink_init(&text, &qnk_client_budget, TEXT_CAP);
    qnk_report_sort(&report);
    (void)!qnk_report_print(&report, &text);
    (void)fwrite(text.data, 1, text.size, stderr);
    qnk_sink_done(&text);
    return false;
}

static void result_take(void *ctx, const struct qnk_check_result *result)
{
    qnk_check_report_add(ctx, result);
}

int qnk_run_plugin_check(struct qnk_call *call)
{
    const char *id = qnk_call_text(call, "explain");
    struct qnk_check_options options;
    struct qnk_check_counts counts;

    if (id != NULL) {
        return explain(id);
    }
    if (call->operands_count != 1) {
        fprintf(stderr, "qnet: plugin check wants one file\n");
        return QNK_CLI_USAGE;
    }
    if (!options_read(call, &options)) {
        return QNK_CLI_USAGE;
    }
    if (access(options.path, R_OK) != 0) {
        fprintf(stderr, "qnet: cannot read '%s'\n", options.path);
        return QNK_CLI_FAILED;
    }
    if (!keys_open(&options)) {
        return QNK_CLI_FAILED;
    }

    struct qnk_check_report report = {
        .format = format_read(call),
        .path = options.path,
        .seed = options.seed,
        .is_quiet = call->quiet,
    };

    if (!options.is_here) {
        qnk_check_report_start(&report);
    }
    if (!qnk_check_run(&options, result_take, &report, &counts)) {
        fprintf(stderr, "qnet: no folder for the cases can be made\n");
        return QNK_CLI_FAILED;
    }
    if (!options.is_here) {
        qnk_check_report_end(&report, &counts);
    }
    if (options.only != NULL && counts.passed + counts.failed + counts.skipped == 0) {
        fprintf(stderr, "qnet: a %s has no case '%s'\n",
                counts.kind[0] != 0 ? counts.kind : "file that is no plugin", options.only);
        return QNK_CLI_USAGE;
    }
    return counts.failed == 0 ? QNK_CLI_OK : QNK_CLI_ASSERTION;
}
