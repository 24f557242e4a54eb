/* SPDX-License-Identifier: MIT */

/* round-robin.c: members produce in turns, as often as they weigh, at a pace that follows the load.
 *
 * A window's schedule is one sequence of primaries, laid out when the window opens. It is smooth:
 * in each place stands the member that is furthest behind its share so far, the lower index of
 * equals, so heavy members are spread among light ones and every machine lays the same sequence.
 * If the sum of weights over their common divisor is at most SEQUENCE_MAX, every member stands in
 * it exactly as often as it weighs; else it has SEQUENCE_MAX places, and who weighs too little for
 * one of them produces as a later rank only.
 *
 * Source: the design's finality.md, section 3.1; its pace is that of <qnet/pace.h>. */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/pace.h>
#include <qnet/producer.h>

#include "round-robin.manifest.h"

enum { SEQUENCE_MAX = 4096 }; /* places; more say no more about who weighs what */

/* The sum of weights up to which they are told apart; beyond, the low bits are dropped, so that a
 * seat can be SEQUENCE_MAX places behind. */
#define TOTAL_MAX (UINT64_C(1) << 40)

/* W of the chain, finality.md: more is refused. */
#define WEIGHT_MAX (UINT64_C(1) << 53)

/* An open window. Places in `seats` stand for members: seats without those that are left out. */
struct window {
    uint64_t number; /* 0: a free place */
    uint64_t first, last;
    uint32_t seats_count;
    uint32_t sequence_count;
    uint16_t seats[QN_PRODUCER_MEMBERS_MAX];
    uint16_t sequence[SEQUENCE_MAX];
};

/* What a seat weighs, and by how much it is behind its share of the places laid so far, in units of
 * one place / the sum of weights. */
struct claim {
    int64_t weight;
    int64_t behind;
};

struct qn_inst {
    uint64_t turn;
    struct qn_pace pace;
    struct window windows[QN_PRODUCER_WINDOWS_MAX];
    struct window draft; /* laid out here first, so that a refused one changes nothing */
    struct claim claims[QN_PRODUCER_MEMBERS_MAX]; /* of the draft */
};

_Static_assert(sizeof(struct qn_inst) <= ROUND_ROBIN_MEMORY, "the manifest's memory");
_Static_assert(QN_PRODUCER_MEMBERS_MAX <= UINT16_MAX + 1, "seats fit 16 bits");

/* --- life --- */

static int32_t round_robin_create(const struct qn_host *host, struct qn_node *node,
                                  struct qn_span config, struct qn_inst **inst)
{
    static const char why[] = "intervals are four, none longer than the one before";
    struct round_robin_config values = round_robin_config_read(config);
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    if (qn_pace_read(values.intervals, values.intervals_count, values.net_budget, &self->pace) !=
        QN_OK) {
        return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, sizeof why - 1});
    }
    self->turn = (uint64_t)values.turn;
    *inst = self;
    return QN_OK;
}

static void round_robin_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- the sequence of primaries --- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Takes the seats that are not excluded into `window` and their weights into claims. Gives the sum
 * of the weights, 0 if there is none or too much. */
static uint64_t seats_take(struct qn_inst *self, const struct qn_producer_context *context,
                           struct window *window)
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
            return 0;
        }
        total += seat.weight;
        self->claims[window->seats_count] = (struct claim){.weight = (int64_t)seat.weight};
        window->seats[window->seats_count++] = (uint16_t)i;
    }
    return total;
}

/* Brings weights to small numbers of the same proportions. Gives their sum. */
static uint64_t weights_reduce(struct qn_inst *self, uint32_t count, uint64_t total)
{
    uint64_t divisor = total;
    uint32_t shift = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        divisor = common_divisor(divisor, (uint64_t)self->claims[i].weight);
    }
    while (total / divisor >> shift > TOTAL_MAX) {
        shift++;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t weight = (uint64_t)self->claims[i].weight / divisor >> shift;

        self->claims[i].weight = (int64_t)weight;
        sum += weight;
    }
    QN_ASSERT(sum > 0);
    QN_ASSERT(sum <= TOTAL_MAX);
    return sum;
}

/* Gives every seat its share of one more place, and the place to whom is owed most. */
static uint32_t place_give(struct claim *claims, uint32_t count, uint64_t sum)
{
    uint32_t best = 0;

    for (uint32_t i = 0; i < count; i++) {
        claims[i].behind += claims[i].weight;
        if (claims[i].behind > claims[best].behind) {
            best = i;
        }
    }
    claims[best].behind -= (int64_t)sum;
    return best;
}

/* SEQUENCE_MAX * MEMBERS_MAX steps at most: some 20 ms, once a window. */
static void sequence_lay(struct qn_inst *self, struct window *window, uint64_t total)
{
    uint64_t sum = weights_reduce(self, window->seats_count, total);

    window->sequence_count = sum < SEQUENCE_MAX ? (uint32_t)sum : SEQUENCE_MAX;
    for (uint32_t i = 0; i < window->sequence_count; i++) {
        window->sequence[i] = (uint16_t)place_give(self->claims, window->seats_count, sum);
    }
}

/* --- windows --- */

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

static int32_t round_robin_open(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context it;

    if (qn_producer_context_read(context, &it) != QN_OK || it.window == 0 || it.first == 0 ||
        it.first > it.last || is_overlapping(self, &it)) {
        return QN_INVALID;
    }

    struct window *draft = &self->draft;

    *draft = (struct window){.number = it.window, .first = it.first, .last = it.last};

    uint64_t total = seats_take(self, &it, draft);

    if (total == 0) {
        return QN_INVALID;
    }

    struct window *place = place_find(self, it.window);

    if (place == NULL) {
        return QN_NO_SPACE;
    }
    sequence_lay(self, draft, total);
    *place = *draft;
    return QN_OK;
}

static void round_robin_close(struct qn_inst *self, uint64_t window)
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

static int32_t round_robin_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                                 uint32_t asks_count, uint32_t *members)
{
    for (uint32_t i = 0; i < asks_count; i++) {
        if (window_at(self, asks[i].height) == NULL) {
            return QN_NOT_FOUND;
        }
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        const struct window *window = window_at(self, asks[i].height);
        uint64_t turn = (asks[i].height - 1) / self->turn;

        QN_ASSERT(window != NULL);

        uint64_t primary = window->sequence[turn % window->sequence_count];

        members[i] = window->seats[(primary + asks[i].view) % window->seats_count];
    }
    return QN_OK;
}

/* --- pace --- */

static int32_t round_robin_pace(struct qn_inst *self, const struct qn_producer_recent *recent,
                                uint32_t recent_count, uint8_t *interval_class,
                                uint32_t *interval_ms, uint32_t *backup_ms)
{
    qn_pace_next(&self->pace, recent, recent_count, interval_class, interval_ms, backup_ms);
    return QN_OK;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = round_robin_create,
    .destroy = round_robin_destroy,
};

static const struct qn_producer_1 slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = round_robin_open,
    .turns = round_robin_turns,
    .pace = round_robin_pace,
    .close = round_robin_close,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = ROUND_ROBIN_MANIFEST_PRINT,
    .kind = ROUND_ROBIN_KIND,
    .name = ROUND_ROBIN_NAME,
    .version = ROUND_ROBIN_VERSION,
    .life = &life,
    .slots = &slots.head,
};
