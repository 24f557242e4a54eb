/* SPDX-License-Identifier: MIT */

/* hostile.c: a peer that means harm: it dials a node as any node would, and then does one of the
 * things below. It prints how the link ended, or that it did not, and ends with 0: what the node
 * makes of it is for the script to judge.
 *
 * usage: hostile ADDRESS OWN-ADDRESS CHAIN DEED [KEY [MEMBER]]
 *
 *     hello        garbage instead of the handshake
 *     frames       garbage inside a good session
 *     types        heads in order, of every type and lane, with garbage bodies
 *     sizes        a head that speaks of 4 GiB
 *     bomb         64 MiB of zeros, packed into 2 KiB, that speak of 1 MiB
 *     txs          transactions of an account, by its key, whose signatures are chance
 *     votes        votes whose signatures are chance
 *     headers      the node's own newest header, with a signature that is chance
 *     blocks       blocks that a validator's key has signed, with false effects, schedule, parent
 *     effects      the same in the first turn of each height, all good but for the effects
 *     flood        as many requests as it can
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <qnet/transport.h>

#include "kernel/base/bytes.h"
#include "kernel/base/hex.h"
#include "kernel/base/random.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/tx.h"
#include "kernel/chain/vote.h"
#include "kernel/host/happened.h"
#include "kernel/host/keyfile.h"
#include "kernel/host/session.h"
#include "kernel/host/watch.h"
#include "kernel/plugin/plugin.h"

enum {
    TOKEN = 1,
    ARENA = 1 << 20,
    DEED_MS = 50,      /* between two of the same */
    DEEDS = 100,       /* at most */
    PATIENCE_MS = 400, /* ticks of DEED_MS until it gives up */
    FRAME = QN_TRANSPORT_FRAME_MAX,
    CREDIT = 64 << 20,
    FLOOD = 200, /* requests of one deed */
};

static struct qnk_budget budget = {.limit = 1 << 29};

struct peer {
    uv_loop_t loop;
    uv_timer_t timer;
    struct qnk_watch *watch;
    struct qnk_plugged transport;
    struct qnk_happenings happenings;
    struct qnk_session_identity identity;
    struct qnk_session session;
    struct qnk_hash chain_id;
    struct qnk_key key; /* seed NULL: none */
    uint32_t member;    /* whose key it is, for blocks */
    const char *deed;
    uint32_t lie; /* what heads say of their plain size, instead of the truth; 0: the truth */
    uint64_t link;
    uint32_t ticks, deeds;
    bool is_up, is_over;
    bool has_header, has_status;
    struct qnk_micro header; /* the newest that was heard of */
    struct qnk_status status;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "hostile: %s\n", what);
    exit(1);
}

static const struct qn_transport_1 *slots(const struct peer *peer)
{
    return peer->transport.table;
}

static void over(struct peer *peer, const char *how, const char *why)
{
    if (!peer->is_over) {
        printf("%s: %s\n", how, why);
        peer->is_over = true;
        uv_stop(&peer->loop);
    }
}

/* --- sending --- */

static void bytes_send(struct peer *peer, const void *bytes, uint64_t size)
{
    struct qn_buf *buf = qnk_buf_copy(&budget, (struct qn_span){bytes, size});
    struct qn_slice slice = {buf, buf == NULL ? NULL : buf->data, size};
    uint32_t accepted = 0;

    /* What does not fit is lost, and with it the stream: the node must bear that, too. */
    (void)!slots(peer)->send(peer->transport.inst, peer->link, &slice, 1, &accepted);
    qnk_buf_unref(buf);
}

static void sealed_send(struct peer *peer, const void *plain, uint64_t size)
{
    uint8_t *frame = malloc(size + QNK_SESSION_SEAL);

    if (frame == NULL) {
        fail("no memory");
    }
    memcpy(frame + 1, plain, size);
    qnk_session_seal(&peer->session, QNK_SESSION_DATA, frame, size);
    bytes_send(peer, frame, size + QNK_SESSION_SEAL);
    free(frame);
}

/* A frame of which the head may lie. */
static void frame_send(struct peer *peer, struct qnk_frame head, const void *body, uint64_t size)
{
    uint8_t *plain = malloc(QNK_FRAME_HEAD_SIZE + size);

    if (plain == NULL) {
        fail("no memory");
    }
    qnk_frame_encode(&head, plain);
    if (peer->lie != 0) {
        qn_le32_write(plain + 8, peer->lie);
    }
    if (size > 0) {
        memcpy(plain + QNK_FRAME_HEAD_SIZE, body, size);
    }
    sealed_send(peer, plain, QNK_FRAME_HEAD_SIZE + size);
    free(plain);
}

static void body_send(struct peer *peer, uint8_t lane, uint8_t type, const void *body,
                      uint32_t size)
{
    frame_send(peer, (struct qnk_frame){.lane = lane, .type = type, .plain_size = size}, body,
               size);
}

/* --- deeds --- */

static void do_frames(struct peer *peer)
{
    uint8_t chance[300];

    qnk_random_system(chance, sizeof chance);
    sealed_send(peer, chance, 1 + chance[0]);
}

static void do_types(struct peer *peer)
{
    uint8_t chance[300];

    for (uint32_t type = 0; type < 20; type++) {
        qnk_random_system(chance, sizeof chance);
        body_send(peer, (uint8_t)((type + peer->deeds) % QNK_LANES), (uint8_t)type, chance,
                  chance[0]);
    }
}

static void do_sizes(struct peer *peer)
{
    peer->lie = UINT32_MAX;
    body_send(peer, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, "size", 4);
}

/* A frame of zstd: blocks of one repeated byte, each 128 KiB of it in 4 bytes. */
static void do_bomb(struct peer *peer)
{
    static const uint8_t start[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38};
    const struct qnk_frame head = {.lane = QNK_LANE_BLOCKS,
                                   .type = QNK_WIRE_BODY_PART,
                                   .packing = 1,
                                   .plain_size = QNK_FRAME_PLAIN_MAX};
    uint8_t body[sizeof start + 512 * 4];
    uint8_t *at = body + sizeof start;

    memcpy(body, start, sizeof start);
    for (uint32_t i = 0; i < 512; i++, at += 4) {
        uint32_t block = (i == 511) | 1u << 1 | (128u << 10) << 3;

        qn_le32_write(at, block); /* its fourth byte is the one that is repeated */
    }
    frame_send(peer, head, body, sizeof body);
}

static void do_txs(struct peer *peer)
{
    uint8_t body[4 + 20 * QNK_TX_TRANSFER_SIZE];

    qn_le32_write(body, 20);
    for (uint32_t i = 0; i < 20; i++) {
        uint8_t *at = body + 4 + (size_t)i * QNK_TX_TRANSFER_SIZE;
        uint8_t payload[40];
        struct qnk_tx tx = {.payload = {payload, sizeof payload},
                            .from = peer->key.public.bytes,
                            .nonce = i,
                            .valid_until = peer->status.head_height + 100,
                            .fee = 1000000};

        qnk_random_system(payload, QN_KEY_SIZE);
        qn_le64_write(payload + QN_KEY_SIZE, 1000000); /* it has that: or nobody checks them */
        qnk_tx_encode(&tx, at);
        qnk_random_system(at + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE, QN_SIG_SIZE);
    }
    body_send(peer, QNK_LANE_TXS, QNK_WIRE_TXS, body, sizeof body);
}

static void do_votes(struct peer *peer)
{
    uint8_t body[4 + QNK_VOTE_WIRE_SIZE];
    struct qnk_vote vote = {.step = QNK_STEP_FINAL,
                            .window = peer->status.final_window + 1,
                            .vr = -1,
                            .member = peer->deeds % 4};

    qnk_random_system(&vote.digest, sizeof vote.digest);
    qnk_random_system(vote.signature, sizeof vote.signature);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    body_send(peer, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, body, sizeof body);
}

static void header_send(struct peer *peer, const struct qnk_micro *header)
{
    uint8_t body[4 + QNK_MICRO_SIZE];

    qn_le32_write(body, 1);
    qnk_micro_encode(header, body + 4);
    body_send(peer, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, body, sizeof body);
}

static void do_headers(struct peer *peer)
{
    struct qnk_micro header = peer->header;

    header.height++;
    header.time_ms += 1000;
    qnk_micro_id(&peer->header, &header.parent);
    qnk_random_system(header.signature, sizeof header.signature);
    header_send(peer, &header);
}

/* On the newest block; signed as it should be, and an empty body, which needs no sending. */
static void do_blocks(struct peer *peer)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE], secret[crypto_sign_SECRETKEYBYTES];
    struct qnk_micro header = peer->header;
    struct qnk_hash public;

    if (peer->key.seed == NULL) {
        fail("this deed needs a validator's key");
    }
    header.height++;
    header.time_ms += 1000;
    header.view = (uint16_t)(peer->deeds % 4); /* one of the four is in its turn */
    header.producer = peer->member;
    header.tx_count = 0;
    header.body_size = 0;
    qnk_merkle_fold(NULL, 0, &header.tx_root);
    qnk_random_system(&header.effects, sizeof header.effects);
    qnk_micro_id(&peer->header, &header.parent);
    if (strcmp(peer->deed, "effects") == 0) {
        header.view = 0; /* in its turn one time in four */
    } else if (peer->deeds % 5 == 4) {
        qnk_random_system(&header.parent, sizeof header.parent);
    }
    qnk_micro_message(&header, &peer->chain_id, message);
    (void)crypto_sign_seed_keypair(public.bytes, secret, peer->key.seed);
    (void)crypto_sign_detached(header.signature, NULL, message, sizeof message, secret);
    header_send(peer, &header);
}

static void do_flood(struct peer *peer)
{
    for (uint32_t i = 0; i < FLOOD; i++) {
        const struct qnk_fetch fetch = {.first = 1, .count = UINT32_MAX, .what = i % 2};
        uint8_t body[QNK_FETCH_SIZE];

        qnk_fetch_encode(&fetch, body);
        frame_send(peer,
                   (struct qnk_frame){.lane = QNK_LANE_SYNC,
                                      .type = QNK_WIRE_FETCH_RANGE,
                                      .request = i + 1,
                                      .plain_size = sizeof body},
                   body, sizeof body);
    }
}

static const struct {
    const char *name;
    bool needs_header; /* that the node told of its head before */
    void (*act)(struct peer *peer);
} deeds[] = {
    {"frames", false, do_frames},  {"types", false, do_types},  {"sizes", false, do_sizes},
    {"bomb", false, do_bomb},      {"txs", false, do_txs},      {"votes", false, do_votes},
    {"headers", true, do_headers}, {"blocks", true, do_blocks}, {"effects", true, do_blocks},
    {"flood", false, do_flood},
};

enum { KINDS = sizeof deeds / sizeof *deeds };

static void on_timer(uv_timer_t *timer)
{
    struct peer *peer = timer->data;

    if (++peer->ticks > PATIENCE_MS || peer->deeds == DEEDS) {
        over(peer, peer->deeds > 0 ? "still linked" : "nothing done",
             peer->is_up ? "the node bears it" : "the node does not answer");
        return;
    }
    for (uint32_t i = 0; i < KINDS && peer->is_up && peer->has_status; i++) {
        if (strcmp(deeds[i].name, peer->deed) == 0 &&
            (!deeds[i].needs_header || peer->has_header)) {
            deeds[i].act(peer);
            peer->deeds++;
            peer->has_header = false; /* until the next one */
        }
    }
}

/* --- what the node says --- */

/* A full node that stands where the node stands. */
static void status_answer(struct peer *peer)
{
    struct qnk_status status = peer->status;
    uint8_t body[QNK_STATUS_SIZE];

    status.node_type = 2;
    qnk_status_encode(&status, body);
    body_send(peer, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS, body, sizeof body);
    peer->has_status = true;
}

static void frame_take(struct peer *peer, struct qn_span sealed)
{
    static uint8_t plain[FRAME];
    enum qnk_session_kind kind;
    struct qnk_headers headers;
    struct qnk_frame frame;

    if (qnk_session_open(&peer->session, sealed, plain, &kind) != QN_OK ||
        kind == QNK_SESSION_FAREWELL) {
        over(peer, "it said", peer->session.end.text);
        return;
    }
    if (kind != QNK_SESSION_DATA ||
        qnk_frame_decode((struct qn_span){plain, sealed.size - QNK_SESSION_SEAL}, &frame) !=
            QN_OK ||
        frame.packing != 0) {
        return;
    }
    if (frame.type == QNK_WIRE_STATUS && qnk_status_decode(frame.body, &peer->status) == QN_OK) {
        status_answer(peer);
    } else if (frame.type == QNK_WIRE_HEADERS &&
               qnk_headers_decode(frame.body, &headers) == QN_OK && headers.count > 0) {
        const struct qn_span last = {headers.headers + (size_t)(headers.count - 1) * QNK_MICRO_SIZE,
                                     QNK_MICRO_SIZE};

        peer->has_header = qnk_micro_decode(last, &peer->header) == QN_OK;
    }
}

static void bytes_take(struct peer *peer, struct qn_span bytes)
{
    struct qnk_session_frame answer;

    (void)!slots(peer)->credit(peer->transport.inst, peer->link, bytes.size);
    if (peer->is_up) {
        frame_take(peer, bytes);
        return;
    }
    if (qnk_session_take(&peer->session, bytes, &answer) != QN_OK) {
        over(peer, "refused", peer->session.end.text);
        return;
    }
    if (answer.size > 0) {
        bytes_send(peer, answer.bytes, answer.size);
    }
    peer->is_up = peer->session.state == QNK_SESSION_OPEN;
}

static void link_begin(struct peer *peer, uint64_t link)
{
    uint8_t chance[400];

    peer->link = link;
    (void)!slots(peer)->credit(peer->transport.inst, link, CREDIT);
    qnk_random_system(chance, sizeof chance);
    qnk_session_init(&peer->session, &peer->identity, true, NULL, chance);
    if (strcmp(peer->deed, "hello") == 0) {
        bytes_send(peer, chance, sizeof chance);
        return;
    }
    bytes_send(peer, peer->session.hello.bytes, peer->session.hello.size);
}

static void happened(struct peer *peer, const struct qnk_happened *it)
{
    if (it->type == QN_TRANSPORT_EFFECT_UP && it->token == TOKEN) {
        link_begin(peer, it->link);
    } else if (it->type == QN_TRANSPORT_EFFECT_FRAME && it->link == peer->link) {
        bytes_take(peer, (struct qn_span){it->payload.data, it->payload.size});
    } else if (it->type == QN_TRANSPORT_EFFECT_DOWN) {
        over(peer, "link down", it->text);
    }
}

static void pump(void *ctx)
{
    struct peer *peer = ctx;
    int32_t status = qnk_happenings_take(&peer->happenings, slots(peer), peer->transport.inst);

    for (uint32_t i = 0; i < peer->happenings.count && !peer->is_over; i++) {
        happened(peer, &peer->happenings.list[i]);
    }
    qnk_happenings_reset(&peer->happenings);
    if (status == QN_AGAIN) {
        qnk_watch_again(peer->watch);
    }
}

/* --- life --- */

static struct qnk_instance *transport_open(struct peer *peer)
{
    const struct qnk_loader_options loader_options = {
        .budget = &budget, .search = getenv("QN_PLUGIN_PATH"), .trust = QNK_TRUST_OFF};
    struct qnk_instance_options options = {.guard = QNK_GUARD_OFF};
    char why[QNK_PLUGIN_WHY_MAX] = "";
    struct qnk_loader *loader;
    struct qnk_instance *instance;
    struct qnk_plugin *plugin = NULL;
    struct qnk_arena arena;
    struct qn_span record = {0};
    void *block = qnk_memory_take(&budget, ARENA);

    qnk_arena_init(&arena, block, ARENA);
    if (qnk_watch_create(&budget, &peer->loop, pump, peer, &peer->watch) != QN_OK ||
        qnk_loader_create(&loader_options, &loader, why) != QN_OK ||
        qnk_loader_find(loader, "transport", "nanomsg", "", &plugin, why) != QN_OK ||
        qnk_manifest_default(&plugin->manifest, &arena, &record, why) != QN_OK) {
        fail(why);
    }
    qnk_watch_hook(peer->watch, &options.hooks);
    if (qnk_instance_create(plugin, record, &options, &instance, why) != QN_OK ||
        qnk_instance_activate(instance) != QN_OK) {
        fail(why);
    }
    return instance;
}

static void dial(struct peer *peer, const char *address, const char *own)
{
    const struct qn_span to = {(const uint8_t *)address, strlen(address)};
    const struct qn_span at = {(const uint8_t *)own, strlen(own)};

    if (slots(peer)->listen(peer->transport.inst, TOKEN + 1, at) != QN_OK ||
        slots(peer)->dial(peer->transport.inst, TOKEN, to) != QN_OK) {
        fail("cannot dial");
    }
}

int main(int argc, char **argv)
{
    static struct peer peer;
    uint8_t seed[32];

    if (argc < 5 || sodium_init() < 0 ||
        qnk_hex_decode(argv[3], QN_HASH_SIZE, peer.chain_id.bytes) != QN_OK ||
        uv_loop_init(&peer.loop) != 0) {
        fail("usage: hostile ADDRESS OWN-ADDRESS CHAIN DEED [KEY [MEMBER]]");
    }
    if (argc > 5) {
        char why[QNK_KEYFILE_WHY] = "";

        const enum qnk_key_purpose purpose =
            strcmp(argv[4], "txs") == 0 ? QNK_KEY_ACCOUNT : QNK_KEY_VALIDATOR;

        if (qnk_keyfile_read(argv[5], purpose, (struct qn_span){0}, &peer.key, why) != QN_OK) {
            fail(why);
        }
    }
    if (argc > 6) {
        peer.member = (uint32_t)(argv[6][0] - '0');
    }
    peer.deed = argv[4];
    qnk_random_system(seed, sizeof seed);
    qnk_session_identity_init(&peer.identity, &peer.chain_id, seed, 2,
                              strcmp(argv[4], "bomb") == 0 ? "zstd" : NULL);

    struct qnk_instance *instance = transport_open(&peer);

    peer.transport = qnk_instance_plugged(instance);
    if (qnk_happenings_init(&peer.happenings, &budget) != QN_OK) {
        fail("no memory");
    }
    peer.timer.data = &peer;
    (void)uv_timer_init(&peer.loop, &peer.timer);
    (void)uv_timer_start(&peer.timer, on_timer, DEED_MS, DEED_MS);
    dial(&peer, argv[1], argv[2]);
    (void)uv_run(&peer.loop, UV_RUN_DEFAULT);
    return 0; /* what is left is the system's to take back */
}
