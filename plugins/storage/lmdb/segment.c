/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* SEEK_DATA */

#include "segment.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "crc32c.h"

/* Head of a segment: magic 8, version 4, salt 4, number 8, first 8, ended 8, trimmed 8, size 8,
 * before 4, epoch 4, zero 4, checksum of it all 4.
 * Watermark: magic 4, closed 4 (0 or 1), durable 8, checksum 4.
 * Head of a record: magic 4, kind 4, length 4, epoch 4, sequence 8, durable 8,
 * payload 4, before 4, zero 4, checksum 4. */

enum {
    SEGMENT_VERSION = 1,
    RECORD_MAGIC = 0x524c4e51,    /* "QNLR" */
    WATERMARK_MAGIC = 0x574c4e51, /* "QNLW" */
    BUFFER = 16384,
};

static const uint8_t segment_magic[8] = {'Q', 'N', 'S', 'E', 'G', 'M', 'N', 'T'};

void lmdb_segment_head_encode(const struct segment_head *head, bool is_fast, uint8_t *to)
{
    uint8_t *at = qn_writer_fixed(to, segment_magic, sizeof segment_magic);

    at = qn_writer_u32(at, SEGMENT_VERSION);
    at = qn_writer_u32(at, head->salt);
    at = qn_writer_u64(at, head->number);
    at = qn_writer_u64(at, head->first);
    at = qn_writer_u64(at, head->ended);
    at = qn_writer_u64(at, head->trimmed);
    at = qn_writer_u64(at, head->size);
    at = qn_writer_u32(at, head->before);
    at = qn_writer_u32(at, head->epoch);
    at = qn_writer_u32(at, 0);
    at = qn_writer_u32(at, lmdb_crc32c(is_fast, 0, to, SEGMENT_HEAD_USED - 4));
    QN_ASSERT(at == to + SEGMENT_HEAD_USED);
}

bool lmdb_segment_head_decode(const uint8_t *from, bool is_fast, struct segment_head *head)
{
    struct qn_reader in = qn_reader_over(
        (struct qn_span){from + sizeof segment_magic, SEGMENT_HEAD_USED - sizeof segment_magic});
    uint32_t version = qn_reader_u32(&in);
    struct segment_head it = {.salt = qn_reader_u32(&in)};

    it.number = qn_reader_u64(&in);
    it.first = qn_reader_u64(&in);
    it.ended = qn_reader_u64(&in);
    it.trimmed = qn_reader_u64(&in);
    it.size = qn_reader_u64(&in);
    it.before = qn_reader_u32(&in);
    it.epoch = qn_reader_u32(&in);
    (void)qn_reader_u32(&in);
    if (memcmp(from, segment_magic, sizeof segment_magic) != 0 || version != SEGMENT_VERSION ||
        qn_reader_u32(&in) != lmdb_crc32c(is_fast, 0, from, SEGMENT_HEAD_USED - 4)) {
        return false;
    }
    *head = it;
    return true;
}

void lmdb_record_head_encode(struct record_head *head, bool is_fast, uint32_t salt, uint8_t *to)
{
    uint8_t *at = qn_writer_u32(to, RECORD_MAGIC);

    at = qn_writer_u32(at, head->kind);
    at = qn_writer_u32(at, head->length);
    at = qn_writer_u32(at, head->epoch);
    at = qn_writer_u64(at, head->sequence);
    at = qn_writer_u64(at, head->durable);
    at = qn_writer_u32(at, head->payload);
    at = qn_writer_u32(at, head->before);
    at = qn_writer_u32(at, 0);
    head->crc = lmdb_crc32c(is_fast, salt, to, RECORD_HEAD - 4);
    at = qn_writer_u32(at, head->crc);
    QN_ASSERT(at == to + RECORD_HEAD);
}

static bool record_head_decode(const uint8_t *from, bool is_fast, uint32_t salt,
                               struct record_head *head)
{
    struct qn_reader in = qn_reader_over((struct qn_span){from, RECORD_HEAD});

    if (qn_reader_u32(&in) != RECORD_MAGIC) {
        return false;
    }

    head->kind = (uint8_t)qn_reader_u32(&in);
    head->length = qn_reader_u32(&in);
    head->epoch = qn_reader_u32(&in);
    head->sequence = qn_reader_u64(&in);
    head->durable = qn_reader_u64(&in);
    head->payload = qn_reader_u32(&in);
    head->before = qn_reader_u32(&in);
    (void)qn_reader_u32(&in);
    head->crc = qn_reader_u32(&in);
    return head->crc == lmdb_crc32c(is_fast, salt, from, RECORD_HEAD - 4);
}

uint64_t lmdb_record_size(uint64_t length)
{
    return (RECORD_HEAD + length + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

/* --- reading and writing --- */

int32_t lmdb_read_at(int fd, uint8_t *to, uint64_t size, uint64_t offset, uint64_t *done)
{
    uint64_t at = 0;

    while (at < size) {
        ssize_t got = pread(fd, to + at, size - at, (off_t)(offset + at));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return QN_IO;
        }
        if (got == 0) {
            break;
        }
        at += (uint64_t)got;
    }
    *done = at;
    return QN_OK;
}

int32_t lmdb_write_at(int fd, const uint8_t *from, uint64_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t put = pwrite(fd, from, size, (off_t)offset);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return QN_IO;
        }
        from += put;
        size -= (uint64_t)put;
        offset += (uint64_t)put;
    }
    return QN_OK;
}

int32_t lmdb_segment_head_read(int fd, bool is_fast, struct segment_head *head)
{
    uint8_t bytes[SEGMENT_HEAD_USED];
    uint64_t done;

    for (uint64_t at = 0; at <= SEGMENT_COPY; at += SEGMENT_COPY) {
        int32_t status = lmdb_read_at(fd, bytes, sizeof bytes, at, &done);

        if (status != QN_OK) {
            return status;
        }
        if (done == sizeof bytes && lmdb_segment_head_decode(bytes, is_fast, head)) {
            return QN_OK;
        }
    }
    return QN_CORRUPT;
}

/* --- how far it goes --- */

int32_t lmdb_watermark_read(int fd, bool is_fast, uint32_t salt, struct watermark *mark)
{
    uint8_t bytes[SEGMENT_WATERMARK_USED];
    uint64_t done;
    int32_t status = lmdb_read_at(fd, bytes, sizeof bytes, SEGMENT_WATERMARK, &done);
    struct qn_reader in = qn_reader_over((struct qn_span){bytes, sizeof bytes});

    if (status != QN_OK) {
        return status;
    }
    if (done < sizeof bytes || qn_reader_u32(&in) != WATERMARK_MAGIC) {
        return QN_CORRUPT;
    }

    struct watermark it = {.is_closed = qn_reader_u32(&in) != 0};

    it.durable = qn_reader_u64(&in);
    if (qn_reader_u32(&in) != lmdb_crc32c(is_fast, salt, bytes, sizeof bytes - 4)) {
        return QN_CORRUPT;
    }
    *mark = it;
    return QN_OK;
}

int32_t lmdb_watermark_write(int fd, bool is_fast, uint32_t salt, const struct watermark *mark)
{
    uint8_t bytes[SEGMENT_WATERMARK_USED];
    uint8_t *at = qn_writer_u32(bytes, WATERMARK_MAGIC);

    at = qn_writer_u32(at, mark->is_closed);
    at = qn_writer_u64(at, mark->durable);
    at = qn_writer_u32(at, lmdb_crc32c(is_fast, salt, bytes, sizeof bytes - 4));
    QN_ASSERT(at == bytes + sizeof bytes);
    return lmdb_write_at(fd, bytes, sizeof bytes, SEGMENT_WATERMARK);
}

int32_t lmdb_end_write(int fd, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[RECORD_HEAD] = {0};
    uint64_t left = size - offset;

    return lmdb_write_at(fd, zeros, left < RECORD_HEAD ? left : RECORD_HEAD, offset);
}

/* --- the walk --- */

/* Whether a record of this walk, not below `least`, begins with these bytes. Between it and where
 * the walk is there must have been room for all that it says came before. */
static bool is_record(const struct walk *walk, const uint8_t *bytes, uint64_t at, uint64_t least,
                      struct record_head *head)
{
    return record_head_decode(bytes, walk->is_fast, walk->salt, head) && head->sequence >= least &&
           head->sequence < walk->end_sequence && head->durable < head->sequence &&
           head->sequence - walk->sequence <= (at - walk->offset) / RECORD_HEAD &&
           head->epoch >= walk->epoch && head->length <= QN_STORAGE_RECORD_MAX &&
           lmdb_record_size(head->length) <= walk->end_offset - at;
}

/* Moves over what was never written, where the file system knows it. False: there is no more. */
static bool hole_skip(int fd, uint64_t *offset)
{
    off_t data = lseek(fd, (off_t)*offset, SEEK_DATA);

    if (data > (off_t)*offset) {
        *offset = (uint64_t)data / RECORD_ALIGN * RECORD_ALIGN;
    }
    return data >= 0 || errno != ENXIO;
}

/* The next record after a damaged one. NOT_FOUND: there is none. */
static int32_t walk_search(const struct walk *walk, struct record_head *head, uint64_t *at)
{
    uint8_t bytes[BUFFER];
    uint64_t offset = walk->offset + RECORD_ALIGN;

    while (hole_skip(walk->fd, &offset) && offset + RECORD_HEAD <= walk->end_offset) {
        uint64_t left = walk->end_offset - offset, done;
        int32_t status =
            lmdb_read_at(walk->fd, bytes, left < BUFFER ? left : BUFFER, offset, &done);

        if (status != QN_OK) {
            return status;
        }
        if (done < RECORD_HEAD) {
            break; /* the file is shorter than it was */
        }
        for (uint64_t i = 0; i + RECORD_HEAD <= done; i += RECORD_ALIGN) {
            if (is_record(walk, bytes + i, offset + i, walk->sequence + 1, head)) {
                *at = offset + i;
                return QN_OK;
            }
        }
        offset += done / RECORD_ALIGN * RECORD_ALIGN - RECORD_HEAD + RECORD_ALIGN;
    }
    return QN_NOT_FOUND;
}

static int32_t walk_skip(struct walk *walk)
{
    struct record_head head;
    uint64_t at;
    int32_t status = walk_search(walk, &head, &at);

    if (status == QN_OK) {
        walk->sequence = head.sequence;
        walk->offset = at;
    } else if (status == QN_NOT_FOUND) {
        walk->sequence = walk->end_sequence;
        walk->offset = walk->end_offset;
    } else {
        return status;
    }
    return QN_CORRUPT;
}

/* Whether nothing was ever written where the walk is; `done`: bytes that are there. */
static bool is_end(const struct walk *walk, const uint8_t *bytes, uint64_t done)
{
    static const uint8_t zeros[RECORD_HEAD] = {0};

    if (walk->open == 0 || walk->sequence < walk->open) {
        return false;
    }
    return walk->offset + RECORD_HEAD > walk->end_offset ||
           (done == RECORD_HEAD && memcmp(bytes, zeros, RECORD_HEAD) == 0);
}

int32_t lmdb_walk_step(struct walk *walk, struct record_head *head, uint64_t *at)
{
    uint8_t bytes[RECORD_HEAD] = {0};
    uint64_t done = 0;

    if (walk->sequence >= walk->end_sequence) {
        return QN_NOT_FOUND;
    }
    if (walk->offset + RECORD_HEAD <= walk->end_offset) {
        int32_t status = lmdb_read_at(walk->fd, bytes, sizeof bytes, walk->offset, &done);

        if (status != QN_OK) {
            return status;
        }
    }
    if (is_end(walk, bytes, done)) {
        return QN_NOT_FOUND;
    }
    if (done < sizeof bytes || !is_record(walk, bytes, walk->offset, walk->sequence, head)) {
        return walk_skip(walk);
    }
    *at = walk->offset;
    walk->sequence++;
    walk->offset += lmdb_record_size(head->length);
    walk->epoch = head->epoch;
    return QN_OK;
}

int32_t lmdb_walk_check(const struct walk *walk, const struct record_head *head, uint64_t at)
{
    uint8_t bytes[BUFFER];
    uint32_t crc = walk->salt;
    uint64_t left = head->length;

    for (at += RECORD_HEAD; left > 0;) {
        uint64_t part = left < BUFFER ? left : BUFFER, done;
        int32_t status = lmdb_read_at(walk->fd, bytes, part, at, &done);

        if (status != QN_OK) {
            return status;
        }
        if (done < part) {
            return QN_CORRUPT;
        }
        crc = lmdb_crc32c(walk->is_fast, crc, bytes, part);
        at += part;
        left -= part;
    }
    return crc == head->payload ? QN_OK : QN_CORRUPT;
}
