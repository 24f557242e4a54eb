/* SPDX-License-Identifier: MIT */

#include "kernel/chain/control.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tags.h"

const char *qnk_swap_life_name(uint8_t life)
{
    static const char *const names[] = {"none",    "proposed", "bound",     "active",
                                        "settled", "lapsed",   "cancelled", "failed"};

    return life < sizeof names / sizeof *names ? names[life] : "other";
}

enum {
    WORD_BITS = 4, /* of a member's byte of words: the rest says what it gave up */
    MEMBER_SIZE = 2 * (QN_HASH_SIZE + 8) + 4 + 1 + 1 + 1,
    PLACE_SIZE = QN_HASH_SIZE + 8,
    HEAD_SIZE = 2,                            /* version */
    SWAP_SIZE = 1 + 4 + 8 + 8 + 4 + 4 + 4,    /* without the plan's bytes */
    TURN_SIZE = 3 * 4,                        /* the primary turn that is going on */
    COUNTS_SIZE = 2 * 4,                      /* of members and places */
    PIECE_MAX = SWAP_SIZE + QNK_SWAP_PLAN_MAX /* what is hashed at once */
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
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        made->bindings[i] = from->bindings[i] == NULL ? NULL : qnk_bindings_ref(from->bindings[i]);
    }
    (void)qnk_planned_ref(made->swap.planned);
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
        for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
            qnk_bindings_unref(control->bindings[i]);
        }
        qnk_planned_unref(control->swap.planned);
        qnk_memory_give(control->budget, control->evidence,
                        control->evidence_room * sizeof *control->evidence);
        qnk_memory_give(control->budget, control, whole_size(control->members_count));
    }
}

/* --- bindings and the plan --- */

int32_t qnk_control_bind(struct qnk_control *control, uint32_t kind,
                         const struct qnk_binding *engine, uint64_t first, uint32_t fallback,
                         uint64_t window, uint32_t *number)
{
    const struct qnk_bindings *list = control->bindings[kind];
    struct qnk_binding next = *engine;
    struct qnk_bindings *made;

    if (list->list[list->count - 1].number == QNK_BINDING_NUMBER_MAX) {
        return QN_INVALID;
    }
    next.number = list->list[list->count - 1].number + 1;
    next.first = first;
    next.fallback = fallback == QNK_BIND_ITSELF ? next.number : fallback;

    int32_t status = qnk_bindings_add(list, &next, window, &made);

    if (status == QN_OK) {
        qnk_bindings_unref(control->bindings[kind]);
        control->bindings[kind] = made;
        *number = next.number;
    }
    return status;
}

int32_t qnk_control_skip(struct qnk_control *control, uint32_t kind, uint32_t failed)
{
    struct qnk_bindings *made;
    int32_t status = qnk_bindings_skip(control->bindings[kind], failed, &made);

    if (status == QN_OK) {
        qnk_bindings_unref(control->bindings[kind]);
        control->bindings[kind] = made;
    }
    return status;
}

static uint32_t plan_size(const struct qnk_swap *swap)
{
    uint8_t bytes[QNK_SWAP_PLAN_MAX];

    return swap->planned == NULL ? 0 : qnk_swap_plan_encode(&swap->planned->plan, bytes);
}

static uint8_t *swap_write(uint8_t *to, const struct qnk_swap *swap)
{
    to = qn_writer_u8(to, swap->life);
    to = qn_writer_u32(to, swap->maker);
    to = qn_writer_u64(to, swap->since);
    to = qn_writer_u64(to, swap->changed);
    to = qn_writer_u32(to, swap->number);
    to = qn_writer_u32(to, swap->late);
    if (swap->planned == NULL) {
        return qn_writer_u32(to, 0);
    }

    uint32_t size = qnk_swap_plan_encode(&swap->planned->plan, to + 4);

    return qn_writer_u32(to, size) + size;
}

/* Whether a life can be that of a plan, and one without a plan is all zero. */
static bool swap_is_whole(const struct qnk_swap *swap, bool has_plan)
{
    if (!has_plan) {
        return swap->life == QNK_SWAP_NONE && swap->maker == 0 && swap->since == 0 &&
               swap->changed == 0 && swap->number == 0 && swap->late == 0;
    }
    return swap->life > QNK_SWAP_NONE && swap->life <= QNK_SWAP_FAILED;
}

static int32_t swap_read(struct qn_reader *from, struct qnk_budget *budget, struct qnk_swap *swap)
{
    swap->life = qn_reader_u8(from);
    swap->maker = qn_reader_u32(from);
    swap->since = qn_reader_u64(from);
    swap->changed = qn_reader_u64(from);
    swap->number = qn_reader_u32(from);
    swap->late = qn_reader_u32(from);

    struct qn_span plan = qn_reader_bytes(from, QNK_SWAP_PLAN_MAX);

    if (from->at == NULL || !swap_is_whole(swap, plan.size > 0)) {
        return QN_INVALID;
    }
    return plan.size == 0 ? QN_OK : qnk_planned_new(budget, plan, &swap->planned);
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
    to = qn_writer_u8(to, member->excluded);
    return qn_writer_u8(to, (uint8_t)(member->swap | member->gave_up << WORD_BITS));
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

    uint8_t words = qn_reader_u8(from);

    member->swap = words & ((1 << WORD_BITS) - 1);
    member->gave_up = (uint8_t)(words >> WORD_BITS);
    return member->turns <= QNK_CONTROL_TURNS && member->missed >> member->turns == 0 &&
           member->excluded <= (QNK_EXCLUDED_ABSENT | QNK_EXCLUDED_OFFENCE) &&
           member->swap <= QNK_SWAP_AGAINST &&
           member->gave_up <= (QNK_GAVE_UP_LAST | QNK_GAVE_UP_BEFORE) &&
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
    uint64_t size = HEAD_SIZE + SWAP_SIZE + plan_size(&control->swap) + TURN_SIZE + COUNTS_SIZE;

    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        size += qnk_bindings_size(control->bindings[i]);
    }
    return size + (uint64_t)control->members_count * MEMBER_SIZE +
           (uint64_t)control->evidence_count * PLACE_SIZE;
}

static uint8_t *turn_write(uint8_t *to, const struct qnk_control *control)
{
    to = qn_writer_u32(to, control->turn_primary);
    to = qn_writer_u32(to, control->turn_blocks);
    to = qn_writer_u32(to, control->turn_made);
    return qn_writer_u32(to, control->members_count);
}

void qnk_control_encode(const struct qnk_control *control, uint8_t *to)
{
    uint8_t *at = qn_writer_u16(to, QNK_CONTROL_VERSION);

    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        at = qnk_bindings_write(at, control->bindings[i]);
    }
    at = swap_write(at, &control->swap);
    at = turn_write(at, control);
    for (uint32_t i = 0; i < control->members_count; i++) {
        at = member_write(at, &control->members[i]);
    }
    at = places_write(at, control);
    QN_ASSERT((uint64_t)(at - to) == qnk_control_size(control));
}

/* What stands before the members: their number is not known before it is read. What was taken for
 * it stays in `head`, whatever comes of it. */
static int32_t head_read(struct qn_reader *from, struct qnk_budget *budget,
                         struct qnk_control *head)
{
    int32_t status = qn_reader_u16(from) == QNK_CONTROL_VERSION ? QN_OK : QN_INVALID;

    for (uint32_t i = 0; status == QN_OK && i < QNK_CONTROL_BINDINGS; i++) {
        status = qnk_bindings_read(budget, from, &head->bindings[i]);
    }
    if (status == QN_OK) {
        status = swap_read(from, budget, &head->swap);
    }
    if (status != QN_OK) {
        return status;
    }
    head->turn_primary = qn_reader_u32(from);
    head->turn_blocks = qn_reader_u32(from);
    head->turn_made = qn_reader_u32(from);
    head->members_count = qn_reader_count(from, QNK_SET_MEMBERS_MAX);

    bool is_right =
        head->members_count > 0 && head->turn_made <= head->turn_blocks &&
        (head->turn_primary < head->members_count || head->turn_primary == UINT32_MAX) &&
        (head->swap.life == QNK_SWAP_NONE || head->swap.maker < head->members_count) &&
        from->left >= (uint64_t)head->members_count * MEMBER_SIZE;

    return is_right ? QN_OK : QN_INVALID;
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

/* Moves what the head holds into a whole record. */
static int32_t head_grow(struct qnk_budget *budget, struct qnk_control *head,
                         struct qnk_control **control)
{
    struct qnk_control *made;
    int32_t status = qnk_control_new(budget, head->members_count, &made);

    if (status == QN_OK) {
        memcpy(made->bindings, head->bindings, sizeof made->bindings);
        made->swap = head->swap;
        made->turn_primary = head->turn_primary;
        made->turn_blocks = head->turn_blocks;
        made->turn_made = head->turn_made;
        memset(head->bindings, 0, sizeof head->bindings);
        head->swap.planned = NULL;
        *control = made;
    }
    return status;
}

int32_t qnk_control_decode(struct qnk_budget *budget, struct qn_span from,
                           struct qnk_control **control)
{
    struct qn_reader in = qn_reader_over(from);
    struct qnk_control head = {0};
    struct qnk_control *made = NULL;
    int32_t status = head_read(&in, budget, &head);

    if (status == QN_OK) {
        status = head_grow(budget, &head, &made);
    }
    if (status == QN_OK) {
        status = lists_read(&in, made);
    }
    if (status == QN_OK) {
        *control = made;
        return QN_OK;
    }
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        qnk_bindings_unref(head.bindings[i]);
    }
    qnk_planned_unref(head.swap.planned);
    qnk_control_unref(made);
    return status;
}

static void bindings_hash(struct qnk_sha256 *sha, const struct qnk_bindings *bindings)
{
    uint8_t bytes[QNK_BINDING_SIZE_MAX];
    uint8_t *at = qn_writer_u32(bytes, bindings->count);

    qnk_sha256_add(sha, bytes, (uint64_t)(at - bytes));
    for (uint32_t i = 0; i < bindings->count; i++) {
        qnk_sha256_add(sha, bytes, qnk_binding_write(&bindings->list[i], bytes));
    }
}

/* Hashed piece by piece, as the whole may be large and is needed for every window's end. */
void qnk_control_hash(const struct qnk_control *control, struct qnk_hash *hash)
{
    uint8_t bytes[PIECE_MAX];
    struct qnk_sha256 sha;
    uint8_t *at = qn_writer_u16(bytes, QNK_CONTROL_VERSION);

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, QNK_TAG_CONTROL, sizeof QNK_TAG_CONTROL - 1);
    qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        bindings_hash(&sha, control->bindings[i]);
    }
    at = swap_write(bytes, &control->swap);
    qnk_sha256_add(&sha, bytes, (uint64_t)(at - bytes));
    at = turn_write(bytes, control);
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
