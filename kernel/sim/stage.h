/* SPDX-License-Identifier: MIT */
#pragma once

/* stage.h: built plugins for a world in one thread: their files are mapped as they are, and the
 * host behind them is made of kernel/base alone.
 *
 * It trusts what it maps: verifying files and guarding calls is kernel/plugin's. What is mapped
 * stays mapped.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a player is its maker's, and goes back to the budget it came from
 *   threads  one
 *   errors   NULL: no such file, or the plugin says no; the reason is on stderr
 */

#include "kernel/base/memory.h"
#include "kernel/node/setup.h"

struct qn_plugin;

/* The plugin KIND/NAME of the build tree at `root`: ROOT/plugins/KIND/NAME/.libs/NAME.so. */
QN_MUST_CHECK const struct qn_plugin *qnk_stage_map(const char *root, const char *kind,
                                                    const char *name);

struct qnk_player;

/* An active instance; `config` is its record. */
QN_MUST_CHECK struct qnk_player *qnk_player_make(struct qnk_budget *budget,
                                                 const struct qn_plugin *plugin,
                                                 struct qn_span config);
void qnk_player_give(struct qnk_player *player); /* NULL is allowed */
struct qnk_plugged qnk_player_plugged(const struct qnk_player *player);
