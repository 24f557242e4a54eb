/* SPDX-License-Identifier: MIT */
#pragma once

/* record.h: records as constants, for the defaults and bounds of the kernel's own schemas. */

#include <qnet/types.h>

#define QNK_RECORD_BYTE(value, place) ((uint8_t)((uint64_t)(value) >> (8 * (place))))

#define QNK_RECORD_U32(value)                                                     \
    {                                                                             \
        (const uint8_t[4]){QNK_RECORD_BYTE(value, 0), QNK_RECORD_BYTE(value, 1),  \
                           QNK_RECORD_BYTE(value, 2), QNK_RECORD_BYTE(value, 3)}, \
            4                                                                     \
    }

#define QNK_RECORD_U64(value)                                                     \
    {                                                                             \
        (const uint8_t[8]){QNK_RECORD_BYTE(value, 0), QNK_RECORD_BYTE(value, 1),  \
                           QNK_RECORD_BYTE(value, 2), QNK_RECORD_BYTE(value, 3),  \
                           QNK_RECORD_BYTE(value, 4), QNK_RECORD_BYTE(value, 5),  \
                           QNK_RECORD_BYTE(value, 6), QNK_RECORD_BYTE(value, 7)}, \
            8                                                                     \
    }

#define QNK_RECORD_FLAG(value)              \
    {                                       \
        (const uint8_t[1]){(value) != 0}, 1 \
    }

/* A text constant of less than 256 bytes: its count as an octal escape, then itself. */
#define QNK_RECORD_TEXT(size_octal, text)                               \
    {                                                                   \
        (const uint8_t *)size_octal "\0\0\0" text, 4 + sizeof(text) - 1 \
    }
