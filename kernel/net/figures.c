/* SPDX-License-Identifier: MIT */

#include "kernel/net/figures.h"

#include <stdio.h>
#include <string.h>

#include "kernel/net/action.h"

enum { VIRTUAL = 1 << QNK_PROVIDER_VIRTUAL, PROCESS = 1 << QNK_PROVIDER_PROCESS };

const struct qnk_figure_row qnk_gauges[QNK_GAUGES] = {
    [QNK_GAUGE_READY] = {"node_ready", "", "1: it is on, running and not behind", 0},
    [QNK_GAUGE_HEAD] = {"microblock_height", "blocks", "height of the best block", 0},
    [QNK_GAUGE_FINAL_WINDOW] = {"macroblock_height", "windows", "the last final window", 0},
    [QNK_GAUGE_FINAL_HEIGHT] = {"final_height", "blocks", "height of the last final block", 0},
    [QNK_GAUGE_LAG_BLOCKS] = {"finality_lag_blocks", "blocks", "blocks above it", 0},
    [QNK_GAUGE_ROUND] = {"consensus_round", "", "of the open window", 0},
    [QNK_GAUGE_MEMPOOL] = {"mempool_txs", "tx", "transactions that wait", 0},
    [QNK_GAUGE_PEERS] = {"peers", "", "connected ones", 0},
    [QNK_GAUGE_BEHIND] = {"sync_behind_blocks", "blocks", "of final windows that peers have", 0},
    [QNK_GAUGE_HELD] = {"node_held", "", "1: it holds, as it lacks what the network runs on", 0},
};

const struct qnk_figure_row qnk_swap_figures[QNK_SWAP_FIGURES] = {
    [QNK_SWAP_FINALITY_GAP] = {"finality_gap_seconds", "s", "longest time without finality", 0},
    [QNK_SWAP_MICRO_GAP] = {"microblock_gap_seconds", "s", "longest time without a block", 0},
    [QNK_SWAP_PAUSE] = {"microblock_gap_intervals", "", "that in intervals of the chain", 0},
    [QNK_SWAP_ROUNDS] = {"rounds_lost", "", "of a window beyond its first, at most", 0},
    [QNK_SWAP_DELAYED] = {"txs_delayed", "tx", "offered meanwhile, final after two windows' time",
                          0},
    [QNK_SWAP_LOST] = {"txs_lost", "tx", "accepted meanwhile and never final", 0},
    [QNK_SWAP_DOUBLED] = {"txs_doubled", "tx", "accepted meanwhile and final twice", 0},
    [QNK_SWAP_DONE] = {"done", "", "1: the new one came into use", 0},
};

const struct qnk_figure_row qnk_measures[QNK_MEASURES] = {
    [QNK_MEASURE_FINAL_TPS] = {"final_tps", "tx/s", "transfers in final blocks a second", 0},
    [QNK_MEASURE_INTERVAL_P50] = {"interval_p50", "s", "between blocks", 0},
    [QNK_MEASURE_INTERVAL_P99] = {"interval_p99", "s", "between blocks", 0},
    [QNK_MEASURE_FINALITY_P50] = {"finality_p50", "s", "from submit to final", 0},
    [QNK_MEASURE_FINALITY_P99] = {"finality_p99", "s", "from submit to final", 0},
    [QNK_MEASURE_WINDOW_P50] = {"window_p50", "s", "from a window's last block to final", 0},
    [QNK_MEASURE_WINDOW_P99] = {"window_p99", "s", "from a window's last block to final", 0},
    [QNK_MEASURE_FINALITY_GAP_MAX] = {"finality_gap_max", "s", "longest without finality", 0},
    [QNK_MEASURE_MICRO_GAP_MAX] = {"microblock_gap_max", "s", "longest without a block", 0},
    [QNK_MEASURE_VOTES_PER_MACRO] = {"votes_per_macro", "", "own votes signed, of all members", 0},
    [QNK_MEASURE_VOTE_BYTES_PER_MACRO] = {"vote_bytes_per_macro", "bytes",
                                          "sent on the consensus lane, by all nodes", 0},
    [QNK_MEASURE_MESSAGES_PER_MACRO] = {"messages_per_macro", "", "frames sent by all nodes", 0},
    [QNK_MEASURE_BYTES_PER_MACRO] = {"bytes_per_macro", "bytes", "sent by all nodes", 0},
    [QNK_MEASURE_CPU_PER_TX] = {"cpu_per_tx", "ms",
                                "of all nodes, for each final transaction; virtual: jobs, as "
                                "modelled",
                                0},
    [QNK_MEASURE_CPU_PER_MACRO] = {"cpu_per_macro", "ms",
                                   "of all nodes; virtual: jobs, as modelled", 0},
    [QNK_MEASURE_RSS_MAX] = {"rss_max", "bytes", "memory of a node, at most", PROCESS},
    [QNK_MEASURE_DISK_MAX] = {"disk_max", "bytes", "stored by a node at the end, at most", PROCESS},
    [QNK_MEASURE_EVIDENCE] = {"evidence", "", "pieces of it in final blocks", VIRTUAL},
};

struct qnk_figure_scale qnk_figure_scale(const struct qnk_figure_row *row, double greatest)
{
    static const struct {
        const char *unit;
        double from;
        struct qnk_figure_scale scale;
    } scales[] = {
        {"bytes", 1073741824, {1.0 / 1073741824, "GiB"}},
        {"bytes", 1048576, {1.0 / 1048576, "MiB"}},
        {"bytes", 1024, {1.0 / 1024, "KiB"}},
        {"s", 1, {1, "s"}},
        {"s", 1e-300, {1000, "ms"}},
        {"ms", 1000, {0.001, "s"}},
    };

    for (uint32_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        if (strcmp(scales[i].unit, row->unit) == 0 && greatest >= scales[i].from) {
            return scales[i].scale;
        }
    }
    return (struct qnk_figure_scale){1, row->unit};
}

void qnk_figure_text(const struct qnk_figure_row *row, double value, char text[QNK_FIGURE_TEXT])
{
    struct qnk_figure_scale scale = qnk_figure_scale(row, value);

    snprintf(text, QNK_FIGURE_TEXT, "%.4g%s%s", value * scale.factor, *scale.unit == 0 ? "" : " ",
             scale.unit);
}

uint32_t qnk_figure_find(const struct qnk_figure_row *rows, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

bool qnk_figure_can(const struct qnk_figure_row *row, uint32_t provider)
{
    return row->providers == 0 || (row->providers >> provider & 1) != 0;
}
