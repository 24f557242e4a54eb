/* SPDX-License-Identifier: MIT */
#pragma once

/* loader_own.h: what a loader and its plugins hold, for the files of this folder. */

#include <pthread.h>

#include "kernel/base/metrics.h"
#include "kernel/plugin/loader.h"
#include "kernel/plugin/lock.h"
#include "kernel/plugin/sealed.h"
#include "kernel/plugin/trust.h"

#define QNK_LOADER_NAMES_MAX 256 /* installed plugins of one kind; more are not listed */
#define QNK_LOADER_KINDS     8
#define QNK_LOADER_PATH_MAX  4096

/* A plugin as the loader holds it. */
struct qnk_loaded {
    struct qnk_plugin plugin; /* first: what callers point to */
    struct qnk_loaded *next;
    void *block; /* manifest and texts */
    size_t block_size;
    struct qnk_sealed sealed; /* fd -1: linked into the program */
    bool is_mapped;           /* for ever */
    uint32_t reading;         /* of the files that vouched for it last */
    uint64_t descriptor_size; /* of the symbol; 0: not of a file */
    struct qn_head *table;    /* room for the kind's table */
    size_t table_size;
    struct qnk_metric *metrics; /* of the manifest, as base/metrics.h wants them */
    size_t metrics_size;
};

/* The names that a kind has in the folders. */
struct qnk_loader_names {
    bool is_read;
    uint32_t count;
    char items[QNK_LOADER_NAMES_MAX][QN_PLUGIN_NAME_MAX + 1];
};

struct qnk_loader {
    struct qnk_budget *budget;
    pthread_mutex_t lock; /* of all below that changes */
    struct qnk_loaded *plugins;
    uint32_t plugins_count;
    struct qnk_instance *lingering; /* destroyed, and their bufs still held by others */
    struct qnk_loader_names names[QNK_LOADER_KINDS];
    /* Fixed from the start. */
    char folder[QNK_LOADER_PATH_MAX];
    char search[QNK_LOADER_PATH_MAX];
    enum qnk_trust_policy trust;
    const struct qnk_log_part *log;
    bool hides_memory_files;
    bool has_lock_file;
    struct qnk_lock lock_file;
    struct qnk_trust *trust_file; /* NULL: there is none */
    uint32_t reading;             /* counts how often one of both was read again */
    struct qnk_config_plugins config;
};

/* QN_NO_SPACE, with its words. */
int32_t qnk_loaded_no_memory(char why[QNK_PLUGIN_WHY_MAX]);

/* Decodes the manifest into a block of the plugin's own, behind its path. */
QN_MUST_CHECK int32_t qnk_loaded_read(struct qnk_loader *loader, struct qnk_loaded *loaded,
                                      const char *path, struct qn_span note,
                                      char why[QNK_PLUGIN_WHY_MAX]);

/* What is known once the manifest is: whether this kernel can run it. */
QN_MUST_CHECK int32_t qnk_loaded_use(struct qnk_loader *loader, struct qnk_loaded *loaded,
                                     char why[QNK_PLUGIN_WHY_MAX]);

/* Refuses a plugin that is another than the one that was asked for. */
QN_MUST_CHECK int32_t qnk_loaded_name_check(const struct qnk_plugin *plugin, const char *kind,
                                            const char *name, char why[QNK_PLUGIN_WHY_MAX]);

/* Everything that is asked of a sealed file before it is mapped, in the order of abi.md 8. */
QN_MUST_CHECK int32_t qnk_loaded_verify(struct qnk_loader *loader, struct qnk_loaded *loaded,
                                        const char *path, const char *kind, const char *name,
                                        char why[QNK_PLUGIN_WHY_MAX]);

/* Lock file and trust file once more, for a plugin that was verified before they were read again.
 * Not QN_OK: it is as it was. */
QN_MUST_CHECK int32_t qnk_loaded_vouch(struct qnk_loader *loader, struct qnk_loaded *loaded,
                                       const char *path, char why[QNK_PLUGIN_WHY_MAX]);

/* The descriptor against the manifest, then its tables made full size. */
QN_MUST_CHECK int32_t qnk_loaded_fill(struct qnk_loader *loader, struct qnk_loaded *loaded,
                                      const struct qn_plugin *descriptor,
                                      char why[QNK_PLUGIN_WHY_MAX]);

/* Takes folder after folder off a list that is apart by ':'; false: it is over. */
bool qnk_loader_folder_next(const char **list, char folder[QNK_LOADER_PATH_MAX]);

/* Whether `name` is [a-z0-9-]{1,32}: no path, no surprise. */
bool qnk_loader_is_name(const char *name);

/* Frees what lingered and nobody holds any more (instance.c). */
void qnk_loader_reap(struct qnk_loader *loader);
