/* SPDX-License-Identifier: MIT */

#include "crowd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <nanomsg/nn.h>

#include "instance.h"

enum {
    STRANGERS_PER_HOST = 8, /* greetings on their way, and those who are known by another address */
    STRANGERS_LEAST = 16,   /* of all hosts; else as many as there may be links */
    HOSTS_MAX = 1024,       /* with a link, or a stranger that stays */
    GAP_MAX = 64,           /* numbers in a row without a descriptor: there are no more */
};

_Static_assert(HOSTS_MAX >= 2 << HALF_INDEX_BITS, "every link and stranger may be another host's");

struct crowd {
    struct {
        struct host_key key;
        uint32_t links, seen;
    } hosts[HOSTS_MAX];
    uint32_t hosts_count;
    uint32_t strangers, strangers_max;
};

/* The place of a host, made if need be; HOSTS_MAX: none is left. */
static uint32_t host_find(struct crowd *crowd, const struct host_key *key)
{
    uint32_t i = 0;

    while (i < crowd->hosts_count && memcmp(&crowd->hosts[i].key, key, sizeof *key) != 0) {
        i++;
    }
    if (i == crowd->hosts_count && i < HOSTS_MAX) {
        crowd->hosts[i].key = *key;
        crowd->hosts[i].links = 0;
        crowd->hosts[i].seen = 0;
        crowd->hosts_count++;
    }
    return i;
}

static void links_count(const struct qn_inst *self, struct crowd *crowd)
{
    struct host_key key;

    for (uint32_t i = 0; i < self->links_top; i++) {
        const struct link *it = &self->links[i];

        if (it->state != LINK_FREE && nanomsg_address_key(&it->far, &key)) {
            crowd->hosts[host_find(crowd, &key)].links++;
        }
    }
}

/* Whether a connection from there may stay. */
static bool may_stay(struct crowd *crowd, const struct host_key *key)
{
    bool is_full = crowd->strangers >= crowd->strangers_max;
    uint32_t known = crowd->hosts_count, i = host_find(crowd, key);

    QN_ASSERT(i < HOSTS_MAX);
    if (crowd->hosts[i].seen < crowd->hosts[i].links) {
        crowd->hosts[i].seen++;
        return true;
    }
    if (is_full || crowd->hosts[i].seen >= crowd->hosts[i].links + STRANGERS_PER_HOST) {
        crowd->hosts_count = known; /* a host with none is none */
        return false;
    }
    crowd->hosts[i].seen++;
    crowd->strangers++;
    return true;
}

/* Whether the library accepted this at one of the endpoints; then who is at its far end. */
static bool is_accepted(const struct qn_inst *self, int fd, struct host_key *far)
{
    struct address local;

    if (!nanomsg_socket_local(fd, &local)) {
        return false;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        const struct endpoint *it = &self->endpoints[i];

        if (it->pull >= 0 && it->address.scheme == local.scheme && it->address.port == local.port &&
            (local.scheme == SCHEME_TCP || strcmp(it->address.host, local.host) == 0)) {
            return nanomsg_socket_far(fd, far);
        }
    }
    return false;
}

/* Whether anybody came since the last time. */
static bool has_grown(struct qn_inst *self)
{
    bool has_grown = false;

    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        struct endpoint *it = &self->endpoints[i];

        if (it->pull >= 0) {
            uint64_t accepted = nn_get_statistic(it->pull, NN_STAT_ACCEPTED_CONNECTIONS);

            has_grown |= accepted != it->accepted;
            it->accepted = accepted;
        }
    }
    return has_grown;
}

void crowd_thin(struct qn_inst *self)
{
    uint32_t links = (uint32_t)self->config.links;
    struct crowd crowd;
    struct host_key far;
    int top = 0;

    if (!has_grown(self)) {
        return;
    }
    crowd.hosts_count = 0;
    crowd.strangers = 0;
    crowd.strangers_max = links > STRANGERS_LEAST ? links : STRANGERS_LEAST;
    links_count(self, &crowd);
    /* Numbers are given from the lowest on, but those that were cut last time leave a gap. */
    for (int fd = 0, gap = 0; gap < GAP_MAX || fd <= self->crowd_top; fd++) {
        errno = 0;
        if (is_accepted(self, fd, &far) && !may_stay(&crowd, &far)) {
            (void)shutdown(fd, SHUT_RDWR);
        }
        gap = errno == EBADF ? gap + 1 : 0;
        top = gap == 0 ? fd : top;
    }
    self->crowd_top = top;
}
