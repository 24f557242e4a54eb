/* SPDX-License-Identifier: MIT */
#pragma once

/* given.h: one instance of a plugin in the host of sdk/check, for the harness of its kind. */

#include <stdlib.h>

#include "sdk/check/check.h"

_Noreturn void qn_check_failed(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    (void)what;
    abort();
}

struct fuzz_given {
    struct qn_check_given given;
    struct qn_node *node;
    struct qn_inst *inst;
    struct qn_sink sink;
};

static inline void fuzz_given_make(struct fuzz_given *it, struct qn_check_given given,
                                   uint64_t sink_size)
{
    it->given = given;
    it->node = qn_check_node_create(given.memory);
    it->inst = qn_check_inst_create(&it->given, it->node);
    it->sink = (struct qn_sink){.data = malloc(sink_size), .cap = sink_size};
    QN_CHECK(it->sink.data != NULL);
}

static inline void fuzz_given_give(struct fuzz_given *it)
{
    qn_check_inst_destroy(&it->given, it->inst);
    qn_check_node_destroy(it->node);
    free(it->sink.data);
}

static inline struct qn_sink *fuzz_sink(struct fuzz_given *it)
{
    it->sink.size = 0;
    return &it->sink;
}
