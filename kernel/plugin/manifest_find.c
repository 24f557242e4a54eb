/* SPDX-License-Identifier: MIT */

/* manifest_find.c: things looked up in a manifest, and the config of a file that says nothing. */

#include <stdio.h>
#include <string.h>

#include "kernel/plugin/manifest.h"

bool qnk_manifest_has_rule(const struct qnk_manifest *manifest, const char *rule)
{
    for (uint32_t i = 0; i < manifest->rules_count; i++) {
        if (strcmp(manifest->rules[i], rule) == 0) {
            return true;
        }
    }
    return false;
}

const char *qnk_manifest_step_name(const struct qnk_manifest *manifest, uint16_t id)
{
    for (uint32_t i = 0; i < manifest->steps_count; i++) {
        if (manifest->steps[i].id == id) {
            return manifest->steps[i].name;
        }
    }
    return NULL;
}

const struct qnk_manifest_query *qnk_manifest_query_find(const struct qnk_manifest *manifest,
                                                         const char *name)
{
    for (uint32_t i = 0; i < manifest->queries_count; i++) {
        if (strcmp(manifest->queries[i].name, name) == 0) {
            return &manifest->queries[i];
        }
    }
    return NULL;
}

const struct qnk_manifest_extension *qnk_manifest_extension_find(
    const struct qnk_manifest *manifest, const char *id)
{
    for (uint32_t i = 0; i < manifest->needs_count; i++) {
        if (strcmp(manifest->needs[i].id, id) == 0) {
            return &manifest->needs[i];
        }
    }
    for (uint32_t i = 0; i < manifest->wants_count; i++) {
        if (strcmp(manifest->wants[i].id, id) == 0) {
            return &manifest->wants[i];
        }
    }
    return NULL;
}

/* Bytes of the record of zero, no text, the first choice, nothing. */
static uint64_t zero_size(uint8_t type)
{
    if ((type & (QNK_CONFIG_LIST | QNK_CONFIG_MAP)) != 0) {
        return 4;
    }
    switch (type & QNK_CONFIG_ITEM) {
    case QNK_CONFIG_BOOL:
        return 1;
    case QNK_CONFIG_INT:
    case QNK_CONFIG_SIZE:
    case QNK_CONFIG_DURATION:
        return 8;
    default:
        return 4;
    }
}

int32_t qnk_manifest_default(const struct qnk_manifest *manifest, struct qnk_arena *arena,
                             struct qn_span *record, char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_config_schema *config = &manifest->config;
    uint64_t size = 0;

    for (uint32_t i = 0; i < config->count; i++) {
        const struct qnk_config_key *key = &config->keys[i];

        if ((key->flags & QNK_CONFIG_REQUIRED) != 0) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "its key '%s' has no default", key->name);
            return QN_INVALID;
        }
        size += key->absent.size > 0 ? key->absent.size : zero_size(key->type);
    }

    uint8_t *to = qnk_arena_take(arena, size + 1);

    if (to == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for its config");
        return QN_NO_SPACE;
    }
    memset(to, 0, size + 1);
    *record = (struct qn_span){to, size};
    for (uint32_t i = 0; i < config->count; i++) {
        const struct qnk_config_key *key = &config->keys[i];

        if (key->absent.size > 0) {
            memcpy(to, key->absent.data, key->absent.size);
        }
        to += key->absent.size > 0 ? key->absent.size : zero_size(key->type);
    }
    return QN_OK;
}
