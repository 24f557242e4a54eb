/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/guard.h"

#include <stdatomic.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/sink.h"
#include "kernel/plugin/curtain.h"
#include "kernel/plugin/guard_own.h"
#include "kernel/plugin/instance_own.h"

enum { GROUPS_MAX = 8 };

/* What runs at the moment, under the lock; and a curtain for each lane, one more for the loop. */
struct qnk_guarded {
    struct qnk_instance *instance;
    const void *table;
    bool is_full;
    uint32_t lanes;
    pthread_mutex_t lock;
    uint32_t pool_running; /* shared and serial calls */
    bool is_alone;         /* one that must be alone runs */
    bool is_loop;
    bool is_control;
    bool groups[GROUPS_MAX];
    bool *lanes_busy;
    struct qnk_curtain *curtains; /* lanes + 1 */
    size_t size;                  /* bytes of all this */
};

static _Thread_local uint32_t thread_classes; /* 0: never said */

void qnk_guard_thread(uint32_t classes)
{
    thread_classes = classes;
}

struct qnk_guarded *qnk_guarded_create(struct qnk_instance *instance, enum qnk_guard_depth depth)
{
    uint32_t lanes = instance->plugin->manifest.lanes;
    size_t curtains_at = (sizeof(struct qnk_guarded) + 15) / 16 * 16;
    size_t busy_at = curtains_at + (lanes + 1) * sizeof(struct qnk_curtain);
    uint8_t *block = qnk_memory_take(instance->node.heap, busy_at + lanes);
    struct qnk_guarded *guard = (void *)block;

    if (guard == NULL) {
        return NULL;
    }
    *guard = (struct qnk_guarded){
        .instance = instance,
        .table = instance->plugin->table,
        .is_full = depth == QNK_GUARD_FULL,
        .lanes = lanes,
        .curtains = (void *)(block + curtains_at),
        .lanes_busy = (void *)(block + busy_at),
        .size = busy_at + lanes,
    };
    (void)pthread_mutex_init(&guard->lock, NULL);
    return guard;
}

void qnk_guarded_destroy(struct qnk_guarded *guard)
{
    if (guard == NULL) {
        return;
    }
    for (uint32_t i = 0; i <= guard->lanes; i++) {
        qnk_curtain_done(&guard->curtains[i]);
    }
    (void)pthread_mutex_destroy(&guard->lock);
    qnk_memory_give(guard->instance->node.heap, guard, guard->size);
}

/* A rule that the caller broke: the plugin is not called. */
static bool refuse(struct qnk_guarded *guard, const struct qnk_slot *slot,
                   enum qnk_guarded_rule rule, const char *words)
{
    qnk_host_fault(&guard->instance->node, rule, slot->name, words);
    return false;
}

/* A rule that the plugin broke: it is not trusted any more. */
static void condemn(struct qnk_guarded_call *call, enum qnk_guarded_rule rule, const char *words)
{
    qnk_host_fault(&call->guard->instance->node, rule, call->slot->name, words);
    call->is_broken = true;
    atomic_store_explicit(&call->guard->instance->life, QNK_LIFE_FAILED, memory_order_release);
}

/* What level `class` asks of a caller. */
static bool class_check(struct qnk_guarded *guard, const struct qnk_slot *slot, uint32_t lane)
{
    uint32_t life = atomic_load_explicit(&guard->instance->life, memory_order_acquire);

    if (life == QNK_LIFE_FAILED) {
        return false; /* it was said when it failed */
    }
    if ((slot->states >> life & 1) == 0) {
        return refuse(guard, slot, QNK_GUARDED_LIFE, "called in a state that it is not for");
    }
    if (slot->thread != QNK_THREAD_ANY && thread_classes != 0 &&
        (thread_classes & slot->thread) == 0) {
        return refuse(guard, slot, QNK_GUARDED_THREAD, "called by a thread of another class");
    }
    if (slot->thread == QNK_THREAD_POOL && lane >= guard->lanes) {
        return refuse(guard, slot, QNK_GUARDED_LANE, "a lane that it does not have");
    }
    return true;
}

/* The rule that this call would break beside what runs, or 0. Under the lock. */
static enum qnk_guarded_rule overlap_rule(const struct qnk_guarded *guard,
                                          const struct qnk_slot *slot, uint32_t lane)
{
    bool is_busy = guard->pool_running > 0 || guard->is_loop;

    if (slot->thread == QNK_THREAD_LOOP) {
        return guard->is_loop                         ? QNK_GUARDED_SAME
               : guard->is_alone || guard->is_control ? QNK_GUARDED_ALONE
                                                      : 0;
    }
    if (slot->thread == QNK_THREAD_CONTROL) {
        return guard->is_control            ? QNK_GUARDED_SAME
               : is_busy || guard->is_alone ? QNK_GUARDED_ALONE
                                            : 0;
    }
    if (guard->lanes_busy[lane]) {
        return QNK_GUARDED_SAME;
    }
    if (guard->is_alone || guard->is_control || (slot->overlap == QNK_OVERLAP_ALONE && is_busy)) {
        return QNK_GUARDED_ALONE;
    }
    return slot->overlap == QNK_OVERLAP_SERIAL && guard->groups[slot->group] ? QNK_GUARDED_GROUP
                                                                             : 0;
}

/* Notes that a call runs, or that it does not any more. Under the lock. */
static void running_set(struct qnk_guarded *guard, const struct qnk_slot *slot, uint32_t lane,
                        bool runs)
{
    if (slot->thread == QNK_THREAD_LOOP) {
        guard->is_loop = runs;
        return;
    }
    if (slot->thread == QNK_THREAD_CONTROL) {
        guard->is_control = runs;
        return;
    }
    guard->lanes_busy[lane] = runs;
    if (slot->overlap == QNK_OVERLAP_ALONE) {
        guard->is_alone = runs;
        return;
    }
    guard->pool_running += runs ? 1 : UINT32_MAX;
    if (slot->overlap == QNK_OVERLAP_SERIAL) {
        guard->groups[slot->group] = runs;
    }
}

static bool overlap_enter(struct qnk_guarded *guard, const struct qnk_slot *slot, uint32_t lane)
{
    QN_ASSERT(slot->group < GROUPS_MAX);
    (void)pthread_mutex_lock(&guard->lock);

    enum qnk_guarded_rule rule = overlap_rule(guard, slot, lane);

    if (rule == 0) {
        running_set(guard, slot, lane, true);
    }
    (void)pthread_mutex_unlock(&guard->lock);
    return rule == 0 || refuse(guard, slot, rule, "called beside another call");
}

bool qnk_guarded_enter(struct qnk_guarded_call *call, struct qn_inst *inst,
                       const struct qnk_slot *slot, uint32_t lane)
{
    struct qnk_guarded *guard = (void *)inst;
    bool is_watched = guard->is_full && slot->thread != QNK_THREAD_ANY;

    if (!class_check(guard, slot, lane) || (is_watched && !overlap_enter(guard, slot, lane))) {
        return false;
    }
    call->guard = guard;
    call->inst = guard->instance->inst;
    call->slot = slot;
    call->curtain = NULL;
    call->lane = lane;
    call->is_broken = false;
    call->sinks_count = 0;
    call->outs_count = 0;
    if (is_watched) {
        call->curtain = &guard->curtains[slot->thread == QNK_THREAD_POOL ? lane : guard->lanes];
        qnk_curtain_open(call->curtain);
    }
    return true;
}

void *qnk_guarded_room(struct qnk_guarded_call *call, const void *from, uint64_t size)
{
    void *room = NULL;

    if (call->curtain != NULL && size > 0 && size <= QNK_CURTAIN_SIZE) {
        room = qnk_curtain_take(call->curtain, (size_t)size);
    }
    if (room != NULL) {
        memcpy(room, from, (size_t)size);
    }
    return room;
}

const void *qnk_guarded_bytes(struct qnk_guarded_call *call, const void *bytes, uint64_t size)
{
    const void *copy = qnk_guarded_room(call, bytes, size);

    return copy != NULL ? copy : bytes;
}

struct qn_span qnk_guarded_span(struct qnk_guarded_call *call, struct qn_span span)
{
    return (struct qn_span){qnk_guarded_bytes(call, span.data, span.size), span.size};
}

const struct qn_span *qnk_guarded_spans(struct qnk_guarded_call *call, const struct qn_span *spans,
                                        uint32_t count)
{
    struct qn_span *copy = qnk_guarded_room(call, spans, count * sizeof *spans);

    for (uint32_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = qnk_guarded_span(call, spans[i]);
    }
    return copy != NULL ? copy : spans;
}

/* A payload's owner is counted, so its bytes may be kept and are not copied. */
const struct qn_event *const *qnk_guarded_events(struct qnk_guarded_call *call,
                                                 const struct qn_event *const *events,
                                                 uint32_t count)
{
    const struct qn_event **copy = qnk_guarded_room(call, events, count * sizeof(void *));

    for (uint32_t i = 0; copy != NULL && i < count; i++) {
        struct qn_event *event = qnk_guarded_room(call, events[i], sizeof *event);

        if (event != NULL) {
            event->body = qnk_guarded_span(call, events[i]->body);
            copy[i] = event;
        }
    }
    return copy != NULL ? (const struct qn_event *const *)copy : events;
}

void qnk_guarded_sink(struct qnk_guarded_call *call, struct qn_sink *sink)
{
    QN_ASSERT(call->sinks_count < QNK_GUARDED_SINKS_MAX);
    call->sinks[call->sinks_count] = sink;
    call->sizes[call->sinks_count++] = sink->size;
}

void qnk_guarded_out(struct qnk_guarded_call *call, void *out, uint32_t size)
{
    if (!call->guard->is_full) {
        return;
    }

    struct qnk_guarded_out_kept *kept = &call->outs[call->outs_count++];

    QN_ASSERT(call->outs_count <= QNK_GUARDED_OUTS_MAX);
    QN_ASSERT(size <= sizeof kept->before);
    kept->at = out;
    kept->size = size;
    memcpy(kept->before, out, size);
}

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct qnk_guarded_call *call = ctx;

    if (!call->effect_is_valid(type, body, payload != NULL)) {
        condemn(call, QNK_GUARDED_EFFECT, "an effect that the kind does not have");
        return QN_BUG;
    }
    return call->effects_to->push(call->effects_to->ctx, type, body, payload);
}

struct qn_effects *qnk_guarded_effects(struct qnk_guarded_call *call, struct qn_effects *out,
                                       bool (*is_valid)(uint32_t type, struct qn_span body,
                                                        bool has_payload))
{
    if (!call->guard->is_full) {
        return out;
    }
    call->effects_to = out;
    call->effect_is_valid = is_valid;
    call->effects = (struct qn_effects){.head = out->head, .ctx = call, .push = effect_push};
    return &call->effects;
}

const void *qnk_guarded_ready(struct qnk_guarded_call *call)
{
    if (call->curtain != NULL) {
        qnk_curtain_seal(call->curtain);
    }
    return call->guard->table;
}

/* After a failure sinks and outputs are as they were. */
static void roll_back(struct qnk_guarded_call *call)
{
    for (uint32_t i = 0; i < call->sinks_count; i++) {
        qnk_sink_cut(call->sinks[i], call->sizes[i]);
    }
    for (uint32_t i = 0; i < call->outs_count; i++) {
        const struct qnk_guarded_out_kept *kept = &call->outs[i];

        if (memcmp(kept->at, kept->before, kept->size) != 0) {
            memcpy(kept->at, kept->before, kept->size);
            condemn(call, QNK_GUARDED_OUTPUT, "it failed, and changed an output");
        }
    }
}

int32_t qnk_guarded_leave(struct qnk_guarded_call *call, int32_t status)
{
    struct qnk_guarded *guard = call->guard;

    if (call->curtain != NULL) {
        qnk_curtain_close(call->curtain);
        (void)pthread_mutex_lock(&guard->lock);
        running_set(guard, call->slot, call->lane, false);
        (void)pthread_mutex_unlock(&guard->lock);
    }
    if (status < 0 || status >= QN_STATUS_COUNT) {
        condemn(call, QNK_GUARDED_STATUS, "an answer that is no status");
    }
    if (call->is_broken || (status != QN_OK && status != QN_AGAIN)) {
        roll_back(call);
    }
    if (status == QN_BUG || status == QN_FATAL) {
        atomic_store_explicit(&guard->instance->life, QNK_LIFE_FAILED, memory_order_release);
    }
    return call->is_broken ? QN_BUG : status;
}

void qnk_guarded_end(struct qnk_guarded_call *call)
{
    int32_t status = qnk_guarded_leave(call, QN_OK);

    QN_ASSERT(status == QN_OK); /* such slots have nothing that could be broken */
}
