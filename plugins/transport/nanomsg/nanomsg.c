/* SPDX-License-Identifier: MIT */

/* nanomsg.c: links over nanomsg's pipelines. The library keeps connections to itself, tells peers
 * not apart and drops what a lost connection held; so names, numbers, credit, heartbeats and
 * farewells are our own: wire.h has the messages, link.h the links, endpoint.h the addresses.
 *
 * Both sides must be reachable: the listener dials back. A node behind NAT can dial only with
 * `advertise` and a forwarded port. The number of connections that strangers make to a listener is
 * not known to us; what they send is read, counted as strays and dropped.
 *
 * Source: nanomsg 1.1.5; RFC "SP/pipeline" for the sockets.
 */

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <nanomsg/nn.h>

#include "instance.h"
#include "nanomsg.manifest.h"

enum {
    TICKS = 4,           /* of a heartbeat: how often links are looked at */
    HALF_INDEX_BITS = 9, /* of a half: the link's index; the rest is random */
    ID_INDEX_BITS = 9,   /* of an id: the link's index; the rest counts */
};

_Static_assert(NANOMSG_LINKS_MAX < 1 << HALF_INDEX_BITS, "an index fits a half");

static void clock_read(struct qn_inst *self)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_MONOTONIC, &now) == 0) {
        self->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    }
}

static uint64_t tick_length_us(const struct qn_inst *self)
{
    return self->config.heartbeat * 1000 / TICKS;
}

static int32_t nanomsg_create(const struct qn_host *host, struct qn_node *node,
                              struct qn_span config, struct qn_inst **inst)
{
    struct nanomsg_config values = nanomsg_config_read(config);
    static const char words[] = "'advertise' is not an address that peers can dial";
    struct qn_span why = {(const uint8_t *)words, sizeof words - 1};
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    self->watch = host->extension(node, "qnet.watch/1");
    self->has_advertise = values.advertise.size > 0;
    if (self->has_advertise && (!nanomsg_address_read(values.advertise, &self->advertise) ||
                                self->advertise.scheme != SCHEME_TCP || self->advertise.port == 0 ||
                                self->advertise.is_any_host)) {
        return host->fail(node, QN_INVALID, why);
    }
    self->config = (struct settings){
        .links = values.links,
        .queue_frames = values.queue_frames,
        .queue = values.queue,
        .heartbeat = values.heartbeat,
        .timeout = values.timeout,
        .dial_timeout = values.dial_timeout,
    };
    self->links = host->take(node, (uint64_t)values.links * sizeof *self->links);
    if (self->links == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < values.links; i++) {
        self->links[i].push = -1;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        self->endpoints[i].pull = -1;
    }
    *inst = self;
    return QN_OK;
}

static void unread_drop(struct qn_inst *self)
{
    if (self->unread != NULL) {
        nn_freemsg(self->unread);
        self->unread = NULL;
    }
}

/* The library's threads end with its last socket. Nothing is said to peers: they see it. */
static void nanomsg_destroy(struct qn_inst *self)
{
    for (uint32_t i = 0; i < self->links_top; i++) {
        link_shut(self, &self->links[i]);
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        endpoint_shut(self, &self->endpoints[i]);
    }
    unread_drop(self);
}

/* Links do not outlive their sockets: they are reported down after thaw(). */
static int32_t nanomsg_freeze(struct qn_inst *self)
{
    clock_read(self);
    for (uint32_t i = 0; i < self->links_top; i++) {
        link_fail(self, &self->links[i], DOWN_RESET, "this node stood still");
    }
    nanomsg_destroy(self);
    return QN_OK;
}

static int32_t nanomsg_thaw(struct qn_inst *self)
{
    clock_read(self);
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        struct endpoint *it = &self->endpoints[i];

        if (it->listener == 0) {
            it->is_used = it->report != ENDPOINT_QUIET;
        } else if (it->pull < 0 && endpoint_reopen(self, it, &it->text) != QN_OK) {
            it->report = ENDPOINT_DOWN;
        }
    }
    instance_wake(self);
    return QN_OK;
}

/* A place to report a listen() that came to nothing. */
static int32_t listen_refused(struct qn_inst *self, uint64_t token, const char *why)
{
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        if (!self->endpoints[i].is_used) {
            self->endpoints[i] = (struct endpoint){
                .is_used = true, .pull = -1, .token = token, .report = ENDPOINT_DOWN, .text = why};
            instance_wake(self);
            return QN_OK;
        }
    }
    return QN_DENIED;
}

static uint32_t endpoint_find(const struct qn_inst *self, const struct address *address)
{
    uint32_t i = 0;

    while (i < ENDPOINTS_MAX && (self->endpoints[i].pull < 0 ||
                                 strcmp(self->endpoints[i].address.text, address->text) != 0)) {
        i++;
    }
    return i;
}

static int32_t nanomsg_listen(struct qn_inst *self, uint64_t token, struct qn_span text)
{
    struct address address;
    const char *why = "";

    clock_read(self);
    if (!nanomsg_address_read(text, &address)) {
        return QN_INVALID;
    }

    uint32_t index = endpoint_find(self, &address);

    if (index < ENDPOINTS_MAX && self->endpoints[index].listener != 0) {
        return QN_EXISTS;
    }
    if (index == ENDPOINTS_MAX) {
        int32_t status = endpoint_open(self, &address, &index, &why);

        if (status == QN_NO_SPACE) {
            return QN_DENIED;
        }
        if (status != QN_OK) {
            return status == QN_IO ? listen_refused(self, token, why) : status;
        }
    }
    self->endpoints[index].listener = ++self->listeners;
    self->endpoints[index].token = token;
    self->endpoints[index].report = ENDPOINT_LISTENING;
    instance_wake(self);
    return QN_OK;
}

static bool endpoint_has_links(const struct qn_inst *self, uint32_t index)
{
    for (uint32_t i = 0; i < self->links_top; i++) {
        const struct link *it = &self->links[i];

        if (it->state != LINK_FREE && it->state != LINK_DOWN && it->endpoint == index) {
            return true;
        }
    }
    return false;
}

/* Closes what no link comes back through any more. */
static void endpoint_retire(struct qn_inst *self, uint32_t index)
{
    struct endpoint *it = &self->endpoints[index];

    if (it->is_used && it->listener == 0 && it->report == ENDPOINT_QUIET &&
        (self->unread == NULL || self->unread_endpoint != index) &&
        !endpoint_has_links(self, index)) {
        endpoint_shut(self, it);
        it->is_used = false;
    }
}

static int32_t nanomsg_unlisten(struct qn_inst *self, uint64_t listener)
{
    clock_read(self);
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        struct endpoint *it = &self->endpoints[i];

        if (it->is_used && it->listener == listener && listener != 0) {
            it->listener = 0;
            endpoint_retire(self, i);
            return QN_OK;
        }
    }
    return QN_NOT_FOUND;
}

/* A free link, or NULL: all are in use. */
static struct link *link_free_find(struct qn_inst *self)
{
    for (uint32_t i = 0; i < (uint32_t)self->config.links; i++) {
        if (self->links[i].state == LINK_FREE) {
            return &self->links[i];
        }
    }
    return NULL;
}

/* The half by which messages find the link again; the rest of it nobody else can know. */
static bool half_make(uint32_t index, uint64_t *half)
{
    uint64_t chance;

    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) {
        return false;
    }
    *half = chance << HALF_INDEX_BITS | index;
    return true;
}

/* Opens a free link; `side` 0 dials. */
static int32_t link_begin(struct qn_inst *self, struct link *link, const struct address *far,
                          uint8_t side)
{
    uint32_t index = (uint32_t)(link - self->links);
    uint64_t half;

    if (!half_make(index, &half)) {
        return QN_NO_SPACE;
    }

    int32_t status = link_open(self, link, far);

    if (status != QN_OK) {
        return status;
    }
    link->id = ++self->serial << ID_INDEX_BITS | index;
    link->side = side;
    link->halves[side] = half;
    link->state = side == 0 ? LINK_DIALLING : LINK_ANSWERING;
    link->owes = side == 0 ? OWES_HELLO : OWES_WELCOME;
    self->links_top = index >= self->links_top ? index + 1 : self->links_top;
    instance_wake(self);
    return QN_OK;
}

static int32_t nanomsg_dial(struct qn_inst *self, uint64_t token, struct qn_span text)
{
    struct address far, back;
    const char *why = "";

    clock_read(self);
    if (!nanomsg_address_read(text, &far) ||
        (far.scheme == SCHEME_TCP && (far.port == 0 || far.is_any_host))) {
        return QN_INVALID;
    }

    struct link *link = link_free_find(self);

    if (link == NULL) {
        return QN_NO_SPACE;
    }

    int32_t status = link_begin(self, link, &far, 0);

    if (status != QN_OK) {
        return status;
    }
    link->token = token;
    if (endpoint_way_back(self, &far, &link->endpoint, &back, &why) != QN_OK) {
        link->endpoint = ENDPOINTS_MAX;
        link_fail(self, link, DOWN_REFUSED, why);
        return QN_OK;
    }
    memcpy(link->way_back, back.text, sizeof link->way_back);
    link_flush(self, link);
    return QN_OK;
}

/* The link of that id which may still be used; NULL: none. */
static struct link *link_find(struct qn_inst *self, uint64_t id)
{
    uint32_t index = (uint32_t)(id & ((1 << ID_INDEX_BITS) - 1));
    struct link *it = index < self->links_top ? &self->links[index] : NULL;

    return it != NULL && it->id == id && it->state == LINK_UP ? it : NULL;
}

static int32_t nanomsg_send(struct qn_inst *self, uint64_t id, const struct qn_slice *frames,
                            uint32_t frames_count, uint32_t *accepted)
{
    struct link *link = link_find(self, id);

    if (link == NULL) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < frames_count; i++) {
        if (frames[i].size == 0 || frames[i].size > QN_TRANSPORT_FRAME_MAX) {
            return QN_INVALID;
        }
    }
    clock_read(self);

    uint32_t taken = link_take(self, link, frames, frames_count);

    link->is_short = taken < frames_count;
    link_flush(self, link);
    *accepted = taken;
    return taken < frames_count ? QN_AGAIN : QN_OK;
}

static int32_t nanomsg_credit(struct qn_inst *self, uint64_t id, uint64_t bytes)
{
    struct link *link = link_find(self, id);

    if (link == NULL) {
        return QN_NOT_FOUND;
    }
    link->credited += bytes < UINT64_MAX - link->credited ? bytes : UINT64_MAX - link->credited;
    instance_wake(self); /* many credits, one message */
    return QN_OK;
}

static void nanomsg_close(struct qn_inst *self, uint64_t id, uint32_t linger_ms)
{
    struct link *link = link_find(self, id);

    if (link != NULL) {
        clock_read(self);
        link_close(self, link, linger_ms);
        instance_wake(self);
    }
}

/* Whether strangers may have one link more: some are kept for own dials, and half of all for those
 * who proved that they can be dialled back. */
static bool has_room_for_strangers(const struct qn_inst *self)
{
    uint32_t links = (uint32_t)self->config.links, used = 0, unproven = 0;

    for (uint32_t i = 0; i < self->links_top; i++) {
        used += self->links[i].state != LINK_FREE && self->links[i].side == 1;
        unproven += self->links[i].state == LINK_ANSWERING;
    }
    return used < links - links / 8 && unproven < (links + 1) / 2;
}

/* A greeting from somebody who wants a link. What is wrong with it is nobody's business. */
static bool greeting_take(struct qn_inst *self, uint32_t endpoint, const struct wire_head *head,
                          struct qn_span body)
{
    struct address back;
    struct link *link = link_free_find(self);

    if (head->side != 0 || head->number != 0 || head->halves[1] != 0 || link == NULL ||
        !has_room_for_strangers(self) || self->endpoints[endpoint].listener == 0 ||
        !nanomsg_address_read(body, &back) ||
        back.scheme != self->endpoints[endpoint].address.scheme) {
        return false;
    }
    if (back.scheme == SCHEME_TCP && (back.port == 0 || back.is_any_host)) {
        return false;
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        const struct link *it = &self->links[i];

        if (it->state != LINK_FREE && it->side == 1 && it->halves[0] == head->halves[0]) {
            return false; /* a greeting that comes twice */
        }
    }
    if (link_begin(self, link, &back, 1) != QN_OK) {
        return false;
    }
    link->endpoint = endpoint;
    link->listener = self->endpoints[endpoint].listener;
    link->halves[0] = head->halves[0];
    link->number_in = 1;
    link_flush(self, link);
    return true;
}

/* The link that a message names by both halves, and comes the right way for; NULL: none. */
static struct link *link_named(struct qn_inst *self, uint32_t endpoint,
                               const struct wire_head *head)
{
    uint8_t own = head->side ^ 1;
    uint32_t index = (uint32_t)(head->halves[own] & ((1 << HALF_INDEX_BITS) - 1));
    struct link *it = index < self->links_top ? &self->links[index] : NULL;

    if (it == NULL || it->state == LINK_FREE || it->side != own || it->endpoint != endpoint ||
        it->halves[own] != head->halves[own]) {
        return NULL;
    }
    if (it->state == LINK_DIALLING) {
        if (head->type != WIRE_WELCOME || head->halves[1] == 0) {
            return NULL;
        }
        it->halves[1] = head->halves[1];
    }
    return it->halves[own ^ 1] == head->halves[own ^ 1] ? it : NULL;
}

/* Takes one message; AGAIN: there is no memory for it now. */
static int32_t message_take(struct qn_inst *self, uint32_t endpoint, struct qn_span message,
                            struct qn_effects *out)
{
    struct wire_head head;
    struct link *link = NULL;
    bool is_whole = wire_head_decode(message, &head);
    struct qn_slice frame = {NULL, NULL, 0};
    uint8_t *data;

    if (is_whole && head.type == WIRE_HELLO) {
        struct qn_span body = {message.data + WIRE_HEAD, message.size - WIRE_HEAD};

        is_whole = greeting_take(self, endpoint, &head, body);
    } else if (is_whole) {
        link = link_named(self, endpoint, &head);
        is_whole = link != NULL;
    }
    if (!is_whole) {
        self->host->metric(self->node, NANOMSG_METRIC_STRAYS, 1);
    }
    if (link == NULL) {
        return QN_OK;
    }
    if (head.type == WIRE_DATA && link->state == LINK_UP) {
        frame.size = message.size - WIRE_HEAD;
        frame.owner = self->host->buf_new(self->node, frame.size, &data);
        if (frame.owner == NULL) {
            return QN_AGAIN;
        }
        memcpy(data, message.data + WIRE_HEAD, frame.size);
        frame.data = data;
    }
    link_hear(self, link, &head, &frame, out);
    if (frame.owner != NULL) {
        self->host->buf_unref(frame.owner);
    }
    return QN_OK;
}

/* The message that had no memory before, or the next one; false: none at this endpoint. */
static bool message_next(struct qn_inst *self, uint32_t endpoint, struct qn_span *out)
{
    if (self->unread == NULL) {
        void *bytes;
        int size = nn_recv(self->endpoints[endpoint].pull, &bytes, NN_MSG, NN_DONTWAIT);

        if (size < 0) {
            return false;
        }
        self->unread = bytes;
        self->unread_size = (uint32_t)size;
        self->unread_endpoint = endpoint;
    }
    out->data = self->unread;
    out->size = self->unread_size;
    return self->unread_endpoint == endpoint;
}

/* Reads one endpoint; true: there may be more. */
static bool endpoint_read(struct qn_inst *self, uint32_t endpoint, uint32_t budget,
                          struct qn_effects *out)
{
    struct qn_span message;

    if (self->endpoints[endpoint].pull < 0) {
        return false;
    }
    for (uint32_t read = 0; read < budget && self->pushed < budget; read++) {
        if (!message_next(self, endpoint, &message)) {
            return false;
        }
        if (message_take(self, endpoint, message, out) == QN_AGAIN) {
            self->is_polling = true;
            return false;
        }
        unread_drop(self);
    }
    return true;
}

static void listener_report(struct qn_inst *self, struct endpoint *it, struct qn_effects *out)
{
    int32_t status;

    if (it->report == ENDPOINT_LISTENING) {
        struct qn_transport_effect_listening effect = {
            .token = it->token,
            .listener = it->listener,
            .address = {(const uint8_t *)it->address.text, strlen(it->address.text)},
        };

        status = qn_transport_effect_listening_push(out, &effect);
    } else {
        struct qn_transport_effect_down effect = {
            .token = it->token,
            .reason = DOWN_REFUSED,
            .text = {(const uint8_t *)it->text, strlen(it->text)},
        };

        status = qn_transport_effect_down_push(out, &effect);
        it->is_used = false;
        it->listener = 0;
    }
    QN_ASSERT(status == QN_OK);
    it->report = ENDPOINT_QUIET;
    self->pushed++;
}

/* The first effect that the link owes. */
static void link_report(struct qn_inst *self, struct link *it, struct qn_effects *out)
{
    int32_t status;

    if ((it->reports & REPORT_UP) != 0) {
        struct qn_transport_effect_up effect = {
            .token = it->token,
            .listener = it->listener,
            .link = it->id,
            .address = {(const uint8_t *)it->far.text, strlen(it->far.text)},
        };

        it->reports &= ~(uint32_t)REPORT_UP;
        status = qn_transport_effect_up_push(out, &effect);
    } else if ((it->reports & REPORT_ROOM) != 0) {
        struct qn_transport_effect_room effect = {.link = it->id};

        it->reports &= ~(uint32_t)REPORT_ROOM;
        status = qn_transport_effect_room_push(out, &effect);
    } else {
        struct qn_transport_effect_down effect = {
            .token = it->id == 0 ? it->token : 0,
            .link = it->id,
            .reason = it->reason,
            .text = {(const uint8_t *)it->text, strlen(it->text)},
        };

        it->reports = 0;
        status = qn_transport_effect_down_push(out, &effect);
    }
    QN_ASSERT(status == QN_OK);
    self->pushed++;
}

/* Pushes what is to be reported; true: there is more than the budget. */
static bool report(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        if (self->endpoints[i].report != ENDPOINT_QUIET) {
            if (self->pushed == budget) {
                return true;
            }
            listener_report(self, &self->endpoints[i], out);
        }
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        while (self->links[i].reports != 0) {
            if (self->pushed == budget) {
                return true;
            }
            link_report(self, &self->links[i], out);
        }
    }
    return false;
}

static uint64_t statistic(const struct link *link, int which)
{
    return nn_get_statistic(link->push, which);
}

/* Whether the library lost the connection; then what it held is lost as well. */
static bool is_broken(const struct link *link)
{
    return statistic(link, NN_STAT_BROKEN_CONNECTIONS) + statistic(link, NN_STAT_CONNECT_ERRORS) >
           0;
}

static void link_tick(struct qn_inst *self, struct link *link, bool has_more)
{
    switch (link->state) {
    case LINK_DIALLING:
    case LINK_ANSWERING:
        if (is_broken(link)) {
            link_fail(self, link, DOWN_REFUSED, "nobody answers there");
        } else if (self->now_us >= link->deadline_us) {
            link_fail(self, link, DOWN_TIMEOUT, "no answer");
        }
        break;
    case LINK_UP:
    case LINK_CLOSING:
        if (is_broken(link)) {
            link_fail(self, link, DOWN_RESET, "the connection broke");
        } else if (!has_more && self->now_us - link->heard_us >= self->config.timeout * 1000) {
            link_fail(self, link, DOWN_TIMEOUT, "not a word for too long");
        } else if (link->state == LINK_CLOSING && self->now_us >= link->deadline_us) {
            link_late(self, link);
        } else if (self->now_us - link->pinged_us >= self->config.heartbeat * 1000) {
            link->pinged_us = self->now_us;
            link->owes |= OWES_PING;
        }
        break;
    case LINK_DOWN:
        if (self->now_us >= link->deadline_us && link->reports == 0) {
            link_shut(self, link);
            link->state = LINK_FREE;
        }
        break;
    case LINK_FREE:
        break;
    }
}

/* While this process stood still it could hear nobody, which is nobody's fault. */
static void slept_away(const struct qn_inst *self, struct link *link, uint64_t slept_us)
{
    uint64_t silent_us = self->now_us - link->heard_us;

    link->heard_us += slept_us < silent_us ? slept_us : silent_us;
}

/* Looks at every link a few times in a heartbeat. While there is more to read nobody is called
 * silent: a peer may have spoken, and we not listened. */
static void tick(struct qn_inst *self, bool has_more)
{
    if (self->now_us < self->tick_us) {
        return;
    }

    uint64_t slept_us = self->now_us - self->tick_us;

    self->tick_us = self->now_us + tick_length_us(self);
    for (uint32_t i = 0; i < self->links_top; i++) {
        slept_away(self, &self->links[i], slept_us);
        link_tick(self, &self->links[i], has_more);
    }
    while (self->links_top > 0 && self->links[self->links_top - 1].state == LINK_FREE) {
        self->links_top--;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        endpoint_retire(self, i);
    }
}

static void timer_set(struct qn_inst *self)
{
    uint64_t delay_us = self->tick_us > self->now_us ? self->tick_us - self->now_us : 1;

    if (self->is_polling) {
        delay_us = delay_us < POLL_US ? delay_us : POLL_US;
    }
    if (self->is_polling || self->links_top > 0) {
        self->watch->timer(self->node, delay_us);
    }
}

static int32_t nanomsg_pump(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    bool has_more = false;

    clock_read(self);
    self->pushed = 0;
    self->is_polling = false;
    if (report(self, budget, out)) {
        return QN_AGAIN;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        has_more |= endpoint_read(self, i, budget, out);
    }
    tick(self, has_more);
    for (uint32_t i = 0; i < self->links_top; i++) {
        link_flush(self, &self->links[i]);
    }
    has_more |= report(self, budget, out);
    timer_set(self);
    return has_more ? QN_AGAIN : QN_OK;
}

static int32_t stats_write(struct qn_inst *self, const struct link *link, struct qn_sink *sink)
{
    struct qn_transport_link_stats it = link->stats;
    uint8_t *room = self->host->sink_room(sink, qn_transport_link_stats_size(&it));

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    it.link = link->id;
    it.bytes_queued = link->queue_bytes;
    self->host->sink_commit(sink, (uint64_t)(qn_transport_link_stats_write(&it, room) - room));
    return QN_OK;
}

static int32_t nanomsg_stats(struct qn_inst *self, uint64_t id, struct qn_sink *sink)
{
    const struct link *one = link_find(self, id);

    if (id != 0) {
        return one != NULL ? stats_write(self, one, sink) : QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        if (self->links[i].state == LINK_UP) {
            int32_t status = stats_write(self, &self->links[i], sink);

            if (status != QN_OK) {
                return status;
            }
        }
    }
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = nanomsg_create,
    .freeze = nanomsg_freeze,
    .thaw = nanomsg_thaw,
    .destroy = nanomsg_destroy,
};

static const struct qn_transport_1 slots = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = nanomsg_listen,
    .unlisten = nanomsg_unlisten,
    .dial = nanomsg_dial,
    .send = nanomsg_send,
    .credit = nanomsg_credit,
    .close = nanomsg_close,
    .pump = nanomsg_pump,
    .stats = nanomsg_stats,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = NANOMSG_MANIFEST_PRINT,
    .kind = NANOMSG_KIND,
    .name = NANOMSG_NAME,
    .version = NANOMSG_VERSION,
    .life = &life,
    .slots = &slots.head,
};
