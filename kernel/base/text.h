/* SPDX-License-Identifier: MIT */
#pragma once

/* text.h: short texts for people, made where no stdio may be included.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the room is the caller's; what does not fit is cut off
 *   threads  any
 */

#include <qnet/types.h>

/* As snprintf into `room` bytes at `to`, of which the last is always zero. */
__attribute__((format(printf, 3, 4))) void qnk_text(char *to, uint64_t room, const char *format,
                                                    ...);
