/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* O_CLOEXEC beside O_APPEND */

#include "kernel/host/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/host/file.h"

/* --- reading lines --- */

static const char *text_of(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    return text == NULL ? "" : text;
}

static bool is_step(const json_t *line, const char *step)
{
    return strcmp(text_of(line, "step"), step) == 0;
}

static json_int_t number_of(const json_t *line)
{
    return json_integer_value(json_object_get(line, "swap"));
}

const json_t *qnk_history_in_force(const struct qnk_history *log, const char *kind)
{
    const json_t *now = NULL;
    const json_t *before = NULL;

    for (size_t i = 0; i < json_array_size(log->lines); i++) {
        const json_t *line = json_array_get(log->lines, i);

        if (strcmp(text_of(line, "kind"), kind) != 0) {
            continue;
        }
        if (is_step(line, "committed")) {
            before = now;
            now = line;
        } else if (is_step(line, "aborted") && now != NULL && number_of(line) == number_of(now)) {
            now = before; /* it was written and could not be flushed */
        } else if (is_step(line, "dropped")) {
            now = NULL;
        }
    }
    return now;
}

const char *qnk_history_available(const struct qnk_history *log, const char *kind, const char *name)
{
    for (size_t i = json_array_size(log->lines); i-- > 0;) {
        const json_t *line = json_array_get(log->lines, i);

        if (is_step(line, "available") && strcmp(text_of(line, "kind"), kind) == 0 &&
            strcmp(text_of(line, "name"), name) == 0) {
            return text_of(line, "path");
        }
    }
    return NULL;
}

/* --- the file --- */

static int32_t status_of(int error)
{
    return error == ENOSPC || error == EDQUOT ? QN_NO_SPACE : QN_IO;
}

/* Whether it is a step, and after its number, if it has one, another exchange can have the next. */
static bool is_whole(const json_t *line)
{
    json_int_t number = number_of(line);

    return json_is_string(json_object_get(line, "step")) && number >= 0 && number < INT64_MAX;
}

/* Takes in all whole lines; `size` becomes where they end. */
static void lines_read(struct qnk_history *log, const char *text, uint64_t size)
{
    const char *at = text;
    const char *end;

    while ((end = memchr(at, '\n', (size_t)(text + size - at))) != NULL) {
        json_t *line = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);

        if (is_whole(line)) {
            uint64_t number = (uint64_t)number_of(line);

            log->last = number > log->last ? number : log->last;
            json_array_append_new(log->lines, line);
        } else {
            json_decref(line);
            log->damaged++;
        }
        at = end + 1;
    }
    log->size = (uint64_t)(at - text);
}

static bool bytes_read(int fd, char *text, uint64_t size)
{
    for (uint64_t have = 0; have < size;) {
        ssize_t got = pread(fd, text + have, (size_t)(size - have), (off_t)have);

        if (got <= 0) {
            return false;
        }
        have += (uint64_t)got;
    }
    return true;
}

/* Takes in the file, and cuts off what was torn. */
static int32_t file_read(struct qnk_history *log, struct qnk_budget *budget)
{
    struct stat info;
    uint64_t size;
    char *text;
    int32_t status = QN_IO;

    if (fstat(log->fd, &info) != 0 || info.st_size < 0 || info.st_size > 2 * QNK_HISTORY_MAX) {
        return QN_IO;
    }
    size = (uint64_t)info.st_size;
    text = qnk_memory_take(budget, size + 1);
    if (text == NULL) {
        return QN_NO_SPACE;
    }
    if (bytes_read(log->fd, text, size)) {
        lines_read(log, text, size);
        status = log->size == size || ftruncate(log->fd, (off_t)log->size) == 0 ? QN_OK : QN_IO;
    }
    qnk_memory_give(budget, text, size + 1);
    return status;
}

static int32_t bytes_write(int fd, const char *bytes, size_t size)
{
    ssize_t done = write(fd, bytes, size);

    if (done < 0) {
        return status_of(errno);
    }
    return (size_t)done == size ? QN_OK : QN_NO_SPACE;
}

/* In one write, so that it is torn or whole. */
static int32_t line_write(int fd, const json_t *line, uint64_t *size)
{
    char text[QNK_HISTORY_LINE];
    size_t length = json_dumpb(line, text, sizeof text, JSON_COMPACT);
    int32_t status = length == 0 || length >= sizeof text ? QN_NO_SPACE : QN_OK;

    if (status == QN_OK) {
        text[length] = '\n';
        status = bytes_write(fd, text, length + 1);
    }
    *size += status == QN_OK ? length + 1 : 0;
    return status;
}

/* Whether a line is one on which something depends. */
static bool is_needed(const struct qnk_history *log, const json_t *line)
{
    return line == qnk_history_in_force(log, text_of(line, "kind")) ||
           (is_step(line, "available") &&
            qnk_history_available(log, text_of(line, "kind"), text_of(line, "name")) ==
                text_of(line, "path"));
}

/* The lines that stay, as a new list. */
static json_t *lines_cut(const struct qnk_history *log)
{
    size_t count = json_array_size(log->lines);
    json_t *kept = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *line = json_array_get(log->lines, i);

        if (i + QNK_HISTORY_LINES >= count || is_needed(log, line)) {
            json_array_append(kept, line);
        }
    }
    return kept;
}

/* Writes the file anew with fewer lines: whole, or not at all. */
static int32_t shorten(struct qnk_history *log)
{
    char beside[QNK_HISTORY_PATH + 4];
    json_t *kept = lines_cut(log);
    int32_t status = kept == NULL ? QN_NO_SPACE : QN_OK;
    uint64_t size = 0;
    int fd;

    qnk_text(beside, sizeof beside, "%s.new", log->path);
    fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) {
        json_decref(kept);
        return QN_IO;
    }
    for (size_t i = 0; status == QN_OK && i < json_array_size(kept); i++) {
        status = line_write(fd, json_array_get(kept, i), &size);
    }
    if (status == QN_OK && (fsync(fd) != 0 || rename(beside, log->path) != 0)) {
        status = QN_IO;
    }
    if (status != QN_OK) {
        json_decref(kept);
        (void)close(fd);
        return status;
    }
    json_decref(log->lines);
    log->lines = kept;
    log->size = size;
    (void)close(log->fd);
    log->fd = fd;
    return qnk_file_folder_flush(log->path) == 0 ? QN_OK : QN_IO;
}

int32_t qnk_history_open(struct qnk_history *log, struct qnk_budget *budget, const char *folder)
{
    int32_t status;

    *log = (struct qnk_history){.fd = -1};
    qnk_text(log->path, sizeof log->path, "%s/swaps", folder);
    log->lines = json_array();
    log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log->lines == NULL) {
        status = QN_NO_SPACE;
    } else {
        status = log->fd < 0 ? status_of(errno) : file_read(log, budget);
    }
    if (status == QN_OK) {
        status = log->size > QNK_HISTORY_KEEP            ? shorten(log)
                 : qnk_file_folder_flush(log->path) == 0 ? QN_OK
                                                         : QN_IO;
    }
    if (status != QN_OK) {
        qnk_history_close(log);
    }
    return status;
}

void qnk_history_close(struct qnk_history *log)
{
    json_decref(log->lines);
    log->lines = NULL;
    if (log->fd >= 0) {
        (void)close(log->fd);
    }
    log->fd = -1;
}

int32_t qnk_history_add(struct qnk_history *log, json_t *line, bool is_durable)
{
    uint64_t size = log->size;
    int32_t status = line == NULL || size + QNK_HISTORY_LINE > QNK_HISTORY_MAX ? QN_NO_SPACE
                     : log->fd < 0                                             ? QN_IO
                                                                               : QN_OK;

    if (status == QN_OK) {
        status = line_write(log->fd, line, &size);
    }
    if (status == QN_OK && is_durable && fdatasync(log->fd) != 0) {
        status = status_of(errno);
    }
    if (status != QN_OK) {
        if (line != NULL && log->fd >= 0) {
            int cut = ftruncate(log->fd, (off_t)log->size);

            (void)cut; /* a torn line is cut off by the next open */
        }
        json_decref(line);
        return status;
    }
    log->size = size;
    json_array_append_new(log->lines, line);
    return QN_OK;
}
