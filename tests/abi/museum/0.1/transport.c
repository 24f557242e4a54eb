/* SPDX-License-Identifier: MIT */

/* transport.c: an exhibit of transport/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/transport.h>

#include "museum.h"
#include "transport.manifest.h"

static int32_t old_listen(struct qn_inst *self, uint64_t token, struct qn_span address)
{
    (void)token;
    (void)address;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_unlisten(struct qn_inst *self, uint64_t listener)
{
    (void)listener;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_dial(struct qn_inst *self, uint64_t token, struct qn_span address)
{
    (void)token;
    (void)address;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_send(struct qn_inst *self, uint64_t link, const struct qn_slice *frames,
                        uint32_t frames_count, uint32_t *accepted)
{
    (void)link;
    (void)frames;
    (void)frames_count;
    (void)accepted;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_credit(struct qn_inst *self, uint64_t link, uint64_t bytes)
{
    (void)link;
    (void)bytes;
    self->calls++;
    return QN_UNSUPPORTED;
}

static void old_close(struct qn_inst *self, uint64_t link, uint32_t linger_ms)
{
    (void)link;
    (void)linger_ms;
    self->calls++;
}

static int32_t old_pump(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    (void)budget;
    (void)out;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_stats(struct qn_inst *self, uint64_t link, struct qn_sink *stats)
{
    (void)link;
    return museum_answer(self, stats);
}

static const struct qn_transport_1 slots = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = old_listen,
    .unlisten = old_unlisten,
    .dial = old_dial,
    .send = old_send,
    .credit = old_credit,
    .close = old_close,
    .pump = old_pump,
    .stats = old_stats,
};

MUSEUM_PLUGIN(OLD_TRANSPORT);
