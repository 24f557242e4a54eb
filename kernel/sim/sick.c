/* SPDX-License-Identifier: MIT */

#include "kernel/sim/sick.h"

#include <string.h>

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "kernel/base/hash.h"
#include "kernel/sim/stream.h"

enum {
    KEPT = 8,        /* digests that it heard of last */
    LIES_MAX = 3,    /* that are added to one step */
    ROUNDS_NEAR = 3, /* most lies are about rounds below */
    STEPS_NEAR = 7,  /* and about steps below: those that the kernel knows, and one more */
    SPIN_ROUND = 1000,
    BODY = 40,
};

struct qnk_sick {
    struct qnk_budget *budget;
    struct qnk_plugged engine;
    struct qnk_sick_course course;
    struct qnk_random random;
    uint64_t window; /* that was opened last */
    uint64_t calls;  /* of step, in windows from `from` on */
    struct qnk_hash heard[KEPT];
    uint32_t heard_next;
};

/* Where the engine's effects go on their way out. */
struct way {
    struct qnk_sick *sick;
    const struct qn_effects *out;
};

const char *qnk_sickness_name(uint32_t sickness)
{
    static const char *const names[QNK_SICKNESSES] = {"stall", "fail", "flood", "spin", "lie"};

    QN_ASSERT(sickness < QNK_SICKNESSES);
    return names[sickness];
}

static uint64_t lot(struct qnk_sick *sick, uint64_t below)
{
    return qnk_random_below(&sick->random, below);
}

/* --- what it hears --- */

static void digest_keep(struct qnk_sick *sick, const uint8_t *digest)
{
    memcpy(sick->heard[sick->heard_next].bytes, digest, QN_HASH_SIZE);
    sick->heard_next = (sick->heard_next + 1) % KEPT;
}

static void hear(struct qnk_sick *sick, const struct qn_event *event)
{
    struct qn_consensus_event_open open = {0};
    struct qn_consensus_event_candidate candidate = {0};
    struct qn_consensus_event_vote vote = {0};

    switch (event->type) {
    case QN_CONSENSUS_EVENT_OPEN:
        if (qn_consensus_event_open_read(event->body, &open) == QN_OK) {
            sick->window = open.window;
        }
        break;
    case QN_CONSENSUS_EVENT_CANDIDATE:
        if (qn_consensus_event_candidate_read(event->body, &candidate) == QN_OK) {
            digest_keep(sick, candidate.digest);
        }
        break;
    case QN_CONSENSUS_EVENT_VOTE:
        if (qn_consensus_event_vote_read(event->body, &vote) == QN_OK) {
            digest_keep(sick, vote.digest);
        }
        break;
    default:
        break;
    }
}

/* --- lies --- */

/* What it heard of, nothing, or nonsense. */
static struct qnk_hash any_digest(struct qnk_sick *sick)
{
    struct qnk_hash digest = {{0}};

    switch (lot(sick, 8)) {
    case 0:
        return digest;
    case 1:
        qnk_random_bytes(&sick->random, digest.bytes, sizeof digest.bytes);
        return digest;
    default:
        return sick->heard[lot(sick, KEPT)];
    }
}

static uint32_t any_round(struct qnk_sick *sick)
{
    return (uint32_t)(lot(sick, 16) == 0 ? qnk_random_u64(&sick->random) : lot(sick, ROUNDS_NEAR));
}

static uint16_t any_step(struct qnk_sick *sick)
{
    return (uint16_t)(lot(sick, 16) == 0 ? qnk_random_u64(&sick->random) : lot(sick, STEPS_NEAR));
}

static uint64_t any_window(struct qnk_sick *sick)
{
    return lot(sick, 16) == 0 ? qnk_random_u64(&sick->random) : sick->window;
}

static int32_t lie_sign(struct qnk_sick *sick, struct qn_effects *out)
{
    struct qnk_hash digest = any_digest(sick);
    uint8_t body[BODY];
    struct qn_consensus_effect_request_sign wish = {
        .window = any_window(sick),
        .round = any_round(sick),
        .step = any_step(sick),
        .vr = (int32_t)lot(sick, ROUNDS_NEAR) - 1,
        .digest = digest.bytes,
        .to = lot(sick, 4) == 0 ? (uint32_t)lot(sick, 8) : UINT32_MAX,
    };

    qnk_random_bytes(&sick->random, body, sizeof body);
    wish.body = (struct qn_span){body, lot(sick, 4) == 0 ? sizeof body : 0};
    return qn_consensus_effect_request_sign_push(out, &wish);
}

static int32_t lie_certify(struct qnk_sick *sick, struct qn_effects *out)
{
    struct qnk_hash digest = any_digest(sick);
    const struct qn_consensus_effect_certify wish = {
        .window = any_window(sick),
        .round = any_round(sick),
        .step = any_step(sick),
        .digest = digest.bytes,
        .share = (uint8_t)lot(sick, 2),
    };

    return qn_consensus_effect_certify_push(out, &wish);
}

static int32_t lie_check(struct qnk_sick *sick, struct qn_effects *out)
{
    struct qnk_hash digest = any_digest(sick);
    const struct qn_consensus_effect_check wish = {
        .window = any_window(sick),
        .digest = digest.bytes,
    };

    return qn_consensus_effect_check_push(out, &wish);
}

static int32_t lie_timer(struct qnk_sick *sick, struct qn_effects *out)
{
    const struct qn_consensus_effect_timer wish = {
        .window = any_window(sick),
        .timer = (uint32_t)lot(sick, 2 * QN_CONSENSUS_TIMERS_MAX),
        .delay_ms = (uint32_t)(1 + lot(sick, 1000)),
    };

    return qn_consensus_effect_timer_push(out, &wish);
}

static int32_t lie_save(struct qnk_sick *sick, struct qn_effects *out)
{
    uint8_t content[BODY];
    const struct qn_consensus_effect_save wish = {
        .window = any_window(sick),
        .content = {content, sizeof content},
    };

    qnk_random_bytes(&sick->random, content, sizeof content);
    return qn_consensus_effect_save_push(out, &wish);
}

static int32_t lie_report(struct qnk_sick *sick, struct qn_effects *out)
{
    const struct qn_consensus_effect_report wish = {
        .window = any_window(sick),
        .round = any_round(sick),
        .phase = any_step(sick),
        .have = qnk_random_u64(&sick->random),
        .need = qnk_random_u64(&sick->random),
    };

    return qn_consensus_effect_report_push(out, &wish);
}

/* Bytes that are no effect of this type, or none of any. */
static int32_t lie_garbage(struct qnk_sick *sick, struct qn_effects *out)
{
    uint8_t bytes[BODY];

    qnk_random_bytes(&sick->random, bytes, sizeof bytes);
    return out->push(out->ctx, (uint32_t)lot(sick, 12),
                     (struct qn_span){bytes, lot(sick, sizeof bytes)}, NULL);
}

/* Votes are what it can do most harm with. */
static int32_t lie(struct qnk_sick *sick, struct qn_effects *out)
{
    switch (lot(sick, 12)) {
    case 0:
        return lie_check(sick, out);
    case 1:
        return lie_timer(sick, out);
    case 2:
        return lie_save(sick, out);
    case 3:
        return lie_report(sick, out);
    case 4:
        return lie_garbage(sick, out);
    case 5:
    case 6:
        return lie_certify(sick, out);
    default:
        return lie_sign(sick, out);
    }
}

/* --- what becomes of effects --- */

static int32_t swallow(void *ctx, uint32_t type, struct qn_span body,
                       const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

/* Most go through; some do not, and some with another byte in them. */
static int32_t twist(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    const struct way *way = ctx;
    uint8_t changed[128];
    uint64_t chance = lot(way->sick, 8);

    if (chance == 0) {
        return QN_OK;
    }
    if (chance == 1 && body.size > 0 && body.size <= sizeof changed) {
        memcpy(changed, body.data, body.size);
        changed[lot(way->sick, body.size)] ^= (uint8_t)(1 + lot(way->sick, 255));
        body.data = changed;
    }
    return way->out->push(way->out->ctx, type, body, payload);
}

static int32_t inner_step(struct qnk_sick *sick, const struct qn_event *const *batch,
                          uint32_t count, struct qn_effects *out)
{
    const struct qn_consensus_1 *inner = sick->engine.table;

    return inner->step(sick->engine.inst, batch, count, out);
}

/* As the engine does it, with what it asks for going `push`'s way. */
static int32_t step_by(struct qnk_sick *sick, const struct qn_event *const *batch, uint32_t count,
                       struct qn_effects *out,
                       int32_t (*push)(void *ctx, uint32_t type, struct qn_span body,
                                       const struct qn_slice *payload))
{
    struct way way = {.sick = sick, .out = out};
    struct qn_effects other = *out;

    other.ctx = &way;
    other.push = push;
    return inner_step(sick, batch, count, &other);
}

/* --- sicknesses --- */

static int32_t step_lying(struct qnk_sick *sick, const struct qn_event *const *batch,
                          uint32_t count, struct qn_effects *out)
{
    int32_t status = step_by(sick, batch, count, out, twist);

    for (uint64_t i = lot(sick, LIES_MAX + 1); i > 0 && status == QN_OK; i--) {
        status = lie(sick, out);
    }
    return status;
}

static int32_t step_failing(struct qnk_sick *sick)
{
    static const int32_t statuses[] = {QN_BUG, QN_INVALID, QN_NO_SPACE, QN_IO, INT32_MIN, 77};

    return statuses[lot(sick, sizeof statuses / sizeof *statuses)];
}

static int32_t step_flooding(struct qnk_sick *sick, struct qn_effects *out)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; i <= QN_CONSENSUS_EFFECTS_MAX && status == QN_OK; i++) {
        status = lie_sign(sick, out);
    }
    return status;
}

/* Each refusal is answered with the same wish. */
static int32_t step_spinning(struct qnk_sick *sick, struct qn_effects *out)
{
    uint8_t nonsense[QN_HASH_SIZE];
    const struct qn_consensus_effect_request_sign wish = {
        .window = sick->window,
        .round = SPIN_ROUND,
        .step = 1,
        .vr = -1,
        .digest = nonsense,
        .to = UINT32_MAX,
    };

    memset(nonsense, 0xee, sizeof nonsense);
    return qn_consensus_effect_request_sign_push(out, &wish);
}

static bool is_struck(const struct qnk_sick *sick)
{
    return sick->window >= sick->course.mute_from ||
           (sick->window >= sick->course.from && sick->calls > sick->course.after);
}

static int32_t step(struct qn_inst *inst, const struct qn_event *const *batch, uint32_t count,
                    struct qn_effects *out)
{
    struct qnk_sick *sick = (struct qnk_sick *)(void *)inst;

    for (uint32_t i = 0; i < count; i++) {
        hear(sick, batch[i]);
    }
    sick->calls += sick->window >= sick->course.from;
    if (!is_struck(sick)) {
        return inner_step(sick, batch, count, out);
    }
    switch ((enum qnk_sickness)sick->course.sickness) {
    case QNK_SICK_FAIL:
        return step_failing(sick);
    case QNK_SICK_FLOOD:
        return step_flooding(sick, out);
    case QNK_SICK_SPIN:
        return step_spinning(sick, out);
    case QNK_SICK_LIE:
        if (sick->window < sick->course.mute_from) {
            return step_lying(sick, batch, count, out);
        }
        break;
    case QNK_SICK_STALL:
    case QNK_SICKNESSES:
        break;
    }
    return step_by(sick, batch, count, out, swallow);
}

static int32_t query(struct qn_inst *inst, uint32_t what, struct qn_span arg,
                     struct qn_sink *answer)
{
    const struct qnk_sick *sick = (const struct qnk_sick *)(void *)inst;
    const struct qn_consensus_1 *inner = sick->engine.table;

    return inner->query(sick->engine.inst, what, arg, answer);
}

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = step,
    .query = query,
};

/* --- life --- */

struct qnk_sick *qnk_sick_create(struct qnk_budget *budget, struct qnk_plugged engine,
                                 const struct qnk_sick_course *course)
{
    struct qnk_sick *sick = qnk_memory_take(budget, sizeof *sick);

    QN_ASSERT(course->sickness < QNK_SICKNESSES && course->from <= course->mute_from);
    if (sick == NULL) {
        return NULL;
    }
    *sick = (struct qnk_sick){.budget = budget, .engine = engine, .course = *course};
    qnk_stream_init(&sick->random, course->seed, "sick", course->number);
    return sick;
}

void qnk_sick_destroy(struct qnk_sick *sick)
{
    if (sick != NULL) {
        qnk_memory_give(sick->budget, sick, sizeof *sick);
    }
}

struct qnk_plugged qnk_sick_plugged(struct qnk_sick *sick)
{
    return (struct qnk_plugged){.table = &slots, .inst = (struct qn_inst *)(void *)sick};
}
