/* SPDX-License-Identifier: MIT */
#pragma once

/* tape.h: a node's life as bytes: what it was told when it was made, every event in full, and of
 * every effect what can tell it from another.
 *
 * A node is a function of its setup and its events, so whoever has these has its life again. Large
 * bytes in effects (bodies, pages, rows) are kept as size and CRC-32C: they are compared and never
 * needed. Jobs run again, too: a job that comes back is kept as its number, the state of the ledger
 * that it saw, and a checksum of its answers.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers are little-endian; each value has one form
 *   owns     what is decoded borrows the bytes that it was decoded from
 *   threads  any
 *   cost     linear; encoding an event copies nothing large
 *   errors   QN_INVALID: the bytes are no such thing
 *
 * Source: scale.md 1.1.
 */

#include "kernel/base/sink.h"
#include "kernel/node/effect.h"

enum {
    QNK_TAPE_VERSION = 3,
    QNK_TAPE_PARTS = 5,
    QNK_TAPE_HEAD_MAX = 192, /* bytes of an event beside its parts */
    QNK_TAPE_TEXT = 640,     /* of an event or effect for people; what does not fit is cut off */
};

/* --- events --- */

/* An encoded event: its head, then its parts one after another. */
struct qnk_tape_piece {
    uint8_t head[QNK_TAPE_HEAD_MAX];
    uint32_t head_size;
    uint32_t parts_count;
    struct qn_span parts[QNK_TAPE_PARTS]; /* of the event's */
};

/* A job that came back. */
struct qnk_tape_job {
    uint64_t serial; /* serial and turn as in struct qnk_job */
    uint64_t turn;
    uint32_t kind;
    int32_t status;
    uint32_t digest;
};

struct qnk_tape_event {
    struct qnk_event event; /* without bufs and job; a frame's body lies in `bytes` */
    struct qn_span bytes;   /* of the event's buf: a frame's body, a block's body, transactions */
    bool has_bytes;
    struct qnk_tape_job job;
};

void qnk_tape_event_encode(const struct qnk_event *event, struct qnk_tape_piece *piece);
QN_MUST_CHECK int32_t qnk_tape_event_decode(struct qn_span from, struct qnk_tape_event *event);

/* A line for people. */
void qnk_tape_event_text(const struct qnk_tape_event *event, char text[QNK_TAPE_TEXT]);

/* A checksum of what a job computed. */
uint32_t qnk_tape_job_digest(const struct qnk_job *job);

/* --- effects --- */

/* QN_NO_SPACE: the sink has no more room. */
QN_MUST_CHECK int32_t qnk_tape_effects_encode(const struct qnk_effects *effects,
                                              struct qn_sink *out);

/* QN_OK: they are what an encoder made. */
QN_MUST_CHECK int32_t qnk_tape_effects_check(struct qn_span from, uint32_t *count);

/* The place of the first effect that differs, the name of its first field that does ("effect", if
 * it is of another type or one list is longer), and both for people; "nothing" past an end. False:
 * they are equal. Both were checked. */
struct qnk_tape_diff {
    uint32_t place;
    const char *field;
    char a[QNK_TAPE_TEXT];
    char b[QNK_TAPE_TEXT];
};

bool qnk_tape_effects_diff(struct qn_span a, struct qn_span b, struct qnk_tape_diff *diff);

/* The effect at `place` for people. False: there are not so many. They were checked. */
bool qnk_tape_effect_text(struct qn_span effects, uint32_t place, char text[QNK_TAPE_TEXT]);

/* --- setup --- */

/* A setup without its plugins, and what it points to. */
struct qnk_tape_setup {
    struct qnk_setup setup;
    struct qnk_set *set;
    struct qnk_hash *tips;
    struct qnk_budget *budget;
};

QN_MUST_CHECK int32_t qnk_tape_setup_encode(const struct qnk_setup *setup, struct qn_sink *out);

/* QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_tape_setup_decode(struct qnk_budget *budget, struct qn_span from,
                                            struct qnk_tape_setup *out);
void qnk_tape_setup_done(struct qnk_tape_setup *tape);
