/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/producer.yaml:
 * edit that, then `make generate`. */

#include <qnet/producer.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0xb56cba1ada8bb66d), "0.1"},
};
/* clang-format on */

static int32_t producer_1_open_stub(struct qn_inst *inst, struct qn_span context)
{
    (void)inst;
    (void)context;
    return QN_UNSUPPORTED;
}

static int32_t producer_1_turns_stub(struct qn_inst *inst, const struct qn_producer_ask *asks,
                                     uint32_t asks_count, uint32_t *members)
{
    (void)inst;
    (void)asks;
    (void)asks_count;
    (void)members;
    return QN_UNSUPPORTED;
}

static int32_t producer_1_pace_stub(struct qn_inst *inst, const struct qn_producer_recent *recent,
                                    uint32_t recent_count, uint8_t *interval_class,
                                    uint32_t *interval_ms, uint32_t *backup_ms)
{
    (void)inst;
    (void)recent;
    (void)recent_count;
    (void)interval_class;
    (void)interval_ms;
    (void)backup_ms;
    return QN_UNSUPPORTED;
}

static void producer_1_close_stub(struct qn_inst *inst, uint64_t window)
{
    (void)inst;
    (void)window;
}

static const struct qn_producer_1 producer_1_stubs = {
    .head = QN_PRODUCER_1_HEAD,
    .open = producer_1_open_stub,
    .turns = producer_1_turns_stub,
    .pace = producer_1_pace_stub,
    .close = producer_1_close_stub,
};

/* clang-format off */
static const struct qnk_slot producer_1_slots[] = {
    {"open", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"turns", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"pace", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"close", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static int32_t producer_1_open_guard(struct qn_inst *inst, struct qn_span context)
{
    const struct qn_producer_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &producer_1_slots[0], 0)) {
        return QN_BUG;
    }
    context = qnk_guarded_span(&call, context);
    slots = qnk_guarded_ready(&call);
    result = slots->open(call.inst, context);
    return qnk_guarded_leave(&call, result);
}

static int32_t producer_1_turns_guard(struct qn_inst *inst, const struct qn_producer_ask *asks,
                                      uint32_t asks_count, uint32_t *members)
{
    const struct qn_producer_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &producer_1_slots[1], 0)) {
        return QN_BUG;
    }
    asks = qnk_guarded_bytes(&call, asks, (uint64_t)asks_count * sizeof(struct qn_producer_ask));
    slots = qnk_guarded_ready(&call);
    result = slots->turns(call.inst, asks, asks_count, members);
    return qnk_guarded_leave(&call, result);
}

static int32_t producer_1_pace_guard(struct qn_inst *inst, const struct qn_producer_recent *recent,
                                     uint32_t recent_count, uint8_t *interval_class,
                                     uint32_t *interval_ms, uint32_t *backup_ms)
{
    const struct qn_producer_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &producer_1_slots[2], 0)) {
        return QN_BUG;
    }
    recent = qnk_guarded_bytes(&call, recent,
                               (uint64_t)recent_count * sizeof(struct qn_producer_recent));
    qnk_guarded_out(&call, interval_class, sizeof *interval_class);
    qnk_guarded_out(&call, interval_ms, sizeof *interval_ms);
    qnk_guarded_out(&call, backup_ms, sizeof *backup_ms);
    slots = qnk_guarded_ready(&call);
    result = slots->pace(call.inst, recent, recent_count, interval_class, interval_ms, backup_ms);
    return qnk_guarded_leave(&call, result);
}

static void producer_1_close_guard(struct qn_inst *inst, uint64_t window)
{
    const struct qn_producer_1 *slots;
    struct qnk_guarded_call call;

    if (!qnk_guarded_enter(&call, inst, &producer_1_slots[3], 0)) {
        return;
    }
    slots = qnk_guarded_ready(&call);
    slots->close(call.inst, window);
    qnk_guarded_end(&call);
}
/* clang-format on */

static const struct qn_producer_1 producer_1_guarded = {
    .head = QN_PRODUCER_1_HEAD,
    .open = producer_1_open_guard,
    .turns = producer_1_turns_guard,
    .pace = producer_1_pace_guard,
    .close = producer_1_close_guard,
};

const struct qnk_kind qnk_kind_producer = {
    .table.name = "producer",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &producer_1_stubs.head,
    .table.slots = producer_1_slots,
    .table.slots_count = 4,
    .class = QNK_CLASS_DETERMINISTIC,
    .guarded = &producer_1_guarded.head,
};
