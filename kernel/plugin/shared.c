/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/shared.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>
#include <qnet/plugin.h>

enum { OWNER_MAX = 2 * QN_PLUGIN_NAME_MAX + 2 };

/* One piece of memory that somebody has joined. */
struct room {
    struct room *next;
    char owner[OWNER_MAX];
    uint8_t name[QN_PLUGIN_NAME_MAX];
    uint64_t name_size;
    void *memory;
    uint64_t size;
    uint32_t joined;
};

struct qnk_shared {
    struct qnk_budget *budget;
    pthread_mutex_t lock;
    struct room *rooms;
};

struct qnk_shared *qnk_shared_create(struct qnk_budget *budget)
{
    struct qnk_shared *shared = qnk_memory_take(budget, sizeof *shared);

    if (shared != NULL) {
        shared->budget = budget;
        (void)pthread_mutex_init(&shared->lock, NULL);
    }
    return shared;
}

void qnk_shared_destroy(struct qnk_shared *shared)
{
    if (shared == NULL) {
        return;
    }
    QN_ASSERT(shared->rooms == NULL);
    (void)pthread_mutex_destroy(&shared->lock);
    qnk_memory_give(shared->budget, shared, sizeof *shared);
}

static struct room *room_find(struct qnk_shared *shared, const char *owner, struct qn_span name)
{
    struct room *room = shared->rooms;

    while (room != NULL && (strcmp(room->owner, owner) != 0 || room->name_size != name.size ||
                            memcmp(room->name, name.data, name.size) != 0)) {
        room = room->next;
    }
    return room;
}

static struct room *room_make(struct qnk_shared *shared, const char *owner, struct qn_span name,
                              uint64_t size)
{
    struct room *room = qnk_memory_take(shared->budget, sizeof *room);
    void *memory = room != NULL ? qnk_memory_take(shared->budget, size) : NULL;

    if (memory == NULL) {
        qnk_memory_give(shared->budget, room, sizeof *room);
        return NULL;
    }
    (void)snprintf(room->owner, sizeof room->owner, "%s", owner);
    memcpy(room->name, name.data, name.size);
    room->name_size = name.size;
    room->memory = memory;
    room->size = size;
    room->next = shared->rooms;
    shared->rooms = room;
    return room;
}

void *qnk_shared_join(struct qnk_shared *shared, const char *owner, struct qn_span name,
                      uint64_t size)
{
    if (name.size == 0 || name.size > QN_PLUGIN_NAME_MAX || size == 0) {
        return NULL;
    }
    (void)pthread_mutex_lock(&shared->lock);

    struct room *room = room_find(shared, owner, name);

    if (room == NULL) {
        room = room_make(shared, owner, name, size);
    }

    void *memory = room != NULL && room->size == size ? room->memory : NULL;

    if (memory != NULL) {
        room->joined++;
    }
    (void)pthread_mutex_unlock(&shared->lock);
    return memory;
}

void qnk_shared_leave(struct qnk_shared *shared, void *memory)
{
    (void)pthread_mutex_lock(&shared->lock);

    struct room **at = &shared->rooms;

    while (*at != NULL && (*at)->memory != memory) {
        at = &(*at)->next;
    }

    struct room *room = *at;

    QN_ASSERT(room != NULL);
    if (--room->joined == 0) {
        *at = room->next;
        qnk_memory_give(shared->budget, room->memory, room->size);
        qnk_memory_give(shared->budget, room, sizeof *room);
    }
    (void)pthread_mutex_unlock(&shared->lock);
}
