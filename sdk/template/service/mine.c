/* SPDX-License-Identifier: MIT */

/* mine.c: a service that counts the blocks that come and go, and answers one route with the counts.
 *
 * A service hangs off a node and is never on the way to agreement: events come to it on a worker,
 * in order, out of a queue of bounded length; where it was too slow a `gap` says what it missed.
 * It may have threads, sockets and files of its own. This one needs none of them.
 *
 * deliver() is never called twice at once, but serve(), cursor() and health() may run beside it on
 * other threads: so what they read is atomic. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include <qnet/assert.h>
#include <qnet/service.h>

#include "mine.manifest.h"

enum {
    ROUTE_BLOCKS = 1, /* as in the manifest */
    METRIC_BLOCKS = 1,
    ANSWER_MAX = 256,
};

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    _Atomic uint64_t blocks, undone, height, window, missed;
};

/* --- life --- */

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config; /* there are no keys in it */
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void mine_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- events --- */

/* INVALID: not the record that it says it is. */
static int32_t take(struct qn_inst *self, const struct qn_event *event)
{
    struct qn_service_event_microblock block;
    struct qn_service_event_macroblock macro;
    struct qn_service_event_undone undone;
    struct qn_service_event_gap gap;
    int32_t status = QN_OK;

    switch (event->type) {
    case QN_SERVICE_EVENT_MICROBLOCK:
        status = qn_service_event_microblock_read(event->body, &block);
        if (status == QN_OK) {
            self->blocks++;
            self->height = block.height;
            self->host->metric(self->node, METRIC_BLOCKS, 1);
        }
        return status;
    case QN_SERVICE_EVENT_UNDONE:
        status = qn_service_event_undone_read(event->body, &undone);
        if (status == QN_OK) {
            self->undone++;
            self->height = undone.height > 0 ? undone.height - 1 : 0;
        }
        return status;
    case QN_SERVICE_EVENT_MACROBLOCK:
        status = qn_service_event_macroblock_read(event->body, &macro);
        if (status == QN_OK) {
            self->window = macro.window;
        }
        return status;
    case QN_SERVICE_EVENT_GAP:
        status = qn_service_event_gap_read(event->body, &gap);
        if (status == QN_OK && gap.from <= gap.to) {
            self->missed += gap.to - gap.from + 1;
        }
        return status;
    default: /* another topic: kernels may learn to tell more */
        return QN_OK;
    }
}

/* Takes events up to one that is no record; that one, when it comes first, is refused. */
static int32_t mine_deliver(struct qn_inst *self, uint32_t lane,
                            const struct qn_event *const *batch, uint32_t batch_count,
                            uint32_t *accepted)
{
    uint32_t taken = 0;

    QN_ASSERT(lane < MINE_LANES);
    while (taken < batch_count && take(self, batch[taken]) == QN_OK) {
        taken++;
    }
    if (taken == 0 && batch_count > 0) {
        return QN_INVALID;
    }
    *accepted = taken;
    return taken == batch_count ? QN_OK : QN_AGAIN;
}

/* --- questions --- */

static int32_t answer_bytes(struct qn_inst *self, struct qn_sink *answer, const uint8_t *bytes,
                            uint64_t size)
{
    uint8_t *room = self->host->sink_room(answer, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(room, bytes, size);
    self->host->sink_commit(answer, size);
    return QN_OK;
}

static int32_t mine_serve(struct qn_inst *self, uint32_t lane, uint32_t route,
                          struct qn_span request, struct qn_sink *answer)
{
    char text[ANSWER_MAX];
    int size;

    QN_ASSERT(lane < MINE_LANES);
    (void)request; /* this route has no parameters */
    if (route != ROUTE_BLOCKS) {
        return QN_NOT_FOUND;
    }
    size = snprintf(text, sizeof text,
                    "{\"blocks\": %llu, \"undone\": %llu, \"height\": %llu, \"final\": %llu, "
                    "\"missed\": %llu}\n",
                    (unsigned long long)self->blocks, (unsigned long long)self->undone,
                    (unsigned long long)self->height, (unsigned long long)self->window,
                    (unsigned long long)self->missed);
    QN_ASSERT(size > 0 && (uint32_t)size < sizeof text);
    return answer_bytes(self, answer, (const uint8_t *)text, (uint64_t)size);
}

/* Nothing to do: there is no socket to look after. */
static int32_t mine_pump(struct qn_inst *self, uint32_t budget)
{
    (void)self;
    (void)budget;
    return QN_OK;
}

/* Counts lie in memory, so after a restart it all begins anew: nothing is durable outside. */
static uint64_t mine_cursor(struct qn_inst *self)
{
    (void)self;
    return 0;
}

/* One criterion: nothing was missed. */
static int32_t mine_health(struct qn_inst *self, struct qn_sink *criteria)
{
    static const uint8_t name[] = {'m', 'i', 's', 's', 'e', 'd'};
    static const uint8_t good[] = {'n', 'o', 'n', 'e'};
    static const uint8_t bad[] = {'s', 'o', 'm', 'e'};
    bool is_well = self->missed == 0;
    uint8_t bytes[64];
    uint8_t *to = qn_writer_u32(bytes, 1);

    to = qn_writer_text(to, (struct qn_span){name, sizeof name}, sizeof bytes);
    to = qn_writer_flag(to, is_well);
    to = qn_writer_text(to,
                        (struct qn_span){is_well ? good : bad, is_well ? sizeof good : sizeof bad},
                        sizeof bytes);
    return answer_bytes(self, criteria, bytes, (uint64_t)(to - bytes));
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = mine_create,
    .destroy = mine_destroy,
};

static const struct qn_service_1 slots = {
    .head = QN_SERVICE_1_HEAD,
    .deliver = mine_deliver,
    .serve = mine_serve,
    .pump = mine_pump,
    .cursor = mine_cursor,
    .health = mine_health,
};

/* The one thing that is exported: constants, so nothing of a plugin runs until it is created. */
const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MINE_MANIFEST_PRINT,
    .kind = MINE_KIND,
    .name = MINE_NAME,
    .version = MINE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
