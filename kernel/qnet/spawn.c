/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/qnet/place.h"

enum { ENVIRONMENT_MAX = 512, TEXT = 700 };

/* Ours, but for plugins and the folder of sockets where they are said. */
static char **environment_make(const struct qnk_spawn *spawn)
{
    static char plugins[TEXT], runtime[TEXT];
    static char *list[ENVIRONMENT_MAX + 3];
    extern char **environ;
    const char *search = spawn->plugins != NULL ? spawn->plugins : qnk_place_search();
    size_t count = 0;

    for (char **at = environ; *at != NULL && count < ENVIRONMENT_MAX; at++) {
        if (strncmp(*at, "QN_PLUGIN_PATH=", 15) != 0 &&
            (spawn->runtime[0] == 0 || strncmp(*at, "XDG_RUNTIME_DIR=", 16) != 0)) {
            list[count++] = *at;
        }
    }
    if (search != NULL) {
        snprintf(plugins, sizeof plugins, "QN_PLUGIN_PATH=%.650s", search);
        list[count++] = plugins;
    }
    if (spawn->runtime[0] != 0) {
        snprintf(runtime, sizeof runtime, "XDG_RUNTIME_DIR=%.650s", spawn->runtime);
        list[count++] = runtime;
    }
    list[count] = NULL;
    return list;
}

bool qnk_spawn(const struct qnk_spawn *spawn, uv_loop_t *loop, uv_exit_cb ended,
               uv_process_t *process)
{
    char config[TEXT], option[] = "-c";
    char *args[] = {(char *)(uintptr_t)qnk_place_daemon(), option, config, NULL};
    uv_stdio_container_t streams[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data = {.fd = spawn->log}},
        {.flags = UV_INHERIT_FD, .data = {.fd = spawn->log}},
    };
    uv_process_options_t options = {
        .exit_cb = ended,
        .file = args[0],
        .args = args,
        .env = environment_make(spawn),
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = streams,
    };
    int error;

    snprintf(config, sizeof config, "%.650s/node.yaml", spawn->folder);
    error = uv_spawn(loop, process, &options);
    (void)close(spawn->log);
    if (error != 0) {
        fprintf(stderr, "qnet: cannot start '%s': %s\n", args[0], uv_strerror(error));
    }
    return error == 0;
}
