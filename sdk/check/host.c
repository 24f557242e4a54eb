/* SPDX-License-Identifier: MIT */

#include "sdk/check/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGN = 64,
    METRICS_MAX = 64,
    OFFERS_MAX = 8,
    WORDS_MAX = QN_PLUGIN_TEXT_MAX,
};

/* One block that was taken, before its bytes. */
struct block {
    struct block *next;
    uint64_t size;
    void *origin; /* what the heap gave */
    uint8_t pad[ALIGN - 24];
};

struct offer {
    const char *id;
    const void *table;
};

struct qn_node {
    pthread_mutex_t lock;
    uint64_t budget;
    uint64_t used;
    uint64_t peak;
    uint64_t takes_left;
    uint64_t bufs; /* alive */
    struct block *blocks;
    int64_t metrics[METRICS_MAX];
    struct offer offers[OFFERS_MAX];
    size_t offers_count;
    const char *folder;
    bool asked_folder;
    void *attached;
    uint8_t words[WORDS_MAX];
    uint64_t words_size;
};

struct qn_buf {
    struct qn_node *node;
    uint64_t refs;
    uint64_t size;
    uint8_t data[];
};

struct qn_node *qn_check_node_create(uint64_t budget)
{
    struct qn_node *node = calloc(1, sizeof *node);

    QN_CHECK(node != NULL);
    pthread_mutex_init(&node->lock, NULL);
    node->budget = budget;
    node->takes_left = UINT64_MAX;
    return node;
}

void qn_check_node_destroy(struct qn_node *node)
{
    uint64_t bufs = node->bufs;

    while (node->blocks != NULL) {
        struct block *next = node->blocks->next;

        free(node->blocks->origin);
        node->blocks = next;
    }
    pthread_mutex_destroy(&node->lock);
    free(node);
    QN_CHECK(bufs == 0);
}

void qn_check_node_offer(struct qn_node *node, const char *id, const void *table)
{
    QN_CHECK(node->offers_count < OFFERS_MAX);
    node->offers[node->offers_count++] = (struct offer){id, table};
}

static const char *folder_of(struct qn_node *node)
{
    node->asked_folder = true;
    return node->folder;
}

static const struct qn_files_1 files = {.head = QN_FILES_1_HEAD, .folder = folder_of};

void qn_check_node_folder(struct qn_node *node, const char *path)
{
    node->folder = path;
    qn_check_node_offer(node, "qnet.files/1", &files);
}

bool qn_check_node_asked_folder(const struct qn_node *node)
{
    return node->asked_folder;
}

void qn_check_node_attach(struct qn_node *node, void *what)
{
    node->attached = what;
}

void *qn_check_node_attached(const struct qn_node *node)
{
    return node->attached;
}

void qn_check_node_starve(struct qn_node *node, uint64_t count)
{
    node->takes_left = count;
}

uint64_t qn_check_node_used(const struct qn_node *node)
{
    return node->used;
}

uint64_t qn_check_node_peak(const struct qn_node *node)
{
    return node->peak;
}

struct qn_span qn_check_node_words(const struct qn_node *node)
{
    return (struct qn_span){node->words, node->words_size};
}

int64_t qn_check_node_metric(const struct qn_node *node, uint32_t id)
{
    QN_CHECK(id < METRICS_MAX);
    return node->metrics[id];
}

/* Charges `size` to the budget, unless it would be passed. */
static bool charge(struct qn_node *node, uint64_t size)
{
    bool fits;

    pthread_mutex_lock(&node->lock);
    fits = size <= node->budget - node->used && node->takes_left > 0;
    if (fits) {
        node->used += size;
        node->takes_left -= node->takes_left != UINT64_MAX;
        node->peak = node->used > node->peak ? node->used : node->peak;
    }
    pthread_mutex_unlock(&node->lock);
    return fits;
}

static void *take(struct qn_node *node, uint64_t size)
{
    if (!charge(node, size)) {
        return NULL;
    }

    /* Memory that the heap knows to be zero costs nothing until it is touched. */
    uint8_t *origin = calloc(1, sizeof(struct block) + size + ALIGN - 1);

    if (origin == NULL) {
        abort();
    }

    uint64_t gap = (ALIGN - (uintptr_t)origin % ALIGN) % ALIGN;
    struct block *block = (void *)(origin + gap);

    block->origin = origin;
    block->size = size;
    pthread_mutex_lock(&node->lock);
    block->next = node->blocks;
    node->blocks = block;
    pthread_mutex_unlock(&node->lock);
    return block + 1;
}

/* Only what was taken may be given back, and only once. */
static void give(struct qn_node *node, void *memory)
{
    if (memory == NULL) {
        return;
    }
    pthread_mutex_lock(&node->lock);

    struct block **at = &node->blocks;

    while (*at != NULL && (void *)(*at + 1) != memory) {
        at = &(*at)->next;
    }

    struct block *block = *at;

    if (block == NULL) {
        abort(); /* the thread may not be the case's own */
    }
    *at = block->next;
    node->used -= block->size;
    pthread_mutex_unlock(&node->lock);
    free(block->origin);
}

static struct qn_buf *buf_new(struct qn_node *node, uint64_t size, uint8_t **data)
{
    if (!charge(node, size)) {
        return NULL;
    }

    struct qn_buf *buf = calloc(1, sizeof *buf + size);

    if (buf == NULL) {
        abort();
    }
    buf->node = node;
    buf->refs = 1;
    buf->size = size;
    pthread_mutex_lock(&node->lock);
    node->bufs++;
    pthread_mutex_unlock(&node->lock);
    *data = buf->data;
    return buf;
}

static void buf_ref(struct qn_buf *buf)
{
    pthread_mutex_lock(&buf->node->lock);
    buf->refs++;
    pthread_mutex_unlock(&buf->node->lock);
}

static void buf_unref(struct qn_buf *buf)
{
    struct qn_node *node = buf->node;

    pthread_mutex_lock(&node->lock);

    bool is_last = --buf->refs == 0;

    if (is_last) {
        node->bufs--;
        node->used -= buf->size;
    }
    pthread_mutex_unlock(&node->lock);
    if (is_last) {
        free(buf);
    }
}

struct qn_span qn_check_buf_span(const struct qn_buf *buf)
{
    return (struct qn_span){buf->data, buf->size};
}

static uint8_t *sink_room(struct qn_sink *sink, uint64_t size)
{
    if (size > sink->cap - sink->size) {
        return NULL;
    }
    sink->room = size;
    return sink->data + sink->size;
}

static void sink_commit(struct qn_sink *sink, uint64_t size)
{
    if (size > sink->room) {
        abort();
    }
    sink->size += size;
    sink->room = 0;
}

static void words_keep(struct qn_node *node, struct qn_span text)
{
    pthread_mutex_lock(&node->lock);
    node->words_size = text.size < WORDS_MAX ? text.size : WORDS_MAX;
    if (node->words_size > 0) {
        memcpy(node->words, text.data, node->words_size);
    }
    pthread_mutex_unlock(&node->lock);
}

static void log_line(struct qn_node *node, uint32_t level, struct qn_span text)
{
    (void)level;
    words_keep(node, text);
}

static int32_t fail(struct qn_node *node, int32_t status, struct qn_span detail)
{
    words_keep(node, detail);
    return status;
}

static void metric(struct qn_node *node, uint32_t id, int64_t value)
{
    if (id < METRICS_MAX) {
        pthread_mutex_lock(&node->lock);
        node->metrics[id] += value;
        pthread_mutex_unlock(&node->lock);
    }
}

static void hash(struct qn_span tag, const struct qn_span *parts, uint32_t parts_count,
                 uint8_t *digest)
{
    struct qn_check_sha256 sha;

    qn_check_sha256_init(&sha);
    qn_check_sha256_add(&sha, tag);
    for (uint32_t i = 0; i < parts_count; i++) {
        qn_check_sha256_add(&sha, parts[i]);
    }
    qn_check_sha256_done(&sha, digest);
}

static const void *extension(struct qn_node *node, const char *id)
{
    for (size_t i = 0; i < node->offers_count; i++) {
        if (strcmp(node->offers[i].id, id) == 0) {
            return node->offers[i].table;
        }
    }
    return NULL;
}

const struct qn_host qn_check_host = {
    .head = QN_HOST_HEAD,
    .log = log_line,
    .metric = metric,
    .fail = fail,
    .take = take,
    .give = give,
    .buf_new = buf_new,
    .buf_ref = buf_ref,
    .buf_unref = buf_unref,
    .sink_room = sink_room,
    .sink_commit = sink_commit,
    .hash = hash,
    .extension = extension,
};

struct qn_inst *qn_check_inst_create(const struct qn_check_given *given, struct qn_node *node)
{
    const struct qn_life *life = given->plugin->life;
    struct qn_inst *inst = NULL;

    QN_CHECK(life->create(&qn_check_host, node, given->config, &inst) == QN_OK);
    QN_CHECK(life->activate == NULL || life->activate(inst) == QN_OK);
    return inst;
}

/* An instance that says BUSY is asked again, as the kernel does. */
void qn_check_inst_destroy(const struct qn_check_given *given, struct qn_inst *inst)
{
    const struct qn_life *life = given->plugin->life;
    int32_t status = QN_OK;

    if (life->freeze != NULL) {
        do {
            status = life->freeze(inst);
        } while (status == QN_BUSY);
    }
    life->destroy(inst);
    QN_CHECK(status == QN_OK);
}

int32_t qn_check_create(const struct qn_check_given *given)
{
    struct qn_node *node = qn_check_node_create(given->memory);
    struct qn_inst *inst = NULL;
    int32_t status = given->plugin->life->create(&qn_check_host, node, given->config, &inst);

    QN_CHECK(status == QN_OK || qn_check_node_words(node).size > 0);
    if (status == QN_OK) {
        given->plugin->life->destroy(inst);
    }
    qn_check_node_destroy(node);
    return status;
}

void qn_check_every_take_may_fail(const struct qn_check_given *given)
{
    const struct qn_life *life = given->plugin->life;
    int32_t status = QN_NO_SPACE;

    for (uint64_t count = 0; status != QN_OK; count++) {
        struct qn_node *node = qn_check_node_create(given->memory);
        struct qn_inst *inst = NULL;

        qn_check_node_starve(node, count);
        status = life->create(&qn_check_host, node, given->config, &inst);
        QN_CHECK(status == QN_OK || (status == QN_NO_SPACE && inst == NULL));
        if (status == QN_OK) {
            life->destroy(inst);
        }
        qn_check_node_destroy(node);
    }
}

/* Source: xorshift64*, Marsaglia 2003, Vigna 2014. */
uint64_t qn_check_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545f4914f6cdd1d);
}
