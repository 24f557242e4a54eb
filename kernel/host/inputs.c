/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* posix_fallocate */

#include "kernel/host/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"
#include "kernel/host/file.h"

enum {
    FRAME = 8,     /* size and checksum before a payload */
    PREFIX = 9,    /* type and step before an event or effects */
    RESERVE = 128, /* of a file of steps, for the record that says why nothing follows */
    EFFECTS_CAP = 8 << 20,
    SEGMENTS_MIN = 3, /* beside the state, of the bound */
    PATH = QNK_INPUTS_PATH + 32,
    FILE_MODE = 0600,
    FOLDER_MODE = 0700,
};

enum spare { SPARE_NONE, SPARE_ASKED, SPARE_READY, SPARE_FAILED };

struct segment {
    uint8_t *map; /* NULL: none */
    uint32_t number;
};

struct qnk_inputs {
    struct qnk_budget *budget;
    char folder[QNK_INPUTS_PATH];
    char *lines;
    uint64_t bound;
    uint32_t segment_size;
    int start; /* descriptor; -1: closed */
    uint64_t start_size;
    uint64_t step;
    struct segment current;
    uint64_t at; /* in it */
    struct qn_sink effects;
    bool may_wait;
    const char *stopped;
    /* Between the loop and prepare(). */
    _Atomic uint32_t spare_state; /* enum spare */
    struct segment spare;
    struct segment retired;
    uint32_t oldest, newest; /* numbers of the files that are there; newest 0: none */
    _Atomic uint32_t dropped;
};

/* --- files --- */

static int32_t status_of(int error)
{
    return error == EACCES || error == EPERM || error == EROFS ? QN_DENIED : QN_IO;
}

static int32_t failed(char why[QNK_INPUTS_WHY], const char *what, const char *path)
{
    int error = errno;

    qnk_text(why, QNK_INPUTS_WHY, "cannot %s '%s': %s", what, path, strerror(error));
    return status_of(error);
}

static void path_of(const struct qnk_inputs *inputs, const char *name, char path[PATH])
{
    qnk_text(path, PATH, "%s/%s", inputs->folder, name);
}

static void segment_path(const struct qnk_inputs *inputs, uint32_t number, char path[PATH])
{
    qnk_text(path, PATH, "%s/steps.%06u", inputs->folder, number);
}

static bool is_ours(const char *name)
{
    static const char *const names[] = {"start", "lines", "ended", "node.yaml", "network.yaml"};

    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return strncmp(name, "steps.", 6) == 0;
}

/* Removes a log; what is not of one stays, and so does then the folder. */
static void folder_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    char path[PATH + 256];

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (is_ours(entry->d_name)) {
            qnk_text(path, sizeof path, "%s/%s", folder, entry->d_name);
            (void)unlink(path);
        }
    }
    (void)closedir(dir);
    (void)rmdir(folder);
}

/* Whether the folder has the log of a process that did not end in order. */
static bool has_died(const char *folder)
{
    char path[PATH], words[2] = "";
    int fd;

    qnk_text(path, sizeof path, "%s/start", folder);
    if (access(path, F_OK) != 0) {
        return false;
    }
    qnk_text(path, sizeof path, "%s/ended", folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }

    bool is_fine = read(fd, words, sizeof words) == sizeof words && memcmp(words, "0 ", 2) == 0;

    (void)close(fd);
    return !is_fine;
}

static int32_t folder_make(const struct qnk_inputs *inputs, const char *data, bool *has_kept,
                           char why[QNK_INPUTS_WHY])
{
    char died[PATH];

    *has_kept = has_died(inputs->folder);
    if (*has_kept) {
        qnk_text(died, sizeof died, "%s/died", data);
        folder_remove(died);
        if (rename(inputs->folder, died) != 0) {
            return failed(why, "move to 'died' the folder", inputs->folder);
        }
    }
    folder_remove(inputs->folder);
    if (mkdir(inputs->folder, FOLDER_MODE) != 0 && errno != EEXIST) {
        return failed(why, "make the folder", inputs->folder);
    }
    return QN_OK;
}

/* A new file of `size` bytes whose room is really there, mapped. NULL: errno says why. */
static uint8_t *map_new(const char *path, uint32_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    void *map = MAP_FAILED;

    if (fd < 0) {
        return NULL;
    }
    errno = posix_fallocate(fd, 0, size);
    if (errno == 0) {
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (map == MAP_FAILED) {
        int error = errno;

        (void)unlink(path);
        errno = error;
    }
    (void)close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static void unmap(struct segment *segment, uint32_t size)
{
    if (segment->map != NULL) {
        (void)munmap(segment->map, size);
        segment->map = NULL;
    }
}

/* --- `start` --- */

static int32_t put(int file, const uint8_t *bytes, uint64_t size)
{
    return qnk_file_put(file, (struct qn_span){bytes, size}) == 0 ? QN_OK : QN_IO;
}

static uint64_t padded(uint64_t size)
{
    return (size + 7) / 8 * 8;
}

/* A record of a first part and a second. */
static int32_t start_put(struct qnk_inputs *inputs, struct qn_span first, struct qn_span second)
{
    static const uint8_t zeros[8];
    uint64_t size = first.size + second.size;
    uint32_t sum = qnk_crc32c(0, first.data, first.size);
    uint8_t frame[FRAME];
    int32_t status;

    if (inputs->start_size + FRAME + padded(size) + (uint64_t)SEGMENTS_MIN * inputs->segment_size >
        inputs->bound) {
        return QN_NO_SPACE;
    }
    qn_le32_write(frame, (uint32_t)size);
    qn_le32_write(frame + 4, qnk_crc32c(sum, second.data, second.size));
    status = put(inputs->start, frame, sizeof frame);
    if (status == QN_OK) {
        status = put(inputs->start, first.data, first.size);
    }
    if (status == QN_OK) {
        status = put(inputs->start, second.data, second.size);
    }
    if (status == QN_OK) {
        status = put(inputs->start, zeros, padded(size) - size);
    }
    inputs->start_size += FRAME + padded(size);
    return status;
}

int32_t qnk_inputs_head(struct qnk_inputs *inputs, struct qn_span head)
{
    const uint8_t type = QNK_INPUTS_HEAD;

    return start_put(inputs, (struct qn_span){&type, 1}, head);
}

int32_t qnk_inputs_pages(struct qnk_inputs *inputs, uint64_t first, struct qn_span pages)
{
    uint8_t prefix[9] = {QNK_INPUTS_PAGES};

    qn_le64_write(prefix + 1, first);
    return start_put(inputs, (struct qn_span){prefix, sizeof prefix}, pages);
}

int32_t qnk_inputs_copy(struct qnk_inputs *inputs, const char *name, struct qn_span bytes)
{
    char path[PATH];
    int fd;
    int32_t status;

    path_of(inputs, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return status_of(errno);
    }
    status = put(fd, bytes.data, bytes.size);
    (void)close(fd);
    return status;
}

/* --- files of steps --- */

/* Drops the oldest until another fits into the bound; two stay. */
static void bound_keep(struct qnk_inputs *inputs)
{
    char path[PATH];

    while (inputs->newest >= inputs->oldest + 2 &&
           inputs->start_size +
                   (uint64_t)(inputs->newest - inputs->oldest + 2) * inputs->segment_size >
               inputs->bound) {
        segment_path(inputs, inputs->oldest, path);
        (void)unlink(path);
        inputs->oldest++;
        atomic_fetch_add(&inputs->dropped, 1);
    }
}

void qnk_inputs_prepare(struct qnk_inputs *inputs)
{
    char path[PATH];

    unmap(&inputs->retired, inputs->segment_size);
    bound_keep(inputs);
    segment_path(inputs, inputs->newest + 1, path);
    inputs->spare.map = map_new(path, inputs->segment_size);
    if (inputs->spare.map == NULL) {
        atomic_store(&inputs->spare_state, SPARE_FAILED);
        return;
    }
    inputs->newest++;
    inputs->spare.number = inputs->newest;
    /* Each page is touched here, so that the loop waits for none. */
    memset(inputs->spare.map, 0, inputs->segment_size);
    atomic_store(&inputs->spare_state, SPARE_READY);
}

/* Whether nobody makes the next file yet; whoever hears so makes it. */
static bool ask(struct qnk_inputs *inputs)
{
    uint32_t none = SPARE_NONE;

    return atomic_compare_exchange_strong(&inputs->spare_state, &none, SPARE_ASKED);
}

/* The number of the last file that the bound has room for. */
static uint64_t last_number(const struct qnk_inputs *inputs)
{
    return (inputs->bound - inputs->start_size) / inputs->segment_size;
}

bool qnk_inputs_is_full(const struct qnk_inputs *inputs, uint32_t part)
{
    uint64_t last = last_number(inputs);

    return inputs->current.number > last ||
           (inputs->current.number == last &&
            inputs->at * QNK_INPUTS_PARTS >= (uint64_t)part * inputs->segment_size);
}

bool qnk_inputs_wants(struct qnk_inputs *inputs)
{
    bool can_be_late = inputs->current.number == last_number(inputs) &&
                       !qnk_inputs_is_full(inputs, QNK_INPUTS_LATE);

    return !inputs->may_wait && inputs->stopped == NULL && !can_be_late && ask(inputs);
}

/* Where the payload of the next record lies. */
static uint8_t *payload_at(const struct qnk_inputs *inputs)
{
    return inputs->current.map + inputs->at + FRAME;
}

/* The record whose payload was written is there from here on. */
static void commit(struct qnk_inputs *inputs, uint32_t size)
{
    uint8_t *frame = inputs->current.map + inputs->at;
    uint32_t first;

    qn_le32_write(frame + 4, qnk_crc32c(0, frame + FRAME, size));
    qn_le32_write((uint8_t *)&first, size);
    __atomic_store_n((uint32_t *)(void *)frame, first, __ATOMIC_RELEASE);
    inputs->at += FRAME + padded(size);
}

static void stop(struct qnk_inputs *inputs, const char *why)
{
    size_t size = strlen(why);

    inputs->stopped = why;
    QN_ASSERT(FRAME + 1 + size + 8 <= RESERVE);
    payload_at(inputs)[0] = QNK_INPUTS_STOPPED;
    memcpy(payload_at(inputs) + 1, why, size);
    commit(inputs, (uint32_t)size + 1);
}

/* Goes on in the next file. False: there is none. */
static bool rotate(struct qnk_inputs *inputs)
{
    bool is_late = inputs->current.number == last_number(inputs); /* and the record is large */

    if ((inputs->may_wait || is_late) && ask(inputs)) {
        qnk_inputs_prepare(inputs);
    }
    if (atomic_load(&inputs->spare_state) != SPARE_READY) {
        return false;
    }
    inputs->retired = inputs->current;
    inputs->current = inputs->spare;
    inputs->spare.map = NULL;
    inputs->at = 0;
    atomic_store(&inputs->spare_state, SPARE_NONE);
    payload_at(inputs)[0] = QNK_INPUTS_SEGMENT_;
    qn_le64_write(payload_at(inputs) + 1, inputs->current.number);
    qn_le64_write(payload_at(inputs) + 9, inputs->step);
    commit(inputs, 17);
    return true;
}

/* Room for the payload of a record of `size` bytes. NULL: recording has stopped. */
static uint8_t *room(struct qnk_inputs *inputs, uint64_t size)
{
    uint64_t whole = FRAME + padded(size);

    if (inputs->stopped != NULL) {
        return NULL;
    }
    if (whole + 2 * RESERVE > inputs->segment_size) {
        stop(inputs, "a record is too large for the log");
        return NULL;
    }
    if (inputs->at + whole + RESERVE > inputs->segment_size && !rotate(inputs)) {
        stop(inputs, atomic_load(&inputs->spare_state) == SPARE_FAILED ? "no new file could be made"
                                                                       : "the disk was too slow");
        return NULL;
    }
    return payload_at(inputs);
}

static void prefix_put(uint8_t *to, uint8_t type, uint64_t step)
{
    to[0] = type;
    qn_le64_write(to + 1, step);
}

void qnk_inputs_event(struct qnk_inputs *inputs, const struct qnk_event *event)
{
    struct qnk_tape_piece piece;
    uint64_t size = PREFIX;
    uint8_t *to;

    if (inputs->stopped != NULL) {
        return;
    }
    qnk_tape_event_encode(event, &piece);
    size += piece.head_size;
    for (uint32_t i = 0; i < piece.parts_count; i++) {
        size += piece.parts[i].size;
    }
    to = room(inputs, size);
    if (to == NULL) {
        return;
    }
    inputs->step++;
    prefix_put(to, QNK_INPUTS_EVENT, inputs->step);
    to += PREFIX;
    memcpy(to, piece.head, piece.head_size);
    to += piece.head_size;
    for (uint32_t i = 0; i < piece.parts_count; i++) {
        if (piece.parts[i].size > 0) {
            memcpy(to, piece.parts[i].data, piece.parts[i].size);
            to += piece.parts[i].size;
        }
    }
    commit(inputs, (uint32_t)size);
}

void qnk_inputs_effects(struct qnk_inputs *inputs, const struct qnk_effects *effects)
{
    uint8_t *to;

    if (inputs->stopped != NULL) {
        return;
    }
    qnk_sink_cut(&inputs->effects, 0);
    if (qnk_tape_effects_encode(effects, &inputs->effects) != QN_OK) {
        stop(inputs, "there is no memory for effects");
        return;
    }
    to = room(inputs, PREFIX + inputs->effects.size);
    if (to == NULL) {
        return;
    }
    prefix_put(to, QNK_INPUTS_EFFECTS, inputs->step);
    memcpy(to + PREFIX, inputs->effects.data, inputs->effects.size);
    commit(inputs, (uint32_t)(PREFIX + inputs->effects.size));
}

const char *qnk_inputs_stopped(const struct qnk_inputs *inputs)
{
    return inputs->stopped;
}

uint32_t qnk_inputs_dropped(const struct qnk_inputs *inputs)
{
    return atomic_load(&inputs->dropped);
}

/* --- life --- */

char *qnk_inputs_lines(struct qnk_inputs *inputs)
{
    return inputs->lines;
}

int32_t qnk_inputs_open(const struct qnk_inputs_setup *setup, struct qnk_inputs **out,
                        char why[QNK_INPUTS_WHY])
{
    struct qnk_inputs *inputs = qnk_memory_take(setup->budget, sizeof *inputs);
    char path[PATH];
    int32_t status;

    if (inputs == NULL) {
        return QN_NO_SPACE;
    }
    inputs->budget = setup->budget;
    inputs->bound = setup->bound;
    inputs->segment_size = setup->segment != 0 ? setup->segment : QNK_INPUTS_SEGMENT;
    inputs->may_wait = true;
    inputs->start = -1;
    inputs->oldest = 1;
    qnk_sink_init(&inputs->effects, setup->budget, EFFECTS_CAP);
    qnk_text(inputs->folder, sizeof inputs->folder, "%s/inputs", setup->data);
    status = folder_make(inputs, setup->data, setup->has_kept, why);
    if (status == QN_OK) {
        path_of(inputs, "start", path);
        inputs->start = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        status = inputs->start < 0 ? failed(why, "make", path) : QN_OK;
    }
    if (status != QN_OK) {
        qnk_inputs_abandon(inputs);
        return status;
    }
    path_of(inputs, "lines", path);
    inputs->lines = (char *)map_new(path, QNK_INPUTS_LINES);
    *out = inputs;
    return QN_OK;
}

int32_t qnk_inputs_begin(struct qnk_inputs *inputs)
{
    const uint8_t type = QNK_INPUTS_BEGIN;
    int32_t status = start_put(inputs, (struct qn_span){&type, 1}, (struct qn_span){0});

    (void)close(inputs->start);
    inputs->start = -1;
    return status == QN_OK && !rotate(inputs) ? QN_IO : status;
}

void qnk_inputs_running(struct qnk_inputs *inputs)
{
    inputs->may_wait = false;
}

void qnk_inputs_abandon(struct qnk_inputs *inputs)
{
    unmap(&inputs->current, inputs->segment_size);
    unmap(&inputs->spare, inputs->segment_size);
    unmap(&inputs->retired, inputs->segment_size);
    if (inputs->lines != NULL) {
        (void)munmap(inputs->lines, QNK_INPUTS_LINES);
    }
    if (inputs->start >= 0) {
        (void)close(inputs->start);
    }
    qnk_sink_done(&inputs->effects);
    qnk_memory_give(inputs->budget, inputs, sizeof *inputs);
}

/* Files end where their content does. */
static void trim(struct qnk_inputs *inputs)
{
    char path[PATH];

    if (inputs->spare.map != NULL) {
        segment_path(inputs, inputs->spare.number, path);
        (void)unlink(path);
    }
    if (inputs->current.map != NULL) {
        segment_path(inputs, inputs->current.number, path);
        (void)!truncate(path, (off_t)inputs->at);
    }
    if (inputs->lines != NULL) {
        path_of(inputs, "lines", path);
        (void)!truncate(path, (off_t)strnlen(inputs->lines, QNK_INPUTS_LINES));
    }
}

void qnk_inputs_close(struct qnk_inputs *inputs, int code, const char *why)
{
    char words[QNK_INPUTS_WHY];

    if (inputs == NULL) {
        return;
    }
    trim(inputs);
    qnk_text(words, sizeof words, "%d %.*s\nsteps %llu\n", code, (int)sizeof words - 64,
             *why != 0 ? why : "the node ended in order", (unsigned long long)inputs->step);
    (void)!qnk_inputs_copy(inputs, "ended",
                           (struct qn_span){(const uint8_t *)words, strlen(words)});
    qnk_inputs_abandon(inputs);
}
