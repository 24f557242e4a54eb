/* SPDX-License-Identifier: MIT */

/* conform_bft_test.c: the trails of bft.pml, played to the shipped engine bft, three of it, each
 * behind its guard. The liar leads rounds 0 and 1, member 0 the quiet one.
 *
 * Where a mutant asks for what the guard must refuse as well, the guard is asked too. */

#include "tests/test.h"

#include "plugins/consensus/bft/bft.manifest.h"
#include "plugins/consensus/bft/rules.h"
#include "tests/spin/stage.h"
#include "tests/spin/trail.h"

enum { QUIET = 2 };

/* What the line that was played last asks for. */
static struct said last;

static bool has_left(uint32_t self, uint32_t round)
{
    return stage.is_sent[round][QNK_STEP_TIMEOUT][self];
}

/* The certificate that a vote names comes with it. */
static void tell_named(uint32_t self, const struct said *vote)
{
    if (vote->vr >= 0) {
        stage_tell_certificate(self, (uint32_t)vote->vr, vote->digest);
    }
}

/* --- what a line stands for; each says whether the C code goes along --- */

/* The own round's time is over; of one that was entered by others' time-outs, the own one was sent
 * as it was entered. What a time-out for round 1 names is not in the trail. */
static bool leave(uint32_t self, const struct said *said)
{
    const struct said *sent = &stage.sent[said->round][QNK_STEP_TIMEOUT][self];

    if (!has_left(self, said->round)) {
        (void)stage_tell_timer(self, said->round - 1, TIMER_ROUND);
    }
    return has_left(self, said->round) && (said->round < QUIET || sent->vr == said->vr);
}

/* By all time-outs for it, and whatever the liar says of it. */
static bool enter(uint32_t self, uint32_t round)
{
    struct said ahead = {QNK_STEP_PREPARE, round, 0, NONE};

    stage_hear_all(self, QNK_STEP_TIMEOUT, round, true);
    stage_tell_vote(self, LIAR, &ahead);
    return stage.members[self].round == round;
}

/* What time-outs name comes with them, and what the leader proposes by; then delta is over. It is
 * not before the time-outs of all honest members are here: it is longer than it takes them. */
static bool lead(uint32_t self, const struct said *said)
{
    const struct said *sent = &stage.sent[QUIET][QNK_STEP_PROPOSE][self];
    bool is_heard = true;

    for (uint32_t i = 0; i < HONEST; i++) {
        is_heard = is_heard && has_left(i, QUIET);
        if (has_left(i, QUIET)) {
            tell_named(self, &stage.sent[QUIET][QNK_STEP_TIMEOUT][i]);
        }
    }
    tell_named(self, said);
    if (said->vr < 0) {
        stage_tell_candidate(self, said->digest);
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        if (has_left(i, QUIET)) {
            (void)enter(i, QUIET);
        }
    }
    if (is_heard) {
        (void)stage_tell_timer(self, QUIET, TIMER_DELTA);
    }
    return stage.is_sent[QUIET][QNK_STEP_PROPOSE][self] && sent->digest == said->digest &&
           sent->vr == said->vr;
}

static bool was_signed(uint32_t self, const struct said *said)
{
    const struct said *sent = &stage.sent[said->round][said->step][self];

    return stage.is_sent[said->round][said->step][self] && sent->digest == said->digest &&
           sent->vr == said->vr;
}

/* The leader proposes it to this member; of the quiet round what member 0 has proposed. */
static bool prepare(uint32_t self, const struct said *said)
{
    uint32_t leader = said->round == QUIET ? 0 : LIAR;
    struct said proposal = *said;

    proposal.step = QNK_STEP_PROPOSE;
    if (leader == 0) {
        proposal = stage.sent[QUIET][QNK_STEP_PROPOSE][0];
    }
    if (leader != self) {
        stage_tell_vote(self, leader, &proposal);
    }
    return was_signed(self, said);
}

static bool finish(uint32_t self, const struct said *said)
{
    stage_tell_certificate(self, said->round, said->digest);
    return was_signed(self, said);
}

static bool line_play(const struct trail_line *line)
{
    uint32_t self = (uint32_t)trail_number(line, 0);
    struct said said = {
        .round = (uint32_t)trail_number(line, 2),
        .digest = trail_number(line, 3),
        .vr = trail_number(line, 4),
    };
    bool goes_along = true;

    if (trail_is(line, 1, "prepare")) {
        said.step = QNK_STEP_PREPARE;
        goes_along = prepare(self, &said);
    } else if (trail_is(line, 1, "final")) {
        said.step = QNK_STEP_FINAL;
        goes_along = finish(self, &said);
    } else if (trail_is(line, 1, "timeout")) {
        said = (struct said){QNK_STEP_TIMEOUT, said.round, 0, trail_number(line, 3)};
        goes_along = leave(self, &said);
    } else if (trail_is(line, 1, "leads")) {
        said.step = QNK_STEP_PROPOSE;
        goes_along = lead(self, &said);
    } else if (trail_is(line, 1, "enter")) {
        goes_along = enter(self, said.round);
    } else if (trail_is(line, 1, "crash")) {
        stage_crash(self);
    } else {
        fail_msg("no such line: %s", line->whole);
    }
    last = said;
    return goes_along;
}

/* --- cases --- */

/* With a seed by which the liar leads rounds 0 and 1, and member 0 round 2. */
static void plays(const char *name, const char *differs)
{
    uint64_t seed = 0;

    while (stage_leader(seed, 0) != LIAR || stage_leader(seed, 1) != LIAR ||
           stage_leader(seed, QUIET) != 0) {
        seed++;
    }
    stage_begin(seed, true);
    trail_play(name, differs, line_play);
    assert_false(stage_can_be_final(1) && stage_can_be_final(2));
}

/* The engine does not ask for it; and if it did, the guard would refuse by this rule. */
static void refuses(const char *name, const char *differs, uint32_t self, uint32_t rule)
{
    plays(name, differs);
    assert_int_equal(stage_sign(self, &last), QN_DENIED);
    assert_int_equal(stage.rule, rule);
    stage_crash(self);
    assert_int_equal(stage_sign(self, &last), QN_DENIED);
    assert_int_equal(stage.rule, rule);
    stage_end();
}

/* It does not, which is what others rely on, and no guard sees it. */
static void does_not(const char *name, const char *differs)
{
    plays(name, differs);
    stage_end();
}

static void a_lock_holds_in_the_engine_and_in_the_guard(void **state)
{
    (void)state;
    refuses("bft-m-no-lock", "0 prepare 0 2 -1", 0, QNK_GUARD_G4);
    refuses("bft-m-any-unlocks", "0 prepare 1 1 0", 0, QNK_GUARD_G4);
}

static void who_has_timed_out_votes_no_more(void **state)
{
    (void)state;
    refuses("bft-m-late-final", "2 prepare 0 1 -1", 2, QNK_GUARD_G2);
}

static void a_time_out_names_what_locks_its_sender(void **state)
{
    (void)state;
    does_not("bft-m-high-forgotten", "1 timeout 2 -1");
}

static void a_leader_waits_for_all_honest_time_outs(void **state)
{
    (void)state;
    does_not("bft-m-no-delta", "0 leads 2 2 -1");
}

static void nobody_runs_ahead_alone(void **state)
{
    (void)state;
    does_not("bft-m-enter-free", "2 enter 1");
}

static void the_engine_does_what_the_model_does(void **state)
{
    (void)state;
    plays("bft-w-crash", NULL);
    assert_true(stage_can_be_final(1));
    stage_end();
    plays("bft-w-relock", NULL);
    assert_true(stage_can_be_final(2));
    stage_end();
}

static int plugin_map(void **state)
{
    (void)state;
    stage_given.config = bft_config_default();
    stage_given.memory = BFT_MEMORY;
    stage_given.lanes = BFT_LANES;
    return stage_plugin_map("bft");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_holds_in_the_engine_and_in_the_guard),
        cmocka_unit_test(who_has_timed_out_votes_no_more),
        cmocka_unit_test(a_time_out_names_what_locks_its_sender),
        cmocka_unit_test(a_leader_waits_for_all_honest_time_outs),
        cmocka_unit_test(nobody_runs_ahead_alone),
        cmocka_unit_test(the_engine_does_what_the_model_does),
    };

    return cmocka_run_group_tests(tests, plugin_map, NULL);
}
