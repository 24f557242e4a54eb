/* SPDX-License-Identifier: MIT */

/* How bodies come when some keep them back, forge them or send them by drips: the others have them
 * all the same, and nobody pays for what another did. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/tx.h"
#include "kernel/chain/wire.h"
#include "kernel/node/core.h"
#include "tests/sim/net.h"

/* --- blocks that are made up --- */

enum { MADE_TXS_MAX = 800, MADE_SIZE_MAX = MADE_TXS_MAX * QNK_TX_USER_SIZE_MAX };

/* A block as a member may sign it, with transfers that do not come to much. */
struct made {
    struct qnk_micro header;
    struct qnk_hash id;
    uint8_t body[MADE_SIZE_MAX];
};

static uint32_t rank_of(const struct qnk_node *node, uint64_t height, uint32_t member)
{
    uint32_t producer = UINT32_MAX;
    uint16_t rank = 0;

    while (qnk_schedule_turn(node->schedule, height, rank, &producer) == QN_OK &&
           producer != member) {
        rank++;
    }
    return rank;
}

/* Its body: `count` transactions, each with a payload of that size. */
static void made_fill(const struct net *net, struct made *made, uint32_t count, uint32_t payload,
                      bool are_signed)
{
    static uint8_t message[QNK_TX_MESSAGE_MAX], zeros[QNK_TX_PAYLOAD_MAX];
    struct qnk_hash leaves[MADE_TXS_MAX];
    uint32_t size = qnk_tx_size(payload);
    uint8_t *at = made->body;

    assert_true(count <= MADE_TXS_MAX);
    for (uint32_t i = 0; i < count; i++, at += size) {
        struct qnk_tx tx = {
            .payload = {zeros, payload},
            .from = net->senders[0].bytes,
            .nonce = i,
            .valid_until = 4000,
            .fee = FEE,
            .kind = QNK_TX_TRANSFER,
        };

        qnk_tx_encode(&tx, at);
        assert_int_equal(qnk_tx_decode((struct qn_span){at, size}, &tx), QN_OK);
        if (are_signed) {
            crypto_sign_detached(at + size - QN_SIG_SIZE, NULL, message,
                                 qnk_tx_message(&tx, &net->setup.params.chain_id, message),
                                 net->sender_secrets[0]);
        }
        assert_int_equal(qnk_tx_decode((struct qn_span){at, size}, &tx), QN_OK);
        qnk_tx_id(&tx, &leaves[i]);
    }
    made->header.tx_count = count;
    made->header.body_size = count * size;
    qnk_merkle_fold(leaves, count, &made->header.tx_root);
}

static void made_sign(const struct net *net, struct made *made)
{
    uint8_t message[QNK_MICRO_MESSAGE_SIZE];

    qnk_micro_message(&made->header, &net->setup.params.chain_id, message);
    sign_as(net, made->header.producer, message, sizeof message, made->header.signature);
    qnk_micro_id(&made->header, &made->id);
}

static void made_tell(struct net *net, const struct made *made, uint32_t from, uint32_t to)
{
    uint8_t body[4 + QNK_MICRO_SIZE];

    qn_le32_write(body, 1);
    qnk_micro_encode(&made->header, body + 4);
    qnk_world_say(net->world, from, to, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS,
                  (struct qn_span){body, sizeof body});
}

/* One part of its body; a forged one is all zeros. */
static void made_part(struct net *net, const struct made *made, uint32_t from, uint32_t to,
                      uint32_t index, bool is_forged)
{
    static uint8_t bytes[QNK_BODY_PART_HEAD_SIZE + QNK_WIRE_PART_SIZE];
    uint32_t at = index * QNK_WIRE_PART_SIZE, size = made->header.body_size - at;
    struct qnk_body_part part = {
        .id = made->id,
        .index = index,
        .count = (made->header.body_size + QNK_WIRE_PART_SIZE - 1) / QNK_WIRE_PART_SIZE,
        .body_size = made->header.body_size,
    };

    size = size < QNK_WIRE_PART_SIZE ? size : QNK_WIRE_PART_SIZE;
    part.bytes = (struct qn_span){made->body + at, size};
    memset(bytes, 0, sizeof bytes);
    qnk_body_part_head(&part, bytes);
    if (!is_forged) {
        memcpy(bytes + QNK_BODY_PART_HEAD_SIZE, part.bytes.data, size);
    }
    qnk_world_say(net->world, from, to, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART,
                  (struct qn_span){bytes, QNK_BODY_PART_HEAD_SIZE + size});
}

static struct qnk_block *made_at(struct net *net, const struct made *made, uint32_t node)
{
    return qnk_tree_find(qnk_world_node(net->world, node)->tree, &made->id);
}

/* --- blame --- */

enum { LIAR = 3 };
enum wrong { BAD_SIGNATURE, BAD_EFFECTS, BAD_ROOT };

/* Who charged whom for bad blocks, and who sent parts of `made`. */
struct charges {
    struct made made;
    uint32_t blamed[4][4];
    uint32_t served;
};

static bool charges_keep(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct charges *it = ctx;

    if (effect->type == QNK_EFFECT_SCORE && effect->score.fault == QNK_FAULT_BAD_BLOCK) {
        it->blamed[node][effect->score.peer - 1]++;
    }
    it->served += effect->type == QNK_EFFECT_SEND && effect->send.type == QNK_WIRE_BODY_PART &&
                  memcmp(effect->send.head->data, it->made.id.bytes, QN_HASH_SIZE) == 0;
    return true;
}

/* A block of the liar, whose turn it is next, with something wrong in it. False: the nodes 1 and 2
 * do not have its header in time. */
static bool say_wrong(struct net *net, struct made *made, enum wrong wrong)
{
    struct qnk_node *node = qnk_world_node(net->world, 0);
    struct qnk_node_view view = look(net, 0);
    struct qnk_block_view head;

    while (rank_of(node, view.head_height + 1, LIAR) != 0) {
        net_run_ms(net, 5);
        view = look(net, 0);
    }
    assert_true(qnk_node_block_at(node, view.head_height, &head));
    made->header = *head.header;
    made->header.height++;
    made->header.view = 0;
    made->header.producer = LIAR;
    made->header.time_ms += view.interval_ms;
    made->header.flags =
        (uint8_t)(qnk_window_of(made->header.height, WINDOW) - 1 - view.final_window);
    made->header.backlog = 0;
    qnk_micro_id(head.header, &made->header.parent);
    made_fill(net, made, 1, 40, wrong != BAD_SIGNATURE);
    made->header.tx_root.bytes[0] ^= wrong == BAD_ROOT;
    made_sign(net, made);
    for (uint32_t to = 1; to < 3; to++) {
        made_tell(net, made, LIAR, to);
    }
    net_run_ms(net, 20);
    return made_at(net, made, 1) != NULL && made_at(net, made, 2) != NULL;
}

/* Node 1 has such a block from the liar, and node 2 from node 1, before it was looked at. */
static void relayed(enum wrong wrong, uint64_t seed, struct charges *it)
{
    struct net *net = net_make(4, 4, seed);
    const struct qnk_watch watch = {.ctx = it, .effect = charges_keep};
    uint32_t tries = 0;

    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 3);
    net_start(net, LIAR, LIAR + 1);
    net_run_ms(net, 2000);
    while (!say_wrong(net, &it->made, wrong)) {
        assert_true(++tries < 20);
    }
    made_part(net, &it->made, LIAR, 1, 0, false);
    made_part(net, &it->made, 1, 2, 0, false);
    net_run_ms(net, 300);
    if (wrong != BAD_ROOT) {
        uint8_t ask[4 + QN_HASH_SIZE];

        assert_int_equal(made_at(net, &it->made, 1)->state, QNK_BLOCK_BAD);
        assert_int_equal(made_at(net, &it->made, 2)->state, QNK_BLOCK_BAD);
        qn_le32_write(ask, 1);
        memcpy(ask + 4, it->made.id.bytes, QN_HASH_SIZE);
        qnk_world_say(net->world, 2, 1, QNK_LANE_BLOCKS, QNK_WIRE_FETCH_BODIES,
                      (struct qn_span){ask, sizeof ask});
        net_run_ms(net, 50);
    }
    net_drop(net);
}

static void who_passes_a_bad_block_on_is_not_blamed(void **state)
{
    static const enum wrong wrongs[] = {BAD_SIGNATURE, BAD_EFFECTS};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct charges *it = calloc(1, sizeof *it);

        assert_non_null(it);
        relayed(wrongs[i], 45 + i, it);
        assert_int_equal(it->blamed[2][1], 0);
        assert_int_equal(it->served, 0);
        free(it);
    }
}

static void who_sends_what_is_no_blocks_body_is_blamed(void **state)
{
    struct charges *it = calloc(1, sizeof *it);

    (void)state;
    assert_non_null(it);
    relayed(BAD_ROOT, 47, it);
    assert_int_equal(it->blamed[2][1], 1);
    assert_int_equal(it->blamed[1][LIAR], 1);
    free(it);
}

/* --- whom to ask --- */

enum { ASKS_MAX = 4096, DEAF = 4 };

/* A node asked a peer for the body of a block that is not final. */
struct ask {
    uint32_t from, to;
    uint64_t at_us;
    struct qnk_hash id;
    bool was_there;
};

struct asks {
    struct net *net;
    uint32_t deaf; /* this node hears no body, but for single bytes */
    uint32_t count;
    uint32_t blamed; /* times that node 0 charged somebody for a bad block */
    struct ask all[ASKS_MAX];
};

static bool bodies_unheard(void *ctx, uint32_t node, struct qnk_event *event)
{
    const struct asks *asks = ctx;

    return node != asks->deaf || event->type != QNK_EVENT_FRAME ||
           event->frame.head.type != QNK_WIRE_BODY_PART ||
           event->frame.head.body.size == QNK_BODY_PART_HEAD_SIZE + 1;
}

static bool asks_keep(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct asks *asks = ctx;
    struct ask *ask = &asks->all[asks->count];
    struct qnk_node *peer;
    struct qnk_block *block;

    asks->blamed +=
        node == 0 && effect->type == QNK_EFFECT_SCORE && effect->score.fault == QNK_FAULT_BAD_BLOCK;
    if (effect->type != QNK_EFFECT_SEND || effect->send.type != QNK_WIRE_FETCH_BODIES) {
        return true;
    }
    assert_true(asks->count++ < ASKS_MAX);
    ask->from = node;
    ask->at_us = qnk_world_now(asks->net->world);
    ask->to = effect->send.peer - 1;
    memcpy(ask->id.bytes, effect->send.head->data + 4, QN_HASH_SIZE);
    peer = qnk_world_node(asks->net->world, ask->to);
    block = peer == NULL ? NULL : qnk_tree_find(peer->tree, &ask->id);
    ask->was_there = block != NULL && block->body != NULL && block->parts == NULL;
    return true;
}

/* A network with blocks that are not empty, whose askings are kept. */
static struct asks *asks_make(uint32_t nodes, uint64_t seed)
{
    struct asks *asks = calloc(1, sizeof *asks);
    const struct qnk_watch watch = {.ctx = asks, .event = bodies_unheard, .effect = asks_keep};

    assert_non_null(asks);
    asks->net = net_make(7, 7, seed);
    asks->deaf = NODES_MAX;
    net_open(asks->net);
    qnk_world_watch(asks->net->world, &watch);
    net_start(asks->net, 0, nodes);
    return asks;
}

static void asks_drop(struct asks *asks)
{
    net_drop(asks->net);
    free(asks);
}

static void transfers(struct net *net, uint32_t nodes, uint32_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        for (uint32_t to = 0; to < nodes; to++) {
            submit(net, to, to, i, i + 1);
        }
        net_run_ms(net, 100);
    }
}

/* Without a quorum on either side, both make a chain. */
static void bodies_of_a_branch_are_asked_of_those_who_stand_on_it(void **state)
{
    struct asks *asks = asks_make(7, 40);

    (void)state;
    net_run_ms(asks->net, 1000);
    for (uint32_t i = 0; i < 4 * 3; i++) {
        qnk_world_link(asks->net->world, i % 4, 4 + i / 4, false);
    }
    transfers(asks->net, 7, 40);
    asks->count = 0;
    for (uint32_t i = 0; i < 4 * 3; i++) {
        qnk_world_link(asks->net->world, i % 4, 4 + i / 4, true);
    }
    net_run_ms(asks->net, 3000);
    assert_true(asks->count > 10);
    for (uint32_t i = 0; i < asks->count; i++) {
        assert_true(asks->all[i].was_there);
    }
    net_run_ms(asks->net, 5000);
    assert_agreement(asks->net);
    asks_drop(asks);
}

/* How many of the first askings for the block of the i-th one were of the same peer. */
static uint32_t asked_again(const struct asks *asks, uint32_t i)
{
    uint32_t again = 0, before = 0;

    for (uint32_t j = 0; j < i; j++) {
        if (asks->all[j].from == DEAF && qnk_hash_equal(&asks->all[j].id, &asks->all[i].id)) {
            again += asks->all[j].to == asks->all[i].to;
            before++;
        }
    }
    return before < DEAF ? again : 0; /* from then on it is the first one's turn again */
}

/* It lacks for a quorum, and has four peers. */
static void nobody_is_asked_again_before_all_were_asked(void **state)
{
    struct asks *asks = asks_make(5, 41);
    uint32_t asked = 0;

    (void)state;
    asks->deaf = DEAF;
    transfers(asks->net, 4, 80);
    for (uint32_t i = 0; i < asks->count; i++) {
        if (asks->all[i].from == DEAF) {
            assert_int_equal(asked_again(asks, i), 0);
            asked++;
        }
    }
    assert_true(asked > 20);
    asks->deaf = NODES_MAX;
    net_run_ms(asks->net, 15000);
    assert_true(look(asks->net, DEAF).final_window > 0);
    asks_drop(asks);
}

/* Without a quorum on either side: what the nodes 0 to 3 make stays in the tree. */
static struct asks *asks_split(uint64_t seed)
{
    struct asks *asks = asks_make(7, seed);

    net_run_ms(asks->net, 1000);
    for (uint32_t i = 0; i < 4 * 3; i++) {
        qnk_world_link(asks->net->world, i % 4, 4 + i / 4, false);
    }
    for (uint32_t i = 0; i < 100 && look(asks->net, 0).head_height < 26; i++) {
        net_run_ms(asks->net, 100);
    }
    return asks;
}

enum { BODILESS_MAX = 512 };

/* Blocks of which no body comes. */
struct bodiless {
    uint32_t size; /* of a body */
    uint32_t count;
    struct qnk_hash ids[BODILESS_MAX];
};

/* Such of this member on every height above the final ones that may have so large a body. */
static void say_bodiless(struct net *net, uint32_t member, struct bodiless *all)
{
    struct qnk_node *node = qnk_world_node(net->world, 0);
    uint64_t last = look(net, 0).head_height;
    uint8_t body[4 + QNK_TREE_TWINS_MAX * QNK_MICRO_SIZE], message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_block_view block;
    uint32_t txs, bytes;

    qn_le32_write(body, QNK_TREE_TWINS_MAX);
    for (uint64_t height = look(net, 0).final_height + 2; height < last; height++) {
        assert_true(qnk_node_block_at(node, height, &block));
        (void)qnk_block_limits(node, height, block.header->flags & QNK_MICRO_LAG_MASK, &txs,
                               &bytes);
        for (uint32_t i = 0; bytes >= all->size && i < QNK_TREE_TWINS_MAX; i++) {
            struct qnk_micro header = *block.header;

            header.view = (uint16_t)rank_of(node, height, member);
            header.producer = (uint16_t)member;
            header.time_ms = node->now_us / 1000; /* any rank is due by now */
            header.tx_count = 1;
            header.body_size = all->size;
            header.tx_root.bytes[0] ^= (uint8_t)(i + 1);
            qnk_micro_message(&header, &net->setup.params.chain_id, message);
            sign_as(net, member, message, sizeof message, header.signature);
            qnk_micro_encode(&header, body + 4 + i * QNK_MICRO_SIZE);
            assert_true(all->count < BODILESS_MAX);
            qnk_micro_id(&header, &all->ids[all->count++]);
        }
        if (bytes >= all->size) {
            say_frame(net, 0, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, body, sizeof body);
        }
        net_run_ms(net, 5);
    }
}

/* The last byte of each of their bodies, of two parts, from who was not asked for it. */
static void drip(struct net *net, const struct bodiless *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        uint8_t body[QNK_BODY_PART_HEAD_SIZE + 1] = {0};
        const struct qnk_body_part part = {
            .id = all->ids[i],
            .index = 1,
            .count = 2,
            .body_size = all->size,
            .bytes = {body + QNK_BODY_PART_HEAD_SIZE, 1},
        };

        qnk_body_part_head(&part, body);
        say_frame(net, 0, QNK_LANE_BLOCKS, QNK_WIRE_BODY_PART, body, sizeof body);
    }
}

/* Two members' blocks without bodies, then some of others whose bodies node 0 misses at first. */
static void others_are_fetched(uint64_t seed, uint32_t size, bool drips, uint32_t seconds)
{
    struct asks *asks = asks_split(seed);
    struct net *net = asks->net;
    struct bodiless all = {.size = size};
    uint64_t head;

    say_bodiless(net, 5, &all);
    say_bodiless(net, 6, &all);
    assert_true(all.count > 64);
    asks->deaf = 0;
    for (uint64_t i = 0; i < 10; i++) {
        for (uint32_t to = 0; to < 4; to++) {
            submit(net, to, to, i, i + 1);
        }
        if (drips && i % 5 == 0) {
            drip(net, &all);
        }
        net_run_ms(net, 100);
    }
    asks->deaf = NODES_MAX;
    head = look(net, 1).head_height;
    assert_true(look(net, 0).head_height + 3 < head);
    for (uint32_t i = 0; i < seconds; i++) {
        if (drips) {
            drip(net, &all);
        }
        net_run_ms(net, 1000);
    }
    assert_true(look(net, 0).head_height >= head);
    asks_drop(asks);
}

static void blocks_without_bodies_keep_no_other_from_being_fetched(void **state)
{
    (void)state;
    others_are_fetched(42, QNK_TX_SIZE_MIN, false, 4);
}

static void parts_that_nobody_asked_for_keep_no_other_from_being_fetched(void **state)
{
    (void)state;
    others_are_fetched(42, QNK_WIRE_PART_SIZE + 1, true, 7);
}

/* When this block was asked for last before the asking number `end`; 0: never. */
static uint64_t asked_before(const struct asks *asks, const struct qnk_hash *id, uint32_t end)
{
    uint64_t at_us = 0;

    for (uint32_t i = 0; i < end; i++) {
        at_us = qnk_hash_equal(&asks->all[i].id, id) ? asks->all[i].at_us : at_us;
    }
    return at_us;
}

/* What is asked for in one look, when everything is due: 64, and none before one that has waited
 * for longer. */
static void assert_oldest_first(const struct asks *asks, const struct bodiless *all, uint32_t first)
{
    uint64_t newest_us = 0, oldest_us = UINT64_MAX;

    assert_true(asks->count >= first + 64);
    for (uint32_t i = 0; i < all->count; i++) {
        uint64_t at_us = asked_before(asks, &all->ids[i], first);
        bool is_asked = asked_before(asks, &all->ids[i], first + 64) != at_us;

        if (is_asked && at_us > newest_us) {
            newest_us = at_us;
        }
        if (!is_asked && at_us != 0 && at_us < oldest_us) {
            oldest_us = at_us;
        }
    }
    assert_true(newest_us <= oldest_us);
}

/* Those of one member came 0.6 s after those of another, on the same heights. */
static void of_those_asked_for_in_vain_the_oldest_are_first(void **state)
{
    struct asks *asks = asks_split(48);
    struct net *net = asks->net;
    struct bodiless all = {.size = QNK_TX_SIZE_MIN};
    uint32_t first;

    (void)state;
    net_run_ms(net, 4000); /* by then any rank was due */
    say_bodiless(net, 5, &all);
    net_run_ms(net, 600);
    say_bodiless(net, 6, &all);
    assert_true(all.count > 2 * 64);
    net_run_ms(net, 4000);
    first = asks->count;
    qnk_world_pause(net->world, 0, qnk_world_now(net->world) + 2000000);
    for (uint32_t i = 0; i < 100 && asks->count < first + 64; i++) {
        net_run_ms(net, 50);
    }
    assert_oldest_first(asks, &all, first);
    asks_drop(asks);
}

/* --- parts --- */

/* A block of member 5 with `txs` transactions of 1 KiB. Node 1 tells node 0 of it, and some other
 * may push the first part of its body along. */
static struct made *made_lacking(struct net *net, uint32_t txs, uint32_t pusher)
{
    struct made *made = calloc(1, sizeof *made);
    struct qnk_node *node = qnk_world_node(net->world, 0);
    struct qnk_block_view block;

    assert_non_null(made);
    assert_true(qnk_node_block_at(node, look(net, 0).final_height + 3, &block));
    made->header = *block.header;
    made->header.view = (uint16_t)rank_of(node, block.header->height, 5);
    made->header.producer = 5;
    made->header.time_ms = node->now_us / 1000;
    made_fill(net, made, txs, QNK_TX_PAYLOAD_MAX, true);
    made_sign(net, made);
    if (pusher != NODES_MAX) {
        made_part(net, made, pusher, 0, 0, false);
        net_run_ms(net, 10);
    }
    made_tell(net, made, 1, 0);
    net_run_ms(net, 30);
    assert_non_null(made_at(net, made, 0));
    return made;
}

static uint32_t asks_of(const struct asks *asks, const struct made *made)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < asks->count; i++) {
        count += asks->all[i].from == 0 && qnk_hash_equal(&asks->all[i].id, &made->id);
    }
    return count;
}

/* Of whom node 0 asked for the block last. */
static uint32_t asked_last(const struct asks *asks, const struct made *made)
{
    for (uint32_t i = asks->count; i-- > 0;) {
        if (asks->all[i].from == 0 && qnk_hash_equal(&asks->all[i].id, &made->id)) {
            return asks->all[i].to;
        }
    }
    return UINT32_MAX;
}

/* Waits until node 0 has asked once more for the block. Of whom. */
static uint32_t asked_next(struct asks *asks, const struct made *made, uint32_t within_ms)
{
    uint32_t before = asks_of(asks, made);

    for (uint32_t i = 0; i < within_ms / 5 && asks_of(asks, made) == before; i++) {
        net_run_ms(asks->net, 5);
    }
    assert_int_equal(asks_of(asks, made), before + 1);
    return asked_last(asks, made);
}

static void made_parts(struct net *net, const struct made *made, uint32_t from)
{
    for (uint32_t i = 0; i * QNK_WIRE_PART_SIZE < made->header.body_size; i++) {
        made_part(net, made, from, 0, i, false);
    }
}

/* The block is whole at node 0, and nobody was charged. */
static void assert_whole(struct asks *asks, struct made *made)
{
    net_run_ms(asks->net, 200);
    assert_int_equal(made_at(asks->net, made, 0)->state, QNK_BLOCK_READY);
    assert_int_equal(asks->blamed, 0);
    free(made);
    asks_drop(asks);
}

static void a_forged_part_of_one_is_not_charged_to_another(void **state)
{
    struct asks *asks = asks_split(43);
    struct made *made = made_lacking(asks->net, 230, NODES_MAX);
    uint32_t to = 1;

    (void)state;
    made_part(asks->net, made, 1, 0, 1, true);
    while (to == 1) {
        to = asked_next(asks, made, 2000);
    }
    made_parts(asks->net, made, to);
    assert_whole(asks, made);
}

static void a_body_that_comes_by_drips_is_asked_for_elsewhere(void **state)
{
    struct asks *asks = asks_split(44);
    struct made *made = made_lacking(asks->net, 700, NODES_MAX);
    uint32_t to = asked_next(asks, made, 2000), before = asks_of(asks, made);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        made_part(asks->net, made, to, 0, i, false);
        net_run_ms(asks->net, 900);
    }
    assert_true(asks_of(asks, made) > before);
    net_run_ms(asks->net, 1500); /* it is somebody's turn anyway */
    to = asked_next(asks, made, 2000);
    made_parts(asks->net, made, to);
    assert_whole(asks, made);
}

static void a_push_that_goes_on_is_not_asked_for_nor_broken_by_others(void **state)
{
    struct asks *asks = asks_split(45);
    struct made *made = made_lacking(asks->net, 700, 2);

    (void)state;
    for (uint32_t i = 1; i < 4; i++) {
        net_run_ms(asks->net, 100);
        made_part(asks->net, made, 1, 0, 4 - i, true);
        made_part(asks->net, made, 2, 0, i, false);
    }
    net_run_ms(asks->net, 20);
    assert_int_equal(asks_of(asks, made), 0);
    assert_whole(asks, made);
}

static void a_push_that_stops_is_asked_for_and_the_first_whole_copy_counts(void **state)
{
    struct asks *asks = asks_split(46);
    struct made *made = made_lacking(asks->net, 700, 2);
    uint32_t pusher = 2, to;

    (void)state;
    to = asked_next(asks, made, 700);
    if (to == pusher) {
        to = asked_next(asks, made, 2000);
    }
    for (uint32_t i = 0; i < 4; i++) {
        made_part(asks->net, made, to, 0, i, false);
        made_part(asks->net, made, pusher, 0, i, false);
    }
    assert_whole(asks, made);
}

static void who_goes_in_the_midst_of_a_body_is_replaced_at_once(void **state)
{
    struct asks *asks = asks_split(47);
    struct made *made = made_lacking(asks->net, 700, NODES_MAX);
    uint32_t gone = asked_next(asks, made, 2000);

    (void)state;
    made_part(asks->net, made, gone, 0, 0, false);
    net_run_ms(asks->net, 20);
    qnk_world_link(asks->net->world, 0, gone, false);
    made_parts(asks->net, made, asked_next(asks, made, 300));
    assert_whole(asks, made);
}

/* A peer says that it stands on nothing. */
static void say_low(struct net *net, uint32_t from)
{
    struct qnk_status status = {.node_type = QNK_NODE_SUPER, .serves = 1};
    uint8_t body[QNK_STATUS_SIZE];

    qnk_status_encode(&status, body);
    qnk_world_say(net->world, from, 0, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                  (struct qn_span){body, sizeof body});
}

/* Of three peers two were asked, of which one then has no such block any more. */
static void who_takes_its_word_back_keeps_nobody_from_its_turn(void **state)
{
    struct asks *asks = asks_split(50);
    struct made *made;
    uint32_t first, second;

    (void)state;
    net_run_ms(asks->net, 15000); /* heads move no more */
    made = made_lacking(asks->net, 230, NODES_MAX);
    assert_int_equal(asks_of(asks, made), 1); /* others are higher: at once */
    first = asked_last(asks, made);
    second = asked_next(asks, made, 2000);
    say_low(asks->net, first);
    assert_int_equal(asked_next(asks, made, 2000), 1 + 2 + 3 - first - second);
    made_parts(asks->net, made, 1 + 2 + 3 - first - second);
    assert_whole(asks, made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_passes_a_bad_block_on_is_not_blamed),
        cmocka_unit_test(who_sends_what_is_no_blocks_body_is_blamed),
        cmocka_unit_test(bodies_of_a_branch_are_asked_of_those_who_stand_on_it),
        cmocka_unit_test(nobody_is_asked_again_before_all_were_asked),
        cmocka_unit_test(blocks_without_bodies_keep_no_other_from_being_fetched),
        cmocka_unit_test(parts_that_nobody_asked_for_keep_no_other_from_being_fetched),
        cmocka_unit_test(of_those_asked_for_in_vain_the_oldest_are_first),
        cmocka_unit_test(a_forged_part_of_one_is_not_charged_to_another),
        cmocka_unit_test(a_body_that_comes_by_drips_is_asked_for_elsewhere),
        cmocka_unit_test(a_push_that_goes_on_is_not_asked_for_nor_broken_by_others),
        cmocka_unit_test(a_push_that_stops_is_asked_for_and_the_first_whole_copy_counts),
        cmocka_unit_test(who_takes_its_word_back_keeps_nobody_from_its_turn),
        cmocka_unit_test(who_goes_in_the_midst_of_a_body_is_replaced_at_once),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
