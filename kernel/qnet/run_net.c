/* SPDX-License-Identifier: MIT */

/* run_net.c: `qnet net`: testnets out of one file. */

#include <errno.h>
#include <string.h>

#include "kernel/qnet/net_example.h"
#include "kernel/qnet/net_open.h"
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
