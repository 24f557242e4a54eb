/* SPDX-License-Identifier: MIT */

/* Whether a plugin that errs is found before it is used. */

#include "tests/test.h"

#include <string.h>

#include <qnet/compression.h>
#include <qnet/signature.h>

#include "kernel/base/sink.h"
#include "kernel/chain/tx.h"
#include "kernel/host/proof.h"

static struct qnk_budget budget = {.limit = 1 << 24};

/* --- compressors: a byte before the plain ones says whose they are --- */

struct qn_inst {
    uint8_t name;
    bool cannot_pack;
    bool is_larger;  /* than it says */
    bool is_wrong;   /* in one byte */
    bool is_shorter; /* than the plain bytes were */
};

static uint64_t tag_bound(struct qn_inst *inst, uint64_t size)
{
    return size + (inst->is_larger ? 0 : 1);
}

static int32_t tag_pack(struct qn_inst *inst, uint32_t lane, struct qn_span plain,
                        struct qn_sink *packed)
{
    (void)lane;
    if (inst->cannot_pack) {
        return QN_BUG;
    }
    return qnk_sink_append(packed, &inst->name, 1) == QN_OK
               ? qnk_sink_append(packed, plain.data, plain.size)
               : QN_NO_SPACE;
}

static int32_t tag_unpack(struct qn_inst *inst, uint32_t lane, struct qn_span packed,
                          uint64_t plain_size, struct qn_sink *plain)
{
    (void)lane;
    if (packed.data[0] != inst->name || packed.size != plain_size + 1) {
        return QN_INVALID;
    }
    if (qnk_sink_append(plain, packed.data + 1, plain_size - (inst->is_shorter ? 1 : 0)) != QN_OK) {
        return QN_NO_SPACE;
    }
    plain->data[0] ^= inst->is_wrong ? 1 : 0;
    return QN_OK;
}

static const struct qn_compression_1 tag_table = {
    .head = QN_COMPRESSION_1_HEAD,
    .bound = tag_bound,
    .pack = tag_pack,
    .unpack = tag_unpack,
};

static struct qnk_proof compression(struct qn_inst *old, struct qn_inst *fresh, bool is_same_name)
{
    static const uint8_t plain[] = "bytes of a block";
    struct qnk_proof proof = {
        .kind = QNK_HOST_COMPRESSION,
        .old = {&tag_table, old},
        .fresh = {&tag_table, fresh},
        .is_same_name = is_same_name,
        .budget = &budget,
    };

    (void)qnk_proof_compress(&proof, (struct qn_span){plain, sizeof plain});
    qnk_proof_end(&proof);
    assert_int_equal(budget.used, 0);
    return proof;
}

static void a_good_compressor_is_taken(void **state)
{
    struct qn_inst old = {.name = 1};
    struct qn_inst fresh = {.name = 2};

    (void)state;
    assert_true(compression(&old, &fresh, false).is_good);
    fresh.name = 1;
    assert_true(compression(&old, &fresh, true).is_good);
}

static void a_compressor_that_errs_is_found(void **state)
{
    struct qn_inst old = {.name = 1};
    struct qn_inst bad[] = {
        {.name = 2, .cannot_pack = true},
        {.name = 2, .is_larger = true},
        {.name = 2, .is_wrong = true},
        {.name = 2, .is_shorter = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct qnk_proof proof = compression(&old, &bad[i], false);

        assert_false(proof.is_good);
        assert_true(proof.words[0] != 0);
    }
}

static void one_name_is_one_format(void **state)
{
    struct qn_inst old = {.name = 1};
    struct qn_inst fresh = {.name = 2};

    (void)state;
    assert_false(compression(&old, &fresh, true).is_good);
}

/* --- verifiers: a signature is good if it repeats the key --- */

enum verdict { HONEST, TAKES_ALL, TAKES_NONE, ANSWERS_NOT };

static int32_t key_verify(struct qn_inst *inst, uint32_t lane,
                          const struct qn_signature_item *items, uint32_t count, uint8_t *bitmap)
{
    (void)lane;
    if (inst->name == ANSWERS_NOT) {
        return QN_BUG;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool is_good = memcmp(items[i].sig, items[i].key, QN_KEY_SIZE) == 0 &&
                       memcmp(items[i].sig + QN_KEY_SIZE, items[i].key, QN_KEY_SIZE) == 0;

        if (inst->name == TAKES_ALL || (inst->name == HONEST && is_good)) {
            bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
        }
    }
    return QN_OK;
}

static const struct qn_signature_1 key_table = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = key_verify,
};

static struct qnk_proof signature(enum verdict old_says, enum verdict fresh_says, bool is_signed)
{
    const struct qnk_set_member member = {.key = {.bytes = {7, 7, 7}}, .weight = 1};
    struct qn_inst old = {.name = (uint8_t)old_says};
    struct qn_inst fresh = {.name = (uint8_t)fresh_says};
    struct qnk_micro header = {
        .version = QNK_MICRO_VERSION,
        .height = 1,
        .producer = is_signed ? 0 : 1,
    };
    struct qnk_set *set;
    struct qnk_proof proof = {
        .kind = QNK_HOST_SIGNATURE,
        .old = {&key_table, &old},
        .fresh = {&key_table, &fresh},
        .budget = &budget,
    };

    assert_int_equal(qnk_set_new(&budget, &member, 1, &set), QN_OK);
    proof.set = set;
    memcpy(header.signature, member.key.bytes, QN_KEY_SIZE);
    memcpy(header.signature + QN_KEY_SIZE, member.key.bytes, QN_KEY_SIZE);
    (void)qnk_proof_verify(&proof, &header, (struct qn_span){NULL, 0});
    qnk_proof_end(&proof);
    qnk_set_unref(set);
    assert_int_equal(budget.used, 0);
    return proof;
}

static void equal_verdicts_are_taken(void **state)
{
    (void)state;
    assert_true(signature(HONEST, HONEST, true).is_good);
}

static void other_verdicts_are_found(void **state)
{
    (void)state;
    assert_non_null(strstr(signature(HONEST, TAKES_ALL, true).words, "not good"));
    assert_non_null(strstr(signature(HONEST, TAKES_NONE, true).words, "refuses"));
    assert_false(signature(HONEST, TAKES_ALL, true).is_good);
    assert_false(signature(HONEST, TAKES_NONE, true).is_good);
    assert_false(signature(HONEST, ANSWERS_NOT, true).is_good);
    assert_false(signature(ANSWERS_NOT, HONEST, true).is_good);
}

static void nothing_to_try_it_on_is_no_proof(void **state)
{
    (void)state;
    assert_false(signature(HONEST, HONEST, false).is_good);
    assert_false(signature(TAKES_NONE, TAKES_NONE, true).is_good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_compressor_is_taken),
        cmocka_unit_test(a_compressor_that_errs_is_found),
        cmocka_unit_test(one_name_is_one_format),
        cmocka_unit_test(equal_verdicts_are_taken),
        cmocka_unit_test(other_verdicts_are_found),
        cmocka_unit_test(nothing_to_try_it_on_is_no_proof),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
