/* SPDX-License-Identifier: MIT */
#pragma once

/* core.h: what the parts of the core share: the node itself, and how parts call each other.
 *
 * Not for hosts. Each part is a file of kernel/node and owns the members under its name; others
 * read them but change them only through its functions. Calls go from what happens (peer.c, node.c)
 * to what it means (chain.c, pool.c, vote.c) to what follows (exec.c, produce.c, final.c).
 *
 * Unless a function's own comment says otherwise:
 *   threads  the core's
 *   errors   what a stranger did wrong is charged to the peer; what the machine refuses (memory) is
 *            noted and the work dropped, to be fetched again
 */

#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/node/attempts.h"
#include "kernel/node/ballot.h"
#include "kernel/node/engine.h"
#include "kernel/node/guard.h"
#include "kernel/node/node.h"
#include "kernel/node/schedule.h"
#include "kernel/node/seen.h"
#include "kernel/node/transition.h"
#include "kernel/node/tree.h"

enum {
    QNK_ROOM_MAX = 64,        /* headers that wait for their time or a certificate */
    QNK_CLOCK_AHEAD_MS = 500, /* a block dated further ahead waits */
    QNK_EARLY_MAX = 64,       /* parts of bodies whose header is not in the tree yet */
    QNK_KERNEL_POOL_MAX = 256,
    QNK_KERNEL_WAITS_MAX = 1024, /* of which one peer has at most as many as the pool holds */
    QNK_QUEUE_MAX = 65536,       /* transactions that wait for verification */
    QNK_VERIFY_BATCH = 2048,
    QNK_VERIFY_US = 10000, /* or what came within this time */
    QNK_BATCHES_MAX = 256, /* of clients, under way */
    QNK_SIGNS_MAX = 256,
    QNK_SIGN_TXS_MAX = 128, /* of these: liars make evidence, and votes and blocks cannot wait */
    QNK_OWED_MAX = 16,      /* an engine asks for two or three votes a round */
    QNK_STORES_MAX = 1024,
    QNK_CHECKS_MAX = 16,       /* digests of others that the engine wants checked */
    QNK_FINALS = 8,            /* the last final windows that are kept */
    QNK_FETCH_US = 250000,     /* after which a body that was announced is asked for */
    QNK_RETRY_US = 1500000,    /* after which what was asked for is asked for elsewhere */
    QNK_SILENCE_US = 48000000, /* for which others are asked before who let that time pass */
    QNK_ASKS_MAX = 16,         /* bodies asked for at once from one peer */
    QNK_PREFIX_MAX = 65536,    /* bytes of kernel transactions in a block */
    QNK_MENDS_MAX = 64,        /* stored bodies that are known to be rotten; more are found again */
    QNK_PUSH_PEERS = 8,        /* peers that are told directly; with more, this many by lot */
    QNK_PLUGS_MAX = 2 * QNK_BINDINGS_MAX, /* instances of engines and producers */
};

/* What is known of a final window. */
struct qnk_known_final {
    uint64_t window;        /* 0: genesis */
    struct qnk_macro macro; /* of genesis: all zero */
    struct qnk_hash digest;
    struct qnk_hash beacon;
    struct qn_buf *certificate; /* NULL: genesis */
    struct qnk_control *control;
    struct qnk_set *next_set; /* of window + 3 */
    struct qnk_frontier history;
    bool is_set;
};

struct qnk_peer {
    uint32_t id; /* 0: a free place */
    struct qnk_hash key;
    struct qnk_hash validator; /* whose key it has as well; all zero: none */
    bool outgoing;
    bool has_status;
    struct qnk_status status;
    uint64_t chain_asked_us; /* last FETCH_CHAIN */
    uint64_t final_sent_us;  /* last certificate that was sent for an old vote */
    uint32_t doubts;         /* times that it claimed a final window and did not show it */
    bool owes;               /* it showed a head above ours, whose blocks were not here */
    struct qnk_hash owed;    /* that head */
    uint64_t owed_height;
    uint64_t owed_us;          /* since when */
    bool is_overdue;           /* it did not come in time */
    uint32_t owed_breaks;      /* times that such a head did not come in time */
    uint64_t doubted_until_us; /* what it claims counts for nothing before */
    uint64_t silent_until_us;  /* it kept a body or certificate back: others are asked before */
    uint64_t held_sent_us;     /* last answer to HELD */
    bool is_proving;           /* a final certificate of it is being checked */
    struct qn_buf *proof;      /* the message of one that waits for that; NULL: none */
    uint32_t showing;          /* messages of headers that are being looked at */
};

/* What peers say and have not shown. */
struct qnk_claims {
    uint64_t since_us; /* it holds this node back since then; 0: it does not */
    bool is_broken;    /* something of it was not so */
    uint64_t deaf_until_us;
    uint64_t paid_us; /* until when the time is paid for that was waited for what came */
    bool is_late;     /* blocks of the certified window were not here long after they were made */
};

/* A header that waits: for its time, or for a window to become final. */
struct qnk_waiting {
    struct qnk_micro header;
    struct qnk_hash id;
    uint32_t peer;
    uint64_t at_us; /* 0: a free place; UINT64_MAX: until a window is final */
};

/* Transactions that come back, and wait for room in the queue for verification. */
struct qnk_later {
    struct qnk_later *next;
    uint32_t count;
    struct qnk_tx_ref refs[QNK_VERIFY_BATCH];
};

/* A kernel transaction whose signatures were not checked yet. */
struct qnk_kernel_wait {
    struct qnk_hash id;
    struct qn_buf *bytes;
    uint32_t peer;
};

/* A part of a body that was pushed along with its header, which is still being checked. */
struct qnk_early {
    struct qnk_hash id; /* of the block */
    uint32_t peer;
    struct qn_buf *message; /* NULL: a free place */
};

enum qnk_mend_state {
    QNK_MEND_NONE,    /* a free place */
    QNK_MEND_WAITING, /* until `due_us` */
    QNK_MEND_ASKED,   /* a peer, for what is missing of it, until `due_us` */
    QNK_MEND_READING,
    QNK_MEND_STORING,
    QNK_MEND_PLACING, /* its new place is being written down */
};

/* A final block whose stored body is rotten. */
struct qnk_mend {
    uint32_t state; /* enum qnk_mend_state */
    struct qnk_micro header;
    struct qnk_hash id;
    uint64_t due_us;
    uint32_t peer; /* that was asked last; 0: nobody yet */
    uint32_t tries;
    uint32_t parts;      /* of the body, that are here: the first so many */
    struct qn_buf *body; /* NULL: none is here */
    uint64_t token;      /* STORING, PLACING */
};

/* What waits to be signed. */
enum qnk_sign_purpose {
    QNK_SIGN_BLOCK = 1,
    QNK_SIGN_VOTE,
    QNK_SIGN_AGAIN, /* a vote of before a restart */
    QNK_SIGN_TX,
    QNK_SIGN_BLOCK_AGAIN, /* an own block of before a restart */
    QNK_SIGN_SAVED,       /* nothing is signed: what an engine wants kept becomes durable */
};

struct qnk_signing_vote {
    struct qnk_vote vote;  /* its tail lies in `tail` */
    struct qnk_hash asked; /* the digest that the engine named */
    uint32_t to;           /* a member, or QNK_SET_NOBODY: all */
    struct qn_buf *tail;
};

struct qnk_signing_slot {
    uint64_t token; /* 0: a free place */
    uint32_t purpose;
    struct qnk_signing_vote vote;
    struct qn_buf *tx; /* without its signature */
};

/* A vote that the engine asked for when nothing could be signed for lack of room or leave. */
struct qnk_owed_vote {
    struct qnk_hash digest;
    uint32_t round;
    int32_t vr;
    uint32_t to;
    uint16_t step;
    struct qn_buf *body; /* NULL: none */
};

/* A client's transactions under way. */
struct qnk_batch {
    uint64_t token; /* 0: a free place */
    uint32_t left;
    struct qn_buf *codes; /* id, code for each */
};

struct qnk_kernel_tx {
    struct qnk_hash id;
    struct qnk_hash from;
    struct qn_buf *bytes; /* NULL: a free place */
    uint64_t added_us;
    uint8_t kind;
    bool is_ours; /* made here */
};

enum qnk_kernel_origin {
    QNK_KERNEL_OURS,   /* made here */
    QNK_KERNEL_TOLD,   /* a peer's or a client's, its signatures checked */
    QNK_KERNEL_UNDONE, /* of a block that left the best chain */
};

/* A digest that the engine wants checked. */
struct qnk_check {
    struct qnk_hash digest;
    struct qnk_macro macro;
    bool is_used;
    bool has_macro;
    bool is_ours; /* the engine has not asked: an earlier attempt left nothing else to vote for */
    uint64_t since_us;
    uint64_t asked_us;
};

enum qnk_exec_state {
    QNK_EXEC_IDLE,
    QNK_EXEC_APPLY,
    QNK_EXEC_UNDO,
    QNK_EXEC_END,
    QNK_EXEC_BUILD, /* the ledger holds a block of ours that is not in the tree yet */
    QNK_EXEC_LACK,  /* memory is short: the next tick goes on */
    QNK_EXEC_STUCK, /* the ledger answered with a local failure: nothing more is executed */
};

enum qnk_build_state {
    QNK_BUILD_NONE,
    QNK_BUILD_KERNEL, /* kernel transactions are being signed */
    QNK_BUILD_RUN,
    QNK_BUILD_SIGN,
    QNK_BUILD_BACK, /* the signature was refused: the ledger takes it back */
};

/* An instance of an engine or a producer that is bound: here, or asked for. */
struct qnk_plug {
    bool is_used;
    bool is_asked; /* the host knows that it is needed */
    bool is_here;
    bool is_failed; /* said once that the engine failed */
    uint32_t kind;  /* enum qnk_binding_kind */
    uint32_t number;
    struct qnk_engine *engine; /* of an engine that is here */
    char words[QNK_NOTE_TEXT]; /* why it is not here, if the host said so */
};

/* A stored block of a window whose producer is not here yet: nobody can say whose turn it was. */
struct qnk_shelved {
    struct qnk_micro header;
    struct qn_buf *body;
    uint64_t place;
    bool verified;
};

enum qnk_instance_state {
    QNK_INSTANCE_NONE,
    QNK_INSTANCE_OPENING,
    QNK_INSTANCE_OPEN,
    QNK_INSTANCE_OVER, /* this node gave the attempt up and waits for the next one */
};

struct qnk_node {
    struct qnk_setup setup;
    struct qnk_set *genesis_set; /* the node's own copy */
    struct qnk_budget budget;
    struct qnk_effects *out; /* of the step that is going on */
    uint64_t now_us;
    uint64_t token;  /* the last that was given out */
    uint64_t chance; /* state of a generator for choices that need not be the same elsewhere */
    bool is_started;
    bool is_halted;
    bool is_on_hold;
    struct qnk_node_counters counters;

    /* peer.c */
    struct qnk_peer peers[QNK_PEERS_MAX];
    uint32_t peers_count;
    struct qnk_status told; /* the status that peers were told last */

    /* chain.c: blocks on their way into the tree */
    struct qnk_tree *tree;
    struct qnk_schedule *schedule;
    struct qnk_waiting room[QNK_ROOM_MAX];
    struct qnk_micro recent[QNK_SCHEDULE_RECENT]; /* final headers, height % QNK_SCHEDULE_RECENT */
    uint64_t recent_last;                         /* height of the newest of them; 0: none */
    uint64_t recent_count;                        /* how many are known */
    struct {
        uint64_t token;
        struct qnk_hash id;
    } stores[QNK_STORES_MAX];
    uint32_t stores_count;

    /* fetch.c */
    struct qnk_early early[QNK_EARLY_MAX];
    uint32_t early_next; /* place that is filled next: the oldest */

    /* exec.c: where the ledger stands */
    struct {
        uint32_t state;                              /* enum qnk_exec_state */
        struct qnk_block *at;                        /* the block whose state the ledger holds */
        struct qnk_block *working;                   /* that is being applied or ended */
        struct qnk_control *control;                 /* after `working`, if it is valid */
        struct qnk_page_list lost[QNK_JOB_MORE_MAX]; /* of window ends that came to nothing */
        uint32_t lost_count;
        uint64_t started_us;   /* of the job */
        struct qnk_job *again; /* LACK: to be run again as it is; NULL: none was begun */
        uint64_t lack_us;      /* when it was said that memory lacks; 0: never */
    } exec;

    /* produce.c */
    struct {
        uint32_t state; /* enum qnk_build_state */
        struct qnk_hash parent_id;
        struct qnk_hash spent; /* on this parent another block was signed before a restart */
        struct qnk_micro header;
        struct qnk_job *job; /* after the run */
        struct qnk_control *control;
        bool is_full_said; /* since the last block: that the sign guard takes none */
        uint32_t signs_left;
        uint64_t ready_us; /* since when a block could be made on the head */
        uint64_t due_us;
        uint32_t view;
        struct qnk_pace pace; /* that binds it */
    } build;

    /* pool.c */
    struct qnk_mempool *mempool;
    struct qnk_seen *pending;  /* ids under verification */
    struct qnk_seen *rejected; /* ids whose signature is bad */
    struct qnk_seen *verified; /* ids whose signature is good */
    struct qnk_seen *asked;    /* ids asked for from some peer, forgotten every few seconds */
    struct qnk_seen *keys;     /* whose signature was good: members' and the kernel's */
    struct qnk_tx_ref *queue;
    uint32_t queue_count;
    struct qnk_later *later, *later_last; /* promised ones for which the queue had no room */
    uint32_t verifying;                   /* jobs under way */
    struct qnk_batch batches[QNK_BATCHES_MAX];
    struct qnk_kernel_tx kernel_txs[QNK_KERNEL_POOL_MAX];
    struct qnk_kernel_wait kernel_waits[QNK_KERNEL_WAITS_MAX]; /* in the order of their coming */
    uint32_t kernel_waits_count;
    uint32_t kernel_turn; /* the peer of whom some were checked last */
    bool is_kernel_checking;
    struct qn_buf *push; /* own clients' transactions on their way to peers */
    uint32_t push_size, push_count;
    uint64_t push_us, tell_us; /* when they are due */
    struct qnk_hash *tell;     /* ids to announce, and who sent each */
    uint32_t *tell_from;
    uint32_t tell_count, tell_room;
    uint64_t pool_tick; /* seconds */

    bool is_restoring;         /* blocks of before the restart are being read */
    struct qnk_shelved *shelf; /* in their order; NULL: none was */
    uint32_t shelf_count, shelf_room;
    bool is_resigning;
    struct qnk_hash resigning; /* the own block of before the restart that is being signed again */

    /* final.c */
    struct qnk_known_final finals[QNK_FINALS]; /* window % QNK_FINALS */
    uint64_t final_window;
    uint64_t final_us;
    struct qn_buf *certificate; /* of final_window + 1, checked, waiting for its chain */
    struct qnk_hash certified;  /* its digest */
    struct qnk_macro certified_macro;
    bool has_certified_macro;
    bool is_checking_certificate; /* a final one: one at a time, the peers take turns */
    uint32_t check_turn;          /* place of the peer whose turn it was last */
    uint32_t trims;               /* windows until the guard's log is trimmed */

    /* sync.c */
    uint64_t macro_asked_us; /* the header behind a certificate */
    uint64_t macros_asked_us;
    uint32_t macros_peer;
    uint64_t macros_window;
    uint64_t range_asked_us;
    uint32_t range_peer;
    uint64_t range_window;

    struct qnk_claims claims; /* claims.c */

    /* mend.c: the bodies of final blocks, read one after another, and those that are rotten */
    struct qnk_mend mends[QNK_MENDS_MAX];
    uint64_t check_next;  /* height that is looked at next; 0: none */
    uint64_t check_asked; /* the height that is being looked at */
    uint64_t check_us;    /* when to go on */
    bool is_checking;
    bool was_rotten; /* something, since the start */

    struct qnk_plug plugs[QNK_PLUGS_MAX]; /* plugs.c */

    /* vote.c, signing.c, exchange.c */
    struct qnk_guard *guard;
    bool is_guard_bad;      /* a record of its log could not be read */
    uint32_t signing;       /* enum qnk_signing */
    uint64_t resume_window; /* RESUME: sign only windows from here on; UINT64_MAX: not known yet */
    const char *not_signing;
    uint32_t instance;       /* enum qnk_instance_state */
    uint32_t instance_signs; /* own votes of before a restart that are being signed again */
    bool has_secrets;
    struct qnk_hash blind;
    struct qnk_hash share;
    bool has_share;
    uint64_t secrets_token;
    struct qnk_ballot *ballot; /* of final_window + 1 */
    struct qnk_ballot *next;   /* of the window after it, or NULL */
    struct qnk_hash candidate; /* the one that the engine knows; zero: none */
    uint64_t engine_head;
    struct qnk_check checks[QNK_CHECKS_MAX];
    struct qnk_signing_slot signs[QNK_SIGNS_MAX];
    struct qnk_owed_vote owed[QNK_OWED_MAX]; /* of the open instance, oldest first */
    uint32_t owed_count;
    struct qnk_hash *shares; /* of members, for `shares_window`; zero: not shown */
    uint64_t shares_window;
    uint64_t resend_us;
    struct qnk_engine *engine; /* of the instance that is open, or was last; plugs.c has them all */
    struct {
        uint32_t id;
        bool is_set;
    } timers[QN_CONSENSUS_TIMERS_MAX];
    uint32_t vote_phase;
    uint64_t vote_have, vote_need;

    /* abandon.c */
    struct qnk_attempts *attempts; /* at final_window + 1; NULL: nobody has given one up */
    uint64_t attempt_us;           /* since when this one might have decided; 0: not yet */
    bool is_checking_abandon;      /* a certificate: one at a time, others come again */
    bool has_failed;               /* some attempt at a window of binding `failed` */
    uint32_t failed;
};

/* --- node.c --- */

uint64_t qnk_token(struct qnk_node *node);

/* The next of a sequence of choices: not secret, not the same on other nodes. */
uint64_t qnk_chance(struct qnk_node *node);
void qnk_timer_set(struct qnk_node *node, uint32_t timer, uint64_t at_us);
void qnk_timer_cancel(struct qnk_node *node, uint32_t timer);
void qnk_job_start(struct qnk_node *node, struct qnk_job *job);

/* A job, or NULL after a note that memory is short. */
struct qnk_job *qnk_job_new(struct qnk_node *node, uint32_t kind, uint32_t purpose);

/* Room of QNK_NOTE_TEXT bytes for the words of a note for the log; `event` is its stable name. */
char *qnk_note_text(struct qnk_node *node, uint32_t level, const char *event);
#define qnk_note(node, level, event, ...) \
    qnk_text(qnk_note_text((node), (level), (event)), QNK_NOTE_TEXT, __VA_ARGS__)

/* Stops the node: going on would be wrong. */
void qnk_halt(struct qnk_node *node, const char *why);

enum qnk_job_purpose {
    QNK_PURPOSE_HEADERS = 1, /* SIGS: headers of a message; context: the message */
    QNK_PURPOSE_VOTES,       /* SIGS: votes of a message; context: votes that were wanted */
    QNK_PURPOSE_CERTIFICATE, /* SIGS; context: the message */
    QNK_PURPOSE_ABANDON,     /* SIGS; context: the abandon certificate */
    QNK_PURPOSE_KERNEL_TXS,  /* SIGS: kernel transactions; context: rows */
    QNK_PURPOSE_BLOCK_SIGS,  /* SIGS: kernel transactions of the block `subject` */
    QNK_PURPOSE_BODY,
    QNK_PURPOSE_MEND, /* BODY: of the final block `subject` */
    QNK_PURPOSE_KEEP, /* KEEP: the other transactions of the block `subject` */
    QNK_PURPOSE_INTAKE,
    QNK_PURPOSE_VERIFY,
    QNK_PURPOSE_RECHECK, /* VERIFY: of what waits in the mempool */
    QNK_PURPOSE_EXEC,
    QNK_PURPOSE_BUILD,
};

/* --- peer.c --- */

void qnk_peer_up(struct qnk_node *node, const struct qnk_event *event);
void qnk_peer_down(struct qnk_node *node, uint32_t id);
void qnk_peer_frame(struct qnk_node *node, uint32_t id, const struct qnk_frame *head,
                    struct qn_buf *buf);
struct qnk_peer *qnk_peer_find(struct qnk_node *node, uint32_t id);

/* The peer is charged; `fault` as in effect.h. Peer 0 is nobody. */
void qnk_peer_fault(struct qnk_node *node, uint32_t id, uint32_t fault);

/* Sends a body that is in one buf (whose reference is taken over), or that is `head` and a
 * slice. */
void qnk_send(struct qnk_node *node, uint32_t peer, uint8_t type, uint32_t request,
              struct qn_buf *body);
void qnk_send_two(struct qnk_node *node, uint32_t peer, uint8_t type, uint32_t request,
                  struct qn_buf *head, struct qn_slice body);

/* To all peers that take blocks and transactions, but `except`; takes the reference over. */
void qnk_send_all(struct qnk_node *node, uint8_t type, struct qn_buf *body, uint32_t except);

/* Tells peers where we stand, if that has changed. */
void qnk_peers_tell(struct qnk_node *node);

/* A place in `peers` from which to look for one, so that each has its turn. */
uint32_t qnk_peer_by_lot(struct qnk_node *node);

/* A peer did not send in time what is final and must be there, or began a body and did not end it:
 * others are asked before it for QNK_SILENCE_US. So one that stays silent, or answers now and then,
 * costs a late node one wait in that time and not one for each thing that it lacks. What need not
 * be there is not held against it, or a liar could have the honest ones avoided. An `id` of nobody
 * is fine. */
void qnk_peer_silent(struct qnk_node *node, uint32_t id);
bool qnk_peer_is_silent(const struct qnk_node *node, const struct qnk_peer *peer);

/* The best peer that serves bodies and is final at least up to `window`; any, if several. One that
 * is doubted or silent, and even more so `not`, is avoided while there is another. 0: none. */
uint32_t qnk_peer_for(struct qnk_node *node, uint64_t window, uint32_t not );

/* --- chain.c --- */

/* Gives back what this part holds besides the tree. */
void qnk_chain_done(struct qnk_node *node);

/* Headers that a peer sent: their signatures are checked, then they enter the tree. */
void qnk_headers_take(struct qnk_node *node, uint32_t peer, struct qn_span body);
void qnk_headers_checked(struct qnk_node *node, struct qnk_job *job);

/* All of a body is here. */
void qnk_body_read(struct qnk_node *node, struct qnk_job *job);
void qnk_body_checked(struct qnk_node *node, struct qnk_job *job);

/* The block is as its producer signed it, and wrong. Whoever sent its body sent the right one, and
 * may not have looked at it yet: it is no fault of a peer. (Nobody knows which peer is the
 * producer: keys of links are other keys.) */
void qnk_block_bad(struct qnk_node *node, struct qnk_block *block, const char *why);

/* A producer came: what was restored before it and waits for it is looked at. */
void qnk_shelf_look(struct qnk_node *node);

/* A stored block comes back at start. */
void qnk_block_restore(struct qnk_node *node, const struct qnk_micro *header, struct qn_buf *body,
                       uint64_t place, bool verified);

/* Our own block, signed and executed, enters the tree. NULL: no room, or it is there already. */
struct qnk_block *qnk_block_add_own(struct qnk_node *node, const struct qnk_micro *header,
                                    struct qnk_block *parent, struct qnk_job *job);
/* Has the next of the own blocks that came back signed again, one after another. */
void qnk_resign_look(struct qnk_node *node);
bool qnk_is_restoring(struct qnk_node *node);
void qnk_resigned(struct qnk_node *node, int32_t status, const uint8_t *signature);
void qnk_block_store(struct qnk_node *node, struct qnk_block *block);
void qnk_block_stored(struct qnk_node *node, uint64_t token, uint64_t place, int32_t status);

/* What waited in the room may have become due. */
void qnk_room_look(struct qnk_node *node);

/* The pace after `parent`. */
QN_MUST_CHECK int32_t qnk_pace_after(struct qnk_node *node, const struct qnk_block *parent,
                                     struct qnk_pace *pace);

/* The newest window that `header` says is final. */
uint64_t qnk_header_final(const struct qnk_node *node, const struct qnk_micro *header);

/* Limits of a block at this height and lag: transactions and bytes; false: kernel's only. */
bool qnk_block_limits(const struct qnk_node *node, uint64_t height, uint32_t lag, uint32_t *txs,
                      uint32_t *bytes);

/* A final header leaves the tree: pace still looks at it. */
void qnk_recent_add(struct qnk_node *node, const struct qnk_micro *header);

/* --- fetch.c --- */

/* Gives back what this part holds besides the tree. */
void qnk_fetch_done(struct qnk_node *node);

/* The header of a block is in the tree: its body is empty, or some of it came before. */
void qnk_body_begin(struct qnk_node *node, struct qnk_block *block);

/* A body's part. */
void qnk_part_take(struct qnk_node *node, uint32_t peer, struct qn_span body);

/* Whether the part is one that a block of this header can have. */
bool qnk_part_fits(const struct qnk_micro *header, const struct qnk_body_part *part);

/* All of the body is here: it is read on the pool. */
void qnk_body_whole(struct qnk_node *node, struct qnk_block *block);

/* A body turned out to be another block's, or no body at all: it is asked for elsewhere. */
void qnk_body_drop(struct qnk_node *node, struct qnk_block *block);

/* Sends a block to peers: its header, and its body as well where `with_body`. */
void qnk_block_announce(struct qnk_node *node, struct qnk_block *block, bool with_body,
                        uint32_t except);
void qnk_body_send(struct qnk_node *node, struct qnk_block *block, uint32_t peer, uint32_t request);

/* Asks for bodies that are missing and for what was asked for in vain. */
void qnk_fetch_look(struct qnk_node *node);
void qnk_chain_fetch(struct qnk_node *node, uint32_t peer, const struct qnk_hash *id);

/* Forgets what was asked of a peer that went. */
void qnk_fetch_forget(struct qnk_node *node, uint32_t peer);

/* --- exec.c --- */

/* Something changed: the ledger goes one step towards where it should stand. */
void qnk_exec_look(struct qnk_node *node);
void qnk_exec_done(struct qnk_node *node, struct qnk_job *job);

/* Memory lacks to do `what`: a word on it, now and then; and the ledger waits for the next tick,
 * which runs `job`, whose owner this becomes, again, or with NULL begins anew. A job that the
 * ledger has acted for must not be dropped (job.h). */
void qnk_exec_lack_say(struct qnk_node *node, const char *what);
void qnk_exec_lack(struct qnk_node *node, struct qnk_job *job, const char *what);

/* The tick: what memory lacked for goes on, before qnk_exec_look. */
void qnk_exec_again(struct qnk_node *node);

/* The head: the block at which the ledger stands, if it stands still, or came from last. */
struct qnk_block *qnk_head(struct qnk_node *node);

/* The ledger built our own block, which is in the tree now. */
void qnk_exec_joined_own(struct qnk_node *node, struct qnk_block *block);

/* Whether the ledger stands still on the best chain's end. */
bool qnk_exec_is_settled(struct qnk_node *node);

/* --- produce.c --- */

/* Looks whether and when this node makes the next block. */
void qnk_produce_look(struct qnk_node *node);
void qnk_produce_due(struct qnk_node *node);
void qnk_build_done(struct qnk_node *node, struct qnk_job *job);
void qnk_block_signed(struct qnk_node *node, const struct qnk_event *event);
void qnk_build_tx_signed(struct qnk_node *node);

/* Gives back what a build holds. */
void qnk_build_drop(struct qnk_node *node);

/* The ledger stands on a block of ours that will not be: it takes it back, if need be when there is
 * memory for that again. */
void qnk_build_back(struct qnk_node *node);

/* The ledger took back a block whose signature was refused. */
void qnk_build_undone(struct qnk_node *node);

/* --- pool.c --- */

void qnk_txs_take(struct qnk_node *node, uint32_t peer, struct qn_buf *body);
void qnk_txs_submit(struct qnk_node *node, uint64_t token, struct qn_buf *body);
void qnk_intake_done(struct qnk_node *node, struct qnk_job *job);
void qnk_verify_done(struct qnk_node *node, struct qnk_job *job);
void qnk_recheck_done(struct qnk_node *node, struct qnk_job *job);
void qnk_kernel_checked(struct qnk_node *node, struct qnk_job *job);

/* Starts jobs for what waits to be verified, also for what comes back and waited for room. */
void qnk_verify_due(struct qnk_node *node);
void qnk_later_drop(struct qnk_node *node);

/* Announces what waits here to a peer that has just said who it is. */
void qnk_pool_tell(struct qnk_node *node, uint32_t peer);
void qnk_ids_take(struct qnk_node *node, uint32_t peer, const struct qnk_ids *ids);
void qnk_txs_serve(struct qnk_node *node, uint32_t peer, const struct qnk_ids *ids);
void qnk_relay_flush(struct qnk_node *node);
void qnk_pool_tick(struct qnk_node *node);

/* A block joined or left the best chain. */
void qnk_pool_included(struct qnk_node *node, const struct qnk_block *block);
void qnk_pool_undone(struct qnk_node *node, const struct qnk_block *block);

/* Adds the signatures of a kernel transaction to a SIGS job that has room for them: its own and
 * those inside evidence. False: its sender or evidence is of nobody known. */
bool qnk_kernel_sigs(struct qnk_node *node, struct qnk_job *job, const struct qnk_tx *tx,
                     uint32_t *at, uint32_t *message_at);
enum { QNK_KERNEL_SIGS_MAX = 3 }; /* signatures to check for one kernel transaction */

/* Has a kernel transaction of our own signed; it then enters the pool. False: no memory. */
bool qnk_kernel_make(struct qnk_node *node, uint8_t kind, struct qn_span payload);

/* Puts one that decodes into the pool, whose size is fixed, and tells peers of it. When the pool is
 * full, who has most in it makes room; so one that is not ours may be left out. */
void qnk_kernel_add(struct qnk_node *node, struct qn_span bytes, enum qnk_kernel_origin origin);

/* --- final.c --- */

void qnk_finals_done(struct qnk_node *node);

/* NULL: not one of those that are kept. */
const struct qnk_known_final *qnk_final_of(const struct qnk_node *node, int64_t window);

/* The root of a window's last block is known. False: memory was short, and the block has no end
 * yet; the job keeps what it found. */
QN_MUST_CHECK bool qnk_end_done(struct qnk_node *node, struct qnk_block *block,
                                struct qnk_job *job);

/* A certificate arrived for a window; header may be empty. Checked before it is believed. */
void qnk_certificate_take(struct qnk_node *node, uint32_t peer,
                          const struct qnk_certified *certified);
void qnk_certificate_checked(struct qnk_node *node, struct qnk_job *job);

/* A macroblock's header arrived: it may be the one that a certificate without header is for. */
void qnk_certified_macro(struct qnk_node *node, const struct qnk_macro *macro);

/* A certificate of step 2 that was made here or is checked. */
void qnk_certificate_final(struct qnk_node *node, struct qn_buf *bytes,
                           const struct qnk_macro *macro, uint32_t peer);

/* Makes the certified window final as soon as its chain is executed and stored. */
void qnk_final_look(struct qnk_node *node);
void qnk_final_restore(struct qnk_node *node, const struct qnk_event *event);
QN_MUST_CHECK int32_t qnk_final_genesis(struct qnk_node *node);

/* Opens the windows that may have blocks by now. False: memory lacks, and the tick tries again; or
 * the node is halted. */
QN_MUST_CHECK bool qnk_windows_follow(struct qnk_node *node);

/* Sends the certificate of a window that is final, if it is one of those kept. */
void qnk_certificate_send(struct qnk_node *node, uint32_t peer, uint64_t window);

/* Set and binding of the votes of an attempt at a window; false: not known (yet). */
bool qnk_vote_context(const struct qnk_node *node, uint64_t window, uint32_t attempt,
                      struct qnk_set **set, struct qnk_ballot_place *place);

/* --- plugs.c --- */

/* The instances that the node was made with; and all that this part holds is given back. */
QN_MUST_CHECK int32_t qnk_plugs_create(struct qnk_node *node);
void qnk_plugs_done(struct qnk_node *node);

/* The last final window is another, or was restored: what is needed from here on. */
void qnk_plugs_look(struct qnk_node *node);
void qnk_plugged(struct qnk_node *node, const struct qnk_event *event);

/* The tick: windows that memory lacked for. */
void qnk_windows_again(struct qnk_node *node);
void qnk_plugs_show(const struct qnk_node *node, struct qnk_node_view *view);

bool qnk_takes_votes(const struct qnk_node *node);

/* The binding of a window, whose plugin runs this attempt at it; NULL: not known (yet). */
const struct qnk_binding *qnk_window_binding(const struct qnk_node *node, uint32_t kind,
                                             uint64_t window, uint32_t attempt);

/* The engine of an attempt at a window; NULL: it is not here. */
struct qnk_engine *qnk_window_engine(struct qnk_node *node, uint64_t window, uint32_t attempt);

void qnk_propose(struct qnk_node *node, const struct qnk_event *event);

/* --- sync.c --- */

void qnk_sync_look(struct qnk_node *node);

/* A peer is gone: what it was asked for is asked for elsewhere, and it is no fault of its. */
void qnk_sync_forget(struct qnk_node *node, uint32_t peer);

/* A certificate of this peer was forged: if it was asked, another one is. */
void qnk_sync_forged(struct qnk_node *node, uint32_t peer);
void qnk_macros_take(struct qnk_node *node, uint32_t peer, struct qn_span body);

/* The highest final window that a peer claims and has not failed to show. */
uint64_t qnk_sync_target(const struct qnk_node *node);

/* Whether a certificate, or what some peer claims, says that this node is late. Whoever connects
 * can make this true for ever: it is for what is safe to wait with. */
bool qnk_is_syncing(const struct qnk_node *node);

/* --- claims.c --- */

/* The same, but nobody who only claims something can hold this node back for long. */
bool qnk_is_held_back(const struct qnk_node *node);

/* Until when this node waits for what peers say they have, or for a peer at all, before it makes a
 * block on an older head; 0: it need not wait; UINT64_MAX: for a peer. */
uint64_t qnk_wait_until(struct qnk_node *node);

/* Something else is claimed, or is here: looks how long that has gone on. */
void qnk_claims_look(struct qnk_node *node);

/* A peer is about to say this. */
void qnk_claims_hear(struct qnk_node *node, const struct qnk_peer *peer,
                     const struct qnk_status *status);

/* A peer is about to be forgotten. */
void qnk_claims_forget(struct qnk_node *node, const struct qnk_peer *peer);

/* Something that was claimed is not so, or was not shown in time. */
void qnk_claim_broken(struct qnk_node *node);

/* --- mend.c --- */

/* Begins to look through the bodies that are stored, from the last final block down. */
void qnk_mends_begin(struct qnk_node *node);
void qnk_mends_done(struct qnk_node *node);

/* Asks for what is rotten, and looks further. */
void qnk_mends_look(struct qnk_node *node);

/* A body that could not be read: it is remembered and fetched from peers. */
void qnk_mend_add(struct qnk_node *node, struct qn_span header);
void qnk_bodies_checked(struct qnk_node *node, const struct qnk_event *event);

/* False: it is of no body that is being mended. */
bool qnk_mend_part(struct qnk_node *node, uint32_t peer, const struct qnk_body_part *part);
void qnk_mend_read(struct qnk_node *node, struct qnk_job *job);

/* False: the token is not of this part of the node. */
bool qnk_mend_stored(struct qnk_node *node, const struct qnk_event *event);

/* What this peer was asked for is asked for elsewhere. */
void qnk_mends_forget(struct qnk_node *node, uint32_t peer);

/* --- vote.c --- */

bool qnk_engine_effect_do(void *ctx, const struct qnk_engine_effect *effect);

/* Gives back all that this part holds. */
void qnk_votes_done(struct qnk_node *node);

/* Votes that are owed are signed, if that is possible by now. */
void qnk_votes_owed_look(struct qnk_node *node);

/* Opens the instance of final_window + 1, if this node votes. */
void qnk_instance_open(struct qnk_node *node);
void qnk_instance_close(struct qnk_node *node, const struct qnk_hash *digest, uint32_t round);
void qnk_secrets_take(struct qnk_node *node, const struct qnk_event *event);
void qnk_votes_take(struct qnk_node *node, uint32_t peer, struct qn_span body);
void qnk_votes_checked(struct qnk_node *node, struct qnk_job *job);
void qnk_signed(struct qnk_node *node, const struct qnk_event *event);

/* The ballot of the attempt that goes on at the open window; NULL: not known, or no memory. */
struct qnk_ballot *qnk_ballot_open(struct qnk_node *node);

/* The engine forgets the window, whose ballot stays; `state` is what follows. */
void qnk_instance_stop(struct qnk_node *node, uint32_t state);

/* The head moved, or a candidate may have settled: the engine is told. */
void qnk_candidate_look(struct qnk_node *node);

/* A certificate of step 1 that was made here or is checked. */
void qnk_certificate_prepare(struct qnk_node *node, struct qn_buf *bytes);

/* A macroblock's header became known: a check may go on. */
void qnk_macro_known(struct qnk_node *node, const struct qnk_macro *macro);

/* Some window end was executed, or a block is bad: checks may be answered. */
void qnk_checks_look(struct qnk_node *node);

/* The window end that a check wants executed, or NULL. */
struct qnk_block *qnk_check_target(struct qnk_node *node);

void qnk_engine_timer(struct qnk_node *node, uint32_t place);

/* --- abandon.c --- */

/* The attempt that goes on at a window: 0 for all but the open one. */
uint32_t qnk_attempt(struct qnk_node *node, uint64_t window);

/* Whether it may vote for a digest (then `to`, if not NULL, has a certificate of each earlier one),
 * and what is left for it: enum qnk_attempts_choice. */
bool qnk_attempt_permits(struct qnk_node *node, const struct qnk_hash *digest,
                         struct qn_span to[QNK_ATTEMPTS_MAX]);
uint32_t qnk_attempt_choice(struct qnk_node *node, struct qnk_hash *digest);

/* Whether this node has given up the attempt of its ballot. */
bool qnk_attempt_is_over(const struct qnk_node *node);

/* The window is final: nothing is left of its attempts. */
void qnk_attempts_end(struct qnk_node *node);

/* Gives the attempt that goes on up, if it is time to; because the operator says so. */
void qnk_abandon_look(struct qnk_node *node);
void qnk_abandon_ordered(struct qnk_node *node, const struct qnk_event *event);

/* Votes of step 4, verified after they were wanted, or own ones; prepare certificates may prove a
 * lock that one states. */
bool qnk_abandon_wants(struct qnk_node *node, const struct qnk_vote *vote);
void qnk_abandon_heard(struct qnk_node *node, const struct qnk_vote *vote);
void qnk_abandon_certify(struct qnk_node *node);

/* A certificate of others. */
void qnk_abandon_take(struct qnk_node *node, uint32_t peer, struct qn_span body);
void qnk_abandon_checked(struct qnk_node *node, struct qnk_job *job);

/* Marks in a HELD message whose votes of step 4 are here; and sends all certificates. */
void qnk_abandon_held(const struct qnk_node *node, struct qn_buf *held);
void qnk_abandon_answer(struct qnk_node *node, uint32_t peer);

/* A window is final by a certificate of this era: if not of its first attempt, its binding has
 * failed; and the chain is told. */
void qnk_failure_look(struct qnk_node *node, uint32_t era);
void qnk_fallback_look(struct qnk_node *node, const struct qnk_known_final *final, uint32_t era);

/* --- signing.c --- */

/* Looks whether signing may begin, or must end. */
void qnk_signing_look(struct qnk_node *node);
void qnk_signing_resume(struct qnk_node *node);

/* Whether this node may sign now; if not, node->not_signing says why. */
bool qnk_may_sign(struct qnk_node *node);

/* Room for one thing more to be signed, which qnk_sign_start takes at once; NULL: there is none.
 * Whoever asks the guard has it first, so that nothing can fail after the guard said yes. */
QN_MUST_CHECK struct qnk_sign *qnk_sign_new(struct qnk_node *node);

/* Hands it to the host. Takes `sign`, `records` and the vote's tail over. */
void qnk_sign_start(struct qnk_node *node, struct qnk_sign *sign, uint32_t purpose,
                    const struct qnk_signing_vote *vote, struct qn_buf *records,
                    const uint8_t *message, uint32_t message_size);

/* Has a kernel transaction signed, and takes it over. False: no room. */
bool qnk_sign_tx(struct qnk_node *node, struct qn_buf *tx);

/* What the slot held is given back; it is free. */
void qnk_sign_slot_give(struct qnk_signing_slot *slot);

/* Nothing is signed from now on. `why` is static. */
void qnk_signing_end(struct qnk_node *node, const char *why);

/* Somebody else signs with our key, in this window. */
void qnk_key_abused(struct qnk_node *node, uint64_t window);

/* --- exchange.c --- */

/* What a peer holds of the open window: it gets what it lacks, once in a while. */
void qnk_held_take(struct qnk_node *node, uint32_t peer, const struct qnk_held *held);

/* Tells all what is held here, less often each time; armed again, at its usual pace. */
void qnk_resend(struct qnk_node *node);
void qnk_resend_arm(struct qnk_node *node);

/* A vote for a window that is final is answered with its certificate, once in a while. */
void qnk_answer_late(struct qnk_node *node, uint32_t from, uint64_t window);

/* Sends a certificate without its macroblock's header; to peer 0: to all. */
void qnk_certificate_tell(struct qnk_node *node, uint32_t peer, struct qn_span bytes);

/* --- evidence.c --- */

/* Evidence of two signed things. */
void qnk_evidence_blocks(struct qnk_node *node, const struct qnk_micro *a,
                         const struct qnk_micro *b);
void qnk_evidence_votes(struct qnk_node *node, uint8_t type, const struct qnk_vote *a,
                        const struct qnk_vote *b);

/* A vote of step 4: looks for what its member signed in spite of it. */
void qnk_evidence_abandon(struct qnk_node *node, const struct qnk_vote *abandon);

/* Looks for what a new vote contradicts. */
void qnk_evidence_look(struct qnk_node *node, const struct qnk_ballot *ballot,
                       const struct qnk_ballot_vote *held);
