/* SPDX-License-Identifier: MIT */

/* anew.c: when the input log is full the node ends in order and begins anew, and the log with it:
 * what is kept is always the whole of a life, which can be replayed.
 *
 * It costs the network a member for as long as the start takes. So the nodes of a network, whose
 * logs fill alike, end at places by lot in the last file; and a node for which that would come too
 * often keeps running, and lets go of the beginning of its log. What strangers send fills it too,
 * and when nodes restart is not for them to say: between two times that a process begins anew lie
 * ten to twenty minutes, by lot, and until then the log's beginning goes. Nor does it end for this
 * while something goes on that a restart would spoil, or if the next start would not find the keys
 * and plugins that this one found: nobody asked for a restart with what lies there now. */

#include <uv.h>

#include "kernel/base/text.h"
#include "kernel/host/live.h"

enum {
    LOT = QNK_INPUTS_LATE - 128, /* parts of the last file; what follows is room for the end */
    RUNS_MIN_US = 60 * 1000 * 1000,
    RUNS_STARTS = 20, /* it runs so many times as long as its start took */
    APART_S = 600,    /* and by lot up to twice as long */
};

/* By chance and not by key: two members whose keys are alike would end together every time. */
static uint32_t lot(const struct qnk_host *host)
{
    return (uint32_t)(host->seed % LOT);
}

static bool is_young(struct qnk_host *host)
{
    uint64_t runs_us = qnk_live_now(host) - host->running_us;

    return runs_us < RUNS_MIN_US || runs_us / RUNS_STARTS < host->running_us - host->start_us;
}

/* Whether it began anew a short while ago. */
static bool is_early(const struct qnk_host *host)
{
    uint64_t apart_us = UINT64_C(1000000) * (APART_S + (host->seed >> 32) % APART_S);

    return host->setup.anew_us != 0 && uv_hrtime() / 1000 - host->setup.anew_us < apart_us;
}

/* A clock that was set is forgotten by a restart, and so is a copy that is being written. */
static bool is_busy(const struct qnk_host *host)
{
    return host->is_clock_held || host->is_copying || qnk_refit_is_busy(host) ||
           qnk_bound_is_busy(host);
}

/* --- what the next start reads --- */

static bool key_is_there(const char *path, enum qnk_key_purpose purpose,
                         const struct qnk_hash *public, char why[QNK_HOST_WHY])
{
    char words[QNK_KEYFILE_WHY] = "it holds another key now";
    struct qnk_key key = {0};
    bool is_there = qnk_keyfile_read(path, purpose, (struct qn_span){0}, &key, words) == QN_OK &&
                    qnk_hash_equal(&key.public, public);

    qnk_key_done(&key);
    if (!is_there) {
        qnk_text(why, QNK_HOST_WHY, "'%.80s': %.250s", path, words);
    }
    return is_there;
}

static bool keys_are_there(const struct qnk_host *host, char why[QNK_HOST_WHY])
{
    const struct qnk_node_file *file = &host->setup.config->node;

    return key_is_there(file->key_node, QNK_KEY_NODE, &host->node_public, why) &&
           (!host->has_validator ||
            key_is_there(file->key_validator, QNK_KEY_VALIDATOR, &host->validator_public, why));
}

static bool plugin_is_there(const struct qnk_host *host, uint32_t kind,
                            const struct qnk_instance *instance, char why[QNK_HOST_WHY])
{
    const struct qnk_plugin *plugin = instance == NULL ? NULL : qnk_instance_plugin(instance);
    struct qnk_plugin *found = NULL;
    char words[QNK_PLUGIN_WHY_MAX] = "its file was changed";

    if (plugin == NULL || plugin->path[0] == 0) { /* none, or linked in */
        return true;
    }
    if (qnk_loader_find(host->setup.loader, qnk_kit_name((enum qnk_host_kind)kind),
                        plugin->manifest.name, plugin->path, &found, words) == QN_OK &&
        found == plugin) {
        return true;
    }
    qnk_text(why, QNK_HOST_WHY, "'%.80s': %.250s", plugin->path, words);
    return false;
}

/* Those of the files, and those that the chain binds. */
static bool plugins_are_there(struct qnk_host *host, char why[QNK_HOST_WHY])
{
    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        if (!plugin_is_there(host, kind, host->kit.instances[kind], why) ||
            !plugin_is_there(host, kind, qnk_host_instance(host, kind), why)) {
            return false;
        }
    }
    return true;
}

/* --- the tick --- */

static void begin_anew(struct qnk_host *host)
{
    char why[QNK_HOST_WHY] = "";

    if (!keys_are_there(host, why) || !plugins_are_there(host, why)) {
        host->inputs.stays = true;
        qnk_log(&host->log, QNK_LOG_WARN, "input-log-stays",
                "the input log is full, and the node does not begin anew by itself, as a start "
                "needs %s",
                why);
        return;
    }
    qnk_log(
        &host->log, QNK_LOG_INFO, "input-log-anew",
        "the input log is full: the node ends in order and begins anew, so that what it records "
        "can be replayed | ran_s=%llu",
        (unsigned long long)((qnk_live_now(host) - host->running_us) / 1000000));
    qnk_host_stop(host, QNK_EXIT_OK, "");
    host->is_again = host->exit == QNK_EXIT_OK; /* it may fail while it begins to end */
}

void qnk_live_anew_tick(struct qnk_host *host)
{
    struct qnk_live_inputs *it = &host->inputs;

    if (!host->setup.begins_anew || host->phase != QNK_HOST_RUNNING || it->stays ||
        it->inputs == NULL || qnk_inputs_stopped(it->inputs) != NULL ||
        !qnk_inputs_is_full(it->inputs, lot(host))) {
        return;
    }
    if (is_young(host)) {
        it->stays = qnk_inputs_dropped(it->inputs) > 0;
    } else if (!is_early(host) && !is_busy(host)) {
        begin_anew(host);
    }
}
