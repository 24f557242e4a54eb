/* SPDX-License-Identifier: MIT */

#include "kernel/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/log_line.h"

enum { SECOND_US = 1000000 };

static uint64_t system_now_us(void *clock)
{
    struct timespec now;

    (void)clock;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

void qnk_log_init(struct qnk_log *log, const struct qnk_log_options *options)
{
    QN_ASSERT(options->level < QNK_LOG_LEVEL_COUNT);
    *log = (struct qnk_log){
        .fd = options->fd,
        .format = options->format,
        .threshold = (int)options->level + 1,
        .now_us = options->now_us != NULL ? options->now_us : system_now_us,
        .clock = options->clock,
        .heard = options->heard,
        .heard_ctx = options->heard_ctx,
    };

    int error = pthread_mutex_init(&log->lock, NULL);

    QN_ASSERT(error == 0);
}

static void silence(struct qnk_log_part *part)
{
    atomic_store_explicit(&part->threshold, 0, memory_order_relaxed);
    part->log = NULL;
}

void qnk_log_done(struct qnk_log *log)
{
    for (uint32_t i = 0; i < log->parts_count; i++) {
        silence(log->parts[i]);
    }
    log->parts_count = 0;
    (void)pthread_mutex_destroy(&log->lock);
}

enum qnk_log_format qnk_log_format_for(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat file;
    char expected[64];

    if (isatty(fd)) {
        return QNK_LOG_TEXT;
    }
    if (stream == NULL || fstat(fd, &file) != 0) {
        return QNK_LOG_LOGFMT;
    }
    (void)snprintf(expected, sizeof expected, "%ju:%ju", (uintmax_t)file.st_dev,
                   (uintmax_t)file.st_ino);
    return strcmp(stream, expected) == 0 ? QNK_LOG_JOURNAL : QNK_LOG_LOGFMT;
}

int32_t qnk_log_add(struct qnk_log *log, struct qnk_log_part *part)
{
    int32_t status = QN_NO_SPACE;

    QN_ASSERT(part->log == NULL);
    (void)pthread_mutex_lock(&log->lock);
    if (log->parts_count < QNK_LOG_PARTS_MAX) {
        log->parts[log->parts_count++] = part;
        part->log = log;
        part->until_us = 0;
        atomic_store_explicit(&part->threshold, log->threshold, memory_order_relaxed);
        status = QN_OK;
    }
    (void)pthread_mutex_unlock(&log->lock);
    return status;
}

void qnk_log_remove(struct qnk_log_part *part)
{
    struct qnk_log *log = part->log;

    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; i < log->parts_count; i++) {
        if (log->parts[i] == part) {
            log->parts[i] = log->parts[--log->parts_count];
            break;
        }
    }
    silence(part);
    (void)pthread_mutex_unlock(&log->lock);
}

int32_t qnk_log_level_read(const char *name, enum qnk_log_level *level)
{
    for (int i = 0; i < QNK_LOG_LEVEL_COUNT; i++) {
        if (strcmp(name, qnk_log_level_name((enum qnk_log_level)i)) == 0) {
            *level = (enum qnk_log_level)i;
            return QN_OK;
        }
    }
    return QN_NOT_FOUND;
}

/* Whether `name` is `wanted` or stands below it. */
static bool is_part_of(const char *name, const char *wanted)
{
    size_t size = strlen(wanted);

    return size == 0 ||
           (strncmp(name, wanted, size) == 0 && (name[size] == 0 || name[size] == '/'));
}

static void threshold_set(struct qnk_log_part *part, int threshold, uint64_t until_us)
{
    if (until_us == 0) {
        part->after = threshold;
    } else if (part->until_us == 0) {
        part->after = atomic_load_explicit(&part->threshold, memory_order_relaxed);
    }
    part->until_us = until_us;
    atomic_store_explicit(&part->threshold, threshold, memory_order_relaxed);
}

int32_t qnk_log_level_set(struct qnk_log *log, const char *part, enum qnk_log_level level,
                          uint64_t for_us)
{
    int32_t status = QN_NOT_FOUND;
    uint64_t until_us = for_us == 0 ? 0 : log->now_us(log->clock) + for_us;

    QN_ASSERT(level < QNK_LOG_LEVEL_COUNT);
    (void)pthread_mutex_lock(&log->lock);
    if (*part == 0 && for_us == 0) {
        log->threshold = (int)level + 1;
        status = QN_OK;
    }
    for (uint32_t i = 0; i < log->parts_count; i++) {
        if (is_part_of(log->parts[i]->name, part)) {
            threshold_set(log->parts[i], (int)level + 1, until_us);
            status = QN_OK;
        }
    }
    (void)pthread_mutex_unlock(&log->lock);
    return status;
}

void qnk_log_tick(struct qnk_log *log)
{
    uint64_t now_us = log->now_us(log->clock);

    (void)pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; i < log->parts_count; i++) {
        struct qnk_log_part *part = log->parts[i];

        if (part->until_us != 0 && now_us >= part->until_us) {
            threshold_set(part, part->after, 0);
        }
    }
    (void)pthread_mutex_unlock(&log->lock);
}

/* Counts a line of `site`; false: it is one too many in this second. */
static bool is_allowed(struct qnk_log_site *site, uint64_t now_us)
{
    uint64_t second = now_us / SECOND_US;

    if (site->second != second) {
        site->second = second;
        site->lines = 0;
    }
    if (site->lines >= QNK_LOG_SITE_MAX) {
        site->suppressed++;
        return false;
    }
    site->lines++;
    return true;
}

static void write_whole(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR) {
            return;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

static void write_line(struct qnk_log_site *site, const struct qnk_log_part *part,
                       enum qnk_log_level level, const char *event, const char *format,
                       va_list *args)
{
    struct qnk_log *log = part->log;
    struct qnk_log_line line;

    if (log == NULL) {
        return;
    }

    uint64_t now_us = log->now_us(log->clock);

    (void)pthread_mutex_lock(&log->lock);
    if (is_allowed(site, now_us)) {
        const struct qnk_log_record record = {
            .now_us = now_us,
            .level = level,
            .part = part->name,
            .event = event,
            .format = format,
            .suppressed = site->suppressed,
        };

        site->suppressed = 0;
        qnk_log_line_make(&line, log->format, &record, args);
        write_whole(log->fd, line.bytes, line.size);
        if (log->heard != NULL) {
            log->heard(log->heard_ctx, part->name,
                       (struct qn_span){(const uint8_t *)line.bytes, line.size - 1});
        }
    }
    (void)pthread_mutex_unlock(&log->lock);
}

void qnk_log_write(struct qnk_log_site *site, const struct qnk_log_part *part,
                   enum qnk_log_level level, const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(site, part, level, event, format, &args);
    va_end(args);
}

/* --- lines that were made before --- */

/* Whether all of it is key=value, apart by one space. */
static bool are_fields(const char *text)
{
    for (;;) {
        size_t key = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

        if (key == 0 || text[key] != '=') {
            return false;
        }
        text += strcspn(text, " ");
        if (*text == 0) {
            return true;
        }
        text++;
    }
}

/* A format that says just `text`. */
static void quote(char *to, size_t room, const char *text)
{
    static const char mark[] = " | ";
    size_t at = 0;

    for (const char *from = text; *from != 0 && at + 3 < room; from++) {
        to[at++] = *from >= 32 && *from < 127 ? *from : '?';
        if (*from == '%') {
            to[at++] = '%';
        }
        if (strncmp(from, mark, strlen(mark)) == 0 && !are_fields(from + strlen(mark))) {
            from++; /* without its bar: words */
        }
    }
    to[at] = 0;
}

/* No check of formats here: this one was just made. */
static void write_made(struct qnk_log_site *site, const struct qnk_log_part *part,
                       enum qnk_log_level level, const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(site, part, level, event, format, &args);
    va_end(args);
}

void qnk_log_text(struct qnk_log_site *site, const struct qnk_log_part *part,
                  enum qnk_log_level level, const char *event, const char *text)
{
    char format[QNK_LOG_LINE_MAX];

    if (qnk_log_is_on(part, level)) {
        quote(format, sizeof format, text);
        write_made(site, part, level, event, format);
    }
}
