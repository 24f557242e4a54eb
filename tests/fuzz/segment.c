/* SPDX-License-Identifier: MIT */

/* segment.c: the one segment of a log of storage lmdb, as some life left it behind. The input is
 * chunks: kind u8, size u8, bytes.
 *
 *     0  the head again: first u16, trimmed u16, epoch u8, before u8
 *     1  a record: sequence u16, durable u16, epoch u8, kind u8, flags u8, payload; flags: 1 it is
 *        not chained to the one before, 2 its payload is damaged, 4 its head is
 *     2  any bytes
 *     3  a gap of as many times 8 bytes
 *     4  the watermark: durable u16, flags u8; flags: 1 it is closed, 2 it is damaged
 *
 * Checksums are right unless a flag says so, since they keep strangers out; so nothing is trimmed
 * or durable that was never there. What is recovered once is there from then on, takes records,
 * and keeps them. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/storage/lmdb/crc32c.h"
#include "plugins/storage/lmdb/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    FILE_SIZE = 16384, /* half of it is the head; the rest is searched again and again */
    MEMORY = 1 << 24,
    SINK = 1 << 20,
    READ_MAX = 512, /* bytes of one read */
    SALT = 7,
    WATERMARK_MAGIC = 0x574c4e51,
};

static char folder[64];
static int folder_fd = -1;
static struct qn_node *node;
static uint8_t file_bytes[FILE_SIZE];
static uint64_t file_at;
static uint32_t file_crc; /* of the last record */

static void files_remove(void)
{
    DIR *list = opendir(folder);
    const struct dirent *entry;

    QN_ASSERT(list != NULL);
    while ((entry = readdir(list)) != NULL) {
        if (entry->d_name[0] != '.') {
            QN_ASSERT(unlinkat(folder_fd, entry->d_name, 0) == 0);
        }
    }
    (void)closedir(list);
}

static void end(void)
{
    files_remove();
    (void)close(folder_fd);
    (void)rmdir(folder);
    qn_check_node_destroy(node);
}

/* In memory, if there is such a folder. */
static void begin(void)
{
    struct stat stat_of;

    if (folder_fd < 0) {
        (void)snprintf(folder, sizeof folder, "%s/qnet-fuzz-XXXXXX",
                       stat("/dev/shm", &stat_of) == 0 ? "/dev/shm" : "/tmp");
        QN_ASSERT(mkdtemp(folder) != NULL);
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        node = qn_check_node_create(MEMORY);
        QN_ASSERT(folder_fd >= 0 && node != NULL);
        QN_ASSERT(atexit(end) == 0);
    }
    files_remove();
}

/* --- the file --- */

static void head_write(struct qn_reader in)
{
    struct segment_head head = {
        .number = 1, .size = FILE_SIZE, .salt = SALT, .ended = SEGMENT_HEAD};

    head.first = qn_reader_u16(&in);
    head.trimmed = qn_reader_u16(&in) % (head.first + 1);
    head.epoch = qn_reader_u8(&in);
    head.before = qn_reader_u8(&in);
    lmdb_segment_head_encode(&head, false, file_bytes);
    lmdb_segment_head_encode(&head, false, file_bytes + SEGMENT_COPY);
    file_crc = head.before;
}

static void record_write(struct qn_reader in)
{
    struct record_head head = {.sequence = qn_reader_u16(&in)};
    uint8_t flags;

    head.durable = qn_reader_u16(&in) % (head.sequence + 1);
    head.epoch = qn_reader_u8(&in);
    head.kind = qn_reader_u8(&in);
    flags = qn_reader_u8(&in);
    if (in.at == NULL || lmdb_record_size(in.left) > FILE_SIZE - file_at ||
        (head.kind == RECORD_TRIM && in.left == 8 && qn_le64_read(in.at) > head.sequence)) {
        return;
    }
    head.length = (uint32_t)in.left;
    head.before = file_crc ^ (flags & 1u);
    head.payload = lmdb_crc32c(false, SALT, in.at, in.left) ^ (flags & 2u);
    lmdb_record_head_encode(&head, false, SALT, file_bytes + file_at);
    file_bytes[file_at + RECORD_HEAD - 1] ^= flags & 4;
    memcpy(file_bytes + file_at + RECORD_HEAD, in.at, in.left);
    file_at += lmdb_record_size(in.left);
    file_crc = head.crc;
}

static void watermark_write(struct qn_reader in)
{
    uint64_t durable = qn_reader_u16(&in);
    uint8_t flags = qn_reader_u8(&in);
    uint8_t *at = qn_writer_u32(file_bytes + SEGMENT_WATERMARK, WATERMARK_MAGIC);

    at = qn_writer_u64(qn_writer_u32(at, flags & 1), durable);
    at = qn_writer_u32(
        at, lmdb_crc32c(false, SALT, file_bytes + SEGMENT_WATERMARK, SEGMENT_WATERMARK_USED - 4));
    at[-1] ^= flags & 2;
}

static void bytes_write(struct qn_span bytes)
{
    uint64_t room = (bytes.size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;

    if (room <= FILE_SIZE - file_at) {
        memcpy(file_bytes + file_at, bytes.data, bytes.size);
        file_at += room;
    }
}

static void file_make(struct qn_reader in)
{
    static const uint8_t usual[] = {1, 0, 1, 0, 1, 0};
    FILE *file;
    char path[128];

    memset(file_bytes, 0, sizeof file_bytes);
    file_at = SEGMENT_HEAD;
    head_write(qn_reader_over((struct qn_span){usual, sizeof usual}));
    while (in.left > 0) {
        uint8_t kind = qn_reader_u8(&in), length = qn_reader_u8(&in);
        struct qn_span bytes = {qn_reader_fixed(&in, length), length};

        if (bytes.data == NULL) {
            break;
        }
        if (kind == 0) {
            head_write(qn_reader_over(bytes));
        } else if (kind == 1) {
            record_write(qn_reader_over(bytes));
        } else if (kind == 2) {
            bytes_write(bytes);
        } else if (kind == 4) {
            watermark_write(qn_reader_over(bytes));
        } else if (RECORD_ALIGN * (uint64_t)length <= FILE_SIZE - file_at) {
            file_at += RECORD_ALIGN * (uint64_t)length;
        }
    }
    (void)snprintf(path, sizeof path, "%s/l.0000000000000001.log", folder);
    file = fopen(path, "wb");
    QN_ASSERT(file != NULL && fwrite(file_bytes, 1, FILE_SIZE, file) == FILE_SIZE);
    QN_ASSERT(fclose(file) == 0);
}

/* --- the log --- */

/* All entries, one after another. */
static void entries_read(struct log *log, struct qn_sink *all)
{
    uint64_t place = 0;
    int32_t status;

    all->size = 0;
    do {
        uint64_t from = all->size;

        status = lmdb_log_read(log, place, READ_MAX, all);
        QN_ASSERT(status == QN_OK || status == QN_AGAIN || status == QN_NOT_FOUND);

        struct qn_span rest = {all->data + from, all->size - from};

        QN_ASSERT(status == QN_NOT_FOUND || rest.size > 0);
        while (rest.size > 0) {
            struct qn_storage_entry entry;

            qn_storage_entry_next(&rest, &entry);
            QN_ASSERT(entry.place >= place);
            place = entry.place + 1;
        }
    } while (status == QN_AGAIN);
}

static bool log_open(struct log *log)
{
    const struct log_setup setup = {
        .host = &qn_check_host,
        .node = node,
        .folder = folder_fd,
        .is_fast = false,
        .segment_size = FILE_SIZE,
    };
    int32_t status = lmdb_log_open(log, &setup, "l");

    QN_ASSERT(status == QN_OK || status == QN_CORRUPT || status == QN_NO_SPACE);
    if (status != QN_OK) {
        lmdb_log_close(log);
    }
    return status == QN_OK;
}

/* Recovered twice, it is the same; with a record more, it is that. */
static void log_run(void)
{
    static const uint8_t word[] = "more";
    static uint8_t rooms[2][SINK];
    struct qn_sink first = {.data = rooms[0], .cap = SINK}, again = {.data = rooms[1], .cap = SINK};
    struct qn_span record = {word, sizeof word};
    struct log log;
    uint64_t place = 0;

    if (!log_open(&log)) {
        return;
    }
    entries_read(&log, &first);
    QN_ASSERT(lmdb_log_append(&log, &record, 1, 1, &place) == QN_OK);
    lmdb_log_close(&log);
    QN_ASSERT(log_open(&log));
    entries_read(&log, &again);
    QN_ASSERT(again.size == first.size + 12 + sizeof word);
    QN_ASSERT(memcmp(first.data, again.data, first.size) == 0);
    QN_ASSERT(qn_le64_read(again.data + first.size) == place);
    QN_ASSERT(lmdb_log_trim(&log, place) == QN_OK);
    lmdb_log_flush(&log);
    lmdb_log_close(&log);
    QN_ASSERT(log_open(&log));
    entries_read(&log, &again);
    lmdb_log_close(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    file_make(qn_reader_over((struct qn_span){data, size}));
    log_run();
    return 0;
}

static uint8_t *record_put(uint8_t *to, uint8_t sequence, uint8_t durable, uint8_t flags)
{
    const uint8_t record[] = {1, 10, sequence, 0, durable, 0, 1, RECORD_DATA, flags, 'a', 'b', 'c'};

    return qn_writer_fixed(to, record, sizeof record);
}

void fuzz_seeds(fuzz_take *take)
{
    uint8_t bytes[256], *at = bytes;

    for (uint8_t i = 1; i < 6; i++) {
        at = record_put(at, i, (uint8_t)(i - 1), 0);
    }
    take(bytes, (size_t)(at - bytes));
    at = record_put(record_put(bytes, 1, 0, 0), 2, 1, 2);
    at = record_put(record_put(at, 3, 2, 0), 6, 4, 1);
    at = record_put(at, 7, 6, 4);
    take(bytes, (size_t)(at - bytes));
    at = record_put(qn_writer_fixed(bytes, (const uint8_t[]){0, 6, 9, 0, 9, 0, 1, 0}, 8), 9, 8, 0);
    at = qn_writer_fixed(at, (const uint8_t[]){1, 15, 10, 0, 9, 0, 1, RECORD_TRIM, 0, 10}, 10);
    at = qn_writer_fixed(at, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 3, 1, 2, 3}, 14);
    at = record_put(at, 11, 10, 0);
    take(bytes, (size_t)(at - bytes));
    at = record_put(record_put(bytes, 1, 0, 0), 2, 1, 4);
    at = qn_writer_fixed(at, (const uint8_t[]){4, 3, 2, 0, 0}, 5);
    take(bytes, (size_t)(at - bytes));
}
