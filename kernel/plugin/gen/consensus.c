/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/consensus.yaml:
 * edit that, then `make generate`. */

#include <qnet/consensus.h>

#include "kernel/plugin/guard_own.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0x5a55b7328ea8fc77), "0.1"},
};
/* clang-format on */

static int32_t consensus_1_step_stub(struct qn_inst *inst, const struct qn_event *const *batch,
                                     uint32_t batch_count, struct qn_effects *out)
{
    (void)inst;
    (void)batch;
    (void)batch_count;
    (void)out;
    return QN_UNSUPPORTED;
}

static int32_t consensus_1_query_stub(struct qn_inst *inst, uint32_t what, struct qn_span arg,
                                      struct qn_sink *answer)
{
    (void)inst;
    (void)what;
    (void)arg;
    (void)answer;
    return QN_UNSUPPORTED;
}

static const struct qn_consensus_1 consensus_1_stubs = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = consensus_1_step_stub,
    .query = consensus_1_query_stub,
};

/* clang-format off */
static const struct qnk_slot consensus_1_slots[] = {
    {"step", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"query", 0, QNK_THREAD_LOOP, QNK_OVERLAP_NONE, 0, 0x02, false},
};
/* clang-format on */

/* clang-format off */
static bool effect_is_valid(uint32_t type, struct qn_span body, bool has_payload)
{
    switch (type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN: {
        struct qn_consensus_effect_request_sign it;

        return qn_consensus_effect_request_sign_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_CERTIFY: {
        struct qn_consensus_effect_certify it;

        return qn_consensus_effect_certify_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_CHECK: {
        struct qn_consensus_effect_check it;

        return qn_consensus_effect_check_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_TIMER: {
        struct qn_consensus_effect_timer it;

        return qn_consensus_effect_timer_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_CANCEL: {
        struct qn_consensus_effect_cancel it;

        return qn_consensus_effect_cancel_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_SAVE: {
        struct qn_consensus_effect_save it;

        return qn_consensus_effect_save_read(body, &it) == QN_OK && !has_payload;
    }
    case QN_CONSENSUS_EFFECT_REPORT: {
        struct qn_consensus_effect_report it;

        return qn_consensus_effect_report_read(body, &it) == QN_OK && !has_payload;
    }
    default:
        return false;
    }
}

static int32_t consensus_1_step_guard(struct qn_inst *inst, const struct qn_event *const *batch,
                                      uint32_t batch_count, struct qn_effects *out)
{
    const struct qn_consensus_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &consensus_1_slots[0], 0)) {
        return QN_BUG;
    }
    batch = qnk_guarded_events(&call, batch, batch_count);
    out = qnk_guarded_effects(&call, out, effect_is_valid);
    slots = qnk_guarded_ready(&call);
    result = slots->step(call.inst, batch, batch_count, out);
    return qnk_guarded_leave(&call, result);
}

static int32_t consensus_1_query_guard(struct qn_inst *inst, uint32_t what, struct qn_span arg,
                                       struct qn_sink *answer)
{
    const struct qn_consensus_1 *slots;
    struct qnk_guarded_call call;
    int32_t result;

    if (!qnk_guarded_enter(&call, inst, &consensus_1_slots[1], 0)) {
        return QN_BUG;
    }
    arg = qnk_guarded_span(&call, arg);
    qnk_guarded_sink(&call, answer);
    slots = qnk_guarded_ready(&call);
    result = slots->query(call.inst, what, arg, answer);
    return qnk_guarded_leave(&call, result);
}
/* clang-format on */

static const struct qn_consensus_1 consensus_1_guarded = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = consensus_1_step_guard,
    .query = consensus_1_query_guard,
};

const struct qnk_kind qnk_kind_consensus = {
    .table.name = "consensus",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &consensus_1_stubs.head,
    .table.slots = consensus_1_slots,
    .table.slots_count = 2,
    .class = QNK_CLASS_DETERMINISTIC,
    .guarded = &consensus_1_guarded.head,
};
