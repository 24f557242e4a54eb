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

#include <qnet/assert.h>
#include <qnet/pace.h>
#include <qnet/producer.h>
#include <qnet/schedule.h>

#include "beacon.manifest.h"
#include "draw.h"

enum { DRAWN_MAX = 64 }; /* turns whose ranks are kept */

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
    struct qn_schedule schedule;
    uint8_t seeds[QN_PRODUCER_WINDOWS_MAX][QN_HASH_SIZE]; /* of the windows in their places */
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

static int32_t beacon_open(struct qn_inst *self, struct qn_span context)
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
    draw_seed(self->host, it.beacon, it.window, self->seeds[place]);
    memset(self->drawn, 0, sizeof self->drawn); /* this window may be another now */
    return QN_OK;
}

static void beacon_close(struct qn_inst *self, uint64_t window)
{
    qn_schedule_close(&self->schedule, window);
}

/* --- turns --- */

/* The ranks of a turn, drawn unless they are kept. */
static const struct drawn *drawn_of(struct qn_inst *self, uint32_t place, uint64_t turn)
{
    const struct qn_schedule_window *window = &self->schedule.windows[place];
    struct drawn *it = &self->drawn[turn % DRAWN_MAX];

    if (it->window != window->number || it->turn != turn) {
        it->window = window->number;
        it->turn = turn;
        it->count = draw_ranks(self->host, self->seeds[place], turn, window, it->ranks);
    }
    return it;
}

static int32_t beacon_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                            uint32_t asks_count, uint32_t *members)
{
    if (!qn_schedule_has(&self->schedule, asks, asks_count)) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        uint32_t place = qn_schedule_find(&self->schedule, asks[i].height);
        const struct qn_schedule_window *window = &self->schedule.windows[place];
        const struct drawn *drawn = drawn_of(self, place, (asks[i].height - 1) / self->turn);
        uint32_t view = asks[i].view;
        uint64_t rotated = (uint64_t)drawn->ranks[0] + view;

        members[i] =
            window->members[view < drawn->count ? drawn->ranks[view] : rotated % window->count];
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
