/* SPDX-License-Identifier: MIT */

#include "kernel/sim/cast.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/buf.h"
#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/chain/tx.h"
#include "kernel/node/genesis.h"
#include "kernel/sim/memo.h"
#include "kernel/sim/standin.h"
#include "kernel/sim/states.h"

enum {
    WEIGHTS = 4, /* of an uneven network */
    FILE_CAP = 1 << 20,
    LINE = 256,
    FUNDS_QNC = 1000,
    ACCOUNT_SIZE = 64, /* of the answer to `account`: key, balance, nonce, ... */
    AMOUNT = 7,        /* of each transfer, nano */
    MEMORY = 256 << 20,
    PEERS = 64,
};

/* The places of a node's instances. */
enum seat { SEAT_PRODUCER, SEAT_CONSENSUS, SEAT_LEDGER, SEAT_SIGNATURE, SEAT_STORAGE, SEATS };

/* An instance for a binding that came by a swap. */
struct more {
    struct qnk_instance *instance; /* NULL: a free place */
    struct qnk_sick *sick;         /* around it; NULL: it is sound */
    uint32_t kind, number;
};

struct player {
    struct qnk_instance *seats[SEATS]; /* NULL: not there now */
    struct qnk_world_plugins plugins;
    struct more more[QNK_CAST_PLUGGED_MAX];
    bool lacks;    /* the files of what is swapped to */
    uint32_t like; /* the validator that a spare machine is a twin of; else itself */
};

/* What the network may swap to. */
struct other {
    struct qnk_config config; /* of the network file with its lines */
    struct qn_sink text;
    uint32_t kind;
    struct qnk_binding binding;
    const struct qnk_config_plugin *used;
    struct qnk_plugin *plugin;
};

/* An engine that is sick once it is bound. */
struct ill {
    uint64_t first; /* window of its plan */
    struct qnk_sick_course course;
    bool *is_ill; /* of each node */
};

/* What makes a node one that others know. */
struct identity {
    uint8_t seed[32];
    struct qnk_hash public;
    struct qnk_secret secret; /* of validators */
};

struct sender {
    struct qnk_hash public;
    uint8_t key[crypto_sign_SECRETKEYBYTES];
};

struct qnk_cast {
    struct qnk_cast_setup setup;
    struct qnk_config config;
    struct qn_sink text; /* of the network file as it is played */
    struct qnk_params params;
    struct qnk_set *set;
    const struct qnk_config_plugin *used[SEATS];
    struct qnk_plugin *plugins[SEATS];
    struct player *players;
    struct qnk_memo *memo;          /* of L1; NULL: every node verifies for itself */
    struct qnk_instance *signature; /* behind it */
    struct qnk_states *states;      /* of L1; NULL: every node executes for itself */
    uint8_t (*seeds)[32];
    uint32_t *types;
    struct qnk_secret *secrets;
    struct qnk_hash *tips;
    struct sender senders[QNK_CAST_SENDERS];
    uint32_t senders_count;
    struct other *others;
    struct ill ills[QNK_CAST_SICK_MAX];
    uint32_t ills_count;
    struct qnk_hash *names;        /* of members that are stood in for; NULL: of none */
    struct qnk_standins *standins; /* NULL too */
};

static int32_t refuse(char why[QNK_CAST_WHY], int32_t status, const char *what, const char *more)
{
    qnk_text(why, QNK_CAST_WHY, "%s%s%s", what, *more == 0 ? "" : ": ", more);
    return status;
}

/* --- keys --- */

static void seed_make(const char *tag, uint32_t index, uint8_t seed[32])
{
    uint8_t number[4];
    struct qnk_hash hash;

    qn_le32_write(number, index);
    qnk_hash_tagged(tag, number, sizeof number, &hash);
    memcpy(seed, hash.bytes, sizeof hash.bytes);
}

static void public_of(const uint8_t seed[32], struct qnk_hash *public)
{
    uint8_t key[crypto_sign_SECRETKEYBYTES];

    (void)crypto_sign_seed_keypair(public->bytes, key, seed);
    sodium_memzero(key, sizeof key);
}

static void keys_make(struct qnk_cast *cast)
{
    for (uint32_t i = 0; i < cast->setup.nodes; i++) {
        bool is_validator = i < cast->setup.validators;

        seed_make("qnet sim node", i, cast->seeds[i]);
        cast->types[i] = is_validator ? QNK_NODE_SUPER : QNK_NODE_FULL;
        cast->players[i].like = i;
        if (is_validator) {
            qnk_secret_init(&cast->secrets[i], cast->seeds[i]);
            qnk_secret_tip(&cast->secrets[i], &cast->tips[i]);
        }
    }
    cast->senders_count = QNK_CAST_SENDERS;
    for (uint32_t i = 0; i < QNK_CAST_SENDERS; i++) {
        uint8_t seed[32];

        seed_make("qnet sim sender", i, seed);
        (void)crypto_sign_seed_keypair(cast->senders[i].public.bytes, cast->senders[i].key, seed);
    }
}

static void swap(void *a, void *b, size_t size)
{
    uint8_t *left = a, *right = b;

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = left[i];

        left[i] = right[i];
        right[i] = byte;
    }
}

/* The ledger has an order of its own: validators are numbered by it. */
static int32_t keys_order(struct qnk_cast *cast)
{
    for (uint32_t i = 0; i < cast->set->count; i++) {
        struct qnk_hash public;
        uint32_t j = i;

        public_of(cast->seeds[j], &public);
        while (!qnk_hash_equal(&public, &cast->set->members[i].key)) {
            if (++j == cast->setup.validators) {
                return QN_INVALID;
            }
            public_of(cast->seeds[j], &public);
        }
        if (i != j) {
            swap(cast->seeds[i], cast->seeds[j], sizeof cast->seeds[i]);
            swap(&cast->secrets[i], &cast->secrets[j], sizeof cast->secrets[i]);
            swap(&cast->tips[i], &cast->tips[j], sizeof cast->tips[i]);
        }
    }
    return cast->set->count == cast->setup.validators ? QN_OK : QN_INVALID;
}

/* --- files --- */

static bool begins(struct qn_span line, const char *key)
{
    uint64_t size = strlen(key);

    return line.size > size && memcmp(line.data, key, size) == 0 && line.data[size] == ':';
}

/* The network file without its genesis, without its window if there is another, and without `cut`
 * if that is not NULL. */
static int32_t rules_write(struct qnk_cast *cast, struct qn_sink *text, const char *cut)
{
    struct qn_span rest = cast->setup.network.text;
    bool is_kept = true;
    int32_t status = QN_OK;

    while (rest.size > 0 && status == QN_OK) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        struct qn_span line = {rest.data,
                               end == NULL ? rest.size : (uint64_t)(end - rest.data) + 1};

        if (line.data[0] != ' ' && line.data[0] != '\n' && line.data[0] != '#') {
            is_kept = !begins(line, "genesis") &&
                      !(begins(line, "window") && cast->setup.window != 0) &&
                      !(cut != NULL && begins(line, cut));
        }
        if (is_kept) {
            status = qnk_sink_append(text, line.data, line.size);
        }
        rest = (struct qn_span){rest.data + line.size, rest.size - line.size};
    }
    return status;
}

__attribute__((format(printf, 2, 3))) static int32_t write(struct qn_sink *text, const char *format,
                                                           ...);
static int32_t write(struct qn_sink *text, const char *format, ...)
{
    char line[LINE];
    va_list list;
    int size;

    va_start(list, format);
    size = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    QN_ASSERT(size > 0 && size < LINE);
    return qnk_sink_append(text, line, (uint64_t)size);
}

static int32_t validators_write(struct qnk_cast *cast, struct qn_sink *text)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; i < cast->setup.validators && status == QN_OK; i++) {
        char key[QNK_BECH32M_KEY_SIZE], tip[QNK_HEX_SIZE(QN_HASH_SIZE)];
        struct qnk_hash public;

        public_of(cast->seeds[i], &public);
        qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, public.bytes, key);
        qnk_hex_encode(cast->tips[i].bytes, QN_HASH_SIZE, tip);
        status = write(text, "    - {key: %s, weight: %u, name: v%u, tip: %s}\n", key,
                       cast->setup.is_uneven ? 1 + i % WEIGHTS : 1, i + 1, tip);
    }
    return status;
}

static int32_t balances_write(struct qnk_cast *cast, struct qn_sink *text)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; i < QNK_CAST_SENDERS && status == QN_OK; i++) {
        char account[QNK_BECH32M_KEY_SIZE];

        qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, cast->senders[i].public.bytes, account);
        status = write(text, "    - {account: %s, amount: \"%d\"}\n", account, FUNDS_QNC);
    }
    return status;
}

/* Into `text`, with `lines` instead of what is there under the key `cut`. */
static int32_t network_write(struct qnk_cast *cast, struct qn_sink *text, const char *cut,
                             const char *lines)
{
    int32_t status;

    if (cast->setup.stands_in && cut == NULL) {
        return qnk_sink_append(text, cast->setup.network.text.data, cast->setup.network.text.size);
    }
    status = rules_write(cast, text, cut);
    if (status == QN_OK) {
        status = qnk_sink_append(text, lines, strlen(lines));
    }
    if (status == QN_OK && cast->setup.window != 0) {
        status = write(text, "\nwindow: %u\n", cast->setup.window);
    }
    if (status == QN_OK) {
        status = write(text, "\ngenesis:\n  time: 2026-01-01T00:00:00Z\n  validators:\n");
    }
    if (status == QN_OK) {
        status = validators_write(cast, text);
    }
    if (status == QN_OK) {
        status = write(text, "  balances:\n");
    }
    return status == QN_OK ? balances_write(cast, text) : status;
}

/* The first finding of the files, as `why`. */
static int32_t findings_say(const struct qnk_config *config, int32_t status, char why[QNK_CAST_WHY])
{
    const struct qnk_report *report = &config->report;

    if (report->count == 0) {
        return refuse(why, status, "its config files cannot be read", "");
    }

    const struct qnk_finding *first = &report->findings[0];

    qnk_text(why, QNK_CAST_WHY, "%s:%u: %s%s%s",
             first->place.source == NULL ? "" : first->place.source->name, first->place.mark.line,
             first->text, *first->hint == 0 ? "" : "; ", first->hint);
    return status;
}

static int32_t files_read(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    const struct qnk_config_options options = {
        .budget = cast->setup.budget,
        .plugins = qnk_loader_config(cast->setup.loader),
    };
    int32_t status = qnk_config_init(&cast->config, &options);

    if (status == QN_OK) {
        status = network_write(cast, &cast->text, NULL, "");
    }
    if (status != QN_OK) {
        return refuse(why, status, "no memory for config files", "");
    }
    status = qnk_config_read_network(&cast->config, cast->setup.network.name,
                                     qnk_sink_span(&cast->text));
    if (status == QN_OK) {
        status = qnk_config_read_node(&cast->config, cast->setup.node.name, cast->setup.node.text);
    }
    return status == QN_OK ? QN_OK : findings_say(&cast->config, status, why);
}

/* The network file with other lines. */
static int32_t other_read(struct qnk_cast *cast, struct other *other, const char *lines,
                          char why[QNK_CAST_WHY])
{
    const struct qnk_config_options options = {
        .budget = cast->setup.budget,
        .plugins = qnk_loader_config(cast->setup.loader),
    };
    int32_t status = qnk_config_init(&other->config, &options);

    if (status == QN_OK) {
        status =
            network_write(cast, &other->text,
                          other->kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer", lines);
    }
    if (status != QN_OK) {
        return refuse(why, status, "no memory for config files", "");
    }
    status = qnk_config_read_network(&other->config, cast->setup.network.name,
                                     qnk_sink_span(&other->text));
    return status == QN_OK ? QN_OK : findings_say(&other->config, status, why);
}

/* --- plugins --- */

static int32_t plugins_find(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    int32_t status = QN_OK;

    cast->used[SEAT_PRODUCER] = cast->config.network.producer;
    cast->used[SEAT_CONSENSUS] = cast->config.network.consensus;
    cast->used[SEAT_LEDGER] = cast->config.network.ledger;
    cast->used[SEAT_SIGNATURE] = cast->config.node.signature;
    cast->used[SEAT_STORAGE] = cast->config.node.storage;
    for (uint32_t seat = 0; seat < SEATS && status == QN_OK; seat++) {
        char words[QNK_PLUGIN_WHY_MAX] = "";

        status =
            qnk_loader_find_used(cast->setup.loader, cast->used[seat], &cast->plugins[seat], words);
        if (status != QN_OK) {
            (void)refuse(why, status, cast->used[seat]->name, words);
        }
    }
    if (status == QN_OK && !qnk_manifest_has_rule(&cast->plugins[SEAT_SIGNATURE]->manifest,
                                                  cast->config.network.signature_rule)) {
        status = refuse(why, QN_UNSUPPORTED, cast->used[SEAT_SIGNATURE]->name,
                        "it does not know the network's signature rule");
    }
    return status;
}

static int32_t plugin_play(const struct qnk_cast *cast, struct qnk_plugin *plugin,
                           const struct qnk_config_plugin *used, struct qnk_instance **instance,
                           char why[QNK_CAST_WHY])
{
    const struct qnk_instance_options options = {.guard = cast->config.node.guard};
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status = qnk_instance_create(plugin, used->part.record, &options, instance, words);

    if (status == QN_OK) {
        status = qnk_instance_activate(*instance);
        if (status != QN_OK) {
            qnk_instance_words(*instance, words, sizeof words);
            qnk_instance_destroy(*instance);
        }
    }
    return status == QN_OK ? QN_OK : refuse(why, status, used->name, words);
}

static int32_t instance_make(struct qnk_cast *cast, enum seat seat, struct qnk_instance **instance,
                             char why[QNK_CAST_WHY])
{
    return plugin_play(cast, cast->plugins[seat], cast->used[seat], instance, why);
}

/* A ledger that only ever sees the first state, to learn the members' order. */
static int32_t set_make(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    struct qnk_instance *ledger;
    int32_t status = instance_make(cast, SEAT_LEDGER, &ledger, why);

    if (status != QN_OK) {
        return status;
    }
    status = qnk_genesis_set(qnk_instance_plugged(ledger), cast->config.network.ledger_genesis,
                             cast->setup.budget, &cast->set);
    qnk_instance_destroy(ledger);
    return status == QN_OK
               ? QN_OK
               : refuse(why, status, "the ledger takes no first state from this network", "");
}

/* The members are the file's, in the ledger's order; what they are known by is not what they sign
 * with. The same for those who pay. */
static int32_t names_take(struct qnk_cast *cast)
{
    const struct qnk_network *network = &cast->config.network;
    struct qnk_hash key;

    if (cast->set->count != cast->setup.validators || cast->setup.nodes != cast->set->count ||
        cast->set->count + QNK_CAST_SENDERS > QNK_STANDINS_MAX) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < cast->set->count; i++) {
        cast->names[i] = cast->set->members[i].key;
        cast->secrets[i].chains = 1; /* none of them has ever been on the chain */
        public_of(cast->seeds[i], &key);
        qnk_standins_add(cast->standins, &cast->names[i], &key);
    }
    if (cast->senders_count > network->balances_count) {
        cast->senders_count = network->balances_count;
    }
    for (uint32_t i = 0; i < cast->senders_count; i++) {
        key = cast->senders[i].public;
        cast->senders[i].public = network->balances[i].account;
        qnk_standins_add(cast->standins, &cast->senders[i].public, &key);
    }
    return qnk_genesis_tips(network, cast->set, cast->tips);
}

static int32_t genesis_make(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    int32_t status = set_make(cast, why);

    if (status != QN_OK) {
        return status;
    }
    status = cast->setup.stands_in ? names_take(cast) : keys_order(cast);
    if (status == QN_OK) {
        status = qnk_genesis_params(&cast->config.network, &cast->plugins[SEAT_CONSENSUS]->manifest,
                                    &cast->params);
    }
    return status == QN_OK ? QN_OK : refuse(why, status, "the network has no genesis", "");
}

/* Makes a node's plugins as it is switched on, and its storage the first time. */
static bool player_make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct qnk_cast *cast = ctx;
    struct player *player = &cast->players[node];
    struct qnk_plugged *places[SEATS] = {&plugins->producer, &plugins->consensus, &plugins->ledger,
                                         &plugins->signature, &plugins->storage};
    char why[QNK_CAST_WHY];

    for (uint32_t seat = 0; seat < SEATS; seat++) {
        if (seat == SEAT_STORAGE && !is_first) {
            continue;
        }
        *places[seat] = (struct qnk_plugged){0};
        if (seat == SEAT_CONSENSUS && cast->types[node] != QNK_NODE_SUPER) {
            continue;
        }
        if (seat == SEAT_SIGNATURE && cast->memo != NULL) {
            *places[seat] = cast->standins == NULL ? qnk_memo_plugged(cast->memo)
                                                   : qnk_standins_plugged(cast->standins);
            continue;
        }
        if (seat == SEAT_LEDGER && cast->states != NULL) {
            *places[seat] = qnk_states_take(cast->states);
            continue;
        }
        if (instance_make(cast, (enum seat)seat, &player->seats[seat], why) != QN_OK) {
            return false;
        }
        *places[seat] = qnk_instance_plugged(player->seats[seat]);
    }
    player->plugins = *plugins;
    return true;
}

/* --- what the network swaps to --- */

/* Its binding and its plugin. */
static int32_t other_bind(struct qnk_cast *cast, struct other *other, char why[QNK_CAST_WHY])
{
    const struct qnk_network *network = &other->config.network;
    const struct qnk_manifest *engine = &cast->plugins[SEAT_CONSENSUS]->manifest;
    struct qnk_params *params = qnk_memory_take(cast->setup.budget, sizeof *params);
    char words[QNK_PLUGIN_WHY_MAX] = "";
    int32_t status;

    if (params == NULL) {
        return refuse(why, QN_NO_SPACE, "no memory", "");
    }
    other->used = other->kind == QNK_BINDING_CONSENSUS ? network->consensus : network->producer;
    status = qnk_loader_find_used(cast->setup.loader, other->used, &other->plugin, words);
    if (status == QN_OK) {
        engine = other->kind == QNK_BINDING_CONSENSUS ? &other->plugin->manifest : engine;
        status = qnk_genesis_params(network, engine, params);
    }
    if (status == QN_OK) {
        other->binding = params->bindings[other->kind];
    } else {
        (void)refuse(why, status, other->used->name, words);
    }
    qnk_memory_give(cast->setup.budget, params, sizeof *params);
    return status;
}

static int32_t others_make(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    int32_t status = QN_OK;

    QN_ASSERT(cast->setup.others_count <= QNK_CAST_OTHERS_MAX);
    cast->others = qnk_memory_take(cast->setup.budget, QNK_CAST_OTHERS_MAX * sizeof *cast->others);
    if (cast->others == NULL) {
        return refuse(why, QN_NO_SPACE, "no memory", "");
    }
    for (uint32_t i = 0; status == QN_OK && i < cast->setup.others_count; i++) {
        struct other *other = &cast->others[i];
        const char *lines = cast->setup.others[i];

        other->kind = strncmp(lines, "consensus", sizeof "consensus" - 1) == 0
                          ? QNK_BINDING_CONSENSUS
                          : QNK_BINDING_PRODUCER;
        qnk_sink_init(&other->text, cast->setup.budget, FILE_CAP);
        status = other_read(cast, other, lines, why);
        if (status == QN_OK) {
            status = other_bind(cast, other, why);
        }
    }
    return status;
}

static void others_done(struct qnk_cast *cast)
{
    for (uint32_t i = 0; cast->others != NULL && i < cast->setup.others_count; i++) {
        if (cast->others[i].config.block != NULL) {
            qnk_config_done(&cast->others[i].config);
            qnk_sink_done(&cast->others[i].text);
        }
    }
    qnk_memory_give(cast->setup.budget, cast->others, QNK_CAST_OTHERS_MAX * sizeof *cast->others);
}

static bool is_locked(const struct qnk_binding *engine)
{
    return qnk_engine_has_step(engine, QNK_STEP_PREPARE);
}

bool qnk_cast_is_lockless(const struct qnk_cast *cast)
{
    return !is_locked(&cast->params.bindings[QNK_BINDING_CONSENSUS]);
}

static bool is_among(const struct other *other, uint32_t among)
{
    if (other->kind == QNK_BINDING_CONSENSUS) {
        return among == QNK_AMONG_ALL || is_locked(&other->binding);
    }
    return among != QNK_AMONG_LOCKED;
}

bool qnk_cast_plan_among(const struct qnk_cast *cast, uint32_t among, uint64_t lot,
                         struct qnk_swap_plan *plan)
{
    const struct qnk_swap_rules *rules = &cast->params.swap;
    const struct other *fit[QNK_CAST_OTHERS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < cast->setup.others_count; i++) {
        if (is_among(&cast->others[i], among)) {
            fit[count++] = &cast->others[i];
        }
    }
    if (count == 0) {
        return false;
    }

    const struct other *other = fit[lot % count];

    *plan = (struct qnk_swap_plan){
        .kind = (uint8_t)other->kind,
        .percent = (uint8_t)rules->percent,
        .probation = rules->probation,
        .engine = other->binding,
    };
    return true;
}

bool qnk_cast_plan(const struct qnk_cast *cast, uint64_t lot, struct qnk_swap_plan *plan)
{
    return qnk_cast_plan_among(cast, QNK_AMONG_ALL, lot, plan);
}

/* --- engines that are sick --- */

static void whose_find(const struct qnk_cast *cast, uint32_t whose, uint32_t node, bool *is_ill)
{
    const struct qnk_set *set = cast->set;
    uint64_t sound = set->total;

    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t place = (node + i) % set->count;

        if (whose == QNK_WHOSE_ALL || (whose == QNK_WHOSE_ENOUGH && sound >= qnk_set_quorum(set)) ||
            i == 0) {
            is_ill[place] = true;
            sound -= set->members[place].weight;
        }
    }
}

void qnk_cast_sicken(struct qnk_cast *cast, uint64_t first, const struct qnk_sick_course *course,
                     uint32_t whose, uint32_t node)
{
    struct ill *ill = &cast->ills[cast->ills_count];

    if (cast->ills_count == QNK_CAST_SICK_MAX) {
        return;
    }
    *ill = (struct ill){.first = first, .course = *course};
    ill->is_ill = qnk_memory_take(cast->setup.budget, cast->setup.nodes * sizeof *ill->is_ill);
    QN_ASSERT(ill->is_ill != NULL);
    whose_find(cast, whose, node, ill->is_ill);
    cast->ills_count++;
}

void qnk_cast_cure(struct qnk_cast *cast)
{
    for (uint32_t i = 0; i < cast->ills_count; i++) {
        qnk_memory_give(cast->setup.budget, cast->ills[i].is_ill,
                        cast->setup.nodes * sizeof *cast->ills[i].is_ill);
    }
    cast->ills_count = 0;
}

/* What is wrong with a node's engine of this binding, or NULL. What takes over from one that failed
 * falls back to itself, and is sound. */
static const struct ill *ill_find(const struct qnk_cast *cast, uint32_t node,
                                  const struct qnk_need *need)
{
    for (uint32_t i = 0; i < cast->ills_count; i++) {
        const struct ill *ill = &cast->ills[i];

        if (need->kind == QNK_BINDING_CONSENSUS && need->binding.first == ill->first &&
            need->binding.fallback != need->binding.number &&
            ill->is_ill[cast->players[node].like]) {
            return ill;
        }
    }
    return NULL;
}

/* The instance of a place as its node gets it. */
static struct qnk_plugged more_plugged(struct qnk_cast *cast, uint32_t node, struct more *more,
                                       const struct qnk_need *need)
{
    struct qnk_plugged plugged = qnk_instance_plugged(more->instance);
    const struct ill *ill = ill_find(cast, node, need);
    struct qnk_sick_course course;

    if (ill == NULL) {
        return plugged;
    }
    course = ill->course;
    course.number = ill->first << 32 | node;
    more->sick = qnk_sick_create(cast->setup.budget, plugged, &course);
    QN_ASSERT(more->sick != NULL);
    return qnk_sick_plugged(more->sick);
}

static void more_give(struct more *more)
{
    qnk_sick_destroy(more->sick);
    qnk_instance_destroy(more->instance);
    *more = (struct more){0};
}

void qnk_cast_lack(struct qnk_cast *cast, uint32_t node, bool lacks)
{
    cast->players[node].lacks = lacks;
}

bool qnk_cast_lacks(const struct qnk_cast *cast, uint32_t node)
{
    return cast->players[node].lacks;
}

/* What plays a binding: the network's own plugin, or one that it may swap to. */
static bool binding_play(struct qnk_cast *cast, uint32_t kind, const struct qnk_binding *binding,
                         struct qnk_instance **instance)
{
    enum seat seat = kind == QNK_BINDING_CONSENSUS ? SEAT_CONSENSUS : SEAT_PRODUCER;
    struct qnk_plugin *plugin = cast->plugins[seat];
    const struct qnk_config_plugin *used = cast->used[seat];
    char why[QNK_CAST_WHY];
    bool is_found = qnk_engine_equal(binding, &cast->params.bindings[kind]);

    for (uint32_t i = 0; !is_found && i < cast->setup.others_count; i++) {
        is_found =
            cast->others[i].kind == kind && qnk_engine_equal(binding, &cast->others[i].binding);
        plugin = cast->others[i].plugin;
        used = cast->others[i].used;
    }
    return is_found && plugin_play(cast, plugin, used, instance, why) == QN_OK;
}

static bool player_plug(void *ctx, uint32_t node, const struct qnk_need *need,
                        struct qnk_plugged *instance)
{
    struct qnk_cast *cast = ctx;
    struct player *player = &cast->players[node];

    for (uint32_t i = 0; !player->lacks && i < QNK_CAST_PLUGGED_MAX; i++) {
        struct more *more = &player->more[i];

        if (more->instance == NULL) {
            if (!binding_play(cast, need->kind, &need->binding, &more->instance)) {
                more->instance = NULL;
                return false;
            }
            more->kind = need->kind;
            more->number = need->binding.number;
            *instance = more_plugged(cast, node, more, need);
            return true;
        }
    }
    return false;
}

/* What the node was made with stays until its end. */
static void player_unplug(void *ctx, uint32_t node, uint32_t kind, uint32_t number)
{
    struct player *player = &((struct qnk_cast *)ctx)->players[node];

    for (uint32_t i = 0; i < QNK_CAST_PLUGGED_MAX; i++) {
        struct more *more = &player->more[i];

        if (more->instance != NULL && more->kind == kind && more->number == number) {
            more_give(more);
        }
    }
}

static void player_give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    struct qnk_cast *cast = ctx;
    struct player *player = &cast->players[node];

    (void)plugins;
    if (cast->states != NULL && player->plugins.ledger.inst != NULL) {
        qnk_states_give(cast->states, player->plugins.ledger);
        player->plugins.ledger.inst = NULL;
    }
    for (uint32_t i = 0; i < QNK_CAST_PLUGGED_MAX; i++) {
        if (player->more[i].instance != NULL) {
            more_give(&player->more[i]);
        }
    }
    for (uint32_t seat = 0; seat < SEATS; seat++) {
        if (player->seats[seat] != NULL && (seat != SEAT_STORAGE || is_last)) {
            qnk_instance_destroy(player->seats[seat]);
            player->seats[seat] = NULL;
        }
    }
}

static bool ledger_make(void *ctx, struct qnk_plugged *ledger, void **handle)
{
    char why[QNK_CAST_WHY];
    struct qnk_instance *instance;

    if (instance_make(ctx, SEAT_LEDGER, &instance, why) != QN_OK) {
        return false;
    }
    *ledger = qnk_instance_plugged(instance);
    *handle = instance;
    return true;
}

static void ledger_give(void *ctx, void *handle)
{
    (void)ctx;
    qnk_instance_destroy(handle);
}

/* What level L1 shares. */
static int32_t memo_make(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    int32_t status = instance_make(cast, SEAT_SIGNATURE, &cast->signature, why);

    if (status != QN_OK) {
        return status;
    }
    const struct qnk_states_maker maker = {cast, ledger_make, ledger_give};

    cast->memo = qnk_memo_create(cast->setup.budget);
    cast->states = qnk_states_create(cast->setup.budget, &maker);
    if (cast->memo == NULL || cast->states == NULL) {
        return refuse(why, QN_NO_SPACE, "no memory", "");
    }
    qnk_memo_ask(cast->memo, qnk_instance_plugged(cast->signature));
    if (cast->standins != NULL) {
        cast->standins->behind = qnk_memo_plugged(cast->memo);
    }
    return QN_OK;
}

/* --- life --- */

static bool memory_take(struct qnk_cast *cast)
{
    struct qnk_budget *budget = cast->setup.budget;
    uint32_t nodes = cast->setup.nodes + cast->setup.spare;

    cast->players = qnk_memory_take(budget, nodes * sizeof *cast->players);
    cast->seeds = qnk_memory_take(budget, nodes * sizeof *cast->seeds);
    cast->types = qnk_memory_take(budget, nodes * sizeof *cast->types);
    cast->secrets = qnk_memory_take(budget, nodes * sizeof *cast->secrets);
    cast->tips = qnk_memory_take(budget, nodes * sizeof *cast->tips);
    if (cast->setup.stands_in) {
        cast->names = qnk_memory_take(budget, nodes * sizeof *cast->names);
        cast->standins = qnk_memory_take(budget, sizeof *cast->standins);
    }
    return cast->players != NULL && cast->seeds != NULL && cast->types != NULL &&
           cast->secrets != NULL && cast->tips != NULL &&
           (!cast->setup.stands_in || (cast->names != NULL && cast->standins != NULL));
}

/* Whether those that only play start with what the files say: what a plugin alone can judge is
 * refused here, with its words, and not in the midst of a run. */
static int32_t seats_try(struct qnk_cast *cast, char why[QNK_CAST_WHY])
{
    static const enum seat tried[] = {SEAT_PRODUCER, SEAT_CONSENSUS};
    int32_t status = QN_OK;

    for (uint32_t i = 0; i < sizeof tried / sizeof *tried && status == QN_OK; i++) {
        struct qnk_instance *instance;

        status = instance_make(cast, tried[i], &instance, why);
        if (status == QN_OK) {
            qnk_instance_destroy(instance);
        }
    }
    return status;
}

int32_t qnk_cast_create(const struct qnk_cast_setup *setup, struct qnk_cast **out,
                        char why[QNK_CAST_WHY])
{
    struct qnk_cast *cast = qnk_memory_take(setup->budget, sizeof *cast);
    int32_t status;

    QN_ASSERT(setup->nodes > 0 && setup->validators > 0 && setup->validators <= setup->nodes &&
              setup->nodes + setup->spare <= QNK_WORLD_NODES_MAX);
    QN_ASSERT(!setup->stands_in || setup->level == QNK_CAST_L1);
    if (cast == NULL) {
        return refuse(why, QN_NO_SPACE, "no memory", "");
    }
    cast->setup = *setup;
    qnk_sink_init(&cast->text, setup->budget, FILE_CAP);
    if (memory_take(cast)) {
        keys_make(cast);
        status = files_read(cast, why);
    } else {
        status = refuse(why, QN_NO_SPACE, "no memory for so many nodes", "");
    }
    if (status == QN_OK) {
        status = plugins_find(cast, why);
    }
    if (status == QN_OK) {
        status = genesis_make(cast, why);
    }
    if (status == QN_OK) {
        status = seats_try(cast, why);
    }
    if (status == QN_OK) {
        status = others_make(cast, why);
    }
    if (status == QN_OK && setup->level == QNK_CAST_L1) {
        status = memo_make(cast, why);
    }
    if (status != QN_OK) {
        qnk_cast_destroy(cast);
        return status;
    }
    *out = cast;
    return QN_OK;
}

void qnk_cast_destroy(struct qnk_cast *cast)
{
    if (cast == NULL) {
        return;
    }

    struct qnk_budget *budget = cast->setup.budget;
    uint32_t nodes = cast->setup.nodes + cast->setup.spare;

    qnk_states_destroy(cast->states);
    qnk_memo_destroy(cast->memo);
    if (cast->signature != NULL) {
        qnk_instance_destroy(cast->signature);
    }
    qnk_set_unref(cast->set);
    if (cast->config.block != NULL) {
        qnk_config_done(&cast->config);
    }
    qnk_sink_done(&cast->text);
    qnk_cast_cure(cast);
    others_done(cast);
    qnk_memory_give(budget, cast->players, nodes * sizeof *cast->players);
    qnk_memory_give(budget, cast->seeds, nodes * sizeof *cast->seeds);
    qnk_memory_give(budget, cast->types, nodes * sizeof *cast->types);
    qnk_memory_give(budget, cast->secrets, nodes * sizeof *cast->secrets);
    qnk_memory_give(budget, cast->tips, nodes * sizeof *cast->tips);
    qnk_memory_give(budget, cast->names, nodes * sizeof *cast->names);
    qnk_memory_give(budget, cast->standins, sizeof *cast->standins);
    qnk_memory_give(budget, cast, sizeof *cast);
}

/* --- playing --- */

void qnk_cast_world(struct qnk_cast *cast, struct qnk_world_setup *setup)
{
    const struct qnk_node_file *node = &cast->config.node;

    *setup = (struct qnk_world_setup){
        .nodes = cast->setup.nodes,
        .params = cast->params,
        .limits = {.mempool_txs = node->mempool_txs,
                   .mempool_bytes = node->mempool_bytes,
                   .mempool_senders = node->mempool_senders,
                   .memory = MEMORY,
                   .peers = PEERS},
        .degree = cast->setup.nodes > PEERS ? PEERS / 2 : 0,
        .resend_ms = node->resend_ms,
        .start_us = cast->params.genesis_time_ms * 1000,
        .genesis = cast->config.network.ledger_genesis,
        .seeds = (const uint8_t(*)[32])cast->seeds,
        .names = cast->names,
        .secrets = cast->secrets,
        .types = cast->types,
        .set = cast->set,
        .tips = cast->tips,
        .maker = {.ctx = cast,
                  .make = player_make,
                  .give = player_give,
                  .plug = player_plug,
                  .unplug = player_unplug},
    };
}

void qnk_cast_twin(struct qnk_cast *cast, uint32_t spare, uint32_t of)
{
    uint32_t node = cast->setup.nodes + spare;

    QN_ASSERT(spare < cast->setup.spare && of < cast->setup.validators);
    memcpy(cast->seeds[node], cast->seeds[of], sizeof cast->seeds[node]);
    cast->secrets[node] = cast->secrets[of];
    cast->types[node] = QNK_NODE_SUPER;
    cast->players[node].like = of;
}

const struct qnk_network *qnk_cast_network(const struct qnk_cast *cast)
{
    return &cast->config.network;
}

struct qn_span qnk_cast_text(const struct qnk_cast *cast)
{
    return qnk_sink_span(&cast->text);
}

const struct qnk_world_plugins *qnk_cast_plugins(const struct qnk_cast *cast, uint32_t node)
{
    return &cast->players[node].plugins;
}

uint64_t qnk_cast_txs(const struct qnk_cast *cast, uint32_t sender, uint64_t from, uint64_t to,
                      uint64_t valid_until, uint8_t *out)
{
    const struct sender *payer = &cast->senders[sender];
    uint8_t message[QNK_TX_MESSAGE_MAX], payload[40];
    uint8_t *at = out + 4;

    QN_ASSERT(to - from <= QNK_CAST_TXS_MAX);
    for (uint64_t nonce = from; nonce < to; nonce++) {
        struct qnk_transfer transfer = {
            .to = cast->senders[(sender + 1) % cast->senders_count].public, .amount = AMOUNT};
        struct qnk_tx tx = {
            .payload = {payload, sizeof payload},
            .from = payer->public.bytes,
            .nonce = nonce,
            .valid_until = valid_until,
            .fee = cast->config.network.fee_min,
            .kind = QNK_TX_TRANSFER,
        };
        struct qnk_tx whole;
        int32_t status;

        qnk_transfer_encode(&transfer, payload);
        qnk_tx_encode(&tx, at);
        status = qnk_tx_decode((struct qn_span){at, QNK_TX_TRANSFER_SIZE}, &whole);
        QN_ASSERT(status == QN_OK);

        uint32_t size = qnk_tx_message(&whole, &cast->params.chain_id, message);

        (void)crypto_sign_detached(at + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE, NULL, message, size,
                                   payer->key);
        at += QNK_TX_TRANSFER_SIZE;
    }
    qn_le32_write(out, (uint32_t)(to - from));
    return (uint64_t)(at - out);
}

uint64_t qnk_cast_next(const struct qnk_cast *cast, uint32_t node, uint32_t sender,
                       uint64_t valid_until)
{
    struct qnk_plugged ledger = qnk_cast_plugins(cast, node)->ledger;
    const struct qn_ledger_1 *slots = ledger.table;
    uint8_t body[4 + QNK_TX_TRANSFER_SIZE];
    uint64_t size = qnk_cast_txs(cast, sender, 0, 1, valid_until, body);
    struct qn_ledger_verdict verdict = {0};
    struct qnk_tx tx;
    int32_t status = qnk_tx_decode((struct qn_span){body + 4, size - 4}, &tx);

    QN_ASSERT(status == QN_OK);

    struct qn_ledger_transaction asked = {
        .from = tx.from,
        .payload = tx.payload,
        .nonce = tx.nonce,
        .fee = tx.fee,
        .valid_until = tx.valid_until,
        .size = (uint32_t)tx.bytes.size,
        .kind = tx.kind,
        .key_known = 1,
    };

    status = slots->check(ledger.inst, 0, &asked, 1, &verdict);
    QN_ASSERT(status == QN_OK);
    return verdict.next;
}

/* --- who looks on --- */

static uint32_t query_find(const struct qnk_cast *cast, const char *name)
{
    const struct qnk_manifest *manifest = &cast->plugins[SEAT_LEDGER]->manifest;

    for (uint32_t i = 0; i < manifest->queries_count; i++) {
        if (strcmp(manifest->queries[i].name, name) == 0) {
            return manifest->queries[i].id;
        }
    }
    return 0;
}

uint32_t qnk_cast_senders(const struct qnk_cast *cast)
{
    return cast->senders_count;
}

bool qnk_cast_account(const struct qnk_cast *cast, uint32_t node, uint32_t sender,
                      uint64_t *balance, uint64_t *nonce)
{
    const struct qnk_plugged *ledger = &cast->players[node].plugins.ledger;
    const struct qn_ledger_1 *slots = ledger->table;
    uint32_t query = query_find(cast, "account");
    const struct qn_span key = {cast->senders[sender].public.bytes, QN_KEY_SIZE};
    struct qn_sink answer;
    bool is_there;

    qnk_sink_init(&answer, cast->setup.budget, QN_LEDGER_ANSWER_MAX);
    is_there = query != 0 && slots->query(ledger->inst, 0, query, key, &answer) == QN_OK &&
               answer.size == ACCOUNT_SIZE;
    if (is_there) {
        *balance = qn_le64_read(answer.data + QN_KEY_SIZE);
        *nonce = qn_le64_read(answer.data + QN_KEY_SIZE + 8);
    }
    qnk_sink_done(&answer);
    return is_there;
}

int32_t qnk_cast_witness(struct qnk_cast *cast, struct qnk_witness *witness)
{
    char why[QNK_CAST_WHY];
    int32_t status;

    *witness = (struct qnk_witness){
        .cast = cast,
        .query_totals = query_find(cast, "totals"),
        .query_accounts = query_find(cast, "accounts"),
    };
    status = instance_make(cast, SEAT_LEDGER, &witness->instances[0], why);
    if (status == QN_OK) {
        status = instance_make(cast, SEAT_PRODUCER, &witness->instances[1], why);
    }
    if (status != QN_OK) {
        qnk_witness_give(witness);
        return status;
    }
    witness->ledger = qnk_instance_plugged(witness->instances[0]);
    witness->producer = qnk_instance_plugged(witness->instances[1]);
    return QN_OK;
}

bool qnk_witness_plug(void *ctx, const struct qnk_binding *binding, struct qnk_plugged *producer)
{
    struct qnk_witness *witness = ctx;

    for (uint32_t i = 0; i < QNK_CAST_PLUGGED_MAX; i++) {
        if (witness->more[i] == NULL) {
            if (!binding_play(witness->cast, QNK_BINDING_PRODUCER, binding, &witness->more[i])) {
                witness->more[i] = NULL;
                return false;
            }
            *producer = qnk_instance_plugged(witness->more[i]);
            return true;
        }
    }
    return false;
}

void qnk_witness_give(struct qnk_witness *witness)
{
    for (uint32_t i = 0; i < QNK_CAST_PLUGGED_MAX; i++) {
        if (witness->more[i] != NULL) {
            qnk_instance_destroy(witness->more[i]);
            witness->more[i] = NULL;
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (witness->instances[i] != NULL) {
            qnk_instance_destroy(witness->instances[i]);
            witness->instances[i] = NULL;
        }
    }
}
