/* SPDX-License-Identifier: MIT */

/* conform_test.c: the trails of the models, played to the C code.
 *
 * trails/ holds what spin found: for each mutant of a model the shortest way to its error, and some
 * honest runs. Those of guard.pml are played to the sign guard, with certificates that the ballot
 * makes; those of engine.pml and exchange.pml to the shipped engine, three of them, each behind its
 * guard. An honest run goes through as it is. A mutant's goes on until the step that the mutant
 * allowed and must not: there the C code must differ, and at that very line. (Those of window.pml
 * and swap.pml are about whole nodes, and are the simulator's; abandon.pml's rules are
 * guard_test's.)
 *
 * What a line stands for is in the heads of the models. The test is the rest of the world: it gives
 * an engine what the line says it has heard, and looks at what it then gets signed. */

#include "tests/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/chain/wire.h"
#include "kernel/node/ballot.h"
#include "kernel/node/guard.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/consensus/commit-reveal/rules.h"
#include "sdk/check/check.h"

enum {
    HONEST = 3,
    LIAR = 3,
    MEMBERS = 4,
    ROUNDS = 3,
    STEPS = 6,
    WINDOW = 1,
    LOG_MAX = 64,
    WANTS_MAX = 64,
    TIMER_IDS = 8 * (ROUNDS + 1),
    NONE = -1,
    LINE_MAX_SIZE = 128,
};

/* A vote as the trails have it. */
struct said {
    uint32_t step, round;
    int digest, vr;
};

struct want {
    uint32_t type;
    struct said said;
};

struct member {
    struct qnk_guard *guard;
    struct qn_buf *log[LOG_MAX];
    uint32_t log_count;
    struct qn_node *node;
    struct qn_inst *inst;
    uint32_t round;
    bool is_running[TIMER_IDS];
    struct want wants[WANTS_MAX]; /* that are not done yet */
    uint32_t wants_count;
    struct said done[WANTS_MAX]; /* signed, and not in the trail yet */
    uint32_t done_count;
    bool has_lie[ROUNDS][STEPS];
    bool has_heard[ROUNDS][STEPS][MEMBERS];
};

static struct world {
    struct member members[HONEST];
    struct said sent[ROUNDS][STEPS][HONEST];
    bool is_sent[ROUNDS][STEPS][HONEST];
    uint64_t seed;
    uint32_t rule; /* by which the guard refused last */
    bool has_engines;
} world;

static struct qnk_budget budget = {.limit = 1 << 28};
static const struct qn_plugin *plugin;

static struct qn_check_given given(void)
{
    return (struct qn_check_given){
        .plugin = plugin,
        .config = commit_reveal_config_default(),
        .memory = COMMIT_REVEAL_MEMORY,
        .lanes = COMMIT_REVEAL_LANES,
    };
}

/* --- votes and certificates --- */

static struct qnk_hash digest_of(int digest)
{
    struct qnk_hash hash = {{0}};

    if (digest != 0) {
        memset(hash.bytes, digest, sizeof hash.bytes);
    }
    return hash;
}

static struct qnk_vote vote_of(uint32_t member, const struct said *said)
{
    static uint8_t tails[MEMBERS][2 * QN_HASH_SIZE];
    static const uint8_t nil[2 * QN_HASH_SIZE];
    struct qnk_vote vote = {
        .step = (uint16_t)said->step,
        .window = WINDOW,
        .round = said->round,
        .vr = said->vr,
        .member = member,
        .binding = digest_of(0xB1),
        .digest = digest_of(said->digest),
    };

    memset(tails[member], 0x60 + (int)member, QN_HASH_SIZE);
    if (said->step == QNK_STEP_COMMIT) {
        struct qnk_hash hidden = vote.digest;

        qnk_vote_commitment(&vote, &hidden, tails[member], &vote.digest);
    } else if (said->step == QNK_STEP_PREPARE && said->round == 0) {
        vote.tail = (struct qn_span){said->digest != 0 ? tails[member] : nil, sizeof nil};
    }
    if (said->step != QNK_STEP_PROPOSE) {
        qnk_vote_open(&vote, &vote.open);
    }
    return vote;
}

static struct qnk_ballot *ballot_new(void)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_ballot_place place = {.window = WINDOW, .binding = digest_of(0xB1)};
    struct qnk_ballot *ballot;
    struct qnk_set *set;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = digest_of((int)i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &set), QN_OK);
    ballot = qnk_ballot_create(&budget, set, &place);
    assert_non_null(ballot);
    qnk_set_unref(set);
    return ballot;
}

static void ballot_put(struct qnk_ballot *ballot, uint32_t member, const struct said *said)
{
    struct qnk_vote vote = vote_of(member, said);
    struct qnk_ballot_vote *held;

    assert_int_equal(qnk_ballot_add(ballot, &vote, &held), QNK_BALLOT_NEW);
}

/* The certificate that all votes ever sent and the liar's key make; NULL: they make none. */
static struct qn_buf *certificate_of(uint32_t step, uint32_t round, int digest)
{
    struct qnk_hash hash = digest_of(digest);
    struct qn_buf *bytes = NULL;

    for (int vr = -1; vr < (int)round && bytes == NULL; vr++) {
        struct qnk_ballot *ballot = ballot_new();
        struct said lie = {step, round, digest, vr};

        ballot_put(ballot, LIAR, &lie);
        for (uint32_t i = 0; i < HONEST; i++) {
            if (world.is_sent[round][step][i]) {
                ballot_put(ballot, i, &world.sent[round][step][i]);
            }
        }
        bytes = qnk_ballot_certify(ballot, round, step, &hash);
        qnk_ballot_destroy(ballot);
    }
    return bytes;
}

static bool can_be_final(int digest)
{
    bool can = false;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct qn_buf *bytes = certificate_of(QNK_STEP_FINAL, round, digest);

        can = can || bytes != NULL;
        qnk_buf_unref(bytes);
    }
    return can;
}

/* --- the guard --- */

/* Asks the guard, as vote.c does; what it allows is in the log, and out. */
static int32_t sign(uint32_t self, const struct said *said)
{
    struct member *member = &world.members[self];
    struct qnk_vote vote = vote_of(self, said);
    bool is_seal = said->step == QNK_STEP_FINAL && said->digest != 0;
    struct qn_buf *prepared =
        is_seal ? certificate_of(QNK_STEP_PREPARE, said->round, said->digest) : NULL;
    struct qn_buf *justified =
        said->vr >= 0 ? certificate_of(QNK_STEP_PREPARE, (uint32_t)said->vr, said->digest) : NULL;
    struct qnk_guard_facts facts = {.is_valid = true};
    const struct qnk_vote *old = NULL;
    struct qn_buf *records = NULL;
    int32_t status;

    facts.prepared = prepared != NULL ? qnk_buf_span(prepared) : facts.prepared;
    facts.justified = justified != NULL ? qnk_buf_span(justified) : facts.justified;
    status = qnk_guard_vote(member->guard, &vote, &facts, &records, &old, &world.rule);
    if (records != NULL) {
        assert_true(member->log_count < LOG_MAX);
        member->log[member->log_count++] = records;
    }
    if (status == QN_OK) {
        world.sent[said->round][said->step][self] = *said;
        world.is_sent[said->round][said->step][self] = true;
    }
    qnk_buf_unref(prepared);
    qnk_buf_unref(justified);
    return status;
}

static void guard_restart(struct member *member)
{
    qnk_guard_destroy(member->guard);
    member->guard = qnk_guard_create(&budget);
    assert_non_null(member->guard);
    for (uint32_t i = 0; i < member->log_count; i++) {
        struct qn_span rest = qnk_buf_span(member->log[i]);

        while (rest.size > 0) {
            struct qn_span record = {rest.data + 4, qn_le32_read(rest.data)};

            assert_int_equal(qnk_guard_restore(member->guard, record), QN_OK);
            rest.data += 4 + record.size;
            rest.size -= 4 + record.size;
        }
    }
}

/* --- an engine --- */

static void want_add(struct member *member, uint32_t type, const struct said *said)
{
    assert_true(member->wants_count < WANTS_MAX);
    member->wants[member->wants_count++] = (struct want){type, *said};
}

static void timer_set(struct member *member, uint32_t timer, bool is_running)
{
    if (timer < TIMER_IDS) {
        member->is_running[timer] = is_running;
    }
}

static int first_of(const uint8_t *digest)
{
    return digest != NULL ? digest[0] : 0;
}

/* What the engine wants. Certificates are what the trail says, so certify is not followed. */
static int32_t effect(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct member *member = ctx;
    union {
        struct qn_consensus_effect_request_sign sign;
        struct qn_consensus_effect_check check;
        struct qn_consensus_effect_timer timer;
        struct qn_consensus_effect_cancel cancel;
        struct qn_consensus_effect_report report;
    } it = {0};
    struct said said = {0};

    (void)payload;
    if (type == QN_CONSENSUS_EFFECT_REQUEST_SIGN) {
        assert_int_equal(qn_consensus_effect_request_sign_read(body, &it.sign), QN_OK);
        said = (struct said){it.sign.step, it.sign.round, first_of(it.sign.digest), it.sign.vr};
        want_add(member, type, &said);
    } else if (type == QN_CONSENSUS_EFFECT_CHECK) {
        assert_int_equal(qn_consensus_effect_check_read(body, &it.check), QN_OK);
        said.digest = first_of(it.check.digest);
        want_add(member, type, &said);
    } else if (type == QN_CONSENSUS_EFFECT_TIMER) {
        assert_int_equal(qn_consensus_effect_timer_read(body, &it.timer), QN_OK);
        timer_set(member, it.timer.timer, true);
    } else if (type == QN_CONSENSUS_EFFECT_CANCEL) {
        assert_int_equal(qn_consensus_effect_cancel_read(body, &it.cancel), QN_OK);
        timer_set(member, it.cancel.timer, false);
    } else if (type == QN_CONSENSUS_EFFECT_REPORT) {
        assert_int_equal(qn_consensus_effect_report_read(body, &it.report), QN_OK);
        member->round = it.report.round;
    }
    return QN_OK;
}

static void step(struct member *member, uint16_t type, const uint8_t *bytes, uint64_t size)
{
    const struct qn_consensus_1 *slots = (const void *)plugin->slots;
    struct qn_event event = {.size = sizeof event, .type = type, .body = {bytes, size}};
    const struct qn_event *batch = &event;
    struct qn_effects out = {
        .head = {.size = sizeof out, .major = 1},
        .ctx = member,
        .push = effect,
    };

    assert_int_equal(slots->step(member->inst, &batch, 1, &out), QN_OK);
}

#define STEP(member, name, NAME, event)                           \
    do {                                                          \
        uint8_t body_[1280];                                      \
        uint64_t size_ = qn_consensus_event_##name##_size(event); \
                                                                  \
        assert_true(size_ <= sizeof body_);                       \
        (void)qn_consensus_event_##name##_write(event, body_);    \
        step(member, QN_CONSENSUS_EVENT_##NAME, body_, size_);    \
    } while (0)

enum { SIGNED_NOW = 1, SIGNED_BEFORE = 3, SIGNED_NOTHING = 4 };

static void tell_signed(struct member *member, const struct said *said, uint8_t result)
{
    bool is_hidden = said->step == QNK_STEP_COMMIT && result != SIGNED_NOW;
    struct qnk_hash digest = digest_of(is_hidden ? 0 : said->digest);
    struct qn_consensus_event_signed event = {
        .window = WINDOW,
        .round = said->round,
        .step = (uint16_t)said->step,
        .vr = said->vr,
        .digest = digest.bytes,
        .result = result,
    };

    STEP(member, signed, SIGNED, &event);
}

static void tell_checked(struct member *member, int what)
{
    struct qnk_hash digest = digest_of(what);
    struct qn_consensus_event_checked event = {
        .window = WINDOW,
        .digest = digest.bytes,
        .verdict = 1,
    };

    STEP(member, checked, CHECKED, &event);
}

/* Does what the engine wants, until it wants nothing. */
static void settle(uint32_t self)
{
    struct member *member = &world.members[self];

    for (uint32_t i = 0; i < member->wants_count; i++) {
        struct said said = member->wants[i].said;
        int32_t status;

        if (member->wants[i].type == QN_CONSENSUS_EFFECT_CHECK) {
            tell_checked(member, said.digest);
            continue;
        }
        status = sign(self, &said);
        if (status == QN_OK) {
            member->done[member->done_count++] = said;
            tell_signed(member, &said, SIGNED_NOW);
        } else {
            /* A right engine asks for nothing else that must be refused. */
            assert_int_equal(world.rule, QNK_GUARD_G5);
            tell_signed(member, &said, SIGNED_NOTHING);
        }
    }
    member->wants_count = 0;
}

static void tell_open(uint32_t self)
{
    uint8_t members[MEMBERS * (QN_KEY_SIZE + 8)], *to = members;
    uint8_t seed[QN_HASH_SIZE] = {0};
    struct qnk_hash set = digest_of(9);
    struct qn_consensus_event_open event = {
        .window = WINDOW,
        .first = 1,
        .last = 90,
        .set = set.bytes,
        .self = self,
        .total = MEMBERS,
        .quorum = 3,
        .members_count = MEMBERS,
        .seed = seed,
    };

    qn_le64_write(seed, world.seed);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct qnk_hash key = digest_of((int)i + 1);
        struct qn_member member = {.key = key.bytes, .weight = 1};

        to = qn_member_write(&member, to);
    }
    event.members = (struct qn_span){members, sizeof members};
    STEP(&world.members[self], open, OPEN, &event);
}

static void tell_vote(uint32_t self, uint32_t from, const struct said *said)
{
    struct qnk_hash digest = digest_of(said->step == QNK_STEP_COMMIT ? 0 : said->digest);
    struct qn_consensus_event_vote event = {
        .window = WINDOW,
        .round = said->round,
        .step = (uint16_t)said->step,
        .vr = said->vr,
        .from = from,
        .digest = digest.bytes,
    };

    STEP(&world.members[self], vote, VOTE, &event);
    settle(self);
}

static void tell_certificate(uint32_t self, uint32_t round, int digest)
{
    struct qn_buf *bytes = certificate_of(QNK_STEP_PREPARE, round, digest);
    struct qnk_certificate view;

    assert_non_null(bytes); /* the model had it */
    assert_int_equal(qnk_certificate_decode(qnk_buf_span(bytes), &view), QN_OK);

    struct qn_consensus_event_certificate event = {
        .window = WINDOW,
        .round = round,
        .step = QNK_STEP_PREPARE,
        .vr = view.vr,
        .digest = view.digest.bytes,
        .weight = 3,
        .signers = {view.bitmap, 1},
    };

    STEP(&world.members[self], certificate, CERTIFICATE, &event);
    qnk_buf_unref(bytes);
    settle(self);
}

static void tell_candidate(uint32_t self, int what)
{
    struct qnk_hash digest = digest_of(what);
    struct qn_consensus_event_candidate event = {
        .window = WINDOW,
        .digest = digest.bytes,
        .height = 90,
    };

    STEP(&world.members[self], candidate, CANDIDATE, &event);
    settle(self);
}

/* False: the engine runs no such timer. */
static bool tell_timer(uint32_t self, uint32_t round, enum rules_timer kind)
{
    struct member *member = &world.members[self];
    uint32_t id = round << 3 | (uint32_t)kind;
    struct qn_consensus_event_timer event = {.window = WINDOW, .timer = id};

    if (!member->is_running[id]) {
        return false;
    }
    member->is_running[id] = false;
    STEP(member, timer, TIMER, &event);
    settle(self);
    return true;
}

static void engine_stop(struct member *member)
{
    struct qn_check_given it = given();

    if (member->inst != NULL) {
        qn_check_inst_destroy(&it, member->inst);
        qn_check_node_destroy(member->node);
        member->inst = NULL;
    }
}

static void engine_start(uint32_t self)
{
    struct member *member = &world.members[self];
    struct qn_check_given it = given();

    member->node = qn_check_node_create(COMMIT_REVEAL_MEMORY);
    member->inst = qn_check_inst_create(&it, member->node);
    memset(member->is_running, 0, sizeof member->is_running);
    member->round = 0;
    tell_open(self);
}

/* Open, own votes, kept certificates: as instance_begin() has it. */
static void engine_restart(uint32_t self)
{
    struct member *member = &world.members[self];
    const struct qnk_vote *own;
    struct qn_span kept;

    engine_stop(member);
    engine_start(self);
    for (uint32_t i = 0; (own = qnk_guard_vote_at(member->guard, WINDOW, i)) != NULL; i++) {
        struct said said = {own->step, own->round, own->digest.bytes[0], own->vr};

        tell_signed(member, &said, SIGNED_BEFORE);
    }
    for (uint32_t i = 0; (kept = qnk_guard_certificate_at(member->guard, i)).size > 0; i++) {
        struct qnk_certificate view;

        assert_int_equal(qnk_certificate_decode(kept, &view), QN_OK);
        tell_certificate(self, view.round, view.digest.bytes[0]);
    }
    settle(self);
}

/* --- what a line stands for; each says whether the C code goes along --- */

/* The votes of one round and step that others have sent, and the liar's. */
static void hear_all(uint32_t self, uint32_t step_, uint32_t round, bool has_lie)
{
    struct member *member = &world.members[self];
    bool *has_heard = member->has_heard[round][step_];
    struct said lie = {step_, round, 0, NONE};

    for (uint32_t i = 0; i < HONEST; i++) {
        if (i != self && world.is_sent[round][step_][i] && !has_heard[i]) {
            has_heard[i] = true;
            tell_vote(self, i, &world.sent[round][step_][i]);
        }
    }
    if (has_lie && !has_heard[LIAR]) {
        has_heard[LIAR] = true;
        tell_vote(self, LIAR, &lie);
    }
}

/* Brings an engine into a round as U1 does, by votes that say nothing else. */
static bool enter(uint32_t self, uint32_t round)
{
    struct said ahead = {QNK_STEP_TIMEOUT, round, 0, NONE};

    for (uint32_t i = 0; i < MEMBERS && world.members[self].round < round; i++) {
        if (i != self) {
            tell_vote(self, i, &ahead);
        }
    }
    return world.members[self].round == round;
}

static bool is_same(const struct said *a, const struct said *b)
{
    return a->step == b->step && a->round == b->round && a->digest == b->digest && a->vr == b->vr;
}

/* The engine's next signed vote is this one. */
static bool has_done(uint32_t self, const struct said *said)
{
    struct member *member = &world.members[self];

    if (member->done_count == 0 || !is_same(&member->done[0], said)) {
        return false;
    }
    member->done_count--;
    memmove(member->done, member->done + 1, member->done_count * sizeof *member->done);
    return true;
}

static void tell_locks(uint32_t self, uint32_t below)
{
    for (uint32_t round = 0; round < below; round++) {
        for (uint32_t i = 0; i < HONEST; i++) {
            const struct said *seal = &world.sent[round][QNK_STEP_FINAL][i];

            if (world.is_sent[round][QNK_STEP_FINAL][i] && seal->digest != 0) {
                tell_certificate(self, round, seal->digest);
            }
        }
    }
}

/* The leader proposes by the certificate of vr; or what is new, if nobody has a lock: the exchange
 * brings it what locks others. Who is still in the certificate's round hears of it when he has
 * left, or else he would seal. */
static bool lead(uint32_t self, const struct said *said)
{
    bool is_later = (int)world.members[self].round == said->vr;

    if (said->vr < 0) {
        tell_locks(self, said->round);
    } else if (!is_later) {
        tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        if (!enter(i, said->round)) {
            return false;
        }
    }
    if (said->vr < 0) {
        tell_candidate(self, said->digest);
    } else if (is_later) {
        tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    return has_done(self, said);
}

static void hear_proposal(uint32_t self, const struct said *said)
{
    bool is_own = world.is_sent[said->round][QNK_STEP_PROPOSE][self];

    if (said->vr >= 0) {
        tell_certificate(self, (uint32_t)said->vr, said->digest);
    }
    if (!is_own) {
        tell_vote(self, world.is_sent[said->round][QNK_STEP_PROPOSE][0] ? 0 : LIAR, said);
    }
}

struct words {
    char text[LINE_MAX_SIZE]; /* the line */
    char *word[6];
    uint32_t count;
};

static bool is_word(const struct words *words, uint32_t at, const char *word)
{
    return at < words->count && strcmp(words->word[at], word) == 0;
}

static int number(const struct words *words, uint32_t at)
{
    return at < words->count ? (int)strtol(words->word[at], NULL, 10) : 0;
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

static void crash(uint32_t self)
{
    guard_restart(&world.members[self]);
    if (world.has_engines) {
        engine_restart(self);
    }
}

/* A timer of exchange.pml: with the votes that are here, whatever they start. */
static bool fire_in(uint32_t self, const struct words *words)
{
    struct member *member = &world.members[self];
    uint32_t round = (uint32_t)number(words, 3);
    uint32_t signed_before = member->done_count;

    if (is_word(words, 2, "propose")) {
        return round == 0 ? tell_timer(self, 0, TIMER_COMMIT) && tell_timer(self, 0, TIMER_OWN)
                          : tell_timer(self, round, TIMER_PROPOSE);
    }
    if (is_word(words, 2, "reveal")) {
        hear_all(self, QNK_STEP_PREPARE, round, member->has_lie[round][QNK_STEP_PREPARE]);
        return member->done_count > signed_before || tell_timer(self, round, TIMER_REVEAL);
    }
    hear_all(self, QNK_STEP_FINAL, round, member->has_lie[round][QNK_STEP_FINAL]);
    return member->round > round || tell_timer(self, round, TIMER_SEAL);
}

/* A timer of engine.pml. */
static bool fire(uint32_t self, const struct words *words)
{
    struct member *member = &world.members[self];

    if (words->count == 4) {
        return fire_in(self, words);
    }
    if (is_word(words, 2, "commit")) {
        return tell_timer(self, 0, TIMER_COMMIT);
    }
    if (is_word(words, 2, "own")) {
        return member->done_count > 0 || tell_timer(self, 0, TIMER_OWN);
    }
    return tell_timer(self, member->round, TIMER_PROPOSE);
}

static bool hear_quorum(uint32_t self, const struct words *words)
{
    struct member *member = &world.members[self];
    uint32_t round = (uint32_t)number(words, 3);
    bool is_seal = is_word(words, 2, "seal");
    uint32_t before = member->done_count;

    hear_all(self, is_seal ? QNK_STEP_FINAL : QNK_STEP_PREPARE, round, true);
    if (is_seal) {
        return member->round > round || tell_timer(self, round, TIMER_SEAL);
    }
    return member->done_count > before || tell_timer(self, round, TIMER_REVEAL);
}

/* The exchange of exchange.pml, as the test keeps it: the liar's votes of one round. */
static void ask(uint32_t self, uint32_t other, uint32_t round)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        if (world.members[other].has_lie[round][i]) {
            world.members[self].has_lie[round][i] = true;
        }
    }
}

/* A vote that was signed; of exchange.pml's, which name no digest, any of this step and round. */
static bool was_signed(uint32_t self, struct said said, const struct words *words)
{
    if (!world.has_engines) {
        return sign(self, &said) == QN_OK;
    }
    if (words->count == 3 && world.members[self].done_count > 0) {
        said.digest = world.members[self].done[0].digest;
        said.vr = world.members[self].done[0].vr;
    }
    return has_done(self, &said);
}

static bool line_play(const struct words *words)
{
    uint32_t self = (uint32_t)number(words, 0);
    const char *verb = words->word[1];
    struct said said = {
        .step = step_named(verb),
        .round = (uint32_t)number(words, 2),
        .digest = number(words, 3),
        .vr = words->count > 4 ? number(words, 4) : NONE,
    };

    if (said.step <= QNK_STEP_FINAL) {
        return was_signed(self, said, words);
    }
    if (strcmp(verb, "leads") == 0) {
        return lead(self, &said);
    }
    if (strcmp(verb, "proposal") == 0) {
        hear_proposal(self, &said);
    } else if (strcmp(verb, "certificate") == 0) {
        tell_certificate(self, said.round, said.digest);
    } else if (strcmp(verb, "candidate") == 0) {
        tell_candidate(self, number(words, 2));
    } else if (strcmp(verb, "timer") == 0) {
        return fire(self, words);
    } else if (strcmp(verb, "quorum") == 0) {
        return hear_quorum(self, words);
    } else if (strcmp(verb, "enter") == 0) {
        return enter(self, said.round);
    } else if (strcmp(verb, "crash") == 0) {
        crash(self);
    } else if (strcmp(verb, "asks") == 0) {
        ask(self, (uint32_t)number(words, 2), (uint32_t)number(words, 3));
    } else {
        world.members[self].has_lie[number(words, 3)][step_named(words->word[2])] = true;
    }
    return true;
}

/* --- a trail --- */

static bool line_read(FILE *file, struct words *words, char text[LINE_MAX_SIZE])
{
    char *rest = words->text;

    do {
        if (fgets(words->text, sizeof words->text, file) == NULL) {
            return false;
        }
        rest = words->text;
    } while (*rest == '#');
    rest[strcspn(rest, "\n")] = 0;
    memcpy(text, words->text, sizeof words->text);
    words->count = 0;
    while (words->count < 6 && *rest != 0) {
        words->word[words->count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest == ' ') {
            *rest++ = 0;
        }
    }
    assert_true(words->count >= 2);
    return true;
}

static FILE *trail_open(const char *name)
{
    char path[512];
    const char *root = getenv("top_srcdir");
    int size =
        snprintf(path, sizeof path, "%s/tests/spin/trails/%s.txt", root != NULL ? root : ".", name);
    FILE *file;

    assert_true(size > 0 && (size_t)size < sizeof path);
    file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

/* finality.md 7.1, of equal weights that sum up to 4. */
static uint32_t leader_of(uint64_t seed, uint32_t round)
{
    static const char tag[] = "qnet/leader";
    struct qn_check_sha256 sha;
    uint8_t place[QN_HASH_SIZE + 12] = {0};
    uint8_t draw[QN_HASH_SIZE];

    qn_le64_write(place, seed);
    qn_le64_write(place + QN_HASH_SIZE, WINDOW);
    qn_le32_write(place + QN_HASH_SIZE + 8, round);
    qn_check_sha256_init(&sha);
    qn_check_sha256_add(&sha, (struct qn_span){(const uint8_t *)tag, sizeof tag - 1});
    qn_check_sha256_add(&sha, (struct qn_span){place, sizeof place});
    qn_check_sha256_done(&sha, draw);
    return (uint32_t)(qn_le64_read(draw) >> 62);
}

static void world_begin(bool has_engines, uint32_t last_leader)
{
    memset(&world, 0, sizeof world);
    budget.used = 0; /* what a case that failed has left */
    world.has_engines = has_engines;
    while (leader_of(world.seed, 1) != LIAR || leader_of(world.seed, 2) != last_leader) {
        world.seed++;
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        guard_restart(&world.members[i]);
        if (has_engines) {
            engine_start(i);
        }
    }
}

static void world_end(void)
{
    for (uint32_t i = 0; i < HONEST; i++) {
        engine_stop(&world.members[i]);
        qnk_guard_destroy(world.members[i].guard);
        for (uint32_t j = 0; j < world.members[i].log_count; j++) {
            qnk_buf_unref(world.members[i].log[j]);
        }
    }
    assert_int_equal(budget.used, 0);
}

/* Plays a trail up to the first line at which the C code differs, which must be this one; NULL: it
 * must go along with all of them. */
static void play(const char *name, const char *differs)
{
    FILE *file = trail_open(name);
    struct words words;
    char text[LINE_MAX_SIZE];
    bool goes_along = true;

    while (goes_along && line_read(file, &words, text)) {
        goes_along = line_play(&words);
    }
    (void)fclose(file);
    if (goes_along && differs != NULL) {
        fail_msg("%s: nothing was refused", name);
    } else if (!goes_along && (differs == NULL || strcmp(differs, text) != 0)) {
        fail_msg("%s: refused (G%u): %s", name, world.rule, text);
    }
    assert_false(can_be_final(1) && can_be_final(2));
}

/* --- guard.pml --- */

static void guard_plays(const char *name, const char *refused, uint32_t rule)
{
    world_begin(false, LIAR);
    play(name, refused);
    assert_int_equal(world.rule, rule);
    world_end();
}

static void the_guard_refuses_what_each_mutant_signs(void **state)
{
    (void)state;
    guard_plays("guard-m-no-lock", "1 prepare 1 2 -1", QNK_GUARD_G4);
    guard_plays("guard-m-any-unlocks", "1 prepare 2 1 0", QNK_GUARD_G4);
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
    world_begin(true, last_leader);
    play(name, differs);
    world_end();
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
        world.members[lacking->to].has_heard[vote->round][vote->step][vote->member] = true;
        tell_vote(lacking->to, vote->member, &said);
    }
}

/* The votes that a member has heard and made. */
static struct qnk_ballot *ballot_of(uint32_t self)
{
    const struct member *member = &world.members[self];
    struct qnk_ballot *ballot = ballot_new();

    qnk_ballot_round_set(ballot, member->round);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < STEPS; i++) {
            struct said lie = {i, round, 0, NONE};

            if (member->has_heard[round][i][LIAR]) {
                ballot_put(ballot, LIAR, &lie);
            }
            for (uint32_t from = 0; from < HONEST; from++) {
                if (member->has_heard[round][i][from] ||
                    (from == self && world.is_sent[round][i][from])) {
                    ballot_put(ballot, from, &world.sent[round][i][from]);
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
    world_begin(true, LIAR);
    play("exchange-m-no-exchange", NULL);
    assert_int_equal(world.members[0].round, 1);
    for (uint32_t i = 1; i < HONEST; i++) {
        assert_int_equal(world.members[i].round, 0);
        hear_all(i, QNK_STEP_FINAL, 0, false);
        assert_false(tell_timer(i, 0, TIMER_SEAL)); /* two of three seals */
        assert_true(exchange(0, i) > 0);
        assert_true(world.members[i].round == 1 || tell_timer(i, 0, TIMER_SEAL));
        assert_int_equal(world.members[i].round, 1);
    }
    world_end();
}

static int plugin_map(void **state)
{
    char path[512];
    const char *root = getenv("top_builddir");
    int size =
        snprintf(path, sizeof path, "%s/plugins/consensus/commit-reveal/.libs/commit-reveal.so",
                 root != NULL ? root : ".");
    void *library;

    (void)state;
    if (size <= 0 || (size_t)size >= sizeof path) {
        return -1;
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    plugin = library == NULL ? NULL : dlsym(library, "qn_plugin_v1");
    return plugin == NULL ? -1 : 0;
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
