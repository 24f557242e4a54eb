/* SPDX-License-Identifier: MIT */
#pragma once

/* config.h: the two files that make a node, read and checked.
 *
 * Opening a config reads its files, checks everything that can be checked without running any code
 * of a plugin, and keeps every value with its place. What is wrong stands in the report, all of it;
 * a config with an error is good for its report alone.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a config owns all that it holds, until done(); plugins' schemas are borrowed
 *   threads  any; one at a time, and any number once it is open
 *   cost     linear in the files; takes MEMORY from the budget, of which the system gives pages as
 *            they are used
 *   errors   QN_INVALID: the report has errors; QN_NO_SPACE: no memory
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/base/memory.h"
#include "kernel/config/network.h"
#include "kernel/config/node_file.h"
#include "kernel/config/part.h"
#include "kernel/config/report.h"

#define QNK_CONFIG_MEMORY 67108864 /* bytes of a config: two files of 1 MiB, whatever they hold */

struct qnk_config_options {
    struct qnk_budget *budget;
    const struct qnk_config_plugins *plugins; /* NULL: plugins' own keys are left alone */
    bool asks_files;                          /* whether key files must be there, and ours alone */
};

/* One of the two files, as far as it could be read. */
struct qnk_config_file {
    struct qnk_config_source source;
    struct qnk_tree *tree; /* NULL: not read */
    struct qnk_config_part part;
    uint32_t errors; /* in this file */
};

struct qnk_config {
    struct qnk_config_options options;
    void *block;
    struct qnk_arena arena;
    struct qnk_report report;
    struct qnk_config_file network_file;
    struct qnk_config_file node_file;
    struct qnk_network network; /* after open_node() and open_network() */
    struct qnk_node_file node;  /* after open_node() */
};

/* An empty config. */
QN_MUST_CHECK int32_t qnk_config_init(struct qnk_config *config,
                                      const struct qnk_config_options *options);
void qnk_config_done(struct qnk_config *config);

/* Reads the node file at `path` and the network file that it names. Once for each config. */
QN_MUST_CHECK int32_t qnk_config_open_node(struct qnk_config *config, const char *path);

/* Reads a network file alone. Once for each config. */
QN_MUST_CHECK int32_t qnk_config_open_network(struct qnk_config *config, const char *path);

/* The same for a network file that is at hand; `name` is what the report calls it. */
QN_MUST_CHECK int32_t qnk_config_read_network(struct qnk_config *config, const char *name,
                                              struct qn_span bytes);

/* The same for a node file without looking for its network file. */
QN_MUST_CHECK int32_t qnk_config_read_node(struct qnk_config *config, const char *name,
                                           struct qn_span bytes);

/* A plugin as a person types it where there is no file: NAME, FILE.so with a slash in it, or what
 * would stand in a file, `{use: NAME, level: 5}`. `plugin` lies in the config. Once for each. */
QN_MUST_CHECK int32_t qnk_config_read_plugin(struct qnk_config *config, const char *kind,
                                             const char *typed,
                                             const struct qnk_config_plugin **plugin);
