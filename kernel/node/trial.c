/* SPDX-License-Identifier: MIT */

#include "kernel/node/trial.h"

#include <qnet/producer.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/macro.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tags.h"
#include "kernel/chain/vote.h"
#include "kernel/node/engine.h"

/* Whoever changes what is asked makes other traces of every plugin: WORK says which work it is. */
enum {
    WORK = 1,
    MEMBERS = 4,
    N = 10,   /* blocks of a window */
    LEAD = 3, /* final windows between a schedule and what it is made from */
    START_US = 1000000,
    PAUSE_US = 500000, /* where no timer runs */

    /* of engines */
    TURNS = 24, /* in which a scene has to come to its end */
    ROUNDS = 64,
    EFFECTS_MAX = 4096, /* of a scene; then nothing more is answered */

    /* of producers */
    SEATS = 7,
    WINDOWS = 6,
    PACES = 64,
    RECENTS = 20,
};

/* --- the trace --- */

struct trace {
    struct qnk_sha256 sha;
    uint64_t lots; /* state of a generator: the same for all */
};

static void trace_begin(struct trace *trace, uint32_t kind)
{
    uint8_t head[8];

    qnk_sha256_init(&trace->sha);
    qnk_sha256_add(&trace->sha, QNK_TAG_TRACE, sizeof QNK_TAG_TRACE - 1);
    qn_le32_write(head, WORK);
    qn_le32_write(head + 4, kind);
    qnk_sha256_add(&trace->sha, head, sizeof head);
    trace->lots = WORK;
}

static void trace_u32(struct trace *trace, uint32_t value)
{
    uint8_t bytes[4];

    qn_le32_write(bytes, value);
    qnk_sha256_add(&trace->sha, bytes, sizeof bytes);
}

static uint32_t draw(struct trace *trace, uint32_t below)
{
    trace->lots = trace->lots * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(trace->lots >> 33) % below;
}

/* A hash that stands for something of a window. */
static struct qnk_hash name_of(uint64_t window, uint8_t what)
{
    uint8_t bytes[9];
    struct qnk_hash name;

    qn_le64_write(bytes, window);
    bytes[8] = what;
    qnk_hash_tagged(QNK_TAG_TRACE, bytes, sizeof bytes, &name);
    return name;
}

/* --- an engine --- */

/* What the other three make of a vote. */
enum company { AGREE, SILENT, TOO_FEW, ALONE, SPLIT };

struct scene {
    enum company company;
    bool has_proposals;   /* of the others, for each round */
    bool has_certificate; /* of step 1, unasked */
    uint32_t late;        /* turns before there is a candidate */
};

static const struct scene scenes[] = {
    {.company = AGREE},
    {.company = SILENT},
    {.company = TOO_FEW},
    {.company = ALONE, .has_proposals = true},
    {.company = SPLIT, .has_proposals = true, .has_certificate = true},
    {.company = AGREE, .late = 3},
    {.company = AGREE, .has_proposals = true, .late = TURNS},
    {.company = SPLIT},
    {.company = TOO_FEW, .has_proposals = true, .has_certificate = true},
};

enum { SCENES = sizeof scenes / sizeof *scenes };

struct timer {
    bool is_set;
    uint32_t id;
    uint64_t due_us;
};

struct stage {
    struct trace trace;
    const struct qnk_binding *binding;
    struct qnk_engine *engine;
    struct qnk_set *set;
    const struct scene *scene;
    uint64_t window;
    uint32_t self;
    struct qnk_hash digest, other; /* the candidate, and what others may be for */
    uint64_t now_us;
    uint32_t effects;
    bool is_final;
    struct timer timers[QN_CONSENSUS_TIMERS_MAX];
    uint32_t told[MEMBERS][ROUNDS]; /* steps of which a vote was told, as places in the binding */
};

static const struct qnk_hash nil;

static void tell_open(struct stage *stage)
{
    uint8_t members[4 + MEMBERS * (QN_KEY_SIZE + 8)];
    struct qnk_hash seed = name_of(stage->window, 's');

    QN_ASSERT(qnk_set_size(stage->set) == sizeof members);
    qnk_set_encode(stage->set, members);

    struct qn_consensus_event_open event = {
        .window = stage->window,
        .first = (stage->window - 1) * N + 1,
        .last = stage->window * N,
        .set = stage->set->hash.bytes,
        .self = stage->self,
        .total = stage->set->total,
        .quorum = qnk_set_quorum(stage->set),
        .members_count = MEMBERS,
        .members = {members + 4, sizeof members - 4},
        .seed = seed.bytes,
    };
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_OPEN,
                                   qn_consensus_event_open_size(&event));

    (void)qn_consensus_event_open_write(&event, to);
}

static void tell_head(struct stage *stage, uint64_t height)
{
    struct qn_consensus_event_head event = {.window = stage->window, .height = height};
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_HEAD,
                                   qn_consensus_event_head_size(&event));

    (void)qn_consensus_event_head_write(&event, to);
}

static void tell_candidate(struct stage *stage)
{
    struct qn_consensus_event_candidate event = {
        .window = stage->window,
        .digest = stage->digest.bytes,
        .height = stage->window * N,
    };
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_CANDIDATE,
                                   qn_consensus_event_candidate_size(&event));

    (void)qn_consensus_event_candidate_write(&event, to);
}

static void tell_signed(struct stage *stage, const struct qn_consensus_effect_request_sign *wish,
                        uint8_t result)
{
    struct qn_consensus_event_signed event = {
        .window = stage->window,
        .round = wish->round,
        .step = wish->step,
        .vr = wish->vr,
        .digest = wish->digest,
        .body = wish->body,
        .result = result,
    };

    if (result != 1) {
        event.body = (struct qn_span){NULL, 0};
    }

    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_SIGNED,
                                   qn_consensus_event_signed_size(&event));

    (void)qn_consensus_event_signed_write(&event, to);
}

static void tell_certificate(struct stage *stage, uint32_t round, const uint8_t *digest)
{
    static const uint8_t signers = 0x0E;
    struct qn_consensus_event_certificate event = {
        .window = stage->window,
        .round = round,
        .step = QNK_STEP_PREPARE,
        .vr = -1,
        .digest = digest,
        .weight = 3,
        .signers = {&signers, 1},
    };
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_CERTIFICATE,
                                   qn_consensus_event_certificate_size(&event));

    (void)qn_consensus_event_certificate_write(&event, to);
}

static void tell_final(struct stage *stage, uint32_t round, const uint8_t *digest)
{
    struct qn_consensus_event_final event = {
        .window = stage->window,
        .round = round,
        .digest = digest,
    };
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_FINAL,
                                   qn_consensus_event_final_size(&event));

    stage->is_final = true;
    (void)qn_consensus_event_final_write(&event, to);
}

static void tell_checked(struct stage *stage, const uint8_t *digest)
{
    bool is_own = memcmp(digest, stage->digest.bytes, QN_HASH_SIZE) == 0;
    struct qn_consensus_event_checked event = {
        .window = stage->window,
        .digest = digest,
        .verdict = is_own ? 1 : 2,
    };
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_CHECKED,
                                   qn_consensus_event_checked_size(&event));

    (void)qn_consensus_event_checked_write(&event, to);
}

static void tell_timer(struct stage *stage, struct timer *timer)
{
    struct qn_consensus_event_timer event = {.window = stage->window, .timer = timer->id};
    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_TIMER,
                                   qn_consensus_event_timer_size(&event));

    timer->is_set = false;
    (void)qn_consensus_event_timer_write(&event, to);
}

/* The place of a step among those that the engine lists; its count: it lists it not. */
static uint32_t step_place(const struct stage *stage, uint32_t step)
{
    uint32_t place = 0;

    while (place < stage->binding->steps_count && stage->binding->steps[place] != step) {
        place++;
    }
    return place;
}

/* One of each member, round and step, as the kernel tells them. */
static void tell_vote(struct stage *stage, struct qn_consensus_event_vote event)
{
    uint32_t place = step_place(stage, event.step);

    if (event.round >= ROUNDS || place == stage->binding->steps_count ||
        event.from == stage->self || (stage->told[event.from][event.round] >> place & 1) != 0) {
        return;
    }
    stage->told[event.from][event.round] |= 1u << place;
    event.window = stage->window;
    if (event.step == QNK_STEP_COMMIT) {
        event.digest = nil.bytes;
    }

    uint8_t *to = qnk_engine_event(stage->engine, QN_CONSENSUS_EVENT_VOTE,
                                   qn_consensus_event_vote_size(&event));

    (void)qn_consensus_event_vote_write(&event, to);
}

/* The `k`-th of the others, 0 to 2. */
static uint32_t other_of(const struct stage *stage, uint32_t k)
{
    return (stage->self + 1 + k) % MEMBERS;
}

/* The others hear of a vote, and give theirs. A proposal is only its maker's. */
static void echo(struct stage *stage, const struct qn_consensus_effect_request_sign *wish)
{
    static const uint32_t voices[] = {
        [AGREE] = 3, [SILENT] = 0, [TOO_FEW] = 1, [ALONE] = 0, [SPLIT] = 3};

    for (uint32_t k = 0; wish->step != QNK_STEP_PROPOSE && k < voices[stage->scene->company]; k++) {
        struct qn_consensus_event_vote event = {
            .round = wish->round,
            .step = wish->step,
            .vr = wish->vr,
            .from = other_of(stage, k),
            .digest = wish->digest,
            .opened = wish->step == QNK_STEP_PREPARE && wish->round == 0,
            .body = wish->body,
        };

        if (stage->scene->company == SPLIT && wish->step != QNK_STEP_TIMEOUT && k > 0) {
            event.digest = k == 1 ? nil.bytes : stage->other.bytes;
            event.vr = -1;
        }
        tell_vote(stage, event);
    }
}

static void sign(struct stage *stage, const struct qn_consensus_effect_request_sign *wish)
{
    bool is_listed = step_place(stage, wish->step) < stage->binding->steps_count;

    if (wish->window != stage->window) {
        return;
    }
    tell_signed(stage, wish, is_listed ? 1 : 4);
    if (is_listed) {
        echo(stage, wish);
    }
}

static void timer_set(struct stage *stage, const struct qn_consensus_effect_timer *wish)
{
    struct timer *place = NULL;

    for (uint32_t i = QN_CONSENSUS_TIMERS_MAX; i-- > 0;) {
        struct timer *it = &stage->timers[i];

        if (it->is_set && it->id == wish->timer) {
            place = it;
            break;
        }
        place = it->is_set ? place : it;
    }
    if (place != NULL) {
        *place = (struct timer){
            .is_set = true,
            .id = wish->timer,
            .due_us = stage->now_us + (uint64_t)wish->delay_ms * 1000,
        };
    }
}

static void timer_drop(struct stage *stage, uint32_t id)
{
    for (uint32_t i = 0; i < QN_CONSENSUS_TIMERS_MAX; i++) {
        stage->timers[i].is_set = stage->timers[i].is_set && stage->timers[i].id != id;
    }
}

/* The one that is due first; of equal ones the lower id. */
static struct timer *timer_next(struct stage *stage)
{
    struct timer *next = NULL;

    for (uint32_t i = 0; i < QN_CONSENSUS_TIMERS_MAX; i++) {
        struct timer *it = &stage->timers[i];

        if (it->is_set && (next == NULL || it->due_us < next->due_us ||
                           (it->due_us == next->due_us && it->id < next->id))) {
            next = it;
        }
    }
    return next;
}

static void certify(struct stage *stage, const struct qn_consensus_effect_certify *wish)
{
    if (wish->window != stage->window) {
        return;
    }
    if (wish->step == QNK_STEP_PREPARE) {
        tell_certificate(stage, wish->round, wish->digest);
    } else if (wish->step == QNK_STEP_FINAL) {
        tell_final(stage, wish->round, wish->digest);
    }
}

/* What cannot be read is in the trace all the same, and is not answered. */
static void effect_answer(struct stage *stage, const struct qnk_engine_effect *effect)
{
    union {
        struct qn_consensus_effect_request_sign sign;
        struct qn_consensus_effect_certify certify;
        struct qn_consensus_effect_check check;
        struct qn_consensus_effect_timer timer;
        struct qn_consensus_effect_cancel cancel;
    } body;

    switch (effect->type) {
    case QN_CONSENSUS_EFFECT_REQUEST_SIGN:
        if (qn_consensus_effect_request_sign_read(effect->body, &body.sign) == QN_OK) {
            sign(stage, &body.sign);
        }
        break;
    case QN_CONSENSUS_EFFECT_CERTIFY:
        if (qn_consensus_effect_certify_read(effect->body, &body.certify) == QN_OK) {
            certify(stage, &body.certify);
        }
        break;
    case QN_CONSENSUS_EFFECT_CHECK:
        if (qn_consensus_effect_check_read(effect->body, &body.check) == QN_OK) {
            tell_checked(stage, body.check.digest);
        }
        break;
    case QN_CONSENSUS_EFFECT_TIMER:
        if (qn_consensus_effect_timer_read(effect->body, &body.timer) == QN_OK) {
            timer_set(stage, &body.timer);
        }
        break;
    case QN_CONSENSUS_EFFECT_CANCEL:
        if (qn_consensus_effect_cancel_read(effect->body, &body.cancel) == QN_OK) {
            timer_drop(stage, body.cancel.timer);
        }
        break;
    default:
        break;
    }
}

static bool on_effect(void *ctx, const struct qnk_engine_effect *effect)
{
    struct stage *stage = ctx;

    trace_u32(&stage->trace, effect->type);
    trace_u32(&stage->trace, (uint32_t)effect->body.size);
    qnk_sha256_add(&stage->trace.sha, effect->body.data, effect->body.size);
    if (++stage->effects <= EFFECTS_MAX && !stage->is_final) {
        effect_answer(stage, effect);
    }
    return true;
}

/* Each of the others proposes in a round: whoever leads it is among them, or the engine does. */
static void others_propose(struct stage *stage, uint32_t round)
{
    for (uint32_t k = 0; k < MEMBERS - 1; k++) {
        bool is_other = draw(&stage->trace, 4) == 0;

        tell_vote(stage, (struct qn_consensus_event_vote){
                             .round = round,
                             .step = QNK_STEP_PROPOSE,
                             .vr = -1,
                             .from = other_of(stage, k),
                             .digest = is_other ? stage->other.bytes : stage->digest.bytes,
                         });
    }
}

/* What comes next, when the engine is at rest. */
static void turn_take(struct stage *stage, uint32_t turn)
{
    struct timer *timer = timer_next(stage);

    if (turn == stage->scene->late) {
        tell_candidate(stage);
    }
    if (stage->scene->has_proposals && turn % 3 == 0) {
        others_propose(stage, turn / 3);
    }
    if (stage->scene->has_certificate && turn == TURNS / 2) {
        tell_certificate(stage, 1, stage->digest.bytes);
    }
    if (timer != NULL) {
        stage->now_us = timer->due_us > stage->now_us ? timer->due_us : stage->now_us;
        tell_timer(stage, timer);
    } else {
        stage->now_us += PAUSE_US;
        tell_head(stage, stage->window * N + turn + 1);
    }
}

static void scene_play(struct stage *stage, uint32_t place)
{
    stage->scene = &scenes[place];
    stage->window = place + 1;
    stage->self = place % MEMBERS;
    stage->digest = name_of(stage->window, 'd');
    stage->other = name_of(stage->window, 'o');
    stage->effects = 0;
    stage->is_final = false;
    memset(stage->timers, 0, sizeof stage->timers);
    memset(stage->told, 0, sizeof stage->told);
    trace_u32(&stage->trace, place);
    tell_open(stage);
    tell_head(stage, stage->window * N);
    for (uint32_t turn = 0; turn < TURNS && !stage->is_final; turn++) {
        turn_take(stage, turn);
        qnk_engine_run(stage->engine, stage->now_us);
    }
    if (!stage->is_final) {
        tell_final(stage, 0, nil.bytes);
        qnk_engine_run(stage->engine, stage->now_us);
    }
}

static int32_t set_make(struct qnk_budget *budget, struct qnk_set **set)
{
    struct qnk_set_member members[MEMBERS];

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i] = (struct qnk_set_member){.key = name_of(i, 'k'), .weight = 1};
    }
    return qnk_set_new(budget, members, MEMBERS, set);
}

static int32_t engine_try(struct qnk_budget *budget, const struct qnk_binding *binding,
                          struct qnk_plugged plugin, struct stage *stage)
{
    int32_t status = set_make(budget, &stage->set);

    if (status != QN_OK) {
        return status;
    }
    stage->binding = binding;
    stage->now_us = START_US;
    stage->engine = qnk_engine_create(budget, plugin, on_effect, stage);
    status = stage->engine == NULL ? QN_NO_SPACE : QN_OK;
    for (uint32_t i = 0; status == QN_OK && i < SCENES; i++) {
        scene_play(stage, i);
        status = qnk_engine_status(stage->engine);
    }
    qnk_engine_destroy(stage->engine);
    qnk_set_unref(stage->set);
    return status;
}

/* --- a producer --- */

/* Some members are heavier, and one is left out. */
static void seats_write(uint64_t window, uint8_t *to)
{
    for (uint32_t i = 0; i < SEATS; i++) {
        struct qnk_hash key = name_of(i, 'k');
        struct qn_producer_seat seat = {
            .key = key.bytes,
            .weight = 1 + i * i,
            .produced = i + (uint32_t)window,
            .missed = i,
            .excluded = i == 3 && window % 2 == 0,
        };

        to = qn_producer_seat_write(&seat, to);
    }
}

static void basis_write(uint64_t window, uint8_t to[QNK_MACRO_SIZE])
{
    struct qnk_macro macro = {
        .version = QNK_MACRO_VERSION,
        .blocks_count = N,
        .window = window,
        .height = window * N,
        .time_ms = window * 1000,
        .beacon = name_of(window, 'b'),
    };

    qnk_macro_encode(&macro, to);
}

/* Answers are in the trace, whatever they are: a window that is refused may be one that no network
 * has. */
static void window_ask(struct trace *trace, const struct qn_producer_1 *producer,
                       struct qn_inst *inst, uint64_t window)
{
    uint8_t seats[SEATS * (QN_KEY_SIZE + 24)], basis[QNK_MACRO_SIZE], record[1024];
    bool is_first = window <= LEAD;
    struct qnk_hash beacon = name_of(is_first ? 0 : window - LEAD, 'b');
    struct qn_producer_context context = {
        .window = window,
        .first = (window - 1) * N + 1,
        .last = window * N,
        .basis = {basis, is_first ? 0 : sizeof basis},
        .beacon = beacon.bytes,
        .seats = {seats, sizeof seats},
        .seats_count = SEATS,
    };

    seats_write(window, seats);
    basis_write(is_first ? 0 : window - LEAD, basis);
    QN_ASSERT(qn_producer_context_size(&context) <= sizeof record);
    (void)qn_producer_context_write(&context, record);
    trace_u32(trace, (uint32_t)producer->open(
                         inst, (struct qn_span){record, qn_producer_context_size(&context)}));
    for (uint64_t height = context.first; height <= context.last; height++) {
        for (uint32_t view = 0; view < QN_PRODUCER_VIEWS_MAX; view = 2 * view + 1) {
            struct qn_producer_ask ask = {.height = height, .view = view};
            uint32_t member = UINT32_MAX;

            trace_u32(trace, (uint32_t)producer->turns(inst, &ask, 1, &member));
            trace_u32(trace, member);
        }
    }
}

static void pace_ask(struct trace *trace, const struct qn_producer_1 *producer,
                     struct qn_inst *inst)
{
    struct qn_producer_recent recent[RECENTS];
    uint32_t count = draw(trace, RECENTS + 1);
    uint8_t class = UINT8_MAX;
    uint32_t interval_ms = 0, backup_ms = 0;

    for (uint32_t i = 0; i < count; i++) {
        recent[i] = (struct qn_producer_recent){
            .height = 1000 - i,
            .time_ms = 1000000 - i * 500,
            .backlog = draw(trace, 4) == 0 ? draw(trace, 1000000) : draw(trace, 2000),
            .body_size = draw(trace, 8u << 20),
            .interval_class = draw(trace, 4),
        };
    }
    trace_u32(trace,
              (uint32_t)producer->pace(inst, recent, count, &class, &interval_ms, &backup_ms));
    trace_u32(trace, class);
    trace_u32(trace, interval_ms);
    trace_u32(trace, backup_ms);
}

static void producer_try(struct trace *trace, struct qnk_plugged plugin)
{
    const struct qn_producer_1 *producer = plugin.table;

    for (uint64_t window = 1; window <= WINDOWS; window++) {
        window_ask(trace, producer, plugin.inst, window);
        producer->close(plugin.inst, window - 1);
    }
    for (uint32_t i = 0; i < PACES; i++) {
        pace_ask(trace, producer, plugin.inst);
    }
    producer->close(plugin.inst, WINDOWS);
}

/* --- both --- */

int32_t qnk_trial_run(struct qnk_budget *budget, uint32_t kind, const struct qnk_binding *engine,
                      struct qnk_plugged plugin, struct qnk_hash *trace)
{
    struct stage *stage = qnk_memory_take(budget, sizeof *stage);
    int32_t status = QN_OK;

    if (stage == NULL) {
        return QN_NO_SPACE;
    }
    trace_begin(&stage->trace, kind);
    if (kind == QNK_BINDING_CONSENSUS) {
        status = engine_try(budget, engine, plugin, stage);
    } else {
        QN_ASSERT(kind == QNK_BINDING_PRODUCER);
        producer_try(&stage->trace, plugin);
    }
    if (status == QN_OK) {
        qnk_sha256_done(&stage->trace.sha, trace->bytes);
    }
    qnk_memory_give(budget, stage, sizeof *stage);
    return status;
}
