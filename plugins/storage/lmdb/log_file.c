/* SPDX-License-Identifier: MIT */

/* log_file.c: the files of a log: how a segment is born, published, indexed and dropped. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "log.h"

enum {
    FILE_MODE = 0600,
    TABLE_LEAST = 16,
    OFFSETS_LEAST = 64,
    DESCRIPTOR_WAIT_NS = 20000000,
    DESCRIPTOR_WAITS = 1500, /* half a minute */
};

void lmdb_log_lock(struct log *log)
{
    int error = pthread_mutex_lock(&log->lock);

    QN_ASSERT(error == 0);
}

void lmdb_log_unlock(struct log *log)
{
    int error = pthread_mutex_unlock(&log->lock);

    QN_ASSERT(error == 0);
}

int32_t lmdb_disk_status(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? QN_NO_SPACE : QN_IO;
}

int lmdb_log_open_file(const struct log *log, const char *name, int flags)
{
    const struct timespec pause = {.tv_nsec = DESCRIPTOR_WAIT_NS};
    int file = openat(log->folder, name, flags | O_CLOEXEC, FILE_MODE);

    for (int i = 0; file < 0 && (errno == EMFILE || errno == ENFILE) && i < DESCRIPTOR_WAITS; i++) {
        (void)nanosleep(&pause, NULL);
        file = openat(log->folder, name, flags | O_CLOEXEC, FILE_MODE);
    }
    return file;
}

struct log_file lmdb_log_file(const struct log *log, uint64_t number)
{
    struct log_file file;
    int size = snprintf(file.name, sizeof file.name, "%s.%016llx.log", log->name,
                        (unsigned long long)number);

    QN_ASSERT(size > 0 && (size_t)size < sizeof file.name);
    return file;
}

static struct log_file file_of(const struct log *log, const char *what)
{
    struct log_file file;
    int size = snprintf(file.name, sizeof file.name, "%s.%s", log->name, what);

    QN_ASSERT(size > 0 && (size_t)size < sizeof file.name);
    return file;
}

/* --- the table and its indexes --- */

/* Makes room in a row of `size` bytes each; false: no memory, and the row is as it was. */
static bool row_grow(struct log *log, void **row, uint64_t size, uint64_t count, uint64_t *room)
{
    uint64_t more = *room * 2;
    void *it = log->host->take(log->node, more * size);

    if (it == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(it, *row, count * size);
    }
    log->host->give(log->node, *row);
    *row = it;
    *room = more;
    return true;
}

/* Under the lock. */
static bool table_reserve(struct log *log)
{
    void *row = log->segments;

    if (log->segments_count < log->segments_room) {
        return true;
    }
    if (log->segments_room == 0) {
        log->segments_room = TABLE_LEAST / 2;
    }

    bool fits =
        row_grow(log, &row, sizeof *log->segments, log->segments_count, &log->segments_room);

    if (fits) {
        log->segments = row;
    } else if (log->segments == NULL) {
        log->segments_room = 0;
    }
    return fits;
}

int32_t lmdb_log_add(struct log *log, const struct segment_head *head)
{
    struct segment *segment = log->host->take(log->node, sizeof *segment);
    bool fits;

    if (segment == NULL) {
        return QN_NO_SPACE;
    }
    segment->number = head->number;
    segment->first = head->first;
    segment->end = SEGMENT_HEAD;
    segment->size = head->size;
    segment->epoch = head->epoch;
    lmdb_log_lock(log);
    fits = table_reserve(log);
    if (fits) {
        if (log->segments_count > 0) {
            log->segments[log->segments_count - 1]->end = head->ended;
        }
        log->segments[log->segments_count++] = segment;
    }
    lmdb_log_unlock(log);
    if (!fits) {
        log->host->give(log->node, segment);
    }
    return fits ? QN_OK : QN_NO_SPACE;
}

/* Without memory the way from the last known offset is longer, and that is all. */
void lmdb_log_note(struct log *log, struct segment *segment, uint64_t sequence, uint64_t offset)
{
    uint64_t at = (sequence - segment->first) / LOG_STRIDE;

    if ((sequence - segment->first) % LOG_STRIDE != 0) {
        return;
    }
    while (at >= segment->room) {
        void *row = segment->offsets;
        uint64_t old = segment->room, room = old > 0 ? old : OFFSETS_LEAST / 2;

        if (!row_grow(log, &row, sizeof *segment->offsets, old, &room)) {
            return;
        }
        segment->offsets = row;
        segment->room = room;
    }
    segment->offsets[at] = (uint32_t)offset;
}

/* --- birth --- */

int32_t lmdb_log_watermark(struct log *log, bool is_closed)
{
    const struct watermark mark = {log->flushed.sequence - 1, is_closed};
    int32_t status = QN_OK;

    if (is_closed || log->marked != log->flushed.sequence) {
        status = lmdb_watermark_write(log->fd, log->is_fast, log->salt, &mark);
    }
    if (status == QN_OK) {
        log->marked = log->flushed.sequence;
    }
    return status;
}

/* A head, its copy, the watermark and the end: a spare holds those of an earlier life. */
static int32_t head_write(const struct log *log, int fd, const struct segment_head *head)
{
    const struct watermark mark = {.durable = head->first - 1};
    uint8_t bytes[SEGMENT_HEAD_USED];
    int32_t status;

    lmdb_segment_head_encode(head, log->is_fast, bytes);
    status = lmdb_write_at(fd, bytes, sizeof bytes, 0);
    if (status == QN_OK) {
        status = lmdb_write_at(fd, bytes, sizeof bytes, SEGMENT_COPY);
    }
    if (status == QN_OK) {
        status = lmdb_watermark_write(fd, log->is_fast, log->salt, &mark);
    }
    return status == QN_OK ? lmdb_end_write(fd, SEGMENT_HEAD, head->size) : status;
}

/* A file of the log's size, without content. */
static int32_t file_make(struct log *log, const char *name, uint64_t size, int *fd)
{
    int file = lmdb_log_open_file(log, name, O_RDWR | O_CREAT | O_TRUNC);
    int error;

    if (file < 0) {
        return lmdb_disk_status(errno);
    }
    do {
        error = posix_fallocate(file, 0, (off_t)size);
    } while (error == EINTR);
    if (error != 0) {
        (void)close(file);
        (void)unlinkat(log->folder, name, 0);
        return lmdb_disk_status(error);
    }
    *fd = file;
    return QN_OK;
}

/* The spare as NAME.new, if there is one and it is large enough. */
static bool spare_take(struct log *log, const char *name, uint64_t size, int *fd)
{
    struct log_file spare = file_of(log, "spare");
    bool has_spare;

    lmdb_log_lock(log);
    has_spare = log->has_spare && size == log->segment_size;
    log->has_spare = log->has_spare && !has_spare;
    lmdb_log_unlock(log);
    if (!has_spare || renameat(log->folder, spare.name, log->folder, name) != 0) {
        return false;
    }
    *fd = lmdb_log_open_file(log, name, O_RDWR);
    return *fd >= 0;
}

int32_t lmdb_log_begin(struct log *log, const struct segment_head *head, int *fd)
{
    struct log_file file = file_of(log, "new");
    int32_t status = QN_OK;
    int it = -1;

    if (!spare_take(log, file.name, head->size, &it)) {
        status = file_make(log, file.name, head->size, &it);
    }
    if (status != QN_OK) {
        return status;
    }
    status = head_write(log, it, head);
    if (status != QN_OK) {
        (void)close(it);
        return status;
    }
    *fd = it;
    return QN_OK;
}

/* Lets go of the newest segment, once there is a newer one: it says so, should that one be lost.
 * A disk that refuses this much will refuse more. */
static void segment_leave(struct log *log)
{
    if (log->fd >= 0) {
        if (lmdb_log_watermark(log, true) == QN_OK) {
            (void)fdatasync(log->fd);
        }
        (void)close(log->fd);
    }
}

int32_t lmdb_log_publish(struct log *log, const struct segment_head *head, int fd,
                         const struct tail *tail)
{
    struct log_file from = file_of(log, "new");
    struct log_file to = lmdb_log_file(log, head->number);
    int32_t status = QN_OK;

    if (fdatasync(fd) != 0 || renameat(log->folder, from.name, log->folder, to.name) != 0) {
        status = lmdb_disk_status(errno);
    } else if (fsync(log->folder) != 0) {
        /* Whether it is there after a crash is open; both ways are right, as it holds nothing that
         * anybody was told of. Its number must not be used again, though. */
        status = QN_IO;
        log->is_failed = true;
    } else {
        status = lmdb_log_add(log, head);
        log->is_failed = log->is_failed || status != QN_OK;
    }
    if (status != QN_OK) {
        (void)close(fd);
        return status;
    }
    segment_leave(log);
    log->fd = fd;
    log->marked = head->first;
    log->flushed = *tail;
    lmdb_log_lock(log);
    log->segments[log->segments_count - 1]->is_indexed = true;
    log->tail = *tail;
    lmdb_log_unlock(log);
    return QN_OK;
}

/* --- spares and the end --- */

int32_t lmdb_log_prepare(struct log *log)
{
    struct log_file next = file_of(log, "next"), spare = file_of(log, "spare");
    bool is_wanted;
    int fd;

    lmdb_log_lock(log);
    is_wanted =
        !log->has_spare && log->tail.offset > log->segments[log->segments_count - 1]->size / 2;
    lmdb_log_unlock(log);
    if (!is_wanted) {
        return QN_OK;
    }

    int32_t status = file_make(log, next.name, log->segment_size, &fd);

    if (status != QN_OK) {
        return status;
    }
    (void)close(fd);
    lmdb_log_lock(log);
    if (log->has_spare || renameat(log->folder, next.name, log->folder, spare.name) != 0) {
        (void)unlinkat(log->folder, next.name, 0); /* a trim was faster */
    } else {
        log->has_spare = true;
    }
    lmdb_log_unlock(log);
    return QN_OK;
}

/* Under the lock. The oldest segment leaves the table and becomes the spare, or nothing. */
static bool oldest_drop(struct log *log)
{
    struct segment *oldest = log->segments[0];
    struct log_file file = lmdb_log_file(log, oldest->number);
    struct log_file spare = file_of(log, "spare");
    bool is_done;

    if (!log->has_spare && oldest->size == log->segment_size) {
        is_done = renameat(log->folder, file.name, log->folder, spare.name) == 0;
        log->has_spare = is_done;
    } else {
        is_done = unlinkat(log->folder, file.name, 0) == 0;
    }
    if (is_done) {
        log->segments_count--;
        memmove(log->segments, log->segments + 1, log->segments_count * sizeof(struct segment *));
        log->host->give(log->node, oldest->offsets);
        log->host->give(log->node, oldest);
    }
    return is_done;
}

/* The folder is flushed before the spare is written to: otherwise a crash could leave a segment of
 * the old name with the new content. */
int32_t lmdb_log_drop(struct log *log)
{
    int32_t status = QN_OK;
    bool any = false;

    lmdb_log_lock(log);
    while (status == QN_OK && log->segments_count > 1 && log->segments[0]->pins == 0 &&
           log->segments[1]->first <= log->trimmed) {
        status = oldest_drop(log) ? QN_OK : QN_IO;
        any = true;
    }
    if (any && fsync(log->folder) != 0) {
        status = QN_IO;
    }
    lmdb_log_unlock(log);
    return status;
}

void lmdb_log_count(struct log *log, uint64_t *records, uint64_t *bytes)
{
    uint64_t oldest, sum = 0;

    lmdb_log_lock(log);
    oldest = log->segments[0]->first > log->trimmed ? log->segments[0]->first : log->trimmed;
    *records = log->tail.sequence - oldest;
    for (uint64_t i = 0; i < log->segments_count; i++) {
        sum += log->segments[i]->size;
    }
    *bytes = sum + (log->has_spare ? log->segment_size : 0);
    lmdb_log_unlock(log);
}
