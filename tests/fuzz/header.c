/* SPDX-License-Identifier: MIT */

/* header.c: the headers of both layers, which are told by their size. */

#include "kernel/chain/macro.h"
#include "kernel/chain/micro.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qnk_hash chain_id = {.bytes = {1}};
    struct qn_span span = {data, size};
    uint8_t again[QNK_MACRO_SIZE], message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_micro micro;
    struct qnk_macro macro;
    struct qnk_hash hash;

    if (qnk_micro_decode(span, &micro) == QN_OK) {
        qnk_micro_encode(&micro, again);
        QN_ASSERT(fuzz_is_same(span, again, QNK_MICRO_SIZE));
        QN_ASSERT(micro.class <= QNK_MICRO_CLASS_MAX);
        qnk_micro_id(&micro, &hash);
        qnk_micro_message(&micro, &chain_id, message);
    }
    if (qnk_macro_decode(span, &macro) == QN_OK) {
        qnk_macro_encode(&macro, again);
        QN_ASSERT(fuzz_is_same(span, again, QNK_MACRO_SIZE));
        qnk_macro_digest(&macro, &hash);
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    struct qnk_micro micro = {.version = QNK_MICRO_VERSION, .view = 1, .height = 12, .tx_count = 1};
    struct qnk_macro macro = {.version = QNK_MACRO_VERSION, .blocks_count = 10, .window = 1};
    uint8_t bytes[QNK_MACRO_SIZE];

    micro.body_size = 166;
    micro.flags = 1;
    micro.class = 2;
    micro.backlog = 7;
    qnk_micro_encode(&micro, bytes);
    take(bytes, QNK_MICRO_SIZE);
    macro.height = 10;
    macro.time_ms = 9;
    qnk_macro_encode(&macro, bytes);
    take(bytes, QNK_MACRO_SIZE);
}
