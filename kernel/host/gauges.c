/* SPDX-License-Identifier: MIT */

/* gauges.c: what the node counts, under the names that dashboards and alerts use. Counters of the
 * core and of the peers are taken over when somebody looks; what the disk takes is observed. */

#include <qnet/assert.h>

#include "kernel/host/live.h"

enum { CELLS_MAX = 4096 };

enum gauge {
    HEAD_HEIGHT,
    HEAD_TIME,
    INTERVAL,
    FINAL_WINDOW,
    FINAL_HEIGHT,
    FINAL_TIME,
    LAG_BLOCKS,
    WINDOW_BLOCKS,
    ROUND,
    VOTED,
    QUORUM,
    TOTAL,
    MEMPOOL_TXS,
    MEMPOOL_BYTES,
    PEERS,
    BEHIND,
    BLOCKS_MADE,
    BLOCKS_ACCEPTED,
    BLOCKS_REJECTED,
    REORGS,
    BODIES_ROTTEN,
    BODIES_MENDED,
    TXS_RECEIVED,
    TXS_REJECTED,
    TXS_INCLUDED,
    TXS_FINAL,
    WINDOWS,
    ROUNDS,
    VOTES_INVALID,
    DOUBLES,
    SIGN_REFUSED,
    OWN_VOTES,
    NET_BYTES,
    NET_MESSAGES,
    NET_PLAIN,
    NET_DROPPED,
    SERVES_DROPPED,
    MEMORY,
    DISK_FREE,
    TAINTED,
    COMMIT,
    GAUGES,
};

struct qnk_gauges {
    uint32_t ids[GAUGES];
    int64_t counted[GAUGES][QNK_TX_CODES]; /* what counters already have, by series */
};

static const char *const codes[QNK_TX_CODES] = {
    "ok",      "early", "stale", "poor",      "wrong",       "signature",
    "expired", "known", "full",  "malformed", "underpriced",
};
static const char *const directions[] = {"in", "out"};
static const char *const lanes[QNK_LANES] = {"consensus", "blocks", "txs", "sync"};
static const char *const writes[QNK_DISK_KINDS] = {"block", "window", "guard"};

#define GAUGE(name_, help_)                                        \
    {                                                              \
        .name = (name_), .help = (help_), .type = QNK_METRIC_GAUGE \
    }
#define COUNTER(name_, help_)                                        \
    {                                                                \
        .name = (name_), .help = (help_), .type = QNK_METRIC_COUNTER \
    }
#define LABELLED(name_, help_, label_, values_)                                          \
    {                                                                                    \
        .name = (name_), .help = (help_), .type = QNK_METRIC_COUNTER, .labels_count = 1, \
        .labels = {                                                                      \
            {(label_), (values_), (uint32_t)(sizeof(values_) / sizeof *(values_))}       \
        }                                                                                \
    }

static const struct qnk_metric metrics[GAUGES] = {
    [HEAD_HEIGHT] = GAUGE("qnet_microblock_height", "Height of the best block."),
    [HEAD_TIME] = {.name = "qnet_microblock_accepted_timestamp_seconds",
                   .help = "Time of the best block.",
                   .type = QNK_METRIC_GAUGE,
                   .places = 3},
    [INTERVAL] = {.name = "qnet_microblock_target_interval_seconds",
                  .help = "Interval that follows on the best block.",
                  .type = QNK_METRIC_GAUGE,
                  .places = 3},
    [FINAL_WINDOW] = GAUGE("qnet_macroblock_height", "The last final window."),
    [FINAL_HEIGHT] = GAUGE("qnet_final_height", "Height of the last final block."),
    [FINAL_TIME] = {.name = "qnet_macroblock_final_timestamp_seconds",
                    .help = "When the last window became final here.",
                    .type = QNK_METRIC_GAUGE,
                    .places = 6},
    [LAG_BLOCKS] = GAUGE("qnet_finality_lag_blocks", "Blocks between the best and the final one."),
    [WINDOW_BLOCKS] = GAUGE("qnet_window_blocks", "Blocks of a window."),
    [ROUND] = GAUGE("qnet_consensus_round", "Round of the open window."),
    [VOTED] = GAUGE("qnet_voted_weight", "Weight that voted in the open window."),
    [QUORUM] = GAUGE("qnet_quorum_weight", "Weight that makes a window final."),
    [TOTAL] = GAUGE("qnet_total_weight", "Weight of all members."),
    [MEMPOOL_TXS] = GAUGE("qnet_mempool_txs", "Transactions that wait."),
    [MEMPOOL_BYTES] = GAUGE("qnet_mempool_bytes", "Bytes of them."),
    [PEERS] = GAUGE("qnet_peers", "Connected peers."),
    [BEHIND] = GAUGE("qnet_sync_behind_blocks", "Blocks of final windows that peers have more."),
    [BLOCKS_MADE] = COUNTER("qnet_own_blocks_total", "Blocks made here."),
    [BLOCKS_ACCEPTED] = COUNTER("qnet_blocks_accepted_total", "Blocks accepted."),
    [BLOCKS_REJECTED] = COUNTER("qnet_blocks_rejected_total", "Blocks refused."),
    [REORGS] = COUNTER("qnet_reorgs_total", "Changes of the best chain that undid blocks."),
    [BODIES_ROTTEN] = COUNTER("qnet_bodies_rotten_total", "Stored bodies that were damaged."),
    [BODIES_MENDED] = COUNTER("qnet_bodies_mended_total", "Of these, fetched and stored again."),
    [TXS_RECEIVED] = COUNTER("qnet_txs_received_total", "Transactions received."),
    [TXS_REJECTED] = LABELLED("qnet_txs_rejected_total", "Transactions refused.", "reason", codes),
    [TXS_INCLUDED] = COUNTER("qnet_txs_included_total", "Transactions in blocks of the chain."),
    [TXS_FINAL] = COUNTER("qnet_txs_finalized_total", "Transactions that became final."),
    [WINDOWS] = COUNTER("qnet_macroblocks_finalized_total", "Windows that became final."),
    [ROUNDS] = COUNTER("qnet_consensus_rounds_total", "Rounds that began."),
    [VOTES_INVALID] = COUNTER("qnet_votes_invalid_total", "Votes refused."),
    [DOUBLES] = COUNTER("qnet_equivocations_total", "Members that contradicted themselves."),
    [SIGN_REFUSED] = COUNTER("qnet_sign_refused_total", "What the sign guard did not let pass."),
    [OWN_VOTES] = COUNTER("qnet_own_votes_total", "Votes that were signed here."),
    [NET_BYTES] = LABELLED("qnet_net_bytes_total", "Sealed bytes.", "direction", directions),
    [NET_MESSAGES] = LABELLED("qnet_net_messages_total", "Frames sent.", "topic", lanes),
    [NET_PLAIN] = LABELLED("qnet_net_message_bytes_total",
                           "Bytes of frames sent, before packing and sealing.", "topic", lanes),
    [NET_DROPPED] = LABELLED("qnet_net_dropped_total", "Frames that did not fit.", "topic", lanes),
    [SERVES_DROPPED] = COUNTER("qnet_serves_dropped_total", "Requests of peers that were dropped."),
    [MEMORY] = GAUGE("qnet_memory_bytes", "Memory of core and host, without plugins."),
    [DISK_FREE] = GAUGE("qnet_disk_free_bytes", "Room on the disk of the data folder."),
    [TAINTED] = GAUGE("qnet_tainted_plugins", "Plugins in use that nobody vouches for."),
    [COMMIT] = {.name = "qnet_storage_commit_seconds",
                .help = "What durable writes took.",
                .type = QNK_METRIC_HISTOGRAM,
                .places = 6,
                .labels_count = 1,
                .labels = {{"write", writes, QNK_DISK_KINDS}},
                .buckets = &qnk_metric_fast},
};

int32_t qnk_gauges_create(struct qnk_host *host)
{
    int32_t status = QN_OK;

    host->gauges = qnk_memory_take(&host->budget, sizeof *host->gauges);
    host->metrics = qnk_metrics_create(&host->budget, CELLS_MAX);
    if (host->gauges == NULL || host->metrics == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; status == QN_OK && i < GAUGES; i++) {
        status = qnk_metrics_add(host->metrics, &metrics[i], &host->gauges->ids[i]);
    }
    return status;
}

void qnk_gauges_destroy(struct qnk_host *host)
{
    qnk_metrics_destroy(host->metrics);
    qnk_memory_give(&host->budget, host->gauges, sizeof *host->gauges);
    host->metrics = NULL;
    host->gauges = NULL;
}

void qnk_gauges_waited(void *ctx, enum qnk_disk_kind kind, uint64_t us)
{
    struct qnk_host *host = ctx;

    qnk_metrics_observe(host->metrics, host->gauges->ids[COMMIT], kind, us);
}

static void set(struct qnk_host *host, enum gauge gauge, uint64_t value)
{
    qnk_metrics_set(host->metrics, host->gauges->ids[gauge], 0, (int64_t)value);
}

/* Brings a counter up to what was counted elsewhere. */
static void count(struct qnk_host *host, enum gauge gauge, uint32_t series, uint64_t value)
{
    int64_t *counted = &host->gauges->counted[gauge][series];

    if ((int64_t)value > *counted) {
        qnk_metrics_count(host->metrics, host->gauges->ids[gauge], series,
                          value - (uint64_t)*counted);
        *counted = (int64_t)value;
    }
}

static void update_core(struct qnk_host *host, const struct qnk_node_view *view)
{
    uint64_t window = host->params.window;

    set(host, HEAD_HEIGHT, view->head_height);
    set(host, HEAD_TIME, view->head_time_ms);
    set(host, INTERVAL, view->interval_ms);
    set(host, FINAL_WINDOW, view->final_window);
    set(host, FINAL_HEIGHT, view->final_height);
    set(host, FINAL_TIME, view->final_time_us);
    set(host, LAG_BLOCKS, view->head_height - view->final_height);
    set(host, WINDOW_BLOCKS, window);
    set(host, ROUND, view->round);
    set(host, VOTED, view->have);
    set(host, QUORUM, view->quorum);
    set(host, TOTAL, view->total);
    set(host, MEMPOOL_TXS, view->mempool.txs);
    set(host, MEMPOOL_BYTES, view->mempool.bytes);
    set(host, PEERS, view->peers);
    set(host, BEHIND,
        view->sync_target > view->final_window ? (view->sync_target - view->final_window) * window
                                               : 0);
    set(host, MEMORY, host->budget.used + qnk_node_budget(host->node)->used);
}

static void count_core(struct qnk_host *host, const struct qnk_node_counters *counters)
{
    uint64_t refused = 0;

    count(host, BLOCKS_MADE, 0, counters->blocks_made);
    count(host, BLOCKS_ACCEPTED, 0, counters->blocks_accepted);
    count(host, BLOCKS_REJECTED, 0, counters->blocks_refused);
    count(host, REORGS, 0, counters->reorgs);
    count(host, BODIES_ROTTEN, 0, counters->bodies_rotten);
    count(host, BODIES_MENDED, 0, counters->bodies_mended);
    count(host, TXS_RECEIVED, 0, counters->txs_received);
    for (uint32_t i = 0; i < QNK_TX_CODES; i++) {
        count(host, TXS_REJECTED, i, counters->txs_refused[i]);
    }
    count(host, TXS_INCLUDED, 0, counters->txs_included);
    count(host, TXS_FINAL, 0, counters->txs_final);
    count(host, WINDOWS, 0, counters->windows);
    count(host, ROUNDS, 0, counters->rounds);
    count(host, VOTES_INVALID, 0, counters->votes_invalid);
    count(host, DOUBLES, 0, counters->doubles_seen);
    for (uint32_t i = 0; i < sizeof counters->sign_refused / sizeof *counters->sign_refused; i++) {
        refused += counters->sign_refused[i];
    }
    count(host, SIGN_REFUSED, 0, refused);
}

static uint64_t tainted_count(struct qnk_host *host)
{
    uint64_t sum = 0;

    for (uint32_t kind = 0; kind < QNK_HOST_KINDS; kind++) {
        const struct qnk_plugin *plugin = qnk_host_plugin(host, kind);

        sum += plugin != NULL && *plugin->taint != 0;
    }
    return sum;
}

void qnk_gauges_update(struct qnk_host *host)
{
    struct qnk_node_view view;

    set(host, DISK_FREE, host->disk_free);
    set(host, TAINTED, tainted_count(host));
    if (host->node != NULL) {
        qnk_node_look(host->node, &view);
        update_core(host, &view);
        count_core(host, qnk_node_counters(host->node));
        count(host, SERVES_DROPPED, 0, qnk_disk_dropped(host->disk));
        count(host, OWN_VOTES, 0, host->votes_signed);
    }
    if (host->peers != NULL) {
        const struct qnk_peers_counters *net = qnk_peers_counters(host->peers);

        count(host, NET_BYTES, 0, net->bytes_in);
        count(host, NET_BYTES, 1, net->bytes_out);
        for (uint32_t i = 0; i < QNK_LANES; i++) {
            count(host, NET_MESSAGES, i, net->frames_out[i]);
            count(host, NET_PLAIN, i, net->plain_out[i]);
            count(host, NET_DROPPED, i, net->dropped[i]);
        }
    }
}
