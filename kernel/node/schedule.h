/* SPDX-License-Identifier: MIT */
#pragma once

/* schedule.h: who may make which microblock, and when: producer plugins, each for the windows that
 * its binding serves, behind the kernel's own bounds and its rotation for ranks from
 * QN_PRODUCER_VIEWS_MAX on.
 *
 * A window whose producer is not here is held: its set is known, its turns are not. One whose
 * producer is here and fails has the kernel's ranks alone.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds
 *   threads  the core's
 *   errors   QN_NOT_FOUND: the window is not open, or held; QN_BUG and what else a plugin answers:
 *            it cannot be trusted with this, so the node must neither produce nor vote
 *
 * Source: finality.md 3.1, 3.2.
 */

#include "kernel/chain/macro.h"
#include "kernel/chain/micro.h"
#include "kernel/node/setup.h"

enum {
    QNK_SCHEDULE_VIEWS = 64,       /* ranks that the plugin decides; QN_PRODUCER_VIEWS_MAX */
    QNK_SCHEDULE_BACKUP_MS = 1000, /* of the kernel's ranks */
    QNK_SCHEDULE_RECENT = 32,      /* headers that pace looks at; QN_PRODUCER_RECENT_MAX */
};

/* When a block may come on a chain. */
struct qnk_pace {
    uint8_t class;
    uint32_t interval_ms;
    uint32_t backup_ms;
};

struct qnk_schedule;

/* With the producer of binding 0; its table NULL: without. NULL: over the budget. */
QN_MUST_CHECK struct qnk_schedule *qnk_schedule_create(struct qnk_budget *budget,
                                                       const struct qnk_params *params,
                                                       struct qnk_plugged producer);
void qnk_schedule_destroy(struct qnk_schedule *schedule);

/* The producer of a binding comes, or goes with all its windows closed. QN_NO_SPACE: there are too
 * many. */
QN_MUST_CHECK int32_t qnk_schedule_plug(struct qnk_schedule *schedule, uint32_t number,
                                        struct qnk_plugged producer);
void qnk_schedule_unplug(struct qnk_schedule *schedule, uint32_t number);

/* Opens a window for the binding `number`: `basis` is the macroblock three windows earlier, NULL
 * for genesis; set and control are those after it. Takes a reference of the set. A window that was
 * held may be opened again. QN_NO_SPACE: it is not open; what else the plugin answers: its ranks
 * stay empty. */
QN_MUST_CHECK int32_t qnk_schedule_open(struct qnk_schedule *schedule, uint64_t window,
                                        uint32_t number, const struct qnk_macro *basis,
                                        const struct qnk_hash *beacon, struct qnk_set *set,
                                        const struct qnk_control *control);

/* Forgets windows up to this one. */
void qnk_schedule_close(struct qnk_schedule *schedule, uint64_t window);

/* Whether opening a window would change something: it is not open, or was held and need not be. */
bool qnk_schedule_wants(const struct qnk_schedule *schedule, uint64_t window);

/* Whether a window is open and its producer is not here. */
bool qnk_schedule_is_held(const struct qnk_schedule *schedule, uint64_t window);

/* The set of an open window; NULL: not open. */
struct qnk_set *qnk_schedule_set(const struct qnk_schedule *schedule, uint64_t window);

/* Who may make `height` as rank `view`. */
QN_MUST_CHECK int32_t qnk_schedule_turn(struct qnk_schedule *schedule, uint64_t height,
                                        uint32_t view, uint32_t *member);

/* Who has rank 0 of `height`; QNK_SET_NOBODY: the plugin fails. */
QN_MUST_CHECK int32_t qnk_schedule_primary(struct qnk_schedule *schedule, uint64_t height,
                                           uint32_t *member);

/* The best rank of `member` for `height`: one of the kernel's if the plugin fails. */
QN_MUST_CHECK int32_t qnk_schedule_rank(struct qnk_schedule *schedule, uint64_t height,
                                        uint32_t member, uint32_t *view);

/* The same if only the kernel's ranks count, as where the plugin's pace is none that the network
 * allows. */
QN_MUST_CHECK int32_t qnk_schedule_last_rank(const struct qnk_schedule *schedule, uint64_t height,
                                             uint32_t member, uint32_t *view);

/* The pace of `height` after the headers in `recent`, newest first. For ranks of the plugin; the
 * kernel's have class 0, the longest interval and their own backup: qnk_pace_of(). */
QN_MUST_CHECK int32_t qnk_schedule_pace(struct qnk_schedule *schedule, uint64_t height,
                                        const struct qnk_micro *const *recent, uint32_t count,
                                        struct qnk_pace *pace);

/* The pace that binds rank `view`. */
struct qnk_pace qnk_pace_of(const struct qnk_params *params, const struct qnk_pace *pace,
                            uint32_t view);
