/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/consensus.yaml:
 * edit that, then `make generate`. */

#include <qnet/consensus.h>

#include "kernel/plugin/kind.h"

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

const struct qnk_kind qnk_kind_consensus = {
    .table.name = "consensus",
    .table.major = 1,
    .table.minor = 0,
    .table.minors = minors,
    .table.stubs = &consensus_1_stubs.head,
    .table.slots = consensus_1_slots,
    .table.slots_count = 2,
    .class = QNK_CLASS_DETERMINISTIC,
};
