/* SPDX-License-Identifier: MIT */
#pragma once

/* log.h: one log of the instance: a row of segment files, of which the newest is appended to.
 *
 * A place is a sequence number: it never changes and is never given twice. A segment is flushed
 * before the next one begins, so only the newest can have a torn tail. When a flush or a write
 * fails, nothing is tried again on the same bytes: what was not durable is written anew into a
 * segment of its own; when that fails too, the log takes no more records until it is opened again.
 *
 * Each record says up to where the log was durable when it was written, and after each flush the
 * watermark of the newest segment says it too. What recovery keeps: let P be the highest such
 * place. All up to P stays, and what of it cannot be read is damaged, each by its place. From the
 * first misfit beyond P on the tail was torn and is cut, with a warning if there is any.
 *
 * The watermark is written after the flush that made it true, so a torn write is never taken for
 * damage; it goes to the disk with the next flush, so it costs no time. A killed process leaves it
 * as it was written; a power failure may leave the one before, so that damage to just the last
 * append looks like a torn one. Who must not lose even that (the sign guard) flushes once more: an
 * append of no records. Alternatives were a second log for copies (a segment more, and two tails
 * to compare) and a copy of each record behind it (one lost page takes both).
 *
 * Files, for a log NAME: NAME.<number>.log the segments; NAME.spare one that was trimmed or made
 * ahead; NAME.new and NAME.next while they are made.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, and sequence numbers
 *   owns     the log takes its memory from the host
 *   threads  append and trim of one log never overlap; read, prepare and stats overlap anything
 *   cost     waits for the disk
 *   errors   IO: the disk says no; nothing was written
 *
 * Source: performance.md 7.
 */

#include <pthread.h>
#include <stdbool.h>

#include <qnet/storage.h>

#include "segment.h"

enum {
    LOG_FILE_NAME_MAX = QN_STORAGE_NAME_MAX + 32,
    LOG_STRIDE = 16, /* records between two of which the offset is known */
};

struct segment {
    uint64_t number;
    uint64_t first; /* sequence of its first record */
    uint64_t end;   /* where its last record ends; of the newest: `tail` of the log counts */
    uint64_t size;  /* of the file */
    uint32_t epoch;
    uint32_t pins;     /* reads that use the file */
    bool is_indexed;   /* all that is below `end` */
    uint32_t *offsets; /* of every LOG_STRIDE-th record; 0: unknown */
    uint64_t room;     /* elements of `offsets` */
};

/* Where the next record comes. */
struct tail {
    uint64_t sequence;
    uint64_t offset;
    uint32_t before; /* `crc` of the record before */
};

struct log {
    const struct qn_host *host;
    struct qn_node *node;
    int folder;
    bool is_fast; /* crc32c */
    char name[QN_STORAGE_NAME_MAX + 1];
    uint64_t segment_size;
    uint32_t salt;
    uint32_t epoch;
    int fd;              /* of the newest segment */
    struct tail flushed; /* all before it is durable */
    uint64_t marked;     /* all before this sequence is known to be, by the watermark */
    bool is_failed;

    pthread_mutex_t lock; /* for all below */
    struct segment **segments;
    uint64_t segments_count, segments_room;
    struct tail tail;
    uint64_t trimmed;
    bool has_spare;
};

/* What a log needs to know of its instance. */
struct log_setup {
    const struct qn_host *host;
    struct qn_node *node;
    int folder;
    bool is_fast;
    uint64_t segment_size;
};

/* Whether there are files of a log of that name. */
int32_t lmdb_log_exists(int folder, const char *name, bool *exists);

/* Makes it, or recovers it. CORRUPT: a segment is missing, the last one too, or its head is
 * damaged. */
int32_t lmdb_log_open(struct log *log, const struct log_setup *setup, const char *name);

/* Flushes it, and gives back what is not memory; also of a log that is all zeros. */
void lmdb_log_close(struct log *log);

/* Ends it in order: all that was appended is durable. */
void lmdb_log_flush(struct log *log);

/* As the slots. */
int32_t lmdb_log_append(struct log *log, const struct qn_span *records, uint32_t count,
                        uint32_t level, uint64_t *places);
int32_t lmdb_log_read(struct log *log, uint64_t place, uint64_t bytes_max, struct qn_sink *entries);
int32_t lmdb_log_trim(struct log *log, uint64_t place);

/* Makes a spare segment if the newest is half full and there is none. NO_SPACE: disk full. */
int32_t lmdb_log_prepare(struct log *log);

/* Records, and bytes of all files. */
void lmdb_log_count(struct log *log, uint64_t *records, uint64_t *bytes);

/* --- between the files of the log; not for others --- */

void lmdb_log_lock(struct log *log);
void lmdb_log_unlock(struct log *log);

/* A file of the log, or -1. While the process has no descriptor left, which others may bring about
 * and no disk is to blame for, it waits up to half a minute: nothing was written yet. */
int lmdb_log_open_file(const struct log *log, const char *name, int flags);

/* The name of a segment's file. */
struct log_file {
    char name[LOG_FILE_NAME_MAX];
};
struct log_file lmdb_log_file(const struct log *log, uint64_t number);

/* Writes the watermark of the newest segment, unless it stands where it should. */
int32_t lmdb_log_watermark(struct log *log, bool is_closed);

/* Makes the file of a new segment after the newest, as NAME.new, with its head but without records.
 * NO_SPACE: disk full, or no memory. */
int32_t lmdb_log_begin(struct log *log, const struct segment_head *head, int *fd);

/* Gives it its name, flushed, and makes it the newest; `tail` is where it goes on. Takes over
 * `fd`, and closes it when it fails. */
int32_t lmdb_log_publish(struct log *log, const struct segment_head *head, int fd,
                         const struct tail *tail);

/* Adds a segment to the end of the table. NO_SPACE: no memory. */
int32_t lmdb_log_add(struct log *log, const struct segment_head *head);

/* Remembers where a record lies. Under the lock. */
void lmdb_log_note(struct log *log, struct segment *segment, uint64_t sequence, uint64_t offset);

/* Drops segments of which every record was trimmed; one of them may become the spare. */
int32_t lmdb_log_drop(struct log *log);

/* NO_SPACE if errno says that the disk is full, else IO. */
int32_t lmdb_disk_status(int error);
