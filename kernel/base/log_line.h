/* SPDX-License-Identifier: MIT */
#pragma once

/* log_line.h: how one line of the log is spelled, in each of its formats. For log.c.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     linear; allocates nothing, knows no clock
 */

#include <stdarg.h>

#include <qnet/types.h>

#include "kernel/base/log.h"

struct qnk_log_line {
    uint32_t size; /* with the line end */
    char bytes[QNK_LOG_LINE_MAX];
};

struct qnk_log_record {
    uint64_t now_us;
    enum qnk_log_level level;
    const char *part;
    const char *event;
    const char *format;  /* words and fields, as in log.h */
    uint32_t suppressed; /* lines of this call site that were not written before this one */
};

/* Spells `record`; takes the arguments of its format. */
void qnk_log_line_make(struct qnk_log_line *line, enum qnk_log_format format,
                       const struct qnk_log_record *record, va_list *args);

/* "error" ... "trace" */
const char *qnk_log_level_name(enum qnk_log_level level);
