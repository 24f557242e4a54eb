/* SPDX-License-Identifier: MIT */

/* run_sign.c: whose plugin a file is: key pairs, signatures, and what they are worth. Files are
 * those of minisign, so that either tool reads what the other wrote. */

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/plugin/plugin.h"
#include "kernel/plugin/trust.h"
#include "kernel/qnet/password.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { PATH = 4096, MEMORY = 256 << 20 };

static struct qnk_budget budget = {.limit = MEMORY};

/* --- files --- */

static bool file_put(const char *path, int flags, mode_t mode, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
    bool is_written = fd >= 0 && write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;

    if (!is_written) {
        fprintf(stderr, "qnet: cannot write '%s': %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_written;
}

/* The text of a key file. False, after words: it cannot be read. */
static bool key_text_read(const char *path, char text[QNK_MINISIGN_FILE_MAX], struct qn_span *bytes)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "qnet: cannot open '%s': %s\n", path, strerror(errno));
        return false;
    }
    *bytes = (struct qn_span){(const uint8_t *)text, fread(text, 1, QNK_MINISIGN_FILE_MAX, file)};
    (void)fclose(file);
    return true;
}

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

/* --- keygen --- */

static int pair_put(const char *path, const struct qnk_minisign_secret *secret,
                    const struct qnk_minisign_key *key, struct qn_span password)
{
    char text[QNK_MINISIGN_FILE_MAX], public_path[PATH];
    size_t size = qnk_minisign_secret_write(secret, password, text);
    int length = snprintf(public_path, sizeof public_path, "%s.pub", path);
    bool is_written = false;

    if (size == 0) {
        fprintf(stderr, "qnet: no memory to lock the key with its password\n");
    } else if (length > 0 && (size_t)length < sizeof public_path) {
        is_written = file_put(path, O_EXCL, 0600, text, size);
    }
    sodium_memzero(text, sizeof text);
    if (is_written) {
        size = qnk_minisign_key_write(key, text);
        is_written = file_put(public_path, O_EXCL, 0644, text, size);
    }
    return is_written ? QNK_CLI_OK : QNK_CLI_FAILED;
}

static void key_print(const char *path, const struct qnk_minisign_key *key, bool is_json)
{
    char id[17], text[QNK_MINISIGN_KEY_TEXT];

    qnk_minisign_id_text(key->id, id);
    qnk_minisign_key_text(key, text);
    if (is_json) {
        json_t *answer = json_pack("{s:s, s:s, s:s}", "file", path, "id", id, "key", text);

        qnk_json_print(answer);
        json_decref(answer);
    } else {
        printf("key %s, for a trust file:\n  - {key: %s, kinds: [...]}\n", id, text);
    }
}

int qnk_run_plugin_keygen(struct qnk_call *call)
{
    char password[QNK_PASSWORD_MAX] = "";
    bool is_open = qnk_call_flag(call, "open");
    struct qnk_minisign_secret secret;
    struct qnk_minisign_key key;

    if (sodium_init() < 0 ||
        (!is_open && !qnk_password_read(qnk_call_text(call, "password"), true, password))) {
        return QNK_CLI_FAILED;
    }
    qnk_minisign_pair(&secret, &key);

    int status = pair_put(call->operands[0], &secret, &key,
                          is_open ? (struct qn_span){NULL, 0} : span_of(password));

    qnk_minisign_forget(&secret, sizeof secret);
    sodium_memzero(password, sizeof password);
    if (status == QNK_CLI_OK && !call->quiet) {
        key_print(call->operands[0], &key, call->json);
    }
    return status;
}

/* --- sign --- */

static bool secret_read(struct qnk_call *call, struct qnk_minisign_secret *secret)
{
    char text[QNK_MINISIGN_FILE_MAX], password[QNK_PASSWORD_MAX] = "";
    char why[QNK_PLUGIN_WHY_MAX];
    const char *path = qnk_call_text(call, "key");
    struct qn_span bytes;
    bool is_read = key_text_read(path, text, &bytes);

    if (is_read && qnk_minisign_is_locked(bytes)) {
        is_read = qnk_password_read(qnk_call_text(call, "password"), false, password);
    }
    if (is_read && qnk_minisign_secret_read(bytes, span_of(password), secret, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", path, why);
        is_read = false;
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(password, sizeof password);
    return is_read;
}

/* Signs what the file says it is. A file that this kernel would not load is signed all the same: it
 * may be for another; one without a manifest is no plugin. */
static int file_sign(const char *path, const struct qnk_minisign_secret *secret,
                     const char *untrusted, bool is_quiet)
{
    char why[QNK_PLUGIN_WHY_MAX], comment[QNK_MINISIGN_COMMENT_MAX], text[QNK_MINISIGN_FILE_MAX];
    char beside[PATH];
    struct qnk_inspection it;
    int length = snprintf(beside, sizeof beside, "%s" QNK_TRUST_SUFFIX, path);

    if (qnk_inspect_open(path, &budget, &it, why) != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", path, why);
        return QNK_CLI_FAILED;
    }
    qnk_trust_comment(it.manifest.kind_name, it.manifest.name, it.manifest.version_text, &it.hash,
                      comment);

    size_t size = qnk_minisign_make(secret, it.sealed.bytes, untrusted, comment, text);

    qnk_inspect_done(&it);
    if (size == 0 || length < 0 || (size_t)length >= sizeof beside) {
        fprintf(stderr, "qnet: the comment is no line of at most %d bytes\n",
                QNK_MINISIGN_COMMENT_MAX);
        return QNK_CLI_USAGE;
    }
    if (!file_put(beside, O_TRUNC, 0644, text, size)) {
        return QNK_CLI_FAILED;
    }
    if (!is_quiet) {
        printf("%s: %s\n", beside, comment);
    }
    return QNK_CLI_OK;
}

int qnk_run_plugin_sign(struct qnk_call *call)
{
    struct qnk_minisign_secret secret;
    const char *untrusted = qnk_call_text(call, "comment");
    int status = QNK_CLI_OK;

    if (qnk_call_text(call, "key") == NULL) {
        fprintf(stderr,
                "qnet: --key is missing: whose signature? `qnet plugin keygen` makes one\n");
        return QNK_CLI_USAGE;
    }
    if (sodium_init() < 0 || !secret_read(call, &secret)) {
        return QNK_CLI_FAILED;
    }
    for (uint32_t i = 0; i < call->operands_count && status == QNK_CLI_OK; i++) {
        status = file_sign(call->operands[i], &secret, untrusted, call->quiet || call->json);
    }
    qnk_minisign_forget(&secret, sizeof secret);
    return status;
}

/* --- verify --- */

static struct qnk_trust *trust_open(const struct qnk_call *call)
{
    const char *trust_path = qnk_call_text(call, "trust");
    const char *key_path = qnk_call_text(call, "key");
    char why[QNK_PLUGIN_WHY_MAX] = "no memory", text[QNK_MINISIGN_FILE_MAX];
    struct qnk_minisign_key key;
    struct qnk_trust *trust = NULL;
    struct qn_span bytes;
    int32_t status = QN_INVALID;

    if (trust_path != NULL) {
        status = qnk_trust_open(trust_path, &budget, &trust, why);
    } else if (strlen(key_path) == QNK_MINISIGN_KEY_TEXT - 1) { /* the key itself */
        status = qnk_minisign_key_read(span_of(key_path), &key, why);
    } else if (key_text_read(key_path, text, &bytes)) {
        status = qnk_minisign_key_read(bytes, &key, why);
    } else {
        return NULL;
    }
    if (status == QN_OK && trust_path == NULL) {
        status = qnk_trust_of_key(&key, &budget, &trust);
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s%s%s\n", trust_path == NULL ? key_path : "",
                trust_path == NULL ? ": " : "", why);
    }
    return trust;
}

/* What is asked of a file when it is loaded, but for the lock file. */
static int32_t file_check(const struct qnk_trust *trust, const char *path,
                          struct qnk_trust_answer *answer, char why[QNK_PLUGIN_WHY_MAX])
{
    uint8_t room[QNK_MINISIGN_FILE_MAX + 1];
    struct qnk_inspection it;
    int32_t status = qnk_inspect_open(path, &budget, &it, why);

    if (status != QN_OK) {
        return status;
    }

    struct qnk_trust_ask ask = {
        .file = it.sealed.bytes,
        .hash = &it.hash,
        .kind = it.manifest.kind_name,
        .name = it.manifest.name,
        .signature = qnk_trust_signature(path, room),
        .now_ms = (uint64_t)time(NULL) * 1000,
    };

    status = qnk_trust_check(trust, &ask, answer, why);
    if (status == QN_OK && strcmp(answer->version, it.manifest.version_text) != 0) {
        snprintf(why, QNK_PLUGIN_WHY_MAX, "its signature says version %s, and its manifest %s",
                 answer->version, it.manifest.version_text);
        status = QN_DENIED;
    }
    qnk_inspect_done(&it);
    return status;
}

static json_t *verdict_show(const char *path, int32_t status, const struct qnk_trust_answer *answer,
                            const char *why, const struct qnk_call *call)
{
    if (call->json) {
        return json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "file", path, "good", status == QN_OK,
                         "signer", answer->signer, "owner", answer->owner, "version",
                         answer->version, "why", status == QN_OK ? "" : why);
    }
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s: %s\n", path, why);
    } else if (!call->quiet) {
        printf("%s: version %s, signed by key %s%s%s\n", path, answer->version, answer->signer,
               *answer->owner != 0 ? ", " : "", answer->owner);
    }
    return NULL;
}

int qnk_run_plugin_verify(struct qnk_call *call)
{
    bool has_trust = qnk_call_text(call, "trust") != NULL;
    bool has_key = qnk_call_text(call, "key") != NULL;
    int code = QNK_CLI_OK;

    if (has_trust == has_key) {
        fprintf(stderr, "qnet: whose signatures count? give --trust FILE or --key FILE\n");
        return QNK_CLI_USAGE;
    }
    if (sodium_init() < 0) {
        return QNK_CLI_FAILED;
    }

    struct qnk_trust *trust = trust_open(call);

    if (trust == NULL) {
        return QNK_CLI_FAILED;
    }

    json_t *list = json_array();

    for (uint32_t i = 0; i < call->operands_count; i++) {
        struct qnk_trust_answer answer = {.signer = ""};
        char why[QNK_PLUGIN_WHY_MAX] = "";
        int32_t status = file_check(trust, call->operands[i], &answer, why);
        json_t *verdict = verdict_show(call->operands[i], status, &answer, why, call);

        json_array_append_new(list, verdict);
        code = status == QN_OK ? code : QNK_CLI_REFUSED;
    }
    qnk_trust_destroy(trust);
    if (call->json) {
        json_t *answer = json_pack("{s:O}", "files", list);

        qnk_json_print(answer);
        json_decref(answer);
    }
    json_decref(list);
    return code;
}
