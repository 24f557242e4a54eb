/* SPDX-License-Identifier: MIT */

/* zstd.c: a packed body from a stranger, after the size u32 that its frame claims; and the same
 * bytes, packed and unpacked. */

#include "plugins/compression/zstd/zstd.manifest.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum { PLAIN_MAX = 1 << 17 }; /* beyond, the sanitizer maps and unmaps each block */

static struct fuzz_given subject;
static const struct qn_compression_1 *slots;

static void begin(void)
{
    const struct qn_check_given given = {
        .plugin = &qn_plugin_v1,
        .config = zstd_config_default(),
        .memory = ZSTD_MEMORY,
        .lanes = ZSTD_LANES,
    };

    if (slots == NULL) {
        slots = (const void *)qn_plugin_v1.slots;
        fuzz_given_make(&subject, given, 2 * PLAIN_MAX);
    }
}

/* In a block of just the size that it may fill. */
static void unpack_run(struct qn_span packed, uint32_t plain_size)
{
    struct qn_sink plain = {.data = malloc(plain_size + 1), .cap = plain_size};

    QN_ASSERT(plain.data != NULL);

    int32_t status = slots->unpack(subject.inst, 0, packed, plain_size, &plain);

    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    QN_ASSERT(status != QN_OK || plain.size == plain_size);
    free(plain.data);
}

static void pack_run(struct qn_span plain)
{
    static uint8_t back[PLAIN_MAX];
    struct qn_sink to = {.data = back, .cap = plain.size};

    QN_ASSERT(slots->pack(subject.inst, 0, plain, fuzz_sink(&subject)) == QN_OK);
    QN_ASSERT(subject.sink.size <= slots->bound(subject.inst, plain.size));
    QN_ASSERT(slots->unpack(subject.inst, 0, (struct qn_span){subject.sink.data, subject.sink.size},
                            plain.size, &to) == QN_OK);
    QN_ASSERT(fuzz_is_same(plain, back, to.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    if (size > 4 && size <= PLAIN_MAX) {
        unpack_run((struct qn_span){data + 4, size - 4}, qn_le32_read(data) % PLAIN_MAX);
        pack_run((struct qn_span){data, size});
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const char text[] = "a block of a block of the transfers of a block of a window";
    uint8_t bytes[512];

    begin();
    for (uint32_t size = 1; size < sizeof text; size += (uint32_t)sizeof text - 2) {
        QN_ASSERT(slots->pack(subject.inst, 0, (struct qn_span){(const uint8_t *)text, size},
                              fuzz_sink(&subject)) == QN_OK);
        qn_le32_write(bytes, size);
        memcpy(bytes + 4, subject.sink.data, subject.sink.size);
        take(bytes, 4 + subject.sink.size);
    }
}
