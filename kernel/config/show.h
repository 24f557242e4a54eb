/* SPDX-License-Identifier: MIT */
#pragma once

/* show.h: a checked part as YAML, with every default filled in: what a node goes by.
 *
 * Read again, what is shown gives the same values, but for secrets, which are shown as ***.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the text goes into the caller's sink
 *   threads  any
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/sink.h"
#include "kernel/config/part.h"

/* Appends the part; with `has_origin` each line ends in a comment that says where the value comes
 * from, FILE:LINE:COLUMN or "default". QN_NO_SPACE: the sink is full. */
QN_MUST_CHECK int32_t qnk_config_show(const struct qnk_config_part *part, bool has_origin,
                                      struct qn_sink *out);
