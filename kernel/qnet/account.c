/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/account.h"

#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/qnet/show.h"

enum { PATH = 1024 };

static bool is_digits(const char *text)
{
    return *text != 0 && strlen(text) <= 4 && text[strspn(text, "0123456789")] == 0;
}

/* The key file of a dev network's account: NODE/../keys/N.key. */
static bool dev_path(struct qnk_client *client, const char *number, char path[PATH])
{
    int status;
    json_t *node = client == NULL ? NULL : qnk_client_ask(client, "node", NULL, &status);
    const char *config = qnk_string(node, "config");
    int end = (int)strlen(config);
    bool is_known = node != NULL && *config == '/';

    for (int slashes = 0; end > 0 && slashes < 2; end--) {
        slashes += config[end - 1] == '/';
    }
    snprintf(path, PATH, "%.*s/keys/%s.key", end < 900 ? end : 900, config, number);
    json_decref(node);
    if (!is_known) {
        fprintf(stderr,
                "qnet: account %s is one of a dev network, and none is at hand\n  qnet dev\n",
                number);
    }
    return is_known;
}

bool qnk_account_key(struct qnk_client *client, const char *text, struct qnk_key *key)
{
    char path[PATH], why[QNK_KEYFILE_WHY] = "";

    if (is_digits(text)) {
        if (!dev_path(client, text, path)) {
            return false;
        }
    } else {
        snprintf(path, sizeof path, "%s", text);
    }
    if (qnk_keyfile_read(path, QNK_KEY_ACCOUNT, (struct qn_span){NULL, 0}, key, why) != QN_OK) {
        fprintf(stderr, "qnet: %s\n", why);
        return false;
    }
    return true;
}

bool qnk_account_public(struct qnk_client *client, const char *text, struct qnk_hash *public)
{
    struct qnk_key key = {0};

    if (!is_digits(text)) {
        int32_t status = qnk_bech32m_decode(QNK_PREFIX_ACCOUNT, text, public->bytes);

        if (status != QN_OK) {
            fprintf(stderr, "qnet: '%s' is no account's address (qn1...)%s\n", text,
                    status == QN_NOT_FOUND ? ": it is a key of another kind" : "");
        }
        return status == QN_OK;
    }
    if (!qnk_account_key(client, text, &key)) {
        return false;
    }
    *public = key.public;
    qnk_key_done(&key);
    return true;
}
