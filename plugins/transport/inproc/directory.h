/* SPDX-License-Identifier: MIT */
#pragma once

/* directory.h: what all instances of the process share: who is there, who listens under which
 * name, and who called whom. Each link has memory of its own beside it.
 *
 * Instances run in different threads. The directory has one lock, held for a walk through a table
 * at most; wake() of another instance is called under it, so that nobody leaves meanwhile.
 *
 * Unless a function's own comment says otherwise:
 *   owns     qnet.shared/1 owns the memory
 *   threads  loop, or control for join and leave; any number of instances at once
 *   cost     linear in the tables
 */

#include <stdatomic.h>

#include <qnet/transport.h>

#include "ring.h"

enum {
    MEMBERS_MAX = 256,   /* instances of one process. Beyond: activate() fails */
    LISTENERS_MAX = 512, /* names. Beyond: refused */
    CALLS_MAX = 1024,    /* dials that nobody took yet. Beyond: refused */
    NAME_SIZE = 64,      /* of a listener, with the zero */
};

/* An instance as others know it. A serial is used once. */
struct member_id {
    uint32_t index;
    uint64_t serial; /* 0: nobody */
};

struct directory_member {
    uint64_t serial; /* 0: the place is free */
    const struct qn_watch_1 *watch;
    struct qn_node *node;
};

struct directory_listener {
    struct member_id owner; /* serial 0: the place is free */
    uint64_t id;            /* the owner's own */
    char name[NAME_SIZE];
};

/* A dial on its way to a listener. */
struct directory_call {
    struct member_id from, to; /* from.serial 0: the place is free */
    uint64_t listener;
    uint64_t link; /* serial of the link's memory */
};

struct directory {
    atomic_flag lock;
    uint64_t serial; /* of members and links */
    struct directory_member members[MEMBERS_MAX];
    _Atomic uint32_t waiting[MEMBERS_MAX]; /* calls to each */
    struct directory_listener listeners[LISTENERS_MAX];
    struct directory_call calls[CALLS_MAX];
};

/* What the listener says to a call. */
enum answer { ANSWER_NONE = 0, ANSWER_YES = 1, ANSWER_NO = 2 };

/* The memory of one link: the way from the dialler, and the way back. */
struct meeting {
    uint64_t dialler; /* serial of the dialler; 0: it has left, and this is new memory */
    _Atomic uint32_t answer;
    struct ring ways[2];
};

/* False: too many. */
bool directory_join(struct directory *all, const struct qn_watch_1 *watch, struct qn_node *node,
                    struct member_id *out);

/* Its names and its own calls go with it. Calls to it must have been taken. */
void directory_leave(struct directory *all, struct member_id self);

void directory_wake(struct directory *all, struct member_id who);

/* EXISTS: somebody has that name. NO_SPACE: too many. An empty name is filled with a new one. */
int32_t directory_listen(struct directory *all, struct member_id self, uint64_t id,
                         char name[NAME_SIZE]);
void directory_unlisten(struct directory *all, struct member_id self, uint64_t id);

/* A serial that nobody else has. */
uint64_t directory_serial(struct directory *all);

/* Puts the call and wakes the listener. NOT_FOUND: nobody listens there. NO_SPACE: too many. */
int32_t directory_call(struct directory *all, struct member_id self, const char *name,
                       uint64_t link, struct member_id *to);

/* The next call to `self`; false: none. */
bool directory_answer(struct directory *all, struct member_id self, struct directory_call *out);
