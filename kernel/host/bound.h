/* SPDX-License-Identifier: MIT */
#pragma once

/* bound.h: engines and producers that the chain binds, at the live host: found, made and handed to
 * the core when it asks for them, and what an operator says on the way to that.
 *
 * The core names a plugin by kind, name, version and config (NEED). It is looked for in what
 * `qnet plugin load` named, newest first, then where plugins are installed. A node that has none
 * is held: it goes on following, and goes on voting as soon as one is loaded, without a restart.
 *
 * A plan that appears on the chain is a word to the operator: `swap.accept` of the node file says
 * whether this node is ready by itself once it could make the plugin (`prepared`), when it is told
 * (`ask`), or not at all (`never`). Each step is a line of DATA/swaps. What this node said of a
 * plan is one as well, durable before the answer: should it end before a block has brought the
 * word, it says so again after the next start, as long as the plan waits for it.
 *
 * Unless a function's own comment says otherwise:
 *   owns     instances are this part's, until the core gives them back or the node ends
 *   threads  the loop's
 *   limits   PLUGINS_MAX bindings that the core asked for, ASKS_MAX proposals that wait
 *
 * Source: finality.md 12; operations.md 15.
 */

#include "kernel/chain/swap.h"
#include "kernel/host/host.h"

enum { QNK_BOUND_PLUGINS_MAX = 32, QNK_BOUND_ASKS_MAX = 8, QNK_BOUND_WORDS = 300 };

struct qnk_bound;
struct qnk_need;

QN_MUST_CHECK int32_t qnk_bound_create(struct qnk_host *host);
void qnk_bound_destroy(struct qnk_bound *bound); /* NULL is allowed; after the core is gone */

/* --- effects --- */

/* Takes `need` over; it is answered after the step. */
void qnk_bound_need(struct qnk_host *host, struct qnk_need *need);
void qnk_bound_unplug(struct qnk_host *host, uint32_t kind, uint32_t number);
void qnk_bound_proposed(struct qnk_host *host, const struct qnk_effect *effect);

/* After a step: answers what was asked for in it. */
void qnk_bound_answer(struct qnk_host *host);

/* A plugin was made available: what was refused is looked for again. */
void qnk_bound_again(struct qnk_host *host);

/* Every QNK_LIVE_TICK_MS: what became of the plan. */
void qnk_bound_tick(struct qnk_host *host);

/* Whether something waits for an answer. */
bool qnk_bound_is_busy(const struct qnk_host *host);

/* The node stops: what waits for an answer gets one. */
void qnk_bound_stop(struct qnk_host *host);

/* --- looking --- */

/* The instance of a binding; NULL: not here, or that of the node's own files. */
struct qnk_instance *qnk_bound_find(struct qnk_host *host, uint32_t kind, uint32_t number);

/* --- what the operator says --- */

/* QN_OK: it is signed and sent, and `words` are empty unless it could not be kept on the disk;
 * others: `words` say why not. `plan`: its id. */
typedef void qnk_bound_said(void *ctx, int32_t status, const char *words,
                            const struct qnk_hash *plan);

/* A plan, made of a plugin that is here and this network's rules; 0 of `first`, `percent` and
 * `probation` is the least that the rules allow. Its trace is the plugin's here. */
struct qnk_bound_plan {
    const char *kind; /* "consensus", "producer" */
    const char *typed;
    const char *codes; /* of files that are accepted, 64 hex digits each, between commas; "here": of
                        * the one that is; "" or NULL: any */
    uint64_t first;
    uint32_t percent;
    uint32_t probation;
};

/* Kind, engine and table of a zeroed plan. QN_DENIED: plans are not for this kind; QN_UNSUPPORTED:
 * a plan cannot hold it. */
QN_MUST_CHECK int32_t qnk_bound_plan_fill(const struct qnk_config_plugin *used,
                                          const struct qnk_plugin *plugin,
                                          struct qnk_swap_plan *plan, char why[QNK_BOUND_WORDS]);

/* Each: not QN_OK, and `why` says it: it was not begun, and `said` is not called. */
QN_MUST_CHECK int32_t qnk_bound_plan(struct qnk_host *host, const struct qnk_bound_plan *plan,
                                     qnk_bound_said *said, void *ctx, char why[QNK_BOUND_WORDS]);
QN_MUST_CHECK int32_t qnk_bound_ready(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                                      char why[QNK_BOUND_WORDS]);
QN_MUST_CHECK int32_t qnk_bound_cancel(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                                       char why[QNK_BOUND_WORDS]);

/* Gives the attempt at the window up that waits to be decided: finality.md 12.4. */
QN_MUST_CHECK int32_t qnk_bound_abandon(struct qnk_host *host, qnk_bound_said *said, void *ctx,
                                        char why[QNK_BOUND_WORDS]);
