/* SPDX-License-Identifier: MIT */

/* sha256.c: the hash of sdk/check's host by the kernel's, which is ten times faster, for harnesses
 * that do little else than hash. A program that links it has it in place of sdk/check/sha256.c. */

#include <qnet/assert.h>

#include "kernel/base/hash.h"
#include "sdk/check/check.h"

static struct qnk_sha256 hash; /* one is made at a time */

void qn_check_sha256_init(struct qn_check_sha256 *sha)
{
    sha->size = 0;
    qnk_sha256_init(&hash);
}

void qn_check_sha256_add(struct qn_check_sha256 *sha, struct qn_span bytes)
{
    QN_ASSERT(sha->size == hash.size); /* it is that one */
    sha->size += bytes.size;
    qnk_sha256_add(&hash, bytes.data, bytes.size);
}

void qn_check_sha256_done(struct qn_check_sha256 *sha, uint8_t *digest)
{
    QN_ASSERT(sha->size == hash.size);
    qnk_sha256_done(&hash, digest);
}
