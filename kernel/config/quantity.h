/* SPDX-License-Identifier: MIT */
#pragma once

/* quantity.h: sizes, durations, ratios and times as people write them, in both directions and
 * exactly. Also for options of the command line.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, milliseconds, millionths; times are milliseconds since 1970
 *   threads  any
 *   cost     linear; allocates nothing
 *   errors   QN_INVALID: not of this form, or not a whole number of the unit; QN_NO_SPACE: too
 *            large
 */

#include <qnet/types.h>

#define QNK_QUANTITY_SIZE 32 /* room for any text that is printed here, with its end */

/* Numbers with units, the units descending: "64GiB", "20MB", "512B"; "250ms", "1.5s", "1h30m". */
QN_MUST_CHECK int32_t qnk_size_read(const char *text, uint64_t *size);
QN_MUST_CHECK int32_t qnk_duration_read(const char *text, uint64_t *ms);

/* "85%" or "0.85" */
QN_MUST_CHECK int32_t qnk_ratio_read(const char *text, uint32_t *millionths);

/* RFC 3339 in UTC, 1970 to 9999: "2026-01-01T00:00:00Z", with or without ".mmm". */
QN_MUST_CHECK int32_t qnk_time_read(const char *text, uint64_t *ms);

/* In the largest unit that leaves no fraction. */
void qnk_size_print(uint64_t size, char text[QNK_QUANTITY_SIZE]);
void qnk_duration_print(uint64_t ms, char text[QNK_QUANTITY_SIZE]);
void qnk_ratio_print(uint32_t millionths, char text[QNK_QUANTITY_SIZE]);

/* `ms` is at most that of 9999-12-31T23:59:59.999Z. */
void qnk_time_print(uint64_t ms, char text[QNK_QUANTITY_SIZE]);
