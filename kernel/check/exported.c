/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* realpath */

#include "kernel/check/exported.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/check/verdict.h"
#include "kernel/plugin/inspect.h"
#include "kernel/plugin/table.h"

enum { MEMORY = 256 << 20, TABLE_MAX = 1024 };

static struct qnk_budget budget = {.limit = MEMORY};

static const struct qn_plugin *exported_find(const struct qnk_subject *subject,
                                             struct qnk_inspection *inspection)
{
    char path[PATH_MAX], why[QNK_PLUGIN_WHY_MAX];
    void *library = NULL;
    const struct qn_plugin *plugin = NULL;

    if (qnk_inspect_open(subject->path, &budget, inspection, why) != QN_OK) {
        qnk_verdict_skip("%s", why);
    }
    if (realpath(subject->path, path) != NULL) {
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    if (library != NULL) {
        plugin = dlsym(library, "qn_plugin_v1");
    }
    if (plugin == NULL) {
        qnk_verdict_skip("it cannot be mapped");
    }
    return plugin;
}

static void text_compare(const char *what, const char *exported, const char *manifest)
{
    if (exported == NULL || strcmp(exported, manifest) != 0) {
        qnk_verdict_fail("its constant says %s '%.64s', and its manifest '%.64s'", what,
                         exported != NULL ? exported : "(none)", manifest);
    }
}

static void head_compare(const char *what, const struct qn_head *head, uint16_t major,
                         uint16_t minor, uint64_t print)
{
    if (head->major != major || head->minor != minor) {
        qnk_verdict_fail("the head of its %s says version %u.%u, and its manifest %u.%u", what,
                         head->major, head->minor, major, minor);
    }
    if (head->print != print) {
        qnk_verdict_fail("the head of its %s has the print %016llx, and its manifest %016llx", what,
                         (unsigned long long)head->print, (unsigned long long)print);
    }
}

void qnk_exported_constant(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_inspection inspection;
    const struct qn_plugin *plugin = exported_find(subject, &inspection);
    const struct qnk_manifest *manifest = &inspection.manifest;

    (void)arg;
    if (plugin->head.size < sizeof *plugin) {
        qnk_verdict_fail("its constant says that it has %u bytes, and %zu are needed",
                         plugin->head.size, sizeof *plugin);
    }
    head_compare("constant", &plugin->head, manifest->host_major, manifest->host_minor,
                 manifest->host_print);
    if (plugin->manifest_print != manifest->print) {
        qnk_verdict_fail("its constant was made with another manifest: print %016llx, not %016llx",
                         (unsigned long long)plugin->manifest_print,
                         (unsigned long long)manifest->print);
    }
    text_compare("the kind", plugin->kind, manifest->kind_text);
    text_compare("the name", plugin->name, manifest->name);
    text_compare("the version", plugin->version, manifest->version_text);
    if (plugin->slots == NULL || plugin->life == NULL) {
        qnk_verdict_fail("its constant has no %s", plugin->life == NULL ? "life" : "slots");
    }
    head_compare("slots", plugin->slots, manifest->table_major, manifest->table_minor,
                 manifest->table_print);
}

static void table_check(const struct qnk_table *table, const struct qn_head *head, uint16_t minor)
{
    static _Alignas(16) uint8_t room[TABLE_MAX];
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (qnk_table_size(table, table->minor) > sizeof room) {
        qnk_verdict_skip("the table of %s is larger than is looked at", table->name);
    }
    if (qnk_table_fill(table, head, minor, room, why) != QN_OK) {
        qnk_verdict_fail("%s", why);
    }
}

void qnk_exported_slots(struct qnk_subject *subject, uint32_t arg)
{
    struct qnk_inspection inspection;
    const struct qn_plugin *plugin = exported_find(subject, &inspection);
    const struct qnk_manifest *manifest = &inspection.manifest;

    (void)arg;
    table_check(&qnk_table_life, plugin->life != NULL ? &plugin->life->head : NULL,
                manifest->host_minor);
    if (plugin->state != NULL) {
        table_check(&qnk_table_state, &plugin->state->head, manifest->host_minor);
    }
    table_check(&manifest->kind->table, plugin->slots, manifest->table_minor);
}
