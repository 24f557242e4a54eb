/* SPDX-License-Identifier: MIT */
#pragma once

/* watch.h: who looks into a world while it runs: oracles, which only look, and liars, which change
 * what a node hears and says.
 *
 * Several may watch, in the order in which they were added; a later one sees what an earlier one
 * changed, and nothing of what it took away. A hook may be NULL.
 *
 * What hooks may call: everything that looks at the world, qnk_world_send and qnk_world_at. Nothing
 * that steps, starts or stops a node: that goes into a call by qnk_world_at, which may do both.
 *
 * Unless a function's own comment says otherwise:
 *   units    nodes are numbered from 0, their peers (in events and effects) from 1: node + 1
 *   owns     what a hook is given is borrowed until it returns
 *   threads  one
 *
 * Source: scale.md 1.6, 1.7; finality.md 14.2.
 */

#include "kernel/node/effect.h"
#include "kernel/node/event.h"

enum { QNK_WATCHES_MAX = 8 };

struct qnk_watch {
    void *ctx;
    /* A node lives (again): before its first event. */
    void (*started)(void *ctx, uint32_t node);
    /* Its power went, and it is no more. Not called for the end of the world. */
    void (*stopped)(void *ctx, uint32_t node);
    /* Before a step. False: the node does not get the event. The event may be changed; a buf put
     * into it is referenced by whoever put it there until `stepped`. A job is never kept back. */
    bool (*event)(void *ctx, uint32_t node, struct qnk_event *event);
    /* After a step, before its effects are performed. */
    void (*stepped)(void *ctx, uint32_t node, const struct qnk_event *event,
                    const struct qnk_effects *effects);
    /* Before one effect is performed. False: it is not; who says so has given back, or keeps, what
     * it holds. The effect may be changed. */
    bool (*effect)(void *ctx, uint32_t node, struct qnk_effect *effect);
    /* The key of `node` has signed these bytes, which say in their first tag what for, and the
     * signature leaves the signer now: what had to be durable before is. Called for every
     * signature that machines make, honest or not; a liar that signs with qnk_world_key tells it
     * by qnk_world_signed. */
    void (*signed_)(void *ctx, uint32_t node, struct qn_span message, const uint8_t signature[64]);
};
