/* SPDX-License-Identifier: MIT */

/* keyfile.c: a key file, as it is and with the right checksum put on its lines. */

#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/crc32c.h"
#include "kernel/host/keyfile.h"
#include "tests/fuzz/fuzz.h"

static void file_run(int file, const char *text, size_t size)
{
    char path[64], why[QNK_KEYFILE_WHY] = "";
    struct qnk_key key;

    QN_ASSERT(ftruncate(file, 0) == 0 && pwrite(file, text, size, 0) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (int purpose = 0; purpose < QNK_KEY_PURPOSES; purpose++) {
        int32_t status = qnk_keyfile_read(path, (enum qnk_key_purpose)purpose,
                                          (struct qn_span){NULL, 0}, &key, why);

        QN_ASSERT((status == QN_OK) == (why[0] == 0));
        why[0] = 0;
        if (status == QN_OK) {
            QN_ASSERT(key.purpose == (enum qnk_key_purpose)purpose && key.seed != NULL);
            qnk_key_done(&key);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2 * QNK_KEYFILE_SIZE_MAX];
    static int file = -1;

    if (file < 0) {
        QN_ASSERT(sodium_init() >= 0);
        file = memfd_create("key", MFD_CLOEXEC);
        QN_ASSERT(file >= 0 && fchmod(file, 0600) == 0);
    }
    if (size <= sizeof text - 32) {
        memcpy(text, data, size);
        file_run(file, text, size);
        (void)snprintf(text + size, 32, "check %08x\n", qnk_crc32c(0, text, size));
        file_run(file, text, size + strlen(text + size));
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t seed[QNK_SEED_SIZE] = {1};
    char public[QNK_BECH32M_KEY_SIZE], text[1024];
    struct qnk_key key;

    QN_ASSERT(sodium_init() >= 0);
    QN_ASSERT(qnk_key_make(QNK_KEY_NODE, seed, &key) == QN_OK);
    qnk_bech32m_encode(QNK_PREFIX_NODE, key.public.bytes, public);
    qnk_key_done(&key);

    int size = snprintf(text, sizeof text,
                        "qnet-key 1\npurpose node\npublic %s\nkdf none\n"
                        "secret AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                        public);

    take((const uint8_t *)text, (size_t)size);
    size = snprintf(
        text, sizeof text,
        "qnet-key 1\npurpose node\npublic %s\nkdf argon2id 3 8 AQEBAQEBAQEBAQEBAQEBAQ==\n"
        "secret %.95s=\n",
        public,
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
        "AQEBAQEBAQE");
    take((const uint8_t *)text, (size_t)size);
}
