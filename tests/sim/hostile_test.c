/* SPDX-License-Identifier: MIT */

/* What one liar says, with a member's key or with none: the others go on. Bodies: bodies_test.c. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/wire.h"
#include "kernel/node/core.h"
#include "tests/sim/net.h"

enum { LIAR = 3, TX_ROOM = 1024 /* of a frame with one of the kernel's */ };

/* --- headers --- */

/* Headers on the node's head with this time, of the liar: one for each rank that it might have. */
static bool say_headers(struct net *net, uint32_t to, uint64_t time_ms)
{
    uint8_t body[4 + 4 * QNK_MICRO_SIZE], message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_node_view view = look(net, to);
    struct qnk_block_view head;

    if (!qnk_node_block_at(qnk_world_node(net->world, to), view.head_height, &head)) {
        return false; /* it has just become final */
    }
    qn_le32_write(body, 4);
    for (uint16_t rank = 0; rank < 4; rank++) {
        struct qnk_micro header = *head.header;

        header.view = rank;
        header.producer = LIAR;
        header.height++;
        header.time_ms = time_ms;
        header.flags = (uint8_t)(qnk_window_of(header.height, WINDOW) - 1 - view.final_window);
        header.tx_count = header.body_size = header.backlog = 0;
        qnk_micro_id(head.header, &header.parent);
        qnk_micro_message(&header, &net->setup.params.chain_id, message);
        sign_as(net, LIAR, message, sizeof message, header.signature);
        qnk_micro_encode(&header, body + 4 + rank * QNK_MICRO_SIZE);
    }
    say_frame(net, to, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, body, sizeof body);
    return true;
}

static void a_block_of_the_end_of_time_waits_for_it(void **state)
{
    /* Of the last two, one is due at once and one never, when counted in 64 bits. */
    static const uint64_t times[] = {UINT64_MAX, UINT64_MAX / 1000, UINT64_MAX / 1000 + 501,
                                     (UINT64_C(1) << 61) + 500};
    struct net *net = net_make(4, 4, 31);
    uint32_t said = 0;
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 40; i++) {
        said += say_headers(net, 0, times[i % 4]);
        net_run_ms(net, 50);
    }
    assert_true(said > 20);
    window = look(net, 0).final_window;
    net_run_ms(net, 6000);
    assert_true(look(net, 0).final_window > window + 1);
    assert_int_equal(net->halts, 0);
    net_drop(net);
}

static bool headers_count(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    uint32_t *sigs = ctx;

    *sigs +=
        node == 0 && effect->type == QNK_EFFECT_JOB && effect->job->purpose == QNK_PURPOSE_HEADERS
            ? effect->job->sigs_count
            : 0;
    return true;
}

/* Packed, each takes some kilobytes of a stranger's line. */
static void forged_headers_cost_few_signatures(void **state)
{
    struct net *net = net_make(4, 5, 40);
    uint8_t *body = calloc(1, 4 + QNK_WIRE_HEADERS_MAX * QNK_MICRO_SIZE);
    uint32_t sigs = 0;
    const struct qnk_watch watch = {.ctx = &sigs, .effect = headers_count};
    struct qnk_micro header = {.version = QNK_MICRO_VERSION};

    (void)state;
    assert_non_null(body);
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 5);
    net_run_ms(net, 2000);
    header.height = look(net, 0).head_height + 5;
    qn_le32_write(body, QNK_WIRE_HEADERS_MAX);
    for (uint32_t i = 0; i < QNK_WIRE_HEADERS_MAX; i++) {
        header.time_ms = i;
        qnk_micro_encode(&header, body + 4 + (uint64_t)i * QNK_MICRO_SIZE);
    }
    sigs = 0;
    for (uint32_t i = 0; i < 50; i++) {
        qnk_world_say(net->world, 4, 0, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS,
                      (struct qn_span){body, 4 + QNK_WIRE_HEADERS_MAX * QNK_MICRO_SIZE});
    }
    net_run_ms(net, 20);
    assert_in_range(sigs, 1, 600);
    net_run_ms(net, 3000);
    assert_agreement(net);
    free(body);
    net_drop(net);
}

/* A machine with the same key that made the same block: it comes while this one is signing it. */
struct twin {
    struct net *net;
    uint32_t liars;
    uint32_t said, shown;
};

static bool twin_says(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct twin *twin = ctx;
    uint8_t body[4 + QNK_MICRO_SIZE];
    const struct qnk_sign *sign = effect->sign;

    if (node == LIAR && effect->type == QNK_EFFECT_SIGN && sign->body != NULL && twin->said == 0) {
        twin->said++;
        qn_le32_write(body, 1);
        memcpy(body + 4, sign->header, QNK_MICRO_SIZE);
        sign_as(twin->net, LIAR, sign->message, sign->message_size,
                body + 4 + QNK_MICRO_SIGNED_SIZE);
        say_frame(twin->net, LIAR, QNK_LANE_BLOCKS, QNK_WIRE_HEADERS, body, sizeof body);
    }
    return true;
}

static void an_own_block_that_comes_while_it_is_signed_kills_nobody(void **state)
{
    struct twin twin = {.net = net_make(4, 4, 39)};
    const struct qnk_watch watch = {.ctx = &twin, .effect = twin_says};
    uint64_t made;

    (void)state;
    net_open(twin.net);
    qnk_world_watch(twin.net->world, &watch);
    net_start(twin.net, 0, 4);
    qnk_world_slow(twin.net->world, LIAR, 1000, 20000);
    net_run_ms(twin.net, 3000);
    assert_int_equal(twin.said, 1);
    made = qnk_node_counters(qnk_world_node(twin.net->world, LIAR))->blocks_made;
    net_run_ms(twin.net, 8000);
    assert_true(qnk_node_counters(qnk_world_node(twin.net->world, LIAR))->blocks_made > made);
    assert_agreement(twin.net);
    net_drop(twin.net);
}

/* --- votes --- */

/* A vote of the liar for a window `ahead` of the last final one. */
static void say_digest(struct net *net, uint32_t to, uint64_t ahead, uint16_t step, uint32_t round,
                       const struct qnk_hash *digest)
{
    uint8_t message[QNK_VOTE_MESSAGE_SIZE], body[4 + QNK_VOTE_WIRE_SIZE];
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    uint32_t size = qnk_engine_record(&net->setup.params.bindings[QNK_BINDING_CONSENSUS], engine);
    struct qnk_vote vote = {
        .step = step,
        .window = look(net, to).final_window + ahead,
        .round = round,
        .vr = -1,
        .member = LIAR,
        .digest = *digest,
    };

    qnk_vote_binding(&net->set->hash, (struct qn_span){engine, size}, &vote.binding);
    qnk_vote_message(&vote, &net->setup.params.chain_id, message);
    sign_as(net, LIAR, message, sizeof message, vote.signature);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    say_frame(net, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, body, sizeof body);
}

static void say_vote(struct net *net, uint32_t to, uint64_t ahead, uint16_t step, uint32_t round,
                     uint8_t first)
{
    const struct qnk_hash digest = {{first}};

    say_digest(net, to, ahead, step, round, &digest);
}

static void steps_that_nobody_declared_push_no_vote_out(void **state)
{
    struct net *net = net_make(4, 4, 32);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    window = look(net, 0).final_window;
    for (uint32_t i = 0; i < 40; i++) {
        for (uint32_t to = 0; to < 4; to++) {
            for (uint16_t step = 0; step < 150; step++) {
                say_vote(net, to, 1, (uint16_t)(QNK_STEP_OWN + step), 0, 1);
                say_vote(net, to, 2, (uint16_t)(QNK_STEP_OWN + step), 0, 1);
            }
        }
        net_run_ms(net, 100);
    }
    assert_true(look(net, 0).final_window > window + 1);
    net_drop(net);
}

static void a_member_that_contradicts_itself_is_told_of_once(void **state)
{
    struct net *net = net_make(4, 4, 33);

    (void)state;
    net_open(net);
    net_start(net, 0, 3);
    net_run_ms(net, 4000);
    for (uint32_t i = 1; i < 200; i++) {
        say_vote(net, 0, 1, QNK_STEP_FINAL, 3, (uint8_t)i);
    }
    net_run_ms(net, 500);
    assert_true(qnk_node_counters(qnk_world_node(net->world, 0))->doubles_seen > 0);
    assert_true(qnk_node_counters(qnk_world_node(net->world, 0))->doubles_seen < 10);
    net_drop(net);
}

static bool txs_count(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    uint32_t *count = ctx;

    *count += node == 0 && effect->type == QNK_EFFECT_SIGN && effect->sign->long_message != NULL;
    return true;
}

/* Two windows, and the share of one is the only other thing that is signed meanwhile. */
static void contradictions_in_all_rounds_cost_few_signatures(void **state)
{
    struct net *net = net_make(4, 4, 35);
    uint32_t count = 0;
    const struct qnk_watch watch = {.ctx = &count, .effect = txs_count};

    (void)state;
    net_open(net);
    net_start(net, 0, 3);
    net_run_ms(net, 4000);
    qnk_world_watch(net->world, &watch);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t round = 0; round <= 8; round++) {
            say_vote(net, 0, 1, QNK_STEP_FINAL, round, (uint8_t)(1 + i));
            say_vote(net, 0, 2, QNK_STEP_FINAL, round, (uint8_t)(1 + i));
        }
    }
    net_run_ms(net, 50);
    assert_in_range(qnk_node_counters(qnk_world_node(net->world, 0))->doubles_seen, 17, 18);
    assert_in_range(count, 1, 12);
    net_drop(net);
}

/* --- headers of a window that ends where none ends --- */

/* A header for the window after the last final one, whose last block is in its middle. */
static struct qnk_macro macro_of_middle(struct net *net, uint32_t to)
{
    uint64_t window = look(net, to).final_window + 1;
    struct qnk_macro macro = {
        .version = 1,
        .blocks_count = WINDOW,
        .window = window,
        .height = window * WINDOW,
    };
    struct qnk_block_view block;

    assert_true(
        qnk_node_block_at(qnk_world_node(net->world, to), (window - 1) * WINDOW + 1, &block));
    qnk_micro_id(block.header, &macro.last);
    return macro;
}

/* The liar's proposal of it, though it leads no round. */
static void say_proposal(struct net *net, uint32_t to, const struct qnk_macro *macro)
{
    uint8_t header[QNK_MACRO_SIZE], message[QNK_VOTE_MESSAGE_SIZE];
    uint8_t body[4 + QNK_VOTE_WIRE_SIZE + QNK_MACRO_SIZE];
    struct qnk_set *set;
    struct qnk_ballot_place place;
    struct qnk_vote vote = {
        .step = QNK_STEP_PROPOSE,
        .window = macro->window,
        .vr = -1,
        .member = LIAR,
        .tail = {header, sizeof header},
    };

    assert_true(qnk_vote_context(qnk_world_node(net->world, to), macro->window, 0, &set, &place));
    vote.era = place.era;
    vote.binding = place.binding;
    qnk_macro_encode(macro, header);
    qnk_macro_digest(macro, &vote.digest);
    qnk_vote_open(&vote, &vote.open);
    qnk_vote_message(&vote, &net->setup.params.chain_id, message);
    sign_as(net, LIAR, message, sizeof message, vote.signature);
    assert_true(4 + qnk_vote_size(&vote) <= sizeof body);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    say_frame(net, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES, body, 4 + qnk_vote_size(&vote));
}

static void a_proposal_that_ends_in_the_middle_of_a_window_leads_nobody_there(void **state)
{
    struct net *net = net_make(4, 4, 41);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    for (uint32_t to = 0; to < 3; to++) {
        while (look(net, to).head_height % WINDOW != 4) {
            net_run_ms(net, 1);
        }

        const struct qnk_macro macro = macro_of_middle(net, to);

        say_proposal(net, to, &macro);
    }
    window = look(net, 0).final_window;
    net_run_ms(net, 10000);
    assert_true(look(net, 0).final_window > window + 5);
    assert_agreement(net);
    net_drop(net);
}

/* The engine asks about a vote's digest, and this is the answer. Two are no quorum. */
static void an_answer_that_ends_in_the_middle_of_a_window_leads_nobody_there(void **state)
{
    struct net *net = net_make(4, 4, 42);
    uint8_t header[QNK_MACRO_SIZE];
    struct qnk_macro macro;
    struct qnk_hash digest;
    uint64_t height;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_world_crash(net->world, 2);
    qnk_world_crash(net->world, LIAR);
    net_run_ms(net, 2000);
    height = look(net, 0).head_height;
    assert_true(height > (look(net, 0).final_window + 1) * WINDOW);
    macro = macro_of_middle(net, 0);
    qnk_macro_encode(&macro, header);
    qnk_macro_digest(&macro, &digest);
    say_digest(net, 0, 1, QNK_STEP_FINAL, 0, &digest);
    net_run_ms(net, 100);
    say_frame(net, 0, QNK_LANE_CONSENSUS, QNK_WIRE_MACRO, header, sizeof header);
    net_run_ms(net, 1000);
    assert_true(look(net, 0).head_height >= height);
    net_drop(net);
}

/* --- what justifies a vote, in the exchange --- */

/* A step-1 vote of a member for the window after the last final one. */
static struct qnk_vote prepare_of(struct net *net, uint32_t node, uint32_t member, uint32_t round,
                                  int32_t vr)
{
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];
    struct qnk_set *set;
    struct qnk_ballot_place place;
    struct qnk_vote vote = {
        .step = QNK_STEP_PREPARE,
        .window = look(net, node).final_window + 1,
        .round = round,
        .vr = vr,
        .member = member,
        .digest = {{1}},
    };

    assert_true(qnk_vote_context(qnk_world_node(net->world, node), vote.window, 0, &set, &place));
    vote.era = place.era;
    vote.binding = place.binding;
    qnk_vote_open(&vote, &vote.open);
    qnk_vote_message(&vote, &net->setup.params.chain_id, message);
    sign_as(net, member, message, sizeof message, vote.signature);
    return vote;
}

static void say_prepare(struct net *net, uint32_t from, uint32_t to, const struct qnk_vote *vote)
{
    uint8_t body[4 + QNK_VOTE_WIRE_SIZE];

    qn_le32_write(body, 1);
    qnk_vote_encode(vote, body + 4);
    qnk_world_say(net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES,
                  (struct qn_span){body, sizeof body});
}

/* That all but one voted so in round 1. */
static void say_prepared(struct net *net, uint32_t from, uint32_t to)
{
    uint8_t bytes[1024], body[1024];
    struct qnk_vote votes[3];
    const struct qnk_vote *list[3];
    struct qnk_certified certified = {
        .certificate = {bytes, qnk_certificate_size(QNK_CERTIFICATE_PLAIN, 4, 3)},
    };

    for (uint32_t i = 0; i < 3; i++) {
        votes[i] = prepare_of(net, to, i, 1, -1);
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, 3, 4, bytes);
    assert_true(qnk_certified_size(&certified) <= sizeof body);
    qnk_certified_encode(&certified, body);
    qnk_world_say(net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_CERTIFICATE,
                  (struct qn_span){body, qnk_certified_size(&certified)});
}

/* Says that it is in round 4, and has nothing of it. */
static void say_held(struct net *net, uint32_t from, uint32_t to)
{
    static const uint8_t none[12];
    struct qnk_vote vote = prepare_of(net, to, from, 4, -1);
    struct qnk_held held = {
        .window = vote.window,
        .era = vote.era,
        .round = vote.round,
        .members = 4,
        .bitmaps = none,
    };
    uint8_t body[128];

    assert_true(qnk_held_size(4) <= sizeof body);
    qnk_held_encode(&held, body);
    qnk_world_say(net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_HELD,
                  (struct qn_span){body, qnk_held_size(4)});
}

/* What node 1 sends to node 0, which says by itself nothing of what it has. */
struct answers {
    uint32_t certificates, votes;
    bool is_late; /* a certificate came after votes */
};

static bool answers_count(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct answers *it = ctx;

    if (effect->type != QNK_EFFECT_SEND) {
        return true;
    }
    if (node == 0 && effect->send.type == QNK_WIRE_HELD) {
        struct qnk_effects one = {.list = effect, .count = 1};

        qnk_effects_reset(&one);
        return false;
    }
    if (node == 1 && effect->send.peer == 0 + 1) {
        it->is_late = it->is_late || (effect->send.type == QNK_WIRE_CERTIFICATE && it->votes > 0);
        it->certificates += effect->send.type == QNK_WIRE_CERTIFICATE;
        it->votes += effect->send.type == QNK_WIRE_VOTES;
    }
    return true;
}

static void a_vote_is_sent_with_what_justifies_it(void **state)
{
    struct net *net = net_make(4, 4, 43);
    struct answers answers = {0};
    const struct qnk_watch watch = {.ctx = &answers, .effect = answers_count};
    struct qnk_vote vote;

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_world_crash(net->world, 2);
    qnk_world_crash(net->world, LIAR);
    net_run_ms(net, 500);
    say_prepared(net, 0, 1);
    net_run_ms(net, 100);
    vote = prepare_of(net, 1, LIAR, 4, 1);
    say_prepare(net, 0, 1, &vote);
    net_run_ms(net, 200);
    answers = (struct answers){0};
    say_held(net, 0, 1);
    net_run_ms(net, 20);
    assert_int_equal(answers.votes, 1);
    assert_int_equal(answers.certificates, 1);
    assert_false(answers.is_late);
    net_drop(net);
}

/* --- certificates --- */

/* A certificate for the window after the node's last final one, in which no signature is good. */
static uint64_t certificate_forge(struct net *net, uint32_t to, uint8_t *out)
{
    uint8_t engine[QNK_ENGINE_RECORD_MAX], bytes[1024];
    uint32_t size = qnk_engine_record(&net->setup.params.bindings[QNK_BINDING_CONSENSUS], engine);
    struct qnk_vote votes[4] = {0};
    const struct qnk_vote *list[4];
    struct qnk_certified certified = {
        .certificate = {bytes, qnk_certificate_size(QNK_CERTIFICATE_PLAIN, 4, 4)},
    };

    for (uint32_t i = 0; i < 4; i++) {
        votes[i] = (struct qnk_vote){
            .step = QNK_STEP_FINAL,
            .window = look(net, to).final_window + 1,
            .vr = -1,
            .member = i,
        };
        votes[i].digest.bytes[0] = 1;
        qnk_vote_binding(&net->set->hash, (struct qn_span){engine, size}, &votes[i].binding);
        list[i] = &votes[i];
    }
    assert_true(certified.certificate.size <= sizeof bytes);
    qnk_certificate_encode(list, 4, 4, bytes);
    qnk_certified_encode(&certified, out);
    return qnk_certified_size(&certified);
}

/* As many as keep a check under way all the time. */
static void forged_certificates_do_not_keep_a_late_node_back(void **state)
{
    struct net *net = net_make(4, 6, 38);
    uint8_t forged[1024];
    uint64_t window, until_us;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 10000);
    window = look(net, 0).final_window;
    assert_true(window > 10);
    net_start(net, 4, 6);
    until_us = qnk_world_now(net->world) + 5000000;
    while (qnk_world_now(net->world) < until_us) {
        uint64_t size = certificate_forge(net, 4, forged);

        qnk_world_say(net->world, 5, 4, QNK_LANE_CONSENSUS, QNK_WIRE_CERTIFICATE,
                      (struct qn_span){forged, size});
        qnk_world_run(net->world, qnk_world_now(net->world) + 100);
    }
    assert_true(qnk_node_counters(qnk_world_node(net->world, 4))->faults[QNK_FAULT_BAD_SIGNATURE] >
                0);
    assert_true(look(net, 4).final_window > window);
    assert_agreement(net);
    net_drop(net);
}

/* Two say where they stand and nothing else to whom they do not like. */
static bool silence(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    const uint32_t *late = ctx;
    bool is_answer =
        node < 2 && ((effect->type == QNK_EFFECT_SERVE && effect->serve.peer == *late + 1) ||
                     (effect->type == QNK_EFFECT_SEND && effect->send.peer == *late + 1 &&
                      effect->send.type != QNK_WIRE_STATUS));

    if (is_answer) {
        struct qnk_effects one = {.list = effect, .count = 1};

        qnk_effects_reset(&one);
    }
    return !is_answer;
}

/* Each window takes a certificate, headers and bodies, and each of them a peer by lot. */
static void who_answers_nothing_costs_a_late_node_one_wait(void **state)
{
    struct net *net = net_make(7, 7, 44);
    uint32_t late = 6;
    const struct qnk_watch watch = {.ctx = &late, .effect = silence};
    uint64_t begun_us;

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, late);
    while (look(net, 2).final_window < 12) {
        net_run_ms(net, 50);
    }
    begun_us = qnk_world_now(net->world);
    net_start(net, late, late + 1);
    while (look(net, late).final_window + 1 < look(net, 2).final_window &&
           qnk_world_now(net->world) < begun_us + 60000000) {
        net_run_ms(net, 50);
    }
    assert_in_range(qnk_world_now(net->world) - begun_us, 0, 8000000);
    assert_agreement(net);
    net_drop(net);
}

/* What a late node hears from one peer: good certificates, with a header that is not theirs. */
struct swapper {
    struct net *net;
    struct qn_buf *kept; /* until the step is over */
    uint32_t count;
};

static bool header_swap(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct swapper *it = ctx;
    struct qnk_certified certified;

    if (node != 4 || event->type != QNK_EVENT_FRAME || event->frame.peer != 0 + 1 ||
        event->frame.head.type != QNK_WIRE_CERTIFICATE ||
        qnk_certified_decode(event->frame.head.body, &certified) != QN_OK ||
        certified.header.size == 0) {
        return true;
    }
    it->kept = qnk_buf_copy(&it->net->budget, event->frame.head.body);
    assert_non_null(it->kept);
    it->kept->data[certified.header.data - event->frame.head.body.data + QNK_MACRO_SIZE - 1] ^= 1;
    event->frame.buf = it->kept;
    event->frame.head.body = qnk_buf_span(it->kept);
    it->count++;
    return true;
}

static void header_swapped(void *ctx, uint32_t node, const struct qnk_event *event,
                           const struct qnk_effects *effects)
{
    struct swapper *it = ctx;

    (void)node;
    (void)event;
    (void)effects;
    qnk_buf_unref(it->kept);
    it->kept = NULL;
}

static void a_header_that_is_not_the_certificates_is_its_senders_fault(void **state)
{
    struct net *net = net_make(4, 5, 39);
    struct swapper swapper = {.net = net};
    const struct qnk_watch watch = {
        .ctx = &swapper, .event = header_swap, .stepped = header_swapped};
    uint64_t window;

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 5000);
    window = look(net, 0).final_window;
    assert_true(window > 3);
    for (uint32_t i = 1; i < 4; i++) { /* it hears of what is final from the liar alone */
        qnk_world_link(net->world, 4, i, false);
    }
    net_start(net, 4, 5);
    net_run_ms(net, 3000);
    for (uint32_t i = 1; i < 4; i++) {
        qnk_world_link(net->world, 4, i, true);
    }
    net_run_ms(net, 5000);
    assert_true(swapper.count > 0);
    assert_true(qnk_node_counters(qnk_world_node(net->world, 4))->faults[QNK_FAULT_BAD_RANGE] > 0);
    assert_true(look(net, 4).final_window > window);
    assert_agreement(net);
    net_drop(net);
}

/* --- who stands where --- */

static void claims_without_proof_stop_nobody(void **state)
{
    struct net *net = net_make(4, 5, 34);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 5);
    net_run_ms(net, 2000);
    window = look(net, 0).final_window;
    for (uint32_t i = 0; i < 200; i++) {
        struct qnk_status status = {
            .node_type = QNK_NODE_FULL,
            .serves = 1,
            .head_height = 1000000 + i,
            .final_window = 1000 + i, /* more each time */
        };
        uint8_t body[QNK_STATUS_SIZE];

        qnk_status_encode(&status, body);
        for (uint32_t to = 0; to < 4; to++) {
            qnk_world_say(net->world, 4, to, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                          (struct qn_span){body, sizeof body});
        }
        net_run_ms(net, 100);
    }
    assert_true(look(net, 0).final_window > window + 10);
    net_drop(net);
}

/* Strangers that say where they stand, and answer nothing. */
enum { LIARS = 4, FIRST_LIAR = 4, NETS_NODES = FIRST_LIAR + LIARS };

enum {
    CLAIM_FINAL = 1 << 0,   /* windows */
    CLAIM_HEADS = 1 << 1,   /* blocks far ahead */
    CLAIM_NEXT = 1 << 2,    /* the very next block, again and again */
    CLAIM_HIGHER = 1 << 3,  /* more each time */
    CLAIM_ANEW = 1 << 4,    /* on a new link, before what is said wears off */
    CLAIM_BRIEFLY = 1 << 5, /* and that one is gone a moment later */
    CLAIM_ALL = 1 << 6,     /* with all their keys at once, not with one after another */
    CLAIM_TRUTH = 1 << 7,   /* and each certificate that they have before others do */
};

struct claimers {
    struct net *net;
    uint32_t what;
    uint32_t honest; /* the first nodes, whom they talk to */
    uint32_t liars;
    uint32_t said, shown;
};

static bool claimers_mute(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    (void)ctx;
    if (node >= FIRST_LIAR &&
        (effect->type == QNK_EFFECT_SERVE || effect->type == QNK_EFFECT_SEND)) {
        struct qnk_effects one = {.list = effect, .count = 1};

        qnk_effects_reset(&one);
        return false;
    }
    return true;
}

static void claim(struct claimers *it, uint32_t from, uint32_t to)
{
    bool is_next = (it->what & CLAIM_NEXT) != 0;
    struct qnk_status status = {.node_type = QNK_NODE_FULL, .serves = 1};
    uint8_t body[QNK_STATUS_SIZE];

    it->said++;
    if ((it->what & CLAIM_FINAL) != 0) {
        status.final_window = 1000 + ((it->what & CLAIM_HIGHER) != 0 ? it->said : 0);
    }
    if ((it->what & (CLAIM_HEADS | CLAIM_NEXT)) != 0) {
        status.head_height = is_next ? look(it->net, to).head_height + 1 : 1000000 + it->said;
        qn_le32_write(status.head.bytes, 1 + it->said);
    }
    qnk_status_encode(&status, body);
    qnk_world_say(it->net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                  (struct qn_span){body, sizeof body});
}

/* The certificate that this node lacks next, as soon as any other has it. */
static void claim_shown(struct claimers *it, uint32_t from, uint32_t to)
{
    int64_t window = (int64_t)look(it->net, to).final_window + 1;
    const struct qnk_known_final *final = NULL;
    uint8_t header[QNK_MACRO_SIZE], body[2048];

    for (uint32_t i = 0; i < it->honest && final == NULL; i++) {
        final = qnk_final_of(qnk_world_node(it->net->world, i), window);
    }
    if (final == NULL || final->certificate == NULL) {
        return;
    }

    struct qnk_certified certified = {
        .header = {header, sizeof header},
        .certificate = qnk_buf_span(final->certificate),
    };

    qnk_macro_encode(&final->macro, header);
    assert_true(qnk_certified_size(&certified) <= sizeof body);
    qnk_certified_encode(&certified, body);
    qnk_world_say(it->net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_CERTIFICATE,
                  (struct qn_span){body, qnk_certified_size(&certified)});
    it->shown++;
}

static void claimers_link(struct claimers *it, uint32_t from, bool is_up)
{
    for (uint32_t to = 0; to < it->honest; to++) {
        qnk_world_link(it->net->world, from, to, is_up);
    }
}

/* A twentieth of a second, the i-th one. */
static void claimers_act(struct claimers *it, uint32_t i)
{
    uint32_t turn = i / 4 % it->liars;

    for (uint32_t liar = 0; liar < it->liars; liar++) {
        uint32_t from = FIRST_LIAR + liar;
        bool is_turn = (it->what & CLAIM_ALL) != 0 || liar == turn;

        if (is_turn && i % 4 == 0 && (it->what & CLAIM_ANEW) != 0) {
            claimers_link(it, from, false);
            claimers_link(it, from, true);
        }
        if (is_turn && i % 4 == 3 && (it->what & CLAIM_BRIEFLY) != 0) {
            claimers_link(it, from, false);
        }
        for (uint32_t to = 0; is_turn && it->what != 0 && to < it->honest; to++) {
            claim(it, from, to);
        }
    }
    for (uint32_t ms = 0; ms < 50; ms++) {
        for (uint32_t to = 0; (it->what & CLAIM_TRUTH) != 0 && to < it->honest; to++) {
            claim_shown(it, FIRST_LIAR, to);
        }
        net_run_ms(it->net, 1);
    }
}

/* How many blocks come in 20 s while they claim, after the first 4 s. */
static uint64_t claimed_blocks(uint32_t validators, uint32_t what)
{
    struct claimers it = {.net = net_make(validators, NETS_NODES, 34),
                          .what = what,
                          .honest = validators,
                          .liars = LIARS};
    const struct qnk_watch watch = {.ctx = &it, .effect = claimers_mute};
    uint64_t height = 0;

    net_open(it.net);
    qnk_world_watch(it.net->world, &watch);
    net_start(it.net, 0, validators);
    net_start(it.net, FIRST_LIAR, NETS_NODES);
    net_run_ms(it.net, 2000);
    for (uint32_t i = 0; i < 480; i++) {
        height = i == 80 ? look(it.net, 0).head_height : height;
        claimers_act(&it, i);
    }
    height = look(it.net, 0).head_height - height;
    assert_true(it.shown > 0 || (what & CLAIM_TRUTH) == 0);
    assert_agreement(it.net);
    net_drop(it.net);
    return height;
}

static void strangers_that_come_again_with_claims_stop_nobody(void **state)
{
    static const uint32_t all[] = {
        CLAIM_FINAL | CLAIM_ANEW,
        CLAIM_HEADS | CLAIM_ANEW,
        CLAIM_NEXT | CLAIM_ANEW,
        CLAIM_NEXT | CLAIM_ANEW | CLAIM_BRIEFLY,
        CLAIM_FINAL | CLAIM_HIGHER | CLAIM_ALL,
        CLAIM_FINAL | CLAIM_HEADS | CLAIM_HIGHER | CLAIM_ALL | CLAIM_TRUTH,
        CLAIM_FINAL | CLAIM_HEADS | CLAIM_HIGHER | CLAIM_ANEW | CLAIM_BRIEFLY | CLAIM_ALL,
    };
    uint64_t alone = claimed_blocks(4, 0);

    (void)state;
    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_in_range(claimed_blocks(4, all[i]), alone * 9 / 10, UINT64_MAX);
    }
}

/* It hears from nobody else: whenever they go it has no peer left, and needs none. */
static void strangers_do_not_stop_who_is_a_quorum_alone(void **state)
{
    uint64_t alone = claimed_blocks(1, 0);

    (void)state;
    assert_true(alone > 100);
    assert_in_range(claimed_blocks(1, CLAIM_FINAL | CLAIM_ANEW | CLAIM_ALL), alone * 9 / 10,
                    UINT64_MAX);
}

static uint64_t blocks_made(struct net *net, uint32_t node)
{
    return qnk_node_counters(qnk_world_node(net->world, node))->blocks_made;
}

/* A member that was away comes back among them: it makes no block before it has caught up, and some
 * afterwards. How long it caught up. */
static uint64_t late_us(struct claimers *it, uint32_t late, uint32_t way_us)
{
    const struct qnk_watch watch = {.ctx = it, .effect = claimers_mute};
    uint32_t step = 0;
    uint64_t begun_us, late_us;

    net_open(it->net);
    qnk_world_watch(it->net->world, &watch);
    net_start(it->net, 0, FIRST_LIAR + 1);
    net_run_ms(it->net, 3000);
    qnk_world_crash(it->net->world, late);
    net_run_ms(it->net, 10000);
    for (uint32_t i = 0; i < it->honest; i++) {
        qnk_world_slow_way(it->net->world, late, i, way_us);
        qnk_world_slow_way(it->net->world, i, late, way_us);
    }
    net_start(it->net, late, late + 1);
    begun_us = qnk_world_now(it->net->world);
    while (look(it->net, late).final_window + 1 < look(it->net, 0).final_window) {
        assert_true(qnk_world_now(it->net->world) < begun_us + 30000000);
        assert_int_equal(blocks_made(it->net, late), 0);
        claimers_act(it, step++);
    }
    late_us = qnk_world_now(it->net->world) - begun_us;
    for (uint32_t i = 0; i < 200 && blocks_made(it->net, late) == 0; i++) {
        claimers_act(it, step++);
    }
    assert_true(blocks_made(it->net, late) > 0);
    assert_agreement(it->net);
    net_drop(it->net);
    return late_us;
}

static void who_is_late_makes_no_block_among_liars_before_it_caught_up(void **state)
{
    static const uint32_t all[] = {
        CLAIM_FINAL | CLAIM_HIGHER,
        CLAIM_FINAL | CLAIM_HEADS | CLAIM_ANEW,
        CLAIM_HEADS | CLAIM_ANEW | CLAIM_BRIEFLY,
    };
    uint64_t longest_us = 0;

    (void)state;
    for (uint32_t turn = 0; turn < 6; turn++) {
        struct claimers it = {.net = net_make(4, FIRST_LIAR + 1, 50 + turn),
                              .what = all[turn % 3],
                              .honest = 4,
                              .liars = 1};
        uint64_t us = late_us(&it, 3, turn < 3 ? 0 : 100000);

        longest_us = us > longest_us ? us : longest_us;
    }
    assert_true(longest_us > 3 * QNK_RETRY_US); /* one wait would not have lasted so long */
}

static void say_final(struct net *net, uint32_t from, uint32_t to, uint64_t window)
{
    struct qnk_status status = {.node_type = QNK_NODE_FULL, .serves = 1, .final_window = window};
    uint8_t body[QNK_STATUS_SIZE];

    qnk_status_encode(&status, body);
    qnk_world_say(net->world, from, to, QNK_LANE_CONSENSUS, QNK_WIRE_STATUS,
                  (struct qn_span){body, sizeof body});
}

/* A key without a record, among as many strangers as would be a quorum: neither that they are at
 * genesis nor that they are not is of any weight. */
static void strangers_are_no_quorum(void **state)
{
    struct net *net = net_make(4, 7, 35);

    (void)state;
    net_open(net);
    net_start(net, 3, 7);
    net_run_ms(net, 500);
    assert_false(look(net, 3).is_signing);
    for (uint32_t from = 4; from < 7; from++) {
        say_final(net, from, 3, 1000);
    }
    net_start(net, 0, 2);
    net_run_ms(net, 500);
    assert_true(look(net, 3).is_signing);
    net_drop(net);
}

static void one_member_on_many_machines_is_no_quorum(void **state)
{
    struct net *net = net_make(4, 7, 35);

    (void)state;
    for (uint32_t i = 4; i < 7; i++) {
        memcpy(net->seeds[i], net->seeds[0], sizeof net->seeds[i]);
        net->types[i] = QNK_NODE_SUPER;
    }
    net_open(net);
    net_start(net, 3, 7);
    net_run_ms(net, 500);
    assert_false(look(net, 3).is_signing);
    net_start(net, 1, 2);
    net_run_ms(net, 500);
    assert_true(look(net, 3).is_signing);
    net_drop(net);
}

static void members_past_genesis_keep_a_key_without_a_record_silent(void **state)
{
    struct net *net = net_make(4, 4, 35);

    (void)state;
    net_open(net);
    net_start(net, 0, 3);
    net_run_ms(net, 8000);
    assert_true(look(net, 0).final_window > 0);
    net_start(net, 3, 4);
    for (uint32_t i = 0; i < 1000; i++) {
        net_run_ms(net, 1); /* also before it has the first final window itself */
        assert_false(look(net, 3).is_signing);
    }
    net_drop(net);
}

/* In the first window nobody could tell it: all are at genesis. */
static void a_key_that_has_signed_begins_no_second_time(void **state)
{
    struct net *net = net_make(4, 4, 35);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 1000 && look(net, 0).head_height == 0; i++) {
        net_run_ms(net, 5);
    }
    assert_true(look(net, 3).is_signing);
    qnk_world_crash(net->world, 3);
    qnk_world_wipe(net->world, 3);
    net_start(net, 3, 4);
    for (uint32_t i = 0; i < 1000; i++) {
        net_run_ms(net, 5);
        assert_false(look(net, 3).is_signing);
    }
    assert_non_null(strstr(look(net, 3).not_signing, "has signed in this network"));
    qnk_world_control(net->world, 3, QNK_CONTROL_RESUME);
    for (uint32_t i = 0; i < 4000 && !look(net, 3).is_signing; i++) {
        net_run_ms(net, 5);
    }
    assert_true(look(net, 3).is_signing);
    net_drop(net);
}

/* One member of four lies: its second face is at genesis (5). One was away all the time (2). The
 * key of the third lost its folder (first life: 4, then: 3). The fourth (0) has what is final. */
static struct net *two_sides(void)
{
    struct net *net = net_make(4, 6, 35);

    memcpy(net->seeds[4], net->seeds[3], sizeof net->seeds[4]);
    memcpy(net->seeds[5], net->seeds[1], sizeof net->seeds[5]);
    net->types[4] = net->types[5] = QNK_NODE_SUPER;
    net_open(net);
    for (uint32_t i = 0; i < 6; i++) {
        for (uint32_t j = 0; j < i; j++) {
            bool is_left = i == 0 || i == 1 || i == 4, is_left_too = j == 0 || j == 1 || j == 4;

            qnk_world_link(net->world, j, i, is_left == is_left_too);
        }
    }
    net_start(net, 0, 2);
    net_start(net, 4, 5);
    net_run_ms(net, 12000);
    assert_true(look(net, 0).final_window > 3);
    qnk_world_link(net->world, 1, 4, false); /* the first life is over */
    qnk_world_link(net->world, 0, 4, false);
    net_start(net, 2, 4);
    net_start(net, 5, 6);
    return net;
}

static void who_resumes_is_no_witness_for_itself(void **state)
{
    struct net *net = two_sides();
    uint64_t window;

    (void)state;
    qnk_world_control(net->world, 3, QNK_CONTROL_RESUME);
    net_run_ms(net, 1000);
    window = look(net, 0).final_window;
    assert_false(look(net, 3).is_signing);
    qnk_world_link(net->world, 0, 3, true);
    for (uint32_t i = 0; i < 3000 && !look(net, 3).is_signing; i++) {
        net_run_ms(net, 5);
    }
    assert_false(look(net, 3).is_signing && look(net, 3).final_window <= window + 1);
    net_drop(net);
}

/* --- what was accepted comes back --- */

/* Blocks with 128 of a sender are not final when the power goes everywhere, and 20 more wait. */
static void what_waits_above_unfinal_blocks_survives_a_restart(void **state)
{
    struct net *net;
    uint64_t nonce = 0;

    (void)state;
    net = net_make(4, 4, 38);
    net->setup.params.window = 100;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 1000);
    for (; nonce < 128; nonce += 64) {
        submit(net, 0, 0, nonce, nonce + 64);
        net_run_ms(net, 2500);
    }
    submit(net, 0, 0, 128, 148);
    net_run_ms(net, 40); /* accepted, and no block yet */
    assert_int_equal(look(net, 0).final_window, 0);
    for (uint32_t i = 0; i < 4; i++) {
        qnk_world_crash(net->world, i);
    }
    net_start(net, 0, 4);
    net_run_ms(net, 4000);
    assert_int_equal(next_nonce(net, 0, 0), 148);
    net_drop(net);
}

/* --- a key whose record is lost --- */

static void cut(struct net *net, uint32_t node, bool is_up)
{
    for (uint32_t i = 0; i < 3; i++) {
        qnk_world_link(net->world, i, node, is_up);
    }
}

static void who_resumes_among_the_late_still_signs_nothing_old(void **state)
{
    struct net *net = net_make(4, 5, 36);
    uint64_t window;

    (void)state;
    net_open(net);
    cut(net, 3, false);
    cut(net, 4, false);
    net_start(net, 0, 3);
    net_run_ms(net, 20000);
    net_start(net, 3, 5); /* these two only have each other */
    qnk_world_control(net->world, 3, QNK_CONTROL_RESUME);
    net_run_ms(net, 3000);
    window = look(net, 0).final_window;
    assert_true(window > 6);
    cut(net, 3, true);
    for (uint32_t i = 0; i < 3000 && !look(net, 3).is_signing; i++) {
        net_run_ms(net, 5);
    }
    assert_true(look(net, 3).is_signing);
    assert_true(look(net, 3).final_window > window + 1);
    net_drop(net);
}

static void what_was_signed_before_a_record_was_lost_silences_nobody(void **state)
{
    struct net *net = net_make(4, 4, 37);
    uint32_t said = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 3);
    net_run_ms(net, 8000);
    net_start(net, 3, 4);
    net_run_ms(net, 3000);
    qnk_world_control(net->world, LIAR, QNK_CONTROL_RESUME);
    for (uint32_t i = 0; i < 10; i++) {
        said += say_headers(net, LIAR, qnk_world_now(net->world) / 1000); /* with its own key */
        net_run_ms(net, 20);
    }
    assert_true(said > 4);
    net_run_ms(net, 12000);
    assert_true(look(net, LIAR).is_signing);
    net_drop(net);
}

/* What rotted held what others still have of it; its operator reads that the record is damaged. */
static void nor_does_what_a_damaged_record_held(void **state)
{
    struct net *net = net_make(4, 4, 38);
    uint32_t said = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 8000);
    qnk_world_crash(net->world, LIAR);
    assert_true(qnk_drive_rot(qnk_world_drive(net->world, LIAR), "guard", 1));
    net_start(net, LIAR, LIAR + 1);
    for (uint32_t i = 0; i < 10; i++) {
        said += say_headers(net, LIAR, qnk_world_now(net->world) / 1000);
        net_run_ms(net, 20);
    }
    assert_true(said > 4);
    assert_non_null(strstr(look(net, LIAR).not_signing, "the sign record is damaged"));
    net_drop(net);
}

/* --- kernel transactions that are brought again --- */

/* Signatures of kernel transactions that node 0 has looked at. */
static bool checks_count(void *ctx, uint32_t node, struct qnk_event *event)
{
    uint32_t *checks = ctx;

    *checks +=
        node == 0 && event->type == QNK_EVENT_JOB && event->job->purpose == QNK_PURPOSE_KERNEL_TXS;
    return true;
}

/* The body of a frame with one transaction, signed by the liar. */
static struct qn_span tx_signed(struct net *net, const struct qnk_tx *wanted, uint8_t body[TX_ROOM])
{
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    struct qn_span bytes = {body + 4, qnk_tx_size((uint32_t)wanted->payload.size)};
    struct qnk_tx tx = *wanted;
    uint32_t size;

    assert_true(4 + bytes.size <= TX_ROOM);
    tx.from = net->set->members[LIAR].key.bytes;
    qn_le32_write(body, 1);
    qnk_tx_encode(&tx, body + 4);
    assert_int_equal(qnk_tx_decode(bytes, &tx), QN_OK);
    size = qnk_tx_message(&tx, &net->setup.params.chain_id, message);
    sign_as(net, LIAR, message, size, body + 4 + bytes.size - QN_SIG_SIZE);
    return (struct qn_span){body, 4 + bytes.size};
}

/* To each of the others. */
static void say_tx(struct net *net, const struct qnk_tx *tx)
{
    uint8_t body[TX_ROOM];
    struct qn_span said = tx_signed(net, tx, body);

    for (uint32_t to = 0; to < LIAR; to++) {
        qnk_world_say(net->world, LIAR, to, QNK_LANE_TXS, QNK_WIRE_TXS, said);
    }
}

/* One of the liar's to node 0, three times over, by two ways. */
static void say_kernel(struct net *net, const struct qnk_tx *tx)
{
    uint8_t body[TX_ROOM];
    struct qn_span said = tx_signed(net, tx, body);

    for (uint32_t i = 0; i < 3; i++) {
        qnk_world_say(net->world, 1 + i % 2, 0, QNK_LANE_TXS, QNK_WIRE_TXS, said);
        net_run_ms(net, i == 0 ? 0 : 50);
    }
}

static void what_is_over_costs_no_signature_and_what_is_good_costs_one(void **state)
{
    struct net *net = net_make(4, 4, 31);
    struct qnk_tip tip = {.tip = {{1}}};
    uint8_t payload[QNK_TIP_SIZE];
    struct qnk_tx tx = {.kind = QNK_TX_REJOIN};
    uint32_t checks = 0;
    const struct qnk_watch watch = {.ctx = &checks, .event = checks_count};

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    checks = 0;
    tx.valid_until = look(net, 0).head_height + 1000; /* it is in */
    say_kernel(net, &tx);
    tx.kind = QNK_TX_TIP;
    tx.payload = (struct qn_span){payload, sizeof payload};
    tip.window = look(net, 0).final_window + 20;
    qnk_tip_encode(&tip, payload);
    tx.valid_until = look(net, 0).head_height;
    say_kernel(net, &tx);
    tx.valid_until = UINT64_MAX;
    say_kernel(net, &tx);
    tip.window = look(net, 0).final_window;
    qnk_tip_encode(&tip, payload);
    tx.valid_until = look(net, 0).head_height + 1000;
    say_kernel(net, &tx);
    assert_int_equal(checks, 0);
    tip.window = look(net, 0).final_window + 8;
    qnk_tip_encode(&tip, payload);
    say_kernel(net, &tx);
    assert_int_equal(checks, 1);
    net_run_ms(net, 8000); /* it came into a block, or it is too late */
    checks = 0;
    say_kernel(net, &tx);
    assert_int_equal(checks, 0);
    assert_agreement(net);
    net_drop(net);
}

/* --- turns and shares of others --- */

/* The liar's blocks of view 1 do not wait: they are out as soon as they are on their parent. Its
 * clock is fast, so that it takes them itself. */
static bool wait_is_left_out(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    const struct net *net = ctx;
    struct qnk_node *self = node == LIAR ? qnk_world_node(net->world, node) : NULL;

    if (self != NULL && effect->type == QNK_EFFECT_TIMER && effect->timer.id == QNK_TIMER_PRODUCE &&
        self->build.ready_us != 0 && self->build.view == 1 &&
        self->build.due_us == effect->timer.at_us) {
        uint64_t due_ms = self->exec.at->header.time_ms + self->build.pace.interval_ms +
                          self->build.pace.backup_ms;

        self->build.ready_us = 1;
        self->build.due_us = due_ms * 1000;
        effect->timer.at_us = self->build.due_us > self->now_us ? self->build.due_us : self->now_us;
    }
    return true;
}

/* How often one of the honest members was out of the schedule, of 200 looks. */
static uint32_t excluded_looks(struct net *net)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 200; i++) {
        const struct qnk_control *control;

        net_run_ms(net, 100);
        control = qnk_node_control_final(qnk_world_node(net->world, 0));
        for (uint32_t member = 0; member < LIAR; member++) {
            count += control->members[member].excluded != 0;
        }
    }
    return count;
}

static void a_backup_in_a_hurry_takes_nobodys_turn(void **state)
{
    struct net *net = net_make(4, 4, 47);
    const struct qnk_watch watch = {.ctx = net, .effect = wait_is_left_out};

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    qnk_world_clock(net->world, LIAR, 480000, 0);
    net_start(net, 0, 4);
    assert_int_equal(excluded_looks(net), 0);
    assert_agreement(net);
    net_drop(net);
}

/* A share of another member with a link of nobody's chain, signed by the liar. */
static void say_false_share(struct net *net, uint32_t member, uint64_t window)
{
    uint8_t payload[QNK_SHARE_SIZE];
    struct qnk_share share = {.window = window, .member = member};
    struct qnk_tx tx = {
        .payload = {payload, sizeof payload},
        .valid_until = look(net, 0).head_height + 64,
        .kind = QNK_TX_SHARE,
    };

    memset(share.link.bytes, 0x5a, sizeof share.link.bytes);
    qnk_share_encode(&share, payload);
    say_tx(net, &tx);
}

static void false_shares_keep_no_true_one_out_of_the_beacon(void **state)
{
    struct net *net = net_make(4, 4, 43);
    uint64_t told = 0;
    uint32_t checks = 0;
    const struct qnk_watch watch = {.ctx = &checks, .event = checks_count};

    (void)state;
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t window = qnk_window_of(look(net, 0).head_height + 1, WINDOW);

        for (uint32_t member = 0; window != told && member < LIAR; member++) {
            say_false_share(net, member, window);
        }
        told = window;
        net_run_ms(net, 50);
    }

    const struct qnk_control *control = qnk_node_control_final(qnk_world_node(net->world, 0));

    assert_int_equal(checks, 0); /* nor do they cost anything */
    assert_true(look(net, 0).final_window > 8);
    for (uint32_t member = 0; member < 4; member++) {
        assert_true(control->members[member].share_window + 4 > look(net, 0).final_window);
    }
    net_drop(net);
}

/* A proof of the liar's that it voted twice in this round, told to each of the others. */
static void say_own_guilt(struct net *net, uint64_t window, uint32_t round)
{
    uint8_t payload[QNK_EVIDENCE_MAX], message[QNK_VOTE_MESSAGE_SIZE];
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    uint32_t size = qnk_engine_record(&net->setup.params.bindings[QNK_BINDING_CONSENSUS], engine);
    struct qnk_evidence guilt = {
        .type = QNK_EVIDENCE_DOUBLE_VOTE, .member = LIAR, .window = window};
    struct qnk_tx tx = {
        .valid_until = look(net, 0).head_height + 64,
        .kind = QNK_TX_EVIDENCE,
    };

    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_vote *vote = &guilt.votes[i];

        *vote = (struct qnk_vote){.step = QNK_STEP_FINAL,
                                  .window = window,
                                  .round = round,
                                  .vr = -1,
                                  .member = LIAR,
                                  .digest = {{(uint8_t)(i + 1)}}};
        qnk_vote_binding(&net->set->hash, (struct qn_span){engine, size}, &vote->binding);
        qnk_vote_message(vote, &net->setup.params.chain_id, message);
        sign_as(net, LIAR, message, sizeof message, vote->signature);
    }
    tx.payload = (struct qn_span){payload, qnk_evidence_encode(&guilt, payload)};
    say_tx(net, &tx);
}

static void guilt_that_is_told_for_ever_leaves_room_for_others(void **state)
{
    struct net *net = net_make(4, 4, 49);
    uint32_t round = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 120; i++) {
        for (uint32_t j = 0; j < (i == 0 ? 256 : 80); j++) {
            say_own_guilt(net, look(net, 0).final_window, round++);
        }
        net_run_ms(net, 50);
    }

    const struct qnk_control *control = qnk_node_control_final(qnk_world_node(net->world, 0));

    assert_int_equal(control->members[LIAR].excluded, QNK_EXCLUDED_OFFENCE);
    for (uint32_t member = 0; member < LIAR; member++) {
        assert_true(control->members[member].share_window + 4 > look(net, 0).final_window);
    }
    assert_in_range(control->evidence_count, 1, 20);
    net_drop(net);
}

/* What a frame costs node 0: jobs, their signatures, and how often it charged somebody. */
struct cost {
    uint32_t jobs;
    uint32_t sigs;
    uint32_t faults;
};

static bool cost_count(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct cost *cost = ctx;

    if (node != 0) {
        return true;
    }
    if (effect->type == QNK_EFFECT_JOB && effect->job->purpose == QNK_PURPOSE_KERNEL_TXS) {
        cost->jobs++;
        cost->sigs += effect->job->sigs_count;
    }
    cost->faults +=
        effect->type == QNK_EFFECT_SCORE && effect->score.fault == QNK_FAULT_BAD_SIGNATURE;
    return true;
}

static void a_frame_of_forged_kernel_transactions_costs_one_small_job(void **state)
{
    struct net *net = net_make(4, 5, 34);
    uint32_t each = qnk_tx_size(0);
    uint32_t count = (QNK_FRAME_PLAIN_MAX - 4) / each;
    uint8_t *body = calloc(1, QNK_FRAME_PLAIN_MAX);
    struct cost cost = {0};
    const struct qnk_watch watch = {.ctx = &cost, .effect = cost_count};

    (void)state;
    assert_non_null(body);
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 5);
    net_run_ms(net, 3000);
    qn_le32_write(body, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *to = body + 4 + (uint64_t)i * each;
        struct qnk_tx tx = {
            .from = net->set->members[i % 4].key.bytes,
            .valid_until = look(net, 0).head_height + QNK_TX_AHEAD_MAX + 20,
            .kind = QNK_TX_REJOIN,
        };

        qnk_tx_encode(&tx, to);
        qn_le32_write(to + each - QN_SIG_SIZE, i + 1);
    }
    cost = (struct cost){0};
    qnk_world_say(net->world, 4, 0, QNK_LANE_TXS, QNK_WIRE_TXS,
                  (struct qn_span){body, 4 + (uint64_t)count * each});
    net_run_ms(net, 300);
    assert_int_equal(cost.jobs, 1);
    assert_int_equal(cost.sigs, 16);
    assert_int_equal(cost.faults, 1);
    net_run_ms(net, 3000);
    assert_agreement(net);
    free(body);
    net_drop(net);
}

/* As many good ones at once as nobody honest sends: all are looked at, a few at a time. */
static void good_kernel_transactions_are_all_looked_at(void **state)
{
    enum { COUNT = 100 };
    struct net *net = net_make(4, 4, 35);
    uint32_t each = qnk_tx_size(QNK_TIP_SIZE);
    uint8_t *body = calloc(1, 4 + (uint64_t)COUNT * each);
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    struct cost cost = {0};
    const struct qnk_watch watch = {.ctx = &cost, .effect = cost_count};

    (void)state;
    assert_non_null(body);
    net_open(net);
    qnk_world_watch(net->world, &watch);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    qn_le32_write(body, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t *to = body + 4 + (uint64_t)i * each;
        uint8_t payload[QNK_TIP_SIZE];
        struct qnk_tip tip = {.tip = {{(uint8_t)(i + 1)}}, .window = look(net, 0).final_window + 8};
        struct qnk_tx tx = {
            .from = net->set->members[LIAR].key.bytes,
            .payload = {payload, sizeof payload},
            .valid_until = look(net, 0).head_height + 1000,
            .kind = QNK_TX_TIP,
        };

        qnk_tip_encode(&tip, payload);
        qnk_tx_encode(&tx, to);
        assert_int_equal(qnk_tx_decode((struct qn_span){to, each}, &tx), QN_OK);
        sign_as(net, LIAR, message, qnk_tx_message(&tx, &net->setup.params.chain_id, message),
                to + each - QN_SIG_SIZE);
    }
    cost = (struct cost){0};
    qnk_world_say(net->world, 1, 0, QNK_LANE_TXS, QNK_WIRE_TXS,
                  (struct qn_span){body, 4 + (uint64_t)COUNT * each});
    net_run_ms(net, 300);
    assert_int_equal(cost.jobs, 7);
    assert_int_equal(cost.sigs, COUNT);
    assert_int_equal(cost.faults, 0);
    free(body);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_of_the_end_of_time_waits_for_it),
        cmocka_unit_test(forged_headers_cost_few_signatures),
        cmocka_unit_test(an_own_block_that_comes_while_it_is_signed_kills_nobody),
        cmocka_unit_test(steps_that_nobody_declared_push_no_vote_out),
        cmocka_unit_test(a_member_that_contradicts_itself_is_told_of_once),
        cmocka_unit_test(contradictions_in_all_rounds_cost_few_signatures),
        cmocka_unit_test(a_proposal_that_ends_in_the_middle_of_a_window_leads_nobody_there),
        cmocka_unit_test(an_answer_that_ends_in_the_middle_of_a_window_leads_nobody_there),
        cmocka_unit_test(a_vote_is_sent_with_what_justifies_it),
        cmocka_unit_test(forged_certificates_do_not_keep_a_late_node_back),
        cmocka_unit_test(who_answers_nothing_costs_a_late_node_one_wait),
        cmocka_unit_test(a_header_that_is_not_the_certificates_is_its_senders_fault),
        cmocka_unit_test(claims_without_proof_stop_nobody),
        cmocka_unit_test(strangers_that_come_again_with_claims_stop_nobody),
        cmocka_unit_test(strangers_do_not_stop_who_is_a_quorum_alone),
        cmocka_unit_test(who_is_late_makes_no_block_among_liars_before_it_caught_up),
        cmocka_unit_test(strangers_are_no_quorum),
        cmocka_unit_test(one_member_on_many_machines_is_no_quorum),
        cmocka_unit_test(members_past_genesis_keep_a_key_without_a_record_silent),
        cmocka_unit_test(a_key_that_has_signed_begins_no_second_time),
        cmocka_unit_test(what_waits_above_unfinal_blocks_survives_a_restart),
        cmocka_unit_test(who_resumes_is_no_witness_for_itself),
        cmocka_unit_test(who_resumes_among_the_late_still_signs_nothing_old),
        cmocka_unit_test(what_was_signed_before_a_record_was_lost_silences_nobody),
        cmocka_unit_test(nor_does_what_a_damaged_record_held),
        cmocka_unit_test(what_is_over_costs_no_signature_and_what_is_good_costs_one),
        cmocka_unit_test(a_frame_of_forged_kernel_transactions_costs_one_small_job),
        cmocka_unit_test(good_kernel_transactions_are_all_looked_at),
        cmocka_unit_test(a_backup_in_a_hurry_takes_nobodys_turn),
        cmocka_unit_test(false_shares_keep_no_true_one_out_of_the_beacon),
        cmocka_unit_test(guilt_that_is_told_for_ever_leaves_room_for_others),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
