/* SPDX-License-Identifier: MIT */

/* loader_test.c: the compression plugins of this tree, found, verified, mapped and used. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/compression.h>

#include "kernel/base/sink.h"
#include "kernel/plugin/plugin.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_is_found_by_name_and_works, start, stop),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
