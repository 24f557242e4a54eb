/* SPDX-License-Identifier: MIT */

/* record.c: the input log of a running host: its beginning, and what each step adds. */

#include <qnet/ledger.h>

#include "kernel/base/text.h"
#include "kernel/config/file.h"
#include "kernel/host/inputs_head.h"
#include "kernel/host/lines.h"
#include "kernel/host/live.h"

enum {
    HEAD_CAP = 64 << 20,
    PAGES_AT_ONCE = 256,
    FILE_MAX = 4 << 20, /* of a configuration file that is copied */
};

static struct qn_span text_span(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

/* --- the beginning --- */

/* Plugins on which the steps depend. */
static void plugins_add(const struct qnk_host *host, struct qnk_inputs_head *head)
{
    static const enum qnk_host_kind kinds[QNK_INPUTS_PLUGINS_MAX] = {
        QNK_HOST_SIGNATURE,
        QNK_HOST_LEDGER,
        QNK_HOST_PRODUCER,
        QNK_HOST_CONSENSUS,
    };

    for (uint32_t i = 0; i < QNK_INPUTS_PLUGINS_MAX; i++) {
        const struct qnk_instance *instance = host->kit.instances[kinds[i]];
        struct qnk_inputs_plugin *to = &head->plugins[head->plugins_count];

        if (instance == NULL) {
            continue;
        }

        const struct qnk_plugin *plugin = qnk_instance_plugin(instance);

        to->kind = text_span(qnk_kit_name(kinds[i]));
        to->name = text_span(plugin->manifest.name);
        to->version = text_span(plugin->manifest.version_text);
        to->path = text_span(plugin->path);
        to->config = qnk_refit_used(host, kinds[i])->part.record;
        memcpy(to->hash, plugin->hash.bytes, QN_HASH_SIZE);
        head->plugins_count++;
    }
}

static int32_t head_put(struct qnk_host *host, struct qnk_inputs *inputs,
                        const struct qnk_store_final *final)
{
    struct qnk_inputs_head head = {
        .program = text_span(PACKAGE_VERSION),
        .name = text_span(host->setup.config->node.name),
        .genesis = host->setup.config->network.ledger_genesis,
        .pages = final->pages,
        .has_state = final->window == 0 || final->pages > 0,
        .guard = host->setup.config->node.guard,
    };
    struct qnk_setup setup;
    struct qn_sink told, out;
    int32_t status;

    qnk_live_core_setup(host, &setup);
    qnk_sink_init(&told, &host->budget, HEAD_CAP);
    qnk_sink_init(&out, &host->budget, HEAD_CAP);
    plugins_add(host, &head);
    status = qnk_tape_setup_encode(&setup, &told);
    head.setup = qnk_sink_span(&told);
    if (status == QN_OK) {
        status = qnk_inputs_head_encode(&head, &out);
    }
    if (status == QN_OK) {
        status = qnk_inputs_head(inputs, qnk_sink_span(&out));
    }
    qnk_sink_done(&told);
    qnk_sink_done(&out);
    return status;
}

static int32_t pages_put(struct qnk_host *host, struct qnk_inputs *inputs, uint64_t pages,
                         uint32_t lane)
{
    const struct qn_ledger_1 *ledger = host->job_host.ledger.table;
    uint64_t indexes[PAGES_AT_ONCE];
    struct qn_sink out;
    int32_t status = QN_OK;

    qnk_sink_init(&out, &host->budget, (uint64_t)PAGES_AT_ONCE * QN_LEDGER_PAGE_SIZE);
    for (uint64_t first = 0; status == QN_OK && first < pages; first += PAGES_AT_ONCE) {
        uint32_t count = pages - first < PAGES_AT_ONCE ? (uint32_t)(pages - first) : PAGES_AT_ONCE;

        for (uint32_t i = 0; i < count; i++) {
            indexes[i] = first + i;
        }
        qnk_sink_cut(&out, 0);
        status = ledger->read_pages(host->job_host.ledger.inst, lane, indexes, count, &out);
        if (status == QN_OK) {
            status = qnk_inputs_pages(inputs, first, qnk_sink_span(&out));
        }
    }
    qnk_sink_done(&out);
    return status;
}

/* A log without these files is as good. */
static void copy(struct qnk_host *host, struct qnk_inputs *inputs, const char *path,
                 const char *name)
{
    void *block = qnk_memory_take(&host->budget, FILE_MAX);
    struct qnk_arena arena;
    struct qn_span bytes;

    if (block == NULL || path == NULL) {
        qnk_memory_give(&host->budget, block, FILE_MAX);
        return;
    }
    qnk_arena_init(&arena, block, FILE_MAX);
    if (qnk_file_read(path, FILE_MAX - 64, &arena, &bytes) == QN_OK) {
        (void)!qnk_inputs_copy(inputs, name, bytes);
    }
    qnk_memory_give(&host->budget, block, FILE_MAX);
}

static int32_t fill(struct qnk_host *host, struct qnk_inputs *inputs, uint32_t lane)
{
    struct qnk_store_final final = {0};
    int32_t status = qnk_store_final(&host->store, QNK_DISK_LANE_START, &final);

    if (status == QN_OK) {
        status = head_put(host, inputs, &final);
    }
    if (status == QN_OK) {
        status = pages_put(host, inputs, final.pages, lane);
    }
    copy(host, inputs, host->setup.config_path, "node.yaml");
    copy(host, inputs, host->setup.config->node.network, "network.yaml");
    return status == QN_OK ? qnk_inputs_begin(inputs) : status;
}

static void make(struct qnk_task *task, uint32_t lane)
{
    struct qnk_live_inputs *it = (struct qnk_live_inputs *)task;
    struct qnk_host *host = it->host;
    const struct qnk_inputs_setup setup = {
        .budget = &host->budget,
        .data = host->dir.data,
        .bound = host->setup.config->node.input_log_size,
        .segment = it->segment,
        .has_kept = &it->has_kept,
    };
    struct qnk_inputs *inputs = NULL;

    it->status = qnk_inputs_open(&setup, &inputs, it->why);
    if (it->status != QN_OK) {
        return;
    }
    it->status = fill(host, inputs, lane);
    if (it->status == QN_OK) {
        it->inputs = inputs;
    } else {
        qnk_text(it->why, sizeof it->why, "%s",
                 it->status == QN_NO_SPACE ? "input_log_size is too small for the ledger's state"
                                           : "its files cannot be written");
        qnk_inputs_close(inputs, 0, it->why);
    }
}

static void made(struct qnk_task *task)
{
    struct qnk_live_inputs *it = (struct qnk_live_inputs *)task;
    struct qnk_host *host = it->host;

    if (it->has_kept) {
        qnk_log(&host->log, QNK_LOG_WARN, "input-log-kept",
                "the node did not end in order last time: `qnet replay %s/died` shows its end",
                host->dir.data);
    }
    if (it->inputs == NULL) {
        qnk_log(&host->log, QNK_LOG_WARN, "input-log-off", "nothing is recorded: %s (status %d)",
                it->why, it->status);
    } else if (host->setup.lines != NULL) {
        qnk_lines_keep(host->setup.lines, qnk_inputs_lines(it->inputs), QNK_INPUTS_LINES);
    }
    qnk_live_start(host);
}

int32_t qnk_live_inputs_start(struct qnk_host *host)
{
    if (!host->setup.config->node.input_log) {
        return QN_OK;
    }
    host->inputs.task = (struct qnk_task){.run = make, .done = made};
    host->inputs.host = host;
    qnk_pool_give(host->pool, QNK_QUEUE_LEDGER, &host->inputs.task);
    return QN_AGAIN;
}

/* --- steps --- */

void qnk_live_inputs_running(struct qnk_host *host)
{
    if (host->inputs.inputs != NULL) {
        qnk_inputs_running(host->inputs.inputs);
    }
}

static void prepare(struct qnk_task *task, uint32_t lane)
{
    const struct qnk_live_inputs *it = (const struct qnk_live_inputs *)task;

    (void)lane;
    qnk_inputs_prepare(it->inputs);
}

static void prepared(struct qnk_task *task)
{
    struct qnk_live_inputs *it = (struct qnk_live_inputs *)task;
    uint32_t dropped = qnk_inputs_dropped(it->inputs);

    it->is_making = false;
    if (dropped > 0 && it->dropped == 0) {
        qnk_log(&it->host->log, QNK_LOG_WARN, "input-log-full",
                "the input log has reached input_log_size: its beginning is dropped, so that it "
                "can be replayed no more until the node begins anew; a larger one lasts longer");
    }
    it->dropped = dropped;
}

void qnk_live_inputs_event(struct qnk_host *host, const struct qnk_event *event)
{
    if (host->inputs.inputs != NULL) {
        qnk_inputs_event(host->inputs.inputs, event);
    }
}

void qnk_live_inputs_effects(struct qnk_host *host)
{
    struct qnk_live_inputs *it = &host->inputs;

    if (it->inputs == NULL) {
        return;
    }
    qnk_inputs_effects(it->inputs, &host->effects);
    if (!it->is_making && qnk_inputs_wants(it->inputs)) {
        it->is_making = true;
        it->task = (struct qnk_task){.run = prepare, .done = prepared};
        qnk_pool_give(host->pool, QNK_QUEUE_READS, &it->task);
    }
    if (!it->has_told && qnk_inputs_stopped(it->inputs) != NULL) {
        it->has_told = true;
        qnk_log(&host->log, QNK_LOG_WARN, "input-log-stopped",
                "nothing more is recorded until the next start: %s",
                qnk_inputs_stopped(it->inputs));
    }
}

void qnk_live_inputs_end(struct qnk_host *host)
{
    if (host->inputs.inputs == NULL) {
        return;
    }
    if (host->setup.lines != NULL) {
        qnk_lines_keep(host->setup.lines, NULL, 0);
    }
    qnk_inputs_close(host->inputs.inputs, (int)host->exit, host->why);
    host->inputs.inputs = NULL;
}
