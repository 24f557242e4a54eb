/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct ucred */

#include "kernel/qnet/client.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/host/datadir.h"

enum { NODES_MAX = 256, READ_SIZE = 65536 };

struct qnk_budget qnk_client_budget = {.limit = 1 << 30};

/* The folder that nodes have theirs in. */
static bool runtime_folder(char folder[QNK_CLIENT_PATH])
{
    struct qnk_datadir dir;
    char *slash;

    if (qnk_datadir_find(&dir, "x", "") != QN_OK || (slash = strrchr(dir.runtime, '/')) == NULL ||
        (size_t)(slash - dir.runtime) >= QNK_CLIENT_PATH) {
        return false;
    }
    snprintf(folder, QNK_CLIENT_PATH, "%.*s", (int)(slash - dir.runtime), dir.runtime);
    return true;
}

static bool socket_path(const char *name, char path[QNK_CLIENT_PATH])
{
    char folder[QNK_CLIENT_PATH];

    return runtime_folder(folder) &&
           snprintf(path, QNK_CLIENT_PATH, "%s/%s/admin.sock", folder, name) < QNK_CLIENT_PATH;
}

bool qnk_client_connect(struct qnk_client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *client = (struct qnk_client){.fd = -1};
    qnk_sink_init(&client->input, &qnk_client_budget, QNK_CLIENT_LINE_MAX);
    if (strlen(path) >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (client->fd < 0) {
        return false;
    }
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(client->fd);
        client->fd = -1;
        return false;
    }
    return true;
}

void qnk_client_limit(struct qnk_client *client, uint32_t seconds)
{
    const struct timeval limit = {.tv_sec = (time_t)seconds};

    (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

bool qnk_client_owner(const struct qnk_client *client, uid_t *owner)
{
    struct ucred who;
    socklen_t size = sizeof who;

    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || size != sizeof who) {
        return false;
    }
    *owner = who.uid;
    return true;
}

void qnk_client_close(struct qnk_client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
        qnk_sink_done(&client->input);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool answers(const char *name)
{
    struct qnk_client client;
    char path[QNK_CLIENT_PATH];

    if (!socket_path(name, path) || !qnk_client_connect(&client, path)) {
        return false;
    }
    qnk_client_close(&client);
    return true;
}

/* Names of nodes that answer, ascending; gives how many. */
static uint32_t nodes_find(char (*names)[QNK_CLIENT_NAME])
{
    char folder[QNK_CLIENT_PATH];
    DIR *dir = runtime_folder(folder) ? opendir(folder) : NULL;
    const struct dirent *entry;
    uint32_t found = 0;

    while (dir != NULL && found < NODES_MAX && (entry = readdir(dir)) != NULL) {
        size_t size = strlen(entry->d_name);

        if (entry->d_name[0] != '.' && size < QNK_CLIENT_NAME && answers(entry->d_name)) {
            memcpy(names[found++], entry->d_name, size + 1);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    qsort(names, found, sizeof *names, by_name);
    return found;
}

/* The node's name when none was given. */
static int node_choose(char name[QNK_CLIENT_NAME])
{
    static char names[NODES_MAX][QNK_CLIENT_NAME];
    uint32_t count = nodes_find(names);

    if (count == 0) {
        fprintf(stderr, "qnet: no node runs here\n  qnet dev, or qnet run -c node.yaml\n");
        return QNK_CLI_UNREACHABLE;
    }
    snprintf(name, QNK_CLIENT_NAME, "%s", names[0]);
    for (uint32_t i = 0; i < count && count > 1; i++) {
        if (strcmp(names[i], "v1") == 0) {
            snprintf(name, QNK_CLIENT_NAME, "v1");
            return QNK_CLI_OK;
        }
    }
    if (count == 1) {
        return QNK_CLI_OK;
    }
    fprintf(stderr, "qnet: which node?\n");
    for (uint32_t i = 0; i < count; i++) {
        fprintf(stderr, "  qnet -n %s ...\n", names[i]);
    }
    return QNK_CLI_USAGE;
}

int qnk_client_open(struct qnk_client *client, const struct qnk_call *call)
{
    const char *given = call->node != NULL ? call->node : getenv("QNET_NODE");
    char name[QNK_CLIENT_NAME], path[QNK_CLIENT_PATH];

    *client = (struct qnk_client){.fd = -1};
    if (given == NULL || *given == 0) {
        int status = node_choose(name);

        if (status != QNK_CLI_OK) {
            return status;
        }
    } else if (snprintf(name, sizeof name, "%s", given) >= (int)sizeof name) {
        fprintf(stderr, "qnet: no node has so long a name\n");
        return QNK_CLI_USAGE;
    }
    if (!socket_path(name, path) || !qnk_client_connect(client, path)) {
        fprintf(stderr, "qnet: node '%s' does not answer at %s\n", name, path);
        return QNK_CLI_UNREACHABLE;
    }
    snprintf(client->name, sizeof client->name, "%s", name);
    return QNK_CLI_OK;
}

/* Reads on until a whole line is at the front. NULL: the end. */
static const uint8_t *line_end(struct qnk_client *client)
{
    uint64_t seen = 0;

    for (;;) {
        const uint8_t *end = client->input.size > seen ? memchr(client->input.data + seen, '\n',
                                                                client->input.size - seen)
                                                       : NULL;
        uint8_t *room;
        ssize_t size;

        if (end != NULL) {
            return end;
        }
        seen = client->input.size;
        room = qnk_sink_room(&client->input, READ_SIZE);
        size = room == NULL ? -1 : read(client->fd, room, READ_SIZE);
        if (size <= 0) {
            return NULL;
        }
        qnk_sink_commit(&client->input, (uint64_t)size);
    }
}

/* Reads one document. NULL: the end, or bytes that are none. */
static json_t *line_read(struct qnk_client *client)
{
    const uint8_t *end;

    if (client->taken > 0) {
        memmove(client->input.data, client->input.data + client->taken,
                client->input.size - client->taken);
        qnk_sink_cut(&client->input, client->input.size - client->taken);
        client->taken = 0;
    }
    end = line_end(client);
    if (end == NULL) {
        return NULL;
    }
    client->taken = (uint64_t)(end - client->input.data) + 1;
    return json_loadb((const char *)client->input.data, client->taken, 0, NULL);
}

static int bytes_write(const char *bytes, size_t size, void *ctx)
{
    const struct qnk_client *client = ctx;

    while (size > 0) {
        ssize_t written = send(client->fd, bytes, size, MSG_NOSIGNAL);

        if (written <= 0) {
            return -1;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static bool line_write(struct qnk_client *client, json_t *document)
{
    bool is_done = json_dump_callback(document, bytes_write, client, JSON_COMPACT) == 0 &&
                   bytes_write("\n", 1, client) == 0;

    json_decref(document);
    return is_done;
}

/* The answer to call `id`; events that come between are dropped. */
static json_t *answer_read(struct qnk_client *client, uint64_t id)
{
    json_t *document;

    while ((document = line_read(client)) != NULL) {
        if (json_integer_value(json_object_get(document, "id")) == (json_int_t)id) {
            return document;
        }
        json_decref(document);
    }
    return NULL;
}

static int exit_of(const json_t *error)
{
    json_int_t code = json_integer_value(json_object_get(error, "code"));

    return code > 0 && code < 128 ? (int)code : code == -32602 ? QNK_CLI_USAGE : QNK_CLI_FAILED;
}

json_t *qnk_client_try(struct qnk_client *client, const char *method, json_t *params,
                       int *exit_code, json_t **error)
{
    uint64_t id = ++client->calls;
    json_t *request =
        json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)id, "method", method,
                  "params", params == NULL ? json_object() : params);
    json_t *document = line_write(client, request) ? answer_read(client, id) : NULL;
    json_t *result = json_incref(json_object_get(document, "result"));

    *exit_code = QNK_CLI_OK;
    *error = NULL;
    if (document == NULL) {
        *exit_code = QNK_CLI_UNREACHABLE;
    } else if (result == NULL) {
        *error = json_incref(json_object_get(document, "error"));
        *exit_code = exit_of(*error);
    }
    json_decref(document);
    return result;
}

json_t *qnk_client_ask(struct qnk_client *client, const char *method, json_t *params,
                       int *exit_code)
{
    json_t *error;
    json_t *result = qnk_client_try(client, method, params, exit_code, &error);

    if (result == NULL && error == NULL) {
        fprintf(stderr, "qnet: the node hung up\n");
    } else if (result == NULL) {
        const char *words = json_string_value(json_object_get(error, "message"));
        const char *hint =
            json_string_value(json_object_get(json_object_get(error, "data"), "hint"));

        fprintf(stderr, "qnet: %s\n", words == NULL ? "the node says no" : words);
        if (hint != NULL) {
            fprintf(stderr, "  %s\n", hint);
        }
    }
    json_decref(error);
    return result;
}

json_t *qnk_client_event(struct qnk_client *client)
{
    json_t *document;

    while ((document = line_read(client)) != NULL) {
        json_t *params = json_incref(json_object_get(document, "params"));

        json_decref(document);
        if (params != NULL) {
            return params;
        }
    }
    return NULL;
}

json_t *qnk_ask_once(const struct qnk_call *call, const char *method, json_t *params,
                     int *exit_code)
{
    struct qnk_client client;
    json_t *answer = NULL;

    *exit_code = qnk_client_open(&client, call);
    if (*exit_code == QNK_CLI_OK) {
        answer = qnk_client_ask(&client, method, params, exit_code);
    } else {
        json_decref(params);
    }
    qnk_client_close(&client);
    return answer;
}
