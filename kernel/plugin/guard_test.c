/* SPDX-License-Identifier: MIT */

/* guard_test.c: one broken plugin for each rule. They are linked in: a storage and an engine whose
 * next call does what a static variable says. */

#include "tests/test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <qnet/assert.h>

#include "kernel/base/sink.h"
#include "kernel/plugin/guard_test.manifest.h"
#include "kernel/plugin/plugin.h"

#include <qnet/storage.h>

enum act {
    ACT_GOOD,
    ACT_STATUS, /* answers 99 */
    ACT_FAIL,   /* fails after a commit */
    ACT_OUTPUT, /* fails and changes an output */
    ACT_KEEP,   /* keeps a borrowed pointer */
    ACT_USE,    /* reads what it kept */
    ACT_WRITE,  /* writes to what is borrowed */
    ACT_FATAL,  /* says so */
    ACT_NEST,   /* calls back into the guard as its caller would in another thread */
    ACT_METRIC, /* counts what it did not declare */
};

static enum act act;
static const uint8_t *kept;
static uint32_t calls;
static struct qnk_plugged plugged;
static int32_t (*nested)(void);
static int32_t nested_status;

struct qn_inst {
    const struct qn_host *host;
    struct qn_node *node;
};

static int32_t broken_create(const struct qn_host *host, struct qn_node *node,
                             struct qn_span config, struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    (void)config;
    if (act == ACT_STATUS) {
        return 99;
    }
    if (act == ACT_FAIL) {
        static const uint8_t words[] = "no, really";

        return (host->fail)(node, QN_INVALID, (struct qn_span){words, sizeof words - 1});
    }
    if (act == ACT_OUTPUT) {
        return QN_OK; /* and no instance */
    }
    self->host = host;
    self->node = node;
    *inst = self;
    return QN_OK;
}

static void broken_destroy(struct qn_inst *self)
{
    (void)self;
}

static int32_t behave(struct qn_inst *self, struct qn_span borrowed, struct qn_sink *sink,
                      void *output)
{
    calls++;
    switch (act) {
    case ACT_STATUS:
        return 99;
    case ACT_FAIL:
        QN_ASSERT(self->host->sink_room(sink, 4) != NULL);
        self->host->sink_commit(sink, 4);
        return QN_NOT_FOUND;
    case ACT_OUTPUT:
        memset(output, 7, 8);
        return QN_IO;
    case ACT_KEEP:
        kept = borrowed.data;
        return QN_OK;
    case ACT_USE:
        return kept[0] == 'x' ? QN_OK : QN_NOT_FOUND;
    case ACT_WRITE:
        ((uint8_t *)(uintptr_t)borrowed.data)[0] = 'y';
        return QN_OK;
    case ACT_FATAL:
        return QN_FATAL;
    case ACT_NEST:
        act = ACT_GOOD;
        nested_status = nested();
        return QN_OK;
    case ACT_METRIC:
        self->host->metric(self->node, 77, 1);
        return QN_OK;
    case ACT_GOOD:
        break;
    }
    return QN_OK;
}

static int32_t broken_space(struct qn_inst *self, struct qn_span name, uint32_t type,
                            uint32_t *space)
{
    (void)type;
    (void)space;
    return behave(self, name, NULL, NULL);
}

static int32_t broken_write(struct qn_inst *self, uint32_t lane, const struct qn_storage_op *ops,
                            uint32_t ops_count, uint32_t level)
{
    (void)lane;
    (void)level;
    return behave(self, ops_count > 0 ? ops[0].key : (struct qn_span){NULL, 0}, NULL, NULL);
}

static int32_t broken_get(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                          const struct qn_storage_address *keys, uint32_t keys_count,
                          struct qn_storage_found *found, struct qn_sink *values)
{
    (void)lane;
    (void)snapshot;
    (void)found;
    return behave(self, keys_count > 0 ? keys[0].key : (struct qn_span){NULL, 0}, values, NULL);
}

static int32_t broken_scan(struct qn_inst *self, uint32_t lane, uint64_t snapshot,
                           const struct qn_storage_range *range, uint32_t items_max,
                           uint64_t bytes_max, struct qn_sink *pairs)
{
    (void)lane;
    (void)snapshot;
    (void)items_max;
    (void)bytes_max;
    return behave(self, range->from, pairs, NULL);
}

static int32_t broken_snapshot(struct qn_inst *self, uint32_t lane, uint64_t *snapshot)
{
    (void)lane;
    return behave(self, (struct qn_span){NULL, 0}, NULL, snapshot);
}

static int32_t broken_release(struct qn_inst *self, uint32_t lane, uint64_t snapshot)
{
    (void)lane;
    (void)snapshot;
    return behave(self, (struct qn_span){NULL, 0}, NULL, NULL);
}

static int32_t broken_append(struct qn_inst *self, uint32_t lane, uint32_t log,
                             const struct qn_span *records, uint32_t records_count, uint32_t level,
                             uint64_t *places)
{
    (void)lane;
    (void)log;
    (void)level;
    (void)places;
    return behave(self, records_count > 0 ? records[0] : (struct qn_span){NULL, 0}, NULL, NULL);
}

static int32_t broken_read(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place,
                           uint64_t bytes_max, struct qn_sink *entries)
{
    (void)lane;
    (void)log;
    (void)place;
    (void)bytes_max;
    return behave(self, (struct qn_span){NULL, 0}, entries, NULL);
}

static int32_t broken_trim(struct qn_inst *self, uint32_t lane, uint32_t log, uint64_t place)
{
    (void)lane;
    (void)log;
    (void)place;
    return behave(self, (struct qn_span){NULL, 0}, NULL, NULL);
}

static int32_t broken_maintain(struct qn_inst *self, uint32_t lane, uint32_t budget_ms,
                               uint64_t *left)
{
    (void)lane;
    (void)budget_ms;
    return behave(self, (struct qn_span){NULL, 0}, NULL, left);
}

static int32_t broken_stats(struct qn_inst *self, uint32_t lane, struct qn_sink *stats)
{
    (void)lane;
    return behave(self, (struct qn_span){NULL, 0}, stats, NULL);
}

static const struct qn_life broken_life = {
    .head = QN_LIFE_HEAD,
    .create = broken_create,
    .destroy = broken_destroy,
};

static const struct qn_storage_1 broken_slots = {
    .head = QN_STORAGE_1_HEAD,
    .space = broken_space,
    .write = broken_write,
    .get = broken_get,
    .scan = broken_scan,
    .snapshot = broken_snapshot,
    .release = broken_release,
    .append = broken_append,
    .read = broken_read,
    .trim = broken_trim,
    .maintain = broken_maintain,
    .stats = broken_stats,
};

static const struct qn_plugin broken = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = GUARD_TEST_MANIFEST_PRINT,
    .kind = GUARD_TEST_KIND,
    .name = GUARD_TEST_NAME,
    .version = GUARD_TEST_VERSION,
    .life = &broken_life,
    .slots = &broken_slots.head,
};

static struct qnk_budget budget = {.limit = 1u << 28};
static struct qnk_loader *loader;
static struct qnk_plugin *plugin;
static struct qnk_instance *instance;
static char why[QNK_PLUGIN_WHY_MAX];

static int32_t instance_make(enum qnk_guard_depth guard)
{
    const struct qnk_instance_options options = {.guard = guard};

    return qnk_instance_create(plugin, guard_test_config_default(), &options, &instance, why);
}

static int group_start(void **state)
{
    const struct qnk_loader_options options = {.budget = &budget, .trust = QNK_TRUST_OFF};
    struct qn_span note = {guard_test_note.content, sizeof guard_test_note.content};

    (void)state;
    if (qnk_loader_create(&options, &loader, why) != QN_OK ||
        qnk_loader_adopt(loader, &broken, note, &plugin, why) != QN_OK) {
        print_error("%s\n", why);
        return -1;
    }
    return 0;
}

static int group_stop(void **state)
{
    (void)state;
    qnk_loader_destroy(loader);
    return budget.used == 0 ? 0 : -1;
}

static int start_at(enum qnk_guard_depth guard)
{
    act = ACT_GOOD;
    calls = 0;
    if (instance_make(guard) != QN_OK || qnk_instance_activate(instance) != QN_OK) {
        return -1;
    }
    plugged = qnk_instance_plugged(instance);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_at(QNK_GUARD_FULL);
}

static int start_class(void **state)
{
    (void)state;
    return start_at(QNK_GUARD_CLASS);
}

static int stop(void **state)
{
    (void)state;
    qnk_guard_thread(0);
    qnk_instance_destroy(instance);
    return 0;
}

static const struct qn_storage_1 *slots(void)
{
    return plugged.table;
}

static int32_t write_one(uint32_t lane)
{
    static const uint8_t key[] = "x";
    const struct qn_storage_op op = {.what = 1, .key = {key, 1}};

    return slots()->write(plugged.inst, lane, &op, 1, 0);
}

static int32_t get_one(uint32_t lane, struct qn_sink *sink)
{
    return slots()->get(plugged.inst, lane, 0, NULL, 0, NULL, sink);
}

static void a_good_call_goes_through(void **state)
{
    (void)state;
    assert_int_equal(write_one(0), QN_OK);
    assert_int_equal(calls, 1);
    assert_int_equal(qnk_instance_faults(instance), 0);
}

static void an_answer_that_is_no_status_condemns(void **state)
{
    (void)state;
    act = ACT_STATUS;
    assert_int_equal(write_one(0), QN_BUG);
    assert_int_equal(qnk_instance_faults(instance), 1);
    assert_int_equal(qnk_instance_life(instance), QNK_LIFE_FAILED);
    act = ACT_GOOD;
    assert_int_equal(write_one(0), QN_BUG);
    assert_int_equal(calls, 1);
}

static void fatal_is_the_last_call(void **state)
{
    (void)state;
    act = ACT_FATAL;
    assert_int_equal(write_one(0), QN_FATAL);
    assert_int_equal(qnk_instance_life(instance), QNK_LIFE_FAILED);
    act = ACT_GOOD;
    assert_int_equal(write_one(0), QN_BUG);
    assert_int_equal(calls, 1);
    assert_int_equal(qnk_instance_faults(instance), 0);
}

static void a_failed_call_leaves_its_sink_as_it_was(void **state)
{
    struct qn_sink sink;

    (void)state;
    qnk_sink_init(&sink, &budget, 100);
    assert_int_equal(qnk_sink_append(&sink, "ab", 2), QN_OK);
    act = ACT_FAIL;
    assert_int_equal(get_one(0, &sink), QN_NOT_FOUND);
    assert_int_equal(sink.size, 2);
    assert_int_equal(qnk_instance_faults(instance), 0);
    qnk_sink_done(&sink);
}

static void a_failed_call_that_changes_an_output_condemns(void **state)
{
    uint64_t snapshot = 5;

    (void)state;
    act = ACT_OUTPUT;
    assert_int_equal(slots()->snapshot(plugged.inst, 0, &snapshot), QN_BUG);
    assert_int_equal(snapshot, 5);
    assert_int_equal(qnk_instance_life(instance), QNK_LIFE_FAILED);
}

static void a_call_before_active_is_refused(void **state)
{
    (void)state;
    assert_int_equal(qnk_instance_freeze(instance), QN_OK);
    assert_int_equal(write_one(0), QN_BUG);
    assert_int_equal(calls, 0);
    assert_int_equal(qnk_instance_thaw(instance), QN_OK);
    assert_int_equal(write_one(0), QN_OK);
    assert_int_equal(qnk_instance_faults(instance), 1);
}

static void a_thread_of_another_class_is_refused(void **state)
{
    uint32_t space = 0;

    (void)state;
    qnk_guard_thread(QNK_THREAD_LOOP);
    assert_int_equal(write_one(0), QN_BUG);
    qnk_guard_thread(QNK_THREAD_POOL);
    assert_int_equal(write_one(0), QN_OK);
    assert_int_equal(slots()->space(plugged.inst, (struct qn_span){NULL, 0}, 1, &space), QN_BUG);
    assert_int_equal(calls, 1);
}

static void a_lane_that_there_is_not_is_refused(void **state)
{
    (void)state;
    assert_int_equal(write_one(GUARD_TEST_LANES - 1), QN_OK);
    assert_int_equal(write_one(GUARD_TEST_LANES), QN_BUG);
    assert_int_equal(calls, 1);
}

static int32_t nested_same_lane(void)
{
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 8);
    return get_one(0, &sink);
}

static int32_t nested_other_lane(void)
{
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 8);
    return get_one(1, &sink);
}

static int32_t nested_write(void)
{
    return write_one(1);
}

static int32_t nested_maintain(void)
{
    uint64_t left = 0;

    return slots()->maintain(plugged.inst, 1, 1, &left);
}

static int32_t nested_trim(void)
{
    return slots()->trim(plugged.inst, 1, 0, 0);
}

static int32_t nested_space(void)
{
    uint32_t space = 0;

    return slots()->space(plugged.inst, (struct qn_span){NULL, 0}, 1, &space);
}

static void calls_at_once_keep_to_their_classes(void **state)
{
    static const struct {
        int32_t (*call)(void);
        int32_t status;
    } cases[] = {
        {nested_same_lane, QN_BUG}, {nested_other_lane, QN_OK}, {nested_write, QN_BUG},
        {nested_maintain, QN_BUG},  {nested_trim, QN_OK},       {nested_space, QN_BUG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nested = cases[i].call;
        act = ACT_NEST;
        assert_int_equal(write_one(0), QN_OK);
        assert_int_equal(nested_status, cases[i].status);
    }
    assert_int_equal(qnk_instance_faults(instance), 4);
    assert_int_equal(write_one(0), QN_OK);
}

static void a_metric_that_is_not_declared_is_a_fault(void **state)
{
    (void)state;
    act = ACT_METRIC;
    assert_int_equal(write_one(0), QN_OK);
    assert_int_equal(qnk_instance_faults(instance), 1);
}

/* Runs `write_one` twice in a process of its own and says by which signal it ended. */
static int signal_of(enum act first, enum act second)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        act = first;
        (void)write_one(0);
        act = second;
        (void)write_one(0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_borrowed_pointer_that_is_kept_faults(void **state)
{
    (void)state;
    assert_int_equal(signal_of(ACT_GOOD, ACT_KEEP), 0);
    assert_int_not_equal(signal_of(ACT_KEEP, ACT_USE), 0);
}

static void a_write_to_what_is_borrowed_faults(void **state)
{
    (void)state;
    assert_int_not_equal(signal_of(ACT_GOOD, ACT_WRITE), 0);
}

static void level_class_rolls_back_and_checks_classes(void **state)
{
    (void)state;
    a_failed_call_leaves_its_sink_as_it_was(state);
    act = ACT_GOOD;
    qnk_guard_thread(QNK_THREAD_LOOP);
    assert_int_equal(write_one(0), QN_BUG);
    qnk_guard_thread(0);
    act = ACT_STATUS;
    assert_int_equal(write_one(0), QN_BUG);
}

static void create_must_answer_a_status_and_give_an_instance(void **state)
{
    struct qnk_instance *none = instance;

    (void)state;
    act = ACT_STATUS;
    assert_int_equal(instance_make(QNK_GUARD_OFF), QN_BUG);
    act = ACT_OUTPUT;
    assert_int_equal(instance_make(QNK_GUARD_OFF), QN_BUG);
    act = ACT_FAIL;
    assert_int_equal(instance_make(QNK_GUARD_OFF), QN_INVALID);
    assert_non_null(strstr(why, "no, really"));
    assert_ptr_equal(instance, none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_call_goes_through, start, stop),
        cmocka_unit_test_setup_teardown(an_answer_that_is_no_status_condemns, start, stop),
        cmocka_unit_test_setup_teardown(fatal_is_the_last_call, start, stop),
        cmocka_unit_test_setup_teardown(a_failed_call_leaves_its_sink_as_it_was, start, stop),
        cmocka_unit_test_setup_teardown(a_failed_call_that_changes_an_output_condemns, start, stop),
        cmocka_unit_test_setup_teardown(a_call_before_active_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_thread_of_another_class_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_lane_that_there_is_not_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(calls_at_once_keep_to_their_classes, start, stop),
        cmocka_unit_test_setup_teardown(a_metric_that_is_not_declared_is_a_fault, start, stop),
        cmocka_unit_test_setup_teardown(a_borrowed_pointer_that_is_kept_faults, start, stop),
        cmocka_unit_test_setup_teardown(a_write_to_what_is_borrowed_faults, start, stop),
        cmocka_unit_test_setup_teardown(level_class_rolls_back_and_checks_classes, start_class,
                                        stop),
        cmocka_unit_test(create_must_answer_a_status_and_give_an_instance),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
