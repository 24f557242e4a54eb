/* SPDX-License-Identifier: MIT */

/* parse.c: from argv to a call. Options stand before or after operands; no abbreviations; a word
 * that is unknown gets the nearest one told, and nothing is run. */

#include <stdlib.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/config/schema.h"
#include "kernel/qnet/command.h"

enum { NEAR = 2 }; /* edits at most between a word and what it may have meant */

static bool is_word(const char *path, uint32_t index, const char *word)
{
    for (; index > 0 && path != NULL; index--) {
        path = strchr(path, ' ');
        path = path == NULL ? NULL : path + 1;
    }
    size_t size = path == NULL ? 0 : strcspn(path, " ");

    return path != NULL && size == strlen(word) && strncmp(path, word, size) == 0;
}

static uint32_t path_words(const char *path)
{
    return strchr(path, ' ') == NULL ? 1 : 2;
}

const struct qnk_command *qnk_command_find(const char *const *words, uint32_t count)
{
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const char *path = qnk_commands[i].path;
        uint32_t same = 0;

        while (same < count && is_word(path, same, words[same])) {
            same++;
        }
        if (same == count && path_words(path) == count) {
            return &qnk_commands[i];
        }
    }
    return NULL;
}

static bool is_group(const char *word)
{
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        if (path_words(qnk_commands[i].path) == 2 && is_word(qnk_commands[i].path, 0, word)) {
            return true;
        }
    }
    return false;
}

/* The word at `index` of some path that begins with `group` (NULL: any), nearest to `word`. */
static void nearest_word(const char *group, uint32_t index, const char *word,
                         char nearest[QNK_CONFIG_NAME_MAX + 1])
{
    uint32_t best = NEAR + 1;

    nearest[0] = 0;
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const char *path = qnk_commands[i].path;
        const char *at = index == 0 ? path : strchr(path, ' ');
        char candidate[QNK_CONFIG_NAME_MAX + 1];

        if (at == NULL || (group != NULL && !is_word(path, 0, group))) {
            continue;
        }
        snprintf(candidate, sizeof candidate, "%.*s", (int)strcspn(at + index, " "), at + index);

        uint32_t distance = qnk_config_distance(word, candidate, NEAR);

        if (distance < best) {
            best = distance;
            snprintf(nearest, QNK_CONFIG_NAME_MAX + 1, "%s", candidate);
        }
    }
}

static int refuse_word(FILE *errors, const char *group, const char *word)
{
    char nearest[QNK_CONFIG_NAME_MAX + 1];

    nearest_word(group, group == NULL ? 0 : 1, word, nearest);
    fprintf(errors, "qnet: unknown command '%s%s%s'", group == NULL ? "" : group,
            group == NULL ? "" : " ", word);
    if (nearest[0] != 0) {
        fprintf(errors, "; did you mean '%s%s%s'?", group == NULL ? "" : group,
                group == NULL ? "" : " ", nearest);
    }
    fprintf(errors, "\n  qnet help%s%s\n", group == NULL ? "" : " ", group == NULL ? "" : group);
    return QNK_CLI_USAGE;
}

/* --- options --- */

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != 0;
}

/* Whether `word` (up to a =) names this option, long or short. */
static bool is_named(const struct qnk_option *option, const char *word)
{
    if (word[1] != '-') {
        return option->letter != 0 && word[1] == option->letter && word[2] == 0;
    }
    size_t size = strcspn(word + 2, "=");

    return size == strlen(option->name) && strncmp(word + 2, option->name, size) == 0;
}

static const struct qnk_option *option_find(const struct qnk_option *list, const char *word)
{
    for (; list->name != NULL; list++) {
        if (is_named(list, word)) {
            return list;
        }
    }
    return NULL;
}

static int refuse_option(FILE *errors, const struct qnk_command *command, const char *word)
{
    const struct qnk_option *lists[] = {command == NULL ? qnk_common_options : command->options,
                                        qnk_common_options};
    const char *nearest = NULL;
    uint32_t best = NEAR + 1;
    char name[QNK_CONFIG_NAME_MAX + 1];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (uint32_t i = 0; i < 2; i++) {
        for (const struct qnk_option *it = lists[i]; it->name != NULL; it++) {
            uint32_t distance =
                name[1] == '-' ? qnk_config_distance(name + 2, it->name, NEAR) : NEAR + 1;

            if (distance < best) {
                best = distance;
                nearest = it->name;
            }
        }
    }
    fprintf(errors, "qnet: unknown option '%s'", name);
    if (command != NULL) {
        fprintf(errors, " of '%s'", command->path);
    }
    if (nearest != NULL) {
        fprintf(errors, "; did you mean '--%s'?", nearest);
    }
    fprintf(errors, "\n  qnet %s%s-h\n", command == NULL ? "" : command->path,
            command == NULL ? "" : " ");
    return QNK_CLI_USAGE;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);

    while (*choices != 0) {
        size_t next = strcspn(choices, "|");

        if (next == size && strncmp(choices, value, size) == 0) {
            return true;
        }
        choices += next + (choices[next] == '|');
    }
    return false;
}

static bool is_number(const char *value)
{
    size_t digits = strspn(value, "0123456789");

    return digits > 0 && digits <= 18 && value[digits] == 0;
}

/* Checks a value against its option's type. */
static int value_check(FILE *errors, const struct qnk_option *option, const char *value)
{
    if (option->type == QNK_OPTION_NUMBER && !is_number(value)) {
        fprintf(errors, "qnet: --%s: not a number: \"%s\"\n", option->name, value);
        return QNK_CLI_USAGE;
    }
    if (option->type == QNK_OPTION_CHOICE && !is_choice(option->value, value)) {
        fprintf(errors, "qnet: --%s: \"%s\" is none of %s\n", option->name, value, option->value);
        return QNK_CLI_USAGE;
    }
    return QNK_CLI_OK;
}

/* The words of a command line that are left. */
struct words {
    char **next;
    int left;
    FILE *errors;
};

/* The value of `option`, which was just read as `word`. */
static int value_take(struct words *words, const struct qnk_option *option, const char *word,
                      const char **value)
{
    const char *given = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;

    *value = given == NULL ? NULL : given + 1;
    if (option->type == QNK_OPTION_FLAG) {
        if (given != NULL) {
            fprintf(words->errors, "qnet: --%s takes no value\n", option->name);
            return QNK_CLI_USAGE;
        }
        return QNK_CLI_OK;
    }
    if (given == NULL) {
        if (words->left == 0) {
            fprintf(words->errors, "qnet: --%s wants a value: %s\n", option->name, option->value);
            return QNK_CLI_USAGE;
        }
        *value = *words->next++;
        words->left--;
    }
    return value_check(words->errors, option, *value);
}

static void common_set(struct qnk_call *call, const struct qnk_option *option, const char *value)
{
    switch (option->name[0]) {
    case 'n':
        call->node = value;
        break;
    case 'j':
        call->json = true;
        break;
    case 'c':
        call->color = value;
        break;
    case 'q':
        call->quiet = true;
        break;
    default:
        call->help = true;
        break;
    }
}

static int option_take(struct words *words, struct qnk_call *call, const char *word)
{
    const struct qnk_command *command = call->command;
    const struct qnk_option *own = command == NULL ? NULL : option_find(command->options, word);
    const struct qnk_option *option = own != NULL ? own : option_find(qnk_common_options, word);
    const char *value;

    if (option == NULL) {
        return refuse_option(words->errors, command, word);
    }

    int status = value_take(words, option, word, &value);

    if (status != QNK_CLI_OK) {
        return status;
    }
    if (own == NULL) {
        common_set(call, option, value);
    } else {
        call->values[own - command->options] = value;
        call->given[own - command->options] = true;
    }
    return QNK_CLI_OK;
}

/* --- the whole --- */

/* Reads the path at the front; words that are no path are left. */
static int path_take(struct words *words, struct qnk_call *call)
{
    const char *path[QNK_WORDS_MAX];
    uint32_t count = 0;

    while (words->left > 0 && count < QNK_WORDS_MAX && call->command == NULL) {
        const char *word = *words->next++;
        int status = QNK_CLI_OK;

        words->left--;
        if (is_option(word)) {
            status = option_take(words, call, word);
        } else {
            path[count++] = word;
            call->command = qnk_command_find(path, count);
            if (call->command == NULL && (count == 2 || !is_group(word))) {
                return refuse_word(words->errors, count == 2 ? path[0] : NULL, word);
            }
        }
        if (status != QNK_CLI_OK) {
            return status;
        }
    }
    if (call->command == NULL) { /* nothing, or a group alone: help on it */
        call->operands_count = count;
        memcpy(call->operands, path, count * sizeof *path);
    }
    return QNK_CLI_OK;
}

/* The least and the largest number of operands that help shows. */
static void operands_bounds(const char *shown, uint32_t *least, uint32_t *most)
{
    *least = *most = 0;
    while (*shown != 0) {
        size_t size = strcspn(shown, " ");

        *least += shown[0] != '[';
        *most += 1;
        if (size > 3 && strstr(shown, "...") != NULL && strstr(shown, "...") < shown + size) {
            *most = QNK_OPERANDS_MAX;
        }
        shown += size + (shown[size] == ' ');
    }
}

static int operands_check(const struct qnk_call *call, FILE *errors)
{
    uint32_t least, most;

    operands_bounds(call->command->operands, &least, &most);
    if (call->help || (call->operands_count >= least && call->operands_count <= most)) {
        return QNK_CLI_OK;
    }
    if (call->operands_count < least) {
        fprintf(errors, "qnet: '%s' wants %s\n", call->command->path, call->command->operands);
    } else {
        fprintf(errors, "qnet: '%s' takes no '%s'\n", call->command->path, call->operands[most]);
    }
    fprintf(errors, "  qnet %s -h\n", call->command->path);
    return QNK_CLI_USAGE;
}

int qnk_call_parse(struct qnk_call *call, int argc, char **argv, FILE *errors)
{
    struct words words = {argv + 1, argc > 0 ? argc - 1 : 0, errors};
    bool is_literal = false;

    *call = (struct qnk_call){.color = "auto"};

    int status = path_take(&words, call);

    while (status == QNK_CLI_OK && words.left > 0) {
        const char *word = *words.next++;

        words.left--;
        if (!is_literal && strcmp(word, "--") == 0) {
            is_literal = true;
        } else if (!is_literal && is_option(word)) {
            status = option_take(&words, call, word);
        } else if (call->operands_count == QNK_OPERANDS_MAX) {
            fprintf(errors, "qnet: more than %d operands\n", QNK_OPERANDS_MAX);
            status = QNK_CLI_USAGE;
        } else {
            call->operands[call->operands_count++] = word;
        }
    }
    if (status != QNK_CLI_OK || call->command == NULL) {
        return status;
    }
    return operands_check(call, errors);
}

static uint32_t option_index(const struct qnk_call *call, const char *name)
{
    const struct qnk_option *options = call->command->options;
    uint32_t index = 0;

    while (options[index].name != NULL && strcmp(options[index].name, name) != 0) {
        index++;
    }
    QN_ASSERT(options[index].name != NULL);
    return index;
}

bool qnk_call_given(const struct qnk_call *call, const char *option)
{
    return call->given[option_index(call, option)];
}

bool qnk_call_flag(const struct qnk_call *call, const char *option)
{
    return qnk_call_given(call, option);
}

const char *qnk_call_text(const struct qnk_call *call, const char *option)
{
    uint32_t index = option_index(call, option);

    return call->given[index] ? call->values[index] : call->command->options[index].absent;
}

uint64_t qnk_call_number(const struct qnk_call *call, const char *option)
{
    const char *text = qnk_call_text(call, option);

    return text == NULL ? 0 : strtoull(text, NULL, 10);
}
