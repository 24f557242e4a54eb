/* SPDX-License-Identifier: MIT */
#pragma once

/* event.h: all that ever happens to a node. Equal events in equal order give equal effects.
 *
 * Unless a member's own comment says otherwise:
 *   units    microseconds since 1970, never falling
 *   owns     what an event points to is borrowed until the step returns; whoever wants a buf longer
 *            refs it. A job that comes back is the node's again
 *   threads  the core's: hosts make events where they step the node
 *
 * Source: scale.md 1.1, architecture.md.
 */

#include "kernel/chain/wire.h"
#include "kernel/node/job.h"
#include "kernel/plugin/plugged.h"

enum qnk_event_type {
    /* Before START, once each start: what was stored. */
    QNK_EVENT_RESTORE_FINAL,  /* the last final macroblocks, at most three, oldest first */
    QNK_EVENT_RESTORE_RECENT, /* headers of final blocks, ascending, the last 32 */
    QNK_EVENT_RESTORE_BLOCK,  /* a stored block above the last final one, parents first */
    QNK_EVENT_RESTORE_GUARD,  /* a record of the sign guard's log, in order */
    QNK_EVENT_START,
    /* Then anything in any order. */
    QNK_EVENT_PEER_UP,
    QNK_EVENT_PEER_DOWN,
    QNK_EVENT_FRAME,
    QNK_EVENT_TIMER,
    QNK_EVENT_JOB,    /* a job is done */
    QNK_EVENT_STORED, /* a block or a final window is durable, or is not */
    QNK_EVENT_SIGNED,
    QNK_EVENT_SECRETS,
    QNK_EVENT_SUBMIT,  /* transactions of this node's own clients */
    QNK_EVENT_CONTROL, /* from the operator or the host */
    QNK_EVENT_CHECKED, /* CHECK came to its end */
    QNK_EVENT_ROTTEN,  /* a stored body that somebody asked for could not be read */
    QNK_EVENT_PLUGGED, /* what NEED asked for is here, or cannot be; at any time, and again */
    QNK_EVENT_PROPOSE, /* the operator has a plan, ready or cancel signed and sent */
    QNK_EVENT_ABANDON, /* the operator gives the attempt at the open window up */
};

/* Why this node may or may not sign when it starts. */
enum qnk_signing {
    QNK_SIGNING_NONE,     /* no key, or its log cannot be trusted: `why` says it */
    QNK_SIGNING_FRESH,    /* no log and nothing stored: only if the network is at genesis too */
    QNK_SIGNING_LOST,     /* the same, but the key has signed in this network: not before RESUME */
    QNK_SIGNING_RESTORED, /* the log was read to its end */
    QNK_SIGNING_RESUME,   /* the operator said `qnet key resume` */
};

enum qnk_control_what {
    QNK_CONTROL_HOLD, /* stop producing and voting, for a reason of the host's */
    QNK_CONTROL_UNHOLD,
    QNK_CONTROL_RESUME, /* `qnet key resume` while running */
};

struct qnk_event {
    uint64_t now_us;
    uint32_t type;
    union {
        struct {
            struct qn_span macro; /* header */
            struct qn_span certificate;
            struct qn_span control;  /* record after it */
            struct qn_span next_set; /* members of window + 3 */
            struct qn_span frontier; /* history up to and with this window */
            bool is_last;
        } final;
        struct qn_span recent; /* a header */
        struct {
            struct qn_span header; /* an own block's has no signature: zeros */
            struct qn_buf *body;
            uint64_t place;
            bool verified; /* its signatures were good when it was stored */
        } block;
        struct qn_span guard;
        struct {
            uint32_t signing; /* enum qnk_signing */
        } start;
        struct {
            uint32_t peer; /* the host's number, not used again while the process lives */
            struct qnk_hash key;
            struct qnk_hash validator; /* whose key it proved to have too; all zero: none */
            bool outgoing;
        } peer;
        struct {
            uint32_t peer;
            struct qnk_frame head; /* its `body` is plain and lies in `buf` */
            struct qn_buf *buf;
        } frame;
        uint32_t timer;
        struct qnk_job *job;
        struct {
            uint64_t token;
            uint64_t place; /* of a block */
            int32_t status;
        } stored;
        struct {
            uint64_t token;
            int32_t status; /* not QN_OK: the record is not durable and nothing was signed */
            uint64_t place; /* of the block that was stored with it */
            uint8_t signature[QN_SIG_SIZE];
        } sign;
        struct {
            uint64_t token;
            struct qnk_hash blind;
            struct qnk_hash share;    /* the own beacon link of the window, if there is one left */
            struct qnk_hash next_tip; /* of the next chain, if there is none left */
            bool has_share;
        } secrets;
        struct {
            uint64_t token;     /* 0: no answer is wanted */
            struct qn_buf *txs; /* a TXS body: count and rows */
        } submit;
        struct {
            uint32_t what; /* enum qnk_control_what */
        } control;
        struct {
            uint64_t next; /* where to go on, downwards; 0: nothing is left */
            /* QN_OK: all above `next` is good. QN_CORRUPT: but for the lowest. QN_NOT_FOUND: below
             * it nothing is stored. Others: `next` could not be looked at. */
            int32_t status;
            struct qn_span header; /* of the rotten body; empty: it is the header that is rotten */
        } checked;
        struct {
            struct qn_span header; /* as it is indexed */
        } rotten;
        struct {
            uint32_t kind;   /* enum qnk_binding_kind */
            uint32_t number; /* of the binding that NEED named */
            int32_t status;  /* QN_OK: here; else `words` says why not */
            /* A fresh instance, which lives until UNPLUG or the node's end. An input log cannot
             * hold it: whoever replays puts one here. */
            struct qnk_plugged instance;
            struct qn_span words;
        } plugged;
        struct {
            uint64_t token; /* answered by PROPOSED */
            uint8_t kind;   /* QNK_TX_PLAN, QNK_TX_READY or QNK_TX_CANCEL */
            struct qn_span payload;
        } propose;
        struct {
            uint64_t token; /* answered by PROPOSED */
        } abandon;
    };
};
