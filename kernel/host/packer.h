/* SPDX-License-Identifier: MIT */
#pragma once

/* packer.h: bodies of frames through the node's compressor, where that pays.
 *
 * One body usually goes to many peers in a row, so the last packed one is kept: it costs one
 * packing, however many take it. What comes in is bounded before it is unpacked.
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
#include "kernel/node/setup.h"

enum { QNK_PACKER_WORTH = 1024 }; /* bytes; packing less saves nothing that counts */

struct qnk_packer {
    struct qnk_plugged compression; /* table NULL: there is none */
    uint32_t lane;
    struct qnk_budget *budget;
    struct qn_sink plain;  /* a body in one piece */
    struct qn_sink packed; /* of `last` */
    struct qnk_queued last;
    bool has_last;
    bool is_smaller; /* `packed` is, than `last` */
};

void qnk_packer_init(struct qnk_packer *packer, const struct qnk_plugged *compression,
                     uint32_t lane, struct qnk_budget *budget);
void qnk_packer_done(struct qnk_packer *packer);

/* The frame's body packed, borrowed until the next call. False: it goes plain. */
bool qnk_packer_pack(struct qnk_packer *packer, uint8_t lane, const struct qnk_queued *frame,
                     struct qn_span *packed);

/* One reference to `plain_size` bytes. QN_INVALID: they are not that, or are more than a frame may
 * have, or no more than their packed form. QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_packer_unpack(struct qnk_packer *packer, struct qn_span packed,
                                        uint64_t plain_size, struct qn_buf **plain);
