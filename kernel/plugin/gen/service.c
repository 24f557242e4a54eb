/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/service.yaml:
 * edit that, then `make generate`. */

#include <qnet/service.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0xaf27409c1e5f799a), "0.1"},
};
/* clang-format on */

static int32_t service_1_deliver_stub(struct qn_inst *inst, uint32_t lane,
                                      const struct qn_event *const *batch, uint32_t batch_count,
                                      uint32_t *accepted)
{
    (void)inst;
    (void)lane;
    (void)batch;
    (void)batch_count;
    (void)accepted;
    return QN_UNSUPPORTED;
}

static int32_t service_1_serve_stub(struct qn_inst *inst, uint32_t lane, uint32_t route,
                                    struct qn_span request, struct qn_sink *answer)
{
    (void)inst;
    (void)lane;
    (void)route;
    (void)request;
    (void)answer;
    return QN_UNSUPPORTED;
}

static int32_t service_1_pump_stub(struct qn_inst *inst, uint32_t budget)
{
    (void)inst;
    (void)budget;
    return QN_UNSUPPORTED;
}

static uint64_t service_1_cursor_stub(struct qn_inst *inst)
{
    (void)inst;
    return 0;
}

static int32_t service_1_health_stub(struct qn_inst *inst, struct qn_sink *criteria)
{
    (void)inst;
    (void)criteria;
    return QN_UNSUPPORTED;
}

static const struct qn_service_1 service_1_stubs = {
    .head = QN_SERVICE_1_HEAD,
    .deliver = service_1_deliver_stub,
    .serve = service_1_serve_stub,
    .pump = service_1_pump_stub,
    .cursor = service_1_cursor_stub,
    .health = service_1_health_stub,
};

/* clang-format off */
static const struct qnk_slot service_1_slots[] = {
    {"deliver", 0, QNK_THREAD_POOL, QNK_OVERLAP_SERIAL, 1, 0x02, false},
    {"serve", 0, QNK_THREAD_POOL, QNK_OVERLAP_SHARED, 0, 0x02, false},
    {"pump", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"cursor", 0, QNK_THREAD_ANY, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"health", 0, QNK_THREAD_ANY, QNK_OVERLAP_NONE, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static int32_t service_1_deliver_guard(struct qn_inst *inst, uint32_t lane,
                                       const struct qn_event *const *batch, uint32_t batch_count,
                                       uint32_t *accepted)
{
    const struct qn_service_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &service_1_slots[0], lane)) {
        return QN_BUG;
    }
    batch = qnk_guarded_events(&call, batch, batch_count);
    qnk_guarded_out(&call, accepted, sizeof *accepted);
    slots = qnk_guarded_ready(&call);
    result = slots->deliver(call.inst, lane, batch, batch_count, accepted);
    return qnk_guarded_leave(&call, result);
}

static int32_t service_1_serve_guard(struct qn_inst *inst, uint32_t lane, uint32_t route,
                                     struct qn_span request, struct qn_sink *answer)
{
    const struct qn_service_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &service_1_slots[1], lane)) {
        return QN_BUG;
    }
    request = qnk_guarded_span(&call, request);
    qnk_guarded_sink(&call, answer);
    slots = qnk_guarded_ready(&call);
    result = slots->serve(call.inst, lane, route, request, answer);
    return qnk_guarded_leave(&call, result);
}

static int32_t service_1_pump_guard(struct qn_inst *inst, uint32_t budget)
{
    const struct qn_service_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &service_1_slots[2], 0)) {
        return QN_BUG;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->pump(call.inst, budget);
    return qnk_guarded_leave(&call, result);
}

static uint64_t service_1_cursor_guard(struct qn_inst *inst)
{
    const struct qn_service_1 *slots;
    struct qnk_guarded_call call;
    uint64_t result;

    if (!qnk_guarded_enter(&call, inst, &service_1_slots[3], 0)) {
        return 0;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->cursor(call.inst);
    qnk_guarded_end(&call);
    return result;
}

static int32_t service_1_health_guard(struct qn_inst *inst, struct qn_sink *criteria)
{
    const struct qn_service_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &service_1_slots[4], 0)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, criteria);
    slots = qnk_guarded_ready(&call);
    result = slots->health(call.inst, criteria);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_service_1 service_1_guarded = {
    .head = QN_SERVICE_1_HEAD,
    .deliver = service_1_deliver_guard,
    .serve = service_1_serve_guard,
    .pump = service_1_pump_guard,
    .cursor = service_1_cursor_guard,
    .health = service_1_health_guard,
};

const struct qnk_kind qnk_kind_service = {
    .table.name = "service",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &service_1_stubs.head,
    .table.slots = service_1_slots,
    .table.slots_count = 5,
    .class = QNK_CLASS_EDGE,
    .guarded = &service_1_guarded.head,
};
