/* SPDX-License-Identifier: MIT */

/* bench_log.c: durable records of the block log, against a file that grows: write and fdatasync.
 * What was appended is read back after the storage was opened anew. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qnet/storage.h>

#include "kernel/base/sink.h"
#include "kernel/qnet/bench_bed.h"

enum {
    RECORD_MAX = 8300000,
    KEEP = 16,            /* records that stay: older ones are trimmed */
    FILE_MAX = 256 << 20, /* the growing file begins anew, as it would be deleted some time */
    SAMPLES = 4096,       /* of times */
    TYPE_LOG = 2,
    DURABLE = 1,
};

static const struct {
    uint32_t size;
    const char *name;
} shapes[] = {{4096, "4 KiB"}, {1 << 20, "1 MiB"}, {RECORD_MAX, "8.3 MB"}};

struct logging {
    const struct qn_storage_1 *slots;
    struct qn_inst *inst;
    struct qnk_instance *instance;
    uint32_t log;
    uint8_t *record;
    uint32_t size;
    uint64_t count; /* of the subject's records: each begins with its number */
    uint64_t places[KEEP];
    uint64_t first; /* number of the first record of this size */
    char path[QNK_BENCH_PATH + 16];
    int file;
    uint64_t file_size;
    double samples[SAMPLES]; /* seconds of the last appends */
};

static uint64_t run_file(void *ctx)
{
    struct logging *it = ctx;

    if (it->file_size + it->size > FILE_MAX) {
        if (ftruncate(it->file, 0) != 0 || lseek(it->file, 0, SEEK_SET) != 0) {
            return 0;
        }
        it->file_size = 0;
    }
    for (uint32_t done = 0; done < it->size;) {
        ssize_t some = write(it->file, it->record + done, it->size - done);

        if (some <= 0) {
            return 0;
        }
        done += (uint32_t)some;
    }
    it->file_size += it->size;
    return fdatasync(it->file) == 0 ? 1 : 0;
}

static uint64_t run_log(void *ctx)
{
    struct logging *it = ctx;
    struct qn_span record = {it->record, it->size};
    double start = qnk_bench_now();
    uint64_t place;

    qn_le64_write(it->record, it->count);
    if (it->slots->append(it->inst, 0, it->log, &record, 1, DURABLE, &place) != QN_OK) {
        return 0;
    }
    it->samples[it->count % SAMPLES] = qnk_bench_now() - start;
    it->places[it->count % KEEP] = place;
    it->count++;
    /* The oldest of those that are kept. */
    if (it->count - it->first > KEEP &&
        it->slots->trim(it->inst, 0, it->log, it->places[it->count % KEEP]) != QN_OK) {
        return 0;
    }
    return 1;
}

static bool storage_open(struct qnk_bench *bench, struct logging *it)
{
    static const char name[] = "bench";
    char folder[QNK_BENCH_PATH + 16];
    struct qnk_instance_hooks hooks = {.folder = folder};
    struct qnk_plugged plugged;

    (void)snprintf(folder, sizeof folder, "%s/log", bench->bed->folder);
    if (!qnk_bench_instance(bench, QNK_HOST_STORAGE, &hooks, &it->instance)) {
        it->instance = NULL;
        return false;
    }
    plugged = qnk_instance_plugged(it->instance);
    it->slots = plugged.table;
    it->inst = plugged.inst;
    return it->slots->space(it->inst, (struct qn_span){(const uint8_t *)name, sizeof name - 1},
                            TYPE_LOG, &it->log) == QN_OK ||
           qnk_bench_fail(bench, "the log cannot be opened");
}

/* The records that must still be there, in order and byte for byte. */
static bool is_right(struct qnk_bench *bench, struct logging *it)
{
    uint64_t count = it->count - it->first < KEEP ? it->count - it->first : KEEP;

    qnk_instance_destroy(it->instance);
    it->instance = NULL;
    if (!storage_open(bench, it)) {
        return false;
    }
    for (uint64_t number = it->count - count; number < it->count; number++) {
        struct qn_storage_entry entry;
        struct qn_sink sink;
        bool is_same;

        qnk_sink_init(&sink, &qnk_bench_budget, (uint64_t)it->size + 4096);

        int32_t status =
            it->slots->read(it->inst, 0, it->log, it->places[number % KEEP], it->size, &sink);
        struct qn_reader reader = qn_reader_over(qnk_sink_span(&sink));

        is_same = status == QN_OK || status == QN_AGAIN;
        if (is_same) {
            qn_storage_entry_take(&reader, &entry);
            qn_le64_write(it->record, number);
            is_same = reader.at != NULL && entry.place == it->places[number % KEEP] &&
                      entry.content.size == it->size &&
                      memcmp(entry.content.data, it->record, it->size) == 0;
        }
        qnk_sink_done(&sink);
        if (!is_same) {
            return qnk_bench_fail(bench, "record %llu is not there again",
                                  (unsigned long long)number);
        }
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static bool measure(struct qnk_bench *bench, struct logging *it)
{
    for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct qnk_bench_row *row = qnk_bench_row(bench, "log", "appends/s", "growing-file",
                                                  "%s, one a flush", shapes[i].name);
        uint64_t count;

        it->size = shapes[i].size;
        it->first = it->count;
        if (!qnk_bench_measure(bench, row, run_file, run_log, it) || !is_right(bench, it)) {
            return false;
        }
        row->check = "opened anew, the records are the same";
        count = it->count - it->first;
        count = count < SAMPLES ? count : SAMPLES;
        if (count < SAMPLES) {
            memmove(
                it->samples, it->samples + it->first % SAMPLES,
                (SAMPLES - it->first % SAMPLES < count ? SAMPLES - it->first % SAMPLES : count) *
                    sizeof *it->samples);
        }
        qsort(it->samples, count, sizeof *it->samples, by_value);
        row->more =
            json_pack("{s:i, s:f, s:f, s:s}", "record_bytes", (int)it->size, "p50_ms",
                      it->samples[count / 2] * 1e3, "p99_ms", it->samples[count * 99 / 100] * 1e3,
                      "durable", "fdatasync per record");
    }
    return true;
}

bool qnk_bench_log(struct qnk_bench *bench)
{
    struct logging *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    bool is_good = it != NULL && qnk_bench_bed(bench) != NULL;

    if (is_good) {
        (void)snprintf(it->path, sizeof it->path, "%s/growing", bench->bed->folder);
        it->file = open(it->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        it->record = qnk_memory_take(&qnk_bench_budget, RECORD_MAX);
        for (uint32_t i = 0; it->record != NULL && i < RECORD_MAX; i++) {
            it->record[i] = (uint8_t)(i * 2654435761u >> 24);
        }
        is_good = it->record != NULL && it->file >= 0
                      ? storage_open(bench, it) && measure(bench, it)
                      : qnk_bench_fail(bench, "'%s' cannot be made", it->path);
        if (it->instance != NULL) {
            qnk_instance_destroy(it->instance);
        }
        if (it->file >= 0) {
            (void)close(it->file);
        }
        qnk_memory_give(&qnk_bench_budget, it->record, RECORD_MAX);
    }
    qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    return is_good;
}
