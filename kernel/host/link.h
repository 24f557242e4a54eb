/* SPDX-License-Identifier: MIT */
#pragma once

/* link.h: one link of the transport with its session: frames in and out, credit, pings.
 *
 * Knows nothing of other links, of bans or of who should be connected: peers.c decides that.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, microseconds
 *   owns     a link is its maker's; the base must outlive it
 *   threads  the host's loop
 *   errors   what goes wrong on a link is said by qnk_link_take, or seen by qnk_link_look
 *
 * Source: chain.md "Peers"; transport/1.
 */

#include <qnet/transport.h>

#include "kernel/host/contacts.h"
#include "kernel/host/lanes.h"
#include "kernel/host/packer.h"
#include "kernel/host/peers.h"
#include "kernel/host/session.h"

enum {
    QNK_LINK_WAITING = 16,     /* sealed frames that the transport did not take yet */
    QNK_LINK_WAITING_DATA = 8, /* of which data: what an urgent frame cannot overtake */
    QNK_LINK_WINDOW = 2097152, /* credit that a peer in good standing has */
    QNK_LINK_GREETING = 2048,  /* credit before the session is open */
    QNK_LINK_LINGER_MS = 1000, /* in which a farewell may still leave */
};

/* What all links share. */
struct qnk_link_base {
    const struct qn_transport_1 *transport;
    struct qn_inst *inst;
    struct qnk_budget *budget;
    struct qnk_session_identity identity;
    struct qnk_packer packer;
    /* Of its compressors, by place: name, and what a signal calls it. */
    char names[QNK_SESSION_COMPRESSORS_MAX][QNK_SESSION_NAME_MAX + 1];
    uint64_t tags[QNK_SESSION_COMPRESSORS_MAX];
    struct qnk_peers_counters counters;
    uint64_t bytes_per_second; /* 0: no limit */
    uint32_t requests_per_second;
};

enum qnk_link_state {
    QNK_LINK_PROVING,
    QNK_LINK_OPEN, /* proven, not yet a peer */
    QNK_LINK_UP,
    QNK_LINK_ENDED, /* closed by us or below; only to be taken away */
};

struct qnk_link {
    struct qnk_link_base *base;
    enum qnk_link_state state;
    uint64_t id;                 /* the transport's */
    uint32_t peer;               /* number; 0: was never up */
    struct qnk_contact *contact; /* NULL: not known who it is */
    bool is_outgoing;
    bool is_gone;    /* the transport has no such link any more */
    bool is_lost;    /* memory was lacking for what had to be sent */
    bool is_held;    /* not to be taken away yet */
    bool is_blocked; /* until the transport has room */
    char address[QNK_PEER_ADDRESS_SIZE];
    char reason[QNK_PEER_REASON_SIZE]; /* why it ended */
    enum qnk_session_code code;
    struct qnk_session session;
    struct qnk_lanes lanes; /* from up on */
    struct qn_buf *waiting[QNK_LINK_WAITING];
    uint32_t waiting_count;
    uint64_t since_us; /* linked */
    uint64_t up_us;
    uint64_t heard_us; /* the last frame from there */
    uint64_t moved_us; /* something was taken by the transport, or nothing waited */
    uint64_t owed;     /* of the window, what was read and not granted again */
    uint64_t tokens;   /* bytes that may be granted */
    uint64_t requests; /* millionths of requests that may be answered */
    uint64_t refill_us;
    uint64_t pinged_us;
    uint64_t rtt_us;
    uint32_t told;  /* own compressors that the peer knows of: hello, then signals */
    uint32_t heard; /* compressors that the peer signalled */
    uint64_t reads[QNK_SESSION_COMPRESSORS_MAX]; /* their tags */
    uint64_t bytes_in, bytes_out, frames_in, frames_out;
    uint64_t refused;
};

/* From here on frames are packed by this compressor. It is told to the peers of open links, and
 * until they have it too what they get is plain; one of the same name takes the other's place, and
 * any other stays for what comes in. QN_NO_SPACE: COMPRESSORS_MAX others have been in use. */
QN_MUST_CHECK int32_t qnk_link_base_use(struct qnk_link_base *base, const char *name,
                                        const struct qnk_plugged *compression);

/* The place of a compressor of this name; `count` of the packer: it would be a new one. */
uint32_t qnk_link_base_place(const struct qnk_link_base *base, const char *name);

/* Whether what goes to this peer is packed, where that pays. */
bool qnk_link_is_packing(const struct qnk_link *link);

/* Says hello. NULL: over the budget. */
QN_MUST_CHECK struct qnk_link *qnk_link_create(struct qnk_link_base *base, uint64_t id,
                                               const char *address, bool is_outgoing,
                                               const struct qnk_hash *expected, uint64_t now_us);
void qnk_link_destroy(struct qnk_link *link);

/* From open to up: lanes, credit. QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_link_raise(struct qnk_link *link, uint32_t peer, uint64_t now_us);

/* Ends it from here, and says why to the far end. Nothing happens if it has ended. */
void qnk_link_end(struct qnk_link *link, enum qnk_session_code code, const char *text,
                  uint64_t now_us);

/* Ends it as its session has ended: `answer` is still sent. */
void qnk_link_end_answered(struct qnk_link *link, const struct qnk_session_frame *answer,
                           uint64_t now_us);

/* A frame for the peer; takes over its references. False: it did not fit. */
bool qnk_link_push(struct qnk_link *link, uint8_t lane, const struct qnk_queued *frame,
                   uint64_t now_us);

/* As much as the transport takes. */
void qnk_link_flush(struct qnk_link *link, uint64_t now_us);

enum qnk_link_taken {
    QNK_LINK_NOTHING,   /* to be done */
    QNK_LINK_GREETED,   /* the session knows who it claims to be */
    QNK_LINK_PROVEN,    /* state is open now */
    QNK_LINK_FRAME,     /* `frame` and `buf`, of which the caller has a reference */
    QNK_LINK_REQUEST,   /* as frame, but over the limit: to be refused */
    QNK_LINK_MALFORMED, /* a sealed frame that is none: the peer itself is at fault */
    QNK_LINK_BROKEN,    /* it has ended: session.end says why */
    QNK_LINK_NO_MEMORY,
};

struct qnk_link_frame {
    struct qnk_frame head;
    struct qn_buf *buf;
};

/* One frame of the transport. */
enum qnk_link_taken qnk_link_take(struct qnk_link *link, struct qn_span bytes, uint64_t now_us,
                                  struct qnk_link_frame *frame);

/* Grants credit, pings, flushes: the upkeep of every tick. */
void qnk_link_keep(struct qnk_link *link, uint64_t now_us);

/* Why the link should end now. NULL: it is well. */
const char *qnk_link_look(const struct qnk_link *link, uint64_t now_us);
