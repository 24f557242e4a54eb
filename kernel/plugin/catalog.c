/* SPDX-License-Identifier: MIT */

/* catalog.c: the names that plugins' files have, from their folders. A name is no promise: whether
 * there is a plugin in the file is seen when it is asked for. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/plugin/loader_own.h"

static void name_add(struct qnk_loader_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return;
        }
    }
    if (names->count < QNK_LOADER_NAMES_MAX && qnk_loader_is_name(name)) {
        (void)snprintf(names->items[names->count++], sizeof *names->items, "%s", name);
    }
}

/* A file NAME.so, or in a build tree a folder NAME with the library in it. */
static void entry_add(struct qnk_loader_names *names, const char *folder, const char *entry,
                      bool is_build_tree)
{
    char path[QNK_LOADER_PATH_MAX + 600];
    char name[QN_PLUGIN_NAME_MAX + 4];
    size_t size = strlen(entry);

    if (size >= sizeof name) {
        return;
    }
    memcpy(name, entry, size + 1);
    if (size > 3 && strcmp(name + size - 3, ".so") == 0) {
        name[size - 3] = 0;
        name_add(names, name);
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s/.libs/%s.so", folder, name, name);
    if (is_build_tree && qnk_loader_is_name(name) && access(path, F_OK) == 0) {
        name_add(names, name);
    }
}

static void folder_read(struct qnk_loader_names *names, const char *base, const char *kind,
                        bool is_build_tree)
{
    char folder[QNK_LOADER_PATH_MAX + 64];

    (void)snprintf(folder, sizeof folder, "%s/%s", base, kind);

    DIR *entries = opendir(folder);

    for (struct dirent *entry = NULL; entries != NULL && (entry = readdir(entries)) != NULL;) {
        entry_add(names, folder, entry->d_name, is_build_tree);
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void names_read(struct qnk_loader *loader, const char *kind, struct qnk_loader_names *names)
{
    const char *rest = loader->search;
    char folder[QNK_LOADER_PATH_MAX];

    while (qnk_loader_folder_next(&rest, folder)) {
        folder_read(names, folder, kind, true);
    }
    if (*loader->folder != 0) {
        folder_read(names, loader->folder, kind, false);
    }
    qsort(names->items, names->count, sizeof *names->items, name_compare);
    names->is_read = true;
}

const char *qnk_loader_name_at(struct qnk_loader *loader, const char *kind, uint32_t place)
{
    const struct qnk_kind *known;
    const char *name = NULL;

    for (uint32_t i = 0; (known = qnk_kind_at(i)) != NULL && i < QNK_LOADER_KINDS; i++) {
        struct qnk_loader_names *names = &loader->names[i];

        if (strcmp(known->table.name, kind) != 0) {
            continue;
        }
        (void)pthread_mutex_lock(&loader->lock);
        if (!names->is_read) {
            names_read(loader, kind, names);
        }
        name = place < names->count ? names->items[place] : NULL;
        (void)pthread_mutex_unlock(&loader->lock);
    }
    return name;
}
