/* SPDX-License-Identifier: MIT */

#include "kernel/check/subject.h"

#include <stdio.h>
#include <string.h>

#include "kernel/check/keys.h"
#include "kernel/check/verdict.h"
#include "kernel/plugin/inspect.h"
#include "kernel/plugin/loader.h"

enum { MEMORY = 512 << 20 };

/* Of everything that is loaded here, in parent and children. */
static struct qnk_budget budget = {.limit = MEMORY};
static _Alignas(16) uint8_t config_room[QNK_KEYS_ROOM];

void qnk_subject_open(struct qnk_subject *subject)
{
    struct qnk_inspection inspection;
    char why[QNK_PLUGIN_WHY_MAX];

    if (qnk_inspect_open(subject->path, &budget, &inspection, why) != QN_OK) {
        return;
    }
    if (inspection.manifest.kind != NULL) {
        subject->class = (uint8_t)inspection.manifest.kind->class;
        subject->spawns_threads = (inspection.manifest.flags & QNK_MANIFEST_SPAWNS) != 0;
        (void)snprintf(subject->kind, sizeof subject->kind, "%s", inspection.manifest.kind_name);
        (void)snprintf(subject->name, sizeof subject->name, "%s", inspection.manifest.name);
    }
    qnk_inspect_done(&inspection);
}

bool qnk_subject_keys(const char *path, const char *keys, struct qnk_report *report)
{
    struct qnk_inspection inspection;
    char why[QNK_PLUGIN_WHY_MAX];
    static struct qnk_arena arena; /* the report's */
    struct qn_span record;
    int32_t status = QN_OK;

    qnk_arena_init(&arena, config_room, sizeof config_room);
    qnk_report_init(report, &arena);
    if (qnk_inspect_open(path, &budget, &inspection, why) != QN_OK) {
        return true;
    }
    if (inspection.manifest.kind != NULL) {
        status = qnk_keys_read(keys, &inspection.manifest.config, &arena, report, &record);
    }
    qnk_inspect_done(&inspection);
    return status == QN_OK;
}

static void numbers_take(struct qnk_subject *subject, const struct qnk_manifest *manifest)
{
    subject->memory = manifest->memory;
    subject->lanes = manifest->lanes;
    subject->steps = subject->queries_count = subject->routes_count = 0;
    for (uint32_t i = 0; i < manifest->steps_count; i++) {
        subject->steps |= manifest->steps[i].id < 32 ? UINT32_C(1) << manifest->steps[i].id : 0;
    }
    for (uint32_t i = 0; i < manifest->queries_count && i < QNK_SUBJECT_ROUTES_MAX; i++) {
        subject->queries[subject->queries_count++] = manifest->queries[i].id;
    }
    for (uint32_t i = 0; i < manifest->routes_count && i < QNK_SUBJECT_ROUTES_MAX; i++) {
        subject->routes[subject->routes_count++] = manifest->routes[i].id;
    }
}

/* What is wrong in the file of keys was told before any case was run. */
static void config_take(struct qnk_subject *subject, const struct qnk_manifest *manifest)
{
    static struct qnk_report report;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_arena arena;

    qnk_arena_init(&arena, config_room, sizeof config_room);
    if (subject->keys != NULL) {
        if (qnk_keys_read(subject->keys, &manifest->config, &arena, &report, &subject->config) !=
            QN_OK) {
            qnk_verdict_fail("the keys of '%s' cannot be used", subject->keys);
        }
    } else if (qnk_manifest_default(manifest, &arena, &subject->config, why) != QN_OK) {
        qnk_verdict_fail("%s: give it a value by --config FILE", why);
    }
}

void qnk_subject_load(struct qnk_subject *subject)
{
    char why[QNK_PLUGIN_WHY_MAX] = "";
    const struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_OFF};
    struct qnk_loader *loader;
    struct qnk_plugin *plugin;

    if (qnk_loader_create(&options, &loader, why) != QN_OK ||
        qnk_loader_find(loader, subject->kind, subject->name, subject->path, &plugin, why) !=
            QN_OK ||
        qnk_plugin_map(plugin, why) != QN_OK) {
        qnk_verdict_fail("%s", why);
    }
    config_take(subject, &plugin->manifest);
    numbers_take(subject, &plugin->manifest);
    subject->loaded = plugin;
    subject->has_state = plugin->descriptor->state != NULL;
    subject->plugin = *plugin->descriptor;
    subject->plugin.life = &plugin->life;
    subject->plugin.state = &plugin->state;
    subject->plugin.slots = plugin->table;
}
