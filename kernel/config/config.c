/* SPDX-License-Identifier: MIT */

#include "kernel/config/config.h"

#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/config/file.h"
#include "kernel/config/value.h"

int32_t qnk_config_init(struct qnk_config *config, const struct qnk_config_options *options)
{
    memset(config, 0, sizeof *config);
    config->options = *options;
    config->block = qnk_memory_take(options->budget, QNK_CONFIG_MEMORY);
    if (config->block == NULL) {
        return QN_NO_SPACE;
    }
    qnk_arena_init(&config->arena, config->block, QNK_CONFIG_MEMORY);
    qnk_report_init(&config->report, &config->arena);
    return QN_OK;
}

void qnk_config_done(struct qnk_config *config)
{
    qnk_memory_give(config->options.budget, config->block, QNK_CONFIG_MEMORY);
    config->block = NULL;
}

/* The words for a file that cannot be read. */
static const char *reason_of(int32_t status)
{
    switch (status) {
    case QN_NOT_FOUND:
        return "no such file";
    case QN_DENIED:
        return "permission denied";
    case QN_INVALID:
        return "not a file";
    case QN_NO_SPACE:
        return "larger than 1 MiB";
    default:
        return "it cannot be read";
    }
}

/* Reads a file's bytes. A file that cannot be read is a finding, at `place`, or about the file
 * itself. */
static int32_t bytes_read(struct qnk_config *config, const char *path,
                          struct qnk_config_place place, struct qnk_config_file *file)
{
    struct qn_span bytes = {NULL, 0};
    int32_t status = qnk_file_read(path, QNK_TREE_FILE_MAX, &config->arena, &bytes);
    size_t size = strlen(path) + 1;
    char *name = qnk_arena_take(&config->arena, size);

    if (name == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(name, path, size);
    file->source = (struct qnk_config_source){.name = name, .bytes = bytes};
    if (status == QN_OK) {
        return QN_OK;
    }
    if (status == QN_NO_SPACE) {
        qnk_report_add(&config->report, QNK_E101, place, "'%s' is larger than 1 MiB", path);
    } else {
        qnk_report_add(&config->report, QNK_E110, place, "cannot open '%s': %s", path,
                       reason_of(status));
        if (status == QN_DENIED) {
            qnk_report_denied(&config->report);
        }
    }
    return QN_INVALID;
}

/* The tree of a file's bytes, if they are one. */
static int32_t tree_read(struct qnk_config *config, struct qnk_config_file *file)
{
    uint32_t before = config->report.errors;
    int32_t status = qnk_tree_read(&file->source, &config->arena, &config->report, &file->tree);

    if (status == QN_NO_SPACE) {
        return status;
    }
    if (file->tree != NULL && file->tree->kind != QNK_TREE_MAP) {
        const struct qnk_config_place place = {&file->source, file->tree->mark};

        qnk_report_add(&config->report, QNK_E105, place, "the file is not a map of keys");
        file->tree = NULL;
    }
    file->errors += config->report.errors - before;
    return QN_OK;
}

static struct qnk_checker checker_of(struct qnk_config *config, const struct qnk_config_file *file)
{
    bool is_node = file == &config->node_file;
    const struct qnk_config_file *other = is_node ? &config->network_file : &config->node_file;

    return (struct qnk_checker){
        .arena = &config->arena,
        .report = &config->report,
        .source = &file->source,
        .folder = "",
        .plugins = config->options.plugins,
        .other_title = is_node ? "the network file" : "the node file",
        .other = is_node ? &qnk_network_schema : &qnk_node_schema,
        .other_source = &other->source,
        .other_tree = other->tree,
    };
}

static int32_t network_check(struct qnk_config *config)
{
    struct qnk_config_file *file = &config->network_file;
    struct qnk_checker checker = checker_of(config, file);
    uint32_t before = config->report.errors;

    if (file->tree == NULL) { /* what it lacks may be what the parser did not reach */
        return QN_INVALID;
    }
    qnk_part_check(&checker, &qnk_network_schema, file->tree, &file->part);
    if (!checker.is_full && config->report.errors == before && file->errors == 0) {
        qnk_network_check(&checker, &file->part, file->tree, &config->network);
    }
    file->errors += config->report.errors - before;
    if (checker.is_full) {
        return QN_NO_SPACE;
    }
    return file->errors == 0 ? QN_OK : QN_INVALID;
}

static int32_t node_check(struct qnk_config *config)
{
    struct qnk_config_file *file = &config->node_file;
    struct qnk_checker checker = checker_of(config, file);
    uint32_t before = config->report.errors;

    if (file->tree == NULL) { /* what it lacks may be what the parser did not reach */
        return QN_INVALID;
    }
    checker.folder = qnk_file_folder(file->source.name, &config->arena);
    if (checker.folder == NULL) {
        return QN_NO_SPACE;
    }
    qnk_part_check(&checker, &qnk_node_schema, file->tree, &file->part);
    if (!checker.is_full && config->report.errors == before && file->errors == 0) {
        qnk_node_check(&checker, &file->part, file->tree, config->options.asks_files,
                       &config->node);
    }
    file->errors += config->report.errors - before;
    if (checker.is_full) {
        return QN_NO_SPACE;
    }
    return file->errors == 0 ? QN_OK : QN_INVALID;
}

/* What was found is shown in the order of the files. */
static int32_t finish(struct qnk_config *config, int32_t status)
{
    qnk_report_sort(&config->report);
    if (status == QN_OK && config->report.errors > 0) {
        return QN_INVALID;
    }
    return status;
}

int32_t qnk_config_read_network(struct qnk_config *config, const char *name, struct qn_span bytes)
{
    int32_t status;

    config->network_file.source = (struct qnk_config_source){.name = name, .bytes = bytes};
    status = tree_read(config, &config->network_file);
    return finish(config, status == QN_OK ? network_check(config) : status);
}

int32_t qnk_config_read_node(struct qnk_config *config, const char *name, struct qn_span bytes)
{
    int32_t status;

    config->node_file.source = (struct qnk_config_source){.name = name, .bytes = bytes};
    status = tree_read(config, &config->node_file);
    return finish(config, status == QN_OK ? node_check(config) : status);
}

/* `size` bytes of a text in double quotes of YAML; NULL: no memory. */
static const char *quoted(struct qnk_config *config, const char *text, size_t size)
{
    char *start = qnk_arena_take(&config->arena, 4 * size + sizeof "\"\"");
    char *to = start;

    if (start == NULL) {
        return NULL;
    }
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        bool is_plain = byte >= ' ' && byte != '"' && byte != '\\' && byte != 0x7f;

        to += snprintf(to, 5, is_plain ? "%c" : "\\x%02x", byte);
    }
    memcpy(to, "\"", sizeof "\"");
    return start;
}

/* What is typed as the one line of a file that holds nothing else; NULL: no memory. A file is the
 * plugin that has its name, up to the first dot. */
static const char *typed_line(struct qnk_config *config, const char *kind, const char *typed)
{
    const char *slash = strrchr(typed, '/');
    bool is_file = slash != NULL && typed[0] != '{';
    const char *name = is_file ? quoted(config, slash + 1, strcspn(slash + 1, ".")) : "";
    const char *path = is_file ? quoted(config, typed, strlen(typed)) : typed;
    size_t size;
    char *line;

    if (name == NULL || path == NULL) {
        return NULL;
    }
    size = strlen(kind) + strlen(name) + strlen(path) + sizeof ": {use: , path: }\n";
    line = qnk_arena_take(&config->arena, size);
    if (line != NULL && is_file) {
        (void)snprintf(line, size, "%s: {use: %s, path: %s}\n", kind, name, path);
    } else if (line != NULL) {
        (void)snprintf(line, size, "%s: %s\n", kind, typed);
    }
    return line;
}

int32_t qnk_config_read_plugin(struct qnk_config *config, const char *kind, const char *typed,
                               const struct qnk_config_plugin **plugin)
{
    struct qnk_config_file *file = &config->node_file;
    const char **kinds = qnk_arena_take(&config->arena, sizeof *kinds);
    struct qnk_config_key *key = qnk_arena_take(&config->arena, sizeof *key);
    struct qnk_config_schema *schema = qnk_arena_take(&config->arena, sizeof *schema);
    const char *line = typed_line(config, kind, typed);
    struct qnk_checker checker = checker_of(config, file);
    int32_t status;

    if (kinds == NULL || key == NULL || schema == NULL || line == NULL) {
        return QN_NO_SPACE;
    }
    *kinds = kind;
    *key = (struct qnk_config_key){.name = kind,
                                   .type = QNK_CONFIG_PLUGIN,
                                   .flags = QNK_CONFIG_REQUIRED,
                                   .values = kinds,
                                   .values_count = 1,
                                   .doc = "what was typed"};
    *schema = (struct qnk_config_schema){.title = kind, .keys = key, .count = 1};
    file->source =
        (struct qnk_config_source){.name = "typed", .bytes = {(const uint8_t *)line, strlen(line)}};
    status = tree_read(config, file);
    if (status == QN_OK && file->tree == NULL) {
        status = QN_INVALID;
    }
    if (status == QN_OK) {
        checker.other = NULL;
        qnk_part_check(&checker, schema, file->tree, &file->part);
        status = checker.is_full ? QN_NO_SPACE : finish(config, QN_OK);
    }
    if (status == QN_OK) {
        *plugin = qnk_part_plugin(&file->part, kind);
        status = *plugin == NULL ? QN_INVALID : QN_OK;
    }
    return status;
}

int32_t qnk_config_open_network(struct qnk_config *config, const char *path)
{
    const struct qnk_config_place place = {&config->network_file.source, {0, 0, 0}};
    int32_t status = bytes_read(config, path, place, &config->network_file);

    if (status == QN_OK) {
        status = tree_read(config, &config->network_file);
    }
    return finish(config, status == QN_OK ? network_check(config) : status);
}

/* The path of the network file that a node file names; NULL: it names none that could be one. */
static const char *network_path(struct qnk_config *config)
{
    const struct qnk_tree *tree = config->node_file.tree;
    const struct qnk_tree *given = tree == NULL ? NULL : qnk_tree_child(tree, "network");
    const char *folder = qnk_file_folder(config->node_file.source.name, &config->arena);
    const struct qnk_config_key *key = qnk_config_key_find(&qnk_node_schema, "network");
    uint8_t record[QNK_VALUE_RECORD_MAX];
    struct qnk_value_fault fault;
    uint32_t size;

    if (given == NULL || given->kind != QNK_TREE_TEXT || folder == NULL ||
        qnk_value_read(key, given->text, given->is_plain, folder, record, &size, &fault) != QN_OK) {
        return NULL;
    }

    char *path = qnk_arena_take(&config->arena, size - 4 + 1);

    if (path != NULL) {
        memcpy(path, record + 4, size - 4);
        path[size - 4] = 0;
    }
    return path;
}

/* Reads the network file that the node file names, if it does. */
static int32_t named_network_read(struct qnk_config *config)
{
    const char *path = network_path(config);
    struct qnk_config_place place = {&config->node_file.source, {0, 0, 0}};

    if (path == NULL) {
        return QN_OK; /* the node file's own check says why */
    }
    place.mark = qnk_tree_child(config->node_file.tree, "network")->mark;

    int32_t status = bytes_read(config, path, place, &config->network_file);

    if (status != QN_OK) {
        return status == QN_INVALID ? QN_OK : status;
    }
    return tree_read(config, &config->network_file);
}

int32_t qnk_config_open_node(struct qnk_config *config, const char *path)
{
    const struct qnk_config_place place = {&config->node_file.source, {0, 0, 0}};
    int32_t status = bytes_read(config, path, place, &config->node_file);

    if (status == QN_OK) {
        status = tree_read(config, &config->node_file);
    }
    if (status != QN_OK) {
        return finish(config, status);
    }
    status = named_network_read(config);
    if (status == QN_OK) {
        status = node_check(config);
    }
    if (status != QN_NO_SPACE && config->network_file.tree != NULL) {
        int32_t other = network_check(config);

        status = status == QN_OK || other == QN_NO_SPACE ? other : status;
    }
    return finish(config, status);
}
