/* SPDX-License-Identifier: MIT */

#include "kernel/sim/event_text.h"

#include <string.h>

#include "kernel/base/buf.h"
#include "kernel/base/crc32c.h"
#include "kernel/base/text.h"

static const char *frame_name(uint32_t type)
{
    static const char *const names[] = {
        [QNK_WIRE_STATUS] = "status",
        [QNK_WIRE_VOTES] = "votes",
        [QNK_WIRE_HELD] = "held",
        [QNK_WIRE_CERTIFICATE] = "certificate",
        [QNK_WIRE_HEADERS] = "headers",
        [QNK_WIRE_FETCH_BODIES] = "fetch-bodies",
        [QNK_WIRE_BODY_PART] = "body-part",
        [QNK_WIRE_FETCH_CHAIN] = "fetch-chain",
        [QNK_WIRE_TXS] = "txs",
        [QNK_WIRE_TX_IDS] = "tx-ids",
        [QNK_WIRE_FETCH_TXS] = "fetch-txs",
        [QNK_WIRE_FETCH_MACROS] = "fetch-macros",
        [QNK_WIRE_MACROS] = "macros",
        [QNK_WIRE_FETCH_RANGE] = "fetch-range",
        [QNK_WIRE_RANGE] = "range",
        [QNK_WIRE_REFUSAL] = "refusal",
        [QNK_WIRE_FETCH_MACRO] = "fetch-macro",
        [QNK_WIRE_MACRO] = "macro",
        [QNK_WIRE_ABANDON] = "abandon",
    };

    return type < sizeof names / sizeof *names && names[type] != NULL ? names[type] : "unknown";
}

static const char *event_name(uint32_t type)
{
    static const char *const names[] = {
        [QNK_EVENT_RESTORE_FINAL] = "restore-final",
        [QNK_EVENT_RESTORE_RECENT] = "restore-recent",
        [QNK_EVENT_RESTORE_BLOCK] = "restore-block",
        [QNK_EVENT_RESTORE_GUARD] = "restore-guard",
        [QNK_EVENT_START] = "start",
        [QNK_EVENT_PEER_UP] = "peer-up",
        [QNK_EVENT_PEER_DOWN] = "peer-down",
        [QNK_EVENT_FRAME] = "frame",
        [QNK_EVENT_TIMER] = "timer",
        [QNK_EVENT_JOB] = "job",
        [QNK_EVENT_STORED] = "stored",
        [QNK_EVENT_SIGNED] = "signed",
        [QNK_EVENT_SECRETS] = "secrets",
        [QNK_EVENT_SUBMIT] = "submit",
        [QNK_EVENT_CONTROL] = "control",
        [QNK_EVENT_CHECKED] = "checked",
        [QNK_EVENT_ROTTEN] = "rotten",
        [QNK_EVENT_PLUGGED] = "plugged",
        [QNK_EVENT_PROPOSE] = "propose",
        [QNK_EVENT_ABANDON] = "abandon",
    };

    return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

static const char *job_name(uint32_t kind)
{
    static const char *const names[] = {
        [QNK_JOB_INTAKE] = "intake", [QNK_JOB_VERIFY] = "verify", [QNK_JOB_SIGS] = "signatures",
        [QNK_JOB_BODY] = "body",     [QNK_JOB_APPLY] = "apply",   [QNK_JOB_KEEP] = "keep",
        [QNK_JOB_BUILD] = "build",   [QNK_JOB_UNDO] = "undo",     [QNK_JOB_END] = "end",
    };

    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

static uint32_t sum(struct qn_span bytes)
{
    return bytes.size == 0 ? 0 : qnk_crc32c(0, bytes.data, bytes.size);
}

void qnk_event_text(const struct qnk_event *event, char text[QNK_EVENT_TEXT])
{
    const char *name = event_name(event->type);

    switch (event->type) {
    case QNK_EVENT_FRAME:
        qnk_text(text, QNK_EVENT_TEXT, "%s from %u %s %llu bytes %08x", name, event->frame.peer,
                 frame_name(event->frame.head.type),
                 (unsigned long long)event->frame.head.body.size, sum(event->frame.head.body));
        break;
    case QNK_EVENT_TIMER:
        qnk_text(text, QNK_EVENT_TEXT, "%s %u", name, event->timer);
        break;
    case QNK_EVENT_PEER_UP:
    case QNK_EVENT_PEER_DOWN:
        qnk_text(text, QNK_EVENT_TEXT, "%s %u", name, event->peer.peer);
        break;
    case QNK_EVENT_JOB:
        qnk_text(text, QNK_EVENT_TEXT, "%s %s status %d", name, job_name(event->job->kind),
                 event->job->status);
        break;
    case QNK_EVENT_STORED:
        qnk_text(text, QNK_EVENT_TEXT, "%s %llu status %d", name,
                 (unsigned long long)event->stored.token, event->stored.status);
        break;
    case QNK_EVENT_SIGNED:
        qnk_text(text, QNK_EVENT_TEXT, "%s %llu status %d %08x", name,
                 (unsigned long long)event->sign.token, event->sign.status,
                 sum((struct qn_span){event->sign.signature, QN_SIG_SIZE}));
        break;
    case QNK_EVENT_SUBMIT:
        qnk_text(text, QNK_EVENT_TEXT, "%s %llu bytes %08x", name,
                 (unsigned long long)event->submit.txs->size, sum(qnk_buf_span(event->submit.txs)));
        break;
    case QNK_EVENT_CONTROL:
        qnk_text(text, QNK_EVENT_TEXT, "%s %u", name, event->control.what);
        break;
    case QNK_EVENT_CHECKED:
        qnk_text(text, QNK_EVENT_TEXT, "%s down to %llu status %d %08x", name,
                 (unsigned long long)event->checked.next, event->checked.status,
                 sum(event->checked.header));
        break;
    case QNK_EVENT_PLUGGED:
        qnk_text(text, QNK_EVENT_TEXT, "%s kind %u number %u status %d", name, event->plugged.kind,
                 event->plugged.number, event->plugged.status);
        break;
    case QNK_EVENT_PROPOSE:
        qnk_text(text, QNK_EVENT_TEXT, "%s kind %u %08x", name, event->propose.kind,
                 sum(event->propose.payload));
        break;
    case QNK_EVENT_ROTTEN:
        qnk_text(text, QNK_EVENT_TEXT, "%s %08x", name, sum(event->rotten.header));
        break;
    case QNK_EVENT_RESTORE_BLOCK:
        qnk_text(text, QNK_EVENT_TEXT, "%s %08x", name, sum(event->block.header));
        break;
    case QNK_EVENT_RESTORE_GUARD:
        qnk_text(text, QNK_EVENT_TEXT, "%s %08x", name, sum(event->guard));
        break;
    default:
        qnk_text(text, QNK_EVENT_TEXT, "%s", name);
        break;
    }
}
