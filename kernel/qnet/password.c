/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

/* False: the line is empty, too long, or not there. */
static bool line_read(FILE *from, char password[QNK_PASSWORD_MAX])
{
    size_t size = fgets(password, QNK_PASSWORD_MAX, from) != NULL ? strlen(password) : 0;
    bool is_whole = size > 0 && (password[size - 1] == '\n' || size < QNK_PASSWORD_MAX - 1);

    password[strcspn(password, "\r\n")] = 0;
    return is_whole && *password != 0;
}

static bool file_read(const char *path, char password[QNK_PASSWORD_MAX])
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "qnet: cannot open '%s': %s\n", path, strerror(errno));
        return false;
    }

    bool is_read = line_read(file, password);

    if (file != stdin) {
        (void)fclose(file);
    }
    if (!is_read) {
        fprintf(stderr, "qnet: '%s' has no password in its first line\n", path);
    }
    return is_read;
}

static bool prompt(FILE *terminal, const char *words, char password[QNK_PASSWORD_MAX])
{
    struct termios seen, unseen;
    bool is_terminal = tcgetattr(fileno(terminal), &seen) == 0;

    fprintf(stderr, "%s", words);
    if (is_terminal) {
        unseen = seen;
        unseen.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fileno(terminal), TCSAFLUSH, &unseen);
    }

    bool is_read = line_read(terminal, password);

    if (is_terminal) {
        (void)tcsetattr(fileno(terminal), TCSAFLUSH, &seen);
    }
    fprintf(stderr, "\n");
    return is_read;
}

bool qnk_password_read(const char *path, bool is_new, char password[QNK_PASSWORD_MAX])
{
    char again[QNK_PASSWORD_MAX] = "";

    if (path != NULL) {
        return file_read(path, password);
    }

    FILE *terminal = fopen("/dev/tty", "r");

    if (terminal == NULL) {
        fprintf(stderr, "qnet: a password is wanted and there is no terminal to ask at: give "
                        "--password FILE\n");
        return false;
    }

    bool is_read = prompt(terminal, "Password: ", password) &&
                   (!is_new || prompt(terminal, "The same again: ", again));
    bool is_same = !is_new || strcmp(password, again) == 0;

    (void)fclose(terminal);
    sodium_memzero(again, sizeof again);
    if (!is_read || !is_same) {
        fprintf(stderr, "qnet: %s\n", is_read ? "the two differ" : "no password");
    }
    return is_read && is_same;
}
