/* SPDX-License-Identifier: MIT */

#include "sdk/abigen/bytes.h"

#include <string.h>

#include "sdk/abigen/source.h"

enum { FIRST_CAPACITY = 64 };

void bytes_add(struct bytes *to, const void *from, size_t size)
{
    if (to->size + size > to->capacity) {
        uint8_t *old = to->data;

        to->capacity = (to->capacity + size) * 2 + FIRST_CAPACITY;
        to->data = model_take(to->capacity, 1);
        if (to->size > 0) {
            memcpy(to->data, old, to->size);
        }
    }
    if (size > 0) {
        memcpy(to->data + to->size, from, size);
    }
    to->size += size;
}

void bytes_add_number(struct bytes *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);

        bytes_add(to, &byte, 1);
    }
}

void bytes_add_text(struct bytes *to, const char *text)
{
    bytes_add_number(to, strlen(text), 4);
    bytes_add(to, text, strlen(text));
}

void bytes_add_bytes(struct bytes *to, const struct bytes *from)
{
    bytes_add_number(to, from->size, 4);
    bytes_add(to, from->data, from->size);
}

int bytes_compare(const struct bytes *a, const struct bytes *b)
{
    size_t shared = a->size < b->size ? a->size : b->size;
    int order = shared > 0 ? memcmp(a->data, b->data, shared) : 0;

    if (order != 0) {
        return order;
    }
    return (a->size > b->size) - (a->size < b->size);
}
