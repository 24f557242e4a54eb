/* SPDX-License-Identifier: MIT */

#include "kernel/host/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/host/file.h"

enum { NAMED = 8 /* bytes of the network's id, in the name */ };

bool qnk_mark_path(const char *key, const struct qnk_hash *chain_id, char path[QNK_MARK_PATH])
{
    char network[QNK_HEX_SIZE(NAMED)];

    if (strncmp(key, "credential:", strlen("credential:")) == 0) {
        return false;
    }
    qnk_hex_encode(chain_id->bytes, NAMED, network);
    qnk_text(path, QNK_MARK_PATH, "%s.signed-%s", key, network);
    return true;
}

bool qnk_mark_is_there(const char *key, const struct qnk_hash *chain_id)
{
    char path[QNK_MARK_PATH];
    struct stat status;

    return qnk_mark_path(key, chain_id, path) &&
           (lstat(path, &status) == 0 || (errno != ENOENT && errno != ENAMETOOLONG));
}

static int write_whole(int file, const struct qnk_hash *chain_id)
{
    char network[QNK_HEX_SIZE(QN_HASH_SIZE)], text[400];
    int error;

    qnk_hex_encode(chain_id->bytes, QN_HASH_SIZE, network);
    qnk_text(text, sizeof text,
             "The key beside this file has signed in network\n%s.\n"
             "What it signed stands in the sign record, in the node's data folder. Where that is\n"
             "gone, a node that finds this file signs nothing before `qnet key resume`.\n",
             network);
    error = qnk_file_put(file, (struct qn_span){(const uint8_t *)text, strlen(text)});
    if (error == 0 && fsync(file) != 0) {
        error = errno;
    }
    return error;
}

int32_t qnk_mark_make(const char *key, const struct qnk_hash *chain_id, char why[QNK_MARK_WHY])
{
    char path[QNK_MARK_PATH];
    int file, error;

    if (!qnk_mark_path(key, chain_id, path)) {
        return QN_OK;
    }
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    error = file < 0 ? errno : write_whole(file, chain_id);
    if (file >= 0) {
        (void)close(file);
    }
    if (error == 0) {
        error = qnk_file_folder_flush(path);
    }
    if (error != 0) {
        qnk_text(why, QNK_MARK_WHY, "'%.200s': %s", path, strerror(error));
    }
    return error == 0 ? QN_OK : QN_IO;
}
