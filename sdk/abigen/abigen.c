/* SPDX-License-Identifier: MIT */

/* abigen.c: makes everything that follows from the descriptions in sdk/abi and from those beside
 * each plugin. generated.sh lists which file is made how. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/abigen/header.h"
#include "sdk/abigen/manifest.h"

static const struct {
    const char *what, *summary;
    void (*put)(const struct description *of);
} outputs[] = {
    {"header", "the public header of a kind", header_put},
    {"reference", "the reference page of a kind", reference_put},
    {"cases", "the list of a kind's contract cases", cases_put},
    {"frozen", "what may never change of its newest minor", frozen_put},
    {"kind", "what the kernel knows of a kind", kind_put},
};

enum { OUTPUTS_COUNT = sizeof outputs / sizeof *outputs };

static void usage(void)
{
    fprintf(stderr, "usage: abigen WHAT KIND.yaml, where WHAT is one of\n");
    for (size_t i = 0; i < OUTPUTS_COUNT; i++) {
        fprintf(stderr, "  %-10s %s\n", outputs[i].what, outputs[i].summary);
    }
    fprintf(stderr, "usage: abigen manifest PLUGIN.yaml [FOLDER]\n"
                    "  the manifest of a plugin; kinds are described in FOLDER, or sdk/abi\n");
}

static bool put_kind(const char *what, const char *path)
{
    for (size_t i = 0; i < OUTPUTS_COUNT; i++) {
        if (strcmp(outputs[i].what, what) == 0) {
            outputs[i].put(description_read(path));
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    bool is_done = false;

    if ((argc == 3 || argc == 4) && strcmp(argv[1], "manifest") == 0) {
        manifest_put(manifest_read(argv[2], argc == 4 ? argv[3] : "sdk/abi"));
        is_done = true;
    } else if (argc == 3) {
        is_done = put_kind(argv[1], argv[2]);
    }
    if (!is_done) {
        usage();
    }
    return is_done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
