/* SPDX-License-Identifier: MIT */

#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>

#include "instance.h"

/* How often a free port may be lost to somebody else before it can be bound. */
enum { PORT_TRIES = 16 };

static int32_t bind_once(struct endpoint *endpoint, const char **why)
{
    int size_max = WIRE_MAX, four_only = endpoint->address.host[0] != '[';

    if (nn_setsockopt(endpoint->pull, NN_SOL_SOCKET, NN_RCVMAXSIZE, &size_max, sizeof size_max) !=
            0 ||
        nn_setsockopt(endpoint->pull, NN_SOL_SOCKET, NN_IPV4ONLY, &four_only, sizeof four_only) !=
            0) {
        return QN_BUG;
    }
    if (nn_bind(endpoint->pull, endpoint->address.text) >= 0) {
        return QN_OK;
    }

    int error = nn_errno();

    *why = nn_strerror(error);
    if (error == EINVAL || error == ENAMETOOLONG) {
        return QN_INVALID;
    }
    return error == EACCES || error == EPERM ? QN_DENIED : QN_IO;
}

/* A port that was free a moment ago may be somebody else's by now. */
static int32_t bind_free_port(struct endpoint *endpoint, const char **why)
{
    struct address wanted = endpoint->address;
    int32_t status = QN_IO;
    uint16_t port;

    *why = "no free port";
    for (int i = 0; i < PORT_TRIES && status == QN_IO; i++) {
        if (!nanomsg_port_find(wanted.host, &port) ||
            !nanomsg_address_tcp(wanted.host, port, &endpoint->address)) {
            return QN_IO;
        }
        status = bind_once(endpoint, why);
    }
    return status;
}

int32_t endpoint_reopen(struct qn_inst *inst, struct endpoint *endpoint, const char **why)
{
    size_t size = sizeof endpoint->receive_fd;
    int32_t status;

    endpoint->accepted = 0;
    endpoint->pull = nn_socket(AF_SP, NN_PULL);
    if (endpoint->pull < 0) {
        *why = "the library has no more sockets";
        return QN_IO;
    }
    if (endpoint->address.scheme == SCHEME_TCP && endpoint->address.port == 0) {
        status = bind_free_port(endpoint, why);
    } else {
        status = bind_once(endpoint, why);
    }
    if (status == QN_OK && (nn_getsockopt(endpoint->pull, NN_SOL_SOCKET, NN_RCVFD,
                                          &endpoint->receive_fd, &size) != 0 ||
                            inst->watch->watch(inst->node, endpoint->receive_fd, 1) != QN_OK)) {
        *why = "its socket cannot be watched";
        status = QN_IO;
    }
    if (status != QN_OK) {
        nn_close(endpoint->pull);
        endpoint->pull = -1;
    }
    return status;
}

int32_t endpoint_open(struct qn_inst *inst, const struct address *address, uint32_t *index,
                      const char **why)
{
    uint32_t i = 0;

    while (i < ENDPOINTS_MAX && inst->endpoints[i].is_used) {
        i++;
    }
    if (i == ENDPOINTS_MAX) {
        *why = "too many listeners";
        return QN_NO_SPACE;
    }

    struct endpoint it = {.is_used = true, .pull = -1, .address = *address};
    int32_t status = endpoint_reopen(inst, &it, why);

    if (status == QN_OK) {
        inst->endpoints[i] = it;
        *index = i;
    }
    return status;
}

void endpoint_shut(struct qn_inst *inst, struct endpoint *endpoint)
{
    if (endpoint->pull >= 0) {
        int32_t status = inst->watch->watch(inst->node, endpoint->receive_fd, 0);

        QN_ASSERT(status == QN_OK);
        nn_close(endpoint->pull);
        endpoint->pull = -1;
    }
}

/* One that listens where the far end of `target` can come to; ENDPOINTS_MAX: none. */
static uint32_t listening_find(const struct qn_inst *inst, const struct address *target)
{
    bool is_six = target->host[0] == '[';

    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        const struct endpoint *it = &inst->endpoints[i];

        if (it->pull >= 0 && it->listener != 0 && it->address.scheme == target->scheme &&
            (!it->address.is_loopback || target->is_loopback) &&
            (!it->address.is_any_host || !is_six || it->address.host[0] == '[')) {
            return i;
        }
    }
    return ENDPOINTS_MAX;
}

/* One that was bound for way backs alone, at this host. */
static uint32_t hidden_find(const struct qn_inst *inst, const char *host)
{
    uint32_t i = 0;

    while (i < ENDPOINTS_MAX &&
           (inst->endpoints[i].pull < 0 || inst->endpoints[i].address.scheme != SCHEME_TCP ||
            inst->endpoints[i].listener != 0 ||
            strcmp(inst->endpoints[i].address.host, host) != 0)) {
        i++;
    }
    return i;
}

static int32_t way_back_tcp(struct qn_inst *inst, const struct address *target, uint32_t *index,
                            struct address *out, const char **why)
{
    uint32_t found = listening_find(inst, target);
    char host[ADDRESS_SIZE];

    if (found < ENDPOINTS_MAX) {
        const struct address *listening = &inst->endpoints[found].address;

        *index = found;
        if (inst->has_advertise || !listening->is_any_host) {
            *out = inst->has_advertise ? inst->advertise : *listening;
            return QN_OK;
        }
    }
    if (!nanomsg_address_source(target, host)) {
        *why = "no route there; or say in 'advertise' where peers reach this node";
        return QN_IO;
    }
    if (found < ENDPOINTS_MAX) {
        return nanomsg_address_tcp(host, inst->endpoints[found].address.port, out) ? QN_OK : QN_IO;
    }
    *index = hidden_find(inst, host);
    if (*index == ENDPOINTS_MAX) {
        struct address wanted;

        if (!nanomsg_address_tcp(host, 0, &wanted)) {
            return QN_IO;
        }

        int32_t status = endpoint_open(inst, &wanted, index, why);

        if (status != QN_OK) {
            return QN_IO;
        }
    }
    *out = inst->endpoints[*index].address;
    return QN_OK;
}

/* A path in the instance's own folder, or beside the target if that is not offered or too long. */
static bool path_make(const struct qn_inst *inst, const struct address *target, struct address *out)
{
    const struct qn_files_1 *files = inst->host->extension(inst->node, "qnet.files/1");
    const char *folder = files != NULL ? files->folder(inst->node) : NULL;
    char path[PATH_SIZE];
    uint32_t chance;

    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) {
        return false;
    }
    if (folder != NULL) {
        int size = snprintf(path, sizeof path, "%s/back-%08x", folder, chance);

        if (size > 0 && size < (int)sizeof path) {
            return nanomsg_address_ipc(path, out);
        }
    }

    int size = snprintf(path, sizeof path, "%s.%08x", target->host, chance);

    return size > 0 && size < (int)sizeof path && nanomsg_address_ipc(path, out);
}

int32_t endpoint_way_back(struct qn_inst *inst, const struct address *target, uint32_t *index,
                          struct address *out, const char **why)
{
    struct address wanted;

    *why = "no address to answer to";
    if (target->scheme == SCHEME_TCP) {
        return way_back_tcp(inst, target, index, out, why);
    }
    *index = listening_find(inst, target);
    if (*index == ENDPOINTS_MAX) {
        for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) { /* one of before will do */
            if (inst->endpoints[i].pull >= 0 && inst->endpoints[i].address.scheme == SCHEME_IPC) {
                *index = i;
            }
        }
    }
    if (*index == ENDPOINTS_MAX &&
        (!path_make(inst, target, &wanted) || endpoint_open(inst, &wanted, index, why) != QN_OK)) {
        return QN_IO;
    }
    *out = inst->endpoints[*index].address;
    return QN_OK;
}
