/* SPDX-License-Identifier: MIT */

#include "kernel/host/inputs_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"

enum { PATH = QNK_INPUTS_PATH + 32, NUMBER_MAX = 1000000000 };

/* --- records --- */

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static int32_t payload_decode(struct qn_span payload, struct qnk_inputs_record *out)
{
    struct qnk_reader reader = qnk_reader_init(payload);
    struct qnk_inputs_record record = {.type = qnk_reader_u8(&reader)};

    switch ((enum qnk_inputs_type)record.type) {
    case QNK_INPUTS_PAGES:
    case QNK_INPUTS_EVENT:
    case QNK_INPUTS_EFFECTS:
        record.step = qnk_reader_u64(&reader);
        break;
    case QNK_INPUTS_SEGMENT_:
        (void)qnk_reader_u64(&reader);
        record.step = qnk_reader_u64(&reader);
        break;
    case QNK_INPUTS_HEAD:
    case QNK_INPUTS_BEGIN:
    case QNK_INPUTS_STOPPED:
        break;
    default:
        return QN_CORRUPT;
    }
    record.body = (struct qn_span){reader.at, reader.left};
    if (reader.failed) {
        return QN_CORRUPT;
    }
    *out = record;
    return QN_OK;
}

int32_t qnk_inputs_record_decode(struct qn_span *from, struct qnk_inputs_record *record)
{
    struct qnk_reader reader = qnk_reader_init(*from);
    uint32_t size = qnk_reader_u32(&reader);
    uint32_t sum = qnk_reader_u32(&reader);
    struct qn_span payload = qnk_reader_span(&reader, size);
    struct qn_span padding = qnk_reader_span(&reader, (8 - size % 8) % 8);
    int32_t status;

    if (size == 0 || from->size < 8) {
        return is_zero(from->data, from->size) ? QN_NOT_FOUND : QN_CORRUPT;
    }
    if (reader.failed || qnk_crc32c(0, payload.data, payload.size) != sum ||
        !is_zero(padding.data, padding.size)) {
        return QN_CORRUPT;
    }
    status = payload_decode(payload, record);
    if (status == QN_OK) {
        *from = (struct qn_span){reader.at, reader.left};
    }
    return status;
}

/* --- files --- */

static void file_path(const struct qnk_inputs_reader *reader, char path[PATH])
{
    if (reader->file == 0) {
        qnk_text(path, PATH, "%s/start", reader->folder);
    } else {
        qnk_text(path, PATH, "%s/steps.%06u", reader->folder, reader->file);
    }
}

static void file_close(struct qnk_inputs_reader *reader)
{
    if (reader->size > 0) {
        (void)munmap((void *)(uintptr_t)reader->map, reader->size);
    }
    reader->map = NULL;
    reader->size = reader->at = 0;
}

static int32_t file_open(struct qnk_inputs_reader *reader)
{
    static uint8_t nothing[1]; /* of an empty file */
    struct stat info;
    char path[PATH];
    void *map = nothing;
    int fd;

    file_path(reader, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        int error = errno;

        qnk_text(reader->why, sizeof reader->why, "cannot read '%s': %s", path, strerror(error));
        if (fd >= 0) {
            (void)close(fd);
        }
        return error == ENOENT ? QN_NOT_FOUND : QN_IO;
    }
    if (info.st_size > 0) {
        map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    (void)close(fd);
    if (map == MAP_FAILED) {
        qnk_text(reader->why, sizeof reader->why, "cannot map '%s': %s", path, strerror(errno));
        return QN_IO;
    }
    reader->map = map;
    reader->size = (uint64_t)info.st_size;
    reader->at = 0;
    return QN_OK;
}

/* Which files of steps there are. */
static void files_find(struct qnk_inputs_reader *reader)
{
    DIR *dir = opendir(reader->folder);

    for (const struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        char *end;
        unsigned long number;

        if (strncmp(entry->d_name, "steps.", 6) != 0) {
            continue;
        }
        number = strtoul(entry->d_name + 6, &end, 10);
        if (*end != 0 || number == 0 || number > NUMBER_MAX) {
            continue;
        }
        if (reader->oldest == 0 || number < reader->oldest) {
            reader->oldest = (uint32_t)number;
        }
        if (number > reader->newest) {
            reader->newest = (uint32_t)number;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static void ending_read(struct qnk_inputs_reader *reader)
{
    char path[PATH], text[QNK_INPUTS_WHY] = "";
    FILE *file;
    char *end;

    qnk_text(path, sizeof path, "%s/ended", reader->folder);
    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    if (fgets(text, sizeof text, file) != NULL) {
        text[strcspn(text, "\n")] = 0;
        reader->code = (int)strtol(text, &end, 10);
        reader->has_ended = end != text;
        qnk_text(reader->words, sizeof reader->words, "%s", *end == ' ' ? end + 1 : end);
    }
    if (reader->has_ended && fgets(text, sizeof text, file) != NULL &&
        strncmp(text, "steps ", 6) == 0 && text[6] >= '0' && text[6] <= '9') {
        reader->steps = strtoull(text + 6, NULL, 10);
        reader->has_steps = true;
    }
    (void)fclose(file);
}

int32_t qnk_inputs_reader_open(struct qnk_inputs_reader *reader, const char *dir)
{
    static const char *const below[] = {"", "/inputs", "/data/inputs"};
    char path[PATH];

    *reader = (struct qnk_inputs_reader){0};
    for (uint32_t i = 0; i < sizeof below / sizeof *below; i++) {
        int size = snprintf(reader->folder, sizeof reader->folder, "%s%s", dir, below[i]);

        file_path(reader, path);
        if (size > 0 && size < QNK_INPUTS_PATH && access(path, F_OK) == 0) {
            files_find(reader);
            ending_read(reader);
            return file_open(reader);
        }
    }
    qnk_text(reader->why, sizeof reader->why,
             "there is no input log in '%s': set 'input_log: on' in the node file", dir);
    return QN_NOT_FOUND;
}

void qnk_inputs_reader_close(struct qnk_inputs_reader *reader)
{
    file_close(reader);
}

static int32_t damaged(struct qnk_inputs_reader *reader, const char *what)
{
    char path[PATH];

    file_path(reader, path);
    qnk_text(reader->why, sizeof reader->why, "'%s', byte %llu: %s", path,
             (unsigned long long)reader->at, what);
    return QN_CORRUPT;
}

/* The last record was read: whether it was that of the node's last step, if that is known. */
static int32_t end_check(struct qnk_inputs_reader *reader)
{
    if (!reader->has_steps || reader->step == reader->steps) {
        return QN_NOT_FOUND;
    }
    qnk_text(reader->why, sizeof reader->why,
             "'%s' ends with step %llu, and the node recorded %llu: files are missing or cut",
             reader->folder, (unsigned long long)reader->step, (unsigned long long)reader->steps);
    return QN_CORRUPT;
}

/* The next file; QN_NOT_FOUND: this was the last. */
static int32_t file_next(struct qnk_inputs_reader *reader)
{
    uint32_t next = reader->file == 0 ? reader->oldest : reader->file + 1;

    if (next == 0 || next > reader->newest) {
        return end_check(reader);
    }
    file_close(reader);
    reader->file = next;

    int32_t status = file_open(reader);

    return status == QN_NOT_FOUND ? QN_CORRUPT : status; /* one is missing among the others */
}

/* Whether a record of steps is the one that must follow. */
static int32_t order_check(struct qnk_inputs_reader *reader, const struct qnk_inputs_record *record)
{
    switch ((enum qnk_inputs_type)record->type) {
    case QNK_INPUTS_SEGMENT_:
        if (reader->file == reader->oldest) {
            reader->step = record->step;
        }
        return record->step == reader->step ? QN_OK : damaged(reader, "steps before it are lost");
    case QNK_INPUTS_EVENT:
        if (record->step != reader->step + 1) {
            return damaged(reader, "a step before it is lost");
        }
        reader->step = record->step;
        return QN_OK;
    case QNK_INPUTS_EFFECTS:
        return record->step == reader->step ? QN_OK : damaged(reader, "a step is lost");
    case QNK_INPUTS_HEAD:
    case QNK_INPUTS_PAGES:
    case QNK_INPUTS_BEGIN:
    case QNK_INPUTS_STOPPED:
        break;
    }
    return QN_OK;
}

int32_t qnk_inputs_next(struct qnk_inputs_reader *reader, struct qnk_inputs_record *record)
{
    struct qn_span left = {reader->map + reader->at, reader->size - reader->at};
    int32_t status = qnk_inputs_record_decode(&left, record);

    while (status == QN_NOT_FOUND) {
        status = file_next(reader);
        if (status == QN_OK) {
            left = (struct qn_span){reader->map, reader->size};
            status = qnk_inputs_record_decode(&left, record);
        } else {
            return status;
        }
    }
    if (status == QN_CORRUPT) {
        return damaged(reader, "the record is damaged");
    }
    status = order_check(reader, record);
    if (status == QN_OK) {
        reader->at = reader->size - left.size;
    }
    return status;
}
