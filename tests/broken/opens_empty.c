/* SPDX-License-Identifier: MIT */

/* QN-STO-010: a new instance begins anew, whatever lies in its folder. */

#define IS_WHOLE(sum, bytes, size) ((sum) != sum_of(bytes, size))
#include "store.h"
