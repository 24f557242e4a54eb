/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/hex.h"

/* Takes the text before `end` off `rest` into `to`; false: it is empty, does not fit, or is no
 * text. */
static bool word_take(struct qn_span *rest, char end, char *to, size_t room)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;
    size_t size = at != NULL ? (size_t)(at - rest->data) : 0;

    if (size == 0 || size >= room || memchr(rest->data, 0, size) != NULL) {
        return false;
    }
    memcpy(to, rest->data, size);
    to[size] = 0;
    rest->data += size + 1;
    rest->size -= size + 1;
    return true;
}

static bool is_of(const char *text, const char *set)
{
    return text[strspn(text, set)] == 0;
}

static bool line_take(struct qn_span *rest, struct qnk_lock_line *line)
{
    char hash[QNK_HEX_SIZE(QN_HASH_SIZE)];
    char size[21];

    *line = (struct qnk_lock_line){0};
    if (!word_take(rest, ' ', hash, sizeof hash) ||
        !word_take(rest, ' ', line->kind, sizeof line->kind) ||
        !word_take(rest, ' ', line->name, sizeof line->name) ||
        !word_take(rest, ' ', line->version, sizeof line->version) ||
        !word_take(rest, '\n', size, sizeof size)) {
        return false;
    }
    if (!is_of(hash, "0123456789abcdef") || !is_of(line->kind, "abcdefghijklmnopqrstuvwxyz_") ||
        !is_of(line->name, "abcdefghijklmnopqrstuvwxyz0123456789-") ||
        !is_of(line->version, "0123456789.") || !is_of(size, "0123456789") || size[0] == '0') {
        return false;
    }
    errno = 0;
    line->size = strtoull(size, NULL, 10);
    return errno == 0 && qnk_hex_decode(hash, QN_HASH_SIZE, line->hash.bytes) == QN_OK;
}

static int line_compare(const void *a, const void *b)
{
    const struct qnk_lock_line *left = a;
    const struct qnk_lock_line *right = b;
    int order = memcmp(left->hash.bytes, right->hash.bytes, QN_HASH_SIZE);

    if (order == 0) {
        order = strcmp(left->kind, right->kind);
    }
    return order != 0 ? order : strcmp(left->name, right->name);
}

static bool is_same_plugin(const struct qnk_lock_line *a, const struct qnk_lock_line *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

/* Why line `place` cannot stand after those before it, or NULL. */
static const char *line_fault(const struct qnk_lock_line *lines, uint32_t place)
{
    if (place > 0 && line_compare(&lines[place - 1], &lines[place]) >= 0) {
        return "is out of order";
    }
    for (uint32_t i = 0; i < place; i++) {
        if (is_same_plugin(&lines[i], &lines[place])) {
            return "names a plugin for the second time";
        }
    }
    return NULL;
}

static int32_t lines_read(struct qn_span bytes, struct qnk_lock *lock, char why[QNK_PLUGIN_WHY_MAX])
{
    while (bytes.size > 0) {
        const char *fault = "is not `<SHA-256> <kind> <name> <version> <size>`";

        if (lock->count == QNK_LOCK_LINES_MAX) {
            fault = "is one too many";
        } else if (line_take(&bytes, &lock->lines[lock->count])) {
            fault = line_fault(lock->lines, lock->count);
        }
        if (fault != NULL) {
            (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "line %u %s", (unsigned int)lock->count + 1,
                           fault);
            return QN_INVALID;
        }
        lock->count++;
    }
    return QN_OK;
}

int32_t qnk_lock_read(struct qn_span bytes, struct qnk_budget *budget, struct qnk_lock *lock,
                      char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_lock it = {.budget = budget};

    it.lines = qnk_memory_take(budget, QNK_LOCK_LINES_MAX * sizeof *it.lines);
    if (it.lines == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for the lock file");
        return QN_NO_SPACE;
    }

    int32_t status = lines_read(bytes, &it, why);

    if (status != QN_OK) {
        qnk_lock_done(&it);
        return status;
    }
    *lock = it;
    return QN_OK;
}

void qnk_lock_done(struct qnk_lock *lock)
{
    qnk_memory_give(lock->budget, lock->lines, QNK_LOCK_LINES_MAX * sizeof *lock->lines);
    *lock = (struct qnk_lock){0};
}

int32_t qnk_lock_open(const char *path, struct qnk_budget *budget, struct qnk_lock *lock,
                      char why[QNK_PLUGIN_WHY_MAX])
{
    static const char unreadable[] = "the lock file cannot be read";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */

    if (fd < 0 && errno == ENOENT) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "there is no lock file");
        return QN_NOT_FOUND;
    }

    uint8_t *bytes = fd >= 0 ? qnk_memory_take(budget, QNK_LOCK_FILE_MAX + 1) : NULL;
    ssize_t got = 0;
    size_t size = 0;

    while (bytes != NULL && size <= QNK_LOCK_FILE_MAX &&
           (got = read(fd, bytes + size, QNK_LOCK_FILE_MAX + 1 - size)) > 0) {
        size += (size_t)got;
    }
    if (fd >= 0) {
        (void)close(fd);
    }

    int32_t status = QN_IO;

    if (bytes == NULL || got < 0 || size > QNK_LOCK_FILE_MAX) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s", unreadable);
    } else {
        status = qnk_lock_read((struct qn_span){bytes, size}, budget, lock, why);
    }
    qnk_memory_give(budget, bytes, QNK_LOCK_FILE_MAX + 1);
    return status;
}

int32_t qnk_lock_check(const struct qnk_lock *lock, const struct qnk_lock_line *of,
                       char why[QNK_PLUGIN_WHY_MAX])
{
    char pinned[QNK_HEX_SIZE(QN_HASH_SIZE)];
    char found[QNK_HEX_SIZE(QN_HASH_SIZE)];

    for (uint32_t i = 0; i < lock->count; i++) {
        const struct qnk_lock_line *line = &lock->lines[i];

        if (!is_same_plugin(line, of)) {
            continue;
        }
        if (line->size == of->size && qnk_hash_equal(&line->hash, &of->hash) &&
            (*of->version == 0 || strcmp(line->version, of->version) == 0)) {
            return QN_OK;
        }
        qnk_hex_encode(line->hash.bytes, QN_HASH_SIZE, pinned);
        qnk_hex_encode(of->hash.bytes, QN_HASH_SIZE, found);
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "not the file that the lock file pins: %.12s of %" PRIu64
                       " bytes, and this is %.12s of %" PRIu64 "; see `qnet plugin lock`",
                       pinned, line->size, found, of->size);
        return QN_DENIED;
    }
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                   "the lock file does not list %s/%s; see `qnet plugin lock`", of->kind, of->name);
    return QN_DENIED;
}

static bool lines_write(FILE *file, const struct qnk_lock_line *lines, uint32_t count)
{
    char hash[QNK_HEX_SIZE(QN_HASH_SIZE)];

    for (uint32_t i = 0; i < count; i++) {
        qnk_hex_encode(lines[i].hash.bytes, QN_HASH_SIZE, hash);
        if (fprintf(file, "%s %s %s %s %" PRIu64 "\n", hash, lines[i].kind, lines[i].name,
                    lines[i].version, lines[i].size) < 0) {
            return false;
        }
    }
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

/* Writes beside the file, then puts the new one in its place. */
static int32_t replace(const char *path, const struct qnk_lock_line *lines, uint32_t count)
{
    char beside[4096];
    int size = snprintf(beside, sizeof beside, "%s.new", path);

    if (size < 0 || (size_t)size >= sizeof beside) {
        return QN_IO;
    }

    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (file == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return QN_IO;
    }

    bool is_written = lines_write(file, lines, count);

    if (fclose(file) != 0 || !is_written || rename(beside, path) != 0) {
        (void)unlink(beside);
        return QN_IO;
    }
    return QN_OK;
}

int32_t qnk_lock_write(const char *path, struct qnk_lock_line *lines, uint32_t count,
                       char why[QNK_PLUGIN_WHY_MAX])
{
    if (count > QNK_LOCK_LINES_MAX) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "more than %u plugins",
                       (unsigned int)QNK_LOCK_LINES_MAX);
        return QN_NO_SPACE;
    }
    qsort(lines, count, sizeof *lines, line_compare);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (is_same_plugin(&lines[i], &lines[j])) {
                (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s/%s twice, from different files",
                               lines[i].kind, lines[i].name);
                return QN_EXISTS;
            }
        }
    }

    int32_t status = replace(path, lines, count);

    if (status != QN_OK) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "the lock file cannot be written: %s",
                       strerror(errno));
    }
    return status;
}
