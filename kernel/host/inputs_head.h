/* SPDX-License-Identifier: MIT */
#pragma once

/* inputs_head.h: the HEAD record of an input log: which node it was, of which code.
 *
 * Unless a function's own comment says otherwise:
 *   owns     what is decoded borrows the record
 *   threads  any
 *   errors   QN_INVALID: it is no such record; QN_UNSUPPORTED: of another version
 */

#include <stdbool.h>

#include "kernel/base/sink.h"

enum { QNK_INPUTS_PLUGINS_MAX = 4 };

struct qnk_inputs_plugin {
    struct qn_span kind; /* "ledger" */
    struct qn_span name;
    struct qn_span version; /* "1.0.0" */
    struct qn_span path;    /* that its file was read from */
    struct qn_span config;  /* record */
    uint8_t hash[QN_HASH_SIZE];
};

struct qnk_inputs_head {
    struct qn_span program; /* its version */
    struct qn_span name;    /* of the node */
    struct qn_span setup;   /* tape.h */
    struct qn_span genesis; /* the ledger's record */
    uint64_t pages;         /* of the ledger's state that follow; 0: it begins with genesis */
    bool has_state;         /* whether there is a ledger at all: not at a light node with a chain */
    uint32_t guard;         /* enum qnk_guard_depth */
    uint32_t plugins_count;
    struct qnk_inputs_plugin plugins[QNK_INPUTS_PLUGINS_MAX]; /* that replay needs */
};

QN_MUST_CHECK int32_t qnk_inputs_head_encode(const struct qnk_inputs_head *head,
                                             struct qn_sink *out);
QN_MUST_CHECK int32_t qnk_inputs_head_decode(struct qn_span from, struct qnk_inputs_head *head);
