/* SPDX-License-Identifier: MIT */
#pragma once

/* request.h: one line that a client of the admin socket sent: JSON-RPC 2.0, read and checked.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a request owns its document, of which the rest is a part, until done()
 *   threads  any
 *   cost     linear in the line; jansson takes memory outside every budget: a few times the line,
 *            and some 150 bytes for each of at most VALUES_MAX values; it bounds the depth
 *
 * Source: JSON-RPC 2.0, sections 4 and 5.1.
 */

#include <jansson.h>

#include <qnet/types.h>

enum {
    QNK_REQUEST_WORDS = 200,
    QNK_REQUEST_ID_MAX = 256, /* bytes of an id that is a text: it is kept and sent back */
    QNK_REQUEST_VALUES_MAX =
        8192, /* '[', '{', ',' and ':' of a line: each value has one before it */
};

/* Codes of JSON-RPC. */
enum qnk_request_code { QNK_REQUEST_NO_JSON = -32700, QNK_REQUEST_NONE = -32600 };

struct qnk_request {
    json_t *document; /* NULL: it was not JSON */
    json_t *id;       /* a number, a text, or null */
    json_t *params;   /* an object */
    const char *method;
    int code;                      /* why it is refused */
    char words[QNK_REQUEST_WORDS]; /* the same, for people */
};

/* QN_INVALID: not a request; `id`, `code` and `words` are for the answer. */
QN_MUST_CHECK int32_t qnk_request_read(struct qn_span line, struct qnk_request *request);
void qnk_request_done(struct qnk_request *request);

/* A text as JSON, whatever its bytes are: what is cut in the middle of a character, or is no UTF-8,
 * has '?' for each byte that is not ASCII. */
json_t *qnk_request_text(const char *text);
