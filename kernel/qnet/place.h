/* SPDX-License-Identifier: MIT */
#pragma once

/* place.h: where this program's own things are: the daemon beside it, the plugins.
 *
 * A program that runs out of its build tree uses what was built there; an installed one what was
 * installed.
 *
 * Unless a function's own comment says otherwise:
 *   owns     texts are static
 *   threads  one
 */

#include "kernel/config/node_file.h"
#include "kernel/plugin/plugin.h"

/* Where plugins are looked for before the installation's folder: QN_PLUGIN_PATH, else the build
 * tree's, else those beside a tree that was moved after it was installed, else NULL. */
const char *qnk_place_search(void);

/* The folder of templates that belongs to this program. */
const char *qnk_place_templates(void);

/* The path of qnetd. */
const char *qnk_place_daemon(void);

/* The one loader of this process, which lasts. NULL after words on stderr. */
struct qnk_loader *qnk_place_loader(void);
