/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/net_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/net_own.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/spawn.h"

enum {
    UP_MS = 60000,     /* until all that start at once answer */
    SETTLE_MS = 60000, /* for transfers to become final when all else is over */
    STOP_MS = 15000,   /* until a node that was asked to stop is killed */
    AGAIN_MS = 1000,
    COUNTS_MS = 1000, /* between two looks at what nodes count */
    RULES_CAP = 1 << 20,
};

uint64_t qnk_net_now_ms(const struct qnk_net *net)
{
    return uv_now((uv_loop_t *)(uintptr_t)&net->loop) - net->start_ms;
}

static uint64_t now_us(const struct qnk_net *net)
{
    return qnk_net_now_ms(net) * 1000;
}

/* What others may want to know of a network that is up, by the pid of who has it, 0: it has ended;
 * whole or not at all. */
static void net_put(const struct qnk_net *net, pid_t pid)
{
    json_t *nodes = json_array(), *facts;
    char part[QNK_NET_PATH], path[QNK_NET_PATH], key[QNK_BECH32M_KEY_SIZE];

    for (uint32_t i = 0; i < net->dev.count; i++) {
        const struct qnk_net_child *child = &net->children[i];

        qnk_bech32m_encode(QNK_PREFIX_NODE, child->node->key.bytes, key);
        json_array_append_new(nodes,
                              json_pack("{s:s, s:s, s:i, s:s, s:s}", "name", child->node->name,
                                        "type", qnk_spec_types[child->node->type], "pid",
                                        child->pid, "runtime", child->node->runtime, "key", key));
    }
    facts = json_pack("{s:i, s:s, s:s, s:o}", "pid", (int)pid, "folder",
                      net->setup->artifacts->folder, "runtime", net->dev.runtime, "nodes", nodes);
    snprintf(path, sizeof path, "%.400s/net.json", net->setup->artifacts->folder);
    snprintf(part, sizeof part, "%.400s/net.json.part", net->setup->artifacts->folder);
    if (json_dump_file(facts, part, JSON_INDENT(2)) != 0 || rename(part, path) != 0) {
        fprintf(stderr, "qnet: cannot write '%s'\n", path);
    }
    json_decref(facts);
}

/* A node has another pid, or none. */
static void pids_changed(const struct qnk_net *net)
{
    if (net->is_ready_told) {
        net_put(net, getpid());
    }
}

/* --- processes --- */

static void child_ended(uv_process_t *process, int64_t code, int signal)
{
    struct qnk_net_child *child = (struct qnk_net_child *)(void *)process;
    struct qnk_net *net = child->net;
    char text[100];

    uv_close((uv_handle_t *)process, NULL);
    child->pid = 0;
    child->is_paused = child->is_answering = false;
    child->cpu_before_ms += child->cpu_ms;
    child->cpu_ms = 0;
    qnk_net_counts_keep(child);
    snprintf(text, sizeof text, "code %d, signal %d", (int)code, signal);
    qnk_story_stopped(net->story, child->index, now_us(net), text);
    if (child->is_wanted && !net->is_stopping && net->setup->stays_up) {
        snprintf(text, sizeof text, "%s ended with %d, signal %d: it starts again",
                 child->node->name, (int)code, signal);
        qnk_story_tell(net->story, now_us(net), "ended", text);
        child->again_ms = uv_now(&net->loop) + AGAIN_MS;
    } else if (child->is_wanted && !net->is_stopping) {
        qnk_story_died(net->story, child->index, now_us(net), text);
        net->is_broken = true;
        child->is_wanted = false;
    }
    pids_changed(net);
}

bool qnk_net_child_start(struct qnk_net_child *child)
{
    struct qnk_net *net = child->net;
    char log[QNK_NET_PATH], plugins[QNK_NET_PATH];
    struct qnk_spawn spawn = {.folder = child->node->folder, .runtime = net->dev.runtime};

    if (net->spec->nodes[child->index].lacks[0] != NULL) {
        snprintf(plugins, sizeof plugins, "%.400s/plugins", child->node->folder);
        spawn.plugins = plugins;
    }
    snprintf(log, sizeof log, "%.400s/log.%u.jsonl", child->node->folder, ++child->starts);
    spawn.log = open(log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (spawn.log < 0) {
        fprintf(stderr, "qnet: cannot make '%s': %s\n", log, strerror(errno));
        return false;
    }
    if (!qnk_spawn(&spawn, &net->loop, child_ended, &child->process)) {
        return false;
    }
    child->pid = child->process.pid;
    child->is_wanted = true;
    child->is_waiting = false;
    qnk_story_started(net->story, child->index, now_us(net));
    pids_changed(net);
    return true;
}

/* Who is paused would never answer, and not stop. */
static void children_resume(struct qnk_net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (net->children[i].pid != 0) {
            (void)uv_process_kill(&net->children[i].process, SIGCONT);
        }
    }
}

static void children_stop(struct qnk_net *net)
{
    net->is_stopping = true;
    net->stop_ms = uv_now(&net->loop);
    children_resume(net);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (net->children[i].pid != 0) {
            (void)uv_process_kill(&net->children[i].process, SIGTERM);
        }
    }
}

/* --- what the nodes say --- */

static bool hash_read(const char *text, struct qnk_hash *hash)
{
    return qnk_hex_decode(text, QN_HASH_SIZE, hash->bytes) == QN_OK;
}

/* When it was `age_ms` ago at a node that answers now. */
static uint64_t past_us(const struct qnk_net *net, uint64_t age_ms)
{
    uint64_t us = now_us(net);

    return us > age_ms * 1000 ? us - age_ms * 1000 : 1;
}

/* The first node that has a block is asked for its transactions later, and maybe by another's
 * answer; this is when it had it. */
static void head_seen(struct qnk_net *net, const json_t *answer)
{
    uint64_t height = qnk_number(answer, "head.height");
    uint64_t at_us = past_us(net, qnk_number(answer, "head.here_ms"));
    uint64_t place = height % QNK_NET_SEEN;

    if (net->seen[place].height != height || at_us < net->seen[place].at_us) {
        net->seen[place].height = height;
        net->seen[place].at_us = at_us;
    }
}

static uint64_t head_us(const struct qnk_net *net, uint64_t height)
{
    uint64_t place = height % QNK_NET_SEEN;

    return net->seen[place].height == height ? net->seen[place].at_us : now_us(net);
}

static void final_seen(struct qnk_net_child *child, const json_t *answer)
{
    uint64_t window = qnk_number(answer, "final.window");
    struct qnk_hash digest;

    if (window > child->window && hash_read(qnk_string(answer, "final.digest"), &digest)) {
        child->window = window;
        qnk_story_final(child->net->story, child->index,
                        past_us(child->net, qnk_number(answer, "final.age_ms")), window, &digest,
                        NULL, 0);
    }
}

static void status_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;
    struct qnk_net_child *child = &net->children[tag];
    uint64_t target = qnk_number(answer, "sync_target");
    struct qnk_sample sample = {.is_on = true};

    child->is_answering = qnk_at(answer, "head") != NULL;
    if (!child->is_answering) {
        return;
    }
    head_seen(net, answer);
    final_seen(child, answer);
    child->head = qnk_number(answer, "head.height");
    sample.head = (uint32_t)child->head;
    sample.window = (uint32_t)qnk_number(answer, "final.window");
    sample.final_height = (uint32_t)qnk_number(answer, "final.height");
    sample.round = (uint16_t)qnk_number(answer, "vote.round");
    sample.mempool = (uint32_t)qnk_number(answer, "mempool.txs");
    sample.peers = (uint16_t)qnk_number(answer, "peers");
    sample.behind =
        target > sample.window ? (uint32_t)(target - sample.window) * net->story->window_blocks : 0;
    sample.is_held = strcmp(qnk_string(answer, "phase"), "held") == 0;
    sample.is_ready = strcmp(qnk_string(answer, "phase"), "running") == 0 ||
                      strcmp(qnk_string(answer, "phase"), "paused") == 0;
    child->last = sample;
}

/* The node that has most and answers. */
static struct qnk_net_child *best_child(struct qnk_net *net)
{
    struct qnk_net_child *best = NULL;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];

        if (child->link.is_up && child->is_answering && !child->is_paused &&
            child->node->type != QNK_DEV_LIGHT &&
            (best == NULL || child->window > best->window ||
             (child->window == best->window && child->head > best->head))) {
            best = child;
        }
    }
    return best;
}

static uint32_t ids_read(const json_t *answer, struct qnk_hash *ids, uint32_t room)
{
    const json_t *list = qnk_at(answer, "ids");
    uint32_t count = 0;
    size_t i;
    json_t *id;

    json_array_foreach((json_t *)(uintptr_t)list, i, id)
    {
        if (count < room && hash_read(json_string_value(id), &ids[count])) {
            count++;
        }
    }
    return count;
}

enum { IDS_MAX = 65536 };
static struct qnk_hash ids[IDS_MAX];

static void micro_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;

    net->is_asking_micro = false;
    if (answer != NULL && qnk_number(answer, "height") == tag && tag > net->asked_height) {
        net->asked_height = tag;
        qnk_story_micro(net->story, 0, head_us(net, tag), tag, ids, ids_read(answer, ids, IDS_MAX));
    }
}

/* A final block: its transactions were final when their window was. */
static void final_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;
    struct qnk_story *story = net->story;
    uint64_t window = (tag + story->window_blocks - 1) / story->window_blocks;
    uint32_t count;

    net->is_asking_final = false;
    if (answer == NULL || tag != net->counted + 1 || !qnk_is_true(answer, "final") ||
        window >= QNK_STORY_WINDOWS_MAX) {
        return;
    }
    net->counted = tag;
    if (story->final_us[window] == 0) { /* it was never the newest when one looked */
        story->final_us[window] = now_us(net);
    }
    count = ids_read(answer, ids, IDS_MAX);
    qnk_story_txs_final(story, story->final_us[window], ids, count);
    if (net->load != NULL) {
        qnk_load_final(net->load, qnk_at(answer, "ids"));
    }
}

static void facts_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;

    (void)tag;
    net->is_asking_facts = false;
    if (answer != NULL && hash_read(qnk_string(answer, "chain_id"), &net->chain_id)) {
        net->fee = qnk_number(answer, "fee_min");
        net->story->window_blocks = (uint32_t)qnk_number(answer, "window");
        net->has_facts = net->story->window_blocks > 0;
    }
}

static void ask_blocks(struct qnk_net *net)
{
    struct qnk_net_child *child = best_child(net);

    if (child == NULL) {
        return;
    }
    if (!net->has_facts && !net->is_asking_facts) {
        net->is_asking_facts = qnk_link_ask(&child->link, "node", NULL, facts_came, net, 0);
    }
    if (net->has_facts && !net->is_asking_micro && net->asked_height < child->head) {
        net->is_asking_micro =
            qnk_link_ask(&child->link, "micro",
                         json_pack("{s:I, s:b}", "at", (json_int_t)net->asked_height + 1, "ids", 1),
                         micro_came, net, net->asked_height + 1);
    }
    if (net->has_facts && !net->is_asking_final &&
        net->counted < child->window * net->story->window_blocks) {
        net->is_asking_final =
            qnk_link_ask(&child->link, "micro",
                         json_pack("{s:I, s:b}", "at", (json_int_t)net->counted + 1, "ids", 1),
                         final_came, net, net->counted + 1);
    }
}

static void metrics_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct qnk_net *net = ctx;

    qnk_net_counts(&net->children[tag], answer);
}

/* What a node counted is gone with it, so it is asked now and then. */
static void ask_metrics(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);

    if (now_ms < net->counts_ms) {
        return;
    }
    net->counts_ms = now_ms + COUNTS_MS;
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];

        if (child->link.is_up && !child->is_paused && !net->setup->stays_up) {
            (void)qnk_link_ask(&child->link, "metrics", NULL, metrics_came, net, i);
        }
    }
}

static void look(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);
    bool is_full_look = now_ms >= net->sample_ms;
    struct qnk_net_child *best = best_child(net);

    if (best != NULL && !is_full_look) {
        (void)qnk_link_ask(&best->link, "status", NULL, status_came, net, best->index);
    }
    if (!is_full_look) {
        return;
    }
    net->sample_ms = now_ms + net->story->sample_ms;
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];

        child->last.at_ms = (uint32_t)now_ms;
        child->last.is_on = child->pid != 0 && child->is_answering;
        child->last.is_ready = child->last.is_ready && child->last.is_on;
        qnk_story_sample(net->story, i, &child->last);
        qnk_net_usage(child);
        if (child->link.is_up && !child->is_paused) {
            (void)qnk_link_ask(&child->link, "status", NULL, status_came, net, i);
        }
    }
}

/* --- the load --- */

static void load_told(void *ctx, enum qnk_load_what what, uint32_t link, const struct qnk_hash *id)
{
    struct qnk_net *net = ctx;

    switch (what) {
    case QNK_LOAD_SENT:
        qnk_story_submit(net->story, net->load_nodes[link], now_us(net), id);
        break;
    case QNK_LOAD_ACCEPTED:
        qnk_story_accept(net->story, now_us(net), id);
        break;
    case QNK_LOAD_REFUSED:
        qnk_story_refuse(net->story, id);
        break;
    }
}

static bool load_start(struct qnk_net *net, const struct qnk_spec_load *load)
{
    struct qnk_load_setup setup = {
        .dev = &net->dev,
        .chain_id = net->chain_id,
        .fee = net->fee,
        .rate = load->rate,
        .seed = net->story->seed,
        .links = net->load_links,
        .told = load_told,
        .ctx = net,
    };

    for (uint32_t i = 0; i < net->dev.count; i++) {
        if ((load->to >> i & 1) != 0) {
            net->load_nodes[setup.links_count] = i;
            net->load_links[setup.links_count++] = &net->children[i].link;
        }
    }
    net->load = qnk_load_create(&setup);
    return net->load != NULL;
}

static void load_do(struct qnk_net *net)
{
    const struct qnk_spec_load *load = &net->spec->loads[0];
    uint64_t now_ms = qnk_net_now_ms(net);
    uint64_t until_ms = load->until_ms == 0 ? net->story->course.end_ms : load->until_ms;

    if (net->spec->loads_count == 0 || !net->has_facts || now_ms < load->from_ms ||
        (net->load == NULL && !load_start(net, load))) {
        return;
    }
    if (now_ms > until_ms) {
        qnk_load_stop(net->load);
    }
    qnk_load_tick(net->load, uv_now(&net->loop), net->story->heights);
}

/* --- the course --- */

static void nodes_start(struct qnk_net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];
        const struct qnk_spec_node *node = &net->spec->nodes[i];

        if (child->is_waiting && qnk_net_now_ms(net) >= node->start_ms &&
            net->story->windows >= node->start_macro) {
            if (node->start_ms > 0 || node->start_macro > 0) {
                qnk_story_tell(net->story, now_us(net), "start", node->name);
            }
            net->is_broken = !qnk_net_child_start(child) || net->is_broken;
        }
    }
}

/* In a network that stays up, who ended starts again. */
static void nodes_restart(struct qnk_net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];

        if (child->again_ms != 0 && uv_now(&net->loop) >= child->again_ms) {
            child->again_ms = 0;
            net->is_broken = !qnk_net_child_start(child) || net->is_broken;
        }
    }
}

static bool is_waited_for(const struct qnk_net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (net->children[i].is_waiting) {
            return true;
        }
    }
    return false;
}

/* The clock of the course begins when all that start at once answer. */
static bool is_up(struct qnk_net *net)
{
    uint32_t answering = 0, wanted = 0;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        wanted += net->children[i].is_wanted;
        answering += net->children[i].is_answering;
    }
    if (!net->is_ready_told && wanted > 0 && answering == wanted) {
        char text[60];

        net->is_ready_told = true;
        snprintf(text, sizeof text, "%u of %u nodes answer", answering, net->dev.count);
        qnk_story_tell(net->story, now_us(net), "up", text);
        pids_changed(net);
    }
    return net->is_ready_told;
}

static void course_end(struct qnk_net *net)
{
    struct qnk_story *story = net->story;

    story->end_ms = qnk_net_now_ms(net);
    story->is_timed_out = !net->setup->stays_up && story->end_ms >= net->spec->timeout_ms;
    story->is_settled = (net->load == NULL || qnk_load_is_done(net->load)) &&
                        (net->spec->loads_count == 0 || net->load != NULL) && !net->is_broken &&
                        !story->is_interrupted;
    if (net->load != NULL) {
        story->held_back = qnk_load_counts(net->load).held_back;
    }
    children_resume(net);
    if (!net->setup->stays_up) { /* else nothing is judged, and chains may be long */
        qnk_net_export(net);
    }
    if (net->setup->over != NULL && !story->is_interrupted && !net->is_broken) {
        net->is_over = true;
        qnk_net_logs(net);
        net->setup->over(net->setup->ctx);
        return;
    }
    children_stop(net);
}

static void course_do(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);
    bool is_over;

    load_do(net);
    qnk_net_acts(net);
    qnk_net_swaps(net);
    is_over =
        now_ms >= net->story->course.end_ms && !is_waited_for(net) && !qnk_net_is_swapping(net);
    net->over_ms = is_over && net->over_ms == 0 ? now_ms : net->over_ms;
    if ((is_over && (net->load == NULL || qnk_load_is_done(net->load))) ||
        (net->over_ms != 0 && now_ms > net->over_ms + SETTLE_MS) ||
        now_ms >= net->spec->timeout_ms) {
        course_end(net);
    }
}

static void handles_close(struct qnk_net *net)
{
    (void)uv_timer_stop(&net->tick);
    uv_close((uv_handle_t *)&net->tick, NULL);
    uv_close((uv_handle_t *)&net->interrupt, NULL);
    uv_close((uv_handle_t *)&net->terminate, NULL);
    uv_close((uv_handle_t *)&net->hangup, NULL);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        qnk_link_stop(&net->children[i].link);
    }
}

static void course_stop(struct qnk_net *net)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        struct qnk_net_child *child = &net->children[i];

        running += child->pid != 0;
        if (child->pid != 0 && uv_now(&net->loop) > net->stop_ms + STOP_MS) {
            (void)uv_process_kill(&child->process, SIGKILL);
        }
    }
    if (running == 0 && uv_is_active((uv_handle_t *)&net->tick)) {
        handles_close(net);
    }
}

static void ticked(uv_timer_t *timer)
{
    struct qnk_net *net = timer->data;

    if (net->is_stopping) {
        course_stop(net);
        return;
    }
    if (net->is_over) {
        return;
    }
    nodes_start(net);
    nodes_restart(net);
    look(net);
    ask_metrics(net);
    ask_blocks(net);
    if (is_up(net) && !net->setup->stays_up) {
        course_do(net);
    } else if (!net->is_ready_told && (net->is_broken || qnk_net_now_ms(net) > UP_MS)) {
        fprintf(stderr, "qnet: %s%sthe nodes do not come up: see the logs in %s\n",
                net->story->died.words, net->story->died.times > 0 ? "; " : "", net->dev.folder);
        net->is_broken = true;
        net->story->is_timed_out = true;
        children_stop(net);
    }
}

static void interrupted(uv_signal_t *signal, int number)
{
    struct qnk_net *net = signal->data;

    (void)number;
    if (net->is_over && !net->is_stopping) {
        children_stop(net);
    } else if (!net->is_stopping) {
        net->story->is_interrupted = true;
        course_end(net);
    }
}

/* --- the network --- */

static bool plugins_choose(struct qnk_net *net, struct qnk_dev_plugin *plugins,
                           const struct qnk_spec_node *node)
{
    const char *kinds[] = {"transport", "storage", "compression"};
    const char *usual[] = {net->spec->transport, net->spec->storage, net->spec->compression};
    const char *own[] = {node->transport, node->storage, node->compression};
    char use[300];
    size_t used = 0;

    use[0] = 0;
    for (uint32_t i = 0; i < 3; i++) {
        const char *name = *own[i] != 0 ? own[i] : usual[i];

        if (*name != 0) {
            snprintf(use + used, sizeof use - used, "%s%s=%s", used == 0 ? "" : ",", kinds[i],
                     name);
            used += strlen(use + used);
        }
    }
    return qnk_dev_plugins_choose(plugins, used == 0 ? NULL : use);
}

static bool nodes_make(struct qnk_net *net)
{
    static const enum qnk_dev_type types[] = {QNK_DEV_SUPER, QNK_DEV_FULL, QNK_DEV_LIGHT};

    for (uint32_t i = 0; i < net->spec->nodes_count; i++) {
        const struct qnk_spec_node *node = &net->spec->nodes[i];
        struct qnk_net_child *child = &net->children[i];

        if (!qnk_dev_add(&net->dev, types[node->type], node->name) ||
            !plugins_choose(net, child->plugins, node)) {
            return false;
        }
        child->net = net;
        child->index = i;
        child->node = &net->dev.nodes[i];
        child->node->plugins = child->plugins;
        child->is_waiting = true;
        for (uint32_t kind = 0; kind < QNK_DEV_KINDS; kind++) {
            if (!child->plugins[kind].is_of_network) {
                qnk_story_plugin(net->story, child->plugins[kind].kind, child->plugins[kind].name);
            }
        }
        if (!qnk_net_lacks_make(child)) {
            return false;
        }
    }
    return qnk_dev_make(&net->dev);
}

static bool files_make(struct qnk_net *net, const char *rules)
{
    char folder[QNK_NET_PATH], runtime[] = "/tmp/qnet-net.XXXXXX";

    snprintf(folder, sizeof folder, "%.300s/nodes", net->setup->artifacts->folder);
    net->dev.guard = "class";
    net->dev.rules = rules;
    net->dev.more = "log: {format: json}\n";
    if (!qnk_dev_plugins_choose(net->dev.plugins, NULL) ||
        !qnk_dev_open(&net->dev, folder, false)) {
        return false;
    }
    if (mkdtemp(runtime) == NULL) {
        fprintf(stderr, "qnet: cannot make '%s': %s\n", runtime, strerror(errno));
        return false;
    }
    snprintf(net->dev.runtime, sizeof net->dev.runtime, "%s", runtime);
    return nodes_make(net);
}

static bool rules_make(struct qnk_net *net, struct qn_sink *rules)
{
    const struct qnk_spec_variant *variant = net->story->variant;

    return qnk_spec_rules(net->spec, variant == NULL ? NULL : variant->network, rules) == QN_OK &&
           qnk_sink_append(rules, "", 1) == QN_OK;
}

static void loop_start(struct qnk_net *net)
{
    struct sigaction hangup;

    net->start_ms = uv_now(&net->loop);
    (void)uv_timer_init(&net->loop, &net->tick);
    (void)uv_signal_init(&net->loop, &net->interrupt);
    (void)uv_signal_init(&net->loop, &net->terminate);
    (void)uv_signal_init(&net->loop, &net->hangup);
    net->tick.data = net->interrupt.data = net->terminate.data = net->hangup.data = net;
    (void)uv_signal_start(&net->interrupt, interrupted, SIGINT);
    (void)uv_signal_start(&net->terminate, interrupted, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) { /* nohup */
        (void)uv_signal_start(&net->hangup, interrupted, SIGHUP);
    }
    (void)uv_timer_start(&net->tick, ticked, 1, QNK_NET_TICK_MS);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        char path[QNK_DEV_PATH + 16];

        snprintf(path, sizeof path, "%s/admin.sock", net->children[i].node->runtime);
        qnk_link_start(&net->children[i].link, &net->loop, path);
    }
}

/* Sockets and their folders; what is not empty stays. */
static void runtime_remove(struct qnk_net *net)
{
    static const char *const parts[] = {"admin.sock", "link", "lock", ""};
    char path[QNK_NET_PATH];

    if (net->dev.runtime[0] == 0) {
        return;
    }
    for (uint32_t i = 0; i < net->dev.count; i++) {
        for (uint32_t j = 0; j < sizeof parts / sizeof *parts; j++) {
            snprintf(path, sizeof path, "%s/%s", net->dev.nodes[i].runtime, parts[j]);
            (void)remove(path);
        }
    }
    snprintf(path, sizeof path, "%s/qnet", net->dev.runtime);
    (void)rmdir(path);
    (void)rmdir(net->dev.runtime);
}

bool qnk_process_run(const struct qnk_process_setup *setup)
{
    static struct qnk_net net;
    struct qn_sink rules;
    bool is_made;

    net = (struct qnk_net){.setup = setup, .spec = setup->spec, .story = setup->story};
    qnk_sink_init(&rules, &qnk_client_budget, RULES_CAP);
    for (uint32_t i = 0; i < setup->story->course.count; i++) {
        net.has_swaps =
            net.has_swaps || setup->story->course.acts[i].event->action == QNK_ACTION_SWAP;
    }
    is_made = rules_make(&net, &rules) && uv_loop_init(&net.loop) == 0 &&
              files_make(&net, (const char *)rules.data);
    if (is_made) {
        uv_update_time(&net.loop);
        loop_start(&net);
        (void)uv_run(&net.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&net.loop);
        if (net.is_ready_told) {
            net_put(&net, 0);
        }
        if (!net.is_over) {
            qnk_net_logs(&net);
        }
    }
    runtime_remove(&net);
    qnk_load_destroy(net.load);
    qnk_sink_done(&rules);
    return is_made;
}
