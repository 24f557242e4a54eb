/* SPDX-License-Identifier: MIT */
#pragma once

/* session.h: who is at the other end of a link, and a sealed stream of frames with it.
 *
 * A state machine over frames of bytes, without I/O. Each side says hello (version, network, node
 * key, features, an ephemeral key), then proves that it has the node key by a signature over both
 * hellos, which is the first message of its sealed stream: so that one step shows that the key is
 * its own, that both saw the same hellos and that both have the session's keys. Whoever refuses
 * says why. Roles (dialler, listener) are signed, so nothing sent can be sent back; ephemeral keys
 * make that nothing of an older session fits. A validator's node signs the same with that key too:
 * who is a member is not a matter of what somebody says.
 *
 *     hello     "qnet" 1, version u16, role u8, node type u8, features u64, chain id 32, key 32,
 *               ephemeral key 32, count u8, that many compressors: size u8 and name
 *     proof     "qnet" 2, stream header 24, sealed (signature 64, validator key 32, its signature
 *               64; both all zero: none)
 *     refusal   "qnet" 3, code u8, text; in clear, so it is a hint and no more
 *
 * All other versions will keep what stands before the version, and refusals.
 *
 * After that, one transport frame is one sealed message: data, a signal (the links' own upkeep) or
 * a farewell, which ends the stream. A message out of order, twice or changed ends the session.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian
 *   owns     bytes are the caller's; an identity must outlive its sessions
 *   threads  one at a time for a session
 *   cost     a handshake is about 300 us, one signature and one check, and one more of each for a
 *            validator key; a message is linear; allocates nothing
 *   errors   QN_PEER: the session is over, and `end` says why
 *
 * The process has called sodium_init().
 * Source: chain.md "Peers"; libsodium 1.0.18, crypto_kx and crypto_secretstream.
 */

#include <sodium.h>

#include <stdbool.h>

#include "kernel/base/hash.h"
#include "kernel/chain/wire.h"
#include "kernel/host/signer.h"

enum {
    QNK_SESSION_VERSION = 2,
    QNK_SESSION_COMPRESSORS_MAX = 8, /* in a hello */
    QNK_SESSION_NAME_MAX = 32,       /* bytes of a compressor's name */
    QNK_SESSION_TEXT_MAX = 159,      /* bytes of a reason; a longer one is cut */
    QNK_SESSION_HANDSHAKE_MAX = 512, /* bytes of a frame before the session is open */
    QNK_SESSION_SEAL = 17,           /* bytes that sealing adds: a tag before, a check after */
    /* After so many messages or bytes the sender takes the next key. */
    QNK_SESSION_REKEY_MESSAGES = 65536,
    QNK_SESSION_REKEY_BYTES = 268435456,
};

_Static_assert(QNK_SESSION_SEAL == crypto_secretstream_xchacha20poly1305_ABYTES, "of libsodium");
_Static_assert(QNK_FRAME_PLAIN_MAX + QNK_FRAME_HEAD_SIZE + QNK_SESSION_SEAL <= 1048576,
               "a full frame fits into a transport's");

/* Why a session or a link ended; sent as one byte. */
enum qnk_session_code {
    QNK_SESSION_NO_CODE,
    QNK_SESSION_MALFORMED, /* bytes that are no message */
    QNK_SESSION_OTHER_VERSION,
    QNK_SESSION_OTHER_CHAIN,
    QNK_SESSION_OTHER_KEY, /* not the key that is pinned to the address that was dialled */
    QNK_SESSION_OURSELVES, /* the key is our own */
    QNK_SESSION_UNPROVEN,  /* the signature or the seal is wrong */
    QNK_SESSION_BANNED,
    QNK_SESSION_FULL,      /* of peers, or of peers at that address */
    QNK_SESSION_DUPLICATE, /* another link with the same peer stays */
    QNK_SESSION_SLOW,      /* said nothing, or does not drain its queue */
    QNK_SESSION_STOPPING,
    QNK_SESSION_REMOVED, /* by the operator */
    QNK_SESSION_CODES
};

struct qnk_session_end {
    enum qnk_session_code code;
    bool by_peer; /* it refused us: `text` is its words */
    char text[QNK_SESSION_TEXT_MAX + 1];
};

/* What all sessions of a node say. Compressors may be added while sessions are open: each goes on
 * with those that its hello named. */
struct qnk_session_identity {
    struct qnk_hash chain_id;
    uint8_t key[QN_KEY_SIZE];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    const struct qnk_signer *signer; /* of `validator`; NULL: none */
    struct qnk_hash validator;
    uint8_t node_type;
    uint8_t compressors_count;
    const char *compressors[QNK_SESSION_COMPRESSORS_MAX]; /* best first */
};

/* `compressor` may be NULL or "". */
void qnk_session_identity_init(struct qnk_session_identity *identity,
                               const struct qnk_hash *chain_id, const uint8_t *seed,
                               uint8_t node_type, const char *compressor);

/* From here on sessions prove this validator key too. The signer must outlive them; NULL: none. */
void qnk_session_identity_validator(struct qnk_session_identity *identity,
                                    const struct qnk_signer *signer,
                                    const struct qnk_hash *validator);
void qnk_session_identity_done(struct qnk_session_identity *identity);

enum qnk_session_state {
    QNK_SESSION_GREETING, /* waits for the peer's hello */
    QNK_SESSION_PROVING,  /* `peer` is what it claims to be; waits for the proof */
    QNK_SESSION_OPEN,     /* `peer` is true */
    QNK_SESSION_OVER,
};

struct qnk_session_peer {
    struct qnk_hash key;
    struct qnk_hash validator; /* a key that it has as well; all zero: none */
    uint8_t node_type;
    uint64_t features; /* none has a meaning yet; unknown ones are no fault */
    /* Compressors that both have, in the dialler's order: the place in the own list of each. A
     * frame's packing p says agreed[p - 1]. */
    uint8_t agreed_count;
    uint8_t agreed[QNK_SESSION_COMPRESSORS_MAX];
};

struct qnk_session_frame {
    uint64_t size; /* 0: nothing is to be sent */
    uint8_t bytes[QNK_SESSION_HANDSHAKE_MAX];
};

struct qnk_session {
    const struct qnk_session_identity *identity;
    enum qnk_session_state state;
    bool is_dialler;
    uint8_t offered; /* of the own compressors: those that the hello names */
    bool has_expected;
    struct qnk_hash expected; /* key of who was dialled */
    struct qnk_session_peer peer;
    struct qnk_session_end end;
    uint8_t ephemeral[crypto_kx_PUBLICKEYBYTES];
    uint8_t ephemeral_secret[crypto_kx_SECRETKEYBYTES];
    struct qnk_session_frame hello; /* the own one */
    struct qnk_hash transcript;     /* of both hellos, the dialler's first */
    crypto_secretstream_xchacha20poly1305_state push;
    crypto_secretstream_xchacha20poly1305_state pull;
    uint64_t messages; /* since the last key */
    uint64_t bytes;
};

/* `expected`: the key that must answer; NULL: whoever it is. `chance`: 32 unpredictable bytes.
 * `hello` in the session is the first frame to send, at once. */
void qnk_session_init(struct qnk_session *session, const struct qnk_session_identity *identity,
                      bool is_dialler, const struct qnk_hash *expected, const uint8_t chance[32]);

/* Wipes all keys. */
void qnk_session_done(struct qnk_session *session);

/* A frame of the handshake. `answer` is what to send, also when the session is over by it. */
QN_MUST_CHECK int32_t qnk_session_take(struct qnk_session *session, struct qn_span frame,
                                       struct qnk_session_frame *answer);

/* Ends the session from this side. `answer` tells the peer: in clear before the proof, else sealed.
 * What take() had answered is to be sent before it. */
void qnk_session_refuse(struct qnk_session *session, enum qnk_session_code code, const char *text,
                        struct qnk_session_frame *answer);

enum qnk_session_kind { QNK_SESSION_DATA, QNK_SESSION_SIGNAL, QNK_SESSION_FAREWELL };

/* Seals in place: `frame` has room for `size` + SEAL bytes, and the message lies at frame + 1. */
void qnk_session_seal(struct qnk_session *session, enum qnk_session_kind kind, uint8_t *frame,
                      uint64_t size);

/* `plain` has room for all of `sealed` but SEAL bytes. After a farewell the session is over, `end`
 * is what it said, and the answer is QN_OK. */
QN_MUST_CHECK int32_t qnk_session_open(struct qnk_session *session, struct qn_span sealed,
                                       uint8_t *plain, enum qnk_session_kind *kind);

/* A few words for a code, such as "another network"; for logs and counters. */
const char *qnk_session_code_text(enum qnk_session_code code);
