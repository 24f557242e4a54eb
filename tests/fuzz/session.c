/* SPDX-License-Identifier: MIT */

/* session.c: a peer's bytes to a session, from the first on. The input's first byte says who has
 * dialled, then come chunks: kind u8, size u16, bytes.
 *
 *     0  a frame of any bytes
 *     1  the true peer's next frame of the handshake, with the bytes laid over it (xor)
 *     2  the bytes as a message that the true peer seals
 *     3  the same, with its first byte laid over what was sealed, at the place the second says
 *
 * Only who has the key is let in, and only what it sealed comes out, in order and unchanged. */

#include <stdlib.h>

#include "kernel/host/session.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 4096 };

static struct qnk_session_identity own, other;
static struct qnk_session session, peer;
static struct qnk_session_frame frames[2]; /* of the true peer: hello and proof */
static uint32_t frames_used;
static bool is_changed; /* something was not the true peer's */
static struct qnk_signer *signer;
static struct qnk_hash validator;

/* Of the true peer. */
static void validator_make(void)
{
    static struct qnk_budget budget = {.limit = 1 << 20};
    static const uint8_t seed[32] = {5};
    struct qnk_key key;

    QN_ASSERT(qnk_key_make(QNK_KEY_VALIDATOR, seed, &key) == QN_OK);
    QN_ASSERT(qnk_signer_create(&budget, &key, &signer) == QN_OK);
    validator = key.public;
    qnk_key_done(&key);
}

static void begin(bool is_dialler)
{
    static const struct qnk_hash chain_id = {.bytes = {0x5b}};
    static const uint8_t seeds[2][32] = {{1}, {2}}, chances[2][32] = {{3}, {4}};

    QN_ASSERT(sodium_init() >= 0);
    if (signer == NULL) {
        validator_make();
    }
    qnk_session_identity_init(&own, &chain_id, seeds[0], 2, "zstd");
    qnk_session_identity_init(&other, &chain_id, seeds[1], 3, "zstd");
    qnk_session_identity_validator(&other, signer, &validator);
    qnk_session_init(&session, &own, is_dialler, NULL, chances[0]);
    qnk_session_init(&peer, &other, !is_dialler, NULL, chances[1]);
    frames[0] = peer.hello;
    QN_ASSERT(qnk_session_take(&peer, (struct qn_span){session.hello.bytes, session.hello.size},
                               &frames[1]) == QN_OK);
    frames_used = 0;
    is_changed = false;
}

/* What is shown to the operator. */
static void end_run(void)
{
    struct qn_span text = {(const uint8_t *)session.end.text, strlen(session.end.text)};

    if (session.state == QNK_SESSION_OVER) {
        QN_ASSERT(session.end.code < QNK_SESSION_CODES);
        QN_ASSERT(qn_text_is_valid(text));
        (void)qnk_session_code_text(session.end.code);
    }
}

static void handshake(struct qn_span frame)
{
    struct qnk_session_frame answer = {.size = 0}, nothing;

    if (session.state != QNK_SESSION_GREETING && session.state != QNK_SESSION_PROVING) {
        return;
    }
    if (qnk_session_take(&session, frame, &answer) == QN_OK) {
        QN_ASSERT(session.state != QNK_SESSION_OVER);
    } else {
        QN_ASSERT(session.state == QNK_SESSION_OVER);
    }
    QN_ASSERT(answer.size <= sizeof answer.bytes);
    if (session.state == QNK_SESSION_OPEN) {
        QN_ASSERT(!is_changed);
        QN_ASSERT(memcmp(session.peer.key.bytes, other.key, QN_KEY_SIZE) == 0);
        QN_ASSERT(qnk_hash_equal(&session.peer.validator, &validator));
    }
    if (answer.size > 0 && peer.state == QNK_SESSION_PROVING) {
        (void)!qnk_session_take(&peer, (struct qn_span){answer.bytes, answer.size}, &nothing);
    }
}

static void true_frame(struct qn_span mask)
{
    if (frames_used < 2) {
        struct qnk_session_frame frame = frames[frames_used++];

        for (uint64_t i = 0; i < mask.size && i < frame.size; i++) {
            frame.bytes[i] ^= mask.data[i];
            is_changed = is_changed || mask.data[i] != 0;
        }
        handshake((struct qn_span){frame.bytes, frame.size});
    }
}

static void message(struct qn_span bytes, bool is_laid_over)
{
    static uint8_t sealed[MESSAGE_MAX + QNK_SESSION_SEAL], plain[MESSAGE_MAX];
    uint64_t size = bytes.size < MESSAGE_MAX ? bytes.size : MESSAGE_MAX;
    struct qn_span span = {sealed, size + QNK_SESSION_SEAL};
    enum qnk_session_kind kind;
    enum qnk_session_kind sent = size > 0 ? bytes.data[0] % 3 : QNK_SESSION_DATA;
    uint8_t mask = is_laid_over && size > 1 ? bytes.data[0] : 0;

    if (session.state != QNK_SESSION_OPEN || peer.state != QNK_SESSION_OPEN) {
        return;
    }
    if (size > 0) {
        memcpy(sealed + 1, bytes.data, size);
    }
    qnk_session_seal(&peer, sent, sealed, size);
    sealed[mask != 0 ? bytes.data[1] % span.size : 0] ^= mask;

    int32_t status = qnk_session_open(&session, span, plain, &kind);

    if (status == QN_OK) {
        QN_ASSERT(mask == 0 && kind == sent);
        QN_ASSERT(fuzz_is_same((struct qn_span){bytes.data, size}, plain, size));
        QN_ASSERT((session.state == QNK_SESSION_OVER) == (kind == QNK_SESSION_FAREWELL));
    } else {
        QN_ASSERT(mask != 0 || sent == QNK_SESSION_FAREWELL);
        QN_ASSERT(session.state == QNK_SESSION_OVER);
    }
}

static void any_frame(struct qn_span frame)
{
    uint8_t *plain = malloc(frame.size + 1);
    enum qnk_session_kind kind;

    QN_ASSERT(plain != NULL);
    is_changed = true;
    if (session.state == QNK_SESSION_OPEN) {
        QN_ASSERT(qnk_session_open(&session, frame, plain, &kind) != QN_OK);
    } else {
        handshake(frame);
    }
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});

    begin(qn_reader_flag(&in) == 1);
    while (in.left > 0) {
        uint8_t kind = qn_reader_u8(&in);
        uint16_t length = qn_reader_u16(&in);
        struct qn_span bytes = {qn_reader_fixed(&in, length), length};

        if (bytes.data == NULL) {
            break;
        }
        if (kind == 0) {
            any_frame(bytes);
        } else if (kind == 1) {
            true_frame(bytes);
        } else {
            message(bytes, kind == 3);
        }
        end_run();
    }
    qnk_session_done(&session);
    qnk_session_done(&peer);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t whole[] = {1,   1,   0, 0, 1, 0, 0, 2, 3, 0, 0,
                                    'h', 'i', 2, 1, 0, 1, 3, 2, 0, 9, 5};
    static const uint8_t farewell[] = {0, 1, 0, 0, 1, 0, 0, 2, 4, 0, 2, 'b', 'y', 'e'};
    static const uint8_t refusal[] = {0, 0, 8, 0, 'q', 'n', 'e', 't', 3, 8, 'n', 'o'};
    uint8_t bytes[4 + QNK_SESSION_HANDSHAKE_MAX];

    take(whole, sizeof whole);
    take(farewell, sizeof farewell);
    take(refusal, sizeof refusal);
    begin(false);
    bytes[0] = 0;
    bytes[1] = 0;
    bytes[2] = (uint8_t)frames[0].size;
    bytes[3] = (uint8_t)(frames[0].size >> 8);
    memcpy(bytes + 4, frames[0].bytes, frames[0].size);

    size_t size = 4 + frames[0].size;

    qnk_session_done(&session);
    qnk_session_done(&peer);
    take(bytes, size);
}
