/* SPDX-License-Identifier: MIT */

/* storage_logs.c: the contract of logs. A record's bytes follow from its number, so a case needs to
 * know only where it lies. */

#include <stdlib.h>
#include <string.h>

#include "sdk/check/storage_subject.h"

enum {
    RECORDS_MAX = 600,
    RECORD_LONG = 50000,
    APPENDS = 60,
};

/* What a log should hold: of each record its number, place and size. */
struct known {
    uint64_t places[RECORDS_MAX];
    uint64_t sizes[RECORDS_MAX];
    uint32_t count;
};

static void record_fill(uint8_t *to, uint32_t number, uint64_t size)
{
    uint64_t seed = number * 2 + 1;

    for (uint64_t i = 0; i < size; i++) {
        to[i] = i % 8 == 0 ? (uint8_t)(qn_check_random(&seed) >> 32) : (uint8_t)(to[i - 1] + 1);
    }
}

static bool record_is(struct qn_span content, uint32_t number, uint64_t size)
{
    uint8_t *expected = malloc(size);
    bool is_it;

    QN_CHECK(expected != NULL);
    record_fill(expected, number, size);
    is_it = qn_check_storage_equal(content, (struct qn_span){expected, size});
    free(expected);
    return is_it;
}

/* Appends `count` more records at once. */
static void append_some(struct qn_check_storage *it, uint32_t log, struct known *known,
                        uint32_t count, uint32_t level, uint64_t *seed)
{
    struct qn_span records[8];
    uint8_t *at = it->room;
    uint32_t first = known->count;

    QN_CHECK(count <= 8 && first + count <= RECORDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t lot = qn_check_random(seed) >> 16;
        uint64_t size = 1 + (lot % 8 == 0 ? lot / 8 % RECORD_LONG : lot / 8 % 300);

        record_fill(at, first + i, size);
        records[i] = (struct qn_span){at, size};
        known->sizes[first + i] = size;
        at += size;
    }
    QN_CHECK(it->slots->append(it->inst, 0, log, records, count, level, known->places + first) ==
             QN_OK);
    known->count += count;
    for (uint32_t i = first; i < known->count; i++) {
        QN_CHECK(known->places[i] > (i == 0 ? 0 : known->places[i - 1]));
    }
}

/* Reads from `place` to the end in pieces: just the records from number `first` on. */
static void read_equals(struct qn_check_storage *it, uint32_t log, const struct known *known,
                        uint32_t first, uint64_t place, uint64_t bytes)
{
    int32_t status = QN_AGAIN;
    uint32_t next = first;

    while (status == QN_AGAIN) {
        struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_ROOM);

        status = it->slots->read(it->inst, 0, log, place, bytes, &sink);
        QN_CHECK(status == QN_OK || status == QN_AGAIN);
        QN_CHECK(sink.size > 0);
        for (struct qn_span rest = {sink.data, sink.size}; rest.size > 0;) {
            struct qn_storage_entry entry;

            qn_storage_entry_next(&rest, &entry);
            QN_CHECK(next < known->count);
            QN_CHECK(entry.place == known->places[next]);
            QN_CHECK(record_is(entry.content, next, known->sizes[next]));
            place = entry.place + 1;
            next++;
        }
    }
    QN_CHECK(next == known->count);

    struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_ROOM);

    QN_CHECK(it->slots->read(it->inst, 0, log, place, bytes, &sink) == QN_NOT_FOUND);
    QN_CHECK(it->slots->read(it->inst, 0, log, UINT64_MAX, bytes, &sink) == QN_NOT_FOUND);
    QN_CHECK(sink.size == 0);
}

static void append_many(struct qn_check_storage *it, uint32_t log, struct known *known,
                        uint64_t *seed)
{
    for (uint32_t i = 0; i < APPENDS; i++) {
        uint64_t lot = qn_check_random(seed) >> 32;

        append_some(it, log, known, (uint32_t)lot % 4, lot / 4 % 4 == 0, seed);
    }
    append_some(it, log, known, 1, QN_STORAGE_DURABLE, seed);
}

/* The largest record there may be, and a sink that is one byte too small for it. */
static void largest_record(struct qn_check_storage *it)
{
    uint32_t log = qn_check_storage_space(it, "large", QN_STORAGE_LOG);
    struct qn_span record = {it->room, QN_STORAGE_RECORD_MAX};
    struct qn_sink sink = qn_check_storage_sink(it, QN_STORAGE_RECORD_MAX + 11);
    uint64_t place;

    record_fill(it->room, 1, record.size);
    QN_CHECK(it->slots->append(it->inst, 0, log, &record, 1, QN_STORAGE_DURABLE, &place) == QN_OK);
    QN_CHECK(it->slots->read(it->inst, 0, log, 0, UINT64_MAX, &sink) == QN_NO_SPACE);
    QN_CHECK(sink.size == 0);
    sink = qn_check_storage_sink(it, QN_STORAGE_RECORD_MAX + 12);
    QN_CHECK(it->slots->read(it->inst, 0, log, place, 1, &sink) == QN_OK);
    QN_CHECK(record_is((struct qn_span){sink.data + 12, sink.size - 12}, 1, record.size));
}

void qn_check_storage_logs_append_and_read(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    struct known *known = calloc(1, sizeof *known);
    uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    struct qn_sink sink = qn_check_storage_sink(it, 100);
    uint64_t seed = 99;

    QN_CHECK(known != NULL);
    QN_CHECK(it->slots->read(it->inst, 0, log, 0, 100, &sink) == QN_NOT_FOUND);
    QN_CHECK(it->slots->append(it->inst, 0, log, NULL, 0, QN_STORAGE_DURABLE, NULL) == QN_OK);
    append_many(it, log, known, &seed);
    read_equals(it, log, known, 0, 0, UINT64_MAX);
    read_equals(it, log, known, 0, 0, 1);
    read_equals(it, log, known, 0, 0, 10000);
    for (uint32_t i = 0; i < known->count; i += 7) {
        read_equals(it, log, known, i, known->places[i], UINT64_MAX);
    }
    largest_record(it);
    free(known);
    qn_check_storage_stop(it);
}

/* After a trim what came before may still be there; from the place on nothing changes. */
void qn_check_storage_logs_trim(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    struct known *known = calloc(1, sizeof *known);
    uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    uint64_t seed = 5, left;

    QN_CHECK(known != NULL);
    QN_CHECK(it->slots->trim(it->inst, 0, log, 0) == QN_OK);
    append_many(it, log, known, &seed);
    for (uint32_t i = 0; i + 40 < known->count; i += 40) {
        QN_CHECK(it->slots->trim(it->inst, 0, log, known->places[i]) == QN_OK);
        read_equals(it, log, known, i, known->places[i], UINT64_MAX);
        append_some(it, log, known, 2, QN_STORAGE_DURABLE, &seed);
        while (it->slots->maintain(it->inst, 0, 10, &left) == QN_AGAIN) {
        }
        qn_check_storage_reopen(it);
        log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
        read_equals(it, log, known, i, known->places[i], UINT64_MAX);
    }
    QN_CHECK(it->slots->trim(it->inst, 0, log, known->places[known->count - 1] + 1) == QN_OK);
    qn_check_storage_reopen(it);
    log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
    append_some(it, log, known, 2, QN_STORAGE_DURABLE, &seed);
    read_equals(it, log, known, known->count - 2, known->places[known->count - 2], UINT64_MAX);
    free(known);
    qn_check_storage_stop(it);
}

void qn_check_storage_places_survive_reopen(void **subject)
{
    const struct qn_check_storage *from = *subject;
    struct qn_check_storage *it = qn_check_storage_start(&from->given);
    struct known *known = calloc(1, sizeof *known);
    uint64_t seed = 31;

    QN_CHECK(known != NULL);
    for (uint32_t round = 0; round < 4; round++) {
        uint32_t log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);

        append_many(it, log, known, &seed);
        qn_check_storage_reopen(it);
        log = qn_check_storage_space(it, "log", QN_STORAGE_LOG);
        read_equals(it, log, known, 0, 0, UINT64_MAX);
        read_equals(it, log, known, known->count / 2, known->places[known->count / 2], 5000);
    }
    free(known);
    qn_check_storage_stop(it);
}
