/* SPDX-License-Identifier: MIT */

/* QN-FLT-003: room is always there. */

#define ROOM_IS_CHECKED 0
#include "tally.h"
