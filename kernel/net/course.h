/* SPDX-License-Identifier: MIT */
#pragma once

/* course.h: a timeline laid out: each thing that happens once, with its time and its node, by the
 * seed. The same spec and seed give the same course on every machine.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds since the network's start
 *   threads  any: plain data
 */

#include "kernel/net/spec.h"

enum { QNK_COURSE_ACTS_MAX = 2048 }; /* more of what repeats is left out */

#define QNK_COURSE_NOBODY UINT32_MAX

struct qnk_act {
    const struct qnk_spec_event *event;
    uint64_t at_ms;
    uint64_t until_ms; /* when it ends; UINT64_MAX: never */
    uint32_t node;     /* QNK_COURSE_NOBODY: of no node in particular */
    bool has_begun, is_over;
    uint64_t done_ms; /* when it ended; of a swap: when it was in use everywhere; 0: not yet */
    uint64_t window;  /* of a swap: from which on, as its plan says; 0: not known */
};

struct qnk_course {
    struct qnk_act acts[QNK_COURSE_ACTS_MAX]; /* by time */
    uint32_t count;
    uint64_t end_ms; /* when nothing of the spec is still to come */
};

/* `variant` NULL: everything. */
void qnk_course_make(struct qnk_course *course, const struct qnk_spec *spec, uint64_t seed,
                     const struct qnk_spec_variant *variant);

/* Whether a variant is without the thing of this id. */
bool qnk_variant_drops(const struct qnk_spec_variant *variant, const char *id);

/* "kill v5 for 5 s" */
void qnk_act_text(const struct qnk_spec *spec, const struct qnk_act *act, char *text,
                  uint64_t room);
