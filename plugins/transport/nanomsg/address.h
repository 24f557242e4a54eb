/* SPDX-License-Identifier: MIT */
#pragma once

/* address.h: addresses of this transport, tcp://HOST:PORT and ipc://PATH, and the node's own place
 * in the network.
 *
 * Unless a function's own comment says otherwise:
 *   owns     addresses are copied
 *   threads  any
 *   cost     a few system calls at most; never waits, and resolves no name
 *   errors   false: outputs are as they were
 */

#include <qnet/transport.h>

/* With the zero. Why: NN_SOCKADDR_MAX of the library, and sun_path of the system. */
enum { ADDRESS_SIZE = 128, PATH_SIZE = 108 };

enum scheme { SCHEME_TCP, SCHEME_IPC };

struct address {
    enum scheme scheme;
    char text[ADDRESS_SIZE]; /* the whole, with its scheme */
    char host[ADDRESS_SIZE]; /* tcp: with brackets around IPv6; ipc: the path */
    uint16_t port;           /* tcp; 0: any that is free */
    bool is_any_host;        /* tcp: all of this machine's addresses */
    bool is_loopback;        /* tcp: nobody else reaches it */
};

/* Reads an address; without a scheme it is tcp. */
bool nanomsg_address_read(struct qn_span from, struct address *out);

/* A tcp address of `host` with `port`; or an ipc address of an absolute path. */
bool nanomsg_address_tcp(const char *host, uint16_t port, struct address *out);
bool nanomsg_address_ipc(const char *path, struct address *out);

/* This machine's own address on the way to `target`, as its host: the system knows the route. For
 * a name it is the address on the way out of this network. */
bool nanomsg_address_source(const struct address *target, char host[ADDRESS_SIZE]);

/* A host as far as it counts alone: an IPv4 address, or 64 bits of an IPv6 address, as whoever has
 * one of those has all of them. All of ipc is one. */
struct host_key {
    uint8_t bytes[16];
};

/* False: a name, which is not resolved. */
bool nanomsg_address_key(const struct address *address, struct host_key *out);

/* Whether it is tcp to a host that is a number, and so one that has no other way to be written:
 * numbers are read into one form, and no IPv4 address in the form of an IPv6 one is among them. */
bool nanomsg_address_is_number(const struct address *address);

/* Where a socket of the process is bound: with scheme, port, and the path if it is ipc. False: it
 * is none, with EBADF in errno if there is no such descriptor. */
bool nanomsg_socket_local(int fd, struct address *out);

/* Who is at its far end; false: nobody. */
bool nanomsg_socket_far(int fd, struct host_key *out);

/* A port of `host` that is free now. */
bool nanomsg_port_find(const char *host, uint16_t *port);
