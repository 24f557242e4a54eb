/* SPDX-License-Identifier: MIT */
#pragma once

/* wire.h: what lies before each message on the way, and what the messages mean.
 *
 * A link has two halves of an id, one chosen by each side at random, and each message names both;
 * the receiver's own half says where its link is kept. Messages of one direction are numbered
 * without a gap, from 0.
 *
 *     dialler                           listener
 *     hello, own half, way back   -->
 *                                 <--   welcome, both halves; goes to the way back
 *     ping                        -->   the link is up on both sides
 *
 * The listener calls a link up only when it heard its own half again: then the way back was the
 * dialler's own, and nobody can have it send more than one small message to a third party.
 *
 *     0 magic u32 | 4 type u8 | 5 side u8: 0 dialler, 1 listener | 6 zero u16
 *     8 dialler's half u64 | 16 listener's half u64 | 24 number u64 | 32 value u64 | 40 body
 */

#include <qnet/transport.h>

#define WIRE_MAGIC UINT32_C(0x314c4e51) /* "QNL1" */

enum {
    WIRE_HEAD = 40, /* bytes */
    WIRE_MAX = WIRE_HEAD + QN_TRANSPORT_FRAME_MAX,
};

enum wire_type {
    WIRE_HELLO = 1,   /* body: the address to dial back */
    WIRE_WELCOME = 2, /* nothing more */
    WIRE_DATA = 3,    /* body: one frame */
    WIRE_CREDIT = 4,  /* value: bytes that may be sent in all since the link is there */
    WIRE_PING = 5,    /* value: comes back */
    WIRE_PONG = 6,    /* value: as in the ping */
    WIRE_BYE = 7,     /* value: 0 when all that was accepted went before, 1 when not */
    WIRE_BYE_TOO = 8, /* the bye arrived */
};

struct wire_head {
    uint8_t type;
    uint8_t side;       /* of the sender: 0 dialler, 1 listener */
    uint64_t halves[2]; /* of the id: the dialler's, the listener's */
    uint64_t number;
    uint64_t value;
};

static inline void wire_head_encode(const struct wire_head *from, uint8_t *to)
{
    qn_le32_write(to, WIRE_MAGIC);
    to[4] = from->type;
    to[5] = from->side;
    qn_le16_write(to + 6, 0);
    qn_le64_write(to + 8, from->halves[0]);
    qn_le64_write(to + 16, from->halves[1]);
    qn_le64_write(to + 24, from->number);
    qn_le64_write(to + 32, from->value);
}

/* False: not a message of this protocol, or one with a body where none belongs. */
static inline bool wire_head_decode(struct qn_span from, struct wire_head *out)
{
    if (from.size < WIRE_HEAD || qn_le32_read(from.data) != WIRE_MAGIC ||
        qn_le16_read(from.data + 6) != 0) {
        return false;
    }
    out->type = from.data[4];
    out->side = from.data[5];
    out->halves[0] = qn_le64_read(from.data + 8);
    out->halves[1] = qn_le64_read(from.data + 16);
    out->number = qn_le64_read(from.data + 24);
    out->value = qn_le64_read(from.data + 32);

    bool has_body = out->type == WIRE_HELLO || out->type == WIRE_DATA;

    return out->type >= WIRE_HELLO && out->type <= WIRE_BYE_TOO && out->side <= 1 &&
           has_body == (from.size > WIRE_HEAD);
}
