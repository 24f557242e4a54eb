/* SPDX-License-Identifier: MIT */

/* authority_test.c: the contract of every engine, then what is peculiar to one approval. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "authority.manifest.h"
#include "sdk/check/consensus.h"

enum { RETRY_MS = 2000, WAIT_MS = 5000 };

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = AUTHORITY_MEMORY,
    .lanes = AUTHORITY_LANES,
    .steps = 1 << WORLD_FINAL | 1 << WORLD_PROPOSE,
};

static int start(void **subject)
{
    struct qn_check_given it = given;

    it.config = authority_config_default();
    *subject = qn_check_consensus_start(&it);
    return 0;
}

static int stop(void **subject)
{
    qn_check_consensus_stop(*subject);
    return 0;
}

/* Member 0 is an engine, the three others are acted. */
static const struct world_plan one = {
    .seed = 1,
    .nodes = 4,
    .roles = {WORLD_HONEST, WORLD_SILENT, WORLD_SILENT, WORLD_SILENT},
    .candidates = {1, 0, 0, 0},
};

static void vote(struct world *world, uint8_t from, uint8_t step, uint8_t digest)
{
    struct world_vote it = {.vr = -1, .step = step, .from = from, .digest = digest};

    world_inject(world, 0, &it);
}

static void wait(struct world *world, uint64_t time_ms)
{
    world_run(world, world->now_ms + time_ms);
}

static uint8_t approved(struct world *world)
{
    const struct world_vote *own = world_own(world, 0, 0, WORLD_FINAL);

    return own != NULL ? own->digest : 0;
}

/* --- what is approved --- */

static void a_candidate_is_offered_and_not_approved_yet(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    vote(world, 1, WORLD_PROPOSE, 1);
    wait(world, 600000);
    assert_non_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_int_equal(approved(world), 0);
}

static void what_a_quorum_offers_is_approved_at_once(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    vote(world, 1, WORLD_PROPOSE, 1);
    vote(world, 2, WORLD_PROPOSE, 1);
    wait(world, 100);
    assert_int_equal(approved(world), 1);
}

static void who_is_a_quorum_alone_needs_no_offers(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = {.seed = 1, .nodes = 1, .candidates = {1}};

    world_begin(world, &plan);
    wait(world, 100);
    assert_true(world_is_final(world));
    assert_null(world_own(world, 0, 0, WORLD_PROPOSE));

    plan = one;
    plan.weights[0] = 7;
    world_begin(world, &plan);
    wait(world, 100);
    assert_true(world_is_final(world));
}

/* Two offer 2, this one 1, the last is not heard: a quorum, and no digest has it. */
static void differing_offers_are_waited_for_then_the_heaviest_is_approved(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    vote(world, 1, WORLD_PROPOSE, 2);
    vote(world, 2, WORLD_PROPOSE, 2);
    wait(world, WAIT_MS - 100);
    assert_int_equal(approved(world), 0);
    wait(world, 200);
    assert_int_equal(approved(world), 2);
}

static void when_all_have_offered_nothing_is_waited_for(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    vote(world, 1, WORLD_PROPOSE, 2);
    vote(world, 2, WORLD_PROPOSE, 2);
    vote(world, 3, WORLD_PROPOSE, 1);
    wait(world, 1500); /* the check takes a second */
    assert_int_equal(approved(world), 1);
}

static void what_a_third_has_approved_is_followed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    vote(world, 1, WORLD_FINAL, 2);
    wait(world, 60000);
    assert_int_equal(approved(world), 0); /* it may be a liar */
    vote(world, 2, WORLD_FINAL, 2);
    wait(world, 1500);
    assert_int_equal(approved(world), 2);
}

/* A liar's digest is invalid, whatever weight is behind it. */
static void what_is_invalid_is_passed_over(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        vote(world, from, WORLD_PROPOSE, WORLD_INVALID);
        vote(world, from, WORLD_FINAL, WORLD_INVALID);
    }
    assert_int_equal(approved(world), 0);

    world_begin(world, &one);
    wait(world, 100);
    vote(world, 1, WORLD_PROPOSE, WORLD_INVALID);
    vote(world, 2, WORLD_PROPOSE, WORLD_INVALID);
    vote(world, 3, WORLD_PROPOSE, 1);
    wait(world, 3000);
    assert_int_equal(approved(world), 1);
}

static void a_refusal_is_asked_again_after_retry(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    world->nodes[0].refuse_from = world->nodes[0].requests;
    world->nodes[0].refuse_count = 1;
    vote(world, 1, WORLD_PROPOSE, 1);
    vote(world, 2, WORLD_PROPOSE, 1);
    wait(world, RETRY_MS - 200);
    assert_int_equal(approved(world), 0);
    wait(world, 400);
    assert_int_equal(approved(world), 1);
}

static void only_round_0_counts(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        struct world_vote it = {
            .round = 1,
            .vr = -1,
            .step = WORLD_PROPOSE,
            .from = from,
            .digest = 1,
        };

        world_inject(world, 0, &it);
        it.step = WORLD_FINAL;
        world_inject(world, 0, &it);
    }
    wait(world, 60000);
    assert_int_equal(approved(world), 0);
    world_check(world); /* no certificate was asked for */
}

/* Six members on a good net, two of them down, each of the others with one of two chains. */
static void members_on_two_branches_come_to_one(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world_plan plan = {.seed = seed, .nodes = 7, .roles = {WORLD_SILENT, WORLD_SILENT}};

        for (uint32_t i = 2; i < 7; i++) {
            plan.candidates[i] = (uint8_t)(1 + (seed >> i & 1));
            plan.candidates_ms[i] = (uint32_t)(seed * i * 37 % 3000);
        }
        world_begin(world, &plan);
        wait(world, 60000);
        world_check(world);
        assert_true(world_is_final(world));
    }
}

/* --- instances --- */

struct seen {
    uint32_t counts[8]; /* by type of effect */
};

static int32_t see(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct seen *seen = ctx;

    assert_true(type < 8);
    assert_true(body.size > 0);
    assert_null(payload);
    seen->counts[type]++;
    return QN_OK;
}

static int32_t tell(struct qn_inst *inst, uint16_t type, const uint8_t *from, uint64_t size,
                    struct seen *seen)
{
    const struct qn_consensus_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_event event = {.size = sizeof event, .type = type, .body = {from, size}};
    const struct qn_event *batch = &event;
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .ctx = seen, .push = see};

    return slots->step(inst, &batch, 1, &out);
}

static const uint8_t hash[QN_HASH_SIZE] = {5};

/* The open event of two members, as seen by `self`. */
static uint64_t open_write(uint8_t *to, uint32_t self)
{
    uint8_t members[2 * (QN_KEY_SIZE + 8)];
    struct qn_member member = {.key = hash, .weight = 3};
    struct qn_consensus_event_open event = {
        .window = 1,
        .first = 1,
        .last = 90,
        .set = hash,
        .self = self,
        .total = 6,
        .quorum = 5,
        .members_count = 2,
        .members = {members, sizeof members},
        .seed = hash,
    };

    (void)qn_member_write(&member, qn_member_write(&member, members));
    return (uint64_t)(qn_consensus_event_open_write(&event, to) - to);
}

static struct qn_inst *inst_new(struct qn_node **node)
{
    struct qn_check_given it = given;

    it.config = authority_config_default();
    *node = qn_check_node_create(AUTHORITY_MEMORY);
    return qn_check_inst_create(&it, *node);
}

static void inst_end(struct qn_inst *inst, struct qn_node *node)
{
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

static bool has_words(const struct qn_node *node, const char *words)
{
    struct qn_span said = qn_check_node_words(node);
    char text[1024] = {0};

    assert_true(said.size < sizeof text);
    memcpy(text, said.data, said.size);
    return strstr(text, words) != NULL;
}

static void vote_tell(struct qn_inst *inst, uint32_t from, uint16_t step, const uint8_t *digest,
                      struct seen *seen)
{
    struct qn_consensus_event_vote it = {
        .window = 1,
        .step = step,
        .vr = -1,
        .from = from,
        .digest = digest,
    };
    uint8_t bytes[128];

    (void)qn_consensus_event_vote_write(&it, bytes);
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_VOTE, bytes, qn_consensus_event_vote_size(&it), seen), QN_OK);
}

static void it_says_what_it_does_not_tolerate(void **subject)
{
    const struct qn_consensus_1 *slots = (const void *)qn_plugin_v1.slots;
    static const char words[] = "idle; tolerates crashes only, no liars";
    uint8_t answer[512];
    struct qn_sink sink = {.data = answer, .cap = sizeof answer};
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);

    (void)subject;
    assert_true(has_words(node, "tolerates crashes"));
    assert_true(has_words(node, "no liars"));
    assert_int_equal(slots->query(inst, 2, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(sink.size, sizeof words - 1);
    assert_memory_equal(answer, words, sizeof words - 1);
    inst_end(inst, node);
}

static void approvals_that_differ_for_good_are_said_once(void **subject)
{
    static const uint8_t other[QN_HASH_SIZE] = {6};
    uint8_t bytes[512];
    struct seen seen = {{0}};
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);

    (void)subject;
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, open_write(bytes, UINT32_MAX), &seen), QN_OK);
    vote_tell(inst, 0, WORLD_FINAL, hash, &seen);
    assert_false(has_words(node, "differ for good"));
    vote_tell(inst, 1, WORLD_FINAL, other, &seen);
    assert_true(has_words(node, "differ for good"));
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CERTIFY], 0);
    inst_end(inst, node);
}

static void who_does_not_vote_follows_and_asks_for_no_signature(void **subject)
{
    uint8_t bytes[512];
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {{0}};
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = hash, .height = 90};

    (void)subject;
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, open_write(bytes, UINT32_MAX), &seen), QN_OK);
    (void)qn_consensus_event_candidate_write(&candidate, bytes);
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                          qn_consensus_event_candidate_size(&candidate), &seen),
                     QN_OK);
    for (uint32_t from = 0; from < 2; from++) {
        vote_tell(inst, from, WORLD_PROPOSE, hash, &seen);
        vote_tell(inst, from, WORLD_FINAL, hash, &seen);
    }
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CERTIFY], 1);
    inst_end(inst, node);
}

static void what_is_no_event_is_refused(void **subject)
{
    static const uint16_t types[] = {
        QN_CONSENSUS_EVENT_OPEN,  QN_CONSENSUS_EVENT_CANDIDATE, QN_CONSENSUS_EVENT_VOTE,
        QN_CONSENSUS_EVENT_TIMER, QN_CONSENSUS_EVENT_CHECKED,   QN_CONSENSUS_EVENT_SIGNED,
        QN_CONSENSUS_EVENT_FINAL,
    };
    uint8_t bytes[512];
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {{0}};
    uint64_t size = open_write(bytes, 0);

    (void)subject;
    for (uint64_t cut = 0; cut < size; cut++) {
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, cut, &seen), QN_INVALID);
    }
    size = open_write(bytes, 2); /* one beyond the set */
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, size, &seen), QN_INVALID);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(tell(inst, types[i], bytes, 7, &seen), QN_INVALID);
    }
    inst_end(inst, node);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = given;

    (void)subject;
    it.config = authority_config_default();
    qn_check_every_take_may_fail(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
        cmocka_unit_test(a_candidate_is_offered_and_not_approved_yet),
        cmocka_unit_test(what_a_quorum_offers_is_approved_at_once),
        cmocka_unit_test(who_is_a_quorum_alone_needs_no_offers),
        cmocka_unit_test(differing_offers_are_waited_for_then_the_heaviest_is_approved),
        cmocka_unit_test(when_all_have_offered_nothing_is_waited_for),
        cmocka_unit_test(what_a_third_has_approved_is_followed),
        cmocka_unit_test(what_is_invalid_is_passed_over),
        cmocka_unit_test(a_refusal_is_asked_again_after_retry),
        cmocka_unit_test(only_round_0_counts),
        cmocka_unit_test(members_on_two_branches_come_to_one),
        cmocka_unit_test(it_says_what_it_does_not_tolerate),
        cmocka_unit_test(approvals_that_differ_for_good_are_said_once),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
