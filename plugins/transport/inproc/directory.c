/* SPDX-License-Identifier: MIT */

#include "directory.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static void lock(struct directory *all)
{
    while (atomic_flag_test_and_set(&all->lock)) {
        (void)sched_yield();
    }
}

static void unlock(struct directory *all)
{
    atomic_flag_clear(&all->lock);
}

static bool is_same(struct member_id a, struct member_id b)
{
    return a.index == b.index && a.serial == b.serial;
}

bool directory_join(struct directory *all, const struct qn_watch_1 *watch, struct qn_node *node,
                    struct member_id *out)
{
    uint32_t i = 0;

    lock(all);
    while (i < MEMBERS_MAX && all->members[i].serial != 0) {
        i++;
    }
    if (i < MEMBERS_MAX) {
        all->members[i] = (struct directory_member){++all->serial, watch, node};
        *out = (struct member_id){i, all->serial};
        atomic_store(&all->waiting[i], 0);
    }
    unlock(all);
    return i < MEMBERS_MAX;
}

void directory_leave(struct directory *all, struct member_id self)
{
    lock(all);
    QN_ASSERT(all->members[self.index].serial == self.serial);
    all->members[self.index].serial = 0;
    for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
        if (is_same(all->listeners[i].owner, self)) {
            all->listeners[i].owner.serial = 0;
        }
    }
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        struct directory_call *it = &all->calls[i];

        if (it->from.serial != 0 && (is_same(it->from, self) || is_same(it->to, self))) {
            it->from.serial = 0;
            atomic_fetch_sub(&all->waiting[it->to.index], 1);
        }
    }
    unlock(all);
}

/* Under the lock. */
static void wake(struct directory *all, struct member_id who)
{
    struct directory_member *it = &all->members[who.index];

    if (who.serial != 0 && it->serial == who.serial) {
        it->watch->wake(it->node);
    }
}

void directory_wake(struct directory *all, struct member_id who)
{
    lock(all);
    wake(all, who);
    unlock(all);
}

/* Under the lock; LISTENERS_MAX: nobody has that name. */
static uint32_t name_find(const struct directory *all, const char *name)
{
    uint32_t i = 0;

    while (i < LISTENERS_MAX &&
           (all->listeners[i].owner.serial == 0 || strcmp(all->listeners[i].name, name) != 0)) {
        i++;
    }
    return i;
}

int32_t directory_listen(struct directory *all, struct member_id self, uint64_t id,
                         char name[NAME_SIZE])
{
    int32_t status = QN_NO_SPACE;

    lock(all);
    if (name[0] == '\0') {
        (void)snprintf(name, NAME_SIZE, "node-%llu", (unsigned long long)++all->serial);
    }
    if (name_find(all, name) < LISTENERS_MAX) {
        status = QN_EXISTS;
    }
    for (uint32_t i = 0; i < LISTENERS_MAX && status == QN_NO_SPACE; i++) {
        struct directory_listener *it = &all->listeners[i];

        if (it->owner.serial == 0) {
            it->owner = self;
            it->id = id;
            memcpy(it->name, name, NAME_SIZE);
            status = QN_OK;
        }
    }
    unlock(all);
    return status;
}

void directory_unlisten(struct directory *all, struct member_id self, uint64_t id)
{
    lock(all);
    for (uint32_t i = 0; i < LISTENERS_MAX; i++) {
        if (is_same(all->listeners[i].owner, self) && all->listeners[i].id == id) {
            all->listeners[i].owner.serial = 0;
        }
    }
    unlock(all);
}

uint64_t directory_serial(struct directory *all)
{
    lock(all);

    uint64_t serial = ++all->serial;

    unlock(all);
    return serial;
}

int32_t directory_call(struct directory *all, struct member_id self, const char *name,
                       uint64_t link, struct member_id *to)
{
    int32_t status = QN_NOT_FOUND;

    lock(all);

    uint32_t found = name_find(all, name);

    if (found < LISTENERS_MAX) {
        struct directory_listener *listener = &all->listeners[found];

        status = QN_NO_SPACE;
        for (uint32_t i = 0; i < CALLS_MAX && status != QN_OK; i++) {
            if (all->calls[i].from.serial == 0) {
                all->calls[i] = (struct directory_call){self, listener->owner, listener->id, link};
                atomic_fetch_add(&all->waiting[listener->owner.index], 1);
                *to = listener->owner;
                status = QN_OK;
            }
        }
        wake(all, listener->owner);
    }
    unlock(all);
    return status;
}

bool directory_answer(struct directory *all, struct member_id self, struct directory_call *out)
{
    bool is_found = false;

    if (atomic_load(&all->waiting[self.index]) == 0) {
        return false;
    }
    lock(all);
    for (uint32_t i = 0; i < CALLS_MAX && !is_found; i++) {
        struct directory_call *it = &all->calls[i];

        if (it->from.serial != 0 && is_same(it->to, self)) {
            *out = *it;
            it->from.serial = 0;
            atomic_fetch_sub(&all->waiting[self.index], 1);
            is_found = true;
        }
    }
    unlock(all);
    return is_found;
}
