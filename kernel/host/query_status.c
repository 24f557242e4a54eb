/* SPDX-License-Identifier: MIT */

/* query_status.c: how the node, its plugins, its mempool and its peers do. */

#include <string.h>

#include "kernel/host/kit.h"
#include "kernel/host/peers.h"
#include "kernel/host/query_part.h"
#include "kernel/plugin/plugin.h"

enum { PEERS_SHOWN = 512, METRICS_MAX = 1 << 20 };

static const char *type_name(uint32_t type)
{
    return type == QNK_NODE_LIGHT ? "light" : type == QNK_NODE_FULL ? "full" : "super";
}

static const char *phase_name(const struct qnk_host_view *host, const struct qnk_node_view *node)
{
    static const char *const names[] = {"starting", "syncing", "running", "paused"};

    if (host->phase == QNK_HOST_STOPPING) {
        return "stopping";
    }
    if (node != NULL && node->is_held) {
        return "held";
    }
    return node == NULL ? "starting" : names[node->phase];
}

static const char *vote_phase_name(uint32_t phase)
{
    static const char *const names[] = {"idle", "commit", "reveal", "seal", "propose"};

    return phase < sizeof names / sizeof *names ? names[phase] : "other";
}

static uint64_t age_ms(uint64_t now_us, uint64_t then_us)
{
    return then_us == 0 || then_us > now_us ? 0 : (now_us - then_us) / 1000;
}

static json_t *head_json(const struct qnk_host_view *host, const struct qnk_node_view *node)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "height",
                     qnk_json_u64(node->head_height), "id", qnk_json_hash(&node->head), "time_ms",
                     qnk_json_u64(node->head_time_ms), "age_ms",
                     qnk_json_u64(age_ms(host->now_us, node->head_time_ms * 1000)), "here_ms",
                     qnk_json_u64(age_ms(host->now_us, host->head_us)), "interval_ms",
                     qnk_json_u64(node->interval_ms), "txs", qnk_json_u64(node->tx_head));
}

static json_t *final_json(const struct qnk_host_view *host, const struct qnk_node_view *node)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "window",
                     qnk_json_u64(node->final_window), "height", qnk_json_u64(node->final_height),
                     "digest", qnk_json_hash(&node->final), "state", qnk_json_hash(&node->state),
                     "age_ms", qnk_json_u64(age_ms(host->now_us, node->final_time_us)), "signers",
                     qnk_json_u64(node->signers), "txs", qnk_json_u64(node->tx_total));
}

static json_t *vote_json(const struct qnk_node_view *node)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s}", "window",
                     qnk_json_u64(node->final_window + 1), "round", qnk_json_u64(node->round),
                     "phase", vote_phase_name(node->vote_phase), "have", qnk_json_u64(node->have),
                     "need", qnk_json_u64(node->need), "members", qnk_json_u64(node->members),
                     "quorum", qnk_json_u64(node->quorum), "total", qnk_json_u64(node->total),
                     "member",
                     node->member == QNK_SET_NOBODY ? json_null() : qnk_json_u64(node->member),
                     "signing", node->is_signing, "not_signing", node->not_signing);
}

static json_t *mempool_json(const struct qnk_host_view *host, const struct qnk_node_view *node)
{
    const struct qnk_mempool_stats *it = &node->mempool;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "txs", qnk_json_u64(it->txs), "senders",
                     qnk_json_u64(it->senders), "bytes", qnk_json_u64(it->bytes), "evicted",
                     qnk_json_u64(it->evicted), "expired", qnk_json_u64(it->expired), "replaced",
                     qnk_json_u64(it->replaced), "oldest_ms",
                     qnk_json_u64(age_ms(host->now_us, it->oldest_us)));
}

/* Why the node cannot be relied on now: names of criteria. */
static json_t *bad_criteria(const struct qnk_host_view *host, const struct qnk_node_view *node)
{
    json_t *bad = json_array();

    if (node == NULL || host->phase != QNK_HOST_RUNNING) {
        json_array_append_new(bad, json_string("starting"));
        return bad;
    }
    if (node->phase == QNK_PHASE_SYNCING) {
        json_array_append_new(bad, json_string("behind"));
    }
    if (node->lag >= 2) {
        json_array_append_new(bad, json_string("final_lag"));
    }
    if (node->peers == 0 && node->members > 1) {
        json_array_append_new(bad, json_string("peers"));
    }
    if (host->has_validator && !node->is_signing) {
        json_array_append_new(bad, json_string("signing"));
    }
    if (node->is_held) {
        json_array_append_new(bad, json_string("swap"));
    }
    if (host->clock != NULL && *host->clock != 0) {
        json_array_append_new(bad, json_string("clock"));
    }
    return bad;
}

/* Plugins in use that nobody vouches for. */
static json_t *taints_json(struct qnk_host *host)
{
    json_t *taints = json_array();

    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        const struct qnk_plugin *plugin = qnk_host_plugin(host, kind);

        if (plugin != NULL && *plugin->taint != 0) {
            json_array_append_new(taints, json_sprintf("%s/%s: %s", qnk_kit_name(kind),
                                                       plugin->manifest.name, plugin->taint));
        }
    }
    return taints;
}

void qnk_ask_status(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qnk_node *at = qnk_host_node(question->host);
    struct qnk_host_view host;
    struct qnk_node_view view;
    const struct qnk_node_view *node = at == NULL ? NULL : &view;

    if (!qnk_param_none(question, known)) {
        return;
    }
    qnk_host_look(question->host, &host);

    json_t *bad = bad_criteria(&host, NULL);

    if (at != NULL) {
        qnk_node_look(at, &view);
        json_decref(bad);
        bad = bad_criteria(&host, node);
    }

    json_t *answer =
        json_pack("{s:s, s:s, s:b, s:O, s:s, s:s?, s:s, s:o, s:o, s:o, s:o}", "name", host.name,
                  "type", type_name(host.type), "ready", json_array_size(bad) == 0, "bad", bad,
                  "phase", phase_name(&host, node), "doing", host.doing, "network", host.network,
                  "chain_id", qnk_json_hash(&host.chain_id), "uptime_ms",
                  qnk_json_u64(age_ms(host.now_us, host.start_us)), "memory_used",
                  qnk_json_u64(host.memory_used), "memory_limit", qnk_json_u64(host.memory_limit));

    json_decref(bad);
    json_object_set_new(answer, "tainted", taints_json(question->host));
    if (node != NULL) {
        uint64_t lag_blocks = node->head_height - node->final_height;

        json_object_set_new(answer, "head", head_json(&host, node));
        json_object_set_new(answer, "final", final_json(&host, node));
        json_object_set_new(answer, "lag",
                            json_pack("{s:o, s:o}", "blocks", qnk_json_u64(lag_blocks), "windows",
                                      qnk_json_u64(node->lag)));
        json_object_set_new(answer, "vote", vote_json(node));
        json_object_set_new(answer, "mempool", mempool_json(&host, node));
        json_object_set_new(answer, "peers", qnk_json_u64(node->peers));
        json_object_set_new(answer, "sync_target", qnk_json_u64(node->sync_target));
    }
    question->answered(question, answer);
}

void qnk_ask_node(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    const struct qnk_config *config = qnk_host_config(question->host);
    const struct qnk_network *network = &config->network;
    struct qnk_host_view host;

    if (!qnk_param_none(question, known)) {
        return;
    }
    qnk_host_look(question->host, &host);
    question->answered(
        question,
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}",
                  "name", host.name, "type", type_name(host.type), "network", host.network,
                  "chain_id", qnk_json_hash(&host.chain_id), "node_key",
                  qnk_json_key("qnp", &host.node_key), "validator_key",
                  host.has_validator ? qnk_json_key("qnv", &host.validator_key) : json_null(),
                  "data", host.data, "runtime", host.runtime, "config", host.config, "workers",
                  qnk_json_u64(host.workers), "window", qnk_json_u64(network->window), "block_txs",
                  qnk_json_u64(network->block_txs), "fee_min", qnk_json_amount(network->fee_min),
                  "account_min", qnk_json_amount(network->account_min), "signature_rule",
                  network->signature_rule));
}

void qnk_ask_version(struct qnk_question *question)
{
    question->answered(
        question, json_pack("{s:s, s:s}", "version", PACKAGE_VERSION, "compiler", __VERSION__));
}

static json_t *plugin_json(enum qnk_host_kind kind, const struct qnk_plugin *plugin)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:s}", "kind", qnk_kit_name(kind),
                     "name", plugin->manifest.name, "version", plugin->manifest.version_text,
                     "summary", plugin->manifest.summary, "path", plugin->path, "code",
                     qnk_json_hash(&plugin->hash), "locked", plugin->is_locked, "signer",
                     plugin->signer, "taint", plugin->taint);
}

void qnk_ask_plugins(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    json_t *list = json_array();

    if (!qnk_param_none(question, known)) {
        json_decref(list);
        return;
    }
    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        const struct qnk_plugin *plugin = qnk_host_plugin(question->host, kind);

        if (plugin != NULL) {
            json_array_append_new(list, plugin_json(kind, plugin));
        }
    }
    question->answered(question, json_pack("{s:o}", "plugins", list));
}

void qnk_ask_mempool(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    static const char *const reasons[QNK_TX_CODES] = {
        "ok",      "early", "stale", "poor",      "wrong",      "bad_signature",
        "expired", "known", "full",  "malformed", "underpriced"};
    struct qnk_node *node;
    struct qnk_host_view host;
    struct qnk_node_view view;

    if (!qnk_param_none(question, known) || (node = qnk_query_node(question)) == NULL) {
        return;
    }
    qnk_host_look(question->host, &host);
    qnk_node_look(node, &view);

    const struct qnk_node_counters *counters = qnk_node_counters(node);
    json_t *answer = mempool_json(&host, &view);
    json_t *refused = json_object();

    for (uint32_t i = 1; i < QNK_TX_CODES; i++) {
        json_object_set_new(refused, reasons[i], qnk_json_u64(counters->txs_refused[i]));
    }
    json_object_set_new(answer, "received", qnk_json_u64(counters->txs_received));
    json_object_set_new(answer, "accepted", qnk_json_u64(counters->txs_accepted));
    json_object_set_new(answer, "included", qnk_json_u64(counters->txs_included));
    json_object_set_new(answer, "final", qnk_json_u64(counters->txs_final));
    json_object_set_new(answer, "refused", refused);
    question->answered(question, answer);
}

static json_t *peer_json(const struct qnk_peer_view *peer, struct qnk_node *node)
{
    static const char *const states[] = {"away", "dialled", "proving", "up", "banned"};
    struct qnk_status status;
    uint32_t member;
    json_t *answer = json_pack(
        "{s:o, s:s, s:s, s:s?, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
        "key", qnk_json_key("qnp", &peer->key), "address", peer->address, "state",
        states[peer->state], "type", peer->node_type == 0 ? NULL : type_name(peer->node_type),
        "known", peer->is_known, "outgoing", peer->is_outgoing, "packing", peer->is_packing,
        "score", qnk_json_u64(peer->score), "since_ms", qnk_json_u64(peer->since_us / 1000),
        "banned_until_ms", qnk_json_u64(peer->banned_until_us / 1000), "rtt_us",
        qnk_json_u64(peer->rtt_us), "bytes_in", qnk_json_u64(peer->bytes_in), "bytes_out",
        qnk_json_u64(peer->bytes_out), "frames_in", qnk_json_u64(peer->frames_in), "frames_out",
        qnk_json_u64(peer->frames_out), "refused", qnk_json_u64(peer->refused), "reason",
        peer->reason);
    json_t *queued = json_array();
    json_t *dropped = json_array();

    for (uint32_t lane = 0; lane < QNK_LANES; lane++) {
        json_array_append_new(queued, qnk_json_u64(peer->queued[lane]));
        json_array_append_new(dropped, qnk_json_u64(peer->dropped[lane]));
    }
    json_object_set_new(answer, "queued", queued);
    json_object_set_new(answer, "dropped", dropped);
    if (peer->peer != 0 && qnk_node_peer(node, peer->peer, &status, &member)) {
        json_object_set_new(answer, "head", qnk_json_u64(status.head_height));
        json_object_set_new(answer, "final", qnk_json_u64(status.final_window));
        json_object_set_new(answer, "member",
                            member == QNK_SET_NOBODY ? json_null() : qnk_json_u64(member));
    }
    return answer;
}

void qnk_ask_peers(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qnk_budget *budget = qnk_host_budget(question->host);
    struct qnk_node *node;
    struct qnk_peer_view *views;

    if (!qnk_param_none(question, known) || (node = qnk_query_node(question)) == NULL) {
        return;
    }
    views = qnk_memory_take(budget, PEERS_SHOWN * sizeof *views);
    if (views == NULL) {
        qnk_refuse(question, QNK_QUERY_NOT_READY, NULL, "the node has no memory for this now");
        return;
    }

    uint32_t count = qnk_peers_list(qnk_host_peers(question->host), views, PEERS_SHOWN);
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, peer_json(&views[i], node));
    }
    qnk_memory_give(budget, views, PEERS_SHOWN * sizeof *views);
    question->answered(question, json_pack("{s:o}", "peers", list));
}

void qnk_ask_metrics(struct qnk_question *question)
{
    static const char *const known[] = {NULL};
    struct qn_sink text;
    json_t *list = NULL;

    if (!qnk_param_none(question, known) || qnk_query_node(question) == NULL) {
        return;
    }
    qnk_sink_init(&text, qnk_host_budget(question->host), METRICS_MAX);
    if (qnk_metrics_json(qnk_host_metrics(question->host), &text) == QN_OK) {
        list = json_loadb((const char *)text.data, text.size, 0, NULL);
    }
    qnk_sink_done(&text);
    if (list == NULL) {
        qnk_refuse(question, QNK_QUERY_FAILED, NULL, "the metrics do not fit an answer");
    } else {
        question->answered(question, json_pack("{s:o}", "metrics", list));
    }
}
