/* SPDX-License-Identifier: MIT */

#include "kernel/node/genesis.h"

#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/sink.h"
#include "kernel/base/text.h"
#include "kernel/chain/tags.h"
#include "kernel/node/guard.h"

void qnk_genesis_chain_id(const struct qnk_network *network, struct qnk_hash *chain_id)
{
    qnk_hash_tagged(QNK_TAG_NETWORK, network->canonical.data, network->canonical.size, chain_id);
}

enum { MEMBERS_CAP = 1 << 20 };

/* One key may have to make all blocks of a window before it is final, and some of them anew on
 * another parent. With fewer places in its sign guard the network would stop for ever. */
_Static_assert(QNK_GUARD_DUTIES_MAX >= 2 * QNK_NETWORK_WINDOW_MAX, "a window fits the sign guard");

static int32_t binding_make(const struct qnk_config_plugin *used, struct qnk_binding *binding)
{
    struct qn_span config = used->part.record;

    if (config.size > sizeof binding->config) {
        return QN_INVALID;
    }
    qnk_text(binding->name, sizeof binding->name, "%s", used->name);
    qnk_text(binding->version, sizeof binding->version, "%s", used->version);
    binding->config_size = (uint32_t)config.size;
    if (config.size > 0) {
        memcpy(binding->config, config.data, config.size);
    }
    return QN_OK;
}

int32_t qnk_genesis_params(const struct qnk_network *network, const struct qnk_manifest *consensus,
                           struct qnk_params *params)
{
    const struct qnk_config_plugin *used[QNK_CONTROL_BINDINGS] = {
        [QNK_BINDING_CONSENSUS] = network->consensus,
        [QNK_BINDING_PRODUCER] = network->producer,
        [QNK_BINDING_LEDGER] = network->ledger,
    };
    struct qnk_binding *engine = &params->bindings[QNK_BINDING_CONSENSUS];
    int32_t status = QN_OK;

    *params = (struct qnk_params){
        .genesis_time_ms = network->genesis_time_ms,
        .window = network->window,
        .interval_min_ms = network->interval_min_ms,
        .interval_max_ms = network->interval_max_ms,
        .block_txs = network->block_txs,
        .block_bytes = network->block_bytes,
        .settle_blocks = network->settle_blocks,
        .settle_ms = network->settle_ms,
        .swap =
            {
                .notice = network->swap_notice,
                .probation = network->swap_probation,
                .percent = network->swap_ready,
                .dead_ms = network->swap_dead_ms,
                .dead_later_ms = network->swap_dead_later_ms,
                .may_be_lockless = network->swap_lockless,
            },
    };
    qnk_genesis_chain_id(network, &params->chain_id);
    for (uint32_t i = 0; status == QN_OK && i < QNK_CONTROL_BINDINGS; i++) {
        status = binding_make(used[i], &params->bindings[i]);
    }
    if (consensus->steps_count > QNK_BINDING_STEPS_MAX) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < consensus->steps_count; i++) {
        engine->steps[i] = consensus->steps[i].id;
    }
    engine->steps_count = consensus->steps_count;
    return status;
}

int32_t qnk_genesis_tips(const struct qnk_network *network, const struct qnk_set *set,
                         struct qnk_hash *tips)
{
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t j = 0;

        while (j < network->validators_count &&
               !qnk_hash_equal(&network->validators[j].key, &set->members[i].key)) {
            j++;
        }
        if (j == network->validators_count) {
            return QN_INVALID;
        }
        tips[i] = network->validators[j].tip;
    }
    return QN_OK;
}

int32_t qnk_genesis_set(struct qnk_plugged ledger, struct qn_span genesis,
                        struct qnk_budget *budget, struct qnk_set **set)
{
    const struct qn_ledger_1 *slots = ledger.table;
    struct qn_sink members;
    int32_t status = slots->genesis(ledger.inst, 0, genesis);

    qnk_sink_init(&members, budget, MEMBERS_CAP);
    if (status == QN_OK) {
        status = slots->members(ledger.inst, 0, &members);
    }
    if (status == QN_OK) {
        status = qnk_set_decode(budget, qnk_sink_span(&members), set);
    }
    qnk_sink_done(&members);
    return status;
}
