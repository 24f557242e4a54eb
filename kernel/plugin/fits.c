/* SPDX-License-Identifier: MIT */

/* fits.c: whether this kernel can run a plugin, told from its manifest, in words that say what is
 * wanted and what there is. Source: abi.md 4. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/plugin/manifest.h"

#define THIS "this is qnetd " PACKAGE_VERSION

/* The extensions that this kernel knows; all are of edge plugins, and of minor 0. */
static const char *const extensions[] = {"qnet.files/1", "qnet.shared/1", "qnet.watch/1"};

static int32_t kind_fits(const struct qnk_manifest *it, char why[QNK_PLUGIN_WHY_MAX])
{
    if (it->kind == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "'%s' is of the kind %s; " THIS ", which has no such kind", it->name,
                       it->kind_text);
        return QN_UNSUPPORTED;
    }
    if (it->table_major != it->kind->table.major) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "'%s' needs %s; " THIS " with %s/%u", it->name,
                       it->kind_text, it->kind_name, (unsigned int)it->kind->table.major);
        return QN_UNSUPPORTED;
    }
    return QN_OK;
}

/* One table's minor and print, against ours. `newest` and `release` say what a minor brought. */
static int32_t table_fits(const struct qnk_manifest *it, const struct qnk_table *table,
                          uint16_t minor, uint64_t print, char why[QNK_PLUGIN_WHY_MAX])
{
    bool is_host = table == &qnk_table_host;

    if (minor > table->minor && is_host) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "'%s' needs host/%u.%u; " THIS " with host/%u.%u",
                       it->name, (unsigned int)table->major, (unsigned int)minor,
                       (unsigned int)table->major, (unsigned int)table->minor);
        return QN_UNSUPPORTED;
    }
    if (minor > table->minor) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "'%s' needs %s/%u.%u (slot '%s', since qnetd %s); " THIS " with %s/%u.%u",
                       it->name, table->name, (unsigned int)table->major, (unsigned int)minor,
                       it->newest, it->release, table->name, (unsigned int)table->major,
                       (unsigned int)table->minor);
        return QN_UNSUPPORTED;
    }
    if (print != table->minors[minor].print) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "'%s' was compiled with another header: its %s/%u.%u has the print "
                       "%016" PRIx64 ", that of qnetd " PACKAGE_VERSION " has %016" PRIx64,
                       it->name, table->name, (unsigned int)table->major, (unsigned int)minor,
                       print, table->minors[minor].print);
        return QN_UNSUPPORTED;
    }
    return QN_OK;
}

static int32_t needs_fit(const struct qnk_manifest *it, char why[QNK_PLUGIN_WHY_MAX])
{
    for (uint32_t i = 0; i < it->needs_count; i++) {
        const struct qnk_manifest_extension *need = &it->needs[i];
        bool is_known = false;

        for (size_t j = 0; j < sizeof extensions / sizeof *extensions; j++) {
            is_known = is_known || strcmp(extensions[j], need->id) == 0;
        }
        if (!is_known || need->minor > 0) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                           "'%s' needs the extension %s.%u; " THIS " with %s", it->name, need->id,
                           (unsigned int)need->minor, is_known ? "its minor 0" : "no such one");
            return QN_UNSUPPORTED;
        }
        if (it->kind->class != QNK_CLASS_EDGE) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                           "'%s' needs the extension %s, which is for edge kinds, and %s is %s",
                           it->name, need->id, it->kind_name, qnk_class_word(it->kind->class));
            return QN_UNSUPPORTED;
        }
    }
    return QN_OK;
}

static int32_t flags_fit(const struct qnk_manifest *it, char why[QNK_PLUGIN_WHY_MAX])
{
    if ((it->flags & QNK_MANIFEST_PROCESS_ONLY) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "'%s' wants a process of its own; " THIS ", which gives none", it->name);
        return QN_UNSUPPORTED;
    }
    if ((it->flags & QNK_MANIFEST_SPAWNS) != 0 && it->kind->class != QNK_CLASS_EDGE) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "'%s' spawns threads, which only edge kinds may, and %s is %s", it->name,
                       it->kind_name, qnk_class_word(it->kind->class));
        return QN_UNSUPPORTED;
    }
    return QN_OK;
}

int32_t qnk_manifest_fits(const struct qnk_manifest *manifest, char why[QNK_PLUGIN_WHY_MAX])
{
    int32_t status = kind_fits(manifest, why);

    if (status == QN_OK && manifest->host_major != qnk_table_host.major) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "'%s' needs host/%u; " THIS " with host/%u",
                       manifest->name, (unsigned int)manifest->host_major,
                       (unsigned int)qnk_table_host.major);
        return QN_UNSUPPORTED;
    }
    if (status == QN_OK) {
        status = table_fits(manifest, &manifest->kind->table, manifest->table_minor,
                            manifest->table_print, why);
    }
    if (status == QN_OK) {
        status =
            table_fits(manifest, &qnk_table_host, manifest->host_minor, manifest->host_print, why);
    }
    if (status == QN_OK) {
        status = needs_fit(manifest, why);
    }
    if (status == QN_OK) {
        status = flags_fit(manifest, why);
    }
    return status;
}
