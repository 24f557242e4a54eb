/* SPDX-License-Identifier: MIT */
#pragma once

/* host.h: the host's side of one instance: what stands behind `struct qn_node` for plugins.
 *
 * What a plugin takes is charged to the manifest's memory and lies in blocks that are known, so
 * that all of it is taken back at the end. Bufs are charged too, and may outlive the instance: the
 * node lingers until the last one is gone.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a node owns what its plugin took; it borrows plugin, log and metrics
 *   threads  the host's table: any; all else: control
 *
 * Source: abi.md 3.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "kernel/plugin/instance.h"

#define QNK_NODE_JOINS_MAX 16 /* pieces of shared memory of one instance; more: NULL */

struct qn_node {
    struct qnk_plugin *plugin;
    pthread_mutex_t lock;    /* of blocks, joins and words */
    struct qnk_budget *heap; /* the loader's: what blocks lie in */
    struct qnk_budget bufs;  /* bounds and counts bufs; refers to nothing else */
    uint64_t taken;          /* bytes of blocks, as they were asked for */
    struct qnk_host_block *blocks;
    char name[2 * QN_PLUGIN_NAME_MAX + 2]; /* KIND/NAME, its part in the log */
    struct qnk_log_part part;
    struct qnk_log_site site;
    struct qnk_metrics *metrics;
    uint32_t *metric_ids; /* of the manifest's metrics, in their order */
    struct qnk_instance_hooks hooks;
    char folder[4096]; /* of hooks; "": none */
    void *joined[QNK_NODE_JOINS_MAX];
    uint32_t joined_count;
    char words[QN_PLUGIN_TEXT_MAX + 1];
    _Atomic uint64_t faults;
    _Atomic uint32_t fault_rule; /* the last one that was broken, and where; for tests */
    const char *_Atomic fault_slot;
};

/* The table that plugins get. */
extern const struct qn_host qnk_host;

QN_MUST_CHECK int32_t qnk_host_init(struct qn_node *node, struct qnk_plugin *plugin,
                                    const struct qnk_instance_options *options,
                                    char why[QNK_PLUGIN_WHY_MAX]);

/* Takes back all that the plugin took but bufs. */
void qnk_host_done(struct qn_node *node);

/* Whether bufs are still held by somebody. */
bool qnk_host_lingers(const struct qn_node *node);

/* Counts and logs a broken rule: its number and what happened. */
void qnk_host_fault(struct qn_node *node, uint32_t rule, const char *slot, const char *words);
