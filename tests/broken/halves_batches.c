/* SPDX-License-Identifier: MIT */

/* QN-FLT-006: a batch is an entry for each operation, and an end lies between two of them. */

#define OPS_OF_ENTRY 1
#include "store.h"
