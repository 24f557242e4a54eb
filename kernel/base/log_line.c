/* SPDX-License-Identifier: MIT */

#include "kernel/base/log_line.h"

#include <string.h>
#include <time.h>

#include <qnet/assert.h>

enum {
    SECOND_US = 1000000,
    VALUE_MAX = 512, /* bytes of a field's value, or of the words; the rest is cut off */
    END_SIZE = 16,   /* room that is kept for the end of a line */
    LEVEL_WIDTH = 5, /* of a terminal's columns */
    WORDS_WIDTH = 24,
};

static const char *const level_names[QNK_LOG_LEVEL_COUNT] = {"error", "warn", "info", "debug",
                                                             "trace"};

/* Text of bounded size; what does not fit is left out. */
struct text {
    char *bytes;
    uint32_t size; /* 0..capacity */
    uint32_t capacity;
    bool is_cut;
};

static void put(struct text *text, char c)
{
    if (text->size < text->capacity) {
        text->bytes[text->size++] = c;
    } else {
        text->is_cut = true;
    }
}

static void put_bytes(struct text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        put(text, bytes[i]);
    }
}

static void put_string(struct text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

/* Spaces, until what began at `from` is `width` wide. */
static void put_spaces(struct text *text, uint32_t from, uint32_t width)
{
    while (text->size - from < width && text->size < text->capacity) {
        put(text, ' ');
    }
}

static void put_number(struct text *text, uint64_t number, uint32_t base, uint32_t digits_min)
{
    char digits[20];
    uint32_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    for (uint32_t i = count; i < digits_min; i++) {
        put(text, '0');
    }
    while (count > 0) {
        put(text, digits[--count]);
    }
}

/* A byte from outside: only what is printable stays as it is. */
static void put_outside(struct text *text, char c)
{
    if (c >= 32 && c < 127) {
        put(text, c);
        return;
    }
    put_string(text, "\\x");
    put_number(text, (uint8_t)c, 16, 2);
}

/* One conversion of a format, between its % and its letter. */
struct conversion {
    uint32_t digits_min;
    uint32_t bytes_max;
    char length; /* 0 int, H char, h, l long, L long long, j, z, t */
    char letter;
};

static const char cut_mark[] = "...";

/* A text that fills `bytes`, but for `kept` bytes at their end. */
static struct text text_of(char *bytes, size_t size, size_t kept)
{
    return (struct text){.bytes = bytes, .capacity = (uint32_t)(size - kept)};
}

/* Ends a text for which cut_mark was kept. */
static void mark_cut(struct text *text)
{
    if (text->is_cut) {
        text->capacity += (uint32_t)strlen(cut_mark);
        put_string(text, cut_mark);
    }
}

static uint32_t read_number(const char **at)
{
    uint32_t number = 0;

    for (; **at >= '0' && **at <= '9' && number < VALUE_MAX; (*at)++) {
        number = 10 * number + (uint32_t)(**at - '0');
    }
    return number;
}

static struct conversion read_conversion(const char **at, va_list *args)
{
    struct conversion conversion = {.bytes_max = VALUE_MAX};

    conversion.digits_min = read_number(at);
    if (**at == '.') {
        (*at)++;
        if (**at == '*') {
            int bytes_max = va_arg(*args, int);

            (*at)++;
            conversion.bytes_max = bytes_max < 0 ? VALUE_MAX : (uint32_t)bytes_max;
        } else {
            conversion.bytes_max = read_number(at);
        }
    }
    if (**at != 0 && strchr("hljzt", **at) != NULL) {
        conversion.length = *(*at)++;
        if (**at == conversion.length) {
            conversion.length = (char)(conversion.length - 'a' + 'A');
            (*at)++;
        }
    }
    conversion.letter = **at;
    return conversion;
}

static int64_t take_signed(char length, va_list *args)
{
    switch (length) {
    case 'l':
        return va_arg(*args, long);
    case 'L':
        return va_arg(*args, long long);
    case 'j':
        return va_arg(*args, intmax_t);
    case 'z':
    case 't':
        return va_arg(*args, ptrdiff_t);
    default: /* h and hh come as int */
        return va_arg(*args, int);
    }
}

static uint64_t take_unsigned(char length, va_list *args)
{
    switch (length) {
    case 'l':
        return va_arg(*args, unsigned long);
    case 'L':
        return va_arg(*args, unsigned long long);
    case 'j':
        return va_arg(*args, uintmax_t);
    case 'z':
    case 't':
        return va_arg(*args, size_t);
    default:
        return va_arg(*args, unsigned);
    }
}

static void put_outside_string(struct text *to, const char *string, uint32_t bytes_max)
{
    if (string == NULL) {
        string = "(null)";
    }
    for (uint32_t i = 0; i < bytes_max && string[i] != 0; i++) {
        put_outside(to, string[i]);
    }
}

/* False: no conversion that is known here, so that nothing is known of what follows either. */
static bool put_conversion(struct text *to, struct conversion conversion, va_list *args)
{
    int64_t number;

    switch (conversion.letter) {
    case '%':
        put(to, '%');
        return true;
    case 'c':
        put_outside(to, (char)va_arg(*args, int));
        return true;
    case 's':
        put_outside_string(to, va_arg(*args, const char *), conversion.bytes_max);
        return true;
    case 'u':
        put_number(to, take_unsigned(conversion.length, args), 10, conversion.digits_min);
        return true;
    case 'x':
        put_number(to, take_unsigned(conversion.length, args), 16, conversion.digits_min);
        return true;
    case 'd':
    case 'i':
        number = take_signed(conversion.length, args);
        if (number < 0) {
            put(to, '-');
        }
        put_number(to, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10,
                   conversion.digits_min);
        return true;
    default:
        return false;
    }
}

/* Writes the format's piece up to `end`, and gives the place after it. */
static const char *expand(struct text *to, const char *at, const char *end, va_list *args)
{
    for (; at < end; at++) {
        if (*at != '%') {
            put(to, *at);
            continue;
        }
        at++;
        if (!put_conversion(to, read_conversion(&at, args), args)) {
            put_string(to, "%?");
            return at + strlen(at);
        }
    }
    return at;
}

static bool is_bare(const struct text *value)
{
    for (uint32_t i = 0; i < value->size; i++) {
        if (strchr(" \"=\\", value->bytes[i]) != NULL) {
            return false;
        }
    }
    return value->size > 0;
}

static void put_quoted(struct text *line, const struct text *value)
{
    put(line, '"');
    for (uint32_t i = 0; i < value->size; i++) {
        if (value->bytes[i] == '"' || value->bytes[i] == '\\') {
            put(line, '\\');
        }
        put(line, value->bytes[i]);
    }
    put(line, '"');
}

/* A key, and what stands between the field before and its value. */
static void put_key(struct text *line, enum qnk_log_format format, const char *key, size_t size)
{
    bool is_first = line->size == 0 || (line->size == 1 && *line->bytes == '{') ||
                    (line->size == 3 && *line->bytes == '<');

    if (format == QNK_LOG_JSON) {
        put_string(line, is_first ? "\"" : ",\"");
        put_bytes(line, key, size);
        put_string(line, "\":");
        return;
    }
    if (!is_first) {
        put(line, ' ');
    }
    put_bytes(line, key, size);
    put(line, '=');
}

static void put_value(struct text *line, enum qnk_log_format format, const struct text *value,
                      bool is_number)
{
    if (format == QNK_LOG_JSON ? is_number : is_bare(value)) {
        put_bytes(line, value->bytes, value->size);
    } else {
        put_quoted(line, value);
    }
}

static void put_named(struct text *line, enum qnk_log_format format, const char *key,
                      const char *string)
{
    char room[VALUE_MAX];
    struct text value = text_of(room, sizeof room, sizeof cut_mark);

    put_string(&value, string);
    mark_cut(&value);
    put_key(line, format, key, strlen(key));
    put_value(line, format, &value, false);
}

/* Whether a value's format is a decimal number, or one conversion to one, and nothing else. */
static bool is_number(const char *from, const char *to)
{
    const char *letter = from + 1 + strspn(from + 1, "hljzt");
    size_t digits = strspn(from, "0123456789");

    if (digits > 0 && digits < 19 && (*from != '0' || digits == 1)) {
        return from + digits == to;
    }
    return *from == '%' && letter + 1 == to && strchr("diu", *letter) != NULL;
}

/* The fields of a format, from the first key on. A field is written whole or not at all. */
static void put_fields(struct text *line, enum qnk_log_format format, const char *fields,
                       va_list *args)
{
    char room[VALUE_MAX];

    while (*fields != 0 && !line->is_cut) {
        struct text value = text_of(room, sizeof room, sizeof cut_mark);
        uint32_t before = line->size;
        size_t key_size = strcspn(fields, "=");

        QN_ASSERT(fields[key_size] == '=');
        put_key(line, format, fields, key_size);

        const char *from = fields + key_size + 1;
        const char *to = from + strcspn(from, " ");

        fields = expand(&value, from, to, args);
        fields += *fields == ' ' ? 1 : 0;
        mark_cut(&value);
        put_value(line, format, &value, is_number(from, to));
        line->size = line->is_cut ? before : line->size;
    }
}

/* A number that the log adds itself. */
static void put_count(struct text *line, enum qnk_log_format format, const char *key,
                      uint32_t count)
{
    char room[16];
    struct text value = text_of(room, sizeof room, 0);

    put_number(&value, count, 10, 1);
    put_key(line, format, key, strlen(key));
    put_value(line, format, &value, true);
}

static void put_clock(struct text *line, uint64_t us, uint32_t digits)
{
    time_t seconds = (time_t)(us / SECOND_US);
    struct tm tm = {0};

    (void)gmtime_r(&seconds, &tm);
    if (digits == 6) {
        put_number(line, (uint64_t)tm.tm_year + 1900, 10, 4);
        put(line, '-');
        put_number(line, (uint64_t)tm.tm_mon + 1, 10, 2);
        put(line, '-');
        put_number(line, (uint64_t)tm.tm_mday, 10, 2);
        put(line, 'T');
    }
    put_number(line, (uint64_t)tm.tm_hour, 10, 2);
    put(line, ':');
    put_number(line, (uint64_t)tm.tm_min, 10, 2);
    put(line, ':');
    put_number(line, (uint64_t)tm.tm_sec, 10, 2);
    put(line, '.');
    put_number(line, us % SECOND_US / (digits == 6 ? 1 : 1000), 10, digits);
}

/* 12:00:01.204 info  PART  WORDS */
static void begin_text(struct text *line, const struct qnk_log_record *record,
                       const struct text *words)
{
    put_clock(line, record->now_us, 3);
    put(line, ' ');

    uint32_t from = line->size;

    put_string(line, qnk_log_level_name(record->level));
    put_spaces(line, from, LEVEL_WIDTH + 1);
    put_string(line, record->part);
    put_string(line, "  ");
    from = line->size;
    put_bytes(line, words->bytes, words->size);
    put_spaces(line, from, WORDS_WIDTH);
}

/* What every line for machines begins with. */
static void begin_fields(struct text *line, enum qnk_log_format format,
                         const struct qnk_log_record *record)
{
    static const char priorities[QNK_LOG_LEVEL_COUNT] = {'3', '4', '6', '7', '7'}; /* syslog's */

    if (format == QNK_LOG_JOURNAL) {
        put(line, '<');
        put(line, priorities[record->level]);
        put(line, '>');
    } else {
        char room[32];
        struct text time = text_of(room, sizeof room, 0);

        if (format == QNK_LOG_JSON) {
            put(line, '{');
        }
        put_clock(&time, record->now_us, 6);
        put(&time, 'Z');
        put_key(line, format, "ts", 2);
        put_value(line, format, &time, false);
    }
    put_named(line, format, "level", qnk_log_level_name(record->level));
    put_named(line, format, "part", record->part);
    put_named(line, format, "event", record->event);
}

const char *qnk_log_level_name(enum qnk_log_level level)
{
    QN_ASSERT(level < QNK_LOG_LEVEL_COUNT);
    return level_names[level];
}

/* Ends the line in the room that was kept for that. */
static void end_line(struct text *line, enum qnk_log_format format)
{
    bool is_cut = line->is_cut;

    while (line->size > 0 && line->bytes[line->size - 1] == ' ') {
        line->size--;
    }
    line->capacity += END_SIZE;
    if (is_cut) {
        put_count(line, format, "cut", 1);
    }
    if (format == QNK_LOG_JSON) {
        put(line, '}');
    }
    put(line, '\n');
}

void qnk_log_line_make(struct qnk_log_line *line, enum qnk_log_format format,
                       const struct qnk_log_record *record, va_list *args)
{
    char room[VALUE_MAX];
    struct text words = text_of(room, sizeof room, sizeof cut_mark);
    struct text text = text_of(line->bytes, sizeof line->bytes, END_SIZE);
    const char *bar = strstr(record->format, " | ");
    const char *end = bar != NULL ? bar : record->format + strlen(record->format);
    const char *next = expand(&words, record->format, end, args);

    mark_cut(&words);
    if (format == QNK_LOG_TEXT) {
        begin_text(&text, record, &words);
    } else {
        begin_fields(&text, format, record);
    }
    if (record->suppressed > 0) {
        put_count(&text, format, "suppressed", record->suppressed);
    }
    if (bar != NULL && next == bar) {
        put_fields(&text, format, bar + strlen(" | "), args);
    } else if (format != QNK_LOG_TEXT) {
        put_key(&text, format, "text", strlen("text"));
        put_value(&text, format, &words, false);
    }
    end_line(&text, format);
    line->size = text.size;
}
