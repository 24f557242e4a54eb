/* SPDX-License-Identifier: MIT */
#pragma once

/* kit.h: the plugins of one node, from the names in its files to running instances.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a kit owns its instances
 *   threads  control: the loop's, while no other calls a slot
 *   errors   `why` says which plugin, what it said, and what is wanted
 *
 * Source: abi.md 3, 8.
 */

#include "kernel/config/config.h"
#include "kernel/host/host.h"
#include "kernel/plugin/plugin.h"

struct qnk_kit {
    struct qnk_instance *instances[QNK_HOST_KINDS]; /* NULL: not there */
};

/* Makes and activates the instance of one kind; `used` is what the files, or what came after them,
 * name. QN_DENIED, QN_UNSUPPORTED, QN_INVALID, QN_NOT_FOUND: the plugin is refused, and there is no
 * instance; QN_CORRUPT: what it stored cannot be trusted; QN_IO, QN_NO_SPACE. */
QN_MUST_CHECK int32_t qnk_kit_add(struct qnk_kit *kit, const struct qnk_host_setup *setup,
                                  enum qnk_host_kind kind, const struct qnk_config_plugin *used,
                                  struct qnk_metrics *metrics,
                                  const struct qnk_instance_hooks *hooks, char why[QNK_HOST_WHY]);

/* Makes and activates an instance that no kit holds; hooks may be NULL. Not QN_OK: there is none,
 * and `why` says it. */
QN_MUST_CHECK int32_t qnk_kit_make(const struct qnk_host_setup *setup, struct qnk_metrics *metrics,
                                   const struct qnk_instance_hooks *hooks,
                                   struct qnk_plugin *plugin, struct qn_span config,
                                   struct qnk_instance **instance, char why[QNK_PLUGIN_WHY_MAX]);

/* Reads again who vouches for plugins: the lock file and the trust file that the node file named
 * at the start. Not QN_OK: `why` says which and what; what was read before counts on. */
QN_MUST_CHECK int32_t qnk_kit_vouchers_read(const struct qnk_host_setup *setup,
                                            char why[QNK_HOST_WHY]);

/* Freezes, where it can be, and destroys an instance that nobody calls any more; NULL is allowed.
 * Its code stays mapped. */
void qnk_kit_retire(const struct qnk_log_part *log, struct qnk_instance *instance);

/* Freezes what runs. QN_BUSY: something is still held; come again. */
QN_MUST_CHECK int32_t qnk_kit_freeze(struct qnk_kit *kit);
void qnk_kit_close(struct qnk_kit *kit);

/* Table NULL: not there. */
struct qnk_plugged qnk_kit_plugged(const struct qnk_kit *kit, enum qnk_host_kind kind);
const struct qnk_manifest *qnk_kit_manifest(const struct qnk_kit *kit, enum qnk_host_kind kind);

/* The part of the files that names the plugin; NULL: none is wanted. */
const struct qnk_config_plugin *qnk_kit_used(const struct qnk_config *config,
                                             enum qnk_host_kind kind);
const char *qnk_kit_name(enum qnk_host_kind kind);

/* A second ledger that only ever sees the first state, to learn the first members' order. */
QN_MUST_CHECK int32_t qnk_kit_first_set(const struct qnk_host_setup *setup,
                                        struct qnk_budget *budget, struct qnk_set **set,
                                        char why[QNK_HOST_WHY]);
