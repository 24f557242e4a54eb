/* SPDX-License-Identifier: MIT */

/* twins_test.c: every schedule of a small network in lock-step rounds, one of whose members runs on
 * two machines with the same key: nothing else has to be invented to have votes that contradict
 * each other (Bano et al., "Twins: BFT Systems Made Robust", OPODIS 2021).
 *
 * Four members, five machines: A, B, C, and T twice. A schedule is a candidate for each machine, a
 * leader for each round that has one, and for each phase a partition of the machines into two
 * groups and maybe an honest machine that crashes before it. In a phase a machine hears what
 * machines of its group cast in this round and the one before; then timers run out, and again. The
 * phases of a round are its commits or its proposal with the prepares, and its final votes with the
 * time-outs.
 *
 * A machine is what it was told, so machines are kept as a tree of what each was told next, and the
 * code under test runs once for each place in that tree; networks in the same state are one.
 *
 * What must hold after every phase: of all votes that honest machines ever cast, and the liar's
 * key, no two final certificates of different values can be built (S1 in its strong form), and
 * one of a value that is final anywhere can; no honest machine casts two votes for one duty (S5);
 * no engine asks for what the guard must refuse.
 *
 *   twins_test                       the slice of `make check`; twins_bft_test for that engine
 *   twins_test [--rounds N] [--crashes N] [--changes N] [--from K --to K]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sdk/check/check.h"
#include "tests/sim/twins_machine.h"

enum {
    MACHINES = TWINS_MACHINES,
    HONEST = 3,
    TWIN = 3, /* and 4 */
    PARTITIONS = 16,
    ROUNDS_MAX = 4,
    PHASES_MAX = 2 * ROUNDS_MAX,
    NODES_MAX = 4000000,
    STATES_MAX = 4000000,
    BATCH_MAX = 40,
    CAST_MAX = 40,
    WORDS = TWINS_VOTES_MAX / 64,
    NONE = UINT8_MAX,
    CASES = 5, /* of candidates, but for names */
    LEADERS = TWINS_MEMBERS,
};

static const char *const names[MACHINES] = {"A", "B", "C", "T", "t"};

void qn_check_failed(const char *file, int line, const char *what)
{
    printf("Bail out! %s:%d: not (%s)\n", file, line, what);
    abort();
}

/* --- machines: a tree of what was told --- */

enum action { BEGIN, HEAR, TICK, TICK_LATE, CRASH };

struct node {
    uint32_t parent;
    uint8_t machine, action;
    uint8_t batch_count, cast_count;
    uint8_t final, refused, is_double, round;
    uint16_t batch[BATCH_MAX]; /* votes that were heard, in order */
    uint16_t cast[CAST_MAX];
    uint64_t heard[WORDS];
};

/* One choice of candidates and leaders. */
struct setting {
    uint8_t candidates[MACHINES];
    uint8_t leaders[ROUNDS_MAX];
    uint64_t seed;
};

static struct setting setting;
static struct node *nodes;
static uint32_t nodes_count;
static uint32_t *nodes_index;                /* open addressing, 2 * NODES_MAX places; 0: free */
static struct twins_machine *live[MACHINES]; /* the last one at each place, and its node */
static uint32_t live_nodes[MACHINES];
static uint64_t executions;

static uint32_t member_of(uint32_t machine)
{
    return machine < TWIN ? machine : TWIN;
}

static void begin(uint32_t machine)
{
    twins_end(live[machine]);
    live[machine] =
        twins_begin(machine, member_of(machine), setting.candidates[machine], setting.seed);
}

static void act(const struct node *node)
{
    executions++;
    if (node->action == BEGIN) {
        begin(node->machine);
    } else if (node->action == TICK || node->action == TICK_LATE) {
        twins_tick(live[node->machine], node->action == TICK_LATE);
    } else if (node->action == CRASH) {
        twins_crash(live[node->machine]);
    }
    for (uint32_t i = 0; i < node->batch_count; i++) {
        twins_hear(live[node->machine], node->batch[i]);
    }
}

/* Brings the live machine to where this node is. */
static void go(uint32_t at)
{
    uint32_t path[32 * PHASES_MAX];
    uint32_t count = 0;

    uint32_t machine = nodes[at].machine;

    for (; live_nodes[machine] != at; at = nodes[at].parent) {
        QN_CHECK(count < sizeof path / sizeof *path);
        path[count++] = at;
        if (nodes[at].action == BEGIN) {
            break;
        }
    }
    live_nodes[machine] = count > 0 ? path[0] : at;
    while (count > 0) {
        act(&nodes[path[--count]]);
    }
}

static bool is_duty_of_both(const struct qnk_vote *a, const struct qnk_vote *b)
{
    return a->round == b->round && a->step == b->step &&
           (!qnk_hash_equal(&a->digest, &b->digest) || a->vr != b->vr ||
            !qnk_hash_equal(&a->open, &b->open));
}

static bool has_double(const struct node *node)
{
    for (uint32_t i = 0; i < node->cast_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (is_duty_of_both(&twins_vote(node->cast[i])->vote,
                                &twins_vote(node->cast[j])->vote)) {
                return true;
            }
        }
    }
    return false;
}

/* What the live machine is now, after the node's action. */
static void look(struct node *node)
{
    const struct twins_machine *it = live[node->machine];
    uint32_t count = twins_cast_count(it);

    QN_CHECK(count <= CAST_MAX);
    node->cast_count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) {
        node->cast[i] = (uint16_t)twins_cast(it, i);
    }
    node->final = twins_final(it);
    node->round = (uint8_t)twins_round(it);
    node->refused = twins_refused(it) > 0;
    node->is_double = has_double(node);
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static bool is_same_node(const struct node *a, const struct node *b)
{
    return a->parent == b->parent && a->machine == b->machine && a->action == b->action &&
           a->batch_count == b->batch_count &&
           memcmp(a->batch, b->batch, a->batch_count * sizeof *a->batch) == 0;
}

/* The node of what `wanted` says, made if it is new. */
static uint32_t node_of(const struct node *wanted)
{
    uint64_t hash = mixed(wanted->parent, wanted->machine * 8u + wanted->action);

    for (uint32_t i = 0; i < wanted->batch_count; i++) {
        hash = mixed(hash, wanted->batch[i]);
    }

    uint64_t at = hash % (2 * NODES_MAX);

    for (; nodes_index[at] != 0; at = (at + 1) % (2 * NODES_MAX)) {
        if (is_same_node(&nodes[nodes_index[at]], wanted)) {
            return nodes_index[at];
        }
    }
    QN_CHECK(nodes_count < NODES_MAX);

    struct node *it = &nodes[nodes_count];

    *it = *wanted;
    if (it->action != BEGIN) {
        const struct node *parent = &nodes[it->parent];

        go(it->parent);
        if (it->action != CRASH) {
            memcpy(it->heard, parent->heard, sizeof it->heard);
        }
        for (uint32_t i = 0; i < it->batch_count; i++) {
            it->heard[it->batch[i] / 64] |= UINT64_C(1) << it->batch[i] % 64;
        }
    }
    act(it);
    look(it);
    live_nodes[it->machine] = nodes_count;
    nodes_index[at] = nodes_count;
    return nodes_count++;
}

static uint32_t node_next(uint32_t from, enum action action)
{
    struct node wanted = {
        .parent = from, .machine = nodes[from].machine, .action = (uint8_t)action};

    return nodes[from].final != 0 ? from : node_of(&wanted);
}

/* --- networks --- */

struct state {
    double paths; /* schedules that end here */
    uint32_t nodes[MACHINES];
    uint32_t from; /* in the level before */
    uint8_t partition, crashed;
    uint8_t crashes, changes; /* so far */
};

struct level {
    struct state *states;
    uint32_t count;
};

static struct level levels[PHASES_MAX + 1];
static struct state *states;
static uint32_t states_count;
static uint32_t *states_index;
static uint64_t states_size;

static bool is_same_state(const struct state *a, const struct state *b)
{
    return memcmp(a->nodes, b->nodes, sizeof a->nodes) == 0 && a->crashes == b->crashes &&
           a->changes == b->changes && a->partition == b->partition;
}

/* False: this level has it already. */
static bool state_add(struct level *level, const struct state *state)
{
    uint64_t hash = state->crashes + state->changes * 8u + state->partition * 64u;

    for (uint32_t i = 0; i < MACHINES; i++) {
        hash = mixed(hash, state->nodes[i]);
    }

    uint64_t at = hash % states_size;

    for (; states_index[at] != 0; at = (at + 1) % states_size) {
        uint32_t known = states_index[at] - 1;

        if (known >= (uint32_t)(level->states - states) && is_same_state(&states[known], state)) {
            states[known].paths += state->paths;
            return false;
        }
    }
    QN_CHECK(states_count < STATES_MAX);
    states_index[at] = states_count + 1;
    states[states_count++] = *state;
    level->count++;
    return true;
}

/* --- phases --- */

static bool is_in_phase(const struct qnk_vote *vote, uint32_t phase)
{
    uint32_t round = phase / 2;
    bool is_timeout = vote->step == QNK_STEP_TIMEOUT; /* ends the round before its own */
    bool is_late = is_timeout || vote->step == QNK_STEP_FINAL;
    uint32_t of = vote->round - is_timeout;

    return of == round ? phase % 2 == 1 || !is_late : of + 1 == round;
}

/* Both twins are one member, and hear nothing of each other. */
static bool is_heard_by(uint32_t groups, uint32_t from, uint32_t to)
{
    return member_of(from) != member_of(to) && (groups >> from & 1) == (groups >> to & 1);
}

/* What this machine has to hear of its group now. */
static struct node batch_of(const struct state *state, uint32_t phase, uint32_t groups, uint32_t to)
{
    const struct node *hearer = &nodes[state->nodes[to]];
    struct node wanted = {
        .parent = state->nodes[to],
        .machine = (uint8_t)to,
        .action = HEAR,
    };

    for (uint32_t from = 0; from < MACHINES && hearer->final == 0; from++) {
        const struct node *speaker = &nodes[state->nodes[from]];

        for (uint32_t i = 0; is_heard_by(groups, from, to) && i < speaker->cast_count; i++) {
            uint16_t vote = speaker->cast[i];
            uint64_t bit = UINT64_C(1) << vote % 64;

            if (((hearer->heard[vote / 64] | wanted.heard[vote / 64]) & bit) == 0 &&
                is_in_phase(&twins_vote(vote)->vote, phase)) {
                QN_CHECK(wanted.batch_count < BATCH_MAX);
                wanted.heard[vote / 64] |= bit;
                wanted.batch[wanted.batch_count++] = vote;
            }
        }
    }
    return wanted;
}

/* Until nobody has anything new to hear. All hear at once. */
static void hear(struct state *state, uint32_t phase, uint32_t groups)
{
    bool has_changed = true;

    while (has_changed) {
        struct state next = *state;

        has_changed = false;
        for (uint32_t i = 0; i < MACHINES; i++) {
            struct node wanted = batch_of(state, phase, groups, i);

            if (wanted.batch_count > 0) {
                memset(wanted.heard, 0, sizeof wanted.heard);
                next.nodes[i] = node_of(&wanted);
                has_changed = true;
            }
        }
        *state = next;
    }
}

/* Who has gone on to the next round waits for its proposal. */
static void tick(struct state *state, uint32_t phase)
{
    for (uint32_t i = 0; i < MACHINES; i++) {
        if (nodes[state->nodes[i]].round <= phase / 2) {
            state->nodes[i] = node_next(state->nodes[i], phase % 2 == 1 ? TICK_LATE : TICK);
        }
    }
}

static void phase_run(struct state *state, uint32_t phase, bool is_last)
{
    uint32_t groups = state->partition;

    if (state->crashed != NONE) {
        state->nodes[state->crashed] = node_next(state->nodes[state->crashed], CRASH);
        state->crashes++;
    }
    hear(state, phase, groups);
    tick(state, phase);
    hear(state, phase, groups);
    if (phase % 2 == 1 && !is_last) {
        tick(state, phase);
    }
}

/* --- what must hold --- */

/* Whether honest votes and the liar's make a final certificate of this value in some round. */
static bool can_be_final(const struct state *state, uint8_t value)
{
    uint32_t weights[2 * ROUNDS_MAX + 8] = {0};

    for (uint32_t i = 0; i < HONEST; i++) {
        const struct node *node = &nodes[state->nodes[i]];

        for (uint32_t j = 0; j < node->cast_count; j++) {
            const struct twins_vote *vote = twins_vote(node->cast[j]);

            if (vote->vote.step == QNK_STEP_FINAL && vote->value == value &&
                vote->vote.round < sizeof weights / sizeof *weights &&
                ++weights[vote->vote.round] + 1 >= TWINS_QUORUM) {
                return true;
            }
        }
    }
    return false;
}

/* NULL: all is well. */
static const char *fault_of(const struct state *state)
{
    if (can_be_final(state, 1) && can_be_final(state, 2)) {
        return "S1: two values can be final";
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        const struct node *node = &nodes[state->nodes[i]];

        if (node->is_double) {
            return "S5: two votes for one duty";
        }
        if (node->refused != 0) {
            return "G: the engine asked for what the guard must refuse";
        }
        if (node->final != 0 && !can_be_final(state, node->final)) {
            return "S1: final without a certificate";
        }
    }
    return NULL;
}

static void groups_print(uint32_t groups)
{
    char text[2][MACHINES + 1] = {"", ""};

    for (uint32_t i = 0; i < MACHINES; i++) {
        char *it = text[groups >> i & 1];

        memcpy(it + strlen(it), names[i], 2);
    }
    printf("%s|%s", text[0], text[1]);
}

static void schedule_print(const struct state *state, uint32_t phase)
{
    const struct state *path[PHASES_MAX];

    for (uint32_t i = phase + 1; i-- > 0;) {
        path[i] = state;
        state = &levels[i].states[state->from];
    }
    printf("# candidates");
    for (uint32_t i = 0; i < MACHINES; i++) {
        printf(" %s:%u", names[i], setting.candidates[i]);
    }
    printf(", leaders");
    for (uint32_t round = TWINS_FIRST_LED; round < ROUNDS_MAX; round++) {
        printf(" %s", names[setting.leaders[round]]);
    }
    printf("\n");
    for (uint32_t i = 0; i <= phase; i++) {
        printf("#   %s %u: ", i % 2 == 0 ? "prepares" : "finals", i / 2);
        groups_print(path[i]->partition);
        printf(path[i]->crashed == NONE ? "\n" : ", %s crashes before\n",
               path[i]->crashed == NONE ? "" : names[path[i]->crashed]);
    }
}

/* --- the enumeration --- */

/* Beyond which no schedule goes. A partition that stays counts as no change. */
struct bounds {
    uint32_t rounds, crashes, changes;
};

struct totals {
    uint64_t settings, states, transitions, machines, finals;
    double schedules;
};

/* Whether this first phase is another one with equal machines that lead no round renamed. */
static bool is_renamed(const struct state *state)
{
    for (uint32_t i = 0; i + 1 < HONEST; i++) {
        bool is_alike = setting.candidates[i] == setting.candidates[i + 1];

        for (uint32_t round = TWINS_FIRST_LED; round < ROUNDS_MAX; round++) {
            is_alike = is_alike && setting.leaders[round] != i && setting.leaders[round] != i + 1;
        }
        if (is_alike && state->crashed == NONE &&
            (state->partition >> i & 1) > (state->partition >> (i + 1) & 1)) {
            return true;
        }
    }
    return false;
}

static bool step_all(uint32_t phase, const struct bounds *bounds, struct totals *totals)
{
    const struct level *before = &levels[phase];
    struct level *after = &levels[phase + 1];

    *after = (struct level){.states = states + states_count};
    for (uint32_t i = 0; i < before->count; i++) {
        uint32_t victims = before->states[i].crashes < bounds->crashes ? HONEST : 0;

        for (uint32_t choice = 0; choice < PARTITIONS * (1 + victims); choice++) {
            struct state state = before->states[i];
            uint32_t victim = choice / PARTITIONS;

            state.from = i;
            state.partition = (uint8_t)(choice % PARTITIONS);
            state.crashed = victim == 0 ? NONE : (uint8_t)(victim - 1);
            state.changes =
                (uint8_t)(state.changes +
                          (phase > 0 && state.partition != before->states[i].partition));
            if (state.changes > bounds->changes || (phase == 0 && is_renamed(&state))) {
                continue;
            }
            phase_run(&state, phase, phase + 1 == 2 * bounds->rounds);
            totals->transitions++;
            if (!state_add(after, &state)) {
                continue;
            }

            const char *fault = fault_of(&state);

            if (fault != NULL) {
                printf("# %s\n", fault);
                schedule_print(&after->states[after->count - 1], phase);
                return false;
            }
        }
    }
    return true;
}

static void forget(void)
{
    memset(nodes_index, 0, 2 * NODES_MAX * sizeof *nodes_index);
    if (states_count > 0) {
        memset(states_index, 0, states_size * sizeof *states_index);
    }
    nodes_count = 1;
    states_count = 0;
}

static uint64_t seed_of(const struct setting *wanted, uint32_t rounds)
{
    uint64_t seed = 0;
    bool is_found = false;

    while (!is_found) {
        is_found = true;
        seed++;
        for (uint32_t round = TWINS_FIRST_LED; round < rounds; round++) {
            is_found = is_found && twins_leader(seed, round) == wanted->leaders[round];
        }
    }
    return seed;
}

/* Brings up a setting's five machines. */
static struct state open_all(uint32_t rounds)
{
    struct state first = {.crashed = NONE, .paths = 1};

    forget();
    twins_open();
    setting.seed = seed_of(&setting, rounds);
    for (uint32_t i = 0; i < MACHINES; i++) {
        struct node root = {.machine = (uint8_t)i, .action = BEGIN};

        first.nodes[i] = node_of(&root);
    }
    return first;
}

static void close_all(void)
{
    for (uint32_t i = 0; i < MACHINES; i++) {
        twins_end(live[i]);
        live[i] = NULL;
        live_nodes[i] = 0;
    }
    twins_close();
}

/* All schedules of one setting. False: something did not hold. */
static bool enumerate(const struct bounds *bounds, struct totals *totals)
{
    uint32_t phases = 2 * bounds->rounds;
    struct state first = open_all(bounds->rounds);
    bool is_good = true;

    levels[0] = (struct level){.states = states};
    (void)state_add(&levels[0], &first);
    for (uint32_t phase = 0; is_good && phase < phases; phase++) {
        is_good = step_all(phase, bounds, totals);
    }
    totals->settings++;
    totals->states += states_count;
    totals->machines += nodes_count - 1;
    for (uint32_t i = 0; is_good && i < levels[phases].count; i++) {
        totals->schedules += levels[phases].states[i].paths;
    }
    for (uint32_t i = 0; is_good && i < levels[phases].count; i++) {
        bool is_final = false;

        for (uint32_t j = 0; j < HONEST; j++) {
            is_final = is_final || nodes[levels[phases].states[i].nodes[j]].final != 0;
        }
        totals->finals += is_final;
    }
    close_all();
    return is_good;
}

/* Candidates of A, B, C, T and its twin, but for the names of values and of equal machines. */
static const uint8_t cases[CASES][MACHINES] = {
    {1, 1, 2, 1, 2}, {1, 1, 1, 1, 2}, {1, 1, 2, 2, 2}, {1, 1, 2, 1, 1}, {1, 1, 1, 2, 2},
};

/* Settings are numbered; false: this one is another one with A and B, or A, B and C, renamed. */
static bool setting_of(uint32_t number, uint32_t rounds)
{
    uint32_t names_seen = 0;

    memcpy(setting.candidates, cases[number % CASES], MACHINES);
    number /= CASES;
    for (uint32_t round = TWINS_FIRST_LED; round < ROUNDS_MAX; round++) {
        setting.leaders[round] = round < rounds ? (uint8_t)(TWIN - number % LEADERS) : TWIN;
        number /= LEADERS;
    }
    for (uint32_t round = TWINS_FIRST_LED; round < rounds; round++) {
        uint32_t leader = setting.leaders[round];
        uint32_t alike = setting.candidates[2] == 1 ? HONEST : 2;

        if (leader < alike && leader > names_seen) {
            return false;
        }
        names_seen += leader < alike && leader == names_seen;
    }
    return true;
}

static uint32_t settings_of(uint32_t rounds)
{
    uint32_t count = CASES;

    for (uint32_t round = TWINS_FIRST_LED; round < rounds; round++) {
        count *= LEADERS;
    }
    return count;
}

static void totals_print(const struct bounds *bounds, const struct totals *totals, clock_t start)
{
    char changes[16] = "any";

    if (bounds->changes != UINT32_MAX) {
        snprintf(changes, sizeof changes, "%u", bounds->changes);
    }
    printf("# rounds %u, crashes %u, changes %s: %llu settings, %.4g schedules, %llu transitions, "
           "%llu states, %llu executions, %llu ends with a final, %.1f s\n",
           bounds->rounds, bounds->crashes, changes, (unsigned long long)totals->settings,
           totals->schedules, (unsigned long long)totals->transitions,
           (unsigned long long)totals->states, (unsigned long long)executions,
           (unsigned long long)totals->finals, (double)(clock() - start) / CLOCKS_PER_SEC);
}

static bool all(const struct bounds *bounds, uint32_t from, uint32_t to)
{
    struct totals totals = {0};
    clock_t start = clock();
    bool is_good = true;

    executions = 0;
    for (uint32_t i = from; is_good && i < to && i < settings_of(bounds->rounds); i++) {
        if (setting_of(i, bounds->rounds)) {
            is_good = enumerate(bounds, &totals);
        }
    }
    totals_print(bounds, &totals, start);
    return is_good;
}

/* --- the command --- */

static uint32_t number_of(int argc, char **argv, const char *name, uint32_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return (uint32_t)strtoul(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

/* What `make check` has the time for. */
#ifdef TWINS_BFT /* whose first round has a leader: four times the settings */
static const struct bounds slices[] = {{2, 0, 1}, {2, 1, 0}, {3, 0, 0}};
#else
static const struct bounds slices[] = {{2, 1, 1}, {3, 0, 1}, {2, 0, 2}};
#endif

static void case_print(bool is_good, uint32_t number)
{
    printf("%sok %u - no schedule of twins breaks agreement\n", is_good ? "" : "not ", number);
    fflush(stdout);
}

static bool slices_run(void)
{
    uint32_t count = sizeof slices / sizeof *slices;
    bool is_good = true;

    printf("1..%u\n", count);
    for (uint32_t i = 0; i < count; i++) {
        bool holds = all(&slices[i], 0, UINT32_MAX);

        case_print(holds, i + 1);
        is_good = is_good && holds;
    }
    return is_good;
}

/* Whether all that was given is an option with its number: a slip must not run something else. */
static bool is_asked(int argc, char **argv)
{
    static const char *const options[] = {"--rounds", "--crashes", "--changes", "--from", "--to"};
    bool is_good = argc % 2 == 1;

    for (int i = 1; i + 1 < argc && is_good; i += 2) {
        uint32_t place = 0;

        while (place < sizeof options / sizeof *options && strcmp(argv[i], options[place]) != 0) {
            place++;
        }
        is_good = place < sizeof options / sizeof *options && argv[i + 1][0] != 0 &&
                  strspn(argv[i + 1], "0123456789") == strlen(argv[i + 1]);
    }
    if (!is_good) {
        fprintf(stderr, "twins_test [--rounds N] [--crashes N] [--changes N] [--from N --to N]\n");
    }
    return is_good;
}

static bool asked_run(int argc, char **argv)
{
    struct bounds bounds = {
        .rounds = number_of(argc, argv, "--rounds", 2),
        .crashes = number_of(argc, argv, "--crashes", 0),
        .changes = number_of(argc, argv, "--changes", UINT32_MAX),
    };
    bool is_good;

    if (bounds.rounds < 1 || bounds.rounds > ROUNDS_MAX) {
        fprintf(stderr, "twins_test: 1 to %d rounds\n", ROUNDS_MAX);
        return false;
    }
    printf("1..1\n");
    is_good =
        all(&bounds, number_of(argc, argv, "--from", 0), number_of(argc, argv, "--to", UINT32_MAX));
    case_print(is_good, 1);
    return is_good;
}

int main(int argc, char **argv)
{
    bool is_good;

    if (!is_asked(argc, argv)) {
        return 2;
    }
    nodes = calloc(NODES_MAX, sizeof *nodes);
    nodes_index = calloc(2 * NODES_MAX, sizeof *nodes_index);
    states = calloc(STATES_MAX, sizeof *states);
    states_size = 2 * (uint64_t)STATES_MAX;
    states_index = calloc(states_size, sizeof *states_index);
    QN_CHECK(nodes != NULL && nodes_index != NULL && states != NULL && states_index != NULL);
    is_good = argc > 1 ? asked_run(argc, argv) : slices_run();
    free(nodes);
    free(nodes_index);
    free(states);
    free(states_index);
    return is_good ? 0 : 1;
}
