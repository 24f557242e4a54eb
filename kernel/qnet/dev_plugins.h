/* SPDX-License-Identifier: MIT */
#pragma once

/* dev_plugins.h: the plugins of a dev network: the usual ones, and what --use puts in their place.
 *
 * Those of local kinds stand in each node file, which is written at every start. Those of network
 * kinds stand in the network file, which is made once: a chain goes on with what it began with.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   false after words on stderr
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    QNK_DEV_KINDS = 7,
    QNK_DEV_USE_PATH = 400,
    QNK_DEV_LINE = 900,
};

struct qnk_dev_plugin {
    const char *kind;
    char name[64];
    char version[16];            /* "1.0" */
    char path[QNK_DEV_USE_PATH]; /* of its file; "": it is looked for by name */
    bool is_of_network;
    bool is_chosen; /* by --use */
};

/* The usual plugins, but for those of `use`: "KIND=NAME" or "KIND=FILE.so", apart by commas; NULL:
 * none. Those are read, for their names and versions, and have to be there. */
bool qnk_dev_plugins_choose(struct qnk_dev_plugin plugins[QNK_DEV_KINDS], const char *use);

const struct qnk_dev_plugin *qnk_dev_plugin_of(const struct qnk_dev_plugin *plugins,
                                               const char *kind);

/* Its line in the file where it stands, with the dev network's own times for plugins that are
 * known to have them; `rest` is put behind it, as ", key: value". */
void qnk_dev_plugin_line(const struct qnk_dev_plugin *plugin, const char *rest,
                         char line[QNK_DEV_LINE]);

/* What its limits are in words, or "". */
const char *qnk_dev_plugin_limits(const struct qnk_dev_plugin *plugin);

/* Holds the choices against the network file at `path` of a chain that was begun; those that were
 * left open become what stands there. False: another one was chosen. */
bool qnk_dev_plugins_match(struct qnk_dev_plugin plugins[QNK_DEV_KINDS], const char *path);
