/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/host/request.h"

static struct qnk_request request;

static int32_t read_text(const char *text)
{
    qnk_request_done(&request);
    return qnk_request_read((struct qn_span){(const uint8_t *)text, strlen(text)}, &request);
}

static void a_request_has_its_parts(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"id\":7,\"method\":\"m\",\"params\":{\"a\":1}}"), QN_OK);
    assert_string_equal(request.method, "m");
    assert_int_equal(json_integer_value(request.id), 7);
    assert_int_equal(json_object_size(request.params), 1);
    assert_int_equal(read_text("{\"id\":[],\"method\":\"m\"}"), QN_OK);
    assert_true(json_is_null(request.id));
    assert_true(json_is_object(request.params));
}

static void what_is_no_request_is_refused_in_words(void **state)
{
    static const char *const none[] = {"[]", "{}", "{\"method\":1}",
                                       "{\"method\":\"m\",\"params\":[]}"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(read_text(none[i]), QN_INVALID);
        assert_int_equal(request.code, QNK_REQUEST_NONE);
        assert_string_equal(request.words, "not a request");
    }
    assert_int_equal(read_text("{\"id\":3,\"id\":3,\"method\":\"m\"}"), QN_INVALID);
    assert_int_equal(request.code, QNK_REQUEST_NO_JSON);
    assert_int_equal(strncmp(request.words, "not JSON: ", 10), 0);
    assert_true(json_is_null(request.id));
}

static void a_request_has_no_other_members(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"m\",\"params\":{}}"),
                     QN_OK);
    assert_int_equal(read_text("{\"id\":4,\"method\":\"m\",\"x\":[[],[]]}"), QN_INVALID);
    assert_int_equal(request.code, QNK_REQUEST_NONE);
    assert_string_equal(request.words, "a request has no member x");
    assert_int_equal(json_integer_value(request.id), 4);
}

/* A request whose `topics` are so many empty texts. */
static int32_t read_values(uint32_t count)
{
    static const char before[] = "{\"method\":\"m\",\"params\":{\"topics\":[";
    static char text[sizeof before + 3 * QNK_REQUEST_VALUES_MAX + 8];
    size_t size = sizeof before - 1;

    memcpy(text, before, size);
    for (uint32_t i = 0; i < count; i++) {
        size_t more = i == 0 ? 2 : 3;

        memcpy(text + size, i == 0 ? "\"\"" : ",\"\"", more);
        size += more;
    }
    memcpy(text + size, "]}}", 4);
    return read_text(text);
}

static void a_request_has_a_number_of_values_at_most(void **state)
{
    (void)state;
    assert_int_equal(read_values(QNK_REQUEST_VALUES_MAX - 6), QN_OK);
    assert_int_equal(read_values(QNK_REQUEST_VALUES_MAX - 5), QN_INVALID);
    assert_int_equal(request.code, QNK_REQUEST_NONE);
    assert_null(request.document); /* none of it was made */
}

static void an_id_is_no_longer_than_can_be_kept(void **state)
{
    char text[QNK_REQUEST_ID_MAX + 64], id[QNK_REQUEST_ID_MAX + 2] = "";

    (void)state;
    memset(id, 'a', QNK_REQUEST_ID_MAX);
    (void)snprintf(text, sizeof text, "{\"id\":\"%s\",\"method\":\"m\"}", id);
    assert_int_equal(read_text(text), QN_OK);
    assert_string_equal(json_string_value(request.id), id);
    id[QNK_REQUEST_ID_MAX] = 'a';
    (void)snprintf(text, sizeof text, "{\"id\":\"%s\",\"method\":\"m\"}", id);
    assert_int_equal(read_text(text), QN_INVALID);
    assert_true(json_is_null(request.id));
}

static void words_that_are_cut_within_a_character_can_be_sent(void **state)
{
    json_t *json = qnk_request_text("no such method: '\xc3\xa4\xc3'");

    (void)state;
    assert_string_equal(json_string_value(json), "no such method: '?"
                                                 "?"
                                                 "?'");
    json_decref(json);
    json = qnk_request_text("\xc3\xa4");
    assert_string_equal(json_string_value(json), "\xc3\xa4");
    json_decref(json);
}

static int stop(void **state)
{
    (void)state;
    qnk_request_done(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_its_parts),
        cmocka_unit_test(what_is_no_request_is_refused_in_words),
        cmocka_unit_test(a_request_has_no_other_members),
        cmocka_unit_test(a_request_has_a_number_of_values_at_most),
        cmocka_unit_test(an_id_is_no_longer_than_can_be_kept),
        cmocka_unit_test(words_that_are_cut_within_a_character_can_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, stop);
}
