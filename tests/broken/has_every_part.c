/* SPDX-License-Identifier: MIT */

/* QN-SWP-004: a part that there is not is exported. */

#define IS_PART(part) ((part) >= PART)
#include "tally.h"
