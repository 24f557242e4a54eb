/* SPDX-License-Identifier: MIT */

#include "kernel/host/signer.h"

#include <pthread.h>
#include <string.h>

#include <sodium.h>

#include <qnet/assert.h>

#include "kernel/node/secret.h"

struct qnk_signer {
    struct qnk_budget *budget;
    uint8_t *key;              /* guarded: seed and public key, as libsodium wants them */
    struct qnk_secret *secret; /* guarded */
    pthread_mutex_t lock;      /* of secret */
};

int32_t qnk_signer_create(struct qnk_budget *budget, const struct qnk_key *key,
                          struct qnk_signer **out)
{
    struct qnk_signer *signer = qnk_memory_take(budget, sizeof *signer);
    struct qnk_hash public;
    int error;

    if (signer == NULL) {
        return QN_NO_SPACE;
    }
    signer->budget = budget;
    error = pthread_mutex_init(&signer->lock, NULL);
    QN_ASSERT(error == 0);
    signer->key = sodium_malloc(crypto_sign_SECRETKEYBYTES);
    signer->secret = sodium_malloc(sizeof *signer->secret);
    if (signer->key == NULL || signer->secret == NULL) {
        qnk_signer_destroy(signer);
        return QN_NO_SPACE;
    }
    crypto_sign_seed_keypair(public.bytes, signer->key, key->seed);
    QN_ASSERT(qnk_hash_equal(&public, &key->public));
    (void)sodium_mprotect_readonly(signer->key);
    qnk_secret_init(signer->secret, key->seed);
    *out = signer;
    return QN_OK;
}

void qnk_signer_destroy(struct qnk_signer *signer)
{
    if (signer == NULL) {
        return;
    }
    sodium_free(signer->key); /* wipes both */
    sodium_free(signer->secret);
    (void)pthread_mutex_destroy(&signer->lock);
    qnk_memory_give(signer->budget, signer, sizeof *signer);
}

void qnk_signer_sign(const struct qnk_signer *signer, struct qn_span message,
                     uint8_t signature[QN_SIG_SIZE])
{
    (void)crypto_sign_detached(signature, NULL, message.data, message.size, signer->key);
}

void qnk_signer_tip(struct qnk_signer *signer, struct qnk_hash *tip)
{
    (void)pthread_mutex_lock(&signer->lock);
    qnk_secret_tip(signer->secret, tip);
    (void)pthread_mutex_unlock(&signer->lock);
}

void qnk_signer_secrets(struct qnk_signer *signer, const struct qnk_secrets_asked *asked,
                        struct qnk_event *event)
{
    event->type = QNK_EVENT_SECRETS;
    (void)pthread_mutex_lock(&signer->lock);
    qnk_secret_blind(signer->secret, asked->era, asked->window, &event->secrets.blind);
    event->secrets.has_share =
        qnk_secret_share(signer->secret, &asked->last_share, asked->last_window, asked->window,
                         &event->secrets.share, &event->secrets.next_tip);
    (void)pthread_mutex_unlock(&signer->lock);
}
