/* SPDX-License-Identifier: MIT */
#pragma once

/* inputs_read.h: an input log, read from its beginning to where it ends.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a record is borrowed until the next one
 *   threads  one
 *   errors   QN_NOT_FOUND: there is no log, or no record any more; QN_CORRUPT: a record is damaged,
 *            or some are missing; QN_IO; `why` says which file and where
 */

#include "kernel/host/inputs.h"

struct qnk_inputs_record {
    uint8_t type;        /* enum qnk_inputs_type */
    uint64_t step;       /* EVENT, EFFECTS; PAGES: the first; SEGMENT: steps before the file */
    struct qn_span body; /* what comes after these */
};

struct qnk_inputs_reader {
    char folder[QNK_INPUTS_PATH];
    char why[QNK_INPUTS_WHY];
    uint32_t file;           /* number of the file that is read; 0: `start` */
    uint32_t oldest, newest; /* files of steps that are there */
    const uint8_t *map;
    uint64_t size; /* of it */
    uint64_t at;
    uint64_t step; /* of the last EVENT */
    bool has_ended;
    bool has_steps;             /* it says how many were recorded: */
    uint64_t steps;             /* so many */
    int code;                   /* if it has ended */
    char words[QNK_INPUTS_WHY]; /* the same */
};

/* DIR is the log's folder, or a data folder, or one that holds a folder `data`. */
QN_MUST_CHECK int32_t qnk_inputs_reader_open(struct qnk_inputs_reader *reader, const char *dir);
void qnk_inputs_reader_close(struct qnk_inputs_reader *reader);

QN_MUST_CHECK int32_t qnk_inputs_next(struct qnk_inputs_reader *reader,
                                      struct qnk_inputs_record *record);

/* One record out of `from`, which it moves past it. QN_NOT_FOUND: nothing but zeros is left. */
QN_MUST_CHECK int32_t qnk_inputs_record_decode(struct qn_span *from,
                                               struct qnk_inputs_record *record);
