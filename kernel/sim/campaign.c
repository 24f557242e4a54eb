/* SPDX-License-Identifier: MIT */

#include "kernel/sim/campaign.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"

enum { TICK_MS = 200 };

/* What a worker says: that it begins a seed, or how that went. */
struct message {
    uint32_t is_verdict;
    struct qnk_verdict verdict; /* `seed` alone when it begins */
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "a message is written whole or not at all");

struct worker {
    pid_t pid; /* 0: none */
    int pipe;
    uint64_t next, end; /* seeds next..end - 1 have no verdict yet */
    bool is_running;    /* a seed: the one at `next` */
    uint64_t begun_ms;
    uint64_t got; /* bytes of the message that is read */
    struct message message;
};

struct campaign {
    const struct qnk_campaign_setup *setup;
    struct worker workers[QNK_CAMPAIGN_JOBS_MAX];
    uint64_t next; /* the first seed of the next batch */
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_done(const struct qnk_campaign_setup *setup, uint64_t seed)
{
    uint64_t place = seed - setup->first;

    return setup->done != NULL && (setup->done[place / 8] >> place % 8 & 1) != 0;
}

/* --- one seed --- */

void qnk_campaign_seed(const struct qnk_campaign_setup *setup, uint64_t seed,
                       const struct qnk_teller *teller, struct qnk_verdict *verdict)
{
    struct qnk_plan *plan = qnk_memory_take(setup->budget, sizeof *plan);
    struct qnk_plan_setup wanted = setup->plan;
    struct rusage usage;
    struct qnk_run_setup run = {
        .budget = setup->budget,
        .cast = setup->cast,
        .plan = plan,
        .teller = teller,
        .opened = setup->opened,
        .opened_ctx = setup->opened_ctx,
        .step_us = setup->step_us,
    };

    QN_ASSERT(plan != NULL);
    wanted.seed = seed;
    qnk_plan_draw(plan, &wanted);
    if (setup->only != NULL) {
        qnk_plan_mask(plan, setup->only, setup->only_count);
    }
    qnk_run(&run, verdict);
    if (setup->is_twice && verdict->is_good) {
        struct qnk_hash first = verdict->trace;

        qnk_run(&run, verdict);
        if (verdict->is_good && !qnk_hash_equal(&first, &verdict->trace)) {
            verdict->is_good = false;
            qnk_text(verdict->oracle, sizeof verdict->oracle, "D1");
            qnk_text(verdict->words, sizeof verdict->words, "two runs of one seed differ");
            verdict->node = UINT32_MAX;
            verdict->at_us = verdict->length_us;
        }
    }
    qnk_memory_give(setup->budget, plan, sizeof *plan);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        verdict->resident_bytes = (uint64_t)usage.ru_maxrss * 1024 / setup->plan.nodes;
    }
}

/* --- a worker, in a process of its own --- */

static void message_write(int pipe, const struct message *message)
{
    ssize_t wrote;

    do {
        wrote = write(pipe, message, sizeof *message);
    } while (wrote < 0 && errno == EINTR);
    if (wrote != (ssize_t)sizeof *message) {
        _exit(1); /* nobody listens any more */
    }
}

static void worker_run(const struct qnk_campaign_setup *setup, int pipe, uint64_t from,
                       uint64_t end)
{
    for (uint64_t seed = from; seed < end; seed++) {
        struct message message = {.verdict = {.seed = seed}};

        if (is_done(setup, seed)) {
            continue;
        }
        message_write(pipe, &message);
        message.is_verdict = 1;
        qnk_campaign_seed(setup, seed, NULL, &message.verdict);
        message_write(pipe, &message);
    }
}

static bool worker_start(struct campaign *campaign, struct worker *worker)
{
    int ends[2];

    if (pipe(ends) != 0) {
        return false;
    }
    worker->pid = fork();
    if (worker->pid < 0) {
        worker->pid = 0;
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    if (worker->pid == 0) {
        (void)close(ends[0]);
        worker_run(campaign->setup, ends[1], worker->next, worker->end);
        _exit(0);
    }
    (void)close(ends[1]);
    worker->pipe = ends[0];
    worker->got = 0;
    worker->is_running = false;
    worker->begun_ms = now_ms();
    return true;
}

/* --- the parent --- */

/* The next batch for a worker that has none. */
static void batch_take(struct campaign *campaign, struct worker *worker)
{
    const struct qnk_campaign_setup *setup = campaign->setup;

    while (campaign->next <= setup->last && is_done(setup, campaign->next)) {
        campaign->next++;
    }
    worker->next = worker->end = campaign->next;
    if (campaign->next <= setup->last) {
        uint64_t left = setup->last - campaign->next + 1;

        /* The last seeds are shared out, so that no core waits long for another. */
        uint64_t share = left / setup->jobs + 1;
        uint64_t size = share < QNK_CAMPAIGN_BATCH ? share : QNK_CAMPAIGN_BATCH;

        worker->end += size < left ? size : left;
        campaign->next = worker->end;
    }
}

static int32_t workers_start(struct campaign *campaign, uint32_t *running)
{
    *running = 0;
    for (uint32_t i = 0; i < campaign->setup->jobs; i++) {
        struct worker *worker = &campaign->workers[i];

        if (worker->pid == 0 && worker->next == worker->end) {
            batch_take(campaign, worker);
        }
        if (worker->pid == 0 && worker->next < worker->end && !worker_start(campaign, worker)) {
            return QN_IO;
        }
        *running += worker->pid != 0;
    }
    return QN_OK;
}

static void message_came(struct campaign *campaign, struct worker *worker)
{
    const struct qnk_verdict *verdict = &worker->message.verdict;

    worker->next = verdict->seed;
    worker->is_running = !worker->message.is_verdict;
    worker->begun_ms = now_ms();
    if (worker->message.is_verdict) {
        worker->next++;
        campaign->setup->came(campaign->setup->ctx, verdict);
    }
}

/* The worker is no more: if it was in the midst of a seed, that has failed. */
static void worker_ended(struct campaign *campaign, struct worker *worker)
{
    struct qnk_verdict verdict = {.node = UINT32_MAX, .oracle = "P0"};
    int status = 0;

    (void)close(worker->pipe);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {
    }
    worker->pid = 0;
    if (!worker->is_running && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        worker->next = worker->end; /* all that was left was done before */
        return;
    }
    /* Between two seeds it would have begun the next one that is not done. */
    while (worker->next < worker->end && is_done(campaign->setup, worker->next)) {
        worker->next++;
    }
    if (worker->next == worker->end) {
        return;
    }
    verdict.seed = worker->next++;
    if (worker->is_running && now_ms() - worker->begun_ms >= campaign->setup->limit_ms) {
        qnk_text(verdict.words, sizeof verdict.words, "the run was not over after %u s",
                 campaign->setup->limit_ms / 1000);
    } else if (WIFSIGNALED(status)) {
        qnk_text(verdict.words, sizeof verdict.words, "the process died of signal %d",
                 WTERMSIG(status));
    } else {
        qnk_text(verdict.words, sizeof verdict.words, "the process ended with %d",
                 WEXITSTATUS(status));
    }
    campaign->setup->came(campaign->setup->ctx, &verdict);
}

static void worker_read(struct campaign *campaign, struct worker *worker)
{
    uint8_t *to = (uint8_t *)&worker->message;
    ssize_t got = read(worker->pipe, to + worker->got, sizeof worker->message - worker->got);

    if (got > 0) {
        worker->got += (uint64_t)got;
        if (worker->got == sizeof worker->message) {
            worker->got = 0;
            message_came(campaign, worker);
        }
    } else if (got == 0 || errno != EINTR) {
        worker_ended(campaign, worker);
    }
}

static bool is_stopped(const struct qnk_campaign_setup *setup)
{
    return setup->stop != NULL && *setup->stop != 0;
}

/* What runs is given up, without a verdict. */
static void workers_kill(struct campaign *campaign)
{
    for (uint32_t i = 0; i < campaign->setup->jobs; i++) {
        struct worker *worker = &campaign->workers[i];

        if (worker->pid != 0) {
            (void)kill(worker->pid, SIGKILL);
            (void)close(worker->pipe);
            while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR) {
            }
            worker->pid = 0;
        }
    }
}

static void hanging_kill(struct campaign *campaign)
{
    for (uint32_t i = 0; i < campaign->setup->jobs; i++) {
        const struct worker *worker = &campaign->workers[i];

        if (worker->pid != 0 && worker->is_running &&
            now_ms() - worker->begun_ms >= campaign->setup->limit_ms) {
            (void)kill(worker->pid, SIGKILL);
        }
    }
}

/* Waits for words of the workers, or a tick. */
static void workers_hear(struct campaign *campaign)
{
    struct pollfd fds[QNK_CAMPAIGN_JOBS_MAX];
    struct worker *of[QNK_CAMPAIGN_JOBS_MAX];
    nfds_t count = 0;

    for (uint32_t i = 0; i < campaign->setup->jobs; i++) {
        if (campaign->workers[i].pid != 0) {
            fds[count] = (struct pollfd){.fd = campaign->workers[i].pipe, .events = POLLIN};
            of[count++] = &campaign->workers[i];
        }
    }
    if (poll(fds, count, TICK_MS) <= 0) {
        return;
    }
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents != 0) {
            worker_read(campaign, of[i]);
        }
    }
}

int32_t qnk_campaign(const struct qnk_campaign_setup *setup)
{
    struct campaign *campaign = qnk_memory_take(setup->budget, sizeof *campaign);
    uint32_t running = 0;
    int32_t status;

    QN_ASSERT(setup->jobs >= 1 && setup->jobs <= QNK_CAMPAIGN_JOBS_MAX);
    if (campaign == NULL) {
        return QN_NO_SPACE;
    }
    campaign->setup = setup;
    campaign->next = setup->first;
    status = workers_start(campaign, &running);
    while (running > 0) {
        workers_hear(campaign);
        hanging_kill(campaign);
        if (is_stopped(setup)) {
            workers_kill(campaign);
            status = QN_CANCELLED;
        }
        if (setup->ticked != NULL) {
            setup->ticked(setup->ctx);
        }
        if (status == QN_OK) {
            status = workers_start(campaign, &running);
        } else {
            running = 0;
            for (uint32_t i = 0; i < setup->jobs; i++) {
                running += campaign->workers[i].pid != 0;
            }
        }
    }
    qnk_memory_give(setup->budget, campaign, sizeof *campaign);
    return status;
}
