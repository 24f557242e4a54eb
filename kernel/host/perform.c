/* SPDX-License-Identifier: MIT */

/* perform.c: events into the core, and what the core wants done. */

#include <time.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/host/live.h"

/* A job of the core's on its way. It lies in the job: peers can ask for many, and where the memory
 * for one ends, the core drops its work, while the host could not go on without it. */
struct job_task {
    struct qnk_task task;
    struct qnk_host *host;
    struct qnk_job *job;
};

_Static_assert(sizeof(struct job_task) <= sizeof(uint64_t[QNK_JOB_ROOM]), "it lies in the job");

static uint64_t clock_us(clockid_t which)
{
    struct timespec now;

    (void)clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t qnk_live_now(struct qnk_host *host)
{
    return qnk_clock_now(&host->clock, clock_us(CLOCK_MONOTONIC), clock_us(CLOCK_REALTIME));
}

/* --- jobs --- */

static void job_run(struct qnk_task *task, uint32_t lane)
{
    const struct job_task *work = (const struct job_task *)task;

    qnk_job_run(work->job, &work->host->job_host, lane);
    if (work->host->inputs.inputs != NULL) {
        work->job->digest = qnk_tape_job_digest(work->job);
    }
}

static void job_done(struct qnk_task *task)
{
    struct job_task *work = (struct job_task *)task;
    struct qnk_host *host = work->host;
    struct qnk_event event = {.type = QNK_EVENT_JOB, .job = work->job};

    host->jobs_out--;
    if (host->is_holding && host->jobs_out == 0) {
        qnk_refit_tick(host);
    }
    if (host->is_ending) {
        qnk_job_destroy(event.job);
    } else {
        qnk_live_event(host, &event);
    }
}

static void task_give(struct qnk_host *host, uint32_t queue, struct qnk_task *task)
{
    if (!host->is_holding) {
        host->jobs_out++;
        qnk_pool_give(host->pool, queue, task);
        return;
    }
    task->queue = queue;
    task->next = NULL;
    if (host->held == NULL) {
        host->held = task;
    } else {
        host->held_last->next = task;
    }
    host->held_last = task;
}

void qnk_live_jobs_hold(struct qnk_host *host, bool holds)
{
    struct qnk_task *task = host->held;

    host->is_holding = holds;
    host->held = NULL;
    host->held_last = NULL;
    while (task != NULL) { /* in the order in which they came */
        struct qnk_task *next = task->next;

        task_give(host, task->queue, task);
        task = next;
    }
}

static void job_give(struct qnk_host *host, struct qnk_effect *effect)
{
    static const enum qnk_queue queues[] = {
        [QNK_JOB_POOL] = QNK_QUEUE_WORK,
        [QNK_JOB_URGENT] = QNK_QUEUE_URGENT,
        [QNK_JOB_LEDGER] = QNK_QUEUE_LEDGER,
    };
    struct qnk_job *job = effect->job;
    struct job_task *work = (struct job_task *)(void *)job->room;

    *work = (struct job_task){
        .task = {.run = job_run, .done = job_done},
        .host = host,
        .job = job,
    };
    job->serial = ++host->jobs;
    effect->job = NULL;
    task_give(host, queues[qnk_job_class(job->kind)], &work->task);
}

/* --- notes --- */

static struct qnk_log_site *site_of(struct qnk_host *host, const char *event)
{
    uint32_t i = 0;

    /* The names are constants of the core; should there be more, the last ones share a site. */
    while (i + 1 < QNK_LIVE_SITES && host->sites[i].event != NULL &&
           host->sites[i].event != event) {
        i++;
    }
    host->sites[i].event = event;
    return &host->sites[i].site;
}

static void note(struct qnk_host *host, const struct qnk_effect *effect)
{
    unsigned long long height = effect->note.height;

    switch ((enum qnk_note)effect->note.what) {
    case QNK_NOTE_LOG:
        qnk_log_text(site_of(host, effect->note.event), &host->core_log,
                     (enum qnk_log_level)effect->note.level, effect->note.event, effect->note.text);
        break;
    case QNK_NOTE_MICROBLOCK:
        host->head_us = host->clock.now_us;
        qnk_log(&host->core_log, QNK_LOG_DEBUG, "block", "block %llu is the head | height=%llu",
                height, height);
        break;
    case QNK_NOTE_UNDONE:
        qnk_log(&host->core_log, QNK_LOG_INFO, "block-undone",
                "block %llu left the best chain | height=%llu", height, height);
        break;
    case QNK_NOTE_FINAL: /* the core logs it itself */
    case QNK_NOTE_ROUND:
        break;
    }
    if (host->noted != NULL) {
        host->noted(host->noted_ctx, effect);
    }
}

/* --- effects --- */

static void perform_one(struct qnk_host *host, struct qnk_effect *effect)
{
    switch ((enum qnk_effect_type)effect->type) {
    case QNK_EFFECT_SEND:
        if (host->peers != NULL) {
            qnk_peers_send(host->peers, effect->send.peer, effect->send.lane, effect->send.type,
                           effect->send.request, effect->send.head, effect->send.body);
        }
        break;
    case QNK_EFFECT_TIMER:
        QN_ASSERT(effect->timer.id < QNK_TIMERS);
        host->timers[effect->timer.id] = effect->timer.at_us == 0 ? 1 : effect->timer.at_us;
        host->are_timers_moved = true;
        break;
    case QNK_EFFECT_CANCEL:
        QN_ASSERT(effect->timer.id < QNK_TIMERS);
        host->timers[effect->timer.id] = 0;
        break;
    case QNK_EFFECT_JOB:
        job_give(host, effect);
        break;
    case QNK_EFFECT_SIGN:
        host->votes_signed += effect->sign->message_size == QNK_VOTE_MESSAGE_SIZE;
        qnk_disk_perform(host->disk, effect);
        break;
    case QNK_EFFECT_STORE_BLOCK:
    case QNK_EFFECT_STORE_FINAL:
    case QNK_EFFECT_STORE_PLACE:
    case QNK_EFFECT_STORE_TXS:
    case QNK_EFFECT_CHECK:
    case QNK_EFFECT_SECRETS:
    case QNK_EFFECT_SERVE:
    case QNK_EFFECT_REPLY:
        qnk_disk_perform(host->disk, effect);
        break;
    case QNK_EFFECT_GUARD_TRIM: /* the first one begins the log, before anything is signed */
        qnk_live_mark(host);
        qnk_disk_perform(host->disk, effect);
        break;
    case QNK_EFFECT_SCORE:
        if (host->peers != NULL) {
            qnk_peers_score(host->peers, effect->score.peer, effect->score.fault);
        }
        break;
    case QNK_EFFECT_NOTE:
        note(host, effect);
        break;
    case QNK_EFFECT_NEED:
        qnk_bound_need(host, effect->need);
        effect->need = NULL;
        break;
    case QNK_EFFECT_UNPLUG:
        qnk_bound_unplug(host, effect->unplug.kind, effect->unplug.number);
        break;
    case QNK_EFFECT_PROPOSED:
        qnk_bound_proposed(host, effect);
        break;
    case QNK_EFFECT_HALT:
        qnk_host_stop(host, QNK_EXIT_INTERNAL, effect->halt.text);
        break;
    }
}

void qnk_live_event(struct qnk_host *host, struct qnk_event *event)
{
    QN_ASSERT(!host->is_performing);
    if (host->is_ending || host->node == NULL) {
        return;
    }
    host->is_performing = true;
    event->now_us = qnk_live_now(host);
    qnk_live_inputs_event(host, event);
    qnk_node_step(host->node, event, &host->effects);
    qnk_live_inputs_effects(host);
    for (uint32_t i = 0; i < host->effects.count && !host->is_ending; i++) {
        perform_one(host, &host->effects.list[i]);
    }
    qnk_effects_reset(&host->effects);
    host->is_performing = false;
    qnk_live_timers_arm(host);
    qnk_bound_answer(host);
}

/* --- timers --- */

static void on_timer(uv_timer_t *timer)
{
    qnk_live_timer_due(timer->data);
}

void qnk_live_timers_arm(struct qnk_host *host)
{
    uint64_t first_us = UINT64_MAX;
    uint64_t now_us;

    if (!host->are_timers_moved || host->is_ending) {
        return;
    }
    host->are_timers_moved = false;
    for (uint32_t i = 0; i < QNK_TIMERS; i++) {
        if (host->timers[i] != 0 && host->timers[i] < first_us) {
            first_us = host->timers[i];
        }
    }
    if (first_us == UINT64_MAX) {
        return;
    }
    /* The loop counts from when it last looked at the clock; so that nothing is due too soon. */
    uv_update_time(host->setup.loop);
    now_us = qnk_live_now(host);
    (void)uv_timer_start(&host->timer, on_timer,
                         first_us <= now_us ? 0 : (first_us - now_us + 999) / 1000, 0);
}

/* The timer that is due and was so first; QNK_TIMERS: none is. */
static uint32_t first_due(const struct qnk_host *host, uint64_t now_us)
{
    uint32_t first = QNK_TIMERS;

    for (uint32_t i = 0; i < QNK_TIMERS; i++) {
        if (host->timers[i] != 0 && host->timers[i] <= now_us &&
            (first == QNK_TIMERS || host->timers[i] < host->timers[first])) {
            first = i;
        }
    }
    return first;
}

void qnk_live_timer_due(struct qnk_host *host)
{
    uint64_t now_us = qnk_live_now(host);

    /* At most as many as there are: what is set meanwhile for at once has its turn next. */
    for (uint32_t i = 0; i < QNK_TIMERS; i++) {
        struct qnk_event event = {.type = QNK_EVENT_TIMER, .timer = first_due(host, now_us)};

        if (event.timer == QNK_TIMERS) {
            break;
        }
        host->timers[event.timer] = 0;
        qnk_live_event(host, &event);
    }
    host->are_timers_moved = true;
    qnk_live_timers_arm(host);
}

/* --- what comes back from the disk --- */

void qnk_live_disk_event(void *ctx, struct qnk_event *event)
{
    qnk_live_event(ctx, event);
}

void qnk_live_reply(void *ctx, uint64_t token, struct qn_span codes)
{
    struct qnk_host *host = ctx;
    struct qnk_live_submit *submit = &host->submits[token % QNK_HOST_SUBMITS_MAX];
    struct qnk_live_submit found = *submit;

    if (token == 0 || found.token != token) {
        return;
    }
    *submit = (struct qnk_live_submit){0};
    host->submits_count--;
    found.done(found.ctx, codes);
}

uint64_t qnk_live_disk_now(void *ctx)
{
    return qnk_live_now(ctx);
}

bool qnk_live_has_room(void *ctx, uint32_t peer)
{
    const struct qnk_host *host = ctx;

    return host->peers != NULL && !host->is_ending &&
           qnk_peers_has_room(host->peers, peer, QNK_LANE_SYNC);
}

void qnk_live_send(void *ctx, uint32_t peer, uint8_t type, uint32_t request, struct qn_buf *head,
                   struct qn_slice body)
{
    struct qnk_host *host = ctx;

    if (host->peers != NULL && !host->is_ending) {
        qnk_peers_send(host->peers, peer, QNK_LANE_SYNC, type, request, head, body);
    }
}

void qnk_live_damaged(void *ctx, const char *why)
{
    struct qnk_host *host = ctx;

    qnk_log(&host->log, QNK_LOG_WARN, "storage-damaged",
            "%s, and no peer is given it: keep a copy of '%s', then start with an empty folder",
            why, host->storage_folder);
}

void qnk_live_failed(void *ctx, int32_t status, const char *what, const char *why)
{
    struct qnk_host *host = ctx;
    char text[QNK_HOST_WHY];

    if (host->is_ending || (host->running_us == 0 && qnk_live_is_short(host, status))) {
        return;
    }
    if (status == QN_CORRUPT) {
        qnk_text(text, sizeof text,
                 "'%s': %s; keep a copy of it, then start with an empty folder: the chain comes "
                 "from peers%s",
                 host->storage_folder, *why != 0 ? why : what,
                 host->has_validator ? ", and signing by `qnet key resume`" : "");
    } else {
        char words[QNK_PLUGIN_WHY_MAX];

        qnk_instance_words(host->kit.instances[QNK_HOST_STORAGE], words, sizeof words);
        qnk_text(text, sizeof text, "%s cannot be stored in '%s' (status %d%s%s)", what,
                 host->storage_folder, status, *words != 0 ? ": " : "", words);
    }
    qnk_host_stop(host, qnk_live_exit(status), text);
}
