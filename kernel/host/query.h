/* SPDX-License-Identifier: MIT */
#pragma once

/* query.h: everything that can be asked of a node, one table. The admin socket, the command line
 * and later services only show what comes from here.
 *
 * A question has parameters, a JSON object, and is answered once: with a JSON document, or refused
 * in words. Some are answered at once, others when the disk has answered. Heights and counts are
 * numbers; amounts, balances and nonces strings, since they may not fit a JSON number; hashes hex;
 * keys bech32m.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a question is its asker's and stays where it is until it is answered; the answer is
 *            the asker's
 *   threads  the loop's
 *
 * Source: operations.md 6.
 */

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kernel/host/host.h"

enum { QNK_QUERY_TEXT = 300, QNK_QUERY_LIST_MAX = 1000 };

/* Of a list, as text: it can be sent to a client that has QNK_ADMIN_PAUSE_MAX to read yet. */
enum { QNK_QUERY_LIST_BYTES = 7 << 20 };

/* Of all lists that are begun and wait for the disk: as JSON they take a few times as much, outside
 * every budget. */
enum { QNK_QUERY_LISTS_BYTES = 16 << 20 };

/* Why a question is refused. Positive codes are exit codes of `qnet`, negative ones JSON-RPC's. */
enum qnk_query_code {
    QNK_QUERY_FAILED = 1,
    QNK_QUERY_NOT_READY = 4,
    QNK_QUERY_REFUSED = 7,
    QNK_QUERY_PARAMETERS = -32602,
};

struct qnk_question {
    struct qnk_host *host;
    const json_t *params; /* an object; the asker's, and there until ask() returns */
    /* Exactly one of them is called, once. */
    void (*answered)(struct qnk_question *question, json_t *answer);
    void (*refused)(struct qnk_question *question, int code, const char *words, const char *hint);
    /* The asker's, at any time: nobody waits for the answer any more, and a read that has not begun
     * does not. It is answered all the same. */
    _Atomic bool is_gone;
};

struct qnk_query {
    const char *name;
    const char *doc;
    bool is_public; /* else the operator's alone */
    void (*ask)(struct qnk_question *question);
};

extern const struct qnk_query qnk_queries[];
extern const uint32_t qnk_queries_count;

/* NULL: there is none. */
const struct qnk_query *qnk_query_find(const char *name);

/* The name nearest to `name`, or NULL. */
const char *qnk_query_nearest(const char *name);

/* What a note is as an event of the stream: its topic, or NULL if it is none; the JSON object is
 * made only if `event` is not NULL. Topics: micro, macro, round, log. */
const char *qnk_query_event(struct qnk_host *host, const struct qnk_effect *note, json_t **event);
