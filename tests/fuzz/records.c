/* SPDX-License-Identifier: MIT */

/* records.c: the generated readers of the ABI's records: a byte for the number of the record in
 * records.def, then the record. */

#include <stdlib.h>

#include <qnet/consensus.h>
#include <qnet/ledger.h>
#include <qnet/manifest.h>
#include <qnet/producer.h>
#include <qnet/service.h>
#include <qnet/signature.h>
#include <qnet/storage.h>
#include <qnet/transport.h>

#include "tests/fuzz/fuzz.h"

enum { SEED = 160 };

/* What can be read is written as it was. */
#define RECORD(name)                                                                 \
    static void run_##name(struct qn_span span)                                      \
    {                                                                                \
        struct name record;                                                          \
        if (name##_read(span, &record) == QN_OK) {                                   \
            uint8_t *again = malloc(span.size + 1);                                  \
            QN_ASSERT(again != NULL);                                                \
            QN_ASSERT(name##_size(&record) == span.size);                            \
            QN_ASSERT(name##_write(&record, again) - again == (ptrdiff_t)span.size); \
            QN_ASSERT(fuzz_is_same(span, again, span.size));                         \
            free(again);                                                             \
        }                                                                            \
    }
#include "tests/fuzz/records.def"
#undef RECORD

static void (*const runs[])(struct qn_span) = {
#define RECORD(name) run_##name,
#include "tests/fuzz/records.def"
#undef RECORD
};

enum { RUNS = sizeof runs / sizeof *runs };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] < RUNS) {
        runs[data[0]]((struct qn_span){data + 1, size - 1});
    }
    return 0;
}

/* A record of zeros is one of most kinds, at some size. */
void fuzz_seeds(fuzz_take *take)
{
    for (uint8_t i = 0; i < RUNS; i++) {
        uint8_t bytes[SEED] = {i};

        take(bytes, sizeof bytes);
    }
}
