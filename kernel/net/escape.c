/* SPDX-License-Identifier: MIT */

#include "kernel/net/escape.h"

void qnk_json_put(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != 0; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\') {
            fprintf(out, "\\%c", byte);
        } else if (byte < 32) {
            fprintf(out, "\\u%04x", byte);
        } else {
            (void)fputc(byte, out);
        }
    }
    (void)fputc('"', out);
}

void qnk_xml_put(FILE *out, const char *text)
{
    for (; *text != 0; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '<' || byte == '>' || byte == '&' || byte == '"') {
            fprintf(out, "&#%d;", byte);
        } else {
            (void)fputc(byte < 32 ? '?' : byte, out);
        }
    }
}
