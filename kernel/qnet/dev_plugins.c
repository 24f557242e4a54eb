/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* realpath */
#include "kernel/qnet/dev_plugins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/plugin/inspect.h"
#include "kernel/plugin/loader.h"
#include "kernel/qnet/place.h"

/* A plugin, the keys that a dev network gives it, and what its limits are in words. The first of
 * each kind is the usual one. */
static const struct known {
    const char *kind, *name, *keys, *limits;
} known[] = {
    {"transport", "nanomsg", "", ""},
    {"storage", "lmdb", "", ""},
    {"compression", "zstd", "", ""},
    {"producer", "round-robin", ", turn: 3, intervals: [1s, 1s, 500ms, 250ms]", ""},
    {"producer", "beacon", ", turn: 3, intervals: [1s, 1s, 500ms, 250ms]", ""},
    {"consensus", "commit-reveal",
     ", commit: 6s, commit_min: 400ms, reveal: 3s, seal: 3s,\n"
     "            propose: 1s, propose_step: 500ms, base: 800ms, step: 300ms",
     "commit 6 s, reveal 3 s, seal 3 s"},
    {"consensus", "bft", ", round: 3s, round_step: 1s, round_max: 10s, delta: 500ms",
     "round 3 s and 1 s more each"},
    {"ledger", "accounts", "", ""},
    {"signature", "sodium", "", ""},
};

enum { KNOWN = sizeof known / sizeof *known };

static bool is_network_kind(const char *kind)
{
    return strcmp(kind, "producer") == 0 || strcmp(kind, "consensus") == 0 ||
           strcmp(kind, "ledger") == 0;
}

static const struct known *known_find(const struct qnk_dev_plugin *plugin)
{
    static const struct known unknown = {"", "", "", ""};

    for (uint32_t i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].kind, plugin->kind) == 0 && strcmp(known[i].name, plugin->name) == 0) {
            return &known[i];
        }
    }
    return &unknown;
}

static void usual_fill(struct qnk_dev_plugin *plugins)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < KNOWN; i++) {
        if (i == 0 || strcmp(known[i].kind, known[i - 1].kind) != 0) {
            struct qnk_dev_plugin *it = &plugins[count++];

            *it = (struct qnk_dev_plugin){.kind = known[i].kind, .version = "1.0"};
            it->is_of_network = is_network_kind(it->kind);
            snprintf(it->name, sizeof it->name, "%s", known[i].name);
        }
    }
}

/* Takes name and version. */
static void plugin_is(struct qnk_dev_plugin *plugin, const struct qnk_manifest *manifest)
{
    plugin->is_chosen = true;
    snprintf(plugin->name, sizeof plugin->name, "%s", manifest->name);
    snprintf(plugin->version, sizeof plugin->version, "%u.%u", manifest->version[0],
             manifest->version[1]);
}

/* A file may have any name, so it is asked for its own. */
static bool file_read(struct qnk_dev_plugin *plugin, const char *file)
{
    struct qnk_budget budget = {.limit = UINT64_C(2) * QNK_PLUGIN_FILE_MAX};
    struct qnk_inspection found;
    char absolute[4096], why[QNK_PLUGIN_WHY_MAX] = "";
    bool is_good;

    if (realpath(file, absolute) == NULL || strlen(absolute) >= sizeof plugin->path) {
        fprintf(stderr, "qnet: cannot open '%s': %s\n", file, strerror(errno));
        return false;
    }
    if (qnk_inspect_open(absolute, &budget, &found, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", file, why);
        return false;
    }
    is_good = found.fits && strcmp(found.manifest.kind_name, plugin->kind) == 0;
    if (!is_good) {
        fprintf(stderr, "qnet: %s cannot be the %s: %s\n", file, plugin->kind,
                found.fits ? found.manifest.kind_text : found.verdict);
    } else {
        memcpy(plugin->path, absolute, strlen(absolute) + 1);
        plugin_is(plugin, &found.manifest);
    }
    qnk_inspect_done(&found);
    return is_good;
}

static bool named_read(struct qnk_dev_plugin *plugin, const char *name)
{
    struct qnk_loader *loader = qnk_place_loader();
    struct qnk_plugin *found = NULL;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (loader == NULL || qnk_loader_find(loader, plugin->kind, name, "", &found, why) != QN_OK) {
        fprintf(stderr, "qnet: --use %s=%s: %s\n", plugin->kind, name, why);
        return false;
    }
    plugin_is(plugin, &found->manifest);
    return true;
}

static bool one_take(struct qnk_dev_plugin *plugins, const char *use, size_t size)
{
    char text[QNK_DEV_USE_PATH];
    char *what;

    if (size < sizeof text) {
        memcpy(text, use, size);
        text[size] = 0;
        what = strchr(text, '=');
        for (uint32_t i = 0; what != NULL && what[1] != 0 && i < QNK_DEV_KINDS; i++) {
            if (strlen(plugins[i].kind) == (size_t)(what - text) &&
                memcmp(plugins[i].kind, text, (size_t)(what - text)) == 0) {
                return strchr(what, '/') != NULL ? file_read(&plugins[i], what + 1)
                                                 : named_read(&plugins[i], what + 1);
            }
        }
    }
    fprintf(stderr,
            "qnet: --use %.*s: a kind and what to use, as in --use storage=memory or --use "
            "producer=./mine.so\n  kinds: ",
            (int)size, use);
    for (uint32_t i = 0; i < QNK_DEV_KINDS; i++) {
        fprintf(stderr, "%s%s", plugins[i].kind, i + 1 < QNK_DEV_KINDS ? ", " : "\n");
    }
    return false;
}

bool qnk_dev_plugins_choose(struct qnk_dev_plugin plugins[QNK_DEV_KINDS], const char *use)
{
    usual_fill(plugins);
    while (use != NULL) {
        size_t size = strcspn(use, ",");

        if (!one_take(plugins, use, size)) {
            return false;
        }
        use = use[size] == ',' ? use + size + 1 : NULL;
    }
    return true;
}

const struct qnk_dev_plugin *qnk_dev_plugin_of(const struct qnk_dev_plugin *plugins,
                                               const char *kind)
{
    uint32_t i = 0;

    while (i + 1 < QNK_DEV_KINDS && strcmp(plugins[i].kind, kind) != 0) {
        i++;
    }
    return &plugins[i];
}

const char *qnk_dev_plugin_limits(const struct qnk_dev_plugin *plugin)
{
    return known_find(plugin)->limits;
}

void qnk_dev_plugin_line(const struct qnk_dev_plugin *plugin, const char *rest,
                         char line[QNK_DEV_LINE])
{
    char version[sizeof plugin->version + 16] = "";
    char path[sizeof plugin->path + 16] = "";

    if (plugin->is_of_network) {
        snprintf(version, sizeof version, ", version: \"%s\"", plugin->version);
    }
    if (plugin->path[0] != 0) {
        snprintf(path, sizeof path, ", path: \"%s\"", plugin->path);
    }
    snprintf(line, QNK_DEV_LINE, "%s: {use: %s%s%s%s%s}\n", plugin->kind, plugin->name, version,
             path, plugin->path[0] != 0 ? "" : known_find(plugin)->keys, rest);
}

/* The line of a kind in a network file that this program wrote. */
static bool name_read(FILE *file, const char *kind, char name[64])
{
    char line[QNK_DEV_LINE];
    size_t size = strlen(kind);

    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, kind, size) == 0 && sscanf(line + size, ": {use: %63[^,}]", name) == 1) {
            return true;
        }
    }
    return false;
}

bool qnk_dev_plugins_match(struct qnk_dev_plugin plugins[QNK_DEV_KINDS], const char *path)
{
    FILE *file = fopen(path, "r");
    bool is_good = true;

    if (file == NULL) {
        fprintf(stderr, "qnet: cannot open '%s': %s\n", path, strerror(errno));
        return false;
    }
    for (uint32_t i = 0; i < QNK_DEV_KINDS && is_good; i++) {
        struct qnk_dev_plugin *it = &plugins[i];
        char name[64];

        if (!it->is_of_network || !name_read(file, it->kind, name) || strcmp(name, it->name) == 0) {
            continue;
        }
        is_good = !it->is_chosen;
        if (is_good) {
            memcpy(it->name, name, sizeof it->name);
        } else {
            fprintf(stderr, "qnet: the chain in %s began with %s: %s, not %s\n  qnet dev --reset\n",
                    path, it->kind, name, it->name);
        }
    }
    (void)fclose(file);
    return is_good;
}
