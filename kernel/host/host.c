/* SPDX-License-Identifier: MIT */

/* host.c: a host's life, and what others see of it. */

#include "kernel/host/host.h"

#include <string.h>
#include <time.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/host/fullness.h"
#include "kernel/host/live.h"

enum {
    FREEZE_TRIES = 300, /* a plugin that still holds something gets so many pauses */
    FREEZE_NS = 10000000,
    ROOM_AGAIN_US = 300000000, /* between two words about a disk that has little room */
    TICKS_OF_SECOND = 10,      /* between two looks at what changes slowly */
    TICKS_OF_ROOM = 50,        /* between two looks at the disk */
    DRAIN_TICKS = 20,          /* that a plain end waits for what is being signed and stored */
};

enum qnk_exit qnk_live_exit(int32_t status)
{
    switch (status) {
    case QN_CORRUPT:
        return QNK_EXIT_CORRUPT;
    case QN_DENIED:
        return QNK_EXIT_PERMISSION;
    case QN_IO:
    case QN_NO_SPACE:
    case QN_TIMEOUT:
    case QN_BUSY:
        return QNK_EXIT_IO;
    default:
        return QNK_EXIT_INTERNAL;
    }
}

/* --- the tick --- */

static void clock_look(struct qnk_host *host)
{
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    if (host->clock.is_steady != host->is_clock_held) {
        return;
    }
    host->is_clock_held = !host->clock.is_steady;
    event.control.what = host->is_clock_held ? QNK_CONTROL_HOLD : QNK_CONTROL_UNHOLD;
    if (host->is_clock_held) {
        qnk_log(&host->log, QNK_LOG_WARN, "clock-stepped",
                "the machine's clock was set: no block and no vote until it is steady for 30 s");
    } else {
        qnk_log(&host->log, QNK_LOG_INFO, "clock-steady", "the machine's clock is steady again");
    }
    qnk_live_event(host, &event);
}

/* That a validator does not sign is never silent. */
static void signing_look(struct qnk_host *host)
{
    struct qnk_node_view view;

    if (!host->has_validator) {
        return;
    }
    qnk_node_look(host->node, &view);

    const char *why = view.is_signing ? "" : view.not_signing;

    if (host->not_signing != NULL && strcmp(why, host->not_signing) == 0) {
        return;
    }
    host->not_signing = why; /* a constant of the core */
    if (view.is_signing) {
        qnk_log(&host->log, QNK_LOG_INFO, "signing", "this node signs | member=%u", view.member);
    } else {
        qnk_log(&host->log, QNK_LOG_WARN, "not-signing", "this node does not sign: %s | why=%s",
                why, why);
    }
}

/* Before the disk is full the node stops: then there is room to repair things. */
static void room_look(struct qnk_host *host, uint64_t now_us)
{
    uint64_t free;
    uint64_t total;

    if (qnk_fullness_look(host->dir.data, &free, &total) != QN_OK) {
        return;
    }
    host->disk_free = free;
    switch (qnk_fullness_of(free, total)) {
    case QNK_FULLNESS_IS_FULL:
        qnk_host_stop(host, QNK_EXIT_IO,
                      "the disk of the data folder is nearly full: make room, then start again");
        break;
    case QNK_FULLNESS_IS_LOW:
        if (host->room_told_us == 0 || now_us - host->room_told_us > ROOM_AGAIN_US) {
            host->room_told_us = now_us;
            qnk_log(&host->log, QNK_LOG_WARN, "disk-low",
                    "the disk of the data folder has little room left | free=%lluMiB",
                    (unsigned long long)(free >> 20));
        }
        break;
    case QNK_FULLNESS_FINE:
        host->room_told_us = 0;
        break;
    }
}

/* What is being made comes to its end: a block that was signed and not stored could never be made
 * again, and a validator alone would wait for it for ever. */
static void drain_look(struct qnk_host *host)
{
    if (qnk_pool_count(host->pool) == 0 || ++host->drained > DRAIN_TICKS) {
        host->is_ending = true;
        (void)uv_async_send(&host->ender);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct qnk_host *host = timer->data;
    uint64_t now_us = qnk_live_now(host);

    if (host->is_ending) {
        return;
    }
    if (host->phase == QNK_HOST_STOPPING) {
        drain_look(host);
        return;
    }
    if (host->has_dir && host->ticks % TICKS_OF_ROOM == 0) {
        room_look(host, now_us);
    }
    if (host->ticks++ % TICKS_OF_SECOND == 0) {
        qnk_log_tick(host->setup.log);
        if (host->phase == QNK_HOST_RUNNING) {
            signing_look(host);
        }
    }
    if (host->phase == QNK_HOST_RUNNING) {
        qnk_refit_tick(host);
        qnk_bound_tick(host);
        clock_look(host);
        qnk_peers_tick(host->peers, now_us);
        qnk_watch_again(host->watch); /* what the tick dialled or closed */
        qnk_live_anew_tick(host);
    }
}

/* --- the end --- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct qnk_host *host = handle->data;

    QN_ASSERT(host->handles > 0);
    if (--host->handles == 0) {
        host->setup.closed(host->setup.ctx);
    }
}

static void handle_gone(void *ctx)
{
    struct qnk_host *host = ctx;

    QN_ASSERT(host->handles > 0);
    if (--host->handles == 0) {
        host->setup.closed(host->setup.ctx);
    }
}

static void submits_end(struct qnk_host *host)
{
    for (uint32_t i = 0; i < QNK_HOST_SUBMITS_MAX; i++) {
        struct qnk_live_submit submit = host->submits[i];

        if (submit.token != 0) {
            host->submits[i] = (struct qnk_live_submit){0};
            submit.done(submit.ctx, (struct qn_span){0});
        }
    }
    host->submits_count = 0;
}

/* What plugins hold of ours comes back, or the process ends with it. */
static void kit_end(struct qnk_host *host)
{
    const struct timespec pause = {.tv_nsec = FREEZE_NS};

    for (uint32_t i = 0; i < FREEZE_TRIES && qnk_kit_freeze(&host->kit) == QN_BUSY; i++) {
        (void)nanosleep(&pause, NULL);
    }
    qnk_refit_readers_end(host);
    qnk_kit_close(&host->kit);
}

static void parts_end(struct qnk_host *host)
{
    qnk_refit_stop(host);
    qnk_bound_stop(host);
    if (host->peers != NULL) {
        qnk_peers_stop(host->peers, qnk_live_now(host));
    }
    if (host->pool != NULL) {
        qnk_pool_stop(host->pool); /* all that was on its way to the disk is there now */
    }
    qnk_live_inputs_end(host);
    submits_end(host);
    qnk_peers_destroy(host->peers);
    host->peers = NULL;
    qnk_disk_destroy(host->disk);
    host->disk = NULL;
    if (host->node != NULL) {
        qnk_effects_done(&host->effects);
        qnk_node_destroy(host->node);
        host->node = NULL;
    }
    qnk_bound_destroy(host->bound);
    host->bound = NULL;
    if (host->has_kit) {
        kit_end(host);
    }
}

static void memory_end(struct qnk_host *host)
{
    qnk_signer_destroy(host->signer);
    host->signer = NULL;
    qnk_set_unref(host->first_set);
    host->first_set = NULL;
    qnk_memory_give(&host->budget, host->tips, host->tips_count * sizeof *host->tips);
    host->tips = NULL;
    qnk_gauges_destroy(host);
    qnk_key_done(&host->node_key);
    qnk_key_done(&host->validator_key);
    qnk_refit_destroy(host->refit);
    host->refit = NULL;
    if (host->has_dir) {
        qnk_datadir_close(&host->dir);
    }
}

static void end(struct qnk_host *host)
{
    host->is_ended = true;
    parts_end(host);
    memory_end(host);
    host->handles = QNK_LIVE_HANDLES;
    if (host->pool != NULL) {
        host->handles++;
        qnk_pool_destroy(host->pool, handle_gone, host);
    }
    if (host->watch != NULL) {
        host->handles++;
        qnk_watch_destroy(host->watch, handle_gone, host);
    }
    uv_close((uv_handle_t *)&host->ender, on_handle_closed);
    uv_close((uv_handle_t *)&host->timer, on_handle_closed);
    uv_close((uv_handle_t *)&host->tick, on_handle_closed);
}

static void on_ender(uv_async_t *async)
{
    struct qnk_host *host = async->data;

    if (!host->is_ending) {
        qnk_live_start(host);
    } else if (!host->is_ended) {
        end(host);
    }
}

/* No new block and no new vote; what is under way goes on. */
static void drain_begin(struct qnk_host *host)
{
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    event.control.what = QNK_CONTROL_HOLD;
    qnk_live_event(host, &event);
}

void qnk_host_stop(struct qnk_host *host, enum qnk_exit code, const char *why)
{
    bool is_plain = code == QNK_EXIT_OK && host->phase == QNK_HOST_RUNNING && !host->is_performing;

    host->is_again = false;
    if (host->phase == QNK_HOST_STOPPING) {
        if (host->exit != QNK_EXIT_OK || code == QNK_EXIT_OK) {
            return;
        }
        is_plain = false; /* it fails while it ends */
    }
    host->phase = QNK_HOST_STOPPING;
    host->exit = code;
    qnk_text(host->why, sizeof host->why, "%s", why);
    if (code == QNK_EXIT_OK) {
        qnk_log(&host->log, QNK_LOG_INFO, "stopping", "the node stops");
    } else {
        qnk_log(&host->log, QNK_LOG_ERROR, "stopping", "the node stops: %s | code=%d text=%s", why,
                (int)code, why);
    }
    if (is_plain) {
        qnk_refit_stop(host);
        drain_begin(host);
    } else {
        host->is_ending = true;
        (void)uv_async_send(&host->ender);
    }
}

enum qnk_exit qnk_host_ending(const struct qnk_host *host, const char **why)
{
    *why = host->why;
    return host->exit;
}

bool qnk_host_is_again(const struct qnk_host *host)
{
    return host->is_again;
}

/* --- the beginning --- */

int32_t qnk_host_create(const struct qnk_host_setup *setup, struct qnk_host **out)
{
    const struct qnk_node_file *file = &setup->config->node;
    struct qnk_budget budget = {.limit = file->memory / 2};
    uint64_t submits = QNK_HOST_SUBMITS_MAX * sizeof(struct qnk_live_submit);
    struct qnk_host *host = qnk_memory_take(&budget, sizeof *host);

    if (host == NULL) {
        return QN_NO_SPACE;
    }
    host->budget.limit = budget.limit - sizeof *host;
    host->submits = qnk_memory_take(&host->budget, submits);
    if (host->submits == NULL) {
        qnk_memory_give(&budget, host, sizeof *host);
        return QN_NO_SPACE;
    }
    host->setup = *setup;
    host->log.name = "kernel/host";
    host->core_log.name = "kernel/node";
    host->doing = "beginning";
    host->dir.lock = -1;
    qnk_gate_init(&host->gate);
    host->clock = (struct qnk_clock){.is_steady = true};
    host->start_us = qnk_live_now(host);
    host->clock.is_steady = true; /* the first look is no step */
    (void)uv_async_init(setup->loop, &host->ender, on_ender);
    (void)uv_timer_init(setup->loop, &host->timer);
    (void)uv_timer_init(setup->loop, &host->tick);
    host->ender.data = host;
    host->timer.data = host;
    host->tick.data = host;
    if (qnk_log_add(setup->log, &host->log) != QN_OK ||
        qnk_log_add(setup->log, &host->core_log) != QN_OK) {
        host->log.log = NULL; /* silent: the log has no more room for parts */
    }
    *out = host;
    return QN_OK;
}

int32_t qnk_host_start(struct qnk_host *host)
{
    if (uv_timer_start(&host->tick, on_tick, QNK_LIVE_TICK_MS, QNK_LIVE_TICK_MS) != 0) {
        return QN_NO_SPACE;
    }
    qnk_live_start(host);
    return host->is_ending ? QN_FATAL : QN_OK;
}

void qnk_host_destroy(struct qnk_host *host)
{
    struct qnk_budget budget = {.limit = sizeof *host, .used = sizeof *host};

    QN_ASSERT(host->is_ended && host->handles == 0);
    qnk_live_reload_done(host);
    qnk_gate_done(&host->gate);
    qnk_log_remove(&host->core_log);
    qnk_log_remove(&host->log);
    qnk_memory_give(&host->budget, host->submits,
                    QNK_HOST_SUBMITS_MAX * sizeof(struct qnk_live_submit));
    QN_ASSERT(host->budget.used == 0 && host->tasks_budget.used == 0);
    qnk_memory_give(&budget, host, sizeof *host);
}

/* --- looking --- */

void qnk_host_look(const struct qnk_host *host, struct qnk_host_view *view)
{
    const struct qnk_config *config = host->setup.config;
    static const uint32_t types[] = {
        [QNK_NODE_KIND_LIGHT] = QNK_NODE_LIGHT,
        [QNK_NODE_KIND_FULL] = QNK_NODE_FULL,
        [QNK_NODE_KIND_SUPER] = QNK_NODE_SUPER,
    };

    *view = (struct qnk_host_view){
        .phase = host->phase,
        .doing = host->doing,
        .now_us = host->clock.now_us,
        .start_us = host->start_us,
        .head_us = host->head_us,
        .name = config->node.name,
        .network = config->network.name,
        .data = host->dir.data,
        .runtime = host->dir.runtime,
        .socket = host->socket,
        .config = host->setup.config_path,
        .type = types[config->node.kind],
        .workers = host->workers,
        .chain_id = host->params.chain_id,
        .node_key = host->node_public,
        .has_validator = host->has_validator,
        .validator_key = host->validator_public,
        .clock = host->clock.is_steady ? "" : "was set less than 30 s ago",
        .memory_used = host->budget.used,
        .memory_limit = config->node.memory,
    };
    if (host->node != NULL) {
        view->memory_used += qnk_node_budget(host->node)->used;
    }
}

struct qnk_node *qnk_host_node(struct qnk_host *host)
{
    return host->phase == QNK_HOST_RUNNING ? host->node : NULL;
}

struct qnk_peers *qnk_host_peers(struct qnk_host *host)
{
    return host->phase == QNK_HOST_RUNNING ? host->peers : NULL;
}

struct qnk_budget *qnk_host_budget(struct qnk_host *host)
{
    return &host->budget;
}

struct uv_loop_s *qnk_host_loop(struct qnk_host *host)
{
    return host->setup.loop;
}

struct qnk_log *qnk_host_log(struct qnk_host *host)
{
    return host->setup.log;
}

struct qnk_metrics *qnk_host_metrics(struct qnk_host *host)
{
    if (host->metrics != NULL && !host->is_ending) {
        qnk_gauges_update(host);
    }
    return host->metrics;
}

const struct qnk_config *qnk_host_config(const struct qnk_host *host)
{
    return host->setup.config;
}

struct qnk_instance *qnk_host_instance(struct qnk_host *host, uint32_t kind)
{
    struct qnk_instance *instance = NULL;

    QN_ASSERT(kind < QNK_HOST_KINDS);
    if (host->phase != QNK_HOST_RUNNING) {
        return NULL;
    }
    if (kind == QNK_HOST_CONSENSUS || kind == QNK_HOST_PRODUCER) { /* as the chain binds */
        uint32_t bound = kind == QNK_HOST_CONSENSUS ? QNK_BINDING_CONSENSUS : QNK_BINDING_PRODUCER;
        struct qnk_node_view view;

        qnk_node_look(host->node, &view);
        instance = qnk_bound_find(host, bound, view.numbers[bound]);
    }
    return instance != NULL ? instance : host->kit.instances[kind];
}

const struct qnk_plugin *qnk_host_plugin(struct qnk_host *host, uint32_t kind)
{
    const struct qnk_instance *instance = qnk_host_instance(host, kind);

    return instance == NULL ? NULL : qnk_instance_plugin(instance);
}

/* --- asking --- */

static void ask_run(struct qnk_task *task, uint32_t lane)
{
    struct qnk_ask *ask = (struct qnk_ask *)(void *)((char *)task - offsetof(struct qnk_ask, task));
    struct qnk_host *host = ask->host;
    const struct qnk_reach reach = {
        .store = qnk_disk_reader(host->disk),
        .store_lane = QNK_DISK_LANE_READS,
        .ledger = host->job_host.ledger,
        .ledger_lane = lane,
    };

    qnk_disk_wait(host->disk, ask->windows);
    qnk_gate_enter(&host->gate, false);
    ask->run(ask, &reach);
    qnk_gate_leave(&host->gate, false);
    ask->has_rotten = qnk_store_rotten(reach.store, ask->rotten);
}

static void ask_done(struct qnk_task *task)
{
    struct qnk_ask *ask = (struct qnk_ask *)(void *)((char *)task - offsetof(struct qnk_ask, task));

    ask->host->asks--;
    if (ask->has_rotten) {
        struct qnk_event event = {.type = QNK_EVENT_ROTTEN};

        event.rotten.header = (struct qn_span){ask->rotten, sizeof ask->rotten};
        qnk_live_event(ask->host, &event);
    }
    ask->done(ask);
}

int32_t qnk_host_ask(struct qnk_host *host, struct qnk_ask *ask)
{
    if (host->phase != QNK_HOST_RUNNING) {
        return QN_AGAIN;
    }
    if (host->asks == QNK_HOST_ASKS_MAX) {
        return QN_BUSY;
    }
    host->asks++;
    ask->host = host;
    ask->windows = ask->goes_on ? 0 : qnk_disk_windows(host->disk);
    ask->has_rotten = false;
    ask->task = (struct qnk_task){.run = ask_run, .done = ask_done};
    qnk_pool_give(host->pool, QNK_QUEUE_READS, &ask->task);
    return QN_OK;
}

int32_t qnk_host_submit(struct qnk_host *host, struct qn_buf *txs, qnk_host_submitted *done,
                        void *ctx)
{
    struct qnk_event event = {.type = QNK_EVENT_SUBMIT};
    uint32_t place = host->submits_next;

    if (host->phase != QNK_HOST_RUNNING) {
        return QN_AGAIN;
    }
    if (host->submits_count == QNK_HOST_SUBMITS_MAX) {
        return QN_BUSY;
    }
    while (host->submits[place].token != 0) {
        place = (place + 1) % QNK_HOST_SUBMITS_MAX;
    }
    host->submits_next = (place + 1) % QNK_HOST_SUBMITS_MAX;
    host->submits_count++;
    event.submit.token = ++host->turn * QNK_HOST_SUBMITS_MAX + place;
    event.submit.txs = txs;
    host->submits[place] =
        (struct qnk_live_submit){.token = event.submit.token, .done = done, .ctx = ctx};
    qnk_live_event(host, &event);
    return QN_OK;
}

void qnk_host_control(struct qnk_host *host, uint32_t what)
{
    struct qnk_event event = {.type = QNK_EVENT_CONTROL};

    event.control.what = what;
    qnk_live_event(host, &event);
}

void qnk_host_watch(struct qnk_host *host, qnk_host_noted *noted, void *ctx)
{
    host->noted = noted;
    host->noted_ctx = ctx;
}
