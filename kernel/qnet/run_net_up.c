/* SPDX-License-Identifier: MIT */

/* run_net_up.c: a testnet of processes that stays up, and what one does with it from another
 * terminal. `up` writes net.json into the run's folder, and the folder of runs has a link `up` to
 * it while it is; everything else goes by that: sockets, pids, log files. Without one it is the
 * latest run that is meant, as of processes that are being tested. */

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/text.h"
#include "kernel/config/quantity.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/net_open.h"
#include "kernel/qnet/net_test.h"
#include "kernel/qnet/net_up.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { PATH = 700, DOWN_MS = 30000, LOOK_MS = 100, PATIENCE_S = 5 };

/* --- up --- */

int qnk_run_net_up(struct qnk_call *call)
{
    static struct qnk_spec spec;
    static struct qnk_net_run run;
    static char command[PATH];
    int result;

    if (sodium_init() < 0 || !qnk_net_open(call, call->operands[0], &spec)) {
        qnk_net_report(&spec, stderr);
        qnk_spec_done(&spec);
        return QNK_CLI_FAILED;
    }
    if (spec.provider != QNK_PROVIDER_PROCESS) {
        fprintf(stderr, "qnet: a virtual network runs in virtual time alone, and cannot stay up\n"
                        "  qnet net up --provider process, or qnet net test\n");
        qnk_spec_done(&spec);
        return QNK_CLI_USAGE;
    }
    run = (struct qnk_net_run){.spec = &spec, .seed = spec.seed, .command = command};
    run.runs = qnk_call_text(call, "runs");
    run.told = call->quiet ? NULL : stdout;
    run.stays_up = true;
    snprintf(command, sizeof command, "qnet net up %.500s", call->operands[0]);
    result = qnk_net_run(&run);
    if (result == QNK_CLI_OK) {
        result = run.story.is_timed_out ? QNK_CLI_FAILED : QNK_CLI_OK; /* it never was up */
        qnk_net_run_done(&run);
    }
    qnk_spec_done(&spec);
    return result;
}

/* --- a network that is up --- */

json_t *qnk_net_up_read(const struct qnk_call *call)
{
    const char *given = qnk_call_text(call, "run");
    char path[PATH];
    json_error_t error;
    json_t *net;

    if (given != NULL) {
        snprintf(path, sizeof path, "%.600s/net.json", given);
    } else {
        snprintf(path, sizeof path, "%.600s/up/net.json", qnk_call_text(call, "runs"));
    }
    net = json_load_file(path, 0, &error);
    if (net == NULL && given == NULL) {
        snprintf(path, sizeof path, "%.600s/latest/net.json", qnk_call_text(call, "runs"));
        net = json_load_file(path, 0, &error);
    }
    if (net == NULL) {
        fprintf(stderr, "qnet: no network: '%s' cannot be read\n  qnet net up SPEC\n", path);
    }
    return net;
}

/* Whether the process of these facts runs; 0 and 1 are no pid of it, and kill takes 0 for all of
 * this terminal's. */
static bool is_alive(const json_t *facts)
{
    pid_t pid = (pid_t)qnk_number(facts, "pid");

    return pid > 1 && kill(pid, 0) == 0;
}

static const json_t *node_find(const json_t *net, const char *name)
{
    size_t i;
    json_t *node;

    json_array_foreach(json_object_get(net, "nodes"), i, node)
    {
        if (strcmp(qnk_string(node, "name"), name) == 0) {
            return node;
        }
    }
    fprintf(stderr, "qnet: no node is called '%s'\n", name);
    return NULL;
}

static bool node_connect(const json_t *node, struct qnk_client *client)
{
    char path[PATH];

    snprintf(path, sizeof path, "%.600s/admin.sock", qnk_string(node, "runtime"));
    if (!qnk_client_connect(client, path)) {
        return false;
    }
    qnk_client_limit(client, PATIENCE_S);
    return true;
}

/* NULL: it does not answer, or refuses, which is said if it does. */
static json_t *node_ask(const json_t *node, const char *method, json_t *params)
{
    struct qnk_client client;
    json_t *error = NULL, *answer = NULL;
    int code;

    if (!node_connect(node, &client)) {
        json_decref(params);
        return NULL;
    }
    answer = qnk_client_try(&client, method, params, &code, &error);
    if (error != NULL) {
        fprintf(stderr, "qnet: %s: %s\n", qnk_string(node, "name"), qnk_string(error, "message"));
    }
    json_decref(error);
    qnk_client_close(&client);
    return answer;
}

int qnk_run_net_status(struct qnk_call *call)
{
    json_t *net = qnk_net_up_read(call), *list = json_array(), *node;
    uint32_t answering = 0, count = 0;
    size_t i;

    json_array_foreach(json_object_get(net, "nodes"), i, node)
    {
        json_t *status = node_ask(node, "status", NULL);

        count++;
        answering += status != NULL;
        if (!call->json && status == NULL) {
            printf("%-10s does not answer\n", qnk_string(node, "name"));
        } else if (!call->json) {
            printf("%-10s %-9s head %-7llu final %-6llu lag %-4llu mempool %-6llu peers %llu\n",
                   qnk_string(node, "name"), qnk_string(status, "phase"),
                   (unsigned long long)qnk_number(status, "head.height"),
                   (unsigned long long)qnk_number(status, "final.window"),
                   (unsigned long long)qnk_number(status, "lag.blocks"),
                   (unsigned long long)qnk_number(status, "mempool.txs"),
                   (unsigned long long)qnk_number(status, "peers"));
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", qnk_string(node, "name"),
                                              "status", status == NULL ? json_null() : status));
    }
    if (net != NULL && call->json) {
        json_t *answer = json_pack("{s:s, s:b, s:O}", "folder", qnk_string(net, "folder"), "up",
                                   is_alive(net), "nodes", list);

        qnk_json_print(answer);
        json_decref(answer);
    }
    json_decref(list);
    json_decref(net);
    return net == NULL         ? QNK_CLI_FAILED
           : answering == 0    ? QNK_CLI_UNREACHABLE
           : answering < count ? QNK_CLI_NOT_READY
                               : QNK_CLI_OK;
}

/* Runs a program in place of this one, with the node's environment. */
static int node_exec(const json_t *net, const json_t *node, char *const *args)
{
    (void)setenv("XDG_RUNTIME_DIR", qnk_string(net, "runtime"), 1);
    (void)setenv("QNET_NODE", qnk_string(node, "name"), 1);
    (void)fflush(stdout);
    (void)execvp(args[0], args);
    fprintf(stderr, "qnet: cannot run '%s': %s\n", args[0], strerror(errno));
    return QNK_CLI_FAILED;
}

int qnk_run_net_exec(struct qnk_call *call)
{
    json_t *net = qnk_net_up_read(call);
    const json_t *node = net == NULL ? NULL : node_find(net, call->operands[0]);
    char *args[QNK_OPERANDS_MAX + 1];
    int result = QNK_CLI_FAILED;

    for (uint32_t i = 1; i < call->operands_count; i++) {
        args[i - 1] = (char *)(uintptr_t)call->operands[i];
    }
    args[call->operands_count - 1] = NULL;
    if (node != NULL && call->operands_count > 1) {
        result = node_exec(net, node, args);
    }
    json_decref(net);
    return result;
}

/* The newest log of a node. */
static void log_find(const json_t *net, const json_t *node, char path[PATH])
{
    char next[PATH];

    path[0] = 0;
    for (uint32_t i = 1; i < 100000; i++) {
        snprintf(next, sizeof next, "%.500s/nodes/%.60s/log.%u.jsonl", qnk_string(net, "folder"),
                 qnk_string(node, "name"), i);
        if (access(next, R_OK) != 0) {
            return;
        }
        snprintf(path, PATH, "%s", next);
    }
}

int qnk_run_net_logs(struct qnk_call *call)
{
    json_t *net = qnk_net_up_read(call);
    const json_t *node = net == NULL ? NULL : node_find(net, call->operands[0]);
    char tail[] = "tail", lines[] = "-n", count[] = "100", follow[] = "-f", path[PATH];
    char *args[6] = {tail, lines, count, path, NULL, NULL};
    int result = QNK_CLI_FAILED;

    if (node != NULL) {
        log_find(net, node, path);
        args[4] = qnk_call_flag(call, "follow") ? follow : NULL;
        result = node_exec(net, node, args);
    }
    json_decref(net);
    return result;
}

/* --- do --- */

/* The value of KEY=VALUE among the operands after the first; NULL: it is not there. */
static const char *given(const struct qnk_call *call, const char *key)
{
    size_t size = strlen(key);

    for (uint32_t i = 1; i < call->operands_count; i++) {
        if (strncmp(call->operands[i], key, size) == 0 && call->operands[i][size] == '=') {
            return call->operands[i] + size + 1;
        }
    }
    return NULL;
}

static bool duration(const struct qnk_call *call, const char *key, uint64_t *ms)
{
    const char *text = given(call, key);

    if (text == NULL || qnk_duration_read(text, ms) != QN_OK || *ms == 0 ||
        *ms > QNK_SPEC_TIME_MAX_MS) {
        fprintf(stderr, "qnet: wanted is %s=DURATION of at most a day, as in %s=5s\n", key, key);
        return false;
    }
    return true;
}

static void ms_wait(uint64_t ms)
{
    const struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000 * 1000000)};

    (void)nanosleep(&time, NULL);
}

static bool ban(const json_t *at, const json_t *other, uint64_t seconds)
{
    json_t *answer =
        node_ask(at, "peer.ban",
                 json_pack("{s:s, s:I, s:s}", "key", qnk_string(other, "key"), "seconds",
                           (json_int_t)seconds, "reason", "qnet net do isolate"));

    bool is_done = answer != NULL;

    json_decref(answer);
    return is_done;
}

/* Both sides ban each other for so long; bans end by themselves. One of both is enough. */
static int isolate_do(const struct qnk_call *call, const json_t *net, const json_t *node)
{
    int result = QNK_CLI_OK;
    uint64_t ms, seconds;
    json_t *other;
    size_t i;

    if (!duration(call, "for", &ms)) {
        return QNK_CLI_USAGE;
    }
    seconds = (ms + 999) / 1000;
    json_array_foreach(json_object_get(net, "nodes"), i, other)
    {
        bool is_banned = other != node && ban(node, other, seconds);

        if (other != node && !ban(other, node, seconds) && !is_banned) {
            fprintf(stderr, "qnet: neither %s nor %s answers\n", qnk_string(node, "name"),
                    qnk_string(other, "name"));
            result = QNK_CLI_UNREACHABLE;
        }
    }
    return result;
}

static int signal_do(const json_t *node, int number)
{
    if (!is_alive(node)) {
        fprintf(stderr, "qnet: %s does not run\n", qnk_string(node, "name"));
        return QNK_CLI_FAILED;
    }
    if (kill((pid_t)qnk_number(node, "pid"), number) == 0) {
        return QNK_CLI_OK;
    }
    fprintf(stderr, "qnet: %s: %s\n", qnk_string(node, "name"), strerror(errno));
    return QNK_CLI_FAILED;
}

/* An interrupt ends the waiting, and nothing else. */
static void woken(int number)
{
    (void)number;
}

static int pause_do(const struct qnk_call *call, const json_t *node)
{
    const struct sigaction wakes = {.sa_handler = woken};
    uint64_t ms;
    int result;

    if (!duration(call, "for", &ms)) {
        return QNK_CLI_USAGE;
    }
    (void)sigaction(SIGINT, &wakes, NULL);
    (void)sigaction(SIGTERM, &wakes, NULL);
    result = signal_do(node, SIGSTOP);
    if (result == QNK_CLI_OK) {
        ms_wait(ms);
        result = signal_do(node, SIGCONT);
    }
    return result;
}

int qnk_run_net_do(struct qnk_call *call)
{
    json_t *net = qnk_net_up_read(call);
    const char *what = call->operands[0], *name = given(call, "node");
    const json_t *node = net == NULL || name == NULL ? NULL : node_find(net, name);
    int result = QNK_CLI_FAILED;

    if (net != NULL && name == NULL) {
        fprintf(stderr, "qnet: wanted is node=NAME\n");
        result = QNK_CLI_USAGE;
    } else if (node == NULL) {
        result = QNK_CLI_FAILED;
    } else if (strcmp(what, "kill") == 0) {
        result = signal_do(node, SIGKILL);
    } else if (strcmp(what, "restart") == 0) {
        result = signal_do(node, SIGTERM);
    } else if (strcmp(what, "pause") == 0) {
        result = pause_do(call, node);
    } else if (strcmp(what, "isolate") == 0) {
        result = isolate_do(call, net, node);
    } else {
        fprintf(stderr,
                "qnet: '%s' cannot be done to a network that is up: kill, restart, pause "
                "and isolate can\n",
                what);
        result = QNK_CLI_USAGE;
    }
    json_decref(net);
    return result;
}

/* --- the end --- */

int qnk_run_net_down(struct qnk_call *call)
{
    json_t *net = qnk_net_up_read(call);
    int result = net == NULL ? QNK_CLI_FAILED : QNK_CLI_TIMEOUT;

    if (net != NULL && (!is_alive(net) || kill((pid_t)qnk_number(net, "pid"), SIGTERM) != 0)) {
        printf("it is down already\n");
        result = QNK_CLI_OK;
    }
    for (uint64_t waited = 0; result == QNK_CLI_TIMEOUT && waited < DOWN_MS; waited += LOOK_MS) {
        ms_wait(LOOK_MS);
        result = is_alive(net) ? QNK_CLI_TIMEOUT : QNK_CLI_OK;
    }
    json_decref(net);
    return result;
}

static void verdicts_print(const json_t *asserts)
{
    json_t *it;
    size_t i;

    json_array_foreach(json_object_get(asserts, "asserts"), i, it)
    {
        printf("%s   %-12s %-46s %s\n", qnk_is_true(it, "good") ? "pass" : "FAIL",
               qnk_string(it, "id"), qnk_string(it, "text"), qnk_string(it, "words"));
    }
}

int qnk_run_net_report(struct qnk_call *call)
{
    const char *run = call->operands_count > 0 ? call->operands[0] : NULL, *kind = "report";
    char folder[PATH], path[PATH];
    json_error_t error;
    json_t *facts;
    bool is_good;

    if (run == NULL) {
        snprintf(folder, sizeof folder, "%.600s/latest", qnk_call_text(call, "runs"));
    } else {
        snprintf(folder, sizeof folder, "%.600s", run);
    }
    snprintf(path, sizeof path, "%.600s/compare.json", folder);
    facts = json_load_file(path, 0, &error);
    if (facts != NULL) {
        kind = "compare";
    } else {
        snprintf(path, sizeof path, "%.600s/asserts.json", folder);
        facts = json_load_file(path, 0, &error);
    }
    if (facts == NULL) {
        fprintf(stderr, "qnet: '%s' cannot be read: no run, or it has not ended\n", path);
        return QNK_CLI_FAILED;
    }
    is_good = qnk_number(facts, "failed") == 0;
    if (call->json) {
        qnk_json_print(facts);
    } else {
        verdicts_print(facts);
        printf("%s/%s.html   %s.md   %s.json\n", folder, kind, kind, kind);
    }
    json_decref(facts);
    return is_good ? QNK_CLI_OK : QNK_CLI_ASSERTION;
}
