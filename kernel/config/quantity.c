/* SPDX-License-Identifier: MIT */

#include "kernel/config/quantity.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

enum { MILLION = 1000000, DAY_MS = 86400000 };

struct unit {
    const char *name;
    uint64_t scale;
};

/* Largest first; of two that leave no fraction the first is printed. */
static const struct unit size_units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", UINT64_C(1000000000000)},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"kB", 1000},
    {"B", 1},
};
static const struct unit duration_units[] = {
    {"d", DAY_MS}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

enum {
    SIZE_UNITS = sizeof size_units / sizeof *size_units,
    DURATION_UNITS = sizeof duration_units / sizeof *duration_units,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 10 * number + digit; false: over 64 bits. */
static bool digit_add(uint64_t *number, char digit)
{
    uint64_t value = (uint64_t)(digit - '0');

    if (*number > (UINT64_MAX - value) / 10) {
        return false;
    }
    *number = 10 * *number + value;
    return true;
}

/* Digits, and perhaps a point and more: `number` / 10^places. No zero before other digits. */
static int32_t decimal_read(const char **text, uint64_t *number, uint32_t *places)
{
    const char *at = *text;
    bool fits = true;

    *number = 0;
    *places = 0;
    if (!is_digit(at[0]) || (at[0] == '0' && is_digit(at[1]))) {
        return QN_INVALID;
    }
    for (; is_digit(*at); at++) {
        fits = fits && digit_add(number, *at);
    }
    if (*at == '.' && is_digit(at[1])) {
        for (at++; is_digit(*at); at++, (*places)++) {
            fits = fits && digit_add(number, *at);
        }
    }
    *text = at;
    return fits ? QN_OK : QN_NO_SPACE;
}

/* `number` * `scale` / 10^places, if that is whole: each of the tens is taken out of one of the
 * factors, or its two out of one and its five out of the other. */
static int32_t scaled(uint64_t number, uint32_t places, uint64_t scale, uint64_t *value)
{
    for (; places > 0; places--) {
        if (scale % 10 == 0) {
            scale /= 10;
        } else if (number % 10 == 0) {
            number /= 10;
        } else if (scale % 2 == 0 && number % 5 == 0) {
            scale /= 2;
            number /= 5;
        } else if (scale % 5 == 0 && number % 2 == 0) {
            scale /= 5;
            number /= 2;
        } else {
            return QN_INVALID;
        }
    }
    if (number > UINT64_MAX / scale) {
        return QN_NO_SPACE;
    }
    *value = number * scale;
    return QN_OK;
}

/* The place of the unit whose name begins `text`, from `next` on; `count`: none. */
static uint32_t unit_find(const char *text, const struct unit *units, uint32_t next, uint32_t count,
                          size_t *size)
{
    *size = strspn(text, "BGKMTdhikms");
    while (next < count &&
           (strlen(units[next].name) != *size || strncmp(units[next].name, text, *size) != 0)) {
        next++;
    }
    return next;
}

static int32_t quantity_read(const char *text, const struct unit *units, uint32_t count,
                             uint64_t *value)
{
    uint64_t sum = 0;
    uint32_t next = 0; /* the units from here on may still come */
    bool fits = true;

    do {
        uint64_t number;
        uint64_t part = 0;
        uint32_t places;
        size_t size;
        int32_t status = decimal_read(&text, &number, &places);

        if (status == QN_INVALID) {
            return status;
        }
        fits = fits && status == QN_OK;
        next = unit_find(text, units, next, count, &size);
        if (next == count) {
            return QN_INVALID;
        }
        status = scaled(number, places, units[next++].scale, &part);
        if (status == QN_INVALID && fits) {
            return status;
        }
        fits = fits && status == QN_OK && part <= UINT64_MAX - sum;
        sum += part;
        text += size;
    } while (*text != 0);
    if (!fits) {
        return QN_NO_SPACE;
    }
    *value = sum;
    return QN_OK;
}

int32_t qnk_size_read(const char *text, uint64_t *size)
{
    return quantity_read(text, size_units, SIZE_UNITS, size);
}

int32_t qnk_duration_read(const char *text, uint64_t *ms)
{
    return quantity_read(text, duration_units, DURATION_UNITS, ms);
}

int32_t qnk_ratio_read(const char *text, uint32_t *millionths)
{
    uint64_t number;
    uint64_t value = 0;
    uint32_t places;
    int32_t status = decimal_read(&text, &number, &places);
    bool is_percent = *text == '%';

    if (status == QN_INVALID || text[is_percent] != 0) {
        return QN_INVALID;
    }
    if (status == QN_OK) {
        status = scaled(number, places, is_percent ? MILLION / 100 : MILLION, &value);
    }
    if (status == QN_OK && value > UINT32_MAX) {
        return QN_NO_SPACE;
    }
    if (status == QN_OK) {
        *millionths = (uint32_t)value;
    }
    return status;
}

static void quantity_print(uint64_t value, const struct unit *units, uint32_t count,
                           char text[QNK_QUANTITY_SIZE])
{
    uint32_t i = 0;

    while (i + 1 < count && (value == 0 || value % units[i].scale != 0)) {
        i++;
    }
    (void)snprintf(text, QNK_QUANTITY_SIZE, "%" PRIu64 "%s", value / units[i].scale, units[i].name);
}

void qnk_size_print(uint64_t size, char text[QNK_QUANTITY_SIZE])
{
    quantity_print(size, size_units, SIZE_UNITS, text);
}

void qnk_duration_print(uint64_t ms, char text[QNK_QUANTITY_SIZE])
{
    quantity_print(ms, duration_units, DURATION_UNITS, text);
}

void qnk_ratio_print(uint32_t millionths, char text[QNK_QUANTITY_SIZE])
{
    uint32_t part = millionths % (MILLION / 100);
    uint32_t places = 4;

    for (; places > 0 && part % 10 == 0; places--) {
        part /= 10;
    }
    if (places > 0) {
        (void)snprintf(text, QNK_QUANTITY_SIZE, "%u.%0*u%%", millionths / (MILLION / 100),
                       (int)places, part);
    } else {
        (void)snprintf(text, QNK_QUANTITY_SIZE, "%u%%", millionths / (MILLION / 100));
    }
}

static bool is_leap_year(uint32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t days_of(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (uint32_t)(month == 2 && is_leap_year(year));
}

/* Days from 1970-01-01 to the first of January of `year`, in the Gregorian calendar. */
static uint32_t days_before(uint32_t year)
{
    uint32_t past = year - 1; /* whole years since year 1 */
    uint32_t leaps = past / 4 - past / 100 + past / 400;

    return 365 * (year - 1970) + leaps - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* Exactly `digits` digits, then `end`. */
static bool field_read(const char **text, uint32_t digits, char end, uint32_t *number)
{
    *number = 0;
    for (uint32_t i = 0; i < digits; i++, (*text)++) {
        if (!is_digit(**text)) {
            return false;
        }
        *number = 10 * *number + (uint32_t)(**text - '0');
    }
    return *(*text)++ == end;
}

int32_t qnk_time_read(const char *text, uint64_t *ms)
{
    uint32_t year;
    uint32_t month;
    uint32_t day;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t part = 0;
    bool has_part = strlen(text) == strlen("2026-01-01T00:00:00.000Z");

    if (!field_read(&text, 4, '-', &year) || !field_read(&text, 2, '-', &month) ||
        !field_read(&text, 2, 'T', &day) || !field_read(&text, 2, ':', &hour) ||
        !field_read(&text, 2, ':', &minute) ||
        !field_read(&text, 2, has_part ? '.' : 'Z', &second) ||
        (has_part && !field_read(&text, 3, 'Z', &part)) || *text != 0) {
        return QN_INVALID;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of(year, month) ||
        hour > 23 || minute > 59 || second > 59) {
        return QN_INVALID;
    }

    uint64_t days = days_before(year) + day - 1;

    for (uint32_t i = 1; i < month; i++) {
        days += days_of(year, i);
    }
    *ms = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * UINT64_C(1000) + part;
    return QN_OK;
}

void qnk_time_print(uint64_t ms, char text[QNK_QUANTITY_SIZE])
{
    uint32_t days = (uint32_t)(ms / DAY_MS);
    uint32_t second = (uint32_t)(ms % DAY_MS / 1000);
    uint32_t part = (uint32_t)(ms % 1000);
    uint32_t year = 1970 + days / 366; /* at most 25 too early */
    uint32_t month = 1;

    while (days_before(year + 1) <= days) {
        year++;
    }
    QN_ASSERT(year <= 9999);
    days -= days_before(year);
    while (days >= days_of(year, month)) {
        days -= days_of(year, month++);
    }

    int size = snprintf(text, QNK_QUANTITY_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u", year, month,
                        days + 1, second / 3600, second / 60 % 60, second % 60);

    QN_ASSERT(size > 0);
    if (part > 0) {
        size += snprintf(text + size, QNK_QUANTITY_SIZE - (size_t)size, ".%03u", part);
    }
    QN_ASSERT(size + 1 < QNK_QUANTITY_SIZE);
    memcpy(text + size, "Z", sizeof "Z");
}
