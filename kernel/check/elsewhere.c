/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity */

#include "kernel/check/elsewhere.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/check/child.h"
#include "kernel/check/verdict.h"

enum { WORDS_MAX = 24 };

static void surroundings_set(const struct qnk_elsewhere *how)
{
    struct rlimit limit = {.rlim_cur = how->cpu_s, .rlim_max = how->cpu_s};

    if (how->is_fixed) {
        (void)personality(ADDR_NO_RANDOMIZE);
    }
    if (how->is_alone) {
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET(0, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
    }
    if (how->fill != NULL) {
        (void)setenv("MALLOC_PERTURB_", how->fill, 1);
    }
    if (how->zone != NULL) {
        (void)setenv("TZ", how->zone, 1);
    }
    if (how->locale != NULL) {
        (void)setenv("LC_ALL", how->locale, 1);
        (void)setenv("LANG", how->locale, 1);
    }
    if (how->cpu_s > 0) {
        (void)setrlimit(RLIMIT_CPU, &limit);
    }
}

static void word_add(const char **words, uint32_t *count, const char *word)
{
    if (*count < WORDS_MAX - 1) {
        words[(*count)++] = word;
    }
}

/* execv() wants words that may be written to, and writes to none. */
static void program_run(const char **words)
{
    union {
        const char **constant;
        char **words;
    } it = {.constant = words};

    (void)execvp(words[0], it.words);
    _exit(127);
}

static void program_start(const struct qnk_subject *subject, const struct qnk_elsewhere *how)
{
    const char *words[WORDS_MAX] = {NULL};
    char seed[24];
    uint32_t count = 0;

    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)subject->seed);
    for (uint32_t i = 0; how->wrapper != NULL && how->wrapper[i] != NULL; i++) {
        word_add(words, &count, how->wrapper[i]);
    }
    word_add(words, &count, subject->self);
    word_add(words, &count, "plugin");
    word_add(words, &count, "check");
    word_add(words, &count, subject->path);
    word_add(words, &count, "--seed");
    word_add(words, &count, seed);
    word_add(words, &count, "--case");
    word_add(words, &count, how->rule != NULL ? how->rule : "trace");
    word_add(words, &count, "--here");
    if (subject->keys != NULL) {
        word_add(words, &count, "--config");
        word_add(words, &count, subject->keys);
    }
    if (subject->is_fast) {
        word_add(words, &count, "--fast");
    }
    program_run(words);
}

void qnk_elsewhere_run(const struct qnk_subject *subject, const struct qnk_elsewhere *how,
                       struct qnk_elsewhere_end *end)
{
    int output = qnk_child_output();
    pid_t child;
    ssize_t size;

    memset(end, 0, sizeof *end);
    (void)fflush(NULL);
    child = output >= 0 ? fork() : -1;
    if (child < 0) {
        qnk_verdict_skip("no process: %s", strerror(errno));
    }
    if (child == 0) {
        (void)dup2(output, STDOUT_FILENO);
        surroundings_set(how);
        program_start(subject, how);
    }
    while (waitpid(child, &end->status, 0) < 0 && errno == EINTR) {
    }
    size = pread(output, end->output, sizeof end->output - 1, 0);
    end->output[size > 0 ? size : 0] = 0;
    (void)close(output);
}
