/* SPDX-License-Identifier: MIT */
#pragma once

/* memo.h: a signature plugin behind a memory of its verdicts: of equal key, message and signature
 * the plugin is asked once in a process, and all nodes get its verdict (level L1, scale.md 1.3).
 *
 * Nothing else changes: a verdict is a pure function of the three, so a run is event for event what
 * it is without (a test compares the traces).
 *
 * Unless a function's own comment says otherwise:
 *   owns     the plugin behind must outlive the memo's last call
 *   threads  one
 *   cost     one SHA-256 of the item instead of a verification; QNK_MEMO_PLACES of 40 bytes
 */

#include "kernel/base/memory.h"
#include "kernel/plugin/plugged.h"

enum { QNK_MEMO_PLACES = 65536 }; /* a newer verdict takes the place of an older one */

struct qnk_memo;

/* NULL: no memory. */
QN_MUST_CHECK struct qnk_memo *qnk_memo_create(struct qnk_budget *budget);
void qnk_memo_destroy(struct qnk_memo *memo); /* NULL is allowed */

/* Who answers what is not known, from now on. */
void qnk_memo_ask(struct qnk_memo *memo, struct qnk_plugged signature);

/* What nodes call instead. */
struct qnk_plugged qnk_memo_plugged(struct qnk_memo *memo);
