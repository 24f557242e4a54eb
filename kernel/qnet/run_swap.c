/* SPDX-License-Identifier: MIT */

/* run_swap.c: plugins that are exchanged while the network runs. */

#include <string.h>
#include <time.h>

#include "kernel/qnet/client.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

/* --- history --- */

static void time_show(uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        text[0] = 0;
    }
    printf("%s.%03u", text, (unsigned)(ms % 1000));
}

/* What a line is about: its words, or the plugin that it names. */
static void line_show(const json_t *line)
{
    const char *words = qnk_string(line, "words");
    const char *name = qnk_string(line, "name");

    time_show(qnk_number(line, "time_ms"));
    if (qnk_at(line, "swap") != NULL) {
        printf("  %3llu", (unsigned long long)qnk_number(line, "swap"));
    } else {
        printf("    -");
    }
    printf("  %-11s  %-10s", qnk_string(line, "kind"), qnk_string(line, "step"));
    if (*words != 0) {
        printf("  %s", words);
    } else if (*name != 0) {
        printf("  %s %s  %s", name, qnk_string(line, "version"), qnk_string(line, "path"));
    } else if (*qnk_string(line, "typed") != 0) {
        printf("  %s", qnk_string(line, "typed"));
    }
    printf("\n");
}

int qnk_run_swap_history(struct qnk_call *call)
{
    json_t *params = json_pack("{s:I}", "count", (json_int_t)qnk_call_number(call, "count"));
    int status;
    json_t *answer = qnk_ask_once(call, "swap.history", params, &status);
    size_t i;
    json_t *line;

    if (answer != NULL && call->json) {
        qnk_json_print(answer);
    } else if (answer != NULL) {
        json_array_foreach(json_object_get(answer, "lines"), i, line)
        {
            line_show(line);
        }
        if (i == 0) {
            printf("no plugin was exchanged yet\n");
        }
    }
    json_decref(answer);
    return status;
}

/* --- a plan of the network's --- */

static void ready_show(const json_t *plan)
{
    const json_t *missing = qnk_at(plan, "ready.missing");
    size_t i;
    json_t *member;

    printf("ready    weight %s of %s, %s wanted", qnk_grouped(qnk_number(plan, "ready.weight")),
           qnk_grouped(qnk_number(plan, "ready.total")), qnk_grouped(qnk_number(plan, "need")));
    json_array_foreach((json_t *)(uintptr_t)missing, i, member)
    {
        printf("%s%lld", i == 0 ? "   missing members " : " ",
               (long long)json_integer_value(member));
    }
    printf("\n");
}

static void codes_show(const json_t *plan)
{
    const json_t *codes = json_object_get(plan, "codes");
    size_t i;
    json_t *code;

    json_array_foreach((json_t *)(uintptr_t)codes, i, code)
    {
        printf("%s%.16s", i == 0 ? "code " : " or ", json_string_value(code));
    }
    printf("%s\n", i == 0 ? "any code" : "");
}

static void plan_show(const json_t *it)
{
    const json_t *plan = qnk_at(it, "plan");

    if (!json_is_object(plan)) {
        printf("plan     none\n");
        return;
    }
    printf("plan     %s %s %s from macro %s on   %s   %.16s\n", qnk_string(plan, "kind"),
           qnk_string(plan, "name"), qnk_string(plan, "version"),
           qnk_grouped(qnk_number(plan, "first")), qnk_string(plan, "life"),
           qnk_string(plan, "id"));
    if (qnk_is_true(plan, "open")) {
        printf("accepts  trace %.16s   ", qnk_string(plan, "trace"));
        codes_show(plan);
        ready_show(plan);
    }
}

/* Whether the node has no plugin for a binding, and holds for that. */
static bool is_held(const json_t *it, const char *kind, uint64_t first)
{
    size_t i;
    json_t *need;

    json_array_foreach(json_object_get(it, "needs"), i, need)
    {
        if (qnk_is_true(need, "held") && strcmp(qnk_string(need, "kind"), kind) == 0 &&
            qnk_number(need, "first") == first) {
            return true;
        }
    }
    return false;
}

static void bindings_show(const json_t *it, const char *kind)
{
    size_t i;
    json_t *binding;

    json_array_foreach(json_object_get(json_object_get(it, "bindings"), kind), i, binding)
    {
        uint64_t first = qnk_number(binding, "first");

        printf("%-9s %s %s   from macro %s on%s\n", kind, qnk_string(binding, "name"),
               qnk_string(binding, "version"), qnk_grouped(first),
               is_held(it, kind, first)         ? "   lacking here"
               : qnk_is_true(binding, "serves") ? "   serves"
                                                : "");
    }
}

/* What to do about what is lacking. */
static void needs_show(const json_t *it)
{
    size_t i;
    json_t *need;

    json_array_foreach(json_object_get(it, "needs"), i, need)
    {
        const char *kind = qnk_string(need, "kind");
        const char *name = qnk_string(need, "name");

        printf("%s     macro %s needs %s %s %s: install it, then qnet plugin load %s=%s\n",
               qnk_is_true(need, "held") ? "HELD" : "lack", qnk_grouped(qnk_number(need, "first")),
               kind, name, qnk_string(need, "version"), kind, name);
    }
}

static const char in_a_block[] = "sent; it counts once a block has it";

static int done_show(struct qnk_call *call, const char *method, json_t *params, const char *what,
                     const char *next)
{
    int status;
    json_t *answer = qnk_ask_once(call, method, params, &status);

    if (answer != NULL && call->json) {
        qnk_json_print(answer);
    } else if (answer != NULL) {
        const char *words = qnk_string(answer, "words"); /* what is not as it should be */

        printf("%s\n%s%s  %s\n", what, words, *words == 0 ? "" : "\n", next);
    }
    json_decref(answer);
    return status;
}

int qnk_run_swap_status(struct qnk_call *call)
{
    int status;
    json_t *answer = qnk_ask_once(call, "swap.status", NULL, &status);

    if (answer != NULL && call->json) {
        qnk_json_print(answer);
    } else if (answer != NULL) {
        printf("now      macro %s is final, micro %s is the head\n",
               qnk_grouped(qnk_number(answer, "window")),
               qnk_grouped(qnk_number(answer, "height")));
        plan_show(answer);
        bindings_show(answer, "consensus");
        bindings_show(answer, "producer");
        needs_show(answer);
    }
    json_decref(answer);
    return status;
}

int qnk_run_swap_plan(struct qnk_call *call)
{
    json_t *params = qnk_plugin_params(call);

    if (params == NULL) {
        return QNK_CLI_USAGE;
    }
    if (qnk_call_given(call, "at")) {
        json_object_set_new(params, "first", json_integer((json_int_t)qnk_call_number(call, "at")));
    }
    if (qnk_call_given(call, "ready")) {
        json_object_set_new(params, "percent",
                            json_integer((json_int_t)qnk_call_number(call, "ready")));
    }
    if (qnk_call_given(call, "probation")) {
        json_object_set_new(params, "probation",
                            json_integer((json_int_t)qnk_call_number(call, "probation")));
    }
    if (qnk_call_given(call, "codes")) {
        json_object_set_new(params, "codes", json_string(qnk_call_text(call, "codes")));
    }
    return done_show(call, "swap.plan", params, in_a_block,
                     "then on each validator: qnet swap ready");
}

int qnk_run_swap_ready(struct qnk_call *call)
{
    return done_show(call, "swap.ready", NULL, in_a_block, "qnet swap status");
}

int qnk_run_swap_abort(struct qnk_call *call)
{
    return done_show(call, "swap.abort", NULL, in_a_block, "qnet swap status");
}

int qnk_run_swap_abandon(struct qnk_call *call)
{
    static const char question[] =
        "Does the engine not decide the macroblock? This validator will have no part in the "
        "attempt "
        "any more; once a quorum has none, the engine before decides it, and is bound again.";

    return qnk_call_is_meant(call, question)
               ? done_show(call, "swap.abandon", NULL,
                           "given up; another attempt begins once a quorum of weight gave it up",
                           "qnet swap status; qnet swap history")
               : QNK_CLI_USAGE;
}
