/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/inspect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/plugin/audit.h"

static int32_t manifest_take(struct qnk_inspection *it, const struct qnk_elf *elf,
                             char why[QNK_PLUGIN_WHY_MAX])
{
    struct qn_span note;
    struct qnk_arena arena;
    int32_t status = qnk_elf_note(elf, &note, why);

    if (status != QN_OK) {
        return status;
    }
    it->block_size = QNK_MANIFEST_ROOM(note.size) / 16 * 16;
    it->block = qnk_memory_take(it->budget, it->block_size);
    if (it->block == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for its manifest");
        return QN_NO_SPACE;
    }
    qnk_arena_init(&arena, it->block, it->block_size);
    return qnk_manifest_read(note, &arena, &it->manifest, why);
}

/* Whether the loader would take it, and what it asks the system for. */
static void verdict_find(struct qnk_inspection *it, struct qnk_elf *elf)
{
    bool is_readable = qnk_elf_dynamic(elf, it->verdict) == QN_OK;
    const char *name;

    if (!is_readable) {
        return;
    }
    while (it->needed_count < QNK_INSPECT_NEEDED_MAX &&
           (name = qnk_elf_needed_at(elf, it->needed_count)) != NULL) {
        it->needed[it->needed_count++] = name;
    }
    it->fits = qnk_manifest_fits(&it->manifest, it->verdict) == QN_OK &&
               qnk_audit(elf, it->manifest.kind->class, it->verdict) == QN_OK;
}

int32_t qnk_inspect_open(const char *path, struct qnk_budget *budget,
                         struct qnk_inspection *inspection, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_inspection it = {.budget = budget};
    struct qnk_elf elf;
    int32_t status = qnk_sealed_open(path, QNK_PLUGIN_FILE_MAX, false, &it.sealed, why);

    if (status != QN_OK) {
        return status;
    }
    it.size = it.sealed.bytes.size;
    qnk_hash_tagged("", it.sealed.bytes.data, it.size, &it.hash);
    status = qnk_elf_open(it.sealed.bytes, &elf, why);
    if (status == QN_OK) {
        status = manifest_take(&it, &elf, why);
    }
    if (status != QN_OK) {
        qnk_inspect_done(&it);
        return status;
    }
    verdict_find(&it, &elf);
    *inspection = it;
    return QN_OK;
}

void qnk_inspect_done(struct qnk_inspection *inspection)
{
    qnk_memory_give(inspection->budget, inspection->block, inspection->block_size);
    inspection->block = NULL;
    qnk_sealed_done(&inspection->sealed);
}

/* Appends to `out`, unless it was full before: so that its status is asked for once. */
struct printing {
    struct qn_sink *out;
    int32_t status;
};

__attribute__((format(printf, 2, 3))) static void put(struct printing *to, const char *format, ...)
{
    char text[2048];
    va_list values;

    va_start(values, format);

    int size = vsnprintf(text, sizeof text, format, values);

    va_end(values);
    if (to->status == QN_OK && size > 0) {
        to->status = qnk_sink_append(to->out, text,
                                     (size_t)size < sizeof text ? (uint64_t)size : sizeof text - 1);
    }
}

static void line_put(struct printing *to, const char *name, const char *text)
{
    if (*text != 0) {
        put(to, "%-11s %s\n", name, text);
    }
}

static void extensions_put(struct printing *to, const char *name,
                           const struct qnk_manifest_extension *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(to, "%-11s %s.%u\n", name, list[i].id, (unsigned int)list[i].minor);
    }
}

static const char *type_word(uint8_t type)
{
    static const char *const words[] = {"?",      "bool", "int",     "size", "duration", "ratio",
                                        "string", "name", "address", "path", "choice"};
    uint8_t item = type & QNK_CONFIG_ITEM;

    return words[item < sizeof words / sizeof *words ? item : 0];
}

static void config_put(struct printing *to, const struct qnk_config_schema *config)
{
    for (uint32_t i = 0; i < config->count; i++) {
        const struct qnk_config_key *key = &config->keys[i];
        const char *form = (key->type & QNK_CONFIG_LIST) != 0  ? "list of "
                           : (key->type & QNK_CONFIG_MAP) != 0 ? "map of "
                                                               : "";

        put(to, "%-11s %s: %s%s%s%s%s, %s\n", "config", key->name, form, type_word(key->type),
            (key->flags & QNK_CONFIG_REQUIRED) != 0 ? ", required" : "",
            (key->flags & QNK_CONFIG_LIVE) != 0 ? ", live" : "",
            (key->flags & QNK_CONFIG_SECRET) != 0 ? ", secret" : "", key->doc);
    }
}

/* What one kind alone has. */
static void own_put(struct printing *to, const struct qnk_manifest *it)
{
    for (uint32_t i = 0; i < it->steps_count; i++) {
        put(to, "%-11s %u %s\n", "step", (unsigned int)it->steps[i].id, it->steps[i].name);
    }
    for (uint32_t i = 0; i < it->rules_count; i++) {
        line_put(to, "rule", it->rules[i]);
    }
    for (uint32_t i = 0; i < it->queries_count; i++) {
        put(to, "%-11s %" PRIu32 " %s: %s\n", "query", it->queries[i].id, it->queries[i].name,
            it->queries[i].doc);
    }
    for (uint32_t i = 0; i < it->routes_count; i++) {
        put(to, "%-11s %s %s: %s\n", "route", it->routes[i].method, it->routes[i].path,
            it->routes[i].doc);
    }
    for (uint32_t i = 0; i < it->topics_count; i++) {
        line_put(to, "topic", it->topics[i]);
    }
}

static void metrics_put(struct printing *to, const struct qnk_manifest *it)
{
    for (uint32_t i = 0; i < it->metrics_count; i++) {
        const struct qnk_manifest_metric *metric = &it->metrics[i];

        put(to, "%-11s %s: %s%s%s, %s\n", "metric", metric->name,
            metric->type == QNK_MANIFEST_COUNTER ? "counter" : "gauge",
            *metric->unit != 0 ? " of " : "", metric->unit, metric->doc);
    }
}

/* What it was compiled for. */
static void table_put(struct printing *to, const struct qnk_manifest *it)
{
    put(to, "%-11s %s.%u, print %016" PRIx64 ", newest slot '%s', since qnetd %s\n", "table",
        it->kind_text, (unsigned int)it->table_minor, it->table_print, it->newest, it->release);
    put(to, "%-11s %u.%u, print %016" PRIx64 "\n", "host", (unsigned int)it->host_major,
        (unsigned int)it->host_minor, it->host_print);
}

int32_t qnk_inspect_print(const struct qnk_inspection *inspection, struct qn_sink *out)
{
    const struct qnk_manifest *it = &inspection->manifest;
    struct printing to = {.out = out};
    char hash[QNK_HEX_SIZE(QN_HASH_SIZE)];
    uint64_t before = out->size;

    qnk_hex_encode(inspection->hash.bytes, QN_HASH_SIZE, hash);
    put(&to, "%s %s %s (%s)\n", it->kind_text, it->name, it->version_text, it->license);
    line_put(&to, "summary", it->summary);
    line_put(&to, "publisher", it->publisher);
    put(&to, "%-11s %s, %" PRIu64 " bytes\n", "file", hash, inspection->size);
    table_put(&to, it);
    put(&to, "%-11s %" PRIu32 "\n%-11s %" PRIu64 " bytes an instance\n", "lanes", it->lanes,
        "memory", it->memory);
    extensions_put(&to, "needs", it->needs, it->needs_count);
    extensions_put(&to, "wants", it->wants, it->wants_count);
    line_put(&to, "state", it->schema);
    for (uint32_t i = 0; i < it->imports_count; i++) {
        line_put(&to, "imports", it->imports[i]);
    }
    config_put(&to, &it->config);
    own_put(&to, it);
    metrics_put(&to, it);
    for (uint32_t i = 0; i < inspection->needed_count; i++) {
        line_put(&to, "library", inspection->needed[i]);
    }
    put(&to, "%-11s %s%s\n", "verdict", inspection->fits ? "fits this kernel" : "refused: ",
        inspection->fits ? "" : inspection->verdict);
    if (to.status != QN_OK) {
        qnk_sink_cut(out, before);
    }
    return to.status;
}
