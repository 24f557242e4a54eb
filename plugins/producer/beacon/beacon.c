/* SPDX-License-Identifier: MIT */

/* beacon.c: members produce in turns that are drawn by weight from the beacon of the macroblock
 * three windows earlier, at a pace that follows the load. A schedule is known two to three windows
 * ahead and no earlier; the first ranks of a turn are drawn, so that who follows an absent primary
 * is known no earlier either, and later ranks rotate from the primary.
 *
 * The beacon of stage 1 can be biased by who withholds a share: a third of the weight that always
 * does gets up to two thirds of the turns. So it orders producers, and nothing else hangs on it.
 *
 * Source: the design's finality.md, sections 3.1 and 9; its pace is that of <qnet/pace.h>. */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/pace.h>
#include <qnet/producer.h>

#include "beacon.manifest.h"
#include "draw.h"

enum { DRAWN_MAX = 64 }; /* turns whose ranks are kept */

/* W of the chain, finality.md: more is refused. */
#define WEIGHT_MAX (UINT64_C(1) << 53)

/* An open window. Seats stand for members without those that are left out. */
struct window {
    uint64_t number; /* 0: a free place */
    uint64_t first, last;
    uint32_t seats_count;
    uint8_t seed[QN_HASH_SIZE];
    uint16_t seats[QN_PRODUCER_MEMBERS_MAX];
    uint64_t sums[QN_PRODUCER_MEMBERS_MAX]; /* of the weights up to each seat */
};

/* The ranks of a turn, as they are asked for again and again. */
struct drawn {
    uint64_t window; /* 0: nothing */
    uint64_t turn;
    uint32_t count;
    uint16_t ranks[DRAW_RANKS];
};

struct qn_inst {
    const struct qn_host *host;
    uint64_t turn;
    struct qn_pace pace;
    struct drawn drawn[DRAWN_MAX];
    struct window windows[QN_PRODUCER_WINDOWS_MAX];
    struct window draft; /* filled in here first, so that a refused one changes nothing */
};

_Static_assert(sizeof(struct qn_inst) <= BEACON_MEMORY, "the manifest's memory");
_Static_assert(QN_PRODUCER_MEMBERS_MAX <= UINT16_MAX + 1, "seats fit 16 bits");

/* --- life --- */

static int32_t beacon_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    static const char why[] = "intervals are four, none longer than the one before";
    struct beacon_config values = beacon_config_read(config);
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    if (qn_pace_read(values.intervals, values.intervals_count, values.net_budget, &self->pace) !=
        QN_OK) {
        return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, sizeof why - 1});
    }
    self->host = host;
    self->turn = (uint64_t)values.turn;
    *inst = self;
    return QN_OK;
}

static void beacon_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- windows --- */

/* Takes the seats that are not excluded. False: none of them weighs, or all weigh too much. */
static bool seats_take(const struct qn_producer_context *context, struct window *window)
{
    struct qn_span rest = context->seats;
    uint64_t total = 0;

    for (uint32_t i = 0; i < context->seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&rest, &seat);
        if (seat.excluded != 0) {
            continue;
        }
        if (seat.weight > WEIGHT_MAX - total) {
            return false;
        }
        total += seat.weight;
        window->sums[window->seats_count] = total;
        window->seats[window->seats_count++] = (uint16_t)i;
    }
    return total > 0;
}

/* Where the window goes: its own place, or a free one. NULL: there is none. */
static struct window *place_find(struct qn_inst *self, uint64_t number)
{
    struct window *place = NULL;

    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        struct window *it = &self->windows[i];

        if (it->number == number) {
            return it;
        }
        if (it->number == 0 && place == NULL) {
            place = it;
        }
    }
    return place;
}

/* Whether another open window has some of the same heights. */
static bool is_overlapping(const struct qn_inst *self, const struct qn_producer_context *context)
{
    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        const struct window *it = &self->windows[i];

        if (it->number != 0 && it->number != context->window && it->first <= context->last &&
            context->first <= it->last) {
            return true;
        }
    }
    return false;
}

static int32_t beacon_open(struct qn_inst *self, struct qn_span context)
{
    struct window *draft = &self->draft;
    struct qn_producer_context it;

    if (qn_producer_context_read(context, &it) != QN_OK || it.window == 0 || it.first == 0 ||
        it.first > it.last || is_overlapping(self, &it)) {
        return QN_INVALID;
    }
    *draft = (struct window){.number = it.window, .first = it.first, .last = it.last};
    if (!seats_take(&it, draft)) {
        return QN_INVALID;
    }

    struct window *place = place_find(self, it.window);

    if (place == NULL) {
        return QN_NO_SPACE;
    }
    draw_seed(self->host, it.beacon, it.window, draft->seed);
    *place = *draft;
    memset(self->drawn, 0, sizeof self->drawn); /* this window may be another now */
    return QN_OK;
}

static void beacon_close(struct qn_inst *self, uint64_t window)
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

/* The ranks of a turn, drawn unless they are kept. */
static const struct drawn *drawn_of(struct qn_inst *self, const struct window *window,
                                    uint64_t turn)
{
    struct draw_seats seats = {window->sums, window->seats_count};
    struct drawn *it = &self->drawn[turn % DRAWN_MAX];

    if (it->window != window->number || it->turn != turn) {
        it->window = window->number;
        it->turn = turn;
        it->count = draw_ranks(self->host, window->seed, turn, &seats, it->ranks);
    }
    return it;
}

static int32_t beacon_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                            uint32_t asks_count, uint32_t *members)
{
    for (uint32_t i = 0; i < asks_count; i++) {
        if (window_at(self, asks[i].height) == NULL) {
            return QN_NOT_FOUND;
        }
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        const struct window *window = window_at(self, asks[i].height);
        uint32_t view = asks[i].view;

        QN_ASSERT(window != NULL);

        const struct drawn *drawn = drawn_of(self, window, (asks[i].height - 1) / self->turn);
        uint64_t rotated = (uint64_t)drawn->ranks[0] + view;

        members[i] =
            window->seats[view < drawn->count ? drawn->ranks[view] : rotated % window->seats_count];
    }
    return QN_OK;
}

static int32_t beacon_pace(struct qn_inst *self, const struct qn_producer_recent *recent,
                           uint32_t recent_count, uint8_t *interval_class, uint32_t *interval_ms,
                           uint32_t *backup_ms)
{
    qn_pace_next(&self->pace, recent, recent_count, interval_class, interval_ms, backup_ms);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = beacon_create,
    .destroy = beacon_destroy,
};

static const struct qn_producer_1 slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = beacon_open,
    .turns = beacon_turns,
    .pace = beacon_pace,
    .close = beacon_close,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = BEACON_MANIFEST_PRINT,
    .kind = BEACON_KIND,
    .name = BEACON_NAME,
    .version = BEACON_VERSION,
    .life = &life,
    .slots = &slots.head,
};
