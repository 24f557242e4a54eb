/* SPDX-License-Identifier: MIT */

/* compression.c: an exhibit of compression/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/compression.h>

#include "compression.manifest.h"
#include "museum.h"

static uint64_t old_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)plain_size;
    return ++self->calls;
}

static int32_t old_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                        struct qn_sink *packed)
{
    (void)lane;
    (void)plain;
    return museum_answer(self, packed);
}

static int32_t old_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                          uint64_t plain_size, struct qn_sink *plain)
{
    (void)lane;
    (void)packed;
    (void)plain_size;
    return museum_answer(self, plain);
}

static const struct qn_compression_1 slots = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = old_bound,
    .pack = old_pack,
    .unpack = old_unpack,
};

MUSEUM_PLUGIN(OLD_COMPRESSION);
