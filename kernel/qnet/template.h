/* SPDX-License-Identifier: MIT */
#pragma once

/* template.h: a plugin's first source, copied from what QNet brings for each kind.
 *
 * A template is a folder of text files that make a whole plugin of the name `mine`; so it is read,
 * built and tested like any other source, and there is no language of templates. Copying gives it
 * another name:
 *
 *   @KIND@           the kind
 *   MINE             the name as constants have it: RUN_LENGTH
 *   mine_ in C       the name as functions have it: run_length_pack
 *   mine elsewhere   the name: run-length.yaml
 *
 * each only where it stands as a word. Files of FOLDER/common come first; those of FOLDER/KIND may
 * replace them.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   names are of a-z, 0-9 and -, begin with a letter and end with none of -
 *   owns     nothing is kept
 *   threads  one
 *   errors   `why` says what went wrong; what was written by then stays
 */

#include <stdbool.h>
#include <stdint.h>

#include <qnet/types.h>

enum {
    QNK_TEMPLATE_FILES = 32,         /* of one plugin; more: refused */
    QNK_TEMPLATE_NAME = 64,          /* bytes of a file's name and its end; longer: refused */
    QNK_TEMPLATE_FILE_MAX = 131072,  /* bytes of one file; more: refused */
    QNK_TEMPLATE_TEXT_MAX = 1 << 20, /* bytes of it under another name; more: refused */
    QNK_TEMPLATE_WHY = 512,
};

/* What to call a copy. */
struct qnk_template {
    const char *folder; /* of all templates */
    const char *kind;
    const char *name;
    const char *into; /* the folder to make, which must not be there */
};

/* What was written, by name. */
struct qnk_template_files {
    char names[QNK_TEMPLATE_FILES][QNK_TEMPLATE_NAME];
    uint32_t count;
};

/* Whether a plugin may be called so. */
bool qnk_template_is_name(const char *name);

/* Writes `text` under another name; `is_c` for C, C++ and headers. Gives the size, or -1 if that is
 * over `cap`. */
int64_t qnk_template_rewrite(const struct qnk_template *it, struct qn_span text, bool is_c,
                             char *to, uint64_t cap);

/* EXISTS: there is something at `into`. NOT_FOUND: no template of this kind. INVALID: the kind's
 * template has a file of that name, or words that begin as the copy's would. IO, NO_SPACE: a file
 * cannot be read or written, or is over its limit. */
QN_MUST_CHECK int32_t qnk_template_copy(const struct qnk_template *it,
                                        struct qnk_template_files *files,
                                        char why[QNK_TEMPLATE_WHY]);
