/* SPDX-License-Identifier: MIT */
#pragma once

/* happened.h: what a transport reported in one pump, kept until the pump has returned: only then
 * may the transport be called again.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the list holds one reference to each payload
 *   threads  the host's loop
 *   cost     copies addresses and texts, never frames that have an owner
 */

#include <stdbool.h>

#include <qnet/transport.h>

#include "kernel/base/buf.h"
#include "kernel/host/peers.h"

enum { QNK_HAPPENED_MAX = 128 }; /* effects of one pump */

struct qnk_happened {
    uint32_t type; /* QN_TRANSPORT_EFFECT_... */
    uint32_t reason;
    uint64_t token;
    uint64_t listener;
    uint64_t link;
    bool is_lost; /* its payload did not fit into memory */
    struct qn_slice payload;
    char text[QNK_PEER_ADDRESS_SIZE]; /* an address, or why something went down */
};

struct qnk_happenings {
    struct qnk_happened *list;
    uint32_t count;
    struct qnk_budget *budget;
};

/* QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_happenings_init(struct qnk_happenings *all, struct qnk_budget *budget);
void qnk_happenings_done(struct qnk_happenings *all);

/* Pumps once; the answer is the transport's. The list is empty before. */
QN_MUST_CHECK int32_t qnk_happenings_take(struct qnk_happenings *all,
                                          const struct qn_transport_1 *transport,
                                          struct qn_inst *inst);

/* Gives all payloads back. */
void qnk_happenings_reset(struct qnk_happenings *all);
