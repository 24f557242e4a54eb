/* SPDX-License-Identifier: MIT */
#pragma once

/* trial.h: the standard work of an engine or a producer, and the hash of all that it answers: what
 * a plan of a swap calls its `trace`.
 *
 * The work is a function of this file alone, so the trace is one of the plugin's code and its
 * config: nodes whose traces are equal have plugins that agree, whatever compiler and machine they
 * came from; one that differs shows it before it votes. An engine sits in windows of its own, among
 * three members who agree, are silent, are too few, or contradict each other, with and without
 * proposals of theirs; its timers run out in order. It says nothing about liars, load or state that
 * the chain has: the rehearsal (kernel/sim/rehearsal.h) and the kit ask such things.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the instance is the caller's, active, and used for nothing else afterwards
 *   threads  one
 *   cost     some milliseconds
 *
 * Source: finality.md 12.1.
 */

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"
#include "kernel/chain/binding.h"
#include "kernel/plugin/plugged.h"

/* Of a plan's engine, whose steps alone are told and taken. QN_NO_SPACE: over the budget; others:
 * what the plugin failed with, which is QN_BUG too if it never came to rest. */
QN_MUST_CHECK int32_t qnk_trial_run(struct qnk_budget *budget, uint32_t kind,
                                    const struct qnk_binding *engine, struct qnk_plugged plugin,
                                    struct qnk_hash *trace);
