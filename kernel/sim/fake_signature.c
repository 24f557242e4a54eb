/* SPDX-License-Identifier: MIT */

#include <sodium.h>

#include <qnet/signature.h>

#include "kernel/sim/fake.h"

static int32_t verify_batch(struct qn_inst *inst, uint32_t lane,
                            const struct qn_signature_item *items, uint32_t count, uint8_t *bitmap)
{
    (void)inst;
    (void)lane;
    memset(bitmap, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++) {
        if (crypto_sign_verify_detached(items[i].sig, items[i].message.data, items[i].message.size,
                                        items[i].key) == 0) {
            bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
        }
    }
    return QN_OK;
}

/* Other slots are not used by the core. */
static const struct qn_signature_1 slots = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = verify_batch,
};

const struct qnk_plugged qnk_fake_signature = {.table = &slots};
