/* SPDX-License-Identifier: MIT */

/* QN-FLT-007: what is durable lies with the system, and nobody made it write. */

#define IS_FLUSHED(to) ((to)->fd >= 0)
#include "store.h"
