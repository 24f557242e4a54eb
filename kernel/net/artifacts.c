/* SPDX-License-Identifier: MIT */

#include "kernel/net/artifacts.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kernel/base/hex.h"
#include "kernel/base/text.h"
#include "kernel/net/escape.h"

enum { RUNS_A_SECOND_MAX = 999 };

static bool say(const char *what, const char *path)
{
    fprintf(stderr, "qnet: cannot %s '%s': %s\n", what, path, strerror(errno));
    return false;
}

static bool folder_make(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST || say("make", path);
}

/* A folder that nobody else has, also of two that begin in one second; names are in order. */
static bool own_folder_make(struct qnk_artifacts *to, const char *runs)
{
    char text[24];
    time_t now = time(NULL);
    struct tm tm;

    (void)localtime_r(&now, &tm);
    (void)strftime(text, sizeof text, "%Y%m%d-%H%M%S", &tm);
    for (uint32_t i = 1; i <= RUNS_A_SECOND_MAX; i++) {
        qnk_text(to->id, sizeof to->id, "%s-%03u", text, i);
        qnk_text(to->folder, sizeof to->folder, "%s/%s", runs, to->id);
        if (mkdir(to->folder, 0755) == 0) {
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return say("make", to->folder);
}

bool qnk_artifacts_make(struct qnk_artifacts *to, const char *runs, const struct qnk_spec *spec)
{
    char path[QNK_ARTIFACT_PATH];

    if (strlen(runs) + 64 > sizeof to->folder) {
        fprintf(stderr, "qnet: '%s' is too long\n", runs);
        return false;
    }
    if (!folder_make(runs) || !own_folder_make(to, runs)) {
        return false;
    }
    qnk_text(path, sizeof path, "%s/nodes", to->folder);
    if (!folder_make(path)) {
        return false;
    }
    for (uint32_t i = 0; i < spec->nodes_count; i++) {
        qnk_text(path, sizeof path, "%s/nodes/%s", to->folder, spec->nodes[i].name);
        if (!folder_make(path)) {
            return false;
        }
    }
    return true;
}

/* The link `name` beside the run's folder. */
static void link_path(const struct qnk_artifacts *to, const char *name,
                      char path[QNK_ARTIFACT_PATH])
{
    uint64_t size = strlen(to->folder) - strlen(to->id);

    qnk_text(path, QNK_ARTIFACT_PATH, "%.*s%s", (int)size, to->folder, name);
}

bool qnk_artifacts_link(const struct qnk_artifacts *to, const char *name)
{
    char path[QNK_ARTIFACT_PATH], part[QNK_ARTIFACT_PATH];

    link_path(to, name, path);
    qnk_text(part, sizeof part, "%s/.%s", to->folder, name);
    if (symlink(to->id, part) != 0 || rename(part, path) != 0) {
        (void)say("make", path);
        (void)unlink(part);
        return false;
    }
    return true;
}

void qnk_artifacts_unlink(const struct qnk_artifacts *to, const char *name)
{
    char path[QNK_ARTIFACT_PATH], target[sizeof to->id + 1];
    ssize_t size;

    link_path(to, name, path);
    size = readlink(path, target, sizeof target);
    if (size == (ssize_t)strlen(to->id) && strncmp(target, to->id, (size_t)size) == 0) {
        (void)unlink(path);
    }
}

FILE *qnk_artifact_open(const struct qnk_artifacts *to, const char *name)
{
    char path[QNK_ARTIFACT_PATH];
    FILE *file;

    qnk_text(path, sizeof path, "%s/%s", to->folder, name);
    file = fopen(path, "w");
    if (file == NULL) {
        (void)say("make", path);
    }
    return file;
}

bool qnk_artifact_close(const struct qnk_artifacts *to, const char *name, FILE *file)
{
    char path[QNK_ARTIFACT_PATH];
    bool is_good = file != NULL && ferror(file) == 0;

    if (file == NULL) {
        return false; /* which was said when it was opened */
    }
    if (fclose(file) == 0 && is_good) {
        return true;
    }
    qnk_text(path, sizeof path, "%s/%s", to->folder, name);
    return say("write", path);
}

/* --- files --- */

typedef void put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                 const struct qnk_verdicts *verdicts);

static void spec_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                     const struct qnk_verdicts *verdicts)
{
    const struct qn_span text = story->spec->source.bytes;

    (void)verdicts;
    fprintf(out, "# run %s with seed %llu, provider %s%s%s\n", to->id,
            (unsigned long long)story->seed, qnk_provider_names[story->spec->provider],
            story->variant == NULL ? "" : ", variant ",
            story->variant == NULL ? "" : story->variant->name);
    (void)fwrite(text.data, 1, text.size, out);
}

static void seconds_put(FILE *out, uint64_t us, char end)
{
    if (us != 0) {
        fprintf(out, "%llu.%06llu", (unsigned long long)(us / 1000000),
                (unsigned long long)(us % 1000000));
    }
    (void)fputc(end, out);
}

static void load_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                     const struct qnk_verdicts *verdicts)
{
    (void)to;
    (void)verdicts;
    fprintf(out, "id,node,submit_s,accept_s,micro_s,final_s,height,finals\n");
    for (uint32_t i = 0; i < story->txs_count; i++) {
        const struct qnk_story_tx *tx = &story->txs[i];
        char hex[QNK_HEX_SIZE(QN_HASH_SIZE)];

        qnk_hex_encode(tx->id.bytes, QN_HASH_SIZE, hex);
        fprintf(out, "%s,%s,", hex, story->spec->nodes[tx->node].name);
        seconds_put(out, tx->submit_us, ',');
        seconds_put(out, tx->accept_us, ',');
        seconds_put(out, tx->micro_us, ',');
        seconds_put(out, tx->final_us, ',');
        fprintf(out, "%u,%u\n", tx->height, tx->finals);
    }
}

static void samples_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                        const struct qnk_verdicts *verdicts)
{
    (void)to;
    (void)verdicts;
    fprintf(out, "at_ms,node,on");
    for (uint32_t gauge = 0; gauge < QNK_GAUGES; gauge++) {
        fprintf(out, ",%s", qnk_gauges[gauge].name);
    }
    fprintf(out, "\n");
    for (uint32_t node = 0; node < story->spec->nodes_count; node++) {
        const struct qnk_story_node *it = &story->nodes[node];

        for (uint32_t i = 0; i < it->samples_count; i++) {
            fprintf(out, "%u,%s,%d", it->samples[i].at_ms, story->spec->nodes[node].name,
                    it->samples[i].is_on);
            for (uint32_t gauge = 0; gauge < QNK_GAUGES; gauge++) {
                fprintf(out, ",%g", qnk_sample_value(&it->samples[i], (enum qnk_gauge)gauge));
            }
            fprintf(out, "\n");
        }
    }
}

static void asserts_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                        const struct qnk_verdicts *verdicts)
{
    (void)to;
    (void)story;
    fprintf(out, "{\"failed\":%u,\"asserts\":[", verdicts->failed);
    for (uint32_t i = 0; i < verdicts->count; i++) {
        const struct qnk_result *it = &verdicts->results[i];

        fprintf(out, "%s\n  {\"id\":", i == 0 ? "" : ",");
        qnk_json_put(out, it->id);
        fprintf(out, ",\"good\":%s,\"text\":", it->is_good ? "true" : "false");
        qnk_json_put(out, it->text);
        fprintf(out, ",\"words\":");
        qnk_json_put(out, it->words);
        fprintf(out, "}");
    }
    fprintf(out, "\n]}\n");
}

static void junit_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                      const struct qnk_verdicts *verdicts)
{
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"%s\" id=\"%s\" tests=\"%u\" failures=\"%u\" time=\"%.3f\">\n",
            story->spec->name, to->id, verdicts->count, verdicts->failed,
            (double)story->real_ms / 1000);
    for (uint32_t i = 0; i < verdicts->count; i++) {
        const struct qnk_result *it = &verdicts->results[i];

        fprintf(out, "  <testcase classname=\"%s\" name=\"", story->spec->name);
        qnk_xml_put(out, it->id);
        fprintf(out, "\">");
        if (!it->is_good) {
            fprintf(out, "<failure message=\"");
            qnk_xml_put(out, it->words);
            fprintf(out, "\">");
            qnk_xml_put(out, it->text);
            fprintf(out, "</failure>");
        }
        fprintf(out, "</testcase>\n");
    }
    fprintf(out, "</testsuite>\n");
}

/* "model name : X" of /proc/cpuinfo. */
void qnk_artifacts_cpu(char text[QNK_ARTIFACT_CPU])
{
    FILE *in = fopen("/proc/cpuinfo", "r");
    char line[256];

    qnk_text(text, QNK_ARTIFACT_CPU, "unknown");
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = 0;
            qnk_text(text, QNK_ARTIFACT_CPU, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
            break;
        }
    }
    if (in != NULL) {
        (void)fclose(in);
    }
}

void qnk_artifacts_spec_hash(const struct qnk_spec *spec, struct qnk_hash *hash)
{
    struct qnk_sha256 sha;

    qnk_sha256_init(&sha);
    qnk_sha256_add(&sha, spec->source.bytes.data, spec->source.bytes.size);
    qnk_sha256_done(&sha, hash->bytes);
}

static void env_put(FILE *out, const struct qnk_artifacts *to, const struct qnk_story *story,
                    const struct qnk_verdicts *verdicts)
{
    struct qnk_hash hash;
    char cpu[QNK_ARTIFACT_CPU], hex[QNK_HEX_SIZE(QN_HASH_SIZE)];
    struct utsname system = {.sysname = ""};

    (void)verdicts;
    qnk_artifacts_cpu(cpu);
    (void)uname(&system);
    qnk_artifacts_spec_hash(story->spec, &hash);
    qnk_hex_encode(hash.bytes, QN_HASH_SIZE, hex);
    fprintf(out, "{\n  \"cpu\":");
    qnk_json_put(out, cpu);
    fprintf(out, ",\n  \"cores\":%ld,\n  \"kernel\":", sysconf(_SC_NPROCESSORS_ONLN));
    qnk_json_put(out, system.release);
    fprintf(out, ",\n  \"version\":");
    qnk_json_put(out, to->version);
    fprintf(out, ",\n  \"compiler\":");
    qnk_json_put(out, to->compiler);
    fprintf(out, ",\n  \"command\":");
    qnk_json_put(out, to->command);
    fprintf(out, ",\n  \"spec_sha256\":\"%s\",\n  \"seed\":%llu,\n  \"provider\":\"%s\"\n}\n", hex,
            (unsigned long long)story->seed, qnk_provider_names[story->spec->provider]);
}

bool qnk_artifacts_write(const struct qnk_artifacts *to, const struct qnk_story *story,
                         const struct qnk_verdicts *verdicts)
{
    static const struct {
        const char *name;
        put *put;
    } files[] = {
        {"spec.yaml", spec_put},       {"load.csv", load_put},   {"samples.csv", samples_put},
        {"asserts.json", asserts_put}, {"junit.xml", junit_put}, {"env.json", env_put},
    };
    bool is_done = true;

    for (uint32_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *out = qnk_artifact_open(to, files[i].name);

        if (out == NULL) {
            return false;
        }
        files[i].put(out, to, story, verdicts);
        is_done = qnk_artifact_close(to, files[i].name, out) && is_done;
    }
    return is_done;
}
