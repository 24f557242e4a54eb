/* SPDX-License-Identifier: MIT */
#pragma once

/* promises.h: what a network keeps whichever plugins play in it: the cases that the core must pass
 * among fakes and with the plugins that ship. */

#include "tests/test.h"

enum { PROMISES_MORE_MAX = 32 };

/* Runs these cases and then `more` as one group; QNET_TEST_ONLY in the environment chooses. For
 * main() to return. */
int promises_run(const struct CMUnitTest *more, uint32_t count);
