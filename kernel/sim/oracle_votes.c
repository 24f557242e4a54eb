/* SPDX-License-Identifier: MIT */

/* oracle_votes.c: S1, S5 and half of S6: what honest keys signed, and what could be built of it.
 *
 * A certificate can be built if the honest members that signed for it and all liars together weigh
 * Q: liars' keys sign anything. So it need never have been built to be a violation. */

#include "kernel/base/bytes.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/tags.h"
#include "kernel/sim/oracle_own.h"

enum {
    HEIGHTS_MAX = 1 << 24, /* of blocks that are looked for by height */
    NONE = 0,              /* places are counted from 1 */
};

struct signed_vote {
    uint32_t member;
    uint32_t next; /* of the same member, older; NONE: no more */
    uint8_t record[QNK_VOTE_RECORD_SIZE];
    struct qnk_vote vote; /* the same, read; no tail, no signature */
};

/* Honest weight that signed alike: what one certificate is made of. */
struct tally {
    uint8_t lane;
    uint16_t step; /* 1 or 2 */
    uint32_t era;
    uint32_t round;
    int32_t vr;
    bool is_possible; /* with the liars' weight it is a quorum */
    struct qnk_hash digest;
    uint64_t weight;
};

struct window_votes {
    uint64_t window;
    struct qnk_bindings *engines; /* as final three windows before */
    uint32_t count, room;
    uint32_t tallies_count, tallies_room;
    struct signed_vote *votes;
    struct tally *tallies;
    uint32_t newest[]; /* of each member */
};

struct signed_block {
    uint32_t member;
    uint32_t next; /* of the same height; NONE: no more */
    uint8_t bytes[QNK_MICRO_SIGNED_SIZE];
};

/* Where a member's votes have got to. */
struct position {
    bool has;
    uint64_t window;
    uint32_t era, round;
};

struct qnk_oracle_votes {
    struct qnk_bindings *engines; /* of genesis: where nothing is executed again */
    struct position *positions;   /* of each member */
    struct window_votes **windows;
    uint32_t windows_count, windows_room;
    struct signed_block *blocks;
    uint32_t blocks_count, blocks_room;
    uint32_t *heights; /* the newest block of each */
    uint32_t heights_room;
};

/* --- life --- */

struct qnk_oracle_votes *qnk_oracle_votes_create(struct qnk_oracle *oracle)
{
    struct qnk_oracle_votes *votes = qnk_oracle_take(oracle, sizeof *votes);
    int32_t status = qnk_bindings_new(
        oracle->budget, &oracle->params.bindings[QNK_BINDING_CONSENSUS], &votes->engines);

    QN_ASSERT(status == QN_OK);
    votes->positions = qnk_oracle_take(oracle, oracle->set->count * sizeof *votes->positions);
    return votes;
}

static uint64_t window_size(const struct qnk_oracle *oracle)
{
    return sizeof(struct window_votes) + oracle->set->count * sizeof(uint32_t);
}

void qnk_oracle_votes_destroy(struct qnk_oracle *oracle)
{
    struct qnk_oracle_votes *votes = oracle->votes;
    struct qnk_budget *budget = oracle->budget;

    if (votes == NULL) {
        return;
    }
    for (uint32_t i = 0; i < votes->windows_count; i++) {
        struct window_votes *window = votes->windows[i];

        qnk_bindings_unref(window->engines);
        qnk_memory_give(budget, window->votes, window->room * sizeof *window->votes);
        qnk_memory_give(budget, window->tallies, window->tallies_room * sizeof *window->tallies);
        qnk_memory_give(budget, window, window_size(oracle));
    }
    qnk_memory_give(budget, votes->windows, votes->windows_room * sizeof(void *));
    qnk_memory_give(budget, votes->blocks, votes->blocks_room * sizeof *votes->blocks);
    qnk_memory_give(budget, votes->heights, votes->heights_room * sizeof *votes->heights);
    qnk_memory_give(budget, votes->positions, oracle->set->count * sizeof *votes->positions);
    qnk_bindings_unref(votes->engines);
    qnk_memory_give(budget, votes, sizeof *votes);
}

/* --- windows --- */

static struct window_votes *window_find(const struct qnk_oracle *oracle, uint64_t window)
{
    const struct qnk_oracle_votes *votes = oracle->votes;

    for (uint32_t i = votes->windows_count; i-- > 0;) {
        if (votes->windows[i]->window == window) {
            return votes->windows[i];
        }
    }
    return NULL;
}

static struct window_votes *window_at(struct qnk_oracle *oracle, uint64_t number)
{
    struct qnk_oracle_votes *votes = oracle->votes;
    struct window_votes *window = window_find(oracle, number);

    if (window == NULL) {
        window = qnk_oracle_take(oracle, window_size(oracle));
        window->window = number;
        window->engines = qnk_bindings_ref(qnk_oracle_engines(oracle, number) == NULL
                                               ? votes->engines
                                               : qnk_oracle_engines(oracle, number));
        votes->windows = qnk_oracle_grow(oracle, votes->windows, votes->windows_count,
                                         &votes->windows_room, sizeof(void *));
        votes->windows[votes->windows_count++] = window;
    }
    return window;
}

/* --- bindings --- */

/* The engines of a window, one of which must be in each of its votes. */
static struct qnk_bindings *engines_of(const struct qnk_oracle *oracle,
                                       const struct window_votes *window)
{
    return window == NULL ? oracle->votes->engines : window->engines;
}

/* The engine that an era of a window has; NULL: none. */
static const struct qnk_binding *engine_of(const struct qnk_oracle *oracle,
                                           const struct window_votes *window, uint64_t number,
                                           uint32_t era)
{
    const struct qnk_bindings *engines = engines_of(oracle, window);

    return qnk_bindings_at(engines, number)->number == era >> 8
               ? qnk_bindings_attempt(engines, number, era & 0xff)
               : NULL;
}

/* Whether a vote or certificate of the window names the set and the engine that its era has. */
static bool is_bound(const struct qnk_oracle *oracle, const struct window_votes *window,
                     uint64_t number, uint32_t era, const struct qnk_hash *binding)
{
    const struct qnk_binding *engine = engine_of(oracle, window, number, era);
    uint8_t record[QNK_ENGINE_RECORD_MAX];
    struct qnk_hash right;

    if (engine == NULL) {
        return false;
    }

    uint32_t size = qnk_engine_record(engine, record);
    struct qn_span parts[] = {{oracle->set->hash.bytes, QN_HASH_SIZE}, {record, size}};

    qnk_hash_parts(QNK_TAG_BINDING, parts, 2, &right);
    return qnk_hash_equal(&right, binding);
}

static bool has_prepare(const struct qnk_oracle *oracle, const struct window_votes *window,
                        uint32_t era)
{
    const struct qnk_binding *engine = engine_of(oracle, window, window->window, era);

    return engine != NULL && qnk_engine_has_step(engine, QNK_STEP_PREPARE);
}

/* --- what could be built --- */

/* Whether a certificate of a step, round and digest can be built; `vr_any`: whatever its vr. */
static bool is_possible(const struct window_votes *window, uint16_t step, uint32_t era,
                        uint32_t round, const struct qnk_hash *digest)
{
    for (uint32_t i = 0; i < window->tallies_count; i++) {
        const struct tally *tally = &window->tallies[i];

        if (tally->is_possible && tally->step == step && tally->era == era &&
            tally->round == round && qnk_hash_equal(&tally->digest, digest)) {
            return true;
        }
    }
    return false;
}

/* S1: two final ones for different things. S1L: a prepare for something else in the round of one
 * that is possible, or above a possible final one. */
static void compare(struct qnk_oracle *oracle, uint32_t node, uint64_t window,
                    const struct tally *a, const struct tally *b)
{
    const struct tally *seal = a->step == QNK_STEP_FINAL ? a : b;
    const struct tally *other = seal == a ? b : a;

    if (a->lane != b->lane || qnk_hash_equal(&a->digest, &b->digest)) {
        return;
    }
    if (a->step == QNK_STEP_FINAL && b->step == QNK_STEP_FINAL) {
        qnk_oracle_break(oracle, QNK_ORACLE_S1, node,
                         "window %llu: final certificates of rounds %u and %u for different "
                         "digests can be built",
                         (unsigned long long)window, a->round, b->round);
        return;
    }
    if (a->era != b->era || !has_prepare(oracle, window_find(oracle, window), a->era)) {
        return;
    }
    if (a->step == b->step ? a->round == b->round : other->round >= seal->round) {
        qnk_oracle_break(oracle, QNK_ORACLE_S1L, node,
                         "window %llu: beside the %s certificate of round %u a prepare "
                         "certificate of round %u for something else can be built",
                         (unsigned long long)window, a->step == b->step ? "prepare" : "final",
                         seal->round, other->round);
    }
}

/* A certificate has just become possible. */
static void became_possible(struct qnk_oracle *oracle, uint32_t node,
                            const struct window_votes *window, const struct tally *tally)
{
    for (uint32_t i = 0; i < window->tallies_count; i++) {
        if (&window->tallies[i] != tally && window->tallies[i].is_possible) {
            compare(oracle, node, window->window, &window->tallies[i], tally);
        }
    }
}

static struct tally *tally_of(struct qnk_oracle *oracle, struct window_votes *window,
                              const struct qnk_vote *vote)
{
    for (uint32_t i = 0; i < window->tallies_count; i++) {
        struct tally *tally = &window->tallies[i];

        if (tally->lane == vote->lane && tally->step == vote->step && tally->era == vote->era &&
            tally->round == vote->round && tally->vr == vote->vr &&
            qnk_hash_equal(&tally->digest, &vote->digest)) {
            return tally;
        }
    }
    window->tallies = qnk_oracle_grow(oracle, window->tallies, window->tallies_count,
                                      &window->tallies_room, sizeof *window->tallies);
    window->tallies[window->tallies_count] = (struct tally){
        .lane = vote->lane,
        .step = vote->step,
        .era = vote->era,
        .round = vote->round,
        .vr = vote->vr,
        .digest = vote->digest,
    };
    return &window->tallies[window->tallies_count++];
}

static void tally_add(struct qnk_oracle *oracle, uint32_t node, struct window_votes *window,
                      const struct qnk_vote *vote)
{
    bool counts = vote->step == QNK_STEP_PREPARE || vote->step == QNK_STEP_FINAL;
    struct tally *tally;

    if (!counts || qnk_hash_is_zero(&vote->digest)) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_S1);
    qnk_oracle_count(oracle, QNK_ORACLE_S1L);
    tally = tally_of(oracle, window, vote);
    tally->weight += oracle->set->members[vote->member].weight;
    if (!tally->is_possible && tally->weight + oracle->liars_weight >= qnk_oracle_quorum(oracle)) {
        tally->is_possible = true;
        became_possible(oracle, node, window, tally);
    }
}

/* --- one vote beside the others of its member --- */

static bool is_same_duty(const struct qnk_vote *a, const struct qnk_vote *b)
{
    return a->lane == b->lane && a->era == b->era && a->round == b->round && a->step == b->step;
}

/* finality.md 5.4, type 3: `seal` of an earlier round forbids `prepare`. */
static bool is_unlocked(const struct qnk_vote *seal, const struct qnk_vote *prepare)
{
    return seal->step == QNK_STEP_FINAL && prepare->step == QNK_STEP_PREPARE &&
           seal->lane == prepare->lane && seal->era == prepare->era &&
           seal->round < prepare->round && !qnk_hash_is_zero(&seal->digest) &&
           !qnk_hash_is_zero(&prepare->digest) &&
           !qnk_hash_equal(&seal->digest, &prepare->digest) && prepare->vr < (int64_t)seal->round;
}

/* Type 4: a reveal that is not of the commit. */
static bool is_false_opening(const struct qnk_vote *commit, const struct qnk_vote *reveal)
{
    struct qnk_hash commitment;

    if (commit->step != QNK_STEP_COMMIT || reveal->step != QNK_STEP_PREPARE || commit->round != 0 ||
        reveal->round != 0 || commit->era != reveal->era || commit->lane != reveal->lane ||
        qnk_hash_is_zero(&reveal->digest)) {
        return false;
    }
    qnk_vote_commitment(reveal, &reveal->digest, reveal->open.bytes, &commitment);
    return !qnk_hash_equal(&commitment, &commit->digest);
}

static void provable(struct qnk_oracle *oracle, uint32_t node, const struct qnk_vote *vote,
                     const char *what)
{
    qnk_oracle_break(oracle, QNK_ORACLE_S6, node,
                     "honest member %u is provable: %s in window %llu, round %u", vote->member,
                     what, (unsigned long long)vote->window, vote->round);
}

/* False: this very record was signed before. */
static bool compare_own(struct qnk_oracle *oracle, uint32_t node, const struct window_votes *window,
                        const struct signed_vote *now)
{
    const struct qnk_vote *vote = &now->vote;

    for (uint32_t at = window->newest[now->member]; at != NONE; at = window->votes[at - 1].next) {
        const struct signed_vote *old = &window->votes[at - 1];

        if (is_same_duty(&old->vote, vote)) {
            if (memcmp(old->record, now->record, sizeof now->record) == 0) {
                return false;
            }
            qnk_oracle_break(oracle, QNK_ORACLE_S5, node,
                             "member %u signed two votes: window %llu, era %u, round %u, step %u",
                             now->member, (unsigned long long)vote->window, vote->era, vote->round,
                             vote->step);
        }
        if (is_unlocked(&old->vote, vote) || is_unlocked(vote, &old->vote)) {
            provable(oracle, node, vote, "a prepare off its lock");
        }
        if (is_false_opening(&old->vote, vote) || is_false_opening(vote, &old->vote)) {
            provable(oracle, node, vote, "a reveal that is not of its commit");
        }
    }
    return true;
}

/* G2: nothing goes back. */
static void follow(struct qnk_oracle *oracle, uint32_t node, const struct qnk_vote *vote)
{
    struct position *at = &oracle->votes->positions[vote->member];
    struct position now = {true, vote->window, vote->era, vote->round};
    bool is_back = now.window != at->window ? now.window < at->window
                   : now.era != at->era     ? now.era < at->era
                                            : now.round < at->round;

    if (vote->step == QNK_STEP_ABANDON) {
        return;
    }
    if (at->has && is_back) {
        qnk_oracle_break(oracle, QNK_ORACLE_S5, node,
                         "member %u went back from window %llu, round %u to window %llu, round %u",
                         vote->member, (unsigned long long)at->window, at->round,
                         (unsigned long long)vote->window, vote->round);
        return;
    }
    *at = now;
}

/* What a vote claims must be possible: G3 and the second half of G4. */
static void justify(struct qnk_oracle *oracle, uint32_t node, const struct window_votes *window,
                    const struct qnk_vote *vote)
{
    bool is_seal = vote->step == QNK_STEP_FINAL && !qnk_hash_is_zero(&vote->digest);

    if (!has_prepare(oracle, window, vote->era)) {
        return;
    }
    qnk_oracle_count(oracle, QNK_ORACLE_S1P);
    if (is_seal && !is_possible(window, QNK_STEP_PREPARE, vote->era, vote->round, &vote->digest)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S1P, node,
                         "member %u sealed window %llu in round %u, where no prepare certificate "
                         "can be",
                         vote->member, (unsigned long long)vote->window, vote->round);
    }
    if (vote->vr < 0) {
        return;
    }
    if ((uint32_t)vote->vr >= vote->round ||
        !is_possible(window, QNK_STEP_PREPARE, vote->era, (uint32_t)vote->vr, &vote->digest)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S1P, node,
                         "member %u names a prepare certificate of round %d that cannot be: "
                         "window %llu, round %u",
                         vote->member, vote->vr, (unsigned long long)vote->window, vote->round);
    }
}

/* --- votes --- */

static bool vote_read(struct qn_span record, struct qnk_vote *vote)
{
    return qnk_vote_record_read(&record, vote) == QN_OK && record.size == 0;
}

bool qnk_oracle_vote_read(const struct qnk_oracle *oracle, struct qn_span record,
                          struct qnk_vote *vote)
{
    return vote_read(record, vote) && is_bound(oracle, window_find(oracle, vote->window),
                                               vote->window, vote->era, &vote->binding);
}

static void vote_keep(struct qnk_oracle *oracle, struct window_votes *window,
                      const struct signed_vote *vote)
{
    window->votes =
        qnk_oracle_grow(oracle, window->votes, window->count, &window->room, sizeof *window->votes);
    window->votes[window->count] = *vote;
    window->votes[window->count].next = window->newest[vote->member];
    window->newest[vote->member] = ++window->count;
}

void qnk_oracle_vote(struct qnk_oracle *oracle, uint32_t node, struct qn_span record)
{
    struct signed_vote now = {.member = oracle->nodes[node].member};
    struct window_votes *window;

    qnk_oracle_count(oracle, QNK_ORACLE_S5);
    qnk_oracle_count(oracle, QNK_ORACLE_S6);
    if (!vote_read(record, &now.vote)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S5, node, "what is signed as a vote is none");
        return;
    }
    memcpy(now.record, record.data, sizeof now.record);
    now.vote.member = now.member;
    window = window_at(oracle, now.vote.window);
    if (!is_bound(oracle, window, now.vote.window, now.vote.era, &now.vote.binding)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S5, node,
                         "a vote of window %llu names another set or engine than is bound",
                         (unsigned long long)now.vote.window);
    }
    if (!compare_own(oracle, node, window, &now)) {
        return;
    }
    follow(oracle, node, &now.vote);
    justify(oracle, node, window, &now.vote);
    vote_keep(oracle, window, &now);
    tally_add(oracle, node, window, &now.vote);
}

bool qnk_oracle_has_revealed(const struct qnk_oracle *oracle, uint64_t number, uint32_t member)
{
    const struct window_votes *window = window_find(oracle, number);
    uint32_t at = window == NULL ? NONE : window->newest[member];

    while (at != NONE && (window->votes[at - 1].vote.step != QNK_STEP_PREPARE ||
                          window->votes[at - 1].vote.round != 0)) {
        at = window->votes[at - 1].next;
    }
    return at != NONE;
}

/* --- certificates --- */

/* Whether an honest member has signed what the certificate says of it. */
static bool has_signed(const struct qnk_oracle *oracle, const struct qnk_certificate *certificate,
                       uint32_t member)
{
    const struct window_votes *window = window_find(oracle, certificate->window);
    uint32_t at = window == NULL ? NONE : window->newest[member];

    for (; at != NONE; at = window->votes[at - 1].next) {
        const struct qnk_vote *vote = &window->votes[at - 1].vote;

        if (vote->step == certificate->step && vote->round == certificate->round &&
            vote->era == certificate->era && vote->lane == certificate->lane &&
            qnk_hash_equal(&vote->digest, &certificate->digest)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a certificate of a final window, or NULL. */
static const char *certificate_fault(const struct qnk_oracle *oracle, uint64_t window,
                                     const struct qnk_hash *digest, struct qn_span bytes)
{
    const struct qnk_set *set = oracle->set;
    struct qnk_certificate certificate;
    uint64_t weight = 0;

    if (qnk_certificate_decode(bytes, &certificate) != QN_OK) {
        return "it is none";
    }
    if (certificate.step != QNK_STEP_FINAL || certificate.window != window ||
        certificate.members != set->count || !qnk_hash_equal(&certificate.digest, digest) ||
        !is_bound(oracle, window_find(oracle, window), window, certificate.era,
                  &certificate.binding)) {
        return "it is for something else";
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (!qnk_bit(certificate.bitmap, i)) {
            continue;
        }
        weight += set->members[i].weight;
        if (!oracle->liars[i] && !has_signed(oracle, &certificate, i)) {
            return "an honest member in it has not signed";
        }
    }
    return weight >= qnk_oracle_quorum(oracle) ? NULL : "its signers are no quorum";
}

void qnk_oracle_certified(struct qnk_oracle *oracle, uint32_t node, uint64_t window,
                          const struct qnk_hash *digest, struct qn_span certificate)
{
    const char *fault = certificate_fault(oracle, window, digest, certificate);

    qnk_oracle_count(oracle, QNK_ORACLE_S1P);
    if (fault != NULL) {
        qnk_oracle_break(oracle, QNK_ORACLE_S1P, node,
                         "window %llu is final by a certificate that is not good: %s",
                         (unsigned long long)window, fault);
    }
}

/* --- blocks --- */

static bool heights_reach(struct qnk_oracle *oracle, uint64_t height)
{
    struct qnk_oracle_votes *votes = oracle->votes;

    if (height >= HEIGHTS_MAX) {
        return false;
    }
    while (votes->heights_room <= height) {
        uint32_t room = votes->heights_room;

        votes->heights =
            qnk_oracle_grow(oracle, votes->heights, room, &votes->heights_room, sizeof(uint32_t));
    }
    return true;
}

void qnk_oracle_header(struct qnk_oracle *oracle, uint32_t node, struct qn_span header)
{
    struct qnk_oracle_votes *votes = oracle->votes;
    uint32_t member = oracle->nodes[node].member;
    uint64_t height = qn_le64_read(header.data + 8);
    const uint8_t *parent = header.data + 24; /* chain.md "Microblock" */

    QN_ASSERT(header.size == QNK_MICRO_SIGNED_SIZE);
    qnk_oracle_count(oracle, QNK_ORACLE_S5);
    if (!heights_reach(oracle, height)) {
        qnk_oracle_break(oracle, QNK_ORACLE_S5, node, "a block of a height that cannot be: %llu",
                         (unsigned long long)height);
        return;
    }
    for (uint32_t at = votes->heights[height]; at != NONE; at = votes->blocks[at - 1].next) {
        const struct signed_block *old = &votes->blocks[at - 1];

        if (old->member != member || memcmp(old->bytes + 24, parent, QN_HASH_SIZE) != 0) {
            continue;
        }
        if (memcmp(old->bytes, header.data, sizeof old->bytes) != 0) {
            qnk_oracle_break(oracle, QNK_ORACLE_S5, node,
                             "member %u signed two blocks of height %llu on one parent", member,
                             (unsigned long long)height);
        }
        return;
    }
    votes->blocks = qnk_oracle_grow(oracle, votes->blocks, votes->blocks_count, &votes->blocks_room,
                                    sizeof *votes->blocks);

    struct signed_block *block = &votes->blocks[votes->blocks_count++];

    *block = (struct signed_block){.member = member, .next = votes->heights[height]};
    memcpy(block->bytes, header.data, sizeof block->bytes);
    votes->heights[height] = votes->blocks_count;
}
