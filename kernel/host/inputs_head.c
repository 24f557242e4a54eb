/* SPDX-License-Identifier: MIT */

#include "kernel/host/inputs_head.h"

#include "kernel/base/bytes.h"
#include "kernel/host/inputs.h"

enum { FIXED = 18, WORD_MAX = 4096 };

static int32_t put_span(struct qn_sink *out, struct qn_span span)
{
    uint8_t size[4];
    int32_t status;

    qn_le32_write(size, (uint32_t)span.size);
    status = qnk_sink_append(out, size, sizeof size);
    return status == QN_OK ? qnk_sink_append(out, span.data, span.size) : status;
}

static int32_t put_spans(struct qn_sink *out, const struct qn_span *spans, uint32_t count)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < count; i++) {
        status = put_span(out, spans[i]);
    }
    return status;
}

static int32_t put_plugin(struct qn_sink *out, const struct qnk_inputs_plugin *plugin)
{
    const struct qn_span spans[] = {plugin->kind, plugin->name, plugin->version, plugin->path,
                                    plugin->config};
    int32_t status = put_spans(out, spans, 5);

    return status == QN_OK ? qnk_sink_append(out, plugin->hash, QN_HASH_SIZE) : status;
}

int32_t qnk_inputs_head_encode(const struct qnk_inputs_head *head, struct qn_sink *out)
{
    const struct qn_span spans[] = {head->program, head->name, head->setup, head->genesis};
    uint8_t fixed[FIXED];
    struct qnk_writer writer = qnk_writer_init(fixed, sizeof fixed);
    int32_t status;

    qnk_writer_u32(&writer, QNK_INPUTS_VERSION);
    qnk_writer_u8(&writer, QNK_TAPE_VERSION);
    qnk_writer_u64(&writer, head->pages);
    qnk_writer_u8(&writer, head->has_state);
    qnk_writer_u32(&writer, head->guard << 8 | head->plugins_count);
    status = qnk_sink_append(out, fixed, sizeof fixed);
    if (status == QN_OK) {
        status = put_spans(out, spans, 4);
    }
    for (uint32_t i = 0; status == QN_OK && i < head->plugins_count; i++) {
        status = put_plugin(out, &head->plugins[i]);
    }
    return status;
}

static struct qn_span get_span(struct qnk_reader *reader)
{
    return qnk_reader_span(reader, qnk_reader_u32(reader));
}

/* A word for a C string later. */
static struct qn_span get_word(struct qnk_reader *reader)
{
    struct qn_span word = get_span(reader);

    if (word.size > WORD_MAX || (word.size > 0 && memchr(word.data, 0, word.size) != NULL)) {
        reader->failed = true;
    }
    return word;
}

static void get_plugin(struct qnk_reader *reader, struct qnk_inputs_plugin *plugin)
{
    plugin->kind = get_word(reader);
    plugin->name = get_word(reader);
    plugin->version = get_word(reader);
    plugin->path = get_word(reader);
    plugin->config = get_span(reader);
    qnk_reader_copy(reader, plugin->hash, QN_HASH_SIZE);
}

int32_t qnk_inputs_head_decode(struct qn_span from, struct qnk_inputs_head *out)
{
    struct qnk_reader reader = qnk_reader_init(from);
    struct qnk_inputs_head head = {0};
    uint32_t version = qnk_reader_u32(&reader);
    uint8_t tape = qnk_reader_u8(&reader);
    uint8_t has_state;
    uint32_t both;

    if (!reader.failed && (version != QNK_INPUTS_VERSION || tape != QNK_TAPE_VERSION)) {
        return QN_UNSUPPORTED;
    }
    head.pages = qnk_reader_u64(&reader);
    has_state = qnk_reader_u8(&reader);
    both = qnk_reader_u32(&reader);
    head.has_state = has_state == 1;
    head.guard = both >> 8;
    head.plugins_count = both & 0xff;
    if (has_state > 1 || head.guard > 2 || head.plugins_count > QNK_INPUTS_PLUGINS_MAX) {
        return QN_INVALID;
    }
    head.program = get_word(&reader);
    head.name = get_word(&reader);
    head.setup = get_span(&reader);
    head.genesis = get_span(&reader);
    for (uint32_t i = 0; i < head.plugins_count; i++) {
        get_plugin(&reader, &head.plugins[i]);
    }
    if (!qnk_reader_done(&reader)) {
        return QN_INVALID;
    }
    *out = head;
    return QN_OK;
}
