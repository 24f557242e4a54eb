/* SPDX-License-Identifier: MIT */

#include "kernel/net/course.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/text.h"
#include "kernel/sim/stream.h"

enum { RESTART_MS = 1000, END_MIN_MS = 20000, TAIL_MS = 5000, NODES_TEXT = 200 };

bool qnk_variant_drops(const struct qnk_spec_variant *variant, const char *id)
{
    for (uint32_t i = 0; variant != NULL && i < variant->drops_count; i++) {
        if (*id != 0 && strcmp(variant->drops[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t node_pick(struct qnk_random *random, uint64_t among)
{
    uint32_t count = (uint32_t)__builtin_popcountll(among);
    uint64_t place = count == 0 ? 0 : qnk_random_below(random, count);

    for (uint32_t i = 0; i < QNK_SPEC_NODES_MAX; i++) {
        if ((among >> i & 1) != 0 && place-- == 0) {
            return i;
        }
    }
    return QNK_COURSE_NOBODY;
}

static uint64_t until_of(const struct qnk_spec_event *event, uint64_t at_ms)
{
    uint32_t takes = qnk_actions[event->action].takes;

    if (event->action == QNK_ACTION_RESTART) {
        return at_ms + RESTART_MS;
    }
    if ((takes & QNK_TAKES_AGAIN) != 0) {
        return event->again_ms == QNK_SPEC_NEVER ? UINT64_MAX : at_ms + event->again_ms;
    }
    if ((takes & QNK_TAKES_FOR) != 0) {
        return at_ms + event->for_ms;
    }
    return event->action == QNK_ACTION_LIE ? UINT64_MAX : at_ms;
}

static void act_add(struct qnk_course *course, const struct qnk_spec_event *event, uint64_t at_ms,
                    struct qnk_random *random)
{
    if (course->count < QNK_COURSE_ACTS_MAX) {
        course->acts[course->count++] = (struct qnk_act){
            .event = event,
            .at_ms = at_ms,
            .until_ms = until_of(event, at_ms),
            .node = (qnk_actions[event->action].takes & QNK_TAKES_NODE) == 0
                        ? QNK_COURSE_NOBODY
                        : node_pick(random, event->pick.among),
        };
    }
}

static void event_add(struct qnk_course *course, const struct qnk_spec_event *event,
                      struct qnk_random *random)
{
    if (!event->is_repeated) {
        act_add(course, event, event->at_ms, random);
        return;
    }
    for (uint64_t at = event->from_ms; at <= event->until_ms && course->count < QNK_COURSE_ACTS_MAX;
         at += event->every_ms) {
        uint64_t later = event->jitter_ms == 0 ? 0 : qnk_random_below(random, event->jitter_ms + 1);

        act_add(course, event, at + later, random);
    }
}

static int act_order(const void *a, const void *b)
{
    const struct qnk_act *left = a, *right = b;

    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    return left->event < right->event ? -1 : left->event > right->event;
}

static void end_raise(struct qnk_course *course, uint64_t ms)
{
    course->end_ms = ms != UINT64_MAX && ms > course->end_ms ? ms : course->end_ms;
}

static void end_find(struct qnk_course *course, const struct qnk_spec *spec)
{
    course->end_ms = END_MIN_MS;
    for (uint32_t i = 0; i < course->count; i++) {
        end_raise(course, course->acts[i].at_ms);
        end_raise(course, course->acts[i].until_ms);
    }
    for (uint32_t i = 0; i < spec->loads_count; i++) {
        end_raise(course, spec->loads[i].until_ms);
    }
    for (uint32_t i = 0; i < spec->asserts_count; i++) {
        end_raise(course, spec->asserts[i].until_ms);
    }
    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        end_raise(course, spec->nodes[i].start_ms);
    }
    course->end_ms += TAIL_MS;
}

void qnk_course_make(struct qnk_course *course, const struct qnk_spec *spec, uint64_t seed,
                     const struct qnk_spec_variant *variant)
{
    course->count = 0;
    for (uint32_t i = 0; i < spec->events_count; i++) {
        struct qnk_random random; /* of each its own: what is dropped changes nothing else */

        qnk_stream_init(&random, seed, "course", i);
        if (!qnk_variant_drops(variant, spec->events[i].id)) {
            event_add(course, &spec->events[i], &random);
        }
    }
    qsort(course->acts, course->count, sizeof *course->acts, act_order);
    end_find(course, spec);
}

void qnk_act_text(const struct qnk_spec *spec, const struct qnk_act *act, char *text, uint64_t room)
{
    const struct qnk_spec_event *event = act->event;
    char groups[NODES_TEXT] = "";
    uint64_t used;

    qnk_text(text, room, "%s", qnk_actions[event->action].name);
    used = strlen(text);
    if (act->node != QNK_COURSE_NOBODY) {
        qnk_text(text + used, room - used, " %s", spec->nodes[act->node].name);
    }
    for (uint32_t i = 0; i < event->groups_count; i++) {
        used = strlen(text);
        qnk_spec_nodes_text(spec, event->groups[i], groups, sizeof groups);
        qnk_text(text + used, room - used, "%s%s", i == 0 ? " " : " | ", groups);
    }
    used = strlen(text);
    if (event->kind[0] != 0) {
        qnk_text(text + used, room - used, " %s=%s", event->kind, event->plugin);
    }
    for (const struct qnk_tree *at = event->set == NULL ? NULL : event->set->first; at != NULL;
         at = at->next) {
        used = strlen(text);
        qnk_text(text + used, room - used, "%s %s", at == event->set->first ? " with other" : ",",
                 at->key);
    }
    used = strlen(text);
    if (act->until_ms != UINT64_MAX && act->until_ms > act->at_ms) {
        qnk_text(text + used, room - used, " for %llu.%llu s",
                 (unsigned long long)((act->until_ms - act->at_ms) / 1000),
                 (unsigned long long)((act->until_ms - act->at_ms) % 1000 / 100));
    }
}
