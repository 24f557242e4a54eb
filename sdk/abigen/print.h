/* SPDX-License-Identifier: MIT */
#pragma once

/* print.h: the number by which two builds see that they mean the same tables.
 *
 * A print is FNV-1a 64 over one line for each record, event, effect and slot of a description that
 * a minor has, in this order and each group in the file's, every line with its newline:
 *
 *   record NAME frozen|growing FIELD:TYPE ...
 *   event ID NAME payload|plain FIELD:TYPE ...       effect and manifest likewise
 *   table NAME
 *   slot NAME THREAD OVERLAP STATES optional|required ARG:TYPE:OWN:DIR:MAX ... -> RESULT
 *
 * Limits stand in it as numbers. Docs, units, budgets and error texts do not.
 * Source: FNV-1a, draft-eastlake-fnv.
 */

#include "sdk/abigen/model.h"

/* The print of the tables as of `minor`. */
uint64_t print_of(const struct description *of, uint16_t minor);

/* FNV-1a 64 of `size` bytes more; the first call starts from PRINT_START. */
#define PRINT_START UINT64_C(0xcbf29ce484222325)
uint64_t print_add(uint64_t print, const void *bytes, size_t size);
