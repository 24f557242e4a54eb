/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/manifest.yaml:
 * edit that, then `make generate`. */
#pragma once

/* manifest.h: what a plugin's ELF note says, readable without running its code.
 *
 * The manifest lies in the section `.note.qnet` as an ELF note with owner "QNet" and type 1. Its
 * content is "QNM1", the u32 size of the whole content, and fields: u16 tag, u16 0, u32 size of the
 * value, the value in record encoding, zero bytes up to a multiple of 4. Fields ascend by tag, and
 * those that repeat ascend by the bytes of their values (memcmp, the shorter first where one begins
 * the other): one manifest, one byte string. It has at most 64 KiB. A tag below 0x8000 that a
 * reader does not know refuses the plugin; one above is skipped.
 *
 * The tags are below; tags 16 to 20 are in the headers of the kinds that use them, as
 * QN_<KIND>_MANIFEST_<LIST>. Its print is FNV-1a 64 of the content.
 *
 * create() gets one record of all values of the `config` keys, in the order in which their fields
 * stand in the note. By its type a value is encoded as 1 bool: flag; 2 int: i64; 3 size in bytes
 * and 4 duration in milliseconds: u64; 5 ratio in millionths: u32; 6 string, 7 name, 8 address and
 * 9 path: text; 10 choice: u32 index into `values`. With 0x40 added it is a list, u32 count and
 * items; with 0x80 a map, u32 count and pairs of a name and a value, ascending by name.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   owns     what is read points into the note
 *   errors   INVALID: not this record
 */

#include <qnet/record.h>

/* In bytes. Beyond: plugin refused. Why: read before anything of it is trusted. */
#define QN_MANIFEST_SIZE_MAX 65536

/* In bytes. Beyond: value refused. Why: one text in a file. */
#define QN_MANIFEST_TEXT_MAX 1024

/* In values. Beyond: plugin refused. Why: a list that a person reads. */
#define QN_MANIFEST_CHOICES_MAX 64

enum {
    QN_MANIFEST_KIND = 1,
    QN_MANIFEST_NAME = 2,
    QN_MANIFEST_VERSION = 3,
    QN_MANIFEST_LICENSE = 4,
    QN_MANIFEST_TABLE = 5,
    QN_MANIFEST_HOST = 6,
    QN_MANIFEST_NEEDS = 7,
    QN_MANIFEST_WANTS = 8,
    QN_MANIFEST_FLAGS = 9,
    QN_MANIFEST_LANES = 10,
    QN_MANIFEST_MEMORY = 11,
    QN_MANIFEST_SCHEMA = 12,
    QN_MANIFEST_IMPORTS = 13,
    QN_MANIFEST_CONFIG = 14,
    QN_MANIFEST_METRIC = 15,
    QN_MANIFEST_SUMMARY = 21,
    QN_MANIFEST_PUBLISHER = 22,
    QN_MANIFEST_TOOL = 32769,
};

/* Field 1. The kind and its major, such as "storage/1". */
struct qn_manifest_kind {
    struct qn_span kind;
};
QN_SIZE_IS(struct qn_manifest_kind, 16);

/* Field 2. Of a-z, 0-9 and -. */
struct qn_manifest_name {
    struct qn_span name;
};
QN_SIZE_IS(struct qn_manifest_name, 16);

/* Field 3. The plugin's own version. */
struct qn_manifest_version {
    uint16_t major;
    uint16_t minor;
    uint16_t patch;
};
QN_SIZE_IS(struct qn_manifest_version, 6);

/* Field 4. An SPDX expression. */
struct qn_manifest_license {
    struct qn_span license;
};
QN_SIZE_IS(struct qn_manifest_license, 16);

/* Field 5. The kind's table that it fills, its newest slot, and the first release of QNet that has
 * that minor. */
struct qn_manifest_table {
    uint16_t major;
    uint16_t minor;
    uint8_t reserved_1[4];
    uint64_t print;
    struct qn_span newest;
    struct qn_span release;
};
QN_SIZE_IS(struct qn_manifest_table, 48);

/* Field 6. The host that it needs. */
struct qn_manifest_host {
    uint16_t major;
    uint16_t minor;
    uint8_t reserved_1[4];
    uint64_t print;
};
QN_SIZE_IS(struct qn_manifest_host, 16);

/* Field 7. An extension without which it cannot run. Repeats. */
struct qn_manifest_needs {
    struct qn_span id;
    uint16_t minor;
    uint8_t reserved_1[6];
};
QN_SIZE_IS(struct qn_manifest_needs, 24);

/* Field 8. An extension that it uses if offered. Repeats. */
struct qn_manifest_wants {
    struct qn_span id;
    uint16_t minor;
    uint8_t reserved_1[6];
};
QN_SIZE_IS(struct qn_manifest_wants, 24);

/* Field 9. 1 spawns threads, 2 process only, 4 hands over mid-window. */
struct qn_manifest_flags {
    uint64_t flags;
};
QN_SIZE_IS(struct qn_manifest_flags, 8);

/* Field 10. Pool calls at once, 1 or more. */
struct qn_manifest_lanes {
    uint32_t lanes;
};
QN_SIZE_IS(struct qn_manifest_lanes, 4);

/* Field 11. Bytes that one instance may take. */
struct qn_manifest_memory {
    uint64_t memory;
};
QN_SIZE_IS(struct qn_manifest_memory, 8);

/* Field 12. The schema of the state that it exports. */
struct qn_manifest_schema {
    struct qn_span schema;
};
QN_SIZE_IS(struct qn_manifest_schema, 16);

/* Field 13. A further schema that it imports. Repeats. */
struct qn_manifest_imports {
    struct qn_span schema;
};
QN_SIZE_IS(struct qn_manifest_imports, 16);

/* Field 14. A key of its config. Units of an int: 0 none, 1 blocks, 2 windows, 3 txs, 4 accounts, 5
 * peers, 6 threads, 7 per second, 8 nano-QNC. Flags: 1 required, 2 live, 4 secret, 8 deprecated.
 * `absent` is the value of a key that is left out, `min` and `max` bound each number; all three are
 * encoded values, or empty. Repeats. */
struct qn_manifest_config {
    struct qn_span name;
    uint8_t type;
    uint8_t unit;
    uint8_t flags;
    uint8_t reserved_1[5];
    struct qn_span absent;
    struct qn_span min;
    struct qn_span max;
    struct qn_span values; /* encoded text<48> */
    uint32_t values_count;
    uint8_t reserved_2[4];
    struct qn_span doc;
};
QN_SIZE_IS(struct qn_manifest_config, 112);

/* Field 15. A metric: type 1 counter, 2 gauge. Repeats. */
struct qn_manifest_metric {
    uint16_t id;
    uint8_t reserved_1[6];
    struct qn_span name;
    uint8_t type;
    uint8_t reserved_2[7];
    struct qn_span unit;
    struct qn_span doc;
};
QN_SIZE_IS(struct qn_manifest_metric, 64);

/* Field 21. One line for lists. */
struct qn_manifest_summary {
    struct qn_span summary;
};
QN_SIZE_IS(struct qn_manifest_summary, 16);

/* Field 22. Who answers for it. */
struct qn_manifest_publisher {
    struct qn_span publisher;
};
QN_SIZE_IS(struct qn_manifest_publisher, 16);

/* Field 32769. What made the manifest. */
struct qn_manifest_tool {
    struct qn_span tool;
};
QN_SIZE_IS(struct qn_manifest_tool, 16);

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_manifest_kind_take(struct qn_reader *in, struct qn_manifest_kind *out)
{
    memset(out, 0, sizeof *out);
    out->kind = qn_reader_text(in, 32);
}

QN_MUST_CHECK static inline int32_t qn_manifest_kind_read(struct qn_span from,
                                                          struct qn_manifest_kind *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_kind it;

    qn_manifest_kind_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_kind_size(const struct qn_manifest_kind *from)
{
    return 4 + from->kind.size;
}

static inline uint8_t *qn_manifest_kind_write(const struct qn_manifest_kind *from, uint8_t *to)
{
    to = qn_writer_text(to, from->kind, 32);
    return to;
}

static inline void qn_manifest_name_take(struct qn_reader *in, struct qn_manifest_name *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, 32);
}

QN_MUST_CHECK static inline int32_t qn_manifest_name_read(struct qn_span from,
                                                          struct qn_manifest_name *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_name it;

    qn_manifest_name_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_name_size(const struct qn_manifest_name *from)
{
    return 4 + from->name.size;
}

static inline uint8_t *qn_manifest_name_write(const struct qn_manifest_name *from, uint8_t *to)
{
    to = qn_writer_text(to, from->name, 32);
    return to;
}

static inline void qn_manifest_version_take(struct qn_reader *in, struct qn_manifest_version *out)
{
    memset(out, 0, sizeof *out);
    out->major = qn_reader_u16(in);
    out->minor = qn_reader_u16(in);
    out->patch = qn_reader_u16(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_version_read(struct qn_span from,
                                                             struct qn_manifest_version *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_version it;

    qn_manifest_version_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_version_size(const struct qn_manifest_version *from)
{
    (void)from;
    return 6;
}

static inline uint8_t *qn_manifest_version_write(const struct qn_manifest_version *from,
                                                 uint8_t *to)
{
    to = qn_writer_u16(to, from->major);
    to = qn_writer_u16(to, from->minor);
    to = qn_writer_u16(to, from->patch);
    return to;
}

static inline void qn_manifest_license_take(struct qn_reader *in, struct qn_manifest_license *out)
{
    memset(out, 0, sizeof *out);
    out->license = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_manifest_license_read(struct qn_span from,
                                                             struct qn_manifest_license *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_license it;

    qn_manifest_license_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_license_size(const struct qn_manifest_license *from)
{
    return 4 + from->license.size;
}

static inline uint8_t *qn_manifest_license_write(const struct qn_manifest_license *from,
                                                 uint8_t *to)
{
    to = qn_writer_text(to, from->license, 64);
    return to;
}

static inline void qn_manifest_table_take(struct qn_reader *in, struct qn_manifest_table *out)
{
    memset(out, 0, sizeof *out);
    out->major = qn_reader_u16(in);
    out->minor = qn_reader_u16(in);
    out->print = qn_reader_u64(in);
    out->newest = qn_reader_text(in, 32);
    out->release = qn_reader_text(in, 16);
}

QN_MUST_CHECK static inline int32_t qn_manifest_table_read(struct qn_span from,
                                                           struct qn_manifest_table *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_table it;

    qn_manifest_table_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_table_size(const struct qn_manifest_table *from)
{
    return 20 + from->newest.size + from->release.size;
}

static inline uint8_t *qn_manifest_table_write(const struct qn_manifest_table *from, uint8_t *to)
{
    to = qn_writer_u16(to, from->major);
    to = qn_writer_u16(to, from->minor);
    to = qn_writer_u64(to, from->print);
    to = qn_writer_text(to, from->newest, 32);
    to = qn_writer_text(to, from->release, 16);
    return to;
}

static inline void qn_manifest_host_take(struct qn_reader *in, struct qn_manifest_host *out)
{
    memset(out, 0, sizeof *out);
    out->major = qn_reader_u16(in);
    out->minor = qn_reader_u16(in);
    out->print = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_host_read(struct qn_span from,
                                                          struct qn_manifest_host *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_host it;

    qn_manifest_host_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_host_size(const struct qn_manifest_host *from)
{
    (void)from;
    return 12;
}

static inline uint8_t *qn_manifest_host_write(const struct qn_manifest_host *from, uint8_t *to)
{
    to = qn_writer_u16(to, from->major);
    to = qn_writer_u16(to, from->minor);
    to = qn_writer_u64(to, from->print);
    return to;
}

static inline void qn_manifest_needs_take(struct qn_reader *in, struct qn_manifest_needs *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_text(in, 64);
    out->minor = qn_reader_u16(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_needs_read(struct qn_span from,
                                                           struct qn_manifest_needs *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_needs it;

    qn_manifest_needs_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_needs_size(const struct qn_manifest_needs *from)
{
    return 6 + from->id.size;
}

static inline uint8_t *qn_manifest_needs_write(const struct qn_manifest_needs *from, uint8_t *to)
{
    to = qn_writer_text(to, from->id, 64);
    to = qn_writer_u16(to, from->minor);
    return to;
}

static inline void qn_manifest_wants_take(struct qn_reader *in, struct qn_manifest_wants *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_text(in, 64);
    out->minor = qn_reader_u16(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_wants_read(struct qn_span from,
                                                           struct qn_manifest_wants *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_wants it;

    qn_manifest_wants_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_wants_size(const struct qn_manifest_wants *from)
{
    return 6 + from->id.size;
}

static inline uint8_t *qn_manifest_wants_write(const struct qn_manifest_wants *from, uint8_t *to)
{
    to = qn_writer_text(to, from->id, 64);
    to = qn_writer_u16(to, from->minor);
    return to;
}

static inline void qn_manifest_flags_take(struct qn_reader *in, struct qn_manifest_flags *out)
{
    memset(out, 0, sizeof *out);
    out->flags = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_flags_read(struct qn_span from,
                                                           struct qn_manifest_flags *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_flags it;

    qn_manifest_flags_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_flags_size(const struct qn_manifest_flags *from)
{
    (void)from;
    return 8;
}

static inline uint8_t *qn_manifest_flags_write(const struct qn_manifest_flags *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->flags);
    return to;
}

static inline void qn_manifest_lanes_take(struct qn_reader *in, struct qn_manifest_lanes *out)
{
    memset(out, 0, sizeof *out);
    out->lanes = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_lanes_read(struct qn_span from,
                                                           struct qn_manifest_lanes *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_lanes it;

    qn_manifest_lanes_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_lanes_size(const struct qn_manifest_lanes *from)
{
    (void)from;
    return 4;
}

static inline uint8_t *qn_manifest_lanes_write(const struct qn_manifest_lanes *from, uint8_t *to)
{
    to = qn_writer_u32(to, from->lanes);
    return to;
}

static inline void qn_manifest_memory_take(struct qn_reader *in, struct qn_manifest_memory *out)
{
    memset(out, 0, sizeof *out);
    out->memory = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_manifest_memory_read(struct qn_span from,
                                                            struct qn_manifest_memory *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_memory it;

    qn_manifest_memory_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_memory_size(const struct qn_manifest_memory *from)
{
    (void)from;
    return 8;
}

static inline uint8_t *qn_manifest_memory_write(const struct qn_manifest_memory *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->memory);
    return to;
}

static inline void qn_manifest_schema_take(struct qn_reader *in, struct qn_manifest_schema *out)
{
    memset(out, 0, sizeof *out);
    out->schema = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_manifest_schema_read(struct qn_span from,
                                                            struct qn_manifest_schema *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_schema it;

    qn_manifest_schema_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_schema_size(const struct qn_manifest_schema *from)
{
    return 4 + from->schema.size;
}

static inline uint8_t *qn_manifest_schema_write(const struct qn_manifest_schema *from, uint8_t *to)
{
    to = qn_writer_text(to, from->schema, 64);
    return to;
}

static inline void qn_manifest_imports_take(struct qn_reader *in, struct qn_manifest_imports *out)
{
    memset(out, 0, sizeof *out);
    out->schema = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_manifest_imports_read(struct qn_span from,
                                                             struct qn_manifest_imports *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_imports it;

    qn_manifest_imports_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_imports_size(const struct qn_manifest_imports *from)
{
    return 4 + from->schema.size;
}

static inline uint8_t *qn_manifest_imports_write(const struct qn_manifest_imports *from,
                                                 uint8_t *to)
{
    to = qn_writer_text(to, from->schema, 64);
    return to;
}

static inline void qn_manifest_config_take(struct qn_reader *in, struct qn_manifest_config *out)
{
    memset(out, 0, sizeof *out);
    out->name = qn_reader_text(in, 48);
    out->type = qn_reader_u8(in);
    out->unit = qn_reader_u8(in);
    out->flags = qn_reader_u8(in);
    out->absent = qn_reader_bytes(in, 256);
    out->min = qn_reader_bytes(in, 256);
    out->max = qn_reader_bytes(in, 256);
    out->values_count = qn_reader_count(in, QN_MANIFEST_CHOICES_MAX);
    out->values = qn_reader_texts(in, out->values_count, 48);
    out->doc = qn_reader_text(in, 240);
}

QN_MUST_CHECK static inline int32_t qn_manifest_config_read(struct qn_span from,
                                                            struct qn_manifest_config *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_config it;

    qn_manifest_config_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_config_size(const struct qn_manifest_config *from)
{
    return 27 + from->name.size + from->absent.size + from->min.size + from->max.size +
           from->values.size + from->doc.size;
}

static inline uint8_t *qn_manifest_config_write(const struct qn_manifest_config *from, uint8_t *to)
{
    to = qn_writer_text(to, from->name, 48);
    to = qn_writer_u8(to, from->type);
    to = qn_writer_u8(to, from->unit);
    to = qn_writer_u8(to, from->flags);
    to = qn_writer_bytes(to, from->absent, 256);
    to = qn_writer_bytes(to, from->min, 256);
    to = qn_writer_bytes(to, from->max, 256);
    to = qn_writer_list(to, from->values, from->values_count, QN_MANIFEST_CHOICES_MAX);
    to = qn_writer_text(to, from->doc, 240);
    return to;
}

static inline void qn_manifest_metric_take(struct qn_reader *in, struct qn_manifest_metric *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_u16(in);
    out->name = qn_reader_text(in, 48);
    out->type = qn_reader_u8(in);
    out->unit = qn_reader_text(in, 16);
    out->doc = qn_reader_text(in, 120);
}

QN_MUST_CHECK static inline int32_t qn_manifest_metric_read(struct qn_span from,
                                                            struct qn_manifest_metric *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_metric it;

    qn_manifest_metric_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_metric_size(const struct qn_manifest_metric *from)
{
    return 15 + from->name.size + from->unit.size + from->doc.size;
}

static inline uint8_t *qn_manifest_metric_write(const struct qn_manifest_metric *from, uint8_t *to)
{
    to = qn_writer_u16(to, from->id);
    to = qn_writer_text(to, from->name, 48);
    to = qn_writer_u8(to, from->type);
    to = qn_writer_text(to, from->unit, 16);
    to = qn_writer_text(to, from->doc, 120);
    return to;
}

static inline void qn_manifest_summary_take(struct qn_reader *in, struct qn_manifest_summary *out)
{
    memset(out, 0, sizeof *out);
    out->summary = qn_reader_text(in, 120);
}

QN_MUST_CHECK static inline int32_t qn_manifest_summary_read(struct qn_span from,
                                                             struct qn_manifest_summary *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_summary it;

    qn_manifest_summary_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_summary_size(const struct qn_manifest_summary *from)
{
    return 4 + from->summary.size;
}

static inline uint8_t *qn_manifest_summary_write(const struct qn_manifest_summary *from,
                                                 uint8_t *to)
{
    to = qn_writer_text(to, from->summary, 120);
    return to;
}

static inline void qn_manifest_publisher_take(struct qn_reader *in,
                                              struct qn_manifest_publisher *out)
{
    memset(out, 0, sizeof *out);
    out->publisher = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_manifest_publisher_read(struct qn_span from,
                                                               struct qn_manifest_publisher *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_publisher it;

    qn_manifest_publisher_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_publisher_size(const struct qn_manifest_publisher *from)
{
    return 4 + from->publisher.size;
}

static inline uint8_t *qn_manifest_publisher_write(const struct qn_manifest_publisher *from,
                                                   uint8_t *to)
{
    to = qn_writer_text(to, from->publisher, 64);
    return to;
}

static inline void qn_manifest_tool_take(struct qn_reader *in, struct qn_manifest_tool *out)
{
    memset(out, 0, sizeof *out);
    out->tool = qn_reader_text(in, 64);
}

QN_MUST_CHECK static inline int32_t qn_manifest_tool_read(struct qn_span from,
                                                          struct qn_manifest_tool *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_manifest_tool it;

    qn_manifest_tool_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_manifest_tool_size(const struct qn_manifest_tool *from)
{
    return 4 + from->tool.size;
}

static inline uint8_t *qn_manifest_tool_write(const struct qn_manifest_tool *from, uint8_t *to)
{
    to = qn_writer_text(to, from->tool, 64);
    return to;
}
