/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <qnet/assert.h>

#include "kernel/base/buf.h"
#include "kernel/base/hash.h"
#include "kernel/base/sink.h"
#include "kernel/plugin/guard.h"
#include "kernel/plugin/loader_own.h"

/* One block that was taken, before its bytes, which are aligned to 64 as it is. */
struct qnk_host_block {
    struct qnk_host_block *next;
    struct qnk_host_block *before;
    uint64_t size; /* that was asked for */
    uint64_t mark; /* its own address, so that what was not taken is not given back */
    uint8_t pad[32];
};

_Static_assert(sizeof(struct qnk_host_block) == 64, "bytes behind it stay aligned");

static uint64_t bufs_used(const struct qn_node *node)
{
    return atomic_load_explicit(&node->bufs.used, memory_order_relaxed);
}

/* Whether `size` more bytes keep the manifest's promise. Under the lock, but for bufs that come and
 * go meanwhile, which can only make room. */
static bool fits(const struct qn_node *node, uint64_t size)
{
    uint64_t memory = node->plugin->manifest.memory;
    uint64_t used = node->taken + bufs_used(node);

    return used <= memory && size <= memory - used;
}

static void *host_take(struct qn_node *node, uint64_t size)
{
    struct qnk_host_block *block = NULL;

    (void)pthread_mutex_lock(&node->lock);
    if (size <= SIZE_MAX / 2 && fits(node, size)) {
        block = qnk_memory_take(node->heap, sizeof *block + size);
    }
    if (block != NULL) {
        block->size = size;
        block->mark = (uintptr_t)block;
        block->next = node->blocks;
        if (block->next != NULL) {
            block->next->before = block;
        }
        node->blocks = block;
        node->taken += size;
    }
    (void)pthread_mutex_unlock(&node->lock);
    return block != NULL ? block + 1 : NULL;
}

static void block_give(struct qn_node *node, struct qnk_host_block *block)
{
    if (block->before != NULL) {
        block->before->next = block->next;
    } else {
        node->blocks = block->next;
    }
    if (block->next != NULL) {
        block->next->before = block->before;
    }
    node->taken -= block->size;
    block->mark = 0;
    qnk_memory_give(node->heap, block, sizeof *block + block->size);
}

static void host_give(struct qn_node *node, void *memory)
{
    if (memory == NULL) {
        return;
    }

    struct qnk_host_block *block = (struct qnk_host_block *)memory - 1;

    QN_ASSERT(block->mark == (uintptr_t)block);
    (void)pthread_mutex_lock(&node->lock);
    block_give(node, block);
    (void)pthread_mutex_unlock(&node->lock);
}

static struct qn_buf *host_buf_new(struct qn_node *node, uint64_t size, uint8_t **data)
{
    struct qn_buf *buf = NULL;

    (void)pthread_mutex_lock(&node->lock);
    if (fits(node, size)) {
        buf = qnk_buf_new(&node->bufs, size);
    }
    (void)pthread_mutex_unlock(&node->lock);
    if (buf != NULL) {
        *data = buf->data;
    }
    return buf;
}

static void host_buf_ref(struct qn_buf *buf)
{
    (void)qnk_buf_ref(buf);
}

static void host_log(struct qn_node *node, uint32_t level, struct qn_span text)
{
    int size = (int)(text.size < QN_PLUGIN_TEXT_MAX ? text.size : QN_PLUGIN_TEXT_MAX);
    enum qnk_log_level at = level < QNK_LOG_LEVEL_COUNT ? (enum qnk_log_level)level : QNK_LOG_WARN;

    if (size > 0 && qnk_log_is_on(&node->part, at)) {
        qnk_log_write(&node->site, &node->part, at, "plugin", "%.*s", size,
                      (const char *)text.data);
    }
}

static void host_metric(struct qn_node *node, uint32_t id, int64_t value)
{
    const struct qnk_manifest *manifest = &node->plugin->manifest;
    uint32_t at = 0;

    while (at < manifest->metrics_count && manifest->metrics[at].id != id) {
        at++;
    }
    if (at == manifest->metrics_count) {
        qnk_host_fault(node, QNK_GUARDED_METRIC, "metric",
                       "a metric that its manifest does not declare");
        return;
    }
    if (node->metrics == NULL) {
        return;
    }
    if (manifest->metrics[at].type == QNK_MANIFEST_GAUGE) {
        qnk_metrics_set(node->metrics, node->metric_ids[at], 0, value);
    } else if (value >= 0) {
        qnk_metrics_count(node->metrics, node->metric_ids[at], 0, (uint64_t)value);
    } else {
        qnk_host_fault(node, QNK_GUARDED_COUNTER, "metric", "a counter cannot fall");
    }
}

static int32_t host_fail(struct qn_node *node, int32_t status, struct qn_span detail)
{
    size_t size = detail.size < QN_PLUGIN_TEXT_MAX ? (size_t)detail.size : QN_PLUGIN_TEXT_MAX;

    (void)pthread_mutex_lock(&node->lock);
    if (size > 0) {
        memcpy(node->words, detail.data, size);
    }
    for (size_t i = 0; i < size; i++) { /* one line of a log or a terminal */
        if (detail.data[i] < ' ' || detail.data[i] == 0x7F) {
            node->words[i] = '?';
        }
    }
    node->words[size] = 0;
    (void)pthread_mutex_unlock(&node->lock);
    return status;
}

static void host_hash(struct qn_span tag, const struct qn_span *parts, uint32_t parts_count,
                      uint8_t *digest)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, tag.data, tag.size);
    for (uint32_t i = 0; i < parts_count; i++) {
        qnk_sha256_add(&sha, parts[i].data, parts[i].size);
    }
    qnk_sha256_done(&sha, digest);
}

static int32_t watch_watch(struct qn_node *node, int32_t fd, uint32_t interest)
{
    return node->hooks.watch(node->hooks.ctx, fd, interest);
}

static void watch_wake(struct qn_node *node)
{
    node->hooks.wake(node->hooks.ctx);
}

static void watch_timer(struct qn_node *node, uint64_t delay_us)
{
    node->hooks.timer(node->hooks.ctx, delay_us);
}

static const struct qn_watch_1 watch = {
    .head = QN_WATCH_1_HEAD,
    .watch = watch_watch,
    .wake = watch_wake,
    .timer = watch_timer,
};

/* Made when it is asked for, so that a plugin which keeps nothing leaves no empty folder. */
static const char *files_folder(struct qn_node *node)
{
    struct stat info;

    (void)mkdir(node->folder, 0700); /* that it exists is seen below */
    if (stat(node->folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return NULL;
    }
    return node->folder;
}

static const struct qn_files_1 files = {.head = QN_FILES_1_HEAD, .folder = files_folder};

static void *shared_join(struct qn_node *node, struct qn_span name, uint64_t size)
{
    void *memory = NULL;

    (void)pthread_mutex_lock(&node->lock);
    if (node->joined_count < QNK_NODE_JOINS_MAX) {
        memory = qnk_shared_join(node->hooks.shared, node->name, name, size);
    }
    if (memory != NULL) {
        node->joined[node->joined_count++] = memory;
    }
    (void)pthread_mutex_unlock(&node->lock);
    return memory;
}

/* What it never joined it cannot leave. */
static void shared_leave(struct qn_node *node, void *memory)
{
    uint32_t at = 0;

    (void)pthread_mutex_lock(&node->lock);
    while (at < node->joined_count && node->joined[at] != memory) {
        at++;
    }
    if (at < node->joined_count) {
        node->joined[at] = node->joined[--node->joined_count];
        qnk_shared_leave(node->hooks.shared, memory);
    }
    (void)pthread_mutex_unlock(&node->lock);
}

static const struct qn_shared_1 shared = {
    .head = QN_SHARED_1_HEAD,
    .join = shared_join,
    .leave = shared_leave,
};

/* What the hooks offer under an id, whoever asks. */
static const void *offered(const struct qn_node *node, const char *id)
{
    if (node->plugin->kind->class != QNK_CLASS_EDGE) {
        return NULL;
    }
    if (strcmp(id, "qnet.watch/1") == 0) {
        return node->hooks.watch != NULL ? &watch : NULL;
    }
    if (strcmp(id, "qnet.files/1") == 0) {
        return node->folder[0] != 0 ? &files : NULL;
    }
    if (strcmp(id, "qnet.shared/1") == 0) {
        return node->hooks.shared != NULL ? &shared : NULL;
    }
    return NULL;
}

static const void *host_extension(struct qn_node *node, const char *id)
{
    bool is_named = qnk_manifest_extension_find(&node->plugin->manifest, id) != NULL;

    return is_named ? offered(node, id) : NULL;
}

const struct qn_host qnk_host = {
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

static int32_t metrics_add(struct qn_node *node, struct qnk_metrics *metrics)
{
    const struct qnk_loaded *loaded = (const struct qnk_loaded *)node->plugin;
    uint32_t count = node->plugin->manifest.metrics_count;

    if (count == 0 || metrics == NULL) {
        return QN_OK;
    }
    node->metric_ids = qnk_memory_take(node->heap, count * sizeof *node->metric_ids);
    if (node->metric_ids == NULL) {
        return QN_NO_SPACE;
    }
    node->metrics = metrics;
    for (uint32_t i = 0; i < count; i++) {
        int32_t status = qnk_metrics_find(metrics, loaded->metrics[i].name, &node->metric_ids[i]);

        if (status == QN_NOT_FOUND) {
            status = qnk_metrics_add(metrics, &loaded->metrics[i], &node->metric_ids[i]);
        }
        if (status != QN_OK) {
            return status;
        }
    }
    return QN_OK;
}

static int32_t needs_check(const struct qn_node *node, char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &node->plugin->manifest;

    for (uint32_t i = 0; i < manifest->needs_count; i++) {
        if (offered(node, manifest->needs[i].id) == NULL) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                           "'%s' needs the extension %s, which is not offered here", manifest->name,
                           manifest->needs[i].id);
            return QN_UNSUPPORTED;
        }
    }
    return QN_OK;
}

int32_t qnk_host_init(struct qn_node *node, struct qnk_plugin *plugin,
                      const struct qnk_instance_options *options, char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &plugin->manifest;

    node->plugin = plugin;
    node->heap = plugin->loader->budget;
    node->bufs.limit = SIZE_MAX; /* fits() bounds them */
    node->hooks = options->hooks;
    node->part.name = node->name;
    (void)snprintf(node->name, sizeof node->name, "%s/%s", manifest->kind_name, manifest->name);
    if (options->hooks.folder != NULL) {
        (void)snprintf(node->folder, sizeof node->folder, "%s", options->hooks.folder);
    }
    (void)pthread_mutex_init(&node->lock, NULL);

    int32_t status = needs_check(node, why);

    if (status == QN_OK && options->log != NULL) {
        status = qnk_log_add(options->log, &node->part);
        if (status != QN_OK) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "the log has no room for '%s'", node->name);
        }
    }

    if (status == QN_OK) {
        status = metrics_add(node, options->metrics);
        if (status != QN_OK) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no room for the metrics of '%s'",
                           manifest->name);
        }
    }
    if (status != QN_OK) {
        qnk_host_done(node);
    }
    return status;
}

void qnk_host_done(struct qn_node *node)
{
    while (node->blocks != NULL) {
        block_give(node, node->blocks);
    }
    while (node->joined_count > 0) {
        qnk_shared_leave(node->hooks.shared, node->joined[--node->joined_count]);
    }
    qnk_memory_give(node->heap, node->metric_ids,
                    node->plugin->manifest.metrics_count * sizeof *node->metric_ids);
    node->metric_ids = NULL;
    qnk_log_remove(&node->part);
    (void)pthread_mutex_destroy(&node->lock);
}

bool qnk_host_lingers(const struct qn_node *node)
{
    return bufs_used(node) > 0;
}

void qnk_host_fault(struct qn_node *node, uint32_t rule, const char *slot, const char *words)
{
    node->fault_rule = rule;
    node->fault_slot = slot;
    (void)atomic_fetch_add_explicit(&node->faults, 1, memory_order_relaxed);
    if (qnk_log_is_on(&node->part, QNK_LOG_ERROR)) {
        qnk_log_write(&node->site, &node->part, QNK_LOG_ERROR, "plugin-error",
                      "%s(): %s | rule=QN-GRD-%03u", slot, words, rule);
    }
}
