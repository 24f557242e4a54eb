/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/cuts.h"

enum { SWEEP_MAX = 5000, WAIT_MS = 100, DARK_MS = 50 };

static uint32_t stride_of(uint32_t stride)
{
    const char *text = getenv("QNET_TEST_STRIDE");
    unsigned long given = text == NULL ? 0 : strtoul(text, NULL, 10);

    return given > 0 && given < SWEEP_MAX ? (uint32_t)given : stride;
}

/* No assertion of the test library may fail in there: it would go on with the next case. */
static enum cut try_apart(struct net *net, uint32_t writes, cut_try *try)
{
    int status;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit((int)try(net, writes));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "# died of signal %d\n", WTERMSIG(status));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) < CUT_SORTS ? (enum cut)WEXITSTATUS(status)
                                                                : CUT_NEITHER;
}

struct cuts cuts_sweep(struct net *net, uint32_t stride, cut_try *try)
{
    struct cuts cuts = {{0}};
    uint32_t writes = 0;

    stride = stride_of(stride);
    while (writes < SWEEP_MAX && cuts.of[CUT_NEVER] == 0) {
        enum cut cut = try_apart(net, writes, try);

        if (cut == CUT_NEITHER) {
            fail_msg("the cut at write %u left neither", writes);
        }
        cuts.of[cut]++;
        writes += stride;
    }
    return cuts;
}

bool cuts_power(struct net *net, uint32_t nodes)
{
    if (!qnk_world_is_cut(net->world, 0)) {
        return false;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        qnk_world_crash(net->world, i);
    }
    net_run_ms(net, DARK_MS);
    for (uint32_t i = 0; i < nodes; i++) {
        if (!qnk_world_start(net->world, i)) {
            fprintf(stderr, "# node %u does not start: %s\n", i, qnk_world_why(net->world, i));
            _exit(CUT_NEITHER);
        }
    }
    return true;
}

static bool are_final(struct net *net, uint32_t nodes, uint64_t window)
{
    for (uint32_t i = 0; i < nodes; i++) {
        struct qnk_node_view view;

        qnk_node_look(qnk_world_node(net->world, i), &view);
        if (view.final_window < window) {
            return false;
        }
    }
    return true;
}

bool cuts_wait(struct net *net, uint32_t nodes, uint64_t window, uint64_t ms)
{
    for (uint64_t waited = 0; !are_final(net, nodes, window); waited += WAIT_MS) {
        if (waited >= ms) {
            fprintf(stderr, "# macro %llu does not become final\n", (unsigned long long)window);
            return false;
        }
        net_run_ms(net, WAIT_MS);
    }
    return true;
}

bool cuts_agree(struct net *net, uint32_t nodes)
{
    struct qnk_node_view a, b;

    for (uint32_t i = 0; i < nodes; i++) {
        qnk_node_look(qnk_world_node(net->world, i), &a);
        for (uint32_t j = 0; j < i; j++) {
            qnk_node_look(qnk_world_node(net->world, j), &b);
            if (a.final_window == b.final_window && !qnk_hash_equal(&a.final, &b.final)) {
                fprintf(stderr, "# nodes %u and %u have two chains\n", i, j);
                return false;
            }
        }
    }
    return true;
}
