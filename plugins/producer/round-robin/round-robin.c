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
#include <qnet/schedule.h>

#include "round-robin.manifest.h"

enum { SEQUENCE_MAX = 4096 }; /* places; more say no more about who weighs what */

/* The sum of weights up to which they are told apart; beyond, the low bits are dropped, so that a
 * seat can be SEQUENCE_MAX places behind. */
#define TOTAL_MAX (UINT64_C(1) << 40)

/* Of an open window: seats, over and over. */
struct sequence {
    uint32_t count;
    uint16_t seats[SEQUENCE_MAX];
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
    struct qn_schedule schedule;
    struct sequence sequences[QN_PRODUCER_WINDOWS_MAX]; /* of the windows in their places */
    struct claim claims[QN_PRODUCER_MEMBERS_MAX];       /* of the window that is laid out */
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
static void sequence_lay(struct qn_inst *self, const struct qn_schedule_window *window,
                         struct sequence *sequence)
{
    for (uint32_t i = 0; i < window->count; i++) {
        self->claims[i] = (struct claim){.weight = (int64_t)qn_schedule_weight_of(window, i)};
    }

    uint64_t sum = weights_reduce(self, window->count, window->sums[window->count - 1]);

    sequence->count = sum < SEQUENCE_MAX ? (uint32_t)sum : SEQUENCE_MAX;
    for (uint32_t i = 0; i < sequence->count; i++) {
        sequence->seats[i] = (uint16_t)place_give(self->claims, window->count, sum);
    }
}

/* --- windows --- */

static int32_t round_robin_open(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context it;
    uint32_t place;
    int32_t status = qn_producer_context_read(context, &it);

    if (status == QN_OK) {
        status = qn_schedule_open(&self->schedule, &it, &place);
    }
    if (status != QN_OK) {
        return status;
    }
    sequence_lay(self, &self->schedule.windows[place], &self->sequences[place]);
    return QN_OK;
}

static void round_robin_close(struct qn_inst *self, uint64_t window)
{
    qn_schedule_close(&self->schedule, window);
}

/* --- turns --- */

static int32_t round_robin_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                                 uint32_t asks_count, uint32_t *members)
{
    if (!qn_schedule_has(&self->schedule, asks, asks_count)) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        uint32_t place = qn_schedule_find(&self->schedule, asks[i].height);
        const struct qn_schedule_window *window = &self->schedule.windows[place];
        const struct sequence *sequence = &self->sequences[place];
        uint64_t turn = (asks[i].height - 1) / self->turn;
        uint64_t primary = sequence->seats[turn % sequence->count];

        members[i] = window->members[(primary + asks[i].view) % window->count];
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
