/* SPDX-License-Identifier: MIT */

/* run_config.c: the two files, checked, shown and explained. */

#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/chain/tags.h"
#include "kernel/config/config.h"
#include "kernel/config/show.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/example.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { TEXT_CAP = 16 << 20 };

static struct qnk_config config;

/* Reads a file with its mistakes into `config`. QNK_CLI_OK: there is something to show. */
static int config_open(const char *path, bool is_node, int32_t *status)
{
    struct qnk_loader *loader = qnk_place_loader();
    const struct qnk_config_options options = {
        .budget = &qnk_client_budget,
        .plugins = loader == NULL ? NULL : qnk_loader_config(loader),
        .asks_files = is_node,
    };

    if (loader == NULL || qnk_config_init(&config, &options) != QN_OK) {
        return QNK_CLI_FAILED;
    }
    *status =
        is_node ? qnk_config_open_node(&config, path) : qnk_config_open_network(&config, path);
    return QNK_CLI_OK;
}

static void report_print(FILE *out)
{
    struct qn_sink text;

    qnk_sink_init(&text, &qnk_client_budget, TEXT_CAP);
    qnk_report_sort(&config.report);
    (void)!qnk_report_print(&config.report, &text);
    (void)fwrite(text.data, 1, text.size, out);
    qnk_sink_done(&text);
}

static json_t *finding_json(const struct qnk_finding *it)
{
    return json_pack("{s:s, s:b, s:s, s:i, s:i, s:s, s:s}", "code", qnk_finding_code_name(it->code),
                     "warning", qnk_finding_is_warning(it->code), "file",
                     it->place.source == NULL ? "" : it->place.source->name, "line",
                     (int)it->place.mark.line, "column", (int)it->place.mark.column, "text",
                     it->text, "hint", it->hint);
}

static void report_json(void)
{
    json_t *list = json_array();
    json_t *answer;

    for (uint32_t i = 0; i < config.report.count; i++) {
        json_array_append_new(list, finding_json(&config.report.findings[i]));
    }
    answer = json_pack("{s:i, s:i, s:o}", "errors", (int)config.report.errors, "warnings",
                       (int)config.report.warnings, "findings", list);
    qnk_json_print(answer);
    json_decref(answer);
}

static int check(struct qnk_call *call, bool is_node)
{
    int32_t status;
    int result = config_open(call->operands[0], is_node, &status);

    if (result != QNK_CLI_OK) {
        return result;
    }
    if (call->json) {
        report_json();
    } else {
        report_print(stdout);
        if (status == QN_OK && config.report.warnings == 0 && !call->quiet) {
            printf("%s: no mistakes\n", call->operands[0]);
        }
    }
    result = config.report.errors == 0 && status == QN_OK ? QNK_CLI_OK : QNK_CLI_FAILED;
    qnk_config_done(&config);
    return result;
}

int qnk_run_config_check(struct qnk_call *call)
{
    return check(call, true);
}

int qnk_run_network_check(struct qnk_call *call)
{
    return check(call, false);
}

int qnk_run_config_show(struct qnk_call *call)
{
    struct qn_sink text;
    int32_t status;
    int result = config_open(call->operands[0], true, &status);

    if (result != QNK_CLI_OK) {
        return result;
    }
    if (status != QN_OK) {
        report_print(stderr);
        result = QNK_CLI_FAILED;
    } else {
        qnk_sink_init(&text, &qnk_client_budget, TEXT_CAP);
        result =
            qnk_config_show(&config.node_file.part, qnk_call_flag(call, "origin"), &text) == QN_OK
                ? QNK_CLI_OK
                : QNK_CLI_FAILED;
        if (call->json) {
            json_t *answer =
                json_pack("{s:s%}", "yaml", (const char *)text.data, (size_t)text.size);

            qnk_json_print(answer);
            json_decref(answer);
        } else {
            (void)fwrite(text.data, 1, text.size, stdout);
        }
        qnk_sink_done(&text);
    }
    qnk_config_done(&config);
    return result;
}

int qnk_run_network_id(struct qnk_call *call)
{
    struct qnk_hash chain_id;
    char text[QNK_HEX_SIZE(QN_HASH_SIZE)];
    int32_t status;
    int result = config_open(call->operands[0], false, &status);

    if (result != QNK_CLI_OK) {
        return result;
    }
    if (status != QN_OK) {
        report_print(stderr);
        result = QNK_CLI_FAILED;
    } else {
        qnk_hash_tagged(QNK_TAG_NETWORK, config.network.canonical.data,
                        config.network.canonical.size, &chain_id);
        qnk_hex_encode(chain_id.bytes, QN_HASH_SIZE, text);
        if (call->json) {
            json_t *answer =
                json_pack("{s:s, s:s}", "network", config.network.name, "chain_id", text);

            qnk_json_print(answer);
            json_decref(answer);
        } else {
            printf("%s\n", text);
        }
    }
    qnk_config_done(&config);
    return result;
}

/* --- schemas --- */

static const char *type_name(const struct qnk_config_key *key)
{
    static char text[40];
    static const char *const names[] = {"",       "bool", "int",     "size", "duration", "ratio",
                                        "string", "name", "address", "path", "choice"};
    static const char *const own[] = {"amount", "time", "key", "hash", "peer", "group", "plugin"};
    uint8_t item = key->type & QNK_CONFIG_ITEM;
    const char *name = item < sizeof names / sizeof *names ? names[item]
                       : item >= QNK_CONFIG_AMOUNT && item <= QNK_CONFIG_PLUGIN
                           ? own[item - QNK_CONFIG_AMOUNT]
                           : "?";

    snprintf(text, sizeof text, "%s%s",
             (key->type & QNK_CONFIG_LIST) != 0  ? "list of "
             : (key->type & QNK_CONFIG_MAP) != 0 ? "map of "
                                                 : "",
             name);
    return text;
}

static json_t *key_json(const struct qnk_config_key *key)
{
    json_t *values = json_array();

    for (uint32_t i = 0; i < key->values_count; i++) {
        json_array_append_new(values, json_string(key->values[i]));
    }
    return json_pack("{s:s, s:s, s:b, s:b, s:b, s:o, s:s}", "key", key->name, "type",
                     type_name(key), "required", (key->flags & QNK_CONFIG_REQUIRED) != 0, "live",
                     (key->flags & QNK_CONFIG_LIVE) != 0, "secret",
                     (key->flags & QNK_CONFIG_SECRET) != 0, "values", values, "doc", key->doc);
}

static void schema_text(const struct qnk_config_schema *schema)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct qnk_config_key *key = &schema->keys[i];

        printf("%-26s %-18s %s%s%s\n", key->name, type_name(key), key->doc,
               (key->flags & QNK_CONFIG_REQUIRED) != 0 ? " (required)" : "",
               (key->flags & QNK_CONFIG_LIVE) != 0 ? " (a reload applies it)" : "");
    }
}

static void schema_show(const struct qnk_call *call, const struct qnk_config_schema *schema)
{
    if (!call->json) {
        schema_text(schema);
        return;
    }

    json_t *list = json_array();

    for (uint32_t i = 0; i < schema->count; i++) {
        json_array_append_new(list, key_json(&schema->keys[i]));
    }

    json_t *answer = json_pack("{s:s, s:o}", "title", schema->title, "keys", list);

    qnk_json_print(answer);
    json_decref(answer);
}

int qnk_run_config_schema(struct qnk_call *call)
{
    const char *slash = call->operands_count > 0 ? strchr(call->operands[0], '/') : NULL;
    char kind[QNK_CONFIG_NAME_MAX + 1], why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_loader *loader;
    struct qnk_plugin *plugin;

    if (call->operands_count == 0) {
        schema_show(call, strcmp(qnk_call_text(call, "file"), "node") == 0 ? &qnk_node_schema
                                                                           : &qnk_network_schema);
        return QNK_CLI_OK;
    }
    if (slash == NULL) {
        fprintf(stderr, "qnet: '%s' is not KIND/NAME of a plugin\n", call->operands[0]);
        return QNK_CLI_USAGE;
    }
    snprintf(kind, sizeof kind, "%.*s", (int)(slash - call->operands[0]), call->operands[0]);
    loader = qnk_place_loader();
    if (loader == NULL || qnk_loader_find(loader, kind, slash + 1, "", &plugin, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n  qnet plugin list\n", call->operands[0], why);
        return QNK_CLI_FAILED;
    }
    schema_show(call, &plugin->manifest.config);
    return QNK_CLI_OK;
}

int qnk_run_config_example(struct qnk_call *call)
{
    qnk_example_put(stdout, qnk_call_text(call, "type"), "network.yaml", "node");
    return QNK_CLI_OK;
}
