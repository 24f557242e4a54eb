/* SPDX-License-Identifier: MIT */
#pragma once

/* refit.h: a plugin exchanged for another while the node runs, by its operator alone: compression
 * and signature, on which no other node depends.
 *
 *     begun      asked for; nothing has changed
 *     made       verified by lock file, trust and ABI, mapped, created, activated
 *     proven     on this node's last blocks (proof.h), while the old one works on
 *     frozen     jobs wait, those under way came to their end, the old one holds nothing
 *     committed  one durable line in DATA/swaps: here the exchange has happened
 *     ended      the pointers are switched, jobs go on; the old one is destroyed, its code
 *                stays mapped, and a compressor goes on reading what names it
 *     aborted    at any step before, for a reason: the old one goes on as if nothing had been
 *
 * A start takes what DATA/swaps says is in force, as long as the node file says of this kind what
 * it said at the exchange. Once its line changes, the file is the newer word, and it counts. Should
 * the plugin in force be refused at a start, the node says so and takes the file's.
 *
 * Unless a function's own comment says otherwise:
 *   owns     what is in force is the host's, until it is destroyed
 *   threads  the loop's
 *   limits   one exchange at a time; GENERATIONS new files in one life of the process, since mapped
 *            code is never unmapped
 *
 * Source: abi.md 7 "Local swap", operations.md 15.
 */

#include "kernel/host/history.h"
#include "kernel/host/host.h"

enum {
    QNK_REFIT_GENERATIONS = 32,
    QNK_REFIT_WORDS = 400,
    QNK_REFIT_TYPED_MAX = 1024,          /* bytes of what a person typed */
    QNK_REFIT_WAIT_US = 5 * 1000 * 1000, /* for jobs and freeze(); then it is aborted */
};

/* QN_OK: it runs. Others: nothing has changed. `words` say which plugins, or why not. */
typedef void qnk_refitted(void *ctx, int32_t status, const char *words);

/* Begins an exchange: `typed` is as in qnk_config_read_plugin(). Not QN_OK: it did not begin, and
 * `why` says it; QN_DENIED: not by this command, or not for this kind; QN_BUSY: another is under
 * way; QN_AGAIN: the node is starting or stopping; QN_NO_SPACE: GENERATIONS. `done` is then not
 * called. */
QN_MUST_CHECK int32_t qnk_refit_begin(struct qnk_host *host, const char *kind, const char *typed,
                                      qnk_refitted *done, void *ctx, char why[QNK_REFIT_WORDS]);

/* Verifies and maps a plugin of any kind, and remembers its file for when the network needs it.
 * `words` say what it is, or why it is refused. */
QN_MUST_CHECK int32_t qnk_refit_load(struct qnk_host *host, const char *kind, const char *typed,
                                     char words[QNK_REFIT_WORDS]);

/* What a person typed for a kind, read and found; `used` has the config record. */
struct qnk_refit_typed {
    struct qnk_config *config;
    const struct qnk_config_plugin *used;
    struct qnk_plugin *plugin;
};

/* Reads the lock file again, then this. Others than QN_OK: `why`, of `room` bytes, says it. */
QN_MUST_CHECK int32_t qnk_refit_read(struct qnk_host *host, const char *kind, const char *text,
                                     struct qnk_refit_typed *typed, char *why, uint64_t room);
void qnk_refit_read_done(struct qnk_host *host, struct qnk_refit_typed *typed);

/* The newest file that was loaded under this name; NULL: none was. */
const char *qnk_refit_available(struct qnk_host *host, const char *kind, const char *name);

/* All lines of DATA/swaps, an array; NULL while the node starts. */
json_t *qnk_refit_lines(struct qnk_host *host);

/* Who hears of each line when it is written, one listener; NULL ends it. */
typedef void qnk_refit_heard(void *ctx, const json_t *line);
void qnk_refit_watch(struct qnk_host *host, qnk_refit_heard *heard, void *ctx);

/* --- for the host itself --- */

struct qnk_refit;
struct qnk_config_plugin;

/* Reads DATA/swaps and what is in force. */
QN_MUST_CHECK int32_t qnk_refit_create(struct qnk_host *host);
void qnk_refit_destroy(struct qnk_refit *refit); /* NULL is allowed; after the plugins are closed */

/* The plugin of a kind that this node runs: in force, or as its files say; NULL: none. */
const struct qnk_config_plugin *qnk_refit_used(const struct qnk_host *host, uint32_t kind);

/* The plugin in force is refused at a start: from here on the file's counts. False: it was the
 * file's. */
bool qnk_refit_refused(struct qnk_host *host, uint32_t kind, const char *why);

/* Every QNK_LIVE_TICK_MS; and when the last job that was under way is done. */
void qnk_refit_tick(struct qnk_host *host);

/* Whether an exchange is under way. */
bool qnk_refit_is_busy(const struct qnk_host *host);

/* The node stops: what is not committed is aborted. */
void qnk_refit_stop(struct qnk_host *host);

/* Destroys what was replaced and still read. */
void qnk_refit_readers_end(struct qnk_host *host);

/* Writes a line about something else than an exchange of this file, durably if anything depends on
 * it; the object is taken over. Not QN_OK: it is not in the file, which the log says too. */
int32_t qnk_refit_tell(struct qnk_host *host, json_t *line, bool is_durable);
