/* SPDX-License-Identifier: MIT */

#include "kernel/host/pool.h"

#include <pthread.h>
#include <uv.h>

#include <qnet/assert.h>

#include "kernel/plugin/guard.h"
#include "kernel/plugin/kind.h"

/* Tasks, first in first out. */
struct line {
    struct qnk_task *first;
    struct qnk_task *last;
};

/* What a thread serves. */
enum duty { DUTY_WORKER, DUTY_EXPRESS, DUTY_LOG, DUTY_MAPS, DUTY_READS, DUTIES };

struct thread {
    struct qnk_pool *pool;
    pthread_t id;
    uint32_t lane;
    enum duty duty;
};

struct qnk_pool {
    struct qnk_budget *budget;
    pthread_mutex_t lock;
    pthread_cond_t wake[DUTIES];
    struct line queues[QNK_QUEUES];
    struct line finished;
    bool is_ledger_busy; /* a ledger task runs */
    bool is_ending;
    bool is_stopped;
    uint32_t count; /* the loop's: given and not done */
    uint32_t threads_count;
    struct thread threads[QNK_POOL_THREADS_MAX];
    uv_async_t *async;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void line_push(struct line *line, struct qnk_task *task)
{
    task->next = NULL;
    if (line->first == NULL) {
        line->first = task;
    } else {
        line->last->next = task;
    }
    line->last = task;
}

static struct qnk_task *line_pop(struct line *line)
{
    struct qnk_task *task = line->first;

    if (task != NULL) {
        line->first = task->next;
    }
    return task;
}

/* --- threads --- */

static struct qnk_task *work_take(struct qnk_pool *pool)
{
    struct qnk_task *task = line_pop(&pool->queues[QNK_QUEUE_URGENT]);

    if (task == NULL && !pool->is_ledger_busy) {
        task = line_pop(&pool->queues[QNK_QUEUE_LEDGER]);
        pool->is_ledger_busy = task != NULL;
    }
    return task != NULL ? task : line_pop(&pool->queues[QNK_QUEUE_WORK]);
}

static struct qnk_task *task_take(struct qnk_pool *pool, enum duty duty)
{
    switch (duty) {
    case DUTY_WORKER:
        return work_take(pool);
    case DUTY_EXPRESS:
        return line_pop(&pool->queues[QNK_QUEUE_URGENT]);
    case DUTY_LOG:
        return line_pop(&pool->queues[QNK_QUEUE_LOG]);
    case DUTY_MAPS:
        return line_pop(&pool->queues[QNK_QUEUE_MAPS]);
    case DUTY_READS:
        return line_pop(&pool->queues[QNK_QUEUE_READS]);
    case DUTIES:
        break;
    }
    return NULL;
}

/* The loop is told before anyone can see the pool's end, so the handle is still there. */
static void finish(struct qnk_pool *pool, struct qnk_task *task)
{
    if (task->queue == QNK_QUEUE_LEDGER) {
        pool->is_ledger_busy = false;
        (void)(pool->is_ending ? pthread_cond_broadcast(&pool->wake[DUTY_WORKER])
                               : pthread_cond_signal(&pool->wake[DUTY_WORKER]));
    }
    line_push(&pool->finished, task);
    (void)uv_async_send(pool->async);
}

static void *serve(void *arg)
{
    const struct thread *thread = arg;
    struct qnk_pool *pool = thread->pool;

    qnk_guard_thread(QNK_THREAD_POOL | QNK_THREAD_ANY);
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct qnk_task *task = task_take(pool, thread->duty);

        if (task != NULL) {
            (void)pthread_mutex_unlock(&pool->lock);
            task->run(task, thread->lane);
            (void)pthread_mutex_lock(&pool->lock);
            finish(pool, task);
        } else if (pool->is_ending && !(thread->duty == DUTY_WORKER && pool->is_ledger_busy)) {
            break;
        } else {
            (void)pthread_cond_wait(&pool->wake[thread->duty], &pool->lock);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- the loop's side --- */

static void finished_call(struct qnk_pool *pool)
{
    struct qnk_task *task;

    (void)pthread_mutex_lock(&pool->lock);

    struct line line = pool->finished;

    pool->finished.first = NULL;
    (void)pthread_mutex_unlock(&pool->lock);
    while ((task = line_pop(&line)) != NULL) {
        QN_ASSERT(pool->count > 0);
        pool->count--;
        task->done(task);
    }
}

static void on_async(uv_async_t *async)
{
    finished_call(async->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct qnk_pool *pool = handle->data;
    struct qnk_budget *budget = pool->budget;
    void (*closed)(void *ctx) = pool->closed;
    void *ctx = pool->closed_ctx;

    qnk_memory_give(budget, pool->async, sizeof *pool->async);
    for (uint32_t i = 0; i < DUTIES; i++) {
        (void)pthread_cond_destroy(&pool->wake[i]);
    }
    (void)pthread_mutex_destroy(&pool->lock);
    qnk_memory_give(budget, pool, sizeof *pool);
    if (closed != NULL) {
        closed(ctx);
    }
}

static bool thread_start(struct qnk_pool *pool, enum duty duty)
{
    struct thread *thread = &pool->threads[pool->threads_count];

    *thread = (struct thread){.pool = pool, .lane = pool->threads_count, .duty = duty};
    if (pthread_create(&thread->id, NULL, serve, thread) != 0) {
        return false;
    }
    pool->threads_count++;
    return true;
}

static bool threads_start(struct qnk_pool *pool, uint32_t workers)
{
    bool is_fine = true;

    for (uint32_t i = 0; is_fine && i < workers; i++) {
        is_fine = thread_start(pool, DUTY_WORKER);
    }
    for (uint32_t duty = DUTY_EXPRESS; is_fine && duty < DUTIES; duty++) {
        is_fine = thread_start(pool, (enum duty)duty);
    }
    return is_fine;
}

int32_t qnk_pool_create(struct qnk_budget *budget, struct uv_loop_s *loop, uint32_t workers,
                        struct qnk_pool **out)
{
    struct qnk_pool *pool = qnk_memory_take(budget, sizeof *pool);
    uv_async_t *async = qnk_memory_take(budget, sizeof *async);
    int error;

    QN_ASSERT(workers >= 1 && workers <= QNK_POOL_WORKERS_MAX);
    if (pool == NULL || async == NULL || uv_async_init(loop, async, on_async) != 0) {
        qnk_memory_give(budget, async, sizeof *async);
        qnk_memory_give(budget, pool, sizeof *pool);
        return QN_NO_SPACE;
    }
    pool->budget = budget;
    pool->async = async;
    async->data = pool;
    error = pthread_mutex_init(&pool->lock, NULL);
    for (uint32_t i = 0; i < DUTIES; i++) {
        error |= pthread_cond_init(&pool->wake[i], NULL);
    }
    QN_ASSERT(error == 0);
    if (!threads_start(pool, workers)) {
        qnk_pool_stop(pool);
        qnk_pool_destroy(pool, NULL, NULL);
        return QN_NO_SPACE;
    }
    *out = pool;
    return QN_OK;
}

static const enum duty duty_of[QNK_QUEUES] = {
    [QNK_QUEUE_URGENT] = DUTY_EXPRESS, [QNK_QUEUE_LEDGER] = DUTY_WORKER,
    [QNK_QUEUE_WORK] = DUTY_WORKER,    [QNK_QUEUE_LOG] = DUTY_LOG,
    [QNK_QUEUE_MAPS] = DUTY_MAPS,      [QNK_QUEUE_READS] = DUTY_READS,
};

void qnk_pool_give(struct qnk_pool *pool, uint32_t queue, struct qnk_task *task)
{
    QN_ASSERT(queue < QNK_QUEUES && task->run != NULL && task->done != NULL);
    task->queue = queue;
    if (pool->is_stopped) {
        task->run(task, 0);
        task->done(task);
        return;
    }
    pool->count++;
    (void)pthread_mutex_lock(&pool->lock);
    line_push(&pool->queues[queue], task);
    (void)pthread_cond_signal(&pool->wake[duty_of[queue]]);
    if (queue == QNK_QUEUE_URGENT) {
        (void)pthread_cond_signal(&pool->wake[DUTY_WORKER]);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

uint32_t qnk_pool_count(const struct qnk_pool *pool)
{
    return pool->count;
}

void qnk_pool_stop(struct qnk_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    for (uint32_t i = 0; i < DUTIES; i++) {
        (void)pthread_cond_broadcast(&pool->wake[i]);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->threads_count; i++) {
        (void)pthread_join(pool->threads[i].id, NULL);
    }
    pool->is_stopped = true;
    finished_call(pool);
    QN_ASSERT(pool->count == 0);
}

void qnk_pool_destroy(struct qnk_pool *pool, void (*closed)(void *ctx), void *ctx)
{
    QN_ASSERT(pool->is_stopped);
    pool->closed = closed;
    pool->closed_ctx = ctx;
    uv_close((uv_handle_t *)pool->async, on_closed);
}
