/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/kind.h"

#include <string.h>

static const struct qnk_kind *const kinds[] = {
    &qnk_kind_compression, &qnk_kind_consensus, &qnk_kind_ledger,  &qnk_kind_producer,
    &qnk_kind_service,     &qnk_kind_signature, &qnk_kind_storage, &qnk_kind_transport,
};

enum { KINDS_COUNT = sizeof kinds / sizeof *kinds };

const struct qnk_kind *qnk_kind_at(uint32_t place)
{
    return place < KINDS_COUNT ? kinds[place] : NULL;
}

const struct qnk_kind *qnk_kind_find(const char *name)
{
    for (uint32_t i = 0; i < KINDS_COUNT; i++) {
        if (strcmp(kinds[i]->table.name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

const char *qnk_class_word(enum qnk_class class)
{
    static const char *const words[] = {"deterministic", "pure", "edge"};

    return words[class];
}
