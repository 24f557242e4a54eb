/* SPDX-License-Identifier: MIT */

/* conform_test.c: the trails of the models, played to the C code.
 *
 * trails/ holds what spin found: for each mutant of a model the shortest way to its error, and some
 * honest runs. Here are those of guard.pml, played to the sign guard with certificates that the
 * ballot makes, and of engine.pml and exchange.pml, played to the shipped engine, three of them,
 * each behind its guard. An honest run goes through as it is. A mutant's goes on until the step
 * that the mutant allowed and must not: there the C code must differ, and at that very line. (The
 * other conform_*_test.c have other models; the trails of window.pml are about whole nodes, and are
 * the simulator's.)
 *
 * What a line stands for is in the heads of the models. The test is the rest of the world: it gives
 * an engine what the line says it has heard, and looks at what it then gets signed. */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/wire.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/consensus/commit-reveal/rules.h"
#include "tests/spin/stage.h"
#include "tests/spin/trail.h"

/* --- what a line stands for; each says whether the C code goes along --- */

/* Brings an engine into a round as U1 does, by votes that say nothing else. */
static bool enter(uint32_t self, uint32_t round)
{
    struct said ahead = {QNK_STEP_TIMEOUT, round, 0, NONE};

    for (uint32_t i = 0; i < MEMBERS && stage.members[self].round < round; i++) {
        if (i != self) {
            stage_tell_vote(self, i, &ahead);
        }
    }
    return stage.members[self].round == round;
}

static void tell_locks(uint32_t self, uint32_t below)
{
    for (uint32_t round = 0; round < below; round++) {
        for (uint32_t i = 0; i < HONEST; i++) {
            const struct said *seal = &stage.sent[round][QNK_STEP_FINAL][i];

            if (stage.is_sent[round][QNK_STEP_FINAL][i] && seal->digest != 0) {
                stage_tell_certificate(self, round, seal->digest);
            }
        }
    }
}

/* The leader proposes by the certificate of vr; or what is new, if nobody has a lock: the exchange
 * brings it what locks others. Who is still in the certificate's round hears of it when he has
 * left, or else he would seal. */
static bool lead(uint32_t self, const struct said *said)
{
    bool is_later = (int)stage.members[self].round == said->vr;

    if (said->vr < 0) {
        tell_locks(self, said->round);
    } else if (!is_later) {
        stage_tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        if (!enter(i, said->round)) {
            return false;
        }
    }
    if (said->vr < 0) {
        stage_tell_candidate(self, said->digest);
    } else if (is_later) {
        stage_tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    return stage_has_done(self, said);
}

static void hear_proposal(uint32_t self, const struct said *said)
{
    bool is_own = stage.is_sent[said->round][QNK_STEP_PROPOSE][self];

    if (said->vr >= 0) {
        stage_tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    if (!is_own) {
        stage_tell_vote(self, stage.is_sent[said->round][QNK_STEP_PROPOSE][0] ? 0 : LIAR, said);
    }
}

static uint32_t step_named(const char *name)
{
    static const struct {
        const char *name;
        uint32_t step;
    } steps[] = {
        {"commit", QNK_STEP_COMMIT},
        {"reveal", QNK_STEP_PREPARE},
        {"prepare", QNK_STEP_PREPARE},
        {"seal", QNK_STEP_FINAL},
        {"leads", QNK_STEP_PROPOSE},
        {"proposal", QNK_STEP_PROPOSE},
        {"certificate", STEPS},
        {"candidate", STEPS},
        {"timer", STEPS},
        {"quorum", STEPS},
        {"enter", STEPS},
        {"crash", STEPS},
        {"asks", STEPS},
        {"lie", STEPS},
    };

    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strcmp(steps[i].name, name) == 0) {
            return steps[i].step;
        }
    }
    fail_msg("no such line: %s", name);
    return STEPS;
}

/* A timer of exchange.pml: with the votes that are here, whatever they start. */
static bool fire_in(uint32_t self, const struct trail_line *line)
{
    struct member *member = &stage.members[self];
    uint32_t round = (uint32_t)trail_number(line, 3);
    uint32_t signed_before = member->done_count;

    if (trail_is(line, 2, "propose")) {
        return round == 0
                   ? stage_tell_timer(self, 0, TIMER_COMMIT) && stage_tell_timer(self, 0, TIMER_OWN)
                   : stage_tell_timer(self, round, TIMER_PROPOSE);
    }
    if (trail_is(line, 2, "reveal")) {
        stage_hear_all(self, QNK_STEP_PREPARE, round, member->has_lie[round][QNK_STEP_PREPARE]);
        return member->done_count > signed_before || stage_tell_timer(self, round, TIMER_REVEAL);
    }
    stage_hear_all(self, QNK_STEP_FINAL, round, member->has_lie[round][QNK_STEP_FINAL]);
    return member->round > round || stage_tell_timer(self, round, TIMER_SEAL);
}

/* A timer of engine.pml. */
static bool fire(uint32_t self, const struct trail_line *line)
{
    struct member *member = &stage.members[self];

    if (line->count == 4) {
        return fire_in(self, line);
    }
    if (trail_is(line, 2, "commit")) {
        return stage_tell_timer(self, 0, TIMER_COMMIT);
    }
    if (trail_is(line, 2, "own")) {
        return member->done_count > 0 || stage_tell_timer(self, 0, TIMER_OWN);
    }
    return stage_tell_timer(self, member->round, TIMER_PROPOSE);
}

static bool hear_quorum(uint32_t self, const struct trail_line *line)
{
    struct member *member = &stage.members[self];
    uint32_t round = (uint32_t)trail_number(line, 3);
    bool is_seal = trail_is(line, 2, "seal");
    uint32_t before = member->done_count;

    stage_hear_all(self, is_seal ? QNK_STEP_FINAL : QNK_STEP_PREPARE, round, true);
    if (is_seal) {
        return member->round > round || stage_tell_timer(self, round, TIMER_SEAL);
    }
    return member->done_count > before || stage_tell_timer(self, round, TIMER_REVEAL);
}

/* The exchange of exchange.pml, as the test keeps it: the liar's votes of one round. */
static void ask(uint32_t self, uint32_t other, uint32_t round)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        if (stage.members[other].has_lie[round][i]) {
            stage.members[self].has_lie[round][i] = true;
        }
    }
}

/* A vote that was signed; of exchange.pml's, which name no digest, any of this step and round. */
static bool was_signed(uint32_t self, struct said said, const struct trail_line *line)
{
    if (!stage.has_engines) {
        return stage_sign(self, &said) == QN_OK;
    }
    if (line->count == 3 && stage.members[self].done_count > 0) {
        said.digest = stage.members[self].done[0].digest;
        said.vr = stage.members[self].done[0].vr;
    }
    return stage_has_done(self, &said);
}

static bool line_play(const struct trail_line *line)
{
    uint32_t self = (uint32_t)trail_number(line, 0);
    const char *verb = line->word[1];
    struct said said = {
        .step = step_named(verb),
        .round = (uint32_t)trail_number(line, 2),
        .digest = trail_number(line, 3),
        .vr = line->count > 4 ? trail_number(line, 4) : NONE,
    };

    if (said.step <= QNK_STEP_FINAL) {
        return was_signed(self, said, line);
    }
    if (strcmp(verb, "leads") == 0) {
        return lead(self, &said);
    }
    if (strcmp(verb, "proposal") == 0) {
        hear_proposal(self, &said);
    } else if (strcmp(verb, "certificate") == 0) {
        stage_tell_certificate(self, said.round, said.digest);
    } else if (strcmp(verb, "candidate") == 0) {
        stage_tell_candidate(self, trail_number(line, 2));
    } else if (strcmp(verb, "timer") == 0) {
        return fire(self, line);
    } else if (strcmp(verb, "quorum") == 0) {
        return hear_quorum(self, line);
    } else if (strcmp(verb, "enter") == 0) {
        return enter(self, said.round);
    } else if (strcmp(verb, "crash") == 0) {
        stage_crash(self);
    } else if (strcmp(verb, "asks") == 0) {
        ask(self, (uint32_t)trail_number(line, 2), (uint32_t)trail_number(line, 3));
    } else {
        stage.members[self].has_lie[trail_number(line, 3)][step_named(line->word[2])] = true;
    }
    return true;
}

/* With a seed by which the liar leads round 1, and this one round 2. */
static void begin(bool has_engines, uint32_t last_leader)
{
    uint64_t seed = 0;

    while (stage_leader(seed, 1) != LIAR || stage_leader(seed, 2) != last_leader) {
        seed++;
    }
    stage_begin(seed, has_engines);
}

static void play(const char *name, const char *differs)
{
    trail_play(name, differs, line_play);
    assert_false(stage_can_be_final(1) && stage_can_be_final(2));
}

/* --- guard.pml --- */

static void guard_plays(const char *name, const char *refused, uint32_t rule)
{
    begin(false, LIAR);
    play(name, refused);
    assert_int_equal(stage.rule, rule);
    stage_end();
}

static void the_guard_refuses_what_each_mutant_signs(void **state)
{
    (void)state;
    guard_plays("guard-m-no-lock", "1 prepare 1 2 -1", QNK_GUARD_G4);
    guard_plays("guard-m-any-unlocks", "1 prepare 2 1 0", QNK_GUARD_G4);
    guard_plays("guard-m-highest-lock", "0 prepare 1 2 -1", QNK_GUARD_G4);
    guard_plays("guard-m-late-seal", "2 seal 0 1 -1", QNK_GUARD_G2);
    guard_plays("guard-m-forget-lock", "1 prepare 1 2 -1", QNK_GUARD_G4);
    guard_plays("guard-m-forget-vote", "2 prepare 0 2 -1", QNK_GUARD_G1);
    guard_plays("guard-m-no-prepare", "2 seal 0 1 -1", QNK_GUARD_G3);
}

static void the_guard_signs_what_the_model_signs(void **state)
{
    (void)state;
    guard_plays("guard-w-relock", NULL, QNK_GUARD_OK);
    guard_plays("guard-w-crash", NULL, QNK_GUARD_OK);
}

/* --- engine.pml --- */

static void engine_plays(const char *name, uint32_t last_leader, const char *differs)
{
    begin(true, last_leader);
    play(name, differs);
    stage_end();
}

static void the_engine_does_not_do_what_each_mutant_does(void **state)
{
    (void)state;
    engine_plays("engine-m-no-relock", 0, "2 reveal 2 0 -1");
    engine_plays("engine-m-any-unlocks", LIAR, "0 reveal 2 1 0");
    engine_plays("engine-m-lock-on-any", 0, "0 reveal 2 0 -1");
    engine_plays("engine-m-valid-forgotten", 0, "0 leads 2 2 -1");
    engine_plays("engine-m-old-seal", LIAR, "2 seal 1 1 -1");
    engine_plays("engine-m-two-seals", LIAR, "2 seal 0 1 -1");
}

static void the_engine_does_what_the_model_does(void **state)
{
    (void)state;
    engine_plays("engine-w-relock", 0, NULL);
    engine_plays("engine-w-crash", 0, NULL);
}

/* --- exchange.pml --- */

static void no_timer_runs_before_a_quorum_is_heard(void **state)
{
    (void)state;
    engine_plays("exchange-m-timers", LIAR, "2 timer reveal 0");
}

struct lacking {
    uint32_t to;
    struct qnk_ballot *ballot;
    uint32_t count;
};

static void lacking_visit(void *ctx, struct qnk_ballot_vote *held)
{
    struct lacking *lacking = ctx;
    const struct qnk_vote *vote = &held->vote;
    struct said said = {vote->step, vote->round, vote->digest.bytes[0], vote->vr};

    if (vote->member != lacking->to) {
        lacking->count++;
        stage.members[lacking->to].has_heard[vote->round][vote->step][vote->member] = true;
        stage_tell_vote(lacking->to, vote->member, &said);
    }
}

/* The votes that a member has heard and made. */
static struct qnk_ballot *ballot_of(uint32_t self)
{
    const struct member *member = &stage.members[self];
    struct qnk_ballot *ballot = stage_ballot(0);

    qnk_ballot_round_set(ballot, member->round);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < STEPS; i++) {
            struct said lie = {i, round, 0, NONE};

            if (member->has_heard[round][i][LIAR]) {
                stage_ballot_put(ballot, LIAR, &lie);
            }
            for (uint32_t from = 0; from < HONEST; from++) {
                if (member->has_heard[round][i][from] ||
                    (from == self && stage.is_sent[round][i][from])) {
                    stage_ballot_put(ballot, from, &stage.sent[round][i][from]);
                }
            }
        }
    }
    return ballot;
}

/* What `to` lacks of what `from` has, by the message that it sends. */
static uint32_t exchange(uint32_t from, uint32_t to)
{
    struct qnk_ballot *asks = ballot_of(to), *has = ballot_of(from);
    struct qn_buf *body = qnk_ballot_held(asks);
    struct lacking lacking = {.to = to};
    struct qnk_held held;

    assert_non_null(body);
    assert_int_equal(qnk_held_decode(qnk_buf_span(body), &held), QN_OK);
    qnk_ballot_lacking(has, &held, lacking_visit, &lacking);
    qnk_buf_unref(body);
    qnk_ballot_destroy(asks);
    qnk_ballot_destroy(has);
    return lacking.count;
}

/* Where the model without an exchange is stuck, members 1 and 2 follow member 0 as soon as they
 * have what it has. */
static void the_exchange_frees_whom_the_mutant_leaves_behind(void **state)
{
    (void)state;
    begin(true, LIAR);
    play("exchange-m-no-exchange", NULL);
    assert_int_equal(stage.members[0].round, 1);
    for (uint32_t i = 1; i < HONEST; i++) {
        assert_int_equal(stage.members[i].round, 0);
        stage_hear_all(i, QNK_STEP_FINAL, 0, false);
        assert_false(stage_tell_timer(i, 0, TIMER_SEAL)); /* two of three seals */
        assert_true(exchange(0, i) > 0);
        assert_true(stage.members[i].round == 1 || stage_tell_timer(i, 0, TIMER_SEAL));
        assert_int_equal(stage.members[i].round, 1);
    }
    stage_end();
}

static int plugin_map(void **state)
{
    (void)state;
    stage_given.config = commit_reveal_config_default();
    stage_given.memory = COMMIT_REVEAL_MEMORY;
    stage_given.lanes = COMMIT_REVEAL_LANES;
    return stage_plugin_map("commit-reveal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guard_refuses_what_each_mutant_signs),
        cmocka_unit_test(the_guard_signs_what_the_model_signs),
        cmocka_unit_test(the_engine_does_not_do_what_each_mutant_does),
        cmocka_unit_test(the_engine_does_what_the_model_does),
        cmocka_unit_test(no_timer_runs_before_a_quorum_is_heard),
        cmocka_unit_test(the_exchange_frees_whom_the_mutant_leaves_behind),
    };

    return cmocka_run_group_tests(tests, plugin_map, NULL);
}
