/* SPDX-License-Identifier: MIT */
#pragma once

/* log.h: lines for people and machines about what happened, one event a line.
 *
 * Every line has a level, the part of the node that speaks (a kernel folder or KIND/NAME), a stable
 * event name, words, and fields. A part's level can change while the node runs; a call below it
 * costs one load. A call site writes at most QNK_LOG_SITE_MAX lines a second and says how many more
 * there were. Wrong input from outside is counted by metrics, not logged packet by packet.
 *
 *     qnk_log(&part, QNK_LOG_INFO, "window-final", "window %u is final | window=%u signed=%u/%u",
 *             31u, 31u, 4u, 4u);
 *
 * is one of
 *
 *     12:00:01.204 info  consensus/commit-reveal  window 31 is final  window=31 signed=4/4
 *     ts=2026-01-01T12:00:01.204117Z level=info part=... event=window-final window=31 signed=4/4
 *     {"ts":"2026-01-01T12:00:01.204117Z","level":"info","part":...,"window":31,"signed":"4/4"}
 *
 * Unless a function's own comment says otherwise:
 *   owns     a part is its caller's, and stays where it is until it is removed or the log is
 *            done; texts are borrowed
 *   threads  any; lines are whole
 *   cost     one formatted line and one write(2); allocates nothing; takes a lock
 *   errors   what cannot be written is dropped: a full disk must not stop a node by its log
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <qnet/types.h>

#define QNK_LOG_LINE_MAX  2048 /* bytes of a line; the end of a longer one is cut off, and marked */
#define QNK_LOG_SITE_MAX  10   /* lines a second of one call site; more are counted */
#define QNK_LOG_PARTS_MAX 256  /* parts of one log: the kernel's folders and its plugins */

/* As in the plugin ABI (host.log). */
enum qnk_log_level {
    QNK_LOG_ERROR = 0,
    QNK_LOG_WARN = 1,
    QNK_LOG_INFO = 2,
    QNK_LOG_DEBUG = 3,
    QNK_LOG_TRACE = 4,
    QNK_LOG_LEVEL_COUNT
};

enum qnk_log_format {
    QNK_LOG_TEXT,    /* for a terminal */
    QNK_LOG_LOGFMT,  /* key=value */
    QNK_LOG_JSON,    /* an object a line */
    QNK_LOG_JOURNAL, /* logfmt after a priority <N>, without a time: the journal has both */
};

struct qnk_log_part {
    const char *name;      /* "kernel/host", "storage/lmdb" */
    struct qnk_log *log;   /* NULL: not added to a log yet, so silent */
    _Atomic int threshold; /* levels below this are written */
    int after;             /* the threshold to go back to */
    uint64_t until_us;     /* when to go back to it; 0: not at all */
};

/* One place that logs. The macro below makes it. */
struct qnk_log_site {
    uint64_t second;     /* of the lines counted in `lines` */
    uint32_t lines;      /* 0..SITE_MAX */
    uint32_t suppressed; /* since the last line; the next one says it */
};

/* Hears of every line that is written, without its end, in whatever thread writes it; the log is
 * locked meanwhile, so it must not log. */
typedef void qnk_log_heard(void *ctx, const char *part, struct qn_span line);

struct qnk_log {
    pthread_mutex_t lock;
    int fd;
    enum qnk_log_format format;
    int threshold; /* of parts that are added later */
    uint64_t (*now_us)(void *clock);
    void *clock;
    qnk_log_heard *heard;
    void *heard_ctx;
    struct qnk_log_part *parts[QNK_LOG_PARTS_MAX];
    uint32_t parts_count;
};

/* What a log writes and where. */
struct qnk_log_options {
    int fd; /* stays the caller's */
    enum qnk_log_format format;
    enum qnk_log_level level;        /* of every part, until it is changed */
    uint64_t (*now_us)(void *clock); /* microseconds since 1970; NULL: the system's clock */
    void *clock;
    qnk_log_heard *heard; /* NULL: nobody */
    void *heard_ctx;
};

void qnk_log_init(struct qnk_log *log, const struct qnk_log_options *options);

/* All parts are silent from here on. */
void qnk_log_done(struct qnk_log *log);

/* The format for `fd` where the configuration leaves it open: a terminal's, the journal's if `fd`
 * leads there (JOURNAL_STREAM), else logfmt. */
enum qnk_log_format qnk_log_format_for(int fd);

/* QN_NO_SPACE: PARTS_MAX is reached; the part stays silent. */
QN_MUST_CHECK int32_t qnk_log_add(struct qnk_log *log, struct qnk_log_part *part);

/* The part is silent from here on, and may end. Nothing happens if it was never added. */
void qnk_log_remove(struct qnk_log_part *part);

/* "info" and so on; QN_NOT_FOUND: no level has this name. */
QN_MUST_CHECK int32_t qnk_log_level_read(const char *name, enum qnk_log_level *level);

/* Sets the level of a part, or with "consensus" of every part consensus/..., or with "" of all.
 * With `for_us` over 0 the level before comes back by itself, at a tick that much later.
 * QN_NOT_FOUND: no such part. */
QN_MUST_CHECK int32_t qnk_log_level_set(struct qnk_log *log, const char *part,
                                        enum qnk_log_level level, uint64_t for_us);

/* To be called now and then, as by a timer: ends what level_set() bounded. */
void qnk_log_tick(struct qnk_log *log);

/* Writes a line. `event` is [a-z0-9-]+ and stable: tests match it. `format` is words, then perhaps
 * " | " and fields key=value apart by one space; keys are [a-z0-9_]+. Machines get the words only
 * where there are no fields, as `text`. Conversions are %s %c %d %i %u %x %%, with the lengths of
 * printf, 0N for leading zeros, and .* or .N for %s; another ends the format. What %s and %c bring
 * is escaped, so outside bytes can neither end a line nor fake a field. */
#define qnk_log(part, level, event, ...)                                          \
    do {                                                                          \
        static struct qnk_log_site qnk_log_site_;                                 \
        if (qnk_log_is_on((part), (level))) {                                     \
            qnk_log_write(&qnk_log_site_, (part), (level), (event), __VA_ARGS__); \
        }                                                                         \
    } while (0)

static inline bool qnk_log_is_on(const struct qnk_log_part *part, enum qnk_log_level level)
{
    return (int)level < atomic_load_explicit(&part->threshold, memory_order_relaxed);
}

__attribute__((format(printf, 5, 6))) void qnk_log_write(struct qnk_log_site *site,
                                                         const struct qnk_log_part *part,
                                                         enum qnk_log_level level,
                                                         const char *event, const char *format,
                                                         ...);

/* The same for a line that was made before, of words and fields as a format but without
 * conversions. What is no field after " | " is words; bytes that are not printable become '?'. */
void qnk_log_text(struct qnk_log_site *site, const struct qnk_log_part *part,
                  enum qnk_log_level level, const char *event, const char *text);
