/* SPDX-License-Identifier: MIT */

#include "kernel/host/request.h"

#include "kernel/base/text.h"

static int32_t refuse(struct qnk_request *request, enum qnk_request_code code, const char *words,
                      const char *detail)
{
    request->code = code;
    qnk_text(request->words, sizeof request->words, "%s%.120s", words, detail);
    return QN_INVALID;
}

int32_t qnk_request_read(struct qn_span line, struct qnk_request *request)
{
    json_error_t error;
    const json_t *method;

    *request = (struct qnk_request){.id = json_null()};
    request->document =
        json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    if (request->document == NULL) {
        return refuse(request, QNK_REQUEST_NO_JSON, "not JSON: ", error.text);
    }

    json_t *id = json_object_get(request->document, "id");

    request->id = json_is_integer(id) || json_is_string(id) ? id : json_null();
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
