/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/net_open.h"

#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"

enum { TEXT_CAP = 1 << 20 };

bool qnk_net_open(struct qnk_call *call, const char *path, struct qnk_spec *spec)
{
    const struct qnk_spec_options options = {
        .budget = &qnk_client_budget,
        .provider = qnk_call_text(call, "provider"),
        .loader = qnk_place_loader(),
    };
    int32_t status;

    *spec = (struct qnk_spec){.budget = &qnk_client_budget};
    if (options.loader == NULL) {
        return false;
    }
    status = qnk_spec_open(spec, &options, path);
    if (status != QN_OK && spec->report.errors == 0) {
        fprintf(stderr, "qnet: '%s' cannot be read (status %d)\n", path, status);
    }
    return status == QN_OK;
}

void qnk_net_report(struct qnk_spec *spec, FILE *out)
{
    struct qn_sink text;

    qnk_sink_init(&text, &qnk_client_budget, TEXT_CAP);
    qnk_report_sort(&spec->report);
    (void)!qnk_report_print(&spec->report, &text);
    (void)fwrite(text.data, 1, text.size, out);
    qnk_sink_done(&text);
}
