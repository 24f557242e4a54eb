/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/tx.h"

static uint8_t key[QN_KEY_SIZE], bytes[QNK_TX_SIZE_MAX + 1];

/* A transaction of this kind with a payload of `size` bytes lies in `bytes`. */
static struct qn_span made(uint8_t kind, uint32_t size)
{
    static const uint8_t payload[QNK_TX_KERNEL_PAYLOAD_MAX];
    struct qnk_tx tx = {
        .payload = {payload, size},
        .from = key,
        .valid_until = 0x1122334455667788,
        .kind = kind,
    };

    if (!qnk_tx_is_kernel(&tx)) {
        tx.nonce = 7;
        tx.fee = 1000;
    }
    qnk_tx_encode(&tx, bytes);
    return (struct qn_span){bytes, qnk_tx_size(size)};
}

static int32_t decode(struct qn_span from)
{
    struct qnk_tx tx;

    return qnk_tx_decode(from, &tx);
}

static void a_transfer_has_166_bytes_in_the_order_of_the_table(void **state)
{
    struct qnk_transfer transfer = {.amount = 5}, back;
    uint8_t payload[40];
    struct qnk_tx tx = {
        .payload = {payload, 40}, .from = key, .nonce = 1, .valid_until = 2, .fee = 3};

    (void)state;
    memset(key, 0xaa, sizeof key);
    memset(transfer.to.bytes, 0xbb, sizeof transfer.to);
    qnk_transfer_encode(&transfer, payload);
    qnk_tx_encode(&tx, bytes);
    assert_memory_equal(
        bytes, "\x01\0\0\0\x28\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 30);
    assert_memory_equal(bytes + 30, key, 32);
    assert_memory_equal(bytes + 62, payload, 40);
    assert_int_equal(qnk_tx_decode((struct qn_span){bytes, QNK_TX_TRANSFER_SIZE}, &tx), QN_OK);
    assert_int_equal(tx.nonce, 1);
    assert_int_equal(tx.valid_until, 2);
    assert_int_equal(tx.fee, 3);
    assert_ptr_equal(tx.from, bytes + 30);
    assert_ptr_equal(tx.signature, bytes + 102);
    assert_int_equal(qnk_transfer_decode(tx.payload, &back), QN_OK);
    assert_int_equal(back.amount, 5);
    assert_true(qnk_hash_equal(&back.to, &transfer.to));
    assert_int_equal(qnk_transfer_decode((struct qn_span){payload, 39}, &back), QN_INVALID);
}

static void another_size_is_refused(void **state)
{
    struct qn_span whole = made(QNK_TX_TRANSFER, 40);

    (void)state;
    for (uint64_t size = 0; size <= whole.size + 1; size++) {
        assert_int_equal(decode((struct qn_span){bytes, size}),
                         size == whole.size ? QN_OK : QN_INVALID);
    }
}

static void version_and_reserved_bits_are_fixed(void **state)
{
    (void)state;
    for (int bit = 0; bit < 32; bit++) {
        struct qn_span whole = made(QNK_TX_TRANSFER, 40);

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (bit / 8 != 1) {
            assert_int_equal(decode(whole), QN_INVALID);
        }
    }
}

static void payloads_have_the_limit_of_their_kind(void **state)
{
    struct qn_span whole;

    (void)state;
    assert_int_equal(decode(made(QNK_TX_TRANSFER, 0)), QN_OK);
    assert_int_equal(decode(made(QNK_TX_TRANSFER, QNK_TX_PAYLOAD_MAX)), QN_OK);
    whole = made(QNK_TX_EVIDENCE, QNK_TX_PAYLOAD_MAX + 1);
    assert_int_equal(decode(whole), QN_OK);
    bytes[1] = QNK_TX_TRANSFER;
    assert_int_equal(decode(whole), QN_INVALID);
    assert_int_equal(decode(made(QNK_TX_EVIDENCE, QNK_TX_KERNEL_PAYLOAD_MAX)), QN_OK);
    qn_le16_write(bytes + 4, QNK_TX_KERNEL_PAYLOAD_MAX + 1);
    assert_int_equal(decode((struct qn_span){bytes, sizeof bytes}), QN_INVALID);
}

static void kernel_kinds_are_known_and_have_no_fee_and_few_a_nonce(void **state)
{
    (void)state;
    for (uint8_t kind = 1; kind <= QNK_TX_KERNEL_LAST; kind++) {
        struct qn_span whole = made(QNK_TX_EVIDENCE, 40);

        bytes[1] = kind;
        assert_int_equal(decode(whole), kind <= QNK_TX_FALLBACK ? QN_OK : QN_INVALID);
        bytes[6] = 1;
        assert_int_equal(decode(whole),
                         kind == QNK_TX_PLAN || kind == QNK_TX_READY || kind == QNK_TX_CANCEL
                             ? QN_OK
                             : QN_INVALID);
    }

    struct qn_span whole = made(QNK_TX_SHARE, 40);

    bytes[22] = 1;
    assert_int_equal(decode(whole), QN_INVALID);
}

static void many_are_walked_one_after_another(void **state)
{
    struct qn_span first = made(QNK_TX_TRANSFER, 40);
    uint8_t two[2 * QNK_TX_TRANSFER_SIZE];
    struct qn_span rest = {two, sizeof two};
    struct qnk_tx tx;

    (void)state;
    memcpy(two, first.data, first.size);
    memcpy(two + first.size, first.data, first.size);
    assert_int_equal(qnk_tx_next(&rest, &tx), QN_OK);
    assert_ptr_equal(tx.bytes.data, two);
    assert_int_equal(qnk_tx_next(&rest, &tx), QN_OK);
    assert_ptr_equal(tx.bytes.data, two + first.size);
    assert_int_equal(rest.size, 0);
    assert_int_equal(qnk_tx_next(&rest, &tx), QN_INVALID);
}

static void name_and_message_are_those_that_are_written_down(void **state)
{
    struct qn_span whole = made(QNK_TX_TRANSFER, 40);
    static uint8_t message[QNK_TX_MESSAGE_MAX];
    struct qnk_hash chain_id, id, expected;
    struct qnk_tx tx;

    (void)state;
    memset(&chain_id, 9, sizeof chain_id);
    assert_int_equal(qnk_tx_decode(whole, &tx), QN_OK);
    qnk_tx_id(&tx, &id);
    qnk_hash_leaf(whole.data, whole.size, &expected);
    assert_true(qnk_hash_equal(&id, &expected));
    assert_int_equal(qnk_tx_message(&tx, &chain_id, message), 7 + 32 + whole.size - 64);
    assert_memory_equal(message, "qnet/tx", 7);
    assert_memory_equal(message + 7, chain_id.bytes, 32);
    assert_memory_equal(message + 39, whole.data, whole.size - 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_has_166_bytes_in_the_order_of_the_table),
        cmocka_unit_test(another_size_is_refused),
        cmocka_unit_test(version_and_reserved_bits_are_fixed),
        cmocka_unit_test(payloads_have_the_limit_of_their_kind),
        cmocka_unit_test(kernel_kinds_are_known_and_have_no_fee_and_few_a_nonce),
        cmocka_unit_test(many_are_walked_one_after_another),
        cmocka_unit_test(name_and_message_are_those_that_are_written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
