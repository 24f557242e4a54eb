/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/transport.yaml:
 * edit that, then `make generate`. */

#include <qnet/transport.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0xc1ff78c2965d879f), "0.1"},
};
/* clang-format on */

static int32_t transport_1_listen_stub(struct qn_inst *inst, uint64_t token, struct qn_span address)
{
    (void)inst;
    (void)token;
    (void)address;
    return QN_UNSUPPORTED;
}

static int32_t transport_1_unlisten_stub(struct qn_inst *inst, uint64_t listener)
{
    (void)inst;
    (void)listener;
    return QN_UNSUPPORTED;
}

static int32_t transport_1_dial_stub(struct qn_inst *inst, uint64_t token, struct qn_span address)
{
    (void)inst;
    (void)token;
    (void)address;
    return QN_UNSUPPORTED;
}

static int32_t transport_1_send_stub(struct qn_inst *inst, uint64_t link,
                                     const struct qn_slice *frames, uint32_t frames_count,
                                     uint32_t *accepted)
{
    (void)inst;
    (void)link;
    (void)frames;
    (void)frames_count;
    (void)accepted;
    return QN_UNSUPPORTED;
}

static int32_t transport_1_credit_stub(struct qn_inst *inst, uint64_t link, uint64_t bytes)
{
    (void)inst;
    (void)link;
    (void)bytes;
    return QN_UNSUPPORTED;
}

static void transport_1_close_stub(struct qn_inst *inst, uint64_t link, uint32_t linger_ms)
{
    (void)inst;
    (void)link;
    (void)linger_ms;
}

static int32_t transport_1_pump_stub(struct qn_inst *inst, uint32_t budget, struct qn_effects *out)
{
    (void)inst;
    (void)budget;
    (void)out;
    return QN_UNSUPPORTED;
}

static int32_t transport_1_stats_stub(struct qn_inst *inst, uint64_t link, struct qn_sink *stats)
{
    (void)inst;
    (void)link;
    (void)stats;
    return QN_UNSUPPORTED;
}

static const struct qn_transport_1 transport_1_stubs = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = transport_1_listen_stub,
    .unlisten = transport_1_unlisten_stub,
    .dial = transport_1_dial_stub,
    .send = transport_1_send_stub,
    .credit = transport_1_credit_stub,
    .close = transport_1_close_stub,
    .pump = transport_1_pump_stub,
    .stats = transport_1_stats_stub,
};

/* clang-format off */
static const struct qnk_slot transport_1_slots[] = {
    {"listen", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"unlisten", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"dial", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"send", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"credit", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"close", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"pump", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"stats", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static bool effect_is_valid(uint32_t type, struct qn_span body, bool has_payload)
{
    switch (type) {
    case QN_TRANSPORT_EFFECT_LISTENING: {
        struct qn_transport_effect_listening it;

        return qn_transport_effect_listening_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_TRANSPORT_EFFECT_UP: {
        struct qn_transport_effect_up it;

        return qn_transport_effect_up_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_TRANSPORT_EFFECT_FRAME: {
        struct qn_transport_effect_frame it;

        return qn_transport_effect_frame_read(body, &it) == QN_OK && has_payload;
    }
    case QN_TRANSPORT_EFFECT_ROOM: {
        struct qn_transport_effect_room it;

        return qn_transport_effect_room_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_TRANSPORT_EFFECT_DOWN: {
        struct qn_transport_effect_down it;

        return qn_transport_effect_down_read(body, &it) == QN_OK && !has_payload;
    }
    default:
        return false;
    }
}

static int32_t transport_1_listen_guard(struct qn_inst *inst, uint64_t token,
                                        struct qn_span address)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[0], 0)) {
        return QN_BUG;
    }
    address = qnk_guarded_span(&call, address);
    slots = qnk_guarded_ready(&call);
    result = slots->listen(call.inst, token, address);
    return qnk_guarded_leave(&call, result);
}

static int32_t transport_1_unlisten_guard(struct qn_inst *inst, uint64_t listener)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[1], 0)) {
        return QN_BUG;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->unlisten(call.inst, listener);
    return qnk_guarded_leave(&call, result);
}

static int32_t transport_1_dial_guard(struct qn_inst *inst, uint64_t token, struct qn_span address)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[2], 0)) {
        return QN_BUG;
    }
    address = qnk_guarded_span(&call, address);
    slots = qnk_guarded_ready(&call);
    result = slots->dial(call.inst, token, address);
    return qnk_guarded_leave(&call, result);
}

static int32_t transport_1_send_guard(struct qn_inst *inst, uint64_t link,
                                      const struct qn_slice *frames, uint32_t frames_count,
                                      uint32_t *accepted)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[3], 0)) {
        return QN_BUG;
    }
    frames = qnk_guarded_bytes(&call, frames, (uint64_t)frames_count * sizeof(struct qn_slice));
    qnk_guarded_out(&call, accepted, sizeof *accepted);
    slots = qnk_guarded_ready(&call);
    result = slots->send(call.inst, link, frames, frames_count, accepted);
    return qnk_guarded_leave(&call, result);
}

static int32_t transport_1_credit_guard(struct qn_inst *inst, uint64_t link, uint64_t bytes)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[4], 0)) {
        return QN_BUG;
    }
    slots = qnk_guarded_ready(&call);
    result = slots->credit(call.inst, link, bytes);
    return qnk_guarded_leave(&call, result);
}

static void transport_1_close_guard(struct qn_inst *inst, uint64_t link, uint32_t linger_ms)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[5], 0)) {
        return;
    }
    slots = qnk_guarded_ready(&call);
    slots->close(call.inst, link, linger_ms);
    qnk_guarded_end(&call);
}

static int32_t transport_1_pump_guard(struct qn_inst *inst, uint32_t budget, struct qn_effects *out)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[6], 0)) {
        return QN_BUG;
    }
    out = qnk_guarded_effects(&call, out, effect_is_valid);
    slots = qnk_guarded_ready(&call);
    result = slots->pump(call.inst, budget, out);
    return qnk_guarded_leave(&call, result);
}

static int32_t transport_1_stats_guard(struct qn_inst *inst, uint64_t link, struct qn_sink *stats)
{
    const struct qn_transport_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &transport_1_slots[7], 0)) {
        return QN_BUG;
    }
    qnk_guarded_sink(&call, stats);
    slots = qnk_guarded_ready(&call);
    result = slots->stats(call.inst, link, stats);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_transport_1 transport_1_guarded = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = transport_1_listen_guard,
    .unlisten = transport_1_unlisten_guard,
    .dial = transport_1_dial_guard,
    .send = transport_1_send_guard,
    .credit = transport_1_credit_guard,
    .close = transport_1_close_guard,
    .pump = transport_1_pump_guard,
    .stats = transport_1_stats_guard,
};

const struct qnk_kind qnk_kind_transport = {
    .table.name = "transport",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &transport_1_stubs.head,
    .table.slots = transport_1_slots,
    .table.slots_count = 8,
    .class = QNK_CLASS_EDGE,
    .guarded = &transport_1_guarded.head,
};
