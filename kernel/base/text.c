/* SPDX-License-Identifier: MIT */

#include "kernel/base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include <qnet/assert.h>

void qnk_text(char *to, uint64_t room, const char *format, ...)
{
    va_list args;

    QN_ASSERT(room > 0);
    va_start(args, format);
    (void)vsnprintf(to, room, format, args);
    va_end(args);
}
