/* SPDX-License-Identifier: MIT */

#include <qnet/assert.h>
#include <qnet/producer.h>

#include "kernel/sim/fake.h"

enum { INTERVAL_MS = 100, BACKUP_MS = 50, WINDOWS = 8 };

struct qn_inst {
    struct qnk_budget *budget;
    struct {
        uint64_t first, last;
        uint32_t seats;
    } windows[WINDOWS];    /* window % WINDOWS */
    uint64_t refused_last; /* window */
    uint32_t refused;
    bool is_starving;
};

static int32_t open_window(struct qn_inst *self, struct qn_span record)
{
    struct qn_producer_context context;

    if (qn_producer_context_read(record, &context) != QN_OK) {
        return QN_INVALID;
    }
    if (self->is_starving && context.window != self->refused_last) {
        self->refused_last = context.window;
        self->refused++;
        return QN_NO_SPACE;
    }
    self->windows[context.window % WINDOWS].first = context.first;
    self->windows[context.window % WINDOWS].last = context.last;
    self->windows[context.window % WINDOWS].seats = context.seats_count;
    return QN_OK;
}

static int32_t turns(struct qn_inst *self, const struct qn_producer_ask *asks, uint32_t count,
                     uint32_t *members)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seats = 0;

        for (uint32_t j = 0; j < WINDOWS; j++) {
            if (asks[i].height >= self->windows[j].first &&
                asks[i].height <= self->windows[j].last) {
                seats = self->windows[j].seats;
            }
        }
        if (seats == 0) {
            return QN_NOT_FOUND;
        }
        members[i] = (uint32_t)((asks[i].height + asks[i].view) % seats);
    }
    return QN_OK;
}

static int32_t pace(struct qn_inst *self, const struct qn_producer_recent *recent, uint32_t count,
                    uint8_t *interval_class, uint32_t *interval_ms, uint32_t *backup_ms)
{
    (void)self;
    (void)recent;
    (void)count;
    *interval_class = 0;
    *interval_ms = INTERVAL_MS;
    *backup_ms = BACKUP_MS;
    return QN_OK;
}

static void close_windows(struct qn_inst *self, uint64_t window)
{
    (void)self;
    (void)window;
}

static const struct qn_producer_1 slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = open_window,
    .turns = turns,
    .pace = pace,
    .close = close_windows,
};

struct qnk_plugged qnk_fake_producer_make(struct qnk_budget *budget)
{
    struct qn_inst *self = qnk_memory_take(budget, sizeof *self);

    QN_ASSERT(self != NULL);
    self->budget = budget;
    return (struct qnk_plugged){.table = &slots, .inst = self};
}

void qnk_fake_producer_give(struct qnk_plugged producer)
{
    qnk_memory_give(producer.inst->budget, producer.inst, sizeof *producer.inst);
}

void qnk_fake_producer_starve(struct qnk_plugged producer)
{
    producer.inst->is_starving = true;
}

uint32_t qnk_fake_producer_refused(struct qnk_plugged producer)
{
    return producer.inst->refused;
}
