/* SPDX-License-Identifier: MIT */

#include "kernel/host/lines.h"

#include <stdio.h>
#include <string.h>

void qnk_lines_init(struct qnk_lines *lines)
{
    memset(lines, 0, sizeof *lines);
    (void)pthread_mutex_init(&lines->lock, NULL);
}

void qnk_lines_done(struct qnk_lines *lines)
{
    (void)pthread_mutex_destroy(&lines->lock);
}

void qnk_lines_watch(struct qnk_lines *lines, void (*more)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&lines->lock);
    lines->more = more;
    lines->more_ctx = ctx;
    (void)pthread_mutex_unlock(&lines->lock);
}

void qnk_lines_keep(struct qnk_lines *lines, char *to, uint64_t room)
{
    (void)pthread_mutex_lock(&lines->lock);
    lines->kept = to;
    lines->kept_room = room;
    lines->kept_size = 0;
    (void)pthread_mutex_unlock(&lines->lock);
}

/* Should the room be full, the older half of what is there goes. */
static void keep(struct qnk_lines *lines, const char *text, uint64_t size)
{
    if (lines->kept == NULL || size + 1 > lines->kept_room / 2) {
        return;
    }
    if (lines->kept_size + size + 1 > lines->kept_room) {
        uint64_t half = lines->kept_room / 2;
        const char *from = memchr(lines->kept + half, '\n', lines->kept_size - half);
        uint64_t gone = from == NULL ? lines->kept_size : (uint64_t)(from + 1 - lines->kept);
        uint64_t left = lines->kept_size - gone;

        memmove(lines->kept, lines->kept + gone, left);
        memset(lines->kept + left, 0, lines->kept_size - left);
        lines->kept_size = left;
    }
    memcpy(lines->kept + lines->kept_size, text, size);
    lines->kept[lines->kept_size + size] = '\n';
    lines->kept_size += size + 1;
}

void qnk_lines_add(void *ctx, const char *part, struct qn_span text)
{
    struct qnk_lines *lines = ctx;
    uint64_t size = text.size < QNK_LINES_SIZE ? text.size : QNK_LINES_SIZE - 1;

    (void)pthread_mutex_lock(&lines->lock);

    struct qnk_line *line = &lines->ring[++lines->last % QNK_LINES_MAX];

    line->number = lines->last;
    snprintf(line->part, sizeof line->part, "%s", part);
    memcpy(line->text, text.data, size);
    line->text[size] = 0;
    keep(lines, line->text, size);
    if (lines->more != NULL) {
        lines->more(lines->more_ctx);
    }
    (void)pthread_mutex_unlock(&lines->lock);
}

uint64_t qnk_lines_last(struct qnk_lines *lines)
{
    (void)pthread_mutex_lock(&lines->lock);

    uint64_t last = lines->last;

    (void)pthread_mutex_unlock(&lines->lock);
    return last;
}

int32_t qnk_lines_get(struct qnk_lines *lines, uint64_t number, struct qnk_line *line)
{
    int32_t status = QN_NOT_FOUND;

    (void)pthread_mutex_lock(&lines->lock);
    if (lines->last >= QNK_LINES_MAX && number <= lines->last - QNK_LINES_MAX) {
        number = lines->last - QNK_LINES_MAX + 1;
    }
    number = number == 0 ? 1 : number;
    if (number <= lines->last) {
        *line = lines->ring[number % QNK_LINES_MAX];
        status = QN_OK;
    }
    (void)pthread_mutex_unlock(&lines->lock);
    return status;
}
