/* SPDX-License-Identifier: MIT */

#include <string.h>
#include <sys/random.h>

#include "instance.h"

struct link *links_free(struct qn_inst *self)
{
    for (uint32_t i = 0; i < (uint32_t)self->config.links; i++) {
        if (self->links[i].state == LINK_FREE) {
            return &self->links[i];
        }
    }
    return NULL;
}

bool links_is_dialled(const struct qn_inst *self, const struct host_key *host)
{
    uint32_t count = self->dialled_count < DIALLED_MAX ? self->dialled_count : DIALLED_MAX;

    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&self->dialled[i], host, sizeof *host) == 0) {
            return true;
        }
    }
    return false;
}

void links_note_dial(struct qn_inst *self, const struct address *far)
{
    struct host_key host;

    if (nanomsg_address_key(far, &host) && !links_is_dialled(self, &host)) {
        self->dialled[self->dialled_count % DIALLED_MAX] = host;
        self->dialled_count++;
        if (self->dialled_count == 2 * DIALLED_MAX) {
            self->dialled_count = DIALLED_MAX; /* it is full, and does not wrap */
        }
    }
}

/* The half by which messages find the link again; the rest of it nobody else can know. */
static bool half_make(uint32_t index, uint64_t *half)
{
    uint64_t chance;

    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) {
        return false;
    }
    *half = chance << HALF_INDEX_BITS | index;
    return true;
}

int32_t links_begin(struct qn_inst *self, struct link *link, const struct address *far,
                    uint8_t side)
{
    uint32_t index = (uint32_t)(link - self->links);
    uint64_t half;

    if (!half_make(index, &half)) {
        return QN_NO_SPACE;
    }

    int32_t status = link_open(self, link, far);

    if (status != QN_OK) {
        return status;
    }
    link->id = ++self->serial << ID_INDEX_BITS | index;
    link->side = side;
    link->halves[side] = half;
    link->state = side == 0 ? LINK_DIALLING : LINK_ANSWERING;
    link->owes = side == 0 ? OWES_HELLO : OWES_WELCOME;
    self->links_top = index >= self->links_top ? index + 1 : self->links_top;
    instance_wake(self);
    return QN_OK;
}
