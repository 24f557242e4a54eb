/* SPDX-License-Identifier: MIT */

/* world.c: machines that live and die, and the time in which things happen to them. */

#include "kernel/sim/world.h"

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/sim/inside.h"

/* --- happenings --- */

struct happening *qnk_happening_new(struct qnk_world *world, uint32_t node, uint32_t what,
                                    uint64_t at_us)
{
    struct happening *happening = world->spare;

    if (happening != NULL) {
        world->spare = happening->mine_next;
        *happening = (struct happening){0};
    } else {
        happening = qnk_memory_take(world->budget, sizeof *happening);
        QN_ASSERT(happening != NULL);
    }
    happening->queued.at_us = at_us < world->now_us ? world->now_us : at_us;
    happening->what = what;
    happening->node = node;
    happening->life = node == NOBODY ? 0 : world->machines[node].life;
    return happening;
}

void qnk_happening_push(struct qnk_world *world, struct happening *happening)
{
    qnk_queue_push(&world->queue, &happening->queued);
}

void qnk_happening_own(struct qnk_world *world, struct happening *happening)
{
    struct machine *machine = &world->machines[happening->node];

    happening->mine_of = &machine->mine;
    happening->mine_next = machine->mine;
    if (machine->mine != NULL) {
        machine->mine->mine_of = &happening->mine_next;
    }
    machine->mine = happening;
}

static bool is_deed(const struct happening *happening)
{
    return happening->what == ACT_STORED || happening->what == ACT_SIGNED ||
           happening->what == ACT_LOGGED || happening->what == ACT_WINDOW ||
           happening->what == ACT_SECRETS || happening->what == ACT_CHECKED;
}

static void deed_give(struct qnk_world *world, struct deed *deed)
{
    struct qnk_effects one = {.list = &deed->effect, .count = 1};

    qnk_effects_reset(&one);
    qnk_memory_give(world->budget, deed, sizeof *deed);
}

/* Gives back what it holds. */
static void happening_empty(struct qnk_world *world, struct happening *happening)
{
    if (happening->mine_of != NULL) {
        *happening->mine_of = happening->mine_next;
        if (happening->mine_next != NULL) {
            happening->mine_next->mine_of = happening->mine_of;
        }
        happening->mine_of = NULL;
    }
    if (happening->what == ACT_FRAME) {
        qnk_buf_unref(happening->frame.buf);
        happening->frame.buf = NULL;
    } else if (happening->what == ACT_JOB) {
        qnk_job_destroy(happening->job);
        happening->job = NULL;
    } else if (is_deed(happening) && happening->deed != NULL) {
        deed_give(world, happening->deed);
        happening->deed = NULL;
    }
}

static void happening_give(struct qnk_world *world, struct happening *happening)
{
    happening_empty(world, happening);
    happening->mine_next = world->spare;
    world->spare = happening;
}

static struct happening *happening_pop(struct qnk_world *world)
{
    return (struct happening *)(void *)qnk_queue_pop(&world->queue);
}

/* --- the world --- */

/* Two machines may have one validator's key; as peers they are two. */
static void peer_key_make(struct machine *machine, uint32_t i)
{
    uint8_t number[4];
    struct qn_span parts[] = {{machine->public.bytes, QN_HASH_SIZE}, {number, sizeof number}};

    qn_le32_write(number, i);
    qnk_hash_parts("qnet/sim/peer", parts, 2, &machine->peer_key);
}

static bool machine_init(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];
    const struct qnk_world_setup *setup = &world->setup;

    machine->secret = qnk_memory_take(world->budget, sizeof *machine->secret);
    if (machine->secret == NULL) {
        return false;
    }
    if (setup->secrets != NULL) {
        *machine->secret = setup->secrets[i];
    } else {
        qnk_secret_init(machine->secret, setup->seeds[i]);
    }
    crypto_sign_seed_keypair(machine->public.bytes, machine->key, setup->seeds[i]);
    if (setup->names != NULL) {
        machine->public = setup->names[i];
    }
    peer_key_make(machine, i);
    machine->oscillator_us = machine->counted_us = setup->start_us;
    machine->cpu_permille = 1000;
    machine->limits = world->setup.limits;
    machine->resend_ms = world->setup.resend_ms;
    return true;
}

static bool world_fill(struct qnk_world *world)
{
    const struct qnk_world_setup *setup = &world->setup;
    const struct qnk_links_setup links = {
        .seed = setup->seed,
        .nodes = setup->nodes,
        .delay_us = setup->delay_us,
        .regions = setup->regions,
        .bandwidths = setup->bandwidths,
    };
    const struct qnk_link_faults faults = {
        .loss_permille = setup->loss_permille,
        .mangle_permille = setup->mangle_permille,
    };

    world->machines = qnk_memory_take(world->budget, setup->nodes * sizeof *world->machines);
    world->links = qnk_links_create(world->budget, &links);
    world->is_near = qnk_memory_take(world->budget, setup->nodes);
    if (world->machines == NULL || world->links == NULL || world->is_near == NULL) {
        return false;
    }
    qnk_wires_plan(world);
    (void)qnk_links_faults(world->links, world->now_us, &faults);
    for (uint32_t i = 0; i < setup->nodes; i++) {
        if (!machine_init(world, i)) {
            return false;
        }
    }
    return true;
}

struct qnk_world *qnk_world_create(struct qnk_budget *budget, const struct qnk_world_setup *setup)
{
    struct qnk_world *world = qnk_memory_take(budget, sizeof *world);

    QN_ASSERT(setup->nodes > 0 && setup->nodes <= QNK_WORLD_NODES_MAX);
    if (world == NULL) {
        return NULL;
    }
    world->budget = budget;
    world->setup = *setup;
    world->now_us = setup->start_us;
    qnk_stream_init(&world->random, setup->seed, "machines", 0);
    qnk_stream_init(&world->mangle, setup->seed, "mangle", 0);
    qnk_queue_init(&world->queue, budget, setup->order);
    if (!world_fill(world)) {
        qnk_world_destroy(world);
        return NULL;
    }
    return world;
}

static void switch_off(struct qnk_world *world, uint32_t i, bool is_last)
{
    struct machine *machine = &world->machines[i];

    if (!machine->is_on) {
        return;
    }
    if (!is_last) {
        qnk_writes_stop(world, i);
    }
    machine->is_on = false;
    machine->life++;
    qnk_effects_done(&machine->effects);
    while (machine->mine != NULL) {
        happening_empty(world, machine->mine); /* the rest of it waits for its time */
    }
    qnk_node_destroy(machine->node);
    machine->node = NULL;
    qnk_machine_needs_drop(world, i);
    world->setup.maker.give(world->setup.maker.ctx, i, is_last, &machine->plugins);
    if (!is_last) {
        qnk_watch_stopped(world, i);
    }
}

static void machine_done(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];

    if (machine->is_on) {
        switch_off(world, i, true);
    } else if (machine->was_on) {
        world->setup.maker.give(world->setup.maker.ctx, i, true, &machine->plugins);
    }
    if (machine->was_on) {
        qnk_drive_done(&machine->drive);
    }
    machine->was_on = false;
}

void qnk_world_destroy(struct qnk_world *world)
{
    if (world == NULL) {
        return;
    }
    for (uint32_t i = 0; world->machines != NULL && i < world->setup.nodes; i++) {
        machine_done(world, i);
        qnk_memory_give(world->budget, world->machines[i].secret, sizeof(struct qnk_secret));
    }
    for (struct happening *at; (at = happening_pop(world)) != NULL;) {
        happening_give(world, at);
    }
    while (world->spare != NULL) {
        struct happening *spare = world->spare;

        world->spare = spare->mine_next;
        qnk_memory_give(world->budget, spare, sizeof *spare);
    }
    qnk_queue_done(&world->queue);
    qnk_links_destroy(world->links);
    qnk_memory_give(world->budget, world->is_near, world->setup.nodes);
    qnk_memory_give(world->budget, world->machines, world->setup.nodes * sizeof *world->machines);
    qnk_memory_give(world->budget, world, sizeof *world);
}

/* --- starting and crashing --- */

struct starting {
    struct qnk_world *world;
    uint32_t node;
};

static void restored(void *ctx, struct qnk_event *event)
{
    struct starting *starting = ctx;

    (void)qnk_machine_step(starting->world, starting->node, event);
}

static bool make_node(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];
    const struct qnk_world_setup *setup = &world->setup;
    struct qnk_setup own = {
        .params = setup->params,
        .limits = machine->limits,
        .type = setup->types == NULL ? QNK_NODE_SUPER : setup->types[i],
        .resend_ms = machine->resend_ms,
        .seed = setup->seed * 1000 + i,
        .has_validator = setup->types == NULL || setup->types[i] == QNK_NODE_SUPER,
        .validator = machine->public,
        .genesis_set = setup->set,
        .tips = setup->tips,
        .producer = machine->plugins.producer,
        .consensus = machine->plugins.consensus,
    };

    return qnk_node_create(&own, &machine->node) == QN_OK;
}

static void machine_on(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];

    qnk_effects_init(&machine->effects, world->budget);
    if (!machine->was_on) {
        qnk_drive_init(&machine->drive, world->budget, machine->plugins.storage, world->setup.seed,
                       i);
    }
    machine->is_on = true;
    machine->was_on = true;
    machine->is_halted = false;
    machine->is_cut = false;
    machine->status = QN_OK;
    machine->why[0] = '\0';
    machine->writes_left = UINT32_MAX;
    machine->paused_until_us = 0;
    memset(machine->timers, 0, sizeof machine->timers);
    memset(machine->cpu_free_us, 0, sizeof machine->cpu_free_us);
    machine->ledger_free_us = machine->ledger_last_us = 0;
    qnk_machine_clock_start(world, machine);
}

/* From the disk to the node, as the live host does it. */
static int32_t machine_restore(struct qnk_world *world, uint32_t i, bool is_first)
{
    const struct qnk_world_maker *maker = &world->setup.maker;
    struct machine *machine = &world->machines[i];
    struct starting starting = {world, i};
    struct qnk_event start = {.type = QNK_EVENT_START};
    bool has_guard = false;
    int32_t status =
        qnk_store_open(&machine->store, world->budget, qnk_drive_plugged(&machine->drive), true);

    if (status == QN_OK && is_first && maker->furnish != NULL) {
        status = maker->furnish(maker->ctx, i, &machine->store);
    }
    if (status == QN_OK) {
        status = qnk_store_load_ledger(&machine->store, LANE, machine->plugins.ledger,
                                       world->setup.genesis);
    }
    if (status == QN_OK) {
        status = qnk_store_restore(&machine->store, LANE, restored, &starting, &has_guard);
    }
    if (status == QN_OK) {
        start.start.signing = has_guard            ? QNK_SIGNING_RESTORED
                              : machine->is_marked ? QNK_SIGNING_LOST
                                                   : QNK_SIGNING_FRESH;
        (void)qnk_machine_step(world, i, &start);
        status = qnk_store_restore_txs(&machine->store, LANE, restored, &starting);
    }
    return status;
}

void qnk_world_set(struct qnk_world *world, uint32_t node, const struct qnk_limits *limits,
                   uint32_t resend_ms)
{
    world->machines[node].limits = *limits;
    world->machines[node].resend_ms = resend_ms;
}

bool qnk_world_start(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];
    bool is_first = !machine->was_on;
    bool is_made = world->setup.maker.make(world->setup.maker.ctx, i, is_first, &machine->plugins);
    int32_t status;

    QN_ASSERT(!machine->is_on && is_made);
    is_made = make_node(world, i);
    QN_ASSERT(is_made);
    machine_on(world, i);
    qnk_watch_started(world, i);
    status = machine_restore(world, i, is_first);
    if (status != QN_OK) {
        qnk_machine_fail(world, i, status, "what the node kept", machine->store.why);
        return false;
    }
    for (uint32_t j = 0; j < world->setup.nodes; j++) {
        if (world->machines[j].is_on && qnk_wires_are_near(world, i, j)) {
            qnk_wires_break(world, i, j, HELLO_US);
        }
    }
    return true;
}

void qnk_world_crash(struct qnk_world *world, uint32_t i)
{
    qnk_wires_drop(world, i);
    switch_off(world, i, false);
}

void qnk_world_wipe(struct qnk_world *world, uint32_t i)
{
    QN_ASSERT(!world->machines[i].is_on);
    machine_done(world, i);
}

void qnk_world_cut(struct qnk_world *world, uint32_t i, uint32_t writes)
{
    world->machines[i].writes_left = writes;
}

bool qnk_world_is_cut(const struct qnk_world *world, uint32_t i)
{
    return world->machines[i].is_cut;
}

uint64_t qnk_world_mangled_us(const struct qnk_world *world, uint32_t i)
{
    return world->machines[i].mangled_us;
}

/* --- running --- */

/* A frame's link is not part of it: mangled frames have the same. */
static void trace_add(struct qnk_world *world, const struct happening *at)
{
    uint8_t place[32];
    struct qn_span parts[] = {
        {world->trace.bytes, QN_HASH_SIZE},
        {place, sizeof place},
        {at->frame.digest.bytes, QN_HASH_SIZE},
    };

    qn_le64_write(place, at->queued.at_us);
    qn_le32_write(place + 8, at->node);
    qn_le32_write(place + 12, at->what);
    qn_le64_write(place + 16, 0);
    qn_le32_write(place + 24, at->from);
    qn_le32_write(place + 28, at->life);
    if (at->what == ACT_FRAME) {
        qn_le32_write(place + 16, at->frame.head.type);
        qn_le32_write(place + 20, at->frame.head.request);
    } else if (at->what == ACT_TIMER) {
        qn_le32_write(place + 16, at->timer.id);
    } else if (at->what == ACT_JOB) {
        qn_le32_write(place + 16, at->job->kind);
    }
    qnk_hash_parts("", parts, at->what == ACT_FRAME ? 3 : 2, &world->trace);
}

static void frame_happen(struct qnk_world *world, struct happening *at)
{
    struct qnk_event event = {.type = QNK_EVENT_FRAME};

    if (qnk_links_number(world->links, at->from, at->node) == at->frame.link) {
        event.frame.peer = at->from + 1;
        event.frame.head = at->frame.head;
        event.frame.buf = at->frame.buf;
        if (at->frame.is_mangled) {
            world->machines[at->node].mangled_us = world->now_us;
        }
        (void)qnk_machine_step(world, at->node, &event);
    }
}

static void timer_happen(struct qnk_world *world, struct happening *at)
{
    struct machine *machine = &world->machines[at->node];
    struct qnk_event event = {.type = QNK_EVENT_TIMER, .timer = at->timer.id};

    if (machine->timers[at->timer.id] == at->timer.token && qnk_machine_is_due(world, at)) {
        machine->timers[at->timer.id] = 0;
        (void)qnk_machine_step(world, at->node, &event);
    }
}

/* The node gets its job back, unless it ended in the meantime. */
static void job_happen(struct qnk_world *world, struct happening *at)
{
    struct qnk_event event = {.type = QNK_EVENT_JOB, .job = at->job};

    if (qnk_machine_step(world, at->node, &event)) {
        at->job = NULL;
    }
}

/* What was to be written is; the node hears how it went, and if it went wrong ends. */
static void deed_happen(struct qnk_world *world, struct happening *at)
{
    struct machine *machine = &world->machines[at->node];
    int32_t status = at->what == ACT_SECRETS ? QN_OK : qnk_writes_do(world, at);
    struct qnk_event event = at->deed->event;

    if (machine->is_cut) {
        return;
    }
    if (at->what == ACT_SIGNED && status == QN_OK) {
        qnk_machine_sign(world, at->node, at->deed->effect.sign, event.sign.signature);
    }
    if (at->what != ACT_LOGGED) {
        (void)qnk_machine_step(world, at->node, &event);
    }
    if (status != QN_OK) {
        qnk_machine_fail(world, at->node, status, qnk_writes_words(at), machine->store.why);
    }
}

/* What was read of the disk when it was asked for. */
static void checked_happen(struct qnk_world *world, struct happening *at)
{
    struct deed *deed = at->deed;
    struct qn_span header = {deed->rotten, deed->has_rotten ? sizeof deed->rotten : 0};
    struct qnk_event event = deed->event;

    if (event.type == QNK_EVENT_CHECKED) {
        event.checked.header = header;
    } else {
        event.rotten.header = header;
    }
    (void)qnk_machine_step(world, at->node, &event);
}

static void silent_happen(struct qnk_world *world, const struct happening *at)
{
    if (qnk_links_number(world->links, at->from, at->node) == at->frame.link) {
        qnk_wires_break(world, at->from, at->node, HELLO_US);
    }
}

static void happen(struct qnk_world *world, struct happening *at)
{
    struct qnk_event event = {.type = QNK_EVENT_PEER_DOWN};

    switch ((enum action)at->what) {
    case ACT_FRAME:
        frame_happen(world, at);
        break;
    case ACT_TIMER:
        timer_happen(world, at);
        break;
    case ACT_JOB:
        job_happen(world, at);
        break;
    case ACT_STORED:
    case ACT_SIGNED:
    case ACT_LOGGED:
    case ACT_WINDOW:
    case ACT_SECRETS:
        deed_happen(world, at);
        break;
    case ACT_CHECKED:
        checked_happen(world, at);
        break;
    case ACT_UP:
        qnk_wires_up(world, at->node, at->from);
        break;
    case ACT_DOWN:
        event.peer.peer = at->from + 1;
        (void)qnk_machine_step(world, at->node, &event);
        break;
    case ACT_PLUG:
        qnk_machine_plug(world, at);
        break;
    case ACT_SILENT:
        silent_happen(world, at);
        break;
    case ACT_CALL:
        at->call.call(at->call.ctx, world);
        break;
    }
}

/* Whether it still has somebody to happen to. */
static bool is_live(const struct qnk_world *world, const struct happening *at)
{
    return at->node == NOBODY ||
           (is_alive(&world->machines[at->node]) && world->machines[at->node].life == at->life);
}

void qnk_world_pause(struct qnk_world *world, uint32_t node, uint64_t until_us)
{
    world->machines[node].paused_until_us = until_us;
}

void qnk_world_run(struct qnk_world *world, uint64_t until_us)
{
    for (const struct qnk_queued *first;
         (first = qnk_queue_first(&world->queue)) != NULL && first->at_us <= until_us;) {
        struct happening *at = happening_pop(world);

        world->now_us = at->queued.at_us;
        if (is_live(world, at) && at->node != NOBODY &&
            world->machines[at->node].paused_until_us > world->now_us) {
            at->queued.at_us = world->machines[at->node].paused_until_us;
            qnk_happening_push(world, at);
            continue;
        }
        if (is_live(world, at)) {
            if (at->what == ACT_FRAME && !qnk_wires_receive(world, at)) {
                continue; /* it is in the queue again */
            }
            trace_add(world, at);
            happen(world, at);
        }
        happening_give(world, at);
    }
    world->now_us = until_us > world->now_us ? until_us : world->now_us;
}

void qnk_world_at(struct qnk_world *world, uint64_t at_us, qnk_world_call *call, void *ctx)
{
    struct happening *later = qnk_happening_new(world, NOBODY, ACT_CALL, at_us);

    later->call.call = call;
    later->call.ctx = ctx;
    qnk_happening_push(world, later);
}

void qnk_world_submit(struct qnk_world *world, uint32_t node, struct qn_span txs)
{
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT};

    event.submit.token = ++world->generation;
    event.submit.txs = qnk_buf_copy(world->budget, txs);
    QN_ASSERT(event.submit.txs != NULL);
    (void)qnk_machine_step(world, node, &event);
    qnk_buf_unref(event.submit.txs);
}

void qnk_world_control(struct qnk_world *world, uint32_t node, uint32_t what)
{
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    event.control.what = what;
    (void)qnk_machine_step(world, node, &event);
}

/* --- looking --- */

uint64_t qnk_world_now(const struct qnk_world *world)
{
    return world->now_us;
}

uint64_t qnk_world_events(const struct qnk_world *world)
{
    return world->events;
}

uint64_t qnk_world_step_max_ns(const struct qnk_world *world, uint32_t *node)
{
    *node = world->step_max_node;
    return world->step_max_ns;
}

void qnk_world_trace(const struct qnk_world *world, struct qnk_hash *trace)
{
    *trace = world->trace;
}

struct qnk_node *qnk_world_node(struct qnk_world *world, uint32_t node)
{
    return world->machines[node].is_halted ? NULL : world->machines[node].node;
}

const uint8_t *qnk_world_key(const struct qnk_world *world, uint32_t node)
{
    return world->machines[node].key;
}

struct qnk_store *qnk_world_store(struct qnk_world *world, uint32_t node)
{
    return &world->machines[node].store;
}

struct qnk_drive *qnk_world_drive(struct qnk_world *world, uint32_t node)
{
    return world->machines[node].was_on ? &world->machines[node].drive : NULL;
}

int32_t qnk_world_status(const struct qnk_world *world, uint32_t node)
{
    return world->machines[node].status;
}

const char *qnk_world_why(const struct qnk_world *world, uint32_t node)
{
    return world->machines[node].why;
}
