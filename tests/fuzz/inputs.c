/* SPDX-License-Identifier: MIT */

/* inputs.c: a file of an input log. The first byte says what the rest is: the file, or, so that no
 * checksum is in the way, one of the things that are in it. */

#include "kernel/base/crc32c.h"
#include "kernel/host/inputs_head.h"
#include "kernel/host/inputs_read.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 1 << 16 };

static struct qnk_budget budget = {.limit = 1 << 26};

enum what { WHAT_FILE, WHAT_HEAD, WHAT_EVENT, WHAT_EFFECTS, WHAT_SETUP, WHATS };

/* What was decoded is encoded as the same bytes. */
static void event_take(struct qn_span span)
{
    static uint8_t again[ROOM];
    struct qnk_tape_event tape;
    struct qnk_tape_piece piece;
    struct qnk_job job = {0};
    struct qn_buf *buf = NULL;
    char text[QNK_TAPE_TEXT];
    uint64_t size;

    if (span.size > ROOM || qnk_tape_event_decode(span, &tape) != QN_OK) {
        return;
    }
    qnk_tape_event_text(&tape, text);
    if (tape.has_bytes) {
        buf = qnk_buf_copy(&budget, tape.bytes);
        QN_ASSERT(buf != NULL);
    }
    job = (struct qnk_job){.kind = tape.job.kind,
                           .status = tape.job.status,
                           .turn = tape.job.turn,
                           .digest = tape.job.digest,
                           .serial = tape.job.serial};
    if (tape.event.type == QNK_EVENT_RESTORE_BLOCK) {
        tape.event.block.body = buf;
    } else if (tape.event.type == QNK_EVENT_SUBMIT) {
        tape.event.submit.txs = buf;
    } else if (tape.event.type == QNK_EVENT_JOB) {
        tape.event.job = &job;
    }
    qnk_tape_event_encode(&tape.event, &piece);
    memcpy(again, piece.head, piece.head_size);
    size = piece.head_size;
    for (uint32_t i = 0; i < piece.parts_count; i++) {
        QN_ASSERT(size + piece.parts[i].size <= ROOM);
        if (piece.parts[i].size > 0) {
            memcpy(again + size, piece.parts[i].data, piece.parts[i].size);
        }
        size += piece.parts[i].size;
    }
    QN_ASSERT(fuzz_is_same(span, again, size));
    qnk_buf_unref(buf);
}

static void effects_take(struct qn_span span)
{
    static struct qnk_tape_diff diff;
    static const uint8_t none[] = {0};
    char text[QNK_TAPE_TEXT];
    uint32_t count;

    if (qnk_tape_effects_check(span, &count) != QN_OK) {
        return;
    }
    for (uint32_t i = 0; i < count && i < 64; i++) {
        QN_ASSERT(qnk_tape_effect_text(span, i, text));
    }
    QN_ASSERT(!qnk_tape_effect_text(span, count, text));
    QN_ASSERT(!qnk_tape_effects_diff(span, span, &diff));
    QN_ASSERT(qnk_tape_effects_diff(span, (struct qn_span){none, 1}, &diff) == (count > 0));
}

static void head_take(struct qn_span span)
{
    struct qnk_inputs_head head;
    struct qn_sink out;

    if (qnk_inputs_head_decode(span, &head) != QN_OK) {
        return;
    }
    qnk_sink_init(&out, &budget, 1 << 24);
    QN_ASSERT(qnk_inputs_head_encode(&head, &out) == QN_OK);
    QN_ASSERT(fuzz_is_same(span, out.data, out.size));
    qnk_sink_done(&out);
}

static void setup_take(struct qn_span span)
{
    struct qnk_tape_setup tape;
    struct qn_sink out;

    if (qnk_tape_setup_decode(&budget, span, &tape) != QN_OK) {
        return;
    }
    qnk_sink_init(&out, &budget, 1 << 24);
    QN_ASSERT(qnk_tape_setup_encode(&tape.setup, &out) == QN_OK);
    QN_ASSERT(fuzz_is_same(span, out.data, out.size));
    qnk_sink_done(&out);
    qnk_tape_setup_done(&tape);
}

static void file_take(struct qn_span span)
{
    struct qnk_inputs_record record;

    while (qnk_inputs_record_decode(&span, &record) == QN_OK) {
        QN_ASSERT(record.type >= QNK_INPUTS_HEAD && record.type <= QNK_INPUTS_STOPPED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_span rest = {data + 1, size - 1};

    if (size == 0) {
        return 0;
    }
    switch ((enum what)(data[0] % WHATS)) {
    case WHAT_FILE:
        file_take(rest);
        break;
    case WHAT_HEAD:
        head_take(rest);
        break;
    case WHAT_EVENT:
        event_take(rest);
        break;
    case WHAT_EFFECTS:
        effects_take(rest);
        break;
    case WHAT_SETUP:
        setup_take(rest);
        break;
    case WHATS:
        break;
    }
    QN_ASSERT(budget.used == 0);
    return 0;
}

/* --- seeds --- */

static struct qnk_budget seed_budget = {.limit = 1 << 24};

static void give(fuzz_take *take, enum what what, const void *bytes, uint64_t size)
{
    static uint8_t all[ROOM];

    QN_ASSERT(size < sizeof all);
    all[0] = (uint8_t)what;
    memcpy(all + 1, bytes, size);
    take(all, size + 1);
}

static void events_give(fuzz_take *take)
{
    struct qnk_job job = {.kind = QNK_JOB_VERIFY, .serial = 4, .turn = 2};
    struct qn_buf *buf = qnk_buf_copy(&seed_budget, (struct qn_span){(const uint8_t *)"body", 4});
    struct qnk_tape_piece piece;
    uint8_t bytes[512];

    QN_ASSERT(buf != NULL);
    for (uint32_t type = 0; type <= QNK_EVENT_ABANDON; type++) {
        struct qnk_event event = {.type = type, .now_us = 1};
        uint64_t size;

        if (type == QNK_EVENT_JOB) {
            event.job = &job;
        } else if (type == QNK_EVENT_SUBMIT) {
            event.submit.txs = buf;
        } else if (type == QNK_EVENT_RESTORE_BLOCK) {
            event.block.body = buf;
        } else if (type == QNK_EVENT_FRAME) {
            event.frame.head.body = qnk_buf_span(buf);
        }
        qnk_tape_event_encode(&event, &piece);
        memcpy(bytes, piece.head, piece.head_size);
        size = piece.head_size;
        for (uint32_t i = 0; i < piece.parts_count; i++) {
            if (piece.parts[i].size > 0) {
                memcpy(bytes + size, piece.parts[i].data, piece.parts[i].size);
            }
            size += piece.parts[i].size;
        }
        give(take, WHAT_EVENT, bytes, size);
    }
    qnk_buf_unref(buf);
}

static void effects_give(fuzz_take *take)
{
    struct qnk_effects effects;
    struct qn_sink out;

    qnk_effects_init(&effects, &seed_budget);
    qnk_effects_push(&effects, QNK_EFFECT_SEND)->send.peer = 3;
    qnk_effects_push(&effects, QNK_EFFECT_TIMER)->timer.at_us = UINT64_MAX;
    qnk_effects_push(&effects, QNK_EFFECT_NOTE)->note.event = "event";
    (void)qnk_effects_push(&effects, QNK_EFFECT_HALT);
    qnk_effects_push(&effects, QNK_EFFECT_UNPLUG)->unplug.number = 1;
    (void)qnk_effects_push(&effects, QNK_EFFECT_PROPOSED);
    qnk_sink_init(&out, &seed_budget, ROOM);
    QN_ASSERT(qnk_tape_effects_encode(&effects, &out) == QN_OK);
    give(take, WHAT_EFFECTS, out.data, out.size);
    qnk_sink_done(&out);
    qnk_effects_done(&effects);
}

static void heads_give(fuzz_take *take)
{
    const struct qnk_set_member member = {{{1}}, 1};
    const struct qnk_hash tip = {{2}};
    struct qnk_setup setup = {.type = QNK_NODE_FULL, .tips = &tip};
    struct qnk_inputs_head head = {.pages = 1, .has_state = true, .plugins_count = 1};
    struct qnk_set *set;
    struct qn_sink told, out;

    QN_ASSERT(qnk_set_new(&seed_budget, &member, 1, &set) == QN_OK);
    setup.genesis_set = set;
    qnk_sink_init(&told, &seed_budget, ROOM);
    qnk_sink_init(&out, &seed_budget, ROOM);
    QN_ASSERT(qnk_tape_setup_encode(&setup, &told) == QN_OK);
    give(take, WHAT_SETUP, told.data, told.size);
    head.setup = qnk_sink_span(&told);
    QN_ASSERT(qnk_inputs_head_encode(&head, &out) == QN_OK);
    give(take, WHAT_HEAD, out.data, out.size);
    qnk_sink_done(&told);
    qnk_sink_done(&out);
    qnk_set_unref(set);
}

void fuzz_seeds(fuzz_take *take)
{
    uint8_t begin[16] = {1, [8] = QNK_INPUTS_BEGIN};

    qn_le32_write(begin + 4, qnk_crc32c(0, begin + 8, 1));
    events_give(take);
    effects_give(take);
    heads_give(take);
    give(take, WHAT_FILE, begin, sizeof begin);
}
