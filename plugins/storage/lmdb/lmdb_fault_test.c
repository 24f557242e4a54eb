/* SPDX-License-Identifier: MIT */

/* lmdb_fault_test.c: what is left after power failures, killed processes, errors of the disk, and
 * damage to the files. Every case goes by a seed, and none by time. */

#define _GNU_SOURCE /* MAP_ANONYMOUS, memmem */

#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lmdb.manifest.h"
#include "sdk/check/storage_diary.h"
#include "sdk/check/virtual_disk.h"

enum {
    PUT = 1,
    POWER_ROUNDS = 250,
    KILL_ROUNDS = 40,
    STEPS = 60,
    ROOM = QN_CHECK_DIARY_ROOM,
    SEGMENT = 1 << 16,
    FILES_MAX = 64,
};

/* --- one instance on its folder --- */

struct subject {
    char folder[64];
    struct qn_check_given given;
    uint8_t config[64];
    struct qn_node *node;
    struct qn_check_store on;
};

static struct qn_span text_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static void subject_start(struct subject *it, uint64_t map_size, uint64_t map_max)
{
    struct lmdb_config values = {.map_size = map_size, .map_max = map_max, .segment = SEGMENT};

    memset(it, 0, sizeof *it);
    (void)snprintf(it->folder, sizeof it->folder, "/tmp/qnet-lmdb-XXXXXX");
    assert_non_null(mkdtemp(it->folder));
    it->on.room = malloc(ROOM);
    assert_non_null(it->on.room);
    it->on.slots = (const void *)qn_plugin_v1.slots;
    it->given = (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = {it->config, (uint64_t)(lmdb_config_write(&values, it->config) - it->config)},
        .memory = LMDB_MEMORY,
        .lanes = LMDB_LANES,
    };
}

/* Every file of the folder, one after another; NULL at the end. */
static void files_each(const struct subject *it, void (*visit)(const char *path, void *context),
                       void *context)
{
    DIR *list = opendir(it->folder);
    const struct dirent *entry;

    assert_non_null(list);
    while ((entry = readdir(list)) != NULL) {
        char path[400];

        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", it->folder, entry->d_name);
            visit(path, context);
        }
    }
    (void)closedir(list);
}

static void file_unlink(const char *path, void *context)
{
    (void)context;
    assert_int_equal(unlink(path), 0);
}

static void subject_stop(struct subject *it)
{
    files_each(it, file_unlink, NULL);
    assert_int_equal(rmdir(it->folder), 0);
    free(it->on.room);
}

static int32_t inst_open(struct subject *it)
{
    it->node = qn_check_node_create(it->given.memory);
    qn_check_node_folder(it->node, it->folder);
    it->on.inst = qn_check_inst_create(&it->given, it->node);
    return qn_check_diary_open(&it->on);
}

static void inst_close(struct subject *it)
{
    qn_check_inst_destroy(&it->given, it->on.inst);
    qn_check_node_destroy(it->node);
}

/* --- steps --- */

static bool is_of_the_disk(int32_t status)
{
    return status == QN_OK || status == QN_IO || status == QN_NO_SPACE;
}

/* Unless LMDB could not even take its last page back: then it reads no more. */
static void failed_batch_changes_nothing(struct subject *it, const struct qn_check_diary *truth)
{
    struct qn_storage_address address = {.key = text_of("number"), .space = it->on.map};
    struct qn_storage_found found = {0};
    struct qn_sink sink = {.data = it->on.room, .cap = ROOM};
    int32_t status = it->on.slots->get(it->on.inst, 0, 0, &address, 1, &found, &sink);

    assert_true(status == QN_OK || status == QN_IO);
    if (status == QN_OK) {
        assert_int_equal(qn_check_diary_batches(&it->on), truth->batches);
    }
}

static void steps(struct subject *it, struct qn_check_diary *truth, uint64_t *seed)
{
    for (uint32_t i = 0; i < STEPS && !virtual_disk.is_dead; i++) {
        int32_t status = qn_check_diary_step(&it->on, truth, seed);

        assert_true(is_of_the_disk(status));
        if (status != QN_OK && !virtual_disk.is_dead) {
            failed_batch_changes_nothing(it, truth);
        }
    }
}

static void disk_plan(uint64_t *seed, bool kills)
{
    uint64_t lot = qn_check_random(seed) >> 16;
    static const int errors[] = {EIO, ENOSPC};

    virtual_disk = (struct virtual_disk){.is_on = true, .kills = kills, .seed = lot | 1};
    virtual_disk.crash_at = lot % 4 == 0 && !kills ? 0 : 1 + lot / 4 % 100;
    if (lot / 1024 % 2 == 0 && !kills) {
        virtual_disk.error_at = 1 + lot / 2048 % 60;
        virtual_disk.error = errors[lot / (1 << 20) % 2];
    }
}

/* Over and over on one folder: segments fill, are trimmed, used again, and hold tails that were
 * cut in earlier rounds. */
static void lost_power_leaves_a_prefix(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct subject it;
    uint64_t seed = 2026;

    (void)state;
    assert_non_null(truth);
    truth->trimmed = 1;
    subject_start(&it, 1 << 22, 1 << 24);
    for (uint32_t round = 0; round < POWER_ROUNDS; round++) {
        assert_int_equal(inst_open(&it), QN_OK);
        qn_check_diary_compare(&it.on, truth);
        disk_plan(&seed, false);
        steps(&it, truth, &seed);
        if (!virtual_disk.is_dead && round % 3 > 0) {
            virtual_disk.is_dead = true; /* else it is closed in order */
        }
        inst_close(&it);
        virtual_disk.is_on = false;
        virtual_disk_lose();
    }
    assert_true(truth->records > 1000);
    subject_stop(&it);
    free(truth);
}

/* Whatever of the first files is lost, the next start is a first start again, or goes on. */
static void lost_power_at_the_first_start_leaves_nothing_half(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 60; round++) {
        const struct qn_life *life = qn_plugin_v1.life;
        struct subject it;

        subject_start(&it, 1 << 20, 1 << 20);
        it.node = qn_check_node_create(it.given.memory);
        qn_check_node_folder(it.node, it.folder);
        assert_int_equal(life->create(&qn_check_host, it.node, it.given.config, &it.on.inst),
                         QN_OK);
        virtual_disk =
            (struct virtual_disk){.is_on = true, .crash_at = 1 + round % 6, .seed = round * 2 + 1};
        assert_int_not_equal(life->activate(it.on.inst), QN_CORRUPT);
        inst_close(&it);
        virtual_disk.is_on = false;
        virtual_disk_lose();
        assert_int_equal(inst_open(&it), QN_OK);
        inst_close(&it);
        subject_stop(&it);
    }
}

static void a_killed_process_leaves_a_prefix(void **state)
{
    struct qn_check_diary *truth =
        mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct subject it;
    uint64_t seed = 4;

    (void)state;
    assert_true(truth != MAP_FAILED);
    truth->trimmed = 1;
    subject_start(&it, 1 << 22, 1 << 24);
    for (uint32_t round = 0; round < KILL_ROUNDS; round++) {
        uint64_t child_seed = qn_check_random(&seed);
        int how;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            if (inst_open(&it) == QN_OK) {
                disk_plan(&child_seed, true);
                steps(&it, truth, &child_seed);
            }
            _exit(0);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) ? WTERMSIG(how) == SIGKILL : WEXITSTATUS(how) == 0);
        assert_int_equal(inst_open(&it), QN_OK);
        qn_check_diary_compare(&it.on, truth);
        inst_close(&it);
    }
    assert_true(truth->records > 100);
    subject_stop(&it);
    (void)munmap(truth, sizeof *truth);
}

/* Records that were lost in a crash, but for their bytes behind the end, must not come back when
 * what is written before them happens to be the same as then. */
static void an_old_tail_never_comes_back(void **state)
{
    uint8_t bytes[200] = {1};
    struct qn_span record = {bytes, sizeof bytes};
    struct qn_span records[] = {record, record, record};
    static const uint8_t zeros[48] = {0};
    uint64_t places[3];
    struct subject it;
    char path[400];

    (void)state;
    subject_start(&it, 1 << 20, 1 << 20);
    for (uint32_t round = 0; round < 3; round++) {
        struct qn_sink sink = {.data = it.on.room, .cap = ROOM};

        assert_int_equal(inst_open(&it), QN_OK);
        if (round == 0) {
            assert_int_equal(it.on.slots->append(it.on.inst, 0, it.on.log, records, 3, 0, places),
                             QN_OK);
        } else if (round == 1) {
            assert_int_equal(it.on.slots->append(it.on.inst, 0, it.on.log, &record, 1, 0, places),
                             QN_OK);
        } else {
            assert_int_equal(it.on.slots->read(it.on.inst, 0, it.on.log, 0, ROOM, &sink), QN_OK);
            assert_int_equal(sink.size, 12 + sizeof bytes);
        }
        virtual_disk = (struct virtual_disk){.is_on = true, .is_dead = true};
        inst_close(&it);
        virtual_disk.is_on = false;
        if (round == 0) {
            int fd;

            (void)snprintf(path, sizeof path, "%s/log.%016x.log", it.folder, 1);
            fd = open(path, O_RDWR);
            assert_int_equal(pwrite(fd, zeros, sizeof zeros, 8192), sizeof zeros);
            (void)close(fd);
        }
    }
    subject_stop(&it);
}

/* A flush of the log fails once: the caller hears of nothing, and nothing is lost although the
 * pages of that flush are. */
static void a_failed_flush_moves_the_tail(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct subject it;

    (void)state;
    assert_non_null(truth);
    truth->trimmed = 1;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    virtual_disk = (struct virtual_disk){.is_on = true, .seed = 3};
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(qn_check_diary_append(&it.on, truth, 3, 0), QN_OK);
        virtual_disk.error_at = virtual_disk.calls + 2; /* after the write */
        virtual_disk.error = EIO;
        assert_int_equal(qn_check_diary_append(&it.on, truth, 2, 1), QN_OK);
        assert_true(virtual_disk.calls > virtual_disk.error_at);
    }
    virtual_disk.is_dead = true;
    inst_close(&it);
    virtual_disk.is_on = false;
    virtual_disk_lose();
    assert_int_equal(inst_open(&it), QN_OK);
    qn_check_diary_compare(&it.on, truth);
    inst_close(&it);
    subject_stop(&it);
    free(truth);
}

/* When the second try fails too, the log is shut, and says so. */
static void a_disk_that_stays_broken_is_io(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct subject it;

    (void)state;
    assert_non_null(truth);
    truth->trimmed = 1;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(qn_check_diary_append(&it.on, truth, 3, 1), QN_OK);
    virtual_disk = (struct virtual_disk){.is_on = true, .is_dead = true, .seed = 3};
    assert_int_equal(qn_check_diary_append(&it.on, truth, 1, 1), QN_IO);
    assert_int_equal(qn_check_diary_write(&it.on, truth, 1), QN_IO);
    virtual_disk.is_on = false;
    assert_int_equal(qn_check_diary_append(&it.on, truth, 1, 1), QN_IO);
    assert_int_equal(qn_check_diary_write(&it.on, truth, 1), QN_IO);
    assert_int_equal(qn_check_diary_records(&it.on, truth), 3);
    inst_close(&it);
    virtual_disk_lose();
    assert_int_equal(inst_open(&it), QN_OK);
    qn_check_diary_compare(&it.on, truth);
    inst_close(&it);
    subject_stop(&it);
    free(truth);
}

/* --- damage --- */

/* The segment files of the log as they were. */
struct copy {
    char path[400];
    uint8_t bytes[SEGMENT];
};

struct copies {
    struct copy *files;
    uint32_t count;
};

static void segment_copy(const char *path, void *context)
{
    struct copies *copies = context;
    struct copy *it = &copies->files[copies->count];
    int fd;

    if (strstr(path, ".log") == NULL) {
        return;
    }
    assert_true(copies->count < FILES_MAX);
    (void)snprintf(it->path, sizeof it->path, "%s", path);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, it->bytes, SEGMENT), SEGMENT);
    (void)close(fd);
    copies->count++;
}

static void file_set(const char *path, const uint8_t *bytes, uint64_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    (void)close(fd);
}

static void segment_unlink(const char *path, void *context)
{
    (void)context;
    if (strstr(path, ".log") != NULL) {
        assert_int_equal(unlink(path), 0);
    }
}

static void copies_restore(const struct subject *it, const struct copies *copies)
{
    files_each(it, segment_unlink, NULL);
    for (uint32_t i = 0; i < copies->count; i++) {
        file_set(copies->files[i].path, copies->files[i].bytes, SEGMENT);
    }
}

static int copy_compare(const void *a, const void *b)
{
    const struct copy *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* A log over several segments, closed in order. */
static void damage_start(struct subject *it, struct qn_check_diary **truth, struct copies *copies)
{
    *truth = calloc(1, sizeof **truth);
    copies->files = calloc(FILES_MAX, sizeof *copies->files);
    copies->count = 0;
    assert_true(*truth != NULL && copies->files != NULL);
    (*truth)->trimmed = 1;
    subject_start(it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(it), QN_OK);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(qn_check_diary_append(&it->on, *truth, 1 + i % 4, i % 3 == 0), QN_OK);
    }
    inst_close(it);
    files_each(it, segment_copy, copies);
    qsort(copies->files, copies->count, sizeof *copies->files, copy_compare);
    assert_true(copies->count >= 3);
}

static void damage_stop(struct subject *it, struct qn_check_diary *truth, struct copies *copies)
{
    subject_stop(it);
    free(copies->files);
    free(truth);
}

/* What a read of the whole log gave. */
struct report {
    uint64_t whole, damaged;
    uint64_t last; /* place */
    bool has_gap;  /* a record is neither given nor damaged, though a later one is there */
};

/* Whatever is given as whole, is whole, and each at its place. */
static struct report log_report(struct subject *it, const struct qn_check_diary *truth)
{
    struct report report = {0};
    int32_t status = QN_AGAIN;
    uint64_t next = 1;

    while (status == QN_AGAIN) {
        struct qn_sink sink = {.data = it->on.room, .cap = ROOM};

        status = it->on.slots->read(it->on.inst, 0, it->on.log, report.last + 1, 50000, &sink);
        assert_true(status == QN_OK || status == QN_AGAIN || status == QN_NOT_FOUND);
        for (struct qn_span rest = {it->on.room, sink.size}; rest.size > 0;) {
            struct qn_storage_entry entry;
            uint32_t try;

            qn_storage_entry_next(&rest, &entry);
            assert_true(entry.place > report.last);
            report.last = entry.place;
            while (next <= truth->records && truth->places[next] < entry.place) {
                report.has_gap = true;
                next++;
            }
            if (entry.content.size == 0) {
                report.damaged++;
            } else {
                uint64_t n = qn_check_diary_number(entry.content, &try);

                assert_true(n <= truth->records);
                assert_int_equal(truth->places[n], entry.place);
                assert_int_equal(truth->tries[n], try);
                report.whole++;
            }
            next += next <= truth->records && truth->places[next] == entry.place;
        }
    }
    return report;
}

/* One bit anywhere: at most one record is damaged, by name, and all others are there. */
static void a_flipped_bit_costs_one_record(void **state)
{
    struct qn_check_diary *truth;
    struct copies copies;
    struct subject it;
    uint64_t seed = 12, hits = 0;

    (void)state;
    damage_start(&it, &truth, &copies);
    for (uint32_t round = 0; round < 500; round++) {
        uint64_t lot = qn_check_random(&seed) >> 16;
        struct copy *file = &copies.files[lot % copies.count];
        uint64_t bit = lot / 64 % ((uint64_t)SEGMENT * 8);
        struct report report;

        if (round % 5 == 0) {
            bit = lot / 64 % (8192 * 8 + 400); /* the head, and the first record */
        }
        file->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        copies_restore(&it, &copies);
        file->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(inst_open(&it), QN_OK);
        report = log_report(&it, truth);
        assert_false(report.has_gap);
        assert_true(report.damaged <= 1);
        assert_int_equal(report.whole + report.damaged, truth->records);
        hits += report.damaged;
        inst_close(&it);
    }
    assert_true(hits > 100);
    damage_stop(&it, truth, &copies);
}

/* The log goes on after damage in its newest segment, and damage stays named. */
static void a_damaged_log_goes_on(void **state)
{
    struct qn_check_diary *truth;
    struct copies copies;
    struct subject it;
    uint64_t seed = 77;

    (void)state;
    damage_start(&it, &truth, &copies);
    for (uint32_t round = 0; round < 100; round++) {
        struct copy *file = &copies.files[copies.count - 1];
        uint64_t at = 8192 + (qn_check_random(&seed) >> 16) % 12000;
        uint64_t records = truth->records;
        struct report before, after;

        file->bytes[at] ^= 0x10;
        copies_restore(&it, &copies);
        file->bytes[at] ^= 0x10;
        assert_int_equal(inst_open(&it), QN_OK);
        before = log_report(&it, truth);
        assert_int_equal(qn_check_diary_append(&it.on, truth, 2, 0), QN_OK);
        assert_int_equal(qn_check_diary_append(&it.on, truth, 2, 1), QN_OK);
        inst_close(&it);
        assert_int_equal(inst_open(&it), QN_OK);
        after = log_report(&it, truth);
        assert_false(after.has_gap);
        assert_int_equal(after.damaged, before.damaged);
        assert_int_equal(after.whole, before.whole + 4);
        inst_close(&it);
        truth->records = truth->records_durable = records;
    }
    damage_stop(&it, truth, &copies);
}

/* A page of zeros, or a file that ends too early: what is missing is named, or it was the end. */
static void lost_pages_are_named_or_cut(void **state)
{
    struct qn_check_diary *truth;
    struct copies copies;
    struct subject it;
    uint64_t seed = 9;

    (void)state;
    damage_start(&it, &truth, &copies);
    for (uint32_t round = 0; round < 150; round++) {
        uint64_t lot = qn_check_random(&seed) >> 16;
        uint32_t which = (uint32_t)(lot % copies.count);
        uint64_t at = 8192 + lot / 64 % (SEGMENT - 8192);
        uint8_t bytes[SEGMENT];
        struct report report;

        copies_restore(&it, &copies);
        memcpy(bytes, copies.files[which].bytes, SEGMENT);
        if (round % 2 == 0) {
            memset(bytes + at, 0, SEGMENT - at < 4096 ? SEGMENT - at : 4096);
            file_set(copies.files[which].path, bytes, SEGMENT);
        } else {
            file_set(copies.files[which].path, bytes, at);
        }
        assert_int_equal(inst_open(&it), QN_OK);
        report = log_report(&it, truth);
        assert_false(report.has_gap);
        if (which + 1 < copies.count) {
            assert_true(report.last >= truth->places[truth->records]);
        }
        inst_close(&it);
    }
    damage_stop(&it, truth, &copies);
}

/* What a cut newest segment lost may be gone without a trace: it is named, and stays named. */
static void a_cut_newest_segment_stays_named(void **state)
{
    struct qn_check_diary *truth;
    struct copies copies;
    struct subject it;
    uint64_t seed = 5;

    (void)state;
    damage_start(&it, &truth, &copies);
    for (uint32_t round = 0; round < 50; round++) {
        const struct copy *newest = &copies.files[copies.count - 1];
        uint64_t size = 8192 + (qn_check_random(&seed) >> 16) % (SEGMENT - 8192);
        struct report before, after;

        copies_restore(&it, &copies);
        file_set(newest->path, newest->bytes, size);
        assert_int_equal(inst_open(&it), QN_OK);
        before = log_report(&it, truth);
        assert_true(before.damaged >= 1);
        inst_close(&it);
        assert_int_equal(inst_open(&it), QN_OK);
        after = log_report(&it, truth);
        assert_int_equal(after.damaged, before.damaged);
        assert_int_equal(after.whole, before.whole);
        inst_close(&it);
    }
    damage_stop(&it, truth, &copies);
}

/* --- the end of a log after a crash --- */

enum { RECORDS_AT = 8192, HEAD = 48, MARK_AT = 2048, MARK_SIZE = 20 };

/* The process ends without a word to its files. */
static void inst_kill(struct subject *it)
{
    virtual_disk.is_on = true;
    virtual_disk.is_dead = true;
    inst_close(it);
    virtual_disk.is_on = false;
    virtual_disk.is_dead = false;
}

static void copies_take(const struct subject *it, struct copies *copies)
{
    copies->count = 0;
    files_each(it, segment_copy, copies);
    qsort(copies->files, copies->count, sizeof *copies->files, copy_compare);
}

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Where the last record of a segment lies, and its bytes in the file. */
static uint64_t record_last(const struct copy *file, uint64_t *size)
{
    uint64_t at = RECORDS_AT, last = 0;

    while (at + HEAD <= SEGMENT && memcmp(file->bytes + at, "QNLR", 4) == 0) {
        last = at;
        *size = (HEAD + word_at(file->bytes + at + 8) + 7) / 8 * 8;
        at += *size;
    }
    assert_true(last > 0);
    return last;
}

static bool has_said(const struct subject *it, const char *what)
{
    struct qn_span words = qn_check_node_words(it->node);

    return memmem(words.data, words.size, what, strlen(what)) != NULL;
}

static void segment_count(const char *path, void *context)
{
    *(uint32_t *)context += strstr(path, ".log") != NULL;
}

/* Appends until a segment begins. */
static void segment_fill(struct subject *it, struct qn_check_diary *truth)
{
    uint32_t before = 0, now = 0;

    files_each(it, segment_count, &before);
    while (now <= before) {
        assert_int_equal(qn_check_diary_append(&it->on, truth, 3, truth->records % 2), QN_OK);
        now = 0;
        files_each(it, segment_count, &now);
    }
}

static struct rlimit descriptors; /* as they were */

static void descriptors_free(int number)
{
    (void)number;
    (void)setrlimit(RLIMIT_NOFILE, &descriptors);
}

/* Descriptors are used up by others as well: a log that needs one waits for it. */
static void a_log_waits_for_a_descriptor(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    const struct itimerval soon = {.it_value = {.tv_usec = 100000}};
    const struct sigaction action = {.sa_handler = descriptors_free};
    struct sigaction before;
    struct rlimit none;
    struct subject it;

    (void)state;
    assert_non_null(truth);
    truth->trimmed = 1;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_return_code(getrlimit(RLIMIT_NOFILE, &descriptors), errno);
    assert_return_code(sigaction(SIGALRM, &action, &before), errno);
    none = descriptors;
    none.rlim_cur = 3;
    for (uint32_t i = 0; i < 100; i++) { /* of which some begin a segment */
        bool is_some = i % 25 == 24;

        if (is_some) {
            assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
            assert_return_code(setitimer(ITIMER_REAL, &soon, NULL), errno);
        }
        for (uint32_t j = 0; j < 20; j++) {
            assert_int_equal(qn_check_diary_append(&it.on, truth, 3, j % 2), QN_OK);
        }
    }
    descriptors_free(0);
    assert_return_code(sigaction(SIGALRM, &before, NULL), errno);
    qn_check_diary_compare(&it.on, truth);
    inst_close(&it);
    subject_stop(&it);
    free(truth);
}

/* A log whose last segment is new, or full of what it held in an earlier life. */
static void end_start(struct subject *it, struct qn_check_diary *truth, bool is_used_again)
{
    struct copies copies = {.files = calloc(FILES_MAX, sizeof *copies.files)};
    char spare[400];

    *truth = (struct qn_check_diary){.trimmed = 1};
    subject_start(it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(it), QN_OK);
    segment_fill(it, truth);
    if (is_used_again) {
        inst_close(it);
        copies_take(it, &copies);
        (void)snprintf(spare, sizeof spare, "%s/log.spare", it->folder);
        file_set(spare, copies.files[0].bytes, SEGMENT);
        assert_int_equal(inst_open(it), QN_OK);
        segment_fill(it, truth);
        assert_int_equal(access(spare, F_OK), -1);
    }
    assert_int_equal(qn_check_diary_append(&it->on, truth, 2, 1), QN_OK);
    free(copies.files);
}

/* The last record is damaged somewhere, or all of it is gone. */
static void last_damage(const struct subject *it, const struct copies *copies, uint64_t lot)
{
    static uint8_t bytes[SEGMENT];
    const struct copy *file = &copies->files[copies->count - 1];
    uint64_t size = 0, at = record_last(file, &size);

    memcpy(bytes, file->bytes, SEGMENT);
    if (lot % 8 == 0) {
        memset(bytes + at, 0, size);
    } else {
        bytes[at + lot / 8 % (HEAD + word_at(file->bytes + at + 8))] ^= 0x40;
    }
    copies_restore(it, copies);
    file_set(file->path, bytes, SEGMENT);
}

/* It is damaged, by its name, and stays so. */
static void last_is_named(struct subject *it, struct qn_check_diary *truth)
{
    uint64_t records = truth->records;
    struct report before, after;

    assert_int_equal(inst_open(it), QN_OK);
    assert_true(has_said(it, "log 'log': damaged are the records from"));
    assert_true(has_said(it, ".log' from byte"));
    before = log_report(it, truth);
    assert_int_equal(before.damaged, 1);
    assert_int_equal(before.last, truth->places[records]);
    assert_int_equal(qn_check_diary_append(&it->on, truth, 1, 1), QN_OK);
    inst_kill(it);
    assert_int_equal(inst_open(it), QN_OK);
    after = log_report(it, truth);
    assert_int_equal(after.damaged, 1);
    assert_int_equal(after.whole, before.whole + 1);
    inst_kill(it);
    truth->records = truth->records_durable = records;
}

static void damage_to_the_last_record_is_named_after_a_kill(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct copies copies = {.files = calloc(FILES_MAX, sizeof *copies.files)};
    uint64_t seed = 31;

    (void)state;
    assert_true(truth != NULL && copies.files != NULL);
    for (uint32_t used = 0; used < 2; used++) {
        struct subject it;

        end_start(&it, truth, used);
        inst_kill(&it);
        copies_take(&it, &copies);
        for (uint32_t round = 0; round < 100; round++) {
            last_damage(&it, &copies, qn_check_random(&seed) >> 16);
            last_is_named(&it, truth);
        }
        subject_stop(&it);
    }
    free(copies.files);
    free(truth);
}

/* A second flush, of nothing, makes it so after a power failure too. Without it the record may be
 * taken for one that was torn: it is cut then, and that is said. */
static void damage_to_the_last_record_is_named_or_cut_after_a_power_cut(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct copies copies = {.files = calloc(FILES_MAX, sizeof *copies.files)};
    uint64_t seed = 8, cuts = 0;

    (void)state;
    assert_true(truth != NULL && copies.files != NULL);
    for (uint32_t round = 0; round < 60; round++) {
        bool is_sealed = round % 2 == 0;
        uint64_t lot = qn_check_random(&seed) >> 16;
        struct subject it;

        virtual_disk = (struct virtual_disk){.is_on = true, .seed = lot | 1};
        end_start(&it, truth, round % 4 > 1);
        if (is_sealed) {
            assert_int_equal(it.on.slots->append(it.on.inst, 0, it.on.log, NULL, 0, 1, NULL),
                             QN_OK);
        }
        inst_kill(&it);
        virtual_disk_lose();
        copies_take(&it, &copies);
        last_damage(&it, &copies, is_sealed ? lot : lot | 1);
        assert_int_equal(inst_open(&it), QN_OK);
        if (!is_sealed && has_said(&it, "is torn")) {
            assert_int_equal(log_report(&it, truth).damaged, 0);
            assert_true(log_report(&it, truth).last < truth->places[truth->records]);
            cuts++;
            inst_close(&it);
        } else {
            inst_kill(&it);
            last_is_named(&it, truth);
        }
        subject_stop(&it);
    }
    assert_in_range(cuts, 5, 25);
    free(copies.files);
    free(truth);
}

/* A write that was broken off is cut, not damaged; what was left of it is told, and a clean end is
 * no news. */
static void a_torn_write_is_cut_and_told(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct copies copies = {.files = calloc(FILES_MAX, sizeof *copies.files)};
    struct subject it;
    uint64_t seed = 5, told = 0, whole = 0;

    (void)state;
    assert_true(truth != NULL && copies.files != NULL);
    end_start(&it, truth, true);
    inst_kill(&it);
    copies_take(&it, &copies);
    for (uint32_t round = 0; round < 120; round++) {
        uint64_t records = truth->records, given;
        struct report report;

        copies_restore(&it, &copies);
        assert_int_equal(inst_open(&it), QN_OK);
        assert_int_equal(qn_check_node_words(it.node).size, 0);
        virtual_disk = (struct virtual_disk){.is_on = true, .crash_at = 1 + round % 2};
        virtual_disk.seed = qn_check_random(&seed) | 1;
        assert_int_equal(qn_check_diary_append(&it.on, truth, 1, 1), QN_IO);
        inst_kill(&it);
        virtual_disk_reset();
        assert_int_equal(inst_open(&it), QN_OK);
        told += has_said(&it, "is torn");
        truth->records++; /* perhaps: it was written, but not flushed */
        truth->places[truth->records] = truth->places[records] + 1;
        truth->tries[truth->records] = truth->try_last;
        report = log_report(&it, truth);
        assert_int_equal(report.damaged, 0);
        given = report.last - truth->places[records];
        assert_true(given <= 1 && given >= round % 2);
        assert_true(round % 2 == 0 || !has_said(&it, "is torn"));
        whole += given;
        inst_kill(&it);
        truth->records = truth->records_durable = records;
    }
    assert_in_range(told, 20, 60);
    assert_in_range(whole, 60, 100);
    subject_stop(&it);
    free(copies.files);
    free(truth);
}

static void a_damaged_watermark_costs_nothing(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct copies copies = {.files = calloc(FILES_MAX, sizeof *copies.files)};
    struct subject it;
    struct copy *file;
    uint64_t whole;

    (void)state;
    assert_true(truth != NULL && copies.files != NULL);
    end_start(&it, truth, true);
    whole = log_report(&it, truth).whole;
    inst_kill(&it);
    copies_take(&it, &copies);
    file = &copies.files[copies.count - 1];
    for (uint32_t i = 0; i < MARK_SIZE; i++) {
        file->bytes[MARK_AT + i] ^= 0x04;
        copies_restore(&it, &copies);
        file->bytes[MARK_AT + i] ^= 0x04;
        assert_int_equal(inst_open(&it), QN_OK);
        assert_int_equal(log_report(&it, truth).whole, whole);
        assert_int_equal(log_report(&it, truth).damaged, 0);
        inst_kill(&it);
    }
    subject_stop(&it);
    free(copies.files);
    free(truth);
}

static void a_lost_head_or_file_is_corrupt(void **state)
{
    struct qn_check_diary *truth;
    struct copies copies;
    struct subject it;

    (void)state;
    damage_start(&it, &truth, &copies);
    for (uint32_t i = 0; i < copies.count; i++) {
        copies.files[i].bytes[9] ^= 1;
        copies.files[i].bytes[4096 + 60] ^= 1;
        copies_restore(&it, &copies);
        copies.files[i].bytes[9] ^= 1;
        copies.files[i].bytes[4096 + 60] ^= 1;
        assert_int_equal(inst_open(&it), QN_CORRUPT);
        assert_non_null(strstr((const char *)qn_check_node_words(it.node).data, ".log'"));
        inst_close(&it);
    }
    copies_restore(&it, &copies);
    assert_int_equal(unlink(copies.files[1].path), 0);
    assert_int_equal(inst_open(&it), QN_CORRUPT);
    inst_close(&it);
    copies_restore(&it, &copies);
    assert_int_equal(unlink(copies.files[copies.count - 1].path), 0);
    assert_int_equal(inst_open(&it), QN_CORRUPT);
    assert_true(has_said(&it, "is missing"));
    inst_close(&it);
    copies_restore(&it, &copies);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(log_report(&it, truth).whole, truth->records);
    inst_close(&it);
    damage_stop(&it, truth, &copies);
}

static int32_t activate_again(struct subject *it)
{
    struct qn_node *node = qn_check_node_create(it->given.memory);
    const struct qn_life *life = qn_plugin_v1.life;
    struct qn_inst *inst = NULL;
    int32_t status;

    qn_check_node_folder(node, it->folder);
    assert_int_equal(life->create(&qn_check_host, node, it->given.config, &inst), QN_OK);
    status = life->activate(inst);
    life->destroy(inst);
    qn_check_node_destroy(node);
    return status;
}

/* A map file that was cut must not end the process when its pages are read. */
static void a_cut_map_is_corrupt(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct subject it;
    char path[400];

    (void)state;
    assert_non_null(truth);
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(qn_check_diary_write(&it.on, truth, 1), QN_OK);
    }
    inst_close(&it);
    (void)snprintf(path, sizeof path, "%s/data.mdb", it.folder);
    assert_int_equal(truncate(path, 3 * 4096), 0);
    assert_int_equal(activate_again(&it), QN_CORRUPT);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(activate_again(&it), QN_CORRUPT);
    subject_stop(&it);
    free(truth);
}

enum { ROTTEN_ROUNDS = 2000, ROTTEN_WRITES = 12, SILENT_END = 9, REFUSED = 3 };

static struct qn_node *rotten_node;

static void ended_by_lmdb(int number)
{
    struct qn_span words = qn_check_node_words(rotten_node);

    (void)number;
    _exit(memmem(words.data, words.size, "is damaged", 10) != NULL ? 0 : SILENT_END);
}

/* In a process of its own: reads and writes what may be rotten. */
static void rotten_map_use(struct subject *it)
{
    struct qn_storage_range all = {.flags = 2};
    struct qn_sink sink = {.data = it->on.room, .cap = ROOM};
    int32_t status = activate_again(it); /* it may be refused at once */

    if (status != QN_OK) {
        _exit(REFUSED);
    }
    status = inst_open(it);
    rotten_node = it->node;
    (void)signal(SIGABRT, ended_by_lmdb);
    all.space = it->on.map;
    if (status == QN_OK) {
        status = it->on.slots->scan(it->on.inst, 0, 0, &all, UINT32_MAX, ROOM, &sink);
        for (uint32_t i = 0; i < ROTTEN_WRITES; i++) {
            uint8_t key = (uint8_t)(i * 21);
            struct qn_storage_op op = {PUT, it->on.map, {&key, 1}, {it->on.room, 300}};

            status = it->on.slots->write(it->on.inst, 0, &op, 1, 1);
        }
        inst_close(it);
    }
    _exit(0);
}

/* LMDB has no checksums and trusts what it reads: pages that contradict themselves are refused
 * before it does. */
static void a_rotten_map_is_refused_and_ends_no_process(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    uint8_t *bytes = malloc(1 << 20);
    struct subject it;
    char path[400];
    uint64_t seed = 11, size;
    uint32_t refused = 0;
    FILE *file;

    (void)state;
    assert_true(truth != NULL && bytes != NULL);
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    for (uint32_t i = 0; i < 60; i++) {
        assert_int_equal(qn_check_diary_write(&it.on, truth, 1), QN_OK);
    }
    inst_close(&it);
    (void)snprintf(path, sizeof path, "%s/data.mdb", it.folder);
    file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    for (uint32_t i = 0; i < ROTTEN_ROUNDS; i++) {
        uint64_t page = 2 + qn_check_random(&seed) % (size / 4096 - 2);
        uint64_t at = page * 4096 + qn_check_random(&seed) % (i % 2 == 0 ? 64 : 4096);
        pid_t child;
        int how;

        bytes[at] ^= (uint8_t)(1 << i % 8);
        file_set(path, bytes, size);
        bytes[at] ^= (uint8_t)(1 << i % 8);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            rotten_map_use(&it);
        }
        assert_int_equal(waitpid(child, &how, 0), child);
        refused += WIFEXITED(how) && WEXITSTATUS(how) == REFUSED;
        if (!WIFEXITED(how) || (WEXITSTATUS(how) != 0 && WEXITSTATUS(how) != REFUSED)) {
            fail_msg("a bit of byte %u of page %u", (unsigned)(at % 4096), (unsigned)page);
        }
    }
    assert_true(refused > ROTTEN_ROUNDS / 20); /* most bits are of values, or free */
    subject_stop(&it);
    free(bytes);
    free(truth);
}

/* --- limits --- */

/* Puts keys of one KiB until the map says no, and gives that answer. */
static int32_t fill_map(struct subject *it, uint32_t *count)
{
    int32_t status = QN_OK;

    memset(it->on.room, 7, 1024);
    for (*count = 0; status == QN_OK && *count < 100000; (*count)++) {
        uint32_t n = *count;
        struct qn_storage_op op = {
            PUT, it->on.map, {(const uint8_t *)&n, sizeof n}, {it->on.room, 1024}};

        status = it->on.slots->write(it->on.inst, 0, &op, 1, 0);
    }
    (*count)--;
    return status;
}

static uint32_t keys_count(struct subject *it)
{
    struct qn_storage_range all = {.space = it->on.map, .flags = 2};
    struct qn_sink sink = {.data = it->on.room, .cap = ROOM};
    uint32_t count = 0;

    assert_int_equal(it->on.slots->scan(it->on.inst, 0, 0, &all, UINT32_MAX, ROOM, &sink), QN_OK);
    for (struct qn_span rest = {it->on.room, sink.size}; rest.size > 0; count++) {
        struct qn_storage_pair pair;

        qn_storage_pair_next(&rest, &pair);
    }
    return count;
}

static void a_full_map_is_no_space(void **state)
{
    struct qn_storage_op clear = {.what = 3};
    struct subject it;
    uint32_t count;

    (void)state;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE);
    assert_true(count > 200);
    assert_int_equal(keys_count(&it), count);
    inst_close(&it);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(keys_count(&it), count);
    clear.space = it.on.map;
    assert_int_equal(it.on.slots->write(it.on.inst, 0, &clear, 1, 1), QN_OK);
    assert_int_equal(keys_count(&it), 0);
    inst_close(&it);
    subject_stop(&it);
}

/* No file may grow past the limit, as on a disk that is full. */
static void a_full_disk_is_no_space(void **state)
{
    struct rlimit old, small;
    struct subject it;
    uint32_t count;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    subject_start(&it, 1 << 26, 1 << 26);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = (1 << 20) + 2048;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE);
    assert_true(count > 200);
    assert_int_equal(keys_count(&it), count);

    struct qn_span large = {it.on.room, ROOM};
    uint64_t place;

    assert_int_equal(it.on.slots->append(it.on.inst, 0, it.on.log, &large, 1, 1, &place),
                     QN_NO_SPACE);
    large.size = 100;
    assert_int_equal(it.on.slots->append(it.on.inst, 0, it.on.log, &large, 1, 1, &place), QN_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE); /* the map's end now */
    assert_true(count > 10000);
    inst_close(&it);
    assert_int_equal(inst_open(&it), QN_OK);
    inst_close(&it);
    subject_stop(&it);
}

/* Memory that the process may have besides what it has. */
static void memory_limit(struct rlimit *old, uint64_t more)
{
    unsigned long pages;
    struct rlimit small;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    (void)fclose(file);
    assert_int_equal(getrlimit(RLIMIT_AS, old), 0);
    small = *old;
    small.rlim_cur = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) + more;
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
}

static void a_map_without_room_to_grow_stays(void **state)
{
    struct rlimit old;
    struct subject it;
    uint32_t before, count;

    (void)state;
    subject_start(&it, 1 << 22, 1 << 23);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(keys_count(&it), 0);
    memory_limit(&old, 2 << 20);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE);
    assert_true(count > 1000);
    before = count;
    assert_int_equal(keys_count(&it), count);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE);
    assert_true(count > before + 1000); /* it has grown */
    inst_close(&it);
    subject_stop(&it);
}

/* Whether the library's maps fail. */
static bool maps_fail;

/* The libraries' mmap(), which the headers may call otherwise. */
QN_EXPORT void *mmap_instead(void *at, size_t size, int access, int flags, int fd,
                             off_t offset) __asm__("mmap");

void *mmap_instead(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
    if (maps_fail && fd >= 0) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, size, access, flags, fd, offset);
}

/* The room was there when it was tried, and then it was not. */
static void a_map_that_is_lost_is_told(void **state)
{
    struct qn_storage_range all;
    struct qn_sink sink;
    struct subject it;
    uint64_t snapshot, left;
    uint32_t count;

    (void)state;
    subject_start(&it, 1 << 20, 1 << 22);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(keys_count(&it), 0);
    maps_fail = true;
    assert_int_equal(fill_map(&it, &count), QN_IO);
    assert_true(count > 200);
    all = (struct qn_storage_range){.space = it.on.map, .flags = 2};
    sink = (struct qn_sink){.data = it.on.room, .cap = ROOM};
    assert_int_equal(it.on.slots->scan(it.on.inst, 0, 0, &all, UINT32_MAX, ROOM, &sink), QN_IO);
    assert_int_equal(it.on.slots->snapshot(it.on.inst, 0, &snapshot), QN_IO);
    assert_int_equal(it.on.slots->stats(it.on.inst, 0, &sink), QN_IO);
    assert_int_equal(it.on.slots->maintain(it.on.inst, 0, 1, &left), QN_OK);
    assert_int_equal(fill_map(&it, &count), QN_IO);
    assert_int_equal(count, 0);
    maps_fail = false;
    assert_int_equal(fill_map(&it, &count), QN_IO); /* until it begins anew */
    inst_close(&it);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_true(keys_count(&it) > 200);
    inst_close(&it);
    subject_stop(&it);
}

static void a_map_grows_when_no_snapshot_is_open(void **state)
{
    struct subject it;
    uint64_t snapshot;
    uint32_t count;

    (void)state;
    subject_start(&it, 1 << 20, 1 << 22);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(it.on.slots->snapshot(it.on.inst, 0, &snapshot), QN_OK);
    assert_int_equal(fill_map(&it, &count), QN_BUSY);
    assert_int_equal(keys_count(&it), count);
    assert_int_equal(it.on.slots->release(it.on.inst, 0, snapshot), QN_OK);
    assert_int_equal(fill_map(&it, &count), QN_NO_SPACE);
    assert_true(count > 1000);
    assert_int_equal(keys_count(&it), count);
    inst_close(&it);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(keys_count(&it), count);
    inst_close(&it);
    subject_stop(&it);
}

/* --- files --- */

struct survey {
    uint32_t segments;
    bool has_spare;
};

static void file_survey(const char *path, void *context)
{
    struct survey *survey = context;
    struct stat it;

    assert_int_equal(stat(path, &it), 0);
    assert_int_equal(it.st_mode & 0777, 0600);
    survey->segments += strstr(path, ".log") != NULL;
    survey->has_spare |= strstr(path, ".spare") != NULL;
}

/* Trimmed segments are used again, and their old records never come back. */
static void trimmed_segments_are_used_again(void **state)
{
    struct qn_check_diary *truth = calloc(1, sizeof *truth);
    struct subject it;
    bool had_spare = false;

    (void)state;
    assert_non_null(truth);
    truth->trimmed = 1;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        assert_int_equal(qn_check_diary_append(&it.on, truth, 1 + i % 4, 0), QN_OK);
        if (i % 100 == 99) {
            struct survey survey = {0};

            assert_int_equal(qn_check_diary_trim(&it.on, truth, i % 4), QN_OK);
            files_each(&it, file_survey, &survey);
            assert_true(survey.segments <= 2);
            had_spare = had_spare || survey.has_spare;
        }
        if (i % 500 == 499) {
            inst_close(&it);
            assert_int_equal(inst_open(&it), QN_OK);
            qn_check_diary_compare(&it.on, truth);
        }
    }
    assert_true(had_spare);
    inst_close(&it);
    subject_stop(&it);
    free(truth);
}

static void a_folder_has_one_owner(void **state)
{
    struct subject it;

    (void)state;
    subject_start(&it, 1 << 20, 1 << 20);
    assert_int_equal(inst_open(&it), QN_OK);
    assert_int_equal(activate_again(&it), QN_DENIED);
    inst_close(&it);
    assert_int_equal(activate_again(&it), QN_OK);
    subject_stop(&it);
}

/* A case that fails leaves no broken disk to the next. */
static int disk_mend(void **state)
{
    (void)state;
    virtual_disk = (struct virtual_disk){0};
    virtual_disk_reset();
    return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, disk_mend)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(lost_power_leaves_a_prefix),
        CASE(lost_power_at_the_first_start_leaves_nothing_half),
        CASE(a_killed_process_leaves_a_prefix),
        CASE(an_old_tail_never_comes_back),
        CASE(a_failed_flush_moves_the_tail),
        CASE(a_disk_that_stays_broken_is_io),
        cmocka_unit_test(a_log_waits_for_a_descriptor),
        CASE(a_flipped_bit_costs_one_record),
        CASE(a_damaged_log_goes_on),
        CASE(lost_pages_are_named_or_cut),
        CASE(a_cut_newest_segment_stays_named),
        CASE(damage_to_the_last_record_is_named_after_a_kill),
        CASE(damage_to_the_last_record_is_named_or_cut_after_a_power_cut),
        CASE(a_torn_write_is_cut_and_told),
        CASE(a_damaged_watermark_costs_nothing),
        CASE(a_lost_head_or_file_is_corrupt),
        CASE(a_cut_map_is_corrupt),
        CASE(a_rotten_map_is_refused_and_ends_no_process),
        CASE(a_full_map_is_no_space),
        CASE(a_full_disk_is_no_space),
        CASE(a_map_grows_when_no_snapshot_is_open),
        CASE(a_map_without_room_to_grow_stays),
        CASE(a_map_that_is_lost_is_told),
        CASE(trimmed_segments_are_used_again),
        CASE(a_folder_has_one_owner),
    };

    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
