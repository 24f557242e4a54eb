/* SPDX-License-Identifier: MIT */
#pragma once

/* plugin.h: all that the floors above need to use plugins.
 *
 *     qnk_loader_create(&options, &loader, why);         once for a process
 *     config_options.plugins = qnk_loader_config(loader); files are checked by manifests
 *     qnk_loader_find_used(loader, used, &plugin, why);  verified; nothing of it ran yet
 *     qnk_manifest_has_rule(&plugin->manifest, rule);
 *     qnk_instance_create(plugin, used->part.record, &instance_options, &instance, why);
 *     qnk_instance_activate(instance);
 *     setup.producer = qnk_instance_plugged(instance);
 *     ...
 *     while (qnk_instance_freeze(instance) == QN_BUSY) { ... }
 *     qnk_instance_destroy(instance);
 *
 * A worker or loop tells the guard what it is by qnk_guard_thread() (guard.h).
 */

#include "kernel/plugin/guard.h"
#include "kernel/plugin/inspect.h"
#include "kernel/plugin/instance.h"
#include "kernel/plugin/loader.h"
#include "kernel/plugin/lock.h"
#include "kernel/plugin/manifest.h"
