/* SPDX-License-Identifier: MIT */

#include "kernel/config/tree.h"

#include <string.h>
#include <yaml.h>

#include <qnet/assert.h>

/* A map or list that is still open. */
struct level {
    struct qnk_tree *node;
    struct qnk_tree **end; /* where its next child goes */
    uint32_t keys;         /* of a map, so far */
    const char *key;       /* read, while its value is not; NULL in lists and between entries */
    struct qnk_config_mark key_mark;
};

struct builder {
    const struct qnk_config_source *source;
    struct qnk_arena *arena;
    struct qnk_report *report;
    struct qnk_tree *root;
    struct level levels[QNK_TREE_DEPTH_MAX];
    uint32_t depth;
    uint32_t nodes;
    uint32_t documents;
};

static struct qnk_config_place place_of(const struct builder *builder, struct qnk_config_mark mark)
{
    return (struct qnk_config_place){.source = builder->source, .mark = mark};
}

static struct qnk_config_mark mark_of(const yaml_mark_t *from, const yaml_mark_t *to)
{
    bool is_one_line = from->line == to->line && to->column > from->column;

    return (struct qnk_config_mark){
        .line = (uint32_t)from->line + 1,
        .column = (uint32_t)from->column + 1,
        .width = is_one_line ? (uint32_t)(to->column - from->column) : 1,
    };
}

/* How many bytes the character at `at` has; 0: it is not UTF-8 (RFC 3629). */
static uint32_t character_read(struct qn_span bytes, uint64_t at, uint32_t *character)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes.data[at];
    uint32_t size = first < 0x80   ? 1
                    : first < 0xc0 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf8 ? 4
                                   : 0;
    uint32_t value = size == 1 ? first : first & (0x7fu >> size);

    if (size == 0 || size > bytes.size - at) {
        return 0;
    }
    for (uint32_t i = 1; i < size; i++) {
        if ((bytes.data[at + i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (bytes.data[at + i] & 0x3f);
    }
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
        return 0;
    }
    *character = value;
    return size;
}

/* What may not stand in a file. Of the line ends only \n and \r\n are taken: parsers differ on the
 * others, and places must mean the same in every editor. */
static const char *fault_of(struct qn_span bytes, uint64_t at, uint32_t character)
{
    bool is_crlf = character == '\r' && at + 1 < bytes.size && bytes.data[at + 1] == '\n';

    if (character == '\t') {
        return "a tab: indent with spaces";
    }
    if (character == 0xfeff) {
        return "a byte order mark";
    }
    if (character == 0x2028 || character == 0x2029 || character == '\r') {
        return is_crlf ? NULL : "a line end that is not \\n";
    }
    if ((character < 32 && character != '\n') || (character >= 0x7f && character < 0xa0)) {
        return "not YAML: a control character";
    }
    return character == 0xfffe || character == 0xffff ? "not YAML: no character" : NULL;
}

/* Looks at every character before the parser does. False: there is a finding. */
static bool is_clean(struct builder *builder)
{
    struct qn_span bytes = builder->source->bytes;
    struct qnk_config_mark mark = {.line = 1, .column = 1, .width = 1};
    uint32_t size;

    if (bytes.size > QNK_TREE_FILE_MAX) {
        qnk_report_add(builder->report, QNK_E101, place_of(builder, (struct qnk_config_mark){0}),
                       "larger than 1 MiB");
        return false;
    }
    for (uint64_t at = 0; at < bytes.size; at += size) {
        uint32_t character = 0;

        size = character_read(bytes, at, &character);

        const char *fault =
            size == 0 ? "not YAML: a byte that is not UTF-8" : fault_of(bytes, at, character);

        if (fault != NULL) {
            qnk_report_add(builder->report, QNK_E101, place_of(builder, mark), "%s", fault);
            return false;
        }
        mark.column++;
        if (character == '\n') {
            mark.line++;
            mark.column = 1;
        }
    }
    return true;
}

static void refuse(struct builder *builder, struct qnk_config_mark mark, const char *what)
{
    qnk_report_add(builder->report, QNK_E101, place_of(builder, mark), "%s", what);
}

/* A copy of a scalar's text. NULL: the arena is full. */
static const char *text_keep(struct builder *builder, const yaml_event_t *event)
{
    size_t size = event->data.scalar.length;
    char *text = qnk_arena_take(builder->arena, size + 1);

    if (text == NULL) {
        return NULL;
    }
    memcpy(text, event->data.scalar.value, size);
    text[size] = 0;
    if (strlen(text) != size) {
        refuse(builder, mark_of(&event->start_mark, &event->end_mark), "a zero byte in a text");
    }
    return text;
}

static const struct qnk_tree *child_find(const struct qnk_tree *map, const char *key)
{
    for (const struct qnk_tree *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

const struct qnk_tree *qnk_tree_child(const struct qnk_tree *map, const char *key)
{
    return map->kind == QNK_TREE_MAP ? child_find(map, key) : NULL;
}

/* Hangs `node` below the innermost open level. The first of two values under one key stays. */
static void attach(struct builder *builder, struct qnk_tree *node)
{
    struct level *level;

    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    level = &builder->levels[builder->depth - 1];
    if (level->node->kind == QNK_TREE_MAP) {
        const struct qnk_tree *twin = child_find(level->node, level->key);

        node->key = level->key;
        node->key_mark = level->key_mark;
        level->key = NULL;
        if (twin != NULL) {
            qnk_report_add(builder->report, QNK_E104, place_of(builder, node->key_mark),
                           "'%s' is given twice, first at %u:%u", node->key, twin->key_mark.line,
                           twin->key_mark.column);
            return;
        }
    }
    *level->end = node;
    level->end = &node->next;
}

/* A new node, attached. NULL: there are too many; the finding is there. */
static struct qnk_tree *node_add(struct builder *builder, enum qnk_tree_kind kind,
                                 const yaml_event_t *event)
{
    struct qnk_config_mark mark = mark_of(&event->start_mark, &event->end_mark);
    struct qnk_tree *node =
        builder->nodes < QNK_TREE_NODES_MAX ? qnk_arena_take(builder->arena, sizeof *node) : NULL;

    if (node == NULL) {
        refuse(builder, mark, "more than 65536 values");
        return NULL;
    }
    *node = (struct qnk_tree){.kind = kind, .text = "", .mark = mark};
    builder->nodes++;
    attach(builder, node);
    return node;
}

/* Whether the innermost open level is a map that waits for a key. */
static bool wants_key(const struct builder *builder)
{
    const struct level *level = builder->depth > 0 ? &builder->levels[builder->depth - 1] : NULL;

    return level != NULL && level->node->kind == QNK_TREE_MAP && level->key == NULL;
}

static bool take_key(struct builder *builder, const char *text, struct qnk_config_mark mark)
{
    struct level *level = &builder->levels[builder->depth - 1];

    if (++level->keys > QNK_TREE_KEYS_MAX) {
        refuse(builder, mark, "more than 1024 keys in one map");
        return false;
    }
    level->key = text;
    level->key_mark = mark;
    return true;
}

static bool add_text(struct builder *builder, const yaml_event_t *event)
{
    const char *text = text_keep(builder, event);
    struct qnk_tree *node;

    if (text == NULL) {
        refuse(builder, mark_of(&event->start_mark, &event->end_mark), "too many values");
        return false;
    }
    if (wants_key(builder)) {
        return take_key(builder, text, mark_of(&event->start_mark, &event->end_mark));
    }
    node = node_add(builder, QNK_TREE_TEXT, event);
    if (node == NULL) {
        return false;
    }
    node->text = text;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return true;
}

static bool open_level(struct builder *builder, enum qnk_tree_kind kind, const yaml_event_t *event)
{
    struct qnk_config_mark mark = mark_of(&event->start_mark, &event->end_mark);
    struct qnk_tree *node;

    if (wants_key(builder)) {
        refuse(builder, mark, "a key that is not a word");
        return false;
    }
    if (builder->depth == QNK_TREE_DEPTH_MAX) {
        refuse(builder, mark, "more than 16 levels");
        return false;
    }
    node = node_add(builder, kind, event);
    if (node == NULL) {
        return false;
    }
    builder->levels[builder->depth++] = (struct level){.node = node, .end = &node->first};
    return true;
}

/* Anchors and tags are refused, but what they stand before is read on. */
static void refuse_decoration(struct builder *builder, const yaml_event_t *event,
                              const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct qnk_config_mark mark = mark_of(&event->start_mark, &event->start_mark);

    if (anchor != NULL) {
        refuse(builder, mark, "an anchor: write the value out where it is used");
    }
    if (tag != NULL) {
        refuse(builder, mark, "a tag: the type of a value is its key's");
    }
}

static bool begin_document(struct builder *builder, const yaml_event_t *event)
{
    struct qnk_config_mark mark = mark_of(&event->start_mark, &event->end_mark);

    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        refuse(builder, mark, "a directive");
    }
    if (++builder->documents > 1) {
        refuse(builder, mark, "a second document");
        return false;
    }
    return true;
}

/* Takes one event. False: nothing sensible can follow, and there is a finding. */
static bool take(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return begin_document(builder, event);
    case YAML_SCALAR_EVENT:
        refuse_decoration(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
        return add_text(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        refuse_decoration(builder, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
        return open_level(builder, QNK_TREE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        refuse_decoration(builder, event, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
        return open_level(builder, QNK_TREE_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        QN_ASSERT(builder->depth > 0);
        builder->depth--;
        return true;
    case YAML_ALIAS_EVENT:
        refuse(builder, mark_of(&event->start_mark, &event->end_mark),
               "an alias: write the value out");
        return false;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

static void refuse_syntax(struct builder *builder, const yaml_parser_t *parser)
{
    struct qnk_config_mark mark = mark_of(&parser->problem_mark, &parser->problem_mark);

    qnk_report_add(builder->report, QNK_E101, place_of(builder, mark), "not YAML: %s%s%s",
                   parser->problem != NULL ? parser->problem : "cannot be read",
                   parser->context != NULL ? ", " : "",
                   parser->context != NULL ? parser->context : "");
}

/* Takes events up to the end. False: it was not reached. */
static bool run(struct builder *builder, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;

        if (yaml_parser_parse(parser, &event) == 0) {
            refuse_syntax(builder, parser);
            return false;
        }

        bool is_end = event.type == YAML_STREAM_END_EVENT;
        bool is_taken = take(builder, &event);

        yaml_event_delete(&event);
        if (is_end || !is_taken) {
            return is_taken;
        }
    }
}

int32_t qnk_tree_read(const struct qnk_config_source *source, struct qnk_arena *arena,
                      struct qnk_report *report, struct qnk_tree **tree)
{
    struct builder builder = {.source = source, .arena = arena, .report = report};
    uint32_t errors = report->errors;
    yaml_parser_t parser;

    *tree = NULL;
    if (!is_clean(&builder)) {
        return QN_INVALID;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        return QN_NO_SPACE;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    if (source->bytes.size > 0) {
        yaml_parser_set_input_string(&parser, source->bytes.data, source->bytes.size);
    } else {
        yaml_parser_set_input_string(&parser, (const unsigned char *)"", 0);
    }

    bool is_whole = run(&builder, &parser);

    yaml_parser_delete(&parser);
    if (!is_whole) {
        return QN_INVALID;
    }
    if (builder.root == NULL) {
        builder.root = qnk_arena_take(arena, sizeof *builder.root);
        if (builder.root == NULL) {
            return QN_NO_SPACE;
        }
        *builder.root = (struct qnk_tree){.kind = QNK_TREE_MAP, .text = "", .mark = {1, 1, 1}};
    }
    *tree = builder.root;
    return report->errors == errors ? QN_OK : QN_INVALID;
}
