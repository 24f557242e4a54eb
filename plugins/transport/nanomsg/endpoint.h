/* SPDX-License-Identifier: MIT */
#pragma once

/* endpoint.h: a PULL socket bound to one address, where messages of many links arrive.
 *
 *   threads  loop; freeze, thaw and destroy: control
 *   cost     makes and closes a socket, below 1 ms
 */

#include "address.h"

/* What an endpoint has to report of the listen() that asked for it. */
enum endpoint_report { ENDPOINT_QUIET, ENDPOINT_LISTENING, ENDPOINT_DOWN };

struct endpoint {
    bool is_used;
    int pull; /* -1: none */
    int receive_fd;
    uint64_t accepted; /* connections, when last looked at */
    uint64_t listener; /* 0: takes no new links */
    uint64_t token;
    struct address address;
    enum endpoint_report report;
    const char *text; /* why it went down */
};

struct qn_inst;

/* Binds `address`, with port 0 to a free one, and watches it. NO_SPACE: all places are taken.
 * INVALID: no such address. DENIED: not permitted. IO: not now, with the words in `why`. */
QN_MUST_CHECK int32_t endpoint_open(struct qn_inst *inst, const struct address *address,
                                    uint32_t *index, const char **why);

void endpoint_shut(struct qn_inst *inst, struct endpoint *endpoint);

/* Binds again what was shut. */
QN_MUST_CHECK int32_t endpoint_reopen(struct qn_inst *inst, struct endpoint *endpoint,
                                      const char **why);

/* The endpoint that answers to `address` should come to, and what the far end must dial for it.
 * IO: there is none, with the words in `why`. */
QN_MUST_CHECK int32_t endpoint_way_back(struct qn_inst *inst, const struct address *target,
                                        uint32_t *index, struct address *out, const char **why);
