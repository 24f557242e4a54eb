/* SPDX-License-Identifier: MIT */

#include "sdk/check/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMBERS_MAX = QN_CHECK_LOOP_MEMBERS_MAX,
    WATCHES_MAX = 64, /* of one instance, as qnet.watch/1 says */
    SHARED_MAX = 1024,
    ALIGN = 64,
};

struct watch {
    int fd;
    uint32_t interest; /* 1 readable, 2 writable, 3 either */
};

struct member {
    struct qn_check_loop *loop;
    struct qn_node *node; /* NULL: the place is free */
    int32_t (*pump)(void *context);
    void *context;
    struct watch watches[WATCHES_MAX];
    uint32_t watches_count;
    uint64_t due_us; /* 0: no timer */
    atomic_bool is_woken;
    bool is_ready;
};

/* Memory under a name, with the number of those who joined it. */
struct shared {
    uint8_t name[QN_PLUGIN_NAME_MAX];
    uint64_t name_size;
    uint64_t size;
    uint64_t joined; /* 0: the place is free */
    void *memory;
};

struct qn_check_loop {
    struct member members[MEMBERS_MAX];
    struct shared shared[SHARED_MAX];
    pthread_mutex_t shared_lock;
    int wake_pipe[2];
    struct pollfd polled[1 + MEMBERS_MAX * WATCHES_MAX];
    struct member *polled_for[1 + MEMBERS_MAX * WATCHES_MAX];
};

uint64_t qn_check_loop_now_us(void)
{
    struct timespec now;

    QN_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct watch *watch_find(struct member *member, int fd)
{
    for (uint32_t i = 0; i < member->watches_count; i++) {
        if (member->watches[i].fd == fd) {
            return &member->watches[i];
        }
    }
    return NULL;
}

static int32_t watch(struct qn_node *node, int32_t fd, uint32_t interest)
{
    struct member *member = qn_check_node_attached(node);
    struct watch *it = watch_find(member, fd);

    QN_CHECK(interest <= 3);
    if (interest == 0) {
        if (it != NULL) {
            *it = member->watches[--member->watches_count];
        }
        return QN_OK;
    }
    if (fcntl(fd, F_GETFD) < 0) {
        return QN_INVALID;
    }
    if (it == NULL && member->watches_count == WATCHES_MAX) {
        return QN_NO_SPACE;
    }
    it = it != NULL ? it : &member->watches[member->watches_count++];
    *it = (struct watch){fd, interest};
    return QN_OK;
}

static void wake(struct qn_node *node)
{
    struct member *member = qn_check_node_attached(node);

    if (!atomic_exchange(&member->is_woken, true)) {
        ssize_t written = write(member->loop->wake_pipe[1], "w", 1);

        (void)written; /* a full pipe wakes as well */
    }
}

static void timer(struct qn_node *node, uint64_t delay_us)
{
    struct member *member = qn_check_node_attached(node);

    member->due_us = qn_check_loop_now_us() + delay_us;
}

static const struct qn_watch_1 watch_table = {
    .head = QN_WATCH_1_HEAD,
    .watch = watch,
    .wake = wake,
    .timer = timer,
};

/* The place of that name, or else a free one. */
static struct shared *shared_find(struct qn_check_loop *loop, struct qn_span name)
{
    struct shared *free_one = NULL;

    for (uint32_t i = 0; i < SHARED_MAX; i++) {
        struct shared *it = &loop->shared[i];

        if (it->joined == 0) {
            free_one = free_one != NULL ? free_one : it;
        } else if (it->name_size == name.size && memcmp(it->name, name.data, name.size) == 0) {
            return it;
        }
    }
    return free_one;
}

static void shared_fill(struct shared *it, struct qn_span name, uint64_t size)
{
    memcpy(it->name, name.data, name.size);
    it->name_size = name.size;
    it->size = size;
    it->memory = aligned_alloc(ALIGN, (size + ALIGN - 1) / ALIGN * ALIGN);
    if (it->memory == NULL) {
        abort();
    }
    memset(it->memory, 0, size);
}

static void *shared_join(struct qn_node *node, struct qn_span name, uint64_t size)
{
    struct qn_check_loop *loop = ((struct member *)qn_check_node_attached(node))->loop;
    void *memory = NULL;

    QN_CHECK(name.size >= 1 && name.size <= QN_PLUGIN_NAME_MAX && size >= 1);
    pthread_mutex_lock(&loop->shared_lock);

    struct shared *it = shared_find(loop, name);

    if (it != NULL && it->joined == 0) {
        shared_fill(it, name, size);
    }
    if (it != NULL && it->size == size) {
        it->joined++;
        memory = it->memory;
    }
    pthread_mutex_unlock(&loop->shared_lock);
    return memory;
}

static void shared_leave(struct qn_node *node, void *memory)
{
    struct qn_check_loop *loop = ((struct member *)qn_check_node_attached(node))->loop;
    bool is_known = false;

    pthread_mutex_lock(&loop->shared_lock);
    for (uint32_t i = 0; i < SHARED_MAX && !is_known; i++) {
        struct shared *it = &loop->shared[i];

        is_known = it->joined > 0 && it->memory == memory;
        if (is_known && --it->joined == 0) {
            free(it->memory);
        }
    }
    pthread_mutex_unlock(&loop->shared_lock);
    QN_CHECK(is_known);
}

static const struct qn_shared_1 shared_table = {
    .head = QN_SHARED_1_HEAD,
    .join = shared_join,
    .leave = shared_leave,
};

struct qn_check_loop *qn_check_loop_create(void)
{
    struct qn_check_loop *loop = calloc(1, sizeof *loop);

    QN_CHECK(loop != NULL);
    QN_CHECK(pipe(loop->wake_pipe) == 0);
    for (int i = 0; i < 2; i++) {
        QN_CHECK(fcntl(loop->wake_pipe[i], F_SETFL, O_NONBLOCK) == 0);
    }
    pthread_mutex_init(&loop->shared_lock, NULL);
    return loop;
}

void qn_check_loop_destroy(struct qn_check_loop *loop)
{
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        QN_CHECK(loop->members[i].node == NULL);
    }
    for (uint32_t i = 0; i < SHARED_MAX; i++) {
        QN_CHECK(loop->shared[i].joined == 0);
    }
    pthread_mutex_destroy(&loop->shared_lock);
    close(loop->wake_pipe[0]);
    close(loop->wake_pipe[1]);
    free(loop);
}

void qn_check_loop_join(struct qn_check_loop *loop, struct qn_node *node,
                        int32_t (*pump)(void *context), void *context)
{
    struct member *member = loop->members;

    while (member < loop->members + MEMBERS_MAX && member->node != NULL) {
        member++;
    }
    QN_CHECK(member < loop->members + MEMBERS_MAX);
    memset(member, 0, sizeof *member);
    member->loop = loop;
    member->node = node;
    member->pump = pump;
    member->context = context;
    qn_check_node_attach(node, member);
    qn_check_node_offer(node, "qnet.watch/1", &watch_table);
    qn_check_node_offer(node, "qnet.shared/1", &shared_table);
}

void qn_check_loop_leave(struct qn_check_loop *loop, struct qn_node *node)
{
    struct member *member = qn_check_node_attached(node);

    QN_CHECK(member->loop == loop && member->node == node);
    QN_CHECK(member->watches_count == 0);
    member->node = NULL;
}

/* Milliseconds until the first timer, at most `wait_ms`; 0 when somebody is ready already. */
static uint32_t wait_bound(struct qn_check_loop *loop, uint32_t wait_ms)
{
    uint64_t now_us = qn_check_loop_now_us();

    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct member *it = &loop->members[i];

        if (it->node == NULL) {
            continue;
        }
        if (it->is_ready || atomic_load(&it->is_woken)) {
            return 0;
        }
        if (it->due_us != 0) {
            uint64_t left_us = it->due_us > now_us ? it->due_us - now_us : 0;
            uint64_t left_ms = (left_us + 999) / 1000;

            wait_ms = left_ms < wait_ms ? (uint32_t)left_ms : wait_ms;
        }
    }
    return wait_ms;
}

static nfds_t poll_fill(struct qn_check_loop *loop)
{
    nfds_t count = 1;

    loop->polled[0] = (struct pollfd){loop->wake_pipe[0], POLLIN, 0};
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct member *it = &loop->members[i];

        for (uint32_t j = 0; it->node != NULL && j < it->watches_count; j++) {
            short events = (short)((it->watches[j].interest & 1 ? POLLIN : 0) |
                                   (it->watches[j].interest & 2 ? POLLOUT : 0));

            loop->polled[count] = (struct pollfd){it->watches[j].fd, events, 0};
            loop->polled_for[count++] = it;
        }
    }
    return count;
}

/* Marks everyone whom the poll, a wake or a timer concerns. */
static bool ready_mark(struct qn_check_loop *loop, nfds_t polled_count)
{
    uint64_t now_us = qn_check_loop_now_us();
    bool is_any = false;

    for (nfds_t i = 1; i < polled_count; i++) {
        QN_CHECK((loop->polled[i].revents & POLLNVAL) == 0);
        loop->polled_for[i]->is_ready |= loop->polled[i].revents != 0;
    }
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct member *it = &loop->members[i];

        if (it->node == NULL) {
            continue;
        }
        it->is_ready |= atomic_exchange(&it->is_woken, false);
        if (it->due_us != 0 && it->due_us <= now_us) {
            it->due_us = 0;
            it->is_ready = true;
        }
        is_any |= it->is_ready;
    }
    return is_any;
}

bool qn_check_loop_turn(struct qn_check_loop *loop, uint32_t wait_ms)
{
    nfds_t count = poll_fill(loop);
    uint8_t bytes[64];

    QN_CHECK(poll(loop->polled, count, (int)wait_bound(loop, wait_ms)) >= 0);
    if (loop->polled[0].revents != 0) {
        ssize_t drained = read(loop->wake_pipe[0], bytes, sizeof bytes);

        (void)drained; /* what is left makes the next turn short */
    }
    if (!ready_mark(loop, count)) {
        return false;
    }
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct member *it = &loop->members[i];

        if (it->node != NULL && it->is_ready) {
            it->is_ready = false;
            it->is_ready |= it->pump(it->context) == QN_AGAIN;
        }
    }
    return true;
}
