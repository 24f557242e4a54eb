/* SPDX-License-Identifier: MIT */

/* Right in all, and hands its state over: nothing is flagged. */

#include "tally.h"
