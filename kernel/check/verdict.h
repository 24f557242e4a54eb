/* SPDX-License-Identifier: MIT */
#pragma once

/* verdict.h: how a case ends, seen from inside the child that runs it.
 *
 * A case passes if it returns. The other ends leave the process at once, from any depth; what the
 * plugin holds goes with it.
 *
 * Unless a function's own comment says otherwise:
 *   threads  the case's own
 */

#define QNK_VERDICT_WORDS_MAX 512 /* bytes that say what a case found; more are cut */
#define QNK_VERDICT_PLACE_MAX 128 /* and where, likewise */

/* A rule is broken. */
__attribute__((format(printf, 1, 2))) _Noreturn void qnk_verdict_fail(const char *format, ...);

/* The case cannot be run here, or has nothing to look at. */
__attribute__((format(printf, 1, 2))) _Noreturn void qnk_verdict_skip(const char *format, ...);

/* What a case that passes says all the same. The last one counts. */
__attribute__((format(printf, 1, 2))) void qnk_verdict_note(const char *format, ...);

/* From now on a failure, and a death, are told as of there: "power cut before call 7". "":
 * nowhere. */
__attribute__((format(printf, 1, 2))) void qnk_verdict_at(const char *format, ...);

/* Ends as another process of this case did, by itself: `status` is that of waitpid(). What it said
 * stays said. */
_Noreturn void qnk_verdict_repeat(int status);
