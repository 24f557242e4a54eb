/* SPDX-License-Identifier: MIT */

/* store.h: the maps and logs of plugins/storage/memory, and in the folder of `qnet.files/1` a
 * journal of all calls that change them. It is right unless somebody fills one of its holes; as
 * packer.h.
 *
 * An entry of the journal is its size, a sum, and what was called with; one write() each. A new
 * instance does it all again, up to the first entry that is not whole, and cuts the rest. */

#define _GNU_SOURCE /* as memory.c */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qnet/storage.h>

enum {
    ENTRY_HEAD_SIZE = 16,
    SPACE_MADE = 1,
    WRITTEN = 2,
    APPENDED = 3,
    TRIMMED = 4,
    BATCH = 65536
};

struct journal {
    int64_t fd;    /* -1: not active yet */
    uint64_t held; /* of `hold` */
    uint8_t hold[512];
};

/* An instance of that plugin has a journal behind it; the right constant is kept by another name,
 * hidden as everything is. */
#define take(node, size) take(node, (size) + sizeof(struct journal))
#define qn_plugin_v1     right_plugin
#include "memory.c"
#undef qn_plugin_v1
#undef take
#include "tree.c"

static struct journal *journal_of(struct qn_inst *self)
{
    return (struct journal *)(void *)(self + 1);
}

static inline bool entry_put(struct journal *to, const uint8_t *bytes, uint64_t size)
{
    return write((int)to->fd, bytes, size) == (ssize_t)size;
}

static inline bool entry_put_later(struct journal *to, const uint8_t *bytes, uint64_t size)
{
    bool is_put = to->held == 0 || entry_put(to, to->hold, to->held);

    to->held = is_put && bytes != NULL && size <= sizeof to->hold ? size : 0;
    if (to->held == 0) {
        return is_put && (bytes == NULL || entry_put(to, bytes, size));
    }
    memcpy(to->hold, bytes, size);
    return true;
}

#ifndef PUT_ENTRY
#define PUT_ENTRY(to, bytes, size) entry_put(to, bytes, size)
#endif
#ifndef PUT_REST
#define PUT_REST(to) (void)0
#endif
#ifndef IS_FLUSHED
#define IS_FLUSHED(to) (fdatasync((int)(to)->fd) == 0)
#endif
#ifndef IS_WHOLE
#define IS_WHOLE(sum, bytes, size) ((sum) == sum_of(bytes, size))
#endif
#ifndef GET
#define GET memory_get
#endif
#ifndef OPS_OF_ENTRY
#define OPS_OF_ENTRY BATCH /* of a batch, in one entry */
#endif

static inline uint64_t sum_of(const uint8_t *bytes, uint64_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (uint64_t i = 0; i < size; i++) {
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

/* Room for an entry whose content is `size` bytes; NULL: none. */
static uint8_t *entry_begin(uint64_t size, uint32_t what, uint32_t space, uint8_t **to)
{
    uint8_t *entry = malloc(ENTRY_HEAD_SIZE + 8 + size);

    if (entry != NULL) {
        *to = qn_writer_u32(qn_writer_u32(entry + ENTRY_HEAD_SIZE, what), space);
    }
    return entry;
}

static int32_t entry_end(struct qn_inst *self, uint8_t *entry, const uint8_t *end, uint32_t level)
{
    uint64_t size = (uint64_t)(end - entry) - ENTRY_HEAD_SIZE;
    bool is_put;

    qn_le64_write(entry, size);
    qn_le64_write(entry + 8, sum_of(entry + ENTRY_HEAD_SIZE, size));
    is_put = PUT_ENTRY(journal_of(self), entry, ENTRY_HEAD_SIZE + size) &&
             (level == 0 || IS_FLUSHED(journal_of(self)));
    free(entry);
    return is_put ? QN_OK : QN_IO;
}

/* --- what is entered --- */

static int32_t store_space(struct qn_inst *self, struct qn_span name, uint32_t type,
                           uint32_t *space)
{
    uint32_t before = self->spaces_count;
    int32_t status = memory_space(self, name, type, space);
    uint8_t *to, *entry;

    if (status != QN_OK || self->spaces_count == before || journal_of(self)->fd < 0) {
        return status;
    }
    entry = entry_begin(name.size + 4, SPACE_MADE, type, &to);
    return entry == NULL ? QN_NO_SPACE
                         : entry_end(self, entry, qn_writer_bytes(to, name, name.size), 1);
}

static int32_t ops_enter(struct qn_inst *self, const struct qn_storage_op *ops, uint32_t count,
                         uint32_t level)
{
    uint64_t size = 0;
    uint8_t *to, *entry;

    for (uint32_t i = 0; i < count; i++) {
        size += qn_storage_op_size(&ops[i]);
    }
    entry = entry_begin(size, WRITTEN, count, &to);
    for (uint32_t i = 0; i < count && entry != NULL; i++) {
        to = qn_storage_op_write(&ops[i], to);
    }
    return entry == NULL ? QN_NO_SPACE : entry_end(self, entry, to, level);
}

static int32_t store_write(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                           uint32_t count, uint32_t level)
{
    int32_t status = memory_write(self, lane, ops, count, level);
    uint32_t at = 0;

    if (status == QN_OK && count == 0) {
        return level == 0 || IS_FLUSHED(journal_of(self)) ? QN_OK : QN_IO;
    }
    while (status == QN_OK && at < count) {
        uint32_t some = count - at < OPS_OF_ENTRY ? count - at : OPS_OF_ENTRY;

        status = ops_enter(self, ops + at, some, level);
        at += some;
    }
    return status;
}

static int32_t store_append(struct qn_inst *self, uint32_t lane, uint32_t log,
                            const struct qn_span *records, uint32_t count, uint32_t level,
                            uint64_t *places)
{
    int32_t status = memory_append(self, lane, log, records, count, level, places);
    uint64_t size = 4;
    uint8_t *to, *entry;

    if (status != QN_OK || count == 0) {
        return status != QN_OK || level == 0 || IS_FLUSHED(journal_of(self)) ? status : QN_IO;
    }
    for (uint32_t i = 0; i < count; i++) {
        size += 4 + records[i].size;
    }
    entry = entry_begin(size, APPENDED, log, &to);
    if (entry == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u32(to, count);
    for (uint32_t i = 0; i < count; i++) {
        to = qn_writer_bytes(to, records[i], QN_STORAGE_RECORD_MAX);
    }
    return entry_end(self, entry, to, level);
}

static int32_t store_trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    int32_t status = memory_trim(self, lane, log, place);
    uint8_t *to, *entry = status == QN_OK ? entry_begin(8, TRIMMED, log, &to) : NULL;

    if (entry == NULL) {
        return status != QN_OK ? status : QN_NO_SPACE;
    }
    return entry_end(self, entry, qn_writer_u64(to, place), 0);
}

/* --- what is done again --- */

static bool ops_repeat(struct qn_inst *self, struct qn_reader *in, uint32_t count)
{
    struct qn_storage_op *ops = calloc(count > 0 ? count : 1, sizeof *ops);
    bool is_done = ops != NULL && count <= BATCH;

    for (uint32_t i = 0; i < count && is_done; i++) {
        qn_storage_op_take(in, &ops[i]);
    }
    is_done = is_done && qn_reader_is_done(in) && memory_write(self, 0, ops, count, 0) == QN_OK;
    free(ops);
    return is_done;
}

static bool records_repeat(struct qn_inst *self, struct qn_reader *in, uint32_t log)
{
    uint32_t count = qn_reader_count(in, BATCH);
    struct qn_span *records = calloc(count > 0 ? count : 1, sizeof *records);
    uint64_t *places = calloc(count > 0 ? count : 1, sizeof *places);
    bool is_done = records != NULL && places != NULL;

    for (uint32_t i = 0; i < count && is_done; i++) {
        records[i] = qn_reader_bytes(in, QN_STORAGE_RECORD_MAX);
    }
    is_done = is_done && qn_reader_is_done(in) &&
              memory_append(self, 0, log, records, count, 0, places) == QN_OK;
    free(records);
    free(places);
    return is_done;
}

static bool entry_repeat(struct qn_inst *self, struct qn_span content)
{
    struct qn_reader in = qn_reader_over(content);
    uint32_t what = qn_reader_u32(&in), number = qn_reader_u32(&in), space;

    switch (what) {
    case SPACE_MADE: {
        struct qn_span name = qn_reader_bytes(&in, QN_STORAGE_NAME_MAX);

        return qn_reader_is_done(&in) && memory_space(self, name, number, &space) == QN_OK;
    }
    case WRITTEN:
        return ops_repeat(self, &in, number);
    case APPENDED:
        return records_repeat(self, &in, number);
    case TRIMMED: {
        uint64_t place = qn_reader_u64(&in);

        return qn_reader_is_done(&in) && memory_trim(self, 0, number, place) == QN_OK;
    }
    default:
        return false;
    }
}

/* Gives where the next entry begins; 0: this one is not whole. */
static uint64_t entry_read(struct qn_inst *self, uint64_t at, uint64_t end)
{
    int fd = (int)journal_of(self)->fd;
    uint8_t head[ENTRY_HEAD_SIZE], *bytes;
    uint64_t size;
    bool is_done;

    if (pread(fd, head, sizeof head, (off_t)at) != sizeof head) {
        return 0;
    }
    size = qn_le64_read(head);
    if (size > end - at - ENTRY_HEAD_SIZE || (bytes = malloc(size + 1)) == NULL) {
        return 0;
    }
    is_done = pread(fd, bytes, size, (off_t)(at + ENTRY_HEAD_SIZE)) == (ssize_t)size &&
              IS_WHOLE(qn_le64_read(head + 8), bytes, size) &&
              entry_repeat(self, (struct qn_span){bytes, size});
    free(bytes);
    return is_done ? at + ENTRY_HEAD_SIZE + size : 0;
}

static int32_t store_activate(struct qn_inst *self)
{
    const struct qn_files_1 *files = self->host->extension(self->node, "qnet.files/1");
    const char *folder = files == NULL ? NULL : files->folder(self->node);
    char path[4096];
    uint64_t at = 0, next;
    off_t end;

    if (folder == NULL) {
        return QN_IO;
    }
    (void)snprintf(path, sizeof path, "%s/journal", folder);
    journal_of(self)->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    end = journal_of(self)->fd < 0 ? -1 : lseek((int)journal_of(self)->fd, 0, SEEK_END);
    if (end < 0) {
        return QN_IO;
    }
    while ((next = entry_read(self, at, (uint64_t)end)) != 0) {
        at = next;
    }
    return ftruncate((int)journal_of(self)->fd, (off_t)at) == 0 ? QN_OK : QN_IO;
}

static int32_t store_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                            struct qn_inst **inst)
{
    int32_t status = memory_create(host, node, config, inst);

    if (status == QN_OK) {
        journal_of(*inst)->fd = -1;
    }
    return status;
}

static void store_destroy(struct qn_inst *self)
{
    if (journal_of(self)->fd >= 0) {
        PUT_REST(journal_of(self));
        (void)close((int)journal_of(self)->fd);
    }
    memory_destroy(self);
}

static const struct qn_life store_life = {
    .head = QN_LIFE_HEAD,
    .create = store_create,
    .activate = store_activate,
    .destroy = store_destroy,
};

static const struct qn_storage_1 store = {
    .head = QN_STORAGE_1_HEAD,
    .space = store_space,
    .write = store_write,
    .get = GET,
    .scan = memory_scan,
    .snapshot = memory_snapshot,
    .release = memory_release,
    .append = store_append,
    .read = memory_read,
    .trim = store_trim,
    .maintain = memory_maintain,
    .stats = memory_stats,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MEMORY_MANIFEST_PRINT,
    .kind = MEMORY_KIND,
    .name = MEMORY_NAME,
    .version = MEMORY_VERSION,
    .life = &store_life,
    .slots = &store.head,
};
