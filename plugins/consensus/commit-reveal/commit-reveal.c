/* SPDX-License-Identifier: MIT */

/* commit-reveal.c: the default engine. Members commit to their result unseen, reveal it, and seal
 * what a quorum revealed; where that fails, rounds with a leader follow. Here is its life; what it
 * does is in rules.c. */

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "commit-reveal.manifest.h"
#include "rules.h"

_Static_assert(sizeof(struct qn_inst) <= COMMIT_REVEAL_MEMORY, "the manifest's memory");

/* --- life --- */

static int32_t refuse(const struct qn_host *host, struct qn_node *node, const char *why)
{
    return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, strlen(why)});
}

static int32_t commit_reveal_create(const struct qn_host *host, struct qn_node *node,
                                    struct qn_span config, struct qn_inst **inst)
{
    struct commit_reveal_config values = commit_reveal_config_read(config);
    struct qn_inst *self;

    if (values.commit_min > values.commit) {
        return refuse(host, node, "commit_min is longer than commit");
    }
    if (values.base > values.reveal || values.base > values.seal) {
        return refuse(host, node, "base is longer than reveal or seal");
    }
    self = host->take(node, sizeof *self);
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->window.host = host;
    self->times = (struct rules_times){
        .commit_ms = (uint32_t)values.commit,
        .commit_min_ms = (uint32_t)values.commit_min,
        .reveal_ms = (uint32_t)values.reveal,
        .seal_ms = (uint32_t)values.seal,
        .propose_ms = (uint32_t)values.propose,
        .propose_step_ms = (uint32_t)values.propose_step,
        .base_ms = (uint32_t)values.base,
        .step_ms = (uint32_t)values.step,
    };
    *inst = self;
    return QN_OK;
}

static void commit_reveal_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- slots --- */

static int32_t commit_reveal_step(struct qn_inst *self, const struct qn_event *const *batch,
                                  uint32_t batch_count, struct qn_effects *out)
{
    return qn_engine_step(&rules_engine, self, &self->window, batch, batch_count, out);
}

static int32_t commit_reveal_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                                   struct qn_sink *answer)
{
    (void)arg;
    return qn_engine_query(&rules_engine, self, &self->window, what, answer);
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = commit_reveal_create,
    .destroy = commit_reveal_destroy,
};

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = commit_reveal_step,
    .query = commit_reveal_query,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = COMMIT_REVEAL_MANIFEST_PRINT,
    .kind = COMMIT_REVEAL_KIND,
    .name = COMMIT_REVEAL_NAME,
    .version = COMMIT_REVEAL_VERSION,
    .life = &life,
    .slots = &slots.head,
};
