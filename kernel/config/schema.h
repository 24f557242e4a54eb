/* SPDX-License-Identifier: MIT */
#pragma once

/* schema.h: what a part of a config file may say, as one array of keys.
 *
 * The kernel's own keys are such arrays, and so are a plugin's, which come out of its manifest
 * before any of its code is mapped. A file is checked against them and becomes values in record
 * encoding: a plugin gets the records of its keys, in the order of the array, and never sees YAML.
 *
 * The numbers of types, units and flags stand in manifests (tag 14): they are frozen, and the set
 * only grows.
 *
 * Unless a function's own comment says otherwise:
 *   owns     whoever makes a schema keeps it, texts and records included, as long as values of it
 *   threads  any: nothing here changes
 */

#include <stdbool.h>

#include <qnet/types.h>

#define QNK_CONFIG_NAME_MAX    48   /* bytes of a key's name: one line of a file */
#define QNK_CONFIG_RECORD_MAX  256  /* bytes of a default or a bound, as in a manifest */
#define QNK_CONFIG_KEYS_MAX    256  /* keys of one schema; more: the manifest is refused */
#define QNK_CONFIG_CHOICES_MAX 64   /* values of one choice; more: the manifest is refused */
#define QNK_CONFIG_TEXT_MAX    1024 /* bytes of a text in a file; more: out of range */

/* What a value is, and the record that it becomes. */
enum qnk_config_type {
    QNK_CONFIG_BOOL = 1,     /* flag */
    QNK_CONFIG_INT = 2,      /* i64 */
    QNK_CONFIG_SIZE = 3,     /* u64, bytes */
    QNK_CONFIG_DURATION = 4, /* u64, milliseconds */
    QNK_CONFIG_RATIO = 5,    /* u32, millionths */
    QNK_CONFIG_STRING = 6,   /* text without control characters */
    QNK_CONFIG_NAME = 7,     /* text, [a-z0-9-]{1,32} */
    QNK_CONFIG_ADDRESS = 8,  /* text, SCHEME://REST; HOST:PORT in a file becomes tcp://HOST:PORT */
    QNK_CONFIG_PATH = 9,     /* text; in a node file relative to it */
    QNK_CONFIG_CHOICE = 10,  /* u32, the place in `values` */

    /* The kernel's own, never in a manifest. */
    QNK_CONFIG_AMOUNT = 32, /* u64, nano-QNC */
    QNK_CONFIG_TIME = 33,   /* u64, milliseconds since 1970 */
    QNK_CONFIG_KEY = 34,    /* key, in a file bech32m under the prefix values[0] */
    QNK_CONFIG_HASH = 35,   /* hash, in a file 64 hex digits */
    QNK_CONFIG_PEER = 36,   /* text, qnp1...@ and an address */
    QNK_CONFIG_GROUP = 37,  /* the records of `items`; in lists only */
    QNK_CONFIG_PLUGIN =
        38, /* of the kind values[0]: name text, version text, bytes of its record */

    /* Added to one of the above. */
    QNK_CONFIG_LIST = 0x40, /* u32 count, then the items */
    QNK_CONFIG_MAP = 0x80,  /* u32 count, then (name text, value) ascending by name */
    QNK_CONFIG_ITEM = 0x3f, /* mask: the type without them */
};

/* What an int counts: for messages and reference pages. */
enum qnk_config_unit {
    QNK_CONFIG_UNIT_NONE = 0,
    QNK_CONFIG_UNIT_BLOCKS = 1,
    QNK_CONFIG_UNIT_WINDOWS = 2,
    QNK_CONFIG_UNIT_TXS = 3,
    QNK_CONFIG_UNIT_ACCOUNTS = 4,
    QNK_CONFIG_UNIT_PEERS = 5,
    QNK_CONFIG_UNIT_THREADS = 6,
    QNK_CONFIG_UNIT_PER_SECOND = 7,
    QNK_CONFIG_UNIT_NANO = 8, /* nano-QNC */
    QNK_CONFIG_UNIT_COUNT
};

enum qnk_config_flag {
    QNK_CONFIG_REQUIRED = 1,   /* a file without it is refused */
    QNK_CONFIG_LIVE = 2,       /* a reload applies it */
    QNK_CONFIG_SECRET = 4,     /* shown as *** */
    QNK_CONFIG_DEPRECATED = 8, /* still taken, with a warning that shows `doc`: it names the heir */

    /* The kernel's own, never in a manifest. */
    QNK_CONFIG_KEY_FILE = 16,  /* a path to a secret: the file is ours alone, mode 0600 */
    QNK_CONFIG_VERSIONED = 32, /* a plugin whose version must be stated */
};

struct qnk_config_key {
    const char *name; /* [a-z0-9_]+; in groups dotted, as in "settle.blocks" */
    uint8_t type;     /* enum qnk_config_type */
    uint8_t unit;     /* enum qnk_config_unit */
    uint8_t flags;    /* of enum qnk_config_flag */
    /* The record of the value of a key that a file leaves out. Empty: zero, an empty text or list,
     * the first choice. */
    struct qn_span absent;
    /* Records of the least and the greatest number; in a list, of each item. Empty: no bound but
     * the type's own. */
    struct qn_span min;
    struct qn_span max;
    const char *const *values; /* of a choice; see the types that use values[0] */
    uint32_t values_count;
    uint32_t items_count;               /* 0 but for QNK_CONFIG_GROUP */
    const struct qnk_config_key *items; /* of a group */
    const char *doc;                    /* one sentence */
};

/* In every schema a key called X_min, or X.min, never exceeds the key called X, or X.max, if there
 * is one of the same type: a file where it does is refused (E112). */
struct qnk_config_schema {
    const char *title; /* whose keys, for messages: "transport nanomsg 1.0"; "": the file's own */
    const struct qnk_config_key *keys;
    uint32_t count;
};

/* Why a schema that came from outside cannot be used, or NULL: names that are no names, come twice
 * or are both a key and a group, types that are none, records that do not fit their types. */
const char *qnk_config_schema_fault(const struct qnk_config_schema *schema);

/* The key called `name`, or NULL. */
const struct qnk_config_key *qnk_config_key_find(const struct qnk_config_schema *schema,
                                                 const char *name);

/* How many single characters must be put, taken or changed to make `b` of `a`; `limit` + 1 when
 * there are more, or when a word is longer than NAME_MAX. */
uint32_t qnk_config_distance(const char *a, const char *b, uint32_t limit);
