/* SPDX-License-Identifier: MIT */

/* none.c: no compression. A packed block is the plain block, under the same refusals as any other:
 * what is not announced is INVALID, what has no room is NO_SPACE. */

#include <string.h>

#include <qnet/assert.h>
#include <qnet/compression.h>

#include "none.manifest.h"

struct qn_inst {
    const struct qn_host *host;
};

static int32_t none_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    QN_ASSERT(config.size == 0);
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void none_destroy(struct qn_inst *self)
{
    (void)self;
}

static uint64_t none_bound(struct qn_inst *self, uint64_t plain_size)
{
    (void)self;
    return plain_size;
}

static int32_t copy(struct qn_inst *self, struct qn_span from, struct qn_sink *to)
{
    uint8_t *room = self->host->sink_room(to, from.size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    if (from.size > 0) {
        memcpy(room, from.data, from.size);
    }
    self->host->sink_commit(to, from.size);
    return QN_OK;
}

static int32_t none_pack(struct qn_inst *self, uint32_t lane, struct qn_span plain,
                         struct qn_sink *packed)
{
    QN_ASSERT(lane < NONE_LANES);
    QN_ASSERT(plain.size <= QN_COMPRESSION_PLAIN_MAX);
    return copy(self, plain, packed);
}

static int32_t none_unpack(struct qn_inst *self, uint32_t lane, struct qn_span packed,
                           uint64_t plain_size, struct qn_sink *plain)
{
    QN_ASSERT(lane < NONE_LANES);
    QN_ASSERT(plain_size <= QN_COMPRESSION_PLAIN_MAX);
    return packed.size == plain_size ? copy(self, packed, plain) : QN_INVALID;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = none_create,
    .destroy = none_destroy,
};

static const struct qn_compression_1 slots = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = none_bound,
    .pack = none_pack,
    .unpack = none_unpack,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = NONE_MANIFEST_PRINT,
    .kind = NONE_KIND,
    .name = NONE_NAME,
    .version = NONE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
