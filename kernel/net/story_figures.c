/* SPDX-License-Identifier: MIT */

/* story_figures.c: numbers out of a story. */

#include <string.h>

#include "kernel/net/stats.h"
#include "kernel/net/story.h"

enum { SWAP_TAIL_WINDOWS = 3 };

double qnk_sample_value(const struct qnk_sample *sample, enum qnk_gauge gauge)
{
    switch (gauge) {
    case QNK_GAUGE_READY:
        return sample->is_ready;
    case QNK_GAUGE_HEAD:
        return sample->head;
    case QNK_GAUGE_FINAL_WINDOW:
        return sample->window;
    case QNK_GAUGE_FINAL_HEIGHT:
        return sample->final_height;
    case QNK_GAUGE_LAG_BLOCKS:
        return sample->head > sample->final_height ? sample->head - sample->final_height : 0;
    case QNK_GAUGE_ROUND:
        return sample->round;
    case QNK_GAUGE_MEMPOOL:
        return sample->mempool;
    case QNK_GAUGE_PEERS:
        return sample->peers;
    case QNK_GAUGE_BEHIND:
        return sample->behind;
    case QNK_GAUGE_HELD:
        return sample->is_held;
    case QNK_GAUGES:
        break;
    }
    return 0;
}

/* Longest time between two times that follow each other, as much of it as lies after `from_us`, if
 * it began before `until_us`; what never came counts up to that. */
static double gap_max(const uint64_t *times, uint64_t last, uint64_t from_us, uint64_t until_us)
{
    uint64_t before = 0, longest = 0, start;

    for (uint64_t i = 1; i <= last; i++) {
        if (times[i] == 0) {
            continue;
        }
        start = before > from_us ? before : from_us;
        if (times[i] > start && start < until_us && before != 0 && times[i] - start > longest) {
            longest = times[i] - start;
        }
        before = times[i];
    }
    start = before > from_us ? before : from_us;
    if (until_us > start && until_us - start > longest) {
        longest = until_us - start;
    }
    return (double)longest / 1e6;
}

/* --- swaps --- */

/* The time of a swap: from the plan until some windows after it came into use. */
static void swap_time(const struct qnk_story *story, const struct qnk_act *act, uint64_t *from_us,
                      uint64_t *until_us)
{
    uint64_t last = act->window + SWAP_TAIL_WINDOWS;

    *from_us = act->at_ms * 1000;
    *until_us = story->end_ms * 1000;
    if (act->window != 0 && last <= story->windows && story->final_us[last] != 0) {
        *until_us = story->final_us[last];
    }
}

static double swap_txs(const struct qnk_story *story, const struct qnk_act *act, bool is_doubled)
{
    uint64_t from_us, until_us, count = 0;

    swap_time(story, act, &from_us, &until_us);
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        if (tx->accept_us >= from_us && tx->accept_us <= until_us && tx->accept_us != 0) {
            count += is_doubled ? tx->finals > 1 : tx->finals == 0;
        }
    }
    return (double)count;
}

/* A plain interval of the chain, in seconds. */
static double interval_of(const struct qnk_story *story)
{
    double value;

    return qnk_story_measure(story, QNK_MEASURE_INTERVAL_P50, 0, &value) && value > 0 ? value : 1;
}

/* Transfers offered in its time that were final later than two windows take, or never. */
static double swap_delayed(const struct qnk_story *story, const struct qnk_act *act)
{
    double usual_us = 2e6 * interval_of(story) * story->window_blocks;
    uint64_t from_us, until_us, count = 0;

    swap_time(story, act, &from_us, &until_us);
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];
        uint64_t final_us = tx->final_us == 0 ? story->end_ms * 1000 : tx->final_us;

        if (tx->submit_us >= from_us && tx->submit_us <= until_us && !tx->is_refused) {
            count += (double)final_us > (double)tx->submit_us + usual_us;
        }
    }
    return (double)count;
}

/* The highest round that a validator was seen in; the first is 0. */
static double swap_rounds(const struct qnk_story *story, const struct qnk_act *act)
{
    uint64_t from_us, until_us;
    double most = 0;

    swap_time(story, act, &from_us, &until_us);
    for (uint32_t node = 0; node < story->spec->validators; node++) {
        const struct qnk_story_node *it = &story->nodes[node];

        for (uint32_t i = 0; i < it->samples_count; i++) {
            uint64_t at_us = (uint64_t)it->samples[i].at_ms * 1000;

            if (at_us >= from_us && at_us <= until_us && it->samples[i].is_on) {
                most = it->samples[i].round > most ? it->samples[i].round : most;
            }
        }
    }
    return most;
}

bool qnk_story_swap(const struct qnk_story *story, const struct qnk_act *act,
                    enum qnk_swap_figure figure, double *value)
{
    uint64_t from_us, until_us;

    if (!act->has_begun) {
        return false;
    }
    swap_time(story, act, &from_us, &until_us);
    switch (figure) {
    case QNK_SWAP_FINALITY_GAP:
        *value = gap_max(story->final_us, story->windows, from_us, until_us);
        break;
    case QNK_SWAP_MICRO_GAP:
        *value = gap_max(story->micro_us, story->heights, from_us, until_us);
        break;
    case QNK_SWAP_PAUSE:
        *value = gap_max(story->micro_us, story->heights, from_us, until_us) / interval_of(story);
        break;
    case QNK_SWAP_ROUNDS:
        *value = swap_rounds(story, act);
        break;
    case QNK_SWAP_DELAYED:
        *value = swap_delayed(story, act);
        break;
    case QNK_SWAP_LOST:
        *value = swap_txs(story, act, false);
        break;
    case QNK_SWAP_DOUBLED:
        *value = swap_txs(story, act, true);
        break;
    case QNK_SWAP_DONE:
        *value = act->done_ms != 0;
        break;
    case QNK_SWAP_FIGURES:
        return false;
    }
    return true;
}

/* --- the run --- */

static double *room_take(const struct qnk_story *story, uint64_t count)
{
    return qnk_memory_take(story->budget, (count + 1) * sizeof(double));
}

/* A quantile of the times between blocks. */
static bool intervals(const struct qnk_story *story, uint64_t from_us, double q, double *value)
{
    double *list = room_take(story, story->heights);
    uint64_t count = 0, before = 0;

    if (list == NULL) {
        return false;
    }
    for (uint64_t i = 1; i <= story->heights; i++) {
        uint64_t at = story->micro_us[i];

        if (at != 0 && before != 0 && before >= from_us && at >= before) {
            list[count++] = (double)(at - before) / 1e6;
        }
        before = at != 0 ? at : before;
    }
    *value = qnk_stats_quantile(list, count, q);
    qnk_memory_give(story->budget, list, (story->heights + 1) * sizeof *list);
    return count > 0;
}

static bool latencies(const struct qnk_story *story, uint64_t from_us, double q, double *value)
{
    double *list = room_take(story, story->txs_count);
    uint64_t count = 0;

    if (list == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        if (tx->submit_us >= from_us && tx->final_us > tx->submit_us) {
            list[count++] = (double)(tx->final_us - tx->submit_us) / 1e6;
        }
    }
    *value = qnk_stats_quantile(list, count, q);
    qnk_memory_give(story->budget, list, (story->txs_count + (uint64_t)1) * sizeof *list);
    return count > 0;
}

static bool windows(const struct qnk_story *story, uint64_t from_us, double q, double *value)
{
    double *list = room_take(story, story->windows);
    uint64_t count = 0;

    if (list == NULL) {
        return false;
    }
    for (uint64_t i = 1; i <= story->windows; i++) {
        uint64_t last = i * story->window_blocks;
        uint64_t full = last < QNK_STORY_HEIGHTS_MAX ? story->micro_us[last] : 0;

        if (full >= from_us && full != 0 && story->final_us[i] > full) {
            list[count++] = (double)(story->final_us[i] - full) / 1e6;
        }
    }
    *value = qnk_stats_quantile(list, count, q);
    qnk_memory_give(story->budget, list, (story->windows + 1) * sizeof *list);
    return count > 0;
}

static bool final_tps(const struct qnk_story *story, uint64_t from_us, double *value)
{
    uint64_t count = 0, first = UINT64_MAX, last = 0;

    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];

        if (tx->submit_us >= from_us && tx->finals > 0) {
            count++;
            first = tx->submit_us < first ? tx->submit_us : first;
            last = tx->submit_us > last ? tx->submit_us : last;
        }
    }
    *value = last > first ? (double)count * 1e6 / (double)(last - first) : 0;
    return last > first;
}

static bool per(uint64_t sum, uint64_t count, double *value)
{
    *value = count == 0 ? 0 : (double)sum / (double)count;
    return count > 0;
}

bool qnk_story_measure(const struct qnk_story *story, enum qnk_measure measure, uint64_t from_ms,
                       double *value)
{
    uint64_t from_us = from_ms * 1000, end_us = story->end_ms * 1000;
    bool is_known;

    switch (measure) {
    case QNK_MEASURE_FINAL_TPS:
        return final_tps(story, from_us, value);
    case QNK_MEASURE_INTERVAL_P50:
        return intervals(story, from_us, 0.5, value);
    case QNK_MEASURE_INTERVAL_P99:
        return intervals(story, from_us, 0.99, value);
    case QNK_MEASURE_FINALITY_P50:
        return latencies(story, from_us, 0.5, value);
    case QNK_MEASURE_FINALITY_P99:
        return latencies(story, from_us, 0.99, value);
    case QNK_MEASURE_WINDOW_P50:
        return windows(story, from_us, 0.5, value);
    case QNK_MEASURE_WINDOW_P99:
        return windows(story, from_us, 0.99, value);
    case QNK_MEASURE_FINALITY_GAP_MAX:
        *value = gap_max(story->final_us, story->windows, from_us, end_us);
        return story->windows > 0;
    case QNK_MEASURE_MICRO_GAP_MAX:
        *value = gap_max(story->micro_us, story->heights, from_us, end_us);
        return story->heights > 0;
    case QNK_MEASURE_VOTES_PER_MACRO:
        return per(story->votes, story->windows, value);
    case QNK_MEASURE_VOTE_BYTES_PER_MACRO:
        return per(story->vote_bytes, story->windows, value);
    case QNK_MEASURE_BYTES_PER_MACRO:
        return per(story->sent_bytes, story->windows, value);
    case QNK_MEASURE_MESSAGES_PER_MACRO:
        return per(story->sent_messages, story->windows, value);
    case QNK_MEASURE_CPU_PER_TX:
        is_known = per(story->cpu_us, story->chain_txs, value);
        *value /= 1000;
        return is_known;
    case QNK_MEASURE_CPU_PER_MACRO:
        is_known = per(story->cpu_us, story->windows, value);
        *value /= 1000;
        return is_known;
    case QNK_MEASURE_RSS_MAX:
        *value = (double)story->rss_max;
        return story->rss_max > 0;
    case QNK_MEASURE_DISK_MAX:
        *value = (double)story->disk_max;
        return story->disk_max > 0;
    case QNK_MEASURE_EVIDENCE:
        *value = (double)story->evidence;
        return true;
    case QNK_MEASURES:
        break;
    }
    return false;
}
