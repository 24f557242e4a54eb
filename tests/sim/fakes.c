/* SPDX-License-Identifier: MIT */

/* fakes.c: small plugins for tests play; engines may ask for what no engine should. */

#include "tests/test.h"

#include <string.h>

#include "kernel/sim/fake.h"
#include "tests/sim/cast.h"

bool cast_make(struct net *net, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    plugins->producer = qnk_fake_producer_make(&net->budget);
    plugins->ledger = qnk_fake_ledger_make(&net->budget);
    plugins->signature = qnk_fake_signature;
    if (is_first) {
        plugins->storage = qnk_fake_storage_make(&net->budget);
    }
    plugins->consensus = node < net->set->count
                             ? qnk_fake_engine_make(&net->budget, net->wrongs[node])
                             : (struct qnk_plugged){0};
    return true;
}

void cast_give(struct net *net, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    (void)net;
    (void)node;
    if (plugins->producer.inst != NULL) {
        qnk_fake_producer_give(plugins->producer);
        qnk_fake_ledger_give(plugins->ledger);
        if (plugins->consensus.inst != NULL) {
            qnk_fake_engine_give(plugins->consensus);
        }
        plugins->producer.inst = plugins->ledger.inst = plugins->consensus.inst = NULL;
    }
    if (is_last) {
        qnk_fake_storage_give(plugins->storage);
    }
}

void cast_bind(struct qnk_params *params)
{
    struct qnk_binding *engine = &params->bindings[QNK_BINDING_CONSENSUS];

    for (uint32_t i = 0; i <= QNK_BINDING_LEDGER; i++) {
        memcpy(params->bindings[i].name, "fake", 4);
        memcpy(params->bindings[i].version, "1.0", 3);
    }
    engine->steps[0] = QNK_STEP_PREPARE;
    engine->steps[1] = QNK_STEP_FINAL;
    engine->steps_count = 2;
}

/* The members are all that the ledger wants. */
uint64_t cast_genesis(const struct net *net, uint8_t *to)
{
    (void)net;
    (void)to;
    return 0;
}

uint64_t next_nonce(struct net *net, uint32_t node, uint32_t sender)
{
    return qnk_fake_ledger_next(net->plugins[node].ledger, net->senders[sender].bytes[0]);
}

bool cast_init(void)
{
    return true;
}
