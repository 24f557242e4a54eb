/* SPDX-License-Identifier: MIT */

/* service.c: an exhibit of service/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/service.h>

#include "museum.h"
#include "service.manifest.h"

static int32_t old_deliver(struct qn_inst *self, uint32_t lane, const struct qn_event *const *batch,
                           uint32_t batch_count, uint32_t *accepted)
{
    (void)lane;
    (void)batch;
    (void)batch_count;
    (void)accepted;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_serve(struct qn_inst *self, uint32_t lane, uint32_t route,
                         struct qn_span request, struct qn_sink *answer)
{
    (void)lane;
    (void)route;
    (void)request;
    return museum_answer(self, answer);
}

static int32_t old_pump(struct qn_inst *self, uint32_t budget)
{
    (void)budget;
    self->calls++;
    return QN_UNSUPPORTED;
}

static uint64_t old_cursor(struct qn_inst *self)
{
    return ++self->calls;
}

static int32_t old_health(struct qn_inst *self, struct qn_sink *criteria)
{
    return museum_answer(self, criteria);
}

static const struct qn_service_1 slots = {
    .head = QN_SERVICE_1_HEAD,
    .deliver = old_deliver,
    .serve = old_serve,
    .pump = old_pump,
    .cursor = old_cursor,
    .health = old_health,
};

MUSEUM_PLUGIN(OLD_SERVICE);
