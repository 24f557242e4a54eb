/* SPDX-License-Identifier: MIT */

#include "inbox.h"

#include <string.h>

#include <nanomsg/nn.h>

#include "instance.h"

enum {
    HERE_PART = 8, /* of the links: greetings of one host that wait for a proof */
    KEPT_PART = 8, /* of the links: no stranger's; half of that: nobody's who greets */
    /* A link that nobody answers for gives way when it is so old, which is time for an answer, and
     * one in so long: to close a socket and to open one is most of a millisecond. */
    GIVE_WAY_US = 250000,
    GIVE_WAY_EVERY_US = 10000,
};

void inbox_drop(struct qn_inst *self)
{
    if (self->unread != NULL) {
        nn_freemsg(self->unread);
        self->unread = NULL;
    }
}

/* Whose greetings wait for a proof: of all hosts that were never dialled, and of one host. */
struct waiting {
    uint32_t strangers, here, used; /* used: links of others in all */
    struct link *stranger_oldest, *here_oldest;
};

/* Whether it has waited long enough to give way. */
static bool is_overdue(const struct qn_inst *self, const struct link *it)
{
    return self->now_us + self->config.dial_timeout * 1000 >= it->deadline_us + GIVE_WAY_US;
}

static bool is_older(const struct link *it, const struct link *than)
{
    return than == NULL || it->deadline_us < than->deadline_us ||
           (it->deadline_us == than->deadline_us && it->id < than->id);
}

static struct waiting waiting_count(const struct qn_inst *self, const struct host_key *host)
{
    struct waiting out = {0};
    struct host_key key = {{0}};

    for (uint32_t i = 0; i < self->links_top; i++) {
        struct link *it = &self->links[i];

        out.used += it->state != LINK_FREE && it->side == 1;
        if (it->state != LINK_ANSWERING || !nanomsg_address_key(&it->far, &key)) {
            continue;
        }
        if (!links_is_dialled(self, &key)) {
            out.strangers++;
            out.stranger_oldest = is_overdue(self, it) && is_older(it, out.stranger_oldest)
                                      ? it
                                      : out.stranger_oldest;
        }
        if (memcmp(&key, host, sizeof key) == 0) {
            out.here++;
            out.here_oldest =
                is_overdue(self, it) && is_older(it, out.here_oldest) ? it : out.here_oldest;
        }
    }
    return out;
}

/* A link for a greeting from that host; NULL: there is none. Who was dialled from here is pushed
 * out by greetings in its own name alone, and has places that strangers do not get; some are kept
 * for own dials. A greeting costs nothing, so of those that nobody answers for the oldest gives
 * way, in its time: an honest one needs a round trip, and who greets again and again buys no more
 * of the node than that. */
static struct link *link_for(struct qn_inst *self, const struct host_key *host)
{
    uint32_t links = (uint32_t)self->config.links;
    bool is_dialled = links_is_dialled(self, host);
    struct waiting waiting = waiting_count(self, host);
    struct link *out = NULL;

    if (waiting.here >= (links + HERE_PART - 1) / HERE_PART) {
        out = waiting.here_oldest;
    } else if (!is_dialled && waiting.strangers >= (links + 1) / 2) {
        out = waiting.stranger_oldest;
    } else if (waiting.used < links - links / (is_dialled ? KEPT_PART * 2 : KEPT_PART)) {
        out = links_free(self);
    }
    out = out != NULL ? out : waiting.stranger_oldest;
    if (out != NULL && out->state != LINK_FREE) {
        uint64_t *last_us = &self->gave_way_us[is_dialled];

        if (self->now_us < *last_us + GIVE_WAY_EVERY_US) {
            return NULL;
        }
        *last_us = self->now_us;
        link_shut(self, out);
        out->state = LINK_FREE;
    }
    return out;
}

/* A greeting from somebody who wants a link. What is wrong with it is nobody's business. */
static bool greeting_take(struct qn_inst *self, uint32_t endpoint, const struct wire_head *head,
                          struct qn_span body)
{
    struct address back;
    struct host_key host;
    struct link *link;

    if (head->side != 0 || head->number != 0 || head->halves[1] != 0 ||
        self->endpoints[endpoint].listener == 0 || !nanomsg_address_read(body, &back) ||
        back.scheme != self->endpoints[endpoint].address.scheme) {
        return false;
    }
    /* A name would be resolved for whoever asks, and have a host count as many. */
    if (back.scheme == SCHEME_TCP &&
        (back.port == 0 || back.is_any_host || !nanomsg_address_is_number(&back))) {
        return false;
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        const struct link *it = &self->links[i];

        if (it->state != LINK_FREE && it->side == 1 && it->halves[0] == head->halves[0]) {
            return false; /* a greeting that comes twice */
        }
    }
    link = nanomsg_address_key(&back, &host) ? link_for(self, &host) : NULL;
    if (link == NULL || links_begin(self, link, &back, 1) != QN_OK) {
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
        self->host->metric(self->node, METRIC_STRAYS, 1);
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

bool inbox_read(struct qn_inst *self, uint32_t endpoint, uint32_t budget, struct qn_effects *out)
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
        inbox_drop(self);
    }
    return true;
}
