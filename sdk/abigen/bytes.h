/* SPDX-License-Identifier: MIT */
#pragma once

/* bytes.h: bytes that grow, for encoding a manifest. Integers are little-endian, and texts follow
 * their u32 size, as in record encoding. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

void bytes_add(struct bytes *to, const void *from, size_t size);

/* The lowest `size` bytes of `value`. */
void bytes_add_number(struct bytes *to, uint64_t value, size_t size);

void bytes_add_text(struct bytes *to, const char *text);

/* `from` as a field of type bytes. */
void bytes_add_bytes(struct bytes *to, const struct bytes *from);

/* Negative, zero or positive: the order of memcmp, and a beginning before the whole. */
int bytes_compare(const struct bytes *a, const struct bytes *b);
