/* SPDX-License-Identifier: MIT */
#pragma once

/* presets.h: the rules that a spec starts from, as network files without genesis.
 *
 * Unless a function's own comment says otherwise:
 *   owns     texts are static
 *   threads  any
 *
 * Source: conf/network/dev.yaml, kernel/qnet/sim_files.h.
 */

#include <stdint.h>

enum { QNK_PRESETS = 2 };

extern const char *const qnk_preset_names[QNK_PRESETS];

/* The text of preset `place`. */
const char *qnk_preset_text(uint32_t place);

/* The node file of every node of a virtual network, with its local kinds. */
const char *qnk_preset_node(const char *preset);

/* The settings that a plugin has under this preset, as "commit: 6s, ..."; "": its own defaults. */
const char *qnk_preset_settings(const char *preset, const char *kind, const char *plugin);
