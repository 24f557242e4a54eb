/* SPDX-License-Identifier: MIT */

/* log.c: what is done with an open log: append, read, trim. */

#define _DEFAULT_SOURCE /* pwritev */

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "crc32c.h"

enum {
    CHUNK = 16, /* records of one vectored write */
    PARTS = 3,  /* head, payload, zeros */
    COPY_BUFFER = 16384,
    ENTRY_HEAD = 12, /* bytes of an encoded entry besides its content */
};

/* What one append wants written. */
struct batch {
    const struct qn_span *records;
    uint32_t count;
    uint8_t kind;
    bool is_durable;
};

static const struct batch flush = {.kind = RECORD_DATA, .is_durable = true};

/* --- writing records --- */

/* Writes all of the parts, which it uses up. */
static int32_t parts_write(int fd, struct iovec *parts, int count, uint64_t offset)
{
    while (count > 0) {
        ssize_t put = pwritev(fd, parts, count, (off_t)offset);
        size_t left = (size_t)put;

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return lmdb_disk_status(put < 0 ? errno : EIO);
        }
        offset += (uint64_t)put;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return QN_OK;
}

/* pwritev() only reads what it is given, but its type does not say so. */
static void *unconst(const uint8_t *bytes)
{
    void *it;

    memcpy(&it, &bytes, sizeof it);
    return it;
}

/* Writes up to CHUNK records, and zeros for the next head, into a segment of `end` bytes, and moves
 * the tail behind the records. */
static int32_t chunk_write(const struct log *log, int fd, const struct batch *batch, uint32_t first,
                           uint64_t end, struct tail *tail)
{
    static const uint8_t zeros[RECORD_HEAD] = {0};
    uint8_t heads[CHUNK][RECORD_HEAD];
    struct iovec parts[CHUNK * PARTS + 1];
    struct tail at = *tail;
    int count = 0;
    int32_t status;

    for (uint32_t i = 0; i < CHUNK && first + i < batch->count; i++) {
        struct qn_span payload = batch->records[first + i];
        uint64_t size = lmdb_record_size(payload.size);
        struct record_head head = {
            .sequence = at.sequence,
            .durable = log->flushed.sequence - 1,
            .length = (uint32_t)payload.size,
            .epoch = log->epoch,
            .payload = lmdb_crc32c(log->is_fast, log->salt, payload.data, payload.size),
            .before = at.before,
            .kind = batch->kind,
        };

        lmdb_record_head_encode(&head, log->is_fast, log->salt, heads[i]);
        parts[count++] = (struct iovec){heads[i], RECORD_HEAD};
        parts[count++] = (struct iovec){unconst(payload.data), payload.size};
        parts[count++] = (struct iovec){unconst(zeros), size - RECORD_HEAD - payload.size};
        at = (struct tail){at.sequence + 1, at.offset + size, head.crc};
    }
    QN_ASSERT(at.offset <= end);
    parts[count++] = (struct iovec){unconst(zeros),
                                    end - at.offset < RECORD_HEAD ? end - at.offset : RECORD_HEAD};
    status = parts_write(fd, parts, count, tail->offset);
    if (status == QN_OK) {
        *tail = at;
    }
    return status;
}

static int32_t batch_write(const struct log *log, int fd, const struct batch *batch, uint64_t end,
                           struct tail *tail)
{
    for (uint32_t first = 0; first < batch->count; first += CHUNK) {
        int32_t status = chunk_write(log, fd, batch, first, end, tail);

        if (status != QN_OK) {
            return status;
        }
    }
    return QN_OK;
}

static uint64_t batch_size(const struct batch *batch)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        size += lmdb_record_size(batch->records[i].size);
    }
    return size;
}

/* --- a new segment --- */

/* The head of the segment that follows the newest, whose records end at `from`. */
static struct segment_head head_after(const struct log *log, const struct tail *from, uint64_t size)
{
    const struct segment *newest = log->segments[log->segments_count - 1];
    uint64_t least = SEGMENT_HEAD + size;

    return (struct segment_head){
        .number = newest->number + 1,
        .first = from->sequence,
        .ended = from->offset,
        .trimmed = log->trimmed,
        .size = least > log->segment_size ? least : log->segment_size,
        .before = from->before,
        .epoch = log->epoch,
        .salt = log->salt,
    };
}

/* Copies what lies between two tails into another file, byte by byte: a record does not know where
 * it lies. Each is checked, as a page that could not be flushed may be anything. */
static int32_t tail_copy(const struct log *log, int fd, struct tail *to)
{
    struct walk walk = {
        .fd = log->fd,
        .is_fast = log->is_fast,
        .salt = log->salt,
        .sequence = log->flushed.sequence,
        .offset = log->flushed.offset,
        .end_sequence = log->tail.sequence,
        .end_offset = log->tail.offset,
    };
    struct record_head head;
    uint8_t bytes[COPY_BUFFER];
    int32_t status;
    uint64_t at;

    while ((status = lmdb_walk_step(&walk, &head, &at)) == QN_OK) {
        if (head.before != to->before || lmdb_walk_check(&walk, &head, at) != QN_OK) {
            return QN_IO;
        }
        while (at < walk.offset && status == QN_OK) {
            uint64_t left = walk.offset - at, done = 0;
            uint64_t part = left < COPY_BUFFER ? left : COPY_BUFFER;

            status = lmdb_read_at(log->fd, bytes, part, at, &done);
            if (status == QN_OK) {
                status = done == part ? lmdb_write_at(fd, bytes, part, to->offset) : QN_IO;
            }
            at += part;
            to->offset += part;
        }
        if (status != QN_OK) {
            return status;
        }
        to->sequence = walk.sequence;
        to->before = head.crc;
    }
    return status == QN_NOT_FOUND ? QN_OK : QN_IO;
}

/* After a write or flush that failed: all that is not durable, and the batch, anew elsewhere. */
static int32_t tail_move(struct log *log, const struct batch *batch, struct tail *tail)
{
    uint64_t size = log->tail.offset - log->flushed.offset + batch_size(batch);
    struct segment_head head = head_after(log, &log->flushed, size);
    struct tail to = {log->flushed.sequence, SEGMENT_HEAD, log->flushed.before};
    int32_t status = QN_NO_SPACE;
    int fd;

    if (head.size <= UINT32_MAX) {
        status = lmdb_log_begin(log, &head, &fd);
    }
    if (status == QN_OK) {
        status = tail_copy(log, fd, &to);
        if (status == QN_OK) {
            status = lmdb_end_write(fd, to.offset, head.size);
        }
        if (status == QN_OK) {
            status = batch_write(log, fd, batch, head.size, &to);
        }
        if (status == QN_OK) {
            status = lmdb_log_publish(log, &head, fd, &to);
        } else {
            (void)close(fd);
        }
    }
    if (status != QN_OK) {
        log->is_failed = true;
        return QN_IO;
    }
    *tail = to;
    return QN_OK;
}

/* Begins a segment with room for the batch. `is_moved`: the batch is written already, and all is
 * durable, as the flush of the old segment failed. */
static int32_t log_rotate(struct log *log, const struct batch *batch, struct tail *tail,
                          bool *is_moved)
{
    struct segment_head head;
    struct tail to;
    int32_t status;
    int fd;

    *is_moved = false;
    if (log->flushed.sequence != log->tail.sequence) {
        if (fdatasync(log->fd) != 0) {
            *is_moved = true;
            return tail_move(log, batch, tail);
        }
        log->flushed = log->tail;
    }
    head = head_after(log, &log->tail, batch_size(batch));
    if (head.size > UINT32_MAX) {
        return QN_NO_SPACE;
    }
    status = lmdb_log_begin(log, &head, &fd);
    if (status != QN_OK) {
        return status;
    }
    to = (struct tail){log->tail.sequence, SEGMENT_HEAD, log->tail.before};
    status = lmdb_log_publish(log, &head, fd, &to);
    if (status == QN_OK) {
        *tail = to;
    }
    return status;
}

/* --- append --- */

/* Shows the records to readers. */
static void batch_show(struct log *log, const struct batch *batch, const struct tail *tail)
{
    struct segment *segment;
    uint64_t offset = tail->offset - batch_size(batch);
    uint64_t sequence = tail->sequence - batch->count;

    lmdb_log_lock(log);
    segment = log->segments[log->segments_count - 1];
    for (uint32_t i = 0; i < batch->count; i++) {
        lmdb_log_note(log, segment, sequence + i, offset);
        offset += lmdb_record_size(batch->records[i].size);
    }
    log->tail = *tail;
    lmdb_log_unlock(log);
}

static uint64_t newest_size(const struct log *log)
{
    return log->segments[log->segments_count - 1]->size;
}

/* What was durable before is known to be from then on: that watermark was written already, or is
 * now. */
static int32_t log_sync(struct log *log)
{
    int32_t status = lmdb_log_watermark(log, false);

    if (status == QN_OK && fdatasync(log->fd) != 0) {
        status = QN_IO;
    }
    return status;
}

static int32_t batch_append(struct log *log, const struct batch *batch)
{
    struct tail tail = log->tail;
    bool is_flushed = false;
    int32_t status = log->is_failed ? QN_IO : QN_OK;

    if (status == QN_OK && batch_size(batch) > newest_size(log) - tail.offset) {
        status = log_rotate(log, batch, &tail, &is_flushed);
    }
    if (status != QN_OK) {
        return status;
    }
    if (!is_flushed) {
        status = batch_write(log, log->fd, batch, newest_size(log), &tail);
        if (status == QN_OK && batch->is_durable) {
            status = log_sync(log);
            is_flushed = status == QN_OK;
        }
        if (status != QN_OK) {
            status = tail_move(log, batch, &tail);
            is_flushed = true;
        }
    }
    if (status == QN_OK) {
        log->flushed = is_flushed ? tail : log->flushed;
        batch_show(log, batch, &tail);
        (void)lmdb_log_watermark(log, false); /* the next flush tries again, and tells */
    }
    return status;
}

static bool are_records(const struct qn_span *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].size == 0 || records[i].size > QN_STORAGE_RECORD_MAX) {
            return false;
        }
    }
    return true;
}

int32_t lmdb_log_append(struct log *log, const struct qn_span *records, uint32_t count,
                        uint32_t level, uint64_t *places)
{
    struct batch batch = {records, count, RECORD_DATA, level == 1};
    uint64_t size_most = UINT32_MAX - SEGMENT_HEAD;
    int32_t status;

    if (level > 1 || !are_records(records, count)) {
        return QN_INVALID;
    }
    if (batch_size(&batch) > size_most) {
        return QN_NO_SPACE;
    }
    status = batch_append(log, &batch);
    for (uint32_t i = 0; status == QN_OK && i < count; i++) {
        places[i] = log->tail.sequence - count + i;
    }
    return status;
}

void lmdb_log_flush(struct log *log)
{
    if (log->segments_count > 0 && log->flushed.sequence != log->tail.sequence) {
        (void)batch_append(log, &flush);
    }
}

/* Drops what is below `trimmed`, once what follows is durable: else a crash could leave neither. */
static int32_t log_drop(struct log *log)
{
    int32_t status = QN_OK;

    if (log->segments_count < 2 || log->segments[1]->first > log->trimmed) {
        return QN_OK;
    }
    if (log->flushed.sequence <= log->trimmed && log->flushed.sequence < log->tail.sequence) {
        status = batch_append(log, &flush);
    }
    return status == QN_OK ? lmdb_log_drop(log) : status;
}

/* The trim itself may be lost in a crash: then older records are there once more, which is
 * allowed. What must not wait for disk space is that they can be dropped. */
int32_t lmdb_log_trim(struct log *log, uint64_t place)
{
    uint8_t bytes[8];
    struct qn_span payload = {bytes, sizeof bytes};
    struct batch batch = {&payload, 1, RECORD_TRIM, false};
    uint64_t limit = log->tail.sequence;
    int32_t status = QN_OK;

    place = place < limit ? place : limit;
    if (place > log->trimmed) {
        (void)qn_writer_u64(bytes, place);
        status = batch_append(log, &batch);
        lmdb_log_lock(log);
        log->trimmed = place;
        lmdb_log_unlock(log);
    }
    return status == QN_IO ? QN_IO : log_drop(log);
}

/* --- read --- */

/* A segment in use: it keeps its file until it is let go. */
struct view {
    struct segment *segment;
    struct walk walk;
    bool is_indexed;
    bool is_newest;
};

/* Under the lock: the last segment that begins at or before the place. */
static uint64_t segment_index(const struct log *log, uint64_t sequence)
{
    uint64_t low = 0, high = log->segments_count;

    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (log->segments[middle]->first <= sequence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Under the lock: the nearest record at or before the place of which the offset is known. */
static void walk_jump(const struct segment *segment, uint64_t sequence, struct walk *walk)
{
    uint64_t i = sequence > segment->first ? (sequence - segment->first) / LOG_STRIDE + 1 : 0;

    for (i = i < segment->room ? i : segment->room; i > 0; i--) {
        if (segment->offsets[i - 1] != 0 && segment->first + (i - 1) * LOG_STRIDE <= sequence) {
            walk->sequence = segment->first + (i - 1) * LOG_STRIDE;
            walk->offset = segment->offsets[i - 1];
            return;
        }
    }
    walk->sequence = segment->first;
    walk->offset = SEGMENT_HEAD;
}

/* Pins the segment with the first record at or after `place`, which moves up to what there is.
 * NOT_FOUND: there is none. */
static int32_t view_open(struct log *log, uint64_t *place, struct view *view)
{
    uint64_t from = *place;
    struct log_file file;

    lmdb_log_lock(log);
    from = from > log->trimmed ? from : log->trimmed;
    from = from > log->segments[0]->first ? from : log->segments[0]->first;
    if (from >= log->tail.sequence) {
        lmdb_log_unlock(log);
        return QN_NOT_FOUND;
    }

    uint64_t i = segment_index(log, from);

    view->segment = log->segments[i];
    view->segment->pins++;
    view->is_indexed = view->segment->is_indexed;
    view->is_newest = i + 1 == log->segments_count;
    view->walk = (struct walk){
        .is_fast = log->is_fast,
        .salt = log->salt,
        .epoch = view->segment->epoch,
        .end_sequence = view->is_newest ? log->tail.sequence : log->segments[i + 1]->first,
        .end_offset = view->is_newest ? log->tail.offset : view->segment->end,
    };
    walk_jump(view->segment, from, &view->walk);
    file = lmdb_log_file(log, view->segment->number);
    lmdb_log_unlock(log);
    *place = from;
    view->walk.fd = lmdb_log_open_file(log, file.name, O_RDONLY);
    return QN_OK;
}

static void view_close(struct log *log, struct view *view)
{
    if (view->walk.fd >= 0) {
        (void)close(view->walk.fd);
    }
    lmdb_log_lock(log);
    view->segment->pins--;
    lmdb_log_unlock(log);
}

/* Notes where the records of an old segment lie, the first time that it is read. */
static int32_t view_index(struct log *log, const struct view *view)
{
    struct walk walk = view->walk;
    struct record_head head;
    uint64_t at;
    int32_t status;

    walk.sequence = view->segment->first;
    walk.offset = SEGMENT_HEAD;
    while ((status = lmdb_walk_step(&walk, &head, &at)) == QN_OK || status == QN_CORRUPT) {
        if (status == QN_OK && (head.sequence - view->segment->first) % LOG_STRIDE == 0) {
            lmdb_log_lock(log);
            lmdb_log_note(log, view->segment, head.sequence, at);
            lmdb_log_unlock(log);
        }
    }
    if (status != QN_NOT_FOUND) {
        return status;
    }
    lmdb_log_lock(log);
    view->segment->is_indexed = true;
    lmdb_log_unlock(log);
    return QN_OK;
}

/* What a read has given so far. */
struct reading {
    struct log *log;
    struct qn_sink *entries;
    uint64_t bytes, bytes_max;
    bool any;
};

static int32_t entry_room(struct reading *reading, uint64_t size, uint8_t **room)
{
    if (reading->any &&
        (reading->bytes >= reading->bytes_max || size > reading->bytes_max - reading->bytes)) {
        return QN_AGAIN;
    }
    *room = reading->log->host->sink_room(reading->entries, size);
    if (*room == NULL) {
        return reading->any ? QN_AGAIN : QN_NO_SPACE;
    }
    return QN_OK;
}

static void entry_commit(struct reading *reading, uint64_t place, uint32_t length, uint8_t *room)
{
    (void)qn_writer_u32(qn_writer_u64(room, place), length);
    reading->log->host->sink_commit(reading->entries, ENTRY_HEAD + (uint64_t)length);
    reading->bytes += ENTRY_HEAD + (uint64_t)length;
    reading->any = true;
}

/* One empty entry for each place that is lost. */
static int32_t entries_lost(struct reading *reading, uint64_t from, uint64_t to)
{
    for (; from < to; from++) {
        uint8_t *room;
        int32_t status = entry_room(reading, ENTRY_HEAD, &room);

        if (status != QN_OK) {
            return status;
        }
        entry_commit(reading, from, 0, room);
    }
    return QN_OK;
}

static int32_t entry_give(struct reading *reading, const struct walk *walk,
                          const struct record_head *head, uint64_t at)
{
    const struct log *log = reading->log;
    uint64_t done = 0;
    uint8_t *room;
    int32_t status;

    if (head->kind != RECORD_DATA) {
        return QN_OK;
    }
    status = entry_room(reading, ENTRY_HEAD + (uint64_t)head->length, &room);
    if (status != QN_OK) {
        return status;
    }
    status = lmdb_read_at(walk->fd, room + ENTRY_HEAD, head->length, at + RECORD_HEAD, &done);
    if (status != QN_OK) {
        return status;
    }

    bool is_whole = done == head->length &&
                    lmdb_crc32c(log->is_fast, log->salt, room + ENTRY_HEAD, done) == head->payload;

    entry_commit(reading, head->sequence, is_whole ? head->length : 0, room);
    return QN_OK;
}

/* Gives what the segment has from `place` on. */
static int32_t view_read(struct reading *reading, struct view *view, uint64_t place)
{
    struct walk *walk = &view->walk;
    int32_t status = QN_OK;

    while (status == QN_OK) {
        struct record_head head;
        uint64_t at, from = walk->sequence;

        status = lmdb_walk_step(walk, &head, &at);
        if (status == QN_CORRUPT) {
            status = entries_lost(reading, from > place ? from : place, walk->sequence);
        } else if (status == QN_OK && head.sequence >= place) {
            status = entry_give(reading, walk, &head, at);
        }
    }
    return status == QN_NOT_FOUND ? QN_OK : status;
}

int32_t lmdb_log_read(struct log *log, uint64_t place, uint64_t bytes_max, struct qn_sink *entries)
{
    struct reading reading = {.log = log, .entries = entries, .bytes_max = bytes_max};
    int32_t status = QN_OK;

    while (status == QN_OK) {
        struct view view;

        status = view_open(log, &place, &view);
        if (status != QN_OK) {
            break;
        }
        status = view.walk.fd >= 0 ? QN_OK : QN_IO;
        if (status == QN_OK && !view.is_indexed) {
            status = view_index(log, &view);
        }
        if (status == QN_OK) {
            status = view_read(&reading, &view, place);
        }
        place = view.walk.end_sequence;
        view_close(log, &view);
    }
    return status == QN_NOT_FOUND && reading.any ? QN_OK : status;
}
