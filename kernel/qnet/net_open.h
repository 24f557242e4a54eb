/* SPDX-License-Identifier: MIT */
#pragma once

/* net_open.h: a spec that a command names, opened and checked, with its mistakes told.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   false after words
 */

#include "kernel/net/spec.h"
#include "kernel/qnet/command.h"

/* The spec of the first operand, with the provider of --provider; qnk_spec_done is owed whatever
 * comes of it. Mistakes go to stderr. */
bool qnk_net_open(struct qnk_call *call, const char *path, struct qnk_spec *spec);

/* All findings as text. */
void qnk_net_report(struct qnk_spec *spec, FILE *out);
