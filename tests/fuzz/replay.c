/* SPDX-License-Identifier: MIT */

/* replay.c: runs a harness without a fuzzer, over its seeds and its corpus: each as it is, cut at
 * every byte, and with every bit flipped. What must not happen stops the process.
 *
 * Usage: NAME_fuzz_test [FILE...]; without files the seeds, and those of tests/fuzz/corpus/NAME.
 *        NAME_fuzz_test -s FOLDER; writes the seeds there. */

#define _GNU_SOURCE /* scandir's alphasort */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#ifndef FUZZ_TRIES
#define FUZZ_TRIES 20000
#endif

enum {
    INPUT_MAX = 1 << 20,
    TRIES_MAX = FUZZ_TRIES, /* cuts and flips of one input each; of a larger one spread out */
};

static uint8_t input[INPUT_MAX];
static int number;           /* of the input, from 1 on */
static const char *seeds_to; /* folder */

/* In a block of just that size, for those who watch memory. */
static void input_run(size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, input, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void input_replay(size_t size, const char *name)
{
    size_t cut_step = size / TRIES_MAX + 1;
    size_t flip_step = 8 * size / TRIES_MAX + 1;

    for (size_t cut = 0; cut <= size; cut += cut_step) {
        input_run(cut);
    }
    input_run(size);
    for (size_t bit = 0; bit < 8 * size; bit += flip_step) {
        input[bit / 8] ^= (uint8_t)(1 << bit % 8);
        input_run(size);
        input[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    printf("ok %d - %s\n", ++number, name);
    (void)fflush(stdout);
}

static void seed_replay(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) {
        abort();
    }
    memcpy(input, data, size);
    input_replay(size, "a seed");
}

static void file_replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(input, 1, sizeof input, file) : 0;

    if (file == NULL || ferror(file) != 0) {
        printf("not ok %d - %s cannot be read\n", ++number, path);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
    input_replay(size, path);
}

static void seed_write(const uint8_t *data, size_t size)
{
    char path[2048];

    (void)snprintf(path, sizeof path, "%s/seed-%d", seeds_to, ++number);

    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        printf("%s cannot be written\n", path);
        exit(EXIT_FAILURE);
    }
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void corpus_replay(void)
{
    const char *top = getenv("top_srcdir");
    struct dirent **entries = NULL;
    char folder[2048], path[2400];

    (void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
                   FUZZ_NAME);

    int count = scandir(folder, &entries, is_seed, alphasort);

    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        file_replay(path);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "-s") == 0) {
        seeds_to = argv[2];
        fuzz_seeds(seed_write);
        return EXIT_SUCCESS;
    }
    for (int i = 1; i < argc; i++) {
        file_replay(argv[i]);
    }
    if (argc < 2) {
        fuzz_seeds(seed_replay);
        corpus_replay();
    }
    printf("1..%d\n", number);
    return number > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
