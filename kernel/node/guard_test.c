/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/base/crc32c.h"
#include "kernel/chain/certificate.h"
#include "kernel/node/guard.h"

enum { WINDOW = 9, MEMBERS = 4, ROOM = 4096 };

static struct qnk_budget budget = {.limit = 1 << 26};
static const struct qnk_guard_facts valid = {.final_window = WINDOW - 1, .is_valid = true};

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static struct qnk_vote vote(uint16_t step, uint32_t round, int32_t vr, int digest)
{
    static const uint8_t tail[64];
    struct qnk_vote made = {
        .step = step,
        .window = WINDOW,
        .round = round,
        .vr = vr,
        .member = 2,
        .binding = filled(0xB1),
        .digest = filled(digest),
    };

    if (step == QNK_STEP_PREPARE && round == 0) {
        made.tail = (struct qn_span){tail, sizeof tail};
    }
    return made;
}

/* A certificate of step 1 by three of four. */
static struct qn_span certificate(uint8_t to[ROOM], uint32_t round, int digest)
{
    struct qnk_vote votes[3];
    const struct qnk_vote *list[3];

    for (uint32_t i = 0; i < 3; i++) {
        votes[i] = vote(QNK_STEP_PREPARE, round, -1, digest);
        votes[i].member = i;
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, 3, MEMBERS, to);
    return (struct qn_span){to, qnk_certificate_size(round == 0, MEMBERS, 3)};
}

/* What the guard says: the rule that is broken, or 0. */
static uint32_t ask(struct qnk_guard *guard, const struct qnk_vote *wanted,
                    const struct qnk_guard_facts *facts)
{
    const struct qnk_vote *before = NULL;
    struct qn_buf *records = NULL;
    uint32_t rule = 99;
    int32_t status = qnk_guard_vote(guard, wanted, facts, &records, &before, &rule);

    qnk_buf_unref(records);
    assert_int_equal(status == QN_OK, rule == QNK_GUARD_OK);
    assert_int_equal(status == QN_EXISTS, before != NULL);
    return rule;
}

static uint32_t ask_for(struct qnk_guard *guard, uint16_t step, uint32_t round, int32_t vr,
                        int digest)
{
    struct qnk_vote wanted = vote(step, round, vr, digest);

    return ask(guard, &wanted, &valid);
}

static struct qnk_guard *fresh(void)
{
    struct qnk_guard *guard = qnk_guard_create(&budget);

    assert_non_null(guard);
    return guard;
}

static void done(struct qnk_guard *guard)
{
    qnk_guard_destroy(guard);
    assert_int_equal(budget.used, 0);
}

/* Signs a seal on `digest` in `round`, which makes a lock. */
static void lock(struct qnk_guard *guard, uint32_t round, int digest)
{
    uint8_t bytes[ROOM];
    struct qnk_vote seal = vote(QNK_STEP_FINAL, round, -1, digest);
    struct qnk_guard_facts facts = valid;

    facts.prepared = certificate(bytes, round, digest);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_OK);
}

/* --- G1 --- */

static void one_duty_is_signed_once(void **state)
{
    static const uint16_t steps[] = {QNK_STEP_COMMIT, QNK_STEP_PREPARE, QNK_STEP_TIMEOUT,
                                     QNK_STEP_OWN};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct qnk_guard *guard = fresh();

        assert_int_equal(ask_for(guard, steps[i], 0, -1, 1), QNK_GUARD_OK);
        assert_int_equal(ask_for(guard, steps[i], 0, -1, 2), QNK_GUARD_G1);
        assert_int_equal(ask_for(guard, steps[i], 0, -1, 0), QNK_GUARD_G1);
        assert_int_equal(ask_for(guard, steps[i], 0, -1, 1), QNK_GUARD_OK); /* the very same */
        done(guard);
    }
}

static void another_opening_is_another_record(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote first = vote(QNK_STEP_PREPARE, 0, -1, 1);
    struct qnk_vote second = first;

    (void)state;
    second.open = filled(3);
    assert_int_equal(ask(guard, &first, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &second, &valid), QNK_GUARD_G1);
    done(guard);
}

/* After a swap the new engine begins with round 0 of the same window. */
static void another_era_is_another_duty(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 0, -1, 5);

    (void)state;
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 4), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G1);
    wanted.era = 256;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    wanted.digest = filled(6);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G1);
    done(guard);
}

static void what_was_signed_is_named(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 0, -1, 2);
    const struct qnk_vote *before = NULL;
    struct qn_buf *records;
    uint32_t rule;

    (void)state;
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 1), QNK_GUARD_OK);
    assert_int_equal(qnk_guard_vote(guard, &wanted, &valid, &records, &before, &rule), QN_EXISTS);
    assert_int_equal(before->digest.bytes[0], 1);
    assert_null(records);
    done(guard);
}

/* --- G2 --- */

static void rounds_eras_and_windows_do_not_go_back(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 5, -1, 0);

    (void)state;
    wanted.era = 256;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    wanted.round = 4;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G2);
    wanted.round = 6;
    wanted.era = 0;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G2);
    wanted.era = 512;
    wanted.round = 0;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    wanted.window++;
    wanted.era = 0;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    wanted.window--;
    wanted.round = 9;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G2);
    done(guard);
}

static void a_final_window_is_over(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 0, -1, 0);

    (void)state;
    facts.final_window = WINDOW;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G2);
    qnk_guard_forget(guard, WINDOW, 90);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G2); /* the log remembers it too */
    wanted.window++;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_OK);
    done(guard);
}

static void a_round_that_no_standing_can_tell_is_refused(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote seal = vote(QNK_STEP_FINAL, QNK_GUARD_ROUND_MAX + 1, -1, 1);
    struct qnk_guard_facts facts = valid;
    uint8_t bytes[ROOM];
    struct qnk_standing standing;

    (void)state;
    facts.prepared = certificate(bytes, seal.round, 1);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G2);
    lock(guard, QNK_GUARD_ROUND_MAX, 1);
    qnk_guard_standing(guard, &seal, &standing);
    assert_int_equal(standing.lock_round, QNK_GUARD_ROUND_MAX);
    done(guard);
}

/* --- G3 --- */

static void a_seal_needs_the_certificate_of_its_round(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 2, -1, 1);
    struct qnk_guard_facts facts = valid;

    (void)state;
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G3);
    facts.prepared = certificate(bytes, 1, 1); /* of another round */
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G3);
    facts.prepared = certificate(bytes, 2, 3); /* of another digest */
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G3);
    facts.prepared = certificate(bytes, 2, 1);
    seal.binding = filled(0xB2); /* of another engine */
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G3);
    seal.binding = filled(0xB1);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_OK);
    done(guard);
}

static void nil_seals_need_nothing(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_guard_facts facts = {.final_window = WINDOW - 1};
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 2, -1, 0);

    (void)state;
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_OK);
    done(guard);
}

static void an_engine_without_locks_seals_in_round_0_only(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_guard_facts facts = valid;
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 1, -1, 1);

    (void)state;
    facts.is_lockless = true;
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G3);
    seal.round = 0;
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_OK);
    done(guard);
}

/* --- G4 --- */

static void a_lock_holds(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 5, 2, 2);

    (void)state;
    lock(guard, 3, 1);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 5, -1, 2), QNK_GUARD_G4);
    facts.justified = certificate(bytes, 2, 2); /* a quorum before the lock */
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    facts.justified = certificate(bytes, 4, 2); /* one after it */
    wanted.vr = 4;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_OK);
    done(guard);
}

static void the_locked_digest_and_nil_are_free(void **state)
{
    struct qnk_guard *guard = fresh();

    (void)state;
    lock(guard, 3, 1);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 4, -1, 1), QNK_GUARD_OK);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 5, -1, 0), QNK_GUARD_OK);
    done(guard);
}

/* Of two final votes either proves a member guilty that prepares off it. */
static void each_seal_is_a_lock(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 6, 4, 1);

    (void)state;
    lock(guard, 3, 1);
    lock(guard, 5, 2);
    facts.justified = certificate(bytes, 4, 1);
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 6, -1, 2), QNK_GUARD_G4);
    wanted = vote(QNK_STEP_PREPARE, 6, 2, 2);
    facts.justified = certificate(bytes, 2, 2);
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    wanted.vr = 3; /* as new as the seal that it is off */
    facts.justified = certificate(bytes, 3, 2);
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_OK);
    done(guard);
}

static void a_justification_is_held_and_lies_before(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = vote(QNK_STEP_PREPARE, 3, 1, 1);

    (void)state;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    facts.justified = certificate(bytes, 1, 2); /* for something else */
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    facts.justified = certificate(bytes, 3, 1); /* of its own round */
    wanted.vr = 3;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    wanted.vr = -2;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G4);
    facts.justified = certificate(bytes, 1, 1);
    wanted.vr = 1;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_OK);
    done(guard);
}

static void seals_and_commits_have_no_justification(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t first[ROOM], second[ROOM];
    struct qnk_guard_facts facts = valid;
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 3, 1, 1);

    (void)state;
    facts.justified = certificate(first, 1, 1);
    facts.prepared = certificate(second, 3, 1);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G4);
    done(guard);
}

/* --- G5 and G7 --- */

static void a_reveal_opens_the_commit(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote commit = vote(QNK_STEP_COMMIT, 0, -1, 0);
    struct qnk_vote reveal = vote(QNK_STEP_PREPARE, 0, -1, 1);

    (void)state;
    reveal.open = filled(7);
    qnk_vote_commitment(&commit, &reveal.digest, reveal.open.bytes, &commit.digest);
    assert_int_equal(ask(guard, &commit, &valid), QNK_GUARD_OK);
    reveal.digest = filled(2);
    assert_int_equal(ask(guard, &reveal, &valid), QNK_GUARD_G5);
    reveal.digest = filled(1);
    reveal.open = filled(8);
    assert_int_equal(ask(guard, &reveal, &valid), QNK_GUARD_G5);
    reveal.open = filled(7);
    assert_int_equal(ask(guard, &reveal, &valid), QNK_GUARD_OK);
    done(guard);
}

/* Both prove the same to others, whatever the order in which an engine asks for them. */
static void a_commit_after_its_reveal_fits_it(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_vote commit = vote(QNK_STEP_COMMIT, 0, -1, 9);
    struct qnk_vote reveal = vote(QNK_STEP_PREPARE, 0, -1, 1);

    (void)state;
    reveal.open = filled(7);
    assert_int_equal(ask(guard, &reveal, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &commit, &valid), QNK_GUARD_G5);
    qnk_vote_commitment(&commit, &reveal.digest, reveal.open.bytes, &commit.digest);
    assert_int_equal(ask(guard, &commit, &valid), QNK_GUARD_OK);
    done(guard);
}

static void any_commit_may_follow_nil(void **state)
{
    struct qnk_guard *guard = fresh();

    (void)state;
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 0), QNK_GUARD_OK);
    assert_int_equal(ask_for(guard, QNK_STEP_COMMIT, 0, -1, 9), QNK_GUARD_OK);
    done(guard);
}

static void nil_may_follow_any_commit(void **state)
{
    struct qnk_guard *guard = fresh();

    (void)state;
    assert_int_equal(ask_for(guard, QNK_STEP_COMMIT, 0, -1, 9), QNK_GUARD_OK);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 0), QNK_GUARD_OK);
    done(guard);
}

static void only_what_was_checked_counts(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qnk_guard_facts facts = {.final_window = WINDOW - 1};
    struct qnk_vote prepare = vote(QNK_STEP_PREPARE, 0, -1, 1);
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 0, -1, 1);

    (void)state;
    facts.prepared = certificate(bytes, 0, 1);
    assert_int_equal(ask(guard, &prepare, &facts), QNK_GUARD_G7);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G7);
    prepare.digest = filled(0);
    assert_int_equal(ask(guard, &prepare, &facts), QNK_GUARD_OK);
    done(guard);
}

/* --- G6 --- */

enum { ERA = 512 };

struct words {
    uint8_t bytes[QNK_STANDING_SIZE];
};

/* The vote that gives up an attempt, saying this. */
static struct qnk_vote abandon(uint32_t attempt, int32_t lock_round, int locked_on, uint32_t round,
                               struct words *words)
{
    struct qnk_standing standing = {
        .lock_round = lock_round,
        .lock = filled(locked_on),
        .round = round,
    };
    struct qnk_vote made = vote(QNK_STEP_ABANDON, 0, -1, 0);

    made.era = ERA + attempt;
    qnk_standing_encode(&standing, words->bytes);
    qnk_standing_digest(words->bytes, &made.digest);
    made.tail = (struct qn_span){words->bytes, sizeof words->bytes};
    return made;
}

/* A certificate by which three of four gave an attempt up; one of them is locked on `digest`, or
 * none if that is 0. */
static struct qn_span given_up(uint8_t to[ROOM], uint32_t attempt, int digest)
{
    struct words words[3];
    struct qnk_vote votes[3];
    const struct qnk_vote *list[3];
    uint8_t bytes[ROOM];
    struct qn_span prepare = {NULL, 0};

    for (uint32_t i = 0; i < 3; i++) {
        votes[i] = vote(QNK_STEP_PREPARE, 3, -1, digest);
        votes[i].era = ERA + attempt;
        votes[i].member = i;
        list[i] = &votes[i];
    }
    if (digest != 0) {
        qnk_certificate_encode(list, 3, MEMBERS, bytes);
        prepare = (struct qn_span){bytes, qnk_certificate_size(0, MEMBERS, 3)};
    }
    for (uint32_t i = 0; i < 3; i++) {
        bool is_locked = i == 0 && digest != 0;

        votes[i] = abandon(attempt, is_locked ? 3 : -1, is_locked ? digest : 0, 4, &words[i]);
        votes[i].member = i;
    }
    qnk_abandon_encode(list, 3, prepare, to);
    return (struct qn_span){to, qnk_abandon_size(3, prepare.size)};
}

static struct qnk_vote in_attempt(uint32_t attempt, uint16_t step, uint32_t round, int digest)
{
    struct qnk_vote made = vote(step, round, -1, digest);

    made.era = ERA + attempt;
    return made;
}

/* What shows that `digest` was prepared in a round of an attempt. */
static struct qn_span prepared_in(uint8_t to[ROOM], uint32_t attempt, uint32_t round, int digest)
{
    struct qnk_vote prepares[3];
    const struct qnk_vote *list[3];

    for (uint32_t i = 0; i < 3; i++) {
        prepares[i] = in_attempt(attempt, QNK_STEP_PREPARE, round, digest);
        prepares[i].member = i;
        list[i] = &prepares[i];
    }
    qnk_certificate_encode(list, 3, MEMBERS, to);
    return (struct qn_span){to, qnk_certificate_size(round == 0, MEMBERS, 3)};
}

/* Seals `digest` in the first attempt. */
static void lock_in_attempt(struct qnk_guard *guard, uint32_t round, int digest)
{
    uint8_t bytes[ROOM];
    struct qnk_vote seal = in_attempt(0, QNK_STEP_FINAL, round, digest);
    struct qnk_guard_facts facts = valid;

    facts.prepared = prepared_in(bytes, 0, round, digest);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_OK);
}

static void an_attempt_is_given_up_in_the_words_of_the_log(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;
    struct qnk_standing standing;
    struct qnk_vote wanted = in_attempt(0, QNK_STEP_FINAL, 5, 0);

    (void)state;
    lock_in_attempt(guard, 3, 1);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    wanted = abandon(0, -1, 0, 5, &words); /* hides its lock */
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G6);
    wanted = abandon(0, 3, 2, 5, &words); /* another digest */
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G6);
    wanted = abandon(0, 3, 1, 4, &words); /* another round */
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G6);
    wanted = abandon(0, 3, 1, 5, &words);
    wanted.tail.size--;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G6);
    wanted.tail.size++;
    qnk_guard_standing(guard, &wanted, &standing);
    assert_int_equal(standing.lock_round, 3);
    assert_int_equal(standing.lock.bytes[0], 1);
    assert_int_equal(standing.round, 5);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK); /* the very same */
    done(guard);
}

static void what_was_given_up_is_over(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;
    struct qnk_vote wanted = abandon(1, -1, 0, 0, &words);
    struct qnk_vote nil_seal = in_attempt(1, QNK_STEP_FINAL, 4, 0);
    struct qnk_vote of_before = in_attempt(0, QNK_STEP_TIMEOUT, 9, 0);
    struct qnk_vote of_next = in_attempt(2, QNK_STEP_TIMEOUT, 0, 0);
    struct qnk_vote of_next_window = in_attempt(0, QNK_STEP_PREPARE, 0, 1);

    (void)state;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &nil_seal, &valid), QNK_GUARD_G6);
    assert_int_equal(ask(guard, &of_before, &valid), QNK_GUARD_G6);
    assert_int_equal(ask(guard, &of_next, &valid), QNK_GUARD_OK);
    of_next_window.window++;
    assert_int_equal(ask(guard, &of_next_window, &valid), QNK_GUARD_OK);
    done(guard);
}

/* A seal that is late: its certificate came after this node gave up. */
static void no_seal_follows_an_abandon(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;
    struct qnk_vote wanted = abandon(0, -1, 0, 0, &words);
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 2, -1, 1);
    uint8_t bytes[ROOM];
    struct qnk_guard_facts facts = valid;

    (void)state;
    wanted.era = seal.era = 0;
    facts.prepared = certificate(bytes, 2, 1);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &seal, &facts), QNK_GUARD_G6);
    done(guard);
}

static void a_later_attempt_is_bound_by_the_locks_of_the_first(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qn_span certificates[1] = {given_up(bytes, 0, 1)};
    struct qnk_guard_facts facts = valid;
    struct qnk_vote other = in_attempt(1, QNK_STEP_PREPARE, 0, 2);
    struct qnk_vote same = in_attempt(1, QNK_STEP_PREPARE, 1, 1);
    struct qnk_vote nil_vote = in_attempt(1, QNK_STEP_PREPARE, 0, 0);

    (void)state;
    assert_int_equal(ask(guard, &same, &valid), QNK_GUARD_G6); /* nothing shows that it is over */
    facts.abandons = certificates;
    facts.abandons_count = 1;
    assert_int_equal(ask(guard, &other, &facts), QNK_GUARD_G6);
    assert_int_equal(ask(guard, &nil_vote, &valid), QNK_GUARD_OK);
    assert_int_equal(ask(guard, &same, &facts), QNK_GUARD_OK);
    done(guard);
}

static void without_locks_any_digest_may_follow(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qn_span certificates[1] = {given_up(bytes, 0, 0)};
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = in_attempt(1, QNK_STEP_PREPARE, 0, 2);

    (void)state;
    facts.abandons = certificates;
    facts.abandons_count = 1;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_OK);
    done(guard);
}

static void each_earlier_attempt_has_to_permit_it(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t first[ROOM], second[ROOM];
    struct qn_span certificates[2] = {given_up(first, 0, 1), given_up(second, 1, 0)};
    struct qnk_guard_facts facts = valid;
    struct qnk_vote other = in_attempt(2, QNK_STEP_PREPARE, 0, 2);
    struct qnk_vote same = in_attempt(2, QNK_STEP_PREPARE, 0, 1);

    (void)state;
    facts.abandons = certificates;
    facts.abandons_count = 2;
    assert_int_equal(ask(guard, &other, &facts), QNK_GUARD_G6);
    facts.abandons = certificates + 1; /* the last alone, which would permit it */
    facts.abandons_count = 1;
    assert_int_equal(ask(guard, &other, &facts), QNK_GUARD_G6);
    facts.abandons = certificates;
    facts.abandons_count = 2;
    certificates[0] = certificates[1]; /* the last in the place of the first */
    assert_int_equal(ask(guard, &other, &facts), QNK_GUARD_G6);
    certificates[0] = given_up(first, 0, 1);
    assert_int_equal(ask(guard, &same, &facts), QNK_GUARD_OK);
    done(guard);
}

static void without_locks_nothing_is_given_up(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;
    struct qnk_vote wanted = abandon(0, -1, 0, 0, &words);
    struct qnk_guard_facts facts = valid;

    (void)state;
    facts.is_lockless = true;
    assert_int_equal(ask(guard, &wanted, &facts), QNK_GUARD_G6);
    done(guard);
}

static void the_last_attempt_is_never_given_up(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;
    struct qnk_vote wanted = abandon(QNK_ATTEMPTS_MAX - 1, -1, 0, 0, &words);

    (void)state;
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_G6);
    wanted = abandon(QNK_ATTEMPTS_MAX - 2, -1, 0, 0, &words);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    done(guard);
}

/* --- blocks --- */

static struct qnk_micro header(uint64_t height, int parent, uint64_t time_ms)
{
    return (struct qnk_micro){.version = QNK_MICRO_VERSION,
                              .height = height,
                              .time_ms = time_ms,
                              .parent = filled(parent)};
}

static int32_t ask_block(struct qnk_guard *guard, uint64_t height, int parent, uint64_t time_ms)
{
    struct qnk_micro wanted = header(height, parent, time_ms);
    struct qn_buf *records = NULL;
    int32_t status = qnk_guard_block(guard, &wanted, 80, &records);

    qnk_buf_unref(records);
    return status;
}

static void one_block_is_signed_on_a_parent(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_micro mine = header(85, 1, 1000), other = header(85, 1, 2000);

    (void)state;
    assert_int_equal(ask_block(guard, 85, 1, 1000), QN_OK);
    assert_int_equal(ask_block(guard, 85, 1, 2000), QN_EXISTS);
    assert_int_equal(ask_block(guard, 85, 1, 1000), QN_OK);
    assert_int_equal(ask_block(guard, 85, 2, 2000), QN_OK); /* on another branch it may */
    assert_int_equal(ask_block(guard, 80, 1, 1000), QN_DENIED);
    assert_true(qnk_guard_knows_block(guard, &mine));
    assert_false(qnk_guard_knows_block(guard, &other));
    qnk_guard_forget(guard, WINDOW, 90);
    assert_int_equal(ask_block(guard, 90, 1, 1000), QN_DENIED);
    assert_int_equal(ask_block(guard, 91, 1, 1000), QN_OK);
    done(guard);
}

/* --- the log --- */

/* Restores each record of a list into a new guard. */
static struct qnk_guard *restored(const struct qn_buf *list)
{
    struct qnk_guard *guard = fresh();
    uint64_t at = 0;

    while (at < list->size) {
        uint32_t size = qn_le32_read(list->data + at);

        assert_int_equal(qnk_guard_restore(guard, (struct qn_span){list->data + at + 4, size}),
                         QN_OK);
        at += 4 + size;
    }
    assert_int_equal(at, list->size);
    return guard;
}

/* The records that a trim appends are there, and so are still those that it would have removed. */
static void what_a_cut_trim_left_twice_takes_one_place(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_guard *again;
    struct qn_buf *list, *twice, *after;

    (void)state;
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 1), QNK_GUARD_OK);
    for (uint64_t height = 81; height < 81 + QNK_GUARD_DUTIES_MAX; height++) {
        assert_int_equal(ask_block(guard, height, 1, 1000), QN_OK);
    }
    list = qnk_guard_records(guard);
    twice = qnk_buf_new(&budget, 2 * list->size);
    assert_non_null(twice);
    memcpy(twice->data, list->data, list->size);
    memcpy(twice->data + list->size, list->data, list->size);
    again = restored(twice);
    after = qnk_guard_records(again);
    assert_int_equal(after->size, list->size);
    assert_memory_equal(after->data, list->data, list->size);
    qnk_buf_unref(after);
    qnk_buf_unref(twice);
    qnk_buf_unref(list);
    qnk_guard_destroy(again);
    done(guard);
}

static void a_restart_forgets_nothing(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard;
    struct qnk_vote own = vote(QNK_STEP_PREPARE, 0, -1, 1);
    struct qn_buf *saved;
    struct qn_buf *list;

    (void)state;
    assert_int_equal(ask(before, &own, &valid), QNK_GUARD_OK);
    lock(before, 3, 1);
    assert_int_equal(ask_block(before, 85, 1, 1000), QN_OK);
    saved = qnk_guard_saved(before, WINDOW, (struct qn_span){(const uint8_t *)"kept", 4});
    assert_non_null(saved);
    qnk_buf_unref(saved);
    list = qnk_guard_records(before);
    assert_non_null(list);
    guard = restored(list);
    qnk_guard_destroy(before);

    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 0, -1, 2), QNK_GUARD_G1);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 5, -1, 2), QNK_GUARD_G4);
    assert_int_equal(ask_block(guard, 85, 1, 2000), QN_EXISTS);
    assert_memory_equal(qnk_guard_saved_at(guard, WINDOW).data, "kept", 4);
    assert_int_equal(qnk_guard_saved_at(guard, WINDOW + 1).size, 0);
    assert_int_equal(qnk_guard_vote_at(guard, WINDOW, 0)->step, QNK_STEP_PREPARE);
    assert_int_equal(qnk_guard_vote_at(guard, WINDOW, 0)->tail.size, 64);
    assert_int_equal(qnk_guard_vote_at(guard, WINDOW, 1)->step, QNK_STEP_FINAL);
    assert_null(qnk_guard_vote_at(guard, WINDOW, 2));
    assert_true(qnk_guard_certificate_at(guard, 0).size > 0); /* the lock's */
    assert_int_equal(qnk_guard_certificate_at(guard, 1).size, 0);
    assert_true(qnk_guard_knows_vote(guard, &own));
    qnk_buf_unref(list);
    done(guard);
}

/* A crash after each record: what was given up stays so, and a later attempt keeps to what it was
 * allowed. */
static void a_restart_does_not_take_up_again_what_was_given_up(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard;
    struct words words;
    uint8_t bytes[ROOM];
    struct qn_span certificates[1] = {given_up(bytes, 0, 1)};
    struct qnk_guard_facts facts = valid;
    struct qnk_vote wanted = abandon(0, 3, 1, 3, &words);
    struct qnk_vote nil_seal = in_attempt(0, QNK_STEP_FINAL, 4, 0);
    struct qnk_vote same = in_attempt(1, QNK_STEP_PREPARE, 1, 1);
    const struct qnk_vote *signed_before;
    struct qn_buf *records, *list;
    uint32_t rule;

    (void)state;
    lock_in_attempt(before, 3, 1);
    list = qnk_guard_records(before);
    guard = restored(list); /* the crash came before: what it says is what the log says */
    qnk_buf_unref(list);
    assert_int_equal(ask(guard, &wanted, &valid), QNK_GUARD_OK);
    qnk_guard_destroy(guard);

    assert_int_equal(qnk_guard_vote(before, &wanted, &valid, &records, &signed_before, &rule),
                     QN_OK);
    guard = restored(records);
    qnk_buf_unref(records);
    assert_int_equal(ask(guard, &nil_seal, &valid), QNK_GUARD_G6);
    assert_int_equal(qnk_guard_vote_at(guard, WINDOW, 0)->tail.size, QNK_STANDING_SIZE);
    qnk_guard_destroy(guard);

    facts.abandons = certificates;
    facts.abandons_count = 1;
    assert_int_equal(qnk_guard_vote(before, &same, &facts, &records, &signed_before, &rule), QN_OK);
    guard = restored(records); /* the certificate and the vote */
    qnk_buf_unref(records);
    assert_int_equal(qnk_guard_abandon_at(guard, 0).size, certificates[0].size);
    assert_memory_equal(qnk_guard_abandon_at(guard, 0).data, bytes, certificates[0].size);
    assert_int_equal(qnk_guard_abandon_at(guard, 1).size, 0);
    qnk_guard_destroy(guard);

    list = qnk_guard_records(before); /* a log that is written anew */
    guard = restored(list);
    qnk_buf_unref(list);
    assert_int_equal(ask(guard, &nil_seal, &valid), QNK_GUARD_G2);
    assert_int_equal(qnk_guard_abandon_at(guard, 0).size, certificates[0].size);
    qnk_guard_forget(guard, WINDOW, 90);
    assert_int_equal(qnk_guard_abandon_at(guard, 0).size, 0);
    qnk_guard_destroy(guard);
    done(before);
}

static void each_vote_gives_its_own_records(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard;
    uint8_t bytes[ROOM];
    struct qnk_vote seal = vote(QNK_STEP_FINAL, 3, -1, 1);
    struct qnk_guard_facts facts = valid;
    const struct qnk_vote *signed_before;
    struct qn_buf *records;
    uint32_t rule;

    (void)state;
    facts.prepared = certificate(bytes, 3, 1);
    assert_int_equal(qnk_guard_vote(before, &seal, &facts, &records, &signed_before, &rule), QN_OK);
    guard = restored(records); /* certificate and vote: enough to hold the lock */
    qnk_buf_unref(records);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 5, -1, 2), QNK_GUARD_G4);
    assert_true(qnk_guard_certificate_at(guard, 0).size > 0);
    assert_int_equal(qnk_guard_vote(before, &seal, &facts, &records, &signed_before, &rule), QN_OK);
    assert_null(records); /* it is durable already */
    qnk_guard_destroy(before);
    done(guard);
}

static void a_trimmed_log_keeps_its_floor(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard;
    struct qn_buf *list;

    (void)state;
    lock(before, 3, 1);
    qnk_guard_forget(before, WINDOW, 90);
    assert_null(qnk_guard_vote_at(before, WINDOW, 0));
    assert_int_equal(qnk_guard_certificate_at(before, 0).size, 0);
    list = qnk_guard_records(before);
    guard = restored(list);
    assert_int_equal(qnk_guard_floor(guard), WINDOW);
    assert_int_equal(ask_for(guard, QNK_STEP_PREPARE, 9, -1, 0), QNK_GUARD_G2);
    qnk_buf_unref(list);
    qnk_guard_destroy(before);
    done(guard);
}

static void a_record_of_what_is_no_vote_is_no_record(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard = fresh();
    struct qn_buf *list;
    uint8_t bytes[ROOM];
    uint32_t size;

    (void)state;
    assert_int_equal(ask_for(before, QNK_STEP_PREPARE, 0, -1, 1), QNK_GUARD_OK);
    list = qnk_guard_records(before);
    size = (uint32_t)list->size - 4 - 4 - qn_le32_read(list->data);
    memcpy(bytes, list->data + list->size - size, size);
    qn_le16_write(bytes + 9 + 2, QNK_STEP_FINAL); /* which has no tail */
    qn_le32_write(bytes + 4, qnk_crc32c(0, bytes + 8, size - 8));
    assert_int_equal(qnk_guard_restore(guard, (struct qn_span){bytes, size}), QN_CORRUPT);
    assert_null(qnk_guard_vote_at(guard, WINDOW, 0));
    qnk_buf_unref(list);
    qnk_guard_destroy(before);
    done(guard);
}

static void a_damaged_record_is_no_record(void **state)
{
    struct qnk_guard *before = fresh();
    struct qnk_guard *guard = fresh();
    struct qn_buf *list;
    uint8_t bytes[ROOM];
    uint32_t size;

    (void)state;
    assert_int_equal(ask_for(before, QNK_STEP_PREPARE, 0, -1, 1), QNK_GUARD_OK);
    list = qnk_guard_records(before);
    size = (uint32_t)list->size - 4 - 4 - qn_le32_read(list->data);
    memcpy(bytes, list->data + list->size - size, size); /* the vote, behind the floor */
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        assert_int_equal(qnk_guard_restore(guard, (struct qn_span){bytes, size}), QN_CORRUPT);
        bytes[i] ^= 1;
        assert_int_equal(qnk_guard_restore(guard, (struct qn_span){bytes, i}), QN_CORRUPT);
    }
    assert_int_equal(qnk_guard_restore(guard, (struct qn_span){NULL, 0}), QN_CORRUPT);
    assert_null(qnk_guard_vote_at(guard, WINDOW, 0));
    assert_int_equal(qnk_guard_restore(guard, (struct qn_span){bytes, size}), QN_OK);
    assert_non_null(qnk_guard_vote_at(guard, WINDOW, 0));
    qnk_buf_unref(list);
    qnk_guard_destroy(before);
    done(guard);
}

static void beyond_the_limit_nothing_is_signed(void **state)
{
    struct qnk_guard *guard = fresh();

    (void)state;
    for (uint32_t i = 0; i < QNK_GUARD_DUTIES_MAX; i++) {
        assert_int_equal(ask_for(guard, QNK_STEP_TIMEOUT, i, -1, 0), QNK_GUARD_OK);
    }
    assert_int_equal(ask_for(guard, QNK_STEP_TIMEOUT, QNK_GUARD_DUTIES_MAX, -1, 0), QNK_GUARD_ROOM);
    done(guard);
}

/* Signs time-outs of an attempt until there is no more room; gives how many. */
static uint32_t filled_up(struct qnk_guard *guard, uint32_t attempt)
{
    struct qnk_vote next = in_attempt(attempt, QNK_STEP_TIMEOUT, 0, 0);
    uint32_t rule;

    while ((rule = ask(guard, &next, &valid)) == QNK_GUARD_OK) {
        next.round++;
    }
    assert_int_equal(rule, QNK_GUARD_ROOM);
    return next.round;
}

/* Each attempt signs as much as it may, and a restart comes before each is given up. */
static void an_attempt_that_signed_too_much_can_be_given_up(void **state)
{
    struct qnk_guard *guard = fresh();
    struct words words;

    (void)state;
    for (uint32_t attempt = 0; attempt < QNK_ATTEMPTS_MAX; attempt++) {
        uint32_t count = filled_up(guard, attempt);
        struct qnk_vote wanted = abandon(attempt, -1, 0, count - 1, &words);
        struct qn_buf *list = qnk_guard_records(guard);

        assert_int_equal(count, attempt == 0 ? QNK_GUARD_DUTIES_MAX : QNK_GUARD_ATTEMPT_DUTIES);
        assert_non_null(list);
        qnk_guard_destroy(guard);
        guard = restored(list);
        qnk_buf_unref(list);
        assert_int_equal(ask(guard, &wanted, &valid),
                         attempt + 1 < QNK_ATTEMPTS_MAX ? QNK_GUARD_OK : QNK_GUARD_G6);
    }
    done(guard);
}

/* Seals on what was prepared in each round, until there is no more room; gives how many. */
static uint32_t sealed_up(struct qnk_guard *guard, uint32_t attempt, const struct qn_span *permits)
{
    uint32_t round = 0, rule;

    do {
        uint8_t bytes[ROOM];
        struct qnk_vote seal = in_attempt(attempt, QNK_STEP_FINAL, ++round, 1);
        struct qnk_guard_facts facts = valid;

        facts.abandons = permits;
        facts.abandons_count = attempt;
        facts.prepared = prepared_in(bytes, attempt, round, 1);
        rule = ask(guard, &seal, &facts);
    } while (rule == QNK_GUARD_OK);
    assert_int_equal(rule, QNK_GUARD_ROOM);
    return round - 1;
}

static void an_attempt_that_locked_too_often_leaves_room_for_the_next(void **state)
{
    struct qnk_guard *guard = fresh();
    uint8_t bytes[ROOM];
    struct qn_span permits[1] = {given_up(bytes, 0, 1)};
    struct qnk_guard *again;
    struct qn_buf *list;

    (void)state;
    assert_int_equal(sealed_up(guard, 0, NULL), QNK_GUARD_CERTIFICATES_MAX);
    assert_int_equal(sealed_up(guard, 1, permits), QNK_GUARD_ATTEMPT_CERTIFICATES);
    list = qnk_guard_records(guard);
    assert_non_null(list);
    again = restored(list);
    qnk_buf_unref(list);
    qnk_guard_destroy(again);
    done(guard);
}

/* Relies on one certificate after the other of the attempt before, each with another lock but the
 * first, which is for `permits` to keep; until there is no more room. Gives on how many. */
static uint32_t relied_up(struct qnk_guard *guard, uint32_t attempt, struct qn_span *permits,
                          uint8_t to[ROOM])
{
    struct qn_span first = given_up(to, attempt - 1, 0);
    uint32_t count = 0, rule;

    do {
        uint8_t other[ROOM];
        struct qnk_vote next = in_attempt(attempt, QNK_STEP_PREPARE, count, (int)count + 1);
        struct qnk_guard_facts facts = valid;

        permits[attempt - 1] = count == 0 ? first : given_up(other, attempt - 1, (int)count + 1);
        facts.abandons = permits;
        facts.abandons_count = attempt;
        rule = ask(guard, &next, &facts);
        count += rule == QNK_GUARD_OK;
    } while (rule == QNK_GUARD_OK);
    assert_int_equal(rule, QNK_GUARD_ROOM);
    permits[attempt - 1] = first;
    return count;
}

static void certificates_of_one_attempt_leave_room_for_those_of_others(void **state)
{
    static uint8_t bytes[QNK_ATTEMPTS_MAX][ROOM];
    struct qn_span permits[QNK_ATTEMPTS_MAX];
    struct qnk_guard *guard = fresh();
    struct qnk_guard *again;
    struct qn_buf *list;

    (void)state;
    for (uint32_t attempt = 1; attempt < QNK_ATTEMPTS_MAX; attempt++) {
        assert_int_equal(relied_up(guard, attempt, permits, bytes[attempt]),
                         QNK_GUARD_ATTEMPT_ABANDONS);
    }
    list = qnk_guard_records(guard);
    assert_non_null(list);
    again = restored(list);
    qnk_buf_unref(list);
    qnk_guard_destroy(again);
    done(guard);
}

/* A log is written anew only now and then, so it holds much that is final. */
static void what_is_final_takes_no_room_at_start(void **state)
{
    struct qnk_guard *guard = fresh();
    struct qnk_guard *again = fresh();
    struct qnk_vote prepare = vote(QNK_STEP_PREPARE, 0, -1, 7);
    const struct qnk_vote *before = NULL;
    struct qn_buf *records = NULL;
    struct qn_span record;
    uint32_t rule;

    (void)state;
    assert_int_equal(qnk_guard_vote(guard, &prepare, &valid, &records, &before, &rule), QN_OK);
    record = (struct qn_span){records->data + 4, records->size - 4};
    qnk_guard_forget(again, WINDOW, 90);
    for (uint32_t i = 0; i <= QNK_GUARD_DUTIES_MAX; i++) {
        assert_int_equal(qnk_guard_restore(again, record), QN_OK);
    }
    assert_null(qnk_guard_vote_at(again, WINDOW, 0));
    qnk_buf_unref(records);
    qnk_guard_destroy(again);
    done(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_duty_is_signed_once),
        cmocka_unit_test(another_opening_is_another_record),
        cmocka_unit_test(another_era_is_another_duty),
        cmocka_unit_test(what_was_signed_is_named),
        cmocka_unit_test(rounds_eras_and_windows_do_not_go_back),
        cmocka_unit_test(a_final_window_is_over),
        cmocka_unit_test(a_round_that_no_standing_can_tell_is_refused),
        cmocka_unit_test(a_seal_needs_the_certificate_of_its_round),
        cmocka_unit_test(nil_seals_need_nothing),
        cmocka_unit_test(an_engine_without_locks_seals_in_round_0_only),
        cmocka_unit_test(a_lock_holds),
        cmocka_unit_test(the_locked_digest_and_nil_are_free),
        cmocka_unit_test(each_seal_is_a_lock),
        cmocka_unit_test(a_justification_is_held_and_lies_before),
        cmocka_unit_test(what_a_cut_trim_left_twice_takes_one_place),
        cmocka_unit_test(seals_and_commits_have_no_justification),
        cmocka_unit_test(a_reveal_opens_the_commit),
        cmocka_unit_test(a_commit_after_its_reveal_fits_it),
        cmocka_unit_test(any_commit_may_follow_nil),
        cmocka_unit_test(nil_may_follow_any_commit),
        cmocka_unit_test(only_what_was_checked_counts),
        cmocka_unit_test(an_attempt_is_given_up_in_the_words_of_the_log),
        cmocka_unit_test(what_was_given_up_is_over),
        cmocka_unit_test(no_seal_follows_an_abandon),
        cmocka_unit_test(a_later_attempt_is_bound_by_the_locks_of_the_first),
        cmocka_unit_test(without_locks_any_digest_may_follow),
        cmocka_unit_test(each_earlier_attempt_has_to_permit_it),
        cmocka_unit_test(without_locks_nothing_is_given_up),
        cmocka_unit_test(the_last_attempt_is_never_given_up),
        cmocka_unit_test(a_restart_does_not_take_up_again_what_was_given_up),
        cmocka_unit_test(one_block_is_signed_on_a_parent),
        cmocka_unit_test(a_restart_forgets_nothing),
        cmocka_unit_test(each_vote_gives_its_own_records),
        cmocka_unit_test(a_trimmed_log_keeps_its_floor),
        cmocka_unit_test(a_record_of_what_is_no_vote_is_no_record),
        cmocka_unit_test(a_damaged_record_is_no_record),
        cmocka_unit_test(beyond_the_limit_nothing_is_signed),
        cmocka_unit_test(an_attempt_that_signed_too_much_can_be_given_up),
        cmocka_unit_test(an_attempt_that_locked_too_often_leaves_room_for_the_next),
        cmocka_unit_test(certificates_of_one_attempt_leave_room_for_those_of_others),
        cmocka_unit_test(what_is_final_takes_no_room_at_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
