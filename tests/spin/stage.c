/* SPDX-License-Identifier: MIT */

#include "tests/spin/stage.h"

#include "tests/test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/consensus.h>

struct stage stage;
struct qnk_budget stage_budget = {.limit = 1 << 28};
struct qn_check_given stage_given;

/* --- votes and certificates --- */

struct qnk_hash stage_digest(int digest)
{
    struct qnk_hash hash = {{0}};

    if (digest != 0) {
        memset(hash.bytes, digest, sizeof hash.bytes);
    }
    return hash;
}

struct qnk_vote stage_vote(uint32_t member, const struct said *said)
{
    static uint8_t tails[MEMBERS][2 * QN_HASH_SIZE];
    static const uint8_t nil[2 * QN_HASH_SIZE];
    struct qnk_vote vote = {
        .step = (uint16_t)said->step,
        .window = WINDOW,
        .round = said->round,
        .vr = said->vr,
        .member = member,
        .binding = stage_digest(0xB1),
        .digest = stage_digest(said->digest),
    };

    memset(tails[member], 0x60 + (int)member, QN_HASH_SIZE);
    if (said->step == QNK_STEP_COMMIT) {
        struct qnk_hash hidden = vote.digest;

        qnk_vote_commitment(&vote, &hidden, tails[member], &vote.digest);
    } else if (said->step == QNK_STEP_PREPARE && said->round == 0) {
        vote.tail = (struct qn_span){said->digest != 0 ? tails[member] : nil, sizeof nil};
    }
    if (said->step != QNK_STEP_PROPOSE && said->step != QNK_STEP_ABANDON) {
        qnk_vote_open(&vote, &vote.open);
    }
    return vote;
}

struct qnk_set *stage_set(void)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_set *set;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = stage_digest((int)i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&stage_budget, members, MEMBERS, &set), QN_OK);
    return set;
}

struct qnk_ballot *stage_ballot(uint32_t era)
{
    struct qnk_ballot_place place = {.window = WINDOW, .era = era};
    struct qnk_set *set = stage_set();
    struct qnk_ballot *ballot;

    place.binding = stage_digest(0xB1);
    ballot = qnk_ballot_create(&stage_budget, set, &place);
    assert_non_null(ballot);
    qnk_set_unref(set);
    return ballot;
}

void stage_ballot_put(struct qnk_ballot *ballot, uint32_t member, const struct said *said)
{
    struct qnk_vote vote = stage_vote(member, said);
    struct qnk_ballot_vote *held;

    assert_int_equal(qnk_ballot_add(ballot, &vote, &held), QNK_BALLOT_NEW);
}

struct qn_buf *stage_certificate(uint32_t step, uint32_t round, int digest)
{
    struct qnk_hash hash = stage_digest(digest);
    struct qn_buf *bytes = NULL;

    for (int vr = -1; vr < (int)round && bytes == NULL; vr++) {
        struct qnk_ballot *ballot = stage_ballot(0);
        struct said lie = {step, round, digest, vr};

        stage_ballot_put(ballot, LIAR, &lie);
        for (uint32_t i = 0; i < HONEST; i++) {
            if (stage.is_sent[round][step][i]) {
                stage_ballot_put(ballot, i, &stage.sent[round][step][i]);
            }
        }
        bytes = qnk_ballot_certify(ballot, round, step, &hash);
        qnk_ballot_destroy(ballot);
    }
    return bytes;
}

bool stage_can_be_final(int digest)
{
    bool can = false;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct qn_buf *bytes = stage_certificate(QNK_STEP_FINAL, round, digest);

        can = can || bytes != NULL;
        qnk_buf_unref(bytes);
    }
    return can;
}

/* --- the guard --- */

int32_t stage_guard_ask(uint32_t self, const struct qnk_vote *vote,
                        const struct qnk_guard_facts *facts)
{
    struct member *member = &stage.members[self];
    const struct qnk_vote *old = NULL;
    struct qn_buf *records = NULL;
    int32_t status = qnk_guard_vote(member->guard, vote, facts, &records, &old, &stage.rule);

    if (records != NULL) {
        assert_true(member->log_count < LOG_MAX);
        member->log[member->log_count++] = records;
    }
    return status;
}

int32_t stage_sign(uint32_t self, const struct said *said)
{
    struct qnk_vote vote = stage_vote(self, said);
    bool is_seal = said->step == QNK_STEP_FINAL && said->digest != 0;
    struct qn_buf *prepared =
        is_seal ? stage_certificate(QNK_STEP_PREPARE, said->round, said->digest) : NULL;
    struct qn_buf *justified =
        said->vr >= 0 ? stage_certificate(QNK_STEP_PREPARE, (uint32_t)said->vr, said->digest)
                      : NULL;
    struct qnk_guard_facts facts = {.is_valid = true};
    int32_t status;

    facts.prepared = prepared != NULL ? qnk_buf_span(prepared) : facts.prepared;
    facts.justified = justified != NULL ? qnk_buf_span(justified) : facts.justified;
    status = stage_guard_ask(self, &vote, &facts);
    if (status == QN_OK) {
        stage.sent[said->round][said->step][self] = *said;
        stage.is_sent[said->round][said->step][self] = true;
    }
    qnk_buf_unref(prepared);
    qnk_buf_unref(justified);
    return status;
}

void stage_guard_restart(struct member *member)
{
    qnk_guard_destroy(member->guard);
    member->guard = qnk_guard_create(&stage_budget);
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
    const struct qn_consensus_1 *slots = (const void *)stage_given.plugin->slots;
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
    struct qnk_hash digest = stage_digest(is_hidden ? 0 : said->digest);
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
    struct qnk_hash digest = stage_digest(what);
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
    struct member *member = &stage.members[self];

    for (uint32_t i = 0; i < member->wants_count; i++) {
        struct said said = member->wants[i].said;
        int32_t status;

        if (member->wants[i].type == QN_CONSENSUS_EFFECT_CHECK) {
            tell_checked(member, said.digest);
            continue;
        }
        status = stage_sign(self, &said);
        if (status == QN_OK) {
            member->done[member->done_count++] = said;
            tell_signed(member, &said, SIGNED_NOW);
        } else {
            /* A right engine asks for nothing else that must be refused: another digest may have
             * won than the one that was committed to. */
            assert_int_equal(stage.rule, QNK_GUARD_G5);
            tell_signed(member, &said, SIGNED_NOTHING);
        }
    }
    member->wants_count = 0;
}

static void tell_open(uint32_t self)
{
    uint8_t members[MEMBERS * (QN_KEY_SIZE + 8)], *to = members;
    uint8_t seed[QN_HASH_SIZE] = {0};
    struct qnk_hash set = stage_digest(9);
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

    qn_le64_write(seed, stage.seed);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct qnk_hash key = stage_digest((int)i + 1);
        struct qn_member member = {.key = key.bytes, .weight = 1};

        to = qn_member_write(&member, to);
    }
    event.members = (struct qn_span){members, sizeof members};
    STEP(&stage.members[self], open, OPEN, &event);
}

void stage_tell_vote(uint32_t self, uint32_t from, const struct said *said)
{
    struct qnk_hash digest = stage_digest(said->step == QNK_STEP_COMMIT ? 0 : said->digest);
    struct qn_consensus_event_vote event = {
        .window = WINDOW,
        .round = said->round,
        .step = (uint16_t)said->step,
        .vr = said->vr,
        .from = from,
        .digest = digest.bytes,
    };

    STEP(&stage.members[self], vote, VOTE, &event);
    settle(self);
}

void stage_tell_certificate(uint32_t self, uint32_t round, int digest)
{
    struct qn_buf *bytes = stage_certificate(QNK_STEP_PREPARE, round, digest);
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

    STEP(&stage.members[self], certificate, CERTIFICATE, &event);
    qnk_buf_unref(bytes);
    settle(self);
}

void stage_tell_candidate(uint32_t self, int what)
{
    struct qnk_hash digest = stage_digest(what);
    struct qn_consensus_event_candidate event = {
        .window = WINDOW,
        .digest = digest.bytes,
        .height = 90,
    };

    STEP(&stage.members[self], candidate, CANDIDATE, &event);
    settle(self);
}

bool stage_tell_timer(uint32_t self, uint32_t round, uint32_t kind)
{
    struct member *member = &stage.members[self];
    uint32_t id = round << 3 | kind;
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
    struct qn_check_given it = stage_given;

    if (member->inst != NULL) {
        qn_check_inst_destroy(&it, member->inst);
        qn_check_node_destroy(member->node);
        member->inst = NULL;
    }
}

void stage_engine_start(uint32_t self)
{
    struct member *member = &stage.members[self];
    struct qn_check_given it = stage_given;

    member->node = qn_check_node_create(stage_given.memory);
    member->inst = qn_check_inst_create(&it, member->node);
    memset(member->is_running, 0, sizeof member->is_running);
    member->round = 0;
    tell_open(self);
}

void stage_engine_restart(uint32_t self)
{
    struct member *member = &stage.members[self];
    const struct qnk_vote *own;
    struct qn_span kept;

    engine_stop(member);
    stage_engine_start(self);
    for (uint32_t i = 0; (own = qnk_guard_vote_at(member->guard, WINDOW, i)) != NULL; i++) {
        struct said said = {own->step, own->round, own->digest.bytes[0], own->vr};

        tell_signed(member, &said, SIGNED_BEFORE);
    }
    for (uint32_t i = 0; (kept = qnk_guard_certificate_at(member->guard, i)).size > 0; i++) {
        struct qnk_certificate view;

        assert_int_equal(qnk_certificate_decode(kept, &view), QN_OK);
        stage_tell_certificate(self, view.round, view.digest.bytes[0]);
    }
    settle(self);
}

/* --- what was signed and heard --- */

void stage_hear_all(uint32_t self, uint32_t step_, uint32_t round, bool has_lie)
{
    struct member *member = &stage.members[self];
    bool *has_heard = member->has_heard[round][step_];
    struct said lie = {step_, round, 0, NONE};

    for (uint32_t i = 0; i < HONEST; i++) {
        if (i != self && stage.is_sent[round][step_][i] && !has_heard[i]) {
            has_heard[i] = true;
            stage_tell_vote(self, i, &stage.sent[round][step_][i]);
        }
    }
    if (has_lie && !has_heard[LIAR]) {
        has_heard[LIAR] = true;
        stage_tell_vote(self, LIAR, &lie);
    }
}

static bool is_same(const struct said *a, const struct said *b)
{
    return a->step == b->step && a->round == b->round && a->digest == b->digest && a->vr == b->vr;
}

bool stage_has_done(uint32_t self, const struct said *said)
{
    struct member *member = &stage.members[self];

    if (member->done_count == 0 || !is_same(&member->done[0], said)) {
        return false;
    }
    member->done_count--;
    memmove(member->done, member->done + 1, member->done_count * sizeof *member->done);
    return true;
}

uint32_t stage_leader(uint64_t seed, uint32_t round)
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

void stage_begin(uint64_t seed, bool has_engines)
{
    memset(&stage, 0, sizeof stage);
    stage_budget.used = 0; /* what a case that failed has left */
    stage.seed = seed;
    stage.has_engines = has_engines;
    for (uint32_t i = 0; i < HONEST; i++) {
        stage_guard_restart(&stage.members[i]);
        if (has_engines) {
            stage_engine_start(i);
        }
    }
}

void stage_crash(uint32_t self)
{
    memset(stage.members[self].has_heard, 0, sizeof stage.members[self].has_heard);
    stage_guard_restart(&stage.members[self]);
    if (stage.has_engines) {
        stage_engine_restart(self);
    }
}

void stage_end(void)
{
    for (uint32_t i = 0; i < HONEST; i++) {
        engine_stop(&stage.members[i]);
        qnk_guard_destroy(stage.members[i].guard);
        for (uint32_t j = 0; j < stage.members[i].log_count; j++) {
            qnk_buf_unref(stage.members[i].log[j]);
        }
    }
    assert_int_equal(stage_budget.used, 0);
}
int stage_plugin_map(const char *name)
{
    char path[512];
    const char *root = getenv("top_builddir");
    int size = snprintf(path, sizeof path, "%s/plugins/consensus/%s/.libs/%s.so",
                        root != NULL ? root : ".", name, name);
    void *library;

    if (size <= 0 || (size_t)size >= sizeof path) {
        return -1;
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    stage_given.plugin = library == NULL ? NULL : dlsym(library, "qn_plugin_v1");
    return stage_given.plugin == NULL ? -1 : 0;
}
