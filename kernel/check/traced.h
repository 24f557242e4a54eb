/* SPDX-License-Identifier: MIT */
#pragma once

/* traced.h: a function in a process of its own, stopped before each of its system calls, where it
 * may be ended: the call is not done then, nor any after it, by whatever thread.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one; the caller has no other children
 *   cost     two switches of process a system call
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct qnk_traced_call {
    pid_t task; /* which stands still meanwhile: its /proc can be read */
    uint64_t number;
    uint64_t args[6];
};

struct qnk_traced {
    void (*run)(void *ctx); /* in the process */
    void *ctx;
    bool (*enter)(void *watcher, const struct qnk_traced_call *call); /* here; true: end it */
    void *watcher;
};

enum qnk_traced_end {
    QNK_TRACED_RETURNED, /* run() did */
    QNK_TRACED_ENDED,    /* as enter() wanted */
    QNK_TRACED_DIED,     /* by itself: `status` is waitpid()'s */
    QNK_TRACED_REFUSED,  /* the system lets nobody trace */
};

enum qnk_traced_end qnk_traced_run(const struct qnk_traced *it, int *status);

/* Copies memory of a process that stands still. False: there is none. */
bool qnk_traced_read(pid_t task, uint64_t from, void *to, uint64_t size);
