/* SPDX-License-Identifier: MIT */

/* QN-STO-004: of many values at once each is that of now, whatever snapshot is asked. */

#define GET get_now

#include <stdint.h>

struct qn_inst;
struct qn_storage_address;
struct qn_storage_found;
struct qn_sink;
static int32_t get_now(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                       const struct qn_storage_address *keys, uint32_t keys_count,
                       struct qn_storage_found *found, struct qn_sink *values);

#include "store.h"

static int32_t get_now(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                       const struct qn_storage_address *keys, uint32_t keys_count,
                       struct qn_storage_found *found, struct qn_sink *values)
{
    return memory_get(self, lane, keys_count > 2 ? 0 : snapshot, keys, keys_count, found, values);
}
