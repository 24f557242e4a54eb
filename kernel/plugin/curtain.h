/* SPDX-License-Identifier: MIT */
#pragma once

/* curtain.h: memory behind which a call's arguments disappear when it returns.
 *
 * A range of addresses without memory. A call's copies are put at its front, made read-only before
 * the plugin sees them, and taken away afterwards, while the next call goes further on; so a
 * pointer that was kept, or a write to what is borrowed, faults at once. After a round the range
 * begins again.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one at a time
 *   cost     three system calls for each call with copies
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QNK_CURTAIN_SIZE 67108864 /* addresses of one; a call's copies have half of it at least */

struct qnk_curtain {
    uint8_t *base; /* NULL: no call needed it yet */
    size_t start;  /* of this call's copies */
    size_t used;   /* up to here they go */
    size_t mapped; /* up to here there is memory */
};

/* Begins a call. */
void qnk_curtain_open(struct qnk_curtain *curtain);

/* Room for a copy, aligned to 16. NULL: there is none, so the original must do. */
void *qnk_curtain_take(struct qnk_curtain *curtain, size_t size);

/* Read-only from here on. */
void qnk_curtain_seal(struct qnk_curtain *curtain);

/* Ends the call: its copies are gone. */
void qnk_curtain_close(struct qnk_curtain *curtain);
void qnk_curtain_done(struct qnk_curtain *curtain);
