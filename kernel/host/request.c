/* SPDX-License-Identifier: MIT */

#include "kernel/host/request.h"

#include <string.h>

#include "kernel/base/text.h"

static int32_t refuse(struct qnk_request *request, enum qnk_request_code code, const char *words,
                      const char *detail)
{
    request->code = code;
    qnk_text(request->words, sizeof request->words, "%s%.120s", words, detail);
    return QN_INVALID;
}

/* How many values the line has, or more: what is in texts is counted, too. */
static uint64_t values_count(struct qn_span line)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < line.size; i++) {
        uint8_t c = line.data[i];

        count += c == '[' || c == '{' || c == ',' || c == ':';
    }
    return count;
}

/* A member that no request has, or NULL. */
static const char *member_unknown(json_t *document)
{
    static const char *const known[] = {"jsonrpc", "id", "method", "params"};
    const char *key;
    json_t *value;

    json_object_foreach(document, key, value)
    {
        uint32_t i = 0;

        while (i < sizeof known / sizeof *known && strcmp(known[i], key) != 0) {
            i++;
        }
        if (i == sizeof known / sizeof *known) {
            return key;
        }
    }
    return NULL;
}

int32_t qnk_request_read(struct qn_span line, struct qnk_request *request)
{
    json_error_t error;
    const json_t *method;

    *request = (struct qnk_request){.id = json_null()};
    if (values_count(line) > QNK_REQUEST_VALUES_MAX) {
        return refuse(request, QNK_REQUEST_NONE, "more values than a request may have", "");
    }
    request->document =
        json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    if (request->document == NULL) {
        return refuse(request, QNK_REQUEST_NO_JSON, "not JSON: ", error.text);
    }

    json_t *id = json_object_get(request->document, "id");

    const char *unknown = member_unknown(request->document);

    request->id = json_is_integer(id) || json_is_string(id) ? id : json_null();
    if (json_string_length(request->id) > QNK_REQUEST_ID_MAX) {
        request->id = json_null();
        return refuse(request, QNK_REQUEST_NONE, "its id is too long", "");
    }
    if (unknown != NULL) {
        return refuse(request, QNK_REQUEST_NONE, "a request has no member ", unknown);
    }
    request->params = json_object_get(request->document, "params");
    method = json_object_get(request->document, "method");
    request->method = json_string_value(method);
    if (request->method == NULL || (request->params != NULL && !json_is_object(request->params))) {
        return refuse(request, QNK_REQUEST_NONE, "not a request", "");
    }
    if (request->params == NULL) {
        request->params = json_object();
        if (json_object_set_new(request->document, "params", request->params) != 0) {
            return refuse(request, QNK_REQUEST_NONE, "no memory for it", "");
        }
    }
    return QN_OK;
}

void qnk_request_done(struct qnk_request *request)
{
    json_decref(request->document);
    *request = (struct qnk_request){.id = json_null()};
}

json_t *qnk_request_text(const char *text)
{
    json_t *json = json_string(text);
    char ascii[512];
    size_t size = 0;

    if (json != NULL) {
        return json;
    }
    for (; text[size] != 0 && size < sizeof ascii - 1; size++) {
        ascii[size] = (text[size] & 0x80) == 0 ? text[size] : '?';
    }
    ascii[size] = 0;
    return json_string(ascii);
}
