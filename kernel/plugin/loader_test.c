/* SPDX-License-Identifier: MIT */

/* loader_test.c: the compression plugins of this tree, found, verified, mapped and used. */

#include "tests/test.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/compression.h>

#include "kernel/base/hex.h"
#include "kernel/base/sink.h"
#include "kernel/config/config.h"
#include "kernel/plugin/plugin.h"
#include "kernel/plugin/trust.h"

static struct qnk_budget budget = {.limit = 1u << 30};
static char folder[4096]; /* plugins/ of the build tree */
static char work[] = "/tmp/qnet-loader-XXXXXX";
static char why[QNK_PLUGIN_WHY_MAX];

static struct qnk_loader *loader_make(enum qnk_trust_policy trust, const char *lock_file)
{
    const struct qnk_loader_options options = {
        .budget = &budget, .search = folder, .trust = trust, .lock_file = lock_file};
    struct qnk_loader *loader = NULL;

    why[0] = 0;
    if (qnk_loader_create(&options, &loader, why) != QN_OK) {
        fail_msg("%s", why);
    }
    return loader;
}

static int group_start(void **state)
{
    const char *build = getenv("top_builddir");

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/plugins", build != NULL ? build : ".");
    return mkdtemp(work) == NULL;
}

static int group_stop(void **state)
{
    (void)state;
    return rmdir(work);
}

static int start(void **state)
{
    *state = loader_make(QNK_TRUST_OFF, NULL);
    return 0;
}

static int stop(void **state)
{
    qnk_loader_destroy(*state);
    return budget.used == 0 ? 0 : -1;
}

static void packs_and_unpacks(struct qnk_plugged plugged)
{
    static const char words[] = "to be packed and packed and packed and packed";
    const struct qn_compression_1 *slots = plugged.table;
    struct qn_span plain = {(const uint8_t *)words, sizeof words};
    struct qn_sink packed, again;

    qnk_sink_init(&packed, &budget, slots->bound(plugged.inst, sizeof words));
    qnk_sink_init(&again, &budget, sizeof words);
    assert_int_equal(slots->pack(plugged.inst, 0, plain, &packed), QN_OK);
    assert_int_equal(slots->unpack(plugged.inst, 0, qnk_sink_span(&packed), sizeof words, &again),
                     QN_OK);
    assert_int_equal(again.size, sizeof words);
    assert_memory_equal(again.data, words, sizeof words);
    qnk_sink_done(&packed);
    qnk_sink_done(&again);
}

static struct qnk_instance *instance_make(struct qnk_plugin *plugin, enum qnk_guard_depth guard)
{
    const struct qnk_instance_options options = {.guard = guard};
    static uint8_t room[4096];
    struct qnk_arena arena;
    struct qn_span config;
    struct qnk_instance *instance = NULL;

    qnk_arena_init(&arena, room, sizeof room);
    assert_int_equal(qnk_manifest_default(&plugin->manifest, &arena, &config, why), QN_OK);
    if (qnk_instance_create(plugin, config, &options, &instance, why) != QN_OK) {
        fail_msg("%s", why);
    }
    return instance;
}

static void a_plugin_is_found_by_name_and_works(void **state)
{
    static const char *const names[] = {"zstd", "none"};

    for (size_t i = 0; i < 2; i++) {
        struct qnk_plugin *plugin = NULL;

        assert_int_equal(qnk_loader_find(*state, "compression", names[i], "", &plugin, why), QN_OK);
        assert_string_equal(plugin->manifest.name, names[i]);
        assert_null(plugin->descriptor);

        struct qnk_instance *instance = instance_make(plugin, QNK_GUARD_OFF);

        assert_int_equal(qnk_instance_activate(instance), QN_OK);
        packs_and_unpacks(qnk_instance_plugged(instance));
        assert_int_equal(qnk_instance_freeze(instance), QN_OK);
        qnk_instance_destroy(instance);
    }
}

/* Copies a built plugin to `name` in the work folder, with `flip` of its bytes changed. */
static void file_copy(const char *plugin, const char *name, long flip, char path[4096])
{
    static uint8_t bytes[1 << 22];
    char from[4200];

    (void)snprintf(from, sizeof from, "%s/compression/%s/.libs/%s.so", folder, plugin, plugin);
    (void)snprintf(path, 4096, "%s/%s", work, name);

    FILE *in = fopen(from, "rb");
    FILE *out = fopen(path, "wb");

    assert_non_null(in);
    assert_non_null(out);

    size_t size = fread(bytes, 1, sizeof bytes, in);

    if (flip >= 0) {
        assert_true((size_t)flip < size);
        bytes[flip] ^= 0x10;
    }
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

static void refuses(struct qnk_loader *loader, const char *kind, const char *name, const char *path,
                    int32_t status, const char *words)
{
    struct qnk_plugin *plugin = NULL;

    why[0] = 0;
    assert_int_equal(qnk_loader_find(loader, kind, name, path, &plugin, why), status);
    assert_null(plugin);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, why);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    refuses(*state, "compression", "snappy", "", QN_NOT_FOUND, "there is no compression 'snappy'");
    refuses(*state, "teleport", "zstd", "", QN_NOT_FOUND, "there is no teleport 'zstd'");
    refuses(*state, "compression", "../compression/zstd", "", QN_NOT_FOUND, "there is no");
    refuses(*state, "compression", "zstd", "/nowhere/zstd.so", QN_NOT_FOUND, "No such file");
    refuses(*state, "compression", "zstd", "/dev/null", QN_INVALID, "not a file");
    refuses(*state, "compression", "zstd", work, QN_INVALID, "not a file");
}

static void a_file_that_is_another_plugin_is_refused(void **state)
{
    char path[4096];

    file_copy("zstd", "copy.so", -1, path);
    refuses(*state, "storage", "zstd", path, QN_UNSUPPORTED,
            "'zstd' is of the kind compression, and storage is wanted");
    refuses(*state, "compression", "none", path, QN_UNSUPPORTED, "and 'none' is wanted");
    assert_int_equal(unlink(path), 0);
}

static void a_file_that_is_no_plugin_is_refused(void **state)
{
    char path[4096];

    refuses(*state, "compression", "zstd", "/proc/self/exe", QN_INVALID, "");
    file_copy("zstd", "copy.so", 18, path); /* e_machine */
    refuses(*state, "compression", "zstd", path, QN_INVALID, "another processor");
    assert_int_equal(truncate(path, 1000), 0);
    refuses(*state, "compression", "zstd", path, QN_INVALID, "");
    assert_int_equal(truncate(path, 0), 0);
    refuses(*state, "compression", "zstd", path, QN_INVALID, "the file is empty");
    assert_int_equal(unlink(path), 0);
}

static void the_same_bytes_are_one_plugin(void **state)
{
    struct qnk_plugin *first = NULL;
    struct qnk_plugin *second = NULL;
    char path[4096];

    file_copy("zstd", "copy.so", -1, path);
    assert_int_equal(qnk_loader_find(*state, "compression", "zstd", "", &first, why), QN_OK);
    assert_int_equal(qnk_loader_find(*state, "compression", "zstd", path, &second, why), QN_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(unlink(path), 0);
}

static void what_was_verified_runs_also_if_the_file_changes(void **state)
{
    struct qnk_plugin *plugin = NULL;
    char path[4096];

    file_copy("none", "copy.so", -1, path);
    assert_int_equal(qnk_loader_find(*state, "compression", "none", path, &plugin, why), QN_OK);
    assert_int_equal(truncate(path, 0), 0);

    struct qnk_instance *instance = instance_make(plugin, QNK_GUARD_CLASS);

    assert_int_equal(qnk_instance_activate(instance), QN_OK);
    packs_and_unpacks(qnk_instance_plugged(instance));
    qnk_instance_destroy(instance);
    assert_int_equal(unlink(path), 0);
}

/* Whoever asks again must not get tables in which nothing stands. */
static void tables_that_are_refused_are_refused_again(void **state)
{
    static const struct qn_head head = QN_COMPRESSION_1_HEAD;
    static uint8_t bytes[1 << 22];
    struct qnk_plugin *plugin = NULL;
    char path[4096];

    file_copy("none", "copy.so", -1, path);

    FILE *file = fopen(path, "r+b");

    assert_non_null(file);

    size_t size = fread(bytes, 1, sizeof bytes, file);
    size_t at = 0;

    while (at + sizeof head <= size && memcmp(bytes + at, &head, sizeof head) != 0) {
        at += 8;
    }
    assert_true(at + sizeof head <= size);
    assert_int_equal(fseek(file, (long)(at + offsetof(struct qn_head, print)), SEEK_SET), 0);
    assert_int_equal(fputc(bytes[at + offsetof(struct qn_head, print)] ^ 1, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(qnk_loader_find(*state, "compression", "none", path, &plugin, why), QN_OK);
    for (uint32_t i = 0; i < 2; i++) {
        why[0] = 0;
        assert_int_equal(qnk_plugin_map(plugin, why), QN_INVALID);
        assert_non_null(strstr(why, "not the one that its manifest speaks of"));
    }
    assert_int_equal(unlink(path), 0);
}

static void a_system_without_memory_files_will_do(void **state)
{
    const struct qnk_loader_options options = {.budget = &budget,
                                               .folder = "/nowhere",
                                               .search = folder,
                                               .trust = QNK_TRUST_OFF,
                                               .hides_memory_files = true};
    struct qnk_loader *loader = NULL;
    struct qnk_plugin *plugin = NULL;

    (void)state;
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_OK);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", "", &plugin, why), QN_OK);

    struct qnk_instance *instance = instance_make(plugin, QNK_GUARD_FULL);

    assert_int_equal(qnk_instance_activate(instance), QN_OK);
    packs_and_unpacks(qnk_instance_plugged(instance));
    qnk_instance_destroy(instance);
    qnk_loader_destroy(loader);
}

static void many_instances_live_side_by_side(void **state)
{
    struct qnk_instance *instances[100];
    struct qnk_plugin *plugin = NULL;

    assert_int_equal(qnk_loader_find(*state, "compression", "none", "", &plugin, why), QN_OK);
    for (size_t i = 0; i < 100; i++) {
        instances[i] = instance_make(plugin, i % 2 == 0 ? QNK_GUARD_FULL : QNK_GUARD_OFF);
        assert_int_equal(qnk_instance_activate(instances[i]), QN_OK);
    }
    for (size_t i = 0; i < 100; i++) {
        packs_and_unpacks(qnk_instance_plugged(instances[i]));
        qnk_instance_destroy(instances[i]);
    }
}

/* Writes the lock file of one plugin. */
static void lock_make(struct qnk_loader *loader, const char *name, const char *path)
{
    struct qnk_lock_line line = {.kind = "compression"};
    struct qnk_plugin *plugin = NULL;

    assert_int_equal(qnk_loader_find(loader, "compression", name, "", &plugin, why), QN_OK);
    line.hash = plugin->hash;
    line.size = plugin->size;
    (void)snprintf(line.name, sizeof line.name, "%s", name);
    (void)snprintf(line.version, sizeof line.version, "%s", plugin->manifest.version_text);
    assert_int_equal(qnk_lock_write(path, &line, 1, why), QN_OK);
}

static void the_lock_file_pins_under_every_policy(void **state)
{
    char lock_file[4096], path[4096];

    (void)snprintf(lock_file, sizeof lock_file, "%s/plugins.lock", work);
    lock_make(*state, "zstd", lock_file);
    file_copy("zstd", "copy.so", 9000, path);
    for (int trust = QNK_TRUST_ENFORCE; trust <= QNK_TRUST_OFF; trust++) {
        struct qnk_loader *loader = loader_make((enum qnk_trust_policy)trust, lock_file);
        struct qnk_plugin *plugin = NULL;

        refuses(loader, "compression", "zstd", path, QN_DENIED, "not the file that the lock file");
        if (trust == QNK_TRUST_ENFORCE) { /* which does not look at search paths */
            refuses(loader, "compression", "zstd", "", QN_NOT_FOUND, "there is no");
        } else {
            refuses(loader, "compression", "none", "", QN_DENIED, "does not list compression/none");
            assert_int_equal(qnk_loader_find(loader, "compression", "zstd", "", &plugin, why),
                             QN_OK);
            assert_true(plugin->is_locked);
        }
        qnk_loader_destroy(loader);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(lock_file), 0);
}

static void a_lock_file_that_is_read_again_counts_from_then_on(void **state)
{
    char lock_file[4096];
    struct qnk_loader *loader;
    struct qnk_plugin *plugin = NULL;

    (void)snprintf(lock_file, sizeof lock_file, "%s/plugins.lock", work);
    lock_make(*state, "zstd", lock_file);
    loader = loader_make(QNK_TRUST_WARN, lock_file);
    refuses(loader, "compression", "none", "", QN_DENIED, "does not list compression/none");
    lock_make(*state, "none", lock_file);
    assert_int_equal(qnk_loader_relock(loader, lock_file, why), QN_OK);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", "", &plugin, why), QN_OK);
    refuses(loader, "compression", "zstd", "", QN_DENIED, "does not list compression/zstd");
    assert_int_equal(unlink(lock_file), 0);
    assert_int_equal(qnk_loader_relock(loader, lock_file, why), QN_NOT_FOUND);
    refuses(loader, "compression", "zstd", "", QN_DENIED, "does not list compression/zstd");
    qnk_loader_destroy(loader);

    loader = loader_make(QNK_TRUST_WARN, lock_file); /* there is none: so it may stay */
    assert_int_equal(qnk_loader_relock(loader, lock_file, why), QN_OK);
    qnk_loader_destroy(loader);
}

static void enforce_without_a_lock_file_is_refused(void **state)
{
    struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_ENFORCE};
    struct qnk_loader *loader = NULL;

    (void)state;
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_DENIED);
    assert_non_null(strstr(why, "there is no lock file"));
    options.lock_file = "/proc/self/cmdline";
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_INVALID);
    assert_non_null(strstr(why, "/proc/self/cmdline: line 1 is not"));
    options.lock_file = "/nowhere/plugins.lock";
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_DENIED);
    options.trust = QNK_TRUST_WARN;
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_OK);
    qnk_loader_destroy(loader);
}

/* --- signatures --- */

static void text_put(const char *path, const char *text, size_t size)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/* A file as text; gives its size. */
static size_t text_get(const char *path, char *text, size_t room)
{
    FILE *in = fopen(path, "rb");

    assert_non_null(in);

    size_t size = fread(text, 1, room - 1, in);

    text[size] = 0;
    assert_int_equal(fclose(in), 0);
    return size;
}

/* Copies none.so, signed as `version`; the signature's path and that of a trust file. */
struct signing {
    char path[4096], signature[4200], trust[4200];
    struct qnk_minisign_secret secret;
};

static void signing_make(struct signing *it, struct qnk_loader *loader, const char *version)
{
    char comment[QNK_MINISIGN_COMMENT_MAX], text[QNK_MINISIGN_FILE_MAX];
    char base64[QNK_MINISIGN_KEY_TEXT];
    static uint8_t bytes[1 << 22];
    struct qnk_minisign_key key;
    struct qnk_plugin *plugin = NULL;

    file_copy("none", "signed.so", -1, it->path);
    (void)snprintf(it->signature, sizeof it->signature, "%s.minisig", it->path);
    (void)snprintf(it->trust, sizeof it->trust, "%s/trust.yaml", work);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", it->path, &plugin, why), QN_OK);
    qnk_minisign_pair(&it->secret, &key);
    qnk_minisign_key_text(&key, base64);
    qnk_trust_comment("compression", "none", version, &plugin->hash, comment);

    FILE *in = fopen(it->path, "rb");

    assert_non_null(in);

    struct qn_span file = {bytes, fread(bytes, 1, sizeof bytes, in)};

    assert_int_equal(fclose(in), 0);
    text_put(it->signature, text, qnk_minisign_make(&it->secret, file, "", comment, text));
    (void)snprintf(text, sizeof text,
                   "version: qnet.trust/v1\nkeys: [{key: %s, kinds: [compression]}]\n", base64);
    text_put(it->trust, text, strlen(text));
}

static void signing_end(const struct signing *it)
{
    (void)unlink(it->signature);
    assert_int_equal(unlink(it->path), 0);
    assert_int_equal(unlink(it->trust), 0);
}

static struct qnk_loader *trusting(const struct signing *it, enum qnk_trust_policy policy,
                                   const char *lock_file)
{
    const struct qnk_loader_options options = {
        .budget = &budget, .trust = policy, .trust_file = it->trust, .lock_file = lock_file};
    struct qnk_loader *loader = NULL;

    if (qnk_loader_create(&options, &loader, why) != QN_OK) {
        fail_msg("%s", why);
    }
    return loader;
}

static void a_trust_file_that_is_read_again_counts_from_then_on(void **state)
{
    struct signing it;
    char before[2048], after[4096], hash[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct qnk_plugin *plugin = NULL;

    signing_make(&it, *state, "1.0.0");

    struct qnk_loader *loader = trusting(&it, QNK_TRUST_WARN, "");
    size_t size = text_get(it.trust, before, sizeof before);

    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_string_equal(plugin->taint, "");
    qnk_hex_encode(plugin->hash.bytes, QN_HASH_SIZE, hash);
    (void)snprintf(after, sizeof after, "%srevoked: [%s]\n", before, hash);
    text_put(it.trust, after, strlen(after));
    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_int_equal(qnk_loader_retrust(loader, it.trust, why), QN_OK);
    /* although it was verified before */
    refuses(loader, "compression", "none", it.path, QN_DENIED, "revokes this very file");

    text_put(it.trust, "version: 7\n", 11); /* a mistake: what was read counts on */
    assert_int_equal(qnk_loader_retrust(loader, it.trust, why), QN_INVALID);
    refuses(loader, "compression", "none", it.path, QN_DENIED, "revokes this very file");

    text_put(it.trust, before, size);
    assert_int_equal(qnk_loader_retrust(loader, it.trust, why), QN_OK);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_int_equal(unlink(it.signature), 0); /* nobody vouches any more */
    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_int_equal(qnk_loader_retrust(loader, it.trust, why), QN_OK);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_non_null(strstr(plugin->taint, "not signed"));
    assert_string_equal(plugin->signer, "");
    qnk_loader_destroy(loader);
    signing_end(&it);
}

/* With a lock file besides, which `enforce` wants too. */
static void enforce_loads_what_is_signed_and_nothing_else(void **state)
{
    struct signing it;
    char lock_file[4096];

    (void)snprintf(lock_file, sizeof lock_file, "%s/plugins.lock", work);
    lock_make(*state, "none", lock_file);
    signing_make(&it, *state, "1.0.0");

    struct qnk_loader *loader = trusting(&it, QNK_TRUST_ENFORCE, lock_file);
    struct qnk_plugin *plugin = NULL;

    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_int_equal(strlen(plugin->signer), 16);
    assert_string_equal(plugin->taint, "");
    qnk_loader_destroy(loader);

    assert_int_equal(unlink(it.signature), 0);
    loader = trusting(&it, QNK_TRUST_ENFORCE, lock_file);
    refuses(loader, "compression", "none", it.path, QN_DENIED, "not signed");
    qnk_loader_destroy(loader);
    assert_int_equal(unlink(lock_file), 0);
    signing_end(&it);
}

static void warn_loads_what_nobody_signed_and_is_tainted(void **state)
{
    struct signing it;
    struct qnk_plugin *plugin = NULL;

    signing_make(&it, *state, "1.0.0");
    assert_int_equal(unlink(it.signature), 0);

    struct qnk_loader *loader = trusting(&it, QNK_TRUST_WARN, NULL);

    assert_int_equal(qnk_loader_find(loader, "compression", "none", it.path, &plugin, why), QN_OK);
    assert_non_null(strstr(plugin->taint, "not signed"));
    assert_string_equal(plugin->signer, "");
    qnk_loader_destroy(loader);
    signing_end(&it);
}

static void warn_loads_no_version_that_is_ruled_out(void **state)
{
    struct signing it;
    FILE *trust;

    signing_make(&it, *state, "1.0.0");
    trust = fopen(it.trust, "a");
    assert_non_null(trust);
    assert_true(fputs("least: [{kind: compression, name: none, version: \"1.0.1\"}]\n", trust) >=
                0);
    assert_int_equal(fclose(trust), 0);
    for (uint32_t i = 0; i < 2; i++) { /* signed, then not */
        struct qnk_loader *loader = trusting(&it, QNK_TRUST_WARN, NULL);

        refuses(loader, "compression", "none", it.path, QN_DENIED, "1.0.0 is older than 1.0.1");
        qnk_loader_destroy(loader);
        (void)unlink(it.signature);
    }
    signing_end(&it);
}

/* Also under `warn`: it is no accident. */
static void a_signature_of_another_version_is_refused(void **state)
{
    struct signing it;

    signing_make(&it, *state, "1.0.1");

    struct qnk_loader *loader = trusting(&it, QNK_TRUST_WARN, NULL);

    refuses(loader, "compression", "none", it.path, QN_DENIED, "its signature says version 1.0.1");
    qnk_loader_destroy(loader);
    signing_end(&it);
}

static void without_a_trust_file_the_lock_file_vouches(void **state)
{
    struct qnk_plugin *plugin = NULL;
    char lock_file[4096];

    assert_int_equal(qnk_loader_find(*state, "compression", "none", "", &plugin, why), QN_OK);
    assert_non_null(strstr(plugin->taint, "policy is off"));
    (void)snprintf(lock_file, sizeof lock_file, "%s/plugins.lock", work);
    lock_make(*state, "none", lock_file);

    struct qnk_loader *loader = loader_make(QNK_TRUST_WARN, lock_file);

    assert_int_equal(qnk_loader_find(loader, "compression", "none", "", &plugin, why), QN_OK);
    assert_string_equal(plugin->taint, "");
    qnk_loader_destroy(loader);
    loader = loader_make(QNK_TRUST_WARN, NULL);
    assert_int_equal(qnk_loader_find(loader, "compression", "none", "", &plugin, why), QN_OK);
    assert_non_null(strstr(plugin->taint, "neither pinned"));
    qnk_loader_destroy(loader);
    assert_int_equal(unlink(lock_file), 0);
}

static void a_trust_file_that_is_none_starts_nothing(void **state)
{
    struct qnk_loader_options options = {
        .budget = &budget, .trust = QNK_TRUST_WARN, .trust_file = "/nowhere/trust.yaml"};
    struct qnk_loader *loader = NULL;

    (void)state;
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_IO);
    assert_non_null(strstr(why, "/nowhere/trust.yaml"));
    options.trust = QNK_TRUST_OFF;
    assert_int_equal(qnk_loader_create(&options, &loader, why), QN_OK);
    qnk_loader_destroy(loader);
}

static void configs_are_checked_by_manifests(void **state)
{
    const struct qnk_config_plugins *plugins = qnk_loader_config(*state);
    struct qnk_config_plugin used = {
        .kind = "compression", .name = "zstd", .version = "1.0", .path = ""};
    const struct qnk_config_schema *schema = NULL;

    assert_int_equal(plugins->find(plugins->ctx, &used, &schema, why), QN_OK);
    assert_int_equal(schema->count, 1);
    assert_string_equal(schema->keys[0].name, "level");
    used.version = "2.7";
    assert_int_equal(plugins->find(plugins->ctx, &used, &schema, why), QN_UNSUPPORTED);
    assert_non_null(strstr(why, "version 2.7 is wanted, and 'zstd' is 1.0.0"));
    used.name = "gzip";
    assert_int_equal(plugins->find(plugins->ctx, &used, &schema, why), QN_NOT_FOUND);
}

static void names_are_listed_in_order(void **state)
{
    assert_string_equal(qnk_loader_name_at(*state, "compression", 0), "none");
    assert_string_equal(qnk_loader_name_at(*state, "compression", 1), "zstd");
    assert_null(qnk_loader_name_at(*state, "compression", 2));
    assert_null(qnk_loader_name_at(*state, "teleport", 0));
}

/* A node file is refused for a plugin's key that its manifest does not know, and no code ran. */
static void a_config_file_is_refused_before_code_is_mapped(void **state)
{
    static const char words[] = "version: qnet.node/v1\ncompression: {use: zstd, levle: 3}\n";
    const struct qnk_config_options options = {.budget = &budget,
                                               .plugins = qnk_loader_config(*state)};
    struct qnk_plugin *plugin = NULL;
    struct qnk_config config;

    assert_int_equal(qnk_config_init(&config, &options), QN_OK);
    assert_int_equal(
        qnk_config_read_node(&config, "node.yaml",
                             (struct qn_span){(const uint8_t *)words, sizeof words - 1}),
        QN_INVALID);
    qnk_config_done(&config);
    assert_int_equal(qnk_loader_find(*state, "compression", "zstd", "", &plugin, why), QN_OK);
    assert_null(plugin->descriptor);
}

static void inspect_shows_what_is_in_a_file(void **state)
{
    struct qnk_inspection inspection;
    struct qn_sink sink;
    char path[4096];

    (void)state;
    file_copy("zstd", "copy.so", -1, path);
    assert_int_equal(qnk_inspect_open(path, &budget, &inspection, why), QN_OK);
    assert_true(inspection.fits);
    assert_string_equal(inspection.manifest.name, "zstd");
    assert_true(inspection.needed_count >= 1);
    qnk_sink_init(&sink, &budget, 65536);
    assert_int_equal(qnk_inspect_print(&inspection, &sink), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 1), QN_OK);
    assert_non_null(strstr((const char *)sink.data, "compression/1 zstd 1.0.0 (MIT)"));
    assert_non_null(strstr((const char *)sink.data, "level: int, 1 fastest"));
    assert_non_null(strstr((const char *)sink.data, "fits this kernel"));
    qnk_sink_done(&sink);
    qnk_inspect_done(&inspection);
    assert_int_equal(truncate(path, 3000), 0);
    assert_int_equal(qnk_inspect_open(path, &budget, &inspection, why), QN_INVALID);
    assert_non_null(strstr(why, "cut short"));
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_is_found_by_name_and_works, start, stop),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_is_another_plugin_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_plugin_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(the_same_bytes_are_one_plugin, start, stop),
        cmocka_unit_test_setup_teardown(what_was_verified_runs_also_if_the_file_changes, start,
                                        stop),
        cmocka_unit_test_setup_teardown(tables_that_are_refused_are_refused_again, start, stop),
        cmocka_unit_test_setup_teardown(a_system_without_memory_files_will_do, start, stop),
        cmocka_unit_test_setup_teardown(many_instances_live_side_by_side, start, stop),
        cmocka_unit_test_setup_teardown(the_lock_file_pins_under_every_policy, start, stop),
        cmocka_unit_test_setup_teardown(a_lock_file_that_is_read_again_counts_from_then_on, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_trust_file_that_is_read_again_counts_from_then_on, start,
                                        stop),
        cmocka_unit_test_setup_teardown(enforce_without_a_lock_file_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(enforce_loads_what_is_signed_and_nothing_else, start, stop),
        cmocka_unit_test_setup_teardown(warn_loads_what_nobody_signed_and_is_tainted, start, stop),
        cmocka_unit_test_setup_teardown(warn_loads_no_version_that_is_ruled_out, start, stop),
        cmocka_unit_test_setup_teardown(a_signature_of_another_version_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(without_a_trust_file_the_lock_file_vouches, start, stop),
        cmocka_unit_test_setup_teardown(a_trust_file_that_is_none_starts_nothing, start, stop),
        cmocka_unit_test_setup_teardown(configs_are_checked_by_manifests, start, stop),
        cmocka_unit_test_setup_teardown(names_are_listed_in_order, start, stop),
        cmocka_unit_test_setup_teardown(a_config_file_is_refused_before_code_is_mapped, start,
                                        stop),
        cmocka_unit_test_setup_teardown(inspect_shows_what_is_in_a_file, start, stop),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
