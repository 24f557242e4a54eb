/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/tags.h"

static const char *const tags[] = {
    QNK_TAG_TX,     QNK_TAG_MICRO,  QNK_TAG_VOTE,    QNK_TAG_HANDSHAKE, QNK_TAG_NETWORK,
    QNK_TAG_EMPTY,  QNK_TAG_MACRO,  QNK_TAG_SET,     QNK_TAG_BINDING,   QNK_TAG_CONTROL,
    QNK_TAG_COMMIT, QNK_TAG_BLIND,  QNK_TAG_BODY,    QNK_TAG_BEACON,    QNK_TAG_LINK,
    QNK_TAG_SECRET, QNK_TAG_PLACE,  QNK_TAG_ABANDON, QNK_TAG_PLAN,      "qnet/state",
    QNK_TAG_TRACE,  "qnet/effects", /* the ledger's own */
};

static void no_tag_is_the_beginning_of_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        for (size_t j = 0; j < sizeof tags / sizeof *tags; j++) {
            assert_true(i == j || strncmp(tags[i], tags[j], strlen(tags[i])) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_tag_is_the_beginning_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
