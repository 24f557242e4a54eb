/* SPDX-License-Identifier: MIT */
#pragma once

/* manifest.h: what a plugin's own YAML file says, and the note and header made from it. The note's
 * form is that of sdk/abi/manifest.yaml. */

#include "sdk/abigen/bytes.h"
#include "sdk/abigen/model.h"

/* A key of the config. */
struct key {
    const char *name; /* dotted for groups */
    const char *doc;
    uint8_t type, unit, flags; /* as in the note */
    struct place place;
    struct place min_place, max_place, absent_place; /* not given where the file has none */
    int64_t min, max;    /* of a number; 0 and INT64_MAX where they do not bound */
    const char **values; /* of a choice */
    size_t values_count;
    struct bytes encoded; /* its field of the note */
};

struct metric {
    const char *name, *unit, *doc;
    uint16_t id;
    uint8_t type;
};

struct manifest {
    const char *path;
    const struct description *kind;
    const char *name, *version;
    uint16_t numbers[3]; /* of the version */
    uint16_t target, host_target;
    bool has_target;
    uint32_t lanes;
    uint64_t memory;
    struct key *keys; /* in the order of the note */
    size_t keys_count;
    struct metric *metrics;
    size_t metrics_count;
    struct bytes note; /* the content */
};

/* Types of config values, as in the note. */
enum {
    VALUE_BOOL = 1,
    VALUE_INT,
    VALUE_SIZE,
    VALUE_DURATION,
    VALUE_RATIO,
    VALUE_STRING,
    VALUE_NAME,
    VALUE_ADDRESS,
    VALUE_PATH,
    VALUE_CHOICE,
    VALUE_LIST = 0x40,
    VALUE_MAP = 0x80,
    VALUE_ITEM = 0x3f
};

/* Reads plugins/<kind>/<name>/<name>.yaml; the kind's description lies in the folder `abi`. */
const struct manifest *manifest_read(const char *path, const char *abi);

/* Reads the mapping `config:`. */
void keys_read(struct place map, struct manifest *of);

/* Appends the value of a key that is left out. */
void absent_encode(const struct key *key, struct bytes *to);

/* <name>.manifest.h, whole. */
void manifest_put(const struct manifest *of);

/* A number with its unit, as 256MiB. */
uint64_t size_value(struct place at);
