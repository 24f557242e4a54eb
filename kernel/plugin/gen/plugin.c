/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/plugin.yaml:
 * edit that, then `make generate`. */

#include <qnet/plugin.h>

#include "kernel/plugin/kind.h"

/* clang-format off */
static const struct qnk_minor minors[] = {
    {UINT64_C(0x7b9ed7d09853210b), "0.1"},
};
/* clang-format on */

static int32_t life_create_stub(const struct qn_host *host, struct qn_node *node,
                                struct qn_span config, struct qn_inst **inst)
{
    (void)host;
    (void)node;
    (void)config;
    (void)inst;
    return QN_UNSUPPORTED;
}

static int32_t life_activate_stub(struct qn_inst *inst)
{
    (void)inst;
    return QN_OK;
}

static int32_t life_freeze_stub(struct qn_inst *inst)
{
    (void)inst;
    return QN_OK;
}

static int32_t life_thaw_stub(struct qn_inst *inst)
{
    (void)inst;
    return QN_OK;
}

static int32_t life_reconfigure_stub(struct qn_inst *inst, struct qn_span config, uint32_t step)
{
    (void)inst;
    (void)config;
    (void)step;
    return QN_UNSUPPORTED;
}

static void life_destroy_stub(struct qn_inst *inst)
{
    (void)inst;
}

static const void *life_extension_stub(struct qn_inst *inst, const char *id)
{
    (void)inst;
    (void)id;
    return NULL;
}

static const struct qn_life life_stubs = {
    .head = QN_LIFE_HEAD,
    .create = life_create_stub,
    .activate = life_activate_stub,
    .freeze = life_freeze_stub,
    .thaw = life_thaw_stub,
    .reconfigure = life_reconfigure_stub,
    .destroy = life_destroy_stub,
    .extension = life_extension_stub,
};

/* clang-format off */
static const struct qnk_slot life_slots[] = {
    {"create", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x02, false},
    {"activate", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x01, true},
    {"freeze", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x02, true},
    {"thaw", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x04, true},
    {"reconfigure", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x02, true},
    {"destroy", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x0f, false},
    {"extension", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x07, true},
};
/* clang-format on */

const struct qnk_table qnk_table_life = {
    .name = "life",
    .major = 1,
    .minor = 0,
    .minors = minors,
    .stubs = &life_stubs.head,
    .slots = life_slots,
    .slots_count = 7,
};

static int32_t state_export_part_stub(struct qn_inst *inst, uint32_t part, uint32_t chunk,
                                      struct qn_sink *content)
{
    (void)inst;
    (void)part;
    (void)chunk;
    (void)content;
    return QN_UNSUPPORTED;
}

static int32_t state_import_part_stub(struct qn_inst *inst, uint32_t part, uint32_t chunk,
                                      struct qn_span content, uint32_t last)
{
    (void)inst;
    (void)part;
    (void)chunk;
    (void)content;
    (void)last;
    return QN_UNSUPPORTED;
}

static int32_t state_hash_part_stub(struct qn_inst *inst, uint32_t part, uint8_t *digest)
{
    (void)inst;
    (void)part;
    (void)digest;
    return QN_UNSUPPORTED;
}

static const struct qn_state state_stubs = {
    .head = QN_STATE_HEAD,
    .export_part = state_export_part_stub,
    .import_part = state_import_part_stub,
    .hash_part = state_hash_part_stub,
};

/* clang-format off */
static const struct qnk_slot state_slots[] = {
    {"export_part", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x04, false},
    {"import_part", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x01, false},
    {"hash_part", 0, QNK_THREAD_CONTROL, QNK_OVERLAP_NONE, 0, 0x05, false},
};
/* clang-format on */

const struct qnk_table qnk_table_state = {
    .name = "state",
    .major = 1,
    .minor = 0,
    .minors = minors,
    .stubs = &state_stubs.head,
    .slots = state_slots,
    .slots_count = 3,
};

const struct qnk_table qnk_table_host = {
    .name = "host",
    .major = 1,
    .minor = 0,
    .minors = minors,
};
