/* SPDX-License-Identifier: MIT */

/* replay.c: runs a harness without a fuzzer, over its corpus: each file as it is, cut at every
 * byte, and with every bit flipped. What must not happen stops the process.
 *
 * Usage: NAME_fuzz_test [FILE...]; without files those of tests/fuzz/corpus/NAME. */

#define _GNU_SOURCE /* scandir's alphasort */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUT_MAX = 1 << 20,
    TRIES_MAX = 20000, /* cuts and flips of one file each; of a larger one they are spread out */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a block of just that size, for those who watch memory. */
static void input_run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void file_run(uint8_t *data, size_t size)
{
    size_t cut_step = size / TRIES_MAX + 1;
    size_t flip_step = 8 * size / TRIES_MAX + 1;

    for (size_t cut = 0; cut <= size; cut += cut_step) {
        input_run(data, cut);
    }
    input_run(data, size);
    for (size_t bit = 0; bit < 8 * size; bit += flip_step) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        input_run(data, size);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void file_replay(int number, const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(data, 1, sizeof data, file) : 0;

    if (file == NULL || ferror(file) != 0) {
        printf("not ok %d - %s cannot be read\n", number, path);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
    file_run(data, size);
    printf("ok %d - %s\n", number, path);
    (void)fflush(stdout);
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int corpus_replay(void)
{
    const char *top = getenv("top_srcdir");
    struct dirent **entries;
    char folder[2048], path[2400];

    (void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
                   FUZZ_NAME);

    int count = scandir(folder, &entries, is_seed, alphasort);

    if (count <= 0) {
        printf("Bail out! no corpus in %s\n", folder);
        return EXIT_FAILURE;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        file_replay(i + 1, path);
        free(entries[i]);
    }
    free(entries);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return corpus_replay();
    }
    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        file_replay(i, argv[i]);
    }
    return EXIT_SUCCESS;
}
