/* SPDX-License-Identifier: MIT */
#pragma once

/* host.h: a small host for the test of one plugin, so that its slots can be called as they are.
 *
 * It keeps what the real one promises of memory and sinks, and no more: its hash only tells things
 * apart, and it offers what the test has it offer. What every plugin of the kind must do is not
 * tested here: `qnet plugin check` does that.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <qnet/plugin.h>

enum { BLOCKS_MAX = 4096, SINK_MAX = 1 << 20 };

/* One instance's side of the host. */
struct qn_node {
    uint64_t left; /* bytes that it may still take */
    void *blocks[BLOCKS_MAX];
    uint64_t sizes[BLOCKS_MAX];
    char words[QN_PLUGIN_TEXT_MAX + 1]; /* what was said last */
};

struct qn_sink {
    uint64_t cap, size;
    uint8_t data[SINK_MAX];
};

static inline void host_log(struct qn_node *node, uint32_t level, struct qn_span text)
{
    (void)level;
    (void)snprintf(node->words, sizeof node->words, "%.*s", (int)text.size,
                   (const char *)text.data);
}

static inline void host_metric(struct qn_node *node, uint32_t id, int64_t value)
{
    (void)node;
    (void)id;
    (void)value;
}

static inline int32_t host_fail(struct qn_node *node, int32_t status, struct qn_span detail)
{
    host_log(node, 0, detail);
    return status;
}

static inline void *host_take(struct qn_node *node, uint64_t size)
{
    for (uint32_t i = 0; i < BLOCKS_MAX && size <= node->left; i++) {
        if (node->blocks[i] == NULL) {
            node->blocks[i] = calloc(1, size + 1);
            node->sizes[i] = size;
            node->left -= size;
            return node->blocks[i];
        }
    }
    return NULL;
}

static inline void host_give(struct qn_node *node, void *memory)
{
    for (uint32_t i = 0; i < BLOCKS_MAX && memory != NULL; i++) {
        if (node->blocks[i] == memory) {
            node->blocks[i] = NULL;
            node->left += node->sizes[i];
            free(memory);
            return;
        }
    }
}

static inline uint8_t *host_sink_room(struct qn_sink *sink, uint64_t size)
{
    return size <= sink->cap - sink->size ? sink->data + sink->size : NULL;
}

static inline void host_sink_commit(struct qn_sink *sink, uint64_t size)
{
    sink->size += size;
}

/* FNV-1a, four times. Not SHA-256, which the kernel's host has. */
static inline void host_hash(struct qn_span tag, const struct qn_span *parts, uint32_t parts_count,
                             uint8_t *digest)
{
    for (uint64_t lane = 0; lane < 4; lane++) {
        uint64_t state = UINT64_C(0xcbf29ce484222325) + lane;

        for (uint64_t i = 0; i < tag.size; i++) {
            state = (state ^ tag.data[i]) * UINT64_C(0x100000001b3);
        }
        for (uint32_t part = 0; part < parts_count; part++) {
            for (uint64_t i = 0; i < parts[part].size; i++) {
                state = (state ^ parts[part].data[i]) * UINT64_C(0x100000001b3);
            }
        }
        qn_le64_write(digest + 8 * lane, state);
    }
}

/* What a test offers under an extension's id, if it sets this. */
static const void *(*host_offers)(const char *id);

static inline const void *host_extension(struct qn_node *node, const char *id)
{
    (void)node;
    return host_offers != NULL ? host_offers(id) : NULL;
}

static const struct qn_host host = {
    .head = QN_HOST_HEAD,
    .log = host_log,
    .metric = host_metric,
    .fail = host_fail,
    .take = host_take,
    .give = host_give,
    .sink_room = host_sink_room,
    .sink_commit = host_sink_commit,
    .hash = host_hash,
    .extension = host_extension,
};

/* Makes an instance that may take `memory` bytes; a plugin that refuses ends the test. */
static inline struct qn_inst *host_create(struct qn_node *node, uint64_t memory,
                                          struct qn_span config)
{
    struct qn_inst *inst = NULL;

    node->left = memory;
    if (qn_plugin_v1.life->create(&host, node, config, &inst) != QN_OK) {
        printf("Bail out! create() refused: %s\n", node->words);
        exit(EXIT_FAILURE);
    }
    return inst;
}

/* Ends it, and takes back what it did not give. */
static inline void host_destroy(struct qn_node *node, struct qn_inst *inst)
{
    qn_plugin_v1.life->destroy(inst);
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        free(node->blocks[i]);
        node->blocks[i] = NULL;
    }
}

/* One line of the test's result, as prove(1) and others read it. */
static inline void is(const char *name, bool is_so)
{
    static uint32_t number;

    printf("%s %u - %s\n", is_so ? "ok" : "not ok", ++number, name);
    if (!is_so) {
        exit(EXIT_FAILURE);
    }
}
