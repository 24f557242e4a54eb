/* SPDX-License-Identifier: MIT */

/* QN-FLT-001: memory is never short. */

#define TAKES_ARE_CHECKED 0
#include "packer.h"
