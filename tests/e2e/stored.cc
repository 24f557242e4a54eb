// SPDX-License-Identifier: MIT

// stored.cc: a compressor in C++17 that stores. It shows that the headers and the constant work in
// that language; plugin_author_test.sh builds it as its own author would.

#include <cstring>

#include <qnet/compression.h>

#include "stored.manifest.h"

struct qn_inst {
    const qn_host *host;
};

namespace {

int32_t create(const qn_host *host, qn_node *node, qn_span, qn_inst **inst)
{
    auto *self = static_cast<qn_inst *>(host->take(node, sizeof(qn_inst)));

    if (self == nullptr) {
        return QN_NO_SPACE;
    }
    self->host = host;
    *inst = self;
    return QN_OK;
}

void destroy(qn_inst *)
{
}

uint64_t bound(qn_inst *, uint64_t plain_size)
{
    return plain_size;
}

int32_t copy(const qn_inst *self, qn_span from, qn_sink *to)
{
    uint8_t *room = self->host->sink_room(to, from.size);

    if (room == nullptr) {
        return QN_NO_SPACE;
    }
    if (from.size > 0) {
        std::memcpy(room, from.data, from.size);
    }
    self->host->sink_commit(to, from.size);
    return QN_OK;
}

int32_t pack(qn_inst *self, uint32_t, qn_span plain, qn_sink *packed)
{
    return copy(self, plain, packed);
}

int32_t unpack(qn_inst *self, uint32_t, qn_span packed, uint64_t plain_size, qn_sink *plain)
{
    return packed.size == plain_size ? copy(self, packed, plain) : int32_t{QN_INVALID};
}

constexpr qn_life life = {QN_LIFE_HEAD, create,  nullptr, nullptr,
                          nullptr,      nullptr, destroy, nullptr};
constexpr qn_compression_1 slots = {QN_COMPRESSION_1_HEAD, bound, pack, unpack};

} // namespace

const qn_plugin qn_plugin_v1 = {
    QN_PLUGIN_HEAD, STORED_MANIFEST_PRINT, STORED_KIND, STORED_NAME,
    STORED_VERSION, &life,                 nullptr,     &slots.head,
};
