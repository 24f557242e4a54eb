/* SPDX-License-Identifier: MIT */
#pragma once

/* segment.h: one file of a log: its head, its records, and the walk over them.
 *
 * A segment is allocated whole and keeps its size. Its head lies in it twice, a page each; records
 * follow, each on a multiple of 8: head, payload, zeros. Behind the last one the next head's place
 * holds zeros. What the file held before, from an earlier life or a tail that was cut, is told from
 * its records by sequence, epoch and chain. Checksums start from the log's salt, which is chance: a
 * payload cannot be made to look like a record.
 *
 * Far from the records, in the first page, a watermark says up to where they are durable. It is
 * written over and over in one sector, and each time only what is true already.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   numbers little-endian, the layout stands in segment.c
 *   units    bytes, and offsets from the start of the file
 *   owns     nothing
 *   threads  any
 *   cost     waits for the disk
 *   errors   IO: the disk says no
 */

#include <stdbool.h>

#include <qnet/storage.h>

enum {
    SEGMENT_HEAD = 8192,    /* where the first record begins */
    SEGMENT_COPY = 4096,    /* where the second copy of the head lies */
    SEGMENT_HEAD_USED = 72, /* bytes of each copy */
    SEGMENT_WATERMARK = 2048,
    SEGMENT_WATERMARK_USED = 20,
    RECORD_HEAD = 48,
    RECORD_ALIGN = 8,
};

enum record_kind {
    RECORD_DATA = 1,
    RECORD_TRIM = 2, /* payload: the place, u64 */
};

struct segment_head {
    uint64_t number;  /* 1 for a log's first; the next one has one more */
    uint64_t first;   /* sequence of its first record */
    uint64_t ended;   /* where the last record of the segment before ended */
    uint64_t trimmed; /* places below are of no interest */
    uint64_t size;    /* of the file */
    uint32_t before;  /* `crc` of the record before `first` */
    uint32_t epoch;
    uint32_t salt; /* one for the whole log */
};

struct watermark {
    uint64_t durable; /* all records up to this sequence are */
    bool is_closed;   /* another segment follows */
};

struct record_head {
    uint64_t sequence;
    uint64_t durable; /* all records up to this sequence were durable when it was written */
    uint32_t length;  /* of the payload */
    uint32_t epoch;   /* how often the log was opened before it was written */
    uint32_t payload; /* checksum of the payload */
    uint32_t before;  /* `crc` of the record before */
    uint32_t crc;     /* of all of the above */
    uint8_t kind;
};

void lmdb_segment_head_encode(const struct segment_head *head, bool is_fast, uint8_t *to);
bool lmdb_segment_head_decode(const uint8_t *from, bool is_fast, struct segment_head *head);

/* Fills in `crc` too. */
void lmdb_record_head_encode(struct record_head *head, bool is_fast, uint32_t salt, uint8_t *to);

/* Bytes that a record takes in the file. */
uint64_t lmdb_record_size(uint64_t length);

/* Reads or writes all of it; `done` says how much there was up to the end of the file. */
int32_t lmdb_read_at(int fd, uint8_t *to, uint64_t size, uint64_t offset, uint64_t *done);
int32_t lmdb_write_at(int fd, const uint8_t *from, uint64_t size, uint64_t offset);

/* Reads the head from the first copy that is whole. CORRUPT: neither is. */
int32_t lmdb_segment_head_read(int fd, bool is_fast, struct segment_head *head);

/* CORRUPT: it is damaged, or was never written. */
int32_t lmdb_watermark_read(int fd, bool is_fast, uint32_t salt, struct watermark *mark);
int32_t lmdb_watermark_write(int fd, bool is_fast, uint32_t salt, const struct watermark *mark);

/* Zeros for the next head, at `offset` of a segment of `size` bytes. */
int32_t lmdb_end_write(int fd, uint64_t offset, uint64_t size);

/* A way over the records of a segment, from one that is known on. */
struct walk {
    int fd;
    bool is_fast;
    uint32_t salt;
    uint32_t epoch; /* what comes has no lower one */
    uint64_t sequence;
    uint64_t offset;
    uint64_t end_sequence; /* the first that does not belong to it */
    uint64_t end_offset;
    uint64_t open; /* from this sequence on zeros are the end, before it damage; 0: always damage */
};

/* One record on: its head, and where it lies; its payload is not looked at. NOT_FOUND: it was the
 * last. CORRUPT: the records from where the walk was up to where it now is are damaged. */
int32_t lmdb_walk_step(struct walk *walk, struct record_head *head, uint64_t *at);

/* CORRUPT: the payload of the record at `at` is not what its head says. */
int32_t lmdb_walk_check(const struct walk *walk, const struct record_head *head, uint64_t at);
