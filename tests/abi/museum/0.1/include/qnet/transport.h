/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/transport.yaml:
 * edit that, then `make generate`. */
#pragma once

/* transport.h: the contract of a transport plugin, transport/1.
 *
 * Whole frames between two ends, nothing lost silently.
 *
 * A link is an ordered stream of whole frames. While it is up nothing accepted is lost; where
 * something could be lost (reconnect, a gap in the plugin's own numbering) the link goes down. No
 * identity, no encryption: the kernel's session lies above.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    bytes
 *   owns     spans are borrowed until the call returns; a slice's owner may be kept by buf_ref()
 *   threads  loop: one call at a time, never blocking
 *   cost     linear in the frames
 *   errors   nothing was taken
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_TRANSPORT
#define QN_TARGET_TRANSPORT 0
#endif

/* In bytes. Beyond: link dropped. Why: frames above it fall out of the caches. */
#define QN_TRANSPORT_FRAME_MAX 1048576

/* In bytes. Beyond: invalid. Why: a line in a config. */
#define QN_TRANSPORT_ADDRESS_MAX 256

/* In links. Beyond: refused. Why: bounds an instance's memory. */
#define QN_TRANSPORT_LINKS_MAX 4096

/* In frames. Beyond: not accepted. Why: bounds one call. */
#define QN_TRANSPORT_FRAMES_MAX 4096

/* One item of what stats() appends. */
struct qn_transport_link_stats {
    uint64_t link;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t bytes_queued;
    uint64_t round_trip_us;
};
QN_SIZE_IS(struct qn_transport_link_stats, 56);

enum {
    QN_TRANSPORT_EFFECT_LISTENING = 1,
    QN_TRANSPORT_EFFECT_UP = 2,
    QN_TRANSPORT_EFFECT_FRAME = 3,
    QN_TRANSPORT_EFFECT_ROOM = 4,
    QN_TRANSPORT_EFFECT_DOWN = 5,
};

/* Effect 1. Accepts links now. `address` is the real one, with the port that was chosen. */
struct qn_transport_effect_listening {
    uint64_t token;
    uint64_t listener;
    struct qn_span address;
};
QN_SIZE_IS(struct qn_transport_effect_listening, 32);

/* Effect 2. A link is there: `token` of the dial or 0, `listener` or 0. */
struct qn_transport_effect_up {
    uint64_t token;
    uint64_t listener;
    uint64_t link;
    struct qn_span address;
};
QN_SIZE_IS(struct qn_transport_effect_up, 40);

/* Effect 3. One whole frame; its bytes are the payload. Its payload is a slice. */
struct qn_transport_effect_frame {
    uint64_t link;
};
QN_SIZE_IS(struct qn_transport_effect_frame, 8);

/* Effect 4. send() takes frames again. */
struct qn_transport_effect_room {
    uint64_t link;
};
QN_SIZE_IS(struct qn_transport_effect_room, 8);

/* Effect 5. A link, a dial or a listen ended. Reasons: 1 closed, 2 refused, 3 timeout, 4 gap, 5
 * too_big, 6 reset. */
struct qn_transport_effect_down {
    uint64_t token;
    uint64_t link;
    uint32_t reason;
    uint8_t reserved_1[4];
    struct qn_span text;
};
QN_SIZE_IS(struct qn_transport_effect_down, 40);

struct qn_transport_1 {
    struct qn_head head;

    /* Accept links. Exactly one `listening` or `down` with the token follows. `address` up to
     * ADDRESS_MAX. INVALID: not an address of this transport. EXISTS: listening there already.
     * DENIED: not permitted. */
    QN_MUST_CHECK int32_t (*listen)(struct qn_inst *inst, uint64_t token, struct qn_span address);

    /* Stop accepting; links stay. NOT_FOUND: no such listener. */
    QN_MUST_CHECK int32_t (*unlisten)(struct qn_inst *inst, uint64_t listener);

    /* Connect. Exactly one `up` or `down` with the token follows. `address` up to ADDRESS_MAX.
     * INVALID: not an address of this transport. DENIED: not permitted. NO_SPACE: over
     * links_max. */
    QN_MUST_CHECK int32_t (*dial)(struct qn_inst *inst, uint64_t token, struct qn_span address);

    /* Takes whole frames in order. To keep a frame past return it refs the slice's owner. `frames`
     * up to FRAMES_MAX. AGAIN: fewer were taken than given, and `room` follows. NOT_FOUND: no such
     * link. INVALID: a frame over frame_max or empty. */
    QN_MUST_CHECK int32_t (*send)(struct qn_inst *inst, uint64_t link,
                                  const struct qn_slice *frames, uint32_t frames_count,
                                  uint32_t *accepted);

    /* The kernel will take so many bytes more; a link starts with none. At 0 the plugin stops
     * reading, so the far end feels it. A frame may pass the last bit of credit by its own size.
     * NOT_FOUND: no such link. */
    QN_MUST_CHECK int32_t (*credit)(struct qn_inst *inst, uint64_t link, uint64_t bytes);

    /* Idempotent; `down` follows once, then the id is never used again. What was accepted is still
     * sent for up to linger_ms. */
    void (*close)(struct qn_inst *inst, uint64_t link, uint32_t linger_ms);

    /* On a ready descriptor, a wake or a due timer: reports up to `budget` effects. AGAIN: more is
     * waiting. */
    QN_MUST_CHECK int32_t (*pump)(struct qn_inst *inst, uint32_t budget, struct qn_effects *out);

    /* `link_stats` records of one link, or of all (0). NOT_FOUND: no such link. */
    QN_MUST_CHECK int32_t (*stats)(struct qn_inst *inst, uint64_t link, struct qn_sink *stats);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_TRANSPORT == 0
#define QN_TRANSPORT_PRINT UINT64_C(0xc1ff78c2965d879f)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_TRANSPORT_1_HEAD \
    QN_HEAD(struct qn_transport_1, 1, QN_TARGET_TRANSPORT, QN_TRANSPORT_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_transport_link_stats_take(struct qn_reader *in,
                                                struct qn_transport_link_stats *out)
{
    memset(out, 0, sizeof *out);
    out->link = qn_reader_u64(in);
    out->bytes_in = qn_reader_u64(in);
    out->bytes_out = qn_reader_u64(in);
    out->frames_in = qn_reader_u64(in);
    out->frames_out = qn_reader_u64(in);
    out->bytes_queued = qn_reader_u64(in);
    out->round_trip_us = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_transport_link_stats_read(
    struct qn_span from, struct qn_transport_link_stats *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_link_stats it;

    qn_transport_link_stats_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_link_stats_size(const struct qn_transport_link_stats *from)
{
    (void)from;
    return 56;
}

static inline uint8_t *qn_transport_link_stats_write(const struct qn_transport_link_stats *from,
                                                     uint8_t *to)
{
    to = qn_writer_u64(to, from->link);
    to = qn_writer_u64(to, from->bytes_in);
    to = qn_writer_u64(to, from->bytes_out);
    to = qn_writer_u64(to, from->frames_in);
    to = qn_writer_u64(to, from->frames_out);
    to = qn_writer_u64(to, from->bytes_queued);
    to = qn_writer_u64(to, from->round_trip_us);
    return to;
}

static inline struct qn_span qn_transport_link_stats_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_transport_link_stats item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_transport_link_stats_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_transport_link_stats_next(struct qn_span *rest,
                                                struct qn_transport_link_stats *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_transport_link_stats_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_transport_effect_listening_take(struct qn_reader *in,
                                                      struct qn_transport_effect_listening *out)
{
    memset(out, 0, sizeof *out);
    out->token = qn_reader_u64(in);
    out->listener = qn_reader_u64(in);
    out->address = qn_reader_text(in, QN_TRANSPORT_ADDRESS_MAX);
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_listening_read(
    struct qn_span from, struct qn_transport_effect_listening *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_effect_listening it;

    qn_transport_effect_listening_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_effect_listening_size(
    const struct qn_transport_effect_listening *from)
{
    return 20 + from->address.size;
}

static inline uint8_t *qn_transport_effect_listening_write(
    const struct qn_transport_effect_listening *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->token);
    to = qn_writer_u64(to, from->listener);
    to = qn_writer_text(to, from->address, QN_TRANSPORT_ADDRESS_MAX);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_listening_push(
    struct qn_effects *out, const struct qn_transport_effect_listening *effect)
{
    uint8_t bytes[276];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_transport_effect_listening_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_TRANSPORT_EFFECT_LISTENING, body, NULL);
}

static inline void qn_transport_effect_up_take(struct qn_reader *in,
                                               struct qn_transport_effect_up *out)
{
    memset(out, 0, sizeof *out);
    out->token = qn_reader_u64(in);
    out->listener = qn_reader_u64(in);
    out->link = qn_reader_u64(in);
    out->address = qn_reader_text(in, QN_TRANSPORT_ADDRESS_MAX);
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_up_read(struct qn_span from,
                                                                struct qn_transport_effect_up *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_effect_up it;

    qn_transport_effect_up_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_effect_up_size(const struct qn_transport_effect_up *from)
{
    return 28 + from->address.size;
}

static inline uint8_t *qn_transport_effect_up_write(const struct qn_transport_effect_up *from,
                                                    uint8_t *to)
{
    to = qn_writer_u64(to, from->token);
    to = qn_writer_u64(to, from->listener);
    to = qn_writer_u64(to, from->link);
    to = qn_writer_text(to, from->address, QN_TRANSPORT_ADDRESS_MAX);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_up_push(
    struct qn_effects *out, const struct qn_transport_effect_up *effect)
{
    uint8_t bytes[284];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_transport_effect_up_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_TRANSPORT_EFFECT_UP, body, NULL);
}

static inline void qn_transport_effect_frame_take(struct qn_reader *in,
                                                  struct qn_transport_effect_frame *out)
{
    memset(out, 0, sizeof *out);
    out->link = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_frame_read(
    struct qn_span from, struct qn_transport_effect_frame *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_effect_frame it;

    qn_transport_effect_frame_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_effect_frame_size(const struct qn_transport_effect_frame *from)
{
    (void)from;
    return 8;
}

static inline uint8_t *qn_transport_effect_frame_write(const struct qn_transport_effect_frame *from,
                                                       uint8_t *to)
{
    to = qn_writer_u64(to, from->link);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_frame_push(
    struct qn_effects *out, const struct qn_transport_effect_frame *effect,
    const struct qn_slice *payload)
{
    uint8_t bytes[8];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_transport_effect_frame_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_TRANSPORT_EFFECT_FRAME, body, payload);
}

static inline void qn_transport_effect_room_take(struct qn_reader *in,
                                                 struct qn_transport_effect_room *out)
{
    memset(out, 0, sizeof *out);
    out->link = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_room_read(
    struct qn_span from, struct qn_transport_effect_room *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_effect_room it;

    qn_transport_effect_room_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_effect_room_size(const struct qn_transport_effect_room *from)
{
    (void)from;
    return 8;
}

static inline uint8_t *qn_transport_effect_room_write(const struct qn_transport_effect_room *from,
                                                      uint8_t *to)
{
    to = qn_writer_u64(to, from->link);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_room_push(
    struct qn_effects *out, const struct qn_transport_effect_room *effect)
{
    uint8_t bytes[8];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_transport_effect_room_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_TRANSPORT_EFFECT_ROOM, body, NULL);
}

static inline void qn_transport_effect_down_take(struct qn_reader *in,
                                                 struct qn_transport_effect_down *out)
{
    memset(out, 0, sizeof *out);
    out->token = qn_reader_u64(in);
    out->link = qn_reader_u64(in);
    out->reason = qn_reader_u32(in);
    out->text = qn_reader_text(in, 256);
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_down_read(
    struct qn_span from, struct qn_transport_effect_down *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_transport_effect_down it;

    qn_transport_effect_down_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_transport_effect_down_size(const struct qn_transport_effect_down *from)
{
    return 24 + from->text.size;
}

static inline uint8_t *qn_transport_effect_down_write(const struct qn_transport_effect_down *from,
                                                      uint8_t *to)
{
    to = qn_writer_u64(to, from->token);
    to = qn_writer_u64(to, from->link);
    to = qn_writer_u32(to, from->reason);
    to = qn_writer_text(to, from->text, 256);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_transport_effect_down_push(
    struct qn_effects *out, const struct qn_transport_effect_down *effect)
{
    uint8_t bytes[280];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_transport_effect_down_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_TRANSPORT_EFFECT_DOWN, body, NULL);
}
