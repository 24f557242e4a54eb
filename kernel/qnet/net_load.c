/* SPDX-License-Identifier: MIT */

/* net_load.c: `qnet net load`: transfers into a network that is up, and whether each became final
 * once. */

#include <sodium.h>
#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/qnet/load.h"
#include "kernel/qnet/net_up.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { TICK_MS = 50, SETTLE_MS = 90000, PATH = 700 };

struct loading {
    uv_loop_t loop;
    uv_timer_t tick;
    struct qnk_dev dev;
    struct qnk_link links[QNK_DEV_NODES_MAX];
    struct qnk_link *list[QNK_DEV_NODES_MAX];
    uint32_t count;
    struct qnk_load *load;
    struct qnk_load_setup setup;
    uint64_t window, length_ms, start_ms;
    uint64_t final, head, counted; /* window, height, height */
    bool has_facts, is_asking_facts, is_asking_status, is_asking_block, has_base;
    int result;
};

static void facts_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct loading *it = ctx;

    (void)tag;
    it->is_asking_facts = false;
    if (answer != NULL && qnk_hex_decode(qnk_string(answer, "chain_id"), QN_HASH_SIZE,
                                         it->setup.chain_id.bytes) == QN_OK) {
        it->setup.fee = qnk_number(answer, "fee_min");
        it->window = qnk_number(answer, "window");
        it->has_facts = it->window > 0;
    }
}

static void status_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct loading *it = ctx;

    (void)tag;
    it->is_asking_status = false;
    if (qnk_at(answer, "head") == NULL) {
        return;
    }
    it->head = qnk_number(answer, "head.height");
    it->final = qnk_number(answer, "final.window");
    if (!it->has_base && it->has_facts) { /* what was final before is not ours */
        it->has_base = true;
        it->counted = it->final * it->window;
    }
}

static void block_came(void *ctx, uint64_t tag, const json_t *answer)
{
    struct loading *it = ctx;

    it->is_asking_block = false;
    if (answer != NULL && tag == it->counted + 1 && qnk_is_true(answer, "final")) {
        it->counted = tag;
        qnk_load_final(it->load, qnk_at(answer, "ids"));
    }
}

/* The first node that is up. */
static struct qnk_link *link_find(struct loading *it)
{
    for (uint32_t i = 0; i < it->count; i++) {
        if (it->links[i].is_up) {
            return &it->links[i];
        }
    }
    return NULL;
}

static void ask(struct loading *it)
{
    struct qnk_link *link = link_find(it);

    if (link == NULL) {
        return;
    }
    if (!it->has_facts && !it->is_asking_facts) {
        it->is_asking_facts = qnk_link_ask(link, "node", NULL, facts_came, it, 0);
    }
    if (!it->is_asking_status) {
        it->is_asking_status = qnk_link_ask(link, "status", NULL, status_came, it, 0);
    }
    if (it->load != NULL && !it->is_asking_block && it->counted < it->final * it->window) {
        it->is_asking_block = qnk_link_ask(
            link, "micro", json_pack("{s:I, s:b}", "at", (json_int_t)it->counted + 1, "ids", 1),
            block_came, it, it->counted + 1);
    }
}

static void end(struct loading *it, int result)
{
    it->result = result;
    (void)uv_timer_stop(&it->tick);
    uv_close((uv_handle_t *)&it->tick, NULL);
    for (uint32_t i = 0; i < it->count; i++) {
        qnk_link_stop(&it->links[i]);
    }
}

static void ticked(uv_timer_t *timer)
{
    struct loading *it = timer->data;
    uint64_t spent_ms = uv_now(&it->loop) - it->start_ms;

    ask(it);
    if (it->load == NULL && it->has_base) {
        it->load = qnk_load_create(&it->setup);
        it->start_ms = uv_now(&it->loop);
        if (it->load == NULL) {
            end(it, QNK_CLI_FAILED);
        }
        return;
    }
    if (it->load == NULL) {
        if (spent_ms > SETTLE_MS) {
            fprintf(stderr, "qnet: no node answers\n");
            end(it, QNK_CLI_UNREACHABLE);
        }
        return;
    }
    if (spent_ms > it->length_ms) {
        qnk_load_stop(it->load);
    }
    qnk_load_tick(it->load, uv_now(&it->loop), it->head);
    if (spent_ms > it->length_ms && qnk_load_is_done(it->load)) {
        end(it, qnk_load_counts(it->load).doubled == 0 ? QNK_CLI_OK : QNK_CLI_ASSERTION);
    } else if (spent_ms > it->length_ms + SETTLE_MS) {
        end(it, QNK_CLI_ASSERTION);
    }
}

static bool seed_read(struct qnk_dev *dev, const char *folder)
{
    char path[PATH];
    FILE *in;
    bool is_done;

    snprintf(path, sizeof path, "%.600s/nodes/keys/seed", folder);
    in = fopen(path, "rb");
    is_done = in != NULL && fread(dev->seed, sizeof dev->seed, 1, in) == 1;
    if (!is_done) {
        fprintf(stderr, "qnet: '%s' cannot be read\n", path);
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    return is_done;
}

static void links_start(struct loading *it, const json_t *net)
{
    size_t i;
    json_t *node;

    json_array_foreach(json_object_get(net, "nodes"), i, node)
    {
        char path[PATH];

        if (it->count == QNK_DEV_NODES_MAX || strcmp(qnk_string(node, "type"), "light") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%.600s/admin.sock", qnk_string(node, "runtime"));
        it->list[it->count] = &it->links[it->count];
        qnk_link_start(&it->links[it->count++], &it->loop, path);
    }
}

static void counts_print(const struct qnk_call *call, const struct qnk_load_counts *counts)
{
    json_t *answer =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "made", (json_int_t)counts->made, "accepted",
                  (json_int_t)counts->accepted, "final", (json_int_t)counts->final, "doubled",
                  (json_int_t)counts->doubled, "held_back", (json_int_t)counts->held_back);

    if (call->json) {
        qnk_json_print(answer);
    } else {
        printf("made %llu   accepted %llu   final %llu   doubled %llu   held back %llu\n",
               (unsigned long long)counts->made, (unsigned long long)counts->accepted,
               (unsigned long long)counts->final, (unsigned long long)counts->doubled,
               (unsigned long long)counts->held_back);
    }
    json_decref(answer);
}

int qnk_run_net_load(struct qnk_call *call)
{
    static struct loading it;
    json_t *net = qnk_net_up_read(call);
    struct qnk_load_counts counts;

    it.length_ms = qnk_call_number(call, "seconds") * 1000;
    it.setup = (struct qnk_load_setup){.dev = &it.dev,
                                       .rate = qnk_call_number(call, "rate"),
                                       .seed = qnk_call_number(call, "seed"),
                                       .links = it.list};
    if (net == NULL || sodium_init() < 0 || !seed_read(&it.dev, qnk_string(net, "folder")) ||
        uv_loop_init(&it.loop) != 0) {
        json_decref(net);
        return QNK_CLI_FAILED;
    }
    (void)uv_timer_init(&it.loop, &it.tick);
    it.tick.data = &it;
    links_start(&it, net);
    it.setup.links_count = it.count;
    it.start_ms = uv_now(&it.loop);
    (void)uv_timer_start(&it.tick, ticked, 1, TICK_MS);
    (void)uv_run(&it.loop, UV_RUN_DEFAULT);
    if (it.load != NULL) {
        counts = qnk_load_counts(it.load);
        counts_print(call, &counts);
    }
    qnk_load_destroy(it.load);
    (void)uv_loop_close(&it.loop);
    json_decref(net);
    return it.result;
}
