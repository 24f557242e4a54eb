/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/plugin.yaml:
 * edit that, then `make generate`. */
#pragma once

/* plugin.h: the host, the life of an instance, and what a plugin exports.
 *
 * What a plugin shows the kernel, and what the kernel offers every plugin.
 *
 * A plugin exports one constant, `qn_plugin_v1`, and runs no code to be known. All that it keeps
 * belongs to an instance: one library serves many instances at once, so it has no variables.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   owns     spans are borrowed until the call returns, both ways; sinks are the caller's
 *   threads  any for what the host offers; control for life and state
 *   errors   outputs are as they were; what was committed to a sink is rolled back
 */

#include <qnet/record.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_HOST
#define QN_TARGET_HOST 0
#endif

/* In bytes. Beyond: plugin refused. Why: names stand in paths and on status lines. */
#define QN_PLUGIN_NAME_MAX 32

/* In bytes. Beyond: cut. Why: one line of a log. */
#define QN_PLUGIN_TEXT_MAX 512

/* A validator and its weight. Its place in the list is its index in votes. */
struct qn_member {
    const uint8_t *key;
    uint64_t weight;
};
QN_SIZE_IS(struct qn_member, 16);

/* What the host offers. `node` is what create() was given; a plugin only hands it back. */
struct qn_host {
    struct qn_head head;

    /* One line under the part name KIND/NAME. Levels 0 error, 1 warn, 2 info, 3 debug, 4 trace.
     * `text` up to TEXT_MAX. */
    void (*log)(struct qn_node *node, uint32_t level, struct qn_span text);

    /* Adds to a counter or sets a gauge that the manifest declares. */
    void (*metric)(struct qn_node *node, uint32_t id, int64_t value);

    /* Gives `status` back, and keeps `detail` as the words for it: return host->fail(node,
     * QN_INVALID, why). `detail` up to TEXT_MAX. */
    int32_t (*fail)(struct qn_node *node, int32_t status, struct qn_span detail);

    /* Zeroed memory, aligned to 64 bytes, the instance's until it is given back or the instance
     * ends, by destroy() or a failed create(): then the host takes back all that is left. NULL:
     * over the manifest's `memory`. */
    void *(*take)(struct qn_node *node, uint64_t size);

    /* Takes back what take() gave. NULL is allowed. */
    void (*give)(struct qn_node *node, void *memory);

    /* A counted buffer with one reference. It may be written through `data` until it is handed
     * over. NULL when over the manifest's `memory`. */
    struct qn_buf *(*buf_new)(struct qn_node *node, uint64_t size, uint8_t **data);

    /* One reference more. Any thread. */
    void (*buf_ref)(struct qn_buf *buf);

    /* One reference less; the last one frees it. Any thread. */
    void (*buf_unref)(struct qn_buf *buf);

    /* The first of `size` free bytes at the sink's end. NULL: over its cap. */
    uint8_t *(*sink_room)(struct qn_sink *sink, uint64_t size);

    /* Appends the first `size` bytes of the room. */
    void (*sink_commit)(struct qn_sink *sink, uint64_t size);

    /* SHA-256 of the tag and then of the parts one after another. */
    void (*hash)(struct qn_span tag, const struct qn_span *parts, uint32_t parts_count,
                 uint8_t *digest);

    /* A table named in the manifest's `needs` or `wants`, such as "qnet.watch/1". NULL: not
     * offered. Constant for the instance's life. */
    const void *(*extension)(struct qn_node *node, const char *id);
};

/* How an instance lives. No other slot of the instance runs meanwhile. */
struct qn_life {
    struct qn_head head;

    /* Makes an instance in at most 100 ms; no I/O. `config` is the record of all values of the
     * manifest's keys, which the kernel checked and completed. NO_SPACE: over the manifest's
     * memory. INVALID: values that contradict each other. */
    QN_MUST_CHECK int32_t (*create)(const struct qn_host *host, struct qn_node *node,
                                    struct qn_span config, struct qn_inst **inst);

    /* Optional. Begins I/O. States: created. IO: the world says no. DENIED: not permitted. CORRUPT:
     * what is stored cannot be trusted. */
    QN_MUST_CHECK int32_t (*activate)(struct qn_inst *inst);

    /* Optional. OK only when no thread, call, token or buf is held. BUSY: something is still
     * held. */
    QN_MUST_CHECK int32_t (*freeze)(struct qn_inst *inst);

    /* Optional. Goes on after freeze(). States: frozen. */
    QN_MUST_CHECK int32_t (*thaw)(struct qn_inst *inst);

    /* Optional. Live keys change in steps: 1 prepare, 2 commit, 3 drop. INVALID: not these values.
     * UNSUPPORTED: no key is live. */
    QN_MUST_CHECK int32_t (*reconfigure)(struct qn_inst *inst, struct qn_span config,
                                         uint32_t step);

    /* Gives back what is not memory. No slot is called after it. States: created, active, frozen,
     * failed. */
    void (*destroy)(struct qn_inst *inst);

    /* Optional. A table that this plugin offers the kernel under `id`. NULL when it has none.
     * States: created, active, frozen. */
    const void *(*extension)(struct qn_inst *inst, const char *id);
};

/* How the state of an instance is handed over. Export and hash run in `frozen`, import in
 * `created`. Part 1 is portable, in the kind's schema; part 2 is the plugin's own. */
struct qn_state {
    struct qn_head head;

    /* One chunk of a part. States: frozen. NOT_FOUND: no such part or after the last chunk. */
    QN_MUST_CHECK int32_t (*export_part)(struct qn_inst *inst, uint32_t part, uint32_t chunk,
                                         struct qn_sink *content);

    /* Takes one chunk. After the last one the part is whole. States: created. INVALID: not a chunk
     * of this part. */
    QN_MUST_CHECK int32_t (*import_part)(struct qn_inst *inst, uint32_t part, uint32_t chunk,
                                         struct qn_span content, uint32_t last);

    /* What both sides of a hand-over compare. States: created, frozen. NOT_FOUND: no such part. */
    QN_MUST_CHECK int32_t (*hash_part)(struct qn_inst *inst, uint32_t part, uint8_t *digest);
};

/* Extension qnet.watch/1 for edge kinds: when the kernel calls pump(). */
struct qn_watch_1 {
    struct qn_head head;

    /* pump() follows while `fd` is readable (1), writable (2) or either (3); 0 ends it. Thread:
     * loop or control. INVALID: not an open descriptor. NO_SPACE: over 64 descriptors. */
    QN_MUST_CHECK int32_t (*watch)(struct qn_node *node, int32_t fd, uint32_t interest);

    /* pump() follows soon. Many wakes may become one pump. Any thread. */
    void (*wake)(struct qn_node *node);

    /* pump() follows after `delay_us`. One timer an instance: a new call moves it. Thread: loop or
     * control. */
    void (*timer)(struct qn_node *node, uint64_t delay_us);
};

/* Extension qnet.files/1 for edge kinds: a folder of the instance's own. */
struct qn_files_1 {
    struct qn_head head;

    /* Its absolute path, which stays valid as long as the instance. The folder exists with mode
     * 0700 and lasts longer than the instance. NULL: it cannot be made. */
    const char *(*folder)(struct qn_node *node);
};

/* Extension qnet.shared/1 for edge kinds: memory that the instances of one process share under a
 * name. */
struct qn_shared_1 {
    struct qn_head head;

    /* The memory of that name, zeroed when the first joins, aligned to 64 bytes. NULL: another size
     * is in use or over the budget. What lies there is shared by threads: use atomics. `name` up to
     * NAME_MAX. */
    void *(*join)(struct qn_node *node, struct qn_span name, uint64_t size);

    /* It is freed when the last one leaves. */
    void (*leave)(struct qn_node *node, void *memory);
};

/* What a plugin is: the one thing that it exports, and constant. `kind`, `name`, `version`,
 * every head and the print equal the note in the same file. */
struct qn_plugin {
    struct qn_head head;
    uint64_t manifest_print; /* FNV-1a 64 of the note's content */
    const char *kind;        /* table and major, such as "compression/1" */
    const char *name;        /* its folder, under plugins/<kind>/ */
    const char *version;     /* three numbers */
    const struct qn_life *life;
    const struct qn_state *state; /* NULL: everything comes again through the slots */
    const struct qn_head *slots;  /* the kind's own table, such as struct qn_compression_1 */
};
QN_SIZE_IS(struct qn_plugin, 72);

#ifdef __cplusplus
extern "C" {
#endif
extern QN_EXPORT const struct qn_plugin qn_plugin_v1;
#ifdef __cplusplus
}
#endif

/* Puts the manifest where a loader finds it without running code; see qnet/manifest.h. */
#if defined(__clang__)
#define QN_NOTE __attribute__((used, section(".note.qnet"), aligned(4), no_sanitize("address")))
#else
#define QN_NOTE __attribute__((used, section(".note.qnet"), aligned(4)))
#endif

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_HOST == 0
#define QN_PLUGIN_PRINT UINT64_C(0x7b9ed7d09853210b)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_HOST_HEAD QN_HEAD(struct qn_host, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_LIFE_HEAD QN_HEAD(struct qn_life, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_STATE_HEAD QN_HEAD(struct qn_state, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_WATCH_1_HEAD QN_HEAD(struct qn_watch_1, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_FILES_1_HEAD QN_HEAD(struct qn_files_1, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_SHARED_1_HEAD QN_HEAD(struct qn_shared_1, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

#define QN_PLUGIN_HEAD QN_HEAD(struct qn_plugin, 1, QN_TARGET_HOST, QN_PLUGIN_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_member_take(struct qn_reader *in, struct qn_member *out)
{
    memset(out, 0, sizeof *out);
    out->key = qn_reader_fixed(in, QN_KEY_SIZE);
    out->weight = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_member_read(struct qn_span from, struct qn_member *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_member it;

    qn_member_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_member_size(const struct qn_member *from)
{
    (void)from;
    return 40;
}

static inline uint8_t *qn_member_write(const struct qn_member *from, uint8_t *to)
{
    to = qn_writer_fixed(to, from->key, QN_KEY_SIZE);
    to = qn_writer_u64(to, from->weight);
    return to;
}

static inline struct qn_span qn_member_list(struct qn_reader *in, uint32_t count)
{
    const uint8_t *start = in->at;
    struct qn_member item;

    for (uint32_t i = 0; i < count && in->at != NULL; i++) {
        qn_member_take(in, &item);
    }
    return qn_reader_since(in, start);
}

static inline void qn_member_next(struct qn_span *rest, struct qn_member *out)
{
    struct qn_reader in = qn_reader_over(*rest);

    qn_member_take(&in, out);
    QN_ASSERT(in.at != NULL);
    rest->data = in.at;
    rest->size = in.left;
}
