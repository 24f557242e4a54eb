/* SPDX-License-Identifier: MIT */

/* world.c: three honest nodes of the shipped core among fake plugins, and a fourth member that says
 * whatever the input says. A signature of 64 times 0x5a is good if the key is that member's: so the
 * liar needs no luck to sign, and what others sign cannot be forged. The input is a list of deeds,
 * each a byte for its kind and then
 *
 *     0  run: ms u8
 *     1  a frame: to u8, type u8, size u16, bytes
 *     2  a vote: to, window, step, round, vr, digest, tail's size, all u8, the tail
 *     3  a header on the head of a node: to, rank, time, a number of changes, all u8, the changes
 *     4  what somebody said last: to, type, a number of changes, all u8, the changes
 *     5  a transaction of the liar: to, kind, nonce, payload's size, all u8, the payload
 *     6  evidence against the liar: to, type, window, step, round, all u8
 *     7  a question: to, type, first, count, all u8
 *     8  the power of an honest node goes and comes back: which u8
 *     9  where the liar stands: to, windows, blocks, all u8
 *
 * A change is an offset u16 and a byte (xor). Honest nodes agree on what is final, none halts, none
 * signs against itself, and all memory comes back. */

#include <sodium.h>
#include <stdio.h>

#include "tests/test.h"

#include <qnet/signature.h>

#include "kernel/chain/abandon.h"
#include "kernel/chain/kernel_tx.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/tx.h"
#include "kernel/chain/wire.h"
#include "kernel/sim/fake.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heap.h"
#include "tests/sim/net.h"

enum {
    NODES = 4,
    LIAR = 3,
    FORGED = 0x5A,
    DEEDS_MAX = 48,
    CRASHES_MAX = 2,
    TIME_MAX_MS = 1600,
    TYPES = QNK_WIRE_ABANDON + 1,
    SAID_MAX = 1 << 14,
};

static struct net *net, begun; /* begun: as each input finds it */
static struct qnk_world_maker fakes;

struct said {
    uint64_t size;
    uint8_t bytes[SAID_MAX];
};

static struct said *said; /* by anybody, by its type */
static struct qnk_budget said_budget = {.limit = TYPES * sizeof(struct said)};

/* --- what the liar signs --- */

static bool is_forged(const struct qn_signature_item *item)
{
    for (uint32_t i = 0; i < QN_SIG_SIZE; i++) {
        if (item->sig[i] != FORGED) {
            return false;
        }
    }
    return memcmp(item->key, net->set->members[LIAR].key.bytes, QN_KEY_SIZE) == 0;
}

static int32_t verify_batch(struct qn_inst *inst, uint32_t lane,
                            const struct qn_signature_item *items, uint32_t count, uint8_t *bitmap)
{
    const struct qn_signature_1 *true_slots = qnk_fake_signature.table;
    int32_t status = true_slots->verify_batch(inst, lane, items, count, bitmap);

    for (uint32_t i = 0; i < count; i++) {
        if (is_forged(&items[i])) {
            bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
        }
    }
    return status;
}

static const struct qn_signature_1 slots = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = verify_batch,
};

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    bool is_made = fakes.make(ctx, node, is_first, plugins);

    plugins->signature = (struct qnk_plugged){.table = &slots};
    return is_made;
}

/* --- the world --- */

static void note(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    (void)ctx;
    if (effect->type == QNK_EFFECT_HALT && node != LIAR) {
        fprintf(stderr, "node %u halts: %s\n", node, effect->halt.text);
        QN_ASSERT(false);
    }
}

static bool listen_to(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    (void)ctx;
    (void)node;
    if (effect->type == QNK_EFFECT_SEND && effect->send.type < TYPES) {
        struct said *it = &said[effect->send.type];
        const struct qn_buf *head = effect->send.head;
        uint64_t size = head == NULL ? 0 : head->size;

        if (size + effect->send.body.size <= SAID_MAX) {
            if (size > 0) {
                memcpy(it->bytes, head->data, size);
            }
            if (effect->send.body.size > 0) {
                memcpy(it->bytes + size, effect->send.body.data, effect->send.body.size);
            }
            it->size = size + effect->send.body.size;
        }
    }
    return true;
}

/* Ten keys' chains of a million hashes: not in any input's time. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static bool is_ready;

    (void)argc;
    (void)argv;
    QN_ASSERT(is_ready || net_init());
    is_ready = true;
    return 0;
}

static void net_begin(void)
{
    static const struct qnk_watch watch = {.effect = listen_to};

    QN_ASSERT(LLVMFuzzerInitialize(NULL, NULL) == 0);
    said = qnk_memory_take(&said_budget, TYPES * sizeof *said);
    QN_ASSERT(said != NULL);
    net = net_make(NODES, NODES, 1);
    fakes = net->setup.maker;
    net->setup.maker.make = make;
    net->setup.note = note;
    net->setup.params.window = 4;
    net->setup.limits.mempool_txs = 64;
    net->setup.limits.mempool_bytes = 1 << 16;
    net->setup.limits.mempool_senders = 16;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, NODES);
    submit(net, 0, 1, 0, 3);
    net_run_ms(net, 700);
    begun = *net;
    fuzz_heap_keep();
}

static void begin(void)
{
    if (net == NULL) {
        net_begin();
    }
    fuzz_heap_reset();
    *net = begun;
}

static void end(void)
{
    net_run_ms(net, 450);
    assert_agreement(net);
    for (uint32_t i = 0; i < LIAR; i++) {
        QN_ASSERT(qnk_node_counters(qnk_world_node(net->world, i))->sign_refused[1] == 0);
    }
    qnk_world_destroy(net->world);
    qnk_set_unref(net->set);
    QN_ASSERT(net->budget.used == 0);
}

/* --- deeds --- */

static void say(uint32_t to, uint8_t type, const uint8_t *body, uint64_t size)
{
    static const uint8_t lanes[] = {
        [QNK_WIRE_HEADERS] = QNK_LANE_BLOCKS,   [QNK_WIRE_FETCH_BODIES] = QNK_LANE_BLOCKS,
        [QNK_WIRE_BODY_PART] = QNK_LANE_BLOCKS, [QNK_WIRE_FETCH_CHAIN] = QNK_LANE_BLOCKS,
        [QNK_WIRE_TXS] = QNK_LANE_TXS,          [QNK_WIRE_TX_IDS] = QNK_LANE_TXS,
        [QNK_WIRE_FETCH_TXS] = QNK_LANE_TXS,    [QNK_WIRE_FETCH_MACROS] = QNK_LANE_SYNC,
        [QNK_WIRE_MACROS] = QNK_LANE_SYNC,      [QNK_WIRE_FETCH_RANGE] = QNK_LANE_SYNC,
        [QNK_WIRE_RANGE] = QNK_LANE_SYNC,       [QNK_WIRE_MACRO] = QNK_LANE_CONSENSUS,
    };
    uint8_t lane = type < sizeof lanes ? lanes[type] : QNK_LANE_CONSENSUS;

    qnk_world_say(net->world, LIAR, to % LIAR, lane, type, (struct qn_span){body, size});
}

static void changes_lay(struct qn_reader *in, uint8_t count, uint8_t *bytes, uint64_t size)
{
    for (uint32_t i = 0; i < count % 16u && size > 0; i++) {
        uint16_t offset = qn_reader_u16(in);

        bytes[offset % size] ^= qn_reader_u8(in);
    }
}

static void frame_do(struct qn_reader *in)
{
    uint8_t to = qn_reader_u8(in), type = qn_reader_u8(in);
    uint16_t size = qn_reader_u16(in);
    const uint8_t *bytes = qn_reader_fixed(in, size);

    if (bytes != NULL) {
        say(to, type, bytes, size);
    }
}

/* The window that is said to a node: around its open one. */
static uint64_t window_at(uint32_t to, uint8_t from)
{
    uint64_t final = look(net, to % LIAR).final_window;

    return from >= 250            ? UINT64_MAX - (255 - from)
           : final + from % 8 > 2 ? final + from % 8 - 2
                                  : 1;
}

static void vote_do(struct qn_reader *in)
{
    static uint8_t body[4 + QNK_VOTE_WIRE_SIZE + UINT8_MAX];
    uint8_t to = qn_reader_u8(in), window = qn_reader_u8(in), step = qn_reader_u8(in);
    struct qnk_vote vote = {.step = step, .window = window_at(to, window), .member = LIAR};
    uint8_t round = qn_reader_u8(in), vr = qn_reader_u8(in);
    uint8_t digest = qn_reader_u8(in), size = qn_reader_u8(in);
    const uint8_t *tail = qn_reader_fixed(in, size);

    if (tail == NULL) {
        return;
    }
    vote.round = round < 250 ? round % 16 : UINT32_MAX - round;
    vote.vr = vr < 250 ? vr % 16 - 1 : INT32_MIN + vr;
    vote.digest.bytes[0] = digest % 4;
    if (digest >= 128 && said[QNK_WIRE_VOTES].size >= 4 + QNK_VOTE_WIRE_SIZE) {
        struct qn_span rest = {said[QNK_WIRE_VOTES].bytes + 4, said[QNK_WIRE_VOTES].size - 4};
        struct qnk_vote other;

        if (qnk_vote_next(&rest, &other) == QN_OK) {
            vote.digest = other.digest;
        }
    }
    vote.tail = (struct qn_span){tail, size};
    memset(vote.signature, FORGED, sizeof vote.signature);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    say(to, QNK_WIRE_VOTES, body, 4 + qnk_vote_size(&vote));
}

static void header_do(struct qn_reader *in)
{
    uint8_t body[4 + QNK_MICRO_SIZE];
    uint8_t to = qn_reader_u8(in), rank = qn_reader_u8(in), time = qn_reader_u8(in);
    uint8_t changes = qn_reader_u8(in);
    struct qnk_node_view view = look(net, to % LIAR);
    struct qnk_block_view head;
    struct qnk_micro header;

    if (!qnk_node_block_at(qnk_world_node(net->world, to % LIAR), view.head_height, &head)) {
        return;
    }
    header = *head.header;
    header.view = rank < 250 ? rank % 8 : UINT16_MAX - rank;
    header.producer = LIAR;
    header.height++;
    header.time_ms += 90u + time;
    header.flags =
        (uint8_t)(qnk_window_of(header.height, net->setup.params.window) - 1 - view.final_window);
    header.tx_count = header.body_size = header.backlog = 0;
    memset(header.tx_root.bytes, 0, QN_HASH_SIZE);
    qnk_micro_id(head.header, &header.parent);
    qn_le32_write(body, 1);
    qnk_micro_encode(&header, body + 4);
    changes_lay(in, changes, body + 4, QNK_MICRO_SIZE - QN_SIG_SIZE);
    memset(body + 4 + QNK_MICRO_SIZE - QN_SIG_SIZE, FORGED, QN_SIG_SIZE);
    say(to, QNK_WIRE_HEADERS, body, sizeof body);
}

static void echo_do(struct qn_reader *in)
{
    static uint8_t body[SAID_MAX];
    uint8_t to = qn_reader_u8(in), type = qn_reader_u8(in) % TYPES, changes = qn_reader_u8(in);
    uint64_t size = said[type].size;

    memcpy(body, said[type].bytes, size);
    changes_lay(in, changes, body, size);
    if (changes >= 128 && size > changes) {
        size -= changes - 128u; /* cut, too */
    }
    say(to, type, body, size);
}

static void tx_say(uint8_t to, uint8_t kind, uint64_t nonce, struct qn_span payload)
{
    static uint8_t body[4 + QNK_TX_SIZE_MAX];
    uint8_t signature[QN_SIG_SIZE];
    struct qnk_tx tx = {.payload = payload, .nonce = nonce, .valid_until = 100};

    memset(signature, FORGED, sizeof signature);
    tx.from = net->set->members[LIAR].key.bytes;
    tx.signature = signature;
    tx.fee = kind == QNK_TX_TRANSFER ? FEE : 0;
    qn_le32_write(body, 1);
    qnk_tx_encode(&tx, body + 4);
    body[4 + 1] = kind; /* of any kind, also where its rules forbid the rest */
    say(to, QNK_WIRE_TXS, body, 4 + qnk_tx_size((uint32_t)payload.size));
}

static void tx_do(struct qn_reader *in)
{
    uint8_t to = qn_reader_u8(in), kind = qn_reader_u8(in), nonce = qn_reader_u8(in);
    uint8_t size = qn_reader_u8(in);
    const uint8_t *payload = qn_reader_fixed(in, size);

    if (payload != NULL) {
        tx_say(to, kind % 8, kind < 128 && kind % 8 != 0 ? 0 : nonce,
               (struct qn_span){payload, size});
    }
}

static void evidence_do(struct qn_reader *in)
{
    uint8_t payload[QNK_EVIDENCE_MAX], words[QNK_STANDING_SIZE];
    uint8_t to = qn_reader_u8(in), type = qn_reader_u8(in), window = qn_reader_u8(in);
    uint8_t step = qn_reader_u8(in) % 6, round = qn_reader_u8(in);
    struct qnk_evidence evidence = {.member = LIAR, .window = window_at(to, window)};

    type = type < 0xF0 ? type % 4 + 1 : QNK_EVIDENCE_AFTER_ABANDON;
    evidence.type = type;
    for (uint8_t i = 0; i < 2; i++) {
        struct qnk_micro *block = &evidence.blocks[i];
        struct qnk_vote *vote = &evidence.votes[i];

        block->version = QNK_MICRO_VERSION;
        block->height = (evidence.window - 1) * net->setup.params.window + 1 + round % 4;
        block->producer = LIAR;
        block->time_ms = i;
        memset(block->signature, FORGED, QN_SIG_SIZE);
        vote->window = evidence.window;
        vote->member = LIAR;
        vote->vr = -1;
        vote->step = type == QNK_EVIDENCE_LOCK_VIOLATION  ? (i == 0 ? 2 : 1)
                     : type == QNK_EVIDENCE_FALSE_OPENING ? i
                                                          : step;
        vote->round = type == QNK_EVIDENCE_FALSE_OPENING    ? 0
                      : type == QNK_EVIDENCE_LOCK_VIOLATION ? round % 4u + i
                                                            : round % 4u;
        vote->digest.bytes[0] = i + 1;
        vote->open.bytes[0] = type == QNK_EVIDENCE_FALSE_OPENING && i == 1 ? 9 : 0;
        memset(vote->signature, FORGED, QN_SIG_SIZE);
    }
    if (type == QNK_EVIDENCE_AFTER_ABANDON) {
        struct qnk_standing stood = {.lock_round = -1, .round = round % 3u};

        qnk_standing_encode(&stood, words);
        qnk_standing_digest(words, &evidence.votes[0].digest);
        evidence.votes[0].step = QNK_STEP_ABANDON;
        evidence.votes[0].round = 0;
        evidence.votes[0].open = (struct qnk_hash){{0}};
        evidence.votes[0].tail = (struct qn_span){words, sizeof words};
    }
    tx_say(to, QNK_TX_EVIDENCE, 0,
           (struct qn_span){payload, qnk_evidence_encode(&evidence, payload)});
}

static void question_do(struct qn_reader *in)
{
    static const uint8_t types[] = {QNK_WIRE_FETCH_MACROS, QNK_WIRE_FETCH_RANGE,
                                    QNK_WIRE_FETCH_CHAIN, QNK_WIRE_FETCH_BODIES};
    uint8_t body[128], to = qn_reader_u8(in), type = types[qn_reader_u8(in) % 4];
    uint8_t first = qn_reader_u8(in), count = qn_reader_u8(in);
    struct qnk_fetch fetch = {.first = first < 250 ? first : UINT64_MAX - (255 - first)};
    struct qnk_fetch_chain chain = {.above = fetch.first};
    uint64_t size = 4 + QN_HASH_SIZE;

    fetch.count = count < 250 ? count : UINT32_MAX - count;
    chain.id = look(net, to % LIAR).head;
    if (type == QNK_WIRE_FETCH_CHAIN) {
        qnk_fetch_chain_encode(&chain, body);
        size = QNK_FETCH_CHAIN_SIZE;
    } else if (type == QNK_WIRE_FETCH_BODIES) {
        qn_le32_write(body, 1);
        memcpy(body + 4, chain.id.bytes, QN_HASH_SIZE);
    } else {
        qnk_fetch_encode(&fetch, body);
        size = QNK_FETCH_SIZE;
    }
    qnk_world_send(
        net->world, LIAR, to % LIAR,
        (struct qnk_frame){.lane = type >= QNK_WIRE_FETCH_MACROS ? QNK_LANE_SYNC : QNK_LANE_BLOCKS,
                           .type = type,
                           .request = first + 1u},
        (struct qn_span){body, size});
}

static void status_do(struct qn_reader *in)
{
    static uint8_t body[QNK_STATUS_SIZE];
    uint8_t to = qn_reader_u8(in), windows = qn_reader_u8(in), blocks = qn_reader_u8(in);
    struct said *it = &said[QNK_WIRE_STATUS];
    struct qnk_status status;

    if (qnk_status_decode((struct qn_span){it->bytes, it->size}, &status) == QN_OK) {
        status.final_window += windows;
        status.head_height += blocks;
        qnk_status_encode(&status, body);
        say(to, QNK_WIRE_STATUS, body, sizeof body);
    }
}

static void crash_do(struct qn_reader *in, uint32_t *crashes)
{
    uint8_t node = qn_reader_u8(in) % LIAR;

    if (++*crashes <= CRASHES_MAX) {
        qnk_world_crash(net->world, node);
        net_run_ms(net, 20);
        QN_ASSERT(qnk_world_start(net->world, node));
    }
}

static void deed_do(struct qn_reader *in, uint64_t *left_ms, uint32_t *crashes)
{
    static void (*const deeds[])(struct qn_reader *) = {
        [1] = frame_do, [2] = vote_do,     [3] = header_do,   [4] = echo_do,
        [5] = tx_do,    [6] = evidence_do, [7] = question_do, [9] = status_do,
    };
    uint8_t kind = qn_reader_u8(in) % 10;

    if (kind == 0) {
        uint64_t ms = qn_reader_u8(in);

        ms = ms < *left_ms ? ms : *left_ms;
        *left_ms -= ms;
        net_run_ms(net, ms);
    } else if (kind == 8) {
        crash_do(in, crashes);
    } else {
        deeds[kind](in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});
    uint64_t left_ms = TIME_MAX_MS;
    uint32_t crashes = 0;

    begin();
    for (uint32_t i = 0; i < DEEDS_MAX && in.at != NULL && in.left > 0; i++) {
        deed_do(&in, &left_ms, &crashes);
    }
    end();
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t votes[] = {2, 0, 3, 1, 0, 0, 1, 0,   2,  0, 3, 1, 0, 0, 2, 0,   2,
                                    1, 3, 2, 0, 0, 1, 0, 0,   50, 2, 2, 3, 2, 0, 0, 128, 0,
                                    6, 0, 1, 3, 2, 0, 0, 200, 6,  1, 0, 2, 0, 1, 0, 200};
    static const uint8_t blocks[] = {3,  0, 0, 0, 0,  3, 0, 1, 30, 0, 3, 1, 2, 60, 1, 8, 0, 3, 0,
                                     50, 3, 2, 3, 90, 0, 4, 0, 5,  1, 9, 0, 1, 4,  1, 2, 0, 0, 200};
    static const uint8_t questions[] = {7, 0, 0, 1, 9, 7, 1, 1,   1, 9, 7, 2,   2, 0, 0, 7, 0, 3,
                                        0, 0, 9, 0, 5, 9, 0, 100, 8, 1, 0, 200, 5, 0, 3, 0, 0};

    take(votes, sizeof votes);
    take(blocks, sizeof blocks);
    take(questions, sizeof questions);
}
