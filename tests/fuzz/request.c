/* SPDX-License-Identifier: MIT */

/* request.c: a line of the admin socket. Whatever it is, there are words that can be sent back. */

#include "kernel/host/request.h"
#include "kernel/base/text.h"
#include "kernel/host/query.h"
#include "tests/fuzz/fuzz.h"

static void text_run(const char *words)
{
    json_t *text = qnk_request_text(words);

    QN_ASSERT(json_is_string(text) && json_string_length(text) == strlen(words));
    json_decref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_request request;
    char words[61];
    int32_t status = qnk_request_read((struct qn_span){data, size}, &request);

    QN_ASSERT(request.id != NULL);
    if (status == QN_OK) {
        QN_ASSERT(request.method != NULL && json_is_object(request.params));
        (void)qnk_query_find(request.method);
        (void)qnk_query_nearest(request.method);
        qnk_text(words, sizeof words, "%s", request.method);
        text_run(words);
    } else {
        QN_ASSERT(request.code < 0 && request.words[0] != 0);
        text_run(request.words);
    }
    qnk_request_done(&request);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char *const lines[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"watch\",\"params\":{\"topics\":[\"log\"]}}",
        "{\"method\":\"\\u00e4\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 cut short in here\"}",
        "{\"id\":1,\"id\":1}",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        take((const uint8_t *)lines[i], strlen(lines[i]));
    }
}
