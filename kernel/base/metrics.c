/* SPDX-License-Identifier: MIT */

#include "kernel/base/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const uint64_t fast_bounds[] = {100,     250,     500,     1000,    2500,   5000,
                                       10000,   25000,   50000,   100000,  250000, 500000,
                                       1000000, 2500000, 5000000, 10000000};
static const uint64_t slow_bounds[] = {100000,   250000,   500000,    1000000,
                                       2500000,  5000000,  10000000,  30000000,
                                       60000000, 90000000, 180000000, 300000000};
static const uint64_t size_bounds[] = {1,     4,     16,     64,      256,     1024,    4096,
                                       16384, 65536, 262144, 1048576, 4194304, 16777216};

const struct qnk_metric_buckets qnk_metric_fast = {fast_bounds, COUNT(fast_bounds)};
const struct qnk_metric_buckets qnk_metric_slow = {slow_bounds, COUNT(slow_bounds)};
const struct qnk_metric_buckets qnk_metric_size = {size_bounds, COUNT(size_bounds)};

/* A metric and where its cells begin. */
struct family {
    const struct qnk_metric *metric;
    uint32_t cell;
    uint32_t series; /* how many */
    uint32_t width;  /* cells of each */
};

/* A shard is a run of cells_max cells, as whole cache lines, so that threads do not share any. */
struct qnk_metrics {
    struct qnk_budget *budget;
    size_t size;
    uint32_t cells_max; /* a multiple of CELLS_LINE */
    uint32_t cells_used;
    _Atomic uint32_t count; /* of `families` that are complete */
    struct family families[QNK_METRICS_MAX];
    _Alignas(64) _Atomic uint64_t cells[];
};

enum { CELLS_LINE = 8 };

struct qnk_metrics *qnk_metrics_create(struct qnk_budget *budget, uint32_t cells_max)
{
    struct qnk_metrics *metrics;
    size_t whole = ((size_t)cells_max + CELLS_LINE - 1) / CELLS_LINE * CELLS_LINE;
    size_t size = sizeof *metrics + whole * QNK_METRICS_SHARDS * sizeof *metrics->cells;

    QN_ASSERT(whole <= UINT32_MAX);
    metrics = qnk_memory_take(budget, size);
    if (metrics == NULL) {
        return NULL;
    }
    metrics->budget = budget;
    metrics->size = size;
    metrics->cells_max = (uint32_t)whole;
    return metrics;
}

void qnk_metrics_destroy(struct qnk_metrics *metrics)
{
    if (metrics != NULL) {
        qnk_memory_give(metrics->budget, metrics, metrics->size);
    }
}

int32_t qnk_metrics_add(struct qnk_metrics *metrics, const struct qnk_metric *metric, uint32_t *id)
{
    uint32_t count = atomic_load_explicit(&metrics->count, memory_order_relaxed);
    uint64_t series = 1;
    uint64_t width = metric->type == QNK_METRIC_HISTOGRAM ? metric->buckets->count + 2 : 1;

    QN_ASSERT(metric->labels_count <= QNK_METRICS_LABELS_MAX);
    for (uint32_t i = 0; i < metric->labels_count; i++) {
        QN_ASSERT(metric->labels[i].count <= UINT16_MAX);
        series *= metric->labels[i].count;
    }
    if (count == QNK_METRICS_MAX || series * width > metrics->cells_max - metrics->cells_used) {
        return QN_NO_SPACE;
    }
    metrics->families[count] = (struct family){
        .metric = metric,
        .cell = metrics->cells_used,
        .series = (uint32_t)series,
        .width = (uint32_t)width,
    };
    metrics->cells_used += (uint32_t)(series * width);
    atomic_store_explicit(&metrics->count, count + 1, memory_order_release);
    *id = count;
    return QN_OK;
}

int32_t qnk_metrics_find(const struct qnk_metrics *metrics, const char *name, uint32_t *id)
{
    uint32_t count = atomic_load_explicit(&metrics->count, memory_order_acquire);

    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(metrics->families[i].metric->name, name) == 0) {
            *id = i;
            return QN_OK;
        }
    }
    return QN_NOT_FOUND;
}

/* The calling thread's shard. Threads take them in turn. */
static uint32_t own_shard(void)
{
    static _Atomic uint32_t threads;
    static _Thread_local uint32_t shard; /* + 1; 0: none taken yet */

    if (shard == 0) {
        shard =
            1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % QNK_METRICS_SHARDS;
    }
    return shard - 1;
}

static const struct family *family_of(const struct qnk_metrics *metrics, uint32_t id,
                                      uint32_t series)
{
    const struct family *family = &metrics->families[id];

    QN_ASSERT(id < QNK_METRICS_MAX);
    QN_ASSERT(series < family->series);
    return family;
}

static void add_to(struct qnk_metrics *metrics, uint32_t cell, uint64_t by)
{
    size_t at = (size_t)own_shard() * metrics->cells_max + cell;

    (void)atomic_fetch_add_explicit(&metrics->cells[at], by, memory_order_relaxed);
}

/* A cell, summed over the shards. */
static uint64_t sum_of(const struct qnk_metrics *metrics, uint32_t cell)
{
    uint64_t sum = 0;

    for (size_t shard = 0; shard < QNK_METRICS_SHARDS; shard++) {
        sum += atomic_load_explicit(&metrics->cells[shard * metrics->cells_max + cell],
                                    memory_order_relaxed);
    }
    return sum;
}

void qnk_metrics_count(struct qnk_metrics *metrics, uint32_t id, uint32_t series, uint64_t by)
{
    const struct family *family = family_of(metrics, id, series);

    QN_ASSERT(family->metric->type == QNK_METRIC_COUNTER);
    add_to(metrics, family->cell + series, by);
}

/* A gauge lives in the first shard alone, whoever sets it. */
void qnk_metrics_set(struct qnk_metrics *metrics, uint32_t id, uint32_t series, int64_t value)
{
    const struct family *family = family_of(metrics, id, series);

    QN_ASSERT(family->metric->type == QNK_METRIC_GAUGE);
    atomic_store_explicit(&metrics->cells[family->cell + series], (uint64_t)value,
                          memory_order_relaxed);
}

/* Cells of a histogram's series: its buckets, the bucket above them, the sum. */
void qnk_metrics_observe(struct qnk_metrics *metrics, uint32_t id, uint32_t series, uint64_t value)
{
    const struct family *family = family_of(metrics, id, series);
    uint32_t cell = family->cell + series * family->width;
    uint32_t bucket = 0;

    QN_ASSERT(family->metric->type == QNK_METRIC_HISTOGRAM);
    while (bucket < family->metric->buckets->count &&
           value > family->metric->buckets->bounds[bucket]) {
        bucket++;
    }
    add_to(metrics, cell + bucket, 1);
    add_to(metrics, cell + family->width - 1, value);
}

int64_t qnk_metrics_value(const struct qnk_metrics *metrics, uint32_t id, uint32_t series)
{
    const struct family *family = family_of(metrics, id, series);
    uint32_t cell = family->cell + series * family->width;
    uint64_t sum = 0;

    if (family->metric->type != QNK_METRIC_HISTOGRAM) {
        return (int64_t)sum_of(metrics, cell);
    }
    for (uint32_t i = 0; i + 1 < family->width; i++) {
        sum += sum_of(metrics, cell + i);
    }
    return (int64_t)sum;
}

/* Appends to `out`, unless it was full before: so that its status is asked for once. */
struct json {
    struct qn_sink *out;
    int32_t status;
};

__attribute__((format(printf, 2, 3))) static void put(struct json *json, const char *format, ...)
{
    char text[256];
    va_list args;

    if (json->status != QN_OK) {
        return;
    }
    va_start(args, format);

    int size = vsnprintf(text, sizeof text, format, args);

    va_end(args);
    QN_ASSERT(size >= 0);
    QN_ASSERT((size_t)size < sizeof text);
    json->status = qnk_sink_append(json->out, text, (uint64_t)size);
}

/* `value` / 10^places, exactly. */
static void put_value(struct json *json, uint64_t value, bool is_signed, uint32_t places)
{
    bool is_negative = is_signed && (int64_t)value < 0;
    uint64_t unit = 1;
    uint64_t size = is_negative ? 0 - value : value;

    for (uint32_t i = 0; i < places; i++) {
        unit *= 10;
    }
    put(json, "%s%" PRIu64, is_negative ? "-" : "", size / unit);
    if (places > 0) {
        put(json, ".%0*" PRIu64, (int)places, size % unit);
    }
}

static void put_labels(struct json *json, const struct qnk_metric *metric, uint32_t series)
{
    uint32_t below = metric->labels_count == 2 ? metric->labels[1].count : 1;

    put(json, ",\"labels\":{");
    for (uint32_t i = 0; i < metric->labels_count; i++) {
        uint32_t place = i == 0 ? series / below : series % below;

        put(json, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", metric->labels[i].name,
            metric->labels[i].values[place]);
    }
    put(json, "}");
}

static void put_histogram(struct json *json, const struct qnk_metrics *metrics,
                          const struct family *family, uint32_t cell)
{
    const struct qnk_metric *metric = family->metric;
    uint64_t sum = 0;

    put(json, ",\"buckets\":[");
    for (uint32_t i = 0; i <= metric->buckets->count; i++) {
        sum += sum_of(metrics, cell + i);
        put(json, i == 0 ? "{\"le\":" : ",{\"le\":");
        if (i < metric->buckets->count) {
            put_value(json, metric->buckets->bounds[i], false, metric->places);
        } else {
            put(json, "null");
        }
        put(json, ",\"count\":%" PRIu64 "}", sum);
    }
    put(json, "],\"count\":%" PRIu64 ",\"sum\":", sum);
    put_value(json, sum_of(metrics, cell + family->width - 1), false, metric->places);
}

static void put_series(struct json *json, const struct qnk_metrics *metrics,
                       const struct family *family, uint32_t series)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct qnk_metric *metric = family->metric;
    uint32_t cell = family->cell + series * family->width;

    put(json, "{\"name\":\"%s\",\"type\":\"%s\"", metric->name, types[metric->type]);
    put_labels(json, metric, series);
    if (metric->type == QNK_METRIC_HISTOGRAM) {
        put_histogram(json, metrics, family, cell);
    } else {
        put(json, ",\"value\":");
        put_value(json, sum_of(metrics, cell), metric->type == QNK_METRIC_GAUGE, metric->places);
    }
    put(json, "}");
}

int32_t qnk_metrics_json(const struct qnk_metrics *metrics, struct qn_sink *out)
{
    struct json json = {.out = out, .status = QN_OK};
    uint32_t count = atomic_load_explicit(&metrics->count, memory_order_acquire);
    uint64_t before = out->size;
    bool is_first = true;

    put(&json, "[");
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t series = 0; series < metrics->families[i].series; series++) {
            put(&json, is_first ? "" : ",");
            put_series(&json, metrics, &metrics->families[i], series);
            is_first = false;
        }
    }
    put(&json, "]");
    if (json.status != QN_OK) {
        qnk_sink_cut(out, before);
    }
    return json.status;
}
