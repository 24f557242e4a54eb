/* SPDX-License-Identifier: MIT */
#pragma once

/* spec_own.h: what the parts of the reader of specs share. Not for others.
 *
 * spec.c reads the file and its head, spec_rules.c makes the network file, spec_nodes.c reads
 * nodes, links and loads, spec_events.c the timeline, spec_set.c what a restart sets,
 * spec_asserts.c assertions, spec_compare.c variants.
 */

#include "kernel/base/bytes.h"
#include "kernel/config/part_value.h"
#include "kernel/net/spec.h"
#include "kernel/plugin/plugin.h"

#define QNK_COUNT(array) (sizeof(array) / sizeof *(array))

/* One map of the file as values. */
struct qnk_item {
    struct qnk_spec *spec;
    const struct qnk_tree *tree;
    struct qnk_config_part part;
};

/* Checks the map `tree`; the keys of `also` (may be NULL) are somebody else's. False: it is no
 * map, which was said. */
bool qnk_item_read(struct qnk_spec *spec, const struct qnk_tree *tree,
                   const struct qnk_config_schema *schema, const struct qnk_config_schema *also,
                   struct qnk_item *item);
bool qnk_item_given(const struct qnk_item *item, const char *key);
const char *qnk_item_text(const struct qnk_item *item, const char *key); /* "": none */
uint64_t qnk_item_number(const struct qnk_item *item, const char *key);

/* The texts of a list, and how many they are; that they are more than `limit` is a mistake. */
uint32_t qnk_item_texts(struct qnk_item *item, const char *key, const char **texts, uint32_t limit);

/* Where a key's value stands; of one that is not given, the map. */
struct qnk_config_place qnk_item_place(const struct qnk_item *item, const char *key);
struct qnk_config_place qnk_tree_place(const struct qnk_spec *spec, const struct qnk_tree *tree);

/* The first item of the list `key` of a map; NULL: there is none. What is no list is said. */
const struct qnk_tree *qnk_items_first(struct qnk_spec *spec, const struct qnk_tree *map,
                                       const char *key);

/* Room for one more of `limit`; false, which was said: there is none. */
bool qnk_items_room(struct qnk_spec *spec, const struct qnk_tree *tree, uint32_t count,
                    uint32_t limit, const char *what);

/* A set of nodes: "all", a type, a zone, a name, or a list of such. */
bool qnk_nodes_read(struct qnk_spec *spec, const struct qnk_tree *tree, uint64_t *nodes);
uint64_t qnk_nodes_all(const struct qnk_spec *spec);
uint64_t qnk_nodes_of_type(const struct qnk_spec *spec, enum qnk_spec_type type);

void qnk_spec_read_nodes(struct qnk_spec *spec);
void qnk_spec_read_links(struct qnk_spec *spec);
void qnk_spec_read_loads(struct qnk_spec *spec);
void qnk_spec_read_events(struct qnk_spec *spec);
void qnk_spec_read_asserts(struct qnk_spec *spec);
void qnk_spec_read_compare(struct qnk_spec *spec);

/* A key with its value as one line of a file. */
QN_MUST_CHECK int32_t qnk_rule_put(const struct qnk_tree *tree, struct qn_sink *out);

/* What a node is to start with after a restart: that it may be set, by this provider, and that the
 * node file is good with it. */
void qnk_spec_check_set(struct qnk_spec *spec, const struct qnk_tree *set);

/* Finds presets and what is changed in them, and makes the rules. */
void qnk_spec_read_network(struct qnk_spec *spec, struct qnk_loader *loader);
