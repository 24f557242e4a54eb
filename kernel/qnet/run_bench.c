/* SPDX-License-Identifier: MIT */

/* run_bench.c: `qnet bench`: which benches run, and what else there is to say of the machine. */

#define _DEFAULT_SOURCE /* getloadavg */

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sodium.h>

#include "kernel/base/hex.h"
#include "kernel/host/kit.h"
#include "kernel/qnet/bench_bed.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"

enum { SECONDS_MAX = 600, CALIBRATION = 500 };

static const struct {
    const char *name;
    const char *summary;
    const char *baseline;
    bool (*run)(struct qnk_bench *bench);
} benches[] = {
    {"verify", "signatures through the plugin, one core", "sodium-loop", qnk_bench_verify},
    {"hash", "SHA-256 of nodes, ids and a block's root", "sodium-sha256", qnk_bench_hash},
    {"encode", "a block's transfers as they are sent", "zstd-rows", qnk_bench_encode},
    {"exec", "ledger.apply, blocks of 5000 transfers", "plain-table", qnk_bench_exec},
    {"log", "durable appends to the block log", "growing-file", qnk_bench_log},
    {"transport", "frames between two ends on this machine", "tcp-one-by-one", qnk_bench_transport},
    {"pipeline", "a whole node: bytes in, verified, executed, durable, packed", "sodium-loop",
     qnk_bench_pipeline},
};

enum { BENCHES = sizeof benches / sizeof *benches };

/* --- the machine --- */

/* Microseconds of one libsodium verification, now. */
static double calibrate(void)
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES], message[112] = {0};
    double best = 1e9;

    (void)crypto_sign_keypair(public, secret);
    (void)crypto_sign_detached(signature, NULL, message, sizeof message, secret);
    for (uint32_t i = 0; i < CALIBRATION; i++) {
        double start = qnk_bench_now(), took;

        if (crypto_sign_verify_detached(signature, message, sizeof message, public) != 0) {
            return 0;
        }
        took = qnk_bench_now() - start;
        best = took < best ? took : best;
    }
    return best * 1e6;
}

/* The processor's name; "unknown" where the system does not say. */
static const char *cpu_name(void)
{
    static char line[200];
    FILE *file = fopen("/proc/cpuinfo", "r");
    char *name = NULL;

    while (file != NULL && name == NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            name = strchr(line, ':') + 2;
            name[strcspn(name, "\n")] = 0;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return name == NULL ? "unknown" : name;
}

static double load_average(void)
{
    double load = 0;

    return getloadavg(&load, 1) == 1 ? load : 0;
}

static const char *file_system(const char *folder)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } names[] = {{0xef53, "ext"},       {0x01021994, "tmpfs"},   {0x58465342, "xfs"},
                 {0x9123683e, "btrfs"}, {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"},
                 {0xf2f52010, "f2fs"}};
    struct statfs status;

    for (uint32_t i = 0; statfs(folder, &status) == 0 && i < sizeof names / sizeof *names; i++) {
        if ((unsigned long)status.f_type == names[i].magic) {
            return names[i].name;
        }
    }
    return "other";
}

static json_t *plugins_json(const struct qnk_bench_bed *bed)
{
    json_t *list = json_array();

    for (uint32_t kind = 0; bed != NULL && kind < QNK_HOST_KINDS; kind++) {
        const struct qnk_config_plugin *used = qnk_kit_used(&bed->config, (enum qnk_host_kind)kind);
        char hash[QNK_HEX_SIZE(QN_HASH_SIZE)], why[QNK_PLUGIN_WHY_MAX];
        struct qnk_plugin *plugin;

        if (used != NULL && qnk_loader_find_used(bed->loader, used, &plugin, why) == QN_OK) {
            qnk_hex_encode(plugin->hash.bytes, QN_HASH_SIZE, hash);
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "kind", used->kind,
                                                  "name", used->name, "version",
                                                  plugin->manifest.version_text, "code", hash));
        }
    }
    return list;
}

struct machine {
    double calibration_us;
    double load; /* before anything was measured */
    const char *cpu;
};

static json_t *machine_json(const struct machine *machine, const struct qnk_bench *bench)
{
    struct utsname system = {0};

    (void)uname(&system);
    return json_pack("{s:i, s:s, s:f, s:f, s:s, s:s, s:s, s:s, s:b, s:f, s:i, s:o}", "cores",
                     (int)qnk_bench_cores(), "cpu", machine->cpu, "calibration_us",
                     machine->calibration_us, "load", machine->load, "kernel", system.release,
                     "filesystem", bench->bed == NULL ? "none" : file_system(bench->bed->folder),
                     "compiler", __VERSION__, "program", PACKAGE_VERSION, "is_busy",
                     machine->load > 0.5, "seconds", bench->seconds, "runs_wanted",
                     (int)bench->runs, "plugins", plugins_json(bench->bed));
}

/* --- the call --- */

static int list_print(const struct qnk_call *call)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < BENCHES; i++) {
        if (call->json) {
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s}", "bench", benches[i].name, "measures",
                                            benches[i].summary, "baseline", benches[i].baseline));
        } else {
            printf("%-10s %-60s against %s\n", benches[i].name, benches[i].summary,
                   benches[i].baseline);
        }
    }
    if (call->json) {
        qnk_json_print(list);
    }
    json_decref(list);
    return QNK_CLI_OK;
}

static bool is_known(const char *name)
{
    for (uint32_t i = 0; i < BENCHES; i++) {
        if (strcmp(benches[i].name, name) == 0) {
            return true;
        }
    }
    fprintf(stderr, "qnet: there is no bench '%s'; qnet bench --list shows them\n", name);
    return false;
}

static bool is_wanted(const struct qnk_call *call, const char *name)
{
    for (uint32_t i = 0; i < call->operands_count; i++) {
        if (strcmp(call->operands[i], name) == 0) {
            return true;
        }
    }
    return call->operands_count == 0;
}

static bool options_are_good(const struct qnk_call *call, struct qnk_bench *bench)
{
    uint64_t seconds = qnk_call_number(call, "seconds"), runs = qnk_call_number(call, "runs");

    if (seconds > SECONDS_MAX || runs < 1 || runs > QNK_BENCH_RUNS_MAX) {
        fprintf(stderr, "qnet: --seconds is 0 to %d (0: checks alone), --runs 1 to %d\n",
                SECONDS_MAX, QNK_BENCH_RUNS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < call->operands_count; i++) {
        if (!is_known(call->operands[i])) {
            return false;
        }
    }
    bench->seconds = (double)seconds;
    bench->runs = (uint32_t)runs;
    return true;
}

/* Runs what is wanted; rows are printed as they come. Gives the exit code. */
static int run_all(const struct qnk_call *call, struct qnk_bench *bench, json_t *results)
{
    int code = QNK_CLI_OK;

    for (uint32_t i = 0; i < BENCHES; i++) {
        if (!is_wanted(call, benches[i].name)) {
            continue;
        }
        bench->rows_count = 0;
        bench->why[0] = 0;

        bool is_good = benches[i].run(bench);

        for (uint32_t j = 0; j < bench->rows_count; j++) {
            struct qnk_bench_row *row = &bench->rows[j];

            if (is_good && call->json) {
                json_array_append_new(results, qnk_bench_row_json(row));
            } else if (is_good) {
                qnk_bench_row_print(row);
            }
            json_decref(row->more);
        }
        (void)fflush(stdout);
        if (!is_good) {
            fprintf(stderr, "qnet: bench %s: %s\n", benches[i].name, bench->why);
            code = QNK_CLI_ASSERTION;
        }
    }
    return code;
}

int qnk_run_bench(struct qnk_call *call)
{
    struct qnk_bench bench = {0};
    struct machine machine = {.load = load_average(), .cpu = cpu_name()};
    json_t *results;
    int code;

    if (qnk_call_flag(call, "list")) {
        return list_print(call);
    }
    if (!options_are_good(call, &bench) || sodium_init() < 0) {
        return QNK_CLI_USAGE;
    }
    bench.rows = qnk_memory_take(&qnk_bench_budget, QNK_BENCH_ROWS_MAX * sizeof *bench.rows);
    if (bench.rows == NULL) {
        fprintf(stderr, "qnet: there is no memory\n");
        return QNK_CLI_FAILED;
    }
    machine.calibration_us = calibrate();
    if (!call->json) {
        printf("%u cores of %s, libsodium verifies in %.1f us at best, load average %.1f%s\n",
               qnk_bench_cores(), machine.cpu, machine.calibration_us, machine.load,
               machine.load > 0.5 ? ": this machine does other things, so look at ratios" : "");
    }
    results = json_array();
    code = run_all(call, &bench, results);
    if (call->json) {
        json_t *answer = machine_json(&machine, &bench);

        json_object_set(answer, "results", results);
        qnk_json_print(answer);
        json_decref(answer);
    }
    json_decref(results);
    qnk_bench_bed_destroy(bench.bed);
    qnk_memory_give(&qnk_bench_budget, bench.rows, QNK_BENCH_ROWS_MAX * sizeof *bench.rows);
    return code;
}
