/* SPDX-License-Identifier: MIT */

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "tests/sim/twins_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <qnet/consensus.h>

#include "kernel/chain/macro.h"
#include "kernel/node/ballot.h"
#include "kernel/node/guard.h"
#include "sdk/check/check.h"
#ifdef TWINS_BFT
#include "plugins/consensus/bft/bft.manifest.h"
#else
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#endif

enum {
    WINDOW = 1,
    LENGTH = 90,
    QUEUE = 256,
    MESSAGE = 1280,
    TAIL = QNK_MACRO_SIZE,
    TIMER_BITS = 3, /* of a timer's number, below its round */
};

#ifdef TWINS_BFT
enum { ENGINE_MEMORY = BFT_MEMORY, ENGINE_LANES = BFT_LANES };
#define ENGINE_CONFIG bft_config_default()
#else
enum { ENGINE_MEMORY = COMMIT_REVEAL_MEMORY, ENGINE_LANES = COMMIT_REVEAL_LANES };
#define ENGINE_CONFIG commit_reveal_config_default()
#endif

enum signed_result { SIGNED_NOW = 1, SIGNED_OTHER = 2, SIGNED_BEFORE = 3, SIGNED_NOTHING = 4 };

struct message {
    uint16_t type;
    uint32_t size;
    uint8_t bytes[MESSAGE];
};

struct twins_machine {
    struct qn_inst *inst;
    uint32_t member;
    uint8_t candidate;
    uint64_t seed;
    struct qnk_guard *guard;
    struct qnk_ballot *ballot;
    struct qn_buf *records[TWINS_OWN_MAX]; /* what is durable */
    uint32_t records_count;
    uint32_t cast[TWINS_OWN_MAX];
    uint32_t cast_count;
    uint32_t timers[QN_CONSENSUS_TIMERS_MAX];
    uint32_t timers_count;
    uint32_t refused;
    uint8_t final;
};

static struct qnk_budget budget = {.limit = SIZE_MAX};
static struct qnk_set *set;
static struct qn_node *hosts[TWINS_MACHINES];
static struct qn_inst *insts[TWINS_MACHINES];
static const struct qn_consensus_1 *slots;
static struct qn_check_given given;
static struct twins_vote votes[TWINS_VOTES_MAX];
static uint8_t tails[TWINS_VOTES_MAX][TAIL];
static uint32_t votes_count;

/* Events on their way to the engine, and effects on their way from it. */
static struct message queue[QUEUE], effects[QUEUE];
static uint32_t queue_count, effects_count;

static const struct qnk_hash nil;

static struct qnk_hash filled(uint8_t byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static struct qnk_hash digest_of(uint8_t value)
{
    return value == 0 ? nil : filled((uint8_t)(0xD0 + value));
}

/* 0 for nil and for what is neither value. */
static uint8_t value_of(const struct qnk_hash *digest)
{
    for (uint8_t value = 1; value <= 2; value++) {
        struct qnk_hash it = digest_of(value);

        if (qnk_hash_equal(&it, digest)) {
            return value;
        }
    }
    return 0;
}

static struct qnk_ballot_place where(void)
{
    return (struct qnk_ballot_place){.window = WINDOW, .binding = filled(0xB1)};
}

/* --- memory: kernel/base/memory.h, for guards that are made a million times. What is large comes
 * as pages that nobody touches, and is not worth zeroing. --- */

enum { LARGE = 32768, ALIGN = 64 };

void *qnk_memory_take(struct qnk_budget *from, size_t size)
{
    size_t size_whole = (size + ALIGN - 1) / ALIGN * ALIGN;
    void *block;

    if (size >= LARGE) {
        block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        QN_CHECK(block != MAP_FAILED);
    } else {
        block = aligned_alloc(ALIGN, size_whole);
        QN_CHECK(block != NULL);
        memset(block, 0, size_whole);
    }
    from->used += size;
    return block;
}

void qnk_memory_give(struct qnk_budget *to, void *block, size_t size)
{
    if (block == NULL) {
        return;
    }
    to->used -= size;
    if (size >= LARGE) {
        QN_CHECK(munmap(block, size) == 0);
    } else {
        free(block);
    }
}

/* --- the process --- */

void twins_open(void)
{
    struct qnk_set_member members[TWINS_MEMBERS];

    for (uint32_t i = 0; i < TWINS_MEMBERS; i++) {
        members[i] = (struct qnk_set_member){.key = filled((uint8_t)(i + 1)), .weight = 1};
    }
    QN_CHECK(qnk_set_new(&budget, members, TWINS_MEMBERS, &set) == QN_OK);
    given = (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = ENGINE_CONFIG,
        .memory = ENGINE_MEMORY,
        .lanes = ENGINE_LANES,
    };
    for (uint32_t i = 0; i < TWINS_MACHINES; i++) {
        hosts[i] = qn_check_node_create(ENGINE_MEMORY);
        insts[i] = qn_check_inst_create(&given, hosts[i]);
    }
    slots = (const void *)given.plugin->slots;
}

void twins_close(void)
{
    for (uint32_t i = 0; i < TWINS_MACHINES; i++) {
        qn_check_inst_destroy(&given, insts[i]);
        qn_check_node_destroy(hosts[i]);
    }
    for (uint32_t i = 0; i < votes_count; i++) {
        qnk_buf_unref(votes[i].justified);
    }
    votes_count = 0;
    qnk_set_unref(set);
    QN_CHECK(budget.used == 0);
}

const struct twins_vote *twins_vote(uint32_t number)
{
    QN_CHECK(number < votes_count);
    return &votes[number];
}

static bool is_same_vote(const struct twins_vote *known, const struct qnk_vote *vote,
                         struct qn_span justified)
{
    uint8_t left[QNK_VOTE_RECORD_SIZE], right[QNK_VOTE_RECORD_SIZE];
    struct qn_span held =
        known->justified == NULL ? (struct qn_span){NULL, 0} : qnk_buf_span(known->justified);

    qnk_vote_record(&known->vote, left);
    qnk_vote_record(vote, right);
    return known->vote.member == vote->member && memcmp(left, right, sizeof left) == 0 &&
           held.size == justified.size &&
           (held.size == 0 || memcmp(held.data, justified.data, held.size) == 0);
}

static uint32_t vote_number(const struct qnk_vote *vote, struct qn_span justified)
{
    for (uint32_t i = 0; i < votes_count; i++) {
        if (is_same_vote(&votes[i], vote, justified)) {
            return i;
        }
    }
    QN_CHECK(votes_count < TWINS_VOTES_MAX && vote->tail.size <= TAIL);

    struct twins_vote *it = &votes[votes_count];

    *it = (struct twins_vote){.vote = *vote};
    if (vote->tail.size > 0) {
        memcpy(tails[votes_count], vote->tail.data, vote->tail.size);
    }
    it->vote.tail = (struct qn_span){tails[votes_count], vote->tail.size};
    it->value = value_of(&vote->digest);
    if (justified.size > 0) {
        it->justified = qnk_buf_copy(&budget, justified);
        QN_CHECK(it->justified != NULL);
    }
    return votes_count++;
}

uint32_t twins_leader(uint64_t seed, uint32_t round)
{
    static const char tag[] = "qnet/leader";
    struct qn_check_sha256 sha;
    uint8_t drawn[QN_HASH_SIZE + 12] = {0}, draw[QN_HASH_SIZE];

    qn_le64_write(drawn, seed);
    qn_le64_write(drawn + QN_HASH_SIZE, WINDOW);
    qn_le32_write(drawn + QN_HASH_SIZE + 8, round);
    qn_check_sha256_init(&sha);
    qn_check_host.hash((struct qn_span){(const uint8_t *)tag, sizeof tag - 1},
                       &(struct qn_span){drawn, sizeof drawn}, 1, draw);
    return (uint32_t)(qn_le64_read(draw) >> 62);
}

/* --- telling the engine --- */

static uint8_t *event_add(uint16_t type, uint64_t size)
{
    QN_CHECK(queue_count < QUEUE && size <= MESSAGE);
    queue[queue_count].type = type;
    queue[queue_count].size = (uint32_t)size;
    return queue[queue_count++].bytes;
}

#define TELL(name, NAME, event)              \
    (void)qn_consensus_event_##name##_write( \
        event, event_add(QN_CONSENSUS_EVENT_##NAME, qn_consensus_event_##name##_size(event)))

static void tell_open(const struct twins_machine *machine)
{
    uint8_t members[TWINS_MEMBERS * (QN_KEY_SIZE + 8) + 4], *to = members;
    uint8_t seed[QN_HASH_SIZE] = {0};
    struct qn_consensus_event_open event = {
        .window = WINDOW,
        .first = 1,
        .last = LENGTH,
        .set = set->hash.bytes,
        .self = machine->member,
        .total = set->total,
        .quorum = qnk_set_quorum(set),
        .members_count = TWINS_MEMBERS,
        .seed = seed,
    };

    qn_le64_write(seed, machine->seed);
    for (uint32_t i = 0; i < TWINS_MEMBERS; i++) {
        struct qn_member member = {.key = set->members[i].key.bytes, .weight = 1};

        to = qn_member_write(&member, to);
    }
    event.members = (struct qn_span){members, (uint64_t)(to - members)};
    TELL(open, OPEN, &event);
}

static void tell_vote(const struct qnk_ballot_vote *held)
{
    const struct qnk_vote *vote = &held->vote;
    struct qn_consensus_event_vote event = {
        .window = WINDOW,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .from = vote->member,
        .digest = vote->step == QNK_STEP_COMMIT ? nil.bytes : vote->digest.bytes,
        .opened = held->opened,
    };

    TELL(vote, VOTE, &event);
}

static void tell_signed(const struct qnk_vote *vote, const struct qnk_hash *digest,
                        enum signed_result result)
{
    struct qn_consensus_event_signed event = {
        .window = WINDOW,
        .round = vote->round,
        .step = vote->step,
        .vr = vote->vr,
        .digest = digest->bytes,
        .result = (uint8_t)result,
    };

    TELL(signed, SIGNED, &event);
}

static void tell_certificate(const struct qnk_certificate *cert)
{
    struct qn_consensus_event_certificate event = {
        .window = WINDOW,
        .round = cert->round,
        .step = cert->step,
        .vr = cert->vr,
        .digest = cert->digest.bytes,
        .weight = qnk_set_weight(set, cert->bitmap),
        .signers = {cert->bitmap, (TWINS_MEMBERS + 7) / 8},
    };

    TELL(certificate, CERTIFICATE, &event);
}

static void tell_candidate(const struct twins_machine *machine)
{
    struct qnk_hash digest = digest_of(machine->candidate);
    struct qn_consensus_event_candidate event = {
        .window = WINDOW,
        .digest = digest.bytes,
        .height = LENGTH,
    };

    TELL(candidate, CANDIDATE, &event);
}

/* --- the kernel's part: as kernel/node/vote.c does it --- */

static void deliver(void *ctx, struct qnk_ballot_vote *held)
{
    const struct twins_machine *machine = ctx;
    const struct qnk_vote *vote = &held->vote;

    if (held->delivered || held->false_opening) {
        return;
    }
    if (vote->vr >= 0 &&
        qnk_ballot_certificate_find(machine->ballot, (uint32_t)vote->vr, &vote->digest) == NULL) {
        return;
    }
    held->delivered = true;
    tell_vote(held);
}

static void round_raise(struct twins_machine *machine, uint32_t round)
{
    if (round > qnk_ballot_round(machine->ballot)) {
        qnk_ballot_round_set(machine->ballot, round);
        qnk_ballot_walk(machine->ballot, deliver, machine);
    }
}

static struct qn_span prepared(const struct twins_machine *machine, int64_t round,
                               const struct qnk_hash *digest)
{
    const struct qnk_ballot_certificate *held =
        round < 0 ? NULL : qnk_ballot_certificate_find(machine->ballot, (uint32_t)round, digest);

    return held == NULL ? (struct qn_span){NULL, 0} : held->view.bytes;
}

static void record_keep(struct twins_machine *machine, struct qn_buf *records)
{
    QN_CHECK(machine->records_count < TWINS_OWN_MAX);
    machine->records[machine->records_count++] = records;
}

static void own_add(struct twins_machine *machine, const struct qnk_vote *vote)
{
    struct qnk_ballot_vote *held = NULL;

    if (qnk_ballot_add(machine->ballot, vote, &held) == QNK_BALLOT_NEW) {
        held->delivered = true; /* the engine hears of it as signed */
    }
}

/* Votes of twins and of before a crash are there already. */
static void cast_add(struct twins_machine *machine, const struct qnk_vote *vote)
{
    uint32_t number = vote_number(vote, prepared(machine, vote->vr, &vote->digest));

    for (uint32_t i = 0; i < machine->cast_count; i++) {
        if (machine->cast[i] == number) {
            return;
        }
    }
    QN_CHECK(machine->cast_count < TWINS_OWN_MAX);
    machine->cast[machine->cast_count++] = number;
}

static void vote_guard(struct twins_machine *machine, const struct qnk_vote *vote,
                       const struct qnk_hash *asked)
{
    struct qnk_guard_facts facts = {
        .is_valid = value_of(asked) != 0,
        .prepared = prepared(machine, vote->round, &vote->digest),
        .justified = prepared(machine, vote->vr, &vote->digest),
    };
    struct qn_buf *records = NULL;
    const struct qnk_vote *before = NULL;
    uint32_t rule;
    int32_t status = qnk_guard_vote(machine->guard, vote, &facts, &records, &before, &rule);

    if (status == QN_EXISTS) {
        tell_signed(before, before->step == QNK_STEP_COMMIT ? &nil : &before->digest, SIGNED_OTHER);
    } else if (status != QN_OK) {
        machine->refused++;
        tell_signed(vote, asked, SIGNED_NOTHING);
    } else {
        if (records != NULL) {
            record_keep(machine, records);
        }
        own_add(machine, vote);
        cast_add(machine, vote);
        tell_signed(vote, asked, SIGNED_NOW);
    }
}

/* The same blind on both twins: it comes from the key. */
static struct qn_span tail_make(const struct qnk_vote *vote, uint8_t tail[TAIL])
{
    struct qnk_hash blind = filled((uint8_t)(0x70 + vote->member));
    bool is_opening = vote->step == QNK_STEP_PREPARE && vote->round == 0;

    memset(tail, 0, TAIL);
    if (is_opening && !qnk_hash_is_zero(&vote->digest)) {
        memcpy(tail, blind.bytes, QN_HASH_SIZE);
    }
    return (struct qn_span){tail, is_opening ? 2 * QN_HASH_SIZE
                                             : (vote->step == QNK_STEP_PROPOSE ? TAIL : 0)};
}

static void request(struct twins_machine *machine,
                    const struct qn_consensus_effect_request_sign *want)
{
    uint8_t tail[TAIL];
    struct qnk_hash asked;
    struct qnk_vote vote = {
        .step = want->step,
        .window = WINDOW,
        .round = want->round,
        .vr = want->vr,
        .member = machine->member,
        .binding = where().binding,
    };

    memcpy(asked.bytes, want->digest, QN_HASH_SIZE);
    vote.digest = asked;
    vote.tail = tail_make(&vote, tail);
    if (want->step == QNK_STEP_COMMIT) {
        struct qnk_hash blind = filled((uint8_t)(0x70 + vote.member));

        qnk_vote_commitment(&vote, &asked, blind.bytes, &vote.digest);
    }
    qnk_vote_open(&vote, &vote.open);
    round_raise(machine, want->round);
    vote_guard(machine, &vote, &asked);
}

static void certificate_add(struct twins_machine *machine, struct qn_buf *bytes)
{
    struct qnk_certificate cert;

    QN_CHECK(qnk_certificate_decode(qnk_buf_span(bytes), &cert) == QN_OK);
    if (qnk_ballot_certificate_add(machine->ballot, bytes)) {
        tell_certificate(&cert);
        qnk_ballot_walk(machine->ballot, deliver, machine);
    }
}

static void certify(struct twins_machine *machine, const struct qn_consensus_effect_certify *want)
{
    struct qnk_hash digest;
    struct qn_buf *bytes;

    memcpy(digest.bytes, want->digest, QN_HASH_SIZE);
    bytes = qnk_ballot_certify(machine->ballot, want->round, want->step, &digest);
    if (bytes == NULL) {
        return;
    }
    if (want->step == QNK_STEP_PREPARE) {
        certificate_add(machine, bytes);
    } else {
        machine->final = value_of(&digest);
    }
    qnk_buf_unref(bytes);
}

static void check(const uint8_t *bytes)
{
    struct qnk_hash digest;
    struct qn_consensus_event_checked event = {.window = WINDOW, .digest = bytes};

    memcpy(digest.bytes, bytes, QN_HASH_SIZE);
    event.verdict = value_of(&digest) != 0 ? 1 : 2;
    TELL(checked, CHECKED, &event);
}

static void timer_drop(struct twins_machine *machine, uint32_t timer)
{
    for (uint32_t i = 0; i < machine->timers_count; i++) {
        if (machine->timers[i] == timer) {
            machine->timers[i] = machine->timers[--machine->timers_count];
            return;
        }
    }
}

static void perform(struct twins_machine *machine, const struct message *effect)
{
    struct qn_span body = {effect->bytes, effect->size};
    union {
        struct qn_consensus_effect_request_sign request;
        struct qn_consensus_effect_certify certify;
        struct qn_consensus_effect_check check;
        struct qn_consensus_effect_timer timer;
        struct qn_consensus_effect_cancel cancel;
        struct qn_consensus_effect_report report;
    } it;

    switch (effect->type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN:
        QN_CHECK(qn_consensus_effect_request_sign_read(body, &it.request) == QN_OK);
        request(machine, &it.request);
        break;
    case QN_CONSENSUS_EFFECT_CERTIFY:
        QN_CHECK(qn_consensus_effect_certify_read(body, &it.certify) == QN_OK);
        certify(machine, &it.certify);
        break;
    case QN_CONSENSUS_EFFECT_CHECK:
        QN_CHECK(qn_consensus_effect_check_read(body, &it.check) == QN_OK);
        check(it.check.digest);
        break;
    case QN_CONSENSUS_EFFECT_TIMER:
        QN_CHECK(qn_consensus_effect_timer_read(body, &it.timer) == QN_OK);
        QN_CHECK(machine->timers_count < QN_CONSENSUS_TIMERS_MAX);
        machine->timers[machine->timers_count++] = it.timer.timer;
        break;
    case QN_CONSENSUS_EFFECT_CANCEL:
        QN_CHECK(qn_consensus_effect_cancel_read(body, &it.cancel) == QN_OK);
        timer_drop(machine, it.cancel.timer);
        break;
    case QN_CONSENSUS_EFFECT_REPORT:
        QN_CHECK(qn_consensus_effect_report_read(body, &it.report) == QN_OK);
        round_raise(machine, it.report.round);
        break;
    default:
        QN_CHECK(effect->type == QN_CONSENSUS_EFFECT_SAVE);
    }
}

/* --- running the engine --- */

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    (void)ctx;
    QN_CHECK(payload == NULL && effects_count < QUEUE && body.size <= MESSAGE);
    effects[effects_count].type = (uint16_t)type;
    effects[effects_count].size = (uint32_t)body.size;
    memcpy(effects[effects_count++].bytes, body.data, body.size);
    return QN_OK;
}

static void step(struct twins_machine *machine)
{
    struct qn_event events[QUEUE];
    const struct qn_event *pointers[QUEUE];
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .push = effect_push};
    uint32_t count = queue_count;

    for (uint32_t i = 0; i < count; i++) {
        events[i] = (struct qn_event){
            .size = sizeof events[i],
            .type = queue[i].type,
            .seq = i + 1,
            .body = {queue[i].bytes, queue[i].size},
        };
        pointers[i] = &events[i];
    }
    effects_count = 0;
    QN_CHECK(slots->step(machine->inst, pointers, count, &out) == QN_OK);
    queue_count = 0;
}

static void settle(struct twins_machine *machine)
{
    while (queue_count > 0 && machine->final == 0) {
        step(machine);
        for (uint32_t i = 0; i < effects_count && machine->final == 0; i++) {
            perform(machine, &effects[i]);
        }
    }
    queue_count = 0;
}

/* --- life --- */

static void instance_begin(struct twins_machine *machine)
{
    const struct qnk_ballot_place in = where();

    machine->guard = qnk_guard_create(&budget);
    machine->ballot = qnk_ballot_create(&budget, set, &in);
    QN_CHECK(machine->guard != NULL && machine->ballot != NULL);
    machine->timers_count = 0;
    tell_open(machine);
}

static void instance_end(struct twins_machine *machine)
{
    qnk_guard_destroy(machine->guard);
    qnk_ballot_destroy(machine->ballot);
}

struct twins_machine *twins_begin(uint32_t place, uint32_t member, uint8_t candidate, uint64_t seed)
{
    struct twins_machine *machine = calloc(1, sizeof *machine);

    QN_CHECK(machine != NULL && place < TWINS_MACHINES);
    machine->inst = insts[place];
    machine->member = member;
    machine->candidate = candidate;
    machine->seed = seed;
    queue_count = 0;
    instance_begin(machine);
    tell_candidate(machine);
    settle(machine);
    return machine;
}

void twins_end(struct twins_machine *machine)
{
    if (machine == NULL) {
        return;
    }
    instance_end(machine);
    for (uint32_t i = 0; i < machine->records_count; i++) {
        qnk_buf_unref(machine->records[i]);
    }
    free(machine);
}

void twins_hear(struct twins_machine *machine, uint32_t number)
{
    const struct twins_vote *heard = twins_vote(number);
    struct qnk_ballot_vote *held = NULL;

    if (machine->final != 0) {
        return;
    }
    if (heard->justified != NULL) {
        struct qnk_certificate cert;
        const struct qnk_hash binding = where().binding;

        QN_CHECK(qnk_certificate_decode(qnk_buf_span(heard->justified), &cert) == QN_OK);
        if (qnk_certificate_check(&cert, set, &binding) == QN_OK) {
            certificate_add(machine, heard->justified);
            settle(machine);
        }
    }
    if (machine->final == 0 && qnk_ballot_wants(machine->ballot, &heard->vote) &&
        qnk_ballot_add(machine->ballot, &heard->vote, &held) == QNK_BALLOT_NEW) {
        deliver(machine, held);
        settle(machine);
    }
}

void twins_tick(struct twins_machine *machine, bool is_second_half)
{
    uint32_t early = TWINS_EARLY_TIMERS, count = machine->timers_count;

    if (machine->final != 0) {
        return;
    }
    machine->timers_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct qn_consensus_event_timer event = {.window = WINDOW, .timer = machine->timers[i]};

        if (is_second_half || (early >> (event.timer & ((1u << TIMER_BITS) - 1)) & 1) != 0) {
            TELL(timer, TIMER, &event);
        } else {
            machine->timers[machine->timers_count++] = event.timer;
        }
    }
    settle(machine);
}

/* --- a crash --- */

/* A buf of records holds each with its size before it. */
static void records_restore(struct qnk_guard *guard, struct qn_span records)
{
    while (records.size > 0) {
        uint32_t size = qn_le32_read(records.data);

        QN_CHECK(qnk_guard_restore(guard, (struct qn_span){records.data + 4, size}) == QN_OK);
        records = (struct qn_span){records.data + 4 + size, records.size - 4 - size};
    }
}

static void certificates_restore(struct twins_machine *machine)
{
    struct qn_span bytes;

    for (uint32_t i = 0; (bytes = qnk_guard_certificate_at(machine->guard, i)).size > 0; i++) {
        struct qn_buf *copy = qnk_buf_copy(&budget, bytes);

        QN_CHECK(copy != NULL);
        certificate_add(machine, copy);
        qnk_buf_unref(copy);
    }
}

static void own_restore(struct twins_machine *machine)
{
    const struct qnk_vote *own;

    for (uint32_t i = 0; (own = qnk_guard_vote_at(machine->guard, WINDOW, i)) != NULL; i++) {
        if (own->round > qnk_ballot_round(machine->ballot)) {
            qnk_ballot_round_set(machine->ballot, own->round);
        }
    }
    for (uint32_t i = 0; (own = qnk_guard_vote_at(machine->guard, WINDOW, i)) != NULL; i++) {
        own_add(machine, own);
        tell_signed(own, own->step == QNK_STEP_COMMIT ? &nil : &own->digest, SIGNED_BEFORE);
    }
}

void twins_crash(struct twins_machine *machine)
{
    if (machine->final != 0) {
        return;
    }
    instance_end(machine);
    instance_begin(machine);
    for (uint32_t i = 0; i < machine->records_count; i++) {
        records_restore(machine->guard, qnk_buf_span(machine->records[i]));
    }
    own_restore(machine);
    certificates_restore(machine);
    tell_candidate(machine);
    settle(machine);
}

/* --- what came of it --- */

uint32_t twins_cast_count(const struct twins_machine *machine)
{
    return machine->cast_count;
}

uint32_t twins_cast(const struct twins_machine *machine, uint32_t index)
{
    QN_CHECK(index < machine->cast_count);
    return machine->cast[index];
}

uint8_t twins_final(const struct twins_machine *machine)
{
    return machine->final;
}

uint32_t twins_round(const struct twins_machine *machine)
{
    return qnk_ballot_round(machine->ballot);
}

uint32_t twins_refused(const struct twins_machine *machine)
{
    return machine->refused;
}
