/* SPDX-License-Identifier: MIT */

/* cases.c: sdk/check/gen/<kind>.h, the list of a kind's contract cases. Each is declared, so one
 * that nobody wrote does not link. */

#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/text.h"

void cases_put(const struct description *of)
{
    put_origin(of->path);
    put("#pragma once\n\n");
    put_comment(0, model_text("gen/%s.h: the contract of %s plugins, case by case. A subject is "
                              "made by qn_check_%s_start().",
                              of->name, of->name, of->name));
    put("\n");
    for (size_t i = 0; i < of->checks_count; i++) {
        put("void qn_check_%s_%s(void **subject);\n", of->name, of->checks[i]);
    }
    put("\n/* The cases as a list, each wrapped in CASE: cmocka_unit_test, for one. */\n");
    put("/* clang-format off */\n#define QN_CHECK_%s(CASE)", capital(of->name));
    for (size_t i = 0; i < of->checks_count; i++) {
        put("%s \\\n    CASE(qn_check_%s_%s)", i > 0 ? "," : "", of->name, of->checks[i]);
    }
    put("\n/* clang-format on */\n");
}
