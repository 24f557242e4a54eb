/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/qnet/client.h"

enum { PATH = 1024 };

static const char bindir[] = QNK_BINDIR;

/* The folder of the running program; "" if the system does not say. */
static const char *own_folder(void)
{
    static char folder[PATH];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *slash;

    folder[size < 0 ? 0 : size] = 0;
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = 0;
    }
    return folder;
}

/* Whether this is a build tree: there the daemon lies in a folder of its own below the program. */
static bool is_build_tree(void)
{
    char path[PATH];

    snprintf(path, sizeof path, "%.900s/kernel/qnetd/qnetd", own_folder());
    return access(path, X_OK) == 0;
}

/* Whether this is an installed program that lies elsewhere than it was installed for. */
static bool is_moved(void)
{
    return strcmp(own_folder(), bindir) != 0;
}

/* What is installed as `path`, found from this program's own folder: so a tree that was staged, or
 * moved as a whole, finds its own things. False: it is not there, or not below the same prefix. */
static bool beside(char found[PATH], const char *path)
{
    const char *own = own_folder();
    size_t own_size = strlen(own);
    size_t common = 0, tail;

    while (bindir[common] != 0 && bindir[common] == path[common]) {
        common++;
    }
    while (common > 0 && path[common - 1] != '/') {
        common--;
    }
    tail = sizeof bindir - 1 - common; /* of bindir, below what both have */
    if (own_size < tail || strcmp(own + own_size - tail, bindir + common) != 0) {
        return false;
    }
    snprintf(found, PATH, "%.*s%.500s", (int)(own_size - tail), own, path + common);
    return access(found, R_OK) == 0;
}

const char *qnk_place_search(void)
{
    static char path[PATH];
    const char *given = getenv("QN_PLUGIN_PATH");

    if (given != NULL && *given != 0) {
        return given;
    }
    if (is_build_tree()) {
        snprintf(path, sizeof path, "%.900s/plugins", own_folder());
        return path;
    }
    return is_moved() && beside(path, QNK_PKGLIBDIR) ? path : NULL;
}

const char *qnk_place_templates(void)
{
    static char path[PATH];

    return beside(path, QNK_PKGDATADIR "/template") ? path : QNK_PKGDATADIR "/template";
}

const char *qnk_place_daemon(void)
{
    static const char *const places[] = {"kernel/qnetd/qnetd", "qnetd", "../sbin/qnetd"};
    static char path[PATH];

    for (uint32_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%.900s/%s", own_folder(), places[i]);
        if (access(path, X_OK) == 0) {
            return path;
        }
    }
    return QNK_SBINDIR "/qnetd";
}

struct qnk_loader *qnk_place_loader(void)
{
    static struct qnk_loader *loader;
    const struct qnk_loader_options options = {
        .budget = &qnk_client_budget,
        .folder = QNK_PKGLIBDIR,
        .search = qnk_place_search(),
        .trust = QNK_TRUST_OFF,
    };
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (loader == NULL && qnk_loader_create(&options, &loader, why) != QN_OK) {
        fprintf(stderr, "qnet: plugins: %s\n", why);
    }
    return loader;
}
