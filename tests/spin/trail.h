/* SPDX-License-Identifier: MIT */
#pragma once

/* trail.h: reads what lies in trails/ and plays it, line by line, to whoever knows what a line
 * stands for. What the lines are is in the heads of the models.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   fails the case
 */

#include <stdbool.h>
#include <stdint.h>

enum { TRAIL_LINE_SIZE = 128, TRAIL_WORDS_MAX = 6 };

struct trail_line {
    char text[TRAIL_LINE_SIZE];
    char whole[TRAIL_LINE_SIZE];
    char *word[TRAIL_WORDS_MAX]; /* in `text` */
    uint32_t count;
};

/* Whether the word at this place is this one. */
bool trail_is(const struct trail_line *line, uint32_t at, const char *word);

/* The number at this place; 0: there is none. */
int trail_number(const struct trail_line *line, uint32_t at);

/* Does what a line says. False: the C code does not go along. */
typedef bool trail_player(const struct trail_line *line);

/* Plays a trail up to the first line at which the C code differs, which must be this one; NULL: it
 * must go along with all of them. */
void trail_play(const char *name, const char *differs, trail_player *player);
