/* SPDX-License-Identifier: MIT */
#pragma once

/* guard.h: writes the wrappers of a kind's slots, which check each call (kernel/plugin/guard.h). */

#include "sdk/abigen/model.h"

/* The wrappers of the kind's table and the table of them, called <full>_guarded. */
void guard_put(const struct description *of);
