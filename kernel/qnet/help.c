/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/help.h"

#include <string.h>

static const char what[] = "QNet: a two-layer ledger node whose every part is a plugin.";

static const struct {
    int code;
    const char *means;
} exits[] = {
    {QNK_CLI_OK, "done"},
    {QNK_CLI_FAILED, "failed"},
    {QNK_CLI_USAGE, "the command line is wrong"},
    {QNK_CLI_UNREACHABLE, "no node answers"},
    {QNK_CLI_NOT_READY, "the node is not ready"},
    {QNK_CLI_ASSERTION, "what was to be shown is not so"},
    {QNK_CLI_TIMEOUT, "time ran out"},
    {QNK_CLI_REFUSED, "refused by a safety rule"},
    {QNK_CLI_INTERRUPTED, "interrupted"},
};

enum { EXITS = sizeof exits / sizeof *exits };

static bool is_of_group(const struct qnk_command *command, const char *group)
{
    size_t size = group == NULL ? 0 : strlen(group);

    return group == NULL ||
           (strncmp(command->path, group, size) == 0 && command->path[size] == ' ');
}

void qnk_help_list(FILE *out, const char *group)
{
    if (group == NULL) {
        fprintf(out, "%s\n\nusage: qnet COMMAND [OPERANDS] [OPTIONS]\n\n", what);
    }
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const struct qnk_command *it = &qnk_commands[i];
        char call[80];

        if (is_of_group(it, group)) {
            snprintf(call, sizeof call, "%s%s%s", it->path, *it->operands == 0 ? "" : " ",
                     it->operands);
            fprintf(out, "  %-28s %s\n", call, it->summary);
        }
    }
    fprintf(out, "\nqnet COMMAND -h shows examples and options of one of them.\n");
}

static void lines_print(FILE *out, const char *before, const char *lines)
{
    while (*lines != 0) {
        size_t size = strcspn(lines, "\n");

        fprintf(out, "%s%.*s\n", before, (int)size, lines);
        lines += size + (lines[size] == '\n');
    }
}

/* "-n, --node NAME" */
static void option_name(const struct qnk_option *option, char *to, size_t room)
{
    char letter[8] = "";

    if (option->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    snprintf(to, room, "%s--%s%s%s", letter, option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
}

static void options_print(FILE *out, const struct qnk_option *options)
{
    for (; options->name != NULL; options++) {
        char name[64];

        option_name(options, name, sizeof name);
        fprintf(out, "  %-28s %s", name, options->doc);
        if (options->absent != NULL) {
            fprintf(out, " (%s)", options->absent);
        }
        fprintf(out, "\n");
    }
}

void qnk_help_command(FILE *out, const struct qnk_command *command)
{
    lines_print(out, "  ", command->examples);
    fprintf(out, "\nqnet %s%s%s: %s\n\n", command->path, *command->operands == 0 ? "" : " ",
            command->operands, command->summary);
    options_print(out, command->options);
    options_print(out, qnk_common_options);
}

/* Text in a manual page: a hyphen is a hyphen, and no line begins a request. */
static void man_text(FILE *out, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '-' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void man_options(FILE *out, const struct qnk_option *options)
{
    for (; options->name != NULL; options++) {
        char name[64];

        option_name(options, name, sizeof name);
        fprintf(out, ".RS\n.TP\n.B ");
        man_text(out, name);
        fprintf(out, "\n");
        man_text(out, options->doc);
        if (options->absent != NULL) {
            fprintf(out, " (");
            man_text(out, options->absent);
            fprintf(out, ")");
        }
        fprintf(out, "\n.RE\n");
    }
}

void qnk_help_man(FILE *out)
{
    fprintf(out, ".TH QNET 1 \"\" \"qnet %s\" \"User Commands\"\n", PACKAGE_VERSION);
    fprintf(out, ".SH NAME\nqnet \\- everything that a person types to a QNet node\n");
    fprintf(out, ".SH SYNOPSIS\n.B qnet\n.I COMMAND\n[operands] [options]\n");
    fprintf(out, ".SH COMMANDS\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const struct qnk_command *it = &qnk_commands[i];

        fprintf(out, ".TP\n.B qnet ");
        man_text(out, it->path);
        fprintf(out, " ");
        man_text(out, it->operands);
        fprintf(out, "\n");
        man_text(out, it->summary);
        fprintf(out, "\n");
        man_options(out, it->options);
        fprintf(out, ".RS\n.nf\n");
        for (const char *at = it->examples; *at != 0;) {
            size_t size = strcspn(at, "\n");
            char line[160];

            snprintf(line, sizeof line, "%.*s", (int)size, at);
            man_text(out, line);
            fprintf(out, "\n");
            at += size + (at[size] == '\n');
        }
        fprintf(out, ".fi\n.RE\n");
    }
    fprintf(out, ".SH OPTIONS OF EVERY COMMAND\n");
    man_options(out, qnk_common_options);
    fprintf(out, ".SH EXIT STATUS\n");
    for (int i = 0; i < EXITS; i++) {
        fprintf(out, ".TP\n%d\n%s\n", exits[i].code, exits[i].means);
    }
}

static void markdown_options(FILE *out, const struct qnk_option *options)
{
    for (; options->name != NULL; options++) {
        char name[64];

        option_name(options, name, sizeof name);
        fprintf(out, "- `%s`: %s", name, options->doc);
        if (options->absent != NULL) {
            fprintf(out, " (`%s`)", options->absent);
        }
        fprintf(out, "\n");
    }
}

void qnk_help_markdown(FILE *out)
{
    fprintf(out,
            "# The command line\n\nWritten by `qnet help --format markdown`; a test compares.\n"
            "\nOptions of every command:\n\n");
    markdown_options(out, qnk_common_options);
    fprintf(out, "\n| exit code | meaning |\n|---|---|\n");
    for (int i = 0; i < EXITS; i++) {
        fprintf(out, "| %d | %s |\n", exits[i].code, exits[i].means);
    }
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const struct qnk_command *it = &qnk_commands[i];

        fprintf(out, "\n## qnet %s\n\n`qnet %s%s%s`: %s.\n\n", it->path, it->path,
                *it->operands == 0 ? "" : " ", it->operands, it->summary);
        lines_print(out, "    ", it->examples);
        if (it->options[0].name != NULL) {
            fprintf(out, "\n");
            markdown_options(out, it->options);
        }
    }
}

/* --- completions --- */

static size_t first_size(const struct qnk_command *command)
{
    return strcspn(command->path, " ");
}

/* Whether an earlier row has the same first word. */
static bool is_repeat(uint32_t index)
{
    const struct qnk_command *it = &qnk_commands[index];

    return index > 0 && first_size(it) == first_size(it - 1) &&
           strncmp(it->path, (it - 1)->path, first_size(it)) == 0;
}

static void first_words(FILE *out)
{
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        if (!is_repeat(i)) {
            fprintf(out, "%s%.*s", i == 0 ? "" : " ", (int)first_size(&qnk_commands[i]),
                    qnk_commands[i].path);
        }
    }
}

static void second_words(FILE *out, uint32_t index)
{
    const struct qnk_command *it = &qnk_commands[index];
    size_t size = first_size(it);
    const char *apart = "";

    for (uint32_t i = index; i < qnk_commands_count; i++) {
        const char *path = qnk_commands[i].path;

        if (first_size(&qnk_commands[i]) == size && strncmp(path, it->path, size) == 0 &&
            path[size] == ' ') {
            fprintf(out, "%s%s", apart, path + size + 1);
            apart = " ";
        }
    }
}

static void option_words(FILE *out, const struct qnk_option *options)
{
    for (; options->name != NULL; options++) {
        fprintf(out, " --%s", options->name);
    }
}

static void bash_put(FILE *out)
{
    fprintf(out, "# bash completion of qnet, written by `qnet completion bash`\n_qnet() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} path=${COMP_WORDS[1]} words=\n"
                 "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='");
    first_words(out);
    fprintf(out, "'\n    else\n        case $path in\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        if (!is_repeat(i) && strchr(qnk_commands[i].path, ' ') != NULL) {
            fprintf(out, "        %.*s) [ \"$COMP_CWORD\" = 2 ] && words='",
                    (int)first_size(&qnk_commands[i]), qnk_commands[i].path);
            second_words(out, i);
            fprintf(out, "'; path=\"$path ${COMP_WORDS[2]}\" ;;\n");
        }
    }
    fprintf(out, "        esac\n        case $path in\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        fprintf(out, "        '%s') words=\"$words", qnk_commands[i].path);
        option_words(out, qnk_commands[i].options);
        option_words(out, qnk_common_options);
        fprintf(out, "\" ;;\n");
    }
    fprintf(out, "        esac\n    fi\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
                 "complete -o default -F _qnet qnet\n");
}

static void zsh_put(FILE *out)
{
    fprintf(out, "#compdef qnet\n# written by `qnet completion zsh`\n_qnet() {\n"
                 "    local -a choices\n    if (( CURRENT == 2 )); then\n        choices=(");
    first_words(out);
    fprintf(out, ")\n    else\n        case $words[2] in\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        if (!is_repeat(i) && strchr(qnk_commands[i].path, ' ') != NULL) {
            fprintf(out, "        %.*s) (( CURRENT == 3 )) && choices=(",
                    (int)first_size(&qnk_commands[i]), qnk_commands[i].path);
            second_words(out, i);
            fprintf(out, ") ;;\n");
        }
    }
    fprintf(out, "        esac\n        case \"$words[2] $words[3]\" in\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const char *path = qnk_commands[i].path;

        fprintf(out, "        '%s'%s) choices+=(", path, strchr(path, ' ') == NULL ? "\\ *" : "");
        option_words(out, qnk_commands[i].options);
        option_words(out, qnk_common_options);
        fprintf(out, ") ;;\n");
    }
    fprintf(out, "        esac\n    fi\n    compadd -a choices\n    _files\n}\n"
                 "compdef _qnet qnet\n");
}

/* A text between single quotes of fish. */
static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != 0; text++) {
        if (*text == '\'' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_options(FILE *out, const struct qnk_command *command)
{
    const char *space = strchr(command->path, ' ');
    const char *last = space == NULL ? command->path : space + 1;

    for (const struct qnk_option *it = command->options; it->name != NULL; it++) {
        fprintf(out, "complete -c qnet -n '__fish_seen_subcommand_from %s' -l %s -d ", last,
                it->name);
        fish_text(out, it->doc);
        fprintf(out, "\n");
    }
}

static void fish_put(FILE *out)
{
    fprintf(out, "# fish completion of qnet, written by `qnet completion fish`\n"
                 "complete -c qnet -f\n");
    for (uint32_t i = 0; i < qnk_commands_count; i++) {
        const struct qnk_command *it = &qnk_commands[i];
        const char *space = strchr(it->path, ' ');
        int size = (int)first_size(it);

        if (!is_repeat(i)) {
            fprintf(out, "complete -c qnet -n __fish_use_subcommand -a %.*s -d ", size, it->path);
            fish_text(out, space == NULL ? it->summary : "more commands");
            fprintf(out, "\n");
        }
        if (space != NULL) {
            fprintf(out, "complete -c qnet -n '__fish_seen_subcommand_from %.*s' -a %s -d ", size,
                    it->path, space + 1);
            fish_text(out, it->summary);
            fprintf(out, "\n");
        }
        fish_options(out, it);
    }
}

bool qnk_help_completion(FILE *out, const char *shell)
{
    static const struct {
        const char *shell;
        void (*put)(FILE *out);
    } shells[] = {{"bash", bash_put}, {"zsh", zsh_put}, {"fish", fish_put}};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].put(out);
            return true;
        }
    }
    return false;
}
