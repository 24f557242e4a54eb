/* SPDX-License-Identifier: MIT */

#include "report.h"

#include "instance.h"

static void listener_report(struct qn_inst *self, struct endpoint *it, struct qn_effects *out)
{
    int32_t status;

    if (it->report == ENDPOINT_LISTENING) {
        struct qn_transport_effect_listening effect = {
            .token = it->token,
            .listener = it->listener,
            .address = {(const uint8_t *)it->address.text, strlen(it->address.text)},
        };

        status = qn_transport_effect_listening_push(out, &effect);
    } else {
        struct qn_transport_effect_down effect = {
            .token = it->token,
            .reason = DOWN_REFUSED,
            .text = {(const uint8_t *)it->text, strlen(it->text)},
        };

        status = qn_transport_effect_down_push(out, &effect);
        it->is_used = false;
        it->listener = 0;
    }
    QN_ASSERT(status == QN_OK);
    it->report = ENDPOINT_QUIET;
    self->pushed++;
}

/* The first effect that the link owes. */
static void link_report(struct qn_inst *self, struct link *it, struct qn_effects *out)
{
    int32_t status;

    if ((it->reports & REPORT_UP) != 0) {
        struct qn_transport_effect_up effect = {
            .token = it->token,
            .listener = it->listener,
            .link = it->id,
            .address = {(const uint8_t *)it->far.text, strlen(it->far.text)},
        };

        it->reports &= ~(uint32_t)REPORT_UP;
        status = qn_transport_effect_up_push(out, &effect);
    } else if ((it->reports & REPORT_ROOM) != 0) {
        struct qn_transport_effect_room effect = {.link = it->id};

        it->reports &= ~(uint32_t)REPORT_ROOM;
        status = qn_transport_effect_room_push(out, &effect);
    } else {
        struct qn_transport_effect_down effect = {
            .token = it->id == 0 ? it->token : 0,
            .link = it->id,
            .reason = it->reason,
            .text = {(const uint8_t *)it->text, strlen(it->text)},
        };

        it->reports = 0;
        status = qn_transport_effect_down_push(out, &effect);
    }
    QN_ASSERT(status == QN_OK);
    self->pushed++;
}

bool report_push(struct qn_inst *self, uint32_t budget, struct qn_effects *out)
{
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        if (self->endpoints[i].report != ENDPOINT_QUIET) {
            if (self->pushed == budget) {
                return true;
            }
            listener_report(self, &self->endpoints[i], out);
        }
    }
    for (uint32_t i = 0; i < self->links_top; i++) {
        while (self->links[i].reports != 0) {
            if (self->pushed == budget) {
                return true;
            }
            link_report(self, &self->links[i], out);
        }
    }
    return false;
}
