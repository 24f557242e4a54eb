/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/hex.h"

struct qnk_trust {
    struct qnk_budget *budget;
    struct qnk_minisign_key keys[QNK_TRUST_KEYS_MAX];
    struct qnk_trust_file file;
    void *block; /* what the file's texts lie in */
};

__attribute__((format(printf, 3, 4))) static int32_t refuse(int32_t status,
                                                            char why[QNK_PLUGIN_WHY_MAX],
                                                            const char *format, ...)
{
    va_list values;

    va_start(values, format);
    (void)vsnprintf(why, QNK_PLUGIN_WHY_MAX, format, values);
    va_end(values);
    return status;
}

/* --- the trust file --- */

static struct qnk_trust *trust_new(struct qnk_budget *budget)
{
    struct qnk_trust *trust = qnk_memory_take(budget, sizeof *trust);

    if (trust != NULL) {
        trust->budget = budget;
        trust->block = qnk_memory_take(budget, QNK_TRUST_ARENA);
        if (trust->block == NULL) {
            qnk_memory_give(budget, trust, sizeof *trust);
            return NULL;
        }
    }
    return trust;
}

void qnk_trust_destroy(struct qnk_trust *trust)
{
    if (trust != NULL) {
        qnk_memory_give(trust->budget, trust->block, QNK_TRUST_ARENA);
        qnk_memory_give(trust->budget, trust, sizeof *trust);
    }
}

static void keys_decode(struct qnk_trust *trust, struct qnk_report *report)
{
    for (uint32_t i = 0; i < trust->file.keys_count; i++) {
        const struct qnk_trust_file_key *key = &trust->file.keys[i];
        struct qn_span text = {(const uint8_t *)key->key, strlen(key->key)};
        char words[QNK_PLUGIN_WHY_MAX];

        if (qnk_minisign_key_read(text, &trust->keys[i], words) != QN_OK) {
            qnk_report_add(report, QNK_E105, key->place, "%s", words);
            qnk_report_hint(report, "the second line of minisign's public key file");
        }
    }
}

/* The first finding, in one line. */
static void finding_say(const struct qnk_report *report, const char *name,
                        char why[QNK_PLUGIN_WHY_MAX])
{
    const struct qnk_finding *first = &report->findings[0];

    if (report->count == 0) {
        (void)refuse(QN_INVALID, why, "%s: not a trust file", name);
        return;
    }
    (void)refuse(QN_INVALID, why, "%s:%u:%u: error[%s]: %s%s%s", name, first->place.mark.line,
                 first->place.mark.column, qnk_finding_code_name(first->code), first->text,
                 *first->hint != 0 ? ": " : "", first->hint);
}

static int32_t bytes_check(struct qnk_trust *trust, const char *name, struct qn_span bytes,
                           struct qnk_report *report, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_config_source source = {.name = name, .bytes = bytes};
    struct qnk_arena arena;

    qnk_arena_init(&arena, trust->block, QNK_TRUST_ARENA);
    qnk_report_init(report, &arena);

    int32_t status = qnk_trust_file_read(&source, &arena, report, &trust->file);

    if (status == QN_OK) {
        keys_decode(trust, report);
        status = report->errors > 0 ? QN_INVALID : QN_OK;
    }
    if (status == QN_NO_SPACE) {
        return refuse(status, why, "%s: no memory for the trust file", name);
    }
    if (status != QN_OK) {
        finding_say(report, name, why);
    }
    return status;
}

int32_t qnk_trust_read(const char *name, struct qn_span bytes, struct qnk_budget *budget,
                       struct qnk_trust **trust, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_trust *it = trust_new(budget);
    struct qnk_report *report = qnk_memory_take(budget, sizeof *report);
    int32_t status = QN_NO_SPACE;

    if (it == NULL || report == NULL) {
        (void)refuse(status, why, "no memory for the trust file");
    } else if (bytes.size > QNK_TRUST_FILE_MAX) {
        status = refuse(QN_INVALID, why, "%s: larger than 64 KiB", name);
    } else {
        status = bytes_check(it, name, bytes, report, why);
    }
    qnk_memory_give(budget, report, sizeof *report);
    if (status != QN_OK) {
        qnk_trust_destroy(it);
        return status;
    }
    *trust = it;
    return QN_OK;
}

/* At most `room` bytes of a file. -1: it cannot be read. A pipe is not waited for. */
static ssize_t file_read(const char *path, uint8_t *to, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? 1 : -1;
    size_t size = 0;

    while (got > 0 && size < room) {
        got = read(fd, to + size, room - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return got < 0 ? -1 : (ssize_t)size;
}

int32_t qnk_trust_open(const char *path, struct qnk_budget *budget, struct qnk_trust **trust,
                       char why[QNK_PLUGIN_WHY_MAX])
{
    uint8_t *bytes = qnk_memory_take(budget, QNK_TRUST_FILE_MAX + 1);
    ssize_t size = bytes != NULL ? file_read(path, bytes, QNK_TRUST_FILE_MAX + 1) : 0;
    int32_t status;

    if (bytes == NULL) {
        return refuse(QN_NO_SPACE, why, "no memory for the trust file");
    }
    if (size < 0) {
        status = refuse(QN_IO, why, "the trust file %s cannot be read: %s", path, strerror(errno));
    } else {
        status = qnk_trust_read(path, (struct qn_span){bytes, (uint64_t)size}, budget, trust, why);
    }
    qnk_memory_give(budget, bytes, QNK_TRUST_FILE_MAX + 1);
    return status;
}

int32_t qnk_trust_of_key(const struct qnk_minisign_key *key, struct qnk_budget *budget,
                         struct qnk_trust **trust)
{
    static const char *const every[] = {"transport", "storage",   "compression", "signature",
                                        "producer",  "consensus", "ledger",      "service"};
    struct qnk_trust *it = trust_new(budget);

    if (it == NULL) {
        return QN_NO_SPACE;
    }

    struct qnk_trust_file_key *only = it->block;

    *only = (struct qnk_trust_file_key){
        .key = "",
        .owner = "",
        .kinds = every,
        .kinds_count = sizeof every / sizeof *every,
        .until_ms = UINT64_MAX,
    };
    it->keys[0] = *key;
    it->file = (struct qnk_trust_file){.keys = only, .keys_count = 1};
    *trust = it;
    return QN_OK;
}

/* --- signatures --- */

struct qn_span qnk_trust_signature(const char *path, uint8_t *room)
{
    char beside[4096];
    int length = snprintf(beside, sizeof beside, "%s" QNK_TRUST_SUFFIX, path);
    ssize_t size = -1;

    if (length > 0 && (size_t)length < sizeof beside) {
        size = file_read(beside, room, QNK_MINISIGN_FILE_MAX + 1);
    }
    return size < 0 ? (struct qn_span){NULL, 0} : (struct qn_span){room, (uint64_t)size};
}

void qnk_trust_comment(const char *kind, const char *name, const char *version,
                       const struct qnk_hash *hash, char comment[QNK_MINISIGN_COMMENT_MAX])
{
    char digits[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(hash->bytes, QN_HASH_SIZE, digits);
    (void)snprintf(comment, QNK_MINISIGN_COMMENT_MAX, "qnet-plugin:1 %.32s %.32s %.17s %s", kind,
                   name, version, digits);
}

/* The words of a plugin's comment. False: it is another's. */
static bool comment_read(struct qn_span comment, char words[5][QNK_HEX_SIZE(QN_HASH_SIZE)])
{
    uint32_t word = 0, at = 0;

    memset(words, 0, 5 * sizeof words[0]);
    for (uint64_t i = 0; i < comment.size; i++) {
        char letter = (char)comment.data[i];

        if (letter == ' ' && at > 0 && word < 4) {
            word++;
            at = 0;
        } else if (letter == ' ' || at + 1 >= sizeof words[0]) {
            return false;
        } else {
            words[word][at++] = letter;
        }
    }
    return word == 4 && at > 0 && strcmp(words[0], "qnet-plugin:1") == 0;
}

static bool lists(const char *const *texts, uint32_t count, const char *text)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Why a key does not count for this plugin now, or NULL. */
static const char *key_fault(const struct qnk_trust_file_key *key, const struct qnk_trust_ask *ask)
{
    if (!lists(key->kinds, key->kinds_count, ask->kind)) {
        return "may not sign this kind";
    }
    if (key->names_count > 0 && !lists(key->names, key->names_count, ask->name)) {
        return "may not sign a plugin of this name";
    }
    if (ask->now_ms < key->from_ms) {
        return "does not count yet";
    }
    return ask->now_ms >= key->until_ms ? "does not count any more" : NULL;
}

/* The place of the key that made the signature and counts; QN_NOT_FOUND: none. */
static int32_t key_find(const struct qnk_trust *trust, const struct qnk_trust_ask *ask,
                        const struct qnk_minisign *signature, uint32_t *place,
                        char why[QNK_PLUGIN_WHY_MAX])
{
    char id[17];

    qnk_minisign_id_text(signature->id, id);
    (void)refuse(QN_NOT_FOUND, why,
                 "signed by key %s, which the trust file does not have: add it if you trust it",
                 id);
    for (uint32_t i = 0; i < trust->file.keys_count; i++) {
        const char *fault = key_fault(&trust->file.keys[i], ask);

        if (memcmp(trust->keys[i].id, signature->id, sizeof signature->id) != 0) {
            continue;
        }
        if (fault == NULL) {
            *place = i;
            return QN_OK;
        }
        (void)refuse(QN_NOT_FOUND, why, "signed by key %s, which %s, says the trust file", id,
                     fault);
    }
    return QN_NOT_FOUND;
}

/* The comment must be of this very file and plugin. */
static int32_t comment_check(const struct qnk_trust_ask *ask, const struct qnk_minisign *signature,
                             struct qnk_trust_answer *answer, char why[QNK_PLUGIN_WHY_MAX])
{
    char words[5][QNK_HEX_SIZE(QN_HASH_SIZE)];
    char digits[QNK_HEX_SIZE(QN_HASH_SIZE)];
    uint32_t version[3];

    qnk_hex_encode(ask->hash->bytes, QN_HASH_SIZE, digits);
    if (!comment_read(signature->comment, words) || !qnk_trust_version_read(words[3], version)) {
        return refuse(QN_DENIED, why,
                      "its signature is of no plugin: the trusted comment must be `qnet-plugin:1 "
                      "<kind> <name> <version> <SHA-256>`; sign by `qnet plugin sign`");
    }
    if (strcmp(words[1], ask->kind) != 0 || strcmp(words[2], ask->name) != 0 ||
        strcmp(words[4], digits) != 0) {
        return refuse(QN_DENIED, why,
                      "its signature was made for %s/%s %s, file %.12s, and this is %s/%s, file "
                      "%.12s: moved here from another plugin, or the file was changed",
                      words[1], words[2], words[3], words[4], ask->kind, ask->name, digits);
    }
    (void)snprintf(answer->version, sizeof answer->version, "%.17s", words[3]);
    return QN_OK;
}

int32_t qnk_trust_least_check(const struct qnk_trust *trust, const char *kind, const char *name,
                              const char *version_text, char why[QNK_PLUGIN_WHY_MAX])
{
    uint32_t version[3];

    if (!qnk_trust_version_read(version_text, version)) {
        return refuse(QN_DENIED, why, "its version is no version");
    }
    for (uint32_t i = 0; i < trust->file.least_count; i++) {
        const struct qnk_trust_file_least *least = &trust->file.least[i];

        if (strcmp(least->kind, kind) == 0 && strcmp(least->name, name) == 0 &&
            qnk_trust_version_compare(version, least->version) < 0) {
            return refuse(QN_DENIED, why,
                          "version %s is older than %u.%u.%u, the least that the trust file takes: "
                          "install a newer one",
                          version_text, least->version[0], least->version[1], least->version[2]);
        }
    }
    return QN_OK;
}

static int32_t revoked_check(const struct qnk_trust *trust, const struct qnk_trust_ask *ask,
                             char why[QNK_PLUGIN_WHY_MAX])
{
    for (uint32_t i = 0; i < trust->file.revoked_count; i++) {
        if (qnk_hash_equal(&trust->file.revoked[i], ask->hash)) {
            return refuse(QN_DENIED, why,
                          "the trust file revokes this very file: install another version");
        }
    }
    return QN_OK;
}

int32_t qnk_trust_check(const struct qnk_trust *trust, const struct qnk_trust_ask *ask,
                        struct qnk_trust_answer *answer, char why[QNK_PLUGIN_WHY_MAX])
{
    struct qnk_trust_answer it = {.signer = ""};
    struct qnk_minisign signature;
    char words[QNK_PLUGIN_WHY_MAX];
    uint32_t place = 0;
    int32_t status = revoked_check(trust, ask, why);

    if (status != QN_OK) {
        return status;
    }
    if (ask->signature.data == NULL) {
        return refuse(QN_NOT_FOUND, why,
                      "not signed: there is no file of its name and " QNK_TRUST_SUFFIX
                      " beside it; see `qnet plugin sign`");
    }
    if (qnk_minisign_read(ask->signature, &signature, words) != QN_OK) {
        return refuse(QN_DENIED, why, "its signature file is %.200s", words);
    }
    status = key_find(trust, ask, &signature, &place, why);
    if (status != QN_OK) {
        return status;
    }
    status = comment_check(ask, &signature, &it, why);
    if (status != QN_OK) {
        return status;
    }
    if (!qnk_minisign_is_good(&signature, &trust->keys[place], ask->file)) {
        return refuse(QN_DENIED, why,
                      "its signature is not of this file, or was tampered with: install both anew");
    }
    status = qnk_trust_least_check(trust, ask->kind, ask->name, it.version, why);
    if (status == QN_OK) {
        qnk_minisign_id_text(signature.id, it.signer);
        (void)snprintf(it.owner, sizeof it.owner, "%s", trust->file.keys[place].owner);
        *answer = it;
    }
    return status;
}
