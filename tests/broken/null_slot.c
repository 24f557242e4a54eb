/* SPDX-License-Identifier: MIT */

/* QN-LOA-003: a slot that must be there is not. */

#define BOUND NULL
#include "packer.h"
