/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* nftw */
#include "kernel/qnet/net_test.h"

#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/text.h"
#include "kernel/net/report.h"
#include "kernel/net/virtual.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/command.h"
#include "kernel/qnet/net_process.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/show.h"

enum { PATH = 700, FOLDERS_OPEN = 16 };

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static FILE *export_open(void *ctx, uint32_t node)
{
    const struct qnk_net_run *run = ctx;
    char name[100];

    snprintf(name, sizeof name, "nodes/%s/chain.export", run->spec->nodes[node].name);
    return qnk_artifact_open(&run->artifacts, name);
}

/* A program of an assertion, in the folder of the spec; $1 is the run's. */
static int command_run(void *ctx, const char *command)
{
    const struct qnk_net_run *run = ctx;
    extern char **environ;
    char shell[] = "sh", option[] = "-c", line[1200];
    char *args[] = {shell, option, line, NULL};
    int status = -1;
    pid_t pid;

    snprintf(line, sizeof line, "set -- '%s'; cd '%s' && %.600s \"$@\"", run->artifacts.folder,
             *run->spec->folder == 0 ? "." : run->spec->folder, command);
    if (run->artifacts.folder[0] != '/') {
        snprintf(line, sizeof line, "set -- \"$PWD/%s\"; cd '%s' && %.600s \"$@\"",
                 run->artifacts.folder, *run->spec->folder == 0 ? "." : run->spec->folder, command);
    }
    if (posix_spawnp(&pid, shell, NULL, NULL, args, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

static bool virtual_run(struct qnk_net_run *run)
{
    static struct qnk_budget budget = {.limit = SIZE_MAX};
    const struct qnk_virtual_setup setup = {
        .budget = &budget,
        .loader = qnk_place_loader(),
        .spec = run->spec,
        .story = &run->story,
        .export_open = export_open,
        .ctx = run,
    };
    char why[QNK_CAST_WHY] = "";

    qnk_client_budget.limit = SIZE_MAX;
    if (setup.loader == NULL) {
        return false;
    }
    if (qnk_virtual_run(&setup, why) != QN_OK) {
        fprintf(stderr, "qnet: %s\n", why);
        return false;
    }
    return true;
}

static bool run_judge(struct qnk_net_run *run)
{
    qnk_judge(&run->story, command_run, run, &run->verdicts);
    run->is_judged = true;
    if (!qnk_artifacts_write(&run->artifacts, &run->story, &run->verdicts) ||
        !qnk_report_write(&run->artifacts, &run->story, &run->verdicts)) {
        return false;
    }
    if (run->judged != NULL) {
        run->judged(run);
    }
    return true;
}

/* The network stays up beside its verdict. */
static void over(void *ctx)
{
    struct qnk_net_run *run = ctx;

    run->story.real_ms = now_ms() - run->start_ms;
    (void)qnk_artifacts_link(&run->artifacts, "up");
    if (run_judge(run)) {
        printf("it stays up to be looked at, until an interrupt or qnet net down: "
               "qnet net status, qnet net exec %s -- qnet status\n",
               run->spec->nodes[0].name);
        (void)fflush(stdout);
    }
}

static bool provider_run(struct qnk_net_run *run)
{
    if (run->spec->provider == QNK_PROVIDER_VIRTUAL) {
        return virtual_run(run);
    }

    const struct qnk_process_setup setup = {.spec = run->spec,
                                            .story = &run->story,
                                            .artifacts = &run->artifacts,
                                            .stays_up = run->stays_up,
                                            .over = run->lingers ? over : NULL,
                                            .ctx = run};

    return qnk_process_run(&setup);
}

static void begin_tell(const struct qnk_net_run *run)
{
    if (run->told != NULL) {
        fprintf(run->told, "run %s   seed %llu   provider %s   %u nodes   quorum %u of %u\n",
                run->artifacts.id, (unsigned long long)run->seed,
                qnk_provider_names[run->spec->provider], run->spec->nodes_count,
                2 * run->spec->validators / 3 + 1, run->spec->validators);
        (void)fflush(run->told);
    }
}

static bool story_open(struct qnk_net_run *run)
{
    static struct qnk_budget budget = {.limit = SIZE_MAX};

    if (!qnk_story_init(&run->story, &budget, run->spec, run->seed, run->variant)) {
        fprintf(stderr, "qnet: no memory\n");
        return false;
    }
    run->story.told = run->told;
    run->story.events = qnk_artifact_open(&run->artifacts, "events.jsonl");
    return run->story.events != NULL;
}

/* Those of network kinds; a provider adds its own. */
static void plugins_tell(struct qnk_net_run *run)
{
    static const char *const kinds[] = {"producer", "consensus", "ledger"};
    const struct qnk_tree *more = run->variant == NULL ? NULL : run->variant->network;

    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        qnk_story_plugin(&run->story, kinds[i], qnk_spec_plugin_name(run->spec, more, kinds[i]));
    }
    for (uint32_t i = 0; i < run->story.course.count; i++) {
        const struct qnk_spec_event *event = run->story.course.acts[i].event;

        if (event->action == QNK_ACTION_SWAP) {
            qnk_story_plugin(&run->story, event->kind, event->plugin);
        }
    }
}

static int path_remove(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
    (void)facts;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

/* Of a run that was good the nodes' disks are of no more use, and each takes 200 MB. */
static void data_remove(const struct qnk_net_run *run)
{
    for (uint32_t i = 0; i < run->spec->nodes_count; i++) {
        char path[PATH];

        snprintf(path, sizeof path, "%.400s/nodes/%.60s/data", run->artifacts.folder,
                 run->spec->nodes[i].name);
        (void)nftw(path, path_remove, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
    }
}

int qnk_net_run(struct qnk_net_run *run)
{
    bool is_done;

    run->start_ms = now_ms();
    run->artifacts = (struct qnk_artifacts){
        .version = PACKAGE_VERSION, .compiler = __VERSION__, .command = run->command};
    if (!qnk_artifacts_make(&run->artifacts, run->runs, run->spec)) {
        return QNK_CLI_FAILED;
    }
    if (!story_open(run)) {
        qnk_net_run_done(run);
        return QNK_CLI_FAILED;
    }
    (void)qnk_artifacts_link(&run->artifacts, "latest");
    if (run->stays_up) {
        (void)qnk_artifacts_link(&run->artifacts, "up");
    }
    plugins_tell(run);
    begin_tell(run);
    is_done = provider_run(run);
    if (run->stays_up || run->lingers) {
        qnk_artifacts_unlink(&run->artifacts, "up");
    }
    is_done = qnk_artifact_close(&run->artifacts, "events.jsonl", run->story.events) && is_done;
    run->story.events = NULL;
    if (is_done && !run->stays_up && !run->is_judged) {
        run->story.real_ms = now_ms() - run->start_ms;
        is_done = run_judge(run);
    }
    if (is_done && run->is_judged && run->verdicts.failed == 0 &&
        run->spec->provider == QNK_PROVIDER_PROCESS) {
        data_remove(run);
    }
    if (!is_done) {
        qnk_net_run_done(run);
    }
    return is_done ? QNK_CLI_OK : QNK_CLI_FAILED;
}

void qnk_net_run_done(struct qnk_net_run *run)
{
    qnk_story_done(&run->story);
}
