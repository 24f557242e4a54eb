/* SPDX-License-Identifier: MIT */

#include "kernel/host/refit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/host/live.h"
#include "kernel/host/proof.h"
#include "kernel/host/session.h"

enum stage {
    STAGE_IDLE,
    STAGE_PROVING,  /* on the reads thread */
    STAGE_DRAINING, /* until no job is under way */
    STAGE_FREEZING, /* until the old one holds nothing */
};

/* A config record that outlives the exchange: of what is in force since before the start. */
struct kept {
    struct qnk_config *config;
    const struct qnk_config_plugin *used; /* NULL: the file's counts */
};

struct qnk_refit {
    struct qnk_host *host;
    struct qnk_budget configs; /* their room is large and hardly used: no pages are touched */
    struct qnk_history log;
    struct kept kept[QNK_HOST_KINDS];
    /* Compressors that read what names them; each has another name. */
    struct qnk_instance *readers[QNK_SESSION_COMPRESSORS_MAX];
    uint32_t readers_count;
    uint32_t maps; /* plugins that were mapped since the start */
    /* The exchange under way. */
    uint32_t stage; /* enum stage */
    uint32_t kind;
    uint64_t number;
    uint64_t until_us; /* of draining and freezing */
    char typed[QNK_REFIT_TYPED_MAX];
    struct qnk_refit_typed given; /* what was typed, found */
    struct qnk_instance *fresh;
    struct qnk_ask ask; /* while PROVING */
    struct qnk_proof proof;
    struct qnk_set *set;            /* of the proof; ref'd */
    char stopping[QNK_REFIT_WORDS]; /* why it shall end once the proof has; "": it goes on */
    qnk_refitted *done;
    void *ctx;
};

/* --- configs --- */

static void config_destroy(struct qnk_refit *refit, struct qnk_config *config)
{
    if (config != NULL) {
        qnk_config_done(config);
        qnk_memory_give(&refit->configs, config, sizeof *config);
    }
}

/* The first finding, in words. */
static void finding_tell(const struct qnk_report *report, char why[QNK_REFIT_WORDS])
{
    const struct qnk_finding *finding = report->count > 0 ? &report->findings[0] : NULL;
    const char *hint = finding == NULL || finding->hint == NULL ? "" : finding->hint;

    qnk_text(why, QNK_REFIT_WORDS, "%.250s%s%.120s", finding == NULL ? "it is none" : finding->text,
             *hint != 0 ? ": " : "", hint);
}

/* What was typed, as a plugin with its config record. */
static int32_t config_make(struct qnk_refit *refit, const char *kind, const char *typed,
                           struct qnk_config **out, const struct qnk_config_plugin **used,
                           char why[QNK_REFIT_WORDS])
{
    const struct qnk_config_options options = {
        .budget = &refit->configs,
        .plugins = qnk_loader_config(refit->host->setup.loader),
    };
    struct qnk_config *config = qnk_memory_take(&refit->configs, sizeof *config);
    int32_t status = config == NULL ? QN_NO_SPACE : qnk_config_init(config, &options);

    if (config == NULL || status != QN_OK) {
        qnk_memory_give(&refit->configs, config, config == NULL ? 0 : sizeof *config);
        qnk_text(why, QNK_REFIT_WORDS, "there is no memory for it");
        return QN_NO_SPACE;
    }
    status = qnk_config_read_plugin(config, kind, typed, used);
    if (status != QN_OK) {
        finding_tell(&config->report, why);
        config_destroy(refit, config);
        return status;
    }
    *out = config;
    return QN_OK;
}

/* What the node file says of a kind, as a hash: whether its line has changed. */
static json_t *file_print(const struct qnk_config_plugin *used)
{
    char text[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_hash hash;
    struct qn_span parts[4];
    const char *const words[3] = {used->name, used->version, used->path};

    for (uint32_t i = 0; i < 3; i++) {
        parts[i] = (struct qn_span){(const uint8_t *)words[i], strlen(words[i]) + 1};
    }
    parts[3] = used->part.record;
    qnk_hash_parts("qnet/plugin-line", parts, 4, &hash);
    qnk_hex_encode(hash.bytes, QN_HASH_SIZE, text);
    return json_string(text);
}

/* --- lines --- */

static int32_t line_add(struct qnk_refit *refit, json_t *line, bool is_durable)
{
    struct qnk_host *host = refit->host;
    int32_t status;

    json_object_set_new(line, "time_ms", json_integer((json_int_t)(qnk_live_now(host) / 1000)));
    status = qnk_history_add(&refit->log, json_incref(line), is_durable);
    if (status != QN_OK) {
        qnk_log(&host->log, QNK_LOG_ERROR, "swaps-lost", "'%s' takes no more lines | status=%d",
                refit->log.path, (int)status);
    }
    if (host->refit_heard != NULL) {
        host->refit_heard(host->refit_heard_ctx, line);
    }
    json_decref(line);
    return status;
}

int32_t qnk_refit_tell(struct qnk_host *host, json_t *line, bool is_durable)
{
    return line == NULL ? QN_NO_SPACE : line_add(host->refit, line, is_durable);
}

static json_t *plugin_json(const struct qnk_plugin *plugin)
{
    char code[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(plugin->hash.bytes, QN_HASH_SIZE, code);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", plugin->manifest.name, "version",
                     plugin->manifest.version_text, "path", plugin->path, "code", code);
}

/* A step of the exchange under way. */
static int32_t step(struct qnk_refit *refit, const char *name, const char *words)
{
    const char *kind = qnk_kit_name((enum qnk_host_kind)refit->kind);
    bool is_commit = strcmp(name, "committed") == 0;
    json_t *line =
        json_pack("{s:I, s:s, s:s}", "swap", (json_int_t)refit->number, "step", name, "kind", kind);

    if (words != NULL) {
        json_object_set_new(line, "words", json_string(words));
    }
    if (is_commit || strcmp(name, "begun") == 0) {
        const struct qnk_instance *old = refit->host->kit.instances[refit->kind];

        json_object_set_new(line, "typed", json_string(refit->typed));
        json_object_set_new(line, "from", plugin_json(qnk_instance_plugin(old)));
    }
    if (is_commit) {
        json_object_set_new(line, "to", plugin_json(qnk_instance_plugin(refit->fresh)));
        json_object_set_new(
            line, "file",
            file_print(qnk_kit_used(refit->host->setup.config, (enum qnk_host_kind)refit->kind)));
    }
    qnk_log(&refit->host->log, QNK_LOG_INFO, "swap", "%s: %s%s%s | swap=%llu kind=%s step=%s", kind,
            name, words == NULL ? "" : ": ", words == NULL ? "" : words,
            (unsigned long long)refit->number, kind, name);
    return line_add(refit, line, is_commit);
}

/* --- the end of an exchange --- */

/* Whatever became of it: the next may begin. */
static void finish(struct qnk_refit *refit, int32_t status, const char *words)
{
    qnk_refitted *done = refit->done;
    void *ctx = refit->ctx;

    qnk_live_jobs_hold(refit->host, false);
    qnk_set_unref(refit->set);
    refit->set = NULL;
    qnk_refit_read_done(refit->host, &refit->given);
    refit->fresh = NULL;
    refit->done = NULL;
    refit->stage = STAGE_IDLE;
    if (done != NULL) {
        done(ctx, status, words);
    }
}

static void abort_for(struct qnk_refit *refit, int32_t status, const char *words)
{
    struct qnk_instance *old = refit->host->kit.instances[refit->kind];
    char kept[QNK_REFIT_WORDS];

    qnk_text(kept, sizeof kept, "%s", words);
    if (old != NULL && qnk_instance_life(old) == QNK_LIFE_FROZEN &&
        qnk_instance_thaw(old) != QN_OK) {
        qnk_host_stop(refit->host, QNK_EXIT_INTERNAL, "a plugin that was frozen does not thaw");
    }
    qnk_instance_destroy(refit->fresh);
    (void)step(refit, "aborted", kept);
    finish(refit, status, kept);
}

/* --- freeze, commit, switch --- */

static void words_of(const struct qnk_instance *old, const struct qnk_instance *fresh,
                     char words[QNK_REFIT_WORDS])
{
    const struct qnk_manifest *from = &qnk_instance_plugin(old)->manifest;
    const struct qnk_manifest *to = &qnk_instance_plugin(fresh)->manifest;

    qnk_text(words, QNK_REFIT_WORDS, "%s %s runs in place of %s %s", to->name, to->version_text,
             from->name, from->version_text);
}

static const char *name_of(const struct qnk_instance *instance)
{
    return qnk_instance_plugin(instance)->manifest.name;
}

/* The old one goes on reading frames that name it, unless the new one has its name. */
static void compression_switch(struct qnk_refit *refit, struct qnk_instance *old)
{
    struct qnk_host *host = refit->host;
    struct qnk_plugged plugged = qnk_instance_plugged(refit->fresh);
    const char *name = name_of(refit->fresh);
    int32_t status = qnk_peers_compress(host->peers, name, &plugged, qnk_live_now(host));
    uint32_t kept = 0;

    QN_ASSERT(status == QN_OK); /* that there is room for the name was seen before */
    if (qnk_instance_thaw(old) != QN_OK) {
        qnk_host_stop(host, QNK_EXIT_INTERNAL,
                      "a compressor that was frozen does not thaw, and peers still use it");
    }
    QN_ASSERT(refit->readers_count < QNK_SESSION_COMPRESSORS_MAX);
    refit->readers[refit->readers_count++] = old;
    for (uint32_t i = 0; i < refit->readers_count; i++) {
        if (strcmp(name_of(refit->readers[i]), name) == 0) {
            qnk_kit_retire(&host->log, refit->readers[i]); /* the new one took its place */
        } else {
            refit->readers[kept++] = refit->readers[i];
        }
    }
    refit->readers_count = kept;
}

static void commit(struct qnk_refit *refit)
{
    struct qnk_host *host = refit->host;
    struct qnk_instance *old = host->kit.instances[refit->kind];
    char words[QNK_REFIT_WORDS];
    int32_t status;

    (void)step(refit, "frozen", NULL);
    words_of(old, refit->fresh, words);
    status = step(refit, "committed", words);
    if (status != QN_OK) {
        abort_for(refit, status, "the exchange cannot be written down: the disk says no");
        return;
    }
    host->kit.instances[refit->kind] = refit->fresh;
    if (refit->kind == QNK_HOST_SIGNATURE) {
        host->job_host.signature = qnk_instance_plugged(refit->fresh);
        qnk_kit_retire(&host->log, old);
    } else {
        compression_switch(refit, old);
    }
    refit->kept[refit->kind].used = NULL; /* the kit has what runs: this was for the start */
    (void)step(refit, "ended", NULL);
    finish(refit, QN_OK, words);
}

static void freeze(struct qnk_refit *refit)
{
    struct qnk_host *host = refit->host;
    struct qnk_instance *old = host->kit.instances[refit->kind];
    int32_t status = qnk_instance_freeze(old);

    refit->stage = STAGE_FREEZING;
    if (status == QN_BUSY && qnk_live_now(host) < refit->until_us) {
        return; /* the next tick asks again */
    }
    if (status == QN_OK) {
        commit(refit);
    } else {
        abort_for(refit, status,
                  status == QN_BUSY ? "the one that runs does not let go in time"
                                    : "the one that runs cannot be frozen");
    }
}

static void drain(struct qnk_refit *refit)
{
    struct qnk_host *host = refit->host;

    refit->until_us = qnk_live_now(host) + QNK_REFIT_WAIT_US;
    if (refit->kind == QNK_HOST_SIGNATURE) { /* jobs alone call it; a compressor is the loop's */
        qnk_live_jobs_hold(host, true);
    }
    if (refit->kind == QNK_HOST_SIGNATURE && host->jobs_out > 0) {
        refit->stage = STAGE_DRAINING;
    } else {
        freeze(refit);
    }
}

void qnk_refit_tick(struct qnk_host *host)
{
    struct qnk_refit *refit = host->refit;

    if (refit == NULL) {
        return;
    }
    if (refit->stage == STAGE_FREEZING || (refit->stage == STAGE_DRAINING && host->jobs_out == 0)) {
        freeze(refit);
    } else if (refit->stage == STAGE_DRAINING && qnk_live_now(host) >= refit->until_us) {
        abort_for(refit, QN_TIMEOUT, "jobs under way do not come to their end in time");
    }
}

/* --- the proof --- */

static void prove(struct qnk_ask *ask, const struct qnk_reach *reach)
{
    struct qnk_refit *refit =
        (struct qnk_refit *)(void *)((char *)ask - offsetof(struct qnk_refit, ask));

    if (refit->kind == QNK_HOST_SIGNATURE) {
        refit->proof.old_lane = reach->ledger_lane; /* of this thread */
        refit->proof.fresh_lane = reach->ledger_lane;
    }
    qnk_proof_run(&refit->proof, reach);
}

static void proven(struct qnk_ask *ask)
{
    struct qnk_refit *refit =
        (struct qnk_refit *)(void *)((char *)ask - offsetof(struct qnk_refit, ask));

    if (refit->stopping[0] != 0) {
        abort_for(refit, QN_AGAIN, refit->stopping);
    } else if (!refit->proof.is_good) {
        abort_for(refit, QN_INVALID, refit->proof.words);
    } else {
        (void)step(refit, "proven", refit->proof.words);
        drain(refit);
    }
}

static int32_t proof_begin(struct qnk_refit *refit)
{
    struct qnk_host *host = refit->host;
    struct qnk_instance *old = host->kit.instances[refit->kind];
    const struct qnk_manifest *from = &qnk_instance_plugin(old)->manifest;
    const struct qnk_manifest *to = &qnk_instance_plugin(refit->fresh)->manifest;
    struct qnk_node_view view;

    qnk_node_look(host->node, &view);
    refit->set = qnk_set_ref((struct qnk_set *)(uintptr_t)qnk_node_set(host->node));
    refit->proof = (struct qnk_proof){
        .kind = refit->kind,
        .old = qnk_instance_plugged(old),
        .fresh = qnk_instance_plugged(refit->fresh),
        .old_lane = from->lanes - 1, /* of a compressor: the loop has lane 0 */
        .is_same_name = from->lanes > 1 && strcmp(from->name, to->name) == 0,
        .budget = &host->budget,
        .chain_id = host->params.chain_id,
        .set = refit->set,
        .height = view.final_height,
    };
    refit->ask = (struct qnk_ask){.run = prove, .done = proven};
    refit->stage = STAGE_PROVING;
    return qnk_host_ask(host, &refit->ask);
}

/* --- the beginning --- */

__attribute__((format(printf, 3, 4))) static int32_t refuse(char why[QNK_REFIT_WORDS],
                                                            int32_t status, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(why, QNK_REFIT_WORDS, format, list);
    va_end(list);
    return status;
}

/* Which kinds this is for, and what is for the others. */
static int32_t kind_find(const char *name, uint32_t *kind, char why[QNK_REFIT_WORDS])
{
    uint32_t at = 0;

    while (at < QNK_HOST_KINDS && strcmp(qnk_kit_name((enum qnk_host_kind)at), name) != 0) {
        at++;
    }
    switch (at) {
    case QNK_HOST_COMPRESSION:
    case QNK_HOST_SIGNATURE:
        *kind = at;
        return QN_OK;
    case QNK_HOST_CONSENSUS:
    case QNK_HOST_PRODUCER:
        return refuse(why, QN_DENIED,
                      "every node has to run the same %s: `qnet swap plan %s=NAME` asks them", name,
                      name);
    case QNK_HOST_LEDGER:
        return refuse(why, QN_DENIED, "the ledger is what the chain is about: it is for its life");
    case QNK_HOST_TRANSPORT:
    case QNK_HOST_STORAGE:
        return refuse(why, QN_DENIED,
                      "%s cannot be exchanged while it runs: write it into the node file, then "
                      "restart%s",
                      name, at == QNK_HOST_STORAGE ? " with an empty data folder" : "");
    default:
        return refuse(why, QN_NOT_FOUND, "'%.40s' is no kind that a node runs", name);
    }
}

/* Whether a plugin can stand where the other stands. */
static int32_t fits_check(const struct qnk_refit *refit, char why[QNK_REFIT_WORDS])
{
    const struct qnk_host *host = refit->host;
    const struct qnk_plugin *plugin = refit->given.plugin;
    const char *rule = host->setup.config->network.signature_rule;
    uint32_t lanes = refit->kind == QNK_HOST_SIGNATURE ? qnk_pool_lanes(host->workers) : 1;

    if (plugin->manifest.lanes < lanes) {
        return refuse(why, QN_UNSUPPORTED, "'%s' has %u lanes, and this node's threads want %u",
                      plugin->manifest.name, plugin->manifest.lanes, lanes);
    }
    if (refit->kind == QNK_HOST_SIGNATURE && !qnk_manifest_has_rule(&plugin->manifest, rule)) {
        return refuse(why, QN_UNSUPPORTED, "'%s' does not know the network's rule '%s'",
                      plugin->manifest.name, rule);
    }
    if (refit->kind == QNK_HOST_COMPRESSION &&
        !qnk_peers_has_compressor_room(host->peers, plugin->manifest.name)) {
        return refuse(why, QN_NO_SPACE,
                      "%d compressors have been in use since the start: restart the node",
                      QNK_SESSION_COMPRESSORS_MAX);
    }
    return QN_OK;
}

/* From begun to made, within the call. */
static int32_t make(struct qnk_refit *refit, char why[QNK_REFIT_WORDS])
{
    struct qnk_host *host = refit->host;
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = step(refit, "begun", NULL);

    if (status != QN_OK) {
        return refuse(why, status, "the exchange cannot be written down: the disk says no");
    }
    status = qnk_kit_make(&host->setup, host->metrics, NULL, refit->given.plugin,
                          refit->given.used->part.record, &refit->fresh, words);
    if (status != QN_OK) {
        return refuse(why, status, "%.380s", words);
    }
    (void)step(refit, "made", NULL);
    status = proof_begin(refit);
    return status == QN_OK
               ? QN_OK
               : refuse(why, status, "the node cannot try it now: it is busy, or stops");
}

int32_t qnk_refit_read(struct qnk_host *host, const char *kind, const char *text,
                       struct qnk_refit_typed *typed, char *why, uint64_t room)
{
    struct qnk_refit *refit = host->refit;
    char words[QNK_PLUGIN_WHY_MAX] = "";
    char reason[QNK_REFIT_WORDS] = "";
    int32_t status = qnk_kit_vouchers_read(&host->setup, reason);

    *typed = (struct qnk_refit_typed){0};
    if (status == QN_OK) {
        status = config_make(refit, kind, text, &typed->config, &typed->used, reason);
    }
    if (status == QN_OK) {
        status = qnk_loader_find_used(host->setup.loader, typed->used, &typed->plugin, words);
        if (status != QN_OK) {
            (void)refuse(reason, status, "%.380s", words);
        } else if (typed->used->path[0] != 0 && typed->used->path[0] != '/') {
            status = refuse(reason, QN_INVALID,
                            "'%.200s' lies in the folder that the node runs in, which may be "
                            "another after a restart: say the whole path",
                            typed->used->path);
        }
        if (status != QN_OK) {
            qnk_refit_read_done(host, typed);
        }
    }
    qnk_text(why, room, "%s", reason);
    return status;
}

void qnk_refit_read_done(struct qnk_host *host, struct qnk_refit_typed *typed)
{
    config_destroy(host->refit, typed->config);
    *typed = (struct qnk_refit_typed){0};
}

const char *qnk_refit_available(struct qnk_host *host, const char *kind, const char *name)
{
    return qnk_history_available(&host->refit->log, kind, name);
}

static int32_t begin_check(const struct qnk_host *host, char why[QNK_REFIT_WORDS])
{
    const struct qnk_refit *refit = host->refit;

    if (host->phase != QNK_HOST_RUNNING) {
        return refuse(why, QN_AGAIN, "the node is not running");
    }
    if (refit->stage != STAGE_IDLE) {
        return refuse(why, QN_BUSY, "an exchange of %s is under way",
                      qnk_kit_name((enum qnk_host_kind)refit->kind));
    }
    return QN_OK;
}

/* Mapped code is never unmapped. */
static int32_t maps_check(struct qnk_refit *refit, const struct qnk_plugin *plugin,
                          char why[QNK_REFIT_WORDS])
{
    if (plugin->descriptor != NULL) {
        return QN_OK;
    }
    if (refit->maps == QNK_REFIT_GENERATIONS) {
        return refuse(why, QN_NO_SPACE,
                      "%d plugins came since the start, and their code stays mapped: restart the "
                      "node",
                      QNK_REFIT_GENERATIONS);
    }
    refit->maps++;
    return QN_OK;
}

int32_t qnk_refit_begin(struct qnk_host *host, const char *kind, const char *typed,
                        qnk_refitted *done, void *ctx, char why[QNK_REFIT_WORDS])
{
    struct qnk_refit *refit = host->refit;
    uint32_t place = 0;
    int32_t status = kind_find(kind, &place, why);

    if (status == QN_OK) {
        status = begin_check(host, why);
    }
    if (status == QN_OK && strlen(typed) >= sizeof refit->typed) {
        status = refuse(why, QN_INVALID, "that is too long");
    }
    if (status != QN_OK) {
        return status;
    }
    refit->kind = place;
    refit->stopping[0] = 0;
    qnk_text(refit->typed, sizeof refit->typed, "%s", typed);
    status = qnk_refit_read(host, kind, typed, &refit->given, why, QNK_REFIT_WORDS);
    if (status == QN_OK) {
        status = fits_check(refit, why);
    }
    if (status == QN_OK) {
        status = maps_check(refit, refit->given.plugin, why);
    }
    if (status != QN_OK) {
        finish(refit, status, why);
        return status;
    }
    refit->number = ++refit->log.last;
    status = make(refit, why);
    if (status != QN_OK) {
        abort_for(refit, status, why);
        return status;
    }
    refit->done = done;
    refit->ctx = ctx;
    return QN_OK;
}

bool qnk_refit_is_busy(const struct qnk_host *host)
{
    return host->refit != NULL && host->refit->stage != STAGE_IDLE;
}

void qnk_refit_stop(struct qnk_host *host)
{
    struct qnk_refit *refit = host->refit;

    if (refit == NULL || refit->stage == STAGE_IDLE) {
        return;
    }
    if (refit->stage == STAGE_PROVING) {
        qnk_text(refit->stopping, sizeof refit->stopping, "the node stops");
    } else {
        abort_for(refit, QN_AGAIN, "the node stops");
    }
}

/* --- available plugins --- */

/* Remembers where a plugin lies. */
static int32_t available_tell(struct qnk_refit *refit, const char *kind,
                              const struct qnk_plugin *plugin, char words[QNK_REFIT_WORDS])
{
    json_t *line = plugin_json(plugin);
    int32_t status;

    json_object_set_new(line, "step", json_string("available"));
    json_object_set_new(line, "kind", json_string(kind));
    status = line_add(refit, line, false);
    if (status != QN_OK) {
        return refuse(words, status, "it cannot be written down: the disk says no");
    }
    qnk_text(words, QNK_REFIT_WORDS, "%s %s %s is at hand", kind, plugin->manifest.name,
             plugin->manifest.version_text);
    return QN_OK;
}

int32_t qnk_refit_load(struct qnk_host *host, const char *kind, const char *typed,
                       char words[QNK_REFIT_WORDS])
{
    struct qnk_refit *refit = host->refit;
    struct qnk_refit_typed given = {0};
    char why[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = begin_check(host, words);

    if (status == QN_OK) {
        status = qnk_refit_read(host, kind, typed, &given, words, QNK_REFIT_WORDS);
    }
    if (status == QN_OK) {
        status = maps_check(refit, given.plugin, words);
    }
    if (status == QN_OK) {
        status = qnk_plugin_map(given.plugin, why);
        if (status != QN_OK) {
            (void)refuse(words, status, "%.380s", why);
        }
    }
    if (status == QN_OK) {
        status = available_tell(refit, kind, given.plugin, words);
    }
    if (status == QN_OK) {
        qnk_bound_again(host);
    }
    qnk_refit_read_done(host, &given);
    return status;
}

/* --- looking --- */

json_t *qnk_refit_lines(struct qnk_host *host)
{
    return host->refit == NULL ? NULL : host->refit->log.lines;
}

void qnk_refit_watch(struct qnk_host *host, qnk_refit_heard *heard, void *ctx)
{
    host->refit_heard = heard;
    host->refit_heard_ctx = ctx;
}

/* --- the start --- */

static void drop(struct qnk_refit *refit, uint32_t kind, const json_t *line, const char *words)
{
    const char *name = qnk_kit_name((enum qnk_host_kind)kind);
    json_t *said = json_pack("{s:O, s:s, s:s, s:s}", "swap", json_object_get(line, "swap"), "step",
                             "dropped", "kind", name, "words", words);

    qnk_log(&refit->host->log, QNK_LOG_WARN, "swap-dropped",
            "the exchange of %s is not in force any more: %s | kind=%s", name, words, name);
    (void)line_add(refit, said, false);
}

/* What is in force for a kind, if the node file has not changed and the plugin is still there. */
static void kept_read(struct qnk_refit *refit, uint32_t kind)
{
    const char *name = qnk_kit_name((enum qnk_host_kind)kind);
    const struct qnk_config_plugin *file =
        qnk_kit_used(refit->host->setup.config, (enum qnk_host_kind)kind);
    const json_t *line = qnk_history_in_force(&refit->log, name);
    const char *typed = json_string_value(json_object_get(line, "typed"));
    struct kept *kept = &refit->kept[kind];
    char why[QNK_REFIT_WORDS] = "";
    json_t *print;

    if (line == NULL || file == NULL) {
        return;
    }
    print = file_print(file);
    if (json_equal(print, json_object_get(line, "file")) == 0) {
        drop(refit, kind, line, "the node file says something else now");
    } else if (config_make(refit, name, typed == NULL ? "" : typed, &kept->config, &kept->used,
                           why) != QN_OK) {
        kept->used = NULL;
        drop(refit, kind, line, why);
    } else {
        qnk_log(&refit->host->log, QNK_LOG_INFO, "swap-in-force",
                "%s is %s since it was exchanged; the node file says %s | kind=%s name=%s", name,
                kept->used->name, file->name, name, kept->used->name);
    }
    json_decref(print);
}

int32_t qnk_refit_create(struct qnk_host *host)
{
    struct qnk_refit *refit = qnk_memory_take(&host->budget, sizeof *refit);
    int32_t status;

    if (refit == NULL) {
        return QN_NO_SPACE;
    }
    refit->host = host;
    refit->configs.limit = 4 * (QNK_CONFIG_MEMORY + sizeof(struct qnk_config));
    status = qnk_history_open(&refit->log, &host->budget, host->dir.data);
    if (status != QN_OK) {
        qnk_memory_give(&host->budget, refit, sizeof *refit);
        return status;
    }
    if (refit->log.damaged > 0) {
        qnk_log(&host->log, QNK_LOG_WARN, "swaps-damaged", "%u lines of '%s' are damaged",
                refit->log.damaged, refit->log.path);
    }
    host->refit = refit;
    kept_read(refit, QNK_HOST_COMPRESSION);
    kept_read(refit, QNK_HOST_SIGNATURE);
    return QN_OK;
}

const struct qnk_config_plugin *qnk_refit_used(const struct qnk_host *host, uint32_t kind)
{
    const struct qnk_config_plugin *used =
        host->refit == NULL ? NULL : host->refit->kept[kind].used;

    return used != NULL ? used : qnk_kit_used(host->setup.config, (enum qnk_host_kind)kind);
}

bool qnk_refit_refused(struct qnk_host *host, uint32_t kind, const char *why)
{
    struct qnk_refit *refit = host->refit;

    if (refit->kept[kind].used == NULL) {
        return false;
    }
    drop(refit, kind, qnk_history_in_force(&refit->log, qnk_kit_name((enum qnk_host_kind)kind)),
         why);
    refit->kept[kind].used = NULL;
    return true;
}

void qnk_refit_readers_end(struct qnk_host *host)
{
    struct qnk_refit *refit = host->refit;

    for (uint32_t i = 0; refit != NULL && i < refit->readers_count; i++) {
        qnk_kit_retire(&host->log, refit->readers[i]);
    }
    if (refit != NULL) {
        refit->readers_count = 0;
    }
}

void qnk_refit_destroy(struct qnk_refit *refit)
{
    if (refit == NULL) {
        return;
    }
    QN_ASSERT(refit->stage == STAGE_IDLE && refit->readers_count == 0);
    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        config_destroy(refit, refit->kept[kind].config);
    }
    qnk_history_close(&refit->log);
    qnk_memory_give(&refit->host->budget, refit, sizeof *refit);
}
