/* SPDX-License-Identifier: MIT */

#include "sdk/check/told.h"

#include <string.h>

enum { OPENING_MAX = 512, ANSWER_MAX = 512 };

static const struct qn_consensus_1 *slots_of(const struct told *told)
{
    return (const void *)told->given->plugin->slots;
}

void told_begin(struct told *told, const struct qn_check_given *given)
{
    *told = (struct told){.given = given, .node = qn_check_node_create(given->memory)};
    told->inst = qn_check_inst_create(given, told->node);
}

void told_end(struct told *told)
{
    qn_check_inst_destroy(told->given, told->inst);
    qn_check_node_destroy(told->node);
}

/* --- events --- */

static int32_t see(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct told *told = ctx;

    QN_CHECK(type < 8);
    QN_CHECK(body.size > 0);
    QN_CHECK(payload == NULL);
    told->counts[type]++;
    if (type == QN_CONSENSUS_EFFECT_REQUEST_SIGN) {
        struct qn_consensus_effect_request_sign request = {0};

        QN_CHECK(qn_consensus_effect_request_sign_read(body, &request) == QN_OK);
        told->to = request.to;
    }
    return QN_OK;
}

int32_t told_bytes(struct told *told, uint16_t type, const uint8_t *bytes, uint64_t size)
{
    struct qn_event event = {.size = sizeof event, .type = type, .body = {bytes, size}};
    const struct qn_event *batch = &event;
    struct qn_effects out = {.head = {.size = sizeof out, .major = 1}, .ctx = told, .push = see};

    return slots_of(told)->step(told->inst, &batch, 1, &out);
}

/* The record up to `end`, which has to be taken. */
static void take(struct told *told, uint16_t type, const uint8_t *bytes, const uint8_t *end)
{
    QN_CHECK(told_bytes(told, type, bytes, (uint64_t)(end - bytes)) == QN_OK);
}

/* Gives its end. */
static uint8_t *opening_write(uint8_t *to, uint32_t count, uint64_t weight, uint32_t self,
                              uint64_t seed)
{
    static const uint8_t key[QN_KEY_SIZE] = {5};
    uint8_t members[TOLD_MEMBERS_MAX * (QN_KEY_SIZE + 8)], *at = members;
    uint8_t beacon[QN_HASH_SIZE] = {0};
    struct qn_member member = {.key = key, .weight = weight};
    struct qn_consensus_event_open event = {
        .window = 1,
        .first = 1,
        .last = 90,
        .set = key,
        .self = self,
        .total = count * weight,
        .quorum = count * weight * 2 / 3 + 1,
        .members_count = count,
        .seed = beacon,
    };

    QN_CHECK(count <= TOLD_MEMBERS_MAX);
    qn_le64_write(beacon, seed);
    for (uint32_t i = 0; i < count; i++) {
        at = qn_member_write(&member, at);
    }
    event.members = (struct qn_span){members, (uint64_t)(at - members)};
    QN_CHECK(qn_consensus_event_open_size(&event) <= OPENING_MAX);
    return qn_consensus_event_open_write(&event, to);
}

void told_open(struct told *told, uint32_t count, uint64_t weight, uint32_t self, uint64_t seed)
{
    uint8_t bytes[OPENING_MAX];

    take(told, QN_CONSENSUS_EVENT_OPEN, bytes, opening_write(bytes, count, weight, self, seed));
}

void told_candidate(struct told *told, uint8_t digest)
{
    uint8_t hash[QN_HASH_SIZE] = {digest}, bytes[64];
    struct qn_consensus_event_candidate it = {.window = 1, .digest = hash, .height = 90};

    take(told, QN_CONSENSUS_EVENT_CANDIDATE, bytes, qn_consensus_event_candidate_write(&it, bytes));
}

void told_vote(struct told *told, uint32_t from, uint16_t step, uint8_t digest)
{
    uint8_t hash[QN_HASH_SIZE] = {digest}, bytes[128];
    struct qn_consensus_event_vote it = {
        .window = 1, .step = step, .vr = -1, .from = from, .digest = hash};

    take(told, QN_CONSENSUS_EVENT_VOTE, bytes, qn_consensus_event_vote_write(&it, bytes));
}

void told_checked(struct told *told, uint8_t digest, uint8_t verdict)
{
    uint8_t hash[QN_HASH_SIZE] = {digest}, bytes[64];
    struct qn_consensus_event_checked it = {.window = 1, .digest = hash, .verdict = verdict};

    take(told, QN_CONSENSUS_EVENT_CHECKED, bytes, qn_consensus_event_checked_write(&it, bytes));
}

void told_signed(struct told *told, uint32_t round, uint16_t step, uint8_t digest, uint8_t result)
{
    uint8_t hash[QN_HASH_SIZE] = {digest}, bytes[128];
    struct qn_consensus_event_signed it = {
        .window = 1, .round = round, .step = step, .vr = -1, .digest = hash, .result = result};

    take(told, QN_CONSENSUS_EVENT_SIGNED, bytes, qn_consensus_event_signed_write(&it, bytes));
}

void told_timer(struct told *told, uint32_t timer)
{
    uint8_t bytes[16];
    struct qn_consensus_event_timer it = {.window = 1, .timer = timer};

    take(told, QN_CONSENSUS_EVENT_TIMER, bytes, qn_consensus_event_timer_write(&it, bytes));
}

void told_head(struct told *told, uint64_t height)
{
    uint8_t bytes[16];
    struct qn_consensus_event_head it = {.window = 1, .height = height};

    take(told, QN_CONSENSUS_EVENT_HEAD, bytes, qn_consensus_event_head_write(&it, bytes));
}

/* --- questions --- */

static struct qn_span ask(const struct told *told, uint32_t what, uint8_t *to)
{
    struct qn_sink sink = {.data = to, .cap = ANSWER_MAX};

    QN_CHECK(slots_of(told)->query(told->inst, what, (struct qn_span){NULL, 0}, &sink) == QN_OK);
    return (struct qn_span){to, sink.size};
}

struct qn_consensus_status told_status(const struct told *told)
{
    uint8_t answer[ANSWER_MAX];
    struct qn_consensus_status status = {0};

    QN_CHECK(qn_consensus_status_read(ask(told, 1, answer), &status) == QN_OK);
    return status;
}

bool told_says(const struct told *told, const char *text)
{
    uint8_t answer[ANSWER_MAX];
    struct qn_span said = ask(told, 2, answer);

    return said.size == strlen(text) && memcmp(said.data, text, said.size) == 0;
}

/* --- cases --- */

void told_no_event(const struct qn_check_given *given)
{
    uint8_t bytes[OPENING_MAX];
    uint64_t size = (uint64_t)(opening_write(bytes, 1, 3, 0, 5) - bytes);
    struct told told;

    told_begin(&told, given);
    for (uint64_t cut = 0; cut < size; cut++) {
        QN_CHECK(told_bytes(&told, QN_CONSENSUS_EVENT_OPEN, bytes, cut) == QN_INVALID);
    }
    (void)opening_write(bytes, 1, 3, 1, 5); /* one beyond the set */
    QN_CHECK(told_bytes(&told, QN_CONSENSUS_EVENT_OPEN, bytes, size) == QN_INVALID);
    for (uint16_t type = QN_CONSENSUS_EVENT_OPEN; type <= QN_CONSENSUS_EVENT_HEAD; type++) {
        QN_CHECK(type == QN_CONSENSUS_EVENT_OFFENCE ||
                 told_bytes(&told, type, bytes, 7) == QN_INVALID);
    }
    told_end(&told);
}

void told_without_a_vote(const struct qn_check_given *given)
{
    uint32_t certified = (given->steps >> WORLD_PREPARE & 1) + (given->steps >> WORLD_FINAL & 1);
    struct told told;

    told_begin(&told, given);
    told_open(&told, 1, 3, UINT32_MAX, 5);
    told_candidate(&told, 5);
    for (uint16_t step = 0; step < 16; step++) {
        if ((given->steps >> step & 1) != 0) {
            told_vote(&told, 0, step, 5);
        }
    }
    QN_CHECK(told.counts[QN_CONSENSUS_EFFECT_REQUEST_SIGN] == 0);
    QN_CHECK(told.counts[QN_CONSENSUS_EFFECT_CERTIFY] == certified);
    told_end(&told);
}

void told_where_it_is(const struct qn_check_given *given, const char *text, uint16_t phase)
{
    struct qn_consensus_status status;
    struct told told;
    struct qn_sink none = {0};

    told_begin(&told, given);
    told_open(&told, 1, 3, 0, 5);
    QN_CHECK(told.counts[QN_CONSENSUS_EFFECT_REPORT] == 1);
    status = told_status(&told);
    QN_CHECK(status.window == 1);
    QN_CHECK(status.phase == phase);
    QN_CHECK(status.need == 3);
    QN_CHECK(status.lock_round == -1);
    QN_CHECK(told_says(&told, text));
    QN_CHECK(slots_of(&told)->query(told.inst, 1, (struct qn_span){NULL, 0}, &none) == QN_NO_SPACE);
    QN_CHECK(slots_of(&told)->query(told.inst, 3, (struct qn_span){NULL, 0}, &none) ==
             QN_UNSUPPORTED);
    told_end(&told);
}
