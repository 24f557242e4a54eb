/* SPDX-License-Identifier: MIT */

/* packer.h: a compressor that is right unless somebody fills one of its holes. A broken plugin is
 * a file that defines a hole and includes this: so it differs from a right one in just that. */

#include <string.h>

#include <qnet/compression.h>

#ifndef PACKER_NAME /* whoever has a manifest of his own */
#include "packer.manifest.h"
#endif

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    const uint8_t *kept; /* for whoever keeps what is not his */
    void *own;
};

/* Statements, and values: what is right stands here. */
#ifndef ON_CREATE
#define ON_CREATE(self) (void)0
#endif
#ifndef IS_CONFIG
#define IS_CONFIG(config) ((config).size == 0)
#endif
#ifndef ON_DESTROY
#define ON_DESTROY(self) (void)0
#endif
#ifndef ON_PACK
#define ON_PACK(self, plain) (void)0
#endif
#ifndef ON_UNPACK
#define ON_UNPACK(self, lane) (void)0
#endif
#ifndef FROM /* where a block is read from */
#define FROM(self, plain) (plain).data
#endif
#ifndef TAKES_ARE_CHECKED
#define TAKES_ARE_CHECKED 1
#endif
#ifndef TAG /* the byte before each block */
#define TAG(self) 7
#endif
#ifndef IS_BLOCK
#define IS_BLOCK(packed, plain_size) ((packed).size == (plain_size) + 1)
#endif
#ifndef SLOTS_HEAD
#define SLOTS_HEAD QN_COMPRESSION_1_HEAD
#endif
#ifndef BOUND
#define BOUND packer_bound
#endif
#ifndef LIFE_MORE
#define LIFE_MORE
#endif

static int32_t packer_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    if (TAKES_ARE_CHECKED && self == NULL) {
        return QN_NO_SPACE;
    }
    if (!IS_CONFIG(config)) {
        return QN_INVALID;
    }
    self->host = host;
    self->node = node;
    ON_CREATE(self);
    *inst = self;
    return QN_OK;
}

static void packer_destroy(struct qn_inst *self)
{
    (void)self;
    ON_DESTROY(self);
}

__attribute__((unused)) static uint64_t packer_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)self;
    return plain_size + 1;
}

static int32_t packer_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                           struct qn_sink *packed)
{
    uint8_t *room = self->host->sink_room(packed, plain.size + 1);

    (void)lane;
    if (room == NULL) {
        return QN_NO_SPACE;
    }
    ON_PACK(self, plain);
    room[0] = TAG(self);
    if (plain.size > 0) {
        memcpy(room + 1, FROM(self, plain), plain.size);
    }
    self->host->sink_commit(packed, plain.size + 1);
    return QN_OK;
}

static int32_t packer_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                             uint64_t plain_size, struct qn_sink *plain)
{
    uint8_t *room;

    (void)lane;
    ON_UNPACK(self, lane);
    if (!IS_BLOCK(packed, plain_size)) {
        return QN_INVALID;
    }
    room = self->host->sink_room(plain, plain_size);
    if (room == NULL) {
        return QN_NO_SPACE;
    }
    if (plain_size > 0) {
        memcpy(room, packed.data + 1, plain_size);
    }
    self->host->sink_commit(plain, plain_size);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD, .create = packer_create, .destroy = packer_destroy, LIFE_MORE};

static const struct qn_compression_1 slots = {
    .head = SLOTS_HEAD,
    .bound = BOUND,
    .pack = packer_pack,
    .unpack = packer_unpack,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = PACKER_MANIFEST_PRINT,
    .kind = PACKER_KIND,
    .name = PACKER_NAME,
    .version = PACKER_VERSION,
    .life = &life,
    .slots = &slots.head,
};
