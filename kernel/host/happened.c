/* SPDX-License-Identifier: MIT */

#include "kernel/host/happened.h"

#include <qnet/assert.h>

#define LIST_SIZE (QNK_HAPPENED_MAX * sizeof(struct qnk_happened))

int32_t qnk_happenings_init(struct qnk_happenings *all, struct qnk_budget *budget)
{
    *all = (struct qnk_happenings){.budget = budget};
    all->list = qnk_memory_take(budget, LIST_SIZE);
    return all->list == NULL ? QN_NO_SPACE : QN_OK;
}

void qnk_happenings_done(struct qnk_happenings *all)
{
    qnk_happenings_reset(all);
    qnk_memory_give(all->budget, all->list, LIST_SIZE);
    all->list = NULL;
}

void qnk_happenings_reset(struct qnk_happenings *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        qnk_buf_unref(all->list[i].payload.owner);
    }
    all->count = 0;
}

static void text_take(struct qnk_happened *it, struct qn_span text)
{
    uint64_t size = text.size < sizeof it->text ? text.size : sizeof it->text - 1;

    if (size > 0) {
        memcpy(it->text, text.data, size);
    }
    it->text[size] = 0;
}

static int32_t happened_read(struct qnk_happened *it, struct qn_span body)
{
    struct qn_transport_effect_listening listening;
    struct qn_transport_effect_up up;
    struct qn_transport_effect_frame frame;
    struct qn_transport_effect_room room;
    struct qn_transport_effect_down down;
    int32_t status = QN_INVALID;

    switch (it->type) {
    case QN_TRANSPORT_EFFECT_LISTENING:
        status = qn_transport_effect_listening_read(body, &listening);
        if (status == QN_OK) {
            it->token = listening.token;
            it->listener = listening.listener;
            text_take(it, listening.address);
        }
        break;
    case QN_TRANSPORT_EFFECT_UP:
        status = qn_transport_effect_up_read(body, &up);
        if (status == QN_OK) {
            it->token = up.token;
            it->link = up.link;
            text_take(it, up.address);
        }
        break;
    case QN_TRANSPORT_EFFECT_FRAME:
        status = qn_transport_effect_frame_read(body, &frame);
        it->link = status == QN_OK ? frame.link : 0;
        break;
    case QN_TRANSPORT_EFFECT_ROOM:
        status = qn_transport_effect_room_read(body, &room);
        it->link = status == QN_OK ? room.link : 0;
        break;
    case QN_TRANSPORT_EFFECT_DOWN:
        status = qn_transport_effect_down_read(body, &down);
        if (status == QN_OK) {
            it->token = down.token;
            it->link = down.link;
            it->reason = down.reason;
            text_take(it, down.text);
        }
        break;
    default:
        break;
    }
    return status;
}

static void payload_take(struct qnk_happenings *all, struct qnk_happened *it,
                         const struct qn_slice *payload)
{
    struct qn_buf *copy;

    it->payload = *payload;
    if (payload->owner != NULL) {
        (void)qnk_buf_ref(payload->owner);
        return;
    }
    copy = qnk_buf_copy(all->budget, (struct qn_span){payload->data, payload->size});
    it->payload = (struct qn_slice){copy, copy == NULL ? NULL : copy->data, payload->size};
    it->is_lost = copy == NULL;
}

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct qnk_happenings *all = ctx;
    struct qnk_happened *it;
    int32_t status;

    if (all->count == QNK_HAPPENED_MAX) {
        return QN_NO_SPACE;
    }
    it = &all->list[all->count];
    *it = (struct qnk_happened){.type = type};
    status = happened_read(it, body);
    if (status == QN_OK) {
        if (payload != NULL) {
            payload_take(all, it, payload);
        }
        all->count++;
    }
    return status;
}

int32_t qnk_happenings_take(struct qnk_happenings *all, const struct qn_transport_1 *transport,
                            struct qn_inst *inst)
{
    struct qn_effects out = {
        .head = {.size = sizeof out, .major = 1}, .ctx = all, .push = effect_push};

    QN_ASSERT(all->count == 0);
    return transport->pump(inst, QNK_HAPPENED_MAX, &out);
}
