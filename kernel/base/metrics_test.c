/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/metrics.h"

enum { CELLS = 100, THREADS = 12, ROUNDS = 10000 };

static const char *const kinds[] = {"ledger", "storage"};
static const char *const results[] = {"filled", "missed", "late"};

static const struct qnk_metric plain = {.name = "plain_total", .type = QNK_METRIC_COUNTER};
static const struct qnk_metric labelled = {.name = "labelled_total",
                                           .type = QNK_METRIC_COUNTER,
                                           .labels_count = 2,
                                           .labels = {{"kind", kinds, 2}, {"result", results, 3}}};
static const struct qnk_metric gauge = {.name = "gauge_seconds",
                                        .type = QNK_METRIC_GAUGE,
                                        .places = 3,
                                        .labels_count = 1,
                                        .labels = {{"kind", kinds, 2}}};
static const uint64_t bounds[] = {10, 100};
static const struct qnk_metric_buckets buckets = {bounds, 2};
static const struct qnk_metric histogram = {
    .name = "histogram", .type = QNK_METRIC_HISTOGRAM, .places = 1, .buckets = &buckets};

static struct qnk_budget budget = {.limit = 1 << 20};
static struct qnk_metrics *metrics;

static int start(void **subject)
{
    (void)subject;
    metrics = qnk_metrics_create(&budget, CELLS);
    return metrics != NULL ? 0 : -1;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_metrics_destroy(metrics);
    return budget.used == 0 ? 0 : -1;
}

static uint32_t add(const struct qnk_metric *metric)
{
    uint32_t id = UINT32_MAX;

    assert_int_equal(qnk_metrics_add(metrics, metric, &id), QN_OK);
    return id;
}

static void a_metric_is_found_by_its_name(void **subject)
{
    uint32_t id = add(&plain);
    uint32_t found = 77;

    (void)subject;
    assert_int_equal(qnk_metrics_find(metrics, labelled.name, &found), QN_NOT_FOUND);
    assert_int_equal(found, 77);
    (void)add(&labelled);
    assert_int_equal(qnk_metrics_find(metrics, plain.name, &found), QN_OK);
    assert_int_equal(found, id);
}

static void series_are_counted_apart(void **subject)
{
    (void)subject;
    uint32_t first = add(&plain);
    uint32_t second = add(&labelled);

    qnk_metrics_count(metrics, first, 0, 5);
    qnk_metrics_count(metrics, first, 0, 2);
    for (uint32_t i = 0; i < 6; i++) {
        qnk_metrics_count(metrics, second, i, i + 1);
    }
    assert_int_equal(qnk_metrics_value(metrics, first, 0), 7);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(qnk_metrics_value(metrics, second, i), i + 1);
    }
}

static void a_gauge_is_what_was_set_last(void **subject)
{
    (void)subject;
    uint32_t id = add(&gauge);

    qnk_metrics_set(metrics, id, 1, 7);
    qnk_metrics_set(metrics, id, 1, -3);
    assert_int_equal(qnk_metrics_value(metrics, id, 0), 0);
    assert_int_equal(qnk_metrics_value(metrics, id, 1), -3);
}

static void json_is(const char *expected)
{
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 65536);
    assert_int_equal(qnk_metrics_json(metrics, &sink), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 1), QN_OK);
    assert_string_equal((const char *)qnk_sink_span(&sink).data, expected);
    qnk_sink_done(&sink);
}

static void json_shows_every_series(void **subject)
{
    (void)subject;
    json_is("[]");

    uint32_t id = add(&labelled);

    qnk_metrics_count(metrics, id, 4, 3); /* storage, missed */
    json_is("[{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"ledger\","
            "\"result\":\"filled\"},\"value\":0},"
            "{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"ledger\","
            "\"result\":\"missed\"},\"value\":0},"
            "{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"ledger\","
            "\"result\":\"late\"},\"value\":0},"
            "{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"storage\","
            "\"result\":\"filled\"},\"value\":0},"
            "{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"storage\","
            "\"result\":\"missed\"},\"value\":3},"
            "{\"name\":\"labelled_total\",\"type\":\"counter\",\"labels\":{\"kind\":\"storage\","
            "\"result\":\"late\"},\"value\":0}]");
}

static void json_shows_decimals_and_signs(void **subject)
{
    (void)subject;
    uint32_t id = add(&gauge);

    qnk_metrics_set(metrics, id, 0, -1005);
    qnk_metrics_set(metrics, id, 1, 12);
    json_is("[{\"name\":\"gauge_seconds\",\"type\":\"gauge\",\"labels\":{\"kind\":\"ledger\"},"
            "\"value\":-1.005},"
            "{\"name\":\"gauge_seconds\",\"type\":\"gauge\",\"labels\":{\"kind\":\"storage\"},"
            "\"value\":0.012}]");
}

static void a_bucket_holds_what_is_at_most_its_bound(void **subject)
{
    (void)subject;
    uint32_t id = add(&histogram);

    qnk_metrics_observe(metrics, id, 0, 0);
    qnk_metrics_observe(metrics, id, 0, 10);
    qnk_metrics_observe(metrics, id, 0, 11);
    qnk_metrics_observe(metrics, id, 0, 101);
    assert_int_equal(qnk_metrics_value(metrics, id, 0), 4);
    json_is("[{\"name\":\"histogram\",\"type\":\"histogram\",\"labels\":{},\"buckets\":["
            "{\"le\":1.0,\"count\":2},{\"le\":10.0,\"count\":3},{\"le\":null,\"count\":4}],"
            "\"count\":4,\"sum\":12.2}]");
}

static void the_usual_buckets_ascend(void **subject)
{
    (void)subject;
    const struct qnk_metric_buckets *const usual[] = {&qnk_metric_fast, &qnk_metric_slow,
                                                      &qnk_metric_size};

    for (size_t i = 0; i < 3; i++) {
        for (uint32_t k = 1; k < usual[i]->count; k++) {
            assert_true(usual[i]->bounds[k - 1] < usual[i]->bounds[k]);
        }
    }
    assert_int_equal(qnk_metric_fast.bounds[0], 100);
    assert_int_equal(qnk_metric_fast.bounds[qnk_metric_fast.count - 1], 10000000);
    assert_int_equal(qnk_metric_slow.bounds[qnk_metric_slow.count - 1], 300000000);
    assert_int_equal(qnk_metric_size.bounds[qnk_metric_size.count - 1], 16777216);
}

static void what_does_not_fit_is_refused(void **subject)
{
    (void)subject;
    static const struct qnk_metric wide = {.name = "wide",
                                           .type = QNK_METRIC_COUNTER,
                                           .labels_count = 1,
                                           .labels = {{"x", kinds, 105}}};
    struct qnk_budget small = {.limit = 10};
    struct qn_sink sink;
    uint32_t id = 77;

    assert_int_equal(qnk_metrics_add(metrics, &wide, &id), QN_NO_SPACE);
    assert_int_equal(id, 77);
    assert_null(qnk_metrics_create(&small, 1));
    qnk_metrics_destroy(NULL);

    (void)add(&gauge);
    qnk_sink_init(&sink, &budget, 60);
    assert_int_equal(qnk_sink_append(&sink, "ab", 2), QN_OK);
    assert_int_equal(qnk_metrics_json(metrics, &sink), QN_NO_SPACE);
    assert_int_equal(qnk_sink_span(&sink).size, 2);
    qnk_sink_done(&sink);
}

static void a_registry_has_room_for_so_many(void **subject)
{
    (void)subject;
    struct qnk_metrics *large = qnk_metrics_create(&budget, QNK_METRICS_MAX + 8);
    uint32_t id;

    for (uint32_t i = 0; i < QNK_METRICS_MAX; i++) {
        assert_int_equal(qnk_metrics_add(large, &plain, &id), QN_OK);
        assert_int_equal(id, i);
    }
    assert_int_equal(qnk_metrics_add(large, &plain, &id), QN_NO_SPACE);
    qnk_metrics_destroy(large);
}

static uint32_t shared_id;

static void *count_up(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        qnk_metrics_count(metrics, shared_id, 0, 1);
    }
    return NULL;
}

static void threads_lose_no_count(void **subject)
{
    (void)subject;
    pthread_t threads[THREADS];

    shared_id = add(&plain);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(qnk_metrics_value(metrics, shared_id, 0), THREADS * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_metric_is_found_by_its_name, start, stop),
        cmocka_unit_test_setup_teardown(series_are_counted_apart, start, stop),
        cmocka_unit_test_setup_teardown(a_gauge_is_what_was_set_last, start, stop),
        cmocka_unit_test_setup_teardown(json_shows_every_series, start, stop),
        cmocka_unit_test_setup_teardown(json_shows_decimals_and_signs, start, stop),
        cmocka_unit_test_setup_teardown(a_bucket_holds_what_is_at_most_its_bound, start, stop),
        cmocka_unit_test_setup_teardown(the_usual_buckets_ascend, start, stop),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_registry_has_room_for_so_many, start, stop),
        cmocka_unit_test_setup_teardown(threads_lose_no_count, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
