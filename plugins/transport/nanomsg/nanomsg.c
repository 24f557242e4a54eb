/* SPDX-License-Identifier: MIT */

/* nanomsg.c: links over nanomsg's pipelines. The library keeps connections to itself, tells peers
 * not apart and drops what a lost connection held; so names, numbers, credit, heartbeats and
 * farewells are our own: wire.h has the messages, link.h the links, endpoint.h the addresses.
 *
 * Both sides must be reachable: the listener dials back. A node behind NAT can dial only with
 * `advertise`, a number, and a forwarded port. The library accepts all connections that strangers
 * make to a listener; crowd.h ends those that are too many, and what they send until then is read,
 * counted as strays and dropped. A message of which a part came is the library's, up to 1 MiB for
 * each connection.
 *
 * Source: nanomsg 1.1.5, its manual pages nn_pipeline(7), nn_tcp(7), nn_ipc(7).
 */

#include <string.h>
#include <time.h>

#include <nanomsg/nn.h>

#include "crowd.h"
#include "inbox.h"
#include "instance.h"
#include "nanomsg.manifest.h"
#include "report.h"

enum {
    TICKS = 4, /* of a heartbeat: how often links are looked at */
};

_Static_assert(NANOMSG_LINKS_MAX < 1 << HALF_INDEX_BITS, "an index fits a half");
_Static_assert(NANOMSG_LINKS_MAX < 1 << ID_INDEX_BITS, "an index fits an id");
_Static_assert((int)NANOMSG_METRIC_STRAYS == (int)METRIC_STRAYS, "one metric");

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
    static const char words[] = "'advertise' is not an address that peers can dial: from strangers "
                                "they take numbers alone, as in tcp://192.0.2.1:9876";
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
                                !nanomsg_address_is_number(&self->advertise) ||
                                self->advertise.port == 0 || self->advertise.is_any_host)) {
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

/* The library's threads end with its last socket. Nothing is said to peers: they see it. */
static void nanomsg_destroy(struct qn_inst *self)
{
    for (uint32_t i = 0; i < self->links_top; i++) {
        link_shut(self, &self->links[i]);
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        endpoint_shut(self, &self->endpoints[i]);
    }
    inbox_drop(self);
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

static int32_t nanomsg_dial(struct qn_inst *self, uint64_t token, struct qn_span text)
{
    struct address far, back;
    const char *why = "";

    clock_read(self);
    if (!nanomsg_address_read(text, &far) ||
        (far.scheme == SCHEME_TCP && (far.port == 0 || far.is_any_host))) {
        return QN_INVALID;
    }

    struct link *link = links_free(self);

    if (link == NULL) {
        return QN_NO_SPACE;
    }
    links_note_dial(self, &far);

    int32_t status = links_begin(self, link, &far, 0);

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
    crowd_thin(self);
}

/* Whether anybody can come. */
static bool is_bound(const struct qn_inst *self)
{
    uint32_t i = 0;

    while (i < ENDPOINTS_MAX && self->endpoints[i].pull < 0) {
        i++;
    }
    return i < ENDPOINTS_MAX;
}

static void timer_set(struct qn_inst *self)
{
    uint64_t delay_us = self->tick_us > self->now_us ? self->tick_us - self->now_us : 1;

    if (self->is_polling) {
        delay_us = delay_us < POLL_US ? delay_us : POLL_US;
    }
    if (self->is_polling || self->links_top > 0 || is_bound(self)) {
        self->watch->timer(self->node, delay_us);
    }
}

static int32_t nanomsg_pump(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    bool has_more = false;

    clock_read(self);
    self->pushed = 0;
    self->is_polling = false;
    if (report_push(self, budget, out)) {
        return QN_AGAIN;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        has_more |= inbox_read(self, i, budget, out);
    }
    tick(self, has_more);
    for (uint32_t i = 0; i < self->links_top; i++) {
        link_flush(self, &self->links[i]);
    }
    has_more |= report_push(self, budget, out);
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
