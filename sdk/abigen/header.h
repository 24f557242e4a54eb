/* SPDX-License-Identifier: MIT */
#pragma once

/* header.h: writes the public C of a description. */

#include "sdk/abigen/model.h"

/* sdk/include/qnet/<kind>.h, whole. */
void header_put(const struct description *of);

/* docs/abi/<kind>.md, whole. */
void reference_put(const struct description *of);

/* sdk/check/gen/<kind>.h, whole. */
void cases_put(const struct description *of);

/* kernel/plugin/gen/<kind>.c, whole. */
void kind_put(const struct description *of);

/* tests/abi/frozen/<kind>_<major>_<minor>.def, whole: what may never change. */
void frozen_put(const struct description *of);

/* A field as a member of its record's struct: the type, and the multiple at which it lies. */
const char *member_c(const struct type *type);
uint64_t member_alignment(const struct type *type);

/* The name in a declaration such as `const uint8_t *key`. */
const char *arg_name(const char *declaration);

/* The members of a record's struct, with the padding that the compiler would add made visible.
 * Gives the struct's size on a 64-bit machine. */
uint64_t members_put(const struct record *record);

/* The functions of a record's encoding; what its lists hold comes before it. */
void record_functions_put(const struct description *of);

/* The functions of a plugin's config; reading it is another matter. */
void config_functions_put(const struct record *record);

/* Most bytes that the record can have when encoded. */
uint64_t record_size_max(const struct record *record);

/* The arguments of a slot as C declares them, the hidden ones included; `count` gives how many. */
const char *const *slot_args(const struct table *table, const struct slot *slot, size_t *count);

/* The result and what marks it: `QN_MUST_CHECK int32_t `. */
const char *slot_result(const struct slot *slot);

/* The macro that says for which minor is compiled. */
const char *target_macro(const struct description *of);

/* `text` with a capital first and a full stop last. */
const char *sentence(const char *text);

/* Thread and overlap, and states, in words. */
const char *thread_phrase(const struct slot *slot);
const char *states_phrase(unsigned int states);
