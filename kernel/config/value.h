/* SPDX-License-Identifier: MIT */
#pragma once

/* value.h: one value between its text in a file and its canonical record, in both directions.
 *
 * Every value has one record and one text that `config show` prints; several texts may be written
 * for it ("90s" and "1m30s"). Numbers are exact: nothing is rounded.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   records as in schema.h; `type` is a key's type without LIST and MAP
 *   owns     records and texts go where the caller says
 *   threads  any
 *   cost     linear; allocates nothing
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/sink.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"

/* The longest record of one value: a text of TEXT_MAX and its count. */
#define QNK_VALUE_RECORD_MAX (QNK_CONFIG_TEXT_MAX + 260)

/* Why a text is no value of its key. The words go after "'key' ". */
struct qnk_value_fault {
    enum qnk_finding_code code; /* E105, E106 or E107 */
    const char *what;           /* "is not a size" */
    char hint[160];             /* what to write; may be "" */
};

/* The record of `text`; `is_plain` says that it stands without quotes. QN_INVALID: `fault` says
 * why. Paths become `folder`/path unless they are absolute or "credential:NAME", or `folder` is
 * "". */
QN_MUST_CHECK int32_t qnk_value_read(const struct qnk_config_key *key, const char *text,
                                     bool is_plain, const char *folder,
                                     uint8_t record[QNK_VALUE_RECORD_MAX], uint32_t *size,
                                     struct qnk_value_fault *fault);

/* Takes the next value off `record` and appends its text, quoted where YAML or a reader might take
 * it for something else. QN_INVALID: no such record. QN_NO_SPACE: the sink is full. */
QN_MUST_CHECK int32_t qnk_value_print(const struct qnk_config_key *key, struct qn_span *record,
                                      struct qn_sink *out);

/* Whether the number in record `a` is less than that in `b`, both of `type`. */
bool qnk_value_is_less(uint8_t type, struct qn_span a, struct qn_span b);

/* Appends "a" or "a to b" from a key's bounds, with its unit; nothing without bounds. */
QN_MUST_CHECK int32_t qnk_value_print_bounds(const struct qnk_config_key *key, struct qn_sink *out);
