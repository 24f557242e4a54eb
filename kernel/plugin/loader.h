/* SPDX-License-Identifier: MIT */
#pragma once

/* loader.h: plugins' files, found, verified without running them, and mapped once and for ever.
 *
 * A file is copied into sealed memory and hashed, so that what was verified is what runs; checked
 * against the lock file and the trust file (trust.h: who has to have signed it); audited and
 * decoded as bytes; and mapped only when its first instance is made. Code that was mapped stays
 * mapped until the process ends. The same bytes are one plugin, whatever path they came by. One
 * loader serves all nodes of a process.
 *
 * A name is looked for in each folder of the search path, as FOLDER/KIND/NAME.so or where a build
 * tree has it, FOLDER/KIND/NAME/.libs/NAME.so, and then in the installation, as KIND/NAME.so.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the loader owns its plugins, until it is destroyed; what it is given is copied
 *   threads  any: a lock is held
 *   cost     the file is read, hashed and decoded once: milliseconds
 *   errors   `why` says in words what was wanted and what there is. QN_NOT_FOUND: no such file;
 *            QN_INVALID: not a plugin, or one that breaks a rule; QN_UNSUPPORTED: of another kind
 *            or version; QN_DENIED: the lock file or the trust file says no; QN_IO; QN_NO_SPACE:
 *            over the budget
 *
 * Source: abi.md 8.
 */

#include <stdbool.h>

#include <qnet/plugin.h>

#include "kernel/base/hash.h"
#include "kernel/base/log.h"
#include "kernel/base/memory.h"
#include "kernel/config/checker.h"
#include "kernel/config/node_file.h"
#include "kernel/plugin/manifest.h"

#define QNK_PLUGIN_FILE_MAX    67108864 /* bytes of a plugin's file; more: refused */
#define QNK_LOADER_PLUGINS_MAX 256      /* plugins of one loader; more: refused */

#define QNK_PLUGIN_TAINT_MAX 200 /* bytes of the words; the rest is cut off */

struct qnk_loader;

struct qnk_loader_options {
    struct qnk_budget *budget;
    const char *folder; /* where plugins are installed; NULL: nowhere */
    const char *search; /* folders apart by ':', as in QN_PLUGIN_PATH; NULL: none. Not
                                       looked at under ENFORCE or with privileges of another user */
    enum qnk_trust_policy trust;
    const char *lock_file;          /* path; NULL or "": there is none */
    const char *trust_file;         /* path; NULL or "": there is none, and nothing is signed */
    const struct qnk_log_part *log; /* for warnings; NULL: none */
    bool hides_memory_files;        /* for tests: as if the system had no memfd */
};

/* A plugin that was verified. Only the loader changes it. */
struct qnk_plugin {
    struct qnk_manifest manifest;
    const struct qnk_kind *kind;
    const char *path;     /* that it was read from; "": linked into the program */
    uint64_t size;        /* of the file */
    struct qnk_hash hash; /* SHA-256 of the file */
    bool is_locked;       /* the lock file lists it */
    char signer[17];      /* the key that signed it and is trusted with it; "": none */
    /* Why the node is tainted by it; "": it is not. Tainted is what nobody signed who is trusted
     * with it, or where there is no trust file, what the lock file does not list. */
    char taint[QNK_PLUGIN_TAINT_MAX];
    /* The rest is there once it is mapped. */
    const struct qn_plugin *descriptor;
    struct qn_life life;   /* full size: no slot is NULL */
    struct qn_state state; /* the same; stubs if it has none */
    const void *table;     /* of the kind, the same */
    struct qnk_loader *loader;
};

/* QN_INVALID, QN_IO: the lock file or the trust file cannot be read. QN_DENIED: the lock file is
 * missing and must be there. */
QN_MUST_CHECK int32_t qnk_loader_create(const struct qnk_loader_options *options,
                                        struct qnk_loader **loader, char why[QNK_PLUGIN_WHY_MAX]);

/* Reads the lock file once more, for what is loaded from here on. A file that was there and is gone
 * is an error: that must not loosen anything. */
QN_MUST_CHECK int32_t qnk_loader_relock(struct qnk_loader *loader, const char *path,
                                        char why[QNK_PLUGIN_WHY_MAX]);

/* The same of the trust file. What was verified before is asked about again when it is looked for
 * the next time; what runs goes on. QN_INVALID, QN_IO: what was read before counts on. */
QN_MUST_CHECK int32_t qnk_loader_retrust(struct qnk_loader *loader, const char *path,
                                         char why[QNK_PLUGIN_WHY_MAX]);

/* After all instances and all metrics of its plugins are gone. */
void qnk_loader_destroy(struct qnk_loader *loader);

/* The verified plugin of this kind and name, or from the file at `path` if that is not "". */
QN_MUST_CHECK int32_t qnk_loader_find(struct qnk_loader *loader, const char *kind, const char *name,
                                      const char *path, struct qnk_plugin **plugin,
                                      char why[QNK_PLUGIN_WHY_MAX]);

/* The same as a config file names it: its version too must be as the file says, if it says one. */
QN_MUST_CHECK int32_t qnk_loader_find_used(struct qnk_loader *loader,
                                           const struct qnk_config_plugin *used,
                                           struct qnk_plugin **plugin,
                                           char why[QNK_PLUGIN_WHY_MAX]);

/* A plugin that is linked into the program: `note` is its manifest's content. */
QN_MUST_CHECK int32_t qnk_loader_adopt(struct qnk_loader *loader,
                                       const struct qn_plugin *descriptor, struct qn_span note,
                                       struct qnk_plugin **plugin, char why[QNK_PLUGIN_WHY_MAX]);

/* Maps its code and checks what it exports against the note; at once the second time. */
QN_MUST_CHECK int32_t qnk_plugin_map(struct qnk_plugin *plugin, char why[QNK_PLUGIN_WHY_MAX]);

/* The names that files of a kind have in the folders, ascending; NULL after the last one. The
 * folders are read once. For `qnet plugin list`: ask qnk_loader_find() about each. */
const char *qnk_loader_name_at(struct qnk_loader *loader, const char *kind, uint32_t place);

/* What a config file is checked with. It lives as long as the loader. */
const struct qnk_config_plugins *qnk_loader_config(struct qnk_loader *loader);
