/* SPDX-License-Identifier: MIT */
#pragma once

/* guard_own.h: what the generated wrappers of gen/<kind>.c are made of.
 *
 * A wrapper enters, hands each argument through the call of its type, makes ready, calls the
 * plugin, and leaves. At level `class` the arguments come back as they are.
 *
 * Unless a function's own comment says otherwise:
 *   owns     copies belong to the call, and are unmapped when it leaves
 *   threads  any; a call belongs to one
 */

#include "kernel/plugin/guard.h"
#include "kernel/plugin/instance.h"

#define QNK_GUARDED_OUTS_MAX  4 /* outputs of one slot that are watched */
#define QNK_GUARDED_SINKS_MAX 2 /* sinks of one slot */

struct qnk_guarded;
struct qnk_curtain;

/* An output of a call, and what it was before. */
struct qnk_guarded_out_kept {
    void *at;
    uint32_t size;
    uint8_t before[QN_HASH_SIZE];
};

struct qnk_guarded_call {
    struct qnk_guarded *guard;
    struct qn_inst *inst; /* the plugin's own */
    const struct qnk_slot *slot;
    struct qnk_curtain *curtain; /* of the lane; NULL: arguments are not copied */
    uint32_t lane;
    bool is_broken; /* a rule was broken meanwhile */
    uint32_t sinks_count;
    uint32_t outs_count;
    struct qn_sink *sinks[QNK_GUARDED_SINKS_MAX];
    uint64_t sizes[QNK_GUARDED_SINKS_MAX]; /* of the sinks before */
    struct qnk_guarded_out_kept outs[QNK_GUARDED_OUTS_MAX];
    struct qn_effects *effects_to;
    struct qn_effects effects;
    bool (*effect_is_valid)(uint32_t type, struct qn_span body, bool has_payload);
};

/* A guard for an instance that was created. NULL: over the budget. */
QN_MUST_CHECK struct qnk_guarded *qnk_guarded_create(struct qnk_instance *instance,
                                                     enum qnk_guard_depth depth);
void qnk_guarded_destroy(struct qnk_guarded *guard);

/* Whether the call may be made. False: a rule was broken, and nothing is to be left. */
QN_MUST_CHECK bool qnk_guarded_enter(struct qnk_guarded_call *call, struct qn_inst *inst,
                                     const struct qnk_slot *slot, uint32_t lane);

struct qn_span qnk_guarded_span(struct qnk_guarded_call *call, struct qn_span span);
const void *qnk_guarded_bytes(struct qnk_guarded_call *call, const void *bytes, uint64_t size);
const struct qn_span *qnk_guarded_spans(struct qnk_guarded_call *call, const struct qn_span *spans,
                                        uint32_t count);
const struct qn_event *const *qnk_guarded_events(struct qnk_guarded_call *call,
                                                 const struct qn_event *const *events,
                                                 uint32_t count);

/* A copy that may be written until ready(); NULL: arguments are not copied. */
void *qnk_guarded_room(struct qnk_guarded_call *call, const void *from, uint64_t size);

/* Remembers what failure must leave as it was. */
void qnk_guarded_sink(struct qnk_guarded_call *call, struct qn_sink *sink);
void qnk_guarded_out(struct qnk_guarded_call *call, void *out, uint32_t size);

struct qn_effects *qnk_guarded_effects(struct qnk_guarded_call *call, struct qn_effects *out,
                                       bool (*is_valid)(uint32_t type, struct qn_span body,
                                                        bool has_payload));

/* The plugin's table; from here on what was copied is read-only. */
const void *qnk_guarded_ready(struct qnk_guarded_call *call);

/* The call's result: the status, or QN_BUG. */
QN_MUST_CHECK int32_t qnk_guarded_leave(struct qnk_guarded_call *call, int32_t status);

/* The same for a call that has no status. */
void qnk_guarded_end(struct qnk_guarded_call *call);
