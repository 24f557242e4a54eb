/* SPDX-License-Identifier: MIT */

/* bft_test.c: the contract of every engine, then what is peculiar to this one. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "bft.manifest.h"
#include "sdk/check/consensus.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = BFT_MEMORY,
    .lanes = BFT_LANES,
    .steps = 1 << WORLD_PREPARE | 1 << WORLD_FINAL | 1 << WORLD_TIMEOUT | 1 << WORLD_PROPOSE,
};

static int start(void **subject)
{
    struct qn_check_given it = given;

    it.config = bft_config_default();
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

enum { ROUND_MS = 15000, DELTA_MS = 2000 };

static void vote(struct world *world, uint8_t from, uint32_t round, uint8_t step, int32_t vr,
                 uint8_t digest)
{
    struct world_vote it = {
        .round = round,
        .vr = vr,
        .step = step,
        .from = from,
        .digest = digest,
    };

    world_inject(world, 0, &it);
}

static void others_vote(struct world *world, uint32_t round, uint8_t step, uint8_t digest)
{
    for (uint8_t from = 1; from < 4; from++) {
        vote(world, from, round, step, -1, digest);
    }
}

static void wait(struct world *world, uint64_t time_ms)
{
    world_run(world, world->now_ms + time_ms);
}

/* finality.md 7.1, computed anew: equal weights, W = 4. */
static uint32_t leader_of(const struct world_plan *plan, uint32_t round)
{
    static const char tag[] = "qnet/leader";
    struct qn_check_sha256 sha;
    uint8_t place[QN_HASH_SIZE + 12] = {0};
    uint8_t draw[QN_HASH_SIZE];

    qn_le64_write(place, plan->seed);
    qn_le64_write(place + QN_HASH_SIZE, 1);
    qn_le32_write(place + QN_HASH_SIZE + 8, round);
    qn_check_sha256_init(&sha);
    qn_check_sha256_add(&sha, (struct qn_span){(const uint8_t *)tag, sizeof tag - 1});
    qn_check_sha256_add(&sha, (struct qn_span){place, sizeof place});
    qn_check_sha256_done(&sha, draw);
    return (uint32_t)(qn_le64_read(draw) >> 62);
}

/* The first seed, from `from` on, with which member 0 leads this round, or does not. */
static uint64_t seed_with(uint64_t from, uint32_t round, bool leads)
{
    struct world_plan plan = one;

    for (plan.seed = from; (leader_of(&plan, round) == 0) != leads; plan.seed++) {
    }
    return plan.seed;
}

static void begin(struct world *world, uint32_t round, bool leads)
{
    struct world_plan plan = one;

    plan.seed = seed_with(1, round, leads);
    world_begin(world, &plan);
    wait(world, 100);
}

/* --- rounds --- */

static void a_leader_proposes_what_it_has_at_once_in_round_0(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, true);
    assert_non_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 0, WORLD_PROPOSE)->digest, 1);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
    begin(world, 0, false);
    wait(world, ROUND_MS - 200);
    assert_null(world_own(world, 0, 0, WORLD_PROPOSE));
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void only_the_leader_is_believed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = one;

    plan.seed = seed_with(1, 0, false);
    world_begin(world, &plan);
    wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        if (leader_of(&plan, 0) != from) {
            vote(world, from, 0, WORLD_PROPOSE, -1, 1);
        }
    }
    wait(world, 1000);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    vote(world, (uint8_t)leader_of(&plan, 0), 0, WORLD_PROPOSE, -1, 1);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* One member more is a liar at most, two hold an honest one, three are a quorum. */
static void only_a_quorum_of_time_outs_ends_a_round(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, false);
    vote(world, 1, 1, WORLD_TIMEOUT, -1, 0);
    vote(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    wait(world, 1000);
    assert_int_equal(world->nodes[0].round, 0);
    vote(world, 3, 1, WORLD_TIMEOUT, -1, 0);
    wait(world, 1000);
    assert_int_equal(world->nodes[0].round, 1);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT)); /* it says what it knows */
}

static void an_own_time_out_alone_ends_nothing(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    wait(world, ROUND_MS - 200);
    assert_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    wait(world, 400);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    wait(world, 10 * ROUND_MS);
    assert_null(world_own(world, 0, 2, WORLD_TIMEOUT));
}

static void who_has_timed_out_signs_nothing_more_in_that_round(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    wait(world, ROUND_MS + 200);
    others_vote(world, 0, WORLD_PROPOSE, 1);
    others_vote(world, 0, WORLD_PREPARE, 1);
    wait(world, 5000);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    assert_null(world_own(world, 0, 0, WORLD_FINAL));
    world_check(world);
}

static void a_refused_time_out_is_tried_again_after_as_long(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world->nodes[0].refuse_from = world->nodes[0].requests;
    world->nodes[0].refuse_count = 1;
    wait(world, ROUND_MS + 200);
    assert_null(world_own(world, 0, 1, WORLD_TIMEOUT));
    wait(world, ROUND_MS);
    assert_non_null(world_own(world, 0, 1, WORLD_TIMEOUT));
}

/* --- leaders of later rounds --- */

static void a_leader_waits_delta_for_the_last_time_out(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    wait(world, ROUND_MS);
    vote(world, 1, 1, WORLD_TIMEOUT, -1, 0);
    vote(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    wait(world, DELTA_MS - 100);
    assert_int_equal(world->nodes[0].round, 1);
    assert_null(world_own(world, 0, 1, WORLD_PROPOSE));
    wait(world, 200);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
}

static void a_leader_that_has_heard_all_does_not_wait(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    wait(world, ROUND_MS);
    others_vote(world, 1, WORLD_TIMEOUT, 0);
    wait(world, 100);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
}

static void a_leader_with_the_last_rounds_certificate_does_not_wait(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 1, true);
    world_inject_certificate(world, 0, 0, -1, 1, 14);
    wait(world, ROUND_MS);
    vote(world, 1, 1, WORLD_TIMEOUT, 0, 1);
    vote(world, 2, 1, WORLD_TIMEOUT, -1, 0);
    wait(world, 100);
    assert_non_null(world_own(world, 0, 1, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 1, WORLD_PROPOSE)->vr, 0);
}

/* A time-out that comes within delta brings a certificate that was not known here. */
static void a_leader_proposes_the_highest_certificate_that_it_heard_of(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = one;

    plan.seed = seed_with(1, 2, true);
    world_begin(world, &plan);
    wait(world, 100);
    others_vote(world, 1, WORLD_TIMEOUT, 0);
    wait(world, ROUND_MS * 2);
    vote(world, 1, 2, WORLD_TIMEOUT, -1, 0);
    vote(world, 2, 2, WORLD_TIMEOUT, -1, 0);
    wait(world, 500);
    assert_null(world_own(world, 0, 2, WORLD_PROPOSE));
    world_inject_certificate(world, 0, 0, -1, 2, 14);
    vote(world, 3, 2, WORLD_TIMEOUT, 0, 2);
    wait(world, DELTA_MS);
    assert_non_null(world_own(world, 0, 2, WORLD_PROPOSE));
    assert_int_equal(world_own(world, 0, 2, WORLD_PROPOSE)->digest, 2);
    assert_int_equal(world_own(world, 0, 2, WORLD_PROPOSE)->vr, 0);
    world_check(world);
}

/* What the time-out says is what may unlock others. */
static void a_time_out_names_the_highest_certificate(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    begin(world, 0, false);
    world_inject_certificate(world, 0, 0, -1, 2, 14);
    wait(world, ROUND_MS + 200);
    assert_int_equal(world_own(world, 0, 1, WORLD_TIMEOUT)->vr, 0);
    assert_int_equal(world_own(world, 0, 1, WORLD_TIMEOUT)->digest, 2);
    others_vote(world, 1, WORLD_TIMEOUT, 0);
    world_inject_certificate(world, 0, 1, -1, 3, 14);
    wait(world, ROUND_MS * 2);
    assert_int_equal(world_own(world, 0, 2, WORLD_TIMEOUT)->vr, 1);
    assert_int_equal(world_own(world, 0, 2, WORLD_TIMEOUT)->digest, 3);
}

/* --- instances --- */

static struct qn_inst *inst_new(struct qn_node **node)
{
    struct qn_check_given it = given;

    it.config = bft_config_default();
    *node = qn_check_node_create(BFT_MEMORY);
    return qn_check_inst_create(&it, *node);
}

static void inst_end(struct qn_inst *inst, struct qn_node *node)
{
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

struct seen {
    uint32_t counts[8]; /* by type of effect */
    uint32_t to;        /* of the last vote that was asked for */
};

static int32_t see(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct seen *seen = ctx;

    assert_true(type < 8);
    assert_true(body.size > 0);
    assert_null(payload);
    seen->counts[type]++;
    if (type == QN_CONSENSUS_EFFECT_REQUEST_SIGN) {
        struct qn_consensus_effect_request_sign request = {0};

        assert_int_equal(qn_consensus_effect_request_sign_read(body, &request), QN_OK);
        seen->to = request.to;
    }
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

/* The open event of one member alone, as seen by `self`. */
static uint64_t open_write(uint8_t *to, uint32_t self)
{
    uint8_t members[QN_KEY_SIZE + 8];
    struct qn_member member = {.key = hash, .weight = 3};
    struct qn_consensus_event_open event = {
        .window = 1,
        .first = 1,
        .last = 90,
        .set = hash,
        .self = self,
        .total = 3,
        .quorum = 3,
        .members_count = 1,
        .members = {members, sizeof members},
        .seed = hash,
    };

    (void)qn_member_write(&member, members);
    return (uint64_t)(qn_consensus_event_open_write(&event, to) - to);
}

static void who_does_not_vote_follows_and_asks_for_no_signature(void **subject)
{
    uint8_t bytes[512];
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {.to = 7};
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = hash, .height = 90};
    struct qn_consensus_event_vote vote = {.window = 1, .vr = -1, .digest = hash};

    (void)subject;
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, open_write(bytes, UINT32_MAX), &seen), QN_OK);
    (void)qn_consensus_event_candidate_write(&candidate, bytes);
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                          qn_consensus_event_candidate_size(&candidate), &seen),
                     QN_OK);
    for (vote.step = WORLD_PREPARE; vote.step <= WORLD_FINAL; vote.step++) {
        (void)qn_consensus_event_vote_write(&vote, bytes);
        assert_int_equal(
            tell(inst, QN_CONSENSUS_EVENT_VOTE, bytes, qn_consensus_event_vote_size(&vote), &seen),
            QN_OK);
    }
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CERTIFY], 2);
    inst_end(inst, node);
}

static void what_is_no_event_is_refused(void **subject)
{
    uint8_t bytes[512];
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {.to = 7};
    uint64_t size = open_write(bytes, 0);

    (void)subject;
    for (uint64_t cut = 0; cut < size; cut++) {
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, cut, &seen), QN_INVALID);
    }
    size = open_write(bytes, 1); /* one beyond the set */
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, size, &seen), QN_INVALID);
    for (uint16_t type = QN_CONSENSUS_EVENT_OPEN; type <= QN_CONSENSUS_EVENT_HEAD; type++) {
        if (type != QN_CONSENSUS_EVENT_OFFENCE) {
            assert_int_equal(tell(inst, type, bytes, 7, &seen), QN_INVALID);
        }
    }
    inst_end(inst, node);
}

static void what_it_answers_is_where_it_is(void **subject)
{
    const struct qn_consensus_1 *slots = (const void *)qn_plugin_v1.slots;
    const char *words = "propose, window 1 round 0: 0 of 3";
    uint8_t bytes[512], answer[512];
    struct qn_sink sink = {.data = answer, .cap = sizeof answer};
    struct qn_consensus_status status;
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {.to = 7};
    uint64_t size = open_write(bytes, 0);

    (void)subject;
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, size, &seen), QN_OK);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REPORT], 1);
    assert_int_equal(slots->query(inst, 1, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(qn_consensus_status_read((struct qn_span){answer, sink.size}, &status), QN_OK);
    assert_int_equal(status.window, 1);
    assert_int_equal(status.phase, 4);
    assert_int_equal(status.need, 3);
    assert_int_equal(status.lock_round, -1);
    sink.size = 0;
    assert_int_equal(slots->query(inst, 2, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(sink.size, strlen(words));
    assert_memory_equal(answer, words, strlen(words));
    assert_int_equal(slots->query(inst, 3, (struct qn_span){NULL, 0}, &sink), QN_UNSUPPORTED);
    inst_end(inst, node);
}

/* And asks for nothing on the way. */
static void own_votes_of_before_bring_it_into_their_round(void **subject)
{
    const struct qn_consensus_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_consensus_event_signed own = {
        .window = 1,
        .round = 2,
        .step = WORLD_PREPARE,
        .vr = -1,
        .digest = hash,
        .result = 3,
    };
    uint8_t bytes[512], answer[512];
    struct qn_sink sink = {.data = answer, .cap = sizeof answer};
    struct qn_consensus_status status;
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {.to = 7};

    (void)subject;
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, open_write(bytes, 0), &seen),
                     QN_OK);
    (void)qn_consensus_event_signed_write(&own, bytes);
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_SIGNED, bytes, qn_consensus_event_signed_size(&own), &seen),
        QN_OK);
    assert_int_equal(slots->query(inst, 1, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(qn_consensus_status_read((struct qn_span){answer, sink.size}, &status), QN_OK);
    assert_int_equal(status.round, 2);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
    inst_end(inst, node);
}

static int32_t create_with(struct bft_config *values)
{
    uint8_t config[128];
    struct qn_node *node = qn_check_node_create(BFT_MEMORY);
    struct qn_inst *inst = NULL;
    uint64_t size = (uint64_t)(bft_config_write(values, config) - config);
    int32_t status =
        qn_plugin_v1.life->create(&qn_check_host, node, (struct qn_span){config, size}, &inst);

    assert_true(status == QN_OK || qn_check_node_words(node).size > 0);
    qn_check_node_destroy(node);
    return status;
}

static void times_that_contradict_each_other_are_refused(void **subject)
{
    struct bft_config values = bft_config_read(bft_config_default());

    (void)subject;
    assert_int_equal(create_with(&values), QN_OK);
    values.delta = values.round / 2 + 1;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.delta = values.round / 2;
    assert_int_equal(create_with(&values), QN_OK);
    values.round_max = values.round - 1;
    assert_int_equal(create_with(&values), QN_INVALID);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = given;

    (void)subject;
    it.config = bft_config_default();
    qn_check_every_take_may_fail(&it);
}

/* --- messages --- */

/* The open event of four members, as member 0 sees it. */
static uint64_t four_write(uint8_t *to, uint64_t seed)
{
    uint8_t members[4 * (QN_KEY_SIZE + 8)], *at = members;
    uint8_t drawn[QN_HASH_SIZE] = {0};
    struct qn_member member = {.key = hash, .weight = 1};
    struct qn_consensus_event_open event = {
        .window = 1,
        .first = 1,
        .last = 90,
        .set = hash,
        .total = 4,
        .quorum = 3,
        .members_count = 4,
        .seed = drawn,
    };

    qn_le64_write(drawn, seed);
    for (uint32_t i = 0; i < 4; i++) {
        at = qn_member_write(&member, at);
    }
    event.members = (struct qn_span){members, sizeof members};
    return (uint64_t)(qn_consensus_event_open_write(&event, to) - to);
}

/* A prepare goes to the leader alone, and a proposal to all. */
static void votes_go_to_the_leader_alone(void **subject)
{
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = hash, .height = 90};
    struct world_plan plan = one;

    (void)subject;
    for (uint32_t leads = 0; leads < 2; leads++) {
        uint8_t bytes[512];
        struct seen seen = {.to = 7};
        struct qn_node *node;
        struct qn_inst *inst = inst_new(&node);
        struct qn_consensus_event_vote proposal = {.window = 1, .vr = -1, .digest = hash};
        uint64_t size;

        plan.seed = seed_with(1, 0, leads == 1);
        size = four_write(bytes, plan.seed);
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, size, &seen), QN_OK);
        (void)qn_consensus_event_candidate_write(&candidate, bytes);
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                              qn_consensus_event_candidate_size(&candidate), &seen),
                         QN_OK);
        assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], leads);
        assert_int_equal(seen.to, leads == 1 ? UINT32_MAX : 7);
        proposal.step = WORLD_PROPOSE;
        proposal.from = leader_of(&plan, 0);
        (void)qn_consensus_event_vote_write(&proposal, bytes);
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_VOTE, bytes,
                              qn_consensus_event_vote_size(&proposal), &seen),
                         QN_OK);
        assert_int_equal(seen.to, leader_of(&plan, 0));
        inst_end(inst, node);
    }
}

/* --- verdicts --- */

/* Member 0 of four, in a round 0 that another one leads. */
static uint8_t follower_open(struct qn_inst *inst, struct seen *seen)
{
    uint8_t bytes[512];
    struct world_plan plan = one;

    plan.seed = seed_with(1, 0, false);
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, four_write(bytes, plan.seed), seen),
                     QN_OK);
    return (uint8_t)leader_of(&plan, 0);
}

static void tell_vote(struct qn_inst *inst, uint8_t from, uint16_t step, struct seen *seen)
{
    uint8_t bytes[512];
    struct qn_consensus_event_vote it = {.window = 1, .vr = -1, .digest = hash};

    it.from = from;
    it.step = step;
    (void)qn_consensus_event_vote_write(&it, bytes);
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_VOTE, bytes, qn_consensus_event_vote_size(&it), seen), QN_OK);
}

static void tell_checked(struct qn_inst *inst, uint8_t verdict, struct seen *seen)
{
    uint8_t bytes[512];
    struct qn_consensus_event_checked it = {.window = 1, .digest = hash, .verdict = verdict};

    (void)qn_consensus_event_checked_write(&it, bytes);
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_CHECKED, bytes, qn_consensus_event_checked_size(&it), seen),
        QN_OK);
}

/* The kernel drops a check when there are too many, and says so, perhaps after the chain came. */
static void a_candidate_stays_valid_whatever_is_answered_of_it(void **subject)
{
    static const uint8_t verdicts[] = {2, 3};
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = hash, .height = 90};

    (void)subject;
    for (uint32_t i = 0; i < sizeof verdicts; i++) {
        uint8_t bytes[512];
        struct seen seen = {.to = 7};
        struct qn_node *node;
        struct qn_inst *inst = inst_new(&node);
        uint8_t leader = follower_open(inst, &seen);

        tell_vote(inst, leader == 1 ? 2 : 1, WORLD_PREPARE, &seen);
        assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
        (void)qn_consensus_event_candidate_write(&candidate, bytes);
        assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                              qn_consensus_event_candidate_size(&candidate), &seen),
                         QN_OK);
        tell_checked(inst, verdicts[i], &seen);
        tell_vote(inst, leader, WORLD_PROPOSE, &seen);
        assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
        assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 1);
        inst_end(inst, node);
    }
}

/* Nobody names it again: prepares go to the leader. */
static void a_proposal_that_could_not_be_told_is_asked_for_again(void **subject)
{
    struct qn_consensus_event_head head = {.window = 1, .height = 91};
    uint8_t bytes[512];
    struct seen seen = {.to = 7};
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);

    (void)subject;
    tell_vote(inst, follower_open(inst, &seen), WORLD_PROPOSE, &seen);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CHECK], 1);
    tell_checked(inst, 3, &seen);
    (void)qn_consensus_event_head_write(&head, bytes);
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_HEAD, bytes, qn_consensus_event_head_size(&head), &seen),
        QN_OK);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_CHECK], 2);
    tell_checked(inst, 1, &seen);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 1);
    inst_end(inst, node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
        cmocka_unit_test(a_leader_proposes_what_it_has_at_once_in_round_0),
        cmocka_unit_test(only_the_leader_is_believed),
        cmocka_unit_test(only_a_quorum_of_time_outs_ends_a_round),
        cmocka_unit_test(an_own_time_out_alone_ends_nothing),
        cmocka_unit_test(who_has_timed_out_signs_nothing_more_in_that_round),
        cmocka_unit_test(a_refused_time_out_is_tried_again_after_as_long),
        cmocka_unit_test(a_leader_waits_delta_for_the_last_time_out),
        cmocka_unit_test(a_leader_that_has_heard_all_does_not_wait),
        cmocka_unit_test(a_leader_with_the_last_rounds_certificate_does_not_wait),
        cmocka_unit_test(a_leader_proposes_the_highest_certificate_that_it_heard_of),
        cmocka_unit_test(a_time_out_names_the_highest_certificate),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_it_answers_is_where_it_is),
        cmocka_unit_test(own_votes_of_before_bring_it_into_their_round),
        cmocka_unit_test(times_that_contradict_each_other_are_refused),
        cmocka_unit_test(no_memory_is_no_space),
        cmocka_unit_test(votes_go_to_the_leader_alone),
        cmocka_unit_test(a_candidate_stays_valid_whatever_is_answered_of_it),
        cmocka_unit_test(a_proposal_that_could_not_be_told_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
