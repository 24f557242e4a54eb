/* SPDX-License-Identifier: MIT */

#include "kernel/chain/control.h"

#include <qnet/record.h>

#include "kernel/base/bytes.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tags.h"

enum {
    MEMBER_SIZE = 2 * (QN_HASH_SIZE + 8) + 4 + 1 + 1,
    PLACE_SIZE = QN_HASH_SIZE + 8,
    HEAD_SIZE = 2,             /* version */
    TURN_SIZE = 3 * 4,         /* the primary turn that is going on */
    BINDING_SIZE = 1 + 4 + 8,  /* before the engine record */
    COUNTS_SIZE = 2 * 4,       /* of members and places */
    ENGINE_COUNTS_SIZE = 4 * 4 /* of name, version, config and steps */
};

/* --- life --- */

static uint64_t whole_size(uint32_t members_count)
{
    return sizeof(struct qnk_control) + members_count * sizeof(struct qnk_control_member);
}

int32_t qnk_control_new(struct qnk_budget *budget, uint32_t members_count,
                        struct qnk_control **control)
{
    struct qnk_control *made = qnk_memory_take(budget, whole_size(members_count));

    if (made == NULL) {
        return QN_NO_SPACE;
    }
    made->refs = 1;
    made->members_count = members_count;
    made->budget = budget;
    *control = made;
    return QN_OK;
}

static bool evidence_make_room(struct qnk_control *control, uint32_t room)
{
    if (room == 0) {
        return true;
    }
    control->evidence = qnk_memory_take(control->budget, room * sizeof *control->evidence);
    if (control->evidence == NULL) {
        return false;
    }
    control->evidence_room = room;
    return true;
}

int32_t qnk_control_copy(const struct qnk_control *from, uint32_t evidence_room,
                         struct qnk_control **control)
{
    struct qnk_control *made;
    int32_t status = qnk_control_new(from->budget, from->members_count, &made);

    if (status != QN_OK) {
        return status;
    }
    memcpy(made, from, whole_size(from->members_count));
    made->refs = 1;
    made->evidence = NULL;
    made->evidence_room = 0;
    if (!evidence_make_room(made, from->evidence_count + evidence_room)) {
        qnk_control_unref(made);
        return QN_NO_SPACE;
    }
    if (from->evidence_count > 0) {
        memcpy(made->evidence, from->evidence, from->evidence_count * sizeof *from->evidence);
    }
    *control = made;
    return QN_OK;
}

struct qnk_control *qnk_control_ref(struct qnk_control *control)
{
    QN_ASSERT(control->refs > 0);
    control->refs++;
    return control;
}

void qnk_control_unref(struct qnk_control *control)
{
    if (control == NULL) {
        return;
    }
    QN_ASSERT(control->refs > 0);
    if (--control->refs == 0) {
        qnk_memory_give(control->budget, control->evidence,
                        control->evidence_room * sizeof *control->evidence);
        qnk_memory_give(control->budget, control, whole_size(control->members_count));
    }
}

/* --- bindings --- */

static uint64_t engine_size(const struct qnk_binding *binding)
{
    return ENGINE_COUNTS_SIZE + strlen(binding->name) + strlen(binding->version) +
           binding->config_size + 2ull * binding->steps_count;
}

static struct qn_span text_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

uint32_t qnk_engine_record(const struct qnk_binding *binding, uint8_t to[QNK_ENGINE_RECORD_MAX])
{
    uint8_t *at = qn_writer_text(to, text_of(binding->name), sizeof binding->name - 1);

    QN_ASSERT(engine_size(binding) <= QNK_ENGINE_RECORD_MAX);
    QN_ASSERT(binding->steps_count <= QNK_CONTROL_STEPS_MAX);
    at = qn_writer_text(at, text_of(binding->version), sizeof binding->version - 1);
    at = qn_writer_bytes(at, (struct qn_span){binding->config, binding->config_size},
                         QNK_CONTROL_CONFIG_MAX);
    at = qn_writer_u32(at, binding->steps_count);
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        at = qn_writer_u16(at, binding->steps[i]);
    }
    return (uint32_t)(at - to);
}

/* A text into a field that has room for it and a zero byte. */
static void text_read(struct qn_reader *from, char *to, uint32_t room)
{
    struct qn_span text = qn_reader_text(from, room - 1);

    if (text.size > 0) {
        memcpy(to, text.data, text.size);
    }
}

static bool binding_read(struct qn_reader *from, uint8_t kind, struct qnk_binding *binding)
{
    bool is_this = qn_reader_u8(from) == kind;
    bool is_ascending = true;

    binding->number = qn_reader_u32(from);
    binding->first = qn_reader_u64(from);
    text_read(from, binding->name, sizeof binding->name);
    text_read(from, binding->version, sizeof binding->version);

    struct qn_span config = qn_reader_bytes(from, QNK_CONTROL_CONFIG_MAX);

    binding->config_size = (uint32_t)config.size;
    if (config.size > 0) {
        memcpy(binding->config, config.data, config.size);
    }
    binding->steps_count = qn_reader_count(from, QNK_CONTROL_STEPS_MAX);
    for (uint32_t i = 0; i < binding->steps_count; i++) {
        binding->steps[i] = qn_reader_u16(from);
        is_ascending = is_ascending && (i == 0 || binding->steps[i] > binding->steps[i - 1]);
    }
    return is_this && is_ascending;
}

static uint8_t *binding_write(uint8_t *to, uint8_t kind, const struct qnk_binding *binding)
{
    to = qn_writer_u8(to, kind);
    to = qn_writer_u32(to, binding->number);
    to = qn_writer_u64(to, binding->first);
    return to + qnk_engine_record(binding, to);
}

/* --- members and places --- */

static uint8_t *member_write(uint8_t *to, const struct qnk_control_member *member)
{
    to = qn_writer_fixed(to, member->share.bytes, QN_HASH_SIZE);
    to = qn_writer_u64(to, member->share_window);
    to = qn_writer_fixed(to, member->next_tip.bytes, QN_HASH_SIZE);
    to = qn_writer_u64(to, member->next_window);
    to = qn_writer_u32(to, member->missed);
    to = qn_writer_u8(to, member->turns);
    return qn_writer_u8(to, member->excluded);
}

static void hash_read(struct qn_reader *from, struct qnk_hash *hash)
{
    const uint8_t *bytes = qn_reader_fixed(from, QN_HASH_SIZE);

    if (bytes != NULL) {
        memcpy(hash->bytes, bytes, QN_HASH_SIZE);
    }
}

/* Bits of turns that do not count, unknown reasons and a tip that is not announced are 0. */
static bool member_read(struct qn_reader *from, struct qnk_control_member *member)
{
    hash_read(from, &member->share);
    member->share_window = qn_reader_u64(from);
    hash_read(from, &member->next_tip);
    member->next_window = qn_reader_u64(from);
    member->missed = qn_reader_u32(from);
    member->turns = qn_reader_u8(from);
    member->excluded = qn_reader_u8(from);
    return member->turns <= QNK_CONTROL_TURNS && member->missed >> member->turns == 0 &&
           member->excluded <= (QNK_EXCLUDED_ABSENT | QNK_EXCLUDED_OFFENCE) &&
           (member->next_window != 0 || qnk_hash_is_zero(&member->next_tip));
}

static uint8_t *places_write(uint8_t *to, const struct qnk_control *control)
{
    to = qn_writer_u32(to, control->evidence_count);
    for (uint32_t i = 0; i < control->evidence_count; i++) {
        to = qn_writer_fixed(to, control->evidence[i].place.bytes, QN_HASH_SIZE);
        to = qn_writer_u64(to, control->evidence[i].window);
    }
    return to;
}

/* In order of inclusion, so their windows never fall. */
static bool places_read(struct qn_reader *from, struct qnk_control *control, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct qnk_evidence_place *place = &control->evidence[i];

        hash_read(from, &place->place);
        place->window = qn_reader_u64(from);
        if (i > 0 && place->window < control->evidence[i - 1].window) {
            return false;
        }
    }
    control->evidence_count = count;
    return true;
}

/* --- the record --- */

uint64_t qnk_control_size(const struct qnk_control *control)
{
    uint64_t size = HEAD_SIZE + TURN_SIZE + COUNTS_SIZE;

    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        size += BINDING_SIZE + engine_size(&control->bindings[i]);
    }
    return size + (uint64_t)control->members_count * MEMBER_SIZE +
           (uint64_t)control->evidence_count * PLACE_SIZE;
}

void qnk_control_encode(const struct qnk_control *control, uint8_t *to)
{
    uint8_t *at = qn_writer_u16(to, QNK_CONTROL_VERSION);

    for (uint8_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        at = binding_write(at, i, &control->bindings[i]);
    }
    at = qn_writer_u32(at, control->turn_primary);
    at = qn_writer_u32(at, control->turn_blocks);
    at = qn_writer_u32(at, control->turn_made);
    at = qn_writer_u32(at, control->members_count);
    for (uint32_t i = 0; i < control->members_count; i++) {
        at = member_write(at, &control->members[i]);
    }
    at = places_write(at, control);
    QN_ASSERT((uint64_t)(at - to) == qnk_control_size(control));
}

/* What stands before the members, whose number it gives. */
static bool head_read(struct qn_reader *from, struct qnk_control *head)
{
    bool is_right = qn_reader_u16(from) == QNK_CONTROL_VERSION;

    for (uint8_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        is_right = binding_read(from, i, &head->bindings[i]) && is_right;
    }
    head->turn_primary = qn_reader_u32(from);
    head->turn_blocks = qn_reader_u32(from);
    head->turn_made = qn_reader_u32(from);
    head->members_count = qn_reader_count(from, QNK_SET_MEMBERS_MAX);
    return is_right && head->members_count > 0 && head->turn_made <= head->turn_blocks &&
           (head->turn_primary < head->members_count || head->turn_primary == UINT32_MAX);
}

/* Members and places, into a record that has its head. */
static int32_t lists_read(struct qn_reader *from, struct qnk_control *control)
{
    for (uint32_t i = 0; i < control->members_count; i++) {
        if (!member_read(from, &control->members[i])) {
            return QN_INVALID;
        }
    }

    uint32_t count = qn_reader_count(from, QNK_CONTROL_EVIDENCE_MAX);

    if (from->at == NULL || from->left != (uint64_t)count * PLACE_SIZE) {
        return QN_INVALID;
    }
    if (!evidence_make_room(control, count)) {
        return QN_NO_SPACE;
    }
    return places_read(from, control, count) ? QN_OK : QN_INVALID;
}

int32_t qnk_control_decode(struct qnk_budget *budget, struct qn_span from,
                           struct qnk_control **control)
{
    struct qn_reader in = qn_reader_over(from);
    struct qnk_control head = {0};
    struct qnk_control *made;

    if (!head_read(&in, &head) || in.left < (uint64_t)head.members_count * MEMBER_SIZE) {
        return QN_INVALID;
    }

    int32_t status = qnk_control_new(budget, head.members_count, &made);

    if (status != QN_OK) {
        return status;
    }
    memcpy(made->bindings, head.bindings, sizeof made->bindings);
    made->turn_primary = head.turn_primary;
    made->turn_blocks = head.turn_blocks;
    made->turn_made = head.turn_made;
    status = lists_read(&in, made);
    if (status != QN_OK) {
        qnk_control_unref(made);
        return status;
    }
    *control = made;
    return QN_OK;
}

/* Hashed piece by piece, as the whole may be large and is needed for every window's end. */
void qnk_control_hash(const struct qnk_control *control, struct qnk_hash *hash)
{
    uint8_t bytes[BINDING_SIZE + QNK_ENGINE_RECORD_MAX];
    struct qnk_sha256 sha;
    uint8_t *at = qn_writer_u16(bytes, QNK_CONTROL_VERSION);

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, QNK_TAG_CONTROL, sizeof QNK_TAG_CONTROL - 1);
    qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    for (uint8_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        at = binding_write(bytes, i, &control->bindings[i]);
        qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    }
    at = qn_writer_u32(bytes, control->turn_primary);
    at = qn_writer_u32(at, control->turn_blocks);
    at = qn_writer_u32(at, control->turn_made);
    at = qn_writer_u32(at, control->members_count);
    qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    for (uint32_t i = 0; i < control->members_count; i++) {
        at = member_write(bytes, &control->members[i]);
        qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    }
    at = qn_writer_u32(bytes, control->evidence_count);
    qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    for (uint32_t i = 0; i < control->evidence_count; i++) {
        at = qn_writer_fixed(bytes, control->evidence[i].place.bytes, QN_HASH_SIZE);
        at = qn_writer_u64(at, control->evidence[i].window);
        qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    }
    qnk_sha256_done(&sha, hash->bytes);
}
