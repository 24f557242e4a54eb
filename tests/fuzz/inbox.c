/* SPDX-License-Identifier: MIT */

/* inbox.c: the transport nanomsg and what strangers and far ends send to it. The library is played
 * here: a message that is sent is kept for what it says of its link, and what arrives is in the
 * input, a list of deeds, each a byte for its kind and then
 *
 *     0  a message of any bytes: endpoint u8, size u16, bytes
 *     1  of a far end, right but for what is said: socket, type, number's error, value, size, bytes
 *     2  a stranger's greeting: half u8, size u8, address
 *     3  pump: budget u8
 *     4  credit: link u8, amount u8
 *     5  a frame to be sent: link u8, size u8
 *     6  close: link u8, time u8
 *     7  the network: u8, 1 takes no more, 2 has lost every connection
 *     8  memory: u8 more blocks, 255 as many as there are
 *     9  dial, listen and unlisten: which u8
 *
 * Effects are whole records and tell of links that are up; nothing is sent that was not granted. */

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>

#include "plugins/transport/nanomsg/nanomsg.manifest.h"
#include "plugins/transport/nanomsg/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/given.h"

enum {
    SOCKETS = 64,
    WAITING = 32, /* messages at a socket */
    LINKS = 64,
    DEEDS_MAX = 300,
    FRAME = 4096,
};

/* --- the library --- */

static struct socket {
    bool is_open;
    bool has_sent;
    struct wire_head sent; /* the last one */
    uint64_t number;       /* of what the far end sends next */
    uint32_t waiting_count;
    struct qn_span waiting[WAITING]; /* from malloc() */
} sockets[SOCKETS];

static bool is_full, is_lost;
static int error;

int nn_socket(int domain, int protocol)
{
    (void)domain;
    (void)protocol;
    for (int i = 0; i < SOCKETS; i++) {
        if (!sockets[i].is_open) {
            sockets[i] = (struct socket){.is_open = true};
            return i;
        }
    }
    error = EMFILE;
    return -1;
}

int nn_close(int s)
{
    QN_ASSERT(s >= 0 && s < SOCKETS && sockets[s].is_open);
    for (uint32_t i = 0; i < sockets[s].waiting_count; i++) {
        free((void *)(uintptr_t)sockets[s].waiting[i].data);
    }
    sockets[s].waiting_count = 0;
    sockets[s].is_open = false;
    return 0;
}

int nn_setsockopt(int s, int level, int option, const void *value, size_t size)
{
    (void)level;
    (void)option;
    (void)value;
    (void)size;
    return sockets[s].is_open ? 0 : -1;
}

int nn_getsockopt(int s, int level, int option, void *value, size_t *size)
{
    (void)level;
    (void)option;
    QN_ASSERT(*size == sizeof(int));
    memcpy(value, &s, sizeof s);
    return 0;
}

int nn_bind(int s, const char *address)
{
    (void)address;
    return sockets[s].is_open ? 1 : -1;
}

int nn_connect(int s, const char *address)
{
    (void)address;
    return sockets[s].is_open ? 1 : -1;
}

int nn_sendmsg(int s, const struct nn_msghdr *message, int flags)
{
    struct qn_span head = {message->msg_iov[0].iov_base, message->msg_iov[0].iov_len};

    QN_ASSERT(sockets[s].is_open && flags == NN_DONTWAIT && head.size == WIRE_HEAD);
    if (is_full) {
        error = EAGAIN;
        return -1;
    }

    /* With a body or none, as its type wants it. */
    uint8_t whole[WIRE_HEAD + 1] = {0};

    memcpy(whole, head.data, WIRE_HEAD);
    QN_ASSERT(wire_head_decode((struct qn_span){whole, WIRE_HEAD + (message->msg_iovlen > 1)},
                               &sockets[s].sent));
    sockets[s].has_sent = true;
    return (int)head.size;
}

int nn_recv(int s, void *to, size_t size, int flags)
{
    struct socket *it = &sockets[s];

    QN_ASSERT(it->is_open && size == NN_MSG && flags == NN_DONTWAIT);
    if (it->waiting_count == 0) {
        error = EAGAIN;
        return -1;
    }

    struct qn_span first = it->waiting[0];
    void *bytes = (void *)(uintptr_t)first.data;

    memmove(it->waiting, it->waiting + 1, --it->waiting_count * sizeof *it->waiting);
    memcpy(to, &bytes, sizeof bytes);
    return (int)first.size;
}

int nn_freemsg(void *message)
{
    free(message);
    return 0;
}

uint64_t nn_get_statistic(int s, int which)
{
    (void)which;
    return sockets[s].is_open && is_lost;
}

int nn_errno(void)
{
    return error;
}

const char *nn_strerror(int number)
{
    (void)number;
    return "the library says no";
}

/* --- the host --- */

static struct fuzz_given given;
static const struct qn_transport_1 *slots;
static uint64_t links[LINKS]; /* that are up */
static uint32_t links_count;
static uint64_t listeners[LINKS], listeners_count;

static int32_t watch_fd(struct qn_node *node, int32_t fd, uint32_t interest)
{
    (void)node;
    (void)interest;
    return fd >= 0 && fd < SOCKETS ? QN_OK : QN_INVALID;
}

static void wake(struct qn_node *node)
{
    (void)node;
}

static void timer(struct qn_node *node, uint64_t delay_us)
{
    (void)node;
    QN_ASSERT(delay_us > 0);
}

static const struct qn_watch_1 watch = {
    .head = QN_WATCH_1_HEAD,
    .watch = watch_fd,
    .wake = wake,
    .timer = timer,
};

static uint32_t link_place(uint64_t id)
{
    uint32_t i = 0;

    while (i < links_count && links[i] != id) {
        i++;
    }
    return i;
}

static void on_up(struct qn_span body)
{
    struct qn_transport_effect_up effect;

    QN_ASSERT(qn_transport_effect_up_read(body, &effect) == QN_OK);
    QN_ASSERT(effect.link != 0 && link_place(effect.link) == links_count && links_count < LINKS);
    QN_ASSERT((effect.token != 0) != (effect.listener != 0));
    links[links_count++] = effect.link;
}

static void on_down(struct qn_span body)
{
    struct qn_transport_effect_down effect;

    QN_ASSERT(qn_transport_effect_down_read(body, &effect) == QN_OK);
    QN_ASSERT(effect.link != 0 || effect.token != 0);
    if (effect.link != 0) {
        QN_ASSERT(link_place(effect.link) < links_count);
        links[link_place(effect.link)] = links[links_count - 1];
        links_count--;
    }
}

static int32_t push(void *ctx, uint32_t type, struct qn_span body, const struct qn_slice *payload)
{
    struct qn_transport_effect_frame frame;
    struct qn_transport_effect_room room;
    struct qn_transport_effect_listening listening;
    uint32_t *left = ctx;

    QN_ASSERT((*left)-- > 0);
    QN_ASSERT((type == QN_TRANSPORT_EFFECT_FRAME) == (payload != NULL));
    switch (type) {
    case QN_TRANSPORT_EFFECT_UP:
        on_up(body);
        break;
    case QN_TRANSPORT_EFFECT_DOWN:
        on_down(body);
        break;
    case QN_TRANSPORT_EFFECT_FRAME:
        QN_ASSERT(qn_transport_effect_frame_read(body, &frame) == QN_OK);
        QN_ASSERT(link_place(frame.link) < links_count && payload->size > 0);
        break;
    case QN_TRANSPORT_EFFECT_ROOM:
        QN_ASSERT(qn_transport_effect_room_read(body, &room) == QN_OK);
        QN_ASSERT(link_place(room.link) < links_count);
        break;
    default:
        QN_ASSERT(type == QN_TRANSPORT_EFFECT_LISTENING);
        QN_ASSERT(qn_transport_effect_listening_read(body, &listening) == QN_OK);
        QN_ASSERT(listeners_count < LINKS);
        listeners[listeners_count++] = listening.listener;
    }
    return QN_OK;
}

static void pump(uint32_t budget)
{
    uint32_t left = budget;
    struct qn_effects out = {.ctx = &left, .push = push};
    int32_t status = slots->pump(given.inst, budget, &out);

    QN_ASSERT(status == QN_OK || status == QN_AGAIN);
}

/* --- deeds --- */

static void message_put(uint32_t socket, const void *bytes, uint64_t size)
{
    struct socket *it = &sockets[socket % SOCKETS];

    if (it->is_open && it->waiting_count < WAITING && size > 0) {
        uint8_t *copy = malloc(size);

        QN_ASSERT(copy != NULL);
        memcpy(copy, bytes, size);
        it->waiting[it->waiting_count++] = (struct qn_span){copy, size};
    }
}

static uint64_t value_of(uint8_t from)
{
    return from < 64 ? from : from < 250 ? UINT64_C(1) << from % 64 : UINT64_MAX - (255 - from);
}

static void any_do(struct qn_reader *in)
{
    uint8_t socket = qn_reader_u8(in);
    uint16_t size = qn_reader_u16(in);
    const uint8_t *bytes = qn_reader_fixed(in, size);

    if (bytes != NULL) {
        message_put(socket, bytes, size);
    }
}

/* What is sent through a socket comes back by the endpoint of its link, the first of them here. */
static void answer_do(struct qn_reader *in)
{
    uint8_t bytes[WIRE_HEAD + UINT8_MAX], which = qn_reader_u8(in), type = qn_reader_u8(in);
    uint8_t wrong = qn_reader_u8(in), value = qn_reader_u8(in), size = qn_reader_u8(in);
    const uint8_t *body = qn_reader_fixed(in, size);
    struct socket *it = &sockets[which % SOCKETS];
    struct wire_head head = it->sent;

    if (body == NULL || !it->is_open || !it->has_sent) {
        return;
    }
    head.side ^= 1;
    head.halves[1] = it->sent.side == 0 ? 77u + which % SOCKETS : head.halves[1];
    head.type = type % 10;
    head.number = it->number++ + (it->sent.side == 1) + wrong;
    head.value = value_of(value);
    wire_head_encode(&head, bytes);
    if (size > 0) {
        memcpy(bytes + WIRE_HEAD, body, size);
    }
    for (uint32_t i = 0; i < 2; i++) { /* where it does not belong, it is a stray */
        message_put(i, bytes, WIRE_HEAD + (uint64_t)size);
    }
}

static void greeting_do(struct qn_reader *in)
{
    uint8_t bytes[WIRE_HEAD + UINT8_MAX];
    struct wire_head head = {.type = WIRE_HELLO, .halves = {qn_reader_u8(in)}};
    uint8_t size = qn_reader_u8(in);
    const uint8_t *body = qn_reader_fixed(in, size);

    if (body != NULL && size > 0) {
        wire_head_encode(&head, bytes);
        memcpy(bytes + WIRE_HEAD, body, size);
        message_put(0, bytes, WIRE_HEAD + (uint64_t)size);
        message_put(1, bytes, WIRE_HEAD + (uint64_t)size);
    }
}

static uint64_t link_of(uint8_t which)
{
    return links_count == 0 || which >= 250 ? which : links[which % links_count];
}

static void send_do(struct qn_reader *in)
{
    static const uint8_t frame[FRAME];
    uint64_t link = link_of(qn_reader_u8(in));
    struct qn_slice slices[2] = {{NULL, frame, 16u * qn_reader_u8(in)}, {NULL, frame, 1}};
    uint32_t accepted = 0;
    int32_t status = slots->send(given.inst, link, slices, 2, &accepted);

    QN_ASSERT(status == QN_OK || status == QN_AGAIN || status == QN_NOT_FOUND ||
              status == QN_INVALID);
    QN_ASSERT(accepted == (status == QN_OK ? 2 : status == QN_AGAIN ? accepted % 2 : 0));
}

static void place_do(struct qn_reader *in)
{
    static const char *const places[] = {"ipc:///a", "tcp://127.0.0.1:5000", "ipc:///b",
                                         "tcp://127.0.0.1:5001"};
    uint8_t which = qn_reader_u8(in);
    const char *text = places[which % 4];
    struct qn_span address = {(const uint8_t *)text, strlen(text)};

    if (which < 100) {
        (void)!slots->dial(given.inst, which + 1u, address);
    } else if (which < 200) {
        (void)!slots->listen(given.inst, which, address);
    } else if (listeners_count > 0) {
        (void)!slots->unlisten(given.inst, listeners[which % listeners_count]);
    }
}

static void small_do(uint8_t kind, struct qn_reader *in)
{
    uint8_t one = qn_reader_u8(in);

    if (kind == 3) {
        pump(one + 1u);
    } else if (kind == 4) {
        (void)!slots->credit(given.inst, link_of(one), value_of(qn_reader_u8(in)));
    } else if (kind == 6) {
        slots->close(given.inst, link_of(one), qn_reader_u8(in) * 100u);
    } else if (kind == 7) {
        is_full = (one & 1) != 0;
        is_lost = (one & 2) != 0;
    } else {
        qn_check_node_starve(given.node, one == 255 ? UINT64_MAX : one);
    }
}

static void begin(void)
{
    static const char *const places[] = {"ipc:///a", "tcp://127.0.0.1:5000"};

    slots = (const void *)qn_plugin_v1.slots;
    links_count = 0;
    listeners_count = 0;
    is_full = is_lost = false;
    given.given = (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = nanomsg_config_default(),
        .memory = NANOMSG_MEMORY,
        .lanes = NANOMSG_LANES,
    };
    given.node = qn_check_node_create(NANOMSG_MEMORY);
    qn_check_node_offer(given.node, "qnet.watch/1", &watch);
    given.inst = qn_check_inst_create(&given.given, given.node);
    for (uint64_t i = 0; i < 2; i++) {
        struct qn_span address = {(const uint8_t *)places[i], strlen(places[i])};

        QN_ASSERT(slots->listen(given.inst, i + 1, address) == QN_OK);
    }
    pump(64);
}

static void end(void)
{
    qn_check_node_starve(given.node, UINT64_MAX);
    pump(4096);
    pump(4096);
    qn_check_inst_destroy(&given.given, given.inst);
    qn_check_node_destroy(given.node);
    for (int i = 0; i < SOCKETS; i++) {
        QN_ASSERT(!sockets[i].is_open);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_reader in = qn_reader_over((struct qn_span){data, size});

    begin();
    for (uint32_t i = 0; i < DEEDS_MAX && in.at != NULL && in.left > 0; i++) {
        uint8_t kind = qn_reader_u8(&in) % 10;

        if (kind == 0) {
            any_do(&in);
        } else if (kind == 1) {
            answer_do(&in);
        } else if (kind == 2) {
            greeting_do(&in);
        } else if (kind == 5) {
            send_do(&in);
        } else if (kind == 9) {
            place_do(&in);
        } else {
            small_do(kind, &in);
        }
    }
    end();
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t dialled[] = {9, 2,  3, 9, 1, 2, 2, 0, 0, 0, 3, 9, 4, 0, 40, 3, 9, 1, 2, 4,
                                      0, 40, 0, 5, 0, 9, 3, 9, 1, 2, 3, 0, 0, 2, 7,  7, 3, 9, 1, 2,
                                      5, 0,  9, 0, 3, 9, 6, 0, 9, 3, 9, 1, 2, 8, 0,  0, 0, 3, 9};
    static const uint8_t greeted[] = {2, 9, 8, 'i', 'p', 'c', ':', '/', '/', '/', 'b', 3, 9, 1, 2,
                                      5, 0, 3, 0,   3,   9,   4,   0,   30,  3,   9,   1, 2, 3, 0,
                                      0, 3, 1, 2,   3,   3,   9,   1,   2,   7,   0,   1, 0, 3, 9};
    static const uint8_t poor[] = {9, 2, 3, 9, 1, 2, 2, 0, 0, 0, 3, 9, 4,   0, 30, 3, 9, 8, 0, 1,
                                   2, 3, 0, 0, 1, 5, 3, 9, 5, 0, 9, 8, 255, 3, 9,  7, 3, 3, 9};

    take(dialled, sizeof dialled);
    take(greeted, sizeof greeted);
    take(poor, sizeof poor);
}
