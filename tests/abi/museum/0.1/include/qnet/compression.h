/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/compression.yaml:
 * edit that, then `make generate`. */
#pragma once

/* compression.h: the contract of a compression plugin, compression/1.
 *
 * One block of plain bytes into fewer packed bytes, and back. The kernel uses it between peers that
 * agreed on it, and for blocks at rest.
 *
 * Packed bytes differ between versions of a library: never hash or sign them. Plain bytes are
 * exact.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    bytes
 *   owns     spans are borrowed and sinks are the caller's, until the call returns
 *   threads  pool: any worker; two calls with one lane never overlap
 *   cost     linear in the input; allocates nothing; no lock, clock or I/O
 *   errors   what was committed to a sink is rolled back
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_COMPRESSION
#define QN_TARGET_COMPRESSION 0
#endif

/* In bytes. Beyond: refused. Why: both ends of a link must agree so it cannot be configured. */
#define QN_COMPRESSION_PLAIN_MAX 16777216

struct qn_compression_1 {
    struct qn_head head;

    /* Room with which pack() cannot fail. `plain_size` up to PLAIN_MAX. Thread: any. */
    uint64_t (*bound)(struct qn_inst *inst, uint64_t plain_size);

    /* Packs one block. `plain` up to PLAIN_MAX. NO_SPACE: the sink's cap is below bound(). */
    QN_MUST_CHECK int32_t (*pack)(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                                  struct qn_sink *packed);

    /* Unpacks what strangers sent. `plain_size` comes from the kernel's frame and caps the sink, so
     * a small packet cannot grow without end. `plain_size` up to PLAIN_MAX. INVALID: not one whole
     * block of plain_size bytes or bytes after it. NO_SPACE: the sink's cap is below plain_size. */
    QN_MUST_CHECK int32_t (*unpack)(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                                    uint64_t plain_size, struct qn_sink *plain);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_COMPRESSION == 0
#define QN_COMPRESSION_PRINT UINT64_C(0xd79b73ff944644f9)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_COMPRESSION_1_HEAD \
    QN_HEAD(struct qn_compression_1, 1, QN_TARGET_COMPRESSION, QN_COMPRESSION_PRINT)
