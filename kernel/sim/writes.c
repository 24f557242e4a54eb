/* SPDX-License-Identifier: MIT */

/* writes.c: a machine's disk: two writers, of logs and of maps, each of which does one thing after
 * another. What a writer does is done, and outlives a crash, when its happening's time comes; what
 * it had not come to is lost with the power. */

#include <qnet/assert.h>

#include "kernel/sim/inside.h"

enum {
    STORE_US = 800, /* of a durable write to a log */
    SIGN_US = 1000,
    WINDOW_US = 4000, /* until a final window is durable */
    TEAR_RECORDS = 3, /* a write that is torn by the power leaves fewer than so many records */
};

/* --- what waits --- */

static void write_queue(struct machine *machine, enum writer writer, struct happening *at)
{
    at->deed->is_queued = true;
    if (machine->writes[writer] == NULL) {
        machine->writes[writer] = at;
    } else {
        machine->writes_last[writer]->write_next = at;
    }
    machine->writes_last[writer] = at;
}

/* A writer does what it was given in that order, so what is done is its first. */
static void write_unqueue(struct machine *machine, struct happening *at)
{
    for (uint32_t writer = 0; writer < WRITERS; writer++) {
        if (machine->writes[writer] == at) {
            machine->writes[writer] = at->write_next;
            at->deed->is_queued = false;
        }
    }
    QN_ASSERT(!at->deed->is_queued);
}

/* When a writer will have done what takes `cost_us`. */
static uint64_t writer_time(struct qnk_world *world, struct machine *machine, enum writer writer,
                            uint64_t cost_us)
{
    uint64_t *free_us = &machine->free_us[writer];
    uint64_t from = *free_us > world->now_us ? *free_us : world->now_us;

    *free_us = from + cost_us * machine->drive.slow_permille / 1000 +
               by_lot(world, world->setup.jitter_us) + 1;
    return *free_us;
}

/* Something that happens once it is written; the effect moves into it. */
static struct happening *write_later(struct qnk_world *world, uint32_t i, uint32_t what,
                                     uint64_t at_us, struct qnk_effect *effect)
{
    struct happening *done = qnk_happening_new(world, i, what, at_us);

    done->deed = qnk_memory_take(world->budget, sizeof *done->deed);
    QN_ASSERT(done->deed != NULL);
    done->deed->effect = *effect;
    *effect = (struct qnk_effect){.type = QNK_EFFECT_CANCEL}; /* which holds nothing */
    qnk_happening_own(world, done);
    qnk_happening_push(world, done);
    return done;
}

static void log_later(struct qnk_world *world, uint32_t i, uint32_t what, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    uint64_t at_us = writer_time(world, machine, WRITER_LOGS, STORE_US);
    struct happening *done = write_later(world, i, what, at_us, effect);

    write_queue(machine, WRITER_LOGS, done);
    if (what == ACT_STORED) {
        done->deed->event.type = QNK_EVENT_STORED;
        done->deed->event.stored.token = done->deed->effect.block.token;
    }
}

static void window_later(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    uint64_t cost_us = WINDOW_US + by_lot(world, world->setup.maps_us);
    uint64_t at_us = writer_time(world, machine, WRITER_MAPS, cost_us);
    struct happening *done = write_later(world, i, ACT_WINDOW, at_us, effect);

    write_queue(machine, WRITER_MAPS, done);
    done->deed->event.type = QNK_EVENT_STORED;
    done->deed->event.stored.token = done->deed->effect.final->token;
}

static void place_later(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    uint64_t at_us = writer_time(world, machine, WRITER_MAPS, STORE_US);
    struct happening *done = write_later(world, i, ACT_WINDOW, at_us, effect);

    write_queue(machine, WRITER_MAPS, done);
    done->deed->event.type = QNK_EVENT_STORED;
    done->deed->event.stored.token = done->deed->effect.place.token;
}

static void sign_later(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];
    bool is_written = effect->sign->records != NULL;
    uint64_t at_us =
        is_written ? writer_time(world, machine, WRITER_LOGS, SIGN_US) : world->now_us + SIGN_US;
    struct happening *done = write_later(world, i, ACT_SIGNED, at_us, effect);

    if (is_written) {
        write_queue(machine, WRITER_LOGS, done);
    }
    done->deed->event.type = QNK_EVENT_SIGNED;
    done->deed->event.sign.token = done->deed->effect.sign->token;
}

void qnk_writes_take(struct qnk_world *world, uint32_t i, struct qnk_effect *effect)
{
    struct machine *machine = &world->machines[i];

    switch (effect->type) {
    case QNK_EFFECT_STORE_BLOCK:
        log_later(world, i, ACT_STORED, effect);
        break;
    case QNK_EFFECT_STORE_FINAL:
        window_later(world, i, effect);
        break;
    case QNK_EFFECT_STORE_PLACE:
        place_later(world, i, effect);
        break;
    case QNK_EFFECT_STORE_TXS:
        log_later(world, i, ACT_LOGGED, effect);
        break;
    case QNK_EFFECT_SIGN:
        sign_later(world, i, effect);
        break;
    case QNK_EFFECT_GUARD_TRIM:
        /* The guard's log is not written anew before the windows that it forgets are durable. */
        if (machine->free_us[WRITER_LOGS] < machine->free_us[WRITER_MAPS]) {
            machine->free_us[WRITER_LOGS] = machine->free_us[WRITER_MAPS];
        }
        log_later(world, i, ACT_LOGGED, effect);
        break;
    default:
        break;
    }
}

/* --- writing --- */

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
static int32_t sign_down(struct machine *machine, struct deed *deed)
{
    const struct qnk_sign *sign = deed->effect.sign;
    int32_t status = QN_OK;

    if (sign->body != NULL && may_write(machine)) {
        status = qnk_store_block(&machine->store, LANE, sign->header, qnk_buf_span(sign->body),
                                 true, &deed->event.sign.place);
    }
    if (status == QN_OK && sign->records != NULL && may_write(machine)) {
        status = qnk_store_guard(&machine->store, LANE, qnk_buf_span(sign->records));
    }
    deed->event.sign.status = status;
    return status;
}

static int32_t block_down(struct machine *machine, struct deed *deed)
{
    const struct qnk_effect *effect = &deed->effect;

    return qnk_store_block(&machine->store, LANE, effect->block.header,
                           qnk_buf_span(effect->block.body), effect->block.verified,
                           &deed->event.stored.place);
}

static int32_t other_down(struct machine *machine, struct deed *deed)
{
    struct qnk_store *store = &machine->store;
    const struct qnk_effect *effect = &deed->effect;

    switch (effect->type) {
    case QNK_EFFECT_STORE_BLOCK:
        deed->event.stored.status = block_down(machine, deed);
        return deed->event.stored.status;
    case QNK_EFFECT_STORE_FINAL:
        deed->event.stored.status = qnk_store_window(store, LANE, effect->final);
        return deed->event.stored.status;
    case QNK_EFFECT_STORE_PLACE:
        deed->event.stored.status =
            qnk_store_place(store, LANE, effect->place.header, effect->place.place);
        return deed->event.stored.status;
    case QNK_EFFECT_STORE_TXS:
        return qnk_store_txs(store, LANE,
                             (struct qn_span){effect->txs.rows->data, effect->txs.size},
                             effect->txs.replaces);
    case QNK_EFFECT_GUARD_TRIM:
        return qnk_store_guard_trim(store, LANE, qnk_buf_span(effect->trim.records));
    default:
        return QN_OK;
    }
}

int32_t qnk_writes_do(struct qnk_world *world, struct happening *at)
{
    struct machine *machine = &world->machines[at->node];
    struct deed *deed = at->deed;

    deed->is_written = true;
    if (deed->is_queued) {
        write_unqueue(machine, at);
    }
    if (deed->effect.type == QNK_EFFECT_SIGN) {
        return sign_down(machine, deed);
    }
    return may_write(machine) ? other_down(machine, deed) : QN_OK;
}

const char *qnk_writes_words(const struct happening *at)
{
    switch (at->deed->effect.type) {
    case QNK_EFFECT_STORE_BLOCK:
        return "a block";
    case QNK_EFFECT_STORE_FINAL:
        return "a final window";
    case QNK_EFFECT_STORE_PLACE:
        return "the place of a block";
    case QNK_EFFECT_STORE_TXS:
        return "the mempool's copy";
    case QNK_EFFECT_SIGN:
        return "a record of the sign guard";
    case QNK_EFFECT_GUARD_TRIM:
        return "the sign guard's log";
    default:
        return "";
    }
}

/* --- the power goes --- */

/* The guard's log is not written anew before the windows that it forgets. */
static bool is_free(const struct machine *machine, const struct happening *first)
{
    return first->deed->effect.type != QNK_EFFECT_GUARD_TRIM ||
           machine->writes[WRITER_MAPS] == NULL;
}

static void writer_stop(struct qnk_world *world, uint32_t i, enum writer writer)
{
    struct machine *machine = &world->machines[i];
    struct happening *first;

    while (!machine->is_cut && (first = machine->writes[writer]) != NULL &&
           is_free(machine, first) && by_lot(world, 2) == 0) {
        if (first->what == ACT_SIGNED && first->deed->effect.sign->body != NULL &&
            by_lot(world, 2) == 0) {
            machine->writes_left = 1; /* between the block and its record */
        }
        (void)qnk_writes_do(world, first);
    }
    first = machine->writes[writer];
    if (!machine->is_cut && writer == WRITER_LOGS && first != NULL && is_free(machine, first) &&
        by_lot(world, 2) == 0) {
        qnk_drive_tear(&machine->drive, (uint32_t)by_lot(world, TEAR_RECORDS));
        (void)qnk_writes_do(world, first);
    }
}

void qnk_writes_stop(struct qnk_world *world, uint32_t i)
{
    struct machine *machine = &world->machines[i];

    if (!machine->is_halted) {
        writer_stop(world, i, WRITER_MAPS);
        writer_stop(world, i, WRITER_LOGS);
    }
    qnk_drive_cut(&machine->drive);
    for (uint32_t writer = 0; writer < WRITERS; writer++) {
        machine->writes[writer] = machine->writes_last[writer] = NULL;
        machine->free_us[writer] = 0;
    }
}
