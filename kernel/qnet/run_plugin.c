/* SPDX-License-Identifier: MIT */

/* run_plugin.c: what is installed, what a file says it is, and what may be loaded. */

#define _XOPEN_SOURCE 700 /* realpath */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

static const char *const kinds[] = {"transport", "storage",   "compression", "signature",
                                    "producer",  "consensus", "ledger",      "service"};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* Calls `take` for each installed plugin; a file that is refused has plugin NULL and `why`. */
static void each_plugin(struct qnk_loader *loader,
                        void (*take)(void *ctx, const char *kind, const char *name,
                                     const struct qnk_plugin *plugin, const char *why),
                        void *ctx)
{
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const char *name;

        for (uint32_t i = 0; (name = qnk_loader_name_at(loader, kinds[kind], i)) != NULL; i++) {
            struct qnk_plugin *plugin = NULL;
            char why[QNK_PLUGIN_WHY_MAX] = "";

            if (qnk_loader_find(loader, kinds[kind], name, "", &plugin, why) != QN_OK) {
                plugin = NULL;
            }
            take(ctx, kinds[kind], name, plugin, why);
        }
    }
}

static void line_take(void *ctx, const char *kind, const char *name,
                      const struct qnk_plugin *plugin, const char *why)
{
    (void)ctx;
    if (plugin == NULL) {
        printf("%-12s %-16s REFUSED: %s\n", kind, name, why);
    } else {
        printf("%-12s %-16s %-8s %s\n", kind, name, plugin->manifest.version_text,
               plugin->manifest.summary);
    }
}

static void json_take(void *ctx, const char *kind, const char *name,
                      const struct qnk_plugin *plugin, const char *why)
{
    char hash[QNK_HEX_SIZE(QN_HASH_SIZE)];
    json_t *list = ctx;

    if (plugin == NULL) {
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "kind", kind, "name", name, "refused", why));
        return;
    }
    qnk_hex_encode(plugin->hash.bytes, QN_HASH_SIZE, hash);
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", kind, "name", name,
                                    "version", plugin->manifest.version_text, "summary",
                                    plugin->manifest.summary, "path", plugin->path, "code", hash));
}

int qnk_run_plugin_list(struct qnk_call *call)
{
    struct qnk_loader *loader = qnk_place_loader();

    if (loader == NULL) {
        return QNK_CLI_FAILED;
    }
    if (call->json) {
        json_t *list = json_array();

        each_plugin(loader, json_take, list);

        json_t *answer = json_pack("{s:o}", "plugins", list);

        qnk_json_print(answer);
        json_decref(answer);
    } else {
        each_plugin(loader, line_take, NULL);
    }
    return QNK_CLI_OK;
}

/* --- lock --- */

struct locking {
    struct qnk_lock_line lines[QNK_LOCK_LINES_MAX];
    uint32_t count;
    uint32_t refused;
};

static void lock_take(void *ctx, const char *kind, const char *name,
                      const struct qnk_plugin *plugin, const char *why)
{
    struct locking *locking = ctx;
    struct qnk_lock_line *line = &locking->lines[locking->count];

    if (plugin == NULL) {
        fprintf(stderr, "qnet: left out: %s %s: %s\n", kind, name, why);
        locking->refused++;
    } else if (locking->count < QNK_LOCK_LINES_MAX) {
        line->hash = plugin->hash;
        snprintf(line->kind, sizeof line->kind, "%s", kind);
        snprintf(line->name, sizeof line->name, "%s", name);
        snprintf(line->version, sizeof line->version, "%s", plugin->manifest.version_text);
        line->size = plugin->size;
        locking->count++;
    }
}

int qnk_run_plugin_lock(struct qnk_call *call)
{
    static struct locking locking;
    const char *path = call->operands_count > 0 ? call->operands[0] : "plugins.lock";
    struct qnk_loader *loader = qnk_place_loader();
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (loader == NULL) {
        return QNK_CLI_FAILED;
    }
    each_plugin(loader, lock_take, &locking);
    if (locking.count == 0) {
        fprintf(stderr, "qnet: no plugin is installed\n");
        return QNK_CLI_FAILED;
    }
    if (qnk_lock_write(path, locking.lines, locking.count, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", path, why);
        return QNK_CLI_FAILED;
    }
    if (call->json) {
        json_t *answer =
            json_pack("{s:s, s:I, s:I}", "file", path, "plugins", (json_int_t)locking.count,
                      "refused", (json_int_t)locking.refused);

        qnk_json_print(answer);
        json_decref(answer);
    } else if (!call->quiet) {
        printf("%s: %u plugins\n", path, locking.count);
    }
    return locking.refused == 0 ? QNK_CLI_OK : QNK_CLI_FAILED;
}

/* --- a running node --- */

json_t *qnk_plugin_params(const struct qnk_call *call)
{
    const char *typed = call->operands[0];
    const char *value = typed == NULL ? NULL : strchr(typed, '=');
    char path[PATH_MAX];

    if (value == NULL || value == typed || value[1] == 0 || call->operands_count != 1) {
        fprintf(stderr, "qnet: as in compression=none or compression=./mine.so\n");
        return NULL;
    }
    value++;
    if (value[0] != '{' && strchr(value, '/') != NULL) {
        if (realpath(value, path) == NULL) {
            fprintf(stderr, "qnet: %s: %s\n", value, strerror(errno));
            return NULL;
        }
        value = path;
    }
    return json_pack("{s:s%, s:s}", "kind", typed, strcspn(typed, "="), "plugin", value);
}

static int ask_about_plugin(struct qnk_call *call, const char *method)
{
    json_t *params = qnk_plugin_params(call);
    json_t *answer;
    int status = QNK_CLI_USAGE;

    if (params == NULL) {
        return status;
    }
    answer = qnk_ask_once(call, method, params, &status);
    if (answer != NULL && call->json) {
        qnk_json_print(answer);
    } else if (answer != NULL) {
        printf("%s\n", qnk_string(answer, "words"));
    }
    json_decref(answer);
    return status;
}

int qnk_run_plugin_swap(struct qnk_call *call)
{
    return ask_about_plugin(call, "plugin.swap");
}

int qnk_run_plugin_load(struct qnk_call *call)
{
    return ask_about_plugin(call, "plugin.load");
}
