/* SPDX-License-Identifier: MIT */

/* type.c: the types of descriptions: how they are written, and what they are in C. */

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/abigen/model.h"

static const struct {
    const char *word, *in, *out; /* as an argument in C; NULL: no such argument */
    uint64_t size;               /* encoded; 0: not fixed */
} shapes[SHAPE_COUNT] = {
    [SHAPE_U8] = {"u8", "uint8_t ", "uint8_t *", 1},
    [SHAPE_U16] = {"u16", "uint16_t ", "uint16_t *", 2},
    [SHAPE_U32] = {"u32", "uint32_t ", "uint32_t *", 4},
    [SHAPE_U64] = {"u64", "uint64_t ", "uint64_t *", 8},
    [SHAPE_I32] = {"i32", "int32_t ", "int32_t *", 4},
    [SHAPE_I64] = {"i64", "int64_t ", "int64_t *", 8},
    [SHAPE_FLAG] = {"flag", "uint8_t ", "uint8_t *", 1},
    [SHAPE_HASH] = {"hash", "const uint8_t *", "uint8_t *", HASH_SIZE},
    [SHAPE_KEY] = {"key", "const uint8_t *", "uint8_t *", KEY_SIZE},
    [SHAPE_SIG] = {"sig", "const uint8_t *", "uint8_t *", SIG_SIZE},
    [SHAPE_BYTES] = {"bytes", NULL, NULL, 0},
    [SHAPE_TEXT] = {"text", NULL, NULL, 0},
    [SHAPE_LIST] = {"list", NULL, NULL, 0},
    [SHAPE_RECORD] = {NULL, NULL, NULL, 0},
    [SHAPE_SPAN] = {"span", "struct qn_span ", NULL, 0},
    [SHAPE_SLICE] = {"slice", NULL, NULL, 0},
    [SHAPE_SINK] = {"sink", "struct qn_sink *", NULL, 0},
    [SHAPE_BUF] = {"buf", "struct qn_buf *", NULL, 0},
    [SHAPE_EVENTS] = {"events", "const struct qn_event *const *", NULL, 0},
    [SHAPE_EFFECTS] = {"effects", "struct qn_effects *", NULL, 0},
    [SHAPE_MEMORY] = {"memory", "void *", NULL, 0},
    [SHAPE_ROOM] = {"room", "uint8_t *", "uint8_t **", 0},
    [SHAPE_TABLE] = {"table", "const void *", NULL, 0},
    [SHAPE_HOST] = {"host", "const struct qn_host *", NULL, 0},
    [SHAPE_NODE] = {"node", "struct qn_node *", NULL, 0},
    [SHAPE_INST] = {"inst", NULL, "struct qn_inst **", 0},
    [SHAPE_STRING] = {"string", "const char *", NULL, 0},
    [SHAPE_BITS] = {"bits", NULL, "uint8_t *", 0},
    [SHAPE_STATUS] = {"status", "int32_t ", NULL, 0},
    [SHAPE_VOID] = {"void", "void ", NULL, 0},
};

bool is_number(enum shape shape)
{
    return shape <= SHAPE_FLAG;
}

uint64_t fixed_size(enum shape shape)
{
    return shape == SHAPE_HASH || shape == SHAPE_KEY || shape == SHAPE_SIG ? shapes[shape].size : 0;
}

uint64_t encoded_size(enum shape shape)
{
    return shapes[shape].size;
}

/* A limit by its name, or a bare number. */
static const struct limit *limit_read(struct place at, const char *text,
                                      const struct description *of)
{
    for (const struct description *in = of; in != NULL; in = in->base) {
        for (size_t i = 0; i < in->limits_count; i++) {
            if (strcmp(in->limits[i].name, text) == 0) {
                return &in->limits[i];
            }
        }
    }
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || strlen(text) > 9) {
        source_fail(at, "no limit is named '%s'", text);
    }

    struct limit *bare = model_take(1, sizeof *bare);

    bare->value = strtoull(text, NULL, 10);
    bare->macro = model_text("%" PRIu64, bare->value);
    return bare;
}

static const struct record *record_find(const struct description *of, const char *name)
{
    for (; of != NULL; of = of->base) {
        for (size_t i = 0; i < of->records_count; i++) {
            if (of->records[i].family == FAMILY_RECORD && strcmp(of->records[i].name, name) == 0) {
                return &of->records[i];
            }
        }
    }
    return NULL;
}

bool is_type_word(const char *word)
{
    for (int i = 0; i < SHAPE_STATUS; i++) {
        if (shapes[i].word != NULL && strcmp(shapes[i].word, word) == 0) {
            return true;
        }
    }
    return false;
}

static struct type word_read(struct place at, const char *word, const struct description *of)
{
    struct type type = {.shape = SHAPE_RECORD};

    for (int i = 0; i < SHAPE_COUNT; i++) {
        if (shapes[i].word != NULL && strcmp(shapes[i].word, word) == 0) {
            type.shape = (enum shape)i;
            return type;
        }
    }
    type.record = record_find(of, word);
    if (type.record == NULL &&
        is_among(word, "bool enum char short int long size_t float double")) {
        source_fail(at, "'%s' differs between compilers: use flag, u8 to u64, i32 or i64", word);
    }
    if (type.record == NULL) {
        source_fail(at, "unknown type '%s'", word);
    }
    return type;
}

static struct type text_read(struct place at, const char *text, const struct description *of)
{
    const char *open = strchr(text, '<');

    if (open == NULL) {
        return word_read(at, text, of);
    }

    struct type type = word_read(at, model_text("%.*s", (int)(open - text), text), of);
    size_t size = strlen(open);
    const char *comma = strrchr(open, ',');

    if (open[size - 1] != '>' || size < 3) {
        source_fail(at, "'%s' wants a closing >", text);
    }

    char *inner = model_text("%.*s", (int)size - 2, open + 1);

    if (type.shape == SHAPE_BYTES || type.shape == SHAPE_TEXT) {
        type.limit = limit_read(at, inner, of);
    } else if (type.shape == SHAPE_LIST) {
        if (comma != NULL) {
            inner[comma - open - 1] = '\0';
            type.limit =
                limit_read(at, model_text("%.*s", (int)strlen(comma + 1) - 1, comma + 1), of);
        }

        struct type *item = model_take(1, sizeof *item);

        *item = text_read(at, inner, of);
        type.item = item;
    } else {
        source_fail(at, "only bytes, text and list are followed by <>, not '%s'", text);
    }
    return type;
}

struct type type_read(struct place at, const struct description *of)
{
    struct type type = text_read(at, text_value(at), of);

    if ((type.shape == SHAPE_BYTES || type.shape == SHAPE_TEXT) && type.limit == NULL) {
        source_fail(at, "'%s' needs a limit, as in bytes<1024>", text_value(at));
    }
    if (type.shape == SHAPE_LIST && type.item == NULL) {
        source_fail(at, "'list' needs an item, as in list<u64,100>");
    }
    return type;
}

const char *type_words(const struct type *type)
{
    const char *word = type->record != NULL ? type->record->name : shapes[type->shape].word;

    if (type->item != NULL && type->limit != NULL) {
        return model_text("list<%s,%" PRIu64 ">", type_words(type->item), type->limit->value);
    }
    if (type->item != NULL) {
        return model_text("list<%s>", type_words(type->item));
    }
    if (type->limit != NULL) {
        return model_text("%s<%" PRIu64 ">", word, type->limit->value);
    }
    return word;
}

/* An array's items: keys and hashes lie one after another, records and spans are structs. */
static const char *items_c(const struct type *item, bool is_out)
{
    const char *mutable = is_out ? "" : "const ";

    if (item->record != NULL) {
        return model_text("%sstruct %s *", mutable, item->record->full);
    }
    if (item->shape == SHAPE_SPAN || item->shape == SHAPE_SLICE) {
        return model_text("%sstruct qn_%s *", mutable, shapes[item->shape].word);
    }
    if (fixed_size(item->shape) > 0) {
        return is_out ? "uint8_t *" : "const uint8_t *";
    }
    return model_text("%s%s*", mutable, shapes[item->shape].in);
}

const char *type_c(const struct type *type, bool is_out)
{
    if (type->shape == SHAPE_LIST) {
        return items_c(type->item, is_out);
    }
    if (type->shape == SHAPE_RECORD) {
        return model_text("%sstruct %s *", is_out ? "" : "const ", type->record->full);
    }
    return is_out ? shapes[type->shape].out : shapes[type->shape].in;
}

const char *capital(const char *name)
{
    char *copy = model_text("%s", name);

    for (char *at = copy; *at != '\0'; at++) {
        *at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
    }
    return copy;
}
