/* SPDX-License-Identifier: MIT */
#pragma once

/* link.h: one link: its socket to the far end, the frames that wait, and what is owed to whom.
 *
 * Each link has a PUSH socket of its own to the far end; what comes back arrives at a PULL socket
 * that many links share. So reading cannot stop for one link alone. Instead the far end sends only
 * what the kernel here granted credit for, and waits by itself: nothing needs a queue on the way
 * in, and whoever sends more breaks the protocol.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, microseconds of a clock that never falls
 *   owns     a link belongs to its instance; queued frames are counted references
 *   threads  loop; freeze and destroy: control
 *   cost     none waits; link_open() and link_shut() make and close a socket, below 1 ms
 */

#include "address.h"
#include "wire.h"

enum link_state {
    LINK_FREE,
    LINK_DIALLING,  /* waits for the welcome */
    LINK_ANSWERING, /* welcomes, and waits for the first word after that */
    LINK_UP,
    LINK_CLOSING, /* sends what it accepted, then a bye, and waits for the answer */
    LINK_DOWN,    /* over; kept for its last words and its report */
};

enum down_reason {
    DOWN_CLOSED = 1,
    DOWN_REFUSED = 2,
    DOWN_TIMEOUT = 3,
    DOWN_GAP = 4,
    DOWN_TOO_BIG = 5,
    DOWN_RESET = 6,
};

/* Messages that a link owes, one bit each, in the order in which they are sent. */
enum link_owes {
    OWES_HELLO = 1,
    OWES_WELCOME = 2,
    OWES_BYE_TOO = 4,
    OWES_PONG = 8,
    OWES_PING = 16,
    OWES_CREDIT = 32,
    OWES_BYE = 64, /* after all that is queued, unless the link is cut */
};

/* Effects that a link owes, in their order. */
enum link_reports {
    REPORT_UP = 1,
    REPORT_ROOM = 2,
    REPORT_DOWN = 4,
};

struct link {
    enum link_state state;
    uint64_t id;       /* for the kernel */
    uint64_t token;    /* of the dial, or 0 */
    uint64_t listener; /* or 0 */
    struct address far;
    char way_back[ADDRESS_SIZE]; /* what the far end must dial; where dialled here */
    uint32_t endpoint;           /* index of the one where its messages arrive */
    uint8_t side;                /* 0: dialled here */
    uint64_t halves[2];

    int push; /* -1: none */
    int send_fd;
    bool is_blocked, is_watched;
    uint64_t number_out, number_in; /* of the next message */

    struct qn_slice *queue; /* ring */
    uint32_t queue_head, queue_count;
    uint64_t queue_bytes;
    uint64_t granted, sent;                 /* by the far end's kernel; of that used */
    uint64_t credited, announced, received; /* by this kernel; of that told; of that used */
    bool is_short;                          /* a send() was cut short: room is owed */
    bool is_cut;                            /* not all that was accepted was sent */

    uint32_t owes;    /* enum link_owes */
    uint32_t reports; /* enum link_reports */
    uint64_t pong_value;
    uint64_t heard_us, pinged_us, deadline_us;
    uint32_t reason;
    const char *text;
    struct qn_transport_link_stats stats;
};

struct qn_inst;

/* A free link becomes one to `far`, dialling or answering. NO_SPACE: no socket or memory. INVALID:
 * the library takes no such address. */
QN_MUST_CHECK int32_t link_open(struct qn_inst *inst, struct link *link, const struct address *far);

/* Ends it. The far end is told, for which the socket stays a moment. */
void link_fail(struct qn_inst *inst, struct link *link, uint32_t reason, const char *text);

/* Closes the socket and gives the queue back. */
void link_shut(struct qn_inst *inst, struct link *link);

/* Takes frames as far as they fit; returns how many. */
uint32_t link_take(struct qn_inst *inst, struct link *link, const struct qn_slice *frames,
                   uint32_t count);

/* Sends what may be sent now, until the socket takes no more. */
void link_flush(struct qn_inst *inst, struct link *link);

/* Closes a link that is up when all that was accepted has arrived, or after `linger_ms`. */
void link_close(struct qn_inst *inst, struct link *link, uint32_t linger_ms);

/* The deadline of a closing link has passed. */
void link_late(struct qn_inst *inst, struct link *link);

/* A message that names both halves of this link. `frame` is the body of data, with no owner when
 * nobody wants it; it is pushed into `out`. */
void link_hear(struct qn_inst *inst, struct link *link, const struct wire_head *head,
               const struct qn_slice *frame, struct qn_effects *out);
