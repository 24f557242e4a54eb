/* SPDX-License-Identifier: MIT */

/* bft.c: an engine in the form of HotStuff-2. A leader proposes, collects a prepare and a final
 * vote of a quorum and shows a certificate of each; rounds whose leader fails end by time-outs.
 * Here are its life, the events that come in and the questions that it answers; what it does is in
 * rules.c. */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "bft.manifest.h"
#include "rules.h"

enum {
    QUESTION_STATUS = 1,
    QUESTION_TEXT = 2,
    TEXT_ROOM = 256,
};

struct qn_inst {
    struct rules rules;
};

_Static_assert(sizeof(struct qn_inst) <= BFT_MEMORY, "the manifest's memory");

/* --- life --- */

static int32_t refuse(const struct qn_host *host, struct qn_node *node, const char *why)
{
    return host->fail(node, QN_INVALID, (struct qn_span){(const uint8_t *)why, strlen(why)});
}

static int32_t bft_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                          struct qn_inst **inst)
{
    struct bft_config values = bft_config_read(config);
    struct qn_inst *self;

    if (values.round > values.round_max) {
        return refuse(host, node, "round is longer than round_max");
    }
    if (values.delta > values.round / 2) {
        return refuse(host, node, "delta is longer than half of round");
    }
    self = host->take(node, sizeof *self);
    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->rules.host = host;
    self->rules.times = (struct rules_times){
        .round_ms = (uint32_t)values.round,
        .round_step_ms = (uint32_t)values.round_step,
        .round_max_ms = (uint32_t)values.round_max,
        .delta_ms = (uint32_t)values.delta,
    };
    *inst = self;
    return QN_OK;
}

static void bft_destroy(struct qn_inst *self)
{
    (void)self;
}

/* --- events: each gives INVALID for what is not its record, and ignores other windows --- */

static bool is_ours(const struct rules *rules, uint64_t window)
{
    return rules->is_open && rules->window == window;
}

static int32_t on_open(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_open event;

    if (qn_consensus_event_open_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    return rules_open(rules, &event);
}

static int32_t on_candidate(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_candidate event;

    if (qn_consensus_event_candidate_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_candidate(rules, event.digest);
    }
    return QN_OK;
}

static int32_t on_vote(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_vote event;

    if (qn_consensus_event_vote_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_vote(rules, event.round, event.step, event.vr, event.from, event.digest);
    }
    return QN_OK;
}

static int32_t on_certificate(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_certificate event;

    if (qn_consensus_event_certificate_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_certificate(rules, &event);
    }
    return QN_OK;
}

static int32_t on_checked(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_checked event;

    if (qn_consensus_event_checked_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_checked(rules, &event);
    }
    return QN_OK;
}

static int32_t on_timer(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_timer event;

    if (qn_consensus_event_timer_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_timer(rules, event.timer);
    }
    return QN_OK;
}

static int32_t on_signed(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_signed event;

    if (qn_consensus_event_signed_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_signed(rules, &event);
    }
    return QN_OK;
}

static int32_t on_final(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_final event;

    if (qn_consensus_event_final_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules->is_open = false;
    }
    return QN_OK;
}

static int32_t on_head(struct rules *rules, struct qn_span body)
{
    struct qn_consensus_event_head event;

    if (qn_consensus_event_head_read(body, &event) != QN_OK) {
        return QN_INVALID;
    }
    if (is_ours(rules, event.window)) {
        rules_head(rules, event.height);
    }
    return QN_OK;
}

/* Offences need no answer: of two contradictory votes the first one counts. */
static int32_t take(struct rules *rules, const struct qn_event *event)
{
    switch (event->type) {
    case QN_CONSENSUS_EVENT_OPEN:
        return on_open(rules, event->body);
    case QN_CONSENSUS_EVENT_CANDIDATE:
        return on_candidate(rules, event->body);
    case QN_CONSENSUS_EVENT_VOTE:
        return on_vote(rules, event->body);
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        return on_certificate(rules, event->body);
    case QN_CONSENSUS_EVENT_CHECKED:
        return on_checked(rules, event->body);
    case QN_CONSENSUS_EVENT_TIMER:
        return on_timer(rules, event->body);
    case QN_CONSENSUS_EVENT_SIGNED:
        return on_signed(rules, event->body);
    case QN_CONSENSUS_EVENT_FINAL:
        return on_final(rules, event->body);
    case QN_CONSENSUS_EVENT_HEAD:
        return on_head(rules, event->body);
    default:
        return QN_OK;
    }
}

static int32_t bft_step(struct qn_inst *self, const struct qn_event *const *batch,
                        uint32_t batch_count, struct qn_effects *out)
{
    struct rules *rules = &self->rules;

    rules->out = out;
    rules->status = QN_OK;
    for (uint32_t i = 0; i < batch_count && rules->status == QN_OK; i++) {
        int32_t status = take(rules, batch[i]);

        if (status != QN_OK) {
            return status;
        }
        if (rules->is_open) {
            rules_run(rules);
        }
    }
    return rules->status;
}

/* --- questions --- */

static int32_t answer_bytes(const struct qn_inst *self, struct qn_sink *answer,
                            const uint8_t *bytes, uint64_t size)
{
    uint8_t *room = self->rules.host->sink_room(answer, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(room, bytes, size);
    self->rules.host->sink_commit(answer, size);
    return QN_OK;
}

static int32_t answer_status(const struct qn_inst *self, struct qn_sink *answer)
{
    const struct rules *rules = &self->rules;
    struct qn_consensus_status status = {
        .window = rules->is_open ? rules->window : 0,
        .round = rules->is_open ? rules->round : 0,
        .phase = rules_phase(rules),
        .have = rules_have(rules),
        .need = rules->is_open ? rules->quorum : 0,
        .lock_round = rules->is_open ? (int32_t)rules->lock.round : RULES_NOBODY,
    };
    uint8_t bytes[64];

    QN_ASSERT(qn_consensus_status_size(&status) <= sizeof bytes);
    return answer_bytes(self, answer, bytes,
                        (uint64_t)(qn_consensus_status_write(&status, bytes) - bytes));
}

static uint64_t text_add(uint8_t *text, uint64_t at, const char *words)
{
    uint64_t size = strlen(words);

    QN_ASSERT(at + size <= TEXT_ROOM);
    memcpy(text + at, words, size);
    return at + size;
}

static uint64_t number_add(uint8_t *text, uint64_t at, uint64_t number)
{
    uint8_t digits[20];
    uint32_t count = 0;

    do {
        digits[count++] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    QN_ASSERT(at + count <= TEXT_ROOM);
    while (count > 0) {
        text[at++] = digits[--count];
    }
    return at;
}

static int32_t answer_text(const struct qn_inst *self, struct qn_sink *answer)
{
    static const char *const phases[] = {"idle", "", "prepare", "final", "propose"};
    const struct rules *rules = &self->rules;
    uint8_t text[TEXT_ROOM];
    uint64_t at = text_add(text, 0, phases[rules_phase(rules)]);

    if (rules->is_open) {
        at = number_add(text, text_add(text, at, ", window "), rules->window);
        at = number_add(text, text_add(text, at, " round "), rules->round);
        at = number_add(text, text_add(text, at, ": "), rules_have(rules));
        at = number_add(text, text_add(text, at, " of "), rules->quorum);
        if (rules->timeout_round > rules->round) {
            at = text_add(text, at, ", timed out");
        }
        if (rules->lock.round >= 0) {
            at = number_add(text, text_add(text, at, ", locked in round "),
                            (uint64_t)rules->lock.round);
        }
    }
    return answer_bytes(self, answer, text, at);
}

static int32_t bft_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                         struct qn_sink *answer)
{
    (void)arg;
    switch (what) {
    case QUESTION_STATUS:
        return answer_status(self, answer);
    case QUESTION_TEXT:
        return answer_text(self, answer);
    default:
        return QN_UNSUPPORTED;
    }
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = bft_create,
    .destroy = bft_destroy,
};

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = bft_step,
    .query = bft_query,
};

const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = BFT_MANIFEST_PRINT,
    .kind = BFT_KIND,
    .name = BFT_NAME,
    .version = BFT_VERSION,
    .life = &life,
    .slots = &slots.head,
};
