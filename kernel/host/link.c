/* SPDX-License-Identifier: MIT */

#include "kernel/host/link.h"

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/base/random.h"
#include "kernel/base/text.h"

#define MICROS        UINT64_C(1000000)
#define PING_US       UINT64_C(5000000)
#define TOKENS_MIN    UINT64_C(1048576)
#define BATCH_BYTES   UINT64_C(1048576) /* sealed ahead at most, beyond the first frame */
#define REQUEST_BURST 2                 /* seconds of requests that may come at once */

enum { SIGNAL_PING = 1, SIGNAL_PONG = 2, SIGNAL_READS = 3, SIGNAL_SIZE = 9 };

/* --- waiting: sealed frames, in the order of the stream --- */

static void waiting_add(struct qnk_link *link, struct qn_buf *buf)
{
    QN_ASSERT(link->waiting_count < QNK_LINK_WAITING);
    link->waiting[link->waiting_count++] = buf;
}

static void waiting_drop(struct qnk_link *link, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        link->bytes_out += link->waiting[i]->size;
        link->base->counters.bytes_out += link->waiting[i]->size;
        qnk_buf_unref(link->waiting[i]);
    }
    link->waiting_count -= count;
    memmove(link->waiting, link->waiting + count, link->waiting_count * sizeof link->waiting[0]);
}

/* Bytes that are sealed already where they have to be. One that is lost would leave a hole in the
 * stream, so then the link is lost. */
static void say(struct qnk_link *link, const struct qnk_session_frame *frame)
{
    struct qn_buf *buf;

    if (frame->size == 0) {
        return;
    }
    buf = qnk_buf_copy(link->base->budget, (struct qn_span){frame->bytes, frame->size});
    if (buf == NULL || link->waiting_count == QNK_LINK_WAITING) {
        qnk_buf_unref(buf);
        link->is_lost = true;
        return;
    }
    waiting_add(link, buf);
}

/* --- life --- */

static void credit(struct qnk_link *link, uint64_t bytes)
{
    if (bytes > 0 && link->base->transport->credit(link->base->inst, link->id, bytes) != QN_OK) {
        link->is_blocked = true; /* it went down below; `down` is on its way */
    }
}

struct qnk_link *qnk_link_create(struct qnk_link_base *base, uint64_t id, const char *address,
                                 bool is_outgoing, const struct qnk_hash *expected, uint64_t now_us)
{
    struct qnk_link *link = qnk_memory_take(base->budget, sizeof *link);
    uint8_t chance[32];

    if (link == NULL) {
        return NULL;
    }
    *link = (struct qnk_link){
        .base = base,
        .id = id,
        .is_outgoing = is_outgoing,
        .since_us = now_us,
        .heard_us = now_us,
        .moved_us = now_us,
        .refill_us = now_us,
        .tokens = base->bytes_per_second < TOKENS_MIN ? TOKENS_MIN : base->bytes_per_second,
        .requests = base->requests_per_second * MICROS * REQUEST_BURST,
    };
    qnk_text(link->address, sizeof link->address, "%s", address);
    qnk_random_system(chance, sizeof chance);
    qnk_session_init(&link->session, &base->identity, is_outgoing, expected, chance);
    sodium_memzero(chance, sizeof chance);
    say(link, &link->session.hello);
    credit(link, QNK_LINK_GREETING);
    qnk_link_flush(link, now_us);
    return link;
}

void qnk_link_destroy(struct qnk_link *link)
{
    for (uint32_t i = 0; i < link->waiting_count; i++) {
        qnk_buf_unref(link->waiting[i]);
    }
    if (link->lanes.budget != NULL) {
        qnk_lanes_done(&link->lanes);
    }
    qnk_session_done(&link->session);
    qnk_memory_give(link->base->budget, link, sizeof *link);
}

int32_t qnk_link_raise(struct qnk_link *link, uint32_t peer, uint64_t now_us)
{
    int32_t status = qnk_lanes_init(&link->lanes, link->base->budget);

    QN_ASSERT(link->state == QNK_LINK_OPEN && peer != 0);
    if (status != QN_OK) {
        link->lanes.budget = NULL;
        return status;
    }
    link->state = QNK_LINK_UP;
    link->peer = peer;
    link->up_us = now_us;
    link->told = link->session.offered;
    link->moved_us = now_us;
    link->owed = QNK_LINK_WINDOW;
    return QN_OK;
}

void qnk_link_end_answered(struct qnk_link *link, const struct qnk_session_frame *answer,
                           uint64_t now_us)
{
    if (link->state == QNK_LINK_ENDED) {
        return;
    }
    if (link->reason[0] == 0) {
        link->code = link->session.end.code;
        qnk_text(link->reason, sizeof link->reason, "%s%s",
                 !link->session.end.by_peer ? ""
                 : link->peer == 0          ? "refused us: "
                                            : "it said: ",
                 link->session.end.text);
    }
    /* The stream is over: what waits in the lanes is lost with the link. */
    link->state = QNK_LINK_PROVING;
    say(link, answer);
    qnk_link_flush(link, now_us);
    link->state = QNK_LINK_ENDED;
    if (!link->is_gone) {
        link->base->transport->close(link->base->inst, link->id, QNK_LINK_LINGER_MS);
    }
}

void qnk_link_end(struct qnk_link *link, enum qnk_session_code code, const char *text,
                  uint64_t now_us)
{
    struct qnk_session_frame answer = {.size = 0};

    if (link->state == QNK_LINK_ENDED) {
        return;
    }
    if (link->session.state != QNK_SESSION_OVER) {
        qnk_session_refuse(&link->session, code, text, &answer);
    }
    link->code = code;
    qnk_text(link->reason, sizeof link->reason, "%s", text);
    qnk_link_end_answered(link, &answer, now_us);
}

/* --- compressors --- */

/* Packings up to COMPRESSORS_MAX are places in what both hellos agree on; those above count what
 * the frame's receiver signalled since. */
enum { PACKING_SIGNALLED = QNK_SESSION_COMPRESSORS_MAX + 1 };

static uint64_t tag_of(const char *name)
{
    struct qnk_hash hash;

    qnk_hash_tagged("qnet/compressor", name, strlen(name), &hash);
    return qn_le64_read(hash.bytes);
}

uint32_t qnk_link_base_place(const struct qnk_link_base *base, const char *name)
{
    uint32_t place = 0;

    while (place < base->packer.count && strcmp(base->names[place], name) != 0) {
        place++;
    }
    return place;
}

int32_t qnk_link_base_use(struct qnk_link_base *base, const char *name,
                          const struct qnk_plugged *compression)
{
    uint32_t place = qnk_link_base_place(base, name);

    if (place == QNK_SESSION_COMPRESSORS_MAX) {
        return QN_NO_SPACE;
    }
    if (place == base->packer.count) {
        qnk_text(base->names[place], sizeof base->names[place], "%s", name);
        base->tags[place] = tag_of(name);
        base->identity.compressors[place] = base->names[place];
        base->identity.compressors_count++;
    }
    qnk_packer_use(&base->packer, place, compression);
    return QN_OK;
}

/* What a frame to this peer calls the compressor that packs now; 0: the peer does not have it. */
static uint16_t packing_of(const struct qnk_link *link)
{
    const struct qnk_session_peer *peer = &link->session.peer;
    uint32_t active = link->base->packer.active;

    if (link->base->packer.count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < peer->agreed_count; i++) {
        if (peer->agreed[i] == active) {
            return (uint16_t)(i + 1);
        }
    }
    for (uint32_t i = 0; i < link->heard; i++) {
        if (link->reads[i] == link->base->tags[active]) {
            return (uint16_t)(PACKING_SIGNALLED + i);
        }
    }
    return 0;
}

bool qnk_link_is_packing(const struct qnk_link *link)
{
    return packing_of(link) != 0;
}

/* The own compressor that a frame from this peer names. False: it names none. */
static bool place_of(const struct qnk_link *link, uint16_t packing, uint32_t *place)
{
    uint32_t signalled = link->told - link->session.offered;

    if (packing >= PACKING_SIGNALLED && packing < PACKING_SIGNALLED + signalled) {
        *place = link->session.offered + (uint32_t)packing - (uint32_t)PACKING_SIGNALLED;
        return true;
    }
    if (packing == 0 || packing > link->session.peer.agreed_count) {
        return false;
    }
    *place = link->session.peer.agreed[packing - 1];
    return true;
}

/* --- out --- */

/* Writes the message of a frame behind the place of the seal's tag. NULL: over the budget. */
static struct qn_buf *frame_write(struct qnk_link *link, uint8_t lane,
                                  const struct qnk_queued *queued)
{
    struct qnk_packer *packer = &link->base->packer;
    struct qnk_frame head = {
        .lane = lane,
        .type = queued->type,
        .request = queued->request,
        .plain_size = (uint32_t)qnk_queued_size(queued),
    };
    uint16_t packing = packing_of(link);
    bool is_packed = packing != 0 && qnk_packer_pack(packer, lane, queued, &head.body);
    uint64_t body_size = is_packed ? head.body.size : head.plain_size;
    struct qn_buf *buf =
        qnk_buf_new(link->base->budget, QNK_FRAME_HEAD_SIZE + body_size + QNK_SESSION_SEAL);
    struct qnk_writer writer;

    if (buf == NULL) {
        return NULL;
    }
    head.packing = is_packed ? packing : 0;
    writer = qnk_writer_init(buf->data + 1, buf->size - QNK_SESSION_SEAL);
    qnk_frame_encode(&head, qnk_writer_take(&writer, QNK_FRAME_HEAD_SIZE));
    if (is_packed) {
        qnk_writer_bytes(&writer, head.body.data, head.body.size);
        link->base->counters.packed_plain += head.plain_size;
        link->base->counters.packed_size += head.body.size;
        return buf;
    }
    if (queued->head != NULL) {
        qnk_writer_bytes(&writer, queued->head->data, queued->head->size);
    }
    qnk_writer_bytes(&writer, queued->body.data, queued->body.size);
    return buf;
}

/* Seals what is most urgent, up to what may wait. */
static void lanes_seal(struct qnk_link *link)
{
    uint64_t bytes = 0;

    while (link->waiting_count < QNK_LINK_WAITING_DATA && bytes < BATCH_BYTES) {
        uint8_t lane = 0;
        const struct qnk_queued *queued = qnk_lanes_next(&link->lanes, &lane);
        struct qn_buf *buf = queued == NULL ? NULL : frame_write(link, lane, queued);

        if (buf == NULL) {
            return; /* nothing waits, or memory does; then the next tick tries again */
        }
        qnk_session_seal(&link->session, QNK_SESSION_DATA, buf->data, buf->size - QNK_SESSION_SEAL);
        bytes += buf->size;
        waiting_add(link, buf);
        link->base->counters.plain_out[lane] += qnk_queued_size(queued);
        qnk_lanes_pop(&link->lanes, lane);
        link->frames_out++;
        link->base->counters.frames_out[lane]++;
    }
}

/* One call of the transport's send. False: it takes no more for now. */
static bool waiting_send(struct qnk_link *link, uint64_t now_us)
{
    struct qn_slice slices[QNK_LINK_WAITING];
    uint32_t count = link->waiting_count;
    uint32_t accepted = 0;
    int32_t status;

    for (uint32_t i = 0; i < count; i++) {
        slices[i] =
            (struct qn_slice){link->waiting[i], link->waiting[i]->data, link->waiting[i]->size};
    }
    status = link->base->transport->send(link->base->inst, link->id, slices, count, &accepted);
    if (status != QN_OK && status != QN_AGAIN) {
        link->is_blocked = true; /* it went down below; `down` is on its way */
        return false;
    }
    accepted = status == QN_OK ? count : accepted;
    QN_ASSERT(accepted <= count);
    if (accepted > 0) {
        waiting_drop(link, accepted);
        link->moved_us = now_us;
    }
    link->is_blocked = status == QN_AGAIN;
    return status == QN_OK;
}

void qnk_link_flush(struct qnk_link *link, uint64_t now_us)
{
    if (link->state == QNK_LINK_ENDED || link->is_blocked || link->is_gone || link->is_lost) {
        return;
    }
    for (;;) {
        if (link->state == QNK_LINK_UP) {
            lanes_seal(link);
        }
        if (link->waiting_count == 0) {
            link->moved_us = now_us;
            return;
        }
        if (!waiting_send(link, now_us)) {
            return;
        }
    }
}

bool qnk_link_push(struct qnk_link *link, uint8_t lane, const struct qnk_queued *frame,
                   uint64_t now_us)
{
    bool fits = qnk_lanes_push(&link->lanes, lane, frame);

    link->base->counters.dropped[lane] += fits ? 0 : 1;
    qnk_link_flush(link, now_us);
    return fits;
}

/* Signals overtake the lanes. False: there is no room; a ping or pong is then not missed. */
static bool signal_send(struct qnk_link *link, uint8_t what, uint64_t value, uint64_t now_us)
{
    struct qn_buf *buf;

    if (link->waiting_count >= QNK_LINK_WAITING - 2) {
        return false; /* the last places are for a farewell */
    }
    buf = qnk_buf_new(link->base->budget, SIGNAL_SIZE + QNK_SESSION_SEAL);
    if (buf == NULL) {
        return false;
    }
    buf->data[1] = what;
    qn_le64_write(buf->data + 2, value);
    qnk_session_seal(&link->session, QNK_SESSION_SIGNAL, buf->data, SIGNAL_SIZE);
    waiting_add(link, buf);
    qnk_link_flush(link, now_us);
    return true;
}

/* What came into use since the hello, in order: the peer counts them. */
static void compressors_tell(struct qnk_link *link, uint64_t now_us)
{
    while (link->told < link->base->packer.count &&
           signal_send(link, SIGNAL_READS, link->base->tags[link->told], now_us)) {
        link->told++;
    }
}

/* --- credit --- */

/* A bucket that fills by `rate` a second up to `most`. */
static uint64_t refilled(uint64_t now, uint64_t rate, uint64_t age_us, uint64_t most)
{
    /* Long ages fill it in any case; bounding them keeps the product small. */
    uint64_t more = rate * (age_us < 4 * MICROS ? age_us : 4 * MICROS) / MICROS;

    return more >= most || now + more > most ? most : now + more;
}

static void refill(struct qnk_link *link, uint64_t now_us)
{
    const struct qnk_link_base *base = link->base;
    uint64_t age_us = now_us - link->refill_us;
    uint64_t tokens_max = base->bytes_per_second < TOKENS_MIN ? TOKENS_MIN : base->bytes_per_second;
    uint64_t requests_max = base->requests_per_second * MICROS * REQUEST_BURST;

    link->tokens = refilled(link->tokens, base->bytes_per_second, age_us, tokens_max);
    link->requests =
        refilled(link->requests, base->requests_per_second * MICROS, age_us, requests_max);
    link->refill_us = now_us;
}

static void grant(struct qnk_link *link, uint64_t worth)
{
    uint64_t bytes = link->owed;

    if (link->base->bytes_per_second != 0 && bytes > link->tokens) {
        bytes = link->tokens;
    }
    if (bytes < worth || bytes == 0) {
        return;
    }
    if (link->base->bytes_per_second != 0) {
        link->tokens -= bytes;
    }
    link->owed -= bytes;
    credit(link, bytes);
}

/* --- in --- */

static enum qnk_link_taken handshake_take(struct qnk_link *link, struct qn_span bytes,
                                          uint64_t now_us)
{
    struct qnk_session_frame answer;
    int32_t status = qnk_session_take(&link->session, bytes, &answer);

    if (status != QN_OK) {
        qnk_link_end_answered(link, &answer, now_us);
        return QNK_LINK_BROKEN;
    }
    say(link, &answer);
    qnk_link_flush(link, now_us);
    if (link->session.state == QNK_SESSION_OPEN) {
        link->state = QNK_LINK_OPEN;
        return QNK_LINK_PROVEN;
    }
    return QNK_LINK_GREETED;
}

static enum qnk_link_taken signal_take(struct qnk_link *link, struct qn_span plain, uint64_t now_us)
{
    struct qnk_reader reader = qnk_reader_init(plain);
    uint8_t what = qnk_reader_u8(&reader);
    uint64_t value = qnk_reader_u64(&reader);

    if (!qnk_reader_done(&reader)) {
        return QNK_LINK_MALFORMED;
    }
    if (what == SIGNAL_PING) {
        (void)signal_send(link, SIGNAL_PONG, value, now_us);
    } else if (what == SIGNAL_READS && link->heard == QNK_SESSION_COMPRESSORS_MAX) {
        return QNK_LINK_MALFORMED;
    } else if (what == SIGNAL_READS) {
        link->reads[link->heard++] = value;
    } else if (what == SIGNAL_PONG && value == link->pinged_us && value != 0) {
        link->rtt_us = now_us - value;
    }
    return QNK_LINK_NOTHING; /* a signal of a later version is none of ours */
}

/* Replaces the packed body by its plain form in a buf of its own. */
static enum qnk_link_taken body_unpack(struct qnk_link *link, struct qnk_link_frame *frame)
{
    struct qn_buf *plain = NULL;
    bool is_bulk = frame->head.lane == QNK_LANE_BLOCKS || frame->head.lane == QNK_LANE_SYNC;
    uint32_t place = 0;
    int32_t status;

    if (!is_bulk || !place_of(link, frame->head.packing, &place)) {
        return QNK_LINK_MALFORMED;
    }
    status = qnk_packer_unpack(&link->base->packer, place, frame->head.body, frame->head.plain_size,
                               &plain);
    if (status != QN_OK) {
        return status == QN_NO_SPACE ? QNK_LINK_NO_MEMORY : QNK_LINK_MALFORMED;
    }
    qnk_buf_unref(frame->buf);
    frame->buf = plain;
    frame->head.body = qnk_buf_span(plain);
    frame->head.packing = 0;
    return QNK_LINK_FRAME;
}

static bool is_request(uint8_t type)
{
    return type == QNK_WIRE_FETCH_BODIES || type == QNK_WIRE_FETCH_CHAIN ||
           type == QNK_WIRE_FETCH_TXS || type == QNK_WIRE_FETCH_MACROS ||
           type == QNK_WIRE_FETCH_RANGE || type == QNK_WIRE_FETCH_MACRO;
}

static enum qnk_link_taken data_take(struct qnk_link *link, struct qnk_link_frame *frame)
{
    struct qnk_link_base *base = link->base;
    struct qnk_frame *head = &frame->head;
    enum qnk_link_taken taken = QNK_LINK_FRAME;

    if (qnk_frame_decode(qnk_buf_span(frame->buf), head) != QN_OK || head->lane >= QNK_LANES) {
        return QNK_LINK_MALFORMED;
    }
    if (head->packing != 0) {
        taken = body_unpack(link, frame);
    } else if (head->body.size != head->plain_size || head->body.size > QNK_FRAME_PLAIN_MAX) {
        taken = QNK_LINK_MALFORMED;
    }
    if (taken != QNK_LINK_FRAME) {
        return taken;
    }
    link->frames_in++;
    base->counters.frames_in[head->lane]++;
    if (base->requests_per_second == 0 || !is_request(head->type)) {
        return QNK_LINK_FRAME;
    }
    if (link->requests < MICROS) {
        link->refused++;
        base->counters.requests_refused++;
        return QNK_LINK_REQUEST;
    }
    link->requests -= MICROS;
    return QNK_LINK_FRAME;
}

static enum qnk_link_taken message_take(struct qnk_link *link, struct qn_span bytes,
                                        uint64_t now_us, struct qnk_link_frame *frame)
{
    enum qnk_session_kind kind = QNK_SESSION_DATA;
    enum qnk_link_taken taken = QNK_LINK_NOTHING;
    uint64_t size = bytes.size < QNK_SESSION_SEAL ? 0 : bytes.size - QNK_SESSION_SEAL;
    struct qnk_session_frame nothing = {.size = 0};

    frame->buf = qnk_buf_new(link->base->budget, size);
    if (frame->buf == NULL) {
        return QNK_LINK_NO_MEMORY;
    }
    if (qnk_session_open(&link->session, bytes, frame->buf->data, &kind) != QN_OK ||
        kind == QNK_SESSION_FAREWELL) {
        qnk_link_end_answered(link, &nothing, now_us);
        taken = QNK_LINK_BROKEN;
    } else if (kind == QNK_SESSION_SIGNAL) {
        taken = signal_take(link, qnk_buf_span(frame->buf), now_us);
    } else {
        taken = data_take(link, frame);
    }
    if (taken != QNK_LINK_FRAME && taken != QNK_LINK_REQUEST) {
        qnk_buf_unref(frame->buf);
        frame->buf = NULL;
    }
    return taken;
}

enum qnk_link_taken qnk_link_take(struct qnk_link *link, struct qn_span bytes, uint64_t now_us,
                                  struct qnk_link_frame *frame)
{
    if (link->state == QNK_LINK_ENDED) {
        return QNK_LINK_NOTHING; /* it was on its way when we closed */
    }
    link->heard_us = now_us;
    link->bytes_in += bytes.size;
    link->base->counters.bytes_in += bytes.size;
    if (link->state == QNK_LINK_PROVING) {
        return handshake_take(link, bytes, now_us);
    }
    link->owed += bytes.size;
    refill(link, now_us);
    grant(link, QNK_LINK_WINDOW / 4); /* seldom enough, and long before the window is empty */
    return message_take(link, bytes, now_us, frame);
}

/* --- upkeep --- */

void qnk_link_keep(struct qnk_link *link, uint64_t now_us)
{
    if (link->state == QNK_LINK_UP) {
        refill(link, now_us);
        grant(link, 1);
        compressors_tell(link, now_us);
        if (link->pinged_us == 0 || now_us - link->pinged_us >= PING_US) {
            link->pinged_us = now_us;
            (void)signal_send(link, SIGNAL_PING, now_us, now_us);
        }
    }
    qnk_link_flush(link, now_us);
}

const char *qnk_link_look(const struct qnk_link *link, uint64_t now_us)
{
    if (link->is_lost) {
        return "no memory for its frames";
    }
    if (link->state == QNK_LINK_PROVING && now_us - link->since_us > QNK_PEERS_HANDSHAKE_US) {
        return "did not finish the handshake in time";
    }
    if (link->state != QNK_LINK_UP) {
        return NULL;
    }
    if (now_us - link->moved_us > QNK_PEERS_STALL_US) {
        return "takes nothing of what waits for it";
    }
    if (now_us - link->heard_us > QNK_PEERS_SILENCE_US && link->owed < QNK_LINK_WINDOW) {
        return "was silent for too long";
    }
    return NULL;
}
