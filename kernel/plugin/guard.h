/* SPDX-License-Identifier: MIT */
#pragma once

/* guard.h: what stands between the kernel and a plugin that may err.
 *
 * The wrappers are generated, one for each slot (gen/<kind>.c). By level they check
 *   class  the calling thread's class, the life state, the lane, the result's range; and roll back
 *          what a failed call committed to a sink
 *   full   also overlaps, borrowed memory (handed over as a read-only copy that is gone
 *          afterwards), effects' types and bodies, and outputs of failed calls
 * A broken rule is logged with its number, counted, and makes the call QN_BUG. If the plugin broke
 * it the instance is failed from then on, and every call is QN_BUG; if its caller did, the plugin
 * is not called. Borrowed memory cannot be reported: the process ends at the place that touches it.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     class: a few nanoseconds a call; full: a few system calls
 *
 * Source: abi.md 5.
 */

#include <qnet/types.h>

/* The numbers stand in logs as QN-GRD-NNN and are never used for another rule. */
enum qnk_guarded_rule {
    QNK_GUARDED_STATUS = 1,   /* an answer that is no status */
    QNK_GUARDED_NO_INST = 2,  /* create() was OK and gave no instance */
    QNK_GUARDED_LIFE = 3,     /* called in a state that the slot is not for */
    QNK_GUARDED_THREAD = 4,   /* called by a thread of another class */
    QNK_GUARDED_LANE = 5,     /* a lane that the manifest does not have */
    QNK_GUARDED_SAME = 6,     /* two calls on one lane, or two of the loop or of control, at once */
    QNK_GUARDED_GROUP = 7,    /* two serial calls of one group at once */
    QNK_GUARDED_ALONE = 8,    /* something beside a call that must be alone */
    QNK_GUARDED_OUTPUT = 9,   /* a call that failed changed an output */
    QNK_GUARDED_EFFECT = 10,  /* an effect that the kind does not have, or not one valid record */
    QNK_GUARDED_METRIC = 20,  /* a metric that the manifest does not have */
    QNK_GUARDED_COUNTER = 21, /* a counter that falls */
};

/* Says which classes (enum qnk_thread) the calling thread is of, as a mask. A thread that never
 * said is of all of them: tests and simulations run everything in one. */
void qnk_guard_thread(uint32_t classes);
