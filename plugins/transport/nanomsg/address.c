/* SPDX-License-Identifier: MIT */

#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char tcp_prefix[] = "tcp://";
static const char ipc_prefix[] = "ipc://";

/* The far end of a way out of any network: TEST-NET-1 of RFC 5737. Nothing is sent there. */
static const char outside[] = "192.0.2.1";

static bool begins_with(struct qn_span text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A name, a number with dots, `*`, or what stands in brackets; nothing that the library would read
 * as the interface to go out by. */
static bool is_host(const char *host)
{
    size_t size = strlen(host);
    bool is_six = size > 2 && host[0] == '[' && host[size - 1] == ']';

    if (size == 0 || strcmp(host, "*") == 0) {
        return size != 0;
    }
    for (size_t i = is_six; i < size - is_six; i++) {
        char c = host[i];

        if (!is_digit(c) && !is_letter(c) && c != '.' &&
            !(is_six ? c == ':' : c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

static bool port_read(const char *text, uint16_t *out)
{
    uint32_t port = 0;
    size_t size = strlen(text);

    if (size == 0 || size > 5) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

union socket_name {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un path;
};

/* Size of the name; 0: the host is not a number. */
static socklen_t name_fill(const char *host, uint16_t port, union socket_name *out)
{
    char six[ADDRESS_SIZE];

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &out->four.sin_addr) == 1) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = htons(port);
        return sizeof out->four;
    }
    if (host[0] != '[') {
        return 0;
    }
    (void)snprintf(six, sizeof six, "%.*s", (int)strcspn(host + 1, "]"), host + 1);
    if (inet_pton(AF_INET6, six, &out->six.sin6_addr) == 1) {
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = htons(port);
        return sizeof out->six;
    }
    return 0;
}

static bool host_write(const union socket_name *from, char host[ADDRESS_SIZE])
{
    char text[INET6_ADDRSTRLEN];

    if (from->any.sa_family == AF_INET) {
        if (inet_ntop(AF_INET, &from->four.sin_addr, text, sizeof text) == NULL) {
            return false;
        }
        (void)snprintf(host, ADDRESS_SIZE, "%s", text);
        return true;
    }
    if (inet_ntop(AF_INET6, &from->six.sin6_addr, text, sizeof text) == NULL) {
        return false;
    }
    (void)snprintf(host, ADDRESS_SIZE, "[%s]", text);
    return true;
}

bool nanomsg_address_tcp(const char *host, uint16_t port, struct address *out)
{
    struct address it = {.scheme = SCHEME_TCP, .port = port};
    union socket_name name;
    char number[ADDRESS_SIZE];

    if (is_host(host) && name_fill(host, port, &name) != 0 && host_write(&name, number)) {
        host = number; /* as all write it */
    }

    it.is_any_host =
        strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0;

    it.is_loopback = strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;

    int size = snprintf(it.host, sizeof it.host, "%s", host);
    int size_whole = snprintf(it.text, sizeof it.text, "tcp://%s:%u", host, (unsigned)port);

    if (!is_host(host) || size < 0 || size_whole < 0 || size_whole >= (int)sizeof it.text) {
        return false;
    }
    *out = it;
    return true;
}

bool nanomsg_address_ipc(const char *path, struct address *out)
{
    struct address it = {.scheme = SCHEME_IPC};
    size_t size = strlen(path);

    if (path[0] != '/' || size >= PATH_SIZE) {
        return false;
    }
    memcpy(it.host, path, size + 1);
    (void)snprintf(it.text, sizeof it.text, "ipc://%.*s", PATH_SIZE - 1, path);
    *out = it;
    return true;
}

bool nanomsg_address_read(struct qn_span from, struct address *out)
{
    char text[ADDRESS_SIZE];
    bool is_ipc = begins_with(from, ipc_prefix);
    size_t skipped = is_ipc || begins_with(from, tcp_prefix) ? strlen(tcp_prefix) : 0;
    uint16_t port;

    if (from.size >= sizeof text || from.size == skipped) {
        return false;
    }
    memcpy(text, from.data + skipped, from.size - skipped);
    text[from.size - skipped] = '\0';
    for (const char *at = text; at < text + (from.size - skipped); at++) {
        if (*at <= ' ' || *at == 0x7F) {
            return false;
        }
    }
    if (is_ipc) {
        return nanomsg_address_ipc(text, out);
    }

    char *colon = strrchr(text, ':');

    if (colon == NULL || !port_read(colon + 1, &port)) {
        return false;
    }
    *colon = '\0';
    return nanomsg_address_tcp(strcmp(text, "localhost") == 0 ? "127.0.0.1" : text, port, out);
}

/* The socket's own name. */
static bool name_get(int fd, union socket_name *out)
{
    socklen_t size = sizeof *out;

    return getsockname(fd, &out->any, &size) == 0;
}

bool nanomsg_address_source(const struct address *target, char host[ADDRESS_SIZE])
{
    union socket_name name;
    socklen_t size = name_fill(target->host, target->port, &name);

    if (size == 0) {
        size = name_fill(outside, target->port, &name);
    }

    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }

    /* A datagram socket that is connected sends nothing, but is bound to where it would. */
    bool is_known =
        connect(fd, &name.any, size) == 0 && name_get(fd, &name) && host_write(&name, host);

    close(fd);
    return is_known;
}

bool nanomsg_port_find(const char *host, uint16_t *port)
{
    union socket_name name;
    socklen_t size = name_fill(strcmp(host, "*") == 0 ? "0.0.0.0" : host, 0, &name);

    if (size == 0) {
        return false;
    }

    int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }

    bool is_found = bind(fd, &name.any, size) == 0 && name_get(fd, &name);

    close(fd);
    if (is_found) {
        *port = ntohs(name.any.sa_family == AF_INET ? name.four.sin_port : name.six.sin6_port);
    }
    return is_found;
}

static void key_fill(const union socket_name *from, struct host_key *out)
{
    struct in6_addr six = IN6ADDR_ANY_INIT;

    if (from->any.sa_family == AF_INET) {
        six.s6_addr[10] = six.s6_addr[11] = 0xFF;
        memcpy(six.s6_addr + 12, &from->four.sin_addr, 4);
    } else if (from->any.sa_family == AF_UNIX) {
        six.s6_addr[15] = 1;
    } else if (IN6_IS_ADDR_V4MAPPED(&from->six.sin6_addr)) {
        six = from->six.sin6_addr;
    } else {
        memcpy(six.s6_addr, &from->six.sin6_addr, 8);
    }
    memcpy(out->bytes, six.s6_addr, sizeof out->bytes);
}

bool nanomsg_address_key(const struct address *address, struct host_key *out)
{
    union socket_name name = {.any = {.sa_family = AF_UNIX}};

    if (address->scheme == SCHEME_TCP && name_fill(address->host, address->port, &name) == 0) {
        return false;
    }
    key_fill(&name, out);
    return true;
}

bool nanomsg_address_is_number(const struct address *address)
{
    union socket_name name;

    return address->scheme == SCHEME_TCP && name_fill(address->host, address->port, &name) != 0 &&
           (name.any.sa_family == AF_INET || !IN6_IS_ADDR_V4MAPPED(&name.six.sin6_addr));
}

bool nanomsg_socket_local(int fd, struct address *out)
{
    union socket_name name = {0};

    if (!name_get(fd, &name)) {
        return false;
    }
    out->port = 0;
    switch (name.any.sa_family) {
    case AF_INET:
    case AF_INET6:
        out->scheme = SCHEME_TCP;
        out->port = ntohs(name.any.sa_family == AF_INET ? name.four.sin_port : name.six.sin6_port);
        return true;
    case AF_UNIX:
        out->scheme = SCHEME_IPC;
        memcpy(out->host, name.path.sun_path, sizeof name.path.sun_path);
        out->host[sizeof name.path.sun_path] = '\0';
        return true;
    default:
        return false;
    }
}

bool nanomsg_socket_far(int fd, struct host_key *out)
{
    union socket_name name = {0};
    socklen_t size = sizeof name;

    if (getpeername(fd, &name.any, &size) != 0) {
        return false;
    }
    if (size <= sizeof name.any.sa_family) {
        name.any.sa_family = AF_UNIX; /* without a name of its own */
    }
    key_fill(&name, out);
    return true;
}
