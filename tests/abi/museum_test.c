/* SPDX-License-Identifier: MIT */

/* museum_test.c: plugins of earlier releases are loaded by this kernel, and work.
 *
 * Usage: museum_test                        all exhibits of the build tree
 *        museum_test KIND NAME FILE...      these files; says of each what became of it
 *
 * Compiled with headers of a later minor and with the kernel's tables made from the same, it is a
 * later kernel: ABI_EXTRA then says that compression has a slot `extra`.
 *
 * Source: abi.md, section 12. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/compression.h>
#include <qnet/consensus.h>
#include <qnet/ledger.h>
#include <qnet/producer.h>
#include <qnet/service.h>
#include <qnet/signature.h>
#include <qnet/storage.h>
#include <qnet/transport.h>

#include "kernel/base/sink.h"
#include "kernel/plugin/plugin.h"

enum { PATH = 4096, LINE = 512 };

static struct qnk_budget budget = {.limit = 1u << 30};
static char why[QNK_PLUGIN_WHY_MAX];

/* --- one call of each kind, which an exhibit counts --- */

static bool query(int32_t (*call)(struct qn_inst *, uint32_t, struct qn_span, struct qn_sink *),
                  struct qn_inst *inst)
{
    struct qn_sink answer;
    bool is_good;

    qnk_sink_init(&answer, &budget, 8);
    is_good = call(inst, 1, (struct qn_span){NULL, 0}, &answer) == QN_OK && answer.size == 8;
    qnk_sink_done(&answer);
    return is_good;
}

static bool compression_works(struct qnk_plugged it)
{
    const struct qn_compression_1 *slots = it.table;

    return slots->bound(it.inst, 7) == 1 && slots->bound(it.inst, 7) == 2;
}

static bool consensus_works(struct qnk_plugged it)
{
    const struct qn_consensus_1 *slots = it.table;

    return query(slots->query, it.inst);
}

static bool ledger_works(struct qnk_plugged it)
{
    const struct qn_ledger_1 *slots = it.table;
    struct qn_sink answer;
    bool is_good;

    qnk_sink_init(&answer, &budget, 8);
    is_good = slots->query(it.inst, 0, 1, (struct qn_span){NULL, 0}, &answer) == QN_OK;
    qnk_sink_done(&answer);
    return is_good;
}

static bool producer_works(struct qnk_plugged it)
{
    const struct qn_producer_1 *slots = it.table;
    struct qn_producer_ask ask = {.height = 1};
    uint32_t member = 7;

    slots->close(it.inst, 1);
    return slots->turns(it.inst, &ask, 1, &member) == QN_UNSUPPORTED && member == 7;
}

static bool service_works(struct qnk_plugged it)
{
    const struct qn_service_1 *slots = it.table;

    return slots->cursor(it.inst) == 1 && slots->cursor(it.inst) == 2;
}

static bool signature_works(struct qnk_plugged it)
{
    const struct qn_signature_1 *slots = it.table;
    uint8_t key[QN_KEY_SIZE] = {0}, bitmap = 0;

    return slots->check_keys(it.inst, 0, key, 1, &bitmap) == QN_UNSUPPORTED && bitmap == 0;
}

static bool storage_works(struct qnk_plugged it)
{
    const struct qn_storage_1 *slots = it.table;
    uint64_t left = 7;

    return slots->maintain(it.inst, 0, 1, &left) == QN_UNSUPPORTED && left == 7;
}

static bool transport_works(struct qnk_plugged it)
{
    const struct qn_transport_1 *slots = it.table;

    slots->close(it.inst, 1, 0);
    return slots->unlisten(it.inst, 1) == QN_UNSUPPORTED;
}

static const struct {
    const char *kind;
    bool (*works)(struct qnk_plugged it);
} kinds[] = {
    {"compression", compression_works}, {"consensus", consensus_works},
    {"ledger", ledger_works},           {"producer", producer_works},
    {"service", service_works},         {"signature", signature_works},
    {"storage", storage_works},         {"transport", transport_works},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- loading --- */

/* Whether the process has some of the plugin's code: a sealed copy is mapped under this name. */
static bool is_code_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[LINE];
    bool is_mapped = false;

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        is_mapped = is_mapped || strstr(line, "memfd:") != NULL;
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return is_mapped;
}

/* NULL: `why`. */
static struct qnk_instance *instance_make(struct qnk_loader *loader, const char *kind,
                                          const char *name, const char *path)
{
    const struct qnk_instance_options options = {.guard = QNK_GUARD_FULL};
    static uint8_t room[4096];
    struct qnk_instance *instance = NULL;
    struct qnk_plugin *plugin = NULL;
    struct qnk_arena arena;
    struct qn_span config;

    qnk_arena_init(&arena, room, sizeof room);
    if (qnk_loader_find(loader, kind, name, path, &plugin, why) != QN_OK ||
        qnk_manifest_default(&plugin->manifest, &arena, &config, why) != QN_OK ||
        qnk_instance_create(plugin, config, &options, &instance, why) != QN_OK) {
        return NULL;
    }
    if (qnk_instance_activate(instance) != QN_OK) {
        qnk_instance_destroy(instance);
        return NULL;
    }
    return instance;
}

/* The slot that only later kernels know; its stub, or the plugin's own. */
static void extra_say(const char *kind, struct qnk_plugged it)
{
#ifdef ABI_EXTRA
    const struct qn_compression_1 *slots = it.table;

    if (strcmp(kind, "compression") == 0) {
        printf(", extra gives %llu", (unsigned long long)slots->extra(it.inst));
    }
#else
    (void)kind;
    (void)it;
#endif
}

/* Whether it was loaded and does what it always did; says so. */
static bool is_good(struct qnk_loader *loader, const char *kind, const char *name, const char *path)
{
    struct qnk_instance *instance = instance_make(loader, kind, name, path);
    bool works = false;

    if (instance == NULL) {
        printf("refused (%s): %s\n", is_code_mapped() ? "mapped" : "not mapped", why);
        return false;
    }
    for (uint32_t i = 0; i < KINDS; i++) {
        works = works || (strcmp(kinds[i].kind, kind) == 0 &&
                          kinds[i].works(qnk_instance_plugged(instance)));
    }
    printf("%s %s", name, works ? "works" : "is broken");
    extra_say(kind, qnk_instance_plugged(instance));
    printf("\n");
    qnk_instance_destroy(instance);
    return works;
}

static int exhibits_show(struct qnk_loader *loader)
{
    const char *build = getenv("top_builddir");
    int result = EXIT_SUCCESS;

    printf("1..%d\n", KINDS);
    for (uint32_t i = 0; i < KINDS; i++) {
        char name[64], path[PATH];

        (void)snprintf(name, sizeof name, "old-%s", kinds[i].kind);
        (void)snprintf(path, sizeof path, "%s/tests/abi/museum/0.1/.libs/%s.so",
                       build != NULL ? build : ".", kinds[i].kind);
        printf("# ");

        bool works = is_good(loader, kinds[i].kind, name, path);

        printf("%s %u - a %s of 0.1 works\n", works ? "ok" : "not ok", i + 1, kinds[i].kind);
        result = works ? result : EXIT_FAILURE;
    }
    return result;
}

int main(int argc, char **argv)
{
    const struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_OFF};
    struct qnk_loader *loader = NULL;
    int result = EXIT_SUCCESS;

    if (qnk_loader_create(&options, &loader, why) != QN_OK) {
        fprintf(stderr, "%s\n", why);
        return EXIT_FAILURE;
    }
    if (argc == 1) {
        result = exhibits_show(loader);
    }
    for (int i = 1; i + 2 < argc; i += 3) {
        result = is_good(loader, argv[i], argv[i + 1], argv[i + 2]) ? result : EXIT_FAILURE;
    }
    qnk_loader_destroy(loader);
    return result;
}
