/* SPDX-License-Identifier: MIT */

/* QN-LOA-007: a thread that nobody was told of; it ends with the instance. */

#include <pthread.h>
#include <unistd.h>

static void *wait_for_end(void *end)
{
    int *pipe_ends = end;
    char byte;

    return read(pipe_ends[0], &byte, 1) > 0 ? end : NULL;
}

struct helper {
    int pipe_ends[2];
    pthread_t thread;
};

#define ON_CREATE(self)  helper_start(self)
#define ON_DESTROY(self) helper_stop(self)

struct qn_inst;
static void helper_start(struct qn_inst *self);
static void helper_stop(struct qn_inst *self);

#include "packer.h"

static void helper_start(struct qn_inst *self)
{
    struct helper *it = self->host->take(self->node, sizeof *it);

    self->own = it;
    if (it != NULL && pipe(it->pipe_ends) == 0) {
        (void)pthread_create(&it->thread, NULL, wait_for_end, it->pipe_ends);
    }
}

static void helper_stop(struct qn_inst *self)
{
    struct helper *it = self->own;

    if (it != NULL) {
        (void)close(it->pipe_ends[1]);
        (void)pthread_join(it->thread, NULL);
        (void)close(it->pipe_ends[0]);
    }
}
