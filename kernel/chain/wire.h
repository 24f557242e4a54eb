/* SPDX-License-Identifier: MIT */
#pragma once

/* wire.h: what peers say to each other inside a session: the frame's head and the body of each
 * type.
 *
 * Bodies are made of lists of things that have encodings of their own (transactions, votes,
 * headers, certificates), so this module is thin: it bounds counts and sizes, and gives views.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian; a list is a u32 count and its items
 *   owns     decoded views borrow the frame
 *   threads  any: nothing is kept between calls
 *   cost     linear in the items; allocates nothing
 *   errors   QN_INVALID: not the one encoding, or a count over its cap
 *
 * Source: chain.md "Peers".
 */

#include "kernel/chain/certificate.h"
#include "kernel/chain/macro.h"
#include "kernel/chain/micro.h"

/* Lanes, most urgent first. */
enum qnk_lane { QNK_LANE_CONSENSUS, QNK_LANE_BLOCKS, QNK_LANE_TXS, QNK_LANE_SYNC, QNK_LANES };

enum qnk_wire_type {
    QNK_WIRE_STATUS = 1,        /* consensus lane: where I stand; after connecting and on change */
    QNK_WIRE_VOTES = 2,         /* consensus: votes */
    QNK_WIRE_HELD = 3,          /* consensus: which votes and certificates I have (the exchange) */
    QNK_WIRE_CERTIFICATE = 4,   /* consensus: macroblock header (or none) and certificate */
    QNK_WIRE_HEADERS = 5,       /* blocks: microblock headers, ascending */
    QNK_WIRE_FETCH_BODIES = 6,  /* blocks: ids of blocks whose bodies I want */
    QNK_WIRE_BODY_PART = 7,     /* blocks, sync: a piece of a body */
    QNK_WIRE_FETCH_CHAIN = 8,   /* blocks: headers from above a height up to an id */
    QNK_WIRE_TXS = 9,           /* txs: whole transactions */
    QNK_WIRE_TX_IDS = 10,       /* txs: ids that I have */
    QNK_WIRE_FETCH_TXS = 11,    /* txs: ids that I want */
    QNK_WIRE_FETCH_MACROS = 12, /* sync: macroblocks of windows */
    QNK_WIRE_MACROS = 13,       /* sync */
    QNK_WIRE_FETCH_RANGE = 14,  /* sync: headers, or blocks, of heights that are final */
    QNK_WIRE_RANGE = 15,        /* sync: headers of the range, ascending */
    QNK_WIRE_REFUSAL = 16,      /* any: why a request is not answered */
    QNK_WIRE_FETCH_MACRO = 17,  /* consensus: digest (an id) whose macroblock header I want */
    QNK_WIRE_MACRO = 18,        /* consensus: a macroblock header, perhaps not final */
    QNK_WIRE_ABANDON = 19,      /* consensus: an abandon certificate */
};

enum {
    QNK_FRAME_HEAD_SIZE = 12,
    QNK_FRAME_PLAIN_MAX = 1048576 - 512, /* a session's overhead fits a transport's frame */
    QNK_WIRE_IDS_MAX = 4096,
    QNK_WIRE_HEADERS_MAX = 1024,
    QNK_WIRE_VOTES_MAX = 512,
    QNK_WIRE_MACROS_MAX = 64,
    QNK_WIRE_PART_SIZE = 262144, /* bytes of a body in one part, but for the last */
    QNK_WIRE_TEXT_MAX = 256,
};

/* Inside the session: lane 1, type 1, packing 2, request 4, plain size 4, body. */
struct qnk_frame {
    uint8_t lane;
    uint8_t type;
    uint16_t packing; /* 0 plain, else the place (from 1) in the agreed list of compressors */
    uint32_t request; /* 0: no answer is wanted; an answer repeats it */
    uint32_t plain_size;
    struct qn_span body; /* packed as said */
};

QN_MUST_CHECK int32_t qnk_frame_decode(struct qn_span from, struct qnk_frame *frame);
void qnk_frame_encode(const struct qnk_frame *frame, uint8_t head[QNK_FRAME_HEAD_SIZE]);

enum { QNK_STATUS_SIZE = 84 };

struct qnk_status {
    uint8_t node_type; /* 1 light, 2 full, 3 super */
    uint8_t serves;    /* bit 0: bodies */
    uint16_t reserved;
    uint64_t head_height;
    uint64_t final_window;
    struct qnk_hash head;  /* id */
    struct qnk_hash final; /* digest */
};

QN_MUST_CHECK int32_t qnk_status_decode(struct qn_span body, struct qnk_status *status);
void qnk_status_encode(const struct qnk_status *status, uint8_t to[QNK_STATUS_SIZE]);

/* Ids: TX_IDS, FETCH_TXS, FETCH_BODIES. */
struct qnk_ids {
    uint32_t count;
    const uint8_t *ids; /* QN_HASH_SIZE each */
};

QN_MUST_CHECK int32_t qnk_ids_decode(struct qn_span body, struct qnk_ids *ids);

/* TXS, VOTES: a count and items; walk them with qnk_tx_next and qnk_vote_next. */
struct qnk_items {
    uint32_t count; /* as claimed: the walk must give as many and leave nothing */
    struct qn_span items;
};

QN_MUST_CHECK int32_t qnk_items_decode(struct qn_span body, uint32_t count_max,
                                       struct qnk_items *items);

/* HEADERS and RANGE: count and 200 bytes each. */
struct qnk_headers {
    uint32_t count;
    const uint8_t *headers;
};

QN_MUST_CHECK int32_t qnk_headers_decode(struct qn_span body, struct qnk_headers *headers);

/* HELD: two rounds of one window, `round` and the one before. For each of the two: bitmaps of the
 * members whose vote I have, for steps 0 to 5, and whether I have the certificates of step 1. */
enum { QNK_HELD_BITMAPS = 12 };

struct qnk_held {
    uint64_t window;
    uint32_t era;
    uint32_t round;
    uint32_t members;
    uint8_t certificates; /* bit 0: step 1 of `round`; bit 1: of the round before */
    /* 12 bitmaps of (members + 7) / 8 bytes: steps 0..5 of `round`, then of the round before. The
     * first one of step 4 is about the era: an attempt is given up in no round. */
    const uint8_t *bitmaps;
};

QN_MUST_CHECK int32_t qnk_held_decode(struct qn_span body, struct qnk_held *held);
uint64_t qnk_held_size(uint32_t members);
void qnk_held_encode(const struct qnk_held *held, uint8_t *to);

/* CERTIFICATE: {header size u32: 0 or 328, header, certificate}. Items of MACROS: the same, each
 * with a u32 size before it; in MACROS the header is always there. */
struct qnk_certified {
    struct qn_span header; /* empty or QNK_MACRO_SIZE */
    struct qn_span certificate;
};

QN_MUST_CHECK int32_t qnk_certified_decode(struct qn_span body, struct qnk_certified *certified);
uint64_t qnk_certified_size(const struct qnk_certified *certified);
void qnk_certified_encode(const struct qnk_certified *certified, uint8_t *to);

/* The next item of MACROS; QN_INVALID when it is malformed. */
QN_MUST_CHECK int32_t qnk_macros_next(struct qn_span *rest, struct qnk_certified *certified);

/* BODY_PART. Parts of a block have QNK_WIRE_PART_SIZE bytes each but the last. */
struct qnk_body_part {
    struct qnk_hash id; /* of the block */
    uint32_t index;
    uint32_t count;
    uint32_t body_size;
    struct qn_span bytes;
};

QN_MUST_CHECK int32_t qnk_body_part_decode(struct qn_span body, struct qnk_body_part *part);
enum { QNK_BODY_PART_HEAD_SIZE = 44 };
void qnk_body_part_head(const struct qnk_body_part *part, uint8_t to[QNK_BODY_PART_HEAD_SIZE]);

/* FETCH_CHAIN: headers of heights above `above`, up to the block `id`. Answer: HEADERS. */
struct qnk_fetch_chain {
    uint64_t above;
    struct qnk_hash id;
};

/* FETCH_MACROS: windows first .. first + count - 1. Answer: MACROS. FETCH_RANGE: heights likewise,
 * `what` 0 headers (answer RANGE), 1 bodies (answer BODY_PARTs). */
struct qnk_fetch {
    uint64_t first;
    uint32_t count;
    uint32_t what;
};

enum { QNK_FETCH_CHAIN_SIZE = 40, QNK_FETCH_SIZE = 16 };

QN_MUST_CHECK int32_t qnk_fetch_chain_decode(struct qn_span body, struct qnk_fetch_chain *fetch);
void qnk_fetch_chain_encode(const struct qnk_fetch_chain *fetch, uint8_t to[QNK_FETCH_CHAIN_SIZE]);
QN_MUST_CHECK int32_t qnk_fetch_decode(struct qn_span body, struct qnk_fetch *fetch);
void qnk_fetch_encode(const struct qnk_fetch *fetch, uint8_t to[QNK_FETCH_SIZE]);

/* REFUSAL. Codes are qn_status values; the text is for the far operator, at most
 * QNK_WIRE_TEXT_MAX. */
struct qnk_refusal {
    uint32_t code;
    struct qn_span text;
};

QN_MUST_CHECK int32_t qnk_refusal_decode(struct qn_span body, struct qnk_refusal *refusal);
uint64_t qnk_refusal_size(const struct qnk_refusal *refusal);
void qnk_refusal_encode(const struct qnk_refusal *refusal, uint8_t *to);
