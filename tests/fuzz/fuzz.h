/* SPDX-License-Identifier: MIT */
#pragma once

/* fuzz.h: what a harness is made of: a function that takes any bytes, and one that gives the bytes
 * it is good to begin with. What must not happen stops the process (QN_ASSERT, a sanitizer).
 *
 * Seeds are made by the tree's own encoders each time, so they follow a change of the encoding;
 * files in corpus/NAME/ are for bytes that only others can make, and for what once was a finding.
 */

#include <string.h>

#include <qnet/assert.h>
#include <qnet/record.h>

/* Optional: what takes long and is done once. A fuzzer calls it before the first input; without one
 * the harness does when it needs to. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void fuzz_take(const uint8_t *data, size_t size);

void fuzz_seeds(fuzz_take *take);

static inline bool fuzz_is_same(struct qn_span span, const void *bytes, uint64_t size)
{
    return span.size == size && (size == 0 || memcmp(span.data, bytes, size) == 0);
}
