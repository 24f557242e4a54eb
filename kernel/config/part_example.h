/* SPDX-License-Identifier: MIT */
#pragma once

/* part_example.h: a schema with every sort of key, and plugins that are installed nowhere, for the
 * tests of this folder. */

#include <stdio.h>
#include <string.h>

#include "kernel/config/part.h"
#include "kernel/config/record.h"

static const char *const example_levels[] = {"low", "middle", "high"};
static const char *const example_kinds[] = {"transport", "service"};

static const struct qnk_config_key example_items[] = {
    {.name = "name", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "its name"},
    {.name = "weight", .type = QNK_CONFIG_INT, .absent = QNK_RECORD_U64(1), .doc = "its weight"},
};

static const struct qnk_config_key example_keys[] = {
    {.name = "name", .type = QNK_CONFIG_NAME, .flags = QNK_CONFIG_REQUIRED, .doc = "its name"},
    {.name = "count",
     .type = QNK_CONFIG_INT,
     .absent = QNK_RECORD_U64(7),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(100),
     .doc = "how many"},
    {.name = "wait",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(9000),
     .doc = "how long"},
    {.name = "wait_min", .type = QNK_CONFIG_DURATION, .doc = "how long at least"},
    {.name = "range.min", .type = QNK_CONFIG_SIZE, .absent = QNK_RECORD_U64(10), .doc = "least"},
    {.name = "range.max", .type = QNK_CONFIG_SIZE, .absent = QNK_RECORD_U64(20), .doc = "most"},
    {.name = "deep.er.level",
     .type = QNK_CONFIG_CHOICE,
     .values = example_levels,
     .values_count = 3,
     .doc = "how deep"},
    {.name = "deep.er.on", .type = QNK_CONFIG_BOOL, .doc = "whether"},
    {.name = "hosts", .type = QNK_CONFIG_STRING | QNK_CONFIG_LIST, .doc = "who"},
    {.name = "levels",
     .type = QNK_CONFIG_CHOICE | QNK_CONFIG_MAP,
     .values = example_levels,
     .values_count = 3,
     .doc = "of parts"},
    {.name = "members",
     .type = QNK_CONFIG_GROUP | QNK_CONFIG_LIST,
     .items = example_items,
     .items_count = 2,
     .doc = "who belongs to it"},
    {.name = "secret", .type = QNK_CONFIG_STRING, .flags = QNK_CONFIG_SECRET, .doc = "a secret"},
    {.name = "old", .type = QNK_CONFIG_INT, .flags = QNK_CONFIG_DEPRECATED, .doc = "use 'count'"},
    {.name = "file",
     .type = QNK_CONFIG_PATH,
     .absent = QNK_RECORD_TEXT("\5", "a.key"),
     .doc = "it"},
    {.name = "empty", .type = QNK_CONFIG_PATH, .doc = "nothing by default"},
    {.name = "transport",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_VERSIONED,
     .values = example_kinds,
     .values_count = 1,
     .doc = "how"},
    {.name = "service",
     .type = QNK_CONFIG_PLUGIN | QNK_CONFIG_LIST,
     .values = example_kinds + 1,
     .values_count = 1,
     .doc = "what else"},
};

static const struct qnk_config_schema example_schema = {
    .title = "", .keys = example_keys, .count = sizeof example_keys / sizeof *example_keys};

static const struct qnk_config_key pipe_keys[] = {
    {.name = "listen", .type = QNK_CONFIG_ADDRESS, .flags = QNK_CONFIG_REQUIRED, .doc = "where"},
    {.name = "depth", .type = QNK_CONFIG_INT, .absent = QNK_RECORD_U64(4), .doc = "how deep"},
};
static const struct qnk_config_schema pipe_schema = {
    .title = "transport pipe 1.0", .keys = pipe_keys, .count = 2};
static const struct qnk_config_key web_keys[] = {
    {.name = "listen", .type = QNK_CONFIG_ADDRESS, .doc = "where"},
    {.name = "title", .type = QNK_CONFIG_STRING, .absent = QNK_RECORD_TEXT("\1", "x"), .doc = "t"},
};
static const struct qnk_config_schema web_schema = {
    .title = "service web 2.1", .keys = web_keys, .count = 2};

static const char *example_name_at(void *ctx, const char *kind, uint32_t place)
{
    static const char *const transports[] = {"inproc", "pipe", "broken", NULL};
    static const char *const services[] = {"web", NULL};

    (void)ctx;
    if (strcmp(kind, "transport") == 0) {
        return transports[place];
    }
    return strcmp(kind, "service") == 0 ? services[place] : NULL;
}

static int32_t example_find(void *ctx, const struct qnk_config_plugin *plugin,
                            const struct qnk_config_schema **schema, char why[QNK_REPORT_TEXT_MAX])
{
    (void)ctx;
    if (strcmp(plugin->name, "pipe") == 0) {
        *schema = &pipe_schema;
        return QN_OK;
    }
    if (strcmp(plugin->name, "web") == 0) {
        *schema = &web_schema;
        return QN_OK;
    }
    if (strcmp(plugin->name, "broken") == 0) {
        (void)snprintf(why, QNK_REPORT_TEXT_MAX, "it needs transport/1.3, this is qnetd 0.1.0");
        return QN_UNSUPPORTED;
    }
    return QN_NOT_FOUND;
}

static const struct qnk_config_plugins example_plugins = {
    .find = example_find,
    .name_at = example_name_at,
};
