/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/config/network.h"
#include "kernel/config/node_file.h"
#include "kernel/config/record.h"
#include "kernel/config/schema.h"

static void the_distance_of_words_counts_single_changes(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_config_distance("listen", "listen", 2), 0);
    assert_int_equal(qnk_config_distance("listn", "listen", 2), 1);
    assert_int_equal(qnk_config_distance("lissten", "listen", 2), 1);
    assert_int_equal(qnk_config_distance("lisden", "listen", 2), 1);
    assert_int_equal(qnk_config_distance("lsiten", "listen", 2), 2);
    assert_int_equal(qnk_config_distance("listening", "listen", 2), 3);
    assert_int_equal(qnk_config_distance("", "ab", 2), 2);
    assert_int_equal(qnk_config_distance("abcdef", "uvwxyz", 2), 3);
    assert_int_equal(qnk_config_distance("kitten", "sitting", 9), 3);
}

static void words_that_are_no_keys_are_far_from_all(void **subject)
{
    (void)subject;
    const char *longest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 48 */
    const char *longer = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    assert_int_equal(qnk_config_distance(longest, longest, 2), 0);
    assert_int_equal(qnk_config_distance(longer, longest, 2), 3);
    assert_int_equal(qnk_config_distance(longest, longer, 2), 3);
}

static const char *fault_of(struct qnk_config_key key)
{
    const struct qnk_config_schema schema = {.title = "", .keys = &key, .count = 1};

    if (key.doc == NULL) {
        key.doc = "";
    }
    return qnk_config_schema_fault(&schema);
}

static void names_are_words_apart_by_dots(void **subject)
{
    (void)subject;
    static const char *const right[] = {"a", "map_size", "settle.blocks", "a.b.c", "x9"};
    static const char *const wrong[] = {
        "",  ".",   "a.",  ".a",       "a..b",
        "A", "a-b", "a b", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    for (size_t i = 0; i < 5; i++) {
        assert_null(fault_of((struct qnk_config_key){.name = right[i], .type = QNK_CONFIG_INT}));
    }
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(
            fault_of((struct qnk_config_key){.name = wrong[i], .type = QNK_CONFIG_INT}),
            "a key's name");
    }
}

static void only_the_types_of_manifests_are_taken(void **subject)
{
    (void)subject;
    for (uint32_t type = 0; type < 256; type++) {
        uint32_t item = type & QNK_CONFIG_ITEM;
        bool is_right =
            item >= QNK_CONFIG_BOOL && item < QNK_CONFIG_CHOICE &&
            (type & (QNK_CONFIG_LIST | QNK_CONFIG_MAP)) != (QNK_CONFIG_LIST | QNK_CONFIG_MAP);
        const char *fault = fault_of((struct qnk_config_key){.name = "a", .type = (uint8_t)type});

        assert_int_equal(fault == NULL, is_right); /* a choice lacks its values here */
    }
    assert_string_equal(fault_of((struct qnk_config_key){.name = "a", .type = QNK_CONFIG_AMOUNT}),
                        "a key's type");
}

static void units_and_flags_are_known_ones(void **subject)
{
    (void)subject;
    struct qnk_config_key key = {.name = "a", .type = QNK_CONFIG_INT, .flags = 15, .unit = 8};

    assert_null(fault_of(key));
    key.unit = 9;
    assert_string_equal(fault_of(key), "a key's unit");
    key.unit = 0;
    key.flags = 16;
    assert_string_equal(fault_of(key), "a key's flags");
}

static void choices_have_values_and_others_none(void **subject)
{
    (void)subject;
    static const char *const values[QNK_CONFIG_CHOICES_MAX + 1] = {"x", "y"};
    struct qnk_config_key key = {.name = "a", .type = QNK_CONFIG_CHOICE};

    assert_string_equal(fault_of(key), "a key's choices");
    key.values = values;
    key.values_count = 2;
    assert_null(fault_of(key));
    key.values_count = QNK_CONFIG_CHOICES_MAX + 1;
    assert_string_equal(fault_of(key), "a key's choices");
    key.type = QNK_CONFIG_INT;
    key.values_count = 1;
    assert_string_equal(fault_of(key), "a key's choices");
}

static void bounds_and_defaults_are_records_of_their_type(void **subject)
{
    (void)subject;
    static const char *const values[] = {"x", "y"};
    struct qnk_config_key key = {.name = "a",
                                 .type = QNK_CONFIG_INT,
                                 .absent = QNK_RECORD_U64(5),
                                 .min = QNK_RECORD_U64(1),
                                 .max = QNK_RECORD_U64(9)};

    assert_null(fault_of(key));
    key.min = (struct qn_span)QNK_RECORD_U32(1);
    assert_string_equal(fault_of(key), "a key's bounds");
    key.min.size = 0;
    key.max = (struct qn_span)QNK_RECORD_U32(1);
    assert_string_equal(fault_of(key), "a key's bounds");
    key.max.size = 0;
    key.absent = (struct qn_span)QNK_RECORD_U32(1);
    assert_string_equal(fault_of(key), "a key's default");

    key.type = QNK_CONFIG_RATIO;
    assert_null(fault_of(key));
    key.type = QNK_CONFIG_STRING;
    assert_string_equal(fault_of(key), "a key's default"); /* a text of one byte that is missing */
    key.absent = (struct qn_span)QNK_RECORD_TEXT("\3", "abc");
    assert_null(fault_of(key));
    key.absent.size++;
    assert_string_equal(fault_of(key), "a key's default");

    key.type = QNK_CONFIG_BOOL;
    key.absent = (struct qn_span)QNK_RECORD_FLAG(true);
    assert_null(fault_of(key));
    key.absent = (struct qn_span){(const uint8_t *)"\2", 1};
    assert_string_equal(fault_of(key), "a key's default");

    key.type = QNK_CONFIG_CHOICE;
    key.values = values;
    key.values_count = 2;
    key.absent = (struct qn_span)QNK_RECORD_U32(1);
    assert_null(fault_of(key));
    key.absent = (struct qn_span)QNK_RECORD_U32(2);
    assert_string_equal(fault_of(key), "a key's default");
}

static void defaults_may_be_lists_and_maps(void **subject)
{
    (void)subject;
    struct qnk_config_key key = {.name = "a", .type = QNK_CONFIG_BOOL | QNK_CONFIG_LIST};

    key.absent = (struct qn_span){(const uint8_t *)"\2\0\0\0\1\0", 6};
    assert_null(fault_of(key));
    key.absent.size--;
    assert_string_equal(fault_of(key), "a key's default");
    key.type = QNK_CONFIG_BOOL | QNK_CONFIG_MAP;
    key.absent = (struct qn_span){(const uint8_t *)"\1\0\0\0\2\0\0\0ab\1", 11};
    assert_null(fault_of(key));
    key.absent = (struct qn_span){(const uint8_t *)"\1\0\0\0\2\0\0\0ab\3", 11};
    assert_string_equal(fault_of(key), "a key's default");
    key.absent = (struct qn_span){(const uint8_t *)"\xff\xff\xff\xff", 4};
    assert_string_equal(fault_of(key), "a key's default");
}

static void a_key_comes_once_and_is_no_group(void **subject)
{
    (void)subject;
    struct qnk_config_key keys[] = {{.name = "log", .type = QNK_CONFIG_INT},
                                    {.name = "log_level", .type = QNK_CONFIG_INT}};
    const struct qnk_config_schema schema = {.title = "", .keys = keys, .count = 2};

    assert_null(qnk_config_schema_fault(&schema));
    keys[1].name = "log.level";
    assert_string_equal(qnk_config_schema_fault(&schema), "a key that comes twice");
    keys[0].name = "log.level";
    keys[1].name = "log";
    assert_string_equal(qnk_config_schema_fault(&schema), "a key that comes twice");
    keys[1].name = "log.level";
    assert_string_equal(qnk_config_schema_fault(&schema), "a key that comes twice");
    keys[1].name = "log.format";
    assert_null(qnk_config_schema_fault(&schema));
}

static void there_are_not_too_many_keys(void **subject)
{
    (void)subject;
    const struct qnk_config_schema schema = {
        .title = "", .keys = NULL, .count = QNK_CONFIG_KEYS_MAX + 1};

    assert_string_equal(qnk_config_schema_fault(&schema), "too many keys");
}

static void keys_are_found_by_their_whole_name(void **subject)
{
    (void)subject;
    assert_non_null(qnk_config_key_find(&qnk_network_schema, "settle.blocks"));
    assert_null(qnk_config_key_find(&qnk_network_schema, "settle"));
    assert_null(qnk_config_key_find(&qnk_network_schema, "blocks"));
}

/* What a manifest's schema must be, the kernel's own are as well, but for their types. */
static void the_kernels_own_schemas_are_in_order(void **subject)
{
    (void)subject;
    const struct qnk_config_schema *const own[] = {&qnk_network_schema, &qnk_node_schema};

    for (size_t k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < own[k]->count; i++) {
            struct qnk_config_key key = own[k]->keys[i];

            assert_true(*key.doc != 0);
            for (uint32_t j = 0; j < i; j++) {
                assert_string_not_equal(own[k]->keys[j].name, key.name);
            }
            key.flags &= QNK_CONFIG_KEY_FILE - 1;
            if ((key.type & QNK_CONFIG_ITEM) > QNK_CONFIG_CHOICE) {
                continue;
            }
            assert_null(fault_of(key));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distance_of_words_counts_single_changes),
        cmocka_unit_test(words_that_are_no_keys_are_far_from_all),
        cmocka_unit_test(names_are_words_apart_by_dots),
        cmocka_unit_test(only_the_types_of_manifests_are_taken),
        cmocka_unit_test(units_and_flags_are_known_ones),
        cmocka_unit_test(choices_have_values_and_others_none),
        cmocka_unit_test(bounds_and_defaults_are_records_of_their_type),
        cmocka_unit_test(defaults_may_be_lists_and_maps),
        cmocka_unit_test(a_key_comes_once_and_is_no_group),
        cmocka_unit_test(there_are_not_too_many_keys),
        cmocka_unit_test(keys_are_found_by_their_whole_name),
        cmocka_unit_test(the_kernels_own_schemas_are_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
