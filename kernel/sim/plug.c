/* SPDX-License-Identifier: MIT */

/* plug.c: plugins that a node needs while it runs: its machine asks the world's maker, which has an
 * instance or has none yet; what there is none of may be asked for again. */

#include "kernel/sim/inside.h"

enum { PLUG_US = 1000 }; /* to load a plugin and to make an instance */

static struct qnk_need **need_find(struct machine *machine, uint32_t kind, uint32_t number)
{
    for (uint32_t i = 0; i < NEEDS_MAX; i++) {
        struct qnk_need *it = machine->needs[i];

        if (it != NULL && it->kind == kind && it->binding.number == number) {
            return &machine->needs[i];
        }
    }
    return NULL;
}

static void plug_later(struct qnk_world *world, uint32_t i, const struct qnk_need *need)
{
    struct happening *later = qnk_happening_new(world, i, ACT_PLUG, world->now_us + PLUG_US);

    later->plug.kind = need->kind;
    later->plug.number = need->binding.number;
    qnk_happening_push(world, later);
}

void qnk_machine_need(struct qnk_world *world, uint32_t i, const struct qnk_need *need)
{
    struct machine *machine = &world->machines[i];

    for (uint32_t j = 0; j < NEEDS_MAX; j++) {
        if (machine->needs[j] == NULL) {
            machine->needs[j] = qnk_memory_take(world->budget, sizeof *need);
            QN_ASSERT(machine->needs[j] != NULL);
            *machine->needs[j] = *need;
            plug_later(world, i, need);
            return;
        }
    }
}

static void need_drop(struct qnk_world *world, struct qnk_need **need)
{
    qnk_memory_give(world->budget, *need, sizeof **need);
    *need = NULL;
}

void qnk_machine_unplug(struct qnk_world *world, uint32_t i, uint32_t kind, uint32_t number)
{
    const struct qnk_world_maker *maker = &world->setup.maker;
    struct qnk_need **need = need_find(&world->machines[i], kind, number);

    if (need != NULL) {
        need_drop(world, need);
    }
    if (maker->unplug != NULL) {
        maker->unplug(maker->ctx, i, kind, number);
    }
}

void qnk_machine_needs_drop(struct qnk_world *world, uint32_t i)
{
    for (uint32_t j = 0; j < NEEDS_MAX; j++) {
        if (world->machines[i].needs[j] != NULL) {
            need_drop(world, &world->machines[i].needs[j]);
        }
    }
}

void qnk_machine_plug(struct qnk_world *world, const struct happening *at)
{
    static const char none[] = "no such file";
    const struct qnk_world_maker *maker = &world->setup.maker;
    struct qnk_need **need = need_find(&world->machines[at->node], at->plug.kind, at->plug.number);
    struct qnk_event event = {
        .type = QNK_EVENT_PLUGGED,
        .plugged = {.kind = at->plug.kind, .number = at->plug.number, .status = QN_NOT_FOUND},
    };

    if (need == NULL) {
        return;
    }
    if (maker->plug != NULL && maker->plug(maker->ctx, at->node, *need, &event.plugged.instance)) {
        event.plugged.status = QN_OK;
        need_drop(world, need);
    } else {
        event.plugged.words = (struct qn_span){(const uint8_t *)none, sizeof none - 1};
    }
    (void)qnk_machine_step(world, at->node, &event);
}

void qnk_world_plug(struct qnk_world *world, uint32_t i)
{
    for (uint32_t j = 0; j < NEEDS_MAX; j++) {
        if (world->machines[i].needs[j] != NULL) {
            plug_later(world, i, world->machines[i].needs[j]);
        }
    }
}

void qnk_world_propose(struct qnk_world *world, uint32_t i, uint8_t kind, struct qn_span payload)
{
    struct qnk_event event = {
        .type = QNK_EVENT_PROPOSE,
        .propose = {.kind = kind, .payload = payload},
    };

    (void)qnk_machine_step(world, i, &event);
}

void qnk_world_abandon(struct qnk_world *world, uint32_t i)
{
    struct qnk_event event = {.type = QNK_EVENT_ABANDON};

    (void)qnk_machine_step(world, i, &event);
}
