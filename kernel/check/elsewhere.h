/* SPDX-License-Identifier: MIT */
#pragma once

/* elsewhere.h: this program run once more on the plugin, in another process with other
 * surroundings.
 */

#include "kernel/check/subject.h"

struct qnk_elsewhere {
    bool is_fixed;    /* addresses are not drawn */
    bool is_alone;    /* one processor */
    const char *fill; /* what memory holds that nobody wrote: a number, as text; NULL: as it is */
    const char *zone;
    const char *locale;
    const char *const *wrapper; /* words before the program's own, up to a NULL; NULL: none */
    const char *rule;           /* run this case instead of the trace; NULL: trace */
    uint32_t cpu_s;
};

struct qnk_elsewhere_end {
    int status;      /* of wait() */
    char output[80]; /* the first bytes that it printed, and a zero */
};

/* Runs it and waits. */
void qnk_elsewhere_run(const struct qnk_subject *subject, const struct qnk_elsewhere *how,
                       struct qnk_elsewhere_end *end);
