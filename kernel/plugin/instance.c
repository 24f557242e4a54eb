/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/instance_own.h"

#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/plugin/loader_own.h"

static enum qnk_life life_of(const struct qnk_instance *instance)
{
    return (enum qnk_life)atomic_load_explicit(&instance->life, memory_order_acquire);
}

static void life_set(struct qnk_instance *instance, enum qnk_life life)
{
    atomic_store_explicit(&instance->life, (uint32_t)life, memory_order_release);
}

static bool is_lingering(const struct qnk_loader *loader, const struct qnk_instance *instance)
{
    const struct qnk_instance *at = loader->lingering;

    while (at != NULL && at != instance) {
        at = at->next;
    }
    return at != NULL;
}

void qnk_loader_reap(struct qnk_loader *loader)
{
    (void)pthread_mutex_lock(&loader->lock);

    struct qnk_instance **at = &loader->lingering;

    while (*at != NULL) {
        struct qnk_instance *instance = *at;

        if (qnk_host_lingers(&instance->node)) {
            at = &instance->next;
            continue;
        }
        *at = instance->next;
        qnk_memory_give(loader->budget, instance, sizeof *instance);
    }
    (void)pthread_mutex_unlock(&loader->lock);
}

/* Frees an instance whose host side is done; what bufs need stays until they are gone. */
static void instance_free(struct qnk_loader *loader, struct qnk_instance *instance)
{
    QN_ASSERT(!is_lingering(loader, instance));
    (void)pthread_mutex_lock(&loader->lock);
    instance->next = loader->lingering;
    loader->lingering = instance;
    (void)pthread_mutex_unlock(&loader->lock);
    qnk_loader_reap(loader);
}

/* The plugin's answer as one of the closed set; anything else is a bug of it. */
static int32_t answer_check(struct qnk_instance *instance, const char *slot, int32_t status)
{
    if (status < 0 || status >= QN_STATUS_COUNT) {
        qnk_host_fault(&instance->node, QNK_GUARDED_STATUS, slot, "a status that there is not");
        status = QN_BUG;
    }
    if (status == QN_BUG || status == QN_FATAL) {
        life_set(instance, QNK_LIFE_FAILED);
    }
    return status;
}

static void words_add(const struct qnk_instance *instance, int32_t status,
                      char why[QNK_PLUGIN_WHY_MAX])
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "'%s' cannot be created (status %d)%s%.400s",
                   instance->plugin->manifest.name, (int)status,
                   instance->node.words[0] != 0 ? ": " : "", instance->node.words);
}

static int32_t plugin_create(struct qnk_instance *instance, struct qn_span config,
                             const struct qnk_instance_options *options,
                             char why[QNK_PLUGIN_WHY_MAX])
{
    int32_t status =
        instance->plugin->life.create(&qnk_host, &instance->node, config, &instance->inst);

    status = answer_check(instance, "create", status);
    if (status == QN_OK && instance->inst == NULL) {
        qnk_host_fault(&instance->node, QNK_GUARDED_NO_INST, "create", "OK, and no instance");
        status = QN_BUG;
    }
    if (status != QN_OK) {
        words_add(instance, status, why);
        return status;
    }
    if (options->guard != QNK_GUARD_OFF) {
        instance->guard = qnk_guarded_create(instance, options->guard);
        if (instance->guard == NULL) {
            instance->plugin->life.destroy(instance->inst);
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for the guard of '%s'",
                           instance->plugin->manifest.name);
            return QN_NO_SPACE;
        }
    }
    return QN_OK;
}

/* Said whenever one comes into use. Who turned the question off knows. */
static void taint_say(struct qnk_instance *instance)
{
    const struct qnk_plugin *plugin = instance->plugin;
    struct qn_node *node = &instance->node;
    enum qnk_log_level level =
        plugin->loader->trust == QNK_TRUST_OFF ? QNK_LOG_DEBUG : QNK_LOG_WARN;

    if (*plugin->taint != 0 && qnk_log_is_on(&node->part, level)) {
        qnk_log_write(&node->site, &node->part, level, "tainted", "this plugin taints the node: %s",
                      plugin->taint);
    }
}

int32_t qnk_instance_create(struct qnk_plugin *plugin, struct qn_span config,
                            const struct qnk_instance_options *options,
                            struct qnk_instance **instance, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_loader *loader = plugin->loader;
    int32_t status = qnk_plugin_map(plugin, why);

    if (status != QN_OK) {
        return status;
    }

    struct qnk_instance *it = qnk_memory_take(loader->budget, sizeof *it);

    if (it == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for '%s'", plugin->manifest.name);
        return QN_NO_SPACE;
    }
    it->plugin = plugin;
    status = qnk_host_init(&it->node, plugin, options, why);
    if (status != QN_OK) {
        qnk_memory_give(loader->budget, it, sizeof *it);
        return status;
    }
    life_set(it, QNK_LIFE_CREATED);
    status = plugin_create(it, config, options, why);
    if (status != QN_OK) {
        qnk_host_done(&it->node);
        instance_free(loader, it);
        return status;
    }
    taint_say(it);
    *instance = it;
    return QN_OK;
}

void qnk_instance_destroy(struct qnk_instance *instance)
{
    if (instance == NULL) {
        return;
    }
    instance->plugin->life.destroy(instance->inst);
    qnk_guarded_destroy(instance->guard);
    qnk_host_done(&instance->node);
    instance_free(instance->plugin->loader, instance);
}

/* Moves from one state to another by a slot that was asked already. */
static int32_t move(struct qnk_instance *instance, const char *slot, int32_t status,
                    enum qnk_life to)
{
    status = answer_check(instance, slot, status);
    if (status == QN_OK) {
        life_set(instance, to);
    }
    return status;
}

int32_t qnk_instance_activate(struct qnk_instance *instance)
{
    if (life_of(instance) != QNK_LIFE_CREATED) {
        return QN_BUG;
    }
    return move(instance, "activate", instance->plugin->life.activate(instance->inst),
                QNK_LIFE_ACTIVE);
}

int32_t qnk_instance_freeze(struct qnk_instance *instance)
{
    if (life_of(instance) != QNK_LIFE_ACTIVE) {
        return QN_BUG;
    }
    return move(instance, "freeze", instance->plugin->life.freeze(instance->inst), QNK_LIFE_FROZEN);
}

int32_t qnk_instance_thaw(struct qnk_instance *instance)
{
    if (life_of(instance) != QNK_LIFE_FROZEN) {
        return QN_BUG;
    }
    return move(instance, "thaw", instance->plugin->life.thaw(instance->inst), QNK_LIFE_ACTIVE);
}

int32_t qnk_instance_reconfigure(struct qnk_instance *instance, struct qn_span config,
                                 uint32_t step)
{
    if (life_of(instance) != QNK_LIFE_ACTIVE) {
        return QN_BUG;
    }
    return answer_check(instance, "reconfigure",
                        instance->plugin->life.reconfigure(instance->inst, config, step));
}

int32_t qnk_instance_export(struct qnk_instance *instance, uint32_t part, uint32_t chunk,
                            struct qn_sink *content)
{
    uint64_t before = content->size;

    if (life_of(instance) != QNK_LIFE_FROZEN) {
        return QN_BUG;
    }

    int32_t status =
        answer_check(instance, "export_part",
                     instance->plugin->state.export_part(instance->inst, part, chunk, content));

    if (status != QN_OK) {
        qnk_sink_cut(content, before);
    }
    return status;
}

int32_t qnk_instance_import(struct qnk_instance *instance, uint32_t part, uint32_t chunk,
                            struct qn_span content, uint32_t last)
{
    if (life_of(instance) != QNK_LIFE_CREATED) {
        return QN_BUG;
    }
    return answer_check(
        instance, "import_part",
        instance->plugin->state.import_part(instance->inst, part, chunk, content, last));
}

int32_t qnk_instance_hash(struct qnk_instance *instance, uint32_t part, struct qnk_hash *digest)
{
    struct qnk_hash it;

    if (life_of(instance) != QNK_LIFE_FROZEN && life_of(instance) != QNK_LIFE_CREATED) {
        return QN_BUG;
    }

    int32_t status = answer_check(
        instance, "hash_part", instance->plugin->state.hash_part(instance->inst, part, it.bytes));

    if (status == QN_OK) {
        *digest = it;
    }
    return status;
}

const void *qnk_instance_extension(struct qnk_instance *instance, const char *id)
{
    return life_of(instance) != QNK_LIFE_FAILED
               ? instance->plugin->life.extension(instance->inst, id)
               : NULL;
}

struct qnk_plugged qnk_instance_plugged(const struct qnk_instance *instance)
{
    if (instance->guard != NULL) {
        return (struct qnk_plugged){instance->plugin->kind->guarded, (void *)instance->guard};
    }
    return (struct qnk_plugged){instance->plugin->table, instance->inst};
}

const struct qnk_plugin *qnk_instance_plugin(const struct qnk_instance *instance)
{
    return instance->plugin;
}

enum qnk_life qnk_instance_life(const struct qnk_instance *instance)
{
    return life_of(instance);
}

void qnk_instance_words(struct qnk_instance *instance, char *text, size_t size)
{
    struct qn_node *node = &instance->node;

    (void)pthread_mutex_lock(&node->lock);
    (void)snprintf(text, size, "%s", node->words);
    (void)pthread_mutex_unlock(&node->lock);
}

uint64_t qnk_instance_memory(struct qnk_instance *instance)
{
    struct qn_node *node = &instance->node;

    (void)pthread_mutex_lock(&node->lock);

    uint64_t taken = node->taken;

    (void)pthread_mutex_unlock(&node->lock);
    return taken + atomic_load_explicit(&node->bufs.used, memory_order_relaxed);
}

uint64_t qnk_instance_faults(const struct qnk_instance *instance)
{
    return atomic_load_explicit(&instance->node.faults, memory_order_relaxed);
}
