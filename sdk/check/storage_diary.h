/* SPDX-License-Identifier: MIT */
#pragma once

/* storage_diary.h: writes that are numbered, so that what a crash leaves tells which of them are
 * lost.
 *
 * Batch n of the map, and record n of the log, are made of n: whoever knows n knows every byte. A
 * diary keeps how far the writes came, and how far they were durable. After any crash the map is
 * as the first b batches left it, and the log holds the records up to the r-th, each whole: b and r
 * are at least what was durable, and at most what was tried.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a store and its instance are the caller's; a diary may lie in memory that is shared
 *            with a process which is killed
 *   threads  one
 *   errors   what must not be fails the case; statuses are the slots' own
 */

#include <qnet/storage.h>

#include "sdk/check/check.h"

#define QN_CHECK_DIARY_NUMBERS 20000 /* batches, and records, of one diary; more fail the case */
#define QN_CHECK_DIARY_ROOM    (1 << 20)

/* An instance, its two spaces, and memory of QN_CHECK_DIARY_ROOM bytes. */
struct qn_check_store {
    const struct qn_storage_1 *slots;
    struct qn_inst *inst;
    uint32_t map, log;
    uint8_t *room;
};

/* Numbers begin with 1. Zeroed by its maker. */
struct qn_check_diary {
    uint64_t batches, batches_durable, batches_tried;
    uint64_t records, records_durable, records_tried;
    uint64_t trimmed;                       /* records before this one may be gone */
    uint32_t tries[QN_CHECK_DIARY_NUMBERS]; /* of the record that is there */
    uint64_t places[QN_CHECK_DIARY_NUMBERS];
    uint32_t try_last; /* an append that is repeated after a crash has other bytes */
};

/* Opens the spaces of an instance that is active. */
QN_MUST_CHECK int32_t qn_check_diary_open(struct qn_check_store *store);

/* One call drawn from the seed: a batch, an append, a trim, a sync, some maintenance. */
QN_MUST_CHECK int32_t qn_check_diary_step(const struct qn_check_store *store,
                                          struct qn_check_diary *diary, uint64_t *seed);

/* The next batch; the next `count` records, at most 4. */
QN_MUST_CHECK int32_t qn_check_diary_write(const struct qn_check_store *store,
                                           struct qn_check_diary *diary, uint32_t level);
QN_MUST_CHECK int32_t qn_check_diary_append(const struct qn_check_store *store,
                                            struct qn_check_diary *diary, uint32_t count,
                                            uint32_t level);

/* Most of the log goes, so that what it lay in is used again: few records stay, `left` of them and
 * the one before. */
QN_MUST_CHECK int32_t qn_check_diary_trim(const struct qn_check_store *store,
                                          struct qn_check_diary *diary, uint64_t left);

/* After a crash: fails the case unless all that was durable is there, and nothing half. From what
 * is there the diary goes on. */
void qn_check_diary_compare(const struct qn_check_store *store, struct qn_check_diary *diary);

/* --- parts of that --- */

/* The last batch that the map has. */
uint64_t qn_check_diary_batches(const struct qn_check_store *store);

/* Reads the whole log, which must have no gap, and gives its last record. */
uint64_t qn_check_diary_records(const struct qn_check_store *store, struct qn_check_diary *diary);

/* The number and the try of a record, which must be just as it was made. */
uint64_t qn_check_diary_number(struct qn_span content, uint32_t *try);
