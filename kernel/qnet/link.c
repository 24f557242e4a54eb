/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/link.h"

#include <string.h>

#include "kernel/qnet/client.h"

enum { AGAIN_MS = 100 };

struct sending {
    uv_write_t request; /* first */
    uint64_t size;
    char text[];
};

static void link_connect(struct qnk_link *link);

static void again(uv_timer_t *timer)
{
    struct qnk_link *link = timer->data;

    if (!link->is_stopping) {
        link_connect(link);
    }
}

static void calls_lose(struct qnk_link *link)
{
    for (uint32_t i = 0; i < QNK_LINK_CALLS_MAX; i++) {
        struct qnk_link_call call = link->calls[i];

        if (call.id != 0) {
            link->calls[i].id = 0;
            link->calls_count--;
            call.answered(call.ctx, call.tag, NULL);
        }
    }
}

static void pipe_closed(uv_handle_t *handle)
{
    struct qnk_link *link = handle->data;

    link->handles--;
    qnk_sink_cut(&link->input, 0);
    calls_lose(link);
    if (!link->is_stopping) {
        (void)uv_timer_start(&link->timer, again, AGAIN_MS, 0);
    } else if (link->handles == 0) {
        qnk_sink_done(&link->input);
    }
}

static void link_lose(struct qnk_link *link)
{
    link->is_up = false;
    if (!uv_is_closing((uv_handle_t *)&link->pipe)) {
        uv_close((uv_handle_t *)&link->pipe, pipe_closed);
    }
}

/* One line that the node sent. */
static void line_take(struct qnk_link *link, struct qn_span line)
{
    json_t *document = json_loadb((const char *)line.data, line.size, 0, NULL);
    json_int_t id = json_integer_value(json_object_get(document, "id"));

    for (uint32_t i = 0; id > 0 && i < QNK_LINK_CALLS_MAX; i++) {
        struct qnk_link_call call = link->calls[i];

        if (call.id == (uint64_t)id) {
            link->calls[i].id = 0;
            link->calls_count--;
            call.answered(call.ctx, call.tag, json_object_get(document, "result"));
            break;
        }
    }
    json_decref(document);
}

static void room_give(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct qnk_link *link = handle->data;

    (void)suggested;
    *buf = uv_buf_init(link->room, sizeof link->room);
}

static void came(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct qnk_link *link = stream->data;
    struct qn_span rest;
    const uint8_t *end;

    if (size < 0 ||
        (size > 0 && qnk_sink_append(&link->input, buf->base, (uint64_t)size) != QN_OK)) {
        link_lose(link);
        return;
    }
    rest = qnk_sink_span(&link->input);
    /* Only what just came can hold the end of a line that had none before. */
    while (rest.size > 0 && (end = memchr(rest.data, '\n', rest.size)) != NULL) {
        struct qn_span line = {rest.data, (uint64_t)(end - rest.data)};

        rest = (struct qn_span){end + 1, rest.size - line.size - 1};
        line_take(link, line);
    }
    if (rest.size > 0 && rest.data != link->input.data) {
        memmove(link->input.data, rest.data, rest.size);
    }
    qnk_sink_cut(&link->input, rest.size);
}

static void connected(uv_connect_t *request, int status)
{
    struct qnk_link *link = request->data;

    if (status != 0 || link->is_stopping ||
        uv_read_start((uv_stream_t *)&link->pipe, room_give, came) != 0) {
        link_lose(link);
        return;
    }
    link->is_up = true;
}

static void link_connect(struct qnk_link *link)
{
    if (uv_pipe_init(link->loop, &link->pipe, 0) != 0) {
        return;
    }
    link->handles++;
    link->pipe.data = link;
    link->connecting.data = link;
    uv_pipe_connect(&link->connecting, &link->pipe, link->path, connected);
}

void qnk_link_start(struct qnk_link *link, uv_loop_t *loop, const char *path)
{
    *link = (struct qnk_link){.loop = loop};
    snprintf(link->path, sizeof link->path, "%s", path);
    qnk_sink_init(&link->input, &qnk_client_budget, QNK_CLIENT_LINE_MAX);
    (void)uv_timer_init(loop, &link->timer);
    link->handles++;
    link->timer.data = link;
    link_connect(link);
}

static void timer_closed(uv_handle_t *handle)
{
    struct qnk_link *link = handle->data;

    link->handles--;
    if (link->handles == 0) {
        qnk_sink_done(&link->input);
    }
}

void qnk_link_stop(struct qnk_link *link)
{
    link->is_stopping = true;
    link->is_up = false;
    if (link->pipe.data != NULL && link->handles == 2) {
        link_lose(link);
    }
    uv_close((uv_handle_t *)&link->timer, timer_closed);
}

static void sent(uv_write_t *request, int status)
{
    struct sending *sending = (struct sending *)(void *)request;

    (void)status; /* a link that is lost says so on its reading side */
    qnk_memory_give(&qnk_client_budget, sending, sizeof *sending + sending->size);
}

bool qnk_link_ask(struct qnk_link *link, const char *method, json_t *params,
                  qnk_link_answered *answered, void *ctx, uint64_t tag)
{
    uint32_t at = 0;
    struct sending *sending = NULL;
    json_t *request;

    while (at < QNK_LINK_CALLS_MAX && link->calls[at].id != 0) {
        at++;
    }
    if (!link->is_up || at == QNK_LINK_CALLS_MAX) {
        json_decref(params);
        return false;
    }
    request =
        json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)(link->last_id + 1),
                  "method", method, "params", params == NULL ? json_object() : params);

    size_t size = json_dumpb(request, NULL, 0, JSON_COMPACT);

    if (size > 0) {
        sending = qnk_memory_take(&qnk_client_budget, sizeof *sending + size + 1);
    }
    if (sending == NULL) {
        json_decref(request);
        return false;
    }
    (void)json_dumpb(request, sending->text, size, JSON_COMPACT);
    json_decref(request);
    sending->text[size] = '\n';
    sending->size = size + 1;

    uv_buf_t buf = uv_buf_init(sending->text, (unsigned int)sending->size);

    if (uv_write(&sending->request, (uv_stream_t *)&link->pipe, &buf, 1, sent) != 0) {
        qnk_memory_give(&qnk_client_budget, sending, sizeof *sending + sending->size);
        return false;
    }
    link->calls[at] = (struct qnk_link_call){++link->last_id, tag, answered, ctx};
    link->calls_count++;
    return true;
}
