/* SPDX-License-Identifier: MIT */

#include "kernel/sim/world.h"

#include <sodium.h>

#include <qnet/assert.h>

#include "kernel/base/clock.h"
#include "kernel/base/random.h"

enum {
    JOB_US = 300,   /* a job's time, whatever it does */
    STORE_US = 800, /* of a durable write */
    SIGN_US = 1000,
    WINDOW_US = 4000,      /* until a final window is durable */
    HELLO_US = 2000,       /* until a link is up */
    SILENCE_US = 20000000, /* a host that hears nothing for so long drops the link */
    QUEUE_FIRST = 4096,
    LANE = 0, /* of every plugin call: there is one thread */
};

enum action {
    ACT_FRAME,
    ACT_TIMER,
    ACT_JOB,
    ACT_STORED,
    ACT_SIGNED,
    ACT_LOGGED, /* written, and nobody waits for it */
    ACT_WINDOW,
    ACT_SECRETS,
    ACT_UP,
    ACT_DOWN,
    ACT_SILENT, /* nothing was heard from the other for too long */
    ACT_CALL,   /* of whoever runs the world */
};

enum { NOBODY = UINT32_MAX };

/* Something that will happen to a node. */
struct happening {
    uint64_t at_us;
    uint64_t seq;  /* order among equals */
    uint32_t what; /* enum action */
    uint32_t node;
    uint32_t life;   /* of the node: an older one's happenings are void */
    uint32_t from;   /* FRAME, UP, DOWN: the other node */
    uint64_t link;   /* FRAME: of this link */
    uint64_t token;  /* TIMER: its generation */
    uint64_t due_us; /* TIMER: by the node's clock */
    uint32_t timer;
    qnk_world_call *call;
    void *ctx;
    struct qnk_frame head;
    struct qn_buf *buf;
    struct qnk_job *job;
    struct qnk_event event;   /* STORED, SIGNED, WINDOW, SECRETS */
    struct qnk_effect effect; /* STORED, SIGNED, WINDOW, LOGGED: what is written when it happens */
    bool is_written;
};

struct machine {
    bool is_on;
    bool was_on;
    bool is_clock_held; /* its clock was set: it was told to hold */
    bool is_halted;
    bool is_cut;          /* without power, and nobody knows yet */
    uint32_t writes_left; /* until then; UINT32_MAX: no end */
    uint32_t life;
    struct qnk_node *node;
    struct qnk_world_plugins plugins;
    struct qnk_store store;
    struct qnk_secret *secret;
    uint8_t key[crypto_sign_SECRETKEYBYTES];
    struct qnk_hash public;
    struct qnk_hash peer_key;
    struct qnk_clock clock;
    uint64_t oscillator_us; /* what its own oscillator counted, up to... */
    uint64_t counted_us;    /* ...this time of the world */
    int64_t offset_us;      /* of its real clock to what is counted */
    int32_t drift_ppm;
    uint64_t timers[QNK_TIMERS]; /* generation that counts */
    struct qnk_effects effects;
    uint64_t answers[QNK_TX_CODES];
    uint64_t log_free_us;  /* when the writer of logs is idle again */
    uint64_t maps_free_us; /* and that of maps */
};

/* One direction of a link: frames arrive in order. */
struct wire {
    uint64_t link; /* number; 0: down */
    uint64_t free_us;
    bool is_cut;
    bool is_gapped; /* something was lost on a link that is still up */
};

struct qnk_world {
    struct qnk_budget *budget;
    struct qnk_world_setup setup;
    struct qnk_random random;
    struct machine *machines;
    struct wire *wires;       /* [from * nodes + to] */
    struct happening **queue; /* heap */
    uint32_t queue_count, queue_room;
    uint64_t now_us;
    uint64_t seq;
    uint64_t links;
    uint64_t generation;
    uint64_t events;
    struct qnk_hash trace;
    struct qnk_watch watches[QNK_WATCHES_MAX];
    uint32_t watches_count;
    bool is_stepping;
};

/* --- the queue --- */

static bool is_sooner(const struct happening *a, const struct happening *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

static void queue_grow(struct qnk_world *world)
{
    uint32_t room = world->queue_room == 0 ? QUEUE_FIRST : world->queue_room * 2;
    struct happening **queue = qnk_memory_take(world->budget, room * sizeof *queue);

    QN_ASSERT(queue != NULL);
    if (world->queue_count > 0) {
        memcpy(queue, world->queue, world->queue_count * sizeof *queue);
    }
    qnk_memory_give(world->budget, world->queue, world->queue_room * sizeof *queue);
    world->queue = queue;
    world->queue_room = room;
}

static void queue_push(struct qnk_world *world, struct happening *happening)
{
    uint32_t at = world->queue_count;

    if (at == world->queue_room) {
        queue_grow(world);
    }
    world->queue_count++;
    while (at > 0 && is_sooner(happening, world->queue[(at - 1) / 2])) {
        world->queue[at] = world->queue[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->queue[at] = happening;
}

static struct happening *queue_pop(struct qnk_world *world)
{
    struct happening *first = world->queue[0];
    struct happening *last = world->queue[--world->queue_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < world->queue_count &&
            is_sooner(world->queue[child + 1], world->queue[child])) {
            child++;
        }
        if (child >= world->queue_count || !is_sooner(world->queue[child], last)) {
            break;
        }
        world->queue[at] = world->queue[child];
        at = child;
    }
    if (world->queue_count > 0) {
        world->queue[at] = last;
    }
    return first;
}

/* A happening for `node` as it lives now, `after_us` from now. */
static struct happening *happening_new(struct qnk_world *world, uint32_t node, uint32_t what,
                                       uint64_t at_us)
{
    struct happening *happening = qnk_memory_take(world->budget, sizeof *happening);

    QN_ASSERT(happening != NULL);
    happening->at_us = at_us < world->now_us ? world->now_us : at_us;
    happening->seq = ++world->seq;
    happening->what = what;
    happening->node = node;
    happening->life = node == NOBODY ? 0 : world->machines[node].life;
    return happening;
}

/* What a happening holds of its node's memory. */
static void happening_empty(struct happening *happening)
{
    struct qnk_effects one = {.list = &happening->effect, .count = 1};

    qnk_effects_reset(&one);
    qnk_buf_unref(happening->buf);
    qnk_job_destroy(happening->job);
    happening->effect = (struct qnk_effect){0};
    happening->buf = NULL;
    happening->job = NULL;
}

static void happening_give(struct qnk_world *world, struct happening *happening)
{
    happening_empty(happening);
    qnk_memory_give(world->budget, happening, sizeof *happening);
}

/* --- life --- */

static struct wire *wire_of(struct qnk_world *world, uint32_t from, uint32_t to)
{
    return &world->wires[from * world->setup.nodes + to];
}

/* Two machines may have one validator's key; as peers they are two. */
static void peer_key_make(struct machine *machine, uint32_t i)
{
    uint8_t number[4];
    struct qn_span parts[] = {{machine->public.bytes, QN_HASH_SIZE}, {number, sizeof number}};

    qn_le32_write(number, i);
    qnk_hash_parts("qnet/sim/peer", parts, 2, &machine->peer_key);
}

struct qnk_world *qnk_world_create(struct qnk_budget *budget, const struct qnk_world_setup *setup)
{
    struct qnk_world *world = qnk_memory_take(budget, sizeof *world);
    uint64_t wires = (uint64_t)setup->nodes * setup->nodes;

    QN_ASSERT(setup->nodes > 0 && setup->nodes <= QNK_WORLD_NODES_MAX);
    if (world == NULL) {
        return NULL;
    }
    world->budget = budget;
    world->setup = *setup;
    world->now_us = setup->start_us;
    qnk_random_init(&world->random, setup->seed);
    world->machines = qnk_memory_take(budget, setup->nodes * sizeof *world->machines);
    world->wires = qnk_memory_take(budget, wires * sizeof *world->wires);
    QN_ASSERT(world->machines != NULL && world->wires != NULL);
    for (uint32_t i = 0; i < setup->nodes; i++) {
        struct machine *machine = &world->machines[i];

        machine->secret = qnk_memory_take(budget, sizeof *machine->secret);
        QN_ASSERT(machine->secret != NULL);
        if (setup->secrets != NULL) {
            *machine->secret = setup->secrets[i];
        } else {
            qnk_secret_init(machine->secret, setup->seeds[i]);
        }
        crypto_sign_seed_keypair(machine->public.bytes, machine->key, setup->seeds[i]);
        peer_key_make(machine, i);
        machine->oscillator_us = machine->counted_us = setup->start_us;
    }
    return world;
}

static uint64_t by_lot(struct qnk_world *world, uint64_t below)
{
    return below == 0 ? 0 : qnk_random_below(&world->random, below);
}

/* --- disks: two writers, of logs and of maps, each of which does one thing after another --- */

static bool is_write(const struct happening *at, bool of_maps)
{
    return !at->is_written &&
           (of_maps ? at->what == ACT_WINDOW
                    : at->what == ACT_STORED || at->what == ACT_LOGGED ||
                          (at->what == ACT_SIGNED && at->effect.sign->records != NULL));
}

/* Whether there is still power for one more write. */
static bool may_write(struct machine *machine)
{
    machine->is_cut = machine->is_cut || machine->writes_left == 0;
    if (!machine->is_cut && machine->writes_left != UINT32_MAX) {
        machine->writes_left--;
    }
    return !machine->is_cut;
}

/* An own block first, then what the guard says of it. */
static int32_t sign_down(struct machine *machine, struct happening *at)
{
    const struct qnk_sign *sign = at->effect.sign;
    int32_t status = QN_OK;

    if (sign->body != NULL && may_write(machine)) {
        status = qnk_store_block(&machine->store, LANE, sign->header, qnk_buf_span(sign->body),
                                 true, &at->event.sign.place);
    }
    if (status == QN_OK && sign->records != NULL && may_write(machine)) {
        status = qnk_store_guard(&machine->store, LANE, qnk_buf_span(sign->records));
    }
    return status;
}

static int32_t other_down(struct machine *machine, struct happening *at)
{
    struct qnk_store *store = &machine->store;
    const struct qnk_effect *effect = &at->effect;
    int32_t status = QN_OK;

    switch (effect->type) {
    case QNK_EFFECT_STORE_BLOCK:
        status =
            qnk_store_block(store, LANE, effect->block.header, qnk_buf_span(effect->block.body),
                            effect->block.verified, &at->event.stored.place);
        break;
    case QNK_EFFECT_STORE_FINAL:
        status = qnk_store_window(store, LANE, effect->final);
        break;
    case QNK_EFFECT_STORE_TXS:
        status =
            qnk_store_txs(store, LANE, (struct qn_span){effect->txs.rows->data, effect->txs.size},
                          effect->txs.replaces);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        status = qnk_store_guard_trim(store, LANE, qnk_buf_span(effect->trim.records));
        break;
    default:
        break;
    }
    return status;
}

/* From here on it outlives a crash, if there is power. */
static void write_down(struct qnk_world *world, struct happening *at)
{
    struct machine *machine = &world->machines[at->node];
    const struct qnk_effect *effect = &at->effect;
    int32_t status = QN_OK;

    at->is_written = true;
    if (effect->type == QNK_EFFECT_SIGN) {
        status = sign_down(machine, at);
    } else if (may_write(machine)) {
        status = other_down(machine, at);
    }
    QN_ASSERT(status == QN_OK);
}

/* What a writer of this node does next; NULL: nothing. */
static struct happening *next_write(struct qnk_world *world, uint32_t i, bool of_maps)
{
    struct happening *first = NULL;

    for (uint32_t j = 0; j < world->queue_count; j++) {
        struct happening *at = world->queue[j];

        if (at->node == i && at->life == world->machines[i].life && is_write(at, of_maps) &&
            (first == NULL || is_sooner(at, first))) {
            first = at;
        }
    }
    return first;
}

/* A writer stops with the power: of what it was given, by lot, the first so many are durable. The
 * guard's log is not written anew before the windows that it forgets. */
static void writer_stop(struct qnk_world *world, uint32_t i, bool of_maps)
{
    struct machine *machine = &world->machines[i];

    while (!machine->is_cut) {
        struct happening *first = next_write(world, i, of_maps);

        if (first == NULL || by_lot(world, 2) == 0 ||
            (first->effect.type == QNK_EFFECT_GUARD_TRIM && next_write(world, i, true) != NULL)) {
            return;
        }
        if (first->what == ACT_SIGNED && first->effect.sign->body != NULL &&
            by_lot(world, 2) == 0) {
            machine->writes_left = 1; /* between the block and its record */
        }
        write_down(world, first);
    }
}

static void switch_off(struct qnk_world *world, uint32_t i, bool is_last)
{
    struct machine *machine = &world->machines[i];

    if (!machine->is_on) {
        return;
    }
    if (!is_last && !machine->is_halted) {
        writer_stop(world, i, true);
        writer_stop(world, i, false);
    }
    machine->is_on = false;
    machine->life++;
    qnk_effects_done(&machine->effects);
    for (uint32_t j = 0; j < world->queue_count; j++) {
        struct happening *at = world->queue[j];

        /* Jobs hold bufs of the node's budget. */
        if (at->node == i) {
            happening_empty(at);
        }
        if (at->what == ACT_FRAME && at->from == i && at->node != i && at->buf != NULL) {
            /* Frames on the way arrive: their bytes are the world's. */
            continue;
        }
    }
    qnk_node_destroy(machine->node);
    machine->node = NULL;
    world->setup.maker.give(world->setup.maker.ctx, i, is_last, &machine->plugins);
    for (uint32_t j = 0; !is_last && j < world->watches_count; j++) {
        if (world->watches[j].stopped != NULL) {
            world->watches[j].stopped(world->watches[j].ctx, i);
        }
    }
}

void qnk_world_destroy(struct qnk_world *world)
{
    if (world == NULL) {
        return;
    }
    for (uint32_t i = 0; i < world->setup.nodes; i++) {
        struct machine *machine = &world->machines[i];

        if (machine->is_on) {
            switch_off(world, i, true);
        } else if (machine->was_on) {
            world->setup.maker.give(world->setup.maker.ctx, i, true, &machine->plugins);
        }
        qnk_memory_give(world->budget, machine->secret, sizeof *machine->secret);
    }
    while (world->queue_count > 0) {
        happening_give(world, queue_pop(world));
    }
    qnk_memory_give(world->budget, world->queue, world->queue_room * sizeof *world->queue);
    qnk_memory_give(world->budget, world->wires,
                    (uint64_t)world->setup.nodes * world->setup.nodes * sizeof *world->wires);
    qnk_memory_give(world->budget, world->machines, world->setup.nodes * sizeof *world->machines);
    qnk_memory_give(world->budget, world, sizeof *world);
}

/* --- clocks --- */

static uint64_t oscillator_now(const struct qnk_world *world, const struct machine *machine)
{
    int64_t passed = (int64_t)(world->now_us - machine->counted_us);

    return machine->oscillator_us + (uint64_t)(passed + passed * machine->drift_ppm / 1000000);
}

/* The node's time, as the live host makes it of its machine's clocks. */
static uint64_t clock_now(const struct qnk_world *world, struct machine *machine)
{
    uint64_t monotonic = oscillator_now(world, machine);

    return qnk_clock_now(&machine->clock, monotonic, monotonic + (uint64_t)machine->offset_us);
}

static void clock_start(const struct qnk_world *world, struct machine *machine)
{
    uint64_t monotonic = oscillator_now(world, machine);

    qnk_clock_init(&machine->clock, monotonic, monotonic + (uint64_t)machine->offset_us);
    machine->is_clock_held = false;
}

/* How long the world waits until about `passed_us` have passed at the node. */
static uint64_t clock_wait(const struct machine *machine, uint64_t passed_us)
{
    uint64_t rate = (uint64_t)(1000000 + machine->drift_ppm);

    return (passed_us * 1000000 + rate - 1) / rate;
}

void qnk_world_clock(struct qnk_world *world, uint32_t node, int64_t offset_us, int32_t drift_ppm)
{
    struct machine *machine = &world->machines[node];

    QN_ASSERT(drift_ppm > -500000 && drift_ppm < 500000);
    machine->oscillator_us = oscillator_now(world, machine);
    machine->counted_us = world->now_us;
    machine->drift_ppm = drift_ppm;
    machine->offset_us = (int64_t)(world->now_us - machine->oscillator_us) + offset_us;
}

/* --- steps and who watches them --- */

void qnk_world_watch(struct qnk_world *world, const struct qnk_watch *watch)
{
    QN_ASSERT(world->watches_count < QNK_WATCHES_MAX);
    world->watches[world->watches_count++] = *watch;
}

static bool watch_event(struct qnk_world *world, uint32_t i, struct qnk_event *event)
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        const struct qnk_watch *watch = &world->watches[j];

        if (watch->event != NULL && !watch->event(watch->ctx, i, event)) {
            return false;
        }
    }
    return true;
}

static bool watch_effect(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        const struct qnk_watch *watch = &world->watches[j];

        if (watch->effect != NULL && !watch->effect(watch->ctx, i, effect)) {
            return false;
        }
    }
    return true;
}

static void watch_stepped(struct qnk_world *world, uint32_t i, const struct qnk_event *event)
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        const struct qnk_watch *watch = &world->watches[j];

        if (watch->stepped != NULL) {
            watch->stepped(watch->ctx, i, event, &world->machines[i].effects);
        }
    }
}

void qnk_world_signed(struct qnk_world *world, uint32_t node, struct qn_span message,
                      const uint8_t signature[QN_SIG_SIZE])
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        const struct qnk_watch *watch = &world->watches[j];

        if (watch->signed_ != NULL) {
            watch->signed_(watch->ctx, node, message, signature);
        }
    }
}

static void perform(struct qnk_world *world, uint32_t i);

static void step_once(struct qnk_world *world, uint32_t i, struct qnk_event *event, uint64_t now_us)
{
    struct machine *machine = &world->machines[i];

    QN_ASSERT(!world->is_stepping); /* hooks do not step */
    world->is_stepping = true;
    event->now_us = now_us;
    if (watch_event(world, i, event)) {
        world->events++;
        qnk_node_step(machine->node, event, &machine->effects);
        watch_stepped(world, i, event);
        perform(world, i);
    } else {
        QN_ASSERT(event->type != QNK_EVENT_JOB);
    }
    world->is_stepping = false;
}

/* After its clock was set, a host tells its node to hold until it was steady for a while. */
static void clock_look(struct qnk_world *world, uint32_t i, uint64_t now_us)
{
    struct machine *machine = &world->machines[i];
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    if (machine->clock.is_steady == machine->is_clock_held) {
        machine->is_clock_held = !machine->clock.is_steady;
        event.control.what = machine->is_clock_held ? QNK_CONTROL_HOLD : QNK_CONTROL_UNHOLD;
        step_once(world, i, &event, now_us);
    }
}

static bool is_alive(const struct machine *machine)
{
    return machine->is_on && !machine->is_halted && !machine->is_cut;
}

static void step(struct qnk_world *world, uint32_t i, struct qnk_event *event)
{
    struct machine *machine = &world->machines[i];

    if (is_alive(machine)) {
        uint64_t now_us = clock_now(world, machine);

        clock_look(world, i, now_us);
        if (is_alive(machine)) {
            step_once(world, i, event, now_us);
        }
    }
}

/* --- effects --- */

static void break_link(struct qnk_world *world, uint32_t a, uint32_t b, uint64_t again_us)
{
    for (uint32_t way = 0; way < 2; way++) {
        uint32_t from = way == 0 ? a : b;
        uint32_t to = way == 0 ? b : a;
        struct wire *wire = wire_of(world, from, to);

        if (wire->link != 0) {
            struct happening *down = happening_new(world, to, ACT_DOWN, world->now_us);

            down->from = from;
            down->link = wire->link;
            queue_push(world, down);
            wire->link = 0;
            wire->is_gapped = false;
        }
    }
    if (again_us != 0) {
        struct happening *up = happening_new(world, a, ACT_UP, world->now_us + again_us);

        up->from = b;
        queue_push(world, up);
    }
}

/* What a stranger might make of a message: other bytes, fewer or more, another type. */
static void mangle(struct qnk_world *world, const struct happening *frame)
{
    struct happening *copy = happening_new(world, frame->node, ACT_FRAME, frame->at_us);
    uint64_t size = frame->buf->size;
    uint64_t cut = by_lot(world, 4) == 0 ? by_lot(world, size + 1) : size;
    uint64_t more = by_lot(world, 4) == 0 ? by_lot(world, 40) : 0;
    uint32_t hits = (uint32_t)by_lot(world, 4);

    copy->from = frame->from;
    copy->link = frame->link;
    copy->head = frame->head;
    copy->buf = qnk_buf_new(world->budget, cut + more);
    QN_ASSERT(copy->buf != NULL);
    if (cut > 0) {
        memcpy(copy->buf->data, frame->buf->data, cut);
    }
    for (uint64_t at = cut; at < cut + more; at++) {
        copy->buf->data[at] = (uint8_t)by_lot(world, 256);
    }
    for (uint32_t hit = 0; hit < hits && cut + more > 0; hit++) {
        /* Counts and sizes stand in front, so half of the hits go there. */
        uint64_t front = cut + more < 48 ? cut + more : 48;
        uint64_t at = by_lot(world, by_lot(world, 2) == 0 ? front : cut + more);

        copy->buf->data[at] = (uint8_t)by_lot(world, 256);
    }
    if (by_lot(world, 8) == 0) {
        copy->head.type = (uint8_t)by_lot(world, 32);
        copy->head.lane = (uint8_t)by_lot(world, QNK_LANES);
    }
    copy->head.plain_size = (uint32_t)copy->buf->size;
    copy->head.body = qnk_buf_span(copy->buf);
    queue_push(world, copy);
}

/* What is lost on a link that stays up is noticed when it is heard of again, or after a while. */
static void wire_gap(struct qnk_world *world, struct wire *wire, uint32_t from, uint32_t to)
{
    if (!wire->is_gapped) {
        struct happening *silent = happening_new(world, to, ACT_SILENT, world->now_us + SILENCE_US);

        silent->from = from;
        silent->link = wire->link;
        queue_push(world, silent);
        wire->is_gapped = true;
    }
}

static void send(struct qnk_world *world, uint32_t i, uint32_t peer, struct qnk_frame head,
                 const struct qn_buf *first, struct qn_slice second)
{
    uint32_t to = peer - 1; /* the host's number of a peer is the node's, from 1 */
    struct wire *wire = wire_of(world, i, to);
    uint64_t first_size = first == NULL ? 0 : first->size;
    struct happening *frame;

    if (wire->link == 0) {
        return;
    }
    if (wire->is_cut) {
        wire_gap(world, wire, i, to);
        return;
    }
    if (by_lot(world, 1000) < world->setup.loss_permille) {
        break_link(world, i, to, HELLO_US * 10);
        return;
    }

    uint64_t delay = world->setup.delay_us + by_lot(world, world->setup.delay_us);
    uint64_t at_us = world->now_us + delay;

    at_us = at_us > wire->free_us ? at_us : wire->free_us;
    wire->free_us = at_us;
    frame = happening_new(world, to, ACT_FRAME, at_us);
    frame->from = i;
    frame->link = wire->link;
    frame->head = head;
    frame->buf = qnk_buf_new(world->budget, first_size + second.size);
    QN_ASSERT(frame->buf != NULL);
    if (first_size > 0) {
        memcpy(frame->buf->data, first->data, first_size);
    }
    if (second.size > 0) {
        memcpy(frame->buf->data + first_size, second.data, second.size);
    }
    frame->head.plain_size = (uint32_t)frame->buf->size;
    frame->head.body = qnk_buf_span(frame->buf);
    if (by_lot(world, 1000) < world->setup.mangle_permille) {
        mangle(world, frame);
    }
    queue_push(world, frame);
}

/* When a writer that is free from `free_us` on will have done what takes `cost_us`. */
static uint64_t writer_time(struct qnk_world *world, uint64_t *free_us, uint64_t cost_us)
{
    uint64_t from = *free_us > world->now_us ? *free_us : world->now_us;

    *free_us = from + cost_us + by_lot(world, world->setup.jitter_us);
    return *free_us;
}

/* Something that happens once it is written; the effect moves into it. */
static struct happening *write_later(struct qnk_world *world, uint32_t i, uint32_t what,
                                     uint64_t at_us, struct qnk_effect *effect)
{
    struct happening *done = happening_new(world, i, what, at_us);

    done->effect = *effect;
    *effect = (struct qnk_effect){.type = QNK_EFFECT_CANCEL}; /* which holds nothing */
    queue_push(world, done);
    return done;
}

static void store_block(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    uint64_t at_us = writer_time(world, &world->machines[i].log_free_us, STORE_US);
    struct happening *done = write_later(world, i, ACT_STORED, at_us, effect);

    done->event.type = QNK_EVENT_STORED;
    done->event.stored.token = done->effect.block.token;
}

static void store_window(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    uint64_t cost_us = WINDOW_US + by_lot(world, world->setup.maps_us);
    uint64_t at_us = writer_time(world, &world->machines[i].maps_free_us, cost_us);
    struct happening *done = write_later(world, i, ACT_WINDOW, at_us, effect);

    done->event.type = QNK_EVENT_STORED;
    done->event.stored.token = done->effect.final->token;
}

/* The guard's log is not written anew before the windows that it forgets are durable. */
static void trim(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];

    if (machine->log_free_us < machine->maps_free_us) {
        machine->log_free_us = machine->maps_free_us;
    }
    (void)write_later(world, i, ACT_LOGGED, writer_time(world, &machine->log_free_us, STORE_US),
                      effect);
}

static void sign(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    const struct qnk_sign *sign = effect->sign;
    uint64_t at_us = sign->records != NULL ? writer_time(world, &machine->log_free_us, SIGN_US)
                                           : world->now_us + SIGN_US;
    struct happening *done = write_later(world, i, ACT_SIGNED, at_us, effect);

    done->event.type = QNK_EVENT_SIGNED;
    done->event.sign.token = done->effect.sign->token;
}

/* The key signs when all is durable that must be before. */
static void sign_make(struct qnk_world *world, const struct happening *at, struct qnk_event *event)
{
    const struct qnk_sign *sign = at->effect.sign;
    struct qn_span message = {sign->message, sign->message_size};

    if (sign->long_message != NULL) {
        message = (struct qn_span){sign->long_message->data, sign->long_size};
    }
    crypto_sign_detached(event->sign.signature, NULL, message.data, message.size,
                         world->machines[at->node].key);
    qnk_world_signed(world, at->node, message, event->sign.signature);
}

static void secrets(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    struct happening *done = happening_new(world, i, ACT_SECRETS, world->now_us + JOB_US);

    done->event = (struct qnk_event){.type = QNK_EVENT_SECRETS};
    done->event.secrets.token = effect->secrets.token;
    qnk_secret_blind(machine->secret, effect->secrets.era, effect->secrets.window,
                     &done->event.secrets.blind);
    done->event.secrets.has_share = qnk_secret_share(
        machine->secret, &effect->secrets.last_share, effect->secrets.last_window,
        effect->secrets.window, &done->event.secrets.share, &done->event.secrets.next_tip);
    queue_push(world, done);
}

struct serving {
    struct qnk_world *world;
    uint32_t node, peer, request;
};

static void serve_send(void *ctx, uint8_t type, struct qn_buf *head, struct qn_slice body)
{
    struct serving *serving = ctx;
    struct qnk_frame frame = {
        .lane = QNK_LANE_SYNC,
        .type = type,
        .request = serving->request,
    };

    send(serving->world, serving->node, serving->peer, frame, head, body);
}

static void serve(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    struct serving serving = {world, i, effect->serve.peer, effect->serve.request};
    int32_t status = qnk_store_serve(&world->machines[i].store, LANE, effect->serve.type,
                                     &effect->serve.fetch, serve_send, &serving);

    (void)status; /* what is not there is asked for elsewhere */
}

static void reply(struct machine *machine, const struct qn_buf *codes)
{
    uint64_t item = QN_HASH_SIZE + 1;

    for (uint64_t at = 0; codes != NULL && at < codes->size; at += item) {
        machine->answers[codes->data[at + QN_HASH_SIZE]]++;
    }
}

static void run_job(struct qnk_world *world, uint32_t i, struct qnk_job *job)
{
    struct machine *machine = &world->machines[i];
    struct qnk_job_host host = {
        .ledger = machine->plugins.ledger,
        .signature = machine->plugins.signature,
    };
    uint64_t at_us = world->now_us + JOB_US + by_lot(world, world->setup.jitter_us);
    struct happening *done = happening_new(world, i, ACT_JOB, at_us);

    qnk_job_run(job, &host, LANE);
    done->job = job;
    queue_push(world, done);
}

static void timer_wait(struct qnk_world *world, uint32_t i, uint32_t id, uint64_t due_us)
{
    struct machine *machine = &world->machines[i];
    uint64_t now_us = machine->clock.now_us; /* as of this step */
    uint64_t wait_us = due_us > now_us ? clock_wait(machine, due_us - now_us) : 0;
    struct happening *due = happening_new(world, i, ACT_TIMER, world->now_us + wait_us);

    due->timer = id;
    due->due_us = due_us;
    due->token = machine->timers[id];
    queue_push(world, due);
}

static void timer(struct qnk_world *world, uint32_t i, uint32_t id, uint64_t due_us)
{
    world->machines[i].timers[id] = ++world->generation;
    timer_wait(world, i, id, due_us);
}

static void perform_one(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    struct qnk_frame head;

    if (world->setup.note != NULL &&
        (effect->type == QNK_EFFECT_NOTE || effect->type == QNK_EFFECT_HALT)) {
        world->setup.note(world->setup.note_ctx, i, effect);
    }
    switch ((enum qnk_effect_type)effect->type) {
    case QNK_EFFECT_SEND:
        head = (struct qnk_frame){
            .lane = effect->send.lane,
            .type = effect->send.type,
            .request = effect->send.request,
        };
        send(world, i, effect->send.peer, head, effect->send.head, effect->send.body);
        break;
    case QNK_EFFECT_TIMER:
        timer(world, i, effect->timer.id, effect->timer.at_us);
        break;
    case QNK_EFFECT_CANCEL:
        machine->timers[effect->timer.id] = 0;
        break;
    case QNK_EFFECT_JOB:
        run_job(world, i, effect->job);
        effect->job = NULL;
        break;
    case QNK_EFFECT_STORE_BLOCK:
        store_block(world, i, effect);
        break;
    case QNK_EFFECT_STORE_FINAL:
        store_window(world, i, effect);
        break;
    case QNK_EFFECT_STORE_TXS:
        (void)write_later(world, i, ACT_LOGGED, writer_time(world, &machine->log_free_us, STORE_US),
                          effect);
        break;
    case QNK_EFFECT_SIGN:
        sign(world, i, effect);
        break;
    case QNK_EFFECT_SECRETS:
        secrets(world, i, effect);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        trim(world, i, effect);
        break;
    case QNK_EFFECT_SERVE:
        serve(world, i, effect);
        break;
    case QNK_EFFECT_REPLY:
        reply(machine, effect->reply.codes);
        break;
    case QNK_EFFECT_SCORE:
        break;
    case QNK_EFFECT_HALT:
        machine->is_halted = true;
        break;
    case QNK_EFFECT_NOTE:
        break;
    }
}

static void perform(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];

    for (uint32_t j = 0; j < machine->effects.count; j++) {
        if (watch_effect(world, i, &machine->effects.list[j])) {
            perform_one(world, i, &machine->effects.list[j]);
        } else {
            machine->effects.list[j] = (struct qnk_effect){.type = QNK_EFFECT_CANCEL};
        }
    }
    qnk_effects_reset(&machine->effects);
}

/* --- starting and crashing --- */

struct starting {
    struct qnk_world *world;
    uint32_t node;
};

static void restored(void *ctx, struct qnk_event *event)
{
    struct starting *starting = ctx;

    step(starting->world, starting->node, event);
}

static bool make_node(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];
    const struct qnk_world_setup *setup = &world->setup;
    struct qnk_setup own = {
        .params = setup->params,
        .limits = setup->limits,
        .type = setup->types == NULL ? QNK_NODE_SUPER : setup->types[i],
        .resend_ms = setup->resend_ms,
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

void qnk_world_start(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];
    struct starting starting = {world, i};
    struct qnk_event start = {.type = QNK_EVENT_START};
    bool has_guard = false;
    bool is_made =
        world->setup.maker.make(world->setup.maker.ctx, i, !machine->was_on, &machine->plugins);

    QN_ASSERT(!machine->is_on && is_made);
    is_made = make_node(world, i);
    QN_ASSERT(is_made);
    qnk_effects_init(&machine->effects, world->budget);
    machine->is_on = true;
    machine->was_on = true;
    machine->is_halted = false;
    machine->is_cut = false;
    machine->writes_left = UINT32_MAX;
    memset(machine->timers, 0, sizeof machine->timers);
    clock_start(world, machine);
    for (uint32_t j = 0; j < world->watches_count; j++) {
        if (world->watches[j].started != NULL) {
            world->watches[j].started(world->watches[j].ctx, i);
        }
    }

    int32_t status = qnk_store_open(&machine->store, world->budget, machine->plugins.storage, true);

    if (status == QN_OK) {
        status = qnk_store_load_ledger(&machine->store, LANE, machine->plugins.ledger,
                                       world->setup.genesis);
    }
    if (status == QN_OK) {
        status = qnk_store_restore(&machine->store, LANE, restored, &starting, &has_guard);
    }
    QN_ASSERT(status == QN_OK);
    start.start.signing = has_guard ? QNK_SIGNING_RESTORED : QNK_SIGNING_FRESH;
    step(world, i, &start);
    status = qnk_store_restore_txs(&machine->store, LANE, restored, &starting);
    QN_ASSERT(status == QN_OK);
    for (uint32_t j = 0; j < world->setup.nodes; j++) {
        if (j != i && world->machines[j].is_on) {
            break_link(world, i, j, HELLO_US);
        }
    }
}

void qnk_world_crash(struct qnk_world *world, uint32_t i)
{
    for (uint32_t j = 0; j < world->setup.nodes; j++) {
        if (j != i && wire_of(world, i, j)->link != 0) {
            break_link(world, i, j, 0);
        }
    }
    switch_off(world, i, false);
}

void qnk_world_cut(struct qnk_world *world, uint32_t i, uint32_t writes)
{
    world->machines[i].writes_left = writes;
}

bool qnk_world_is_cut(const struct qnk_world *world, uint32_t i)
{
    return world->machines[i].is_cut;
}

void qnk_world_link(struct qnk_world *world, uint32_t a, uint32_t b, bool is_up)
{
    wire_of(world, a, b)->is_cut = !is_up;
    wire_of(world, b, a)->is_cut = !is_up;
    if (is_up && world->machines[a].is_on && world->machines[b].is_on) {
        break_link(world, a, b, HELLO_US);
    } else if (!is_up) {
        break_link(world, a, b, 0);
    }
}

void qnk_world_cut_way(struct qnk_world *world, uint32_t from, uint32_t to, bool is_up)
{
    struct wire *wire = wire_of(world, from, to);

    wire->is_cut = !is_up;
    if (is_up && (wire->is_gapped || wire->link == 0) && world->machines[from].is_on &&
        world->machines[to].is_on) {
        break_link(world, from, to, HELLO_US);
    }
}

/* --- running --- */

static void trace_add(struct qnk_world *world, const struct happening *at)
{
    uint8_t place[32];
    struct qn_span parts[] = {
        {world->trace.bytes, QN_HASH_SIZE},
        {place, sizeof place},
        {at->buf == NULL ? NULL : at->buf->data, at->buf == NULL ? 0 : at->buf->size},
    };

    qn_le64_write(place, at->at_us);
    qn_le32_write(place + 8, at->node);
    qn_le32_write(place + 12, at->what);
    qn_le64_write(place + 16, at->timer);
    qn_le64_write(place + 24, at->from);
    qnk_hash_parts("", parts, 3, &world->trace);
}

/* One side hears of the other. */
static void peer_up(struct qnk_world *world, uint32_t node, uint32_t other)
{
    struct qnk_event event = {.type = QNK_EVENT_PEER_UP};

    event.peer.peer = other + 1;
    event.peer.key = world->machines[other].peer_key;
    event.peer.outgoing = other > node;
    step(world, node, &event);
}

/* Both ways are up before either side hears of it: it may speak at once. */
static void link_up(struct qnk_world *world, uint32_t a, uint32_t b)
{
    struct wire *there = wire_of(world, a, b);
    struct wire *back = wire_of(world, b, a);

    if (there->link != 0 || there->is_cut || back->is_cut || !world->machines[a].is_on ||
        !world->machines[b].is_on) {
        return;
    }
    there->link = ++world->links;
    back->link = ++world->links;
    there->free_us = back->free_us = world->now_us;
    peer_up(world, a, b);
    peer_up(world, b, a);
}

static void happen(struct qnk_world *world, struct happening *at)
{
    struct machine *machine = &world->machines[at->node];
    struct qnk_event event;

    if (at->effect.type != 0) {
        write_down(world, at);
    }
    if (machine->is_cut) {
        return;
    }
    event = at->event;
    switch ((enum action)at->what) {
    case ACT_LOGGED:
        return;
    case ACT_FRAME:
        if (at->buf == NULL || wire_of(world, at->from, at->node)->link != at->link) {
            return;
        }
        event = (struct qnk_event){.type = QNK_EVENT_FRAME};
        event.frame.peer = at->from + 1;
        event.frame.head = at->head;
        event.frame.buf = at->buf;
        break;
    case ACT_TIMER:
        if (machine->timers[at->timer] != at->token) {
            return;
        }
        if (clock_now(world, machine) < at->due_us) { /* its clock is slower than it was */
            timer_wait(world, at->node, at->timer, at->due_us);
            return;
        }
        machine->timers[at->timer] = 0;
        event = (struct qnk_event){.type = QNK_EVENT_TIMER, .timer = at->timer};
        break;
    case ACT_JOB:
        event = (struct qnk_event){.type = QNK_EVENT_JOB, .job = at->job};
        at->job = NULL;
        break;
    case ACT_UP:
        link_up(world, at->node, at->from);
        return;
    case ACT_DOWN:
        event = (struct qnk_event){.type = QNK_EVENT_PEER_DOWN};
        event.peer.peer = at->from + 1;
        break;
    case ACT_SILENT:
        if (wire_of(world, at->from, at->node)->link == at->link) {
            break_link(world, at->from, at->node, HELLO_US);
        }
        return;
    case ACT_SIGNED:
        sign_make(world, at, &event);
        break;
    case ACT_CALL:
        return;
    case ACT_STORED:
    case ACT_WINDOW:
    case ACT_SECRETS:
        break;
    }
    step(world, at->node, &event);
}

void qnk_world_run(struct qnk_world *world, uint64_t until_us)
{
    while (world->queue_count > 0 && world->queue[0]->at_us <= until_us) {
        struct happening *at = queue_pop(world);
        const struct machine *machine = at->node == NOBODY ? NULL : &world->machines[at->node];

        world->now_us = at->at_us;
        if (machine == NULL) {
            trace_add(world, at);
            at->call(at->ctx, world);
        } else if (is_alive(machine) && machine->life == at->life) {
            trace_add(world, at);
            happen(world, at);
        }
        happening_give(world, at);
    }
    world->now_us = until_us > world->now_us ? until_us : world->now_us;
}

void qnk_world_submit(struct qnk_world *world, uint32_t node, struct qn_span txs)
{
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT};

    event.submit.token = ++world->generation;
    event.submit.txs = qnk_buf_copy(world->budget, txs);
    QN_ASSERT(event.submit.txs != NULL);
    step(world, node, &event);
    qnk_buf_unref(event.submit.txs);
}

void qnk_world_at(struct qnk_world *world, uint64_t at_us, qnk_world_call *call, void *ctx)
{
    struct happening *later = happening_new(world, NOBODY, ACT_CALL, at_us);

    later->call = call;
    later->ctx = ctx;
    queue_push(world, later);
}

void qnk_world_send(struct qnk_world *world, uint32_t from, uint32_t to, struct qnk_frame head,
                    struct qn_span body)
{
    struct qn_buf *bytes = qnk_buf_copy(world->budget, body);

    QN_ASSERT(bytes != NULL);
    send(world, from, to + 1, head, bytes, (struct qn_slice){0});
    qnk_buf_unref(bytes);
}

void qnk_world_say(struct qnk_world *world, uint32_t from, uint32_t to, uint8_t lane, uint8_t type,
                   struct qn_span body)
{
    qnk_world_send(world, from, to, (struct qnk_frame){.lane = lane, .type = type}, body);
}

void qnk_world_control(struct qnk_world *world, uint32_t node, uint32_t what)
{
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    event.control.what = what;
    step(world, node, &event);
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

uint64_t qnk_world_answers(const struct qnk_world *world, uint32_t node, uint32_t code)
{
    return world->machines[node].answers[code];
}
