/* SPDX-License-Identifier: MIT */

#include "sdk/check/consensus.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEEDS = 60,
    HEAL_MS = 240000,
    AFTER_MS = 3600000, /* what a good net is given to make the window final */
    DELAY_MS = 3000,
};

/* The net of most cases: good from the begin. */
static const struct world_plan four = {
    .nodes = 4,
    .candidates = {1, 1, 1, 1},
};

struct qn_check_consensus {
    struct world *world;
};

struct qn_check_consensus *qn_check_consensus_start(const struct qn_check_given *given)
{
    struct qn_check_consensus *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->world = world_create(given);
    return it;
}

void qn_check_consensus_stop(struct qn_check_consensus *it)
{
    world_destroy(it->world);
    free(it);
}

struct world *qn_check_consensus_world(struct qn_check_consensus *it)
{
    return it->world;
}

static struct world *world_of(void **subject)
{
    struct qn_check_consensus *it = *subject;

    return it->world;
}

/* --- plans --- */

static uint64_t below(uint64_t *random, uint64_t limit)
{
    return qn_check_random(random) % limit;
}

/* Makes as many members faulty as may be, less than a third of the weight, and honest members see
 * `candidates` different chains. */
static struct world_plan plan_random(uint64_t seed, enum world_role role, uint32_t candidates)
{
    struct world_plan plan = {.seed = seed};
    uint64_t random = seed * 7919 + 1;
    uint64_t total = 0, faulty = 0;

    plan.nodes = 4 + (uint32_t)(seed % 4);
    for (uint32_t i = 0; i < plan.nodes; i++) {
        plan.weights[i] = seed % 3 == 0 ? 10 + below(&random, 10) : 1;
        total += plan.weights[i];
    }
    for (uint32_t i = 0; i < plan.nodes; i++) {
        uint32_t member = (uint32_t)(seed + i) % plan.nodes;

        if (role != WORLD_HONEST && 3 * (faulty + plan.weights[member]) < total) {
            plan.roles[member] = role;
            faulty += plan.weights[member];
        }
        plan.candidates[i] = (uint8_t)(1 + below(&random, candidates));
        plan.candidates_ms[i] = (uint32_t)below(&random, 20000);
    }
    return plan;
}

static bool has_step(const struct world *world, uint32_t step)
{
    return (world->given.steps >> step & 1) != 0;
}

static void run_to_the_end(struct world *world, const struct world_plan *plan)
{
    world_begin(world, plan);
    world_run(world, plan->heal_ms + AFTER_MS);
    world_check(world);
    QN_CHECK(world_is_final(world));
}

/* As run_to_the_end(), but what liars do, or different chains, may stop an engine without locks. */
static void run_among_liars(struct world *world, const struct world_plan *plan)
{
    world_begin(world, plan);
    world_run(world, plan->heal_ms + AFTER_MS);
    world_check(world);
    QN_CHECK(world->is_lockless || world_is_final(world));
}

/* --- one engine, and all others acted by the case --- */

/* Member 0 is an engine that weighs little, so that it leads no round; the others are acted. Any
 * two of them with it, or all three, are a quorum. */
static const struct world_plan one = {
    .nodes = 4,
    .weights = {1, 1000, 1000, 1000},
    .roles = {WORLD_HONEST, WORLD_SILENT, WORLD_SILENT, WORLD_SILENT},
    .candidates = {1, 0, 0, 0},
};

static void other_votes(struct world *world, uint8_t from, uint32_t round, uint8_t step, int32_t vr,
                        uint8_t digest)
{
    struct world_vote vote = {
        .round = round,
        .vr = vr,
        .step = step,
        .from = from,
        .digest = digest,
    };

    world_inject(world, 0, &vote);
}

/* All three others vote so. */
static void others_vote(struct world *world, uint32_t round, uint8_t step, int32_t vr,
                        uint8_t digest)
{
    for (uint8_t from = 1; from < 4; from++) {
        other_votes(world, from, round, step, vr, digest);
    }
}

/* All three others say that this round has failed, which is enough to leave it. */
static void others_leave(struct world *world, uint32_t round)
{
    if (has_step(world, WORLD_TIMEOUT)) {
        others_vote(world, round + 1, WORLD_TIMEOUT, -1, 0);
    } else {
        others_vote(world, round, WORLD_FINAL, -1, 0);
    }
}

static void wait(struct world *world, uint64_t time_ms)
{
    world_run(world, world->now_ms + time_ms);
}

/* The engine has a candidate, sees it prepared in round 0, and seals it. */
static void lock_in_round_0(struct world *world, uint64_t seed)
{
    struct world_plan plan = one;

    plan.seed = seed;
    world_begin(world, &plan);
    wait(world, 100);
    others_vote(world, 0, WORLD_COMMIT, -1, 1);
    wait(world, 100);
    others_vote(world, 0, WORLD_PREPARE, -1, 1);
    wait(world, 100);
    QN_CHECK(world_own(world, 0, 0, WORLD_FINAL) != NULL);
    QN_CHECK(world_own(world, 0, 0, WORLD_FINAL)->digest == 1);
}

/* What it answers in a round, once that has been waited for: its prepare. An engine with time-outs
 * prepares no nil: it says nothing, and in the end that it wants to leave. */
static struct world_vote own_answer(struct world *world, uint32_t round)
{
    static const struct world_vote nothing = {.vr = -1};

    for (uint32_t i = 0; i < 100; i++) {
        if (world_own(world, 0, round, WORLD_PREPARE) != NULL) {
            return *world_own(world, 0, round, WORLD_PREPARE);
        }
        if (has_step(world, WORLD_TIMEOUT) &&
            world_own(world, 0, round + 1, WORLD_TIMEOUT) != NULL) {
            return nothing;
        }
        wait(world, 1000);
    }
    qn_check_failed(__FILE__, __LINE__, "no answer");
    return nothing;
}

/* --- cases of chance --- */

/* Everything that may happen, happens at once. */
void qn_check_consensus_agreement(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_EQUIVOCATOR, 2);

        plan.heal_ms = HEAL_MS;
        plan.delay_ms = DELAY_MS * (1 + (uint32_t)seed % 5);
        plan.loss_percent = (uint32_t)seed % 50;
        plan.group = (uint8_t)(seed % 4 == 0 ? seed * 37 : 0);
        plan.crashes = (uint32_t)seed % 6;
        run_among_liars(world, &plan);
    }
}

/* What is invalid is proposed, revealed and sealed by liars, and never becomes final; without
 * liars, what all hold does. */
void qn_check_consensus_validity(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_EQUIVOCATOR, 1);

        run_to_the_end(world, &plan);
        plan = plan_random(seed, WORLD_SILENT, 1);
        run_to_the_end(world, &plan);
        for (uint32_t i = 0; i < plan.nodes; i++) {
            QN_CHECK(plan.roles[i] != WORLD_HONEST || world->nodes[i].final == 1);
        }
    }
}

/* While no quorum can talk nobody runs away; then the window is final soon. */
static void halves_wait(struct world *world)
{
    struct world_plan plan = four;

    plan.heal_ms = HEAL_MS;
    plan.group = 3;
    world_begin(world, &plan);
    world_run(world, HEAL_MS - 1);
    for (uint32_t i = 0; i < plan.nodes; i++) {
        QN_CHECK(world->nodes[i].round <= 1);
        QN_CHECK(world->nodes[i].final == 0);
    }
    world_run(world, HEAL_MS + AFTER_MS);
    world_check(world);
    QN_CHECK(world_is_final(world));
}

/* Who hears nothing stays where it is, and at most says that it wants to leave. */
static void one_waits(struct world *world)
{
    world_begin(world, &one);
    wait(world, 100);
    others_vote(world, 0, WORLD_COMMIT, -1, 1);
    wait(world, HEAL_MS);
    QN_CHECK(world_own(world, 0, 0, WORLD_FINAL) == NULL);
    if (world->is_lockless) {
        return;
    }
    lock_in_round_0(world, 1);
    wait(world, HEAL_MS);
    QN_CHECK(world->nodes[0].round == (has_step(world, WORLD_TIMEOUT) ? 1 : 0));
    for (uint32_t step = 0; step < WORLD_STEPS; step++) {
        QN_CHECK(step == WORLD_TIMEOUT || world_own(world, 0, 1, step) == NULL);
    }
    world_check(world);
}

void qn_check_consensus_progress_after_healing(void **subject)
{
    struct world *world = world_of(subject);

    halves_wait(world);
    one_waits(world);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_HONEST, world->is_lockless ? 1 : 2);

        plan.heal_ms = HEAL_MS;
        plan.delay_ms = DELAY_MS;
        plan.loss_percent = 20 + (uint32_t)seed % 60;
        plan.group = (uint8_t)seed;
        plan.crashes = (uint32_t)seed % 8;
        run_to_the_end(world, &plan);
    }
}

void qn_check_consensus_third_faulty(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_SILENT, 1 + (uint32_t)seed % 2);

        run_to_the_end(world, &plan);
    }
}

/* One liar in a far round moves nobody. With an honest member there it moves all, and so does what
 * a quorum signed there. */
static void far_rounds_are_believed_to_a_third(struct world *world)
{
    world_begin(world, &one);
    wait(world, 100);
    other_votes(world, 1, 5, WORLD_FINAL, -1, 0);
    other_votes(world, 1, 30, WORLD_FINAL, -1, 0);
    wait(world, 1000);
    QN_CHECK(world->nodes[0].round == 0);
    other_votes(world, 2, 4, WORLD_FINAL, -1, 0);
    wait(world, 1000);
    QN_CHECK(world->nodes[0].round == 4);
    world_inject_certificate(world, 0, 7, -1, 1, 14);
    wait(world, 1000);
    QN_CHECK(world->nodes[0].round == 7);
    world_check(world);
}

/* A vote that was too far to be kept is told again once its round is near, and counts then. */
static void far_votes_count_in_the_end(struct world *world)
{
    world_begin(world, &one);
    wait(world, 100);
    others_leave(world, 25);
    wait(world, 1000);
    QN_CHECK(world->nodes[0].round == 26);
    world_check(world);
}

void qn_check_consensus_equivocator(void **subject)
{
    struct world *world = world_of(subject);

    if (!world->is_lockless) {
        far_rounds_are_believed_to_a_third(world);
        far_votes_count_in_the_end(world);
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_EQUIVOCATOR, 2);

        plan.delay_ms = DELAY_MS;
        plan.heal_ms = seed % 2 == 0 ? HEAL_MS : 0;
        run_among_liars(world, &plan);
    }
}

/* A faulty member's vote may reach one node only, which then goes on alone: others follow. */
void qn_check_consensus_selective_seal(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_SELECTIVE, 1 + (uint32_t)seed % 2);

        run_to_the_end(world, &plan);
    }
}

/* --- candidates --- */

/* One member never has a candidate of its own, and the others are no quorum without it. */
static void one_has_no_candidate(struct world *world, uint64_t seed)
{
    struct world_plan plan = four;

    plan.seed = seed;
    plan.candidates[2] = 0;
    plan.roles[3] = WORLD_SILENT;
    run_to_the_end(world, &plan);
}

/* A member's chain moves to another branch between its commit and its reveal. */
static void one_changes_its_mind(struct world *world, uint64_t seed)
{
    struct world_plan plan = four;
    uint64_t random = seed;

    plan.seed = seed;
    plan.roles[3] = WORLD_SILENT;
    plan.candidates_ms[2] = 1000 + (uint32_t)below(&random, 3000);
    world_begin(world, &plan);
    world_run(world, 500 + below(&random, 3000));
    world_candidate(world, 0, 2);
    world_run(world, AFTER_MS);
    world_check(world);
    QN_CHECK(world_is_final(world));
}

void qn_check_consensus_late_candidate(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
        struct world_plan plan = four;

        plan.seed = seed;
        plan.candidates_ms[seed % 4] = (uint32_t)seed * 10000;
        run_to_the_end(world, &plan);
        one_has_no_candidate(world, seed);
        one_changes_its_mind(world, seed);
    }
}

/* --- restarts and batches --- */

/* Node 0 dies after its first event, after its second, ... until there is none left. */
void qn_check_consensus_restart_anywhere(void **subject)
{
    struct world *world = world_of(subject);
    uint32_t events = 1;

    for (uint32_t at = 1; at <= events; at++) {
        struct world_plan plan = four;

        plan.seed = 1 + at % 3;
        plan.candidates[1] = 1 + at % 2;
        plan.roles[3] = at % 5 == 0 ? WORLD_SILENT : WORLD_HONEST;
        world_begin(world, &plan);
        world->nodes[0].crash_after = at;
        world_run(world, AFTER_MS);
        world_check(world);
        QN_CHECK(world_is_final(world));
        if (world->nodes[0].life > 0) {
            events = at + 1;
        }
    }
    QN_CHECK(events > 5);
}

void qn_check_consensus_batch_split(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        struct world_plan plan = plan_random(seed, WORLD_EQUIVOCATOR, 2);

        plan.roles[1] = plan.roles[0] == WORLD_HONEST ? plan.roles[1] : WORLD_HONEST;
        plan.roles[0] = WORLD_HONEST;
        plan.is_recorded = true;
        plan.delay_ms = DELAY_MS;
        plan.heal_ms = HEAL_MS;
        run_among_liars(world, &plan);
        QN_CHECK(world->record_count > 5);
        world_replay(world, 1);
        world_replay(world, 3);
        world_replay(world, 250);
    }
}

/* --- justifications and locks --- */

/* Prepares with different vr never add up, and vr is from before its round. */
void qn_check_consensus_mixed_vr(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; !world->is_lockless && seed <= 4; seed++) {
        struct world_plan plan = one;

        plan.seed = seed;
        world_begin(world, &plan);
        wait(world, 100);
        world_inject_certificate(world, 0, 0, -1, 1, 14);
        other_votes(world, 1, 1, WORLD_PREPARE, -1, 1);
        other_votes(world, 2, 1, WORLD_PREPARE, 0, 1);
        other_votes(world, 3, 1, WORLD_PREPARE, -1, 1);
        wait(world, 200000);
        world_check(world);
        QN_CHECK(world->nodes[0].prepared[1].digest == 0);

        world_begin(world, &plan);
        wait(world, 100);
        others_leave(world, 1);
        world_inject_certificate(world, 0, 2, -1, 1, 14);
        others_vote(world, 2, WORLD_PROPOSE, 2, 1);
        (void)own_answer(world, 2);
        world_check(world);
    }
}

/* Whether the engine repeats what was prepared when it leads a round later. */
static bool leads_with_valid(struct world *world, uint64_t seed)
{
    struct world_plan plan = one;

    for (uint32_t i = 0; i < 4; i++) {
        plan.weights[i] = 1;
    }
    plan.seed = seed;
    plan.candidates[0] = 2;
    world_begin(world, &plan);
    wait(world, 100);
    world_inject_certificate(world, 0, 0, -1, 1, 14);
    wait(world, 2000);
    for (uint32_t round = 0; round < 8; round++) {
        others_leave(world, round);
        wait(world, 100);
        if (world_own(world, 0, round + 1, WORLD_PROPOSE) != NULL) {
            QN_CHECK(world_own(world, 0, round + 1, WORLD_PROPOSE)->digest == 1);
            QN_CHECK(world_own(world, 0, round + 1, WORLD_PROPOSE)->vr == 0);
            return true;
        }
    }
    return false;
}

/* What was prepared before the lock does not open it. */
static void older_certificates_unlock_nothing(struct world *world)
{
    world_begin(world, &one);
    wait(world, 100);
    others_leave(world, 0);
    world_inject_certificate(world, 0, 0, -1, 2, 14);
    wait(world, 2000);
    others_vote(world, 1, WORLD_PROPOSE, -1, 1);
    if (world_own(world, 0, 0, WORLD_FINAL) != NULL) { /* without a wait for commits it is locked */
        QN_CHECK(own_answer(world, 1).digest != 1);
        world_check(world);
        return;
    }
    QN_CHECK(own_answer(world, 1).digest == 1);
    others_vote(world, 1, WORLD_PREPARE, -1, 1);
    wait(world, 100);
    QN_CHECK(world_own(world, 0, 1, WORLD_FINAL)->digest == 1);
    others_leave(world, 1);
    others_vote(world, 2, WORLD_PROPOSE, 0, 2);
    QN_CHECK(own_answer(world, 2).digest != 2);
    world_check(world);
}

/* Its second lock is on 2 now; without a certificate, the first forbids that as well. */
static void earlier_locks_bind_too(struct world *world, bool restarts)
{
    others_vote(world, 2, WORLD_PREPARE, 1, 2);
    wait(world, 2000);
    QN_CHECK(world_own(world, 0, 2, WORLD_FINAL)->digest == 2);
    if (restarts) {
        world_crash(world, 0);
        world_restart(world, 0);
    }
    others_leave(world, 2);
    others_vote(world, 3, WORLD_PROPOSE, -1, 2);
    QN_CHECK(own_answer(world, 3).digest != 2);
    world_check(world);
}

void qn_check_consensus_lock_survives_restart(void **subject)
{
    struct world *world = world_of(subject);
    uint32_t led = 0;

    if (world->is_lockless) {
        return;
    }
    older_certificates_unlock_nothing(world);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        lock_in_round_0(world, seed);
        if (seed % 2 == 0) {
            world_crash(world, 0);
            world_restart(world, 0);
        }
        others_leave(world, 0);
        others_vote(world, 1, WORLD_PROPOSE, -1, 2);
        QN_CHECK(own_answer(world, 1).digest != 2);
        world_check(world);

        others_vote(world, 1, WORLD_PREPARE, -1, 0);
        wait(world, 2000);
        others_leave(world, 1);
        world_inject_certificate(world, 0, 1, -1, 2, 14);
        others_vote(world, 2, WORLD_PROPOSE, 1, 2);
        QN_CHECK(own_answer(world, 2).digest == 2);
        QN_CHECK(own_answer(world, 2).vr == 1);
        world_check(world);
        earlier_locks_bind_too(world, seed % 4 < 2);
        led += leads_with_valid(world, seed);
    }
    QN_CHECK(led > 0);
}

/* A prepare counts though its commit was never seen; one that contradicts its commit is never
 * delivered, and stops nobody. */
void qn_check_consensus_false_opening(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; has_step(world, WORLD_COMMIT) && seed <= SEEDS / 4; seed++) {
        struct world_plan plan = four;

        plan.seed = seed;
        plan.roles[seed % 4] = WORLD_SILENT;
        plan.has_no_commits = true;
        run_to_the_end(world, &plan);

        plan.has_no_commits = false;
        world_begin(world, &plan);
        for (uint32_t to = 0; to < 4; to++) {
            struct world_vote commit = {.from = (uint8_t)(seed % 4), .vr = -1, .digest = 2};
            struct world_vote prepare = commit;

            prepare.step = WORLD_PREPARE;
            prepare.digest = 1;
            if (plan.roles[to] == WORLD_HONEST) {
                world_inject(world, to, &commit);
                world_inject(world, to, &prepare);
            }
        }
        world_run(world, AFTER_MS);
        world_check(world);
        QN_CHECK(world_is_final(world));
    }
}

/* Two of four may sign nothing for a while, not even nil, as on hold or without memory: the engine
 * asks again. What was due then may be lost, and must cost no more than rounds. */
static void nothing_may_be_signed_for_a_while(struct world *world)
{
    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        for (uint64_t until_ms = 1000; until_ms <= HEAL_MS; until_ms *= 3) {
            struct world_plan plan = four;

            plan.seed = seed;
            world_begin(world, &plan);
            world->nodes[0].refuse_until_ms = world->nodes[1].refuse_until_ms = until_ms;
            world_run(world, until_ms + AFTER_MS);
            world_check(world);
            QN_CHECK(world_is_final(world));
        }
    }
}

/* Whatever the guard refuses, the engine goes on, and does not ask for ever. One refusal must cost
 * no more than a round even where no quorum is without this member. */
void qn_check_consensus_refused_by_guard(void **subject)
{
    struct world *world = world_of(subject);

    nothing_may_be_signed_for_a_while(world);
    for (uint32_t from = 0; from < 8; from++) {
        for (uint32_t count = 1; count <= 1000; count = count * 10) {
            struct world_plan plan = four;

            plan.seed = 1 + from;
            plan.roles[3] = count == 1 ? WORLD_SILENT : WORLD_HONEST;
            world_begin(world, &plan);
            world->nodes[0].refuse_from = from;
            world->nodes[0].refuse_count = count;
            world_run(world, AFTER_MS);
            world_check(world);
            QN_CHECK(world_is_final(world));
            QN_CHECK(world->nodes[0].requests < 50);
        }
    }

    struct world_plan plan = one;

    world_begin(world, &plan);
    world->nodes[0].refuse_count = 1000;
    others_vote(world, 0, WORLD_COMMIT, -1, 1);
    others_vote(world, 0, WORLD_PREPARE, -1, 1);
    others_vote(world, 0, WORLD_FINAL, -1, 1);
    QN_CHECK(world->nodes[0].final == 1);
}

/* No timer is ever due, and one member is silent: the chain's growth ends what waits for it. */
void qn_check_consensus_limits_follow_head(void **subject)
{
    struct world *world = world_of(subject);

    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        struct world_plan plan = four;

        plan.seed = seed;
        plan.roles[3] = WORLD_SILENT;
        plan.has_no_timers = true;
        world_begin(world, &plan);
        world_head(world, WORLD_WINDOW);
        wait(world, 60000);
        for (uint64_t height = WORLD_WINDOW + 1; height <= 3 * WORLD_WINDOW; height++) {
            world_head(world, height);
            wait(world, 1000);
        }
        world_check(world);
        QN_CHECK(world_is_final(world));
    }
}
