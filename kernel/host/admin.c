/* SPDX-License-Identifier: MIT */

#include "kernel/host/admin.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <qnet/assert.h>

#include "kernel/host/query.h"
#include "kernel/host/refit.h"
#include "kernel/host/request.h"

enum { READ_ROOM = 65536, BACKLOG = 16, TOPICS = 5 };

static const char *const topics[TOPICS] = {"micro", "macro", "round", "swap", "log"};

struct client;

/* One call under way. It outlives its client if that goes first. */
struct call {
    struct qnk_question question; /* first */
    struct qnk_admin *admin;
    struct client *client; /* NULL: gone */
    struct call *next;     /* of the client */
    json_t *id;
};

struct client {
    uv_pipe_t pipe; /* first */
    struct qnk_admin *admin;
    struct client *next;
    struct call *calls;
    uint32_t calls_count;
    struct qn_sink input; /* whole lines that wait, or a part of one */
    uint64_t taken;       /* of it */
    uint64_t queued;      /* bytes that wait to be written */
    uint32_t topics;      /* bit i: topics[i] */
    uint64_t line;        /* of the log, to be sent next */
    uint64_t lost;        /* events since the last one that was sent */
    bool has_lines;       /* at least one whole one waits; nothing is read meanwhile */
    bool is_reading;
    bool is_closing;
};

/* A line on its way out. */
struct sending {
    uv_write_t request; /* first */
    struct client *client;
    uint64_t size;
    char text[];
};

struct qnk_admin {
    uv_pipe_t server;
    uv_async_t more; /* lines of the log */
    uv_idle_t turn;  /* lines of clients are there to be taken */
    struct qnk_host *host;
    struct qnk_budget *budget;
    struct qnk_lines *lines;
    struct client *clients;
    struct client *next; /* whose turn it is; NULL: the first one's */
    uint64_t moved;      /* bytes of this turn's lines and answers */
    uint32_t clients_count;
    uint32_t handles; /* open: server, async, idle, and who is sent away */
    uv_pipe_t refused;
    bool is_refusing, is_next; /* `refused` is open; another waits for it */
    uint32_t calls;            /* under way */
    bool is_stopping;
    void (*closed)(void *ctx);
    void *ctx;
    char path[108];
    char room[READ_ROOM]; /* what is being read */
};

/* --- the end --- */

static void admin_look(struct qnk_admin *admin)
{
    if (admin->is_stopping && admin->handles == 0 && admin->clients_count == 0 &&
        admin->calls == 0) {
        void (*closed)(void *ctx) = admin->closed;
        void *ctx = admin->ctx;

        qnk_memory_give(admin->budget, admin, sizeof *admin);
        closed(ctx);
    }
}

static void client_closed(uv_handle_t *handle)
{
    struct client *client = (struct client *)(void *)handle;
    struct qnk_admin *admin = client->admin;
    struct client **at = &admin->clients;

    while (*at != client) {
        at = &(*at)->next;
    }
    *at = client->next;
    if (admin->next == client) {
        admin->next = client->next;
    }
    admin->clients_count--;
    qnk_sink_done(&client->input);
    qnk_memory_give(admin->budget, client, sizeof *client);
    admin_look(admin);
}

static void client_close(struct client *client)
{
    if (client->is_closing) {
        return;
    }
    client->is_closing = true;
    for (struct call *call = client->calls; call != NULL; call = call->next) {
        call->client = NULL;
        atomic_store_explicit(&call->question.is_gone, true, memory_order_relaxed);
    }
    client->calls = NULL;
    uv_close((uv_handle_t *)&client->pipe, client_closed);
}

/* --- going on --- */

static void turn(uv_idle_t *idle);
static void room_give(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void came(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf);

static void client_pause(struct client *client)
{
    if (client->is_reading) {
        client->is_reading = false;
        (void)uv_read_stop((uv_stream_t *)&client->pipe);
    }
}

/* Its lines are taken from the next turn on, or more of them is read; neither while too much waits
 * to be written. */
static void client_go_on(struct client *client)
{
    if (client->is_closing || client->queued > QNK_ADMIN_PAUSE_MAX) {
        return;
    }
    if (client->has_lines) {
        (void)uv_idle_start(&client->admin->turn, turn);
    } else if (!client->is_reading) {
        client->is_reading = uv_read_start((uv_stream_t *)&client->pipe, room_give, came) == 0;
        if (!client->is_reading) {
            client_close(client);
        }
    }
}

/* --- writing --- */

static void sent(uv_write_t *request, int status)
{
    struct sending *sending = (struct sending *)(void *)request;
    struct client *client = sending->client;

    client->queued -= sending->size;
    qnk_memory_give(client->admin->budget, sending, sizeof *sending + sending->size);
    if (status < 0) {
        client_close(client);
    } else {
        client_go_on(client);
    }
}

/* Sends a document as one line; takes it over. False: there is no room for it. */
static bool client_send(struct client *client, json_t *document)
{
    struct qnk_budget *budget = client->admin->budget;
    size_t size = client->is_closing ? 0 : json_dumpb(document, NULL, 0, JSON_COMPACT);
    struct sending *sending = NULL;

    if (size > 0 && client->queued + size + 1 <= QNK_ADMIN_QUEUE_MAX) {
        sending = qnk_memory_take(budget, sizeof *sending + size + 1);
    }
    if (sending == NULL) {
        json_decref(document);
        return false;
    }
    sending->client = client;
    sending->size = size + 1;
    (void)json_dumpb(document, sending->text, size, JSON_COMPACT);
    sending->text[size] = '\n';
    json_decref(document);

    uv_buf_t buf = uv_buf_init(sending->text, (unsigned int)sending->size);

    client->queued += sending->size;
    client->admin->moved += sending->size;
    if (client->queued > QNK_ADMIN_PAUSE_MAX) {
        client_pause(client);
    }
    if (uv_write(&sending->request, (uv_stream_t *)&client->pipe, &buf, 1, sent) != 0) {
        client->queued -= sending->size;
        qnk_memory_give(budget, sending, sizeof *sending + sending->size);
        client_close(client);
    }
    return true;
}

/* An answer that does not fit is no answer: the client has to come again. */
static void client_answer(struct client *client, json_t *document)
{
    if (!client_send(client, document)) {
        client_close(client);
    }
}

static json_t *error_json(json_t *id, int code, const char *words, const char *hint)
{
    json_t *error = json_pack("{s:i, s:o}", "code", code, "message", qnk_request_text(words));

    if (hint != NULL) {
        json_object_set_new(error, "data", json_pack("{s:o}", "hint", qnk_request_text(hint)));
    }
    return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "error", error);
}

/* --- calls --- */

static void call_end(struct call *call, json_t *document)
{
    struct qnk_admin *admin = call->admin;
    struct client *client = call->client;

    if (client != NULL) {
        struct call **at = &client->calls;

        while (*at != call) {
            at = &(*at)->next;
        }
        *at = call->next;
        client->calls_count--;
        client_answer(client, document);
    } else {
        json_decref(document);
    }
    json_decref(call->id);
    qnk_memory_give(admin->budget, call, sizeof *call);
    admin->calls--;
    admin_look(admin);
}

static void answered(struct qnk_question *question, json_t *answer)
{
    struct call *call = (struct call *)(void *)question;

    call_end(call,
             json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", call->id, "result", answer));
}

static void refused(struct qnk_question *question, int code, const char *words, const char *hint)
{
    struct call *call = (struct call *)(void *)question;

    call_end(call, error_json(call->id, code, words, hint));
}

static void watch(struct client *client, json_t *id, const json_t *params);

/* Starts a call of a query. Of the request only its id outlives this. */
static void call_start(struct client *client, const struct qnk_query *query,
                       const struct qnk_request *request)
{
    struct qnk_admin *admin = client->admin;
    struct call *call = client->calls_count < QNK_ADMIN_CALLS_MAX
                            ? qnk_memory_take(admin->budget, sizeof *call)
                            : NULL;

    if (call == NULL) {
        client_answer(client, error_json(request->id, QNK_QUERY_NOT_READY,
                                         "too many calls are under way", NULL));
        return;
    }
    call->question.host = admin->host;
    call->question.params = request->params;
    call->question.answered = answered;
    call->question.refused = refused;
    call->admin = admin;
    call->client = client;
    call->next = client->calls;
    call->id = json_incref(request->id);
    client->calls = call;
    client->calls_count++;
    admin->calls++;
    query->ask(&call->question);
}

static void refuse_method(struct client *client, json_t *id, const char *method)
{
    const char *nearest = qnk_query_nearest(method);
    char words[160], hint[80];

    snprintf(words, sizeof words, "no such method: '%.60s'", method);
    if (nearest != NULL) {
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    }
    client_answer(client, error_json(id, -32601, words, nearest == NULL ? NULL : hint));
}

/* One line that a client sent. */
static void line_take(struct client *client, struct qn_span line)
{
    static const char form[] = "wanted: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
    struct qnk_request request;

    if (qnk_request_read(line, &request) != QN_OK) {
        client_answer(client, error_json(request.id, request.code, request.words, form));
    } else if (strcmp(request.method, "watch") == 0) {
        watch(client, request.id, request.params);
    } else {
        const struct qnk_query *query = qnk_query_find(request.method);

        if (query == NULL) {
            refuse_method(client, request.id, request.method);
        } else {
            call_start(client, query, &request);
        }
    }
    qnk_request_done(&request);
}

/* --- reading --- */

static void room_give(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    const struct client *client = (struct client *)(void *)handle;

    (void)suggested;
    *buf = uv_buf_init(client->admin->room, READ_ROOM);
}

static void refuse_length(struct client *client)
{
    json_t *nothing = json_null();

    client_answer(client, error_json(nothing, -32600, "a line is over 1 MiB and 64 KiB", NULL));
    client_close(client);
}

static void came(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct client *client = (struct client *)(void *)stream;

    if (size < 0) {
        client_close(client);
    } else if (size > 0 && !client->is_closing) {
        client->has_lines = memchr(buf->base, '\n', (size_t)size) != NULL;
        if (qnk_sink_append(&client->input, buf->base, (uint64_t)size) != QN_OK ||
            (!client->has_lines && client->input.size > QNK_ADMIN_LINE_MAX)) {
            refuse_length(client);
        } else if (client->has_lines) {
            client_pause(client);
            client_go_on(client);
        }
    }
}

/* --- turns --- */

/* Forgets the lines that were taken, once no whole one is left. */
static void input_cut(struct client *client)
{
    struct qn_sink *input = &client->input;
    uint64_t rest = input->size - client->taken;

    if (rest > 0 && memchr(input->data + client->taken, '\n', rest) != NULL) {
        return;
    }
    if (rest > 0) {
        memmove(input->data, input->data + client->taken, rest);
    }
    qnk_sink_cut(input, rest);
    client->taken = 0;
    client->has_lines = false;
    client_go_on(client);
}

/* Takes a client's next line. */
static void line_next(struct client *client)
{
    const uint8_t *data = client->input.data + client->taken;
    const uint8_t *end = memchr(data, '\n', client->input.size - client->taken);

    QN_ASSERT(end != NULL);

    struct qn_span line = {data, (uint64_t)(end - data)};

    client->taken += line.size + 1;
    client->admin->moved += line.size + 1;
    if (line.size > QNK_ADMIN_LINE_MAX) {
        refuse_length(client);
    } else {
        line_take(client, line);
    }
    input_cut(client);
}

/* One turn: a line of each client in its order, from the one whose turn it is, until enough is done
 * for now or no line may be taken. */
static void turn(uv_idle_t *idle)
{
    struct qnk_admin *admin = idle->data;
    uint32_t lines = 0, passed = 0; /* clients that were passed over since the last line */

    admin->moved = 0;
    while (lines < QNK_ADMIN_TURN_LINES && admin->moved < QNK_ADMIN_TURN_BYTES &&
           passed < admin->clients_count) {
        struct client *client = admin->next != NULL ? admin->next : admin->clients;

        admin->next = client->next;
        if (client->has_lines && !client->is_closing && client->queued <= QNK_ADMIN_PAUSE_MAX) {
            line_next(client);
            lines++;
            passed = 0;
        } else {
            passed++;
        }
    }
    if (passed == admin->clients_count) {
        (void)uv_idle_stop(idle);
    }
}

/* --- clients that come --- */

static void client_refuse(struct qnk_admin *admin);

static void refused_closed(uv_handle_t *handle)
{
    struct qnk_admin *admin = handle->data;
    bool is_next = admin->is_next && !admin->is_stopping;

    admin->handles--;
    admin->is_refusing = admin->is_next = false;
    if (is_next) {
        client_refuse(admin);
    } else {
        admin_look(admin);
    }
}

/* Takes and closes who comes while there is no memory: the loop asks for nobody after one that was
 * not taken. */
static void client_refuse(struct qnk_admin *admin)
{
    if (admin->is_refusing) {
        admin->is_next = true;
        return;
    }
    if (uv_pipe_init(admin->server.loop, &admin->refused, 0) != 0) {
        return;
    }
    admin->refused.data = admin;
    admin->is_refusing = true;
    admin->handles++;
    (void)uv_accept((uv_stream_t *)&admin->server, (uv_stream_t *)&admin->refused);
    uv_close((uv_handle_t *)&admin->refused, refused_closed);
}

static void client_came(uv_stream_t *server, int status)
{
    struct qnk_admin *admin = (struct qnk_admin *)(void *)server;
    struct client *client;

    if (status < 0 || admin->is_stopping) {
        return;
    }
    client = qnk_memory_take(admin->budget, sizeof *client);
    if (client == NULL) {
        client_refuse(admin);
        return;
    }
    if (uv_pipe_init(server->loop, &client->pipe, 0) != 0) {
        qnk_memory_give(admin->budget, client, sizeof *client);
        client_refuse(admin);
        return;
    }
    client->admin = admin;
    client->next = admin->clients;
    admin->clients = client;
    admin->clients_count++;
    qnk_sink_init(&client->input, admin->budget, QNK_ADMIN_LINE_MAX + READ_ROOM);
    if (uv_accept(server, (uv_stream_t *)&client->pipe) != 0) {
        client_close(client);
    } else if (admin->clients_count > QNK_ADMIN_CLIENTS_MAX) {
        json_t *nothing = json_null();

        client_answer(client, error_json(nothing, QNK_QUERY_NOT_READY,
                                         "too many clients are connected", NULL));
        client_close(client);
    } else {
        client_go_on(client);
    }
}

/* --- events --- */

/* An event to one watcher; one that is far behind loses it. */
static void event_send(struct client *client, json_t *event)
{
    if (event == NULL) {
        return; /* what it was about is gone already */
    }
    if (client->queued > QNK_ADMIN_QUEUE_MAX / 2) {
        client->lost++;
        return;
    }
    if (client->lost > 0) {
        event = json_copy(event);
        json_object_set_new(event, "lost", json_integer((json_int_t)client->lost));
        client->lost = 0;
    } else {
        json_incref(event);
    }
    client_answer(
        client, json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event", "params", event));
}

static bool is_wanted(const struct client *client, const char *topic)
{
    for (uint32_t i = 0; i < TOPICS; i++) {
        if (strcmp(topics[i], topic) == 0) {
            return (client->topics >> i & 1) != 0;
        }
    }
    return false;
}

/* A line of DATA/swaps. */
static void swapped(void *ctx, const json_t *line)
{
    struct qnk_admin *admin = ctx;
    json_t *event = json_copy((json_t *)(uintptr_t)line);

    json_object_set_new(event, "topic", json_string("swap"));
    for (struct client *client = admin->clients; client != NULL; client = client->next) {
        if (is_wanted(client, "swap")) {
            event_send(client, event);
        }
    }
    json_decref(event);
}

static void noted(void *ctx, const struct qnk_effect *note)
{
    struct qnk_admin *admin = ctx;
    const char *topic = qnk_query_event(admin->host, note, NULL);
    json_t *event = NULL;

    for (struct client *client = admin->clients; topic != NULL && client != NULL;
         client = client->next) {
        if (!is_wanted(client, topic)) {
            continue;
        }
        if (event == NULL) {
            (void)qnk_query_event(admin->host, note, &event);
        }
        event_send(client, event);
    }
    json_decref(event);
}

/* Lines of the log that a client has not been sent yet. */
static void lines_send(struct client *client)
{
    struct qnk_lines *lines = client->admin->lines;
    struct qnk_line line;

    while (!client->is_closing && qnk_lines_get(lines, client->line, &line) == QN_OK) {
        json_t *event = json_pack("{s:s, s:I, s:s, s:s}", "topic", "log", "number",
                                  (json_int_t)line.number, "part", line.part, "line", line.text);

        client->line = line.number + 1;
        if (event != NULL) { /* a line that is no UTF-8 is passed over */
            event_send(client, event);
            json_decref(event);
        }
    }
}

static void lines_came(uv_async_t *async)
{
    struct qnk_admin *admin = async->data;

    for (struct client *client = admin->clients; client != NULL; client = client->next) {
        if ((client->topics >> (TOPICS - 1) & 1) != 0) {
            lines_send(client);
        }
    }
}

static void lines_more(void *ctx)
{
    struct qnk_admin *admin = ctx;

    (void)uv_async_send(&admin->more);
}

/* `after`: how many of the last lines of the log come first; the answer says how many do. */
static void watch(struct client *client, json_t *id, const json_t *params)
{
    const json_t *list = json_object_get(params, "topics");
    json_int_t after = json_integer_value(json_object_get(params, "after"));
    struct qnk_lines *lines = client->admin->lines;
    uint32_t wanted = 0;
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const char *name = json_string_value(item);

        for (uint32_t at = 0; at < TOPICS; at++) {
            if (name != NULL && strcmp(topics[at], name) == 0) {
                wanted |= 1u << at;
            }
        }
    }
    if (wanted == 0) {
        client_answer(client, error_json(id, QNK_QUERY_PARAMETERS, "'topics' names no topic",
                                         "micro, macro, round, swap, log"));
        return;
    }
    client->topics = wanted;

    uint64_t last = lines != NULL && (wanted >> (TOPICS - 1) & 1) != 0 ? qnk_lines_last(lines) : 0;
    uint64_t back = after > 0 ? (uint64_t)after : 0;

    back = back < last ? back : last;
    back = back < QNK_LINES_MAX ? back : QNK_LINES_MAX;
    client_answer(client, json_pack("{s:s, s:O, s:{s:b, s:I}}", "jsonrpc", "2.0", "id", id,
                                    "result", "watching", 1, "lines", (json_int_t)back));
    client->line = last - back + 1;
    if (back > 0) {
        lines_send(client);
    }
}

/* --- life --- */

static void handle_closed(uv_handle_t *handle)
{
    struct qnk_admin *admin = handle->data;

    admin->handles--;
    admin_look(admin);
}

static int32_t admin_open(struct qnk_admin *admin)
{
    (void)unlink(admin->path);

    mode_t mask = umask(0117);
    int bound = uv_pipe_bind(&admin->server, admin->path);

    (void)umask(mask);
    if (bound != 0) {
        return bound == UV_EACCES ? QN_DENIED : QN_IO;
    }
    return uv_listen((uv_stream_t *)&admin->server, BACKLOG, client_came) == 0 ? QN_OK : QN_IO;
}

static void nothing_follows(void *ctx)
{
    (void)ctx;
}

int32_t qnk_admin_create(struct qnk_host *host, const char *path, struct qnk_lines *lines,
                         struct qnk_admin **admin)
{
    struct qnk_budget *budget = qnk_host_budget(host);
    struct qnk_admin *it;

    if (strlen(path) >= sizeof it->path) {
        return QN_INVALID;
    }
    it = qnk_memory_take(budget, sizeof *it);
    if (it == NULL) {
        return QN_NO_SPACE;
    }
    it->host = host;
    it->budget = budget;
    it->lines = lines;
    memcpy(it->path, path, strlen(path) + 1);
    if (uv_pipe_init(qnk_host_loop(host), &it->server, 0) == 0) {
        it->server.data = it;
        it->handles++;
    }
    if (uv_async_init(qnk_host_loop(host), &it->more, lines_came) == 0) {
        it->more.data = it;
        it->handles++;
    }
    if (uv_idle_init(qnk_host_loop(host), &it->turn) == 0) {
        it->turn.data = it;
        it->handles++;
    }

    int32_t status = it->handles == 3 ? admin_open(it) : QN_IO;

    if (status != QN_OK) {
        qnk_admin_stop(it, nothing_follows, NULL);
        return status;
    }
    if (lines != NULL) {
        qnk_lines_watch(lines, lines_more, it);
    }
    qnk_host_watch(host, noted, it);
    qnk_refit_watch(host, swapped, it);
    *admin = it;
    return QN_OK;
}

void qnk_admin_stop(struct qnk_admin *admin, void (*closed)(void *ctx), void *ctx)
{
    QN_ASSERT(!admin->is_stopping);
    admin->is_stopping = true;
    admin->closed = closed;
    admin->ctx = ctx;
    if (admin->lines != NULL) {
        qnk_lines_watch(admin->lines, NULL, NULL);
    }
    qnk_host_watch(admin->host, NULL, NULL);
    qnk_refit_watch(admin->host, NULL, NULL);
    for (struct client *client = admin->clients; client != NULL; client = client->next) {
        client_close(client);
    }
    if (admin->server.data != NULL) {
        (void)unlink(admin->path);
        uv_close((uv_handle_t *)&admin->server, handle_closed);
    }
    if (admin->more.data != NULL) {
        uv_close((uv_handle_t *)&admin->more, handle_closed);
    }
    if (admin->turn.data != NULL) {
        uv_close((uv_handle_t *)&admin->turn, handle_closed);
    }
    if (admin->handles == 0) {
        admin_look(admin);
    }
}
