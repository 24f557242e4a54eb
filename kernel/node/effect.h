/* SPDX-License-Identifier: MIT */
#pragma once

/* effect.h: all that a node ever does. A step appends to the list; the host performs it afterwards,
 * in order.
 *
 * Unless a member's own comment says otherwise:
 *   owns     effects own the bufs and jobs in them until qnk_effects_reset; the host takes over
 *            what it keeps by setting the member to NULL or by a reference of its own
 *   threads  the core's, and whoever performs them afterwards
 *   cost     pushing allocates only when the list has to grow
 *
 * Source: scale.md 1.1.
 */

#include "kernel/chain/binding.h"
#include "kernel/node/event.h"

enum qnk_effect_type {
    QNK_EFFECT_SEND,
    QNK_EFFECT_TIMER,
    QNK_EFFECT_CANCEL,
    QNK_EFFECT_JOB,
    QNK_EFFECT_STORE_BLOCK, /* append to the block log, durable; answered by STORED */
    QNK_EFFECT_STORE_FINAL, /* one atomic durable batch; answered by STORED */
    QNK_EFFECT_STORE_TXS,   /* the mempool's copy, no answer */
    QNK_EFFECT_SIGN,        /* make block and record durable, then sign; answered by SIGNED */
    QNK_EFFECT_SECRETS,     /* answered by SECRETS */
    QNK_EFFECT_GUARD_TRIM,  /* keep these records, drop all that is older */
    QNK_EFFECT_STORE_PLACE, /* a final block lies elsewhere now; answered by STORED */
    QNK_EFFECT_CHECK,       /* read stored bodies and see whether they are good; CHECKED answers */
    QNK_EFFECT_SERVE,       /* read stored blocks or macroblocks and send them to a peer */
    QNK_EFFECT_REPLY,       /* to SUBMIT */
    QNK_EFFECT_SCORE,       /* a peer did wrong */
    QNK_EFFECT_NOTE,        /* something that operators and services may want to know */
    QNK_EFFECT_HALT,        /* stop the node: going on would be wrong */
    /* A plugin is bound that is not here: once for each binding and life of the node. The host
     * answers with PLUGGED when it has an instance, at once or after hours, or with words why it
     * has none; what was refused may still come. */
    QNK_EFFECT_NEED,
    /* What NEED asked for is not needed any more: its instance, if it came, may be destroyed. */
    QNK_EFFECT_UNPLUG,
    QNK_EFFECT_PROPOSED, /* to PROPOSE and ABANDON */
};

/* Timers: one of each, a new TIMER moves it. */
enum qnk_timer {
    QNK_TIMER_PRODUCE,
    QNK_TIMER_VERIFY, /* cut the batch of transactions that waits */
    QNK_TIMER_SETTLE,
    QNK_TIMER_RESEND,
    QNK_TIMER_ROOM,   /* blocks that wait for their time */
    QNK_TIMER_FETCH,  /* what was asked for and did not come */
    QNK_TIMER_RELAY,  /* announce transactions */
    QNK_TIMER_TICK,   /* once a second */
    QNK_TIMER_ENGINE, /* + the place of an engine's timer */
    QNK_TIMERS = QNK_TIMER_ENGINE + 64,
};

enum qnk_fault {
    QNK_FAULT_MALFORMED, /* bytes that are no message */
    QNK_FAULT_UNASKED,   /* an answer that nobody wanted */
    QNK_FAULT_BAD_SIGNATURE,
    QNK_FAULT_BAD_BLOCK,
    QNK_FAULT_BAD_RANGE, /* sync data that does not fit its certificate */
    QNK_FAULT_BAD_TX,
    QNK_FAULT_SLOW, /* did not answer in time */
    QNK_FAULTS
};

/* "signature" */
const char *qnk_fault_name(uint32_t fault);

enum qnk_note {
    QNK_NOTE_LOG,        /* `event`, `text` and `level` */
    QNK_NOTE_MICROBLOCK, /* joined the best chain */
    QNK_NOTE_UNDONE,     /* left it */
    QNK_NOTE_FINAL,      /* a window is final */
    QNK_NOTE_ROUND,      /* the engine's report */
};

enum { QNK_SIGN_MESSAGE_MAX = 192, QNK_NOTE_TEXT = 200 };
_Static_assert((int)QNK_VOTE_MESSAGE_SIZE <= (int)QNK_SIGN_MESSAGE_MAX, "a vote fits");
_Static_assert((int)QNK_MICRO_MESSAGE_SIZE <= (int)QNK_SIGN_MESSAGE_MAX, "a header fits");

/* A sign-guard record and, when it is new, what has to be durable before it: certificates, and an
 * own block without its signature. So there is no record of a block that is lost: G1 refuses any
 * other on its parent, and only the same bytes can be signed again. */
struct qnk_sign {
    uint64_t token;
    struct qn_buf *body; /* of the block to append to the block log first; NULL: none */
    uint8_t header[QNK_MICRO_SIZE];
    struct qn_buf *records; /* guard records to append first, each with a u32 size; NULL: none */
    uint32_t message_size;  /* 0: nothing is signed, what an engine saved is written */
    uint8_t message[QNK_SIGN_MESSAGE_MAX];
    struct qn_buf *long_message; /* instead of `message`: a transaction's */
    uint32_t long_size;
    struct qnk_budget *budget;
};

struct qnk_final_block {
    struct qnk_hash id;
    uint64_t place;
};

/* A binding whose plugin is needed. */
struct qnk_need {
    uint32_t kind;  /* enum qnk_binding_kind */
    uint64_t first; /* window from which on this node is held without it; UINT64_MAX: it is not, */
    bool is_fallback; /* as it only serves if what is bound comes to nothing */
    struct qnk_binding binding;
    struct qnk_budget *budget;
};

/* All that becomes durable when a window is final. At a light node `blocks`, `headers`, `ids` and
 * `counts` are NULL, and there are no pages. */
struct qnk_final {
    uint64_t token;
    struct qnk_macro macro;
    struct qnk_hash digest;
    struct qn_buf *certificate;
    struct qn_buf *control;
    struct qn_buf *next_set;
    struct qn_buf *frontier;
    struct qn_buf *blocks;  /* an array of struct qnk_final_block, height ascending */
    struct qn_buf *headers; /* QNK_MICRO_SIZE each, height ascending */
    struct qn_buf *ids;    /* ids of the window's transactions, QN_HASH_SIZE each, in chain order */
    struct qn_buf *counts; /* le32 transactions of each block */
    struct qnk_page_set pages; /* owned */
    struct qnk_budget *budget; /* of pages.indexes */
};

struct qnk_effect {
    uint32_t type;
    union {
        struct {
            uint32_t peer;
            uint8_t lane;
            uint8_t type;
            uint32_t request;
            struct qn_buf *head;  /* the body's first part; NULL: none */
            struct qn_slice body; /* and its second; the owner is ref'd */
        } send;
        struct {
            uint32_t id;
            uint64_t at_us;
        } timer;
        struct qnk_job *job;
        struct {
            uint64_t token;
            uint8_t header[QNK_MICRO_SIZE];
            struct qn_buf *body;
            bool verified;
        } block;
        struct qnk_final *final;
        struct {
            uint64_t token;
            uint64_t place;
            uint8_t header[QNK_MICRO_SIZE];
        } place;
        struct {
            uint64_t height; /* the first to look at, and then down */
            uint32_t count;
        } check;
        struct {
            struct qn_buf *rows; /* transactions one after another */
            uint64_t size;       /* bytes of it */
            bool replaces;       /* they are all that is worth keeping */
        } txs;
        struct qnk_sign *sign;
        struct {
            uint64_t token;
            uint32_t era;
            uint64_t window;            /* whose blind and share */
            struct qnk_hash last_share; /* the own one that the chain knows, and its window */
            uint64_t last_window;
        } secrets;
        struct {
            struct qn_buf *records; /* each with a u32 size */
        } trim;
        struct {
            uint32_t peer;
            uint32_t request;
            uint8_t type; /* QNK_WIRE_FETCH_MACROS or QNK_WIRE_FETCH_RANGE */
            struct qnk_fetch fetch;
        } serve;
        struct {
            uint64_t token;
            struct qn_buf *codes; /* for each transaction: id, then u8 enum qnk_tx_code */
        } reply;
        struct {
            uint32_t peer;
            uint32_t fault; /* enum qnk_fault */
        } score;
        struct {
            uint32_t what;   /* enum qnk_note */
            uint32_t level;  /* LOG: 0 error, 1 warn, 2 info, 3 debug */
            uint64_t height; /* or window */
            struct qnk_hash id;
            const char *event; /* LOG: stable name; static */
            char text[QNK_NOTE_TEXT];
            struct qn_buf *ids; /* MICROBLOCK, UNDONE: of its transactions, QN_HASH_SIZE each */
        } note;
        struct {
            char text[QNK_NOTE_TEXT];
        } halt;
        struct qnk_need *need;
        struct {
            uint32_t kind;
            uint32_t number;
        } unplug;
        struct {
            uint64_t token;
            int32_t status; /* QN_OK: it is signed and on its way; whether a block takes */
            char text[QNK_NOTE_TEXT]; /* it shows on the chain. Else why not */
            struct qnk_hash plan;     /* of a plan: its id */
        } proposed;
    };
};

struct qnk_effects {
    struct qnk_effect *list;
    uint32_t count;
    uint32_t capacity;
    struct qnk_budget *budget;
};

void qnk_effects_init(struct qnk_effects *effects, struct qnk_budget *budget);

/* Gives back what the host left in the effects, and empties the list. */
void qnk_effects_reset(struct qnk_effects *effects);
void qnk_effects_done(struct qnk_effects *effects);

/* What a host calls for a final, a sign or a need that it took over. NULL is allowed. */
void qnk_final_destroy(struct qnk_final *final);
void qnk_sign_destroy(struct qnk_sign *sign);
void qnk_need_destroy(struct qnk_need *need);

/* A zeroed effect at the end of the list. The core's memory is sized so that this cannot fail. */
struct qnk_effect *qnk_effects_push(struct qnk_effects *effects, uint32_t type);
