/* SPDX-License-Identifier: MIT */

/* authority.c: an engine for a few trusted keys, in one round. Members offer what they have, and
 * approve once what a quorum offers. It tolerates crashes of less than a third of the weight; it
 * does not tolerate liars, nor votes lost for longer than `wait` while members see different
 * chains: either may stop it for good. It never makes two windows final while less than a third
 * lies, as that is the kernel's work. Here is its life; what it does is in rules.c. */

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "authority.manifest.h"
#include "rules.h"

_Static_assert(sizeof(struct qn_inst) <= AUTHORITY_MEMORY, "the manifest's memory");

/* --- life --- */

static int32_t authority_create(const struct qn_host *host, struct qn_node *node,
                                struct qn_span config, struct qn_inst **inst)
{
    static const char words[] = "authority tolerates crashes of less than a third of the weight, "
                                "and no liars: a lie may stop the chain for good";
    struct authority_config values = authority_config_read(config);
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->window.host = host;
    self->node = node;
    self->wait_ms = (uint64_t)values.wait;
    self->retry_ms = (uint64_t)values.retry;
    host->log(node, 1, (struct qn_span){(const uint8_t *)words, sizeof words - 1});
    *inst = self;
    return QN_OK;
}

static void authority_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- slots --- */

static int32_t authority_step(struct qn_inst *self, const struct qn_event *const *batch,
                              uint32_t batch_count, struct qn_effects *out)
{
    return qn_engine_step(&rules_engine, self, &self->window, batch, batch_count, out);
}

static int32_t authority_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                               struct qn_sink *answer)
{
    (void)arg;
    return qn_engine_query(&rules_engine, self, &self->window, what, answer);
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = authority_create,
    .destroy = authority_destroy,
};

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = authority_step,
    .query = authority_query,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = AUTHORITY_MANIFEST_PRINT,
    .kind = AUTHORITY_KIND,
    .name = AUTHORITY_NAME,
    .version = AUTHORITY_VERSION,
    .life = &life,
    .slots = &slots.head,
};
