/* SPDX-License-Identifier: MIT */
#pragma once

/* record.h: the record encoding, piece by piece. Bodies of events and effects, configuration,
 * values of the manifest and handed-over state are all written this way.
 *
 * Fields stand in order, little-endian, without padding; a flag is 0 or 1; bytes, text and lists
 * are a u32 count and the items. One value has one byte string: a reader refuses trailing bytes,
 * counts over the limit, other flags, and text that is not UTF-8 or holds control characters. The
 * records themselves are in the generated headers, made of these pieces.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   owns     what is read points into the input; what is written belongs to the caller
 *   threads  any
 *   cost     linear; allocates nothing
 *   errors   a reader that met something wrong stays so, and gives zeroes; ask it at the end
 */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/types.h>

/* Ties a struct to its size on 64-bit machines, for which the tables are made. */
#ifdef __cplusplus
#define QN_SIZE_IS(type, bytes) static_assert(sizeof(type) == (bytes), "64-bit layout")
#else
#define QN_SIZE_IS(type, bytes) _Static_assert(sizeof(type) == (bytes), "64-bit layout")
#endif

/* Goes through a record from its first byte to its last. */
struct qn_reader {
    const uint8_t *at; /* NULL once something was wrong */
    uint64_t left;
};

static inline struct qn_reader qn_reader_over(struct qn_span from)
{
    static const uint8_t nothing[1] = {0};
    struct qn_reader in;

    in.at = from.data != NULL ? from.data : nothing;
    in.left = from.size;
    return in;
}

static inline void qn_reader_refuse(struct qn_reader *in)
{
    in->at = NULL;
    in->left = 0;
}

/* Whether all bytes were read and all were right. */
static inline bool qn_reader_is_done(const struct qn_reader *in)
{
    return in->at != NULL && in->left == 0;
}

/* The next `size` bytes, such as a hash. NULL: there are fewer. */
static inline const uint8_t *qn_reader_fixed(struct qn_reader *in, uint64_t size)
{
    const uint8_t *start = in->at;

    if (start == NULL || size > in->left) {
        qn_reader_refuse(in);
        return NULL;
    }
    in->at += size;
    in->left -= size;
    return start;
}

static inline uint8_t qn_reader_u8(struct qn_reader *in)
{
    const uint8_t *at = qn_reader_fixed(in, 1);

    return at != NULL ? at[0] : (uint8_t)0;
}

static inline uint16_t qn_reader_u16(struct qn_reader *in)
{
    const uint8_t *at = qn_reader_fixed(in, 2);

    return at != NULL ? qn_le16_read(at) : (uint16_t)0;
}

static inline uint32_t qn_reader_u32(struct qn_reader *in)
{
    const uint8_t *at = qn_reader_fixed(in, 4);

    return at != NULL ? qn_le32_read(at) : 0;
}

static inline uint64_t qn_reader_u64(struct qn_reader *in)
{
    const uint8_t *at = qn_reader_fixed(in, 8);

    return at != NULL ? qn_le64_read(at) : 0;
}

static inline int32_t qn_reader_i32(struct qn_reader *in)
{
    return (int32_t)qn_reader_u32(in);
}

static inline int64_t qn_reader_i64(struct qn_reader *in)
{
    return (int64_t)qn_reader_u64(in);
}

static inline uint8_t qn_reader_flag(struct qn_reader *in)
{
    uint8_t flag = qn_reader_u8(in);

    if (flag > 1) {
        qn_reader_refuse(in);
        return 0;
    }
    return flag;
}

/* The count before a list, at most `limit`. */
static inline uint32_t qn_reader_count(struct qn_reader *in, uint32_t limit)
{
    uint32_t count = qn_reader_u32(in);

    if (count > limit) {
        qn_reader_refuse(in);
        return 0;
    }
    return count;
}

static inline struct qn_span qn_reader_bytes(struct qn_reader *in, uint32_t limit)
{
    struct qn_span bytes;

    bytes.size = qn_reader_count(in, limit);
    bytes.data = qn_reader_fixed(in, bytes.size);
    if (bytes.data == NULL) {
        bytes.size = 0;
    }
    return bytes;
}

/* Bytes of the character that starts with `lead`, 0 if none does. */
static inline uint32_t qn_utf8_size(uint8_t lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Whether `text` is UTF-8 in its shortest form, without control characters.
 * Source: RFC 3629, section 4. */
static inline bool qn_text_is_valid(struct qn_span text)
{
    /* The least character of each length: what is below has a shorter form. */
    static const uint32_t least[] = {0, 0x20, 0xA0, 0x800, 0x10000};
    uint64_t at = 0;

    while (at < text.size) {
        uint32_t size = qn_utf8_size(text.data[at]);

        if (size == 0 || size > text.size - at) {
            return false;
        }

        uint32_t character = size == 1 ? text.data[at] : text.data[at] & (0x7Fu >> size);

        for (uint32_t i = 1; i < size; i++) {
            if ((text.data[at + i] & 0xC0) != 0x80) {
                return false;
            }
            character = character << 6 | (text.data[at + i] & 0x3Fu);
        }
        if (character < least[size] || character == 0x7F || character > 0x10FFFF ||
            (character >= 0xD800 && character < 0xE000)) {
            return false;
        }
        at += size;
    }
    return true;
}

static inline struct qn_span qn_reader_text(struct qn_reader *in, uint32_t limit)
{
    struct qn_span text = qn_reader_bytes(in, limit);

    if (in->at != NULL && !qn_text_is_valid(text)) {
        qn_reader_refuse(in);
        text.data = NULL;
        text.size = 0;
    }
    return text;
}

/* A list's `count` items of `size` bytes each, of which every value is valid. */
static inline struct qn_span qn_reader_items(struct qn_reader *in, uint32_t count, uint64_t size)
{
    struct qn_span items;

    items.data = qn_reader_fixed(in, count * size);
    items.size = items.data != NULL ? count * size : 0;
    return items;
}

/* Ends a list that began at `start`: its items, which were read since. */
static inline struct qn_span qn_reader_since(const struct qn_reader *in, const uint8_t *start)
{
    struct qn_span items;

    items.data = in->at != NULL ? start : NULL;
    items.size = in->at != NULL ? (uint64_t)(in->at - start) : 0;
    return items;
}

/* A list's `count` texts of at most `limit` bytes each. */
static inline struct qn_span qn_reader_texts(struct qn_reader *in, uint32_t count, uint32_t limit)
{
    const uint8_t *start = in->at;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        (void)qn_reader_text(in, limit);
    }
    return qn_reader_since(in, start);
}

/* Writers give the end of what they wrote. There must be room, and values must be in range. */
static inline uint8_t *qn_writer_u8(uint8_t *to, uint8_t value)
{
    to[0] = value;
    return to + 1;
}

static inline uint8_t *qn_writer_u16(uint8_t *to, uint16_t value)
{
    qn_le16_write(to, value);
    return to + 2;
}

static inline uint8_t *qn_writer_u32(uint8_t *to, uint32_t value)
{
    qn_le32_write(to, value);
    return to + 4;
}

static inline uint8_t *qn_writer_u64(uint8_t *to, uint64_t value)
{
    qn_le64_write(to, value);
    return to + 8;
}

static inline uint8_t *qn_writer_i32(uint8_t *to, int32_t value)
{
    return qn_writer_u32(to, (uint32_t)value);
}

static inline uint8_t *qn_writer_i64(uint8_t *to, int64_t value)
{
    return qn_writer_u64(to, (uint64_t)value);
}

static inline uint8_t *qn_writer_flag(uint8_t *to, uint8_t value)
{
    QN_ASSERT(value <= 1);
    return qn_writer_u8(to, value);
}

static inline uint8_t *qn_writer_fixed(uint8_t *to, const uint8_t *from, uint64_t size)
{
    if (size > 0) {
        memcpy(to, from, size);
    }
    return to + size;
}

static inline uint8_t *qn_writer_bytes(uint8_t *to, struct qn_span from, uint32_t limit)
{
    QN_ASSERT(from.size <= limit);
    return qn_writer_fixed(qn_writer_u32(to, (uint32_t)from.size), from.data, from.size);
}

static inline uint8_t *qn_writer_text(uint8_t *to, struct qn_span from, uint32_t limit)
{
    QN_ASSERT(qn_text_is_valid(from));
    return qn_writer_bytes(to, from, limit);
}

/* `items` are encoded already. */
static inline uint8_t *qn_writer_list(uint8_t *to, struct qn_span items, uint32_t count,
                                      uint32_t limit)
{
    QN_ASSERT(count <= limit);
    return qn_writer_fixed(qn_writer_u32(to, count), items.data, items.size);
}
