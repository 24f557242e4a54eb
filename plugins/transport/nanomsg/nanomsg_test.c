/* SPDX-License-Identifier: MIT */

/* nanomsg_test.c: the contract of every transport over tcp and over ipc, then what is peculiar to
 * this one: strangers at its sockets, and ends that die. */

#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>

#include "address.h"
#include "nanomsg.manifest.h"
#include "sdk/check/transport.h"
#include "wire.h"

static const char *const bad[] = {
    "",
    "nonsense",
    "tcp://",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:9x",
    "tcp://lo;127.0.0.1:9876",
    "tcp://a b:9876",
    "ipc://",
    "ipc://not/from/the/root",
    "inproc://a",
    "ws://127.0.0.1:9876",
    NULL,
};

/* Quick hearts, so that what is slow by nature is quick here. */
static struct qn_span config_quick(uint8_t *room)
{
    struct nanomsg_config it;
    struct qn_reader in = qn_reader_over(nanomsg_config_default());

    nanomsg_config_take(&in, &it);
    it.heartbeat = 80;
    it.dial_timeout = 2000;
    it.timeout = 1500;
    return (struct qn_span){room, (uint64_t)(nanomsg_config_write(&it, room) - room)};
}

static int start(void **subject, const char *listen, const char *nowhere)
{
    static uint8_t config[256];
    const struct qn_check_transport_given given = {
        .given =
            {
                .plugin = &qn_plugin_v1,
                .config = config_quick(config),
                .memory = NANOMSG_MEMORY,
                .lanes = 1,
            },
        .listen = listen,
        .nowhere = nowhere,
        .bad = bad,
    };

    *subject = qn_check_transport_start(&given);
    return 0;
}

static int start_tcp(void **subject)
{
    return start(subject, "tcp://127.0.0.1:0", "tcp://127.0.0.1:1");
}

static char folder[] = "/tmp/qnet-nanomsg-XXXXXX";

static int start_ipc(void **subject)
{
    static char listen[64], nowhere[64];

    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen, sizeof listen, "ipc://%s/a", folder);
    (void)snprintf(nowhere, sizeof nowhere, "ipc://%s/b", folder);
    return start(subject, listen, nowhere);
}

static int stop(void **subject)
{
    qn_check_transport_stop(*subject);
    return 0;
}

/* The folder is empty again: every path is gone with its socket. */
static int stop_ipc(void **subject)
{
    assert_int_equal(rmdir(folder), 0);
    return stop(subject);
}

/* A process at the sockets of end 0 that speaks the protocol by hand, well or badly. */
struct stranger {
    struct qn_check_transport *it;
    int push, pull;
    char address[128]; /* where it is answered */
    uint64_t halves[2];
    uint64_t number;
    uint64_t strays; /* that end 0 should have counted */
};

static struct stranger stranger_open(struct qn_check_transport *it)
{
    struct stranger self = {.it = it, .halves = {0x5555555555555555, 0}};

    self.push = nn_socket(AF_SP, NN_PUSH);
    self.pull = nn_socket(AF_SP, NN_PULL);
    assert_true(self.push >= 0 && self.pull >= 0);
    (void)snprintf(self.address, sizeof self.address, "ipc://%s/s", folder);
    assert_true(nn_bind(self.pull, self.address) >= 0);
    assert_true(nn_connect(self.push, qn_check_transport_address(it, 0)) >= 0);
    return self;
}

static void stranger_close(struct stranger *self)
{
    nn_close(self->push);
    nn_close(self->pull);
}

static void bytes_send(struct stranger *self, const void *bytes, size_t size)
{
    while (nn_send(self->push, bytes, size, NN_DONTWAIT) < 0) {
        assert_int_equal(nn_errno(), EAGAIN);
        qn_check_transport_turn(self->it);
    }
}

/* A message with the next number. */
static void head_send(struct stranger *self, uint8_t type, uint64_t value, const char *body)
{
    uint8_t bytes[256];
    size_t size = strlen(body);
    struct wire_head head = {.type = type,
                             .halves = {self->halves[0], self->halves[1]},
                             .number = self->number++,
                             .value = value};

    assert_true(size <= sizeof bytes - WIRE_HEAD);
    wire_head_encode(&head, bytes);
    memcpy(bytes + WIRE_HEAD, body, size);
    bytes_send(self, bytes, WIRE_HEAD + size);
}

/* Waits for a message of this type. */
static struct wire_head head_receive(struct stranger *self, uint8_t type)
{
    struct wire_head head = {0};
    uint8_t bytes[256];

    while (head.type != type) {
        int size = nn_recv(self->pull, bytes, sizeof bytes, NN_DONTWAIT);

        if (size >= 0) {
            assert_true(wire_head_decode((struct qn_span){bytes, (uint64_t)size}, &head));
        } else {
            qn_check_transport_turn(self->it);
        }
    }
    return head;
}

/* Makes a link, as an honest dialler would. */
static void stranger_greet(struct stranger *self)
{
    head_send(self, WIRE_HELLO, 0, self->address);
    self->halves[1] = head_receive(self, WIRE_WELCOME).halves[1];
    assert_int_equal(qn_check_transport_ups(self->it, 0), 0);
    head_send(self, WIRE_PING, 7, "");
    assert_int_equal(head_receive(self, WIRE_PONG).value, 7);
    assert_int_equal(qn_check_transport_ups(self->it, 0), 1);
}

static void strays_await(struct stranger *self)
{
    struct qn_node *node = qn_check_transport_node(self->it, 0);

    while (qn_check_node_metric(node, NANOMSG_METRIC_STRAYS) < (int64_t)self->strays) {
        qn_check_transport_turn(self->it);
    }
    assert_int_equal(qn_check_node_metric(node, NANOMSG_METRIC_STRAYS), self->strays);
}

static void garbage_changes_nothing(void **subject)
{
    uint64_t seed = 3;
    uint8_t bytes[300];

    qn_check_transport_open_one(*subject);

    struct stranger self = stranger_open(*subject);

    stranger_greet(&self);
    for (size_t size = 0; size < sizeof bytes; size++, self.strays++) {
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(qn_check_random(&seed) >> 32);
        }
        if (size >= 8 && size % 2 == 0) { /* a good beginning, and nonsense after it */
            qn_le32_write(bytes, WIRE_MAGIC);
            bytes[4] = (uint8_t)(size / 2 % 16);
            bytes[5] &= 1;
            qn_le16_write(bytes + 6, 0);
        }
        bytes_send(&self, bytes, size);
    }
    strays_await(&self);
    head_send(&self, WIRE_PING, 8, "");
    assert_int_equal(head_receive(&self, WIRE_PONG).value, 8);
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

static void an_id_that_is_half_right_is_a_stranger_s(void **subject)
{
    qn_check_transport_open_one(*subject);

    struct stranger self = stranger_open(*subject);

    stranger_greet(&self);
    for (int i = 0; i < 2; i++) {
        self.halves[i] ^= 1 << 20;
        head_send(&self, WIRE_BYE, 0, "");
        self.halves[i] ^= 1 << 20;
        self.number--;
        self.strays++;
    }
    strays_await(&self);
    assert_int_equal(qn_check_transport_ups(*subject, 0), 1);
    head_send(&self, WIRE_PING, 9, "");
    assert_int_equal(head_receive(&self, WIRE_PONG).value, 9);
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

static void a_greeting_counts_once(void **subject)
{
    qn_check_transport_open_one(*subject);

    struct stranger self = stranger_open(*subject);

    head_send(&self, WIRE_HELLO, 0, self.address);
    self.number--;
    head_send(&self, WIRE_HELLO, 0, self.address);
    self.strays++;
    strays_await(&self);
    self.halves[1] = head_receive(&self, WIRE_WELCOME).halves[1];
    head_send(&self, WIRE_PING, 1, "");
    (void)head_receive(&self, WIRE_PONG);
    assert_int_equal(qn_check_transport_ups(*subject, 0), 1);

    /* Nor does one with a way back that is none, or of another kind than it came by. */
    static const char *const ways[] = {"nonsense", "tcp://127.0.0.1:9876", "ipc://", "inproc://a"};

    self.halves[1] = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        self.halves[0]++;
        self.number = 0;
        head_send(&self, WIRE_HELLO, 0, ways[i]);
        self.strays++;
    }
    strays_await(&self);
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

/* Sends a message that breaks a rule; the link goes down for this reason. */
static void rule_break(struct qn_check_transport *it, uint8_t type, uint64_t skipped,
                       const char *body, uint32_t reason)
{
    qn_check_transport_open_one(it);

    struct stranger self = stranger_open(it);

    stranger_greet(&self);
    self.number += skipped;
    head_send(&self, type, 0, body);
    while (qn_check_transport_downs(it, 0) == 0) {
        qn_check_transport_turn(it);
    }
    assert_int_equal(qn_check_transport_reason(it, 0), reason);
    assert_int_equal(head_receive(&self, reason == 1 ? WIRE_BYE_TOO : WIRE_BYE).value,
                     reason == 1 ? 0 : 1);
    stranger_close(&self);
    qn_check_transport_close(it);
}

static void a_missing_message_takes_the_link_down(void **subject)
{
    rule_break(*subject, WIRE_PING, 1, "", 4);
}

static void a_message_that_comes_twice_takes_the_link_down(void **subject)
{
    rule_break(*subject, WIRE_PING, (uint64_t)-1, "", 4);
}

static void a_frame_without_credit_takes_the_link_down(void **subject)
{
    rule_break(*subject, WIRE_DATA, 0, "frame", 6);
}

static void a_second_welcome_takes_the_link_down(void **subject)
{
    rule_break(*subject, WIRE_WELCOME, 0, "", 6);
}

static void a_bye_is_answered(void **subject)
{
    rule_break(*subject, WIRE_BYE, 0, "", 1);
}

/* The library ends the connection of whoever sends too much; others do not notice. */
static void a_message_over_the_limit_is_not_read(void **subject)
{
    uint8_t *bytes = calloc(1, WIRE_MAX + 1);

    assert_non_null(bytes);
    qn_check_transport_open(*subject);

    int push = nn_socket(AF_SP, NN_PUSH);

    assert_true(nn_connect(push, qn_check_transport_address(*subject, 1)) >= 0);
    assert_int_equal(nn_send(push, bytes, WIRE_MAX + 1, 0), WIRE_MAX + 1);
    while (nn_get_statistic(push, NN_STAT_BROKEN_CONNECTIONS) == 0) {
        qn_check_transport_turn(*subject);
    }
    nn_close(push);
    free(bytes);
    qn_check_transport_exchange(*subject, 100);
    qn_check_transport_close(*subject);
}

/* More greetings than there are links, none of which anybody answers: they make no link, end by
 * themselves, and then others are heard again. */
static void unanswered_greetings_make_no_links(void **subject)
{
    qn_check_transport_open_one(*subject);

    struct stranger self = stranger_open(*subject);
    struct qn_node *node = qn_check_transport_node(*subject, 0);
    uint64_t used = qn_check_node_used(node);
    uint8_t welcome[WIRE_HEAD];

    nn_close(self.pull);
    for (int i = 0; i < 1000; i++) {
        self.halves[0]++;
        self.number = 0;
        head_send(&self, WIRE_HELLO, 0, self.address);
    }
    assert_true(qn_check_node_peak(node) > used);
    assert_int_equal(qn_check_transport_ups(*subject, 0), 0);
    self.pull = nn_socket(AF_SP, NN_PULL);
    assert_true(nn_bind(self.pull, self.address) >= 0);
    while (nn_recv(self.pull, welcome, sizeof welcome, NN_DONTWAIT) < 0) {
        self.halves[0]++;
        self.number = 0;
        head_send(&self, WIRE_HELLO, 0, self.address);
        for (int i = 0; i < 10; i++) {
            qn_check_transport_turn(*subject);
        }
    }
    assert_int_equal(qn_check_transport_downs(*subject, 0), 0);
    stranger_close(&self);
    while (qn_check_node_used(node) > used) {
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_ups(*subject, 0), 0);
    qn_check_transport_close(*subject);
}

/* One host has one way to be written, and nothing is resolved for strangers. */
static void a_way_back_is_a_number(void **subject)
{
    static const char *const ways[] = {
        "tcp://00177.0.0.1:", "tcp://0000177.1:",     "tcp://127.1:",
        "tcp://0x7f000001:",  "tcp://2130706433:",    "tcp://LOCALHOST:",
        "tcp://example.org:", "tcp://127.0.0.1.:",    "tcp://[::ffff:127.0.0.1]:",
        "tcp://0.0.0.0:",     "tcp://127.000.000.1:", "tcp://*:",
    };
    struct stranger self = {.it = *subject, .halves = {0x5555555555555555, 0}};
    uint16_t port;
    uint8_t welcome[WIRE_HEAD];

    qn_check_transport_open_one(*subject);
    self.push = nn_socket(AF_SP, NN_PUSH);
    self.pull = nn_socket(AF_SP, NN_PULL);
    assert_true(self.push >= 0 && self.pull >= 0);
    assert_true(nanomsg_port_find("127.0.0.1", &port));
    (void)snprintf(self.address, sizeof self.address, "tcp://127.0.0.1:%u", (unsigned)port);
    assert_true(nn_bind(self.pull, self.address) >= 0);
    assert_true(nn_connect(self.push, qn_check_transport_address(*subject, 0)) >= 0);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char way[64];

        (void)snprintf(way, sizeof way, "%s%u", ways[i], (unsigned)port);
        self.halves[0]++;
        self.number = 0;
        self.strays++;
        head_send(&self, WIRE_HELLO, 0, way);
    }
    strays_await(&self);
    assert_true(nn_recv(self.pull, welcome, sizeof welcome, NN_DONTWAIT) < 0);
    self.number = 0;
    stranger_greet(&self);
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

enum { MUTE_HOSTS = 10, MUTE_GREETINGS = 40 };

/* Greets until somebody answers, as a host does that dials: some hundred times at most. */
static bool is_welcome_soon(struct stranger *self)
{
    uint8_t bytes[256];

    for (int i = 0; i < 100; i++) {
        self->halves[0]++;
        self->number = 0;
        head_send(self, WIRE_HELLO, 0, self->address);
        for (int turn = 0; turn < 50; turn++) {
            qn_check_transport_turn(self->it);
            if (nn_recv(self->pull, bytes, sizeof bytes, NN_DONTWAIT) >= 0) {
                return true;
            }
        }
    }
    return false;
}

/* Greetings with ways back to listeners that say nothing keep nobody out for long, and cost no more
 * than they may: most are refused. */
static void mute_greetings_give_way(void **subject)
{
    struct stranger self = {.it = *subject, .halves = {0x5555555555555555, 0}};
    char ways[MUTE_HOSTS][64];
    int mutes[MUTE_HOSTS];
    uint16_t port;

    qn_check_transport_open_one(*subject);
    self.push = nn_socket(AF_SP, NN_PUSH);
    assert_true(nn_connect(self.push, qn_check_transport_address(*subject, 0)) >= 0);
    for (int i = 0; i < MUTE_HOSTS; i++) {
        char host[16];

        (void)snprintf(host, sizeof host, "127.0.0.%d", 2 + i);
        mutes[i] = nn_socket(AF_SP, NN_PULL);
        assert_true(nanomsg_port_find(host, &port));
        (void)snprintf(ways[i], sizeof ways[i], "tcp://%s:%u", host, (unsigned)port);
        assert_true(mutes[i] >= 0 && nn_bind(mutes[i], ways[i]) >= 0);
    }
    for (int i = 0; i < MUTE_HOSTS * MUTE_GREETINGS; i++) {
        self.halves[0]++;
        self.number = 0;
        head_send(&self, WIRE_HELLO, 0, ways[i % MUTE_HOSTS]);
    }
    self.pull = nn_socket(AF_SP, NN_PULL);
    assert_true(nanomsg_port_find("127.0.0.1", &port));
    (void)snprintf(self.address, sizeof self.address, "tcp://127.0.0.1:%u", (unsigned)port);
    assert_true(nn_bind(self.pull, self.address) >= 0);
    assert_true(is_welcome_soon(&self));
    assert_true(qn_check_node_metric(qn_check_transport_node(*subject, 0), NANOMSG_METRIC_STRAYS) >
                0);
    for (int i = 0; i < MUTE_HOSTS; i++) {
        nn_close(mutes[i]);
    }
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

enum { CROWD = 150, CROWD_STAYS = 8 };

static void crowd_come(struct qn_check_transport *it, int *sockets, bool speaks)
{
    static const uint8_t header[] = {0, 'S', 'P', 0, 0, 0x50, 0, 0}; /* a PUSH's */
    struct sockaddr_in to = {.sin_family = AF_INET};
    const char *address = qn_check_transport_address(it, 1);

    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CROWD; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(sockets[i] >= 0);
        assert_return_code(connect(sockets[i], (const struct sockaddr *)&to, sizeof to), errno);
        if (speaks) {
            assert_int_equal(send(sockets[i], header, sizeof header, MSG_NOSIGNAL), 8);
        }
        if (i % 50 == 49) {
            qn_check_transport_turn(it);
        }
    }
}

/* How many the far end has not closed. */
static uint32_t crowd_count(const int *sockets)
{
    uint8_t bytes[16];
    uint32_t count = 0;

    for (int i = 0; i < CROWD; i++) {
        ssize_t size = 1;

        while (size > 0) {
            size = recv(sockets[i], bytes, sizeof bytes, MSG_DONTWAIT);
        }
        count += size < 0 && errno == EAGAIN;
    }
    return count;
}

/* Connections alone, of which nothing comes, cost descriptors: a host has a few more than links. */
static void a_crowd_is_sent_away_and_links_stay(void **subject)
{
    int sockets[CROWD];

    qn_check_transport_open(*subject);
    for (int round = 0; round < 2; round++) {
        crowd_come(*subject, sockets, round > 0);
        while (crowd_count(sockets) > CROWD_STAYS) {
            qn_check_transport_turn(*subject);
        }
        assert_true(round == 0 || crowd_count(sockets) > 0);
        qn_check_transport_exchange(*subject, 100);
        assert_int_equal(qn_check_transport_downs(*subject, 0), 0);
        assert_int_equal(qn_check_transport_downs(*subject, 1), 0);
        for (int i = 0; i < CROWD; i++) {
            close(sockets[i]);
        }
    }
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 1));
    while (qn_check_transport_ups(*subject, 0) + qn_check_transport_ups(*subject, 1) < 4) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

static void ten_thousand_frames_both_ways_past_slow_readers(void **subject)
{
    qn_check_transport_open(*subject);
    qn_check_transport_exchange(*subject, 10000);
    qn_check_transport_close(*subject);
}

/* Listens, and tells where, until it is killed or the case is long over. */
_Noreturn static void child_run(struct qn_check_transport *it, int to)
{
    char address[QN_TRANSPORT_ADDRESS_MAX] = "";

    (void)alarm(60); /* whatever happens, it does not stay */
    qn_check_transport_open_one(it);
    (void)snprintf(address, sizeof address, "%s", qn_check_transport_address(it, 0));
    if (write(to, address, sizeof address) == (ssize_t)sizeof address) {
        for (int i = 0; i < 500; i++) {
            qn_check_transport_turn(it);
        }
    }
    _exit(1);
}

static void a_killed_process_is_noticed(void **subject)
{
    char address[QN_TRANSPORT_ADDRESS_MAX];
    int pipe_ends[2];

    assert_return_code(pipe(pipe_ends), 0);

    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        child_run(*subject, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], address, sizeof address), sizeof address);
    close(pipe_ends[0]);
    qn_check_transport_open_one(*subject);
    qn_check_transport_dial(*subject, 0, address);
    while (qn_check_transport_ups(*subject, 0) == 0) {
        qn_check_transport_turn(*subject);
    }
    assert_return_code(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (qn_check_transport_downs(*subject, 0) == 0) {
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_ups(*subject, 0), 0);
    assert_int_equal(qn_check_transport_reason(*subject, 0), 6);
    qn_check_transport_close(*subject);
}

/* A process that stands still keeps its connections: only its silence tells. */
static void a_stopped_process_is_noticed(void **subject)
{
    qn_check_transport_open_one(*subject);

    struct stranger self = stranger_open(*subject);

    stranger_greet(&self); /* and never speaks again */
    while (qn_check_transport_downs(*subject, 0) == 0) {
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_reason(*subject, 0), 3);
    stranger_close(&self);
    qn_check_transport_close(*subject);
}

static void links_end_with_a_freeze_and_listeners_do_not(void **subject)
{
    const struct qn_life *life = qn_plugin_v1.life;

    qn_check_transport_open(*subject);
    assert_int_equal(life->freeze(qn_check_transport_inst(*subject, 1)), QN_OK);
    assert_int_equal(life->thaw(qn_check_transport_inst(*subject, 1)), QN_OK);
    while (qn_check_transport_downs(*subject, 0) + qn_check_transport_downs(*subject, 1) < 2) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 1));
    while (qn_check_transport_ups(*subject, 0) + qn_check_transport_ups(*subject, 1) < 2) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

static void an_address_in_use_is_refused(void **subject)
{
    const struct qn_transport_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_span address = {NULL, 0};

    qn_check_transport_open(*subject);
    address.data = (const uint8_t *)qn_check_transport_address(*subject, 1);
    address.size = strlen(qn_check_transport_address(*subject, 1));
    assert_int_equal(slots->listen(qn_check_transport_inst(*subject, 0), 5, address), QN_OK);
    while (qn_check_transport_downs(*subject, 0) == 0) {
        qn_check_transport_turn(*subject);
    }
    assert_int_equal(qn_check_transport_reason(*subject, 0), 2);
    qn_check_transport_close(*subject);
}

/* The dialler listens everywhere, which is nowhere to dial: it names its own side of the route. */
static void a_dialler_that_listens_everywhere_is_dialled_back(void **subject)
{
    qn_check_transport_open(*subject);
    qn_check_transport_listen(*subject, 0, "tcp://0.0.0.0:0");
    assert_memory_equal(qn_check_transport_address(*subject, 0), "tcp://0.0.0.0:", 14);
    qn_check_transport_dial(*subject, 0, qn_check_transport_address(*subject, 1));
    while (qn_check_transport_ups(*subject, 0) + qn_check_transport_ups(*subject, 1) < 4) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

static void frames_travel_over_ipv6(void **subject)
{
    uint16_t port;

    if (!nanomsg_port_find("[::1]", &port)) {
        skip(); /* a machine without it */
    }
    qn_check_transport_stop(*subject);
    assert_int_equal(start(subject, "tcp://[::1]:0", "tcp://[::1]:1"), 0);
    qn_check_transport_open(*subject);
    qn_check_transport_exchange(*subject, 100);
    qn_check_transport_close(*subject);
}

static void dials_beyond_the_limit_have_no_space(void **subject)
{
    const struct qn_transport_1 *slots = (const void *)qn_plugin_v1.slots;
    struct qn_span nowhere = {(const uint8_t *)"tcp://127.0.0.1:1", 17};

    qn_check_transport_open_one(*subject);

    struct qn_inst *inst = qn_check_transport_inst(*subject, 0);

    for (uint64_t i = 0; i < 128; i++) {
        assert_int_equal(slots->dial(inst, 1 + i, nowhere), QN_OK);
    }
    assert_int_equal(slots->dial(inst, 1000, nowhere), QN_NO_SPACE);
    while (qn_check_transport_downs(*subject, 0) < 128) {
        qn_check_transport_turn(*subject);
    }
    qn_check_transport_close(*subject);
}

static void address_is(const char *text, const char *whole, const char *host, uint16_t port)
{
    struct address it;

    assert_true(nanomsg_address_read((struct qn_span){(const uint8_t *)text, strlen(text)}, &it));
    assert_string_equal(it.text, whole);
    assert_string_equal(it.host, host);
    assert_int_equal(it.port, port);
}

static void addresses_are_read_whole(void **subject)
{
    struct address outside, here;
    char host[ADDRESS_SIZE];

    (void)subject;
    address_is("tcp://10.0.0.1:9876", "tcp://10.0.0.1:9876", "10.0.0.1", 9876);
    address_is("v1.example:1", "tcp://v1.example:1", "v1.example", 1);
    address_is("tcp://[fe80::1]:65535", "tcp://[fe80::1]:65535", "[fe80::1]", 65535);
    address_is("localhost:0", "tcp://127.0.0.1:0", "127.0.0.1", 0);
    address_is("tcp://*:7", "tcp://*:7", "*", 7);
    address_is("tcp://[0:0::0:1]:7", "tcp://[::1]:7", "[::1]", 7);
    address_is("ipc:///run/q", "ipc:///run/q", "/run/q", 0);

    assert_true(nanomsg_address_tcp("127.0.0.1", 9, &here));
    assert_true(here.is_loopback && !here.is_any_host);
    assert_true(nanomsg_address_source(&here, host));
    assert_string_equal(host, "127.0.0.1");
    assert_true(nanomsg_address_tcp("0.0.0.0", 9, &outside));
    assert_true(!outside.is_loopback && outside.is_any_host);
}

static void no_memory_is_no_space(void **subject)
{
    const struct qn_check_given given = {
        .plugin = &qn_plugin_v1,
        .config = nanomsg_config_default(),
        .memory = NANOMSG_MEMORY,
        .lanes = 1,
    };

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

/* A case over tcp, and over ipc. */
#define OVER_TCP(name) cmocka_unit_test_setup_teardown(name, start_tcp, stop)
#define OVER_IPC(name) cmocka_unit_test_setup_teardown(name, start_ipc, stop_ipc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_TRANSPORT(OVER_TCP),
        QN_CHECK_TRANSPORT(OVER_IPC),
        OVER_IPC(garbage_changes_nothing),
        OVER_IPC(an_id_that_is_half_right_is_a_stranger_s),
        OVER_IPC(a_greeting_counts_once),
        OVER_IPC(a_missing_message_takes_the_link_down),
        OVER_IPC(a_message_that_comes_twice_takes_the_link_down),
        OVER_IPC(a_frame_without_credit_takes_the_link_down),
        OVER_IPC(a_second_welcome_takes_the_link_down),
        OVER_IPC(a_bye_is_answered),
        OVER_TCP(a_message_over_the_limit_is_not_read),
        OVER_IPC(unanswered_greetings_make_no_links),
        OVER_TCP(a_way_back_is_a_number),
        OVER_TCP(mute_greetings_give_way),
        OVER_TCP(a_crowd_is_sent_away_and_links_stay),
        OVER_TCP(ten_thousand_frames_both_ways_past_slow_readers),
        OVER_TCP(a_killed_process_is_noticed),
        OVER_IPC(a_stopped_process_is_noticed),
        OVER_TCP(links_end_with_a_freeze_and_listeners_do_not),
        OVER_TCP(an_address_in_use_is_refused),
        OVER_TCP(a_dialler_that_listens_everywhere_is_dialled_back),
        OVER_TCP(frames_travel_over_ipv6),
        OVER_TCP(dials_beyond_the_limit_have_no_space),
        cmocka_unit_test(addresses_are_read_whole),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
