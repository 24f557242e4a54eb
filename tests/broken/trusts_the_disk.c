/* SPDX-License-Identifier: MIT */

/* QN-FLT-007: an entry of which sectors are missing is taken for a whole one. */

#define IS_WHOLE(sum, bytes, size) ((sum) != 0 || (size) != 0)
#include "store.h"
