/* SPDX-License-Identifier: MIT */

/* history.c: a node's DATA/swaps of any bytes. It is taken in, whatever it is; what was torn is cut
 * off once; a line that is added is there when it is opened again, and all others are as before. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/host/history.h"
#include "tests/fuzz/fuzz.h"

static struct qnk_budget budget = {.limit = 4 * QNK_HISTORY_MAX};
static char folder[40], path[60];

static void end(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

/* In memory, if there is such a folder. */
static void begin(void)
{
    struct stat stat_of;

    if (folder[0] == '\0') {
        (void)snprintf(folder, sizeof folder, "%s/qnet-fuzz-XXXXXX",
                       stat("/dev/shm", &stat_of) == 0 ? "/dev/shm" : "/tmp");
        QN_ASSERT(mkdtemp(folder) != NULL);
        (void)snprintf(path, sizeof path, "%s/swaps", folder);
        QN_ASSERT(atexit(end) == 0);
    }
}

static void file_write(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    QN_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

/* What depends on it can be asked for. */
static void look(const struct qnk_history *log)
{
    static const char *const kinds[] = {"compression", "consensus", ""};

    QN_ASSERT(log->last < INT64_MAX); /* the next one has a number */
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const json_t *line = qnk_history_in_force(log, kinds[i]);

        QN_ASSERT(line == NULL || json_is_string(json_object_get(line, "step")));
        (void)qnk_history_available(log, kinds[i], "zstd");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_history log;

    if (size > QNK_HISTORY_KEEP) {
        return 0; /* a longer one is shortened: its test's */
    }
    begin();
    file_write(data, size);
    QN_ASSERT(qnk_history_open(&log, &budget, folder) == QN_OK && budget.used == 0);

    uint64_t count = json_array_size(log.lines), last = log.last, kept = log.size;
    uint32_t damaged = log.damaged;

    QN_ASSERT(kept <= size);
    look(&log);
    QN_ASSERT(qnk_history_add(&log,
                              json_pack("{s:I, s:s, s:s}", "swap", (json_int_t)(last + 1), "step",
                                        "committed", "kind", "compression"),
                              true) == QN_OK);
    QN_ASSERT(json_array_size(log.lines) == count + 1);
    qnk_history_close(&log);
    QN_ASSERT(qnk_history_open(&log, &budget, folder) == QN_OK);
    QN_ASSERT(json_array_size(log.lines) == count + 1 && log.damaged == damaged);
    QN_ASSERT(log.last == last + 1 && qnk_history_in_force(&log, "compression") != NULL);
    qnk_history_close(&log);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char good[] =
        "{\"swap\":3,\"time_ms\":5,\"step\":\"begun\",\"kind\":\"compression\",\"name\":\"zstd\"}\n"
        "{\"swap\":3,\"time_ms\":6,\"step\":\"committed\",\"kind\":\"compression\"}\n"
        "{\"step\":\"available\",\"kind\":\"compression\",\"name\":\"zstd\",\"path\":\"/a.so\"}\n"
        "{\"swap\":3,\"step\":\"aborted\",\"kind\":\"compression\",\"words\":\"no \\u00e4\"}\n";
    static const char bad[] = "{\"swap\":-1,\"step\":\"begun\"}\n{\"step\":1}\n\n[]\n{\"swap\":4";

    take((const uint8_t *)good, sizeof good - 1);
    take((const uint8_t *)bad, sizeof bad - 1);
}
