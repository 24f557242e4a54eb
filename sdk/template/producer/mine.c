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
#include <qnet/schedule.h>

#include "mine.manifest.h"

enum {
    CALM = 5,            /* blocks that a class lasts at least */
    BACKUP_MIN_MS = 300, /* a block must have had the time to arrive */
    ARC_BITS = 32,       /* the circle has less than 2^32 places, so that no product overflows */
    CLASS_IDLE = 0,
    CLASS_BUSY = 1,
};

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / the golden section, odd */

struct qn_inst {
    uint32_t intervals_ms[2];
    struct qn_schedule schedule; /* the open windows, and who has a seat in each */
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

/* What is refused must leave everything as it was: <qnet/schedule.h> sees to that. */
static int32_t mine_open(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context it;
    uint32_t place;

    if (qn_producer_context_read(context, &it) != QN_OK) {
        return QN_INVALID;
    }
    return qn_schedule_open(&self->schedule, &it, &place);
}

static void mine_close(struct qn_inst *self, uint64_t window)
{
    qn_schedule_close(&self->schedule, window);
}

/* --- turns --- */

/* The seat on whose arc the height falls. */
static uint32_t primary_of(const struct qn_schedule_window *window, uint64_t height)
{
    uint64_t circle = window->sums[window->count - 1];
    uint32_t shift = 0;

    while (circle >> shift >> ARC_BITS != 0) {
        shift++;
    }
    return qn_schedule_seat(window, (height * GOLDEN >> ARC_BITS) * (circle >> shift) >> ARC_BITS,
                            shift);
}

/* Either all asks are answered or none is. */
static int32_t mine_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                          uint32_t asks_count, uint32_t *members)
{
    if (!qn_schedule_has(&self->schedule, asks, asks_count)) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < asks_count; i++) {
        uint32_t place = qn_schedule_find(&self->schedule, asks[i].height);
        const struct qn_schedule_window *window = &self->schedule.windows[place];
        uint32_t seat = (primary_of(window, asks[i].height) + asks[i].view) % window->count;

        members[i] = window->members[seat];
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
