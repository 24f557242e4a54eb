/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/loader.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/plugin/loader_own.h"

bool qnk_loader_is_name(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return size > 0 && size <= QN_PLUGIN_NAME_MAX && name[size] == 0;
}

static int32_t plugin_find(void *ctx, const struct qnk_config_plugin *used,
                           const struct qnk_config_schema **schema, char why[QNK_REPORT_TEXT_MAX])
{
    struct qnk_plugin *plugin;
    int32_t status = qnk_loader_find_used(ctx, used, &plugin, why);

    if (status == QN_OK) {
        *schema = &plugin->manifest.config;
    }
    return status;
}

static const char *plugin_name_at(void *ctx, const char *kind, uint32_t place)
{
    return qnk_loader_name_at(ctx, kind, place);
}

/* Reads the lock file, and sees to it that there is one where there must be. */
static int32_t lock_read(struct qnk_loader *loader, const char *path, char why[QNK_PLUGIN_WHY_MAX])
{
    bool is_named = path != NULL && *path != 0;
    int32_t status =
        is_named ? qnk_lock_open(path, loader->budget, &loader->lock_file, why) : QN_NOT_FOUND;

    loader->has_lock_file = status == QN_OK;
    if (status != QN_OK && status != QN_NOT_FOUND) {
        char words[QNK_PLUGIN_WHY_MAX];

        memcpy(words, why, sizeof words);
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "%.250s: %.250s", path, words);
    }
    if (status != QN_NOT_FOUND) {
        return status;
    }
    if (loader->trust == QNK_TRUST_ENFORCE) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX,
                       "the policy is 'enforce', and there is no lock file%s%s: write it by "
                       "`qnet plugin lock`",
                       is_named ? " " : "", is_named ? path : "");
        return QN_DENIED;
    }
    if (loader->trust == QNK_TRUST_WARN && loader->log != NULL) {
        qnk_log(loader->log, QNK_LOG_WARN, "plugins-unlocked",
                "plugins are not pinned: there is no lock file %s", is_named ? path : "");
    }
    return QN_OK;
}

int32_t qnk_loader_relock(struct qnk_loader *loader, const char *path, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_lock fresh;
    int32_t status = qnk_lock_open(path, loader->budget, &fresh, why);

    if (status == QN_NOT_FOUND && !loader->has_lock_file) {
        return QN_OK;
    }
    if (status != QN_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&loader->lock);
    if (loader->has_lock_file) {
        qnk_lock_done(&loader->lock_file);
    }
    loader->lock_file = fresh;
    loader->has_lock_file = true;
    loader->reading++;
    (void)pthread_mutex_unlock(&loader->lock);
    return QN_OK;
}

/* Under `off` nobody asks who signed what. */
static int32_t trust_read(struct qnk_loader *loader, const char *path, char why[QNK_PLUGIN_WHY_MAX])
{
    if (path == NULL || *path == 0 || loader->trust == QNK_TRUST_OFF) {
        return QN_OK;
    }
    if (sodium_init() < 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "libsodium cannot be used on this machine");
        return QN_IO;
    }
    return qnk_trust_open(path, loader->budget, &loader->trust_file, why);
}

int32_t qnk_loader_retrust(struct qnk_loader *loader, const char *path,
                           char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_trust *fresh = NULL;

    if (loader->trust_file == NULL) {
        return QN_OK; /* none was named, or the policy is `off` */
    }

    int32_t status = qnk_trust_open(path, loader->budget, &fresh, why);

    if (status != QN_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&loader->lock);
    qnk_trust_destroy(loader->trust_file);
    loader->trust_file = fresh;
    loader->reading++;
    (void)pthread_mutex_unlock(&loader->lock);
    return QN_OK;
}

static void files_done(struct qnk_loader *loader)
{
    if (loader->has_lock_file) {
        qnk_lock_done(&loader->lock_file);
    }
    qnk_trust_destroy(loader->trust_file);
}

static void text_copy(char to[QNK_LOADER_PATH_MAX], const char *from)
{
    (void)snprintf(to, QNK_LOADER_PATH_MAX, "%s", from != NULL ? from : "");
}

int32_t qnk_loader_create(const struct qnk_loader_options *options, struct qnk_loader **loader,
                          char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_loader *it = qnk_memory_take(options->budget, sizeof *it);
    bool is_trusting = options->trust != QNK_TRUST_ENFORCE && getauxval(AT_SECURE) == 0;

    if (it == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "no memory for plugins");
        return QN_NO_SPACE;
    }
    it->budget = options->budget;
    it->trust = options->trust;
    it->log = options->log;
    it->hides_memory_files = options->hides_memory_files;
    it->config = (struct qnk_config_plugins){it, plugin_find, plugin_name_at};
    text_copy(it->folder, options->folder);
    text_copy(it->search, is_trusting ? options->search : NULL);

    int32_t status = lock_read(it, options->lock_file, why);

    if (status == QN_OK) {
        status = trust_read(it, options->trust_file, why);
    }
    if (status != QN_OK) {
        files_done(it);
        qnk_memory_give(options->budget, it, sizeof *it);
        return status;
    }
    (void)pthread_mutex_init(&it->lock, NULL);
    *loader = it;
    return QN_OK;
}

static void loaded_free(struct qnk_loader *loader, struct qnk_loaded *loaded)
{
    if (loaded->is_mapped) {
        qnk_sealed_keep(&loaded->sealed);
    } else if (loaded->sealed.fd >= 0) {
        qnk_sealed_done(&loaded->sealed);
    }
    qnk_memory_give(loader->budget, loaded->metrics, loaded->metrics_size);
    qnk_memory_give(loader->budget, loaded->table, loaded->table_size);
    qnk_memory_give(loader->budget, loaded->block, loaded->block_size);
    qnk_memory_give(loader->budget, loaded, sizeof *loaded);
}

void qnk_loader_destroy(struct qnk_loader *loader)
{
    struct qnk_budget *budget;

    if (loader == NULL) {
        return;
    }
    budget = loader->budget;
    qnk_loader_reap(loader);
    while (loader->plugins != NULL) {
        struct qnk_loaded *next = loader->plugins->next;

        loaded_free(loader, loader->plugins);
        loader->plugins = next;
    }
    files_done(loader);
    (void)pthread_mutex_destroy(&loader->lock);
    qnk_memory_give(budget, loader, sizeof *loader);
}

const struct qnk_config_plugins *qnk_loader_config(struct qnk_loader *loader)
{
    return &loader->config;
}

static struct qnk_loaded *loaded_by_hash(struct qnk_loader *loader, const struct qnk_hash *hash)
{
    struct qnk_loaded *loaded = loader->plugins;

    while (loaded != NULL &&
           (loaded->sealed.fd < 0 || !qnk_hash_equal(&loaded->plugin.hash, hash))) {
        loaded = loaded->next;
    }
    return loaded;
}

static void loaded_add(struct qnk_loader *loader, struct qnk_loaded *loaded)
{
    loaded->next = loader->plugins;
    loader->plugins = loaded;
    loader->plugins_count++;
}

/* A record for one more plugin; NULL: there is no room. */
static struct qnk_loaded *loaded_new(struct qnk_loader *loader)
{
    if (loader->plugins_count == QNK_LOADER_PLUGINS_MAX) {
        return NULL;
    }

    struct qnk_loaded *loaded = qnk_memory_take(loader->budget, sizeof *loaded);

    if (loaded != NULL) {
        loaded->sealed.fd = -1;
        loaded->plugin.path = "";
    }
    return loaded;
}

/* The plugin in the file at `path`: the one that is here already if the bytes are the same. */
static int32_t file_load(struct qnk_loader *loader, const char *path, const char *kind,
                         const char *name, struct qnk_plugin **plugin, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_loaded *loaded = loaded_new(loader);

    if (loaded == NULL) {
        return qnk_loaded_no_memory(why);
    }

    int32_t status = qnk_sealed_open(path, QNK_PLUGIN_FILE_MAX, loader->hides_memory_files,
                                     &loaded->sealed, why);

    if (status != QN_OK) {
        loaded->sealed.fd = -1;
        loaded_free(loader, loaded);
        return status;
    }
    loaded->plugin.size = loaded->sealed.bytes.size;
    qnk_hash_tagged("", loaded->sealed.bytes.data, loaded->sealed.bytes.size, &loaded->plugin.hash);

    struct qnk_loaded *known = loaded_by_hash(loader, &loaded->plugin.hash);

    if (known != NULL) {
        loaded_free(loader, loaded);
        status = qnk_loaded_name_check(&known->plugin, kind, name, why);
        if (status == QN_OK && known->reading != loader->reading) {
            status = qnk_loaded_vouch(loader, known, path, why);
        }
        *plugin = status == QN_OK ? &known->plugin : *plugin;
        return status;
    }
    status = qnk_loaded_verify(loader, loaded, path, kind, name, why);
    if (status != QN_OK) {
        loaded_free(loader, loaded);
        return status;
    }
    loaded->reading = loader->reading;
    loaded_add(loader, loaded);
    *plugin = &loaded->plugin;
    return QN_OK;
}

bool qnk_loader_folder_next(const char **list, char folder[QNK_LOADER_PATH_MAX])
{
    size_t size = strcspn(*list, ":");

    while (**list == ':') {
        ++*list;
        size = strcspn(*list, ":");
    }
    if (size == 0) {
        return false;
    }
    (void)snprintf(folder, QNK_LOADER_PATH_MAX, "%.*s", (int)size, *list);
    *list += size;
    return true;
}

/* Whether there is a file at the formatted path, which is then in `path`. */
__attribute__((format(printf, 2, 3))) static bool is_at(char path[QNK_LOADER_PATH_MAX],
                                                        const char *format, ...)
{
    va_list values;

    va_start(values, format);

    int size = vsnprintf(path, QNK_LOADER_PATH_MAX, format, values);

    va_end(values);
    return size > 0 && size < QNK_LOADER_PATH_MAX && access(path, F_OK) == 0;
}

/* Where a plugin is that was asked for by name. */
static bool path_find(struct qnk_loader *loader, const char *kind, const char *name,
                      char path[QNK_LOADER_PATH_MAX])
{
    const char *rest = loader->search;
    char folder[QNK_LOADER_PATH_MAX];

    while (qnk_loader_folder_next(&rest, folder)) {
        if (is_at(path, "%s/%s/%s.so", folder, kind, name) ||
            is_at(path, "%s/%s/%s/.libs/%s.so", folder, kind, name, name)) {
            return true;
        }
    }
    return *loader->folder != 0 && is_at(path, "%s/%s/%s.so", loader->folder, kind, name);
}

int32_t qnk_loader_find(struct qnk_loader *loader, const char *kind, const char *name,
                        const char *path, struct qnk_plugin **plugin, char why[QNK_PLUGIN_WHY_MAX])
{
    char found[QNK_LOADER_PATH_MAX];
    int32_t status = QN_NOT_FOUND;

    if (*path == 0 && (!qnk_loader_is_name(name) || qnk_kind_find(kind) == NULL ||
                       !path_find(loader, kind, name, found))) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "there is no %s '%.64s'", kind, name);
        return QN_NOT_FOUND;
    }
    (void)pthread_mutex_lock(&loader->lock);
    status = file_load(loader, *path != 0 ? path : found, kind, name, plugin, why);
    (void)pthread_mutex_unlock(&loader->lock);
    return status;
}

/* Whether the plugin is of the version "major.minor" that a file states. */
static int32_t version_check(const struct qnk_plugin *plugin, const char *wanted,
                             char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_manifest *manifest = &plugin->manifest;
    char version[16];

    (void)snprintf(version, sizeof version, "%u.%u", (unsigned int)manifest->version[0],
                   (unsigned int)manifest->version[1]);
    if (*wanted != 0 && strcmp(wanted, version) != 0) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "version %s is wanted, and '%s' is %s", wanted,
                       manifest->name, manifest->version_text);
        return QN_UNSUPPORTED;
    }
    return QN_OK;
}

int32_t qnk_loader_find_used(struct qnk_loader *loader, const struct qnk_config_plugin *used,
                             struct qnk_plugin **plugin, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_plugin *found = NULL;
    int32_t status = qnk_loader_find(loader, used->kind, used->name, used->path, &found, why);

    if (status == QN_OK) {
        status = version_check(found, used->version, why);
    }
    if (status == QN_OK) {
        *plugin = found;
    }
    return status;
}

/* By /proc/PID, not self, for debuggers; once, as the loader of the system knows files by number.
 * What is mapped is never unmapped, also where it is refused afterwards. */
static int32_t library_map(struct qnk_loader *loader, struct qnk_loaded *loaded,
                           char why[QNK_PLUGIN_WHY_MAX])
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), loaded->sealed.fd);

    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (library == NULL) {
        const char *words = dlerror();

        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "it cannot be mapped: %s",
                       words != NULL ? words : "no reason given");
        return QN_INVALID;
    }
    loaded->is_mapped = true;
    loaded->plugin.descriptor = dlsym(library, "qn_plugin_v1");
    if (loaded->plugin.descriptor == NULL) {
        (void)snprintf(why, QNK_PLUGIN_WHY_MAX, "it does not export 'qn_plugin_v1'");
        return QN_INVALID;
    }
    return qnk_loaded_fill(loader, loaded, loaded->plugin.descriptor, why);
}

int32_t qnk_plugin_map(struct qnk_plugin *plugin, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_loaded *loaded = (struct qnk_loaded *)plugin; /* its first member */
    int32_t status = QN_OK;

    (void)pthread_mutex_lock(&plugin->loader->lock);
    if (plugin->descriptor == NULL) {
        status = library_map(plugin->loader, loaded, why);
    } else if (plugin->table == NULL) {
        status = qnk_loaded_fill(plugin->loader, loaded, plugin->descriptor, why);
    }
    (void)pthread_mutex_unlock(&plugin->loader->lock);
    return status;
}

int32_t qnk_loader_adopt(struct qnk_loader *loader, const struct qn_plugin *descriptor,
                         struct qn_span note, struct qnk_plugin **plugin,
                         char why[QNK_PLUGIN_WHY_MAX])
{
    (void)pthread_mutex_lock(&loader->lock);

    struct qnk_loaded *loaded = loaded_new(loader);
    int32_t status =
        loaded != NULL ? qnk_loaded_read(loader, loaded, "", note, why) : qnk_loaded_no_memory(why);

    if (status == QN_OK) {
        status = qnk_loaded_use(loader, loaded, why);
    }
    if (status == QN_OK) {
        status = qnk_loaded_fill(loader, loaded, descriptor, why);
    }
    if (status == QN_OK) {
        loaded->plugin.descriptor = descriptor;
        loaded->plugin.is_locked = true; /* as the program is */
        loaded_add(loader, loaded);
        *plugin = &loaded->plugin;
    } else if (loaded != NULL) {
        loaded_free(loader, loaded);
    }
    (void)pthread_mutex_unlock(&loader->lock);
    return status;
}
