/* SPDX-License-Identifier: MIT */

#include "kernel/chain/set.h"

#include "kernel/base/bytes.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/tags.h"

#define WEIGHT_MAX (UINT64_C(1) << 53) /* of all together: products stay within 64 bits */

enum { MEMBER_SIZE = QN_KEY_SIZE + 8 };

static uint64_t block_size(uint32_t count)
{
    return sizeof(struct qnk_set) + count * sizeof(struct qnk_set_member);
}

static int32_t members_check(const struct qnk_set *set, uint64_t *total)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        const struct qnk_set_member *member = &set->members[i];

        if (member->weight == 0 || member->weight > WEIGHT_MAX - sum ||
            qnk_set_find(set, &member->key) != i) {
            return QN_INVALID;
        }
        sum += member->weight;
    }
    *total = sum;
    return QN_OK;
}

static void member_write(const struct qnk_set_member *member, uint8_t to[MEMBER_SIZE])
{
    memcpy(to, member->key.bytes, QN_KEY_SIZE);
    qn_le64_write(to + QN_KEY_SIZE, member->weight);
}

static int32_t set_hash(struct qnk_set *set)
{
    struct qnk_hash *leaves = qnk_memory_take(set->budget, set->count * sizeof *leaves);
    struct qnk_hash root;
    uint8_t head[12];

    if (leaves == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        uint8_t bytes[MEMBER_SIZE];

        member_write(&set->members[i], bytes);
        qnk_hash_leaf(bytes, MEMBER_SIZE, &leaves[i]);
    }
    qnk_merkle_fold(leaves, set->count, &root);
    qnk_memory_give(set->budget, leaves, set->count * sizeof *leaves);
    qn_le32_write(head, set->count);
    qn_le64_write(head + 4, set->total);

    struct qn_span parts[] = {{head, sizeof head}, {root.bytes, QN_HASH_SIZE}};

    qnk_hash_parts(QNK_TAG_SET, parts, 2, &set->hash);
    return QN_OK;
}

static int32_t set_finish(struct qnk_set *set, struct qnk_set **out)
{
    int32_t status = members_check(set, &set->total);

    if (status == QN_OK) {
        status = set_hash(set);
    }
    if (status != QN_OK) {
        qnk_set_unref(set);
        return status;
    }
    *out = set;
    return QN_OK;
}

static struct qnk_set *set_take(struct qnk_budget *budget, uint32_t count)
{
    struct qnk_set *set = qnk_memory_take(budget, block_size(count));

    if (set != NULL) {
        set->budget = budget;
        set->count = count;
        set->refs = 1;
    }
    return set;
}

int32_t qnk_set_new(struct qnk_budget *budget, const struct qnk_set_member *members, uint32_t count,
                    struct qnk_set **set)
{
    if (count == 0 || count > QNK_SET_MEMBERS_MAX) {
        return QN_INVALID;
    }

    struct qnk_set *it = set_take(budget, count);

    if (it == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(it->members, members, count * sizeof *members);
    return set_finish(it, set);
}

int32_t qnk_set_decode(struct qnk_budget *budget, struct qn_span from, struct qnk_set **set)
{
    struct qnk_reader in = qnk_reader_init(from);
    uint32_t count = qnk_reader_u32(&in);

    if (count == 0 || count > QNK_SET_MEMBERS_MAX || in.left != (uint64_t)count * MEMBER_SIZE) {
        return QN_INVALID;
    }

    struct qnk_set *it = set_take(budget, count);

    if (it == NULL) {
        return QN_NO_SPACE;
    }
    for (uint32_t i = 0; i < count; i++) {
        qnk_reader_copy(&in, it->members[i].key.bytes, QN_KEY_SIZE);
        it->members[i].weight = qnk_reader_u64(&in);
    }
    QN_ASSERT(qnk_reader_done(&in));
    return set_finish(it, set);
}

uint64_t qnk_set_size(const struct qnk_set *set)
{
    return 4 + (uint64_t)set->count * MEMBER_SIZE;
}

void qnk_set_encode(const struct qnk_set *set, uint8_t *to)
{
    qn_le32_write(to, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        member_write(&set->members[i], to + 4 + (uint64_t)i * MEMBER_SIZE);
    }
}

struct qnk_set *qnk_set_ref(struct qnk_set *set)
{
    QN_ASSERT(set->refs > 0);
    set->refs++;
    return set;
}

void qnk_set_unref(struct qnk_set *set)
{
    if (set == NULL) {
        return;
    }
    QN_ASSERT(set->refs > 0);
    if (--set->refs == 0) {
        qnk_memory_give(set->budget, set, block_size(set->count));
    }
}

uint32_t qnk_set_find(const struct qnk_set *set, const struct qnk_hash *key)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (qnk_hash_equal(&set->members[i].key, key)) {
            return i;
        }
    }
    return QNK_SET_NOBODY;
}

uint64_t qnk_set_weight(const struct qnk_set *set, const uint8_t *bitmap)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        weight += qnk_bit(bitmap, i) ? set->members[i].weight : 0;
    }
    return weight;
}
