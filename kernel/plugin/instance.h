/* SPDX-License-Identifier: MIT */
#pragma once

/* instance.h: a plugin at work: its life, its memory, and what the host gives it.
 *
 * Whoever makes an instance moves it through its life and calls the table that plugged() hands
 * out. With a guard that table is one of wrappers, and `inst` the guard's own: callers see no
 * difference but QN_BUG where a rule was broken, and outputs of failed calls rolled back.
 *
 * Unless a function's own comment says otherwise:
 *   owns     an instance is its maker's; the plugin, log, metrics and hooks outlive it
 *   threads  control: one call at a time, and no slot of the instance runs meanwhile
 *   errors   what the plugin says; QN_BUG: it broke a promise, or it is not in a state for this
 *
 * Source: abi.md 3, 5.
 */

#include "kernel/base/log.h"
#include "kernel/base/metrics.h"
#include "kernel/plugin/loader.h"
#include "kernel/plugin/plugged.h"
#include "kernel/plugin/shared.h"

struct qnk_instance;

/* What the host has for this instance. NULL: not offered, so a plugin that needs it is refused. */
struct qnk_instance_hooks {
    void *ctx;
    /* qnet.watch/1, all three or none; as in qnet/plugin.h. wake() is called from any thread. */
    int32_t (*watch)(void *ctx, int32_t fd, uint32_t interest);
    void (*wake)(void *ctx);
    void (*timer)(void *ctx, uint64_t delay_us);
    /* qnet.files/1: the instance's own folder, an absolute path. It is made with mode 0700 when
     * the plugin asks; the folder that it lies in must be there. Copied. */
    const char *folder;
    /* qnet.shared/1: what the instances of this process share. */
    struct qnk_shared *shared;
};

struct qnk_instance_options {
    struct qnk_log *log;         /* NULL: what it logs is lost */
    struct qnk_metrics *metrics; /* NULL: what it counts is lost */
    enum qnk_guard_depth guard;
    struct qnk_instance_hooks hooks;
};

/* Maps the plugin if need be and creates an instance from a config record, which was made by the
 * manifest's schema. `why`: also what the plugin itself said. */
QN_MUST_CHECK int32_t qnk_instance_create(struct qnk_plugin *plugin, struct qn_span config,
                                          const struct qnk_instance_options *options,
                                          struct qnk_instance **instance,
                                          char why[QNK_PLUGIN_WHY_MAX]);

/* Destroys in any state; a running one should be frozen before. Bufs that it handed over live on
 * with whoever holds them. */
void qnk_instance_destroy(struct qnk_instance *instance);

/* Moves. freeze() is repeated while it is QN_BUSY. */
QN_MUST_CHECK int32_t qnk_instance_activate(struct qnk_instance *instance);
QN_MUST_CHECK int32_t qnk_instance_freeze(struct qnk_instance *instance);
QN_MUST_CHECK int32_t qnk_instance_thaw(struct qnk_instance *instance);

/* Live keys: step 1 prepare, 2 commit, 3 drop. */
QN_MUST_CHECK int32_t qnk_instance_reconfigure(struct qnk_instance *instance, struct qn_span config,
                                               uint32_t step);

/* What callers call. Valid as long as the instance. Any thread. */
struct qnk_plugged qnk_instance_plugged(const struct qnk_instance *instance);

/* The same life for the parts of the state (abi.md 7), through the plugin's own table. */
QN_MUST_CHECK int32_t qnk_instance_export(struct qnk_instance *instance, uint32_t part,
                                          uint32_t chunk, struct qn_sink *content);
QN_MUST_CHECK int32_t qnk_instance_import(struct qnk_instance *instance, uint32_t part,
                                          uint32_t chunk, struct qn_span content, uint32_t last);
QN_MUST_CHECK int32_t qnk_instance_hash(struct qnk_instance *instance, uint32_t part,
                                        struct qnk_hash *digest);

/* A table that the plugin offers the kernel, or NULL. */
const void *qnk_instance_extension(struct qnk_instance *instance, const char *id);

const struct qnk_plugin *qnk_instance_plugin(const struct qnk_instance *instance);

/* Any thread. */
enum qnk_life qnk_instance_life(const struct qnk_instance *instance);

/* What it said last through fail(), cut to `size` with its end; "" if nothing. Any thread. */
void qnk_instance_words(struct qnk_instance *instance, char *text, size_t size);

/* Bytes that it holds now, bufs included, and how many rules it or its callers broke. Any
 * thread. */
uint64_t qnk_instance_memory(struct qnk_instance *instance);
uint64_t qnk_instance_faults(const struct qnk_instance *instance);
