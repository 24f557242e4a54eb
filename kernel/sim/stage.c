/* SPDX-License-Identifier: MIT */

#include "kernel/sim/stage.h"

#include <dlfcn.h>
#include <stdio.h>

#include <qnet/assert.h>
#include <qnet/plugin.h>

#include "kernel/base/buf.h"
#include "kernel/base/hash.h"
#include "kernel/base/sink.h"

enum { PATH_SIZE = 1024, HEADER = 64 };

/* Stands before each block that an instance took. */
struct block {
    struct block *next, *last;
    uint64_t size; /* with this */
};
_Static_assert(sizeof(struct block) <= HEADER, "what follows is aligned as the block is");

struct qn_node {
    struct qnk_budget *budget;
    struct block *blocks;
};

struct qnk_player {
    struct qn_node node;
    const struct qn_plugin *plugin;
    struct qn_inst *inst;
};

/* --- the host --- */

static void host_log(struct qn_node *node, uint32_t level, struct qn_span text)
{
    (void)node;
    if (level <= 1) {
        fprintf(stderr, "# plugin: %.*s\n", (int)text.size, (const char *)text.data);
    }
}

static void host_metric(struct qn_node *node, uint32_t id, int64_t value)
{
    (void)node;
    (void)id;
    (void)value;
}

static int32_t host_fail(struct qn_node *node, int32_t status, struct qn_span detail)
{
    host_log(node, 0, detail);
    return status;
}

static void *host_take(struct qn_node *node, uint64_t size)
{
    struct block *block = qnk_memory_take(node->budget, HEADER + size);

    if (block == NULL) {
        return NULL;
    }
    block->size = HEADER + size;
    block->next = node->blocks;
    if (block->next != NULL) {
        block->next->last = block;
    }
    node->blocks = block;
    return (uint8_t *)block + HEADER;
}

static void host_give(struct qn_node *node, void *memory)
{
    struct block *block;

    if (memory == NULL) {
        return;
    }
    block = (void *)((uint8_t *)memory - HEADER);
    if (block->next != NULL) {
        block->next->last = block->last;
    }
    if (block->last != NULL) {
        block->last->next = block->next;
    } else {
        node->blocks = block->next;
    }
    qnk_memory_give(node->budget, block, block->size);
}

static struct qn_buf *host_buf_new(struct qn_node *node, uint64_t size, uint8_t **data)
{
    struct qn_buf *buf = qnk_buf_new(node->budget, size);

    if (buf != NULL) {
        *data = buf->data;
    }
    return buf;
}

static void host_buf_ref(struct qn_buf *buf)
{
    (void)qnk_buf_ref(buf);
}

static void host_hash(struct qn_span tag, const struct qn_span *parts, uint32_t count,
                      uint8_t *digest)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, tag.data, tag.size);
    for (uint32_t i = 0; i < count; i++) {
        qnk_sha256_add(&sha, parts[i].data, parts[i].size);
    }
    qnk_sha256_done(&sha, digest);
}

static const void *host_extension(struct qn_node *node, const char *id)
{
    (void)node;
    (void)id;
    return NULL;
}

static const struct qn_host host = {
    .head = QN_HOST_HEAD,
    .log = host_log,
    .metric = host_metric,
    .fail = host_fail,
    .take = host_take,
    .give = host_give,
    .buf_new = host_buf_new,
    .buf_ref = host_buf_ref,
    .buf_unref = qnk_buf_unref,
    .sink_room = qnk_sink_room,
    .sink_commit = qnk_sink_commit,
    .hash = host_hash,
    .extension = host_extension,
};

/* --- plugins and players --- */

const struct qn_plugin *qnk_stage_map(const char *root, const char *kind, const char *name)
{
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof path, "%s/plugins/%s/%s/.libs/%s.so", root, kind, name, name);
    void *library = NULL;
    const struct qn_plugin *plugin = NULL;

    if (size > 0 && size < PATH_SIZE) {
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    if (library != NULL) {
        plugin = dlsym(library, "qn_plugin_v1");
    }
    if (plugin == NULL) {
        fprintf(stderr, "# %s\n", dlerror());
    }
    return plugin;
}

static void blocks_give(struct qn_node *node)
{
    while (node->blocks != NULL) {
        host_give(node, (uint8_t *)node->blocks + HEADER);
    }
}

struct qnk_player *qnk_player_make(struct qnk_budget *budget, const struct qn_plugin *plugin,
                                   struct qn_span config)
{
    struct qnk_player *player = qnk_memory_take(budget, sizeof *player);
    int32_t status;

    if (player == NULL) {
        return NULL;
    }
    player->node.budget = budget;
    player->plugin = plugin;
    status = plugin->life->create(&host, &player->node, config, &player->inst);
    if (status == QN_OK && plugin->life->activate != NULL) {
        status = plugin->life->activate(player->inst);
    }
    if (status != QN_OK) {
        fprintf(stderr, "# %s: status %d\n", plugin->name, status);
        blocks_give(&player->node);
        qnk_memory_give(budget, player, sizeof *player);
        return NULL;
    }
    return player;
}

void qnk_player_give(struct qnk_player *player)
{
    if (player == NULL) {
        return;
    }
    if (player->plugin->life->destroy != NULL) {
        player->plugin->life->destroy(player->inst);
    }
    blocks_give(&player->node);
    qnk_memory_give(player->node.budget, player, sizeof *player);
}

struct qnk_plugged qnk_player_plugged(const struct qnk_player *player)
{
    return (struct qnk_plugged){.table = player->plugin->slots, .inst = player->inst};
}
