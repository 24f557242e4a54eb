/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/decimal.h"

enum { KEPT = 8, TEXT = 40, PATH_PART = 32 };

const json_t *qnk_at(const json_t *object, const char *path)
{
    while (object != NULL && *path != 0) {
        size_t size = strcspn(path, ".");
        char part[PATH_PART];

        snprintf(part, sizeof part, "%.*s", (int)size, path);
        object = json_object_get(object, part);
        path += size + (path[size] == '.');
    }
    return object;
}

uint64_t qnk_number(const json_t *object, const char *path)
{
    const json_t *it = qnk_at(object, path);

    return json_is_string(it) ? strtoull(json_string_value(it), NULL, 10)
                              : (uint64_t)json_integer_value(it);
}

const char *qnk_string(const json_t *object, const char *path)
{
    const char *text = json_string_value(qnk_at(object, path));

    return text == NULL ? "" : text;
}

bool qnk_is_true(const json_t *object, const char *path)
{
    return json_is_true(qnk_at(object, path));
}

/* Rooms that are used in turn, so that several texts may stand in one call of printf. */
struct rooms {
    char text[KEPT][TEXT];
    uint32_t next;
};

static char *room(struct rooms *rooms)
{
    return rooms->text[rooms->next++ % KEPT];
}

const char *qnk_grouped(uint64_t number)
{
    static struct rooms rooms;
    char digits[24];
    char *text = room(&rooms), *to = text;
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);

    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            *to++ = ' ';
        }
        *to++ = digits[i];
    }
    *to = 0;
    return text;
}

const char *qnk_qnc(const char *nano)
{
    static struct rooms rooms;
    char *text = room(&rooms);

    _Static_assert(TEXT >= QNK_DECIMAL_SIZE, "an amount fits");
    qnk_decimal_encode(strtoull(nano, NULL, 10), text);
    return text;
}

const char *qnk_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    static struct rooms rooms;
    char *text = room(&rooms);
    uint64_t tenths = bytes * 10;
    uint32_t unit = 0;

    while (tenths >= 10240 && unit < 4) {
        tenths /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(text, TEXT, "%llu B", (unsigned long long)bytes);
    } else {
        snprintf(text, TEXT, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                 (unsigned long long)(tenths % 10), units[unit]);
    }
    return text;
}

const char *qnk_duration(uint64_t ms)
{
    static struct rooms rooms;
    char *text = room(&rooms);
    uint64_t seconds = ms / 1000;

    if (seconds < 60) {
        snprintf(text, TEXT, "%llu.%llu s", (unsigned long long)seconds,
                 (unsigned long long)(ms % 1000 / 100));
    } else if (seconds < 3600) {
        snprintf(text, TEXT, "%llu m %llu s", (unsigned long long)(seconds / 60),
                 (unsigned long long)(seconds % 60));
    } else if (seconds < 86400) {
        snprintf(text, TEXT, "%llu h %llu m", (unsigned long long)(seconds / 3600),
                 (unsigned long long)(seconds / 60 % 60));
    } else {
        snprintf(text, TEXT, "%llu d %llu h", (unsigned long long)(seconds / 86400),
                 (unsigned long long)(seconds / 3600 % 24));
    }
    return text;
}

void qnk_json_print(const json_t *document)
{
    (void)json_dumpf(document, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
}

bool qnk_is_colored(const struct qnk_call *call)
{
    const char *terminal = getenv("TERM");

    if (strcmp(call->color, "auto") != 0) {
        return strcmp(call->color, "always") == 0;
    }
    return isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == NULL &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}
