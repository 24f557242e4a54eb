/* SPDX-License-Identifier: MIT */

/* run_inspect.c: what a file says of itself as a plugin, without running any of it. */

#include <inttypes.h>
#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/plugin/plugin.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { MEMORY = 256 << 20, PRINT_MAX = 1 << 20 };

/* An object's member that is a list of texts. */
static void texts_add(json_t *to, const char *name, const char *const *texts, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(texts[i]));
    }
    json_object_set_new(to, name, list);
}

static void extensions_add(json_t *to, const char *name,
                           const struct qnk_manifest_extension *extensions, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:i}", "id", extensions[i].id, "minor",
                                              (int)extensions[i].minor));
    }
    json_object_set_new(to, name, list);
}

static json_t *table_json(const struct qnk_manifest *it)
{
    char print[17];

    snprintf(print, sizeof print, "%016" PRIx64, it->table_print);
    return json_pack("{s:i, s:i, s:s, s:s, s:s}", "major", (int)it->table_major, "minor",
                     (int)it->table_minor, "print", print, "newest", it->newest, "release",
                     it->release);
}

static json_t *config_json(const struct qnk_manifest *it)
{
    json_t *keys = json_array();

    for (uint32_t i = 0; i < it->config.count; i++) {
        const struct qnk_config_key *key = &it->config.keys[i];

        json_array_append_new(keys,
                              json_pack("{s:s, s:i, s:i, s:s}", "name", key->name, "type",
                                        (int)key->type, "flags", (int)key->flags, "doc", key->doc));
    }
    return keys;
}

static void print_json(const struct qnk_inspection *inspection)
{
    const struct qnk_manifest *it = &inspection->manifest;
    char hash[QNK_HEX_SIZE(QN_HASH_SIZE)];
    json_t *answer;

    qnk_hex_encode(inspection->hash.bytes, QN_HASH_SIZE, hash);
    answer = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:I, s:I, s:b, s:s, s:o}", "kind", it->kind_text,
        "name", it->name, "version", it->version_text, "license", it->license, "summary",
        it->summary, "code", hash, "size", (json_int_t)inspection->size, "table", table_json(it),
        "lanes", (json_int_t)it->lanes, "memory", (json_int_t)it->memory, "fits",
        (int)inspection->fits, "verdict", inspection->verdict, "config", config_json(it));
    extensions_add(answer, "needs", it->needs, it->needs_count);
    extensions_add(answer, "wants", it->wants, it->wants_count);
    texts_add(answer, "rules", it->rules, it->rules_count);
    texts_add(answer, "libraries", inspection->needed, inspection->needed_count);
    qnk_json_print(answer);
    json_decref(answer);
}

static void print_text(const struct qnk_inspection *inspection, struct qnk_budget *budget)
{
    struct qn_sink sink;

    qnk_sink_init(&sink, budget, PRINT_MAX);
    if (qnk_inspect_print(inspection, &sink) == QN_OK) {
        fwrite(sink.data, 1, (size_t)sink.size, stdout);
    }
    qnk_sink_done(&sink);
}

/* A plugin that this kernel would refuse is shown, and is a failure all the same. */
int qnk_run_plugin_inspect(struct qnk_call *call)
{
    struct qnk_budget budget = {.limit = MEMORY};
    struct qnk_inspection inspection;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (qnk_inspect_open(call->operands[0], &budget, &inspection, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", call->operands[0], why);
        return QNK_CLI_FAILED;
    }
    if (call->json) {
        print_json(&inspection);
    } else {
        print_text(&inspection, &budget);
    }

    bool fits = inspection.fits;

    qnk_inspect_done(&inspection);
    return fits ? QNK_CLI_OK : QNK_CLI_FAILED;
}
