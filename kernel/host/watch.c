/* SPDX-License-Identifier: MIT */

#include "kernel/host/watch.h"

#include <stdatomic.h>
#include <uv.h>

#include <qnet/assert.h>

struct descriptor {
    uv_poll_t poll;
    struct qnk_watch *watch;
    int32_t fd;
};

struct qnk_watch {
    struct qnk_budget *budget;
    uv_loop_t *loop;
    void (*due)(void *ctx);
    void *ctx;
    uv_async_t async;
    uv_timer_t timer;
    struct descriptor *descriptors[QNK_WATCH_FDS_MAX];
    uint32_t handles; /* that the loop still holds */
    bool is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void tell(struct qnk_watch *watch)
{
    if (!watch->is_closing) {
        watch->due(watch->ctx);
    }
}

static void on_async(uv_async_t *async)
{
    tell(async->data);
}

static void on_timer(uv_timer_t *timer)
{
    tell(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct descriptor *descriptor = poll->data;

    (void)status; /* the plugin's own read or write says what is wrong */
    (void)events;
    tell(descriptor->watch);
}

/* --- closing --- */

static void handle_gone(struct qnk_watch *watch)
{
    struct qnk_budget *budget = watch->budget;
    void (*closed)(void *ctx) = watch->closed;
    void *ctx = watch->closed_ctx;

    QN_ASSERT(watch->handles > 0);
    if (--watch->handles == 0) {
        QN_ASSERT(watch->is_closing);
        qnk_memory_give(budget, watch, sizeof *watch);
        if (closed != NULL) {
            closed(ctx);
        }
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct descriptor *descriptor = handle->data;
    struct qnk_watch *watch = descriptor->watch;

    qnk_memory_give(watch->budget, descriptor, sizeof *descriptor);
    handle_gone(watch);
}

static void descriptor_drop(struct descriptor **place)
{
    (void)uv_poll_stop(&(*place)->poll);
    uv_close((uv_handle_t *)&(*place)->poll, on_poll_closed);
    *place = NULL;
}

void qnk_watch_destroy(struct qnk_watch *watch, void (*closed)(void *ctx), void *ctx)
{
    QN_ASSERT(!watch->is_closing);
    watch->is_closing = true;
    watch->closed = closed;
    watch->closed_ctx = ctx;
    for (uint32_t i = 0; i < QNK_WATCH_FDS_MAX; i++) {
        if (watch->descriptors[i] != NULL) {
            descriptor_drop(&watch->descriptors[i]);
        }
    }
    uv_close((uv_handle_t *)&watch->async, on_handle_closed);
    uv_close((uv_handle_t *)&watch->timer, on_handle_closed);
}

int32_t qnk_watch_create(struct qnk_budget *budget, struct uv_loop_s *loop, void (*due)(void *ctx),
                         void *ctx, struct qnk_watch **out)
{
    struct qnk_watch *watch = qnk_memory_take(budget, sizeof *watch);

    if (watch == NULL || uv_async_init(loop, &watch->async, on_async) != 0) {
        qnk_memory_give(budget, watch, sizeof *watch);
        return QN_NO_SPACE;
    }
    (void)uv_timer_init(loop, &watch->timer);
    watch->async.data = watch;
    watch->timer.data = watch;
    watch->budget = budget;
    watch->loop = loop;
    watch->due = due;
    watch->ctx = ctx;
    watch->handles = 2;
    *out = watch;
    return QN_OK;
}

/* --- what the plugin calls --- */

static struct descriptor **place_of(struct qnk_watch *watch, int32_t fd)
{
    struct descriptor **room = NULL;

    for (uint32_t i = 0; i < QNK_WATCH_FDS_MAX; i++) {
        struct descriptor **place = &watch->descriptors[i];

        if (*place != NULL && (*place)->fd == fd) {
            return place;
        }
        if (*place == NULL && room == NULL) {
            room = place;
        }
    }
    return room;
}

static int32_t descriptor_add(struct qnk_watch *watch, struct descriptor **place, int32_t fd)
{
    struct descriptor *descriptor;

    if (place == NULL) {
        return QN_NO_SPACE;
    }
    descriptor = qnk_memory_take(watch->budget, sizeof *descriptor);
    if (descriptor == NULL) {
        return QN_NO_SPACE;
    }
    if (uv_poll_init(watch->loop, &descriptor->poll, fd) != 0) {
        qnk_memory_give(watch->budget, descriptor, sizeof *descriptor);
        return QN_INVALID;
    }
    descriptor->poll.data = descriptor;
    descriptor->watch = watch;
    descriptor->fd = fd;
    watch->handles++;
    *place = descriptor;
    return QN_OK;
}

static int32_t watch_fd(void *ctx, int32_t fd, uint32_t interest)
{
    struct qnk_watch *watch = ctx;
    struct descriptor **place = place_of(watch, fd);
    int events = ((interest & 1) != 0 ? UV_READABLE : 0) | ((interest & 2) != 0 ? UV_WRITABLE : 0);
    int32_t status = QN_OK;

    if (watch->is_closing || fd < 0) {
        return QN_INVALID;
    }
    if (interest == 0) {
        if (place != NULL && *place != NULL) {
            descriptor_drop(place);
        }
        return QN_OK;
    }
    if (place == NULL || *place == NULL) {
        status = descriptor_add(watch, place, fd);
    }
    if (status == QN_OK && uv_poll_start(&(*place)->poll, events, on_poll) != 0) {
        descriptor_drop(place);
        status = QN_INVALID;
    }
    return status;
}

static void watch_wake(void *ctx)
{
    struct qnk_watch *watch = ctx;

    (void)uv_async_send(&watch->async);
}

static void watch_timer(void *ctx, uint64_t delay_us)
{
    struct qnk_watch *watch = ctx;
    uint64_t delay_ms = delay_us / 1000 + (delay_us % 1000 != 0);

    if (!watch->is_closing) {
        (void)uv_timer_start(&watch->timer, on_timer, delay_ms, 0);
    }
}

void qnk_watch_hook(struct qnk_watch *watch, struct qnk_instance_hooks *hooks)
{
    hooks->ctx = watch;
    hooks->watch = watch_fd;
    hooks->wake = watch_wake;
    hooks->timer = watch_timer;
}

void qnk_watch_again(struct qnk_watch *watch)
{
    watch_wake(watch);
}
