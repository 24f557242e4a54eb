/* SPDX-License-Identifier: MIT */
#pragma once

/* password.h: a password, out of a file or from whoever sits at the terminal.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the caller forgets it by sodium_memzero()
 *   threads  one
 *   errors   false, after words on stderr
 */

#include <stdbool.h>
#include <stddef.h>

#define QNK_PASSWORD_MAX 1024 /* bytes with the end; longer: refused */

/* The first line of the file at `path`, "-" for standard input. With `path` NULL it is asked for at
 * the terminal, unseen, and with `is_new` twice. */
bool qnk_password_read(const char *path, bool is_new, char password[QNK_PASSWORD_MAX]);
