/* SPDX-License-Identifier: MIT */

/* run_replay.c: a node lives again through its input log, in a process of its own, as it may die
 * again. */

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/host/replay.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { LINES_SHOWN = 12 };

#define LLU(number) ((unsigned long long)(number))

/* What came of it, said in one word. */
enum verdict {
    VERDICT_EQUAL,      /* equal effects to the end of the log */
    VERDICT_DIED_AGAIN, /* equal effects up to the step in which the node died, and died there */
    VERDICT_DIED,       /* it died where the node did not */
    VERDICT_DIFFERENT,
    VERDICT_DAMAGED, /* equal effects up to where the log is damaged */
    VERDICT_REFUSED,
};

static const char *const verdict_names[] = {"equal",     "died-again", "died",
                                            "different", "damaged",    "refused"};

/* Texts of a report may be in the midst of a change when its process dies: the last byte of each
 * stays zero. */
static enum verdict judge(const struct qnk_replay_report *report, int signal)
{
    if (signal != 0) {
        bool is_at_end = report->step == report->steps && report->end != QNK_REPLAY_END_ORDERLY;

        return is_at_end ? VERDICT_DIED_AGAIN : VERDICT_DIED;
    }
    switch (report->result) {
    case QNK_REPLAY_EQUAL:
        return report->end == QNK_REPLAY_END_DAMAGED ? VERDICT_DAMAGED : VERDICT_EQUAL;
    case QNK_REPLAY_DIFFERENT:
        return VERDICT_DIFFERENT;
    default:
        return VERDICT_REFUSED;
    }
}

static int exit_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_EQUAL:
    case VERDICT_DIED_AGAIN:
        return QNK_CLI_OK;
    case VERDICT_DIED:
    case VERDICT_DIFFERENT:
        return QNK_CLI_ASSERTION;
    case VERDICT_DAMAGED:
    case VERDICT_REFUSED:
        break;
    }
    return QNK_CLI_FAILED;
}

/* --- for people --- */

/* The event of a step that killed the replay; the report could not say it any more. */
static void event_find(const char *folder, uint64_t step, char text[QNK_TAPE_TEXT])
{
    struct qnk_inputs_reader reader;
    struct qnk_inputs_record record;
    struct qnk_tape_event event;

    text[0] = 0;
    if (qnk_inputs_reader_open(&reader, folder) != QN_OK) {
        return;
    }
    while (qnk_inputs_next(&reader, &record) == QN_OK) {
        if (record.type == QNK_INPUTS_EVENT && record.step == step &&
            qnk_tape_event_decode(record.body, &event) == QN_OK) {
            qnk_tape_event_text(&event, text);
            break;
        }
    }
    qnk_inputs_reader_close(&reader);
}

static void end_print(const struct qnk_replay_report *report)
{
    switch ((enum qnk_replay_end)report->end) {
    case QNK_REPLAY_END_ORDERLY:
        printf("end         the node ended with %d: %s\n", report->code, report->words);
        break;
    case QNK_REPLAY_END_IN_STEP:
        printf("end         the node died, or was killed, in step %llu\n", LLU(report->steps));
        break;
    case QNK_REPLAY_END_BETWEEN:
        printf("end         the node died, was killed, or still runs, after step %llu\n",
               LLU(report->steps));
        break;
    case QNK_REPLAY_END_STOPPED:
        printf("end         recording stopped after step %llu: %s\n", LLU(report->steps),
               report->words);
        break;
    case QNK_REPLAY_END_DAMAGED:
        printf("end         the log is damaged after step %llu: %s\n", LLU(report->steps),
               report->words);
        break;
    case QNK_REPLAY_END_UNTIL:
        printf("end         as asked, after step %llu of %llu\n", LLU(report->step),
               LLU(report->steps));
        break;
    }
}

/* The last lines of the node's log, if it did not end in order. */
static void lines_print(const char *folder)
{
    static char text[QNK_INPUTS_LINES + 1];
    struct qnk_inputs_reader reader;
    char path[QNK_INPUTS_PATH + 8];
    char *from;
    FILE *file;

    if (qnk_inputs_reader_open(&reader, folder) != QN_OK) {
        return;
    }
    qnk_inputs_reader_close(&reader);
    snprintf(path, sizeof path, "%s/lines", reader.folder);
    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    (void)fclose(file);
    from = text + strlen(text);
    for (int lines = 0; from > text && lines <= LINES_SHOWN; from--) {
        lines += from[-1] == '\n';
    }
    from = from == text ? from : from + 1;
    if (*from != 0) {
        printf("last lines of its log\n%s", from);
    }
}

static void death_print(const struct qnk_replay_report *report, const char *folder, int signal)
{
    char text[QNK_TAPE_TEXT];

    event_find(folder, report->step, text);
    printf("%s in step %llu of %llu%s by signal %d (%s)\n  event     %s\n",
           judge(report, signal) == VERDICT_DIED_AGAIN ? "DIED AGAIN" : "DIED HERE ALONE",
           LLU(report->step), LLU(report->steps),
           report->where == QNK_REPLAY_IN_JOB ? ", in a job," : "", signal, strsignal(signal),
           text);
}

static void speed_print(const struct qnk_replay_report *report)
{
    uint64_t us = report->elapsed_us == 0 ? 1 : report->elapsed_us;

    printf("replayed    %llu steps, %llu effects, %llu jobs in %llu.%03llu s   %llu steps/s\n",
           LLU(report->step), LLU(report->effects), LLU(report->jobs), LLU(us / 1000000),
           LLU(us / 1000 % 1000), LLU(report->step * 1000000 / us));
}

static void halted_print(const struct qnk_replay_report *report)
{
    if (report->halted_step > 0) {
        printf("halted      the node halts itself in step %llu: %s\n", LLU(report->halted_step),
               report->halted);
    }
}

static void report_print(const struct qnk_call *call, const struct qnk_replay_report *report,
                         int signal)
{
    const char *folder = call->operands[0];
    enum verdict verdict = judge(report, signal);

    printf("node        %s, recorded by qnet %s\n", report->node, report->program);
    printf("plugins     ");
    for (const char *at = report->plugins; *at != 0; at++) {
        printf(*at == '\n' && at[1] != 0 ? "\n            " : "%c", *at);
    }
    if (signal == 0) {
        speed_print(report);
    }
    halted_print(report);
    end_print(report);
    if (report->code != 0 || report->end == QNK_REPLAY_END_IN_STEP ||
        report->end == QNK_REPLAY_END_BETWEEN) {
        lines_print(folder);
    }
    if (report->end == QNK_REPLAY_END_UNTIL) {
        printf("  event     %s\n", report->event);
    }
    if (signal != 0) {
        death_print(report, folder, signal);
    } else if (verdict == VERDICT_DIFFERENT) {
        printf("DIFFERENT in step %llu of %llu, effect %u, field %s\n"
               "  event     %s\n  then      %s\n  now       %s\n",
               LLU(report->step), LLU(report->steps), report->place, report->field, report->event,
               report->then, report->now);
    } else {
        char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];

        qnk_hex_encode(report->hash.bytes, QN_HASH_SIZE, hex);
        if (report->end == QNK_REPLAY_END_IN_STEP) {
            printf("here the last step comes to its end: what ended the node is not in this log\n");
        }
        printf("equal effects in all of them   %.16s\n", hex);
    }
}

/* What comes from a path or a damaged file may be no text, of which JSON takes none at all. */
static void text_clean(char *text)
{
    json_t *whole = json_string(text);

    for (char *at = text; whole == NULL && *at != 0; at++) {
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    }
    json_decref(whole);
}

static void report_json(struct qnk_replay_report *report, int signal)
{
    static const char *const ends[] = {"orderly", "in-step", "between",
                                       "stopped", "damaged", "until"};
    char *const texts[] = {report->node,  report->words, report->why,  report->halted,
                           report->event, report->field, report->then, report->now};
    char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    json_t *it;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_clean(texts[i]);
    }
    qnk_hex_encode(report->hash.bytes, QN_HASH_SIZE, hex);
    it = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:s, s:s, s:i, s:I, s:s, s:i, s:s}", //
        "result", verdict_names[judge(report, signal)], "node", report->node, "end",
        ends[report->end], "step", (json_int_t)report->step, "steps", (json_int_t)report->steps,
        "effects", (json_int_t)report->effects, "jobs", (json_int_t)report->jobs, "elapsed_us",
        (json_int_t)report->elapsed_us, "plugins_differ", (int)report->plugins_differ, "hash", hex,
        "words", report->words, "code", report->code, "halted_step",
        (json_int_t)report->halted_step, "halted", report->halted, "signal", signal, "why",
        report->why);
    if (report->result == QNK_REPLAY_DIFFERENT) {
        (void)json_object_update_new(it,
                                     json_pack("{s:s, s:i, s:s, s:s, s:s}", "event", report->event,
                                               "effect", (int)report->place, "field", report->field,
                                               "then", report->then, "now", report->now));
    }
    qnk_json_print(it);
    json_decref(it);
}

/* --- the process --- */

static void child_run(const struct qnk_call *call, struct qnk_replay_report *report)
{
    static struct qnk_budget budget = {.limit = (size_t)1 << 40};
    const struct qnk_replay_setup setup = {
        .budget = &budget,
        .loader = qnk_place_loader(),
        .folder = call->operands[0],
        .until = qnk_call_number(call, "until"),
    };

    if (setup.loader != NULL) {
        qnk_replay_run(&setup, report);
    }
}

/* 0, or the signal that ended the child. */
static int child_wait(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int qnk_run_replay(struct qnk_call *call)
{
    struct qnk_replay_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;
    int signal;

    if (report == MAP_FAILED) {
        fprintf(stderr, "qnet: there is no memory\n");
        return QNK_CLI_FAILED;
    }
    (void)fflush(stdout);
    child = fork();
    if (child < 0) {
        fprintf(stderr, "qnet: cannot make a process: %s\n", strerror(errno));
        return QNK_CLI_FAILED;
    }
    if (child == 0) {
        child_run(call, report);
        _exit(0);
    }
    signal = child_wait(child);
    if (call->json) {
        report_json(report, signal);
    } else if (judge(report, signal) == VERDICT_REFUSED) {
        fprintf(stderr, "qnet: refused: %s\n", report->why);
    } else if (!call->quiet) {
        report_print(call, report, signal);
    }
    return exit_of(judge(report, signal));
}
