/* SPDX-License-Identifier: MIT */
#pragma once

/* show.h: answers as people read them.
 *
 * Unless a function's own comment says otherwise:
 *   owns     JSON is borrowed, texts are valid until the next call of the same function
 *   threads  one
 */

#include <jansson.h>

#include "kernel/qnet/command.h"

/* Members of an object by a dotted path, such as "head.height". */
const json_t *qnk_at(const json_t *object, const char *path);
uint64_t qnk_number(const json_t *object, const char *path);    /* also of a decimal string */
const char *qnk_string(const json_t *object, const char *path); /* "": none */
bool qnk_is_true(const json_t *object, const char *path);

/* 1234567 as "1 234 567". Eight results at once are valid. */
const char *qnk_grouped(uint64_t number);

/* Nano-QNC, a decimal string, as QNC. Eight results at once are valid. */
const char *qnk_qnc(const char *nano);

/* "1.2 MiB", "3 h 12 m", "0.8 s". Eight results at once are valid. */
const char *qnk_bytes(uint64_t bytes);
const char *qnk_duration(uint64_t ms);

/* The document as one line, for --json. */
void qnk_json_print(const json_t *document);

/* Whether colours and such are wanted on stdout. */
bool qnk_is_colored(const struct qnk_call *call);
