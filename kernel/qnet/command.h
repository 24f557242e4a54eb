/* SPDX-License-Identifier: MIT */
#pragma once

/* command.h: what a person can type after `qnet`: one table, and a call of one of its rows.
 *
 * commands.def is the table. From it come the dispatcher, --help, the manual page, the completions
 * of three shells and docs/cli.md, so that none of them can say what the others do not.
 *
 * Unless a function's own comment says otherwise:
 *   owns     texts of the table are static; those of a call are argv's
 *   threads  one
 *   errors   a run gives the process's exit code, and has said on stderr what was wrong
 *
 * Source: operations.md 3.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    QNK_OPTIONS_MAX = 24,  /* of one command, beside those that all have */
    QNK_OPERANDS_MAX = 32, /* of one call; more: usage */
    QNK_WORDS_MAX = 2,     /* of a command's path */
};

/* What `qnet` ends with. */
enum qnk_cli_exit {
    QNK_CLI_OK = 0,
    QNK_CLI_FAILED = 1,
    QNK_CLI_USAGE = 2,
    QNK_CLI_UNREACHABLE = 3, /* no node answers */
    QNK_CLI_NOT_READY = 4,
    QNK_CLI_ASSERTION = 5, /* what was to be shown is not so */
    QNK_CLI_TIMEOUT = 6,
    QNK_CLI_REFUSED = 7, /* by a safety rule */
    QNK_CLI_INTERRUPTED = 130,
};

/* What an option's value is, for the check and for completions. */
enum qnk_option_type {
    QNK_OPTION_FLAG, /* no value */
    QNK_OPTION_TEXT,
    QNK_OPTION_NUMBER, /* digits */
    QNK_OPTION_FILE,
    QNK_OPTION_CHOICE, /* one of `value`, apart by | */
};

struct qnk_option {
    const char *name;   /* without the two hyphens; NULL: the list ends */
    char letter;        /* of the short form; 0: none */
    uint8_t type;       /* enum qnk_option_type */
    const char *value;  /* what stands for the value in help, such as "FILE" */
    const char *absent; /* the value if the option is not given; NULL: none */
    const char *doc;
};

struct qnk_call;

struct qnk_command {
    const char *path;     /* such as "config check" */
    const char *operands; /* as in help: "FILE", "[DIR]", "FILE..." */
    const char *summary;  /* one line, lower case, without a full stop */
    const char *examples; /* lines */
    int (*run)(struct qnk_call *call);
    struct qnk_option options[QNK_OPTIONS_MAX + 1];
};

extern const struct qnk_command qnk_commands[];
extern const uint32_t qnk_commands_count;

/* Options that every command has. */
extern const struct qnk_option qnk_common_options[];

/* A command line that was understood. */
struct qnk_call {
    const struct qnk_command *command;
    const char *values[QNK_OPTIONS_MAX]; /* of the command's options; NULL: not given */
    bool given[QNK_OPTIONS_MAX];
    const char *operands[QNK_OPERANDS_MAX];
    uint32_t operands_count;
    /* The options that every command has. */
    const char *node; /* NULL: see client.h */
    const char *color;
    bool json, help, quiet;
};

/* Understands argv. QNK_CLI_OK, or QNK_CLI_USAGE after words on `errors` that say what is wrong
 * and what is near. A call for help of a group has command NULL and `operands` of its words. */
int qnk_call_parse(struct qnk_call *call, int argc, char **argv, FILE *errors);

/* Values of an option of the call's command, which has it. */
bool qnk_call_flag(const struct qnk_call *call, const char *option);
const char *qnk_call_text(const struct qnk_call *call, const char *option); /* may be NULL */
uint64_t qnk_call_number(const struct qnk_call *call, const char *option);

/* Whether the option was given rather than left to its default. */
bool qnk_call_given(const struct qnk_call *call, const char *option);

/* The row of a path of `count` words, or NULL. */
const struct qnk_command *qnk_command_find(const char *const *words, uint32_t count);
