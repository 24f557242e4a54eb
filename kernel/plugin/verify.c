/* SPDX-License-Identifier: MIT */

/* verify.c: what is asked of a plugin's file before it is mapped, and of what it exports after. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <qnet/assert.h>

#include "kernel/plugin/audit.h"
#include "kernel/plugin/loader_own.h"
#include "kernel/plugin/table.h"

int32_t qnk_loaded_no_memory(char why[QNK_PLUGIN_WHY_MAX])
{
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for the plugin");
    return QN_NO_SPACE;
}

/* Decodes the manifest into a block of the plugin's own, behind its path. */
int32_t qnk_loaded_read(struct qnk_loader *loader, struct qnk_loaded *loaded, const char *path,
                        struct qn_span note, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_arena arena;
    size_t path_size = strlen(path) + 1;

    loaded->block_size = (QNK_MANIFEST_ROOM(note.size) + path_size + 64) / 16 * 16;
    loaded->block = qnk_memory_take(loader->budget, loaded->block_size);
    if (loaded->block == NULL) {
        return qnk_loaded_no_memory(why);
    }
    qnk_arena_init(&arena, loaded->block, loaded->block_size);

    char *copy = qnk_arena_take(&arena, path_size);

    QN_ASSERT(copy != NULL);
    memcpy(copy, path, path_size);
    loaded->plugin.path = copy;
    return qnk_manifest_read(note, &arena, &loaded->plugin.manifest, why);
}

/* Names of metrics are those of all plugins together: qnet_plugin_NAME_METRIC. */
enum { METRIC_NAME_MAX = sizeof "qnet_plugin__" + QN_PLUGIN_NAME_MAX + 48 };

static void metric_name(char to[METRIC_NAME_MAX], const char *plugin, const char *metric)
{
    (void)snprintf(to, METRIC_NAME_MAX, "qnet_plugin_%s_%s", plugin, metric);
    for (char *at = to; *at != 0; at++) {
        *at = *at == '-' ? '_' : *at;
    }
}

static int32_t metrics_make(struct qnk_loader *loader, struct qnk_loaded *loaded,
                            char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &loaded->plugin.manifest;
    uint32_t count = manifest->metrics_count;
    size_t names_at = count * sizeof *loaded->metrics;

    if (count == 0) {
        return QN_OK;
    }
    loaded->metrics_size = names_at + count * (size_t)METRIC_NAME_MAX;
    loaded->metrics = qnk_memory_take(loader->budget, loaded->metrics_size);
    if (loaded->metrics == NULL) {
        return qnk_loaded_no_memory(why);
    }
    for (uint32_t i = 0; i < count; i++) {
        char *name = (char *)loaded->metrics + names_at + i * (size_t)METRIC_NAME_MAX;
        bool is_counter = manifest->metrics[i].type == QNK_MANIFEST_COUNTER;

        metric_name(name, manifest->name, manifest->metrics[i].name);
        loaded->metrics[i] = (struct qnk_metric){
            .name = name,
            .help = manifest->metrics[i].doc,
            .type = is_counter ? QNK_METRIC_COUNTER : QNK_METRIC_GAUGE,
        };
    }
    return QN_OK;
}

/* What is known of a plugin once its manifest is: whether this kernel can run it. */
int32_t qnk_loaded_use(struct qnk_loader *loader, struct qnk_loaded *loaded,
                       char why[QNK_PLUGIN_WHY_MAX])
{
    int32_t status = qnk_manifest_fits(&loaded->plugin.manifest, why);

    if (status == QN_OK) {
        loaded->plugin.kind = loaded->plugin.manifest.kind;
        loaded->plugin.loader = loader;
        status = metrics_make(loader, loaded, why);
    }
    return status;
}

/* Refuses a plugin that is another than the one that was asked for. */
int32_t qnk_loaded_name_check(const struct qnk_plugin *plugin, const char *kind, const char *name,
                              char why[QNK_PLUGIN_WHY_MAX])
{
    if (strcmp(plugin->manifest.kind_name, kind) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "'%s' is of the kind %s, and %s is wanted",
                       plugin->manifest.name, plugin->manifest.kind_name, kind);
        return QN_UNSUPPORTED;
    }
    if (strcmp(plugin->manifest.name, name) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "the file is %s '%s', and '%s' is wanted",
                       plugin->manifest.kind_name, plugin->manifest.name, name);
        return QN_UNSUPPORTED;
    }
    return QN_OK;
}

/* Compares with the lock file; `version` is "" while it is not known. */
static int32_t lock_check(struct qnk_loader *loader, struct qnk_loaded *loaded, const char *kind,
                          const char *name, const char *version, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_lock_line line = {.hash = loaded->plugin.hash, .size = loaded->plugin.size};

    if (!loader->has_lock_file) {
        return QN_OK;
    }
    (void)snprintf(line.kind, sizeof line.kind, "%s", kind);
    (void)snprintf(line.name, sizeof line.name, "%s", name);
    (void)snprintf(line.version, sizeof line.version, "%s", version);
    loaded->plugin.is_locked = true;
    return qnk_lock_check(&loader->lock_file, &line, why);
}

static void taint(struct qnk_plugin *plugin, const char *words)
{
    (void)snprintf(plugin->taint, sizeof plugin->taint, "%.*s", QNK_PLUGIN_TAINT_MAX - 1, words);
}

static uint64_t now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What the trust file says of the signature beside the file. What it denies is refused; what nobody
 * signed is refused under `enforce`, and taints under `warn`. */
static int32_t signature_check(struct qnk_loader *loader, struct qnk_loaded *loaded,
                               const char *path, const char *kind, const char *name,
                               struct qnk_trust_answer *answer, char why[QNK_PLUGIN_WHY_MAX])
{
    uint8_t room[QNK_MINISIGN_FILE_MAX + 1];
    struct qnk_trust_ask ask = {
        .file = loaded->sealed.bytes,
        .hash = &loaded->plugin.hash,
        .kind = kind,
        .name = name,
        .signature = qnk_trust_signature(path, room),
        .now_ms = now_ms(),
    };
    char words[QNK_PLUGIN_WHY_MAX];
    int32_t status = qnk_trust_check(loader->trust_file, &ask, answer, words);

    if (status == QN_OK) {
        (void)snprintf(loaded->plugin.signer, sizeof loaded->plugin.signer, "%s", answer->signer);
        return QN_OK;
    }
    if (status == QN_NOT_FOUND && loader->trust == QNK_TRUST_WARN) {
        taint(&loaded->plugin, words);
        return QN_OK;
    }
    (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%s", words);
    return QN_DENIED;
}

/* Who vouches for the file: a key, or the lock file where no trust file is named. */
static int32_t trust_check(struct qnk_loader *loader, struct qnk_loaded *loaded, const char *path,
                           const char *kind, const char *name, struct qnk_trust_answer *answer,
                           char why[QNK_PLUGIN_WHY_MAX])
{
    int32_t status = QN_OK;

    if (loader->trust_file != NULL) {
        status = signature_check(loader, loaded, path, kind, name, answer, why);
    } else if (!loaded->plugin.is_locked) {
        taint(&loaded->plugin, loader->trust == QNK_TRUST_OFF
                                   ? "not pinned, and signatures are not asked for: trust.policy "
                                     "is off"
                                   : "neither pinned by a lock file nor signed");
    }
    return status;
}

/* A signature is of one version: the manifest's. That is none that the trust file rules out, also
 * where `warn` lets pass that nobody signed it: else who takes a signature away goes back to it. */
static int32_t trusted_version_check(const struct qnk_loader *loader,
                                     const struct qnk_plugin *plugin,
                                     const struct qnk_trust_answer *answer,
                                     char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &plugin->manifest;

    if (*plugin->signer != 0 && strcmp(manifest->version_text, answer->version) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "its signature says version %s, and its manifest %s: sign anew by "
                       "`qnet plugin sign`",
                       answer->version, manifest->version_text);
        return QN_DENIED;
    }
    return loader->trust_file == NULL
               ? QN_OK
               : qnk_trust_least_check(loader->trust_file, manifest->kind_name, manifest->name,
                                       manifest->version_text, why);
}

int32_t qnk_loaded_vouch(struct qnk_loader *loader, struct qnk_loaded *loaded, const char *path,
                         char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &loaded->plugin.manifest;
    struct qnk_loaded it = {
        .sealed = loaded->sealed,
        .plugin = {.manifest = *manifest, .hash = loaded->plugin.hash, .size = loaded->plugin.size},
    };
    struct qnk_trust_answer answer = {.signer = ""};
    int32_t status =
        lock_check(loader, &it, manifest->kind_name, manifest->name, manifest->version_text, why);

    if (status == QN_OK) {
        status = trust_check(loader, &it, path, manifest->kind_name, manifest->name, &answer, why);
    }
    if (status == QN_OK) {
        status = trusted_version_check(loader, &it.plugin, &answer, why);
    }
    if (status != QN_OK) {
        return status;
    }
    loaded->plugin.is_locked = it.plugin.is_locked;
    memcpy(loaded->plugin.signer, it.plugin.signer, sizeof it.plugin.signer);
    memcpy(loaded->plugin.taint, it.plugin.taint, sizeof it.plugin.taint);
    loaded->reading = loader->reading;
    return QN_OK;
}

/* Everything that is asked of a file before it is mapped, in the order of abi.md 8. */
int32_t qnk_loaded_verify(struct qnk_loader *loader, struct qnk_loaded *loaded, const char *path,
                          const char *kind, const char *name, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_elf elf;
    struct qn_span note;
    struct qnk_trust_answer answer = {.signer = ""};
    int32_t status = lock_check(loader, loaded, kind, name, "", why);

    if (status == QN_OK) {
        status = trust_check(loader, loaded, path, kind, name, &answer, why);
    }
    if (status == QN_OK) {
        status = qnk_elf_open(loaded->sealed.bytes, &elf, why);
    }
    if (status == QN_OK) {
        status = qnk_elf_note(&elf, &note, why);
    }
    if (status == QN_OK) {
        status = qnk_loaded_read(loader, loaded, path, note, why);
    }
    if (status == QN_OK) {
        status = qnk_loaded_name_check(&loaded->plugin, kind, name, why);
    }
    if (status == QN_OK) {
        status = lock_check(loader, loaded, kind, name, loaded->plugin.manifest.version_text, why);
    }
    if (status == QN_OK) {
        status = trusted_version_check(loader, &loaded->plugin, &answer, why);
    }
    if (status == QN_OK) {
        status = qnk_loaded_use(loader, loaded, why);
    }
    if (status == QN_OK) {
        status = qnk_elf_dynamic(&elf, why);
    }
    if (status == QN_OK) {
        status = qnk_audit(&elf, loaded->plugin.kind->class, why);
    }
    if (status == QN_OK) {
        loaded->descriptor_size = qnk_audit_descriptor_size(&elf);
    }
    return status;
}

/* The descriptor against the manifest: both were made from one file. */
static int32_t descriptor_check(const struct qnk_loaded *loaded, const struct qn_plugin *descriptor,
                                char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &loaded->plugin.manifest;
    const struct qn_head *head = &descriptor->head;

    if ((loaded->descriptor_size != 0 &&
         (loaded->descriptor_size < sizeof *descriptor || head->size > loaded->descriptor_size)) ||
        head->size < sizeof *descriptor || head->major != qnk_table_host.major ||
        head->minor != manifest->host_minor || head->print != manifest->host_print) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "what it exports is not as its manifest says");
        return QN_INVALID;
    }
    if (descriptor->manifest_print != manifest->print ||
        strcmp(descriptor->kind, manifest->kind_text) != 0 ||
        strcmp(descriptor->name, manifest->name) != 0 ||
        strcmp(descriptor->version, manifest->version_text) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "it exports '%s' %s, and its manifest is of another", descriptor->name,
                       descriptor->version);
        return QN_INVALID;
    }
    return QN_OK;
}

static int32_t tables_fill(struct qnk_loader *loader, struct qnk_loaded *loaded,
                           const struct qn_plugin *descriptor, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_plugin *plugin = &loaded->plugin;
    const struct qnk_table *table = &plugin->kind->table;
    uint16_t host_minor = plugin->manifest.host_minor;

    if (loaded->table == NULL) {
        loaded->table_size = qnk_table_size(table, table->minor);
        loaded->table = qnk_memory_take(loader->budget, loaded->table_size);
    }
    if (loaded->table == NULL) {
        return qnk_loaded_no_memory(why);
    }

    const struct qn_head *life = descriptor->life != NULL ? &descriptor->life->head : NULL;
    int32_t status = qnk_table_fill(&qnk_table_life, life, host_minor, &plugin->life, why);

    if (status == QN_OK) {
        const struct qn_head *state =
            descriptor->state != NULL ? &descriptor->state->head : qnk_table_state.stubs;

        host_minor = descriptor->state != NULL ? host_minor : qnk_table_state.minor;
        status = qnk_table_fill(&qnk_table_state, state, host_minor, &plugin->state, why);
    }
    if (status == QN_OK) {
        status = qnk_table_fill(table, descriptor->slots, plugin->manifest.table_minor,
                                loaded->table, why);
    }
    plugin->table = status == QN_OK ? loaded->table : NULL; /* so the next one asks again */
    return status;
}

int32_t qnk_loaded_fill(struct qnk_loader *loader, struct qnk_loaded *loaded,
                        const struct qn_plugin *descriptor, char why[QNK_PLUGIN_WHY_MAX])
{
    int32_t status = descriptor_check(loaded, descriptor, why);

    if (status == QN_OK) {
        status = tables_fill(loader, loaded, descriptor, why);
    }
    return status;
}
