/* SPDX-License-Identifier: MIT */

/* bft.c: an engine in the form of HotStuff-2. A leader proposes, collects a prepare and a final
 * vote of a quorum and shows a certificate of each; rounds whose leader fails end by time-outs.
 * Here is its life; what it does is in rules.c. */

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "bft.manifest.h"
#include "rules.h"

_Static_assert(sizeof(struct qn_inst) <= BFT_MEMORY, "the manifest's memory");

/* --- life --- */

static int32_t refuse(const struct qn_host *host, struct qn_node *node, const char *why)
{
    return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, strlen(why)});
}

static int32_t bft_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                          struct qn_inst **inst)
{
    struct bft_config values = bft_config_read(config);
    struct qn_inst *self;

    if (values.round > values.round_max) {
        return refuse(host, node, "round is longer than round_max");
    }
    if (values.delta > values.round / 2) {
        return refuse(host, node, "delta is longer than half of round");
    }
    self = host->take(node, sizeof *self);
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->window.host = host;
    self->times = (struct rules_times){
        .round_ms = (uint32_t)values.round,
        .round_step_ms = (uint32_t)values.round_step,
        .round_max_ms = (uint32_t)values.round_max,
        .delta_ms = (uint32_t)values.delta,
    };
    *inst = self;
    return QN_OK;
}

static void bft_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- slots --- */

static int32_t bft_step(struct qn_inst *self, const struct qn_event *const *batch,
                        uint32_t batch_count, struct qn_effects *out)
{
    return qn_engine_step(&rules_engine, self, &self->window, batch, batch_count, out);
}

static int32_t bft_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                         struct qn_sink *answer)
{
    (void)arg;
    return qn_engine_query(&rules_engine, self, &self->window, what, answer);
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = bft_create,
    .destroy = bft_destroy,
};

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = bft_step,
    .query = bft_query,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = BFT_MANIFEST_PRINT,
    .kind = BFT_KIND,
    .name = BFT_NAME,
    .version = BFT_VERSION,
    .life = &life,
    .slots = &slots.head,
};
