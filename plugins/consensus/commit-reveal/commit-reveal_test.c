/* SPDX-License-Identifier: MIT */

/* commit-reveal_test.c: the contract of every engine, then what is peculiar to this one. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "commit-reveal.manifest.h"
#include "sdk/check/consensus.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = COMMIT_REVEAL_MEMORY,
    .lanes = COMMIT_REVEAL_LANES,
    .steps = 1 << WORLD_COMMIT | 1 << WORLD_PREPARE | 1 << WORLD_FINAL | 1 << WORLD_PROPOSE,
};

static int start(void **subject)
{
    struct qn_check_given it = given;

    it.config = commit_reveal_config_default();
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

static void others_vote(struct world *world, uint32_t round, uint8_t step, uint8_t digest)
{
    for (uint8_t from = 1; from < 4; from++) {
        struct world_vote vote = {
            .round = round,
            .vr = -1,
            .step = step,
            .from = from,
            .digest = digest,
        };

        world_inject(world, 0, &vote);
    }
}

static void wait(struct world *world, uint64_t time_ms)
{
    world_run(world, world->now_ms + time_ms);
}

/* --- times --- */

static void all_committed_ends_the_wait_for_commits(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 1000);
    assert_non_null(world_own(world, 0, 0, WORLD_COMMIT));
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    others_vote(world, 0, WORLD_COMMIT, 1);
    wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* Two others of three commit: a quorum with the own, but not all. */
static void a_quorum_of_commits_is_enough_after_commit_min(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    for (uint8_t from = 1; from < 3; from++) {
        struct world_vote commit = {.from = from, .vr = -1, .digest = 1};

        world_inject(world, 0, &commit);
    }
    wait(world, 3900);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    wait(world, 200);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void alone_it_reveals_after_commit(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 59900);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    wait(world, 200);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* 60 of 90 blocks after the first head that was seen. */
static void two_thirds_of_a_window_of_blocks_end_the_wait_for_commits(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    world_head(world, 50);
    world_head(world, 109);
    world_head(world, 149);
    wait(world, 100);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_head(world, 150);
    wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

static void the_marks_count_from_a_head_beyond_the_window(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    world_head(world, 140);
    world_head(world, 199);
    wait(world, 100);
    assert_null(world_own(world, 0, 0, WORLD_PREPARE));
    world_head(world, 200);
    wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_PREPARE));
}

/* Two digests of two members each: no more votes can help. */
static void a_hopeless_round_is_left_at_once(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);

    world_begin(world, &one);
    wait(world, 100);
    for (uint8_t from = 1; from < 4; from++) {
        struct world_vote prepare = {
            .step = WORLD_PREPARE,
            .from = from,
            .vr = -1,
            .digest = from == 1 ? 1 : 2,
        };

        world_inject(world, 0, &prepare);
    }
    wait(world, 100);
    assert_non_null(world_own(world, 0, 0, WORLD_FINAL));
    assert_int_equal(world_own(world, 0, 0, WORLD_FINAL)->digest, 0);
}

/* --- leaders --- */

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

static void leaders_are_drawn_from_the_seed(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_plan plan = one;
    uint32_t led = 0;

    for (plan.seed = 1; plan.seed <= 4; plan.seed++) {
        world_begin(world, &plan);
        wait(world, 100);
        for (uint32_t round = 1; round <= 10; round++) {
            bool is_own = leader_of(&plan, round) == 0;

            others_vote(world, round - 1, WORLD_FINAL, 0);
            wait(world, 100);
            assert_int_equal(world_own(world, 0, round, WORLD_PROPOSE) != NULL, is_own);
            led += is_own;
        }
    }
    assert_in_range(led, 4, 20);
}

/* --- instances --- */

static struct qn_inst *inst_new(struct qn_node **node)
{
    struct qn_check_given it = given;

    it.config = commit_reveal_config_default();
    *node = qn_check_node_create(COMMIT_REVEAL_MEMORY);
    return qn_check_inst_create(&it, *node);
}

static void inst_end(struct qn_inst *inst, struct qn_node *node)
{
    qn_check_inst_destroy(&given, inst);
    qn_check_node_destroy(node);
}

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

static void a_timer_of_a_round_that_is_over_means_nothing(void **subject)
{
    struct world *world = qn_check_consensus_world(*subject);
    struct world_timer timers[WORLD_TIMERS];
    struct seen seen = {{0}};
    uint32_t told = 0;

    world_begin(world, &one);
    others_vote(world, 0, WORLD_FINAL, 0);
    memcpy(timers, world->nodes[0].timers, sizeof timers);
    others_vote(world, 1, WORLD_FINAL, 0);
    for (uint32_t i = 0; i < WORLD_TIMERS; i++) {
        struct qn_consensus_event_timer event = {.window = 1, .timer = timers[i].id};
        uint8_t bytes[16];

        if (timers[i].is_set) {
            (void)qn_consensus_event_timer_write(&event, bytes);
            assert_int_equal(tell(world->nodes[0].inst, QN_CONSENSUS_EVENT_TIMER, bytes,
                                  qn_consensus_event_timer_size(&event), &seen),
                             QN_OK);
            told++;
        }
    }
    assert_true(told > 0);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN], 0);
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
    struct seen seen = {{0}};
    struct qn_consensus_event_candidate candidate = {.window = 1, .digest = hash, .height = 90};
    struct qn_consensus_event_vote vote = {.window = 1, .vr = -1, .digest = hash};

    (void)subject;
    assert_int_equal(
        tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, open_write(bytes, UINT32_MAX), &seen), QN_OK);
    (void)qn_consensus_event_candidate_write(&candidate, bytes);
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_CANDIDATE, bytes,
                          qn_consensus_event_candidate_size(&candidate), &seen),
                     QN_OK);
    for (vote.step = WORLD_COMMIT; vote.step <= WORLD_FINAL; vote.step++) {
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
    struct seen seen = {{0}};
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
    const char *words = "commit, window 1 round 0: 0 of 3";
    uint8_t bytes[512], answer[512];
    struct qn_sink sink = {.data = answer, .cap = sizeof answer};
    struct qn_consensus_status status;
    struct qn_node *node;
    struct qn_inst *inst = inst_new(&node);
    struct seen seen = {{0}};
    uint64_t size = open_write(bytes, 0);

    (void)subject;
    assert_int_equal(tell(inst, QN_CONSENSUS_EVENT_OPEN, bytes, size, &seen), QN_OK);
    assert_int_equal(seen.counts[QN_CONSENSUS_EFFECT_REPORT], 1);
    assert_int_equal(slots->query(inst, 1, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(qn_consensus_status_read((struct qn_span){answer, sink.size}, &status), QN_OK);
    assert_int_equal(status.window, 1);
    assert_int_equal(status.phase, 1);
    assert_int_equal(status.need, 3);
    assert_int_equal(status.lock_round, -1);
    sink.size = 0;
    assert_int_equal(slots->query(inst, 2, (struct qn_span){NULL, 0}, &sink), QN_OK);
    assert_int_equal(sink.size, strlen(words));
    assert_memory_equal(answer, words, strlen(words));
    assert_int_equal(slots->query(inst, 3, (struct qn_span){NULL, 0}, &sink), QN_UNSUPPORTED);
    inst_end(inst, node);
}

static int32_t create_with(struct commit_reveal_config *values)
{
    uint8_t config[128];
    struct qn_node *node = qn_check_node_create(COMMIT_REVEAL_MEMORY);
    struct qn_inst *inst = NULL;
    uint64_t size = (uint64_t)(commit_reveal_config_write(values, config) - config);
    int32_t status =
        qn_plugin_v1.life->create(&qn_check_host, node, (struct qn_span){config, size}, &inst);

    assert_true(status == QN_OK || qn_check_node_words(node).size > 0);
    qn_check_node_destroy(node);
    return status;
}

static void times_that_contradict_each_other_are_refused(void **subject)
{
    struct commit_reveal_config values = commit_reveal_config_read(commit_reveal_config_default());

    (void)subject;
    assert_int_equal(create_with(&values), QN_OK);
    values.commit_min = values.commit + 1;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.commit_min = 0;
    values.base = values.reveal + 1;
    values.seal = values.reveal + 2;
    assert_int_equal(create_with(&values), QN_INVALID);
    values.reveal = values.seal;
    assert_int_equal(create_with(&values), QN_OK);
    values.seal = values.base - 1;
    assert_int_equal(create_with(&values), QN_INVALID);
}

static void no_memory_is_no_space(void **subject)
{
    struct qn_check_given it = given;

    (void)subject;
    it.config = commit_reveal_config_default();
    qn_check_every_take_may_fail(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
        cmocka_unit_test(all_committed_ends_the_wait_for_commits),
        cmocka_unit_test(a_quorum_of_commits_is_enough_after_commit_min),
        cmocka_unit_test(alone_it_reveals_after_commit),
        cmocka_unit_test(two_thirds_of_a_window_of_blocks_end_the_wait_for_commits),
        cmocka_unit_test(the_marks_count_from_a_head_beyond_the_window),
        cmocka_unit_test(a_hopeless_round_is_left_at_once),
        cmocka_unit_test(leaders_are_drawn_from_the_seed),
        cmocka_unit_test(a_timer_of_a_round_that_is_over_means_nothing),
        cmocka_unit_test(who_does_not_vote_follows_and_asks_for_no_signature),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(what_it_answers_is_where_it_is),
        cmocka_unit_test(times_that_contradict_each_other_are_refused),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
