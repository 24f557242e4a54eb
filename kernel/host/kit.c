/* SPDX-License-Identifier: MIT */

#include "kernel/host/kit.h"

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/node/genesis.h"

static const char *const names[QNK_HOST_KINDS] = {
    [QNK_HOST_TRANSPORT] = "transport",     [QNK_HOST_STORAGE] = "storage",
    [QNK_HOST_COMPRESSION] = "compression", [QNK_HOST_SIGNATURE] = "signature",
    [QNK_HOST_LEDGER] = "ledger",           [QNK_HOST_PRODUCER] = "producer",
    [QNK_HOST_CONSENSUS] = "consensus",
};

const char *qnk_kit_name(enum qnk_host_kind kind)
{
    QN_ASSERT(kind < QNK_HOST_KINDS);
    return names[kind];
}

const struct qnk_config_plugin *qnk_kit_used(const struct qnk_config *config,
                                             enum qnk_host_kind kind)
{
    switch (kind) {
    case QNK_HOST_TRANSPORT:
        return config->node.transport;
    case QNK_HOST_STORAGE:
        return config->node.storage;
    case QNK_HOST_COMPRESSION:
        return config->node.compression;
    case QNK_HOST_SIGNATURE:
        return config->node.signature;
    case QNK_HOST_LEDGER:
        return config->network.ledger;
    case QNK_HOST_PRODUCER:
        return config->network.producer;
    case QNK_HOST_CONSENSUS:
        return config->node.kind == QNK_NODE_KIND_SUPER ? config->network.consensus : NULL;
    case QNK_HOST_KINDS:
        break;
    }
    return NULL;
}

int32_t qnk_kit_make(const struct qnk_host_setup *setup, struct qnk_metrics *metrics,
                     const struct qnk_instance_hooks *hooks, struct qnk_plugin *plugin,
                     struct qn_span config, struct qnk_instance **instance,
                     char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_instance_options options = {
        .log = setup->log,
        .metrics = metrics,
        .guard = setup->config->node.guard,
        .hooks = hooks == NULL ? (struct qnk_instance_hooks){0} : *hooks,
    };
    struct qnk_instance *it;
    int32_t status = qnk_instance_create(plugin, config, &options, &it, why);

    if (status != QN_OK) {
        return status;
    }
    status = qnk_instance_activate(it);
    if (status != QN_OK) {
        qnk_instance_words(it, why, QNK_PLUGIN_WHY_MAX);
        if (*why == 0) {
            qnk_text(why, QNK_PLUGIN_WHY_MAX, "it cannot start");
        }
        qnk_instance_destroy(it);
        return status;
    }
    *instance = it;
    return QN_OK;
}

int32_t qnk_kit_vouchers_read(const struct qnk_host_setup *setup, char why[QNK_HOST_WHY])
{
    const struct qnk_node_file *node = &setup->config->node;
    const char *path = node->lock_file;
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = *path == 0 ? QN_OK : qnk_loader_relock(setup->loader, path, words);

    if (status == QN_OK) {
        path = node->trust_file;
        status = *path == 0 ? QN_OK : qnk_loader_retrust(setup->loader, path, words);
    }
    if (status != QN_OK) {
        qnk_text(why, QNK_HOST_WHY, "'%.120s': %.270s", path, words);
    }
    return status;
}

void qnk_kit_retire(const struct qnk_log_part *log, struct qnk_instance *instance)
{
    if (instance != NULL && qnk_instance_life(instance) == QNK_LIFE_ACTIVE &&
        qnk_instance_freeze(instance) != QN_OK) {
        qnk_log(log, QNK_LOG_WARN, "plugin-busy",
                "a plugin that is not used any more is destroyed with what it holds");
    }
    qnk_instance_destroy(instance);
}

static int32_t refuse(char why[QNK_HOST_WHY], int32_t status, const struct qnk_config_plugin *used,
                      const char *what)
{
    qnk_text(why, QNK_HOST_WHY, "%s/%s: %s", used->kind, used->name, what);
    return status;
}

/* Finds, verifies and makes one, as the files say. */
static int32_t make(const struct qnk_host_setup *setup, enum qnk_host_kind kind,
                    const struct qnk_config_plugin *used, struct qnk_metrics *metrics,
                    const struct qnk_instance_hooks *hooks, struct qnk_instance **instance,
                    char why[QNK_HOST_WHY])
{
    const char *rule = setup->config->network.signature_rule;
    struct qnk_plugin *plugin;
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = qnk_loader_find_used(setup->loader, used, &plugin, words);

    if (status == QN_OK && kind == QNK_HOST_SIGNATURE &&
        !qnk_manifest_has_rule(&plugin->manifest, rule)) {
        qnk_text(why, QNK_HOST_WHY, "signature/%s does not know the network's rule '%s'",
                 used->name, rule);
        return QN_UNSUPPORTED;
    }
    if (status == QN_OK) {
        status = qnk_kit_make(setup, metrics, hooks, plugin, used->part.record, instance, words);
    }
    return status == QN_OK ? QN_OK : refuse(why, status, used, words);
}

int32_t qnk_kit_add(struct qnk_kit *kit, const struct qnk_host_setup *setup,
                    enum qnk_host_kind kind, const struct qnk_config_plugin *used,
                    struct qnk_metrics *metrics, const struct qnk_instance_hooks *hooks,
                    char why[QNK_HOST_WHY])
{
    return make(setup, kind, used, metrics, hooks, &kit->instances[kind], why);
}

int32_t qnk_kit_freeze(struct qnk_kit *kit)
{
    int32_t status = QN_OK;

    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        struct qnk_instance *instance = kit->instances[kind];

        if (instance != NULL && qnk_instance_life(instance) == QNK_LIFE_ACTIVE &&
            qnk_instance_freeze(instance) == QN_BUSY) {
            status = QN_BUSY;
        }
    }
    return status;
}

void qnk_kit_close(struct qnk_kit *kit)
{
    for (uint32_t kind = QNK_HOST_KINDS; kind-- > 0;) {
        if (kit->instances[kind] != NULL) {
            qnk_instance_destroy(kit->instances[kind]);
            kit->instances[kind] = NULL;
        }
    }
}

struct qnk_plugged qnk_kit_plugged(const struct qnk_kit *kit, enum qnk_host_kind kind)
{
    const struct qnk_instance *instance = kit->instances[kind];

    return instance == NULL ? (struct qnk_plugged){0} : qnk_instance_plugged(instance);
}

const struct qnk_manifest *qnk_kit_manifest(const struct qnk_kit *kit, enum qnk_host_kind kind)
{
    const struct qnk_instance *instance = kit->instances[kind];

    return instance == NULL ? NULL : &qnk_instance_plugin(instance)->manifest;
}

int32_t qnk_kit_first_set(const struct qnk_host_setup *setup, struct qnk_budget *budget,
                          struct qnk_set **set, char why[QNK_HOST_WHY])
{
    const struct qnk_config_plugin *used = qnk_kit_used(setup->config, QNK_HOST_LEDGER);
    struct qnk_instance *instance;
    int32_t status = make(setup, QNK_HOST_LEDGER, used, NULL, NULL, &instance, why);

    if (status != QN_OK) {
        return status;
    }
    status = qnk_genesis_set(qnk_instance_plugged(instance), setup->config->network.ledger_genesis,
                             budget, set);
    if (status != QN_OK) {
        (void)refuse(why, status, used, "it takes no first state from this network file");
    }
    qnk_instance_destroy(instance);
    return status;
}
