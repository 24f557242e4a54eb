/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/producer.yaml:
 * edit that, then `make generate`. */
#pragma once

/* producer.h: the contract of a producer plugin, producer/1.
 *
 * Who may make microblock h as rank v, and when.
 *
 * Pure functions of finalised facts and of the chain in hand, so that every node verifies every
 * answer. Rank 0 is the primary; ranks from 64 on are the kernel's own rotation, so no plugin can
 * stop the chain.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    milliseconds; heights count microblocks from 1
 *   owns     arrays are borrowed until the call returns
 *   threads  loop: one call at a time
 *   cost     no allocation after create() but in open(), no lock, clock or I/O
 *   errors   outputs are as they were
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_PRODUCER
#define QN_TARGET_PRODUCER 0
#endif

/* In members. Beyond: set refused. Why: as in consensus. */
#define QN_PRODUCER_MEMBERS_MAX 4096

/* In headers. Beyond: older ones are left out. Why: pace looks at the near past only. */
#define QN_PRODUCER_RECENT_MAX 32

/* In ranks. Beyond: the kernel rotates by itself. Why: no schedule can stop the chain. */
#define QN_PRODUCER_VIEWS_MAX 64

/* In windows. Beyond: no_space. Why: final + 3 are ever open and the one before stays for late
 * blocks. */
#define QN_PRODUCER_WINDOWS_MAX 8

/* In asks. Beyond: split by the caller. Why: bounds one call. */
#define QN_PRODUCER_ASKS_MAX 4096

/* A member in the schedule's eyes. `excluded` members are left out. */
struct qn_producer_seat {
    const uint8_t *key;
    uint64_t weight;
    uint32_t produced;
    uint32_t missed;
    uint32_t excluded;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_producer_seat, 32);

/* What the schedule of a window may depend on; all of it comes from `basis`, the header of the
 * final macroblock three windows earlier (empty for genesis). */
struct qn_producer_context {
    uint64_t window;
    uint64_t first;
    uint64_t last;
    struct qn_span basis;
    const uint8_t *beacon;
    struct qn_span seats; /* encoded, see qn_producer_seat_next() */
    uint32_t seats_count;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_producer_context, 72);

struct qn_producer_ask {
    uint64_t height;
    uint32_t view;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_producer_ask, 16);

/* A header that came before, newest first. `interval_class` is the one it states. */
struct qn_producer_recent {
    uint64_t height;
    uint64_t time_ms;
    uint32_t backlog;
    uint32_t body_size;
    uint32_t interval_class;
    uint32_t reserved;
};
QN_SIZE_IS(struct qn_producer_recent, 32);

struct qn_producer_1 {
    struct qn_head head;

    /* From now on turns() may be asked for this window. Opening a window again replaces it.
     * `context` is an encoded qn_producer_context. NO_SPACE: over windows_max. INVALID: no seat is
     * left. */
    QN_MUST_CHECK int32_t (*open)(struct qn_inst *inst, struct qn_span context);

    /* Who may produce each height as that rank, as index in the set. Pure in (context, height,
     * view); views below 64 only. `asks` up to ASKS_MAX. `members` has one for each of `asks`.
     * NOT_FOUND: a height outside the open windows. */
    QN_MUST_CHECK int32_t (*turns)(struct qn_inst *inst, const struct qn_producer_ask *asks,
                                   uint32_t asks_count, uint32_t *members);

    /* The interval class that follows on this chain: rank v may come at the parent's time +
     * interval + v * backup. The kernel refuses values outside the network's bounds. No recent
     * header: the first block follows. `recent` up to RECENT_MAX. */
    QN_MUST_CHECK int32_t (*pace)(struct qn_inst *inst, const struct qn_producer_recent *recent,
                                  uint32_t recent_count, uint8_t *interval_class,
                                  uint32_t *interval_ms, uint32_t *backup_ms);

    /* Forget windows up to this one. */
    void (*close)(struct qn_inst *inst, uint64_t window);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_PRODUCER == 0
#define QN_PRODUCER_PRINT UINT64_C(0xb56cba1ada8bb66d)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_PRODUCER_1_HEAD QN_HEAD(struct qn_producer_1, 1, QN_TARGET_PRODUCER, QN_PRODUCER_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_producer_seat_take(struct qn_reader *in, struct qn_producer_seat *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_fixed(in, QN_KEY_SIZE);
    out->weight = qn_reader_u64(in);
    out->produced = qn_reader_u32(in);
    out->missed = qn_reader_u32(in);
    out->excluded = qn_reader_u32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_producer_seat_read(struct qn_span from,
                                                          struct qn_producer_seat *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_producer_seat it;

    qn_producer_seat_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_producer_seat_size(const struct qn_producer_seat *from)
{
    (void)from;
    return 56;
}

static inline uint8_t *qn_producer_seat_write(const struct qn_producer_seat *from, uint8_t *to)
{
    to = qn_writer_fixed(to, from->key, QN_KEY_SIZE);
    to = qn_writer_u64(to, from->weight);
    to = qn_writer_u32(to, from->produced);
    to = qn_writer_u32(to, from->missed);
    to = qn_writer_u32(to, from->excluded);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_producer_seat_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_producer_seat item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_producer_seat_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_producer_seat_next(struct qn_span *rest, struct qn_producer_seat *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_producer_seat_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_producer_ask_take(struct qn_reader *in, struct qn_producer_ask *out)
{
    memset(out, 0, sizeof *out);
    out->height = qn_reader_u64(in);
    out->view = qn_reader_u32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_producer_ask_read(struct qn_span from,
                                                         struct qn_producer_ask *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_producer_ask it;

    qn_producer_ask_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_producer_ask_size(const struct qn_producer_ask *from)
{
    (void)from;
    return 16;
}

static inline uint8_t *qn_producer_ask_write(const struct qn_producer_ask *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->height);
    to = qn_writer_u32(to, from->view);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_producer_ask_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_producer_ask item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_producer_ask_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_producer_ask_next(struct qn_span *rest, struct qn_producer_ask *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_producer_ask_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_producer_recent_take(struct qn_reader *in, struct qn_producer_recent *out)
{
    memset(out, 0, sizeof *out);
    out->height = qn_reader_u64(in);
    out->time_ms = qn_reader_u64(in);
    out->backlog = qn_reader_u32(in);
    out->body_size = qn_reader_u32(in);
    out->interval_class = qn_reader_u32(in);
    out->reserved = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_producer_recent_read(struct qn_span from,
                                                            struct qn_producer_recent *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_producer_recent it;

    qn_producer_recent_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_producer_recent_size(const struct qn_producer_recent *from)
{
    (void)from;
    return 32;
}

static inline uint8_t *qn_producer_recent_write(const struct qn_producer_recent *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->height);
    to = qn_writer_u64(to, from->time_ms);
    to = qn_writer_u32(to, from->backlog);
    to = qn_writer_u32(to, from->body_size);
    to = qn_writer_u32(to, from->interval_class);
    to = qn_writer_u32(to, from->reserved);
    return to;
}

static inline struct qn_span qn_producer_recent_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_producer_recent item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_producer_recent_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_producer_recent_next(struct qn_span *rest, struct qn_producer_recent *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_producer_recent_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}

static inline void qn_producer_context_take(struct qn_reader *in, struct qn_producer_context *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->first = qn_reader_u64(in);
    out->last = qn_reader_u64(in);
    out->basis = qn_reader_bytes(in, 328);
    out->beacon = qn_reader_fixed(in, QN_HASH_SIZE);
    out->seats_count = qn_reader_count(in, QN_PRODUCER_MEMBERS_MAX);
    out->seats = qn_producer_seat_list(in, out->seats_count);
}

QN_MUST_CHECK static inline int32_t qn_producer_context_read(struct qn_span from,
                                                             struct qn_producer_context *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_producer_context it;

    qn_producer_context_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_producer_context_size(const struct qn_producer_context *from)
{
    return 64 + from->basis.size + from->seats.size;
}

static inline uint8_t *qn_producer_context_write(const struct qn_producer_context *from,
                                                 uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u64(to, from->first);
    to = qn_writer_u64(to, from->last);
    to = qn_writer_bytes(to, from->basis, 328);
    to = qn_writer_fixed(to, from->beacon, QN_HASH_SIZE);
    to = qn_writer_list(to, from->seats, from->seats_count, QN_PRODUCER_MEMBERS_MAX);
    return to;
}
