/* SPDX-License-Identifier: MIT */
#pragma once

/* check.h: what the contract cases of every kind share, and the small host that they run in.
 *
 * A case has cmocka's shape, `void case(void **subject)`, yet knows no test library: a plugin's
 * test program runs the cases under cmocka. Whoever links the cases says in qn_check_failed() what
 * a failure does. gen/<kind>.h lists the cases of a kind, from its description; <kind>.h says how
 * their subject is made.
 *
 * The host keeps promises strictly: what a plugin takes is charged to a budget and lies in a block
 * of its own, so that a memory checker sees every overrun; what is given back was taken; a commit
 * is at most the room. Breaking that fails the case.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the test owns what it makes; views end with what they were taken from
 *   threads  the host's table: any; all else: the case's own thread, where alone it may fail
 */

#include <stdbool.h>

#include <qnet/plugin.h>

/* Ends the case, also from a place deep within it. Only in the thread that runs the case. */
#define QN_CHECK(what) ((what) ? (void)0 : qn_check_failed(__FILE__, __LINE__, #what))

_Noreturn void qn_check_failed(const char *file, int line, const char *what);

/* The host of every instance under test. */
extern const struct qn_host qn_check_host;

/* The host's side of one instance, which may take `budget` bytes. Destroy it after the instance:
 * that fails the case if a buf is still held. */
struct qn_node *qn_check_node_create(uint64_t budget);
void qn_check_node_destroy(struct qn_node *node);

/* From now on extension(`id`) answers `table`. Both live as long as the node; at most 8. */
void qn_check_node_offer(struct qn_node *node, const char *id, const void *table);

/* From now on extension("qnet.files/1") offers this folder, which exists and stays the caller's. */
void qn_check_node_folder(struct qn_node *node, const char *path);

/* Whether the instance ever asked for its folder: what it keeps there outlives it. */
bool qn_check_node_asked_folder(const struct qn_node *node);

/* One pointer that goes with a node, for whoever drives its instance. NULL at first. */
void qn_check_node_attach(struct qn_node *node, void *what);
void *qn_check_node_attached(const struct qn_node *node);

/* Lets `count` more calls of take() and buf_new() succeed, and no further one. */
void qn_check_node_starve(struct qn_node *node, uint64_t count);

/* Bytes that the instance holds now, and the highest that this ever was. */
uint64_t qn_check_node_used(const struct qn_node *node);
uint64_t qn_check_node_peak(const struct qn_node *node);

/* What the instance said last through fail() or log(). */
struct qn_span qn_check_node_words(const struct qn_node *node);

/* The sum of metric `id`, which is below 64. */
int64_t qn_check_node_metric(const struct qn_node *node, uint32_t id);

/* Sinks and bufs of this host. A sink lies over memory of the case. The first three members are
 * those of the kernel's own sinks, so that its guard can cut these too. */
struct qn_sink {
    uint8_t *data;
    uint64_t size; /* bytes committed: 0..cap */
    uint64_t room; /* bytes handed out and not committed yet: 0..cap - size */
    uint64_t cap;  /* bytes that it may hold */
};

struct qn_span qn_check_buf_span(const struct qn_buf *buf);

/* What a plugin's test program says of its plugin. */
struct qn_check_given {
    const struct qn_plugin *plugin;
    struct qn_span config; /* record, as create() is given it */
    uint64_t memory;       /* bytes one instance may take */
    uint32_t lanes;
    uint32_t steps; /* a consensus plugin's manifest: bit i for step i that it lists */
};

/* Makes an instance under `node` and activates it; destroy() takes it down. The node stays. */
struct qn_inst *qn_check_inst_create(const struct qn_check_given *given, struct qn_node *node);
void qn_check_inst_destroy(const struct qn_check_given *given, struct qn_inst *inst);

/* What create() gives to the config of `given`. Who refuses says why. */
int32_t qn_check_create(const struct qn_check_given *given);

/* Creates with the first take failing, then the second, until it succeeds: each failure must be
 * NO_SPACE, and must leave nothing to destroy. */
void qn_check_every_take_may_fail(const struct qn_check_given *given);

/* SHA-256 of what was added, for the host and for cases that know better than a plugin. */
struct qn_check_sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
};

void qn_check_sha256_init(struct qn_check_sha256 *sha);
void qn_check_sha256_add(struct qn_check_sha256 *sha, struct qn_span bytes);
void qn_check_sha256_done(struct qn_check_sha256 *sha, uint8_t *digest);

/* Pseudo-random numbers from a seed: the same in every run. */
uint64_t qn_check_random(uint64_t *seed);
