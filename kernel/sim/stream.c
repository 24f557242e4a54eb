/* SPDX-License-Identifier: MIT */

#include "kernel/sim/stream.h"

#include "kernel/base/hash.h"

void qnk_stream_init(struct qnk_random *random, uint64_t seed, const char *tag, uint64_t number)
{
    uint8_t bytes[16];
    struct qnk_hash hash;

    qn_le64_write(bytes, seed);
    qn_le64_write(bytes + 8, number);
    qnk_hash_tagged(tag, bytes, sizeof bytes, &hash);
    qnk_random_init(random, qn_le64_read(hash.bytes));
}
