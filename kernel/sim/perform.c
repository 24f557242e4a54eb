/* SPDX-License-Identifier: MIT */

/* perform.c: what a machine does for its node: clocks, steps, and what follows from them. */

#include <time.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/sim/inside.h"

/* Virtual times of work, for one core of the machine that sim plays: planning values, measured on
 * x86-64 with SHA and AVX2 instructions (performance.md). */
enum {
    COST_JOB_NS = 20000,       /* to hand it over and back */
    COST_SIGNATURE_NS = 80000, /* to verify one */
    COST_TX_READ_NS = 700,     /* decode, and name by a hash */
    COST_TX_CHECK_NS = 500,    /* ask the ledger */
    COST_TX_APPLY_NS = 2500,
    COST_UNDO_BYTE_NS = 5,
    COST_PAGE_NS = 4000, /* hash one, and copy it */
    TX_BYTES = 166,      /* of a transfer: where only bytes are counted */
    SECRETS_US = 300,
    CHECK_US = 2000,
};

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

void qnk_machine_clock_start(const struct qnk_world *world, struct machine *machine)
{
    uint64_t monotonic = oscillator_now(world, machine);

    qnk_clock_init(&machine->clock, monotonic, monotonic + (uint64_t)machine->offset_us);
    machine->is_clock_held = false;
}

static void timer_wait(struct qnk_world *world, uint32_t i, uint32_t id, uint64_t due_us)
{
    struct machine *machine = &world->machines[i];
    uint64_t now_us = machine->clock.now_us; /* as of this step */
    uint64_t wait_us = due_us > now_us ? clock_wait(machine, due_us - now_us) : 0;
    struct happening *due = qnk_happening_new(world, i, ACT_TIMER, world->now_us + wait_us);

    due->timer.id = id;
    due->timer.due_us = due_us;
    due->timer.token = machine->timers[id];
    qnk_happening_push(world, due);
}

bool qnk_machine_is_due(struct qnk_world *world, const struct happening *timer)
{
    struct machine *machine = &world->machines[timer->node];

    if (clock_now(world, machine) >= timer->timer.due_us) {
        return true;
    }
    timer_wait(world, timer->node, timer->timer.id, timer->timer.due_us); /* its clock slowed */
    return false;
}

/* --- who watches --- */

void qnk_world_watch(struct qnk_world *world, const struct qnk_watch *watch)
{
    QN_ASSERT(world->watches_count < QNK_WATCHES_MAX);
    world->watches[world->watches_count++] = *watch;
}

void qnk_watch_started(struct qnk_world *world, uint32_t i)
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        if (world->watches[j].started != NULL) {
            world->watches[j].started(world->watches[j].ctx, i);
        }
    }
}

void qnk_watch_stopped(struct qnk_world *world, uint32_t i)
{
    for (uint32_t j = 0; j < world->watches_count; j++) {
        if (world->watches[j].stopped != NULL) {
            world->watches[j].stopped(world->watches[j].ctx, i);
        }
    }
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

/* --- jobs --- */

static uint64_t verify_ns(const struct qnk_job *job)
{
    uint64_t ns = (uint64_t)job->refs_count * (COST_TX_READ_NS + COST_TX_CHECK_NS);

    for (uint32_t i = 0; i < job->refs_count; i++) {
        ns += job->refs[i].is_verified ? 0 : COST_SIGNATURE_NS;
    }
    return ns;
}

/* What a job that was done costs. */
static uint64_t cost_ns(const struct qnk_job *job)
{
    uint64_t bytes = job->buf == NULL ? 0 : job->buf->size;

    switch ((enum qnk_job_kind)job->kind) {
    case QNK_JOB_INTAKE:
    case QNK_JOB_BODY:
        return (uint64_t)job->refs_count * COST_TX_READ_NS;
    case QNK_JOB_VERIFY:
    case QNK_JOB_KEEP:
        return verify_ns(job);
    case QNK_JOB_SIGS:
        return (uint64_t)job->sigs_count * COST_SIGNATURE_NS;
    case QNK_JOB_APPLY:
        return bytes * COST_TX_APPLY_NS / TX_BYTES;
    case QNK_JOB_BUILD:
        return (uint64_t)job->refs_count * (COST_TX_READ_NS + COST_TX_APPLY_NS);
    case QNK_JOB_UNDO:
        return bytes * COST_UNDO_BYTE_NS;
    case QNK_JOB_END:
        return (uint64_t)job->pages.count * COST_PAGE_NS;
    }
    QN_ASSERT(false);
    return 0;
}

/* The ledger's jobs are done one after another, the others by the first processor that is free; and
 * what is late by lot keeps none busy. */
static uint64_t job_time(struct qnk_world *world, uint32_t i, const struct qnk_job *job)
{
    struct machine *machine = &world->machines[i];
    bool is_ledger = qnk_job_class(job->kind) == QNK_JOB_LEDGER;
    uint64_t *free_us = is_ledger ? &machine->ledger_free_us : &machine->cpu_free_us[0];
    uint64_t us = (COST_JOB_NS + cost_ns(job)) * machine->cpu_permille / 1000000 + 1;
    uint64_t done_us;

    for (uint32_t cpu = 1; !is_ledger && cpu < CPUS; cpu++) {
        free_us = machine->cpu_free_us[cpu] < *free_us ? &machine->cpu_free_us[cpu] : free_us;
    }
    machine->worked_us += us;
    *free_us = (*free_us > world->now_us ? *free_us : world->now_us) + us;
    done_us = *free_us + by_lot(world, world->setup.jitter_us);
    if (is_ledger) {
        done_us = done_us > machine->ledger_last_us ? done_us : machine->ledger_last_us + 1;
        machine->ledger_last_us = done_us;
    }
    return done_us;
}

static void run_job(struct qnk_world *world, uint32_t i, struct qnk_job *job)
{
    struct machine *machine = &world->machines[i];
    struct qnk_job_host host = {
        .ledger = machine->plugins.ledger,
        .signature = machine->plugins.signature,
    };
    struct happening *done;

    qnk_job_run(job, &host, LANE);
    done = qnk_happening_new(world, i, ACT_JOB, job_time(world, i, job));
    done->job = job;
    qnk_happening_own(world, done);
    qnk_happening_push(world, done);
}

void qnk_world_slow(struct qnk_world *world, uint32_t node, uint32_t cpu_permille,
                    uint32_t disk_permille)
{
    struct machine *machine = &world->machines[node];

    QN_ASSERT(cpu_permille > 0 && disk_permille > 0);
    machine->cpu_permille = cpu_permille;
    machine->drive.slow_permille = disk_permille;
}

/* --- other effects --- */

static void secrets(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    struct happening *done = qnk_happening_new(world, i, ACT_SECRETS, world->now_us + SECRETS_US);
    struct qnk_event *event;

    done->deed = qnk_memory_take(world->budget, sizeof *done->deed);
    QN_ASSERT(done->deed != NULL);
    event = &done->deed->event;
    event->type = QNK_EVENT_SECRETS;
    event->secrets.token = effect->secrets.token;
    qnk_secret_blind(machine->secret, effect->secrets.era, effect->secrets.window,
                     &event->secrets.blind);
    event->secrets.has_share =
        qnk_secret_share(machine->secret, &effect->secrets.last_share, effect->secrets.last_window,
                         effect->secrets.window, &event->secrets.share, &event->secrets.next_tip);
    qnk_happening_own(world, done);
    qnk_happening_push(world, done);
}

/* An event about what was read now, perhaps with the header of a body that could not be. */
static struct qnk_event *checked_later(struct qnk_world *world, uint32_t i, uint32_t type)
{
    struct happening *done = qnk_happening_new(world, i, ACT_CHECKED, world->now_us + CHECK_US);

    done->deed = qnk_memory_take(world->budget, sizeof *done->deed);
    QN_ASSERT(done->deed != NULL);
    done->deed->event.type = type;
    done->deed->has_rotten = qnk_store_rotten(&world->machines[i].store, done->deed->rotten);
    qnk_happening_own(world, done);
    qnk_happening_push(world, done);
    return &done->deed->event;
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

    qnk_wires_send(serving->world, serving->node, serving->peer - 1, frame, head, body);
}

static void serve(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    struct serving serving = {world, i, effect->serve.peer, effect->serve.request};
    struct qnk_fetch left = effect->serve.fetch;

    do { /* what is not there, or damaged, is asked for elsewhere */
        int32_t status = qnk_store_serve(&world->machines[i].store, LANE, effect->serve.type, &left,
                                         serve_send, &serving);

        (void)status;
    } while (left.count > 0);
    if (world->machines[i].store.has_rotten) {
        (void)checked_later(world, i, QNK_EVENT_ROTTEN);
    }
}

static void check(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    uint64_t next = 0;
    int32_t status = qnk_store_check(&world->machines[i].store, LANE, effect->check.height,
                                     effect->check.count, &next);
    struct qnk_event *event = checked_later(world, i, QNK_EVENT_CHECKED);

    event->checked.next = next;
    event->checked.status = status;
}

static void send(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    struct qnk_frame head = {
        .lane = effect->send.lane,
        .type = effect->send.type,
        .request = effect->send.request,
    };

    qnk_wires_send(world, i, effect->send.peer - 1, head, effect->send.head, effect->send.body);
}

static void timer(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    world->machines[i].timers[effect->timer.id] = ++world->generation;
    timer_wait(world, i, effect->timer.id, effect->timer.at_us);
}

static void tell(struct qnk_world *world, uint32_t i, const struct qnk_effect *effect)
{
    if (world->setup.note != NULL) {
        world->setup.note(world->setup.note_ctx, i, effect);
    }
}

/* Its process ends, and so do its links. */
static void machine_halt(struct qnk_world *world, uint32_t i)
{
    world->machines[i].is_halted = true;
    qnk_wires_drop(world, i);
}

static void perform_one(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];

    switch ((enum qnk_effect_type)effect->type) {
    case QNK_EFFECT_SEND:
        send(world, i, effect);
        break;
    case QNK_EFFECT_TIMER:
        timer(world, i, effect);
        break;
    case QNK_EFFECT_CANCEL:
        machine->timers[effect->timer.id] = 0;
        break;
    case QNK_EFFECT_JOB:
        run_job(world, i, effect->job);
        effect->job = NULL;
        break;
    case QNK_EFFECT_STORE_BLOCK:
    case QNK_EFFECT_STORE_FINAL:
    case QNK_EFFECT_STORE_PLACE:
    case QNK_EFFECT_STORE_TXS:
    case QNK_EFFECT_SIGN:
        qnk_writes_take(world, i, effect);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        world->machines[i].is_marked = true;
        qnk_writes_take(world, i, effect);
        break;
    case QNK_EFFECT_SECRETS:
        secrets(world, i, effect);
        break;
    case QNK_EFFECT_SERVE:
        serve(world, i, effect);
        break;
    case QNK_EFFECT_CHECK:
        check(world, i, effect);
        break;
    case QNK_EFFECT_NEED:
        qnk_machine_need(world, i, effect->need);
        break;
    case QNK_EFFECT_UNPLUG:
        qnk_machine_unplug(world, i, effect->unplug.kind, effect->unplug.number);
        break;
    case QNK_EFFECT_REPLY:
    case QNK_EFFECT_SCORE:
    case QNK_EFFECT_PROPOSED:
        break;
    case QNK_EFFECT_HALT:
        tell(world, i, effect);
        machine_halt(world, i);
        break;
    case QNK_EFFECT_NOTE:
        tell(world, i, effect);
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
    qnk_wires_forget(world);
    qnk_effects_reset(&machine->effects);
}

/* --- steps --- */

/* Of this thread: what other processes do is not in it. */
static uint64_t spent_ns(void)
{
    struct timespec spent;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

static void step_timed(struct qnk_world *world, uint32_t i, const struct qnk_event *event)
{
    struct machine *machine = &world->machines[i];
    uint64_t began_ns = spent_ns();

    qnk_node_step(machine->node, event, &machine->effects);
    began_ns = spent_ns() - began_ns;
    if (began_ns > world->step_max_ns) {
        world->step_max_ns = began_ns;
        world->step_max_node = i;
    }
}

static void step_once(struct qnk_world *world, uint32_t i, struct qnk_event *event, uint64_t now_us)
{
    QN_ASSERT(!world->is_stepping); /* hooks do not step */
    world->is_stepping = true;
    event->now_us = now_us;
    if (watch_event(world, i, event)) {
        world->events++;
        step_timed(world, i, event);
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

bool qnk_machine_step(struct qnk_world *world, uint32_t i, struct qnk_event *event)
{
    struct machine *machine = &world->machines[i];
    uint64_t now_us;

    if (!is_alive(machine)) {
        return false;
    }
    now_us = clock_now(world, machine);
    clock_look(world, i, now_us);
    if (!is_alive(machine)) {
        return false;
    }
    step_once(world, i, event, now_us);
    return true;
}

void qnk_machine_sign(struct qnk_world *world, uint32_t i, const struct qnk_sign *sign,
                      uint8_t signature[QN_SIG_SIZE])
{
    struct qn_span message = {sign->message, sign->message_size};

    if (sign->long_message != NULL) {
        message = (struct qn_span){sign->long_message->data, sign->long_size};
    }
    if (message.size == 0) {
        return;
    }
    crypto_sign_detached(signature, NULL, message.data, message.size, world->machines[i].key);
    qnk_world_signed(world, i, message, signature);
}

void qnk_machine_fail(struct qnk_world *world, uint32_t i, int32_t status, const char *what,
                      const char *why)
{
    struct machine *machine = &world->machines[i];
    struct qnk_effect note = {.type = QNK_EFFECT_NOTE};

    if (status == QN_CORRUPT) {
        qnk_text(machine->why, sizeof machine->why, "%s", *why != 0 ? why : what);
    } else {
        qnk_text(machine->why, sizeof machine->why, "%s cannot be stored (status %d)", what,
                 status);
    }
    machine->status = status;
    machine_halt(world, i);
    note.note.what = QNK_NOTE_LOG;
    note.note.event = "disk-failed";
    qnk_text(note.note.text, sizeof note.note.text, "%s", machine->why);
    tell(world, i, &note);
}
