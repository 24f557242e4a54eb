/* SPDX-License-Identifier: MIT */

/* Right in all: nothing is flagged. */

#include "store.h"
