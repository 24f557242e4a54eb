/* SPDX-License-Identifier: MIT */

/* newer.c: a compressor of a minor to come, which has a slot more, `extra`. newer_test.sh makes the
 * headers of that minor; with an older target it is compiled for kernels of today. */

#include "newer.manifest.h"

#include "tests/abi/museum/0.1/museum.h"

static uint64_t newer_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)plain_size;
    return ++self->calls;
}

static int32_t newer_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                          struct qn_sink *packed)
{
    (void)lane;
    (void)plain;
    return museum_answer(self, packed);
}

static int32_t newer_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                            uint64_t plain_size, struct qn_sink *plain)
{
    (void)plain_size;
    return newer_pack(self, lane, packed, plain);
}

#if QN_TARGET_COMPRESSION >= 1
static uint64_t newer_extra(struct qn_inst *self)
{
    return self->calls + 40;
}
#endif

static const struct qn_compression_1 slots = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = newer_bound,
    .pack = newer_pack,
    .unpack = newer_unpack,
#if QN_TARGET_COMPRESSION >= 1
    .extra = newer_extra,
#endif
};

MUSEUM_PLUGIN(NEWER);
