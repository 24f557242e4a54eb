/* SPDX-License-Identifier: MIT */

/* manifest.c: a note's content, as any file may bring it. */

#include <stdlib.h>

#include "kernel/plugin/manifest.h"
#include "tests/fuzz/fuzz.h"

void fuzz_seeds(fuzz_take *take)
{
    (void)take; /* they are files */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room_size = QNK_MANIFEST_ROOM(size) / 16 * 16;
    void *room = aligned_alloc(16, room_size);
    struct qnk_manifest manifest;
    struct qnk_arena arena;
    struct qn_span record;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    QN_ASSERT(room != NULL);
    qnk_arena_init(&arena, room, room_size);

    int32_t status = qnk_manifest_read((struct qn_span){data, size}, &arena, &manifest, why);

    QN_ASSERT(status != QN_NO_SPACE); /* MANIFEST_ROOM is enough for every note */
    QN_ASSERT((status == QN_OK) == (why[0] == 0));
    if (status == QN_OK) {
        (void)!qnk_manifest_fits(&manifest, why);
        (void)!qnk_manifest_default(&manifest, &arena, &record, why);
    }
    free(room);
    return 0;
}
