/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* process_vm_readv, __WALL */

#include "kernel/check/traced.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { EXIT_RETURNED = 120, EXIT_REFUSED = 121, AT_CALL = SIGTRAP | 0x80 };

bool qnk_traced_read(pid_t task, uint64_t from, void *to, uint64_t size)
{
    struct iovec here = {.iov_base = to, .iov_len = size};
    struct iovec there = {.iov_len = size};

    memcpy(&there.iov_base, &from, sizeof there.iov_base);
    return process_vm_readv(task, &here, 1, &there, 1, 0) == (ssize_t)size;
}

_Noreturn static void process_run(const struct qnk_traced *it)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(EXIT_REFUSED);
    }
    (void)raise(SIGSTOP);
    it->run(it->ctx);
    (void)fflush(NULL);
    _exit(EXIT_RETURNED);
}

/* Whether the task stands before a call, and which. */
static bool call_read(pid_t task, struct qnk_traced_call *call)
{
    struct ptrace_syscall_info info;
    uint64_t size = sizeof info; /* an address, for ptrace() */
    void *address;

    memcpy(&address, &size, sizeof address);
    memset(&info, 0, sizeof info);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task, address, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return false;
    }
    call->task = task;
    call->number = info.entry.nr;
    memcpy(call->args, info.entry.args, sizeof call->args);
    return true;
}

/* Lets a task go on to its next call. Signals of its own reach it; those of tracing do not. */
static void task_resume(pid_t task, int status)
{
    int signal = WSTOPSIG(status);
    bool is_of_tracing = signal == AT_CALL || signal == SIGTRAP || signal == SIGSTOP;
    long value = is_of_tracing ? 0 : signal;
    void *data;

    memcpy(&data, &value, sizeof data);
    (void)ptrace(PTRACE_SYSCALL, task, NULL, data);
}

/* Any task of the process that stopped or ended. */
static pid_t task_wait(int *status)
{
    pid_t task;

    do {
        task = waitpid(-1, status, __WALL);
    } while (task < 0 && errno == EINTR);
    return task;
}

static enum qnk_traced_end process_watch(const struct qnk_traced *it, pid_t process, int *status)
{
    bool is_ended = false;
    pid_t task = process;

    while (task > 0) {
        struct qnk_traced_call call;

        if (WIFSTOPPED(*status)) {
            if (!is_ended && WSTOPSIG(*status) == AT_CALL && call_read(task, &call) &&
                it->enter(it->watcher, &call)) {
                is_ended = true;
                (void)kill(process, SIGKILL);
            }
            task_resume(task, *status);
        } else if (task == process) {
            break;
        }
        task = task_wait(status);
    }
    if (is_ended) {
        return QNK_TRACED_ENDED;
    }
    return WIFEXITED(*status) && WEXITSTATUS(*status) == EXIT_RETURNED ? QNK_TRACED_RETURNED
                                                                       : QNK_TRACED_DIED;
}

enum qnk_traced_end qnk_traced_run(const struct qnk_traced *it, int *status)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
    void *data;
    pid_t process;

    memcpy(&data, &options, sizeof data);
    (void)fflush(NULL);
    process = fork();
    if (process == 0) {
        process_run(it);
    }
    if (process < 0 || waitpid(process, status, 0) != process || !WIFSTOPPED(*status)) {
        return QNK_TRACED_REFUSED;
    }
    if (ptrace(PTRACE_SETOPTIONS, process, NULL, data) != 0) {
        (void)kill(process, SIGKILL);
        (void)waitpid(process, status, 0);
        return QNK_TRACED_REFUSED;
    }
    return process_watch(it, process, status);
}
