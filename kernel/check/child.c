/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, F_ADD_SEALS */

#include "kernel/check/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Zero is none of them: who ends the process from within a case has not passed it. */
enum { EXIT_PASSED = 110, EXIT_FAILED = 111, EXIT_SKIPPED = 112 };

enum { TAIL = 160, POLL_MS = 2, OUTPUT_MAX = 1 << 20 };

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SHADOW true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW true
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW false
#endif

/* What parent and child share: the words of the verdict, and where it is spoken. Written in the
 * child and in processes of its own. */
struct shared {
    char words[QNK_VERDICT_WORDS_MAX];
    char place[QNK_VERDICT_PLACE_MAX];
};

static struct shared *shared;

__attribute__((format(printf, 1, 0))) static void words_set(const char *format, va_list values)
{
    char words[QNK_VERDICT_WORDS_MAX];

    (void)vsnprintf(words, sizeof words, format, values);
    if (shared != NULL) {
        memcpy(shared->words, words, sizeof words);
    } else {
        fprintf(stderr, "%s\n", words); /* run here, without a parent */
    }
}

void qnk_verdict_fail(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    words_set(format, values);
    va_end(values);
    (void)fflush(NULL);
    _exit(EXIT_FAILED);
}

void qnk_verdict_skip(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    words_set(format, values);
    va_end(values);
    (void)fflush(NULL);
    _exit(EXIT_SKIPPED);
}

void qnk_verdict_note(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    words_set(format, values);
    va_end(values);
}

void qnk_verdict_at(const char *format, ...)
{
    va_list values;

    if (shared != NULL) {
        va_start(values, format);
        (void)vsnprintf(shared->place, sizeof shared->place, format, values);
        va_end(values);
    }
}

void qnk_verdict_repeat(int status)
{
    if (WIFSIGNALED(status)) {
        (void)raise(WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

bool qnk_child_has_shadow(void)
{
    return HAS_SHADOW;
}

uint64_t qnk_child_printed(void)
{
    off_t at;

    (void)fflush(NULL);
    at = lseek(STDOUT_FILENO, 0, SEEK_CUR);
    return at > 0 ? (uint64_t)at : 0;
}

uint64_t qnk_child_count(const char *what)
{
    char path[32];
    uint64_t count = 0;
    DIR *list;

    (void)snprintf(path, sizeof path, "/proc/self/%s", what);
    list = opendir(path);
    if (list == NULL && errno == EMFILE) {
        qnk_verdict_fail("no descriptor is left: what it opened it does not close");
    }
    if (list == NULL) {
        qnk_verdict_skip("the system does not show %s", path);
    }
    while (readdir(list) != NULL) {
        count++;
    }
    (void)closedir(list);
    return count;
}

/* In the child, before the case: where it prints, and what it may use. */
static void child_prepare(const struct qnk_child_limits *limits, int output)
{
    const struct rlimit core = {0, 0};
    const struct rlimit cpu = {limits->cpu_s, limits->cpu_s};
    const struct rlimit data = {limits->memory, limits->memory};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)setpgid(0, 0); /* so a ^C does not reach it: it ends when its parent does */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    (void)setrlimit(RLIMIT_CORE, &core);
    (void)setrlimit(RLIMIT_CPU, &cpu);
    if (limits->memory != 0 && !HAS_SHADOW) {
        (void)setrlimit(RLIMIT_DATA, &data);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A file in memory has no other bound, and who prints for ever would take all that there is. It has
 * its whole size from the start, and cannot grow. */
int qnk_child_output(void)
{
    int output = memfd_create("qnet-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (output >= 0 && (ftruncate(output, OUTPUT_MAX) != 0 ||
                        fcntl(output, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)) {
        (void)close(output);
        return -1;
    }
    return output;
}

/* The last line of what the child printed, for a death that nothing else explains. */
static void tail_read(int output, char tail[TAIL])
{
    off_t end = lseek(output, 0, SEEK_CUR); /* where the child was */
    off_t from = end > TAIL - 1 ? end - (TAIL - 1) : 0;
    ssize_t size = pread(output, tail, TAIL - 1, from);

    tail[size > 0 ? size : 0] = 0;
}

/* Words have what a plugin said of itself: reports are read by terminals, line by line, and by
 * programs that want a text. */
static void words_disarm(char *words)
{
    for (; *words != 0; words++) {
        if (*words < ' ' || *words > '~') {
            *words = *words == '\n' ? ' ' : '?';
        }
    }
}

static void death_tell(int status, int output, bool was_late, uint32_t cpu_s,
                       struct qnk_child_end *end)
{
    char tail[TAIL];

    tail_read(output, tail);
    if (was_late) {
        (void)snprintf(end->words, sizeof end->words, "hangs: no end within %u s",
                       cpu_s * QNK_CHILD_WALL_FACTOR);
    } else if (WIFSIGNALED(status) &&
               (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)) {
        (void)snprintf(end->words, sizeof end->words,
                       "hangs: more than %u s of processor time used", cpu_s);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(end->words, sizeof end->words, "crashes: %s%s%s",
                       strsignal(WTERMSIG(status)), *tail != 0 ? ": " : "", tail);
    } else {
        (void)snprintf(end->words, sizeof end->words, "ends the process with status %d%s%s",
                       WEXITSTATUS(status), *tail != 0 ? ": " : "", tail);
    }
}

/* Puts before the words where they were spoken. */
static void place_add(char words[QNK_VERDICT_WORDS_MAX])
{
    char both[QNK_VERDICT_WORDS_MAX];

    shared->place[sizeof shared->place - 1] = 0;
    if (shared->place[0] != 0) {
        (void)snprintf(both, sizeof both, "%s: %.*s", shared->place,
                       (int)(QNK_VERDICT_WORDS_MAX - QNK_VERDICT_PLACE_MAX - 2), words);
        memcpy(words, both, sizeof both);
    }
}

static void end_read(int status, int output, bool was_late, uint32_t cpu_s,
                     struct qnk_child_end *end)
{
    bool is_exit = WIFEXITED(status) && !was_late;

    memcpy(end->words, shared->words, sizeof end->words);
    if (is_exit && WEXITSTATUS(status) == EXIT_PASSED) {
        end->state = QNK_CHILD_PASSED;
    } else if (is_exit && WEXITSTATUS(status) == EXIT_SKIPPED) {
        end->state = QNK_CHILD_SKIPPED;
    } else {
        end->state = QNK_CHILD_FAILED;
        if (!is_exit || WEXITSTATUS(status) != EXIT_FAILED) {
            death_tell(status, output, was_late, cpu_s, end);
        }
        place_add(end->words);
    }
    words_disarm(end->words);
}

/* Waits, and ends the child when its time is over. True: it was ended. */
static bool child_wait(pid_t child, uint32_t cpu_s, int *status)
{
    uint64_t until_ms = now_ms() + (uint64_t)cpu_s * QNK_CHILD_WALL_FACTOR * 1000;
    bool was_late = false;
    pid_t gone;

    while ((gone = waitpid(child, status, WNOHANG)) == 0 || (gone < 0 && errno == EINTR)) {
        if (now_ms() > until_ms) {
            was_late = true;
            (void)kill(-child, SIGKILL);
            (void)kill(child, SIGKILL);
            until_ms = UINT64_MAX;
        }
        (void)poll(NULL, 0, POLL_MS);
    }
    (void)kill(-child, SIGKILL); /* whatever it left */
    return was_late;
}

void qnk_child_run(const struct qnk_child_limits *limits, void (*run)(void *ctx), void *ctx,
                   struct qnk_child_end *end)
{
    int output = qnk_child_output();
    uint64_t started_ms = now_ms();
    int status = 0;

    memset(end, 0, sizeof *end);
    end->state = QNK_CHILD_FAILED;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (output < 0 || shared == MAP_FAILED) {
        (void)snprintf(end->words, sizeof end->words, "no memory for a process");
        return;
    }
    (void)fflush(NULL);

    pid_t child = fork();

    if (child == 0) {
        child_prepare(limits, output);
        run(ctx);
        (void)fflush(NULL);
        _exit(EXIT_PASSED);
    }
    if (child < 0) {
        (void)snprintf(end->words, sizeof end->words, "no process: %s", strerror(errno));
    } else {
        bool was_late = child_wait(child, limits->cpu_s, &status);

        end_read(status, output, was_late, limits->cpu_s, end);
    }
    end->took_ms = now_ms() - started_ms;
    (void)munmap(shared, sizeof *shared);
    shared = NULL;
    (void)close(output);
}
