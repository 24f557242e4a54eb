/* SPDX-License-Identifier: MIT */

#include "kernel/sim/run.h"

#include <stdlib.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/text.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/harm.h"
#include "kernel/sim/stream.h"

enum {
    LIE_TOLD_MS = 100,  /* a lie that is told again within is not told to a listener */
    WINDOWS_MAX = 4096, /* whose first final digest is remembered; a run does not get so far */
    SAMPLES_MAX = 65536,
    MS = 1000,
    BANDWIDTH = 1000000000, /* bits a second, both ways */
    DELAY_US = 5000,        /* of a link */
    BACKUP_MS = 300,        /* least wait for an absent producer (finality.md 3.2) */
    VALID_UNTIL = 5000,     /* height up to which payments hold */
    LOOK_MS = 100,          /* between looks for the end */
    LIVE_WINDOWS = 3,       /* within so many the first must be final, */
    LIVE_MORE = 2,          /* and within so many more, so many more */
    SETTLE_WINDOWS = 3,     /* until all payments are in */
    LOOKS_EVERY = 16,       /* steps of a world between the oracle's looks at a node */
    SIGNATURES_EVERY = 8,   /* final transactions of which one is verified again */
};

enum { ROUND_TEXT = 80 };

enum act_kind { ACT_HARM, ACT_MEND, ACT_PAY };

struct act {
    uint64_t at_us;
    uint32_t seq; /* order among equals */
    uint32_t kind;
    uint32_t index; /* of harm or pay */
};

/* A harm that begins at a height. */
struct pinned {
    struct run *run;
    const struct qnk_harm *harm;
    bool has_begun, is_over;
};

struct window {
    uint64_t full_us; /* when its last block was first on a best chain */
    bool is_full;
};

struct run {
    const struct qnk_run_setup *setup;
    struct qnk_cast *cast;
    const struct qnk_plan *plan;
    struct qnk_verdict *verdict;
    struct qnk_world *world;
    struct qnk_world_setup play;
    struct qnk_oracle *oracle;
    struct qnk_witness witness; /* the oracle's */
    uint64_t start_us;
    uint32_t nodes; /* machines of this run: those of the plan, then twins */
    uint32_t room;  /* for machines */
    struct qnk_harms *harms;
    struct qnk_liars *liars;
    uint32_t *liar_kinds; /* of each machine; 0: honest */
    struct qnk_bandwidth *bandwidths;
    uint8_t *regions;
    bool *in_core;
    bool *is_weak; /* lies, has a sick engine alone, or its disk may have lost what it must not */
    struct act *acts;
    uint32_t acts_count;
    struct pinned *pinned; /* room for all harms */
    uint32_t pinned_count;
    bool has_suffered; /* no harm begins any more */
    struct window *windows;
    uint64_t *samples;
    uint32_t samples_count;
    uint64_t sent[QNK_CAST_SENDERS]; /* nonces below were paid somewhere */
    uint64_t *lied_us; /* [machine * QNK_LIES + lie]: when a listener was told last; 0: never */
    char (*rounds)[ROUND_TEXT]; /* of each machine: what a listener was told last */
};

static uint64_t now_us(const struct run *run)
{
    return run->world == NULL ? 0 : qnk_world_now(run->world) - run->start_us;
}

static void tell(struct run *run, uint32_t node, const char *what, const char *text)
{
    const struct qnk_teller *teller = run->setup->teller;

    if (teller != NULL && teller->tell != NULL) {
        teller->tell(teller->ctx, now_us(run), node, what, text);
    }
}

/* The first violation is the verdict. */
static void violated(struct run *run, const char *oracle, uint32_t node, const char *words)
{
    struct qnk_verdict *verdict = run->verdict;

    tell(run, node, oracle, words);
    if (!verdict->is_good) {
        return;
    }
    verdict->is_good = false;
    qnk_text(verdict->oracle, sizeof verdict->oracle, "%s", oracle);
    qnk_text(verdict->words, sizeof verdict->words, "%s", words);
    verdict->at_us = now_us(run);
    verdict->node = node;
}

/* What the oracle found, if it found something. */
static bool is_good(struct run *run)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(run->oracle);

    if (broken != NULL && run->verdict->is_good) {
        violated(run, qnk_oracle_name(broken->id), broken->node, broken->words);
        run->verdict->at_us = broken->at_us - run->start_us;
    }
    return run->verdict->is_good;
}

/* Whether words are worth making. */
static bool is_told(const struct run *run)
{
    return run->setup->teller != NULL && run->setup->teller->tell != NULL;
}

/* --- what nodes hear and say --- */

static bool event_came(void *ctx, uint32_t node, struct qnk_event *event)
{
    struct run *run = ctx;
    const struct qnk_teller *teller = run->setup->teller;

    teller->event(teller->ctx, now_us(run), node, event);
    return true;
}

static bool effect_came(void *ctx, uint32_t node, struct qnk_effect *effect)
{
    struct run *run = ctx;

    if (effect->type == QNK_EFFECT_SCORE && run->liar_kinds[node] == 0 &&
        effect->score.fault < QNK_FAULTS) {
        run->verdict->met[effect->score.fault]++;
    }
    return true;
}

static void window_full(struct run *run, uint64_t window)
{
    if (window < WINDOWS_MAX && !run->windows[window].is_full) {
        run->windows[window].is_full = true;
        run->windows[window].full_us = now_us(run);
    }
}

/* How long it took is a figure; whether it is right is the oracle's. */
static void final_came(struct run *run, uint64_t window)
{
    if (window < WINDOWS_MAX && run->windows[window].is_full && run->samples_count < SAMPLES_MAX) {
        run->samples[run->samples_count++] = now_us(run) - run->windows[window].full_us;
    }
    if (window > run->verdict->windows) {
        run->verdict->windows = window;
    }
}

/* Where the engine of this node is, if it is elsewhere than it last said. */
static void round_tell(struct run *run, uint32_t node, uint64_t window)
{
    const struct qnk_node *at = qnk_world_node(run->world, node);
    struct qnk_node_view view = {0};
    char text[ROUND_TEXT];

    if (at == NULL) {
        return;
    }
    qnk_node_look(at, &view);
    qnk_text(text, sizeof text, "window %llu round %u phase %u, %llu of %llu",
             (unsigned long long)window, view.round, view.vote_phase, (unsigned long long)view.have,
             (unsigned long long)view.need);
    if (strcmp(text, run->rounds[node]) != 0) {
        memcpy(run->rounds[node], text, sizeof text);
        tell(run, node, "round", text);
    }
}

static void note_tell(struct run *run, uint32_t node, const struct qnk_effect *effect)
{
    static const char *const names[] = {
        [QNK_NOTE_MICROBLOCK] = "block",
        [QNK_NOTE_UNDONE] = "undone",
        [QNK_NOTE_FINAL] = "final",
    };
    char text[QNK_NOTE_TEXT];

    if (!is_told(run)) {
        return;
    }
    if (effect->note.what == QNK_NOTE_LOG) {
        if (effect->note.level <= run->setup->teller->level) {
            tell(run, node, effect->note.event, effect->note.text);
        }
        return;
    }
    if (effect->note.what == QNK_NOTE_ROUND) {
        round_tell(run, node, effect->note.height);
        return;
    }
    qnk_text(text, sizeof text, "%llu %02x%02x%02x%02x", (unsigned long long)effect->note.height,
             effect->note.id.bytes[0], effect->note.id.bytes[1], effect->note.id.bytes[2],
             effect->note.id.bytes[3]);
    tell(run, node, names[effect->note.what], text);
}

static void heights_reached(void *ctx, struct qnk_world *world);

/* What begins at this height begins after the step that reached it: a step is no place for it. */
static void heights_look(struct run *run)
{
    if (run->pinned_count > 0 && !run->has_suffered) {
        qnk_world_at(run->world, qnk_world_now(run->world), heights_reached, run);
    }
}

static void noted(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    struct run *run = ctx;
    uint32_t n = run->play.params.window;

    if (effect->type == QNK_EFFECT_HALT) {
        tell(run, node, "halt", effect->halt.text);
        return;
    }
    note_tell(run, node, effect);
    if (effect->note.what == QNK_NOTE_FINAL) {
        final_came(run, effect->note.height);
    } else if (effect->note.what == QNK_NOTE_MICROBLOCK) {
        if (effect->note.height > run->verdict->heights) {
            run->verdict->heights = effect->note.height;
            heights_look(run);
        }
        if (effect->note.height % n == 0) {
            window_full(run, effect->note.height / n);
        }
    }
}

/* --- harm --- */

static void harm_do(struct run *run, const struct qnk_harm *harm, bool begins)
{
    if (is_told(run)) {
        char text[QNK_HARM_TEXT + 40], what[QNK_HARM_TEXT];

        qnk_harm_text(harm, what);
        qnk_text(text, sizeof text, "%u %s%s", harm->number, what, begins ? "" : ": over");
        tell(run, UINT32_MAX, "fault", text);
    }
    run->verdict->harms += begins;
    run->verdict->came[harm->kind] += begins;
    (begins ? qnk_harms_begin : qnk_harms_end)(run->harms, harm);
}

static void pinned_over(void *ctx, struct qnk_world *world)
{
    struct pinned *pinned = ctx;

    (void)world;
    if (pinned->has_begun && !pinned->is_over) {
        pinned->is_over = true;
        harm_do(pinned->run, pinned->harm, false);
    }
}

static void heights_reached(void *ctx, struct qnk_world *world)
{
    struct run *run = ctx;

    for (uint32_t i = 0; i < run->pinned_count && !run->has_suffered; i++) {
        struct pinned *pinned = &run->pinned[i];
        const struct qnk_harm *harm = pinned->harm;

        if (!pinned->has_begun && harm->height <= run->verdict->heights) {
            pinned->has_begun = true;
            harm_do(run, harm, true);
            qnk_world_at(world, qnk_world_now(world) + (harm->until_us - harm->from_us),
                         pinned_over, pinned);
        }
    }
}

static bool is_liar(const struct run *run, uint32_t node)
{
    return run->liar_kinds[node] != 0;
}

static bool makes_weak(const struct qnk_harm *harm)
{
    return harm->kind == QNK_HARM_LIE || harm->kind == QNK_HARM_ROT ||
           harm->kind == QNK_HARM_LOST ||
           (harm->kind == QNK_HARM_SICK && qnk_harm_whose(harm->value) == QNK_WHOSE_ONE);
}

/* Who lies, with the twins that some lies need. */
static void liars_find(struct run *run)
{
    const struct qnk_plan *plan = run->plan;

    for (uint32_t i = 0; i < plan->harms_count; i++) {
        const struct qnk_harm *harm = &plan->harms[i];

        run->is_weak[harm->a] = run->is_weak[harm->a] || (!harm->is_off && makes_weak(harm));
        if (harm->is_off || harm->kind != QNK_HARM_LIE) {
            continue;
        }
        run->liar_kinds[harm->a] |= 1u << harm->b;
        if (harm->b == QNK_LIE_TWIN) {
            qnk_cast_twin(run->cast, run->nodes - plan->setup.nodes, harm->a);
            run->liar_kinds[run->nodes++] = 1u << QNK_LIE_TWIN;
        }
    }
}

static void lied(void *ctx, uint32_t node, uint32_t lie)
{
    struct run *run = ctx;
    uint64_t *last_us = &run->lied_us[node * QNK_LIES + lie];

    if (is_told(run) && (*last_us == 0 || now_us(run) >= *last_us + LIE_TOLD_MS * MS)) {
        *last_us = now_us(run) + 1;
        tell(run, node, "lie", qnk_lie_name(lie));
    }
}

static void liars_open(struct run *run)
{
    run->liars = qnk_liars_create(run->setup->budget, run->world, &run->play);
    QN_ASSERT(run->liars != NULL);
    qnk_liars_told(run->liars, lied, run);
    for (uint32_t i = 0; i < run->nodes; i++) {
        if (is_liar(run, i)) {
            qnk_liars_add(run->liars, i, run->liar_kinds[i]);
        }
    }
}

/* --- payments --- */

/* Up to `count` payments of a sender from the first on that this node does not have: those that
 * were lost on the way are made again, as their sender would. */
static void pay(struct run *run, uint32_t node, uint32_t sender, uint32_t count)
{
    static uint8_t body[4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE];
    uint64_t from, to;

    if (!qnk_harms_is_on(run->harms, node) || qnk_world_is_cut(run->world, node) ||
        qnk_world_node(run->world, node) == NULL) {
        return;
    }
    from = qnk_cast_next(run->cast, node, sender, VALID_UNTIL);
    to = from + count > run->sent[sender] ? from + count : run->sent[sender];
    to = to < from + QNK_CAST_TXS_MAX ? to : from + QNK_CAST_TXS_MAX;
    if (to > from) {
        qnk_world_submit(
            run->world, node,
            (struct qn_span){body, qnk_cast_txs(run->cast, sender, from, to, VALID_UNTIL, body)});
    }
    run->sent[sender] = to > run->sent[sender] ? to : run->sent[sender];
}

/* --- the course --- */

static int act_order(const void *a, const void *b)
{
    const struct act *left = a, *right = b;

    if (left->at_us != right->at_us) {
        return left->at_us < right->at_us ? -1 : 1;
    }
    return left->seq < right->seq ? -1 : left->seq > right->seq;
}

static void act_add(struct run *run, uint64_t at_us, enum act_kind kind, uint32_t index)
{
    run->acts[run->acts_count] = (struct act){at_us, run->acts_count, kind, index};
    run->acts_count++;
}

/* Everything of the plan in the order of its times; what would end after the time of harm ends
 * there. */
static void acts_make(struct run *run)
{
    const struct qnk_plan *plan = run->plan;
    uint64_t end = plan->setup.length_us;

    for (uint32_t i = 0; i < plan->harms_count; i++) {
        const struct qnk_harm *harm = &plan->harms[i];

        if (!harm->is_off && harm->height > 0) {
            run->pinned[run->pinned_count++] = (struct pinned){.run = run, .harm = harm};
        } else if (!harm->is_off) {
            act_add(run, harm->from_us, ACT_HARM, i);
            if (harm->kind != QNK_HARM_LIE) { /* healing says what becomes of those */
                act_add(run, harm->until_us < end ? harm->until_us : end, ACT_MEND, i);
            }
        }
    }
    for (uint32_t i = 0; i < plan->pays_count; i++) {
        act_add(run, plan->pays[i].at_us, ACT_PAY, i);
    }
    qsort(run->acts, run->acts_count, sizeof *run->acts, act_order);
}

static void act_do(struct run *run, const struct act *act)
{
    const struct qnk_pay *payment;

    switch ((enum act_kind)act->kind) {
    case ACT_HARM:
        harm_do(run, &run->plan->harms[act->index], true);
        break;
    case ACT_MEND:
        harm_do(run, &run->plan->harms[act->index], false);
        break;
    case ACT_PAY:
        payment = &run->plan->pays[act->index];
        pay(run, payment->node, payment->sender, payment->count);
        break;
    }
}

static void suffer(struct run *run)
{
    for (uint32_t i = 0; i < run->acts_count && is_good(run); i++) {
        qnk_world_run(run->world, run->start_us + run->acts[i].at_us);
        act_do(run, &run->acts[i]);
        (void)qnk_oracle_accounted(run->oracle); /* before it is paid again */
    }
    if (is_good(run)) {
        qnk_world_run(run->world, run->start_us + run->plan->setup.length_us);
    }
    run->has_suffered = true;
    for (uint32_t i = 0; i < run->pinned_count; i++) {
        pinned_over(&run->pinned[i], run->world);
    }
}

/* --- healing --- */

/* A core by lot: honest validators with whole disks, in any order, until over two thirds of the
 * weight are in, or all of them; and all who do not vote. */
static void core_draw(struct run *run)
{
    struct qnk_random random;
    const struct qnk_set *set = run->play.set;
    uint64_t weight = 0, wanted = 0;
    uint32_t left = 0;

    qnk_stream_init(&random, run->plan->setup.seed, "core", 0);
    for (uint32_t i = 0; i < run->plan->setup.nodes; i++) {
        run->in_core[i] = i >= set->count;
        if (i < set->count && !run->is_weak[i]) {
            wanted += set->members[i].weight;
            left++;
        }
    }
    wanted = qnk_random_below(&random, 2) == 0 ? wanted : qnk_set_quorum(set);
    while (weight < wanted) {
        uint64_t place = qnk_random_below(&random, left--);
        uint32_t i = 0;

        while (run->in_core[i] || run->is_weak[i] || place-- > 0) {
            i++;
        }
        run->in_core[i] = true;
        weight += set->members[i].weight;
    }
}

/* What becomes of liars then: they go on, or as honest nodes, or say nothing more. */
static void liars_heal(struct run *run)
{
    struct qnk_random random;
    uint64_t lot;

    qnk_stream_init(&random, run->plan->setup.seed, "heal", 0);
    lot = qnk_random_below(&random, 3);
    if (lot > 0) {
        qnk_liars_stop(run->liars, lot == 2);
    }
}

/* Who is not in the core is off from now on, but for the weak, who may do what they can; the
 * others have no harms any more. */
static void heal(struct run *run)
{
    char text[80];
    uint32_t count = 0;

    core_draw(run);
    liars_heal(run);
    for (uint32_t i = 0; i < run->nodes; i++) {
        if (run->in_core[i] || (i < run->plan->setup.nodes && run->is_weak[i])) {
            qnk_harms_tend(run->harms, i);
        } else if (!is_liar(run, i)) {
            qnk_harms_off(run->harms, i);
        }
        count += run->in_core[i];
    }
    qnk_oracle_healed(run->oracle, run->in_core);
    qnk_text(text, sizeof text, "a core of %u nodes is whole from now on", count);
    tell(run, UINT32_MAX, "heal", text);
}

static bool core_is_final(const struct run *run, uint64_t window)
{
    for (uint32_t i = 0; i < run->nodes; i++) {
        struct qnk_node_view view = {0};

        if (!run->in_core[i]) {
            continue;
        }
        if (qnk_world_node(run->world, i) == NULL) {
            return false;
        }
        qnk_node_look(qnk_world_node(run->world, i), &view);
        if (view.final_window < window) {
            return false;
        }
    }
    return true;
}

/* Runs until the core is final up to `window`. False: `limit_us` came first. */
static bool wait_final(struct run *run, uint64_t window, uint64_t limit_us)
{
    while (is_good(run) && !core_is_final(run, window)) {
        if (now_us(run) >= limit_us) {
            return false;
        }
        qnk_world_run(run->world, qnk_world_now(run->world) + LOOK_MS * MS);
    }
    return true;
}

static void stuck(struct run *run, const char *oracle, uint64_t window)
{
    char text[QNK_VERDICT_WORDS];
    uint32_t last = UINT32_MAX;
    struct qnk_node_view view = {0};

    for (uint32_t i = 0; i < run->nodes; i++) {
        if (run->in_core[i] && qnk_world_node(run->world, i) != NULL) {
            struct qnk_node_view own = {0};

            qnk_node_look(qnk_world_node(run->world, i), &own);
            if (last == UINT32_MAX || own.final_window < view.final_window) {
                last = i;
                view = own;
            }
        }
    }
    qnk_text(text, sizeof text,
             "the healed core is not final up to window %llu in time: at %llu, head %llu, phase %u"
             ", round %u.%u %s",
             (unsigned long long)window, (unsigned long long)view.final_window,
             (unsigned long long)view.head_height, view.phase, view.round, view.vote_phase,
             last == UINT32_MAX ? "" : view.not_signing);
    violated(run, oracle, last, text);
}

static bool all_paid(struct run *run)
{
    for (uint32_t i = 0; i < run->nodes; i++) {
        for (uint32_t sender = 0; run->in_core[i] && sender < QNK_CAST_SENDERS; sender++) {
            if (qnk_cast_next(run->cast, i, sender, VALID_UNTIL) != run->sent[sender]) {
                return false;
            }
        }
    }
    return true;
}

/* What was paid and is not in is paid again, until it is. */
static void settle(struct run *run)
{
    uint64_t limit_us = now_us(run) + SETTLE_WINDOWS * qnk_run_pace(run->cast);

    while (is_good(run) && !all_paid(run)) {
        if (now_us(run) >= limit_us) {
            violated(run, "V2", UINT32_MAX, "payments to the healed core do not get in");
            return;
        }
        for (uint32_t sender = 0; sender < QNK_CAST_SENDERS; sender++) {
            for (uint32_t i = 0; i < run->nodes; i++) {
                if (run->in_core[i]) {
                    pay(run, i, sender, 0);
                    break;
                }
            }
        }
        qnk_world_run(run->world, qnk_world_now(run->world) + LOOK_MS * MS);
    }
}

static void recover(struct run *run)
{
    uint64_t pace = qnk_run_pace(run->cast);
    uint64_t base = run->verdict->windows;
    uint64_t healed = now_us(run);

    heal(run);
    if (!wait_final(run, base + 1, healed + LIVE_WINDOWS * pace)) {
        stuck(run, "V1", base + 1);
    } else if (!wait_final(run, base + 1 + LIVE_MORE, healed + (LIVE_WINDOWS + LIVE_MORE) * pace)) {
        stuck(run, "V1", base + 1 + LIVE_MORE);
    } else {
        settle(run);
    }
}

/* --- the end --- */

static int number_order(const void *a, const void *b)
{
    uint64_t left, right;

    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static void figures_take(struct run *run)
{
    struct qnk_verdict *verdict = run->verdict;
    struct qnk_oracle_figures figures;
    uint64_t used = 0, on = 0, sent = 0;

    for (uint32_t i = 0; i < run->nodes; i++) {
        struct qnk_node *node =
            qnk_harms_is_on(run->harms, i) ? qnk_world_node(run->world, i) : NULL;

        if (node != NULL) {
            struct qnk_node_view view = {0};

            qnk_node_look(node, &view);
            verdict->txs = view.tx_total > verdict->txs ? view.tx_total : verdict->txs;
            used += qnk_node_budget(node)->used;
            on++;
        }
    }
    verdict->core_bytes = on == 0 ? 0 : used / on;
    for (uint32_t i = 0; i < run->nodes; i++) {
        sent += qnk_world_sent(run->world, i);
    }
    verdict->sent_bytes = sent / run->nodes;
    if (run->samples_count > 0) {
        qsort(run->samples, run->samples_count, sizeof *run->samples, number_order);
        verdict->final_p50_us = run->samples[run->samples_count / 2];
        verdict->final_p99_us = run->samples[(uint64_t)run->samples_count * 99 / 100];
    }
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        verdict->checked[id] = qnk_oracle_checked(run->oracle, id);
    }
    qnk_oracle_figures(run->oracle, &figures);
    verdict->seen = figures.seen;
    verdict->proven = figures.evidence_final;
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        verdict->told[lie] = qnk_liars_count(run->liars, lie);
    }
    verdict->length_us = now_us(run);
    verdict->events = qnk_world_events(run->world);
    qnk_world_trace(run->world, &verdict->trace);
}

/* How long a step took is no matter of the seed, so it is asked last. */
static void steps_judge(struct run *run)
{
    uint64_t most_us = run->setup->step_us > 0 ? run->setup->step_us : QNK_RUN_STEP_MS * MS;
    char text[QNK_VERDICT_WORDS];
    uint32_t node;

    run->verdict->step_max_us = qnk_world_step_max_ns(run->world, &node) / 1000;
    if (run->verdict->step_max_us > most_us) {
        qnk_text(text, sizeof text, "one step took %llu us of processor time, of %llu at most",
                 (unsigned long long)run->verdict->step_max_us, (unsigned long long)most_us);
        violated(run, "R1", node, text);
    }
}

/* What is asked once, at the end; each says itself if it is broken. */
static void last_questions(struct run *run)
{
    bool is_live = run->plan->setup.mode == QNK_PLAN_LIVENESS;

    (void)(qnk_oracle_stored(run->oracle) && qnk_oracle_accounted(run->oracle) &&
           (!is_live || (qnk_oracle_final_within(run->oracle, 1 + LIVE_MORE) &&
                         qnk_oracle_producing(run->oracle) && qnk_oracle_evidenced(run->oracle))));
    (void)is_good(run);
}

uint64_t qnk_run_pace(const struct qnk_cast *cast)
{
    const struct qnk_network *network = qnk_cast_network(cast);
    uint64_t half = network->interval_max_ms / 2;
    uint64_t backup = half > BACKUP_MS ? half : BACKUP_MS;

    return (uint64_t)MS * network->window * (network->interval_max_ms + backup);
}

static void *take(struct run *run, uint64_t size)
{
    void *memory = qnk_memory_take(run->setup->budget, size);

    QN_ASSERT(memory != NULL);
    return memory;
}

static uint64_t acts_room(const struct qnk_plan *plan)
{
    return 1 + 2 * (uint64_t)plan->harms_count + plan->pays_count;
}

static void oracle_open(struct run *run)
{
    bool *is_lying = take(run, run->nodes * sizeof *is_lying);
    struct qnk_oracle_setup setup = {
        .liars = is_lying,
        .world = run->world,
        .network = &run->play,
        .looks_every = LOOKS_EVERY,
        .signatures_every = SIGNATURES_EVERY,
    };
    int32_t status = qnk_cast_witness(run->cast, &run->witness);

    QN_ASSERT(status == QN_OK);
    for (uint32_t i = 0; i < run->nodes; i++) {
        is_lying[i] = is_liar(run, i);
    }
    setup.ledger = run->witness.ledger;
    setup.producer = run->witness.producer;
    setup.plug = qnk_witness_plug;
    setup.plug_ctx = &run->witness;
    setup.query_totals = run->witness.query_totals;
    setup.query_accounts = run->witness.query_accounts;
    run->oracle = qnk_oracle_create(run->setup->budget, &setup);
    QN_ASSERT(run->oracle != NULL);
    qnk_memory_give(run->setup->budget, is_lying, run->nodes * sizeof *is_lying);
}

static void memory_take(struct run *run)
{
    run->in_core = take(run, run->room * sizeof *run->in_core);
    run->is_weak = take(run, run->room * sizeof *run->is_weak);
    run->liar_kinds = take(run, run->room * sizeof *run->liar_kinds);
    run->bandwidths = take(run, run->room * sizeof *run->bandwidths);
    run->regions = take(run, run->room * sizeof *run->regions);
    run->windows = take(run, WINDOWS_MAX * sizeof *run->windows);
    run->samples = take(run, SAMPLES_MAX * sizeof *run->samples);
    run->acts = take(run, acts_room(run->plan) * sizeof *run->acts);
    run->pinned = take(run, QNK_PLAN_HARMS_MAX * sizeof *run->pinned);
    run->lied_us = take(run, run->room * QNK_LIES * sizeof *run->lied_us);
    run->rounds = take(run, run->room * sizeof *run->rounds);
}

static void memory_give(struct run *run)
{
    struct qnk_budget *budget = run->setup->budget;

    qnk_memory_give(budget, run->in_core, run->room * sizeof *run->in_core);
    qnk_memory_give(budget, run->is_weak, run->room * sizeof *run->is_weak);
    qnk_memory_give(budget, run->liar_kinds, run->room * sizeof *run->liar_kinds);
    qnk_memory_give(budget, run->bandwidths, run->room * sizeof *run->bandwidths);
    qnk_memory_give(budget, run->regions, run->room * sizeof *run->regions);
    qnk_memory_give(budget, run->windows, WINDOWS_MAX * sizeof *run->windows);
    qnk_memory_give(budget, run->samples, SAMPLES_MAX * sizeof *run->samples);
    qnk_memory_give(budget, run->acts, acts_room(run->plan) * sizeof *run->acts);
    qnk_memory_give(budget, run->pinned, QNK_PLAN_HARMS_MAX * sizeof *run->pinned);
    qnk_memory_give(budget, run->lied_us, run->room * QNK_LIES * sizeof *run->lied_us);
    qnk_memory_give(budget, run->rounds, run->room * sizeof *run->rounds);
}

static void world_open(struct run *run)
{
    struct qnk_random random;

    qnk_stream_init(&random, run->plan->setup.seed, "regions", 0);
    for (uint32_t i = 0; i < run->nodes; i++) {
        run->regions[i] = qnk_region_by_lot(qnk_random_u64(&random));
        run->bandwidths[i] = (struct qnk_bandwidth){BANDWIDTH, BANDWIDTH};
    }
    run->play.nodes = run->nodes;
    run->play.seed = run->plan->setup.seed;
    run->play.delay_us = DELAY_US;
    run->play.bandwidths = run->bandwidths;
    run->play.regions = run->plan->setup.has_regions ? run->regions : NULL;
    run->play.note = noted;
    run->play.note_ctx = run;
    qnk_harms_world(run->plan, &run->play);
    run->start_us = run->play.start_us;
    run->world = qnk_world_create(run->setup->budget, &run->play);
    QN_ASSERT(run->world != NULL);
}

static void harms_open(struct run *run)
{
    const struct qnk_harms_setup setup = {
        .budget = run->setup->budget,
        .world = run->world,
        .oracle = run->oracle,
        .cast = run->cast,
        .nodes = run->nodes,
    };

    run->harms = qnk_harms_create(&setup);
    QN_ASSERT(run->harms != NULL);
}

static void listeners_open(struct run *run)
{
    const struct qnk_watch scores = {.ctx = run, .effect = effect_came};

    qnk_world_watch(run->world, &scores);
    if (run->setup->teller != NULL && run->setup->teller->event != NULL) {
        const struct qnk_watch watch = {.ctx = run, .event = event_came};

        qnk_world_watch(run->world, &watch);
    }
    if (run->setup->opened != NULL) {
        run->setup->opened(run->setup->opened_ctx, run->world);
    }
}

/* Liars change what is said before the oracle hears it. */
static void run_open(struct run *run)
{
    memory_take(run);
    acts_make(run);
    liars_find(run);
    world_open(run);
    liars_open(run);
    oracle_open(run);
    harms_open(run);
    listeners_open(run);
    for (uint32_t i = 0; i < run->nodes; i++) {
        bool is_on = qnk_world_start(run->world, i);

        QN_ASSERT(is_on);
    }
}

static void run_close(struct run *run)
{
    qnk_world_destroy(run->world);
    qnk_harms_destroy(run->harms);
    qnk_liars_destroy(run->liars);
    qnk_oracle_destroy(run->oracle);
    qnk_witness_give(&run->witness);
    memory_give(run);
}

void qnk_run(const struct qnk_run_setup *setup, struct qnk_verdict *verdict)
{
    struct run run = {.setup = setup, .cast = setup->cast, .plan = setup->plan, .verdict = verdict};

    *verdict = (struct qnk_verdict){.seed = setup->plan->setup.seed, .is_good = true};
    qnk_cast_world(run.cast, &run.play);
    run.nodes = run.play.nodes;
    run.room = run.nodes + setup->plan->setup.weak;
    QN_ASSERT(run.nodes == setup->plan->setup.nodes);
    run_open(&run);
    suffer(&run);
    if (is_good(&run) && setup->plan->setup.mode == QNK_PLAN_LIVENESS) {
        recover(&run);
    }
    if (is_good(&run)) {
        last_questions(&run);
    }
    figures_take(&run);
    steps_judge(&run);
    run_close(&run);
}
