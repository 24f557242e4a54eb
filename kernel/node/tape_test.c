/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/tape.h"

static struct qnk_budget budget = {.limit = 1 << 28};

enum { BYTES_MAX = 8192 };

/* --- events --- */

static struct qn_buf *buf_of(const char *text)
{
    struct qn_buf *buf =
        qnk_buf_copy(&budget, (struct qn_span){(const uint8_t *)text, strlen(text)});

    assert_non_null(buf);
    return buf;
}

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

/* The event's bytes, as a file has them. */
static struct qn_span spelled(const struct qnk_event *event, uint8_t bytes[BYTES_MAX])
{
    struct qnk_tape_piece piece;
    uint64_t size;

    qnk_tape_event_encode(event, &piece);
    size = piece.head_size;
    memcpy(bytes, piece.head, piece.head_size);
    for (uint32_t i = 0; i < piece.parts_count; i++) {
        assert_true(size + piece.parts[i].size <= BYTES_MAX);
        if (piece.parts[i].size > 0) {
            memcpy(bytes + size, piece.parts[i].data, piece.parts[i].size);
        }
        size += piece.parts[i].size;
    }
    return (struct qn_span){bytes, size};
}

static bool is_equal(struct qn_span a, struct qn_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Gives the bufs and the job of a decoded event back to it, as a replay does. */
static void revive(struct qnk_tape_event *tape, struct qn_buf **buf, struct qnk_job *job)
{
    *buf = tape->has_bytes ? qnk_buf_copy(&budget, tape->bytes) : NULL;
    if (tape->event.type == QNK_EVENT_RESTORE_BLOCK) {
        tape->event.block.body = *buf;
    } else if (tape->event.type == QNK_EVENT_SUBMIT) {
        tape->event.submit.txs = *buf;
    } else if (tape->event.type == QNK_EVENT_JOB) {
        *job = (struct qnk_job){.kind = tape->job.kind,
                                .status = tape->job.status,
                                .serial = tape->job.serial,
                                .turn = tape->job.turn,
                                .digest = tape->job.digest};
        tape->event.job = job;
    }
}

/* Every byte fewer and every byte more is no event. */
static void cuts_are_refused(struct qn_span bytes)
{
    uint8_t longer[BYTES_MAX + 1] = {0};
    struct qnk_tape_event tape;

    for (uint64_t size = 0; size < bytes.size; size++) {
        assert_int_equal(qnk_tape_event_decode((struct qn_span){bytes.data, size}, &tape),
                         QN_INVALID);
    }
    memcpy(longer, bytes.data, bytes.size);
    assert_int_equal(qnk_tape_event_decode((struct qn_span){longer, bytes.size + 1}, &tape),
                     QN_INVALID);
}

static void comes_back(struct qnk_event event, uint32_t type)
{
    uint8_t bytes[BYTES_MAX], again[BYTES_MAX];
    char text[QNK_TAPE_TEXT] = "";
    struct qnk_tape_event tape;
    struct qnk_job job;
    struct qn_buf *buf;
    struct qn_span spelt;

    event.type = type;
    event.now_us = UINT64_C(1767225600000000) + type;
    spelt = spelled(&event, bytes);
    assert_int_equal(qnk_tape_event_decode(spelt, &tape), QN_OK);
    assert_int_equal(tape.event.type, type);
    assert_int_equal(tape.event.now_us, event.now_us);
    revive(&tape, &buf, &job);
    assert_true(is_equal(spelled(&tape.event, again), spelt));
    qnk_tape_event_text(&tape, text);
    assert_true(text[0] != 0);
    qnk_buf_unref(buf);
    cuts_are_refused(spelt);
}

static void every_event_comes_back_as_it_was(void **state)
{
    struct qn_buf *buf = buf_of("a body");
    struct qnk_job job = {.kind = QNK_JOB_END, .serial = 7, .turn = 3, .digest = 9, .token = 1};
    struct qnk_event event = {0};

    (void)state;
    event.final.macro = span_of("macro");
    event.final.certificate = span_of("certificate");
    event.final.control = span_of("");
    event.final.next_set = span_of("set");
    event.final.frontier = span_of("frontier");
    event.final.is_last = true;
    comes_back(event, QNK_EVENT_RESTORE_FINAL);
    comes_back((struct qnk_event){.recent = span_of("header")}, QNK_EVENT_RESTORE_RECENT);
    event = (struct qnk_event){.block = {.header = span_of("header"), .place = 1, .body = buf}};
    comes_back(event, QNK_EVENT_RESTORE_BLOCK);
    event.block.verified = true;
    event.block.body = NULL;
    comes_back(event, QNK_EVENT_RESTORE_BLOCK);
    comes_back((struct qnk_event){.guard = span_of("record")}, QNK_EVENT_RESTORE_GUARD);
    comes_back((struct qnk_event){.start = {QNK_SIGNING_RESUME}}, QNK_EVENT_START);
    comes_back((struct qnk_event){.peer = {5, {{1, 2}}, {{3, 4}}, true}}, QNK_EVENT_PEER_UP);
    comes_back((struct qnk_event){.peer = {.peer = 5}}, QNK_EVENT_PEER_DOWN);
    event = (struct qnk_event){.frame = {.peer = 9, .buf = buf}};
    event.frame.head = (struct qnk_frame){2, 3, 1, 77, 6, qnk_buf_span(buf)};
    comes_back(event, QNK_EVENT_FRAME);
    comes_back((struct qnk_event){.timer = 63}, QNK_EVENT_TIMER);
    event = (struct qnk_event){.plugged = {1, 7, QN_NOT_FOUND, {NULL, NULL}, span_of("no file")}};
    comes_back(event, QNK_EVENT_PLUGGED);
    comes_back((struct qnk_event){.propose = {1, 2, span_of("plan")}}, QNK_EVENT_PROPOSE);
    comes_back((struct qnk_event){.abandon = {1}}, QNK_EVENT_ABANDON);
    comes_back((struct qnk_event){.job = &job}, QNK_EVENT_JOB);
    comes_back((struct qnk_event){.stored = {1, 2, QN_IO}}, QNK_EVENT_STORED);
    comes_back((struct qnk_event){.sign = {1, QN_OK, 2, {3}}}, QNK_EVENT_SIGNED);
    comes_back((struct qnk_event){.secrets = {1, {{2}}, {{3}}, {{4}}, true}}, QNK_EVENT_SECRETS);
    comes_back((struct qnk_event){.submit = {4, buf}}, QNK_EVENT_SUBMIT);
    comes_back((struct qnk_event){.control = {QNK_CONTROL_HOLD}}, QNK_EVENT_CONTROL);
    comes_back((struct qnk_event){.checked = {8, QN_CORRUPT, span_of("h")}}, QNK_EVENT_CHECKED);
    comes_back((struct qnk_event){.checked = {8, QN_OK, span_of("")}}, QNK_EVENT_CHECKED);
    comes_back((struct qnk_event){.rotten = {span_of("header")}}, QNK_EVENT_ROTTEN);
    qnk_buf_unref(buf);
    assert_int_equal(budget.used, 0);
}

static void what_no_encoder_makes_is_refused(void **state)
{
    uint8_t bytes[BYTES_MAX];
    struct qnk_event event = {.type = QNK_EVENT_PEER_UP};
    struct qnk_tape_event tape;
    struct qn_span spelt = spelled(&event, bytes);

    (void)state;
    bytes[spelt.size - 1] = 2; /* of a flag */
    assert_int_equal(qnk_tape_event_decode(spelt, &tape), QN_INVALID);
    bytes[8] = QNK_EVENT_ROTTEN + 1;
    assert_int_equal(qnk_tape_event_decode(spelt, &tape), QN_INVALID);
}

/* --- effects --- */

static void push_stores(struct qnk_effects *effects)
{
    struct qnk_effect *effect = qnk_effects_push(effects, QNK_EFFECT_STORE_BLOCK);

    effect->block.token = 12;
    effect->block.body = buf_of("body");
    effect->block.verified = true;
    effect = qnk_effects_push(effects, QNK_EFFECT_STORE_FINAL);
    effect->final = qnk_memory_take(&budget, sizeof *effect->final);
    assert_non_null(effect->final);
    effect->final->budget = &budget;
    effect->final->token = UINT64_MAX;
    effect->final->certificate = buf_of("certificate");
    effect = qnk_effects_push(effects, QNK_EFFECT_STORE_TXS);
    effect->txs.rows = buf_of("rows and more");
    effect->txs.size = 4;
    qnk_effects_push(effects, QNK_EFFECT_GUARD_TRIM)->trim.records = buf_of("records");
}

static void push_signs(struct qnk_effects *effects)
{
    struct qnk_effect *effect = qnk_effects_push(effects, QNK_EFFECT_SIGN);

    effect->sign = qnk_memory_take(&budget, sizeof *effect->sign);
    assert_non_null(effect->sign);
    effect->sign->budget = &budget;
    effect->sign->body = buf_of("body");
    effect->sign->message_size = 3;
    effect = qnk_effects_push(effects, QNK_EFFECT_SECRETS);
    effect->secrets.token = 5;
    effect->secrets.last_share.bytes[0] = 1;
}

/* One of each type, in their order. */
static void push_all(struct qnk_effects *effects)
{
    struct qnk_effect *effect = qnk_effects_push(effects, QNK_EFFECT_SEND);
    struct qn_buf *body = buf_of("a body");

    effect->send.peer = 300;
    effect->send.head = buf_of("head");
    effect->send.body = (struct qn_slice){body, body->data, body->size};
    effect = qnk_effects_push(effects, QNK_EFFECT_TIMER);
    effect->timer.at_us = UINT64_C(1) << 50;
    qnk_effects_push(effects, QNK_EFFECT_CANCEL)->timer.id = 3;
    effect = qnk_effects_push(effects, QNK_EFFECT_JOB);
    effect->job = qnk_job_create(&budget, QNK_JOB_SIGS, 8);
    assert_true(qnk_job_sigs(effect->job, 2, 10));
    memset(effect->job->messages->data, 0, 10);
    push_stores(effects);
    push_signs(effects);
    qnk_effects_push(effects, QNK_EFFECT_STORE_PLACE)->place.place = 9;
    qnk_effects_push(effects, QNK_EFFECT_CHECK)->check.height = 10;
    qnk_effects_push(effects, QNK_EFFECT_SERVE)->serve.fetch.count = 4;
    qnk_effects_push(effects, QNK_EFFECT_REPLY)->reply.codes = buf_of("codes");
    qnk_effects_push(effects, QNK_EFFECT_SCORE)->score.fault = QNK_FAULT_BAD_TX;
    effect = qnk_effects_push(effects, QNK_EFFECT_NOTE);
    effect->note.event = "event-name";
    memcpy(effect->note.text, "words\n", sizeof "words\n");
    memcpy(qnk_effects_push(effects, QNK_EFFECT_HALT)->halt.text, "why", sizeof "why");
    effect = qnk_effects_push(effects, QNK_EFFECT_NEED);
    effect->need = qnk_memory_take(&budget, sizeof *effect->need);
    effect->need->budget = &budget;
    effect->need->binding = (struct qnk_binding){.number = 2, .name = "bft", .version = "1.0"};
    qnk_effects_push(effects, QNK_EFFECT_UNPLUG)->unplug.number = 1;
    qnk_effects_push(effects, QNK_EFFECT_PROPOSED)->proposed.status = QN_DENIED;
}

struct page {
    struct qnk_effects effects;
    struct qn_sink bytes;
};

static void page_open(struct page *page)
{
    qnk_effects_init(&page->effects, &budget);
    qnk_sink_init(&page->bytes, &budget, 1 << 20);
    push_all(&page->effects);
}

static struct qn_span page_spelled(struct page *page)
{
    qnk_sink_cut(&page->bytes, 0);
    assert_int_equal(qnk_tape_effects_encode(&page->effects, &page->bytes), QN_OK);
    return qnk_sink_span(&page->bytes);
}

static void page_close(struct page *page)
{
    qnk_effects_done(&page->effects);
    qnk_sink_done(&page->bytes);
}

static void every_effect_is_spelled(void **state)
{
    static const char *const names[] = {
        "send",    "timer", "cancel", "job",     "store-block", "store-final", "store-txs",
        "guard-t", "sign",  "secret", "store-p", "check",       "serve",       "reply",
        "score",   "note",  "halt",   "need",    "unplug",      "propose",
    };
    struct page page;
    struct qn_span bytes;
    char text[QNK_TAPE_TEXT];
    uint32_t count;

    (void)state;
    page_open(&page);
    bytes = page_spelled(&page);
    assert_int_equal(qnk_tape_effects_check(bytes, &count), QN_OK);
    assert_int_equal(count, QNK_EFFECT_PROPOSED + 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(qnk_tape_effect_text(bytes, i, text));
        assert_memory_equal(text, names[i], strlen(names[i]));
    }
    assert_false(qnk_tape_effect_text(bytes, count, text));
    for (uint64_t size = 0; size < bytes.size; size++) {
        assert_int_equal(qnk_tape_effects_check((struct qn_span){bytes.data, size}, &count),
                         QN_INVALID);
    }
    page_close(&page);
    assert_int_equal(budget.used, 0);
}

/* `change` makes the second of two equal lists different in `field` of effect `place`. */
static void differs(uint32_t place, const char *field, void (*change)(struct qnk_effect *effect))
{
    struct page a, b;
    struct qnk_tape_diff diff;

    page_open(&a);
    page_open(&b);
    assert_false(qnk_tape_effects_diff(page_spelled(&a), page_spelled(&b), &diff));
    change(&b.effects.list[place]);
    assert_true(qnk_tape_effects_diff(page_spelled(&a), page_spelled(&b), &diff));
    assert_int_equal(diff.place, place);
    assert_string_equal(diff.field, field);
    assert_string_not_equal(diff.a, diff.b);
    page_close(&a);
    page_close(&b);
}

static void peer_change(struct qnk_effect *effect)
{
    effect->send.peer++;
}

static void body_change(struct qnk_effect *effect)
{
    effect->send.body.owner->data[2] ^= 1;
}

static void input_change(struct qnk_effect *effect)
{
    effect->job->sigs[1].key.bytes[0] ^= 1;
}

static void row_change(struct qnk_effect *effect)
{
    effect->txs.rows->data[3] ^= 1;
}

static void words_change(struct qnk_effect *effect)
{
    effect->note.text[0] ^= 1;
}

static void name_change(struct qnk_effect *effect)
{
    effect->need->binding.name[0] = 'x';
}

static void share_change(struct qnk_effect *effect)
{
    effect->secrets.last_share.bytes[3] = 1;
}

static void the_first_different_field_is_named(void **state)
{
    (void)state;
    differs(0, "peer", peer_change);
    differs(0, "body", body_change);
    differs(3, "input", input_change);
    differs(6, "rows", row_change);
    differs(9, "last_share", share_change);
    differs(15, "text", words_change);
    differs(17, "name", name_change);
    assert_int_equal(budget.used, 0);
}

static void a_longer_list_differs_where_the_other_ends(void **state)
{
    struct page a, b;
    struct qnk_tape_diff diff;

    (void)state;
    page_open(&a);
    page_open(&b);
    (void)qnk_effects_push(&b.effects, QNK_EFFECT_CANCEL);
    assert_true(qnk_tape_effects_diff(page_spelled(&a), page_spelled(&b), &diff));
    assert_int_equal(diff.place, QNK_EFFECT_PROPOSED + 1);
    assert_string_equal(diff.field, "effect");
    assert_string_equal(diff.a, "nothing");
    assert_string_equal(diff.b, "cancel id=0");
    page_close(&a);
    page_close(&b);
    assert_int_equal(budget.used, 0);
}

static void a_number_has_one_form(void **state)
{
    static const uint8_t long_zero[] = {0x80, 0x00};
    static const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t none[] = {0};
    uint32_t count;

    (void)state;
    assert_int_equal(qnk_tape_effects_check((struct qn_span){none, 1}, &count), QN_OK);
    assert_int_equal(qnk_tape_effects_check((struct qn_span){long_zero, 2}, &count), QN_INVALID);
    assert_int_equal(qnk_tape_effects_check((struct qn_span){too_large, 10}, &count), QN_INVALID);
}

/* --- setup --- */

static void a_setup_comes_back_as_it_was(void **state)
{
    const struct qnk_set_member members[] = {{{{1}}, 3}, {{{2}}, 4}};
    const struct qnk_hash tips[] = {{{5}}, {{6}}};
    struct qnk_setup setup = {.type = QNK_NODE_SUPER,
                              .seed = 77,
                              .has_validator = true,
                              .resend_ms = 300,
                              .limits = {.memory = 1 << 20},
                              .tips = tips};
    struct qnk_tape_setup tape;
    struct qnk_set *set;
    struct qn_sink a, b;

    (void)state;
    assert_int_equal(qnk_set_new(&budget, members, 2, &set), QN_OK);
    setup.genesis_set = set;
    setup.params.window = 90;
    memcpy(setup.params.bindings[1].name, "round-robin", sizeof "round-robin");
    setup.params.bindings[0].steps_count = 2;
    setup.params.bindings[0].steps[1] = 9;
    setup.params.bindings[2].config_size = 3;
    qnk_sink_init(&a, &budget, 1 << 20);
    qnk_sink_init(&b, &budget, 1 << 20);
    assert_int_equal(qnk_tape_setup_encode(&setup, &a), QN_OK);
    assert_int_equal(qnk_tape_setup_decode(&budget, qnk_sink_span(&a), &tape), QN_OK);
    assert_int_equal(tape.setup.seed, 77);
    assert_int_equal(tape.setup.params.window, 90);
    assert_int_equal(tape.setup.genesis_set->count, 2);
    assert_int_equal(qnk_tape_setup_encode(&tape.setup, &b), QN_OK);
    assert_true(is_equal(qnk_sink_span(&a), qnk_sink_span(&b)));
    qnk_tape_setup_done(&tape);
    for (uint64_t size = 0; size < a.size; size++) {
        assert_int_equal(qnk_tape_setup_decode(&budget, (struct qn_span){a.data, size}, &tape),
                         QN_INVALID);
    }
    qnk_set_unref(set);
    qnk_sink_done(&a);
    qnk_sink_done(&b);
    assert_int_equal(budget.used, 0);
}

/* --- jobs --- */

static void a_job_is_told_by_its_answers(void **state)
{
    struct qnk_job *job = qnk_job_create(&budget, QNK_JOB_SIGS, 1);
    uint32_t good, bad;

    (void)state;
    assert_true(qnk_job_sigs(job, 3, 8));
    job->bitmap = qnk_memory_take(&budget, 1);
    bad = qnk_tape_job_digest(job);
    job->bitmap[0] = 1;
    good = qnk_tape_job_digest(job);
    assert_int_not_equal(good, bad);
    job->bitmap[0] |= 0x80; /* beyond its items */
    assert_int_equal(qnk_tape_job_digest(job), good);
    job->token = 99; /* not an answer */
    assert_int_equal(qnk_tape_job_digest(job), good);
    job->status = QN_NO_SPACE;
    assert_int_not_equal(qnk_tape_job_digest(job), good);
    qnk_job_destroy(job);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_comes_back_as_it_was),
        cmocka_unit_test(what_no_encoder_makes_is_refused),
        cmocka_unit_test(every_effect_is_spelled),
        cmocka_unit_test(the_first_different_field_is_named),
        cmocka_unit_test(a_longer_list_differs_where_the_other_ends),
        cmocka_unit_test(a_number_has_one_form),
        cmocka_unit_test(a_setup_comes_back_as_it_was),
        cmocka_unit_test(a_job_is_told_by_its_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
