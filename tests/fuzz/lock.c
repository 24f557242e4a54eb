/* SPDX-License-Identifier: MIT */

/* lock.c: plugins.lock, of which there is one form: what was read can be written as it was. */

#include <inttypes.h>
#include <stdio.h>

#include "kernel/base/hex.h"
#include "kernel/plugin/lock.h"
#include "tests/fuzz/fuzz.h"

static struct qnk_budget budget = {.limit = 1 << 24};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[QNK_PLUGIN_WHY_MAX] = "";
    struct qn_span rest = {data, size};
    struct qnk_lock lock;
    int32_t status = qnk_lock_read(rest, &budget, &lock, why);

    QN_ASSERT((status == QN_OK) == (why[0] == 0));
    if (status == QN_OK) {
        for (uint32_t i = 0; i < lock.count; i++) {
            const struct qnk_lock_line *line = &lock.lines[i];
            char hash[2 * QN_HASH_SIZE + 1], text[256];

            qnk_hex_encode(line->hash.bytes, QN_HASH_SIZE, hash);
            int length = snprintf(text, sizeof text, "%s %s %s %s %" PRIu64 "\n", hash, line->kind,
                                  line->name, line->version, line->size);

            QN_ASSERT(length > 0 && (uint64_t)length <= rest.size);
            QN_ASSERT(memcmp(rest.data, text, (size_t)length) == 0);
            QN_ASSERT(qnk_lock_check(&lock, line, why) == QN_OK);
            rest = (struct qn_span){rest.data + length, rest.size - (uint64_t)length};
        }
        QN_ASSERT(rest.size == 0);
        qnk_lock_done(&lock);
    }
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char text[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
                               " compression zstd 1.0.0 20000\n"
                               "11112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
                               " storage lmdb 1.2.3 5\n";

    take((const uint8_t *)text, sizeof text - 1);
}
