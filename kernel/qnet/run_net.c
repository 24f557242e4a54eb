/* SPDX-License-Identifier: MIT */

/* run_net.c: `qnet net`: testnets out of one file. */

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "kernel/net/compare.h"
#include "kernel/qnet/net_example.h"
#include "kernel/qnet/net_open.h"
#include "kernel/qnet/net_test.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

static struct qnk_spec spec;

int qnk_run_net_new(struct qnk_call *call)
{
    const char *path = call->operands_count > 0 ? call->operands[0] : NULL;
    FILE *out = path == NULL ? stdout : fopen(path, "wx");
    bool is_done;

    if (out == NULL) {
        fprintf(stderr, "qnet: cannot make '%s': %s\n", path, strerror(errno));
        return QNK_CLI_FAILED;
    }
    is_done = fputs(qnk_net_example, out) >= 0;
    is_done = (path == NULL ? fflush(out) : fclose(out)) == 0 && is_done;
    if (is_done && path != NULL && !call->quiet) {
        printf("%s   next: qnet net test %s\n", path, path);
    }
    return is_done ? QNK_CLI_OK : QNK_CLI_FAILED;
}

/* --- check --- */

static json_t *findings_json(void)
{
    json_t *list = json_array();

    qnk_report_sort(&spec.report);
    for (uint32_t i = 0; i < spec.report.count; i++) {
        const struct qnk_finding *it = &spec.report.findings[i];

        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:i, s:i, s:s, s:s}", "code", qnk_finding_code_name(it->code),
                      "file", it->place.source == NULL ? "" : it->place.source->name, "line",
                      (int)it->place.mark.line, "column", (int)it->place.mark.column, "text",
                      it->text, "hint", it->hint));
    }
    return json_pack("{s:i, s:i, s:o}", "errors", (int)spec.report.errors, "warnings",
                     (int)spec.report.warnings, "findings", list);
}

int qnk_run_net_check(struct qnk_call *call)
{
    bool is_good = qnk_net_open(call, call->operands[0], &spec);

    if (call->json) {
        json_t *answer = findings_json();

        qnk_json_print(answer);
        json_decref(answer);
    } else if (is_good && !call->quiet) {
        printf("%s: no mistakes: %u nodes, %u of them validators, %u events, %u assertions, "
               "provider %s\n",
               call->operands[0], spec.nodes_count, spec.validators, spec.events_count,
               spec.asserts_count, qnk_provider_names[spec.provider]);
    } else {
        qnk_net_report(&spec, stdout);
    }
    qnk_spec_done(&spec);
    return is_good ? QNK_CLI_OK : QNK_CLI_FAILED;
}

/* --- test --- */

static void verdicts_print(const struct qnk_net_run *run)
{
    for (uint32_t i = 0; i < run->verdicts.count; i++) {
        const struct qnk_result *it = &run->verdicts.results[i];

        printf("assert    %-12s %-46s %s   %s\n", it->id, it->text, it->is_good ? "pass" : "FAIL",
               it->words);
    }
}

static void result_print(const struct qnk_call *call, const struct qnk_net_run *run)
{
    const struct qnk_story *story = &run->story;

    if (!call->quiet) {
        verdicts_print(run);
    }
    printf("%u passed, %u failed   %llu heights, %llu windows, %u transfers   %s%.16s%s"
           "%.1f s of the network in %.1f s   %s\n",
           run->verdicts.count - run->verdicts.failed, run->verdicts.failed,
           (unsigned long long)story->chain_heights, (unsigned long long)story->chain_windows,
           story->txs_count, story->event_hash[0] == 0 ? "" : "event hash ", story->event_hash,
           story->event_hash[0] == 0 ? "" : "   ", (double)story->end_ms / 1000,
           (double)story->real_ms / 1000, run->artifacts.folder);
    if (run->verdicts.failed > 0) {
        printf("again: %s\n", run->command);
    }
}

static json_t *result_json(const struct qnk_net_run *run)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < run->verdicts.count; i++) {
        const struct qnk_result *it = &run->verdicts.results[i];

        json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "id", it->id, "good",
                                              it->is_good, "text", it->text, "words", it->words));
    }
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:i, s:i, s:s, s:o}", "run", run->artifacts.id, "folder",
        run->artifacts.folder, "provider", qnk_provider_names[run->spec->provider], "seed",
        (json_int_t)run->seed, "passed", (int)(run->verdicts.count - run->verdicts.failed),
        "failed", (int)run->verdicts.failed, "event_hash", run->story.event_hash, "asserts", list);
}

static void verdict_print(struct qnk_net_run *run)
{
    if (run->call->json) {
        json_t *answer = result_json(run);

        qnk_json_print(answer);
        json_decref(answer);
    } else {
        result_print(run->call, run);
    }
}

/* For who looks at it. */
static bool is_on_a_terminal(const struct qnk_call *call)
{
    return !call->json && !call->quiet && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
}

int qnk_run_net_test(struct qnk_call *call)
{
    static struct qnk_net_run run;
    static char command[600];
    int result;

    if (sodium_init() < 0 || !qnk_net_open(call, call->operands[0], &spec)) {
        qnk_net_report(&spec, stderr);
        qnk_spec_done(&spec);
        return QNK_CLI_FAILED;
    }
    run = (struct qnk_net_run){.spec = &spec, .seed = spec.seed, .command = command};
    if (qnk_call_given(call, "seed")) {
        run.seed = qnk_call_number(call, "seed");
    }
    run.runs = qnk_call_text(call, "runs");
    run.told = call->quiet || call->json ? NULL : stdout;
    snprintf(command, sizeof command, "qnet net test %s --seed %llu --provider %s",
             call->operands[0], (unsigned long long)run.seed, qnk_provider_names[spec.provider]);
    run.lingers = spec.provider == QNK_PROVIDER_PROCESS && !qnk_call_flag(call, "down") &&
                  is_on_a_terminal(call);
    run.judged = verdict_print;
    run.call = call;
    result = qnk_net_run(&run);
    if (result == QNK_CLI_OK) {
        result = run.story.is_interrupted  ? QNK_CLI_INTERRUPTED
                 : run.verdicts.failed > 0 ? QNK_CLI_ASSERTION
                                           : QNK_CLI_OK;
        qnk_net_run_done(&run);
    }
    qnk_spec_done(&spec);
    return result;
}

/* --- compare --- */

/* One run of a variant, in a folder of its own below that of the comparison. */
static int one_compare(struct qnk_net_run *run, struct qnk_compare *compare, uint32_t variant,
                       uint32_t repeat)
{
    int result;

    run->variant = &spec.compare.variants[variant];
    result = qnk_net_run(run);
    if (result != QNK_CLI_OK) {
        return result;
    }
    if (run->story.is_interrupted) {
        qnk_net_run_done(run);
        return QNK_CLI_INTERRUPTED;
    }
    qnk_compare_add(compare, variant, repeat, &run->story, &run->verdicts);
    fprintf(stderr, "%-16s seed %-6llu %s   %llu windows, %.1f s   %s\n", run->variant->name,
            (unsigned long long)run->seed, run->verdicts.failed == 0 ? "good  " : "FAILED",
            (unsigned long long)run->story.chain_windows, (double)run->story.real_ms / 1000,
            run->artifacts.folder);
    qnk_net_run_done(run);
    return QNK_CLI_OK;
}

/* ABCABC: what drifts hits all alike. */
static int all_compare(struct qnk_net_run *run, struct qnk_compare *compare, uint32_t repeats)
{
    uint64_t seed = run->seed;

    for (uint32_t i = 0; i < repeats; i++) {
        for (uint32_t v = 0; v < spec.compare.variants_count; v++) {
            int result;

            run->seed = seed + i;
            result = one_compare(run, compare, v, i);
            if (result != QNK_CLI_OK) {
                return result;
            }
        }
    }
    return QNK_CLI_OK;
}

static int compare_do(struct qnk_call *call, const char *command)
{
    static struct qnk_compare compare;
    static struct qnk_net_run run;
    struct qnk_artifacts to = {
        .version = PACKAGE_VERSION, .compiler = __VERSION__, .command = command};
    uint32_t repeats = spec.compare.repeats;
    int result;

    if (qnk_call_given(call, "repeats")) {
        repeats = (uint32_t)qnk_call_number(call, "repeats");
    }
    if (repeats < 1 || repeats > QNK_SPEC_REPEATS_MAX) {
        fprintf(stderr, "qnet: --repeats is 1 to %d\n", QNK_SPEC_REPEATS_MAX);
        return QNK_CLI_USAGE;
    }
    if (!qnk_artifacts_make(&to, qnk_call_text(call, "runs"), &spec)) {
        return QNK_CLI_FAILED;
    }
    (void)qnk_artifacts_link(&to, "latest");
    compare.spec = &spec;
    compare.seed = qnk_call_given(call, "seed") ? qnk_call_number(call, "seed") : spec.seed;
    run = (struct qnk_net_run){.spec = &spec, .runs = to.folder, .command = command};
    run.seed = compare.seed;
    result = all_compare(&run, &compare, repeats);
    if (result != QNK_CLI_OK) {
        return result;
    }
    if (!qnk_compare_write(&to, &compare)) {
        return QNK_CLI_FAILED;
    }
    qnk_compare_print(&compare, stdout);
    result = qnk_compare_failures(&compare, stdout) > 0 ? QNK_CLI_ASSERTION : QNK_CLI_OK;
    printf("%s/compare.html   compare.md   compare.csv\n", to.folder);
    return result;
}

int qnk_run_net_compare(struct qnk_call *call)
{
    static char command[600];
    int result = QNK_CLI_FAILED;

    if (sodium_init() < 0 || !qnk_net_open(call, call->operands[0], &spec)) {
        qnk_net_report(&spec, stderr);
    } else if (!spec.has_compare) {
        fprintf(stderr, "qnet: %s has no 'compare'\n", call->operands[0]);
    } else {
        snprintf(command, sizeof command, "qnet net compare %s --provider %s", call->operands[0],
                 qnk_provider_names[spec.provider]);
        result = compare_do(call, command);
    }
    qnk_spec_done(&spec);
    return result;
}
