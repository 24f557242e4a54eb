/* SPDX-License-Identifier: MIT */
#pragma once

/* metrics.h: counters, gauges and histograms of one node, for whoever shows them.
 *
 * A metric is described once by constants: its labels take values only from closed sets, so the
 * number of series is known when it is added. Counting is one atomic addition in the calling
 * thread's own part of the table; who reads adds the parts up and holds nobody back.
 *
 * Values are integers. A metric in seconds counts microseconds and says 6 `places`, and is shown
 * in seconds: so nothing here computes in floating point.
 *
 * Unless a function's own comment says otherwise:
 *   owns     descriptions are the caller's, and outlive the registry
 *   threads  any
 *   cost     constant; allocates in create() only
 */

#include <stdatomic.h>

#include <qnet/types.h>

#include "kernel/base/memory.h"
#include "kernel/base/sink.h"

#define QNK_METRICS_MAX        512 /* metrics of one registry; more are refused */
#define QNK_METRICS_LABELS_MAX 2   /* labels of one metric */
#define QNK_METRICS_SHARDS     8   /* parts of the table; more threads than that share them */

enum qnk_metric_type {
    QNK_METRIC_COUNTER, /* only rises */
    QNK_METRIC_GAUGE,   /* is set */
    QNK_METRIC_HISTOGRAM,
};

/* A label and the closed set of its values. */
struct qnk_metric_label {
    const char *name;
    const char *const *values;
    uint32_t count;
};

/* Upper bounds of a histogram's buckets, ascending; a last bucket holds what is above them. */
struct qnk_metric_buckets {
    const uint64_t *bounds;
    uint32_t count;
};

extern const struct qnk_metric_buckets qnk_metric_fast; /* microseconds, 100 us to 10 s */
extern const struct qnk_metric_buckets qnk_metric_slow; /* microseconds, 0.1 to 300 s */
extern const struct qnk_metric_buckets qnk_metric_size; /* a count or bytes, 1 to 16 Mi */

struct qnk_metric {
    const char *name; /* "qnet_txs_received_total" */
    const char *help; /* one sentence */
    enum qnk_metric_type type;
    uint32_t places; /* decimals of what is shown: 6 for microseconds shown as seconds */
    uint32_t labels_count;
    struct qnk_metric_label labels[QNK_METRICS_LABELS_MAX];
    const struct qnk_metric_buckets *buckets; /* of a histogram */
};

struct qnk_metrics;

/* For metrics whose series need at most `cells_max` cells: one each for a counter or gauge, and
 * buckets + 2 for a histogram. NULL: over the budget. */
QN_MUST_CHECK struct qnk_metrics *qnk_metrics_create(struct qnk_budget *budget, uint32_t cells_max);
void qnk_metrics_destroy(struct qnk_metrics *metrics);

/* Adds a metric; `id` is how it is called from here on. One thread at a time, while others count.
 * QN_NO_SPACE: METRICS_MAX or cells_max would be passed. */
QN_MUST_CHECK int32_t qnk_metrics_add(struct qnk_metrics *metrics, const struct qnk_metric *metric,
                                      uint32_t *id);

/* The metric that was added under this name. QN_NOT_FOUND: none was. */
QN_MUST_CHECK int32_t qnk_metrics_find(const struct qnk_metrics *metrics, const char *name,
                                       uint32_t *id);

/* The series of a metric with one label is the place of the label's value; with two it is
 * first * count of the second's values + second; without labels 0. */
void qnk_metrics_count(struct qnk_metrics *metrics, uint32_t id, uint32_t series, uint64_t by);
void qnk_metrics_set(struct qnk_metrics *metrics, uint32_t id, uint32_t series, int64_t value);
void qnk_metrics_observe(struct qnk_metrics *metrics, uint32_t id, uint32_t series, uint64_t value);

/* The value of a counter's or gauge's series; of a histogram's, how often it observed. */
int64_t qnk_metrics_value(const struct qnk_metrics *metrics, uint32_t id, uint32_t series);

/* Appends all series as one JSON array of
 *     {"name":"...","type":"counter","labels":{"kind":"ledger"},"value":12.5}
 * where a histogram has "count", "sum" and "buckets":[{"le":0.1,"count":3},...] instead of a value;
 * its buckets add up, and the last one's "le" is null. QN_NO_SPACE: the sink is full. */
QN_MUST_CHECK int32_t qnk_metrics_json(const struct qnk_metrics *metrics, struct qn_sink *out);
