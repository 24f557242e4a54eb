/* SPDX-License-Identifier: MIT */

/* host_test.c: what a plugin gets from its host, and what the host takes back. The plugin is linked
 * in, and its calls are made through the table that its create() was given. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/transport.h>

#include "kernel/base/buf.h"
#include "kernel/plugin/host_test.manifest.h"
#include "kernel/plugin/plugin.h"

enum { MEMORY = 1 << 20 };

/* What create() was given last. */
static const struct qn_host *host;
static struct qn_node *node;

/* What the plugin does with what it has. */
static int32_t freeze_answer;
static uint32_t effect_type;
static int32_t effect_answer;

static int32_t tame_create(const struct qn_host *given, struct qn_node *given_node,
                           struct qn_span config, struct qn_inst **inst)
{
    static uint8_t nothing;

    (void)config;
    host = given;
    node = given_node;
    *inst = (void *)&nothing;
    return QN_OK;
}

static void tame_destroy(struct qn_inst *self)
{
    (void)self;
}

static int32_t tame_freeze(struct qn_inst *self)
{
    (void)self;
    return freeze_answer;
}

static int32_t tame_listen(struct qn_inst *self, uint64_t token, struct qn_span address)
{
    (void)self;
    (void)token;
    (void)address;
    return QN_OK;
}

static int32_t tame_unlisten(struct qn_inst *self, uint64_t listener)
{
    (void)self;
    (void)listener;
    return QN_OK;
}

static int32_t tame_send(struct qn_inst *self, uint64_t link, const struct qn_slice *frames,
                         uint32_t frames_count, uint32_t *accepted)
{
    (void)self;
    (void)link;
    (void)frames;
    *accepted = frames_count;
    return QN_AGAIN;
}

static int32_t tame_credit(struct qn_inst *self, uint64_t link, uint64_t bytes)
{
    (void)self;
    (void)link;
    (void)bytes;
    return QN_OK;
}

static void tame_close(struct qn_inst *self, uint64_t link, uint32_t linger_ms)
{
    (void)self;
    (void)link;
    (void)linger_ms;
}

static int32_t tame_pump(struct qn_inst *self, uint32_t events, struct qn_effects *out)
{
    static const uint8_t body[8] = {1};

    (void)self;
    (void)events;
    effect_answer = out->push(out->ctx, effect_type, (struct qn_span){body, sizeof body}, NULL);
    return QN_OK;
}

static int32_t tame_stats(struct qn_inst *self, uint64_t link, struct qn_sink *stats)
{
    (void)self;
    (void)link;
    (void)stats;
    return QN_OK;
}

static const struct qn_life tame_life = {
    .head = QN_LIFE_HEAD,
    .create = tame_create,
    .freeze = tame_freeze,
    .destroy = tame_destroy,
};

static const struct qn_transport_1 tame_slots = {
    .head = QN_TRANSPORT_1_HEAD,
    .listen = tame_listen,
    .unlisten = tame_unlisten,
    .dial = tame_listen,
    .send = tame_send,
    .credit = tame_credit,
    .close = tame_close,
    .pump = tame_pump,
    .stats = tame_stats,
};

static const struct qn_plugin tame = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = HOST_TEST_MANIFEST_PRINT,
    .kind = HOST_TEST_KIND,
    .name = HOST_TEST_NAME,
    .version = HOST_TEST_VERSION,
    .life = &tame_life,
    .slots = &tame_slots.head,
};

static struct qnk_budget budget = {.limit = 1u << 28};
static struct qnk_loader *loader;
static struct qnk_plugin *plugin;
static struct qnk_instance *instance;
static struct qnk_shared *shared;
static struct qnk_metrics *metrics;
static struct qnk_log log_of_test;
static FILE *log_file;
static char folder[] = "/tmp/qnet-host-XXXXXX";
static char own_folder[64];
static char why[QNK_PLUGIN_WHY_MAX];
static char heard[64];

static int32_t hear_watch(void *ctx, int32_t fd, uint32_t interest)
{
    (void)snprintf(ctx, sizeof heard, "watch %d %u", (int)fd, (unsigned int)interest);
    return fd < 0 ? QN_INVALID : QN_OK;
}

static void hear_wake(void *ctx)
{
    (void)snprintf(ctx, sizeof heard, "wake");
}

static void hear_timer(void *ctx, uint64_t delay_us)
{
    (void)snprintf(ctx, sizeof heard, "timer %u", (unsigned int)delay_us);
}

static struct qnk_instance_options options_all(void)
{
    return (struct qnk_instance_options){
        .guard = QNK_GUARD_FULL,
        .log = &log_of_test,
        .metrics = metrics,
        .hooks = {.ctx = heard,
                  .watch = hear_watch,
                  .wake = hear_wake,
                  .timer = hear_timer,
                  .folder = own_folder,
                  .shared = shared},
    };
}

static int32_t instance_make(const struct qnk_instance_options *options)
{
    return qnk_instance_create(plugin, (struct qn_span){NULL, 0}, options, &instance, why);
}

static int group_start(void **state)
{
    const struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_OFF};
    struct qn_span note = {host_test_note.content, sizeof host_test_note.content};

    (void)state;
    log_file = tmpfile();
    if (mkdtemp(folder) == NULL || log_file == NULL) {
        return -1;
    }
    (void)snprintf(own_folder, sizeof own_folder, "%s/own", folder);
    qnk_log_init(&log_of_test, &(struct qnk_log_options){
                                   .fd = fileno(log_file), .format = QNK_LOG_LOGFMT, .level = 4});
    shared = qnk_shared_create(&budget);
    metrics = qnk_metrics_create(&budget, 64);
    return shared == NULL || metrics == NULL ||
           qnk_loader_create(&options, &loader, why) != QN_OK ||
           qnk_loader_adopt(loader, &tame, note, &plugin, why) != QN_OK;
}

static int group_stop(void **state)
{
    (void)state;
    qnk_metrics_destroy(metrics);
    qnk_shared_destroy(shared);
    qnk_loader_destroy(loader);
    qnk_log_done(&log_of_test);
    (void)fclose(log_file);
    return rmdir(folder) == 0 && budget.used == 0 ? 0 : -1;
}

static int start(void **state)
{
    const struct qnk_instance_options options = options_all();

    (void)state;
    freeze_answer = QN_OK;
    return instance_make(&options) == QN_OK && qnk_instance_activate(instance) == QN_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    qnk_instance_destroy(instance);
    return 0;
}

static void memory_is_counted_and_taken_back(void **state)
{
    uint8_t *first = host->take(node, MEMORY - 64);

    (void)state;
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_int_equal(first[MEMORY - 65], 0);
    assert_null(host->take(node, 65));
    assert_null(host->take(node, UINT64_MAX));
    assert_non_null(host->take(node, 64));
    assert_int_equal(qnk_instance_memory(instance), MEMORY);
    host->give(node, first);
    host->give(node, NULL);
    assert_int_equal(qnk_instance_memory(instance), 64);
    assert_non_null(host->take(node, 1000)); /* left to the host, as is the one of 64 */
}

static void bufs_outlive_their_instance(void **state)
{
    const struct qnk_instance_options options = options_all();
    struct qn_buf *buf;
    uint8_t *data = NULL;

    (void)state;
    assert_int_equal(instance_make(&options), QN_OK);
    assert_null(host->buf_new(node, MEMORY + 1, &data));
    buf = host->buf_new(node, 1000, &data);
    assert_non_null(buf);
    assert_true(qnk_instance_memory(instance) >= 1000);
    data[999] = 7;
    host->buf_ref(buf);
    host->buf_unref(buf);
    qnk_instance_destroy(instance);
    assert_int_equal(qnk_buf_span(buf).data[999], 7);
    qnk_buf_unref(buf);
}

static void words_and_lines_are_kept(void **state)
{
    static const uint8_t words[] = "the disk\nis full";
    static const struct qn_span span = {words, sizeof words - 1};
    char text[600];
    char line[1000] = "";

    (void)state;
    assert_int_equal((host->fail)(node, QN_IO, span), QN_IO);
    qnk_instance_words(instance, text, sizeof text);
    assert_string_equal(text, "the disk?is full");
    host->log(node, 2, span);
    host->log(node, 77, span);
    assert_int_equal(fseek(log_file, 0, SEEK_SET), 0);
    assert_true(fread(line, 1, sizeof line - 1, log_file) > 0);
    assert_non_null(strstr(line, "level=info part=transport/host-test"));
    assert_non_null(strstr(line, "the disk"));
    assert_null(strstr(line, "\nis full"));
}

static void metrics_are_those_of_the_manifest(void **state)
{
    uint32_t id;

    (void)state;
    host->metric(node, 1, 5);
    host->metric(node, 1, 6);
    host->metric(node, 2, -4);
    assert_int_equal(qnk_metrics_find(metrics, "qnet_plugin_host_test_frames", &id), QN_OK);
    assert_int_equal(qnk_metrics_value(metrics, id, 0), 11);
    assert_int_equal(qnk_metrics_find(metrics, "qnet_plugin_host_test_links", &id), QN_OK);
    assert_int_equal(qnk_metrics_value(metrics, id, 0), -4);
    assert_int_equal(qnk_instance_faults(instance), 0);
    host->metric(node, 1, -1);
    host->metric(node, 3, 1);
    assert_int_equal(qnk_instance_faults(instance), 2);
}

static void extensions_reach_their_hooks(void **state)
{
    const struct qn_watch_1 *watch = host->extension(node, "qnet.watch/1");
    const struct qn_files_1 *files = host->extension(node, "qnet.files/1");
    struct stat info;

    (void)state;
    assert_non_null(watch);
    assert_int_equal(watch->watch(node, 5, 3), QN_OK);
    assert_string_equal(heard, "watch 5 3");
    assert_int_equal(watch->watch(node, -1, 3), QN_INVALID);
    watch->wake(node);
    assert_string_equal(heard, "wake");
    watch->timer(node, 77);
    assert_string_equal(heard, "timer 77");
    assert_non_null(files);
    assert_int_equal(access(own_folder, F_OK), -1);
    assert_string_equal(files->folder(node), own_folder);
    assert_int_equal(stat(own_folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_string_equal(files->folder(node), own_folder);
    assert_int_equal(rmdir(own_folder), 0);
    assert_null(host->extension(node, "qnet.thread/1"));
    assert_null(host->extension(node, "x.unnamed/1"));
}

static void shared_memory_is_that_of_one_name_and_size(void **state)
{
    const struct qn_shared_1 *table = host->extension(node, "qnet.shared/1");
    struct qn_span name = {(const uint8_t *)"ring", 4};
    uint8_t *first = table->join(node, name, 100);
    uint8_t stranger;

    (void)state;
    assert_non_null(first);
    first[99] = 9;
    assert_ptr_equal(table->join(node, name, 100), first);
    assert_null(table->join(node, name, 101));
    assert_null(table->join(node, (struct qn_span){NULL, 0}, 100));
    table->leave(node, first);
    table->leave(node, &stranger);
    assert_int_equal(first[99], 9);
    table->leave(node, first);
    first = table->join(node, name, 101); /* made anew */
    assert_non_null(first);
    assert_int_equal(first[99], 0); /* and left to the host */
}

static void what_is_needed_must_be_offered(void **state)
{
    struct qnk_instance_options options = options_all();

    (void)state;
    options.hooks.watch = NULL;
    assert_int_equal(instance_make(&options), QN_UNSUPPORTED);
    assert_non_null(strstr(why, "'host-test' needs the extension qnet.watch/1, which is not"));
    options = options_all();
    options.hooks.shared = NULL; /* wanted, no more */
    options.hooks.folder = NULL;
    assert_int_equal(instance_make(&options), QN_OK);
    assert_null(host->extension(node, "qnet.files/1"));
    assert_null(host->extension(node, "qnet.shared/1"));
    qnk_instance_destroy(instance);
}

static void busy_stays_active_and_moves_have_an_order(void **state)
{
    (void)state;
    freeze_answer = QN_BUSY;
    assert_int_equal(qnk_instance_freeze(instance), QN_BUSY);
    assert_int_equal(qnk_instance_life(instance), QNK_LIFE_ACTIVE);
    assert_int_equal(qnk_instance_activate(instance), QN_BUG);
    assert_int_equal(qnk_instance_thaw(instance), QN_BUG);
    assert_int_equal(qnk_instance_reconfigure(instance, (struct qn_span){NULL, 0}, 1),
                     QN_UNSUPPORTED);
    freeze_answer = QN_OK;
    assert_int_equal(qnk_instance_freeze(instance), QN_OK);
    assert_int_equal(qnk_instance_thaw(instance), QN_OK); /* a stub */
    assert_null(qnk_instance_extension(instance, "x.any/1"));
}

static uint32_t pushed;

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    (void)ctx;
    (void)body;
    (void)payload;
    pushed = type;
    return QN_OK;
}

static void effects_are_those_of_the_kind(void **state)
{
    struct qnk_plugged plugged = qnk_instance_plugged(instance);
    const struct qn_transport_1 *slots = plugged.table;
    struct qn_effects out = {.push = push};

    (void)state;
    effect_type = QN_TRANSPORT_EFFECT_ROOM;
    assert_int_equal(slots->pump(plugged.inst, 1, &out), QN_OK);
    assert_int_equal(effect_answer, QN_OK);
    assert_int_equal(pushed, QN_TRANSPORT_EFFECT_ROOM);
    pushed = 0;
    effect_type = QN_TRANSPORT_EFFECT_FRAME; /* without its payload */
    assert_int_equal(slots->pump(plugged.inst, 1, &out), QN_BUG);
    assert_int_equal(effect_answer, QN_BUG);
    assert_int_equal(pushed, 0);
    assert_int_equal(qnk_instance_life(instance), QNK_LIFE_FAILED);
}

static void again_keeps_outputs(void **state)
{
    struct qnk_plugged plugged = qnk_instance_plugged(instance);
    const struct qn_transport_1 *slots = plugged.table;
    struct qn_slice frames[2] = {{NULL, NULL, 0}, {NULL, NULL, 0}};
    uint32_t accepted = 0;

    (void)state;
    assert_int_equal(slots->send(plugged.inst, 1, frames, 2, &accepted), QN_AGAIN);
    assert_int_equal(accepted, 2);
    slots->close(plugged.inst, 1, 0);
    assert_int_equal(qnk_instance_faults(instance), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_is_counted_and_taken_back, start, stop),
        cmocka_unit_test(bufs_outlive_their_instance),
        cmocka_unit_test_setup_teardown(words_and_lines_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(metrics_are_those_of_the_manifest, start, stop),
        cmocka_unit_test_setup_teardown(extensions_reach_their_hooks, start, stop),
        cmocka_unit_test_setup_teardown(shared_memory_is_that_of_one_name_and_size, start, stop),
        cmocka_unit_test(what_is_needed_must_be_offered),
        cmocka_unit_test_setup_teardown(busy_stays_active_and_moves_have_an_order, start, stop),
        cmocka_unit_test_setup_teardown(effects_are_those_of_the_kind, start, stop),
        cmocka_unit_test_setup_teardown(again_keeps_outputs, start, stop),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
