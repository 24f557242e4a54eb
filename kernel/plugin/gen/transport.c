/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/transport.yaml:
 * edit that, then `make generate`. */

#include <qnet/transport.h>

#include "kernel/plugin/kind.h"

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

const struct qnk_kind qnk_kind_transport = {
    .table.name = "transport",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &transport_1_stubs.head,
    .table.slots = transport_1_slots,
    .table.slots_count = 8,
    .class = QNK_CLASS_EDGE,
};
