/* SPDX-License-Identifier: MIT */

/* reload.c: the node file once more, and what of it a running node can take over; before it the
 * lock file and the trust file. */

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/host/live.h"

static int32_t say(struct qn_sink *text, const char *words, const char *what)
{
    char line[QNK_HOST_WHY + 64];

    qnk_text(line, sizeof line, "%s%s\n", words, what);
    return qnk_sink_append(text, line, strlen(line));
}

void qnk_live_levels(struct qnk_host *host, const struct qnk_node_file *file)
{
    struct qnk_log *log = host->setup.log;
    int32_t status = qnk_log_level_set(log, "", file->log_level, 0);

    QN_ASSERT(status == QN_OK); /* of all parts: that there are none is no error */
    for (uint32_t i = 0; i < file->log_parts_count; i++) {
        const struct qnk_node_log_part *part = &file->log_parts[i];

        if (qnk_log_level_set(log, part->name, part->level, 0) != QN_OK) {
            qnk_log(&host->log, QNK_LOG_WARN, "no-such-part", "log.parts names no part | part=%s",
                    part->name);
        }
    }
}

static bool has_peer(const struct qnk_node_file *file, const struct qnk_node_peer *peer)
{
    for (uint32_t i = 0; i < file->peers_count; i++) {
        if (qnk_hash_equal(&file->peers[i].key, &peer->key)) {
            return true;
        }
    }
    return false;
}

static void peers_change(struct qnk_host *host, const struct qnk_node_file *before,
                         const struct qnk_node_file *after)
{
    for (uint32_t i = 0; i < before->peers_count; i++) {
        if (!has_peer(after, &before->peers[i])) {
            int32_t status = qnk_peers_remove(host->peers, &before->peers[i].key);

            (void)status; /* the operator may have removed it before */
        }
    }
    for (uint32_t i = 0; i < after->peers_count; i++) {
        const struct qnk_node_peer *peer = &after->peers[i];

        if (!qnk_hash_equal(&peer->key, &host->node_public) && /* as at the start */
            qnk_peers_add(host->peers, &peer->key, peer->address) != QN_OK) {
            qnk_log(&host->log, QNK_LOG_WARN, "peer-refused", "a peer of the node file is refused");
        }
    }
}

static bool is_equal(struct qn_span a, struct qn_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* A plugin's record leaves out where its file is. */
static bool is_same(const struct qnk_config_value *a, const struct qnk_config_value *b)
{
    bool is_same = is_equal(a->record, b->record) && a->plugins_count == b->plugins_count;

    for (uint32_t i = 0; is_same && i < a->plugins_count; i++) {
        is_same = strcmp(a->plugins[i].path, b->plugins[i].path) == 0;
    }
    return is_same;
}

/* Says what differs: of live keys from what was taken over last, of others from the start. */
static int32_t compare(const struct qnk_config_part *start, const struct qnk_config_part *before,
                       const struct qnk_config_part *after, struct qn_sink *text)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < start->schema->count; i++) {
        const struct qnk_config_key *key = start->values[i].key;
        bool is_live = (key->flags & QNK_CONFIG_LIVE) != 0;

        if (!is_same(is_live ? &before->values[i] : &start->values[i], &after->values[i])) {
            status = say(text, is_live ? "changed: " : "needs a restart: ", key->name);
        }
    }
    return status;
}

/* Another network file is not taken over by a restart either: the data folder is of this one. */
static int32_t network_compare(const struct qnk_config *start, const struct qnk_config *after,
                               struct qn_sink *text)
{
    const struct qnk_config_part *part = &start->network_file.part;

    return is_equal(start->network.canonical, after->network.canonical)
               ? compare(part, part, &after->network_file.part, text)
               : say(text, "is of another network now, whose nodes want a folder of their own: ",
                     after->node.network);
}

/* First, so that the plugins of the node file are held against what vouches for them now. */
static int32_t vouchers_read(struct qnk_host *host, struct qn_sink *text)
{
    char why[QNK_HOST_WHY] = "";

    if (qnk_kit_vouchers_read(&host->setup, why) == QN_OK) {
        return QN_OK;
    }

    int32_t said = say(text, why, "");

    return said == QN_OK ? QN_INVALID : said;
}

static void config_destroy(struct qnk_host *host, struct qnk_config *config)
{
    if (config != NULL) {
        qnk_config_done(config);
        qnk_memory_give(&host->reload_budget, config, sizeof *config);
    }
}

void qnk_live_reload_done(struct qnk_host *host)
{
    config_destroy(host, host->reloaded);
    host->reloaded = NULL;
}

/* The files as they are now. */
static int32_t config_open(struct qnk_host *host, struct qn_sink *text, struct qnk_config **out)
{
    const struct qnk_config_options options = {
        .budget = &host->reload_budget,
        .plugins = qnk_loader_config(host->setup.loader),
        .asks_files = true,
    };
    struct qnk_config *config = qnk_memory_take(&host->reload_budget, sizeof *config);
    int32_t status = config == NULL ? QN_NO_SPACE : qnk_config_init(config, &options);

    if (status == QN_OK) {
        status = qnk_config_open_node(config, host->setup.config_path);
    } else if (config != NULL) {
        qnk_memory_give(&host->reload_budget, config, sizeof *config);
        config = NULL;
    }
    if (status == QN_INVALID) {
        int32_t printed = qnk_report_print(&config->report, text);

        (void)printed; /* as much as fits */
    }
    if (status != QN_OK) {
        config_destroy(host, config);
    }
    *out = config;
    return status;
}

static int32_t take_over(struct qnk_host *host, struct qnk_config *after, struct qn_sink *text)
{
    const struct qnk_config *start = host->setup.config;
    const struct qnk_config *before = host->reloaded == NULL ? start : host->reloaded;
    int32_t status =
        compare(&start->node_file.part, &before->node_file.part, &after->node_file.part, text);

    if (status == QN_OK) {
        status = network_compare(start, after, text);
    }
    qnk_live_levels(host, &after->node);
    peers_change(host, &before->node, &after->node);
    config_destroy(host, host->reloaded);
    host->reloaded = after;
    return status;
}

int32_t qnk_host_reload(struct qnk_host *host, struct qn_sink *text)
{
    struct qnk_config *config = NULL;
    int32_t status;

    if (host->phase != QNK_HOST_RUNNING) {
        status = say(text, "the node ", host->phase == QNK_HOST_STARTING ? "starts" : "stops");
        return status == QN_OK ? QN_AGAIN : status;
    }
    host->reload_budget.limit = 2 * (QNK_CONFIG_MEMORY + sizeof *config);
    status = vouchers_read(host, text);
    if (status == QN_OK) {
        status = config_open(host, text, &config);
        if (status == QN_NO_SPACE) {
            (void)!say(text, "there is no memory for the files", "");
        }
    }
    return status == QN_OK ? take_over(host, config, text) : status;
}
