/* SPDX-License-Identifier: MIT */
#pragma once

/* guard.h: what stands between the kernel and a plugin that may err.
 *
 * The wrappers are generated, one for each slot (gen/<kind>.c). By level they check
 *   class  the calling thread's class, the life state, the lane, the result's range; and roll back
 *          what a failed call committed to a sink
 *   full   also overlaps, borrowed memory (handed over as a copy that is unmapped afterwards),
 *          effects' types and bodies, and outputs of failed calls
 * A broken rule is logged with its number, counted, and makes the call QN_BUG; from then on the
 * instance is failed.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     class: a few nanoseconds a call; full: a few system calls
 *
 * Source: abi.md 5.
 */

#include <qnet/types.h>

/* Says which classes (enum qnk_thread) the calling thread is of, as a mask. A thread that never
 * said is of all of them: tests and simulations run everything in one. */
void qnk_guard_thread(uint32_t classes);
