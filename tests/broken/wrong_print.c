/* SPDX-License-Identifier: MIT */

/* QN-LOA-002: a table that says it was made with another header. */

#define SLOTS_HEAD QN_HEAD(struct qn_compression_1, 1, QN_TARGET_COMPRESSION, 42)
#include "packer.h"
