/* SPDX-License-Identifier: MIT */

#include "link.h"

#include <errno.h>
#include <string.h>

#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/tcp.h>

#include "instance.h"

enum {
    RECONNECT_MS = 60000,        /* never, in effect: what breaks is over */
    LAST_WORDS_US = 500000,      /* that a socket stays for a bye, as closing it drops them */
    CREDIT_STEP = 64 * 1024,     /* bytes that the far end may use up before it is told of more */
    ROUND_TRIP_MAX_US = 3600000, /* in ms-sized networks anything longer is a wrong echo */
};

/* A socket to `far`; negative: the library's error. */
static int push_open(const struct address *far)
{
    int push = nn_socket(AF_SP, NN_PUSH), on = 1, wait_ms = RECONNECT_MS;
    int four_only = far->host[0] != '[';

    if (push < 0) {
        return -EMFILE;
    }
    if (nn_setsockopt(push, NN_TCP, NN_TCP_NODELAY, &on, sizeof on) != 0 ||
        nn_setsockopt(push, NN_SOL_SOCKET, NN_IPV4ONLY, &four_only, sizeof four_only) != 0 ||
        nn_setsockopt(push, NN_SOL_SOCKET, NN_RECONNECT_IVL, &wait_ms, sizeof wait_ms) != 0 ||
        nn_connect(push, far->text) < 0) {
        int error = nn_errno();

        nn_close(push);
        return -error;
    }
    return push;
}

int32_t link_open(struct qn_inst *inst, struct link *link, const struct address *far)
{
    uint32_t frames = (uint32_t)inst->config.queue_frames;
    struct link it = {.state = LINK_FREE, .far = *far, .push = push_open(far)};
    size_t size = sizeof it.send_fd;

    if (it.push < 0) {
        return it.push == -EINVAL || it.push == -ENAMETOOLONG ? QN_INVALID : QN_NO_SPACE;
    }
    it.queue = inst->host->take(inst->node, frames * sizeof *it.queue);
    if (it.queue == NULL ||
        nn_getsockopt(it.push, NN_SOL_SOCKET, NN_SNDFD, &it.send_fd, &size) != 0) {
        inst->host->give(inst->node, it.queue);
        nn_close(it.push);
        return QN_NO_SPACE;
    }
    it.heard_us = inst->now_us;
    it.pinged_us = inst->now_us;
    it.deadline_us = inst->now_us + inst->config.dial_timeout * 1000;
    *link = it;
    return QN_OK;
}

static struct qn_slice *queue_at(const struct qn_inst *inst, struct link *link, uint32_t index)
{
    QN_ASSERT(index <= link->queue_count);
    return &link->queue[(link->queue_head + index) % (uint32_t)inst->config.queue_frames];
}

static void queue_pop(struct qn_inst *inst, struct link *link)
{
    struct qn_slice *first = queue_at(inst, link, 0);

    QN_ASSERT(link->queue_count > 0);
    QN_ASSERT(link->queue_bytes >= first->size);
    link->queue_bytes -= first->size;
    link->queue_count--;
    link->queue_head = (link->queue_head + 1) % (uint32_t)inst->config.queue_frames;
    inst->host->buf_unref(first->owner);
}

static void queue_drop(struct qn_inst *inst, struct link *link)
{
    while (link->queue_count > 0) {
        queue_pop(inst, link);
    }
    inst->host->give(inst->node, link->queue);
    link->queue = NULL;
}

/* Watches the socket while it takes no more, and only then. */
static void watch_fit(struct qn_inst *inst, struct link *link)
{
    if (link->is_blocked == link->is_watched) {
        return;
    }

    int32_t status = inst->watch->watch(inst->node, link->send_fd, link->is_blocked ? 1 : 0);

    if (status == QN_OK) {
        link->is_watched = link->is_blocked;
    } else {
        inst->is_polling = true; /* all descriptors are in use: a timer does it */
        inst->watch->timer(inst->node, POLL_US);
    }
}

void link_shut(struct qn_inst *inst, struct link *link)
{
    link->is_blocked = false;
    watch_fit(inst, link);
    if (link->push >= 0) {
        nn_close(link->push);
        link->push = -1;
    }
    queue_drop(inst, link);
    link->owes = 0;
}

/* Makes the link be over; what it owes and its socket stay until the deadline. */
static void link_end(struct qn_inst *inst, struct link *link, uint32_t reason, const char *text)
{
    bool was_seen = link->state == LINK_UP || link->state == LINK_CLOSING;

    QN_ASSERT(link->state != LINK_FREE && link->state != LINK_DOWN);
    queue_drop(inst, link);
    link->reason = reason;
    link->text = text;
    link->deadline_us = inst->now_us + (link->owes != 0 ? LAST_WORDS_US : 0);
    link->reports &= (uint32_t)REPORT_UP;
    if (link->reports != 0 || !was_seen) { /* the kernel knows the token at most */
        link->id = 0;
        link->reports = 0;
    }
    if (link->id != 0 || link->token != 0) {
        link->reports |= REPORT_DOWN;
    }
    link->state = LINK_DOWN;
    instance_wake(inst);
}

void link_fail(struct qn_inst *inst, struct link *link, uint32_t reason, const char *text)
{
    if (link->state == LINK_FREE || link->state == LINK_DOWN) {
        return;
    }
    if (link->state == LINK_UP || link->state == LINK_CLOSING) {
        link->owes = (link->owes & OWES_BYE_TOO) | OWES_BYE;
        link->is_cut = true;
    } else {
        link->owes = 0;
    }
    link_end(inst, link, reason, text);
    link_flush(inst, link);
}

/* A slice that the queue may keep; false: no memory. */
static bool slice_keep(struct qn_inst *inst, const struct qn_slice *from, struct qn_slice *out)
{
    uint8_t *data;

    if (from->owner != NULL) {
        inst->host->buf_ref(from->owner);
        *out = *from;
        return true;
    }

    struct qn_buf *owner = inst->host->buf_new(inst->node, from->size, &data);

    if (owner == NULL) {
        return false;
    }
    memcpy(data, from->data, from->size);
    *out = (struct qn_slice){owner, data, from->size};
    return true;
}

uint32_t link_take(struct qn_inst *inst, struct link *link, const struct qn_slice *frames,
                   uint32_t count)
{
    uint32_t taken = 0;

    while (taken < count && link->queue_count < (uint64_t)inst->config.queue_frames) {
        uint64_t bytes = link->queue_bytes + frames[taken].size;

        if (link->queue_count > 0 && bytes > inst->config.queue) {
            break;
        }
        if (!slice_keep(inst, &frames[taken], queue_at(inst, link, link->queue_count))) {
            break;
        }
        link->queue_count++;
        link->queue_bytes = bytes;
        taken++;
    }
    return taken;
}

static bool message_send(struct link *link, uint8_t type, uint64_t value, struct qn_span body)
{
    struct wire_head head = {
        .type = type,
        .side = link->side,
        .halves = {link->halves[0], link->halves[1]},
        .number = link->number_out,
        .value = value,
    };
    uint8_t bytes[WIRE_HEAD];
    union {
        const uint8_t *from;
        void *base;
    } borrowed = {.from = body.data}; /* the library only reads it, and says so nowhere */
    struct nn_iovec parts[2] = {{bytes, sizeof bytes}, {borrowed.base, body.size}};
    struct nn_msghdr message = {.msg_iov = parts, .msg_iovlen = body.size > 0 ? 2 : 1};

    wire_head_encode(&head, bytes);
    if (nn_sendmsg(link->push, &message, NN_DONTWAIT) < 0) {
        link->is_blocked = true;
        return false;
    }
    link->number_out++;
    return true;
}

/* Whether the far end should hear of more credit now: before it has used up what it knows of. */
static bool credit_is_due(const struct link *link)
{
    uint64_t more = link->credited - link->announced;
    uint64_t left = link->announced > link->received ? link->announced - link->received : 0;

    return more >= CREDIT_STEP || (more > 0 && left < CREDIT_STEP);
}

/* Sends the message for one bit of `owes`. */
static bool owed_send(struct qn_inst *inst, struct link *link, uint32_t owed)
{
    struct qn_span none = {NULL, 0};
    struct qn_span way_back = {(const uint8_t *)link->way_back, strlen(link->way_back)};
    bool is_sent = false;

    switch ((enum link_owes)owed) {
    case OWES_HELLO:
        return message_send(link, WIRE_HELLO, 0, way_back);
    case OWES_WELCOME:
        return message_send(link, WIRE_WELCOME, 0, none);
    case OWES_BYE_TOO:
        return message_send(link, WIRE_BYE_TOO, 0, none);
    case OWES_PONG:
        return message_send(link, WIRE_PONG, link->pong_value, none);
    case OWES_PING:
        return message_send(link, WIRE_PING, inst->now_us, none);
    case OWES_CREDIT:
        is_sent = message_send(link, WIRE_CREDIT, link->credited, none);
        link->announced = is_sent ? link->credited : link->announced;
        return is_sent;
    case OWES_BYE:
        return message_send(link, WIRE_BYE, link->is_cut, none);
    }
    return is_sent;
}

/* The owed messages of `which`, in their order; false: the socket is full. */
static bool owed_flush(struct qn_inst *inst, struct link *link, uint32_t which)
{
    for (uint32_t owed = OWES_HELLO; owed <= OWES_BYE; owed <<= 1) {
        if ((link->owes & which & owed) == 0) {
            continue;
        }
        if (!owed_send(inst, link, owed)) {
            return false;
        }
        link->owes &= ~owed;
    }
    return true;
}

/* Frames as far as the far end grants and the socket takes them; false: the socket is full. */
static bool queue_flush(struct qn_inst *inst, struct link *link)
{
    while (link->queue_count > 0 && link->sent < link->granted) {
        const struct qn_slice *first = queue_at(inst, link, 0);
        struct qn_span body = {first->data, first->size};

        if (!message_send(link, WIRE_DATA, 0, body)) {
            return false;
        }
        link->sent += body.size;
        link->stats.bytes_out += body.size;
        link->stats.frames_out++;
        queue_pop(inst, link);
    }
    return true;
}

/* A queue that was full has room again when it is half empty: then a batch fits. */
static void room_report(struct qn_inst *inst, struct link *link)
{
    if (link->is_short && link->state == LINK_UP &&
        link->queue_count <= (uint64_t)inst->config.queue_frames / 2 &&
        link->queue_bytes <= inst->config.queue / 2) {
        link->is_short = false;
        link->reports |= REPORT_ROOM;
        instance_wake(inst);
    }
}

void link_flush(struct qn_inst *inst, struct link *link)
{
    bool has_queue = link->state == LINK_UP || link->state == LINK_CLOSING;

    if (link->push < 0) {
        return;
    }
    if (link->state == LINK_UP && credit_is_due(link)) {
        link->owes |= OWES_CREDIT;
    }
    link->is_blocked = false;
    if (owed_flush(inst, link, ~(uint32_t)OWES_BYE) && (!has_queue || queue_flush(inst, link)) &&
        link->queue_count == 0) {
        (void)owed_flush(inst, link, OWES_BYE);
    }
    watch_fit(inst, link);
    room_report(inst, link);
}

void link_close(struct qn_inst *inst, struct link *link, uint32_t linger_ms)
{
    if (link->state != LINK_UP) {
        return;
    }
    link->state = LINK_CLOSING;
    link->owes = (link->owes & ~(uint32_t)OWES_CREDIT) | OWES_BYE;
    link->deadline_us = inst->now_us + (uint64_t)linger_ms * 1000;
    link_flush(inst, link);
    if (linger_ms == 0) {
        link_late(inst, link);
    }
}

/* What was accepted and did not get away in time is cut off, and the far end is told so. */
void link_late(struct qn_inst *inst, struct link *link)
{
    QN_ASSERT(link->state == LINK_CLOSING);
    link->is_cut = link->queue_count > 0;
    link_end(inst, link, DOWN_CLOSED, link->is_cut ? "not all was sent in time" : "");
    link_flush(inst, link);
}

static void on_welcome(struct qn_inst *inst, struct link *link)
{
    link->state = LINK_UP;
    link->reports |= REPORT_UP;
    link->owes |= OWES_PING; /* brings the link up over there */
    link->pinged_us = inst->now_us;
}

static void on_data(struct qn_inst *inst, struct link *link, uint64_t size, struct qn_buf *frame,
                    const uint8_t *data, struct qn_effects *out)
{
    struct qn_transport_effect_frame effect = {.link = link->id};
    struct qn_slice payload = {frame, data, size};

    if (link->received >= link->announced) {
        link_fail(inst, link, DOWN_RESET, "the far end sent more than was granted");
        return;
    }
    if (size > QN_TRANSPORT_FRAME_MAX) {
        link_fail(inst, link, DOWN_TOO_BIG, "a frame over the limit");
        return;
    }
    link->received += size;
    link->stats.bytes_in += size;
    link->stats.frames_in++;
    inst->pushed++;

    int32_t status = qn_transport_effect_frame_push(out, &effect, &payload);

    QN_ASSERT(status == QN_OK);
}

static void on_pong(struct qn_inst *inst, struct link *link, uint64_t value)
{
    uint64_t took_us = inst->now_us - value;

    if (value > inst->now_us || took_us > ROUND_TRIP_MAX_US) {
        return;
    }
    link->stats.round_trip_us =
        link->stats.round_trip_us == 0 ? took_us : (link->stats.round_trip_us * 7 + took_us) / 8;
}

static void on_bye(struct qn_inst *inst, struct link *link, bool is_cut)
{
    bool is_reset = is_cut && link->state == LINK_UP;

    link->owes = OWES_BYE_TOO;
    link_end(inst, link, is_reset ? DOWN_RESET : DOWN_CLOSED, is_reset ? "cut by the far end" : "");
}

/* A link that is up or closing. */
static void on_message(struct qn_inst *inst, struct link *link, const struct wire_head *head,
                       const struct qn_slice *frame, struct qn_effects *out)
{
    switch ((enum wire_type)head->type) {
    case WIRE_DATA:
        if (frame->owner != NULL) {
            on_data(inst, link, frame->size, frame->owner, frame->data, out);
        }
        break;
    case WIRE_CREDIT:
        link->granted = head->value > link->granted ? head->value : link->granted;
        break;
    case WIRE_PING:
        link->pong_value = head->value;
        link->owes |= OWES_PONG;
        break;
    case WIRE_PONG:
        on_pong(inst, link, head->value);
        break;
    case WIRE_BYE:
        on_bye(inst, link, head->value != 0);
        break;
    case WIRE_BYE_TOO:
        if (link->state == LINK_CLOSING && (link->owes & OWES_BYE) == 0) {
            link_end(inst, link, DOWN_CLOSED, "");
            link->deadline_us = inst->now_us;
        }
        break;
    case WIRE_HELLO:
    case WIRE_WELCOME:
        link_fail(inst, link, DOWN_RESET, "a second greeting");
        break;
    }
}

void link_hear(struct qn_inst *inst, struct link *link, const struct wire_head *head,
               const struct qn_slice *frame, struct qn_effects *out)
{
    if (link->state == LINK_DOWN) {
        return;
    }
    if (head->number != link->number_in) {
        link_fail(inst, link, DOWN_GAP, "a message is missing");
        return;
    }
    link->number_in++;
    link->heard_us = inst->now_us;
    if (link->state == LINK_DIALLING) {
        on_welcome(inst, link);
    } else {
        if (link->state == LINK_ANSWERING) {
            link->state = LINK_UP;
            link->reports |= REPORT_UP;
        }
        on_message(inst, link, head, frame, out);
    }
    link_flush(inst, link);
}
