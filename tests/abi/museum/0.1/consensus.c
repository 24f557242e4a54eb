/* SPDX-License-Identifier: MIT */

/* consensus.c: an exhibit of consensus/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/consensus.h>

#include "consensus.manifest.h"
#include "museum.h"

static int32_t old_step(struct qn_inst *self, const struct qn_event *const *batch,
                        uint32_t batch_count, struct qn_effects *out)
{
    (void)batch;
    (void)batch_count;
    (void)out;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                         struct qn_sink *answer)
{
    (void)what;
    (void)arg;
    return museum_answer(self, answer);
}

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = old_step,
    .query = old_query,
};

MUSEUM_PLUGIN(OLD_CONSENSUS);
