/* SPDX-License-Identifier: MIT */

#include "kernel/config/node_file.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/config/file.h"
#include "kernel/config/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const versions[] = {"qnet.node/v1"};
static const char *const types[] = {"light", "full", "super"};
static const char *const plugin_kinds[] = {"transport", "storage", "compression", "signature",
                                           "service"};
static const char *const levels[] = {"error", "warn", "info", "debug", "trace"};
static const char *const formats[] = {"auto", "text", "logfmt", "json"};
static const char *const policies[] = {"enforce", "warn", "off"};
static const char *const guards[] = {"class", "full", "off"};
static const char *const accepts[] = {"ask", "prepared", "never"};

_Static_assert(COUNT(levels) == QNK_LOG_LEVEL_COUNT, "a choice is a level");

static const struct qnk_config_key keys[] = {
    {.name = "version",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = versions,
     .values_count = COUNT(versions),
     .doc = "qnet.node/v1"},
    {.name = "network",
     .type = QNK_CONFIG_PATH,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "the network file, relative to this one"},
    {.name = "name",
     .type = QNK_CONFIG_NAME,
     .flags = QNK_CONFIG_REQUIRED,
     .doc = "what people call this node"},
    {.name = "type",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_REQUIRED,
     .values = types,
     .values_count = COUNT(types),
     .doc = "light keeps headers and proofs, full everything, super votes and produces, too"},
    {.name = "data",
     .type = QNK_CONFIG_PATH,
     .doc = "folder; left out: $XDG_DATA_HOME/qnet/NAME, or /var/lib/qnet/NAME for a service"},
    {.name = "keys.node",
     .type = QNK_CONFIG_PATH,
     .flags = QNK_CONFIG_KEY_FILE,
     .absent = QNK_RECORD_TEXT("\10", "node.key"),
     .doc = "the key file for links to peers, or credential:NAME"},
    {.name = "keys.validator",
     .type = QNK_CONFIG_PATH,
     .flags = QNK_CONFIG_KEY_FILE,
     .doc = "the key file for blocks and votes of a super node, or credential:NAME"},
    {.name = "peers",
     .type = QNK_CONFIG_PEER | QNK_CONFIG_LIST,
     .flags = QNK_CONFIG_LIVE,
     .doc = "who is dialled first, as qnp1...@HOST:PORT"},
    {.name = "transport",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED,
     .values = plugin_kinds,
     .values_count = 1,
     .doc = "how frames reach peers"},
    {.name = "storage",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED,
     .values = plugin_kinds + 1,
     .values_count = 1,
     .doc = "where blocks and state are kept"},
    {.name = "compression",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED,
     .values = plugin_kinds + 2,
     .values_count = 1,
     .doc = "how blocks become smaller"},
    {.name = "signature",
     .type = QNK_CONFIG_PLUGIN,
     .flags = QNK_CONFIG_REQUIRED,
     .values = plugin_kinds + 3,
     .values_count = 1,
     .doc = "how signatures are checked; the network file has the rule"},
    {.name = "service",
     .type = QNK_CONFIG_PLUGIN | QNK_CONFIG_LIST,
     .values = plugin_kinds + 4,
     .values_count = 1,
     .doc = "what hangs off the node; none is run yet"},
    {.name = "log.level",
     .type = QNK_CONFIG_CHOICE,
     .flags = QNK_CONFIG_LIVE,
     .absent = QNK_RECORD_U32(QNK_LOG_INFO),
     .values = levels,
     .values_count = COUNT(levels),
     .doc = "the least that is written"},
    {.name = "log.format",
     .type = QNK_CONFIG_CHOICE,
     .values = formats,
     .values_count = COUNT(formats),
     .doc = "auto: text on a terminal, else logfmt"},
    {.name = "log.parts",
     .type = QNK_CONFIG_CHOICE | QNK_CONFIG_MAP,
     .flags = QNK_CONFIG_LIVE,
     .values = levels,
     .values_count = COUNT(levels),
     .doc = "levels of single parts, as in {consensus: debug}"},
    {.name = "trust.policy",
     .type = QNK_CONFIG_CHOICE,
     .values = policies,
     .values_count = COUNT(policies),
     .doc = "what happens to plugins that nobody vouches for: refused, said, or nothing"},
    {.name = "trust.lock",
     .type = QNK_CONFIG_PATH,
     .absent = QNK_RECORD_TEXT("\14", "plugins.lock"),
     .doc = "the lock file that `qnet plugin lock` writes"},
    {.name = "trust.keys",
     .type = QNK_CONFIG_PATH,
     .doc = "the trust file: whose signatures of plugins count; empty: none are asked for"},
    {.name = "guard",
     .type = QNK_CONFIG_CHOICE,
     .values = guards,
     .values_count = COUNT(guards),
     .doc = "how closely calls of plugins are watched; full is for tests"},
    {.name = "swap.accept",
     .type = QNK_CONFIG_CHOICE,
     .values = accepts,
     .values_count = COUNT(accepts),
     .doc = "whether this validator is ready for a plan: when told, once it has the plugin, never"},
    {.name = "mempool.txs",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_TXS,
     .absent = QNK_RECORD_U64(500000),
     .min = QNK_RECORD_U64(100),
     .max = QNK_RECORD_U64(16777216),
     .doc = "that wait for a block; beyond, the lowest fee leaves"},
    {.name = "mempool.bytes",
     .type = QNK_CONFIG_SIZE,
     .absent = QNK_RECORD_U64(268435456),
     .min = QNK_RECORD_U64(1048576),
     .max = QNK_RECORD_U64(UINT64_C(1) << 36),
     .doc = "of the memory that they lie in"},
    {.name = "mempool.senders",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_ACCOUNTS,
     .absent = QNK_RECORD_U64(200000),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(16777216),
     .doc = "that have transactions waiting"},
    {.name = "limits.peers",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_PEERS,
     .absent = QNK_RECORD_U64(64),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(256),
     .doc = "connections in all"},
    {.name = "limits.peers_per_address",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_PEERS,
     .absent = QNK_RECORD_U64(8),
     .min = QNK_RECORD_U64(1),
     .max = QNK_RECORD_U64(4096),
     .doc = "connections from one host"},
    {.name = "limits.peer_bytes",
     .type = QNK_CONFIG_SIZE,
     .absent = QNK_RECORD_U64(67108864),
     .min = QNK_RECORD_U64(1048576),
     .max = QNK_RECORD_U64(UINT64_C(1) << 34),
     .doc = "that one peer may send in a second"},
    {.name = "limits.peer_requests",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_PER_SECOND,
     .absent = QNK_RECORD_U64(1000),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(1000000),
     .doc = "that one peer may ask in a second"},
    {.name = "limits.memory",
     .type = QNK_CONFIG_SIZE,
     .absent = QNK_RECORD_U64(UINT64_C(1) << 32),
     .min = QNK_RECORD_U64(1 << 28),
     .max = QNK_RECORD_U64(UINT64_C(1) << 42),
     .doc = "that the node may take"},
    {.name = "workers",
     .type = QNK_CONFIG_INT,
     .unit = QNK_CONFIG_UNIT_THREADS,
     .min = QNK_RECORD_U64(0),
     .max = QNK_RECORD_U64(256),
     .doc = "that check signatures and pack; 0: one for each processor"},
    {.name = "resend",
     .type = QNK_CONFIG_DURATION,
     .absent = QNK_RECORD_U64(2000),
     .min = QNK_RECORD_U64(10),
     .max = QNK_RECORD_U64(60000),
     .doc = "how long to wait before votes are exchanged again"},
    {.name = "index.txs",
     .type = QNK_CONFIG_BOOL,
     .absent = QNK_RECORD_FLAG(true),
     .doc = "whether transactions can be found by their hash"},
    {.name = "index.accounts",
     .type = QNK_CONFIG_BOOL,
     .doc = "whether transactions can be found by their accounts; not yet"},
    {.name = "input_log",
     .type = QNK_CONFIG_BOOL,
     .doc = "whether all that happens to the node is recorded, for `qnet replay`"},
    {.name = "input_log_size",
     .type = QNK_CONFIG_SIZE,
     .absent = QNK_RECORD_U64(268435456),
     .min = QNK_RECORD_U64(134217728),
     .max = QNK_RECORD_U64(UINT64_C(1) << 40),
     .doc = "of what is recorded; when it is full, the node begins anew, and the log with it"},
};

const struct qnk_config_schema qnk_node_schema = {.title = "", .keys = keys, .count = COUNT(keys)};

static const char *text_of(struct qnk_checker *checker, const struct qnk_config_part *part,
                           const char *name)
{
    return qnk_checker_string(checker, qnk_part_text(part, name));
}

/* Each is dialled at one address, so a key comes once. `first` is the list's first item. */
static void peer_check(struct qnk_checker *checker, const struct qnk_node_peer *peers,
                       uint32_t place, const struct qnk_tree *first, const struct qnk_tree *item)
{
    for (uint32_t i = 0; i < place; i++, first = first->next) {
        if (qnk_hash_equal(&peers[i].key, &peers[place].key)) {
            qnk_report_add(checker->report, QNK_E112, qnk_checker_place(checker, item->mark),
                           "this peer is given twice, first at %u:%u", first->mark.line,
                           first->mark.column);
            return;
        }
    }
}

static void peers_read(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_tree *tree, struct qnk_node_file *node)
{
    const struct qnk_config_value *value = qnk_part_find(part, "peers");
    const struct qnk_tree *list = qnk_tree_child(tree, "peers");
    const struct qnk_tree *item = list == NULL ? NULL : list->first;
    struct qnk_reader reader = qnk_reader_init(value->record);
    uint32_t count = qnk_reader_u32(&reader);
    struct qnk_node_peer *peers = qnk_checker_take(checker, count * sizeof *peers);

    if (count > QNK_NODE_PEERS_MAX) {
        qnk_report_add(checker->report, QNK_E106, value->place, "'peers' has %u items", count);
        qnk_report_hint(checker->report, "at most %d", QNK_NODE_PEERS_MAX);
        return;
    }
    if (peers == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++, item = item->next) {
        struct qn_span peer = qnk_reader_span(&reader, qnk_reader_u32(&reader));
        const char *text = qnk_checker_string(checker, peer);
        size_t size = strcspn(text, "@");
        const char *key = qnk_checker_string(checker, (struct qn_span){peer.data, size});

        if (checker->is_full) {
            return;
        }

        int32_t status = qnk_bech32m_decode(QNK_PREFIX_NODE, key, peers[i].key.bytes);

        QN_ASSERT(status == QN_OK);
        peers[i].address = text + size + 1;
        peer_check(checker, peers, i, list->first, item);
    }
    QN_ASSERT(qnk_reader_done(&reader));
    node->peers = peers;
    node->peers_count = count;
}

static void log_parts_read(struct qnk_checker *checker, const struct qnk_config_part *part,
                           struct qnk_node_file *node)
{
    struct qnk_reader reader = qnk_reader_init(qnk_part_find(part, "log.parts")->record);
    uint32_t count = qnk_reader_u32(&reader);
    struct qnk_node_log_part *parts = qnk_checker_take(checker, count * sizeof *parts);

    if (parts == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        parts[i].name =
            qnk_checker_string(checker, qnk_reader_span(&reader, qnk_reader_u32(&reader)));
        parts[i].level = (enum qnk_log_level)qnk_reader_u32(&reader);
    }
    QN_ASSERT(qnk_reader_done(&reader));
    node->log_parts = parts;
    node->log_parts_count = count;
}

static void secret_check(struct qnk_checker *checker, const struct qnk_config_value *value,
                         const char *path, struct qnk_config_place place)
{
    uint32_t mode;

    if (*path == 0 || strncmp(path, "credential:", strlen("credential:")) == 0) {
        return;
    }
    switch (qnk_file_secret(path, &mode)) {
    case QNK_FILE_SECRET_FINE:
        break;
    case QNK_FILE_SECRET_MISSING:
        qnk_report_add(checker->report, QNK_E110, place, "'%s': there is no file '%s'",
                       value->key->name, path);
        qnk_report_hint(checker->report, "`qnet key new` makes one");
        break;
    case QNK_FILE_SECRET_NO_FILE:
        qnk_report_add(checker->report, QNK_E110, place, "'%s': '%s' is not a file",
                       value->key->name, path);
        break;
    case QNK_FILE_SECRET_OTHERS:
        qnk_report_add(checker->report, QNK_E110, place, "'%s': '%s' belongs to another user",
                       value->key->name, path);
        qnk_report_hint(checker->report, "chown $(id -u) %s", path);
        qnk_report_denied(checker->report);
        break;
    case QNK_FILE_SECRET_WIDE:
        qnk_report_add(checker->report, QNK_E110, place, "'%s': others can read '%s' (mode %04o)",
                       value->key->name, path, mode);
        qnk_report_hint(checker->report, "chmod 600 %s", path);
        qnk_report_denied(checker->report);
        break;
    }
}

/* Where a value is given, or else where the file begins. */
static struct qnk_config_place place_of(const struct qnk_checker *checker,
                                        const struct qnk_config_value *value,
                                        const struct qnk_tree *tree)
{
    return value->place.source != NULL ? value->place : qnk_checker_place(checker, tree->mark);
}

static void secrets_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                          const struct qnk_tree *tree)
{
    for (uint32_t i = 0; i < part->schema->count; i++) {
        const struct qnk_config_value *value = &part->values[i];

        if ((value->key->flags & QNK_CONFIG_KEY_FILE) != 0) {
            secret_check(checker, value, text_of(checker, part, value->key->name),
                         place_of(checker, value, tree));
        }
    }
}

/* What a file may say and this version does not do. Nobody shall believe that it is done. */
static void idle_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_node_file *node)
{
    if (node->services_count > 0) {
        qnk_report_add(checker->report, QNK_W203, qnk_part_find(part, "service")->place,
                       "'service' has no effect yet: this version runs no services");
    }
    if (node->index_accounts) {
        qnk_report_add(checker->report, QNK_W203, qnk_part_find(part, "index.accounts")->place,
                       "'index.accounts' has no effect yet");
    }
}

static void role_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_node_file *node)
{
    const struct qnk_config_value *type = qnk_part_find(part, "type");

    if (node->kind == QNK_NODE_KIND_SUPER && *node->key_validator == 0) {
        qnk_report_add(checker->report, QNK_E112, type->place,
                       "'type' is super, but 'keys.validator' is not set");
        qnk_report_hint(checker->report, "keys: {validator: validator.key}");
    }
}

void qnk_node_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                    const struct qnk_tree *tree, bool asks_files, struct qnk_node_file *node)
{
    const struct qnk_config_value *services = qnk_part_find(part, "service");

    *node = (struct qnk_node_file){
        .network = text_of(checker, part, "network"),
        .name = text_of(checker, part, "name"),
        .kind = (enum qnk_node_kind)qnk_part_number(part, "type"),
        .data = text_of(checker, part, "data"),
        .key_node = text_of(checker, part, "keys.node"),
        .key_validator = text_of(checker, part, "keys.validator"),
        .transport = qnk_part_plugin(part, "transport"),
        .storage = qnk_part_plugin(part, "storage"),
        .compression = qnk_part_plugin(part, "compression"),
        .signature = qnk_part_plugin(part, "signature"),
        .services = services->plugins,
        .services_count = services->plugins_count,
        .log_level = (enum qnk_log_level)qnk_part_number(part, "log.level"),
        .log_format = (enum qnk_log_choice)qnk_part_number(part, "log.format"),
        .trust = (enum qnk_trust_policy)qnk_part_number(part, "trust.policy"),
        .lock_file = text_of(checker, part, "trust.lock"),
        .trust_file = text_of(checker, part, "trust.keys"),
        .guard = (enum qnk_guard_depth)qnk_part_number(part, "guard"),
        .swap_accept = (enum qnk_swap_accept)qnk_part_number(part, "swap.accept"),
        .mempool_txs = (uint32_t)qnk_part_number(part, "mempool.txs"),
        .mempool_bytes = qnk_part_number(part, "mempool.bytes"),
        .mempool_senders = (uint32_t)qnk_part_number(part, "mempool.senders"),
        .peers_max = (uint32_t)qnk_part_number(part, "limits.peers"),
        .peers_per_address = (uint32_t)qnk_part_number(part, "limits.peers_per_address"),
        .peer_bytes_per_second = qnk_part_number(part, "limits.peer_bytes"),
        .peer_requests_per_second = (uint32_t)qnk_part_number(part, "limits.peer_requests"),
        .memory = qnk_part_number(part, "limits.memory"),
        .workers = (uint32_t)qnk_part_number(part, "workers"),
        .resend_ms = (uint32_t)qnk_part_number(part, "resend"),
        .index_txs = qnk_part_number(part, "index.txs") != 0,
        .index_accounts = qnk_part_number(part, "index.accounts") != 0,
        .input_log = qnk_part_number(part, "input_log") != 0,
        .input_log_size = qnk_part_number(part, "input_log_size"),
    };
    peers_read(checker, part, tree, node);
    log_parts_read(checker, part, node);
    if (checker->is_full) {
        return;
    }
    role_check(checker, part, node);
    idle_check(checker, part, node);
    if (asks_files) {
        secrets_check(checker, part, tree);
    }
}
