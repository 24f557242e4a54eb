/* SPDX-License-Identifier: MIT */

/* tally.h: a service that counts macroblocks and hands its count over, and is right unless somebody
 * fills one of its holes; as packer.h. */

#include <stdbool.h>
#include <string.h>

#include <qnet/service.h>

#include "tally.manifest.h"

enum { ROUTE = 1, PART = 2, STATE = 16, LEVELS = 8 };

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    bool was_exported;
    uint64_t count;
    uint64_t last;
    uint8_t levels[LEVELS];
};

#ifndef ROOM_IS_CHECKED
#define ROOM_IS_CHECKED 1
#endif
#ifndef ON_REQUEST
#define ON_REQUEST(self, request) (void)0
#endif
#ifndef ON_CREATE
#define ON_CREATE(self) (void)0
#endif
#ifndef ON_EXPORT
#define ON_EXPORT(self) (void)0
#endif
#ifndef ON_IMPORT
#define ON_IMPORT(self) (void)0
#endif
#ifndef IS_PART
#define IS_PART(part) ((part) == PART)
#endif

static int32_t tally_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                            struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config;
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    ON_CREATE(self);
    *inst = self;
    return QN_OK;
}

static void tally_destroy(struct qn_inst *self)
{
    (void)self;
}

static int32_t tally_deliver(struct qn_inst *self, uint32_t lane,
                             const struct qn_event *const *batch, uint32_t batch_count,
                             uint32_t *accepted)
{
    (void)lane;
    for (uint32_t i = 0; i < batch_count; i++) {
        self->count += batch[i]->type == QN_SERVICE_EVENT_MACROBLOCK;
        self->last = batch[i]->seq;
    }
    *accepted = batch_count;
    return QN_OK;
}

static int32_t put(struct qn_inst *self, const void *bytes, uint64_t size, struct qn_sink *to)
{
    uint8_t *room = self->host->sink_room(to, size);

    if (ROOM_IS_CHECKED && room == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(room, bytes, size);
    self->host->sink_commit(to, size);
    return QN_OK;
}

static void state_fill(const struct qn_inst *self, uint8_t state[STATE])
{
    qn_le64_write(state, self->count);
    qn_le64_write(state + 8, self->last);
}

static int32_t tally_serve(struct qn_inst *self, uint32_t lane, uint32_t route,
                           struct qn_span request, struct qn_sink *answer)
{
    uint8_t state[STATE];

    (void)lane;
    if (route != ROUTE) {
        return QN_NOT_FOUND;
    }
    ON_REQUEST(self, request);
    if (request.size != 0) {
        return QN_INVALID;
    }
    state_fill(self, state);
    return put(self, state, sizeof state, answer);
}

static int32_t tally_pump(struct qn_inst *self, uint32_t budget)
{
    (void)self;
    (void)budget;
    return QN_OK;
}

static uint64_t tally_cursor(struct qn_inst *self)
{
    return self->last;
}

static int32_t tally_health(struct qn_inst *self, struct qn_sink *criteria)
{
    static const uint8_t list[] = {1, 0, 0, 0, 5, 0, 0, 0, 'c', 'o', 'u', 'n', 't', 1, 0, 0, 0, 0};

    return put(self, list, sizeof list, criteria);
}

static int32_t tally_export(struct qn_inst *self, uint32_t part, uint32_t chunk,
                            struct qn_sink *content)
{
    uint8_t state[STATE];

    if (!IS_PART(part) || chunk != 0) {
        return QN_NOT_FOUND;
    }
    ON_EXPORT(self);
    state_fill(self, state);
    return put(self, state, sizeof state, content);
}

static int32_t tally_import(struct qn_inst *self, uint32_t part, uint32_t chunk,
                            struct qn_span content, uint32_t last)
{
    if (part != PART || chunk != 0 || content.size != STATE || last != 1) {
        return QN_INVALID;
    }
    self->count = qn_le64_read(content.data);
    self->last = qn_le64_read(content.data + 8);
    ON_IMPORT(self);
    return QN_OK;
}

static int32_t tally_hash(struct qn_inst *self, uint32_t part, uint8_t *digest)
{
    uint8_t state[STATE];
    struct qn_span parts = {state, sizeof state};

    if (!IS_PART(part)) {
        return QN_NOT_FOUND;
    }
    state_fill(self, state);
    self->host->hash((struct qn_span){(const uint8_t *)"tally", 5}, &parts, 1, digest);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = tally_create,
    .destroy = tally_destroy,
};

static const struct qn_state state_table = {
    .head = QN_STATE_HEAD,
    .export_part = tally_export,
    .import_part = tally_import,
    .hash_part = tally_hash,
};

static const struct qn_service_1 slots = {
    .head = QN_SERVICE_1_HEAD,
    .deliver = tally_deliver,
    .serve = tally_serve,
    .pump = tally_pump,
    .cursor = tally_cursor,
    .health = tally_health,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = TALLY_MANIFEST_PRINT,
    .kind = TALLY_KIND,
    .name = TALLY_NAME,
    .version = TALLY_VERSION,
    .life = &life,
    .state = &state_table,
    .slots = &slots.head,
};
