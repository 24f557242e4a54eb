/* SPDX-License-Identifier: MIT */
#pragma once

/* packer.h: bodies of frames through the node's compressor, where that pays.
 *
 * One body usually goes to many peers in a row, so the last packed one is kept: it costs one
 * packing, however many take it. What comes in is bounded before it is unpacked.
 *
 * One compressor packs; those that packed before it stay for frames that name them.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the packer keeps a reference to the body that it packed last
 *   threads  one at a time: it uses one lane of the compressor
 *
 * Source: chain.md "Peers".
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/base/sink.h"
#include "kernel/host/lanes.h"
#include "kernel/host/session.h"
#include "kernel/node/setup.h"

enum { QNK_PACKER_WORTH = 1024 }; /* bytes; packing less saves nothing that counts */

struct qnk_packer {
    struct qnk_plugged compressors[QNK_SESSION_COMPRESSORS_MAX]; /* as a session counts them */
    uint32_t count;
    uint32_t active; /* the one that packs; if count > 0 */
    uint32_t lane;
    struct qnk_budget *budget;
    struct qn_sink plain;  /* a body in one piece */
    struct qn_sink packed; /* of `last` */
    struct qnk_queued last;
    bool has_last;
    bool is_smaller; /* `packed` is, than `last` */
};

void qnk_packer_init(struct qnk_packer *packer, uint32_t lane, struct qnk_budget *budget);
void qnk_packer_done(struct qnk_packer *packer);

/* From here on the compressor at `place`, which is at most `count`, is this one, and packs. */
void qnk_packer_use(struct qnk_packer *packer, uint32_t place,
                    const struct qnk_plugged *compression);

/* The frame's body packed, borrowed until the next call. False: it goes plain. */
bool qnk_packer_pack(struct qnk_packer *packer, uint8_t lane, const struct qnk_queued *frame,
                     struct qn_span *packed);

/* One reference to `plain_size` bytes, by the compressor at `place`. QN_INVALID: they are not that,
 * or are more than a frame may have, or no more than their packed form. QN_NO_SPACE: over the
 * budget. */
QN_MUST_CHECK int32_t qnk_packer_unpack(struct qnk_packer *packer, uint32_t place,
                                        struct qn_span packed, uint64_t plain_size,
                                        struct qn_buf **plain);
