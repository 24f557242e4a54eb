/* SPDX-License-Identifier: MIT */
#pragma once

/* escape.h: a text as JSON, XML and HTML have it.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   UTF-8, ended by a zero; bytes above 127 pass as they are
 *   threads  any
 */

#include <stdio.h>

/* In quotation marks. */
void qnk_json_put(FILE *out, const char *text);

/* What XML cannot hold becomes a question mark. */
void qnk_xml_put(FILE *out, const char *text);
