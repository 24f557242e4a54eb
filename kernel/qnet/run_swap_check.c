/* SPDX-License-Identifier: MIT */

/* run_swap_check.c: `qnet swap check`: whether a plugin could take over here, tried beside the
 * node: all of it in a child process, whose death or delay is an answer and nothing more. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/config/file.h"
#include "kernel/host/bound.h"
#include "kernel/node/trial.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/sim_files.h"
#include "kernel/qnet/swap_copy.h"
#include "kernel/sim/rehearsal.h"

enum {
    LINE = 600,
    PATH_SIZE = 1024,
    WINDOW_MOST = 16, /* blocks of a window of the rehearsal: long ones only take longer */
    NODES_MIN = 4,
    NODES_MAX = 7,
};

static struct qnk_budget budget = {.limit = SIZE_MAX};

/* What the child looks at. */
struct check {
    const char *kind;
    const char *typed;
    const char *config; /* path of the node file */
    uint64_t seed;
    int out;                 /* lines for the parent */
    struct qnk_config files; /* the node's own, without plugins' keys */
    struct qnk_config given; /* what was typed */
    struct qnk_loader *loader;
    const struct qnk_config_plugin *used;
    struct qnk_plugin *plugin;
    struct qnk_swap_plan plan;
    bool has_open;             /* the node has a plan of this kind that waits for readiness */
    struct qnk_swap_plan open; /* its plugin's name, trace and codes */
    struct qn_span copy;       /* of what is final on the node; empty: none was to be had */
    char copied[LINE / 2];     /* what it is, or why there is none */
};

/* --- the child --- */

/* A line for the parent: done, or about to be. */
static bool tell(const struct check *check, const char *what, bool is_good, const char *words)
{
    json_t *line = json_pack("{s:s, s:b, s:s}", "check", what, "ok", is_good, "words", words);
    char text[LINE];
    size_t size = json_dumpb(line, text, sizeof text - 1, JSON_COMPACT);

    json_decref(line);
    if (size == 0 || size >= sizeof text - 1) {
        return false;
    }
    text[size] = '\n';
    return write(check->out, text, size + 1) == (ssize_t)size + 1 && is_good;
}

static const char *finding(const struct qnk_report *report)
{
    return report->count > 0 ? report->findings[0].text : "it cannot be read";
}

static bool files_check(struct check *check)
{
    const struct qnk_config_options options = {.budget = &budget};
    int32_t status = qnk_config_init(&check->files, &options);

    if (status == QN_OK) {
        status = qnk_config_open_node(&check->files, check->config);
    }
    return status == QN_OK || tell(check, "files", false, finding(&check->files.report));
}

/* With the node's own policy and lock file. */
static bool plugin_check(struct check *check)
{
    const struct qnk_node_file *node = &check->files.node;
    const struct qnk_loader_options loader = {
        .budget = &budget,
        .folder = QNK_PKGLIBDIR,
        .search = qnk_place_search(),
        .trust = node->trust,
        .lock_file = node->lock_file,
        .trust_file = node->trust_file,
    };
    const struct qnk_config_options options = {.budget = &budget};
    char why[QNK_PLUGIN_WHY_MAX] = "";
    char words[LINE / 2];

    if (qnk_config_init(&check->given, &options) != QN_OK ||
        qnk_config_read_plugin(&check->given, check->kind, check->typed, &check->used) != QN_OK) {
        return tell(check, "manifest, trust, ABI", false, finding(&check->given.report));
    }
    if (qnk_loader_create(&loader, &check->loader, why) != QN_OK ||
        qnk_loader_find_used(check->loader, check->used, &check->plugin, why) != QN_OK) {
        return tell(check, "manifest, trust, ABI", false, why);
    }
    snprintf(words, sizeof words, "%s %s   %s/%u.%u%s", check->plugin->manifest.name,
             check->plugin->manifest.version_text, check->kind,
             (unsigned)check->plugin->manifest.table_major,
             (unsigned)check->plugin->manifest.table_minor,
             check->plugin->is_locked ? "" : "   not in a lock file");
    return tell(check, "manifest, trust, ABI", true, words);
}

static bool settings_check(struct check *check)
{
    const struct qnk_config_options options = {
        .budget = &budget,
        .plugins = qnk_loader_config(check->loader),
    };
    char why[QNK_BOUND_WORDS] = "";

    qnk_config_done(&check->given);
    if (qnk_config_init(&check->given, &options) != QN_OK ||
        qnk_config_read_plugin(&check->given, check->kind, check->typed, &check->used) != QN_OK) {
        return tell(check, "settings", false, finding(&check->given.report));
    }
    if (qnk_bound_plan_fill(check->used, check->plugin, &check->plan, why) != QN_OK) {
        return tell(check, "settings", false, why);
    }
    return tell(check, "settings", true, "");
}

/* An instance as the plan says, active. */
static bool instance_make(struct check *check, const char *what, struct qnk_instance **instance)
{
    const struct qnk_instance_options options = {.guard = QNK_GUARD_FULL};
    char why[QNK_PLUGIN_WHY_MAX] = "";

    if (qnk_instance_create(check->plugin, check->used->part.record, &options, instance, why) !=
        QN_OK) {
        return tell(check, what, false, why);
    }
    if (qnk_instance_activate(*instance) != QN_OK) {
        qnk_instance_words(*instance, why, sizeof why);
        return tell(check, what, false, *why != 0 ? why : "it does not start");
    }
    return true;
}

static bool instance_end(struct check *check, const char *what, struct qnk_instance *instance)
{
    if (qnk_instance_freeze(instance) != QN_OK) {
        return tell(check, what, false, "it cannot be frozen");
    }
    qnk_instance_destroy(instance);
    return true;
}

/* Whether an instance can be made as the plan says, begins, lets go and ends. */
static bool life_check(struct check *check)
{
    static const char what[] = "created, started, frozen, ended";
    struct qnk_instance *instance;

    return instance_make(check, what, &instance) && instance_end(check, what, instance) &&
           tell(check, what, true, "");
}

/* Whether the node's open plan is for the plugin of this name. */
static bool is_planned(const struct check *check)
{
    return check->has_open && strcmp(check->open.engine.name, check->plan.engine.name) == 0;
}

/* Says the trace, and whether the open plan accepts it, and this file. */
static bool trace_tell(struct check *check, const char *what, const struct qnk_hash *trace)
{
    const struct qnk_swap_ready ready = {.code = check->plugin->hash, .trace = *trace};
    const char *fault = is_planned(check) ? qnk_swap_ready_fault(&check->open, &ready) : NULL;
    const char *said = fault != NULL ? fault : is_planned(check) ? "as in the open plan" : "";
    char hex[QNK_HEX_SIZE(QN_HASH_SIZE)], words[LINE / 2];

    qnk_hex_encode(trace->bytes, QN_HASH_SIZE, hex);
    snprintf(words, sizeof words, "trace %.16s%s%s", hex, *said != 0 ? "   " : "", said);
    return tell(check, what, fault == NULL, words);
}

/* What it answers in its trial, which a plan calls its trace. */
static bool trial_check(struct check *check)
{
    static const char what[] = "trial";
    struct qnk_instance *instance;
    struct qnk_hash trace;

    if (!instance_make(check, what, &instance)) {
        return false;
    }
    if (qnk_trial_run(&budget, check->plan.kind, &check->plan.engine,
                      qnk_instance_plugged(instance), &trace) != QN_OK) {
        return tell(check, what, false, "it fails at the standard work");
    }
    return instance_end(check, what, instance) && trace_tell(check, what, &trace);
}

/* The network file as it is: the cast puts keys and a genesis of its own in their place. */
static bool network_read(struct check *check, struct qnk_cast_file *file)
{
    const struct qnk_config_source *source = &check->files.network_file.source;

    *file = (struct qnk_cast_file){source->name, source->bytes};
    return source->bytes.size > 0;
}

/* On what the rehearsal plays: the state of the node that was asked, or a genesis of its own. */
static bool state_check(struct check *check)
{
    static const char what[] = "live state";
    uint32_t members = check->files.network.validators_count;
    char words[LINE / 2];

    if (check->copy.size > 0 && members <= QNK_REHEARSAL_NODES_MAX) {
        return tell(check, what, true, check->copied);
    }
    if (check->copy.size > 0) {
        snprintf(check->copied, sizeof check->copied, "a set of %u members is not played", members);
        check->copy.size = 0;
    }
    snprintf(words, sizeof words, "none: %.200s; a genesis of its own instead", check->copied);
    return tell(check, what, true, words);
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

static bool rehearsal_check(struct check *check)
{
    static const char what[] = "rehearsal in a virtual network";
    const struct qnk_network *network = &check->files.network;
    uint32_t nodes = at_most(network->validators_count, NODES_MAX);
    struct qnk_cast_setup setup = {
        .budget = &budget,
        .loader = check->loader,
        .node = {"sim-node.yaml", {(const uint8_t *)qnk_sim_node, strlen(qnk_sim_node)}},
        .window = at_most(network->window, WINDOW_MOST),
        .level = QNK_CAST_L1,
    };
    struct qnk_rehearsal_setup play = {
        .budget = &budget,
        .plugin = check->plugin,
        .plan = &check->plan,
        .seed = check->seed,
        .loader = check->loader,
        .copy = check->copy,
    };
    struct qnk_rehearsal result;
    char why[QNK_CAST_WHY] = "";

    setup.nodes = setup.validators = nodes < NODES_MIN ? NODES_MIN : nodes;
    if (check->copy.size > 0) {
        setup.nodes = setup.validators = network->validators_count;
        setup.window = 0;
        setup.stands_in = true;
    }
    if (!network_read(check, &setup.network) || qnk_cast_create(&setup, &play.cast, why) != QN_OK) {
        return tell(check, what, false, why);
    }
    qnk_rehearse(&play, &result);
    return tell(check, what, result.is_good, result.words);
}

static int child_run(struct check *check)
{
    bool is_good = files_check(check) && plugin_check(check) && settings_check(check) &&
                   life_check(check) && trial_check(check) && state_check(check) &&
                   rehearsal_check(check);

    return is_good ? 0 : 1;
}

/* --- the parent --- */

struct answer {
    json_t *lines;
    bool is_good;
    char last[64]; /* what was done last: whoever dies does so in the next */
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void line_take(struct answer *answer, const char *text, size_t size)
{
    json_t *line = json_loadb(text, size, 0, NULL);

    if (line != NULL) {
        snprintf(answer->last, sizeof answer->last, "%s", qnk_string(line, "check"));
        json_array_append_new(answer->lines, line);
    }
}

static void line_add(struct answer *answer, const char *what, const char *words)
{
    answer->is_good = false;
    json_array_append_new(answer->lines,
                          json_pack("{s:s, s:b, s:s}", "check", what, "ok", 0, "words", words));
}

/* Reads lines until the child is done. False: it was not in time. */
static bool lines_read(struct answer *answer, int in, uint64_t limit_ms)
{
    uint64_t end = now_ms() + limit_ms;
    char text[4 * LINE];
    size_t have = 0;

    for (;;) {
        uint64_t now = now_ms();
        struct pollfd wait = {.fd = in, .events = POLLIN};
        char *newline;
        ssize_t got;

        if (now >= end || have == sizeof text) {
            return false;
        }
        if (poll(&wait, 1, (int)(end - now)) <= 0) {
            continue;
        }
        got = read(in, text + have, sizeof text - have);
        if (got <= 0) {
            return true;
        }
        have += (size_t)got;
        while ((newline = memchr(text, '\n', have)) != NULL) {
            size_t size = (size_t)(newline - text);

            line_take(answer, text, size);
            have -= size + 1;
            memmove(text, newline + 1, have);
        }
    }
}

/* Forks, listens, and says how it ended. */
static bool run_apart(struct check *check, uint64_t limit_s, struct answer *answer)
{
    int ends[2];
    pid_t child;
    int status = 0;
    char words[160];

    if (pipe(ends) != 0 || (child = fork()) < 0) {
        fprintf(stderr, "qnet: %s\n", strerror(errno));
        return false;
    }
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(ends[0]);
        check->out = ends[1];
        _exit(child_run(check));
    }
    (void)close(ends[1]);

    bool is_in_time = lines_read(answer, ends[0], limit_s * 1000);

    (void)close(ends[0]);
    if (!is_in_time) {
        (void)kill(child, SIGKILL);
    }
    (void)waitpid(child, &status, 0);
    answer->is_good = is_in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_in_time) {
        snprintf(words, sizeof words, "it did not come to an end in %llu s after '%s'",
                 (unsigned long long)limit_s, answer->last);
        line_add(answer, "time", words);
    } else if (WIFSIGNALED(status)) {
        snprintf(words, sizeof words, "it died of signal %d after '%s'", WTERMSIG(status),
                 answer->last);
        line_add(answer, "life", words);
    }
    return true;
}

static void answer_show(const struct answer *answer, const struct check *check)
{
    size_t i;
    json_t *line;

    json_array_foreach(answer->lines, i, line)
    {
        printf("check    %-34s %s   %s\n", qnk_string(line, "check"),
               qnk_is_true(line, "ok") ? "ok  " : "FAIL", qnk_string(line, "words"));
    }
    if (answer->is_good) {
        printf("result   safe\n  qnet swap plan %s=%s\n", check->kind, check->typed);
    } else {
        printf("result   NOT safe: nothing has changed\n");
    }
}

/* The node file: as given, else as the node that is asked says. */
static int config_find(const struct qnk_call *call, char path[PATH_SIZE])
{
    const char *given = qnk_call_text(call, "config");
    int status = QNK_CLI_OK;
    json_t *answer;

    if (given != NULL) {
        snprintf(path, PATH_SIZE, "%s", given);
        return status;
    }
    answer = qnk_ask_once(call, "node", NULL, &status);
    snprintf(path, PATH_SIZE, "%s", qnk_string(answer, "config"));
    json_decref(answer);
    return status;
}

/* Maps the copy that the node made, which is then nobody's any more. */
static bool copy_map(struct check *check, const struct qnk_client *client, const char *path)
{
    struct stat status;
    void *bytes = MAP_FAILED;
    uid_t owner;
    int file;

    if (!qnk_client_owner(client, &owner)) {
        snprintf(check->copied, sizeof check->copied, "whose node this is cannot be told");
        return false;
    }
    file = qnk_swap_copy_take(path, owner, check->copied, sizeof check->copied);
    if (file < 0) {
        return false;
    }
    if (fstat(file, &status) == 0 && status.st_size > 0) {
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    (void)close(file);
    if (bytes == MAP_FAILED) {
        snprintf(check->copied, sizeof check->copied, "'%.200s' cannot be read: %s", path,
                 strerror(errno));
        return false;
    }
    check->copy = (struct qn_span){bytes, (uint64_t)status.st_size};
    return true;
}

/* Asks the node for the plan of this kind that waits for readiness. */
static void plan_take(struct qnk_client *client, struct check *check)
{
    int status;
    json_t *error = NULL;
    json_t *answer = qnk_client_try(client, "swap.status", NULL, &status, &error);
    const json_t *plan = qnk_at(answer, "plan");
    const json_t *codes = json_object_get(plan, "codes");

    if (answer != NULL && strcmp(qnk_string(plan, "life"), "proposed") == 0 &&
        strcmp(qnk_string(plan, "kind"), check->kind) == 0 &&
        qnk_hex_decode(qnk_string(plan, "trace"), QN_HASH_SIZE, check->open.trace.bytes) == QN_OK) {
        check->has_open = true;
        snprintf(check->open.engine.name, sizeof check->open.engine.name, "%s",
                 qnk_string(plan, "name"));
        for (size_t i = 0; i < json_array_size(codes) && i < QNK_SWAP_CODES_MAX; i++) {
            const char *code = json_string_value(json_array_get(codes, i));

            check->open.codes_count +=
                code != NULL &&
                qnk_hex_decode(code, QN_HASH_SIZE,
                               check->open.codes[check->open.codes_count].bytes) == QN_OK;
        }
    }
    json_decref(error);
    json_decref(answer);
}

/* Asks the node for a copy of what is final. Without one it is no error: `copied` says why. */
static void copy_take(const struct qnk_call *call, struct check *check)
{
    struct qnk_client client = {.fd = -1};
    json_t *error = NULL, *answer;
    int status;

    if (qnk_call_text(call, "config") != NULL) {
        snprintf(check->copied, sizeof check->copied, "no node was asked");
        return;
    }
    if (qnk_client_open(&client, call) != QNK_CLI_OK) {
        snprintf(check->copied, sizeof check->copied, "the node does not answer");
        return;
    }
    plan_take(&client, check);
    answer = qnk_client_try(&client, "swap.copy", NULL, &status, &error);
    if (answer == NULL) {
        const char *words = qnk_string(error, "message");

        snprintf(check->copied, sizeof check->copied, "%.200s",
                 *words == 0 ? "the node does not answer" : words);
    } else if (copy_map(check, &client, qnk_string(answer, "path"))) {
        snprintf(check->copied, sizeof check->copied,
                 "macro %llu, block %llu, %llu pages: %llu KiB copied in %llu ms",
                 (unsigned long long)qnk_number(answer, "window"),
                 (unsigned long long)qnk_number(answer, "height"),
                 (unsigned long long)qnk_number(answer, "pages"),
                 (unsigned long long)((check->copy.size + 1023) / 1024),
                 (unsigned long long)qnk_number(answer, "ms"));
    }
    json_decref(error);
    json_decref(answer);
    qnk_client_close(&client);
}

int qnk_run_swap_check(struct qnk_call *call)
{
    struct check check = {.seed = qnk_call_number(call, "seed")};
    struct answer answer = {.lines = json_array()};
    char path[PATH_SIZE];
    json_t *params = qnk_plugin_params(call);
    int status = params == NULL ? QNK_CLI_USAGE : config_find(call, path);

    if (status == QNK_CLI_OK && sodium_init() < 0) {
        status = QNK_CLI_FAILED;
    }
    if (status == QNK_CLI_OK) {
        check.kind = qnk_string(params, "kind");
        check.typed = qnk_string(params, "plugin");
        check.config = path;
        copy_take(call, &check);
        status = run_apart(&check, qnk_call_number(call, "timeout"), &answer) ? QNK_CLI_OK
                                                                              : QNK_CLI_FAILED;
    }
    if (status == QNK_CLI_OK && call->json) {
        json_t *document = json_pack("{s:b, s:O}", "safe", answer.is_good, "checks", answer.lines);

        qnk_json_print(document);
        json_decref(document);
    } else if (status == QNK_CLI_OK) {
        answer_show(&answer, &check);
    }
    json_decref(answer.lines);
    json_decref(params);
    return status != QNK_CLI_OK ? status : answer.is_good ? QNK_CLI_OK : QNK_CLI_REFUSED;
}
