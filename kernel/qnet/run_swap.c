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
