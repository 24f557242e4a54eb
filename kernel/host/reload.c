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

        if (qnk_peers_add(host->peers, &peer->key, peer->address) != QN_OK) {
            qnk_log(&host->log, QNK_LOG_WARN, "peer-refused", "a peer of the node file is refused");
        }
    }
}

static bool is_equal(struct qn_span a, struct qn_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Says what differs, and counts what a restart would take over. */
static int32_t compare(const struct qnk_config_part *before, const struct qnk_config_part *after,
                       struct qn_sink *text)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < before->schema->count; i++) {
        const struct qnk_config_key *key = before->values[i].key;

        if (is_equal(before->values[i].record, after->values[i].record)) {
            continue;
        }
        status =
            say(text,
                (key->flags & QNK_CONFIG_LIVE) != 0 ? "changed: " : "needs a restart: ", key->name);
    }
    return status;
}

/* First, so that the plugins of the node file are held against what vouches for them now. */
static int32_t vouchers_read(struct qnk_host *host, struct qn_sink *text)
{
    char why[QNK_HOST_WHY] = "";

    if (host->phase != QNK_HOST_RUNNING || qnk_kit_vouchers_read(&host->setup, why) == QN_OK) {
        return QN_OK;
    }

    int32_t said = say(text, why, "");

    return said == QN_OK ? QN_INVALID : said;
}

int32_t qnk_host_reload(struct qnk_host *host, struct qn_sink *text)
{
    struct qnk_budget budget = {.limit = QNK_CONFIG_MEMORY + sizeof(struct qnk_config)};
    struct qnk_config *config = qnk_memory_take(&budget, sizeof *config);
    const struct qnk_config *before = host->setup.config;
    const struct qnk_config_options options = {
        .budget = &budget,
        .plugins = qnk_loader_config(host->setup.loader),
        .asks_files = true,
    };
    int32_t status = QN_NO_SPACE;

    if (config == NULL) {
        return status;
    }
    status = vouchers_read(host, text);
    if (status == QN_OK) {
        status = qnk_config_init(config, &options);
    }
    if (status == QN_OK) {
        status = qnk_config_open_node(config, host->setup.config_path);
        if (status == QN_INVALID) {
            int32_t printed = qnk_report_print(&config->report, text);

            (void)printed; /* as much as fits */
        } else if (status == QN_OK && host->phase == QNK_HOST_RUNNING) {
            status = compare(&before->node_file.part, &config->node_file.part, text);
            qnk_live_levels(host, &config->node);
            peers_change(host, &before->node, &config->node);
        }
        qnk_config_done(config);
    }
    qnk_memory_give(&budget, config, sizeof *config);
    return status;
}
