/* SPDX-License-Identifier: MIT */

/* mine.c: members produce as often as they weigh, spread evenly, at one of two paces.
 *
 * Who may make the block of a height is asked on every node and verified on every node: so the
 * answer follows from the window's context and the height, and from nothing else. Here the height
 * times a constant walks around a circle on which each seat has an arc as long as its weight. The
 * constant is the golden section, with which any number of steps is spread evenly.
 *
 * Rank 0 is the primary; who is next on the list stands in for it. Pace follows from the headers
 * before: a class lasts some blocks at least, so that it cannot flap.
 *
 * Source: Knuth, "The Art of Computer Programming" 3, section 6.4 (Fibonacci hashing). */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/producer.h>

#include "mine.manifest.h"

enum {
    CALM = 5,            /* blocks that a class lasts at least */
    BACKUP_MIN_MS = 300, /* a block must have had the time to arrive */
    ARC_BITS = 32,       /* the circle has less than 2^32 places, so that no product overflows */
    CLASS_IDLE = 0,
    CLASS_BUSY = 1,
};

#define GOLDEN     UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / the golden section, odd */
#define WEIGHT_MAX (UINT64_C(1) << 53)          /* of a chain's members together */

/* An open window. Its seats are those that are not excluded, in the set's order. */
struct window {
    uint64_t number; /* 0: a free place */
    uint64_t first, last;
    uint32_t count;
    uint16_t members[QN_PRODUCER_MEMBERS_MAX]; /* index in the set */
    uint32_t ends[QN_PRODUCER_MEMBERS_MAX];    /* where each one's arc ends */
};

struct qn_inst {
    uint32_t intervals_ms[2];
    struct window windows[QN_PRODUCER_WINDOWS_MAX];
};

_Static_assert(sizeof(struct qn_inst) <= MINE_MEMORY, "the manifest's memory");

/* --- life --- */

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    static const char why[] = "busy is longer than interval";
    struct mine_config values = mine_config_read(config);
    struct qn_inst *self;

    if (values.busy > values.interval) { /* each value was checked, but not against the other */
        return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, sizeof why - 1});
    }
    self = host->take(node, sizeof *self);
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->intervals_ms[CLASS_IDLE] = (uint32_t)values.interval;
    self->intervals_ms[CLASS_BUSY] = (uint32_t)values.busy;
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void mine_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- windows --- */

/* The weight of all who are not excluded; 0: none, or more than there can be. */
static uint64_t weight_of(const struct qn_producer_context *context)
{
    struct qn_span rest = context->seats;
    uint64_t total = 0;

    for (uint32_t i = 0; i < context->seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&rest, &seat);
        if (seat.excluded == 0) {
            if (seat.weight > WEIGHT_MAX - total) {
                return 0;
            }
            total += seat.weight;
        }
    }
    return total;
}

/* Where the window goes: its own place, or a free one. NULL: there is none. */
static struct window *place_find(struct qn_inst *self, uint64_t number)
{
    struct window *place = NULL;

    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        if (self->windows[i].number == number) {
            return &self->windows[i];
        }
        place = self->windows[i].number == 0 && place == NULL ? &self->windows[i] : place;
    }
    return place;
}

static void window_lay(struct window *window, const struct qn_producer_context *context,
                       uint64_t total)
{
    struct qn_span rest = context->seats;
    uint64_t sum = 0;
    uint32_t shift = 0;

    while (total >> shift >> ARC_BITS != 0) {
        shift++;
    }
    window->number = context->window;
    window->first = context->first;
    window->last = context->last;
    window->count = 0;
    for (uint32_t i = 0; i < context->seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&rest, &seat);
        if (seat.excluded == 0) {
            sum += seat.weight;
            window->members[window->count] = (uint16_t)i;
            window->ends[window->count] = (uint32_t)(sum >> shift);
            window->count++;
        }
    }
}

/* What is refused must leave everything as it was: so all is looked at before anything is laid. */
static int32_t mine_open(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context it;
    struct window *place;
    uint64_t total;

    if (qn_producer_context_read(context, &it) != QN_OK || it.window == 0 || it.first == 0 ||
        it.first > it.last) {
        return QN_INVALID;
    }
    total = weight_of(&it);
    if (total == 0) {
        return QN_INVALID;
    }
    place = place_find(self, it.window);
    if (place == NULL) {
        return QN_NO_SPACE;
    }
    window_lay(place, &it, total);
    return QN_OK;
}

static void mine_close(struct qn_inst *self, uint64_t window)
{
    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        if (self->windows[i].number <= window) {
            self->windows[i].number = 0;
        }
    }
}

/* --- turns --- */

static const struct window *window_at(const struct qn_inst *self, uint64_t height)
{
    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        const struct window *it = &self->windows[i];

        if (it->number != 0 && it->first <= height && height <= it->last) {
            return it;
        }
    }
    return NULL;
}

/* The seat on whose arc the height falls. */
static uint32_t primary_of(const struct window *window, uint64_t height)
{
    uint64_t circle = window->ends[window->count - 1];
    uint64_t at = (height * GOLDEN >> ARC_BITS) * circle >> ARC_BITS;
    uint32_t low = 0, high = window->count - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (at < window->ends[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Either all asks are answered or none is. */
static int32_t mine_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                          uint32_t asks_count, uint32_t *members)
{
    for (uint32_t i = 0; i < asks_count; i++) {
        if (window_at(self, asks[i].height) == NULL) {
            return QN_NOT_FOUND;
        }
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        const struct window *window = window_at(self, asks[i].height);

        QN_ASSERT(window != NULL);
        members[i] =
            window->members[(primary_of(window, asks[i].height) + asks[i].view) % window->count];
    }
    return QN_OK;
}

/* --- pace --- */

/* Whether the newest blocks are all of one class, and there are enough of them to leave it. */
static bool is_calm(const struct qn_producer_recent *recent, uint32_t count)
{
    for (uint32_t i = 1; i < CALM && i < count; i++) {
        if (recent[i].interval_class != recent[0].interval_class) {
            return false;
        }
    }
    return count >= CALM;
}

static int32_t mine_pace(struct qn_inst *self, const struct qn_producer_recent *recent,
                         uint32_t recent_count, uint8_t *interval_class, uint32_t *interval_ms,
                         uint32_t *backup_ms)
{
    uint32_t now = recent_count > 0 ? recent[0].interval_class : CLASS_IDLE;
    uint32_t half_ms;

    if (now > CLASS_BUSY) { /* of another producer, before this one: step by step */
        now--;
    } else if (is_calm(recent, recent_count)) {
        now = recent[0].backlog > 0 ? CLASS_BUSY : CLASS_IDLE;
    }
    *interval_class = (uint8_t)now;
    *interval_ms = self->intervals_ms[now > CLASS_IDLE ? CLASS_BUSY : CLASS_IDLE];
    half_ms = *interval_ms / 2;
    *backup_ms = half_ms > BACKUP_MIN_MS ? half_ms : BACKUP_MIN_MS;
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = mine_create,
    .destroy = mine_destroy,
};

static const struct qn_producer_1 slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = mine_open,
    .turns = mine_turns,
    .pace = mine_pace,
    .close = mine_close,
};

/* The one thing that is exported: constants, so nothing of a plugin runs until it is created. */
const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MINE_MANIFEST_PRINT,
    .kind = MINE_KIND,
    .name = MINE_NAME,
    .version = MINE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
