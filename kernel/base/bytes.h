/* SPDX-License-Identifier: MIT */
#pragma once

/* bytes.h: reading and writing canonical bytes without ever leaving their bounds.
 *
 * A reader walks over bytes from outside. The first read that does not fit marks it failed; from
 * then on it gives zeros, so a decoder reads all its fields and asks once at the end. A writer
 * walks over room that the caller has sized, so running out of it is a bug.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers are little-endian
 *   units    bytes
 *   owns     both borrow what they walk over
 *   threads  any; one thread at a time for each reader or writer
 *   cost     constant, but for the copied bytes
 */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/types.h>

struct qnk_reader {
    const uint8_t *at;
    uint64_t left; /* bytes from `at` on */
    bool failed;   /* something did not fit */
};

static inline struct qnk_reader qnk_reader_init(struct qn_span from)
{
    return (struct qnk_reader){.at = from.data, .left = from.size};
}

/* The next `size` bytes, borrowed. NULL: they are not there, and the reader has failed. */
static inline const uint8_t *qnk_reader_bytes(struct qnk_reader *reader, uint64_t size)
{
    const uint8_t *at = reader->at;

    if (reader->failed || size > reader->left) {
        reader->failed = true;
        return NULL;
    }
    if (size > 0) {
        reader->at += size;
        reader->left -= size;
    }
    return at;
}

/* As qnk_reader_bytes, with an empty span for what is not there. */
static inline struct qn_span qnk_reader_span(struct qnk_reader *reader, uint64_t size)
{
    const uint8_t *at = qnk_reader_bytes(reader, size);

    return reader->failed ? (struct qn_span){NULL, 0} : (struct qn_span){at, size};
}

/* Copies the next `size` bytes to `to`, or zeros. */
static inline void qnk_reader_copy(struct qnk_reader *reader, uint8_t *to, uint64_t size)
{
    const uint8_t *at = qnk_reader_bytes(reader, size);

    if (at == NULL) {
        memset(to, 0, size);
    } else {
        memcpy(to, at, size);
    }
}

static inline uint8_t qnk_reader_u8(struct qnk_reader *reader)
{
    const uint8_t *at = qnk_reader_bytes(reader, 1);

    return at == NULL ? 0 : at[0];
}

static inline uint16_t qnk_reader_u16(struct qnk_reader *reader)
{
    const uint8_t *at = qnk_reader_bytes(reader, 2);

    return at == NULL ? 0 : qn_le16_read(at);
}

static inline uint32_t qnk_reader_u32(struct qnk_reader *reader)
{
    const uint8_t *at = qnk_reader_bytes(reader, 4);

    return at == NULL ? 0 : qn_le32_read(at);
}

static inline uint64_t qnk_reader_u64(struct qnk_reader *reader)
{
    const uint8_t *at = qnk_reader_bytes(reader, 8);

    return at == NULL ? 0 : qn_le64_read(at);
}

/* Whether everything was there and nothing is left: the end of every decoder. */
static inline bool qnk_reader_done(const struct qnk_reader *reader)
{
    return !reader->failed && reader->left == 0;
}

struct qnk_writer {
    uint8_t *at;
    uint64_t room; /* bytes from `at` on */
};

static inline struct qnk_writer qnk_writer_init(uint8_t *to, uint64_t room)
{
    return (struct qnk_writer){.at = to, .room = room};
}

/* Room for the next `size` bytes, which the caller fills. */
static inline uint8_t *qnk_writer_take(struct qnk_writer *writer, uint64_t size)
{
    uint8_t *at = writer->at;

    QN_ASSERT(size <= writer->room);
    writer->at += size;
    writer->room -= size;
    return at;
}

static inline void qnk_writer_bytes(struct qnk_writer *writer, const void *from, uint64_t size)
{
    uint8_t *at = qnk_writer_take(writer, size);

    if (size > 0) {
        memcpy(at, from, size);
    }
}

static inline void qnk_writer_zeros(struct qnk_writer *writer, uint64_t size)
{
    memset(qnk_writer_take(writer, size), 0, size);
}

static inline void qnk_writer_u8(struct qnk_writer *writer, uint8_t value)
{
    *qnk_writer_take(writer, 1) = value;
}

static inline void qnk_writer_u16(struct qnk_writer *writer, uint16_t value)
{
    qn_le16_write(qnk_writer_take(writer, 2), value);
}

static inline void qnk_writer_u32(struct qnk_writer *writer, uint32_t value)
{
    qn_le32_write(qnk_writer_take(writer, 4), value);
}

static inline void qnk_writer_u64(struct qnk_writer *writer, uint64_t value)
{
    qn_le64_write(qnk_writer_take(writer, 8), value);
}
