/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/spin/trail.h"

bool trail_is(const struct trail_line *line, uint32_t at, const char *word)
{
    return at < line->count && strcmp(line->word[at], word) == 0;
}

int trail_number(const struct trail_line *line, uint32_t at)
{
    return at < line->count ? (int)strtol(line->word[at], NULL, 10) : 0;
}

/* False: there are no more. */
static bool line_read(FILE *file, struct trail_line *line)
{
    char *rest = line->text;

    do {
        if (fgets(line->text, sizeof line->text, file) == NULL) {
            return false;
        }
    } while (*line->text == '#');
    line->text[strcspn(line->text, "\n")] = 0;
    memcpy(line->whole, line->text, sizeof line->whole);
    line->count = 0;
    while (line->count < TRAIL_WORDS_MAX && *rest != 0) {
        line->word[line->count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest == ' ') {
            *rest++ = 0;
        }
    }
    assert_true(line->count >= 2);
    return true;
}

static FILE *trail_open(const char *name)
{
    char path[512];
    const char *root = getenv("top_srcdir");
    int size =
        snprintf(path, sizeof path, "%s/tests/spin/trails/%s.txt", root != NULL ? root : ".", name);
    FILE *file;

    assert_true(size > 0 && (size_t)size < sizeof path);
    file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

void trail_play(const char *name, const char *differs, trail_player *player)
{
    FILE *file = trail_open(name);
    struct trail_line line;
    bool goes_along = true;

    while (goes_along && line_read(file, &line)) {
        goes_along = player(&line);
    }
    (void)fclose(file);
    if (goes_along && differs != NULL) {
        fail_msg("%s: nothing was refused", name);
    } else if (!goes_along && (differs == NULL || strcmp(differs, line.whole) != 0)) {
        fail_msg("%s: refused: %s", name, line.whole);
    }
}
