/* SPDX-License-Identifier: MIT */

/* tape_setup.c: what a node was told when it was made, as bytes, in the order of the struct. */

#include <string.h>

#include "kernel/base/bytes.h"
#include "kernel/node/tape.h"

enum {
    NAME = sizeof((struct qnk_binding *)0)->name,
    VERSION_TEXT = sizeof((struct qnk_binding *)0)->version,
    BINDING_MAX = 4 + 8 + NAME + VERSION_TEXT + 2 * QNK_BINDING_STEPS_MAX + 4 + 4,
    FIXED_MAX = 512, /* bytes of all else but the set and the tips */
};

/* --- encoding --- */

static int32_t put_binding(const struct qnk_binding *binding, struct qn_sink *out)
{
    uint8_t bytes[BINDING_MAX];
    struct qnk_writer writer = qnk_writer_init(bytes, sizeof bytes);
    int32_t status;

    qnk_writer_u32(&writer, binding->number);
    qnk_writer_u64(&writer, binding->first);
    qnk_writer_bytes(&writer, binding->name, NAME);
    qnk_writer_bytes(&writer, binding->version, VERSION_TEXT);
    qnk_writer_u32(&writer, binding->steps_count);
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        qnk_writer_u16(&writer, binding->steps[i]);
    }
    qnk_writer_u32(&writer, binding->config_size);
    status = qnk_sink_append(out, bytes, sizeof bytes - writer.room);
    return status == QN_OK ? qnk_sink_append(out, binding->config, binding->config_size) : status;
}

static void put_rules(struct qnk_writer *writer, const struct qnk_swap_rules *rules)
{
    qnk_writer_u32(writer, rules->notice);
    qnk_writer_u32(writer, rules->probation);
    qnk_writer_u32(writer, rules->percent);
    qnk_writer_u32(writer, rules->dead_ms);
    qnk_writer_u32(writer, rules->dead_later_ms);
    qnk_writer_u8(writer, rules->may_be_lockless);
}

static int32_t put_fixed(const struct qnk_setup *setup, struct qn_sink *out)
{
    uint8_t bytes[FIXED_MAX];
    struct qnk_writer writer = qnk_writer_init(bytes, sizeof bytes);

    qnk_writer_bytes(&writer, setup->params.chain_id.bytes, QN_HASH_SIZE);
    qnk_writer_u64(&writer, setup->params.genesis_time_ms);
    qnk_writer_u32(&writer, setup->params.window);
    qnk_writer_u32(&writer, setup->params.interval_min_ms);
    qnk_writer_u32(&writer, setup->params.interval_max_ms);
    qnk_writer_u32(&writer, setup->params.block_txs);
    qnk_writer_u32(&writer, setup->params.block_bytes);
    qnk_writer_u32(&writer, setup->params.settle_blocks);
    qnk_writer_u32(&writer, setup->params.settle_ms);
    put_rules(&writer, &setup->params.swap);
    qnk_writer_u32(&writer, setup->limits.mempool_txs);
    qnk_writer_u64(&writer, setup->limits.mempool_bytes);
    qnk_writer_u32(&writer, setup->limits.mempool_senders);
    qnk_writer_u64(&writer, setup->limits.memory);
    qnk_writer_u32(&writer, setup->limits.peers);
    qnk_writer_u32(&writer, setup->type);
    qnk_writer_u32(&writer, setup->resend_ms);
    qnk_writer_u64(&writer, setup->seed);
    qnk_writer_u8(&writer, setup->has_validator);
    qnk_writer_bytes(&writer, setup->validator.bytes, QN_HASH_SIZE);
    return qnk_sink_append(out, bytes, sizeof bytes - writer.room);
}

static int32_t put_set(const struct qnk_set *set, const struct qnk_hash *tips, struct qn_sink *out)
{
    uint64_t size = qnk_set_size(set);
    uint8_t *room = qnk_sink_room(out, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    qnk_set_encode(set, room);
    qnk_sink_commit(out, size);
    return qnk_sink_append(out, tips, set->count * sizeof *tips);
}

int32_t qnk_tape_setup_encode(const struct qnk_setup *setup, struct qn_sink *out)
{
    int32_t status = put_fixed(setup, out);

    for (uint32_t i = 0; status == QN_OK && i < QNK_CONTROL_BINDINGS; i++) {
        status = put_binding(&setup->params.bindings[i], out);
    }
    return status == QN_OK ? put_set(setup->genesis_set, setup->tips, out) : status;
}

/* --- decoding --- */

/* A text and zeros after it up to `room`. */
static void get_name(struct qnk_reader *reader, char *to, uint32_t room)
{
    bool has_ended = false;

    qnk_reader_copy(reader, (uint8_t *)to, room);
    for (uint32_t i = 0; i < room; i++) {
        has_ended = has_ended || to[i] == 0;
        reader->failed = reader->failed || (has_ended && to[i] != 0);
    }
    reader->failed = reader->failed || !has_ended;
}

static void get_binding(struct qnk_reader *reader, struct qnk_binding *binding)
{
    binding->number = qnk_reader_u32(reader);
    binding->first = qnk_reader_u64(reader);
    get_name(reader, binding->name, NAME);
    get_name(reader, binding->version, VERSION_TEXT);
    binding->steps_count = qnk_reader_u32(reader);
    if (binding->steps_count > QNK_BINDING_STEPS_MAX) {
        reader->failed = true;
        return;
    }
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        binding->steps[i] = qnk_reader_u16(reader);
    }
    binding->config_size = qnk_reader_u32(reader);
    if (binding->config_size > QNK_BINDING_CONFIG_MAX) {
        reader->failed = true;
        return;
    }
    qnk_reader_copy(reader, binding->config, binding->config_size);
}

static void get_rules(struct qnk_reader *reader, struct qnk_swap_rules *rules)
{
    uint8_t may_be_lockless;

    rules->notice = qnk_reader_u32(reader);
    rules->probation = qnk_reader_u32(reader);
    rules->percent = qnk_reader_u32(reader);
    rules->dead_ms = qnk_reader_u32(reader);
    rules->dead_later_ms = qnk_reader_u32(reader);
    may_be_lockless = qnk_reader_u8(reader);
    rules->may_be_lockless = may_be_lockless == 1;
    reader->failed = reader->failed || may_be_lockless > 1;
}

static void get_fixed(struct qnk_reader *reader, struct qnk_setup *setup)
{
    uint8_t has_validator;

    qnk_reader_copy(reader, setup->params.chain_id.bytes, QN_HASH_SIZE);
    setup->params.genesis_time_ms = qnk_reader_u64(reader);
    setup->params.window = qnk_reader_u32(reader);
    setup->params.interval_min_ms = qnk_reader_u32(reader);
    setup->params.interval_max_ms = qnk_reader_u32(reader);
    setup->params.block_txs = qnk_reader_u32(reader);
    setup->params.block_bytes = qnk_reader_u32(reader);
    setup->params.settle_blocks = qnk_reader_u32(reader);
    setup->params.settle_ms = qnk_reader_u32(reader);
    get_rules(reader, &setup->params.swap);
    setup->limits.mempool_txs = qnk_reader_u32(reader);
    setup->limits.mempool_bytes = qnk_reader_u64(reader);
    setup->limits.mempool_senders = qnk_reader_u32(reader);
    setup->limits.memory = qnk_reader_u64(reader);
    setup->limits.peers = qnk_reader_u32(reader);
    setup->type = qnk_reader_u32(reader);
    setup->resend_ms = qnk_reader_u32(reader);
    setup->seed = qnk_reader_u64(reader);
    has_validator = qnk_reader_u8(reader);
    setup->has_validator = has_validator == 1;
    qnk_reader_copy(reader, setup->validator.bytes, QN_HASH_SIZE);
    reader->failed = reader->failed || has_validator > 1 || setup->type < QNK_NODE_LIGHT ||
                     setup->type > QNK_NODE_SUPER;
}

/* The set's record begins with the count of its members, 40 bytes each. */
static int32_t get_set(struct qnk_reader *reader, struct qnk_tape_setup *out)
{
    uint32_t count = reader->left >= 4 && !reader->failed ? qn_le32_read(reader->at) : 0;
    struct qn_span set = qnk_reader_span(reader, 4 + (uint64_t)count * 40);
    struct qn_span tips = qnk_reader_span(reader, (uint64_t)count * QN_HASH_SIZE);
    int32_t status;

    if (!qnk_reader_done(reader) || count == 0) {
        return QN_INVALID;
    }
    status = qnk_set_decode(out->budget, set, &out->set);
    if (status != QN_OK) {
        return status;
    }
    out->tips = qnk_memory_take(out->budget, tips.size);
    if (out->tips == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(out->tips, tips.data, tips.size);
    return QN_OK;
}

int32_t qnk_tape_setup_decode(struct qnk_budget *budget, struct qn_span from,
                              struct qnk_tape_setup *out)
{
    struct qnk_reader reader = qnk_reader_init(from);
    int32_t status;

    *out = (struct qnk_tape_setup){.budget = budget};
    get_fixed(&reader, &out->setup);
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        get_binding(&reader, &out->setup.params.bindings[i]);
    }
    status = get_set(&reader, out);
    if (status != QN_OK) {
        qnk_tape_setup_done(out);
        return status;
    }
    out->setup.genesis_set = out->set;
    out->setup.tips = out->tips;
    return QN_OK;
}

void qnk_tape_setup_done(struct qnk_tape_setup *tape)
{
    if (tape->tips != NULL) {
        qnk_memory_give(tape->budget, tape->tips, tape->set->count * sizeof *tape->tips);
    }
    qnk_set_unref(tape->set);
    tape->tips = NULL;
    tape->set = NULL;
}
