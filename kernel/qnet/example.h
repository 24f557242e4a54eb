/* SPDX-License-Identifier: MIT */
#pragma once

/* example.h: a node file for a newcomer: every key that matters, with a word on each. */

#include <stdio.h>

/* `type` is light, full or super. */
void qnk_example_put(FILE *out, const char *type, const char *network, const char *name);
