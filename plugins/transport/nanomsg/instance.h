/* SPDX-License-Identifier: MIT */
#pragma once

/* instance.h: what one instance of the plugin keeps.
 *
 * An endpoint is a PULL socket that is bound to one address: one for each listen(), and one for
 * dials that nobody could answer otherwise. It stays bound, though closed to new links, while
 * links have their way back through it.
 */

#include <qnet/transport.h>

#include "endpoint.h"
#include "link.h"

/* Addresses of an instance. Beyond: refused. Why: qnet.watch/1 takes 64 descriptors in all. */
enum { ENDPOINTS_MAX = 16 };

/* The numbers of its config. The manifest's header, which has all of it, is for nanomsg.c alone: it
 * brings the note, and a plugin has one. */
struct settings {
    int64_t links;
    int64_t queue_frames;
    uint64_t queue;     /* bytes */
    uint64_t heartbeat; /* and the others in milliseconds */
    uint64_t timeout;
    uint64_t dial_timeout;
};

/* Where a link's index stands: in the lowest bits of its id, whose rest counts, and of its half of
 * the id on the way, whose rest is random. */
enum { HALF_INDEX_BITS = 9, ID_INDEX_BITS = 9 };

/* The metric of that name in the manifest. */
enum { METRIC_STRAYS = 1 };

/* Hosts that were dialled, and are remembered. */
enum { DIALLED_MAX = 256 };

/* Between looks at sockets that could not be watched. */
enum { POLL_US = 5000 };

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
    const struct qn_watch_1 *watch;
    struct settings config;
    struct address advertise;
    bool has_advertise;

    struct endpoint endpoints[ENDPOINTS_MAX];
    uint64_t listeners; /* that ever were */
    struct link *links; /* config.links */
    uint32_t links_top; /* above it all are free */
    uint64_t serial;    /* of the next link */

    struct host_key dialled[DIALLED_MAX]; /* ring */
    uint32_t dialled_count;               /* that ever were put there */

    int crowd_top; /* the highest descriptor of the process when crowd_thin() looked */

    uint64_t gave_way_us[2]; /* when a link last did, to a stranger and to who was dialled */

    uint64_t now_us; /* when the running call began */
    uint64_t tick_us;
    uint32_t pushed; /* effects of the running pump */
    bool is_polling; /* a blocked socket could not be watched */
    void *unread;    /* a message for which there was no memory, or NULL */
    uint32_t unread_size, unread_endpoint;
};

static inline void instance_wake(struct qn_inst *inst)
{
    inst->watch->wake(inst->node);
}

/* Remembers that this host was dialled, and says so of the last DIALLED_MAX that were. */
void links_note_dial(struct qn_inst *inst, const struct address *far);
bool links_is_dialled(const struct qn_inst *inst, const struct host_key *host);

/* A free link; NULL: all are in use. */
struct link *links_free(struct qn_inst *inst);

/* Opens a free link; `side` 0 dials. NO_SPACE: no socket or memory. INVALID: the library takes no
 * such address. */
QN_MUST_CHECK int32_t links_begin(struct qn_inst *inst, struct link *link,
                                  const struct address *far, uint8_t side);
