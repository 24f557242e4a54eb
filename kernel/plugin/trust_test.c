/* SPDX-License-Identifier: MIT */

/* trust_test.c: who signed what, and who is trusted with it. tests/e2e/trust_test.sh asks the tool
 * minisign itself. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/plugin/trust.h"

#define KEY  "@KEY@"
#define HEAD "version: qnet.trust/v1\n"
#define BFT  HEAD "keys:\n  - {key: " KEY ", owner: Ada, kinds: [consensus], names: [bft]}\n"

enum { NOW = 1000, TEXT = 8192 };

static struct qnk_budget budget = {.limit = 1u << 26};
static char why[QNK_PLUGIN_WHY_MAX];
static struct qnk_minisign_secret secret;
static struct qnk_minisign_key key;
static const char plugin[] = "bytes of a plugin";

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

/* Texts have @KEY@ where the key stands. */
static int32_t trust_read(const char *text, struct qnk_trust **trust)
{
    char whole[TEXT], base64[QNK_MINISIGN_KEY_TEXT];
    size_t size = 0;

    qnk_minisign_key_text(&key, base64);
    for (const char *at = text; *at != 0;) {
        bool is_key = strncmp(at, KEY, strlen(KEY)) == 0;
        const char *piece = is_key ? base64 : at;
        size_t length = is_key ? strlen(base64) : 1;

        assert_true(size + length < sizeof whole);
        memcpy(whole + size, piece, length);
        size += length;
        at += is_key ? strlen(KEY) : 1;
    }
    why[0] = 0;
    return qnk_trust_read("trust.yaml", (struct qn_span){(const uint8_t *)whole, size}, &budget,
                          trust, why);
}

static struct qnk_trust *trust_of(const char *text)
{
    struct qnk_trust *trust = NULL;

    if (trust_read(text, &trust) != QN_OK) {
        fail_msg("%s", why);
    }
    return trust;
}

static void refuses(const char *text, const char *words)
{
    struct qnk_trust *trust = NULL;

    assert_int_equal(trust_read(text, &trust), QN_INVALID);
    assert_null(trust);
    if (strstr(why, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, why);
    }
    assert_int_equal(budget.used, 0);
}

static struct qnk_hash hash_of(const char *bytes)
{
    struct qnk_hash hash;

    qnk_hash_tagged("", bytes, strlen(bytes), &hash);
    return hash;
}

/* Signs `bytes` as this plugin; the text is the caller's until the next call. */
static struct qn_span sign_as(const char *kind, const char *name, const char *version,
                              const char *bytes)
{
    static char text[QNK_MINISIGN_FILE_MAX];
    char comment[QNK_MINISIGN_COMMENT_MAX];
    struct qnk_hash hash = hash_of(bytes);

    qnk_trust_comment(kind, name, version, &hash, comment);
    return (struct qn_span){(const uint8_t *)text, qnk_minisign_make(&secret, span_of(bytes),
                                                                     "for people", comment, text)};
}

static int32_t ask_at(const struct qnk_trust *trust, const char *kind, const char *name,
                      struct qn_span signature, uint64_t now_ms, struct qnk_trust_answer *answer)
{
    struct qnk_hash hash = hash_of(plugin);
    const struct qnk_trust_ask ask = {
        .file = span_of(plugin),
        .hash = &hash,
        .kind = kind,
        .name = name,
        .signature = signature,
        .now_ms = now_ms,
    };

    why[0] = 0;
    return qnk_trust_check(trust, &ask, answer, why);
}

static void answers(const struct qnk_trust *trust, struct qn_span signature, int32_t status,
                    const char *words)
{
    struct qnk_trust_answer answer = {.signer = "none"};

    assert_int_equal(ask_at(trust, "consensus", "bft", signature, NOW, &answer), status);
    if (strstr(why, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, why);
    }
    assert_true(status == QN_OK || strcmp(answer.signer, "none") == 0);
}

static int start(void **state)
{
    (void)state;
    qnk_minisign_pair(&secret, &key);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return budget.used == 0 ? 0 : -1;
}

/* --- signatures --- */

static void a_signed_plugin_is_told_with_its_signer(void **state)
{
    struct qnk_trust *trust = trust_of(BFT);
    struct qnk_trust_answer answer;
    char id[17];

    (void)state;
    qnk_minisign_id_text(key.id, id);
    assert_int_equal(ask_at(trust, "consensus", "bft", sign_as("consensus", "bft", "1.2.3", plugin),
                            NOW, &answer),
                     QN_OK);
    assert_string_equal(answer.signer, id);
    assert_string_equal(answer.owner, "Ada");
    assert_string_equal(answer.version, "1.2.3");
    qnk_trust_destroy(trust);
}

static void what_nobody_signed_is_not_found(void **state)
{
    struct qnk_trust *trust = trust_of(BFT);
    struct qnk_minisign_secret own = secret;
    struct qnk_minisign_key other;

    (void)state;
    answers(trust, (struct qn_span){NULL, 0}, QN_NOT_FOUND, "not signed");
    qnk_minisign_pair(&secret, &other);
    answers(trust, sign_as("consensus", "bft", "1.0.0", plugin), QN_NOT_FOUND,
            "which the trust file does not have");
    secret = own;
    qnk_trust_destroy(trust);
}

static void a_signature_is_of_one_plugin_and_one_file(void **state)
{
    struct qnk_trust *trust = trust_of(HEAD "keys: [{key: " KEY ", kinds: [consensus]}]\n");

    (void)state;
    answers(trust, sign_as("consensus", "mine", "1.0.0", plugin), QN_DENIED, "moved here");
    answers(trust, sign_as("producer", "bft", "1.0.0", plugin), QN_DENIED, "moved here");
    answers(trust, sign_as("consensus", "bft", "1.0.0", "another file"), QN_DENIED,
            "the file was changed");
    qnk_trust_destroy(trust);
}

/* With the right hash in the comment, too. */
static void a_signature_of_other_bytes_is_refused(void **state)
{
    struct qnk_trust *trust = trust_of(BFT);
    struct qnk_hash hash = hash_of(plugin);
    char text[QNK_MINISIGN_FILE_MAX], comment[QNK_MINISIGN_COMMENT_MAX];

    (void)state;
    qnk_trust_comment("consensus", "bft", "1.0.0", &hash, comment);

    size_t size = qnk_minisign_make(&secret, span_of("other bytes"), "", comment, text);

    answers(trust, (struct qn_span){(const uint8_t *)text, size}, QN_DENIED,
            "its signature is not of this file");
    qnk_trust_destroy(trust);
}

static void every_changed_letter_is_seen(void **state)
{
    struct qnk_trust *trust = trust_of(BFT);
    struct qn_span whole = sign_as("consensus", "bft", "1.0.0", plugin);
    uint64_t first = (uint64_t)((const uint8_t *)memchr(whole.data, '\n', whole.size) - whole.data);
    uint8_t copy[QNK_MINISIGN_FILE_MAX];
    struct qnk_trust_answer answer;

    (void)state;
    memcpy(copy, whole.data, whole.size);
    for (uint64_t i = first; i < whole.size - 1; i++) { /* the untrusted comment is no matter */
        copy[i] ^= 1;
        assert_int_not_equal(
            ask_at(trust, "consensus", "bft", (struct qn_span){copy, whole.size}, NOW, &answer),
            QN_OK);
        copy[i] ^= 1;
    }
    for (uint64_t size = 0; size + 1 < whole.size; size++) {
        assert_int_equal(
            ask_at(trust, "consensus", "bft", (struct qn_span){copy, size}, NOW, &answer),
            QN_DENIED);
    }
    qnk_trust_destroy(trust);
}

static void a_comment_of_another_form_is_refused(void **state)
{
    static const char *const comments[] = {
        "timestamp:1 file:a.so hashed",          "qnet-plugin:1 consensus bft 1.0.0",
        "qnet-plugin:2 consensus bft 1.0.0 00",  "qnet-plugin:1 consensus bft 1.0 00",
        "qnet-plugin:1  consensus bft 1.0.0 00", "qnet-plugin:1 consensus bft 1.0.0 00 ",
    };
    struct qnk_trust *trust = trust_of(BFT);
    char text[QNK_MINISIGN_FILE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
        size_t size = qnk_minisign_make(&secret, span_of(plugin), "", comments[i], text);

        answers(trust, (struct qn_span){(const uint8_t *)text, size}, QN_DENIED, "is of no plugin");
    }
    qnk_trust_destroy(trust);
}

/* --- the trust file --- */

static void keys_are_scoped_by_kind_and_name(void **state)
{
    struct qnk_trust *trust = trust_of(BFT);
    struct qnk_trust_answer answer;

    (void)state;
    assert_int_equal(
        ask_at(trust, "producer", "bft", sign_as("producer", "bft", "1.0.0", plugin), NOW, &answer),
        QN_NOT_FOUND);
    assert_non_null(strstr(why, "may not sign this kind"));
    assert_int_equal(ask_at(trust, "consensus", "mine",
                            sign_as("consensus", "mine", "1.0.0", plugin), NOW, &answer),
                     QN_NOT_FOUND);
    assert_non_null(strstr(why, "may not sign a plugin of this name"));
    qnk_trust_destroy(trust);
}

/* The same key may stand twice, with other rights. */
static void the_second_entry_of_a_key_counts_too(void **state)
{
    struct qnk_trust *trust =
        trust_of(BFT "  - {key: " KEY ", owner: Bob, kinds: [producer, ledger]}\n");
    struct qnk_trust_answer answer;

    (void)state;
    assert_int_equal(
        ask_at(trust, "ledger", "any", sign_as("ledger", "any", "1.0.0", plugin), NOW, &answer),
        QN_OK);
    assert_string_equal(answer.owner, "Bob");
    qnk_trust_destroy(trust);
}

static void keys_count_for_a_time(void **state)
{
    struct qnk_trust *trust =
        trust_of(HEAD "keys:\n  - key: " KEY "\n    kinds: [consensus]\n"
                      "    from: 1970-01-01T00:00:02Z\n    until: 1970-01-01T00:00:05Z\n");
    struct qn_span signature = sign_as("consensus", "bft", "1.0.0", plugin);
    struct qnk_trust_answer answer;

    (void)state;
    assert_int_equal(ask_at(trust, "consensus", "bft", signature, 1999, &answer), QN_NOT_FOUND);
    assert_non_null(strstr(why, "does not count yet"));
    assert_int_equal(ask_at(trust, "consensus", "bft", signature, 2000, &answer), QN_OK);
    assert_int_equal(ask_at(trust, "consensus", "bft", signature, 4999, &answer), QN_OK);
    assert_int_equal(ask_at(trust, "consensus", "bft", signature, 5000, &answer), QN_NOT_FOUND);
    assert_non_null(strstr(why, "any more"));
    qnk_trust_destroy(trust);
}

static void older_than_the_least_version_is_refused(void **state)
{
    struct qnk_trust *trust =
        trust_of(BFT "least: [{kind: consensus, name: bft, version: \"1.10.0\"}]\n");

    (void)state;
    answers(trust, sign_as("consensus", "bft", "1.9.99", plugin), QN_DENIED, "older than 1.10.0");
    answers(trust, sign_as("consensus", "bft", "1.10.0", plugin), QN_OK, "");
    answers(trust, sign_as("consensus", "bft", "2.0.0", plugin), QN_OK, "");
    qnk_trust_destroy(trust);
}

static void a_revoked_file_is_refused_whoever_signed_it(void **state)
{
    char text[TEXT], digits[65];
    struct qnk_hash hash = hash_of(plugin);

    (void)state;
    for (size_t i = 0; i < sizeof hash.bytes; i++) {
        (void)snprintf(digits + 2 * i, 3, "%02x", hash.bytes[i]);
    }
    (void)snprintf(text, sizeof text, "%srevoked: [%s]\n", BFT, digits);

    struct qnk_trust *trust = trust_of(text);

    answers(trust, sign_as("consensus", "bft", "1.0.0", plugin), QN_DENIED, "revokes");
    answers(trust, (struct qn_span){NULL, 0}, QN_DENIED, "revokes");
    qnk_trust_destroy(trust);
}

/* Whoever may write where a plugin lies would stop the node for ever. */
static void a_pipe_for_a_signature_is_not_waited_for(void **state)
{
    uint8_t room[QNK_MINISIGN_FILE_MAX + 1];
    char folder[] = "/tmp/qnet-trust-XXXXXX", so[64], beside[128];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(so, sizeof so, "%s/x.so", folder);
    (void)snprintf(beside, sizeof beside, "%s" QNK_TRUST_SUFFIX, so);
    assert_int_equal(mkfifo(beside, 0600), 0);
    (void)alarm(10);
    assert_int_equal(qnk_trust_signature(so, room).size, 0);
    (void)alarm(0);
    assert_int_equal(unlink(beside), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void what_is_wrong_in_the_file_is_said_with_its_place(void **state)
{
    (void)state;
    refuses("keys: []\n", "E103");
    refuses(HEAD "keys: [{key: RWQ, kinds: [consensus]}]\n", "trust.yaml:2:14: error[E105]: no ");
    refuses(HEAD "keys: [{key: " KEY "}]\n", "E103");
    refuses(HEAD "keys: [{key: " KEY ", kinds: []}]\n", "no kind of plugin");
    refuses(HEAD "keys: [{key: " KEY ", kinds: [ledger], names: []}]\n", "may sign no plugin");
    refuses(HEAD "keys: [{key: " KEY ", kinds: [consensus, court]}]\n", "E106");
    refuses(HEAD "keys:\n  - {key: " KEY ", kinds: [ledger], until: 1970-01-01T00:00:00Z}\n",
            "never count");
    refuses(HEAD "least: [{kind: ledger, name: a, version: \"1.2\"}]\n", "no version");
    refuses(HEAD "least: [{kind: ledger, name: a, version: \"1.02.3\"}]\n", "no version");
    refuses(HEAD "revoked: [00]\n", "E105");
    refuses(HEAD "revokd: []\n", "did you mean 'revoked'");
    refuses("- one\n", "not a map");
    refuses("\t", "E101");
}

/* --- key files --- */

static void keys_are_read_as_they_were_written(void **state)
{
    char text[QNK_MINISIGN_FILE_MAX];
    struct qn_span bytes = {(const uint8_t *)text, 0}, none = {NULL, 0};
    struct qnk_minisign_secret read;
    struct qnk_minisign_key public;

    (void)state;
    bytes.size = qnk_minisign_key_write(&key, text);
    assert_int_equal(qnk_minisign_key_read(bytes, &public, why), QN_OK);
    assert_memory_equal(&public, &key, sizeof key);
    bytes.size = qnk_minisign_secret_write(&secret, none, text);
    assert_false(qnk_minisign_is_locked(bytes));
    assert_int_equal(qnk_minisign_secret_read(bytes, none, &read, why), QN_OK);
    assert_memory_equal(&read, &secret, sizeof read);
    text[bytes.size - 100] ^= 1; /* in the public half */
    assert_int_equal(qnk_minisign_secret_read(bytes, none, &read, why), QN_INVALID);
}

static void a_locked_key_wants_its_password(void **state)
{
    char text[QNK_MINISIGN_FILE_MAX];
    struct qn_span bytes = {(const uint8_t *)text, 0};
    struct qnk_minisign_secret read = {.id = {0}};

    (void)state;
    bytes.size = qnk_minisign_secret_write(&secret, span_of("open"), text);
    assert_true(bytes.size > 0);
    assert_true(qnk_minisign_is_locked(bytes));
    assert_int_equal(qnk_minisign_secret_read(bytes, span_of("opened"), &read, why), QN_DENIED);
    assert_int_equal(qnk_minisign_secret_read(bytes, span_of("open"), &read, why), QN_OK);
    assert_memory_equal(&read, &secret, sizeof read);
}

/* Made by minisign 0.11: a key, and its signature of the three bytes "abc". */
static void what_minisign_wrote_is_read(void **state)
{
    static const char public_text[] = "untrusted comment: minisign public key D566C6BB4CE06333\n"
                                      "RWQzY+BMu8Zm1QJHRvph0xG9jB5OgCeNek283k0KTh54DD5K2oLbZEx3\n";
    static const char signature_text[] =
        "untrusted comment: signature from minisign secret key\n"
        "RUQzY+BMu8Zm1V18oJHHXGsOqCmRc9BlSHSdHH9MJ0Q0liR3c+luGESnYssFmESlYRfb7Q9i"
        "xR27zxJtenA5kTnCmgh3BhVwCw0=\n"
        "trusted comment: for a test\n"
        "zto2lx3a3eHImpmMpW8y2E3qguevZk49MPPqW/OptfPV6TMsb/pfUkIV87B3ShB2sZXLrVrl"
        "H4H8RHIQ54gBAA==\n";
    struct qnk_minisign signature;
    struct qnk_minisign_key public;

    (void)state;
    assert_int_equal(qnk_minisign_key_read(span_of(public_text), &public, why), QN_OK);
    assert_int_equal(qnk_minisign_read(span_of(signature_text), &signature, why), QN_OK);
    assert_true(qnk_minisign_is_good(&signature, &public, span_of("abc")));
    assert_false(qnk_minisign_is_good(&signature, &public, span_of("abd")));
    assert_int_equal(signature.comment.size, strlen("for a test"));
    assert_memory_equal(signature.comment.data, "for a test", signature.comment.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_plugin_is_told_with_its_signer),
        cmocka_unit_test(what_nobody_signed_is_not_found),
        cmocka_unit_test(a_signature_is_of_one_plugin_and_one_file),
        cmocka_unit_test(a_signature_of_other_bytes_is_refused),
        cmocka_unit_test(every_changed_letter_is_seen),
        cmocka_unit_test(a_comment_of_another_form_is_refused),
        cmocka_unit_test(keys_are_scoped_by_kind_and_name),
        cmocka_unit_test(the_second_entry_of_a_key_counts_too),
        cmocka_unit_test(keys_count_for_a_time),
        cmocka_unit_test(older_than_the_least_version_is_refused),
        cmocka_unit_test(a_revoked_file_is_refused_whoever_signed_it),
        cmocka_unit_test(a_pipe_for_a_signature_is_not_waited_for),
        cmocka_unit_test(what_is_wrong_in_the_file_is_said_with_its_place),
        cmocka_unit_test(keys_are_read_as_they_were_written),
        cmocka_unit_test(a_locked_key_wants_its_password),
        cmocka_unit_test(what_minisign_wrote_is_read),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, start, stop);
}
