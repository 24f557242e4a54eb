/* SPDX-License-Identifier: MIT */
#pragma once

/* subject.h: the plugin under test, as every case sees it.
 *
 * The parent fills the first half from the file's bytes and never runs any of it. A case that
 * needs the plugin loads it in its own child. What is called then are the tables as the kernel
 * makes them: full size, with stubs where the plugin has nothing.
 *
 * Unless a function's own comment says otherwise:
 *   owns     texts live as long as the run; what was loaded as long as the child
 *   threads  the case's own
 */

#include <stdbool.h>

#include <qnet/plugin.h>

#define QNK_SUBJECT_ROUTES_MAX 64 /* of a service; more are not asked */

struct qnk_plugin;
struct qnk_report;

struct qnk_subject {
    const char *path;
    const char *self;   /* this program, for cases that need another process of it */
    const char *listen; /* a transport's addresses; NULL: found by trying */
    const char *nowhere;
    const char *keys; /* the file of its config; NULL: every key is its default */
    uint64_t seed;
    bool is_fast; /* fewer rounds */
    /* Of the file's manifest, if it can be read: */
    char kind[QN_PLUGIN_NAME_MAX + 1];
    char name[QN_PLUGIN_NAME_MAX + 1];
    uint8_t class;       /* enum qnk_class */
    bool spawns_threads; /* as the manifest says */
    /* From here on: of load(). */
    struct qnk_plugin *loaded; /* as the loader has it */
    struct qn_plugin plugin;   /* as it lies in the file, but with full tables */
    bool has_state;
    struct qn_span config;
    uint64_t memory;
    uint32_t lanes;
    uint32_t steps;                           /* of a consensus: bit i for step i */
    uint32_t queries[QNK_SUBJECT_ROUTES_MAX]; /* of a ledger */
    uint32_t queries_count;
    uint32_t routes[QNK_SUBJECT_ROUTES_MAX]; /* of a service */
    uint32_t routes_count;
};

/* Fills the first half from the file; kind and name stay empty if it cannot be read. */
void qnk_subject_open(struct qnk_subject *subject);

/* In the parent: whether a file of keys can be used with a plugin that can be read. If not the
 * report, whose arena is this module's, says why; nothing in it: the file cannot be read. */
QN_MUST_CHECK bool qnk_subject_keys(const char *path, const char *keys, struct qnk_report *report);

/* In a child: verifies and maps the plugin as a node would. Fails the case if that fails. */
void qnk_subject_load(struct qnk_subject *subject);
