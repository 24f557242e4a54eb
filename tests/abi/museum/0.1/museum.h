/* SPDX-License-Identifier: MIT */
#pragma once

/* museum.h: what all exhibits share. A plugin of the museum was written for one released minor and
 * is compiled with its headers for ever; it does next to nothing, and must go on doing that. */

#include <qnet/plugin.h>

enum { MUSEUM_LANES = 1 };

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    uint64_t calls;
};

static int32_t museum_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config;
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    *inst = self;
    return QN_OK;
}

static void museum_destroy(struct qn_inst *self)
{
    (void)self;
}

static const struct qn_life museum_life = {
    .head = QN_LIFE_HEAD,
    .create = museum_create,
    .destroy = museum_destroy,
};

/* Appends eight bytes: how often the instance was asked. */
static inline int32_t museum_answer(struct qn_inst *self, struct qn_sink *answer)
{
    uint8_t *room = self->host->sink_room(answer, 8);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    qn_le64_write(room, ++self->calls);
    self->host->sink_commit(answer, 8);
    return QN_OK;
}

/* The descriptor of the exhibit PREFIX, whose table is `slots`. */
#define MUSEUM_PLUGIN(PREFIX)                      \
    const struct qn_plugin qn_plugin_v1 = {        \
        .head = QN_PLUGIN_HEAD,                    \
        .manifest_print = PREFIX##_MANIFEST_PRINT, \
        .kind = PREFIX##_KIND,                     \
        .name = PREFIX##_NAME,                     \
        .version = PREFIX##_VERSION,               \
        .life = &museum_life,                      \
        .slots = &slots.head,                      \
    }
