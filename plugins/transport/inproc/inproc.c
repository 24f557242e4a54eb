/* SPDX-License-Identifier: MIT */

/* inproc.c: links between nodes of one process. A directory in shared memory says who listens
 * where; each link has memory of its own with a ring for either direction, so that the reader who
 * grants no credit leaves the ring full, and the writer feels it. Nothing is lost but with its end.
 *
 * Both ends are this plugin in this process, so shared memory is trusted: what is wrong there is a
 * bug of ours.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "directory.h"
#include "inproc.manifest.h"

enum {
    LISTENERS_OWN = 16,   /* names of one instance. Beyond: refused */
    ID_INDEX_BITS = 12,   /* of a link's id: its index; the rest counts */
    MEMORY_WAIT_US = 5000 /* until it is looked again whether there is memory for a frame */
};

_Static_assert(INPROC_LINKS_MAX <= 1 << ID_INDEX_BITS, "an index fits an id");

enum link_state { LINK_FREE, LINK_CALLING, LINK_UP, LINK_DOWN };

enum down_reason { DOWN_CLOSED = 1, DOWN_REFUSED = 2, DOWN_RESET = 6 };

/* Effects that a link owes, in their order. */
enum link_reports { REPORT_UP = 1, REPORT_ROOM = 2, REPORT_DOWN = 4 };

struct link {
    enum link_state state;
    uint64_t id;       /* for the kernel */
    uint64_t token;    /* of the dial, or 0 */
    uint64_t listener; /* or 0 */
    uint64_t serial;   /* of the memory */
    struct meeting *meeting;
    uint32_t side; /* 0: dialled here */
    struct member_id far;
    uint64_t credit;  /* bytes */
    uint64_t refused; /* size of the frame that had no room, or 0: room is owed */
    uint32_t reports;
    uint32_t reason;
    const char *text;
    char address[sizeof "inproc://" + NAME_SIZE];
    struct qn_transport_link_stats stats;
};

struct listener {
    uint64_t id; /* 0: the place is free */
    uint64_t token;
    char name[NAME_SIZE];
    uint32_t report; /* 0, or an effect: listening or down */
    const char *text;
};

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    const struct qn_watch_1 *watch;
    const struct qn_shared_1 *shared;
    struct directory *all; /* NULL: not active */
    struct member_id self;
    struct listener listeners[LISTENERS_OWN];
    uint64_t listeners_ever;
    struct link *links;
    uint32_t links_count, links_top; /* from the top on all are free */
    uint64_t links_ever;
    uint64_t timer_us; /* asked for in the running pump; 0: none */
    uint32_t pushed, budget;
};

static const char prefix[] = "inproc://";

static uint64_t now_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The name in an address: letters, digits, `.`, `-` and `_`; or `*`, which is empty: any. */
static bool name_read(struct qn_span from, char name[NAME_SIZE])
{
    size_t skipped = strlen(prefix);
    size_t size = from.size - skipped;

    if (from.size <= skipped || size >= NAME_SIZE || memcmp(from.data, prefix, skipped) != 0) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = (char)from.data[skipped + i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';

        if (!is_plain && !(c == '*' && size == 1)) {
            return false;
        }
    }
    memset(name, 0, NAME_SIZE);
    if (from.data[skipped] != '*') {
        memcpy(name, from.data + skipped, size);
    }
    return true;
}

static int32_t inproc_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct inproc_config values = inproc_config_read(config);
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->node = node;
    self->watch = host->extension(node, "qnet.watch/1");
    self->shared = host->extension(node, "qnet.shared/1");
    self->links_count = (uint32_t)values.links;
    self->links = host->take(node, self->links_count * sizeof *self->links);
    if (self->links == NULL) {
        return QN_NO_SPACE;
    }
    *inst = self;
    return QN_OK;
}

static int32_t inproc_activate(struct qn_inst *self)
{
    struct qn_span name = {(const uint8_t *)"directory", 9};

    self->all = self->shared->join(self->node, name, sizeof *self->all);
    if (self->all == NULL) {
        return QN_IO;
    }
    if (!directory_join(self->all, self->watch, self->node, &self->self)) {
        self->shared->leave(self->node, self->all);
        self->all = NULL;
        return QN_IO;
    }
    return QN_OK;
}

static struct meeting *meeting_join(struct qn_inst *self, uint64_t serial)
{
    char name[QN_PLUGIN_NAME_MAX];
    int size = snprintf(name, sizeof name, "link-%016llx", (unsigned long long)serial);
    struct qn_span span = {(const uint8_t *)name, (uint64_t)size};

    return self->shared->join(self->node, span, sizeof(struct meeting));
}

static struct ring *way_out(struct link *link)
{
    return &link->meeting->ways[link->side];
}

static struct ring *way_in(struct link *link)
{
    return &link->meeting->ways[link->side ^ 1];
}

/* Ends the own direction, if it is not ended, and lets go of the memory. */
static void meeting_leave(struct qn_inst *self, struct link *link, enum ring_end end)
{
    uint32_t open = RING_OPEN;

    if (link->meeting == NULL) {
        return;
    }
    (void)atomic_compare_exchange_strong(&way_out(link)->end, &open, (uint32_t)end);
    directory_wake(self->all, link->far);
    self->shared->leave(self->node, link->meeting);
    link->meeting = NULL;
}

/* The link is over here, and reported. */
static void link_end(struct qn_inst *self, struct link *link, enum ring_end end, uint32_t reason,
                     const char *text)
{
    QN_ASSERT(link->state == LINK_CALLING || link->state == LINK_UP);
    meeting_leave(self, link, end);
    if (link->state == LINK_CALLING || (link->reports & REPORT_UP) != 0) {
        link->id = 0; /* the kernel knows the token at most */
    }
    link->state = LINK_DOWN;
    link->reports = link->id != 0 || link->token != 0 ? REPORT_DOWN : 0;
    link->reason = reason;
    link->text = text;
    self->watch->wake(self->node);
}

/* Nobody is left waiting for an answer. */
static void calls_refuse(struct qn_inst *self)
{
    struct directory_call call;

    while (directory_answer(self->all, self->self, &call)) {
        struct meeting *meeting = meeting_join(self, call.link);

        if (meeting != NULL) {
            atomic_store(&meeting->answer, ANSWER_NO);
            self->shared->leave(self->node, meeting);
            directory_wake(self->all, call.from);
        }
    }
}

/* Leaves the others: they see a reset. */
static int32_t inproc_freeze(struct qn_inst *self)
{
    if (self->all == NULL) {
        return QN_OK;
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        if (self->links[i].state == LINK_CALLING || self->links[i].state == LINK_UP) {
            link_end(self, &self->links[i], RING_RESET, DOWN_RESET, "this node stood still");
        }
    }
    for (uint32_t i = 0; i < LISTENERS_OWN; i++) {
        directory_unlisten(self->all, self->self, self->listeners[i].id);
    }
    calls_refuse(self);
    directory_leave(self->all, self->self);
    self->shared->leave(self->node, self->all);
    self->all = NULL;
    return QN_OK;
}

static int32_t inproc_thaw(struct qn_inst *self)
{
    int32_t status = inproc_activate(self);

    for (uint32_t i = 0; i < LISTENERS_OWN && status == QN_OK; i++) {
        struct listener *it = &self->listeners[i];

        if (it->id != 0 && it->report != QN_TRANSPORT_EFFECT_DOWN &&
            directory_listen(self->all, self->self, it->id, it->name) != QN_OK) {
            it->report = QN_TRANSPORT_EFFECT_DOWN;
            it->text = "its name was taken meanwhile";
        }
    }
    self->watch->wake(self->node);
    return status;
}

static void inproc_destroy(struct qn_inst *self)
{
    int32_t status = inproc_freeze(self);

    QN_ASSERT(status == QN_OK);
}

static int32_t inproc_listen(struct qn_inst *self, uint64_t token, struct qn_span address)
{
    struct listener *place = NULL;
    char name[NAME_SIZE];

    if (!name_read(address, name)) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < LISTENERS_OWN; i++) {
        struct listener *it = &self->listeners[i];

        if (it->id == 0) {
            place = place != NULL ? place : it;
        } else if (it->report != QN_TRANSPORT_EFFECT_DOWN && strcmp(it->name, name) == 0) {
            return QN_EXISTS;
        }
    }
    if (place == NULL) {
        return QN_DENIED;
    }
    *place = (struct listener){.id = ++self->listeners_ever, .token = token};

    int32_t status = directory_listen(self->all, self->self, place->id, name);

    memcpy(place->name, name, NAME_SIZE);
    place->report = status == QN_OK ? QN_TRANSPORT_EFFECT_LISTENING : QN_TRANSPORT_EFFECT_DOWN;
    place->text = status == QN_EXISTS ? "another node listens there" : "too many listeners";
    self->watch->wake(self->node);
    return QN_OK;
}

static int32_t inproc_unlisten(struct qn_inst *self, uint64_t listener)
{
    for (uint32_t i = 0; i < LISTENERS_OWN; i++) {
        struct listener *it = &self->listeners[i];

        if (listener != 0 && it->id == listener && it->report != QN_TRANSPORT_EFFECT_DOWN) {
            directory_unlisten(self->all, self->self, listener);
            it->id = 0;
            it->report = 0;
            return QN_OK;
        }
    }
    return QN_NOT_FOUND;
}

/* A free link with an id, in state CALLING; NULL: all are in use. */
static struct link *link_begin(struct qn_inst *self)
{
    uint32_t i = 0;

    while (i < self->links_count && self->links[i].state != LINK_FREE) {
        i++;
    }
    if (i == self->links_count) {
        return NULL;
    }
    self->links_top = i >= self->links_top ? i + 1 : self->links_top;
    self->links[i] = (struct link){
        .state = LINK_CALLING,
        .id = ++self->links_ever << ID_INDEX_BITS | i,
    };
    return &self->links[i];
}

static int32_t inproc_dial(struct qn_inst *self, uint64_t token, struct qn_span address)
{
    char name[NAME_SIZE];

    if (!name_read(address, name) || name[0] == '\0') {
        return QN_INVALID;
    }

    struct link *link = link_begin(self);

    if (link == NULL) {
        return QN_NO_SPACE;
    }
    link->token = token;
    link->serial = directory_serial(self->all);
    link->meeting = meeting_join(self, link->serial);
    if (link->meeting == NULL) {
        link->state = LINK_FREE;
        return QN_NO_SPACE;
    }
    link->meeting->dialler = self->self.serial;
    (void)snprintf(link->address, sizeof link->address, "%s%s", prefix, name);

    int32_t status = directory_call(self->all, self->self, name, link->serial, &link->far);

    if (status != QN_OK) {
        link_end(self, link, RING_RESET, DOWN_REFUSED,
                 status == QN_NOT_FOUND ? "nobody listens there" : "too many calls");
    }
    return QN_OK;
}

/* The link of that id which may still be used; NULL: none. */
static struct link *link_find(struct qn_inst *self, uint64_t id)
{
    uint32_t index = (uint32_t)(id & ((1 << ID_INDEX_BITS) - 1));
    struct link *it = index < self->links_top ? &self->links[index] : NULL;

    return it != NULL && it->id == id && it->state == LINK_UP ? it : NULL;
}

/* One frame; false: no room, and the reader knows that it is waited for. */
static bool frame_send(struct link *link, const struct qn_slice *frame)
{
    struct ring *out = way_out(link);

    if (!ring_push(out, frame->data, frame->size)) {
        atomic_store(&out->wants_room, 1);
        if (!ring_push(out, frame->data, frame->size)) { /* it may have read just now */
            link->refused = frame->size;
            return false;
        }
    }
    link->stats.frames_out++;
    link->stats.bytes_out += frame->size;
    return true;
}

static int32_t inproc_send(struct qn_inst *self, uint64_t id, const struct qn_slice *frames,
                           uint32_t frames_count, uint32_t *accepted)
{
    struct link *link = link_find(self, id);
    uint32_t sent = 0;

    if (link == NULL) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < frames_count; i++) {
        if (frames[i].size == 0 || frames[i].size > QN_TRANSPORT_FRAME_MAX) {
            return QN_INVALID;
        }
    }
    link->refused = 0;
    while (sent < frames_count && frame_send(link, &frames[sent])) {
        sent++;
    }
    if (sent > 0) {
        directory_wake(self->all, link->far);
    }
    *accepted = sent;
    return sent < frames_count ? QN_AGAIN : QN_OK;
}

static int32_t inproc_credit(struct qn_inst *self, uint64_t id, uint64_t bytes)
{
    struct link *link = link_find(self, id);

    if (link == NULL) {
        return QN_NOT_FOUND;
    }
    link->credit += bytes < UINT64_MAX - link->credit ? bytes : UINT64_MAX - link->credit;
    self->watch->wake(self->node);
    return QN_OK;
}

static void inproc_close(struct qn_inst *self, uint64_t id, uint32_t linger_ms)
{
    struct link *link = link_find(self, id);

    if (link != NULL) {
        atomic_store(&way_out(link)->deadline_us, now_us() + (uint64_t)linger_ms * 1000);
        link_end(self, link, RING_CLOSED, DOWN_CLOSED, "");
    }
}

static void timer_want(struct qn_inst *self, uint64_t delay_us)
{
    if (self->timer_us == 0 || delay_us < self->timer_us) {
        self->timer_us = delay_us > 0 ? delay_us : 1;
    }
}

static bool is_listening(const struct qn_inst *self, uint64_t listener)
{
    for (uint32_t i = 0; i < LISTENERS_OWN; i++) {
        if (self->listeners[i].id == listener) {
            return true;
        }
    }
    return false;
}

/* Answers one call; what cannot be taken is refused. */
static void call_take(struct qn_inst *self, const struct directory_call *call)
{
    struct meeting *meeting = meeting_join(self, call->link);
    struct link *link = NULL;

    if (meeting == NULL) {
        return; /* the dialler has left: else its memory would be there */
    }
    if (meeting->dialler == call->from.serial && is_listening(self, call->listener)) {
        link = link_begin(self);
    }
    if (link == NULL) {
        atomic_store(&meeting->answer, ANSWER_NO);
        self->shared->leave(self->node, meeting);
    } else {
        link->state = LINK_UP;
        link->side = 1;
        link->listener = call->listener;
        link->serial = call->link;
        link->meeting = meeting;
        link->far = call->from;
        link->reports = REPORT_UP;
        (void)snprintf(link->address, sizeof link->address, "%sdialler-%llu", prefix,
                       (unsigned long long)call->link);
        atomic_store(&meeting->answer, ANSWER_YES);
    }
    directory_wake(self->all, call->from);
}

static void answer_look(struct qn_inst *self, struct link *link)
{
    uint32_t answer = atomic_load(&link->meeting->answer);

    if (answer == ANSWER_YES) {
        link->state = LINK_UP;
        link->reports = REPORT_UP;
    } else if (answer == ANSWER_NO) {
        link_end(self, link, RING_RESET, DOWN_REFUSED, "the listener took no more links");
    }
}

/* One frame into `out`; false: no memory for it now. */
static bool frame_take(struct qn_inst *self, struct link *link, uint64_t size,
                       struct qn_effects *out)
{
    struct qn_transport_effect_frame effect = {.link = link->id};
    struct qn_slice payload = {NULL, NULL, size};
    uint8_t *data;

    payload.owner = self->host->buf_new(self->node, size, &data);
    if (payload.owner == NULL) {
        timer_want(self, MEMORY_WAIT_US);
        return false;
    }
    ring_pop(way_in(link), data, size);
    payload.data = data;
    link->credit -= size < link->credit ? size : link->credit;
    link->stats.frames_in++;
    link->stats.bytes_in += size;
    self->pushed++;

    int32_t status = qn_transport_effect_frame_push(out, &effect, &payload);

    QN_ASSERT(status == QN_OK);
    self->host->buf_unref(payload.owner);
    return true;
}

/* Reads while credit and budget last; true: there is more that may be read at once. */
static bool frames_read(struct qn_inst *self, struct link *link, struct qn_effects *out)
{
    struct ring *in = way_in(link);
    bool has_read = false, has_memory = true;
    uint64_t size = ring_first(in);

    while (size > 0 && link->credit > 0 && self->pushed < self->budget && has_memory) {
        has_memory = frame_take(self, link, size, out);
        has_read |= has_memory;
        size = has_memory ? ring_first(in) : size;
    }
    if (has_read && atomic_exchange(&in->wants_room, 0) != 0) {
        directory_wake(self->all, link->far);
    }
    return size > 0 && link->credit > 0 && has_memory;
}

/* What the far end did to its direction, once it is read as far as it may be. */
static void end_look(struct qn_inst *self, struct link *link)
{
    struct ring *in = way_in(link);
    uint32_t end = atomic_load(&in->end);

    if (end == RING_RESET) {
        link_end(self, link, RING_RESET, DOWN_RESET, "the far end is gone");
    } else if (end == RING_CLOSED) {
        uint64_t now = now_us(), deadline = atomic_load(&in->deadline_us);

        if (ring_used(in) == 0) {
            link_end(self, link, RING_RESET, DOWN_CLOSED, "");
        } else if (now >= deadline) {
            link_end(self, link, RING_RESET, DOWN_CLOSED, "not all was read in time");
        } else {
            timer_want(self, deadline - now);
        }
    }
}

/* Room is told of when half the ring is free, and the frame that was refused would fit. */
static void room_look(struct link *link)
{
    struct ring *out = way_out(link);

    if (link->refused == 0) {
        return;
    }

    uint64_t wanted = link->refused + RING_FRAME_HEAD;

    wanted = wanted > RING_SIZE / 2 ? wanted : RING_SIZE / 2;
    if (ring_free(out) < wanted) {
        atomic_store(&out->wants_room, 1);
    }
    if (ring_free(out) >= wanted) { /* as it was, or since the flag was set */
        link->refused = 0;
        link->reports |= REPORT_ROOM;
    }
}

static void listener_report(struct qn_inst *self, struct listener *it, struct qn_effects *out)
{
    char address[sizeof prefix + NAME_SIZE];
    int size = snprintf(address, sizeof address, "%s%s", prefix, it->name);
    int32_t status;

    if (it->report == QN_TRANSPORT_EFFECT_LISTENING) {
        struct qn_transport_effect_listening effect = {
            it->token, it->id, {(const uint8_t *)address, (uint64_t)size}};

        status = qn_transport_effect_listening_push(out, &effect);
    } else {
        struct qn_transport_effect_down effect = {
            .token = it->token,
            .reason = DOWN_REFUSED,
            .text = {(const uint8_t *)it->text, strlen(it->text)},
        };

        status = qn_transport_effect_down_push(out, &effect);
        it->id = 0;
    }
    QN_ASSERT(status == QN_OK);
    it->report = 0;
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
            .address = {(const uint8_t *)it->address, strlen(it->address)},
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

/* Pushes what the link owes; true: there is more than the budget. */
static bool link_reports(struct qn_inst *self, struct link *link, struct qn_effects *out)
{
    while (link->reports != 0 && self->pushed < self->budget) {
        link_report(self, link, out);
    }
    if (link->state == LINK_DOWN && link->reports == 0) {
        link->state = LINK_FREE;
        link->id = 0;
    }
    return link->reports != 0;
}

/* All that may have happened to one link; true: more is waiting. */
static bool link_pump(struct qn_inst *self, struct link *link, struct qn_effects *out)
{
    bool has_more = false;

    if (link->state == LINK_CALLING) {
        answer_look(self, link);
    }
    if (link_reports(self, link, out)) {
        return true; /* `up` goes before frames */
    }
    if (link->state == LINK_UP) {
        has_more = frames_read(self, link, out);
        room_look(link);
        if (!has_more) {
            end_look(self, link);
        }
    }
    return link_reports(self, link, out) || has_more;
}

static int32_t inproc_pump(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    struct directory_call call;
    bool has_more = false;

    self->pushed = 0;
    self->budget = budget;
    self->timer_us = 0;
    for (uint32_t i = 0; i < LISTENERS_OWN; i++) {
        if (self->listeners[i].report != 0 && self->pushed < budget) {
            listener_report(self, &self->listeners[i], out);
        }
        has_more |= self->listeners[i].report != 0;
    }
    for (uint32_t i = 0; i < budget && directory_answer(self->all, self->self, &call); i++) {
        call_take(self, &call);
    }
    has_more |= atomic_load(&self->all->waiting[self->self.index]) > 0;
    for (uint32_t i = 0; i < self->links_top; i++) {
        has_more |= link_pump(self, &self->links[i], out);
    }
    while (self->links_top > 0 && self->links[self->links_top - 1].state == LINK_FREE) {
        self->links_top--;
    }
    if (self->timer_us != 0) {
        self->watch->timer(self->node, self->timer_us);
    }
    return has_more ? QN_AGAIN : QN_OK;
}

static int32_t stats_write(struct qn_inst *self, struct link *link, struct qn_sink *sink)
{
    struct qn_transport_link_stats it = link->stats;
    uint8_t *room = self->host->sink_room(sink, qn_transport_link_stats_size(&it));

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    it.link = link->id;
    it.bytes_queued = ring_used(way_out(link));
    self->host->sink_commit(sink, (uint64_t)(qn_transport_link_stats_write(&it, room) - room));
    return QN_OK;
}

static int32_t inproc_stats(struct qn_inst *self, uint64_t id, struct qn_sink *sink)
{
    struct link *one = link_find(self, id);

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
    .create = inproc_create,
    .activate = inproc_activate,
    .freeze = inproc_freeze,
    .thaw = inproc_thaw,
    .destroy = inproc_destroy,
};

static const struct qn_transport_1 slots = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = inproc_listen,
    .unlisten = inproc_unlisten,
    .dial = inproc_dial,
    .send = inproc_send,
    .credit = inproc_credit,
    .close = inproc_close,
    .pump = inproc_pump,
    .stats = inproc_stats,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = INPROC_MANIFEST_PRINT,
    .kind = INPROC_KIND,
    .name = INPROC_NAME,
    .version = INPROC_VERSION,
    .life = &life,
    .slots = &slots.head,
};
