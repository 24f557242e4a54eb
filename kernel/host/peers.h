/* SPDX-License-Identifier: MIT */
#pragma once

/* peers.h: the nodes that this one is connected with: links that become sessions, lanes, limits.
 *
 * Lies over a transport, whose pump it alone calls. It dials known peers and accepts strangers,
 * lets each link prove whose it is, and then carries frames: sealed, packed where that pays, the
 * urgent first. At any time there is at most one peer for a key. What a peer may cost is bounded:
 * links, bytes read (by credit, so the sender feels it), requests (refused in words), queues.
 *
 * A peer that does not drain its lanes loses transactions first, then what it can ask for again;
 * only when even votes do not fit, or nothing moves for QNK_PEERS_STALL_US, its link is dropped.
 * Whatever is lost is counted, and shown by qnk_peers_list.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, microseconds since 1970, never falling
 *   owns     setup is copied, but what its pointers to budget, log and plugins lead to
 *   threads  the host's loop. up, down and frame are called from within pump and tick only, never
 *            from within send, score or the operator's functions
 *   cost     a frame is sealed or opened once, and packed or unpacked at most once
 *   errors   a peer's wrongdoing is scored, never returned
 *
 * Source: chain.md "Peers", "Limits"; operations.md 4 "Mismatch".
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/base/hash.h"
#include "kernel/base/log.h"
#include "kernel/base/memory.h"
#include "kernel/chain/wire.h"
#include "kernel/config/node_file.h"
#include "kernel/host/session.h"
#include "kernel/node/effect.h"
#include "kernel/node/setup.h"

#define QNK_PEERS_STALL_US     UINT64_C(30000000) /* a queue that does not move: dropped */
#define QNK_PEERS_SILENCE_US   UINT64_C(20000000) /* nothing heard though we read: dropped */
#define QNK_PEERS_HANDSHAKE_US UINT64_C(5000000)  /* a link that does not say who it is: dropped */

/* What a peers object takes of its budget for itself, frames in flight apart: to size a budget. */
#define QNK_PEERS_MEMORY(peers_max) (UINT64_C(2097152) + (uint64_t)(peers_max)*262144)

struct qnk_peers;

struct qnk_peers_setup {
    struct qnk_budget *budget;
    struct qnk_log_part *log;
    struct qnk_plugged transport;
    struct qnk_plugged compression; /* table NULL: nothing is packed */
    uint32_t compression_lane;      /* of the plugin, ours alone */
    const char *compressor;         /* its name, as the handshake says it */
    struct qnk_hash chain_id;
    const uint8_t *node_seed;        /* 32, Ed25519; used by create only */
    const struct qnk_signer *signer; /* of the validator's key; NULL: none. Outlives peers */
    struct qnk_hash validator;
    const struct qnk_node_peer *known;
    uint32_t known_count;
    const char *listen;           /* NULL or "": only dials */
    uint32_t node_type;           /* enum qnk_node_type */
    uint32_t peers_max;           /* sessions at once */
    uint32_t peers_per_address;   /* sessions of strangers; known peers do not count */
    uint64_t bytes_per_second;    /* read from each peer; 0: no limit */
    uint32_t requests_per_second; /* answered to each peer; 0: no limit */
    void *ctx;
    /* `peer` is a number that is never used again; of its keys that of a validator may be zero. */
    void (*up)(void *ctx, uint32_t peer, const struct qnk_session_peer *is, bool outgoing);
    void (*down)(void *ctx, uint32_t peer);
    /* The body is plain and lies in `buf`; both are borrowed, who keeps the buf refs it. */
    void (*frame)(void *ctx, uint32_t peer, const struct qnk_frame *head, struct qn_buf *buf);
};

/* QN_NO_SPACE: over the budget. QN_INVALID: a known key twice, an address that is too long. */
QN_MUST_CHECK int32_t qnk_peers_create(const struct qnk_peers_setup *setup,
                                       struct qnk_peers **peers);

/* Listens, and dials from the next tick on. Fails as the transport's listen does; that it cannot
 * listen after all (the address is in use) is known later: qnk_peers_listening. */
QN_MUST_CHECK int32_t qnk_peers_start(struct qnk_peers *peers, uint64_t now_us);

/* To be called when the transport asked for it: descriptor, wake, timer. True: more is waiting. */
bool qnk_peers_pump(struct qnk_peers *peers, uint64_t now_us);

/* To be called about every 100 ms: dials, deadlines, credit, decay. */
void qnk_peers_tick(struct qnk_peers *peers, uint64_t now_us);

/* A frame to a peer; the body is `head` and then `body`, together up to QNK_FRAME_PLAIN_MAX. Takes
 * references of its own; a body without owner is copied. To a peer that is not there: nothing. */
void qnk_peers_send(struct qnk_peers *peers, uint32_t peer, uint8_t lane, uint8_t type,
                    uint32_t request, struct qn_buf *head, struct qn_slice body);

/* Whether that lane of the peer is at most half full: what paces long answers. */
bool qnk_peers_has_room(const struct qnk_peers *peers, uint32_t peer, uint8_t lane);

/* What the core found against a peer: enum qnk_fault. Enough of it is a ban. */
void qnk_peers_score(struct qnk_peers *peers, uint32_t peer, uint32_t fault);

/* Says farewell on every link and stops listening; down follows within, for each peer. */
void qnk_peers_stop(struct qnk_peers *peers, uint64_t now_us);

/* NULL is allowed. Stops first where that was not done. The transport may still hold bufs. */
void qnk_peers_destroy(struct qnk_peers *peers);

/* Packs by another compressor from here on; peers that have it too hear of it. QN_NO_SPACE: too
 * many others have been in use since the start. */
QN_MUST_CHECK int32_t qnk_peers_compress(struct qnk_peers *peers, const char *name,
                                         const struct qnk_plugged *compression, uint64_t now_us);

/* Whether a compressor of this name could still come into use. */
bool qnk_peers_has_compressor_room(const struct qnk_peers *peers, const char *name);

/* --- looking --- */

/* QN_AGAIN: not known yet. QN_OK: listening, `address` is the real one; it has
 * QN_TRANSPORT_ADDRESS_MAX + 1 bytes. QN_NOT_FOUND: no listener was wanted. QN_IO: it failed, and
 * is tried again; the log says why. */
QN_MUST_CHECK int32_t qnk_peers_listening(const struct qnk_peers *peers, char *address);

enum qnk_peer_state {
    QNK_PEER_AWAY,    /* known and not connected; dialled again when its time comes */
    QNK_PEER_DIALLED, /* the transport tries */
    QNK_PEER_PROVING, /* linked, in the handshake */
    QNK_PEER_UP,
    QNK_PEER_BANNED,
};

enum { QNK_PEER_ADDRESS_SIZE = 257, QNK_PEER_REASON_SIZE = 160 };

struct qnk_peer_view {
    uint32_t peer; /* number; 0: not up */
    struct qnk_hash key;
    char address[QNK_PEER_ADDRESS_SIZE]; /* of the link, else where it is dialled; may be "" */
    uint32_t state;                      /* enum qnk_peer_state */
    uint32_t node_type;                  /* as it said; 0: not yet */
    bool is_known;                       /* named by the operator */
    bool is_outgoing;
    bool is_packing;              /* it has the compressor that packs now */
    uint32_t score;               /* 0 good .. 100 banned; falls with time */
    uint64_t since_us;            /* of the state */
    uint64_t banned_until_us;     /* 0: not banned */
    uint64_t rtt_us;              /* 0: not measured yet */
    uint64_t bytes_in, bytes_out; /* sealed, of this link */
    uint64_t frames_in, frames_out;
    uint64_t refused;           /* requests over the limit */
    uint32_t queued[QNK_LANES]; /* frames that wait */
    uint64_t queued_bytes[QNK_LANES];
    uint64_t dropped[QNK_LANES];       /* frames that did not fit, of this link */
    char reason[QNK_PEER_REASON_SIZE]; /* of the last failure or ban; may be "" */
};

/* Known, connected and banned peers; gives how many were written. */
uint32_t qnk_peers_list(const struct qnk_peers *peers, struct qnk_peer_view *views, uint32_t max);

/* Since the start, for metrics. */
struct qnk_peers_counters {
    uint64_t dials, dials_failed, accepts, refused; /* links; refused: before a handshake */
    uint64_t handshakes, handshakes_failed, duplicates, bans;
    uint64_t bytes_in, bytes_out;
    uint64_t frames_in[QNK_LANES], frames_out[QNK_LANES], dropped[QNK_LANES];
    uint64_t plain_out[QNK_LANES]; /* bytes of frames that went out, before packing and sealing */
    uint64_t packed_plain, packed_size; /* bytes before and after packing, of packed frames sent */
    uint64_t malformed;                 /* frames whose bytes were none, bombs among them */
    uint64_t requests_refused;
    uint64_t no_memory; /* links dropped as the budget had no room for a frame */
};

const struct qnk_peers_counters *qnk_peers_counters(const struct qnk_peers *peers);

/* --- the operator --- */

/* Makes a peer known, or gives a known one another address. QN_INVALID: the address is too long or
 * empty, or the key is our own. QN_NO_SPACE: too many are known. */
QN_MUST_CHECK int32_t qnk_peers_add(struct qnk_peers *peers, const struct qnk_hash *key,
                                    const char *address);

/* Forgets that it was known, and drops its link. QN_NOT_FOUND: it was not. */
QN_MUST_CHECK int32_t qnk_peers_remove(struct qnk_peers *peers, const struct qnk_hash *key);

/* Drops its link, and refuses it for so long; `seconds` 0: until unban. QN_NO_SPACE: too many are
 * banned. QN_INVALID: the key is our own. */
QN_MUST_CHECK int32_t qnk_peers_ban(struct qnk_peers *peers, const struct qnk_hash *key,
                                    uint64_t seconds, const char *reason);

/* QN_NOT_FOUND: it is not banned. */
QN_MUST_CHECK int32_t qnk_peers_unban(struct qnk_peers *peers, const struct qnk_hash *key);
