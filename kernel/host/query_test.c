/* SPDX-License-Identifier: MIT */

/* Questions that wait for the disk, without a disk. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/base/text.h"
#include "kernel/host/live.h"
#include "kernel/host/query_part.h"

enum { ROW = 1 << 20 };

static struct qnk_host host = {.budget = {.limit = 1 << 20}};
static struct qnk_question question;
static uint32_t runs, rows, answers, refusals;
static int wanted = QNK_QUERY_FAILED; /* code of a refusal */
static char said[QNK_QUERY_TEXT];

static void on_answered(struct qnk_question *it, json_t *answer)
{
    (void)it;
    answers++;
    json_decref(answer);
}

static void on_refused(struct qnk_question *it, int code, const char *words, const char *hint)
{
    (void)it;
    (void)hint;
    assert_int_equal(code, wanted);
    qnk_text(said, sizeof said, "%s", words);
    refusals++;
}

/* A list as long as it may be, of rows of 1 MiB. */
static void run(struct qnk_read *read, const struct qnk_reach *reach)
{
    char *text = calloc(1, ROW + 1);

    (void)reach;
    assert_non_null(text);
    memset(text, 'a', ROW - 5); /* with brackets, quotes and a comma it is the whole of it */
    runs++;
    read->answer = json_pack("{s:[]}", "blocks");
    while (read->left > 0 && qnk_read_add(read, "blocks", json_pack("[s]", text))) {
        read->left--;
        rows++;
    }
    free(text);
}

static void ask(uint64_t count, bool is_gone)
{
    struct qnk_read *read;

    runs = rows = answers = refusals = 0;
    question.host = &host;
    question.answered = on_answered;
    question.refused = on_refused;
    question.is_gone = is_gone;
    read = qnk_read_create(&question, run);
    assert_non_null(read);
    read->left = count;
    read->ask.run(&read->ask, NULL);
    read->ask.done(&read->ask);
    assert_int_equal(answers + refusals, 1);
    assert_int_equal(host.budget.used, 0);
}

static void a_list_ends_where_it_is_too_long_to_be_sent(void **state)
{
    const uint32_t most = QNK_QUERY_LIST_BYTES / ROW;

    (void)state;
    ask(most, false);
    assert_int_equal(answers, 1);
    assert_int_equal(rows, most);
    ask(QNK_QUERY_LIST_MAX, false);
    assert_int_equal(refusals, 1);
    assert_int_equal(rows, most);
    assert_string_equal(said, "more than 7 MiB: ask for 7 at a time");
}

/* Why a list that is begun so far does not go on. */
static void start(uint64_t text, int code)
{
    struct qnk_read *read = qnk_read_create(&question, run);

    assert_non_null(read);
    wanted = code;
    refusals = 0;
    read->text = text;
    read->answer = json_pack("{s:[]}", "blocks");
    qnk_read_start(read);
    assert_int_equal(refusals, 1);
    assert_int_equal(host.budget.used, 0);
}

static void lists_that_wait_take_so_much_memory_and_no_more(void **state)
{
    (void)state;
    host.lists_text = QNK_QUERY_LISTS_BYTES - 1000;
    start(1001, QNK_QUERY_NOT_READY);
    assert_string_equal(said, "too many questions wait already");
    start(1000, QNK_QUERY_NOT_READY);
    assert_string_equal(said, "the node is not running"); /* so it is the host that says no */
    assert_int_equal(host.lists_text, QNK_QUERY_LISTS_BYTES - 1000);
    host.lists_text = 0;
    wanted = QNK_QUERY_FAILED;
}

static void nothing_is_read_for_whoever_has_gone(void **state)
{
    (void)state;
    ask(1, true);
    assert_int_equal(runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_ends_where_it_is_too_long_to_be_sent),
        cmocka_unit_test(lists_that_wait_take_so_much_memory_and_no_more),
        cmocka_unit_test(nothing_is_read_for_whoever_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
