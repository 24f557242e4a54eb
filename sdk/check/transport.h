/* SPDX-License-Identifier: MIT */
#pragma once

/* transport.h: what every transport plugin must do, whatever carries its frames. A plugin's own
 * test program lists these cases before its own.
 *
 * Each case makes two or more instances, its ends, in one loop; a frame's content follows from its
 * place in its stream, so that any loss, change or exchange is seen.
 */

#include <qnet/transport.h>

#include "sdk/check/check.h"
#include "sdk/check/gen/transport.h"

/* Addresses are the plugin's own matter, so its test program gives some. */
struct qn_check_transport_given {
    struct qn_check_given given;
    const char *listen;     /* that can be listened on in every case anew */
    const char *nowhere;    /* a good address where nobody listens */
    const char *const *bad; /* no addresses, up to a NULL */
};

/* The subject of every case. */
struct qn_check_transport *qn_check_transport_start(const struct qn_check_transport_given *given);
void qn_check_transport_stop(struct qn_check_transport *it);

/* For a plugin's own cases: two ends, of which end 1 listens and end 0 has one link to it. */
void qn_check_transport_open(struct qn_check_transport *it);
void qn_check_transport_close(struct qn_check_transport *it);

/* An end without a link, for cases that play the far side themselves; the instance of end `index`,
 * and the address at which it listens or NULL. */
void qn_check_transport_open_one(struct qn_check_transport *it);
struct qn_inst *qn_check_transport_inst(struct qn_check_transport *it, uint32_t index);
struct qn_node *qn_check_transport_node(struct qn_check_transport *it, uint32_t index);
const char *qn_check_transport_address(struct qn_check_transport *it, uint32_t index);

/* Has end `index` listen, and waits for it; has it dial, and waits for nothing. */
void qn_check_transport_listen(struct qn_check_transport *it, uint32_t index, const char *address);
void qn_check_transport_dial(struct qn_check_transport *it, uint32_t index, const char *address);

/* Lets things happen for one turn of the loop; a case that turns for a minute fails. */
void qn_check_transport_turn(struct qn_check_transport *it);

/* Has both ends send `count` frames each over their first link while readers grant credit in small
 * doses, until all arrived. */
void qn_check_transport_exchange(struct qn_check_transport *it, uint64_t count);

/* What end `index` saw: links now up; links, dials and listens that went down; the last reason. */
uint32_t qn_check_transport_ups(struct qn_check_transport *it, uint32_t index);
uint32_t qn_check_transport_downs(struct qn_check_transport *it, uint32_t index);
uint32_t qn_check_transport_reason(struct qn_check_transport *it, uint32_t index);
