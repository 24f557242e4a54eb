/* SPDX-License-Identifier: MIT */

/* run_sim.c: `qnet sim`: networks under a virtual clock, to which everything happens. A seed is a
 * run, and what it prints repeats it. */

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/config/file.h"
#include "kernel/qnet/bench_bed.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/sim_files.h"
#include "kernel/sim/event_text.h"
#include "kernel/sim/shrink.h"

enum {
    LINES_MAX = 32,        /* seeds of which each gets a line */
    SEEDS_MAX = 100000000, /* of one call */
    LIMIT_MS = 600000,     /* for one seed of a small network; more nodes, more time */
    CORES_MAX = QNK_CAMPAIGN_JOBS_MAX,
    COMMAND = 6000,                            /* bytes of the options that say what a run is */
    REPEAT = COMMAND + 8 * QNK_PLAN_HARMS_MAX, /* of the command that repeats it */
    QUIET_US = 300000,
    CONTEXT = 3, /* equal lines before a difference */
    LINE = 400,
    MANY = 200,          /* more nodes get small mempools */
    NODES_MAX = 1000,    /* liars' second machines come on top */
    HEAP_KEPT = 1 << 30, /* bytes that are not given back to the system at once */
};

static struct qnk_budget budget = {.limit = SIZE_MAX};

/* --- what is asked for --- */

struct sim {
    struct qnk_call *call;
    struct qnk_cast *cast;
    struct qnk_campaign_setup campaign;
    uint32_t only[QNK_PLAN_HARMS_MAX];
    char options[COMMAND]; /* those that say what a seed is */
    uint8_t *network;      /* text of --network; NULL: our own */
};

static int usage(const char *what, const char *given)
{
    fprintf(stderr, "qnet: %s: \"%s\"\n  qnet help sim run\n", what, given == NULL ? "" : given);
    return QNK_CLI_USAGE;
}

/* "5" or "1..100". */
static bool range_read(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *first = *last = strtoull(text, &end, 10);
    if (strncmp(end, "..", 2) == 0 && end[2] >= '0' && end[2] <= '9') {
        *last = strtoull(end + 2, &end, 10);
    }
    return *end == 0 && errno == 0 && *first <= *last && *last - *first < SEEDS_MAX &&
           *last < UINT64_MAX; /* there is one behind the last */
}

/* One seed, of a command that takes no more. */
static bool seed_read(const char *text, struct qnk_campaign_setup *campaign)
{
    return range_read(text, &campaign->first, &campaign->last) && campaign->first == campaign->last;
}

/* The next of words apart by commas. False: there is none. */
static bool word_next(const char **rest, char word[32])
{
    size_t size = strcspn(*rest, ",");

    if (**rest == 0) {
        return false;
    }
    snprintf(word, 32, "%.*s", (int)(size < 31 ? size : 31), *rest);
    *rest += size + ((*rest)[size] == ',');
    return true;
}

/* The kind or the lie of this name; `count`: none has it. */
static uint32_t named(const char *word, const char *(*name)(uint32_t), uint32_t count)
{
    uint32_t at = 0;

    while (at < count && strcmp(name(at), word) != 0) {
        at++;
    }
    return at;
}

static bool kinds_usage(const char *option, const char *word)
{
    fprintf(stderr, "qnet: --%s: \"%s\" is none of all none", option, word);
    for (uint32_t kind = 0; kind < QNK_HARMS; kind++) {
        fprintf(stderr, " %s", qnk_harm_name(kind));
    }
    fprintf(stderr, "; lies are");
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        fprintf(stderr, " %s", qnk_lie_name(lie));
    }
    fprintf(stderr, "\n");
    return false;
}

/* Names of kinds of harm, "all" or "none", into a bitmap; and of lies, if `lies` is not NULL. An
 * empty list is none: it comes of a variable that is not set. */
static bool kinds_read(const char *option, const char *text, uint64_t *kinds, uint32_t *lies)
{
    char word[32];

    *kinds = 0;
    if (*text == 0) {
        return kinds_usage(option, text);
    }
    while (word_next(&text, word)) {
        uint32_t kind = named(word, qnk_harm_name, QNK_HARMS);
        uint32_t lie = lies == NULL ? QNK_LIES : named(word, qnk_lie_name, QNK_LIES);

        if (kind < QNK_HARMS) {
            *kinds |= UINT64_C(1) << kind;
        } else if (lie < QNK_LIES) {
            *kinds |= UINT64_C(1) << QNK_HARM_LIE;
            *lies |= 1u << lie;
        } else if (strcmp(word, "all") == 0) {
            *kinds = UINT64_MAX;
        } else if (strcmp(word, "none") != 0) {
            return kinds_usage(option, word);
        }
    }
    return true;
}

/* Numbers of harms, as shrink prints them; "0" is none of them. */
static bool only_read(struct sim *sim, const char *text)
{
    char word[32];

    if (text == NULL) {
        return true;
    }
    sim->campaign.only = sim->only;
    while (word_next(&text, word)) {
        uint64_t first, last;

        if (!range_read(word, &first, &last) || last > QNK_PLAN_HARMS_MAX) {
            return false;
        }
        for (uint64_t number = first; number <= last; number++) {
            if (sim->campaign.only_count < QNK_PLAN_HARMS_MAX) {
                sim->only[sim->campaign.only_count++] = (uint32_t)number;
            }
        }
    }
    return true;
}

/* --- the cast --- */

/* The options that were given and say what a seed is, as they would be typed again. */
static void options_put(struct sim *sim)
{
    static const char *const names[] = {"nodes",  "mode",    "faults",  "always",
                                        "liars",  "level",   "regions", "weights",
                                        "window", "windows", "network", "consensus"};
    size_t used = 0;

    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (qnk_call_given(sim->call, names[i])) {
            int size = snprintf(sim->options + used, sizeof sim->options - used, " --%s %s",
                                names[i], qnk_call_text(sim->call, names[i]));

            used += size > 0 && used + (size_t)size < sizeof sim->options ? (size_t)size : 0;
        }
    }
    sim->options[used] = 0;
}

/* The rules that ship, on the engine that was asked for. */
static bool own_network(struct sim *sim, struct qnk_cast_file *file)
{
    static char text[QNK_SIM_NETWORK_SIZE];
    const char *engine = qnk_call_text(sim->call, "consensus");
    const char *name;

    if (!qnk_sim_network_with(engine != NULL ? engine : qnk_sim_engine_at(0), text)) {
        fprintf(stderr, "qnet: --consensus: \"%s\" is none of", engine);
        for (uint32_t i = 0; (name = qnk_sim_engine_at(i)) != NULL; i++) {
            fprintf(stderr, " %s", name);
        }
        fprintf(stderr, "; others: --network FILE\n");
        return false;
    }
    *file = (struct qnk_cast_file){"sim.yaml", {(const uint8_t *)text, strlen(text)}};
    return true;
}

static bool network_read(struct sim *sim, struct qnk_cast_file *file)
{
    const char *path = qnk_call_text(sim->call, "network");
    struct qnk_arena arena;
    int32_t status;

    if (path == NULL) {
        return own_network(sim, file);
    }
    if (qnk_call_given(sim->call, "consensus")) {
        fprintf(stderr, "qnet: --network FILE says which engine; --consensus is for ours\n");
        return false;
    }
    sim->network = qnk_memory_take(&budget, QNK_TREE_FILE_MAX);
    if (sim->network == NULL) {
        return false;
    }
    qnk_arena_init(&arena, sim->network, QNK_TREE_FILE_MAX);
    file->name = path;
    status = qnk_file_read(path, QNK_TREE_FILE_MAX, &arena, &file->text);
    if (status != QN_OK) {
        fprintf(stderr, "qnet: cannot read '%s': %s\n", path,
                status == QN_NO_SPACE  ? "it is larger than 1 MiB"
                : status == QN_INVALID ? "it is no file"
                                       : strerror(errno));
    }
    return status == QN_OK;
}

static int cast_open(struct sim *sim)
{
    uint64_t nodes = qnk_call_number(sim->call, "nodes");
    uint64_t window = qnk_call_number(sim->call, "window");
    uint32_t validators =
        (uint32_t)(nodes < QNK_NETWORK_VALIDATORS_MAX ? nodes : QNK_NETWORK_VALIDATORS_MAX);
    const char *file = nodes > MANY ? qnk_sim_node_of_many : qnk_sim_node;
    struct qnk_cast_setup setup = {
        .budget = &budget,
        .loader = qnk_place_loader(),
        .node = {"sim-node.yaml", {(const uint8_t *)file, strlen(file)}},
        .nodes = (uint32_t)nodes,
        .validators = validators,
        .spare = validators > 0 ? (validators - 1) / 3 : 0,
        .window = (uint32_t)window,
        .is_uneven = strcmp(qnk_call_text(sim->call, "weights"), "uneven") == 0,
        .level = strcmp(qnk_call_text(sim->call, "level"), "L1") == 0 ? QNK_CAST_L1 : QNK_CAST_L0,
    };
    char why[QNK_CAST_WHY] = "";
    int32_t status;

    if (nodes < 1 || nodes > NODES_MAX) {
        return usage("--nodes is 1 to 1000", qnk_call_text(sim->call, "nodes"));
    }
    if (qnk_call_given(sim->call, "window") && (window < 1 || window > UINT32_MAX)) {
        return usage("--window is a number of blocks", qnk_call_text(sim->call, "window"));
    }
    qnk_client_budget.limit = SIZE_MAX; /* of instances: there may be a thousand nodes */
    if (setup.loader == NULL || !network_read(sim, &setup.network)) {
        return QNK_CLI_FAILED;
    }
    if (qnk_call_text(sim->call, "network") == NULL) {
        setup.others = qnk_sim_others;
        setup.others_count = QNK_SIM_OTHERS;
    }
    status = qnk_cast_create(&setup, &sim->cast, why);
    if (status != QN_OK) {
        fprintf(stderr, "qnet: %s (status %d)\n", why, status);
    }
    return status == QN_OK ? QNK_CLI_OK : QNK_CLI_FAILED;
}

/* A run in this process may end it: what was told until then is to be seen. */
static void lines_flush(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Everything but seeds. */
static int sim_open(struct sim *sim)
{
    struct qnk_plan_setup *plan = &sim->campaign.plan;
    uint64_t windows = qnk_call_number(sim->call, "windows");
    int result;

    if (sodium_init() < 0) {
        return QNK_CLI_FAILED;
    }
    /* A small network touches little of what its nodes take, and clearing all of it costs more. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    /* Nor does the system clear again what a job gave back: that was a third of the time. */
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    (void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
    if (!kinds_read("faults", qnk_call_text(sim->call, "faults"), &plan->kinds, &plan->lies) ||
        (qnk_call_given(sim->call, "always") &&
         !kinds_read("always", qnk_call_text(sim->call, "always"), &plan->always, NULL))) {
        return QNK_CLI_USAGE;
    }
    if (!only_read(sim, qnk_call_text(sim->call, "only"))) {
        return usage("--only takes numbers of faults, as in 3,17",
                     qnk_call_text(sim->call, "only"));
    }
    if (windows < 1 || windows > 1000) {
        return usage("--windows is 1 to 1000", qnk_call_text(sim->call, "windows"));
    }
    result = cast_open(sim);
    if (result != QNK_CLI_OK) {
        return result;
    }

    const struct qnk_network *network = qnk_cast_network(sim->cast);
    struct qnk_world_setup world;

    qnk_cast_world(sim->cast, &world);
    plan->mode = strcmp(qnk_call_text(sim->call, "mode"), "safety") == 0 ? QNK_PLAN_SAFETY
                                                                         : QNK_PLAN_LIVENESS;
    plan->nodes = world.nodes;
    plan->validators = world.set->count;
    plan->weak = (plan->validators - 1) / 3;
    plan->set = world.set;
    plan->is_lockless = qnk_cast_is_lockless(sim->cast);
    plan->liars = plan->is_lockless ? 0 : plan->weak; /* such an engine tolerates none */
    if (qnk_call_given(sim->call, "liars")) {
        uint64_t liars = qnk_call_number(sim->call, "liars");

        if (liars > plan->weak) {
            return usage("--liars: they are fewer than a third of the validators",
                         qnk_call_text(sim->call, "liars"));
        }
        plan->liars = (uint32_t)liars;
    }
    plan->senders = QNK_CAST_SENDERS;
    plan->window = network->window;
    plan->has_regions = strcmp(qnk_call_text(sim->call, "regions"), "ten") == 0;
    plan->quiet_us = QUIET_US;
    plan->length_us =
        QUIET_US + windows * network->window * network->interval_max_ms * UINT64_C(1000);
    sim->campaign.budget = &budget;
    sim->campaign.cast = sim->cast;
    sim->campaign.jobs = 1;
    sim->campaign.limit_ms = LIMIT_MS * (1 + world.nodes / 20);
    sim->campaign.ctx = sim;
    options_put(sim);
    return QNK_CLI_OK;
}

/* Of one seed: whether it has the faults of --only. Of several each has others. */
static int only_check(const struct sim *sim)
{
    const struct qnk_campaign_setup *campaign = &sim->campaign;
    struct qnk_plan_setup wanted = campaign->plan;
    struct qnk_plan *plan = qnk_memory_take(&budget, sizeof *plan);
    uint32_t most = 0, has;

    if (plan == NULL) {
        return QNK_CLI_FAILED;
    }
    wanted.seed = campaign->first;
    qnk_plan_draw(plan, &wanted);
    has = plan->harms_count;
    qnk_memory_give(&budget, plan, sizeof *plan);
    for (uint32_t i = 0; i < campaign->only_count; i++) {
        most = campaign->only[i] > most ? campaign->only[i] : most;
    }
    if (campaign->first == campaign->last && most > has) {
        fprintf(stderr, "qnet: --only: seed %llu has %u faults, none of number %u\n",
                (unsigned long long)campaign->first, has, most);
        return QNK_CLI_USAGE;
    }
    return QNK_CLI_OK;
}

/* For the seeds of the campaign. */
static int seeds_open(struct sim *sim)
{
    int result = sim_open(sim);

    return result == QNK_CLI_OK ? only_check(sim) : result;
}

static void sim_close(struct sim *sim)
{
    qnk_cast_destroy(sim->cast);
    qnk_memory_give(&budget, sim->network, QNK_TREE_FILE_MAX);
}

/* --- what came of it --- */

static const char *trace_text(const struct qnk_verdict *verdict)
{
    static char text[QNK_HEX_SIZE(QN_HASH_SIZE)];

    qnk_hex_encode(verdict->trace.bytes, QN_HASH_SIZE, text);
    return text;
}

static const char *seconds_text(uint64_t us)
{
    static char texts[8][24];
    static uint32_t next;
    char *text = texts[next++ % 8];

    snprintf(text, sizeof texts[0], "%llu.%03llu s", (unsigned long long)(us / 1000000),
             (unsigned long long)(us / 1000 % 1000));
    return text;
}

/* " --only 3,17"; "": all of them. */
static const char *only_text(const uint32_t *numbers, uint32_t count)
{
    static char text[8 * QNK_PLAN_HARMS_MAX];
    size_t used = 0;

    text[0] = 0;
    for (uint32_t i = 0; numbers != NULL && i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", i == 0 ? " --only " : ",",
                                 numbers[i]);
    }
    return numbers != NULL && count == 0 ? " --only 0" : text;
}

/* What does this seed again, with these faults. */
static const char *repeat_text(const struct sim *sim, uint64_t seed, const uint32_t *numbers,
                               uint32_t count)
{
    static char text[REPEAT];

    snprintf(text, sizeof text, "qnet sim run --seed %llu%s%s%s", (unsigned long long)seed,
             sim->options, only_text(numbers, count), sim->campaign.is_twice ? " --twice" : "");
    return text;
}

static void verdict_print(const struct sim *sim, const struct qnk_verdict *verdict)
{
    if (!verdict->is_good) {
        char who[16] = "";

        if (verdict->node != UINT32_MAX) {
            snprintf(who, sizeof who, " at v%u", verdict->node + 1);
        }
        printf("seed %llu  FAILED  %s%s, %s: %s\n  %s\n", (unsigned long long)verdict->seed,
               verdict->oracle, who, seconds_text(verdict->at_us), verdict->words,
               repeat_text(sim, verdict->seed, sim->campaign.only, sim->campaign.only_count));
    } else {
        printf("seed %-5llu ok  %.16s  %s  %llu events  %u faults  %llu blocks  %llu windows final"
               "  %llu transactions\n",
               (unsigned long long)verdict->seed, trace_text(verdict),
               seconds_text(verdict->length_us), (unsigned long long)verdict->events,
               verdict->harms, (unsigned long long)verdict->heights,
               (unsigned long long)verdict->windows, (unsigned long long)verdict->txs);
    }
    (void)fflush(stdout);
}

static json_t *verdict_json(const struct sim *sim, const struct qnk_verdict *it)
{
    json_t *json = json_pack(
        "{s:I, s:b, s:s, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "seed",
        (json_int_t)it->seed, "good", it->is_good, "trace", trace_text(it), "events",
        (json_int_t)it->events, "simulated_us", (json_int_t)it->length_us, "faults", (int)it->harms,
        "blocks", (json_int_t)it->heights, "windows", (json_int_t)it->windows, "transactions",
        (json_int_t)it->txs, "final_p50_us", (json_int_t)it->final_p50_us, "final_p99_us",
        (json_int_t)it->final_p99_us, "core_bytes", (json_int_t)it->core_bytes, "sent_bytes",
        (json_int_t)it->sent_bytes, "resident_bytes", (json_int_t)it->resident_bytes, "step_max_us",
        (json_int_t)it->step_max_us);

    if (!it->is_good) {
        json_object_set_new(json, "violated", json_string(it->oracle));
        json_object_set_new(json, "at_us", json_integer((json_int_t)it->at_us));
        json_object_set_new(json, "node", json_integer((int)it->node));
        json_object_set_new(json, "words", json_string(it->words));
        json_object_set_new(
            json, "repeat",
            json_string(repeat_text(sim, it->seed, sim->campaign.only, sim->campaign.only_count)));
    }
    return json;
}

/* --- run --- */

/* A campaign as it goes on. */
struct progress {
    struct sim *sim;
    uint64_t seeds, before; /* of this call; that an earlier one ran */
    uint64_t good, failed;
    uint64_t events, length_us, harms, windows;
    uint64_t checked[QNK_ORACLES];
    uint64_t came[QNK_HARMS], told[QNK_LIES], met[QNK_FAULTS], seen, proven;
    uint64_t step_max_us;
    double start_s;
    FILE *resume; /* NULL: none */
    json_t *list; /* verdicts, of few seeds or those that failed */
    uint64_t listed;
    struct qnk_verdict last;
    bool is_terminal;
};

static void progress_show(void *ctx)
{
    const struct progress *it = ctx;
    double spent = qnk_bench_now() - it->start_s;
    uint64_t ran = it->good + it->failed;
    double rate = (double)ran / spent;

    if (it->is_terminal && it->seeds > 1 && ran > 0) {
        fprintf(stderr,
                "\r%llu of %llu seeds, %llu failed, %.1f seeds/s, %.0f simulated s/s, %s left  ",
                (unsigned long long)(it->before + ran), (unsigned long long)it->seeds,
                (unsigned long long)it->failed, rate, (double)it->length_us / 1e6 / spent,
                qnk_duration((uint64_t)((double)(it->seeds - it->before - ran) / rate * 1000)));
        (void)fflush(stderr);
    }
}

static void progress_wipe(const struct progress *it)
{
    if (it->is_terminal && it->seeds > 1) {
        fprintf(stderr, "\r%90s\r", "");
    }
}

static void verdict_came(void *ctx, const struct qnk_verdict *verdict)
{
    struct progress *it = ctx;
    bool is_shown = it->seeds <= LINES_MAX || !verdict->is_good;

    it->good += verdict->is_good;
    it->failed += !verdict->is_good;
    it->events += verdict->events;
    it->length_us += verdict->length_us;
    it->harms += verdict->harms;
    it->windows += verdict->windows;
    it->last = *verdict;
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        it->checked[id] += verdict->checked[id];
    }
    for (uint32_t kind = 0; kind < QNK_HARMS; kind++) {
        it->came[kind] += verdict->came[kind];
    }
    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        it->told[lie] += verdict->told[lie];
    }
    for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
        it->met[fault] += verdict->met[fault];
    }
    it->seen += verdict->seen;
    it->proven += verdict->proven;
    it->step_max_us =
        verdict->step_max_us > it->step_max_us ? verdict->step_max_us : it->step_max_us;
    if (it->resume != NULL) {
        fprintf(it->resume, "%llu %s %.16s\n", (unsigned long long)verdict->seed,
                verdict->is_good ? "ok" : verdict->oracle, trace_text(verdict));
        (void)fflush(it->resume);
    }
    if (is_shown && it->sim->call->json && it->listed++ < 1000) {
        json_array_append_new(it->list, verdict_json(it->sim, verdict));
    } else if (is_shown && !it->sim->call->json && !(verdict->is_good && it->sim->call->quiet)) {
        progress_wipe(it);
        verdict_print(it->sim, verdict);
    }
}

/* Reads what an earlier call with this file did, and opens it for more. */
static int resume_open(struct progress *it, uint8_t *done)
{
    const char *path = qnk_call_text(it->sim->call, "resume");
    static char line[REPEAT], head[REPEAT];
    bool is_torn = false;
    FILE *file = path == NULL ? NULL : fopen(path, "a+");

    if (path == NULL) {
        return QNK_CLI_OK;
    }
    if (file == NULL) {
        fprintf(stderr, "qnet: cannot open '%s': %s\n", path, strerror(errno));
        return QNK_CLI_FAILED;
    }
    it->resume = file;
    snprintf(head, sizeof head, "qnet sim run%s%s\n", it->sim->options,
             only_text(it->sim->campaign.only, it->sim->campaign.only_count));
    rewind(file);
    if (fgets(line, sizeof line, file) == NULL) {
        fprintf(file, "%s", head);
    } else if (strcmp(line, head) != 0) {
        fprintf(stderr, "qnet: '%s' is of another campaign: %s", path, line);
        return QNK_CLI_USAGE;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        const struct qnk_campaign_setup *setup = &it->sim->campaign;
        uint64_t seed = strtoull(line, NULL, 10), place = seed - setup->first;

        is_torn = strchr(line, '\n') == NULL;
        if (is_torn || seed < setup->first || seed > setup->last ||
            (done[place / 8] >> place % 8 & 1) != 0) {
            continue;
        }
        if (strstr(line, " ok ") != NULL) { /* what failed is run again */
            done[place / 8] = (uint8_t)(done[place / 8] | 1u << place % 8);
            it->before++;
        }
    }
    (void)fseek(file, 0, SEEK_END);
    if (is_torn) {
        fprintf(file, "\n"); /* or the next seed would be read as another one */
    }
    return QNK_CLI_OK;
}

/* What held, and how often it was looked at. */
static json_t *checked_json(const struct progress *it)
{
    json_t *json = json_object();

    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        json_object_set_new(json, qnk_oracle_name(id), json_integer((json_int_t)it->checked[id]));
    }
    return json;
}

static void checked_print(const struct progress *it)
{
    printf("checked ");
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        printf(" %s %llu", qnk_oracle_name(id), (unsigned long long)it->checked[id]);
    }
    printf("\n");
}

/* How often each came; a loop comes as crashes. */
static json_t *came_json(const struct progress *it)
{
    json_t *json = json_object();

    for (uint32_t kind = 0; kind < QNK_HARMS; kind++) {
        if (kind != QNK_HARM_LOOP) {
            json_object_set_new(json, qnk_harm_name(kind),
                                json_integer((json_int_t)it->came[kind]));
        }
    }
    return json;
}

static json_t *told_json(const struct progress *it)
{
    json_t *json = json_object();

    for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
        json_object_set_new(json, qnk_lie_name(lie), json_integer((json_int_t)it->told[lie]));
    }
    return json;
}

/* What honest nodes made of it. */
static json_t *met_json(const struct progress *it)
{
    json_t *json = json_object();

    for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
        json_object_set_new(json, qnk_fault_name(fault), json_integer((json_int_t)it->met[fault]));
    }
    json_object_set_new(json, "contradictions", json_integer((json_int_t)it->seen));
    json_object_set_new(json, "evidence", json_integer((json_int_t)it->proven));
    return json;
}

static void met_print(const struct progress *it)
{
    printf("found   ");
    for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
        printf(" %s %llu", qnk_fault_name(fault), (unsigned long long)it->met[fault]);
    }
    printf(" contradictions %llu evidence %llu\n", (unsigned long long)it->seen,
           (unsigned long long)it->proven);
}

static void came_print(const struct progress *it)
{
    if (it->harms > 0) {
        printf("faults  ");
        for (uint32_t kind = 0; kind < QNK_HARMS; kind++) {
            if (kind != QNK_HARM_LOOP) {
                printf(" %s %llu", qnk_harm_name(kind), (unsigned long long)it->came[kind]);
            }
        }
        printf("\n");
    }
    if (it->came[QNK_HARM_LIE] > 0) {
        printf("lies told");
        for (uint32_t lie = 0; lie < QNK_LIES; lie++) {
            printf(" %s %llu", qnk_lie_name(lie), (unsigned long long)it->told[lie]);
        }
        printf("\n");
        met_print(it);
    }
}

static void summary_print(const struct progress *it, double spent)
{
    uint64_t ran = it->good + it->failed;
    const char *level = qnk_call_text(it->sim->call, "level");

    printf("%llu seeds: %llu good, %llu failed", (unsigned long long)ran,
           (unsigned long long)it->good, (unsigned long long)it->failed);
    if (it->before > 0) {
        printf(", %llu before", (unsigned long long)it->before);
    }
    printf("   %s   %u nodes   %llu faults   %llu windows final   %llu events\n", level,
           it->sim->campaign.plan.nodes, (unsigned long long)it->harms,
           (unsigned long long)it->windows, (unsigned long long)it->events);
    printf("%.1f s: %.2f seeds/s, %.1f simulated s/s", spent, (double)ran / spent,
           (double)it->length_us / 1e6 / spent);
    if (ran == 1) {
        printf("   final after a window's end p50 %s p99 %s\na node: core %s, resident %s, sent %s",
               seconds_text(it->last.final_p50_us), seconds_text(it->last.final_p99_us),
               qnk_bytes(it->last.core_bytes), qnk_bytes(it->last.resident_bytes),
               qnk_bytes(it->last.sent_bytes));
    }
    printf("   longest step %llu.%03llu ms\n", (unsigned long long)(it->step_max_us / 1000),
           (unsigned long long)(it->step_max_us % 1000));
    came_print(it);
    checked_print(it);
}

static void summary_json(const struct progress *it, double spent)
{
    uint64_t ran = it->good + it->failed;
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:s, s:i, s:I, s:I, s:I, s:f, s:f, s:f, s:s, s:O}", "seeds",
        (json_int_t)ran, "good", (json_int_t)it->good, "failed", (json_int_t)it->failed, "before",
        (json_int_t)it->before, "level", qnk_call_text(it->sim->call, "level"), "mode",
        qnk_call_text(it->sim->call, "mode"), "nodes", (int)it->sim->campaign.plan.nodes, "faults",
        (json_int_t)it->harms, "windows", (json_int_t)it->windows, "events", (json_int_t)it->events,
        "seconds", spent, "seeds_per_s", (double)ran / spent, "simulated_s_per_s",
        (double)it->length_us / 1e6 / spent, "options", it->sim->options, "runs", it->list);

    json_object_set_new(json, "step_max_us", json_integer((json_int_t)it->step_max_us));
    json_object_set_new(json, "came", came_json(it));
    json_object_set_new(json, "lies", told_json(it));
    json_object_set_new(json, "found", met_json(it));
    json_object_set_new(json, "checked", checked_json(it));
    qnk_json_print(json);
    json_decref(json);
}

static volatile sig_atomic_t is_interrupted;

static void interrupted(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* What was run until then is summed up, as it may be all of a night; a second signal ends it at
 * once. Who runs in the background goes on ignoring what is ignored. */
static void interrupts_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction catches = {.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND}, was;

    (void)sigemptyset(&catches.sa_mask);
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (sigaction(numbers[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN) {
            (void)sigaction(numbers[i], &catches, NULL);
        }
    }
}

static int run_campaign(struct progress *it, uint8_t *done)
{
    struct qnk_campaign_setup *setup = &it->sim->campaign;
    int result = resume_open(it, done);
    int32_t status;
    double spent;

    if (result != QNK_CLI_OK) {
        return result;
    }
    setup->done = done;
    setup->ctx = it;
    setup->came = verdict_came;
    setup->ticked = progress_show;
    setup->stop = &is_interrupted;
    it->start_s = qnk_bench_now();
    interrupts_catch();
    status = qnk_campaign(setup);
    if (status == QN_CANCELLED) {
        result = QNK_CLI_INTERRUPTED;
    } else if (status != QN_OK) {
        fprintf(stderr, "qnet: no process can be made: %s\n", strerror(errno));
        result = QNK_CLI_FAILED;
    }
    spent = qnk_bench_now() - it->start_s;
    progress_wipe(it);
    (it->sim->call->json ? summary_json : summary_print)(it, spent);
    return it->failed > 0 ? QNK_CLI_ASSERTION : result;
}

int qnk_run_sim_run(struct qnk_call *call)
{
    struct sim sim = {.call = call};
    struct progress progress = {.sim = &sim, .is_terminal = isatty(STDERR_FILENO) && !call->quiet};
    const char *seeds = qnk_call_text(call, qnk_call_given(call, "seeds") ? "seeds" : "seed");
    uint64_t jobs =
        qnk_call_given(call, "jobs") ? qnk_call_number(call, "jobs") : qnk_bench_cores();
    uint64_t size;
    uint8_t *done;
    int result;

    if (qnk_call_given(call, "seeds") && qnk_call_given(call, "seed")) {
        return usage("--seed or --seeds, not both", seeds);
    }
    if (!range_read(seeds, &sim.campaign.first, &sim.campaign.last)) {
        return usage("seeds are a number or A..B", seeds);
    }
    if (jobs < 1 || jobs > CORES_MAX) {
        return usage("--jobs is 1 to 256", qnk_call_text(call, "jobs"));
    }
    result = seeds_open(&sim);
    if (result == QNK_CLI_OK) {
        sim.campaign.jobs = (uint32_t)jobs;
        sim.campaign.is_twice = qnk_call_flag(call, "twice");
        progress.seeds = sim.campaign.last - sim.campaign.first + 1;
        progress.list = json_array();
        size = progress.seeds / 8 + 1;
        done = qnk_memory_take(&budget, size);
        result = done == NULL ? QNK_CLI_FAILED : run_campaign(&progress, done);
        qnk_memory_give(&budget, done, size);
        json_decref(progress.list);
        if (progress.resume != NULL && fclose(progress.resume) != 0) {
            result = QNK_CLI_FAILED;
        }
    }
    sim_close(&sim);
    return result;
}

/* --- show --- */

/* One of a run's lines as an object of its own. */
static void line_json(uint64_t at_us, const char *who, const char *what, const char *text)
{
    json_t *json = json_pack("{s:I, s:s, s:s, s:s}", "at_us", (json_int_t)at_us, "node", who,
                             "what", what, "text", text);

    qnk_json_print(json);
    json_decref(json);
}

static void told(void *ctx, uint64_t at_us, uint32_t node, const char *what, const char *text)
{
    char who[16] = "-";

    if (node != UINT32_MAX) {
        snprintf(who, sizeof who, "v%u", node + 1);
    }
    if (((const struct qnk_call *)ctx)->json) {
        line_json(at_us, who, what, text);
        return;
    }
    printf("%6llu.%06llu  %-5s %-14s %s\n", (unsigned long long)(at_us / 1000000),
           (unsigned long long)(at_us % 1000000), who, what, text);
}

int qnk_run_sim_show(struct qnk_call *call)
{
    struct sim sim = {.call = call};
    struct qnk_teller teller = {.ctx = call, .level = 2, .tell = told};
    struct qnk_verdict verdict;
    int result;

    if (!seed_read(call->operands[0], &sim.campaign)) {
        return usage("a seed is a number", call->operands[0]);
    }
    result = seeds_open(&sim);
    if (result == QNK_CLI_OK) {
        teller.level = (uint32_t)qnk_call_number(call, "notes");
        lines_flush();
        qnk_campaign_seed(&sim.campaign, sim.campaign.first, &teller, &verdict);
        if (call->json) {
            json_t *json = verdict_json(&sim, &verdict);

            qnk_json_print(json);
            json_decref(json);
        } else {
            verdict_print(&sim, &verdict);
        }
        result = verdict.is_good ? QNK_CLI_OK : QNK_CLI_ASSERTION;
    }
    sim_close(&sim);
    return result;
}

/* --- shrink --- */

static void shrink_ran(void *ctx, uint32_t runs, uint32_t left)
{
    (void)ctx;
    fprintf(stderr, "\r%u runs, %u faults left  ", runs, left);
}

static int shrunk_print(const struct sim *sim, const struct qnk_shrunk *shrunk)
{
    if (shrunk->verdict.is_good) {
        printf("seed %llu does not fail\n", (unsigned long long)sim->campaign.first);
        return QNK_CLI_OK;
    }
    printf("seed %llu breaks %s with %u of its %u faults (%u runs): %s\n  %s\n",
           (unsigned long long)sim->campaign.first, shrunk->verdict.oracle, shrunk->after,
           shrunk->before, shrunk->runs, shrunk->verdict.words,
           repeat_text(sim, sim->campaign.first, shrunk->numbers, shrunk->after));
    if (!shrunk->is_whole) {
        printf("  more runs were not made; fewer faults may do\n");
    }
    return QNK_CLI_ASSERTION;
}

static int shrunk_json(const struct sim *sim, const struct qnk_shrunk *shrunk)
{
    json_t *numbers = json_array();
    json_t *json;

    for (uint32_t i = 0; i < shrunk->after; i++) {
        json_array_append_new(numbers, json_integer(shrunk->numbers[i]));
    }
    json = json_pack(
        "{s:I, s:b, s:s, s:i, s:i, s:b, s:s, s:o}", "seed", (json_int_t)sim->campaign.first, "good",
        shrunk->verdict.is_good, "violated", shrunk->verdict.oracle, "faults_before",
        (int)shrunk->before, "runs", (int)shrunk->runs, "smallest", shrunk->is_whole, "repeat",
        repeat_text(sim, sim->campaign.first, shrunk->numbers, shrunk->after), "only", numbers);
    qnk_json_print(json);
    json_decref(json);
    return shrunk->verdict.is_good ? QNK_CLI_OK : QNK_CLI_ASSERTION;
}

int qnk_run_sim_shrink(struct qnk_call *call)
{
    struct sim sim = {.call = call};
    struct qnk_shrunk shrunk;
    bool is_shown = isatty(STDERR_FILENO) && !call->quiet;
    int result;

    if (!seed_read(call->operands[0], &sim.campaign)) {
        return usage("a seed is a number", call->operands[0]);
    }
    result = seeds_open(&sim);
    if (result == QNK_CLI_OK) {
        if (qnk_shrink(&sim.campaign, sim.campaign.first, is_shown ? shrink_ran : NULL, NULL,
                       &shrunk) != QN_OK) {
            fprintf(stderr, "qnet: no process can be made: %s\n", strerror(errno));
            result = QNK_CLI_FAILED;
        } else {
            fprintf(stderr, "%s", is_shown ? "\r                              \r" : "");
            result = (call->json ? shrunk_json : shrunk_print)(&sim, &shrunk);
        }
    }
    sim_close(&sim);
    return result;
}

/* --- traces --- */

static void event_told(void *ctx, uint64_t at_us, uint32_t node, const struct qnk_event *event)
{
    char text[QNK_EVENT_TEXT];

    qnk_event_text(event, text);
    fprintf(ctx, "%llu.%06llu v%u %s\n", (unsigned long long)(at_us / 1000000),
            (unsigned long long)(at_us % 1000000), node + 1, text);
}

static void event_told_json(void *ctx, uint64_t at_us, uint32_t node, const struct qnk_event *event)
{
    char text[QNK_EVENT_TEXT], who[16];

    (void)ctx;
    qnk_event_text(event, text);
    snprintf(who, sizeof who, "v%u", node + 1);
    line_json(at_us, who, "event", text);
}

/* Runs a seed in this process and writes each event of it as a line; NULL: as JSON, for all. */
static void trace_write(const struct sim *sim, uint64_t seed, FILE *out,
                        struct qnk_verdict *verdict)
{
    const struct qnk_teller teller = {.ctx = out,
                                      .event = out == NULL ? event_told_json : event_told};

    qnk_campaign_seed(&sim->campaign, seed, &teller, verdict);
}

/* The lines of one side of a comparison: of a seed, which is run, or of a file. NULL: no file. */
static FILE *side_open(const struct sim *sim, const char *what)
{
    struct qnk_verdict verdict;
    uint64_t seed, last;
    FILE *file;

    if (!range_read(what, &seed, &last) || seed != last) {
        file = fopen(what, "r");
        if (file == NULL) {
            fprintf(stderr, "qnet: '%s' is neither a seed nor a trace: %s\n", what,
                    strerror(errno));
        } else if (ungetc(getc(file), file) == EOF) {
            fprintf(stderr, "qnet: '%s' is no trace: %s\n", what,
                    ferror(file) ? strerror(errno) : "it is empty");
            (void)fclose(file);
            return NULL;
        }
        return file;
    }
    file = tmpfile();
    if (file == NULL) {
        fprintf(stderr, "qnet: no temporary file: %s\n", strerror(errno));
        return NULL;
    }
    trace_write(sim, seed, file, &verdict);
    rewind(file);
    return file;
}

/* One line without its end; "" after the last. */
static bool line_read(FILE *from, char line[LINE])
{
    bool is_there = fgets(line, LINE, from) != NULL;

    line[is_there ? strcspn(line, "\n") : 0] = 0;
    return is_there;
}

static int difference_print(const struct qnk_call *call, uint64_t number, char before[][LINE],
                            const char *left, const char *right)
{
    if (call->json) {
        json_t *json = json_pack("{s:b, s:I, s:s, s:s}", "equal", 0, "event", (json_int_t)number,
                                 "a", left, "b", right);

        qnk_json_print(json);
        json_decref(json);
        return QNK_CLI_ASSERTION;
    }
    printf("event %llu differs\n", (unsigned long long)number);
    for (uint64_t i = number > CONTEXT ? number - CONTEXT : 1; i < number; i++) {
        printf("  %s\n", before[i % CONTEXT]);
    }
    printf("a %s\nb %s\n", *left == 0 ? "(ends)" : left, *right == 0 ? "(ends)" : right);
    return QNK_CLI_ASSERTION;
}

static int sides_compare(const struct qnk_call *call, FILE *a, FILE *b)
{
    char before[CONTEXT][LINE], left[LINE], right[LINE];
    uint64_t number = 0;

    for (;;) {
        bool has_left = line_read(a, left), has_right = line_read(b, right);

        number++;
        if (has_left != has_right || strcmp(left, right) != 0) {
            return difference_print(call, number, before, left, right);
        }
        if (!has_left) {
            break;
        }
        memcpy(before[number % CONTEXT], left, LINE);
    }
    if (call->json) {
        json_t *json = json_pack("{s:b, s:I}", "equal", 1, "events", (json_int_t)number - 1);

        qnk_json_print(json);
        json_decref(json);
    } else {
        printf("%llu events, all equal\n", (unsigned long long)number - 1);
    }
    return QNK_CLI_OK;
}

int qnk_run_sim_diff(struct qnk_call *call)
{
    struct sim sim = {.call = call};
    int result = sim_open(&sim);
    FILE *a, *b = NULL;

    if (result == QNK_CLI_OK) {
        a = side_open(&sim, call->operands[0]);
        b = a == NULL ? NULL : side_open(&sim, call->operands[1]);
        result = b == NULL ? QNK_CLI_FAILED : sides_compare(call, a, b);
        if (a != NULL) {
            (void)fclose(a);
        }
        if (b != NULL) {
            (void)fclose(b);
        }
    }
    sim_close(&sim);
    return result;
}

int qnk_run_sim_trace(struct qnk_call *call)
{
    struct sim sim = {.call = call};
    struct qnk_verdict verdict;
    int result;

    if (!seed_read(call->operands[0], &sim.campaign)) {
        return usage("a seed is a number", call->operands[0]);
    }
    result = seeds_open(&sim);
    if (result == QNK_CLI_OK) {
        lines_flush();
        trace_write(&sim, sim.campaign.first, call->json ? NULL : stdout, &verdict);
    }
    sim_close(&sim);
    return result;
}
