/* SPDX-License-Identifier: MIT */
#pragma once

/* inspect.h: what any file says of itself as a plugin, without mapping its code: for
 * `qnet plugin inspect FILE.so`.
 *
 * Unless a function's own comment says otherwise:
 *   owns     an inspection owns its bytes and manifest until done()
 *   threads  any; one at a time
 */

#include <stdbool.h>

#include "kernel/base/sink.h"
#include "kernel/plugin/loader.h"
#include "kernel/plugin/sealed.h"

#define QNK_INSPECT_NEEDED_MAX 64 /* libraries shown; more are left out */

struct qnk_inspection {
    struct qnk_budget *budget;
    struct qnk_sealed sealed; /* the file */
    void *block;              /* the manifest */
    size_t block_size;
    uint64_t size;
    struct qnk_hash hash;
    struct qnk_manifest manifest;
    bool fits;                        /* this kernel would load it, as far as the file goes */
    char verdict[QNK_PLUGIN_WHY_MAX]; /* why not, if it does not fit */
    const char *needed[QNK_INSPECT_NEEDED_MAX]; /* libraries of the system that it asks for */
    uint32_t needed_count;
};

/* Reads the file. A plugin that is refused for what it needs or breaks is still shown: `fits` and
 * `verdict` say so. Errors are those of qnk_loader_find for a file that has no manifest: a text, a
 * cut file, another's library. */
QN_MUST_CHECK int32_t qnk_inspect_open(const char *path, struct qnk_budget *budget,
                                       struct qnk_inspection *inspection,
                                       char why[QNK_PLUGIN_WHY_MAX]);
void qnk_inspect_done(struct qnk_inspection *inspection);

/* Appends it as lines for people. QN_NO_SPACE: the sink's cap. */
QN_MUST_CHECK int32_t qnk_inspect_print(const struct qnk_inspection *inspection,
                                        struct qn_sink *out);
