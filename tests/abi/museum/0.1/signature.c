/* SPDX-License-Identifier: MIT */

/* signature.c: an exhibit of signature/1.0. It counts what is asked of it, and answers as
 * little as the contract lets it. */

#include <qnet/signature.h>

#include "museum.h"
#include "signature.manifest.h"

static int32_t old_verify_batch(struct qn_inst *self, uint32_t lane,
                                const struct qn_signature_item *items, uint32_t items_count,
                                uint8_t *bitmap)
{
    (void)lane;
    (void)items;
    (void)items_count;
    (void)bitmap;
    self->calls++;
    return QN_UNSUPPORTED;
}

static int32_t old_check_keys(struct qn_inst *self, uint32_t lane, const uint8_t *keys,
                              uint32_t keys_count, uint8_t *bitmap)
{
    (void)lane;
    (void)keys;
    (void)keys_count;
    (void)bitmap;
    self->calls++;
    return QN_UNSUPPORTED;
}

static const struct qn_signature_1 slots = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = old_verify_batch,
    .check_keys = old_check_keys,
};

MUSEUM_PLUGIN(OLD_SIGNATURE);
