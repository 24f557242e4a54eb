/* SPDX-License-Identifier: MIT */

/* zstd.c: compression by libzstd, run wholly inside memory that the instance took from its host.
 * Source: RFC 8878 (frame format); zstd.h 1.5, "static allocation". */

#define ZSTD_STATIC_LINKING_ONLY /* for contexts placed in memory of our own */
#include <stdbool.h>
#include <zstd.h>

#include <qnet/assert.h>
#include <qnet/compression.h>

#include "zstd.manifest.h"

/* What one worker uses at a time, so that no call waits for another. */
struct lane {
    ZSTD_CCtx *packer;
    ZSTD_DCtx *unpacker;
};

struct qn_inst {
    const struct qn_host *host;
    ZSTD_compressionParameters parameters;
    struct lane lanes[ZSTD_LANES];
};

/* Bytes that one lane may take: what is left beside the instance itself, in equal parts. A take is
 * rounded up to 64 bytes. */
enum { LANE_MEMORY = (ZSTD_MEMORY - sizeof(struct qn_inst) - 64) / ZSTD_LANES - 128 };

/* What `level` means for the largest block, with tables that fit a lane. A high level keeps its
 * thorough search over smaller tables: it packs a little worse, and never asks for more memory. */
static ZSTD_compressionParameters parameters_fit(int level)
{
    ZSTD_compressionParameters it = ZSTD_getCParams(level, QN_COMPRESSION_PLAIN_MAX, 0);

    while (ZSTD_estimateCCtxSize_usingCParams(it) > LANE_MEMORY - ZSTD_estimateDCtxSize()) {
        if (it.chainLog >= it.hashLog) {
            it.chainLog--;
        } else {
            it.hashLog--;
        }
    }
    QN_ASSERT(!ZSTD_isError(ZSTD_checkCParams(it)));
    return it;
}

static void parameter_set(ZSTD_CCtx *packer, ZSTD_cParameter name, unsigned int value)
{
    size_t result = ZSTD_CCtx_setParameter(packer, name, (int)value);

    QN_ASSERT(!ZSTD_isError(result));
}

/* They stay for every block that the context packs. A static context begins without the defaults,
 * of which the frame must have one: its size, in its header. */
static void parameters_set(ZSTD_CCtx *packer, const ZSTD_compressionParameters *it)
{
    parameter_set(packer, ZSTD_c_contentSizeFlag, 1);
    parameter_set(packer, ZSTD_c_windowLog, it->windowLog);
    parameter_set(packer, ZSTD_c_chainLog, it->chainLog);
    parameter_set(packer, ZSTD_c_hashLog, it->hashLog);
    parameter_set(packer, ZSTD_c_searchLog, it->searchLog);
    parameter_set(packer, ZSTD_c_minMatch, it->minMatch);
    parameter_set(packer, ZSTD_c_targetLength, it->targetLength);
    parameter_set(packer, ZSTD_c_strategy, it->strategy);
}

static bool lane_init(struct qn_inst *self, struct lane *lane, struct qn_node *node)
{
    size_t packer_size = ZSTD_estimateCCtxSize_usingCParams(self->parameters);
    size_t unpacker_size = ZSTD_estimateDCtxSize();
    void *packer = self->host->take(node, packer_size);
    void *unpacker = self->host->take(node, unpacker_size);

    QN_ASSERT(packer_size + unpacker_size <= LANE_MEMORY);
    if (packer == NULL || unpacker == NULL) {
        return false;
    }
    lane->packer = ZSTD_initStaticCCtx(packer, packer_size);
    lane->unpacker = ZSTD_initStaticDCtx(unpacker, unpacker_size);

    QN_ASSERT(lane->packer != NULL);
    QN_ASSERT(lane->unpacker != NULL);
    parameters_set(lane->packer, &self->parameters);
    return true;
}

static int32_t zstd_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    int level = (int)zstd_config_read(config).level;
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->parameters = parameters_fit(level);
    for (uint32_t i = 0; i < ZSTD_LANES; i++) {
        if (!lane_init(self, &self->lanes[i], node)) {
            return QN_NO_SPACE;
        }
    }
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void zstd_destroy(struct qn_inst *self)
{
    (void)self;
}

static uint64_t zstd_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)self;
    return ZSTD_compressBound(plain_size);
}

static int32_t zstd_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                         struct qn_sink *packed)
{
    QN_ASSERT(lane < ZSTD_LANES);
    QN_ASSERT(plain.size <= QN_COMPRESSION_PLAIN_MAX);

    size_t worst = ZSTD_compressBound(plain.size);
    uint8_t *room = self->host->sink_room(packed, worst);

    if (room == NULL) {
        return QN_NO_SPACE;
    }

    size_t size = ZSTD_compress2(self->lanes[lane].packer, room, worst, plain.data, plain.size);

    QN_ASSERT(!ZSTD_isError(size));
    QN_ASSERT(size <= worst);
    self->host->sink_commit(packed, size);
    return QN_OK;
}

/* Whether `packed` is one data frame of `plain_size` bytes that ends where the bytes end. A
 * skippable frame is legal zstd, but no block; a frame that hides its size could be any. */
static bool is_one_frame(struct qn_span packed, uint64_t plain_size)
{
    ZSTD_frameHeader head;

    if (ZSTD_getFrameHeader(&head, packed.data, packed.size) != 0) {
        return false;
    }
    if (head.frameType != ZSTD_frame || head.frameContentSize != plain_size) {
        return false;
    }
    return ZSTD_findFrameCompressedSize(packed.data, packed.size) == packed.size;
}

static int32_t zstd_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                           uint64_t plain_size, struct qn_sink *plain)
{
    QN_ASSERT(lane < ZSTD_LANES);
    QN_ASSERT(plain_size <= QN_COMPRESSION_PLAIN_MAX);
    if (!is_one_frame(packed, plain_size)) {
        return QN_INVALID;
    }

    uint8_t *room = self->host->sink_room(plain, plain_size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }

    size_t size =
        ZSTD_decompressDCtx(self->lanes[lane].unpacker, room, plain_size, packed.data, packed.size);

    if (ZSTD_isError(size)) {
        return QN_INVALID;
    }
    QN_ASSERT(size == plain_size);
    self->host->sink_commit(plain, size);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = zstd_create,
    .destroy = zstd_destroy,
};

static const struct qn_compression_1 slots = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = zstd_bound,
    .pack = zstd_pack,
    .unpack = zstd_unpack,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = ZSTD_MANIFEST_PRINT,
    .kind = ZSTD_KIND,
    .name = ZSTD_NAME,
    .version = ZSTD_VERSION,
    .life = &life,
    .slots = &slots.head,
};
