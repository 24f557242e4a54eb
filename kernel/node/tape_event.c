/* SPDX-License-Identifier: MIT */

/* tape_event.c: events as bytes. A head of fixed fields in the order of the struct, the sizes of
 * the parts at its end, then the parts. */

#include "kernel/node/tape.h"

#include <qnet/assert.h>

#include "kernel/base/bytes.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"

/* --- encoding --- */

static void part_put(struct qnk_tape_piece *piece, struct qn_span part)
{
    QN_ASSERT(piece->parts_count < QNK_TAPE_PARTS && part.size <= UINT32_MAX);
    piece->parts[piece->parts_count++] = part;
}

static void buf_put(struct qnk_tape_piece *piece, struct qnk_writer *head, const struct qn_buf *buf)
{
    qnk_writer_u8(head, buf != NULL);
    part_put(piece, buf != NULL ? qnk_buf_span(buf) : (struct qn_span){0});
}

static void final_put(const struct qnk_event *event, struct qnk_tape_piece *piece,
                      struct qnk_writer *head)
{
    qnk_writer_u8(head, event->final.is_last);
    part_put(piece, event->final.macro);
    part_put(piece, event->final.certificate);
    part_put(piece, event->final.control);
    part_put(piece, event->final.next_set);
    part_put(piece, event->final.frontier);
}

static void block_put(const struct qnk_event *event, struct qnk_tape_piece *piece,
                      struct qnk_writer *head)
{
    qnk_writer_u64(head, event->block.place);
    qnk_writer_u8(head, event->block.verified);
    part_put(piece, event->block.header);
    buf_put(piece, head, event->block.body);
}

static void frame_put(const struct qnk_event *event, struct qnk_tape_piece *piece,
                      struct qnk_writer *head)
{
    const struct qnk_frame *frame = &event->frame.head;

    qnk_writer_u32(head, event->frame.peer);
    qnk_writer_u8(head, frame->lane);
    qnk_writer_u8(head, frame->type);
    qnk_writer_u16(head, frame->packing);
    qnk_writer_u32(head, frame->request);
    qnk_writer_u32(head, frame->plain_size);
    part_put(piece, frame->body);
}

static void job_put(const struct qnk_job *job, struct qnk_writer *head)
{
    qnk_writer_u64(head, job->serial);
    qnk_writer_u64(head, job->turn);
    qnk_writer_u32(head, job->kind);
    qnk_writer_u32(head, (uint32_t)job->status);
    qnk_writer_u32(head, job->digest);
}

static void sign_put(const struct qnk_event *event, struct qnk_writer *head)
{
    qnk_writer_u64(head, event->sign.token);
    qnk_writer_u32(head, (uint32_t)event->sign.status);
    qnk_writer_u64(head, event->sign.place);
    qnk_writer_bytes(head, event->sign.signature, QN_SIG_SIZE);
}

static void secrets_put(const struct qnk_event *event, struct qnk_writer *head)
{
    qnk_writer_u64(head, event->secrets.token);
    qnk_writer_bytes(head, event->secrets.blind.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(head, event->secrets.share.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(head, event->secrets.next_tip.bytes, QN_HASH_SIZE);
    qnk_writer_u8(head, event->secrets.has_share);
}

static void body_put(const struct qnk_event *event, struct qnk_tape_piece *piece,
                     struct qnk_writer *head)
{
    switch ((enum qnk_event_type)event->type) {
    case QNK_EVENT_RESTORE_FINAL:
        final_put(event, piece, head);
        break;
    case QNK_EVENT_RESTORE_RECENT:
        part_put(piece, event->recent);
        break;
    case QNK_EVENT_RESTORE_BLOCK:
        block_put(event, piece, head);
        break;
    case QNK_EVENT_RESTORE_GUARD:
        part_put(piece, event->guard);
        break;
    case QNK_EVENT_START:
        qnk_writer_u32(head, event->start.signing);
        break;
    case QNK_EVENT_PEER_UP:
        qnk_writer_u32(head, event->peer.peer);
        qnk_writer_bytes(head, event->peer.key.bytes, QN_HASH_SIZE);
        qnk_writer_bytes(head, event->peer.validator.bytes, QN_HASH_SIZE);
        qnk_writer_u8(head, event->peer.outgoing);
        break;
    case QNK_EVENT_PEER_DOWN:
        qnk_writer_u32(head, event->peer.peer);
        break;
    case QNK_EVENT_FRAME:
        frame_put(event, piece, head);
        break;
    case QNK_EVENT_TIMER:
        qnk_writer_u32(head, event->timer);
        break;
    case QNK_EVENT_JOB:
        job_put(event->job, head);
        break;
    case QNK_EVENT_STORED:
        qnk_writer_u64(head, event->stored.token);
        qnk_writer_u64(head, event->stored.place);
        qnk_writer_u32(head, (uint32_t)event->stored.status);
        break;
    case QNK_EVENT_SIGNED:
        sign_put(event, head);
        break;
    case QNK_EVENT_SECRETS:
        secrets_put(event, head);
        break;
    case QNK_EVENT_SUBMIT:
        qnk_writer_u64(head, event->submit.token);
        part_put(piece, qnk_buf_span(event->submit.txs));
        break;
    case QNK_EVENT_CONTROL:
        qnk_writer_u32(head, event->control.what);
        break;
    case QNK_EVENT_CHECKED:
        qnk_writer_u64(head, event->checked.next);
        qnk_writer_u32(head, (uint32_t)event->checked.status);
        part_put(piece, event->checked.header);
        break;
    case QNK_EVENT_ROTTEN:
        part_put(piece, event->rotten.header);
        break;
    case QNK_EVENT_PLUGGED:
        qnk_writer_u32(head, event->plugged.kind);
        qnk_writer_u32(head, event->plugged.number);
        qnk_writer_u32(head, (uint32_t)event->plugged.status);
        part_put(piece, event->plugged.words);
        break;
    case QNK_EVENT_PROPOSE:
        qnk_writer_u64(head, event->propose.token);
        qnk_writer_u8(head, event->propose.kind);
        part_put(piece, event->propose.payload);
        break;
    case QNK_EVENT_ABANDON:
        qnk_writer_u64(head, event->abandon.token);
        break;
    }
}

void qnk_tape_event_encode(const struct qnk_event *event, struct qnk_tape_piece *piece)
{
    struct qnk_writer head = qnk_writer_init(piece->head, sizeof piece->head);

    piece->parts_count = 0;
    qnk_writer_u64(&head, event->now_us);
    qnk_writer_u8(&head, (uint8_t)event->type);
    body_put(event, piece, &head);
    for (uint32_t i = 0; i < piece->parts_count; i++) {
        qnk_writer_u32(&head, (uint32_t)piece->parts[i].size);
    }
    piece->head_size = (uint32_t)(sizeof piece->head - head.room);
}

/* --- decoding --- */

static bool flag_get(struct qnk_reader *reader)
{
    uint8_t flag = qnk_reader_u8(reader);

    reader->failed = reader->failed || flag > 1;
    return flag == 1;
}

static int32_t status_get(struct qnk_reader *reader)
{
    uint32_t status = qnk_reader_u32(reader);

    reader->failed = reader->failed || status >= QN_STATUS_COUNT;
    return (int32_t)status;
}

/* The sizes of `count` parts and the parts. */
static void parts_get(struct qnk_reader *reader, struct qn_span *const parts[], uint32_t count)
{
    uint32_t sizes[QNK_TAPE_PARTS];

    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = qnk_reader_u32(reader);
    }
    for (uint32_t i = 0; i < count; i++) {
        *parts[i] = qnk_reader_span(reader, sizes[i]);
    }
}

static void part_get(struct qnk_reader *reader, struct qn_span *part)
{
    struct qn_span *const parts[] = {part};

    parts_get(reader, parts, 1);
}

static void final_get(struct qnk_reader *reader, struct qnk_event *event)
{
    struct qn_span *const parts[] = {&event->final.macro, &event->final.certificate,
                                     &event->final.control, &event->final.next_set,
                                     &event->final.frontier};

    event->final.is_last = flag_get(reader);
    parts_get(reader, parts, QNK_TAPE_PARTS);
}

static void block_get(struct qnk_reader *reader, struct qnk_tape_event *out)
{
    struct qn_span *const parts[] = {&out->event.block.header, &out->bytes};

    out->event.block.place = qnk_reader_u64(reader);
    out->event.block.verified = flag_get(reader);
    out->has_bytes = flag_get(reader);
    parts_get(reader, parts, 2);
    reader->failed = reader->failed || (!out->has_bytes && out->bytes.size > 0);
}

static void frame_get(struct qnk_reader *reader, struct qnk_tape_event *out)
{
    struct qnk_frame *frame = &out->event.frame.head;

    out->event.frame.peer = qnk_reader_u32(reader);
    frame->lane = qnk_reader_u8(reader);
    frame->type = qnk_reader_u8(reader);
    frame->packing = qnk_reader_u16(reader);
    frame->request = qnk_reader_u32(reader);
    frame->plain_size = qnk_reader_u32(reader);
    out->has_bytes = true;
    part_get(reader, &out->bytes);
    frame->body = out->bytes;
}

static void job_get(struct qnk_reader *reader, struct qnk_tape_job *job)
{
    job->serial = qnk_reader_u64(reader);
    job->turn = qnk_reader_u64(reader);
    job->kind = qnk_reader_u32(reader);
    job->status = status_get(reader);
    job->digest = qnk_reader_u32(reader);
    reader->failed = reader->failed || job->kind > QNK_JOB_END;
}

static void sign_get(struct qnk_reader *reader, struct qnk_event *event)
{
    event->sign.token = qnk_reader_u64(reader);
    event->sign.status = status_get(reader);
    event->sign.place = qnk_reader_u64(reader);
    qnk_reader_copy(reader, event->sign.signature, QN_SIG_SIZE);
}

static void secrets_get(struct qnk_reader *reader, struct qnk_event *event)
{
    event->secrets.token = qnk_reader_u64(reader);
    qnk_reader_copy(reader, event->secrets.blind.bytes, QN_HASH_SIZE);
    qnk_reader_copy(reader, event->secrets.share.bytes, QN_HASH_SIZE);
    qnk_reader_copy(reader, event->secrets.next_tip.bytes, QN_HASH_SIZE);
    event->secrets.has_share = flag_get(reader);
}

static void body_get(struct qnk_reader *reader, struct qnk_tape_event *out)
{
    struct qnk_event *event = &out->event;

    switch ((enum qnk_event_type)event->type) {
    case QNK_EVENT_RESTORE_FINAL:
        final_get(reader, event);
        break;
    case QNK_EVENT_RESTORE_RECENT:
        part_get(reader, &event->recent);
        break;
    case QNK_EVENT_RESTORE_BLOCK:
        block_get(reader, out);
        break;
    case QNK_EVENT_RESTORE_GUARD:
        part_get(reader, &event->guard);
        break;
    case QNK_EVENT_START:
        event->start.signing = qnk_reader_u32(reader);
        break;
    case QNK_EVENT_PEER_UP:
        event->peer.peer = qnk_reader_u32(reader);
        qnk_reader_copy(reader, event->peer.key.bytes, QN_HASH_SIZE);
        qnk_reader_copy(reader, event->peer.validator.bytes, QN_HASH_SIZE);
        event->peer.outgoing = flag_get(reader);
        break;
    case QNK_EVENT_PEER_DOWN:
        event->peer.peer = qnk_reader_u32(reader);
        break;
    case QNK_EVENT_FRAME:
        frame_get(reader, out);
        break;
    case QNK_EVENT_TIMER:
        event->timer = qnk_reader_u32(reader);
        break;
    case QNK_EVENT_JOB:
        job_get(reader, &out->job);
        break;
    case QNK_EVENT_STORED:
        event->stored.token = qnk_reader_u64(reader);
        event->stored.place = qnk_reader_u64(reader);
        event->stored.status = status_get(reader);
        break;
    case QNK_EVENT_SIGNED:
        sign_get(reader, event);
        break;
    case QNK_EVENT_SECRETS:
        secrets_get(reader, event);
        break;
    case QNK_EVENT_SUBMIT:
        event->submit.token = qnk_reader_u64(reader);
        out->has_bytes = true;
        part_get(reader, &out->bytes);
        break;
    case QNK_EVENT_CONTROL:
        event->control.what = qnk_reader_u32(reader);
        break;
    case QNK_EVENT_CHECKED:
        event->checked.next = qnk_reader_u64(reader);
        event->checked.status = status_get(reader);
        part_get(reader, &event->checked.header);
        break;
    case QNK_EVENT_ROTTEN:
        part_get(reader, &event->rotten.header);
        break;
    case QNK_EVENT_PLUGGED:
        event->plugged.kind = qnk_reader_u32(reader);
        event->plugged.number = qnk_reader_u32(reader);
        event->plugged.status = status_get(reader);
        part_get(reader, &event->plugged.words);
        break;
    case QNK_EVENT_PROPOSE:
        event->propose.token = qnk_reader_u64(reader);
        event->propose.kind = qnk_reader_u8(reader);
        part_get(reader, &event->propose.payload);
        break;
    case QNK_EVENT_ABANDON:
        event->abandon.token = qnk_reader_u64(reader);
        break;
    default:
        reader->failed = true;
        break;
    }
}

int32_t qnk_tape_event_decode(struct qn_span from, struct qnk_tape_event *out)
{
    struct qnk_reader reader = qnk_reader_init(from);
    struct qnk_tape_event event = {0};

    event.event.now_us = qnk_reader_u64(&reader);
    event.event.type = qnk_reader_u8(&reader);
    body_get(&reader, &event);
    if (!qnk_reader_done(&reader)) {
        return QN_INVALID;
    }
    *out = event;
    return QN_OK;
}

/* --- for people --- */

#define LLU(number) ((unsigned long long)(number))

static const char *job_name(uint32_t kind)
{
    static const char *const names[] = {
        [QNK_JOB_INTAKE] = "intake", [QNK_JOB_VERIFY] = "verify", [QNK_JOB_SIGS] = "sigs",
        [QNK_JOB_BODY] = "body",     [QNK_JOB_APPLY] = "apply",   [QNK_JOB_KEEP] = "keep",
        [QNK_JOB_BUILD] = "build",   [QNK_JOB_UNDO] = "undo",     [QNK_JOB_END] = "end",
    };

    return kind <= QNK_JOB_END ? names[kind] : "?";
}

static uint32_t sum(struct qn_span span)
{
    return qnk_crc32c(0, span.data, span.size);
}

void qnk_tape_event_text(const struct qnk_tape_event *tape, char text[QNK_TAPE_TEXT])
{
    const struct qnk_event *event = &tape->event;

    switch ((enum qnk_event_type)event->type) {
    case QNK_EVENT_RESTORE_FINAL:
        qnk_text(text, QNK_TAPE_TEXT, "restore-final last=%u macro=%08x", event->final.is_last,
                 sum(event->final.macro));
        break;
    case QNK_EVENT_RESTORE_RECENT:
        qnk_text(text, QNK_TAPE_TEXT, "restore-recent header=%08x", sum(event->recent));
        break;
    case QNK_EVENT_RESTORE_BLOCK:
        qnk_text(text, QNK_TAPE_TEXT, "restore-block place=%llu verified=%u header=%08x size=%llu",
                 LLU(event->block.place), event->block.verified, sum(event->block.header),
                 LLU(tape->bytes.size));
        break;
    case QNK_EVENT_RESTORE_GUARD:
        qnk_text(text, QNK_TAPE_TEXT, "restore-guard size=%llu", LLU(event->guard.size));
        break;
    case QNK_EVENT_START:
        qnk_text(text, QNK_TAPE_TEXT, "start signing=%u", event->start.signing);
        break;
    case QNK_EVENT_PEER_UP:
        qnk_text(text, QNK_TAPE_TEXT, "peer-up peer=%u outgoing=%u", event->peer.peer,
                 event->peer.outgoing);
        break;
    case QNK_EVENT_PEER_DOWN:
        qnk_text(text, QNK_TAPE_TEXT, "peer-down peer=%u", event->peer.peer);
        break;
    case QNK_EVENT_FRAME:
        qnk_text(text, QNK_TAPE_TEXT, "frame peer=%u lane=%u type=%u request=%u size=%llu sum=%08x",
                 event->frame.peer, event->frame.head.lane, event->frame.head.type,
                 event->frame.head.request, LLU(tape->bytes.size), sum(tape->bytes));
        break;
    case QNK_EVENT_TIMER:
        qnk_text(text, QNK_TAPE_TEXT, "timer id=%u", event->timer);
        break;
    case QNK_EVENT_JOB:
        qnk_text(text, QNK_TAPE_TEXT, "job kind=%s serial=%llu turn=%llu status=%d digest=%08x",
                 job_name(tape->job.kind), LLU(tape->job.serial), LLU(tape->job.turn),
                 tape->job.status, tape->job.digest);
        break;
    case QNK_EVENT_STORED:
        qnk_text(text, QNK_TAPE_TEXT, "stored token=%llu place=%llu status=%d",
                 LLU(event->stored.token), LLU(event->stored.place), event->stored.status);
        break;
    case QNK_EVENT_SIGNED:
        qnk_text(text, QNK_TAPE_TEXT, "signed token=%llu status=%d", LLU(event->sign.token),
                 event->sign.status);
        break;
    case QNK_EVENT_SECRETS:
        qnk_text(text, QNK_TAPE_TEXT, "secrets token=%llu", LLU(event->secrets.token));
        break;
    case QNK_EVENT_SUBMIT:
        qnk_text(text, QNK_TAPE_TEXT, "submit token=%llu size=%llu", LLU(event->submit.token),
                 LLU(tape->bytes.size));
        break;
    case QNK_EVENT_CONTROL:
        qnk_text(text, QNK_TAPE_TEXT, "control what=%u", event->control.what);
        break;
    case QNK_EVENT_CHECKED:
        qnk_text(text, QNK_TAPE_TEXT, "checked next=%llu status=%d header=%08x",
                 LLU(event->checked.next), event->checked.status, sum(event->checked.header));
        break;
    case QNK_EVENT_ROTTEN:
        qnk_text(text, QNK_TAPE_TEXT, "rotten header=%08x", sum(event->rotten.header));
        break;
    case QNK_EVENT_PLUGGED:
        qnk_text(text, QNK_TAPE_TEXT, "plugged kind=%u number=%u status=%d", event->plugged.kind,
                 event->plugged.number, event->plugged.status);
        break;
    case QNK_EVENT_PROPOSE:
        qnk_text(text, QNK_TAPE_TEXT, "propose token=%llu kind=%u size=%llu",
                 LLU(event->propose.token), event->propose.kind, LLU(event->propose.payload.size));
        break;
    case QNK_EVENT_ABANDON:
        qnk_text(text, QNK_TAPE_TEXT, "abandon token=%llu", LLU(event->abandon.token));
        break;
    }
}
