/* SPDX-License-Identifier: MIT */

/* peers.c: a node's peers and a stranger who dials them, proves keys of hers or not, and then says
 * what the input says. It is a list of deeds, each a byte for its kind and then
 *
 *     0  a frame of any bytes: link u8, size u16, bytes
 *     1  dial: key u8; a number of changes u8 of the hello, each an offset u8 and a byte (xor)
 *     2  what the next answer of the handshake is changed by: link u8, offset u8, byte (xor)
 *     3  a sealed message: link u8, kind u8, size u8, bytes
 *     4  a sealed frame: link, lane, type, packing, request, plain size, size, all u8, the body
 *     5  time: u8, in 50 ms; of a long one a node of some loop that is slow sees eight times
 *     6  the wire is cut: link u8
 *     7  the node says something: peer u8, lane u8, size u8
 *     8  the core finds fault: peer u8, fault u8
 *     9  the operator: what u8, key u8
 *
 * Peers go up once and down once; only whole plain frames come out; who is up has proven a key; all
 * memory comes back. */

#include <stdio.h>
#include <sys/random.h>

#include "tests/test.h"

#include <qnet/compression.h>

#include "kernel/base/bytes.h"
#include "kernel/base/sink.h"
#include "kernel/host/fake_net.h"
#include "kernel/host/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"

enum {
    STRANGER = 3, /* node of the net */
    LINKS = 6,
    KEYS = 3,
    DEEDS_MAX = 120,
    STEP_US = 50000,
    STEPS = 8,
    CHANCES = 1000,
    TICKS_MAX = 100,
    UP_MAX = 64,
    FRAME_MAX = QNK_FRAME_HEAD_SIZE + UINT8_MAX,
};

struct side {
    uint64_t link;
    struct qnk_session session;
    bool is_changed; /* not all that was said in the handshake was true */
    uint8_t offset, mask;
};

static struct fake_net *net;
static struct qnk_budget budget = {.limit = 64 << 20};
static struct qnk_budget net_budget = {.limit = sizeof(struct fake_net)};
static uint64_t used_begun; /* of the budget, as each input finds it */
static struct qnk_peers *peers;
static struct qnk_log_part part = {.name = "kernel/host"};
static struct qnk_session_identity identities[KEYS];
static struct side sides[LINKS];
static uint32_t sides_count;
static uint32_t now_up[UP_MAX], now_up_count;
static uint64_t now_us;
static uint64_t chances; /* that were asked for */
static const char address[] = "fake://10.0.0.0:9876";
static const struct qnk_hash network = {.bytes = {0x5b}};

/* --- a compressor that packs equal bytes --- */

static uint64_t same_bound(struct qn_inst *inst, uint64_t plain_size)
{
    (void)inst;
    return plain_size;
}

static int32_t same_pack(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                         struct qn_sink *packed)
{
    (void)inst;
    (void)lane;
    return qnk_sink_append(packed, plain.data, plain.size > 0);
}

static int32_t same_unpack(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                           uint64_t plain_size, struct qn_sink *plain)
{
    uint8_t *room = qnk_sink_room(plain, plain_size);

    (void)inst;
    (void)lane;
    QN_ASSERT(plain_size <= QNK_FRAME_PLAIN_MAX);
    if (packed.size != 1 || room == NULL) {
        return QN_INVALID;
    }
    memset(room, packed.data[0], plain_size);
    qnk_sink_commit(plain, plain_size);
    return QN_OK;
}

static const struct qn_compression_1 same_table = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = same_bound,
    .pack = same_pack,
    .unpack = same_unpack,
};

/* --- the node --- */

/* What kernel/base/random.c asks the system for: else no input would do the same twice. */
ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
    (void)flags;
    memset(bytes, 0, size);
    memcpy(bytes, &chances, size < sizeof chances ? size : sizeof chances);
    chances++;
    return (ssize_t)size;
}

static void on_up(void *ctx, uint32_t peer, const struct qnk_session_peer *is, bool is_outgoing)
{
    bool is_hers = false;

    (void)ctx;
    QN_ASSERT(!is_outgoing && now_up_count < UP_MAX);
    for (uint32_t i = 0; i < KEYS; i++) {
        is_hers = is_hers || memcmp(identities[i].key, is->key.bytes, QN_KEY_SIZE) == 0;
    }
    QN_ASSERT(is_hers);
    now_up[now_up_count++] = peer;
}

static void on_down(void *ctx, uint32_t peer)
{
    uint32_t i = 0;

    (void)ctx;
    while (i < now_up_count && now_up[i] != peer) {
        i++;
    }
    QN_ASSERT(i < now_up_count);
    now_up[i] = now_up[--now_up_count];
}

static void on_frame(void *ctx, uint32_t peer, const struct qnk_frame *head, struct qn_buf *buf)
{
    bool is_up = false;

    (void)ctx;
    for (uint32_t i = 0; i < now_up_count; i++) {
        is_up = is_up || now_up[i] == peer;
    }
    QN_ASSERT(is_up && head->lane < QNK_LANES);
    QN_ASSERT(head->packing == 0 && head->body.size == head->plain_size);
    QN_ASSERT(head->body.size == 0 || (head->body.data >= buf->data &&
                                       head->body.data + head->body.size <= buf->data + buf->size));
}

static void node_make(void)
{
    static const uint8_t seed[32] = {1};
    const struct qnk_peers_setup setup = {
        .budget = &budget,
        .log = &part,
        .transport = {&fake_table, &net->nodes[0]},
        .compression = {&same_table, NULL},
        .compressor = "same",
        .chain_id = network,
        .node_seed = seed,
        .listen = address,
        .node_type = QNK_NODE_FULL,
        .peers_max = 3,
        .peers_per_address = 2,
        .requests_per_second = 5,
        .up = on_up,
        .down = on_down,
        .frame = on_frame,
    };

    QN_ASSERT(qnk_peers_create(&setup, &peers) == QN_OK);
    QN_ASSERT(qnk_peers_start(peers, now_us) == QN_OK);
}

/* --- the stranger --- */

static void wire_say(const struct side *side, const uint8_t *bytes, uint64_t size)
{
    struct qn_slice slice = {NULL, bytes, size};
    uint32_t accepted;

    if (size > 0) {
        (void)!fake_send(&net->nodes[STRANGER], side->link, &slice, 1, &accepted);
    }
}

static void answer_say(struct side *side, struct qnk_session_frame *answer)
{
    if (answer->size > 0) {
        side->is_changed = side->is_changed || side->mask != 0;
        answer->bytes[side->offset % answer->size] ^= side->mask;
        side->mask = 0;
        wire_say(side, answer->bytes, answer->size);
    }
}

static void side_hear(struct side *side, struct qn_span frame)
{
    static uint8_t plain[QN_TRANSPORT_FRAME_MAX];
    struct qnk_session_frame answer = {.size = 0};
    enum qnk_session_kind kind;

    if (side->session.state == QNK_SESSION_OPEN) {
        QN_ASSERT(qnk_session_open(&side->session, frame, plain, &kind) == QN_OK ||
                  side->is_changed);
    } else if (side->session.state != QNK_SESSION_OVER) {
        (void)!qnk_session_take(&side->session, frame, &answer);
        answer_say(side, &answer);
    }
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_transport_effect_up up;
    struct qn_transport_effect_frame frame;

    (void)ctx;
    if (type == QN_TRANSPORT_EFFECT_UP) {
        QN_ASSERT(qn_transport_effect_up_read(body, &up) == QN_OK);
        sides[sides_count - 1].link = up.link;
    } else if (type == QN_TRANSPORT_EFFECT_FRAME) {
        QN_ASSERT(qn_transport_effect_frame_read(body, &frame) == QN_OK);
        for (uint32_t i = 0; i < sides_count; i++) {
            if (sides[i].link == frame.link) {
                side_hear(&sides[i], (struct qn_span){payload->data, payload->size});
            }
        }
    }
    return QN_OK;
}

static void pump_all(void)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct qn_effects out = {.push = push};

        (void)qnk_peers_pump(peers, now_us);
        (void)!fake_pump(&net->nodes[STRANGER], 64, &out);
    }
}

/* --- deeds --- */

static void dial_do(struct qn_reader *in)
{
    uint8_t key = qn_reader_u8(in), changes = qn_reader_u8(in) % 8;
    uint8_t chance[32] = {(uint8_t)(sides_count + 1)};
    struct side *side = &sides[sides_count];
    struct qn_span to = {(const uint8_t *)address, sizeof address - 1};

    if (sides_count == LINKS) {
        return;
    }
    sides_count++;
    *side = (struct side){.link = 0};
    qnk_session_init(&side->session, &identities[key % KEYS], true, NULL, chance);
    QN_ASSERT(fake_dial(&net->nodes[STRANGER], 1, to) == QN_OK);
    pump_all();
    (void)!fake_credit(&net->nodes[STRANGER], side->link, 1 << 30);

    struct qnk_session_frame hello = side->session.hello;

    for (uint32_t i = 0; i < changes; i++) {
        uint8_t offset = qn_reader_u8(in), mask = qn_reader_u8(in);

        hello.bytes[offset % hello.size] ^= mask;
        side->is_changed = true;
    }
    wire_say(side, hello.bytes, hello.size);
}

static struct side *side_of(uint8_t which)
{
    return sides_count == 0 ? NULL : &sides[which % sides_count];
}

static void any_do(struct qn_reader *in)
{
    struct side *side = side_of(qn_reader_u8(in));
    uint16_t size = qn_reader_u16(in);
    const uint8_t *bytes = qn_reader_fixed(in, size);

    if (side != NULL && bytes != NULL) {
        side->is_changed = true;
        wire_say(side, bytes, size);
    }
}

static void change_do(struct qn_reader *in)
{
    struct side *side = side_of(qn_reader_u8(in));
    uint8_t offset = qn_reader_u8(in), mask = qn_reader_u8(in);

    if (side != NULL) {
        side->offset = offset;
        side->mask = mask;
    }
}

static void sealed_say(struct side *side, enum qnk_session_kind kind, const uint8_t *bytes,
                       uint64_t size)
{
    uint8_t frame[FRAME_MAX + QNK_SESSION_SEAL];

    if (side != NULL && side->session.state == QNK_SESSION_OPEN) {
        memcpy(frame + 1, bytes, size);
        qnk_session_seal(&side->session, kind, frame, size);
        wire_say(side, frame, size + QNK_SESSION_SEAL);
    }
}

static void message_do(struct qn_reader *in)
{
    struct side *side = side_of(qn_reader_u8(in));
    uint8_t kind = qn_reader_u8(in) % 3, size = qn_reader_u8(in);
    const uint8_t *bytes = qn_reader_fixed(in, size);

    if (bytes != NULL) {
        sealed_say(side, (enum qnk_session_kind)kind, bytes, size);
    }
}

static void frame_do(struct qn_reader *in)
{
    struct side *side = side_of(qn_reader_u8(in));
    uint8_t bytes[FRAME_MAX];
    uint8_t lane = qn_reader_u8(in), type = qn_reader_u8(in), packing = qn_reader_u8(in);
    uint8_t request = qn_reader_u8(in), plain = qn_reader_u8(in), size = qn_reader_u8(in);
    const uint8_t *body = qn_reader_fixed(in, size);
    uint32_t plain_size = packing == 0 ? size : plain < 128 ? plain : UINT32_C(1) << plain % 32;

    if (body != NULL) {
        bytes[0] = lane;
        bytes[1] = type;
        qn_le16_write(bytes + 2, packing);
        qn_le32_write(bytes + 4, request);
        qn_le32_write(bytes + 8, plain_size);
        memcpy(bytes + QNK_FRAME_HEAD_SIZE, body, size);
        sealed_say(side, QNK_SESSION_DATA, bytes, QNK_FRAME_HEAD_SIZE + (uint64_t)size);
    }
}

static void time_do(struct qn_reader *in, uint32_t *ticks)
{
    uint8_t count = qn_reader_u8(in);
    uint64_t step_us = STEP_US * (1 + count / (uint64_t)STEPS);

    for (uint32_t i = 0; i < count && i < STEPS && *ticks < TICKS_MAX; i++, (*ticks)++) {
        now_us += step_us;
        qnk_peers_tick(peers, now_us);
        pump_all();
    }
}

static void node_do(uint8_t kind, struct qn_reader *in)
{
    static const uint8_t body[UINT8_MAX * 64];
    uint8_t which = qn_reader_u8(in), one = qn_reader_u8(in);
    uint32_t peer = now_up_count == 0 ? 77 : now_up[which % now_up_count];

    if (kind == 7) {
        struct qn_slice slice = {NULL, body, 64u * qn_reader_u8(in)};

        qnk_peers_send(peers, peer, one % QNK_LANES, QNK_WIRE_TXS, 0, NULL, slice);
    } else if (kind == 8) {
        qnk_peers_score(peers, peer, one % QNK_FAULTS);
    } else {
        struct qnk_hash key;

        memcpy(key.bytes, identities[one % KEYS].key, QN_KEY_SIZE);
        if (which % 4 == 0) {
            (void)!qnk_peers_ban(peers, &key, one, "so it is");
        } else if (which % 4 == 1) {
            (void)!qnk_peers_unban(peers, &key);
        } else if (which % 4 == 2) {
            (void)!qnk_peers_add(peers, &key, "fake://nowhere");
        } else {
            (void)!qnk_peers_remove(peers, &key);
        }
    }
}

static void deed_do(struct qn_reader *in, uint32_t *ticks)
{
    static void (*const deeds[])(struct qn_reader *) = {any_do, dial_do, change_do, message_do,
                                                        frame_do};
    uint8_t kind = qn_reader_u8(in) % 10;

    if (kind < 5) {
        deeds[kind](in);
    } else if (kind == 5) {
        time_do(in, ticks);
    } else if (kind == 6) {
        struct side *side = side_of(qn_reader_u8(in));

        if (side != NULL && side->link != 0) {
            fake_cut(net, (uint32_t)(side->link - 1) / 2);
        }
    } else {
        node_do(kind, in);
    }
    pump_all();
}

/* --- the run --- */

static void net_begin(void)
{
    QN_ASSERT(sodium_init() >= 0);
    for (uint8_t i = 0; i < KEYS; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 10)};

        qnk_session_identity_init(&identities[i], &network, seed, 2, "same");
    }
    net = qnk_memory_take(&net_budget, sizeof *net);
    QN_ASSERT(net != NULL);
    fake_net_init(net);
    node_make();
    pump_all();
    used_begun = budget.used;
    fuzz_heap_keep();
}

static void begin(void)
{
    now_us = UINT64_C(1767268800000000);
    sides_count = now_up_count = 0;
    chances = CHANCES;
    if (net == NULL) {
        net_begin();
    }
    fuzz_heap_reset();
    budget.used = used_begun;
}

static void end(void)
{
    struct qnk_peer_view views[32];

    QN_ASSERT(qnk_peers_list(peers, views, 32) <= 32);
    qnk_peers_stop(peers, now_us);
    pump_all();
    qnk_peers_destroy(peers);
    QN_ASSERT(now_up_count == 0);
    for (uint32_t i = 0; i < sides_count; i++) {
        qnk_session_done(&sides[i].session);
    }
    fake_net_done(net);
    QN_ASSERT(net->budget.used == 0 && budget.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    uint32_t ticks = 0;

    begin();
    for (uint32_t i = 0; i < DEEDS_MAX && in.at != NULL && in.left > 0; i++) {
        deed_do(&in, &ticks);
    }
    end();
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t good[] = {1, 0, 0, 5,  4, 4, 0, 0, 1, 0, 0, 0, 2,   7,   7, 4, 0, 2,
                                   9, 1, 0, 9,  1, 5, 7, 0, 1, 9, 5, 3, 3,   0,   1, 1, 1, 1,
                                   0, 0, 5, 20, 8, 0, 1, 3, 0, 2, 3, 5, 'b', 'y', 5, 9};
    static const uint8_t many[] = {1, 0, 0, 1, 0, 0, 1,  1, 0, 1,   2, 0, 5, 3, 9, 0, 1, 6,
                                   0, 5, 9, 1, 0, 1, 40, 1, 5, 120, 9, 2, 2, 9, 3, 2, 5, 9};
    static const uint8_t wrong[] = {1, 0, 0, 2, 0, 9, 1, 5, 4, 1, 1, 0, 0, 0,   3, 0, 1, 2, 3,
                                    5, 9, 1, 2, 0, 5, 2, 4, 2, 0, 1, 1, 0, 159, 1, 7, 5, 2};

    take(good, sizeof good);
    take(many, sizeof many);
    take(wrong, sizeof wrong);
}
