/* SPDX-License-Identifier: MIT */
#pragma once

/* compression.h: what every compression plugin must do, whatever it is made of. A plugin's own test
 * program lists these cases before its own. */

#include <qnet/compression.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/compression.h"

/* The subject of every case: one instance of what is `given`, and buffers for it. */
struct qn_check_compression *qn_check_compression_start(const struct qn_check_given *given);
void qn_check_compression_stop(struct qn_check_compression *it);

/* Unpacks `packed`, which claims to be a block of `plain_size` bytes, on lane 0. */
int32_t qn_check_compression_unpack(struct qn_check_compression *it, struct qn_span packed,
                                    uint64_t plain_size);
