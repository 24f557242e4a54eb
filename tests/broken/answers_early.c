/* SPDX-License-Identifier: MIT */

/* QN-FLT-006: the last entry waits for the next, and is gone if there is none. */

#define PUT_ENTRY(to, bytes, size) entry_put_later(to, bytes, size)
#define PUT_REST(to)               (void)entry_put_later(to, NULL, 0)
#include "store.h"
