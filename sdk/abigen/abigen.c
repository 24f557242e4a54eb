/* SPDX-License-Identifier: MIT */

/* abigen.c: makes everything that follows from the descriptions in sdk/abi and from those beside
 * each plugin. generated.sh lists which file is made how. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/abigen/header.h"

static const struct {
    const char *what, *summary;
    void (*put)(const struct description *of);
} outputs[] = {
    {"header", "public header of sdk/abi/KIND.yaml", header_put},
};

enum { OUTPUTS_COUNT = sizeof outputs / sizeof *outputs };

static void usage(void)
{
    fprintf(stderr, "usage: abigen WHAT FILE.yaml, where WHAT is one of\n");
    for (size_t i = 0; i < OUTPUTS_COUNT; i++) {
        fprintf(stderr, "  %-10s %s\n", outputs[i].what, outputs[i].summary);
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < OUTPUTS_COUNT; i++) {
        if (strcmp(outputs[i].what, argv[1]) == 0) {
            outputs[i].put(description_read(argv[2]));
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    usage();
    return EXIT_FAILURE;
}
