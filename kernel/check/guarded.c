/* SPDX-License-Identifier: MIT */

#include "kernel/check/guarded.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "kernel/check/verdict.h"
#include "kernel/plugin/instance_own.h"

/* What stands around each instance. The guard needs of it the plugin, the life and a heap. */
static struct qnk_instance instances[QNK_GUARDED_INSTANCES_MAX];
static uint32_t instances_count; /* places that were ever used */
static char broken[128];         /* what an instance that ended had broken */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct qnk_budget heap = {.limit = SIZE_MAX};
static struct qnk_plugin *loaded;
static struct qn_plugin guarded;
static struct qn_life guarded_life;

/* The instance whose guard callers take for the plugin's own. */
static struct qnk_instance *instance_of(const struct qn_inst *inst)
{
    for (uint32_t i = 0; i < instances_count; i++) {
        if ((const void *)instances[i].guard == (const void *)inst) {
            return &instances[i];
        }
    }
    qnk_verdict_fail("an instance is used that was destroyed");
}

/* Remembers what an instance broke. */
static void words_take(const struct qn_node *node)
{
    if (atomic_load(&node->faults) > 0) {
        (void)snprintf(broken, sizeof broken, "QN-GRD-%03u in %s()", node->fault_rule,
                       node->fault_slot);
    }
}

static struct qnk_instance *instance_new(void)
{
    struct qnk_instance *it = NULL;

    (void)pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < instances_count && it == NULL; i++) {
        it = instances[i].guard == NULL ? &instances[i] : NULL;
    }
    if (it == NULL && instances_count < QNK_GUARDED_INSTANCES_MAX) {
        it = &instances[instances_count++];
    }
    (void)pthread_mutex_unlock(&lock);
    return it;
}

static int32_t guarded_create(const struct qn_host *host, struct qn_node *node,
                              struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *own = NULL;
    int32_t status = loaded->life.create(host, node, config, &own);
    struct qnk_instance *it;

    if (status != QN_OK) {
        return status;
    }
    it = instance_new();
    if (it == NULL) {
        loaded->life.destroy(own);
        return QN_NO_SPACE;
    }
    it->plugin = loaded;
    it->inst = own;
    it->node.plugin = loaded;
    it->node.heap = &heap;
    atomic_store(&it->life, QNK_LIFE_CREATED);
    it->guard = qnk_guarded_create(it, QNK_GUARD_FULL);
    if (it->guard == NULL) {
        loaded->life.destroy(own);
        return QN_NO_SPACE;
    }
    *inst = (void *)it->guard;
    return QN_OK;
}

static int32_t move(struct qn_inst *inst, int32_t (*slot)(struct qn_inst *), enum qnk_life to)
{
    struct qnk_instance *it = instance_of(inst);
    int32_t status = slot(it->inst);

    if (status == QN_OK) {
        atomic_store(&it->life, (uint32_t)to);
    }
    return status;
}

static int32_t guarded_activate(struct qn_inst *inst)
{
    return move(inst, loaded->life.activate, QNK_LIFE_ACTIVE);
}

static int32_t guarded_freeze(struct qn_inst *inst)
{
    return move(inst, loaded->life.freeze, QNK_LIFE_FROZEN);
}

static int32_t guarded_thaw(struct qn_inst *inst)
{
    return move(inst, loaded->life.thaw, QNK_LIFE_ACTIVE);
}

static int32_t guarded_reconfigure(struct qn_inst *inst, struct qn_span config, uint32_t step)
{
    return loaded->life.reconfigure(instance_of(inst)->inst, config, step);
}

static void guarded_destroy(struct qn_inst *inst)
{
    struct qnk_instance *it = instance_of(inst);

    loaded->life.destroy(it->inst);
    words_take(&it->node);
    qnk_guarded_destroy(it->guard);
    memset(it, 0, sizeof *it);
}

static const void *guarded_extension(struct qn_inst *inst, const char *id)
{
    return loaded->life.extension(instance_of(inst)->inst, id);
}

const struct qn_plugin *qnk_guarded_plugin(const struct qnk_subject *subject)
{
    loaded = subject->loaded;
    guarded_life = (struct qn_life){
        .head = loaded->life.head,
        .create = guarded_create,
        .activate = guarded_activate,
        .freeze = guarded_freeze,
        .thaw = guarded_thaw,
        .reconfigure = guarded_reconfigure,
        .destroy = guarded_destroy,
        .extension = guarded_extension,
    };
    guarded = subject->plugin;
    guarded.life = &guarded_life;
    guarded.slots = loaded->kind->guarded;
    return &guarded;
}

const char *qnk_guarded_words(void)
{
    for (uint32_t i = 0; i < instances_count; i++) {
        words_take(&instances[i].node);
    }
    return broken;
}
