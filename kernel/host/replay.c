/* SPDX-License-Identifier: MIT */

#include "kernel/host/replay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "kernel/base/bytes.h"
#include "kernel/base/text.h"
#include "kernel/host/bound.h"
#include "kernel/host/inputs_head.h"
#include "kernel/node/node.h"

enum {
    LANE = 0,
    EFFECTS_CAP = 1 << 28,
    EFFECTS_LIMIT = 1 << 28,
    WORD = 512,
    FREEZE_TRIES = 100,
};

/* What the log says of a job that came back. */
struct turn {
    uint64_t serial;
    uint64_t turn;
};

/* A job of the core's that did not come back yet, in the order of the effects. */
struct pending {
    struct qnk_job *job;
    bool is_run;
};

/* A binding that the core asked for, and what stands for it. */
struct bound {
    struct qnk_need *need; /* NULL: free */
    struct qnk_instance *instance;
};

struct replay {
    const struct qnk_replay_setup *setup;
    struct qnk_replay_report *report;
    struct qnk_inputs_reader reader;
    struct qnk_inputs_head head;
    struct qn_span head_bytes; /* a copy: what `head` borrows */
    struct qnk_tape_setup tape;
    struct qnk_instance *instances[QNK_INPUTS_PLUGINS_MAX];
    struct bound bound[QNK_BOUND_PLUGINS_MAX];
    struct qnk_job_host job_host;
    struct qnk_budget effects_budget;
    struct qnk_node *node;
    struct qnk_effects effects;
    struct qn_sink made; /* effects of the step, encoded */
    struct qnk_sha256 sha;
    uint64_t turn;   /* of the ledger */
    uint64_t serial; /* of the newest job */
    struct turn *turns;
    uint64_t turns_count, turns_room;
    struct pending *pending;
    uint32_t pending_count, pending_room;
    bool is_in_step; /* the log has an event whose effects did not come yet */
};

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int32_t refuse(struct replay *replay, const char *why)
{
    replay->report->result = QNK_REPLAY_REFUSED;
    qnk_text(replay->report->why, sizeof replay->report->why, "%s", why);
    return QN_INVALID;
}

/* An array of `room` members of `size` becomes twice as large. False: over the budget. */
static bool grow(struct qnk_budget *budget, void **array, uint64_t room, uint64_t size,
                 uint64_t *new_room)
{
    uint64_t wanted = room == 0 ? 1024 : room * 2;
    void *larger = qnk_memory_take(budget, wanted * size);

    if (larger == NULL) {
        return false;
    }
    if (room > 0) {
        memcpy(larger, *array, room * size);
        qnk_memory_give(budget, *array, room * size);
    }
    *array = larger;
    *new_room = wanted;
    return true;
}

/* --- the first reading: how jobs came back, and how it ends --- */

static int turn_compare(const void *a, const void *b)
{
    const struct turn *left = a, *right = b;

    return left->serial < right->serial ? -1 : left->serial > right->serial;
}

static int32_t turn_add(struct replay *replay, const struct qnk_tape_job *job)
{
    void *turns = replay->turns;

    if (replay->turns_count == replay->turns_room &&
        !grow(replay->setup->budget, &turns, replay->turns_room, sizeof *replay->turns,
              &replay->turns_room)) {
        return refuse(replay, "there is no memory");
    }
    replay->turns = turns;
    replay->turns[replay->turns_count++] = (struct turn){job->serial, job->turn};
    return QN_OK;
}

/* The turn that a job saw; false: it never came back. */
static bool turn_find(const struct replay *replay, uint64_t serial, uint64_t *turn)
{
    const struct turn wanted = {.serial = serial};
    const struct turn *found = replay->turns_count == 0
                                   ? NULL
                                   : bsearch(&wanted, replay->turns, replay->turns_count,
                                             sizeof *replay->turns, turn_compare);

    if (found != NULL) {
        *turn = found->turn;
    }
    return found != NULL;
}

static int32_t survey_record(struct replay *replay, const struct qnk_inputs_record *record)
{
    struct qnk_replay_report *report = replay->report;
    struct qnk_tape_event event;

    switch ((enum qnk_inputs_type)record->type) {
    case QNK_INPUTS_EVENT:
        replay->is_in_step = true;
        report->steps = record->step;
        if (qnk_tape_event_decode(record->body, &event) != QN_OK) {
            return QN_CORRUPT;
        }
        return event.event.type == QNK_EVENT_JOB ? turn_add(replay, &event.job) : QN_OK;
    case QNK_INPUTS_EFFECTS:
        replay->is_in_step = false;
        break;
    case QNK_INPUTS_STOPPED:
        report->end = QNK_REPLAY_END_STOPPED;
        qnk_text(report->words, sizeof report->words, "%.*s", (int)record->body.size,
                 (const char *)record->body.data);
        break;
    case QNK_INPUTS_HEAD:
    case QNK_INPUTS_PAGES:
    case QNK_INPUTS_BEGIN:
    case QNK_INPUTS_SEGMENT_:
        break;
    }
    return QN_OK;
}

static void survey_end(struct replay *replay, int32_t status)
{
    const struct qnk_inputs_reader *reader = &replay->reader;
    struct qnk_replay_report *report = replay->report;

    if (status != QN_NOT_FOUND) {
        report->end = QNK_REPLAY_END_DAMAGED;
        qnk_text(report->words, sizeof report->words, "%s", reader->why);
    } else if (report->end == QNK_REPLAY_END_STOPPED) {
        return;
    } else if (replay->is_in_step) {
        report->end = QNK_REPLAY_END_IN_STEP;
    } else if (reader->has_ended) {
        report->end = QNK_REPLAY_END_ORDERLY;
        report->code = reader->code;
        qnk_text(report->words, sizeof report->words, "%s", reader->words);
    } else {
        report->end = QNK_REPLAY_END_BETWEEN;
    }
}

/* Reads the whole log once. */
static int32_t survey(struct replay *replay)
{
    struct qnk_inputs_record record;
    int32_t status = qnk_inputs_reader_open(&replay->reader, replay->setup->folder);

    if (status != QN_OK) {
        return refuse(replay, replay->reader.why);
    }
    while (status == QN_OK) {
        status = qnk_inputs_next(&replay->reader, &record);
        if (status == QN_OK) {
            status = survey_record(replay, &record);
        }
    }
    if (replay->report->result == QNK_REPLAY_REFUSED) {
        return QN_INVALID;
    }
    survey_end(replay, status);
    if (replay->report->steps == 0) {
        return refuse(replay, replay->report->end == QNK_REPLAY_END_DAMAGED
                                  ? replay->report->words
                                  : "the log has no step: the node died before its first, or the "
                                    "files of steps are missing");
    }
    if (replay->turns_count > 0) {
        qsort(replay->turns, replay->turns_count, sizeof *replay->turns, turn_compare);
    }
    if (replay->reader.oldest > 1) {
        return refuse(replay,
                      "the beginning of this log was dropped, as it reached input_log_size; a "
                      "replay begins at the start of the node");
    }
    qnk_inputs_reader_close(&replay->reader);
    status = qnk_inputs_reader_open(&replay->reader, replay->setup->folder);
    return status == QN_OK ? QN_OK : refuse(replay, replay->reader.why);
}

/* --- plugins --- */

static const char *word(struct qn_span span, char to[WORD])
{
    qnk_text(to, WORD, "%.*s", (int)span.size, (const char *)span.data);
    return to;
}

/* By its name among the plugins that are here, else the file that the log names. */
static int32_t plugin_find(struct replay *replay, const struct qnk_inputs_plugin *wanted,
                           struct qnk_plugin **plugin)
{
    char kind[WORD], name[WORD], path[WORD], why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_replay_report *report = replay->report;
    size_t used = strlen(report->plugins);
    int32_t status;

    (void)word(wanted->kind, kind);
    (void)word(wanted->name, name);
    (void)word(wanted->path, path);
    status = qnk_loader_find(replay->setup->loader, kind, name, "", plugin, why);
    if (status == QN_NOT_FOUND && *path != 0) {
        status = qnk_loader_find(replay->setup->loader, kind, name, path, plugin, why);
    }
    if (status != QN_OK) {
        return refuse(replay, why);
    }

    bool is_same = memcmp((*plugin)->hash.bytes, wanted->hash, QN_HASH_SIZE) == 0;

    report->plugins_differ += !is_same;
    qnk_text(report->plugins + used, sizeof report->plugins - used, "%s/%s %s %s\n", kind, name,
             (*plugin)->manifest.version_text,
             is_same ? "as recorded" : "is NOT the file of the log");
    return QN_OK;
}

static int32_t plugin_make(struct replay *replay, uint32_t place)
{
    const struct qnk_inputs_plugin *wanted = &replay->head.plugins[place];
    const struct qnk_instance_options options = {.guard = (enum qnk_guard_depth)replay->head.guard};
    struct qnk_plugin *plugin;
    char why[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = plugin_find(replay, wanted, &plugin);

    if (status != QN_OK) {
        return status;
    }
    status = qnk_instance_create(plugin, wanted->config, &options, &replay->instances[place], why);
    if (status == QN_OK) {
        status = qnk_instance_activate(replay->instances[place]);
    }
    return status == QN_OK ? QN_OK : refuse(replay, *why != 0 ? why : "a plugin does not start");
}

static struct qnk_plugged plugged(const struct replay *replay, const char *kind)
{
    char name[WORD];

    for (uint32_t i = 0; i < replay->head.plugins_count; i++) {
        if (strcmp(word(replay->head.plugins[i].kind, name), kind) == 0) {
            return qnk_instance_plugged(replay->instances[i]);
        }
    }
    return (struct qnk_plugged){0};
}

/* --- the ledger --- */

static uint64_t ledger_turn(void *ctx)
{
    const struct replay *replay = ctx;

    return replay->turn;
}

static void ledger_enter(void *ctx, bool alone)
{
    (void)ctx;
    (void)alone;
}

static void ledger_leave(void *ctx, bool alone)
{
    struct replay *replay = ctx;

    replay->turn += alone;
}

static int32_t pages_load(struct replay *replay, const struct qnk_inputs_record *record)
{
    const struct qn_ledger_1 *ledger = replay->job_host.ledger.table;
    uint64_t count = record->body.size / QN_LEDGER_PAGE_SIZE;
    int32_t status = ledger->load_pages(replay->job_host.ledger.inst, LANE, record->step,
                                        record->body, record->step + count == replay->head.pages);

    return status == QN_OK ? QN_OK : refuse(replay, "the ledger does not take its pages");
}

static int32_t genesis_load(struct replay *replay)
{
    const struct qn_ledger_1 *ledger = replay->job_host.ledger.table;
    int32_t status = QN_OK;

    if (replay->head.has_state && replay->head.pages == 0) {
        status = ledger->genesis(replay->job_host.ledger.inst, LANE, replay->head.genesis);
    }
    return status == QN_OK ? QN_OK : refuse(replay, "the ledger does not take its first state");
}

/* --- the beginning --- */

static int32_t head_read(struct replay *replay, const struct qnk_inputs_record *record)
{
    struct qnk_replay_report *report = replay->report;
    uint8_t *copy = qnk_memory_take(replay->setup->budget, record->body.size + 1);
    char text[WORD];
    int32_t status;

    if (copy == NULL) {
        return refuse(replay, "there is no memory");
    }
    memcpy(copy, record->body.data, record->body.size);
    replay->head_bytes = (struct qn_span){copy, record->body.size};
    status = qnk_inputs_head_decode(replay->head_bytes, &replay->head);
    if (status == QN_OK) {
        status = qnk_tape_setup_decode(replay->setup->budget, replay->head.setup, &replay->tape);
    }
    if (status != QN_OK) {
        replay->head = (struct qnk_inputs_head){0};
        return refuse(replay, status == QN_UNSUPPORTED
                                  ? "this log is of another version of the format"
                                  : "the head of this log is no such record");
    }
    qnk_text(report->node, sizeof report->node, "%s", word(replay->head.name, text));
    qnk_text(report->program, sizeof report->program, "%s", word(replay->head.program, text));
    return QN_OK;
}

static int32_t plugins_make(struct replay *replay)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < replay->head.plugins_count; i++) {
        status = plugin_make(replay, i);
    }
    if (status != QN_OK) {
        return status;
    }
    replay->job_host = (struct qnk_job_host){
        .ledger = plugged(replay, "ledger"),
        .signature = plugged(replay, "signature"),
        .ctx = replay,
        .ledger_enter = ledger_enter,
        .ledger_leave = ledger_leave,
        .ledger_turn = ledger_turn,
    };
    if (replay->job_host.ledger.table == NULL || replay->job_host.signature.table == NULL ||
        plugged(replay, "producer").table == NULL) {
        return refuse(replay, "the log names no ledger, signature or producer plugin");
    }
    return genesis_load(replay);
}

static int32_t core_make(struct replay *replay)
{
    struct qnk_setup *setup = &replay->tape.setup;

    setup->producer = plugged(replay, "producer");
    setup->consensus = plugged(replay, "consensus");
    return qnk_node_create(setup, &replay->node) == QN_OK
               ? QN_OK
               : refuse(replay, "the core cannot be made from what the log says");
}

/* All of `start`. */
static int32_t begin(struct replay *replay)
{
    struct qnk_inputs_record record = {0};
    int32_t status = QN_OK;

    while (status == QN_OK && record.type != QNK_INPUTS_BEGIN) {
        status = qnk_inputs_next(&replay->reader, &record);
        if (status != QN_OK) {
            return refuse(replay, status == QN_NOT_FOUND ? "the node died before its first step"
                                                         : replay->reader.why);
        }
        if (record.type == QNK_INPUTS_HEAD && replay->tape.set != NULL) {
            return refuse(replay, "the log has two heads");
        }
        if (record.type == QNK_INPUTS_HEAD) {
            status = head_read(replay, &record);
            status = status == QN_OK ? plugins_make(replay) : status;
        } else if (record.type == QNK_INPUTS_PAGES && replay->job_host.ledger.table != NULL) {
            status = pages_load(replay, &record);
        }
    }
    if (status == QN_OK && replay->tape.set == NULL) {
        return refuse(replay, "the log has no head");
    }
    return status == QN_OK ? core_make(replay) : status;
}

/* --- jobs --- */

static void job_run(struct replay *replay, struct pending *pending)
{
    struct qnk_replay_report *report = replay->report;
    uint32_t where = report->where;

    report->where = QNK_REPLAY_IN_JOB;
    report->job = pending->job->kind;
    qnk_job_run(pending->job, &replay->job_host, LANE);
    pending->is_run = true;
    report->jobs++;
    report->where = where;
}

static bool is_of_ledger(const struct qnk_job *job)
{
    return qnk_job_class(job->kind) == QNK_JOB_LEDGER;
}

/* Whatever only looked at the ledger as it is now did so before it changes. */
static void lookers_run(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->pending_count; i++) {
        struct pending *pending = &replay->pending[i];
        uint64_t turn;

        if (!pending->is_run && !is_of_ledger(pending->job) &&
            turn_find(replay, pending->job->serial, &turn) && turn == replay->turn) {
            job_run(replay, pending);
        }
    }
}

/* Runs the next job of the ledger. False: there is none. */
static bool ledger_go(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->pending_count; i++) {
        if (!replay->pending[i].is_run && is_of_ledger(replay->pending[i].job)) {
            lookers_run(replay);
            job_run(replay, &replay->pending[i]);
            return true;
        }
    }
    return false;
}

static struct pending *pending_find(struct replay *replay, uint64_t serial)
{
    for (uint32_t i = 0; i < replay->pending_count; i++) {
        if (replay->pending[i].job->serial == serial) {
            return &replay->pending[i];
        }
    }
    return NULL;
}

/* Runs a job as it was run then, unless that was done before. */
static void job_do(struct replay *replay, struct pending *pending, uint64_t turn)
{
    while (!pending->is_run && is_of_ledger(pending->job) && ledger_go(replay)) {
    }
    while (!pending->is_run && turn > replay->turn && ledger_go(replay)) {
    }
    if (!pending->is_run) {
        job_run(replay, pending);
    }
}

/* The job of a JOB event, run and taken out of the list. NULL: it differs, and the report says
 * how. */
static struct qnk_job *job_take(struct replay *replay, const struct qnk_tape_job *then)
{
    struct qnk_replay_report *report = replay->report;
    struct pending *pending = pending_find(replay, then->serial);
    struct qnk_job *job;

    if (pending == NULL) {
        report->result = QNK_REPLAY_DIFFERENT;
        qnk_text(report->field, sizeof report->field, "job");
        qnk_text(report->then, sizeof report->then, "job %llu came back",
                 (unsigned long long)then->serial);
        qnk_text(report->now, sizeof report->now, "there is no such job");
        return NULL;
    }
    job_do(replay, pending, then->turn);
    job = pending->job;
    if (qnk_tape_job_digest(job) != then->digest || job->status != then->status) {
        report->result = QNK_REPLAY_DIFFERENT;
        qnk_text(report->field, sizeof report->field, "job");
        qnk_text(report->then, sizeof report->then, "status=%d digest=%08x turn=%llu", then->status,
                 then->digest, (unsigned long long)then->turn);
        qnk_text(report->now, sizeof report->now, "status=%d digest=%08x turn=%llu", job->status,
                 qnk_tape_job_digest(job), (unsigned long long)job->turn);
        return NULL;
    }

    uint32_t place = (uint32_t)(pending - replay->pending);

    replay->pending_count--;
    memmove(pending, pending + 1, (replay->pending_count - place) * sizeof *pending);
    return job;
}

static bool jobs_keep(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->effects.count; i++) {
        struct qnk_effect *effect = &replay->effects.list[i];

        if (effect->type != QNK_EFFECT_JOB) {
            continue;
        }
        if (replay->pending_count == replay->pending_room) {
            void *list = replay->pending;
            uint64_t room = replay->pending_room;

            if (!grow(replay->setup->budget, &list, room, sizeof *replay->pending, &room)) {
                return false;
            }
            replay->pending = list;
            replay->pending_room = (uint32_t)room;
        }
        effect->job->serial = ++replay->serial;
        replay->pending[replay->pending_count++] = (struct pending){.job = effect->job};
        effect->job = NULL;
    }
    return true;
}

/* --- plugins that the chain binds --- */

static void instance_end(struct qnk_instance *instance)
{
    for (uint32_t tries = 0;
         instance != NULL && tries < FREEZE_TRIES &&
         qnk_instance_life(instance) == QNK_LIFE_ACTIVE && qnk_instance_freeze(instance) == QN_BUSY;
         tries++) {
    }
    qnk_instance_destroy(instance);
}

/* The place of a binding, or a free one; NULL: neither is there. */
static struct bound *bound_at(struct replay *replay, uint32_t kind, uint32_t number, bool is_new)
{
    struct bound *free = NULL;

    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        struct bound *at = &replay->bound[i];

        if (at->need != NULL && at->need->kind == kind && at->need->binding.number == number) {
            return at;
        }
        free = at->need == NULL ? at : free;
    }
    return is_new ? free : NULL;
}

/* Keeps what was asked for, and ends what was given back. False: more than a node may ask for. */
static bool needs_keep(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->effects.count; i++) {
        struct qnk_effect *effect = &replay->effects.list[i];
        struct bound *at = NULL;

        if (effect->type == QNK_EFFECT_NEED) {
            at = bound_at(replay, effect->need->kind, effect->need->binding.number, true);
            if (at == NULL) {
                return false;
            }
            qnk_need_destroy(at->need);
            at->need = effect->need;
            effect->need = NULL;
        } else if (effect->type == QNK_EFFECT_UNPLUG) {
            at = bound_at(replay, effect->unplug.kind, effect->unplug.number, false);
            if (at != NULL) {
                instance_end(at->instance);
                qnk_need_destroy(at->need);
                *at = (struct bound){0};
            }
        }
    }
    return true;
}

/* An instance for a PLUGGED of the log. */
static int32_t plug_make(struct replay *replay, struct qnk_event *event)
{
    const struct qnk_instance_options options = {.guard = (enum qnk_guard_depth)replay->head.guard};
    struct bound *at = bound_at(replay, event->plugged.kind, event->plugged.number, false);
    const struct qnk_binding *binding = at == NULL ? NULL : &at->need->binding;
    struct qnk_plugin *plugin;
    char why[QNK_PLUGIN_WHY_MAX] = "a plugin comes that nobody asked for";
    int32_t status = QN_INVALID;

    if (binding != NULL && at->instance == NULL) {
        status =
            qnk_loader_find(replay->setup->loader,
                            event->plugged.kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer",
                            binding->name, "", &plugin, why);
    }
    if (status == QN_OK) {
        status =
            qnk_instance_create(plugin, (struct qn_span){binding->config, binding->config_size},
                                &options, &at->instance, why);
    }
    if (status == QN_OK) {
        status = qnk_instance_activate(at->instance);
    }
    if (status != QN_OK) {
        return refuse(replay, why);
    }
    event->plugged.instance = qnk_instance_plugged(at->instance);
    return QN_OK;
}

/* --- steps --- */

/* The buf of an event; NULL: it has none. False: there is no memory. */
static bool buf_make(struct replay *replay, struct qnk_tape_event *tape, struct qn_buf **buf)
{
    *buf = NULL;
    if (!tape->has_bytes) {
        return true;
    }
    *buf = qnk_buf_copy(replay->setup->budget, tape->bytes);
    if (*buf == NULL) {
        return false;
    }
    switch (tape->event.type) {
    case QNK_EVENT_RESTORE_BLOCK:
        tape->event.block.body = *buf;
        break;
    case QNK_EVENT_FRAME:
        tape->event.frame.buf = *buf;
        tape->event.frame.head.body = qnk_buf_span(*buf);
        break;
    default:
        tape->event.submit.txs = *buf;
        break;
    }
    return true;
}

static void halt_look(struct replay *replay)
{
    struct qnk_replay_report *report = replay->report;

    for (uint32_t i = 0; i < replay->effects.count && report->halted_step == 0; i++) {
        if (replay->effects.list[i].type == QNK_EFFECT_HALT) {
            report->halted_step = report->step;
            qnk_text(report->halted, sizeof report->halted, "%s",
                     replay->effects.list[i].halt.text);
        }
    }
}

/* One step with this event; its effects are then in `made`. Not QN_OK: the report says why. */
static int32_t step(struct replay *replay, struct qnk_tape_event *tape)
{
    struct qnk_replay_report *report = replay->report;
    struct qn_buf *buf;

    if (tape->event.type == QNK_EVENT_JOB) {
        tape->event.job = job_take(replay, &tape->job);
        if (tape->event.job == NULL) {
            qnk_tape_event_text(tape, report->event);
            return QN_INVALID;
        }
    }
    if (tape->event.type == QNK_EVENT_PLUGGED && tape->event.plugged.status == QN_OK) {
        int32_t status = plug_make(replay, &tape->event);

        if (status != QN_OK) {
            return status;
        }
    }
    if (!buf_make(replay, tape, &buf)) {
        return refuse(replay, "there is no memory");
    }
    report->where = QNK_REPLAY_IN_STEP;
    qnk_node_step(replay->node, &tape->event, &replay->effects);
    report->where = QNK_REPLAY_OUTSIDE;
    qnk_buf_unref(buf);
    qnk_sink_cut(&replay->made, 0);
    if (qnk_tape_effects_encode(&replay->effects, &replay->made) != QN_OK || !jobs_keep(replay)) {
        return refuse(replay, "there is no memory");
    }
    if (!needs_keep(replay)) {
        return refuse(replay, "more plugins are asked for than a node may");
    }
    halt_look(replay);
    report->effects += replay->effects.count;
    qnk_sha256_add(&replay->sha, replay->made.data, replay->made.size);
    qnk_effects_reset(&replay->effects);
    return QN_OK;
}

/* Compares the effects of the log with those of the last step. */
static int32_t compare(struct replay *replay, struct qn_span then)
{
    struct qnk_replay_report *report = replay->report;
    struct qn_span now = qnk_sink_span(&replay->made);
    struct qnk_tape_diff diff;
    uint32_t count;

    if (then.size == now.size && memcmp(then.data, now.data, now.size) == 0) {
        return QN_OK;
    }
    if (qnk_tape_effects_check(then, &count) != QN_OK || !qnk_tape_effects_diff(then, now, &diff)) {
        return refuse(replay, "the log has effects that no encoder made");
    }
    report->result = QNK_REPLAY_DIFFERENT;
    report->place = diff.place;
    qnk_text(report->field, sizeof report->field, "%s", diff.field);
    qnk_text(report->then, sizeof report->then, "%s", diff.a);
    qnk_text(report->now, sizeof report->now, "%s", diff.b);
    return QN_INVALID;
}

/* Jobs that were under way when the node died may have been what it died of. */
static void rest_run(struct replay *replay)
{
    while (ledger_go(replay)) {
    }
    for (uint32_t i = 0; i < replay->pending_count; i++) {
        if (!replay->pending[i].is_run) {
            job_run(replay, &replay->pending[i]);
        }
    }
}

/* The step of an event's record; the event is kept for the report. */
static int32_t event_do(struct replay *replay, const struct qnk_inputs_record *record,
                        struct qnk_tape_event *tape)
{
    if (qnk_tape_event_decode(record->body, tape) != QN_OK) {
        return refuse(replay, "the log has an event that no encoder made");
    }
    replay->report->step = record->step;
    return step(replay, tape);
}

static void steps_run(struct replay *replay)
{
    struct qnk_replay_report *report = replay->report;
    struct qnk_tape_event tape = {0};
    struct qnk_inputs_record record;
    uint64_t until = replay->setup->until;
    int32_t status = QN_OK;

    for (;;) {
        status = qnk_inputs_next(&replay->reader, &record);
        if (status != QN_OK || (record.type == QNK_INPUTS_EVENT && record.step > report->steps)) {
            break; /* a node that runs has gone on since the log was surveyed */
        }
        if (record.type == QNK_INPUTS_EVENT) {
            status = event_do(replay, &record, &tape);
            if (status != QN_OK) {
                return;
            }
        } else if (record.type == QNK_INPUTS_EFFECTS) {
            status = compare(replay, record.body);
            if (status != QN_OK || record.step == until) {
                qnk_tape_event_text(&tape, report->event);
                report->end = status == QN_OK ? QNK_REPLAY_END_UNTIL : report->end;
                return;
            }
        }
    }
    if (report->end == QNK_REPLAY_END_BETWEEN) {
        rest_run(replay);
    }
}

/* --- the end --- */

static void plugins_end(struct replay *replay)
{
    for (uint32_t i = QNK_INPUTS_PLUGINS_MAX; i-- > 0;) {
        instance_end(replay->instances[i]);
    }
    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        instance_end(replay->bound[i].instance);
    }
}

static void end(struct replay *replay)
{
    struct qnk_budget *budget = replay->setup->budget;

    for (uint32_t i = 0; i < replay->pending_count; i++) {
        qnk_job_destroy(replay->pending[i].job);
    }
    qnk_memory_give(budget, replay->pending, replay->pending_room * sizeof *replay->pending);
    qnk_memory_give(budget, replay->turns, replay->turns_room * sizeof *replay->turns);
    qnk_effects_done(&replay->effects);
    for (uint32_t i = 0; i < QNK_BOUND_PLUGINS_MAX; i++) {
        qnk_need_destroy(replay->bound[i].need); /* of the core's memory */
    }
    qnk_node_destroy(replay->node);
    plugins_end(replay);
    qnk_tape_setup_done(&replay->tape);
    if (replay->head_bytes.data != NULL) {
        qnk_memory_give(budget, (void *)(uintptr_t)replay->head_bytes.data,
                        replay->head_bytes.size + 1);
    }
    qnk_sink_done(&replay->made);
    qnk_inputs_reader_close(&replay->reader);
}

void qnk_replay_run(const struct qnk_replay_setup *setup, struct qnk_replay_report *report)
{
    struct replay replay = {
        .setup = setup,
        .report = report,
        .effects_budget = {.limit = EFFECTS_LIMIT},
    };
    uint64_t begun_us;

    *report = (struct qnk_replay_report){.result = QNK_REPLAY_RUNNING};
    qnk_effects_init(&replay.effects, &replay.effects_budget);
    qnk_sink_init(&replay.made, setup->budget, EFFECTS_CAP);
    qnk_sha256_init(&replay.sha);
    if (survey(&replay) == QN_OK && begin(&replay) == QN_OK) {
        begun_us = now_us();
        steps_run(&replay);
        report->elapsed_us = now_us() - begun_us;
    }
    qnk_sha256_done(&replay.sha, report->hash.bytes);
    if (report->result == QNK_REPLAY_RUNNING) {
        report->result = QNK_REPLAY_EQUAL;
    }
    end(&replay);
}
