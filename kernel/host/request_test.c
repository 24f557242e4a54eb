/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

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
        cmocka_unit_test(words_that_are_cut_within_a_character_can_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, stop);
}
