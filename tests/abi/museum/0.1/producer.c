/* SPDX-License-Identifier: MIT */

/* producer.c: an exhibit of producer/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/producer.h>

#include "museum.h"
#include "producer.manifest.h"

static int32_t old_open(struct qn_inst *self, struct qn_span context)
{
    (void)context;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_turns(struct qn_inst *self, const struct qn_producer_ask *asks,
                         uint32_t asks_count, uint32_t *members)
{
    (void)asks;
    (void)asks_count;
    (void)members;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_pace(struct qn_inst *self, const struct qn_producer_recent *recent,
                        uint32_t recent_count, uint8_t *interval_class, uint32_t *interval_ms,
                        uint32_t *backup_ms)
{
    (void)recent;
    (void)recent_count;
    (void)interval_class;
    (void)interval_ms;
    (void)backup_ms;
    self->calls++;
    return QN_UNSUPPORTED;
}

static void old_close(struct qn_inst *self, uint64_t window)
{
    (void)window;
    self->calls++;
}

static const struct qn_producer_1 slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = old_open,
    .turns = old_turns,
    .pace = old_pace,
    .close = old_close,
};

MUSEUM_PLUGIN(OLD_PRODUCER);
