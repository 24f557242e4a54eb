/* SPDX-License-Identifier: MIT */

/* QN-SWP-001: a part of the state stays behind. */

#define ON_IMPORT(self) ((self)->last = 0)
#include "tally.h"
