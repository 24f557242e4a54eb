/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/service.yaml:
 * edit that, then `make generate`. */
#pragma once

/* service.h: the contract of a service plugin, service/1.
 *
 * What hangs off a node: an API, a dashboard, metrics, sinks.
 *
 * Never on the consensus path. It starts with activate() and ends with freeze().
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    as in each record
 *   owns     spans are borrowed until the call returns; sinks are the caller's
 *   threads  pool and loop, as each slot says
 *   cost     whatever it needs, but never the loop's time
 *   errors   nothing was taken
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_SERVICE
#define QN_TARGET_SERVICE 0
#endif

/* In bytes. Beyond: refused. Why: one request is held in memory. */
#define QN_SERVICE_REQUEST_MAX 1048576

/* In events. Beyond: a `gap` event, read back through views. Why: a slow service must not hold the
 * node. */
#define QN_SERVICE_QUEUE_MAX 65536

enum {
    QN_SERVICE_MANIFEST_ROUTES = 19,
    QN_SERVICE_MANIFEST_TOPICS = 20,
};

/* Field 19. A route that serve() answers. */
struct qn_service_manifest_routes {
    uint16_t id;
    uint8_t reserved_1[6];
    struct qn_span method;
    struct qn_span path;
    struct qn_span doc;
};
QN_SIZE_IS(struct qn_service_manifest_routes, 56);

/* Field 20. An event that deliver() wants. */
struct qn_service_manifest_topics {
    struct qn_span name;
};
QN_SIZE_IS(struct qn_service_manifest_topics, 16);

enum {
    QN_SERVICE_EVENT_MICROBLOCK = 1,
    QN_SERVICE_EVENT_UNDONE = 2,
    QN_SERVICE_EVENT_MACROBLOCK = 3,
    QN_SERVICE_EVENT_TRANSACTION = 4,
    QN_SERVICE_EVENT_PEER = 5,
    QN_SERVICE_EVENT_ALERT = 6,
    QN_SERVICE_EVENT_SWAP = 7,
    QN_SERVICE_EVENT_GAP = 8,
};

/* Event 1. A block joined the best chain. */
struct qn_service_event_microblock {
    uint64_t height;
    const uint8_t *id;
    uint32_t txs;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_service_event_microblock, 24);

/* Event 2. A block left the best chain. */
struct qn_service_event_undone {
    uint64_t height;
    const uint8_t *id;
};
QN_SIZE_IS(struct qn_service_event_undone, 16);

/* Event 3. A window is final. */
struct qn_service_event_macroblock {
    uint64_t window;
    const uint8_t *digest;
    uint64_t height;
};
QN_SIZE_IS(struct qn_service_event_macroblock, 24);

/* Event 4. A transaction was included. */
struct qn_service_event_transaction {
    const uint8_t *id;
    uint64_t height;
    uint32_t index;
    uint32_t code;
};
QN_SIZE_IS(struct qn_service_event_transaction, 24);

/* Event 5. A peer came or went. */
struct qn_service_event_peer {
    const uint8_t *key;
    uint8_t up;
    uint8_t reserved_1[7];
};
QN_SIZE_IS(struct qn_service_event_peer, 16);

/* Event 6. Something an operator should see. */
struct qn_service_event_alert {
    struct qn_span name;
    struct qn_span text;
};
QN_SIZE_IS(struct qn_service_event_alert, 32);

/* Event 7. A step of a swap. */
struct qn_service_event_swap {
    struct qn_span kind;
    struct qn_span phase;
};
QN_SIZE_IS(struct qn_service_event_swap, 32);

/* Event 8. Events from..to were lost to this service. */
struct qn_service_event_gap {
    uint64_t from;
    uint64_t to;
};
QN_SIZE_IS(struct qn_service_event_gap, 16);

struct qn_service_1 {
    struct qn_head head;

    /* Subscribed events in order. Thread: pool, serial in group 1. AGAIN: fewer were taken than
     * given. IO: the far side says no. */
    QN_MUST_CHECK int32_t (*deliver)(struct qn_inst *inst, uint32_t lane,
                                     const struct qn_event *const *batch, uint32_t batch_count,
                                     uint32_t *accepted);

    /* Answers a route that the manifest registers. `request` up to REQUEST_MAX. Thread: pool,
     * shared. INVALID: not a request. NOT_FOUND: no such thing. DENIED: not permitted. AGAIN:
     * busy. */
    QN_MUST_CHECK int32_t (*serve)(struct qn_inst *inst, uint32_t lane, uint32_t route,
                                   struct qn_span request, struct qn_sink *answer);

    /* Own sockets, as in transport. Thread: loop. AGAIN: more is waiting. */
    QN_MUST_CHECK int32_t (*pump)(struct qn_inst *inst, uint32_t budget);

    /* The last event that is stored durably outside; delivery resumes after it. Thread: any. */
    uint64_t (*cursor)(struct qn_inst *inst);

    /* Readiness criteria. `criteria`: list of (name text, ok flag, text). Thread: any. */
    QN_MUST_CHECK int32_t (*health)(struct qn_inst *inst, struct qn_sink *criteria);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_SERVICE == 0
#define QN_SERVICE_PRINT UINT64_C(0xaf27409c1e5f799a)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_SERVICE_1_HEAD QN_HEAD(struct qn_service_1, 1, QN_TARGET_SERVICE, QN_SERVICE_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_service_event_microblock_take(struct qn_reader *in,
                                                    struct qn_service_event_microblock *out)
{
    memset(out, 0, sizeof *out);
    out->height = qn_reader_u64(in);
    out->id = qn_reader_fixed(in, QN_HASH_SIZE);
    out->txs = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_service_event_microblock_read(
    struct qn_span from, struct qn_service_event_microblock *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_microblock it;

    qn_service_event_microblock_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_microblock_size(
    const struct qn_service_event_microblock *from)
{
    (void)from;
    return 44;
}

static inline uint8_t *qn_service_event_microblock_write(
    const struct qn_service_event_microblock *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->height);
    to = qn_writer_fixed(to, from->id, QN_HASH_SIZE);
    to = qn_writer_u32(to, from->txs);
    return to;
}

static inline void qn_service_event_undone_take(struct qn_reader *in,
                                                struct qn_service_event_undone *out)
{
    memset(out, 0, sizeof *out);
    out->height = qn_reader_u64(in);
    out->id = qn_reader_fixed(in, QN_HASH_SIZE);
}

QN_MUST_CHECK static inline int32_t qn_service_event_undone_read(
    struct qn_span from, struct qn_service_event_undone *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_undone it;

    qn_service_event_undone_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_undone_size(const struct qn_service_event_undone *from)
{
    (void)from;
    return 40;
}

static inline uint8_t *qn_service_event_undone_write(const struct qn_service_event_undone *from,
                                                     uint8_t *to)
{
    to = qn_writer_u64(to, from->height);
    to = qn_writer_fixed(to, from->id, QN_HASH_SIZE);
    return to;
}

static inline void qn_service_event_macroblock_take(struct qn_reader *in,
                                                    struct qn_service_event_macroblock *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->height = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_service_event_macroblock_read(
    struct qn_span from, struct qn_service_event_macroblock *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_macroblock it;

    qn_service_event_macroblock_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_macroblock_size(
    const struct qn_service_event_macroblock *from)
{
    (void)from;
    return 48;
}

static inline uint8_t *qn_service_event_macroblock_write(
    const struct qn_service_event_macroblock *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_u64(to, from->height);
    return to;
}

static inline void qn_service_event_transaction_take(struct qn_reader *in,
                                                     struct qn_service_event_transaction *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_fixed(in, QN_HASH_SIZE);
    out->height = qn_reader_u64(in);
    out->index = qn_reader_u32(in);
    out->code = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_service_event_transaction_read(
    struct qn_span from, struct qn_service_event_transaction *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_transaction it;

    qn_service_event_transaction_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_transaction_size(
    const struct qn_service_event_transaction *from)
{
    (void)from;
    return 48;
}

static inline uint8_t *qn_service_event_transaction_write(
    const struct qn_service_event_transaction *from, uint8_t *to)
{
    to = qn_writer_fixed(to, from->id, QN_HASH_SIZE);
    to = qn_writer_u64(to, from->height);
    to = qn_writer_u32(to, from->index);
    to = qn_writer_u32(to, from->code);
    return to;
}

static inline void qn_service_event_peer_take(struct qn_reader *in,
                                              struct qn_service_event_peer *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_fixed(in, QN_KEY_SIZE);
    out->up = qn_reader_flag(in);
}

QN_MUST_CHECK static inline int32_t qn_service_event_peer_read(struct qn_span from,
                                                               struct qn_service_event_peer *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_peer it;

    qn_service_event_peer_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_peer_size(const struct qn_service_event_peer *from)
{
    (void)from;
    return 33;
}

static inline uint8_t *qn_service_event_peer_write(const struct qn_service_event_peer *from,
                                                   uint8_t *to)
{
    to = qn_writer_fixed(to, from->key, QN_KEY_SIZE);
    to = qn_writer_flag(to, from->up);
    return to;
}

static inline void qn_service_event_alert_take(struct qn_reader *in,
                                               struct qn_service_event_alert *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, 32);
    out->text = qn_reader_text(in, 256);
}

QN_MUST_CHECK static inline int32_t qn_service_event_alert_read(struct qn_span from,
                                                                struct qn_service_event_alert *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_alert it;

    qn_service_event_alert_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_alert_size(const struct qn_service_event_alert *from)
{
    return 8 + from->name.size + from->text.size;
}

static inline uint8_t *qn_service_event_alert_write(const struct qn_service_event_alert *from,
                                                    uint8_t *to)
{
    to = qn_writer_text(to, from->name, 32);
    to = qn_writer_text(to, from->text, 256);
    return to;
}

static inline void qn_service_event_swap_take(struct qn_reader *in,
                                              struct qn_service_event_swap *out)
{
    memset(out, 0, sizeof *out);
    out->kind = qn_reader_text(in, 16);
    out->phase = qn_reader_text(in, 16);
}

QN_MUST_CHECK static inline int32_t qn_service_event_swap_read(struct qn_span from,
                                                               struct qn_service_event_swap *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_swap it;

    qn_service_event_swap_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_swap_size(const struct qn_service_event_swap *from)
{
    return 8 + from->kind.size + from->phase.size;
}

static inline uint8_t *qn_service_event_swap_write(const struct qn_service_event_swap *from,
                                                   uint8_t *to)
{
    to = qn_writer_text(to, from->kind, 16);
    to = qn_writer_text(to, from->phase, 16);
    return to;
}

static inline void qn_service_event_gap_take(struct qn_reader *in, struct qn_service_event_gap *out)
{
    memset(out, 0, sizeof *out);
    out->from = qn_reader_u64(in);
    out->to = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_service_event_gap_read(struct qn_span from,
                                                              struct qn_service_event_gap *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_event_gap it;

    qn_service_event_gap_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_event_gap_size(const struct qn_service_event_gap *from)
{
    (void)from;
    return 16;
}

static inline uint8_t *qn_service_event_gap_write(const struct qn_service_event_gap *from,
                                                  uint8_t *to)
{
    to = qn_writer_u64(to, from->from);
    to = qn_writer_u64(to, from->to);
    return to;
}

static inline void qn_service_manifest_routes_take(struct qn_reader *in,
                                                   struct qn_service_manifest_routes *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_u16(in);
    out->method = qn_reader_text(in, 8);
    out->path = qn_reader_text(in, 128);
    out->doc = qn_reader_text(in, 120);
}

QN_MUST_CHECK static inline int32_t qn_service_manifest_routes_read(
    struct qn_span from, struct qn_service_manifest_routes *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_manifest_routes it;

    qn_service_manifest_routes_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_manifest_routes_size(
    const struct qn_service_manifest_routes *from)
{
    return 14 + from->method.size + from->path.size + from->doc.size;
}

static inline uint8_t *qn_service_manifest_routes_write(
    const struct qn_service_manifest_routes *from, uint8_t *to)
{
    to = qn_writer_u16(to, from->id);
    to = qn_writer_text(to, from->method, 8);
    to = qn_writer_text(to, from->path, 128);
    to = qn_writer_text(to, from->doc, 120);
    return to;
}

static inline void qn_service_manifest_topics_take(struct qn_reader *in,
                                                   struct qn_service_manifest_topics *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, 16);
}

QN_MUST_CHECK static inline int32_t qn_service_manifest_topics_read(
    struct qn_span from, struct qn_service_manifest_topics *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_service_manifest_topics it;

    qn_service_manifest_topics_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_service_manifest_topics_size(
    const struct qn_service_manifest_topics *from)
{
    return 4 + from->name.size;
}

static inline uint8_t *qn_service_manifest_topics_write(
    const struct qn_service_manifest_topics *from, uint8_t *to)
{
    to = qn_writer_text(to, from->name, 16);
    return to;
}
