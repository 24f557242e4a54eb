/* SPDX-License-Identifier: MIT */
#pragma once

/* model.h: what a description says, checked and resolved. Every output of abigen is written from
 * this and from nothing else. Lists are arrays with a count, in the file's order. */

#include "sdk/abigen/source.h"

enum shape {
    /* Fields of records, and arguments. */
    SHAPE_U8,
    SHAPE_U16,
    SHAPE_U32,
    SHAPE_U64,
    SHAPE_I32,
    SHAPE_I64,
    SHAPE_FLAG,
    SHAPE_HASH,
    SHAPE_KEY,
    SHAPE_SIG,
    SHAPE_BYTES,
    SHAPE_TEXT,
    SHAPE_LIST,
    SHAPE_RECORD,
    /* Arguments alone. */
    SHAPE_SPAN,
    SHAPE_SLICE,
    SHAPE_SINK,
    SHAPE_BUF,
    SHAPE_EVENTS,
    SHAPE_EFFECTS,
    SHAPE_MEMORY,
    SHAPE_ROOM,
    SHAPE_TABLE,
    SHAPE_HOST,
    SHAPE_NODE,
    SHAPE_INST,
    SHAPE_STRING,
    SHAPE_BITS,
    /* Results alone. */
    SHAPE_STATUS,
    SHAPE_VOID,
    SHAPE_COUNT
};

struct record;

struct type {
    enum shape shape;
    const struct limit *limit; /* of bytes, text and list; NULL if there is none */
    const struct type *item;   /* of a list */
    bool is_pairs;             /* a list that holds each item behind a name */
    const struct record *record;
};

struct limit {
    const char *name;  /* NULL for a bare number inside <> */
    const char *macro; /* its value in C: QN_STORAGE_KEY_MAX, or digits */
    const char *unit, *beyond, *why;
    uint64_t value;
};

struct field {
    const char *name;
    const char *doc; /* or NULL */
    struct type type;
};

/* What a record belongs to; it decides the names in C. */
enum family { FAMILY_RECORD, FAMILY_EVENT, FAMILY_EFFECT, FAMILY_MANIFEST, FAMILY_CONFIG };

struct record {
    enum family family;
    bool is_frozen;
    bool has_payload; /* an event or effect that brings a slice */
    uint16_t id;      /* of an event, an effect or a field of the manifest */
    uint16_t since;
    const char *name; /* in the file */
    const char *full; /* in C: qn_consensus_event_vote */
    const char *doc;
    struct field *fields;
    size_t fields_count;
};

enum thread { THREAD_CONTROL, THREAD_LOOP, THREAD_POOL, THREAD_ANY, THREAD_COUNT };
enum overlap { OVERLAP_NONE, OVERLAP_SHARED, OVERLAP_SERIAL, OVERLAP_ALONE };

struct arg {
    const char *name;
    struct type type;
    bool is_out;
    const char *own, *unit, *doc;
    const struct limit *max;     /* of its value, its bytes or its items; NULL: none */
    const struct arg *count;     /* an output list with as many items as this one */
    const struct record *record; /* what lies encoded in a span or sink */
};

struct error {
    const char *name; /* as in the file: no_space */
    const char *words;
};

struct slot {
    const char *name, *doc;
    enum thread thread;
    enum overlap overlap;
    unsigned int group; /* of OVERLAP_SERIAL */
    uint16_t since;
    bool is_optional;
    bool stub_is_ok;
    bool is_bare;        /* no instance and no node before the first argument */
    unsigned int states; /* bit i: may be called in state_words[i] */
    uint64_t budget_ns;  /* 0: none */
    struct type returns;
    struct arg *args;
    size_t args_count;
    struct error *errors;
    size_t errors_count;
};

struct table {
    const char *full; /* in C, without qn_: compression_1, host, watch_1 */
    const char *id;   /* of an extension, or NULL */
    const char *doc;
    bool is_host_side;
    uint16_t since;
    struct slot *slots;
    size_t slots_count;
};

struct note {
    const char *topic, *words;
};

struct description {
    const char *path;
    const char *name; /* the kind, or plugin or manifest */
    const char *class;
    const char *doc;
    uint16_t major, minor;
    const char **releases;          /* minor + 1: the first release with each */
    const struct description *base; /* plugin.yaml, or NULL in it */
    struct note *defaults;
    size_t defaults_count;
    struct limit *limits;
    size_t limits_count;
    struct record *records; /* of all families, one family after another */
    size_t records_count;
    struct table *tables;
    size_t tables_count;
    const char **checks;
    size_t checks_count;
};

enum {
    SLOTS_MAX = 12,
    STATES_DEFAULT = 1 << 1 /* active */,
    SPAN_SIZE = 16,
    HASH_SIZE = 32,
    KEY_SIZE = 32,
    SIG_SIZE = 64
};

/* Reads and checks a description, and plugin.yaml in the same folder. */
const struct description *description_read(const char *path);

/* The type that `at` names, such as list<member,members_max>. */
struct type type_read(struct place at, const struct description *of);

/* The names in a file of one family, and whether there are any. */
bool has_family(const struct description *of, enum family family);

/* Whether a type of fields or arguments has this name, so that a record cannot. */
bool is_type_word(const char *word);

/* Its words in a description, limits as numbers: list<member,4096>. */
const char *type_words(const struct type *type);

/* Its C type as a member or argument, such as `const uint8_t *`; ends in a space or a star. */
const char *type_c(const struct type *type, bool is_out);

/* Whether it is one of u8..i64 and flag. */
bool is_number(enum shape shape);

/* Bytes of hash, key or sig, and 0 of all else. */
uint64_t fixed_size(enum shape shape);

/* Bytes in record encoding, 0 if they vary. */
uint64_t encoded_size(enum shape shape);

/* A capital copy with _ in place of -, for macros. */
const char *capital(const char *name);

extern const char *const thread_words[THREAD_COUNT];
extern const char *const state_words[];
