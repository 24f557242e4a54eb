/* SPDX-License-Identifier: MIT */

#include "sdk/check/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/check/loop.h"

enum {
    ENDS = 2,
    LINKS_MAX = 64,           /* of one end */
    MANY = 32,                /* links of many_links */
    BATCH = 16,               /* frames of one send() */
    PUMP_BUDGET = 64,         /* effects of one pump() */
    TURN_MS = 20,             /* that a turn waits at most */
    CASE_LIMIT_US = 60000000, /* after which a case has failed */
    FAR_TOO_MUCH = 256 << 20, /* bytes that no plugin may take from a sender whom nobody reads */
    FRAME_MAX = QN_TRANSPORT_FRAME_MAX,
    TOKEN_LISTEN = 77,
    TOKEN_DIAL = 1000, /* and up, one for each dial */
    LINGER_MS = 10000,
};

/* The frames that go one way over one link: frame number n has size_of(n) bytes. */
struct stream {
    uint64_t (*size_of)(uint64_t number);
    uint64_t count; /* to send */
    uint64_t done;  /* sent, or arrived */
};

struct link {
    uint64_t id;
    uint64_t token; /* of the dial, or 0 */
    bool is_up, is_blocked, is_closing;
    struct stream out, in;
    uint64_t arrived; /* bytes that no credit was granted for yet */
    uint64_t rooms;
};

/* One instance, and what it reported. */
struct end {
    struct qn_check_transport *it;
    struct qn_node *node;
    struct qn_inst *inst; /* NULL: destroyed */
    uint64_t listener;
    char address[QN_TRANSPORT_ADDRESS_MAX + 1]; /* where it listens, or empty */
    struct link links[LINKS_MAX];
    uint32_t links_count;
    uint32_t downs; /* of links, dials and listens */
    uint32_t reason;
    uint64_t token_down; /* the last one, or 0 */
    uint64_t dose;       /* bytes of credit for each turn; 0: all that arrived */
    bool is_greedy;      /* grants credit at all */
    uint32_t pumped;     /* effects of the pump that runs */
};

struct qn_check_transport {
    struct qn_check_transport_given given;
    const struct qn_transport_1 *slots;
    struct qn_check_loop *loop;
    struct end ends[ENDS];
    uint64_t started_us;
    uint64_t tokens;
    uint8_t *room; /* BATCH frames */
};

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static uint8_t byte_of(uint64_t number, uint64_t at)
{
    return (uint8_t)(number * 131 + at * 7 + (at >> 8) * 13 + 5);
}

static uint64_t size_small(uint64_t number)
{
    return 1 + number * 37 % 2000;
}

static uint64_t size_any(uint64_t number)
{
    return number % 2 == 0 ? 1 : FRAME_MAX - number / 2;
}

static uint64_t size_64k(uint64_t number)
{
    return 65536 - number % 100;
}

/* The link of that id, which is up: the plugin may name no other. */
static struct link *link_of(struct end *end, uint64_t id)
{
    struct link *it = end->links;

    while (it < end->links + end->links_count && it->id != id) {
        it++;
    }
    QN_CHECK(it < end->links + end->links_count && it->is_up);
    return it;
}

static void on_listening(struct end *end, struct qn_span body)
{
    struct qn_transport_effect_listening it;

    QN_CHECK(qn_transport_effect_listening_read(body, &it) == QN_OK);
    QN_CHECK(it.token == TOKEN_LISTEN && it.listener != 0 && end->listener == 0);
    QN_CHECK(it.address.size >= 1 && it.address.size <= QN_TRANSPORT_ADDRESS_MAX);
    end->listener = it.listener;
    memcpy(end->address, it.address.data, it.address.size);
    end->address[it.address.size] = '\0';
}

static void on_up(struct end *end, struct qn_span body)
{
    struct qn_transport_effect_up it;

    QN_CHECK(qn_transport_effect_up_read(body, &it) == QN_OK);
    QN_CHECK(it.link != 0 && end->links_count < LINKS_MAX);
    QN_CHECK((it.token == 0) != (it.listener == 0));
    QN_CHECK(it.listener == 0 || it.listener == end->listener);
    for (uint32_t i = 0; i < end->links_count; i++) {
        QN_CHECK(end->links[i].id != it.link);
        QN_CHECK(it.token == 0 || end->links[i].token != it.token);
    }
    end->links[end->links_count++] = (struct link){.id = it.link, .token = it.token, .is_up = true};
}

static void on_frame(struct end *end, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_transport_effect_frame it;

    QN_CHECK(qn_transport_effect_frame_read(body, &it) == QN_OK);
    QN_CHECK(payload != NULL && payload->owner != NULL);

    struct link *link = link_of(end, it.link);
    struct stream *in = &link->in;

    if (link->is_closing) {
        return;
    }
    QN_CHECK(in->done < in->count && payload->size == in->size_of(in->done));
    for (uint64_t i = 0; i < payload->size; i++) {
        if (payload->data[i] != byte_of(in->done, i)) {
            qn_check_failed(__FILE__, __LINE__, "the byte is the one that was sent");
        }
    }
    in->done++;
    link->arrived += payload->size;
}

static void on_room(struct end *end, struct qn_span body)
{
    struct qn_transport_effect_room it;

    QN_CHECK(qn_transport_effect_room_read(body, &it) == QN_OK);

    struct link *link = link_of(end, it.link);

    QN_CHECK(link->is_blocked);
    link->is_blocked = false;
    link->rooms++;
}

static void on_down(struct end *end, struct qn_span body)
{
    struct qn_transport_effect_down it;

    QN_CHECK(qn_transport_effect_down_read(body, &it) == QN_OK);
    QN_CHECK(it.reason >= 1 && it.reason <= 6);
    if (it.link != 0) {
        link_of(end, it.link)->is_up = false;
    } else {
        QN_CHECK(it.token != 0 && it.token != end->token_down);
        end->token_down = it.token;
    }
    end->reason = it.reason;
    end->downs++;
}

static int32_t push(void *context, uint32_t type, struct qn_span body,
                    const struct qn_slice *payload)
{
    struct end *end = context;

    QN_CHECK(end->pumped < PUMP_BUDGET);
    QN_CHECK((payload != NULL) == (type == QN_TRANSPORT_EFFECT_FRAME));
    end->pumped++;
    switch (type) {
    case QN_TRANSPORT_EFFECT_LISTENING:
        on_listening(end, body);
        return QN_OK;
    case QN_TRANSPORT_EFFECT_UP:
        on_up(end, body);
        return QN_OK;
    case QN_TRANSPORT_EFFECT_FRAME:
        on_frame(end, body, payload);
        return QN_OK;
    case QN_TRANSPORT_EFFECT_ROOM:
        on_room(end, body);
        return QN_OK;
    case QN_TRANSPORT_EFFECT_DOWN:
        on_down(end, body);
        return QN_OK;
    default:
        qn_check_failed(__FILE__, __LINE__, "an effect of this kind");
    }
}

static int32_t pump(void *context)
{
    struct end *end = context;
    struct qn_effects out = {.head = QN_HEAD(struct qn_effects, 1, 0, 0), .ctx = end, .push = push};

    if (end->inst == NULL) {
        return QN_OK;
    }
    end->pumped = 0;

    int32_t status = end->it->slots->pump(end->inst, PUMP_BUDGET, &out);

    QN_CHECK(status == QN_OK || status == QN_AGAIN);
    return status;
}

static void end_start(struct qn_check_transport *it, uint32_t index)
{
    struct end *end = &it->ends[index];

    memset(end, 0, sizeof *end);
    end->it = it;
    end->is_greedy = true;
    end->node = qn_check_node_create(it->given.given.memory);
    qn_check_loop_join(it->loop, end->node, pump, end);
    end->inst = qn_check_inst_create(&it->given.given, end->node);
}

/* Without a freeze(): all at once, as when a process dies. */
static void end_kill(struct end *end)
{
    end->it->given.given.plugin->life->destroy(end->inst);
    end->inst = NULL;
}

static void end_stop(struct end *end)
{
    if (end->node == NULL) {
        return;
    }
    if (end->inst != NULL) {
        qn_check_inst_destroy(&end->it->given.given, end->inst);
        end->inst = NULL;
    }
    qn_check_loop_leave(end->it->loop, end->node);
    qn_check_node_destroy(end->node);
    end->node = NULL;
}

/* Grants for what arrived, all of it or a dose. */
static void credit_grant(struct end *end)
{
    for (uint32_t i = 0; i < end->links_count; i++) {
        struct link *link = &end->links[i];
        uint64_t bytes = end->dose != 0 && end->dose < link->arrived ? end->dose : link->arrived;

        if (end->is_greedy && link->is_up && !link->is_closing && bytes > 0) {
            QN_CHECK(end->it->slots->credit(end->inst, link->id, bytes) == QN_OK);
            link->arrived -= bytes;
        }
    }
}

static void turn(struct qn_check_transport *it)
{
    QN_CHECK(qn_check_loop_now_us() - it->started_us < CASE_LIMIT_US);
    (void)qn_check_loop_turn(it->loop, TURN_MS);
    for (uint32_t i = 0; i < ENDS; i++) {
        if (it->ends[i].inst != NULL) {
            credit_grant(&it->ends[i]);
        }
    }
}

static void turns(struct qn_check_transport *it, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        turn(it);
    }
}

#define UNTIL(it, what) \
    while (!(what)) {   \
        turn(it);       \
    }

static void listen_at(struct end *end, const char *address)
{
    const struct qn_transport_1 *slots = end->it->slots;

    QN_CHECK(slots->listen(end->inst, TOKEN_LISTEN, span_of(address)) == QN_OK);
    UNTIL(end->it, end->listener != 0);
}

/* Gives the token. */
static uint64_t dial(struct end *end, const char *address)
{
    uint64_t token = TOKEN_DIAL + end->it->tokens++;

    QN_CHECK(end->it->slots->dial(end->inst, token, span_of(address)) == QN_OK);
    return token;
}

/* Two ends; the second listens. */
static void ends_start(struct qn_check_transport *it)
{
    it->started_us = qn_check_loop_now_us();
    end_start(it, 0);
    end_start(it, 1);
    listen_at(&it->ends[1], it->given.listen);
}

static void ends_stop(struct qn_check_transport *it)
{
    end_stop(&it->ends[0]);
    end_stop(&it->ends[1]);
}

/* A link from end 0 to end 1; nobody granted credit yet. */
static void link_make(struct qn_check_transport *it)
{
    struct end *near = &it->ends[0], *far = &it->ends[1];
    uint32_t near_count = near->links_count + 1, far_count = far->links_count + 1;
    uint64_t token = dial(near, far->address);

    UNTIL(it, near->links_count == near_count && far->links_count == far_count);
    QN_CHECK(near->links[near_count - 1].token == token);
    QN_CHECK(far->links[far_count - 1].token == 0);
    QN_CHECK(near->downs == 0 && far->downs == 0);
}

static struct link *link_at(struct qn_check_transport *it, uint32_t end, uint32_t index)
{
    QN_CHECK(index < it->ends[end].links_count);
    return &it->ends[end].links[index];
}

static void credit(struct qn_check_transport *it, uint32_t end, uint32_t index, uint64_t bytes)
{
    QN_CHECK(it->slots->credit(it->ends[end].inst, link_at(it, end, index)->id, bytes) == QN_OK);
}

/* From now on `count` frames are to go from end `from` over its link to the other's link. */
static void stream_set(struct link *from, struct link *to, uint64_t count,
                       uint64_t (*size_of)(uint64_t number))
{
    struct stream stream = {.size_of = size_of, .count = count};

    from->out = stream;
    to->in = stream;
}

/* Fills a slice with frame `number`: every second one counted, so that it may be kept. */
static struct qn_slice frame_make(struct end *end, uint64_t number, uint64_t size, uint8_t *room)
{
    struct qn_slice slice = {.owner = NULL, .data = room, .size = size};
    uint8_t *data = room;

    if (number % 2 != 0) {
        slice.owner = qn_check_host.buf_new(end->node, size, &data);
        QN_CHECK(slice.owner != NULL);
        slice.data = data;
    }
    for (uint64_t i = 0; i < size; i++) {
        data[i] = byte_of(number, i);
    }
    return slice;
}

/* Frames `done` and up of the stream, as many as a batch holds. */
static uint32_t batch_make(struct end *end, const struct stream *out, struct qn_slice *frames)
{
    uint32_t count = 0;

    while (count < BATCH && out->done + count < out->count) {
        uint64_t number = out->done + count;

        frames[count] = frame_make(end, number, out->size_of(number),
                                   end->it->room + (uint64_t)count * FRAME_MAX);
        count++;
    }
    return count;
}

/* After send() borrowed bytes are the case's again, which spoils them. */
static void batch_send(struct end *end, struct link *link)
{
    struct qn_slice frames[BATCH];
    uint32_t count = batch_make(end, &link->out, frames), accepted = BATCH + 1;
    int32_t status = end->it->slots->send(end->inst, link->id, frames, count, &accepted);

    for (uint32_t i = 0; i < count; i++) {
        if (frames[i].owner != NULL) {
            qn_check_host.buf_unref(frames[i].owner);
        } else {
            end->it->room[(uint64_t)i * FRAME_MAX] ^= 0xFF;
        }
    }
    QN_CHECK(status == QN_OK || status == QN_AGAIN);
    QN_CHECK(status == QN_OK ? accepted == count : accepted < count);
    link->is_blocked = status == QN_AGAIN;
    link->out.done += accepted;
}

static bool may_send(const struct link *link)
{
    return link->is_up && !link->is_closing && !link->is_blocked &&
           link->out.done < link->out.count;
}

static void streams_send(struct qn_check_transport *it)
{
    for (uint32_t i = 0; i < ENDS; i++) {
        struct end *end = &it->ends[i];

        for (uint32_t j = 0; end->inst != NULL && j < end->links_count; j++) {
            while (may_send(&end->links[j])) {
                batch_send(end, &end->links[j]);
            }
        }
    }
}

static bool streams_are_done(const struct qn_check_transport *it)
{
    for (uint32_t i = 0; i < ENDS; i++) {
        for (uint32_t j = 0; j < it->ends[i].links_count; j++) {
            const struct link *link = &it->ends[i].links[j];

            if (link->out.done < link->out.count || link->in.done < link->in.count) {
                return false;
            }
        }
    }
    return true;
}

static void streams_run(struct qn_check_transport *it)
{
    while (!streams_are_done(it)) {
        streams_send(it);
        turn(it);
        QN_CHECK(it->ends[0].downs == 0 && it->ends[1].downs == 0);
    }
}

struct qn_check_transport *qn_check_transport_start(const struct qn_check_transport_given *given)
{
    struct qn_check_transport *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->given = *given;
    it->slots = (const void *)given->given.plugin->slots;
    it->loop = qn_check_loop_create();
    it->room = malloc((uint64_t)BATCH * FRAME_MAX);
    QN_CHECK(it->room != NULL);
    return it;
}

void qn_check_transport_stop(struct qn_check_transport *it)
{
    qn_check_loop_destroy(it->loop);
    free(it->room);
    free(it);
}

void qn_check_transport_open(struct qn_check_transport *it)
{
    ends_start(it);
    link_make(it);
}

void qn_check_transport_close(struct qn_check_transport *it)
{
    ends_stop(it);
}

void qn_check_transport_open_one(struct qn_check_transport *it)
{
    it->started_us = qn_check_loop_now_us();
    end_start(it, 0);
    listen_at(&it->ends[0], it->given.listen);
}

struct qn_inst *qn_check_transport_inst(struct qn_check_transport *it, uint32_t index)
{
    return it->ends[index].inst;
}

struct qn_node *qn_check_transport_node(struct qn_check_transport *it, uint32_t index)
{
    return it->ends[index].node;
}

void qn_check_transport_listen(struct qn_check_transport *it, uint32_t index, const char *address)
{
    listen_at(&it->ends[index], address);
}

void qn_check_transport_dial(struct qn_check_transport *it, uint32_t index, const char *address)
{
    (void)dial(&it->ends[index], address);
}

const char *qn_check_transport_address(struct qn_check_transport *it, uint32_t index)
{
    return it->ends[index].address[0] != '\0' ? it->ends[index].address : NULL;
}

void qn_check_transport_turn(struct qn_check_transport *it)
{
    turn(it);
}

uint32_t qn_check_transport_ups(struct qn_check_transport *it, uint32_t index)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < it->ends[index].links_count; i++) {
        count += it->ends[index].links[i].is_up;
    }
    return count;
}

uint32_t qn_check_transport_downs(struct qn_check_transport *it, uint32_t index)
{
    return it->ends[index].downs;
}

uint32_t qn_check_transport_reason(struct qn_check_transport *it, uint32_t index)
{
    return it->ends[index].reason;
}

void qn_check_transport_exchange(struct qn_check_transport *it, uint64_t count)
{
    stream_set(link_at(it, 0, 0), link_at(it, 1, 0), count, size_small);
    stream_set(link_at(it, 1, 0), link_at(it, 0, 0), count, size_small);
    it->ends[0].dose = it->ends[1].dose = 16384;
    credit(it, 0, 0, 10000);
    credit(it, 1, 0, 10000);
    streams_run(it);
}

void qn_check_transport_frames_arrive_whole_and_in_order(void **subject)
{
    struct qn_check_transport *it = *subject;

    qn_check_transport_open(it);
    stream_set(link_at(it, 0, 0), link_at(it, 1, 0), 3000, size_small);
    credit(it, 1, 0, 1 << 20);
    streams_run(it);
    QN_CHECK(link_at(it, 1, 0)->in.done == 3000);
    ends_stop(it);
}

void qn_check_transport_both_directions(void **subject)
{
    struct qn_check_transport *it = *subject;

    qn_check_transport_open(it);
    qn_check_transport_exchange(it, 2000);
    ends_stop(it);
}

void qn_check_transport_large_and_small(void **subject)
{
    struct qn_check_transport *it = *subject;
    struct qn_slice wrong = {.owner = NULL, .data = it->room, .size = FRAME_MAX + 1};
    uint32_t accepted = 9;

    qn_check_transport_open(it);
    for (int i = 0; i < 2; i++) {
        QN_CHECK(it->slots->send(it->ends[0].inst, link_at(it, 0, 0)->id, &wrong, 1, &accepted) ==
                 QN_INVALID);
        wrong.size = 0;
    }
    QN_CHECK(accepted == 9);
    stream_set(link_at(it, 0, 0), link_at(it, 1, 0), 40, size_any);
    stream_set(link_at(it, 1, 0), link_at(it, 0, 0), 40, size_any);
    credit(it, 0, 0, 1);
    credit(it, 1, 0, 4 << 20);
    streams_run(it);
    ends_stop(it);
}

void qn_check_transport_a_slow_reader_stops_the_sender(void **subject)
{
    struct qn_check_transport *it = *subject;

    qn_check_transport_open(it);

    struct link *out = link_at(it, 0, 0), *in = link_at(it, 1, 0);

    stream_set(out, in, FAR_TOO_MUCH / 65536, size_64k);
    UNTIL(it, (streams_send(it), out->is_blocked));
    turns(it, 20);
    QN_CHECK(in->in.done == 0);

    /* A little credit brings a little: what it covers, and less than one frame more. */
    in->arrived = 0;
    it->ends[1].is_greedy = false;
    credit(it, 1, 0, 200000);
    UNTIL(it, in->in.done >= 3);
    turns(it, 20);
    QN_CHECK(in->in.done <= 4);

    out->out.count = in->in.count = out->out.done + 50;
    it->ends[1].is_greedy = true;
    streams_run(it);
    QN_CHECK(out->rooms >= 1);
    ends_stop(it);
}

void qn_check_transport_close_delivers_what_was_accepted(void **subject)
{
    struct qn_check_transport *it = *subject;
    uint32_t accepted = 0;

    qn_check_transport_open(it);

    struct end *near = &it->ends[0], *far = &it->ends[1];
    struct link *out = link_at(it, 0, 0), *in = link_at(it, 1, 0);

    stream_set(out, in, 200, size_small);
    streams_send(it);
    QN_CHECK(out->out.done == 200);
    out->is_closing = true;
    it->slots->close(near->inst, out->id, LINGER_MS);
    it->slots->close(near->inst, out->id, LINGER_MS);
    credit(it, 1, 0, 1 << 20);
    UNTIL(it, !out->is_up && !in->is_up);
    QN_CHECK(in->in.done == 200);
    QN_CHECK(near->downs == 1 && far->downs == 1 && far->reason == 1);
    turns(it, 5);

    struct qn_slice frame = {.owner = NULL, .data = it->room, .size = 1};

    QN_CHECK(it->slots->send(near->inst, out->id, &frame, 1, &accepted) == QN_NOT_FOUND);
    QN_CHECK(it->slots->credit(far->inst, in->id, 1) == QN_NOT_FOUND);
    it->slots->close(near->inst, out->id, 0);
    it->slots->close(far->inst, in->id, 0);
    turns(it, 5);
    QN_CHECK(near->downs == 1 && far->downs == 1);
    ends_stop(it);
}

void qn_check_transport_dial_nowhere_goes_down(void **subject)
{
    struct qn_check_transport *it = *subject;

    ends_start(it);

    uint64_t token = dial(&it->ends[0], it->given.nowhere);

    UNTIL(it, it->ends[0].downs == 1);
    QN_CHECK(it->ends[0].token_down == token && it->ends[0].links_count == 0);
    turns(it, 5);
    QN_CHECK(it->ends[0].downs == 1);
    ends_stop(it);
}

void qn_check_transport_listener_tells_its_address(void **subject)
{
    struct qn_check_transport *it = *subject;

    ends_start(it);

    struct end *near = &it->ends[0], *far = &it->ends[1];

    QN_CHECK(it->slots->listen(far->inst, TOKEN_LISTEN, span_of(far->address)) == QN_EXISTS);
    link_make(it);
    QN_CHECK(it->slots->unlisten(far->inst, far->listener) == QN_OK);
    QN_CHECK(it->slots->unlisten(far->inst, far->listener) == QN_NOT_FOUND);
    stream_set(link_at(it, 0, 0), link_at(it, 1, 0), 10, size_small);
    stream_set(link_at(it, 1, 0), link_at(it, 0, 0), 10, size_small);
    credit(it, 0, 0, 1 << 20);
    credit(it, 1, 0, 1 << 20);
    streams_run(it);
    (void)dial(near, far->address);
    UNTIL(it, near->downs == 1);
    QN_CHECK(near->links_count == 1 && far->links_count == 1);
    QN_CHECK(near->links[0].is_up && far->links[0].is_up);
    ends_stop(it);
}

/* The records that stats() appends for `id`. */
static uint32_t stats_count(struct qn_check_transport *it, uint32_t end, uint64_t id,
                            struct qn_transport_link_stats *last)
{
    uint8_t bytes[LINKS_MAX * sizeof *last];
    struct qn_sink sink = {.data = bytes, .cap = sizeof bytes};

    if (it->slots->stats(it->ends[end].inst, id, &sink) != QN_OK) {
        return 0;
    }

    struct qn_reader in = qn_reader_over((struct qn_span){bytes, sink.size});
    uint32_t count = 0;

    while (in.left > 0) {
        qn_transport_link_stats_take(&in, last);
        QN_CHECK(in.at != NULL);
        count++;
    }
    return count;
}

void qn_check_transport_many_links(void **subject)
{
    struct qn_check_transport *it = *subject;
    struct qn_transport_link_stats stats;

    ends_start(it);
    for (uint32_t i = 0; i < MANY; i++) {
        link_make(it);
        stream_set(link_at(it, 0, i), link_at(it, 1, i), 10 + i, size_small);
        stream_set(link_at(it, 1, i), link_at(it, 0, i), 20 + i, size_small);
        credit(it, 0, i, 1 << 20);
        credit(it, 1, i, 1 << 20);
    }
    streams_run(it);
    QN_CHECK(stats_count(it, 0, 0, &stats) == MANY);
    QN_CHECK(stats_count(it, 1, 0, &stats) == MANY);
    QN_CHECK(stats_count(it, 0, link_at(it, 0, 5)->id, &stats) == 1);
    QN_CHECK(stats.link == link_at(it, 0, 5)->id);
    QN_CHECK(stats.frames_out == 15 && stats.frames_in == 25 && stats.bytes_queued == 0);
    it->slots->close(it->ends[0].inst, link_at(it, 0, 5)->id, 0);
    UNTIL(it, it->ends[0].downs == 1 && it->ends[1].downs == 1);
    QN_CHECK(stats_count(it, 0, link_at(it, 0, 5)->id, &stats) == 0);
    QN_CHECK(stats_count(it, 0, 0, &stats) == MANY - 1);
    ends_stop(it);
}

void qn_check_transport_a_killed_end_goes_down(void **subject)
{
    struct qn_check_transport *it = *subject;

    qn_check_transport_open(it);
    stream_set(link_at(it, 0, 0), link_at(it, 1, 0), 5, size_small);
    streams_send(it);
    end_kill(&it->ends[1]);
    UNTIL(it, it->ends[0].downs == 1);
    QN_CHECK(!link_at(it, 0, 0)->is_up && it->ends[0].reason != 1);
    ends_stop(it);
}

void qn_check_transport_bad_addresses(void **subject)
{
    struct qn_check_transport *it = *subject;
    char long_one[QN_TRANSPORT_ADDRESS_MAX + 2];

    ends_start(it);

    struct end *end = &it->ends[0];

    for (const char *const *bad = it->given.bad; *bad != NULL; bad++) {
        QN_CHECK(it->slots->listen(end->inst, TOKEN_LISTEN, span_of(*bad)) == QN_INVALID);
        QN_CHECK(it->slots->dial(end->inst, TOKEN_DIAL, span_of(*bad)) == QN_INVALID);
    }
    memset(long_one, 'a', sizeof long_one);
    memcpy(long_one, it->given.nowhere, strlen(it->given.nowhere));
    long_one[sizeof long_one - 1] = '\0';
    QN_CHECK(it->slots->listen(end->inst, TOKEN_LISTEN, span_of(long_one)) == QN_INVALID);
    QN_CHECK(it->slots->dial(end->inst, TOKEN_DIAL, span_of(long_one)) == QN_INVALID);
    turns(it, 5);
    QN_CHECK(end->downs == 0 && end->links_count == 0 && end->listener == 0);
    ends_stop(it);
}
