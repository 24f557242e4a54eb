/* SPDX-License-Identifier: MIT */
#pragma once

/* stand.h: an instance under test, and all that a host gives it: memory within the manifest's, a
 * folder, a loop, shared memory.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a stand owns its node, loop and folder until done(); the folder's content is removed
 *            by the parent
 *   threads  the case's own
 *   errors   what must not happen fails the case
 */

#include "kernel/check/subject.h"
#include "sdk/check/check.h"
#include "sdk/check/loop.h"

struct qnk_stand {
    const struct qn_plugin *plugin;
    struct qn_check_given given;
    struct qn_node *node;
    struct qn_check_loop *loop;
    struct qn_inst *inst; /* NULL: none, or destroyed */
    char kind[QN_PLUGIN_NAME_MAX + 1];
    char folder[128];
    bool is_active;
};

/* What the contract's cases are given of `plugin`, which is one of the subject's two. */
struct qn_check_given qnk_subject_given(const struct qnk_subject *subject,
                                        const struct qn_plugin *plugin);

/* A stand without an instance. */
void qnk_stand_init(struct qnk_stand *stand, const struct qnk_subject *subject,
                    const struct qn_plugin *plugin);
void qnk_stand_done(struct qnk_stand *stand);

/* Another node over the same folder, as after a restart; there is no instance. */
void qnk_stand_renew(struct qnk_stand *stand);

/* create(), with what the plugin answered; OK and no instance is a failure. */
int32_t qnk_stand_create(struct qnk_stand *stand);

/* The same, which must be OK; and activate() with it. */
void qnk_stand_start(struct qnk_stand *stand);

/* freeze() until it is not BUSY any more, and destroy(). */
void qnk_stand_stop(struct qnk_stand *stand);

/* Asks freeze() again while it is BUSY, a bounded number of times, and turns the loop meanwhile. */
int32_t qnk_stand_freeze(struct qnk_stand *stand);

/* What the instance said last, as text. */
const char *qnk_stand_words(const struct qnk_stand *stand);

/* "NO_SPACE" and so on. */
const char *qnk_status_word(int32_t status);
