/* SPDX-License-Identifier: MIT */

/* log_open.c: how a log is found again after whatever happened to it. */

#define _DEFAULT_SOURCE /* getentropy */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "log.h"

enum { WARN = 1, DIGITS = 16, WORDS_MAX = 240 };

/* --- which files there are --- */

struct numbers {
    uint64_t least, most, count;
};

/* Whether this is the file of a segment of that log, and its number. */
static bool is_segment_name(const char *file, const char *name, uint64_t *number)
{
    size_t size = strlen(name);
    uint64_t value = 0;

    if (strncmp(file, name, size) != 0 || file[size] != '.') {
        return false;
    }
    file += size + 1;
    for (int i = 0; i < DIGITS; i++) {
        const char *const digits = "0123456789abcdef";
        const char *digit = file[i] == '\0' ? NULL : strchr(digits, file[i]);

        if (digit == NULL) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *number = value;
    return strcmp(file + DIGITS, ".log") == 0;
}

static int32_t numbers_find(int folder, const char *name, struct numbers *numbers)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct numbers it = {.least = UINT64_MAX};
    uint64_t number;

    if (list == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return QN_IO;
    }
    errno = 0;
    while ((entry = readdir(list)) != NULL) {
        if (is_segment_name(entry->d_name, name, &number)) {
            it.least = number < it.least ? number : it.least;
            it.most = number > it.most ? number : it.most;
            it.count++;
        }
    }

    int32_t status = errno == 0 ? QN_OK : QN_IO;

    (void)closedir(list);
    *numbers = it;
    return status;
}

int32_t lmdb_log_exists(int folder, const char *name, bool *exists)
{
    struct numbers numbers;
    int32_t status = numbers_find(folder, name, &numbers);

    if (status == QN_OK) {
        *exists = numbers.count > 0;
    }
    return status;
}

/* --- words --- */

static struct qn_span words_of(const char *words)
{
    return (struct qn_span){(const uint8_t *)words, strlen(words)};
}

static int32_t corrupt(const struct log *log, uint64_t number, const char *why)
{
    struct log_file file = lmdb_log_file(log, number);
    char words[WORDS_MAX];

    (void)snprintf(words, sizeof words, "'%s' %s", file.name, why);
    return log->host->fail(log->node, QN_CORRUPT, words_of(words));
}

/* Of the newest segment. */
static void warn(const struct log *log, const char *what, uint64_t from, uint64_t to)
{
    struct log_file file = lmdb_log_file(log, log->segments[log->segments_count - 1]->number);
    char words[WORDS_MAX];

    (void)snprintf(words, sizeof words, "log '%s': %s %llu up to %llu, in '%s' from byte %llu on",
                   log->name, what, (unsigned long long)from, (unsigned long long)to, file.name,
                   (unsigned long long)log->tail.offset);
    log->host->log(log->node, WARN, words_of(words));
}

/* What was being written is not there as a whole. Nobody was told that it was durable, so it was
 * most likely not, but people should know. */
static void warn_cut(const struct log *log, uint64_t bytes)
{
    struct log_file file = lmdb_log_file(log, log->segments[log->segments_count - 1]->number);
    char words[WORDS_MAX];

    (void)snprintf(words, sizeof words,
                   "log '%s': record %llu, in '%s' at byte %llu, is torn: %llu bytes are cut, "
                   "which is normal after a crash or a power cut",
                   log->name, (unsigned long long)log->tail.sequence, file.name,
                   (unsigned long long)log->tail.offset, (unsigned long long)bytes);
    log->host->log(log->node, WARN, words_of(words));
}

/* --- a new log --- */

static int32_t log_make(struct log *log)
{
    struct tail tail = {.sequence = 1, .offset = SEGMENT_HEAD};
    struct segment_head head = {.number = 1, .first = 1, .size = log->segment_size, .epoch = 1};
    int32_t status;
    int fd;

    if (getentropy(&log->salt, sizeof log->salt) != 0) {
        return QN_IO;
    }
    log->epoch = 1;
    log->trimmed = 1;
    head.salt = log->salt;
    head.trimmed = 1;
    status = lmdb_log_begin(log, &head, &fd);
    return status == QN_OK ? lmdb_log_publish(log, &head, fd, &tail) : status;
}

/* --- the segments of an old one --- */

/* Each segment must fit to the one before: its number, the salt, where that one ends. */
static bool segment_fits(const struct log *log, const struct segment_head *head)
{
    const struct segment *last;

    if (head->first == 0 || head->size > UINT32_MAX || head->size < SEGMENT_HEAD) {
        return false;
    }
    if (log->segments_count == 0) {
        return true;
    }
    last = log->segments[log->segments_count - 1];
    return head->salt == log->salt && head->first >= last->first && head->ended >= SEGMENT_HEAD &&
           head->ended <= last->size && head->epoch >= last->epoch;
}

static int32_t segment_open(struct log *log, uint64_t number, struct segment_head *head, int *fd)
{
    struct log_file file = lmdb_log_file(log, number);
    int it = openat(log->folder, file.name, O_RDWR | O_CLOEXEC);
    int32_t status;

    if (it < 0) {
        return errno == ENOENT ? corrupt(log, number, "is missing") : QN_IO;
    }
    status = lmdb_segment_head_read(it, log->is_fast, head);
    if (status == QN_CORRUPT) {
        status = corrupt(log, number, "has a damaged head");
    } else if (status == QN_OK && (head->number != number || !segment_fits(log, head))) {
        status = corrupt(log, number, "does not belong where it is");
    }
    if (status == QN_OK) {
        log->salt = head->salt;
        log->epoch = head->epoch;
        log->trimmed = head->trimmed;
        status = lmdb_log_add(log, head);
    }
    if (status != QN_OK) {
        (void)close(it);
        return status;
    }
    *fd = it;
    return QN_OK;
}

/* Opens all, and leaves the newest open. */
static int32_t segments_open(struct log *log, const struct numbers *numbers,
                             struct segment_head *newest)
{
    for (uint64_t number = numbers->least; number <= numbers->most; number++) {
        int fd = -1;
        int32_t status = segment_open(log, number, newest, &fd);

        if (status != QN_OK) {
            return status;
        }
        if (number < numbers->most) {
            (void)close(fd);
        } else {
            log->fd = fd;
        }
    }
    return QN_OK;
}

/* --- the newest segment --- */

static struct walk walk_newest(const struct log *log, const struct segment_head *head)
{
    return (struct walk){
        .fd = log->fd,
        .is_fast = log->is_fast,
        .salt = log->salt,
        .epoch = head->epoch,
        .sequence = head->first,
        .offset = SEGMENT_HEAD,
        .end_sequence = UINT64_MAX,
        .end_offset = head->size,
    };
}

/* A watermark that is damaged says nothing, and neither does one that nobody can have written. */
static int32_t watermark_find(struct log *log, const struct segment_head *head, uint64_t *durable)
{
    struct watermark mark;
    int32_t status = lmdb_watermark_read(log->fd, log->is_fast, log->salt, &mark);

    if (status != QN_OK) {
        return status == QN_CORRUPT ? QN_NOT_FOUND : status;
    }
    if (mark.is_closed) {
        return corrupt(log, head->number + 1, "is missing");
    }
    if (mark.durable < head->first - 1 ||
        mark.durable - (head->first - 1) > (head->size - SEGMENT_HEAD) / RECORD_HEAD) {
        return QN_NOT_FOUND;
    }
    log->marked = mark.durable + 1;
    *durable = mark.durable;
    return QN_OK;
}

/* The last record that is known to have been durable, and the highest epoch. Without a watermark
 * all of the segment is searched for records that know. */
static int32_t durable_find(struct log *log, const struct segment_head *head, uint64_t *durable)
{
    struct walk walk = walk_newest(log, head);
    struct record_head record;
    uint64_t at, known = head->first - 1;
    int32_t status;

    walk.open = log->marked;
    known = *durable > known ? *durable : known;
    while ((status = lmdb_walk_step(&walk, &record, &at)) == QN_OK || status == QN_CORRUPT) {
        if (status == QN_OK) {
            log->epoch = record.epoch > log->epoch ? record.epoch : log->epoch;
            known = record.durable > known ? record.durable : known;
        }
    }
    *durable = known;
    return status == QN_NOT_FOUND ? QN_OK : status;
}

static int32_t trim_read(struct log *log, uint64_t at)
{
    uint8_t bytes[8];
    uint64_t done;
    int32_t status = lmdb_read_at(log->fd, bytes, sizeof bytes, at + RECORD_HEAD, &done);
    struct qn_reader in = qn_reader_over((struct qn_span){bytes, sizeof bytes});

    if (status == QN_OK && done == sizeof bytes) {
        uint64_t place = qn_reader_u64(&in);

        log->trimmed = place > log->trimmed ? place : log->trimmed;
    }
    return status;
}

/* Takes a record over, if it is whole and follows what was there. CORRUPT: not so. */
static int32_t record_take(struct log *log, const struct walk *walk,
                           const struct record_head *record, uint64_t at, bool is_chained)
{
    int32_t status = lmdb_walk_check(walk, record, at);

    if (status == QN_OK && is_chained && record->before != log->tail.before) {
        status = QN_CORRUPT;
    }
    if (status == QN_OK && record->kind == RECORD_TRIM && record->length == 8) {
        status = trim_read(log, at);
    }
    return status;
}

/* Says what there is behind the tail. The walk is where the first misfit ends. */
static int32_t cut_say(const struct log *log, struct walk *walk)
{
    static const uint8_t zeros[RECORD_HEAD] = {0};
    uint8_t bytes[RECORD_HEAD] = {0};
    uint64_t at = 0, end = walk->offset;
    struct record_head record;
    int32_t status = lmdb_read_at(log->fd, bytes, sizeof bytes, log->tail.offset, &at);

    if (status != QN_OK || memcmp(bytes, zeros, sizeof bytes) == 0) {
        return status;
    }
    if (walk->sequence == walk->end_sequence) {
        end = log->tail.offset + at; /* a head, and who knows what belongs to it */
    }
    while ((status = lmdb_walk_step(walk, &record, &at)) == QN_OK || status == QN_CORRUPT) {
        end = status == QN_OK ? walk->offset : end;
    }
    if (status == QN_NOT_FOUND) {
        warn_cut(log, end - log->tail.offset);
        status = QN_OK;
    }
    return status;
}

/* Sets the tail after the last record that stays. */
static int32_t tail_find(struct log *log, const struct segment_head *head, uint64_t durable)
{
    struct walk walk = walk_newest(log, head);
    struct segment *segment = log->segments[log->segments_count - 1];
    struct record_head record;
    bool is_chained = true;
    uint64_t at;

    walk.open = durable + 1;
    log->tail = (struct tail){head->first, SEGMENT_HEAD, head->before};
    for (;;) {
        int32_t status = lmdb_walk_step(&walk, &record, &at);
        uint64_t from = log->tail.sequence;

        if (status == QN_IO || status == QN_NOT_FOUND) {
            return status == QN_IO ? status : QN_OK;
        }
        if (status == QN_OK) {
            status = record_take(log, &walk, &record, at, is_chained);
        }
        if (status == QN_IO) {
            return status;
        }
        is_chained = status == QN_OK;
        if (status == QN_CORRUPT && from > durable) {
            return cut_say(log, &walk);
        }
        if (status == QN_CORRUPT) {
            uint64_t next = walk.sequence <= durable ? walk.sequence : durable + 1;

            warn(log, "damaged are the records from", from, next - 1);
            log->tail = (struct tail){next, walk.offset, log->tail.before};
            if (walk.sequence > next) {
                return QN_OK; /* what comes then was never durable and hangs in the air */
            }
            continue;
        }
        lmdb_log_note(log, segment, record.sequence, at);
        log->tail = (struct tail){walk.sequence, walk.offset, record.crc};
    }
}

/* A segment keeps its size from its first moment on, so a shorter file lost its end. How many
 * records were there nobody knows: one stands for them as damaged, and the next append begins a
 * segment, from which on this is settled. */
static int32_t cut_note(struct log *log, const struct segment_head *head, bool *is_cut)
{
    struct stat file;

    if (fstat(log->fd, &file) != 0) {
        return QN_IO;
    }
    *is_cut = (uint64_t)file.st_size < head->size;
    if (*is_cut) {
        warn(log, "cut off or damaged are the records from", log->tail.sequence,
             log->tail.sequence);
        log->tail.sequence++;
        log->tail.offset = head->size;
    }
    return QN_OK;
}

/* What was found whole is durable from here on, and known to be: the guard signs again what it
 * finds, without a new record. A file that was cut is left as it is, so that this stays seen. */
static int32_t found_keep(struct log *log, bool is_cut)
{
    int32_t status = fdatasync(log->fd) == 0 ? QN_OK : QN_IO;

    if (status == QN_OK && !is_cut && log->marked != log->flushed.sequence) {
        status = lmdb_log_watermark(log, false);
        if (status == QN_OK && fdatasync(log->fd) != 0) {
            status = QN_IO;
        }
    }
    return status;
}

/* A damaged last record may have left no trace of where it ended: then nothing fits behind it, and
 * the next append begins a segment. */
static int32_t newest_recover(struct log *log, const struct segment_head *head)
{
    uint64_t durable = 0;
    bool is_cut = false;
    int32_t status = watermark_find(log, head, &durable);

    if (status == QN_OK || status == QN_NOT_FOUND) {
        status = durable_find(log, head, &durable);
    }
    if (status == QN_OK) {
        status = tail_find(log, head, durable);
    }
    if (status == QN_OK) {
        status = cut_note(log, head, &is_cut);
    }
    if (status == QN_OK) {
        log->epoch++;
        log->segments[log->segments_count - 1]->is_indexed = true;
        log->trimmed = log->trimmed < log->tail.sequence ? log->trimmed : log->tail.sequence;
    }
    log->flushed = log->tail;
    return status == QN_OK ? found_keep(log, is_cut) : status;
}

/* --- all of it --- */

/* What was being made is made again; a spare of another size is of no use. */
static void leftovers_remove(struct log *log)
{
    static const char *const kinds[] = {"new", "next", "spare"};
    struct stat stat;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[LOG_FILE_NAME_MAX];

        (void)snprintf(name, sizeof name, "%s.%s", log->name, kinds[i]);
        if (i == 2 && fstatat(log->folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(stat.st_mode) && (uint64_t)stat.st_size == log->segment_size) {
            log->has_spare = true;
        } else {
            (void)unlinkat(log->folder, name, 0);
        }
    }
}

static int32_t log_recover(struct log *log, const struct numbers *numbers)
{
    struct segment_head newest = {0};
    int32_t status;

    if (numbers->most - numbers->least != numbers->count - 1) {
        return corrupt(log, numbers->least, "and what follows has a gap");
    }
    status = segments_open(log, numbers, &newest);
    return status == QN_OK ? newest_recover(log, &newest) : status;
}

int32_t lmdb_log_open(struct log *log, const struct log_setup *setup, const char *name)
{
    struct numbers numbers;
    int32_t status;

    *log = (struct log){
        .host = setup->host,
        .node = setup->node,
        .folder = setup->folder,
        .is_fast = setup->is_fast,
        .segment_size = setup->segment_size,
        .fd = -1,
    };
    (void)snprintf(log->name, sizeof log->name, "%s", name);
    if (pthread_mutex_init(&log->lock, NULL) != 0) {
        return QN_NO_SPACE;
    }
    status = numbers_find(log->folder, log->name, &numbers);
    if (status == QN_OK) {
        leftovers_remove(log);
        status = numbers.count == 0 ? log_make(log) : log_recover(log, &numbers);
    }
    if (status != QN_OK) {
        lmdb_log_close(log);
    }
    return status;
}

void lmdb_log_close(struct log *log)
{
    if (log->host == NULL) {
        return;
    }
    lmdb_log_flush(log);
    for (uint64_t i = 0; i < log->segments_count; i++) {
        log->host->give(log->node, log->segments[i]->offsets);
        log->host->give(log->node, log->segments[i]);
    }
    log->host->give(log->node, log->segments);
    if (log->fd >= 0) {
        (void)close(log->fd);
    }
    (void)pthread_mutex_destroy(&log->lock);
    *log = (struct log){.fd = -1};
}
