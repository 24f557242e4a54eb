/* SPDX-License-Identifier: MIT */

#include <string.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/net_own.h"
#include "kernel/qnet/show.h"

enum {
    LIST = 500,
    LINE = 65536,
    IDS_MAX = 65536,
    PATIENCE_S = 10,
};

/* --- chains --- */

struct reading {
    struct qnk_net *net;
    struct qnk_client client;
    uint32_t node;
    bool counts;
    uint64_t windows;
    FILE *out;
};

static struct qnk_hash ids[IDS_MAX];

static bool hash_read(const char *text, struct qnk_hash *hash)
{
    return text != NULL && qnk_hex_decode(text, QN_HASH_SIZE, hash->bytes) == QN_OK;
}

static void micro_take(struct reading *it, const json_t *block)
{
    uint64_t height = qnk_number(block, "height");
    const json_t *list = qnk_at(block, "ids");
    uint32_t count = 0;
    struct qnk_hash id;
    size_t i;
    json_t *one;

    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (count < IDS_MAX && hash_read(json_string_value(one), &ids[count])) {
            count++;
        }
    }
    if (!hash_read(qnk_string(block, "id"), &id)) {
        return;
    }
    qnk_story_chain_micro(it->net->story, it->node, it->counts, height, &id, ids, count);
    if (it->out != NULL) {
        fprintf(it->out, "micro %llu %s %llu\n", (unsigned long long)height,
                qnk_string(block, "id"), (unsigned long long)qnk_number(block, "txs"));
    }
}

static void macro_take(struct reading *it, const json_t *block)
{
    struct qnk_hash digest;

    if (hash_read(qnk_string(block, "digest"), &digest)) {
        qnk_story_chain_macro(it->net->story, it->node, qnk_number(block, "window"), &digest);
        if (it->out != NULL) {
            fprintf(it->out, "macro %llu %s\n", (unsigned long long)qnk_number(block, "window"),
                    qnk_string(block, "digest"));
        }
    }
}

/* The answer, or NULL. */
static json_t *ask(struct reading *it, const char *method, json_t *params)
{
    json_t *error, *answer;
    int code;

    answer = qnk_client_try(&it->client, method, params, &code, &error);
    json_decref(error);
    return answer;
}

/* Blocks from `from` down to 1. */
static void list_read(struct reading *it, const char *method, uint64_t from,
                      void (*take)(struct reading *it, const json_t *block))
{
    uint64_t step = it->counts && strcmp(method, "micro") == 0 ? 1 : LIST;

    for (uint64_t at = from; at > 0; at = at > step ? at - step : 0) {
        json_t *params = json_pack("{s:I, s:I}", "at", (json_int_t)at, "count",
                                   (json_int_t)(at < step ? at : step));
        json_t *answer, *block;
        size_t i;

        if (step == 1) {
            json_decref(params);
            params = json_pack("{s:I, s:b}", "at", (json_int_t)at, "ids", 1);
        }
        answer = ask(it, method, params);
        if (answer == NULL) {
            return;
        }
        if (step == 1) {
            take(it, answer);
        }
        json_array_foreach((json_t *)(uintptr_t)qnk_at(answer, "blocks"), i, block)
        {
            take(it, block);
        }
        json_decref(answer);
    }
}

/* The last word of a node that runs. */
static void counts_read(struct reading *it)
{
    struct qnk_story *story = it->net->story;
    json_t *answer = ask(it, "metrics", NULL);
    uint64_t bytes;

    qnk_net_counts(&it->net->children[it->node], answer);
    json_decref(answer);
    answer = ask(it, "storage", NULL);
    bytes = qnk_number(answer, "bytes_used");
    story->disk_max = bytes > story->disk_max ? bytes : story->disk_max;
    json_decref(answer);
}

static void chain_read(struct qnk_net *net, uint32_t node, bool counts)
{
    struct qnk_net_child *child = &net->children[node];
    struct reading it = {.net = net, .node = node, .counts = counts, .client = {.fd = -1}};
    char path[QNK_NET_PATH];

    if (child->pid == 0 || child->window == 0) {
        return;
    }
    snprintf(path, sizeof path, "%s/admin.sock", child->node->runtime);
    if (!qnk_client_connect(&it.client, path)) {
        return;
    }
    qnk_client_limit(&it.client, PATIENCE_S);
    snprintf(path, sizeof path, "nodes/%s/chain.export", child->node->name);
    it.out = qnk_artifact_open(net->setup->artifacts, path);
    if (child->node->type != QNK_DEV_LIGHT) {
        list_read(&it, "micro", child->window * net->story->window_blocks, micro_take);
    }
    list_read(&it, "macro", child->window, macro_take);
    counts_read(&it);
    qnk_story_chain_done(net->story, node, child->window);
    if (it.out != NULL) {
        (void)fclose(it.out);
    }
    qnk_client_close(&it.client);
}

static void usage_sum(struct qnk_net *net, struct qnk_net_child *child)
{
    struct qnk_story *story = net->story;

    qnk_net_usage(child);
    qnk_net_counts_keep(child);
    story->cpu_us += (child->cpu_before_ms + child->cpu_ms) * 1000;
    story->votes += child->counts_before.votes;
    story->vote_bytes += child->counts_before.vote_bytes;
    story->sent_messages += child->counts_before.sent_messages;
    story->sent_bytes += child->counts_before.sent_bytes;
}

void qnk_net_export(struct qnk_net *net)
{
    uint32_t best = 0;

    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (net->children[i].pid != 0 && net->children[i].node->type != QNK_DEV_LIGHT &&
            net->children[i].window > net->children[best].window) {
            best = i;
        }
    }
    chain_read(net, best, true);
    for (uint32_t i = 0; i < net->dev.count; i++) {
        if (i != best) {
            chain_read(net, i, false);
        }
    }
    for (uint32_t i = 0; i < net->dev.count; i++) {
        usage_sum(net, &net->children[i]);
    }
}

/* --- what a process took --- */

void qnk_net_usage(struct qnk_net_child *child)
{
    unsigned long long user = 0, system = 0, pages = 0;
    char path[64], text[1024] = "";
    const char *at;
    FILE *in;

    if (child->pid == 0) {
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/stat", child->pid);
    in = fopen(path, "r");
    if (in == NULL) {
        return;
    }
    at = fgets(text, sizeof text, in) == NULL ? NULL : strrchr(text, ')');
    if (at != NULL && sscanf(at + 1,
                             " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d "
                             "%*d %*d %*d %*d %*d %*u %*u %llu",
                             &user, &system, &pages) == 3) {
        uint64_t tick = (uint64_t)sysconf(_SC_CLK_TCK), page = (uint64_t)sysconf(_SC_PAGESIZE);

        child->cpu_ms = (user + system) * 1000 / tick;
        if (pages * page > child->net->story->rss_max) {
            child->net->story->rss_max = pages * page;
        }
    }
    (void)fclose(in);
}

/* --- what a node counts --- */

void qnk_net_counts(struct qnk_net_child *child, const json_t *metrics)
{
    struct qnk_net_counts counts = {0};
    json_t *metric;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)qnk_at(metrics, "metrics"), i, metric)
    {
        const char *name = qnk_string(metric, "name");
        uint64_t value = qnk_number(metric, "value");

        if (strcmp(name, "qnet_own_votes_total") == 0) {
            counts.votes += value;
        } else if (strcmp(name, "qnet_net_messages_total") == 0) {
            counts.sent_messages += value;
        } else if (strcmp(name, "qnet_net_message_bytes_total") == 0 &&
                   strcmp(qnk_string(metric, "labels.topic"), "consensus") == 0) {
            counts.vote_bytes += value;
        } else if (strcmp(name, "qnet_net_bytes_total") == 0 &&
                   strcmp(qnk_string(metric, "labels.direction"), "out") == 0) {
            counts.sent_bytes += value;
        }
    }
    if (qnk_at(metrics, "metrics") != NULL) {
        child->counts = counts;
    }
}

void qnk_net_counts_keep(struct qnk_net_child *child)
{
    child->counts_before.votes += child->counts.votes;
    child->counts_before.vote_bytes += child->counts.vote_bytes;
    child->counts_before.sent_messages += child->counts.sent_messages;
    child->counts_before.sent_bytes += child->counts.sent_bytes;
    child->counts = (struct qnk_net_counts){0};
}

/* --- logs --- */

static void log_read(struct qnk_net *net, uint32_t node, uint32_t start)
{
    static char line[LINE];
    char path[QNK_NET_PATH];
    FILE *in, *events = net->story->events;

    snprintf(path, sizeof path, "%.400s/log.%u.jsonl", net->children[node].node->folder, start);
    in = fopen(path, "r");
    net->story->events = NULL; /* they are in the log already, with times of their own */
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        json_t *entry = json_loads(line, 0, NULL);
        const char *event = json_string_value(json_object_get(entry, "event"));

        if (event != NULL) {
            qnk_story_log(net->story, node, 0, 3, event, "");
        }
        json_decref(entry);
    }
    net->story->events = events;
    if (in != NULL) {
        (void)fclose(in);
    }
}

void qnk_net_logs(struct qnk_net *net)
{
    for (uint32_t i = 0; i < net->dev.count; i++) {
        for (uint32_t start = 1; start <= net->children[i].starts; start++) {
            log_read(net, i, start);
        }
    }
}
