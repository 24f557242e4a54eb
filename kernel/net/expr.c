/* SPDX-License-Identifier: MIT */

#include "kernel/net/expr.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/text.h"

enum { DIGITS_MAX = 32 };

static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};

static const char *skip(const char *at)
{
    while (*at == ' ') {
        at++;
    }
    return at;
}

static bool is_name(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
           byte == '-';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "name" or "scope.name". NULL: neither. */
static const char *name_take(const char *at, char scope[QNK_EXPR_NAME], char name[QNK_EXPR_NAME])
{
    size_t size = 0;

    scope[0] = 0;
    while (is_name(at[size])) {
        size++;
    }
    if (at[size] == '.' && size > 0 && size < QNK_EXPR_NAME) {
        memcpy(scope, at, size);
        scope[size] = 0;
        at += size + 1;
        for (size = 0; is_name(at[size]);) {
            size++;
        }
    }
    if (size == 0 || size >= QNK_EXPR_NAME) {
        return NULL;
    }
    memcpy(name, at, size);
    name[size] = 0;
    return at + size;
}

/* Digits, with a point perhaps. NULL: none. */
static const char *number_take(const char *at, double *number)
{
    char digits[DIGITS_MAX];
    size_t size = 0;
    char *end;

    while (size < DIGITS_MAX - 1 && (is_digit(at[size]) || at[size] == '.')) {
        digits[size] = at[size];
        size++;
    }
    digits[size] = 0;
    if (size == 0 || !is_digit(at[0])) {
        return NULL;
    }
    *number = strtod(digits, &end);
    return *end == 0 ? at + size : NULL;
}

static const char *op_take(const char *at, enum qnk_expr_op *op)
{
    for (uint32_t size = 2; size > 0; size--) {
        for (uint32_t i = 0; i < sizeof signs / sizeof *signs; i++) {
            if (strlen(signs[i]) == size && strncmp(at, signs[i], size) == 0) {
                *op = (enum qnk_expr_op)i;
                return at + size;
            }
        }
    }
    return NULL;
}

static bool refuse(char why[QNK_EXPR_WHY], const char *wanted, const char *at)
{
    qnk_text(why, QNK_EXPR_WHY, "wanted is %s where it says '%.60s'", wanted, at);
    return false;
}

/* A number, a name, or a number times a name. */
static bool right_take(const char *at, struct qnk_expr *expr, char why[QNK_EXPR_WHY])
{
    const char *next = number_take(at, &expr->number);

    if (next == NULL) {
        expr->number = 1;
    } else if (*skip(next) == 0) {
        return true;
    } else if (*skip(next) == '*') {
        at = skip(skip(next) + 1);
    } else {
        return refuse(why, "the end", skip(next));
    }
    next = name_take(at, expr->right_scope, expr->right_name);
    if (next == NULL || expr->right_scope[0] == 0) {
        return refuse(why, "a number, or VARIANT.MEASURE", at);
    }
    return *skip(next) == 0 || refuse(why, "the end", skip(next));
}

bool qnk_expr_read(const char *text, struct qnk_expr *expr, char why[QNK_EXPR_WHY])
{
    const char *at = skip(text), *next;

    *expr = (struct qnk_expr){.number = 0};
    next = name_take(at, expr->scope, expr->name);
    if (next == NULL) {
        return refuse(why, "a name", at);
    }
    at = skip(next);
    next = op_take(at, &expr->op);
    if (next == NULL) {
        return refuse(why, "one of < <= > >= == !=", at);
    }
    return right_take(skip(next), expr, why);
}

bool qnk_expr_holds(enum qnk_expr_op op, double left, double right)
{
    switch (op) {
    case QNK_EXPR_LT:
        return left < right;
    case QNK_EXPR_LE:
        return left <= right;
    case QNK_EXPR_GT:
        return left > right;
    case QNK_EXPR_GE:
        return left >= right;
    case QNK_EXPR_EQ:
        return !(left < right) && !(left > right);
    case QNK_EXPR_NE:
        return left < right || left > right;
    }
    return false;
}

const char *qnk_expr_sign(enum qnk_expr_op op)
{
    return signs[op];
}
