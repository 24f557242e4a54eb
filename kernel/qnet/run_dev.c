/* SPDX-License-Identifier: MIT */

/* run_dev.c: a network of real nodes on this machine, watched, loaded, and held to account. */

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/load.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/spawn.h"

enum {
    TICK_MS = 50,
    LOOK_MS = 200,
    AGAIN_MS = 1000,   /* before a node that ended is started again */
    ONCE_MS = 120000,  /* until the first final macroblock */
    SETTLE_MS = 90000, /* until all that was accepted is final */
    STOP_MS = 15000,   /* until a node that was asked to stop is killed */
    PATH = 600,
};

enum phase { PHASE_START, PHASE_RUN, PHASE_SETTLE, PHASE_STOP };

struct net;

struct child {
    uv_process_t process; /* first */
    struct net *net;
    struct qnk_dev_node *node;
    struct qnk_link link;
    uint64_t again_ms; /* when to start it again; 0: it runs */
    uint32_t starts;
    int pid;              /* 0: it does not run */
    uint64_t head, final; /* height, window */
    char digest[65];      /* of the final window */
    bool is_ready;
    bool is_silent_said; /* that its operator must do something, or it does not sign */
};

struct net {
    struct qnk_call *call;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t interrupt, terminate, enough;
    struct qnk_dev dev;
    struct child children[QNK_DEV_NODES_MAX];
    struct qnk_load *load;
    enum phase phase;
    uint64_t start_ms, phase_ms, look_ms, run_ms;
    uint64_t rate, seconds;
    uint64_t seen_head; /* newest height of any node */
    uint64_t counted;   /* height up to which final blocks were counted */
    uint64_t base;      /* window that was final when this run began */
    bool has_base;
    uint64_t final_window; /* newest that was printed */
    uint32_t window;
    bool is_asking; /* for a block's transactions */
    bool is_asking_macro;
    bool has_shown_micro, has_shown_ready;
    uint64_t txs_final; /* counted in final blocks */
    struct qnk_hash chain_id;
    uint64_t fee;
    bool has_facts; /* chain_id and fee */
    bool is_interrupted;
    int result;
};

static uint64_t elapsed_ms(const struct net *net)
{
    return uv_now((uv_loop_t *)(uintptr_t)&net->loop) - net->start_ms;
}

static const char *clock_text(const struct net *net)
{
    static char text[24];
    uint64_t ms = elapsed_ms(net);

    snprintf(text, sizeof text, "%2llu:%02llu.%llu", (unsigned long long)(ms / 60000),
             (unsigned long long)(ms / 1000 % 60), (unsigned long long)(ms % 1000 / 100));
    return text;
}

/* --- facts --- */

static json_t *child_json(const struct child *child)
{
    char path[PATH];

    snprintf(path, sizeof path, "%s/node.yaml", child->node->folder);
    return json_pack("{s:s, s:i, s:s, s:s, s:i}", "name", child->node->name, "pid", child->pid,
                     "config", path, "runtime", child->node->runtime, "starts", (int)child->starts);
}

/* Writes what others may want to know of the network, whole or not at all. */
static void facts_put(const struct net *net)
{
    const char *path = qnk_call_text(net->call, "info");
    json_t *nodes = json_array();
    char part[PATH], network[PATH];
    json_t *facts;

    if (path == NULL) {
        json_decref(nodes);
        return;
    }
    for (uint32_t i = 0; i < net->dev.count; i++) {
        json_array_append_new(nodes, child_json(&net->children[i]));
    }
    snprintf(network, sizeof network, "%s/network.yaml", net->dev.folder);
    facts = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "folder", net->dev.folder, "network",
                      network, "runtime", net->dev.runtime, "daemon", qnk_place_daemon(), "pid",
                      (int)getpid(), "nodes", nodes);
    snprintf(part, sizeof part, "%.590s.part", path);
    if (json_dump_file(facts, part, JSON_INDENT(2)) != 0 || rename(part, path) != 0) {
        fprintf(stderr, "qnet: cannot write '%s'\n", path);
    }
    json_decref(facts);
}

/* --- processes --- */

static void phase_set(struct net *net, enum phase phase)
{
    net->phase = phase;
    net->phase_ms = uv_now(&net->loop);
}

static void children_stop(struct net *net)
{
    phase_set(net, PHASE_STOP);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];

        child->again_ms = 0;
        if (child->pid != 0) {
            (void)uv_process_kill(&child->process, SIGTERM);
        }
    }
}

/* --- the load --- */

static void child_ended(uv_process_t *process, int64_t code, int signal)
{
    struct child *child = (struct child *)(void *)process;
    struct net *net = child->net;

    child->pid = 0;
    uv_close((uv_handle_t *)process, NULL);
    if (net->phase == PHASE_STOP) {
        if (signal != 0 || code != 0) {
            fprintf(stderr, "%s  %s ended with %d, signal %d: see %s/log.%u\n", clock_text(net),
                    child->node->name, (int)code, signal, child->node->folder, child->starts);
            net->result = QNK_CLI_FAILED;
        }
        return;
    }
    /* A node that says itself why it cannot go on would say it again. */
    if (signal == 0) {
        fprintf(stderr, "qnet: %s ended with %d, so the network ends: see %s/log.%u\n",
                child->node->name, (int)code, child->node->folder, child->starts);
        net->result = QNK_CLI_FAILED;
        children_stop(net);
        return;
    }
    printf("%s  %s was ended by signal %d: it starts again   log %s/log.%u\n", clock_text(net),
           child->node->name, signal, child->node->folder, child->starts);
    (void)fflush(stdout);
    child->again_ms = uv_now(&net->loop) + AGAIN_MS;
    facts_put(net);
}

/* The number of the next log file, so that none is written over. */
static int log_open(struct child *child)
{
    char path[PATH];
    int fd = -1;

    do {
        child->starts++;
        snprintf(path, sizeof path, "%s/log.%u", child->node->folder, child->starts);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (fd < 0 && child->starts < 100000);
    return fd;
}

static bool child_start(struct child *child)
{
    struct net *net = child->net;
    struct qnk_spawn spawn = {
        .folder = child->node->folder,
        .runtime = net->dev.runtime,
        .log = log_open(child),
    };

    if (spawn.log < 0) {
        fprintf(stderr, "qnet: cannot make a log file in %s\n", child->node->folder);
        return false;
    }
    if (!qnk_spawn(&spawn, &net->loop, child_ended, &child->process)) {
        return false;
    }
    child->pid = child->process.pid;
    child->again_ms = 0;
    return true;
}

/* --- what the nodes say --- */

static void silent_say(const struct net *net, struct child *child, const char *why)
{
    if (!child->is_silent_said && strstr(why, "`qnet key resume`") != NULL) {
        child->is_silent_said = true;
        printf("%s  %s does not sign: %s; or begin anew with qnet dev --reset\n", clock_text(net),
               child->node->name, why);
        (void)fflush(stdout);
    }
}

static void status_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct net *net = ctx;
    struct child *child = &net->children[tag];

    child->is_ready = qnk_at(answer, "head") != NULL;
    if (!child->is_ready) {
        return;
    }
    child->head = qnk_number(answer, "head.height");
    child->final = qnk_number(answer, "final.window");
    snprintf(child->digest, sizeof child->digest, "%s", qnk_string(answer, "final.digest"));
    net->seen_head = child->head > net->seen_head ? child->head : net->seen_head;
    silent_say(net, child, qnk_string(answer, "vote.not_signing"));
}

static void macro_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct net *net = ctx;

    (void)tag;
    net->is_asking_macro = false;
    if (answer == NULL || qnk_number(answer, "window") != net->final_window + 1) {
        return;
    }
    net->final_window++;
    printf(
        "%s  macro %-5llu FINAL   micro %llu-%llu   %zu/%llu signed   %s transfers   %.4s...%s\n",
        clock_text(net), (unsigned long long)net->final_window,
        (unsigned long long)(qnk_number(answer, "height") - net->window + 1),
        (unsigned long long)qnk_number(answer, "height"),
        json_array_size(qnk_at(answer, "signers")),
        (unsigned long long)qnk_number(answer, "members"), qnk_grouped(qnk_number(answer, "txs")),
        qnk_string(answer, "digest"), qnk_string(answer, "digest") + 60);
    (void)fflush(stdout);
}

static void block_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct net *net = ctx;

    net->is_asking = false;
    if (answer == NULL || tag != net->counted + 1 || !qnk_is_true(answer, "final") ||
        qnk_number(answer, "height") != tag) {
        return;
    }
    net->counted = tag;
    net->txs_final += json_array_size(qnk_at(answer, "ids"));
    if (net->load != NULL) {
        qnk_load_final(net->load, qnk_at(answer, "ids"));
    }
}

/* The node that has most and answers. Blocks are asked of it. */
static struct child *best_child(struct net *net)
{
    struct child *best = NULL;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];

        if (child->link.is_up && child->is_ready && child->node->type != QNK_DEV_LIGHT &&
            (best == NULL || child->final > best->final)) {
            best = child;
        }
    }
    return best;
}

/* Asks for what is final and not counted or shown yet. */
static void ask_on(struct net *net)
{
    struct child *child = best_child(net);

    if (child == NULL || !net->has_facts) {
        return;
    }
    if (!net->has_base) { /* what an earlier run made final is not counted again */
        net->has_base = true;
        net->base = child->final;
        net->final_window = net->base;
        net->counted = net->base * net->window;
    }
    if (!net->is_asking_macro && net->final_window < child->final) {
        net->is_asking_macro = qnk_link_ask(
            &child->link, "macro", json_pack("{s:I}", "at", (json_int_t)net->final_window + 1),
            macro_came, net, 0);
    }
    if (!net->is_asking && net->counted < child->final * net->window) {
        net->is_asking =
            qnk_link_ask(&child->link, "micro",
                         json_pack("{s:I, s:b}", "at", (json_int_t)net->counted + 1, "ids", 1),
                         block_came, net, net->counted + 1);
    }
}

/* --- the course --- */

/* Begins once a node answers; false: not yet. */
static bool load_start(struct net *net)
{
    static struct qnk_link *links[QNK_DEV_NODES_MAX];
    struct qnk_load_setup setup = {
        .dev = &net->dev,
        .fee = net->fee,
        .rate = net->rate,
        .seed = qnk_call_number(net->call, "seed"),
        .links = links,
    };

    if (!net->has_facts) {
        return false;
    }
    setup.chain_id = net->chain_id;
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (net->dev.nodes[i].type == QNK_DEV_SUPER) {
            links[setup.links_count++] = &net->children[i].link;
        }
    }
    net->load = qnk_load_create(&setup);
    if (net->load == NULL) {
        net->result = QNK_CLI_FAILED;
        children_stop(net);
    }
    return net->load != NULL;
}

static uint32_t count_ready(const struct net *net)
{
    uint32_t ready = 0;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        ready += net->children[i].link.is_up && net->children[i].is_ready;
    }
    return ready;
}

static void node_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct net *net = ctx;

    (void)tag;
    if (answer != NULL && qnk_hex_decode(qnk_string(answer, "chain_id"), QN_HASH_SIZE,
                                         net->chain_id.bytes) == QN_OK) {
        net->fee = qnk_number(answer, "fee_min");
        net->window = (uint32_t)qnk_number(answer, "window");
        net->has_facts = net->window > 0;
    }
}

static void first_micro_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct net *net = ctx;

    (void)tag;
    if (answer != NULL && !net->has_shown_micro) {
        net->has_shown_micro = true;
        printf("%s  micro %-5llu v%llu   %llu tx   %.12s\n", clock_text(net),
               (unsigned long long)qnk_number(answer, "height"),
               (unsigned long long)qnk_number(answer, "producer") + 1,
               (unsigned long long)qnk_number(answer, "txs"), qnk_string(answer, "id"));
        (void)fflush(stdout);
    }
}

/* Asks every node how it does, now and then. */
static void look(struct net *net)
{
    uint64_t now_ms = uv_now(&net->loop);

    if (now_ms < net->look_ms) {
        return;
    }
    net->look_ms = now_ms + LOOK_MS;
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];

        if (!child->link.is_up) {
            child->is_ready = false;
        } else {
            (void)qnk_link_ask(&child->link, "status", NULL, status_came, net, i);
        }
    }
    if (!net->has_facts && net->children[0].is_ready) {
        (void)qnk_link_ask(&net->children[0].link, "node", NULL, node_came, net, 0);
    }
    if (!net->has_shown_micro && net->has_base && net->children[0].head > net->base * net->window) {
        (void)qnk_link_ask(&net->children[0].link, "micro",
                           json_pack("{s:I}", "at", (json_int_t)(net->base * net->window + 1)),
                           first_micro_came, net, 0);
    }
}

/* --- the report --- */

/* The three heights, each node's final digest, and what became of the load. */
static void report_print(const struct net *net)
{
    const struct child *best = NULL;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        const struct child *child = &net->children[i];

        best = best == NULL || child->final > best->final ? child : best;
        printf("%-4s head %-7llu final %-6llu lag %-4llu %.16s  starts %u\n", child->node->name,
               (unsigned long long)child->head, (unsigned long long)(child->final * net->window),
               (unsigned long long)(child->head - child->final * net->window), child->digest,
               child->starts);
    }
    if (net->load != NULL) {
        struct qnk_load_counts counts = qnk_load_counts(net->load);

        printf("transfers  made %llu   accepted %llu   final %llu, each counted once   doubled %llu"
               "   others' %llu   refused %llu   sent again %llu   held back %llu\n",
               (unsigned long long)counts.made, (unsigned long long)counts.accepted,
               (unsigned long long)counts.final, (unsigned long long)counts.doubled,
               (unsigned long long)counts.strange, (unsigned long long)counts.refused,
               (unsigned long long)counts.sent_again, (unsigned long long)counts.held_back);
    }
    printf("final blocks counted up to micro %llu: %llu transactions of all kinds\n",
           (unsigned long long)net->counted, (unsigned long long)net->txs_final);
    if (best != NULL) {
        printf("head %llu   final %llu   lag %llu\n", (unsigned long long)best->head,
               (unsigned long long)(best->final * net->window),
               (unsigned long long)(best->head - best->final * net->window));
    }
    (void)fflush(stdout);
}

/* Nodes that are at the same final window must show the same digest. */
static bool is_one_chain(const struct net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            const struct child *a = &net->children[i], *b = &net->children[j];

            if (a->final == b->final && a->final > 0 && strcmp(a->digest, b->digest) != 0) {
                fprintf(stderr, "qnet: %s and %s show different final blocks at window %llu\n",
                        a->node->name, b->node->name, (unsigned long long)a->final);
                return false;
            }
        }
    }
    return true;
}

/* What must hold at any time. */
static void check(struct net *net)
{
    struct qnk_load_counts counts = {0};

    if (net->load != NULL) {
        counts = qnk_load_counts(net->load);
    }
    if (!is_one_chain(net) || counts.doubled > 0) {
        if (counts.doubled > 0) {
            fprintf(stderr, "qnet: a transfer is final twice\n");
        }
        net->result = QNK_CLI_ASSERTION;
        children_stop(net);
    }
}

/* --- the course --- */

static void settle_begin(struct net *net)
{
    if (net->load != NULL) {
        qnk_load_stop(net->load);
    }
    phase_set(net, net->load == NULL ? PHASE_STOP : PHASE_SETTLE);
    if (net->load == NULL) {
        children_stop(net);
    }
}

static void course_start(struct net *net)
{
    uint32_t ready = count_ready(net);

    if (ready == net->dev.count && !net->has_shown_ready) {
        net->has_shown_ready = true;
        printf("%s  %u nodes run\n", clock_text(net), ready);
        (void)fflush(stdout);
    }
    if (net->has_shown_ready && (net->rate == 0 || net->load != NULL || load_start(net))) {
        phase_set(net, PHASE_RUN);
        net->run_ms = uv_now(&net->loop);
    } else if (elapsed_ms(net) > ONCE_MS) {
        fprintf(stderr, "qnet: the nodes do not come up: see the logs in %s\n", net->dev.folder);
        net->result = QNK_CLI_TIMEOUT;
        children_stop(net);
    }
}

static void course_run(struct net *net)
{
    bool is_once = qnk_call_flag(net->call, "once");
    uint64_t ran_ms = uv_now(&net->loop) - net->run_ms;

    if (net->load != NULL) {
        qnk_load_tick(net->load, uv_now(&net->loop), net->seen_head);
    }
    if (is_once && net->final_window > net->base && net->counted >= (net->base + 1) * net->window) {
        report_print(net);
        children_stop(net);
    } else if (is_once && ran_ms > ONCE_MS) {
        fprintf(stderr, "qnet: no macroblock became final in 120 s\n");
        report_print(net);
        net->result = QNK_CLI_TIMEOUT;
        children_stop(net);
    } else if (net->seconds > 0 && ran_ms > net->seconds * 1000) {
        settle_begin(net);
    }
}

static void course_settle(struct net *net)
{
    if (net->load != NULL) {
        qnk_load_tick(net->load, uv_now(&net->loop), net->seen_head);
    }
    if (qnk_load_is_done(net->load)) {
        printf("%s  all that was accepted is final\n", clock_text(net));
        report_print(net);
        children_stop(net);
    } else if (uv_now(&net->loop) - net->phase_ms > SETTLE_MS) {
        fprintf(stderr, "qnet: transfers are missing that were accepted\n");
        report_print(net);
        net->result = QNK_CLI_ASSERTION;
        children_stop(net);
    }
}

static void children_restart(struct net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];

        if (child->again_ms != 0 && uv_now(&net->loop) >= child->again_ms) {
            if (!child_start(child)) {
                net->result = QNK_CLI_FAILED;
                children_stop(net);
                return;
            }
            facts_put(net);
        }
    }
}

static void closed(uv_handle_t *handle)
{
    (void)handle;
}

/* Ends once no node runs any more. */
static void course_stop(struct net *net)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];

        running += child->pid != 0;
        if (child->pid != 0 && uv_now(&net->loop) - net->phase_ms > STOP_MS) {
            fprintf(stderr, "qnet: %s does not stop: killed\n", child->node->name);
            net->result = QNK_CLI_FAILED;
            (void)uv_process_kill(&child->process, SIGKILL);
        }
    }
    if (running == 0 && uv_is_active((uv_handle_t *)&net->tick)) {
        (void)uv_timer_stop(&net->tick);
        uv_close((uv_handle_t *)&net->tick, closed);
        uv_close((uv_handle_t *)&net->interrupt, closed);
        uv_close((uv_handle_t *)&net->terminate, closed);
        uv_close((uv_handle_t *)&net->enough, closed);
        for (uint32_t i = 0; i < net->dev.count; i++) {
            qnk_link_stop(&net->children[i].link);
        }
    }
}

static void ticked(uv_timer_t *timer)
{
    struct net *net = timer->data;

    if (net->phase != PHASE_STOP) {
        look(net);
        ask_on(net);
        check(net);
        children_restart(net);
    }
    switch (net->phase) {
    case PHASE_START:
        course_start(net);
        break;
    case PHASE_RUN:
        course_run(net);
        break;
    case PHASE_SETTLE:
        course_settle(net);
        break;
    case PHASE_STOP:
        course_stop(net);
        break;
    }
}

/* The first interrupt ends the run in order, the second at once. */
static void interrupted(uv_signal_t *signal, int number)
{
    struct net *net = signal->data;

    (void)number;
    if (net->is_interrupted) {
        for (uint32_t i = 0; i < net->dev.count; i++) {
            if (net->children[i].pid != 0) {
                (void)uv_process_kill(&net->children[i].process, SIGKILL);
            }
        }
    } else if (net->phase != PHASE_STOP) {
        printf("%s  stopping\n", clock_text(net));
        report_print(net);
        children_stop(net);
    }
    net->is_interrupted = true;
}

/* As when --seconds are over, for who cannot say beforehand when that is. */
static void had_enough(uv_signal_t *signal, int number)
{
    struct net *net = signal->data;

    (void)number;
    if (net->phase == PHASE_RUN) {
        settle_begin(net);
    }
}

static void front_page(const struct net *net, uint32_t supers)
{
    static const char *const kinds[] = {"transport", "storage", "compression", "producer",
                                        "consensus", "ledger",  "signature"};
    const char *limits = qnk_dev_plugin_limits(qnk_dev_plugin_of(net->dev.plugins, "consensus"));

    printf("qnet %s   network dev   %u nodes, %u of them validators   quorum %u of %u\n",
           PACKAGE_VERSION, net->dev.count, supers, 2 * supers / 3 + 1, supers);
    printf("plugins     ");
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        printf(" %s", qnk_dev_plugin_of(net->dev.plugins, kinds[i])->name);
    }
    printf("\n");
    printf("timing       microblock 1 s (0.25-1 s)   window %u%s%s\n", net->dev.window,
           limits[0] != 0 ? "   upper limits: " : "", limits);
    printf("load         %llu signed transfers/s\n", (unsigned long long)net->rate);
    printf("  keys       %s/keys/{0..9}.key      (dev keys: never let them hold value)\n",
           net->dev.folder);
    printf("  logs       %s/v1/log.*   qnet log tail -f      stop  Ctrl-C\n", net->dev.folder);
    if (net->dev.runtime[0] != 0) {
        printf("  sockets    export XDG_RUNTIME_DIR=%s\n", net->dev.runtime);
    }
    (void)fflush(stdout);
}

static bool net_start(struct net *net)
{
    net->start_ms = uv_now(&net->loop);
    (void)uv_timer_init(&net->loop, &net->tick);
    net->tick.data = net;
    (void)uv_signal_init(&net->loop, &net->interrupt);
    (void)uv_signal_init(&net->loop, &net->terminate);
    (void)uv_signal_init(&net->loop, &net->enough);
    net->interrupt.data = net->terminate.data = net->enough.data = net;
    (void)uv_signal_start(&net->interrupt, interrupted, SIGINT);
    (void)uv_signal_start(&net->terminate, interrupted, SIGTERM);
    (void)uv_signal_start(&net->enough, had_enough, SIGUSR1);
    (void)uv_timer_start(&net->tick, ticked, TICK_MS, TICK_MS);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct child *child = &net->children[i];
        char path[QNK_DEV_PATH + 16];

        child->net = net;
        child->node = &net->dev.nodes[i];
        snprintf(path, sizeof path, "%s/admin.sock", child->node->runtime);
        (void)unlink(path); /* of a run that was killed */
        qnk_link_start(&child->link, &net->loop, path);
    }
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (!child_start(&net->children[i])) {
            return false;
        }
    }
    facts_put(net);
    return true;
}

int qnk_run_dev(struct qnk_call *call)
{
    static struct net net;
    uint64_t supers = qnk_call_number(call, "nodes");
    uint64_t fulls = qnk_call_number(call, "full"), lights = qnk_call_number(call, "light");
    bool is_started;

    net.call = call;
    net.rate = qnk_call_number(call, "load");
    net.seconds = qnk_call_number(call, "seconds");
    net.window = (uint32_t)qnk_call_number(call, "window");
    net.dev.window = net.window;
    net.dev.guard = qnk_call_text(call, "guard");
    net.dev.has_input_log = qnk_call_flag(call, "input-log");
    if (supers < 1 || supers + fulls + lights > QNK_DEV_NODES_MAX || net.window < 8 ||
        net.window > 100000 || net.rate > 100000) {
        fprintf(stderr,
                "qnet: wanted: 1 to %d nodes, a window of 8 blocks or more, at most "
                "100000 transfers a second\n",
                QNK_DEV_NODES_MAX);
        return QNK_CLI_USAGE;
    }
    if (!qnk_dev_plugins_choose(net.dev.plugins, qnk_call_text(call, "use"))) {
        return QNK_CLI_USAGE;
    }
    if (sodium_init() < 0 || uv_loop_init(&net.loop) != 0 ||
        !qnk_dev_open(&net.dev, qnk_call_text(call, "dir"), qnk_call_flag(call, "reset")) ||
        !qnk_dev_prepare(&net.dev, (uint32_t)supers, (uint32_t)fulls, (uint32_t)lights)) {
        return QNK_CLI_FAILED;
    }
    front_page(&net, (uint32_t)supers);
    uv_update_time(&net.loop);
    is_started = net_start(&net);
    if (!is_started) {
        net.result = QNK_CLI_FAILED;
        children_stop(&net);
    }
    (void)uv_run(&net.loop, UV_RUN_DEFAULT);
    qnk_load_destroy(net.load);
    (void)uv_loop_close(&net.loop);
    return net.result;
}
