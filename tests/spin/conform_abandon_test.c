/* SPDX-License-Identifier: MIT */

/* conform_abandon_test.c: the trails of abandon.pml, played to the sign guard, to the abandon
 * certificates and to the book of attempts: three guards and the liar's key.
 *
 * A member who asks has every abandon certificate that can be built of what was ever signed, as in
 * the model; the guard is given one that permits what is asked for, else any. After each line what
 * the model holds is looked at: a final certificate that can be built forces every abandon
 * certificate that can be. */

#include "tests/test.h"

#include "kernel/node/attempts.h"
#include "tests/spin/stage.h"
#include "tests/spin/trail.h"

enum { NUMBER = 2, ATTEMPTS = 3, DIGESTS = 2, ALL_MAX = 16 };

/* What was signed, at [attempt][round][member]; digest 0: nothing. */
struct place {
    struct said prepares[ROUNDS][HONEST];
    struct said seals[ROUNDS][HONEST];
    bool has_stood[HONEST];
    struct qnk_standing stood[HONEST];
};

static struct place places[ATTEMPTS];

/* The last line, to ask for it again. */
static struct {
    uint32_t self, attempt;
    struct said said;
} last;

/* --- certificates of votes --- */

static struct qnk_vote vote_in(uint32_t member, uint32_t attempt, const struct said *said)
{
    struct qnk_vote vote = stage_vote(member, said);

    vote.era = qnk_era(NUMBER, attempt);
    return vote;
}

static void put(struct qnk_ballot *ballot, uint32_t member, uint32_t attempt,
                const struct said *said)
{
    struct qnk_vote vote = vote_in(member, attempt, said);
    struct qnk_ballot_vote *held;

    assert_int_equal(qnk_ballot_add(ballot, &vote, &held), QNK_BALLOT_NEW);
}

/* By the liar and whoever has signed it; NULL: they make none. */
static struct qn_buf *certificate_of(uint32_t step, uint32_t attempt, uint32_t round, int digest)
{
    const struct place *place = &places[attempt];
    const struct said *votes =
        step == QNK_STEP_PREPARE ? place->prepares[round] : place->seals[round];
    struct qnk_hash hash = stage_digest(digest);
    struct qn_buf *bytes = NULL;

    for (int vr = -1; vr < (int)round && bytes == NULL; vr++) {
        struct qnk_ballot *ballot = stage_ballot(qnk_era(NUMBER, attempt));
        struct said lie = {step, round, digest, vr};

        put(ballot, LIAR, attempt, &lie);
        for (uint32_t i = 0; i < HONEST; i++) {
            if (votes[i].digest != 0) {
                put(ballot, i, attempt, &votes[i]);
            }
        }
        bytes = qnk_ballot_certify(ballot, round, step, &hash);
        qnk_ballot_destroy(ballot);
    }
    return bytes;
}

static bool can_be_final(uint32_t attempt, int digest)
{
    bool can = false;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct qn_buf *bytes = certificate_of(QNK_STEP_FINAL, attempt, round, digest);

        can = can || bytes != NULL;
        qnk_buf_unref(bytes);
    }
    return can;
}

/* --- abandon certificates --- */

struct words {
    uint8_t bytes[QNK_STANDING_SIZE];
};

static struct qnk_vote giving_up(uint32_t member, uint32_t attempt,
                                 const struct qnk_standing *standing, struct words *words)
{
    struct said said = {QNK_STEP_ABANDON, 0, 0, NONE};
    struct qnk_vote vote = vote_in(member, attempt, &said);

    qnk_standing_encode(standing, words->bytes);
    qnk_standing_digest(words->bytes, &vote.digest);
    vote.tail = (struct qn_span){words->bytes, sizeof words->bytes};
    return vote;
}

static const struct qnk_standing *higher_of(const struct qnk_standing *a,
                                            const struct qnk_standing *b)
{
    return b->lock_round > a->lock_round ? b : a;
}

/* Of members a and b, and the liar who says this. */
static struct qn_buf *abandon_of(uint32_t attempt, uint32_t a, uint32_t b,
                                 const struct qnk_standing *lie)
{
    const struct qnk_standing *said[] = {&places[attempt].stood[a], &places[attempt].stood[b], lie};
    const struct qnk_standing *highest = higher_of(higher_of(said[0], said[1]), lie);
    const uint32_t members[] = {a, b, LIAR};
    const struct qnk_vote *list[3];
    struct qnk_vote votes[3];
    struct words words[3];
    struct qn_span prepared = {NULL, 0};
    struct qn_buf *proof = NULL, *bytes;

    if (highest->lock_round >= 0) {
        proof = certificate_of(QNK_STEP_PREPARE, attempt, (uint32_t)highest->lock_round,
                               highest->lock.bytes[0]);
        assert_non_null(proof);
        prepared = qnk_buf_span(proof);
    }
    for (uint32_t i = 0; i < 3; i++) {
        votes[i] = giving_up(members[i], attempt, said[i], &words[i]);
        list[i] = &votes[i];
    }
    bytes = qnk_buf_new(&stage_budget, qnk_abandon_size(3, prepared.size));
    assert_non_null(bytes);
    qnk_abandon_encode(list, 3, prepared, bytes->data);
    qnk_buf_unref(proof);
    return bytes;
}

struct all {
    struct qn_buf *list[ALL_MAX];
    uint32_t count;
};

static void add_checked(struct all *all, struct qn_buf *bytes)
{
    struct qnk_set *set = stage_set();
    struct qnk_hash binding = stage_digest(0xB1);
    struct qnk_abandon view;

    assert_int_equal(qnk_abandon_decode(qnk_buf_span(bytes), &view), QN_OK);
    assert_int_equal(qnk_abandon_check(&view, set, &binding), QN_OK);
    assert_true(all->count < ALL_MAX);
    all->list[all->count++] = bytes;
    qnk_set_unref(set);
}

/* With all that the liar can say: no lock, or one that it can prove. */
static void add_pair(struct all *all, uint32_t attempt, uint32_t a, uint32_t b)
{
    struct qnk_standing lie = {.lock_round = -1};

    add_checked(all, abandon_of(attempt, a, b, &lie));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (int digest = 1; digest <= DIGESTS; digest++) {
            struct qn_buf *proof = certificate_of(QNK_STEP_PREPARE, attempt, round, digest);

            lie = (struct qnk_standing){(int32_t)round, stage_digest(digest), round};
            if (proof != NULL) {
                add_checked(all, abandon_of(attempt, a, b, &lie));
            }
            qnk_buf_unref(proof);
        }
    }
}

/* Every abandon certificate that can be built of an attempt. */
static struct all all_of(uint32_t attempt)
{
    struct all all = {.count = 0};

    for (uint32_t a = 0; a < HONEST; a++) {
        for (uint32_t b = a + 1; b < HONEST; b++) {
            if (places[attempt].has_stood[a] && places[attempt].has_stood[b]) {
                add_pair(&all, attempt, a, b);
            }
        }
    }
    return all;
}

static void all_drop(struct all *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        qnk_buf_unref(all->list[i]);
    }
}

static bool permits(const struct qn_buf *bytes, int digest)
{
    struct qnk_hash hash = stage_digest(digest);
    struct qnk_abandon view;

    assert_int_equal(qnk_abandon_decode(qnk_buf_span(bytes), &view), QN_OK);
    return qnk_abandon_permits(&view, &hash);
}

/* One that permits the digest, else any; NULL: there is none. */
static struct qn_buf *best_of(uint32_t attempt, int digest)
{
    struct all all = all_of(attempt);
    struct qn_buf *best = all.count > 0 ? all.list[0] : NULL;

    for (uint32_t i = 0; i < all.count; i++) {
        best = permits(all.list[i], digest) ? all.list[i] : best;
    }
    best = best == NULL ? NULL : qnk_buf_ref(best);
    all_drop(&all);
    return best;
}

/* What a node that has them all would ask for. */
static bool book_permits(uint32_t attempt, int digest)
{
    struct qnk_hash hash = stage_digest(digest);
    struct qnk_set *set = stage_set();
    struct qnk_attempts *book = qnk_attempts_create(&stage_budget, set, WINDOW, NUMBER);
    bool is_permitted;

    assert_non_null(book);
    for (uint32_t i = 0; i < attempt; i++) {
        struct all all = all_of(i);

        for (uint32_t j = 0; j < all.count; j++) {
            qnk_attempts_add(book, all.list[j]);
        }
        all_drop(&all);
    }
    is_permitted = qnk_attempts_now(book) == attempt && qnk_attempts_permit(book, &hash, NULL);
    qnk_attempts_destroy(book);
    qnk_set_unref(set);
    return is_permitted;
}

/* --- what a line stands for; each says whether the C code goes along --- */

static bool has_given_up(uint32_t self, uint32_t attempt)
{
    bool has = false;

    for (uint32_t i = attempt; i < ATTEMPTS; i++) {
        has = has || places[i].has_stood[self];
    }
    return has;
}

static int32_t ask(uint32_t self, uint32_t attempt, const struct said *said)
{
    struct qnk_vote vote = vote_in(self, attempt, said);
    struct qn_buf *prepared =
        said->step == QNK_STEP_FINAL
            ? certificate_of(QNK_STEP_PREPARE, attempt, said->round, said->digest)
            : NULL;
    struct qn_buf *justified =
        said->vr >= 0 ? certificate_of(QNK_STEP_PREPARE, attempt, (uint32_t)said->vr, said->digest)
                      : NULL;
    struct qn_buf *bufs[ATTEMPTS] = {NULL};
    struct qn_span abandons[ATTEMPTS] = {{NULL, 0}};
    struct qnk_guard_facts facts = {.is_valid = true, .abandons = abandons};
    int32_t status;

    facts.prepared = prepared != NULL ? qnk_buf_span(prepared) : facts.prepared;
    facts.justified = justified != NULL ? qnk_buf_span(justified) : facts.justified;
    for (uint32_t i = attempt; i-- > 0;) {
        bufs[i] = best_of(i, said->digest);
        if (bufs[i] == NULL && i + 1 < attempt && bufs[i + 1] != NULL) {
            bufs[i] = qnk_buf_ref(bufs[i + 1]); /* of another attempt: it must not do */
        }
        facts.abandons_count += bufs[i] != NULL;
        abandons[i] = bufs[i] != NULL ? qnk_buf_span(bufs[i]) : abandons[i];
    }
    status = stage_guard_ask(self, &vote, &facts);
    qnk_buf_unref(prepared);
    qnk_buf_unref(justified);
    for (uint32_t i = 0; i < attempt; i++) {
        qnk_buf_unref(bufs[i]);
    }
    return status;
}

/* Guard and book say the same of what earlier attempts permit. */
static bool vote(uint32_t self, uint32_t attempt, const struct said *said)
{
    struct place *place = &places[attempt];
    bool is_signed = ask(self, attempt, said) == QN_OK;
    bool is_forbidden = !is_signed && stage.rule == QNK_GUARD_G6 && !has_given_up(self, attempt);

    assert_true(!is_signed || book_permits(attempt, said->digest));
    assert_true(!is_forbidden || !book_permits(attempt, said->digest));
    if (is_signed && said->step == QNK_STEP_PREPARE) {
        place->prepares[said->round][self] = *said;
    } else if (is_signed) {
        place->seals[said->round][self] = *said;
    }
    return is_signed;
}

/* In the guard's own words, which must be the model's. */
static bool give_up(uint32_t self, uint32_t attempt, int lock_round, int lock)
{
    struct qnk_standing standing;
    struct said said = {QNK_STEP_ABANDON, 0, 0, NONE};
    struct qnk_vote vote = vote_in(self, attempt, &said);
    struct qnk_guard_facts facts = {.is_valid = true};
    struct words words;

    qnk_guard_standing(stage.members[self].guard, &vote, &standing);
    if (standing.lock_round != lock_round || standing.lock.bytes[0] != lock) {
        return false;
    }
    vote = giving_up(self, attempt, &standing, &words);
    if (stage_guard_ask(self, &vote, &facts) != QN_OK) {
        return false;
    }
    places[attempt].has_stood[self] = true;
    places[attempt].stood[self] = standing;
    return true;
}

/* What the model holds. */
static void look(void)
{
    bool is_final[DIGESTS + 1] = {false};

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct all all = all_of(attempt);

        for (int digest = 1; digest <= DIGESTS; digest++) {
            bool can = can_be_final(attempt, digest);

            is_final[digest] = is_final[digest] || can;
            for (uint32_t i = 0; can && i < all.count; i++) {
                assert_true(permits(all.list[i], digest));
                assert_false(permits(all.list[i], DIGESTS + 1 - digest));
            }
        }
        all_drop(&all);
    }
    assert_false(is_final[1] && is_final[2]);
}

static bool line_play(const struct trail_line *line)
{
    uint32_t self = (uint32_t)trail_number(line, 0);
    uint32_t attempt = (uint32_t)trail_number(line, 2);
    struct said said = {
        .step = trail_is(line, 1, "prepare") ? QNK_STEP_PREPARE : QNK_STEP_FINAL,
        .round = (uint32_t)trail_number(line, 3),
        .digest = trail_number(line, 4),
        .vr = line->count > 5 ? trail_number(line, 5) : NONE,
    };
    bool goes_along = trail_is(line, 1, "abandon")
                          ? give_up(self, attempt, trail_number(line, 3), said.digest)
                          : vote(self, attempt, &said);

    last.self = self;
    last.attempt = attempt;
    last.said = said;
    look();
    return goes_along;
}

/* --- cases --- */

static void plays(const char *name, const char *differs)
{
    stage_begin(0, false);
    memset(places, 0, sizeof places);
    trail_play(name, differs, line_play);
}

/* By G6, and by what the log holds of it after a restart, too. */
static void refuses(const char *name, const char *differs)
{
    plays(name, differs);
    assert_int_equal(stage.rule, QNK_GUARD_G6);
    stage_crash(last.self);
    assert_int_equal(ask(last.self, last.attempt, &last.said), QN_DENIED);
    assert_int_equal(stage.rule, QNK_GUARD_G6);
    stage_end();
}

static void what_an_attempt_may_have_decided_binds_the_next(void **state)
{
    (void)state;
    refuses("abandon-m-ignore-locks", "0 prepare 1 0 2 -1");
}

static void each_earlier_attempt_has_to_be_over(void **state)
{
    (void)state;
    refuses("abandon-m-last-alone", "0 prepare 2 0 2 -1");
}

static void who_has_given_up_seals_no_more(void **state)
{
    (void)state;
    refuses("abandon-m-late-seal", "0 seal 0 0 1 -1");
}

static void the_guard_signs_what_the_model_signs(void **state)
{
    (void)state;
    plays("abandon-w-bound", NULL);
    assert_true(can_be_final(1, 1));
    stage_end();
    plays("abandon-w-free", NULL);
    assert_true(can_be_final(1, 2));
    stage_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_attempt_may_have_decided_binds_the_next),
        cmocka_unit_test(each_earlier_attempt_has_to_be_over),
        cmocka_unit_test(who_has_given_up_seals_no_more),
        cmocka_unit_test(the_guard_signs_what_the_model_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
