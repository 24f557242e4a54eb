/* SPDX-License-Identifier: MIT */

#include "kernel/config/checker.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bytes.h"

void *qnk_checker_take(struct qnk_checker *checker, size_t size)
{
    void *piece = qnk_arena_take(checker->arena, size);

    if (piece == NULL) {
        checker->is_full = true;
    }
    return piece;
}

struct qnk_config_place qnk_checker_place(const struct qnk_checker *checker,
                                          struct qnk_config_mark mark)
{
    return (struct qnk_config_place){.source = checker->source, .mark = mark};
}

struct qn_span qnk_checker_keep(struct qnk_checker *checker, const void *bytes, uint64_t size)
{
    const struct qn_span piece = {bytes, size};

    return qnk_checker_join(checker, &piece, 1);
}

const char *qnk_checker_string(struct qnk_checker *checker, struct qn_span text)
{
    const struct qn_span pieces[2] = {text, {(const uint8_t *)"", 1}};
    struct qn_span string = qnk_checker_join(checker, pieces, 2);

    return string.data == NULL ? "" : (const char *)string.data;
}

struct qn_span qnk_checker_join(struct qnk_checker *checker, const struct qn_span *pieces,
                                uint32_t count)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < count; i++) {
        size += pieces[i].size;
    }

    uint8_t *joined = qnk_checker_take(checker, size);

    if (joined == NULL) {
        return (struct qn_span){NULL, 0};
    }

    struct qnk_writer writer = qnk_writer_init(joined, size);

    for (uint32_t i = 0; i < count; i++) {
        qnk_writer_bytes(&writer, pieces[i].data, pieces[i].size);
    }
    QN_ASSERT(writer.room == 0);
    return (struct qn_span){joined, size};
}
